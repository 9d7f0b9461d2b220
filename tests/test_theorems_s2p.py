"""The theorems of S2P's step rules: constants, exact companions, and mutants that are found out."""

import dataclasses
import math

import numpy as np
import pytest

import zobench
from zobench.certificate import Certificate, Certificates
from zobench.directions import draw
from zobench.oracle import hold, query
from zobench.solver import solver
from zobench.theorem import Case, find_theorem
from zobench.verification import judge

FRESH = 300_000  # a seed range that no default uses

# Mutants: the step of the real solver with one thing broken, written out as a kernel.


def tries(oracle, state, shift):
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.s[i]
    return query(oracle, state.trial)


def go(state, shift):
    for i in range(state.x.size):
        state.x[i] += shift * state.s[i]


def difference(oracle, state, parameters):
    h = parameters.radius
    return (tries(oracle, state, h) - tries(oracle, state, -h)) / (2.0 * h)


def square(s):
    total = 0.0
    for i in range(s.size):
        total += s[i] ** 2
    return total


def gamma_scaled(oracle, state, parameters, stream, factor):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    go(state, -factor * difference(oracle, state, parameters) / (parameters.L * square(state.s)))


def gamma_times_ten(oracle, state, parameters, k, stream):
    gamma_scaled(oracle, state, parameters, stream, 10.0)


def gamma_times_three(oracle, state, parameters, k, stream):
    gamma_scaled(oracle, state, parameters, stream, 3.0)


def gamma_times_2_1(oracle, state, parameters, k, stream):
    gamma_scaled(oracle, state, parameters, stream, 2.1)


def gamma_a_tenth(oracle, state, parameters, k, stream):
    gamma_scaled(oracle, state, parameters, stream, 0.1)


def gamma_d_missing(oracle, state, parameters, k, stream):
    gamma_scaled(oracle, state, parameters, stream, 1.0 * state.x.size)


def gamma_uphill(oracle, state, parameters, k, stream):
    gamma_scaled(oracle, state, parameters, stream, -1.0)


def gamma_one_over_d(oracle, state, parameters, k, stream):
    gamma_scaled(oracle, state, parameters, stream, 1.0 / state.x.size)


