"""What no method can do better: the limits against print, and cheats that are found out."""

import dataclasses
import math

import numpy as np
import pytest

import zobench
from zobench import limits as limits_module
from zobench.directions import draw
from zobench.kernels import squared_norm
from zobench.limits import curve
from zobench.oracle import query
from zobench.rates import best_preset_speed, speed_of_a_line
from zobench.registry import find
from zobench.theorem import Case, find_theorem
from zobench.trial import Trial
from zobench.verdict.verification import judge

FRESH = 500_000  # a seed range that no default uses


def test_the_speeds_are_those_of_the_table():
    table = {
        3: (0.9206, 0.7881, 0.6315, 0.3940),
        10: (0.5862, 0.4786, 0.3757, 0.2393),
        200: (0.5038, 0.4081, 0.3208, 0.2041),
    }
    for d, (line, three, two, one) in table.items():
        kinds = [best_preset_speed(kind, d) for kind in ("three-point", "two-point", "one-point")]
        assert d * np.array([speed_of_a_line(d), *kinds]) == pytest.approx([line, three, two, one], abs=6e-5)


def test_the_limits_curves():
    q = np.array([1, 10, 100])
    assert curve("values", 20, q) == pytest.approx([0.95, 0.5, np.nan], nan_ok=True)
    assert curve("deterministic", 20, q) == pytest.approx([1.0, 1.0, np.nan], nan_ok=True)
    assert curve("line", 20, q) == pytest.approx(np.exp(-0.5401 / 20 * q / 2), rel=1e-3)
    assert curve("preset", 20, q, kind="one-point") == pytest.approx(np.exp(-0.2195 / 20 * q), rel=1e-3)
    assert curve("bits", 20, q, kind="three-point") == pytest.approx(2 ** (-1 / 20) * 3.0 ** (-q / 40))
    assert curve("stochastic", 20, np.array([20]))[0] == pytest.approx(0.1118, abs=1e-4)
    with pytest.raises(zobench.ZobenchError, match="did you mean 'values'"):
        curve("value", 20, q)


def test_on_the_resisting_function_a_deterministic_method_gets_nowhere():
    dim = 8
    asked = []

    def constant(x):
        asked.append(x)
        return 0.5

    zobench.minimize(constant, np.zeros(dim), solver="coordinate-differences", budget=dim - 1)
    left = np.linalg.svd(np.array(asked))[2][-1]  # orthogonal to all queries
    found = zobench.minimize(
        lambda x: 0.5 * (left @ x - 1.0) ** 2, np.zeros(dim), solver="coordinate-differences", budget=dim - 1
    )
    assert found.fun == pytest.approx(0.5, abs=1e-9)


def test_no_strategy_of_two_values_beats_the_stochastic_limit():
    # the sign of the mean difference along each coordinate, for F(x, xi) = <xi, x>, xi ~ N(delta v, s^2 I)
    rng = np.random.default_rng(5)
    d, draws = 10, 100
    q = 2 * draws
    delta = math.sqrt(d) / (2 * math.sqrt(q))
    norm = math.sqrt(d * (delta**2 + 1))
    gaps = []
    for _ in range(400):
        v = rng.choice([-1.0, 1.0], d)
        xi = delta * v + rng.standard_normal((draws, d))
        u = rng.standard_normal((draws, d))
        guess = np.sign(((xi * u).sum(axis=1)[:, None] * u).sum(axis=0))
        gaps.append(
            delta / math.sqrt(d) * (d + v @ -guess)
        )  # <delta v, x> - min over the box, x = -guess/sqrt(d)
    assert np.mean(gaps) > norm * curve("stochastic", d, np.array([q]))[0]


def knows_the_minimiser(oracle, state, parameters, k, stream):
    """A cheat for a test: the step goes straight to where the data say that the minimiser is."""
    draw(stream, parameters.law, state.s)
    for i in range(state.x.size):
        state.trial[i] = state.x[i]
    query(oracle, state.trial)
    query(oracle, state.trial)
    for i in range(state.x.size):
        state.x[i] *= 0.5


