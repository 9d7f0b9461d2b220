"""What the command line prints: JSON, columns, a progress bar on a terminal."""

import json
import math
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

__all__ = ["columns", "emit", "emit_json", "number", "progress_bar"]

#: Stands for an infinity until the JSON is text; no name or message contains it.
_INFINITE = "\0infinite\0"


def emit(text: str) -> None:
    """Print; if nobody reads any more (``| head``), print nothing more and go on.

    Parameters
    ----------
    text : str
        Without the end of its last line.

    Examples
    --------
    >>> emit("2 runs")
    2 runs
    """
    try:
        click.echo(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # what Python flushes at its end would complain once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plain(value: Any) -> Any:
    """Make data that every JSON reader takes: NaN becomes null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):  # NumPy's numbers
        value = value.item()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            return ("-" if value < 0 else "") + _INFINITE
    return value


def emit_json(value: Any) -> None:
    """Print as JSON; an infinity is written 1e999, which is JSON and is read back as an infinity.

    Parameters
    ----------
    value : dict or list
        Of plain data and NumPy's numbers; NaN is written null, what JSON does not know as its text.

    Examples
    --------
    >>> emit_json({"solver": "s2p", "gap": float("nan"), "factor": float("inf")})
    {
      "solver": "s2p",
      "gap": null,
      "factor": 1e999
    }
    """
    text = json.dumps(_plain(value), indent=2, ensure_ascii=False, default=str)
    mark = json.dumps(_INFINITE)[1:-1]
    emit(text.replace(f'"{mark}"', "1e999").replace(f'"-{mark}"', "-1e999"))


def number(value: float | None) -> str:
    """Write a number for a table.

    Parameters
    ----------
    value : float or None
        None and NaN are written as a hyphen.

    Returns
    -------
    str

    Examples
    --------
    >>> number(0.000123456), number(10000), number(None)
    ('1.23e-04', '10,000', '-')
    """
    if value is None or math.isnan(value):
        return "-"
    if value == int(value) if math.isfinite(value) else False:
        return f"{int(value):,}" if abs(value) < 1e9 else f"{value:.3g}"
    return f"{value:.2e}" if not 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Align a table's columns; the last one is wrapped at the terminal's edge, never in a pipe.

    Parameters
    ----------
    heads : sequence of str
    rows : sequence of sequences of str
    right : sequence of int
        Columns of numbers, counted from 0.

    Returns
    -------
    str

    Examples
    --------
    >>> print(columns(["runs", "solver"], [["5", "s2p"], ["100", "nelder-mead"]], right=(0,)))
    runs  solver
       5  s2p
     100  nelder-mead
    """
    lines = [list(heads), *[list(row) for row in rows]]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    before = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = shutil.get_terminal_size().columns - before if sys.stdout.isatty() else 10**6
    out = []
    for line in lines:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        last = textwrap.wrap(cells[-1].rstrip(), max(room, 24)) or [""]
        out.append("  ".join([*cells[:-1], last[0]]).rstrip())
        out += [" " * before + more for more in last[1:]]
    return "\n".join(out)


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int, str], None] | None]:
    """Give ``progress(done, total, text)`` that draws a bar on a terminal; None where stderr is none.

    Yields
    ------
    callable or None

    Examples
    --------
    >>> import io
    >>> from contextlib import redirect_stderr
    >>> with redirect_stderr(io.StringIO()), progress_bar() as progress:
    ...     progress is None
    True
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    # on a narrow terminal bar and text give way, the numbers do not
    text = Column(ratio=3, no_wrap=True, overflow="ellipsis")
    bar = Progress(
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.description}", markup=False, table_column=text),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )
    with bar:
        task = bar.add_task("", total=None)
        drawn = 0.0

        def progress(done: int, total: int, text: str) -> None:
            nonlocal drawn
            # thousands of short runs a second: drawing each would cost more than running it
            if done == total or time.monotonic() - drawn > 0.05:
                drawn = time.monotonic()
                bar.update(task, completed=done, total=total, description=text)

        yield progress
