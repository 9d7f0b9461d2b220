"""The synthetic problems: formulas written anew, values from print, and constants found in other ways."""

import dataclasses
import hashlib
from decimal import Decimal, localcontext
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from scipy.optimize import rosen, rosen_der
from sklearn.linear_model import LogisticRegression, Ridge

import zobench
from zobench.attacks.certify import attack, falsify
from zobench.attacks.probe import Probe
from zobench.certificate import Certificate, Certificates
from zobench.errors import ZobenchError
from zobench.registry import catalogue


@cache
def made(name, **parameters):
    return zobench.problem(name, **parameters)


# --- the formulas, written anew ------------------------------------------------------------------


def log_cosh(x, instance):
    return np.sum(np.logaddexp(x, -x) - np.log(2)), np.tanh(x)


def huber(x, instance):
    delta = instance.parameters.delta
    return np.sum(special.huber(delta, x)), np.clip(x, -delta, delta)


def log_quadratic(x, instance):
    return np.sum(np.log(1 + x**2)), 2 * x / (1 + x**2)


def nesterov_worst(x, instance):
    scale, k = instance.parameters.smoothness, instance.parameters.coupled or x.size
    hessian = np.zeros((x.size, x.size))
    hessian[:k, :k] = scale / 4 * (2 * np.eye(k) - np.eye(k, k=1) - np.eye(k, k=-1))
    first = np.eye(1, x.size)[0] * scale / 4
    return 0.5 * x @ hessian @ x - first @ x, hessian @ x - first


def styblinski_tang(x, instance):
    return np.sum(x**4 - 16 * x**2 + 5 * x) / 2, (4 * x**3 - 32 * x + 5) / 2


def rosenbrock(x, instance):
    return rosen(x), rosen_der(x)


def sine_quadratic(x, instance):
    return np.sum(x**2 + 1.5 * (1 - np.cos(2 * x))), 2 * x + 6 * np.sin(x) * np.cos(x)


def quartic_norm(x, instance):
    return np.linalg.norm(x) ** 4 / 4, np.linalg.norm(x) ** 2 * x


def quartic_sum(x, instance):
    return np.sum(x**4) / 4, x**3


def exponential(x, instance):
    value = np.exp(instance.data.w @ x)
    return value, value * instance.data.w


def l1_norm(x, instance):
    return np.linalg.norm(x, 1), np.sign(x)


def max_coordinate(x, instance):
    place = np.argmax(np.abs(x))
    return np.linalg.norm(x, np.inf), np.eye(1, x.size, place)[0] * np.sign(x[place])


def samples(instance):
    """A and b, or the rows y a, without what fills up the blocks."""
    size, data = instance.data.size, instance.data
    return data.rows[:size], data.targets[:size] if hasattr(data, "targets") else None


def logistic_regression(x, instance):
    rows, _ = samples(instance)
    ridge, margin = instance.parameters.ridge, rows @ x
    gradient = -rows.T @ special.expit(-margin) / len(rows) + ridge * x
    return np.mean(-special.log_expit(margin)) + ridge / 2 * x @ x, gradient


def ridge_regression(x, instance):
    rows, b = samples(instance)
    ridge, defect = instance.parameters.ridge, rows @ x - b
    return np.mean(defect**2) / 2 + ridge / 2 * x @ x, rows.T @ defect / len(b) + ridge * x


def robust_regression(x, instance):
    rows, b = samples(instance)
    c, r = instance.parameters.scale, rows @ x - b
    if instance.parameters.loss == "cauchy":
        return np.mean(c**2 / 2 * np.log(1 + (r / c) ** 2)), rows.T @ (r / (1 + (r / c) ** 2)) / len(b)
    return np.mean(r**2 / (1 + (r / c) ** 2)) / 2, rows.T @ (r / (1 + (r / c) ** 2) ** 2) / len(b)


