"""Raw memory seen from compiled code: records, vectors and tuples over plain pointers.

Arrays of numba carry a reference count, and counting references across kernel calls costs more than
the arithmetic at small dimension.  Between kernels zobench therefore passes plain pointers, and the
intrinsics below view them again as what an author writes: a vector, a record, a tuple with names.
None of the views owns memory.

A process that finds all its code compiled never loads numba: types go by their names, and numba hears of an
intrinsic when it first meets one (`emitted`).
"""

from functools import cache
from typing import Any

import numpy as np

from zobench.emitted import FLOAT, INT, MATRIX, VECTOR, emitted, kind_of

__all__ = [
    "FLOAT",
    "INT",
    "MATRIX",
    "VECTOR",
    "as_bits",
    "as_float",
    "call",
    "data_view",
    "floats_at",
    "ints_at",
    "matrix_at",
    "parameters_view",
    "record_view",
    "release",
    "row_of",
    "rows_at",
    "scratch",
    "vector_at",
    "workspace_view",
]


@cache
def _i64() -> Any:
    from llvmlite import ir

    return ir.IntType(64)


@cache
def _f64() -> Any:
    from llvmlite import ir

    return ir.DoubleType()


def _array(context: Any, builder: Any, kind: Any, data: Any, shape: list[Any]) -> Any:
    """Emit an array of `kind` over `data` that owns nothing."""
    from numba.core import cgutils
    from numba.np.arrayobj import make_array, populate_array

    array = make_array(kind)(context, builder)
    strides: list[Any] = []
    step = _i64()(8)
    for size in reversed(shape):
        strides.insert(0, step)
        step = builder.mul(step, size)
    populate_array(
        array,
        data=data,
        shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides),
        itemsize=_i64()(8),
        meminfo=None,
    )
    return array._getvalue()


def _at(builder: Any, pointer: Any, place: int) -> Any:
    return builder.load(builder.gep(pointer, [_i64()(place)]))


@emitted
def floats_at(typingctx, address):
    """``floats_at(address)``: a pointer to float64."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(kind_of("floats")))

    return kind_of("floats")(kind_of(INT)), codegen


@emitted
def ints_at(typingctx, address):
    """``ints_at(address)``: a pointer to int64."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(kind_of("ints")))

    return kind_of("ints")(kind_of(INT)), codegen


@emitted
def vector_at(typingctx, address, size):
    """``vector_at(address, size)``: a float64 vector over memory that somebody else keeps."""

    def codegen(context, builder, signature, args):
        data = builder.inttoptr(args[0], _f64().as_pointer())
        return _array(context, builder, kind_of(VECTOR), data, [args[1]])

    return kind_of(VECTOR)(*[kind_of(INT)] * 2), codegen


@emitted
def matrix_at(typingctx, address, rows, columns):
    """``matrix_at(address, rows, columns)``: a float64 matrix over memory that somebody else keeps."""

    def codegen(context, builder, signature, args):
        data = builder.inttoptr(args[0], _f64().as_pointer())
        return _array(context, builder, kind_of(MATRIX), data, list(args[1:]))

    return kind_of(MATRIX)(*[kind_of(INT)] * 3), codegen


@emitted
def as_bits(typingctx, value):
    """``as_bits(float64)``: the same 64 bits as an unsigned integer."""
    signature = kind_of("uint64")(kind_of(FLOAT))
    return signature, lambda context, builder, signature, args: builder.bitcast(args[0], _i64())


@emitted
def as_float(typingctx, value):
    """``as_float(uint64)``: the same 64 bits as a float64."""
    signature = kind_of(FLOAT)(kind_of("uint64"))
    return signature, lambda context, builder, signature, args: builder.bitcast(args[0], _f64())


@emitted
def scratch(typingctx, size):
    """``scratch(size)``: a float64 vector of unknown contents, to be given back with `release`.

    A kernel may make arrays as NumPy does; one that uses these instead is loaded without numba.
    """

    def codegen(context, builder, signature, args):
        from llvmlite import ir
        from numba.core import cgutils

        place = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(place, [_i64()])
        claim = cgutils.get_or_insert_function(builder.module, kind, "malloc")
        data = builder.call(claim, [builder.mul(args[0], _i64()(8))])
        return _array(
            context, builder, kind_of(VECTOR), builder.bitcast(data, _f64().as_pointer()), [args[0]]
        )

    return kind_of(VECTOR)(kind_of(INT)), codegen


