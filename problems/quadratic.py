"""Convex quadratic with a chosen spectrum.

    f(x) = 1/2 (x - x_star)^T Q diag(lambda) Q^T (x - x_star)

The eigenvalues lambda lie log-spaced from 1/condition to 1.  Q is the identity, or, with `rotation`, a product
of three Householder reflections with random vectors: orthogonal, dense, and O(d) to apply and to store.  The
start lies at distance sqrt(d) from x_star in a random direction.

Source: the standard quadratic of the field, e.g. Nesterov, "Lectures on Convex Optimization" (2018), 2.1.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.kernels import dot
from zobench.parameters import Choice, Real
from zobench.instance import Matrix, Parts, Problem, Vector


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


def half_sum(eigenvalues, x, centre):
    """Return 1/2 sum lambda_i (x_i - c_i)^2, in eight partial sums added in a fixed order."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = x.size - x.size % 8
    for i in range(0, whole, 8):
        s0 += eigenvalues[i] * (x[i] - centre[i]) ** 2
        s1 += eigenvalues[i + 1] * (x[i + 1] - centre[i + 1]) ** 2
        s2 += eigenvalues[i + 2] * (x[i + 2] - centre[i + 2]) ** 2
        s3 += eigenvalues[i + 3] * (x[i + 3] - centre[i + 3]) ** 2
        s4 += eigenvalues[i + 4] * (x[i + 4] - centre[i + 4]) ** 2
        s5 += eigenvalues[i + 5] * (x[i + 5] - centre[i + 5]) ** 2
        s6 += eigenvalues[i + 6] * (x[i + 6] - centre[i + 6]) ** 2
        s7 += eigenvalues[i + 7] * (x[i + 7] - centre[i + 7]) ** 2
    total = ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
    for i in range(whole, x.size):
        total += eigenvalues[i] * (x[i] - centre[i]) ** 2
    return 0.5 * total


def objective(x, data):
    """Return f(x)."""
    if data.normals.shape[0] == 0:
        return half_sum(data.eigenvalues, x, data.x_star)
    v = x - data.x_star
    reflect(v, data.normals, False)
    return half_sum(data.eigenvalues, v, np.zeros_like(v))


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
    certificates = (
        Certificate("L", 1.0, "The largest eigenvalue of the Hessian is 1."),
        Certificate("L0", 1.0, "|Hess f| = 1 everywhere."),
        Certificate("L1", 0.0, "|Hess f| = 1 everywhere, so L0 alone suffices.", exact=True),
        Certificate("mu", eigenvalues[0], "The smallest eigenvalue of the Hessian is 1/condition."),
        Certificate("PL", eigenvalues[0], "mu-strong convexity implies PL with the same constant."),
        Certificate("convex", 1.0, "The Hessian is positive definite."),
        Certificate("f_star", 0.0, "f is a sum of squares that vanishes at x_star."),
        Certificate("trace", float(eigenvalues.sum()), "The trace is the sum of the eigenvalues."),
    )
    x0 = x_star + away * (np.sqrt(dim) / np.linalg.norm(away))
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
