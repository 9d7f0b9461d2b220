"""Figures of many solvers' runs, read back from the axes, against plain counts over the store's tables.

Each check is shown to notice a figure of other runs: those of a store in which one number is not the same.
"""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.bench_queries import queries_to
from benchmarks.made_up_store import campaign
from zobench.performance.comparison import compare
from zobench.registry import catalogue
from zobench.report import Evidence

BUDGET = 400


@pytest.fixture(scope="module")
def evidence():
    return Evidence.from_traces(campaign(solvers=4, seeds=5, budget=BUDGET, dims=(4, 10, 20), problems=2))


def draw(name, evidence):
    return catalogue("reports")[name].drawings(evidence)


def named(figure, prefix):
    return {
        artist.get_gid().removeprefix(prefix): artist
        for axis in figure.axes
        for artist in [*axis.lines, *axis.collections]
        if (artist.get_gid() or "").startswith(prefix)
    }


def first_hits(evidence):
    """Give by solver, problem and seed: dimension, and the first hits by target, inf where there is none."""
    found = {}
    rows = {id: own for id, own in evidence.hits.groupby("id")}
    for run in evidence.runs.itertuples():
        own = rows[run.id].sort_values("target", ascending=False)
        hits = dict(zip(own["target"], own["queries"].fillna(math.inf), strict=True))
        found[run.solver, run.problem_name, run.seed] = run.dim, hits
    return found


def cells(evidence):
    found = {}
    for (solver, problem, _), run in first_hits(evidence).items():
        found.setdefault((solver, problem), []).append(run)
    return found


def ert_of(runs, target):
    times = [hits[target] for _, hits in runs]
    paid = sum(min(time, BUDGET) for time in times)
    hit = sum(time < math.inf for time in times)
    return paid / hit if hit else math.inf


def nearest(evidence, target):
    return min(evidence.hits["target"].unique(), key=lambda known: abs(math.log(known / target)))


# Checks: a figure's data against the tables


def ranks_are_right(drawings, evidence):
    own = cells(evidence)
    solvers, problems = (sorted({place[part] for place in own}) for part in (0, 1))
    areas = {place: area_of(runs, evidence) for place, runs in own.items()}
    criteria = [lambda place: -areas[place]]
    targets = [nearest(evidence, target) for target in (1e-1, 1e-3, 1e-5)]
    criteria += [lambda place, target=target: ert_of(own[place], target) for target in targets]
    for drawing, cost in zip(drawings, criteria, strict=True):
        costs = [[cost((solver, problem)) for solver in solvers] for problem in problems]
        means = np.mean([stats.rankdata(row) for row in costs], axis=0)
        dots = named(drawing.figure, "rank ")
        assert [dots[name].get_xdata()[0] for name in solvers] == pytest.approx(means.tolist())
        order = sorted(solvers, key=lambda name: dots[name].get_ydata()[0], reverse=True)
        assert [means[solvers.index(name)] for name in order] == sorted(means)
        p = stats.friedmanchisquare(*np.transpose(costs)).pvalue
        assert drawing.table["p"].iloc[0] == pytest.approx(p)
        # q of Nemenyi's test for four solvers, level 0.05: table 5 of Demsar (2006)
        wide = 2.569 * math.sqrt(4 * 5 / (6 * len(problems)))
        for bar in named(drawing.figure, "difference ").values():
            [[(left, _), (right, _)]] = bar.get_segments()
            assert right - left == pytest.approx(wide, abs=2e-3)


def area_of(runs, evidence):
    """Give the mean over runs and targets of the part of log10(queries / dim) that is after a hit."""
    high = min(BUDGET / dim for dim in evidence.runs["dim"])
    parts = [
        1.0 - min(max(math.log(time / dim), 0.0), math.log(high)) / math.log(high)
        for dim, hits in runs
        for time in hits.values()
    ]
    return sum(parts) / len(parts)


def areas_are_right(drawings, evidence):
    [drawing] = drawings
    own = cells(evidence)
    dots, means = named(drawing.figure, "areas "), named(drawing.figure, "mean ")
    for solver in {place[0] for place in own}:
        expected = [area_of(runs, evidence) for place, runs in own.items() if place[0] == solver]
        assert sorted(dots[solver].get_xdata()) == pytest.approx(sorted(expected))
        assert means[solver].get_xdata()[0] == pytest.approx(np.mean(expected))


