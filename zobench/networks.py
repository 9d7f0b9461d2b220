"""Networks of dense layers: loss, loss over a mini-batch, gradient, all as one plan says.

A plan is a matrix with one row a layer: inputs, outputs, place of its weights in x, whether biases follow
them (1 or 0), activation (see `zobench.layers`).  A layer's weights lie row by row, one row an input.
"""

import ctypes
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import float64, int64, types
from numpy.typing import NDArray

from zobench.classification import BLOCK, Labelled, blocks, labelled, minibatch, residual, soften
from zobench.compile import layout_of, typed
from zobench.instance import Matrix, Vector
from zobench.kernels import squared_norm
from zobench.layers import activate, add_outer, add_product, bend, flat, padded, squares, turned, window
from zobench.solution import content, kept
from zobench.views import MATRIX, VECTOR, data_view, vector_at

__all__ = [
    "REGRESSION",
    "Data",
    "answers",
    "data_of",
    "glorot",
    "network_gradient",
    "network_loss",
    "network_sample",
    "plan_of",
    "real_data",
]

#: The data sets of regression by name.
REGRESSION = ("diabetes",)


class Data(NamedTuple):
    """Numbers of one instance.

    Attributes
    ----------
    rows, columns : matrix
        The samples in blocks (see `zobench.classification.Blocks`).
    labels : vector (N,)
        Their classes, or what is to be answered.
    plan : matrix (layers, 5)
        The network.
    regression : int
        1 for squares, 0 for the cross-entropy.
    batch : int
    ridge : float
    """

    rows: Matrix
    columns: Matrix
    labels: Vector
    plan: Matrix
    regression: int
    batch: int
    ridge: float


# --- what instances are made of ------------------------------------------------------------------


@cache
def _regressed(name: str) -> Labelled:
    """Load one of `REGRESSION`, all columns and the target centred and scaled to unit variance."""

    def prepared() -> dict[str, NDArray[np.float64]]:
        from sklearn import datasets

        rows, target = getattr(datasets, f"load_{name}")(return_X_y=True)
        rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
        return {"rows": np.ascontiguousarray(rows), "labels": (target - target.mean()) / target.std()}

    arrays = kept(
        "data", content(name, "target", version("scikit-learn"), np.__version__, Path(__file__)), prepared
    )
    for array in arrays.values():
        array.flags.writeable = False
    return Labelled(arrays["rows"], arrays["labels"], 1)


def real_data(name: str) -> Labelled:
    """Load a data set of classification or of regression; the latter has one output in place of classes.

    Examples
    --------
    >>> real_data("diabetes").rows.shape, real_data("digits").classes
    ((442, 10), 10)
    """
    return _regressed(name) if name in REGRESSION else labelled(name)


def plan_of(layers: Iterable[tuple[int, int, int, int]]) -> NDArray[np.float64]:
    """Lay out layers of (inputs, outputs, biases or not, activation) one after the other in x.

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
    """Draw weights uniform on +- sqrt(6/(inputs + outputs)); biases are 0."""
    parts = []
    for inputs, outputs, _, biases, _ in plan.astype(int):
        reach = np.sqrt(6.0 / (inputs + outputs))
        parts += [rng.uniform(-reach, reach, inputs * outputs), np.zeros(biases * outputs)]
    return np.concatenate(parts)


def data_of(found: Labelled, plan: NDArray[np.float64], regression: bool, batch: int, ridge: float) -> Data:
    """Lay out samples and network for the kernels."""
    return Data(*blocks(found.rows), found.labels, plan, int(regression), batch, ridge)


# --- kernels -------------------------------------------------------------------------------------


def forward(x, plan, inputs, start, units):
    """Write what every layer answers for one block of samples; return where the last begins."""
    before, at = 0, 0
    for layer in range(plan.shape[0]):
        count, outputs = int(plan[layer, 0]), int(plan[layer, 1])
        place, biases = int(plan[layer, 2]), int(plan[layer, 3])
        for h in range(outputs):
            start_from = x[place + count * outputs + h] if biases else 0.0
            for r in range(BLOCK):
                units[at + h, r] = start_from
        source, first = (inputs, start) if layer == 0 else (units, before)
        add_product(units, at, outputs, x, place, 1, outputs, source, first, count)
        activate(int(plan[layer, 4]), flat(units[at : at + outputs]))
        before, at = at, at + outputs
    return before


def block_loss(data, answered, labels, first, valid, totals):
    """Return the summed loss of one block, and make of the answers what its gradient needs."""
    if data.regression:
        return squares(answered[0], labels, first, valid)
    return soften(answered, labels, first, valid, totals)


def width(plan):
    """Return the number of units of all layers."""
    total = 0
    for layer in range(plan.shape[0]):
        total += int(plan[layer, 1])
    return total


def network_loss(x, data):
    """Return the mean loss over all samples, and the ridge."""
    features, size = data.rows.shape[1], data.labels.size
    units, totals = np.empty((width(data.plan), BLOCK)), np.empty(BLOCK)
    total = 0.0
    for first in range(0, size, BLOCK):
        last = forward(x, data.plan, data.columns, first // BLOCK * features, units)
        total += block_loss(data, units[last:], data.labels, first, min(BLOCK, size - first), totals)
    return total / size + 0.5 * data.ridge * squared_norm(x)


def network_sample(x, data, key):
    """Return the mean loss over the mini-batch of a sample key, and the ridge."""
    features = data.rows.shape[1]
    units, totals = np.empty((width(data.plan), BLOCK)), np.empty(BLOCK)
    columns, labels = np.zeros((features, BLOCK)), np.zeros(BLOCK)
    total = 0.0
    for first in range(0, data.batch, BLOCK):
        valid = min(BLOCK, data.batch - first)
        minibatch(key, first, valid, data.rows, data.labels, columns, labels)
        last = forward(x, data.plan, columns, 0, units)
        total += block_loss(data, units[last:], labels, 0, valid, totals)
    return total / data.batch + 0.5 * data.ridge * squared_norm(x)


def backward(x, plan, inputs, start, units, slopes, back, turn, sums, out):
    """Add one block's gradient: the weights' to `sums`, row by row with padded rows, the biases' to `out`.

    `slopes` begins with the derivatives by the last layer's sums; it and `back` hold the widest layer.
    """
    at, sum_at = units.shape[0], sums.size
    for later in range(plan.shape[0]):
        layer = plan.shape[0] - 1 - later
        count, outputs = int(plan[layer, 0]), int(plan[layer, 1])
        place, wide = int(plan[layer, 2]), padded(outputs)
        at, sum_at = at - outputs, sum_at - count * wide
        if int(plan[layer, 3]):
            for h in range(outputs):
                total = 0.0
                for r in range(BLOCK):
                    total += slopes[h, r]
                out[place + count * outputs + h] += total
        columns = window(turn, 0, BLOCK, wide)
        turned(slopes, 0, outputs, columns)
        source, first = (inputs, start) if layer == 0 else (units, at - count)
        add_outer(window(sums, sum_at, count, wide), source, first, count, columns)
        if layer > 0:
            for k in range(count):
                for r in range(BLOCK):
                    back[k, r] = 0.0
            add_product(back, 0, count, x, place, outputs, 1, slopes, 0, outputs)
            kind = int(plan[layer - 1, 4])
            for h in range(count):
                bend(kind, units[at - count + h], back[h])
            slopes, back = back, slopes


def collect(plan, sums, out):
    """Move the weights' gradient from padded rows to their places in `out`."""
    at = 0
    for layer in range(plan.shape[0]):
        count, outputs, place = int(plan[layer, 0]), int(plan[layer, 1]), int(plan[layer, 2])
        wide = padded(outputs)
        for k in range(count):
            for h in range(outputs):
                out[place + k * outputs + h] = sums[at + k * wide + h]
        at += count * wide