SYNTHETIC = {"data": "synthetic"}
VARIANTS = [
    *[("log-cosh", {"dim": d, "start": s}) for d, s in ((1, 3.0), (10, 0.01), (70, 50.0))],
    *[("huber", {"dim": d, "delta": s}) for d, s in ((1, 1.0), (9, 0.01), (60, 30.0))],
    *[("log-quadratic", {"dim": d, "start": s}) for d, s in ((1, 2.0), (7, 0.1), (50, 1.0))],
    *[("nesterov-worst", {"dim": d, "coupled": k}) for d, k in ((1, 0), (2, 1), (11, 5), (7, 7), (60, 0))],
    ("nesterov-worst", {"smoothness": 40.0}),
    *[("styblinski-tang", {"dim": d}) for d in (1, 2, 20)],
    *[("rosenbrock", {"dim": d}) for d in (2, 3, 50)],
    *[("sine-quadratic", {"dim": d, "start": s}) for d, s in ((1, 3.0), (6, 30.0), (50, 0.1))],
    *[("quartic-norm", {"dim": d, "start": s}) for d, s in ((1, 1.0), (5, 0.1), (49, 2.0))],
    *[("quartic-sum", {"dim": d, "start": s}) for d, s in ((1, 1.0), (5, 0.1), (12, 2.0))],
    *[("exponential", {"dim": d, "rate": r}) for d, r in ((1, 1.0), (4, 0.01), (60, 5.0))],
    *[("l1-norm", {"dim": d}) for d in (1, 3, 6, 70)],
    *[("max-coordinate", {"dim": d}) for d in (1, 3, 70)],
    ("logistic-regression", {}),
    ("logistic-regression", {**SYNTHETIC, "dim": 3, "samples": 1, "ridge": 1.0}),
    ("logistic-regression", {**SYNTHETIC, "dim": 60, "samples": 40, "ridge": 0.1}),
    ("ridge-regression", {}),
    ("ridge-regression", {**SYNTHETIC, "dim": 1, "samples": 64}),
    ("ridge-regression", {**SYNTHETIC, "dim": 50, "samples": 30}),
    ("robust-regression", {"data": "diabetes", "loss": "cauchy", "scale": 0.5}),
    ("robust-regression", {"loss": "cauchy"}),
    ("robust-regression", {}),
    ("robust-regression", {**SYNTHETIC, "dim": 2, "samples": 65, "scale": 3.0, "loss": "cauchy"}),
    *[("quadratic", {"dim": d, "spectrum": "projector", "rank": r}) for d, r in ((1, 1), (9, 4), (60, 7))],
    ("quadratic", {"spectrum": "two-level", "rank": 3, "condition": 100.0, "rotation": "yes"}),
    ("quadratic", {"spectrum": "linear", "condition": 5.0, "dim": 60}),
]
NAMES = sorted({name for name, _ in VARIANTS} - {"quadratic"})


@pytest.mark.parametrize(("name", "parameters"), [v for v in VARIANTS if v[0] != "quadratic"], ids=str)
def test_value_and_gradient_follow_the_formula(name, parameters):
    instance = made(name, **parameters)
    formula = globals()[name.replace("-", "_")]
    rng = np.random.default_rng(1)
    for scale in (1e-3, 0.3, 3.0):
        x = instance.x0 + scale * rng.standard_normal(instance.dim)
        value, gradient = formula(x, instance)
        assert instance.value(x) == pytest.approx(value, rel=1e-12, abs=1e-13)
        np.testing.assert_allclose(
            instance.gradient(x), gradient, rtol=0, atol=1e-12 * (np.abs(gradient).max() + 1e-3)
        )


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=str)
def test_certificates_stand_and_exact_ones_are_met(name, parameters):
    instance = made(name, **parameters)
    for found in attack(instance):
        assert found.ok, str(found)
        certificate = instance.certificates.get(found.constant)
        if certificate and certificate.exact and not np.isnan(found.tightness):
            assert 0.9 <= found.tightness <= 1 + 1e-6, str(found)


