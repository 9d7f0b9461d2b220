"""Function of Kowalik and Osborne: four parameters of a rational model of 11 observations.

    f(x) = sum_i ( y_i - x_1 (u_i^2 + u_i x_2) / (u_i^2 + u_i x_3 + x_4) )^2

d = 4, m = 11; x0 = start (0.25, 0.39, 0.415, 0.39).  The lowest value known is 3.07506e-4; f tends to
1.02734e-3 along x_2 = -14.07, x_1 -> inf, x_3, x_4 -> -inf.

Source: Kowalik and Osborne, Methods for Unconstrained Optimization Problems (1968); Moré, Garbow and
Hillstrom, ACM Transactions on Mathematical Software 7 (1981), problem 15.
"""

from typing import NamedTuple

import numpy as np

from zobench.instance import Parts, Problem, Vector
from zobench.objectives.least_squares import Started, best_known, nothing

U = (4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)
Y = (0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246)


class Data(NamedTuple):
    """Numbers of the problem: where was observed (11,), and what (11,)."""

    u: Vector
    y: Vector


def objective(x, data):
    """Return f(x)."""
    total = nothing(x)
    for i in range(data.y.size):
        u = data.u[i]
        total += (data.y[i] - x[0] * u * (u + x[1]) / (u * (u + x[2]) + x[3])) ** 2
    return total


def gradient(x, data, out):
    """Write the gradient."""
    out[:] = 0.0
    for i in range(data.y.size):
        u = data.u[i]
        above, below = u * (u + x[1]), u * (u + x[2]) + x[3]
        twice = 2.0 * (data.y[i] - x[0] * above / below)
        out[0] -= twice * above / below
        out[1] -= twice * x[0] * u / below
        bent = twice * x[0] * above / (below * below)
        out[2] += bent * u
        out[3] += bent


def make(dim, rng, parameters):
    """Place the start."""
    x0 = parameters.start * np.array([0.25, 0.39, 0.415, 0.39])
    where = "(0.1928, 0.1913, 0.1231, 0.1361)"
    return Parts(x0, Data(np.array(U), np.array(Y)), best_known(0.00030750560384923743, where))


problem = Problem(
    name="kowalik-osborne",
    summary="nonconvex: a rational model of 11 observations",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    data=Data,
    default_dim=None,
    dims="4",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 15",
)
