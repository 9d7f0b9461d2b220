"""What exporters write of a store: comparable runs, numbered functions, and rows that keep every first hit.

A store has the best value at checkpoints and the exact query count of every target's first hit, not the
value at every query.  The rows of a run are its checkpoints and its hits; at a hit between checkpoints the
value is the target itself, which the best value had just reached.  Where rounding would move a first hit by
one row the value is moved by less than one part in a million, so that whoever looks for the first row at or
below a target finds the recorded count.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from zobench.errors import ZobenchError, unknown
from zobench.names import problem_name
from zobench.store.database import Store

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["GAPS", "Exported", "Run", "collect", "file_name", "folders", "instance_counts", "rows_of"]

GAPS = ("relative", "absolute")
#: Stands for an infinite value, as in COCO's own code: its readers take no infinity.
INFINITE = 3e21


@dataclass(frozen=True)
class Run:
    """One run as exporters see it.

    Attributes
    ----------
    id : str
    algorithm : str
    function : int
        Number, from 1 on.
    name : str
        Of the function.
    dim, instance, seed, count : int
        The instance counted from 1.
    rows : list of (int, float)
        Query counts, and the smallest gap up to there.

    Examples
    --------
    >>> run = Run("0f", "s2p", 1, "quadratic", dim=10, instance=1, seed=0, count=3, rows=[(1, 0.9), (3, 0.5)])
    >>> run.rows[-1]
    (3, 0.5)
    """

    id: str
    algorithm: str
    function: int
    name: str
    dim: int
    instance: int
    seed: int
    count: int
    rows: list[tuple[int, float]]


@dataclass
class Exported:
    """What was written.

    Attributes
    ----------
    runs, functions, algorithms : int
        How many of each.
    losses : list of str
        What the format, or its readers, cannot hold.
    hint : str
        What to do with it.

    Examples
    --------
    >>> made = Exported(20, 2, 5, ["3 runs left out: they failed"])
    >>> made.runs, made.as_dict()["losses"]
    (20, ['3 runs left out: they failed'])
    """

    runs: int
    functions: int
    algorithms: int
    losses: list[str] = field(default_factory=list)
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give the same as plain data."""
        return asdict(self)


def file_name(text: str) -> str:
    """Make a name for files of what people call something.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Of letters, digits and ``.=+-``, with one underscore for whatever else is between them.

    Examples
    --------
    >>> file_name("stp (alpha0=0.5, law=sphere)")
    'stp_alpha0=0.5_law=sphere'
    """
    return re.sub(r"[^A-Za-z0-9.=+-]+", "_", text).strip("_")


def folders(algorithms: Iterable[str]) -> dict[str, str]:
    """Name a folder for each algorithm; readers label it by that name.

    Parameters
    ----------
    algorithms : iterable of str
        One that comes twice counts once.

    Returns
    -------
    dict of str to str
        Names by algorithm, no two alike, of about 120 characters at most.

    Examples
    --------
    >>> folders(["stp (law=sphere)", "stp (law: sphere)"])
    {'stp (law: sphere)': 'stp_law_sphere', 'stp (law=sphere)': 'stp_law=sphere'}
    """
    named: dict[str, str] = {}
    for algorithm in sorted(set(algorithms)):
        name = start = file_name(algorithm)[:120]
        count = 0
        while name in named.values():
            count += 1
            name = f"{start}-{count}"
        named[algorithm] = name
    return named


def collect(path: str, gap: str) -> tuple[list[Run], list[str]]:
    """Read the runs of a store that can be compared, and say what is left out or changed.

    Parameters
    ----------
    path : path
        Of the store.
    gap : {"relative", "absolute"}
        Unit of the gaps: f(x0) - f_star, or that of f.

    Returns
    -------
    list of Run, list of str

    Raises
    ------
    ZobenchError
        If there is no such unit, the store cannot be read, or no run is left.

    Examples
    --------
    >>> import tempfile, zobench
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with Store(f"{place}/store.sqlite") as store:
    ...         store.put(*(zobench.run("quadratic", name, budget=100) for name in ("s2p", "stp")))
    ...     runs, losses = collect(f"{place}/store.sqlite", "relative")
    >>> [(run.algorithm, run.function, run.instance, run.count) for run in runs]
    [('s2p', 1, 1, 100), ('stp', 1, 1, 100)]
    >>> losses[1].partition(":")[0]
    'units'
    """
    if gap not in GAPS:
        raise unknown("export: gap", gap, GAPS)
    with Store(path, "read") as store:
        runs, losses = _comparable(store)
        traces = dict(list(store.traces().groupby("id")))
        hits = dict(list(store.hits().groupby("id")))
    if runs.empty:
        why = f": {'; '.join(losses)}" if losses else ""
        raise ZobenchError(f"export: store {str(path)!r} has no run that can be compared{why}")
    numbers: dict[str, int] = {}
    made = []
    for run in runs.itertuples():
        name = _function_name(run)
        numbers.setdefault(name, len(numbers) + 1)
        rows = rows_of(run, traces[run.Index], hits.get(run.Index), gap)
        place = (numbers[name], name, run.dim, run.instance_seed + 1, run.seed)
        made.append(Run(run.Index, run.algorithm, *place, run.count, rows))
    losses.append(
        "values between checkpoints: at a first hit the row has the target, elsewhere there are the "
        "checkpoints only; x, gradient norms, wall times, observations and verdicts are not written"
    )
    if gap == "relative":
        losses.append("units: gaps are parts of f(x0) - f_star, so that the targets are those of zobench")
    noisy = sum("noise" in run.name for run in made)
    if noisy:
        losses.append(f"noise: the values of {noisy} runs are noiseless; what was measured is not kept")
    if any(value >= INFINITE for run in made for _, value in run.rows):
        losses.append(f"infinite values are written as {INFINITE:g}")
    return made, losses


