"""Solvers of other packages that own their loop: the package asks, the oracle counts and stops it.

A native solver is stepped by the harness; a package such as SciPy is handed a callable and comes back when it
is done.  Here that callable is the compiled `query` of the oracle, so counting, the budget, the marks of the
trace, hits of targets, noise and samples are the very code that native solvers run.  Past the budget the
callable raises `Halt` instead of evaluating, which unwinds the package; one that swallows it gets it again at
every further query.
"""

import ctypes
import importlib.metadata
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from zobench.compile import typed
from zobench.driver import MESSAGES, Run
from zobench.errors import ZobenchError
from zobench.foreign.guest_warnings import noted
from zobench.instance import Vector
from zobench.loop import follow
from zobench.objective import Objective
from zobench.oracle import ORACLE, query
from zobench.parameters import validate
from zobench.solver import Setting, Solver
from zobench.stream import digest, generator
from zobench.trace import RunKey, Trace
from zobench.views import record_view, vector_at

__all__ = ["Halt", "Loop", "OwnLoop", "OwnLoopRun"]

_oracle_at = record_view(ORACLE)


class Halt(BaseException):
    """Unwinds a package: the budget is spent, the objective raised, or a callback asked to stop.

    It is no `Exception`, so that ``except Exception`` of a package lets it pass.

    Examples
    --------
    >>> import zobench
    >>> def solve(loop, parameters):
    ...     while True:
    ...         try:
    ...             loop.query(loop.x0)
    ...         except Exception:
    ...             pass
    >>> endless = OwnLoop(name="endless", summary="", source="", solve=solve)
    >>> zobench.minimize(lambda x: float(x @ x), [1.0, 2.0], solver=endless, budget=5).nfev
    5
    """


def _ask(oracle, x, dim):
    return query(_oracle_at(oracle), vector_at(x, dim))


@cache
def _entrance() -> Any:
    """Give the compiled `query` as a Python callable of two addresses and the dimension."""
    address = typed(_ask, "float64(int64, int64, int64)", "ask")
    return ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_int64] * 3)(address)


class _Workspace(NamedTuple):
    """Of a loop that is not ours only the iterate is known."""

    x: Vector


def _no_step(oracle, state, parameters, k, stream):
    """Stand in for a step: the loop is the package's own."""


def _whole_budget(parameters: Any, setting: Setting) -> int:
    return setting.budget


