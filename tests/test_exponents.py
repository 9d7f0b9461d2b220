"""Exponents: coverage of their intervals, levels of theorems, broken steps that have another exponent."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from zobench.directions import draw
from zobench.oracle import query
from zobench.theorem import find_theorem, theorems
from zobench.verdict.exponents import EXPONENT_MARGIN, Fit, assess_exponent, fit
from zobench.verdict.levels import declared, plan
from zobench.verdict.slopes import try_slopes

LEVELS = 10.0 * 10.0 ** (np.arange(6) / 5.0)
REPEATS = 2000


def noise(rng, seeds, spread, shared):
    """Log-normal factors of mean 1; the seeds of all levels share a part of it."""
    sd = math.sqrt(math.log(1.0 + spread**2))
    same, own = rng.normal(size=(1, seeds)), rng.normal(size=(LEVELS.size, seeds))
    return np.exp(sd * (math.sqrt(shared) * same + math.sqrt(1.0 - shared) * own) - sd**2 / 2.0)


def fits(kind, seeds, spread, repeats=REPEATS, change=lambda values: values):
    rng = np.random.default_rng(1)
    for _ in range(repeats):
        factor = change(noise(rng, seeds, spread, 0.5))
        if kind == "power":
            yield -0.5, fit(LEVELS, 3.0 * LEVELS[:, None] ** -0.5 * factor)
        else:  # every level fell by the factor e
            yield 0.0, fit(LEVELS, 2.0 * math.exp(-1.0) * factor, np.full(LEVELS.size, 2.0))


def coverage(found):
    return np.mean([one.low <= true <= one.high for true, one in found])


@pytest.mark.parametrize("spread", [0.1, 0.3, 0.5])
@pytest.mark.parametrize(("kind", "seeds"), [("power", 20), ("power", 40), ("linear", 40)])
def test_intervals_cover(kind, seeds, spread):
    assert coverage(fits(kind, seeds, spread)) == pytest.approx(0.95, abs=0.02)


def test_resampling_levels_apart_is_noticed():
    # a broken bootstrap, which takes each level's seeds for themselves: the shared part counts as noise
    def torn(values):
        return np.stack([np.roll(row, 3 * place) for place, row in enumerate(values)])

    def wide():
        for (true, one), (_, other) in zip(
            fits("power", 40, 0.3, 300), fits("power", 40, 0.3, 300, torn), strict=True
        ):
            yield true, Fit(one.exponent, one.exponent + other.low - other.exponent,
                            one.exponent + other.high - other.exponent, other.error, 40)  # fmt: skip

    assert coverage(wide()) > 0.97


def test_the_fit_is_least_squares_on_means():
    values = 3.0 * LEVELS[:, None] ** 0.7 * noise(np.random.default_rng(2), 30, 0.4, 0.0)
    expected = stats.linregress(np.log(LEVELS), np.log(values.mean(axis=1))).slope
    assert fit(LEVELS, values).exponent == pytest.approx(expected, rel=1e-12)


def test_the_error_is_the_jackknifes():
    values = LEVELS[:, None] ** -0.5 * noise(np.random.default_rng(3), 40, 0.3, 0.5)
    left_out = [fit(LEVELS, np.delete(values, i, axis=1), resamples=50).exponent for i in range(40)]
    expected = math.sqrt(39 / 40 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert fit(LEVELS, values).error == pytest.approx(expected, rel=0.05)


def test_a_fit_is_deterministic():
    values = LEVELS[:, None] ** -0.5 * noise(np.random.default_rng(4), 20, 0.3, 0.5)
    assert fit(LEVELS, values) == fit(LEVELS, values)


def test_equivalence_within_the_margin():
    rng = np.random.default_rng(5)
    verdicts = {}
    for off in (0.0, 0.5 * EXPONENT_MARGIN, EXPONENT_MARGIN, 0.3):
        found = [
            assess_exponent(fit(LEVELS, LEVELS[:, None] ** off * noise(rng, 40, 0.2, 0.5)), 0.0, True).verdict
            for _ in range(200)
        ]
        verdicts[off] = {name: found.count(name) for name in set(found)}
    assert verdicts[0.0] == {"supported": 200}
    assert verdicts[0.05].get("supported", 0) >= 190
    # at the margin: false support at 2.5 per cent, false refutation at 0.1 per cent
    assert verdicts[EXPONENT_MARGIN].get("supported", 0) <= stats.binom.isf(1e-4, 200, 0.025)
    assert verdicts[EXPONENT_MARGIN].get("refuted", 0) <= stats.binom.isf(1e-4, 200, 0.001)
    assert verdicts[0.3] == {"refuted": 200}


@pytest.mark.parametrize(
    ("exponent", "verdict"), [(-2.0, "supported"), (0.05, "supported"), (0.3, "inconclusive")]
)
def test_on_a_loose_instance_only_steeper_is_told(exponent, verdict):
    found = Fit(exponent, exponent - 0.02, exponent + 0.02, 0.01, 40)
    assert assess_exponent(found, 0.0, False).verdict == verdict


def test_what_has_not_fallen_has_no_exponent():
    found = fit(LEVELS, np.full((6, 20), 2.0), np.ones(6))
    assert not np.isfinite(found.low)
    assert assess_exponent(found, 0.0, True).verdict == "inconclusive"


# Levels of theorems.


@pytest.mark.parametrize("name", sorted(name for name, (one, _) in theorems().items() if one.slopes))
def test_levels_are_geometric_over_a_decade(name):
    theorem, _ = find_theorem(name)
    for factor in declared(theorem):
        slope = plan(theorem, factor)
        assert slope is not None, (name, factor)
        assert len(slope.levels) >= 5
        assert slope.levels[-1] >= 6.9 * slope.levels[0]
        assert all(not theorem.missing(case.instance) for case in slope.cases)


@pytest.mark.parametrize("name", ["s2p-smooth-stationary", "s2p-pl-gamma", "es11-sphere-oracle"])
def test_tight_instances_have_the_exponents_of_the_bound(name):
    theorem, own = find_theorem(name)
    for facts in try_slopes(theorem, own, seeds=20, first_seed=100_000, comparisons=20):
        assert facts["verdict"] == "supported", facts
        assert facts["ci_low"] <= facts["mean"] <= facts["ci_high"]


def root_d_missing(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    alpha = parameters.alpha0 / np.sqrt(parameters.steps)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + alpha * state.s[i]
    plus = query(oracle, state.trial)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] - alpha * state.s[i]
    minus = query(oracle, state.trial)
    for i in range(state.x.size):
        state.x[i] += alpha * state.s[i] if plus <= minus else -alpha * state.s[i]


def constant(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    alpha = parameters.alpha0 / np.sqrt(1000.0 * state.x.size)  # whatever K
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + alpha * state.s[i]
    plus = query(oracle, state.trial)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] - alpha * state.s[i]
    minus = query(oracle, state.trial)
    for i in range(state.x.size):
        state.x[i] += alpha * state.s[i] if plus <= minus else -alpha * state.s[i]


@pytest.mark.parametrize(("step", "factors"), [(root_d_missing, ["d"]), (constant, ["K", "eps"])])
def test_a_wrong_step_has_another_exponent(step, factors):
    theorem, own = find_theorem("s2p-smooth-stationary")
    broken = dataclasses.replace(own, step=step)
    found = {facts["instance"].split()[-1]: facts for facts in try_slopes(theorem, broken, seeds=20)}
    for factor in factors:
        assert found[factor]["verdict"] == "refuted"
        assert "repeated on fresh seeds" in found[factor]["note"]
