"""Fixed budget: how far each solver's runs have come after so many queries per dimension."""

from typing import Any

import numpy as np

from zobench.curves import leading, lines, runtimes_of
from zobench.drawing import caption, labelled_rows
from zobench.performance.tables import fixed_budget
from zobench.report import Drawing, Evidence, Report

#: Solvers of a figure.
ROWS = 40


def found_after(evidence: Evidence) -> tuple[list[Any], str]:
    """Tabulate the views at budgets that every run had, or say why there is none."""

    def made() -> tuple[list[Any], str]:
        runtimes, why = runtimes_of(evidence)
        if runtimes is None:
            return [], why
        most = float((runtimes.runs["budget"] / runtimes.runs["dim"]).min())
        budgets = sorted({most, *(10.0**power for power in (1, 2, 3, 4) if 10.0**power < most)})[-3:]
        return [(budget, fixed_budget(runtimes, budget)) for budget in budgets], ""

    return evidence.keep("fixed-budget", made)


def _one(evidence: Evidence, runs: Any, budget: float, table: Any, chosen: set[str]) -> Drawing:
    names = sorted(chosen)
    figure, axis, places = labelled_rows(names, evidence.width)
    looks = runs.drop_duplicates("label").set_index("label")
    for name, place in zip(names, places, strict=True):
        own = np.log10(table.loc[table["solver"] == name, "median"].to_numpy(float))
        style = evidence.style(looks.loc[name, "solver"], int(looks.loc[name, "variant"]))
        (dots,) = axis.plot(own, np.full(own.size, place), style.marker, color=style.color, alpha=0.6)
        dots.set_gid(f"gaps {name}")
        low, middle, high = np.quantile(own, (0.25, 0.5, 0.75), method="higher")
        band = axis.hlines(place, low, high, color=style.color, linewidth=3, alpha=0.35)
        band.set_gid(f"quartiles {name}")
        (bar,) = axis.plot([middle], [place], "|", color="#222222", markersize=13, markeredgewidth=2)
        bar.set_gid(f"middle {name}")
    axis.set_xlabel("log10 of the smallest target hit (0: none)")
    axis.set_title(f"after {budget:g} queries / dim", loc="left")
    text = caption(
        evidence,
        runs,
        f"Smallest target that the median run has hit after {budget:g} queries per dimension: one dot a "
        "problem; bar: the median problem; wide pale line: first to third quartile over problems.",
        f"Not drawn: {runs['label'].nunique() - len(names)} solvers with less area under the ECDF."
        if runs["label"].nunique() > len(names)
        else "",
    )
    return Drawing(figure, text, table)


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one figure a budget."""
    views, _ = found_after(evidence)
    runs = lines(evidence)
    runs = runs[runs["problem_name"].isin(views[0][1]["problem"])]
    chosen = leading(evidence, runs, ROWS)
    return [_one(evidence, runs, budget, table, chosen) for budget, table in views]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    return found_after(evidence)[1]


report = Report(name="fixed-budget", title="Fixed budget: targets hit by then", draw=draw, missing=missing)
