"""Exponential of a linear function: convex, (L0, L1)-smooth with L0 = 0, and without a minimiser.

    f(x) = exp(<w, x>)

w has the length `rate` and a random direction; the start is (start / rate^2) w, where <w, x> = start.  The
infimum 0 is not attained.

Source: a standard example of relaxed smoothness; Zhang, He, Sra and Jadbabaie, "Why gradient clipping
accelerates training" (ICLR 2020), for the class.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem, Vector
from zobench.kernels import dot
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: |w|, and <w, x0>."""

    rate: Annotated[float, Real(1e-3, 1e3)] = 1.0
    start: Annotated[float, Real(-100.0, 200.0)] = 2.0


class Data(NamedTuple):
    """Numbers of one instance: w of shape (d,)."""

    w: Vector


def objective(x, data):
    """Return f(x); no number where <w, x> is infinite."""
    t = dot(data.w, x)
    return np.exp(t) + 0.0 * t


def gradient(x, data, out):
    """Write the gradient exp(<w, x>) w."""
    t = dot(data.w, x)
    value = np.exp(t) + 0.0 * t
    for i in range(x.size):
        out[i] = value * data.w[i]


def make(dim, rng, parameters):
    """Draw w."""
    direction = rng.standard_normal(dim)
    w = direction * (parameters.rate / np.sqrt(np.sum(direction**2)))
    certificates = (
        Certificate("L0", 0.0, "|Hess f| = |w|^2 f = |w| |grad f|, so L1 alone suffices."),
        Certificate("L1", parameters.rate, "|Hess f| = |w|^2 f and |grad f| = |w| f: equality everywhere."),
        Certificate("convex", 1.0, "Hess f = f w w^T >= 0."),
        Certificate("f_star", 0.0, "f > 0 tends to 0 along -w, and attains it nowhere."),
    )
    x0 = w * (parameters.start / parameters.rate**2)
    return Parts(x0, Data(w), certificates)


problem = Problem(
    name="exponential",
    summary="convex, (L0,L1)-smooth with L0 = 0, infimum not attained",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    source="Zhang, He, Sra, Jadbabaie, Why gradient clipping accelerates training, ICLR 2020 (the class)",
)
