"""Worker processes of this machine that may hang, crash or eat memory without harm to anything else.

Each worker has a thread here that hands it one call after the other and waits for the answer; one more
thread looks after the clock and the memory and kills what goes beyond its limits.  A worker that ends is
replaced, and only its own call hears of it (`zobench.parallel.pool.Lost`).

Compiled code cannot be interrupted from within its process.  A run is therefore stopped by killing the worker
process that does it: SIGKILL, or on Windows TerminateProcess.  What holds where:

* the time limit: on every system;
* the memory limit: the resident size is read four times a second, from ``/proc`` on Linux and from ``ps`` on
  macOS, so that a run may exceed the limit for that long; on Windows there is none.  An address-space
  limit (RLIMIT_AS) would be prompt, but in compiled code an allocation that fails cannot raise, and the
  objective would go on with a made-up value.
"""

import json
import logging
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

from zobench.errors import ZobenchError
from zobench.parallel.pool import Lost, Pool
from zobench.parallel.worker import START, Phase, receive, send

__all__ = ["Processes", "machine_memory", "one_thread", "resident_size"]

#: Making an instance and loading or compiling its code may take this long (seconds) under a shorter limit.
PREPARING = 120.0
#: Part of the machine's memory that all workers together may have.
SHARE = 0.9
#: Starts of worker processes in a row that may fail, of all workers together.
STARTS = 8
#: How often the clock and the memory are looked at (seconds).
LOOK = 0.25

_THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMBA")
_LOG = logging.getLogger("zobench")
_LOG.addHandler(logging.NullHandler())  # said to those who listen (`zobench run --log FILE`)


def one_thread(environment: Any = os.environ) -> None:
    """Let numerical libraries that are loaded from now on use one thread.

    Parameters
    ----------
    environment : mutable mapping of str to str
        Gets the variables that the libraries read; that of this process if not given.

    Examples
    --------
    >>> found = {}
    >>> one_thread(found)
    >>> found["OMP_NUM_THREADS"], found["VECLIB_MAXIMUM_THREADS"]
    ('1', '1')
    """
    for name in _THREADS:
        environment[f"{name}_NUM_THREADS" if name != "VECLIB_MAXIMUM" else f"{name}_THREADS"] = "1"


def machine_memory() -> int | None:
    """Give the memory (bytes) that this machine, or the container, has; None where nobody says.

    Returns
    -------
    int or None
        The least of what the system and the control group say.

    Examples
    --------
    >>> found = machine_memory()
    >>> found is None or found > 2**20
    True
    """
    found = []
    with suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for file in "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes":
        with suppress(OSError, ValueError):
            found.append(int(Path(file).read_text()))
    return min((size for size in found if size > 0), default=None)


def resident_size(process: int) -> int:
    """Give the resident size of a process.

    Parameters
    ----------
    process : int
        Its number.

    Returns
    -------
    int
        Bytes; 0 where the system does not say.

    Examples
    --------
    >>> resident_size(os.getpid()) >= 0
    True
    """
    try:
        if sys.platform.startswith("linux"):
            return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        if sys.platform == "darwin":
            said = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True)
            return 1024 * int(said.stdout or 0)
    except (OSError, ValueError, IndexError):
        pass
    return 0


