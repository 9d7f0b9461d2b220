"""Matrices of low rank: formulas, the declared manifold, the starts, the two counter-examples."""

from functools import cache

import numpy as np
import pytest
from scipy.linalg import subspace_angles

import zobench
from zobench.attacks.certify import attack
from zobench.cli.show import facts_of, page
from zobench.contract.problem import PROBLEM_CHECKS
from zobench.errors import ZobenchError
from zobench.geometry.manifold import Manifold
from zobench.parameters import RealOr, convert
from zobench.registry import catalogue


@cache
def made(name, **parameters):
    return zobench.problem(name, **parameters)


FACTORS = ("matrix-factorization", "matrix-completion")
MATRICES = ("fixed-rank-approximation", "fixed-rank-completion", "tilted-spectrum", "rank-deficient-start")


def shape_of(instance):
    chosen = instance.parameters
    return chosen.rows, chosen.columns, chosen.rank


def factors(x, instance):
    rows, columns, rank = shape_of(instance)
    return x[: rows * rank].reshape(rows, rank), x[rows * rank :].reshape(columns, rank)


def truth(instance):
    """A, from the minimiser."""
    if instance.problem.name in FACTORS:
        u, v = factors(instance.x_star, instance)
        return u @ v.T
    manifold = instance.manifold
    return instance.x_star.reshape(manifold.rows, manifold.columns)


def seen(instance):
    return getattr(instance.data, "seen", np.ones(truth(instance).size)).reshape(truth(instance).shape)


VARIANTS = [
    *[(name, {}) for name in (*FACTORS, *MATRICES)],
    *[(name, {"start": "tilted", "angle": 0.2, "seed": 5}) for name in (*FACTORS, *MATRICES[:2])],
    *[(name, {"start": "random", "condition": 1e3, "rank": 4}) for name in (*FACTORS, *MATRICES[:2])],
    *[(name, {"rows": 1, "columns": 1, "rank": 1}) for name in (*FACTORS, *MATRICES[:2])],
    *[(name, {"rows": 7, "columns": 31, "observed": 0.15}) for name in ("matrix-completion", MATRICES[1])],
    ("tilted-spectrum", {"rows": 4, "columns": 33, "rank": 2, "condition": 7.0}),
    ("rank-deficient-start", {"core": 0.25}),
]


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=str)
def test_value_and_gradient_follow_the_formula(name, parameters):
    instance = made(name, **parameters)
    rng, a, w = np.random.default_rng(1), truth(instance), seen(instance)
    for scale in (0.0, 1.0, 100.0):
        x = instance.x0 + scale * rng.standard_normal(instance.dim)
        if name in FACTORS:
            u, v = factors(x, instance)
            defect = w * (u @ v.T - a)
            gradient = np.concatenate([(defect @ v).ravel(), (defect.T @ u).ravel()])
        else:
            defect = w * (x.reshape(a.shape) - a)
            gradient = defect.ravel()
        assert instance.value(x) == pytest.approx(0.5 * np.sum(defect**2), rel=1e-12)
        np.testing.assert_allclose(
            instance.gradient(x), gradient, atol=1e-13 * (1e-3 + np.abs(gradient).max()), rtol=0
        )
    assert instance.value(instance.x_star) <= 1e-28


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=str)
def test_certificates_withstand(name, parameters):
    instance = made(name, **parameters)
    assert all(each.ok for each in attack(instance))
    if name in FACTORS:
        assert set(instance.certificates) == {"f_star"}
        return
    counted = int(seen(instance).sum())
    assert ("mu" in instance.certificates) == (counted == instance.dim)
    assert instance.certificates.value("trace") == counted
    if counted == instance.dim:
        away = np.linalg.norm(instance.x0 - instance.x_star)
        assert instance.certificates.value("R0") == pytest.approx(away, rel=1e-14)


@pytest.mark.parametrize("name", [*FACTORS, *MATRICES])
@pytest.mark.parametrize("check", PROBLEM_CHECKS, ids=lambda check: check.__name__)
def test_contract(name, check):
    check(catalogue("problems")[name])


