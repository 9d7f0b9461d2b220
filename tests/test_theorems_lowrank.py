"""The theorems of the solvers for matrices of low rank: what refutes their mutants, and their constants."""

import dataclasses
import math

import numpy as np
import pytest

import zobench
from zobench.fixed_rank import dense, draw_tangent, parts, retract, spread
from zobench.oracle import query
from zobench.orthonormal import orthonormalise
from zobench.solver import solver
from zobench.stream import normals
from zobench.theorem import Case, find_theorem
from zobench.verification import judge

FRESH = 400_000  # a seed range that no default uses

# Mutants: the step of the real solver with one thing broken.  They share one kernel, compiled once, which
# reads the number of the mutant where the solver has the number of its probes.
CORE_ONLY, NO_RIGHT, UNIT, NOT_PROJECTED, PERTURBED, LENGTHS_DROPPED, THREE_TIMES, UPHILL = range(1, 9)


def estimated(oracle, state, parameters, shape):
    """Estimate along the tangent vector in the state."""
    x, u, trial, point, estimate, tangent, scratch = state
    spread(point, tangent, shape, u, scratch)
    for i in range(x.size):
        trial[i] = x[i] + parameters.radius * u[i]
    plus = query(oracle, trial)
    for i in range(x.size):
        trial[i] = x[i] - parameters.radius * u[i]
    quotient = (plus - query(oracle, trial)) / (2.0 * parameters.radius)
    for i in range(tangent.size):
        estimate[i] = quotient * tangent[i]


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


MUTANTS = [
    (CORE_ONLY, "rzo-lowrank-local-linear"),
    (NO_RIGHT, "rzo-lowrank-local-linear"),
    (UNIT, "rzo-lowrank-local-linear"),
    (LENGTHS_DROPPED, "rzo-lowrank-local-linear"),
    (THREE_TIMES, "rzo-lowrank-local-linear"),
    (UPHILL, "rzo-lowrank-local-linear"),
    (CORE_ONLY, "rzo-lowrank-stationarity-truncation"),
    (UNIT, "rzo-lowrank-stationarity-truncation"),
    (NOT_PROJECTED, "tangent-sampler-isotropy"),
    (PERTURBED, "tangent-sampler-isotropy"),
    (UNIT, "tangent-sampler-isotropy"),
    (UNIT, "rzo-query-scaling"),
    (THREE_TIMES, "rzo-query-scaling"),
]


def broken(name, step):
    return dataclasses.replace(solver(name), step=step)


@pytest.mark.parametrize(("mutant", "name"), MUTANTS)
def test_mutants_of_the_riemannian_method_are_refuted(mutant, name):
    theorem, _ = find_theorem(name)
    method = broken("riemannian-zo", mutated)
    theorem = dataclasses.replace(
        theorem, parameters=lambda case, own=theorem.parameters: {**own(case), "probes": mutant}
    )
    cells = [cell for cell in theorem.cells if cell.quick]
    verdicts = (judge(theorem, method, cell, first_seed=FRESH, comparisons=20).verdict for cell in cells)
    assert "refuted" in verdicts


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
