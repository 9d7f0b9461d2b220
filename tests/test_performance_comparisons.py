"""Profiles, paired comparisons and ranks: against published definitions, tables and SciPy, with mutants."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from zobench.errors import ZobenchError
from zobench.performance.measures import Runtimes
from zobench.performance.pairs import (
    EXACT,
    compare_solvers,
    ert_ratio,
    holm,
    mean_interval,
    pairs_of,
    pairwise,
    signed_rank,
)
from zobench.performance.profiles import data_profile, performance_profile, performance_ratios
from zobench.performance.ranks import critical_difference, rank_table, ranks

INF = math.inf


def table(runs, targets=(0.1,)):
    """Make runtimes of rows (solver, problem, seed, budget, first hits); None stands for no hit."""
    names = ["solver", "problem", "seed", "budget", "hits"]
    frame = pd.DataFrame(runs, columns=names)
    hits = np.array([[INF if hit is None else float(hit) for hit in row] for row in frame["hits"]])
    frame = frame.drop(columns="hits").assign(instance=frame["problem"], dim=2)
    return Runtimes(frame.assign(spent=frame["budget"].astype(float)), np.array(targets), hits, {})


def some_costs(seed=0, problems=30, solvers=4):
    rng = np.random.default_rng(seed)
    values = rng.integers(3, 60, (problems, solvers)).astype(float)
    values[rng.random(values.shape) < 0.2] = INF
    values[4] = INF  # solved by nobody
    return pd.DataFrame(values, columns=list("abcd")[:solvers])


# Profiles


def dolan_more(costs, solver, tau):
    """rho_s(tau) = size{p: r_{p,s} <= tau} / n_p, r_{p,s} = t_{p,s} / min_s t_{p,s}; r_M if s fails on p."""
    count = 0
    for problem in range(len(costs)):
        row = [costs.iloc[problem][other] for other in costs.columns]
        time = costs.iloc[problem][solver]
        if time < INF and time / min(row) <= tau:
            count += 1
    return count / len(costs)


def more_wild(costs, dims, solver, alpha):
    """d_s(alpha) = size{p: t_{p,s} / (n_p + 1) <= alpha} / n_p."""
    count = 0
    for problem in costs.index:
        time = costs.loc[problem, solver]
        if time < INF and time / (dims[problem] + 1) <= alpha:
            count += 1
    return count / len(costs)


def performance_profiles_are_right(function):
    costs = some_costs()
    for solver, profile in function(costs).items():
        x = np.concatenate([[0.5, 1.0, 1.5, 4.0, 1e9], profile.x])
        assert profile.at(x).tolist() == [dolan_more(costs, solver, tau) for tau in x]


DIMS = {problem: 2 + problem % 7 for problem in range(30)}


def data_profiles_are_right(function):
    costs = some_costs()
    for solver, profile in function(costs, DIMS).items():
        x = np.concatenate([[0.5, 1.0, 4.0, 1e9], profile.x])
        assert profile.at(x).tolist() == [more_wild(costs, DIMS, solver, alpha) for alpha in x]


def test_profiles_are_those_of_their_definitions():
    performance_profiles_are_right(performance_profile)
    data_profiles_are_right(data_profile)
    profile = performance_profile(some_costs())["a"]
    assert (profile.problems, profile.solved) == (30, int(np.isfinite(some_costs()["a"]).sum()))


def unsolved_problems_dropped(costs):
    return performance_profile(costs[np.isfinite(costs).any(axis=1)])


def failures_at_the_largest_cost(costs):
    return performance_profile(costs.replace(INF, 60.0))


def ratio_to_the_mean(costs):
    means = costs.replace(INF, np.nan).mean(axis=1).fillna(1.0)
    return performance_profile(costs.assign(**{"the mean": means}))


def strictly_below(costs):
    found = performance_profile(costs)
    for profile in found.values():
        profile.share[:] = np.concatenate([[0.0], profile.share[:-1]])
    return found


@pytest.mark.parametrize(
    "mutant",
    [unsolved_problems_dropped, failures_at_the_largest_cost, ratio_to_the_mean, strictly_below],
)
def test_wrong_performance_profiles_are_noticed(mutant):
    with pytest.raises((AssertionError, KeyError)):
        performance_profiles_are_right(mutant)


def test_wrong_data_profiles_are_noticed():
    for mutant in (
        lambda costs, dims: data_profile(costs, {name: dim - 1 for name, dim in dims.items()}),
        lambda costs, dims: data_profile(costs[np.isfinite(costs).all(axis=1)], dims),
    ):
        with pytest.raises(AssertionError):
            data_profiles_are_right(mutant)


def test_profiles_of_nothing_and_of_unequal_problems_are_refused():
    costs = some_costs()
    costs.loc[3, "b"] = np.nan
    for function in (performance_ratios, lambda found: data_profile(found, DIMS)):
        with pytest.raises(ZobenchError, match="common"):
            function(costs)
        with pytest.raises(ZobenchError, match="positive"):
            function(costs.fillna(0.0))
        with pytest.raises(ZobenchError, match="shape"):
            function(costs[:0])
    nobody = pd.DataFrame({"a": [INF], "b": [INF]})
    assert performance_profile(nobody)["a"].at([1.0, 1e9]).tolist() == [0.0, 0.0]


# The signed-rank test


def plain_signed_rank(differences):
    """Try all signs of the differences that are not zero; zeros keep their ranks (Pratt)."""
    ordered = stats.rankdata(np.abs(differences))
    kept = [(rank, value) for rank, value in zip(ordered, differences, strict=True) if value != 0.0]
    if not kept:
        return 1.0
    rank = np.array([rank for rank, _ in kept])
    seen = sum(rank * [value > 0.0 for _, value in kept])
    sums = np.array([(rank * signs).sum() for signs in product((0, 1), repeat=len(kept))])
    return min(1.0, 2.0 * min((sums <= seen).mean(), (sums >= seen).mean()))


def signed_rank_is_right(function):
    rng = np.random.default_rng(2)
    for size in range(1, 11):
        for _ in range(4):
            values = rng.normal(0.4, 1.0, size)
            for tried in (values, np.round(values, 0), np.round(values, 1)):
                assert function(tried) == pytest.approx(plain_signed_rank(tried), rel=1e-12)
    for size in (12, 25, EXACT):
        values = rng.normal(0.3, 1.0, size)
        assert function(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue, rel=1e-10)
    for size in (EXACT + 20, 200):
        for decimals in (9, 1):
            values = np.round(rng.normal(0.1, 1.0, size), decimals)
            theirs = stats.wilcoxon(values, zero_method="pratt", correction=True, method="asymptotic")
            assert function(values) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_the_signed_rank_test_is_exact():
    signed_rank_is_right(signed_rank)
    assert signed_rank([]) == signed_rank([0.0, 0.0]) == signed_rank([3.0]) == 1.0


def zeros_dropped(values):
    return signed_rank(np.asarray(values)[np.asarray(values) != 0.0])


def one_sided(values):
    return 0.5 * signed_rank(values)


def signs_only(values):
    return signed_rank(np.sign(values))


def ties_broken(values):
    return signed_rank(np.asarray(values) * (1.0 + 1e-9 * np.arange(len(values))))


@pytest.mark.parametrize("mutant", [zeros_dropped, one_sided, signs_only, ties_broken])
def test_a_wrong_signed_rank_test_is_noticed(mutant):
    with pytest.raises(AssertionError):
        signed_rank_is_right(mutant)


def test_holm_adjusts_as_published():
    def plain(p):
        order = sorted(range(len(p)), key=lambda place: p[place])
        adjusted, largest = [0.0] * len(p), 0.0
        for rank, place in enumerate(order):
            largest = max(largest, (len(p) - rank) * p[place])
            adjusted[place] = min(1.0, largest)
        return adjusted

    rng = np.random.default_rng(1)
    for size in (1, 2, 7, 30):
        p = rng.random(size) ** 3
        assert holm(p).tolist() == pytest.approx(plain(list(p)))
    assert holm([]).tolist() == []
    # Bonferroni is larger, Hochberg's step-up is smaller
    assert holm([0.01, 0.02, 0.04]).tolist() == pytest.approx([0.03, 0.04, 0.04])
    assert holm([0.03, 0.04, 0.045]).tolist() == pytest.approx([0.09, 0.09, 0.09])


@pytest.mark.parametrize("size", [5, 10, 30])
def test_intervals_of_means_cover_them(size):
    rng = np.random.default_rng(size)
    samples = rng.normal(0.0, 1.0, (1000, size))
    found = np.array([mean_interval(row) for row in samples])
    covered = ((found[:, 1] <= 0.0) & (0.0 <= found[:, 2])).mean()
    # of five values the resampled means hardly reach far enough
    assert (0.88 if size == 5 else 0.92) <= covered <= 0.97
    if size == 5:  # plain percentiles are too narrow
        drawn = samples[:, rng.integers(0, 5, (999, 5))].mean(axis=2)
        plain = np.quantile(drawn, (0.025, 0.975), axis=1)
        assert ((plain[0] <= 0.0) & (plain[1] >= 0.0)).mean() < 0.88


def test_no_interval_from_few_values():
    assert np.isnan(mean_interval([])).all()
    assert np.isnan(mean_interval([1.0, 2.0, 3.0, 4.0])).tolist() == [False, True, True]
    assert mean_interval([2.0] * 5) == (2.0, 2.0, 2.0)


# Pairs


def problem_effects(second=1.2, problems=8, seeds=6):
    """Make two solvers whose runs differ by far less than the problems and seeds do."""
    rng = np.random.default_rng(3)
    rows = []
    for problem in range(problems):
        for seed in range(seeds):
            base = 10.0 ** rng.uniform(1.0, 4.0)
            for solver, factor in (("a", 1.0), ("b", second)):
                rows.append((solver, f"p{problem}", seed, 10**6, [base * factor * rng.lognormal(0.0, 0.02)]))
    return table(rows)


def test_pairs_are_matched_by_problem_and_seed():
    found = problem_effects()
    shuffled = np.random.default_rng(0).permutation(len(found.runs))
    mixed = Runtimes(
        found.runs.iloc[shuffled].reset_index(drop=True), found.targets, found.queries[shuffled], {}
    )
    for tried in (found, mixed):
        rows = pairwise(tried).iloc[0]
        assert rows[["problems", "first_better", "second_better"]].tolist() == [8, 8, 0]
        assert rows["ratio"] == pytest.approx(1.2, rel=0.01)
        assert rows["low"] < 1.2 < rows["high"] < 1.04 * rows["low"]
        assert rows["p"] == 2 / 2**8
        by_problem = compare_solvers(tried, "a", "b")
        assert by_problem["p"].tolist() == [2 / 2**6] * 8
        assert by_problem["p_holm"].tolist() == [8 * 2 / 2**6] * 8
    # unpaired, the same change is invisible
    a, b = (np.log(found.queries[found.runs["solver"] == name, 0]) for name in "ab")
    assert stats.mannwhitneyu(a, b).pvalue > 0.3


def test_pairs_are_cut_at_the_smaller_budget_and_misses_count():
    rows = [
        ("a", "p", 0, 100, [50, None]),
        ("b", "p", 0, 1000, [20, 500]),  # the second hit comes when a's budget is over
        ("a", "p", 1, 100, [None, None]),
        ("b", "p", 1, 1000, [10, None]),
        ("a", "p", 2, 100, [None, None]),
        ("b", "p", 2, 1000, [None, None]),
        ("b", "q", 0, 1000, [1, 1]),
    ]
    found = table(rows, (0.1, 0.01))
    first, second = (np.flatnonzero(found.runs["solver"] == name) for name in "ab")
    pairs = pairs_of(found, first, found, second)
    assert pairs.budget.tolist() == [100, 100, 100]
    assert pairs.unpaired == 1
    assert pairs.second.tolist() == [[20, INF], [10, INF], [INF, INF]]
    assert pairs.log_ratios().tolist() == pytest.approx([math.log10(20 / 50), math.log10(10 / 1000), 0.0])
    assert pairs.log_ratios(penalty=1.0)[1] == pytest.approx(-1.0)
    one = compare_solvers(found, "a", "b", target=0.01)
    assert one[["pairs", "first_better", "second_better", "ratio", "p"]].iloc[0].tolist() == [3, 0, 0, 1, 1]
    assert one[["low", "high"]].isna().all(axis=None)


def test_ratios_of_erts():
    rows = [("a", "p", seed, 100, [10 + seed, 50, None]) for seed in range(6)]
    rows += [
        ("b", "p", seed, 100, [20 + 2 * seed, 50 if seed else None, 90 if seed else None])
        for seed in range(6)
    ]
    found = table(rows, (0.1, 0.01, 0.001))
    first, second = (np.flatnonzero(found.runs["solver"] == name) for name in "ab")
    ratio, low, high = ert_ratio(pairs_of(found, first, found, second))
    # paired: the second is twice the first in every pair, so in every resample
    assert (ratio[0], low[0], high[0]) == (2.0, 2.0, 2.0)
    assert ratio[1] == pytest.approx((350 / 5) / 50)
    assert (low[1], high[1] > 1.8) == (1.0, True)
    assert (ratio[2], low[2]) == (0.0, 0.0)
    few = ert_ratio(pairs_of(found, first[:4], found, second[:4]))
    assert few[0][0] == 2.0
    assert np.isnan(few[1:]).all()
    nothing = ert_ratio(pairs_of(found, first, found, first))
    assert np.isnan([limit[2] for limit in nothing]).all()


def test_pairs_that_cannot_be_made_are_refused():
    found = table([("a", "p", 0, 10, [5]), ("a", "p", 0, 20, [5]), ("b", "p", 1, 10, [4])])
    with pytest.raises(ZobenchError, match="several of p, seed 0"):
        compare_solvers(found, "a", "b")
    apart = table([("a", "p", 0, 10, [5]), ("b", "p", 1, 10, [4])])
    with pytest.raises(ZobenchError, match="in common"):
        compare_solvers(apart, "a", "b")
    assert len(pairwise(apart)) == 0
    other = table([("a", "p", 0, 10, [5])], (0.2,))
    with pytest.raises(ZobenchError, match="same targets"):
        pairs_of(apart, np.array([0]), other, np.array([0]))


# Ranks


def friedman_is_right(function):
    for seed in range(5):
        costs = some_costs(seed, problems=12 + seed)
        statistic, p = function(costs)
        theirs = stats.friedmanchisquare(*(costs[name] for name in costs.columns))
        assert (statistic, p) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)


def test_friedman_is_that_of_scipy():
    def ours(costs):
        found = rank_table(costs)
        return found.statistic, found.p

    friedman_is_right(ours)
    for mutant in (
        lambda costs: ours(costs[np.isfinite(costs).all(axis=1)]),
        lambda costs: ours(
            costs + np.arange(4) * 1e-6 * (costs < INF) + np.arange(len(costs))[:, None] * 0.0
        ),
    ):
        with pytest.raises(AssertionError):
            friedman_is_right(mutant)


def test_ties_share_ranks_and_failures_are_last():
    assert ranks([[1.0, 1.0, 3.0], [INF, 2.0, INF]]).tolist() == [[1.5, 1.5, 3.0], [2.5, 1.0, 2.5]]


def test_critical_differences_are_those_in_print():
    # Demšar 2006, table 5 (a): q at 0.05 for 2 to 10 solvers
    for solvers, q in enumerate([1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164], start=2):
        unit = math.sqrt(solvers * (solvers + 1) / (6 * 14))
        assert critical_difference(solvers, 14) / unit == pytest.approx(q, abs=1e-3)  # print cuts the digits
    # and his example of 4 classifiers on 14 data sets
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.005)


def test_groups_are_neighbours_within_the_critical_difference():
    rng = np.random.default_rng(0)
    values = rng.random((40, 5)) + np.array([0.0, 0.05, 0.5, 0.55, 3.0])
    found = rank_table(pd.DataFrame(values, columns=list("abcde")))
    assert list(map(set, found.groups)) == [{"a", "b"}, {"c", "d"}]
    assert list(found.mean_ranks) == sorted(found.mean_ranks)
    mean = dict(zip(found.solvers, found.mean_ranks, strict=True))
    for one, other in product("abcde", repeat=2):
        together = any(one in group and other in group for group in found.groups) or one == other
        assert together == (abs(mean[one] - mean[other]) < found.critical_difference)
    equal = rank_table(pd.DataFrame(np.ones((3, 3)), columns=list("abc")))
    assert (equal.statistic, equal.p, equal.groups) == (0.0, 1.0, (("a", "b", "c"),))


def test_ranks_of_too_little_are_refused():
    costs = some_costs()
    with pytest.raises(ZobenchError, match="at least 2"):
        rank_table(costs[:1])
    with pytest.raises(ZobenchError, match="at least 2"):
        rank_table(costs[["a"]])
    costs.loc[2, "c"] = np.nan
    with pytest.raises(ZobenchError, match="common"):
        rank_table(costs)
