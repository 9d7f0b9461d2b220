"""Networks of dense layers: loss, loss over a mini-batch, gradient, as a plan says (`layers`)."""

import ctypes
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zobench.compile import layout_of, typed
from zobench.instance import Matrix, Vector
from zobench.kernels import squared_norm
from zobench.objectives.classification import BLOCK, Labelled, blocks, labelled, minibatch, residual, soften
from zobench.objectives.layers import (
    activate,
    bend,
    clear,
    collect,
    dense,
    dense_gradient,
    fill_biases,
    flat,
    room,
    squares,
    widest,
)
from zobench.objectives.solution import content, kept
from zobench.objectives.together import add_products, beside
from zobench.views import FLOAT, INT, MATRIX, VECTOR, data_view, row_of, vector_at

__all__ = [
    "REGRESSION",
    "Data",
    "answers",
    "data_of",
    "network_gradient",
    "network_loss",
    "network_many",
    "network_sample",
    "real_data",
]

#: The data sets of regression by name.
REGRESSION = ("diabetes",)


class Data(NamedTuple):
    """Numbers of one instance.

    Attributes
    ----------
    rows, columns : matrix
        The samples in blocks (see `zobench.objectives.classification.Blocks`).
    labels : vector (N,)
        Their classes, or what is to be answered.
    plan : matrix (layers, 5)
        The network.
    regression : int
        1 for squares, 0 for the cross-entropy.
    batch : int
    ridge : float

    Examples
    --------
    >>> Data._fields[:2]
    ('rows', 'columns')
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

    Parameters
    ----------
    name : str

    Returns
    -------
    Labelled

    Examples
    --------
    >>> real_data("diabetes").rows.shape, real_data("digits").classes
    ((442, 10), 10)
    """
    return _regressed(name) if name in REGRESSION else labelled(name)


def data_of(found: Labelled, plan: NDArray[np.float64], regression: bool, batch: int, ridge: float) -> Data:
    """Lay out samples and network for the kernels.

    Parameters
    ----------
    found : Labelled
    plan : matrix (layers, 5)
    regression : bool
    batch : int
    ridge : float

    Returns
    -------
    Data

    Examples
    --------
    >>> from zobench.objectives.classification import Labelled
    >>> from zobench.objectives.layers import plan_of
    >>> two = Labelled(np.ones((2, 3)), np.array([0.0, 1.0]), 2)
    >>> data_of(two, plan_of([(3, 2, 1, 0)]), False, 0, 0.1).ridge
    0.1
    """
    return Data(*blocks(found.rows), found.labels, plan, int(regression), batch, ridge)


# --- kernels -------------------------------------------------------------------------------------


def forward(x, plan, inputs, start, units):
    """Write what every layer answers for one block of samples; return where the last begins."""
    dense(x, plan, 0, inputs, start, units, 0, False)
    return further(x, plan, units, 0, int(plan[0, 1]))


