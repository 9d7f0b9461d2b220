"""Several seeds of one cell in lock-step, so that their queries are evaluated in one pass over the data.

A compiled step cannot be suspended, so each run has a thread of its own, and what its oracle enters in place
of the objective is a meeting: a thread leaves its points there and sleeps until every run has left some
or ended.  The last to come evaluates all of them with the problem's `many`, and wakes the others.  No kernel
knows of it; streams, counts, budgets and records belong to each run as ever, and `many` gives the bits of the
objective: a trace is that of a run by itself, but for its seconds, which are an equal share of the whole.

Measured, a meeting costs a run some 5 microseconds, so it pays where an evaluation takes longer than that.
Where the system has no POSIX threads (Windows) runs are done one after the other.
"""

import ctypes
import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from zobench.compile import reached_from, typed
from zobench.driver import Run
from zobench.emitted import INT
from zobench.foreign.own_loop import OwnLoop
from zobench.instance import Instance
from zobench.oracle import query_along, query_pair
from zobench.solver import Solver
from zobench.views import call, floats_at, record_view

__all__ = ["advance_together", "can_meet", "worth_meeting"]

#: A meeting must save each run this much (seconds) a query.
SAVES = 2e-5

#: What the threads of one group share.
MEETING = np.dtype(
    [
        ("members", "i8"),  # runs that go on
        ("arrived", "i8"),  # runs that wait for values
        ("points", "i8"),  # rows that they have left
        ("round", "i8"),  # evaluations so far
        ("dim", "i8"),
        ("rows_address", "i8"),  # float64[2 runs, dim]
        ("values_address", "i8"),  # float64[2 runs]
        ("many_address", "i8"),
        ("data_address", "i8"),
        ("mutex_address", "i8"),
        ("condition_address", "i8"),
        ("lock_address", "i8"),  # the system's functions
        ("unlock_address", "i8"),
        ("sleep_address", "i8"),
        ("wake_address", "i8"),
    ],
    align=True,
)

_meeting_at = record_view(MEETING)
_call_many = call("void", INT, INT, INT, INT, INT, INT)
# they answer a code of errors that cannot occur here
_call_one, _call_two = call("void", INT), call("void", INT, INT)


def _evaluate(meeting):
    """Evaluate all points that were left, and wake who waits for them."""
    width = 8 * meeting.dim
    _call_many(
        meeting.many_address,
        meeting.rows_address,
        width,
        meeting.points,
        meeting.dim,
        meeting.data_address,
        meeting.values_address,
    )
    meeting.arrived = meeting.points = 0
    meeting.round += 1
    _call_one(meeting.wake_address, meeting.condition_address)


def _leave_points(meeting, first, distance, count):
    """Leave points, sleep until they are evaluated, and give the place of their values.

    The values stay until this run comes back, for the next evaluation waits for it.
    """
    dim = meeting.dim
    _call_one(meeting.lock_address, meeting.mutex_address)
    place, this = meeting.points, meeting.round
    rows = floats_at(meeting.rows_address)
    for s in range(count):
        x = floats_at(first + s * distance)
        for i in range(dim):
            rows[(place + s) * dim + i] = x[i]
    meeting.points += count
    meeting.arrived += 1
    if meeting.arrived == meeting.members:
        _evaluate(meeting)
    while meeting.round == this:
        _call_two(meeting.sleep_address, meeting.condition_address, meeting.mutex_address)
    _call_one(meeting.unlock_address, meeting.mutex_address)
    return place


def _meet(first, distance, count, dim, data, out):
    """Be the objective at several points; `data` is the meeting's address."""
    meeting = _meeting_at(data)
    place = _leave_points(meeting, first, distance, count)
    values, answers = floats_at(meeting.values_address), floats_at(out)
    for s in range(count):
        answers[s] = values[place + s]


def _meet_alone(x, dim, data):
    """Be the objective at one point."""
    meeting = _meeting_at(data)
    place = _leave_points(meeting, x, 0, 1)
    return floats_at(meeting.values_address)[place]


def _leave(data):
    """End one run's part: the others wait for it no longer."""
    meeting = _meeting_at(data)
    _call_one(meeting.lock_address, meeting.mutex_address)
    meeting.members -= 1
    if meeting.members > 0 and meeting.arrived == meeting.members:
        _evaluate(meeting)
    _call_one(meeting.unlock_address, meeting.mutex_address)


@cache
def _functions() -> tuple[int, int, Any]:
    """Give the addresses of the objective at one point and at several, and `_leave` as a Python callable."""
    one = typed(_meet_alone, "float64(int64, int64, int64)", "value at a meeting")
    several = typed(_meet, "void(int64, int64, int64, int64, int64, int64)", "values at a meeting")
    leave = typed(_leave, "void(int64)", "leave a meeting")
    return one, several, ctypes.CFUNCTYPE(None, ctypes.c_int64)(leave)


@cache
def _threads() -> Any:
    """Give the system's library of threads; None where there is none."""
    try:
        library = ctypes.CDLL(None)
        return library if library.pthread_cond_wait else None
    except (AttributeError, OSError, TypeError):
        return None


