"""Multiclass softmax regression with ridge.

    f(W) = 1/N sum_i ( lse(W^T a_i) - (W^T a_i)_{y_i} ) + ridge/2 |W|^2

with lse(s) = ln sum_c exp(s_c), samples a_i of p features and classes y_i among C.  x holds W, of shape (p,
C), row by row: d = p C.  The start is W = 0, where the cross-entropy is ln C.

=============  =====  ===  ===  ===  ==========================================
data           N      p    C    d    features
=============  =====  ===  ===  ===  ==========================================
digits         1797   64   10   640  pixels, divided by 16
breast-cancer  569    31   2    62   standardised, and a constant one
iris           150    5    3    15   standardised, and a constant one
wine           178    14   3    42   standardised, and a constant one
=============  =====  ===  ===  ===  ==========================================

data = synthetic draws N = `samples` with p = `features` features, independent normal ones and a constant
one, and C = `classes`; a sample's class is drawn with the probabilities softmax(T^T a_i) of a teacher T
with normal entries of variance 4/p. Only there do these three parameters and the seed count. Beyond N p C =
10^7, or d > 2000, no minimiser is sought, and f_lower = 0 stands in the place of f_star.

With `batch` = B > 0 a query answers the mean over B samples drawn with replacement by the sample key (plus
the whole ridge term), whose expectation is f.

Source: Böhning, "Multinomial logistic regression algorithm", Annals of the Institute of Statistical
Mathematics 44 (1992), for the bound of the Hessian.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate, Certificates, rounded_up
from zobench.errors import ZobenchError
from zobench.instance import Instance, Matrix, Parts, Problem, Vector
from zobench.kernels import squared_norm
from zobench.objectives import classification, solution
from zobench.objectives.classification import (
    BLOCK,
    DATA,
    Labelled,
    blocks,
    combine,
    entropy,
    exponentiate,
    labelled,
    minibatch,
    probabilities,
    residual,
    soften,
)
from zobench.objectives.layers import clear, flat
from zobench.objectives.solution import content, newton, product_of, solved
from zobench.objectives.together import add_scores, beside
from zobench.parameters import Choice, Integer, Real
from zobench.views import row_of

#: Beyond so many products of a sample's feature and a weight no minimiser is sought.
SOLVED = 10_000_000
#: Up to this dimension, too.
LONG = 2_000


class Parameters(NamedTuple):
    """What can be chosen."""

    data: Annotated[str, Choice(*DATA, "synthetic")] = "digits"
    ridge: Annotated[float, Real(1e-10, 1e10)] = 1e-2
    batch: Annotated[int, Integer(0, 1_000_000)] = 0
    samples: Annotated[int, Integer(1, 1_000_000)] = 200
    features: Annotated[int, Integer(1, 1_000_000)] = 10
    classes: Annotated[int, Integer(2, 1000)] = 3


#: Of synthetic data only.
LATER = ("samples", "features", "classes")


class Data(NamedTuple):
    """Numbers of one instance: the samples in blocks (`objectives.classification.Blocks`) and by whom."""

    rows: Matrix
    columns: Matrix
    labels: Vector
    classes: int
    ridge: float
    batch: int


def score(x, columns, start, classes, scores):
    """Write W^T a for one block of samples."""
    features = x.size // classes
    for c in range(classes):
        out = scores[c]
        out[:] = 0.0
        combine(out, columns, start, x, c, classes, features)


def objective(x, data):
    """Return f(W) over all samples."""
    features, size = x.size // data.classes, data.labels.size
    scores, totals = np.empty((data.classes, BLOCK)), np.empty(BLOCK)
    loss = 0.0
    for first in range(0, size, BLOCK):
        score(x, data.columns, first // BLOCK * features, data.classes, scores)
        loss += soften(scores, data.labels, first, min(BLOCK, size - first), totals)
    return loss / size + 0.5 * data.ridge * squared_norm(x)


def many(points, data, out):
    """Write f(W) for each row W of `points`, all in one pass over the samples."""
    (count, dim), classes, size = points.shape, data.classes, data.labels.size
    features, weights = dim // classes, beside(points, 0, dim // classes, classes)
    scores, losses = np.empty((count * classes, BLOCK)), np.zeros(count)
    chosen, totals = np.empty((count, BLOCK)), np.empty((count, BLOCK))
    for first in range(0, size, BLOCK):
        valid = min(BLOCK, size - first)
        clear(flat(scores))
        add_scores(scores, weights, data.columns, first // BLOCK * features)
        for s in range(count):
            own = scores[s * classes : (s + 1) * classes]
            exponentiate(own, data.labels, first, valid, chosen[s], totals[s])
        # sums wait for one number after another, and the processor adds up several points at a time
        for s in range(count):
            losses[s] += entropy(chosen[s], totals[s], valid)
    for s in range(count):
        out[s] = losses[s] / size + 0.5 * data.ridge * squared_norm(row_of(points, s))


def sample(x, data, key):
    """Return the loss over the mini-batch of a sample key."""
    features = x.size // data.classes
    scores, totals = np.empty((data.classes, BLOCK)), np.empty(BLOCK)
    columns, labels = np.zeros((features, BLOCK)), np.empty(BLOCK)
    loss = 0.0
    for first in range(0, data.batch, BLOCK):
        valid = min(BLOCK, data.batch - first)
        minibatch(key, first, valid, data.rows, data.labels, columns, labels)
        score(x, columns, 0, data.classes, scores)
        loss += soften(scores, labels, 0, valid, totals)
    return loss / data.batch + 0.5 * data.ridge * squared_norm(x)


def gradient(x, data, out):
    """Write the gradient 1/N sum_i a_i (p_i - e_{y_i})^T + ridge W."""
    classes, size = data.classes, data.labels.size
    features = x.size // classes
    scores, totals = np.empty((classes, BLOCK)), np.empty(BLOCK)
    sums = np.zeros((classes, features))
    for first in range(0, size, BLOCK):
        valid = min(BLOCK, size - first)
        score(x, data.columns, first // BLOCK * features, classes, scores)
        soften(scores, data.labels, first, valid, totals)
        residual(scores, data.labels, first, valid, totals)
        for c in range(classes):
            combine(sums[c], data.rows, first, scores[c], 0, 1, BLOCK)
    for j in range(features):
        for c in range(classes):
            out[j * classes + c] = sums[c, j] / size + data.ridge * x[j * classes + c]


def product(x, v, data, out):
    """Write the Hessian times V: 1/N sum_i a_i ((diag p_i - p_i p_i^T) V^T a_i)^T + ridge V."""
    classes, size = data.classes, data.labels.size
    features = x.size // classes
    scores, turned = np.empty((classes, BLOCK)), np.empty((classes, BLOCK))
    totals, mean, sums = np.empty(BLOCK), np.empty(BLOCK), np.zeros((classes, features))
    for first in range(0, size, BLOCK):
        valid, start = min(BLOCK, size - first), first // BLOCK * features
        score(x, data.columns, start, classes, scores)
        score(v, data.columns, start, classes, turned)
        soften(scores, data.labels, first, valid, totals)
        probabilities(scores, valid, totals)
        mean[:] = 0.0
        for c in range(classes):
            for r in range(BLOCK):
                mean[r] += scores[c, r] * turned[c, r]
        for c in range(classes):
            for r in range(BLOCK):
                scores[c, r] *= turned[c, r] - mean[r]
            combine(sums[c], data.rows, first, scores[c], 0, 1, BLOCK)
    for j in range(features):
        for c in range(classes):
            out[j * classes + c] = sums[c, j] / size + data.ridge * v[j * classes + c]


def solve(data, d):
    """Find the minimiser with exact derivatives, once for each data set and ridge."""

    def newly():
        white = Instance(problem, d, 0, None, np.zeros(d), data, Certificates())
        return newton(white.value, white.gradient, product_of(white, product), white.x0)

    sources = (Path(__file__), Path(solution.__file__), Path(classification.__file__))
    name = content(data.rows, data.labels, data.classes, data.ridge, *sources)
    return solved(name, newly, f"problem {problem.name!r}")


def synthetic(rng, parameters):
    """Draw samples, and their classes from a teacher, by the largest of perturbed scores (Gumbel)."""
    rows = rng.standard_normal((parameters.samples, parameters.features))
    rows[:, -1] = 1.0
    teacher = rng.standard_normal((parameters.classes, parameters.features))
    scores = np.einsum("ij,cj->ic", rows, teacher) * (2.0 / np.sqrt(parameters.features))
    labels = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1).astype(np.float64)
    return Labelled(rows, labels, parameters.classes)


def chosen(rng, parameters):
    """Give the samples: drawn, or real ones, which have their own numbers of everything."""
    if parameters.data == "synthetic":
        return synthetic(rng, parameters)
    given = [name for name in LATER if getattr(parameters, name) != Parameters._field_defaults[name]]
    if given:
        raise ZobenchError(
            f"problem {problem.name!r}: {', '.join(given)} must be left alone unless data is 'synthetic', "
            f"got data {parameters.data!r}"
        )
    return labelled(parameters.data, constant=True)


def spectrum(rows):
    """Give the largest eigenvalue and the trace of A^T A/N."""
    size, features = rows.shape
    if features <= size:
        gram = np.einsum("ij,ik->jk", rows, rows) / size
        return np.linalg.eigvalsh(gram)[-1], float(np.trace(gram))
    # a library's last bits will do: the eigenvalue is rounded up in its twelfth digit
    return np.linalg.eigvalsh(rows @ rows.T / size)[-1], float(np.einsum("ij,ij->", rows, rows)) / size


def minimum(data, d, ridge):
    """Certify f_star and R0 with the minimiser, or f_lower where the minimiser is too dear."""
    if data.labels.size * d > SOLVED or d > LONG:
        proof = "Cross-entropy and ridge are never negative."
        return (Certificate("f_lower", 0.0, proof, exact=False),), None
    best = solve(data, d)
    gap = best.gradient_norm**2 / (2 * ridge)
    radius = rounded_up(np.sqrt(2 * max(0.0, np.log(data.classes) - best.value) / ridge))
    return (
        Certificate(
            "f_star",
            best.value,
            f"Newton's method with exact Hessian products reached |grad f| = {best.gradient_norm:.1e}, and "
            f"by strong convexity f - f_star <= |grad f|^2/(2 mu) = {gap:.1e} there.",
        ),
        Certificate("R0", radius, "ridge |x - x_star|^2/2 <= f(x) - f_star, and f(x0) = ln C.", exact=False),
    ), best.x


def make(dim, rng, parameters):
    """Lay out the data, certify the constants, solve."""
    ridge, found = parameters.ridge, chosen(rng, parameters)
    laid, d = blocks(found.rows), found.rows.shape[1] * found.classes
    if dim not in (None, d):
        raise ZobenchError(
            f"problem {problem.name!r}: dim must be {d} with data {parameters.data!r}, got {dim}"
        )
    data = Data(laid.rows, laid.columns, found.labels, found.classes, ridge, parameters.batch)
    largest, total = spectrum(found.rows)
    smoothness = rounded_up(0.5 * largest + ridge)
    trace = 0.5 * (found.classes - 1) * total + ridge * d
    floor, x_star = minimum(data, d, ridge)
    certificates = (
        Certificate(
            "L",
            smoothness,
            "diag p - p p^T <= I/2 (Gershgorin), so |Hess f| <= lambda_max(A^T A)/(2N) + ridge; approached "
            "where all samples share their two likeliest classes equally.",
        ),
        Certificate("L0", smoothness, "|Hess f| <= L everywhere."),
        Certificate("L1", 0.0, "|Hess f| <= L everywhere, so L0 alone suffices."),
        Certificate(
            "mu", ridge, "The cross-entropy is convex and constant along equal shifts of all classes."
        ),
        Certificate("PL", ridge, "mu-strong convexity implies PL with the same constant."),
        Certificate("convex", 1.0, "The cross-entropy is convex, and so is the ridge."),
        *floor,
        Certificate(
            "effective_rank",
            trace / smoothness,
            "Böhning's bound: Hess f <= (A^T A/N) x (I - 11^T/C)/2 + ridge I everywhere, and its trace is "
            "(C-1)/(2N) |A|^2 + ridge d.",
            exact=False,
        ),
    )
    if parameters.batch > 0:
        certificates += (
            Certificate(
                "variance",
                rounded_up(2.0 * total / parameters.batch),
                "The gradient of one sample but for the ridge is a (p - y)^T with |p - y|^2 <= 2, so its "
                "second moment is at most 2 |A|^2/N, and the mean of a batch has 1/batch of the variance.",
                exact=False,
            ),
        )
    return Parts(np.zeros(d), data, certificates, x_star, parameters.batch > 0)


problem = Problem(
    name="softmax-regression",
    summary="multiclass cross-entropy with ridge on real or synthetic data",
    objective=objective,
    gradient=gradient,
    many=many,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    later=LATER,
    dims="set by the data, or features * classes",
    source="Böhning, Annals of the Institute of Statistical Mathematics 44 (1992) 197-200",
)
