"""How a solver for matrices of low rank starts: shape and rank, and the factors of its first iterate."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError

__all__ = ["factored", "shaped", "start_point"]

Array = NDArray[np.float64]


def shaped(parameters, setting, who):
    """Fill the parameters `rows`, `columns` and `rank` of a solver; 0 stands for the problem's declaration.

    Where the problem declares nothing, x in R^d is one column of d rows, of rank 1: all of R^d.

    Parameters
    ----------
    parameters : NamedTuple
    setting : Setting
    who : str
        The solver's name.

    Returns
    -------
    NamedTuple

    Raises
    ------
    ZobenchError
        If no matrix of that shape has d entries, or none has that rank.

    Examples
    --------
    >>> def settle(parameters, setting):
    ...     return shaped(parameters, setting, "factor-adam")
    """
    declared, dim = setting.manifold, setting.dim
    rows, columns, rank = parameters.rows, parameters.columns, parameters.rank
    if not rows and not columns:
        rows, columns = (declared.rows, declared.columns) if declared else (dim, 1)
    rows, columns = rows or dim // columns, columns or dim // rows
    if rows * columns != dim:
        raise ZobenchError(
            f"solver {who!r}: rows * columns must be the dimension {dim}, got rows = {rows} and columns = "
            f"{columns}; leave both 0 for the shape that the problem declares"
        )
    same = declared is not None and (declared.rows, declared.columns) == (rows, columns)
    rank = rank or (declared.rank if same else 1)
    if rank > min(rows, columns):
        raise ZobenchError(
            f"solver {who!r}: rank must be <= {min(rows, columns)}, the smaller of rows = {rows} and columns "
            f"= {columns}, got {rank}"
        )
    return parameters._replace(rows=rows, columns=columns, rank=rank)


def _basis(candidates: Array) -> tuple[Array, Array]:
    """Make rows orthonormal, those that depend on others afresh; give them and their coefficients."""
    count, size = candidates.shape
    basis, coefficients = np.zeros((count, size)), np.zeros((count, count))

    def stripped(new: Array, k: int) -> Array:
        for _ in range(2):
            along = np.einsum("ki,i->k", basis[:k], new)
            coefficients[k, :k] += along
            new = new - np.einsum("k,ki->i", along, basis[:k])
        return new

    whole = np.sqrt(np.einsum("ki,ki->", candidates, candidates))
    for k in range(count):
        new = stripped(candidates[k], k)
        left = np.sqrt(np.einsum("i,i", new, new))
        if left > 1e-13 * whole:
            coefficients[k, k] = left
        else:
            kept = coefficients[k].copy()
            unit = np.zeros(size)
            unit[np.argmin(np.einsum("ki,ki->i", basis[:k], basis[:k]))] = 1.0
            new = stripped(unit, k)
            left, coefficients[k] = np.sqrt(np.einsum("i,i", new, new)), kept
        basis[k] = new / left
    return basis, coefficients


def factored(x0: Array, rows: int, columns: int, rank: int) -> tuple[Array, Array, Array]:
    """Factor a matrix of rank at most `rank`: its range by pivoted columns, without a larger decomposition.

    Parameters
    ----------
    x0 : vector of size rows * columns
        The matrix, row by row.
    rows, columns, rank : int

    Returns
    -------
    matrices (rows, rank), (rank, rank), (columns, rank)
        U, S, V with orthonormal columns in U and V, whatever the rank of x0; S is lower triangular.

    Raises
    ------
    ZobenchError
        If x0 has a larger rank.

    Examples
    --------
    >>> factored(np.array([0.0, 3.0, 0.0, 4.0]), 2, 2, 1)[1]
    array([[5.]])
    """
    unit = float(np.max(np.abs(x0))) or 1.0  # squares must not underflow
    matrix = np.asarray(x0, dtype=np.float64).reshape(rows, columns) / unit
    whole = np.sqrt(np.einsum("ij,ij", matrix, matrix))
    rest, chosen = matrix.copy(), []
    for _ in range(rank):
        sizes = np.einsum("ij,ij->j", rest, rest)
        place = int(np.argmax(sizes))
        if not np.sqrt(sizes[place]) > 1e-13 * whole:
            break
        new = rest[:, place] / np.sqrt(sizes[place])
        rest -= np.multiply.outer(new, np.einsum("i,ij->j", new, rest))
        chosen.append(new)
    left = _basis(np.array(chosen + [np.zeros(rows)] * (rank - len(chosen))))[0]
    seen = np.einsum("ki,ij->kj", left, matrix)
    over = matrix - np.einsum("ki,kj->ij", left, seen)
    lost = np.sqrt(np.einsum("ij,ij", over, over))
    if lost > 1e-9 * whole:
        raise ZobenchError(
            f"a start of rank at most {rank} is needed, and the one given, as a matrix with {rows} rows and "
            f"{columns} columns, is {lost / whole:.2g} of its norm away from all of them: give such a "
            "start, or a larger rank"
        )
    right, core = _basis(seen)
    return left.T.copy(), unit * core, right.T.copy()


def start_point(parameters: Any, setting: Any, x0: Array) -> Array:
    """Give the point that a solver starts at: the declared factors where x0 is the declared start.

    Parameters
    ----------
    parameters : NamedTuple
        With rows, columns and rank, as `shaped` fills them.
    setting : Setting
    x0 : vector of size d

    Returns
    -------
    vector

    Examples
    --------
    >>> def start(parameters, setting, x0):
    ...     return start_point(parameters, setting, x0)
    """
    rows, columns, rank = parameters.rows, parameters.columns, parameters.rank
    declared = setting.manifold
    if (
        declared is not None
        and (declared.rows, declared.columns, declared.rank) == (rows, columns, rank)
        and np.array_equal(declared.start, x0)
    ):
        left, core, right = declared.left, declared.core, declared.right
    else:
        left, core, right = factored(x0, rows, columns, rank)
    return np.concatenate([core.ravel(), left.T.ravel(), right.T.ravel()])