@dataclass(frozen=True, kw_only=True)
class OwnLoop(Solver):
    """A method whose loop belongs to another package: one file of ``solvers/``.

    It has no kernels.  What a step costs is the package's affair: `cost` is the whole budget.

    Attributes
    ----------
    solve : function
        ``solve(loop, parameters) -> str``: calls the package once with `loop.query` as the objective and
        answers what the package says of its end.  See `Loop`.
    package : str
        What ``pip install`` calls the package.
    imported : str
        What ``import`` calls it.
    version : tuple of int
        The oldest version that has the method.
    seconds : float
        What the package takes for a query in small dimensions, roughly; campaigns divide work by it.
    draws : bool
        Whether the method is a random one.
    global_draws : bool
        Whether the package draws from NumPy's global generator: while the package runs another stands there,
        seeded from the run's key, and the user's own whenever the objective or a callback is entered.  The
        second normal variate of a pair, which NumPy keeps for later, is lost at each change.

    Examples
    --------
    >>> import zobench
    >>> def solve(loop, parameters):
    ...     from scipy.optimize import minimize
    ...     return minimize(loop.query, loop.x0, method="CG").message
    >>> cg = OwnLoop(name="cg", summary="", source="", solve=solve)
    >>> zobench.minimize(lambda x: float(x @ x), [1.0, 2.0], solver=cg, budget=5).nfev
    5
    """

    step: Callable[..., None] = _no_step
    state: type = _Workspace
    cost: Callable[[Any, Setting], int] = _whole_budget
    solve: Callable[["Loop", Any], str]
    package: str = "scipy"
    imported: str = "scipy"
    version: tuple[int, ...] = ()
    seconds: float = 1e-5
    draws: bool = False
    global_draws: bool = False

    @property
    def missing(self) -> str:
        """Why the method cannot be used here; empty if the package is installed."""
        extra = "" if self.package == "scipy" else "'zobench[peers]'"
        if find_spec(self.imported) is None:
            return f"the package {self.package} is not installed: pip install {extra or self.package}"
        if self.version:
            found = importlib.metadata.version(self.package)
            numbers = tuple(int(part) for part in found.split(".")[: len(self.version)] if part.isdigit())
            if numbers < self.version:
                least = ".".join(map(str, self.version))
                return f"the package {self.package} must be of version >= {least}, got {found}: " + (
                    f"pip install '{self.package}>={least}'"
                )
        return ""

    def choose(self, given: Mapping[str, Any]) -> Any:
        """Make the parameters of what was given, complaining of every fault, or of a missing package.

        Parameters
        ----------
        given : mapping
            Values by name; text is converted.

        Returns
        -------
        NamedTuple
            An instance of `parameters`, defaults filled in.

        Raises
        ------
        ZobenchError
            If the package is not installed or too old, or with all faults of the parameters.
        """
        if self.missing:
            raise ZobenchError(f"solver {self.name!r}: {self.missing}")
        return validate(self.parameters, given, f"solver {self.name!r}")

    def begin(
        self,
        objective: Objective,
        setting: Setting,
        given: Mapping[str, Any],
        x0: NDArray[np.float64],
        **options: Any,
    ) -> "OwnLoopRun":
        """Lay out a run; see `Solver.begin`.

        Parameters
        ----------
        objective : Objective
        setting : Setting
        given : mapping
            Parameters as the user gave them.
        x0 : vector of size d
        **options
            Further arguments of `OwnLoopRun`.

        Returns
        -------
        OwnLoopRun
            With nothing done yet.
        """
        return OwnLoopRun(
            objective,
            self,
            self.settled(self.choose(given), setting),
            x0,
            setting.budget,
            certificates=setting.certificates,
            manifold=setting.manifold,
            **options,
        )

    @property
    def kernels(self) -> tuple[int, int]:
        """None: a `Run` cannot step what owns its loop.

        Raises
        ------
        ZobenchError
            Always.
        """
        raise ZobenchError(f"solver {self.name!r} owns its loop and has no kernels: use begin")

    def warm(self) -> None:
        """Compile what a run needs, or load it from the disk cache."""
        _entrance()
        follow()


