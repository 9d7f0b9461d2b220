"""What the least-squares test problems share: parameters, refusals, and certificates of a sum of squares.

    f(x) = sum_i r_i(x)^2,   m residuals r_i, no factor 1/2,

as Moré, Garbow and Hillstrom (1981) and Moré and Wild (2009) print it.  A problem writes its residuals into
`objective`, adding their squares one by one, and 2 r_i grad r_i into `gradient`: no residual vector is
stored where none is needed.  x0 is `start` times the published start.

Where the minimal value is not proved, it is certified as `f_best`: attained at a known point, and the lowest
that anybody has found.
"""

from typing import Annotated, NamedTuple

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.parameters import Real

__all__ = [
    "FLOOR",
    "Start",
    "Started",
    "best_known",
    "demand_dim",
    "demand_start",
    "nothing",
    "zero_residual",
]

#: x0 over the published start; the classical runs take 1, 10 and 100.
Start = Annotated[float, Real(0.0, 1e6, open=True)]


class Started(NamedTuple):
    """What can be chosen where there is nothing but the start: x0 over the published start.

    Parameters
    ----------
    start : float
        Above 0.

    Examples
    --------
    >>> Started().start
    1.0
    """

    start: Start = 1.0


#: Of every sum of squares.
FLOOR = Certificate("f_lower", 0.0, "f is a sum of squares.", exact=False)


def zero_residual(why: str) -> Certificate:
    """Certify f_star = 0 by a point where all residuals vanish.

    Parameters
    ----------
    why : str
        Where they vanish and why, as the end of a sentence.

    Returns
    -------
    Certificate

    Examples
    --------
    >>> zero_residual("at (1, 1)").constant
    'f_star'
    """
    return Certificate("f_star", 0.0, f"f is a sum of squares, and {why}.")


def best_known(value: float, where: str) -> tuple[Certificate, Certificate]:
    """Certify the lowest value known, beside f_lower = 0.

    Parameters
    ----------
    value : float
    where : str
        The point that attains it, in words.

    Returns
    -------
    tuple of two Certificate

    Examples
    --------
    >>> best_known(0.5, "found by Newton's method")[0].value
    0.5
    """
    proof = f"Attained at {where}; nobody has found less, and nothing proves that there is none."
    return Certificate("f_best", value, proof, exact=False), FLOOR


def demand_dim(holds: bool, name: str, must_be: str, dim: int) -> None:
    """Refuse a dimension unless a condition holds.

    Parameters
    ----------
    holds : bool
    name : str
        Of the problem.
    must_be : str
    dim : int

    Raises
    ------
    ZobenchError
        Unless `holds`.

    Examples
    --------
    >>> demand_dim(6 % 4 == 0, "powell-singular", "a multiple of 4", 6)
    Traceback (most recent call last):
    zobench.errors.ZobenchError: problem 'powell-singular': dim must be a multiple of 4, got 6
    """
    if not holds:
        raise ZobenchError(f"problem {name!r}: dim must be {must_be}, got {dim}")


def demand_start(largest: float, name: str, start: float) -> None:
    """Refuse a start from which f is not a number.

    Parameters
    ----------
    largest : float
        Start at which f is still a number.
    name : str
        Of the problem.
    start : float

    Raises
    ------
    ZobenchError
        If `start` is larger.

    Examples
    --------
    >>> demand_start(100.0, "watson", 10.0)
    """
    if start > largest:
        raise ZobenchError(
            f"problem {name!r}: start must be <= {largest:.3g} for f(x0) to be a number, got {start:g}"
        )


def nothing(x):
    """Return 0, or NaN if a coordinate is not finite: limits at infinity are no values of f.

    Parameters
    ----------
    x : vector of size d

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> float(nothing(np.ones(2)))
    0.0
    """
    total = 0.0
    for i in range(x.size):
        total += 0.0 * x[i]
    return total
