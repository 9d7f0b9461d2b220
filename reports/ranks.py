"""Mean ranks of the solvers over problems, with critical differences (Friedman's test and Nemenyi's).

The drawing is that of multiple comparisons: half the critical difference to either side of each mean rank, so
that two solvers differ where their bars do not overlap.  It holds many solvers, which the usual one does not.
"""

from typing import Any

import numpy as np

from zobench.curves import common_of, leading, lines
from zobench.drawing import caption, count_of, labelled_rows
from zobench.performance.ecdf import areas
from zobench.performance.measures import costs
from zobench.performance.ranks import RankTable, rank_table
from zobench.report import Drawing, Evidence, Report

TARGETS = (1e-1, 1e-3, 1e-5)
#: Fewer problems decide nothing about ranks.
FEWEST = 3
#: Solvers of a figure.
ROWS = 60


def rankings(evidence: Evidence) -> list[tuple[str, str, RankTable]]:
    """Give the criteria by which solvers are ranked, what each means, and the mean ranks."""

    def made() -> list[tuple[str, str, RankTable]]:
        runtimes, _ = common_of(evidence, FEWEST)
        assert runtimes is not None
        found = [
            (
                "area under the runtime ECDF",
                "anytime performance, over all targets up to the smallest budget",
                rank_table(1.0 - areas(runtimes)),
            )
        ]
        for target in TARGETS:
            table = costs(runtimes, target)
            if np.isfinite(table.to_numpy(float)).any():
                what = f"the ERT to {target:g} of the first gap; solvers without a hit share the last ranks"
                found.append((f"ERT to target {target:g}", what, rank_table(table)))
        return found

    return evidence.keep("rankings", made)


def _one(evidence: Evidence, runs: Any, criterion: str, what: str, found: RankTable) -> Drawing:
    from pandas import DataFrame

    chosen = leading(evidence, runs, ROWS)
    rows = [pair for pair in zip(found.solvers, found.mean_ranks, strict=True) if pair[0] in chosen]
    figure, axis, places = labelled_rows([name for name, _ in rows], evidence.width)
    looks = runs.drop_duplicates("label").set_index("label")
    half = 0.5 * found.critical_difference
    for (name, rank), place in zip(rows, places, strict=True):
        style = evidence.style(looks.loc[name, "solver"], int(looks.loc[name, "variant"]))
        bar = axis.hlines(place, rank - half, rank + half, color=style.color, linewidth=3, alpha=0.4)
        bar.set_gid(f"difference {name}")
        (dot,) = axis.plot([rank], [place], style.marker, color=style.color)
        dot.set_gid(f"rank {name}")
    axis.set_xlabel("mean rank over problems (1: best on every problem)")
    axis.set_title(f"by {criterion}", loc="left")
    decided = found.p <= found.level
    text = caption(
        evidence,
        runs,
        f"Mean ranks by {what}, over {count_of(found.problems, 'problem')} that every solver met, within "
        "equal budgets.",
        f"Bars: half of the critical difference {found.critical_difference:.3g} to either side (Nemenyi, "
        f"level {found.level:g}): two solvers differ where bars do not overlap."
        if decided
        else f"Nothing is decided: Friedman's test has p = {found.p:.2g}, so bars that do not overlap mean "
        "nothing either.",
        f"Friedman's test: p = {found.p:.2g}." if decided else "",
        "The ranks of two solvers depend on which others are ranked.",
        f"Not drawn: {len(found.solvers) - len(rows)} solvers with less area under the ECDF."
        if len(rows) < len(found.solvers)
        else "",
    )
    groups = {
        name: " ".join(str(number) for number, group in enumerate(found.groups, 1) if name in group)
        for name in found.solvers
    }
    table = DataFrame(
        {
            "solver": found.solvers,
            "mean_rank": found.mean_ranks,
            "groups": [groups[name] for name in found.solvers],
            "critical_difference": found.critical_difference,
            "friedman": found.statistic,
            "p": found.p,
        }
    )
    return Drawing(figure, text, table)


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one figure a criterion."""
    runtimes, _ = common_of(evidence, FEWEST)
    assert runtimes is not None
    runs = lines(evidence)
    runs = runs[runs["problem_name"].isin(runtimes.problems)]
    return [_one(evidence, runs, *ranking) for ranking in rankings(evidence)]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    return common_of(evidence, FEWEST)[1]


report = Report(name="ranks", title="Mean ranks with critical differences", draw=draw, missing=missing)