def network_gradient(x, data, out):
    """Write the gradient of `network_loss`, by back-propagation."""
    features, size, plan = data.rows.shape[1], data.labels.size, data.plan
    units, totals = np.empty((width(plan), BLOCK)), np.empty(BLOCK)
    widest, room = 0, 0
    for layer in range(plan.shape[0]):
        widest = max(widest, int(plan[layer, 1]))
        room += int(plan[layer, 0]) * padded(int(plan[layer, 1]))
    slopes, back = np.empty((widest, BLOCK)), np.empty((widest, BLOCK))
    turn, sums = np.empty(BLOCK * padded(widest)), np.zeros(room)
    for i in range(out.size):
        out[i] = 0.0
    for first in range(0, size, BLOCK):
        valid, start = min(BLOCK, size - first), first // BLOCK * features
        last = forward(x, plan, data.columns, start, units)
        answered = units[last:]
        block_loss(data, answered, data.labels, first, valid, totals)
        if not data.regression:
            residual(answered, data.labels, first, valid, totals)
        for c in range(answered.shape[0]):
            for r in range(BLOCK):
                slopes[c, r] = answered[c, r]
        backward(x, plan, data.columns, start, units, slopes, back, turn, sums, out)
    collect(plan, sums, out)
    for i in range(x.size):
        out[i] = out[i] / size + data.ridge * x[i]


def _answer(x, data, out):
    """Write the first output for every sample."""
    features = data.rows.shape[1]
    units = np.empty((width(data.plan), BLOCK))
    for first in range(0, out.size, BLOCK):
        last = forward(x, data.plan, data.columns, first // BLOCK * features, units)
        for r in range(min(BLOCK, out.size - first)):
            out[first + r] = units[last, r]


# The template below is an outer function: `author` and `view` are bound when it is compiled.
author: Any = None
view: Any = None


def _answered(x, dim, data, out):
    given = view(data)
    author(vector_at(x, dim), given, vector_at(out, given.labels.size))


def answers(x: NDArray[np.float64], block: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the first output for every sample by the very kernel that the loss calls.

    Parameters
    ----------
    x : vector of size d
    block : vector
        An instance's data, of class `Data`, as one block of memory.
    """
    kinds = [MATRIX, MATRIX, VECTOR, MATRIX, int64, int64, float64]
    address = typed(
        _answered,
        types.void(*[int64] * 4),
        "answers of a network",
        layout_of(Data, kinds),
        author=_answer,
        view=data_view(Data, kinds),
        vector_at=vector_at,
    )
    size = int(block.view(np.int64)[3 * Data._fields.index("labels") + 1])
    out = np.empty(size)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(address)
    call(x.ctypes.data, x.size, block.ctypes.data, out.ctypes.data)
    return out
