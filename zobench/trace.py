"""What a run is identified by, and what it leaves: the run key and the trace."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MESSAGES", "TARGETS", "RunKey", "Trace", "checkpoints", "weights_name"]

#: The targets of every run: f - f_star <= target * (f(x0) - f_star), five a decade down to 1e-8.
TARGETS = tuple(float(f"{10 ** (-j / 5):.6g}") for j in range(1, 41))


#: Why a run ended, in words.
MESSAGES = {
    "budget": "The budget of queries was spent.",
    "finished": "The solver ended the run.",
    "failed": "The objective raised an exception.",
    "stopped": "The callback asked to stop.",
    "": "The run goes on.",
}
#: Added where no answer was below infinity.
NOWHERE = "  No answer was a finite number."


@lru_cache(maxsize=64)
def checkpoints(budget: int, count: int = 64) -> NDArray[np.int64]:
    """Give up to `count` whole numbers, log-spaced from 1 to `budget`.

    Parameters
    ----------
    budget : int
    count : int
        The most that are given.

    Returns
    -------
    vector of int

    Examples
    --------
    >>> checkpoints(5).tolist()
    [1, 2, 3, 4, 5]
    """
    marks = np.rint(np.geomspace(1, budget, count)).astype(np.int64)
    marks = marks[np.append(True, marks[1:] > marks[:-1])]  # `np.unique` loads a package of its own
    marks.flags.writeable = False
    return marks


class _Named:
    """Room for a key's digest outside its fields, for it is asked for again and again."""

    __slots__ = ("_digest",)
    _digest: str


@lru_cache(maxsize=64)
def targets(count: int) -> NDArray[np.float64]:
    """Give the first `count` targets; the same array every time, so that many traces are written once."""
    found = np.array(TARGETS[:count])
    found.flags.writeable = False
    return found


@dataclass(frozen=True)
class RunKey(_Named):
    """Everything a run is determined by.

    Attributes
    ----------
    problem : str
    dim : int
    instance_seed : int
    problem_parameters : tuple of (str, value)
    solver : str
    solver_parameters : tuple of (str, value)
        As chosen, before the problem's constants and the horizon are filled in.
    budget : int
    seed : int
    noise : str
        What the oracle answers with besides the value (`zobench.noise.Noise.text`); empty for nothing.
    observed : bool
        Whether the quantities of `Trace.means` are accumulated; it changes no iterate.
    version : str
        Of the recorded numbers: it changes when the same key would give other bits.
    weights : str
        Digest of the step weights of an observed run (`weights_name`); empty where all steps weigh the same.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> key = key_of("quadratic", "s2p", budget=100)
    >>> len(key.digest()), key.solver
    (32, 's2p')
    """

    problem: str
    dim: int
    instance_seed: int
    problem_parameters: tuple[tuple[str, Any], ...]
    solver: str
    solver_parameters: tuple[tuple[str, Any], ...]
    budget: int
    seed: int
    noise: str = ""
    observed: bool = False
    version: str = "1"
    weights: str = ""

    def text(self) -> str:
        """Write the key as canonical JSON, without weights where there are none.

        Returns
        -------
        str
        """
        kept = {name: value for name, value in self.__dict__.items() if name != "weights" or value}
        return _JSON.encode(kept)

    def digest(self) -> str:
        """Hash the key: the run's name in a store.

        Returns
        -------
        str
            32 hexadecimal digits of SHA-256.
        """
        try:
            return self._digest
        except AttributeError:
            made = hashlib.sha256(self.text().encode()).hexdigest()[:32]
            object.__setattr__(self, "_digest", made)
            return made

    def __getstate__(self) -> dict[str, Any]:
        """Give the fields alone."""
        return self.__dict__

    def stream_key(self) -> str:
        """Name the run's random streams: the key without solver, its parameters, budget, noise, observation.

        Solvers on one (problem, instance, seed) therefore meet the same noise and, with the same direction
        law, the same directions (common random numbers: paired comparisons need fewer seeds), and a longer
        run begins with the shorter one.  With noise and without, or with more of it, the directions are the
        same, and the noise is made of the same random bits.

        Returns
        -------
        str
            JSON.
        """
        kept = {
            k: v
            for k, v in self.__dict__.items()
            if k not in ("solver", "solver_parameters", "budget", "observed", "weights")
        }
        kept["noise"] = ""
        return _JSON.encode(kept)


