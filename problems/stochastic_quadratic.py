"""A quadratic whose samples are tilted at random: gradient noise of one size everywhere.

    f(x) = 1/2 sum_i lambda_i (x_i - c_i)^2,    F(x, sample) = f(x) + <xi, x - c>,   c = x_star

xi is normal with mean 0 and covariance spread^2/(d batch) I, so that E F = f and E|grad F - grad f|^2 =
spread^2/batch at every x: a mean over `batch` samples, of which each has the variance spread^2.  The
eigenvalues are 1 for `rank` of them and 1/condition for the others; with rank = 0 they are log-spaced from
1/condition to 1.  The start lies at distance sqrt(d) from x_star in a random direction.

Source: the additive noise model of stochastic approximation; Robbins and Monro, Ann. Math. Stat. 22 (1951).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.instance import Parts, Problem, Vector
from zobench.parameters import Integer, Real
from zobench.stream import hashed_polar


class Parameters(NamedTuple):
    """What can be chosen: the spectrum, the noise, how many samples a query takes the mean of."""

    condition: Annotated[float, Real(1.0, 1e12)] = 1.0
    rank: Annotated[int, Integer(0)] = 0
    spread: Annotated[float, Real(0.0, 1e6)] = 1.0
    batch: Annotated[int, Integer(1, 1_000_000)] = 1


class Data(NamedTuple):
    """Numbers of one instance: eigenvalues (d,), x_star (d,), standard deviation of an entry of xi."""

    eigenvalues: Vector
    x_star: Vector
    deviation: float


def objective(x, data):
    """Return f(x)."""
    total = 0.0
    for i in range(x.size):
        total += data.eigenvalues[i] * (x[i] - data.x_star[i]) ** 2
    return 0.5 * total


def gradient(x, data, out):
    """Write lambda_i (x_i - c_i)."""
    for i in range(x.size):
        out[i] = data.eigenvalues[i] * (x[i] - data.x_star[i])


def sample(x, data, key):
    """Return F(x, key)."""
    total = 0.0
    for i in range(x.size):
        exponential, cosine = hashed_polar(key, i)
        total += np.sqrt(2.0 * exponential) * cosine * (x[i] - data.x_star[i])
    return objective(x, data) + data.deviation * total


def make(dim, rng, parameters):
    """Draw an instance."""
    condition, rank, spread, batch = parameters
    if rank > dim:
        raise ZobenchError(f"problem {problem.name!r}: rank must be <= dim = {dim}, got {rank}")
    eigenvalues = np.geomspace(1.0 / condition, 1.0, dim) if dim > 1 else np.ones(1)
    if rank > 0:
        eigenvalues = np.where(np.arange(dim) < dim - rank, 1.0 / condition, 1.0)
    x_star, away = rng.standard_normal((2, dim))
    away *= np.sqrt(dim) / np.sqrt(np.sum(away**2))
    smallest, trace = float(eigenvalues[0]), float(eigenvalues.sum())
    gap = 0.5 * float(np.sum(eigenvalues * away**2))
    half_axis = "The sublevel set is an ellipsoid with half axis sqrt(2 (f(x0) - f_star)/mu)."
    certificates = (
        Certificate("L", 1.0, "The largest eigenvalue of the Hessian is 1."),
        Certificate("L0", 1.0, "|Hess f| = 1 everywhere."),
        Certificate("L1", 0.0, "|Hess f| = 1 everywhere, so L0 alone suffices."),
        Certificate("mu", smallest, "The smallest eigenvalue of the Hessian."),
        Certificate("PL", smallest, "mu-strong convexity implies PL with the same constant."),
        Certificate("convex", 1.0, "No eigenvalue of the Hessian is negative."),
        Certificate("f_star", 0.0, "f is a sum of squares that vanishes at x_star."),
        Certificate("R0", float(np.sqrt(2.0 * gap / smallest)), half_axis),
        Certificate("trace", trace, "The trace is the sum of the eigenvalues."),
        Certificate("effective_rank", trace, "The Hessian is its own bound, with largest eigenvalue 1."),
        Certificate("variance", spread**2 / batch, "xi has d independent entries of spread^2/(d batch)."),
    )
    data = Data(eigenvalues, x_star, spread / float(np.sqrt(dim * batch)))
    return Parts(x_star + away, data, certificates, x_star)


problem = Problem(
    name="stochastic-quadratic",
    summary="quadratic with random linear terms: the same gradient noise everywhere",
    objective=objective,
    gradient=gradient,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    source="Robbins and Monro, Annals of Mathematical Statistics 22 (1951) 400-407",
)
