"""The minima of the least-squares functions of Moré and Wild: print, lowest points known, other minima."""

from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize

import zobench
from zobench.registry import catalogue

NAMES = [name for name, problem in catalogue("problems").items() if "Moré" in problem.source]

# fmt: off
#: Lowest points known, found by Newton's method in 60 digits.
LOWEST = {
    "bard": [[0.082410559749788932, 1.1330360920297216, 2.3436951786425371]],
    "kowalik-osborne": [[0.19280693457903785, 0.19128232873436696, 0.12305650692632065, 0.13606233068379484]],
    "meyer": [[0.0056096364710280525, 6181.3463462863723, 345.2236346241365]],
    "jennrich-sampson": [[0.25782521367036408, 0.25782521367036408]],
    "osborne-1": [
        [
            0.37541005210695204,
            1.9358469127123674,
            -1.4646871366134231,
            0.012867534640057289,
            0.022122699661672611,
        ]
    ],
    "osborne-2": [
        [
            1.3099771546273005,
            0.43155379460298892,
            0.633661698960724,
            0.5994305347859163,
            0.75418322632801128,
            0.90428857985963366,
            1.3658118352370285,
            4.8236988172271556,
            2.3986848661317546,
            4.5688745976676716,
            5.6753414705806412,
        ],
    ],
    "watson": [
        [
            -0.015725086401458457,
            1.0124348693691099,
            -0.23299162595673768,
            1.2604300877996083,
            -1.5137289227222797,
            0.99299643243113452,
        ],
        [
            -1.5307036521394342e-5,
            0.99978970393194838,
            0.014763963693556959,
            0.14634232829936223,
            1.0008211030047092,
            -2.6177311405190151,
            4.1044031644788564,
            -3.1436122785564422,
            1.0526264080101669,
        ],
        [
            -6.638060464520687e-9,
            1.000001644117862,
            -0.00056393221034230585,
            0.34782054050404241,
            -0.15673150409616512,
            1.0528151772071778,
            -3.2472711534596677,
            7.288434897938061,
            -10.271848241321724,
            9.0741136470753157,
            -4.541375466692512,
            1.0120118885528104,
        ],
    ],
    "chebyquad": [
        [
            0.043152760151016631,
            0.19309084038418612,
            0.26632870689027293,
            0.5,
            0.5,
            0.73367129310972707,
            0.80690915961581388,
            0.95684723984898337,
        ],
        [
            0.074748166214602479,
            0.17151817694809267,
            0.28643415258400003,
            0.3596464506289341,
            0.47075052286659346,
            0.61673833503874502,
            0.61673833503874502,
            0.84485464224092664,
            0.79981080153861378,
            0.96700662698192554,
        ],
        [
            0.029958744771884928,
            0.13731120691981243,
            0.18836638899080268,
            0.35884311738872722,
            0.35884311738872722,
            0.5,
            0.64115688261127278,
            0.64115688261127278,
            0.81163361100919732,
            0.86268879308018757,
            0.97004125522811507,
        ],
    ],
}
# fmt: on
#: Minimal values as Moré, Garbow and Hillstrom (1981) print them.
PRINTED = [
    ("bard", None, 8.21487e-3),
    ("kowalik-osborne", None, 3.07505e-4),
    ("meyer", None, 87.9458),
    ("watson", 6, 2.28767e-3),
    ("watson", 9, 1.39976e-6),
    ("watson", 12, 4.72238e-10),
    ("jennrich-sampson", None, 124.362),
    ("brown-dennis", None, 85822.2),
    ("chebyquad", 8, 3.51687e-3),
    ("osborne-1", None, 5.46489e-5),
    ("osborne-2", None, 4.01377e-2),
]


@cache
def made(name, dim=None, **parameters):
    return zobench.problem(name, dim, **parameters)


def near(x, seed, scale):
    return x + scale * np.abs(x).mean() * np.random.default_rng(seed).standard_normal(x.size)


@pytest.mark.parametrize(("name", "dim", "value"), PRINTED)
def test_minimum_is_the_one_of_more_garbow_and_hillstrom(name, dim, value):
    # the last printed digit is cut off, not rounded
    assert 0 <= made(name, dim).certificates.reference / value - 1 < 5e-6


