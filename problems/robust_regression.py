"""Robust linear regression: losses that give up on outliers, and so are not convex.

    f(w) = 1/N sum_i rho(<a_i, w> - b_i)

    geman-mcclure   rho(r) = 1/2 r^2 / (1 + r^2/c^2)
    cauchy          rho(r) = c^2/2 ln(1 + r^2/c^2)

with samples a_i of d features, targets b_i, rho the `loss`, and c the `scale` of a residual that is still
believed; x holds w.  The start is w = 0.

=============  ========  ====  ==============================================================
data           N         d     samples
=============  ========  ====  ==============================================================
diabetes       442       10    features and target standardised
synthetic      samples   dim   a_i normal, b_i = <a_i, v> + 0.1 normal, with |v| = 1; every
                               tenth b_i is an outlier, 10 times a normal number
=============  ========  ====  ==============================================================

Source: Geman and McClure, "Statistical methods for tomographic image reconstruction", Bulletin of the
International Statistical Institute 52 (1987); Holland and Welsch, Communications in Statistics A6 (1977).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Matrix, Parts, Problem, Vector
from zobench.objectives.classification import BLOCK, blocks, combine
from zobench.objectives.networks import real_data
from zobench.objectives.regression import combined, curvature, score, sizes
from zobench.objectives.together import add_scores, beside
from zobench.parameters import Choice, Integer, Real

SAMPLES = 200


class Parameters(NamedTuple):
    """What can be chosen."""

    data: Annotated[str, Choice("synthetic", "diabetes")] = "synthetic"
    loss: Annotated[str, Choice("geman-mcclure", "cauchy")] = "geman-mcclure"
    scale: Annotated[float, Real(1e-6, 1e6)] = 1.0
    samples: Annotated[int, Integer(1, 1_000_000)] = SAMPLES


class Data(NamedTuple):
    """Numbers of one instance: A in blocks (`objectives.classification`), b with zeros at the end, N, c."""

    rows: Matrix
    columns: Matrix
    targets: Vector
    size: int
    scale: float
    cauchy: int


def faded(total, defect, data, first):
    """Return the total and that of one block; samples beyond N are zeros with target 0, and cost nothing."""
    for r in range(BLOCK):
        z = (defect[r] - data.targets[first + r]) / data.scale
        defect[r] = z * z
    if data.cauchy:
        for r in range(BLOCK):
            total += np.log1p(defect[r])
    else:
        for r in range(BLOCK):
            total += defect[r] / (1.0 + defect[r])
    return total


def objective(x, data):
    """Return f(w)."""
    defect, total = np.empty(BLOCK), 0.0
    for first in range(0, data.size, BLOCK):
        score(defect, data.columns, first, x)
        total = faded(total, defect, data, first)
    return 0.5 * data.scale * data.scale * total / data.size


def many(points, data, out):
    """Write f(w) for each row w of `points`, all in one pass over the samples."""
    count, dim = points.shape
    defects, weights = np.empty((count, BLOCK)), beside(points, 0, dim, 1)
    out[:] = 0.0
    for first in range(0, data.size, BLOCK):
        defects[:] = 0.0
        add_scores(defects, weights, data.columns, first // BLOCK * dim)
        for s in range(count):
            out[s] = faded(out[s], defects[s], data, first)
    for s in range(count):
        out[s] = 0.5 * data.scale * data.scale * out[s] / data.size


def gradient(x, data, out):
    """Write the gradient A^T rho'(A w - b)/N."""
    defect = np.empty(BLOCK)
    for j in range(x.size):
        out[j] = 0.0
    for first in range(0, data.size, BLOCK):
        score(defect, data.columns, first, x)
        for r in range(BLOCK):
            z = (defect[r] - data.targets[first + r]) / data.scale
            fading = 1.0 / (1.0 + z * z)
            defect[r] = data.scale * z * (fading if data.cauchy else fading * fading)
        combine(out, data.rows, first, defect, 0, 1, BLOCK)
    for j in range(x.size):
        out[j] /= data.size


def drawn(dim, rng, parameters):
    """Return A and b."""
    who, name = f"problem {problem.name!r}", parameters.data
    found = None if name == "synthetic" else real_data(name)
    real = None if found is None else found.rows.shape[1]
    features = sizes(who, name, parameters.samples, SAMPLES, dim, real)
    if found is not None:
        return found.rows, found.labels
    rows = rng.standard_normal((parameters.samples, features))
    true = rng.standard_normal(features)
    true /= np.sqrt(np.sum(true**2))
    b = combined(rows, true) + 0.1 * rng.standard_normal(parameters.samples)
    b[::10] = 10.0 * rng.standard_normal(b[::10].size)
    return rows, b


def make(dim, rng, parameters):
    """Lay out or draw the data, certify the constants."""
    rows, b = drawn(dim, rng, parameters)
    size, d = rows.shape
    targets = np.zeros(-(-size // BLOCK) * BLOCK)
    targets[:size] = b
    cauchy = parameters.loss == "cauchy"
    smoothness = curvature(rows)[0]
    steepest = parameters.scale * (0.5 if cauchy else 3.0 * np.sqrt(3.0) / 16.0)
    where = "c, where it is c/2" if cauchy else "c/sqrt(3), where it is 3 sqrt(3) c/16"
    trace = float(np.einsum("ij,ij", rows, rows)) / size
    certificates = (
        Certificate(
            "L",
            smoothness,
            "|rho''| <= rho''(0) = 1, so |Hess f| <= lambda_max(A^T A)/N; met only if all residuals vanish.",
            exact=False,
        ),
        Certificate("L0", smoothness, "|Hess f| <= L everywhere.", exact=False),
        Certificate("L1", 0.0, "|Hess f| <= L everywhere, so L0 alone suffices."),
        Certificate(
            "G",
            float(steepest * np.sqrt(smoothness)),
            f"|rho'| is largest at {where}, and |A^T u|/N <= |A| max |u_i|/sqrt(N).",
            exact=False,
        ),
        Certificate("f_lower", 0.0, "rho >= 0.", exact=False),
        Certificate(
            "effective_rank",
            trace / smoothness,
            "rho'' <= 1, so Hess f <= A^T A/N everywhere.",
            exact=False,
        ),
    )
    data = Data(*blocks(rows), targets, size, parameters.scale, int(cauchy))
    return Parts(np.zeros(d), data, certificates)


problem = Problem(
    name="robust-regression",
    summary="nonconvex losses that give up on outliers, on real or drawn data",
    objective=objective,
    gradient=gradient,
    many=many,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="set by the data; any for synthetic ones",
    source="Geman and McClure, Bulletin of the International Statistical Institute 52 (1987)",
)
