"""Runs on a Dask cluster: one on this machine that is started for it, or one that runs somewhere.

A Dask worker hands its runs on to a process of its own (`zobench.parallel.processes`), so that limits on time
and memory hold there as they do here, and a run that crashes takes neither the Dask worker nor its other runs
with it.  Keys go out and traces come back; the store is written here alone, and the bits are those of any
other machine with the same versions of zobench, NumPy and numba.  A worker whose zobench is of another
version is refused.

A Dask worker that is lost is no matter: Dask gives its calls to others, and if one call has lost several,
its runs are tried one by one.  A scheduler that is lost ends the campaign with one sentence; the same command
resumes it.
"""

import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Self

from zobench import __version__
from zobench.errors import ZobenchError
from zobench.parallel.pool import Lost, Pool, processors
from zobench.parallel.processes import Processes

__all__ = ["DaskPool"]

#: A scheduler that does not answer for so long (seconds) is taken for lost.
PATIENCE = 20.0
#: How long (seconds) the first worker of a cluster may take to come.
FIRST_WORKER = 120.0

_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://.+:\d+/?")
_LOG = logging.getLogger("zobench")
_LOCK = threading.Lock()
#: The worker processes below this Dask worker, by the limits they were started with.
_below: dict[tuple[Any, ...], Processes] = {}


def _processes(limits: tuple[float | None, int | None]) -> Processes:
    """Give the worker processes below this Dask worker: as many as it has threads."""
    from distributed import get_worker

    with _LOCK:
        if limits not in _below:
            try:
                count = get_worker().state.nthreads
            except ValueError:  # not below a Dask worker
                count = 1
            _below[limits] = Processes(count, limits[0], limits[1] or _share(count))
        return _below[limits]


def _share(count: int) -> int | None:
    """Give a run's part (bytes) of the memory that the Dask worker was given."""
    from distributed import get_worker

    try:
        given = get_worker().memory_manager.memory_limit
    except (ValueError, AttributeError):
        return None
    return int(given / count) if given else None


def _carry(version: str, limits: tuple[float | None, int | None], function: Any, arguments: Any) -> Any:
    """Do a call in a process below this Dask worker.

    What is lost there is an answer, not an exception, for Dask would try an exception again.
    """
    if version != __version__:
        raise ZobenchError(
            f"the Dask worker has zobench {__version__}, this campaign runs with {version}: install the same"
        )
    try:
        return "value", _processes(limits).submit(function, *arguments).result()
    except Lost as lost:
        return "lost", (lost.reason, lost.items, lost.final, lost.seconds)


class DaskPool(Pool):
    """A Dask cluster as an executor of runs.

    Parameters
    ----------
    address : str
        ``"local"`` for a cluster of this machine's processes that ends with the pool, or the address of a
        scheduler, such as ``"tcp://host:8786"``.
    count : int, optional
        Workers of a local cluster; as many as there are processors if not given.
    run_limit, memory : optional
        As for `zobench.parallel.processes.Processes`, on each worker.

    Raises
    ------
    ZobenchError
        If `distributed` is not installed, the scheduler does not answer, or it has no worker.

    Examples
    --------
    >>> from zobench.parallel.workers import run_keys
    >>> def traces(keys, address):
    ...     with DaskPool(address, run_limit=60.0) as pool:
    ...         return [trace for batch in run_keys(keys, executor=pool) for trace in batch]

    It is a pool like any other:

    >>> issubclass(DaskPool, Pool)
    True
    """

    def __init__(
        self,
        address: str,
        count: int | None = None,
        run_limit: float | None = None,
        memory: int | None = None,
    ):
        try:
            from distributed import Client, LocalCluster
        except ImportError:
            raise ZobenchError(
                "runs on Dask take the package `distributed`: pip install 'zobench[dask]'"
            ) from None
        if address != "local" and not _ADDRESS.fullmatch(address):
            raise ZobenchError(
                "a Dask cluster must be 'local' or a scheduler's address such as tcp://HOST:8786, "
                f"got {address!r}"
            )
        self._limits, self.limited = (run_limit, memory), run_limit is not None
        self._address = address
        self._cluster: Any = None
        # what its many loggers say of lost workers and closed connections is said here, in a sentence each
        for name in list(logging.root.manager.loggerDict):
            if name.partition(".")[0] == "distributed":
                logging.getLogger(name).setLevel(logging.CRITICAL)
        if address == "local":
            self._cluster = LocalCluster(
                n_workers=count or processors(),
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
        try:
            self._client = Client(self._cluster or address, timeout=PATIENCE, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ZobenchError(
                f"the Dask scheduler at {address!r} does not answer ({error}): start one with "
                "`dask scheduler`, and workers with `dask worker ADDRESS`"
            ) from None
        self._executor = self._client.get_executor(pure=False)
        self._seen = time.monotonic()
        self._workers = 0
        self._wait_for_worker()

    def _wait_for_worker(self) -> None:
        end = time.monotonic() + FIRST_WORKER
        while not self._count_workers():
            if time.monotonic() > end:
                self.__exit__(ZobenchError)
                raise ZobenchError(
                    f"the Dask scheduler at {self._address!r} has no worker after {FIRST_WORKER:g} s: "
                    "start some with `dask worker ADDRESS`"
                )
            time.sleep(0.05)

    def _count_workers(self) -> int:
        """Ask how many threads the workers have, at most once in two seconds."""
        if not self._workers or time.monotonic() - self._seen > 2.0:
            self._workers = sum(self._client.nthreads().values())
            self._seen = time.monotonic()
        return self._workers

    @property
    def count(self) -> int:
        """How many threads its workers have at the moment, at least 1."""
        with suppress(Exception):  # the scheduler has gone: `check` says so
            return max(1, self._count_workers())
        return 1

    def check(self) -> None:
        """Complain if the scheduler has gone.

        Raises
        ------
        ZobenchError
            If it has.
        """
        if self._client.status != "running":
            raise ZobenchError(
                f"the Dask scheduler at {self._address!r} has gone; what was done by then is kept, and the "
                "same command does the rest"
            )

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:  # type: ignore[override]
        """Hand over a call of an importable function.

        Parameters
        ----------
        function : callable
        *arguments : object

        Returns
        -------
        concurrent.futures.Future
            Its exception is `zobench.parallel.pool.Lost` if the call ended with its worker.
        """
        future: Future[Any] = Future()
        inner = self._executor.submit(_carry, __version__, self._limits, function, arguments)
        inner.add_done_callback(lambda done: _pass_on(done, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; a local one ends.

        Parameters
        ----------
        wait, cancel_futures : bool
            As of every executor; not looked at.
        """
        with suppress(Exception):  # it may have gone already
            self._client.close(timeout=5)
        if self._cluster is not None:
            with suppress(Exception):
                self._cluster.close(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.shutdown()


def _pass_on(done: Future[Any], future: Future[Any]) -> None:
    """Answer `future` with what Dask's says."""
    if done.cancelled():
        future.cancel()
        return
    error = done.exception()
    if error is not None and type(error).__name__ == "KilledWorker":
        # Dask has given up: the call was there when several workers ended
        _LOG.warning("several Dask workers ended in one call; its runs are tried one by one")
        error = Lost("the Dask worker ended in this run", [])
    if error is not None:
        future.set_exception(error)
        return
    kind, value = done.result()
    if kind == "lost":
        future.set_exception(Lost(*value))
    else:
        future.set_result(value)
