"""Runtime ECDF over problems and targets, with simulated restarts, and the area under it.

The form is COCO's (Hansen et al., "COCO: a platform for comparing continuous optimizers", Optim. Methods
Softw. 36, 2021): the share of (problem, target) pairs that are solved within a number of queries / dim.  A
solver that misses a target in some runs is started again, in thought: runs of the cell are drawn until one
hits, and the queries of all of them are added.  The first run of every series is taken in turn rather than
drawn, so that cells without misses keep their recorded runtimes exactly.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError
from zobench.performance.measures import Cell, Runtimes
from zobench.stream import generator

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Ecdf", "areas", "ecdf", "restarted"]

Floats = NDArray[np.float64]

#: Series of restarts a cell, at least; a multiple of its runs.
SERIES = 50


@dataclass(frozen=True, eq=False)
class Ecdf:
    """One solver's ECDF: a step function that jumps to ``share[i]`` at ``queries_per_dim[i]``.

    Attributes
    ----------
    solver : str
    queries_per_dim : vector
        Ascending; not a logarithm.
    share : vector
        Of the pairs solved by then, up to less than 1 where some pair never is.
    budgets : vector
        Budgets per dim, ascending: right of the first one the curve rests on runs that ended, right of the
        last one on nothing but simulated restarts.
    pairs, runs, problems : int
        How many (problem, target) pairs, runs and problems it is made of.

    Examples
    --------
    Half of the pairs are solved within 3 queries / dim, three quarters within 8, the rest never:

    >>> steps, budgets = np.array([3.0, 8.0]), np.array([100.0])
    >>> curve = Ecdf("s2p", steps, np.array([0.5, 0.75]), budgets, pairs=4, runs=1, problems=1)
    >>> curve.at(np.array([2.0, 3.0, 50.0])).tolist()
    [0.0, 0.5, 0.75]
    """

    solver: str
    queries_per_dim: Floats
    share: Floats
    budgets: Floats
    pairs: int
    runs: int
    problems: int

    def at(self, queries_per_dim: Floats) -> Floats:
        """Give the share of the pairs solved within these queries / dim.

        Parameters
        ----------
        queries_per_dim : array of shape (n,)

        Returns
        -------
        array of shape (n,)
            Between 0 and 1.
        """
        place = np.searchsorted(self.queries_per_dim, queries_per_dim, side="right")
        return np.concatenate([[0.0], self.share])[place]


def restarted(queries: Floats, spent: Floats, key: str = "", series: int = SERIES) -> Floats:
    """Simulate restarts: runtimes to each target of a solver that starts anew whenever a run ends without it.

    Parameters
    ----------
    queries : array, shape (runs, targets)
        First hits; inf where there is none.
    spent : vector
        Queries of a run that does not hit.
    key : str
        Names the random draws: the same key and data, the same answer.
    series : int
        At least so many; as many as make every run the first of equally many.

    Returns
    -------
    array, shape (series, targets)
        inf for targets that no run hits.  One series serves all targets, so that a smaller target never takes
        less than a larger one.

    Examples
    --------
    One run hits after 10 queries, the other one ends after 100 without a hit: a series ends with the hit, and
    pays for each miss before it.

    >>> times = restarted(np.array([[10.0], [np.inf]]), np.array([100.0, 100.0]), series=20)[:, 0]
    >>> times.size, np.unique(times[::2]).tolist(), np.unique(times[1::2] % 100.0).tolist()
    (20, [10.0], [10.0])
    """
    runs = spent.size
    times = -(-series // runs)
    hit = np.isfinite(queries)
    possible = hit.any(axis=0)
    paid = np.where(hit, queries, spent[:, None])
    place = np.tile(np.arange(runs), times)
    sums, done = paid[place], hit[place] | ~possible
    open_series = np.flatnonzero(~done.all(axis=1))
    draws = generator(key, "simulated restarts") if open_series.size else None
    while open_series.size:
        assert draws is not None
        place = draws.integers(runs, size=open_series.size)
        going = ~done[open_series]
        sums[open_series] += np.where(going, paid[place], 0.0)
        done[open_series] |= hit[place]
        open_series = open_series[~done[open_series].all(axis=1)]
    return np.where(possible, sums, np.inf)


def _times(runtimes: Runtimes, cell: Cell, restarts: bool, series: int) -> Floats:
    """Give runtimes / dim of one cell, shape (series or runs, targets), each row of the same weight."""
    queries = runtimes.queries[cell.rows]
    if restarts:
        spent = runtimes.columns["spent"][cell.rows]
        queries = restarted(queries, spent, f"{cell.solver} on {cell.problem}", series)
    return queries / cell.dim


def ecdf(runtimes: Runtimes, restarts: bool = True, series: int = SERIES) -> dict[str, Ecdf]:
    """Give each solver's runtime ECDF.

    Parameters
    ----------
    runtimes : Runtimes
        Solvers are compared on problems that all of them met: see `Runtimes.common`.
    restarts : bool
        Whether missed targets are reached by simulated restarts; else a run that misses stays a miss.
    series : int
        Simulated series a cell, at least.

    Returns
    -------
    dict of str to Ecdf
        Every (problem, target) pair has the same weight, however many seeds the problem has.

    Examples
    --------
    Three runs of one solver hit a target after 19, 45 and 71 queries in 10 dimensions:

    >>> import zobench
    >>> from zobench.report import Evidence
    >>> traces = [zobench.run("quadratic", "spsa", budget=400, seed=seed) for seed in (1, 2, 3)]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces))
    >>> curve = ecdf(runtimes.only(targets=[0.1]))["spsa"]
    >>> curve.queries_per_dim.tolist(), curve.share.round(2).tolist()
    ([1.9, 4.5, 7.1], [0.33, 0.67, 1.0])
    """
    curves = {}
    for solver in runtimes.solvers:
        cells = [cell for cell in runtimes.cells if cell.solver == solver]
        times = [_times(runtimes, cell, restarts, series) for cell in cells]
        pairs = len(cells) * runtimes.targets.size
        rows = np.concatenate([cell.rows for cell in cells])
        own = runtimes.runs.iloc[rows]
        curves[solver] = Ecdf(
            solver,
            *_steps(times, pairs),
            np.unique(own["budget"].to_numpy() / own["dim"].to_numpy()),
            pairs,
            len(own),
            len(cells),
        )
    return curves


def _steps(times: list[Floats], pairs: int) -> tuple[Floats, Floats]:
    """Sort the runtimes of all cells into a step function; those that are infinite are no step."""
    sizes = sorted({len(found) for found in times})
    parts = [np.concatenate([f.ravel() for f in times if len(f) == size]) for size in sizes]
    parts = [np.sort(part[np.isfinite(part)]) for part in parts]
    where = np.unique(np.concatenate(parts))
    share = np.zeros(where.size)
    # counts of equal weight are summed as integers: a curve that reaches 1 reaches it exactly
    for size, part in zip(sizes, parts, strict=True):
        share += np.searchsorted(part, where, side="right") / size
    return where, share / pairs


def areas(
    runtimes: Runtimes, low: float = 1.0, high: float | None = None, restarts: bool = False
) -> "DataFrame":
    """Tabulate the area under the ECDF of every cell: anytime performance in one number.

    Over log10(queries / dim) from `low` to `high`, as a part of the whole: 1 if every target is hit at once,
    0 if none is hit by `high`.  It is the mean over targets and runs of the part of the axis that is right of
    the hit, so it is exact, without a grid.

    Parameters
    ----------
    runtimes : Runtimes
    low, high : float
        Queries / dim; `high` is by default the smallest budget / dim, so that no run ended before.
    restarts : bool
        Whether missed targets are reached by simulated restarts.

    Returns
    -------
    DataFrame
        Rows problems, columns solvers; NaN where the solver did not meet the problem.  The column means are
        the areas over problems and targets.

    Raises
    ------
    ZobenchError
        If `low` is not below `high`.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> runs = [(name, seed) for name in ("s2p", "spsa") for seed in (1, 2, 3)]
    >>> traces = [zobench.run("quadratic", name, budget=400, seed=seed) for name, seed in runs]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces))
    >>> areas(runtimes).round(2).to_dict("index")
    {'quadratic (dim 10)': {'s2p': 0.05, 'spsa': 0.22}}
    """
    from pandas import DataFrame

    if high is None:
        high = float((runtimes.runs["budget"] / runtimes.runs["dim"]).min())
    if not 0.0 < low < high:
        raise ZobenchError(f"areas: need 0 < low < high in queries / dim, got {low:g} and {high:g}")
    table = DataFrame(np.nan, index=runtimes.problems, columns=runtimes.solvers)
    width = np.log10(high / low)
    for cell in runtimes.cells:
        with np.errstate(divide="ignore"):
            right = np.log10(high / _times(runtimes, cell, restarts, SERIES)) / width
        table.loc[cell.problem, cell.solver] = float(np.clip(right, 0.0, 1.0).mean())
    return table
