"""Watson's function: a polynomial that nearly solves a differential equation.

    f(x) = sum_{i=1}^29 ( p'(t_i) - p(t_i)^2 - 1 )^2 + x_1^2 + (x_2 - x_1^2 - 1)^2

with p(t) = sum_j x_j t^{j-1} and t_i = i/29. 2 <= d <= 31, m = 31; x0 = start (1/2, ..., 1/2).  The
Hessian at the lowest point known is nearly singular from d = 9 on.  Lowest values known: 2.28767e-3 (d =
6), 1.39976e-6 (d = 9), 4.72238e-10 (d = 12).

Source: Kowalik and Osborne, Methods for Unconstrained Optimization Problems (1968); Moré, Garbow and
Hillstrom, ACM Transactions on Mathematical Software 7 (1981), problem 20.
"""

import numpy as np

from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import FLOOR, Started, best_known, demand_dim

#: Lowest values known, by dimension.
BEST = {6: 0.0022876700535524362, 9: 1.3997601380990199e-6, 12: 4.7223811058917574e-10}


def objective(x):
    """Return f(x)."""
    total = x[0] ** 2 + (x[1] - x[0] ** 2 - 1.0) ** 2
    for i in range(1, 30):
        t = i / 29.0
        value, slope = 0.0, 0.0
        for j in range(x.size - 1, -1, -1):
            slope = slope * t + value
            value = value * t + x[j]
        total += (slope - value * value - 1.0) ** 2
    return total


def gradient(x, out):
    """Write the gradient."""
    bent = 2.0 * (x[1] - x[0] ** 2 - 1.0)
    out[:] = 0.0
    out[0], out[1] = 2.0 * x[0] * (1.0 - bent), bent
    for i in range(1, 30):
        t = i / 29.0
        value, slope = 0.0, 0.0
        for j in range(x.size - 1, -1, -1):
            slope = slope * t + value
            value = value * t + x[j]
        twice = 2.0 * (slope - value * value - 1.0)
        power, before = 1.0, 0.0
        for j in range(x.size):
            out[j] += twice * (j * before - 2.0 * value * power)
            before, power = power, power * t


def make(dim, rng, parameters):
    """Place the start."""
    demand_dim(2 <= dim <= 31, problem.name, ">= 2 and <= 31", dim)
    where = f"a point of dimension {dim} that Newton's method finds from x0"
    known = best_known(BEST[dim], where) if dim in BEST else (FLOOR,)
    return Parts(np.full(dim, 0.5 * parameters.start), None, known)


problem = Problem(
    name="watson",
    summary="nonconvex: a polynomial in a differential equation, ill-conditioned",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=6,
    dims="2 to 31",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 20",
)