@pytest.mark.parametrize(
    ("name", "constant"),
    [(name, constant) for name in NAMES for constant in ("L", "L0", "L1", "G", "R0", "mu", "PL")],
)
def test_better_than_exact_is_caught(name, constant):
    instance = made(name)
    certificate = instance.certificates.get(constant)
    if certificate is None or not certificate.exact or not certificate.value:
        return
    better = certificate.value * (1.25 if constant in ("mu", "PL") else 0.8)
    assert not falsify(Probe(instance), constant, better).ok


# --- values from print, constants found in other ways --------------------------------------------


def test_values_from_print():
    start = made("rosenbrock", dim=2)
    np.testing.assert_array_equal(start.x0, [-1.2, 1.0])
    assert start.value(start.x0) == pytest.approx(24.2)
    tang = made("styblinski-tang", dim=2)
    assert tang.certificates.value("f_star") == pytest.approx(-78.33233, abs=1e-5)
    assert tang.value(tang.x_star) == pytest.approx(-78.33233140754282, rel=1e-15)
    assert tang.x_star == pytest.approx([-2.903534] * 2, abs=1e-6)
    worst = made("nesterov-worst", dim=4, smoothness=8.0)
    assert worst.certificates.value("f_star") == pytest.approx(1 / 5 - 1)
    np.testing.assert_allclose(worst.x_star, [0.8, 0.6, 0.4, 0.2])
    assert made("huber", dim=2).value(np.array([3.0, -0.5])) == pytest.approx(2.5 + 0.125)
    assert made("sine-quadratic", dim=1).value(np.array([np.pi / 2])) == pytest.approx(np.pi**2 / 4 + 3)


def test_styblinski_tang_is_lowest_at_a_root_to_forty_digits():
    with localcontext() as context:
        context.prec = 40
        z = Decimal("-2.9")
        for _ in range(50):
            z -= (4 * z**3 - 32 * z + 5) / (12 * z**2 - 32)
        lowest = (z**4 - 16 * z**2 + 5 * z) / 2
    instance = made("styblinski-tang", dim=1)
    assert instance.x_star[0] == float(z)
    assert instance.certificates.value("f_star") == float(lowest)
    other = max(np.roots([4, 0, -32, 5]).real)
    assert instance.value(np.array([other])) - float(lowest) == pytest.approx(14.1, abs=0.05)


def test_l0_of_styblinski_tang_on_a_grid():
    z = np.linspace(-20, 20, 4_000_001)
    needed = np.max(np.abs(6 * z**2 - 16) - np.abs(2 * z**3 - 16 * z + 2.5))
    certified = made("styblinski-tang").certificates.value("L0")
    assert needed <= certified <= needed + 1e-8


def test_pl_constant_of_sine_quadratic_by_subdivision():
    """On [0.1, 4] a slope bound certifies every cell of a grid; near 0 the quotient is about 8."""
    constant = made("sine-quadratic").certificates.value("PL")
    z = np.linspace(0.1, 4.0, 2_000_001)
    slope, value = 2 * z + 3 * np.sin(2 * z), z**2 + 3 * np.sin(z) ** 2
    # h = f'^2 - 2 PL f >= 0 is claimed; |h'| = |2 f' (f'' - PL)| <= 2 * 11 * 8.2
    excess = slope**2 - 2 * 0.999999 * constant * value
    step = z[1] - z[0]
    near = np.abs(z - 2.2017) < 0.02
    assert np.all(excess[~near] > 2 * 11 * 8.2 * step)
    # around the minimum h is convex: |h''| is bounded below there, so the grid's least value is the least
    quotient = slope[near] ** 2 / (2 * value[near])
    assert constant <= quotient.min() <= constant * (1 + 1e-8)
    assert np.all(np.diff(quotient, 2) > -1e-12)
    small = np.linspace(1e-4, 0.1, 1000)
    assert np.all((2 * small + 3 * np.sin(2 * small)) ** 2 > 15 * (small**2 + 3 * np.sin(small) ** 2))
    assert constant > 1 / 32  # what is usually given


