"""Binary logistic regression with ridge.

    f(w) = 1/N sum_i ln(1 + exp(-y_i <a_i, w>)) + ridge/2 |w|^2

with samples a_i of d features and classes y_i = -1 or 1; x holds w.  The start is w = 0, where the loss is
ln 2.

=============  ========  ====  ==============================================================
data           N         d     samples
=============  ========  ====  ==============================================================
breast-cancer  569       31    features standardised, and a constant one; 1 is benign
synthetic      samples   dim   normal; y_i = 1 with probability 1/(1 + exp(-<a_i, v>)), |v| = 3
=============  ========  ====  ==============================================================

Source: the standard model of binary classification; Hosmer and Lemeshow, "Applied Logistic Regression"
(2000), for the loss; Böhning and Lindsay, Annals of the Institute of Statistical Mathematics 40 (1988), for
the bound of the Hessian.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate, Certificates
from zobench.instance import Instance, Matrix, Parts, Problem
from zobench.kernels import squared_norm
from zobench.objectives import classification, regression, solution
from zobench.objectives.classification import BLOCK, blocks, combine, exponential, labelled
from zobench.objectives.regression import combined, curvature, score, sizes
from zobench.objectives.solution import content, newton, product_of, solved
from zobench.objectives.together import add_scores, beside
from zobench.parameters import Choice, Integer, Real
from zobench.views import row_of

SAMPLES = 200


class Parameters(NamedTuple):
    """What can be chosen."""

    data: Annotated[str, Choice("breast-cancer", "synthetic")] = "breast-cancer"
    ridge: Annotated[float, Real(1e-10, 1e10)] = 1e-2
    samples: Annotated[int, Integer(1, 1_000_000)] = SAMPLES


class Data(NamedTuple):
    """Numbers of one instance: the rows y_i a_i in blocks (`objectives.classification.Blocks`), N, ridge."""

    rows: Matrix
    columns: Matrix
    size: int
    ridge: float


def penalise(margin, factor):
    """Split the loss: ln(1 + e^-m) = max(-m, 0) + ln(1 + e^-|m|), m = y <a, w>; the first replaces m."""
    for r in range(BLOCK):
        factor[r] = 1.0 + exponential(-abs(margin[r]))
        margin[r] = 0.0 if margin[r] > 0.0 else -margin[r]


def summed(loss, penalty, factor, valid):
    """Add a block's loss, split by `penalise`."""
    # factors between 1 and 2: one logarithm serves a block
    product = 1.0
    for r in range(valid):
        loss += penalty[r]
        product *= factor[r]
    return loss + np.log(product)


def objective(x, data):
    """Return f(w)."""
    margin, factor, loss = np.empty(BLOCK), np.empty(BLOCK), 0.0
    for first in range(0, data.size, BLOCK):
        score(margin, data.columns, first, x)
        penalise(margin, factor)
        loss = summed(loss, margin, factor, min(BLOCK, data.size - first))
    return loss / data.size + 0.5 * data.ridge * squared_norm(x)


