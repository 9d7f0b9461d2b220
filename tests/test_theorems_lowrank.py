"""The theorems of the solvers for matrices of low rank: what refutes their mutants, and their constants."""

import dataclasses
import math

import numpy as np
import pytest

import zobench
from zobench.geometry.fixed_rank import (
    dense,
    draw_tangent,
    factor_gradient,
    frame,
    parts,
    retract,
    spread,
    transport,
    truncate,
)
from zobench.geometry.orthonormal import add_sandwich, complete, extend, galerkin, orthonormalise
from zobench.oracle import query, query_gradient
from zobench.solver import solver
from zobench.stream import normals
from zobench.theorem import Case, find_theorem
from zobench.verdict.verification import judge

FRESH = 400_000  # a seed range that no default uses

# Mutants: the step of the real solver with one thing broken.  They share one kernel, compiled once, which
# reads the number of the mutant where the solver has the number of its probes.
CORE_ONLY, NO_RIGHT, UNIT, NOT_PROJECTED, PERTURBED, LENGTHS_DROPPED, THREE_TIMES, UPHILL = range(1, 9)


def asked(oracle, state, shape, on_manifold, shift):
    x, u, trial, point, _, tangent, scratch = state
    if on_manifold:
        moved, rest = scratch[: point.size], scratch[point.size :]
        retract(point, tangent, shift, shape, moved, rest)
        dense(moved, shape, trial, rest)
    else:
        spread(point, tangent, shape, u, scratch)
        for i in range(x.size):
            trial[i] = x[i] + shift * u[i]
    return query(oracle, trial)


def estimated(oracle, state, parameters, shape):
    """Estimate along the tangent vector in the state."""
    estimate, tangent = state[4], state[5]
    plus = asked(oracle, state, shape, parameters.differences, parameters.radius)
    minus = asked(oracle, state, shape, parameters.differences, -parameters.radius)
    for i in range(tangent.size):
        estimate[i] = (plus - minus) / (2.0 * parameters.radius) * tangent[i]


def drawn(stream, state, shape, mutant):
    """Draw a tangent vector, or what the mutant takes for one."""
    rows, columns, rank = shape
    if mutant == NOT_PROJECTED or mutant == PERTURBED:
        normals(stream, state.tangent)
    else:
        draw_tangent(stream, state.point, shape, True, state.tangent)
    core, _, _ = parts(state.point, shape)
    _, aside, across = parts(state.tangent, shape)
    if mutant == PERTURBED:
        # U, S, V plus independent normal entries: new directions are multiplied by S
        for k in range(rank):
            for i in range(rows):
                aside[k, i] *= core[k, k]
            for j in range(columns):
                across[k, j] *= core[k, k]
    elif mutant == CORE_ONLY:
        aside[:] = 0.0
        across[:] = 0.0
    elif mutant == UNIT:
        for i in range(state.tangent.size):
            state.tangent[i] /= np.sqrt(rank * (rows + columns - rank))


def mutated(oracle, state, parameters, k, stream):
    x, _, _, point, estimate, _, scratch = state
    shape, mutant = (parameters.rows, parameters.columns, parameters.rank), parameters.probes
    drawn(stream, state, shape, mutant)
    estimated(oracle, state, parameters, shape)
    _, aside, across = parts(estimate, shape)
    if mutant == NO_RIGHT:
        across[:] = 0.0
    elif mutant == LENGTHS_DROPPED:  # R of the factorisation Up = Q R
        orthonormalise(aside, scratch[: shape[2]], scratch[shape[2] : 2 * shape[2]])
    factor = 3.0 if mutant == THREE_TIMES else -1.0 if mutant == UPHILL else 1.0
    for i in range(estimate.size):
        estimate[i] *= factor
    retract(point, estimate, -parameters.step_size, shape, point, scratch)
    dense(point, shape, x, scratch)


MUTANTS = {
    "core only": CORE_ONLY,
    "no Vp": NO_RIGHT,
    "unit directions": UNIT,
    "not projected": NOT_PROJECTED,
    "factors perturbed": PERTURBED,
    "R of Up = Q R dropped": LENGTHS_DROPPED,
    "step x3": THREE_TIMES,
    "wrong sign": UPHILL,
}


def broken(name, step):
    return dataclasses.replace(solver(name), step=step)


def judged(name, method, **given):
    """The verdicts of the quick cells, with parameters in the place of those that the theorem prescribes."""
    theorem, _ = find_theorem(name)
    due = theorem.parameters
    theorem = dataclasses.replace(theorem, parameters=lambda case: {**due(case), **given})
    return [
        judge(theorem, method, cell, seeds=15, first_seed=FRESH, comparisons=20)
        for cell in theorem.cells
        if cell.quick
    ]


