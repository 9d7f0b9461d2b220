"""Runs in this process, in others, or through any `concurrent.futures.Executor`: the same bits everywhere.

Keys go in and traces come out, in chunks; only the caller writes to a store.  What carries them is a
`zobench.parallel.pool.Pool`: worker processes of this machine (`zobench.parallel.processes`), Dask's
(`zobench.parallel.dask_pool`), or an executor of the caller's.  A run that hangs, crashes or eats memory
costs its own row only where a worker process does it; in this process (``workers=1``) nothing can stop it,
and it takes the campaign with it.

This module is among the first that a worker imports, so nothing at its top loads numpy: its libraries read
the number of threads when they are loaded.
"""

import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zobench.errors import ZobenchError
from zobench.parallel.cells import cells, shares_data, together
from zobench.parallel.estimate import expected_seconds, instance_of, place_of, seconds_of_query
from zobench.parallel.pool import Given, Lost, Pool, processors
from zobench.parallel.processes import Processes, one_thread
from zobench.parallel.worker import Phase

if TYPE_CHECKING:
    from zobench.trace import RunKey, Trace

__all__ = [
    "Failure",
    "awaken",
    "drive",
    "each_run",
    "expected_seconds",
    "one_thread",
    "processors",
    "run_chunk",
    "run_keys",
    "warm",
]

#: A chunk of keys is about this much work (seconds): long enough to be worth sending.
CHUNK = 0.2
#: Runs that are done in this process within so many seconds are handed over together.
TOGETHER = 0.05
#: Keys of a chunk at most.
LONGEST = 64
#: Below this much work in all (seconds) starting processes takes longer than it saves.
WORTH = 1.0
#: No solver takes less than this (seconds) for a query.
LEAST = 2e-8
#: Runs expected to be longer than this (seconds) are done first, the longest before the others.
LONG = 1.0
#: A run in which its worker dies is tried this often: the blow may have come from outside.
TRIES = 3
#: So often where the worker was killed, which nearly always comes from outside.
KILLED_TRIES = 6


@dataclass(frozen=True)
class Failure:
    """A run that ended without a trace.

    Attributes
    ----------
    key : RunKey
    message : str
        What the exception said.
    seconds : float

    Examples
    --------
    >>> from dataclasses import replace
    >>> from zobench.execute import key_of
    >>> key = replace(key_of("quadratic", "s2p", budget=100), solver="unheard-of")
    >>> (failure,) = run_chunk([key])
    >>> failure.key.solver, failure.message.startswith("solver must be one of")
    ('unheard-of', True)
    """

    key: "RunKey"
    message: str
    seconds: float


def _run_one(key: "RunKey") -> "Trace | Failure":
    begun = time.perf_counter()
    try:
        return _repeated().run(key, instance_of(key))
    except BaseException as error:  # whatever a problem or a solver raises costs its own run only
        # but Ctrl-C; a worker process ignores that, and what comes there is the objective's own
        if isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            raise
        return _failure(key, error, time.perf_counter() - begun)


def _failure(key: "RunKey", error: BaseException, seconds: float) -> Failure:
    said = str(error) if isinstance(error, ZobenchError) else f"{type(error).__name__}: {error}"
    return Failure(key, said, seconds)


def _run_cell(keys: Sequence["RunKey"]) -> Iterator["Trace | Failure"]:
    """Do runs that differ in nothing but the seed, in lock-step where that is faster."""
    done = _in_lockstep(keys) if len(keys) > 1 and shares_data(keys[0]) else None
    yield from map(_run_one, keys) if done is None else done


def _in_lockstep(keys: Sequence["RunKey"]) -> "list[Trace | Failure] | None":
    from zobench.execute import run_together
    from zobench.solver import solver

    begun = time.perf_counter()
    try:
        done = run_together(keys, instance_of(keys[0]), solver(keys[0].solver))
    except (Exception, SystemExit):  # one by one each run says for itself what is wrong
        return None
    if done is None:
        return None
    each = (time.perf_counter() - begun) / len(keys)
    return [
        _failure(key, trace, each) if isinstance(trace, BaseException) else trace
        for key, trace in zip(keys, done, strict=True)
    ]


def _repeated() -> Any:
    """Give what does the runs of this thread: threads must not share a run's memory."""
    from zobench.execute import Repeated

    if not hasattr(_OF_THREAD, "runs"):
        _OF_THREAD.runs = Repeated()
    return _OF_THREAD.runs


