"""The exact moments of the random gradient-free methods: against quadrature, and what they refute."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

import zobench
from zobench.directions import draw
from zobench.oracle import query
from zobench.solver import solver
from zobench.theorem import Case, find_theorem
from zobench.verdict.verification import judge

FRESH = 200_000  # a seed range that no default uses
ACCELERATED = "accelerated-random-gradient-free"


def verdicts(name, method, seeds=40, change=None):
    """The verdicts of the quick cells of a theorem on a mutant."""
    theorem, _ = find_theorem(name)
    due = theorem.parameters
    if change is not None:
        theorem = dataclasses.replace(theorem, parameters=lambda case: {**due(case), **change(case)})
    return [
        judge(theorem, method, cell, first_seed=FRESH, comparisons=20, seeds=seeds)
        for cell in theorem.cells
        if cell.quick
    ]


def broken(name, step):
    return dataclasses.replace(solver(name), step=step)


# The recursions against Gauss-Hermite quadrature, which is exact for the polynomials that arise.


def rgf_step(state, u, instance, p, k):
    (x,) = state
    quotient = (instance.value(x + p["radius"] * u) - instance.value(x)) / p["radius"]
    return (x - p["h"] * quotient * u,)


def fg_step(state, u, instance, p, k):
    x, v, gamma = state
    alpha = max(np.roots([1 / p["theta"], gamma - p["mu"], -gamma]).real)
    following = (1 - alpha) * gamma + alpha * p["mu"]
    share, beta = alpha * p["mu"] / following, alpha * gamma / (gamma + alpha * p["mu"])
    y = (1 - beta) * x + beta * v
    g = (instance.value(y + p["radius"] * u) - instance.value(y)) / p["radius"] * u
    v = (1 - share) * v + share * y - p["theta"] / alpha * g
    return y - p["h"] * g, v, following


def quadrature_mean(state, step, instance, p, steps):
    """E of the mean over k < steps of f(x_k), by nested quadrature over two Gaussian variates a step."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    weights = weights / weights.sum()

    def total(state, k):
        here = instance.value(state[0])
        if k + 1 == steps:
            return here
        ahead = 0.0
        for (a, wa), (b, wb) in itertools.product(zip(nodes, weights, strict=True), repeat=2):
            ahead += wa * wb * total(step(state, np.array([a, b]), instance, p, k), k + 1)
        return here + ahead

    return total(state, 0) / steps


@pytest.mark.parametrize("name", ["exact-rgf-moments", "exact-fg-moments"])
@pytest.mark.parametrize("rotation", ["no", "yes"])
def test_the_recursion_is_what_quadrature_gives(name, rotation):
    theorem, _ = find_theorem(name)
    instance, steps = zobench.problem("quadratic", dim=2, condition=5, rotation=rotation), 3
    case = Case(instance, steps, "gaussian")
    p = {"radius": theorem.parameters(case)["radius"], "h": 1 / 24, "theta": 1 / 576, "mu": 0.2}
    state, step = ((instance.x0,), rgf_step)
    if name == "exact-fg-moments":
        state, step = (instance.x0, instance.x0, 1.0), fg_step
    expected = quadrature_mean(state, step, instance, p, steps)
    assert theorem.bound(case, steps) == pytest.approx(expected, rel=1e-10)
    # the mutant: the theta of the journal
    if name == "exact-fg-moments":
        printed = quadrature_mean(state, step, instance, {**p, "theta": 1 / 144}, steps)
        assert theorem.bound(case, steps) != pytest.approx(printed, rel=1e-3)


def test_a_problem_without_modes_is_refused():
    theorem, _ = find_theorem("exact-rgf-moments")
    with pytest.raises(zobench.ZobenchError, match="a quadratic with a known minimiser is needed"):
        theorem.bound(Case(zobench.problem("log-cosh", dim=3), 10, "gaussian"), 10)


# The accelerated method: mutants as kernels, and as the solver with other parameters than are due.


def fg_variant(oracle, state, parameters, stream, sign, momentum, moved):
    """One step of method (60) with what may be broken in it."""
    radius, mu, theta = parameters.radius, parameters.mu, parameters.theta
    b = theta * (state.gamma[0] - mu)
    alpha = 2.0 * theta * state.gamma[0] / (b + np.sqrt(b * b + 4.0 * theta * state.gamma[0]))
    beta = momentum * alpha * state.gamma[0] / (state.gamma[0] + alpha * mu)
    state.gamma[0] = (1.0 - alpha) * state.gamma[0] + alpha * mu
    share = alpha * mu / state.gamma[0]
    draw(stream, parameters.law, state.u)
    for i in range(state.x.size):
        state.x[i] = (1.0 - beta) * state.x[i] + beta * state.v[i]
        if i % moved != 0:
            state.u[i] = 0.0
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + radius * state.u[i]
    quotient = (query(oracle, state.trial) - query(oracle, state.x)) / radius
    for i in range(state.x.size):
        g = quotient * state.u[i]
        state.v[i] = (1.0 - share) * state.v[i] + share * state.x[i] - theta / alpha * g
        state.x[i] -= sign * parameters.step_size * g


