"""What carries runs: one small interface before worker processes, Dask, and any other executor."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

__all__ = ["Given", "Lost", "Pool", "processors"]


def processors() -> int:
    """Count the processors that this process may use."""
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
    """Any executor of the caller's, as a pool; it stays the caller's."""

    def __init__(self, executor: Executor):
        self._executor = executor

    @property
    def count(self) -> int:
        """How many workers it has, if it says so, else how many processors there are."""
        return getattr(self._executor, "_max_workers", None) or processors()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Hand over a call; a generator is run to its end there."""
        return self._executor.submit(_listed, function, *arguments, **named)


def _listed(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    from zobench.parallel.worker import Phase

    value = function(*arguments, **named)
    return [item for item in value if not isinstance(item, Phase)] if hasattr(value, "send") else value
