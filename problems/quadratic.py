"""Convex quadratic with a chosen spectrum.

    f(x) = 1/2 (x - x_star)^T Q diag(lambda) Q^T (x - x_star)

`spectrum` chooses the eigenvalues lambda:

===========  =======================================================================================
geometric    log-spaced from 1/condition to 1
linear       evenly spaced from 1/condition to 1
two-level    1 for `rank` of them and 1/condition for the others: trace r + (d - r)/condition
projector    1 for `rank` of them and 0 for the others: convex and PL, not strongly convex
===========  =======================================================================================

Q is the identity, or, with `rotation`, a
product of three Householder reflections with random vectors: orthogonal, dense, and O(d) to apply and to
store.  The start lies at distance sqrt(d) from x_star in a random direction.

Source: the standard quadratic of the field, e.g. Nesterov, "Lectures on Convex Optimization" (2018), 2.1.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.instance import Matrix, Parts, Problem, Vector
from zobench.kernels import dot
from zobench.parameters import Choice, Integer, Real
from zobench.views import release, scratch


class Parameters(NamedTuple):
    """What can be chosen."""

    condition: Annotated[float, Real(1.0)] = 1.0
    rotation: Annotated[str, Choice("no", "yes")] = "no"
    spectrum: Annotated[str, Choice("geometric", "linear", "two-level", "projector")] = "geometric"
    rank: Annotated[int, Integer(1)] = 1


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
    sums = scratch(32)
    for j in range(32):
        sums[j] = 0.0
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
    total = sums[0]
    release(sums)
    return total


def rotated(x, data):
    """Return f(x) where Q is not the identity."""
    v = scratch(x.size)
    for i in range(x.size):
        v[i] = x[i] - data.x_star[i]
    reflect(v, data.normals, False)
    total = 0.0
    for i in range(x.size):
        total += data.eigenvalues[i] * v[i] ** 2
    release(v)
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


def demand(holds, wanted):
    """Complain unless the parameters belong together."""
    if not holds:
        raise ZobenchError(f"problem {problem.name!r}: {wanted}")


def spectrum_of(dim, parameters):
    """Return the eigenvalues in increasing order."""
    condition, _, spectrum, rank = parameters
    demand(rank <= dim, f"rank must be <= dim = {dim}, got {rank}")
    demand(
        rank == 1 or spectrum in ("two-level", "projector"),
        f"rank must be left out unless spectrum is 'two-level' or 'projector', got {rank} with {spectrum!r}",
    )
    demand(
        condition == 1.0 or spectrum != "projector",
        f"condition must be left out where spectrum is 'projector', got {condition:g}",
    )
    if spectrum == "geometric":
        return np.geomspace(1.0 / condition, 1.0, dim) if dim > 1 else np.ones(1)
    if spectrum == "linear":
        return np.linspace(1.0 / condition, 1.0, dim) if dim > 1 else np.ones(1)
    eigenvalues = np.ones(dim)
    eigenvalues[: dim - rank] = 1.0 / condition if spectrum == "two-level" else 0.0
    return eigenvalues


def strong(smallest, gap):
    """Certify what holds where the smallest eigenvalue is positive."""
    return (
        Certificate("mu", smallest, "The smallest eigenvalue of the Hessian (1/condition if d > 1)."),
        Certificate("PL", smallest, "mu-strong convexity implies PL with the same constant."),
        Certificate(
            "R0",
            float(np.sqrt(2.0 * gap / smallest)),
            "The sublevel set is an ellipsoid with the longest half axis sqrt(2 (f(x0) - f_star)/mu).",
        ),
    )


def gap_of(data, x0):
    """Return f(x0), as the kernel does up to rounding."""
    v = x0 - data.x_star
    for n in data.normals:
        v = v - 2.0 * np.sum(n * v) * n
    return float(0.5 * np.sum(data.eigenvalues * v**2))


def make(dim, rng, parameters):
    """Draw an instance."""
    eigenvalues = spectrum_of(dim, parameters)
    x_star = rng.standard_normal(dim)
    away = rng.standard_normal(dim)
    normals = rng.standard_normal((3 if parameters.rotation == "yes" else 0, dim))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    smallest, trace = float(eigenvalues[0]), float(eigenvalues.sum())
    x0 = x_star + away * (np.sqrt(dim) / np.sqrt(np.sum(away**2)))
    data = Data(eigenvalues, x_star, normals)
    slope = "On the range of the projector |grad f|^2 = 2 f, and elsewhere f does not change."
    certificates = (
        Certificate("L", 1.0, "The largest eigenvalue of the Hessian is 1."),
        Certificate("L0", 1.0, "|Hess f| = 1 everywhere."),
        Certificate("L1", 0.0, "|Hess f| = 1 everywhere, so L0 alone suffices."),
        *(strong(smallest, gap_of(data, x0)) if smallest > 0.0 else [Certificate("PL", 1.0, slope)]),
        Certificate("convex", 1.0, "No eigenvalue of the Hessian is negative."),
        Certificate("f_star", 0.0, "f is a sum of squares that vanishes at x_star."),
        Certificate("trace", trace, "The trace is the sum of the eigenvalues."),
        Certificate(
            "effective_rank", trace, "The Hessian is its own bound, and its largest eigenvalue is 1."
        ),
    )
    return Parts(x0, data, certificates, x_star)


problem = Problem(
    name="quadratic",
    summary="convex quadratic with a chosen spectrum and rotation",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    later=("spectrum", "rank"),
    source="Nesterov, Lectures on Convex Optimization (2018), section 2.1",
)
