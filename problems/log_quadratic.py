"""Sum of logarithms of 1 + x^2: L-smooth, Lipschitz and not convex, with one stationary point.

    f(x) = sum_i ln(1 + x_i^2)

The second derivatives 2 (1 - x_i^2)/(1 + x_i^2)^2 lie between -1/4 and 2; beyond |x_i| = 1 they are negative
and the slope fades like 2/x_i, so f is not PL.  The minimiser is x_star = 0; the start lies at distance start
* sqrt(d) from it in a random direction.

Source: the loss of Cauchy errors, as in Holland and Welsch, "Robust regression using iteratively reweighted
least-squares", Communications in Statistics A6 (1977).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: the distance of the start over sqrt(d)."""

    start: Annotated[float, Real(0.0, 1e100, open=True)] = 2.0


def objective(x):
    """Return f(x)."""
    total = 0.0
    for i in range(x.size):
        total += np.log1p(x[i] ** 2)
    return total


def gradient(x, out):
    """Write the gradient 2 x_i / (1 + x_i^2), by its form in 1/x_i far out, where x_i^2 overflows."""
    for i in range(x.size):
        z = x[i]
        out[i] = 2.0 * z / (1.0 + z * z) if abs(z) < 1e100 else 2.0 / z + 0.0 * z


def make(dim, rng, parameters):
    """Draw the start."""
    away = rng.standard_normal(dim)
    x0 = away * (parameters.start * np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    level = float(np.sum(np.log1p(x0**2)))
    certificates = [
        Certificate(
            "L", 2.0, "The Hessian is diagonal with entries 2 (1 - x_i^2)/(1 + x_i^2)^2, and 2 I at 0."
        ),
        Certificate("L0", 2.0, "|Hess f| <= L everywhere, with equality at 0."),
        Certificate("L1", 0.0, "|Hess f| <= L everywhere, so L0 alone suffices."),
        Certificate("G", float(np.sqrt(dim)), "|2 z/(1 + z^2)| <= 1, with equality at |z| = 1."),
        Certificate("f_star", 0.0, "1 + x_i^2 >= 1, with equality at 0."),
        Certificate("effective_rank", float(dim), "Hess f <= 2 I everywhere, with equality at 0."),
    ]
    if level < 1000.0:
        proof = (
            "ln(1 + u) is concave in u and 0 at 0, hence subadditive, so |x| is largest where one coordinate "
            "carries all of f(x0): R0^2 = e^f(x0) - 1."
        )
        certificates.append(
            Certificate(
                "R0", float(np.sqrt(np.expm1(0.5 * level)) * np.sqrt(np.exp(0.5 * level) + 1.0)), proof
            )
        )
    return Parts(x0, None, tuple(certificates), np.zeros(dim))


problem = Problem(
    name="log-quadratic",
    summary="nonconvex, L-smooth and Lipschitz: sum of ln(1 + x_i^2)",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    source="after Holland and Welsch, Communications in Statistics A6 (1977) (Cauchy's loss)",
)
