"""Factors of a low-rank matrix.

    f(U, V) = 1/2 |U V^T - A|_F^2,   U of shape (rows, rank), V of shape (columns, rank)

A has rank `rank` and singular values log-spaced from 1 to 1/condition.  x holds U row by row, then V row by
row: d = (rows + columns) rank.  The start has independent normal entries, scaled so that the columns of U
and V have norms near `start`.

f is not convex, and its Hessian is not bounded by L0 + L1 |grad f|: at U = 0 and V orthogonal to the rows
of A the gradient vanishes while the Hessian grows with |V|^2.  So f_star is all that is certified.

Source: the matrix problem of Chi, Lu and Chen, "Nonconvex optimization meets low-rank matrix
factorization", IEEE Transactions on Signal Processing 67 (2019).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Matrix, Parts, Problem
from zobench.kernels import dot, squared_norm
from zobench.objectives.lowrank import across, defect, drawn, factor_start
from zobench.parameters import Integer, Real, RealOr


class Parameters(NamedTuple):
    """What can be chosen: the shape of A, its spectrum, the start and the angle of a tilted one."""

    rows: Annotated[int, Integer(1, 3000)] = 20
    columns: Annotated[int, Integer(1, 3000)] = 15
    rank: Annotated[int, Integer(1, 3000)] = 2
    condition: Annotated[float, Real(1.0, 1e12)] = 10.0
    start: Annotated[float | str, RealOr(1e-9, 1e6, words=("random", "tilted"))] = 0.5
    angle: Annotated[float, Real(0.0, np.pi / 2, open=True)] = 0.5


class Data(NamedTuple):
    """Numbers of one instance."""

    target: Matrix
    rank: int


def objective(x, data):
    """Return f(U, V)."""
    rows, columns = data.target.shape
    turned, row, total = across(x, rows, columns, data.rank), np.empty(columns), 0.0
    for i in range(rows):
        defect(x, i, data.target, turned, row)
        total += squared_norm(row)
    return 0.5 * total


def gradient(x, data, out):
    """Write the gradient ((U V^T - A) V, (U V^T - A)^T U)."""
    rows, columns = data.target.shape
    turned, row = across(x, rows, columns, data.rank), np.empty(columns)
    sums = np.zeros((data.rank, columns))
    for i in range(rows):
        defect(x, i, data.target, turned, row)
        for k in range(data.rank):
            out[i * data.rank + k] = dot(row, turned[k])
            weight, line = x[i * data.rank + k], sums[k]
            for j in range(columns):
                line[j] += weight * row[j]
    for j in range(columns):
        for k in range(data.rank):
            out[(rows + j) * data.rank + k] = sums[k, j]


def make(dim, rng, parameters):
    """Draw A with its factors, and the start."""
    who = f"problem {problem.name!r}"
    truth = drawn(rng, parameters, who)
    roots = np.sqrt(truth.values)
    x_star = np.concatenate([(truth.left * roots).ravel(), (truth.right * roots).ravel()])
    x0 = factor_start(rng, truth, parameters.start, parameters.angle, who)
    certificate = Certificate("f_star", 0.0, "f >= 0, and A has rank `rank`: its own factors give 0.")
    return Parts(x0, Data(truth.matrix, parameters.rank), (certificate,), x_star)


problem = Problem(
    name="matrix-factorization",
    summary="nonconvex: the factors of a low-rank matrix",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    later=("angle",),
    dims="(rows + columns) rank",
    source="Chi, Lu, Chen, IEEE Transactions on Signal Processing 67 (2019) 5239-5269",
)
