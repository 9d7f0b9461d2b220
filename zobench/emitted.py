"""Functions and types of compiled code, named without numba.

A process that finds all its code compiled never loads numba: types go by their names, and numba hears of an
intrinsic when it first meets one.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = ["FLOAT", "INT", "MATRIX", "VECTOR", "Emitted", "emitted", "kind_of"]

# Addresses travel as integers: no reference counts, and room in a record.
INT, FLOAT, VECTOR, MATRIX = "int64", "float64", "vector", "matrix"


class Emitted:
    """A function that exists in compiled code only.

    Parameters
    ----------
    define : function
        As numba's ``intrinsic`` wants it.

    Raises
    ------
    NotImplementedError
        If Python calls it.

    Examples
    --------
    >>> from zobench.views import floats_at
    >>> isinstance(floats_at, Emitted)
    True
    >>> floats_at(0)
    Traceback (most recent call last):
    NotImplementedError: floats_at is for compiled code
    """

    def __init__(self, define: Callable[..., Any]):
        self._define = define
        self.__name__, self.__qualname__, self.__module__ = (
            define.__name__,
            define.__qualname__,
            define.__module__,
        )
        self.__doc__ = define.__doc__

    def __call__(self, *arguments: Any) -> Any:
        """Complain: there is no such function in Python.

        Parameters
        ----------
        *arguments : object
            Not looked at.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(f"{self.__name__} is for compiled code")

    def typed(self) -> Any:
        """Give the type by which numba knows this function."""
        if not hasattr(self, "_type"):
            from numba import types
            from numba.core.typing.templates import make_intrinsic_template

            self._type = types.Function(make_intrinsic_template(self, self._define, self.__name__))
        return self._type


def emitted(define: Callable[..., Any]) -> Any:
    """Make a function of compiled code of what emits it (`Emitted`).

    Parameters
    ----------
    define : callable
        ``define(typingctx, ...)`` with an argument for each of the function's own; answers the function's
        signature, and ``codegen(context, builder, signature, args)``, which writes its code with llvmlite.

    Returns
    -------
    Emitted

    Examples
    --------
    >>> @emitted
    ... def twice(typingctx, value):
    ...     def codegen(context, builder, signature, args):
    ...         return builder.fadd(args[0], args[0])
    ...     return kind_of(FLOAT)(kind_of(FLOAT)), codegen
    >>> def objective(x):
    ...     return twice(x[0])
    >>> twice.__name__
    'twice'
    """
    return Emitted(define)


def kind_of(name: Any) -> Any:
    """Give the numba type of a name; what is one already stays as it is.

    Parameters
    ----------
    name : str or numba type
        `INT`, `FLOAT`, `VECTOR`, `MATRIX`, "void", "uint64", "rows" (a matrix whose rows may lie apart),
        "floats" or "ints" (pointers).

    Returns
    -------
    numba type

    Raises
    ------
    KeyError
        If no type has that name.

    Examples
    --------
    >>> print(kind_of(INT), kind_of(FLOAT))
    int64 float64
    >>> kind_of(kind_of(VECTOR)).ndim
    1
    """
    return _kinds()[name] if isinstance(name, str) else name


@cache
def _kinds() -> dict[str, Any]:
    from numba import float64, int64, types, uint64

    return {
        "void": types.void,
        "uint64": uint64,
        INT: int64,
        FLOAT: float64,
        VECTOR: types.Array(float64, 1, "C"),
        MATRIX: types.Array(float64, 2, "C"),
        "rows": types.Array(float64, 2, "A"),  # of neighbouring numbers, any distance apart
        "floats": types.CPointer(float64),
        "ints": types.CPointer(int64),
    }
