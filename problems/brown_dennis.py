"""Function of Brown and Dennis: convex and steep.

    f(x) = sum_{i=1}^m ( (x_1 + t_i x_2 - exp t_i)^2 + (x_3 + x_4 sin t_i - cos t_i)^2 )^2,   t_i = i/5

d = 4, m >= 4; x0 = start (25, 5, -5, -1).  For m = 20 f_star = 85822.2.

Source: Brown and Dennis, Numerical Mathematics 18 (1972); Moré, Garbow and Hillstrom, ACM Transactions
on Mathematical Software 7 (1981), problem 16.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import FLOOR, Start
from zobench.parameters import Integer

#: The minimiser for m = 20.
X_STAR = (-11.594439904762165, 13.203630051207204, -0.40343948817685952, 0.2367787744557363)


class Parameters(NamedTuple):
    """What can be chosen: the number of residuals, and x0 over the published start."""

    m: Annotated[int, Integer(4, 100)] = 20
    start: Start = 1.0


class Data(NamedTuple):
    """Numbers of one instance: m."""

    m: int


def objective(x, data):
    """Return f(x)."""
    total = 0.0
    for i in range(1, data.m + 1):
        t = 0.2 * i
        u = x[0] + t * x[1] - np.exp(t)
        v = x[2] + np.sin(t) * x[3] - np.cos(t)
        total += (u * u + v * v) ** 2
    return total


def gradient(x, data, out):
    """Write the gradient."""
    out[:] = 0.0
    for i in range(1, data.m + 1):
        t = 0.2 * i
        sine = np.sin(t)
        u = x[0] + t * x[1] - np.exp(t)
        v = x[2] + sine * x[3] - np.cos(t)
        slope = 4.0 * (u * u + v * v)
        out[0] += slope * u
        out[1] += slope * u * t
        out[2] += slope * v
        out[3] += slope * v * sine


def make(dim, rng, parameters):
    """Place the start."""
    convex = Certificate("convex", 1.0, "f is a sum of fourth powers of lengths of affine functions of x.")
    x0 = parameters.start * np.array([25.0, 5.0, -5.0, -1.0])
    if parameters.m != 20:
        return Parts(x0, Data(parameters.m), (convex, FLOOR))
    proof = "f is convex, and Newton's method in 40 digits reached |grad f| = 6e-36 at x_star."
    certificates = (convex, Certificate("f_star", 85822.20162635634466, proof))
    return Parts(x0, Data(parameters.m), certificates, np.array(X_STAR))


problem = Problem(
    name="brown-dennis",
    summary="convex: fourth powers, positive at the minimiser",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="4",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 16",
)
