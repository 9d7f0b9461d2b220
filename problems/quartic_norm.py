"""Fourth power of the norm: convex, (L0, L1)-smooth, not L-smooth, flat at the minimiser.

    f(x) = |x|^4 / 4

The minimiser is x_star = 0, where the Hessian vanishes, so f is not PL.  The start lies at distance start *
sqrt(d) from it in a random direction.

Source: the standard polynomial of relaxed smoothness; Zhang, He, Sra and Jadbabaie, "Why gradient clipping
accelerates training" (ICLR 2020), for the class.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.kernels import squared_norm
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: the distance of the start over sqrt(d)."""

    start: Annotated[float, Real(0.0, 1e50, open=True)] = 1.0


def objective(x):
    """Return f(x)."""
    return 0.25 * squared_norm(x) ** 2


def gradient(x, out):
    """Write the gradient |x|^2 x."""
    square = squared_norm(x)
    for i in range(x.size):
        out[i] = square * x[i]


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    # in dimension 1 the Hessian is 3 x^2, too
    certificates = (
        Certificate("L0", 4.0, "|Hess f| = 3 |x|^2 <= 4 + |x|^3, with equality at |x| = 2."),
        Certificate("L1", 1.0, "Chosen; see L0: for any L1 > 0 the least L0 is 4/L1^2."),
        Certificate("convex", 1.0, "Hess f = |x|^2 I + 2 x x^T >= 0."),
        Certificate("f_star", 0.0, "f >= 0, with equality at 0."),
        Certificate("R0", float(np.sqrt(np.sum(x0**2))), "f is a function of |x| that grows, so R0 = |x0|."),
    )
    return Parts(x0, None, certificates, np.zeros(dim))


problem = Problem(
    name="quartic-norm",
    summary="convex, (L0,L1)-smooth, not L-smooth: |x|^4/4",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    source="Zhang, He, Sra, Jadbabaie, Why gradient clipping accelerates training, ICLR 2020 (the class)",
)
