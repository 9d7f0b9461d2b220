"""Curves of runs over queries: the rows of traces by run, tables of them, and their quantiles.

What is worked out here is kept with the evidence, so that a figure that is drawn in two widths pays once.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zobench.drawing import labelled
from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from pandas import DataFrame

    from zobench.performance.measures import Runtimes
    from zobench.report import Evidence

__all__ = [
    "MOST",
    "common_of",
    "finite_or",
    "leading",
    "lines",
    "quartiles",
    "runtimes_of",
    "said_of_leading",
    "standing",
    "table",
    "traced",
]

#: Stands for NaN and inf in quantiles: a diverged run is the worst of all, and is never left out.
HUGE = 1e300
#: Lines of one figure in colours of their own; more cannot be told apart.
MOST = 12

Floats = NDArray[np.float64]


def _places(evidence: "Evidence") -> tuple[dict[str, slice], dict[str, Floats]]:
    """Give the rows of each run, and the columns in that order."""

    def made() -> tuple[dict[str, slice], dict[str, Floats]]:
        from pandas import factorize

        traces = evidence.traces
        codes, names = factorize(traces["id"].to_numpy())
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(names)))
        rows = {
            name: slice(int(end - size), int(end))
            for name, end, size in zip(names, ends, np.diff(ends, prepend=0), strict=True)
        }
        columns = {name: traces[name].to_numpy(float)[order] for name in traces.columns if name != "id"}
        return rows, columns

    return evidence.keep("places", made)


def table(evidence: "Evidence", runs: "DataFrame", column: str, carry: bool) -> tuple[Floats, Floats]:
    """Give the checkpoints' query counts, and a column of each run there, one row a run.

    Parameters
    ----------
    evidence : Evidence
    runs : DataFrame
        Rows of its `runs`; those without a trace are left out.
    column : str
        Of its `traces`.
    carry : bool
        Whether a run that ended early keeps its last number; otherwise the table ends where the first run
        ended.

    Returns
    -------
    tuple of vector of size q, array of shape (runs, q)
        NaN before a run's first checkpoint.

    Examples
    --------
    >>> def draw(evidence):
    ...     queries, bests = table(evidence, lines(evidence), "best", carry=True)
    """
    places, columns = _places(evidence)
    rows = [places[name] for name in runs["id"] if name in places]
    if not rows:
        return np.empty(0), np.empty((0, 0))
    counts = [columns["queries"][place] for place in rows]
    numbers = [columns[column][place] for place in rows]
    first = counts[0]
    if all(one.size == first.size and (one == first).all() for one in counts):
        return first, _carried(np.array(numbers)) if carry else np.array(numbers)
    if carry:
        grid = np.unique(np.concatenate(counts))
    else:
        grid = np.array(sorted(set.intersection(*(set(one.tolist()) for one in counts))))
    out = np.full((len(rows), grid.size), np.nan)
    for line, one, values in zip(out, counts, numbers, strict=True):
        at = np.searchsorted(one, grid, side="right") - 1
        line[at >= 0] = (_carried(values[None])[0] if carry else values)[at[at >= 0]]
    return grid, out


def _carried(numbers: Floats) -> Floats:
    """Put the last number before it in the place of a NaN."""
    if not np.isnan(numbers).any():
        return numbers
    at = np.where(np.isnan(numbers), 0, np.arange(numbers.shape[1]))
    return np.take_along_axis(numbers, np.maximum.accumulate(at, axis=1), axis=1)


def traced(evidence: "Evidence", runs: "DataFrame") -> NDArray[np.bool_]:
    """Say of each run whether it left a trace.

    Parameters
    ----------
    evidence : Evidence
    runs : DataFrame

    Returns
    -------
    vector of bool

    Examples
    --------
    >>> def draw(evidence):
    ...     runs = lines(evidence)
    ...     runs = runs[traced(evidence, runs)]
    """
    places, _ = _places(evidence)
    return np.array([name in places for name in runs["id"]], dtype=bool)


def lines(evidence: "Evidence") -> "DataFrame":
    """Give the runs of the campaign with the columns of `zobench.drawing.labelled`, worked out once.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> def draw(evidence):
    ...     labels = sorted(set(lines(evidence)["label"]))
    """
    return evidence.keep("lines", lambda: labelled(evidence.campaign))


def quartiles(numbers: Floats) -> Floats:
    """Give the three quartiles over the runs; inf where a diverged run makes one.

    Parameters
    ----------
    numbers : array of shape (runs, q)

    Returns
    -------
    array of shape (3, q)

    Examples
    --------
    >>> quartiles(np.array([[1.0], [2.0], [3.0]])).ravel().tolist()
    [1.5, 2.0, 2.5]
    """
    found = np.quantile(np.nan_to_num(numbers, nan=HUGE, posinf=HUGE), [0.25, 0.5, 0.75], axis=0)
    found[found > HUGE * 1e-10] = np.inf
    return found


def runtimes_of(evidence: "Evidence") -> "tuple[Runtimes | None, str]":
    """Give the first hits of the campaign's runs, or why there are none.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    Runtimes or None, str

    Examples
    --------
    >>> def missing(evidence):
    ...     return runtimes_of(evidence)[1]
    """

    def made() -> "tuple[Runtimes | None, str]":
        from zobench.performance.measures import Runtimes

        if not len(evidence.runs):
            return None, "the store holds no runs"
        try:
            return Runtimes.from_evidence(evidence), ""
        except ZobenchError as error:
            return None, str(error)

    return evidence.keep("runtimes", made)


def common_of(evidence: "Evidence", problems: int) -> "tuple[Runtimes | None, str]":
    """Give the first hits on problems that all solvers met, within equal budgets; or why there are none.

    Parameters
    ----------
    evidence : Evidence
    problems : int
        The fewest that will do.

    Returns
    -------
    Runtimes or None, str

    Examples
    --------
    >>> def missing(evidence):
    ...     return common_of(evidence, 2)[1]
    """

    def made() -> "tuple[Runtimes | None, str]":
        found, why = runtimes_of(evidence)
        if found is None:
            return None, why
        if len(found.solvers) < 2:
            return None, "solvers are compared, and there is one"
        try:
            return found.common()[0].cut(), ""
        except ZobenchError as error:
            return None, str(error)

    found, why = evidence.keep("common", made)
    if found is not None and len(found.problems) < problems:
        return None, f"problems are what is counted; fewer than {problems} were met by every solver"
    return found, why


def standing(evidence: "Evidence") -> dict[str, float]:
    """Give the area under the runtime ECDF of each run: the mean over targets of 1 - log q / log budget.

    By it lines are chosen where there are more than can be told apart; it is no result.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    dict of str to float
        By the run's id.

    Examples
    --------
    >>> def draw(evidence):
    ...     areas = standing(evidence)
    """

    def made() -> dict[str, float]:
        hits = evidence.hits
        budgets = evidence.runs.set_index("id")["budget"].astype(float)
        share = 1.0 - np.log(hits["queries"]) / np.log(hits["id"].map(budgets).clip(lower=2.0))
        return share.fillna(0.0).groupby(hits["id"]).mean().to_dict()

    return evidence.keep("standing", made)


def leading(evidence: "Evidence", runs: "DataFrame", most: int = MOST) -> set[str]:
    """Choose the labels that get colours: all of them, or the `most` with the largest area under the ECDF.

    Parameters
    ----------
    evidence : Evidence
    runs : DataFrame
        With the column `label` (`zobench.drawing.labelled`).
    most : int

    Returns
    -------
    set of str

    Examples
    --------
    >>> def draw(evidence):
    ...     runs = lines(evidence)
    ...     chosen = leading(evidence, runs, most=5)
    """
    if runs["label"].nunique() <= most:
        return set(runs["label"])
    areas = runs["id"].map(standing(evidence)).fillna(0.0).groupby(runs["label"]).mean()
    order = sorted(areas.items(), key=lambda pair: (-pair[1], pair[0]))
    return {str(label) for label, _ in order[:most]}


def said_of_leading(chosen: set[str], runs: "DataFrame") -> str:
    """Say in a caption which lines have colours; empty if all have.

    Parameters
    ----------
    chosen : set of str
        Labels, as `leading` chooses them.
    runs : DataFrame
        With the column `label`.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas
    >>> said_of_leading({"s2p"}, pandas.DataFrame({"label": ["s2p"]}))
    ''
    """
    others = runs["label"].nunique() - len(chosen)
    if others <= 0:
        return ""
    return (
        f"In colours: the {len(chosen)} lines with the largest area under the runtime ECDF; "
        f"the other {others} are thin and grey, by name in tables/summary.csv."
    )


def finite_or(value: Any, other: float) -> float:
    """Give a number, or another one in place of NaN and infinities.

    Parameters
    ----------
    value : number
    other : float

    Returns
    -------
    float

    Examples
    --------
    >>> finite_or(float("nan"), 7.0), finite_or(3, 7.0)
    (7.0, 3.0)
    """
    number = float(value)
    return number if np.isfinite(number) else other
