"""A solver's kernels read as the plain Python that they are, over NumPy arrays.

Compiled code that indexes outside an array reads or overwrites what lies there, and may end the process.
NumPy raises IndexError.  And here the normal variates that a kernel draws can be turned by a rotation.
Whatever in numba's language is not Python's ends such a run with the exception that Python gives.
"""

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CellType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench import oracle, stream
from zobench.contract.runs import bowl, variants
from zobench.contract.tools import Broken, Witness
from zobench.parameters import encode
from zobench.solver import Setting, Solver
from zobench.stream import Stream

__all__ = ["PLAIN_CHECKS", "PlainRun", "Unended"]

Vector = NDArray[np.float64]
#: Refused queries after which a step is said not to end.
PATIENCE = 100_000


class Unended(Exception):
    """A step that goes on asking past the budget, or takes too long.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from zobench.solver import solver
    >>> from zobench.oracle import query
    >>> def step(oracle, state, parameters, k, stream):
    ...     while query(oracle, state.x) > 0.0:
    ...         state.x[0] += 1.0
    >>> endless = replace(solver("stp"), step=step)
    >>> PlainRun(endless, Witness(lambda x, count: 1.0), 30).finish()
    Traceback (most recent call last):
    zobench.contract.plain.Unended
    """


class PlainRun:
    """A run of a solver's kernels as plain Python.

    Parameters
    ----------
    solver : Solver
    witness : Witness
        The objective.
    budget, dim, given, x0, seed
        As for `zobench.contract.runs.prepare`.
    turn : matrix (dim, dim), optional
        Every vector of dim normal variates that a kernel draws is multiplied by it.

    Examples
    --------
    >>> from zobench.solver import solver
    >>> watched = Witness(lambda x, count: float(np.sum(x * x)))
    >>> run = PlainRun(solver("s2p"), watched, 30).finish()
    >>> run.count, watched.count, run.state.x.shape
    (30, 30, (5,))
    """

    def __init__(
        self,
        solver: Solver,
        witness: Witness,
        budget: int = 60,
        *,
        dim: int = 5,
        given: dict[str, Any] | None = None,
        x0: Vector | None = None,
        seed: int = 0,
        turn: Vector | None = None,
    ):
        made, self.budget, self.witness, self.turn = bowl(dim), budget, witness, turn
        setting = Setting(dim, budget, made.certificates)
        settled = solver.settled(solver.choose(given or {}), setting)
        numbers = [np.float64(n) if isinstance(n, float) else np.int64(n) for n in encode(settled)]
        self.parameters = type(settled)(*numbers)
        start = np.array(made.x0 if x0 is None else x0)
        self.state = solver.state(*(np.zeros(size) for size in solver.sizes(settled, dim)))
        self.state.x[:] = start
        for name, values in (solver.start(settled, setting, start) if solver.start else {}).items():
            getattr(self.state, name)[:] = np.ravel(values)
        self.source, self.words_at = Stream(f"contract {seed}", "solver"), 0
        self.count = self.refused = 0
        self._made: dict[int, Any] = {id(old): new for old, new in self._substitutes()}
        self.init = self._plain(solver.init) if solver.init else None
        self.step = self._plain(solver.step)

    def finish(self) -> "PlainRun":
        """Drive the run to its end; what numba's arithmetic answers inf or NaN to, is no warning here."""
        with np.errstate(all="ignore"):
            k = 0
            if self.init is not None:
                self.init(None, self.state, self.parameters, np.int64(0), None)
            while self.count < self.budget:
                asked = self.count
                self.step(None, self.state, self.parameters, np.int64(k), None)
                if self.count == asked:
                    break
                k += 1
        return self

    def _plain(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Copy a function so that whatever it calls is plain as well."""
        if id(function) in self._made:
            return self._made[id(function)]
        names: dict[str, Any] = dict(function.__globals__)
        cells = tuple(CellType() for _ in function.__closure__ or ())
        copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
        copy.__kwdefaults__ = function.__kwdefaults__
        self._made[id(function)] = copy
        for name, value in list(names.items()):
            if isinstance(value, FunctionType) and name in _names(function):
                names[name] = self._plain(value)
        for cell, old in zip(cells, function.__closure__ or (), strict=True):
            value = old.cell_contents
            cell.cell_contents = self._plain(value) if isinstance(value, FunctionType) else value
        return copy

    def _substitutes(self) -> Iterator[tuple[Any, Callable[..., Any]]]:
        """Yield what kernels draw and ask with, and what stands for it here."""
        yield oracle.query, lambda box, x: self._ask(x)
        yield oracle.query_pair, lambda box, x, y: (self._ask(x), self._ask(y))
        yield oracle.query_along, lambda box, x, s, shift, trial: self._ask_along(x, s, shift, trial)
        yield oracle.query_gradient, lambda box, x, out: self._ask_gradient(x, out)
        yield oracle.hold, lambda box: None
        yield oracle.varies, lambda box: False
        yield oracle.affords, lambda box, count: self.budget - self.count >= count
        yield stream.normals, lambda box, out: self._normals(out)
        yield stream.word, lambda box: self._word()
        yield stream.signs, lambda box, out: self._signs(out)
        yield stream.uniform, lambda box: self._uniform()
        yield stream.index, lambda box, count: np.int64(self._uniform() * count)
        yield stream.here, lambda box: (int(self.source.record["normal_at"][0]), self.words_at)
        yield stream.back, lambda box, place: self._back(place)

    def _ask(self, x: Vector) -> Any:
        if self.count >= self.budget:
            self.refused += 1
            if self.refused > PATIENCE:
                raise Unended
            return np.float64(np.inf)
        self.count += 1
        return np.float64(self.witness(np.array(x)))

    def _ask_along(self, x: Vector, s: Vector, shift: float, trial: Vector) -> tuple[Any, Any]:
        trial[:] = x + shift * s
        value = self._ask(trial)
        trial[:] = x - shift * s
        return value, self._ask(trial)

    def _ask_gradient(self, x: Vector, out: Vector) -> Any:
        out[:] = 0.0
        within = self.count < self.budget
        value = self._ask(x)
        if within:
            out[:] = self.witness.gradient(np.array(x))
        return value

    def _normals(self, out: Vector) -> None:
        drawn = self.source.normals(out.size)
        out[:] = self.turn @ drawn if self.turn is not None and out.size == len(self.turn) else drawn

    def _word(self) -> Any:
        pair, record = np.zeros(2, dtype=np.int64), self.source.record
        fill = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(int(record["fill_words"][0]))
        fill(int(record["key"][0]), int(record["nonce"][0]), self.words_at // 2, pair.ctypes.data, 1)
        self.words_at += 1
        return pair.view(np.uint64)[(self.words_at - 1) % 2]

    def _signs(self, out: Vector) -> None:
        for start in range(0, out.size, 64):
            bits, part = int(self._word()), out[start : start + 64]
            part[:] = [-1.0 if bits >> i & 1 else 1.0 for i in range(part.size)]

    def _uniform(self) -> Any:
        return np.float64(int(self._word()) >> 11) * 2.0**-53

    def _back(self, place: tuple[int, int]) -> None:
        self.source.record["normal_at"], self.words_at = place


def _names(function: Callable[..., Any]) -> set[str]:
    """Give the global names that a function uses, in bodies nested in it as well."""
    found, pending = set(), [function.__code__]
    while pending:
        code = pending.pop()
        found |= set(code.co_names)
        pending += [each for each in code.co_consts if isinstance(each, type(code))]
    return found


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise `Unended` in this thread when the time is over: plain Python can be interrupted."""
    raised, here = ctypes.pythonapi.PyThreadState_SetAsyncExc, ctypes.c_ulong(threading.get_ident())
    timer = threading.Timer(seconds, lambda: raised(here, ctypes.py_object(Unended)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def check_stays_inside_its_arrays(solver: Solver, limit: float = 20.0) -> str | None:
    """No kernel reads or writes outside its arrays, tried as plain Python over NumPy's."""
    answers: dict[str, Callable[[Any, int], float]] = {
        "the bowl": lambda x, count: float(np.sum(x * x)),
        "f = 0": lambda x, count: 0.0,
        "NaN": lambda x, count: np.nan,
    }
    for given in variants(solver):
        for dim in (1, 2, 5, 70):
            for name, answer in answers.items():
                where = f"over {name} in dimension {dim} ({given or 'defaults'})"
                try:
                    with _within(limit):
                        PlainRun(solver, Witness(answer), 30, dim=dim, given=given).finish()
                except (IndexError, ValueError) as error:
                    raise Broken(f"{_place(error)}: {error}, {where}") from error
                except Unended:
                    return "a step did not end as plain Python"
                except (
                    AttributeError,
                    NameError,
                    NotImplementedError,
                    TypeError,
                    ZeroDivisionError,
                ) as error:
                    return f"not all of it is plain Python: {type(error).__name__}: {error}"
    return None


def _place(error: BaseException) -> str:
    """Say where in the solver's file an exception came from."""
    trace, found = error.__traceback__, "?"
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            found = f"{trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


#: Tried before any compiled code is run; needs kernels.
PLAIN_CHECKS = (check_stays_inside_its_arrays,)
