"""Quadratic with cosine ripples: L-smooth and, unless the ripples are small, not convex.

    f(x) = sum_i ( x_i^2/2 + c (1 - cos(w x_i)) )

c is the `amplitude` and w the `frequency`.  The second derivatives 1 + c w^2 cos(w x_i) lie between 1 - c
w^2 and 1 + c w^2: f is not convex if c w^2 > 1, and has local minima besides x_star = 0 if c w^2 exceeds
about 4.6.  The start lies at distance start * sqrt(d) from x_star in a random direction.

Source: a smooth relative of Rastrigin's function (1974) with every constant known.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: c, w, and the distance of the start over sqrt(d)."""

    amplitude: Annotated[float, Real(0.0, 1e6)] = 1.0
    frequency: Annotated[float, Real(1e-6, 1e6)] = 3.0
    start: Annotated[float, Real(1e-6, 1e6)] = 2.0


class Data(NamedTuple):
    """Numbers of one instance: c and w."""

    amplitude: float
    frequency: float


def objective(x, data):
    """Return f(x), by 1 - cos z = 2 sin(z/2)^2, which keeps its digits near the minimiser."""
    total = 0.0
    for i in range(x.size):
        total += 0.5 * x[i] ** 2 + 2.0 * data.amplitude * np.sin(0.5 * data.frequency * x[i]) ** 2
    return total


def gradient(x, data, out):
    """Write the gradient x_i + c w sin(w x_i)."""
    for i in range(x.size):
        out[i] = x[i] + data.amplitude * data.frequency * np.sin(data.frequency * x[i])


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    ripple = parameters.amplitude * parameters.frequency**2
    certificates = [
        Certificate("L", 1.0 + ripple, "The Hessian is diagonal with entries 1 + c w^2 cos(w x_i)."),
        Certificate("L0", 1.0 + ripple, "|Hess f| <= L everywhere, with equality at 0."),
        Certificate("L1", 0.0, "|Hess f| <= L everywhere, so L0 alone suffices."),
        Certificate("f_star", 0.0, "Each term is a sum of squares and vanishes at 0."),
        Certificate("effective_rank", float(dim), "Hess f <= L I everywhere, with equality at 0."),
    ]
    if ripple <= 1.0:
        certificates.append(Certificate("convex", 1.0, "1 + c w^2 cos(w x_i) >= 1 - c w^2 >= 0."))
    if ripple < 1.0:
        certificates += [
            Certificate("mu", 1.0 - ripple, "The Hessian's entries are at least 1 - c w^2."),
            Certificate("PL", 1.0 - ripple, "mu-strong convexity implies PL.", exact=ripple == 0.0),
        ]
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    data = Data(parameters.amplitude, parameters.frequency)
    return Parts(x0, data, tuple(certificates), np.zeros(dim))


problem = Problem(
    name="nonconvex-cosine",
    summary="L-smooth and nonconvex: a quadratic with cosine ripples",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    source="after Rastrigin, Systems of Extreme Control (1974)",
)
