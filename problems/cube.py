"""Cube: a chain of cubic valleys.

    f(x) = (x_1 - 1)^2 + 100 sum_{i>1} ( x_i - x_{i-1}^3 )^2

m = d; x0 = start (1/2, ..., 1/2), x_star = (1, ..., 1), f_star = 0.

Source: Buckley, Test Functions for Unconstrained Minimization, Dalhousie University TR 1989CS-3 (1989),
problem 5; Moré and Wild, SIAM Journal on Optimization 20 (2009).
"""

import numpy as np

from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Started, zero_residual


def objective(x):
    """Return f(x)."""
    total = (x[0] - 1.0) ** 2
    for i in range(1, x.size):
        total += 100.0 * (x[i] - x[i - 1] * x[i - 1] * x[i - 1]) ** 2
    return total


def gradient(x, out):
    """Write the gradient."""
    out[0] = 2.0 * (x[0] - 1.0)
    for i in range(1, x.size):
        bent = 200.0 * (x[i] - x[i - 1] * x[i - 1] * x[i - 1])
        out[i - 1] -= 3.0 * bent * x[i - 1] * x[i - 1]
        out[i] = bent


def make(dim, rng, parameters):
    """Place the start."""
    known = (zero_residual("all residuals vanish at (1, ..., 1)"),)
    return Parts(np.full(dim, 0.5 * parameters.start), None, known, np.ones(dim))


problem = Problem(
    name="cube",
    summary="nonconvex: a chain of cubic valleys",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=5,
    source="Moré, Wild, SIAM Journal on Optimization 20 (2009) 172-191, problem 20",
)
