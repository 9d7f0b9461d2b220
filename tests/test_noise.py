"""Noise: the laws, who shares a draw, and that the record knows nothing of it."""

import math
import pickle
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import zobench
from zobench import oracle as core
from zobench.campaign.definition import Campaign
from zobench.certificate import Certificate
from zobench.directions import draw
from zobench.driver import Run
from zobench.errors import ZobenchError
from zobench.execute import instance_of, key_of
from zobench.instance import Parts, Problem, Vector
from zobench.noise import LAWS, Noise, noise_of
from zobench.objective import objective_of
from zobench.oracle import hold, query, varies
from zobench.parallel.workers import run_keys
from zobench.solver import Scalar, Solver
from zobench.stream import hashed_word

RANDOM = [law for law in LAWS if law != "quantised"]
KEYS = np.random.default_rng(7).integers(-(2**63), 2**63, 20_000)


def answers(noise, value, count=20_000):
    return np.array([noise.answer(value, int(key)) for key in KEYS[:count]])


# -- the laws


@pytest.mark.parametrize("level", [0.1, 5.0])
def test_gaussian_noise_is_normal(level):
    drawn = (answers(Noise("gaussian", level), 3.0) - 3.0) / level
    assert abs(drawn.mean()) * math.sqrt(drawn.size) < 4.5
    assert abs(np.mean(drawn**2) - 1.0) * math.sqrt(drawn.size / 2.0) < 4.5
    assert stats.kstest(drawn, "norm").pvalue > 1e-4


@pytest.mark.parametrize("value", [-7.0, 2.0])
def test_multiplicative_noise_is_normal_relative_to_the_value(value):
    drawn = (answers(Noise("multiplicative", 0.2), value) / value - 1.0) / 0.2
    assert stats.kstest(drawn, "norm").pvalue > 1e-4
    assert (answers(Noise("multiplicative", 0.2), 0.0, 100) == 0.0).all()


@pytest.mark.parametrize("degrees", [0.5, 1.0, 2.5, 30.0])
def test_heavy_tailed_noise_has_students_law(degrees):
    drawn = (answers(Noise("heavy-tailed", 2.0, degrees), 1.0) - 1.0) / 2.0
    assert stats.kstest(drawn, "t", (degrees,)).pvalue > 1e-4
    assert np.isfinite(drawn).all()


def test_heavy_tailed_noise_of_the_wrong_degrees_is_noticed():
    drawn = answers(Noise("heavy-tailed", 1.0, 2.5), 0.0)
    assert stats.kstest(drawn, "t", (5.0,)).pvalue < 1e-4
    assert stats.kstest(drawn * 1.2, "t", (2.5,)).pvalue < 1e-4


@pytest.mark.parametrize("level", [0.0, 0.02, 0.5, 1.0])
def test_failures_come_with_their_probability(level):
    drawn = answers(Noise("failure", level), 3.0)
    failed = np.isnan(drawn)
    assert (drawn[~failed] == 3.0).all()
    assert abs(failed.sum() - level * drawn.size) <= 4.5 * math.sqrt(level * (1 - level) * drawn.size)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e3))
def test_quantised_values_lie_on_the_grid_nearby(value, level):
    noise = Noise("quantised", level)
    steps = noise.answer(value, 1) / level
    assert abs(steps - round(steps)) <= 2.0**-52 * abs(steps), "two roundings"
    assert abs(noise.answer(value, 1) - value) <= noise.facts.bias * (1 + 1e-9) + 1e-9 * abs(value)
    assert noise.answer(value, 2) == noise.answer(value, 1)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e300])
def test_values_without_a_grid_stay_what_they_are(value):
    assert np.array_equal(Noise("quantised", 1e-3).answer(value, 1), value, equal_nan=True)


