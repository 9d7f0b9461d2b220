"""Paired comparisons: two solvers, or one solver before and after a change, on the same problems and seeds.

Runs with the same problem and seed are a pair: solvers meet the same noise there and, with the same direction
law, the same directions, so that differences within pairs vary less than the runs do.  A pair is compared
within the smaller of its two budgets.  What is compared is the log ratio of first hits, averaged over the
targets that either of the two hit; a run without the hit counts with `PENALTY` times the budget (PAR10, as
in Hutter et al., J. Artif. Intell. Res. 36, 2009).  Signs are not a matter of the penalty, sizes are.

The test is Wilcoxon's signed-rank test: exact, by the law of the rank sum over all signs given the sizes, so
with ties and zeros as well (zeros are ranked, then dropped: Pratt, J. Am. Stat. Assoc. 54, 1959); from more
than `EXACT` pairs on by the normal law.  Intervals are bootstrap percentiles of the mean log ratio, taken
further out for few pairs, as far as Student's law is wider than the normal one (Hesterberg, "What teachers
should know about the bootstrap", Am. Stat. 69, 2015): of normal values a 95 per cent interval covers
the mean in 92 per cent of the cases with five pairs, in 94 to 95 with six and more.  Families are tested by
Holm's procedure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from zobench.errors import ZobenchError
from zobench.performance.measures import Runtimes
from zobench.performance.tables import outward, resamples
from zobench.stream import generator
from zobench.verdict.evidence import FEWEST

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "EXACT",
    "PENALTY",
    "Pairs",
    "compare_solvers",
    "ert_ratio",
    "holm",
    "mean_interval",
    "pairs_of",
    "pairwise",
    "signed_rank",
]

Floats = NDArray[np.float64]

#: A run without a hit counts with this many budgets.
PENALTY = 10.0
#: Up to this many pairs the law of the signed-rank sum is exact.
EXACT = 60
#: Resamples of an interval.
BOOTSTRAP = 2000
#: Up to so many values resamples are drawn once and kept.
BLOCK = 500


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of runs with the same problem and seed, each cut at the smaller of the two budgets.

    Attributes
    ----------
    problem : array of str
    seed : vector of int
    first, second : array, shape (pairs, targets)
        First hits; inf where there is none.
    budget : vector
        The smaller one of each pair.
    spent : array, shape (pairs, 2)
        Queries of either run, up to that budget: less where it ended of its own accord.
    targets : vector
    unpaired : int
        Runs of either side without a partner.

    Examples
    --------
    The first run hits both targets after 10 queries; the second one needs ten times as many for one of them,
    and misses the other within its 1000:

    >>> queries = {"first": np.array([[10.0, 10.0]]), "second": np.array([[100.0, np.inf]])}
    >>> runs = {"problem": np.array(["sphere"]), "seed": np.array([0]), "unpaired": 0}
    >>> ends = {"budget": np.array([1000.0]), "spent": np.array([[1000.0, 1000.0]])}
    >>> pairs = Pairs(**queries, **runs, **ends, targets=np.array([0.1, 0.01]))
    >>> pairs.log_ratios().round(9).tolist(), pairs.log_ratios(penalty=1.0).round(9).tolist()
    ([2.0], [1.5])
    """

    problem: NDArray[Any]
    seed: NDArray[np.int64]
    first: Floats
    second: Floats
    budget: Floats
    spent: Floats
    targets: Floats
    unpaired: int

    def log_ratios(self, penalty: float = PENALTY) -> Floats:
        """Give log10(second / first) of each pair, the mean over the targets that either run hit; else 0.

        Parameters
        ----------
        penalty : float
            A run without the hit counts with this many budgets.

        Returns
        -------
        vector
            One a pair.
        """
        either = np.isfinite(self.first) | np.isfinite(self.second)
        missed = penalty * self.budget[:, None]
        sides = [np.log10(np.where(np.isfinite(side), side, missed)) for side in (self.first, self.second)]
        total = np.where(either, sides[1] - sides[0], 0.0).sum(axis=1)
        return np.asarray(total / np.maximum(either.sum(axis=1), 1))


