"""The fused loop: steps a solver, enforces nothing (the oracle does), watches everything, off the record.

What the harness evaluates to record a run (the value and the gradient norm at the iterate) is not charged and
not seen by the solver.  Between slices of the loop Python sees signals and a callable's exceptions; a trace
does not depend on where the slices end.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np

from zobench.compile import layout_of, typed
from zobench.kernels import squared_norm
from zobench.oracle import ORACLE
from zobench.stream import STREAM
from zobench.views import FLOAT, INT, call, floats_at, parameters_view, record_view, vector_at, workspace_view

__all__ = ["QUANTITIES", "WATCH", "advance", "compile_kernel", "follow"]

#: What the loop can accumulate at every iterate x_k, before step k.
QUANTITIES = (
    "value",
    "gap_root",
    "gradient_norm",
    "gradient_norm_squared",
    "gradient_norm_root",
    "gradient_sum_norm",
)

_COUNT = len(QUANTITIES)

#: What the harness watches and where it writes it.
WATCH = np.dtype(
    [
        ("k", "i8"),  # steps taken
        ("k_end", "i8"),  # stop when this many steps are taken
        ("cost", "i8"),  # the most queries that a step asks
        ("x_address", "i8"),
        # float64[dim]: the iterate before a step that may be cut short, or a gradient
        ("spare_address", "i8"),
        ("keeps", "i8"),  # whether such a step leaves the iterate as it was, by itself
        ("dim", "i8"),
        ("objective_address", "i8"),  # 0: not to be called off the record (somebody else counts its calls)
        ("gradient_address", "i8"),  # 0: none
        ("data_address", "i8"),
        ("row", "i8"),  # rows of the trace completed
        ("values_address", "i8"),  # float64[rows]: value at the iterate
        ("norms_address", "i8"),  # float64[rows]: gradient norm at the iterate
        ("running_address", "i8"),  # float64[rows]: mean of the gradient norms so far, when observed
        ("observe", "i8"),  # accumulate at every step
        ("reference", "f8"),  # gaps are measured from here
        ("weights_address", "i8"),  # float64[k_end], or 0: weight 1
        ("weight", "f8"),  # sum of weights
        ("sums_address", "i8"),  # float64[QUANTITIES]: weighted sums
        ("minima_address", "i8"),  # float64[QUANTITIES]
        ("undo_address", "i8"),  # float64[2 QUANTITIES + 1]: the three before a step that may be cut short
    ],
    align=True,
)

_KERNEL = "void(int64, int64, int64, int64, int64, int64)"
_call_kernel = call("void", INT, INT, INT, INT, INT, INT)
_call_value = call(FLOAT, INT, INT, INT)
_call_gradient = call("void", INT, INT, INT, INT)
_oracle_at = record_view(ORACLE)
_watch_at = record_view(WATCH)
_stream_at = record_view(STREAM)

# Bound when the template is compiled.
author: Any = None
state_view: Any = None
values_view: Any = None


def _kernel(oracle, work, offsets, parameters, k, stream):
    author(_oracle_at(oracle), state_view(work, offsets), values_view(parameters), k, _stream_at(stream))


def compile_kernel(solver: Any, which: str) -> int:
    """Compile a solver's `init` or `step` behind the one signature that all solvers share.

    Parameters
    ----------
    solver : Solver
    which : {"init", "step"}

    Returns
    -------
    int
        The address of ``void kernel(oracle, work, offsets, parameters, k, stream)``, six integers of 64 bits.

    Raises
    ------
    ZobenchError
        If the kernel raises or asserts.

    Examples
    --------
    >>> from zobench.solver import solver
    >>> method = solver("s2p")
    >>> compile_kernel(method, "step") == method.kernels[1]
    True
    """
    kinds = [FLOAT if isinstance(number, float) else INT for number in _slots(solver)]
    return typed(
        _kernel,
        _KERNEL,
        f"{which} of {solver.name}",
        layout=layout_of(solver.state, solver.parameters, kinds),
        author=getattr(solver, which),
        state_view=workspace_view(solver.state),
        values_view=parameters_view(solver.parameters, kinds),
    )


def _slots(solver: Any) -> tuple[Any, ...]:
    """Give numbers of the types that the parameters have, whatever their values."""
    from typing import get_type_hints

    hints = get_type_hints(solver.parameters)
    return tuple(0.0 if hints[name] is float else 0 for name in solver.parameters._fields)


def _value_at(watch):
    if watch.objective_address == 0:
        return np.nan
    return _call_value(watch.objective_address, watch.x_address, watch.dim, watch.data_address)


def _gradient_at(watch):
    """Write the gradient at the iterate into the harness's own vector and return it."""
    _call_gradient(
        watch.gradient_address, watch.x_address, watch.dim, watch.data_address, watch.spare_address
    )
    return vector_at(watch.spare_address, watch.dim)


def _add(watch, place, quantity, weight):
    sums, minima = floats_at(watch.sums_address), floats_at(watch.minima_address)
    if weight != 0.0:
        sums[place] += weight * quantity
    # A diverged run counts as infinite: NaN, once met, stays in the sum and never becomes a minimum.
    if quantity < minima[place]:
        minima[place] = quantity


