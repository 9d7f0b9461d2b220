"""First-hit runtimes of many runs, and what they say of one solver on one problem: ERT, rates, quantiles.

`Runtimes` holds one row a run and one column a target: the exact query count of the first hit, infinite where
the run hit nothing.  What compares solvers is built on it:

* `zobench.performance.tables`: ERT and success rate of every cell, fixed-target and fixed-budget views;
* `zobench.performance.ecdf`: runtime ECDF with simulated restarts, and the area under it;
* `zobench.performance.profiles`: performance profiles and data profiles;
* `zobench.performance.pairs`: paired comparisons;
* `zobench.performance.ranks`: ranks and critical differences.

Two rules hold everywhere.  No run is dropped: one without a hit counts with all queries it spent, a failed
one with its whole budget.  And a cell, one solver on one problem, weighs the same however many seeds it has.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError, unknown

if TYPE_CHECKING:
    from pandas import DataFrame

    from zobench.report import Evidence

__all__ = ["Cell", "Runtimes", "costs", "ert", "median_queries"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One solver on one problem.

    Attributes
    ----------
    solver, problem : str
    dim : int
    rows : vector of int
        Its runs, as rows of `Runtimes`.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> traces = [zobench.run("quadratic", "s2p", budget=200, seed=seed) for seed in range(3)]
    >>> [cell] = Runtimes.from_evidence(Evidence.from_traces(traces)).cells
    >>> cell.solver, cell.problem, cell.dim, cell.rows.tolist()
    ('s2p', 'quadratic (dim 10)', 10, [0, 1, 2])
    """

    solver: str
    problem: str
    dim: int
    rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runtimes:
    """First hits of runs.

    Attributes
    ----------
    runs : DataFrame
        One row a run: id, method (the solver's registered name), solver (what legends call it), problem,
        instance (the problem's full name with the instance), dim, seed, budget, spent (queries that a run
        without a hit counts), failed.
    targets : vector
        Parts of f(x0) - f_star, the largest first.
    queries : array, shape (runs, targets)
        Queries up to the first hit; inf where the target was not hit.
    left_out : dict of str to str
        Problems that have no first hits, with the reason.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> traces = [zobench.run("quadratic", "spsa", budget=400, seed=seed) for seed in (1, 2, 3)]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces))
    >>> runtimes.queries[:, runtimes.column(0.1)].tolist()
    [19.0, 45.0, 71.0]
    """

    runs: "DataFrame"
    targets: Floats
    queries: Floats
    left_out: dict[str, str]

    @classmethod
    def from_evidence(cls, evidence: "Evidence", names: str = "label", pooled: bool = False) -> "Runtimes":
        """Read the first hits of the runs that were made to compare solvers.

        Problems without a reference value, or whose queries answer samples, have no first hits; they are left
        out and named in `left_out`.

        Parameters
        ----------
        evidence : Evidence
        names : {"label", "solver_name"}
            What solvers are called: by what tells them apart in this evidence, as legends do, or by their
            full name, which is the same in every store.
        pooled : bool
            Whether the instances of a problem are repetitions of one cell, as COCO has it; else each instance
            is a problem.

        Returns
        -------
        Runtimes

        Raises
        ------
        ZobenchError
            If no problem is left.
        """
        from zobench.drawing import labelled

        runs = labelled(evidence.campaign) if len(evidence.runs) else evidence.runs
        # a stochastic problem has rows of targets as well, none of them hit
        hit = evidence.hits.loc[evidence.hits["queries"].notna(), "id"].unique()
        with_hits = set(runs.loc[runs["id"].isin(hit), "problem_name"])
        left_out = {}
        for run in runs.drop_duplicates("problem_name").itertuples():
            why = "" if run.problem_name in with_hits else _without_hits(run)
            if why:
                left_out[str(run.problem_name)] = why
        runs = runs[~runs["problem_name"].isin(left_out)]
        if not len(runs):
            told = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:3])
            raise ZobenchError(f"store {evidence.source!r} has no run with first hits ({told or 'no runs'})")
        targets = np.sort(evidence.hits["target"].unique().astype(float))[::-1]
        if not targets.size:
            from zobench.trace import TARGETS

            targets = np.array(TARGETS)
        queries = np.full((len(runs), targets.size), np.inf)
        rows = runs.set_index("id").index.get_indexer(evidence.hits["id"])
        columns = np.searchsorted(-targets, -evidence.hits["target"].to_numpy(float))
        counts = evidence.hits["queries"].to_numpy(float)
        known = (rows >= 0) & np.isfinite(counts)
        queries[rows[known], columns[known]] = counts[known]
        failed = (runs["status"] == "failed").to_numpy()
        from pandas import DataFrame

        problems = runs["problem_name"].to_numpy()
        table = DataFrame(
            {
                "id": runs["id"].to_numpy(),
                "method": runs["solver"].to_numpy(),
                "solver": runs[names].to_numpy(),
                "problem": _without_instances(runs) if pooled else problems,
                "instance": problems,
                "dim": runs["dim"].to_numpy(int),
                "seed": runs["seed"].to_numpy(int),
                "budget": runs["budget"].to_numpy(int),
                # the queries of a failed run are not recorded
                "spent": np.where(failed, runs["budget"], runs["count"]).astype(float),
                "failed": failed,
            }
        )
        return cls(table, targets, queries, left_out)

    @property
    def solvers(self) -> list[str]:
        """The solvers, sorted."""
        return sorted(set(self.runs["solver"]))

    @property
    def problems(self) -> list[str]:
        """The problems, in the order of the runs."""
        return list(dict.fromkeys(self.runs["problem"]))

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns of `runs` as arrays: to slice a table for each of a thousand cells takes seconds."""
        return {str(name): self.runs[name].to_numpy() for name in self.runs.columns}

    @cached_property
    def dims(self) -> dict[str, int]:
        """Dimension of each problem."""
        return {name: int(dim) for name, dim in zip(self.runs["problem"], self.runs["dim"], strict=True)}

    @cached_property
    def cells(self) -> list[Cell]:
        """Every solver on every problem that it met, by solver, then in the order of `problems`."""
        places = self.runs.groupby(["solver", "problem"], sort=False).indices
        return [
            Cell(solver, problem, self.dims[problem], np.sort(places[solver, problem]))
            for solver in self.solvers
            for problem in self.problems
            if (solver, problem) in places
        ]

    def only(
        self,
        solvers: Iterable[str] | None = None,
        problems: Iterable[str] | None = None,
        targets: Sequence[float] | None = None,
    ) -> "Runtimes":
        """Keep some solvers, problems or targets.

        Parameters
        ----------
        solvers, problems : iterable of str, optional
            All of them if not given.
        targets : sequence of float, optional
            As for `column`; all of them if not given.

        Returns
        -------
        Runtimes

        Raises
        ------
        ZobenchError
            If one of them is not there.
        """
        keep = np.ones(len(self.runs), bool)
        for what, wanted, known in (
            ("solver", solvers, self.solvers),
            ("problem", problems, self.problems),
        ):
            if wanted is not None:
                names = list(wanted)
                for name in names:
                    if name not in known:
                        raise unknown(f"runtimes: the {what}", name, known)
                keep &= self.runs[what].isin(names).to_numpy()
        columns = np.arange(self.targets.size)
        if targets is not None:
            columns = np.array([self.column(target) for target in targets], dtype=int)
        return Runtimes(
            self.runs[keep].reset_index(drop=True),
            self.targets[columns],
            self.queries[keep][:, columns],
            self.left_out,
        )

    def column(self, target: float) -> int:
        """Find a target's column.

        Parameters
        ----------
        target : float
            A part of f(x0) - f_star.

        Returns
        -------
        int

        Raises
        ------
        ZobenchError
            If no target lies within one part in a thousand.
        """
        place = int(np.argmin(np.abs(np.log(self.targets / target)))) if target > 0.0 else 0
        if not (target > 0.0 and abs(self.targets[place] / target - 1.0) < 1e-3):
            shown = f"{self.targets[0]:g}, {self.targets[1]:g}, ..., {self.targets[-1]:g}"
            raise ZobenchError(f"target must be one of the recorded ones ({shown}), got {target!r}")
        return place

    def common(self) -> tuple["Runtimes", list[str]]:
        """Keep the problems that every solver met; answer also those that some solver lacks.

        Returns
        -------
        (runtimes, lacking) : Runtimes and list of str

        Raises
        ------
        ZobenchError
            If no problem was met by every solver.
        """
        met = self.runs.groupby("problem")["solver"].nunique()
        lacking = [name for name in self.problems if met[name] < len(self.solvers)]
        if len(lacking) == len(self.problems):
            raise ZobenchError(
                f"no problem was met by all {len(self.solvers)} solvers: choose solvers that share problems"
            )
        kept = [name for name in self.problems if name not in set(lacking)]
        return (self.only(problems=kept) if lacking else self), lacking

    def cut(self, budgets: Any = None) -> "Runtimes":
        """End every run at a budget: later hits are no hits, and no more queries count as spent.

        Parameters
        ----------
        budgets : vector, optional
            One a run; the smallest of any run on the same problem if not given, so that solvers with unequal
            budgets are compared on equal terms.

        Returns
        -------
        Runtimes
        """
        if budgets is None:
            budgets = self.runs.groupby("problem")["budget"].transform("min")
        ends = np.asarray(budgets, dtype=float)
        runs = self.runs.assign(
            budget=np.minimum(self.runs["budget"], ends).astype(int),
            spent=np.minimum(self.runs["spent"], ends),
        )
        return replace(self, runs=runs, queries=np.where(self.queries <= ends[:, None], self.queries, np.inf))


def _without_instances(runs: "DataFrame") -> list[str]:
    """Name the problems of runs without their instances."""
    import json

    from zobench.names import problem_name

    columns = runs[["problem", "dim", "problem_parameters", "noise"]]
    places = list(columns.itertuples(index=False, name=None))
    names = {
        place: problem_name(place[0], place[1], 0, json.loads(place[2]), place[3]) for place in set(places)
    }
    return [names[place] for place in places]


def _without_hits(run: Any) -> str:
    """Say why no run on a problem has a first hit; empty if one was possible."""
    from zobench.drawing import instance_of

    instance = instance_of(run)
    if instance is None:
        return "no run has first hits, and the problem is not installed here"
    if instance.stochastic:
        return "its queries answer samples"
    if instance.certificates.reference is None:
        return "nothing certifies a reference value"
    return ""


def ert(queries: Any, spent: Any) -> Floats:
    """Return the expected running time to each target, restarts included: all queries / number of hits.

    Source: Auger and Hansen, "Performance evaluation of an advanced local search evolutionary algorithm",
    CEC 2005; COCO's ERT, also called aRT.

    Parameters
    ----------
    queries : array, shape (..., runs, targets)
        First hits; inf where there is none.
    spent : array, shape (..., runs)
        Queries of a run that does not hit.

    Returns
    -------
    array, shape (..., targets)
        inf where no run hits.

    Examples
    --------
    >>> ert([[10.0], [np.inf], [30.0]], [100.0, 100.0, 100.0]).tolist()
    [70.0]
    """
    queries, spent = np.asarray(queries, float), np.asarray(spent, float)
    hit = np.isfinite(queries)
    paid = np.where(hit, queries, spent[..., None]).sum(axis=-2)
    with np.errstate(divide="ignore"):
        return paid / hit.sum(axis=-2) if queries.shape[-2] else np.full(paid.shape, np.inf)


def median_queries(queries: Any, budget: Any) -> Floats:
    """Return the median over runs of the queries to each target; one that was not hit counts as the budget.

    The number that the asv benchmarks track.

    Parameters
    ----------
    queries : array, shape (runs, targets)
        First hits; inf where there is none.
    budget : vector
        Of each run.

    Returns
    -------
    vector
        One a target.

    Examples
    --------
    >>> median_queries([[10.0], [np.inf], [30.0]], [100.0, 100.0, 100.0]).tolist()
    [30.0]
    """
    found = np.asarray(queries, float)
    return np.asarray(
        np.median(np.where(np.isfinite(found), found, np.asarray(budget, float)[:, None]), axis=0)
    )


def costs(runtimes: Runtimes, target: float, statistic: str = "ert") -> "DataFrame":
    """Tabulate what each solver pays for a target on each problem: rows problems, columns solvers.

    Parameters
    ----------
    runtimes : Runtimes
    target : float
    statistic : {"ert", "median"}
        The ERT, or the median first hit over seeds (the upper one of two, inf if half of the runs do not
        hit).

    Returns
    -------
    DataFrame
        inf where the target was not hit, NaN where the solver did not meet the problem.

    Raises
    ------
    ZobenchError
        If the statistic or the target is none of those known.

    Examples
    --------
    >>> import zobench
    >>> from zobench.report import Evidence
    >>> runs = [(name, seed) for name in ("s2p", "spsa") for seed in (1, 2, 3)]
    >>> traces = [zobench.run("quadratic", name, budget=400, seed=seed) for name, seed in runs]
    >>> runtimes = Runtimes.from_evidence(Evidence.from_traces(traces))
    >>> costs(runtimes, 0.1, "median").to_dict("index")
    {'quadratic (dim 10)': {'s2p': 237.0, 'spsa': 45.0}}
    """
    from pandas import DataFrame

    if statistic not in ("ert", "median"):
        raise unknown("costs: the statistic", statistic, ("ert", "median"))
    column = runtimes.column(target)
    table = DataFrame(np.nan, index=runtimes.problems, columns=runtimes.solvers)
    spent = runtimes.columns["spent"]
    for cell in runtimes.cells:
        queries = runtimes.queries[cell.rows, column]
        if statistic == "median":
            paid = float(np.quantile(queries, 0.5, method="higher"))
        else:
            paid = float(ert(queries[:, None], spent[cell.rows])[0])
        table.loc[cell.problem, cell.solver] = paid
    return table
