"""The networks: values and gradients against formulas written anew, samples, sizes, layers."""

import time
from functools import cache

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

import zobench
from zobench.errors import ZobenchError
from zobench.objectives import networks
from zobench.objectives.classification import labelled
from zobench.stream import hashed_index


@cache
def made(name, **parameters):
    return zobench.problem(name, **parameters)


def near(instance, seed=0, scale=0.3):
    return instance.x0 + scale * np.random.default_rng(seed).standard_normal(instance.dim)


# --- the formulas, written anew: sample by sample, x cut by hand ----------------------------------


class Cut:
    """Takes arrays off x, one after the other."""

    def __init__(self, x):
        self.x, self.at = x, 0

    def __call__(self, *shape):
        size = int(np.prod(shape))
        self.at += size
        return self.x[self.at - size : self.at].reshape(shape)


def loss_of(z, y, regression):
    if regression:
        return 0.5 * np.mean((z[:, 0] - y) ** 2)
    return np.mean(logsumexp(z, axis=1) - z[np.arange(y.size), y.astype(int)])


def samples_of(instance, chosen):
    name = getattr(instance.parameters, "data", "digits")
    if name == "diabetes":
        from sklearn.datasets import load_diabetes

        rows, y = load_diabetes(return_X_y=True)
        rows, y = rows / rows.std(axis=0), (y - y.mean()) / y.std()
        classes = 1
    else:
        rows, y, classes = labelled(name)
    return rows[chosen], y[chosen], classes


def mlp(x, instance, chosen):
    p, take = instance.parameters, Cut(x)
    h, y, classes = samples_of(instance, chosen)
    for _ in range(p.layers):
        w, b = take(h.shape[1], p.hidden), take(p.hidden)
        h = np.tanh(np.einsum("ij,jk->ik", h, w) + b)
    v, c = take(p.hidden, classes), take(classes)
    return loss_of(np.einsum("ij,jk->ik", h, v) + c, y, p.data == "diabetes")


def low_rank_mlp(x, instance, chosen):
    p, take = instance.parameters, Cut(x)
    h, y, classes = samples_of(instance, chosen)
    for _ in range(p.layers):
        u, s, b = take(h.shape[1], p.rank), take(p.rank, p.hidden), take(p.hidden)
        h = np.tanh(np.einsum("ij,jk->ik", h, np.einsum("jr,rk->jk", u, s)) + b)
    v, c = take(p.hidden, classes), take(classes)
    return loss_of(np.einsum("ij,jk->ik", h, v) + c, y, p.data == "diabetes")


def student(x, instance, rows):
    p, take, h = instance.parameters, Cut(x), rows
    for _ in range(p.layers):
        w, b = take(h.shape[1], p.hidden), take(p.hidden)
        h = np.tanh(np.einsum("ij,jk->ik", h, w) + b)
    return np.einsum("ij,j->i", h, take(p.hidden)) + take(1)


def teacher_student(x, instance, chosen):
    rows = instance.data.rows[: instance.parameters.samples][chosen]
    gap = student(x, instance, rows) - student(instance.x_star, instance, rows)
    return 0.5 * np.mean(gap**2)


def convolution(images, kernel, bias):
    """Images (N, side, side, channels): sums over pixel and neighbour written out."""
    side = images.shape[1]
    out = np.zeros((len(images), side, side, bias.size)) + bias
    for v in range(side):
        for u in range(side):
            for dv in (-1, 0, 1):
                for du in (-1, 0, 1):
                    if 0 <= v + dv < side and 0 <= u + du < side:
                        out[:, v, u] += images[:, v + dv, u + du] @ kernel[dv + 1, du + 1]
    out = np.tanh(out)
    return (out[:, ::2, ::2] + out[:, 1::2, ::2] + out[:, ::2, 1::2] + out[:, 1::2, 1::2]) / 4


def convnet(x, instance, chosen):
    c, take = instance.parameters.channels, Cut(x)
    rows, y, classes = samples_of(instance, chosen)
    k1, b1, k2, b2 = take(3, 3, 1, c), take(c), take(3, 3, c, 2 * c), take(2 * c)
    v, last = take(8 * c, classes), take(classes)
    images = convolution(convolution(rows.reshape(-1, 8, 8, 1), k1, b1), k2, b2)
    return loss_of(images.reshape(len(rows), -1) @ v + last, y, False)


def attention(x, instance, chosen):
    m, take = instance.parameters.width, Cut(x)
    rows, y, classes = samples_of(instance, chosen)
    embed, bias, place = take(8, m), take(m), take(8, m)
    q, k, v, o = (take(m, m) for _ in range(4))
    a, a0, b, b0 = take(m, 2 * m), take(2 * m), take(2 * m, m), take(m)
    c, c0 = take(m, classes), take(classes)
    z = []
    for row in rows:
        h = row.reshape(8, 8) @ embed + bias + place
        weights = softmax((h @ q) @ (h @ k).T / np.sqrt(m), axis=1)
        g = h + weights @ (h @ v) @ o
        z.append((g + np.tanh(g @ a + a0) @ b + b0).mean(axis=0) @ c + c0)
    return loss_of(np.array(z), y, False)


