"""Nesterov's worst function in the world: the quadratic on which first-order methods are slowest.

    f(x) = L/4 ( 1/2 ( x_1^2 + sum_{i=1}^{k-1} (x_i - x_{i+1})^2 + x_k^2 ) - x_1 )

From x0 = 0 a method that moves along gradients learns one coordinate a step.  The minimiser is x_star_i = 1 -
i/(k+1) for i <= k (coordinates beyond k have no effect, and are 0 in it), and f_star = L/8 (1/(k+1) - 1).
`smoothness` is L, and `coupled` is k; 0, the default, stands for k = d.

Source: Nesterov, "Introductory Lectures on Convex Optimization" (2004), lower bounds for smooth
convex functions.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.instance import Parts, Problem
from zobench.parameters import Integer, Real


class Parameters(NamedTuple):
    """What can be chosen: L, and k."""

    smoothness: Annotated[float, Real(1e-6, 1e6)] = 1.0
    coupled: Annotated[int, Integer(0)] = 0


class Data(NamedTuple):
    """Numbers of one instance: L and k."""

    smoothness: float
    coupled: int


def objective(x, data):
    """Return f(x), in four partial sums."""
    k = data.coupled
    s0 = s1 = s2 = s3 = 0.0
    whole = (k - 1) - (k - 1) % 4
    for i in range(0, whole, 4):
        s0 += (x[i] - x[i + 1]) ** 2
        s1 += (x[i + 1] - x[i + 2]) ** 2
        s2 += (x[i + 2] - x[i + 3]) ** 2
        s3 += (x[i + 3] - x[i + 4]) ** 2
    for i in range(whole, k - 1):
        s0 += (x[i] - x[i + 1]) ** 2
    total = (s0 + s2) + (s1 + s3) + x[0] ** 2 + x[k - 1] ** 2
    beyond = 0.0
    for i in range(k, x.size):
        beyond += 0.0 * x[i]
    return 0.25 * data.smoothness * (0.5 * total - x[0]) + beyond


def gradient(x, data, out):
    """Write the gradient L/4 (2 x_i - x_{i-1} - x_{i+1}), less L/4 in the first coordinate."""
    k, quarter = data.coupled, 0.25 * data.smoothness
    for i in range(k):
        left = x[i - 1] if i > 0 else 0.0
        right = x[i + 1] if i < k - 1 else 0.0
        out[i] = quarter * (2.0 * x[i] - left - right)
    out[0] -= quarter
    for i in range(k, x.size):
        out[i] = 0.0 * x[i]


def make(dim, rng, parameters):
    """Lay out the constants."""
    scale, k = parameters.smoothness, parameters.coupled or dim
    if k > dim:
        raise ZobenchError(f"problem {problem.name!r}: coupled must be <= dim = {dim}, got {k}")
    angle = 0.5 * np.pi / (k + 1)
    largest, smallest = scale * float(np.cos(angle)) ** 2, scale * float(np.sin(angle)) ** 2
    f_star = -scale / 8.0 * (k / (k + 1))
    x_star = np.zeros(dim)
    x_star[:k] = np.arange(k, 0, -1) / (k + 1.0)
    eigenvalues = "L/4 tridiag(-1, 2, -1) of order k has the eigenvalues L sin^2(j pi/(2(k+1))), j = 1 ... k"
    certificates = [
        Certificate("L", largest, f"{eigenvalues}, of which L cos^2(pi/(2(k+1))) is the largest."),
        Certificate("L0", largest, "|Hess f| is this constant everywhere."),
        Certificate("L1", 0.0, "|Hess f| is constant, so L0 alone suffices."),
        Certificate("PL", smallest, f"{eigenvalues}: a quadratic is PL with the smallest that is not 0."),
        Certificate("convex", 1.0, "All eigenvalues of the Hessian are >= 0."),
        Certificate("f_star", f_star, "f is convex, its gradient vanishes at x_star, and f(x_star) is this."),
        Certificate("trace", 0.5 * scale * k, "k entries L/2 on the diagonal."),
        Certificate("effective_rank", 0.5 * scale * k / largest, "The Hessian is its own bound."),
    ]
    if k == dim:
        proof = "The sublevel set is an ellipsoid with the longest half axis sqrt(2 (f(x0) - f_star)/mu)."
        certificates += [
            Certificate("mu", smallest, f"{eigenvalues}, and k = d."),
            Certificate("R0", float(np.sqrt(-2.0 * f_star / smallest)), proof),
        ]
    return Parts(np.zeros(dim), Data(scale, k), tuple(certificates), x_star)


problem = Problem(
    name="nesterov-worst",
    summary="Nesterov's worst function in the world, convex quadratic",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    source="Nesterov, Introductory Lectures on Convex Optimization (2004)",
)
