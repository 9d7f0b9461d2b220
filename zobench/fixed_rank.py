"""Matrices of rank r: kernels for solvers that stay among them.

A matrix W = U S V^T of shape (rows, columns), U and V with orthonormal columns, is held as one vector, the
point: [S | U^T | V^T].  A tangent vector U M V^T + Up V^T + U Vp^T with U^T Up = 0 and V^T Vp = 0 is held
likewise: [M | Up^T | Vp^T].  `parts` views either as its three matrices.  Columns of factors are rows there,
so that inner loops run along memory.

The tangent space at W has the projection P(W) Z = U U^T Z + Z V V^T - U U^T Z V V^T and the dimension
r (rows + columns - r).  Nothing here divides by S, which may be singular, and no decomposition is made of a
matrix larger than the small cores.  Every sum has one fixed order of additions.

Sources: Koch and Lubich, "Dynamical low-rank approximation", SIAM J. Matrix Anal. Appl. 29 (2007);
Vandereycken, "Low-rank matrix completion by Riemannian optimization", SIAM J. Optim. 23 (2013).
"""

import numpy as np

from zobench.classification import combine
from zobench.compile import apart
from zobench.kernels import dot, squared_norm
from zobench.orthonormal import add_product, complete, decompose, extend, inner
from zobench.stream import normals

__all__ = [
    "dense",
    "draw_tangent",
    "frame",
    "frame_size",
    "galerkin",
    "manifold_dim",
    "parts",
    "point_size",
    "project",
    "retract",
    "spread",
    "times",
    "times_transposed",
    "transport",
    "truncate",
]


def point_size(rows, columns, rank):
    """Return the numbers of a point or tangent vector: r (r + rows + columns)."""
    return rank * (rank + rows + columns)


def manifold_dim(rows, columns, rank):
    """Return the dimension r (rows + columns - r) of the manifold."""
    return rank * (rows + columns - rank)


def parts(vector, shape):
    """View a point as S, U^T, V^T or a tangent vector as M, Up^T, Vp^T.

    Parameters
    ----------
    vector : vector
        At least `point_size` numbers; what lies beyond is ignored.
    shape : tuple of int
        rows, columns, rank.

    Returns
    -------
    matrices (rank, rank), (rank, rows), (rank, columns)
    """
    rows, columns, rank = shape
    a = rank * rank
    b = a + rank * rows
    c = b + rank * columns
    return (
        vector[:a].reshape((rank, rank)),
        vector[a:b].reshape((rank, rows)),
        vector[b:c].reshape((rank, columns)),
    )


def times(z, right, out):
    """Write (Z V)^T (p, rows) for a matrix Z (rows, columns) and V^T (p, columns)."""
    for i in range(z.shape[0]):
        for k in range(right.shape[0]):
            out[k, i] = dot(z[i], right[k])


def times_transposed(z, left, out):
    """Write (Z^T U)^T (p, columns) for a matrix Z (rows, columns) and U^T (p, rows)."""
    out[:] = 0.0
    add_product(out, left, z)


def galerkin(z, left, right, table, out):
    """Write U^T Z V (p, q) for U^T (p, rows), V^T (q, columns); `table` has q * rows numbers."""
    turned = table[: right.shape[0] * z.shape[0]].reshape((right.shape[0], z.shape[0]))
    times(z, right, turned)
    inner(out, left, turned)


def dense(point, shape, out, scratch):
    """Write W (rows, columns) of a point, row by row; `scratch` has at least rank * rows numbers."""
    rows, columns, rank = shape
    core, left, right = parts(point, shape)
    table = scratch[: rank * rows]
    table[:] = 0.0
    add_product(table.reshape((rank, rows)), core.T, left)
    for i in range(rows):
        row = out[i * columns : (i + 1) * columns]
        row[:] = 0.0
        combine(row, right, 0, table, i, rows, rank)


