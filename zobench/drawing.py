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
    "shortened",
    "span",
    "theme",
    "ticks",
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

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> def draw(evidence):
    ...     for label, runs in labelled(evidence.runs).groupby("label"):
    ...         best = runs["best"].median()
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
    """Make the instance of one row of runs again; None if this installation does not have the problem.

    Parameters
    ----------
    run : row of `Evidence.runs`

    Returns
    -------
    Instance or None

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> facts = {"problem": "quadratic", "dim": 3, "instance_seed": 0, "problem_parameters": "{}"}
    >>> instance_of(SimpleNamespace(**facts, noise="")).dim
    3
    """
    return _instance(run.problem, int(run.dim), int(run.instance_seed), run.problem_parameters, run.noise)


@contextmanager
def theme() -> Iterator[None]:
    """Draw inside this in zobench's style; outside, nothing changed.

    Returns
    -------
    context manager

    Examples
    --------
    >>> import matplotlib
    >>> before = dict(matplotlib.rcParams)
    >>> with theme():
    ...     pass
    >>> dict(matplotlib.rcParams) == before
    True
    """
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
                "axes.titley": 1.0,  # nothing stands above a panel that a title would have to give way to
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

    Returns
    -------
    bytes

    Examples
    --------
    >>> figure, axes = panels(1, width=5.0)
    >>> legend(figure, axes)
    >>> image(figure, "png")[1:4]
    b'PNG'
    """
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not axis.get_label_text():  # or room is sought for it at every rendering
                axis.set_label_coords(0.5, 0.0)
    with theme():
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata, facecolor="white")
    data = buffer.getvalue()
    if kind == "svg":
        # a hundredth of a point draws the same picture in half the bytes; scales of letters stay
        data = re.sub(rb"(scale\([^)]*\)|\d+\.\d{2})\d*", rb"\1", data)
        data = re.sub(rb"([ML]) ([-\d.]+) ([-\d.]+) \n", rb"\1\2 \3", data)
    return data


#: Inches around panels: for tick labels and the axis' name, right, below the last row, between rows.
LEFT, RIGHT, BELOW, BETWEEN = 0.72, 0.12, 0.52, 0.34
#: Inches of one line of a legend, of one line of a panel's title, and above a title.
ENTRY, LINE, ABOVE = 0.172, 0.155, 0.12
#: Characters of a name in a legend.
LONGEST = 48
#: Inches that a single panel is wide at most.
SINGLE = 5.6


def panels(
    count: int,
    width: float,
    height: float = 2.7,
    least: float = 2.9,
    left: float = LEFT,
    title: float | None = None,
) -> tuple["Figure", list["Axes"]]:
    """Make a figure of `count` panels, as many beside each other as `width` inches allow.

    When they are drawn, `legend` gives the figure its height and places them: margins are set in inches and
    not searched for, which takes a third of the time.

    Parameters
    ----------
    count : int
    width : float
        Of the figure, in inches.
    height : float
        Of a row of panels, without the lines of its titles but the first two.
    least : float
        Inches that a panel needs.
    left : float
        Inches left of each panel.
    title : float, optional
        Inches above each panel, if not counted by the lines of its title; `height` is then with all of them.

    Returns
    -------
    Figure, list of Axes

    Examples
    --------
    >>> figure, axes = panels(5, width=9.6)
    >>> len(axes), figure.get_size_inches().tolist()[0]
    (5, 9.6)
    """
    from matplotlib.figure import Figure

    columns = max(1, min(count, int(width // least)))
    if columns == 1:
        width = min(width, left + SINGLE)
    rows = -(-count // columns)
    figure = Figure(figsize=(width, rows * height + 0.5))
    inner = height - (title if title is not None else 2.0 * LINE + ABOVE + BETWEEN)
    figure.margins = (inner, left, title)  # type: ignore[attr-defined]
    grid = figure.add_gridspec(rows, columns)
    axes = [figure.add_subplot(grid[place // columns, place % columns]) for place in range(count)]
    for axis in axes:
        axis.minorticks_off()
    spread(figure, axes, 0.0)
    return figure, axes


def spread(figure: "Figure", axes: Sequence["Axes"], above: float) -> None:
    """Place the panels of a grid by margins in inches, below what a legend takes."""
    high, left, title = figure.margins  # type: ignore[attr-defined]
    [grid] = {axis.get_subplotspec().get_gridspec() for axis in axes}  # type: ignore[union-attr]
    rows, columns = grid.nrows, grid.ncols
    tops = [ABOVE] * rows
    for place, axis in enumerate(axes):
        text = axis.get_title(loc="left")
        # the size of titles is 9 points, or less
        inches = ABOVE + LINE * (text.count("\n") + bool(text)) if title is None else title
        tops[place // columns] = max(tops[place // columns], inches)
    between = BETWEEN + (0.16 if any(axis.get_xlabel() for axis in axes) else 0.0)
    width = figure.get_size_inches()[0]
    wide = (width - columns * left - RIGHT) / columns
    tall = above + BELOW + sum(tops) + rows * high + (rows - 1) * between
    figure.set_size_inches(width, tall)
    at = tall - above
    for row in range(rows):
        at -= tops[row] + high
        for column, axis in enumerate(axes[row * columns : (row + 1) * columns]):
            corner = (left + column * (wide + left)) / width, at / tall, wide / width, high / tall
            axis.set_position(corner)
        at -= between


def legend(figure: "Figure", axes: Sequence["Axes"], last: Sequence[str] = ()) -> None:
    """Put one legend above all panels and place them; after all has been drawn into them.

    Parameters
    ----------
    figure : Figure
        Of `panels`.
    axes : sequence of Axes
    last : sequence of str
        Labels that come last, in this order; those before them are sorted.

    Examples
    --------
    >>> figure, axes = panels(2, width=9.6)
    >>> lines = axes[0].plot([1, 2], [3, 4], label="s2p")
    >>> legend(figure, axes)
    """
    entries: dict[str, Any] = {}
    for axis in axes:
        ticks(axis)
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if not entries:
        spread(figure, axes, 0.0)
        return
    ending = [name for name in ("others", *last) if name in entries]
    names = sorted(set(entries) - set(ending)) + ending
    width = figure.get_size_inches()[0]
    shown = [shortened(name, LONGEST) for name in names]
    columns = max(1, min(len(names), int(width / (0.6 + 0.075 * max(map(len, shown))))))
    lines = -(-len(names) // columns)
    spread(figure, axes, ENTRY * lines + 0.06)
    figure.legend(
        [entries[name] for name in names],
        shown,
        loc="upper center",
        ncols=columns,
        borderaxespad=0.2,
        handlelength=2.4,
        labelspacing=0.35,
    )


def ticks(axis: "Axes") -> None:
    """Label logarithmic axes of less than two decades with plain numbers, up to six of them.

    Longer ones keep powers of ten, seven at most.

    Parameters
    ----------
    axis : Axes

    Examples
    --------
    >>> figure, axes = panels(1, width=5.0)
    >>> axes[0].set_xscale("log")
    >>> ticks(axes[0])
    """
    from math import floor, log10

    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

    figure = axis.get_figure(root=True)
    assert figure is not None
    for side, limits in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
        if side.get_scale() != "log" or isinstance(side.get_major_locator(), FixedLocator):
            continue
        low, high = sorted(limits)
        if not 0.0 < low < high:
            continue
        side.set_minor_locator(NullLocator())
        decades = log10(high / low)
        if decades >= 2.0:
            inches = figure.get_size_inches()[0] * axis.get_position().width
            most = 7 if side is axis.yaxis else max(3, min(7, int(inches / 0.45)))
            side.set_major_locator(LogLocator(numticks=most))
            continue
        places = _plain_places(low, high, floor)
        side.set_major_locator(FixedLocator(places))
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.5g}"))


def _plain_places(low: float, high: float, floor: Any) -> list[float]:
    """Choose up to six round numbers between two that are less than a hundredfold apart."""
    from math import log10

    from matplotlib.ticker import MaxNLocator

    if high / low > 3.0:
        first = floor(log10(low))
        wanted = (1, 2, 5) if high / low > 8.0 else (1, 1.5, 2, 3, 4, 6, 8)
        found = [step * 10.0**power for power in range(first, first + 4) for step in wanted]
    else:
        found = [float(place) for place in MaxNLocator(5).tick_values(low, high)]
    return [place for place in found if low <= place <= high]


def below(figure: "Figure", text: str) -> None:
    """Name the abscissa of all panels, in the margin below the last row; after the legend.

    Parameters
    ----------
    figure : Figure
    text : str

    Examples
    --------
    >>> figure, axes = panels(1, width=5.0)
    >>> legend(figure, axes)
    >>> below(figure, "queries")
    """
    figure.supxlabel(text, fontsize="medium", y=0.05 / figure.get_size_inches()[1], va="bottom")


def rest(axis: "Axes", lines: Sequence[tuple[Any, Any]], gid: str = "others") -> None:
    """Draw lines that get no colour of their own, as one thin grey artist.

    Parameters
    ----------
    axis : Axes
    lines : sequence of (abscissas, ordinates)
    gid : str
        Name of the artist.

    Examples
    --------
    >>> figure, axes = panels(1, width=5.0)
    >>> rest(axes[0], [([1, 2], [3, 4])])
    """
    if not lines:
        return
    import numpy as np

    gap = [np.nan]  # one path for all of them: a file half the size
    x = np.concatenate([part for one in lines for part in (one[0], gap)])
    y = np.concatenate([part for one in lines for part in (one[1], gap)])
    (found,) = axis.plot(x, y, color="#9a9a9a", linewidth=0.6, zorder=1.5, label="others")
    found.set_gid(gid)


def shortened(text: str, most: int) -> str:
    """Leave out the middle of a long text: names differ in how they begin and in how they end.

    Parameters
    ----------
    text : str
    most : int
        Letters.

    Returns
    -------
    str

    Examples
    --------
    >>> len(shortened("a name that is far too long", 12)) <= 12
    True
    """
    if len(text) <= most:
        return text
    head = (most - 1) * 3 // 5
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def labelled_rows(names: Sequence[str], width: float, above: float = 0.3) -> tuple["Figure", "Axes", Any]:
    """Make a figure of one row a name, the first on top; answer it, its axes and the rows' ordinates.

    Parameters
    ----------
    names : sequence of str
    width : float
        Inches.
    above : float
        Inches above the rows.

    Returns
    -------
    Figure, Axes, vector of ordinates

    Examples
    --------
    >>> figure, axis, ordinates = labelled_rows(["s2p", "stp"], 9.6)
    >>> len(ordinates)
    2
    """
    import numpy as np
    from matplotlib.figure import Figure

    most, size = (60, 7.0) if width > 6 else (34, 6.0)
    shown = [shortened(name, most) for name in names]
    left = 0.25 + 0.0088 * size * max(map(len, shown))
    height = 0.19 * len(names) + 0.55 + above
    figure = Figure(figsize=(width, height))
    axis = figure.add_axes(
        (left / width, 0.55 / height, (width - left - 0.15) / width, (height - 0.55 - above) / height)
    )
    places = np.arange(len(names), dtype=float)[::-1]
    axis.set_yticks(places, shown, fontsize=size)
    axis.set_ylim(-0.7, len(names) - 0.3)
    return figure, axis, places


def caption(evidence: "Evidence", runs: "DataFrame", what: str, *notes: str) -> str:
    """Write a caption: what is drawn, of how many runs, seeds and queries, notes, how to draw it again.

    Parameters
    ----------
    evidence : Evidence
    runs : DataFrame
    what : str
        What is drawn.
    *notes : str

    Returns
    -------
    str

    Examples
    --------
    >>> def draw(evidence):
    ...     said = caption(evidence, evidence.runs, "the last values", "No run was left out.")
    """
    parts = [what]
    if len(runs):
        seeds = runs.groupby(["problem_name", "solver", "solver_parameters", "budget"])["seed"].nunique()
        parts.append(
            f"{count_of(len(runs), 'run')}, {span(seeds)} seed{'s' if seeds.max() > 1 else ''} each, "
            f"budget {span(runs['budget'])} queries."
        )
    return " ".join([*parts, *filter(None, notes), f"Redraw: {evidence.command}."])


def count_of(number: int, noun: str) -> str:
    """Write a number with its noun, ``1 run`` or ``2,000 runs``.

    Parameters
    ----------
    number : int
    noun : str

    Returns
    -------
    str

    Examples
    --------
    >>> count_of(2000, "run")
    '2,000 runs'
    """
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"


def span(numbers: Iterable[float]) -> str:
    """Write one number, or the smallest and the largest of several.

    Parameters
    ----------
    numbers : iterable of float

    Returns
    -------
    str

    Examples
    --------
    >>> span([3, 3]) != span([3, 5])
    True
    """
    found = sorted(set(numbers))
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"


def title_of(run: Any, width: int = 36, **more: Any) -> str:
    """Name the problem of one row of runs over a few lines, for a panel.

    Parameters
    ----------
    run : row of `Evidence.runs`
    width : int
        Letters of a line.
    **more : object
        What else the title says, by name.

    Returns
    -------
    str

    Examples
    --------
    >>> def draw(evidence):
    ...     for run in evidence.runs.itertuples():
    ...         title = title_of(run, budget=run.budget)
    """
    import textwrap

    head, _, rest = run.problem_name.partition(" (")
    parts = [*rest.removesuffix(")").split(", "), *(f"{key} {value}" for key, value in more.items())]
    # a no-break space keeps a key and its value on one line
    kept = ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts if part)
    return "\n".join([head, *textwrap.wrap(kept, width, break_on_hyphens=False)[:3]])
