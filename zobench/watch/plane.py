"""The plane that a run is drawn in, the window on it, and the contours there."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.instance import Instance

__all__ = ["Plane", "contours", "plane_of", "window_of"]

Floats = NDArray[np.float64]

#: Points of the grid of contours in each direction: the most that f is quick enough for.
GRIDS = (97, 49, 25)
#: Seconds that the grid may take, roughly.
PATIENCE = 3.0
LEVELS = 14


@dataclass(frozen=True)
class Plane:
    """An affine plane of R^d with its own coordinates.

    Attributes
    ----------
    origin : vector of size d
    axes : array of shape (2, d), or (1, d) where d = 1
        Orthonormal.
    said : str
        What it is, for the page.

    Examples
    --------
    >>> floor = Plane(np.array([0.0, 0.0, 5.0]), np.eye(3)[:2], "the floor")
    >>> floor.project(np.array([1.0, 2.0, 9.0]), 0.0)
    [1.0, 2.0]
    >>> floor.point(1.0, 2.0).tolist()
    [1.0, 2.0, 5.0]
    """

    origin: Floats
    axes: Floats
    said: str

    def project(self, x: Floats, value: float) -> list[float]:
        """Give the coordinates of the nearest point of the plane; where d = 1, x and f(x).

        Parameters
        ----------
        x : array of shape (d,)
        value : float
            f(x), used where d = 1 only.

        Returns
        -------
        list of float
            Two numbers.
        """
        if self.axes.shape[0] == 1:
            return [float(x[0]), value]
        with np.errstate(all="ignore"):  # of a run that diverges
            return [float(a) for a in self.axes @ (x - self.origin)]

    def point(self, u: float, v: float) -> Floats:
        """Give the point of R^d at coordinates, for d of at least 2.

        Parameters
        ----------
        u, v : float

        Returns
        -------
        array of shape (d,)
        """
        return self.origin + u * self.axes[0] + v * self.axes[1]


def plane_of(instance: Instance, ends: Sequence[Floats]) -> Plane:
    """Choose the plane: all there is in two dimensions, else through x0 and the final iterates.

    Parameters
    ----------
    instance : Instance
    ends : sequence of vector
        The final iterates, one a solver.

    Returns
    -------
    Plane

    Examples
    --------
    >>> import zobench
    >>> quadratic = zobench.problem("quadratic", dim=5, condition=10)
    >>> plane_of(quadratic, [quadratic.x_star]).said.split(":")[0]
    'd = 5, drawn in the plane through x0, the final iterate and the direction of -grad f(x0)'
    """
    dim, x0 = instance.dim, instance.x0
    if dim <= 2:
        said = "the graph of f: x to the right, f(x) upward" if dim == 1 else "all of R^2"
        return Plane(np.zeros(dim), np.eye(dim), f"d = {dim}, drawn is {said}.")
    names = ["the final iterate"] if len(ends) == 1 else [f"final iterate {1 + i}" for i in range(len(ends))]
    candidates = [(name, end - x0) for name, end in zip(names, ends, strict=True)]
    if instance.problem.gradient is not None and instance.foreign is None:
        candidates.append(("the direction of -grad f(x0)", -instance.gradient(x0)))
    if instance.x_star is not None:
        candidates.append(("x_star", instance.x_star - x0))
    candidates += [(f"coordinate {i + 1}", row) for i, row in enumerate(np.eye(dim)[:3])]
    axes: list[Floats] = []
    kept: list[str] = []
    for name, direction in candidates:
        size = float(np.sqrt(np.sum(direction**2)))
        if len(axes) == 2 or not np.isfinite(size) or size == 0.0:
            continue
        rest = direction / size
        for axis in axes:
            rest = rest - (axis @ rest) * axis
        left = float(np.sqrt(np.sum(rest**2)))
        if left > 1e-6:
            axes.append(rest / left)
            kept.append(name)
    said = (
        f"d = {dim}, drawn in the plane through x0, {kept[0]} and {kept[1]}: points off it are shown "
        "at their nearest point in it, so that steps look shorter than they are and f is not the contour's."
    )
    return Plane(np.array(x0), np.array(axes), said)


def window_of(points: Floats, must: Floats) -> tuple[float, float, float]:
    """Give the middle and the half width of a square that shows points.

    Parameters
    ----------
    points, must : arrays of shape (n, 2)
        What is to be seen mostly, and wholly; points that are not finite are left aside.

    Returns
    -------
    float, float, float
        Both coordinates of the middle, and the half width.

    Examples
    --------
    A point of a hundred that is far from all others stays outside:

    >>> points = np.linspace([-1.0, -1.0], [1.0, 1.0], 99)
    >>> far = np.array([[1000.0, 0.0]])
    >>> u, v, half = window_of(np.concatenate([points, far]), must=points[:1])
    >>> half < 1.5
    True
    >>> u, v, half = window_of(points, must=far)
    >>> u - half < -1.0 < 1000.0 < u + half
    True
    """
    points = points[np.isfinite(points).all(axis=1)]
    must = must[np.isfinite(must).all(axis=1)]
    low, high = must.min(axis=0), must.max(axis=0)
    if len(points):
        ends = points.min(axis=0), points.max(axis=0)
        most = np.quantile(points, 0.02, axis=0), np.quantile(points, 0.98, axis=0)
        # all of the run, unless a few points are far from all others
        wide = float(np.max(ends[1] - ends[0])) > 3.0 * float(
            np.max(np.maximum(most[1], high) - np.minimum(most[0], low))
        )
        least, largest = most if wide else ends
        low, high = np.minimum(low, least), np.maximum(high, largest)
    middle = (low + high) / 2.0
    half = 0.62 * max(float((high - low).max()), 1e-9 * (1.0 + float(np.abs(middle).max())))
    return float(middle[0]), float(middle[1]), half


def _seconds(instance: Instance, point: Floats) -> float:
    """Time f, the shortest of a few: neither compiling nor a busy machine makes the picture coarse."""
    found = []
    for _ in range(6):
        begun = perf_counter()
        instance.value(point)
        found.append(perf_counter() - begun)
    return min(found)


def contours(instance: Instance, plane: Plane, window: tuple[float, float, float]) -> dict[str, Any]:
    """Give the level lines of f in a window: lists of points with the level's place between 0 and 1.

    Parameters
    ----------
    instance : Instance
    plane : Plane
    window : tuple of float
        As `window_of` gives it.

    Returns
    -------
    dict
        ``lines``: of each line its `level` and its `points`, pairs of coordinates.  Where d = 1 there is one
        line, the graph of f.

    Examples
    --------
    The lines of this problem are circles about its minimiser:

    >>> import zobench
    >>> quadratic = zobench.problem("quadratic", dim=2)
    >>> lines = contours(quadratic, plane_of(quadratic, []), (*quadratic.x_star, 1.0))["lines"]
    >>> lines[0]["level"], lines[-1]["level"]
    (0.0, 1.0)
    >>> radii = np.linalg.norm(np.array(lines[5]["points"]) - quadratic.x_star, axis=1)
    >>> bool(np.ptp(radii) < 0.01)
    True
    """
    u, v, half = window
    if plane.axes.shape[0] == 1:
        grid = np.linspace(u - half, u + half, 4 * GRIDS[0])
        line = [[float(x), instance.value(np.array([x]))] for x in grid]
        return {"lines": [{"level": 0.5, "points": [p for p in line if np.isfinite(p[1])]}]}
    from contourpy import contour_generator

    each = _seconds(instance, plane.point(u, v))
    side = next((side for side in GRIDS if each * side**2 <= PATIENCE), GRIDS[-1])
    grid = np.linspace(-half, half, side)
    values = np.array([[instance.value(plane.point(u + a, v + b)) for a in grid] for b in grid])
    finite = np.isfinite(values)
    if not finite.any():
        return {"lines": []}
    floor = instance.certificates.floor
    gaps = values - (values[finite].min() if floor is None else floor)
    top = gaps[finite].max()
    logs = np.log10(np.where(finite, np.maximum(gaps, 1e-12 * max(top, 1e-300)), np.nan))
    low, high = np.nanquantile(logs, 0.01), np.nanmax(logs)
    made = contour_generator(u + grid, v + grid, np.ma.masked_invalid(logs))
    lines = []
    for place, level in enumerate(np.linspace(low, high, LEVELS + 2)[1:-1]):
        for curve in made.lines(float(level)):
            spots = np.asarray(curve).round(10).tolist()
            lines.append({"level": place / (LEVELS - 1), "points": spots})
    return {"lines": lines}
