"""What held a run back: the causes that its numbers show."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zobench.instance import Instance

__all__ = ["FEW", "causes"]

#: A tenth of the run that gains less than this part of a decade stands still.
STILL = 0.02
#: Fewer steps, or queries, show no trend.
FEW = 20
#: Below this part of the start's gap differences of values are rounding.
ROUNDING = 1e-13


def causes(row: Any, made: "Instance | None", seen: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the causes that the numbers show, the gravest first.

    Parameters
    ----------
    row : row of `Store.runs`
        With start, value, status and count.
    made : Instance or None
        Its noise is asked for; None where this installation does not have the problem.
    seen : dict
        Numbers of the run, as `zobench.explain.run.explain_run` gathers them: whether there is a reference,
        then start_gap, best_gap and final_gap; the others where they are known.

    Yields
    ------
    str, str
        The cause in a word or two, and a few sentences about it.

    Examples
    --------
    The budget was used up while f was still falling by half a decade a tenth of the run:

    >>> from types import SimpleNamespace
    >>> row = SimpleNamespace(start=5.0, value=1.0, status="budget", count=100)
    >>> seen = {"reference": True, "start_gap": 5.0, "best_gap": 1.0, "final_gap": 1.0, "last_tenth": 0.5}
    >>> next(causes(row, None, seen))
    ('budget', 'The budget: it was still falling at its end, 0.50 decades in the last tenth.')
    """
    gap, start, value = seen.get("best_gap", math.nan), seen.get("start_gap", math.nan), float(row.value)
    noise = None if made is None or made.noise is None else _level(made.noise)
    if not math.isfinite(value) or value > 1e3 * abs(float(row.start)) + 1e3:
        why = "The steps are too long."
        if noise is not None:
            why = f"Answers carry noise of level {noise:.3g}, which quotients over short differences magnify."
        yield "divergence", f"It diverged: f at the last iterate is {value:.4g}, far above the start.  {why}"
    if not seen.get("reference"):
        return
    if noise is not None and gap <= 3.0 * noise:
        yield (
            "noise",
            f"The noise: its level is {noise:.3g} and the best gap {gap:.3g}, so answers hardly tell points "
            "apart any more.  Averaging, longer differences or less noise would help, a larger "
            "budget little.",
        )
    if min(gap, seen.get("final_gap", gap)) <= ROUNDING * start:
        yield (
            "rounding",
            "Rounding: the gap is at the last digits of double precision; there is nothing left to gain.",
        )
    if row.status == "finished":
        yield "own stop", "Its own stop: the budget was not used up, and the method saw no reason to go on."
    last = seen.get("last_tenth", 0.0)
    if row.count < FEW or seen.get("steps", FEW) < FEW:
        yield "budget", "The budget: the run is too short for anything else to show."
    if last >= STILL:
        yield "budget", f"The budget: it was still falling at its end, {last:.2f} decades in the last tenth."
    if seen.get("last_moved", 1.0) < 0.1:
        share = f"of its last {seen['late']:,} steps {seen['last_moved']:.0%} moved."
        if seen["last_blind"] > 0.5:
            yield (
                "standing still",
                f"Standing still: {share}  The answers to their queries were equal, or only the iterate was "
                "asked and what the method follows vanishes there: it sees no slope.",
            )
        yield (
            "refused steps",
            f"Refused steps: {share}  The tested points lie too far away (or along a ridge), so that nearly "
            "none is better.",
        )
    to_and_fro = seen.get("last_uphill", 0.0) > 0.4 or seen["final_gap"] > 3.0 * gap
    if to_and_fro and "last_length" in seen:
        yield (
            "step length",
            f"The step length: f rose in {seen['last_uphill']:.0%} of its last {seen['late']:,} steps, "
            f"which is to and fro.  Steps of {seen['last_length']:.3g} are too long for where it is.",
        )
    if "downhill" in seen and seen.get("decades", 1.0) < 0.1:
        yield (
            "slow progress",
            f"Slow progress: f fell in {seen['downhill']:.0%} of the steps, and by little in each; steps "
            "that are too short or bad conditioning do that.",
        )
    yield (
        "slow progress",
        "Slow progress: f no longer falls by much; short steps or bad conditioning do that.",
    )


def _level(noise: Any) -> float | None:
    """Give the standard deviation of the noise; None where it is infinite or grows with the value alone."""
    variance = float(noise.facts.variance)
    return math.sqrt(variance) if math.isfinite(variance) and variance > 0.0 else None
