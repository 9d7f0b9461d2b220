"""The verdicts that the site shows: of each cell the newest in the stores, if it is of today's code."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pictures import home_of, sources

__all__ = ["ORDER", "Standing", "badge", "code_time", "standings", "stored", "told"]

#: From the worst to the best; a theorem's badge names the worst of its cells.
ORDER = ("refuted", "inconclusive", "not refuted", "supported")
#: What tells the cells of a theorem apart.
CELL = ("relation", "problem", "instance", "dim", "law", "steps", "quantity")


class Standing(NamedTuple):
    """How a theorem stands.

    Attributes
    ----------
    counts : dict of str to int
        Cells by verdict.
    since, until : str
        Dates of the oldest and the newest verdict; empty where there is none.
    earlier : bool
        Whether the code has changed since: no verdict of today's code is stored.
    """

    counts: dict[str, int]
    since: str = ""
    until: str = ""
    earlier: bool = False

    @property
    def worst(self) -> str:
        """The worst verdict, "not run" without any."""
        return next((verdict for verdict in ORDER if self.counts.get(verdict)), "not run")


def stored(file: Path) -> list[dict[str, Any]]:
    """Read the verdicts of a store, each with the time at which it was written.

    Parameters
    ----------
    file : Path
        Of the store; none is no store without verdicts.

    Returns
    -------
    list of dict
        What ``zobench verify --json`` says, and ``created``.

    Raises
    ------
    ValueError
        If the file is no store.
    """
    if not file.is_file():
        return []
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT everything, created FROM verdicts").fetchall()
    except sqlite3.Error as fault:
        raise ValueError(f"{file} must be a store of zobench, and is none: {fault}") from None
    finally:
        connection.close()
    return [json.loads(text) | {"created": created} for text, created in rows]


def code_time(solver: Any) -> datetime:
    """Say when the code that a solver's verdicts rest on was last changed."""
    files = sources(home_of(solver)) | sources("zobench.verdict.verification")
    return datetime.fromtimestamp(max(path.stat().st_mtime for path in files), UTC)


def standings(
    rows: Iterable[Mapping[str, Any]], changed: Mapping[str, datetime] | None = None
) -> dict[str, Standing]:
    """Say how each theorem stands.

    Parameters
    ----------
    rows : iterable of mapping
        Verdicts with ``created``, of any age and from any number of stores.
    changed : mapping of str to datetime, optional
        When the code of each theorem was last changed.

    Returns
    -------
    dict of str to Standing

    Examples
    --------
    >>> row = {"theorem": "t", "problem": "quadratic", "created": "2026-01-01T00:00:00+00:00"}
    >>> later = {**row, "created": "2026-01-02T00:00:00+00:00"}
    >>> standings([{**later, "verdict": "refuted"}, {**row, "verdict": "supported"}])["t"].worst
    'refuted'
    """
    cells: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["created"]):
        cells[row["theorem"], *(row.get(name) for name in CELL)] = row
    found: dict[str, Standing] = {}
    for name in dict.fromkeys(place[0] for place in cells):
        mine = [row for place, row in cells.items() if place[0] == name]
        limit = (changed or {}).get(name)
        fresh = [row for row in mine if limit is None or datetime.fromisoformat(row["created"]) >= limit]
        shown = fresh or mine
        days = sorted(row["created"][:10] for row in shown)
        found[name] = Standing(dict(Counter(row["verdict"] for row in shown)), days[0], days[-1], not fresh)
    return found


def badge(standing: Standing | None) -> str:
    """Write how a theorem stands as HTML.

    Examples
    --------
    >>> badge(None)
    '<span class="badge not-run">not run</span>'
    >>> badge(Standing({"supported": 1}, "2026-01-02", "2026-01-02"))
    '<span class="badge supported">supported</span> <span class="cells">1 cell, 2026-01-02</span>'
    """
    if standing is None or not standing.counts:
        return '<span class="badge not-run">not run</span>'
    worst, cells = standing.worst, sum(standing.counts.values())
    said = [f"{standing.counts[verdict]} {verdict}" for verdict in ORDER if standing.counts.get(verdict)]
    words = f"{cells} cell{'s' * (cells > 1)}" if len(said) == 1 else ", ".join(said)
    if standing.earlier:
        words += ", of earlier code"
    style = worst.replace(" ", "-") + " earlier" * standing.earlier
    return f'<span class="badge {style}">{worst}</span> <span class="cells">{words}, {standing.until}</span>'


def told(found: Mapping[str, Standing], names: Sequence[str], version: str) -> str:
    """Say in Markdown what the badges of the site rest on.

    Parameters
    ----------
    found : mapping of str to Standing
    names : sequence of str
        All theorems.
    version : str
        Of zobench.

    Returns
    -------
    str
    """
    if not found:
        return "No verdict was stored when this site was built; `zobench verify` makes them."
    shown = [found[name] for name in names if name in found]
    counts = sum((Counter(standing.counts) for standing in shown), Counter[str]())
    days = sorted({day for standing in shown for day in (standing.since, standing.until)})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    words = [f"{counts[verdict]} {verdict}" for verdict in reversed(ORDER)]
    said = (
        f"{sum(counts.values())} verdicts on {len(shown)} of {len(names)} theorems, made on {when} with "
        f"zobench {version}: {', '.join(words)}. A badge names the worst of a theorem's cells. `make docs` "
        "tries the quick cells of all theorems when the code has changed; the verdicts of "
        "`zobench verify --all` are shown as well, from `results/zobench.sqlite`, or with "
        "`make docs STORE=FILE` from another store."
    )
    earlier = sum(standing.earlier for standing in shown)
    return said + (f" {earlier} theorems were last tried before their code changed." if earlier else "")