class _Meeting:
    """The record, and the memory that it points to."""

    def __init__(self, runs: Sequence[Run]):
        system, objective, dim = _threads(), runs[0].objective, runs[0].x0.size
        self._rows, self._values = np.empty((2 * len(runs), dim)), np.empty(2 * len(runs))
        self._mutex, self._condition = np.zeros(32), np.zeros(32)  # 256 bytes: more than any system takes
        for kind, place in ("mutex", self._mutex), ("cond", self._condition):
            getattr(system, f"pthread_{kind}_init")(ctypes.c_void_p(place.ctypes.data), None)
        self.record = np.zeros(1, MEETING)
        for name, value in {
            "members": len(runs),
            "dim": dim,
            "rows_address": self._rows.ctypes.data,
            "values_address": self._values.ctypes.data,
            "many_address": objective.many_address,
            "data_address": objective.data_address,
            "mutex_address": self._mutex.ctypes.data,
            "condition_address": self._condition.ctypes.data,
            "lock_address": _address(system.pthread_mutex_lock),
            "unlock_address": _address(system.pthread_mutex_unlock),
            "sleep_address": _address(system.pthread_cond_wait),
            "wake_address": _address(system.pthread_cond_broadcast),
        }.items():
            self.record[name] = value
        one, several, self._leave = _functions()
        for run in runs:
            for name, value in {
                "objective_address": one,
                "many_address": several,
                "data_address": self.record.ctypes.data,
            }.items():
                run.oracle[name] = value

    def leave(self) -> None:
        """End one run's part."""
        self._leave(self.record.ctypes.data)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def can_meet(made: Instance, method: Solver) -> bool:
    """Tell whether runs of the solver on the instance can go in lock-step.

    The instance must have `many` and answer f(x), with noise or without; a solver whose loop is another
    package's, or that asks for gradients, goes by itself.

    Parameters
    ----------
    made : Instance
    method : Solver

    Returns
    -------
    bool
        Never True where the system has no POSIX threads.

    Examples
    --------
    A quadratic reads no data that several points could share:

    >>> import zobench
    >>> from zobench.solver import solver
    >>> can_meet(zobench.problem("quadratic"), solver("s2p"))
    False
    """
    plain = made.problem.many is not None and made.foreign is None and not made.stochastic
    return plain and not method.gradients and not isinstance(method, OwnLoop) and _threads() is not None


def worth_meeting(made: Instance, method: Solver, count: int) -> bool:
    """Tell, by the clock, whether `count` runs together are so much faster that a meeting pays.

    A solver that asks in pairs saves most of it by itself.  The answer may differ from time to time; what is
    computed does not depend on it.

    Parameters
    ----------
    made : Instance
        One with which the solver `can_meet`.
    method : Solver
    count : int
        Runs.

    Returns
    -------
    bool

    Examples
    --------
    >>> import zobench
    >>> from zobench.solver import solver
    >>> worth_meeting(zobench.problem("softmax-regression"), solver("s2p"), 1)
    False
    """
    alone = 2 if any(each in reached_from(method.step) for each in (query_pair, query_along)) else 1
    if count < 2:
        return False
    points, functions = np.tile(made.x0, (count * alone, 1)), made._functions
    single, group = [], []
    for _ in range(4):  # the first is slower, and others may be disturbed
        begun = time.perf_counter()
        functions.values(points[:2]) if alone == 2 else functions.value(made.x0)
        middle = time.perf_counter()
        functions.values(points)
        single.append(middle - begun)
        group.append(time.perf_counter() - middle)
    return count * min(single) - min(group) > count * alone * SAVES


def advance_together(runs: Sequence[Run]) -> list[BaseException | None]:
    """Do runs of one instance to their ends, in lock-step.

    Parameters
    ----------
    runs : sequence of Run
        New ones, of one instance and of a solver with which it `can_meet`.

    Returns
    -------
    list
        For each run what it raised, or None.

    Raises
    ------
    BaseException
        What interrupts this thread; the runs have stopped by then.

    Examples
    --------
    >>> import zobench
    >>> from zobench.contract.runs import finish, prepare
    >>> from zobench.solver import solver
    >>> made, method = zobench.problem("softmax-regression"), solver("s2p")
    >>> runs = [prepare(method, made, 20, dim=made.dim, x0=made.x0, seed=seed) for seed in (0, 1)]
    >>> raised = advance_together(runs) if can_meet(made, method) else [finish(run) and None for run in runs]
    >>> raised, [run.over for run in runs]
    ([None, None], ['budget', 'budget'])
    """
    meeting, stop = _Meeting(runs), threading.Event()
    raised: list[BaseException | None] = [None] * len(runs)

    def drive(place: int) -> None:
        try:
            while not stop.is_set() and runs[place].advance():
                pass
        except BaseException as error:
            raised[place] = error
        finally:
            meeting.leave()

    begun = time.perf_counter()
    threads = [threading.Thread(target=drive, args=(place,), daemon=True) for place in range(len(runs))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join()
        raise
    for run in runs:
        run._seconds = (time.perf_counter() - begun) / len(runs)
    return raised
