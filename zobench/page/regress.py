"""The page of what asv stored: one file that needs no network, and the same as a Markdown table."""

import base64
import io
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zobench import __version__
from zobench.drawing import theme
from zobench.errors import ZobenchError
from zobench.performance.asv_results import CHANGES, REGRESSIONS, RULES, Changes, commits_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["draw_group", "groups_of", "markdown", "write_changes"]

#: Inches of a figure on a page and on a telephone, and of a panel at most.
WIDE, NARROW = 9.6, 4.2
PANEL = 4.8
#: Commits on a figure, cases that a panel names, rows of a table.
SHOWN, NAMED, ROWS = 30, 6, 200
#: Of what is told first: what is worse, then what else changed.
_TOLD = [*REGRESSIONS, "better", "mended", "unclear", "other benchmark", "new", "gone"]
_SEVERAL = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]


def markdown(changes: Changes, factor: float) -> str:
    r"""Write what changed as Markdown, for a comment on a change.

    Parameters
    ----------
    changes : Changes
    factor : float
        The one that the results were compared with.

    Returns
    -------
    str
        The outcome, a table of at most 200 rows with what changed, the commits, and the rules.

    Examples
    --------
    >>> import pandas
    >>> row = {"benchmark": "bench.track_queries", "case": "", "unit": "queries", "old": 1000.0, "new": 900.0}
    >>> row |= {"ratio": 0.9, "low": math.nan, "high": math.nan, "change": "better"}
    >>> commits = [("a laptop", "py3.11", "0ld" + 37 * "0", "fe" + 38 * "0")]
    >>> print(*markdown(Changes(pandas.DataFrame([row]), commits, []), 1.1).splitlines()[2:7], sep="\n")
    | change | benchmark | case | before | after | after / before |
    |---|---|---|--:|--:|--:|
    | better | `bench.track_queries` | - | 1,000 queries | 900 queries | 0.9 |
    <BLANKLINE>
    0ld00000 -> fe000000 on a laptop, py3.11
    """
    lines = [f"**{verdict(changes)}**", ""]
    told = changed(changes)
    if told:
        lines += [
            "| change | benchmark | case | before | after | after / before |",
            "|---|---|---|--:|--:|--:|",
        ]
        for row in told[:ROWS]:
            cells = [
                row["change"],
                f"`{row['benchmark']}`",
                row["case"],
                row["old"],
                row["new"],
                row["ratio"],
            ]
            lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
        if len(told) > ROWS:
            lines.append(f"\n... and {len(told) - ROWS:,} more (--json has all)")
        lines.append("")
    lines += [f"{old[:8]} -> {new[:8]} on {machine}, {place}" for machine, place, old, new in changes.commits]
    lines += changes.notes
    lines += ["", f"Rules, with the factor {factor:g}: {'; '.join(RULES.values())}."]
    return "\n".join(lines)


def verdict(changes: Changes) -> str:
    """Say in one sentence what came out."""
    if not changes.commits:
        return "Nothing to compare: no machine measured two commits"
    count = len(changes.regressions)
    measured = f"of {len(changes.table):,} {'number' if len(changes.table) == 1 else 'numbers'}"
    return (
        f"{count:,} significant {'regression' if count == 1 else 'regressions'} {measured}"
        if count
        else (f"No significant regression {measured}")
    )


def changed(changes: Changes) -> list[dict[str, Any]]:
    """Give the rows that are not the same, in words, the regressions first and the largest ratio on top."""
    table = changes.table
    told = table[table["change"].isin(_TOLD)]
    size = (told["ratio"] - 1.0).abs().fillna(math.inf)
    place = told["change"].map(_TOLD.index)
    told = told.assign(_size=-size, _place=place).sort_values(["_place", "_size", "benchmark", "case"])
    return [
        {
            "change": row["change"],
            "bad": row["change"] in REGRESSIONS,
            "benchmark": row["benchmark"],
            "case": row["case"] or "-",
            "old": _amount(row["old"], row["unit"]),
            "new": _amount(row["new"], row["unit"]),
            "ratio": _interval(row["ratio"], row["low"], row["high"]),
        }
        for row in told.to_dict("records")
    ]


def _amount(value: float, unit: str) -> str:
    """Write a figure with its unit."""
    if math.isnan(value):
        return "none"
    for whole, names in (("seconds", ("s", "ms", "us", "ns")), ("bytes", ("GB", "MB", "kB", "bytes"))):
        if unit == whole:
            scale = value * (1.0 if unit == "seconds" else 1e-9)
            for name in names[:-1]:
                if scale >= 1.0:
                    return f"{scale:.3g} {name}"
                scale *= 1000.0
            return f"{scale:.3g} {names[-1]}"
    return f"{value:,.6g} {unit}".strip()