def _comparable(store: Store) -> tuple["DataFrame", list[str]]:
    """Choose the runs: one for each algorithm, function, dimension, instance and seed."""
    runs, losses = store.runs(), []

    def drop(which: Any, why: str) -> None:
        nonlocal runs
        if which.any():
            losses.append(f"{int(which.sum())} runs left out: {why}")
            runs = runs[~which]

    drop(runs["status"] == "failed", "they failed")
    drop(runs["observed"], "they were observed for a theorem")
    compared = store.compared_runs()
    drop(~runs.index.isin(compared.index), "they served to tune parameters")
    runs = runs.assign(algorithm=compared["solver_name"])
    drop(runs["reference"].isna(), "their problem certifies nothing to measure from")
    drop(~runs.index.isin(store.hits()["id"]), "no first hits are recorded on stochastic problems")
    span = runs["start"] - runs["reference"]
    drop(~((span > 0) & (span < float("inf"))), "f(x0) is not above the reference value, or infinite")
    cell = ["algorithm", "problem", "dim", "instance_seed", "problem_parameters", "noise", "seed"]
    runs = runs.sort_values("budget", ascending=False, kind="stable")
    drop(runs.duplicated(cell), "a run with a larger budget begins with the same queries")
    return runs.sort_values([*cell[1:4], "seed"], kind="stable"), losses


def _function_name(run: Any) -> str:
    """Name a function: the problem with its parameters and noise, without dimension and instance."""
    full = problem_name(run.problem, 0, 0, json.loads(run.problem_parameters), run.noise)
    return full.replace(" (dim 0)", "").replace("(dim 0, ", "(")


def rows_of(run: Any, trace: "DataFrame", hits: "DataFrame | None", gap: str) -> list[tuple[int, float]]:
    """Give the rows of one run: query counts, ascending, and gaps, never increasing.

    Parameters
    ----------
    run : row of `Store.runs`
        With start, reference, best and count.
    trace, hits : rows of `Store.traces` and `Store.hits` of this run
        `hits` may be None: no target counts then.
    gap : {"relative", "absolute"}

    Returns
    -------
    list of (int, float)

    Examples
    --------
    Between the checkpoints 1 and 100 the target 0.1 was hit at query 40:

    >>> from types import SimpleNamespace
    >>> from pandas import DataFrame
    >>> run = SimpleNamespace(start=3.0, reference=1.0, best=1.02, count=100)
    >>> trace = DataFrame({"queries": [1, 100], "best": [2.0, 1.02]})
    >>> hits = DataFrame({"target": [0.1, 0.001], "queries": [40.0, float("nan")]})
    >>> [(queries, round(value, 6)) for queries, value in rows_of(run, trace, hits, "relative")]
    [(1, 0.5), (40, 0.1), (100, 0.01)]
    """
    span = run.start - run.reference
    unit = span if gap == "relative" else 1.0
    known = {
        int(queries): (best - run.reference) / unit
        for queries, best in zip(trace["queries"], trace["best"], strict=True)
    }
    known.setdefault(int(run.count), (run.best - run.reference) / unit)
    bands = []
    for target, queries in () if hits is None else zip(hits["target"], hits["queries"], strict=True):
        first = math.inf if math.isnan(queries) else int(queries)
        bands.append((first, *_band(target, span / unit)))
        if not math.isinf(first):
            known.setdefault(int(first), math.nan)
    rows: list[tuple[int, float]] = []
    last = INFINITE
    for queries in sorted(known):
        value, reached = known[queries], [low for first, low, _ in bands if first <= queries]
        # NaN: a hit between checkpoints, whose value is known by its target
        value = min([value if value < last else last, *reached])
        value = max([value, *(high for first, _, high in bands if first > queries)])
        rows.append((queries, value))
        last = value
    return rows


def _band(target: float, span: float) -> tuple[float, float]:
    """Give the values that certainly have, and certainly have not, hit a target.

    COCO's targets are the powers of ten themselves, ours are rounded to six digits.
    """
    exact = 10.0 ** (round(5.0 * math.log10(target)) / 5.0)
    low, high = min(target, exact), max(target, exact)
    if not high / low < 1.00001:  # a target of another kind
        low = high = target
    return low * span * (1.0 - 1e-12), high * span * (1.0 + 1e-12)


def instance_counts(runs: list[Run]) -> dict[tuple[str, int, int], Counter[int]]:
    """Count the runs of each instance by algorithm, function and dimension.

    Parameters
    ----------
    runs : list of Run

    Returns
    -------
    dict of (str, int, int) to Counter
        For each algorithm, function and dimension: runs by instance.

    Examples
    --------
    >>> runs = [Run("0f", "s2p", 1, "quadratic", 10, 1, seed, 9, [(9, 0.5)]) for seed in range(3)]
    >>> instance_counts(runs)
    {('s2p', 1, 10): Counter({1: 3})}
    """
    counts: dict[tuple[str, int, int], Counter[int]] = {}
    for run in runs:
        counts.setdefault((run.algorithm, run.function, run.dim), Counter())[run.instance] += 1
    return counts