def run_chunk(keys: Sequence["RunKey"]) -> list["Trace | Failure"]:
    """Do runs; what one raises becomes its `Failure`.

    Parameters
    ----------
    keys : sequence of RunKey
        Neighbours that differ in nothing but the seed may go in lock-step.

    Returns
    -------
    list of Trace or Failure
        One for each key, in the order of the keys.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> traces = run_chunk([key_of("quadratic", "s2p", budget=100, seed=seed) for seed in range(2)])
    >>> [(trace.key.seed, trace.count) for trace in traces]
    [(0, 100), (1, 100)]
    """
    return [done for cell in cells(keys) for done in _run_cell(cell)]


_OF_THREAD = threading.local()
_prepared: set[tuple[Any, ...]] = set()


def each_run(keys: Sequence["RunKey"], limited: bool = False) -> Iterator["Trace | Failure | Phase"]:
    """Do runs one after the other, saying when one begins if its time is limited.

    Without such a limit seeds of one cell may go in lock-step.  What a process does once, such as loading
    compiled code, does not count as the time of a run.

    Parameters
    ----------
    keys : sequence of RunKey
    limited : bool
        Whether each run has a time limit.

    Yields
    ------
    Trace or Failure or Phase
        One trace or failure for each key, in the order of the keys; with a limit the phase before each.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> keys = [key_of("quadratic", "s2p", budget=100)]
    >>> [trace.count for trace in each_run(keys)]
    [100]
    >>> [item.value for item in each_run(keys, limited=True) if isinstance(item, Phase)][-1]
    'running'
    """
    if not limited:
        for cell in cells(keys):
            yield from _run_cell(cell)
        return
    for key in keys:
        what = (key.problem, key.dim, key.instance_seed, key.problem_parameters, key.noise, key.solver)
        if what not in _prepared:
            yield Phase.PREPARING
            warm([key])
            _prepared.add(what)
        yield Phase.RUNNING
        yield _run_one(key)


def warm(keys: Iterable["RunKey"]) -> None:
    """Compile into the disk cache what the keys need, so that no two workers compile the same.

    Each problem, noise and solver is compiled once.  What cannot be made is passed over: its runs will say
    so.

    Parameters
    ----------
    keys : iterable of RunKey

    Examples
    --------
    >>> from dataclasses import replace
    >>> from zobench.execute import key_of
    >>> key = key_of("quadratic", "s2p", budget=100)
    >>> warm([key, replace(key, solver="unheard-of")])
    >>> run_chunk([key])[0].status
    'budget'
    """
    from zobench.loop import advance
    from zobench.solver import solver
    from zobench.stream import Stream

    first: dict[tuple[str, str], RunKey] = {}
    for key in keys:
        first.setdefault(("problem", key.problem), key)
        first.setdefault(("noise", key.noise.partition(" ")[0]), key)
        first.setdefault(("solver", key.solver), key)
    advance()
    Stream("warm", "solver")
    for (kind, _), key in first.items():
        try:
            if kind == "solver":
                solver(key.solver).warm()
            else:
                made = instance_of(key)
                _ = made._functions, made.noise and made.noise.address
        except Exception:
            continue  # the runs will say so, each in its row


def _first_looks(keys: Sequence["RunKey"], limited: bool) -> Iterator[float | Phase]:
    """Compile for each key and time one evaluation; done by a worker, for the objective may hang."""
    for key in keys:
        if limited:
            yield Phase.PREPARING
        warm([key])
        if limited:
            yield Phase.RUNNING
        seconds_of_query(key)  # the first loads its code
        yield seconds_of_query(key)


def _look_through(pool: Pool, keys: Sequence["RunKey"]) -> list[float]:
    """Let a worker compile what the runs need and time an evaluation of each objective."""
    solvers = {key.solver: key for key in keys}
    places = {place_of(key): key for key in keys}
    left = [*solvers.values(), *(key for key in places.values() if key not in solvers.values())]
    costs: dict[tuple[Any, ...], float] = {}
    while left:
        try:
            found: Any = pool.submit(_first_looks, left, pool.limited).result()
        except Lost as lost:
            found = [*lost.items, float("inf")]  # whose run will be a chunk of its own
        except (BrokenExecutor, CancelledError) as error:
            raise _broken(pool) from error
        costs |= {place_of(key): cost for key, cost in zip(left, found, strict=False)}
        left = left[len(found) :]
    return expected_seconds(keys, costs)


