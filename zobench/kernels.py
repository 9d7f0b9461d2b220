"""Small numerical helpers for kernels: sums in a fixed order that the processor can take in parallel."""

__all__ = ["dot", "squared_norm"]


def dot(a, b):
    """Return the inner product of two vectors.

    Eight partial sums, added in a fixed order: a plain loop waits for each addition before it starts the
    next, and `fastmath` would free the compiler to change the order, and so the bits, between machines.

    Parameters
    ----------
    a, b : vectors of size n

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> float(dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = a.size - a.size % 8
    for i in range(0, whole, 8):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        s4 += a[i + 4] * b[i + 4]
        s5 += a[i + 5] * b[i + 5]
        s6 += a[i + 6] * b[i + 6]
        s7 += a[i + 7] * b[i + 7]
    total = ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
    for i in range(whole, a.size):
        total += a[i] * b[i]
    return total


def squared_norm(a):
    """Return the squared Euclidean norm of a vector.

    Parameters
    ----------
    a : vector of size n

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> float(squared_norm(np.array([3.0, 4.0])))
    25.0
    """
    return dot(a, a)
