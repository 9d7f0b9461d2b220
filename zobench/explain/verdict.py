"""A verdict in words: what its numbers mean, and what would change it."""

import math
from typing import Any

from zobench.errors import ZobenchError
from zobench.explain.page import Explanation
from zobench.theorem import find_theorem
from zobench.verdict.evidence import COMFORTABLE, FEWEST, REFUTATION_LEVEL, log10_threshold
from zobench.verdict.judgement import NO_POWER
from zobench.verdict.mutants import of_theorem

__all__ = ["explain_theorem", "explain_verdict"]

MEANS = {
    "supported": "the sample excludes a violation: the upper confidence limit lies at or below the "
    "bound, with "
    "room to spare.  It is no proof; it is about this problem, this K and this law",
    "not refuted": "nothing speaks against the theorem, and the sample is not enough to call it supported",
    "inconclusive": "the sample cannot say: neither side has the evidence that the rules ask for",
    "refuted": "the runs contradict the theorem as it is written here, and did so again on fresh seeds: the "
    "theorem, its constants, or the code that claims to follow it is wrong",
}


def explain_verdict(fact: dict[str, Any], family: int) -> Explanation:
    """Explain one verdict.

    Parameters
    ----------
    fact : dict
        As `zobench.store.frames.Frames.verdicts` has it.
    family : int
        Verdicts in the store: the family that thresholds are known to be shared among, at least.

    Returns
    -------
    Explanation
        With all numbers of the verdict but its points, and how many seeds would change it.

    Examples
    --------
    Limits shrink like 1 / sqrt(seeds): from 0.3 above the mean to the 0.2 of room takes 40 (3/2)^2 seeds.

    >>> fact = {
    ...     "theorem": "s2p-smooth-stationary", "instance": "quadratic (dim 10)", "relation": "<=",
    ...     "quantity": "mean over k of |grad f(x_k)|", "seeds": 40, "bound": 1.0, "mean": 0.8, "ratio": 0.8,
    ...     "tightness": 0.8, "ci_low": 0.5, "ci_high": 1.1, "log10_e_value": -1.0,
    ...     "verdict": "not refuted", "note": "",
    ... }
    >>> told = explain_verdict(fact, family=10)
    >>> told.numbers["seeds_to_support"]
    90
    >>> dict(told.sections)["Why not another verdict"][1]
    'Not supported, for the upper limit 1.1 lies above the bound.'
    """
    what = f"verdict of theorem {fact['theorem']} on {fact['instance']}"
    told = Explanation(fact["verdict"], what)
    slope = fact["relation"] == "slope"
    told.numbers = {**{k: v for k, v in fact.items() if k != "points"}, **_derived(fact, family)}
    told.add("In one sentence", [f"{fact['verdict']}: {MEANS[fact['verdict']]}."])
    told.add("The numbers", _slope_numbers(fact) if slope else _numbers(fact, told.numbers))
    told.add("Why not another verdict", _why(fact, told.numbers, slope))
    told.add("What would change it", _change(fact, told.numbers, slope))
    told.add("How strict the check is", _strict(fact["theorem"]))
    told.unknown.append(
        f"How large the family of claims was when this was judged; the store has {family} verdicts, and more "
        "claims mean a higher threshold."
    )
    if not slope:
        told.unknown.append(
            "The values of the single seeds are not kept with the verdict, only their mean and limits."
        )
    return told


def _derived(fact: dict[str, Any], family: int) -> dict[str, float | None]:
    """Work out thresholds and how many seeds would be needed, if things went on as they are."""
    seeds, mean, bound = fact["seeds"], fact["mean"], fact["bound"]
    threshold = log10_threshold(family)
    rate = fact["log10_e_value"] / seeds if seeds else 0.0
    derived: dict[str, float | None] = {
        "log10_threshold": threshold,
        "seeds_to_refute": math.ceil(round(threshold / rate, 6)) if rate > 0.0 else None,
        "seeds_to_support": None,
    }
    half, room = fact["ci_high"] - mean, bound - mean
    if fact["relation"] in ("<=", "paired") and mean < COMFORTABLE * bound and room > 0.0 and half > 0.0:
        derived["seeds_to_support"] = math.ceil(round(seeds * (half / room) ** 2, 6))
    return derived