# --- what A and the starts are -------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FACTORS, *MATRICES[:3]])
@pytest.mark.parametrize("condition", [1.0, 10.0, 1e4])
def test_singular_values_are_geometric(name, condition):
    for rank in (1, 3):
        a = truth(made(name, rank=rank, condition=condition))
        values = np.linalg.svd(a)[1]
        wanted = np.geomspace(1, 1 / condition, rank) if rank > 1 else [1.0]
        np.testing.assert_allclose(values[:rank], wanted, rtol=1e-10)
        assert values[rank] < 1e-14


def start_of(instance):
    """W0."""
    if instance.problem.name in FACTORS:
        u, v = factors(instance.x0, instance)
        return u @ v.T
    return instance.x0.reshape(truth(instance).shape)


@pytest.mark.parametrize("name", [*FACTORS, *MATRICES[:3]])
@pytest.mark.parametrize("angle", [0.01, 0.5, 1.5])
def test_tilted_start_keeps_the_values_and_turns_the_spaces_by_its_angle(name, angle):
    tilted = {} if name == "tilted-spectrum" else {"start": "tilted"}
    instance = made(name, rank=3, condition=50.0, angle=angle, **tilted)
    a, w0 = truth(instance), start_of(instance)
    left, values, right = np.linalg.svd(w0)
    np.testing.assert_allclose(values[:3], np.geomspace(1, 1 / 50, 3), rtol=1e-10)
    of_a = np.linalg.svd(a)
    for mine, theirs in ((left[:, :3], of_a[0][:, :3]), (right[:3].T, of_a[2][:3].T)):
        np.testing.assert_allclose(subspace_angles(mine, theirs), angle, atol=1e-7)
    far = np.sin(angle) ** 2 * np.sum(of_a[1] ** 2)
    assert np.sum((w0 - a) ** 2) == pytest.approx(2 * far, rel=1e-10)
    if "completion" not in name:
        assert instance.value(instance.x0) == pytest.approx(far, rel=1e-10)


@pytest.mark.parametrize("name", [*FACTORS, *MATRICES[:2]])
def test_random_start_has_equal_singular_values(name):
    instance = made(name, rank=3, start="random")
    values = np.linalg.svd(start_of(instance))[1]
    np.testing.assert_allclose(values[:3], 0.3, rtol=1e-12)
    assert values[3] < 1e-14
    if name in MATRICES:
        scaled = made(name, rank=3, scale=0.01)
        np.testing.assert_allclose(scaled.manifold.core, 0.01 * np.eye(3))


@pytest.mark.parametrize("name", FACTORS)
def test_numeric_start_has_normal_entries(name):
    instance = made(name, rows=400, columns=300, rank=5, start=2.0)
    u, v = factors(instance.x0, instance)
    np.testing.assert_allclose(np.linalg.norm(u, axis=0), 2.0, rtol=0.2)
    np.testing.assert_allclose(np.linalg.norm(v, axis=0), 2.0, rtol=0.2)
    assert abs(u[:, 0] @ u[:, 1]) < 4 * 5 / np.sqrt(400)


def test_factorization_keeps_the_bits_it_had_before_it_could_be_tilted():
    printed = {(): 0.5519003254641976, (("seed", 3),): 0.5889851289918152}
    for parameters, value in printed.items():
        instance = made("matrix-factorization", **dict(parameters))
        assert instance.value(instance.x0) == value
    assert not np.array_equal(made("matrix-factorization", angle=0.4).x0, made("matrix-factorization").x0)


@pytest.mark.parametrize("name", ["matrix-completion", "fixed-rank-completion"])
def test_share_of_the_entries_is_seen(name):
    for share, count in ((0.4, 120), (1.0, 300), (0.101, 30), (0.002, 1), (1e-9, 1)):
        w = seen(made(name, observed=share))
        assert set(np.unique(w)) <= {0.0, 1.0}
        assert w.sum() == count
    one, two = (made(name, seed=seed) for seed in (0, 1))
    assert not np.array_equal(seen(one), seen(two))
    # what is not seen is not in the data
    assert not one.data.target.reshape(20, 15)[seen(one) == 0].any()


def test_every_entry_is_seen_equally_often():
    total = sum(
        seen(zobench.problem("fixed-rank-completion", rows=6, columns=5, seed=seed)) for seed in range(1000)
    )
    # binomial(1000, 0.4) has deviation 15.5; thirty of them stay within 5
    assert np.abs(total - 400).max() < 5 * 15.5


