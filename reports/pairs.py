"""Paired comparisons: queries of every solver over those of the leading one, on equal problems and seeds."""

from typing import Any

import numpy as np

from zobench.curves import leading, lines, runtimes_of
from zobench.drawing import caption, labelled_rows, ticks
from zobench.performance.pairs import pairwise
from zobench.report import Drawing, Evidence, Report

#: Solvers of a figure.
ROWS = 40
LEVEL = 0.05


def against_leader(evidence: Evidence) -> tuple[str, Any, Any]:
    """Give the leading solver, the rows of the others over it (ratio, low, high, p_holm), and all pairs."""
    return evidence.keep("pairwise", lambda: _against_leader(evidence))


def _against_leader(evidence: Evidence) -> tuple[str, Any, Any]:
    runtimes, _ = runtimes_of(evidence)
    assert runtimes is not None
    every = pairwise(runtimes)
    [leader] = leading(evidence, lines(evidence), 1)
    own = every[(every["first"] == leader) | (every["second"] == leader)].copy()
    turned = (own["second"] == leader).to_numpy()
    low, high = own["low"].to_numpy(float), own["high"].to_numpy(float)
    own = own.assign(
        solver=np.where(turned, own["first"], own["second"]),
        ratio=np.where(turned, 1.0 / own["ratio"], own["ratio"]),
        low=np.where(turned, 1.0 / high, low),
        high=np.where(turned, 1.0 / low, high),
    )
    return leader, own.sort_values(["ratio", "solver"], kind="stable").reset_index(drop=True), every


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw the rows, the smallest ratio first."""
    leader, rows, every = against_leader(evidence)
    shown = rows.head(ROWS)
    runs = lines(evidence)
    runs = runs[runs["label"].isin({leader, *shown["solver"]})]
    figure, axis, places = labelled_rows(
        [f"{row.solver} ({row.problems})" for row in shown.itertuples()], evidence.width
    )
    looks = runs.drop_duplicates("label").set_index("label")
    for row, place in zip(shown.itertuples(), places, strict=True):
        style = evidence.style(looks.loc[row.solver, "solver"], int(looks.loc[row.solver, "variant"]))
        if np.isfinite(row.low):
            bar = axis.hlines(place, row.low, row.high, color=style.color, linewidth=1.5)
            bar.set_gid(f"interval {row.solver}")
        filled = style.color if row.p_holm <= LEVEL else "white"
        (dot,) = axis.plot([row.ratio], [place], style.marker, color=style.color, markerfacecolor=filled)
        dot.set_gid(f"ratio {row.solver}")
    axis.axvline(1.0, color="#222222", linewidth=1)
    axis.set_xscale("log")
    ticks(axis)
    axis.set_xlabel(f"queries / queries of {leader}")
    text = caption(
        evidence,
        runs,
        f"Queries to the targets that either run of a pair hits, over those of {leader}, which has the "
        "largest area under the runtime ECDF: geometric mean over pairs of one seed, then over problems; a "
        "miss counts ten budgets.",
        "Bar: 95 per cent bootstrap interval over problems, from five on. Filled: p <= 0.05 in the "
        "signed-rank test over problems, "
        f"by Holm's procedure for all {len(every)} pairs of solvers. Behind a name: "
        "problems that both met.",
        f"Not drawn: {len(rows) - len(shown)} solvers with larger ratios." if len(rows) > len(shown) else "",
    )
    return [Drawing(figure, text, every)]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    runtimes, why = runtimes_of(evidence)
    if runtimes is None:
        return why
    if len(runtimes.solvers) < 2:
        return "solvers are compared, and there is one"
    return "" if len(against_leader(evidence)[1]) else "no two solvers met the same problem and seed"


report = Report(name="pairs", title="Paired comparisons with the leading solver", draw=draw, missing=missing)
