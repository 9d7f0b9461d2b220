"""The problems: their values against formulas written anew, their instances, their samples."""

import dis
import os
import pickle
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

import zobench
from zobench.errors import ZobenchError
from zobench.objectives.classification import DATA, labelled
from zobench.registry import catalogue
from zobench.stream import hashed_index

NAMES = list(catalogue("problems"))
bounded = settings(max_examples=25, deadline=None)


@cache
def made(name, **parameters):
    return zobench.problem(name, **parameters)


def point(instance, seed=0, scale=1.0):
    return instance.x0 + scale * np.random.default_rng(seed).standard_normal(instance.dim)


# --- the formulas, written anew ------------------------------------------------------------------


def quadratic(x, instance):
    q = np.eye(x.size)
    for n in instance.data.normals:
        q = q @ (np.eye(x.size) - 2 * np.outer(n, n))
    hessian = q @ np.diag(instance.data.eigenvalues) @ q.T
    away = x - instance.x_star
    return 0.5 * away @ hessian @ away, hessian @ away


def cosh(x, instance):
    b = instance.parameters.b
    return np.sum(np.cosh(b * x) - 1) / b**2, np.sinh(b * x) / b


def nonconvex_cosine(x, instance):
    c, w, _ = instance.parameters
    return np.sum(x**2 / 2 + c * (1 - np.cos(w * x))), x + c * w * np.sin(w * x)


def matrix_factorization(x, instance):
    rows, columns, rank, *_ = instance.parameters
    u, v = x[: rows * rank].reshape(rows, rank), x[rows * rank :].reshape(columns, rank)
    defect = u @ v.T - instance.data.target
    return 0.5 * np.sum(defect**2), np.concatenate([(defect @ v).ravel(), (defect.T @ u).ravel()])


def cross_entropy(scores, labels):
    """Mean loss, and its derivative by the scores."""
    places = np.arange(labels.size), labels.astype(int)
    loss = logsumexp(scores, axis=1) - scores[places]
    slope = np.exp(scores - logsumexp(scores, axis=1)[:, None])
    slope[places] -= 1
    return loss.mean(), slope / labels.size


def softmax_regression(x, instance, chosen=slice(None)):
    parameters = instance.parameters
    found = labelled(parameters.data, constant=True)
    a, y, w = found.rows[chosen], found.labels[chosen], x.reshape(-1, found.classes)
    loss, slope = cross_entropy(a @ w, y)
    ridge = parameters.ridge
    return loss + ridge / 2 * x @ x, (a.T @ slope + ridge * w).ravel()


def mlp(x, instance, chosen=slice(None)):
    parameters = instance.parameters
    found = labelled(parameters.data)
    a, y = found.rows[chosen], found.labels[chosen]
    p, h, c = a.shape[1], parameters.hidden, found.classes
    w, b, v, k = np.split(x, np.cumsum([p * h, h, h * c]))
    w, v = w.reshape(p, h), v.reshape(h, c)
    active = np.tanh(a @ w + b)
    loss, slope = cross_entropy(active @ v + k, y)
    back = (slope @ v.T) * (1 - active**2)
    gradient = [a.T @ back, back.sum(axis=0), active.T @ slope, slope.sum(axis=0)]
    ridge = parameters.ridge
    return loss + ridge / 2 * x @ x, np.concatenate([g.ravel() for g in gradient]) + ridge * x


FORMULAS = {
    "quadratic": quadratic,
    "cosh": cosh,
    "nonconvex-cosine": nonconvex_cosine,
    "matrix-factorization": matrix_factorization,
    "softmax-regression": softmax_regression,
    "mlp": mlp,
}
VARIANTS = [
    *[("quadratic", {"dim": d, "condition": 30.0}) for d in (1, 2, 31, 63, 64, 65, 100, 1000)],
    *[("quadratic", {"dim": d, "condition": 30.0, "rotation": "yes"}) for d in (1, 3, 70)],
    *[("cosh", {"dim": d, "b": b, "start": s}) for d, b, s in ((1, 1.0, 1.0), (7, 3.0, 0.1), (50, 0.5, 9.0))],
    *[("nonconvex-cosine", {"dim": d, "frequency": w}) for d, w in ((1, 3.0), (9, 7.0), (100, 0.5))],
    ("matrix-factorization", {}),
    ("matrix-factorization", {"rows": 1, "columns": 1, "rank": 1}),
    ("matrix-factorization", {"rows": 9, "columns": 17, "rank": 9, "condition": 1e4, "start": 3.0}),
    *[("softmax-regression", {"data": data, "ridge": 0.1}) for data in DATA],
    *[
        ("mlp", {"data": data, "hidden": h, "ridge": 0.2})
        for data, h in zip(DATA, (16, 1, 5, 3), strict=True)
    ],
]


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=str)
def test_value_and_gradient_follow_the_formula(name, parameters):
    instance = made(name, **parameters)
    for scale in (1e-3, 0.3, 3.0):
        x = point(instance, 1, scale)
        value, gradient = FORMULAS[name](x, instance)
        assert instance.value(x) == pytest.approx(value, rel=1e-12, abs=1e-13)
        np.testing.assert_allclose(
            instance.gradient(x), gradient, rtol=0, atol=1e-12 * np.abs(gradient).max()
        )