# --- the declaration -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(catalogue("problems")))
def test_manifold_holds_the_start_and_the_minimiser(name):
    instance = made(name)
    manifold = instance.manifold
    assert name not in MATRICES or manifold is not None
    if manifold is None:
        return
    assert instance.dim == manifold.rows * manifold.columns
    np.testing.assert_allclose(manifold.left.T @ manifold.left, np.eye(manifold.rank), atol=1e-14)
    np.testing.assert_allclose(manifold.right.T @ manifold.right, np.eye(manifold.rank), atol=1e-14)
    product = manifold.left @ manifold.core @ manifold.right.T
    np.testing.assert_allclose(instance.x0, product.ravel(), atol=1e-15)
    assert np.linalg.svd(truth(instance))[1][manifold.rank] < 1e-14
    for factor in (manifold.left, manifold.core, manifold.right):
        with pytest.raises(ValueError, match="read-only"):
            factor[0, 0] = 1.0


def test_dimension_of_the_manifold():
    assert made("tilted-spectrum").manifold.dim == 321
    assert made("tilted-spectrum").dim == 3000
    assert repr(made("tilted-spectrum").manifold) == "Manifold(rows=60, columns=50, rank=3)"


def test_page_says_shape_and_rank():
    (facts,) = facts_of("tilted-spectrum:rows=8,columns=6,rank=2")
    assert facts["manifold"] == {"rows": 8, "columns": 6, "rank": 2, "dim": 24}
    assert "8 x 6 of rank at most 2, 24 degrees of freedom" in page(facts)
    assert "Manifold" not in page(facts_of("matrix-completion")[0])


@pytest.mark.parametrize(
    "shapes", [((3, 2), (2, 3), (4, 2)), ((3, 2), (2, 2), (4, 3)), ((1, 2), (2, 2), (4, 2))]
)
def test_manifold_refuses_factors_that_do_not_fit(shapes):
    with pytest.raises(ZobenchError, match="factors must have shapes"):
        Manifold(*map(np.zeros, shapes))


def test_plain_solver_runs_on_the_whole_space():
    trace = zobench.run(made("fixed-rank-approximation", rows=5, columns=4), "s2p", budget=4000)
    assert trace.best < 0.05 * trace.start


# --- the counter-examples ------------------------------------------------------------------------


def factor_gradients(instance, u, s, v):
    g = instance.gradient((u @ s @ v.T).ravel()).reshape(u.shape[0], v.shape[0])
    return g @ v @ s.T, u.T @ g @ v, g.T @ u @ s


def factor_heavy_ball(instance, steps, goal=1e-6, eta=0.1, beta=0.9):
    """Steps to |W - A| <= goal, or the last value if they do not suffice."""
    place = [np.array(f) for f in (instance.manifold.left, instance.manifold.core, instance.manifold.right)]
    speed = [np.zeros_like(f) for f in place]
    for k in range(steps):
        value = instance.value((place[0] @ place[1] @ place[2].T).ravel())
        if np.sqrt(2 * value) <= goal:
            return k, value
        speed = [beta * m + g for m, g in zip(speed, factor_gradients(instance, *place), strict=True)]
        place = [f - eta * m for f, m in zip(place, speed, strict=True)]
    return steps, value


def basis(*columns):
    left, values, _ = np.linalg.svd(np.hstack(columns), full_matrices=False)
    return left[:, values > 1e-12 * values.max()]


def truncated(left, core, right, rank):
    p, values, q = np.linalg.svd(core)
    return left @ p[:, :rank], np.diag(values[:rank]), right @ q.T[:, :rank]


def augmented_heavy_ball(instance, steps, goal=1e-6, eta=0.1, beta=0.9):
    """Heavy ball in bases that G V and G^T U join; steps to |W - A| <= goal."""
    manifold = instance.manifold
    u, s, v = manifold.left, manifold.core, manifold.right
    um, sm, vm = np.zeros_like(u), np.zeros_like(s), np.zeros_like(v)
    for k in range(steps):
        w = u @ s @ v.T
        g = instance.gradient(w.ravel()).reshape(w.shape)
        if np.linalg.norm(g) <= goal:
            return k
        left, right = basis(u, g @ v, um), basis(v, g.T @ u, vm)
        momentum = beta * left.T @ um @ sm @ vm.T @ right + left.T @ g @ right
        core = left.T @ w @ right - eta * momentum
        u, s, v = truncated(left, core, right, manifold.rank)
        um, sm, vm = truncated(left, momentum, right, manifold.rank)
    return steps


