"""Every certificate of the catalogue is attacked; every wrong constant is caught."""

import dataclasses
from functools import cache

import numpy as np
import pytest

import zobench
from zobench.attacks.certify import FALSIFIERS, Attack, attack, falsify, falsify_gradient, falsify_x_star
from zobench.attacks.probe import Probe
from zobench.certificate import Certificate, Certificates
from zobench.registry import catalogue

#: The catalogue's defaults, and variants that certify more, or elsewhere.
CASES = [(name, ()) for name in catalogue("problems")] + [
    ("quadratic", (("dim", 1),)),
    ("quadratic", (("dim", 30), ("condition", 1000.0), ("rotation", "yes"), ("seed", 1))),
    ("quadratic", (("dim", 120), ("condition", 50.0))),
    ("cosh", (("dim", 1),)),
    ("cosh", (("start", 5.0),)),
    ("cosh", (("b", 20.0), ("start", 0.01), ("dim", 3))),
    ("nonconvex-cosine", (("amplitude", 0.05),)),
    ("nonconvex-cosine", (("dim", 60), ("amplitude", 2.0), ("frequency", 0.5))),
    ("softmax-regression", (("data", "iris"),)),
    ("softmax-regression", (("data", "breast-cancer"), ("ridge", 1.0))),
    ("softmax-regression", (("data", "wine"), ("batch", 8))),
    ("matrix-factorization", (("rows", 3), ("columns", 2), ("rank", 1))),
    ("mlp", (("data", "iris"), ("hidden", 3), ("batch", 0), ("ridge", 0.1))),
]


@cache
def probed(case):
    name, parameters = case
    return Probe(zobench.problem(name, **dict(parameters)))


def identify(value):
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        return ",".join([value[0], *(f"{key}={chosen}" for key, chosen in value[1])])
    return str(value)


CERTIFIED = [
    (case, constant) for case in CASES for constant in zobench.problem(case[0], **dict(case[1])).certificates
]


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_gradient_and_minimiser_stand(case):
    probe = probed(case)
    assert falsify_gradient(probe).ok
    if probe.instance.x_star is not None:
        assert falsify_x_star(probe).ok


@pytest.mark.parametrize(("case", "constant"), CERTIFIED, ids=identify)
def test_certificate_stands_and_an_exact_one_is_met(case, constant):
    probe = probed(case)
    certificate = probe.instance.certificates[constant]
    found = falsify(probe, constant, certificate.value)
    assert found.ok, str(found)
    assert found.point is not None
    if certificate.exact and not np.isnan(found.tightness):
        assert 0.9 <= found.tightness <= 1 + 1e-6, str(found)


def wrong(probe, constant, certificate):
    """Wrong values of a constant: what an error in a proof would give."""
    value = certificate.value
    met = falsify(probe, constant, value).found
    if constant in ("f_star", "f_best", "f_lower"):
        gap = probe.value(probe.instance.x0) - value
        if not certificate.exact:
            return [met + 1e-6 * gap]
        return [value + 1e-6 * gap, *([value - 1e-6 * gap] if probe.instance.x_star is not None else [])]
    if constant == "trace":
        return [value * (1 - 1e-5), value * (1 + 1e-5)]
    if constant == "convex":
        return [0.0]
    if constant == "L" and probe.instance.parameters == type(probe.instance.parameters)():
        return [0.8 * value]  # by default every L is met within a fifth
    if constant in ("variance", "growth"):  # estimates from samples: five standard errors are forgiven
        return [0.5 * met]
    if not certificate.exact:  # a bound: the attack must reject what it has seen broken
        return [met * (1.001 if constant in ("mu", "PL") else 0.999)]
    return [value * (1.2 if constant in ("mu", "PL") else 0.8)] if value else []


