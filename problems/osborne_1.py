"""Osborne's first function: two decaying exponentials fitted to 33 observations.

    f(x) = sum_i ( y_i - x_1 - x_2 exp(-t_i x_4) - x_3 exp(-t_i x_5) )^2,   t_i = 10 (i - 1)

d = 5, m = 33; x0 = start (0.5, 1.5, 1, 0.01, 0.02) as Moré and Wild have it, or, with `sign` =
`negative`, start (0.5, 1.5, -1, 0.01, 0.02) as Moré, Garbow and Hillstrom print it.  The lowest value
known is 5.46489e-5.

Source: Osborne, in Lootsma (ed.), Numerical Methods for Nonlinear Optimization (1972); Moré, Garbow and
Hillstrom, ACM Transactions on Mathematical Software 7 (1981), problem 17.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.instance import Parts, Problem, Vector
from zobench.objectives.least_squares import Start, best_known, nothing
from zobench.parameters import Choice

# fmt: off
Y = (
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.85, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628,
    0.603, 0.58, 0.558, 0.538, 0.522, 0.506, 0.49, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.42,
    0.414, 0.411, 0.406,
)
# fmt: on


class Parameters(NamedTuple):
    """What can be chosen: the sign of the start's third coordinate, and x0 over the published start."""

    sign: Annotated[str, Choice("positive", "negative")] = "positive"
    start: Start = 1.0


class Data(NamedTuple):
    """Numbers of the problem: the observations (33,)."""

    y: Vector


def objective(x, data):
    """Return f(x)."""
    total = nothing(x)
    for i in range(data.y.size):
        t = 10.0 * i
        total += (data.y[i] - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))) ** 2
    return total


def gradient(x, data, out):
    """Write the gradient."""
    out[:] = 0.0
    for i in range(data.y.size):
        t = 10.0 * i
        first, second = np.exp(-t * x[3]), np.exp(-t * x[4])
        twice = 2.0 * (data.y[i] - (x[0] + x[1] * first + x[2] * second))
        out[0] -= twice
        out[1] -= twice * first
        out[2] -= twice * second
        out[3] += twice * t * x[1] * first
        out[4] += twice * t * x[2] * second


def make(dim, rng, parameters):
    """Place the start."""
    third = 1.0 if parameters.sign == "positive" else -1.0
    x0 = parameters.start * np.array([0.5, 1.5, third, 0.01, 0.02])
    where = "(0.3754101, 1.935847, -1.464687, 0.01286753, 0.02212270)"
    return Parts(x0, Data(np.array(Y)), best_known(5.4648946974829064e-5, where))


problem = Problem(
    name="osborne-1",
    summary="nonconvex: two exponentials fitted to 33 observations",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="5",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 17",
)