def run_keys(
    keys: Sequence["RunKey"], *, workers: int | None = None, executor: Executor | None = None
) -> Generator[list["Trace | Failure"], None, None]:
    """Do runs and yield what comes of them, in batches, in no particular order between batches.

    Parameters
    ----------
    keys : sequence of RunKey
    workers : int, optional
        Processes; 1 stands for this one.  If not given: as many as there are processors, or this process
        alone where starting others takes longer than it saves and all code is zobench's own.
    executor : concurrent.futures.Executor, optional
        Used instead: `zobench.parallel.processes.Processes` for limits on time and memory,
        `zobench.parallel.dask_pool.DaskPool` for a cluster, or any other; it stays the caller's.

    Yields
    ------
    list of Trace or Failure
        One for each key of the batch.  Closing the generator ends the workers at once.

    Raises
    ------
    ZobenchError
        If the executor is gone.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> keys = [key_of("quadratic", name, budget=100) for name in ("s2p", "stp")]
    >>> done = [trace for batch in run_keys(keys, workers=1) for trace in batch]
    >>> sorted((trace.key.solver, trace.count) for trace in done)
    [('s2p', 100), ('stp', 100)]
    """
    from zobench.compile import cache_folder

    if not keys:
        return
    cache_folder()  # without one every run would fail: complain before the first
    if isinstance(executor, Pool):
        if isinstance(executor, Processes):
            awaken(executor, len(keys))
        yield from drive(executor, keys, _look_through(executor, keys))
        return
    # code of other packages may end the process that it runs in
    strange = executor is None and workers is None and _any_from_elsewhere(keys)
    if executor is None and (workers == 1 or (len(keys) == 1 and not strange)):
        yield from _here(keys)
        return
    if executor is None and (workers is not None or strange):
        with Processes(min(workers or processors(), len(keys))) as pool:
            awaken(pool, len(keys))
            yield from drive(pool, keys, _look_through(pool, keys))
        return
    if executor is not None:
        warm(keys)
        yield from drive(Given(executor), keys, expected_seconds(keys))
        return
    with Processes(min(processors(), len(keys))) as pool:  # none is started before it has something to do
        if pool.count > 1 and sum(key.budget for key in keys) * LEAST > WORTH:
            awaken(pool, len(keys))
        warm(keys)
        seconds = expected_seconds(keys)
        if pool.count == 1 or sum(seconds) < WORTH:
            yield from _here(keys)
        else:
            yield from drive(pool, keys, seconds)


def _any_from_elsewhere(keys: Sequence["RunKey"]) -> bool:
    from zobench.registry import from_elsewhere

    return any(
        from_elsewhere(f"{kind}s", name)
        for kind in ("problem", "solver")
        for name in {getattr(key, kind) for key in keys}
    )


def awaken(pool: Processes, runs: int) -> None:
    """Start workers now, as many as `runs` need: they load their libraries while others do other things.

    Parameters
    ----------
    pool : Processes
    runs : int
        To be done; no more workers than the pool may have are started.

    Examples
    --------
    On threads, which stand for the processes here:

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as executor:
    ...     awaken(Given(executor), runs=5)
    >>> "zobench.execute" in sys.modules
    True
    """
    for _ in range(min(pool.count, runs)):
        pool.submit(_load)


def _load() -> None:
    """Import what every run needs."""
    import zobench.driver
    import zobench.execute
    import zobench.objective  # noqa: F401


def _here(keys: Sequence["RunKey"]) -> Iterator[list["Trace | Failure"]]:
    """Do runs in this process; short ones that cost alike make one batch, and one transaction."""
    batch: list[Trace | Failure] = []
    begun = time.monotonic()
    last: Any = None
    try:
        for places in together(keys, 1):
            cell = [keys[place] for place in places]
            kind = (*place_of(cell[0]), cell[0].solver, cell[0].budget)
            if batch and (kind != last or len(cell) > 1 or time.monotonic() - begun > TOGETHER):
                yield batch  # before runs that may take longer than all of these
                batch = []
            if not batch:
                begun, last = time.monotonic(), kind
            batch.extend(_run_cell(cell))
    finally:
        if batch and sys.exc_info()[0] is not GeneratorExit:
            yield batch  # with Ctrl-C, too: what is finished is kept


