"""Tiles of products of matrices, which the processor keeps in its registers: written in LLVM's language.

Compiled loops reload and store a sum for every term; a tile loads it once and adds all terms to it.
Measured, that is a factor of 2 to 3 in the products that networks and data sets are made of, and it moves no
bit: each entry is summed by itself, in the order that the tile says.

`product_tile`: out += A B, each entry one chain of fused multiply-adds in the order of k,

    fma(a_n, b_n, ... fma(a_1, b_1, fma(a_0, b_0, out)))

`scores_tile`: for several vectors of weights w at once, out_w += sum_k w_k b_k, four terms at a time,

    out + ((w_0 b_0 + w_1 b_1) + (w_2 b_2 + w_3 b_3)) + ... ,  every operation rounded,

which is the order of `classification.combine`.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir

from zobench.emitted import INT, emitted, kind_of

__all__ = ["LANES", "LONG", "WIDE", "product_tile", "scores_tile"]

#: Numbers in one vector of the tiles.
LANES = 8
_BROAD = llvmlite.binding.get_host_cpu_features().get("avx512f")
#: Columns of the larger tile of a product: as many as the registers hold.
WIDE = 32 if _BROAD else LANES
#: Vectors of a row in a tile of scores.
LONG = 4 if _BROAD else 1
#: Rows of data that a tile of scores asks the memory for before they are needed.
AHEAD = 64

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
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        from numba.core import cgutils

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


def _write_product(function: Any, rows: int, columns: int) -> None:
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


def product_tile(rows: int, columns: int) -> Any:
    """Make ``tile(out, out_row, a, a_row, a_column, b, b_row, count)``: out += A B on rows x columns entries.

    `out`, `a`, `b` are addresses, the others distances in numbers; `count` >= 1 terms are added.
    """

    def codegen(context, builder, signature, args):
        name = f"zobench_tile_{rows}_{columns}"
        _called(name, builder, args, lambda function: _write_product(function, rows, columns))
        return context.get_dummy_value()

    @emitted
    def tile(typingctx, out, out_row, a, a_row, a_column, b, b_row, count):
        return kind_of("void")(*[kind_of(INT)] * 8), codegen

    return tile


def _write_scores(function: Any, weights: int, vectors: int, terms: int) -> None:
    """Write the sums of `terms` = 4 or 1 terms at a time into an empty function."""
    builder = ir.IRBuilder(function.append_basic_block("tile"))
    out, out_row, starts, first, stride, b, b_row, count = function.args
    out, b = (builder.inttoptr(address, _F64.as_pointer()) for address in (out, b))
    table = builder.inttoptr(starts, _I64.as_pointer())
    emit, before = _Emit(builder), builder.block
    places = [(w, v) for w in range(weights) for v in range(vectors)]
    ends = {(w, v): builder.add(builder.mul(out_row, _whole(w)), _whole(v * LANES)) for w, v in places}
    begun = {place: emit.load(out, end) for place, end in ends.items()}
    firsts = [
        builder.gep(
            builder.inttoptr(builder.load(builder.gep(table, [_whole(w)])), _F64.as_pointer()), [first]
        )
        for w in range(weights)
    ]
    loop, after = builder.append_basic_block("terms"), builder.append_basic_block("summed")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_I64)
    sums = {place: builder.phi(_VECTOR) for place in places}
    rows = [builder.gep(b, [builder.mul(builder.add(k, _whole(t)), b_row)]) for t in range(terms)]
    taken = {(t, v): emit.load(rows[t], _whole(v * LANES)) for t in range(terms) for v in range(vectors)}
    if terms > 1:
        for t in range(terms):
            for v in range(vectors):
                emit.fetch(rows[t], builder.add(builder.mul(b_row, _whole(AHEAD)), _whole(v * LANES)))
    more = {}
    for w in range(weights):
        numbers = [
            emit.spread(firsts[w], builder.mul(builder.add(k, _whole(t)), stride)) for t in range(terms)
        ]
        for v in range(vectors):
            level = [builder.fmul(numbers[t], taken[t, v]) for t in range(terms)]
            while len(level) > 1:
                level = [builder.fadd(*level[i : i + 2]) for i in range(0, len(level), 2)]
            more[w, v] = builder.fadd(sums[w, v], level[0])
    following = builder.add(k, _whole(terms))
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    for phi, start, end in [(k, _whole(0), following), *((sums[p], begun[p], more[p]) for p in places)]:
        phi.add_incoming(start, before)
        phi.add_incoming(end, loop)
    builder.position_at_end(after)
    for place, end in ends.items():
        emit.store(more[place], out, end)
    builder.ret_void()


def scores_tile(weights: int, vectors: int, terms: int) -> Any:
    """Make ``tile(out, out_row, starts, first, stride, b, b_row, count)``: out_w += sum_k w_k b_k for each w.

    For `weights` vectors of weights and `LANES` times `vectors` entries of each row b_k.  The vectors have
    the addresses in the table at `starts`; w_k is number first + k stride.  `out` and `b` are addresses,
    `out_row` and `b_row` distances in numbers; `count` > 0 must be a multiple of `terms`, which is 4 or 1.
    """

    def codegen(context, builder, signature, args):
        name = f"zobench_scores_{weights}_{vectors}_{terms}"
        _called(name, builder, args, lambda function: _write_scores(function, weights, vectors, terms))
        return context.get_dummy_value()

    @emitted
    def tile(typingctx, out, out_row, starts, first, stride, b, b_row, count):
        return kind_of("void")(*[kind_of(INT)] * 8), codegen

    return tile
