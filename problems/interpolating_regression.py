"""Least squares without noise, by mini-batches: one point minimises every sample's loss.

    f(x) = 1/(2N) sum_i <a_i, x - c>^2,   c = x_star

N = `samples` rows a_i have independent normal entries; their columns are scaled so that the variances run,
log-spaced, from 1 down to 1/condition.  With `batch` = B > 0 a query answers the mean over B rows drawn with
replacement by the sample key, whose expectation is f; with `batch` = 0 it answers f.  All samples agree at
x_star: the gradient noise vanishes there, and a constant step converges linearly.  The start lies at distance
sqrt(d) from x_star in a random direction.

Source: the interpolation setting; Vaswani, Bach and Schmidt, "Fast and faster convergence of SGD for
over-parameterized models and an accelerated perceptron", AISTATS 2019.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate, rounded_down, rounded_up
from zobench.errors import ZobenchError
from zobench.instance import Matrix, Parts, Problem, Vector
from zobench.parameters import Integer, Real
from zobench.stream import hashed_index


class Parameters(NamedTuple):
    """What can be chosen: N, the scales of the columns, and B."""

    samples: Annotated[int, Integer(1, 1_000_000)] = 100
    condition: Annotated[float, Real(1.0, 1e6)] = 1.0
    batch: Annotated[int, Integer(0, 1_000_000)] = 4


class Data(NamedTuple):
    """Numbers of one instance: A (N, d), x_star (d,), B."""

    rows: Matrix
    x_star: Vector
    batch: int


def residual(x, data, i):
    """Return <a_i, x - c>."""
    total = 0.0
    for j in range(x.size):
        total += data.rows[i, j] * (x[j] - data.x_star[j])
    return total


def objective(x, data):
    """Return f(x)."""
    total, count = 0.0, data.rows.shape[0]
    for i in range(count):
        total += residual(x, data, i) ** 2
    return 0.5 * total / count


def gradient(x, data, out):
    """Write 1/N sum_i <a_i, x - c> a_i."""
    count = data.rows.shape[0]
    out[:] = 0.0
    for i in range(count):
        share = residual(x, data, i) / count
        for j in range(x.size):
            out[j] += share * data.rows[i, j]


def sample(x, data, key):
    """Return the mean over the rows that the key draws."""
    total, count = 0.0, data.rows.shape[0]
    for place in range(data.batch):
        total += residual(x, data, hashed_index(key, place, count)) ** 2
    return 0.5 * total / data.batch


def widest_noise(rows, batch):
    """Return the largest E|grad F - grad f|^2 / f over all x, a generalised eigenvalue.

    With C = A^T A/N and e = x - c it is e^T (1/N sum |a_i|^2 a_i a_i^T - C^2) e / B over e^T C e / 2.
    """
    count = rows.shape[0]
    squares = np.einsum("ij,ij->i", rows, rows)
    second = np.einsum("ij,ik->jk", rows, rows) / count
    spread = np.einsum("i,ij,ik->jk", squares, rows, rows) / count - second @ second
    values, vectors = np.linalg.eigh(second)
    seen = values > 1e-12 * values[-1]  # elsewhere neither f nor its noise changes
    root = vectors[:, seen] / np.sqrt(values[seen])
    return float(2.0 * np.linalg.eigvalsh(root.T @ spread @ root)[-1] / batch)


def make(dim, rng, parameters):
    """Draw an instance."""
    samples, condition, batch = parameters
    if samples < dim:
        raise ZobenchError(
            f"problem {problem.name!r}: samples must be >= dim = {dim}, so that f is strongly convex, "
            f"got {samples}"
        )
    scales = np.sqrt(np.geomspace(1.0, 1.0 / condition, dim)) if dim > 1 else np.ones(1)
    rows = rng.standard_normal((samples, dim)) * scales
    x_star, away = rng.standard_normal((2, dim))
    away *= np.sqrt(dim) / np.sqrt(np.sum(away**2))
    values = np.linalg.eigvalsh(np.einsum("ij,ik->jk", rows, rows) / samples)
    largest, smallest, trace = rounded_up(values[-1]), rounded_down(values[0]), float(values.sum())
    gap = 0.5 * float(np.mean((rows @ away) ** 2))
    certificates = (
        Certificate("L", largest, "The largest eigenvalue of A^T A/N."),
        Certificate("L0", largest, "|Hess f| = L everywhere."),
        Certificate("L1", 0.0, "|Hess f| = L everywhere, so L0 alone suffices."),
        Certificate("mu", smallest, "The smallest eigenvalue of A^T A/N."),
        Certificate("PL", smallest, "mu-strong convexity implies PL with the same constant."),
        Certificate("convex", 1.0, "f is a sum of squares of linear functions."),
        Certificate("f_star", 0.0, "Every term vanishes at x_star."),
        Certificate(
            "R0",
            rounded_up(np.sqrt(2.0 * gap / smallest)),
            "The sublevel set is an ellipsoid with half axis sqrt(2 (f(x0) - f_star)/mu).",
        ),
        Certificate("trace", trace, "|A|^2/N, the trace of the Hessian."),
        Certificate("effective_rank", trace / largest, "The Hessian is its own bound."),
    )
    if batch > 0:
        proof = "Both sides are quadratic forms of x - x_star: their largest generalised eigenvalue."
        certificates += (Certificate("growth", rounded_up(widest_noise(rows, batch)), proof),)
    return Parts(x_star + away, Data(rows, x_star, batch), certificates, x_star, batch > 0)


problem = Problem(
    name="interpolating-regression",
    summary="least squares whose samples all agree at the minimiser, by mini-batches",
    objective=objective,
    gradient=gradient,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    source="Vaswani, Bach and Schmidt, AISTATS 2019",
)
