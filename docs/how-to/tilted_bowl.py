"""A bowl that is steeper along the first axis.

    f(x) = 1/2 (steepness x_1^2 + x_2^2 + ... + x_d^2)

The start lies at distance sqrt(d) from the minimiser 0, in a random direction.

Source: an example.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen."""

    steepness: Annotated[float, Real(1.0)] = 4.0


class Data(NamedTuple):
    """What the objective reads."""

    steepness: float


def objective(x, data):
    """Return f(x)."""
    total = (data.steepness - 1.0) * x[0] ** 2
    for i in range(x.size):
        total += x[i] ** 2
    return 0.5 * total


def gradient(x, data, out):
    """Write grad f(x)."""
    for i in range(x.size):
        out[i] = x[i]
    out[0] = data.steepness * x[0]


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * np.sqrt(dim / np.sum(away**2))
    least = 1.0 if dim > 1 else parameters.steepness
    certificates = (
        Certificate("L", parameters.steepness, "The largest second derivative is steepness >= 1."),
        Certificate("mu", least, "The smallest second derivative is 1, or steepness where d = 1."),
        Certificate("f_star", 0.0, "f is a sum of squares that vanishes at 0."),
    )
    return Parts(x0, Data(parameters.steepness), certificates, np.zeros(dim))


problem = Problem(
    name="tilted-bowl",
    summary="a bowl that is steeper along one axis",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    source="an example",
)
