"""Anytime performance: the area under the runtime ECDF of every solver on every problem, one row a solver."""

from typing import Any

import numpy as np

from zobench.curves import leading, lines, runtimes_of
from zobench.drawing import caption, labelled_rows
from zobench.errors import ZobenchError
from zobench.performance.ecdf import areas
from zobench.performance.pairs import mean_interval
from zobench.report import Drawing, Evidence, Report

#: Solvers of a figure.
ROWS = 60


def found_areas(evidence: Evidence) -> tuple[Any, str]:
    """Tabulate the areas, rows problems and columns solvers, or say why there are none."""

    def made() -> tuple[Any, str]:
        runtimes, why = runtimes_of(evidence)
        if runtimes is None:
            return None, why
        try:
            return areas(runtimes), ""
        except ZobenchError as error:
            return None, str(error)

    return evidence.keep("areas", made)


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw the rows, the largest mean first."""
    table, _ = found_areas(evidence)
    runtimes, _ = runtimes_of(evidence)
    assert runtimes is not None
    runs = lines(evidence)
    runs = runs[runs["problem_name"].isin(table.index)]
    chosen = leading(evidence, runs, ROWS)
    order = [
        name for name in table.mean().sort_values(ascending=False, kind="stable").index if name in chosen
    ]
    told = [f"{name} ({int(table[name].notna().sum())}/{len(table)})" for name in order]
    figure, axis, places = labelled_rows(told, evidence.width)
    looks = runs.drop_duplicates("label").set_index("label")
    for name, place in zip(order, places, strict=True):
        own = table[name].dropna().to_numpy(float)
        style = evidence.style(looks.loc[name, "solver"], int(looks.loc[name, "variant"]))
        (dots,) = axis.plot(own, np.full(own.size, place), style.marker, color=style.color, alpha=0.5)
        dots.set_gid(f"areas {name}")
        mean, low, high = mean_interval(own)
        if np.isfinite(low):
            band = axis.hlines(place, low, high, color="#222222", linewidth=1.2)
            band.set_gid(f"interval {name}")
        (bar,) = axis.plot([mean], [place], "|", color="#222222", markersize=11, markeredgewidth=2)
        bar.set_gid(f"mean {name}")
    axis.set_xlim(0.0, 1.05 * float(table[order].max(axis=None)) or 1.0)
    axis.set_xlabel("area under the runtime ECDF, as a part of the whole")
    high = float((runtimes.runs["budget"] / runtimes.runs["dim"]).min())
    met = table.notna().all(axis=None)
    text = caption(
        evidence,
        runs,
        f"Area under the runtime ECDF over log10(queries / dim) from 0 to {np.log10(high):.3g}, where the "
        "first budget ends: one dot a problem, the mean over targets and seeds; bar: mean over problems; "
        "line: its "
        "95 per cent bootstrap interval, from five problems on.",
        "1: every target hit at once; 0: none hit. Behind a name: problems met of those there are.",
        "" if met else "Means of solvers that met different problems do not compare.",
        f"Not drawn: {table.shape[1] - len(order)} solvers with less area."
        if table.shape[1] > len(order)
        else "",
    )
    return [Drawing(figure, text, table.rename_axis("problem").reset_index())]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    return found_areas(evidence)[1]


report = Report(
    name="anytime", title="Anytime performance: area under the runtime ECDF", draw=draw, missing=missing
)
