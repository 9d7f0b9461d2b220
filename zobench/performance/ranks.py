"""Ranks of solvers over problems, and how far apart mean ranks must be to mean something.

Friedman's test says whether the solvers differ at all, Nemenyi's critical difference which of them do: two
mean ranks over N problems differ at the level if they are CD = q sqrt(k (k + 1) / (6 N)) apart, q being the
quantile of the studentised range of k solvers divided by sqrt(2).

Source: Demšar, "Statistical comparisons of classifiers over multiple data sets", J. Mach. Learn. Res. 7,
2006.  The p-value is that of the chi-squared law, which errs on the safe side; the F form has p = 0 as soon
as two problems agree on the order.  The ranks of two solvers depend on which others are ranked (Benavoli,
Corani and Mangili, J. Mach. Learn. Res. 17, 2016): for two solvers use `zobench.performance.pairs`.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["RankTable", "critical_difference", "rank_table", "ranks"]


@dataclass(frozen=True)
class RankTable:
    """Mean ranks, the best first.

    Attributes
    ----------
    solvers : tuple of str
    mean_ranks : tuple of float
        1 would be best on every problem.
    problems : int
    statistic, p : float
        Friedman's, corrected for ties, and its p-value.
    critical_difference : float
    level : float
    groups : tuple of tuple of str
        Largest sets of neighbours whose mean ranks do not differ by the critical difference: the bars of the
        usual drawing.  None of them means anything if `p` is above `level`.

    Examples
    --------
    >>> from pandas import DataFrame
    >>> rank_table(DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})).solvers
    ('a', 'b')
    """

    solvers: tuple[str, ...]
    mean_ranks: tuple[float, ...]
    problems: int
    statistic: float
    p: float
    critical_difference: float
    level: float
    groups: tuple[tuple[str, ...], ...]


def ranks(costs: Any) -> NDArray[np.float64]:
    """Rank the columns in each row, 1 the smallest; equal costs, infinite ones too, share the mean rank.

    Parameters
    ----------
    costs : array of shape (problems, solvers)

    Returns
    -------
    array of shape (problems, solvers)

    Examples
    --------
    >>> ranks([[10.0, np.inf, 5.0, np.inf]]).tolist()
    [[2.0, 3.5, 1.0, 3.5]]
    """
    return np.asarray(stats.rankdata(np.asarray(costs, float), axis=1))


def critical_difference(solvers: int, problems: int, level: float = 0.05) -> float:
    """Return how far apart two mean ranks must be, by Nemenyi's test: q sqrt(k (k + 1) / (6 N)).

    Source: Demšar, "Statistical comparisons of classifiers over multiple data sets", J. Mach. Learn. Res. 7,
    2006.

    Parameters
    ----------
    solvers : int
        k, at least 2.
    problems : int
        N.
    level : float
        Family-wise probability of telling apart solvers that do not differ.

    Returns
    -------
    float
        In ranks.

    Examples
    --------
    >>> round(critical_difference(5, 30), 3)
    1.114
    """
    quantile = float(stats.studentized_range.isf(level, solvers, math.inf)) / math.sqrt(2.0)
    return quantile * math.sqrt(solvers * (solvers + 1.0) / (6.0 * problems))


def rank_table(costs: "DataFrame", level: float = 0.05) -> RankTable:
    """Rank solvers by their costs on each problem.

    Parameters
    ----------
    costs : DataFrame
        Rows problems, columns solvers, less is better, inf for no hit: `zobench.performance.measures.costs`,
        or 1 minus `zobench.performance.ecdf.areas`.
    level : float

    Returns
    -------
    RankTable

    Raises
    ------
    ZobenchError
        If there are fewer than two solvers or problems, or a solver lacks a problem.

    Examples
    --------
    >>> from pandas import DataFrame
    >>> rank_table(DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})).mean_ranks
    (1.0, 2.0)
    """
    values = costs.to_numpy(float)
    if min(values.shape, default=0) < 2:
        raise ZobenchError(
            f"ranks: need at least 2 problems and 2 solvers, got {len(costs)} and {len(costs.columns)}"
        )
    lacking = costs.index[np.isnan(values).any(axis=1)]
    if len(lacking):
        raise ZobenchError(
            f"ranks: every solver must have met every problem; {len(lacking)} problems lack a solver, "
            f"such as {str(lacking[0])!r}: use Runtimes.common() first"
        )
    found = ranks(values)
    problems, solvers = found.shape
    means = found.mean(axis=0)
    order = np.argsort(means, kind="stable")
    statistic, p = _friedman(found)
    difference = critical_difference(solvers, problems, level)
    names = tuple(str(costs.columns[place]) for place in order)
    return RankTable(
        names,
        tuple(float(means[place]) for place in order),
        problems,
        statistic,
        p,
        difference,
        level,
        _groups(names, means[order], difference),
    )


def _friedman(found: NDArray[np.float64]) -> tuple[float, float]:
    """Return Friedman's statistic, corrected for ties, and its p-value."""
    problems, solvers = found.shape
    middle = 0.5 * (solvers + 1.0)
    between = problems * float(((found.mean(axis=0) - middle) ** 2).sum())
    within = float(((found - middle) ** 2).sum()) / (problems * (solvers - 1.0))
    if within == 0.0:  # everybody is equal everywhere
        return 0.0, 1.0
    statistic = between / within
    return statistic, float(stats.chi2.sf(statistic, solvers - 1))


def _groups(
    names: tuple[str, ...], means: NDArray[np.float64], difference: float
) -> tuple[tuple[str, ...], ...]:
    """Give the largest runs of neighbours within the critical difference, of two and more."""
    found: list[tuple[int, int]] = []
    for start in range(len(names)):
        end = int(np.searchsorted(means, means[start] + difference, side="left"))
        if end - start > 1 and not (found and end <= found[-1][1]):
            found.append((start, end))
    return tuple(names[start:end] for start, end in found)
