"""Linear least squares of full rank.

    f(x) = sum_{i=1}^m r_i^2,   r_i = x_i - s - 1 (i <= d),   r_i = -s - 1 (i > d),   s = (2/m) sum_j x_j

The m >= d residuals are A x - 1 with orthonormal columns of A, so f(x) = |x + 1|^2 + m - d, which is
how it is computed.  x0 = start (1, ..., 1), x_star = (-1, ..., -1), f_star = m - d.  m = 0
stands for 5 d, the shape of Moré and Wild (d = 9, m = 45).

Source: Moré, Garbow and Hillstrom, ACM Transactions on Mathematical Software 7 (1981), problem 32.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Start
from zobench.parameters import Integer


class Parameters(NamedTuple):
    """What can be chosen: the number of residuals (0: 5 d), and x0 over the published start."""

    m: Annotated[int, Integer(0, 10**9)] = 0
    start: Start = 1.0


class Data(NamedTuple):
    """Numbers of one instance: m - d."""

    surplus: float


def objective(x, data):
    """Return f(x)."""
    s0 = s1 = s2 = s3 = 0.0
    whole = x.size - x.size % 4
    for i in range(0, whole, 4):
        s0 += (x[i] + 1.0) ** 2
        s1 += (x[i + 1] + 1.0) ** 2
        s2 += (x[i + 2] + 1.0) ** 2
        s3 += (x[i + 3] + 1.0) ** 2
    if x.size > whole:
        s0 += (x[whole] + 1.0) ** 2
    if x.size > whole + 1:
        s1 += (x[whole + 1] + 1.0) ** 2
    if x.size > whole + 2:
        s2 += (x[whole + 2] + 1.0) ** 2
    return (s0 + s1) + (s2 + s3) + data.surplus


def gradient(x, data, out):
    """Write the gradient 2 (x + 1)."""
    for i in range(x.size):
        out[i] = 2.0 * (x[i] + 1.0)


def make(dim, rng, parameters):
    """Certify the constants."""
    m = parameters.m or 5 * dim
    if m < dim:
        raise ZobenchError(f"problem {problem.name!r}: m must be >= dim = {dim}, or 0 for 5 dim, got {m}")
    certificates = (
        Certificate("L", 2.0, "A^T A = I, so the Hessian is 2 I."),
        Certificate("L0", 2.0, "|Hess f| = 2 everywhere."),
        Certificate("L1", 0.0, "|Hess f| = 2 everywhere, so L0 alone suffices."),
        Certificate("mu", 2.0, "The Hessian is 2 I."),
        Certificate("PL", 2.0, "mu-strong convexity implies PL with the same constant."),
        Certificate("convex", 1.0, "The Hessian is positive definite."),
        Certificate("f_star", float(m - dim), "f(x) = |x + 1|^2 + m - d."),
        Certificate("trace", 2.0 * dim, "The Hessian is 2 I."),
        Certificate("effective_rank", float(dim), "The Hessian is 2 I."),
    )
    return Parts(np.full(dim, parameters.start), Data(float(m - dim)), certificates, np.full(dim, -1.0))


problem = Problem(
    name="linear-full-rank",
    summary="convex: linear least squares with orthonormal columns",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=9,
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 32",
)
