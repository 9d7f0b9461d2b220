"""First hits, ERT, ECDF and its area: against cocopp, against definitions written out, with mutants."""

import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

import zobench
from zobench.campaign.definition import Campaign, execute
from zobench.errors import ZobenchError
from zobench.export.coco import export_coco
from zobench.export.runs import collect, file_name
from zobench.performance import ecdf as performance_ecdf
from zobench.performance import measures as performance
from zobench.performance.ecdf import areas, ecdf, restarted
from zobench.performance.measures import Runtimes, costs, ert
from zobench.performance.tables import ert_table, fixed_budget, fixed_target
from zobench.report import Evidence
from zobench.store.database import Store

INF = math.inf


def table(cells, targets=(0.1, 0.01), budget=1000):
    """Make runtimes of ``{(solver, problem, dim): [first hits of a run, ...]}``; None stands for no hit."""
    rows, hits = [], []
    for (solver, problem, dim), runs in cells.items():
        for seed, run in enumerate(runs):
            rows.append((f"{len(rows)}", solver, solver, problem, problem, dim, seed, budget, budget, False))
            hits.append([INF if hit is None else float(hit) for hit in run])
    names = "id method solver problem instance dim seed budget spent failed".split()
    frame = pd.DataFrame(rows, columns=names).astype({"spent": float})
    return Runtimes(frame, np.array(targets), np.array(hits), {})


