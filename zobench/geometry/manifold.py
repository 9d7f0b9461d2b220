"""The set of matrices of low rank that a problem declares its unknown to lie in.

A point x in R^d with d = rows * columns is the matrix W, row by row.  A plain solver sees R^d and nothing
else.  A solver for matrices of low rank reads the declaration: shape, rank, and the start as factors W0 = U
S V^T, for the factors say more than their product where S is singular (with S = 0, U and V are free).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError

__all__ = ["Manifold"]


@dataclass(frozen=True, eq=False)
class Manifold:
    """Matrices of a shape with rank at most `rank`, and a start among them in factors.

    Attributes
    ----------
    left : matrix (rows, rank)
        U of the start, with orthonormal columns; read-only, like the others.
    core : matrix (rank, rank)
        S of the start; it may be singular, even zero.
    right : matrix (columns, rank)
        V of the start, with orthonormal columns.

    Examples
    --------
    >>> import zobench
    >>> zobench.problem("rank-deficient-start").manifold
    Manifold(rows=2, columns=2, rank=1)
    """

    left: NDArray[np.float64]
    core: NDArray[np.float64]
    right: NDArray[np.float64]

    def __post_init__(self) -> None:
        (rows, rank), (columns, width) = self.left.shape, self.right.shape
        if self.core.shape != (rank, width) or rank != width or rank > min(rows, columns):
            raise ZobenchError(
                "a manifold's factors must have shapes (rows, rank), (rank, rank), (columns, rank) with rank "
                f"<= rows and columns, got {self.left.shape}, {self.core.shape}, {self.right.shape}"
            )
        for factor in (self.left, self.core, self.right):
            factor.flags.writeable = False

    @property
    def rows(self) -> int:
        """Rows m of W."""
        return self.left.shape[0]

    @property
    def columns(self) -> int:
        """Columns n of W."""
        return self.right.shape[0]

    @property
    def rank(self) -> int:
        """The rank r."""
        return self.left.shape[1]

    @property
    def dim(self) -> int:
        """Dimension r (m + n - r) of the manifold, the degrees of freedom of a matrix of rank r."""
        return self.rank * (self.rows + self.columns - self.rank)

    @property
    def start(self) -> NDArray[np.float64]:
        """W0 = U S V^T, row by row."""
        return np.einsum("ik,jk->ij", np.einsum("ik,kl->il", self.left, self.core), self.right).ravel()

    def __repr__(self) -> str:
        return f"Manifold(rows={self.rows}, columns={self.columns}, rank={self.rank})"
