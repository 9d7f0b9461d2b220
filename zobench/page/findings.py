"""What a store shows, as numbers and as sentences: shared by the HTML page and the demo."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zobench.drawing import count_of, instance_of, labelled, span
from zobench.report import Evidence

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = [
    "POWER",
    "VERDICTS",
    "Fewest",
    "fewest_queries",
    "per_problem",
    "powerless",
    "smallest_gap",
    "verdict_counts",
    "what_was_run",
]

#: Verdicts in the order of tables, with what each means.
VERDICTS = {
    "refuted": "the runs contradict the bound, again on fresh seeds",
    "inconclusive": "the runs decide nothing",
    "not refuted": "nothing speaks against the bound, too little speaks for it",
    "supported": "with high confidence the mean lies below the bound (of an identity: both sides agree)",
}


SUMMARY = (
    "problem,solver,runs,budget,median best gap,median best value,targets hit,failed,made for,method"
).split(",")


#: A check with a smaller tightness has almost no power.
POWER = 0.1


class Fewest(NamedTuple):
    """Which solver needed the fewest queries on one problem.

    Attributes
    ----------
    problem : str
    target : float
        Relative precision that is compared: the smallest one that the median runs of three quarters of the
        solvers hit, or of as many as hit any.
    queries : dict of str to float
        Median over seeds of the queries to the target, by label, fewest first; inf where it was not hit.

    Examples
    --------
    >>> race = Fewest("quadratic (dim 10)", 0.1, {"stp": 177.0, "s2p": 178.0, "random-search": math.inf})
    >>> next(iter(race.queries))
    'stp'
    """

    problem: str
    target: float
    queries: dict[str, float]


def per_problem(evidence: Evidence) -> "DataFrame":
    """Summarise the runs of each problem and solver, one row each.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    DataFrame
        problem, solver, runs, budget (text: a range where they differ), median best gap and median best
        value (over the runs, in the unit of f), targets hit (their share), failed (runs), made for
        ("comparison" or "theorem"), method (the solver without its parameters).  The gap and the share are
        NaN where there is no reference value, the share on stochastic problems too.

    Examples
    --------
    >>> import zobench
    >>> runs = [zobench.run("quadratic", "s2p", budget=100, seed=seed) for seed in range(3)]
    >>> table = per_problem(Evidence.from_traces(runs))
    >>> table[["problem", "solver", "runs", "budget", "failed"]].values.tolist()
    [['quadratic (dim 10)', 's2p', 3, '100', 0]]
    """
    return evidence.keep("per problem", lambda: _per_problem(evidence)).copy()


def _per_problem(evidence: Evidence) -> "DataFrame":
    from pandas import DataFrame

    watched = evidence.runs["observed"].astype(bool)
    hits = evidence.hits["queries"].notna().groupby(evidence.hits["id"]).mean().to_dict()
    references = evidence.runs.groupby("problem_name")["reference"].max().astype(float).to_dict()
    rows = []
    for kind, runs, within in (
        ("comparison", evidence.runs[~watched], ["problem_name", "noise"]),
        ("theorem", evidence.runs[watched], ["problem_name", "budget"]),
    ):
        if len(runs):
            shares = [hits.get(name, 0.0) for name in runs["id"]]
            named = labelled(runs, within).assign(share=shares)
            firsts = named.drop_duplicates([*within, "label"]).itertuples()
            groups = named.groupby([*within, "label"], sort=False)
            for first, (_, group) in zip(firsts, groups, strict=True):
                rows.append({**_summary(first, group, references[first.problem_name]), "made for": kind})
    return DataFrame(rows, columns=SUMMARY)


def _summary(first: Any, group: "DataFrame", reference: float) -> dict[str, Any]:
    """Summarise the runs of one solver on one problem, of which `first` is one."""
    exact = np.isfinite(reference) and not getattr(instance_of(first), "stochastic", False)
    # a run that failed before it had a value is the worst of all
    best = group["best"].to_numpy(float)
    worst = float(np.median(np.where(np.isnan(best), np.inf, best)))
    return {
        "problem": first.problem_name,
        "solver": first.label,
        "runs": len(group),
        "budget": span(group["budget"]),
        "median best gap": worst - reference if np.isfinite(reference) else math.nan,
        "median best value": worst,
        "targets hit": float(group["share"].mean()) if exact else math.nan,
        "failed": int((group["status"] == "failed").sum()),
        "method": first.solver,
    }


def fewest_queries(evidence: Evidence) -> list[Fewest]:
    """Compare the solvers on each problem by the queries to one common target.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of Fewest
        One a problem, without those where no median run hit a target.

    Examples
    --------
    >>> import zobench
    >>> runs = [zobench.run("quadratic", name, budget=500) for name in ("random-search", "stp")]
    >>> (race,) = fewest_queries(Evidence.from_traces(runs))
    >>> race.problem, list(race.queries)
    ('quadratic (dim 10)', ['stp', 'random-search'])
    """
    return list(evidence.keep("fewest queries", lambda: _fewest_queries(evidence)))


def _fewest_queries(evidence: Evidence) -> list[Fewest]:
    found = []
    runs = labelled(evidence.campaign)
    hits = evidence.hits.merge(runs[["id", "problem_name", "label"]], on="id")
    hits["queries"] = hits["queries"].fillna(np.inf)
    medians = _upper_medians(hits, ["problem_name", "label", "target"])
    for name in dict.fromkeys(runs["problem_name"]):
        if name not in medians.index.levels[0]:
            continue
        here = medians.loc[name].unstack("label").sort_index()
        met = np.isfinite(here).sum(axis="columns")
        enough = min(math.ceil(0.75 * here.shape[1]), met.max())
        if not enough:
            continue
        usable = met[met >= enough]
        target = float(usable.index[0])
        order = here.loc[usable.index[0]].fillna(np.inf).sort_values(kind="stable")
        queries = {str(label): float(count) for label, count in order.items()}
        found.append(Fewest(str(name), target, queries))
    return found


def _upper_medians(hits: "DataFrame", within: list[str]) -> "Series":
    """Give the median queries of each group; of two the larger, so never in a solver's favour.

    Of two runs with one hit the median run is the one without.
    """
    order = hits.sort_values([*within, "queries"])
    groups = order.groupby(within, sort=True)
    return order[groups.cumcount() == groups["queries"].transform("size") // 2].set_index(within)["queries"]


def smallest_gap(evidence: Evidence) -> dict[str, str]:
    """Give for each problem the solver with the smallest median gap after its whole budget.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    dict of str to str
        Solver by problem, without problems of which no gap is known.

    Examples
    --------
    >>> import zobench
    >>> runs = [zobench.run("quadratic", name, budget=500) for name in ("random-search", "stp")]
    >>> smallest_gap(Evidence.from_traces(runs))
    {'quadratic (dim 10)': 'stp'}
    """
    table = per_problem(evidence)
    plain = table["made for"] == "comparison"
    table = table[plain] if plain.any() else table
    table = table[table["median best gap"].notna()].sort_values("median best gap", kind="stable")
    return dict(table.drop_duplicates("problem")[["problem", "solver"]].itertuples(index=False, name=None))


def verdict_counts(evidence: Evidence) -> dict[str, int]:
    """Count the verdicts by word, in the order of `VERDICTS`.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    dict of str to int
        Without words that no verdict has.

    Examples
    --------
    >>> verdicts = [{"verdict": word} for word in ("supported", "refuted", "supported")]
    >>> verdict_counts(Evidence.from_traces([], verdicts))
    {'refuted': 1, 'supported': 2}
    """
    if not len(evidence.verdicts):
        return {}
    counts = evidence.verdicts["verdict"].value_counts()
    return {word: int(counts[word]) for word in VERDICTS if word in counts}


def powerless(verdicts: "DataFrame") -> "Series":
    """Say of each check whether even a wrong program would pass it; fitted exponents have no tightness.

    Parameters
    ----------
    verdicts : DataFrame
        With tightness (measured / bound) and, if it is known, relation.

    Returns
    -------
    Series of bool
        Whether the tightness is below `POWER`.

    Examples
    --------
    >>> from pandas import DataFrame
    >>> verdicts = DataFrame({"tightness": [0.04, 0.7, 0.04], "relation": ["<=", "<=", "slope"]})
    >>> powerless(verdicts).tolist()
    [True, False, False]
    """
    from pandas import Series

    if "relation" in verdicts:
        slopes = verdicts["relation"] == "slope"
    else:
        slopes = Series(False, index=verdicts.index)
    return (verdicts["tightness"].astype(float) < POWER) & ~slopes


def what_was_run(evidence: Evidence) -> str:
    """Say in one sentence what a store holds.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    str

    Examples
    --------
    >>> import zobench
    >>> runs = [zobench.run("quadratic", name, budget=100) for name in ("s2p", "stp")]
    >>> what_was_run(Evidence.from_traces(runs))
    '2 solvers on 1 problem with 1 seed each: 2 runs; 200 queries in all.'
    """
    runs = evidence.runs
    if not len(runs):
        return "Nothing: the store holds no runs."
    watched = runs["observed"].astype(bool)
    plain, parts = runs[~watched], []
    if len(plain):
        seeds = plain.groupby(["problem_name", "solver", "solver_parameters", "budget"])["seed"].nunique()
        parts.append(
            f"{count_of(plain['solver'].nunique(), 'solver')} on "
            f"{count_of(plain['problem_name'].nunique(), 'problem')} with {span(seeds)} "
            f"seed{'s' if seeds.max() > 1 else ''} each: {count_of(len(plain), 'run')}"
        )
    if watched.any():
        parts.append(f"{count_of(int(watched.sum()), 'run')} observed for theorems")
    return f"{' and '.join(parts)}; {count_of(int(runs['count'].sum()), 'query')} in all."