def _numbers(fact: dict[str, Any], derived: dict[str, Any]) -> list[str]:
    kind = fact["relation"]
    side = {
        "=": "right-hand side (the mean of what was measured)",
        "paired": "right-hand side (measured in the same runs)",
    }.get(kind, "bound")
    if kind == "exact":
        first = f"Of {fact['seeds']} runs the share {fact['mean']:g} has the property; the theorem says all."
    else:
        first = (
            f"Measured: {fact['quantity']}, {fact['mean']:.4g} in the mean over {fact['seeds']} seeds; "
            f"{side}: {fact['bound']:.4g}."
        )
    lines = [first]
    if kind != "exact":
        lines.append(
            f"Confidence limits {fact['ci_low']:.4g} and {fact['ci_high']:.4g}, one-sided: outside "
            "of either the true "
            "mean lies with the family's error probability at most (0.01, shared among claims and looks)."
        )
        tight = fact["tightness"]
        means = "Near 1 the constants themselves are tested."
        if 0 < tight <= COMFORTABLE:
            means = f"A solver with a measured value {1 / tight:.3g} times as large would still pass."
        lines.append(f"Tightness {tight:.3g}: measured / bound.  {means}")
    lines.append(
        f"e-value against the theorem: 10^{fact['log10_e_value']:.2g}; a refutation takes "
        f"10^{derived['log10_threshold']:.3g} "
        "or more, twice.  Below 1 (a negative exponent) the bets against the theorem lose money."
    )
    if fact["note"]:
        lines.append(f"Noted: {fact['note']}.")
    return lines


def _slope_numbers(fact: dict[str, Any]) -> list[str]:
    lines = [
        f"Fitted exponent {fact['mean']:.3f}, 95 per cent interval {fact['ci_low']:.3f} to "
        f"{fact['ci_high']:.3f}, "
        f"over {len(fact['points'])} levels with {fact['seeds']} seeds each; the bound's own is "
        f"{fact['bound']:.3f}.",
        f"Tightness at the last level: {fact['tightness']:.3g}.",
        f"e-value against the claim: 10^{fact['log10_e_value']:.2g}.",
    ]
    return lines + ([f"Noted: {fact['note']}."] if fact["note"] else [])


def _why(fact: dict[str, Any], derived: dict[str, Any], slope: bool) -> list[str]:
    verdict, kind, ratio = fact["verdict"], fact["relation"], fact["ratio"]
    lines = []
    if verdict != "refuted":
        short = derived["log10_threshold"] - fact["log10_e_value"]
        lines.append(
            f"Not refuted, for the e-value falls short of the threshold by 10^{short:.3g}."
            if short > 0
            else "Not refuted, for what looked like a refutation did not repeat on fresh seeds."
        )
    if verdict in ("not refuted", "inconclusive") and not slope:
        if fact["seeds"] < FEWEST:
            lines.append(f"Not supported, for fewer than {FEWEST} seeds decide nothing.")
        elif kind in ("<=", "paired") and ratio >= COMFORTABLE:
            lines.append(
                f"Not supported, for support wants measured / bound below {COMFORTABLE}, and it is "
                f"{ratio:.4g}: on a tight "
                "instance no finite sample can tell equality from a small violation."
            )
        elif kind == "<=" and fact["ci_high"] > fact["bound"]:
            lines.append(f"Not supported, for the upper limit {fact['ci_high']:.4g} lies above the bound.")
        elif kind == "=":
            lines.append(
                "Not supported, for the limits of the difference do not lie within the margin of 5 per cent."
            )
        else:
            lines.append("Not supported, for the sample is too skewed for Student's limits to be trusted.")
    if verdict == "inconclusive" and kind == "<=" and fact["ci_low"] > fact["bound"]:
        lines.append("The lower limit lies above the bound: watch this cell.")
    return lines


