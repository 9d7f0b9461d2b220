"""What figures share: the theme, panels, one legend, and how lines, panels and numbers are called."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from zobench.instance import Instance

__all__ = ["count_of", "instance_of", "labelled", "legend", "panels", "span", "theme", "title_of"]


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


def panels(count: int, width: float, height: float = 2.7) -> tuple["Figure", list["Axes"]]:
    """Make a figure of `count` panels, as many beside each other as `width` inches allow.

    Examples
    --------
    >>> figure, axes = panels(5, width=9.6)
    >>> len(axes), figure.get_size_inches().tolist()
    (5, [9.6, 5.9])
    """
    from matplotlib.figure import Figure

    columns = max(1, min(count, int(width // 2.9)))
    rows = -(-count // columns)
    figure = Figure(figsize=(width, rows * height + 0.5), layout="constrained")
    grid = figure.add_gridspec(rows, columns)
    return figure, [figure.add_subplot(grid[place // columns, place % columns]) for place in range(count)]


def legend(figure: "Figure", axes: Sequence["Axes"]) -> None:
    """Put one legend above all panels."""
    entries: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        names = sorted(entries)
        widest = max(len(name) for name in names)
        columns = max(1, int(figure.get_size_inches()[0] / (0.55 + 0.075 * widest)))
        figure.legend(
            [entries[name] for name in names],
            names,
            loc="outside upper center",
            ncols=min(columns, len(names)),
        )


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
