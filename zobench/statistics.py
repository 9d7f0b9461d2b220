"""The statistics of verdicts: e-values for refutation, one-sided limits for support.

For a claim E[Y] <= B with Y >= 0 and one independent value Y_i a seed:

* **refuted** if an e-value for the hypothesis E[Y] <= B exceeds the family's threshold, and does so again
  on fresh seeds.  The e-value is the mean over l in {.05, .1, .25, .5, .9} of prod_i (1 + l (Y_i / B - 1)):
  each factor has mean at most 1 under the hypothesis, so the test is valid for every law of Y >= 0, every
  number of seeds, and under optional stopping (Shafer, "Testing by betting", J. R. Stat. Soc. A 184, 2021).
* **supported** if the one-sided upper confidence limit of E[Y] is at most B.  The limit is Student's, and so
  is used only where it can be trusted: sample skewness below 1 in absolute value and mean / B below 0.9.
* **inconclusive** if the lower limit lies above B without a repeated refutation, or too few seeds ran.
* **not refuted** otherwise.  It is never printed as confirmed.

Runs that diverged count as 1e6 B and are never dropped.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

__all__ = [
    "Assessment",
    "assess_bound",
    "assess_identity",
    "assess_paired",
    "assess_property",
    "holm_threshold",
    "log10_e_value",
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
_BETS = np.array([0.05, 0.1, 0.25, 0.5, 0.9])


@dataclass(frozen=True)
class Assessment:
    """What the values of one cell say about its claim.

    Attributes
    ----------
    mean : float
        Of the measured values.
    ratio : float
        mean / bound: the tightness.
    ci_low, ci_high : float
        One-sided limits of the mean, each at the family's support level.
    log10_e : float
        Evidence against the claim.
    verdict : str
        "supported", "not refuted", "inconclusive", or "refuted" before the repetition.
    """

    mean: float
    ratio: float
    ci_low: float
    ci_high: float
    log10_e: float
    verdict: str


def log10_e_value(ratios: NDArray[np.float64]) -> float:
    """Return log10 of the e-value against E[Y] <= B.

    Parameters
    ----------
    ratios : vector
        Y_i / B, non-negative; one a seed.

    Examples
    --------
    >>> log10_e_value(np.full(20, 2.0)) > 3
    True
    >>> log10_e_value(np.full(20, 0.5)) < 0
    True
    """
    logs = np.log1p(_BETS[:, None] * (np.asarray(ratios)[None, :] - 1.0)).sum(axis=1)
    return float((special.logsumexp(logs) - math.log(_BETS.size)) / math.log(10.0))


def holm_threshold(comparisons: int) -> float:
    """Return the log10 e-value that refutes one of `comparisons` claims.

    Holm's step-down procedure on p = min(1, 1/e) begins at this threshold; being used for every claim it is
    Bonferroni's, which is stricter.
    """
    return math.log10(max(1, comparisons) / REFUTATION_LEVEL)


def _limits(values: NDArray[np.float64], comparisons: int) -> tuple[float, float, float]:
    """Return the mean with its one-sided limits at the family's support level."""
    count, mean = values.size, float(values.mean())
    if count < 2:
        return mean, -math.inf, math.inf
    quantile = stats.t.isf(SUPPORT_LEVEL / max(1, comparisons), count - 1)
    half = float(quantile * values.std(ddof=1) / math.sqrt(count))
    return mean, mean - half, mean + half


def _skewness(values: NDArray[np.float64]) -> float:
    spread = values.std()
    # in units of the spread, whose cube may be too small for double precision
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def assess_bound(values: NDArray[np.float64], bound: float, comparisons: int = 1) -> Assessment:
    """Assess E[Y] <= bound.

    Parameters
    ----------
    values : vector
        Y_i, one a seed; NaN and infinities are diverged runs.
    bound : float
        B > 0.
    comparisons : int
        Size of the family of claims.

    Returns
    -------
    Assessment

    Examples
    --------
    >>> assess_bound(np.linspace(0.4, 0.6, 30), 1.0).verdict
    'supported'
    """
    values = np.asarray(values, dtype=np.float64)
    ratios = np.minimum(np.where(np.isfinite(values), values, np.inf) / bound, CAP)
    ratio, low, high = _limits(ratios, comparisons)
    evidence = log10_e_value(ratios)
    trusted = ratio < 0.9 and abs(_skewness(ratios)) < 1.0
    if ratios.size < FEWEST:
        verdict = "inconclusive"
    elif evidence > holm_threshold(comparisons):
        verdict = "refuted"
    elif trusted and high <= 1.0:
        verdict = "supported"
    else:
        verdict = "inconclusive" if low > 1.0 else "not refuted"
    return Assessment(ratio * bound, ratio, low * bound, high * bound, evidence, verdict)