IDENTITIES = ("tangent-sampler-isotropy", "rzo-query-scaling")
BOUNDS = (
    "rzo-lowrank-local-linear",
    "rzo-lowrank-stationarity-truncation",
    "rzo-retraction-smooth-stationarity",
    "rzo-conditioning-robustness",
)


NO_SAMPLER = ("not projected", "factors perturbed")


@pytest.mark.mutants(
    "identity",
    dict.fromkeys(IDENTITIES, MUTANTS),
    unseen={(IDENTITIES[0], "R of Up = Q R dropped"), *((IDENTITIES[1], mutant) for mutant in NO_SAMPLER)},
    slow={(IDENTITIES[0], mutant) for mutant in MUTANTS},  # half a minute each; others of it stand below
)
def test_mutants_of_the_riemannian_method_and_the_identities(row, mutant, rejects):
    rejects(judged(row, broken("riemannian-zo", mutated), probes=MUTANTS[mutant]))


UNSEEN = {
    *((row, mutant) for row in (BOUNDS[0], BOUNDS[2]) for mutant in NO_SAMPLER),
    # whose bound is measured in the same run
    *((BOUNDS[1], mutant) for mutant in ("not projected", "R of Up = Q R dropped", "step x3", "wrong sign")),
}


# Of the same step: the law of its directions, and its retraction.
@pytest.mark.mutants(
    IDENTITIES[0],
    {
        (BOUNDS[0], BOUNDS[2], IDENTITIES[1]): NO_SAMPLER,
        BOUNDS[1]: ["not projected", "step x3", "wrong sign"],
    },
)
def test_mutants_that_a_bound_does_not_see_and_the_isotropy(row, mutant, rejects):
    rejects(judged(IDENTITIES[0], broken("riemannian-zo", mutated), probes=MUTANTS[mutant]))


@pytest.mark.mutants(BOUNDS[0], {(BOUNDS[1], IDENTITIES[0]): ["R of Up = Q R dropped"]})
def test_mutants_that_a_bound_does_not_see_and_the_local_rate(row, mutant, rejects):
    rejects(judged(BOUNDS[0], broken("riemannian-zo", mutated), probes=MUTANTS[mutant]))


@pytest.mark.mutants(
    "bound",
    dict.fromkeys(BOUNDS, MUTANTS),
    unseen=UNSEEN,
    slow={(BOUNDS[3], mutant) for mutant in set(MUTANTS) - {"core only", "factors perturbed"}},
)
def test_mutants_of_the_riemannian_method_and_the_bounds(row, mutant, rejects):
    rejects(judged(row, broken("riemannian-zo", mutated), probes=MUTANTS[mutant]))


def unscaled_average(oracle, state, parameters, k, stream):
    """Moving averages whose step size lacks the factor 1 - beta."""
    x, u, trial, point, estimate, tangent, momentum, scratch = state
    shape = (parameters.rows, parameters.columns, parameters.rank)
    draw_tangent(stream, point, shape, True, tangent)
    estimated(oracle, (x, u, trial, point, estimate, tangent, scratch), parameters, shape)
    beta, old, rest = parameters.beta, scratch[: point.size], scratch[point.size :]
    for i in range(momentum.size):
        momentum[i] = beta * momentum[i] + (1.0 - beta) * estimate[i]
        old[i] = point[i]
    retract(old, momentum, -parameters.step_size / (1.0 - beta), shape, point, rest)
    transport(old, point, momentum, shape, rest)
    dense(point, shape, x, rest)


def average_uphill(oracle, state, parameters, k, stream):
    """Moving averages with the wrong sign."""
    x, u, trial, point, estimate, tangent, momentum, scratch = state
    shape = (parameters.rows, parameters.columns, parameters.rank)
    draw_tangent(stream, point, shape, True, tangent)
    estimated(oracle, (x, u, trial, point, estimate, tangent, scratch), parameters, shape)
    beta, old, rest = parameters.beta, scratch[: point.size], scratch[point.size :]
    for i in range(momentum.size):
        momentum[i] = beta * momentum[i] + (1.0 - beta) * estimate[i]
        old[i] = point[i]
    retract(old, momentum, parameters.step_size, shape, point, rest)
    transport(old, point, momentum, shape, rest)
    dense(point, shape, x, rest)


AVERAGES = {"step without the factor 1 - beta": unscaled_average, "wrong sign": average_uphill}


