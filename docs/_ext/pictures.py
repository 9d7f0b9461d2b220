"""The small pictures of the catalogue: level lines or a cut of a problem, convergence of a solver.

A picture is drawn again only when a file that it depends on has changed: its name carries a digest of them.
Lines and letters are of colours that can be seen on white and on black.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Picture", "draw_all", "home_of", "sources"]

GREY = "#808080"
HUES = ("#c2410c", "#0e7490", "#7c3aed")
IMPORT = re.compile(r"^\s*(?:from|import) (zobench[.\w]*)(?: import (.+))?", re.MULTILINE)
#: What solvers are drawn on: the first that they take.
STAGES: tuple[tuple[str, dict[str, float]], ...] = (
    ("quadratic", {"condition": 10.0}),
    ("fixed-rank-approximation", {}),
)
BUDGET, SEEDS = 2000, 5


class Picture(NamedTuple):
    """A drawn picture.

    Attributes
    ----------
    file : str
        Name of the SVG in the folder of pictures; empty where nothing can be drawn.
    said : str
        What it shows, in one sentence; or why there is none.
    """

    file: str
    said: str


def home_of(item: Any) -> str:
    """Give the name of the module that defines a problem or a solver."""
    function = getattr(item, "make", None) or getattr(item, "solve", None) or getattr(item, "step", None)
    return (function or item.load).__module__


@cache
def sources(module: str) -> frozenset[Path]:
    """Give the file of a module and of every module of zobench that it imports, near or far.

    Examples
    --------
    >>> sorted(path.name for path in sources("zobench.errors"))
    ['errors.py']
    """
    found: set[Path] = set()
    left = [module]
    while left:
        spec = find_spec(left.pop())
        if spec is None or not spec.origin or Path(spec.origin) in found:
            continue
        path = Path(spec.origin)
        found.add(path)
        for name, parts in IMPORT.findall(path.read_text(encoding="utf-8")):
            inner = (part for part in parts.split(",") if _is_module(name, part))
            left += [name, *(f"{name}.{part.strip(' (')}" for part in inner)]
    return frozenset(found)


def _is_module(package: str, part: str) -> bool:
    name = part.strip(" ()")
    try:
        return name.isidentifier() and find_spec(f"{package}.{name}") is not None
    except ModuleNotFoundError:  # the "package" is a module
        return False


def digest_of(kind: str, item: Any) -> str:
    """Give a digest of everything that a picture is made of."""
    parts = sorted(sources(home_of(item)) | {Path(__file__)})
    text = hashlib.sha256(kind.encode() + item.name.encode())
    for path in parts:
        text.update(path.read_bytes())
    return text.hexdigest()[:12]


def draw_all(items: Iterable[tuple[str, Any]], folder: Path) -> dict[tuple[str, str], Picture]:
    """Draw what is not there yet, in two processes, and take away what is no longer wanted.

    Parameters
    ----------
    items : iterable of (str, object)
        ``("problem", problem)`` or ``("solver", solver)``.
    folder : Path

    Returns
    -------
    dict of (kind, name) to Picture
    """
    folder.mkdir(parents=True, exist_ok=True)
    stems = {(kind, item.name): f"{kind}-{item.name}-{digest_of(kind, item)}" for kind, item in items}
    wanted = [key for key, stem in stems.items() if not (folder / f"{stem}.txt").is_file()]
    if wanted:
        with ProcessPoolExecutor(2) as pool:
            list(pool.map(_draw, wanted, [folder / stems[key] for key in wanted]))
    for path in folder.iterdir():
        if path.stem not in stems.values():
            path.unlink()
    return {key: _read(folder / stem) for key, stem in stems.items()}


def _read(stem: Path) -> Picture:
    picture = Path(f"{stem}.svg")
    return Picture(picture.name if picture.is_file() else "", Path(f"{stem}.txt").read_text(encoding="utf-8"))


def _draw(key: tuple[str, str], stem: Path) -> None:
    import matplotlib

    from zobench.errors import ZobenchError
    from zobench.registry import find

    matplotlib.use("svg")
    kind, name = key
    painter: Callable[[Any, Any], str] = {"problem": _problem, "solver": _solver}[kind]
    look = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,  # the same picture has the same bytes
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        **dict.fromkeys(
            ("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "text.color"), GREY
        ),
    }
    with matplotlib.rc_context(look):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.4, 3.1), layout="constrained")
        try:
            with np.errstate(all="ignore"):
                said = painter(find(f"{kind}s", name), figure.add_subplot())
            figure.savefig(f"{stem}.svg", transparent=True, metadata={"Date": None})
        except ZobenchError as error:
            said = f"Not drawn: {error}."
    Path(f"{stem}.txt").write_text(said, encoding="utf-8")


def _problem(problem: Any, axes: Any) -> str:
    instance = _smallest(problem)
    return _levels(instance, axes) if instance.dim == 2 else _cut(instance, axes)


def _called(instance: Any) -> str:
    from zobench.names import problem_name

    parameters = instance.parameters._asdict()
    return problem_name(instance.problem.name, instance.dim, instance.seed, parameters)


def _smallest(problem: Any) -> Any:
    """Give the instance of two dimensions, or else the default one."""
    from zobench.errors import ZobenchError

    try:
        return problem.instance(2)
    except ZobenchError:
        return problem.instance()


def _levels(instance: Any, axes: Any) -> str:
    """Draw level lines around the start and the minimiser, if one is known."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    points = np.array([instance.x0] if instance.x_star is None else [instance.x0, instance.x_star])
    middle = points.mean(axis=0)
    half = max(1.0, 0.9 * float(np.ptp(points, axis=0).max()))
    first, second = (np.linspace(centre - half, centre + half, 81) for centre in middle)
    values = np.array([[instance.value([x, y]) for x in first] for y in second])
    above = values - np.nanmin(np.where(np.isfinite(values), values, np.nan))
    shown = np.where(np.isfinite(above), above, np.nan)
    top = float(np.nanmax(shown))
    # levels crowd near the minimum, where the shape is
    levels = top * np.linspace(0.02, 1.0, 14) ** 2.5
    colours = ListedColormap(colormaps["viridis"](np.linspace(0.35, 0.8)))  # seen on white and on black
    axes.contour(first, second, shown, levels=levels, cmap=colours, linewidths=0.9)
    axes.plot(*instance.x0, "o", color=HUES[0], ms=5)
    axes.annotate("start", instance.x0, xytext=(4, 4), textcoords="offset points")
    if instance.x_star is not None:
        axes.plot(*instance.x_star, "*", color=HUES[0], ms=9)
        axes.annotate("minimiser", instance.x_star, xytext=(4, 4), textcoords="offset points")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    return f"Level lines of {_called(instance)}"