#: f(x0) of the default instances, printed once: a change of these is a change of the benchmark.
PRINTED = {
    "cosh": 6.165511824801472,
    "matrix-factorization": 0.5519003254641976,
    "mlp": 2.4331362800730036,
    "nonconvex-cosine": 29.131048683060502,
    "quadratic": 5.0,
    "softmax-regression": np.log(10),
}


@pytest.mark.parametrize("name", PRINTED)
def test_value_at_the_start_is_the_printed_one(name):
    instance = made(name)
    assert instance.value(instance.x0) == pytest.approx(PRINTED[name], rel=1e-12)


def test_values_by_hand():
    sphere = made("quadratic", dim=2)
    assert sphere.value(sphere.x_star + np.array([3.0, 4.0])) == pytest.approx(12.5, rel=1e-14)
    assert made("cosh", dim=1, b=2.0).value(np.array([np.log(2)])) == pytest.approx(1.125 / 4)
    assert made("nonconvex-cosine", dim=1).value(np.array([np.pi])) == pytest.approx(np.pi**2 / 2 + 2)
    product = made("matrix-factorization", rows=1, columns=1, rank=1)
    assert product.data.target[0, 0] ** 2 == pytest.approx(1.0)
    assert product.value(np.zeros(2)) == pytest.approx(0.5)
    ones = made("softmax-regression", data="iris", ridge=1.0)
    assert ones.value(np.ones(15)) == pytest.approx(np.log(3) + 7.5)


# --- instances -----------------------------------------------------------------------------------


def bits(instance):
    star = b"" if instance.x_star is None else instance.x_star.tobytes()
    constants = [(name, each.value, each.proof) for name, each in instance.certificates.items()]
    return instance.x0.tobytes() + star + instance.block.tobytes() + repr(constants).encode()


#: Problems whose default instance is a data set, while others of their instances are drawn.
REAL = {"softmax-regression", "logistic-regression", "ridge-regression"}


def draws(name):
    """Whether the default instance draws anything: its `make` looks at the generator it is given."""
    make = catalogue("problems")[name].make
    looks = [step for step in dis.get_instructions(make) if step.opname.startswith("LOAD")]
    return name not in REAL and make.__code__.co_varnames[1] in {step.argval for step in looks}


@pytest.mark.parametrize("name", NAMES)
def test_same_key_same_bits(name):
    one = zobench.problem(name, seed=3)
    assert bits(one) == bits(zobench.problem(name, seed=3))
    assert bits(one) == bits(zobench.problem(name, dim=one.dim, seed=3))
    assert bits(one) == bits(pickle.loads(pickle.dumps(one)))
    if draws(name):
        assert bits(one) != bits(zobench.problem(name, seed=4))


@pytest.mark.parametrize("name", NAMES)
def test_start_and_minimiser_are_read_only(name):
    instance = made(name)
    for array in (instance.x0, instance.x_star):
        if array is not None:
            assert array.shape == (instance.dim,)
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_outside_the_domain_nothing_finite_and_nothing_raised(name, bad):
    instance = made(name)
    x = np.array(instance.x0)
    x[0] = bad
    assert not np.isfinite(instance.value(x))
    gradient = instance.gradient(x)
    # the slope of a Lipschitz function is bounded even where the function is infinite
    assert not np.all(np.isfinite(gradient)) or np.isinf(bad)


