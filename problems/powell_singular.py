"""Powell's singular function, extended: convex, with a Hessian of rank 2 out of 4 at the minimiser.

    f(x) = sum_k ( (x_{k+1} + 10 x_{k+2})^2 + 5 (x_{k+3} - x_{k+4})^2 + (x_{k+2} - 2 x_{k+3})^4
                   + 10 (x_{k+1} - x_{k+4})^4 ),   k = 0, 4, 8, ..., d - 4

d is a multiple of 4; x0 = start (3, -1, 0, 1, 3, -1, 0, 1, ...), x_star = 0, f_star = 0.

Source: Powell, The Computer Journal 5 (1962); Moré, Garbow and Hillstrom, ACM Transactions on
Mathematical Software 7 (1981), problems 13 and 22.
"""

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Started, demand_dim, zero_residual


def objective(x):
    """Return f(x)."""
    total = 0.0
    for k in range(0, x.size, 4):
        bent, wide = x[k + 1] - 2.0 * x[k + 2], x[k] - x[k + 3]
        total += (x[k] + 10.0 * x[k + 1]) ** 2 + 5.0 * (x[k + 2] - x[k + 3]) ** 2
        total += bent**4 + 10.0 * wide**4
    return total


def gradient(x, out):
    """Write the gradient."""
    for k in range(0, x.size, 4):
        first, second = 2.0 * (x[k] + 10.0 * x[k + 1]), 10.0 * (x[k + 2] - x[k + 3])
        third, fourth = 4.0 * (x[k + 1] - 2.0 * x[k + 2]) ** 3, 40.0 * (x[k] - x[k + 3]) ** 3
        out[k] = first + fourth
        out[k + 1] = 10.0 * first + third
        out[k + 2] = second - 2.0 * third
        out[k + 3] = -second - fourth


def make(dim, rng, parameters):
    """Place the start."""
    demand_dim(dim % 4 == 0, problem.name, "a multiple of 4", dim)
    curved = (
        "In each block |Hess f| <= 202 + 60 u^2 + 240 v^2 and |grad f| >= 0.901 |(4 u^3, 40 v^3)| for the "
        "bases u, v of the fourth powers, and 60 u^2 + 240 v^2 <= 202 + 5.67 |(4 u^3, 40 v^3)|."
    )
    certificates = (
        Certificate("L0", 404.0, curved, exact=False),
        Certificate("L1", 6.3, "See L0: 5.67 / 0.901 < 6.3.", exact=False),
        Certificate("convex", 1.0, "f is a sum of second and fourth powers of linear functions."),
        zero_residual("all residuals vanish at 0"),
    )
    x0 = np.tile(parameters.start * np.array([3.0, -1.0, 0.0, 1.0]), dim // 4)
    return Parts(x0, None, certificates, np.zeros(dim))


problem = Problem(
    name="powell-singular",
    summary="convex: fourth powers, singular Hessian at the minimiser",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=4,
    dims="multiples of 4",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problems 13 and 22",
)
