"""Quadratic with sine ripples: not convex, and yet PL, so that the minimiser is the only stationary point.

    f(x) = sum_i ( x_i^2 + 3 sin(x_i)^2 )

The second derivatives 2 + 6 cos(2 x_i) lie between -4 and 8.  The minimiser is x_star = 0; the start lies at
distance start * sqrt(d) from it in a random direction.

Source: Karimi, Nutini and Schmidt, "Linear convergence of gradient and proximal-gradient methods under the
Polyak-Łojasiewicz condition", ECML PKDD 2016.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate, Compared
from zobench.instance import Parts, Problem
from zobench.parameters import Real

#: The least value of (2 z + 3 sin 2 z)^2 / (2 z^2 + 6 sin(z)^2), rounded down; it is met at z = 2.20171.
PL = 0.1755309858


class Parameters(NamedTuple):
    """What can be chosen: the distance of the start over sqrt(d)."""

    start: Annotated[float, Real(0.0, 100.0, open=True)] = 3.0


def objective(x):
    """Return f(x)."""
    total = 0.0
    for i in range(x.size):
        total += x[i] ** 2 + 3.0 * np.sin(x[i]) ** 2
    return total


def gradient(x, out):
    """Write the gradient 2 x_i + 3 sin(2 x_i)."""
    for i in range(x.size):
        out[i] = 2.0 * x[i] + 3.0 * np.sin(2.0 * x[i])


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    level = float(np.sum(x0**2 + 3.0 * np.sin(x0) ** 2))
    certificates = (
        Certificate("L", 8.0, "The Hessian is diagonal with entries 2 + 6 cos(2 x_i), and 8 I at 0."),
        Certificate("L0", 8.0, "|Hess f| <= L everywhere, with equality at 0."),
        Certificate("L1", 0.0, "|Hess f| <= L everywhere, so L0 alone suffices."),
        Certificate(
            "PL",
            PL,
            "f is a sum over coordinates, so the least q = f'^2/(2 f) of one coordinate serves: q >= (2|z| - "
            "3)^2/(2 (z^2 + 3)) > 0.65 for |z| >= 4, and on [0, 4] subdivision finds the least value at z = "
            "2.2017.",
            compared=(Compared("the constant usually given", 1 / 32, "second-hand, not read in the paper"),),
        ),
        Certificate("f_star", 0.0, "f is a sum of squares that vanishes at 0."),
        Certificate("R0", float(np.sqrt(level)), "f(x) >= |x|^2.", exact=False),
        Certificate("effective_rank", float(dim), "Hess f <= 8 I everywhere, with equality at 0."),
    )
    return Parts(x0, None, certificates, np.zeros(dim))


problem = Problem(
    name="sine-quadratic",
    summary="nonconvex and PL: x^2 + 3 sin(x)^2 in every coordinate",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    source="Karimi, Nutini, Schmidt, ECML PKDD 2016",
)
