"""A real run with every query kept: the compiled step over the counted oracle, recorded where f is entered.

Nothing is computed again.  The addresses that the oracle enters are replaced by functions that enter the same
addresses and keep point and answer; the solver's machine code, the oracle and the streams are those of
`zobench.run`, and so are the bits.
"""

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.driver import Run
from zobench.errors import ZobenchError
from zobench.execute import key_of
from zobench.foreign.own_loop import OwnLoopRun
from zobench.instance import Instance
from zobench.objective import Objective, objective_of
from zobench.solver import Setting, Solver
from zobench.trace import RunKey

__all__ = ["Query", "Step", "Walk", "begin", "probe"]

Floats = NDArray[np.float64]


@dataclass
class Query:
    """One query: where it was asked, f there, and what the solver was answered.

    Attributes
    ----------
    x : vector of size d
    value : float
        Of f; on a stochastic problem the sample.
    answer : float
        With the noise, where there is some.

    Examples
    --------
    >>> import zobench
    >>> from zobench.solver import solver
    >>> noisy = zobench.problem("quadratic", dim=2, noise="gaussian", noise_level=0.1)
    >>> asked = Walk(noisy, solver("s2p"), {}, budget=10, seed=0).until(1)[0].queries[0]
    >>> asked.value == noisy.value(asked.x), asked.answer == asked.value
    (True, False)
    """

    x: Floats
    value: float
    answer: float


@dataclass
class Step:
    """One step of a run.

    Attributes
    ----------
    number : int
        k of x_k before the step; -1 for what was asked before step 0, and for a step cut by the budget.
    kind : {"start", "step", "cut"}
    queries : list of Query
    x : vector of size d
        The iterate after it.
    count : int
        Queries answered so far.
    value, gradient_norm : float
        f and |grad f| at `x`, off the record; NaN where the problem has no gradient.
    best : float
        As the oracle's record has it.

    Examples
    --------
    A budget of five pays for two steps of two queries, and for half of the third:

    >>> import zobench
    >>> from zobench.solver import solver
    >>> walk = Walk(zobench.problem("quadratic", dim=2), solver("s2p"), {}, budget=5, seed=0)
    >>> [(step.number, step.kind, len(step.queries), step.count) for step in walk]
    [(0, 'step', 2, 2), (1, 'step', 2, 4), (-1, 'cut', 1, 5)]
    >>> bool((walk.steps[0].queries[walk.steps[0].taken].x == walk.steps[0].x).all())
    True
    """

    number: int
    kind: str
    queries: list[Query]
    x: Floats
    count: int
    value: float
    gradient_norm: float
    best: float

    @property
    def taken(self) -> int:
        """Which query's point became the iterate, bit by bit; -1 if none did."""
        for place, asked in enumerate(self.queries):
            if np.array_equal(asked.x, self.x):
                return place
        return -1

    @property
    def direction(self) -> Floats | None:
        """The unit vector between the first two points asked; None where there are no two."""
        if len(self.queries) < 2:
            return None
        difference = self.queries[0].x - self.queries[1].x
        size = float(np.sqrt(np.sum(difference**2)))
        return difference / size if np.isfinite(size) and size > 0.0 else None


_VALUE = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_int64] * 3)
_SAMPLE = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_int64] * 4)
_NOISE = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_int64, ctypes.c_int64)


def _address(callback: Any) -> int:
    found = ctypes.cast(callback, ctypes.c_void_p).value
    assert found is not None
    return found


def _listen(objective: Objective, dim: int, kept: list[Query]) -> None:
    """Put recording functions before those that the oracle enters."""
    vector = ctypes.c_double * dim
    value, sample = _VALUE(objective.address), _SAMPLE(objective.sample_address or 0)

    def keep(address: int, answer: float) -> float:
        kept.append(Query(np.array(vector.from_address(address)), answer, answer))
        return answer

    callbacks: list[Any] = []
    if objective.sample_address:
        callbacks.append(_SAMPLE(lambda x, d, data, key: keep(x, sample(x, d, data, key))))
        objective.sample_address = _address(callbacks[-1])
    else:
        callbacks.append(_VALUE(lambda x, d, data: keep(x, value(x, d, data))))
        objective.address = _address(callbacks[-1])
    objective.keep += callbacks


def _listen_to_noise(run: Run, kept: list[Query]) -> None:
    inner = int(run.oracle["noise_address"][0])
    if not inner:
        return
    noise = _NOISE(inner)

    def answered(value: float, key: int, parameters: int) -> float:
        kept[-1].answer = noise(value, key, parameters)
        return kept[-1].answer

    callback = _NOISE(answered)
    run.oracle["noise_address"] = _address(callback)
    run.objective.keep.append(callback)


def begin(
    instance: Instance, solver: Solver, key: RunKey, kept: list[Query] | None = None
) -> Run | OwnLoopRun:
    """Lay out the run that a key names; with `kept` its queries go there.

    Parameters
    ----------
    instance : Instance
    solver : Solver
    key : RunKey
        Of a run of this solver on this instance.
    kept : list of Query, optional
        Every query is appended to it.

    Returns
    -------
    Run or OwnLoopRun

    Examples
    --------
    >>> import zobench
    >>> from zobench.execute import key_of
    >>> from zobench.solver import solver
    >>> quadratic, kept = zobench.problem("quadratic", dim=2), []
    >>> going = begin(quadratic, solver("s2p"), key_of(quadratic, "s2p", budget=10), kept)
    >>> going.advance(steps=2), len(kept), kept[0].value == quadratic.value(kept[0].x)
    (True, 4, True)
    """
    objective = objective_of(instance, instance.dim)
    if kept is not None:
        _listen(objective, instance.dim, kept)
    going = solver.begin(
        objective,
        Setting(instance.dim, key.budget, instance.certificates, instance.varies, instance.manifold),
        dict(key.solver_parameters),
        instance.x0,
        stream_key=key.stream_key(),
    )
    if kept is not None:
        _listen_to_noise(going, kept)
    return going


