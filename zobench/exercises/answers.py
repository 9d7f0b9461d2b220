"""What students may give as an answer: numbers in any dress, and functions that may do anything."""

import math
import reprlib
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from traceback import walk_tb
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Wrong", "call", "function", "plain_number", "plain_vector"]


class Wrong(Exception):
    """What is wrong with an answer, in a sentence.

    Examples
    --------
    >>> try:
    ...     plain_number("0.5", "the length")
    ... except Wrong as wrong:
    ...     print(wrong)
    the length is a number: write it without quotes, got '0.5'.
    """


def plain_number(value: Any, what: str) -> float:
    """Give a number as a float, whether it is one of Python's, NumPy's or alone in an array or list.

    Parameters
    ----------
    value : object
    what : str
        What it is, for the complaint.

    Returns
    -------
    float

    Raises
    ------
    Wrong
        If it is not a real number.

    Examples
    --------
    >>> plain_number(np.array([0.5]), "the length"), plain_number(Fraction(1, 4), "the length")
    (0.5, 0.25)
    """
    alone = value
    if isinstance(value, (list, tuple)) and len(value) == 1:
        (alone,) = value
    elif isinstance(value, np.ndarray) and value.size == 1:
        alone = value.ravel()[0]
    if isinstance(alone, str):
        raise Wrong(f"{what} is a number: write it without quotes, got {reprlib.repr(value)}.")
    real = isinstance(alone, (int, float, np.integer, np.floating, Fraction, Decimal))
    if not real or isinstance(alone, bool):
        raise Wrong(f"{what} must be one real number, got {reprlib.repr(value)}.")
    try:
        plain = float(alone)
    except OverflowError:
        plain = math.inf if alone > 0 else -math.inf
    if math.isnan(plain):
        raise Wrong(
            f"{what} must be a number, got nan: was something divided by zero, or inf taken from inf?"
        )
    return plain


def plain_vector(value: Any, shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    """Give an array, or nested lists, of a shape as an array of floats.

    Parameters
    ----------
    value : object
    shape : tuple of int
    what : str
        What it is, for the complaint.

    Returns
    -------
    array of the shape

    Raises
    ------
    Wrong
        If it has another shape, or holds something else than numbers.

    Examples
    --------
    >>> plain_vector([1, 2], (2,), "the direction").tolist()
    [1.0, 2.0]
    >>> try:
    ...     plain_vector([1, 2], (3,), "the direction")
    ... except Wrong as wrong:
    ...     print(wrong)
    the direction must have shape (3,), got shape (2,).
    """
    try:
        plain = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise Wrong(f"{what} must be numbers of shape {shape}, got {reprlib.repr(value)}.") from None
    if plain.shape != shape:
        given = "a single number" if plain.shape == () else f"shape {plain.shape}"
        raise Wrong(f"{what} must have shape {shape}, got {given}.")
    return plain


def function(fault: Callable[[Any], str], form: str) -> Callable[[Any], str]:
    """Make the judge of a question that is answered by a function.

    Parameters
    ----------
    fault : callable
        ``fault(answer) -> str``.
    form : str
        How it is called, such as ``"step(f, x, alpha, s)"``.

    Returns
    -------
    callable
        ``fault(answer) -> str`` that first sees to it that a function was given.

    Examples
    --------
    >>> judged = function(lambda double: "" if double(2) == 4 else "double(2) must be 4.", "double(x)")
    >>> judged(lambda x: 2 * x), judged(lambda x: x**3)
    ('', 'double(2) must be 4.')
    >>> judged(4)
    'the answer is a function, called as double(x); got 4.'
    """

    def judged(answer: Any) -> str:
        if not callable(answer):
            return f"the answer is a function, called as {form}; got {reprlib.repr(answer)}."
        return fault(answer)

    return judged


def call(answer: Any, form: str, *arguments: Any) -> Any:
    """Call a student's function.

    Parameters
    ----------
    answer : callable
    form : str
        How it is called, for the complaint.
    *arguments : object

    Returns
    -------
    object

    Raises
    ------
    Wrong
        If it raises: what, and in which line of the student's.

    Examples
    --------
    >>> call(max, "max(a, b)", 1, 2)
    2
    >>> def inverse(x):
    ...     return 1 / x
    >>> try:
    ...     call(inverse, "inverse(x)", 0)
    ... except Wrong as wrong:
    ...     print(wrong)
    called as inverse(x) your function raised in line 2 ZeroDivisionError: division by zero
    """
    try:
        return answer(*arguments)
    except Wrong:
        raise
    except (Exception, SystemExit) as error:
        first, *_ = str(error).splitlines() or [""]
        file = getattr(getattr(answer, "__code__", None), "co_filename", None)
        frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
        lines = [line for name, line in frames if name == file]
        where = f" in line {lines[-1]}" if lines else ""
        raised = f"{type(error).__name__}: {first}" if first else type(error).__name__
        raise Wrong(f"called as {form} your function raised{where} {raised}") from None
