"""Matrices of low rank: how problems draw them and their starts, and the kernels that several share.

Every sum has one fixed order of additions (no linear algebra library, whose bits depend on its threads).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.geometry.manifold import Manifold
from zobench.objectives.classification import combine

__all__ = [
    "RANDOM",
    "Truth",
    "across",
    "certificates",
    "defect",
    "drawn",
    "factor_start",
    "mask",
    "masked_distance",
    "orthonormal",
    "random_start",
    "squared_distance",
    "tilted_start",
]

Array = NDArray[np.float64]

#: S of a random start is this times the identity.
RANDOM = 0.3


class Truth(NamedTuple):
    """A matrix A = U diag(values) V^T of low rank.

    Attributes
    ----------
    left : matrix (rows, rank)
        U, orthonormal columns.
    values : vector (rank,)
        The singular values, log-spaced from 1 down to 1/condition.
    right : matrix (columns, rank)
        V, orthonormal columns.

    Examples
    --------
    >>> Truth(np.eye(3)[:, :1], np.ones(1), np.eye(2)[:, :1]).values.tolist()
    [1.0]
    """

    left: Array
    values: Array
    right: Array

    @property
    def matrix(self) -> Array:
        """Return A."""
        roots = np.sqrt(self.values)
        return np.einsum("ik,jk->ij", self.left * roots, self.right * roots)


def orthonormal(rng: np.random.Generator, size: int, count: int, against: Array | None = None) -> Array:
    """Draw orthonormal columns by Gram and Schmidt, twice; orthogonal to those of `against` as well.

    Parameters
    ----------
    rng : numpy.random.Generator
    size, count : int
    against : matrix, optional

    Returns
    -------
    matrix (size, count)

    Examples
    --------
    >>> columns = orthonormal(np.random.default_rng(0), 5, 2)
    >>> bool(np.allclose(columns.T @ columns, np.eye(2)))
    True
    """
    fixed = 0 if against is None else against.shape[1]
    found = np.zeros((fixed + count, size))
    if against is not None:
        found[:fixed] = against.T
    for k in range(fixed, fixed + count):
        v = rng.standard_normal(size)
        for _ in range(2):
            v -= np.einsum("i,ij->j", np.einsum("ij,j->i", found[:k], v), found[:k])
        found[k] = v / np.sqrt(np.einsum("j,j", v, v))
    return found[fixed:].T


def drawn(rng: np.random.Generator, shape: Any, who: str) -> Truth:
    """Draw A.

    Parameters
    ----------
    rng : Generator
    shape : NamedTuple
        With `rows`, `columns`, `rank` and `condition`.
    who : str
        The owner, for the complaint.

    Returns
    -------
    Truth

    Raises
    ------
    ZobenchError
        If the rank exceeds rows or columns.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> shape = SimpleNamespace(rows=8, columns=6, rank=2, condition=10.0)
    >>> drawn(np.random.default_rng(0), shape, "problem 'p'").values.round(3).tolist()
    [1.0, 0.1]
    """
    rows, columns, rank = shape.rows, shape.columns, shape.rank
    if rank > min(rows, columns):
        raise ZobenchError(
            f"{who}: rank must be <= {min(rows, columns)}, the smaller of "
            f"rows = {rows} and columns = {columns}, got {rank}"
        )
    values = np.geomspace(1.0, 1.0 / shape.condition, rank) if rank > 1 else np.ones(1)
    return Truth(orthonormal(rng, rows, rank), values, orthonormal(rng, columns, rank))


def random_start(rng: np.random.Generator, truth: Truth, scale: float = RANDOM) -> Manifold:
    """Draw random singular spaces; S = scale I.

    Parameters
    ----------
    rng : numpy.random.Generator
    truth : Truth
    scale : float

    Returns
    -------
    Manifold

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> rng, shape = np.random.default_rng(0), SimpleNamespace(rows=8, columns=6, rank=2, condition=10.0)
    >>> random_start(rng, drawn(rng, shape, "p")).rank
    2
    """
    (rows, rank), columns = truth.left.shape, truth.right.shape[0]
    left, right = orthonormal(rng, rows, rank), orthonormal(rng, columns, rank)
    return Manifold(left, scale * np.eye(rank), right)


def tilted_start(rng: np.random.Generator, truth: Truth, angle: float, who: str) -> Manifold:
    """Keep the singular values and tilt both singular spaces: all their principal angles become `angle`.

    U0 = cos(angle) U + sin(angle) P with orthonormal P orthogonal to U, and V0 likewise, so that
    |W0 - A|^2 = 2 sin(angle)^2 |A|^2.

    Parameters
    ----------
    rng : numpy.random.Generator
    truth : Truth
    angle : float
        Radians.
    who : str
        The owner, for the complaint.

    Returns
    -------
    Manifold

    Raises
    ------
    ZobenchError
        If there is no room for spaces orthogonal to those of A.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> rng, shape = np.random.default_rng(0), SimpleNamespace(rows=8, columns=6, rank=2, condition=10.0)
    >>> tilted_start(rng, drawn(rng, shape, "p"), 0.1, "p").rank
    2
    """
    (rows, rank), columns = truth.left.shape, truth.right.shape[0]
    if 2 * rank > min(rows, columns):
        raise ZobenchError(
            f"{who}: rank must be <= {min(rows, columns) // 2} for a tilted start (half of the smaller of "
            f"rows = {rows} and columns = {columns}), got {rank}"
        )
    c, s = np.cos(angle), np.sin(angle)
    left = c * truth.left + s * orthonormal(rng, rows, rank, truth.left)
    right = c * truth.right + s * orthonormal(rng, columns, rank, truth.right)
    return Manifold(left, np.diag(truth.values), right)


def factor_start(rng: np.random.Generator, truth: Truth, start: Any, angle: float, who: str) -> Array:
    """Draw factors x0 = (U, V), row by row.

    Parameters
    ----------
    rng : Generator
    truth : Truth
    start : float or {"random", "tilted"}
        A number: independent normal entries, columns of norm near it.  Else the factors of `random_start`
        or `tilted_start`, with the roots of S on both sides.
    angle : float
        Of a tilted start.
    who : str
        The owner, for the complaint.

    Returns
    -------
    vector of size (rows + columns) rank

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> rng, shape = np.random.default_rng(0), SimpleNamespace(rows=8, columns=6, rank=2, condition=10.0)
    >>> factor_start(rng, drawn(rng, shape, "p"), "random", 0.1, "p").size
    28
    """
    (rows, rank), columns = truth.left.shape, truth.right.shape[0]
    if start == "random":
        found = random_start(rng, truth)
    elif start == "tilted":
        found = tilted_start(rng, truth, angle, who)
    else:
        scale = start / np.sqrt(np.repeat([rows, columns], [rows * rank, columns * rank]))
        return scale * rng.standard_normal((rows + columns) * rank)
    roots = np.sqrt(np.diagonal(found.core))
    return np.concatenate([(found.left * roots).ravel(), (found.right * roots).ravel()])


def mask(rng: np.random.Generator, shape: Any, who: str) -> Array:
    """Draw which entries are observed: round(observed rows columns) of them, one at least.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : NamedTuple
        With `rows`, `columns`, `rank` and `observed`.
    who : str
        The owner, for the complaint.

    Returns
    -------
    vector of size rows * columns
        1 where observed, 0 elsewhere.

    Raises
    ------
    ZobenchError
        If the share observed is 0.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> shape = SimpleNamespace(rows=8, columns=6, rank=1, observed=0.5)
    >>> float(mask(np.random.default_rng(0), shape, "problem 'p'").sum())
    24.0
    """
    if shape.observed == 0.0:
        raise ZobenchError(f"{who}: observed must be a number > 0 and <= 1, got 0")
    rows, columns = shape.rows, shape.columns
    count = max(1, round(shape.observed * rows * columns))
    seen = np.zeros(rows * columns)
    seen[rng.permutation(rows * columns)[:count]] = 1.0
    return seen.reshape(rows, columns)


def certificates(x0: Array, target: Array, seen: int) -> tuple[Certificate, ...]:
    """Certify half the squared distance to A over `seen` of its entries, as a function on all matrices.

    Parameters
    ----------
    x0, target : vector
        The start and A, row by row.
    seen : int
        How many entries f looks at.

    Returns
    -------
    tuple of Certificate

    Examples
    --------
    >>> [item.constant for item in certificates(np.ones(4), np.zeros(4), 4)][:1]
    ['L']
    """
    every = seen == target.size
    which = "the identity" if every else "diagonal, with a one for each observed entry and zeros"
    strong = "strong convexity implies it" if every else "both sides are twice f"
    found = [
        Certificate("L", 1.0, f"The Hessian is {which}."),
        Certificate("L0", 1.0, "|Hess f| = 1 everywhere."),
        Certificate("L1", 0.0, "|Hess f| = 1 everywhere, so L0 alone suffices."),
        Certificate(
            "PL",
            1.0,
            f"|grad f|^2 = 2 f at every matrix: {strong}; on the manifold, where the "
            "gradient is projected, it holds near A only.",
        ),
        Certificate("convex", 1.0, f"The Hessian is {which}; the set of matrices of low rank is not convex."),
        Certificate("f_star", 0.0, "f is a sum of squares that vanishes at A, which has rank `rank`."),
        Certificate("trace", float(seen), "The trace counts the entries that f sees."),
        Certificate(
            "effective_rank", float(seen), "The Hessian is its own bound, with largest eigenvalue 1."
        ),
    ]
    if every:
        away = float(np.sqrt(np.einsum("i,i", x0 - target, x0 - target)))
        found += [
            Certificate("mu", 1.0, "The Hessian is the identity."),
            Certificate("R0", away, "f(x) <= f(x0) says |x - A| <= |x0 - A|."),
        ]
    return tuple(found)


def squared_distance(a, b):
    """Return |a - b|^2 in 32 partial sums, which the processor takes several at a time, in a fixed order.

    Parameters
    ----------
    a, b : vectors of one size

    Returns
    -------
    float

    Examples
    --------
    >>> float(squared_distance(np.array([3.0, 4.0]), np.zeros(2)))
    25.0
    """
    sums = np.zeros(32)
    whole = a.size - a.size % 32
    for start in range(0, whole, 32):
        for j in range(32):
            sums[j] += (a[start + j] - b[start + j]) ** 2
    for i in range(whole, a.size):
        sums[i - whole] += (a[i] - b[i]) ** 2
    half = 16
    while half > 0:
        for j in range(half):
            sums[j] += sums[j + half]
        half //= 2
    return sums[0]


def masked_distance(a, b, seen):
    """Return sum seen_i (a_i - b_i)^2 in the same way.

    Parameters
    ----------
    a, b, seen : vectors of one size

    Returns
    -------
    float

    Examples
    --------
    >>> float(masked_distance(np.ones(2), np.zeros(2), np.array([1.0, 0.0])))
    1.0
    """
    sums = np.zeros(32)
    whole = a.size - a.size % 32
    for start in range(0, whole, 32):
        for j in range(32):
            sums[j] += seen[start + j] * (a[start + j] - b[start + j]) ** 2
    for i in range(whole, a.size):
        sums[i - whole] += seen[i] * (a[i] - b[i]) ** 2
    half = 16
    while half > 0:
        for j in range(half):
            sums[j] += sums[j + half]
        half //= 2
    return sums[0]


def across(x, rows, columns, rank):
    """Return V^T of x = (U, V), so that inner loops run along its rows.

    Parameters
    ----------
    x : vector of size (rows + columns) rank
    rows, columns, rank : int

    Returns
    -------
    matrix (rank, columns)

    Examples
    --------
    >>> across(np.array([1.0, 2.0, 3.0, 4.0]), 2, 2, 1).tolist()
    [[3.0, 4.0]]
    """
    out = np.empty((rank, columns))
    for j in range(columns):
        for k in range(rank):
            out[k, j] = x[(rows + j) * rank + k]
    return out


def defect(x, i, target, turned, row):
    """Write row i of U V^T - A, given V^T as `turned`.

    Parameters
    ----------
    x : vector of size (rows + columns) rank
    i : int
    target : matrix (rows, columns)
        A.
    turned : matrix (rank, columns)
        V^T.
    row : vector
        Overwritten.

    Examples
    --------
    >>> row = np.empty(2)
    >>> defect(np.array([2.0, 1.0, 3.0]), 0, np.zeros((1, 2)), np.array([[1.0, 3.0]]), row)
    >>> row.tolist()
    [2.0, 6.0]
    """
    rank = turned.shape[0]
    for j in range(row.size):
        row[j] = -target[i, j]
    combine(row, turned, 0, x, i * rank, 1, rank)