FORMULAS = {
    "mlp": mlp,
    "low-rank-mlp": low_rank_mlp,
    "teacher-student": teacher_student,
    "convnet": convnet,
    "attention": attention,
}
VARIANTS = [
    ("mlp", {"data": "diabetes", "hidden": 5, "ridge": 0.1}),
    ("mlp", {"data": "breast-cancer", "hidden": 11, "layers": 2}),
    ("mlp", {"data": "diabetes", "hidden": 70, "layers": 3, "batch": 70}),
    ("mlp", {"layers": 3}),
    ("low-rank-mlp", {"hidden": 40}),
    ("low-rank-mlp", {"data": "breast-cancer", "hidden": 9, "rank": 9, "layers": 3, "ridge": 0.2}),
    ("low-rank-mlp", {"data": "diabetes", "hidden": 1, "rank": 1, "batch": 3}),
    ("teacher-student", {"batch": 5}),
    ("teacher-student", {"inputs": 1, "hidden": 1, "samples": 1, "batch": 1}),
    ("teacher-student", {"inputs": 7, "hidden": 33, "layers": 3, "samples": 130, "batch": 100}),
    ("convnet", {"channels": 1}),
    ("convnet", {"ridge": 0.3}),
    ("attention", {"width": 1}),
    ("attention", {"ridge": 0.3}),
    ("attention", {"width": 12, "batch": 65}),
]


def formula(name, x, instance, chosen):
    ridge = getattr(instance.parameters, "ridge", 0.0)
    return FORMULAS[name](x, instance, chosen) + ridge / 2 * x @ x


def drawn(instance, key):
    size = instance.data.labels.size
    with np.errstate(over="ignore"):  # the hash is meant to overflow
        word = np.uint64(key % 2**64)
        count = instance.parameters.batch
        return [int(hashed_index(word, np.uint64(j), size)) for j in range(count)]


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=str)
def test_value_follows_the_formula(name, parameters):
    instance = made(name, **parameters)
    for scale in (0.0, 0.3, 2.0):
        x = near(instance, 1, scale)
        assert instance.value(x) == pytest.approx(formula(name, x, instance, slice(None)), rel=1e-12)


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=str)
def test_sample_is_the_loss_over_the_rows_of_its_key(name, parameters):
    instance = made(name, **parameters)
    assert instance.stochastic
    x = near(instance)
    for key in (0, -5, 2**62):
        assert instance.sample(x, key) == pytest.approx(
            formula(name, x, instance, drawn(instance, key)), rel=1e-11
        )


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=str)
def test_gradient_is_the_derivative(name, parameters):
    instance = made(name, **parameters)
    x = near(instance)
    gradient, rng = instance.gradient(x), np.random.default_rng(2)
    size = np.abs(gradient).max()
    for i in rng.choice(instance.dim, min(instance.dim, 30), replace=False):
        s = np.zeros(instance.dim)
        s[i] = 1.0
        near_slope, far_slope = (
            (instance.value(x + h * s) - instance.value(x - h * s)) / (2 * h) for h in (1e-3, 2e-3)
        )
        assert (4 * near_slope - far_slope) / 3 == pytest.approx(gradient[i], abs=1e-8 * (1 + size))


MEANS = [
    ("mlp", {"data": "diabetes", "hidden": 3, "layers": 2, "batch": 7}),
    ("low-rank-mlp", {"data": "iris", "hidden": 4, "batch": 1}),
    ("teacher-student", {"batch": 5}),
    ("convnet", {"channels": 1, "batch": 2}),
    ("attention", {"width": 2, "batch": 2}),
]


@pytest.mark.parametrize(("name", "parameters"), MEANS, ids=str)
def test_mean_of_the_samples_is_the_objective(name, parameters):
    instance = made(name, **parameters)
    x = near(instance)
    samples = np.array([instance.sample(x, key) for key in range(4000)])
    error = samples.std() / np.sqrt(samples.size)
    # two-sided; a normal variate exceeds 5 once in two million
    assert abs(samples.mean() - instance.value(x)) < 5 * error
    assert error < 0.05 * instance.value(x)


@pytest.mark.parametrize("name", FORMULAS)
def test_full_batch_is_deterministic(name):
    instance = made(name, batch=0)
    assert not instance.stochastic
    assert instance.sample(instance.x0, 3) == instance.value(instance.x0)
    assert np.array_equal(instance.x0, made(name, batch=0, seed=0).x0)


# --- what is certified ---------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_student_that_is_the_teacher_errs_nowhere(layers):
    instance = made("teacher-student", layers=layers, batch=9, seed=layers)
    assert instance.value(instance.x_star) == 0.0
    assert not instance.gradient(instance.x_star).any()
    assert {instance.sample(instance.x_star, key) for key in range(20)} == {0.0}
    assert instance.certificates.value("f_star") == 0.0
    answers = student(instance.x_star, instance, instance.data.rows[:256])
    np.testing.assert_allclose(instance.data.labels, answers, rtol=0, atol=1e-13)


