"""What carries runs: one small interface before worker processes, Dask, and any other executor."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

__all__ = ["Given", "Lost", "Pool", "processors"]


def processors() -> int:
    """Count the processors that this process may use.

    Returns
    -------
    int
        At least 1; fewer than the machine has where the process is bound to some of them.

    Examples
    --------
    >>> processors() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Lost(Exception):
    """A call ended with its worker.

    Attributes
    ----------
    reason : str
        What became of the worker.
    items : list
        What the call (of a generator) had made by then.
    final : bool
        Whether the item under way is to blame (it took too long or too much), so that it need not be tried
        again; which item that is, is certain under a time limit only.
    seconds : float
        Since the item under way was begun, or since the call was.

    Examples
    --------
    >>> try:
    ...     raise Lost("the worker process died in this run (SIGSEGV)", items=["first", "second"])
    ... except Lost as lost:
    ...     len(lost.items), lost.final
    (2, False)
    """

    def __init__(self, reason: str, items: list[Any], final: bool = False, seconds: float = 0.0):
        super().__init__(reason, items, final, seconds)
        self.reason, self.items, self.final, self.seconds = reason, items, final, seconds


class Pool(Executor):
    """An executor that knows how many workers it has and can say that it is gone.

    A function that is submitted may be a generator's: the future gives the list of its items, and if a worker
    is lost, `Lost` has those made before.

    Attributes
    ----------
    limited : bool
        Whether runs have a time limit, so that a run says when it begins.

    Examples
    --------
    One that does every call at once where it is:

    >>> class Here(Pool):
    ...     count = 1
    ...     def submit(self, function, /, *arguments, **named):
    ...         done = Future()
    ...         done.set_result(function(*arguments, **named))
    ...         return done
    >>> with Here() as pool:
    ...     pool.check()
    ...     pool.submit(divmod, 7, 2).result(), pool.limited
    ((3, 1), False)
    """

    limited = False

    @property
    def count(self) -> int:
        """How many calls can be under way at once."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise `ZobenchError` if nothing that is pending will ever be answered."""

    def kill(self) -> None:
        """End at once, in the middle of runs where that can be done."""
        self.shutdown(cancel_futures=True)


class Given(Pool):
    """Any executor of the caller's, as a pool; it stays the caller's.

    Parameters
    ----------
    executor : concurrent.futures.Executor

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> def squares(count):
    ...     for number in range(count):
    ...         yield number * number
    >>> with ThreadPoolExecutor(2) as executor:
    ...     pool = Given(executor)
    ...     pool.count, pool.submit(squares, 4).result()
    (2, [0, 1, 4, 9])
    """

    def __init__(self, executor: Executor):
        self._executor = executor

    @property
    def count(self) -> int:
        """How many workers it has, if it says so, else how many processors there are."""
        return getattr(self._executor, "_max_workers", None) or processors()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Hand over a call; a generator is run to its end there.

        Parameters
        ----------
        function : callable
        *arguments, **named : object

        Returns
        -------
        concurrent.futures.Future
            Of what the function answers, or of the list of its items.
        """
        return self._executor.submit(_listed, function, *arguments, **named)


def _listed(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    from zobench.parallel.worker import Phase

    value = function(*arguments, **named)
    return [item for item in value if not isinstance(item, Phase)] if hasattr(value, "send") else value