@pytest.mark.mutants("bound", {"rzo-ema-momentum-stationarity": AVERAGES})
def test_mutants_of_moving_averages_and_the_bound(row, mutant, rejects):
    theorem, _ = find_theorem(row)
    method = broken("riemannian-zo-momentum", AVERAGES[mutant])
    cells = [cell for cell in theorem.cells if cell.quick]
    rejects([judge(theorem, method, cell, first_seed=FRESH, comparisons=20) for cell in cells])


def not_augmented(oracle, state, parameters, k, stream):
    """Low-rank heavy ball whose bases are those of W and of the momentum, without the gradient."""
    x, gradient, point, momentum, table, scratch, lost = state
    rows, columns, rank, low = parameters.rows, parameters.columns, parameters.rank, parameters.momentum_rank
    shape, slim = (rows, columns, rank), (rows, columns, low)
    query_gradient(oracle, x, gradient)
    left, right, cu, cv, core, turn, values, spare = frame(scratch, rows, columns, 2 * rank + low)
    small, one, two = parts(point, shape)
    middle, three, four = parts(momentum, slim)
    count = extend(left, extend(left, 0, one, cu[:rank]), three, cu[2 * rank :])
    other = extend(right, extend(right, 0, two, cv[:rank]), four, cv[2 * rank :])
    left[count:] = 0.0
    right[other:] = 0.0
    step = table[table.size - core.size :].reshape(core.shape)
    galerkin(gradient.reshape((rows, columns)), left, right, table, step)
    add_sandwich(step, parameters.beta, cu[2 * rank :], middle, cv[2 * rank :])
    for i in range(core.shape[0]):
        for j in range(core.shape[1]):
            core[i, j] = -parameters.step_size * step[i, j]
    add_sandwich(core, 1.0, cu[:rank], small, cv[:rank])
    complete(left, count, spare)
    complete(right, other, spare)
    lost[0] = truncate(core, turn, values, spare, left, right, point, shape)
    truncate(step, turn, values, spare, left, right, momentum, slim)
    dense(point, shape, x, table)


HEAVY_BALLS = {"no gradient in the bases": not_augmented}


@pytest.mark.slow
@pytest.mark.mutants("bound", {"lowrank-heavy-ball-stationarity": ["no gradient in the bases"]})
def test_mutants_of_low_rank_heavy_ball_and_the_bound(row, mutant, rejects):
    theorem, _ = find_theorem(row)
    method = broken("lowrank-heavy-ball", HEAVY_BALLS[mutant])
    cells = [cell for cell in theorem.cells if cell.steps == 100]
    verdicts = [judge(theorem, method, cell, comparisons=20) for cell in cells]
    assert [verdict.verdict for verdict in verdicts] == ["refuted"] * 2
    rejects(verdicts)


#: The solvers themselves with what a theorem does not prescribe.
CHANGES = {
    "step x10": lambda due: {"step_size": 10.0 * due["step_size"]},
    "step x0.1": lambda due: {"step_size": 0.1 * due["step_size"]},
    "beta = 0.99": lambda due: {"beta": 0.99},
}


@pytest.mark.mutants("bound", {"lowrank-heavy-ball-stationarity": CHANGES})
def test_other_parameters_than_are_due_and_the_bounds(row, mutant, rejects):
    theorem, own = find_theorem(row)
    due = theorem.parameters
    theorem = dataclasses.replace(
        theorem, parameters=lambda case: {**due(case), **CHANGES[mutant](due(case))}
    )
    cells = [cell for cell in theorem.cells if cell.quick]
    rejects([judge(theorem, own, cell, first_seed=FRESH, comparisons=20) for cell in cells])


def without_s(oracle, state, parameters, k, stream):
    """Heavy ball along G V and G^T U, which lack the factor S."""
    x, gradient, point, slope, velocity, table, step_size = state
    shape = (parameters.rows, parameters.columns, parameters.rank)
    query_gradient(oracle, x, gradient)
    factor_gradient(point, gradient.reshape((shape[0], shape[1])), shape, slope, table)
    for i in range(shape[2] * (shape[0] + shape[1])):
        slope[shape[2] ** 2 + i] = table[i]
    for i in range(point.size):
        velocity[i] = parameters.beta * velocity[i] + slope[i]
        point[i] -= step_size[0] * velocity[i]
    dense(point, shape, x, table)


