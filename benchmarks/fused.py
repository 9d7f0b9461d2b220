"""Hand-fused loops of S2P on the sphere: what one would write for this one pair, with nothing counted.

The yardstick of the harness's overhead.  `numpy_loop` draws from NumPy's generator, as anybody would;
`stream_loop` from zobench's own streams, so that nothing but the harness differs.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np
from numba import int64, njit, types

from zobench.aligned import aligned_zeros
from zobench.compile import typed
from zobench.stream import STREAM, normals
from zobench.views import record_view, vector_at


@njit(cache=True, error_model="numpy")
def numpy_loop(x, eigenvalues, x_star, alpha, steps, rng):
    """Return x after `steps` steps."""
    plus, minus = np.empty_like(x), np.empty_like(x)
    for _ in range(steps):
        f_plus = f_minus = 0.0
        for i in range(x.size):
            move = alpha * rng.standard_normal()
            plus[i] = x[i] + move
            minus[i] = x[i] - move
        for i in range(x.size):
            f_plus += eigenvalues[i] * (plus[i] - x_star[i]) ** 2
        for i in range(x.size):
            f_minus += eigenvalues[i] * (minus[i] - x_star[i]) ** 2
        if f_plus <= f_minus:
            x[:] = plus
        else:
            x[:] = minus
    return x


_stream_at = record_view(STREAM)


def _stream_loop(stream_address, work, dim, steps):
    stream = _stream_at(stream_address)
    x = vector_at(work, dim)
    s = vector_at(work + 8 * dim, dim)
    eigenvalues = vector_at(work + 16 * dim, dim)
    x_star = vector_at(work + 24 * dim, dim)
    alpha = vector_at(work + 32 * dim, 1)[0]
    for _ in range(steps):
        normals(stream, s)
        f_plus = f_minus = 0.0
        for i in range(dim):
            f_plus += eigenvalues[i] * (x[i] + alpha * s[i] - x_star[i]) ** 2
        for i in range(dim):
            f_minus += eigenvalues[i] * (x[i] - alpha * s[i] - x_star[i]) ** 2
        shift = alpha if f_plus <= f_minus else -alpha
        for i in range(dim):
            x[i] += shift * s[i]


@cache
def stream_loop() -> Any:
    """Give the loop over zobench's stream as a C function (stream, block, dim, steps)."""
    address = typed(_stream_loop, types.void(*[int64] * 4), "hand-fused s2p")
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(address)


class Fused:
    """Both loops on one instance of the sphere."""

    def __init__(self, instance: Any):
        from zobench.stream import Stream

        self.instance = instance
        self.dim = instance.dim
        self.block = aligned_zeros(4 * self.dim + 1)
        self.block[2 * self.dim : 3 * self.dim] = instance.data.eigenvalues
        self.block[3 * self.dim : 4 * self.dim] = instance.data.x_star
        self.stream = Stream("benchmark", "solver")
        self.rng = np.random.default_rng(0)

    def numpy(self, steps: int) -> None:
        """Run the loop over NumPy's generator."""
        alpha = 1.0 / np.sqrt(steps * self.dim)
        data = self.instance.data
        numpy_loop(np.array(self.instance.x0), data.eigenvalues, data.x_star, alpha, steps, self.rng)

    def own_stream(self, steps: int) -> None:
        """Run the loop over zobench's stream."""
        self.block[: self.dim] = self.instance.x0
        self.block[-1] = 1.0 / np.sqrt(steps * self.dim)
        stream_loop()(self.stream.address, self.block.ctypes.data, self.dim, steps)
