"""The verb ``classroom``: a folder of students' solvers into a ranked page."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zobench.cli.output import columns, emit, emit_json, progress_bar
from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from zobench.classroom.leaderboard import Board

__all__ = ["classroom_command", "classroom_verb"]


@click.command("classroom")
@click.argument("folder")
@click.option(
    "--out", default="leaderboard.html", show_default=True, metavar="PAGE", help="The page to write."
)
@click.option(
    "-p", "--problem", "problems", multiple=True, metavar="PROBLEM[:key=value,...]", help="What is ranked on."
)
@click.option("--runs", default="5", show_default=True, metavar="N", help="Hidden instances of each problem.")
@click.option(
    "--budget",
    default="100 d",
    show_default=True,
    metavar="N",
    help="Queries of a run; 'N d' for N a dimension.",
)
@click.option("--seed", default="", metavar="TEXT", help="Of the hidden instances; a fresh one unless given.")
@click.option("--seconds", default="10", show_default=True, metavar="S", help="Processor time of a run.")
@click.option("--memory", default="1000", show_default=True, metavar="MB", help="Memory of a file's process.")
@click.option("--baseline", "baselines", multiple=True, metavar="SOLVER", help="Run this solver beside.")
@click.option("--workers", metavar="N", help="Files at a time; by default one a processor.")
@click.option(
    "--no-check", is_flag=True, help="Leave the contract out (`zobench check`), which takes seconds a file."
)
@click.option("--title", default="Leaderboard", show_default=True, metavar="TEXT")
@click.option("--json", "as_json", is_flag=True, help="Print the ranking as JSON as well.")
def classroom_command(**options: Any) -> int:
    """Rank a folder of students' single-file solvers on hidden instances.

    Each file is checked and run in a process of its own, with equal budgets and limits of time and memory;
    one that cheats, hangs or crashes costs itself only.  Exit code 1 if any file could not be ranked.

    \b
    zobench classroom handed-in --out leaderboard.html
    zobench classroom handed-in --baseline s2p --seed "autumn term" --runs 10
    """  # noqa: D301
    return classroom_verb(**options)


def classroom_verb(
    folder: str,
    out: str,
    problems: tuple[str, ...],
    runs: str,
    budget: str,
    seed: str,
    seconds: str,
    memory: str,
    baselines: tuple[str, ...],
    workers: str | None,
    no_check: bool,
    title: str,
    as_json: bool,
) -> int:
    """Do what ``zobench classroom`` asks; answer the exit code.

    Parameters
    ----------
    folder : str
        Of the students' files.
    out : str
        The page to write: an .html file in a folder that exists.
    problems : tuple of str
        ``name:key=value,...``; if empty, those that a class is ranked on otherwise.
    runs : str
        Number of hidden instances of each problem.
    budget : str
        Queries of a run; ``"100 d"`` for a multiple of the dimension.
    seed : str
        What the hidden instances are drawn from; a fresh one if empty.
    seconds : str
        Processor time of a run.
    memory : str
        Of a file's process, in megabytes.
    baselines : tuple of str
        Registered solvers to run beside.
    workers : str or None
        Files at a time; if not given, one a processor.
    no_check : bool
        Leave the contract out.
    title : str
        Of the page.
    as_json : bool

    Returns
    -------
    int
        0; 1 if a file could not be ranked.

    Raises
    ------
    ZobenchError
        If the request is at fault, or on Windows, where no process can be held to limits; never because of a
        student's file.

    Examples
    --------
    What is wrong with a request is said before a file is played:

    >>> words = {"runs": "5", "budget": "100 d", "seed": "autumn", "seconds": "10", "memory": "1000"}
    >>> words |= {"problems": (), "baselines": (), "workers": None, "title": "Leaderboard"}
    >>> try:
    ...     classroom_verb("handed-in", "class.pdf", **words, no_check=True, as_json=False)
    ... except ZobenchError as fault:
    ...     print(fault)
    classroom: --out must be an .html file in a folder that exists, got 'class.pdf'
    """
    from zobench.parallel.processes import one_thread

    one_thread()
    from zobench.classroom.hidden import PROBLEMS
    from zobench.classroom.leaderboard import board, submissions, write_page
    from zobench.classroom.referee import Limits
    from zobench.parallel.pool import processors
    from zobench.parameters import Integer, Real, convert

    if sys.platform == "win32":
        raise ZobenchError(
            "classroom: needs Linux or macOS, where a process can be held to limits; not Windows"
        )
    page = Path(out)
    if page.suffix not in (".html", ".htm") or not page.parent.is_dir():
        raise ZobenchError(f"classroom: --out must be an .html file in a folder that exists, got {out!r}")
    submissions(folder)  # complained of before anything is compiled
    limits = Limits(
        float(convert(seconds, Real(0.0, open=True), "classroom: seconds")),
        int(1e6 * convert(memory, Real(100.0), "classroom: memory")),
        not no_check,
    )
    with progress_bar() as progress:
        made = board(
            folder,
            problems=problems or PROBLEMS,
            runs=convert(runs, Integer(1), "classroom: runs"),
            budget=budget,
            secret=seed,
            limits=limits,
            baselines=baselines,
            workers=processors() if workers is None else convert(workers, Integer(1), "classroom: workers"),
            progress=progress,
        )
    write_page(made, page, title)
    if as_json:
        emit_json({"page": out, **made.facts()})
    else:
        _tell(made, out)
    return int(bool(made.faults))


def _tell(made: "Board", out: str) -> None:
    rows = [
        [
            str(place.rank or "-"),
            place.result.name,
            f"{place.score:.2f}",
            f"{place.low:.2f} to {place.high:.2f}",
        ]
        for place in made.places
    ]
    if rows:
        emit(columns(["rank", "file", "score", "95 % interval"], rows, right=(0, 2)))
    for result in made.faults:
        emit(f"not ranked: {result.name}: {result.fault}")
    if made.ignored:
        emit(f"not looked at, for it is no .py file of this folder: {', '.join(made.ignored)}")
    emit(f"{len(made.places)} ranked, {len(made.faults)} not; seed {made.secret}; page {out}")