def _cut(instance: Any, axes: Any) -> str:
    """Draw f along the line from the start to the minimiser, or else against the gradient."""
    if instance.x_star is not None and np.any(instance.x_star != instance.x0):
        towards, words = instance.x_star - instance.x0, "the line from the start (0) to the minimiser (1)"
        along = np.linspace(-0.5, 1.5, 201)
    else:
        slope = instance.gradient(instance.x0) if instance.problem.gradient else np.ones(instance.dim)
        towards = -slope / np.sqrt(np.sum(slope**2))
        words = "the direction of steepest descent at the start (0)"
        along = np.linspace(-2.0, 4.0, 201)
    values = np.array([instance.value(instance.x0 + t * towards) for t in along])
    axes.plot(along, np.where(np.isfinite(values), values, np.nan), color=HUES[1])
    axes.plot(0.0, instance.value(instance.x0), "o", color=HUES[0], ms=5)
    axes.set(xlabel="place on the line", ylabel="f")
    finite = np.abs(values[np.isfinite(values)])
    if finite.max() > 1e4 * np.median(finite) and values.min() > 0.0:
        axes.set_yscale("log")  # a wall that would hide the rest
    else:
        axes.ticklabel_format(axis="y", scilimits=(-3, 4))
    return f"f along {words} of {_called(instance)}"


def _solver(solver: Any, axes: Any) -> str:
    """Draw best values over queries, the same five seeds for every solver."""
    from zobench.errors import ZobenchError
    from zobench.execute import run
    from zobench.instance import problem

    for name, chosen in STAGES:
        stage = problem(name, **chosen)
        try:
            traces = [run(stage, solver, budget=BUDGET, seed=seed) for seed in range(SEEDS)]
        except ZobenchError as error:
            fault = error
            continue
        break
    else:
        raise fault
    for trace in traces:
        floor = trace.reference or 0.0
        gap = np.maximum(trace.bests - floor, 1e-17)
        axes.plot(trace.queries, gap / (trace.start - floor), color=HUES[1], lw=1, alpha=0.8)
    axes.set(xscale="log", yscale="log", xlabel="queries", ylabel="(best - f*) / (f(x0) - f*)")
    return f"{solver.name} with its defaults on {_called(stage)}, {SEEDS} seeds, {BUDGET:,} queries"