def without_core(oracle, state, parameters, k, stream):
    """Heavy ball on U and V alone."""
    x, gradient, point, slope, velocity, table, step_size = state
    shape = (parameters.rows, parameters.columns, parameters.rank)
    query_gradient(oracle, x, gradient)
    factor_gradient(point, gradient.reshape((shape[0], shape[1])), shape, slope, table)
    for i in range(point.size):
        if i < shape[2] ** 2:
            slope[i] = 0.0
        velocity[i] = parameters.beta * velocity[i] + slope[i]
        point[i] -= step_size[0] * velocity[i]
    dense(point, shape, x, table)


STALLS = {
    "no gradient in the bases": ("lowrank-heavy-ball", not_augmented),
    "S missing": ("factor-heavy-ball", without_s),
    "no gradient of S": ("factor-heavy-ball", without_core),
}


@pytest.mark.mutants(
    "property",
    {
        "lowrank-factor-stall-ce1": ["no gradient in the bases", "S missing"],
        "factor-gradient-sandwich": ["S missing", "no gradient of S"],
    },
)
def test_mutants_on_factors_and_the_properties(row, mutant, rejects):
    rejects(judged(row, broken(*STALLS[mutant])))


def test_without_the_gradient_in_its_bases_low_rank_heavy_ball_stalls():
    method = broken("lowrank-heavy-ball", not_augmented)
    trace = zobench.run("rank-deficient-start", method, budget=1000, parameters={"step_size": 0.1})
    assert trace.value == 0.5


def test_low_rank_heavy_ball_meets_its_bound_exactly_on_the_counter_example():
    # f has curvature L all the way, truncation takes nothing, and in the end nothing of f is left
    theorem, own = find_theorem("lowrank-heavy-ball-stationarity")
    cell = next(cell for cell in theorem.cells if cell.problem == "rank-deficient-start")
    assert judge(theorem, own, cell, seeds=5).ratio == pytest.approx(1.0, abs=1e-4)


def test_the_local_rate_is_the_printed_one():
    # theta = 0.1: L_theta = 1.2539, rate 0.7895/D; theta = 0.05: 1.1119, 0.8971/D
    theorem, _ = find_theorem("rzo-lowrank-local-linear")
    for theta, smoothness, rate in ((0.1, 1.2539, 0.7895), (0.05, 1.1119, 0.8971)):
        made = zobench.problem(
            "fixed-rank-approximation",
            rows=20,
            columns=15,
            rank=2,
            condition=1,
            start="tilted",
            angle=math.asin(theta / 2),
        )
        case = Case(made, 1, "sphere")
        assert 1 / (66 * theorem.parameters(case)["step_size"]) == pytest.approx(smoothness, abs=5e-5)
        assert 66 * (1 - theorem.bound(case, 1) / case.gap) == pytest.approx(rate, abs=5e-5)


def test_near_a_the_riemannian_method_never_goes_uphill():
    # f(W_{k+1}) <= f(W_k) - delta^2/(2 L_theta D) in every step, where steps three times as long do not
    theorem, own = find_theorem("rzo-lowrank-local-linear")
    cell = theorem.cells[0]
    made = zobench.problem(cell.problem, cell.dim, **dict(cell.parameters))
    step_size = theorem.parameters(Case(made, 1, "sphere"))["step_size"]
    for method, factor in ((own, 1.0), (broken("riemannian-zo", mutated), 3.0)):
        values, moves = [made.value(made.x0)], []

        def log(x, values=values, moves=moves):
            moves.append(x)
            values.append(made.value(x))

        given = {"step_size": step_size, "probes": 1 if method is own else THREE_TIMES}
        zobench.minimize(made, solver=method, budget=400, parameters=given, callback=log)
        lengths = np.linalg.norm(np.diff([made.x0, *moves], axis=0), axis=1)
        # |step| = step_size |delta| sqrt(D), up to what the retraction moves
        falls = lengths**2 / (2 * 66 * step_size * factor**2)
        holds = np.diff(values) <= -0.9 * falls
        assert holds.all() if factor == 1.0 else not holds.all()


@pytest.mark.parametrize(
    ("problem", "told"),
    [("quadratic", "matrices with a declared rank"), ("rosenbrock", "a certificate of 'L'")],
)
def test_the_theorems_are_about_matrices_of_declared_rank(problem, told):
    theorem, _ = find_theorem("rzo-lowrank-stationarity-truncation")
    assert told in theorem.missing(zobench.problem(problem))


def test_the_local_theorem_wants_a_near_start():
    theorem, _ = find_theorem("rzo-lowrank-local-linear")
    assert "below half of A's smallest singular value" in theorem.missing(
        zobench.problem("fixed-rank-approximation")
    )