def _interval(ratio: float, low: float, high: float) -> str:
    if math.isnan(ratio):
        return "-"
    return f"{ratio:.4g}" + (f" [{low:.3g}, {high:.3g}]" if low == low else "")


def groups_of(benchmarks: Any) -> dict[str, list[str]]:
    """Put benchmarks of one class, or of one module, together.

    Parameters
    ----------
    benchmarks : iterable of str
        Names with dots; one that comes twice counts once.

    Returns
    -------
    dict of str to list of str
        The names in order, by what stands before their last dot.

    Examples
    --------
    >>> groups_of(["bench.Run.time_run", "bench.track_queries", "bench.Run.peakmem_run"])
    {'bench.Run': ['bench.Run.peakmem_run', 'bench.Run.time_run'], 'bench': ['bench.track_queries']}
    """
    found: dict[str, list[str]] = {}
    for name in sorted(set(benchmarks)):
        found.setdefault(name.rpartition(".")[0], []).append(name)
    return found


def write_changes(results: "DataFrame", changes: Changes, factor: float, out: str | Path) -> Path:
    """Write ``index.html`` and ``regressions.md`` into a folder.

    Parameters
    ----------
    results : DataFrame
        Of `read_results`.
    changes : Changes
    factor : float
        The one that the results were compared with.
    out : path
        Made if need be.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    ZobenchError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pandas import DataFrame
    >>> from zobench.performance.asv_results import compare_results
    >>> facts = {"machine": "m", "environment": "py", "benchmark": "bench.track_queries", "case": ""}
    >>> facts |= {"kind": "track", "unit": "queries", "version": "1", "failed": False, "started": 0}
    >>> facts |= {"low": math.nan, "high": math.nan, "samples": math.nan}
    >>> commits = {"commit": "0ld", "date": 0, "value": 1000.0}, {"commit": "new", "date": 1, "value": 1100.0}
    >>> results = DataFrame([{**facts, **commit} for commit in commits])
    >>> with tempfile.TemporaryDirectory() as place:
    ...     page = write_changes(results, compare_results(results), 1.1, place)
    ...     "1 significant regression" in page.read_text(encoding="utf-8"), page.name
    (True, 'index.html')
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zobench.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = changed(changes)
    page = environment.get_template("regress.html.j2").render(
        version=__version__,
        verdict=verdict(changes),
        bad=bool(len(changes.regressions)),
        commits=changes.commits,
        notes=changes.notes,
        rows=rows[:ROWS],
        left=max(0, len(rows) - ROWS),
        same=int((changes.table["change"] == "same").sum()),
        rules=RULES,
        meanings=CHANGES,
        factor=factor,
        sections=_sections(results, changes),
    )
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "regressions.md").write_text(markdown(changes, factor) + "\n", encoding="utf-8")
        path = folder / "index.html"
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ZobenchError(
            f"regress: the folder {str(out)!r} must be writable, got: {error.strerror or error}"
        ) from None
    return path


def _sections(results: "DataFrame", changes: Changes) -> list[dict[str, Any]]:
    """Draw every machine's and environment's figures; those without the newest commit last."""
    order = commits_of(results)
    found = []
    for (machine, place), series in results.groupby(["machine", "environment"]):
        here = changes.table[(changes.table["machine"] == machine) & (changes.table["environment"] == place)]
        figures = [
            _figure(group, series[series["benchmark"].isin(names)], here, order)
            for group, names in groups_of(series["benchmark"]).items()
        ]
        commits = [commit for commit in order if (series["commit"] == commit).any()]
        dates = series.groupby("commit")["date"].max()
        told = [(commit[:8], _day(int(dates[commit]))) for commit in commits]
        fresh = order[-1] in commits
        found.append({"title": f"{machine}, {place}", "commits": told, "fresh": fresh, "figures": figures})
    return sorted(found, key=lambda section: not section["fresh"])


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000.0, UTC).strftime("%Y-%m-%d")


def _figure(group: str, series: "DataFrame", changes: "DataFrame", order: list[str]) -> dict[str, Any]:
    mine = changes[changes["benchmark"].isin(set(series["benchmark"]))]
    bad = int(mine["change"].isin(REGRESSIONS).sum())
    better = int((mine["change"] == "better").sum())
    told = f"{len(mine):,} numbers compared, {bad} worse, {better} better" if len(mine) else "not compared"
    wide = draw_group(series, mine, order, WIDE)
    return {
        "group": group,
        "bad": bad,
        "rem": round(7.5 * wide.get_size_inches()[0], 1),
        "caption": f"{group}: {told}. Lower is better. Of several cases each is drawn relative to its first "
        "value; coloured are those that changed between the last two commits, with 99 % intervals where asv "
        "has them.",
        "wide": _inline(wide),
        "narrow": _inline(draw_group(series, mine, order, NARROW)),
    }


def _inline(figure: "Figure") -> str:
    buffer = io.BytesIO()
    with theme():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def draw_group(series: "DataFrame", changes: "DataFrame", order: list[str], width: float) -> "Figure":
    """Draw the benchmarks of one group over commits, a panel each.

    Parameters
    ----------
    series : DataFrame
        Rows of `read_results` of one machine and environment.
    changes : DataFrame
        Rows of `Changes.table`.
    order : list of str
        Commits, oldest first.
    width : float
        Inches.

    Returns
    -------
    matplotlib.figure.Figure
        Of the last 30 commits at most.

    Examples
    --------
    >>> from pandas import DataFrame
    >>> facts = {"benchmark": "bench.track_queries", "case": "", "unit": "queries", "low": math.nan}
    >>> values = {"0ld": 1000.0, "new": 1100.0}
    >>> series = DataFrame([{**facts, "high": math.nan, "commit": at, "value": values[at]} for at in values])
    >>> changes = DataFrame([{**facts, "change": "worse"}])
    >>> figure = draw_group(series, changes, ["0ld", "new"], width=4.2)
    >>> [axis.get_title(loc="left") for axis in figure.axes], float(figure.get_figwidth())
    (['track_queries'], 4.2)
    """
    from matplotlib.figure import Figure

    names = sorted(set(series["benchmark"]))
    commits = [commit for commit in order if (series["commit"] == commit).any()][-SHOWN:]
    columns = max(1, min(len(names), int(width // 3.6)))
    rows = -(-len(names) // columns)
    with theme():
        figure = Figure(figsize=(min(width, PANEL * columns), 2.9 * rows + 0.3), layout="constrained")
        for place, name in enumerate(names):
            axis = figure.add_subplot(rows, columns, place + 1)
            _panel(axis, name, series[series["benchmark"] == name], changes, commits)
    return figure


def _panel(axis: "Axes", name: str, series: "DataFrame", changes: "DataFrame", commits: list[str]) -> None:
    told = dict(changes[changes["benchmark"] == name][["case", "change"]].itertuples(index=False, name=None))
    shown = series[series["commit"].isin(commits)]
    cases = {case: rows.set_index("commit").reindex(commits) for case, rows in shown.groupby("case")}
    first = {case: _first(rows["value"]) for case, rows in cases.items()}
    relative = len(cases) > 1 and all(value > 0.0 for value in first.values())
    moved = [case for case in cases if told.get(case) in ("worse", "fails", "better")]
    named = (moved if moved else list(cases) if len(cases) <= NAMED else [])[:NAMED]
    for case, rows in cases.items():
        by = first[case] if relative else 1.0
        place = named.index(case) if case in named else -1
        values = re.sub(r"(^|, )\w+=", r"\1", case) or name.rpartition(".")[2]
        label = f"{values}: {told[case]}" if case in moved else values
        axis.plot(
            range(len(commits)),
            rows["value"] / by,
            marker="o",
            markersize=3,
            linewidth=1.5 if place >= 0 else 0.7,
            color=_SEVERAL[place] if place >= 0 else "#9a9a9a",
            zorder=3 if place >= 0 else 2,
            label=label if place >= 0 else None,
        )
        if place >= 0 or len(cases) == 1:
            axis.vlines(
                range(len(commits)),
                rows["low"] / by,
                rows["high"] / by,
                color=_SEVERAL[max(place, 0)],
                alpha=0.6,
            )
    unit = str(series["unit"].iloc[0])
    axis.set_title(name.rpartition(".")[2], loc="left")
    axis.set_ylabel("relative to the first" if relative else unit)
    axis.set_xticks(range(len(commits)), [commit[:7] for commit in commits], rotation=45, fontsize=6)
    axis.set_xlim(-0.5, len(commits) - 0.5)
    low, high = axis.get_ylim()
    if relative:
        axis.set_ylim(min(low, 0.9), max(high, 1.1))
    elif low >= 0.0 or high == -low:  # a line of zeros lies in the middle of an axis of its own
        axis.set_ylim(0.0, max(1.15 * float(series["value"].max()), 1.0 if high == -low else 0.0) or 1.0)
    if axis.get_legend_handles_labels()[0]:
        # below the panel, for cases have long names
        axis.legend(fontsize=6, loc="upper left", bbox_to_anchor=(0.0, -0.2), borderaxespad=0.0)


def _first(values: Any) -> float:
    known = values.dropna()
    return float(known.iloc[0]) if len(known) else math.nan
