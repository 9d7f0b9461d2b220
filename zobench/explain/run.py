"""A stored run in words: why it stopped, what dominated it, how far it was from its bound."""

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from zobench.drawing import instance_of
from zobench.errors import ZobenchError
from zobench.explain.causes import FEW, causes
from zobench.explain.page import Explanation
from zobench.names import problem_name, solver_name
from zobench.watch.bound import QUANTITIES, chosen_bound
from zobench.watch.record import Step, Walk

if TYPE_CHECKING:
    from pandas import DataFrame

    from zobench.instance import Instance

__all__ = ["REPEATED", "explain_run"]

#: Runs of at most this many queries are done again, step by step, to see what no store keeps.
REPEATED = 20_000

_WHY = {
    "budget": "The budget was spent: {count:,} of {budget:,} queries were answered, in {steps}.",
    "finished": "The solver ended the run itself after {count:,} of {budget:,} queries: a step asked "
    "nothing, which "
    "is how a method says that it is done.  It said: {message}",
    "failed": "It failed: {message}",
    "stopped": "A callback stopped it after {count:,} of {budget:,} queries.",
}


def explain_run(row: Any, trace: "DataFrame", hits: "DataFrame", others: int) -> Explanation:
    """Explain one run.

    Parameters
    ----------
    row : row of `zobench.store.frames.Frames.runs`
    trace, hits : DataFrame
        Its rows of the store's tables.
    others : int
        Runs in the store that differ from it by the seed alone.

    Returns
    -------
    Explanation
        Why it stopped and, unless it failed, how far it came and what dominated it; of a run of at most
        `REPEATED` queries, which is done again, its steps and its bound too.

    Examples
    --------
    >>> import tempfile, zobench
    >>> from zobench.store.database import Store
    >>> with tempfile.TemporaryDirectory() as place, Store(f"{place}/store.sqlite") as store:
    ...     store.put(zobench.run("quadratic", "stp", budget=100))
    ...     (row,) = store.runs().reset_index().itertuples()
    ...     told = explain_run(row, store.traces(), store.hits(), others=0)
    >>> told.kind
    'run of stp on quadratic (dim 10), seed 0'
    >>> told.sections[0][1][0]
    'The budget was spent: 100 of 100 queries were answered, in 49 whole steps.'
    >>> told.numbers["dominated_by"]
    'budget'
    """
    parameters = json.loads(row.solver_parameters)
    problem = problem_name(
        row.problem, int(row.dim), int(row.instance_seed), json.loads(row.problem_parameters), row.noise
    )
    told = Explanation(row.id, f"run of {solver_name(row.solver, parameters)} on {problem}, seed {row.seed}")
    told.numbers = {"status": row.status, "budget": int(row.budget), "count": _whole(row.count)}
    told.add("Why it stopped", _why(row, hits))
    if row.status == "failed":
        told.unknown.append("A failed run leaves no trace: what it did before is not in the store.")
        return told
    made = instance_of(row)
    with np.errstate(all="ignore"):  # a run may have diverged
        told.add("How far it came", _far(row, trace, told))
        walk = _again(row, made, parameters, told)
        if walk is not None:
            told.add("Its steps", _steps(walk, told))
            told.add("The bound", _bound(walk, told))
        told.add("What dominated", _dominated(row, made, trace, told))
    told.unknown.append(
        f"Whether it was a lucky seed: {others} other seeds of it are in the store"
        + (", and `zobench report` shows their spread." if others else ", so nothing can be said.")
    )
    told.unknown.append(
        "Between the checkpoints the store keeps no iterates; what is said of steps was done again."
    )
    return told


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _whole(value: Any) -> int | None:
    return None if value is None or value != value else int(value)


def _why(row: Any, hits: "DataFrame") -> list[str]:
    facts = {
        "count": _whole(row.count) or 0,
        "steps": _many(_whole(row.steps) or 0, "whole step"),
        "budget": int(row.budget),
        "message": row.message,
    }
    lines = [_WHY[row.status].format(**facts)]
    if row.status == "budget":
        lines.append(
            "It would have gone on: a larger --budget begins with this very run, unless the step "
            "rule knows K."
        )
    if len(hits) and row.status != "failed":
        reached = hits[hits["queries"].notna()]
        if len(reached):
            last = reached.sort_values("target").iloc[0]
            lines.append(
                f"No target ended it (targets are only noted): {len(reached)} of {len(hits)} were "
                "hit, the last, "
                f"{last['target']:g} of the gap at the start, at query {int(last['queries']):,}."
            )
        else:
            lines.append(f"It hit none of the {len(hits)} targets.")
    return lines


def _gaps(row: Any, trace: "DataFrame", column: str) -> tuple[np.ndarray, np.ndarray]:
    """Give query counts and gaps (values where nothing is known of f_star), the start first."""
    reference = row.reference if row.reference is not None and row.reference == row.reference else 0.0
    counts = np.concatenate([[0], trace["queries"].to_numpy(float)])
    return counts, np.concatenate([[row.start], trace[column].to_numpy(float)]) - reference


