"""What is seen of a campaign while it runs: a line on a terminal, a log file, a last word.

A campaign calls its progress as ``progress(done, total, text)``; one that has a method `saw` is first shown
each batch of traces and failures.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from zobench.parallel.workers import Failure
    from zobench.trace import Trace

__all__ = ["Watch", "log_to"]

#: The log file tells how far it is this often (seconds).
EVERY = 30.0

_LOG = logging.getLogger("zobench")


class Watch:
    """Counts runs, queries and failures, and tells them.

    Parameters
    ----------
    draw : callable, optional
        ``draw(done, total, text)``, on a terminal.
    clock : callable
        Seconds.

    Attributes
    ----------
    queries : int
        Of the runs done since this was made.
    failed : int
        Of them, how many failed.
    done : int
        Runs seen, failed ones included.

    Examples
    --------
    With a clock that says 0 at first and then 2:

    >>> import zobench
    >>> times = iter([0.0, 2.0])
    >>> watch = Watch(clock=lambda: next(times))
    >>> watch.saw([zobench.run("quadratic", "s2p", budget=100)])
    >>> watch.last_word()
    '1 run; 100 queries in 2.0 s, 50 a second'
    """

    def __init__(
        self,
        draw: Callable[[int, int, str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._draw, self._clock = draw, clock
        self._begun = self._told = clock()
        self.queries = self.failed = self.done = 0

    def saw(self, batch: "Sequence[Trace | Failure]") -> None:
        """Count what a batch holds, and log what failed.

        Parameters
        ----------
        batch : sequence of Trace or Failure
        """
        for each in batch:
            count = getattr(each, "count", None)
            if count is None:
                self.failed += 1
                key = each.key
                assert key is not None
                _LOG.warning(
                    "failed: %s on %s, dimension %d, seed %d: %s",
                    *(key.solver, key.problem, key.dim, key.seed, " ".join(each.message.split())),
                )
            else:
                self.queries += count
            self.done += 1

    def __call__(self, done: int, total: int, text: str) -> None:
        """Tell how far it is.

        Parameters
        ----------
        done, total : int
            Runs.
        text : str
            What was done last.
        """
        if self._draw is not None:
            self._draw(done, total, f"{self.rate()}{text}")
        if self._clock() - self._told > EVERY:
            self._told = self._clock()
            _LOG.info("%d of %d runs, %s", done, total, self.rate().rstrip(", ") or "none done here")

    def rate(self) -> str:
        """Say how many queries there were a second, and how many runs failed.

        Returns
        -------
        str
            Ends in a comma and a space; empty before the first run.
        """
        seconds = self._clock() - self._begun
        said = f"{_rounded(self.queries / seconds)} queries/s, " if self.queries and seconds > 0 else ""
        return said + (f"{self.failed} failed, " if self.failed else "")

    def last_word(self) -> str:
        """Say what was done and how fast.

        Returns
        -------
        str
        """
        seconds = self._clock() - self._begun
        runs = "1 run" if self.done == 1 else f"{self.done:,} runs"
        failed = f", {self.failed} of them failed" if self.failed else ""
        rate = f", {_rounded(self.queries / seconds)} a second" if self.queries and seconds > 0 else ""
        return f"{runs}{failed}; {self.queries:,} queries in {seconds:.1f} s{rate}"


def _rounded(number: float) -> str:
    """Write a number as roughly as one reads it in passing.

    Examples
    --------
    >>> _rounded(12.3), _rounded(45678), _rounded(2.345e6)
    ('12', '46k', '2.3M')
    """
    if number < 1e3:
        return f"{number:.0f}"
    return f"{number / 1e3:.0f}k" if number < 1e6 else f"{number / 1e6:.1f}M"


class _Log(logging.FileHandler):
    """A log file; one that can no longer be written is no reason to end a campaign, and is told once."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell, and write no more."""
        said = sys.exc_info()[1]
        self.setLevel(logging.CRITICAL + 1)
        sys.stderr.write(f"zobench: the log file {self.baseFilename!r} ends here: {said}\n")


@contextmanager
def log_to(path: str | None) -> Iterator[None]:
    r"""Append to a log file what happens meanwhile; without a path do nothing.

    An exception that ends what is done meanwhile is written too, and goes on.

    Parameters
    ----------
    path : str or None
        Of the file, which is made if need be.

    Yields
    ------
    None
        While the file is open.

    Raises
    ------
    ZobenchError
        If the file cannot be opened for writing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "campaign.log"
    ...     with log_to(str(file)):
    ...         logging.getLogger("zobench").info("10 of 20 runs")
    ...     file.read_text().split(" ", 2)[2]  # after day and time
    'INFO 10 of 20 runs\n'
    """
    if path is None:
        yield
        return
    try:
        handler = _Log(path, encoding="utf-8")
    except OSError as error:
        raise ZobenchError(f"the log file {path!r} cannot be written: {error.strerror}") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = _LOG.level
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    try:
        yield
    except BaseException as error:
        _LOG.error("ended: %s", str(error) or type(error).__name__)
        raise
    finally:
        _LOG.setLevel(level)
        _LOG.removeHandler(handler)
        with suppress(OSError):  # has been told of
            handler.close()