@pytest.mark.parametrize("law", LAWS)
def test_noise_of_level_zero_changes_no_answer(law):
    noise = Noise(law, 0.0)
    assert (answers(noise, 1.7, 200) == 1.7).all()
    assert not noise.varies
    facts = noise.facts
    assert facts.unbiased
    assert facts.variance == facts.relative_variance == facts.bias == facts.failure == 0.0


@pytest.mark.parametrize(
    "noise", [Noise("gaussian", 0.7), Noise("multiplicative", 0.3), Noise("heavy-tailed", 0.5, 9.0)]
)
def test_facts_are_the_moments(noise):
    drawn = answers(noise, 2.0) - 2.0
    variance = noise.facts.variance + noise.facts.relative_variance * 4.0
    spread = math.sqrt(np.var(drawn**2) / drawn.size)
    assert abs(np.mean(drawn**2) - variance) < 4.5 * spread
    assert abs(np.mean(drawn**2) - 1.2 * variance) > 4.5 * spread, "a wrong variance would be seen"
    assert abs(drawn.mean()) < 4.5 * math.sqrt(variance / drawn.size)


def test_facts_of_heavy_tails_say_which_moments_there_are():
    assert Noise("heavy-tailed", 1.0, 1.5).facts == (True, math.inf, 0.0, 1.5, 0.0, 0.0)
    assert Noise("heavy-tailed", 1.0, 0.9).facts == (False, math.inf, 0.0, 0.9, math.inf, 0.0)
    assert Noise("failure", 0.25).facts.failure == 0.25
    assert not Noise("quantised", 0.25).facts.unbiased


# -- queries: the same checks for the oracle and for mutants of it


class State(NamedTuple):
    x: Vector
    trial: Vector
    told: Scalar


def ask_each(ask):
    """A solver that notes its first d answers in x, all at one point; even steps hold."""

    def step(oracle, state, parameters, k, stream):
        if k % 2 == 0:
            hold(oracle)
        for i in range(2):
            state.x[2 * k + i] = ask(oracle, state.trial)
        state.told[0] = 1.0 if varies(oracle) else 0.0

    return solver("ask-each", step, 2)


def walk(ask):
    """A solver that asks at a random walk and notes each answer."""

    def step(oracle, state, parameters, k, stream):
        draw(stream, 0, state.trial)
        for i in range(state.x.size):
            state.trial[i] = 0.3 * state.trial[i]
        ask(oracle, state.trial)

    return solver("walk", step, 1)


def solver(name, step, queries):
    return Solver(name, "for tests", step, State, lambda parameters, setting: queries, source="tests")


def bowl(x):
    total = 3.0
    for i in range(x.size):
        total += x[i] ** 2
    return total


def sampled(x, key):
    return bowl(x) + np.float64(hashed_word(key, 0) >> np.uint64(11)) * 1.1102230246251565e-16


def make(dim, rng, parameters):
    return Parts(np.ones(dim), None, (Certificate("f_star", 3.0, "A sum of squares."),), np.zeros(dim))


BOWL = Problem("noise-bowl", "for tests", bowl, make, source="tests")
SAMPLED = Problem("noise-sampled", "for tests", bowl, make, source="tests", sample=sampled)


def leaking(oracle, x):
    """Mutant: the record keeps the noisy answer."""
    best = oracle.best
    answer = query(oracle, x)
    oracle.best = min(best, answer)
    return answer


def drawing_afresh(oracle, x):
    """Mutant: a held draw is not shared."""
    oracle.held = 0
    return query(oracle, x)


def sharing(oracle, x):
    """Mutant: independent noise is shared."""
    oracle.common = 1
    return query(oracle, x)


def uncharged(oracle, x):
    """Mutant: a failed query is free."""
    answer = query(oracle, x)
    if np.isnan(answer):
        oracle.count -= 1
    return answer


def finding_failures(oracle, x):
    """Mutant: a failed query finds a value."""
    answer = query(oracle, x)
    oracle.best = min(oracle.best, bowl(x))
    return answer


