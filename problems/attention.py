"""A one-block attention model on the digits, read row by row.

    f(x) = 1/N sum_i ( lse(z_i) - (z_i)_{y_i} ) + ridge/2 |x|^2

with lse(z) = ln sum_k exp(z_k), N = 1797 images of 8 x 8 pixels in [0, 1] and classes y_i among 10.  Token
t = 1 ... 8 is row t of the image, u_t in R^8; with m = `width`

    h_t = E^T u_t + e + p_t,   q_t = Q^T h_t,   k_t = K^T h_t,   v_t = V^T h_t
    a_ts = exp(q_t . k_s / sqrt(m)) / sum_r exp(q_t . k_r / sqrt(m))
    g_t = h_t + O^T sum_s a_ts v_s
    o_t = g_t + B^T tanh(A^T g_t + a) + b
    z = C^T (1/8 sum_t o_t) + c

x holds E (8, m), e (m), the places p (8, m), Q, K, V, O (m, m), A (m, 2m), a (2m), B (2m, m), b (m),
C (m, 10), c (10), each row by row: d = 8 m^2 + 30 m + 10.  That is 360 for m = 5, 101,908 for m = 111 and
1,001,802 for m = 352.  Matrices, the places among them, start uniform on +- sqrt(6/(rows + columns)), biases
at 0.

With `batch` = B > 0 a query answers the mean over B samples drawn with replacement by the sample key (plus
the whole ridge term), whose expectation is f; with `batch` = 0 it answers f.

Source: Vaswani et al., "Attention is all you need" (NeurIPS 2017), section 3, with one head and without
normalisation; the start is after Glorot and Bengio (AISTATS 2010).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Matrix, Parts, Problem, Vector
from zobench.kernels import squared_norm
from zobench.objectives.classification import (
    BLOCK,
    blocks,
    exponential,
    labelled,
    minibatch,
    residual,
    soften,
)
from zobench.objectives.layers import (
    IDENTITY,
    TANH,
    bend,
    clear,
    collect,
    dense,
    dense_gradient,
    flat,
    glorot,
    plan_of,
    room,
    widest,
)
from zobench.parameters import Integer, Real

TOKENS = 8
#: Rows of the plan.
EMBED, PLACES, QUERY, OUT, INNER, OUTER, CLASSES = 0, 1, 2, 5, 6, 7, 8


class Parameters(NamedTuple):
    """What can be chosen."""

    width: Annotated[int, Integer(1, 2000)] = 5
    batch: Annotated[int, Integer(0, 1_000_000)] = 64
    ridge: Annotated[float, Real(0.0)] = 0.0


class Data(NamedTuple):
    """Numbers of one instance: the samples in blocks (`objectives.classification.Blocks`), their classes.

    `plan` holds E, the places, Q, K, V, O, A, B, C in this order (`objectives.layers`).
    """

    rows: Matrix
    columns: Matrix
    labels: Vector
    plan: Matrix
    batch: int
    ridge: float


def places(plan):
    """Say where in the units lie g, tanh(A^T g + a), o, the mean, a_ts, z; and the number of units.

    h, q, k, v and sum_s a_ts v_s come first, 8 m units each.
    """
    m = int(plan[EMBED, 1])
    g, inner = 5 * TOKENS * m, 6 * TOKENS * m
    outer = inner + 2 * TOKENS * m
    mean = outer + TOKENS * m
    weights = mean + m
    z = weights + TOKENS * TOKENS
    return g, inner, outer, mean, weights, z, z + int(plan[CLASSES, 1])


def add_inner(units, a, b, count, scale, out):
    """Add to row `out` scale sum_j of rows a + j and b + j multiplied, sample by sample."""
    total = units[out]
    for j in range(count):
        one, two = units[a + j], units[b + j]
        for r in range(BLOCK):
            total[r] += scale * (one[r] * two[r])


def add_scaled(out, to, units, weight, values, start, count, scale):
    """Add to rows to + j of `out` scale units[weight] times row start + j of `values`, sample by sample."""
    factor = units[weight]
    for j in range(count):
        one, two = out[to + j], values[start + j]
        for r in range(BLOCK):
            one[r] += scale * (factor[r] * two[r])


def attend(units, m, weights):
    """Write a_ts and sum_s a_ts v_s."""
    each, totals = TOKENS * m, np.empty(BLOCK)
    clear(flat(units[weights : weights + TOKENS * TOKENS]))
    clear(flat(units[4 * each : 5 * each]))
    for t in range(TOKENS):
        first = weights + t * TOKENS
        for s in range(TOKENS):
            add_inner(units, each + t * m, 2 * each + s * m, m, 1.0 / np.sqrt(m), first + s)
        peak = totals
        for r in range(BLOCK):
            peak[r] = units[first, r]
        for s in range(1, TOKENS):
            score = units[first + s]
            for r in range(BLOCK):
                peak[r] = score[r] if score[r] > peak[r] else peak[r]
        for s in range(TOKENS):
            score = units[first + s]
            for r in range(BLOCK):
                score[r] = exponential(score[r] - peak[r])
        clear(totals)
        for s in range(TOKENS):
            score = units[first + s]
            for r in range(BLOCK):
                totals[r] += score[r]
        for s in range(TOKENS):
            score = units[first + s]
            for r in range(BLOCK):
                score[r] /= totals[r]
            add_scaled(units, 4 * each + t * m, units, first + s, units, 3 * each + s * m, m, 1.0)


def attend_gradient(units, slopes, m, weights):
    """Take the derivatives by sum_s a_ts v_s, in `slopes`, back to those by q, k, v."""
    each, scale, mean = TOKENS * m, 1.0 / np.sqrt(m), np.empty(BLOCK)
    for t in range(TOKENS):
        first, context = weights + t * TOKENS, 4 * each + t * m
        clear(mean)
        for s in range(TOKENS):
            value = 3 * each + s * m
            add_scaled(slopes, value, units, first + s, slopes, context, m, 1.0)
            score, weight = slopes[first + s], units[first + s]
            for j in range(m):
                one, two = slopes[context + j], units[value + j]
                for r in range(BLOCK):
                    score[r] += one[r] * two[r]
            for r in range(BLOCK):
                mean[r] += weight[r] * score[r]
        for s in range(TOKENS):
            score, weight = slopes[first + s], units[first + s]
            for r in range(BLOCK):
                score[r] = weight[r] * (score[r] - mean[r])
            query, key = each + t * m, 2 * each + s * m
            add_scaled(slopes, query, slopes, first + s, units, key, m, scale)
            add_scaled(slopes, key, slopes, first + s, units, query, m, scale)


def copy(units, start, to, count):
    """Copy rows."""
    for j in range(count):
        for r in range(BLOCK):
            units[to + j, r] = units[start + j, r]


def forward(x, plan, source, start, units):
    """Write all units of one block of samples; return where z begins."""
    m = int(plan[EMBED, 1])
    each, place = TOKENS * m, int(plan[PLACES, 2])
    g, inner, outer, mean, weights, z, _ = places(plan)
    for t in range(TOKENS):
        dense(x, plan, EMBED, source, start + t * TOKENS, units, t * m, False)
        for j in range(m):
            for r in range(BLOCK):
                units[t * m + j, r] += x[place + t * m + j]
    for kind in range(3):
        for t in range(TOKENS):
            dense(x, plan, QUERY + kind, units, t * m, units, (kind + 1) * each + t * m, False)
    attend(units, m, weights)
    copy(units, 0, g, each)
    for t in range(TOKENS):
        dense(x, plan, OUT, units, 4 * each + t * m, units, g + t * m, True)
        dense(x, plan, INNER, units, g + t * m, units, inner + 2 * t * m, False)
    copy(units, g, outer, each)
    clear(flat(units[mean : mean + m]))
    for t in range(TOKENS):
        dense(x, plan, OUTER, units, inner + 2 * t * m, units, outer + t * m, True)
        for j in range(m):
            for r in range(BLOCK):
                units[mean + j, r] += units[outer + t * m + j, r] / TOKENS
    dense(x, plan, CLASSES, units, mean, units, z, False)
    return z


def backward(x, plan, source, start, units, slopes, turn, sums, out):
    """Add one block's gradient, given the derivatives by z in `slopes`, elsewhere zero."""
    m = int(plan[EMBED, 1])
    each, place = TOKENS * m, int(plan[PLACES, 2])
    g, inner, outer, mean, weights, z, _ = places(plan)
    dense_gradient(x, plan, CLASSES, units, mean, slopes, z, slopes, mean, turn, sums, out)
    for t in range(TOKENS):
        for j in range(m):
            for r in range(BLOCK):
                slopes[outer + t * m + j, r] = slopes[mean + j, r] / TOKENS
    copy(slopes, outer, g, each)
    for t in range(TOKENS):
        at, hidden = g + t * m, inner + 2 * t * m
        dense_gradient(x, plan, OUTER, units, hidden, slopes, outer + t * m, slopes, hidden, turn, sums, out)
        for j in range(hidden, hidden + 2 * m):
            bend(TANH, units[j], slopes[j])
        dense_gradient(x, plan, INNER, units, at, slopes, hidden, slopes, at, turn, sums, out)
        context = 4 * each + t * m
        dense_gradient(x, plan, OUT, units, context, slopes, at, slopes, context, turn, sums, out)
    attend_gradient(units, slopes, m, weights)
    copy(slopes, g, 0, each)
    for kind in range(3):
        for t in range(TOKENS):
            at = (kind + 1) * each + t * m
            dense_gradient(x, plan, QUERY + kind, units, t * m, slopes, at, slopes, t * m, turn, sums, out)
    for t in range(TOKENS):
        dense_gradient(x, plan, EMBED, source, start + t * TOKENS, slopes, t * m, slopes, -1, turn, sums, out)
        for j in range(m):
            total = 0.0
            for r in range(BLOCK):
                total += slopes[t * m + j, r]
            out[place + t * m + j] += total


