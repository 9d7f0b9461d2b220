"""Heavy ball on the factors of a matrix of low rank: what momentum should not be, for comparison.

Algorithm (the simultaneous momentum that Schotthöfer, Klein and Kusch, "A geometric framework for
momentum-based optimizers for low-rank training", arXiv 2506.17475, warn of): with W = U S V^T and velocities
zero, for k = 0, 1, ...

    G = grad f(U S V^T)
    M_U <- beta M_U + G V S^T,     M_S <- beta M_S + U^T G V,     M_V <- beta M_V + G^T U S
    U <- U - step_size M_U,        S <- S - step_size M_S,        V <- V - step_size M_V

To first order W moves along -(G V S^T S V^T + U U^T G V V^T + U S S^T U^T G), not along the projection of
the gradient onto the tangent space: directions new to U and V are slowed by the squares of the singular
values, and where S is singular all three gradients may vanish though the projected one does not.

G is the exact gradient with respect to the dense matrix: a first-order method.  step_size not given is
(1 - beta)/(L (1 + 2 |S_0|^2)), our definition: with orthonormal factors the map above has eigenvalues up to
1 + 2 |S|^2.  rows, columns and rank are those that the problem declares; where it declares none, x is one
column u s v with numbers s and v.

1 gradient a step, charged as one query.  Memory: 2 vectors, and numbers of the order of 4 r (m + n).
Invariances: none.
"""

import math
from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np

from zobench.geometry.factors import shaped, start_point
from zobench.geometry.fixed_rank import dense, factor_gradient, parts, point_size
from zobench.instance import Vector
from zobench.oracle import query_gradient
from zobench.parameters import Certified, Integer, Real
from zobench.solver import Scalar, Sized, Solver
from zobench.theorem import Cell, Theorem


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    step_size : float
        Step size; 0 stands for (1 - beta)/(L (1 + 2 |S_0|^2)).
    beta : float
        Weight of the momentum.
    rows, columns, rank : int
        m, n and r; 0 stands for what the problem declares.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    """

    step_size: Annotated[float, Real(0.0)] = 0.0
    beta: Annotated[float, Real(0.0, 0.9999)] = 0.9
    rows: Annotated[int, Integer(0)] = 0
    columns: Annotated[int, Integer(0)] = 0
    rank: Annotated[int, Integer(0)] = 0
    L: Annotated[float, Certified(fallback=1.0)] = math.nan


def point_numbers(p, dim):
    """Give the numbers of three factors."""
    return point_size(p.rows, p.columns, p.rank)


class State(NamedTuple):
    """Workspace: iterate and gradient as matrices; factors, their gradients and velocities; scratch; step."""

    x: Vector
    gradient: Vector
    point: Sized(point_numbers)  # type: ignore[valid-type]
    slope: Sized(point_numbers)  # type: ignore[valid-type]
    velocity: Sized(point_numbers)  # type: ignore[valid-type]
    table: Sized(lambda p, dim: p.rank * (p.rows + p.columns))  # type: ignore[valid-type]
    step_size: Scalar


def step(oracle, state, parameters, k, stream):
    """Move U, S and V at once."""
    x, gradient, point, slope, velocity, table, step_size = state
    shape = (parameters.rows, parameters.columns, parameters.rank)
    query_gradient(oracle, x, gradient)
    factor_gradient(point, gradient.reshape((shape[0], shape[1])), shape, slope, table)
    for i in range(point.size):
        velocity[i] = parameters.beta * velocity[i] + slope[i]
        point[i] -= step_size[0] * velocity[i]
    dense(point, shape, x, table)


def settle(parameters, setting):
    """Fill shape and rank; with a step size given, L is not needed."""
    filled = shaped(parameters, setting, solver.name)
    return filled._replace(L=0.0) if filled.step_size > 0.0 else filled


def start(parameters, setting, x0):
    """Give the factors of the start, and the step size, which depends on them."""
    point = start_point(parameters, setting, x0)
    step_size = parameters.step_size
    if step_size == 0.0:
        square = float(np.sum(point[: parameters.rank**2] ** 2))
        step_size = (1.0 - parameters.beta) / (parameters.L * (1.0 + 2.0 * square))
    return {"point": point, "step_size": np.array([step_size])}


def stall_sides(trial) -> tuple[float, float]:
    """Compare f(W_K) with f(W_0), or see whether it came below 1e-10, as claimed."""
    value = trial.trace().value
    return (value, 0.5) if trial.case.claim == "factors stay" else (float(value < 1e-10), 1.0)


def sandwich_sides(trial) -> tuple[float, float]:
    """See whether the factors' gradient at a random point obeys the bracket, or is what it should be."""
    declared = trial.case.instance.manifold
    rng = trial.generator("sandwich")
    u, v = (
        np.linalg.qr(rng.standard_normal((n, declared.rank)))[0] for n in (declared.rows, declared.columns)
    )
    size = float(np.abs(declared.core).max())
    s = np.diag(size * np.sort(rng.uniform(0.1, 1.0, declared.rank))[::-1])
    x0 = (u @ s @ v.T).ravel()
    made = replace(trial.case.instance, x0=x0, manifold=replace(declared, left=u, core=s, right=v), _keep={})
    run = trial.start(instance=made)
    run.advance(1)
    middle, left, right = parts(run.field("slope"), (declared.rows, declared.columns, declared.rank))
    g = made.gradient(x0).reshape((declared.rows, declared.columns))
    square = float(np.sum(middle**2) + np.sum(left**2) + np.sum(right**2))
    if trial.case.claim == "operator":
        # <G, P^ G>, the operator written out
        moved = g @ v @ s.T @ s @ v.T + u @ u.T @ g @ v @ v.T + u @ s @ s.T @ u.T @ g
        return float(abs(np.sum(g * moved) - square) <= 1e-12 * square), 1.0
    tangent = u @ u.T @ g + g @ v @ v.T - u @ u.T @ g @ v @ v.T
    least, most = s[-1, -1] ** 2, 1.0 + 2.0 * s[0, 0] ** 2
    along = float(np.sum(tangent**2))
    return float(least * along <= square * (1.0 + 1e-12) <= most * along * (1.0 + 2e-12)), 1.0