def further(x, plan, units, before, at):
    """Go on from the first layer, units[before] ..., to units[at] ...; return where the last begins."""
    for layer in range(1, plan.shape[0]):
        dense(x, plan, layer, units, before, units, at, False)
        before, at = at, at + int(plan[layer, 1])
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
    """Return the mean loss over all samples, and the ridge.

    Parameters
    ----------
    x : vector of size d
    data : Data

    Returns
    -------
    float

    Examples
    --------
    >>> import zobench
    >>> mlp = zobench.problem("mlp")
    >>> mlp.value(mlp.x0) > 0.0
    True
    """
    features, size = data.rows.shape[1], data.labels.size
    units, totals = np.empty((width(data.plan), BLOCK)), np.empty(BLOCK)
    total = 0.0
    for first in range(0, size, BLOCK):
        last = forward(x, data.plan, data.columns, first // BLOCK * features, units)
        total += block_loss(data, units[last:], data.labels, first, min(BLOCK, size - first), totals)
    return total / size + 0.5 * data.ridge * squared_norm(x)


def network_many(points, data, out):
    """Write `network_loss` at each row of `points`, all in one pass over the samples.

    Parameters
    ----------
    points : matrix (n, d)
    data : Data
    out : vector (n,)
        Overwritten.

    Examples
    --------
    >>> def many(points, data, out):
    ...     network_many(points, data, out)
    """
    features, size, plan, count = data.rows.shape[1], data.labels.size, data.plan, points.shape[0]
    hidden, answered = int(plan[0, 1]), int(plan[plan.shape[0] - 1, 1])
    # only the first layer reads the data: it is done for all points at once, the others point by point
    weights, top = beside(points, int(plan[0, 2]), features, hidden), count * hidden
    units, totals = np.empty((top + width(plan) - hidden, BLOCK)), np.empty(BLOCK)
    out[:] = 0.0
    for first in range(0, size, BLOCK):
        for s in range(count):
            fill_biases(row_of(points, s), plan, 0, units, s * hidden)
        add_products(units, weights, data.columns, first // BLOCK * features)
        activate(int(plan[0, 4]), flat(units[:top]))
        for s in range(count):
            last = further(row_of(points, s), plan, units, s * hidden, top)
            answers = units[last : last + answered]
            out[s] += block_loss(data, answers, data.labels, first, min(BLOCK, size - first), totals)
    for s in range(count):
        out[s] = out[s] / size + 0.5 * data.ridge * squared_norm(row_of(points, s))


def network_sample(x, data, key):
    """Return the mean loss over the mini-batch of a sample key, and the ridge.

    Parameters
    ----------
    x : vector of size d
    data : Data
    key : int
        The sample key.

    Returns
    -------
    float

    Examples
    --------
    >>> def sample(x, data, key):
    ...     return network_sample(x, data, key)
    """
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


def backward(x, plan, inputs, start, units, slopes, turn, sums, out):
    """Add one block's gradient, given the derivatives by the last layer's sums at the end of `slopes`."""
    at = units.shape[0]
    for later in range(plan.shape[0]):
        layer = plan.shape[0] - 1 - later
        count, outputs = int(plan[layer, 0]), int(plan[layer, 1])
        at -= outputs
        source, first = (inputs, start) if layer == 0 else (units, at - count)
        to = at - count if layer > 0 else -1
        dense_gradient(x, plan, layer, source, first, slopes, at, slopes, to, turn, sums, out)
        if layer > 0:
            for h in range(at - count, at):
                bend(int(plan[layer - 1, 4]), units[h], slopes[h])


def network_gradient(x, data, out):
    """Write the gradient of `network_loss`, by back-propagation.

    Parameters
    ----------
    x : vector of size d
    data : Data
    out : vector of size d
        Overwritten.

    Examples
    --------
    >>> import zobench
    >>> mlp = zobench.problem("mlp")
    >>> mlp.gradient(mlp.x0).size == mlp.dim
    True
    """
    features, size, plan = data.rows.shape[1], data.labels.size, data.plan
    units, totals = np.empty((width(plan), BLOCK)), np.empty(BLOCK)
    slopes, turn = np.empty((width(plan), BLOCK)), np.empty(BLOCK * widest(plan))
    sums = np.zeros(room(plan, plan.shape[0]))
    clear(out)
    for first in range(0, size, BLOCK):
        valid, start = min(BLOCK, size - first), first // BLOCK * features
        last = forward(x, plan, data.columns, start, units)
        answered = units[last:]
        block_loss(data, answered, data.labels, first, valid, totals)
        if not data.regression:
            residual(answered, data.labels, first, valid, totals)
        clear(flat(slopes))
        for c in range(answered.shape[0]):
            for r in range(BLOCK):
                slopes[last + c, r] = answered[c, r]
        backward(x, plan, data.columns, start, units, slopes, turn, sums, out)
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

    Returns
    -------
    vector (N,)

    Examples
    --------
    >>> def labels_of(instance, block):
    ...     return answers(instance.x0, block)
    """
    kinds = [MATRIX, MATRIX, VECTOR, MATRIX, INT, INT, FLOAT]
    address = typed(
        _answered,
        "void(int64, int64, int64, int64)",
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
