"""Sum of fourth powers: convex, (L0, L1)-smooth, not L-smooth, separable, flat at the minimiser.

    f(x) = sum_i x_i^4 / 4

The minimiser is x_star = 0, where the Hessian vanishes, so f is not PL.  The start lies at distance start *
sqrt(d) from it in a random direction.

Source: the standard polynomial of relaxed smoothness; Zhang, He, Sra and Jadbabaie, "Why gradient clipping
accelerates training" (ICLR 2020), for the class.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: the distance of the start over sqrt(d)."""

    start: Annotated[float, Real(0.0, 1e50, open=True)] = 1.0


def objective(x):
    """Return f(x)."""
    total = 0.0
    for i in range(x.size):
        total += (x[i] * x[i]) ** 2
    return 0.25 * total


def gradient(x, out):
    """Write the gradient x_i^3."""
    for i in range(x.size):
        out[i] = x[i] * x[i] * x[i]


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    certificates = (
        Certificate(
            "L0", 4.0, "With z = max |x_i|: |Hess f| = 3 z^2 <= 4 + z^3 <= 4 + |grad f|, equal at z = 2."
        ),
        Certificate("L1", 1.0, "Chosen; see L0: for any L1 > 0 the least L0 is 4/L1^2."),
        Certificate("convex", 1.0, "The Hessian is diagonal with entries 3 x_i^2 >= 0."),
        Certificate("f_star", 0.0, "f >= 0, with equality at 0."),
        Certificate(
            "R0",
            float((dim * np.sum(x0**4)) ** 0.25),
            "|x|^2 <= sqrt(d sum x_i^4), with equality where all |x_i| are equal.",
        ),
    )
    return Parts(x0, None, certificates, np.zeros(dim))


problem = Problem(
    name="quartic-sum",
    summary="convex, (L0,L1)-smooth, not L-smooth: sum of x_i^4/4",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    source="Zhang, He, Sra, Jadbabaie, Why gradient clipping accelerates training, ICLR 2020 (the class)",
)
