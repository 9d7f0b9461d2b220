"""The statistics of verdicts: e-values for refutation, one-sided limits for support.

For a claim E[Y] <= B with Y >= 0 and one independent value Y_i a seed:

* **refuted** if an e-value for the hypothesis E[Y] <= B exceeds the family's threshold, and does so again
  on fresh seeds.  The e-value is the mean over l in {.05, .1, .25, .5, .9} of prod_i (1 + l (Y_i / B - 1)):
  each factor has mean at most 1 under the hypothesis, so the test is valid for every law of Y >= 0, every
  number of seeds, and under optional stopping (Shafer, "Testing by betting", J. R. Stat. Soc. A 184, 2021).
* **supported** if the one-sided upper confidence limit of E[Y] is at most B.  The limit is Student's, and so
  is used only where it can be trusted: sample skewness below 1 in absolute value, mean / B below 0.9, and the
  test corrected for skewness says the same.
* **inconclusive** if the lower limit lies above B without a repeated refutation, or too few seeds ran.
* **not refuted** otherwise.  It is never printed as confirmed.

Seeds come in batches (`zobench.verdict.sequential`).  A limit is no more valid when one stops where one
likes, so over J planned looks each limit is at the J-th part of its level, and p-values are turned into
e-values, whose mean over the looks is an e-value again (`zobench.verdict.evidence`, where the arithmetic is).

Runs that diverged count as 1e6 B and are never dropped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zobench.verdict.evidence import FEWEST, log10_e_value, log10_threshold, weigh

__all__ = [
    "Assessment",
    "assess_bound",
    "assess_identity",
    "assess_paired",
    "assess_property",
    "holm_threshold",
    "log10_e_value",
]


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
    decided : bool
        Whether more seeds are unlikely to change the verdict.

    Examples
    --------
    >>> found = assess_bound(np.linspace(0.8, 1.2, 30), 2.0)
    >>> round(found.mean, 2), round(found.ratio, 2), found.ci_low < 1.0 < found.ci_high < 2.0
    (1.0, 0.5, True)
    """

    mean: float
    ratio: float
    ci_low: float
    ci_high: float
    log10_e: float
    verdict: str
    decided: bool = True


def holm_threshold(comparisons: int) -> float:
    """Return the log10 e-value that refutes one of `comparisons` claims.

    Holm's step-down procedure on p = min(1, 1/e) begins at this threshold; `zobench.verdict.sequential.holm`
    goes on.  Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6,
    1979.

    Parameters
    ----------
    comparisons : int
        Size of the family of claims.

    Returns
    -------
    float

    Examples
    --------
    >>> round(holm_threshold(1), 9), round(holm_threshold(100), 9)
    (3.0, 5.0)
    """
    return log10_threshold(comparisons)


def assess_bound(
    values: NDArray[np.float64], bound: float, comparisons: int = 1, looks: Sequence[int] | None = None
) -> Assessment:
    """Assess E[Y] <= bound.

    Parameters
    ----------
    values : vector
        Y_i, one a seed; NaN and infinities are diverged runs.
    bound : float
        B > 0.
    comparisons : int
        Size of the family of claims.
    looks : sequence of int, optional
        Every planned look, as numbers of seeds; one look if not given.

    Returns
    -------
    Assessment

    Examples
    --------
    >>> assess_bound(np.linspace(0.4, 0.6, 30), 1.0).verdict
    'supported'
    """
    found = weigh("<=", values, bound, comparisons, looks)
    ratio = float(found.mean)
    return Assessment(
        ratio * bound,
        ratio,
        float(found.low) * bound,
        float(found.high) * bound,
        float(found.log10_e),
        str(found.verdict),
        bool(found.decided),
    )


def assess_identity(
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    comparisons: int = 1,
    looks: Sequence[int] | None = None,
) -> Assessment:
    """Assess E[left] = E[right], two-sided, from the differences of the two sides run by run.

    Refuted if Student's test, corrected for skewness (`zobench.verdict.evidence.p_value`) and turned into an
    e-value (`zobench.verdict.evidence.log10_calibrated`), exceeds the threshold; supported if the confidence
    interval of the difference lies within 5 per cent of the right-hand side.

    Parameters
    ----------
    left, right : vectors
        One value a seed.
    comparisons : int
        Size of the family of claims.
    looks : sequence of int, optional
        Every planned look, as numbers of seeds; one look if not given.

    Returns
    -------
    Assessment
        `mean` and the limits are those of the left-hand side as the differences determine it: the mean of the
        right-hand side plus the mean difference.

    Examples
    --------
    >>> right = np.linspace(0.9, 1.1, 40)
    >>> assess_identity(right + np.linspace(-0.01, 0.01, 40), right).verdict
    'supported'
    >>> assess_identity(1.1 * right, right).verdict
    'refuted'
    """
    return _assess_difference("=", left, right, comparisons, looks)


def assess_paired(
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    comparisons: int = 1,
    looks: Sequence[int] | None = None,
) -> Assessment:
    """Assess E[left] <= E[right], one-sided, where both sides are measured in the same run.

    As for an identity, with the one-sided test; supported if the upper limit of the mean difference is at
    most 0 and the differences' skewness is below 1 in absolute value.

    Parameters
    ----------
    left, right : vectors
        One value a seed.
    comparisons : int
        Size of the family of claims.
    looks : sequence of int, optional
        Every planned look, as numbers of seeds; one look if not given.

    Returns
    -------
    Assessment
        `mean` and the limits are as for an identity.

    Examples
    --------
    >>> assess_paired(np.linspace(0.4, 0.6, 30), np.ones(30)).verdict
    'supported'
    """
    return _assess_difference("paired", left, right, comparisons, looks)


def _assess_difference(
    kind: str,
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    comparisons: int,
    looks: Sequence[int] | None,
) -> Assessment:
    found, level = weigh(kind, left, right, comparisons, looks), float(np.mean(right))
    mean = float(found.mean)
    return Assessment(
        level + mean,
        (level + mean) / level if np.isfinite(mean) else np.inf,
        level + float(found.low),
        level + float(found.high),
        float(found.log10_e),
        str(found.verdict),
        bool(found.decided),
    )


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
