"""What changed between two stores: queries to targets, targets lost and won, failed runs, verdicts.

A cell is one solver on one problem with one budget; its runs in both stores are paired by seed, and a pair
is compared within the smaller of its budgets.  Two numbers are tested in each cell, and for each solver over
all its pairs:

* queries: the log ratio NEW / OLD of the first hits, averaged over the targets that either run hit.  A run
  without the hit counts with its budget, so the ratio understates a loss.  In a cell the test is Student's
  with Hall's correction for skewness, which a few seeds suffice for; over a solver's pairs, which have no law
  in common, Wilcoxon's signed-rank test.
* targets: how many more or fewer are hit; exact signed-rank tests.

All p-values are adjusted by Holm's procedure for one family.  Cells whose runs are all equal, as they are
when nothing changed (a run is determined by its key, bit by bit), are not in the family: given the sizes of
the differences, their tests cannot reject.  Cells with fewer than five pairs decide nothing by themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError
from zobench.performance.comparison_verdicts import compare_verdicts
from zobench.performance.measures import Runtimes, ert, median_queries
from zobench.performance.pairs import Pairs, ert_ratio, holm, mean_interval, pairs_of, signed_rank
from zobench.verdict.evidence import FEWEST, p_value

if TYPE_CHECKING:
    from pandas import DataFrame

    from zobench.report import Evidence

__all__ = ["CHANGES", "Comparison", "compare"]

#: What a cell or solver is said to be, with what each means; the first two are regressions.
CHANGES = {
    "lost": "NEW hits fewer targets",
    "slower": "NEW needs more queries",
    "gained": "NEW hits more targets",
    "faster": "NEW needs fewer queries",
    "unclear": "the runs differ, and nothing is decided",
    "same": "every hit is equal",
}
REGRESSIONS = ("lost", "slower")
_TESTED = "pairs same ratio low high p_queries hits_old hits_new hits_low hits_high p_hits".split()


@dataclass(frozen=True, eq=False)
class Comparison:
    """What changed from one store to another.

    Attributes
    ----------
    cells : DataFrame
        One row a cell: solver, problem, budget_old, budget_new, pairs, same (of them equal), ratio (queries
        NEW / OLD, geometric mean), low, high, p_queries, hits_old, hits_new (mean number of targets),
        hits_low, hits_high (limits of the difference), p_hits, change (`CHANGES`).  p-values are adjusted.
    solvers : DataFrame
        The same over all pairs of a solver, with `problems` in place of the problem and the budgets.
    targets : DataFrame
        Per target in the cells that are not the same: solver, problem, budget (the smaller), target, pairs,
        hits_old, hits_new, queries_old, queries_new (medians, as asv tracks them), ert_old, ert_new,
        ert_ratio (NEW / OLD), low, high, change (of the cell).
    failed : list of str
        Runs that failed in NEW and not in OLD.
    verdicts : DataFrame
        One row a verdict in both (`zobench.performance.comparison_verdicts.compare_verdicts`).
    notes : list of str
        What was not compared, and why.
    level, factor : float
        As for `compare`.

    Examples
    --------
    What is run again comes out the same:

    >>> import zobench
    >>> from zobench.report import Evidence
    >>> traces = [zobench.run("quadratic", "s2p", budget=400, seed=seed) for seed in range(6)]
    >>> old, new = Evidence.from_traces(traces), Evidence.from_traces(traces)
    >>> found = compare(old, new)
    >>> found.cells[["solver", "pairs", "same", "ratio", "change"]].values.tolist()
    [['s2p', 6, 6, 1.0, 'same']]
    >>> found.regressions
    []
    """

    cells: "DataFrame"
    solvers: "DataFrame"
    targets: "DataFrame"
    failed: list[str]
    verdicts: "DataFrame"
    notes: list[str] = field(default_factory=list)
    level: float = 0.05
    factor: float = 1.05

    @property
    def regressions(self) -> list[str]:
        """Say each significant regression in one sentence."""
        found = [
            f"{row.solver}, over {row.problems} problem{'s' * (row.problems != 1)}: {_told(row)}"
            for row in _worse(self.solvers)
        ]
        found += [f"{row.solver} on {row.problem}: {_told(row)}" for row in _worse(self.cells)]
        found += [f"failed now and not before: {run}" for run in self.failed]
        worse = self.verdicts[self.verdicts["change"] == "worse"]
        found += [
            f"{row.theorem} on {row.problem}, {row.steps} steps: {row.old} before, {row.new} now"
            for row in worse.itertuples()
        ]
        return found

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain data."""
        tables = {name: getattr(self, name).to_dict("records") for name in ("cells", "solvers", "targets")}
        return {
            "regressed": bool(self.regressions),
            "regressions": self.regressions,
            "level": self.level,
            "factor": self.factor,
            **tables,
            "failed": self.failed,
            "verdicts": self.verdicts.to_dict("records"),
            "notes": self.notes,
        }