def spread(point, tangent, shape, out, scratch):
    """Write a tangent vector as a matrix (rows, columns), row by row; `scratch` as for `dense`."""
    rows, columns, rank = shape
    _, left, right = parts(point, shape)
    middle, aside, across = parts(tangent, shape)
    table = scratch[: rank * rows].reshape((rank, rows))
    table[:] = aside
    add_product(table, middle.T, left)
    flat, turned = scratch[: rank * rows], point[rank * rank : rank * (rank + rows)]
    for i in range(rows):
        row = out[i * columns : (i + 1) * columns]
        row[:] = 0.0
        combine(row, right, 0, flat, i, rows, rank)
        combine(row, across, 0, turned, i, rows, rank)


def frame_size(rows, columns, width):
    """Return the scratch that `frame` views."""
    p, q = min(rows, width), min(columns, width)
    return p * rows + q * columns + width * (p + q) + p * q + p * p + 2 * (p + q)


def frame(scratch, rows, columns, width):
    """View scratch as what a step through two larger bases needs.

    Parameters
    ----------
    scratch : vector of size `frame_size` at least
    rows, columns : int
    width : int
        Columns that may join each basis.

    Returns
    -------
    tuple
        With p = min(rows, width) and q = min(columns, width): bases (p, rows) and (q, columns), coefficients
        (width, p) and (width, q), a core (p, q), its rotation (p, p), two vectors of size p + q.
    """
    p, q = min(rows, width), min(columns, width)
    a = p * rows
    b = a + q * columns
    c = b + width * p
    d = c + width * q
    e = d + p * q
    f = e + p * p
    return (
        scratch[:a].reshape((p, rows)),
        scratch[a:b].reshape((q, columns)),
        scratch[b:c].reshape((width, p)),
        scratch[c:d].reshape((width, q)),
        scratch[d:e].reshape((p, q)),
        scratch[e:f].reshape((p, p)),
        scratch[f : f + p + q],
        scratch[f + p + q : f + 2 * (p + q)],
    )


def truncate(core, turn, values, spare, left, right, point, shape):
    """Write the best approximation of rank r of left^T core right as a point.

    Parameters
    ----------
    core, turn, values, spare
        As for `decompose`, and overwritten likewise.
    left, right : matrices (p, rows), (q, columns)
        Orthonormal rows.
    point : vector
        Overwritten: S diagonal and falling; zeros where r exceeds min(p, q).
    shape : tuple of int
        rows, columns, r.

    Returns
    -------
    float
        Norm of what is left out.
    """
    decompose(core, turn, values, spare)
    point[: point_size(shape[0], shape[1], shape[2])] = 0.0
    small, u, v = parts(point, shape)
    rank, size = shape[2], min(core.shape[0], core.shape[1])
    kept = min(rank, size)
    for k in range(kept):
        small[k, k] = values[k]
    add_product(u[:kept], turn[:kept], left)
    add_product(v[:kept], core[:kept], right)
    tail = 0.0
    for k in range(kept, size):
        tail += values[k] * values[k]
    return np.sqrt(tail)


@apart
def retract(point, tangent, scale, shape, out, scratch):
    """Write the best approximation of rank r of W + scale xi, through a core of size at most 2r.

    Parameters
    ----------
    point, tangent : vectors
        W and xi; the factors of W may have lost orthogonality to rounding.
    scale : float
    shape : tuple of int
    out : vector
        Overwritten with a point of orthonormal factors, S diagonal and falling; may be `point` itself.  NaN
        throughout where the sum is not finite.
    scratch : vector of size ``frame_size(rows, columns, 2 rank)`` at least

    Returns
    -------
    float
        Norm of what is left out.
    """
    rows, columns, rank = shape
    if not squared_norm(point) + scale * scale * squared_norm(tangent) < np.inf:
        out[:] = np.nan
        return np.nan
    small, u, v = parts(point, shape)
    middle, aside, across = parts(tangent, shape)
    left, right, cu, cv, core, turn, values, spare = frame(scratch, rows, columns, 2 * rank)
    complete(left, extend(left, extend(left, 0, u, cu[:rank]), aside, cu[rank:]), spare)
    complete(right, extend(right, extend(right, 0, v, cv[:rank]), across, cv[rank:]), spare)
    core[:] = 0.0
    row = values[: core.shape[1]]
    for k in range(rank):
        for j in range(row.size):
            row[j] = scale * cv[rank + k, j]
            for h in range(rank):
                row[j] += (small[k, h] + scale * middle[k, h]) * cv[h, j]
        for i in range(core.shape[0]):
            for j in range(row.size):
                core[i, j] += cu[k, i] * row[j] + scale * cu[rank + k, i] * cv[k, j]
    return truncate(core, turn, values, spare, left, right, out, shape)