def test_nesterovs_spectrum():
    instance = made("nesterov-worst", dim=11, coupled=5, smoothness=3.0)
    hessian = np.array([instance.gradient(v) - instance.gradient(np.zeros(11)) for v in np.eye(11)])
    eigenvalues = np.linalg.eigvalsh(hessian)
    assert instance.certificates.value("L") == pytest.approx(eigenvalues[-1])
    assert instance.certificates.value("PL") == pytest.approx(eigenvalues[6])
    assert np.abs(eigenvalues[:6]).max() < 1e-12
    assert "mu" not in instance.certificates


def test_spectra_of_the_quadratic():
    two = made("quadratic", dim=6, spectrum="two-level", rank=2, condition=4.0)
    np.testing.assert_array_equal(np.sort(two.data.eigenvalues), [0.25] * 4 + [1.0] * 2)
    assert two.certificates.value("effective_rank") == 3.0
    flat = made("quadratic", dim=6, spectrum="projector", rank=2, rotation="yes")
    assert flat.certificates.value("effective_rank") == flat.certificates.value("trace") == 2.0
    assert {"mu", "R0"} & set(flat.certificates) == set()
    assert not falsify(Probe(flat), "mu", 1e-3).ok
    assert not falsify(Probe(flat), "PL", 1.01).ok
    linear = made("quadratic", dim=5, spectrum="linear", condition=5.0)
    np.testing.assert_allclose(linear.data.eigenvalues, [0.2, 0.4, 0.6, 0.8, 1.0])


def test_parameters_that_came_later_move_no_recorded_bit():
    def recorded(name, **parameters):
        instance = zobench.problem(name, **parameters)
        trace = zobench.run(instance, "s2p", budget=300, seed=1)
        bits = hashlib.sha256(instance.x0.tobytes() + instance.block.tobytes()).hexdigest()[:16]
        return bits, trace.best.hex(), trace.key.digest()

    assert recorded("quadratic") == (
        "1f728665f410ed02", "0x1.f58278a83dcecp-6", "e0ad39ada8fd0aba3f30603e6a74312b",
    )  # fmt: skip
    assert recorded("quadratic", dim=30, condition=100.0, rotation="yes", seed=2) == (
        "59852060f443ca4a", "0x1.2e460ba2eccecp+0", "1a21300ecbd23e6630d3839c593a7d6a",
    )  # fmt: skip
    assert recorded("quadratic", spectrum="linear") != recorded("quadratic")


@pytest.mark.parametrize("parameters", [{}, {"ridge": 1.0}], ids=str)
def test_ridge_regression_against_its_closed_form_and_scikit_learn(parameters):
    instance = made("ridge-regression", **parameters)
    (rows, b), ridge = samples(instance), instance.parameters.ridge
    closed = np.linalg.solve(rows.T @ rows / len(b) + ridge * np.eye(10), rows.T @ b / len(b))
    np.testing.assert_allclose(instance.x_star, closed, rtol=0, atol=1e-10)
    theirs = Ridge(alpha=ridge * len(b), fit_intercept=False).fit(rows, b).coef_
    np.testing.assert_allclose(instance.x_star, theirs, rtol=0, atol=1e-10)
    eigenvalues = np.linalg.eigvalsh(rows.T @ rows / len(b)) + ridge
    assert instance.certificates.value("L") == pytest.approx(eigenvalues[-1])
    assert instance.certificates.value("mu") == pytest.approx(eigenvalues[0])
    assert instance.value(np.zeros(10)) == pytest.approx(0.5)


