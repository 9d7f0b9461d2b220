"""VS2P's exact invariance and its conditional descent: what refutes their mutants."""

import dataclasses

import numpy as np
import pytest

import zobench
from zobench.directions import draw
from zobench.oracle import hold, query
from zobench.solver import solver
from zobench.theorem import Case, find_theorem
from zobench.trial import Trial, along
from zobench.verdict.verification import judge

FRESH = 400_000  # a seed range that no default uses

# Mutants: the step of the real solver with one thing broken, written out as a kernel.


def tries(oracle, state, shift):
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.s[i]
    return query(oracle, state.trial)


def window(state):
    """The standard deviation of the quotients so far, or 0."""
    count = min(np.int64(state.seen[0]), state.gammas.size)
    if count < 2:
        return 0.0
    mean = 0.0
    for j in range(count):
        mean += state.gammas[j] / count
    square = 0.0
    for j in range(count):
        square += (state.gammas[j] - mean) ** 2 / count
    return np.sqrt(square)


def keep(state, gamma):
    state.gammas[np.int64(state.seen[0]) % state.gammas.size] = gamma
    state.seen[0] += 1.0


def scaled(oracle, state, parameters, k, stream, law, factor, power, sigma_counts):
    """The step with a factor, with |gamma|^power for |gamma|, with or without sigma."""
    hold(oracle)
    draw(stream, law, state.s)
    radius = parameters.radius
    gamma = (tries(oracle, state, radius) - tries(oracle, state, -radius)) / (2.0 * radius)
    sigma = window(state) if state.seen[0] >= 2.0 else abs(gamma)
    keep(state, gamma)
    size = abs(gamma) ** power
    clip = parameters.tau_a * sigma if sigma_counts else 0.0
    if gamma != 0.0:
        alpha = factor * (1.0 - k / parameters.steps) * radius * parameters.tau_a / parameters.tau_b
        alpha *= size / (size + clip)
        for i in range(state.x.size):
            state.x[i] += -alpha * state.s[i] if gamma > 0.0 else alpha * state.s[i]


def as_it_is(oracle, state, parameters, k, stream):
    scaled(oracle, state, parameters, k, stream, parameters.law, 1.0, 1.0, True)


def squared(oracle, state, parameters, k, stream):
    scaled(oracle, state, parameters, k, stream, parameters.law, 1.0, 2.0, True)


def sigma_dropped(oracle, state, parameters, k, stream):
    scaled(oracle, state, parameters, k, stream, parameters.law, 1.0, 1.0, False)


def times_ten(oracle, state, parameters, k, stream):
    scaled(oracle, state, parameters, k, stream, parameters.law, 10.0, 1.0, True)


def times_three(oracle, state, parameters, k, stream):
    scaled(oracle, state, parameters, k, stream, parameters.law, 3.0, 1.0, True)


def a_tenth(oracle, state, parameters, k, stream):
    scaled(oracle, state, parameters, k, stream, parameters.law, 0.1, 1.0, True)


def uphill(oracle, state, parameters, k, stream):
    scaled(oracle, state, parameters, k, stream, parameters.law, -1.0, 1.0, True)


def unit_directions(oracle, state, parameters, k, stream):
    scaled(oracle, state, parameters, k, stream, 3, 1.0, 1.0, True)


def unclipped(oracle, state, parameters, k, stream):
    """alpha proportional to |gamma|: neither sigma nor the quotient's own size divides."""
    hold(oracle)
    draw(stream, parameters.law, state.s)
    radius = parameters.radius
    gamma = (tries(oracle, state, radius) - tries(oracle, state, -radius)) / (2.0 * radius)
    keep(state, gamma)
    for i in range(state.x.size):
        state.x[i] -= (1.0 - k / parameters.steps) * radius * gamma * state.s[i]


def half_the_coordinates(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    for i in range(0, state.x.size, 2):
        state.s[i] = 0.0
    radius = parameters.radius
    gamma = (tries(oracle, state, radius) - tries(oracle, state, -radius)) / (2.0 * radius)
    sigma = window(state) if state.seen[0] >= 2.0 else abs(gamma)
    keep(state, gamma)
    if gamma != 0.0:
        alpha = (1.0 - k / parameters.steps) * radius * abs(gamma) / (abs(gamma) + parameters.tau_a * sigma)
        for i in range(state.x.size):
            state.x[i] += -alpha * state.s[i] if gamma > 0.0 else alpha * state.s[i]


#: By mutant: refuted by the exact properties, and by the descent, which a step too long may pass.
MUTANTS = {
    "gamma^2 for |gamma|": (squared, True, False),
    "not clipped": (unclipped, True, False),
    "sigma dropped": (sigma_dropped, True, False),
    "step x10": (times_ten, True, False),
    "step x3": (times_three, True, False),
    "step x0.1": (a_tenth, True, True),
    "wrong sign": (uphill, False, True),
    "unit directions": (unit_directions, True, True),
    "half the coordinates": (half_the_coordinates, True, True),
}


def broken(step):
    return dataclasses.replace(solver("vs2p"), step=step)


def verdicts(name, method):
    theorem, _ = find_theorem(name)
    return [
        judge(theorem, method, cell, seeds=12, first_seed=FRESH, comparisons=20)
        for cell in theorem.cells
        if cell.quick
    ]


def test_the_mutants_skeleton_is_the_solver():
    # what the mutants are made of, with nothing broken, takes the solver's steps up to rounding
    theorem, own = find_theorem("vs2p-descent")
    case = Case(zobench.problem("quadratic", 5, condition=10.0), 60, "rademacher", "long steps")
    paths = [
        along(Trial(theorem, method, case, theorem.parameters(case), 7).start(), 60)
        for method in (own, broken(as_it_is))
    ]
    assert np.abs(paths[0] - paths[1]).max() < 1e-9


@pytest.mark.mutants(
    "property", {"vs2p-affine-invariance": MUTANTS}, unseen={key for key in MUTANTS if not MUTANTS[key][1]}
)
def test_mutants_and_the_invariance(row, mutant, rejects):
    rejects(verdicts(row, broken(MUTANTS[mutant][0])))


@pytest.mark.mutants(
    "bound", {"vs2p-descent": MUTANTS}, unseen={key for key in MUTANTS if not MUTANTS[key][2]}
)
def test_mutants_and_the_descent(row, mutant, rejects):
    rejects(verdicts(row, broken(MUTANTS[mutant][0])))


# The descent forgives a step that is another: its invariance does not, and both are of the same step.
@pytest.mark.mutants(
    "vs2p-affine-invariance", {"vs2p-descent": [key for key in MUTANTS if MUTANTS[key][1:] == (True, False)]}
)
def test_mutants_that_pass_the_descent_and_the_invariance(row, mutant, rejects):
    rejects(verdicts("vs2p-affine-invariance", broken(MUTANTS[mutant][0])))


@pytest.mark.mutants(
    "vs2p-descent", {"vs2p-affine-invariance": [key for key in MUTANTS if MUTANTS[key][1:] == (False, True)]}
)
def test_mutants_that_are_invariant_and_the_descent(row, mutant, rejects):
    rejects(verdicts("vs2p-descent", broken(MUTANTS[mutant][0])))
