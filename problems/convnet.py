"""A small convolutional network on the digits.

    f(x) = 1/N sum_i ( lse(z_i) - (z_i)_{y_i} ) + ridge/2 |x|^2
    z = V^T P tanh(K2 * P tanh(K1 * a + b1) + b2) + c

with lse(z) = ln sum_k exp(z_k), N = 1797 images a_i of 8 x 8 pixels in [0, 1] and classes y_i among 10.  K *
is the convolution with kernels of 3 x 3 pixels, zeros beyond the border; P takes means over squares of 2 x 2
pixels.  Sizes: 8 x 8 x 1, then 8 x 8 x C, P: 4 x 4 x C, then 4 x 4 x 2C, P: 2 x 2 x 2C, with C = `channels`;
all are ordered by rows of the image, then columns, then channels.

x holds K1 (3, 3, 1, C), b1 (C), K2 (3, 3, C, 2C), b2 (2C), V (8C, 10), c (10), each row by row, a kernel by
rows and columns of the image, channels in, channels out: d = 18 C^2 + 92 C + 10.  That is 266 for C = 2,
102,648 for C = 73 and 1,007,146 for C = 234.  Weights start uniform on +- sqrt(6/(inputs + outputs)) of their
matrix (nine pixels of all channels in, channels out), biases at 0.

With `batch` = B > 0 a query answers the mean over B samples drawn with replacement by the sample key (plus
the whole ridge term), whose expectation is f; with `batch` = 0 it answers f.

Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86 (1998), section II; the start is after Glorot and Bengio (AISTATS 2010).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Matrix, Parts, Problem, Vector
from zobench.kernels import squared_norm
from zobench.objectives.classification import BLOCK, blocks, labelled, minibatch, residual, soften
from zobench.objectives.layers import (
    IDENTITY,
    TANH,
    activate,
    add_outer,
    add_product,
    bend,
    clear,
    collect,
    dense,
    dense_gradient,
    flat,
    glorot,
    padded,
    plan_of,
    room,
    turned,
    widest,
    window,
)
from zobench.parameters import Integer, Real

SIDE = 8


class Parameters(NamedTuple):
    """What can be chosen."""

    channels: Annotated[int, Integer(1, 1000)] = 2
    batch: Annotated[int, Integer(0, 1_000_000)] = 64
    ridge: Annotated[float, Real(0.0)] = 0.0


class Data(NamedTuple):
    """Numbers of one instance: the samples in blocks (`objectives.classification.Blocks`), their classes.

    `plan` holds the two convolutions, as matrices (9 channels in, channels out), and V (`objectives.layers`).
    """

    rows: Matrix
    columns: Matrix
    labels: Vector
    plan: Matrix
    batch: int
    ridge: float


def near(u, v, side):
    """Say what of row v a pixel of column u sees: first column, number of columns; none beyond the border."""
    left, right = max(u - 1, 0), min(u + 1, side - 1)
    return left, right - left + 1 if 0 <= v < side else 0


def convolve(x, plan, layer, source, start, side, units, at):
    """Write tanh(K * a + b) of the image at source[start] ... to units[at] ... ."""
    inputs, outputs, place = int(plan[layer, 0]) // 9, int(plan[layer, 1]), int(plan[layer, 2])
    for pixel in range(side * side):
        v, u = pixel // side, pixel % side
        first = at + pixel * outputs
        for c in range(outputs):
            bias = x[place + 9 * inputs * outputs + c]
            for r in range(BLOCK):
                units[first + c, r] = bias
        for turn in range(3):
            left, count = near(u, v + turn - 1, side)
            weights = place + (3 * turn + left - u + 1) * inputs * outputs
            seen = start + ((v + turn - 1) * side + left) * inputs
            add_product(units, first, outputs, x, weights, 1, outputs, source, seen, count * inputs)
    activate(TANH, flat(units[at : at + side * side * outputs]))


def convolve_gradient(x, plan, layer, source, start, side, slopes, at, to, turn, sums, out):
    """Take the derivatives at slopes[at] ... back to slopes[to] ... (nowhere if `to` < 0) and to x."""
    inputs, outputs, place = int(plan[layer, 0]) // 9, int(plan[layer, 1]), int(plan[layer, 2])
    wide, begin = padded(outputs), room(plan, layer)
    columns = window(turn, 0, BLOCK, wide)
    for pixel in range(side * side):
        v, u = pixel // side, pixel % side
        first = at + pixel * outputs
        for c in range(outputs):
            total = 0.0
            for r in range(BLOCK):
                total += slopes[first + c, r]
            out[place + 9 * inputs * outputs + c] += total
        turned(slopes, first, outputs, columns)
        for t in range(3):
            left, count = near(u, v + t - 1, side)
            if count > 0:
                weight = (3 * t + left - u + 1) * inputs
                seen = ((v + t - 1) * side + left) * inputs
                kernel = window(sums, begin + weight * wide, count * inputs, wide)
                add_outer(kernel, source, start + seen, count * inputs, columns)
                if to >= 0:
                    weights = place + weight * outputs
                    add_product(
                        slopes, to + seen, count * inputs, x, weights, outputs, 1, slopes, first, outputs
                    )


def pool(units, at, side, channels, to):
    """Write means over 2 x 2 pixels of the image at units[at] ... to units[to] ... ."""
    for place in range(side * side // 4):
        corner = at + (place // (side // 2) * 2 * side + place % (side // 2) * 2) * channels
        for c in range(channels):
            a, b = units[corner + c], units[corner + channels + c]
            p, q = units[corner + side * channels + c], units[corner + (side + 1) * channels + c]
            out = units[to + place * channels + c]
            for r in range(BLOCK):
                out[r] = 0.25 * ((a[r] + b[r]) + (p[r] + q[r]))


def pool_gradient(units, slopes, at, side, channels, to):
    """Take the derivatives by the means at slopes[to] ... back through tanh to slopes[at] ... ."""
    for pixel in range(side * side):
        place = (pixel // side // 2 * (side // 2) + pixel % side // 2) * channels
        for c in range(channels):
            mean, out = slopes[to + place + c], slopes[at + pixel * channels + c]
            for r in range(BLOCK):
                out[r] = 0.25 * mean[r]
            bend(TANH, units[at + pixel * channels + c], out)


def places(plan):
    """Say where in the units lie: the first means, the second convolution, its means, z; and their number."""
    channels = int(plan[0, 1])
    means = SIDE * SIDE * channels
    second = means + SIDE * SIDE // 4 * channels
    last = second + SIDE * SIDE // 4 * 2 * channels
    answers = last + SIDE * SIDE // 16 * 2 * channels
    return means, second, last, answers, answers + int(plan[2, 1])


def forward(x, plan, source, start, units):
    """Write all units of one block of samples; return where z begins."""
    channels = int(plan[0, 1])
    means, second, last, answers, _ = places(plan)
    convolve(x, plan, 0, source, start, SIDE, units, 0)
    pool(units, 0, SIDE, channels, means)
    convolve(x, plan, 1, units, means, SIDE // 2, units, second)
    pool(units, second, SIDE // 2, 2 * channels, last)
    dense(x, plan, 2, units, last, units, answers, False)
    return answers


def backward(x, plan, source, start, units, slopes, turn, sums, out):
    """Add one block's gradient, given the derivatives by z in `slopes`, elsewhere zero."""
    channels = int(plan[0, 1])
    means, second, last, answers, _ = places(plan)
    dense_gradient(x, plan, 2, units, last, slopes, answers, slopes, last, turn, sums, out)
    pool_gradient(units, slopes, second, SIDE // 2, 2 * channels, last)
    convolve_gradient(x, plan, 1, units, means, SIDE // 2, slopes, second, means, turn, sums, out)
    pool_gradient(units, slopes, 0, SIDE, channels, means)
    convolve_gradient(x, plan, 0, source, start, SIDE, slopes, 0, -1, turn, sums, out)


def objective(x, data):
    """Return f(x) over all samples."""
    features, size = data.rows.shape[1], data.labels.size
    units, totals, loss = np.empty((places(data.plan)[4], BLOCK)), np.empty(BLOCK), 0.0
    for first in range(0, size, BLOCK):
        answers = forward(x, data.plan, data.columns, first // BLOCK * features, units)
        loss += soften(units[answers:], data.labels, first, min(BLOCK, size - first), totals)
    return loss / size + 0.5 * data.ridge * squared_norm(x)


def sample(x, data, key):
    """Return the loss over the mini-batch of a sample key."""
    units, totals, loss = np.empty((places(data.plan)[4], BLOCK)), np.empty(BLOCK), 0.0
    columns, labels = np.zeros((data.rows.shape[1], BLOCK)), np.zeros(BLOCK)
    for first in range(0, data.batch, BLOCK):
        valid = min(BLOCK, data.batch - first)
        minibatch(key, first, valid, data.rows, data.labels, columns, labels)
        answers = forward(x, data.plan, columns, 0, units)
        loss += soften(units[answers:], labels, 0, valid, totals)
    return loss / data.batch + 0.5 * data.ridge * squared_norm(x)


def gradient(x, data, out):
    """Write the gradient of f over all samples, by back-propagation."""
    features, size, plan = data.rows.shape[1], data.labels.size, data.plan
    count, totals = places(plan)[4], np.empty(BLOCK)
    units, slopes = np.empty((count, BLOCK)), np.empty((count, BLOCK))
    turn, sums = np.empty(BLOCK * widest(plan)), np.zeros(room(plan, plan.shape[0]))
    clear(out)
    for first in range(0, size, BLOCK):
        valid, start = min(BLOCK, size - first), first // BLOCK * features
        answers = forward(x, plan, data.columns, start, units)
        soften(units[answers:], data.labels, first, valid, totals)
        residual(units[answers:], data.labels, first, valid, totals)
        clear(flat(slopes))
        for c in range(answers, count):
            for r in range(BLOCK):
                slopes[c, r] = units[c, r]
        backward(x, plan, data.columns, start, units, slopes, turn, sums, out)
    collect(plan, sums, out)
    for i in range(x.size):
        out[i] = out[i] / size + data.ridge * x[i]


def make(dim, rng, parameters):
    """Lay out the data and draw the start."""
    found, channels = labelled("digits"), parameters.channels
    last = SIDE * SIDE // 16 * 2 * channels
    plan = plan_of(
        [
            (9, channels, 1, TANH),
            (9 * channels, 2 * channels, 1, TANH),
            (last, found.classes, 1, IDENTITY),
        ]
    )
    data = Data(*blocks(found.rows), found.labels, plan, parameters.batch, parameters.ridge)
    certificate = Certificate("f_lower", 0.0, "Cross-entropy and ridge are never negative.", exact=False)
    return Parts(glorot(rng, plan), data, (certificate,), stochastic=parameters.batch > 0)


problem = Problem(
    name="convnet",
    summary="nonconvex: two convolutions with means between them on the digits, by mini-batches or in full",
    objective=objective,
    gradient=gradient,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="set by `channels`",
    source="LeCun, Bottou, Bengio, Haffner, Proceedings of the IEEE 86 (1998) 2278-2324",
)
