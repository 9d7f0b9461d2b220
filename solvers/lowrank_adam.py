"""Low-rank Adam: Adam in the coefficients of bases that the gradient joins, moments carried with the bases.

Algorithm (Schotthöfer, Yang and Schnake, "Dynamical low-rank compression of neural networks with robustness
under adversarial attacks", arXiv 2505.08022, algorithm 1, with one Adam step a basis as in the authors' code
RobustDLRT; the rank is fixed here, where they truncate to a tolerance): with W_k = U S V^T of rank r, moments
m and v of size r x r, zero at first, for k = 0, 1, ...

    G = grad f(W_k)
    U' = orth [U, G V],     V' = orth [V, G^T U],     A = U'^T U,     B = V'^T V
    m <- A m B^T,           v <- (A sqrt(v) B^T)^2
    g = U'^T G V'
    m <- beta1 m + (1 - beta1) g,      v <- beta2 v + (1 - beta2) g^2
    S' = A S B^T - step_size m / (1 - beta1^{k+1}) / (sqrt(v / (1 - beta2^{k+1})) + epsilon)
    S' = P diag(s) Q^T;     with the first r columns of P and Q:
    U <- U' P,   S <- diag(s),   V <- V' Q,   m <- P^T m Q,   v <- (P^T sqrt(v) Q)^2

step_size is multiplied by 1 for `decay` = constant, by 1 - k/K for linear and by 1/sqrt(k + 1) for
inverse-root, with K the number of steps.  Squares, roots and quotients are taken entry by entry.  The paper's
bases take the factor gradients G V S^T and G^T U S, of the same range as long as S is regular; ours see G V
and G^T U where S is singular, too.

Directions new to the bases have no moments: with k large a step along one has a length of about step_size
(1 - beta1)/sqrt(1 - beta2), three times step_size by default, however small the gradient is.  With a constant
step size the iterates come no nearer to a minimiser than that, however small the smallest singular value is.
The decay laws, which are ours, let them.

G is the exact gradient with respect to the dense matrix: a first-order method.  beta1, beta2, epsilon and the
step size are Adam's usual ones.  rows, columns and rank are those that the problem declares; where it
declares none, x is one column and a step lies in the plane of x and the gradient.

1 gradient a step, charged as one query.  Memory: 2 vectors, and numbers of the order of 4 r (m + n).
Invariances: scaling.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.geometry.factors import shaped, start_point
from zobench.geometry.fixed_rank import augment, dense, frame, frame_size, parts, point_size, truncate
from zobench.geometry.orthonormal import add_sandwich, complete, galerkin
from zobench.instance import Vector
from zobench.oracle import query_gradient
from zobench.parameters import Choice, Integer, Real
from zobench.solver import Sized, Solver

DECAYS = ("constant", "linear", "inverse-root")
CONSTANT, LINEAR, INVERSE_ROOT = range(3)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    step_size : float
        Step size, in units of x.
    beta1, beta2 : float
        Decay of the two moments.
    epsilon : float
        Added to the root of the second moment, in units of the gradient.
    rows, columns, rank : int
        m, n and r; 0 stands for what the problem declares.
    decay : str
        Decay law of the step size.
    steps : int
        K; 0 stands for as many as the budget allows.
    """

    step_size: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-3
    beta1: Annotated[float, Real(0.0, 0.9999)] = 0.9
    beta2: Annotated[float, Real(0.0, 0.999999)] = 0.999
    epsilon: Annotated[float, Real(0.0, open=True, unit="f/x")] = 1e-8
    rows: Annotated[int, Integer(0)] = 0
    columns: Annotated[int, Integer(0)] = 0
    rank: Annotated[int, Integer(0)] = 0
    decay: Annotated[str, Choice(*DECAYS)] = "constant"
    steps: Annotated[int, Integer(0)] = 0


def core_numbers(p, dim):
    """Give the size of a core."""
    return min(p.rows, 2 * p.rank) * min(p.columns, 2 * p.rank)


def table_numbers(p, dim):
    """Give the scratch of the gradient's products."""
    return max(min(p.columns, 2 * p.rank) * p.rows, p.rank * (p.rows + p.columns))


