"""Factors of a low-rank matrix of which some entries are seen.

    f(U, V) = 1/2 sum_{(i, j) observed} (U V^T - A)_ij^2,   U: (rows, rank), V: (columns, rank)

A has rank `rank` and singular values log-spaced from 1 to 1/condition; the share `observed` of its entries,
each set of them equally likely, is seen.  x holds U row by row, then V row by row: d = (rows + columns) rank.
The factors of A are a minimiser, with f = 0.

With a number for `start` the start has independent normal entries, scaled so that the columns of U and V
have norms near it.  start = random: U and V have random orthogonal columns and U V^T has `rank` singular
values 0.3.  start = tilted: U V^T has the singular values of A, and both its singular spaces are those of A
tilted by `angle` (in radians); U and V share the singular values evenly.

f is not convex, and its Hessian is not bounded by L0 + L1 |grad f| (as in `matrix-factorization`), so f_star
is all that is certified.

Source: Keshavan, Montanari and Oh, "Matrix completion from a few entries", IEEE Transactions on Information
Theory 56 (2010).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Matrix, Parts, Problem
from zobench.kernels import dot
from zobench.objectives.lowrank import across, defect, drawn, factor_start, mask
from zobench.parameters import Integer, Real, RealOr


class Parameters(NamedTuple):
    """What can be chosen: the shape of A, its spectrum, the share of entries that are seen, the start."""

    rows: Annotated[int, Integer(1, 3000)] = 20
    columns: Annotated[int, Integer(1, 3000)] = 15
    rank: Annotated[int, Integer(1, 3000)] = 2
    observed: Annotated[float, Real(0.0, 1.0)] = 0.4
    condition: Annotated[float, Real(1.0, 1e12)] = 10.0
    start: Annotated[float | str, RealOr(1e-9, 1e6, words=("random", "tilted"))] = 0.5
    angle: Annotated[float, Real(0.0, np.pi / 2, open=True)] = 0.5


class Data(NamedTuple):
    """Numbers of one instance: A where it is seen and 0 elsewhere, 1 where it is seen, the rank."""

    target: Matrix
    seen: Matrix
    rank: int


def residual(x, i, data, turned, row):
    """Write row i of U V^T - A where A is seen, and 0 elsewhere."""
    defect(x, i, data.target, turned, row)
    seen = data.seen[i]
    for j in range(row.size):
        row[j] *= seen[j]


def objective(x, data):
    """Return f(U, V)."""
    rows, columns = data.target.shape
    turned, row, total = across(x, rows, columns, data.rank), np.empty(columns), 0.0
    for i in range(rows):
        residual(x, i, data, turned, row)
        total += dot(row, row)
    return 0.5 * total


def gradient(x, data, out):
    """Write the gradient (R V, R^T U) with R = U V^T - A where A is seen, and 0 elsewhere."""
    rows, columns = data.target.shape
    turned, row = across(x, rows, columns, data.rank), np.empty(columns)
    sums = np.zeros((data.rank, columns))
    for i in range(rows):
        residual(x, i, data, turned, row)
        for k in range(data.rank):
            out[i * data.rank + k] = dot(row, turned[k])
            weight, line = x[i * data.rank + k], sums[k]
            for j in range(columns):
                line[j] += weight * row[j]
    for j in range(columns):
        for k in range(data.rank):
            out[(rows + j) * data.rank + k] = sums[k, j]


def make(dim, rng, parameters):
    """Draw A with its factors, what is seen of it, and the start."""
    who = f"problem {problem.name!r}"
    truth = drawn(rng, parameters, who)
    seen = mask(rng, parameters, who)
    roots = np.sqrt(truth.values)
    x_star = np.concatenate([(truth.left * roots).ravel(), (truth.right * roots).ravel()])
    x0 = factor_start(rng, truth, parameters.start, parameters.angle, who)
    certificate = Certificate("f_star", 0.0, "f >= 0, and A has rank `rank`: its own factors give 0.")
    return Parts(x0, Data(seen * truth.matrix, seen, parameters.rank), (certificate,), x_star)


problem = Problem(
    name="matrix-completion",
    summary="nonconvex: the factors of a low-rank matrix that is seen in part",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="(rows + columns) rank",
    source="Keshavan, Montanari, Oh, IEEE Transactions on Information Theory 56 (2010) 2980-2998",
)
