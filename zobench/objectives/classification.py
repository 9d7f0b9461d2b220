"""Classification data that ship with scikit-learn, and the kernels of the cross-entropy on them.

Samples are taken 64 at a time.  A block lies in memory feature by feature, so that every inner loop runs
over neighbouring samples; the order of all additions is fixed, so the bits do not depend on threads or on a
linear algebra library.
"""

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zobench.compile import inlined
from zobench.objectives.solution import content, kept
from zobench.stream import hashed_index
from zobench.views import as_bits, as_float

__all__ = [
    "BLOCK",
    "DATA",
    "Blocks",
    "Labelled",
    "blocks",
    "combine",
    "entropy",
    "exponential",
    "exponentiate",
    "labelled",
    "minibatch",
    "probabilities",
    "residual",
    "soften",
    "tanh",
]

#: The data sets by name.
DATA = ("digits", "breast-cancer", "iris", "wine")
BLOCK = 64

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG2_E = 1.44269504088896338700
_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to a whole number, found in the low bits
_BIAS, _FIFTY_TWO = np.uint64(1023), np.uint64(52)


class Labelled(NamedTuple):
    """Samples and their classes; the arrays are read-only.

    Attributes
    ----------
    rows : matrix (N, p)
        One sample a row.
    labels : vector (N,)
        Classes 0 ... C - 1.
    classes : int
        C.

    Examples
    --------
    >>> Labelled(np.zeros((3, 2)), np.array([0.0, 1.0, 0.0]), 2).classes
    2
    """

    rows: NDArray[np.float64]
    labels: NDArray[np.float64]
    classes: int


@cache
def labelled(name: str, constant: bool = False) -> Labelled:
    """Load one of `DATA`.

    The pixels of the digits are divided by 16, so that they lie in [0, 1]; the columns of the others are
    centred and scaled to unit variance.

    Parameters
    ----------
    name : str
        One of `DATA`.
    constant : bool
        Append a column of ones, in place of an intercept, where columns were centred.

    Returns
    -------
    Labelled

    Examples
    --------
    >>> labelled("iris").rows.shape
    (150, 4)
    """
    # scikit-learn takes a second to import, the kept arrays a millisecond to load
    arrays = kept(
        "data",
        content(name, constant, version("scikit-learn"), np.__version__, Path(__file__)),
        lambda: _prepared(name, constant),
    )
    found = Labelled(arrays["rows"], arrays["labels"], int(arrays["labels"].max()) + 1)
    for array in found[:2]:
        array.flags.writeable = False
    return found


def _prepared(name: str, constant: bool) -> dict[str, NDArray[np.float64]]:
    """Take a data set from scikit-learn and scale it."""
    from sklearn import datasets

    rows, labels = getattr(datasets, f"load_{name.replace('-', '_')}")(return_X_y=True)
    if name == "digits":
        rows = rows / 16.0
    else:
        rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
        if constant:
            rows = np.column_stack([rows, np.ones(len(rows))])
    return {"rows": np.ascontiguousarray(rows), "labels": labels.astype(np.float64)}


class Blocks(NamedTuple):
    """Samples as the kernels read them, filled up with zeros to whole blocks.

    Attributes
    ----------
    rows : matrix (64 B, p)
        One sample a row.
    columns : matrix (B p, 64)
        Row b p + j holds feature j of the samples of block b.

    Examples
    --------
    >>> blocks(np.ones((3, 2))).columns.shape
    (2, 64)
    """

    rows: NDArray[np.float64]
    columns: NDArray[np.float64]


