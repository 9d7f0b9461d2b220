"""Linear least squares of rank 1.

    f(x) = sum_{i=1}^m ( i s - 1 )^2,   s = sum_j w_j x_j,   w_j = j

With S = m (m + 1) (2 m + 1) / 6 and t = 3 / (2 m + 1) this is f(x) = S (s - t)^2 + f_star, which is how
it is computed; f_star = m (m - 1) / (2 (2 m + 1)).  Every x with s = t is a minimiser, x_star the
shortest of them.  x0 = start (1, ..., 1).  m = 0 stands for 5 d, the shape of Moré and Wild (d = 7, m =
35).

Source: Moré, Garbow and Hillstrom, ACM Transactions on Mathematical Software 7 (1981), problem 33.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.instance import Parts, Problem, Vector
from zobench.kernels import dot
from zobench.objectives.least_squares import Start
from zobench.parameters import Integer


class Parameters(NamedTuple):
    """What can be chosen: the number of residuals (0: 5 d), and x0 over the published start."""

    m: Annotated[int, Integer(0, 10**9)] = 0
    start: Start = 1.0


class Data(NamedTuple):
    """Numbers of one instance: w (d,), S, t and f_star."""

    weights: Vector
    squares: float
    best: float
    floor: float


def objective(x, data):
    """Return f(x)."""
    return data.squares * (dot(data.weights, x) - data.best) ** 2 + data.floor


def gradient(x, data, out):
    """Write the gradient 2 S (s - t) w."""
    slope = 2.0 * data.squares * (dot(data.weights, x) - data.best)
    for i in range(x.size):
        out[i] = slope * data.weights[i]


def make(dim, rng, parameters):
    """Certify the constants."""
    m = parameters.m or 5 * dim
    if m < dim:
        raise ZobenchError(f"problem {problem.name!r}: m must be >= dim = {dim}, or 0 for 5 dim, got {m}")
    weights = np.arange(1.0, dim + 1.0)
    squares, best, floor = m * (m + 1) * (2 * m + 1) / 6, 3.0 / (2 * m + 1), m * (m - 1) / (2 * (2 * m + 1))
    width = float(np.sum(weights**2))
    curvature, flat = 2.0 * squares * width, "The Hessian is 2 S w w^T everywhere."
    certificates = (
        Certificate("L", curvature, flat),
        Certificate("L0", curvature, flat),
        Certificate("L1", 0.0, "The Hessian is the same everywhere, so L0 alone suffices."),
        Certificate("PL", curvature, "|grad f|^2 = 4 S^2 (s - t)^2 |w|^2 = 4 S |w|^2 (f - f_star)."),
        Certificate("convex", 1.0, "The Hessian is positive semidefinite."),
        Certificate("f_star", floor, "f is f_star plus S times a square, which vanishes at x_star."),
        Certificate("trace", curvature, flat),
        Certificate("effective_rank", 1.0, "The Hessian has rank 1."),
    )
    x_star = (best / width) * weights
    return Parts(np.full(dim, parameters.start), Data(weights, squares, best, floor), certificates, x_star)


problem = Problem(
    name="linear-rank-1",
    summary="convex: linear least squares of rank 1",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=7,
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 33",
)