class _Worker:
    """One process and its pipes."""

    def __init__(self) -> None:
        environment = dict(os.environ)
        one_thread(environment)
        # a process group of its own: Ctrl-C in the terminal goes to the caller alone
        group: dict[str, Any] = {"process_group": 0}
        if sys.platform == "win32":
            group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        self.process = subprocess.Popen(
            [sys.executable, *flags, "-P", "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            **group,
        )
        self.lock = threading.Lock()
        self.reason = ""
        self.final = False
        self.since: float | None = None  # when what is under way was begun; None: nothing is
        self.preparing = False

    def ready(self) -> bool:
        """Say whether the process has come up; this waits for it."""
        path = [os.path.abspath(entry or os.curdir) for entry in sys.path]
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.write(json.dumps(path).encode() + b"\n")
            self.process.stdin.flush()
        return self.hear() is not None

    def tell(self, message: Any) -> None:
        """Send a call."""
        with self.lock:
            self.since, self.preparing = time.monotonic(), True
        with suppress(OSError):  # a dead worker is noticed when it does not answer
            send(cast(BinaryIO, self.process.stdin), message)

    def hear(self) -> tuple[str, Any] | None:
        """Wait for a message; None if the process has ended."""
        data = receive(cast(BinaryIO, self.process.stdout))
        try:
            return None if data is None else pickle.loads(data)
        except Exception as error:  # an exception class of somebody's that cannot be made again here
            return "error", RuntimeError(f"what the worker sent cannot be read: {error}")

    def begin(self, preparing: bool) -> None:
        """Set the clock of the run under way."""
        with self.lock:
            self.since, self.preparing = time.monotonic(), preparing

    def kill(self, reason: str = "", final: bool = False) -> None:
        """End the process at once."""
        self.reason, self.final = reason or self.reason, final or self.final
        with suppress(OSError):
            self.process.kill()

    def bury(self) -> str:
        """Wait for the end of a process whose pipe has closed, and say what it died of."""
        self.kill()
        code = self.process.wait()
        for pipe in self.process.stdin, self.process.stdout:
            with suppress(OSError):
                assert pipe is not None
                pipe.close()
        if self.reason:
            return self.reason
        if code < 0:
            with suppress(ValueError):
                return f"the worker process died in this run ({signal.Signals(-code).name})"
        return f"the worker process ended in this run (exit code {code})"


class Processes(Pool):
    """Worker processes, started as they are needed, replaced as they end.

    Parameters
    ----------
    count : int
        How many at most.
    run_limit : float, optional
        Seconds that a run may take; its worker is killed then.
    memory : int, optional
        Bytes that a worker may have; if not given, its part of nine tenths of the machine's memory.

    Examples
    --------
    >>> with Processes(1) as pool:
    ...     pool.submit(divmod, 7, 2).result()
    (3, 1)
    """

    def __init__(self, count: int, run_limit: float | None = None, memory: int | None = None):
        there = machine_memory()
        self._count, self.run_limit = count, run_limit
        self.limited = run_limit is not None
        self.memory = memory or (None if there is None else int(SHARE * there / count))
        self._tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._workers: set[_Worker] = set()
        self._lock = threading.Lock()
        self._idle = threading.Semaphore(0)
        self._failed_starts = 0
        self._closed, self._killed = threading.Event(), False

    @property
    def count(self) -> int:
        """How many processes there may be."""
        return self._count

    def check(self) -> None:
        """Complain if no worker process comes up.

        Raises
        ------
        ZobenchError
            If several in a row ended as soon as they had started.
        """
        if self._failed_starts >= STARTS:
            raise ZobenchError("worker processes end as soon as they start here: use --workers 1")

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:  # type: ignore[override]
        """Submit a call of an importable function; this may start a process.

        Parameters
        ----------
        function : callable
        *arguments : object

        Returns
        -------
        concurrent.futures.Future
            Its exception is `zobench.parallel.pool.Lost` if the call ended with its worker.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        """
        if self._closed.is_set():
            raise RuntimeError("these worker processes were ended")
        future: Future[Any] = Future()
        self._tasks.put((future, function, arguments))
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._count:
            # daemons: a program that ends without closing us does not wait for them
            thread = threading.Thread(target=self._tend, daemon=True)
            self._threads.append(thread)
            thread.start()
            if len(self._threads) == 1:
                threading.Thread(target=self._watch, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers when they have done what was submitted, or with `cancel_futures` what is begun.

        Parameters
        ----------
        wait : bool
            Whether to return only then.
        cancel_futures : bool
        """
        while cancel_futures:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                break
            if task is not None:
                task[0].cancel()
        self._closed.set()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def kill(self) -> None:
        """End the workers in the middle of their runs."""
        with self._lock:
            self._killed = True  # nothing is started any more
            for worker in self._workers:
                worker.kill("the worker processes were ended")
        self.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.kill()

    def _start(self) -> _Worker | None:
        """Start a process; None if none comes up."""
        while self._failed_starts < STARTS:
            with self._lock:
                if self._killed:
                    return None
                worker = _Worker()
                self._workers.add(worker)
            if worker.ready():
                self._failed_starts = 0
                return worker
            self._failed_starts += 1
            self._bury(worker)
        return None

    def _bury(self, worker: _Worker) -> str:
        with self._lock:
            self._workers.discard(worker)
        return worker.bury()

    def _tend(self) -> None:
        """Hand calls to one worker after the other, until there are no more."""
        worker: _Worker | None = None
        while True:
            task = self._next()
            if task is None:
                break
            future, function, arguments = task
            if not future.set_running_or_notify_cancel():
                continue
            worker = worker or self._start()
            if worker is None:
                future.set_exception(BrokenExecutor("no worker process comes up"))
            elif not self._converse(worker, future, function, arguments):
                worker = None
        if worker is not None:
            with suppress(OSError):
                assert worker.process.stdin is not None
                worker.process.stdin.close()  # which ends it
            self._bury(worker)

    def _next(self) -> Any:
        """Wait for a task, and be counted as idle meanwhile."""
        try:
            return self._tasks.get_nowait()
        except queue.Empty:
            self._idle.release()
            return self._tasks.get()

    def _converse(self, worker: _Worker, future: Future[Any], function: Any, arguments: Any) -> bool:
        """Let a worker do one call; say whether it has survived that."""
        items: list[Any] = []
        value: Any
        worker.tell((function, arguments))
        while True:
            kind, value = worker.hear() or ("gone", None)
            if kind == "phase":
                worker.begin(value is Phase.PREPARING)
            elif kind == "items":
                items += value
                worker.begin(False)
            else:
                break
        begun, worker.since = worker.since, None
        if kind == "end":
            future.set_result(items if value is None and items else value)
        elif kind == "error":
            future.set_exception(value)
        else:
            reason = self._bury(worker)
            if not self._killed:
                _LOG.warning("%s; another one takes over", reason)
            spent = 0.0 if begun is None else time.monotonic() - begun
            future.set_exception(Lost(reason, items, worker.final, spent))
        return kind != "gone"

    def _watch(self) -> None:
        """Kill workers that go beyond a limit."""
        pause = LOOK if self.run_limit is None else min(LOOK, self.run_limit / 4)
        while any(thread.is_alive() for thread in self._threads):
            time.sleep(pause)
            with self._lock:
                workers = list(self._workers)
            for worker in workers:
                self._look_at(worker)

    def _look_at(self, worker: _Worker) -> None:
        with worker.lock:
            if worker.since is None:
                return
            if self.run_limit is not None:
                allowed = max(PREPARING, self.run_limit) if worker.preparing else self.run_limit
                if time.monotonic() - worker.since > allowed:
                    what = "preparing the run" if worker.preparing else "the run"
                    worker.kill(f"{what} took longer than its limit of {allowed:g} s and was stopped", True)
                    return
            if self.memory is not None and (size := resident_size(worker.process.pid)) > self.memory:
                worker.kill(
                    f"the worker process had {size / 1e9:.2f} GB in this run, more than its limit of "
                    f"{self.memory / 1e9:.2f} GB, and was stopped (fewer --workers give each more)",
                    True,
                )
