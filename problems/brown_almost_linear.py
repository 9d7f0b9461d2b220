"""Brown's almost-linear function.

    f(x) = sum_{i<d} ( x_i + sum_j x_j - (d + 1) )^2 + ( x_1 x_2 ... x_d - 1 )^2

m = d; x0 = start (1/2, ..., 1/2), x_star = (1, ..., 1), f_star = 0.  There are other minimisers, (a,
..., a, a^{1-d}) with d a^d - (d + 1) a^{d-1} + 1 = 0, and a local minimum of value 1 at (0, ..., 0, d +
1).

Source: Brown, SIAM Journal on Numerical Analysis 6 (1969); Moré, Garbow and Hillstrom, ACM Transactions
on Mathematical Software 7 (1981), problem 27.
"""

import numpy as np

from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Started, demand_start, zero_residual


def objective(x):
    """Return f(x)."""
    shift, product, total = -(x.size + 1.0), 1.0, 0.0
    for i in range(x.size):
        shift += x[i]
        product *= x[i]
    for i in range(x.size - 1):
        total += (x[i] + shift) ** 2
    return total + (product - 1.0) ** 2


def gradient(x, out):
    """Write the gradient; products of all coordinates but one are taken from both ends."""
    shift, before, linear = -(x.size + 1.0), 1.0, 0.0
    for i in range(x.size):
        shift += x[i]
        out[i] = before
        before *= x[i]
    for i in range(x.size - 1):
        linear += x[i] + shift
    after, bent = 1.0, 2.0 * (before - 1.0)
    for i in range(x.size - 1, -1, -1):
        alone = x[i] + shift if i < x.size - 1 else 0.0
        out[i] = bent * out[i] * after + 2.0 * (linear + alone)
        after *= x[i]


def make(dim, rng, parameters):
    """Place the start."""
    demand_start(2.0 * np.exp(min(300.0 / dim, 20.0)), problem.name, parameters.start)
    known = (zero_residual("all residuals vanish at (1, ..., 1)"),)
    return Parts(np.full(dim, 0.5 * parameters.start), None, known, np.ones(dim))


problem = Problem(
    name="brown-almost-linear",
    summary="nonconvex: all residuals linear but one, a product",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 27",
)
