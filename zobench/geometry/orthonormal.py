"""Small dense linear algebra for kernels: products, orthonormal bases, the singular values of a small matrix.

The vectors of a basis are the rows of a matrix, so that inner loops run along memory.  Every sum has one
fixed order of additions, and no linear algebra library is called, whose bits depend on its threads.
"""

import numpy as np

from zobench.compile import apart
from zobench.kernels import dot, squared_norm

__all__ = [
    "add_product",
    "add_sandwich",
    "complete",
    "copy",
    "decompose",
    "extend",
    "galerkin",
    "inner",
    "orthonormalise",
    "times",
    "times_transposed",
]

#: A vector of which less than this is left, relative to itself, depends on those before it.
DEPENDENT = 1e-13
#: Sweeps of the Jacobi method; six to eight are usual.
SWEEPS = 30


@apart
def add_product(out, a, b):
    """Add the product a b to `out`; `b` and `out` have long rows.

    Parameters
    ----------
    out : matrix (p, q)
        Added to.
    a : matrix (p, m)
    b : matrix (m, q)

    Examples
    --------
    >>> import numpy as np
    >>> out = np.zeros((1, 2))
    >>> add_product(out, np.array([[2.0]]), np.array([[1.0, 3.0]]))
    >>> out.tolist()
    [[2.0, 6.0]]
    """
    count = a.shape[1]
    whole = count - count % 4
    for i in range(a.shape[0]):
        row = out[i]
        for k in range(0, whole, 4):
            w0, w1, w2, w3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
            for j in range(row.size):
                row[j] += (w0 * b0[j] + w1 * b1[j]) + (w2 * b2[j] + w3 * b3[j])
        for k in range(whole, count):
            w0, b0 = a[i, k], b[k]
            for j in range(row.size):
                row[j] += w0 * b0[j]


@apart
def add_sandwich(out, scale, left, middle, right):
    """Add scale left^T middle right to `out` (p, q): a core in the coordinates of two larger bases.

    Parameters
    ----------
    out : matrix (p, q)
        Added to.
    scale : float
    left : matrix (m, p)
    middle : matrix (m, n)
    right : matrix (n, q)

    Examples
    --------
    >>> import numpy as np
    >>> out = np.zeros((1, 1))
    >>> add_sandwich(out, 2.0, np.array([[3.0]]), np.array([[5.0]]), np.array([[7.0]]))
    >>> out.tolist()
    [[210.0]]
    """
    for k in range(left.shape[0]):
        for h in range(right.shape[0]):
            w, along = scale * middle[k, h], right[h]
            for i in range(out.shape[0]):
                row, c = out[i], w * left[k, i]
                for j in range(row.size):
                    row[j] += c * along[j]


@apart
def inner(out, a, b):
    """Write a b^T: the inner products of the rows.

    Parameters
    ----------
    out : matrix (p, q)
        Overwritten.
    a : matrix (p, size)
    b : matrix (q, size)

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 2))
    >>> inner(out, np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    >>> out.tolist()
    [[11.0, 17.0]]
    """
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            out[i, j] = dot(a[i], b[j])


def copy(out, a):
    """Copy a matrix (an assignment of arrays would compile a complaint about shapes).

    Parameters
    ----------
    out, a : matrices of one shape

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 2))
    >>> copy(out, np.array([[1.0, 2.0]]))
    >>> out.tolist()
    [[1.0, 2.0]]
    """
    for k in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[k, i] = a[k, i]


@apart
def times(z, right, out):
    """Write (Z V)^T (p, rows) for a matrix Z (rows, columns) and V^T (p, columns).

    Parameters
    ----------
    z : matrix (rows, columns)
    right : matrix (p, columns)
        V^T.
    out : matrix (p, rows)
        Overwritten.

    Examples
    --------
    >>> import numpy as np
    >>> z, out = np.array([[1.0, 2.0], [3.0, 4.0]]), np.empty((1, 2))
    >>> times(z, np.array([[1.0, 10.0]]), out)
    >>> out.tolist()
    [[21.0, 43.0]]
    """
    for i in range(z.shape[0]):
        for k in range(right.shape[0]):
            out[k, i] = dot(z[i], right[k])


