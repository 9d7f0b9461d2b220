"""The laws of noise as kernels: ``law(value, key, level, degrees)`` answers, all chance from the key."""

from functools import cache
from typing import Any

import numpy as np

from zobench.compile import typed
from zobench.stream import hashed_polar, hashed_word
from zobench.views import floats_at

__all__ = ["LAWS", "address_of_law"]

# Bound when the template is compiled.
author: Any = None


def gaussian(value, key, level, degrees):
    """Add a normal variate."""
    exponential, cosine = hashed_polar(key, 0)
    return value + level * (np.sqrt(2.0 * exponential) * cosine)


def multiplicative(value, key, level, degrees):
    """Multiply by 1 plus a normal variate."""
    exponential, cosine = hashed_polar(key, 0)
    return value + value * (level * (np.sqrt(2.0 * exponential) * cosine))


def heavy_tailed(value, key, level, degrees):
    """Add a variate of Student's law by the polar method of Bailey (Mathematics of Computation 62, 1994)."""
    exponential, cosine = hashed_polar(key, 0)
    return value + level * (np.sqrt(degrees * np.expm1(2.0 * exponential / degrees)) * cosine)


def quantised(value, key, level, degrees):
    """Round to the nearest multiple of the level, halves to the even one."""
    if level == 0.0:
        return value
    steps = value / level
    # beyond 2^52 steps a float has no finer grid; NaN and infinities stay what they are
    return level * np.rint(steps) if abs(steps) < 4503599627370496.0 else value


def failure(value, key, level, degrees):
    """Answer NaN with a probability."""
    uniform = np.float64(hashed_word(key, 0) >> np.uint64(11)) * 1.1102230246251565e-16
    return np.nan if uniform < level else value


#: The laws by name.
LAWS = {
    "gaussian": gaussian,
    "multiplicative": multiplicative,
    "heavy-tailed": heavy_tailed,
    "quantised": quantised,
    "failure": failure,
}


def _answer(value, key, parameters):
    numbers = floats_at(parameters)
    return author(value, key, numbers[0], numbers[1])


@cache
def address_of_law(name: str) -> int:
    """Compile a law as ``double noise(double value, long key, double *parameters)``; give its address.

    Parameters
    ----------
    name : str
        A key of `LAWS`.

    Returns
    -------
    int

    Raises
    ------
    KeyError
        If no law has that name.

    Examples
    --------
    Rounding to multiples of 0.25:

    >>> import ctypes
    >>> kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_int64, ctypes.c_void_p)
    >>> numbers = (ctypes.c_double * 2)(0.25, 3.0)
    >>> kind(address_of_law("quantised"))(1.1, 7, ctypes.addressof(numbers))
    1.0
    """
    return typed(_answer, "float64(float64, int64, int64)", f"noise {name}", author=LAWS[name])
