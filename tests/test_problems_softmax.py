"""Softmax problems: Lemma B, derivatives by complex step, optima by other hands, samples, the page."""

import sys
from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

import zobench
from zobench.attacks.certify import attack, falsify
from zobench.attacks.probe import Probe
from zobench.certificate import Certificate, Certificates
from zobench.cli.show import facts_of, page
from zobench.errors import ZobenchError
from zobench.instance import Instance
from zobench.objectives.classification import labelled
from zobench.objectives.solution import product_of
from zobench.stream import hashed_index


@cache
def made(name, **parameters):
    return zobench.problem(name, **parameters)


def attention(**parameters):
    return made("softmax-attention", **parameters)


def blocks_of(instance):
    """The A_i, (N, n, d), the b_i, and w^2."""
    data = instance.data
    count = data.targets.shape[0]
    return data.columns.reshape(count, instance.dim, -1).transpose(0, 2, 1), data.targets, data.squares


def softmax(z):
    """Also of complex arguments."""
    e = np.exp(z - z.real.max())
    return e / e.sum()


def loss(x, a, b, squares):
    z = a @ x
    return 0.5 * np.sum((softmax(z) - b) ** 2) + 0.5 * np.sum(squares * z**2)


def slope(x, a, b, squares):
    z = a @ x
    p = softmax(z)
    jacobian = np.diag(p) - np.outer(p, p)
    return a.T @ (jacobian @ (p - b) + squares * z)


def curvature(p, b):
    """H_phi of the sheet: J^2 + sum_k c_k p_k (e_k - p)(e_k - p)^T - <p, c> J."""
    jacobian, c = np.diag(p) - np.outer(p, p), p - b
    turned = np.eye(p.size) - p
    return jacobian @ jacobian + (turned.T * (c * p)) @ turned - (p @ c) * jacobian


def hessian(x, a, b, squares):
    p = softmax(a @ x)
    return a.T @ (curvature(p, b) + np.diag(squares)) @ a


def mean(function, x, instance):
    matrices, targets, squares = blocks_of(instance)
    return sum(function(x, a, b, squares) for a, b in zip(matrices, targets, strict=True)) / len(targets)


VARIANTS = [
    {},
    {"dim": 1, "rows": 2},
    {"blocks": 7, "batch": 3, "spread": 3.0, "dim": 5},
    {"rows": 33, "dim": 50, "weight": 0.0, "target": "vertex"},
    {"rows": 3, "blocks": 4, "scale": 6.0, "weight": 0.2, "start": 3.0},
]


# --- Lemma B -------------------------------------------------------------------------------------

SUP, INF = 0.308117, -0.240409


def test_extreme_eigenvalues_of_two_atoms():
    def two(p):  # the eigenvalue at (p, 1 - p), with b on the atom that comes first or second
        return 4 * p**2 * (1 - p) * (2 - 3 * p) if 0 < p < 1 else 0.0

    for sign, value in ((-1, SUP), (1, INF)):
        p = (15 + sign * np.sqrt(33)) / 24
        eigenvalues = [np.linalg.eigvalsh(curvature(np.array([p, 1 - p]), b)) for b in np.eye(2)]
        flat = np.concatenate(eigenvalues)
        assert np.min(np.abs(flat - value)) < 5e-7
        assert np.min(np.abs(flat - two(p))) < 1e-12
        assert np.min(np.abs(flat - two(1 - p))) < 1e-12


@pytest.mark.parametrize("n", [2, 3, 5, 9])
def test_lemma_b_by_optimisation(n):
    rng = np.random.default_rng(n)
    for sign, best, proved in ((1, SUP, 0.5), (-1, -INF, 0.5)):

        def goal(z, sign=sign):
            # the quadratic form is affine in b: its extremes lie at vertices or at b = 0
            p = softmax(z)
            forms = [sign * curvature(p, b) for b in (*np.eye(n), np.zeros(n))]
            return -max(np.linalg.eigvalsh(form)[-1] for form in forms)

        found = [
            -minimize(goal, 2 * rng.standard_normal(n), method="Nelder-Mead", options={"maxiter": 400}).fun
            for _ in range(6)
        ]
        assert max(found) < proved
        assert max(found) <= best + 1e-6
        if n <= 3:
            assert max(found) == pytest.approx(best, abs=1e-5)


def test_eigenvalues_never_leave_the_bracket():
    rng = np.random.default_rng(0)
    worst = [0.0, 0.0]
    for _ in range(3000):
        n = int(rng.integers(2, 13))
        p = rng.dirichlet(np.full(n, rng.choice([0.05, 0.3, 1.0, 5.0])))
        b = rng.dirichlet(np.full(n, 0.1)) * rng.choice([1.0, rng.uniform()])
        low, high = np.linalg.eigvalsh(curvature(p, b))[[0, -1]]
        worst = [min(worst[0], low), max(worst[1], high)]
    assert INF - 1e-6 <= worst[0] < -0.15
    assert 0.2 < worst[1] <= SUP + 1e-6