@emitted
def release(typingctx, vector):
    """``release(vector)``: give back what `scratch` made."""

    def codegen(context, builder, signature, args):
        from llvmlite import ir
        from numba.core import cgutils
        from numba.np.arrayobj import make_array

        place = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [place])
        free = cgutils.get_or_insert_function(builder.module, kind, "free")
        data = make_array(kind_of(VECTOR))(context, builder, args[0]).data
        builder.call(free, [builder.bitcast(data, place)])
        return context.get_dummy_value()

    return kind_of("void")(kind_of(VECTOR)), codegen


@emitted
def rows_at(typingctx, address, distance, rows, columns):
    """``rows_at(address, distance, rows, columns)``: a matrix whose rows lie `distance` bytes apart."""

    def codegen(context, builder, signature, args):
        from numba.core import cgutils
        from numba.np.arrayobj import make_array, populate_array

        array = make_array(kind_of("rows"))(context, builder)
        populate_array(
            array,
            data=builder.inttoptr(args[0], _f64().as_pointer()),
            shape=cgutils.pack_array(builder, list(args[2:])),
            strides=cgutils.pack_array(builder, [args[1], _i64()(8)]),
            itemsize=_i64()(8),
            meminfo=None,
        )
        return array._getvalue()

    return kind_of("rows")(*[kind_of(INT)] * 4), codegen


def row_of(rows, place):
    """View one row of what `rows_at` made as a vector.

    Parameters
    ----------
    rows : what `rows_at` made
    place : int

    Returns
    -------
    vector

    Examples
    --------
    >>> def many(points, data, out):
    ...     first = row_of(rows, 0)
    """
    return vector_at(rows.ctypes.data + place * rows.strides[0], rows.shape[1])


def record_view(dtype: np.dtype) -> Any:
    """Make ``view(address)``: the record of that dtype which lies there, read and written in place.

    Parameters
    ----------
    dtype : numpy.dtype
        Of a record, aligned as in C.

    Returns
    -------
    function
        For compiled code.

    Examples
    --------
    >>> POINT = np.dtype([("x", "f8"), ("y", "f8")], align=True)
    >>> point_at = record_view(POINT)
    >>> def mirror(address):
    ...     point = point_at(address)
    ...     point.y = -point.y
    """

    @emitted
    def view(typingctx, address):
        from numba import from_dtype

        kind = from_dtype(dtype)

        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(kind_of(INT)), codegen

    return view


def call(answer: Any, *arguments: Any) -> Any:
    """Make ``call(address, ...)``: call the C function at that address.

    Parameters
    ----------
    answer, *arguments : names of types (`kind_of`)
        The C function's own signature; integers that are really pointers stay integers, which the
        machine's calling convention does not tell apart.

    Returns
    -------
    function
        For compiled code.

    Raises
    ------
    NotImplementedError
        If there is no argument, or more than six.

    Examples
    --------
    >>> value = call(FLOAT, INT, INT, INT)
    >>> def difference(function, x, y, dim, data):
    ...     return value(function, x, dim, data) - value(function, y, dim, data)
    >>> call(FLOAT)
    Traceback (most recent call last):
    NotImplementedError: call() writes out 1 to 6 arguments, not 0
    """
    count = len(arguments)

    def codegen(context, builder, signature, args):
        from llvmlite import ir

        void = signature.return_type == kind_of("void")
        answered = ir.VoidType() if void else context.get_value_type(signature.return_type)
        kind = ir.FunctionType(answered, [arg.type for arg in args[1:]])
        result = builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value() if void else result

    def emit():
        return kind_of(answer)(kind_of(INT), *map(kind_of, arguments)), codegen

    # numba reads the number of arguments off the Python signature, so it has to be written out.
    if count == 1:

        @emitted
        def caller(typingctx, address, a):
            return emit()
    elif count == 2:

        @emitted
        def caller(typingctx, address, a, b):
            return emit()
    elif count == 3:

        @emitted
        def caller(typingctx, address, a, b, c):
            return emit()
    elif count == 4:

        @emitted
        def caller(typingctx, address, a, b, c, d):
            return emit()
    elif count == 5:

        @emitted
        def caller(typingctx, address, a, b, c, d, e):
            return emit()
    elif count == 6:

        @emitted
        def caller(typingctx, address, a, b, c, d, e, f):
            return emit()
    else:
        raise NotImplementedError(f"call() writes out 1 to 6 arguments, not {count}")
    return caller


