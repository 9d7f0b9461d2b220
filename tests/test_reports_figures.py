"""Figures of verdicts, of many solvers and of runs done again: read back, and each shown able to fail."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import zobench
from benchmarks.made_up_store import campaign
from zobench.curves import MOST, leading, lines, table
from zobench.registry import catalogue
from zobench.report import Evidence
from zobench.rerun import iterates

VERDICT = {
    "theorem": "one",
    "solver": "s2p",
    "problem": "quadratic",
    "instance": "quadratic (dim 4)",
    "dim": 4,
    "steps": 100,
    "seeds": 20,
    "bound": 2.0,
    "mean": 1.0,
    "ratio": 0.5,
    "ci_low": 0.9,
    "ci_high": 1.1,
    "log10_e_value": -0.5,
    "tightness": 0.5,
    "verdict": "supported",
    "relation": "<=",
}
OTHER = {**VERDICT, "theorem": "two", "bound": 4.0, "mean": 5.0, "ratio": 1.25, "ci_low": 4.4, "ci_high": 5.6}
OTHER["verdict"] = "refuted"
SLOPE = {
    **VERDICT,
    "theorem": "three",
    "relation": "slope",
    "quantity": "exponent in K of a mean, K from 100 to 1600",
    "bound": -0.5,
    "mean": -0.4,
    "ci_low": -0.45,
    "ci_high": -0.35,
}


def draw(name, evidence):
    report = catalogue("reports")[name]
    drawings = report.drawings(evidence)
    assert bool(drawings) != bool(report.missing(evidence))
    return drawings


def named(figure, prefix):
    return {
        artist.get_gid(): artist
        for axis in figure.axes
        for artist in [*axis.lines, *axis.collections, *axis.images]
        if (artist.get_gid() or "").startswith(prefix)
    }


@pytest.fixture(scope="module")
def made_up():
    return Evidence.from_traces(campaign(solvers=3, seeds=5, budget=400, dims=(4, 10, 20), problems=2))


def test_tightness_shows_ratios_with_limits_sorted_and_by_verdict():
    evidence = Evidence.from_traces([], [VERDICT, OTHER, SLOPE])
    [drawing] = draw("tightness", evidence)
    dots, bars = named(drawing.figure, "ratio"), named(drawing.figure, "limits")
    assert dots["ratio refuted"].get_xdata().tolist() == [1.25]
    assert dots["ratio supported"].get_xdata().tolist() == [0.5]
    assert dots["ratio refuted"].get_ydata()[0] > dots["ratio supported"].get_ydata()[0]
    assert dots["ratio refuted"].get_color() != dots["ratio supported"].get_color()
    [segment] = bars["limits supported"].get_segments()
    assert segment[:, 0] == pytest.approx([0.45, 0.55])
    assert [text.get_text()[:3] for text in drawing.figure.axes[0].get_yticklabels()] == ["two", "one"]
    assert "Not drawn: 1 exponents" in drawing.caption
    # the mutant that takes the limits for parts of the bound puts them elsewhere
    mutant = evidence.verdicts.assign(bound=1.0)
    [other] = draw("tightness", replace(evidence, verdicts=mutant))
    assert named(other.figure, "limits")["limits supported"].get_segments()[0][0, 0] == pytest.approx(0.9)


@pytest.mark.parametrize(("factor", "bound", "end"), [("K", -0.5, 16.0), ("eps", -2.0, 0.25)])
def test_slopes_show_the_fit_its_fan_and_the_bounds_triangle(factor, bound, end):
    what = "a mean" if factor == "K" else "K(eps)"
    row = {**SLOPE, "bound": bound, "quantity": f"exponent in {factor} of {what}, K from 100 to 1600"}
    [drawing] = draw("slopes", Evidence.from_traces([], [VERDICT, row]))

    def exponent(artist):
        x, y = (artist.get_xdata(), artist.get_ydata())
        return math.log(y[1] / y[0]) / math.log(x[1] / x[0])

    line = named(drawing.figure, "measured")["measured"]
    assert line.get_xdata() == pytest.approx([1.0, end])
    assert exponent(line) == pytest.approx(-0.4)
    triangle = named(drawing.figure, "triangle")["triangle"]
    x, y = triangle.get_data()
    assert math.log(y[2] / y[3]) / math.log(x[2] / x[3]) == pytest.approx(bound)
    assert "no levels" in drawing.caption
    far = named(drawing.figure, "interval")["interval"].get_paths()[0].vertices
    at = far[np.isclose(far[:, 0], end), 1]
    assert {round(math.log(value) / math.log(end), 6) for value in at} == {-0.45, -0.35}


@pytest.mark.parametrize("factor", ["K", "eps"])
def test_slopes_show_the_levels_that_were_fitted(factor):
    levels = np.geomspace(100.0, 1000.0, 6)
    bends = np.array([1.1, 1.0, 0.9, 0.95, 1.0, 1.1])  # not on a line
    points = [[x, y, 0.9 * y, 1.2 * y] for x, y in zip(levels, 3.0 * levels**-0.5 * bends, strict=True)]
    what = "a mean" if factor == "K" else "K(eps)"
    row = {**SLOPE, "quantity": f"exponent in {factor} of {what}, K from 100 to 1000", "points": points}
    [drawing] = draw("slopes", Evidence.from_traces([], [VERDICT, row]))
    shown = np.array(named(drawing.figure, "levels")["levels"].get_data())
    expected = np.transpose(points)[:2]
    assert shown == pytest.approx(expected if factor == "K" else expected[::-1])
    assert "no levels" not in drawing.caption
    [axis] = drawing.figure.axes
    [bars] = [
        one for one in axis.collections if len(one.get_paths()) == 6
    ]  # the limits, up and down or across
    across = 1 if factor == "K" else 0
    first = bars.get_segments()[0][:, across]
    assert sorted(first) == pytest.approx(points[0][2:])
    middle = np.exp(np.log(shown).mean(axis=1))
    for name, exponent in (("measured", -0.4), ("triangle", -0.5)):
        x, y = named(drawing.figure, name)[name].get_data()
        ends = (0, 1) if name == "measured" else (0, 2)
        slope = math.log(y[ends[1]] / y[ends[0]]) / math.log(x[ends[1]] / x[ends[0]])
        assert slope == pytest.approx(exponent)
        # through the middle of the levels, as least squares go
        assert y[ends[0]] * (middle[0] / x[ends[0]]) ** exponent == pytest.approx(middle[1])


def test_heat_map_is_the_share_of_targets_hit_and_marks_pairs_that_did_not_meet(made_up):
    runs = made_up.runs
    gone = runs[(runs["solver"] == "method-00") & (runs["problem_name"] == runs["problem_name"].iloc[0])]
    without = runs["id"].iloc[-1]  # as a run that failed: it hit nothing
    evidence = replace(
        made_up,
        runs=runs[~runs["id"].isin(gone["id"])],
        hits=made_up.hits[made_up.hits["id"] != without],
    )
    [drawing] = draw("heat-map", evidence)
    shown = named(drawing.figure, "shares")["shares 0"].get_array()
    assert shown.mask.sum() == 1
    assert shown.mask[0, 0]
    kept = evidence.runs
    for row, solver in enumerate(sorted(set(kept["solver"]))):
        for column, problem in enumerate(dict.fromkeys(kept["problem_name"])):
            ids = kept.loc[(kept["solver"] == solver) & (kept["problem_name"] == problem), "id"]
            hits = evidence.hits[evidence.hits["id"].isin(ids)]
            if len(ids):
                assert shown[row, column] == pytest.approx(hits["queries"].notna().sum() / (40 * len(ids)))


def test_profiles_are_those_of_a_plain_count(made_up):
    performance, data = draw("profiles", made_up)
    runs, hits = made_up.runs, made_up.hits
    costs = {}
    for (solver, problem), own in runs.groupby(["solver", "problem_name"]):
        times = hits[hits["id"].isin(own["id"]) & np.isclose(hits["target"], 0.1)]["queries"]
        spent = times.fillna(400).sum()
        costs[solver, problem] = spent / times.notna().sum() if times.notna().any() else math.inf
    problems = list(dict.fromkeys(runs["problem_name"]))
    dims = dict(zip(runs["problem_name"], runs["dim"], strict=True))
    for drawing, worth in (
        (performance, lambda s, p: costs[s, p] / min(costs[o, p] for o in set(runs["solver"]))),
        (data, lambda s, p: costs[s, p] / (dims[p] + 1)),
    ):
        axis = drawing.figure.axes[0]
        for solver in set(runs["solver"]):
            [line] = [one for one in axis.lines if one.get_gid() == f"profile {solver}"]
            x, y = line.get_data()
            for where in np.linspace(0.013, x[-1], 17):
                share = sum(math.log10(worth(solver, p)) <= where for p in problems) / len(problems)
                at = np.searchsorted(x, where, side="right") - 1
                assert y[max(at, 0)] == pytest.approx(share), (solver, where)


def test_profiles_compare_equal_budgets():
    shape = {"solvers": 2, "seeds": 2, "dims": (4, 10, 20), "problems": 1}
    longer = [trace for trace in campaign(budget=1600, **shape) if trace.key.solver == "method-00"]
    short = [trace for trace in campaign(budget=100, **shape) if trace.key.solver == "method-01"]
    drawing = draw("profiles", Evidence.from_traces([*longer, *short]))[1]
    solved = {trace.key.dim for trace in longer if 0 < trace.hits[24] <= 100}  # target 1e-5
    whole = {trace.key.dim for trace in longer if trace.hits[24] > 0}
    [line] = [one for one in drawing.figure.axes[2].lines if one.get_gid() == "profile method-00"]
    assert line.get_ydata()[-1] == pytest.approx(len(solved) / 3)
    assert len(whole) > len(solved)  # with unequal budgets it would be more


def test_many_jumps_are_thinned_by_less_than_a_part_of_the_axis():
    module = pytest.importorskip("zobench.reports.runtime_ecdf")
    where = np.sort(np.random.default_rng(0).uniform(0.0, 4.0, 5000))
    share = np.arange(1, 5001) / 5000
    few, heights = module.thinned(where, share, 250)
    assert few.size <= 250
    assert (few[-1], heights[-1]) == (where[-1], 1.0)
    for at, height in zip(few, heights, strict=True):  # what is kept is exact
        assert height == np.searchsorted(where, at, side="right") / 5000
    assert np.diff(few).max() < 2 * 4.0 / 250
    # the last of each part is kept: the line is never above the true one, and at the ends of parts on it
    parts = np.floor((few - where[0]) / (where[-1] - where[0]) * (250 - 1e-9))
    following = np.searchsorted(where, few, side="right")
    inside = following < where.size
    after = np.floor((where[following[inside]] - where[0]) / (where[-1] - where[0]) * (250 - 1e-9))
    assert (after > parts[inside]).all()
    assert module.thinned(where[:9], share[:9], 250)[0].size == 9


def test_fixed_target_has_a_dot_a_problem_at_its_ert(made_up):
    drawing = draw("fixed-target", made_up)[0]
    for solver in set(made_up.runs["solver"]):
        x = named(drawing.figure, "ert")[f"ert {solver}"].get_xdata()
        expected = []
        for _, own in made_up.runs[made_up.runs["solver"] == solver].groupby("problem_name"):
            hits = made_up.hits[made_up.hits["id"].isin(own["id"]) & np.isclose(made_up.hits["target"], 0.1)]
            if hits["queries"].notna().any():
                ert = hits["queries"].fillna(400).sum() / hits["queries"].notna().sum()
                expected.append(math.log10(ert / own["dim"].iloc[0]))
        assert sorted(x) == pytest.approx(sorted(expected))
    assert "log10(ERT / dim)" in drawing.figure.axes[0].get_xlabel()


def test_fixed_budget_counts_no_hit_that_came_later(made_up):
    for drawing in draw("fixed-budget", made_up):
        [(_, budget)] = {
            (0, float(b / d)) for b, d in zip(drawing.table["budget"], drawing.table["dim"], strict=True)
        }
        for solver in set(made_up.runs["solver"]):
            shown = named(drawing.figure, "gaps")[f"gaps {solver}"].get_xdata()
            expected = []
            for _, own in made_up.runs[made_up.runs["solver"] == solver].groupby("problem_name"):
                best = []
                for run in own.itertuples():
                    hits = made_up.hits[
                        (made_up.hits["id"] == run.id) & (made_up.hits["queries"] <= budget * run.dim)
                    ]
                    best.append(hits["target"].min() if len(hits) else 1.0)
                expected.append(math.log10(sorted(best)[2]))
            assert sorted(shown) == pytest.approx(sorted(expected))


def test_dimension_scaling_draws_medians_and_no_line_through_what_was_not_hit(made_up):
    [drawing] = draw("dimension-scaling", made_up)
    assert len(drawing.figure.axes) == 2
    numbers = drawing.table
    for axis, problem in zip(drawing.figure.axes, dict.fromkeys(numbers["problem"]), strict=True):
        own = numbers[numbers["problem"] == problem]
        for line in axis.lines:
            solver = (line.get_gid() or "").removeprefix("scaling ")
            if solver not in set(own["solver"]):
                continue
            for dim, drawn in zip(*line.get_data(), strict=True):
                runs = made_up.runs[(made_up.runs["solver"] == solver) & (made_up.runs["dim"] == dim)]
                runs = runs[runs["problem_name"].str.replace(f"dim {dim:g}, ", "") == problem]
                hits = made_up.hits[made_up.hits["id"].isin(runs["id"])]
                times = hits[hits["target"] == own["target"].iloc[0]]["queries"].fillna(math.inf)
                median = sorted(times)[2]
                assert (math.isnan(drawn) and math.isinf(median)) or drawn == median


def test_step_sizes_show_the_quartiles_of_final_gaps():
    problem = zobench.problem("quadratic", dim=3)
    values = (0.01, 0.1, 1.0)
    runs = [
        zobench.run(problem, "s2p", budget=60, seed=seed, parameters={"alpha0": value})
        for value in values
        for seed in range(3)
    ]
    [drawing] = draw("step-sizes", Evidence.from_traces(runs))
    x, y = named(drawing.figure, "sensitivity")["sensitivity s2p"].get_data()
    assert x.tolist() == list(values)
    for value, drawn in zip(values, y, strict=True):
        own = [t for t in runs if dict(t.key.solver_parameters)["alpha0"] == value]
        assert drawn == pytest.approx(
            np.median([(t.best - t.reference) / (t.start - t.reference) for t in own])
        )
    # two values make no curve
    assert draw("step-sizes", Evidence.from_traces(runs[:6])) == []


def test_seeds_have_a_line_each_the_widest_pair_first(made_up):
    [drawing] = draw("seeds", made_up)
    first, *_, last = drawing.figure.axes
    assert [line.get_gid() for line in first.lines] == [f"seed {seed}" for seed in range(5)]

    def decades(axis):
        return np.ptp(np.log10([line.get_ydata()[-1] for line in axis.lines]))

    assert decades(first) > decades(last)
    for axis in drawing.figure.axes:
        solver, problem = axis.get_title(loc="left").split("\n")
        own = made_up.runs[(made_up.runs["solver"] == solver) & (made_up.runs["problem_name"] == problem)]
        for run, line in zip(own.sort_values("seed").itertuples(), axis.lines, strict=True):
            kept = made_up.traces[made_up.traces["id"] == run.id].sort_values("row")
            assert line.get_xdata().tolist() == kept["queries"].tolist()
            floor = 1e-16 * (run.start - run.reference)
            expected = np.maximum(kept["best"] - run.reference, floor)
            assert line.get_ydata() == pytest.approx(expected.to_numpy(), rel=1e-9)


def other_runs(evidence):
    """Change one solver: half again as many queries to its targets, and twice its gaps."""
    runs, hits, traces = evidence.runs, evidence.hits, evidence.traces
    name = sorted(set(runs["solver"]))[-1]
    ids, reference = (
        runs.loc[runs["solver"] == name, "id"],
        dict(zip(runs["id"], runs["reference"], strict=True)),
    )
    later = np.where(hits["id"].isin(ids), np.ceil(1.5 * hits["queries"]), hits["queries"])
    budget = runs["budget"].max()
    best = np.where(traces["id"].isin(ids), 2 * traces["best"] - traces["id"].map(reference), traces["best"])
    last = np.where(runs["id"].isin(ids), 2 * runs["best"] - runs["reference"], runs["best"])
    return replace(
        evidence,
        runs=runs.assign(best=last),
        hits=hits.assign(queries=np.where(later <= budget, later, np.nan)),
        traces=traces.assign(best=best),
    )


@pytest.mark.parametrize(
    "check",
    [
        test_heat_map_is_the_share_of_targets_hit_and_marks_pairs_that_did_not_meet,
        test_profiles_are_those_of_a_plain_count,
        test_fixed_target_has_a_dot_a_problem_at_its_ert,
        test_fixed_budget_counts_no_hit_that_came_later,
        test_dimension_scaling_draws_medians_and_no_line_through_what_was_not_hit,
        test_seeds_have_a_line_each_the_widest_pair_first,
        test_step_sizes_show_the_quartiles_of_final_gaps,
    ],
)
def test_a_figure_of_other_runs_is_noticed(check, made_up, monkeypatch):
    right = draw
    monkeypatch.setitem(globals(), "draw", lambda name, evidence: right(name, other_runs(evidence)))
    with pytest.raises(AssertionError):
        check(*[made_up] * check.__code__.co_argcount)


def test_tables_of_curves_carry_the_last_number_of_a_run_that_ended(made_up):
    ids = made_up.runs["id"].iloc[:2]
    rows = [(ids[0], 1, 5.0), (ids[0], 4, 3.0), (ids[1], 1, 6.0), (ids[1], 2, math.nan), (ids[1], 8, 1.0)]
    evidence = replace(made_up, traces=pd.DataFrame(rows, columns=["id", "queries", "best"]))
    counts, best = table(evidence, made_up.runs.iloc[:2], "best", carry=True)
    assert counts.tolist() == [1, 2, 4, 8]
    assert best.tolist() == [[5.0, 5.0, 3.0, 3.0], [6.0, 6.0, 6.0, 1.0]]
    counts, best = table(evidence, made_up.runs.iloc[:2], "best", carry=False)
    assert (counts.tolist(), best.tolist()) == ([1], [[5.0], [6.0]])


def test_sixty_solvers_have_twelve_colours_and_the_rest_is_grey_and_told():
    evidence = Evidence.from_traces(campaign(solvers=60, seeds=1, budget=60, dims=(4,), problems=1))
    chosen = leading(evidence, lines(evidence))
    assert len(chosen) == MOST
    hits = evidence.hits.fillna({"queries": math.inf}).merge(evidence.runs[["id", "solver"]], on="id")
    hits["area"] = np.maximum(0.0, 1.0 - np.log(hits["queries"]) / math.log(60))
    area = hits.groupby("solver")["area"].mean()
    assert area[list(chosen)].min() >= area.drop(list(chosen)).max()
    for name in ("convergence", "runtime-ecdf"):
        drawing = draw(name, evidence)[0]
        coloured = {
            gid.split(" ")[1] for gid in [*named(drawing.figure, "median"), *named(drawing.figure, "ecdf")]
        }
        assert coloured == chosen
        grey = named(drawing.figure, "others")["others"]
        assert np.isnan(grey.get_xdata()).sum() == 48
        assert "the other 48 are thin and grey" in drawing.caption
    looks = {(style.color, style.dash, style.marker) for style in evidence.styles.values()}
    assert len(looks) == 60


def test_trajectories_are_the_iterates_of_the_run():
    problem = zobench.problem("quadratic", dim=2)
    evidence = Evidence.from_traces([zobench.run(problem, "s2p", budget=50)])
    [drawing] = draw("trajectories", evidence)
    path = np.column_stack(named(drawing.figure, "walk")["walk s2p"].get_data())
    assert path[0].tolist() == problem.x0.tolist()
    last = zobench.run(problem, "s2p", budget=50).x
    assert path[-1].tolist() == last.tolist()
    assert path[-1].tolist() != zobench.run(problem, "s2p", budget=50, seed=1).x.tolist()
    # a run that comes out otherwise here is refused
    run = next(replace(evidence, runs=evidence.runs.assign(best=1.0)).runs.itertuples())
    assert iterates(run) is None


def test_low_rank_shows_singular_values_and_errors_of_the_iterates(monkeypatch):
    problem = zobench.problem("matrix-factorization")
    trace = zobench.run(problem, "stp", budget=400)
    [drawing] = draw("low-rank", Evidence.from_traces([trace]))
    rows, columns = problem.data.target.shape
    factors = trace.x.reshape(rows + columns, -1)
    sigma = np.linalg.svd(factors[:rows] @ factors[rows:].T, compute_uv=False)
    shown = named(drawing.figure, "sigma")
    scale = max(line.get_ydata().max() for line in shown.values())
    assert scale == 1.0
    ratio = shown["sigma 1"].get_ydata()[-1] / shown["sigma 0"].get_ydata()[-1]
    assert ratio == pytest.approx(sigma[1] / sigma[0])
    target = problem.data.target
    away = np.linalg.norm(factors[:rows] @ factors[rows:].T - target) / np.linalg.norm(target)

    def drawn():
        [drawing] = draw("low-rank", Evidence.from_traces([trace]))
        return named(drawing.figure, "error")["error"].get_ydata()[-1]

    assert drawn() == pytest.approx(away)
    # no singular value beyond the rank, and those of the solution beside them
    assert len(shown) == problem.data.rank
    # the mutant whose last iterate is not the last
    module = pytest.importorskip("zobench.reports.low_rank")
    monkeypatch.setattr(
        module, "iterates", lambda run, most: (problem, *(a[:-3] for a in iterates(run, most)[1:]))
    )
    assert drawn() != pytest.approx(away)
