"""A class from folder to page: every file played, ranked, and written into one HTML file."""

import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from zobench import __version__
from zobench.classroom.hidden import Hidden, hidden_runs
from zobench.classroom.ranking import Place, ranking
from zobench.classroom.referee import Limits, Result, play
from zobench.errors import ZobenchError

__all__ = ["Board", "board", "submissions", "write_page"]


@dataclass(frozen=True)
class Board:
    """The leaderboard of a class.

    Attributes
    ----------
    places : list of Place
    faults : list of Result
        Of the files that are not ranked, by name.
    runs : list of Hidden
    limits : Limits
    secret, budget : str
    ignored : list of str
        What else lies in the folder and was not looked at.

    Examples
    --------
    >>> runs = hidden_runs(["rosenbrock:dim=2", "cosh:dim=2"], 2, "50 d", "a")
    >>> results = [Result("ann", digits=[1.0, 2.0, 4.0, 6.0]), Result("bob", fault="the file is empty")]
    >>> places = ranking(results, [run.problem for run in runs])
    >>> made = Board(places, results[1:], runs, Limits(), "a", "50 d")
    >>> dict(zip(made.problems, made.per_problem(places[0])))
    {'rosenbrock (dim 2)': 1.5, 'cosh (dim 2)': 5.0}
    """

    places: list[Place]
    faults: list[Result]
    runs: list[Hidden]
    limits: Limits
    secret: str
    budget: str
    ignored: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """The problems, each once."""
        return list(dict.fromkeys(run.problem for run in self.runs))

    def per_problem(self, place: Place) -> list[float]:
        """Give the mean score of a place on each problem.

        Parameters
        ----------
        place : Place

        Returns
        -------
        list of float
            In the order of `problems`.
        """
        sums: dict[str, list[float]] = {}
        for run, digits in zip(self.runs, place.result.digits, strict=True):
            sums.setdefault(run.problem, []).append(digits)
        return [sum(each) / len(each) for each in sums.values()]

    def facts(self) -> dict[str, Any]:
        """Give the board as plain data."""
        return {
            "seed": self.secret,
            "budget": self.budget,
            "runs": [{"problem": run.problem, "budget": run.budget} for run in self.runs],
            "seconds": self.limits.seconds,
            "memory": self.limits.memory,
            "ranking": [place.facts() for place in self.places],
            "failures": [{"name": result.name, "reason": result.fault} for result in self.faults],
            "ignored": self.ignored,
        }


def submissions(folder: str | Path) -> list[Path]:
    """List the students' files of a folder: those that end in .py and begin with no underscore or dot.

    Parameters
    ----------
    folder : Path or str

    Returns
    -------
    list of Path
        In the order of their names.

    Raises
    ------
    ZobenchError
        If there is no such folder, or no such file in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in "bob.py", "ann.py", "_draft.py", "notes.txt":
    ...         _ = (Path(folder) / name).write_text("")
    ...     [file.name for file in submissions(folder)]
    ['ann.py', 'bob.py']
    """
    path = Path(folder)
    if not path.is_dir():
        raise ZobenchError(f"classroom: FOLDER must be a folder of students' .py files, got {str(folder)!r}")
    found = sorted(file for file in path.iterdir() if _handed_in(file))
    if not found:
        raise ZobenchError(f"classroom: folder {str(folder)!r} must hold students' .py files, and holds none")
    return found


def _handed_in(file: Path) -> bool:
    return file.suffix == ".py" and file.name[0] not in "._" and file.is_file()


def _ignored(folder: str | Path) -> list[str]:
    """List what of a folder is not handed in; what begins with an underscore or a dot is meant to be so."""
    rest = sorted(file for file in Path(folder).iterdir() if not _handed_in(file))
    return [file.name + "/" * file.is_dir() for file in rest if file.name[0] not in "._"]


def board(
    folder: str | Path,
    *,
    problems: Sequence[str],
    runs: int = 5,
    budget: str = "100 d",
    secret: str = "",
    limits: Limits | None = None,
    baselines: Sequence[str] = (),
    workers: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
) -> Board:
    """Play and rank every file of a folder.

    Parameters
    ----------
    folder : Path or str
    problems : sequence of str
        ``name:key=value,...``
    runs : int
        Hidden instances a problem.
    budget : str
        Queries of a run, or a multiple of the dimension such as ``"100 d"``.
    secret : str
        What the hidden instances are drawn from; a fresh one if empty.
    limits : Limits
    baselines : sequence of str
        Registered solvers to run beside.
    workers : int
        Submissions that are played at a time.
    progress : callable
        ``progress(done, total, text)``.

    Returns
    -------
    Board

    Raises
    ------
    ZobenchError
        If the request is at fault; never because of a submission.

    Examples
    --------
    A request that is at fault is refused before any file is played:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "ann.py").write_text("")
    ...     try:
    ...         board(folder, problems=["rosenbrock:dim=2,seed=3"])
    ...     except ZobenchError as error:
    ...         print(error)
    classroom: problem 'rosenbrock' must be given without a seed: instances are hidden
    """
    from zobench.solver import solver as solver_of

    limits, secret = limits or Limits(), secret or secrets.token_hex(8)
    sources: list[Path | str] = [*submissions(folder), *(solver_of(name).name for name in baselines)]
    hidden = hidden_runs(problems, runs, budget, secret)
    for run in hidden:
        run.value(run.x0)  # compiled before several threads ask for it
    results: dict[int, Result] = {}
    stop = threading.Event()
    with ThreadPoolExecutor(workers) as pool:
        going = {
            pool.submit(play, source, hidden, limits, stop): place for place, source in enumerate(sources)
        }
        try:
            for done, future in enumerate(as_completed(going), 1):
                results[going[future]] = future.result()
                if progress is not None:
                    progress(done, len(sources), results[going[future]].name)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    ordered = [results[place] for place in range(len(sources))]
    places = ranking(ordered, [run.problem for run in hidden])
    faults = sorted((result for result in ordered if result.fault), key=lambda result: result.name)
    return Board(places, faults, hidden, limits, secret, budget, _ignored(folder))


def write_page(made: Board, path: Path, title: str) -> None:
    """Write the page: one file without scripts, which needs nothing else.

    Parameters
    ----------
    made : Board
    path : Path
        Overwritten.
    title : str

    Examples
    --------
    >>> import tempfile
    >>> failed = Result("ann", fault="the file is empty")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = Path(folder) / "page.html"
    ...     write_page(Board([], [failed], [], Limits(), "a", "50 d"), page, "Autumn term")
    ...     text = page.read_text(encoding="utf-8")
    >>> "Autumn term" in text, "the file is empty" in text, "<script" in text
    (True, True, False)
    """
    from jinja2 import Environment

    text = (files("zobench.classroom") / "class.html.j2").read_text(encoding="utf-8")
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(text)
    highest = max([place.high for place in made.places], default=1.0) or 1.0
    page = template.render(board=made, title=title, version=__version__, highest=highest)
    path.write_text(page, encoding="utf-8")
