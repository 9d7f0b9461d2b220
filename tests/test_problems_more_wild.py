"""The least-squares functions of Moré and Wild against print, and against their residuals written anew."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

import zobench
from zobench.campaign.definition import Campaign
from zobench.errors import ZobenchError
from zobench.registry import catalogue

CAMPAIGN = Path(zobench.__file__).parent / "campaigns" / "more-wild.toml"

#: Number, name, d, start, f(x0) as BenDFO (data/testout.dat) and optimagic print it, lowest value printed.
CASES = [
    (1, "linear-full-rank", 9, 1, 72, 36),
    (2, "linear-full-rank", 9, 10, 1125, 36),
    (3, "linear-rank-1", 7, 1, 1.165420e7, 8.380282),
    (4, "linear-rank-1", 7, 10, 1.168591e9, 8.380282),
    (5, "linear-rank-1-zeros", 7, 1, 4.989195e6, 9.880597),
    (6, "linear-rank-1-zeros", 7, 10, 5.009356e8, 9.880597),
    (7, "extended-rosenbrock", 2, 1, 24.2, 0),
    (8, "extended-rosenbrock", 2, 10, 1.795769e6, 0),
    (9, "helical-valley", 3, 1, 2500, 0),
    (10, "helical-valley", 3, 10, 10600, 0),
    (11, "powell-singular", 4, 1, 215, 0),
    (12, "powell-singular", 4, 10, 1.615400e6, 0),
    (13, "freudenstein-roth", 2, 1, 400.5, 0),  # optimagic has the local minimum 48.98425
    (14, "freudenstein-roth", 2, 10, 1.545754e8, 0),
    (15, "bard", 3, 1, 41.68170, 8.214877e-3),
    (16, "bard", 3, 10, 1306.234, 8.214877e-3),
    (17, "kowalik-osborne", 4, 1, 5.313172e-3, 3.075056e-4),
    (18, "meyer", 3, 1, 1.693608e9, 87.94586),
    (19, "watson", 6, 1, 16.43083, 2.287670e-3),
    (20, "watson", 6, 10, 2.323367e6, 2.287670e-3),
    (21, "watson", 9, 1, 26.90417, 1.399760e-6),
    (22, "watson", 9, 10, 8.158877e6, 1.399760e-6),
    (23, "watson", 12, 1, 73.67821, 4.722381e-10),
    (24, "watson", 12, 10, 2.059384e7, 4.722381e-10),
    (25, "box-3d", 3, 1, 1031.154, 0),
    (26, "jennrich-sampson", 2, 1, 4171.306, 124.3622),
    (27, "brown-dennis", 4, 1, 7.926693e6, 85822.20),
    (28, "brown-dennis", 4, 10, 3.081064e11, 85822.20),
    (29, "chebyquad", 6, 1, 4.642817e-2, 0),
    (30, "chebyquad", 7, 1, 3.377064e-2, 0),
    (31, "chebyquad", 8, 1, 3.861770e-2, 3.516874e-3),
    (32, "chebyquad", 9, 1, 2.888298e-2, 0),
    (33, "chebyquad", 10, 1, 3.376327e-2, 4.772714e-3),
    (34, "chebyquad", 11, 1, 2.674060e-2, 2.799762e-3),
    (35, "brown-almost-linear", 10, 1, 273.2480, 0),
    (36, "osborne-1", 5, 1, 16.17411, 5.464895e-5),
    (37, "osborne-2", 11, 1, 2.093420, 4.013774e-2),
    (38, "osborne-2", 11, 10, 199.6847, 4.013774e-2),
    (39, "bdqrtic", 8, 1, 904, 10.23897),
    (40, "bdqrtic", 10, 1, 1356, 18.28116),
    (41, "bdqrtic", 11, 1, 1582, 22.26059),
    (42, "bdqrtic", 12, 1, 1808, 26.27277),
    (43, "cube", 5, 1, 56.5, 0),
    (44, "cube", 6, 1, 70.5625, 0),
    (45, "cube", 8, 1, 98.6875, 0),
    (46, "mancino", 5, 1, 2.539084e9, 0),
    (47, "mancino", 5, 10, 6.873795e12, 0),
    (48, "mancino", 8, 1, 3.367961e9, 0),
    (49, "mancino", 10, 1, 3.735127e9, 0),
    (50, "mancino", 12, 1, 3.991072e9, 0),
    (51, "mancino", 12, 10, 1.130015e13, 0),
    (52, "heart8", 8, 1, 9.385672, 0),
    (53, "heart8", 8, 10, 3.365815e10, 0),
]
NAMES = list(dict.fromkeys(case[1] for case in CASES))


@cache
def made(name, dim=None, **parameters):
    return zobench.problem(name, dim, **parameters)


def observed(name, which="Y"):
    return np.array(catalogue("problems")[name].make.__globals__[which])


# --- the residuals, written anew; they take complex numbers ---------------------------------------


def linear_full_rank(x):
    return np.concatenate([x, np.zeros(4 * x.size)]) - 2 / (5 * x.size) * x.sum() - 1


def linear_rank_1(x):
    return np.arange(1, 5 * x.size + 1) * (np.arange(1, x.size + 1) @ x) - 1


def linear_rank_1_zeros(x):
    rows = np.arange(5 * x.size)
    rows[-1] = 0
    return rows * (np.arange(2, x.size) @ x[1:-1]) - 1


def extended_rosenbrock(x):
    return np.concatenate([10 * (x[1::2] - x[::2] ** 2), 1 - x[::2]])


def helical_valley(x):
    theta = np.arctan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0].real < 0 else 0)
    return np.array([10 * (x[2] - 10 * theta), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]])


def powell_singular(x):
    a, b, c, d = x.reshape(-1, 4).T
    parts = [a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2]
    return np.concatenate(parts)


def freudenstein_roth(x):
    a, b = x
    return np.array([-13 + a - b**3 + 5 * b**2 - 2 * b, -29 + a + b**3 + b**2 - 14 * b])


def bard(x):
    u = np.arange(1, 16)
    return observed("bard") - x[0] - u / ((16 - u) * x[1] + np.minimum(u, 16 - u) * x[2])


def kowalik_osborne(x):
    u = observed("kowalik-osborne", "U")
    return observed("kowalik-osborne") - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def meyer(x):
    return x[0] * np.exp(x[1] / (45 + 5 * np.arange(1, 17) + x[2])) - observed("meyer")


def watson(x):
    t, j = np.arange(1, 30)[:, None] / 29, np.arange(1, x.size)
    first = (t ** (j - 1)) @ (j * x[1:]) - ((t ** np.arange(x.size)) @ x) ** 2 - 1
    return np.concatenate([first, [x[0], x[1] - x[0] ** 2 - 1]])


def box_3d(x):
    t = np.arange(1, 11) / 10
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def jennrich_sampson(x):
    i = np.arange(1, 11)
    return 2 + 2 * i - np.exp(i * x[0]) - np.exp(i * x[1])


def brown_dennis(x):
    t = np.arange(1, 21) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def chebyquad(x):
    n = x.size
    values = [np.polynomial.chebyshev.Chebyshev.basis(i)(2 * x - 1).sum() / n for i in range(1, n + 1)]
    return np.array(values) + [1 / (i * i - 1) if i % 2 == 0 else 0 for i in range(1, n + 1)]


def brown_almost_linear(x):
    return np.concatenate([x[:-1] + x.sum() - (x.size + 1), [x.prod() - 1]])


def osborne_1(x):
    t = 10 * np.arange(33)
    return observed("osborne-1") - x[0] - x[1] * np.exp(-t * x[3]) - x[2] * np.exp(-t * x[4])


def osborne_2(x):
    t = np.arange(65)[:, None] / 10
    bells = np.exp(-((t - x[8:11]) ** 2) * x[5:8]) @ x[1:4]
    return observed("osborne-2") - x[0] * np.exp(-t[:, 0] * x[4]) - bells


def bdqrtic(x):
    bands = [sum((k + 1) * x[i + k] ** 2 for k in range(4)) + 5 * x[-1] ** 2 for i in range(x.size - 4)]
    return np.concatenate([3 - 4 * x[:-4], bands])


def cube(x):
    return np.concatenate([[x[0] - 1], 10 * (x[1:] - x[:-1] ** 3)])


def mancino(x):
    i = np.arange(1, x.size + 1)
    v = np.sqrt(x[:, None] ** 2 + i[:, None] / i)
    return 1400 * x + (i - 50) ** 3 + (v * (np.sin(np.log(v)) ** 5 + np.cos(np.log(v)) ** 5)).sum(axis=1)


def heart8(x):
    a, b, c, d, t, u, v, w = x
    y = [-0.69, -0.044, -1.57, -1.31, -2.65, 2.0, -12.6, 9.48]
    sums = [
        a + b,
        c + d,
        t * a + u * b - v * c - w * d,
        v * a + w * b + t * c + u * d,
        a * (t**2 - v**2) - 2 * c * t * v + b * (u**2 - w**2) - 2 * d * u * w,
        c * (t**2 - v**2) + 2 * a * t * v + d * (u**2 - w**2) + 2 * b * u * w,
        a * t * (t**2 - 3 * v**2)
        + c * v * (v**2 - 3 * t**2)
        + b * u * (u**2 - 3 * w**2)
        + d * w * (w**2 - 3 * u**2),
        c * t * (t**2 - 3 * v**2)
        - a * v * (v**2 - 3 * t**2)
        + d * u * (u**2 - 3 * w**2)
        - b * w * (w**2 - 3 * u**2),
    ]
    return np.array(sums) - y


# fmt: off
RESIDUALS = dict(zip(NAMES, [
    linear_full_rank, linear_rank_1, linear_rank_1_zeros, extended_rosenbrock, helical_valley,
    powell_singular, freudenstein_roth, bard, kowalik_osborne, meyer, watson, box_3d, jennrich_sampson,
    brown_dennis, chebyquad, brown_almost_linear, osborne_1, osborne_2, bdqrtic, cube, mancino, heart8,
], strict=True))
# fmt: on


def square(name, x):
    return np.sum(RESIDUALS[name](x) ** 2)


def slope(name, x):
    """The gradient by the complex step."""
    return np.array([square(name, x + step).imag / 1e-30 for step in 1e-30j * np.eye(x.size)])


def near(x, seed, scale=0.1):
    return x + scale * np.abs(x).mean() * np.random.default_rng(seed).standard_normal(x.size)


# --- values, gradients, minima --------------------------------------------------------------------


def test_campaign_is_the_set():
    keys = Campaign.from_toml(CAMPAIGN).keys
    found = [(key.problem, key.dim, dict(key.problem_parameters)["start"]) for key in keys]
    assert list(dict.fromkeys(found)) == [(name, d, start) for _, name, d, start, *_ in CASES]
    assert len({(name, d) for _, name, d, *_ in CASES}) == 37
    assert sum(case[3] == 10 for case in CASES) == 16
    assert len(NAMES) == 22
    for solver in {key.solver for key in keys}:  # none asks for a constant that is not known
        assert zobench.run(made("meyer"), solver, budget=30).status == "budget"


@pytest.mark.parametrize(("number", "name", "dim", "start", "value", "lowest"), CASES)
def test_case_has_the_printed_start_and_minimum(number, name, dim, start, value, lowest):
    instance = made(name, dim, start=start)
    assert instance.value(instance.x0) == pytest.approx(value, rel=6e-7)
    assert instance.certificates.reference == pytest.approx(lowest, rel=6e-7, abs=0)
    if instance.x_star is not None:
        assert instance.value(instance.x_star) == pytest.approx(lowest, rel=6e-7, abs=1e-20)
    for seed in range(3):
        x = near(instance.x0, seed) if start == 1 else instance.x0
        assert instance.value(x) == pytest.approx(square(name, x), rel=1e-10)
        gradient = slope(name, x)
        np.testing.assert_allclose(instance.gradient(x), gradient, atol=1e-10 * np.linalg.norm(gradient))


@pytest.mark.parametrize(
    ("name", "dim"),
    [case[1:3] for case in CASES if case[3] == 1 and "f_best" in made(*case[1:3]).certificates],
)
def test_least_squares_from_many_starts_finds_nothing_lower(name, dim):
    instance, found = made(name, dim), []
    for seed in range(6):
        x = near(instance.x0, seed, 0.05) if seed else instance.x0
        with np.errstate(all="ignore"):
            found.append(2 * least_squares(RESIDUALS[name], x, method="lm", xtol=1e-14, ftol=1e-14).cost)
    best = instance.certificates.value("f_best")
    assert min(found) >= best * (1 - 1e-7)
    if (name, dim) != ("chebyquad", 10):  # from its start one comes to the local minimum
        assert min(found) == pytest.approx(best, rel=1e-4)


def test_print_gives_a_local_minimum_of_chebyquad_10():
    instance = made("chebyquad", 10)
    found = least_squares(RESIDUALS["chebyquad"], instance.x0, method="lm", xtol=1e-14, ftol=1e-14)
    assert 2 * found.cost == pytest.approx(6.50395e-3, rel=1e-5)
    assert instance.certificates.value("f_best") < 0.75 * 2 * found.cost


def test_freudenstein_roth_has_the_local_minimum_that_tables_print():
    instance = made("freudenstein-roth")
    found = least_squares(RESIDUALS["freudenstein-roth"], instance.x0, method="lm")
    assert 2 * found.cost == pytest.approx(48.98425, rel=1e-7)
    np.testing.assert_allclose(found.x, [11.4127, -0.8968], atol=1e-3)


# --- what is free, what is certified --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        *[(name, dim) for name in NAMES[:3] for dim in (3, 60)],
        *[(name, dim) for name in ("extended-rosenbrock", "powell-singular") for dim in (4, 60)],
        *[("watson", dim) for dim in (2, 31)],
        *[("chebyquad", dim) for dim in (1, 2, 3, 4, 5, 13)],
        *[(name, dim) for name in ("brown-almost-linear", "cube", "mancino") for dim in (1, 2, 40)],
        *[("bdqrtic", dim) for dim in (5, 40)],
    ],
)
def test_other_dimensions(name, dim):
    instance = made(name, dim)
    x = near(instance.x0, 1)
    assert instance.value(x) == pytest.approx(square(name, x), rel=1e-10)
    gradient = slope(name, x)
    np.testing.assert_allclose(instance.gradient(x), gradient, atol=1e-9 * np.linalg.norm(gradient))
    if instance.x_star is not None:
        assert instance.value(instance.x_star) == pytest.approx(
            instance.certificates.value("f_star"), abs=1e-20 * instance.value(instance.x0) + 1e-25, rel=1e-12
        )


@pytest.mark.parametrize("name", NAMES[:3])
@pytest.mark.parametrize(("dim", "m"), [(4, 4), (4, 23), (50, 60)])
def test_linear_minimum_is_that_of_linear_algebra(name, dim, m):
    instance = made(name, dim, m=m)
    i, j = np.arange(1.0, m + 1), np.arange(1.0, dim + 1)
    if name == "linear-full-rank":
        matrix = np.eye(m, dim) - 2 / m
    else:
        if name == "linear-rank-1-zeros":
            i, j = i - 1, j * (np.arange(dim) % (dim - 1) > 0)
            i[-1] = 0
        matrix = np.outer(i, j)
    x = np.linalg.lstsq(matrix, np.ones(m), rcond=None)[0]
    np.testing.assert_allclose(instance.x_star, x, atol=1e-9)
    least = np.sum((matrix @ x - 1) ** 2)
    assert instance.certificates.value("f_star") == pytest.approx(least, rel=1e-9, abs=1e-12)
    eigenvalues = 2 * np.linalg.eigvalsh(matrix.T @ matrix)
    assert instance.certificates.value("L") == pytest.approx(eigenvalues[-1], rel=1e-9)
    assert instance.certificates.value("trace") == pytest.approx(eigenvalues.sum(), rel=1e-9)
    y = near(instance.x0, 2)
    assert instance.value(y) == pytest.approx(np.sum((matrix @ y - 1) ** 2), rel=1e-9)


@pytest.mark.parametrize(("name", "m"), [("box-3d", 33), ("jennrich-sampson", 4), ("brown-dennis", 7)])
def test_other_numbers_of_residuals(name, m):
    instance, whole = made(name, m=m), made(name)
    assert instance.value(instance.x0) != whole.value(whole.x0)
    assert "f_best" not in instance.certificates
    if m < 10:
        x = near(instance.x0, 3)
        assert instance.value(x) == pytest.approx(np.sum(RESIDUALS[name](x)[:m] ** 2), rel=1e-10)


def test_osborne_1_starts_where_it_is_told():
    print_has = made("osborne-1", sign="negative")
    assert list(print_has.x0) == [0.5, 1.5, -1.0, 0.01, 0.02]
    assert print_has.value(print_has.x0) == pytest.approx(square("osborne-1", print_has.x0), rel=1e-12)


def test_what_is_convex_says_so():
    convex = {name for name in NAMES if "convex" in made(name).certificates}
    assert convex == {*NAMES[:3], "powell-singular", "brown-dennis", "bdqrtic"}


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("bard", {"dim": 4}, "dim must be 3 with these parameters, got 4"),
        ("linear-full-rank", {"dim": 9, "m": 8}, "m must be >= dim = 9, or 0 for 5 dim, got 8"),
        ("linear-rank-1", {"dim": 9, "m": 8}, "m must be >= dim = 9, or 0 for 5 dim, got 8"),
        ("linear-rank-1-zeros", {"dim": 2}, "dim must be >= 3, got 2"),
        ("extended-rosenbrock", {"dim": 3}, "dim must be even, got 3"),
        ("powell-singular", {"dim": 6}, "dim must be a multiple of 4, got 6"),
        ("watson", {"dim": 32}, "dim must be >= 2 and <= 31, got 32"),
        ("bdqrtic", {"dim": 4}, "dim must be >= 5, got 4"),
        ("mancino", {"dim": 501}, "dim must be <= 500, got 501"),
        ("chebyquad", {"dim": 10001}, "dim must be <= 10000, got 10001"),
        ("box-3d", {"m": 2}, "m must be a whole number >= 3 and <= 1000, got 2"),
        ("cube", {"start": 0}, "start must be a number > 0 and < 1e+06, got 0"),
        ("jennrich-sampson", {"start": 100}, "start must be <= 87.5 for f(x0) to be a number, got 100"),
        ("brown-almost-linear", {"dim": 300, "start": 10}, "start must be <= 5.44 for f(x0) to be a number"),
        ("chebyquad", {"dim": 300, "start": 10}, "start must be <= 1.28 for f(x0) to be a number, got 10"),
    ],
)
def test_bad_request_is_one_sentence(name, asked, message):
    with pytest.raises(ZobenchError) as caught:
        zobench.problem(name, **asked)
    assert f"problem {name!r}: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_farthest_start_is_a_number(name):
    for start in (1e-6, 87.0, 1e6 - 1):
        if name == "jennrich-sampson" and start > 87.5:
            continue  # refused above
        instance = made(name, start=start)
        assert np.isfinite(instance.value(instance.x0))
        assert np.all(np.isfinite(instance.gradient(instance.x0)))