def drive(objective, noise, method, budget, dim, record=()):
    made = objective_of(objective, dim)
    if noise is not None:
        made.noise = noise
    going = Run(made, method, method.choose({}), np.ones(dim), budget, "test", *record)
    while going.advance():
        pass
    return going, going.trace()


def check_shared(ask, noise, objective=BOWL):
    """Four queries at one point: two of a step that holds, two of one that does not."""
    _, trace = drive(objective.instance(4), noise, ask_each(ask), 4, 4)
    one, two, three, four = trace.x
    assert (one == two) == (noise.mode == "common")
    assert len({one, three, four}) == 3


def check_truth(ask, noise):
    """The record has the smallest value among the queries that were answered, at its count."""
    values, points = [], []

    def f(x):
        points.append(x)
        values.append(float(bowl(x)))
        return values[-1]

    going, trace = drive(f, noise, walk(ask), 300, 3)
    assert trace.count == len(values) == 300
    word = int(going.oracle["noise_key"][0])
    keys = [int(np.uint64(hashed(word, place)).astype(np.int64)) for place in range(300)]
    seen = [noise.answer(value, key) for value, key in zip(values, keys, strict=True)]
    found = [math.inf if math.isnan(answer) else value for value, answer in zip(values, seen, strict=True)]
    running = np.minimum.accumulate(found)
    assert np.array_equal(trace.bests, running[trace.queries - 1])
    assert trace.best == running[-1]


def hashed(word, place):
    return hashed_word(np.int64(word), np.int64(place))


MODED = [Noise(law, 0.4, mode=mode) for law in ("gaussian", "multiplicative", "heavy-tailed")
         for mode in ("independent", "common")]  # fmt: skip
EVERY = [Noise("quantised", 0.4), Noise("failure", 0.4), *(each for each in MODED if each.mode != "common")]


@pytest.mark.parametrize("noise", MODED, ids=lambda noise: noise.text)
def test_who_shares_a_draw(noise):
    check_shared(query, noise)


@pytest.mark.parametrize("noise", MODED[:2], ids=lambda noise: noise.mode)
def test_noise_comes_on_top_of_samples(noise):
    made = SAMPLED.instance(4)
    check_shared(query, noise, SAMPLED)
    _, plain = drive(made, None, ask_each(query), 4, 4)
    _, noisy = drive(made, noise, ask_each(query), 4, 4)
    added = noisy.x - plain.x
    assert (np.abs(added) > 1e-6).all()
    assert (abs(added[0] - added[1]) < 1e-12) == (noise.mode == "common")
    assert noisy.value == made.value(noisy.x)


@pytest.mark.parametrize("noise", EVERY, ids=lambda noise: noise.law)
def test_the_record_is_noiseless(noise):
    check_truth(query, noise)


@pytest.mark.parametrize(
    ("check", "mutant", "noise"),
    [
        (check_truth, leaking, Noise("gaussian", 0.4)),
        (check_truth, leaking, Noise("quantised", 0.4)),
        (check_truth, uncharged, Noise("failure", 0.4)),
        (check_truth, finding_failures, Noise("failure", 0.4)),
        (check_shared, drawing_afresh, Noise("gaussian", 0.4, mode="common")),
        (check_shared, sharing, Noise("gaussian", 0.4)),
    ],
    ids=lambda value: getattr(value, "__name__", "") or value.law,
)
def test_mutants_of_the_oracle_are_caught(check, mutant, noise):
    with pytest.raises(AssertionError):
        check(mutant, noise)


def test_hits_are_those_of_the_noiseless_values():
    made = BOWL.instance(3)
    going, trace = drive(made, Noise("gaussian", 5.0), walk(query), 200, 3, (made.certificates,))
    _, plain = drive(made, None, walk(query), 200, 3, (made.certificates,))
    assert np.array_equal(trace.hits, plain.hits)
    assert trace.best == plain.best
    assert (trace.hits > 0).any()
    assert going.oracle["varies"] == 1


