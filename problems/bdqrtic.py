"""Bdqrtic: a banded quartic, convex.

    f(x) = sum_{i=1}^{d-4} ( (3 - 4 x_i)^2 + (x_i^2 + 2 x_{i+1}^2 + 3 x_{i+2}^2 + 4 x_{i+3}^2 + 5 x_d^2)^2 )

d >= 5, m = 2 (d - 4); x0 = start (1, ..., 1).  The last four coordinates of the minimiser are 0.  f_star
is 10.2390 (d = 8), 18.2812 (d = 10), 22.2606 (d = 11), 26.2728 (d = 12), and is computed for d <= 100.

Source: Conn, Gould, Lescrenier and Toint, "Performance of a multifrontal scheme for partially separable
optimization" (1988), problem 61; Moré and Wild, SIAM Journal on Optimization 20 (2009).
"""

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import FLOOR, Started, demand_dim
from zobench.objectives.solution import newton


def objective(x):
    """Return f(x)."""
    total, last = 0.0, 5.0 * x[x.size - 1] ** 2
    for i in range(x.size - 4):
        band = x[i] ** 2 + 2.0 * x[i + 1] ** 2 + 3.0 * x[i + 2] ** 2 + 4.0 * x[i + 3] ** 2 + last
        total += (3.0 - 4.0 * x[i]) ** 2 + band * band
    return total


def gradient(x, out):
    """Write the gradient."""
    out[:] = 0.0
    end = x.size - 1
    last, summed = 5.0 * x[end] ** 2, 0.0
    for i in range(x.size - 4):
        band = x[i] ** 2 + 2.0 * x[i + 1] ** 2 + 3.0 * x[i + 2] ** 2 + 4.0 * x[i + 3] ** 2 + last
        out[i] += 4.0 * band * x[i] - 8.0 * (3.0 - 4.0 * x[i])
        out[i + 1] += 8.0 * band * x[i + 1]
        out[i + 2] += 12.0 * band * x[i + 2]
        out[i + 3] += 16.0 * band * x[i + 3]
        summed += band
    out[end] += 20.0 * summed * x[end]


def product(x, v):
    """Return the Hessian times v: 32 v for the linear part, 2 q'(q'v) + 2 q q''v for each q^2."""
    out, count = np.zeros(x.size), x.size - 4
    parts = [(k + 1.0, slice(k, k + count)) for k in range(4)]
    band = sum(w * x[at] ** 2 for w, at in parts) + 5.0 * x[-1] ** 2
    bent = sum(2.0 * w * x[at] * v[at] for w, at in parts) + 10.0 * x[-1] * v[-1]
    for w, at in parts:
        out[at] += 4.0 * w * (bent * x[at] + band * v[at])
    out[-1] += 20.0 * float(np.sum(bent * x[-1] + band * v[-1]))
    out[:count] += 32.0 * v[:count]
    return out


def slope(x):
    """Return the gradient."""
    out = np.empty(x.size)
    gradient(x, out)
    return out


def make(dim, rng, parameters):
    """Place the start; find the minimiser where that is cheap."""
    demand_dim(dim >= 5, problem.name, ">= 5", dim)
    x0 = np.full(dim, parameters.start)
    convex = Certificate(
        "convex", 1.0, "Squares of affine functions and of nonnegative convex ones are convex."
    )
    if dim > 100:
        return Parts(x0, None, (convex, FLOOR))
    guess = np.full(dim, 0.5)
    guess[-4:] = 0.0  # where the gradient vanishes by symmetry
    best = newton(objective, slope, product, guess)
    proof = f"f is convex, and Newton's method reached |grad f| = {best.gradient_norm:.1e} at x_star."
    return Parts(x0, None, (convex, Certificate("f_star", best.value, proof)), best.x)


problem = Problem(
    name="bdqrtic",
    summary="convex: a banded quartic",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=8,
    dims=">= 5",
    source="Moré, Wild, SIAM Journal on Optimization 20 (2009) 172-191, problem 19",
)
