"""A run that can be driven: oracle, solver and watch put together, the loop advanced in slices."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.aligned import aligned_zeros, lines
from zobench.certificate import Certificates
from zobench.errors import ZobenchError
from zobench.geometry.manifold import Manifold
from zobench.loop import QUANTITIES, WATCH, advance
from zobench.objective import Objective
from zobench.oracle import ORACLE
from zobench.solver import Setting, Solver
from zobench.stream import Stream, digest
from zobench.trace import MESSAGES, NOWHERE, TARGETS, RunKey, Trace, checkpoints, targets

__all__ = ["Run"]

#: A slice of the loop lasts about this long (seconds): signals are looked at between slices.
SLICE = 0.05
#: A run of at most so many numbers of workspace may be begun anew in the same memory.
REPEATED = 2**16
NEVER = np.iinfo(np.int64).max


@dataclass
class Run:
    """A run that can be driven step by step: what `run` and `minimize` do until it is over.

    Parameters
    ----------
    objective : Objective
    solver : Solver
    parameters : NamedTuple
        Settled ones.
    x0 : vector of size d
        Copied.
    budget : int
    stream_key : str
        Of the random streams.
    certificates : Certificates
        For the reference value of gaps and targets; nothing of it reaches the solver.
    rows : int
        Checkpoints.
    observe : bool
        Accumulate the quantities of `QUANTITIES` at every step.
    weights : vector or None
        With `observe`: weight of step k in the means.
    steps : int or None
        Stop after this many steps.
    keep_best : bool
        Keep the point of the best value.
    manifold : Manifold or None
        What the problem declares of its unknown, for solvers of matrices of low rank.
    assumed : tuple of str
        Constants that nobody gave and no certificate told, such as ``"L = 1"``.

    Raises
    ------
    ZobenchError
        If a first-order method meets an objective without exact gradients, if there are fewer weights than
        queries, or if the parameters make the workspace too large.

    Notes
    -----
    Memory: the solver's workspace; one vector of the harness's own, unless the solver lends it one
    (`Scratch`); one more with `keep_best`.

    Examples
    --------
    >>> import zobench
    >>> from zobench.objective import objective_of
    >>> from zobench.solver import solver
    >>> made, method = zobench.problem("quadratic", dim=4), solver("s2p")
    >>> setting = Setting(4, 20, made.certificates)
    >>> run = method.begin(objective_of(made, 4), setting, {}, made.x0, stream_key="mine")
    >>> run.advance(steps=3), int(run.watch["k"][0]), run.over
    (True, 3, '')
    >>> while run.advance():
    ...     pass
    >>> run.over, run.trace().count
    ('budget', 20)
    """

    objective: Objective
    solver: Solver
    parameters: Any
    x0: NDArray[np.float64]
    budget: int
    stream_key: str
    certificates: Certificates = field(default_factory=Certificates)
    rows: int = 64
    observe: bool = False
    weights: NDArray[np.float64] | None = None
    steps: int | None = None
    keep_best: bool = False
    manifold: Manifold | None = None
    assumed: tuple[str, ...] = ()
    _first: tuple[NDArray[Any], ...] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        dim = self.x0.size
        self.over = ""
        self._seconds = 0.0
        self._slice = 1
        with self.solver.within_limits(self.parameters):
            self._lay_out_workspace(dim)
            self._parameters = self.solver.encoded(self.parameters)
        self._lay_out_oracle(dim)
        self._lay_out_watch(dim)
        self._stream = Stream(self.stream_key, "solver")
        self._init, self._step = self.solver.kernels
        self._started = np.zeros(1, dtype=bool)
        self._places = (
            self.oracle.ctypes.data,
            self._work.ctypes.data,
            self._offsets.ctypes.data,
            self._parameters.ctypes.data,
            self._stream.address,
            self.watch.ctypes.data,
        )

    def _setting(self) -> Setting:
        return Setting(self.x0.size, self.budget, self.certificates, self.objective.varies, self.manifold)

    def _lay_out_workspace(self, dim: int) -> None:
        """Lay the workspace's fields in one block; empty pages of it cost nothing until they are touched."""
        sizes = self.solver.sizes(self.parameters, dim)
        starts = np.array([0, *accumulate(map(lines, sizes))])
        if starts[-1] > 2**56:  # where numpy raises a ValueError
            raise MemoryError(f"{float(starts[-1]):.3g} numbers")
        self._work = aligned_zeros(int(starts[-1]))
        self._work[:dim] = self.x0
        filled = self.solver.start(self.parameters, self._setting(), self.x0) if self.solver.start else {}
        for name, values in filled.items():
            place = self.solver.state._fields.index(name)  # type: ignore[attr-defined]
            begun = int(starts[place])
            self._work[begun : begun + sizes[place]] = np.ravel(values)
        self._offsets = np.array(
            [[start, size] for start, size in zip(starts[:-1], sizes, strict=True)], dtype=np.int64
        )
        self.x = self._work[:dim]

    def _lay_out_oracle(self, dim: int) -> None:
        objective, reference = self.objective, self.certificates.reference
        noise = objective.noise
        self._noise_numbers = np.array(noise.numbers if noise else [])
        self._marks = np.append(checkpoints(self.budget, self.rows), NEVER)
        self._bests = np.full(self._marks.size - 1, np.nan)
        self._start = self._value_at(self.x0)
        aims = np.array([])
        if reference is not None and np.isfinite(self._start) and objective.sample_address == 0:
            aims = reference + (self._start - reference) * np.array(TARGETS)
        self._thresholds = np.append(aims, np.nan)
        self._hits = np.full(len(TARGETS), -1, dtype=np.int64)
        self._best_point = np.array(self.x0) if self.keep_best else None
        # whoever puts a function of his own before the objective is entered once a query
        many = objective.many_address if objective.address == objective.quiet_address else 0
        if objective.sample_address:
            many = 0
        self._pair = np.empty(2 + dim if many else 0)
        self.oracle = np.zeros(1, ORACLE)
        for name, value in {
            "budget": self.budget,
            "best": np.inf,
            "best_point_address": self._best_point.ctypes.data if self._best_point is not None else 0,
            "next_mark": self._marks[0],
            "marks_address": self._marks.ctypes.data,
            "bests_address": self._bests.ctypes.data,
            "threshold": self._thresholds[0],
            "thresholds_address": self._thresholds.ctypes.data,
            "hits_address": self._hits.ctypes.data,
            "objective_address": objective.address,
            "altered": bool(objective.sample_address or noise),
            "sample_address": objective.sample_address,
            "noise_address": noise.address if noise else 0,
            "parameters_address": self._noise_numbers.ctypes.data,
            "common": noise is not None and noise.mode == "common",
            "varies": objective.varies,
            "data_address": objective.data_address,
            "dim": dim,
            "sample_key": digest(self.stream_key, "noise")[0],
            "noise_key": digest(self.stream_key, "noise")[1],
            "gradient_address": self._asked_gradient(),
            "many_address": many,
            "pair_address": self._pair.ctypes.data,
            "spare_address": self._pair[2:].ctypes.data,
        }.items():
            self.oracle[name] = value

        def close() -> None:
            self.oracle["budget"] = self.oracle["count"]

        objective.on_error = close

    def _asked_gradient(self) -> int:
        """Give the gradient's address to a solver that declares that it asks for it, and to no other."""
        objective, who = self.objective, f"solver {self.solver.name!r}"
        if not self.solver.gradients:
            return 0
        if not objective.counted_gradient_address:
            raise ZobenchError(
                f"{who} is a first-order method and the objective has no gradient: "
                "give jac, or choose a problem with a gradient"
            )
        if objective.sample_address or objective.noise:
            raise ZobenchError(f"{who} asks for exact gradients, and the objective answers samples or noise")
        return objective.counted_gradient_address

    def _lay_out_watch(self, dim: int) -> None:
        objective, rows = self.objective, self._bests.size
        self._values, self._norms, self._running = np.full((3, rows), np.nan)
        # of the iterate before a step, or of the gradient: never both at once
        spare = self._spare = self._own_vector(dim)
        self._sums, self._minima = np.zeros(len(QUANTITIES)), np.full(len(QUANTITIES), np.inf)
        self._undo = np.zeros(2 * len(QUANTITIES) + 1)
        self.watch = np.zeros(1, WATCH)
        with self.solver.within_limits(self.parameters):
            cost = np.int64(self.solver.cost(self.parameters, self._setting()))
        reference = self.certificates.reference
        for name, value in {
            "k_end": NEVER if self.steps is None else self.steps,
            "cost": cost,
            "x_address": self.x.ctypes.data,
            "spare_address": spare.ctypes.data,
            "keeps": self.solver.keeps,
            "dim": dim,
            "objective_address": objective.quiet_address,
            "gradient_address": objective.gradient_address,
            "data_address": objective.data_address,
            "values_address": self._values.ctypes.data,
            "norms_address": self._norms.ctypes.data,
            "running_address": self._running.ctypes.data,
            "observe": self.observe,
            "reference": np.nan if reference is None else reference,
            "weights_address": 0 if self.weights is None else self.weights.ctypes.data,
            "sums_address": self._sums.ctypes.data,
            "minima_address": self._minima.ctypes.data,
            "undo_address": self._undo.ctypes.data,
        }.items():
            self.watch[name] = value
        if self.weights is not None and self.weights.size < self.budget:
            # a step asks at least one query, so no step lies beyond the budget
            raise ZobenchError(f"weights must have size >= budget = {self.budget}, got {self.weights.size}")

    def _own_vector(self, dim: int) -> NDArray[np.float64]:
        """Give the harness's vector: of the solver's own where it lends one and keeps its iterate."""
        place = self.solver.scratch
        if not (place and self.solver.keeps):
            return np.empty(dim)
        start = int(self._offsets[place, 0])
        return self._work[start : start + dim]

    def _value_at(self, x: NDArray[np.float64]) -> float:
        """Evaluate f off the record; NaN if the objective is not ours to call."""
        if not self.objective.quiet_address:
            return np.nan
        return _CALL(self.objective.quiet_address)(x.ctypes.data, x.size, self.objective.data_address)

    def _enter(self, address: int) -> None:
        """Call a kernel once."""
        kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 6)(address)
        kernel(
            self.oracle.ctypes.data,
            self._work.ctypes.data,
            self._offsets.ctypes.data,
            self._parameters.ctypes.data,
            0,
            self._stream.address,
        )

    def advance(self, steps: int | None = None) -> bool:
        """Go on for a slice of time, or for a number of steps.

        Parameters
        ----------
        steps : int, optional
            If not given, as many as take some milliseconds.

        Returns
        -------
        bool
            Whether the run may go on; afterwards `over` says why not.

        Raises
        ------
        BaseException
            What a Python objective raised, after the oracle was closed.
        """
        if self.over:
            return False
        begun = time.perf_counter()
        if not self._started[0]:
            self._started[0] = True
            if self._init:
                self._enter(self._init)
                self._raise()
                if self.oracle["refused"][0]:
                    # cut short by the budget: it rests on answers that were never given
                    self.x[:] = self.x0
        end = int(self.watch["k_end"][0])
        count, budget = int(self.oracle["count"][0]), self.budget
        if steps is not None:
            self.watch["k_end"] = min(end, int(self.watch["k"][0]) + steps)
        until = budget if steps is not None else min(budget, count + self._slice)
        idle = advance()(
            self._step,
            *self._places,
            until,
        )
        self.watch["k_end"] = end
        elapsed = time.perf_counter() - begun
        self._seconds += elapsed
        self._raise()
        if steps is None and elapsed < SLICE / 2:
            self._slice *= 2
        if self.oracle["count"][0] >= budget:
            self.over = "budget"
        elif idle or self.watch["k"][0] >= end:
            self.over = "finished"
        return not self.over

    def drive(self, told: Callable[[], None]) -> str:
        """Run to the end, calling `told` after each step; StopIteration ends the run.

        A step that the budget cuts short is undone, and not told.

        Parameters
        ----------
        told : callable
            ``told()``; it looks at the run, such as at `x`.

        Returns
        -------
        str
            The status.
        """
        more = True
        while more:
            done = int(self.watch["k"][0])
            more = self.advance(steps=1)
            try:
                if int(self.watch["k"][0]) > done:
                    told()
            except StopIteration:
                return "stopped"
        return self.over

    def _raise(self) -> None:
        if self.objective.error is not None:
            self.over = "failed"
            raise self.objective.error

    def trace(self, key: RunKey | None = None, status: str = "", message: str = "") -> Trace:
        """Give the record so far.

        Parameters
        ----------
        key : RunKey, optional
            What the trace is to be identified by.
        status, message : str
            In place of the run's own.

        Returns
        -------
        Trace
        """
        bests, rows = self._bests.copy(), int(self.watch["row"][0])
        best, hits = float(self.oracle["best"][0]), self._hits.copy()
        reference = self.certificates.reference
        if self.objective.sample_address:
            # a stochastic problem's noiseless value is known at the checkpoints' iterates only
            bests = np.fmin.accumulate(self._values)
            best = float(bests[rows - 1]) if rows else np.inf
        weight = float(self.watch["weight"][0])
        observed = dict(zip(QUANTITIES, self._sums / weight, strict=True)) if weight else {}
        minima = dict(zip(QUANTITIES, self._minima, strict=True)) if weight else {}
        if not self.objective.gradient_address:
            for name in [name for name in observed if name.startswith("gradient")]:
                del observed[name], minima[name]
        count, status = int(self.oracle["count"][0]), status or self.over
        return Trace(
            key=key,
            status=status,
            message=message or MESSAGES[status] + (NOWHERE if count and not best < np.inf else ""),
            count=count,
            steps=int(self.watch["k"][0]),
            seconds=self._seconds,
            x=self._iterate(),
            start=self._start,
            value=self._value_at(self.x),
            best=best,
            reference=reference,
            queries=self._queries(rows),
            bests=bests[:rows],
            values=self._values[:rows].copy(),
            gradient_norms=self._norms[:rows].copy(),
            running_means=self._running[:rows].copy(),
            targets=targets(self._thresholds.size - 1),
            hits=hits[: self._thresholds.size - 1],
            means={name: float(value) for name, value in observed.items()},
            minima={name: float(value) for name, value in minima.items()},
            best_point=self._best_point if self.over or self._best_point is None else self._best_point.copy(),
            parameters=self.parameters,
            gradients=int(self.oracle["gradients"][0]),
        )

    def _queries(self, rows: int) -> NDArray[np.int64]:
        """Give the checkpoints that were reached; of complete runs the same array."""
        marks = checkpoints(self.budget, self.rows)
        return marks if rows == marks.size else self._marks[:rows].copy()

    def _iterate(self) -> NDArray[np.float64]:
        """Give the iterate away, in memory that nothing writes to any more."""
        if not self.over or self._first is not None:
            return self.x.copy()
        if self._work.size < 2.5 * self.x.size:
            return self.x
        # the workspace is not to live on for its first field
        if self._spare.base is self._work:
            return self.x.copy()
        self._spare[:] = self.x
        return self._spare

    def field(self, name: str) -> NDArray[np.float64]:
        """Give a field of the solver's workspace, to be looked at between steps.

        Parameters
        ----------
        name : str
            A field of the solver's `state`.

        Returns
        -------
        array of shape (n,)
            The memory that the next step changes, no copy of it.
        """
        start, size = self._offsets[self.solver.state._fields.index(name)]  # type: ignore[attr-defined]
        return self._work[start : start + size]

    def snapshot(self) -> tuple[NDArray[Any], ...]:
        """Copy all that a step can change, for `restore`.

        Returns
        -------
        tuple of array
        """
        return tuple(array.copy() for array in self._changing())

    def restore(self, kept: tuple[NDArray[Any], ...]) -> None:
        """Go back to where `snapshot` was taken.

        Parameters
        ----------
        kept : tuple of array
            What `snapshot` of this run answered; it may serve again.
        """
        for array, values in zip(self._changing(), kept, strict=True):
            array[...] = values
        self.over = ""

    def repeatable(self) -> bool:
        """Say whether `anew` is possible from now on; to be asked before the run begins.

        It takes a second copy of all that a run changes, so it is for small workspaces; and the objective
        must be compiled, for a bridge to Python is made for one run.

        Returns
        -------
        bool
        """
        small = self._work.size <= REPEATED and self._best_point is None
        if type(self) is Run and small and self.objective.quiet_address == self.objective.address:
            self._first = self.snapshot()
        return self._first is not None

    def anew(self, stream_key: str) -> None:
        """Go back to the start of a repeatable run, with the random numbers of another key.

        Parameters
        ----------
        stream_key : str
            As `zobench.trace.RunKey.stream_key` writes it.
        """
        assert self._first is not None
        self.restore(self._first)
        self._stream.enter(stream_key, "solver")
        self.oracle["sample_key"], self.oracle["noise_key"] = digest(stream_key, "noise")
        self.stream_key, self._seconds = stream_key, 0.0

    def _changing(self) -> list[NDArray[Any]]:
        stream = self._stream
        arrays = [self._work, self.oracle, self.watch, stream.record, stream.buffers]
        arrays += [self._bests, self._values, self._norms, self._running, self._hits, self._spare]
        arrays += [self._sums, self._minima, self._undo, self._started]
        return arrays if self._best_point is None else [*arrays, self._best_point]


_CALL = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_int64] * 3)
