"""Helical valley of Fletcher and Powell.

    f(x) = 100 (x_3 - 10 theta)^2 + 100 (rho - 1)^2 + x_3^2

with rho = sqrt(x_1^2 + x_2^2) and theta = arctan(x_2/x_1) / (2 pi), plus 1/2 where x_1 < 0; at x_1 = 0
theta is 1/4 with the sign of x_2. theta, and f, jump across the half-plane x_1 = 0, x_2 < 0.

d = 3, m = 3; x0 = start (-1, 0, 0), x_star = (1, 0, 0), f_star = 0.

Source: Fletcher and Powell, The Computer Journal 6 (1963); Moré, Garbow and Hillstrom, ACM Transactions
on Mathematical Software 7 (1981), problem 7.
"""

import numpy as np

from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Started, zero_residual


def angle(x):
    """Return theta, in turns."""
    if x[0] == 0.0:
        return 0.25 if x[1] >= 0.0 else -0.25
    turn = np.arctan(x[1] / x[0]) / (2.0 * np.pi)
    return turn + 0.5 if x[0] < 0.0 else turn


def objective(x):
    """Return f(x)."""
    height = x[2] - 10.0 * angle(x)
    away = np.sqrt(x[0] * x[0] + x[1] * x[1]) - 1.0
    return 100.0 * (height * height + away * away) + x[2] * x[2]


def gradient(x, out):
    """Write the gradient; it is not a number on the axis rho = 0."""
    square = x[0] * x[0] + x[1] * x[1]
    radius = np.sqrt(square)
    height = 200.0 * (x[2] - 10.0 * angle(x))
    turned, away = 10.0 * height / (2.0 * np.pi * square), 200.0 * (radius - 1.0) / radius
    out[0] = turned * x[1] + away * x[0]
    out[1] = -turned * x[0] + away * x[1]
    out[2] = height + 2.0 * x[2]


def make(dim, rng, parameters):
    """Place the start."""
    x0 = parameters.start * np.array([-1.0, 0.0, 0.0])
    return Parts(x0, None, (zero_residual("all residuals vanish at (1, 0, 0)"),), np.array([1.0, 0.0, 0.0]))


problem = Problem(
    name="helical-valley",
    summary="nonconvex: a valley that winds around an axis, with a jump",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=None,
    dims="3",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 7",
)
