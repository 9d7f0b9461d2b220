"""The verdicts' statistics on synthetic data with known means."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from zobench.verdict.statistics import assess_bound, assess_identity, holm_threshold, log10_e_value

SEEDS = 40


def samples(law, mean, repeats, rng):
    if law == "gaussian":
        return np.abs(rng.normal(mean, 0.1 * mean, (repeats, SEEDS)))
    if law == "exponential":
        return rng.exponential(mean, (repeats, SEEDS))
    if law == "lognormal":
        sd = 1.0
        return rng.lognormal(math.log(mean) - sd**2 / 2, sd, (repeats, SEEDS))
    return mean * 10.0 * (rng.random((repeats, SEEDS)) < 0.1)  # rare and large


LAWS = ["gaussian", "exponential", "lognormal", "rare"]


@pytest.mark.parametrize("law", LAWS)
def test_a_true_claim_is_hardly_ever_refuted(law):
    # E Y = B exactly, the hardest true claim; nominal rate 0.001
    values = samples(law, 1.0, 2000, np.random.default_rng(1))
    refuted = sum(assess_bound(row, 1.0).verdict == "refuted" for row in values)
    # at most nominal: more than 9 in 2000 has probability below 1e-4 at rate 0.001
    assert refuted <= 9


@pytest.mark.parametrize("law", LAWS)
def test_the_e_value_has_mean_at_most_one(law):
    values = samples(law, 1.0, 4000, np.random.default_rng(2))
    e = np.array([10.0 ** log10_e_value(row) for row in values])
    # e-values are heavy-tailed: clipping keeps the inequality and gives the mean an error bar
    clipped = np.minimum(e, 50.0)
    assert clipped.mean() <= 1.0 + 4.0 * clipped.std() / math.sqrt(e.size)


def test_a_claim_off_by_a_factor_of_two_is_refuted():
    values = samples("gaussian", 2.0, 200, np.random.default_rng(3))
    assert all(assess_bound(row, 1.0, comparisons=50).verdict == "refuted" for row in values)


def test_a_claim_off_by_a_third_is_refuted_with_the_default_seeds():
    values = samples("gaussian", 1.33, 400, np.random.default_rng(4))
    assert np.mean([assess_bound(row, 1.0).verdict == "refuted" for row in values]) >= 0.95


@pytest.mark.parametrize("law", LAWS)
def test_false_support_is_rare(law):
    # the mean lies 2 per cent above the bound: support would be false
    values = samples(law, 1.02, 2000, np.random.default_rng(5))
    assert np.mean([assess_bound(row, 1.0).verdict == "supported" for row in values]) <= 0.02


def test_skewed_values_are_not_supported_by_students_limit():
    # far below the bound, yet a law whose tail 40 values have not seen
    values = np.append(np.full(SEEDS - 1, 0.05), 2.0)
    assert assess_bound(values, 1.0).verdict == "not refuted"


def test_a_comfortable_claim_is_supported():
    # now and then 40 normal values have a sample skewness above 1, and Student's limit is not trusted
    values = samples("gaussian", 0.6, 400, np.random.default_rng(6))
    assert np.mean([assess_bound(row, 1.0, comparisons=50).verdict == "supported" for row in values]) >= 0.95


def test_a_tight_claim_is_not_called_supported():
    values = samples("gaussian", 0.99, 100, np.random.default_rng(7))
    assert {assess_bound(row, 1.0).verdict for row in values} <= {"not refuted", "inconclusive"}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_diverged_runs_count_as_infinite(bad):
    values = np.full(SEEDS, 0.5)
    values[::2] = bad
    found = assess_bound(values, 1.0)
    assert found.verdict == "refuted"
    assert found.mean > 1e5


def test_few_seeds_decide_nothing():
    assert assess_bound(np.array([0.1, 0.1]), 1.0).verdict == "inconclusive"
    assert assess_identity(np.ones(3), np.ones(3)).verdict == "inconclusive"


def test_multiplicity_raises_the_bar():
    assert holm_threshold(100) == pytest.approx(holm_threshold(1) + 2.0)


def test_identity_of_equal_means_is_supported_and_of_others_refuted():
    rng = np.random.default_rng(8)
    right = rng.normal(1.0, 0.2, (300, SEEDS))
    noise = rng.normal(0.0, 0.03, right.shape)
    equal = [assess_identity(a, b).verdict for a, b in zip(right + noise, right, strict=True)]
    off = [assess_identity(a, b).verdict for a, b in zip(1.1 * right + noise, right, strict=True)]
    assert equal.count("refuted") <= 2
    assert equal.count("supported") >= 295
    assert off.count("refuted") == 300


def test_a_diverged_identity_is_refuted():
    assert assess_identity(np.full(10, np.nan), np.ones(10)).verdict == "refuted"


def test_limits_are_students():
    values = np.random.default_rng(9).normal(0.5, 0.1, 30)
    found = assess_bound(values, 1.0)
    low, high = stats.t.interval(0.98, 29, values.mean(), values.std(ddof=1) / math.sqrt(30))
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0.0, 1e9), min_size=1, max_size=50), st.floats(1e-6, 1e6))
def test_the_verdict_does_not_depend_on_units(values, unit):
    ratios = np.array(values)
    first, second = assess_bound(ratios, 1.0), assess_bound(ratios * unit, unit)
    assert first.verdict == second.verdict
    assert first.log10_e == pytest.approx(second.log10_e, abs=1e-6)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0.0, 100.0), min_size=2, max_size=30))
def test_the_e_value_grows_with_every_value(values):
    ratios = np.array(values)
    assert log10_e_value(ratios + 0.1) >= log10_e_value(ratios)