def blocks(rows: NDArray[np.float64]) -> Blocks:
    """Lay samples out in blocks.

    Parameters
    ----------
    rows : matrix (N, p)

    Returns
    -------
    Blocks

    Examples
    --------
    >>> blocks(np.ones((70, 2))).rows.shape
    (128, 2)
    """
    size, features = rows.shape
    count = -(-size // BLOCK)
    whole = np.zeros((count * BLOCK, features))
    whole[:size] = rows
    columns = whole.reshape(count, BLOCK, features).transpose(0, 2, 1).reshape(count * features, BLOCK)
    return Blocks(whole, np.ascontiguousarray(columns))


@inlined
def exponential(t):
    """Return e^t for t <= 0, within two units of the last place; below -708 it stays at e^-708.

    The reduction and the rational form are those of Sun's fdlibm, without branches.

    Parameters
    ----------
    t : float
        At most 0.

    Returns
    -------
    float

    Examples
    --------
    >>> def objective(x, data):
    ...     return exponential(-abs(x[0]))
    """
    t = -708.0 if t < -708.0 else t
    shifted = t * _LOG2_E + _ROUND
    k = shifted - _ROUND
    high, low = t - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    z = r * r
    c = r - z * (
        1.66666666666666019037e-01
        + z
        * (
            -2.77777777770155933842e-03
            + z
            * (
                6.61375632143793436117e-05
                + z * (-1.65339022054652515390e-06 + z * 4.13813679705723846039e-08)
            )
        )
    )
    power = as_float((as_bits(shifted) + _BIAS) << _FIFTY_TWO)
    return (1.0 - ((low - (r * c) / (2.0 - c)) - high)) * power


def tanh(values):
    """Replace each number of a vector by its hyperbolic tangent, within 3e-16.

    Parameters
    ----------
    values : vector
        Overwritten.

    Examples
    --------
    >>> def objective(x, data):
    ...     tanh(units)
    """
    for i in range(values.size):
        e = exponential(-2.0 * abs(values[i]))
        t = (1.0 - e) / (1.0 + e)
        values[i] = -t if values[i] < 0.0 else t


def combine(out, inputs, start, weights, first, stride, count):
    """Add sum_k weights[first + k stride] * inputs[start + k] to the vector `out`, k = 0 ... count - 1.

    Parameters
    ----------
    out : vector
        Added to.
    inputs : matrix
        Rows as long as `out`.
    start, first, stride, count : int
    weights : vector

    Examples
    --------
    >>> out = np.zeros(2)
    >>> combine(out, np.array([[1.0, 2.0], [3.0, 4.0]]), 0, np.array([10.0, 1.0]), 0, 1, 2)
    >>> out.tolist()
    [13.0, 24.0]
    """
    width, whole = out.size, count - count % 4
    for k in range(0, whole, 4):
        place = first + k * stride
        w0, w1 = weights[place], weights[place + stride]
        w2, w3 = weights[place + 2 * stride], weights[place + 3 * stride]
        a, b = inputs[start + k], inputs[start + k + 1]
        c, d = inputs[start + k + 2], inputs[start + k + 3]
        for r in range(width):
            out[r] += (w0 * a[r] + w1 * b[r]) + (w2 * c[r] + w3 * d[r])
    for k in range(whole, count):
        w0, a = weights[first + k * stride], inputs[start + k]
        for r in range(width):
            out[r] += w0 * a[r]


def minibatch(key, first, valid, rows, labels, columns, chosen):
    """Fill one block with the samples first ... first + valid - 1 that a sample key draws, with replacement.

    Parameters
    ----------
    key : int
        The sample key.
    first, valid : int
    rows : matrix
        All samples.
    labels : vector (N,)
        Their classes.
    columns, chosen : matrix (p, 64), vector (64,)
        Where the samples and their classes go.

    Examples
    --------
    >>> def sample(x, data, key):
    ...     minibatch(key, 0, data.batch, data.rows, data.labels, columns, chosen)
    """
    for r in range(valid):
        i = hashed_index(key, first + r, labels.size)
        row = rows[i]
        for j in range(row.size):
            columns[j, r] = row[j]
        chosen[r] = labels[i]


def soften(scores, labels, first, valid, totals):
    """Return the summed cross-entropy of one block, and make of the scores what `residual` needs.

    Parameters
    ----------
    scores : matrix (C, 64)
        Becomes exp(score - largest score of the sample).
    labels : vector
        Those of the block begin at `first`.
    first, valid : int
        The block holds `valid` samples.
    totals : vector (64,)
        Becomes the sums of the exponentials.

    Returns
    -------
    float

    Examples
    --------
    >>> def objective(x, data):
    ...     return soften(scores, data.labels, 0, valid, totals) / valid
    """
    chosen = np.empty(BLOCK)
    exponentiate(scores, labels, first, valid, chosen, totals)
    return entropy(chosen, totals, valid)


def exponentiate(scores, labels, first, valid, chosen, totals):
    """Do `soften` sample by sample; `chosen` becomes the true class's score minus the largest one.

    Parameters
    ----------
    scores : matrix (C, 64)
        Overwritten.
    labels : vector
        Those of the block begin at `first`.
    first, valid : int
    chosen, totals : vectors (64,)
        Overwritten.

    Examples
    --------
    >>> def objective(x, data):
    ...     exponentiate(scores, data.labels, 0, valid, chosen, totals)
    """
    classes, peak = scores.shape[0], chosen
    for r in range(peak.size):
        peak[r] = scores[0, r]
    for c in range(1, classes):
        score = scores[c]
        for r in range(peak.size):
            peak[r] = score[r] if score[r] > peak[r] else peak[r]
    for c in range(classes):
        score = scores[c]
        for r in range(peak.size):
            score[r] -= peak[r]
    for r in range(valid):
        chosen[r] = scores[int(labels[first + r]), r]
    totals[:] = 0.0
    for c in range(classes):
        score = scores[c]
        for r in range(totals.size):
            score[r] = exponential(score[r])
            totals[r] += score[r]


def entropy(chosen, totals, valid):
    """Sum the cross-entropy of one block, ln(total) - chosen, over the samples.

    Parameters
    ----------
    chosen, totals : vectors (64,)
        As `exponentiate` leaves them.
    valid : int
        Samples in the block.

    Returns
    -------
    float

    Examples
    --------
    >>> float(entropy(np.zeros(64), np.full(64, np.e), 2))
    2.0
    """
    # A sample's sum lies between 1 and C: the product of 64 of them is far from overflow, and one
    # logarithm a block is enough.
    loss, product = 0.0, 1.0
    for r in range(valid):
        loss -= chosen[r]
        product *= totals[r]
    return loss + np.log(product)


def probabilities(scores, valid, totals):
    """Make probabilities of what `soften` left; zero beyond the valid samples.

    Parameters
    ----------
    scores : matrix (C, 64)
        Overwritten.
    valid : int
    totals : vector (64,)

    Examples
    --------
    >>> scores = np.ones((2, 64))
    >>> probabilities(scores, 1, np.full(64, 2.0))
    >>> scores[:, :2].tolist()
    [[0.5, 0.0], [0.5, 0.0]]
    """
    for c in range(scores.shape[0]):
        score = scores[c]
        for r in range(score.size):
            score[r] = score[r] / totals[r] if r < valid else 0.0


def residual(scores, labels, first, valid, totals):
    """Make probabilities minus labels of what `soften` left; zero beyond the valid samples.

    Parameters
    ----------
    scores : matrix (C, 64)
        Overwritten.
    labels : vector
        Those of the block begin at `first`.
    first, valid : int
    totals : vector (64,)

    Examples
    --------
    >>> scores = np.ones((2, 64))
    >>> residual(scores, np.zeros(64), 0, 1, np.full(64, 2.0))
    >>> scores[:, 0].tolist()
    [-0.5, 0.5]
    """
    probabilities(scores, valid, totals)
    for r in range(valid):
        scores[int(labels[first + r]), r] -= 1.0