def probe(instance: Instance, solver: Solver, key: RunKey, most: int = 300) -> tuple[Any, Floats]:
    """Do the run once without keeping queries; give its trace and about `most` iterates, evenly spaced.

    Parameters
    ----------
    instance : Instance
    solver : Solver
    key : RunKey
        Of a run of this solver on this instance.
    most : int

    Returns
    -------
    Trace, array of shape (n, d)
        The first of the iterates is x0, the last the final one.

    Examples
    --------
    >>> import zobench
    >>> from zobench.execute import key_of
    >>> from zobench.solver import solver
    >>> quadratic = zobench.problem("quadratic", dim=2)
    >>> trace, points = probe(quadratic, solver("s2p"), key_of(quadratic, "s2p", budget=10))
    >>> trace.count, bool((points[0] == quadratic.x0).all()), bool((points[-1] == trace.x).all())
    (10, True, True)
    """
    going = begin(instance, solver, key)
    points = [np.array(instance.x0)]
    if isinstance(going, OwnLoopRun):
        going.drive(lambda: points.append(going.x.copy()))
    else:
        cost = max(1, int(going.watch["cost"][0]))
        while going.advance(max(1, key.budget // cost // most)):
            points.append(going.x.copy())
    points.append(going.x.copy())
    return going.trace(key), np.array(points[:: max(1, len(points) // most)] + points[-1:])


@dataclass
class Walk:
    """A run that is stepped on demand and remembers.

    Parameters
    ----------
    instance : Instance
    solver : Solver
    parameters : mapping
        As the user, or a theorem, chose them.
    budget, seed : int

    Examples
    --------
    >>> import zobench, zobench.solver
    >>> s2p = zobench.solver.solver("s2p")
    >>> walk = Walk(zobench.problem("quadratic", dim=2), s2p, {}, budget=10, seed=0)
    >>> [step.count for step in walk.until(3)]
    [2, 4, 6]
    """

    instance: Instance
    solver: Solver
    parameters: Mapping[str, Any]
    budget: int
    seed: int
    steps: list[Step] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.key = key_of(
            self.instance, self.solver, budget=self.budget, seed=self.seed, parameters=self.parameters
        )
        self._kept: list[Query] = []
        self._going = begin(self.instance, self.solver, self.key, self._kept)

    @property
    def over(self) -> str:
        """Why the run ended, as `Trace.status`; empty while it goes on."""
        return self._going.over

    @property
    def settled(self) -> Any:
        """The solver's parameters in force."""
        return self._going.parameters

    def trace(self) -> Any:
        """Give the run's record so far."""
        return self._going.trace(self.key)

    def until(self, count: int) -> list[Step]:
        """Step on until there are `count` steps or the run is over; give the first `count` of them.

        Parameters
        ----------
        count : int

        Returns
        -------
        list of Step
            Fewer where the run is over before.

        Raises
        ------
        ZobenchError
            If a package's own loop refuses to begin.
        """
        if isinstance(self._going, OwnLoopRun):
            if not self.over:
                self._whole(self._going)
        else:
            self._stepwise(count)
        return self.steps[:count]

    def _whole(self, going: OwnLoopRun) -> None:
        """Run a package's loop to its end: it cannot be paused, so it is recorded as a whole."""
        going.drive(lambda: self._take("step"))
        if self._kept:
            self._take("cut")

    def _stepwise(self, count: int) -> None:
        if not self.steps and not self.over:
            going = self._going
            going.advance(steps=0)
            if self._kept:
                self._take("start")
        while len(self.steps) < count and not self.over:
            done = int(self._going.watch["k"][0])
            self._going.advance(steps=1)
            taken = int(self._going.watch["k"][0]) > done
            if taken or self._kept:
                self._take("step" if taken else "cut")

    def _take(self, kind: str) -> None:
        x, made = self._going.x.copy(), self.instance
        norm = np.nan
        if made.problem.gradient is not None and made.foreign is None:
            with np.errstate(all="ignore"):  # of a run that diverges
                norm = float(np.sqrt(np.sum(made.gradient(x) ** 2)))
        number = int(self._going.watch["k"][0]) - 1 if kind == "step" else -1
        queries, self._kept[:] = list(self._kept), []
        self.steps.append(
            Step(
                number,
                kind,
                queries,
                x,
                int(self._going.oracle["count"][0]),
                made.value(x),
                norm,
                float(self._going.oracle["best"][0]),
            )
        )

    def __iter__(self) -> Iterator[Step]:
        """Step to the end."""
        return iter(self.until(2 * self.budget + 2))

    def check(self, trace: Any) -> None:
        """Complain if what was recorded is not the run that `zobench.run` does.

        Parameters
        ----------
        trace : Trace
            Of the same key.

        Raises
        ------
        ZobenchError
            If count or last iterate differ in a bit.
        """
        mine = self.trace()
        if mine.count != trace.count or not np.array_equal(mine.x, trace.x, equal_nan=True):
            raise ZobenchError(
                f"solver {self.solver.name!r}: the recorded run is another than the run of the same key: "
                "it must not depend on anything but its key"
            )
