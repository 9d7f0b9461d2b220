"""Values at several points in one pass over the data: what kernels `many` of problems on data are made of.

Each point has sums of its own, added in the order in which its own kernel adds them, so the bits are those of
one point at a time.  What is saved is the reading of the data, and, measured, half of the arithmetic's time:
with several points a tile of sums stays in the processor's registers (`zobench.objectives.tiles`).
"""

import numpy as np

from zobench.objectives.classification import BLOCK
from zobench.objectives.tiles import LANES, LONG, scores_tile
from zobench.views import row_of

__all__ = ["add_scores", "starts_of"]

#: Terms between two looks at the same tile.
DEEP = 32

_four, _two, _one = scores_tile(4, LONG, 4), scores_tile(2, LONG, 4), scores_tile(1, LONG, 4)
_last = scores_tile(1, LONG, 1)


def starts_of(points, classes):
    """List where each point's weights of each class begin; weight k of class c is number k classes + c."""
    starts = np.empty(points.shape[0] * classes, np.int64)
    for s in range(points.shape[0]):
        for c in range(classes):
            starts[s * classes + c] = row_of(points, s).ctypes.data + 8 * c
    return starts


def add_scores(out, starts, stride, inputs, start, count):
    """Add to row w of `out` what `combine` would with weights k stride of starts[w], k = 0 ... count - 1.

    Parameters
    ----------
    out : matrix (starts.size, 64)
    starts : vector of int
        Addresses of the first weights.
    stride : int
        How far it is from one weight to the next.
    inputs, start : matrix (..., 64), int
        Weight k multiplies row start + k.
    count : int
    """
    vectors, quads = starts.size, count - count % 4
    fours = vectors - vectors % 4
    table, width = starts.ctypes.data, LANES * LONG
    for first in range(0, quads, DEEP):
        depth = min(DEEP, quads - first)
        for r in range(0, BLOCK, width):
            b = inputs.ctypes.data + 8 * ((start + first) * BLOCK + r)
            c = out.ctypes.data + 8 * r
            for w in range(0, fours, 4):
                _four(c + 8 * w * BLOCK, BLOCK, table + 8 * w, first * stride, stride, b, BLOCK, depth)
            w = fours
            if vectors - w >= 2:
                _two(c + 8 * w * BLOCK, BLOCK, table + 8 * w, first * stride, stride, b, BLOCK, depth)
                w += 2
            if w < vectors:
                _one(c + 8 * w * BLOCK, BLOCK, table + 8 * w, first * stride, stride, b, BLOCK, depth)
    if quads < count:
        for r in range(0, BLOCK, width):
            b = inputs.ctypes.data + 8 * ((start + quads) * BLOCK + r)
            for w in range(vectors):
                c = out.ctypes.data + 8 * (w * BLOCK + r)
                _last(c, BLOCK, table + 8 * w, quads * stride, stride, b, BLOCK, count - quads)
