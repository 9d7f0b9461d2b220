"""Seeds in batches: when to look, when to stop, what a family of claims adds.

Seeds are added until a claim is decided: refuted, and again on fresh seeds; supported; or, for bounds, when a
violation by 30 per cent is excluded and support is out of reach.  Otherwise up to the cap.  What a look may
say after others have been taken is told in `zobench.verdict.evidence`.  For the same first seed the seeds,
and so the verdicts, are the same.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zobench.verdict.evidence import REFUTATION_LEVEL, Weighed, weigh

__all__ = ["SEEDS", "benjamini_hochberg", "holm", "mean_e", "planned_looks", "sample"]

#: Seeds of a cell at most; a refutation takes as many again at most.
SEEDS = 320
#: Seeds of the first batch.
FIRST = 40


def planned_looks(cap: int) -> tuple[int, ...]:
    """Give the numbers of seeds after which the values are looked at: 40, 80, 160, ... and the cap.

    Parameters
    ----------
    cap : int
        Seeds at most.

    Returns
    -------
    tuple of int
        Ascending; the last one is `cap`.

    Examples
    --------
    >>> planned_looks(100)
    (40, 80, 100)
    >>> planned_looks(8)
    (8,)
    """
    looks, look = [], FIRST
    while look < cap:
        looks.append(look)
        look *= 2
    return (*looks, cap)


def holm(log10_e: Sequence[float], level: float = REFUTATION_LEVEL) -> NDArray[np.bool_]:
    """Say which of a family of claims fall by Holm's step-down procedure on p = min(1, 1/e).

    The probability that any true claim falls is at most `level`, however the e-values depend on one another.
    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6, 1979.

    Parameters
    ----------
    log10_e : sequence of float
        log10 of one e-value a claim.
    level : float

    Returns
    -------
    vector of bool

    Examples
    --------
    >>> holm([4.5, 3.2, 3.4, 0.0]).tolist()
    [True, False, False, False]
    >>> holm([4.5, 3.2, 3.5, 0.0]).tolist()
    [True, False, True, False]
    """
    found = np.asarray(log10_e, dtype=np.float64)
    order, fallen = np.argsort(-found, kind="stable"), np.zeros(found.size, dtype=bool)
    for rank, claim in enumerate(order):
        if found[claim] <= np.log10((found.size - rank) / level):
            break
        fallen[claim] = True
    return fallen


def benjamini_hochberg(log10_e: Sequence[float], level: float = REFUTATION_LEVEL) -> NDArray[np.bool_]:
    """Say which of a family of claims fall by the e-BH procedure.

    The k claims with the largest e-values fall, for the largest k whose k-th e-value is at least m / (k
    level). The expected part of true claims among those that fall is at most `level`, however the e-values
    depend on one another.  Source: Wang and Ramdas, "False discovery rate control with e-values", J. R. Stat.
    Soc. B 84, 2022.

    Parameters
    ----------
    log10_e : sequence of float
        log10 of one e-value a claim.
    level : float

    Returns
    -------
    vector of bool

    Examples
    --------
    >>> benjamini_hochberg([3.4, 3.4, 3.4, 0.0]).tolist()
    [True, True, True, False]
    """
    found = np.asarray(log10_e, dtype=np.float64)
    order, fallen = np.argsort(-found, kind="stable"), np.zeros(found.size, dtype=bool)
    ranks = np.arange(1, found.size + 1)
    enough = np.flatnonzero(found[order] >= np.log10(found.size / (ranks * level)))
    if enough.size:
        fallen[order[: enough[-1] + 1]] = True
    return fallen


def mean_e(log10_e: Sequence[float]) -> float:
    """Return log10 of the mean of e-values, an e-value against all their claims together.

    The mean is an e-value however they depend on one another.  Source: Vovk and Wang, "E-values: calibration,
    combination and applications", Ann. Statist. 49, 2021.

    Parameters
    ----------
    log10_e : sequence of float
        log10 of one e-value a claim, at least one.

    Returns
    -------
    float

    Examples
    --------
    >>> round(mean_e([3.0, 1.0]), 2)
    2.7
    """
    found = np.asarray(log10_e, dtype=np.float64)
    top = float(found.max())
    if not np.isfinite(top):
        return top
    return top + float(np.log10(np.mean(10.0 ** (found - top))))


def sample(
    kind: str, left: NDArray[np.float64], right: NDArray[np.float64], comparisons: int = 1
) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Judge many samples as `zobench.verdict.verification.judge` judges a cell, for calibration.

    Parameters
    ----------
    kind : str
        The claim.
    left, right : array of shape (samples, 2 cap)
        One value a seed; the second half are the fresh seeds of the repetition.
    comparisons : int
        Size of the family of claims.

    Returns
    -------
    (verdicts, seeds) : vectors
        `seeds` counts those of the repetition too.

    Examples
    --------
    Three samples of values around 0.5, 1 and 2, of which a bound says that their mean is at most 1:

    >>> left = np.linspace([0.4, 0.9, 1.9], [0.6, 1.1, 2.1], 80).T
    >>> verdicts, seeds = sample("<=", left, np.ones_like(left))
    >>> verdicts.tolist(), seeds.tolist()
    (['supported', 'not refuted', 'refuted'], [40, 40, 80])
    """
    cap = left.shape[1] // 2
    looks = planned_looks(cap)
    verdicts, used = _through(kind, left[:, :cap], right[:, :cap], comparisons, looks)
    fallen = np.flatnonzero(verdicts == "refuted")
    if fallen.size:
        again, more = _through(kind, left[fallen, cap:], right[fallen, cap:], 1, looks)
        verdicts[fallen] = np.where(again == "refuted", "refuted", "inconclusive")
        used[fallen] += more
    return verdicts, used


def _through(
    kind: str,
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    comparisons: int,
    looks: Sequence[int],
) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Look at samples until each is decided, or at the cap."""
    open_ones = np.arange(left.shape[0])
    verdicts = np.full(open_ones.size, "inconclusive", dtype="<U12")
    used = np.zeros(open_ones.size, dtype=np.int64)
    for look in looks:
        other = right[open_ones, :1] if kind == "<=" else right[open_ones, :look]
        found: Weighed = weigh(kind, left[open_ones, :look], other, comparisons, looks)
        verdicts[open_ones], used[open_ones] = found.verdict, look
        open_ones = open_ones[~found.decided]
        if not open_ones.size:
            break
    return verdicts, used
