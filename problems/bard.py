"""Bard's function: three parameters of a rational model of 15 observations.

    f(x) = sum_i ( y_i - x_1 - u_i / (v_i x_2 + w_i x_3) )^2,   u_i = i, v_i = 16 - i, w_i = min(u_i, v_i)

d = 3, m = 15; x0 = start (1, 1, 1).  The lowest value known is 8.21487e-3; f tends to 17.4286 along x_1
= 0.8406, x_2, x_3 -> -inf.

Source: Bard, SIAM Journal on Numerical Analysis 7 (1970); Moré, Garbow and Hillstrom, ACM Transactions
on Mathematical Software 7 (1981), problem 8.
"""

from typing import NamedTuple

import numpy as np

from zobench.instance import Parts, Problem, Vector
from zobench.objectives.least_squares import Started, best_known, nothing

Y = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.1, 4.39)


class Data(NamedTuple):
    """Numbers of the problem: the observations (15,)."""

    y: Vector


def objective(x, data):
    """Return f(x)."""
    total = nothing(x)
    for i in range(data.y.size):
        u, v = i + 1.0, 15.0 - i
        w = min(u, v)
        total += (data.y[i] - (x[0] + u / (v * x[1] + w * x[2]))) ** 2
    return total


def gradient(x, data, out):
    """Write the gradient."""
    out[:] = 0.0
    for i in range(data.y.size):
        u, v = i + 1.0, 15.0 - i
        w = min(u, v)
        below = v * x[1] + w * x[2]
        twice = 2.0 * (data.y[i] - (x[0] + u / below))
        bent = twice * u / (below * below)
        out[0] -= twice
        out[1] += bent * v
        out[2] += bent * w


def make(dim, rng, parameters):
    """Place the start."""
    where = "(0.08241056, 1.133036, 2.343695)"
    return Parts(np.full(3, parameters.start), Data(np.array(Y)), best_known(0.0082148773065789748, where))


problem = Problem(
    name="bard",
    summary="nonconvex: a rational model of 15 observations",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    data=Data,
    default_dim=None,
    dims="3",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 8",
)
