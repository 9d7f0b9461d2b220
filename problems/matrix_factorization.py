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
from zobench.classification import combine
from zobench.errors import ZobenchError
from zobench.instance import Matrix, Parts, Problem
from zobench.kernels import dot, squared_norm
from zobench.parameters import Integer, Real


class Parameters(NamedTuple):
    """What can be chosen: the shape of A, its spectrum, and the norm of the start's columns."""

    rows: Annotated[int, Integer(1, 3000)] = 20
    columns: Annotated[int, Integer(1, 3000)] = 15
    rank: Annotated[int, Integer(1, 3000)] = 2
    condition: Annotated[float, Real(1.0)] = 10.0
    start: Annotated[float, Real(0.0, open=True)] = 0.5


class Data(NamedTuple):
    """Numbers of one instance."""

    target: Matrix
    rank: int


def turned(x, data):
    """Return V^T, so that the inner loops run along its rows."""
    rows, columns = data.target.shape
    out = np.empty((data.rank, columns))
    for j in range(columns):
        for k in range(data.rank):
            out[k, j] = x[(rows + j) * data.rank + k]
    return out


def defect(x, i, data, across, row):
    """Write row i of U V^T - A."""
    for j in range(row.size):
        row[j] = -data.target[i, j]
    combine(row, across, 0, x, i * data.rank, 1, data.rank)


def objective(x, data):
    """Return f(U, V)."""
    rows, columns = data.target.shape
    across, row, total = turned(x, data), np.empty(columns), 0.0
    for i in range(rows):
        defect(x, i, data, across, row)
        total += squared_norm(row)
    return 0.5 * total


def gradient(x, data, out):
    """Write the gradient ((U V^T - A) V, (U V^T - A)^T U)."""
    rows, columns = data.target.shape
    across, row = turned(x, data), np.empty(columns)
    sums = np.zeros((data.rank, columns))
    for i in range(rows):
        defect(x, i, data, across, row)
        for k in range(data.rank):
            out[i * data.rank + k] = dot(row, across[k])
            weight, line = x[i * data.rank + k], sums[k]
            for j in range(columns):
                line[j] += weight * row[j]
    for j in range(columns):
        for k in range(data.rank):
            out[(rows + j) * data.rank + k] = sums[k, j]


def orthonormal(rng, size, count):
    """Draw orthonormal columns by Gram and Schmidt, twice, in one fixed order of additions."""
    found = np.zeros((count, size))
    for k in range(count):
        v = rng.standard_normal(size)
        for _ in range(2):
            v -= np.einsum("i,ij->j", np.einsum("ij,j->i", found[:k], v), found[:k])
        found[k] = v / np.sqrt(np.einsum("j,j", v, v))
    return found.T


def make(dim, rng, parameters):
    """Draw A with its factors, and the start."""
    rows, columns, rank = parameters.rows, parameters.columns, parameters.rank
    if rank > min(rows, columns):
        raise ZobenchError(
            f"problem {problem.name!r}: rank must be <= {min(rows, columns)}, the smaller of "
            f"rows = {rows} and columns = {columns}, got {rank}"
        )
    roots = np.sqrt(np.geomspace(1.0, 1.0 / parameters.condition, rank) if rank > 1 else np.ones(1))
    left, right = orthonormal(rng, rows, rank) * roots, orthonormal(rng, columns, rank) * roots
    target = np.einsum("ik,jk->ij", left, right)
    x_star = np.concatenate([left.ravel(), right.ravel()])
    scale = parameters.start / np.sqrt(np.repeat([rows, columns], [rows * rank, columns * rank]))
    certificate = Certificate("f_star", 0.0, "f >= 0, and A has rank `rank`: its own factors give 0.")
    return Parts(scale * rng.standard_normal(x_star.size), Data(target, rank), (certificate,), x_star)


problem = Problem(
    name="matrix-factorization",
    summary="nonconvex: the factors of a low-rank matrix",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="(rows + columns) rank",
    source="Chi, Lu, Chen, IEEE Transactions on Signal Processing 67 (2019) 5239-5269",
)
