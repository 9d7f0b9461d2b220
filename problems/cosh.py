"""Sum of hyperbolic cosines: (L0, L1)-smooth and not L-smooth for any L.

    f(x) = sum_i ( cosh(b x_i) - 1 ) / b^2

The curvature grows with the gradient: it is 1 at the minimiser x_star = 0 and exponentially large far away,
so near and far starts are different problems.  The start lies at distance start * sqrt(d) from x_star in a
random direction.

Source: a standard example of relaxed smoothness; Zhang, He, Sra and Jadbabaie, "Why gradient clipping
accelerates training" (ICLR 2020), for the class.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.instance import Parts, Problem
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: b, and the distance of the start over sqrt(d)."""

    b: Annotated[float, Real(1e-6, 1e6)] = 1.0
    start: Annotated[float, Real(0.0, open=True)] = 1.0


class Data(NamedTuple):
    """Numbers of one instance."""

    b: float


def objective(x, data):
    """Return f(x), by cosh z - 1 = 2 sinh(z/2)^2, which keeps its digits near the minimiser."""
    total = 0.0
    for i in range(x.size):
        total += np.sinh(0.5 * data.b * x[i]) ** 2
    return 2.0 * total / data.b**2


def gradient(x, data, out):
    """Write the gradient sinh(b x_i) / b."""
    for i in range(x.size):
        out[i] = np.sinh(data.b * x[i]) / data.b


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    far = parameters.b * np.abs(x0).max()
    if far > 700.0:
        raise ZobenchError(
            f"problem {problem.name!r}: b max |x0_i| must be <= 700 for f(x0) to be a number, got {far:.6g}; "
            f"choose a smaller b = {parameters.b:g} or start = {parameters.start:g}"
        )
    half = float(np.mean(np.sinh(0.5 * parameters.b * x0) ** 2))
    certificates = (
        Certificate("L0", 1.0, "With z = b max |x_i|: |Hess f| = cosh z <= 1 + sinh z <= 1 + b |grad f|."),
        Certificate("L1", parameters.b, "See L0; (cosh z - 1)/sinh z tends to 1, so no smaller L1 does."),
        Certificate("mu", 1.0, "The Hessian is diagonal with entries cosh(b x_i) >= 1."),
        Certificate("PL", 1.0, "mu-strong convexity implies PL with the same constant."),
        Certificate("convex", 1.0, "The Hessian is positive definite."),
        Certificate("f_star", 0.0, "f is a sum of squares that vanishes at 0."),
        Certificate(
            "R0",
            float(np.sqrt(dim) * 2.0 / parameters.b * np.arcsinh(np.sqrt(half))),
            "cosh(b sqrt u) is convex in u, so by Jensen |x| is largest where all |x_i| are equal.",
        ),
    )
    return Parts(x0, Data(parameters.b), certificates, np.zeros(dim))


problem = Problem(
    name="cosh",
    summary="convex, (L0,L1)-smooth, not L-smooth",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    source="Zhang, He, Sra, Jadbabaie, Why gradient clipping accelerates training, ICLR 2020 (the class)",
)
