"""Print what the direction laws cost an element at d = 10^6, beside a pass over memory and NumPy's generator.

``python -m benchmarks.directions``; the pass writes 1.0 into the same vector.  Figures are medians over
rounds of all in turn, in processor time; the difference and the ratio are medians of those within a round.
"""

import argparse
import ctypes
import json
import statistics
from functools import cache

import numpy as np
from numba import int64, types

from benchmarks.two_point import timed
from zobench.compile import typed
from zobench.directions import LAWS, draw
from zobench.stream import STREAM, Stream
from zobench.views import record_view, vector_at

DIM = 10**6
#: What is aimed at: signs within BEYOND nanoseconds an element of the pass, normals SPEED times NumPy's.
BEYOND, SPEED = 0.5, 3.0
PASS, NUMPY = "memory pass", "NumPy's standard_normal"
NAMES = (PASS, *LAWS, NUMPY)

_stream_at = record_view(STREAM)


def _drawn(stream, out, dim, law):
    draw(_stream_at(stream), law, vector_at(out, dim))


def _passed(stream, out, dim, law):
    ones = vector_at(out, dim)
    for i in range(dim):
        ones[i] = 1.0


@cache
def compiled(function):
    """Give a function of (stream, out, dim, law) as a C function."""
    address = typed(function, types.void(*[int64] * 4), f"directions {function.__name__}")
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(address)


def actions(dim=DIM):
    """Give what is timed, by name; each fills one vector of size `dim`."""
    out, stream, rng = np.zeros(dim), Stream("benchmark", "solver"), np.random.default_rng(0)

    def draws(law):
        return lambda: compiled(_drawn)(stream.address, out.ctypes.data, dim, law)

    return {
        PASS: lambda: compiled(_passed)(stream.address, out.ctypes.data, dim, 0),
        **{name: draws(law) for law, name in enumerate(LAWS)},
        NUMPY: lambda: rng.standard_normal(out=out),
    }


def measure(rounds, dim=DIM):
    """Give nanoseconds an element, and the two figures that are aimed at."""
    todo = actions(dim)
    for action in todo.values():
        action()
    taken = [{name: 1e9 * timed(action) / dim for name, action in todo.items()} for _ in range(rounds)]
    figures = {f"{name} (ns)": statistics.median(each[name] for each in taken) for name in todo}
    figures["rademacher beyond the pass (ns)"] = statistics.median(
        each["rademacher"] - each[PASS] for each in taken
    )
    figures["speed of gaussian / NumPy's"] = statistics.median(
        each[NUMPY] / each["gaussian"] for each in taken
    )
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    figures = measure(arguments.rounds)
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    for name, figure in figures.items():
        print(f"{name:36}{figure:10.3f}")


if __name__ == "__main__":
    main()
