"""Classification data and the kernels on them."""

import numpy as np
import pytest

from zobench.objectives.classification import DATA, blocks, exponential, labelled, tanh
from zobench.stream import Stream


def test_data_are_scaled_and_read_only():
    digits = labelled("digits")
    assert (digits.rows.min(), digits.rows.max()) == (0.0, 1.0)
    wine = labelled("wine", constant=True).rows
    np.testing.assert_allclose(wine[:, :-1].mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(wine[:, :-1].std(axis=0), 1)
    assert np.all(wine[:, -1] == 1)
    with pytest.raises(ValueError, match="read-only"):
        digits.rows[0, 0] = 2.0


@pytest.mark.parametrize("name", DATA)
def test_kept_data_are_those_of_scikit_learn(tmp_path, monkeypatch, name):
    from sklearn import datasets

    monkeypatch.setattr("zobench.compile.cache_folder", lambda: tmp_path)
    rows, labels = getattr(datasets, f"load_{name.replace('-', '_')}")(return_X_y=True)
    first, again = labelled.__wrapped__(name), labelled.__wrapped__(name)
    assert len(list((tmp_path / "data").iterdir())) == 1
    for found in (first, again, labelled(name)):
        assert np.array_equal(found.labels, labels)
        scaled = rows / 16 if name == "digits" else (rows - rows.mean(axis=0)) / rows.std(axis=0)
        assert np.array_equal(found.rows, scaled)


def powers(stream, out, first, second):
    for i in range(out.size):
        out[i] = exponential(-0.37 * i)


def tangents(stream, out, first, second):
    for i in range(out.size):
        out[i] = (i - 1000) * 0.02
    tanh(out)


def test_exponential_and_tangent_are_exact_to_rounding(draw):
    t = -0.37 * np.arange(1900)
    np.testing.assert_allclose(draw(powers, Stream("none", "none"), 1900), np.exp(t), rtol=5e-16)
    t = 0.02 * (np.arange(2001) - 1000)
    np.testing.assert_allclose(draw(tangents, Stream("none", "none"), 2001), np.tanh(t), atol=3e-16)


def test_blocks_hold_the_samples():
    rows = np.arange(130.0 * 3).reshape(130, 3)
    laid = blocks(rows)
    assert laid.rows.shape == (192, 3)
    assert laid.columns.shape == (9, 64)
    assert np.array_equal(laid.columns[3 * 1 + 2], rows[64:128, 2])
    assert np.array_equal(laid.columns[6:, :2].T, rows[128:])
    assert not laid.rows[130:].any()
    assert not laid.columns[6:, 2:].any()