def _worse(table: "DataFrame") -> Iterator[Any]:
    yield from table[table["change"].isin(REGRESSIONS)].itertuples()


def _told(row: Any) -> str:
    if row.change == "lost":
        return f"lost targets, {row.hits_old:.3g} hit before, {row.hits_new:.3g} now"
    return f"slower, {row.ratio:.3g} times the queries [{row.low:.3g}, {row.high:.3g}]"


def compare(old: "Evidence", new: "Evidence", level: float = 0.05, factor: float = 1.05) -> Comparison:
    """Compare two stores.

    Parameters
    ----------
    old, new : Evidence
    level : float
        Family-wise probability of calling a change significant where there is none; between 0 and 1.
    factor : float
        Ratios of queries nearer to 1 are called unclear even where they are significant; at least 1.

    Returns
    -------
    Comparison

    Raises
    ------
    ZobenchError
        If `level` or `factor` is out of range, or the stores have nothing in common.

    Examples
    --------
    A solver that needs half as many queries again, in each of six runs:

    >>> import zobench
    >>> from zobench.report import Evidence
    >>> traces = [zobench.run("quadratic", "s2p", budget=1000, seed=seed) for seed in range(6)]
    >>> old = Evidence.from_traces(traces)
    >>> old = replace(old, hits=old.hits[old.hits["target"] >= 0.1])
    >>> new = replace(old, hits=old.hits.assign(queries=1.5 * old.hits["queries"]))
    >>> compare(old, new).regressions
    ['s2p on quadratic (dim 10): slower, 1.5 times the queries [1.5, 1.5]']
    """
    from pandas import DataFrame

    if not 0.0 < level < 1.0:
        raise ZobenchError(f"compare: level must lie between 0 and 1, got {level:g}")
    if not factor >= 1.0:
        raise ZobenchError(f"compare: factor must be at least 1, got {factor:g}")
    notes: list[str] = []
    matched = _cells(old, new, notes)
    rows = [{**place, **_tested(pairs, in_cell=True)} for place, pairs in matched]
    cells = DataFrame(rows, columns=["solver", "problem", "budget_old", "budget_new", *_TESTED])
    pooled = []
    for solver in sorted(set(cells["solver"])):
        own = [pairs for place, pairs in matched if place["solver"] == solver]
        count = len({place["problem"] for place, _ in matched if place["solver"] == solver})
        pooled.append({"solver": solver, "problems": count, **_tested(_joined(own), in_cell=False)})
    solvers = DataFrame(pooled, columns=["solver", "problems", *_TESTED])
    _adjust(cells, solvers)
    for table in (cells, solvers):
        table["change"] = [_change(row, level, factor) for row in table.itertuples()]
    verdicts, lone = compare_verdicts(old.verdicts, new.verdicts)
    notes += lone
    if not len(cells) and not len(verdicts):
        told = f": {'; '.join(notes)}" if notes else ""
        raise ZobenchError(f"compare: {old.source!r} and {new.source!r} have nothing in common{told}")
    if len(cells) and cells["pairs"].max() < FEWEST:
        notes.append(f"no cell has {FEWEST} pairs: cells decide nothing, only solvers over all problems do")
    changed = zip(matched, cells["change"], strict=True)
    targets = _targets([(place, pairs, word) for (place, pairs), word in changed if word != "same"])
    return Comparison(cells, solvers, targets, _failed(old, new), verdicts, notes, level, factor)


