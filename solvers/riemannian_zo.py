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
from functools import partial
from typing import Annotated, NamedTuple

import numpy as np

from zobench.geometry.factors import shaped, start_point
from zobench.geometry.fixed_rank import (
    dense,
    draw_tangent,
    frame_size,
    manifold_dim,
    parts,
    point_size,
    retract,
    spread,
)
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.rates import speed_of_a_line
from zobench.solver import Sized, Solver
from zobench.theorem import Case, Cell, Theorem

DIFFERENCES = ("ambient", "on-manifold")
AMBIENT, ON_MANIFOLD = range(2)
LAWS = ("sphere", "gaussian")
SPHERE, GAUSSIAN = range(2)
#: Of a problem: that the start keeps the singular values.
NEAR = ("start", "tilted")
#: A region about A that runs do not leave, in units of |W_0 - A|.
WIDER = 1.001
#: Condition numbers of A whose effect on the number of steps is measured.
CONDITIONS = (3.0, 10.0, 30.0)


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
    probes: Annotated[int, Integer(1, 1_000_000)] = 1
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


def shape_of(case: Case) -> tuple[int, int, int]:
    """Give m, n and r."""
    declared = case.instance.manifold
    return (declared.rows, declared.columns, declared.rank) if declared else (case.dim, 1, 1)


def dim_of(case: Case) -> int:
    """Give D = r (m + n - r)."""
    return manifold_dim(*shape_of(case))


def nearness(case: Case) -> float:
    """Give theta = |W_0 - A| / (the r-th singular value of A)."""
    shape = shape_of(case)
    truth = np.asarray(case.instance.x_star, dtype=np.float64).reshape(shape[:2])
    values = np.linalg.svd(truth, compute_uv=False)
    return case.distance / float(values[shape[2] - 1])


def curvature(case: Case, wider: float = 1.0) -> float:
    """Give L_theta = 1 + 2 q + (q/2)^2, q = theta/(1 - 2 theta), of a wider theta: f's along retractions."""
    theta = wider * nearness(case)
    q = theta / (1.0 - 2.0 * theta)
    return 1.0 + 2.0 * q + (q / 2.0) ** 2


def local_bound(case: Case, steps: int) -> float:
    """Bound E f(W_K) for K = `steps`."""
    rate = (1.0 - nearness(case) ** 2) / (curvature(case) * dim_of(case))
    return (1.0 - rate) ** steps * case.gap


def is_near(instance) -> str:
    """Say what is missing of |W - A|^2/2 with W_0 near A."""
    if instance.manifold is None or instance.problem.name != "fixed-rank-approximation":
        return "f must be |W - A|^2/2 with a declared rank"
    near = nearness(Case(instance, 1, "sphere"))
    return (
        "" if near < 0.5 else f"|W_0 - A| must be below half of A's smallest singular value, got {near:.3g}"
    )


def is_declared(instance) -> str:
    """Say that f is no quadratic of matrices with a declared rank, if it is none."""
    quadratic = instance.manifold is not None and "trace" in instance.certificates
    return "" if quadratic else "f must be a quadratic of matrices with a declared rank"


