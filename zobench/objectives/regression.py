"""Linear models on data: sizes, extreme curvature, and the scores of one block of samples."""

import numpy as np
from numpy.typing import NDArray

from zobench.certificate import rounded_down, rounded_up
from zobench.errors import ZobenchError
from zobench.objectives.classification import combine

__all__ = ["combined", "curvature", "score", "sizes"]

#: Features of drawn data if none are asked for, and the most numbers of drawn data.
FEATURES, LARGEST = 20, 1_000_000


def sizes(who: str, data: str, samples: int, usual: int, dim: int | None, real: int | None) -> int:
    """Say how many features there are, or complain.

    Parameters
    ----------
    who : str
        The owner, for the complaint.
    data : str
        ``"synthetic"``, or a data set.
    samples, usual : int
        How many samples are to be drawn, and by default.
    dim : int or None
        As asked for.
    real : int or None
        Features of the data set.

    Returns
    -------
    int

    Raises
    ------
    ZobenchError
        If what was asked for contradicts the data set, or there are too few samples.

    Examples
    --------
    >>> sizes("problem 'p'", "synthetic", 200, 200, None, None)
    20
    """
    if real is not None:
        if samples != usual:
            raise ZobenchError(f"{who}: samples must be left out unless data is 'synthetic', got {samples}")
        if dim not in (None, real):
            raise ZobenchError(f"{who}: dim must be {real} with data {data!r}, got {dim}")
        return real
    features = dim or FEATURES
    if samples * features > LARGEST:
        raise ZobenchError(
            f"{who}: samples times dim must be <= {LARGEST}, got {samples} times {features} = "
            f"{samples * features}"
        )
    return features


def curvature(rows: NDArray[np.float64]) -> tuple[float, float]:
    """Give the largest eigenvalue of A^T A / N rounded up, and the smallest rounded down.

    Parameters
    ----------
    rows : matrix (N, p)
        A.

    Returns
    -------
    float, float

    Examples
    --------
    >>> curvature(np.eye(2))[0]
    0.5
    """
    size, features = rows.shape
    wide = features > size
    # NumPy's own loop, not BLAS; what the library of eigenvalues does to the last digits is rounded away
    small = np.einsum("ik,jk->ij", rows, rows) if wide else np.einsum("ki,kj->ij", rows, rows)
    eigenvalues = np.linalg.eigvalsh(small / size)
    largest = float(eigenvalues[-1])
    smallest = 0.0 if wide else float(eigenvalues[0])
    # an eigenvalue is wrong by some 1e-16 of the largest
    return rounded_up(largest), rounded_down(smallest - 1e-14 * largest) if smallest > 1e-8 * largest else 0.0


def combined(rows: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return A x, the same bits whatever the library of linear algebra.

    Parameters
    ----------
    rows : matrix (N, p)
        A.
    x : vector (p,)

    Returns
    -------
    vector (N,)

    Examples
    --------
    >>> combined(np.array([[1.0, 2.0]]), np.array([3.0, 4.0])).tolist()
    [11.0]
    """
    return np.einsum("ij,j->i", rows, x)


def score(out, columns, first, x):
    """Write A x for the block of samples that begins at sample `first`.

    Parameters
    ----------
    out : vector (64,)
        Overwritten.
    columns : matrix
        As `zobench.objectives.classification.Blocks` has them.
    first : int
    x : vector (p,)

    Examples
    --------
    >>> def objective(x, data):
    ...     score(scores, data.columns, 0, x)
    """
    out[:] = 0.0
    combine(out, columns, first // out.size * x.size, x, 0, 1, x.size)