def _latest(evidence: "Evidence") -> "Evidence":
    """Keep the latest of runs that are called the same, such as those of another version of the records."""
    runs = evidence.campaign.sort_values("created", kind="stable")
    place = ["solver_name", "problem_name", "noise", "budget", "seed"]
    return replace(evidence, runs=runs.drop_duplicates(place, keep="last"))


def _runtimes(evidence: "Evidence", notes: list[str]) -> Runtimes | None:
    try:
        found = Runtimes.from_evidence(_latest(evidence), names="solver_name")
    except ZobenchError as error:
        notes.append(str(error))
        return None
    for problem, why in found.left_out.items():
        notes.append(f"{evidence.source}: {problem} not compared: {why}")
    return found


def _cells(old: "Evidence", new: "Evidence", notes: list[str]) -> list[tuple[dict[str, Any], Pairs]]:
    """Match the cells of two stores: with equal budgets where there are any, else the largest of each."""
    sides = [_runtimes(evidence, notes) for evidence in (old, new)]
    before, after = sides
    if before is None or after is None:
        return []
    shared = [target for target in before.targets if target in after.targets]
    if not shared:
        raise ZobenchError("compare: the stores have no target in common")
    before, after = before.only(targets=shared), after.only(targets=shared)
    groups = [side.runs.groupby(["solver", "problem", "budget"]).indices for side in (before, after)]
    same = [key for key in groups[0] if key in groups[1]]
    chosen = [(key, key) for key in same]
    known = {key[:2] for key in same}
    largest = [{key[:2]: key for key in sorted(group)} for group in groups]
    for place, key in largest[0].items():
        if place in largest[1] and place not in known:
            chosen.append((key, largest[1][place]))
            notes.append(
                f"{place[0]} on {place[1]}: budgets {key[2]:,} and {largest[1][place][2]:,}, compared within "
                "the smaller; a step size that depends on the budget is another one"
            )
    for name, mine, others in ((old.source, *largest), (new.source, *reversed(largest))):
        lone = sorted(set(mine) - set(others))
        if lone:
            notes.append(f"{len(lone)} cells only in {name}, such as {lone[0][0]} on {lone[0][1]}")
    matched = []
    unpaired = 0
    for mine, other in sorted(chosen):
        pairs = pairs_of(before, groups[0][mine], after, groups[1][other])
        unpaired += pairs.unpaired
        if pairs.seed.size:
            place = {"solver": mine[0], "problem": mine[1], "budget_old": mine[2], "budget_new": other[2]}
            matched.append((place, pairs))
        else:
            notes.append(f"{mine[0]} on {mine[1]}: no seed in common")
    if unpaired:
        notes.append(f"{unpaired} runs have no partner with the same seed and are not compared")
    return matched


def _joined(parts: list[Pairs]) -> Pairs:
    names = ("problem", "seed", "first", "second", "budget", "spent")
    return replace(
        parts[0],
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names},
        unpaired=sum(part.unpaired for part in parts),
    )


def _equal(pairs: Pairs) -> NDArray[np.bool_]:
    return np.asarray((pairs.first == pairs.second).all(axis=1))


