"""Convex quadratic with a chosen spectrum.

    f(x) = 1/2 (x - x_star)^T Q diag(lambda) Q^T (x - x_star)

The eigenvalues lambda lie log-spaced from 1/condition to 1.  Q is the identity, or, with `rotation`, a
product of three Householder reflections with random vectors: orthogonal, dense, and O(d) to apply and to
store.  The start lies at distance sqrt(d) from x_star in a random direction.

Source: the standard quadratic of the field, e.g. Nesterov, "Lectures on Convex Optimization" (2018), 2.1.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Matrix, Parts, Problem, Vector
from zobench.kernels import dot
from zobench.parameters import Choice, Real


class Parameters(NamedTuple):
    """What can be chosen."""

    condition: Annotated[float, Real(1.0)] = 1.0
    rotation: Annotated[str, Choice("no", "yes")] = "no"


class Data(NamedTuple):
    """Numbers of one instance: eigenvalues (d,), x_star (d,), unit normals of the reflections (3 or 0, d)."""

    eigenvalues: Vector
    x_star: Vector
    normals: Matrix


def reflect(v, normals, backwards):
    """Multiply v by Q^T (forwards) or by Q (backwards), in place."""
    count = normals.shape[0]
    for turn in range(count):
        n = normals[count - 1 - turn if backwards else turn]
        shift = 2.0 * dot(n, v)
        for i in range(v.size):
            v[i] -= shift * n[i]


def wide_sum(eigenvalues, x, centre):
    """Return sum lambda_i (x_i - c_i)^2 in 32 partial sums, which the processor takes several at a time.

    The order of the additions is fixed, so the bits are the same on every machine.
    """
    sums = np.zeros(32)
    whole = x.size - x.size % 32
    for start in range(0, whole, 32):
        for j in range(32):
            sums[j] += eigenvalues[start + j] * (x[start + j] - centre[start + j]) ** 2
    for i in range(whole, x.size):
        sums[i - whole] += eigenvalues[i] * (x[i] - centre[i]) ** 2
    half = 16
    while half > 0:
        for j in range(half):
            sums[j] += sums[j + half]
        half //= 2
    return sums[0]


def rotated(x, data):
    """Return f(x) where Q is not the identity."""
    v = x - data.x_star
    reflect(v, data.normals, False)
    total = 0.0
    for i in range(x.size):
        total += data.eigenvalues[i] * v[i] ** 2
    return 0.5 * total


def objective(x, data):
    """Return f(x)."""
    if data.normals.shape[0] > 0:
        return rotated(x, data)
    if x.size >= 64:
        return 0.5 * wide_sum(data.eigenvalues, x, data.x_star)
    total = 0.0
    for i in range(x.size):
        total += data.eigenvalues[i] * (x[i] - data.x_star[i]) ** 2
    return 0.5 * total


def gradient(x, data, out):
    """Write the gradient Q diag(lambda) Q^T (x - x_star)."""
    for i in range(x.size):
        out[i] = x[i] - data.x_star[i]
    reflect(out, data.normals, False)
    for i in range(x.size):
        out[i] *= data.eigenvalues[i]
    reflect(out, data.normals, True)


def make(dim, rng, parameters):
    """Draw an instance."""
    eigenvalues = np.geomspace(1.0 / parameters.condition, 1.0, dim) if dim > 1 else np.ones(1)
    x_star = rng.standard_normal(dim)
    away = rng.standard_normal(dim)
    normals = rng.standard_normal((3 if parameters.rotation == "yes" else 0, dim))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    smallest, trace = float(eigenvalues[0]), float(eigenvalues.sum())
    certificates = (
        Certificate("L", 1.0, "The largest eigenvalue of the Hessian is 1."),
        Certificate("L0", 1.0, "|Hess f| = 1 everywhere."),
        Certificate("L1", 0.0, "|Hess f| = 1 everywhere, so L0 alone suffices."),
        Certificate("mu", smallest, "The smallest eigenvalue of the Hessian (1/condition if d > 1)."),
        Certificate("PL", smallest, "mu-strong convexity implies PL with the same constant."),
        Certificate("convex", 1.0, "The Hessian is positive definite."),
        Certificate("f_star", 0.0, "f is a sum of squares that vanishes at x_star."),
        Certificate("trace", trace, "The trace is the sum of the eigenvalues."),
        Certificate(
            "effective_rank", trace, "The Hessian is its own bound, and its largest eigenvalue is 1."
        ),
    )
    x0 = x_star + away * (np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    return Parts(x0, Data(eigenvalues, x_star, normals), certificates, x_star)


problem = Problem(
    name="quadratic",
    summary="convex quadratic with a chosen condition number and rotation",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    source="Nesterov, Lectures on Convex Optimization (2018), section 2.1",
)
