"""Exponents: how what is measured grows in K, d, ..., beside how the bound grows, on logarithmic axes."""

import re
import textwrap
from typing import Any

import numpy as np

from zobench.drawing import caption, count_of, legend, panels, span
from zobench.report import Drawing, Evidence, Report

#: Panels of one figure; more make more figures.
PANELS = 12


def fits(evidence: Evidence) -> Any:
    """Give the verdicts on exponents, with the factor and its first and last level."""
    rows = evidence.verdicts
    if not len(rows) or "relation" not in rows:
        return rows.iloc[:0]
    rows = rows[(rows["relation"] == "slope") & np.isfinite(rows["mean"].astype(float))]
    pattern = r"exponent in (\w+) of (.*), \w+ from (\S+) to (\S+)"
    found = [re.match(pattern, text) for text in rows["quantity"]]
    parts = [match.groups() if match else ("", "", "nan", "nan") for match in found]
    rows = rows.assign(
        factor=[part[0] for part in parts],
        what=[part[1] for part in parts],
        first=[float(part[2]) for part in parts],
        last=[float(part[3]) for part in parts],
        points=rows["points"] if "points" in rows else None,
    )
    return rows[rows["factor"] != ""]


def levels(row: Any) -> np.ndarray:
    """Give the levels that were fitted, as rows: abscissa, ordinate, and two limits of what was measured.

    Of K(eps) the abscissa is eps, which has the limits, and the ordinate K.  Empty for a verdict that
    was kept without them.
    """
    kept = row.points if isinstance(row.points, list | tuple) else ()
    found = np.array(kept, dtype=float).reshape(-1, 4)
    found = found[(np.isfinite(found[:, :2]) & (found[:, :2] > 0.0)).all(axis=1)]
    return found[:, [1, 0, 2, 3]].T if in_eps(row) else found.T


def in_eps(row: Any) -> bool:
    """Say whether K(eps) was fitted, whose levels are those of K."""
    return bool(row.what == "K(eps)")


def _ends(row: Any) -> np.ndarray:
    """Give the first and last abscissa as parts of the first, where the levels were not kept."""
    ratio = row.last / row.first
    return np.array([1.0, ratio ** (1.0 / row.bound) if in_eps(row) else ratio])


def _panel(axis: Any, row: Any) -> None:
    points = levels(row)
    if points.shape[1] > 1:
        ends = points[0][[0, -1]]
        middle = np.exp(np.log(points[:2]).mean(axis=1))  # least squares go through it
        across = in_eps(row)
        found = points[0 if across else 1]
        # a limit that is not positive, or infinite, is on no logarithmic axis
        known = np.isfinite(points[2:]) & (points[2:] > 0.0)
        far = np.abs(np.where(known, points[2:], found) - found)
        bars = axis.errorbar(
            *points[:2],
            **{"xerr" if across else "yerr": far},
            fmt="o",
            color="#0173b2",
            markersize=4,
            elinewidth=1,
            label="measured, two standard errors",
        )
        bars[0].set_gid("levels")
    else:
        ends, middle = _ends(row), np.ones(2)

    def power(exponent: float) -> np.ndarray:
        return np.asarray(middle[1] * (ends / middle[0]) ** exponent)

    low, high = (row.ci_low, row.ci_high) if np.isfinite(row.ci_low) else (row.mean, row.mean)
    along = np.geomspace(ends[0], ends[1], 3) if points.shape[1] > 1 else ends
    sides = [middle[1] * (along / middle[0]) ** exponent for exponent in (low, high)]
    fan = axis.fill_between(along, *sides, color="#0173b2", alpha=0.25, linewidth=0)
    fan.set_gid("interval")
    fan.set_visible(low != high)
    (line,) = axis.plot(ends, power(row.mean), color="#0173b2", label="fit, 95 % interval")
    line.set_gid("measured")
    foot, top = power(row.bound)
    (triangle,) = axis.plot(
        [ends[0], ends[1], ends[1], ends[0]],
        [foot, foot, top, foot],
        color="#222222",
        linewidth=1,
        label="bound",
    )
    triangle.set_gid("triangle")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.minorticks_off()
    what = textwrap.wrap(f"{row.factor}: {row.what}", 38, break_on_hyphens=False)[:2]
    axis.set_title(
        "\n".join(
            [
                row.theorem,
                *what,
                f"{row.mean:.2f} [{low:.2f}, {high:.2f}], bound {row.bound:.2f}",
                row.verdict,
            ]
        ),
        loc="left",
        fontsize=8,
    )
    factor = "K" if row.factor == "eps" and not in_eps(row) else row.factor
    axis.set_xlabel(factor if points.shape[1] > 1 else f"{factor} / first level")


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one panel an exponent."""
    rows, drawings = fits(evidence), []
    for first in range(0, len(rows), PANELS):
        part = rows.iloc[first : first + PANELS]
        figure, axes = panels(len(part), evidence.width, height=2.9)
        for axis, row in zip(axes, part.itertuples(), strict=True):
            _panel(axis, row)
        legend(figure, axes)
        text = caption(
            evidence,
            evidence.runs.iloc[:0],
            f"{count_of(len(part), 'exponent')} fitted to means over {span(part['seeds'])} seeds a level, "
            "beside the triangle of the bound's own exponent over the same levels; all go through the middle "
            "of the levels, and what is compared is how steep they are.",
            "Points: means, with two standard errors; fan: 95 per cent interval of the exponent. Constants "
            "that change with d or r are divided out as the bound has them; of K(eps) the point is the eps "
            "that the mean after K steps stands for. Budgets are those that the theorem prescribes at each "
            "level.",
            f"Of {count_of(bare, 'exponent')} the store has no levels: the line is the fit from 1 on."
            if (bare := sum(levels(row).shape[1] < 2 for row in part.itertuples()))
            else "",
        )
        columns = [
            "theorem",
            "factor",
            "what",
            "first",
            "last",
            "mean",
            "ci_low",
            "ci_high",
            "bound",
            "verdict",
        ]
        drawings.append(Drawing(figure, text, part[columns]))
    return drawings


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    return "" if len(fits(evidence)) else "no exponent was fitted; `zobench verify --slopes` fits them"


report = Report(
    name="slopes", title="Exponents measured and predicted", draw=draw, missing=missing, part="theorems"
)
