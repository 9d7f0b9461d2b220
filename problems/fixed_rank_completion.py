"""Completion of a matrix of low rank, as a function of the whole matrix.

    f(W) = 1/2 sum_{(i, j) observed} (W_ij - A_ij)^2,   W of shape (rows, columns) and rank at most `rank`

A has rank `rank` and singular values log-spaced from 1 to 1/condition; the share `observed` of its entries,
each set of them equally likely, is seen.  x holds W row by row: d = rows * columns.  The instance's
`manifold` declares shape, rank and the start as factors W0 = U S V^T for solvers that stay among the
matrices of rank `rank`; a plain solver searches all of R^d, where every matrix that agrees with A on the
observed entries is a minimiser.

start = random: U and V have random orthonormal columns, S = scale I.  start = tilted: S holds the singular
values of A, and both singular spaces are tilted by `angle` (in radians).  A is a minimiser, with f = 0.

Source: Vandereycken, "Low-rank matrix completion by Riemannian optimization", SIAM Journal on Optimization
23 (2013).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.instance import Parts, Problem, Vector
from zobench.objectives.lowrank import (
    RANDOM,
    certificates,
    drawn,
    mask,
    masked_distance,
    random_start,
    tilted_start,
)
from zobench.parameters import Choice, Integer, Real


class Parameters(NamedTuple):
    """What can be chosen: the shape of A, its spectrum, the share of entries that are seen, the start."""

    rows: Annotated[int, Integer(1, 3000)] = 20
    columns: Annotated[int, Integer(1, 3000)] = 15
    rank: Annotated[int, Integer(1, 3000)] = 2
    observed: Annotated[float, Real(0.0, 1.0)] = 0.4
    condition: Annotated[float, Real(1.0)] = 10.0
    start: Annotated[str, Choice("random", "tilted")] = "random"
    scale: Annotated[float, Real(0.0, open=True)] = RANDOM
    angle: Annotated[float, Real(0.0, np.pi / 2, open=True)] = 0.5


class Data(NamedTuple):
    """Numbers of one instance, row by row: A where it is seen and 0 elsewhere, and 1 where it is seen."""

    target: Vector
    seen: Vector


def objective(x, data):
    """Return f(W)."""
    return 0.5 * masked_distance(x, data.target, data.seen)


def gradient(x, data, out):
    """Write the gradient: W - A on the observed entries."""
    for i in range(x.size):
        out[i] = data.seen[i] * (x[i] - data.target[i])


def make(dim, rng, parameters):
    """Draw A, what is seen of it, and the start."""
    who = f"problem {problem.name!r}"
    truth = drawn(rng, parameters, who)
    seen = mask(rng, parameters, who).ravel()
    if parameters.start == "tilted":
        manifold = tilted_start(rng, truth, parameters.angle, who)
    else:
        manifold = random_start(rng, truth, parameters.scale)
    whole = truth.matrix.ravel()
    proved = certificates(manifold.start, whole, int(seen.sum()))
    return Parts(manifold.start, Data(seen * whole, seen), proved, whole, manifold=manifold)


problem = Problem(
    name="fixed-rank-completion",
    summary="completion of a matrix of low rank, with shape and rank declared",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="rows * columns",
    source="Vandereycken, SIAM Journal on Optimization 23 (2013) 1214-1236",
)