def fg_correct(oracle, state, parameters, k, stream):
    fg_variant(oracle, state, parameters, stream, 1.0, 1.0, 1)


def fg_wrong_sign(oracle, state, parameters, k, stream):
    fg_variant(oracle, state, parameters, stream, -1.0, 1.0, 1)


def fg_no_momentum(oracle, state, parameters, k, stream):
    fg_variant(oracle, state, parameters, stream, 1.0, 0.0, 1)


def fg_half(oracle, state, parameters, k, stream):
    fg_variant(oracle, state, parameters, stream, 1.0, 1.0, 2)


def step_size(factor):
    return lambda case: {"step_size": factor / (4.0 * (case.dim + 4) * case.constant("L"))}


def other(**given):
    return lambda case: given


#: Mutant: its kernel (None: the solver's own), its parameters, whether the bound of rgf-accelerated sees it.
FG_MUTANTS = {
    "step x10": (None, step_size(10.0), False),
    "step x3": (None, step_size(3.0), False),
    "step x0.1": (None, step_size(0.1), False),
    "d + 4 missing": (None, lambda case: {"step_size": 0.25 / case.constant("L")}, True),
    "misprinted theta": (
        None,
        lambda case: {"theta": 0.0625 / (case.dim + 1) ** 2 / case.constant("L")},
        False,
    ),
    "central difference": (None, other(difference="central"), False),
    "unit directions": (None, other(law="unit-sphere", scale=1.0), True),
    "signs for normal variates": (None, other(law="rademacher"), False),
    "wrong sign": (fg_wrong_sign, other(), True),
    "no momentum": (fg_no_momentum, other(), True),
    "half the coordinates": (fg_half, other(), True),
}


@pytest.mark.slow
def test_the_written_out_step_is_the_solvers():
    # so that a mutant differs from it in what it says
    instance = zobench.problem("quadratic", dim=6, condition=10)
    right, written = (
        zobench.run(instance, method, budget=200, seed=1).x
        for method in (solver(ACCELERATED), broken(ACCELERATED, fg_correct))
    )
    assert np.allclose(right, written, rtol=1e-12, atol=0)


def mutated(name, mutant, seeds):
    kernel, change, _ = FG_MUTANTS[mutant]
    method = solver(ACCELERATED) if kernel is None else broken(ACCELERATED, kernel)
    return verdicts(name, method, seeds, change)


@pytest.mark.mutants("exact-fg-moments", {("rgf-accelerated", "exact-fg-moments"): FG_MUTANTS})
def test_accelerated_mutants_and_the_exact_moments(row, mutant, rejects):
    rejects(mutated("exact-fg-moments", mutant, 200))


UNSEEN = {mutant for mutant, (_, _, seen) in FG_MUTANTS.items() if not seen}


@pytest.mark.mutants("bound", {"rgf-accelerated": FG_MUTANTS}, unseen=UNSEEN)
def test_accelerated_mutants_and_the_bound(row, mutant, rejects):
    rejects(mutated("rgf-accelerated", mutant, 40))


def test_the_accelerated_method_has_the_exact_moments():
    found = verdicts("exact-fg-moments", solver(ACCELERATED), 200)
    found += verdicts("exact-rgf-moments", solver("random-gradient-free"), 200)
    assert "refuted" not in [verdict.verdict for verdict in found]


def test_the_bound_is_below_the_printed_rates():
    # psi_k <= min{(1 - sqrt(tau/L) / (4 (d+4)))^k, (1 + k sqrt(gamma_0/L) / (8 (d+4)))^-2}, C_k <= k
    theorem, _ = find_theorem("rgf-accelerated")
    instance = zobench.problem("quadratic", dim=10, condition=100)
    case = Case(instance, 2000, "gaussian")
    level = case.gap + 0.5 * math.dist(instance.x0, instance.x_star) ** 2
    for steps in (1, 10, 100, 2000):
        linear, square = (1 - 0.1 / 56) ** steps, (1 + steps / 112) ** -2
        bias = 1e-10 * (10 + 3 * 18 / 16 * steps)
        assert theorem.bound(case, steps) <= min(linear, square) * level + bias
        assert theorem.bound(case, steps) >= 0.3 * min(linear, square) * level
