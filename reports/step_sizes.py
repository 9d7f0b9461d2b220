"""Sensitivity to a parameter: the final gap against a number that was varied, such as the step size."""

import json
from typing import Any

import numpy as np

from zobench.curves import quartiles
from zobench.drawing import caption, legend, panels
from zobench.report import Drawing, Evidence, Report

#: Fewer values make no curve.
FEWEST = 3
#: Panels drawn.
PANELS = 12


def sweeps(evidence: Evidence) -> dict[tuple[str, str], dict[tuple[str, str], Any]]:
    """Give by (problem, parameter) and (solver, the other parameters) the runs, with the column `value`."""
    runs = evidence.campaign
    runs = runs[np.isfinite(runs["reference"].astype(float))]
    found: dict[tuple[str, str], dict[tuple[str, str], Any]] = {}
    for (problem, solver, _), group in runs.groupby(["problem_name", "solver", "budget"]):
        chosen = [json.loads(text) for text in group["solver_parameters"]]
        for name in chosen[0]:
            values = [one.get(name) for one in chosen]
            if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
                continue
            others = [json.dumps({key: v for key, v in one.items() if key != name}) for one in chosen]
            for rest, own in group.assign(value=np.array(values, float)).groupby(others):
                if own["value"].nunique() >= FEWEST:
                    found.setdefault((problem, name), {})[solver, str(rest)] = own
    return found


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one panel a problem and parameter."""
    from pandas import concat

    cases = dict(list(sweeps(evidence).items())[:PANELS])
    figure, axes = panels(len(cases), evidence.width)
    tables = []
    for axis, ((problem, name), lines) in zip(axes, cases.items(), strict=True):
        seen: dict[str, int] = {}
        for (solver, _), own in lines.items():
            variant = seen[solver] = seen.get(solver, -1) + 1
            style = evidence.style(solver, variant)
            values = np.sort(own["value"].unique())
            gaps = [
                (one["best"].astype(float) - one["reference"]).to_numpy() / (one["start"] - one["reference"])
                for one in (own[own["value"] == value] for value in values)
            ]
            low, middle, high = np.array([quartiles(one) for one in gaps]).T
            floor = 1e-16
            label = solver + (f" ({variant + 1})" if variant else "")
            (line,) = axis.plot(
                values,
                np.maximum(middle, floor),
                color=style.color,
                linestyle=style.dash,
                marker=style.marker,
                label=label,
            )
            line.set_gid(f"sensitivity {label}")
            if min(map(len, gaps)) > 1:
                axis.fill_between(
                    values,
                    np.maximum(low, floor),
                    np.maximum(high, floor),
                    color=style.color,
                    alpha=0.2,
                    linewidth=0,
                )
            tables.append(own.assign(parameter=name))
        if min(own["value"].min() for own in lines.values()) > 0.0:
            axis.set_xscale("log")
        axis.set_yscale("log")
        axis.minorticks_off()
        axis.set_title(problem, loc="left")
        axis.set_xlabel(name)
        axis.set_ylabel("final gap / first gap")
    legend(figure, axes)
    runs = concat(tables)
    text = caption(
        evidence,
        runs,
        "Gap of the best value at the end of the budget, as a part of the first gap, against a parameter "
        "that was varied while the others stayed. Line: median over seeds; band: first to third quartile.",
        "A failed run counts as infinite.",
    )
    columns = ["problem_name", "solver", "parameter", "value", "seed", "best", "reference", "start"]
    return [Drawing(figure, text, runs[columns])]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    if not len(evidence.runs):
        return "the store holds no runs"
    if sweeps(evidence):
        return ""
    return f"no solver was run with {FEWEST} values of one parameter, the others equal"


report = Report(
    name="step-sizes", title="Sensitivity to the step size and other parameters", draw=draw, missing=missing
)
