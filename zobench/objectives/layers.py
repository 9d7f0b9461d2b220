"""The parts of neural networks: products of matrices, activations, losses and their derivatives.

Samples are taken 64 at a time, and a block lies in memory unit by unit: row u of a matrix holds unit u of
the 64 samples.  All the work is in one product, out += A B, made of small tiles that the processor keeps in
its registers.  Each entry is one chain of fused multiply-adds, rounded once each, in the order of k:

    fma(a_n, b_n, ... fma(a_1, b_1, fma(a_0, b_0, out)))

whatever the tiles, so the bits depend neither on the processor's width nor on threads or a linear algebra
library.  A fused multiply-add is correctly rounded on every machine (processors without one are slow, not
different); measured, it makes the tiles 1.3 to 1.5 times faster than multiplying and adding in turn.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from zobench.compile import apart
from zobench.objectives.classification import BLOCK, tanh
from zobench.objectives.tiles import LANES, WIDE, product_tile
from zobench.views import matrix_at, vector_at

__all__ = [
    "IDENTITY",
    "TANH",
    "activate",
    "add_outer",
    "add_product",
    "bend",
    "clear",
    "collect",
    "dense",
    "dense_gradient",
    "fill_biases",
    "flat",
    "glorot",
    "padded",
    "plan_of",
    "room",
    "squares",
    "turned",
    "widest",
    "window",
]

#: What a layer does to its sums.
IDENTITY, TANH = 0, 1

#: Rows of a tile, terms between two looks at the same tile.
TALL, DEEP = 4, 64

_large, _flat = product_tile(TALL, WIDE), product_tile(1, WIDE)
_tall, _small = product_tile(TALL, LANES), product_tile(1, LANES)


def flat(values):
    """View a matrix that the caller keeps as a vector.

    Parameters
    ----------
    values : matrix

    Returns
    -------
    vector

    Examples
    --------
    >>> def objective(x, data):
    ...     clear(flat(units))
    """
    return vector_at(values.ctypes.data, values.size)


def window(values, start, rows, columns):
    """View numbers `start` ... of a vector that the caller keeps as a matrix.

    Parameters
    ----------
    values : vector
    start, rows, columns : int

    Returns
    -------
    matrix (rows, columns)

    Examples
    --------
    >>> def objective(x, data):
    ...     weights = window(x, 8, 2, 3)  # x[8:14] as two rows of three
    """
    return matrix_at(values.ctypes.data + 8 * start, rows, columns)


@apart
def add_product(out, first, rows, weights, at, row, column, inputs, start, count):
    """Add to row first + m of `out` sum_k weights[at + m row + k column] inputs[start + k].

    Parameters
    ----------
    out, inputs : matrix
        Of the same number of columns, a multiple of 8.
    first, rows : int
        m = 0 ... rows - 1.
    weights : vector
    at, row, column : int
        Where the first weight lies, and how far it is from one to the next.
    start, count : int
        k = 0 ... count - 1.

    Examples
    --------
    >>> def objective(x, data):
    ...     add_product(units, 0, 2, x, 0, 3, 1, data.columns, 0, 3)  # x[:6] as two rows of three
    """
    width = out.shape[1]
    whole, wide = rows - rows % TALL, width - width % WIDE
    for k in range(0, count, DEEP):
        depth = min(DEEP, count - k)
        a = weights.ctypes.data + 8 * (at + k * column)
        b = inputs.ctypes.data + 8 * (start + k) * width
        for m in range(0, whole, TALL):
            c, w = out.ctypes.data + 8 * (first + m) * width, a + 8 * m * row
            for n in range(0, wide, WIDE):
                _large(c + 8 * n, width, w, row, column, b + 8 * n, width, depth)
            for n in range(wide, width, LANES):
                _tall(c + 8 * n, width, w, row, column, b + 8 * n, width, depth)
        for m in range(whole, rows):
            c, w = out.ctypes.data + 8 * (first + m) * width, a + 8 * m * row
            for n in range(0, wide, WIDE):
                _flat(c + 8 * n, width, w, row, column, b + 8 * n, width, depth)
            for n in range(wide, width, LANES):
                _small(c + 8 * n, width, w, row, column, b + 8 * n, width, depth)


def padded(count):
    """Round a number of columns up to what `add_product` takes.

    Parameters
    ----------
    count : int

    Returns
    -------
    int

    Examples
    --------
    >>> padded(8), padded(9)
    (8, 16)
    """
    return (count + 7) // 8 * 8


def turned(block, first, rows, out):
    """Write rows first ... of a block as columns of `out`, (64, padded(rows)); zeros beyond.

    Parameters
    ----------
    block : matrix
    first, rows : int
    out : matrix (64, padded(rows))
        Overwritten.

    Examples
    --------
    >>> out = np.empty((64, 8))
    >>> turned(np.full((1, 64), 2.0), 0, 1, out)
    >>> out[0, :2].tolist()
    [2.0, 0.0]
    """
    for r in range(BLOCK):
        for h in range(rows):
            out[r, h] = block[first + h, r]
        for h in range(rows, out.shape[1]):
            out[r, h] = 0.0


def add_outer(out, inputs, start, count, columns):
    """Add to row k of `out`, (count, H), sum_r inputs[start + k, r] columns[r]: the gradient of a matrix.

    Parameters
    ----------
    out : matrix (count, H)
        Added to.
    inputs : matrix
    start, count : int
        The rows of `inputs`.
    columns : matrix

    Examples
    --------
    >>> def gradient(x, data, out):
    ...     add_outer(sums, data.columns, 0, 3, slopes)
    """
    add_product(out, 0, count, flat(inputs), start * BLOCK, BLOCK, 1, columns, 0, BLOCK)


def activate(kind, values):
    """Apply an activation to a vector.

    Parameters
    ----------
    kind : int
        The activation, as in a plan.
    values : vector
        Overwritten.

    Examples
    --------
    >>> values = np.array([0.0])
    >>> activate(0, values)
    >>> values.tolist()
    [0.0]
    """
    if kind == TANH:
        tanh(values)


def bend(kind, values, slopes):
    """Multiply `slopes` by the derivative of an activation, given what it answered.

    Parameters
    ----------
    kind : int
        The activation, as in a plan.
    values : vector
        What the activation answered.
    slopes : vector
        Overwritten.

    Examples
    --------
    >>> slopes = np.array([3.0])
    >>> bend(0, np.array([0.5]), slopes)
    >>> slopes.tolist()
    [3.0]
    """
    if kind == TANH:
        for i in range(values.size):
            slopes[i] *= 1.0 - values[i] * values[i]


def squares(answers, targets, first, valid):
    """Return 1/2 sum (answer - target)^2 over one block; `answers`, (64,), becomes the differences.

    Beyond the `valid` samples the differences are zero.

    Parameters
    ----------
    answers : vector (64,)
        Overwritten.
    targets : vector
        Those of the block begin at `first`.
    first, valid : int

    Returns
    -------
    float

    Examples
    --------
    >>> float(squares(np.full(64, 3.0), np.ones(64), 0, 1))
    2.0
    """
    total = 0.0
    for r in range(valid):
        answers[r] -= targets[first + r]
        total += answers[r] * answers[r]
    for r in range(valid, BLOCK):
        answers[r] = 0.0
    return 0.5 * total


# --- layers as a plan says -----------------------------------------------------------------------
#
# A plan is a matrix with one row a layer: inputs, outputs, place of its weights in x, whether biases
# follow them (1 or 0), activation.  A layer's weights lie row by row, one row an input.


def plan_of(layers: Iterable[tuple[int, int, int, int]]) -> NDArray[np.float64]:
    """Lay out layers of (inputs, outputs, biases or not, activation) one after the other in x.

    Parameters
    ----------
    layers : iterable of (int, int, int, int)

    Returns
    -------
    matrix (layers, 5)

    Examples
    --------
    >>> plan_of([(3, 2, 1, 1), (2, 1, 1, 0)])[:, 2]
    array([0., 8.])
    """
    plan, place = [], 0
    for inputs, outputs, biases, activation in layers:
        plan.append([inputs, outputs, place, biases, activation])
        place += (inputs + biases) * outputs
    return np.array(plan, dtype=np.float64)


def glorot(rng: np.random.Generator, plan: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw weights uniform on +- sqrt(6/(inputs + outputs)); biases are 0.

    Parameters
    ----------
    rng : numpy.random.Generator
    plan : matrix (layers, 5)

    Returns
    -------
    vector of size d

    Examples
    --------
    >>> glorot(np.random.default_rng(0), plan_of([(3, 2, 1, 1)])).size
    8
    """
    parts = []
    for inputs, outputs, _, biases, _ in plan.astype(int):
        reach = np.sqrt(6.0 / (inputs + outputs))
        parts += [rng.uniform(-reach, reach, inputs * outputs), np.zeros(biases * outputs)]
    return np.concatenate(parts)