def ert_ratio(pairs: Pairs, level: float = 0.95, bootstrap: int = 1000) -> tuple[Floats, Floats, Floats]:
    """Return the second side's ERT over the first side's at each target, with bootstrap limits.

    Whole pairs are resampled.  Without hits on one side the ratio is 0 or inf, without any it is NaN; with
    fewer than `FEWEST` pairs, or without any hit, the limits are NaN.  Where a resample has no hit on either
    side, nothing is known of it: it counts as the worst for both limits.

    Parameters
    ----------
    pairs : Pairs
    level : float
        Of each interval by itself.
    bootstrap : int
        Resamples of the pairs.

    Returns
    -------
    (ratio, low, high) : vectors
        One entry a target.

    Examples
    --------
    Five pairs, in each of which the second run needs twice the queries of the first:

    >>> first, spent = np.array([[10.0], [20.0], [30.0], [40.0], [50.0]]), np.full((5, 2), 100.0)
    >>> names, seeds = np.full(5, "sphere"), np.arange(5)
    >>> pairs = Pairs(names, seeds, first, 2.0 * first, spent[:, 0], spent, np.array([0.1]), unpaired=0)
    >>> [found.round(9).tolist() for found in ert_ratio(pairs)]
    [[2.0], [2.0], [2.0]]
    """
    sides = (pairs.first, pairs.spent[:, 0]), (pairs.second, pairs.spent[:, 1])
    columns = [np.where(np.isfinite(side), side, spent[:, None]) for side, spent in sides]
    columns += [np.isfinite(side).astype(float) for side, _ in sides]
    table = np.concatenate(columns, axis=1)

    def ratio(weights: Floats) -> Floats:
        # one product for all four: thousands of small ones take longer
        paid_1, paid_2, hits_1, hits_2 = np.split(weights @ table, 4, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((paid_2 / hits_2) / (paid_1 / hits_1))

    count = len(pairs.budget)
    found = ratio(np.ones((1, count)))[0]
    if count < FEWEST:
        return found, np.full_like(found, np.nan), np.full_like(found, np.nan)
    drawn = ratio(resamples(count, bootstrap)).T
    below, above = outward(count, level, bootstrap)
    unknown = np.isnan(drawn)
    lower, upper = drawn, drawn
    if unknown.any():
        lower, upper = np.where(unknown, 0.0, drawn), np.where(unknown, np.inf, drawn)
    nothing = np.isnan(found)
    low = np.where(nothing, np.nan, np.partition(lower, below, axis=1)[:, below])
    high = np.where(nothing, np.nan, np.partition(upper, above, axis=1)[:, above])
    return found, low, high


def pairs_of(
    first: Runtimes, first_rows: NDArray[np.int64], second: Runtimes, second_rows: NDArray[np.int64]
) -> Pairs:
    """Pair runs by instance and seed; both must have the same targets.

    Parameters
    ----------
    first, second : Runtimes
    first_rows, second_rows : vectors of int
        At most one row an instance and seed.

    Returns
    -------
    Pairs
        In the order of `first_rows`.

    Raises
    ------
    ZobenchError
        If the targets differ, or an instance and seed has several runs on one side.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> runs = [(name, seed) for name in ("s2p", "stp") for seed in (1, 2)]
    >>> traces = [zobench.run("quadratic", name, budget=200, seed=seed) for name, seed in runs]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces))
    >>> s2p, stp = (cell.rows for cell in runtimes.cells)
    >>> pairs = pairs_of(runtimes, s2p, runtimes, stp[1:])
    >>> pairs.seed.tolist(), pairs.unpaired
    ([2], 1)
    """
    if not np.array_equal(first.targets, second.targets):
        raise ZobenchError("pairs: both sides must have the same targets; use Runtimes.only(targets=...)")
    places = _places(first, first_rows), _places(second, second_rows)
    both = [place for place in places[0] if place in places[1]]
    mine, other = (np.array([side[place] for place in both], dtype=int) for side in places)
    return _paired(first, mine, second, other, len(first_rows) + len(second_rows) - 2 * len(both))


def _paired(
    first: Runtimes,
    mine: NDArray[np.int64],
    second: Runtimes,
    other: NDArray[np.int64],
    unpaired: int,
) -> Pairs:
    """Make pairs of rows that have been matched."""
    before, after = first.columns, second.columns
    ends = np.minimum(before["budget"][mine], after["budget"][other]).astype(float)
    sides = first.queries[mine], second.queries[other]
    cut = [np.where(side <= ends[:, None], side, np.inf) for side in sides]
    spent = np.stack([before["spent"][mine], after["spent"][other]], axis=1)
    return Pairs(
        before["problem"][mine],
        before["seed"][mine],
        cut[0],
        cut[1],
        ends,
        np.minimum(spent, ends[:, None]),
        first.targets,
        unpaired,
    )


def _places(runtimes: Runtimes, rows: NDArray[np.int64]) -> dict[tuple[Any, Any], int]:
    """Give the row of each instance and seed."""
    instances, seeds = runtimes.columns["instance"], runtimes.columns["seed"]
    found: dict[tuple[Any, Any], int] = {}
    for row in rows:
        place = instances[row], seeds[row]
        if place in found:
            raise ZobenchError(
                f"pairs: one run an instance and seed, got several of {place[0]}, seed {place[1]}"
            )
        found[place] = int(row)
    return found


def signed_rank(differences: Any) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test that differences are symmetric about 0.

    Parameters
    ----------
    differences : vector

    Returns
    -------
    float
        1 where all differences are 0, or there are none.

    Examples
    --------
    >>> signed_rank([0.1, 0.2, 0.3, 0.4, 0.5])
    0.0625
    """
    values = np.asarray(differences, float)
    if not values.any():
        return 1.0
    # twice the rank: an integer also for ties
    doubled = np.rint(2.0 * stats.rankdata(np.abs(values))).astype(int)
    doubled, above = doubled[values != 0.0], values[values != 0.0] > 0.0
    total, upper = int(doubled.sum()), int(doubled[above].sum())
    smaller = min(upper, total - upper)
    if doubled.size > EXACT:
        spread = 0.5 * math.sqrt(float((doubled.astype(float) ** 2).sum()))
        # continuity: half a step of the sum, whose steps are 2 here
        score = min(0.0, smaller + 1.0 - 0.5 * total) / spread
        return float(min(1.0, 2.0 * stats.norm.cdf(score)))
    law = np.zeros(total + 1)
    law[0] = 1.0
    for rank in doubled:
        law[rank:] = 0.5 * (law[rank:] + law[:-rank])
        law[:rank] *= 0.5
    return float(min(1.0, 2.0 * law[: smaller + 1].sum()))


def mean_interval(values: Any, level: float = 0.95, bootstrap: int = BOOTSTRAP) -> tuple[float, float, float]:
    """Return the mean with its bootstrap interval; with fewer than `FEWEST` values the limits are NaN.

    Parameters
    ----------
    values : vector
    level : float
    bootstrap : int
        Samples drawn.

    Returns
    -------
    float, float, float
        Mean, lower and upper limit.

    Examples
    --------
    >>> mean_interval([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    (1.0, 1.0, 1.0)
    """
    values = np.asarray(values, float)
    if values.size < FEWEST:
        return float(values.mean()) if values.size else math.nan, math.nan, math.nan
    drawn = np.sort(_resampled(values, bootstrap)) / values.size
    below, above = outward(values.size, level, bootstrap)
    return float(values.mean()), float(drawn[below]), float(drawn[above])


def _resampled(values: Floats, count: int) -> Floats:
    """Return sums of resamples, in blocks so that many values need little memory."""
    if values.size <= BLOCK:
        return np.asarray(resamples(values.size, count) @ values)
    drawn = generator(f"{count} resamples of {values.size} values", "bootstrap")
    return np.array([values[drawn.integers(values.size, size=values.size)].sum() for _ in range(count)])


def holm(p: Sequence[float] | Floats) -> Floats:
    """Return p-values adjusted for a family by Holm's procedure.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6, 1979.

    Parameters
    ----------
    p : sequence of float
        One p-value a member of the family.

    Returns
    -------
    vector
        In the order of `p`, at most 1: a member falls at a level if its entry is at most that level.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty(values.size)
    steps = values[order] * np.arange(values.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def compare_solvers(
    runtimes: Runtimes, first: str, second: str, target: float | None = None, level: float = 0.95
) -> "DataFrame":
    """Compare two solvers on every problem that both met, pair by pair.

    Parameters
    ----------
    runtimes : Runtimes
    first, second : str
    target : float, optional
        All of them if not given.
    level : float
        Of each interval by itself.

    Returns
    -------
    DataFrame
        One row a problem: problem, pairs, first_better, second_better, ratio (queries of `second` over those
        of `first`, geometric mean), low, high, p, p_holm over the problems.  With fewer than five pairs the
        limits are NaN.

    Raises
    ------
    ZobenchError
        If no problem and seed was met by both.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> runs = [(name, seed) for name in ("s2p", "spsa") for seed in range(6)]
    >>> traces = [zobench.run("quadratic", name, budget=400, seed=seed) for name, seed in runs]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces))
    >>> table = compare_solvers(runtimes, "s2p", "spsa", target=0.1)
    >>> table[["problem", "pairs", "first_better", "second_better", "p"]].values.tolist()
    [['quadratic (dim 10)', 6, 0, 6, 0.03125]]
    """
    from pandas import DataFrame

    pairs = _pairs(runtimes, first, second, target)
    logs = pairs.log_ratios()
    rows = []
    for problem in dict.fromkeys(pairs.problem):
        own = logs[pairs.problem == problem]
        middle, low, high = (10.0**limit for limit in mean_interval(own, level))
        better = int((own > 0).sum()), int((own < 0).sum())
        rows.append((problem, own.size, *better, middle, low, high, signed_rank(own)))
    table = DataFrame(rows, columns="problem pairs first_better second_better ratio low high p".split())
    return table.assign(p_holm=holm(table["p"].to_numpy()))


def _pairs(runtimes: Runtimes, first: str, second: str, target: float | None) -> Pairs:
    both = runtimes.only(solvers=[first, second], targets=None if target is None else [target])
    names = both.runs["solver"].to_numpy()
    found = pairs_of(both, np.flatnonzero(names == first), both, np.flatnonzero(names == second))
    if not found.problem.size:
        raise ZobenchError(f"pairs: solvers {first!r} and {second!r} have no problem and seed in common")
    return found


def pairwise(runtimes: Runtimes, target: float | None = None, level: float = 0.95) -> "DataFrame":
    """Compare all solvers with one another over the problems that both met; the problem is the unit.

    Parameters
    ----------
    runtimes : Runtimes
    target : float, optional
    level : float
        Of each interval by itself.

    Returns
    -------
    DataFrame
        One row a pair of solvers: first, second, problems, first_better, second_better, ratio (queries of
        `second` over those of `first`, geometric mean over seeds, then over problems), low, high, p, p_holm
        over the pairs of solvers.  Solvers without a common problem and seed have no row.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> runs = [(name, seed) for name in ("s2p", "spsa") for seed in (1, 2, 3)]
    >>> traces = [zobench.run("quadratic", name, budget=400, seed=seed) for name, seed in runs]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces))
    >>> table = pairwise(runtimes, target=0.1)
    >>> table[["first", "second", "problems", "second_better", "ratio"]].round(3).values.tolist()
    [['s2p', 'spsa', 1, 1, 0.165]]
    """
    from pandas import DataFrame

    found = runtimes if target is None else runtimes.only(targets=[target])
    solvers, problems = (np.unique(found.columns[name].astype(str)) for name in ("solver", "problem"))
    problem = np.searchsorted(problems, found.columns["problem"].astype(str))
    places = {str(name): _places(found, np.flatnonzero(found.columns["solver"] == name)) for name in solvers}
    # the row of each solver at each (instance, seed), -1 where it has none
    known = dict.fromkeys(place for own in places.values() for place in own)
    numbers = {place: number for number, place in enumerate(known)}
    table = np.full((len(places), len(numbers)), -1)
    for line, own in zip(table, places.values(), strict=True):
        line[[numbers[place] for place in own]] = list(own.values())
    rows = []
    for (first, mine), (second, other) in combinations(zip(places, table, strict=True), 2):
        both = (mine >= 0) & (other >= 0)
        if not both.any():
            continue
        pairs = _paired(found, mine[both], found, other[both], 0)
        sums, counts = (np.bincount(problem[mine[both]], weights) for weights in (pairs.log_ratios(), None))
        means = sums[counts > 0] / counts[counts > 0]
        middle, low, high = (10.0**limit for limit in mean_interval(means, level))
        better = int((means > 0).sum()), int((means < 0).sum())
        rows.append((first, second, means.size, *better, middle, low, high, signed_rank(means)))
    names = "first second problems first_better second_better ratio low high p".split()
    answer = DataFrame(rows, columns=names)
    return answer.assign(p_holm=holm(answer["p"].to_numpy(float)))