def test_lower_form_of_the_lemma():
    rng, a = np.random.default_rng(7), np.linspace(0, 1, 100_001)

    def bound(a):
        return (1 - a) ** 2 * (4 * a * np.maximum(1 - 2 * a, 0) + 8 / 27 * (1 - a))

    assert 0.486 < bound(a).max() < 0.4868
    for _ in range(500):
        p = rng.dirichlet(np.full(rng.integers(2, 9), rng.choice([0.3, 1.0, 3.0])))
        assert np.linalg.eigvalsh(curvature(p, np.eye(p.size)[0]))[0] >= -bound(p[0]) - 1e-15


def test_target_outside_the_simplex_breaks_the_lemma():
    assert np.linalg.eigvalsh(curvature(np.array([0.614, 0.386]), np.array([8.0, 0.0])))[-1] > 0.5


def sharp():
    """The instance whose Hessian has the extreme eigenvalue: A = (1, -1)^T / sqrt 2, b = e1, w = 0."""
    given = attention(rows=2, dim=1, weight=0.0, target="vertex")
    data = given.data._replace(
        columns=np.array([[1.0, -1.0]]) / np.sqrt(2), targets=np.array([[1.0, 0.0]]), squares=np.zeros(2)
    )
    x0 = np.array([np.log(0.614 / 0.386) / np.sqrt(2)])
    known = Certificates(Certificate("L", 0.5, "Lemma B.", exact=False))
    return Instance(given.problem, 1, 0, given.parameters, x0, data, known)


def test_narrower_bracket_is_refuted():
    probe = Probe(sharp())
    right, wrong = falsify(probe, "L", 0.5), falsify(probe, "L", 0.2)
    assert right.ok
    assert right.found == pytest.approx(SUP, abs=2e-4)
    assert not wrong.ok


# --- derivatives and certificates ----------------------------------------------------------------


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_value_gradient_and_hessian_follow_the_formula(parameters):
    instance = attention(**parameters)
    rng = np.random.default_rng(1)
    product = product_of(instance, sys.modules[type(instance.data).__module__].product)
    for scale in (0.0, 0.3, 10.0):
        x, v = instance.x0 + scale * rng.standard_normal(instance.dim), rng.standard_normal(instance.dim)
        assert instance.value(x) == pytest.approx(mean(loss, x, instance), rel=1e-12)
        gradient, h = instance.gradient(x), 1e-30
        shifts = x + 1j * h * np.eye(instance.dim)
        stepped = np.array([mean(loss, shift, instance).imag / h for shift in shifts])
        np.testing.assert_allclose(gradient, stepped, rtol=0, atol=1e-13 * (1 + np.abs(stepped).max()))
        bent = mean(slope, x + 1j * h * v, instance).imag / h
        np.testing.assert_allclose(product(x, v), bent, rtol=0, atol=1e-12 * (1 + np.abs(bent).max()))
        np.testing.assert_allclose(
            mean(hessian, x, instance) @ v, bent, atol=1e-12 * (1 + np.abs(bent).max())
        )


def test_values_by_hand():
    for n in (2, 5, 20):
        instance = attention(rows=n, target="vertex", weight=0.8)
        assert instance.value(np.zeros(8)) == pytest.approx(0.5 * (1 - 1 / n), rel=1e-14)
    two = sharp()
    assert two.value(two.x0) == pytest.approx(0.386**2, rel=1e-13)


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_certified_bracket_holds_everywhere(parameters):
    instance = attention(**parameters)
    matrices, _, squares = blocks_of(instance)
    known, rng = instance.certificates, np.random.default_rng(2)
    upper = np.mean([a.T @ np.diag(squares + 0.5) @ a for a in matrices], axis=0)
    lower = np.mean([a.T @ np.diag(squares - 0.5) @ a for a in matrices], axis=0)
    assert known.value("L") == pytest.approx(np.linalg.eigvalsh(upper)[-1], rel=1e-11)
    assert known.value("L") >= np.linalg.eigvalsh(upper)[-1]
    assert known.value("effective_rank") == pytest.approx(np.trace(upper) / known.value("L"), rel=1e-11)
    least = np.linalg.eigvalsh(lower)[0]
    if instance.dim <= matrices.shape[0] * matrices.shape[1] and squares.min() > 0.5:
        assert known.value("mu") == pytest.approx(least, rel=1e-9)
        assert known.value("mu") <= least
        assert known.value("PL") == known.value("mu")
    assert ("mu" in known) == (least > 1e-12)
    for scale in (0.1, 1.0, 10.0, 100.0):
        at = mean(hessian, scale * rng.standard_normal(instance.dim), instance)
        low, high = np.linalg.eigvalsh(at)[[0, -1]]
        assert low >= least - 1e-12 * (1 + high)
        assert high <= known.value("L")
    assert all(each.ok for each in attack(instance))