class State(NamedTuple):
    """Workspace: iterate and gradient as matrices; factors; moments, in the bases and outside; scratch."""

    x: Vector
    gradient: Vector
    point: Sized(lambda p, dim: point_size(p.rows, p.columns, p.rank))  # type: ignore[valid-type]
    first: Sized(lambda p, dim: p.rank**2)  # type: ignore[valid-type]
    root: Sized(lambda p, dim: p.rank**2)  # type: ignore[valid-type]
    mean: Sized(core_numbers)  # type: ignore[valid-type]
    square: Sized(core_numbers)  # type: ignore[valid-type]
    slope: Sized(core_numbers)  # type: ignore[valid-type]
    table: Sized(table_numbers)  # type: ignore[valid-type]
    scratch: Sized(lambda p, dim: frame_size(p.rows, p.columns, 2 * p.rank))  # type: ignore[valid-type]


def carry(moment, left, right, out):
    """Write a core in the coordinates of other bases: out = left^T moment right."""
    out[:] = 0.0
    add_sandwich(out, 1.0, left, moment, right)


def decayed(parameters, k):
    """Give the step size of step k."""
    if parameters.decay == LINEAR:
        return parameters.step_size * max(0.0, 1.0 - k / parameters.steps)
    if parameters.decay == INVERSE_ROOT:
        return parameters.step_size / np.sqrt(k + 1.0)
    return parameters.step_size


def advance(parameters, k, slope, mean, square, core):
    """Take one Adam step with the core."""
    beta1, beta2, step_size = parameters.beta1, parameters.beta2, decayed(parameters, k)
    one, two = 1.0 - beta1 ** (k + 1.0), 1.0 - beta2 ** (k + 1.0)
    for i in range(core.shape[0]):
        for j in range(core.shape[1]):
            g = slope[i, j]
            mean[i, j] = beta1 * mean[i, j] + (1.0 - beta1) * g
            # what was carried are roots
            square[i, j] = beta2 * square[i, j] ** 2 + (1.0 - beta2) * g * g
            root = np.sqrt(square[i, j] / two) + parameters.epsilon
            core[i, j] -= step_size * (mean[i, j] / one) / root
            square[i, j] = np.sqrt(square[i, j])


def step(oracle, state, parameters, k, stream):
    """W_{k+1} = U' trunc_r(S') V'^T."""
    x, gradient, point, first, root, mean, square, slope, table, scratch = state
    rows, columns, rank = parameters.rows, parameters.columns, parameters.rank
    shape = (rows, columns, rank)
    query_gradient(oracle, x, gradient)
    z = gradient.reshape((rows, columns))
    views = frame(scratch, rows, columns, 2 * rank)
    left, right, cu, cv, core, turn, values, spare = views
    one, two = augment(point, z, shape, views, table)
    # what did not join the bases sees nothing of the gradient
    left[one:] = 0.0
    right[two:] = 0.0
    m, w, g = mean.reshape(core.shape), square.reshape(core.shape), slope.reshape(core.shape)
    kept, roots = first.reshape((rank, rank)), root.reshape((rank, rank))
    small, _, _ = parts(point, shape)
    carry(kept, cu[:rank], cv[:rank], m)
    carry(roots, cu[:rank], cv[:rank], w)
    carry(small, cu[:rank], cv[:rank], core)
    galerkin(z, left, right, table, g)
    advance(parameters, k, g, m, w, core)
    complete(left, one, spare)
    complete(right, two, spare)
    truncate(core, turn, values, spare, left, right, point, shape)
    carry(m, turn[:rank].T, core[:rank].T, kept)
    carry(w, turn[:rank].T, core[:rank].T, roots)
    for i in range(root.size):
        root[i] = abs(root[i])
    dense(point, shape, x, table)


def settle(parameters, setting):
    """Fill shape, rank and horizon."""
    filled = shaped(parameters, setting, solver.name)
    return filled._replace(steps=filled.steps or max(1, setting.budget))


def start(parameters, setting, x0):
    """Give the factors of the start."""
    return {"point": start_point(parameters, setting, x0)}


solver = Solver(
    name="lowrank-adam",
    summary="first-order Adam on the matrices of rank r, moments carried with augmented bases",
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
    source="Schotthöfer, Yang, Schnake, arXiv 2505.08022 (2025), algorithm 1",
)