@pytest.mark.parametrize("name", NAMES)
def test_an_evaluation_changes_nothing(name):
    instance = made(name)
    x = point(instance)
    kept, data = x.copy(), instance.block.copy()
    first = instance.value(x), instance.gradient(x)
    assert instance.value(x) == first[0]
    assert np.array_equal(instance.gradient(x), first[1])
    assert np.array_equal(x, kept)
    assert np.array_equal(instance.block, data)


@pytest.mark.parametrize(("name", "factor"), [("quadratic", 1.0), ("cosh", 1.0), ("nonconvex-cosine", 2.0)])
def test_start_lies_at_its_distance(name, factor):
    for dim in (1, 2, 100):
        instance = made(name, dim=dim)
        assert np.linalg.norm(instance.x0 - instance.x_star) == pytest.approx(factor * np.sqrt(dim))
    near = made("cosh", dim=4, start=0.01)
    assert np.linalg.norm(near.x0) == pytest.approx(0.02)


DIMS = {
    "softmax-regression": {"digits": 640, "breast-cancer": 62, "iris": 15, "wine": 42},
    "mlp": {"digits": 1210, "breast-cancer": 530, "iris": 131, "wine": 275},
}


@pytest.mark.parametrize("name", DIMS)
@pytest.mark.parametrize("data", DATA)
def test_data_set_the_dimension(name, data):
    instance = made(name, data=data)
    assert instance.dim == DIMS[name][data]
    text = catalogue("problems")[name].make.__globals__["__doc__"]
    (row,) = [line.split() for line in text.splitlines() if line.startswith(f"{data} ")]
    rows = labelled(data, constant=name == "softmax-regression").rows
    assert row[1:5] == [*map(str, rows.shape), str(labelled(data).classes), str(instance.dim)]


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("quadratic", {"condition": 0.5}, "condition must be a number >= 1, got 0.5"),
        ("quadratic", {"rotation": "maybe"}, "rotation must be one of 'no', 'yes', got 'maybe'"),
        ("quadratic", {"dim": 0}, "dim must be a whole number >= 1, got 0"),
        ("cosh", {"b": 0}, "b must be a number >= 1e-06 and <= 1e+06, got 0"),
        ("cosh", {"start": "far"}, "start must be a number > 0, got 'far'"),
        ("cosh", {"start": 1e4}, "b max |x0_i| must be <= 700 for f(x0) to be a number, got 21121.5"),
        ("nonconvex-cosine", {"amplitude": -1}, "amplitude must be a number >= 0 and <= 1e+06, got -1"),
        (
            "matrix-factorization",
            {"rank": 16},
            "rank must be <= 15, the smaller of rows = 20 and columns = 15, got 16",
        ),
        ("matrix-factorization", {"dim": 3}, "dim must be 70 with these parameters, got 3"),
        (
            "softmax-regression",
            {"data": "mnist"},
            "data must be one of 'digits', 'breast-cancer', 'iris', 'wine', 'synthetic', got",
        ),
        ("softmax-regression", {"ridge": 0}, "ridge must be a number >= 1e-10 and <= 1e+10, got 0"),
        ("softmax-regression", {"dim": 10}, "dim must be 640 with data 'digits', got 10"),
        ("softmax-regression", {"batch": -1}, "batch must be a whole number >= 0 and <= 1000000, got -1"),
        ("mlp", {"hidden": 0}, "hidden must be a whole number >= 1"),
        ("mlp", {"dim": 3}, "dim must be 1210 with these parameters, got 3"),
    ],
)
def test_bad_request_is_one_sentence(name, parameters, message):
    with pytest.raises(ZobenchError) as caught:
        zobench.problem(name, **parameters)
    assert f"problem {name!r}: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_each_problem_certifies():
    smooth = {"L", "L0", "L1", "f_star", "effective_rank"}
    convex = {"mu", "PL", "convex"}
    assert {name: set(made(name).certificates) for name in FORMULAS} == {
        "quadratic": smooth | convex | {"trace", "R0"},
        "cosh": {"L0", "L1", "f_star", "R0"} | convex,
        "nonconvex-cosine": smooth,
        "softmax-regression": smooth | convex | {"R0"},
        "matrix-factorization": {"f_star"},
        "mlp": {"f_lower"},
    }
    assert set(made("nonconvex-cosine", amplitude=0.1).certificates) == smooth | convex


# --- samples -------------------------------------------------------------------------------------