def test_answers_of_successive_queries_are_uncorrelated():
    dim = 4000
    _, trace = drive(BOWL.instance(dim), Noise("gaussian", 1.0), ask_each(query), dim, dim)
    drawn = trace.x - 3.0
    assert stats.kstest(drawn, "norm").pvalue > 1e-4
    for lag in (1, 2, 3):
        z = float(drawn[lag:] @ drawn[:-lag]) / math.sqrt(dim - lag)
        assert abs(z) < 4.5


@pytest.mark.parametrize("law", LAWS)
def test_only_rounding_lets_a_kept_value_stand(law):
    for mode in ("independent", "common"):
        noise = Noise(law, 0.4, mode=mode)
        going, _ = drive(BOWL.instance(4), noise, ask_each(query), 4, 4)
        told = going._work[going._offsets[2][0]]
        assert told == going._setting().varies == noise.varies == (law != "quantised")


def test_all_failures_leave_no_best():
    trace = zobench.run(zobench.problem("quadratic", noise="failure", noise_level=1.0), "s2p", budget=50)
    assert trace.count == 50
    assert trace.best == math.inf
    assert (trace.hits == -1).all()


# -- runs


@pytest.mark.parametrize("name", ["s2p", "stp", "random-search"])
@pytest.mark.parametrize("law", LAWS)
def test_noise_of_level_zero_gives_the_noiseless_run(name, law):
    plain = zobench.run("quadratic", name, budget=300)
    still = zobench.run(zobench.problem("quadratic", noise=law, noise_level=0.0), name, budget=300)
    assert np.array_equal(plain.x, still.x)
    assert np.array_equal(plain.bests, still.bests)


def test_every_route_gives_the_same_bits():
    made = zobench.problem("quadratic", dim=6, noise="heavy-tailed", noise_level=0.3, noise_mode="common")
    key = key_of(made, "stp", budget=200, seed=3)
    trace = zobench.run(made, "stp", budget=200, seed=3)
    again = zobench.minimize(made, solver="stp", budget=200, seed=key)
    given = zobench.minimize(made.value, made.x0, solver="stp", budget=200, seed=key, noise=made.noise.text)
    for result in (again, given):
        assert np.array_equal(result.trace.x, trace.x)
        assert result.trace.best == trace.best
        assert np.array_equal(result.x, trace.x), "of noisy answers the last iterate is the answer"
        assert result.nfev == 200
    other = zobench.minimize(made.value, made.x0, solver="stp", budget=200, seed=key)
    assert not np.array_equal(other.trace.x, trace.x)


def test_workers_give_the_same_bits():
    problems = [f"quadratic:dim=4,noise={law},noise_level=0.3" for law in LAWS]
    keys = Campaign.from_options(problems, ["s2p"], 100, 2).keys
    here, there = (
        {trace.key: trace for batch in run_keys(keys, workers=workers) for trace in batch}
        for workers in (1, 2)
    )
    assert set(here) == set(there) == set(keys)
    for key in keys:
        assert np.array_equal(here[key].x, there[key].x)
        assert np.array_equal(here[key].bests, there[key].bests)


def test_solvers_levels_and_laws_share_directions_and_draws():
    made = [zobench.problem("quadratic", noise="gaussian", noise_level=level) for level in (0.1, 0.2)]
    keys = [key_of(each, "s2p", budget=10) for each in (*made, zobench.problem("quadratic"))]
    assert len({key.digest() for key in keys}) == 3
    assert len({key.stream_key() for key in keys}) == 1
    assert '"noise":""' in keys[2].stream_key(), "what was recorded without noise keeps its bits"