def synthetic(seed, runs=12, targets=5):
    """Draw first hits of one cell, later for smaller targets, some of them beyond the budget."""
    rng = np.random.default_rng(seed)
    spent = rng.integers(80, 120, runs).astype(float)
    hits = np.cumsum(rng.integers(1, 60, (runs, targets)), axis=1).astype(float)
    return np.where(hits <= spent[:, None], hits, INF), spent


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Cells in which some runs hit a target and others do not."""
    wanted = {
        "problems": [{"name": "quadratic", "condition": [1, 30], "dim": 4}, {"name": "cosh", "dim": 3}],
        "solvers": [{"name": "s2p"}, {"name": "stp"}],
        "budget": 300,
        "instances": 2,
        "seeds": 3,
    }
    path = tmp_path_factory.mktemp("performance") / "s.sqlite"
    with Store(path) as kept:
        execute(Campaign.from_table(wanted, "performance"), kept, 1)
    return path


@pytest.fixture(scope="module")
def runtimes(store):
    return Runtimes.from_evidence(Evidence.from_store(store), names="solver_name", pooled=True)


# ERT


def plain_ert(queries, spent):
    """All queries over the number of hits, run by run."""
    answer = []
    for target in range(queries.shape[1]):
        paid = hits = 0.0
        for run in range(len(spent)):
            hit = queries[run, target] < INF
            paid += queries[run, target] if hit else spent[run]
            hits += hit
        answer.append(paid / hits if hits else INF)
    return answer


def ert_is_right(function):
    for seed in range(20):
        queries, spent = synthetic(seed)
        assert np.isinf(queries).any()
        assert np.asarray(function(queries, spent)).tolist() == plain_ert(queries, spent)


def test_ert_is_all_queries_over_the_hits():
    ert_is_right(ert)
    assert ert(np.full((4, 2), INF), np.full(4, 10.0)).tolist() == [INF, INF]
    assert ert([[7.0]], [10.0]).tolist() == [7.0]
    stacked = np.stack([synthetic(seed)[0] for seed in range(3)])
    spent = np.stack([synthetic(seed)[1] for seed in range(3)])
    assert ert(stacked, spent)[2].tolist() == ert(stacked[2], spent[2]).tolist()


def censored_dropped(queries, spent):
    return np.ma.masked_invalid(queries).mean(axis=0).filled(INF)


def means_of_all(queries, spent):
    return np.where(np.isfinite(queries), queries, spent[:, None]).mean(axis=0)


def largest_budget_for_all(queries, spent):
    return ert(queries, np.full_like(spent, spent.max()))


@pytest.mark.parametrize("mutant", [censored_dropped, means_of_all, largest_budget_for_all])
def test_a_wrong_ert_is_noticed(mutant):
    with pytest.raises(AssertionError):
        ert_is_right(mutant)


def test_intervals_of_the_ert_cover_it():
    """Geometric laws of known ERT: a run hits within 100 queries with probability 0.7."""
    rng = np.random.default_rng(5)
    samples, runs = 300, 15
    hits = rng.random((samples, runs)) < 0.7
    times = rng.integers(1, 101, (samples, runs)).astype(float)
    cells = {
        ("a", f"p{place}", 1): [[hit] for hit in np.where(hits[place], times[place], INF)]
        for place in range(samples)
    }
    true = 50.5 + 100.0 * 0.3 / 0.7

    def coverage(cells):
        found = ert_table(table(cells, targets=(0.1,), budget=100))
        return ((found["low"] <= true) & (true <= found["high"])).mean()

    assert 0.90 <= coverage(cells) <= 0.99
    dropped = {place: [run for run in cell if run[0] < INF] for place, cell in cells.items()}
    assert coverage(dropped) < 0.1


def test_cells_that_say_little_have_no_interval():
    cells = {
        ("a", "single", 2): [[5, 50]],
        ("a", "never", 2): [[None, None]] * 6,
        ("a", "rarely", 2): [[5, None]] * 5 + [[5, 20]],
    }
    found = ert_table(table(cells)).set_index(["problem", "target"])
    assert found.loc[("single", 0.1), "ert"] == 5
    assert found.loc[("never", 0.1), ["ert", "success_rate"]].tolist() == [INF, 0.0]
    assert found.loc[["single", "never"], ["low", "high"]].isna().all(axis=None)
    assert found.loc[("rarely", 0.01), "ert"] == 5020
    assert found.loc[("rarely", 0.01), "high"] == INF
    assert found.loc[("rarely", 0.1), ["low", "high"]].tolist() == [5, 5]


# Runtimes


def test_runtimes_are_the_hits_of_the_store(store, runtimes):
    with Store(store, "read") as kept:
        hits = kept.hits().set_index(["id", "target"])["queries"]
    assert runtimes.queries.shape == (36, 40)
    assert runtimes.solvers == ["s2p", "stp"]
    assert runtimes.problems == ["cosh (dim 3)", "quadratic (dim 4)", "quadratic (dim 4, condition 30)"]
    assert {cell.rows.size for cell in runtimes.cells} == {6}
    for row, id in enumerate(runtimes.runs["id"]):
        kept = hits[id].sort_index(ascending=False)
        assert kept.index.to_list() == runtimes.targets.tolist()
        assert kept.fillna(INF).to_list() == runtimes.queries[row].tolist()
    apart = Runtimes.from_evidence(Evidence.from_store(store))
    assert len(apart.problems) == 6
    assert {cell.rows.size for cell in apart.cells} == {3}


def test_a_failed_run_counts_with_its_budget_and_a_finished_one_with_what_it_asked():
    trace = [zobench.run("quadratic", "s2p", budget=200, seed=seed) for seed in range(3)]
    evidence = Evidence.from_traces(trace)
    runs = evidence.runs.assign(
        status=["failed", "finished", "budget"], count=[0, 120, 200], best=[math.nan, 0.1, 0.1]
    )
    hits = evidence.hits[evidence.hits["id"] != runs["id"][0]]
    found = Runtimes.from_evidence(replace(evidence, runs=runs, hits=hits))
    assert found.runs["spent"].tolist() == [200, 120, 200]
    assert np.isinf(found.queries[0]).all()
    nothing = replace(evidence, runs=runs.assign(status="failed"), hits=evidence.hits[:0])
    found = Runtimes.from_evidence(nothing)
    assert found.queries.shape == (3, 40)
    assert np.isinf(found.queries).all()
    assert set(ert_table(found)["ert"]) == {INF}
    assert ecdf(found)["s2p"].at([1e9]).tolist() == [0.0]


def test_problems_without_hits_are_named():
    names = ["quadratic", "interpolating-regression"]
    evidence = Evidence.from_traces([zobench.run(name, "s2p", budget=50) for name in names])
    found = Runtimes.from_evidence(evidence)
    assert found.problems == ["quadratic (dim 10)"]
    assert list(found.left_out.values()) == ["its queries answer samples"]
    keep = evidence.runs["problem"] == "interpolating-regression"
    with pytest.raises(ZobenchError, match="no run with first hits"):
        Runtimes.from_evidence(replace(evidence, runs=evidence.runs[keep]))
    with pytest.raises(ZobenchError, match="no runs"):
        Runtimes.from_evidence(replace(evidence, runs=evidence.runs[:0]))


def test_choosing_and_cutting():
    cells = {("a", "p", 2): [[5, 600]], ("b", "p", 2): [[7, 90]], ("b", "q", 3): [[9, None]]}
    found = table(cells)
    found = replace(found, runs=found.runs.assign(budget=[1000, 100, 100], spent=[1000.0, 100.0, 50.0]))
    kept, lacking = found.common()
    assert (kept.problems, lacking) == (["p"], ["q"])
    cut = found.cut()
    assert cut.queries.tolist() == [[5, INF], [7, 90], [9, INF]]
    assert cut.runs["spent"].tolist() == [100, 100, 50]
    assert found.only(targets=[0.01]).queries.ravel().tolist() == [600, 90, INF]
    with pytest.raises(ZobenchError, match="did you mean"):
        found.only(solvers=["aa"])
    with pytest.raises(ZobenchError, match="recorded"):
        found.column(0.5)
    with pytest.raises(ZobenchError, match="recorded"):
        found.column(0.0)
    with pytest.raises(ZobenchError, match="all 2 solvers"):
        found.only(problems=["q"]).__class__(
            pd.concat([found.runs[:1], found.runs[2:]]), found.targets, found.queries[[0, 2]], {}
        ).common()


def test_the_views_at_a_target_and_at_a_budget():
    cells = {("a", "p", 2): [[10, 30], [12, None], [14, 90], [None, None]], ("b", "p", 2): [[1, 2]]}
    found = fixed_target(table(cells), 0.01).set_index("solver")
    assert found.loc["a", ["runs", "hits", "success_rate"]].tolist() == [4, 2, 0.5]
    assert found.loc["a", ["ert", "q25", "median", "q75"]].tolist() == [2120 / 2, 90, INF, INF]
    found = fixed_budget(table(cells), 20).set_index("solver")
    assert found.loc["a", ["budget", "reached", "share"]].tolist() == [40, 1.0, 0.5]
    assert found.loc["a", ["q25", "median", "q75"]].tolist() == [0.1, 0.1, 1.0]
    beyond = fixed_budget(table(cells), 2000, per_dim=False).set_index("solver")
    assert beyond["reached"].tolist() == [0.0, 0.0]
    assert costs(table(cells), 0.01, "median").loc["p"].tolist() == [INF, 2.0]
    with pytest.raises(ZobenchError, match="median"):
        costs(table(cells), 0.01, "mean")


# ECDF


def plain_ecdf(found, solver, x):
    """Share of (problem, target) pairs solved within x queries / dim, without restarts."""
    pairs = []
    for cell in found.cells:
        if cell.solver == solver:
            for target in range(found.targets.size):
                within = [found.queries[row, target] <= x * cell.dim for row in cell.rows]
                pairs.append(sum(within) / len(within))
    return sum(pairs) / len(pairs)


UNEVEN = {
    ("a", "p", 2): [[10, 30], [12, None], [None, None]],
    ("a", "q", 5): [[20, 400]],
    ("b", "p", 2): [[1, 2], [3, 9]],
}


def ecdf_is_right(function):
    found = table(UNEVEN)
    for solver, curve in function(found).items():
        x = np.concatenate([curve.queries_per_dim, [0.5, 5.0, 50.0, 1e6]])
        assert curve.at(x) == pytest.approx([plain_ecdf(found, solver, place) for place in x])


def test_the_ecdf_is_the_share_of_pairs():
    ecdf_is_right(lambda found: ecdf(found, restarts=False))
    curve = ecdf(table(UNEVEN), restarts=False)["a"]
    assert (curve.pairs, curve.runs, curve.problems) == (4, 4, 2)
    assert curve.budgets.tolist() == [200, 500]


def runs_weigh_the_same(found):
    merged = found.runs.assign(problem="p", instance="p")
    return ecdf(replace(found, runs=merged), restarts=False)


def misses_dropped(found):
    curves = ecdf(found, restarts=False)
    return {name: replace(curve, share=curve.share / curve.share[-1]) for name, curve in curves.items()}


def not_per_dim(found):
    return ecdf(replace(found, runs=found.runs.assign(dim=1)), restarts=False)


@pytest.mark.parametrize("mutant", [runs_weigh_the_same, misses_dropped, not_per_dim])
def test_a_wrong_ecdf_is_noticed(mutant):
    with pytest.raises(AssertionError):
        ecdf_is_right(mutant)


def restarts_are_right(function):
    """The mean is the ERT; the law of one hit in four runs of 100 queries is geometric."""
    queries, spent = synthetic(3)
    found = function(queries, spent, "mean", 20_000)
    reached = np.isfinite(queries).any(axis=0)
    assert np.isfinite(found[:, reached]).all()
    error = found[:, reached].std(axis=0) / math.sqrt(len(found))
    assert (np.abs(found[:, reached].mean(axis=0) - ert(queries, spent)[reached]) < 5.0 * error + 1e-9).all()
    assert np.isinf(found[:, ~reached]).all()
    assert (np.diff(found[:, reached], axis=1) >= 0.0).all()
    one = np.array([[40.0], [INF], [INF], [INF]])
    found = function(one, np.full(4, 100.0), "geometric", 40_000)[:, 0]
    for failures in range(6):
        chance = 0.25 * 0.75**failures
        share = np.mean(found == 40.0 + 100.0 * failures)
        assert abs(share - chance) < 5.0 * math.sqrt(chance * (1.0 - chance) / len(found))


def test_restarts_have_the_law_of_a_solver_that_starts_anew():
    restarts_are_right(restarted)
    whole = np.arange(1.0, 7.0)[:, None]
    assert sorted(restarted(whole, np.full(6, 10.0), "none missed", 12).ravel()) == sorted([*range(1, 7)] * 2)
    queries, spent = synthetic(3)
    assert np.array_equal(restarted(queries, spent, "a"), restarted(queries, spent, "a"))


def never_restarted(queries, spent, key, series):
    return np.tile(queries, (series // len(spent), 1))


def misses_cost_nothing(queries, spent, key, series):
    return restarted(queries, np.zeros_like(spent), key, series)


def one_restart(queries, spent, key, series):
    found = np.where(np.isfinite(queries), queries, spent[:, None] + np.nanmin(queries, axis=0))
    return np.tile(found, (series // len(spent), 1))


@pytest.mark.parametrize("mutant", [never_restarted, misses_cost_nothing, one_restart])
def test_wrong_restarts_are_noticed(mutant):
    with pytest.raises(AssertionError):
        restarts_are_right(mutant)


def test_the_area_is_that_of_the_curve():
    found = table(UNEVEN)
    low, high = 1.0, 300.0
    grid = np.logspace(0.0, math.log10(high), 200_001)
    for restarts in (False, True):
        exact = areas(found, low, high, restarts).mean()
        for solver, curve in ecdf(found, restarts).items():
            assert exact[solver] == pytest.approx(curve.at(grid).mean(), abs=2e-5)
    assert areas(found).isna().loc["q"].tolist() == [False, True]
    assert areas(found, high=200.0).equals(areas(found))
    with pytest.raises(ZobenchError, match="low < high"):
        areas(found, 5.0, 5.0)


# cocopp

COCOPP = """
import json, sys, warnings
warnings.simplefilter("ignore")
import cocopp, numpy
import run_cocopp
from cocopp import toolsstats
suite = run_cocopp.register(".")
targets = [10.0 ** (-j / 5) for j in range(1, 41)]
numpy.random.seed(1)
said = {}
for name in suite["algorithms"]:
    for data in cocopp.load(name):
        evals = data.detEvals(targets)
        signed = [numpy.where(numpy.isnan(row), -data.maxevals, row) for row in evals]
        drawn = [toolsstats.simulated_evals(row, -1, 6000) for row in signed]
        said[f"{name} {data.funcId} {data.dim}"] = {
            "ert": [float(found) for found in data.detERT(targets)],
            "sorted": [float(found) for found in numpy.sort(numpy.concatenate(drawn))],
        }
