"""Trajectories on the contours of problems in two dimensions: what the methods do, for teaching."""

from typing import Any

import numpy as np

from zobench.curves import lines
from zobench.drawing import caption, legend, panels, title_of
from zobench.report import Drawing, Evidence, Report
from zobench.rerun import iterates

#: Panels, and lines of a panel.
PANELS, LINES = 6, 6
#: Points of the grid of contours, in each direction.
GRID = 81


def walks(evidence: Evidence) -> list[tuple[Any, list[tuple[Any, Any]]]]:
    """Give for each problem in two dimensions its instance, and runs of one seed with their iterates."""
    return evidence.keep("walks", lambda: _walks(evidence))


def _walks(evidence: Evidence) -> list[tuple[Any, list[tuple[Any, Any]]]]:
    if not len(evidence.runs):
        return []
    runs, found = lines(evidence), []
    runs = runs[runs["dim"] == 2]
    for _, group in runs.groupby(["problem_name", "noise"], sort=True):
        first = group.sort_values("seed").drop_duplicates("label").head(LINES)
        walked = [(run, again) for run in first.itertuples() if (again := iterates(run)) is not None]
        if walked:
            found.append((walked[0][1][0], [(run, again[2]) for run, again in walked]))
        if len(found) == PANELS:
            break
    return found


def view(ends: np.ndarray, paths: list[Any]) -> tuple[np.ndarray, float]:
    """Choose the middle and half the side of a square that shows x0, x_star and the median walk whole.

    A walk that diverges, or leaps far away for a while, makes the square no larger.
    """
    scale = max(float(np.ptp(ends, axis=0).max()), 1e-9)
    middle = ends.mean(axis=0)
    reach = [float(np.quantile(np.abs(np.nan_to_num(path - middle, nan=1e300)), 0.98)) for path in paths]
    if len(ends) == 1:  # nothing but the walks says what is far
        return middle, 1.15 * max(scale, min(max(reach), 10.0 * min(reach), 1e6))
    return middle, 1.15 * min(max(0.5 * scale, float(np.quantile(reach, 0.5, method="lower"))), 3.0 * scale)


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one panel a problem."""
    from pandas import DataFrame

    cases = walks(evidence)
    figure, axes = panels(len(cases), evidence.width, height=3.3)
    for axis, (instance, walked) in zip(axes, cases, strict=True):
        ends = [instance.x0] if instance.x_star is None else [instance.x0, instance.x_star]
        middle, half = view(np.array(ends), [path for _, path in walked])
        grid = np.linspace(-half, half, GRID)
        values = np.array([[instance.value(middle + np.array([a, b])) for a in grid] for b in grid])
        floor = instance.certificates.floor
        logs = np.log10(np.maximum(values - (np.min(values) if floor is None else floor), 1e-12))
        axis.contour(
            middle[0] + grid,
            middle[1] + grid,
            logs,
            levels=12,
            colors="#b5b5b5",
            linewidths=0.6,
            linestyles="solid",
            zorder=1,
        )
        for run, path in walked:
            style = evidence.style(run.solver, run.variant)
            (line,) = axis.plot(
                path[:, 0],
                path[:, 1],
                color=style.color,
                marker=style.marker,
                markersize=2.5,
                linewidth=0.9,
                label=run.label,
            )
            line.set_gid(f"walk {run.label}")
        axis.plot(*instance.x0, "o", color="#222222", markersize=5, markerfacecolor="white", label="x0")
        if instance.x_star is not None:
            axis.plot(*instance.x_star, "*", color="#222222", markersize=9, label="x_star")
        axis.ticklabel_format(useOffset=False)
        axis.set_aspect("equal", adjustable="box", anchor="NW")
        axis.set_xlim(middle[0] - half, middle[0] + half)
        axis.set_ylim(middle[1] - half, middle[1] + half)
        axis.set_title(title_of(walked[0][0]), loc="left")
    legend(figure, axes)
    runs = DataFrame([run for _, walked in cases for run, _ in walked])
    text = caption(
        evidence,
        runs,
        "Iterates of the first seed on contours of log10(f - f_star), done again from the recorded keys with "
        "the same bits; up to 200 of them a run, evenly spaced in log steps. One seed, so no band.",
        f"Parts of a walk outside of the panel are cut. At most {PANELS} problems and {LINES} lines of each.",
    )
    return [Drawing(figure, text)]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    if not len(evidence.runs):
        return "the store holds no runs"
    if not (evidence.runs["dim"] == 2).any():
        return "no problem in the store has two dimensions"
    return "" if walks(evidence) else "no run in two dimensions can be done again with this installation"


report = Report(name="trajectories", title="Trajectories in two dimensions", draw=draw, missing=missing)