def factors(rows: int, columns: int, rank: int, scale: float, claim: str, quick: bool = True) -> Cell:
    """Make a cell of random points with singular values up to `scale`."""
    shape = (("rows", rows), ("columns", columns), ("rank", rank), ("scale", scale))
    return Cell("fixed-rank-approximation", None, 1, shape, law="-", tight=True, quick=quick, claim=claim)


sandwich = Theorem(
    name="factor-gradient-sandwich",
    statement=(
        "W = U S V^T with orthonormal U, V and diagonal S, singular values s_1 >= ... >= s_r, G any matrix, "
        "P G its tangent part, F = (G V S^T, U^T G V, G^T U S) the gradient of the factors.  operator: |F|^2 "
        "= <G, G V S^T S V^T + U U^T G V V^T + U S S^T U^T G>.  bracket: s_r^2 |P G|^2 <= |F|^2 <= (1 + "
        "2 s_1^2) |P G|^2"
    ),
    proof=(
        "In the frame of the singular vectors the operator is symmetric, with eigenvalues 1 + s_i^2 + s_j^2 "
        "on the r x r block, s_j^2 and s_i^2 on the new directions, 0 on the normal space."
    ),
    source="derived for zobench, after a remark of Schotthöfer, Klein, Kusch, arXiv 2506.17475",
    assumes=(),
    parameters=lambda case: {"step_size": 1e-3, "beta": 0.0},
    budget=lambda case: 1,
    relation="exact",
    bound=lambda case, steps: 1.0,
    sides=sandwich_sides,
    quantity="whether both inequalities hold, or the identity to 1e-12",
    queries_per_step=1,
    requires=lambda instance: (
        ""
        if instance.problem.name == "fixed-rank-approximation"
        else "points are drawn about |W - A|^2/2 with a declared rank"
    ),
    pitfall="It is false for factors that are not orthonormal, as they are after a step.",
    complexity="none: about the gradient at a point, not a run",
    cells=(
        factors(8, 6, 2, 0.1, "operator"),
        factors(8, 6, 2, 0.1, "bracket"),
        factors(8, 6, 2, 10.0, "bracket"),
        factors(20, 15, 3, 1.0, "operator", quick=False),
        factors(20, 15, 3, 1.0, "bracket", quick=False),
    ),
)

stall = Theorem(
    name="lowrank-factor-stall-ce1",
    statement=(
        "f = |W - e1 e1^T|^2/2 from U = e2, V = e1, S = 0:  heavy ball and Adam on the factors stay at f = "
        "1/2 for ever; low-rank heavy ball with bases that G V joins comes below 1e-10 within 1000 steps"
    ),
    proof=(
        "G = -e1 e1^T, and G V S^T = 0, U^T G V = 0, G^T U S = 0: a stationary point of the factors.  But "
        "G V = -e1 is as large as can be, and with it in the basis the minimiser is within reach."
    ),
    source="derived for zobench, after a remark of Schotthöfer, Klein, Kusch, arXiv 2506.17475",
    assumes=(),
    parameters=lambda case: {"step_size": 0.1},
    budget=lambda case: case.steps,
    relation="exact",
    bound=lambda case, steps: 1.0,
    sides=stall_sides,
    quantity="f(W_K), or whether it is below 1e-10",
    queries_per_step=1,
    requires=lambda instance: (
        ""
        if instance.problem.name == "rank-deficient-start" and instance.parameters.core == 0.0
        else "it is one example, rank-deficient-start with core 0"
    ),
    pitfall="S must be exactly zero: from 1e-8 the factors escape after 320 steps.",
    complexity=(
        "none: the factors never arrive; the other method is below 1e-10 after the 1000 steps claimed"
    ),
    cells=(
        Cell("rank-deficient-start", None, 1000, law="-", tight=True, quick=True, claim="factors stay"),
        Cell(
            "rank-deficient-start",
            None,
            1000,
            law="-",
            tight=True,
            quick=True,
            claim="factors stay",
            solver="factor-adam",
            settings=(("step_size", 0.1),),
        ),
        Cell(
            "rank-deficient-start",
            None,
            1000,
            law="-",
            tight=True,
            quick=True,
            claim="augmented bases leave",
            solver="lowrank-heavy-ball",
            settings=(("step_size", 0.1),),
        ),
    ),
)

solver = Solver(
    name="factor-heavy-ball",
    summary="first-order heavy ball on the factors U, S, V of a matrix of low rank, all at once",
    step=step,
    state=State,
    cost=lambda parameters, setting: 1,
    parameters=Parameters,
    settle=settle,
    start=start,
    invariances={
        "translation": "the matrices of rank r are no longer such when a matrix is added",
        "scaling": "S has the unit of x, U and V have none, and one step size serves them all",
        "rotation": "a rotation of R^d mixes entries and does not keep the rank",
    },
    gradients=True,
    source="the baseline of Schotthöfer, Klein, Kusch, arXiv 2506.17475 (2025)",
    theorems=(stall, sandwich),
)