json.dump(said, open("said.json", "w"))
"""


@pytest.fixture(scope="module")
def said(store, tmp_path_factory):
    """What cocopp makes of the same runs, by solver and problem."""
    if find_spec("cocopp") is None:
        pytest.skip("cocopp is not installed")
    out = tmp_path_factory.mktemp("cocopp") / "out"
    export_coco(store, out)
    (out / "ask.py").write_text(COCOPP)
    done = subprocess.run([sys.executable, "ask.py"], cwd=out, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    answers = json.loads((out / "said.json").read_text())
    return {
        (run.algorithm, run.name.replace("(", f"(dim {run.dim}, ") if "(" in run.name else run.name): answers[
            f"{file_name(run.algorithm)} {run.function} {run.dim}"
        ]
        for run in collect(store, "relative")[0]
    }


def matched(said, runtimes):
    for cell in runtimes.cells:
        (place,) = [key for key in said if key[0] == cell.solver and key[1] == cell.problem.replace(
            f" (dim {cell.dim})", "")]  # fmt: skip
        yield cell, said[place]


def erts_agree(said, runtimes, function):
    compared = partly = 0
    for cell, answer in matched(said, runtimes):
        queries, spent = runtimes.queries[cell.rows], runtimes.runs["spent"].to_numpy()[cell.rows]
        found = function(queries, spent)
        np.testing.assert_allclose(found, answer["ert"], rtol=1e-12)
        share = np.isfinite(queries).mean(axis=0)
        compared += share.size
        partly += ((share > 0.0) & (share < 1.0)).sum()
    assert compared == 6 * 40
    assert partly >= 10  # where dropping runs would show


def test_cocopp_has_the_same_ert(said, runtimes):
    erts_agree(said, runtimes, performance.ert)


@pytest.mark.parametrize("mutant", [censored_dropped, means_of_all])
def test_cocopp_has_not_a_wrong_ert(said, runtimes, mutant):
    with pytest.raises(AssertionError):
        erts_agree(said, runtimes, mutant)


def ecdfs_agree(said, runtimes, restarts):
    """Both curves over all targets, at every jump; the bound is that of two samples with one seed in 1e6."""
    for cell, answer in matched(said, runtimes):
        one = runtimes.only(solvers=[cell.solver], problems=[cell.problem])
        curve = ecdf(one, restarts, series=6000)[cell.solver]
        theirs = np.array(answer["sorted"])
        reached = theirs[np.isfinite(theirs)]
        x = np.unique(np.concatenate([reached, curve.queries_per_dim * cell.dim]))
        share = np.searchsorted(reached, x, side="right") / theirs.size
        assert np.abs(share - curve.at(x / cell.dim)).max() < 2.0 * math.sqrt(math.log(2e6) / (2 * 6000))
        assert curve.share[-1] == pytest.approx(reached.size / theirs.size)


def test_cocopp_has_the_same_ecdf_with_restarts(said, runtimes):
    ecdfs_agree(said, runtimes, True)


def test_cocopp_has_not_an_ecdf_without_restarts(said, runtimes):
    with pytest.raises(AssertionError):
        ecdfs_agree(said, runtimes, False)


# Speed


def test_ten_thousand_runs_take_seconds():
    rng = np.random.default_rng(0)
    solvers, problems, seeds = 20, 50, 10
    times = np.sort(rng.integers(1, 3000, (solvers * problems * seeds, 40)), axis=1).astype(float)
    cells = [(f"s{a}", f"p{b}") for a in range(solvers) for b in range(problems)]
    names = np.repeat(np.array(cells), seeds, axis=0)
    frame = pd.DataFrame(
        {"solver": names[:, 0], "problem": names[:, 1], "instance": names[:, 1], "dim": 10, "budget": 2000}
    )
    frame = frame.assign(seed=np.tile(np.arange(seeds), len(cells)), spent=2000.0)
    found = Runtimes(frame, np.logspace(-0.2, -8, 40), np.where(times <= 2000, times, INF), {})
    start = time.perf_counter()
    assert len(ert_table(found)) == 40_000
    assert len(performance_ecdf.ecdf(found)) == 20
    assert areas(found).shape == (50, 20)
    assert time.perf_counter() - start < 30.0  # 3 s alone on one processor
