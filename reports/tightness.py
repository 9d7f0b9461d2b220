"""Tightness of every theorem that was tried: measured / bound with limits, sorted, coloured by verdict."""

from typing import Any

import numpy as np

from zobench.drawing import caption, count_of, labelled_rows, ticks
from zobench.report import Drawing, Evidence, Report

#: Checks of one figure; more make more figures.
ROWS = 45
#: Verdicts with colours and markers, so that neither alone has to tell them apart.
LOOKS = {
    "refuted": ("#d55e00", "X"),
    "inconclusive": ("#de8f05", "^"),
    "not refuted": ("#56b4e9", "o"),
    "supported": ("#029e73", "s"),
}


def checks(evidence: Evidence) -> Any:
    """Give the checks whose ratio can be drawn, the largest first, with limits as parts of the bound."""
    rows = evidence.verdicts
    if not len(rows):
        return rows
    if "relation" in rows:
        rows = rows[rows["relation"] != "slope"]
    ratio, bound = rows["ratio"].astype(float), rows["bound"].astype(float)
    rows = rows.assign(ratio=ratio, low=rows["ci_low"] / bound, high=rows["ci_high"] / bound)
    rows = rows[np.isfinite(ratio) & (ratio > 0.0)]
    return rows.sort_values(["ratio", "theorem"], ascending=[False, True], kind="stable")


def _draw(evidence: Evidence, rows: Any) -> Any:
    instance = rows["instance"] if "instance" in rows else rows["problem"]
    names = [
        f"{theorem} · {place}"
        for theorem, place in zip(rows["theorem"], instance.fillna(rows["problem"]), strict=True)
    ]
    figure, axis, shown = labelled_rows(names, evidence.width, 0.3 if evidence.width > 6 else 0.5)
    lowest = max(1e-9, 0.5 * float(rows["ratio"].min()))
    for word, (color, marker) in LOOKS.items():
        mine = (rows["verdict"] == word).to_numpy()
        if not mine.any():
            continue
        own, at = rows[mine], shown[mine]
        low = np.clip(own["low"].fillna(own["ratio"]), lowest, None)
        high = np.where(np.isfinite(own["high"]), own["high"], 10.0 * own["ratio"])
        limits = axis.hlines(at, low, high, color=color, linewidth=1.4, alpha=0.8)
        limits.set_gid(f"limits {word}")
        (dots,) = axis.plot(own["ratio"], at, marker, color=color, markersize=5, label=word)
        dots.set_gid(f"ratio {word}")
    axis.axvline(1.0, color="#222222", linewidth=1)
    axis.axvspan(lowest, min(0.1, axis.get_xlim()[1]), color="#000000", alpha=0.05, linewidth=0)
    axis.set_xscale("log")
    axis.set_xlim(lowest, None)
    ticks(axis)
    axis.set_xlabel("measured / bound")
    axis.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=2 if evidence.width < 6 else 4,
        borderaxespad=0.2,
        columnspacing=1.2,
    )
    return figure


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw all checks, so many a figure."""
    rows, drawings = checks(evidence), []
    left = len(evidence.verdicts) - len(rows)
    for first in range(0, len(rows), ROWS):
        part = rows.iloc[first : first + ROWS]
        text = caption(
            evidence,
            evidence.runs.iloc[:0],
            f"{count_of(len(part), 'check')} of {count_of(part['theorem'].nunique(), 'theorem')}, "
            f"{part['seeds'].min()} to {part['seeds'].max()} seeds each: the measured mean over the bound, "
            "the largest first; bar: family-wise confidence limits of the mean.",
            "Right of 1 the mean is above the bound; in the shade, below 0.1, a check has no power. "
            "The runs' budgets are those that the theorems prescribe.",
            "A limit without an end is drawn to ten times the ratio."
            if not np.isfinite(part["high"].astype(float)).all()
            else "",
            f"Not drawn: {left} exponents, or ratios without a logarithm." if left else "",
        )
        columns = ["theorem", "problem", "steps", "seeds", "ratio", "low", "high", "verdict"]
        drawings.append(Drawing(_draw(evidence, part), text, part[columns]))
    return drawings


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    return "" if len(checks(evidence)) else "no theorem was tried; `zobench verify --store STORE` tries them"


report = Report(
    name="tightness",
    title="Tightness of the theorems: measured / bound",
    draw=draw,
    missing=missing,
    part="theorems",
)
