"""Seeds in batches on synthetic data with known means: how often the verdicts are wrong, how often right."""

import math

import numpy as np
import pytest
from scipy import special, stats

from zobench.verdict import evidence, sequential
from zobench.verdict.evidence import log10_e_value, weigh
from zobench.verdict.sequential import SEEDS, benjamini_hochberg, holm, mean_e, planned_looks, sample

KINDS = ("<=", "paired", "=")
#: Coefficient of variation 0.1, 0.5, 0.5 with a tail, 1, 1.3 with a tail.
LAWS = ("gaussian", "gamma", "log-normal", "exponential", "wide log-normal")
#: What the power is promised for.
MILD = LAWS[:3]


def draw(law, mean, samples, rng):
    size = (samples, 2 * SEEDS)  # the second half is for the repetition
    if law == "gaussian":
        return np.abs(rng.normal(mean, 0.1 * mean, size))
    if law == "gamma":
        return rng.gamma(4.0, mean / 4.0, size)
    if law == "exponential":
        return rng.exponential(mean, size)
    sd = math.sqrt(math.log(1.0 + (1.3 if law.startswith("wide") else 0.5) ** 2))
    return rng.lognormal(math.log(mean) - sd**2 / 2.0, sd, size)


def tried(kind, law, mean, samples=1000, comparisons=1, seed=1):
    """Judge samples whose bound, or other side, is 1."""
    left = draw(law, mean, samples, np.random.default_rng(seed))
    return sample(kind, left, np.ones_like(left), comparisons)


def most(rate, samples):
    """Give the count that a true rate exceeds with probability below 1e-4."""
    return int(stats.binom.isf(1e-4, samples, rate))


# The checks, as functions, so that broken statistics can be put to them below.


def hardly_ever_refutes_a_true_claim(kind, law):
    verdicts, _ = tried(kind, law, 1.0)
    assert np.sum(verdicts == "refuted") <= most(evidence.REFUTATION_LEVEL, verdicts.size)


def evidence_is_fair_at_whatever_look_it_stops(kind, law, samples=2000):
    # Ville: under the claim the e-values exceed 20 at any of the looks with probability at most 1/20
    left = draw(law, 1.0, samples, np.random.default_rng(2))[:, :SEEDS]
    looks, highest = planned_looks(SEEDS), np.full(samples, -np.inf)
    for look in looks:
        right = np.ones((samples, 1 if kind == "<=" else look))
        highest = np.maximum(highest, weigh(kind, left[:, :look], right, 1, looks).log10_e)
    assert np.sum(highest >= math.log10(20.0)) <= most(0.05, samples)


def evidence_has_mean_at_most_one(kind, law):
    # few seeds show the bets best; Student's test is trusted from the first batch on
    seeds = 8 if kind == "<=" else sequential.FIRST
    left = draw(law, 1.0, 4000, np.random.default_rng(8))[:, :seeds]
    e = 10.0 ** weigh(kind, left, np.ones((4000, 1))).log10_e
    # heavy-tailed: clipping keeps the inequality and gives the mean an error bar
    clipped = np.minimum(e, 50.0)
    assert clipped.mean() <= 1.0 + 4.0 * clipped.std() / math.sqrt(e.size)


def finds_a_violation_of_thirty_per_cent(kind, law, comparisons):
    verdicts, _ = tried(kind, law, 1.3, 500, comparisons)
    assert np.mean(verdicts == "refuted") >= 0.95


def hardly_ever_supports_a_false_claim(kind, law):
    verdicts, _ = tried(kind, law, 1.02)
    assert np.sum(verdicts == "supported") <= most(evidence.SUPPORT_LEVEL, verdicts.size)


def counts_diverged_runs():
    left = np.full((20, 2 * SEEDS), 0.5)
    left[:, ::2] = np.nan
    for kind in KINDS:
        verdicts, _ = sample(kind, left, np.ones_like(left))
        assert set(verdicts) == {"refuted"}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_true_claim_is_hardly_ever_refuted(kind, law):
    hardly_ever_refutes_a_true_claim(kind, law)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", ["gamma", "exponential"])
def test_evidence_is_fair_at_whatever_look_it_stops(kind, law):
    evidence_is_fair_at_whatever_look_it_stops(kind, law)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", KINDS)
def test_evidence_has_mean_at_most_one(kind, law):
    evidence_has_mean_at_most_one(kind, law)