@pytest.mark.parametrize("name", LOWEST)
def test_lowest_known_point_is_a_minimum_of_its_value(name):
    for point in LOWEST[name]:
        instance = made(name, len(point))
        x, best = np.array(point), instance.certificates.value("f_best")
        steep = np.linalg.norm(instance.gradient(instance.x0))
        assert instance.value(x) == pytest.approx(best, rel=1e-9)
        assert np.linalg.norm(instance.gradient(x)) < 1e-6 * steep
        assert instance.certificates["f_lower"].value == 0.0
        assert "f_star" not in instance.certificates
        for seed in range(5):
            assert instance.value(near(x, seed, 1e-3)) > best


def test_other_minima_and_limits_of_print():
    almost = made("brown-almost-linear", 10)
    local = np.append(np.zeros(9), 11.0)
    assert almost.value(local) == 1.0
    assert np.all(almost.gradient(local) == 0.0)
    assert made("bard").value(np.array([0.8406, -1e9, -1e9])) == pytest.approx(17.4286, rel=1e-5)
    kowalik, far = made("kowalik-osborne"), 1e9

    def limit(ratios):
        return kowalik.value(np.array([ratios[0] * far, ratios[1], -far, -far * ratios[2]]))

    best = minimize(limit, [0.02, -14.0, 0.5], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14})
    assert best.fun == pytest.approx(1.02734e-3, rel=1e-5)
    assert best.x[1] == pytest.approx(-14.07, abs=0.01)
    box = made("box-3d", m=25)
    for x in ([10, 1, -1], [3, 3, 0], [-2, -2, 0]):
        assert box.value(np.array(x, dtype=float)) < 1e-30


def test_mancino_residuals_are_monotone_with_the_certified_slopes():
    angle = np.linspace(0, 2 * np.pi, 1_000_001)
    s, c = np.sin(angle), np.cos(angle)
    steepest = np.abs(s**5 + c**5 + 5 * s * c * (s**3 - c**3)).max()
    constant = catalogue("problems")["mancino"].make.__globals__["K"]
    assert steepest <= constant < steepest * (1 + 1e-8)
    for dim in (5, 500):
        instance = made("mancino", dim)
        assert instance.value(instance.x_star) < 1e-24 * instance.value(instance.x0)
        assert instance.certificates.value("PL") == 2 * (1400 - constant * dim) ** 2


def test_powell_singular_curvature_is_bounded_as_its_proof_says():
    a, b, c, d = np.array([[1, 10, 0, 0], [0, 0, 1, -1], [0, 1, -2, 0], [1, 0, 0, -1.0]])
    assert a @ b == 0
    assert (2 * a @ a, 10 * b @ b, 12 * c @ c, 120 * d @ d) == (202, 20, 60, 240)
    across = np.eye(4) - np.outer(a, a) / (a @ a) - np.outer(b, b) / (b @ b)
    least = np.linalg.svd(across @ np.array([c, d]).T, compute_uv=False)[-1]
    assert least >= 0.901
    # by Hoelder's inequality, with equality somewhere
    assert (np.sqrt(2000) + np.sqrt(1280)) / np.sqrt(202) <= 5.67
    u, v = np.meshgrid(np.linspace(0, 9, 901), np.linspace(0, 5, 501))
    assert np.all(60 * u**2 + 240 * v**2 <= 202 + 5.67 * np.hypot(4 * u**3, 40 * v**3))


def test_bdqrtic_ends_in_zeros():
    for dim in (5, 8, 100):
        instance = made("bdqrtic", dim)
        assert np.all(instance.x_star[-4:] == 0.0)
        assert np.linalg.norm(instance.gradient(instance.x_star)) < 1e-10
    assert "f_star" not in made("bdqrtic", 101).certificates


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("strange", [np.inf, -np.inf, np.nan])
def test_no_value_at_infinity(name, strange):
    assert len(NAMES) == 22
    for i in range(made(name).dim):
        x = made(name).x0.copy()
        x[i] = strange
        assert not np.isfinite(made(name).value(x))
