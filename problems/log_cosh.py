"""Sum of logarithms of hyperbolic cosines: convex, L-smooth and Lipschitz at once.

    f(x) = sum_i ln cosh(x_i)

Like a quadratic near the minimiser x_star = 0 and like the 1-norm far away, so neither strongly convex nor
PL: far starts converge slowly first and fast later.  The start lies at distance start * sqrt(d) from x_star
in a random direction.

Source: the log-cosh loss, a smooth stand-in for the absolute value, e.g. Green, "Bayesian reconstructions
from emission tomography data using a modified EM algorithm", IEEE Transactions on Medical Imaging 9 (1990).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: the distance of the start over sqrt(d)."""

    start: Annotated[float, Real(0.0, 1e100, open=True)] = 3.0


def objective(x):
    """Return f(x), by cosh z = 1 + 2 sinh(z/2)^2 near 0 and |z| - ln 2 + ln(1 + e^-2|z|) farther out."""
    total = 0.0
    for i in range(x.size):
        z = abs(x[i])
        if z < 1.0:
            total += np.log1p(2.0 * np.sinh(0.5 * z) ** 2)
        else:
            total += z - np.log(2.0) + np.log1p(np.exp(-2.0 * z))
    return total


def gradient(x, out):
    """Write the gradient tanh(x_i); no number where x_i is infinite."""
    for i in range(x.size):
        out[i] = np.tanh(x[i]) + 0.0 * x[i]


def radius(value):
    """Return arccosh(e^value)."""
    return float(value + np.log1p(np.sqrt(-np.expm1(-2.0 * value))))


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    z = np.abs(x0)
    certificates = (
        Certificate("L", 1.0, "The Hessian is diagonal with entries 1/cosh(x_i)^2 <= 1, and I at 0."),
        Certificate("L0", 1.0, "|Hess f| <= L everywhere, with equality at 0."),
        Certificate("L1", 0.0, "|Hess f| <= L everywhere, so L0 alone suffices."),
        Certificate("G", float(np.sqrt(dim)), "|tanh| < 1 in each coordinate, and tends to 1 far away."),
        Certificate("convex", 1.0, "The entries of the Hessian are positive."),
        Certificate("f_star", 0.0, "cosh >= 1, with equality at 0."),
        Certificate(
            "R0",
            radius(float(np.sum(z + np.log1p(np.expm1(-2.0 * z) / 2.0)))),
            "ln cosh(sqrt u) is concave in u and 0 at 0, hence subadditive, so |x| is largest where one "
            "coordinate carries all of f(x0): at arccosh(e^f(x0)).",
        ),
        Certificate("effective_rank", float(dim), "Hess f <= I everywhere, with equality at 0."),
    )
    return Parts(x0, None, certificates, np.zeros(dim))


problem = Problem(
    name="log-cosh",
    summary="convex, L-smooth and Lipschitz: quadratic near 0, like the 1-norm far away",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    source="Green, IEEE Transactions on Medical Imaging 9 (1990) (the penalty)",
)