@pytest.mark.parametrize("parameters", [{}, SYNTHETIC], ids=str)
def test_logistic_regression_against_scikit_learn(parameters):
    instance = made("logistic-regression", **parameters)
    (rows, _), ridge = samples(instance), instance.parameters.ridge
    # a sample of class 1 at y a is the same as one of class y at a; scikit-learn wants both classes
    signs = np.where(np.arange(len(rows)) % 2 == 0, 1.0, -1.0)
    model = LogisticRegression(C=1 / (ridge * len(rows)), fit_intercept=False, tol=1e-12, max_iter=10_000)
    theirs = model.fit(rows * signs[:, None], signs).coef_[0]
    assert instance.certificates.value("f_star") <= instance.value(theirs) + 1e-15
    assert instance.value(theirs) == pytest.approx(instance.certificates.value("f_star"), rel=1e-9)
    np.testing.assert_allclose(instance.x_star, theirs, rtol=0, atol=1e-4)
    assert instance.value(np.zeros(instance.dim)) == pytest.approx(np.log(2), rel=1e-15)


def test_robust_losses_do_not_follow_outliers():
    squares = made("ridge-regression", **SYNTHETIC)
    robust = made("robust-regression", **SYNTHETIC)
    assert not robust.certificates.keys() & {"convex", "f_star"}
    far = robust.x0 + 1e6
    assert robust.value(far) <= 0.5
    assert squares.value(far) > 1e9
    assert not falsify(Probe(robust), "convex", 1.0).ok


@given(st.integers(0, 10**6), st.floats(0.01, 100.0))
def test_sublevel_sets_lie_within_r0(seed, spread):
    rng = np.random.default_rng(seed)
    for name in ("log-cosh", "huber", "quartic-sum", "l1-norm", "max-coordinate", "cosh", "sine-quadratic"):
        instance = made(name, dim=5)
        u = rng.standard_normal(5) ** 3 * spread
        level = instance.value(instance.x0)
        while not instance.value(u) <= level:
            u = 0.9 * u
        assert np.linalg.norm(u) <= instance.certificates.value("R0") * (1 + 1e-12)


# --- definitions, kinks --------------------------------------------------------------------------


def test_each_pair_says_its_definition():
    for name in ("quartic-norm", "quartic-sum", "exponential", "cosh"):
        for constant in ("L0", "L1"):
            certificate = made(name).certificates[constant]
            assert certificate.definition == "H"
            assert "|Hess f(x)| <= L0 + L1 |grad f(x)|" in certificate.meaning
    assert made("huber").certificates["L0"].definition == "G"
    assert made("cosh").certificates["mu"].definition == ""
    for constant, definition in (("L0", "I"), ("mu", "H")):
        with pytest.raises(ZobenchError, match="definition of"):
            Certificate(constant, 1.0, "Wrong.", definition=definition)


def test_definitions_are_not_interchangeable():
    """Cosh obeys definition H with (1, 1), and definition G only with (e - 1, e - 1)."""
    right = made("cosh")

    def by_g(value):
        pair = [Certificate(name, value, "Claimed.", definition="G") for name in ("L0", "L1")]
        kept = [each for name, each in right.certificates.items() if name not in ("L0", "L1")]
        instance = dataclasses.replace(right, certificates=Certificates(*pair, *kept))
        return {each.constant: each for each in attack(instance)}

    wrong = by_g(1.0)
    assert not wrong["L0"].ok
    assert not wrong["L1"].ok
    assert wrong["L0"].tightness > 1.5
    stands = by_g(np.e - 1)
    assert stands["L0"].ok
    assert stands["L1"].ok


@pytest.mark.parametrize("name", ["l1-norm", "max-coordinate"])
def test_kinks_are_known(name):
    instance = made(name)
    assert not instance.problem.differentiable
    assert not {"L", "L0", "L1"} & set(instance.certificates)
    for claimed in (1.0, 100.0):
        assert not falsify(Probe(instance), "L", claimed).ok


