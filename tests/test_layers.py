"""The product that networks are made of: its sums, and the same bits on every processor."""

import os
import platform
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from zobench.objectives.layers import LANES, WIDE, add_product, padded
from zobench.stream import Stream


def multiply(stream, out, first, second):
    """Matrices of rows = first % 100, columns = first // 100, terms = second, laid out in one vector."""
    rows, columns, count = first % 100, first // 100, second
    b, c = np.empty((count, columns)), np.empty((rows, columns))
    for k in range(count):
        for n in range(columns):
            b[k, n] = out[rows * count + k * columns + n]
    for m in range(rows):
        for n in range(columns):
            c[m, n] = 1.0
    add_product(c, 0, rows, out, 0, count, 1, b, 0, count)
    for m in range(rows):
        for n in range(columns):
            out[m * columns + n] = c[m, n]


def fused(a, b, c):
    """Return a b + c rounded once, through exact fractions."""
    return float(Fraction(a) * Fraction(b) + Fraction(c))


@pytest.mark.parametrize("columns", [8, 24, 32, 64, 72])
@pytest.mark.parametrize("rows", [1, 3, 4, 9])
@pytest.mark.parametrize("count", [1, 2, 64, 65, 130])
def test_product_is_one_chain_of_fused_multiply_adds(draw, columns, rows, count):
    size = max(rows * count + count * columns, rows * columns)
    given = draw(fill, Stream("product", "none"), size)
    out = draw(filled_product, Stream("product", "none"), size, rows + 100 * columns, count)
    a, b = given[: rows * count].reshape(rows, count), given[rows * count :]
    b = b[: count * columns].reshape(count, columns)
    wanted = a @ b + 1.0
    found = out[: rows * columns].reshape(rows, columns)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13 * count)
    for m, n in {(0, 0), (rows - 1, columns - 1), (rows // 2, columns // 2)}:
        chain = 1.0
        for k in range(count):
            chain = fused(a[m, k], b[k, n], chain)
        assert found[m, n] == chain


def fill(stream, out, first, second):
    for i in range(out.size):
        out[i] = np.sin(1.0 + 1.7 * i)


def filled_product(stream, out, first, second):
    fill(stream, out, first, second)
    multiply(stream, out, first, second)


def test_tiles_fit():
    assert WIDE % LANES == 0
    assert [padded(count) for count in (1, 8, 9, 64)] == [8, 8, 16, 64]


SCRIPT = """
import hashlib, zobench
for name, chosen in (("mlp", {"hidden": 70, "layers": 2}), ("teacher-student", {})):
    instance = zobench.problem(name, **chosen)
    x = instance.x0 + 0.1
    print(instance.value(x).hex(), hashlib.sha256(instance.gradient(x).tobytes()).hexdigest())
"""
PROCESSORS = {
    "this one": {},
    "half the width": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2"},
    "no fused multiply-add": {"NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": "+sse4.2,-avx,-fma"},
}


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names processors of x86")
def test_bits_do_not_depend_on_the_processor(tmp_path):
    printed = {}
    for name, chosen in PROCESSORS.items():
        environment = {**os.environ, **chosen, "ZOBENCH_CACHE_DIR": str(tmp_path / name)}
        run = [sys.executable, "-P", "-c", SCRIPT]
        printed[name] = subprocess.run(
            run, env=environment, capture_output=True, text=True, check=True
        ).stdout
    assert len(printed["this one"].split()) == 4
    assert set(printed.values()) == {printed["this one"]}