STOCHASTIC = [
    ("softmax-regression", {"data": "iris", "ridge": 0.5, "batch": 1}),
    ("softmax-regression", {"data": "digits", "batch": 100}),
    ("mlp", {"data": "iris", "ridge": 0.5, "batch": 7, "hidden": 4}),
    ("mlp", {"data": "digits", "batch": 64}),
    ("mlp", {"data": "wine", "batch": 130}),
]


@pytest.mark.parametrize(("name", "parameters"), STOCHASTIC, ids=str)
def test_sample_is_the_loss_over_the_rows_of_its_key(name, parameters):
    instance = made(name, **parameters)
    assert instance.stochastic
    x, size = point(instance), instance.data.labels.size
    for key in (0, 1, -5, 2**62):
        with np.errstate(over="ignore"):  # the hash is meant to overflow
            word = np.uint64(key % 2**64)
            chosen = [int(hashed_index(word, np.uint64(j), size)) for j in range(parameters["batch"])]
        value, _ = FORMULAS[name](x, instance, chosen)
        assert instance.sample(x, key) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("name", "parameters"), STOCHASTIC[:3], ids=str)
def test_mean_of_the_samples_is_the_objective(name, parameters):
    instance = made(name, **parameters)
    x = point(instance, scale=0.1)
    samples = np.array([instance.sample(x, key) for key in range(4000)])
    error = samples.std() / np.sqrt(samples.size)
    # two-sided; a normal variate exceeds 5 once in two million
    assert abs(samples.mean() - instance.value(x)) < 5 * error
    without_ridge = instance.value(x) - instance.parameters.ridge / 2 * x @ x
    assert abs(samples.mean() - without_ridge) > 5 * error


@pytest.mark.parametrize("name", ["softmax-regression", "mlp"])
def test_full_batch_is_deterministic(name):
    instance = made(name, data="iris", batch=0)
    x = point(instance)
    assert not instance.stochastic
    assert instance.sample(x, 1) == instance.sample(x, 2) == instance.value(x)
    trace = zobench.run(instance, "random-search", budget=300)
    assert trace.best == min(trace.best, trace.start)
    assert trace.best == pytest.approx(trace.value, rel=1e-15)
    batched = zobench.run(made(name, data="iris", batch=5), "s2p", budget=50)
    assert not np.any(batched.hits >= 0)


# --- properties ----------------------------------------------------------------------------------


@bounded
@given(st.integers(0, 10**6), st.floats(-30, 30))
def test_softmax_does_not_see_equal_shifts(seed, shift):
    instance = made("softmax-regression", data="wine")
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((14, 3))
    moved = w + shift * rng.standard_normal((14, 1))

    def loss(at):
        return instance.value(at.ravel()) - instance.parameters.ridge / 2 * np.sum(at**2)

    assert loss(moved) == pytest.approx(loss(w), rel=1e-9)


@bounded
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_cross_entropy_is_never_negative(seed, scale):
    x = scale * np.random.default_rng(seed).standard_normal(131)
    assert made("mlp", data="iris").value(x) >= 0.0


@bounded
@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_factorization_does_not_see_the_gauge(seed, factor):
    instance = made("matrix-factorization", rows=4, columns=3, rank=2)
    x = np.random.default_rng(seed).standard_normal(14)
    other = np.concatenate([factor * x[:8], x[8:] / factor])
    assert instance.value(other) == pytest.approx(instance.value(x), rel=1e-10)


SCRIPT = """
import sys, numpy as np, zobench
from zobench.objectives.solution import newton, product_of
from zobench.registry import catalogue
for name in ("softmax-regression", "mlp", "quadratic", "softmax-attention", "fixed-rank-completion"):
    instance = zobench.problem(name)
    x = instance.x0 + np.random.default_rng(5).standard_normal(instance.dim)
    print(name, instance.value(x).hex(), instance.gradient(x).tobytes().hex()[:4000])
    print([each.value.hex() for each in map(instance.certificates.get, sorted(instance.certificates))])
iris = zobench.problem("softmax-regression", data="iris")
product = product_of(iris, sys.modules[type(iris.data).__module__].product)
print(newton(iris.value, iris.gradient, product, iris.x0).x.tobytes() == iris.x_star.tobytes())
"""


def test_bits_do_not_depend_on_threads():
    printed = []
    for threads in ("1", "4"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads)}
        run = [sys.executable, "-P", "-c", SCRIPT]
        printed.append(
            subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
        )
    assert printed[0] == printed[1]
    assert printed[0].endswith("True\n")
