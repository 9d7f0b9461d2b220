"""Extended Rosenbrock function: d/2 separate curved valleys.

    f(x) = sum_k ( 100 (x_{2k} - x_{2k-1}^2)^2 + (1 - x_{2k-1})^2 ),   k = 1 ... d/2

d is even; d = 2 is Rosenbrock's function.  x0 = start (-1.2, 1, -1.2, 1, ...), x_star = (1, ..., 1),
f_star = 0.  (`rosenbrock` is the chained form, whose terms share coordinates.)

Source: Rosenbrock, The Computer Journal 3 (1960); Moré, Garbow and Hillstrom, ACM Transactions on
Mathematical Software 7 (1981), problems 1 and 21.
"""

import numpy as np

from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Started, demand_dim, zero_residual


def objective(x):
    """Return f(x)."""
    total = 0.0
    for k in range(0, x.size, 2):
        total += 100.0 * (x[k + 1] - x[k] * x[k]) ** 2 + (1.0 - x[k]) ** 2
    return total


def gradient(x, out):
    """Write the gradient."""
    for k in range(0, x.size, 2):
        bent = 200.0 * (x[k + 1] - x[k] * x[k])
        out[k] = -2.0 * bent * x[k] - 2.0 * (1.0 - x[k])
        out[k + 1] = bent


def make(dim, rng, parameters):
    """Place the start."""
    demand_dim(dim % 2 == 0, problem.name, "even", dim)
    x0 = np.tile([-1.2 * parameters.start, parameters.start], dim // 2)
    return Parts(x0, None, (zero_residual("all residuals vanish at (1, ..., 1)"),), np.ones(dim))


problem = Problem(
    name="extended-rosenbrock",
    summary="nonconvex: separate curved valleys",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=2,
    dims="even",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problems 1 and 21",
)