def times_transposed(z, left, out):
    """Write (Z^T U)^T (p, columns) for a matrix Z (rows, columns) and U^T (p, rows).

    Parameters
    ----------
    z : matrix (rows, columns)
    left : matrix (p, rows)
        U^T.
    out : matrix (p, columns)
        Overwritten.

    Examples
    --------
    >>> import numpy as np
    >>> z, out = np.array([[1.0, 2.0], [3.0, 4.0]]), np.empty((1, 2))
    >>> times_transposed(z, np.array([[1.0, 10.0]]), out)
    >>> out.tolist()
    [[31.0, 42.0]]
    """
    out[:] = 0.0
    add_product(out, left, z)


@apart
def galerkin(z, left, right, table, out):
    """Write U^T Z V (p, q) for U^T (p, rows), V^T (q, columns); `table` has q * rows numbers.

    Parameters
    ----------
    z : matrix (rows, columns)
    left : matrix (p, rows)
    right : matrix (q, columns)
    table : vector of size q * rows at least
        Scratch.
    out : matrix (p, q)
        Overwritten.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 1))
    >>> galerkin(np.eye(2), np.array([[1.0, 1.0]]), np.array([[1.0, 2.0]]), np.empty(2), out)
    >>> out.tolist()
    [[3.0]]
    """
    turned = table[: right.shape[0] * z.shape[0]].reshape((right.shape[0], z.shape[0]))
    times(z, right, turned)
    inner(out, left, turned)


@apart
def strip(basis, count, new, coefficients):
    """Take from `new` its part along the first `count` rows of `basis`, twice; add that to `coefficients`."""
    for _ in range(2):
        for k in range(count):
            c = dot(basis[k], new)
            coefficients[k] += c
            along = basis[k]
            for i in range(new.size):
                new[i] -= c * along[i]
    return np.sqrt(squared_norm(new))


@apart
def extend(basis, count, columns, coefficients):
    """Let columns join an orthonormal basis, those that depend on it left out.

    Parameters
    ----------
    basis : matrix (p, size)
        Its first `count` rows are orthonormal; p is at least the size, or `count` and all columns to come.
    count : int
    columns : matrix (c, size)
        The candidates, one a row.
    coefficients : matrix (c, p)
        Overwritten: columns = coefficients basis.

    Returns
    -------
    int
        The rows of the basis that are filled now.

    Examples
    --------
    >>> import numpy as np
    >>> basis = np.array([[1.0, 0.0], [0.0, 0.0]])
    >>> int(extend(basis, 1, np.array([[3.0, 4.0]]), np.empty((1, 2))))
    2
    """
    coefficients[:] = 0.0
    for j in range(columns.shape[0]):
        column, found = columns[j], coefficients[j]
        if count == basis.shape[0]:
            for k in range(count):
                found[k] = dot(basis[k], column)
            continue
        new = basis[count]
        for i in range(new.size):  # an assignment of arrays compiles a complaint about shapes
            new[i] = column[i]
        left = strip(basis, count, new, found)
        if left > DEPENDENT * np.sqrt(squared_norm(column)):
            for i in range(new.size):
                new[i] /= left
            found[count] = left
            count += 1
    return count


@apart
def fresh(basis, count, coefficients):
    """Make row `count` of a basis of the unit vector that is farthest from the rows before."""
    new, best, place = basis[count], -1.0, 0
    for i in range(new.size):
        left = 1.0
        for k in range(count):
            left -= basis[k, i] ** 2
        if left > best:
            best, place = left, i
    new[:] = 0.0
    new[place] = 1.0
    left = strip(basis, count, new, coefficients)
    for i in range(new.size):
        new[i] /= left


def complete(basis, count, coefficients):
    """Fill the rows of an orthonormal basis from row `count` on; `coefficients` is scratch of its length.

    Parameters
    ----------
    basis : matrix (p, size)
        Its first `count` rows are orthonormal; the rest is overwritten.
    count : int
    coefficients : vector of size p at least
        Scratch.

    Examples
    --------
    >>> import numpy as np
    >>> basis = np.array([[1.0, 0.0], [0.0, 0.0]])
    >>> complete(basis, 1, np.empty(2))
    >>> bool(np.allclose(basis @ basis.T, np.eye(2)))
    True
    """
    for k in range(count, basis.shape[0]):
        fresh(basis, k, coefficients)