@pytest.mark.parametrize("law", MILD)
@pytest.mark.parametrize("kind", KINDS)
def test_a_violation_of_thirty_per_cent_is_found(kind, law):
    finds_a_violation_of_thirty_per_cent(kind, law, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_violation_of_thirty_per_cent_is_found_among_two_hundred_claims(kind):
    finds_a_violation_of_thirty_per_cent(kind, "log-normal", 200)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", ["<=", "paired"])
def test_a_false_claim_is_hardly_ever_supported(kind, law):
    hardly_ever_supports_a_false_claim(kind, law)


@pytest.mark.parametrize("law", ["gaussian", "gamma"])
def test_an_identity_beyond_the_margin_is_hardly_ever_supported(law):
    verdicts, _ = tried("=", law, 1.0 + evidence.MARGIN)
    assert np.sum(verdicts == "supported") <= most(evidence.SUPPORT_LEVEL, verdicts.size)


def test_diverged_runs_count():
    counts_diverged_runs()


def test_a_comfortable_claim_is_supported_with_the_first_batch():
    verdicts, seeds = tried("<=", "gaussian", 0.6, comparisons=50)
    assert np.mean(verdicts == "supported") >= 0.95
    assert np.mean(seeds == sequential.FIRST) >= 0.95


def test_a_tight_claim_stops_when_a_violation_is_excluded():
    verdicts, seeds = tried("<=", "gaussian", 1.0)
    assert set(verdicts) == {"not refuted"}
    assert seeds.mean() < 1.1 * sequential.FIRST


def test_an_event_rarer_than_the_seeds_is_not_seen():
    # values of 0 but for one in ten, which is 10: after 40 seeds 0.9^40 = 1.5 per cent have seen none.  No
    # method can know; the rate is that of the law, and more seeds lower it
    left = 10.2 * (np.random.default_rng(3).random((2000, 2 * SEEDS)) < 0.1)
    verdicts, _ = sample("<=", left, np.ones_like(left))
    assert np.sum(verdicts == "supported") <= most(0.9**sequential.FIRST, verdicts.size)
    assert np.sum(verdicts == "refuted") <= most(evidence.REFUTATION_LEVEL, verdicts.size)


def test_the_correction_for_skewness_is_halls():
    values = np.random.default_rng(4).exponential(1.0, 50) - 0.4
    t, skew = stats.ttest_1samp(values, 0.0).statistic, stats.skew(values)
    n = values.size
    corrected = t + skew * t**2 / (3 * n**0.5) + skew**2 * t**3 / (27 * n) + skew / (6 * n**0.5)
    assert evidence.p_value(values) == pytest.approx(stats.t.sf(min(t, corrected), n - 1), rel=1e-10)
    mirrored = stats.t.sf(-t, n - 1)
    assert evidence.p_value(-values) == pytest.approx(mirrored, rel=1e-2)


def test_the_calibrator_is_that_of_the_p_value():
    # its integral over p in (0, 1) is 1; with u = -ln p, and e p -> 1/u^2 beyond u = 600
    u = np.geomspace(1e-4, 600.0, 100_001)
    e = 10.0 ** evidence.log10_calibrated(np.exp(-u))
    assert np.trapezoid(e * np.exp(-u), u) + 1.0 / 600.0 == pytest.approx(1.0, abs=1e-3)


# Broken statistics, each rejected by one of the checks.


def summed_bets(ratios):
    logs = np.stack([np.log1p(bet * (np.asarray(ratios) - 1.0)).sum(axis=-1) for bet in evidence._BETS])
    return special.logsumexp(logs, axis=0) / np.log(10.0)


def best_bet(ratios):
    logs = np.stack([np.log1p(bet * (np.asarray(ratios) - 1.0)).sum(axis=-1) for bet in evidence._BETS])
    return logs.max(axis=0) / np.log(10.0)


@pytest.mark.parametrize("bets", [summed_bets, best_bet])
def test_bets_that_are_not_averaged_are_noticed(monkeypatch, bets):
    monkeypatch.setattr(evidence, "log10_e_value", bets)
    with pytest.raises(AssertionError):
        evidence_has_mean_at_most_one("<=", "exponential")


def latest_look(differences, looks, both):
    """Calibrate the last p-value as if nothing had been looked at before."""
    side = np.where(differences.mean(axis=-1, keepdims=True) < 0.0, -1.0, 1.0) if both else 1.0
    p = evidence.p_value(side * differences) * (2.0 if both else 1.0)
    return np.log10(1.0 / np.minimum(p, 1.0))  # and 1/p is no e-value


@pytest.mark.parametrize("kind", ["paired", "="])
def test_a_p_value_taken_at_every_look_is_noticed(monkeypatch, kind):
    monkeypatch.setattr(evidence, "_over_looks", latest_look)
    with pytest.raises(AssertionError):
        evidence_is_fair_at_whatever_look_it_stops(kind, "gamma")


def students(differences):
    mean, spread = differences.mean(axis=-1), differences.std(axis=-1, ddof=1)
    count = differences.shape[-1]
    return stats.t.sf(np.sqrt(count) * mean / np.maximum(spread, 1e-300), count - 1)


def test_limits_without_the_skewness_rule_are_noticed(monkeypatch):
    monkeypatch.setattr(evidence, "SKEWED", np.inf)
    monkeypatch.setattr(evidence, "p_value", students)
    with pytest.raises(AssertionError):
        hardly_ever_supports_a_false_claim("<=", "wide log-normal")


def test_limits_that_forget_the_looks_before_are_noticed(monkeypatch):
    monkeypatch.setattr(
        sequential,
        "weigh",
        lambda kind, left, right, comparisons, looks: weigh(kind, left, right, comparisons),
    )
    monkeypatch.setattr(evidence, "COMFORTABLE", 1.0)
    # of a claim that is false by 2 per cent with values this even, every look is another chance
    monkeypatch.setattr(sequential, "planned_looks", lambda cap: tuple(range(10, cap + 1, 5)))
    with pytest.raises(AssertionError):
        hardly_ever_supports_a_false_claim("<=", "gamma")


def changed(change):
    def broken(kind, left, right, comparisons=1, looks=None):
        return weigh(kind, change(np.asarray(left)), right, comparisons, looks)

    return broken


def test_dropped_runs_are_noticed(monkeypatch):
    # a diverged run counts as an average one
    monkeypatch.setattr(
        sequential, "weigh", changed(lambda left: np.where(np.isfinite(left), left, np.nanmean(left)))
    )
    with pytest.raises(AssertionError):
        counts_diverged_runs()


def test_reporting_the_best_seed_is_noticed(monkeypatch):
    best = changed(lambda left: np.broadcast_to(left.min(axis=-1, keepdims=True), left.shape))
    monkeypatch.setattr(sequential, "weigh", best)
    with pytest.raises(AssertionError):
        finds_a_violation_of_thirty_per_cent("<=", "gamma", 1)
    with pytest.raises(AssertionError):
        hardly_ever_supports_a_false_claim("<=", "gamma")


# Families.


def test_holm_is_the_step_down_procedure_on_p_values():
    rng = np.random.default_rng(5)
    for _ in range(50):
        found = rng.normal(2.5, 1.5, 8)
        p, order = np.minimum(1.0, 10.0**-found), np.argsort(-found)
        falls = np.zeros(8, dtype=bool)
        for rank, place in enumerate(order):
            if p[place] >= 0.001 / (8 - rank):
                break
            falls[place] = True
        assert holm(found).tolist() == falls.tolist()


def test_e_bh_is_the_procedure_as_defined():
    rng = np.random.default_rng(6)
    for _ in range(50):
        found = rng.normal(2.5, 1.5, 8)
        e = np.sort(10.0**found)[::-1]
        k = max((k for k in range(1, 9) if e[k - 1] >= 8 / (k * 0.001)), default=0)
        falls = np.isin(10.0**found, e[:k])
        assert benjamini_hochberg(found).tolist() == falls.tolist()


def test_families_of_true_claims_hardly_ever_fall():
    # 20 true claims, tight, in 1500 families: the looks' last e-values
    rng = np.random.default_rng(7)
    ratios = rng.gamma(4.0, 0.25, (1500, 20, 40))
    found = log10_e_value(ratios)
    assert sum(holm(row).any() for row in found) <= most(0.001, 1500)
    assert sum(benjamini_hochberg(row).any() for row in found) <= most(0.001, 1500)


def test_the_mean_of_e_values_survives_large_ones():
    assert mean_e([400.0, 1.0]) == pytest.approx(400.0 - math.log10(2.0))
    assert mean_e([math.inf, 1.0]) == math.inf


@pytest.mark.parametrize("cap", [1, 5, 39, 40, 41, 320, 1000])
def test_looks_grow_and_end_at_the_cap(cap):
    looks = planned_looks(cap)
    assert looks[-1] == cap
    assert list(looks) == sorted(set(looks))


@pytest.mark.parametrize("kind", ["=", "paired"])
def test_equal_up_to_rounding_refutes_nothing(kind):
    # without spread any difference would be infinitely many standard errors
    right = np.full((3, 40), 0.5)
    left = right + np.array([[1.2e-16], [4e-13], [1e-9]])
    verdicts = weigh(kind, left, right).verdict
    assert "refuted" not in verdicts[:2]
    assert verdicts[2] == "refuted"


def test_equal_values_decide_nothing_before_the_last_look():
    looks = (40, 80, 160, 320)
    for kind, left, right in (("<=", 0.0, 1.0), ("paired", 0.0, 1.0), ("=", 1.0, 1.2)):
        for look in looks:
            sides = np.full(look, left), (right if kind == "<=" else np.full(look, right))
            found = weigh(kind, *sides, looks=looks)
            assert bool(found.decided) is (look == 320), (kind, look)
            wanted = {"<=": "supported", "paired": "supported", "=": "refuted"}[kind]
            assert (str(found.verdict) == wanted) is (look == 320)


def test_a_law_that_is_rarely_large_is_not_supported():
    # mean 1.3 times the bound: 65 with probability 1/50, else 0
    looks, rng = (40, 80, 160, 320), np.random.default_rng(5)
    left = np.where(rng.random((2000, 320)) < 0.02, 65.0, 0.0)
    settled = np.zeros(2000, dtype=bool)
    supported = np.zeros(2000, dtype=bool)
    for look in looks:
        found = weigh("<=", left[:, :look], 1.0, looks=looks)
        supported |= ~settled & (found.verdict == "supported")
        settled |= np.asarray(found.decided)
    assert supported.mean() <= 0.01
