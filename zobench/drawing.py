"""What figures share: the theme, panels, one legend, and how lines, panels and numbers are called."""

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from zobench.instance import Instance
    from zobench.report import Evidence

__all__ = [
    "below",
    "caption",
    "count_of",
    "image",
    "instance_of",
    "labelled",
    "labelled_rows",
    "legend",
    "panels",
    "rest",
    "span",
    "spread",
    "theme",
    "title_of",
]


def labelled(runs: "DataFrame", within: Sequence[str] = ("problem_name", "noise")) -> "DataFrame":
    """Add to runs the columns `label`, what a legend calls the line, and `variant`, its number in the solver.

    A solver that meets each panel with one choice of parameters goes by its name; otherwise whatever differs
    inside some panel is added.

    Parameters
    ----------
    runs : DataFrame
    within : sequence of str
        The columns that tell panels apart.
    """
    places = list(runs[["solver", *within]].itertuples(index=False, name=None))
    chosen = [
        {**_spelled(text), "budget": str(budget)}
        for text, budget in zip(runs["solver_parameters"], runs["budget"], strict=True)
    ]
    seen: dict[Any, dict[str, set[str]]] = {}
    for place, choice in zip(places, chosen, strict=True):
        for key, value in choice.items():
            seen.setdefault(place, {}).setdefault(key, set()).add(value)
    differing: dict[str, set[str]] = {}
    for (solver, *_), values in seen.items():
        differing.setdefault(solver, set()).update(key for key, found in values.items() if len(found) > 1)
    labels = []
    for (solver, *_), choice in zip(places, chosen, strict=True):
        parts = [f"{key}={choice.get(key, '')}" for key in sorted(differing[solver])]
        labels.append(f"{solver} ({', '.join(parts)})" if parts else solver)
    known: dict[str, list[str]] = {}
    for label, solver in sorted(set(zip(labels, runs["solver"], strict=True))):
        known.setdefault(solver, []).append(label)
    variants = [known[solver].index(label) for label, solver in zip(labels, runs["solver"], strict=True)]
    return runs.assign(label=labels, variant=variants)


def _spelled(parameters: str) -> dict[str, str]:
    return {key: _short(value) for key, value in json.loads(parameters).items()}


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@cache
def _instance(problem: str, dim: int, seed: int, parameters: str, noise: str) -> "Instance | None":
    from zobench.errors import ZobenchError
    from zobench.instance import problem as make

    try:
        return make(problem, dim, seed, noise=noise or None, **json.loads(parameters))
    except (ZobenchError, TypeError, ValueError):
        return None


def instance_of(run: Any) -> "Instance | None":
    """Make the instance of one row of runs again; None if this installation does not have the problem."""
    return _instance(run.problem, int(run.dim), int(run.instance_seed), run.problem_parameters, run.noise)


@contextmanager
def theme() -> Iterator[None]:
    """Draw inside this in zobench's style; outside, nothing changed."""
    import matplotlib
    import seaborn  # here and not above: it costs seconds

    with matplotlib.rc_context():
        matplotlib.rcParams.update(seaborn.plotting_context("paper", font_scale=1.0))
        matplotlib.rcParams.update(seaborn.axes_style("whitegrid"))
        matplotlib.rcParams.update(
            {
                "font.family": ["DejaVu Sans"],
                "grid.color": "#e4e4e4",
                "axes.edgecolor": "#777777",
                "axes.titlesize": 9,
                "legend.frameon": False,
                "lines.linewidth": 1.5,
                "svg.fonttype": "path",
                "svg.hashsalt": "zobench",  # ids in the file depend on the drawing alone
            }
        )
        yield


def image(figure: "Figure", kind: str) -> bytes:
    """Render a figure to bytes that depend on the drawing alone: no date, no machine.

    Parameters
    ----------
    figure : Figure
    kind : {"svg", "png"}
    """
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with theme():
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata, facecolor="white")
    data = buffer.getvalue()
    if kind == "svg":
        # a hundredth of a point draws the same picture in half the bytes
        data = re.sub(rb"(\d+\.\d{2})\d+", rb"\1", data)
        data = re.sub(rb"([ML]) ([-\d.]+) ([-\d.]+) \n", rb"\1\2 \3", data)
    return data


#: Inches around panels: for tick labels and the axis' name, right, below the last row, for a panel's title.
LEFT, RIGHT, BELOW, TITLE = 0.72, 0.12, 0.52, 0.62
#: Inches of one line of a legend.
ENTRY = 0.19


