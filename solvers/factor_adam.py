"""Adam on the factors of a matrix of low rank: what momentum should not be, for comparison.

Algorithm (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, arXiv 1412.6980, with the
factors as parameters; the simultaneous momentum that Schotthöfer, Klein and Kusch, "A geometric framework for
momentum-based optimizers for low-rank training", arXiv 2506.17475, warn of): with W = U S V^T, y = (U, S, V)
entry by entry, m and v zero, for k = 0, 1, ...

    G = grad f(U S V^T)
    g = (G V S^T, U^T G V, G^T U S)
    m <- beta1 m + (1 - beta1) g,     v <- beta2 v + (1 - beta2) g^2
    y <- y - step_size m / (1 - beta1^{k+1}) / (sqrt(v / (1 - beta2^{k+1})) + epsilon)

Where S is singular g may vanish though W is no stationary point.  Unlike heavy ball, Adam also depends on
which bases of the two spaces U and V are.

G is the exact gradient with respect to the dense matrix: a first-order method.  All defaults are Adam's usual
ones.  rows, columns and rank are those that the problem declares; where it declares none, x is one column
u s v with numbers s and v.

1 gradient a step, charged as one query.  Memory: 2 vectors, and numbers of the order of 5 r (m + n).
Invariances: none.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.geometry.factors import shaped, start_point
from zobench.geometry.fixed_rank import dense, factor_gradient, point_size
from zobench.instance import Vector
from zobench.oracle import query_gradient
from zobench.parameters import Integer, Real
from zobench.solver import Sized, Solver


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    step_size : float
        Step size, in units of the factors' entries.
    beta1, beta2 : float
        Decay of the two moments.
    epsilon : float
        Added to the root of the second moment, in units of g.
    rows, columns, rank : int
        m, n and r; 0 stands for what the problem declares.
    """

    step_size: Annotated[float, Real(0.0, open=True)] = 1e-3
    beta1: Annotated[float, Real(0.0, 0.9999)] = 0.9
    beta2: Annotated[float, Real(0.0, 0.999999)] = 0.999
    epsilon: Annotated[float, Real(0.0, open=True)] = 1e-8
    rows: Annotated[int, Integer(0)] = 0
    columns: Annotated[int, Integer(0)] = 0
    rank: Annotated[int, Integer(0)] = 0


def point_numbers(p, dim):
    """Give the numbers of three factors."""
    return point_size(p.rows, p.columns, p.rank)


class State(NamedTuple):
    """Workspace: iterate and gradient as matrices; factors, their gradients and moments; scratch."""

    x: Vector
    gradient: Vector
    point: Sized(point_numbers)  # type: ignore[valid-type]
    slope: Sized(point_numbers)  # type: ignore[valid-type]
    mean: Sized(point_numbers)  # type: ignore[valid-type]
    square: Sized(point_numbers)  # type: ignore[valid-type]
    table: Sized(lambda p, dim: p.rank * (p.rows + p.columns))  # type: ignore[valid-type]


def step(oracle, state, parameters, k, stream):
    """Move U, S and V at once."""
    x, gradient, point, slope, mean, square, table = state
    shape = (parameters.rows, parameters.columns, parameters.rank)
    query_gradient(oracle, x, gradient)
    factor_gradient(point, gradient.reshape((shape[0], shape[1])), shape, slope, table)
    beta1, beta2 = parameters.beta1, parameters.beta2
    one, two = 1.0 - beta1 ** (k + 1.0), 1.0 - beta2 ** (k + 1.0)
    for i in range(point.size):
        mean[i] = beta1 * mean[i] + (1.0 - beta1) * slope[i]
        square[i] = beta2 * square[i] + (1.0 - beta2) * slope[i] ** 2
        root = np.sqrt(square[i] / two) + parameters.epsilon
        point[i] -= parameters.step_size * (mean[i] / one) / root
    dense(point, shape, x, table)


def settle(parameters, setting):
    """Fill shape and rank."""
    return shaped(parameters, setting, solver.name)


def start(parameters, setting, x0):
    """Give the factors of the start."""
    return {"point": start_point(parameters, setting, x0)}


solver = Solver(
    name="factor-adam",
    summary="first-order Adam on the factors U, S, V of a matrix of low rank, all at once",
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
    source="the baseline of Schotthöfer, Klein, Kusch, arXiv 2506.17475 (2025); Adam: arXiv 1412.6980",
)
