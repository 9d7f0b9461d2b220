"""Exponents: how what is measured grows in K, d, ..., beside how the bound grows, on logarithmic axes."""

import re
from typing import Any

import numpy as np

from zobench.drawing import caption, count_of, legend, panels
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
    )
    return rows[rows["factor"] != ""]


def _panel(axis: Any, row: Any) -> None:
    # K(eps) is fitted over K: the levels of eps are those at which the bound takes so many steps
    ratio = row.last / row.first
    ends = np.array([1.0, ratio ** (1.0 / row.bound) if row.factor == "eps" else ratio])
    low, high = (row.ci_low, row.ci_high) if np.isfinite(row.ci_low) else (row.mean, row.mean)
    fan = axis.fill_between(ends, ends**low, ends**high, color="#0173b2", alpha=0.25, linewidth=0)
    fan.set_gid("interval")
    (line,) = axis.plot(ends, ends**row.mean, color="#0173b2", marker="o", label="measured")
    line.set_gid("measured")
    if low == high:
        fan.set_visible(False)
    foot = ends[0] ** row.bound
    tall = [ends[0], ends[1], ends[1], ends[0]]
    (triangle,) = axis.plot(
        tall, [foot, foot, ends[1] ** row.bound, foot], color="#222222", linewidth=1, label="bound"
    )
    triangle.set_gid("triangle")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.minorticks_off()
    axis.set_title(
        f"{row.theorem}\nin {row.factor}: {row.mean:.2f} [{low:.2f}, {high:.2f}],\n"
        f"bound {row.bound:.2f}, {row.verdict}",
        loc="left",
    )
    axis.set_xlabel(f"{row.factor} / first level")


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one panel an exponent."""
    rows, drawings = fits(evidence), []
    for first in range(0, len(rows), PANELS):
        part = rows.iloc[first : first + PANELS]
        figure, axes = panels(len(part), evidence.width, height=3.0)
        for axis, row in zip(axes, part.itertuples(), strict=True):
            _panel(axis, row)
        legend(figure, axes)
        text = caption(
            evidence,
            evidence.runs.iloc[:0],
            f"{count_of(len(part), 'exponent')} fitted to means over {part['seeds'].min()} to "
            f"{part['seeds'].max()} seeds a level, beside the triangle of the bound's own exponent over "
            "the same levels; both begin at 1.",
            "Fan: 95 per cent interval of the exponent. The levels' means are not kept in a store: the line "
            "is the fit. Budgets are those that the theorem prescribes at each level.",
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