def assess_identity(
    left: NDArray[np.float64], right: NDArray[np.float64], comparisons: int = 1
) -> Assessment:
    """Assess E[left] = E[right], two-sided, from the differences of the two sides run by run.

    Refuted if the t-test's p-value, turned into an e-value by the calibrator
    (1 - p + p ln p) / (p (ln p)^2) of Vovk and Wang (Ann. Statist. 49, 2021), exceeds the threshold;
    supported if the confidence interval of the difference lies within 5 per cent of the right-hand side.

    Parameters
    ----------
    left, right : vectors
        One value a seed.
    comparisons : int
        Size of the family of claims.

    Returns
    -------
    Assessment
        `mean` and the limits are those of the left-hand side as the differences determine it: the mean of the
        right-hand side plus the mean difference.
    """
    differences = np.asarray(left, dtype=np.float64) - np.asarray(right, dtype=np.float64)
    level = float(np.mean(right))
    if not np.isfinite(differences).all() or differences.size < FEWEST:
        return _undecidable(differences)
    mean, low, high = _limits(differences, 2 * comparisons)
    evidence = _calibrated(min(1.0, 2.0 * _tail(math.copysign(1.0, mean) * differences, abs(mean))))
    if evidence > holm_threshold(comparisons):
        verdict = "refuted"
    elif max(abs(low), abs(high)) <= MARGIN * abs(level):
        verdict = "supported"
    elif high - low > 2.0 * abs(level):
        verdict = "inconclusive"  # the mean of a few runs says nothing of a law with such tails
    else:
        verdict = "not refuted"
    return Assessment(level + mean, (level + mean) / level, level + low, level + high, evidence, verdict)


def assess_paired(left: NDArray[np.float64], right: NDArray[np.float64], comparisons: int = 1) -> Assessment:
    """Assess E[left] <= E[right], one-sided, where both sides are measured in the same run.

    As for an identity, with the one-sided t-test; supported if the upper limit of the mean difference is at
    most 0 and the differences' skewness is below 1 in absolute value.

    Parameters
    ----------
    left, right : vectors
        One value a seed.
    comparisons : int
        Size of the family of claims.

    Examples
    --------
    >>> assess_paired(np.linspace(0.4, 0.6, 30), np.ones(30)).verdict
    'supported'
    """
    differences = np.asarray(left, dtype=np.float64) - np.asarray(right, dtype=np.float64)
    level = float(np.mean(right))
    if not np.isfinite(differences).all() or differences.size < FEWEST:
        return _undecidable(differences)
    mean, low, high = _limits(differences, comparisons)
    evidence = _calibrated(_tail(differences, mean))
    if evidence > holm_threshold(comparisons):
        verdict = "refuted"
    elif high <= 0.0 and abs(_skewness(differences)) < 1.0:
        verdict = "supported"
    else:
        verdict = "inconclusive" if low > 0.0 else "not refuted"
    return Assessment(level + mean, (level + mean) / level, level + low, level + high, evidence, verdict)


def assess_property(left: NDArray[np.float64], right: NDArray[np.float64]) -> Assessment:
    """Assess left = right in every run: no statistics, one run that differs refutes.

    Parameters
    ----------
    left, right : vectors
        One value a seed.

    Returns
    -------
    Assessment
        `mean` and `ratio` are the share of the runs in which the two sides are equal.

    Examples
    --------
    >>> assess_property(np.ones(5), np.ones(5)).verdict
    'supported'
    """
    equal = np.asarray(left) == np.asarray(right)
    share = float(equal.mean())
    if not equal.all():
        verdict = "refuted"
    else:
        verdict = "supported" if equal.size >= FEWEST else "inconclusive"
    return Assessment(share, share, share, share, 0.0 if equal.all() else math.inf, verdict)


def _undecidable(differences: NDArray[np.float64]) -> Assessment:
    """Say what follows from too few seeds, or from a run that diverged."""
    diverged = differences.size >= FEWEST
    verdict = "refuted" if diverged else "inconclusive"
    return Assessment(math.inf, math.inf, -math.inf, math.inf, math.inf if diverged else 0.0, verdict)


def _tail(differences: NDArray[np.float64], mean: float) -> float:
    """Return the one-sided p-value of the t-test against a mean of at most 0."""
    spread = differences.std(ddof=1)
    if spread == 0.0:
        return 1e-300 if mean > 0.0 else 1.0
    statistic = mean / (spread / math.sqrt(differences.size))
    return max(float(stats.t.sf(statistic, differences.size - 1)), 1e-300)


def _calibrated(p: float) -> float:
    """Return log10 of the e-value that a p-value is worth."""
    if p > 1.0 - 1e-6:
        return math.log10(0.5)  # the calibrator's limit at p = 1, near which the formula loses its digits
    log = math.log(p)
    return math.log10((1.0 - p + p * log) / (p * log**2))
