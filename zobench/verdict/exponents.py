"""Exponents of what is measured: log-log fits with intervals from resampled seeds.

A fit is least squares of log q_l on log x_l, l over the levels of a factor, with q_l made from the mean over
the seeds at level l (the mean, not the mean of logarithms: theorems speak of means).  The same seeds run at
every level, so what is resampled is whole seeds: the values of one seed at all levels stay together (a
cluster).

The interval is the bootstrap-t: the quantiles of (e* - e) / error* over resamples, times the error of the
fit, where the error is the infinitesimal jackknife's.  With 20 seeds its coverage is measured in the tests;
plain percentiles cover less.  Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section
12.5.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from zobench.verdict.evidence import log10_calibrated, log10_threshold
from zobench.verdict.statistics import Assessment

__all__ = ["EXPONENT_MARGIN", "Fit", "assess_exponent", "fit"]

#: On a tight instance exponents within this margin count as equal.
EXPONENT_MARGIN = 0.1
#: Resamples of the seeds.
RESAMPLES = 999
#: Of the two-sided interval.
CONFIDENCE = 0.95

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A fitted exponent.

    Attributes
    ----------
    exponent : float
    low, high : float
        Of its 95 per cent interval.
    error : float
        Its standard error.
    seeds : int

    Examples
    --------
    >>> levels, seeds = np.array([1.0, 10.0, 100.0]), np.linspace(0.9, 1.1, 20)
    >>> found = fit(levels, 2.0 * levels[:, None] ** -0.5 + 0.01 * seeds)
    >>> round(found.exponent, 2), bool(found.low < found.exponent < found.high), found.seeds
    (-0.49, True, 20)
    """

    exponent: float
    low: float
    high: float
    error: float
    seeds: int


@lru_cache(maxsize=8)
def _draws(seeds: int, resamples: int) -> Values:
    """Give how often each resample has each seed, as parts of one; always the same."""
    return np.random.default_rng(7).multinomial(seeds, np.full(seeds, 1.0 / seeds), resamples) / seeds


def _logs(means: Values, starts: Values | None) -> tuple[Values, Values]:
    """Give log q and its derivative by the mean, levels along the last axis.

    q is the mean itself, or with `starts` 1 / ln(start / mean): the part of a linearly convergent run that
    gains a factor e.
    """
    if starts is None:
        return np.log(means), 1.0 / means
    gained = np.log(starts / means)
    return -np.log(gained), 1.0 / (gained * means)


def fit(levels: Any, values: Any, starts: Any = None, resamples: int = RESAMPLES) -> Fit:
    """Fit the exponent of a measured mean in a factor.

    Parameters
    ----------
    levels : vector of size l
        The factor's levels, positive.
    values : array of shape (l, seeds)
        What was measured; row by row the same seeds.
    starts : vector of size l, optional
        Where the runs began, for quantities that fall linearly: fitted is then the time in which the mean
        falls by the factor e, as a part of the run.
    resamples : int

    Returns
    -------
    Fit
        With NaN where a mean is not positive, or has not fallen.

    Examples
    --------
    >>> levels = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    >>> found = fit(levels, 3.0 * levels[:, None] ** -0.5 * np.linspace(0.9, 1.1, 20))
    >>> round(found.exponent, 6)
    -0.5
    """
    values = np.asarray(values, dtype=np.float64)
    seeds = values.shape[1]
    places = np.log(np.asarray(levels, dtype=np.float64))
    weights = (places - places.mean()) / np.sum((places - places.mean()) ** 2)
    begins = None if starts is None else np.asarray(starts, dtype=np.float64)
    draws = _draws(seeds, resamples)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        [exponent], [error] = _errors(np.full((1, seeds), 1.0 / seeds), values, weights, begins)
        others, errors = _errors(draws, values, weights, begins)
        t = (others - exponent) / np.maximum(errors, 1e-300)
    usable = np.isfinite(t)
    if not np.isfinite(exponent) or usable.mean() < CONFIDENCE:
        return Fit(float(exponent), np.nan, np.nan, np.nan, seeds)
    lower, upper = np.quantile(t[usable], [(1.0 - CONFIDENCE) / 2.0, (1.0 + CONFIDENCE) / 2.0])
    return Fit(float(exponent), exponent - upper * error, exponent - lower * error, float(error), seeds)


def _errors(draws: Values, values: Values, weights: Values, starts: Values | None) -> tuple[Values, Values]:
    """Give the exponents of weighted seeds, draws of shape (b, seeds), with their standard errors."""
    means = draws @ values.T
    logs, slopes = _logs(means, starts)
    pull = slopes * weights
    influences = pull @ values - np.sum(pull * means, axis=1, keepdims=True)
    spread = np.sum(draws * influences**2, axis=1)
    return logs @ weights, np.sqrt(spread / (values.shape[1] - 1))


def assess_exponent(found: Fit, expected: float, tight: bool, comparisons: int = 1) -> Assessment:
    """Say what a fitted exponent says about the bound's.

    On a tight instance, where what is measured must follow the bound, the claim is that both are equal within
    `EXPONENT_MARGIN`: supported if the interval lies within the margin (two one-sided tests), refuted if the
    e-value of Student's test against it exceeds the family's threshold.  On another instance a bound may be
    approached from far below at any speed, so no exponent refutes it: supported if the interval's upper end
    is at most the margin above, that is, if what is measured does not grow faster than the bound;
    inconclusive if the lower end is above it.

    Parameters
    ----------
    found : Fit
    expected : float
        The bound's exponent.
    tight : bool
        Whether the instance is tight.
    comparisons : int
        Size of the family of claims.

    Returns
    -------
    Assessment
        `mean` is the fitted exponent, `ratio` its difference to the expected one.

    Examples
    --------
    >>> assess_exponent(Fit(-0.49, -0.52, -0.46, 0.015, 40), -0.5, True).verdict
    'supported'
    >>> assess_exponent(Fit(-0.25, -0.26, -0.24, 0.005, 40), -0.5, True).verdict
    'refuted'
    """
    away, low, high = found.exponent - expected, found.low - expected, found.high - expected
    evidence = 0.0
    if not np.isfinite([away, low, high]).all():
        return Assessment(found.exponent, away, -np.inf, np.inf, evidence, "inconclusive")
    if tight:
        beyond = (abs(away) - EXPONENT_MARGIN) / max(found.error, 1e-12)
        tail = 2.0 * float(stats.t.sf(beyond, found.seeds - 1))
        evidence = float(log10_calibrated(min(1.0, max(tail, 1e-300))))
    if tight and evidence > log10_threshold(comparisons):
        verdict = "refuted"
    elif high <= EXPONENT_MARGIN and (low >= -EXPONENT_MARGIN or not tight):
        verdict = "supported"
    elif low > EXPONENT_MARGIN or (tight and high < -EXPONENT_MARGIN):
        verdict = "inconclusive"
    else:
        verdict = "not refuted"
    return Assessment(found.exponent, away, found.low, found.high, evidence, verdict)