def gamma_half_the_coordinates(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    norm = square(state.s)
    for i in range(0, state.x.size, 2):
        state.s[i] = 0.0
    go(state, -difference(oracle, state, parameters) / (parameters.L * norm))


def gamma_unit_directions(oracle, state, parameters, k, stream):
    draw(stream, 3, state.s)
    go(state, -difference(oracle, state, parameters) / (parameters.L * state.x.size))


def gamma_always_plus(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    go(state, abs(difference(oracle, state, parameters)) / (parameters.L * square(state.s)))


def gamma_divided_by_d(oracle, state, parameters, k, stream):
    """The trap: with Gaussian directions d is not |s|^2."""
    draw(stream, parameters.law, state.s)
    go(state, -difference(oracle, state, parameters) / (parameters.L * state.x.size))


GAMMA_MUTANTS = {
    "step x10": gamma_times_ten,
    "step x3": gamma_times_three,
    "step x2.1": gamma_times_2_1,
    "step x0.1": gamma_a_tenth,
    "d missing": gamma_d_missing,
    "1/d too many": gamma_one_over_d,
    "wrong sign": gamma_uphill,
    "always plus": gamma_always_plus,
    "half the coordinates": gamma_half_the_coordinates,
    "unit directions": gamma_unit_directions,
}


def dynamic_scaled(oracle, state, parameters, stream, alpha, sign):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    go(state, sign * (alpha if plus <= minus else -alpha))


def dynamic_times_ten(oracle, state, parameters, k, stream):
    dynamic_scaled(oracle, state, parameters, stream, 10.0 * dynamic_alpha(state, parameters, k), 1.0)


def dynamic_times_three(oracle, state, parameters, k, stream):
    dynamic_scaled(oracle, state, parameters, stream, 3.0 * dynamic_alpha(state, parameters, k), 1.0)


def dynamic_a_tenth(oracle, state, parameters, k, stream):
    dynamic_scaled(oracle, state, parameters, stream, 0.1 * dynamic_alpha(state, parameters, k), 1.0)


def dynamic_root_d_missing(oracle, state, parameters, k, stream):
    alpha = np.sqrt(state.x.size) * dynamic_alpha(state, parameters, k)
    dynamic_scaled(oracle, state, parameters, stream, alpha, 1.0)


def dynamic_argmax(oracle, state, parameters, k, stream):
    dynamic_scaled(oracle, state, parameters, stream, dynamic_alpha(state, parameters, k), -1.0)


def dynamic_constant(oracle, state, parameters, k, stream):
    """A step that does not decrease."""
    dynamic_scaled(oracle, state, parameters, stream, dynamic_alpha(state, parameters, 0), 1.0)


def dynamic_stationary(oracle, state, parameters, k, stream):
    """The fixed step of the same horizon: a good method, and not the theorem's."""
    dynamic_scaled(oracle, state, parameters, stream, dynamic_alpha(state, parameters, 999), 1.0)


def dynamic_unit_directions(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, 3, state.s)
    alpha = dynamic_alpha(state, parameters, k)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    go(state, alpha if plus <= minus else -alpha)


def dynamic_half_the_coordinates(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    for i in range(0, state.x.size, 2):
        state.s[i] = 0.0
    alpha = dynamic_alpha(state, parameters, k)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    go(state, alpha if plus <= minus else -alpha)


def dynamic_alpha(state, parameters, k):
    return parameters.alpha0 / np.sqrt((k + 1) * state.x.size)


DYNAMIC_MUTANTS = {
    "step x10": dynamic_times_ten,
    "step x3": dynamic_times_three,
    "step x0.1": dynamic_a_tenth,
    "sqrt(d) missing": dynamic_root_d_missing,
    "argmax": dynamic_argmax,
    "constant step": dynamic_constant,
    "fixed step": dynamic_stationary,
    "unit directions": dynamic_unit_directions,
    "half the coordinates": dynamic_half_the_coordinates,
}


def clipped_scaled(oracle, state, parameters, stream, factor):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    gamma = difference(oracle, state, parameters)
    scale = parameters.L0 + parameters.L1 * abs(gamma) / parameters.m1
    go(state, -factor * gamma / (2.0 * parameters.B * state.x.size * scale))


def clipped_times_ten(oracle, state, parameters, k, stream):
    clipped_scaled(oracle, state, parameters, stream, 10.0)


def clipped_a_tenth(oracle, state, parameters, k, stream):
    clipped_scaled(oracle, state, parameters, stream, 0.1)


def clipped_uphill(oracle, state, parameters, k, stream):
    clipped_scaled(oracle, state, parameters, stream, -1.0)


def clipped_d_missing(oracle, state, parameters, k, stream):
    clipped_scaled(oracle, state, parameters, stream, 1.0 * state.x.size)


def clipped_not_at_all(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    go(state, -difference(oracle, state, parameters) / (parameters.L0 * state.x.size))


def clipped_unit_directions(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, 3, state.s)
    gamma = difference(oracle, state, parameters)
    scale = parameters.L0 + parameters.L1 * abs(gamma) / parameters.m1
    go(state, -gamma / (2.0 * parameters.B * state.x.size * scale))


def clipped_half_the_coordinates(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    for i in range(0, state.x.size, 2):
        state.s[i] = 0.0
    gamma = difference(oracle, state, parameters)
    scale = parameters.L0 + parameters.L1 * abs(gamma) / parameters.m1
    go(state, -gamma / (2.0 * parameters.B * state.x.size * scale))


CLIPPED_MUTANTS = {
    "step x10": clipped_times_ten,
    "step x0.1": clipped_a_tenth,
    "wrong sign": clipped_uphill,
    "d missing": clipped_d_missing,
    "not clipped": clipped_not_at_all,
    "unit directions": clipped_unit_directions,
    "half the coordinates": clipped_half_the_coordinates,
}


def broken(step):
    return dataclasses.replace(solver("s2p"), step=step)


def judged(name, method):
    """The verdicts of a method on the theorem's quick cells."""
    theorem, _ = find_theorem(name)
    return [
        judge(theorem, method, cell, first_seed=FRESH, comparisons=20) for cell in theorem.cells if cell.quick
    ]


def refuted(name, method):
    return "refuted" in [verdict.verdict for verdict in judged(name, method)]


def one_step(method, start, law, seeds=1000):
    """How far the mean of f after one clipped step lies above what the lemma allows, in standard errors."""
    instance = zobench.problem("cosh", 10, start=start)
    theorem, _ = find_theorem("s2p-relaxed-clipped")
    case = Case(instance, 1, law)
    m1, l0, l1 = case.directions.m1, case.constant("L0"), case.constant("L1")
    v = m1 / (2.0 * math.sqrt(10))
    b = 2.0 * (math.expm1(v) - v) / v**2
    norm = float(np.linalg.norm(instance.gradient(instance.x0)))
    drop = m1**2 * norm**2 / (4.0 * b * 10 * (l0 + l1 * norm))
    values = []
    for seed in range(FRESH, FRESH + seeds):
        trace = zobench.run(instance, method, budget=2, seed=seed, parameters=theorem.parameters(case))
        values.append(trace.value - trace.start)
    excess = np.array(values) + drop
    if not np.isfinite(excess).all():
        return math.inf
    return float(excess.mean() / (excess.std(ddof=1) / math.sqrt(seeds)))


@pytest.mark.parametrize("mutant", sorted(GAMMA_MUTANTS))
@pytest.mark.parametrize("name", ["s2p-smooth-gamma", "s2p-pl-gamma"])
def test_mutants_of_the_gamma_rule_are_refuted_by_the_bound(name, mutant):
    assert refuted(name, broken(GAMMA_MUTANTS[mutant]))


def test_gaussian_directions_with_d_for_their_squared_norm_are_refuted_in_two_dimensions():
    verdicts = judged("s2p-smooth-gamma", broken(gamma_divided_by_d))
    assert [v.dim for v in verdicts if v.verdict == "refuted"] == [2]


def dynamic_identity():
    """On a quadratic the theorem's two sides differ by f(x_K) and by tr A for L d, and by nothing else."""
    theorem, _ = find_theorem("s2p-smooth-dynamic")

    def right(trace, case):
        k = np.arange(1, case.steps + 1)
        alphas = theorem.parameters(case)["alpha0"] / np.sqrt(k * case.dim)
        rise = case.constant("trace") * np.sum(alphas**2) / 2.0
        return (trace.start - trace.value + rise) / (case.directions.m1 * alphas.sum())

    return dataclasses.replace(theorem, right=right)


@pytest.mark.parametrize("mutant", ["none", *sorted(set(DYNAMIC_MUTANTS) - {"fixed step"})])
def test_mutants_of_the_dynamic_rule_are_refuted_by_the_identity(mutant):
    method = broken(DYNAMIC_MUTANTS[mutant]) if mutant in DYNAMIC_MUTANTS else solver("s2p")
    identity = dynamic_identity()
    verdict = judge(identity, method, identity.cells[0], first_seed=FRESH, comparisons=20).verdict
    assert (verdict == "refuted") == (mutant != "none")


def test_a_fixed_step_passes_bound_and_identity_and_fails_the_length_of_the_steps():
    # |x_{k+1} - x_k| = alpha0 / sqrt(k + 1) where |s|^2 = d
    def lengths(method):
        instance = zobench.problem("quadratic", 10)
        points = [instance.x0]
        chosen = {"rule": "dynamic", "alpha0": 2.0, "law": "sphere"}
        zobench.minimize(
            instance, solver=method, budget=200, parameters=chosen, callback=lambda x: points.append(x.copy())
        )
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        steps = steps[steps > 0.0]
        return steps * np.sqrt(np.arange(1, steps.size + 1)) / 2.0

    own = lengths(solver("s2p"))
    assert own.size == 100
    assert own == pytest.approx(1.0)
    assert lengths(broken(dynamic_stationary))[0] < 0.1
    verdicts = judged("s2p-smooth-dynamic", broken(dynamic_stationary))
    assert "refuted" not in [verdict.verdict for verdict in verdicts]


@pytest.mark.parametrize("mutant", ["step x10", "step x3", "sqrt(d) missing", "argmax", "constant step"])
def test_mutants_of_the_dynamic_rule_are_refuted_by_the_bound(mutant):
    assert refuted("s2p-smooth-dynamic", broken(DYNAMIC_MUTANTS[mutant]))


@pytest.mark.parametrize("mutant", sorted(CLIPPED_MUTANTS))
def test_mutants_of_the_clipped_rule_are_refuted_by_the_bound(mutant):
    assert refuted("s2p-relaxed-clipped", broken(CLIPPED_MUTANTS[mutant]))


def test_a_far_start_hides_what_a_near_start_shows():
    theorem, _ = find_theorem("s2p-relaxed-clipped")
    near, far = theorem.cells[:2]
    method = broken(clipped_times_ten)
    assert judge(theorem, method, near, first_seed=FRESH).verdict == "refuted"
    assert judge(theorem, method, far, first_seed=FRESH).verdict == "supported"


@pytest.mark.parametrize("law", ["sphere", "rademacher"])
@pytest.mark.parametrize("start", [1.0, 6.0])
def test_one_clipped_step_falls_as_far_as_the_lemma_says(start, law):
    assert one_step(solver("s2p"), start, law) < 0.0
    for mutant in ("step x0.1", "wrong sign", "unit directions"):
        assert one_step(broken(CLIPPED_MUTANTS[mutant]), start, law) > 6.0, mutant
    if start == 6.0:
        assert one_step(broken(clipped_not_at_all), start, law) == math.inf


def case_of(problem, dim, steps, law, **parameters):
    return Case(zobench.problem(problem, dim, **parameters), steps, law)


def test_the_bounds_are_the_printed_formulas():
    bound = {name: find_theorem(f"s2p-{name}")[0].bound for name in SHORT}
    case = case_of("quadratic", 10, 100, "rademacher", condition=4.0)
    gap, rho = case.gap, 1e-5
    assert bound["smooth-gamma"](case, 100) == pytest.approx(2 * 10 * gap / 100 + rho**2 * 100 / 4)
    assert bound["pl-gamma"](case, 25) == pytest.approx(
        (1 - 0.25 / 10) ** 25 * gap + rho**2 * 100 / (8 * 0.25)
    )
    h, s = sum(1 / j for j in range(1, 101)), sum(j**-0.5 for j in range(1, 101))
    a0 = math.sqrt(2 * gap)
    printed = math.sqrt(10) * (gap / a0 + a0 * h / 2) / (math.sqrt(0.5) * s)
    assert bound["smooth-dynamic"](case, 100) == pytest.approx(printed)
    case = case_of("cosh", 10, 100, "rademacher", b=2.0)
    v = math.sqrt(0.5) / (2 * math.sqrt(10))
    w = 8 * (1 + v / 3 + v**2 / 12 + v**3 / 60) * 10 * case.gap / 100  # 4 B d D0 / (m1^2 K), m1^2 = 1/2
    printed = (2 * w + math.sqrt(4 * w**2 + 4 * w)) / 2
    assert bound["relaxed-clipped"](case, 100) == pytest.approx(printed, rel=1e-5)


SHORT = ("smooth-gamma", "smooth-dynamic", "pl-gamma", "relaxed-clipped")


def test_the_pl_cells_keep_the_tails_of_the_last_value_light():
    theorem, _ = find_theorem("s2p-pl-gamma")
    assert all(cell.steps <= cell.dim**2 / 4 for cell in theorem.cells)


def test_the_other_definition_of_relaxed_smoothness_is_refused():
    theorem, _ = find_theorem("s2p-relaxed-clipped")
    instance = zobench.problem("cosh", 5)
    assert theorem.missing(instance) == ""
    kept = [item for name, item in instance.certificates.items() if name != "L1"]
    other = Certificates(*kept, Certificate("L1", 1.0, "For the test.", definition="G"))
    changed = dataclasses.replace(instance, certificates=other)
    assert "assumes definition H of 'L1', and problem 'cosh' certifies definition G" in theorem.missing(
        changed
    )