def _tenth(counts: np.ndarray, gaps: np.ndarray, first: bool) -> float:
    """Give the decades that the best gap lost in the first or the last tenth of the queries."""
    good = np.isfinite(gaps) & (gaps > 0)
    if good.sum() < 2:
        return math.nan
    x, y = counts[good], np.log10(gaps[good])
    ends = (x[0], x[0] + (x[-1] - x[0]) / 10) if first else (x[-1] - (x[-1] - x[0]) / 10, x[-1])
    begin, end = np.interp(ends, x, y)
    return float(begin - end)


def _far(row: Any, trace: "DataFrame", told: Explanation) -> list[str]:
    counts, bests = _gaps(row, trace, "best")
    bests = np.minimum.accumulate(np.where(np.isnan(bests), np.inf, bests))
    known = row.reference is not None and row.reference == row.reference
    what = "the gap f - f_star" if known else "f"
    final, start = float(row.best) - (row.reference if known else 0.0), float(bests[0])
    told.numbers.update(start_gap=start, best_gap=final, reference=known)
    lines = [f"From {start:.4g} to {final:.4g} in {what}, by the best point that was asked."]
    if not known:
        told.unknown.append("How far that is from the optimum: no certificate tells f_star or a lower bound.")
        return lines
    if start > 0 and final > 0:
        first, last = _tenth(counts, bests, True), _tenth(counts, bests, False)
        told.numbers.update(decades=math.log10(start / final), first_tenth=first, last_tenth=last)
        tenths = f": {first:.2f} in the first tenth of its queries, {last:.2f} in the last"
        tenths += " (between checkpoints interpolated)"
        lines.append(f"That is {math.log10(start / final):.2f} decades{tenths if row.count >= FEW else ''}.")
    still = np.flatnonzero(np.diff(bests) < 0)
    since = counts[still[-1] + 1] if still.size else 0.0
    told.numbers["last_improvement"] = int(since)
    lines.append(
        f"The best value fell for the last time at or before query {int(since):,}, as far as "
        "checkpoints tell."
    )
    value = float(row.value) - row.reference
    told.numbers["final_gap"] = value
    if final > 0 and value > 3.0 * final:
        lines.append(
            f"The last iterate is worse than the best point asked: its gap is {value:.4g}, "
            f"{value / final:.3g} times as large."
        )
    return lines


def _again(row: Any, made: "Instance | None", parameters: dict[str, Any], told: Explanation) -> Walk | None:
    """Do the run again with every query kept; None, and a word about it, where that is not possible."""
    from zobench.solver import solver as solver_of

    if made is None or made.foreign is not None:
        told.unknown.append("Its steps: this installation does not have the problem.")
        return None
    if int(row.count) > REPEATED:
        told.unknown.append(
            f"Its steps: it has {int(row.count):,} queries, and runs of up to {REPEATED:,} are done again."
        )
        return None
    try:
        walk = Walk(made, solver_of(row.solver), parameters, int(row.budget), int(row.seed))
        list(walk)
    except ZobenchError as error:
        told.unknown.append(f"Its steps: it cannot be done again here ({error}).")
        return None
    trace = walk.trace()
    same = trace.count == int(row.count) and (
        trace.best == row.best or (trace.best != trace.best and row.best != row.best)
    )
    if not same:
        told.unknown.append(
            "Its steps: done again, this installation gives another run, so they are not shown."
        )
        return None
    return walk


