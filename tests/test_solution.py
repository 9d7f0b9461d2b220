"""White-box solutions: found exactly, kept, and found anew when damaged."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zobench
from zobench.errors import ZobenchError
from zobench.objectives.classification import DATA, labelled
from zobench.objectives.solution import Solution, content, newton, solved


@cache
def made(name, **parameters):
    return zobench.problem(name, **parameters)


@pytest.mark.parametrize("data", ["digits", "iris", "wine"])
def test_minimum_agrees_with_scikit_learn(data):
    from sklearn.linear_model import LogisticRegression

    instance, found = made("softmax-regression", data=data), labelled(data, constant=True)
    ridge, size = instance.parameters.ridge, found.labels.size
    model = LogisticRegression(C=1 / (ridge * size), fit_intercept=False, tol=1e-5, max_iter=1000)
    theirs = model.fit(found.rows, found.labels).coef_.T.ravel()
    f_star = instance.certificates["f_star"].value
    assert f_star <= instance.value(theirs) <= f_star + 1e-7
    np.testing.assert_allclose(instance.x_star, theirs, atol=1e-3)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("ridge", [1e-2, 1e-6])
def test_solution_is_exact(data, ridge):
    instance = made("softmax-regression", data=data, ridge=ridge)
    norm = np.linalg.norm(instance.gradient(instance.x_star))
    f_star = instance.certificates["f_star"]
    assert norm <= 1e-12
    assert instance.value(instance.x_star) == f_star.value
    assert f"|grad f| = {norm:.1e}" in f_star.proof
    assert f"{norm**2 / (2 * ridge):.1e}" in f_star.proof


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("zobench.compile.cache_folder", lambda: tmp_path)
    return tmp_path / "solutions"


def solution(x=1.0, norm=0.0):
    return Solution(np.array([x, 2.0]), 3.0, norm, 4)


def test_solution_is_kept(folder):
    def never():
        raise AssertionError("solved again")

    first = solved("name", solution, "problem")
    again = solved("name", never, "problem")
    assert again.x.tobytes() == first.x.tobytes()
    assert again[1:] == first[1:]
    assert [file.name for file in folder.iterdir()] == ["name.npz"]


def test_damaged_solution_is_found_anew(folder):
    solved("name", solution, "problem")
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(solution().x.tobytes())] ^= 1
    for damaged in (b"", b"PK", whole[: len(whole) // 2], bytes(flipped), b"\0" * len(whole)):
        file.write_bytes(damaged)
        assert solved("name", lambda: solution(7.0), "problem").x[0] == 7.0
        assert solved("name", solution, "problem").x[0] == 7.0  # and kept


def test_folder_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("zobench.compile.cache_folder", lambda: tmp_path / "file")
    assert solved("name", solution, "problem").value == 3.0


def test_inexact_solution_is_refused(folder):
    with pytest.raises(ZobenchError, match=r"must reach gradient norm 1e-12, got 0.001 after 4 Newton steps"):
        solved("name", lambda: solution(norm=1e-3), "problem 'softmax-regression'")
    assert not folder.exists()


def test_content_tells_all_apart(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    parts = [(1.0,), (1,), ("1.0",), (np.ones(4),), (np.ones((2, 2)),), (tmp_path / "a",), (tmp_path / "b",)]
    assert len({content(*part) for part in [*parts, ("a", "b"), ("ab",), ("a", "b", "")]}) == 10


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(0, 10**6), st.floats(0, 6))
def test_newton_solves(dim, seed, decades):
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    hessian = q @ np.diag(np.logspace(-decades, 0, dim)) @ q.T
    centre = rng.standard_normal(dim)

    def value(x):
        return 0.5 * (x - centre) @ hessian @ (x - centre) + np.sum((x - centre) ** 4)

    def gradient(x):
        return hessian @ (x - centre) + 4 * (x - centre) ** 3

    def product(x, v):
        return hessian @ v + 12 * (x - centre) ** 2 * v

    found = newton(value, gradient, product, np.zeros(dim))
    assert found.gradient_norm <= 1e-12
    np.testing.assert_allclose(found.x, centre, atol=1e-4)
