"""The objective as a C function, whatever it was: a registered instance, a Python callable, a pointer.

Every form ends as the address of ``double f(double *x, long dim, double *data)``, so one compiled solver
serves them all and cannot tell them apart.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.compile import layout_of, typed
from zobench.errors import ZobenchError
from zobench.instance import Instance, field_kinds
from zobench.noise import Noise
from zobench.views import FLOAT, INT, MATRIX, VECTOR, data_view, rows_at, vector_at

__all__ = ["Functions", "Objective", "objective_of"]

_VALUE = "float64(int64, int64, int64)"
_GRADIENT = "void(int64, int64, int64, int64)"
_SAMPLE = "float64(int64, int64, int64, int64)"
_MANY = "void(int64, int64, int64, int64, int64, int64)"
_KINDS = {"float": FLOAT, "int": INT, "vector": VECTOR, "matrix": MATRIX}

# The templates below are outer functions: `author` and `view` are bound when they are compiled.
author: Any = None
view: Any = None


def _value(x, dim, data):
    return author(vector_at(x, dim), view(data))


def _value_alone(x, dim, data):
    return author(vector_at(x, dim))


def _gradient(x, dim, data, out):
    author(vector_at(x, dim), view(data), vector_at(out, dim))


def _gradient_alone(x, dim, data, out):
    author(vector_at(x, dim), vector_at(out, dim))


def _sample(x, dim, data, key):
    return author(vector_at(x, dim), view(data), key)


def _sample_alone(x, dim, data, key):
    return author(vector_at(x, dim), key)


def _many(first, distance, count, dim, data, out):
    author(rows_at(first, distance, count, dim), view(data), vector_at(out, count))


def _many_alone(first, distance, count, dim, data, out):
    author(rows_at(first, distance, count, dim), vector_at(out, count))


@dataclass
class Objective:
    """What the harness and, through `query`, a solver call.

    Attributes
    ----------
    address : int
        Of ``double f(double *x, long dim, double *data)``.
    data_address : int
    gradient_address : int
        Of ``void g(double *x, long dim, double *data, double *out)``, or 0.
    counted_gradient_address : int
        Of the same function as a first-order method enters it, counted, or 0.
    sample_address : int
        Of ``double F(double *x, long dim, double *data, long key)``, or 0.
    many_address : int
        Of ``void many(double *first, long distance, long count, long dim, double *data, double *out)``, which
        writes f at `count` points whose first coordinates lie `distance` bytes apart, or 0.
    noise : Noise or None
        What queries are answered with besides the value; the record never has it.
    error : BaseException or None
        The first exception of a Python callable: C cannot carry it, the harness raises it.
    calls : int
        How often a Python callable was entered, counted outside the oracle.
    quiet_address : int
        Of the same function as the harness evaluates it off the record, or 0: an objective from outside may
        count its own calls, and is entered for queries only.
    on_error : callable
        Called at the first exception; a run closes its budget there.
    keep : list
        What must live as long as the addresses are used: callbacks, data.

    Examples
    --------
    >>> made = objective_of(lambda x: float(x @ x), 3)
    >>> made.calls, made.gradient_address, made.varies
    (0, 0, False)
    """

    address: int
    data_address: int = 0
    gradient_address: int = 0
    sample_address: int = 0
    noise: Noise | None = None
    error: BaseException | None = None
    calls: int = 0
    quiet_address: int = 0
    on_error: Callable[[], None] = lambda: None
    counted_gradient_address: int = 0
    many_address: int = 0
    keep: list[Any] = field(default_factory=list, repr=False)

    @property
    def varies(self) -> bool:
        """Whether two queries at one point may answer differently."""
        return self.sample_address != 0 or (self.noise is not None and self.noise.varies)


class Functions:
    """The compiled functions of an instance, for compiled code by address and for Python by call.

    Parameters
    ----------
    instance : Instance
        Of a problem whose objective is a kernel.

    Examples
    --------
    >>> import zobench
    >>> made = zobench.problem("quadratic", dim=4)
    >>> functions = Functions(made)
    >>> functions.value(made.x_star), functions.gradient(made.x0).shape
    (0.0, (4,))
    """

    def __init__(self, instance: Instance):
        problem, label = instance.problem, instance.problem.name
        sample = problem.sample if instance.stochastic else None
        kinds = [_KINDS[kind] for kind in field_kinds(problem.data).values()]
        layout = layout_of(problem.data, kinds)
        bind = {"view": data_view(problem.data, kinds)} if problem.data else {}

        def compiled(author: Any, template: Any, alone: Any, signature: Any, what: str) -> int:
            if author is None:
                return 0
            chosen = template if problem.data else alone
            return typed(chosen, signature, f"{what} of {label}", layout, author=author, **bind)

        self._block = instance.block
        value = compiled(problem.objective, _value, _value_alone, _VALUE, "value")
        gradient = compiled(problem.gradient, _gradient, _gradient_alone, _GRADIENT, "gradient")
        self.objective = Objective(
            address=value,
            data_address=self._block.ctypes.data,
            gradient_address=gradient,
            counted_gradient_address=gradient,
            sample_address=compiled(sample, _sample, _sample_alone, _SAMPLE, "sample"),
            noise=instance.noise,
            quiet_address=value,
            many_address=compiled(problem.many, _many, _many_alone, _MANY, "many values"),
            keep=[self._block],
        )
        integers = [ctypes.c_int64] * 4
        self._c_value = ctypes.CFUNCTYPE(ctypes.c_double, *integers[:3])(self.objective.address)
        address = self.objective.many_address
        self._c_many = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 6)(address) if address else None
        if problem.gradient:
            self._c_gradient = ctypes.CFUNCTYPE(None, *integers)(self.objective.gradient_address)
        if sample:
            self._c_sample = ctypes.CFUNCTYPE(ctypes.c_double, *integers)(self.objective.sample_address)

    def value(self, x: NDArray[np.float64]) -> float:
        """Return f(x).

        Parameters
        ----------
        x : array of shape (d,)
            Of float64, its numbers side by side in memory; that is not checked, here and below.

        Returns
        -------
        float
        """
        return self._c_value(x.ctypes.data, x.size, self._block.ctypes.data)

    def values(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return f at each row of `points`, evaluated together where the problem knows how.

        Parameters
        ----------
        points : array of shape (n, d)
            The rows may lie apart in memory.

        Returns
        -------
        array of shape (n,)
        """
        if self._c_many is None:
            return np.array([self.value(x) for x in points])
        (count, dim), out = points.shape, np.empty(len(points))
        start, distance = points.ctypes.data, points.strides[0]
        self._c_many(start, distance, count, dim, self._block.ctypes.data, out.ctypes.data)
        return out

    def gradient(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return grad f(x), of a problem that has a gradient.

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        array of shape (d,)
        """
        out = np.empty_like(x)
        self._c_gradient(x.ctypes.data, x.size, self._block.ctypes.data, out.ctypes.data)
        return out

    def sample(self, x: NDArray[np.float64], key: int) -> float:
        """Return the sample of f(x) that belongs to `key`, of a stochastic instance.

        Parameters
        ----------
        x : array of shape (d,)
        key : int

        Returns
        -------
        float
        """
        return self._c_sample(x.ctypes.data, x.size, self._block.ctypes.data, key)


class ForeignFunctions:
    """The functions of an instance whose objective another package computes."""

    def __init__(self, instance: Instance):
        self._instance = instance

    @property
    def objective(self) -> Objective:
        """A new bridge for each run: a bridge keeps the first exception of its run."""
        foreign, dim = self._instance.foreign, self._instance.dim
        made, quiet = _from_python(foreign.counted, dim), _from_python(foreign.quiet, dim)
        made.quiet_address, made.noise = quiet.address, self._instance.noise
        made.keep.append(quiet)
        return made

    def value(self, x: NDArray[np.float64]) -> float:
        """Return f(x), off the record."""
        return float(self._instance.foreign.quiet(x))


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p)


def _from_python(function: Callable[[NDArray[np.float64]], float], dim: int) -> Objective:
    """Bridge a Python callable; each call gets a vector of its own."""
    views: dict[int, NDArray[np.float64]] = {}  # a solver asks from few places: each is viewed once
    vector = ctypes.c_double * dim

    def call(address: int, _dim: int, _data: int) -> float:
        if objective.error is not None:
            return np.nan
        objective.calls += 1
        try:
            x = views.get(address)
            if x is None:
                x = views[address] = np.ctypeslib.as_array(vector.from_address(address))
            answer = function(x.copy())
            return answer if type(answer) is float else _number(answer)
        except BaseException as error:  # kept for the harness: C cannot carry an exception
            objective.error = error
            objective.on_error()
            return np.nan

    callback = _CALLBACK(call)
    address = ctypes.cast(callback, ctypes.c_void_p).value
    assert address is not None
    objective = Objective(address, keep=[callback, views])
    return objective


_GRADIENT_CALLBACK = ctypes.CFUNCTYPE(
    None, *[ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
)


def _add_gradient(objective: Objective, jac: Callable[[NDArray[np.float64]], Any], dim: int) -> None:
    """Bridge a Python callable that answers the gradient; it is entered for counted queries only."""
    vector = ctypes.c_double * dim

    def call(address: int, _dim: int, _data: int, out: int) -> None:
        target = np.ctypeslib.as_array(vector.from_address(out))
        target[:] = np.nan
        if objective.error is not None:
            return
        try:
            answer = np.asarray(jac(np.array(vector.from_address(address))), dtype=np.float64)
            if answer.shape != (dim,):
                raise ZobenchError(f"jac must answer a vector of shape ({dim},), got shape {answer.shape}")
            target[:] = answer
        except BaseException as error:  # kept for the harness: C cannot carry an exception
            objective.error = error
            objective.on_error()

    callback = _GRADIENT_CALLBACK(call)
    objective.counted_gradient_address = ctypes.cast(callback, ctypes.c_void_p).value or 0
    objective.keep.append(callback)


def _number(answer: Any) -> float:
    array = np.asarray(answer)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ZobenchError(f"the objective must answer one number, got {answer!r}")
    return float(array.reshape(())[()])


def _from_pointer(function: Any) -> Objective:
    """Take a ctypes function pointer of signature ``double f(double *, long, double *)``."""
    given, long = function.argtypes, {ctypes.sizeof(ctypes.c_long): ctypes.c_long}
    if function.restype is not ctypes.c_double or (given is not None and len(given) != 3):
        raise ZobenchError(
            "a ctypes objective must be double f(double *x, long dim, double *data), "
            f"got {function.restype} from {given}"
        )
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return Objective(address, keep=[function, long])


def _from_low_level(function: Any) -> Objective:
    """Take a `scipy.LowLevelCallable`; its user data, if any, is passed as the data pointer."""
    wanted = "double (double *, long, double *)"
    spelled = function.signature.replace(" ", "").replace("int64_t", "long").replace("void*", "double*")
    if spelled != wanted.replace(" ", ""):
        raise ZobenchError(
            f"a LowLevelCallable objective must have signature {wanted!r}, got {function.signature!r}"
        )
    capsule, name = tuple.__getitem__(function, 0), function.signature.encode()
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    context = ctypes.pythonapi.PyCapsule_GetContext
    context.restype, context.argtypes = ctypes.c_void_p, [ctypes.py_object]
    return Objective(pointer(capsule, name), data_address=context(capsule) or 0, keep=[function])


def objective_of(function: Any, dim: int, jac: Any = None) -> Objective:
    """Make a C function of whatever can be minimised.

    Parameters
    ----------
    function : Instance, callable, ctypes function pointer, numba cfunc, cffi pointer or LowLevelCallable
        Pointers have the signature ``double f(double *x, long dim, double *data)``; a callable takes a
        vector of shape (dim,) and answers a number.
    dim : int
        d.
    jac : callable, optional
        ``jac(x)``, the gradient of shape (dim,), for first-order methods; an instance brings its own.

    Returns
    -------
    Objective

    Raises
    ------
    ZobenchError
        If it is none of these; if a pointer has another signature, or an instance another dimension; if `jac`
        cannot be called.

    Examples
    --------
    >>> import ctypes
    >>> made = objective_of(lambda x: float(x @ x), 3)
    >>> place = ctypes.c_void_p
    >>> value = ctypes.CFUNCTYPE(ctypes.c_double, place, ctypes.c_long, place)(made.address)
    >>> x = np.array([1.0, 2.0, 2.0])
    >>> value(x.ctypes.data, 3, None), made.calls
    (9.0, 1)
    """
    if jac is not None and not callable(jac):
        raise ZobenchError(f"jac must be a callable of one vector that answers the gradient, got {jac!r}")
    made = _objective(function, dim)
    if jac is not None:
        _add_gradient(made, jac, dim)
    return made


def _objective(function: Any, dim: int) -> Objective:
    if isinstance(function, Instance):
        if function.dim != dim:
            raise ZobenchError(f"x0 must have shape ({function.dim},), got ({dim},)")
        made = function._functions.objective
        return made if function.foreign else replace(made, keep=[*made.keep])
    if isinstance(function, ctypes._CFuncPtr):  # type: ignore[attr-defined]
        return _from_pointer(function)
    if type(function).__name__ == "LowLevelCallable":
        return _from_low_level(function)
    if type(function).__name__ == "CFunc" and hasattr(function, "address"):
        return Objective(function.address, keep=[function])
    if type(function).__name__ in ("CData", "_CDataBase"):
        import cffi

        return Objective(int(cffi.FFI().cast("intptr_t", function)), keep=[function])
    if callable(function):
        return _from_python(function, dim)
    raise ZobenchError(
        "fun must be an instance, a callable of one vector, or a C function pointer "
        f"double f(double *, long, double *), got {type(function).__name__}"
    )
