"""Sensitivity to a parameter: the final gap against a number that was varied, such as the step size."""

import json
from typing import Any

import numpy as np

from zobench.curves import MOST, quartiles
from zobench.drawing import caption, legend, panels, rest, title_of
from zobench.report import Drawing, Evidence, Report

#: Fewer values make no curve.
FEWEST = 3
#: Relative to the first gap, rounding hides what is smaller.
FLOOR = 1e-16
#: Panels drawn.
PANELS = 12


def sweeps(evidence: Evidence) -> dict[tuple[str, int, str], list[tuple[str, int, Any]]]:
    """Give by problem, budget and parameter the lines: solver, variant, and the runs with `value` and `gap`.

    A variant is a choice of the solver's other parameters.  `gap` is a part of the first gap, inf of a failed
    run.
    """
    return evidence.keep("sweeps", lambda: _sweeps(evidence))


def _sweeps(evidence: Evidence) -> dict[tuple[str, int, str], list[tuple[str, int, Any]]]:
    runs = evidence.campaign
    by = runs.groupby("problem_name")
    start, reference = (by[name].transform("max").astype(float) for name in ("start", "reference"))
    gap = (runs["best"].astype(float) - reference) / (start - reference)
    runs = runs.assign(gap=gap.where(runs["status"] != "failed", np.inf))[np.isfinite(reference)]
    found: dict[tuple[str, int, str], list[tuple[str, int, Any]]] = {}
    for (problem, solver, budget), group in runs.groupby(["problem_name", "solver", "budget"]):
        chosen = [json.loads(text) for text in group["solver_parameters"]]
        for name in chosen[0]:
            values = [one.get(name) for one in chosen]
            if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
                continue
            others = [json.dumps({key: v for key, v in one.items() if key != name}) for one in chosen]
            swept = group.assign(value=np.array(values, float)).groupby(others)
            kept = [own for _, own in swept if own["value"].nunique() >= FEWEST]
            if kept:
                lines = [(str(solver), variant, own) for variant, own in enumerate(kept)]
                found.setdefault((str(problem), int(budget), name), []).extend(lines)
    return found


def _line(axis: Any, evidence: Evidence, solver: str, variant: int, own: Any, alone: bool) -> tuple[Any, Any]:
    """Draw one line, with its band if it has a colour of its own; else answer it."""
    values, gaps = zip(*own.groupby("value")["gap"], strict=True)
    low, middle, high = np.maximum(np.array([quartiles(one.to_numpy()) for one in gaps]).T, FLOOR)
    if not alone:
        return np.array(values), middle
    style = evidence.style(solver, variant)
    label = solver + (f" ({variant + 1})" if variant else "")
    (line,) = axis.plot(
        values, middle, color=style.color, linestyle=style.dash, marker=style.marker, label=label
    )
    line.set_gid(f"sensitivity {label}")
    if min(map(len, gaps)) > 1:
        band = axis.fill_between(values, low, high, color=style.color, alpha=0.2, linewidth=0)
        band.set_gid(f"band {label}")
    return None, None


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one panel a problem, budget and parameter."""
    from pandas import concat

    every = sweeps(evidence)
    cases = dict(list(every.items())[:PANELS])
    budgets = {problem: {key[1] for key in cases if key[0] == problem} for problem, *_ in cases}
    figure, axes = panels(len(cases), evidence.width)
    tables, grey = [], 0
    for axis, ((problem, budget, name), lines) in zip(axes, cases.items(), strict=True):
        best = sorted(lines, key=lambda line: line[2].groupby("value")["gap"].median().min())
        kept = {line[:2] for line in best[:MOST]}
        others = [
            _line(axis, evidence, solver, variant, own, (solver, variant) in kept)
            for solver, variant, own in lines
        ]
        rest(axis, [pair for pair in others if pair[0] is not None])
        grey += len(lines) - len(kept)
        tables += [own.assign(parameter=name) for _, _, own in lines]
        if min(own["value"].min() for _, _, own in lines) > 0.0:
            axis.set_xscale("log")
        axis.set_yscale("log")
        axis.minorticks_off()
        more: dict[str, Any] = {"budget": f"{budget:,}"} if len(budgets[problem]) > 1 else {}
        axis.set_title(title_of(next(lines[0][2].itertuples()), **more), loc="left")
        axis.set_xlabel(name)
        axis.set_ylabel("final gap / first gap")
    legend(figure, axes)
    runs = concat(tables)
    several = (
        runs.groupby(["problem_name", "solver_parameters", "solver", "budget"])["seed"].nunique().max() > 1
    )
    text = caption(
        evidence,
        runs,
        "Gap of the best value at the end of the budget, as a part of the first gap, against a parameter "
        "that was varied while the others stayed. "
        + ("Line: median over seeds; band: first to third quartile." if several else "One seed, so no band."),
        "A failed run counts as infinite.",
        f"In grey: {grey} lines whose best value is worse than that of {MOST} others." if grey else "",
        f"Not drawn: {len(every) - len(cases)} pairs of problem and parameter."
        if len(every) > PANELS
        else "",
    )
    columns = ["problem_name", "solver", "budget", "parameter", "value", "seed", "gap"]
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
