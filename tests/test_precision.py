"""Starts and answers of another precision: converted, told where it matters, the same bits."""

import warnings

import numpy as np
import pytest

import zobench


def bowl(x):
    assert x.dtype == np.float64
    return float(x @ x)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.longdouble])
def test_a_start_of_another_precision_is_converted_and_told(kind):
    x0 = np.array([1.0, -2.5, 3.0], dtype=kind)
    with pytest.warns(zobench.ConversionWarning, match=f"x0 of {x0.dtype} was converted to float64") as told:
        result = zobench.minimize(bowl, x0, budget=50)
    assert told[0].filename == __file__
    assert result.x.dtype == np.float64
    assert result.x.tolist() == zobench.minimize(bowl, x0.astype(float), budget=50).x.tolist()
    assert x0.dtype == kind


@pytest.mark.parametrize("x0", [[1, 2], (1.0, 2.0), np.array([1, 2], dtype=np.int8), np.array([1.0, 2.0])])
def test_other_starts_are_taken_in_silence(x0):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert zobench.minimize(bowl, x0, budget=20).nfev == 20


def test_a_complex_start_is_refused():
    with pytest.raises(zobench.ZobenchError, match="x0 must be a vector of numbers"):
        zobench.minimize(bowl, [1.0, 2.0j])


def test_answers_in_float32_are_the_numbers_that_they_are():
    single = zobench.minimize(lambda x: np.float32(x @ x), [1.0, 2.0], budget=50)
    double = zobench.minimize(lambda x: float(np.float32(x @ x)), [1.0, 2.0], budget=50)
    assert single.x.tolist() == double.x.tolist()