@pytest.mark.parametrize("noise", [*MODED, Noise("quantised", 1e-3), Noise("failure", 0.1)])
def test_a_key_names_its_noise(noise):
    made = zobench.problem("cosh", 3, noise=noise)
    key = key_of(made, "s2p", budget=10)
    assert noise_of(key.noise, {}, "test") == noise == instance_of(key).noise
    assert pickle.loads(pickle.dumps(made)).noise == noise
    head, _, rest = made.name.partition(":")
    (same,) = Campaign.from_options([f"{head}:{rest}"], ["s2p"], 10).keys
    assert same == key


def test_what_a_law_does_not_read_makes_no_other_noise():
    assert Noise("gaussian", 1, degrees=5) == Noise("gaussian", 1.0)
    assert Noise("quantised", 1, mode="common") == Noise("quantised", 1.0)
    made = zobench.problem("quadratic", noise="none", noise_level=0.1, noise_mode="common")
    assert key_of(made, "s2p", budget=10) == key_of("quadratic", "s2p", budget=10)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"noise": "gausian", "noise_level": 1}, "noise must be .*'gausian'; did you mean 'gaussian'"),
        ({"noise": "gaussian"}, "noise_level must be given"),
        ({"noise_level": 0.1}, "noise_level needs a law of noise"),
        ({"noise": "gaussian", "noise_level": -1}, "noise_level must be a number >= 0, got -1"),
        ({"noise": "gaussian", "noise_level": "nan"}, "noise_level must be a number >= 0, got 'nan'"),
        ({"noise": "failure", "noise_level": 1.5}, "noise_level must be a number >= 0 and <= 1, got 1.5"),
        (
            {"noise": "heavy-tailed", "noise_level": 1, "noise_degrees": 0},
            "noise_degrees must be a number >= 0.5",
        ),
        (
            {"noise": "gaussian", "noise_level": 1, "noise_mode": "crn"},
            "noise_mode must be one of 'independent', 'common'",
        ),
        ({"noise": "gaussian", "noise_levle": 1}, "must be one of noise_degrees, noise_level, noise_mode"),
        ({"noise": 3}, "noise must be one of 'gaussian'"),
        ({"noise": "gaussian level=0.1", "noise_level": 0.2}, "noise_level must be given once"),
        ({"noise": Noise("gaussian", 1), "noise_mode": "common"}, "noise_mode must not be"),
    ],
)
def test_wrong_noise_is_refused(chosen, said):
    with pytest.raises(ZobenchError, match=f"problem 'quadratic': .*{said}") as refusal:
        zobench.problem("quadratic", **chosen)
    faults = str(refusal.value).split("; ")
    assert len(faults) == len(set(faults))
    if "noise_level" in chosen and "once" not in said:
        assert "must be given" not in str(refusal.value), "it is given, though wrong"


def test_a_fault_of_the_noise_stands_beside_the_others():
    with pytest.raises(ZobenchError, match=r"condition must be .*; .*noise_level must be"):
        zobench.problem("quadratic", condition=0.1, noise="gaussian", noise_level=-1)


def test_a_theorem_about_exact_values_does_not_speak_of_noisy_runs():
    from zobench.theorem import theorems

    noisy = zobench.problem("quadratic", noise="gaussian", noise_level=0.1)
    assert all(theorem.missing(noisy) for theorem, _ in theorems().values() if not theorem.noise)


def test_the_oracle_without_noise_takes_the_short_way():
    going, _ = drive(BOWL.instance(3), None, walk(query), 10, 3)
    assert going.oracle["altered"] == 0 == going.oracle["sample"]
    assert core.ORACLE.fields["altered"] is not None


def test_a_problem_that_takes_a_name_of_the_noise_breaks_the_contract():
    class Taken(NamedTuple):
        noise_level: float = 1.0

    from zobench.contract.problem import check_problem_is_described
    from zobench.contract.tools import Broken

    check_problem_is_described(BOWL)
    with pytest.raises(Broken, match="noise_level"):
        check_problem_is_described(replace(BOWL, parameters=Taken))
