"""The largest coordinate: convex, Lipschitz, and blind to all coordinates but one.

    f(x) = max_i |x_i|

The minimiser is x_star = 0.  The start lies at distance start * sqrt(d) from it in a random direction.  The
`gradient` is a subgradient: the sign of the first largest coordinate, 0 at 0.

Source: Nesterov, "Introductory Lectures on Convex Optimization" (2004), whose functions that
are hard for the class of Lipschitz f are built of max x_i.
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
    """Return f(x); no number where a coordinate is none."""
    largest, nothing = 0.0, 0.0
    for i in range(x.size):
        z = abs(x[i])
        largest = z if z > largest else largest
        nothing += 0.0 * x[i]
    return largest + nothing


def gradient(x, out):
    """Write the sign of the first largest coordinate; no number where x_i is infinite."""
    place = 0
    for i in range(x.size):
        out[i] = 0.0 * x[i]
        if abs(x[i]) > abs(x[place]):
            place = i
    out[place] += 1.0 if x[place] > 0.0 else (-1.0 if x[place] < 0.0 else 0.0)


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    certificates = (
        Certificate("G", 1.0, "|max |x_i| - max |y_i|| <= max |x_i - y_i| <= |x - y|, equal along an axis."),
        Certificate("convex", 1.0, "A norm."),
        Certificate("f_star", 0.0, "f >= 0, with equality at 0."),
        Certificate(
            "R0",
            float(np.sqrt(dim) * np.abs(x0).max()),
            "|x| <= sqrt(d) f(x), with equality where all |x_i| are equal.",
        ),
    )
    return Parts(x0, None, certificates, np.zeros(dim))


problem = Problem(
    name="max-coordinate",
    summary="convex, Lipschitz, not differentiable: max of |x_i|",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    differentiable=False,
    source="Nesterov, Introductory Lectures on Convex Optimization (2004)",
)