@apart
def dense(x, plan, layer, source, start, units, at, keep):
    """Write a layer's answers for one block to units[at] ...; `keep` adds them to what is there.

    Its inputs are source[start] ....  The activation is left to the caller where `keep` is true.

    Parameters
    ----------
    x : vector of size d
    plan : matrix (layers, 5)
    layer : int
    source : matrix
        Its inputs begin in row `start`.
    start, at : int
    units : matrix
        Overwritten from row `at` on.
    keep : bool

    Examples
    --------
    >>> def objective(x, data):
    ...     dense(x, data.plan, 0, data.columns, 0, units, 0, False)
    """
    count, outputs, place = int(plan[layer, 0]), int(plan[layer, 1]), int(plan[layer, 2])
    biases, kind = int(plan[layer, 3]), int(plan[layer, 4])
    if keep:
        for h in range(outputs):
            bias = x[place + count * outputs + h] if biases else 0.0
            for r in range(BLOCK):
                units[at + h, r] += bias
    else:
        fill_biases(x, plan, layer, units, at)
    add_product(units, at, outputs, x, place, 1, outputs, source, start, count)
    if not keep:
        activate(kind, flat(units[at : at + outputs]))


def fill_biases(x, plan, layer, units, at):
    """Write a layer's biases, with which its sums begin, to units[at] ... .

    Parameters
    ----------
    x : vector of size d
    plan : matrix (layers, 5)
    layer, at : int
    units : matrix
        Overwritten from row `at` on.

    Examples
    --------
    >>> def objective(x, data):
    ...     fill_biases(x, data.plan, 0, units, 0)
    """
    count, outputs, place = int(plan[layer, 0]), int(plan[layer, 1]), int(plan[layer, 2])
    for h in range(outputs):
        bias = x[place + count * outputs + h] if int(plan[layer, 3]) else 0.0
        for r in range(BLOCK):
            units[at + h, r] = bias