def wrong_sign(x, out):
    for i in range(x.size):
        out[i] = 1.0 if x[i] > 0.0 else -1.0 if x[i] < 0.0 else 0.5
    out[0] *= 0.999


def everything_at_once(x, out):
    for i in range(x.size):
        out[i] = 0.1 if x[i] > 0.0 else -0.1


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("l1-norm", wrong_sign), ("max-coordinate", everything_at_once)],
    ids=["l1-norm", "max-coordinate"],
)
def test_wrong_subgradient_is_caught(name, wrong):
    right = made(name)
    problem = dataclasses.replace(right.problem, name=f"{name}-wrong", gradient=wrong)
    found = attack(dataclasses.replace(right, problem=problem, _keep={}))[0]
    assert found.constant == "gradient"
    assert not found.ok


@pytest.mark.parametrize("name", ["l1-norm", "max-coordinate", "log-cosh", "log-quadratic"])
def test_lipschitz_constants_and_radii_are_attacked_without_a_gradient(name):
    right = made(name, dim=4)
    blind = dataclasses.replace(right, problem=dataclasses.replace(right.problem, gradient=None), _keep={})
    for constant in ("G", "R0"):
        value = right.certificates.value(constant)
        assert falsify(Probe(blind), constant, value).ok
        assert not falsify(Probe(blind), constant, 0.8 * value).ok


# --- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("quadratic", {"spectrum": "projector", "rank": 11}, "rank must be <= dim = 10, got 11"),
        (
            "quadratic",
            {"rank": 2},
            "rank must be left out unless spectrum is 'two-level' or 'projector', got 2",
        ),
        ("quadratic", {"rank": 0}, "rank must be a whole number >= 1, got 0"),
        (
            "quadratic",
            {"spectrum": "projector", "condition": 3},
            "condition must be left out where spectrum is 'projector', got 3",
        ),
        (
            "quadratic",
            {"spectrum": "flat"},
            "spectrum must be one of 'geometric', 'linear', 'two-level', 'pro",
        ),
        ("nesterov-worst", {"dim": 3, "coupled": 4}, "coupled must be <= dim = 3, got 4"),
        ("rosenbrock", {"dim": 1}, "dim must be >= 2, got 1"),
        ("logistic-regression", {"dim": 7}, "dim must be 31 with data 'breast-cancer', got 7"),
        ("logistic-regression", {"data": "digits"}, "data must be one of 'breast-cancer', 'synthetic', got"),
        ("logistic-regression", {"ridge": 0}, "ridge must be a number >= 1e-10 and <= 1e+10, got 0"),
        ("ridge-regression", {"samples": 5}, "samples must be left out unless data is 'synthetic', got 5"),
        (
            "robust-regression",
            {**SYNTHETIC, "samples": 1001, "dim": 1000},
            "samples times dim must be <= 1000000, got 1001 times 1000 = 1001000",
        ),
        ("huber", {"delta": 0}, "delta must be a number >= 1e-06 and <= 1e+06, got 0"),
        ("exponential", {"start": 700}, "start must be a number >= -100 and <= 200, got 700"),
    ],
)
def test_bad_request_is_one_sentence(name, parameters, message):
    with pytest.raises(ZobenchError) as caught:
        zobench.problem(name, **parameters)
    assert f"problem {name!r}: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["logistic-regression", "ridge-regression", "robust-regression"])
def test_drawn_data_depend_on_the_seed(name):
    one, two = made(name, **SYNTHETIC), made(name, **SYNTHETIC, seed=1)
    assert one.dim == 20
    assert one.data.size == 200
    assert not np.array_equal(one.block, two.block)
    assert np.array_equal(one.block, zobench.problem(name, dim=20, **SYNTHETIC).block)


def test_all_are_registered():
    assert set(NAMES) <= set(catalogue("problems"))