def weights_name(weights: Any) -> str:
    """Name step weights by their bits, for a run's key.

    Parameters
    ----------
    weights : vector
        Weight of step k; zeros at its end say nothing.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> weights_name(np.ones(3)) == weights_name(np.array([1.0, 1.0, 1.0, 0.0]))
    True
    """
    trimmed = np.trim_zeros(np.asarray(weights, dtype="<f8"), "b")
    return hashlib.sha256(trimmed.tobytes()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain)


#: The fields of a trace that have a float for each checkpoint.
_ROWS = "bests", "values", "gradient_norms", "running_means"


@dataclass(frozen=True, eq=False)
class Trace:
    """The record of one run.

    Rows of the arrays are checkpoints at log-spaced query counts.

    Attributes
    ----------
    key : RunKey or None
        None for an objective that is not registered.
    status : {"budget", "finished", "failed", "stopped"}
        Whether the budget was spent, the solver's step asked nothing, the objective raised, or a callback
        asked to stop.
    message : str
        The same in words, with the exception's text.
    count : int
        Queries answered.
    gradients : int
        How many of them were answered with a gradient as well: 0 but for first-order methods.
    steps : int
        Steps completed; one that the budget cut short is undone and not counted.
    seconds : float
        Wall time of the loop.
    x : vector of size d
        The last iterate.
    start : float
        f(x0).
    value : float
        f at the last iterate.
    best : float
        Smallest noiseless value among the queries (among the checkpoints' iterates on a stochastic problem).
    reference : float or None
        What gaps are measured from: f_star, or else a certified lower bound.
    queries : int64 array
        Query count of each checkpoint.
    bests : float64 array
        Best value at exactly that count.
    values, gradient_norms : float64 arrays
        At the iterate after the step in which that count was reached; NaN where the problem has no gradient.
    running_means : float64 array
        Mean of the gradient norms over the iterates so far, when observed.
    targets : float64 array
        Relative precisions: hit when f - reference <= target * (start - reference).  Empty where nothing is
        certified to measure from, and on stochastic problems, whose noiseless values are not watched.
    hits : int64 array
        Query count of each target's first hit, exact; -1 where it was not hit.
    means, minima : mapping of str to float
        Of the quantities of `zobench.loop.QUANTITIES` over all iterates x_0 ... x_{K-1}, when observed.
    best_point : vector of size d or None
        The point of the smallest value; None unless the run was to keep it.
    parameters : NamedTuple or None
        The solver's, as settled for the run.

    Examples
    --------
    >>> import zobench
    >>> trace = zobench.run("quadratic", "s2p", budget=100)
    >>> trace.count, trace.status, int(trace.queries[-1])
    (100, 'budget', 100)
    """

    key: RunKey | None
    status: str
    message: str
    count: int
    steps: int
    seconds: float
    x: NDArray[np.float64]
    start: float
    value: float
    best: float
    reference: float | None
    queries: NDArray[np.int64]
    bests: NDArray[np.float64]
    values: NDArray[np.float64]
    gradient_norms: NDArray[np.float64]
    running_means: NDArray[np.float64]
    targets: NDArray[np.float64]
    hits: NDArray[np.int64]
    means: Mapping[str, float] = field(default_factory=dict)
    minima: Mapping[str, float] = field(default_factory=dict)
    best_point: NDArray[np.float64] | None = None
    parameters: Any = None
    gradients: int = 0

    def __getstate__(self) -> dict[str, Any]:
        """Give the fields, those of the checkpoints as one array: a worker sends many of these."""
        state = dict(self.__dict__)
        state["rows"] = np.array([state.pop(name) for name in _ROWS])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take fields back."""
        rows = state.pop("rows")
        self.__dict__.update(state)
        self.__dict__.update(zip(_ROWS, rows, strict=True))

    @property
    def unused(self) -> int:
        """Queries of the budget that the run left."""
        return 0 if self.key is None else self.key.budget - self.count