def test_the_teacher_is_not_the_only_minimiser():
    instance = made("teacher-student", inputs=3, hidden=4)
    take = Cut(instance.x_star)
    w, b, v, c = take(3, 4), take(4), take(4), take(1)
    turn = np.array([2, 0, 3, 1])
    other = np.concatenate([-w[:, turn].ravel(), -b[turn], -v[turn], c])
    assert instance.value(other) < 1e-30 < 1e-3 < instance.value(instance.x0)


def test_low_rank_network_does_not_see_the_gauge():
    instance = made("low-rank-mlp")
    take = Cut(near(instance))
    u, s = take(64, 2), take(2, 16)
    g = np.array([[2.0, 1.0], [0.5, -1.0]])
    x = take.x.copy()
    x[: 64 * 2 + 2 * 16] = np.concatenate([(u @ g).ravel(), np.linalg.solve(g, s).ravel()])
    assert instance.value(x) == pytest.approx(instance.value(take.x), rel=1e-12)


def test_full_rank_factors_give_the_plain_network():
    thin = made("low-rank-mlp", data="iris", hidden=3, rank=3)
    plain = made("mlp", data="iris", hidden=3)
    x = near(thin)
    take = Cut(x)
    product = take(4, 3) @ take(3, 3)
    assert plain.value(np.concatenate([product.ravel(), x[take.at :]])) == pytest.approx(
        thin.value(x), rel=1e-12
    )


@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "teacher-student"])
def test_loss_and_ridge_are_never_negative(name):
    instance = made(name, ridge=0.5)
    assert instance.certificates.value("f_lower") == 0.0
    for scale in (0.0, 1.0, 1e3):
        assert instance.value(scale * near(instance)) >= 0.0


# --- sizes and requests --------------------------------------------------------------------------

SIZES = [
    ("mlp", {"hidden": 1}, 85),
    ("mlp", {"data": "diabetes"}, 193),
    ("mlp", {"hidden": 256, "layers": 2}, 85_002),
    ("mlp", {"hidden": 690, "layers": 3}, 1_005_340),
    ("low-rank-mlp", {}, 346),
    ("low-rank-mlp", {"hidden": 2000, "rank": 60, "layers": 3}, 629_850),
    ("teacher-student", {}, 97),
    ("teacher-student", {"hidden": 700, "layers": 3}, 989_801),
    ("convnet", {"channels": 1}, 120),
    ("convnet", {}, 266),
    ("convnet", {"channels": 73}, 102_648),
    ("convnet", {"channels": 234}, 1_007_146),
    ("attention", {}, 360),
    ("attention", {"width": 111}, 101_908),
    ("attention", {"width": 352}, 1_001_802),
]


@pytest.mark.parametrize(("name", "parameters", "dim"), SIZES, ids=str)
def test_parameters_set_the_dimension(name, parameters, dim):
    made(name)  # data and compiled code are at hand
    begun = time.process_time()
    instance = zobench.problem(name, **parameters)
    assert time.process_time() - begun < 1.0
    assert instance.dim == dim
    assert np.isfinite(instance.value(instance.x0))


def test_published_start_is_kept():
    # the start of the first version, before there were layers
    assert made("mlp").value(made("mlp").x0) == pytest.approx(2.4331362800730036, rel=1e-14)
    assert made("mlp", layers=1).x0[:2].tobytes() == made("mlp").x0[:2].tobytes()
    assert np.abs(made("mlp").x0[:1024]).max() < np.sqrt(6 / 80)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("mlp", {"layers": 4}, "layers must be a whole number >= 1 and <= 3, got 4"),
        (
            "mlp",
            {"data": "boston"},
            "data must be one of 'digits', 'breast-cancer', 'iris', 'wine', 'diabetes'",
        ),
        ("low-rank-mlp", {"rank": 17}, "rank must be <= 16, the smaller of hidden = 16 and the 64 features"),
        (
            "low-rank-mlp",
            {"data": "iris", "rank": 5},
            "rank must be <= 4, the smaller of hidden = 16 and the 4",
        ),
        ("teacher-student", {"samples": 0}, "samples must be a whole number >= 1"),
        ("teacher-student", {"dim": 5}, "dim must be 97 with these parameters, got 5"),
        ("convnet", {"channels": 0}, "channels must be a whole number >= 1"),
        ("convnet", {"batch": -1}, "batch must be a whole number >= 0"),
        ("attention", {"width": 0.5}, "width must be a whole number >= 1"),
        ("attention", {"ridge": -1}, "ridge must be a number >= 0, got -1"),
    ],
)
def test_bad_request_is_one_sentence(name, parameters, message):
    with pytest.raises(ZobenchError) as caught:
        zobench.problem(name, **parameters)
    assert f"problem {name!r}: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_diabetes_is_standardised_and_read_only():
    found = networks.real_data("diabetes")
    np.testing.assert_allclose(found.rows.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(found.rows.std(axis=0), 1)
    assert (found.labels.mean(), found.labels.std()) == (pytest.approx(0, abs=1e-14), pytest.approx(1))
    with pytest.raises(ValueError, match="read-only"):
        found.labels[0] = 2.0
