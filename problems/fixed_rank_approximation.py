"""The matrix of low rank nearest to a given one, as a function of the whole matrix.

    f(W) = 1/2 |W - A|_F^2,   W of shape (rows, columns) and rank at most `rank`

A has rank `rank` and singular values log-spaced from 1 to 1/condition.  x holds W row by row: d = rows *
columns, and a plain solver searches all of R^d.  The instance's `manifold` declares shape, rank and the
start as factors W0 = U S V^T for solvers that stay among the matrices of rank `rank`, a set of dimension
rank (rows + columns - rank).

start = random: U and V have random orthonormal columns, S = scale I.  start = tilted: S holds the singular
values of A, and both singular spaces are tilted by `angle` (in radians), so that f(x0) = sin(angle)^2
|A|^2.  The minimiser is A itself, with f = 0.

As a function on all matrices f is the plainest quadratic, of condition number 1 whatever that of A: what is
hard lies in the set of low rank.

Source: Koch and Lubich, "Dynamical low-rank approximation", SIAM Journal on Matrix Analysis and
Applications 29 (2007).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.instance import Parts, Problem, Vector
from zobench.objectives.lowrank import (
    RANDOM,
    certificates,
    drawn,
    random_start,
    squared_distance,
    tilted_start,
)
from zobench.parameters import Choice, Integer, Real


class Parameters(NamedTuple):
    """What can be chosen: the shape of A, its spectrum, the start."""

    rows: Annotated[int, Integer(1, 3000)] = 20
    columns: Annotated[int, Integer(1, 3000)] = 15
    rank: Annotated[int, Integer(1, 3000)] = 2
    condition: Annotated[float, Real(1.0)] = 10.0
    start: Annotated[str, Choice("random", "tilted")] = "random"
    scale: Annotated[float, Real(0.0, open=True)] = RANDOM
    angle: Annotated[float, Real(0.0, np.pi / 2, open=True)] = 0.5


class Data(NamedTuple):
    """Numbers of one instance: A, row by row."""

    target: Vector


def objective(x, data):
    """Return f(W)."""
    return 0.5 * squared_distance(x, data.target)


def gradient(x, data, out):
    """Write the gradient W - A."""
    for i in range(x.size):
        out[i] = x[i] - data.target[i]


def make(dim, rng, parameters):
    """Draw A and the start."""
    who = f"problem {problem.name!r}"
    truth = drawn(rng, parameters, who)
    if parameters.start == "tilted":
        manifold = tilted_start(rng, truth, parameters.angle, who)
    else:
        manifold = random_start(rng, truth, parameters.scale)
    target = truth.matrix.ravel()
    proved = certificates(manifold.start, target, target.size)
    return Parts(manifold.start, Data(target), proved, target.copy(), manifold=manifold)


problem = Problem(
    name="fixed-rank-approximation",
    summary="the nearest matrix of low rank, with shape and rank declared",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="rows * columns",
    source="Koch, Lubich, SIAM Journal on Matrix Analysis and Applications 29 (2007) 434-454",
)
