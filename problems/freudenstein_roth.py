"""Function of Freudenstein and Roth: a local minimum beside the global one.

    f(x) = ( -13 + x_1 + ((5 - x_2) x_2 - 2) x_2 )^2 + ( -29 + x_1 + ((x_2 + 1) x_2 - 14) x_2 )^2

d = 2, m = 2; x0 = start (0.5, -2), x_star = (5, 4), f_star = 0.  The descent from x0 leads to the local
minimum 48.98425... at (11.4127..., -0.8968...), which many tables give as the solution.

Source: Freudenstein and Roth, Journal of the ACM 10 (1963); Moré, Garbow and Hillstrom, ACM
Transactions on Mathematical Software 7 (1981), problem 2.
"""

import numpy as np

from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Started, zero_residual


def objective(x):
    """Return f(x)."""
    a, b = x[0], x[1]
    first = -13.0 + a + ((5.0 - b) * b - 2.0) * b
    second = -29.0 + a + ((b + 1.0) * b - 14.0) * b
    return first * first + second * second


def gradient(x, out):
    """Write the gradient."""
    a, b = x[0], x[1]
    first = -13.0 + a + ((5.0 - b) * b - 2.0) * b
    second = -29.0 + a + ((b + 1.0) * b - 14.0) * b
    out[0] = 2.0 * (first + second)
    out[1] = 2.0 * (first * ((10.0 - 3.0 * b) * b - 2.0) + second * ((3.0 * b + 2.0) * b - 14.0))


def make(dim, rng, parameters):
    """Place the start."""
    x0 = parameters.start * np.array([0.5, -2.0])
    return Parts(x0, None, (zero_residual("both residuals vanish at (5, 4)"),), np.array([5.0, 4.0]))


problem = Problem(
    name="freudenstein-roth",
    summary="nonconvex: a local minimum beside the global one",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=None,
    dims="2",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 2",
)