def lines(oracle, state, parameters, stream, count):
    """The gamma step along several lines, counted as one step."""
    for _ in range(count):
        draw(stream, parameters.law, state.s)
        square = squared_norm(state.s)
        for i in range(state.x.size):
            state.trial[i] = state.x[i] + parameters.radius * state.s[i]
        ahead = query(oracle, state.trial)
        for i in range(state.x.size):
            state.trial[i] = state.x[i] - parameters.radius * state.s[i]
        gamma = (ahead - query(oracle, state.trial)) / (2.0 * parameters.radius)
        for i in range(state.x.size):
            state.x[i] -= gamma * state.s[i] / (parameters.L * square)


def forty_lines(oracle, state, parameters, k, stream):
    lines(oracle, state, parameters, stream, 40)


def two_lines(oracle, state, parameters, k, stream):
    lines(oracle, state, parameters, stream, 2)


def knows_three_quarters(oracle, state, parameters, k, stream):
    """A cheat that knows three quarters of the minimiser's coordinates."""
    query(oracle, state.x)
    for i in range(state.x.size):
        if i % 4:
            state.x[i] *= 0.1
    query(oracle, state.x)


def forty_choices(oracle, state, parameters, k, stream):
    """The best of x - s, x and x + s forty times, counted as one choice between two outcomes."""
    for _ in range(40):
        draw(stream, 0, state.s)
        best, sign = np.inf, 0.0
        for j in range(3):
            for i in range(state.x.size):
                state.trial[i] = state.x[i] + 0.1 * (j - 1.0) * state.s[i]
            answer = query(oracle, state.trial)
            if answer < best:
                best, sign = answer, 0.1 * (j - 1.0)
        for i in range(state.x.size):
            state.x[i] += sign * state.s[i]


LIMITS_MUTANTS = {
    "knows the minimiser": knows_the_minimiser,
    "knows three quarters of it": knows_three_quarters,
    "forty lines a step": forty_lines,
    "two lines a step": two_lines,
    "forty choices a step": forty_choices,
}


def cheats(name, mutant, claim, monkeypatch):
    """The verdict of a limit on a cheat in the place of S2P, where the minimiser is at 0."""
    theorem, own = find_theorem(name)[0], find("solvers", "s2p")
    cell = next(cell for cell in theorem.cells if (cell.solver, cell.claim) == ("s2p", claim))

    def centred(instance, seed, inside=False):
        made, radius = HIDDEN(instance, seed, inside)
        shift, zero = np.array(made.x_star), np.zeros(made.dim)
        data = made.data._replace(x_star=zero)
        return dataclasses.replace(made, x0=made.x0 - shift, x_star=zero, data=data, _keep={}), radius

    monkeypatch.setattr(limits_module, "hidden_ball", centred)
    cheat = dataclasses.replace(own, step=LIMITS_MUTANTS[mutant])
    return judge(theorem, cheat, cell, first_seed=FRESH)


@pytest.mark.mutants("bound", {"limit-sphere-values": ["knows the minimiser", "knows three quarters of it"]})
def test_cheats_and_the_limit_of_values(row, mutant, rejects, monkeypatch):
    rejects(cheats(row, mutant, "", monkeypatch))


@pytest.mark.mutants(
    "bound (bits 2)", {"limit-comparison-bits": ["knows the minimiser", "forty choices a step"]}
)
def test_cheats_and_the_limit_of_bits(row, mutant, rejects, monkeypatch):
    rejects(cheats(row, mutant, "bits 2", monkeypatch))


@pytest.mark.mutants("bound (line)", {"limits": ["forty lines a step", "two lines a step"]})
def test_cheats_and_the_limit_of_a_line(row, mutant, rejects, monkeypatch):
    rejects(cheats(row, mutant, "line", monkeypatch))


def draws_anew(start, calls):
    """A method that is not deterministic: the second run has other directions."""

    def started(trial, **given):
        calls.append(given)
        return start(trial, **given, again=len(calls))

    return started


def asks_in_secret(start, calls):
    """A method that asks 2d values more, which nobody counts, and starts one gradient step further."""

    def started(trial, **given):
        run, function = start(trial, **given), given["function"]
        axes = 1e-3 * np.eye(run.x0.size)
        slope = [function(run.x0 + axis) - function(run.x0 - axis) for axis in axes]
        run.x -= np.array(slope) / 2e-3
        return run

    return started


