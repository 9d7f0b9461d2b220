"""Function of Jennrich and Sampson.

    f(x) = sum_{i=1}^m ( 2 + 2 i - exp(i x_1) - exp(i x_2) )^2

d = 2, m >= 2; x0 = start (0.3, 0.4).  For m = 10 the lowest value known is 124.362, at x_1 = x_2 =
0.257825.

Source: Jennrich and Sampson, Technometrics 10 (1968); Moré, Garbow and Hillstrom, ACM Transactions on
Mathematical Software 7 (1981), problem 6.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import FLOOR, Start, best_known, demand_start, nothing
from zobench.parameters import Integer


class Parameters(NamedTuple):
    """What can be chosen: the number of residuals, and x0 over the published start."""

    m: Annotated[int, Integer(2, 500)] = 10
    start: Start = 1.0


class Data(NamedTuple):
    """Numbers of one instance: m."""

    m: int


def objective(x, data):
    """Return f(x)."""
    total = nothing(x)
    for i in range(1, data.m + 1):
        total += (2.0 + 2.0 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))) ** 2
    return total


def gradient(x, data, out):
    """Write the gradient."""
    out[:] = 0.0
    for i in range(1, data.m + 1):
        first, second = np.exp(i * x[0]), np.exp(i * x[1])
        slope = 2.0 * i * (2.0 + 2.0 * i - (first + second))
        out[0] -= slope * first
        out[1] -= slope * second


def make(dim, rng, parameters):
    """Place the start."""
    demand_start(350.0 / (0.4 * parameters.m), problem.name, parameters.start)
    where = "x_1 = x_2 = 0.25782521367036408"
    known = best_known(124.36218235561485, where) if parameters.m == 10 else (FLOOR,)
    return Parts(parameters.start * np.array([0.3, 0.4]), Data(parameters.m), known)


problem = Problem(
    name="jennrich-sampson",
    summary="nonconvex: sums of two exponentials, growing steeply",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="2",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 6",
)