def objective(x, data):
    """Return f(x) over all samples."""
    features, size = data.rows.shape[1], data.labels.size
    units, totals, loss = np.empty((places(data.plan)[6], BLOCK)), np.empty(BLOCK), 0.0
    for first in range(0, size, BLOCK):
        z = forward(x, data.plan, data.columns, first // BLOCK * features, units)
        loss += soften(units[z:], data.labels, first, min(BLOCK, size - first), totals)
    return loss / size + 0.5 * data.ridge * squared_norm(x)


def sample(x, data, key):
    """Return the loss over the mini-batch of a sample key."""
    units, totals, loss = np.empty((places(data.plan)[6], BLOCK)), np.empty(BLOCK), 0.0
    columns, labels = np.zeros((data.rows.shape[1], BLOCK)), np.zeros(BLOCK)
    for first in range(0, data.batch, BLOCK):
        valid = min(BLOCK, data.batch - first)
        minibatch(key, first, valid, data.rows, data.labels, columns, labels)
        z = forward(x, data.plan, columns, 0, units)
        loss += soften(units[z:], labels, 0, valid, totals)
    return loss / data.batch + 0.5 * data.ridge * squared_norm(x)


def gradient(x, data, out):
    """Write the gradient of f over all samples, by back-propagation."""
    features, size, plan = data.rows.shape[1], data.labels.size, data.plan
    count, totals = places(plan)[6], np.empty(BLOCK)
    units, slopes = np.empty((count, BLOCK)), np.empty((count, BLOCK))
    turn, sums = np.empty(BLOCK * widest(plan)), np.zeros(room(plan, plan.shape[0]))
    clear(out)
    for first in range(0, size, BLOCK):
        valid, start = min(BLOCK, size - first), first // BLOCK * features
        z = forward(x, plan, data.columns, start, units)
        soften(units[z:], data.labels, first, valid, totals)
        residual(units[z:], data.labels, first, valid, totals)
        clear(flat(slopes))
        for c in range(z, count):
            for r in range(BLOCK):
                slopes[c, r] = units[c, r]
        backward(x, plan, data.columns, start, units, slopes, turn, sums, out)
    collect(plan, sums, out)
    for i in range(x.size):
        out[i] = out[i] / size + data.ridge * x[i]


def make(dim, rng, parameters):
    """Lay out the data and draw the start."""
    found, m = labelled("digits"), parameters.width
    square = (m, m, 0, IDENTITY)
    plan = plan_of(
        [
            (TOKENS, m, 1, IDENTITY),
            (TOKENS, m, 0, IDENTITY),
            *[square] * 4,
            (m, 2 * m, 1, TANH),
            (2 * m, m, 1, IDENTITY),
            (m, found.classes, 1, IDENTITY),
        ]
    )
    data = Data(*blocks(found.rows), found.labels, plan, parameters.batch, parameters.ridge)
    certificate = Certificate("f_lower", 0.0, "Cross-entropy and ridge are never negative.", exact=False)
    return Parts(glorot(rng, plan), data, (certificate,), stochastic=parameters.batch > 0)


problem = Problem(
    name="attention",
    summary="nonconvex: one block of attention over the rows of the digits, by mini-batches or in full",
    objective=objective,
    gradient=gradient,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="set by `width`",
    source="Vaswani et al., Attention is all you need, NeurIPS 2017",
)