@dataclass
class OwnLoopRun(Run):
    """A run of a package's own loop, from outside like any `Run`.

    The loop cannot be paused: `advance` goes on to the end, however many steps are asked for.

    Parameters
    ----------
    objective, solver, parameters, x0, budget, ...
        As of `Run`; the solver is an `OwnLoop`.

    Attributes
    ----------
    told : callable or None
        What `drive` calls after each step.
    loop : Loop
        What the solver's `solve` is handed.

    Examples
    --------
    >>> from zobench.interfaces.optimize import begin, method_of
    >>> going = begin(method_of("nelder-mead"), lambda x: float(x @ x), [1.0, 2.0], budget=20)
    >>> going.advance(steps=1), going.over, going.trace().count
    (False, 'budget', 20)
    """

    told: Callable[[], None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.over = self._said = ""
        self._seconds = 0.0
        self.x = self._work = np.array(self.x0)
        self._lay_out_oracle(self.x0.size)
        self._lay_out_watch(self.x0.size)
        self._raised: BaseException | None = None
        self._notes: dict[str, int] = {}
        self.loop = Loop(self)

    def advance(self, steps: int | None = None) -> bool:
        """Run the package to its end; see `Run.advance`.

        Parameters
        ----------
        steps : int, optional
            Not looked at.

        Returns
        -------
        bool
            False: the run is over.

        Raises
        ------
        BaseException
            What a Python objective or a callback raised.
        ZobenchError
            If the package refuses to begin.
        """
        if self.over:
            return False
        begun = time.perf_counter()
        method: OwnLoop = self.solver  # type: ignore[assignment]
        try:
            if self.steps == 0:
                raise Halt
            with self.loop.as_guest():
                try:
                    said = method.solve(self.loop, self.parameters)
                finally:
                    self.loop.catch_up()
            self._said = f"{method.package} ended the run: {said}"
        except Halt:
            pass
        except Exception as error:
            self._blame(method, error)
        except BaseException:
            self.over = "failed"
            raise
        follow()(self.oracle.ctypes.data, self.watch.ctypes.data, 0, 0)
        self._seconds += time.perf_counter() - begun
        if self._raised is not None and not isinstance(self._raised, StopIteration):
            self.over = "failed"
            raise self._raised
        self._raise()
        stopped = "stopped" if self._raised is not None else "finished"
        self.over = "budget" if self.oracle["count"][0] >= self.budget else stopped
        return False

    def _blame(self, method: OwnLoop, error: Exception) -> None:
        """Tell what a package raised by itself: the run ends there, unless it never began."""
        if self.loop.halted:
            return  # its answer to `Halt`
        fault = f"{method.package} raised {type(error).__name__}: {' '.join(str(error).split())}"
        if self.oracle["count"][0] == 0:
            self.over = "failed"
            raise ZobenchError(f"solver {method.name!r}: {fault}") from error
        self._said = fault

    def drive(self, told: Callable[[], None]) -> str:
        """Run to the end, calling `told` after each step; StopIteration ends the run.

        Parameters
        ----------
        told : callable
            ``told()``; it looks at the run, such as at `x`.

        Returns
        -------
        str
            The status.
        """
        self.told = told
        self.advance()
        return self.over

    def trace(self, key: RunKey | None = None, status: str = "", message: str = "") -> Trace:
        """Give the record so far, with the package's own words where it ended the run.

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
        said = self._said if (status or self.over) == "finished" else ""
        notes = [
            f"It warned{f' {times} times' if times > 1 else ''}: {text}"
            for text, times in list(self._notes.items())[:2]
        ]
        words = message or "  ".join([said or MESSAGES[status or self.over], *notes])
        return super().trace(key, status, words)

    def snapshot(self) -> NoReturn:
        """Refuse: what a package keeps in its own loop cannot be copied.

        Raises
        ------
        ZobenchError
            Always.
        """
        raise ZobenchError(f"solver {self.solver.name!r} owns its loop, which cannot be gone back in")


class Loop:
    """What a `solve` function hands to its package.

    Parameters
    ----------
    run : OwnLoopRun
        Whose queries and steps it counts.

    Attributes
    ----------
    x0 : vector of size d
        The start, the package's to change.
    budget : int
        Queries that may be asked; a limit for packages that take one, and never the only one.
    best : float
        Of the answers so far, as the method saw them; infinite before the first finite one.
    halted : bool
        Whether the run is over and every further query raises `Halt`.

    Examples
    --------
    >>> import zobench
    >>> def solve(loop, parameters):
    ...     for k in range(3):
    ...         loop.query(loop.x0 / 2**k)
    ...         loop.step()
    ...     return f"the best of three points is {loop.best}"
    >>> halving = OwnLoop(name="halving", summary="", source="", solve=solve)
    >>> result = zobench.minimize(lambda x: float(x @ x), [4.0], solver=halving, budget=10)
    >>> result.nfev, result.nit, result.x.tolist()
    (3, 3, [1.0])
    >>> result.message
    'scipy ended the run: the best of three points is 1.0'
    """

    def __init__(self, run: OwnLoopRun):
        self._run = run
        self.x0, self.budget = np.array(run.x0), run.budget
        self.best, self.halted = np.inf, False
        self._outside = False  # whether the objective or a callback is running
        self._point, self._best_point = np.array(run.x0), np.array(run.x0)
        self._best_address = self._best_point.ctypes.data
        self._place = (run.oracle.ctypes.data, self._point.ctypes.data, self._point.size)
        self._count, self._row, self._row_seen = (
            ctypes.c_int64.from_address(field.ctypes.data)
            for field in (run.oracle["count"], run.oracle["row"], run.watch["row"])
        )
        self._later: Callable[[], Any] | None = None
        self._ask, self._follow, self._watch = _entrance(), follow(), run.watch.ctypes.data
        self._draws = run.solver.global_draws  # type: ignore[attr-defined]
        self._kept: Any = None

    def generator(self) -> np.random.Generator:
        """Give the run's own random numbers: a function of its key."""
        return generator(self._run.stream_key, "solver")

    def query(self, x: Any) -> float:
        """Ask for f(x), charged as one query.

        Parameters
        ----------
        x : vector of size d
            Copied.

        Returns
        -------
        float

        Raises
        ------
        Halt
            If the run is over: nothing is evaluated and nothing charged.
        """
        if self.halted or self._count.value >= self.budget:
            self.halt()
        self._point[:] = x
        if self._draws:
            with self._outdoors():
                value = self._ask(*self._place)
        else:  # without the microsecond that a context takes
            self._outside = True
            value = self._ask(*self._place)
            self._outside = False
        if self._run.objective.error is not None:
            self.halt()
        if value < self.best:
            self.best = value
            self._best_point[:] = self._point
        return value

    def step(self, x: Any = None) -> None:
        """Tell that an iteration is complete.

        Parameters
        ----------
        x : vector of size d, or callable that answers one, optional
            The package's iterate; the best point asked so far if the package does not tell it.  A callable
            is called only where somebody looks at the iterate.
        """
        if self.halted:
            return
        run, self._later = self._run, None
        if callable(x):
            looked = run.told is not None or run.observe or self._row.value > self._row_seen.value
            self._later = None if looked else x
            x = x() if looked else run.x
        address = self._best_address
        if x is not None:
            self._point[:] = x
            address = self._place[1]
        self._follow(self._place[0], self._watch, address, 1)
        if run.told is not None:
            try:
                with self._outdoors():
                    run.told()
            except BaseException as error:  # the package must neither change nor swallow it
                run._raised = error
                self.halt()
        if run.steps is not None and int(run.watch["k"][0]) >= run.steps:
            self.halt()

    def catch_up(self) -> None:
        """Ask for the last iterate, if nobody has looked at it before."""
        if self._later is not None:
            self._run.x[:] = self._later()

    def halt(self) -> NoReturn:
        """Unwind the package.

        Raises
        ------
        Halt
            Always.
        """
        self.halted = True
        raise Halt

    @contextmanager
    def as_guest(self) -> Iterator[None]:
        """Let the package run: its warnings become notes, what it draws globally is the run's own."""
        with noted(lambda: self._outside, self._run._notes):
            if self._draws:
                self._exchange(np.random.MT19937(digest(self._run.stream_key, "global draws")[0] % 2**64))
            try:
                yield
            finally:
                if self._draws:
                    self._exchange(self._kept)

    @contextmanager
    def _outdoors(self) -> Iterator[None]:
        """Enter the objective or a callback, with warnings and global random numbers as they are outside."""
        self._outside = True
        if self._draws:
            self._exchange(self._kept)
        try:
            yield
        finally:
            if self._draws:
                self._exchange(self._kept)
            self._outside = False

    def _exchange(self, other: Any) -> None:
        """Put `other` where packages draw, and keep what was there."""
        self._kept = np.random.get_bit_generator()  # type: ignore[attr-defined]
        np.random.set_bit_generator(other)  # type: ignore[attr-defined]
