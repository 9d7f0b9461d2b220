"""``zobench verify --slopes``: how fast what a theorem measures grows, against how fast its bound grows.

A theorem's `slopes` name its factors, `zobench.verdict.levels` lays out their levels.  Fitted are three
quantities:

* the measured mean itself, where the bound is a power of the factor.  Constants that change with d or r on
  the way (D0, R, ...) are divided out as the bound has them, so that the exponent is the formula's;
* for linearly convergent theorems the steps in which the mean falls by the factor e;
* for eps the steps K(eps) to a mean of eps, from the runs over K: if the mean falls like K^p, K(eps) grows
  like eps^(1/p), and like eps^(2/p) where eps bounds a norm and the mean is of its square.

What is expected is the exponent of the bound over the same levels; it tends to the declared one, and the note
gives the declared one where they differ.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.theorem import Theorem
from zobench.trial import Trial
from zobench.verdict.evidence import CAP
from zobench.verdict.exponents import Fit, assess_exponent, fit
from zobench.verdict.levels import TOLD, Slope, bounds, declared, name_of, plan
from zobench.verdict.statistics import Assessment

__all__ = ["try_slopes"]

#: Runs a level; a refutation takes as many again.
SEEDS = 40


def _measured(
    theorem: Theorem, solver: Any, slope: Slope, first_seed: int, seeds: int
) -> NDArray[np.float64]:
    """Run every level with the same seeds: an array of shape (levels, seeds)."""
    rows = []
    for cell, case in zip(slope.cells, slope.cases, strict=True):
        parameters = dict(cell.settings) if cell.solver else theorem.parameters(case)
        method = solver if solver.name == cell.solver else cell.method(solver)
        places = range(first_seed, first_seed + seeds)
        values = [Trial(theorem, method, case, parameters, seed).sides()[0] for seed in places]
        most = CAP * theorem.bound(case, case.steps)
        found = np.array(values)
        rows.append(np.minimum(np.where(np.isfinite(found), found, np.inf), most))  # never dropped
    return np.array(rows)


def _fitted(theorem: Theorem, slope: Slope, values: NDArray[np.float64]) -> Fit:
    """Fit the exponent of what was measured."""
    if slope.linear:
        steps = np.array([case.steps for case in slope.cases])
        starts = np.array([theorem.bound(case, 0) for case in slope.cases])
        found = fit(slope.levels, values, starts)
        by_steps = float(np.polyfit(np.log(slope.levels), np.log(steps), 1)[0])
        return _moved(found, by_steps)
    drift = bounds(theorem, slope, False) / bounds(theorem, slope, True)
    found = fit(slope.levels, values / drift[:, None])
    return Fit(-found.exponent, -found.high, -found.low, found.error, found.seeds) if slope.inverse else found


def _moved(found: Fit, by: float) -> Fit:
    return replace(found, exponent=found.exponent + by, low=found.low + by, high=found.high + by)


def _in_eps(theorem: Theorem, found: Fit, expected: float) -> tuple[Fit, float]:
    """Turn exponents of the mean in K into those of K(eps) in eps, with their signs changed.

    With K(eps) ~ eps^e and a mean ~ K^p, eps is the mean's power 1/(e p).  The sign is changed so that larger
    means worse, as for the other factors.
    """
    exponents = declared(theorem)
    power = exponents["eps"] * exponents["K"]

    def turned(p: float) -> float:
        return -power / p if p < 0.0 else math.inf

    error = abs(power) / found.exponent**2 * found.error
    return Fit(turned(found.exponent), turned(found.low), turned(found.high), error, found.seeds), turned(
        expected
    )


def _points(theorem: Theorem, slope: Slope, values: NDArray[np.float64]) -> tuple[Any, ...]:
    """Give what is fitted, to draw: level, quantity and its limits at two standard errors of the mean.

    Where K(eps) is fitted, the eps that the mean stands for, and K; the limits are then those of eps.
    """
    means, errors = values.mean(axis=1), values.std(axis=1, ddof=1) / math.sqrt(values.shape[1])
    sides = np.array([means, np.maximum(means - 2.0 * errors, 0.0), means + 2.0 * errors])
    with np.errstate(divide="ignore", invalid="ignore"):
        if slope.linear:
            starts = np.array([theorem.bound(case, 0) for case in slope.cases])
            sides = np.array([case.steps for case in slope.cases]) / np.log(starts / sides)
        else:
            sides = sides / (bounds(theorem, slope, False) / bounds(theorem, slope, True))
        if slope.factor == "eps" and not slope.linear:
            exponents = declared(theorem)
            sides = sides ** (1.0 / (exponents["eps"] * exponents["K"]))
        elif slope.inverse:
            sides = 1.0 / sides
    table = [slope.levels, sides[0], sides[1:].min(axis=0), sides[1:].max(axis=0)]
    return tuple(tuple(map(float, point)) for point in zip(*table, strict=True))


def _looks(
    theorem: Theorem, solver: Any, slopes: list[Slope], first_seed: int, seeds: int, comparisons: int
) -> list[tuple[Assessment, float, tuple[Any, ...]]]:
    """Measure once and fit each factor; answer the assessments, measured / bound at the end, the points."""
    values = _measured(theorem, solver, slopes[0], first_seed, seeds)
    tightness = float(values[-1].mean() / bounds(theorem, slopes[0], False)[-1])
    answer = []
    for slope in slopes:
        found, expected = _fitted(theorem, slope, values), slope.expected
        if slope.factor == "eps" and not slope.linear:
            found, expected = _in_eps(theorem, found, expected)
        assessed = assess_exponent(found, expected, slope.cell.tight, comparisons)
        answer.append((assessed, tightness, _points(theorem, slope, values)))
    return answer


def _told(
    theorem: Theorem, solver: Any, slope: Slope, found: Assessment, tightness: float, seeds: int
) -> dict[str, Any]:
    """Give a verdict as plain data."""
    in_eps = slope.factor == "eps" and not slope.linear
    sign, expected = (-1.0, found.mean - found.ratio) if in_eps else (1.0, slope.expected)
    said, notes = declared(theorem)[slope.factor], []
    if abs(sign * expected - said) > TOLD:
        notes.append(f"declared {said:g}, and the bound itself has {sign * expected:.2f} over these levels")
    if slope.cell.tight:
        notes.append("equal within 0.1")
    else:
        steeper = found.verdict == "inconclusive"
        notes.append(
            "steeper, which a loose bound allows for a while" if steeper else "not steeper, one-sided"
        )
    last, (low, high) = slope.cases[-1], sorted((sign * found.ci_low, sign * found.ci_high))
    what = "steps for a factor e" if slope.linear else "K(eps)" if in_eps else theorem.quantity
    over = "K" if slope.factor == "eps" else slope.factor
    return {
        "theorem": theorem.name,
        "solver": solver.name,
        "problem": last.instance.problem.name,
        "instance": f"{name_of(last.instance)}, exponent in {slope.factor}",
        "dim": last.instance.dim,
        "steps": last.steps,
        "seeds": seeds,
        "law": slope.cell.law,
        "quantity": f"exponent in {slope.factor} of {what}, "
        f"{over} from {slope.levels[0]:g} to {slope.levels[-1]:g}",
        "bound": sign * expected,
        "mean": sign * found.mean,
        "ratio": tightness,
        "ci_low": low,
        "ci_high": high,
        "log10_e_value": found.log10_e,
        "tightness": tightness,
        "verdict": found.verdict,
        "note": "; ".join(notes),
        "relation": "slope",
    }


def try_slopes(
    theorem: Theorem,
    solver: Any,
    *,
    seeds: int = SEEDS,
    first_seed: int = 0,
    comparisons: int = 1,
) -> list[dict[str, Any]]:
    """Fit the exponents of a theorem's factors and say what follows.

    Parameters
    ----------
    theorem : Theorem
    solver : Solver
        The theorem's own, or a mutant of it.
    seeds : int
        Runs a level; a refutation takes as many again.
    first_seed : int
    comparisons : int
        Size of the family of claims.

    Returns
    -------
    list of dict
        One a factor that can be varied, with the keys of `zobench.verdict.verification.Verdict`: `bound` is
        the bound's exponent, `mean` the fitted one, `ratio` and `tightness` are measured / bound at the last
        level; `points` has what was fitted, a row a level: the level (of eps: K), the quantity (of eps: eps)
        and its limits at two standard errors.

    Examples
    --------
    >>> from zobench.theorem import find_theorem
    >>> [in_k, *_] = try_slopes(*find_theorem("s2p-smooth-gamma"), seeds=5)
    >>> in_k["quantity"]
    'exponent in K of mean over k of |grad f(x_k)|^2, K from 100 to 1000'
    >>> round(in_k["bound"], 1), round(in_k["mean"], 1), in_k["verdict"]
    (-1.0, -1.0, 'supported')
    """
    slopes = {factor: plan(theorem, factor) for factor in declared(theorem)}
    shared = slopes.get("K")
    if shared is not None and "eps" in slopes:
        slopes["eps"] = replace(shared, factor="eps")  # from the same runs
    answer = []
    together = [[slope for name in names if (slope := slopes.get(name))] for names in _groups(slopes)]
    for group in filter(None, together):
        found = _looks(theorem, solver, group, first_seed, seeds, comparisons)
        again = found
        if any(one.verdict == "refuted" for one, *_ in found):
            again = _looks(theorem, solver, group, first_seed + seeds, seeds, 1)
        for slope, (one, tightness, points), (other, *_) in zip(group, found, again, strict=True):
            repeated = one.verdict != "refuted" or other.verdict == "refuted"
            kept = one if repeated else replace(one, verdict="inconclusive")
            told = _told(theorem, solver, slope, kept, tightness, seeds)
            if one.verdict == "refuted":
                said = "repeated on fresh seeds" if repeated else "did not repeat on fresh seeds"
                told["note"] = f"a refutation that {said}; {told['note']}" if not repeated else said
            answer.append({**told, "points": points})
    return answer


def _groups(factors: Iterable[str]) -> list[list[str]]:
    """Group factors that are fitted from the same runs."""
    names = list(factors)
    pair = ["K", "eps"] if "K" in names and "eps" in names else []
    return [pair, *([name] for name in names if name not in pair)]
