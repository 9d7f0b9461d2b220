"""What samples say about a claim, for many samples at once: e-values, limits, skewness, verdicts.

One sample holds one value a seed along the last axis; the axes before it are samples of their own.  The rules
are told in `zobench.verdict.statistics`; here they are arithmetic on arrays, so that the tests can try them
on thousands of synthetic samples, by the same code that judges a theorem.

A sample is looked at after `looks` = (n_1, ..., n_J) seeds, planned beforehand.  What holds at every look:

* The bets of `log10_e_value` are a martingale under the claim, so the e-value at whatever look the sampling
  stops is an e-value (Ville).
* A p-value is turned into an e-value at each look; the mean of the J of them, with those not reached yet
  counted as zero, has mean at most one at whatever look the sampling stops.
* A confidence limit spends the J-th part of its level at each look (Bonferroni over the looks), so all of
  them hold together at that level.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

__all__ = [
    "CAP",
    "FEWEST",
    "MARGIN",
    "NOTICEABLE",
    "REFUTATION_LEVEL",
    "SUPPORT_LEVEL",
    "Weighed",
    "log10_calibrated",
    "log10_e_value",
    "log10_threshold",
    "p_value",
    "skewness",
    "weigh",
]

#: Family-wise probability of a false refutation.
REFUTATION_LEVEL = 0.001
#: Family-wise probability of false support.
SUPPORT_LEVEL = 0.01
#: The relative margin within which the two sides of an identity count as equal.
MARGIN = 0.05
#: A diverged run counts as this many times the bound.
CAP = 1e6
#: Fewer seeds than this decide nothing.
FEWEST = 5
#: Only a mean below this part of the bound is called supported.
COMFORTABLE = 0.9
#: Seeds are added as long as a violation by this factor is not excluded.
NOTICEABLE = 1.3
#: Two sides that differ by less, relatively, are equal up to rounding.
ROUNDING = 1e-12
#: Student's limits are trusted below this sample skewness.
SKEWED = 1.0

_BETS = np.array([0.05, 0.1, 0.25, 0.5, 0.9])
_TINY = 1e-300
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Weighed:
    """What samples say, one entry a sample.

    Attributes
    ----------
    mean, low, high : array
        Of left / right where the right-hand side is a number, else of the difference left - right: the sample
        mean and its one-sided limits.
    log10_e : array
        Evidence against the claim.
    skewness : array
    verdict : array of str
        "refuted" still without its repetition.
    decided : array of bool
        Whether more seeds are unlikely to change the verdict.

    Examples
    --------
    >>> found = weigh("<=", np.linspace([0.4, 1.9], [0.6, 2.1], 40).T, 1.0)
    >>> found.mean.round(2).tolist(), found.decided.tolist()
    ([0.5, 2.0], [True, True])
    """

    mean: Values
    low: Values
    high: Values
    log10_e: Values
    skewness: Values
    verdict: NDArray[Any]
    decided: NDArray[np.bool_]


def log10_threshold(comparisons: int) -> float:
    """Return the log10 e-value that refutes one of `comparisons` claims at the family's level.

    The e-value against a true claim exceeds m / `REFUTATION_LEVEL` with probability `REFUTATION_LEVEL` / m at
    most (Markov's inequality), so any of m true claims with probability `REFUTATION_LEVEL` at most.

    Parameters
    ----------
    comparisons : int
        Size m of the family of claims; below 1 it counts as 1.

    Returns
    -------
    float

    Examples
    --------
    >>> round(log10_threshold(1), 9), round(log10_threshold(1000), 9)
    (3.0, 6.0)
    """
    return float(np.log10(max(1, comparisons) / REFUTATION_LEVEL))


def log10_e_value(ratios: Any) -> Any:
    """Return log10 of the e-value against E[Y] <= B: the mean over the bets l of prod (1 + l (Y_i / B - 1)).

    Source: Shafer, "Testing by betting", J. R. Stat. Soc. A 184, 2021.

    Parameters
    ----------
    ratios : array
        Y_i / B, non-negative; seeds along the last axis.

    Returns
    -------
    float or array
        One a sample; a float for a vector.

    Examples
    --------
    >>> log10_e_value(np.full(20, 2.0)) > 3
    True
    >>> log10_e_value(np.full(20, 0.5)) < 0
    True
    """
    values = np.asarray(ratios, dtype=np.float64)
    logs = np.stack([np.log1p(bet * (values - 1.0)).sum(axis=-1) for bet in _BETS])
    answer = (special.logsumexp(logs, axis=0) - np.log(_BETS.size)) / np.log(10.0)
    return float(answer) if answer.ndim == 0 else answer


def skewness(values: Values) -> Values:
    """Return the sample skewness along the last axis, m_3 / m_2^1.5 with the central moments m_j.

    Parameters
    ----------
    values : array of shape (..., seeds)

    Returns
    -------
    array of shape (...)
        0 for equal values.

    Examples
    --------
    >>> skewness(np.array([[2.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0, 1.0]])).round(3).tolist()
    [0.0, 1.155]
    """
    away = values - values.mean(axis=-1, keepdims=True)
    spread = np.sqrt((away**2).mean(axis=-1, keepdims=True))
    # in units of the spread, whose cube may be too small for double precision
    return ((away / np.where(spread > 0.0, spread, 1.0)) ** 3).mean(axis=-1)


def p_value(differences: Values) -> Values:
    """Return the p-value of a mean of at most 0, one-sided, along the last axis.

    Student's test, made stricter by Hall's correction for skewness: the smaller of t and

        t + g t^2 / (3 sqrt(n)) + g^2 t^3 / (27 n) + g / (6 sqrt(n)),   g the sample skewness,

    is looked up in Student's law.  Without it, values that are skewed against the mean have t far out far too
    often.  Source: Hall, "On the removal of skewness by transformation", J. R. Stat. Soc. B 54, 1992.

    Parameters
    ----------
    differences : array of shape (..., seeds)

    Returns
    -------
    array of shape (...)
        At least 1e-300; 1 for a single seed.

    Examples
    --------
    >>> p_value(np.array([[0.5, 1.0, 1.5, 2.0], [-0.5, -1.0, -1.5, -2.0]])).round(3).tolist()
    [0.015, 0.985]
    """
    count, mean = differences.shape[-1], differences.mean(axis=-1)
    if count < 2:
        return np.ones_like(mean)
    spread = differences.std(axis=-1, ddof=1)
    same = spread == 0.0
    t = np.sqrt(count) * mean / np.where(same, 1.0, spread)
    skew = skewness(differences) / np.sqrt(count)
    corrected = t + skew * t**2 / 3.0 + skew**2 * t**3 / 27.0 + skew / 6.0
    tail = stats.t.sf(np.minimum(t, corrected), count - 1)
    return np.maximum(np.where(same, np.where(mean > 0.0, _TINY, 1.0), tail), _TINY)


def log10_calibrated(p: Any) -> Values:
    """Return log10 of the e-value that a p-value is worth, (1 - p + p ln p) / (p (ln p)^2).

    Source: Vovk and Wang, "E-values: calibration, combination and applications", Ann. Statist. 49, 2021.

    Parameters
    ----------
    p : float or array
        Above 0, at most 1.

    Returns
    -------
    array
        Of the shape of `p`.

    Examples
    --------
    >>> log10_calibrated([1e-6, 0.05, 1.0]).round(2).tolist()
    [3.72, 0.25, -0.3]
    """
    p = np.asarray(p, dtype=np.float64)
    near = p > 1.0 - 1e-5  # the limit at 1 is 1/2, and near it the formula loses its digits
    inner = np.where(near, 0.5, p)
    log = np.log(inner)
    return np.log10(np.where(near, 0.5, (1.0 - inner + inner * log) / (inner * log**2)))


def _over_looks(differences: Values, looks: Sequence[int], both: bool) -> Values:
    """Return log10 of the mean over the planned looks of the e-values of those reached."""
    reached = [look for look in looks if FEWEST <= look <= differences.shape[-1]]
    found = []
    for look in reached:
        part = differences[..., :look]
        if both:
            side = np.where(part.mean(axis=-1, keepdims=True) < 0.0, -1.0, 1.0)
            worth = log10_calibrated(np.minimum(1.0, 2.0 * p_value(side * part)))
        else:
            worth = log10_calibrated(p_value(part))
        found.append(np.where(_varied(part, looks), worth, -np.inf))
    if not found:
        return np.zeros(differences.shape[:-1])
    ten = np.log(10.0)
    return (special.logsumexp(ten * np.stack(found), axis=0) - np.log(len(looks))) / ten


def _varied(values: Values, looks: Sequence[int]) -> NDArray[np.bool_]:
    """Say where the spread of the values may be relied on: where one was seen, or at the last look.

    Some equal values say nothing of a law that is rarely large: of mean B and 50 B with probability 1/50, 40
    values are all 0 in 45 of 100 samples, 320 values in 2 of 1000.
    """
    return np.asarray(np.ptp(values, axis=-1) > 0.0) | (values.shape[-1] >= looks[-1])


def _limits(values: Values, level: float) -> tuple[Values, Values, Values]:
    """Return the means with Student's one-sided limits, each at `level`."""
    count, mean = values.shape[-1], values.mean(axis=-1)
    if count < 2:
        return mean, np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    half = stats.t.isf(level, count - 1) * values.std(axis=-1, ddof=1) / np.sqrt(count)
    return mean, mean - half, mean + half


def weigh(
    kind: str, left: Any, right: Any, comparisons: int = 1, looks: Sequence[int] | None = None
) -> Weighed:
    """Say what samples say about a claim at one look.

    The rules are those of `zobench.verdict.statistics`.

    Parameters
    ----------
    kind : {"<=", "paired", "="}
        The claim (`zobench.theorem.RELATIONS`).
    left : array
        One value a seed along the last axis; NaN and infinities are diverged runs.
    right : number or array
        For "<=" the bound B > 0; else one value a seed.
    comparisons : int
        Size of the family of claims.
    looks : sequence of int, optional
        Every planned look, as numbers of seeds; one look at what is there if not given.

    Returns
    -------
    Weighed
        One entry a sample.

    Examples
    --------
    >>> samples = np.linspace([0.4, 0.9, 1.9], [0.6, 1.1, 2.1], 40).T  # three of 40 seeds
    >>> weigh("<=", samples, 1.0).verdict.tolist()
    ['supported', 'not refuted', 'refuted']
    >>> weigh("=", samples, np.ones(40)).verdict.tolist()
    ['refuted', 'supported', 'refuted']
    """
    left = np.asarray(left, dtype=np.float64)
    planned = tuple(looks) if looks else (left.shape[-1],)
    level = SUPPORT_LEVEL / (max(1, comparisons) * len(planned))
    if kind == "<=":
        return _weigh_bound(left, right, level, planned, log10_threshold(comparisons))
    right = np.asarray(right, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # both sides of a diverged run may be infinite
        differences = left - right
        rounding = np.abs(differences) <= ROUNDING * np.maximum(np.abs(left), np.abs(right))
    differences = np.where(rounding & np.isfinite(differences), 0.0, differences)
    scale = np.abs(np.mean(right, axis=-1))
    return _weigh_difference(kind == "=", differences, scale, level, planned, log10_threshold(comparisons))


def _weigh_bound(left: Values, bound: Any, level: float, planned: Sequence[int], threshold: float) -> Weighed:
    """Weigh a bound."""
    ratios = np.minimum(np.where(np.isfinite(left), left, np.inf) / bound, CAP)
    mean, low, high = _limits(ratios, level)
    evidence, skew = np.asarray(log10_e_value(ratios)), skewness(ratios)
    few = np.full(mean.shape, ratios.shape[-1] < FEWEST)
    refuted = evidence > threshold
    varied = _varied(ratios, planned)
    below = varied & (high <= 1.0) & (p_value(1.0 - ratios) <= level)
    supported = (mean < COMFORTABLE) & (np.abs(skew) < SKEWED) & below
    above = low > 1.0
    verdict = np.select(
        [few, refuted, supported, above],
        ["inconclusive", "refuted", "supported", "inconclusive"],
        "not refuted",
    )
    hopeless = below | (mean >= COMFORTABLE)  # of being supported: skewed, or too near the bound
    excluded = p_value(NOTICEABLE - ratios) <= level
    decided = ~few & (refuted | supported | (varied & ~above & excluded & hopeless))
    return Weighed(mean, low, high, evidence, skew, verdict, decided)


def _weigh_difference(
    both: bool, differences: Values, scale: Values, level: float, planned: Sequence[int], threshold: float
) -> Weighed:
    """Weigh an identity, or with `both` false a bound whose two sides are measured in the same run."""
    finite = np.asarray(np.isfinite(differences).all(axis=-1))
    kept = np.where(finite[..., None], differences, 0.0)
    mean, low, high = _limits(kept, level / (2.0 if both else 1.0))
    evidence = np.where(finite, _over_looks(kept, planned, both), np.inf)
    skew = skewness(kept)
    few = np.full(mean.shape, differences.shape[-1] < FEWEST)
    refuted = evidence > threshold
    varied = _varied(kept, planned)
    if both:
        supported = varied & (np.maximum(np.abs(low), np.abs(high)) <= MARGIN * scale)
        # the mean of a few runs says nothing of a law with such tails
        vague = high - low > 2.0 * scale
        settled = np.zeros_like(few)
    else:
        below = varied & (high <= 0.0) & (p_value(-kept) <= level)
        supported = below & (np.abs(skew) < SKEWED)
        vague = low > 0.0
        near = below | (mean >= (COMFORTABLE - 1.0) * scale)
        excluded = p_value((NOTICEABLE - 1.0) * scale[..., None] - kept) <= level
        settled = varied & ~vague & excluded & near
    verdict = np.select(
        [few, refuted, supported, vague],
        ["inconclusive", "refuted", "supported", "inconclusive"],
        "not refuted",
    )
    return Weighed(
        np.where(finite, mean, np.inf),
        np.where(finite, low, -np.inf),
        np.where(finite, high, np.inf),
        np.where(few, 0.0, evidence),
        skew,
        verdict,
        ~few & (refuted | supported | settled),
    )
