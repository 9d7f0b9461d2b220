"""Tables of first hits, one row a cell: ERT with its interval, the view at a target and that at a budget."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from zobench.performance.measures import Runtimes, ert
from zobench.stream import generator
from zobench.verdict.evidence import FEWEST

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["ert_table", "fixed_budget", "fixed_target", "outward", "resamples"]

Floats = NDArray[np.float64]


def _bootstrap_ert(queries: Floats, spent: Floats, weights: Floats, level: float) -> tuple[Floats, Floats]:
    """Return percentile limits of the ERT; `weights` say how often each resample has each run."""
    hit = np.isfinite(queries)
    paid = weights @ np.where(hit, queries, spent[:, None])
    hits = weights @ hit.astype(float)
    with np.errstate(divide="ignore"):
        drawn = np.sort(paid / hits, axis=0)
    below, above = outward(len(spent), level, len(drawn))
    return drawn[below], drawn[above]


def outward(runs: int, level: float, count: int) -> tuple[int, int]:
    """Return which of `count` sorted resamples are the limits: with fewer runs the more extreme ones.

    The tails are those at which the normal law is as far out as Student's with `runs` - 1 degrees of freedom,
    times the bias of the resampled spread (Hesterberg, "What teachers should know about the bootstrap", Am.
    Stat. 69, 2015).  No interpolation: limits may be infinite.

    Parameters
    ----------
    runs : int
        What was resampled, at least 2.
    level : float
        Of the two-sided interval.
    count : int

    Returns
    -------
    (below, above) : int
        Places from 0 to `count` - 1.

    Examples
    --------
    >>> outward(5, 0.95, 1000), outward(20, 0.95, 1000), outward(10_000, 0.95, 1000)
    ((0, 999), (15, 984), (24, 975))
    """
    reach = stats.t.isf(0.5 * (1.0 - level), runs - 1) * math.sqrt(runs / (runs - 1.0))
    below = math.floor(float(stats.norm.sf(reach)) * (count - 1))
    return below, count - 1 - below


@lru_cache(maxsize=64)
def resamples(runs: int, count: int) -> Floats:
    """Return how often each of `count` bootstrap resamples has each run; always the same.

    Parameters
    ----------
    runs : int
        What is resampled; every resample has as many.
    count : int

    Returns
    -------
    array of shape (count, runs)
        Whole numbers; kept, so not to be changed.

    Examples
    --------
    >>> resamples(5, 1000).shape, set(resamples(5, 1000).sum(axis=1).tolist())
    ((1000, 5), {5.0})
    """
    drawn = generator(f"{count} resamples of {runs} runs", "bootstrap")
    return drawn.multinomial(runs, np.full(runs, 1.0 / runs), size=count).astype(float)


def ert_table(runtimes: Runtimes, bootstrap: int = 1000, level: float = 0.95) -> "DataFrame":
    """Tabulate ERT and success rate of every cell and target.

    Parameters
    ----------
    runtimes : Runtimes
    bootstrap : int
        Resamples of the runs; 0 for no interval.
    level : float
        Of each interval by itself.

    Returns
    -------
    DataFrame
        solver, problem, dim, target, runs, hits, success_rate, ert, low, high.  The percentile interval is
        NaN where nothing can be said: without a hit, or with fewer than `FEWEST` runs, whose resamples do not
        reach far enough; `high` is inf where a resample of the runs may well be without a hit.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> traces = [zobench.run("quadratic", "s2p", budget=1000, seed=seed) for seed in range(6)]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces)).only(targets=[0.1, 1e-8])
    >>> table = ert_table(runtimes)
    >>> table[["target", "runs", "hits", "success_rate", "ert"]].round(9).values.tolist()
    [[0.1, 6.0, 6.0, 1.0, 391.0], [1e-08, 6.0, 0.0, 0.0, inf]]
    """
    from pandas import DataFrame

    cells, count = runtimes.cells, runtimes.targets.size
    found = np.empty((len(cells), 3, count))
    hits = np.empty((len(cells), count), int)
    for place, cell in enumerate(cells):
        queries, spent = runtimes.queries[cell.rows], runtimes.columns["spent"][cell.rows]
        hits[place] = np.isfinite(queries).sum(axis=0)
        low = high = np.full(count, np.nan)
        size = cell.rows.size
        if bootstrap and size >= FEWEST:
            limits = _bootstrap_ert(queries, spent, resamples(size, bootstrap), level)
            low, high = (np.where(hits[place] > 0, limit, np.nan) for limit in limits)
        found[place] = ert(queries, spent), low, high
    sizes = np.repeat([cell.rows.size for cell in cells], count)
    return DataFrame(
        {
            "solver": np.repeat([cell.solver for cell in cells], count),
            "problem": np.repeat([cell.problem for cell in cells], count),
            "dim": np.repeat([cell.dim for cell in cells], count),
            "target": np.tile(runtimes.targets, len(cells)),
            "runs": sizes,
            "hits": hits.ravel(),
            "success_rate": hits.ravel() / sizes,
            "ert": found[:, 0].ravel(),
            "low": found[:, 1].ravel(),
            "high": found[:, 2].ravel(),
        }
    )


def fixed_target(runtimes: Runtimes, target: float) -> "DataFrame":
    """Tabulate the first hits of one target, one row a cell.

    Parameters
    ----------
    runtimes : Runtimes
    target : float
        A part of f(x0) - f_star, one of the recorded ones.

    Returns
    -------
    DataFrame
        solver, problem, dim, target, runs, hits, success_rate, ert, low, high as of `ert_table`, and the
        quartiles q25, median, q75 over all runs of the cell (the larger neighbour, inf for runs without a
        hit).

    Raises
    ------
    ZobenchError
        If the target is none of the recorded ones.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> traces = [zobench.run("quadratic", "s2p", budget=1000, seed=seed) for seed in range(6)]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces))
    >>> fixed_target(runtimes, 0.1)[["solver", "hits", "q25", "median", "q75"]].values.tolist()
    [['s2p', 6, 373.0, 411.0, 412.0]]
    """
    one = runtimes.only(targets=[target])
    table = ert_table(one)
    quartiles = np.array(
        [np.quantile(one.queries[cell.rows, 0], (0.25, 0.5, 0.75), method="higher") for cell in one.cells]
    )
    return table.assign(q25=quartiles[:, 0], median=quartiles[:, 1], q75=quartiles[:, 2])


def fixed_budget(runtimes: Runtimes, budget: float, per_dim: bool = True) -> "DataFrame":
    """Tabulate how far the runs have come after a budget, one row a cell.

    Parameters
    ----------
    runtimes : Runtimes
    budget : float
    per_dim : bool
        Whether `budget` is queries / dim rather than queries.

    Returns
    -------
    DataFrame
        solver, problem, dim, runs, budget (queries), reached, share, and q25, median, q75 of the smallest
        target hit by then, as a part of f(x0) - f_star (1: none; the worse neighbour).  `share` is the mean
        share of the targets hit, `reached` the part of the runs that have had as many queries, or ended
        before of their own accord; where it is below 1 the runs might have come further.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> runs = [(name, seed) for name in ("s2p", "spsa") for seed in (1, 2, 3)]
    >>> traces = [zobench.run("quadratic", name, budget=400, seed=seed) for name, seed in runs]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces))
    >>> table = fixed_budget(runtimes, 10.0)
    >>> table[["solver", "budget", "reached", "share"]].round(3).values.tolist()
    [['s2p', 100.0, 1.0, 0.025], ['spsa', 100.0, 1.0, 0.217]]
    """
    from pandas import DataFrame

    rows = []
    smallest = np.concatenate([[1.0], runtimes.targets])
    ends, spent = runtimes.columns["budget"], runtimes.columns["spent"]
    for cell in runtimes.cells:
        queries = budget * cell.dim if per_dim else budget
        hit = runtimes.queries[cell.rows] <= queries
        # a target is hit no later than all smaller ones
        best = smallest[np.where(hit.any(axis=1), hit.shape[1] - np.argmax(hit[:, ::-1], axis=1), 0)]
        low, middle, high = np.quantile(best, (0.25, 0.5, 0.75), method="higher")
        whole = (ends[cell.rows] >= queries) | (spent[cell.rows] < ends[cell.rows])
        first = (cell.solver, cell.problem, cell.dim, cell.rows.size, queries, whole.mean(), hit.mean())
        rows.append((*first, low, middle, high))
    names = "solver problem dim runs budget reached share q25 median q75".split()
    return DataFrame(rows, columns=names)
