"""Runs in this process, in others, or through any `concurrent.futures.Executor`: the same bits everywhere.

Keys go in and traces come out, in chunks; only the caller writes to a store.  Worker processes are started
afresh (not forked), take one thread each, ignore Ctrl-C, which the caller handles, and end as soon as the
caller closes its end of a pipe or dies.  A worker that dies costs only the run that killed it.

This module is the first that a worker imports, so nothing at its top loads numpy: its libraries read the
number of threads when they are loaded.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from zobench.instance import Instance
    from zobench.trace import RunKey, Trace

__all__ = ["Failure", "expected_seconds", "one_thread", "run_chunk", "run_keys", "warm"]

#: A chunk of keys is about this much work (seconds): long enough to be worth sending.
CHUNK = 0.2
#: Keys of a chunk at most.
LONGEST = 64
#: Below this much work in all (seconds) starting processes takes longer than it saves.
WORTH = 3.0

_THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMBA")


@dataclass(frozen=True)
class Failure:
    """A run that ended without a trace.

    Attributes
    ----------
    key : RunKey
    message : str
        What the exception said.
    seconds : float
    """

    key: "RunKey"
    message: str
    seconds: float


def one_thread() -> None:
    """Let numerical libraries that are loaded from now on use one thread."""
    for name in _THREADS:
        os.environ[f"{name}_NUM_THREADS" if name != "VECLIB_MAXIMUM" else f"{name}_THREADS"] = "1"


@lru_cache(maxsize=8)
def _instance(
    name: str, dim: int, seed: int, parameters: tuple[tuple[str, Any], ...], noise: str
) -> "Instance":
    from zobench.instance import problem

    return problem(name, dim, seed, noise=noise or None, **dict(parameters))


def _instance_of(key: "RunKey") -> "Instance":
    """Make the instance of a key, or give one of the last few."""
    return _instance(key.problem, key.dim, key.instance_seed, key.problem_parameters, key.noise)


def _run_one(key: "RunKey") -> "Trace | Failure":
    from zobench.execute import run_key

    begun = time.perf_counter()
    try:
        return run_key(key, made=_instance_of(key))
    except Exception as error:  # whatever a problem or a solver raises costs its own run only
        said = str(error) if isinstance(error, ZobenchError) else f"{type(error).__name__}: {error}"
        return Failure(key, said, time.perf_counter() - begun)


def run_chunk(keys: Sequence["RunKey"]) -> list["Trace | Failure"]:
    """Do runs one after the other; what one raises becomes its `Failure`."""
    return [_run_one(key) for key in keys]


def warm(keys: Iterable["RunKey"]) -> None:
    """Compile into the disk cache what the keys need, so that no two workers compile the same."""
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
                made = _instance_of(key)
                _ = made._functions, made.noise and made.noise.address
        except Exception:
            continue  # the runs will say so, each in its row


def expected_seconds(keys: Iterable["RunKey"]) -> list[float]:
    """Estimate how long each run takes: budget times one timed evaluation, and a little for the solver."""
    costs: dict[tuple[Any, ...], float] = {}
    answer = []
    for key in keys:
        place = (key.problem, key.dim, key.instance_seed, key.problem_parameters)
        if place not in costs:
            costs[place] = _seconds_of_query(key)
        answer.append(2e-3 + key.budget * (costs[place] + _own_seconds(key.solver) + 4e-9 * key.dim))
    return answer


@lru_cache
def _own_seconds(name: str) -> float:
    """Estimate what a solver itself takes for a query."""
    from zobench.registry import catalogue

    return getattr(catalogue("solvers").get(name), "seconds", 5e-8)


def _seconds_of_query(key: "RunKey") -> float:
    try:
        made, best = _instance_of(key), float("inf")
        for _ in range(3):
            begun = time.perf_counter()
            made.value(made.x0)
            best = min(best, time.perf_counter() - begun)
            if best > 0.01:
                break
    except Exception:
        return 0.0
    return max(0.0, best - 5e-6)  # less what calling from Python takes


def run_keys(
    keys: Sequence["RunKey"], *, workers: int | None = None, executor: Executor | None = None
) -> Generator[list["Trace | Failure"], None, None]:
    """Do runs and yield what comes of them, in batches, in no particular order between batches.

    Parameters
    ----------
    keys : sequence of RunKey
    workers : int, optional
        Processes; 1 stands for this one.  If not given: as many as there are processors, or this process
        alone where starting others takes longer than it saves.
    executor : concurrent.futures.Executor, optional
        Used instead; it stays the caller's.

    Yields
    ------
    list of Trace or Failure
        One for each key of the batch.  Closing the generator ends the workers at once.
    """
    from zobench.compile import cache_folder

    if not keys:
        return
    cache_folder()  # without one every run would fail: complain before the first
    if executor is None and (workers == 1 or len(keys) == 1):
        yield from _here(keys)
        return
    warm(keys)
    seconds = expected_seconds(keys)
    if executor is not None:
        lost = yield from _drive(executor.submit, _chunks(keys, seconds, 8), 16)
        if lost:
            raise ZobenchError("the executor given has broken; the runs done so far are kept")
    elif workers is None and (processors() == 1 or sum(seconds) < WORTH):
        yield from _here(keys)
    else:
        yield from _in_processes(keys, seconds, min(workers or processors(), len(keys)))


def _here(keys: Sequence["RunKey"]) -> Iterator[list["Trace | Failure"]]:
    for key in keys:
        yield [_run_one(key)]


def processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _chunks(keys: Sequence["RunKey"], seconds: Sequence[float], count: int) -> deque[list["RunKey"]]:
    """Cut the keys into chunks of about `CHUNK` seconds, at least four a worker if there are that many."""
    longest = max(1, min(LONGEST, len(keys) // (4 * count)))
    chunks: deque[list[RunKey]] = deque()
    work = float("inf")
    for key, cost in zip(keys, seconds, strict=True):
        if work + cost > CHUNK or len(chunks[-1]) >= longest:
            chunks.append([])
            work = 0.0
        chunks[-1].append(key)
        work += cost
    return chunks


Batches = Generator[list["Trace | Failure"], None, list["RunKey"]]


def _drive(submit: Callable[..., Future[Any]], chunks: deque[list["RunKey"]], ahead: int) -> Batches:
    """Keep `ahead` chunks under way and yield what they answer; return the keys lost to a broken executor."""
    pending: dict[Future[Any], list[RunKey]] = {}
    lost: list[RunKey] = []
    while pending or (chunks and not lost):
        try:
            while chunks and not lost and len(pending) < ahead:
                future = submit(run_chunk, chunks[0])
                pending[future] = chunks.popleft()
        except BrokenExecutor:
            lost += chunks.popleft()
        # with a time limit, because Windows answers Ctrl-C between waits only
        done, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        for future in done:
            chunk = pending.pop(future)
            try:
                answered = future.result()
            except BrokenExecutor:
                lost += chunk
                continue
            yield answered
    return lost


def _in_processes(keys: Sequence["RunKey"], seconds: Sequence[float], count: int) -> Iterator[Any]:
    """Drive worker processes; when one dies, try the runs that were under way one by one."""
    chunks = _chunks(keys, seconds, count)
    while chunks:
        with _Workers(count) as workers:
            lost = yield from _drive(workers.submit, chunks, 2 * count)
        if lost:
            yield from _one_by_one(lost)


def _one_by_one(keys: Sequence["RunKey"]) -> Iterator[Any]:
    left = deque(keys)
    while left:
        with _Workers(1) as workers:
            while left:
                key, begun = left.popleft(), time.perf_counter()
                lost = yield from _drive(workers.submit, deque([[key]]), 1)
                if lost:
                    said = "the worker process died in this run, twice (a crash, or memory ran out)"
                    yield [Failure(key, said, time.perf_counter() - begun)]
                    break


class _Workers:
    """Worker processes that end with this one, whatever ends it."""

    def __init__(self, count: int):
        context = multiprocessing.get_context("spawn")
        self._theirs, self._ours = context.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(
            count, mp_context=context, initializer=_begin, initargs=(self._theirs,)
        )

    def __enter__(self) -> Self:
        try:
            self.submit(os.getpid).result()
        except BrokenExecutor:
            self.__exit__(BrokenExecutor)
            raise ZobenchError("worker processes end as soon as they start here: use --workers 1") from None
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._ours.close()  # ends the workers in the middle of their runs
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._ours.close()
        self._theirs.close()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submit a call; this may start a process."""
        with _quiet_start():
            return self._executor.submit(function, *arguments)


def _begin(lifeline: Any) -> None:
    """Prepare a worker: one thread, deaf to Ctrl-C, watching the caller's end of the pipe."""
    one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        try:
            lifeline.recv()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Start processes that neither run the caller's script again nor die of a Ctrl-C before they are set up.

    A spawned process imports the main module of its parent; ours need nothing of it, and a script without
    ``if __name__ == "__main__"`` would otherwise start workers from workers.
    """
    main = sys.modules["__main__"].__dict__
    kept: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    masked = hasattr(signal, "pthread_sigmask")
    if masked:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        main["__spec__"] = None
        main.pop("__file__", None)
        yield
    finally:
        main.update(kept)
        if masked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
