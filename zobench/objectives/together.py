"""Values at several points in one pass over the data: what kernels `many` of problems on data are made of.

Each point has sums of its own, added in the order in which its own kernel adds them, so the bits are those of
one point at a time.  What is saved is the reading of the data, and, measured, half of the arithmetic's time:
with several points a tile of sums stays in the processor's registers (`zobench.objectives.tiles`).
"""

import numpy as np

from zobench.compile import apart
from zobench.objectives.classification import BLOCK
from zobench.objectives.layers import TALL
from zobench.objectives.tiles import AHEAD, BROAD, MOST, WIDE, product_tile, scores_tile
from zobench.views import vector_at

__all__ = ["add_products", "add_scores", "beside"]

#: Terms between two looks at the same tile: so many rows of a block stay in the nearest cache.
DEEP = 32
#: Columns of wide rows between two looks at the same sums.
SEGMENT = 1024

_most, _four, _two, _one = (scores_tile(count) for count in (MOST, 4, 2, 1))
_tall, _flat = product_tile(TALL, WIDE, AHEAD), product_tile(1, WIDE, AHEAD)


def beside(points, place, rows, columns):
    """Lay out matrices of weights, one in each point, side by side.

    Parameters
    ----------
    points : matrix
        One point a row; its weights begin at number `place`, row by row.
    place, rows, columns : int

    Returns
    -------
    matrix (rows, columns times the number of points)
        Column s columns + c holds column c of point s.

    Examples
    --------
    >>> import numpy as np
    >>> beside(np.array([[1.0, 2.0], [3.0, 4.0]]), 0, 2, 1).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    count = points.shape[0]
    out = np.empty((rows, count * columns))
    for s in range(count):
        for k in range(rows):
            for c in range(columns):
                out[k, s * columns + c] = points[s, place + k * columns + c]
    return out


def add_scores(out, weights, inputs, start):
    """Add to row w of `out` what `combine` would with weights[k, w] and rows start + k of `inputs`.

    Parameters
    ----------
    out : matrix (vectors, n)
    weights : matrix (terms, vectors)
    inputs : matrix (..., n)
    start : int

    Examples
    --------
    >>> import numpy as np
    >>> out = np.zeros((1, 8))
    >>> add_scores(out, np.array([[2.0]]), np.ones((1, 8)), 0)
    >>> out[0, :2].tolist()
    [2.0, 2.0]
    """
    (count, vectors), width = weights.shape, out.shape[1]
    quads, most = count - count % 4, vectors - vectors % MOST
    # wide rows lie far apart in memory: they are read along, not down
    broad = width - width % BROAD if width <= BLOCK else 0
    for first in range(0, quads, DEEP):
        depth = min(DEEP, quads - first)
        left = weights.ctypes.data + 8 * first * vectors
        for r in range(0, broad, BROAD):
            b = inputs.ctypes.data + 8 * ((start + first) * width + r)
            c = out.ctypes.data + 8 * r
            for w in range(0, most, MOST):
                _most(c + 8 * w * width, width, left + 8 * w, vectors, b, width, depth)
            w = most
            if vectors - w >= 4:
                _four(c + 8 * w * width, width, left + 8 * w, vectors, b, width, depth)
                w += 4
            if vectors - w >= 2:
                _two(c + 8 * w * width, width, left + 8 * w, vectors, b, width, depth)
                w += 2
            if w < vectors:
                _one(c + 8 * w * width, width, left + 8 * w, vectors, b, width, depth)
    _add_rest(out, weights, inputs, start, quads, broad)


@apart
def _add_rest(out, weights, inputs, start, quads, broad):
    """Add what fills no tile: columns `broad` ..., and terms `quads` ... in all columns."""
    (count, vectors), width = weights.shape, out.shape[1]
    for k in range(0, quads if broad < width else 0, 4):
        for left in range(broad, width, SEGMENT):
            # four pieces of rows, which stay in the nearest cache for all vectors
            size = min(SEGMENT, width - left)
            a, b = piece(inputs, start + k, left, size), piece(inputs, start + k + 1, left, size)
            c, d = piece(inputs, start + k + 2, left, size), piece(inputs, start + k + 3, left, size)
            for w in range(vectors):
                w0, w1, w2, w3 = weights[k, w], weights[k + 1, w], weights[k + 2, w], weights[k + 3, w]
                sums = piece(out, w, left, size)
                for r in range(size):
                    sums[r] += (w0 * a[r] + w1 * b[r]) + (w2 * c[r] + w3 * d[r])
    for k in range(quads, count):
        a = inputs[start + k]
        for w in range(vectors):
            w0, sums = weights[k, w], out[w]
            for r in range(width):
                sums[r] += w0 * a[r]


def piece(values, row, column, size):
    """View a piece of a row as a vector."""
    return vector_at(values.ctypes.data + 8 * (row * values.shape[1] + column), size)


def add_products(out, weights, inputs, start):
    """Add to row w of `out` what `add_product` would with weights[k, w] and rows start + k of `inputs`.

    Parameters
    ----------
    out : matrix (at least vectors, 64)
    weights : matrix (terms, vectors)
    inputs : matrix (..., 64)
    start : int

    Examples
    --------
    The weights of a layer in several points, times one block of the samples:

    >>> def many(points, data, out):
    ...     add_products(units, beside(points, 0, features, hidden), data.columns, 0)
    """
    (count, vectors), width = weights.shape, out.shape[1]
    whole = vectors - vectors % TALL
    for first in range(0, count, DEEP):
        depth = min(DEEP, count - first)
        left = weights.ctypes.data + 8 * first * vectors
        for r in range(0, width, WIDE):
            b = inputs.ctypes.data + 8 * ((start + first) * width + r)
            c = out.ctypes.data + 8 * r
            for w in range(0, whole, TALL):
                _tall(c + 8 * w * width, width, left + 8 * w, 1, vectors, b, width, depth)
            for w in range(whole, vectors):
                _flat(c + 8 * w * width, width, left + 8 * w, 1, vectors, b, width, depth)
