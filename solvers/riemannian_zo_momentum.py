"""Riemannian zeroth-order method with momentum on the matrices of rank r: a moving average of estimates.

Algorithm (moving averages on a manifold as in Li, Balasubramanian and Ma, "Zeroth-order Riemannian averaging
stochastic approximation", SIAM J. Optim. 34, 2024, arXiv 2309.14506; the central differences, the transport
and both step rules are our definition): with W_k of shape (m, n) and rank r, the manifold's dimension D =
r (m + n - r), m_{-1} = 0, for k = 0, 1, ...

    draw tangent vectors u_1 ... u_p at W_k, uniform on the sphere of radius sqrt(D)
    g_k = (1/p) sum_j (f(W_k + radius u_j) - f(W_k - radius u_j)) / (2 radius) u_j
    m_k = beta T_k(m_{k-1}) + (1 - beta) g_k
    W_{k+1} = R(W_k, -step_size m_k)

T_k projects a tangent vector at W_{k-1} onto the tangent space at W_k, through r x r cores; R(W, xi) is the
best approximation of rank r of W + xi, from the singular values of a 2r x 2r core.  For differences =
on-manifold f is asked at R(W_k, +-radius u_j).

With gamma = (D + p - 1)/p, for which E|g_k|^2 = gamma |P grad f|^2:

=====  ====================  ======================
rule   1 - beta              step_size
=====  ====================  ======================
beta   as given              1/(gamma L)
bound  1/(2 (gamma - 1))     0.618 (1 - beta)/L
=====  ====================  ======================

A step size or, for rule = beta, a beta that is given is taken as it is; where gamma < 3/2, rule = bound has
beta = 0.  With these, in R^d and for an unbiased estimate, (1/K) sum_k E|grad f(W_k)|^2 <= 21 L (gamma - 1)
(f(W_0) - inf f)/K (our proof).  No acceleration is claimed: with one probe a stable step size is of the order
of 1/(gamma L) whatever beta is.

rows, columns and rank are those that the problem declares; where it declares none, x is one column and the
method lives in R^d.

2p queries a step, all on one sample of a stochastic objective.  Memory: 3 vectors, and numbers of the order
of 7 r (m + n).
Invariances: scaling.
"""

import math
from typing import Annotated, NamedTuple

from zobench.geometry.factors import shaped, start_point
from zobench.geometry.fixed_rank import (
    dense,
    draw_tangent,
    frame_size,
    manifold_dim,
    point_size,
    retract,
    spread,
    transport,
)
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Sized, Solver
from zobench.theorem import Case, Cell, Theorem

DIFFERENCES = ("ambient", "on-manifold")
AMBIENT, ON_MANIFOLD = range(2)
RULES = ("beta", "bound")


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    rule : str
        Step rule.
    beta : float
        Weight of the momentum; of the rule `beta`.
    step_size : float
        Step size; 0 stands for the rule's.
    radius : float
        Smoothing radius, in units of x / |u|.
    probes : int
        p, directions a step.
    differences : str
        Where f is asked.
    rows, columns, rank : int
        m, n and r; 0 stands for what the problem declares.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    """

    rule: Annotated[str, Choice(*RULES)] = "beta"
    beta: Annotated[float, Real(0.0, 0.9999)] = 0.9
    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-3
    probes: Annotated[int, Integer(1, 1_000_000)] = 1
    differences: Annotated[str, Choice(*DIFFERENCES)] = "ambient"
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
    """Workspace: iterate, direction and tried point as matrices; W, g_k, u_j and m in factors; scratch."""

    x: Vector
    u: Vector
    trial: Vector
    point: Sized(point_numbers)  # type: ignore[valid-type]
    estimate: Sized(point_numbers)  # type: ignore[valid-type]
    tangent: Sized(point_numbers)  # type: ignore[valid-type]
    momentum: Sized(point_numbers)  # type: ignore[valid-type]
    scratch: Sized(scratch_numbers)  # type: ignore[valid-type]


def shifted(oracle, state, shape, differences, shift):
    """Ask for f at W + shift u, or at its retraction."""
    x, u, trial, point, _, tangent, _, scratch = state
    if differences == AMBIENT:
        for i in range(x.size):
            trial[i] = x[i] + shift * u[i]
    else:
        moved, rest = scratch[: point.size], scratch[point.size :]
        retract(point, tangent, shift, shape, moved, rest)
        dense(moved, shape, trial, rest)
    return query(oracle, trial)


def step(oracle, state, parameters, k, stream):
    """W_{k+1} = R(W_k, -step_size m_k)."""
    hold(oracle)
    x, u, _, point, estimate, tangent, momentum, scratch = state
    shape = (parameters.rows, parameters.columns, parameters.rank)
    radius, differences = parameters.radius, parameters.differences
    estimate[:] = 0.0
    for _ in range(parameters.probes):
        draw_tangent(stream, point, shape, True, tangent)
        if differences == AMBIENT:
            spread(point, tangent, shape, u, scratch)
        plus = shifted(oracle, state, shape, differences, radius)
        minus = shifted(oracle, state, shape, differences, -radius)
        weight = (plus - minus) / (2.0 * radius * parameters.probes)
        for i in range(tangent.size):
            estimate[i] += weight * tangent[i]
    beta = parameters.beta
    for i in range(momentum.size):
        momentum[i] = beta * momentum[i] + (1.0 - beta) * estimate[i]
    old, rest = scratch[: point.size], scratch[point.size :]
    for i in range(point.size):
        old[i] = point[i]
    retract(old, momentum, -parameters.step_size, shape, point, rest)
    transport(old, point, momentum, shape, rest)
    dense(point, shape, x, rest)


def cost(parameters, setting):
    """Give the queries of one step."""
    return 2 * parameters.probes


def settle(parameters, setting):
    """Fill shape, rank, momentum and step size; with a step size given, L is not needed."""
    filled = shaped(parameters, setting, solver.name)
    # gamma - 1
    noise = (manifold_dim(filled.rows, filled.columns, filled.rank) - 1.0) / filled.probes
    if filled.rule == "bound":
        filled = filled._replace(beta=1.0 - 1.0 / (2.0 * noise) if noise > 0.5 else 0.0)
    if filled.step_size > 0.0:
        return filled._replace(L=0.0)
    step_size = 0.618 * (1.0 - filled.beta) if filled.rule == "bound" else 1.0 / (noise + 1.0)
    return filled._replace(step_size=step_size / filled.L)


def start(parameters, setting, x0):
    """Give the factors of the start."""
    return {"point": start_point(parameters, setting, x0)}


def average_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` squared gradient norms."""
    return 21.0 * case.constant("L") * (case.dim - 1.0) * case.gap / steps