def test_rank_deficient_start_is_stationary_in_the_factors_only():
    instance = made("rank-deficient-start")
    manifold = instance.manifold
    assert instance.value(instance.x0) == 0.5
    for gradient in factor_gradients(instance, manifold.left, manifold.core, manifold.right):
        assert not gradient.any()
    g = instance.gradient(instance.x0).reshape(2, 2)
    assert np.linalg.norm(g) == 1.0
    np.testing.assert_array_equal(g @ manifold.right, [[-1.0], [0.0]])
    assert factor_heavy_ball(instance, 1000) == (1000, 0.5)
    assert augmented_heavy_ball(instance, 1000) == 210


@pytest.mark.parametrize(("core", "steps"), [(1e-2, 253), (1e-4, 276), (1e-8, 320)])
def test_factors_escape_a_small_core_in_logarithmic_time(core, steps):
    assert factor_heavy_ball(made("rank-deficient-start", core=core), 1000)[0] == steps


def test_tilted_spectrum_is_hard_for_the_factors_alone():
    easy, hard = (made("tilted-spectrum", condition=condition) for condition in (1.0, 10.0))
    counts = [
        min(factor_heavy_ball(each, 400, goal, eta)[0] for eta in (0.1, 0.3))
        for each, goal in ((easy, 0.1), (hard, 0.01))
    ]
    assert counts[1] > 5 * counts[0]
    assert augmented_heavy_ball(hard, 400, 0.01) < 0.9 * counts[1]


def test_factor_gradient_lies_between_its_bounds():
    rng = np.random.default_rng(0)
    for condition in (1.0, 30.0):
        manifold = made("tilted-spectrum", condition=condition).manifold
        u, s, v = manifold.left, manifold.core, manifold.right
        for _ in range(20):
            g = rng.standard_normal((60, 50))
            small = sum(np.sum(part**2) for part in (g @ v @ s.T, u.T @ g @ v, g.T @ u @ s))
            projected = g - (g - u @ (u.T @ g)) @ (np.eye(50) - v @ v.T)
            assert np.sum(projected**2) / condition**2 <= small <= 3 * np.sum(projected**2)


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        *[
            (
                name,
                {"rank": 16},
                "rank must be <= 15, the smaller of rows = 20 and columns = 15, got 16",
            )
            for name in (*FACTORS, *MATRICES[:2])
        ],
        (
            "matrix-completion",
            {"rank": 8, "start": "tilted"},
            "rank must be <= 7 for a tilted start (half of the smaller of rows = 20 and columns = 15), got 8",
        ),
        ("tilted-spectrum", {"rank": 26}, "rank must be <= 25 for a tilted start"),
        ("tilted-spectrum", {"angle": 0}, "angle must be a number > 0 and < 1.5708, got 0"),
        ("tilted-spectrum", {"condition": -3}, "condition must be a number >= 1, got -3"),
        ("matrix-completion", {"observed": 0}, "observed must be a number > 0 and <= 1, got 0"),
        ("matrix-completion", {"observed": 1.1}, "observed must be a number >= 0 and <= 1, got 1.1"),
        (
            "matrix-completion",
            {"start": "far"},
            "start must be a number >= 1e-09 and <= 1e+06, or 'random' or 'tilted', got 'far'",
        ),
        ("fixed-rank-approximation", {"start": 0.3}, "start must be one of 'random', 'tilted', got 0.3"),
        ("fixed-rank-approximation", {"dim": 3}, "dim must be 300 with these parameters, got 3"),
        ("rank-deficient-start", {"core": -1}, "core must be a number >= 0 and <= 1e+06, got -1"),
    ],
)
def test_bad_request_is_one_sentence(name, parameters, message):
    with pytest.raises(ZobenchError) as caught:
        zobench.problem(name, **parameters)
    assert f"problem {name!r}: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_number_or_word():
    rule = RealOr(0.0, open=True, words=("random", "tilted"))
    assert convert("tilted", rule, "start") == "tilted"
    assert convert("2", rule, "start") == 2.0
    for wrong in (0, "Tilted", None, True, np.inf, ["tilted"]):
        with pytest.raises(ZobenchError, match=r"start must be a number >.*'random' or 'tilted', got"):
            convert(wrong, rule, "start")