@pytest.mark.parametrize(("case", "constant"), CERTIFIED, ids=identify)
def test_wrong_constant_is_caught(case, constant):
    probe = probed(case)
    for value in wrong(probe, constant, probe.instance.certificates[constant]):
        found = falsify(probe, constant, value)
        assert not found.ok, str(found)
        assert "is FALSE" in str(found)


def test_every_constant_has_a_falsifier_and_is_certified_somewhere():
    from zobench.certificate import CONSTANTS

    assert set(FALSIFIERS) == set(CONSTANTS) == {constant for _, constant in CERTIFIED}


@pytest.mark.parametrize(
    ("name", "constant", "value"),
    [
        ("nonconvex-cosine", "convex", 1.0),
        ("nonconvex-cosine", "mu", 0.1),
        ("nonconvex-cosine", "PL", 0.01),
        ("cosh", "L", 100.0),
        ("matrix-factorization", "L", 10.0),
        ("matrix-factorization", "convex", 1.0),
        ("cosh", "trace", 10.0),
    ],
)
def test_what_a_problem_lacks_cannot_be_claimed(name, constant, value):
    assert not falsify(probed((name, ())), constant, value).ok


def slightly_wrong(x, data, out):
    for i in range(x.size):
        out[i] = np.sinh(data.b * x[i]) / data.b
    out[x.size - 1] *= 1.0001


def test_wrong_gradient_is_caught():
    right = zobench.problem("cosh")
    problem = dataclasses.replace(right.problem, name="cosh-wrong", gradient=slightly_wrong)
    found = falsify_gradient(Probe(dataclasses.replace(right, problem=problem, _keep={})))
    assert not found.ok
    assert found.found == pytest.approx(1e-4, rel=0.5)


@pytest.mark.parametrize("name", ["quadratic", "cosh", "softmax-regression", "matrix-factorization"])
def test_wrong_minimiser_is_caught(name):
    right = zobench.problem(name)
    moved = dataclasses.replace(right, x_star=right.x_star + 1e-4)
    assert not falsify_x_star(Probe(moved)).ok


def test_local_minimum_is_no_minimiser():
    instance = zobench.problem("nonconvex-cosine", dim=1)
    xs = np.linspace(1.5, 2.5, 100_001)
    local = xs[np.argmin([instance.value(np.array([x])) for x in xs])]
    assert not falsify_x_star(Probe(dataclasses.replace(instance, x_star=np.array([local])))).ok


def test_attacks_are_deterministic_and_cover_everything():
    instance = zobench.problem("quadratic", dim=5, condition=7)
    one, two = attack(instance), attack(zobench.problem("quadratic", dim=5, condition=7))
    assert [str(each) for each in one] == [str(each) for each in two]
    assert [each.constant for each in one] == ["gradient", "x_star", *instance.certificates]
    assert all(each.ok for each in one)
    other = attack(instance, key="another")
    assert any(not np.array_equal(a.point, b.point) for a, b in zip(one, other, strict=True))


def test_false_certificate_is_reported_among_true_ones():
    right = zobench.problem("quadratic", dim=4, condition=10)
    certificates = {**right.certificates, "L": Certificate("L", 0.9, "Wrong.")}
    found = attack(dataclasses.replace(right, certificates=Certificates(*certificates.values())))
    assert [each.constant for each in found if not each.ok] == ["L", "effective_rank"]


def test_without_a_gradient_only_values_are_attacked():
    right = zobench.problem("quadratic", dim=4)
    instance = dataclasses.replace(right, problem=dataclasses.replace(right.problem, gradient=None))
    found = {each.constant: each for each in attack(instance)}
    assert "gradient" not in found
    assert np.isnan(found["L"].found)
    assert found["L"].ok
    assert found["f_star"].found == 0.0
    assert not falsify(Probe(instance), "f_star", 1e-6).ok


def test_attack_prints_what_it_found():
    text = str(Attack("L", 1.0, 1.25, 1.25, False))
    assert text == "L = 1 is FALSE: the worst value met is 1.25 (tightness 1.25)"