def test_what_is_certified_where():
    convex = {"L", "L0", "L1", "effective_rank", "mu", "PL", "convex", "f_star", "R0"}
    assert set(attention().certificates) == convex
    assert set(attention(dim=50).certificates) == (convex - {"mu", "PL", "f_star", "R0"}) | {"f_lower"}
    assert set(attention(weight=0.0).certificates) == {"L", "L0", "L1", "effective_rank", "f_star", "G"}
    assert set(attention(weight=0.1).certificates) == {"L", "L0", "L1", "effective_rank", "f_lower"}
    slope_bound = attention(weight=0.0).certificates.value("G")
    assert slope_bound == pytest.approx(
        np.linalg.norm(blocks_of(attention(weight=0.0))[0][0], 2) / np.sqrt(2)
    )


@pytest.mark.parametrize("parameters", [{}, {"blocks": 6, "spread": 2.0}, {"target": "vertex", "scale": 3.0}])
def test_minimum_agrees_with_scipy(parameters):
    instance = attention(**parameters)
    found = minimize(
        lambda x: mean(loss, x, instance),
        instance.x0,
        jac=lambda x: mean(slope, x, instance),
        hess=lambda x: mean(hessian, x, instance),
        method="trust-exact",
        options={"gtol": 1e-11},
    )
    np.testing.assert_allclose(instance.x_star, found.x, atol=1e-9)
    assert instance.certificates.value("f_star") == pytest.approx(found.fun, rel=1e-12)
    assert np.linalg.norm(instance.gradient(instance.x_star)) <= 1e-12


def test_teacher_is_a_minimiser_without_the_regulariser():
    instance = attention(weight=0.0, blocks=3)
    assert instance.value(instance.x_star) < 1e-30
    assert instance.value(instance.x0) > 1e-3


def test_sample_is_the_mean_over_the_blocks_of_its_key():
    instance = attention(blocks=7, batch=3, spread=3.0, dim=5)
    matrices, targets, squares = blocks_of(instance)
    x = instance.x0
    assert instance.stochastic
    for key in (0, 1, -5, 2**62):
        with np.errstate(over="ignore"):  # the hash is meant to overflow
            word = np.uint64(key % 2**64)
            chosen = [int(hashed_index(word, np.uint64(j), 7)) for j in range(3)]
        value = np.mean([loss(x, matrices[i], targets[i], squares) for i in chosen])
        assert instance.sample(x, key) == pytest.approx(value, rel=1e-12)
    samples = np.array([instance.sample(x, key) for key in range(4000)])
    assert abs(samples.mean() - instance.value(x)) < 5 * samples.std() / np.sqrt(samples.size)
    assert not attention(blocks=7).stochastic


def test_large_instance_certifies_what_needs_no_solution():
    wide = made("softmax-regression", data="synthetic", samples=20, features=60_000, classes=10)
    assert (wide.dim, wide.x_star) == (600_000, None)
    assert {"f_lower", "mu", "L"} <= set(wide.certificates)
    instance = attention(dim=20_000)
    assert np.isfinite(instance.value(instance.x0))
    assert {"L", "convex", "f_lower"} <= set(instance.certificates)
    assert instance.x_star is None
    a = blocks_of(instance)[0][0]
    assert instance.certificates.value("L") == pytest.approx(4.5 * np.linalg.norm(a @ a.T, 2), rel=1e-11)


# --- the literature beside -----------------------------------------------------------------------


def test_show_puts_the_literature_beside_with_its_ratio():
    (facts,) = facts_of("softmax-attention")
    constants = {item["constant"]: item for item in facts["constants"]}
    wide, grown = constants["L"]["compared"]
    a = blocks_of(attention())[0][0]
    assert wide["value"] == pytest.approx(12 * np.linalg.norm(a, 2) ** 2)
    assert wide["ratio"] == pytest.approx(12 / 4.5)
    assert grown["ratio"] > 1e100
    (weak,) = constants["mu"]["compared"]
    assert weak["value"] == 0.0
    text = page(facts)
    lines = [line for line in text.splitlines() if line.strip().startswith("beside")]
    assert len(lines) == 3
    # the page may break the lines of a long label
    assert " ".join(text.split()).count("recalled, not used") == 3
    assert " ".join(text.split()).count("times ours") == 3