def _steps(walk: Walk, told: Explanation) -> list[str]:
    steps = [step for step in walk.steps if step.kind == "step"]
    if not steps:
        return []
    asked = sum(len(step.queries) for step in walk.steps)
    within = sum(len(step.queries) for step in steps)
    before = [walk.instance.x0, *(step.x for step in steps[:-1])]
    lengths = np.array([_distance(step.x, x) for step, x in zip(steps, before, strict=True)])
    moved, onto = lengths > 0, np.array([step.taken >= 0 for step in steps])
    values = np.array([walk.instance.value(walk.instance.x0), *(step.value for step in steps)])
    down = np.diff(values) < 0
    told.numbers.update(
        moved=float(moved.mean()),
        onto_tested=float((moved & onto).mean()),
        downhill=float(down.mean()),
        queries_outside_steps=(asked - within) / max(asked, 1),
    )
    lines = [
        f"Done again with the same bits: {_many(len(steps), 'step')}, {within / len(steps):.3g} queries each "
        "in the mean"
        + (
            f", and {_many(asked - within, 'query').replace('querys', 'queries')} outside."
            if asked > within
            else "."
        ),
        f"The iterate moved in {moved.mean():.0%} of them, in {(moved & onto).mean():.0%} onto a "
        "point that had been "
        f"asked; f fell in {down.mean():.0%}.",
    ]
    tenth = max(1, len(steps) // 10)
    first, last = _middle(lengths[:tenth]), _middle(lengths[-tenth:])
    late = max(tenth, FEW)  # at the end, as many as show a trend
    told.numbers.update(steps=len(steps), first_length=first, last_length=last, late=min(late, len(steps)))
    told.numbers.update(last_moved=float(moved[-late:].mean()))
    told.numbers.update(last_uphill=float((np.diff(values) > 0)[-late:].mean()))
    blind = [_blind(step, x) for step, x in zip(steps[-late:], before[-late:], strict=True)]
    told.numbers.update(last_blind=float(np.mean(blind)))
    lines.append(
        f"Step lengths |x_(k+1) - x_k|, medians of those that moved: {first:.3g} in the first tenth, "
        f"{last:.3g} in the last."
    )
    lines += _clipped(walk, steps, told)
    return lines


def _blind(step: Step, before: np.ndarray) -> bool:
    """Whether the answers of a step told no points apart, or none but the iterate was asked."""
    answers = {query.answer for query in step.queries}
    if len(step.queries) > 1 and len(answers) == 1:
        return True
    return all(np.array_equal(query.x, before) for query in step.queries)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.sum((a - b) ** 2)))


def _middle(lengths: np.ndarray) -> float:
    moved = lengths[lengths > 0]
    return float(np.median(moved)) if moved.size else 0.0


def _clipped(walk: Walk, steps: list[Step], told: Explanation) -> list[str]:
    """Say how often the L1 term of a clipped rule was the larger one, where values show it."""
    settled = walk.settled
    if walk.solver.name != "s2p" or settled.rule != "clipped":
        if getattr(settled, "rule", "") == "clipped" or walk.solver.name == "vs2p":
            told.unknown.append("How often the step was clipped: the queries of this method do not show it.")
        return []
    shares = [
        settled.L1
        * abs(step.queries[0].answer - step.queries[1].answer)
        / (2.0 * settled.radius)
        / settled.m1
        for step in steps
        if len(step.queries) == 2
    ]
    clipped = float(np.mean(np.array(shares) > settled.L0)) if shares else math.nan
    told.numbers["clipped"] = clipped
    return [
        f"Clipping ruled in {clipped:.0%} of them: there the L1 term of the step's denominator is "
        "the larger one."
    ]


def _bound(walk: Walk, told: Explanation) -> list[str]:
    bound, _, said = chosen_bound(walk.instance, walk.solver, walk.parameters, walk.budget, "")
    done = [step for step in walk.steps if step.kind == "step"]
    if bound is None or not walk.parameters or not done:
        return [said if bound is None else "No bound: no parameters are known."]
    reference = walk.instance.certificates.reference or 0.0
    made = walk.instance
    start = (
        float(np.sqrt(np.sum(made.gradient(made.x0) ** 2))) if made.problem.gradient is not None else math.nan
    )
    gaps = np.array([made.value(made.x0), *(step.value for step in done)]) - reference
    norms = np.array([start, *(step.gradient_norm for step in done)])
    measured = float(QUANTITIES[bound.theorem.quantity](gaps, norms)[-1])
    limit = float(bound.along([len(done)])[0])
    told.numbers.update(theorem=bound.theorem.name, bounded=measured, bound=limit)
    if limit != limit:
        return [
            f"The step rule is that of theorem {bound.theorem.name}, which says nothing after "
            f"{len(done)} steps."
        ]
    return [
        f"The step rule is that of theorem {bound.theorem.name}: {bound.theorem.quantity} is "
        f"{measured:.4g} here, the "
        f"bound on its mean over seeds {limit:.4g}, {limit / measured:.3g} times as much"
        + ("." if limit >= measured else ": one seed may lie above it.")
        if measured > 0
        else f"Theorem {bound.theorem.name}: {bound.theorem.quantity} is 0, its bound {limit:.4g}."
    ]


def _dominated(row: Any, made: "Instance | None", trace: "DataFrame", told: Explanation) -> list[str]:
    """Name what held the run back: the first cause that the numbers show."""
    cause, said = next(causes(row, made, told.numbers), ("", ""))
    if made is not None and made.stochastic:
        told.unknown.append("How large the samples' scatter was along this run.")
    if not cause:
        told.unknown.append(
            "What dominated: without a reference value progress cannot be measured in decades."
        )
        return []
    told.numbers["dominated_by"] = cause
    lines, seconds = [said], float(row.seconds)
    if seconds == seconds and row.count >= 100:  # of fewer, starting takes most of the time
        each = 1e6 * seconds / float(row.count)
        told_in = f"{each:.3g} microseconds" if each < 1e3 else f"{each / 1e3:.3g} milliseconds"
        lines.append(f"A query took {told_in}, solver and objective together.")
    return lines