def workspace_view(state: type) -> Any:
    """Make ``view(work, offsets)``: the NamedTuple `state` whose fields are vectors in one block.

    Field i lies at ``work[offsets[i]:offsets[i] + sizes[i]]``; `offsets` holds (offset, size) pairs.

    Parameters
    ----------
    state : type
        A NamedTuple class of vectors.

    Returns
    -------
    function
        For compiled code; `work` and `offsets` are addresses.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from zobench.instance import Vector
    >>> class State(NamedTuple):
    ...     x: Vector
    ...     s: Vector
    >>> state_at = workspace_view(State)
    >>> def add(work, offsets):
    ...     state = state_at(work, offsets)
    ...     for i in range(state.x.size):
    ...         state.x[i] += state.s[i]
    """
    count = len(state._fields)  # type: ignore[attr-defined]

    @emitted
    def view(typingctx, work, offsets):
        from numba import types

        vector = kind_of(VECTOR)
        kind = types.NamedUniTuple(vector, count, state)

        def codegen(context, builder, signature, args):
            block = builder.inttoptr(args[0], _f64().as_pointer())
            table = builder.inttoptr(args[1], _i64().as_pointer())
            fields = []
            for place in range(count):
                start, size = _at(builder, table, 2 * place), _at(builder, table, 2 * place + 1)
                fields.append(_array(context, builder, vector, builder.gep(block, [start]), [size]))
            return context.make_tuple(builder, kind, fields)

        return kind(*[kind_of(INT)] * 2), codegen

    return view


def parameters_view(parameters: type, kinds: list[Any]) -> Any:
    """Make ``view(address)``: the NamedTuple `parameters`, one 8-byte slot a field, float64 or int64.

    Parameters
    ----------
    parameters : type
        A NamedTuple class.
    kinds : list of types
        `FLOAT` or `INT` for each field.

    Returns
    -------
    function
        For compiled code.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> class Parameters(NamedTuple):
    ...     alpha0: float
    ...     steps: int
    >>> parameters_at = parameters_view(Parameters, [FLOAT, INT])
    >>> def step_size(address):
    ...     parameters = parameters_at(address)
    ...     return parameters.alpha0 / parameters.steps
    """

    @emitted
    def view(typingctx, address):
        from numba import types

        own = [kind_of(each) for each in kinds]
        kind = types.NamedTuple(tuple(own), parameters)

        def codegen(context, builder, signature, args):
            fields = []
            for place, field in enumerate(own):
                number = _f64() if field == kind_of(FLOAT) else _i64()
                slot = builder.inttoptr(args[0], number.as_pointer())
                fields.append(_at(builder, slot, place))
            return context.make_tuple(builder, kind, fields)

        return kind(kind_of(INT)), codegen

    return view


def data_view(data: type, kinds: list[Any]) -> Any:
    """Make ``view(address)``: the NamedTuple `data` of numbers, vectors and matrices in one block.

    The block starts with three 8-byte slots a field.  A number lies in the first of its slots; an array
    has its offset from the start of the block (in slots) and its shape there.

    Parameters
    ----------
    data : type
        A NamedTuple class of numbers, vectors and matrices.
    kinds : list of types
        `FLOAT`, `INT`, `VECTOR` or `MATRIX` for each field.

    Returns
    -------
    function
        For compiled code.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from zobench.instance import Matrix, Vector
    >>> class Data(NamedTuple):
    ...     rows: Matrix
    ...     labels: Vector
    >>> data_at = data_view(Data, [MATRIX, VECTOR])
    >>> def residual(address, x):
    ...     data = data_at(address)
    ...     return data.rows[0, 0] * x[0] - data.labels[0]
    """

    @emitted
    def view(typingctx, address):
        from numba import types

        own = [kind_of(each) for each in kinds]
        kind = types.NamedTuple(tuple(own), data)

        def codegen(context, builder, signature, args):
            floats = builder.inttoptr(args[0], _f64().as_pointer())
            slots = builder.inttoptr(args[0], _i64().as_pointer())
            fields = []
            for place, field in enumerate(own):
                if field == kind_of(FLOAT):
                    fields.append(_at(builder, floats, 3 * place))
                elif field == kind_of(INT):
                    fields.append(_at(builder, slots, 3 * place))
                else:
                    start = builder.gep(floats, [_at(builder, slots, 3 * place)])
                    shape = [_at(builder, slots, 3 * place + 1 + axis) for axis in range(field.ndim)]
                    fields.append(_array(context, builder, field, start, shape))
            return context.make_tuple(builder, kind, fields)

        return kind(kind_of(INT)), codegen

    return view
