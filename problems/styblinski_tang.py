"""Styblinski and Tang's function: nonconvex, with 2^d minima of which one is the best.

    f(x) = 1/2 sum_i ( x_i^4 - 16 x_i^2 + 5 x_i )

The best minimiser has all coordinates a = -2.903534..., the smallest root of 4 z^3 - 32 z + 5, where each
contributes -39.166...; at the other minimum, 2.7468..., it contributes 14.1 more.
(The value -39.16599 that is often printed is wrong in its fourth decimal.)  The start is uniform in
[-5, 5]^d.

Source: Styblinski and Tang, "Experiments in nonconvex optimization: stochastic approximation with function
smoothing and simulated annealing", Neural Networks 3 (1990) 467-483.
"""

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem

#: The smallest root of 4 z^3 - 32 z + 5, and f there in one coordinate.
ROOT, LOWEST = -2.903534027771177, -39.16616570377141


def objective(x):
    """Return f(x)."""
    total = 0.0
    for i in range(x.size):
        square = x[i] * x[i]
        total += (square - 16.0) * square + 5.0 * x[i]
    return 0.5 * total


def gradient(x, out):
    """Write the gradient 2 x_i^3 - 16 x_i + 5/2."""
    for i in range(x.size):
        out[i] = (2.0 * x[i] * x[i] - 16.0) * x[i] + 2.5


def make(dim, rng, parameters):
    """Draw the start."""
    x0 = rng.uniform(-5.0, 5.0, dim)
    z = 1.0 + np.sqrt(11.0 / 3.0)
    l0 = float(6.0 * z**2 - 16.0 - (2.0 * z**3 - 16.0 * z - 2.5))
    # as the kernel adds, so that the gap of the start has no more rounding than it must
    gap = max(0.0, float(np.sum(0.5 * ((x0**2 - 16.0) * x0**2 + 5.0 * x0) - LOWEST)))
    certificates = (
        Certificate(
            "L0",
            l0,
            "The Hessian is diagonal, so it is enough that |6 z^2 - 16| - |2 z^3 - 16 z + 5/2| is largest at "
            "z = -1 - sqrt(11/3), as its stationary points and kinks tell.",
        ),
        Certificate("L1", 1.0, "Chosen; see L0, which belongs to it, with equality at the z given there."),
        Certificate("f_star", LOWEST * dim, "The least value of a polynomial in one variable, times d."),
        Certificate(
            "R0",
            float(np.sqrt(gap / (ROOT**2 - 8.0))),
            "In one coordinate f - f_star = 1/2 (z - a)^2 (z^2 + 2 a z + 3 a^2 - 16) >= (a^2 - 8) (z - a)^2.",
            exact=False,
        ),
    )
    return Parts(x0, None, certificates, np.full(dim, ROOT))


problem = Problem(
    name="styblinski-tang",
    summary="nonconvex, separable, 2^d minima",
    objective=objective,
    gradient=gradient,
    make=make,
    source="Styblinski and Tang, Neural Networks 3 (1990) 467-483",
)