def tangential(z: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Give P(W) Z."""
    left, right = u.T @ u, v.T @ v
    return left @ z + z @ right - left @ z @ right


def moves(trial):
    """Drive a run; yield W_k, P grad f(W_k), g_k and W_{k+1} of every step as matrices."""
    instance, run, shape = trial.case.instance, trial.start(), shape_of(trial.case)
    for _ in range(trial.case.steps):
        before, (_, u, v) = run.x.copy(), parts(run.field("point").copy(), shape)
        slope = tangential(instance.gradient(before).reshape(shape[:2]), u, v)
        run.advance(1)
        middle, aside, across = parts(run.field("estimate"), shape)
        estimate = (u.T @ middle + aside.T) @ v + u.T @ across
        yield before.reshape(shape[:2]), slope, estimate, run.x.reshape(shape[:2]).copy()


def isotropy_sides(trial) -> tuple[float, float]:
    """Measure the mean over k of <g_k, P grad f> / |P grad f|^2."""
    found = [np.sum(estimate * slope) / np.sum(slope**2) for _, slope, estimate, _ in moves(trial)]
    return float(np.mean(found)), 1.0


def truncation_sides(trial) -> tuple[float, float]:
    """Measure the mean over k of |P grad f(W_k)|^2, and its bound from what the retractions moved."""
    case, squares, lost = trial.case, [], []
    smoothness = case.constant("L")
    for before, slope, estimate, after in moves(trial):
        squares.append(np.sum(slope**2))
        aim = before - estimate / (smoothness * dim_of(case))
        gap = np.linalg.norm(after - aim)
        norm = np.linalg.norm(case.instance.gradient(aim.ravel()))
        lost.append(norm * gap + smoothness * gap**2 / 2.0)
    scale = 2.0 * smoothness * dim_of(case) / case.steps
    return float(np.mean(squares)), scale * (case.gap + float(np.sum(lost)))


def retraction_rule(case: Case) -> dict:
    """Give 1/(L_g D), and a radius that lets f rise by less than |W_0 - A|^2/1000 in all."""
    step_size = 1.0 / (curvature(case, WIDER) * dim_of(case))
    radius = case.distance / (25.0 * math.sqrt(dim_of(case) * case.steps))
    return {"differences": "on-manifold", "step_size": step_size, "radius": radius}


def retraction_bound(case: Case, steps: int) -> float:
    """Bound the mean over k < `steps` of E|P grad f(W_k)|^2."""
    smooth, size = curvature(case, WIDER), dim_of(case)
    bias = smooth * retraction_rule(case)["radius"] * size / 2.0
    return 4.0 * smooth * size * case.gap / steps + 18.0 * bias**2


def retraction_horizon(case: Case, eps: float) -> float:
    """Give K(eps) of E|P grad f|^2 <= eps^2; the radius shrinks with K."""
    smooth = curvature(case, WIDER)
    return smooth * dim_of(case) * (4.0 * case.gap + 0.0072 * smooth * case.distance**2) / eps**2


def retraction_sides(trial) -> tuple[float, float]:
    """Measure the mean over k of |P grad f(W_k)|^2; infinite if the run leaves the region of L_g."""
    case, squares, furthest = trial.case, [], 0.0
    for before, slope, _, _ in moves(trial):
        squares.append(np.sum(slope**2))
        furthest = max(furthest, case.instance.value(before.ravel()))
    inside = furthest <= WIDER**2 * case.gap
    return float(np.mean(squares)) if inside else math.inf, retraction_bound(case, case.steps)


def arrival(trial, made, condition: float, chosen: dict, limit: int) -> float:
    """Count steps to |W - A| <= 0.1/condition, up to two per cent; infinite beyond `limit`."""
    run, steps = trial.start(instance=made, parameters=chosen, budget=2 * limit), 0
    while steps < limit and math.isfinite(made.value(run.x)):
        more = min(1 + steps // 50, limit - steps)
        run.advance(more)
        steps += more
        if math.sqrt(2.0 * made.value(run.x)) <= 0.1 / condition:
            return float(steps)
    return math.inf


def conditioning_sides(trial) -> tuple[float, float]:
    """Measure the exponent of the condition number in steps, or its inverse for S2P on the factors."""
    (rows, columns, rank), steps = shape_of(trial.case), []
    given = {"rows": rows, "columns": columns, "rank": rank, "start": "tilted"}
    rule = conditioning_rule(trial.case)
    for condition in CONDITIONS:
        if trial.case.claim == "tangent vectors":
            made = trial.other("fixed-rank-approximation", condition=condition, **given)
            steps.append(arrival(trial, made, condition, rule, 200 * dim_of(trial.case)))
        else:
            made = trial.other("matrix-factorization", condition=condition, **given)
            limit = 2000 * made.dim
            tries = [arrival(trial, made, condition, {**rule, "L": 1.0 / c}, limit) for c in (1.0, 1.5, 2.0)]
            steps.append(min(limit, *tries))
    if not np.isfinite(steps).all():
        return math.inf, conditioning_bound(trial.case)
    power = float(np.polyfit(np.log(CONDITIONS), np.log(steps), 1)[0])
    if trial.case.claim == "tangent vectors":
        return max(power, 0.0), conditioning_bound(trial.case)
    return 1.0 / power if power > 0.0 else math.inf, conditioning_bound(trial.case)


def conditioning_rule(case: Case) -> dict:
    """Give the step 1/D on tangent vectors, and S2P's gamma rule on factors."""
    if case.claim == "tangent vectors":
        return {"step_size": 1.0 / dim_of(case)}
    return {"rule": "gamma", "law": "sphere", "radius": 1e-4}


def conditioning_bound(case: Case) -> float:
    """Give the largest exponent on tangent vectors, or the inverse of the smallest on factors."""
    return 0.4 if case.claim == "tangent vectors" else 1.0 / 0.8


def is_nearer(instance) -> str:
    """Say what is missing of |W - A|^2/2 with W_0 within a quarter of A's smallest singular value."""
    lacking = is_near(instance)
    close = lacking or nearness(Case(instance, 1, "sphere")) < 0.25
    return lacking or ("" if close else "|W_0 - A| must be below a quarter of A's smallest singular value")


def is_tilted(instance) -> str:
    """Say that f is not |W - A|^2/2 with a tilted start, if it is not."""
    known = instance.problem.name == "fixed-rank-approximation" and instance.parameters.start == "tilted"
    return "" if known else "f must be |W - A|^2/2 with tilted singular spaces at the start"


def matrices(rows: int, columns: int, rank: int, *more: tuple) -> tuple:
    """Give the parameters of the problem of a cell."""
    return (("rows", rows), ("columns", columns), ("rank", rank), *more)


row = partial(
    Theorem,
    source="derived for zobench; method after Li, Balasubramanian, Ma, arXiv 2003.11238",
    assumes=("L", "f_star"),
    parameters=lambda case: {"step_size": 1.0 / (case.constant("L") * dim_of(case))},
    budget=lambda case: 2 * case.steps,
    queries_per_step=2,
    requires=is_declared,
)
cell = partial(Cell, "fixed-rank-approximation", None, law="sphere")

isotropy = row(
    name="tangent-sampler-isotropy",
    statement=(
        "u = U M V^T + Up V^T + U Vp^T of projected normal entries, scaled to |u|^2 = D = r (m + n - r), f "
        "quadratic, g = (f(W + h u) - f(W - h u)) / (2h) u:  E <g, P grad f> = |P grad f|^2"
    ),
    proof=(
        "Before scaling u has the law of P Z with independent normal Z, invariant under rotations of the "
        "tangent space: E u u^T = P.  Central differences are exact for quadratics."
    ),
    relation="=",
    bound=lambda case, steps: 1.0,
    sides=isotropy_sides,
    quantity="mean over k of <g_k, P grad f> / |P grad f|^2",
    pitfall="Without the projections the r x r block counts three times, the others once.",
    complexity="none: about one estimate of the gradient, not a run",
    cells=(
        cell(300, matrices(8, 6, 2), tight=True, quick=True),
        cell(500, matrices(20, 15, 3), tight=True),
        cell(500, matrices(12, 3, 3, ("condition", 100.0)), tight=True),
    ),
)

local_linear = row(
    name="rzo-lowrank-local-linear",
    statement=(
        "f = |W - A|^2/2 with A of rank r, t = |W_0 - A|/s_r(A) < 1/2, q = t/(1 - 2t), L_t = 1 + 2q + q^2/4, "
        "D = r (m + n - r), step 1/(L_t D), one direction of norm sqrt(D):  "
        "E f(W_K) <= (1 - (1 - t^2)/(L_t D))^K f(W_0), whatever the condition number of A"
    ),
    proof=(
        "f never rises, so that s_r(W) >= (1 - t) s_r(A) and |xi| <= t s_r(A) for every step xi; the "
        "retraction moves W + xi by at most |xi|^2/(2 (1 - 2t) s_r(A)), whence f(W^+) <= f + <grad f, xi> + "
        "L_t |xi|^2/2.  What of the gradient is not tangent is at most t |W - A|."
    ),
    parameters=lambda case: {"step_size": 1.0 / (curvature(case) * dim_of(case))},
    bound=local_bound,
    measured=lambda trace, case: trace.value,
    quantity="f(W_K)",
    requires=is_near,
    pitfall="The basin shrinks with s_r(A), the rate does not: the start must be that near.",
    complexity="(L_t D/(1 - t^2)) ln(f(W_0)/eps)",
    horizon=lambda case, eps: (
        curvature(case) * dim_of(case) / (1.0 - nearness(case) ** 2) * math.log(case.gap / eps)
    ),
    cells=(
        # sin(angle) = theta s_r / (sqrt(2) |A|)
        cell(132, matrices(20, 15, 2, NEAR, ("condition", 1.0), ("angle", 0.05)), tight=True, quick=True),
        cell(132, matrices(20, 15, 2, NEAR, ("condition", 100.0), ("angle", 7e-4)), tight=True, quick=True),
        cell(528, matrices(20, 15, 2, NEAR, ("condition", 1e4), ("angle", 3.5e-6)), tight=True),
        cell(1284, matrices(60, 50, 3, NEAR, ("condition", 10.0), ("angle", 7e-3))),
    ),
)

truncated = row(
    name="rzo-lowrank-stationarity-truncation",
    statement=(
        "f an L-smooth quadratic, one direction of norm sqrt(D), D = r (m + n - r), step 1/(L D), "
        "V_k = W_k - g_k/(L D), t_k = |W_{k+1} - V_k|:  E mean_k |P grad f(W_k)|^2 <= "
        "(2 L D / K) E[ D0 + sum_k (|grad f(V_k)| t_k + L t_k^2/2) ]"
    ),
    proof=(
        "E <grad f, g> = |P grad f|^2 and E|g|^2 = D |P grad f|^2: E f(V) <= f - |P grad f|^2/(2 L D).  The "
        "retraction from V costs at most |grad f(V)| t + L t^2/2.  Sum over k.  No singular value enters."
    ),
    relation="paired",
    bound=lambda case, steps: 2.0 * case.constant("L") * dim_of(case) * case.gap / steps,
    sides=truncation_sides,
    quantity="mean over k of |P grad f(W_k)|^2",
    slopes=(("K", -1.0),),
    pitfall="The bound is measured in the same run, from what its own retractions moved.",
    complexity=(
        "2 L D D0/eps^2 where the retractions cost nothing; else the run says how much is added to D0"
    ),
    horizon=lambda case, eps: 2.0 * case.constant("L") * dim_of(case) * case.gap / eps**2,
    power=2.0,
    cells=(
        cell(128, matrices(10, 8, 2, ("condition", 1.0)), quick=True),
        cell(384, matrices(10, 8, 2, ("condition", 100.0), ("scale", 0.01)), quick=True),
        cell(800, matrices(20, 15, 2, ("condition", 1e4))),
    ),
)

scaling = row(
    name="rzo-query-scaling",
    statement=(
        "f = |W - A|^2/2 with A of rank r, one direction of norm sqrt(D), D = r (m + n - r), step 1/D:  as "
        "W_0 tends to A, E mean_k ln(f(W_k)/f(W_{k+1})) = psi(D/2) - psi((D-1)/2) = 1/D + O(1/D^2), so that "
        "a hundredth of the distance takes 18.4 D queries"
    ),
    proof=(
        "Near A the manifold is its tangent space, and a step takes from W - A its part along u: f falls by "
        "the factor 1 - c^2, c^2 of the law Beta(1/2, (D-1)/2).  2 queries a step, and 2 ln(1e4) = 18.4."
    ),
    relation="=",
    bound=lambda case, steps: 2.0 * speed_of_a_line(dim_of(case)),
    sides=lambda trial: (
        math.log((run := trial.trace()).start / run.value) / run.steps,
        trial.theorem.bound(trial.case, run.steps),
    ),
    quantity="mean over k of ln(f(W_k)/f(W_{k+1}))",
    requires=is_near,
    slopes=(("D", 1.0),),
    pitfall="From afar a transient adds a tenth; a target above the smallest singular value hides it.",
    complexity="none: a mean speed; in the mean a hundredth of the distance takes 9.2 D steps",
    cells=(
        cell(400, matrices(12, 10, 1, NEAR, ("condition", 1.0), ("angle", 1e-3)), tight=True, quick=True),
        cell(660, matrices(20, 15, 2, NEAR, ("condition", 1.0), ("angle", 1e-3)), tight=True, quick=True),
        cell(2540, matrices(40, 30, 4, NEAR, ("condition", 10.0), ("angle", 1e-4)), tight=True),
        cell(2540, matrices(40, 30, 4, NEAR, ("condition", 1.0), ("angle", 1e-3)), tight=True),
    ),
)

smooth = row(
    name="rzo-retraction-smooth-stationarity",
    statement=(
        "f = |W - A|^2/2 with A of rank r, t = 1.001 |W_0 - A|/s_r(A) < 1/4, q = t/(1 - 2t), L_g = 1 + 2q + "
        "q^2/4, D = r (m + n - r), f asked on the manifold at R(W, +-h u) with |u|^2 = D, h = |W_0 - A|/(25 "
        "sqrt(D K)), step 1/(L_g D):  E mean_k |P grad f(W_k)|^2 <= 4 L_g D D0/K + 18 (L_g h D/2)^2"
    ),
    proof=(
        "For |W - A| <= t s_r(A) and |xi| as short, |f(R(W, xi)) - f(W) - <grad f, xi>| <= L_g |xi|^2/2.  So "
        "a difference errs by at most e = L_g h D/2, f rises by at most e^2/(2 L_g D) a step, in all by less "
        "than |W_0 - A|^2/1000, and the run stays there.  |E g - P grad f| <= e, E|g|^2 <= D (|P grad f| + "
        "e)^2; 2 |P grad f| e <= |P grad f|^2/4 + 4 e^2, and sum over k."
    ),
    parameters=retraction_rule,
    bound=retraction_bound,
    sides=retraction_sides,
    quantity="mean over k of |P grad f(W_k)|^2",
    requires=is_nearer,
    slopes=(("K", -1.0),),
    pitfall=(
        "L_g is no global constant: a run that leaves its region counts as infinite.  A radius too large is "
        "forgiven, since the bound has the radius in it."
    ),
    complexity="L_g D (4 D0 + 0.0072 L_g |W_0 - A|^2)/eps^2",
    horizon=retraction_horizon,
    power=2.0,
    cells=(
        cell(288, matrices(8, 6, 2, NEAR, ("condition", 1.0), ("angle", 0.05)), quick=True),
        cell(288, matrices(8, 6, 2, NEAR, ("condition", 100.0), ("angle", 7e-4)), quick=True),
        cell(1584, matrices(20, 15, 2, NEAR, ("condition", 10.0), ("angle", 7e-3))),
    ),
)

conditioning = row(
    name="rzo-conditioning-robustness",
    statement=(
        "f = |W - A|^2/2, W_0 with A's singular values and tilted singular spaces, steps to |W - A| <= "
        "0.1 s_r(A) for condition numbers 3, 10 and 30 of A.  tangent vectors, step 1/D: they grow at most "
        "like the power 0.4 of the condition number.  factors, S2P with the best of three steps: at least "
        "like the power 0.8"
    ),
    proof=(
        "Near A the rate 1/D of tangent vectors knows no condition number (rzo-lowrank-local-linear), and "
        "the digits to win grow with its logarithm; on the factors the directions new to U and V are slowed "
        "by s_r^2.  The two thresholds are measured, not proved."
    ),
    source="measured for zobench; geometry after Schotthöfer, Klein, Kusch, arXiv 2506.17475",
    parameters=conditioning_rule,
    bound=lambda case, steps: conditioning_bound(case),
    sides=conditioning_sides,
    quantity="exponent of the condition number in steps to the target; on factors its inverse",
    requires=is_tilted,
    pitfall="A target that does not resolve the smallest singular value hides it.",
    complexity="none: about the exponent of the condition number in K",
    cells=(
        cell(1, matrices(12, 10, 2, NEAR), quick=True, claim="tangent vectors"),
        cell(1, matrices(12, 10, 2, NEAR), claim="factors", solver="s2p"),
        cell(1, matrices(60, 50, 3, NEAR), claim="tangent vectors"),
        cell(1, matrices(20, 15, 3, NEAR), claim="factors", solver="s2p"),
    ),
)

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
    theorems=(isotropy, local_linear, truncated, scaling, smooth, conditioning),
)
