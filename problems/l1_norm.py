"""The 1-norm: convex, Lipschitz, with kinks wherever a coordinate vanishes.

    f(x) = sum_i |x_i|

The minimiser is x_star = 0.  The start lies at distance start * sqrt(d) from it in a random direction.  The
`gradient` is a subgradient, the signs of the coordinates with 0 at 0.

Source: Nesterov and Spokoiny, "Random gradient-free minimization of convex functions", Foundations of
Computational Mathematics 17 (2017) 527-566, for the class of Lipschitz f.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: the distance of the start over sqrt(d)."""

    start: Annotated[float, Real(0.0, 1e100, open=True)] = 1.0


def objective(x):
    """Return f(x), in four partial sums."""
    s0 = s1 = s2 = s3 = 0.0
    whole = x.size - x.size % 4
    for i in range(0, whole, 4):
        s0 += abs(x[i])
        s1 += abs(x[i + 1])
        s2 += abs(x[i + 2])
        s3 += abs(x[i + 3])
    for i in range(whole, x.size):
        s0 += abs(x[i])
    return (s0 + s2) + (s1 + s3)


def gradient(x, out):
    """Write the signs of the coordinates; no number where x_i is infinite."""
    for i in range(x.size):
        sign = 1.0 if x[i] > 0.0 else (-1.0 if x[i] < 0.0 else 0.0)
        out[i] = sign + 0.0 * x[i]


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    certificates = (
        Certificate(
            "G", float(np.sqrt(dim)), "Signs have norm at most sqrt(d), equal where no x_i vanishes."
        ),
        Certificate("convex", 1.0, "A norm."),
        Certificate("f_star", 0.0, "f >= 0, with equality at 0."),
        Certificate("R0", float(np.sum(np.abs(x0))), "|x| <= f(x), with equality on the axes."),
    )
    return Parts(x0, None, certificates, np.zeros(dim))


problem = Problem(
    name="l1-norm",
    summary="convex, Lipschitz, not differentiable: sum of |x_i|",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    differentiable=False,
    source="Nesterov and Spokoiny, Foundations of Computational Mathematics 17 (2017) (the class)",
)
