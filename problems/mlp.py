"""A small neural network on real data.

    f(x) = 1/N sum_i ( lse(z_i) - (z_i)_{y_i} ) + ridge/2 |x|^2,   z_i = V^T tanh(W^T a_i + b) + c

with lse(z) = ln sum_k exp(z_k), samples a_i of p features and classes y_i among C, and one layer of H =
`hidden` units.  x holds W (p, H) row by row, b (H), V (H, C) row by row, c (C): d = (p + 1) H + (H + 1) C.
W and V start uniform on +- sqrt(6/(inputs + outputs)), b and c at 0.

With `batch` = B > 0 a query answers the mean over B samples drawn with replacement by the sample key (plus
the whole ridge term), whose expectation is f; with `batch` = 0 it answers f.

=============  =====  ===  ===  ================
data           N      p    C    d (hidden = 16)
=============  =====  ===  ===  ================
digits         1797   64   10   1210
breast-cancer  569    30   2    530
iris           150    4    3    131
wine           178    13   3    275
=============  =====  ===  ===  ================

Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323
(1986); the start is that of Glorot and Bengio (AISTATS 2010).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.classification import (
    BLOCK,
    DATA,
    blocks,
    combine,
    labelled,
    minibatch,
    residual,
    soften,
    tanh,
)
from zobench.instance import Matrix, Parts, Problem, Vector
from zobench.kernels import dot, squared_norm
from zobench.parameters import Choice, Integer, Real


class Parameters(NamedTuple):
    """What can be chosen."""

    data: Annotated[str, Choice(*DATA)] = "digits"
    hidden: Annotated[int, Integer(1, 10_000)] = 16
    batch: Annotated[int, Integer(0, 1_000_000)] = 64
    ridge: Annotated[float, Real(0.0)] = 0.0


class Data(NamedTuple):
    """Numbers of one instance: the samples in blocks (see `zobench.classification.Blocks`), their classes."""

    rows: Matrix
    columns: Matrix
    labels: Vector
    classes: int
    hidden: int
    batch: int
    ridge: float


def forward(x, columns, start, features, activations, scores):
    """Write the hidden layer and z for one block of samples."""
    hidden, classes = activations.shape[0], scores.shape[0]
    bias = features * hidden
    second = bias + hidden
    for h in range(hidden):
        out = activations[h]
        out[:] = x[bias + h]
        combine(out, columns, start, x, h, hidden, features)
        tanh(out)
    for c in range(classes):
        out = scores[c]
        out[:] = x[second + hidden * classes + c]
        combine(out, activations, 0, x, second + c, classes, hidden)


def objective(x, data):
    """Return f(x) over all samples."""
    features, size = data.rows.shape[1], data.labels.size
    activations, scores = np.empty((data.hidden, BLOCK)), np.empty((data.classes, BLOCK))
    totals, loss = np.empty(BLOCK), 0.0
    for first in range(0, size, BLOCK):
        forward(x, data.columns, first // BLOCK * features, features, activations, scores)
        loss += soften(scores, data.labels, first, min(BLOCK, size - first), totals)
    return loss / size + 0.5 * data.ridge * squared_norm(x)


def sample(x, data, key):
    """Return the loss over the mini-batch of a sample key."""
    features = data.rows.shape[1]
    activations, scores = np.empty((data.hidden, BLOCK)), np.empty((data.classes, BLOCK))
    columns, labels = np.zeros((features, BLOCK)), np.empty(BLOCK)
    totals, loss = np.empty(BLOCK), 0.0
    for first in range(0, data.batch, BLOCK):
        valid = min(BLOCK, data.batch - first)
        minibatch(key, first, valid, data.rows, data.labels, columns, labels)
        forward(x, columns, 0, features, activations, scores)
        loss += soften(scores, labels, 0, valid, totals)
    return loss / data.batch + 0.5 * data.ridge * squared_norm(x)


def backward(x, data, first, activations, scores, sums, out):
    """Add one block's gradient of the loss: W's to `sums`, (H, p), the others' to `out`."""
    hidden, classes = activations.shape[0], scores.shape[0]
    bias = sums.shape[1] * hidden
    second = bias + hidden
    ones, back = np.ones(BLOCK), np.empty(BLOCK)
    for c in range(classes):
        out[second + hidden * classes + c] += dot(scores[c], ones)
    for h in range(hidden):
        active = activations[h]
        for c in range(classes):
            out[second + h * classes + c] += dot(active, scores[c])
        back[:] = 0.0
        combine(back, scores, 0, x, second + h * classes, 1, classes)
        for r in range(BLOCK):
            back[r] *= 1.0 - active[r] * active[r]
        out[bias + h] += dot(back, ones)
        combine(sums[h], data.rows, first, back, 0, 1, BLOCK)


def gradient(x, data, out):
    """Write the gradient of f over all samples, by back-propagation."""
    features, size = data.rows.shape[1], data.labels.size
    activations, scores = np.empty((data.hidden, BLOCK)), np.empty((data.classes, BLOCK))
    totals, sums = np.empty(BLOCK), np.zeros((data.hidden, features))
    out[:] = 0.0
    for first in range(0, size, BLOCK):
        valid = min(BLOCK, size - first)
        forward(x, data.columns, first // BLOCK * features, features, activations, scores)
        soften(scores, data.labels, first, valid, totals)
        residual(scores, data.labels, first, valid, totals)
        backward(x, data, first, activations, scores, sums, out)
    for j in range(features):
        for h in range(data.hidden):
            out[j * data.hidden + h] = sums[h, j]
    for i in range(x.size):
        out[i] = out[i] / size + data.ridge * x[i]


def make(dim, rng, parameters):
    """Lay out the data and draw the start."""
    found = labelled(parameters.data)
    laid, hidden = blocks(found.rows), parameters.hidden
    features = found.rows.shape[1]

    def layer(inputs, outputs):
        reach = np.sqrt(6.0 / (inputs + outputs))
        return [rng.uniform(-reach, reach, inputs * outputs), np.zeros(outputs)]

    x0 = np.concatenate(layer(features, hidden) + layer(hidden, found.classes))
    data = Data(*laid, found.labels, found.classes, hidden, parameters.batch, parameters.ridge)
    certificate = Certificate("f_lower", 0.0, "Cross-entropy and ridge are never negative.", exact=False)
    return Parts(x0, data, (certificate,), stochastic=parameters.batch > 0)


problem = Problem(
    name="mlp",
    summary="nonconvex: one hidden layer with cross-entropy on real data, by mini-batches or in full",
    objective=objective,
    gradient=gradient,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="set by the data and `hidden`",
    source="Rumelhart, Hinton, Williams, Nature 323 (1986) 533-536",
)
