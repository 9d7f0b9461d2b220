"""Small dense linear algebra for kernels: products, orthonormal bases, the singular values of a small matrix.

The vectors of a basis are the rows of a matrix, so that inner loops run along memory.  Every sum has one
fixed order of additions, and no linear algebra library is called, whose bits depend on its threads.
"""

import numpy as np

from zobench.compile import apart
from zobench.kernels import dot, squared_norm

__all__ = ["add_product", "complete", "decompose", "extend", "inner", "orthonormalise"]

#: A vector of which less than this is left, relative to itself, depends on those before it.
DEPENDENT = 1e-13
#: Sweeps of the Jacobi method; six to eight are usual.
SWEEPS = 30


def add_product(out, a, b):
    """Add the product a b to `out`; `b` and `out` have long rows."""
    for i in range(a.shape[0]):
        row = out[i]
        for k in range(a.shape[1]):
            w, other = a[i, k], b[k]
            for j in range(row.size):
                row[j] += w * other[j]


def inner(out, a, b):
    """Write a b^T: the inner products of the rows."""
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            out[i, j] = dot(a[i], b[j])


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
    columns : matrix (c, size)
        The candidates, one a row.
    coefficients : matrix (c, p)
        Overwritten: columns = coefficients basis.

    Returns
    -------
    int
        The rows of the basis that are filled now.
    """
    coefficients[:] = 0.0
    for j in range(columns.shape[0]):
        column, found = columns[j], coefficients[j]
        if count == basis.shape[0]:
            for k in range(count):
                found[k] = dot(basis[k], column)
            continue
        new = basis[count]
        new[:] = column
        left = strip(basis, count, new, found)
        if left > DEPENDENT * np.sqrt(squared_norm(column)):
            for i in range(new.size):
                new[i] /= left
            found[count] = left
            count += 1
    return count


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
    """Fill the rows of an orthonormal basis from row `count` on; `coefficients` is scratch of its length."""
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


def rotate(a, b, c, s):
    """Turn two rows: a <- c a - s b, b <- s a + c b."""
    for i in range(a.size):
        first, second = a[i], b[i]
        a[i] = c * first - s * second
        b[i] = s * first + c * second


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