def remove(columns, basis):
    """Take from columns their parts along a basis."""
    for j in range(columns.shape[0]):
        column = columns[j]
        for k in range(basis.shape[0]):
            along = basis[k]
            c = dot(along, column)
            for i in range(column.size):
                column[i] -= c * along[i]


def draw_tangent(stream, point, shape, sphere, out):
    """Draw a tangent vector whose law is that of P(W) Z with independent normal Z: E xi xi^T = P(W).

    Parameters
    ----------
    stream : a kernel's `stream`
    point : vector
    shape : tuple of int
    sphere : bool
        Whether to scale it to the norm sqrt(r (rows + columns - r)).
    out : vector
        Overwritten with the tangent vector.
    """
    rows, columns, rank = shape
    normals(stream, out)
    _, left, right = parts(point, shape)
    _, aside, across = parts(out, shape)
    remove(aside, left)
    remove(across, right)
    if sphere:
        scale = np.sqrt(manifold_dim(rows, columns, rank) / squared_norm(out))
        for i in range(out.size):
            out[i] *= scale


def _split(point, along, across, shape, out):
    """Write P(W) Z of (Z V)^T and (Z^T U)^T, which become Up^T and Vp^T."""
    _, left, right = parts(point, shape)
    middle, one, two = parts(out, shape)
    one[:] = along
    two[:] = across
    inner(middle, left, along)
    remove(one, left)
    remove(two, right)


def project(point, z, shape, out, scratch):
    """Write P(W) Z of a matrix Z (rows, columns), row by row, as a tangent vector.

    `scratch` has at least rank (rows + columns) numbers.
    """
    rows, columns, rank = shape
    _, left, right = parts(point, shape)
    along = scratch[: rank * rows].reshape((rank, rows))
    across = scratch[rank * rows : rank * (rows + columns)].reshape((rank, columns))
    matrix = z.reshape((rows, columns))
    times(matrix, right, along)
    times_transposed(matrix, left, across)
    _split(point, along, across, shape, out)


def _seen(out, here, there, normal, near, far, middle, c, a):
    """Write (xi V')^T = c Up^T + (c M^T + V'^T Vp) U^T with c = V'^T V, or the same of the other side."""
    inner(c, here, there)
    inner(a, here, normal)
    add_product(a, c, middle)
    out[:] = 0.0
    add_product(out, c, near)
    add_product(out, a, far)


@apart
def transport(old, point, tangent, shape, scratch):
    """Carry a tangent vector at `old` to `point` by projection, in place, through r x r cores.

    `scratch` has at least rank (rows + columns + 2 rank) numbers.
    """
    rows, columns, rank = shape
    _, u, v = parts(old, shape)
    _, left, right = parts(point, shape)
    middle, aside, across = parts(tangent, shape)
    size, square = rank * (rows + columns), rank * rank
    one = scratch[: rank * rows].reshape((rank, rows))
    two = scratch[rank * rows : size].reshape((rank, columns))
    c = scratch[size : size + square].reshape((rank, rank))
    a = scratch[size + square : size + 2 * square].reshape((rank, rank))
    _seen(one, right, v, across, aside, u, middle.T, c, a)
    _seen(two, left, u, aside, across, v, middle, c, a)
    _split(point, one, two, shape, tangent)
