"""Hidden instances: drawn from a secret, moved and turned, so that no knowledge of a problem helps.

The instance behind a run is f(Q^T (x - c)) from the start Q x0 + c; its seed, the shift c and the rotation Q
are drawn from the secret.  Distances, gaps and smoothness constants are those of the problem; a minimiser
looked up in the registry, or learnt by heart, is nowhere near.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError
from zobench.instance import Instance
from zobench.instance import problem as make_problem
from zobench.names import problem_name
from zobench.parameters import Integer, convert, parse_assignments
from zobench.registry import split_problem
from zobench.stream import digest, generator

__all__ = ["PROBLEMS", "Hidden", "hidden_runs"]

#: What a class is ranked on if nothing else is said.
PROBLEMS = (
    "quadratic:dim=8,condition=30",
    "log-cosh:dim=8",
    "cosh:dim=8",
    "rosenbrock:dim=4",
)
#: Constants that rotation and shift leave as they are, and that say nothing of where the minimiser is.
TOLD = ("L", "L0", "L1", "mu", "PL", "convex", "effective_rank", "trace")


@dataclass(frozen=True)
class Hidden:
    """One hidden run.

    Attributes
    ----------
    problem : str
        As the page calls it.
    instance : Instance
    turn : array of shape (d, d)
        Q.
    shift : vector of size d
        c.
    budget : int
    stream : str
        Key of the solver's random directions, the same for everybody.

    Examples
    --------
    A gap that is 1/100 of the one at the start scores 2:

    >>> hidden = hidden_runs(["rosenbrock:dim=2"], 1, "50 d", "a")[0]
    >>> hidden.problem, sorted(hidden.task())
    ('rosenbrock (dim 2)', ['budget', 'constants', 'stream', 'x0'])
    >>> round(hidden.digits(hidden.start_gap / 100), 6)
    2.0
    """

    problem: str
    instance: Instance
    turn: NDArray[np.float64]
    shift: NDArray[np.float64]
    budget: int
    stream: str

    @property
    def x0(self) -> NDArray[np.float64]:
        """The start as the submission sees it."""
        return np.einsum("ij,j->i", self.turn, self.instance.x0) + self.shift

    def value(self, x: NDArray[np.float64]) -> float:
        """Return f at a point as the submission sees it.

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        float
            f(Q^T (x - c)).
        """
        return self.instance.value(np.einsum("ji,j->i", self.turn, x - self.shift))

    @property
    def start_gap(self) -> float:
        """f(x0) - f_star."""
        made = self.instance
        return made.value(made.x0) - made.certificates.value("f_star")

    def task(self) -> dict[str, Any]:
        """Give what the submission is told.

        Returns
        -------
        dict
            ``x0``, ``budget``, ``stream``, and as ``constants`` those of `TOLD` that the problem certifies.
        """
        certificates = self.instance.certificates
        told = {name: certificates.value(name) for name in TOLD if name in certificates}
        return {"x0": self.x0.tolist(), "budget": self.budget, "constants": told, "stream": self.stream}

    def digits(self, best: float) -> float:
        """Give the score: how many digits of the gap at the start are gone, from 0 to 8.

        Parameters
        ----------
        best : float
            The least value that was answered.

        Returns
        -------
        float
            -log10 of (best - f_star) / (f(x0) - f_star), brought between 0 and 8; 0 if `best` is not finite.
        """
        gap = best - self.instance.certificates.value("f_star")
        if not np.isfinite(gap):
            return 0.0
        return float(np.clip(-np.log10(max(gap / self.start_gap, 1e-8)), 0.0, 8.0))


def hidden_runs(problems: Sequence[str], runs: int, budget: str, secret: str) -> list[Hidden]:
    """Draw the hidden runs of a class.

    Parameters
    ----------
    problems : sequence of str
        ``name:key=value,...``; no seed, for that is hidden.
    runs : int
        Instances a problem.
    budget : str
        Queries of a run, or a multiple of the dimension such as ``"100 d"``.
    secret : str
        The same secret gives the same runs.

    Returns
    -------
    list of Hidden
        `runs` of the first problem, then of the second, and so on.

    Raises
    ------
    ZobenchError
        If a problem is given with a seed, or has none of what a ranking needs: an f_star that is certified,
        exact values, a plain vector of at most 400 numbers; or if `budget` is no number of queries.

    Examples
    --------
    >>> first, again = (hidden_runs(["rosenbrock:dim=2"], 1, "50 d", "a")[0] for _ in range(2))
    >>> first.budget, bool((first.x0 == again.x0).all()), round(first.value(first.x0), 6)
    (100, True, 24.2)
    """
    found = []
    for text in problems:
        name, chosen = split_problem(text)
        given: dict[str, Any] = dict(parse_assignments(chosen, f"problem {name!r}"))
        if "seed" in given:
            raise ZobenchError(
                f"classroom: problem {name!r} must be given without a seed: instances are hidden"
            )
        dim = given.pop("dim", None)
        for number in range(runs):
            key = f"classroom|{secret}|{text}|{number}"
            made = make_problem(name, dim, digest(key, "instance")[0] % 2**31, **given)
            _refuse_unknown(made)
            rng = generator(key, "place")
            turn = np.linalg.qr(rng.standard_normal((made.dim, made.dim)))[0]
            size = 1.0 + float(np.sqrt(np.mean(made.x0**2)))
            shift = size * rng.standard_normal(made.dim)
            label = problem_name(name, made.dim, 0, made.parameters._asdict())
            found.append(Hidden(label, made, turn, shift, _queries(budget, made.dim), _directions(key)))
    return found


def _directions(key: str) -> str:
    """Make the key of a run's random directions: it is told, and nothing else can be made from it."""
    first, second = digest(key, "directions")
    return f"{first % 2**64:016x}{second % 2**64:016x}"


def _refuse_unknown(made: Instance) -> None:
    """Refuse problems on which nobody can be ranked fairly."""
    if "f_star" not in made.certificates:
        raise ZobenchError(
            f"classroom: problem {made.problem.name!r} must certify f_star, for scores are measured from it; "
            "choose one whose `zobench show` lists it"
        )
    if made.varies or made.noise is not None:
        raise ZobenchError(
            f"classroom: problem {made.problem.name!r} must answer exact values, and this one answers others"
        )
    if made.manifold is not None or made.dim > 400:
        raise ZobenchError(
            f"classroom: problem {made.problem.name!r} must have a plain vector of at most 400 numbers"
        )


def _queries(text: str, dim: int) -> int:
    words = text.strip()
    times = words.removesuffix("d").strip() if words.endswith("d") else ""
    if times:
        return dim * int(convert(times, Integer(1), "classroom: budget"))
    return int(convert(words, Integer(1), "classroom: budget"))