SECRETS = {"draws anew": draws_anew, "asks in secret": asks_in_secret}


@pytest.mark.mutants("property", {"limit-deterministic-values": SECRETS})
def test_cheats_and_the_limit_of_deterministic_methods(row, mutant, rejects, monkeypatch):
    theorem, _ = find_theorem(row)
    cell = next(cell for cell in theorem.cells if cell.solver == "s2p")
    monkeypatch.setattr(Trial, "start", SECRETS[mutant](Trial.start, []))
    rejects(judge(theorem, find("solvers", "s2p"), cell, seeds=5, first_seed=FRESH))


def knows_the_signs(oracle, state, parameters, k, stream):
    """A cheat that knows which way f falls along each axis: here down."""
    query(oracle, state.x)
    for i in range(state.x.size):
        state.x[i] -= 1.0
    query(oracle, state.x)


def knows_most_signs(oracle, state, parameters, k, stream):
    """The same along all axes but the first."""
    query(oracle, state.x)
    for i in range(1, state.x.size):
        state.x[i] -= 1.0
    query(oracle, state.x)


SIGN_MUTANTS = {"knows the signs": knows_the_signs, "knows all signs but one": knows_most_signs}


@pytest.mark.mutants("bound", {"limit-stochastic-two-point": SIGN_MUTANTS})
def test_cheats_and_the_limit_of_two_values_a_sample(row, mutant, rejects, monkeypatch):
    theorem, own = find_theorem(row)
    monkeypatch.setattr(limits_module, "hidden_signs", lambda trial: np.ones(trial.case.dim))
    rejects(judge(theorem, dataclasses.replace(own, step=SIGN_MUTANTS[mutant]), theorem.cells[0]))


def test_the_signs_are_hidden_and_two_queries_have_one_sample(monkeypatch):
    theorem, own = find_theorem("limit-stochastic-two-point")
    case = Case(zobench.problem("quadratic", 20), 200, "-")
    signs, values = [], []
    start = Trial.start

    def started(trial, function):
        x = case.instance.x0 + np.eye(20)[0]
        values.append([function(x) for _ in range(2000)])
        return start(trial, function=function)

    monkeypatch.setattr(Trial, "start", started)
    for seed in range(40):
        trial = Trial(theorem, own, case, {}, seed)
        signs.append(limits_module.hidden_signs(trial))
        trial.sides()
    assert np.abs(np.mean(signs, axis=0)).max() < 5 / math.sqrt(40)
    pairs = np.array(values).reshape(40, 1000, 2)
    assert (pairs[..., 0] == pairs[..., 1]).all()
    # xi_1 ~ N(delta v_1, 1), delta = sqrt(20 / 800)
    along = pairs[..., 0] * np.array(signs)[:, :1]
    assert along.mean() == pytest.approx(math.sqrt(20 / 800), abs=4 / math.sqrt(along.size))
    assert along.std() == pytest.approx(1.0, abs=4 / math.sqrt(2 * along.size))


def test_an_eighth_of_the_range_in_the_box_is_the_limit_that_is_drawn():
    for d, q in ((3, 2), (20, 200)):
        delta, radius = math.sqrt(d / (4 * q)), math.sqrt(d)
        norm = math.sqrt(d * (delta**2 + 1))
        drawn = norm * radius * curve("stochastic", d, np.array([q]))[0]
        assert (1 - limits_module.SIGNS) * 2 * delta * radius * math.sqrt(d) == pytest.approx(drawn)


HIDDEN = limits_module.hidden_ball


def test_the_hidden_minimiser_is_uniform_and_the_start_says_nothing_of_it():
    instance = zobench.problem("quadratic", 5)
    away = []
    for seed in range(2000):
        made, radius = HIDDEN(instance, seed, inside=True)
        assert made.value(made.x_star) == 0.0
        away.append((made.x_star - instance.x0) / radius)
    lengths = np.linalg.norm(away, axis=1)
    assert np.mean(lengths**5) == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / 2000))
    assert np.abs(np.mean(away, axis=0)).max() < 4 * np.std(away) / math.sqrt(2000)