def _chunks(
    keys: Sequence["RunKey"], seconds: Sequence[float], count: int, limited: bool = False
) -> deque[list["RunKey"]]:
    """Cut the keys into chunks of about `CHUNK` seconds, at least four a worker if there are that many.

    Long runs come first, the longest before the others, so that no worker begins one when the others have
    nothing left to do.  Runs that may go in lock-step stay together, unless each has a time limit.
    """
    groups = [[place] for place in range(len(keys))] if limited else together(keys, count)
    costs = [sum(seconds[place] for place in places) for places in groups]
    order = sorted(range(len(groups)), key=lambda place: -costs[place] if costs[place] > LONG else 0.0)
    longest = max(1, min(LONGEST, len(keys) // (4 * count)))
    chunks: deque[list[RunKey]] = deque()
    work = float("inf")
    for group in order:
        if work + costs[group] > CHUNK or len(chunks[-1]) + len(groups[group]) > longest:
            chunks.append([])
            work = 0.0
        chunks[-1] += [keys[place] for place in groups[group]]
        work += costs[group]
    return chunks


class _Chunks:
    """What is left to do, and what is under way."""

    def __init__(self, pool: Pool, keys: Sequence["RunKey"], seconds: Sequence[float]):
        self._pool = pool
        self._left = _chunks(keys, seconds, pool.count, pool.limited)
        self._pending: dict[Future[Any], list[RunKey]] = {}
        self._tries: Counter[RunKey] = Counter()
        self._broken: BaseException | None = None

    def __bool__(self) -> bool:
        return bool(self._left or self._pending)

    def submit(self) -> None:
        """Keep two chunks a worker under way, so that none waits for this process."""
        try:
            while self._left and not self._broken and len(self._pending) < 2 * self._pool.count:
                future = self._pool.submit(each_run, self._left[0], self._pool.limited)
                self._pending[future] = self._left.popleft()
        except BrokenExecutor as error:
            self._broken = error
        if self._broken and not self._pending:  # whatever was answered has been told by now
            raise self._broken

    def answers(self) -> Iterator[list["Trace | Failure"]]:
        """Wait for some and give what they answer; what is lost with a worker is tried again."""
        # with a time limit, because Windows answers Ctrl-C between waits only
        done, _ = wait(self._pending, timeout=0.2, return_when=FIRST_COMPLETED)
        for future in done:
            chunk = self._pending.pop(future)
            try:
                answered = future.result()
            except Lost as lost:
                answered = [*lost.items, *self._again(chunk[len(lost.items) :], lost)]
            except (BrokenExecutor, CancelledError) as error:
                self._broken = error
                self._left.append(chunk)
                continue
            if answered:
                yield answered

    def _again(self, chunk: list["RunKey"], lost: Lost) -> list[Failure]:
        """Put back what a worker left undone, and tell which run has failed for good."""
        if not chunk:
            return []
        # without a time limit runs do not say when they begin
        if lost.final and (self._pool.limited or len(chunk) == 1):
            if chunk[1:]:
                self._left.appendleft(chunk[1:])
            return [Failure(chunk[0], lost.reason, lost.seconds)]
        if len(chunk) > 1:  # any of them may have done it: one by one from now on
            self._left.extend([key] for key in chunk)
            return []
        self._tries[chunk[0]] += 1
        tries = KILLED_TRIES if "SIGKILL" in lost.reason else TRIES
        if self._tries[chunk[0]] < tries:
            self._left.append(chunk)
            return []
        return [Failure(chunk[0], f"{lost.reason}, {tries} times in a row", lost.seconds)]


def drive(pool: Pool, keys: Sequence["RunKey"], seconds: Sequence[float]) -> Iterator[Any]:
    """Keep a pool busy with the runs and yield what it answers, in batches.

    Parameters
    ----------
    pool : Pool
    keys : sequence of RunKey
    seconds : sequence of float
        What each is expected to take.

    Yields
    ------
    list of Trace or Failure
        One for each key of the batch.  A run that is lost with its worker is tried again a few times before
        it counts as failed, unless it went beyond a limit.

    Raises
    ------
    ZobenchError
        If the pool is gone.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from zobench.execute import key_of
    >>> keys = [key_of("quadratic", "s2p", budget=100, seed=seed) for seed in range(3)]
    >>> with ThreadPoolExecutor(2) as executor:
    ...     done = [trace for batch in drive(Given(executor), keys, [1e-3] * 3) for trace in batch]
    >>> sorted(trace.key.seed for trace in done)
    [0, 1, 2]
    """
    work = _Chunks(pool, keys, seconds)
    try:
        while work:
            pool.check()
            work.submit()
            yield from work.answers()
    except (BrokenExecutor, CancelledError):
        raise _broken(pool) from None


def _broken(pool: Pool) -> ZobenchError:
    """Say that a pool is gone."""
    try:
        pool.check()  # which says it better
    except ZobenchError as said:
        return said
    return ZobenchError("the executor given has broken; the runs done so far are kept")
