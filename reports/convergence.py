"""Convergence curves, one panel a problem, with a theorem's bound where one applies.

Runs made to compare solvers show the gap, best - reference.  Runs observed for a theorem show what the
theorem speaks about, the mean of the gradient norm over the iterates so far; where the run's parameters are
those that the theorem prescribes, its bound is drawn over them at every prefix of the run.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from zobench.curves import MOST, leading, quartiles, said_of_leading, table, traced
from zobench.drawing import below, count_of, instance_of, labelled, legend, panels, rest, span, title_of
from zobench.errors import ZobenchError
from zobench.overlays import Overlay, overlays
from zobench.report import Drawing, Evidence, Report
from zobench.solver import Setting
from zobench.theorem import Case, Theorem, theorems

#: Panels of one figure; more problems make more figures.
PANELS = 12
#: Relative to the start's gap, rounding hides what is smaller.
FLOOR = 1e-16
#: More panels than this are not drawn.
MOST_PANELS = 36
#: Dashes of the limits.
LIMITS: dict[str, Any] = {
    "values": (0, (6, 2)),
    "line": "-",
    "preset": (0, (4, 1, 1, 1)),
    "bits": (0, (1, 1.2)),
    "deterministic": (0, (8, 1, 1, 1, 1, 1)),
}
#: Lines of a panel that have bands: more bands hide one another.
BANDS = 6


def bounds(run: Any) -> Iterator[tuple[Theorem, Case]]:
    """Give each theorem that bounds the running mean of this run: its problem, its parameters, its budget."""
    for theorem, method in theorems().values():
        if method.name != run.solver or theorem.curve != "running_mean":
            continue
        instance = instance_of(run)
        if instance is None or theorem.missing(instance):
            continue
        try:
            given = method.choose(json.loads(run.solver_parameters))
            setting = Setting(instance.dim, int(run.budget), instance.certificates, instance.varies)
            case = _case(theorem, instance, int(run.budget), getattr(given, "law", "gaussian"))
            due = method.settled(method.choose(theorem.parameters(case)), setting)
            applies = theorem.budget(case) == run.budget and _same(method.settled(given, setting), due)
        except ZobenchError:  # parameters of another version, or a law that the theorem lacks
            continue
        if applies:
            yield theorem, case


def _case(theorem: Theorem, instance: Any, budget: int, law: str) -> Case:
    """Give the case whose budget it is: some steps fewer than the queries pay for, where `init` asks too."""
    most = budget // theorem.queries_per_step
    cases = [Case(instance, steps, law) for steps in range(most, max(0, most - 4), -1)]
    return next((case for case in cases if theorem.budget(case) == budget), cases[0])


def bound_curve(theorem: Theorem, case: Case, queries: np.ndarray) -> np.ndarray:
    """Give the bound at query counts: for the steps begun by then, those asked before step 0 set aside."""
    before = theorem.budget(case) - theorem.queries_per_step * case.steps
    begun = np.ceil((queries - before) / theorem.queries_per_step).astype(int)
    return np.array([theorem.bound(case, int(step)) if step > 0 else np.nan for step in begun])


def _same(given: Any, due: Any) -> bool:
    return all(
        math.isclose(one, other, rel_tol=1e-12) if isinstance(one, float) else one == other
        for one, other in zip(given, due, strict=True)
    )


def _line(
    axis: Any, evidence: Evidence, group: Any, queries: np.ndarray, quantiles: np.ndarray, band: bool = True
) -> None:
    first = next(group.itertuples())
    style = evidence.style(first.solver, first.variant)
    low, middle, high = quantiles
    (line,) = axis.plot(
        queries,
        middle,
        color=style.color,
        linestyle=style.dash,
        marker=style.marker,
        markersize=3.5,
        markevery=(3 * (first.variant + list(evidence.styles).index(first.solver)) % 12, 12),
        label=first.label,
    )
    line.set_gid(f"median {first.label}")
    if len(group) > 1 and band:
        area = axis.fill_between(queries, low, high, color=style.color, alpha=0.2, linewidth=0)
        area.set_gid(f"band {first.label}")


def draw_limits(axis: Any, here: Any, queries: np.ndarray, scale: float) -> list[Overlay]:
    """Draw the limits that hold for these runs, without making the panel larger for them."""
    instance = instance_of(next(here.itertuples()))
    if instance is None:
        return []
    low, high = axis.get_ylim()
    found = overlays(instance, here)
    seen: dict[str, int] = {}
    for one in found:
        values = scale * one.gaps(instance.dim, queries)
        place = seen[one.limit] = seen.get(one.limit, -1) + 1
        (line,) = axis.plot(
            queries,
            # the first point below the panel stays, so that a line leaves it where it should
            np.where(np.concatenate([[True], values[:-1] >= low]), values, np.nan),
            color=("#000000", "#6f6f6f", "#a0a0a0")[place % 3],
            linewidth=1.1,
            linestyle=LIMITS[one.limit],
            zorder=1.8,
            label=one.label,
        )
        line.set_gid(f"limit {one.limit} {one.kind}".strip())
    axis.set_ylim(low, high)
    return found


def _bound(axis: Any, evidence: Evidence, run: Any, queries: np.ndarray, mean: np.ndarray) -> list[str]:
    """Draw each bound that applies, and the mean over seeds, which is what it bounds."""
    style, drawn = evidence.style(run.solver, run.variant), []
    for theorem, case in bounds(run):
        limit = bound_curve(theorem, case, queries)
        (line,) = axis.plot(
            queries,
            limit,
            color=style.color,
            linewidth=3.0,
            alpha=0.45,
            marker=style.marker,
            markersize=7,
            markevery=[-1],  # tells whose bound it is
            label=f"bound of {theorem.name}"
            # |g| <= sum |g_i|: what bounds the sum bounds the norm that the trace keeps
            + (" (of the sum of |g_i|)" if case.directions.norm == "sum" else ""),
        )
        line.set_gid(f"bound {theorem.name}")
        drawn.append(theorem.name)
    if drawn:
        (line,) = axis.plot(
            queries, mean, color="#222222", linewidth=1, linestyle=":", label="mean over seeds"
        )
        line.set_gid(f"mean {run.label}")
    return drawn


def _caption(evidence: Evidence, runs: Any, what: str, notes: list[str]) -> str:
    seeds = runs.groupby(["problem_name", "label", "budget"])["seed"].nunique()
    several = seeds.max() > 1
    failed = evidence.runs[evidence.runs["status"] == "failed"]
    failed = failed[failed["problem_name"].isin(runs["problem_name"])]
    untraced = int((~traced(evidence, failed)).sum())
    parts = [
        what,
        f"{count_of(len(runs), 'run')}, {span(seeds)} seed{'s' if several else ''} a line, "
        f"budget {span(runs['budget'])} queries; both axes logarithmic.",
        "Line: median over seeds; band: first to third quartile."
        if several
        else "Line: the one seed there is, so no band.",
    ]
    if len(failed) > untraced:
        parts.append(f"{count_of(len(failed) - untraced, 'failed run')} kept at the last value reached.")
    if untraced:
        parts.append(f"Not drawn: {count_of(untraced, 'run')} that failed and left no trace.")
    return " ".join([*parts, *filter(None, notes), f"Redraw: {evidence.command}."])


def _gaps(evidence: Evidence, names: list[tuple[str, str]], runs: Any) -> Drawing:
    figure, axes = panels(len(names), evidence.width)
    limits: list[Overlay] = []
    lower, floored, bare, chosen = 0, False, 0, leading(evidence, runs)
    for axis, (name, noise) in zip(axes, names, strict=True):
        here = runs[(runs["problem_name"] == name) & (runs["noise"] == noise)]
        axis.set_title(title_of(next(here.itertuples())), loc="left")
        reference = here["reference"].max()  # one number, or none
        scale = here["start"].max() - reference
        axis.set_xscale("log")
        if np.isfinite(reference):
            axis.set_yscale("log")
        others: list[Any] = []
        widest = np.empty(0)
        for label, group in here.groupby("label", sort=True):
            queries, best = table(evidence, group, "best", carry=True)
            if not queries.size:
                continue
            widest = queries if queries.size > widest.size else widest
            quantiles = quartiles(best)
            if np.isfinite(reference):
                quantiles = quantiles - reference
                floored |= bool((quantiles < scale * FLOOR).any())
                quantiles = np.maximum(quantiles, scale * FLOOR)
            if label in chosen:
                _line(axis, evidence, group, queries, quantiles, len(chosen) <= BANDS)
            else:
                others.append((queries, quantiles[1]))
        rest(axis, others)
        if widest.size and np.isfinite(reference):
            limits += draw_limits(axis, here, widest, scale)
        instance = instance_of(next(here.itertuples()))
        if not np.isfinite(reference):
            bare += 1
            axis.set_ylabel("best value")
        elif instance is not None and "f_star" not in instance.certificates:
            lower += 1
            axis.set_ylabel("best - lower bound")
        else:
            axis.set_ylabel("best - f_star")
    legend(figure, axes, list(dict.fromkeys(one.label for one in sorted(limits))))
    below(figure, "queries")
    notes = [said_of_leading(chosen, runs)]
    if limits:
        told = "; ".join(dict.fromkeys(one.note for one in sorted(limits)))
        notes.append(f"Black and grey: limits, which hold on spheres alone. They are, of {told}.")
    if len(chosen) > BANDS:
        notes.append(f"No bands: {len(chosen)} of them would hide one another.")
    if lower:
        notes.append("Where f_star is not certified the gap is measured from a certified lower bound.")
    if bare:
        notes.append("Where not even a lower bound is certified the best value itself is drawn.")
    if floored:
        notes.append(f"Gaps below {FLOOR:g} of the first are drawn there.")
    return Drawing(figure, _caption(evidence, runs, "Gap between the best value so far and f_star.", notes))


def _means(evidence: Evidence, cases: list[tuple[str, int]], runs: Any) -> Drawing:
    figure, axes = panels(len(cases), evidence.width)
    drawn: list[str] = []
    grey = 0
    for axis, (name, budget) in zip(axes, cases, strict=True):
        here = runs[(runs["problem_name"] == name) & (runs["budget"] == budget)]
        axis.set_title(title_of(next(here.itertuples()), budget=f"{budget:,}"), loc="left")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_ylabel("mean gradient norm")
        chosen = leading(evidence, here)
        others: list[Any] = []
        for label, group in here.groupby("label", sort=True):
            queries, norms = table(evidence, group, "running_mean", carry=False)
            if queries.size and label not in chosen:
                others.append((queries, quartiles(norms)[1]))
            elif queries.size:
                _line(axis, evidence, group, queries, quartiles(norms))
                drawn += _bound(axis, evidence, next(group.itertuples()), queries, norms.mean(axis=0))
        rest(axis, others)
        grey += len(others)
    legend(figure, axes)
    below(figure, "queries")
    notes = (
        ["A bound (wide pale line) is one of the expectation, so compare it with the dotted mean over seeds."]
        if drawn
        else ["No theorem bounds this norm with the parameters of these runs: there is no bound to draw."]
    )
    notes += [f"In grey: {grey} lines, all but {MOST} of a panel."] if grey else []
    what = "Mean of the gradient norm over the iterates so far."
    return Drawing(figure, _caption(evidence, runs, what, notes))


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw the gaps of compared runs, then the running means of observed ones."""
    drawings, runs = [], evidence.runs
    runs = runs[traced(evidence, runs)]
    normed = set(evidence.traces.loc[evidence.traces["running_mean"].notna(), "id"])
    gradient = runs.loc[[name in normed for name in runs["id"]], "problem_name"]  # of problems that have one
    observed = runs["observed"].astype(bool) & runs["problem_name"].isin(gradient)
    for chosen, keys, make in (
        (runs[~observed], ["problem_name", "noise"], _gaps),
        (runs[observed], ["problem_name", "budget"], _means),
    ):
        if not len(chosen):
            continue
        chosen = labelled(chosen, keys)
        cases = list(dict.fromkeys(chosen[keys].itertuples(index=False, name=None)))
        for first in range(0, min(len(cases), MOST_PANELS), PANELS):
            part = cases[first : first + PANELS]
            inside = chosen[[case in part for case in chosen[keys].itertuples(index=False, name=None)]]
            made = make(evidence, part, inside)
            if first + PANELS >= MOST_PANELS and len(cases) > MOST_PANELS:
                more = f" Not drawn: {len(cases) - MOST_PANELS} problems more than {MOST_PANELS}."
                made = made._replace(caption=made.caption + more)
            drawings.append(made)
    return drawings


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    if not len(evidence.runs):
        return "the store holds no runs"
    if not traced(evidence, evidence.runs).any():
        return "no run in the store has a trace"
    return ""


report = Report(
    name="convergence", title="Convergence, with the theorems' bounds", draw=draw, missing=missing
)