def room(plan, layers):
    """Return how many numbers the gradient of the first `layers` matrices takes, rows padded.

    Parameters
    ----------
    plan : matrix (layers, 5)
    layers : int

    Returns
    -------
    int

    Examples
    --------
    >>> int(room(plan_of([(3, 2, 1, 1)]), 1))
    24
    """
    total = 0
    for layer in range(layers):
        total += int(plan[layer, 0]) * padded(int(plan[layer, 1]))
    return total


def widest(plan):
    """Return the largest number of outputs, padded.

    Parameters
    ----------
    plan : matrix (layers, 5)

    Returns
    -------
    int

    Examples
    --------
    >>> int(widest(plan_of([(3, 2, 1, 1)])))
    8
    """
    most = 0
    for layer in range(plan.shape[0]):
        most = max(most, padded(int(plan[layer, 1])))
    return most


@apart
def dense_gradient(x, plan, layer, source, start, slopes, at, back, to, turn, sums, out):
    """Take the derivatives by a layer's sums, slopes[at] ..., back to its inputs and to x.

    Parameters
    ----------
    x : vector of size d
    plan : matrix (layers, 5)
    layer : int
    source, start : matrix, int
        The layer's inputs.
    slopes, at : matrix, int
        The derivatives by the layer's sums.
    back, to : matrix, int
        Where the derivatives by the inputs are added; nowhere if `to` < 0.
    turn : vector
        Of at least 64 `widest` numbers, overwritten.
    sums : vector
        Of `room` numbers: the weights' gradient is added there.
    out : vector
        The biases' gradient is added there.

    Examples
    --------
    >>> def gradient(x, data, out):
    ...     dense_gradient(x, data.plan, 0, data.columns, 0, slopes, 0, slopes, -1, turn, sums, out)
    """
    count, outputs, place = int(plan[layer, 0]), int(plan[layer, 1]), int(plan[layer, 2])
    wide = padded(outputs)
    if int(plan[layer, 3]):
        for h in range(outputs):
            total = 0.0
            for r in range(BLOCK):
                total += slopes[at + h, r]
            out[place + count * outputs + h] += total
    columns = window(turn, 0, BLOCK, wide)
    turned(slopes, at, outputs, columns)
    add_outer(window(sums, room(plan, layer), count, wide), source, start, count, columns)
    if to >= 0:
        add_product(back, to, count, x, place, outputs, 1, slopes, at, outputs)


def collect(plan, sums, out):
    """Add the weights' gradient in padded rows to its places in `out`.

    Parameters
    ----------
    plan : matrix (layers, 5)
    sums : vector
        Of `room` numbers.
    out : vector of size d
        Added to.

    Examples
    --------
    >>> def gradient(x, data, out):
    ...     collect(data.plan, sums, out)
    """
    at = 0
    for layer in range(plan.shape[0]):
        count, outputs, place = int(plan[layer, 0]), int(plan[layer, 1]), int(plan[layer, 2])
        wide = padded(outputs)
        for k in range(count):
            for h in range(outputs):
                out[place + k * outputs + h] += sums[at + k * wide + h]
        at += count * wide


def clear(values):
    """Set a vector to zero.

    Parameters
    ----------
    values : vector
        Overwritten.

    Examples
    --------
    >>> values = np.ones(2)
    >>> clear(values)
    >>> values.tolist()
    [0.0, 0.0]
    """
    for i in range(values.size):
        values[i] = 0.0
