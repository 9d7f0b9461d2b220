"""Low-rank heavy ball: momentum on the matrices of rank r, through bases that the gradient joins.

Algorithm (our version of the momentum methods of Schotthöfer, Klein and Kusch, "A geometric framework for
momentum-based optimizers for low-rank training", arXiv 2506.17475, whose text we could not read in full; the
step through augmented bases is the one of Schotthöfer, Yang and Schnake, "Dynamical low-rank compression of
neural networks with robustness under adversarial attacks", arXiv 2505.08022, with fixed rank): with W_k = U S
V^T of rank r, momentum M_k = U_M S_M V_M^T of rank at most r_M, M_0 = 0, for k = 0, 1, ...

    G = grad f(W_k)
    U' = orth [U, G V, U_M],    V' = orth [V, G^T U, V_M]
    M' = beta U'^T M_k V' + U'^T G V'
    S' = U'^T W_k V' - step_size M'
    W_{k+1} = U' trunc_r(S') V'^T,    M_{k+1} = U' trunc_{r_M}(M') V'^T

trunc_r is the best approximation of rank r, from the singular values of a matrix of size at most 2r + r_M.
Nothing divides by S, which may be singular.

G is the exact gradient with respect to the dense matrix: a first-order method, for comparison with those
that see values only.  step_size not given is (1 - beta^2)/L, with which the mean of |P grad f|^2 over the
tangent spaces falls like 1/K, but for what truncation discards (our proof).  momentum_rank not given is r.
rows, columns and rank are those that the problem declares; where it declares none, x is one column and the
method is the heavy ball in R^d.

1 gradient a step, charged as one query.  Memory: 2 vectors, and numbers of the order of 7 r (m + n).
Invariances: scaling.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from zobench.geometry.factors import shaped, start_point
from zobench.geometry.fixed_rank import augment, dense, frame, frame_size, parts, point_size, truncate
from zobench.geometry.orthonormal import add_sandwich, complete, extend, galerkin
from zobench.instance import Vector
from zobench.oracle import query_gradient
from zobench.parameters import Certified, Integer, Real
from zobench.solver import Scalar, Sized, Solver
from zobench.theorem import Case, Cell, Theorem


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    step_size : float
        Step size; 0 stands for (1 - beta^2)/L.
    beta : float
        Weight of the momentum.
    momentum_rank : int
        r_M; 0 stands for r.  A tangent vector has rank up to 2r.
    rows, columns, rank : int
        m, n and r; 0 stands for what the problem declares.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    """

    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    beta: Annotated[float, Real(0.0, 0.9999)] = 0.9
    momentum_rank: Annotated[int, Integer(0)] = 0
    rows: Annotated[int, Integer(0)] = 0
    columns: Annotated[int, Integer(0)] = 0
    rank: Annotated[int, Integer(0)] = 0
    L: Annotated[float, Certified(fallback=1.0)] = math.nan


def width(p):
    """Give the columns that may join a basis."""
    return 2 * p.rank + p.momentum_rank


def table_numbers(p, dim):
    """Give the scratch of the gradient's products, and two cores."""
    left, right = min(p.rows, width(p)), min(p.columns, width(p))
    return max(right * p.rows, p.rank * (p.rows + p.columns)) + left * right


class State(NamedTuple):
    """Workspace: iterate and gradient as matrices; factors of W and of the momentum; scratch.

    `lost` is the norm of what truncation took from W in the last step.
    """

    x: Vector
    gradient: Vector
    point: Sized(lambda p, dim: point_size(p.rows, p.columns, p.rank))  # type: ignore[valid-type]
    momentum: Sized(lambda p, dim: point_size(p.rows, p.columns, p.momentum_rank))  # type: ignore[valid-type]
    table: Sized(table_numbers)  # type: ignore[valid-type]
    scratch: Sized(lambda p, dim: frame_size(p.rows, p.columns, width(p)))  # type: ignore[valid-type]
    lost: Scalar


def step(oracle, state, parameters, k, stream):
    """W_{k+1} = U' trunc_r(S') V'^T."""
    x, gradient, point, momentum, table, scratch, lost = state
    rows, columns, rank, low = parameters.rows, parameters.columns, parameters.rank, parameters.momentum_rank
    shape, slim = (rows, columns, rank), (rows, columns, low)
    query_gradient(oracle, x, gradient)
    z = gradient.reshape((rows, columns))
    views = frame(scratch, rows, columns, 2 * rank + low)
    left, right, cu, cv, core, turn, values, spare = views
    middle, u, v = parts(momentum, slim)
    one, two = augment(point, z, shape, views, table)
    one, two = extend(left, one, u, cu[2 * rank :]), extend(right, two, v, cv[2 * rank :])
    # what did not join the bases sees nothing of the gradient
    left[one:] = 0.0
    right[two:] = 0.0
    moved = table[table.size - core.size :].reshape(core.shape)
    galerkin(z, left, right, table, moved)
    add_sandwich(moved, parameters.beta, cu[2 * rank :], middle, cv[2 * rank :])
    for i in range(core.shape[0]):
        for j in range(core.shape[1]):
            core[i, j] = -parameters.step_size * moved[i, j]
    small, _, _ = parts(point, shape)
    add_sandwich(core, 1.0, cu[:rank], small, cv[:rank])
    complete(left, one, spare)
    complete(right, two, spare)
    lost[0] = truncate(core, turn, values, spare, left, right, point, shape)
    truncate(moved, turn, values, spare, left, right, momentum, slim)
    dense(point, shape, x, table)