def pairs_are_right(drawings, evidence):
    [drawing] = drawings
    runs = first_hits(evidence)
    dots = named(drawing.figure, "ratio ")
    leader = drawing.figure.axes[0].get_xlabel().removeprefix("queries / queries of ")
    solvers, problems, seeds = (sorted({place[part] for place in runs}) for part in range(3))
    standing = {
        name: np.mean([standing_of(runs[name, p, s][1]) for p in problems for s in seeds]) for name in solvers
    }
    assert leader == max(standing, key=standing.get)
    assert set(dots) == {*solvers} - {leader}
    for name, dot in dots.items():
        logs = [
            np.mean([log_ratio(runs[leader, p, s][1], runs[name, p, s][1]) for s in seeds]) for p in problems
        ]
        assert math.log10(dot.get_xdata()[0]) == pytest.approx(np.mean(logs))
        p = stats.wilcoxon(logs, method="exact").pvalue
        [row] = drawing.table[
            drawing.table[["first", "second"]].isin({leader, name}).all(axis=1)
        ].itertuples()
        assert row.p == pytest.approx(p)


def standing_of(hits):
    return np.mean([max(0.0, 1.0 - math.log(time) / math.log(BUDGET)) for time in hits.values()])


def log_ratio(first, second):
    """Give log10 of the ratio of first hits, the mean over targets that either hit; a miss is ten budgets."""
    both = [
        (first[target], second[target]) for target in first if min(first[target], second[target]) < math.inf
    ]
    return np.mean([math.log10(min(b, 10 * BUDGET) / min(a, 10 * BUDGET)) for a, b in both])


def restarts_are_right(drawings, evidence):
    """While no run has ended restarts change nothing; in the end all is hit that any run hit."""
    [drawing] = [one for one in drawings if named(one.figure, "restarts ")]
    for solver, line in named(drawing.figure, "restarts ").items():
        x, y = line.get_data()
        own = [runs for place, runs in cells(evidence).items() if place[0] == solver]
        targets = list(own[0][0][1])
        possible = [any(hits[t] < math.inf for _, hits in runs) for runs in own for t in targets]
        # what is ever reached, within what is drawn
        assert y[-1] == pytest.approx(np.mean(possible), abs=0.02)
        early = (x > x[0]) & (x < math.log10(min(BUDGET / dim for runs in own for dim, _ in runs)))
        assert early.sum() > 20
        for where, height in list(zip(x[early], y[early], strict=True))[::7]:
            within = 10.0 ** (where + 1e-9)
            share = np.mean(
                [[hits[t] <= within * dim for t in targets] for runs in own for dim, hits in runs]
            )
            assert height == pytest.approx(share)


CHECKS = {
    "ranks": ranks_are_right,
    "anytime": areas_are_right,
    "pairs": pairs_are_right,
    "runtime-ecdf": restarts_are_right,
}


def slower(evidence):
    """One solver needs half again as many queries to all targets."""
    ids = evidence.runs.loc[evidence.runs["solver"] == "method-02", "id"]
    queries = np.where(
        evidence.hits["id"].isin(ids), np.ceil(1.5 * evidence.hits["queries"]), evidence.hits["queries"]
    )
    return replace(evidence, hits=evidence.hits.assign(queries=np.where(queries <= BUDGET, queries, np.nan)))


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_drawn_is_what_the_store_holds(name, evidence):
    CHECKS[name](draw(name, evidence), evidence)


@pytest.mark.parametrize("name", CHECKS)
def test_a_figure_of_other_runs_is_noticed(name, evidence):
    with pytest.raises(AssertionError):
        CHECKS[name](draw(name, slower(evidence)), evidence)


# What asv tracks


def test_the_table_of_a_comparison_has_the_numbers_that_asv_tracks():
    traces = list(campaign(solvers=2, seeds=5, budget=BUDGET, dims=(20,), problems=1))
    found = compare(Evidence.from_traces(traces), slower_one(traces)).targets
    assert len(found)
    for (solver, target), own in found.groupby(["solver", "target"]):
        mine = [trace for trace in traces if trace.key.solver == solver]
        place = int(np.argmin(np.abs(mine[0].targets - target)))
        told = {"hits": {target: [int(trace.hits[place]) for trace in mine]}}
        # asv's benchmarks have a budget of their own, which only misses show
        expected = queries_to(target, told)
        assert own["queries_old"].item() == (BUDGET if expected == 20_000 else expected)
    assert math.isinf(found["ert_old"].max())
    assert found["queries_old"].max() == BUDGET


def slower_one(traces):
    later = [replace(t, hits=np.where(t.hits > 0, np.minimum(2 * t.hits, BUDGET), -1)) for t in traces]
    return Evidence.from_traces(later)


def test_the_pairs_of_a_family_are_all_of_them(evidence):
    [drawing] = draw("pairs", evidence)
    solvers = sorted(set(evidence.runs["solver"]))
    told = set(zip(drawing.table["first"], drawing.table["second"], strict=True))
    assert told == set(itertools.combinations(solvers, 2))
    assert "all 6 pairs" in drawing.caption
