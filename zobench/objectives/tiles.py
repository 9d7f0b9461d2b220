"""Tiles of products of matrices, which the processor keeps in its registers: written in LLVM's language.

Compiled loops reload and store a sum for every term; a tile loads it once and adds all terms to it.
Measured, that is a factor of 2 to 3 in the products that networks and data sets are made of, and it moves no
bit: each entry is summed by itself, in the order that the tile says.

`product_tile`: out += A B, each entry one chain of fused multiply-adds in the order of k,

    fma(a_n, b_n, ... fma(a_1, b_1, fma(a_0, b_0, out)))

`scores_tile`: for several vectors of weights at once, out += sum_k w_k b_k, four terms at a time,

    out + ((w_0 b_0 + w_1 b_1) + (w_2 b_2 + w_3 b_3)) + ... ,  every operation rounded,

which is the order of `classification.combine`.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir

from zobench.emitted import INT, emitted, kind_of

__all__ = ["AHEAD", "BROAD", "LANES", "MOST", "WIDE", "product_tile", "scores_tile"]

#: Numbers in one vector of the tiles.
LANES = 8
_AVX512 = llvmlite.binding.get_host_cpu_features().get("avx512f")
#: Columns of the larger tile of a product: as many as the registers hold.
WIDE = 32 if _AVX512 else LANES
#: Rows of data that a tile asks the memory for before they are needed, where data may exceed the cache.
AHEAD = 64
#: Columns and most rows of a tile of scores: measured, the fastest.
BROAD, MOST = (16, 8) if _AVX512 else (LANES, 4)
#: Terms that are added up before they meet the sum.
TERMS = 4

_I64, _F64 = ir.IntType(64), ir.DoubleType()
_VECTOR = ir.VectorType(_F64, LANES)


def _whole(value: int) -> Any:
    return ir.Constant(_I64, value)


class _Emit:
    """Emits the machine code of tiles."""

    def __init__(self, builder: Any):
        from numba.core import cgutils

        self.builder = builder
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        self.fused = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f64")

    def load(self, start: Any, offset: Any) -> Any:
        value = self.builder.load(self._place(start, offset))
        value.align = 8
        return value

    def store(self, value: Any, start: Any, offset: Any) -> None:
        self.builder.store(value, self._place(start, offset)).align = 8

    def _place(self, start: Any, offset: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(start, [offset]), _VECTOR.as_pointer())

    def fetch(self, start: Any, offset: Any) -> None:
        """Ask for a cache line early; harmless beyond the end of an array."""
        from numba.core import cgutils

        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0i8")
        place = self.builder.bitcast(self.builder.gep(start, [offset]), byte)
        self.builder.call(function, [place, number(0), number(3), number(1)])  # to read, into all caches

    def spread(self, start: Any, offset: Any) -> Any:
        """Fill a vector with one number."""
        nothing = ir.Constant(_VECTOR, ir.Undefined)
        number = self.builder.load(self.builder.gep(start, [offset]))
        first = self.builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return self.builder.shuffle_vector(first, nothing, zeros)


def _called(name: str, builder: Any, args: Any, write: Callable[[Any], None]) -> None:
    """Call a function that is written once and not taken in by its callers: compiling it takes a second."""
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [_I64] * len(args)), name)
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        write(function)
    builder.call(function, args)


def _write_product(function: Any, rows: int, columns: int, ahead: int) -> None:
    """Write out += A B on rows x columns entries into an empty function of (addresses and distances)."""
    builder = ir.IRBuilder(function.append_basic_block("tile"))
    out, out_row, a, a_row, a_column, b, b_row, count = function.args
    out, a, b = (builder.inttoptr(address, _F64.as_pointer()) for address in (out, a, b))
    emit, before = _Emit(builder), builder.block
    vectors = range(0, columns, LANES)
    ends = {
        (m, v): builder.add(builder.mul(out_row, _whole(m)), _whole(v)) for m in range(rows) for v in vectors
    }
    begun = {place: emit.load(out, end) for place, end in ends.items()}
    loop, after = builder.append_basic_block("terms"), builder.append_basic_block("summed")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_I64)
    sums = {place: builder.phi(_VECTOR) for place in ends}
    right, left = builder.gep(b, [builder.mul(k, b_row)]), builder.gep(a, [builder.mul(k, a_column)])
    taken = {v: emit.load(right, _whole(v)) for v in vectors}
    if ahead:
        further = builder.mul(b_row, _whole(ahead))
        for v in vectors:
            emit.fetch(right, builder.add(further, _whole(v)))
    more = {}
    for m in range(rows):
        number = emit.spread(left, builder.mul(a_row, _whole(m)))
        for v in vectors:
            more[m, v] = builder.call(emit.fused, [number, taken[v], sums[m, v]])
    following = builder.add(k, _whole(1))
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    for phi, start, end in [(k, _whole(0), following), *((sums[p], begun[p], more[p]) for p in ends)]:
        phi.add_incoming(start, before)
        phi.add_incoming(end, loop)
    builder.position_at_end(after)
    for place, end in ends.items():
        emit.store(more[place], out, end)
    builder.ret_void()


def product_tile(rows: int, columns: int, ahead: int = 0) -> Any:
    """Make ``tile(out, out_row, a, a_row, a_column, b, b_row, count)``: out += A B on rows x columns entries.

    `out`, `a`, `b` are addresses, the others distances in numbers; `count` >= 1 terms are added.

    Parameters
    ----------
    rows : int
    columns : int
        A multiple of `LANES`.
    ahead : int
        If not 0, each row of B asks the memory for the one that comes so many rows later.

    Returns
    -------
    function
        For compiled code only.

    Examples
    --------
    The tile of one row adds a vector times a matrix, here of three rows:

    >>> tile = product_tile(1, LANES)
    >>> def objective(x, data):
    ...     tile(out.ctypes.data, LANES, x.ctypes.data, 3, 1, data.rows.ctypes.data, LANES, 3)
    """

    def codegen(context, builder, signature, args):
        name = f"zobench_tile_{rows}_{columns}_{ahead}"
        _called(name, builder, args, lambda function: _write_product(function, rows, columns, ahead))
        return context.get_dummy_value()

    @emitted
    def tile(typingctx, out, out_row, a, a_row, a_column, b, b_row, count):
        return kind_of("void")(*[kind_of(INT)] * 8), codegen

    return tile


def _write_scores(function: Any, weights: int) -> None:
    """Write the sums of `TERMS` terms at a time into an empty function."""
    builder = ir.IRBuilder(function.append_basic_block("tile"))
    out, out_row, w, w_row, b, b_row, count = function.args
    out, w, b = (builder.inttoptr(address, _F64.as_pointer()) for address in (out, w, b))
    emit, before = _Emit(builder), builder.block
    places = [(m, v) for m in range(weights) for v in range(0, BROAD, LANES)]
    ends = {(m, v): builder.add(builder.mul(out_row, _whole(m)), _whole(v)) for m, v in places}
    begun = {place: emit.load(out, end) for place, end in ends.items()}
    loop, after = builder.append_basic_block("terms"), builder.append_basic_block("summed")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_I64)
    sums = {place: builder.phi(_VECTOR) for place in places}
    steps = [builder.add(k, _whole(t)) for t in range(TERMS)]
    rows = [builder.gep(b, [builder.mul(step, b_row)]) for step in steps]
    lefts = [builder.gep(w, [builder.mul(step, w_row)]) for step in steps]
    taken = {(t, v): emit.load(rows[t], _whole(v)) for t in range(TERMS) for v in range(0, BROAD, LANES)}
    for t, v in taken:
        emit.fetch(rows[t], builder.add(builder.mul(b_row, _whole(AHEAD)), _whole(v)))
    more = {}
    for m in range(weights):
        numbers = [emit.spread(left, _whole(m)) for left in lefts]
        for v in range(0, BROAD, LANES):
            level = [builder.fmul(numbers[t], taken[t, v]) for t in range(TERMS)]
            while len(level) > 1:
                level = [builder.fadd(*level[i : i + 2]) for i in range(0, len(level), 2)]
            more[m, v] = builder.fadd(sums[m, v], level[0])
    following = builder.add(k, _whole(TERMS))
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    for phi, start, end in [(k, _whole(0), following), *((sums[p], begun[p], more[p]) for p in places)]:
        phi.add_incoming(start, before)
        phi.add_incoming(end, loop)
    builder.position_at_end(after)
    for place, end in ends.items():
        emit.store(more[place], out, end)
    builder.ret_void()


def scores_tile(weights: int) -> Any:
    """Make ``tile(out, out_row, w, w_row, b, b_row, count)``: out_m += sum_k w_km b_k.

    For m = 0 ... `weights` - 1 and `BROAD` entries of each row b_k.  `out`, `w` and `b` are addresses, the
    others distances in numbers; `count` > 0 must be a multiple of 4.

    Parameters
    ----------
    weights : int
        Rows of `out`, and numbers of each row of w.

    Returns
    -------
    function
        For compiled code only.

    Examples
    --------
    Two vectors of weights, side by side in the rows of `w`, and eight rows of data:

    >>> tile = scores_tile(2)
    >>> def many(points, data, out):
    ...     tile(sums.ctypes.data, BROAD, w.ctypes.data, 2, data.columns.ctypes.data, BROAD, 8)
    """

    def codegen(context, builder, signature, args):
        name = f"zobench_scores_{weights}"
        _called(name, builder, args, lambda function: _write_scores(function, weights))
        return context.get_dummy_value()

    @emitted
    def tile(typingctx, out, out_row, w, w_row, b, b_row, count):
        return kind_of("void")(*[kind_of(INT)] * 7), codegen

    return tile
