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

from zobench.compile import apart
from zobench.geometry.orthonormal import (
    add_product,
    add_sandwich,
    complete,
    copy,
    decompose,
    extend,
    inner,
    times,
    times_transposed,
)
from zobench.kernels import dot, squared_norm
from zobench.stream import normals

__all__ = [
    "augment",
    "dense",
    "draw_tangent",
    "factor_gradient",
    "frame",
    "frame_size",
    "manifold_dim",
    "parts",
    "point_size",
    "project",
    "retract",
    "spread",
    "transport",
    "truncate",
]


def point_size(rows, columns, rank):
    """Return the numbers of a point or tangent vector: r (r + rows + columns).

    Parameters
    ----------
    rows, columns, rank : int

    Returns
    -------
    int

    Examples
    --------
    >>> point_size(8, 6, 2)
    32
    """
    return rank * (rank + rows + columns)


def manifold_dim(rows, columns, rank):
    """Return the dimension r (rows + columns - r) of the manifold.

    Parameters
    ----------
    rows, columns, rank : int

    Returns
    -------
    int

    Examples
    --------
    >>> manifold_dim(8, 6, 2)
    24
    """
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

    Examples
    --------
    >>> import numpy as np
    >>> s, ut, vt = parts(np.arange(5.0), (2, 2, 1))
    >>> ut.tolist(), vt.tolist()
    ([[1.0, 2.0]], [[3.0, 4.0]])
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


@apart
def dense(point, shape, out, scratch):
    """Write W (rows, columns) of a point, row by row; `scratch` has at least rank * rows numbers.

    Parameters
    ----------
    point : vector
        S, U^T, V^T, as `parts` views them.
    shape : tuple of int
        rows, columns, rank.
    out : vector of size rows * columns
        Overwritten.
    scratch : vector of size rank * rows at least

    Examples
    --------
    >>> import numpy as np
    >>> point, out = np.array([2.0, 0.6, 0.8, 1.0, 0.0]), np.empty(4)
    >>> dense(point, (2, 2, 1), out, np.empty(2))
    >>> out.tolist()
    [1.2, 0.0, 1.6, 0.0]
    """
    rows, columns, rank = shape
    core, left, right = parts(point, shape)
    table = scratch[: rank * rows].reshape((rank, rows))
    table[:] = 0.0
    add_product(table, core.T, left)
    out[:] = 0.0
    add_product(out.reshape((rows, columns)), table.T, right)


@apart
def spread(point, tangent, shape, out, scratch):
    """Write a tangent vector as a matrix (rows, columns), row by row; `scratch` as for `dense`.

    Parameters
    ----------
    point, tangent : vectors
    shape : tuple of int
        rows, columns, rank.
    out : vector of size rows * columns
        Overwritten.
    scratch : vector of size rank * rows at least

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     spread(state.x, state.xi, (8, 6, 2), state.z, state.scratch)
    """
    rows, columns, rank = shape
    _, left, right = parts(point, shape)
    middle, aside, across = parts(tangent, shape)
    table = scratch[: rank * rows].reshape((rank, rows))
    copy(table, aside)
    add_product(table, middle.T, left)
    out[:] = 0.0
    add_product(out.reshape((rows, columns)), table.T, right)
    add_product(out.reshape((rows, columns)), left.T, across)


def frame_size(rows, columns, width):
    """Return the scratch that `frame` views.

    Parameters
    ----------
    rows, columns : int
    width : int
        Columns that may join each basis.

    Returns
    -------
    int

    Examples
    --------
    >>> frame_size(8, 6, 2) > 0
    True
    """
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

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     views = frame(state.scratch, 8, 6, 4)
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


@apart
def truncate(core, turn, values, spare, left, right, point, shape):
    """Write the best approximation of rank r of left^T core right as a point.

    Parameters
    ----------
    core, turn, values, spare
        As for `decompose`, and overwritten likewise.
    left, right : matrices (p, rows), (q, columns)
        Orthonormal rows.
    point : vector
        Overwritten: S diagonal and falling; zeros where r exceeds min(p, q); NaN where the core is not
        finite.
    shape : tuple of int
        rows, columns, r.

    Returns
    -------
    float
        Norm of what is left out.

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     left_out = truncate(core, turn, values, spare, left, right, state.x, (8, 6, 2))
    """
    total = 0.0
    for k in range(core.shape[0]):
        total += squared_norm(core[k])
    if not total < np.inf:
        point[:] = np.nan
        return np.nan
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

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     retract(state.x, state.xi, -0.1, (8, 6, 2), state.x, state.scratch)
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
    add_sandwich(core, 1.0, cu[:rank], small, cv[:rank])
    add_sandwich(core, scale, cu[:rank], middle, cv[:rank])
    for k in range(rank):
        for i in range(core.shape[0]):
            for j in range(core.shape[1]):
                core[i, j] += scale * (cu[rank + k, i] * cv[k, j] + cu[k, i] * cv[rank + k, j])
    return truncate(core, turn, values, spare, left, right, out, shape)