def panels(
    count: int,
    width: float,
    height: float = 2.7,
    least: float = 2.9,
    left: float = LEFT,
    title: float = TITLE,
) -> tuple["Figure", list["Axes"]]:
    """Make a figure of `count` panels, as many beside each other as `width` inches allow.

    Margins are set in inches and not searched for: that takes a third of the time.

    Parameters
    ----------
    count : int
    width : float
        Of the figure, in inches.
    height : float
        Of a row of panels, with its title.
    least : float
        Inches that a panel needs.
    left, title : float
        Inches left of each panel and above it.

    Examples
    --------
    >>> figure, axes = panels(5, width=9.6)
    >>> len(axes), figure.get_size_inches().tolist()
    (5, [9.6, 5.9])
    """
    from matplotlib.figure import Figure

    columns = max(1, min(count, int(width // least)))
    rows = -(-count // columns)
    figure = Figure(figsize=(width, rows * height + 0.5))
    grid = figure.add_gridspec(rows, columns)
    axes = [figure.add_subplot(grid[place // columns, place % columns]) for place in range(count)]
    for axis in axes:
        axis.minorticks_off()
    spread(figure, axes, left=left, title=title)
    return figure, axes


def spread(figure: "Figure", axes: Sequence["Axes"], left: float = LEFT, title: float = TITLE) -> None:
    """Place the panels of a grid by margins in inches, below what a legend takes."""
    width, height = figure.get_size_inches()
    [grid] = {axis.get_subplotspec().get_gridspec() for axis in axes}  # type: ignore[union-attr]
    rows, columns = grid.nrows, grid.ncols
    above = getattr(figure, "legend_inches", 0.0)
    wide = (width - columns * left - RIGHT) / columns
    high = (height - above - BELOW - rows * title - (rows - 1) * 0.3) / rows
    figure.margins = (left, title)  # type: ignore[attr-defined]
    for axis in axes:
        place = axis.get_subplotspec()
        assert place is not None
        row, column = place.rowspan.start, place.colspan.start
        bottom = height - above - (row + 1) * (title + high) - row * 0.3
        axis.set_position(
            ((left + column * (wide + left)) / width, bottom / height, wide / width, high / height)
        )


def legend(figure: "Figure", axes: Sequence["Axes"], order: Sequence[str] = ()) -> None:
    """Put one legend above all panels, and make the figure as much higher.

    Parameters
    ----------
    figure : Figure
        Of `panels`.
    axes : sequence of Axes
    order : sequence of str
        Labels that come first; the others follow by name.
    """
    entries: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if not entries:
        return
    first = [name for name in order if name in entries]
    names = first + sorted(set(entries) - set(first))
    width, height = figure.get_size_inches()
    columns = max(1, min(len(names), int(width / (0.6 + 0.075 * max(map(len, names))))))
    lines = -(-len(names) // columns)
    inches = ENTRY * lines + 0.12
    figure.set_size_inches(width, height + inches)
    figure.legend_inches = inches  # type: ignore[attr-defined]
    left, title = figure.margins  # type: ignore[attr-defined]
    spread(figure, axes, left, title)
    figure.legend(
        [entries[name] for name in names],
        names,
        loc="upper center",
        ncols=columns,
        borderaxespad=0.2,
        handlelength=2.4,
        labelspacing=0.35,
    )


def below(figure: "Figure", text: str) -> None:
    """Name the abscissa of all panels, in the margin below the last row; after the legend."""
    figure.supxlabel(text, fontsize="medium", y=0.05 / figure.get_size_inches()[1], va="bottom")


def rest(axis: "Axes", lines: Sequence[tuple[Any, Any]], gid: str = "others") -> None:
    """Draw lines that get no colour of their own, as one thin grey artist."""
    if not lines:
        return
    import numpy as np

    gap = [np.nan]  # one path for all of them: a file half the size
    x = np.concatenate([part for one in lines for part in (one[0], gap)])
    y = np.concatenate([part for one in lines for part in (one[1], gap)])
    (found,) = axis.plot(x, y, color="#9a9a9a", linewidth=0.6, zorder=1.5, label="others")
    found.set_gid(gid)


def labelled_rows(names: Sequence[str], width: float) -> tuple["Figure", "Axes", Any]:
    """Make a figure of one row a name, the first on top; answer it, its axes and the rows' ordinates."""
    import numpy as np
    from matplotlib.figure import Figure

    most = 60 if width > 6 else 26
    shown = [name if len(name) <= most else name[: most - 1] + "…" for name in names]
    left = 0.25 + 0.062 * max(map(len, shown))
    height = 0.19 * len(names) + 1.15
    figure = Figure(figsize=(width, height))
    axis = figure.add_axes(
        (left / width, 0.5 / height, (width - left - 0.15) / width, (height - 1.15) / height)
    )
    places = np.arange(len(names), dtype=float)[::-1]
    axis.set_yticks(places, shown, fontsize=7)
    axis.set_ylim(-0.7, len(names) - 0.3)
    return figure, axis, places


def caption(evidence: "Evidence", runs: "DataFrame", what: str, *notes: str) -> str:
    """Write a caption: what is drawn, of how many runs, seeds and queries, notes, how to draw it again."""
    parts = [what]
    if len(runs):
        seeds = runs.groupby(["problem_name", "solver", "solver_parameters", "budget"])["seed"].nunique()
        parts.append(
            f"{count_of(len(runs), 'run')}, {span(seeds)} seed{'s' if seeds.max() > 1 else ''} each, "
            f"budget {span(runs['budget'])} queries."
        )
    return " ".join([*parts, *filter(None, notes), f"Redraw: {evidence.command}."])


def count_of(number: int, noun: str) -> str:
    """Write a number with its noun, ``1 run`` or ``2,000 runs``."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"


def span(numbers: Iterable[float]) -> str:
    """Write one number, or the smallest and the largest of several."""
    found = sorted(set(numbers))
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"


def title_of(run: Any, width: int = 36, **more: Any) -> str:
    """Name the problem of one row of runs over a few lines, for a panel."""
    import textwrap

    head, _, rest = run.problem_name.partition(" (")
    parts = [*rest.removesuffix(")").split(", "), *(f"{key} {value}" for key, value in more.items())]
    # a no-break space keeps a key and its value on one line
    kept = ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts if part)
    return "\n".join([head, *textwrap.wrap(kept, width, break_on_hyphens=False)[:3]])
