"""Fixed target: the expected running time (ERT) to three targets, one dot a problem, one row a solver."""

from typing import Any

import numpy as np

from zobench.curves import leading, lines, runtimes_of
from zobench.drawing import caption, labelled_rows
from zobench.performance.measures import Runtimes, costs
from zobench.report import Drawing, Evidence, Report

TARGETS = (1e-1, 1e-3, 1e-5)
#: Solvers of a figure.
ROWS = 40


def _one(evidence: Evidence, found: Runtimes, runs: Any, target: float, chosen: set[str]) -> Drawing:
    table = evidence.keep(f"costs {target}", lambda: costs(found, target))[sorted(chosen)]
    dims = np.array([found.dims[name] for name in table.index], float)
    times = np.log10(table.div(dims, axis=0))
    told = [
        f"{name} ({int(np.isfinite(times[name]).sum())}/{int(times[name].notna().sum())})" for name in times
    ]
    figure, axis, places = labelled_rows(told, evidence.width)
    looks = runs.drop_duplicates("label").set_index("label")
    for name, place in zip(times, places, strict=True):
        own = times[name].to_numpy(float)
        style = evidence.style(looks.loc[name, "solver"], int(looks.loc[name, "variant"]))
        seen = own[np.isfinite(own)]
        (dots,) = axis.plot(seen, np.full(seen.size, place), style.marker, color=style.color, alpha=0.6)
        dots.set_gid(f"ert {name}")
        middle = np.quantile(own[~np.isnan(own)], 0.5, method="higher") if (~np.isnan(own)).any() else np.inf
        if np.isfinite(middle):
            (bar,) = axis.plot([middle], [place], "|", color="#222222", markersize=13, markeredgewidth=2)
            bar.set_gid(f"middle {name}")
    axis.set_xlabel("log10(ERT / dim)")
    axis.set_title(f"target {target:g}", loc="left")
    text = caption(
        evidence,
        runs,
        f"Expected running time, restarts included, until the gap is {target:g} of the first: one dot a "
        "problem; bar: the median problem, where half of them were solved.",
        "Behind a name: problems with a hit of those tried; a problem without one has no dot.",
        f"Not drawn: {len(found.solvers) - len(chosen)} solvers with less area under the ECDF."
        if len(found.solvers) > len(chosen)
        else "",
    )
    return Drawing(figure, text, table.rename_axis("problem").reset_index())


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one figure a target."""
    found, _ = runtimes_of(evidence)
    assert found is not None
    runs = lines(evidence)
    runs = runs[runs["problem_name"].isin(found.problems)]
    chosen = leading(evidence, runs, ROWS)
    return [_one(evidence, found, runs, target, chosen) for target in TARGETS]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    return runtimes_of(evidence)[1]


report = Report(name="fixed-target", title="Fixed target: expected running times", draw=draw, missing=missing)