@apart
def augment(point, z, shape, views, table):
    """Let the directions in which f falls join the bases of W: orth [U, Z V] and orth [V, Z^T U].

    Parameters
    ----------
    point : vector
    z : matrix (rows, columns)
        The gradient Z.
    shape : tuple of int
    views : tuple
        As `frame` gives it for a width of 2 rank at least; overwritten are the bases and the first 2 rank
        rows of their coefficients.
    table : vector
        Scratch of rank (rows + columns) numbers.

    Returns
    -------
    tuple of int
        How many rows of the two bases are filled.

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     views = frame(state.scratch, *parameters[:2], 2 * parameters.rank)
    ...     filled = augment(state.x, state.z, parameters[:3], views, state.table)
    """
    rows, columns, rank = shape
    _, u, v = parts(point, shape)
    along = table[: rank * rows].reshape((rank, rows))
    across = table[rank * rows : rank * (rows + columns)].reshape((rank, columns))
    times(z, v, along)
    times_transposed(z, u, across)
    left, right, cu, cv = views[0], views[1], views[2], views[3]
    one = extend(left, extend(left, 0, u, cu[:rank]), along, cu[rank : 2 * rank])
    two = extend(right, extend(right, 0, v, cv[:rank]), across, cv[rank : 2 * rank])
    return one, two


@apart
def factor_gradient(point, z, shape, out, table):
    """Write the gradient with respect to the factors: [U^T Z V | (Z V S^T)^T | (Z^T U S)^T].

    Parameters
    ----------
    point : vector
        Here U and V need not have orthonormal columns.
    z : matrix (rows, columns)
        The gradient with respect to W.
    shape : tuple of int
    out : vector
        Overwritten, laid out as the point.
    table : vector
        Scratch of rank (rows + columns) numbers.

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     factor_gradient(state.x, state.z, (8, 6, 2), state.g, state.table)
    """
    rows, columns, rank = shape
    small, u, v = parts(point, shape)
    middle, one, two = parts(out, shape)
    along = table[: rank * rows].reshape((rank, rows))
    across = table[rank * rows : rank * (rows + columns)].reshape((rank, columns))
    times(z, v, along)
    times_transposed(z, u, across)
    inner(middle, u, along)
    one[:] = 0.0
    two[:] = 0.0
    add_product(one, small, along)
    add_product(two, small.T, across)


@apart
def remove(columns, basis):
    """Take from columns their parts along a basis."""
    for j in range(columns.shape[0]):
        column = columns[j]
        for k in range(basis.shape[0]):
            along = basis[k]
            c = dot(along, column)
            for i in range(column.size):
                column[i] -= c * along[i]


@apart
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

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     draw_tangent(stream, state.x, (8, 6, 2), True, state.xi)
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


@apart
def _split(point, along, across, shape, out):
    """Write P(W) Z of (Z V)^T and (Z^T U)^T, which become Up^T and Vp^T."""
    _, left, right = parts(point, shape)
    middle, one, two = parts(out, shape)
    copy(one, along)
    copy(two, across)
    inner(middle, left, along)
    remove(one, left)
    remove(two, right)


@apart
def project(point, z, shape, out, scratch):
    """Write P(W) Z of a matrix Z (rows, columns), row by row, as a tangent vector.

    `scratch` has at least rank (rows + columns) numbers.

    Parameters
    ----------
    point : vector
    z : matrix (rows, columns)
        Row by row.
    shape : tuple of int
        rows, columns, rank.
    out : vector
        Overwritten with the tangent vector.
    scratch : vector of size rank * (rows + columns) at least

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     project(state.x, state.z, (8, 6, 2), state.xi, state.scratch)
    """
    rows, columns, rank = shape
    _, left, right = parts(point, shape)
    along = scratch[: rank * rows].reshape((rank, rows))
    across = scratch[rank * rows : rank * (rows + columns)].reshape((rank, columns))
    matrix = z.reshape((rows, columns))
    times(matrix, right, along)
    times_transposed(matrix, left, across)
    _split(point, along, across, shape, out)


@apart
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

    Parameters
    ----------
    old, point : vectors
        Where the tangent vector lies, and where it goes.
    tangent : vector
        Overwritten.
    shape : tuple of int
        rows, columns, rank.
    scratch : vector of size rank * (rows + columns + 2 rank) at least

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     transport(state.old, state.x, state.momentum, (8, 6, 2), state.scratch)
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
