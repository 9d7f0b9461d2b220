"""The demo: a small campaign over real and synthetic problems, the theorems' checks, the page, ten lines."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zobench.drawing import count_of
from zobench.page.findings import Fewest, fewest_queries, smallest_gap, verdict_counts, what_was_run
from zobench.report import Evidence

if TYPE_CHECKING:
    from zobench.store.database import Store

__all__ = ["demo", "failed_runs"]

Progress = Callable[[int, int, str], None]

SEEDS = 5
#: The methods that a newcomer meets, with the parameters that a part sets: few enough to tell apart.
SOLVERS = {
    "random-gradient-free": ("L",),
    "random-search": ("alpha0",),
    "s2p": ("alpha0",),
    "stp": ("alpha0",),
}
#: Problems by what suits them: the budget, a step scale alpha0 set by hand once for all solvers alike, and a
#: guess of L for random-gradient-free where the problem certifies none.
PARTS: tuple[dict[str, Any], ...] = (
    {
        "problems": [
            {"name": "quadratic", "dim": 20, "condition": 10.0},
            {"name": "nonconvex-cosine", "dim": 10, "amplitude": 0.4},
        ],
        "budget": "200 d",
        "alpha0": 1.0,
    },
    {"problems": [{"name": "cosh", "dim": 10}], "budget": "200 d", "alpha0": 1.0, "L": 4.0},
    {"problems": [{"name": "matrix-factorization"}], "budget": "100 d", "alpha0": 1.0, "L": 4.0},
    {"problems": [{"name": "softmax-regression"}], "budget": "10 d", "alpha0": 5.0},
    {"problems": [{"name": "mlp", "batch": 0}], "budget": 4000, "alpha0": 5.0, "L": 1.0},
)


def demo(out_folder: str | Path, progress: Progress | None = None) -> list[str]:
    """Run the demo, or what is left of it, and write its page.

    Parameters
    ----------
    out_folder : path
        Gets the store ``demo.sqlite`` and the page ``index.html``.
    progress : callable, optional
        ``progress(done, total, text)``.

    Returns
    -------
    list of str
        Ten lines for a newcomer: what was run, which solver needed the fewest queries where, what the
        verdicts on theorems mean, where the page is.

    Raises
    ------
    ZobenchError
        If the folder cannot be written or holds another file of the store's name.

    Examples
    --------
    A folder in which the store's name is taken is refused before anything is run:

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     size = Path(folder, "demo.sqlite").write_text("my notes")
    ...     demo(folder)
    Traceback (most recent call last):
    zobench.errors.ZobenchError: store '...' cannot be used: it is not an SQLite file
    """
    from zobench.campaign.definition import Campaign, execute
    from zobench.page.build import write_report
    from zobench.store.database import Store

    path = Path(out_folder) / "demo.sqlite"
    with Store(path) as store:
        campaigns = [Campaign.from_table(_table(part), "the demo") for part in PARTS]
        cells = _cells()
        total, done = sum(len(campaign.keys) for campaign in campaigns) + len(cells), 0
        for campaign in campaigns:
            execute(campaign, store, progress=_part_of(progress, done, total))
            done += len(campaign.keys)
        _verify(store, cells, _part_of(progress, done, total))
    page = write_report(path, out_folder)
    return _summary(Evidence.from_store(path), page)


def failed_runs(out_folder: str | Path) -> int:
    """Count the runs of the demo in a folder that failed.

    Parameters
    ----------
    out_folder : path
        As for `demo`.

    Returns
    -------
    int

    Raises
    ------
    ZobenchError
        If there is no store in the folder.

    Examples
    --------
    >>> import zobench
    >>> from tempfile import TemporaryDirectory
    >>> from zobench.store.database import Store
    >>> with TemporaryDirectory() as folder:
    ...     with Store(Path(folder, "demo.sqlite")) as store:
    ...         store.put(zobench.run("quadratic", "s2p", budget=10))
    ...     failed_runs(folder)
    0
    """
    from zobench.store.database import Store

    with Store(Path(out_folder) / "demo.sqlite", "read") as store:
        return int((store.runs()["status"] == "failed").sum())


def _table(part: dict[str, Any]) -> dict[str, Any]:
    """Complete one part to a campaign's table with the demo's solvers."""
    solvers = [
        {"name": name, **{scale: part[scale] for scale in scales if scale in part}}
        for name, scales in SOLVERS.items()
    ]
    return {
        "title": "demo",
        "problems": part["problems"],
        "solvers": solvers,
        "budget": part["budget"],
        "seeds": SEEDS,
    }


def _part_of(progress: Progress | None, before: int, whole: int) -> Progress | None:
    """Count one part's progress in that of the whole demo."""
    if progress is None:
        return None
    return lambda done, total, text: progress(before + done, whole, text)


def _cells() -> list[tuple[str, int, str]]:
    """Give theorem, steps and law of each quick check."""
    from zobench.theorem import theorems

    return [
        (name, cell.steps, cell.law)
        for name, (theorem, _) in theorems().items()
        for cell in theorem.cells
        if cell.quick
    ]


def _verify(store: "Store", cells: list[tuple[str, int, str]], progress: Progress | None) -> None:
    """Check the theorems on their quick cells, unless the store has just those verdicts."""
    from zobench.verdict.verification import verify

    known = store.verdicts()
    if not len(known) or set(cells) != set(zip(known["theorem"], known["steps"], known["law"], strict=True)):
        verify(quick=True, seeds=40, store=store, progress=progress)


def _summary(evidence: Evidence, page: Path) -> list[str]:
    failed = int((evidence.runs["status"] == "failed").sum())
    runs = evidence.campaign
    closest = smallest_gap(evidence)
    compared = {found.problem: found for found in fewest_queries(evidence)}
    return [
        f"Ran {what_was_run(evidence)}" + (f" {count_of(failed, 'run')} failed." if failed else ""),
        "Queries (evaluations of f) of the median run until the gap f - f_star shrinks to a share of the "
        "start's (step sizes set by hand, not tuned):",
        *(
            f"  {name}: {_race(compared[name]) if name in compared else _closest(closest.get(name))}"
            for name in dict.fromkeys(runs["problem_name"])
        ),
        _verdicts(evidence),
        f"Report with figures, tables and every number: {page.resolve()}",
    ]


def _race(found: Fewest) -> str:
    times = [f"{name} {count:,.0f}" for name, count in found.queries.items() if math.isfinite(count)]
    late = [name for name, count in found.queries.items() if not math.isfinite(count)]
    rest = f"; not within budget: {', '.join(late)}" if late else ""
    return f"to {found.target:.2g}: {', '.join(times)}{rest}"


def _closest(name: str | None) -> str:
    return f"smallest gap in the end: {name}" if name else "no gap is known"


def _verdicts(evidence: Evidence) -> str:
    counts = verdict_counts(evidence)
    return (
        f"Theorems: {count_of(sum(counts.values()), 'check')} of {evidence.verdicts['theorem'].nunique()}: "
        f"{counts.get('supported', 0)} supported (the measured mean obeys the bound: evidence, not proof), "
        f"{counts.get('not refuted', 0)} not refuted, {counts.get('inconclusive', 0)} inconclusive, "
        f"{counts.get('refuted', 0)} refuted."
    )
