"""Raw memory seen from compiled code: records, vectors and tuples over plain pointers.

Arrays of numba carry a reference count, and counting references across kernel calls costs more than
the arithmetic at small dimension.  Between kernels zobench therefore passes plain pointers, and the
intrinsics below view them again as what an author writes: a vector, a record, a tuple with names.
None of the views owns memory.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import float64, from_dtype, int64, types, uint64
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

__all__ = [
    "ADDRESS",
    "FLOATS",
    "INTS",
    "as_bits",
    "as_float",
    "call",
    "data_view",
    "floats_at",
    "ints_at",
    "matrix_at",
    "parameters_view",
    "record_view",
    "row_of",
    "rows_at",
    "vector_at",
    "workspace_view",
]

ADDRESS = int64  # addresses travel as integers: no reference counts, and room in a record
FLOATS = types.CPointer(float64)
INTS = types.CPointer(int64)
VECTOR = types.Array(float64, 1, "C")
MATRIX = types.Array(float64, 2, "C")
ROWS = types.Array(float64, 2, "A")  # rows of neighbouring numbers, any distance apart
_I64 = ir.IntType(64)
_F64 = ir.DoubleType()


def _array(context: Any, builder: Any, kind: types.Array, data: Any, shape: list[Any]) -> Any:
    """Emit an array of `kind` over `data` that owns nothing."""
    array = make_array(kind)(context, builder)
    strides: list[Any] = []
    step = ir.Constant(_I64, 8)
    for size in reversed(shape):
        strides.insert(0, step)
        step = builder.mul(step, size)
    populate_array(
        array,
        data=data,
        shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides),
        itemsize=ir.Constant(_I64, 8),
        meminfo=None,
    )
    return array._getvalue()


def _at(builder: Any, pointer: Any, place: int) -> Any:
    return builder.load(builder.gep(pointer, [ir.Constant(_I64, place)]))


@intrinsic
def floats_at(typingctx, address):
    """``floats_at(address)``: a pointer to float64."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(FLOATS))

    return FLOATS(int64), codegen


