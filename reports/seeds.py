"""Every seed on its own: small panels, one a problem and solver, for those whose seeds differ most."""

from typing import Any

import numpy as np

from zobench.curves import finite_or, lines, table, traced
from zobench.drawing import below, caption, legend, panels, shortened
from zobench.report import Drawing, Evidence, Report

#: Small panels drawn.
PANELS = 12
#: Relative to the first gap, rounding hides what is smaller.
FLOOR = 1e-16


def spreads(evidence: Evidence) -> list[tuple[float, Any]]:
    """Give the groups of runs with several seeds and how many decades their last gaps span, widest first."""
    return evidence.keep("spreads", lambda: _spreads(evidence))


def _spreads(evidence: Evidence) -> list[tuple[float, Any]]:
    runs = lines(evidence)
    runs = runs[np.isfinite(runs["reference"].astype(float)) & traced(evidence, runs)]
    found = []
    for _, group in runs.groupby(["problem_name", "noise", "label"], sort=True):
        if len(group) < 2:
            continue
        scale = (group["start"] - group["reference"]).max()
        gaps = [finite_or(gap, 1e300) for gap in group["best"] - group["reference"]]
        logs = np.log10(np.maximum(gaps, FLOOR * scale))
        found.append((float(np.ptp(logs)), group))
    return sorted(found, key=lambda pair: -pair[0])


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw the panels."""
    from pandas import concat

    every = spreads(evidence)
    cases = every[:PANELS]
    narrow = evidence.width < 6
    figure, axes = panels(len(cases), evidence.width, height=2.0, least=2.0 if narrow else 2.3, left=0.6)
    for axis, (_, group) in zip(axes, cases, strict=True):
        first = next(group.itertuples())
        style = evidence.style(first.solver, first.variant)
        queries, best = table(evidence, group, "best", carry=True)
        scale = (group["start"] - group["reference"]).max()
        gaps = np.maximum(best - group["reference"].max(), FLOOR * scale)
        for seed, gap in zip(group["seed"], gaps, strict=True):
            (line,) = axis.plot(queries, gap, color=style.color, linewidth=0.6, alpha=0.6)
            line.set_gid(f"seed {seed}")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.minorticks_off()
        axis.tick_params(labelsize=7)
        title = f"{shortened(first.label, 36)}\n{shortened(first.problem_name, 36)}"
        axis.set_title(title, loc="left", fontsize=7)
    legend(figure, axes)
    below(figure, "queries")
    runs = concat([group for _, group in cases])
    text = caption(
        evidence,
        runs,
        "Gap of the best value so far, one line a seed, no band: the pairs of problem and solver whose last "
        "gaps differ most between seeds, the widest first.",
        f"Not drawn: {len(every) - len(cases)} pairs whose seeds differ less." if len(every) > PANELS else "",
    )
    return [Drawing(figure, text)]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    if not len(evidence.runs):
        return "the store holds no runs"
    return "" if spreads(evidence) else "no problem and solver has traces of two seeds with a reference value"


report = Report(name="seeds", title="Every seed on its own", draw=draw, missing=missing)
