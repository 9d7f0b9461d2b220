"""Box's three-dimensional function.

    f(x) = sum_{i=1}^m ( exp(-t_i x_1) - exp(-t_i x_2) - x_3 (exp(-t_i) - exp(-10 t_i)) )^2,   t_i = i/10

d = 3, m >= 3; x0 = start (0, 10, 20), f_star = 0 at (1, 10, 1), at (10, 1, -1), and wherever x_1 = x_2,
x_3 = 0.

Source: Box, The Computer Journal 9 (1966); Moré, Garbow and Hillstrom, ACM Transactions on Mathematical
Software 7 (1981), problem 12.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Start, nothing, zero_residual
from zobench.parameters import Integer


class Parameters(NamedTuple):
    """What can be chosen: the number of residuals, and x0 over the published start."""

    m: Annotated[int, Integer(3, 1000)] = 10
    start: Start = 1.0


class Data(NamedTuple):
    """Numbers of one instance: m."""

    m: int


def objective(x, data):
    """Return f(x)."""
    total = nothing(x)
    for i in range(1, data.m + 1):
        t = 0.1 * i
        gap = np.exp(-t) - np.exp(-t * 10.0)
        total += (np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * gap) ** 2
    return total


def gradient(x, data, out):
    """Write the gradient."""
    out[:] = 0.0
    for i in range(1, data.m + 1):
        t = 0.1 * i
        gap = np.exp(-t) - np.exp(-t * 10.0)
        first, second = np.exp(-t * x[0]), np.exp(-t * x[1])
        twice = 2.0 * (first - second - x[2] * gap)
        out[0] -= twice * t * first
        out[1] += twice * t * second
        out[2] -= twice * gap


def make(dim, rng, parameters):
    """Place the start."""
    x0 = parameters.start * np.array([0.0, 10.0, 20.0])
    known = (zero_residual("all residuals vanish at (1, 10, 1)"),)
    return Parts(x0, Data(parameters.m), known, np.array([1.0, 10.0, 1.0]))


problem = Problem(
    name="box-3d",
    summary="nonconvex: two exponentials, minimisers along a line",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="3",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 12",
)