def _tested(pairs: Pairs, in_cell: bool) -> dict[str, Any]:
    """Measure and test the pairs of a cell, or of a solver."""
    logs = pairs.log_ratios(penalty=1.0)
    hits = [np.isfinite(side).sum(axis=1) for side in (pairs.first, pairs.second)]
    change = (hits[1] - hits[0]).astype(float)
    if in_cell and (logs.size < FEWEST or not logs.any()):
        p_queries = 1.0
    elif not in_cell or np.ptp(logs) == 0.0:  # without a spread Student's test is sure of anything
        p_queries = signed_rank(logs)
    else:
        p_queries = min(1.0, 2.0 * float(min(p_value(logs), p_value(-logs))))
    middle, low, high = (10.0**limit for limit in mean_interval(logs))
    _, hits_low, hits_high = mean_interval(change)
    return {
        "pairs": logs.size,
        "same": int(_equal(pairs).sum()),
        "ratio": middle,
        "low": low,
        "high": high,
        "p_queries": p_queries,
        "hits_old": float(hits[0].mean()),
        "hits_new": float(hits[1].mean()),
        "hits_low": hits_low,
        "hits_high": hits_high,
        "p_hits": signed_rank(change),
    }


def _adjust(*tables: "DataFrame") -> None:
    """Adjust the p-values of all tables as one family, without the places where nothing differs."""
    places = [(table, row) for table in tables for row in table.index[table["same"] < table["pairs"]]]
    raw = [table.loc[row, name] for table, row in places for name in ("p_queries", "p_hits")]
    adjusted = iter(holm(np.array(raw, float)))
    for table, row in places:
        table.loc[row, "p_queries"], table.loc[row, "p_hits"] = next(adjusted), next(adjusted)


def _change(row: Any, level: float, factor: float) -> str:
    if row.same == row.pairs:
        return "same"
    slower = row.ratio >= factor and row.p_queries <= level
    faster = row.ratio <= 1.0 / factor and row.p_queries <= level
    if row.p_hits <= level and row.hits_new < row.hits_old:
        return "lost"
    if slower:
        return "slower"
    if row.p_hits <= level and row.hits_new > row.hits_old:
        return "gained"
    return "faster" if faster else "unclear"


def _targets(matched: list[tuple[dict[str, Any], Pairs, str]]) -> "DataFrame":
    from pandas import DataFrame, concat

    names = "solver problem budget target pairs hits_old hits_new queries_old queries_new".split()
    names += "ert_old ert_new ert_ratio low high change".split()
    frames = []
    for place, pairs, word in matched:
        known: dict[str, Any] = {
            "solver": place["solver"],
            "problem": place["problem"],
            "budget": min(place["budget_old"], place["budget_new"]),
            "target": pairs.targets,
            "pairs": pairs.seed.size,
            "change": word,
        }
        for name, side, spent in zip(("old", "new"), (pairs.first, pairs.second), pairs.spent.T, strict=True):
            known[f"hits_{name}"] = np.isfinite(side).sum(axis=0)
            known[f"queries_{name}"] = median_queries(side, pairs.budget)
            known[f"ert_{name}"] = ert(side, spent)
        known["ert_ratio"], known["low"], known["high"] = ert_ratio(pairs)
        frames.append(DataFrame(known, columns=names))
    return concat(frames, ignore_index=True) if frames else DataFrame(columns=names)


def _failed(old: "Evidence", new: "Evidence") -> list[str]:
    """List the runs that failed in NEW and not in OLD."""
    place = ["solver_name", "problem_name", "budget", "seed"]
    runs = [_latest(evidence).runs[[*place, "status", "message"]] for evidence in (old, new)]
    both = runs[0].merge(runs[1], on=place, suffixes=("_old", "_new"))
    now = both[(both["status_old"] != "failed") & (both["status_new"] == "failed")]
    return [
        f"{run.solver_name} on {run.problem_name}, budget {run.budget:,}, seed {run.seed} ({run.message_new})"
        for run in now.itertuples()
    ]
