"""Figures are read back from their axes and compared with the evidence."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import zobench
from zobench.drawing import labelled, panels
from zobench.execute import key_of
from zobench.page.findings import fewest_queries, per_problem, smallest_gap, verdict_counts
from zobench.registry import catalogue
from zobench.report import HITS, RUNS, TRACES, Evidence
from zobench.store.database import Store
from zobench.theorem import Case, find_theorem

BUDGET, SEEDS = 300, 3
VERDICT = {
    "theorem": "s2p-smooth-stationary",
    "solver": "s2p",
    "problem": "quadratic:dim=4",
    "dim": 4,
    "steps": 100,
    "seeds": 3,
    "bound": 2.0,
    "mean": 1.0,
    "ratio": 0.5,
    "ci_low": 0.9,
    "ci_high": 1.1,
    "log10_e_value": -0.5,
    "tightness": 0.5,
    "verdict": "not refuted",
}


@pytest.fixture(scope="module")
def traces():
    problems = [zobench.problem("quadratic", dim=4), zobench.problem("quadratic", dim=6, condition=10)]
    return [
        zobench.run(problem, solver, budget=BUDGET, seed=seed)
        for problem in problems
        for solver in ("s2p", "stp", "random-search")
        for seed in range(SEEDS)
    ]


@pytest.fixture(scope="module")
def evidence(traces):
    return Evidence.from_traces(traces, [VERDICT])


def observed(name, steps=60, seeds=3, factor=1.0, dim=4, law=None):
    """Run what a theorem prescribes, its step scale times `factor`."""
    theorem, solver = find_theorem(name)
    law = law or ("unit-sphere" if solver.name in ("stp", "random-search") else "gaussian")
    case = Case(zobench.problem("quadratic", dim=dim), steps, law)
    parameters = theorem.parameters(case)
    parameters["alpha0"] *= factor
    runs = [
        zobench.run(
            case.instance, solver, budget=theorem.budget(case), seed=seed, parameters=parameters, observe=True
        )
        for seed in range(seeds)
    ]
    return theorem, case, runs


def draw(name, evidence):
    return catalogue("reports")[name].drawings(evidence)


def parts(figure, prefix):
    """Give what was drawn under names with a prefix, panel by panel."""
    return [
        {
            artist.get_gid(): artist
            for artist in [*axis.lines, *axis.collections]
            if (artist.get_gid() or "").startswith(prefix)
        }
        for axis in figure.axes
    ]


def by_hand(hits, dim=2, budget=200):
    """Make evidence of runs whose hits are given: one list a run, NaN for a target that was not hit."""
    targets = [0.1, 0.01, 0.001]
    runs = [
        {
            **dict.fromkeys(RUNS, ""),
            "id": f"run{seed}",
            "problem": "hill",
            "problem_name": "hill (dim 2)",
            "problem_parameters": "{}",
            "solver_parameters": "{}",
            "solver": "climber",
            "dim": dim,
            "instance_seed": 0,
            "budget": budget,
            "seed": seed,
            "observed": False,
            "status": "budget",
            "reference": 0.0,
            "best": 0.1,
            "start": 1.0,
            "count": budget,
        }
        for seed in range(len(hits))
    ]
    rows = [(f"run{seed}", t, q) for seed, own in enumerate(hits) for t, q in zip(targets, own, strict=False)]
    empty = pd.DataFrame(columns=TRACES)
    return Evidence(
        pd.DataFrame(runs), empty, pd.DataFrame(rows, columns=HITS), pd.DataFrame(), pd.DataFrame()
    )


# Runtime ECDF


def test_ecdf_of_six_pairs_worked_out_by_hand():
    nan = math.nan
    drawing, _ = draw("runtime-ecdf", by_hand([[2.0, 20.0, nan], [4.0, nan, nan]]))
    [line] = parts(drawing.figure, "ecdf")[0].values()
    x, y = line.get_data()
    heights = {0.0: 1 / 6, math.log10(2): 2 / 6, 1.0: 3 / 6, 2.0: 3 / 6}
    for where, height in heights.items():
        assert y[np.searchsorted(x, where + 1e-9) - 1] == pytest.approx(height)
    assert x[-1] == 2.0  # 200 queries / 2
    [cross] = parts(drawing.figure, "ends")[0].values()
    assert cross.get_data()[0].tolist() == [2.0]
    assert cross.get_data()[1].tolist() == [0.5]


def test_ecdf_counts_a_run_that_failed_without_a_trace_as_hitting_nothing():
    evidence = by_hand([[2.0, 20.0, 40.0], []])
    evidence.runs.loc[1, ["status", "reference"]] = ["failed", math.nan]
    drawing, _ = draw("runtime-ecdf", evidence)
    [line] = parts(drawing.figure, "ecdf")[0].values()
    assert line.get_ydata()[-1] == pytest.approx(0.5)
    # the mutant that drops the failed run says 1
    mutant, _ = draw("runtime-ecdf", replace(evidence, runs=evidence.runs.iloc[:1]))
    assert next(iter(parts(mutant.figure, "ecdf")[0].values())).get_ydata()[-1] == 1.0


def test_ecdf_equals_a_plain_count_over_the_traces(traces, evidence):
    figure = draw("runtime-ecdf", evidence)[0].figure
    for name, line in parts(figure, "ecdf")[0].items():
        mine = [trace for trace in traces if f"ecdf {trace.key.solver}" == name]
        x, y = line.get_data()
        for where in np.linspace(0.05, 1.8, 30):
            hit = sum(1 for t in mine for hit in t.hits if hit >= 0 and math.log10(hit / t.key.dim) <= where)
            drawn = y[np.searchsorted(x, where, side="right") - 1]
            assert drawn == pytest.approx(hit / (40 * len(mine)))


def test_ecdf_has_a_panel_a_problem_and_one_cross_a_budget(evidence):
    whole, single, _ = draw("runtime-ecdf", evidence)
    ends = parts(whole.figure, "ends")[0]["ends s2p"].get_xdata()
    assert ends.tolist() == pytest.approx([math.log10(BUDGET / 6), math.log10(BUDGET / 4)])
    assert len(single.figure.axes) == 2
    assert [len(panel) for panel in parts(single.figure, "ecdf")] == [3, 3]


def test_ecdf_leaves_out_what_has_no_reference_and_says_so():
    evidence = by_hand([[2.0, 20.0, 40.0]])
    other = evidence.runs.assign(id="x", problem="moor", problem_name="moor (dim 2)", reference=math.nan)
    drawn = draw("runtime-ecdf", replace(evidence, runs=pd.concat([evidence.runs, other])))
    assert len(drawn) == 2
    assert "Left out: 1 run without exact hits (moor)" in drawn[0].caption
    nothing = replace(evidence, runs=other)
    assert draw("runtime-ecdf", nothing) == []
    assert "no run has exact hits" in catalogue("reports")["runtime-ecdf"].missing(nothing)


def test_ecdf_warns_when_solvers_met_different_problems(traces):
    some = [t for t in traces if not (t.key.solver == "stp" and t.key.dim == 6)]
    assert "do not compare" in draw("runtime-ecdf", Evidence.from_traces(some))[0].caption
    assert "do not compare" not in draw("runtime-ecdf", Evidence.from_traces(traces))[0].caption


# Convergence


def test_gap_curves_are_the_medians_and_quartiles_of_the_traces(traces, evidence):
    [drawing] = draw("convergence", evidence)
    assert len(drawing.figure.axes) == 2
    for dim, lines, bands in zip(
        (4, 6), parts(drawing.figure, "median"), parts(drawing.figure, "band"), strict=True
    ):
        assert len(lines) == len(bands) == 3
        for solver in ("s2p", "stp", "random-search"):
            mine = [t for t in traces if t.key.solver == solver and t.key.dim == dim]
            gaps = np.array([t.bests - t.reference for t in mine])
            x, y = lines[f"median {solver}"].get_data()
            assert x.tolist() == mine[0].queries.tolist()
            assert y == pytest.approx(np.median(gaps, axis=0))
            vertices = bands[f"band {solver}"].get_paths()[0].vertices
            low, high = np.percentile(gaps, [25, 75], axis=0)
            at = vertices[np.isclose(vertices[:, 0], x[-1]), 1]
            assert [at.min(), at.max()] == pytest.approx([low[-1], high[-1]])


def test_one_seed_has_a_line_and_no_band(traces):
    [drawing] = draw("convergence", Evidence.from_traces([traces[0]]))
    assert len(parts(drawing.figure, "median")[0]) == 1
    assert parts(drawing.figure, "band") == [{}]
    assert "no band" in drawing.caption


def test_a_diverged_run_is_the_worst_and_is_not_dropped():
    quartiles = pytest.importorskip("zobench.curves").quartiles
    low, middle, high = quartiles(np.array([[1.0], [2.0], [3.0], [4.0], [math.nan]]))
    assert (low[0], middle[0], high[0]) == (2.0, 3.0, 4.0)
    assert quartiles(np.array([[1.0], [math.inf], [math.nan]]))[1][0] == math.inf


def test_failed_runs_without_a_trace_are_told_in_the_caption(tmp_path, traces):
    with Store(tmp_path / "s.sqlite") as store:
        store.put(*traces)
        store.put_failure(key_of(zobench.problem("quadratic", dim=4), "s2p", budget=BUDGET, seed=9), "boom")
    [drawing] = draw("convergence", Evidence.from_store(tmp_path / "s.sqlite"))
    assert "Not drawn: 1 run that failed and left no trace" in drawing.caption


@pytest.mark.parametrize("name", ["s2p-smooth-stationary", "stp-nonconvex-fixed", "rs-accept-fixed"])
def test_the_bound_drawn_is_the_theorems_at_every_prefix(name):
    theorem, case, runs = observed(name)
    [drawing] = draw("convergence", Evidence.from_traces(runs))
    x, y = parts(drawing.figure, "bound")[0][f"bound {name}"].get_data()
    before = theorem.budget(case) - theorem.queries_per_step * case.steps  # what `init` asks
    for queries, drawn in zip(x, y, strict=True):
        steps = math.ceil((queries - before) / theorem.queries_per_step)
        if steps:
            assert drawn == pytest.approx(theorem.bound(case, steps), rel=1e-12)
    assert y[-1] == pytest.approx(theorem.bound(case, case.steps), rel=1e-12)
    means = parts(drawing.figure, "mean")[0][f"mean {runs[0].key.solver}"].get_ydata()
    assert means == pytest.approx(np.mean([run.running_means for run in runs], axis=0), nan_ok=True)
    assert means[-1] == pytest.approx(np.mean([theorem.measured(run, case) for run in runs]), rel=1e-9)


@pytest.mark.parametrize("factor", [1.01, 3.0])
def test_no_bound_is_drawn_over_runs_with_other_parameters(factor):
    _, _, runs = observed("s2p-smooth-stationary", factor=factor)
    [drawing] = draw("convergence", Evidence.from_traces(runs))
    assert parts(drawing.figure, "bound") == [{}]
    assert "there is no bound to draw" in drawing.caption


def test_a_bound_on_the_sum_is_drawn_and_told():
    theorem, case, runs = observed("stp-nonconvex-fixed", law="coordinate")
    [drawing] = draw("convergence", Evidence.from_traces(runs))
    [line] = parts(drawing.figure, "bound")[0].values()
    assert line.get_ydata()[-1] == pytest.approx(theorem.bound(case, case.steps), rel=1e-12)
    assert "sum of |g_i|" in line.get_label()


def test_observed_and_compared_runs_go_to_figures_of_their_own(traces):
    _, _, runs = observed("s2p-smooth-stationary")
    gaps, means = draw("convergence", Evidence.from_traces([*traces, *runs]))
    assert gaps.figure.axes[0].get_ylabel() == "best - f_star"
    assert means.figure.axes[0].get_ylabel() == "mean gradient norm"


# What all figures share


def test_a_solver_keeps_its_colour_in_every_figure(evidence):
    figures = [drawing.figure for name in catalogue("reports") for drawing in draw(name, evidence)]
    for solver in ("s2p", "stp", "random-search"):
        seen = {
            artist.get_color()
            for figure in figures
            for prefix in ("median", "ecdf")
            for panel in parts(figure, prefix)
            for name, artist in panel.items()
            if name.removeprefix(f"{prefix} ") == solver
        }
        assert seen == {evidence.styles[solver].color}
    looks = [(style.color, style.marker) for style in evidence.styles.values()]
    assert len(set(looks)) == len(looks)


def test_captions_say_runs_seeds_budget_and_how_to_redraw(evidence):
    for name in catalogue("reports"):
        for drawing in draw(name, evidence):
            for said in (
                f"{len(evidence.runs)} runs",
                f"{SEEDS} seeds",
                f"{BUDGET} queries",
                "zobench report",
            ):
                # the figures of verdicts speak of checks, with seeds and budgets of their own
                assert said in drawing.caption or (name == "tightness" and said[0].isdigit())


def test_labels_name_only_what_differs_within_a_panel():
    problem, other = zobench.problem("quadratic", dim=4), zobench.problem("quadratic", dim=6)
    runs = [zobench.run(problem, "s2p", budget=10, parameters={"law": law}) for law in ("gaussian", "sphere")]
    two = labelled(Evidence.from_traces(runs).runs)
    assert sorted(two["label"]) == ["s2p (law=gaussian)", "s2p (law=sphere)"]
    assert sorted(two["variant"]) == [0, 1]
    apart = [runs[0], zobench.run(other, "s2p", budget=20, parameters={"law": "sphere"})]
    assert set(labelled(Evidence.from_traces(apart).runs)["label"]) == {"s2p"}


def test_drawing_leaves_no_global_state(evidence):
    import matplotlib
    from matplotlib import pyplot

    before = dict(matplotlib.rcParams)
    for name in catalogue("reports"):
        draw(name, evidence)
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_narrow_figures_have_one_column():
    _, wide = panels(4, 9.6)
    _, narrow = panels(4, 4.2)
    assert len({round(axis.get_position().x0, 6) for axis in wide}) == 3
    assert len({round(axis.get_position().x0, 6) for axis in narrow}) == 1


# Findings


def test_fewest_queries_are_medians_at_a_target_that_all_three_solvers_hit(evidence):
    table = evidence.hits.merge(evidence.runs, on="id")
    for found in fewest_queries(evidence):
        own = table[(table["problem_name"] == found.problem) & (table["target"] == found.target)]
        for solver, count in found.queries.items():
            times = sorted(own.loc[own["solver"] == solver, "queries"].fillna(math.inf))
            assert count == times[SEEDS // 2]
        assert list(found.queries.values()) == sorted(found.queries.values())
        assert sum(map(math.isfinite, found.queries.values())) == 3
        smaller = table[(table["problem_name"] == found.problem) & (table["target"] < found.target)]
        reached = smaller.fillna({"queries": math.inf}).groupby(["target", "solver"])["queries"].median()
        assert np.isfinite(reached.unstack()).sum(axis=1).max() < 3


def test_per_problem_and_smallest_gap_follow_the_runs(traces, evidence):
    table = per_problem(evidence)
    assert len(table) == 6
    for row in table.itertuples(index=False):
        mine = [
            t
            for t in traces
            if t.key.solver == row.solver and f"dim {t.key.dim}" in row.problem.split("(")[1]
        ]
        assert row.runs == SEEDS
        assert row[4] == pytest.approx(np.median([t.best - t.reference for t in mine]))
        assert row[6] == pytest.approx(np.mean([(t.hits >= 0).mean() for t in mine]))
    for name, solver in smallest_gap(evidence).items():
        own = table[table["problem"] == name]
        assert own.loc[own["median best gap"].idxmin(), "solver"] == solver


def test_verdicts_are_counted_by_word():
    assert verdict_counts(by_hand([])) == {}
    rows = [VERDICT, {**VERDICT, "verdict": "refuted"}, VERDICT]
    assert verdict_counts(Evidence.from_traces([], rows)) == {"refuted": 1, "not refuted": 2}
