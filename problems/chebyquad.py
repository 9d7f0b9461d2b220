"""Chebyquad: nodes of a quadrature with equal weights.

    f(x) = sum_{i=1}^d ( (1/d) sum_j T_i(2 x_j - 1) - I_i )^2,   I_i = -1/(i^2 - 1) for even i, 0 for odd i

T_i is Chebyshev's polynomial and I_i its mean over [-1, 1].  m = d; x0 = start (1, 2, ..., d)/(d + 1).
f_star = 0 for d <= 7 and d = 9, at the nodes of Chebyshev's quadrature; for other d no real nodes exist
(Bernstein, 1937) and f_star > 0.  Lowest values known: 3.51687e-3 (d = 8), 4.77271e-3 (d = 10),
2.79976e-3 (d = 11); the 6.50395e-3 that Moré, Garbow and Hillstrom print for d = 10 is a local minimum.

Source: Fletcher, The Computer Journal 8 (1965); Moré, Garbow and Hillstrom, ACM Transactions on
Mathematical Software 7 (1981), problem 35.
"""

import numpy as np

from zobench.instance import Parts, Problem
from zobench.kernels import dot
from zobench.objectives.least_squares import (
    FLOOR,
    Started,
    best_known,
    demand_dim,
    demand_start,
    zero_residual,
)
from zobench.views import release, scratch

#: Positive nodes of Chebyshev's quadrature on [-1, 1]; the negative ones mirror them, odd d has 0 besides.
NODES = {
    1: (),
    2: (0.57735026918962576,),
    3: (0.70710678118654752,),
    4: (0.1875924740850799, 0.79465447229176612),
    5: (0.37454140955358107, 0.83249748700098188),
    6: (0.26663540151670472, 0.42251865376111153, 0.86624681810782059),
    7: (0.32391181051990764, 0.52965677528515681, 0.88386170075804904),
    9: (0.16790618421480394, 0.52876178305787999, 0.60101865538023807, 0.91158930772843447),
}
#: Lowest values known, by dimension.
BEST = {8: 0.0035168737256779317, 10: 0.004772713696375349, 11: 0.0027997615518657666}


def objective(x):
    """Return f(x)."""
    y, ones, before, now = scratch(x.size), scratch(x.size), scratch(x.size), scratch(x.size)
    for j in range(x.size):
        y[j] = now[j] = 2.0 * x[j] - 1.0
        ones[j] = before[j] = 1.0
    total = 0.0
    for i in range(1, x.size + 1):
        mean = -1.0 / (i * i - 1.0) if i % 2 == 0 else 0.0
        total += (dot(now, ones) / x.size - mean) ** 2
        for j in range(x.size):
            before[j] = 2.0 * y[j] * now[j] - before[j]
        before, now = now, before
    release(y)
    release(ones)
    release(before)
    release(now)
    return total


def gradient(x, out):
    """Write the gradient, with T_i' by the derivative of the recursion of T_i."""
    y, ones, before, now = scratch(x.size), scratch(x.size), scratch(x.size), scratch(x.size)
    flat, slope = scratch(x.size), scratch(x.size)
    for j in range(x.size):
        y[j] = now[j] = 2.0 * x[j] - 1.0
        ones[j] = before[j] = 1.0
        flat[j] = out[j] = 0.0
        slope[j] = 2.0
    for i in range(1, x.size + 1):
        mean = -1.0 / (i * i - 1.0) if i % 2 == 0 else 0.0
        twice = 2.0 * (dot(now, ones) / x.size - mean) / x.size
        for j in range(x.size):
            out[j] += twice * slope[j]
            flat[j] = 4.0 * now[j] + 2.0 * y[j] * slope[j] - flat[j]
            before[j] = 2.0 * y[j] * now[j] - before[j]
        before, now = now, before
        flat, slope = slope, flat
    release(y)
    release(ones)
    release(before)
    release(now)
    release(flat)
    release(slope)


def make(dim, rng, parameters):
    """Place the start."""
    demand_dim(dim <= 10_000, problem.name, "<= 10000", dim)
    x0 = parameters.start * np.arange(1.0, dim + 1.0) / (dim + 1)
    # T_d(y) <= exp(d arcosh y) must have a square
    largest = 0.5 * (1.0 + np.cosh(min(300.0 / dim, 20.0))) * (dim + 1) / dim
    demand_start(largest, problem.name, parameters.start)
    if dim in NODES:
        half = np.array(NODES[dim])
        nodes = np.concatenate([-half[::-1], np.zeros(dim % 2), half])
        known = (zero_residual("the nodes of Chebyshev's quadrature integrate T_1, ..., T_d exactly"),)
        return Parts(x0, None, known, 0.5 + 0.5 * nodes)
    where = f"a point of dimension {dim} found from many random starts"
    return Parts(x0, None, best_known(BEST[dim], where) if dim in BEST else (FLOOR,))


problem = Problem(
    name="chebyquad",
    summary="nonconvex: nodes of a quadrature, many equal minimisers",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=6,
    dims="1 to 10000",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 35",
)