@intrinsic
def ints_at(typingctx, address):
    """``ints_at(address)``: a pointer to int64."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(INTS))

    return INTS(int64), codegen


@intrinsic
def vector_at(typingctx, address, size):
    """``vector_at(address, size)``: a float64 vector over memory that somebody else keeps."""

    def codegen(context, builder, signature, args):
        data = builder.inttoptr(args[0], _F64.as_pointer())
        return _array(context, builder, VECTOR, data, [args[1]])

    return VECTOR(int64, int64), codegen


@intrinsic
def matrix_at(typingctx, address, rows, columns):
    """``matrix_at(address, rows, columns)``: a float64 matrix over memory that somebody else keeps."""

    def codegen(context, builder, signature, args):
        data = builder.inttoptr(args[0], _F64.as_pointer())
        return _array(context, builder, MATRIX, data, list(args[1:]))

    return MATRIX(int64, int64, int64), codegen


@intrinsic
def as_bits(typingctx, value):
    """``as_bits(float64)``: the same 64 bits as an unsigned integer."""
    return uint64(float64), lambda context, builder, signature, args: builder.bitcast(args[0], _I64)


@intrinsic
def as_float(typingctx, value):
    """``as_float(uint64)``: the same 64 bits as a float64."""
    return float64(uint64), lambda context, builder, signature, args: builder.bitcast(args[0], _F64)


@intrinsic
def rows_at(typingctx, address, distance, rows, columns):
    """``rows_at(address, distance, rows, columns)``: a matrix whose rows lie `distance` bytes apart."""

    def codegen(context, builder, signature, args):
        array = make_array(ROWS)(context, builder)
        populate_array(
            array,
            data=builder.inttoptr(args[0], _F64.as_pointer()),
            shape=cgutils.pack_array(builder, list(args[2:])),
            strides=cgutils.pack_array(builder, [args[1], ir.Constant(_I64, 8)]),
            itemsize=ir.Constant(_I64, 8),
            meminfo=None,
        )
        return array._getvalue()

    return ROWS(int64, int64, int64, int64), codegen


def row_of(rows, place):
    """View one row of what `rows_at` made as a vector."""
    return vector_at(rows.ctypes.data + place * rows.strides[0], rows.shape[1])


def record_view(dtype: np.dtype) -> Any:
    """Make ``view(address)``: the record of that dtype which lies there, read and written in place."""
    kind = from_dtype(dtype)

    @intrinsic
    def view(typingctx, address):
        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(int64), codegen

    return view


def call(answer: Any, *arguments: Any) -> Any:
    """Make ``call(address, ...)``: call the C function at that address.

    Parameters
    ----------
    answer, *arguments : numba types
        The C function's own signature; integers that are really pointers stay integers, which the
        machine's calling convention does not tell apart.
    """
    count = len(arguments)

    def codegen(context, builder, signature, args):
        answered = ir.VoidType() if answer == types.void else context.get_value_type(answer)
        kind = ir.FunctionType(answered, [arg.type for arg in args[1:]])
        result = builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value() if answer == types.void else result

    # numba reads the number of arguments off the Python signature, so it has to be written out.
    if count == 3:

        @intrinsic
        def caller(typingctx, address, a, b, c):
            return answer(int64, *arguments), codegen
    elif count == 4:

        @intrinsic
        def caller(typingctx, address, a, b, c, d):
            return answer(int64, *arguments), codegen
    elif count == 5:

        @intrinsic
        def caller(typingctx, address, a, b, c, d, e):
            return answer(int64, *arguments), codegen
    elif count == 6:

        @intrinsic
        def caller(typingctx, address, a, b, c, d, e, f):
            return answer(int64, *arguments), codegen
    else:
        raise NotImplementedError(f"call() writes out 3 to 6 arguments, not {count}")
    return caller


def workspace_view(state: type) -> Any:
    """Make ``view(work, offsets)``: the NamedTuple `state` whose fields are vectors in one block.

    Field i lies at ``work[offsets[i]:offsets[i] + sizes[i]]``; `offsets` holds (offset, size) pairs.
    """
    count = len(state._fields)  # type: ignore[attr-defined]
    kind = types.NamedUniTuple(VECTOR, count, state)

    @intrinsic
    def view(typingctx, work, offsets):
        def codegen(context, builder, signature, args):
            block = builder.inttoptr(args[0], _F64.as_pointer())
            table = builder.inttoptr(args[1], _I64.as_pointer())
            fields = []
            for place in range(count):
                start, size = _at(builder, table, 2 * place), _at(builder, table, 2 * place + 1)
                fields.append(_array(context, builder, VECTOR, builder.gep(block, [start]), [size]))
            return context.make_tuple(builder, kind, fields)

        return kind(int64, int64), codegen

    return view


def parameters_view(parameters: type, kinds: list[Any]) -> Any:
    """Make ``view(address)``: the NamedTuple `parameters`, one 8-byte slot a field, float64 or int64."""
    kind = types.NamedTuple(tuple(kinds), parameters)

    @intrinsic
    def view(typingctx, address):
        def codegen(context, builder, signature, args):
            fields = []
            for place, field in enumerate(kinds):
                slot = builder.inttoptr(args[0], (_F64 if field == float64 else _I64).as_pointer())
                fields.append(_at(builder, slot, place))
            return context.make_tuple(builder, kind, fields)

        return kind(int64), codegen

    return view


def data_view(data: type, kinds: list[Any]) -> Any:
    """Make ``view(address)``: the NamedTuple `data` of numbers, vectors and matrices in one block.

    The block starts with three 8-byte slots a field.  A number lies in the first of its slots; an array
    has its offset from the start of the block (in slots) and its shape there.
    """
    kind = types.NamedTuple(tuple(kinds), data)

    @intrinsic
    def view(typingctx, address):
        def codegen(context, builder, signature, args):
            floats = builder.inttoptr(args[0], _F64.as_pointer())
            slots = builder.inttoptr(args[0], _I64.as_pointer())
            fields = []
            for place, field in enumerate(kinds):
                if field == float64:
                    fields.append(_at(builder, floats, 3 * place))
                elif field == int64:
                    fields.append(_at(builder, slots, 3 * place))
                else:
                    start = builder.gep(floats, [_at(builder, slots, 3 * place)])
                    shape = [_at(builder, slots, 3 * place + 1 + axis) for axis in range(field.ndim)]
                    fields.append(_array(context, builder, field, start, shape))
            return context.make_tuple(builder, kind, fields)

        return kind(int64), codegen

    return view