def test_comparison_with_a_heavy_regulariser_and_beyond_double_precision():
    heavy = attention(weight=3.0).certificates["mu"]
    a = blocks_of(attention(weight=3.0))[0][0]
    assert heavy.compared[0].value == pytest.approx(5 * np.linalg.svd(a)[1][-1] ** 2)
    assert heavy.value > heavy.compared[0].value
    (facts,) = facts_of("softmax-attention:scale=5")
    assert "> 1e308" in page(facts)


# --- softmax regression --------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["iris", "wine", "breast-cancer"])
@pytest.mark.parametrize("ridge", [1e-2, 1.0])
def test_optimum_agrees_with_scikit_learn(data, ridge):
    from sklearn.linear_model import LogisticRegression

    instance, found = made("softmax-regression", data=data, ridge=ridge), labelled(data, constant=True)
    # two classes: scikit-learn fits one vector w of +-w/2, whose ridge counts half
    two = found.classes == 2
    strength = 1 / (ridge * found.labels.size) * (2 if two else 1)
    model = LogisticRegression(C=strength, fit_intercept=False, tol=1e-9, max_iter=5000)
    weights = model.fit(found.rows, found.labels).coef_
    theirs = np.vstack([-weights / 2, weights / 2]) if two else weights
    f_star = instance.certificates.value("f_star")
    value = instance.value(theirs.T.ravel())
    assert f_star <= value + 1e-15
    assert value <= f_star + 1e-9
    np.testing.assert_allclose(instance.x_star, theirs.T.ravel(), atol=1e-4)


SYNTHETIC = [{}, {"samples": 70, "features": 4, "classes": 2}, {"samples": 9, "features": 20, "classes": 5}]


def samples_of(instance):
    size, features = instance.data.labels.size, instance.dim // instance.data.classes
    return instance.data.rows[:size, :features], instance.data.labels.astype(int)


@pytest.mark.parametrize("parameters", SYNTHETIC, ids=str)
def test_synthetic_data_follow_the_formula_and_withstand(parameters):
    instance = made("softmax-regression", data="synthetic", ridge=0.05, **parameters)
    a, y = samples_of(instance)
    assert a.shape == (parameters.get("samples", 200), parameters.get("features", 10))
    assert np.all(a[:, -1] == 1.0)
    x = np.random.default_rng(3).standard_normal(instance.dim)
    scores = a @ x.reshape(a.shape[1], -1)
    wanted = np.mean(logsumexp(scores, axis=1) - scores[np.arange(y.size), y]) + 0.025 * x @ x
    assert instance.value(x) == pytest.approx(wanted, rel=1e-12)
    assert all(each.ok for each in attack(instance))
    # where all samples share two classes equally, and the constant feature forbids the others, L is met
    shared = np.zeros((a.shape[1], instance.data.classes))
    shared[-1, 2:] = -50.0
    met = Probe(instance).survey(shared.ravel()).norm
    assert met == pytest.approx(instance.certificates.value("L"), rel=1e-4)


def test_synthetic_data_belong_to_the_seed_and_come_from_a_teacher():
    one, two = (made("softmax-regression", data="synthetic", seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.data.rows, two.data.rows)
    again = zobench.problem("softmax-regression", data="synthetic")
    assert again.block.tobytes() == one.block.tobytes()
    big = made("softmax-regression", data="synthetic", samples=4000, features=5, ridge=1e-3)
    _, y = samples_of(big)
    # classes that said nothing about the features would leave about ln 3
    assert big.certificates.value("f_star") < 0.85 * np.log(3)
    assert np.all(np.bincount(y, minlength=3) > 200)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("softmax-attention", {"rows": 1}, "rows must be a whole number >= 2"),
        ("softmax-attention", {"weight": -1}, "weight must be a number >= 0 and <= 1e+06, got -1"),
        ("softmax-attention", {"spread": 0.5}, "spread must be a number >= 1 and <= 1e+06, got 0.5"),
        ("softmax-attention", {"target": "none"}, "target must be one of 'teacher', 'vertex', got 'none'"),
        ("softmax-attention", {"dim": 0}, "dim must be a whole number >= 1, got 0"),
        (
            "softmax-regression",
            {"data": "iris", "samples": 5},
            "samples must be left alone unless data is 'synthetic', got data 'iris'",
        ),
        (
            "softmax-regression",
            {"data": "synthetic", "dim": 4},
            "dim must be 30 with data 'synthetic', got 4",
        ),
        ("softmax-regression", {"data": "synthetic", "classes": 1}, "classes must be a whole number >= 2"),
    ],
)
def test_bad_request_is_one_sentence(name, parameters, message):
    with pytest.raises(ZobenchError) as caught:
        zobench.problem(name, **parameters)
    assert f"problem {name!r}: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)
