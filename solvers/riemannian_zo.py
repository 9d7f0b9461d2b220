"""Riemannian zeroth-order method on the matrices of rank r: central differences along tangent vectors.

Algorithm (after Li, Balasubramanian and Ma, "Stochastic zeroth-order Riemannian derivative estimation and
optimization", Mathematics of Operations Research 48, 2023, arXiv 2003.11238; central differences along
directions of fixed norm are our definition, the paper has one-sided Gaussian ones): with W_k = U S V^T of
shape (m, n) and the manifold's dimension D = r (m + n - r), for k = 0, 1, ...

    draw tangent vectors u_1 ... u_p at W_k, uniform on the sphere of radius sqrt(D)
    delta_j = (f(plus_j) - f(minus_j)) / (2 radius)
    g_k = (1/p) sum_j delta_j u_j
    W_{k+1} = R(W_k, -step_size g_k)

R(W, xi) is the best approximation of rank r of W + xi, from the singular values of a 2r x 2r core.

===========  ===========================  =====================================================
differences  plus_j, minus_j              notes
===========  ===========================  =====================================================
ambient      W_k +- radius u_j            of rank up to 2r; exact for a quadratic f
on-manifold  R(W_k, +- radius u_j)        of rank r, for objectives that know no other arguments
===========  ===========================  =====================================================

A tangent vector is u = U M V^T + Up V^T + U Vp^T with M, Up, Vp of normal entries, Up and Vp then made
orthogonal to U and V: the law of the projection of a normal matrix, so that E u u^T is the projection onto
the tangent space.  It costs O((m + n) r^2), as do the step and its factors; m n r more make the dense matrix
that f takes.  law = gaussian leaves the norm of u free.

step_size not given is 1/(gamma L), gamma = (D + p - 1)/p on the sphere and (D + p + 1)/p for the Gaussian
law: E|g_k|^2 = gamma |P grad f|^2.  It is meant for the curvature of f; near a matrix with a small r-th
singular value that of the manifold adds to it where f's gradient has a large part off the tangent space.
rows, columns and rank are those that the problem declares; where it declares none, x is one column and the
method is ZO gradient descent in R^d.

2p queries a step, all on one sample of a stochastic objective.  Memory: 3 vectors, and numbers of the order
of 6 r (m + n).
Invariances: scaling.
"""

import math
from typing import Annotated, NamedTuple

from zobench.factors import shaped, start_point
from zobench.fixed_rank import (
    dense,
    draw_tangent,
    frame_size,
    manifold_dim,
    point_size,
    retract,
    spread,
)
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Sized, Solver

DIFFERENCES = ("ambient", "on-manifold")
AMBIENT, ON_MANIFOLD = range(2)
LAWS = ("sphere", "gaussian")
SPHERE, GAUSSIAN = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    step_size : float
        Step size; 0 stands for 1/(gamma L).
    radius : float
        Smoothing radius, in units of x / |u|.
    probes : int
        p, directions a step.
    differences : str
        Where f is asked.
    law : str
        Direction law in the tangent space.
    rows, columns, rank : int
        m, n and r; 0 stands for what the problem declares.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    """

    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-3
    probes: Annotated[int, Integer(1)] = 1
    differences: Annotated[str, Choice(*DIFFERENCES)] = "ambient"
    law: Annotated[str, Choice(*LAWS)] = "sphere"
    rows: Annotated[int, Integer(0)] = 0
    columns: Annotated[int, Integer(0)] = 0
    rank: Annotated[int, Integer(0)] = 0
    L: Annotated[float, Certified(fallback=1.0)] = math.nan


def point_numbers(p, dim):
    """Give the numbers of a point or a tangent vector."""
    return point_size(p.rows, p.columns, p.rank)


def scratch_numbers(p, dim):
    """Give the scratch of a retraction, and one point."""
    return point_numbers(p, dim) + frame_size(p.rows, p.columns, 2 * p.rank)


class State(NamedTuple):
    """Workspace: the iterate, the direction and the point that is tried as matrices; W, g_k, u_j; scratch."""

    x: Vector
    u: Vector
    trial: Vector
    point: Sized(point_numbers)  # type: ignore[valid-type]
    estimate: Sized(point_numbers)  # type: ignore[valid-type]
    tangent: Sized(point_numbers)  # type: ignore[valid-type]
    scratch: Sized(scratch_numbers)  # type: ignore[valid-type]


def shifted(oracle, state, shape, differences, shift):
    """Ask for f at W + shift u, or at its retraction."""
    x, u, trial, point, _, tangent, scratch = state
    if differences == AMBIENT:
        for i in range(x.size):
            trial[i] = x[i] + shift * u[i]
    else:
        moved, rest = scratch[: point.size], scratch[point.size :]
        retract(point, tangent, shift, shape, moved, rest)
        dense(moved, shape, trial, rest)
    return query(oracle, trial)


def step(oracle, state, parameters, k, stream):
    """W_{k+1} = R(W_k, -step_size g_k)."""
    hold(oracle)
    x, u, _, point, estimate, tangent, scratch = state
    shape = (parameters.rows, parameters.columns, parameters.rank)
    radius, differences = parameters.radius, parameters.differences
    estimate[:] = 0.0
    for _ in range(parameters.probes):
        draw_tangent(stream, point, shape, parameters.law == SPHERE, tangent)
        if differences == AMBIENT:
            spread(point, tangent, shape, u, scratch)
        plus = shifted(oracle, state, shape, differences, radius)
        minus = shifted(oracle, state, shape, differences, -radius)
        weight = (plus - minus) / (2.0 * radius * parameters.probes)
        for i in range(tangent.size):
            estimate[i] += weight * tangent[i]
    retract(point, estimate, -parameters.step_size, shape, point, scratch)
    dense(point, shape, x, scratch)


def cost(parameters, setting):
    """Give the queries of one step."""
    return 2 * parameters.probes


def settle(parameters, setting):
    """Fill shape, rank and step size; with a step size given, L is not needed."""
    filled = shaped(parameters, setting, solver.name)
    if filled.step_size > 0.0:
        return filled._replace(L=0.0)
    probes = filled.probes
    spread_by = manifold_dim(filled.rows, filled.columns, filled.rank) + probes
    gamma = (spread_by + (1.0 if filled.law == "gaussian" else -1.0)) / probes
    return filled._replace(step_size=1.0 / (gamma * filled.L))


def start(parameters, setting, x0):
    """Give the factors of the start."""
    return {"point": start_point(parameters, setting, x0)}


solver = Solver(
    name="riemannian-zo",
    summary="zeroth-order method on the matrices of rank r: differences along isotropic tangent vectors",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    start=start,
    invariances={
        "translation": "the matrices of rank r are no longer such when a matrix is added",
        "scaling": True,
        "rotation": "a rotation of R^d mixes entries and does not keep the rank",
    },
    source="after Li, Balasubramanian, Ma, Math. Oper. Res. 48 (2023), arXiv 2003.11238",
)
