"""Ridge regression: least squares with a ridge, a quadratic given by data.

    f(w) = 1/(2N) sum_i (<a_i, w> - b_i)^2 + ridge/2 |w|^2

with samples a_i of d features and targets b_i; x holds w.  The minimiser is x_star = (A^T A/N + ridge I)^-1
A^T b/N.  The start is w = 0.

=============  ========  ====  ==============================================================
data           N         d     samples
=============  ========  ====  ==============================================================
diabetes       442       10    features and target standardised, so that no constant is needed
synthetic      samples   dim   a_i normal, b_i = <a_i, v> + 0.1 normal, with |v| = 1
=============  ========  ====  ==============================================================

Source: Hoerl and Kennard, "Ridge regression: biased estimation for nonorthogonal problems", Technometrics 12
(1970); the data of Efron, Hastie, Johnstone and Tibshirani, Annals of Statistics 32 (2004).
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate, Certificates
from zobench.instance import Instance, Matrix, Parts, Problem, Vector
from zobench.kernels import squared_norm
from zobench.objectives import classification, regression, solution
from zobench.objectives.classification import BLOCK, blocks, combine
from zobench.objectives.networks import real_data
from zobench.objectives.regression import combined, curvature, score, sizes
from zobench.objectives.solution import content, newton, product_of, solved
from zobench.objectives.together import add_scores, beside
from zobench.parameters import Choice, Integer, Real
from zobench.views import row_of

SAMPLES = 200


class Parameters(NamedTuple):
    """What can be chosen."""

    data: Annotated[str, Choice("diabetes", "synthetic")] = "diabetes"
    ridge: Annotated[float, Real(1e-10, 1e10)] = 1e-2
    samples: Annotated[int, Integer(1, 1_000_000)] = SAMPLES


class Data(NamedTuple):
    """Numbers of one instance: A in blocks (`objectives.classification`), b and zeros, N, ridge."""

    rows: Matrix
    columns: Matrix
    targets: Vector
    size: int
    ridge: float


def add_squares(sums, defect, data, first):
    """Add the squares of one block of samples; those beyond N are zeros with target 0."""
    for r in range(BLOCK):
        defect[r] -= data.targets[first + r]
        sums[r] += defect[r] * defect[r]


def loss(sums, x, data):
    """Return f(w), given the sums of squares."""
    total = 0.0
    for r in range(BLOCK):
        total += sums[r]
    return 0.5 * total / data.size + 0.5 * data.ridge * squared_norm(x)


def objective(x, data):
    """Return f(w)."""
    defect, sums = np.empty(BLOCK), np.zeros(BLOCK)
    for first in range(0, data.size, BLOCK):
        score(defect, data.columns, first, x)
        add_squares(sums, defect, data, first)
    return loss(sums, x, data)


def many(points, data, out):
    """Write f(w) for each row w of `points`, all in one pass over the samples."""
    count, dim = points.shape
    defects, sums, weights = np.empty((count, BLOCK)), np.zeros((count, BLOCK)), beside(points, 0, dim, 1)
    for first in range(0, data.size, BLOCK):
        defects[:] = 0.0
        add_scores(defects, weights, data.columns, first // BLOCK * dim)
        for s in range(count):
            add_squares(sums[s], defects[s], data, first)
    for s in range(count):
        out[s] = loss(sums[s], row_of(points, s), data)


def gradient(x, data, out):
    """Write the gradient A^T (A w - b)/N + ridge w."""
    defect = np.empty(BLOCK)
    for j in range(x.size):
        out[j] = 0.0
    for first in range(0, data.size, BLOCK):
        score(defect, data.columns, first, x)
        for r in range(BLOCK):
            defect[r] -= data.targets[first + r]
        combine(out, data.rows, first, defect, 0, 1, BLOCK)
    for j in range(x.size):
        out[j] = out[j] / data.size + data.ridge * x[j]


def product(x, v, data, out):
    """Write the Hessian times v: A^T A v/N + ridge v."""
    turned = np.empty(BLOCK)
    for j in range(x.size):
        out[j] = 0.0
    for first in range(0, data.size, BLOCK):
        score(turned, data.columns, first, v)
        combine(out, data.rows, first, turned, 0, 1, BLOCK)
    for j in range(x.size):
        out[j] = out[j] / data.size + data.ridge * v[j]


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
    return rows, combined(rows, true) + 0.1 * rng.standard_normal(parameters.samples)


def solve(data, d):
    """Solve the normal equations, once for each data set and ridge."""

    def newly():
        white = Instance(problem, d, 0, None, np.zeros(d), data, Certificates())
        return newton(white.value, white.gradient, product_of(white, product), white.x0)

    files = (Path(__file__), *(Path(module.__file__) for module in (solution, classification, regression)))
    name = content(data.rows, data.targets, data.size, data.ridge, *files)
    return solved(name, newly, f"problem {problem.name!r}")


def make(dim, rng, parameters):
    """Lay out or draw the data, certify the constants, solve."""
    rows, b = drawn(dim, rng, parameters)
    ridge, (size, d) = parameters.ridge, rows.shape
    laid, targets = blocks(rows), np.zeros(-(-size // BLOCK) * BLOCK)
    targets[:size] = b
    data = Data(*laid, targets, size, ridge)
    largest, smallest = curvature(rows)
    smoothness, mu = largest + ridge, smallest + ridge
    trace = float(np.einsum("ij,ij", rows, rows)) / size + ridge * d
    best = solve(data, d)
    gap = 0.5 * float(np.einsum("i,i", b, b)) / size - best.value
    hessian = "Hess f = A^T A/N + ridge I everywhere"
    certificates = (
        Certificate("L", smoothness, f"{hessian}; its largest eigenvalue."),
        Certificate("L0", smoothness, f"{hessian}."),
        Certificate("L1", 0.0, "|Hess f| is constant, so L0 alone suffices."),
        Certificate("mu", mu, f"{hessian}; its smallest eigenvalue."),
        Certificate("PL", mu, "mu-strong convexity implies PL with the same constant."),
        Certificate("convex", 1.0, f"{hessian}, which is positive definite."),
        Certificate(
            "f_star",
            best.value,
            "f is convex, and x_star solves the normal equations (A^T A/N + ridge I) w = A^T b/N to "
            f"|grad f| = {best.gradient_norm:.1e}.",
        ),
        Certificate("trace", trace, "|A|^2/N + ridge d."),
        Certificate("effective_rank", trace / smoothness, "The Hessian is its own bound."),
        Certificate(
            "R0",
            float(np.sqrt(2.0 * gap / mu)),
            "The sublevel set is an ellipsoid with the longest half axis sqrt(2 (f(x0) - f_star)/mu).",
        ),
    )
    return Parts(np.zeros(d), data, certificates, best.x)


problem = Problem(
    name="ridge-regression",
    summary="least squares with ridge on real or drawn data",
    objective=objective,
    gradient=gradient,
    many=many,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="set by the data; any for synthetic ones",
    source="Hoerl and Kennard, Technometrics 12 (1970)",
)
