"""Huber's function of every coordinate: convex, L-smooth and Lipschitz, but not twice differentiable.

    f(x) = sum_i h(x_i),   h(z) = z^2/2 if |z| <= delta, else delta |z| - delta^2/2

The minimiser is x_star = 0.  The start lies at distance start * sqrt(d) from it in a random direction.

Source: Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: where the parabola ends, and the distance of the start over sqrt(d)."""

    delta: Annotated[float, Real(1e-6, 1e6)] = 1.0
    start: Annotated[float, Real(0.0, 1e100, open=True)] = 3.0


class Data(NamedTuple):
    """Numbers of one instance."""

    delta: float


def objective(x, data):
    """Return f(x): with t = min(|z|, delta), h(z) = t (|z| - t/2)."""
    total = 0.0
    for i in range(x.size):
        z = abs(x[i])
        t = data.delta if z > data.delta else z
        total += t * (z - 0.5 * t)
    return total


def gradient(x, data, out):
    """Write the gradient: x_i, cut off at delta; no number where x_i is infinite."""
    for i in range(x.size):
        z = x[i]
        z = data.delta if z > data.delta else z
        z = -data.delta if z < -data.delta else z
        out[i] = z + 0.0 * x[i]


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    delta = parameters.delta
    t = np.minimum(np.abs(x0), delta)
    level = float(np.sum(t * (np.abs(x0) - 0.5 * t)))
    radius = np.sqrt(2.0 * level) if level <= 0.5 * delta**2 else level / delta + 0.5 * delta
    certificates = (
        Certificate("L", 1.0, "The gradient cuts off each x_i at delta, and is the identity near 0."),
        Certificate(
            "L0",
            1.0,
            "The gradient is 1-Lipschitz; definition H does not apply, for f has no Hessian where some "
            "|x_i| = delta.",
            definition="G",
        ),
        Certificate("L1", 0.0, "The gradient is 1-Lipschitz, so L0 alone suffices.", definition="G"),
        Certificate(
            "G", delta * float(np.sqrt(dim)), "|h'| <= delta, with equality in all coordinates far out."
        ),
        Certificate("convex", 1.0, "h' never falls."),
        Certificate("f_star", 0.0, "h >= 0, with equality at 0."),
        Certificate(
            "R0",
            float(radius),
            "h(sqrt u) is concave in u and 0 at 0, hence subadditive, so |x| is largest where one coordinate "
            "carries all of f(x0).",
        ),
        Certificate("effective_rank", float(dim), "Hess f <= I wherever it exists, with equality near 0."),
    )
    return Parts(x0, Data(delta), certificates, np.zeros(dim))


problem = Problem(
    name="huber",
    summary="convex, L-smooth and Lipschitz, without a Hessian where |x_i| = delta",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    source="Huber, Annals of Mathematical Statistics 35 (1964)",
)