@apart
def orthonormalise(rows, values, coefficients):
    """Make rows orthonormal in place, in their order; a row that depends on those before is made afresh.

    Parameters
    ----------
    rows : matrix (p, size)
        p at most the size.
    values : vector (p,)
        Overwritten: what each row had left of it; 0 where it was made afresh.
    coefficients : vector (p,)
        Scratch.

    Examples
    --------
    The second row is twice the first:

    >>> import numpy as np
    >>> rows, values = np.array([[3.0, 4.0], [6.0, 8.0]]), np.empty(2)
    >>> orthonormalise(rows, values, np.empty(2))
    >>> values.round(6).tolist(), bool(np.allclose(rows @ rows.T, np.eye(2)))
    ([5.0, 0.0], True)
    """
    for k in range(rows.shape[0]):
        row = rows[k]
        before = np.sqrt(squared_norm(row))
        left = strip(rows, k, row, coefficients)
        values[k] = 0.0
        if left > DEPENDENT * before:
            values[k] = left
            for i in range(row.size):
                row[i] /= left
        else:
            fresh(rows, k, coefficients)


@apart
def rotate(a, b, c, s):
    """Turn two rows: a <- c a - s b, b <- s a + c b."""
    for i in range(a.size):
        first, second = a[i], b[i]
        a[i] = c * first - s * second
        b[i] = s * first + c * second


@apart
def sweep(core, turn, floor):
    """Rotate every pair of rows of `core` that is not orthogonal; return how many there were."""
    turned = 0
    for i in range(core.shape[0] - 1):
        for j in range(i + 1, core.shape[0]):
            one, two = core[i], core[j]
            a = b = c = 0.0
            for k in range(one.size):
                a += one[k] * one[k]
                b += two[k] * two[k]
                c += one[k] * two[k]
            if abs(c) > 1e-15 * np.sqrt(a) * np.sqrt(b) and min(a, b) > floor:
                ratio = (b - a) / (2.0 * c)
                t = 1.0 / (abs(ratio) + np.sqrt(1.0 + ratio * ratio))
                t = -t if ratio < 0.0 else t
                cosine = 1.0 / np.sqrt(1.0 + t * t)
                rotate(one, two, cosine, cosine * t)
                rotate(turn[i], turn[j], cosine, cosine * t)
                turned += 1
    return turned


@apart
def decompose(core, turn, values, coefficients):
    """Give the singular values and vectors of a small matrix by one-sided Jacobi rotations.

    core = sum_k values[k] turn[k]^T core'[k] with values falling and, for k < min(p, q), orthonormal rows of
    turn and core', whatever the rank.

    Parameters
    ----------
    core : matrix (p, q)
        Overwritten with the right singular vectors, one a row; rows from q on hold rounding.
    turn : matrix (p, p)
        Overwritten with the left ones, one a row.
    values, coefficients : vectors of size at least min(p, q)
        The singular values, and scratch.

    Examples
    --------
    >>> import numpy as np
    >>> matrix, turn, values = np.array([[3.0, 0.0], [4.0, 5.0]]), np.empty((2, 2)), np.empty(2)
    >>> core = matrix.copy()
    >>> decompose(core, turn, values, np.empty(2))
    >>> (values**2).round(6).tolist()
    [45.0, 5.0]
    >>> bool(np.allclose(turn.T @ np.diag(values) @ core, matrix))
    True
    """
    p, q = core.shape
    square = 0.0
    for i in range(p):
        for j in range(p):
            turn[i, j] = 1.0 if i == j else 0.0
        square += squared_norm(core[i])
    for _ in range(SWEEPS):
        # a row below 1e-17 of the whole is rounding; among such rows sweeps would not end
        if sweep(core, turn, 1e-34 * square) == 0:
            break
    for k in range(min(p, q)):
        best, largest = k, squared_norm(core[k])
        for i in range(k + 1, p):
            size = squared_norm(core[i])
            if size > largest:
                best, largest = i, size
        if best != k:
            rotate(core[k], core[best], 0.0, 1.0)
            rotate(turn[k], turn[best], 0.0, 1.0)
    orthonormalise(core[: min(p, q)], values, coefficients)