def settle(parameters, setting):
    """Fill shape, ranks and step size; with a step size given, L is not needed."""
    filled = shaped(parameters, setting, solver.name)
    low = min(filled.momentum_rank or filled.rank, filled.rows, filled.columns)
    filled = filled._replace(momentum_rank=low)
    if filled.step_size > 0.0:
        return filled._replace(L=0.0)
    return filled._replace(step_size=(1.0 - filled.beta**2) / filled.L)


def start(parameters, setting, x0):
    """Give the factors of the start."""
    return {"point": start_point(parameters, setting, x0)}


def step_of(case: Case) -> float:
    """Give the step size (1 - beta^2)/L for beta = 0.9."""
    return (1.0 - 0.9**2) / case.constant("L")


def truncation_sides(trial) -> tuple[float, float]:
    """Measure the mean over k of |P grad f(W_k)|^2, and its bound from what truncation cut off."""
    case, run, squares, lost = trial.case, trial.start(), [], []
    instance, smoothness = case.instance, case.constant("L")
    declared = instance.manifold
    shape = (declared.rows, declared.columns, declared.rank)
    for _ in range(case.steps):
        z = instance.gradient(run.x.copy()).reshape(shape[:2])
        _, u, v = parts(run.field("point"), shape)
        off = z - u.T @ (u @ z)
        squares.append(np.sum(z**2) - np.sum((off - (off @ v.T) @ v) ** 2))
        run.advance(1)
        cut = run.field("lost")[0]
        norm = np.linalg.norm(instance.gradient(run.x.copy()))
        lost.append(norm * cut + 1.5 * smoothness * cut**2)
    scale = 2.0 / (step_of(case) * case.steps)
    return float(np.mean(squares)), scale * (case.gap + float(np.sum(lost)))


stationary = Theorem(
    name="lowrank-heavy-ball-stationarity",
    statement=(
        "f L-smooth, M_0 = 0, h <= (1 - beta^2)/L, t_k the norm of what truncation takes from W in step k:  "
        "mean_k |P grad f(W_k)|^2 <= (2/(h K)) [ D0 + sum_k (|grad f(W_{k+1})| t_k + 3 L t_k^2/2) ]"
    ),
    proof=(
        "P grad f lies in the span S of the augmented bases, and so does M: with g the part of grad f in S, "
        "<grad f, M'> = (|M'|^2 + |g|^2 - beta^2 |M|^2)/2 for M' = beta M + g.  L-smoothness on the step "
        "-h M' makes f + (h/2)(1 - L h)|M|^2 fall by (h/2)|g|^2, but for |grad f(V)| t + L t^2/2 when V is "
        "truncated; grad f at V is at most L t away from that at W_{k+1}.  No singular value enters."
    ),
    source="derived for zobench; after Schotthöfer, Klein, Kusch, arXiv 2506.17475",
    assumes=("L", "f_star"),
    parameters=lambda case: {"step_size": step_of(case), "beta": 0.9},
    budget=lambda case: case.steps,
    relation="paired",
    bound=lambda case, steps: 2.0 * case.gap / (step_of(case) * steps),
    sides=truncation_sides,
    quantity="mean over k of |P grad f(W_k)|^2",
    queries_per_step=1,
    requires=lambda instance: "" if instance.manifold else "the problem must declare shape and rank",
    slopes=(("K", -1.0),),
    pitfall="The bound is measured in the same run.  A momentum in stale bases still meets it.",
    complexity="2 D0/(h eps^2) where truncation takes nothing; else the run says how much is added to D0",
    horizon=lambda case, eps: 2.0 * case.gap / (step_of(case) * eps**2),
    power=2.0,
    cells=(
        Cell("fixed-rank-approximation", None, 100, (("condition", 1.0),), "-", quick=True),
        Cell("fixed-rank-approximation", None, 200, (("condition", 1e4), ("rank", 4)), "-", quick=True),
        Cell("fixed-rank-completion", None, 400, law="-"),
        Cell("rank-deficient-start", None, 100, law="-", tight=True, quick=True),
    ),
)

solver = Solver(
    name="lowrank-heavy-ball",
    summary="first-order heavy ball on the matrices of rank r, through augmented bases",
    step=step,
    state=State,
    cost=lambda parameters, setting: 1,
    parameters=Parameters,
    settle=settle,
    start=start,
    invariances={
        "translation": "the matrices of rank r are no longer such when a matrix is added",
        "scaling": True,
        "rotation": "a rotation of R^d mixes entries and does not keep the rank",
    },
    gradients=True,
    source="after Schotthöfer, Klein, Kusch, arXiv 2506.17475 (2025), and arXiv 2505.08022",
    theorems=(stationary,),
)