def _observe(watch):
    """Accumulate every quantity at x_k."""
    weight = 1.0
    if watch.weights_address != 0:
        weight = floats_at(watch.weights_address)[watch.k]
    watch.weight += weight
    value = _value_at(watch)
    _add(watch, 0, value, weight)
    gap = value - watch.reference
    _add(watch, 1, 0.0 if gap < 0.0 else np.sqrt(gap), weight)
    if watch.gradient_address != 0:
        gradient = _gradient_at(watch)
        square = squared_norm(gradient)
        norm = np.sqrt(square)
        total = 0.0
        for i in range(gradient.size):
            total += abs(gradient[i])
        _add(watch, 2, norm, weight)
        _add(watch, 3, square, weight)
        _add(watch, 4, np.sqrt(norm), weight)
        _add(watch, 5, total, weight)


def _record(watch, row):
    """Complete the trace's rows up to `row` with what holds at the iterate."""
    value, norm = _value_at(watch), np.nan
    if watch.gradient_address != 0:
        norm = np.sqrt(squared_norm(_gradient_at(watch)))
    values, norms = floats_at(watch.values_address), floats_at(watch.norms_address)
    for place in range(watch.row, row):
        values[place], norms[place] = value, norm
        if watch.observe != 0 and watch.gradient_address != 0:
            floats_at(watch.running_address)[place] = floats_at(watch.sums_address)[2] / watch.weight
    watch.row = row


def _copy(target, source, size):
    out, x = floats_at(target), floats_at(source)
    for i in range(size):
        out[i] = x[i]


def _exchange(watch, keep):
    """Keep what is accumulated before a step that the budget may cut short, or take it back after."""
    sums, minima = floats_at(watch.sums_address), floats_at(watch.minima_address)
    undo = floats_at(watch.undo_address)
    for place in range(_COUNT):
        if keep:
            undo[place], undo[_COUNT + place] = sums[place], minima[place]
        else:
            sums[place], minima[place] = undo[place], undo[_COUNT + place]
    if keep:
        undo[2 * _COUNT] = watch.weight
    else:
        watch.weight = undo[2 * _COUNT]


def _advance(step, oracle_address, work, offsets, parameters, stream, watch_address, until):
    """Step until `until` queries are answered; answer 1 when a step asked nothing, which ends the run."""
    oracle, watch = _oracle_at(oracle_address), _watch_at(watch_address)
    if oracle.row > watch.row:
        _record(watch, oracle.row)  # what `init` asked
    while oracle.count < until and watch.k < watch.k_end:
        last = oracle.budget - oracle.count < watch.cost
        if last:
            _exchange(watch, True)
        if watch.observe != 0:
            _observe(watch)
        if last and watch.keeps == 0:
            _copy(watch.spare_address, watch.x_address, watch.dim)
        asked = oracle.count
        oracle.held = 0
        _call_kernel(step, oracle_address, work, offsets, parameters, watch.k, stream)
        if oracle.refused > 0:
            # cut short by the budget: the step rests on answers that were never given
            if watch.keeps == 0:
                _copy(watch.x_address, watch.spare_address, watch.dim)
            _exchange(watch, False)
        else:
            watch.k += 1
        if oracle.row > watch.row:
            _record(watch, oracle.row)
        if oracle.count == asked:
            return 1
    return 0


@cache
def advance() -> Any:
    """Give the loop as a Python callable of eight integers, most of them addresses.

    Returns
    -------
    callable
        ``advance(step, oracle, work, offsets, parameters, stream, watch, until)``: takes steps until the
        oracle has answered `until` queries, and answers 1 when a step asked nothing, else 0.

    Examples
    --------
    >>> advance() is advance()
    True
    >>> len(advance().argtypes)
    8
    """
    address = typed(_advance, f"int64({', '.join(['int64'] * 8)})", "advance")
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 8)(address)


def _follow(oracle_address, watch_address, x_address, whole):
    """Watch a loop that somebody else owns: at the end of a step, or (`whole` 0) after the last one."""
    oracle, watch = _oracle_at(oracle_address), _watch_at(watch_address)
    if whole != 0:
        if watch.observe != 0:
            _observe(watch)  # at x_k: the new iterate comes after
        _copy(watch.x_address, x_address, watch.dim)
        watch.k += 1
    if oracle.row > watch.row:
        _record(watch, oracle.row)


@cache
def follow() -> Any:
    """Give what watches a loop that somebody else owns: a Python callable of four integers.

    Returns
    -------
    callable
        ``follow(oracle, watch, x, whole)``, the first three of them addresses: with `whole` 1 the step is
        counted and the vector at `x` becomes the iterate; either way the rows of the trace that the oracle
        has passed are completed.

    Examples
    --------
    >>> len(follow().argtypes)
    4
    """
    address = typed(_follow, "void(int64, int64, int64, int64)", "follow")
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(address)