def _change(fact: dict[str, Any], derived: dict[str, Any], slope: bool) -> list[str]:
    name, verdict = fact["theorem"], fact["verdict"]
    fresh = f"`zobench verify {name} --first-seed {fact['seeds']}` runs seeds that have not been seen"
    lines = []
    if verdict == "refuted":
        lines.append(
            f"Nothing but a change of the theorem or of the code; {fresh}, and would refute it again."
        )
        lines.append("If the solver was changed last, `zobench check` and the theorem's pitfall come first.")
    elif derived["seeds_to_refute"] is not None:
        lines.append(
            "Towards refuted: if the seeds to come are like these, about "
            f"{derived['seeds_to_refute']:,} in all would "
            f"bring the e-value to the threshold, and as many fresh ones would have to repeat it; {fresh}."
        )
    else:
        lines.append(
            "Towards refuted: more seeds like these will not do, the e-value falls with each; "
            f"{fresh}.  It would take "
            "seeds whose mean lies above the bound."
        )
    if verdict in ("not refuted", "inconclusive") and not slope:
        need = derived["seeds_to_support"]
        if need is not None and need > fact["seeds"]:
            lines.append(
                f"Towards supported: about {need:,} seeds in all would bring the upper limit below the bound."
            )
        elif need is None and fact["relation"] == "<=":
            lines.append(
                "Towards supported: no number of seeds, as long as measured / bound stays where it is."
            )
    lines += _other_cells(name, fact)
    return lines


def _other_cells(name: str, fact: dict[str, Any]) -> list[str]:
    """Say where the theorem is tight, if it is loose here."""
    if fact["relation"] not in ("<=", "paired") or fact["tightness"] > 0.5:
        return []
    lines = []
    if fact["tightness"] < NO_POWER:
        lines.append(
            "No power here: the bound is more than ten times the measured value, so that a solver "
            "that is wrong by "
            "a factor of ten passes as well."
        )
    try:
        theorem, _ = find_theorem(name)
    except ZobenchError:
        return lines
    tight = [f"{cell.problem} (K = {cell.steps}, {cell.law})" for cell in theorem.cells if cell.tight]
    if tight:
        lines.append(
            f"A stricter trial of the same theorem: {'; '.join(tight[:3])}, where measured / bound "
            "tends to 1."
        )
    else:
        lines.append(
            "The theorem has no instance here on which measured / bound tends to 1, so its constants "
            "stay untested."
        )
    return lines


def _strict(name: str) -> list[str]:
    mutants = of_theorem(name)
    if not mutants:
        return ["No broken solvers have been tried on this check."]
    missed = [item["mutant"] for item in mutants if not item["rejected by"]]
    passed = [item["mutant"] for item in mutants if item["passes"]]
    lines = [f"{len(mutants)} deliberately broken solvers were tried on the checks of this theorem."]
    if missed:
        lines.append(f"No check rejects: {', '.join(missed)}.")
    if passed:
        lines.append(f"At least one of the checks is passed by: {', '.join(passed)}.")
    else:
        lines.append("Every check rejects every one of them.")
    return lines


def explain_theorem(name: str) -> Explanation:
    """Explain what a theorem says and how it is tried.

    Parameters
    ----------
    name : str
        Of a theorem.

    Returns
    -------
    Explanation

    Raises
    ------
    ZobenchError
        If there is no theorem of that name.

    Examples
    --------
    >>> told = explain_theorem("s2p-smooth-stationary")
    >>> told.numbers["relation"], told.numbers["assumes"], told.sections[0][0]
    ('<=', ['L', 'f_star'], 'What it says')
    """
    theorem, solver = find_theorem(name)
    told = Explanation(name, f"theorem about solver {solver.name}, {theorem.claims}")
    told.add("What it says", [theorem.statement])
    told.add("Why", [theorem.proof])
    told.add(
        "How it is tried",
        [
            f"Measured: {theorem.quantity}; one value a seed, the mean over the seeds is compared.",
            f"It needs {', '.join(theorem.assumes) or 'no certified constant'} of the problem.",
            f"{len(theorem.cells)} cells: "
            + "; ".join(
                f"{cell.problem} K = {cell.steps} {cell.law}" + (" (tight)" if cell.tight else "")
                for cell in theorem.cells
            )
            + ".",
        ],
    )
    told.add("What makes such a check lie", [f"{theorem.pitfall}"] if theorem.pitfall else [])
    told.add("How strict the check is", _strict(name))
    told.add(
        "What a verdict would mean",
        [f"{verdict}: {means}." for verdict, means in MEANS.items()]
        + [
            f"A refutation takes an e-value of (number of claims) / {REFUTATION_LEVEL}, and again on "
            "fresh seeds.",
            f"`zobench verify {name}` makes one; `zobench explain --verdict STORE {name}` explains it.",
        ],
    )
    told.numbers = {
        "relation": theorem.kind,
        "assumes": list(theorem.assumes),
        "cells": len(theorem.cells),
        "slopes": dict(theorem.slopes),
    }
    return told