def many(points, data, out):
    """Write f(w) for each row w of `points`, all in one pass over the samples."""
    count, dim = points.shape
    margins, factors, weights = np.empty((count, BLOCK)), np.empty((count, BLOCK)), beside(points, 0, dim, 1)
    out[:] = 0.0
    for first in range(0, data.size, BLOCK):
        margins[:] = 0.0
        add_scores(margins, weights, data.columns, first // BLOCK * dim)
        for s in range(count):
            penalise(margins[s], factors[s])
        # sums wait for one number after another, and the processor adds up several points at a time
        for s in range(count):
            out[s] = summed(out[s], margins[s], factors[s], min(BLOCK, data.size - first))
    for s in range(count):
        out[s] = out[s] / data.size + 0.5 * data.ridge * squared_norm(row_of(points, s))


def gradient(x, data, out):
    """Write the gradient -1/N sum_i y_i a_i / (1 + e^{m_i}) + ridge w."""
    margin = np.empty(BLOCK)
    for j in range(x.size):
        out[j] = 0.0
    for first in range(0, data.size, BLOCK):
        score(margin, data.columns, first, x)
        for r in range(BLOCK):
            e = exponential(-abs(margin[r]))
            margin[r] = -(e if margin[r] > 0.0 else 1.0) / (1.0 + e)
        # rows beyond N are zeros
        combine(out, data.rows, first, margin, 0, 1, BLOCK)
    for j in range(x.size):
        out[j] = out[j] / data.size + data.ridge * x[j]


def product(x, v, data, out):
    """Write the Hessian times v: 1/N sum_i a_i <a_i, v> e^{m_i}/(1 + e^{m_i})^2 + ridge v."""
    margin, turned = np.empty(BLOCK), np.empty(BLOCK)
    for j in range(x.size):
        out[j] = 0.0
    for first in range(0, data.size, BLOCK):
        score(margin, data.columns, first, x)
        score(turned, data.columns, first, v)
        for r in range(BLOCK):
            e = exponential(-abs(margin[r]))
            turned[r] *= e / ((1.0 + e) * (1.0 + e))
        combine(out, data.rows, first, turned, 0, 1, BLOCK)
    for j in range(x.size):
        out[j] = out[j] / data.size + data.ridge * v[j]


def signed(dim, rng, parameters):
    """Return the rows y_i a_i."""
    who, name = f"problem {problem.name!r}", parameters.data
    found = None if name == "synthetic" else labelled(name, constant=True)
    real = None if found is None else found.rows.shape[1]
    features = sizes(who, name, parameters.samples, SAMPLES, dim, real)
    if found is not None:
        return found.rows * (2.0 * found.labels - 1.0)[:, None]
    rows = rng.standard_normal((parameters.samples, features))
    true = rng.standard_normal(features)
    true *= 3.0 / np.sqrt(np.sum(true**2))
    chance = 1.0 / (1.0 + np.exp(-combined(rows, true)))
    return rows * np.where(rng.random(parameters.samples) < chance, 1.0, -1.0)[:, None]


def solve(data, d):
    """Find the minimiser with exact derivatives, once for each data set and ridge."""

    def newly():
        white = Instance(problem, d, 0, None, np.zeros(d), data, Certificates())
        return newton(white.value, white.gradient, product_of(white, product), white.x0)

    files = (Path(__file__), *(Path(module.__file__) for module in (solution, classification, regression)))
    return solved(content(data.rows, data.size, data.ridge, *files), newly, f"problem {problem.name!r}")


def make(dim, rng, parameters):
    """Lay out or draw the data, certify the constants, solve."""
    rows, ridge = signed(dim, rng, parameters), parameters.ridge
    size, d = rows.shape
    data = Data(*blocks(rows), size, ridge)
    smoothness = 0.25 * curvature(rows)[0] + ridge
    trace = 0.25 * float(np.einsum("ij,ij", rows, rows)) / size + ridge * d
    best = solve(data, d)
    gap = best.gradient_norm**2 / (2 * ridge)
    certificates = (
        Certificate(
            "L", smoothness, "p (1 - p) <= 1/4, so Hess f <= A^T A/(4N) + ridge I, with equality at 0."
        ),
        Certificate("L0", smoothness, "|Hess f| <= L everywhere, with equality at 0."),
        Certificate("L1", 0.0, "|Hess f| <= L everywhere, so L0 alone suffices."),
        Certificate("mu", ridge, "The loss is convex, and far away its curvature fades."),
        Certificate("PL", ridge, "mu-strong convexity implies PL with the same constant."),
        Certificate("convex", 1.0, "The loss is convex, and so is the ridge."),
        Certificate(
            "f_star",
            best.value,
            f"Newton's method with exact Hessian products reached |grad f| = {best.gradient_norm:.1e}, and "
            f"by strong convexity f - f_star <= |grad f|^2/(2 mu) = {gap:.1e} there.",
        ),
        Certificate(
            "R0",
            float(np.sqrt(2.0 * (np.log(2.0) - best.value) / ridge)),
            "mu-strong convexity: mu/2 |x - x_star|^2 <= f(x) - f_star <= ln 2 - f_star.",
            exact=False,
        ),
        Certificate("effective_rank", trace / smoothness, "Hess f <= Hess f(0) everywhere."),
    )
    return Parts(np.zeros(d), data, certificates, best.x)


problem = Problem(
    name="logistic-regression",
    summary="binary cross-entropy with ridge on real or drawn data",
    objective=objective,
    gradient=gradient,
    many=many,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="set by the data; any for synthetic ones",
    source="Böhning and Lindsay, Annals of the Institute of Statistical Mathematics 40 (1988)",
)
