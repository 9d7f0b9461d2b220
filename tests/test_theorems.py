"""The theorems hold on fresh seeds, and broken solvers are found out."""

import dataclasses
import math

import numpy as np
import pytest

import zobench
from zobench.directions import draw
from zobench.oracle import hold, query
from zobench.solver import solver
from zobench.theorem import Case, find_theorem, theorems
from zobench.verdict.verification import judge

# Mutants: the step of a real solver with one thing broken, written out as a kernel.


def tries(oracle, state, shift):
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.s[i]
    return query(oracle, state.trial)


def go(state, shift):
    for i in range(state.x.size):
        state.x[i] = state.x[i] + shift * state.s[i]


def s2p_alpha(state, parameters):
    return parameters.alpha0 / np.sqrt(parameters.steps * state.x.size)


def s2p_argmax(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    alpha = s2p_alpha(state, parameters)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    go(state, alpha if plus > minus else -alpha)


def s2p_always_plus(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    alpha = s2p_alpha(state, parameters)
    tries(oracle, state, alpha)
    tries(oracle, state, -alpha)
    go(state, alpha)


def s2p_scaled(oracle, state, parameters, k, stream, factor):
    draw(stream, parameters.law, state.s)
    alpha = factor * s2p_alpha(state, parameters)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    go(state, alpha if plus <= minus else -alpha)


def s2p_times_ten(oracle, state, parameters, k, stream):
    s2p_scaled(oracle, state, parameters, k, stream, 10.0)


def s2p_times_three(oracle, state, parameters, k, stream):
    s2p_scaled(oracle, state, parameters, k, stream, 3.0)


def s2p_a_tenth(oracle, state, parameters, k, stream):
    s2p_scaled(oracle, state, parameters, k, stream, 0.1)


def s2p_root_d_missing(oracle, state, parameters, k, stream):
    s2p_scaled(oracle, state, parameters, k, stream, np.sqrt(state.x.size))


def s2p_half_the_coordinates(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    for i in range(0, state.x.size, 2):
        state.s[i] = 0.0
    alpha = s2p_alpha(state, parameters)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    go(state, alpha if plus <= minus else -alpha)


def s2p_unit_directions(oracle, state, parameters, k, stream):
    draw(stream, 3, state.s)
    alpha = s2p_alpha(state, parameters)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    go(state, alpha if plus <= minus else -alpha)


S2P_MUTANTS = {
    "argmax": s2p_argmax,
    "always plus": s2p_always_plus,
    "step x10": s2p_times_ten,
    "step x3": s2p_times_three,
    "step x0.1": s2p_a_tenth,
    "sqrt(d) missing": s2p_root_d_missing,
    "half the coordinates": s2p_half_the_coordinates,
    "unit directions": s2p_unit_directions,
}


def stp_argmax(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    alpha = parameters.alpha0 / np.sqrt(parameters.steps)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    go(state, alpha if plus > minus else -alpha)


def stp_times_ten(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    alpha = 10.0 * parameters.alpha0 / np.sqrt(parameters.steps)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    if min(plus, minus) < state.value[0]:
        state.value[0] = min(plus, minus)
        go(state, alpha if plus <= minus else -alpha)


def stp_a_tenth(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    alpha = 0.1 * parameters.alpha0 / np.sqrt(parameters.steps)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    if min(plus, minus) < state.value[0]:
        state.value[0] = min(plus, minus)
        go(state, alpha if plus <= minus else -alpha)


def stp_half_the_coordinates(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    for i in range(0, state.x.size, 2):
        state.s[i] = 0.0
    alpha = parameters.alpha0 / np.sqrt(parameters.steps)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    if min(plus, minus) < state.value[0]:
        state.value[0] = min(plus, minus)
        go(state, alpha if plus <= minus else -alpha)


def stp_forgets(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    alpha = parameters.alpha0 / np.sqrt(parameters.steps)
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    go(state, alpha if plus <= minus else -alpha)


STP_MUTANTS = {
    "argmax": stp_argmax,
    "step x10": stp_times_ten,
    "step x0.1": stp_a_tenth,
    "half the coordinates": stp_half_the_coordinates,
    "forgets the iterate": stp_forgets,
}


def broken(name, step):
    return dataclasses.replace(solver(name), step=step)


def quick_cells(name):
    theorem, own = find_theorem(name)
    return [(theorem, own, cell) for cell in theorem.cells if cell.quick]


FRESH = 100_000  # a seed range that no default uses


@pytest.mark.parametrize("name", sorted(theorems()))
def test_the_correct_solver_passes_on_fresh_seeds(name):
    for theorem, own, cell in quick_cells(name):
        verdict = judge(theorem, own, cell, first_seed=FRESH, comparisons=20)
        assert verdict.verdict in ("supported", "not refuted"), verdict
        assert 0.0 < verdict.tightness < 1.1


def tight(name):
    theorem, _ = find_theorem(name)
    return theorem, next(cell for cell in theorem.cells if cell.tight and cell.quick)


S2P_ROWS = ("s2p-smooth-stationary", "exact-s2p-identity")


@pytest.mark.mutants("bound", {S2P_ROWS[0]: S2P_MUTANTS})
def test_s2p_mutants_and_the_bound(row, mutant, rejects):
    theorem, cell = tight(row)
    rejects(judge(theorem, broken("s2p", S2P_MUTANTS[mutant]), cell, first_seed=FRESH, comparisons=20))


@pytest.mark.mutants("exact-s2p-identity", {S2P_ROWS: S2P_MUTANTS})
def test_s2p_mutants_and_the_identity(row, mutant, rejects):
    theorem, cell = tight("exact-s2p-identity")
    rejects(judge(theorem, broken("s2p", S2P_MUTANTS[mutant]), cell, first_seed=FRESH, comparisons=20))


@pytest.mark.mutants("bound", {"stp-nonconvex-fixed": STP_MUTANTS}, unseen={"forgets the iterate"})
def test_stp_mutants_and_the_bound(row, mutant, rejects):
    theorem, _ = find_theorem(row)
    rejects(
        [
            judge(theorem, broken("stp", STP_MUTANTS[mutant]), cell, first_seed=FRESH, comparisons=20)
            for cell in theorem.cells
            if cell.problem == "quadratic" and cell.quick
        ]
    )


def uphill(step):
    """Count the steps of STP that go uphill."""
    method, values = broken("stp", step), []
    instance = zobench.problem("quadratic", dim=10)
    zobench.minimize(
        instance,
        solver=method,
        budget=801,
        parameters={"alpha0": 3.0},
        callback=lambda x: values.append(instance.value(x)),
    )
    return int(np.sum(np.diff(values) > 0.0))


@pytest.mark.mutants("never uphill", {"stp-nonconvex-fixed": ["forgets the iterate", "argmax"]})
def test_stp_that_forgets_the_iterate_goes_uphill(row, mutant, rejects):
    # the bound alone cannot see this mutant; the exact property does
    assert uphill(solver("stp").step) == 0
    steps = uphill(STP_MUTANTS[mutant])
    rejects(steps > 0, f"{steps} of 400 steps")


@pytest.mark.parametrize(
    ("law", "m1"),
    [
        ("gaussian", math.sqrt(2 / math.pi)),
        ("rademacher", math.sqrt(0.5)),
        ("sphere", math.sqrt(10) * 0.25869),
    ],
)
def test_the_bound_is_the_printed_formula(law, m1):
    # sqrt(d/K) / m1 (D0/alpha0 + L alpha0/2) at the best alpha0 is sqrt(2 L D0 d/K) / m1
    theorem, _ = find_theorem("s2p-smooth-stationary")
    case = Case(zobench.problem("quadratic", dim=10), 1000, law)
    expected = math.sqrt(2 * case.gap * 10 / 1000) / m1
    assert theorem.bound(case, 1000) == pytest.approx(
        expected, rel=2e-5
    )  # kappa_10 is printed with five digits


def test_the_bound_holds_at_every_prefix():
    theorem, own = find_theorem("s2p-smooth-stationary")
    case = Case(zobench.problem("quadratic", dim=10), 1000, "gaussian")
    means = []
    for seed in range(30):
        trace = zobench.run(
            case.instance, own, budget=2000, seed=seed, parameters=theorem.parameters(case), observe=True
        )
        means.append(trace.running_means)
    for queries, mean in zip(trace.queries, np.mean(means, axis=0), strict=True):
        if queries >= 20:
            assert mean <= 1.1 * theorem.bound(case, max(1, queries // 2))


def test_a_problem_without_the_constants_is_refused():
    theorem, own = find_theorem("s2p-smooth-stationary")
    cell = dataclasses.replace(theorem.cells[0], problem="cosh")
    with pytest.raises(zobench.ZobenchError, match="assumes a certificate of 'L', which problem 'cosh'"):
        judge(theorem, own, cell)


def test_an_unknown_theorem_is_named():
    with pytest.raises(zobench.ZobenchError, match="did you mean 's2p-smooth-stationary'"):
        zobench.verify(["s2p-smooth-stationery"])


def test_verify_is_deterministic():
    first, second = (zobench.verify(["exact-s2p-identity"], quick=True, seeds=6) for _ in range(2))
    assert first == second