def is_flat(instance) -> str:
    """Say what is missing of a quadratic in R^d."""
    if instance.manifold is not None:
        return "it is proved in flat space, and the problem declares matrices of low rank"
    return (
        "" if "trace" in instance.certificates and instance.dim > 1 else "f must be a quadratic with d >= 2"
    )


average = Theorem(
    name="rzo-ema-momentum-stationarity",
    statement=(
        "f an L-smooth quadratic on R^d, one direction of norm sqrt(d), 1 - beta = 1/(2 (d - 1)), step "
        "0.618 (1 - beta)/L, m_{-1} = 0:  E mean_k |grad f(x_k)|^2 <= 21 L (d - 1) D0 / K"
    ),
    proof=(
        "With a = 1 - beta and e = m - grad f: E|e_{k+1}|^2 <= (1 - a)|e_k|^2 + (L^2 h^2/a)|m_k|^2 + "
        "a^2 (d - 1)|grad f|^2, and f falls by (h/2)(|grad f|^2 + (1 - L h)|m|^2 - |e|^2) at least.  Add the "
        "first with weight h/(2a); L h/a = 0.618 makes the terms in |m|^2 cancel.  E|e_0|^2 <= 2 L D0."
    ),
    source="derived for zobench; moving averages after Li, Balasubramanian, Ma, arXiv 2309.14506",
    assumes=("L", "f_star"),
    parameters=lambda case: {"rule": "bound", "L": case.constant("L")},
    budget=lambda case: 2 * case.steps,
    bound=average_bound,
    measured=lambda trace, case: trace.means["gradient_norm_squared"],
    quantity="mean over k of |grad f(x_k)|^2",
    queries_per_step=2,
    requires=is_flat,
    slopes=(("K", -1.0), ("d", 1.0)),
    pitfall="Ten times weaker than without momentum: no acceleration is claimed.",
    complexity="21 L (d - 1) D0/eps^2",
    horizon=lambda case, eps: average_bound(case, 1) / eps**2,
    power=2.0,
    cells=(
        Cell("quadratic", 10, 200, (("condition", 1.0),), "sphere", quick=True),
        Cell("quadratic", 20, 400, law="sphere", quick=True),
        Cell("quadratic", 60, 1200, (("condition", 1.0),), "sphere"),
    ),
)

solver = Solver(
    name="riemannian-zo-momentum",
    summary="zeroth-order method on the matrices of rank r with a transported moving average",
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
    source="after Li, Balasubramanian, Ma, SIAM J. Optim. 34 (2024), arXiv 2309.14506",
    theorems=(average,),
)
