"""Each solver against a plain NumPy reading version, and the exact properties of its method."""

import inspect
import math
from typing import NamedTuple

import numpy as np
import pytest

import zobench
from zobench.directions import LAWS, constants, draw
from zobench.instance import Vector
from zobench.oracle import query
from zobench.registry import catalogue
from zobench.solver import Solver, solver

DIM = 5


class SpyParameters(NamedTuple):
    law: int = 0


class SpyState(NamedTuple):
    x: Vector


def spy_step(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.x)
    query(oracle, state.x)


def directions(law, count, dim=DIM, seed=0):
    """The directions that a solver with this law and seed meets, taken from a solver that only draws."""
    spy = Solver("spy", "", spy_step, SpyState, lambda parameters, setting: 1, "", parameters=SpyParameters)
    seen = []

    def log(x):
        seen.append(x)
        return 0.0

    zobench.minimize(
        log, np.zeros(dim), solver=spy, budget=count, seed=seed, parameters={"law": LAWS.index(law)}
    )
    return seen


def banana(x):
    """A smooth nonconvex function with no symmetry that could hide a wrong sign."""
    return float(np.sum((1.0 - x) ** 2) + 3.0 * np.sum((x[1:] - x[:-1] ** 2) ** 2) + 0.3 * x[0])


def iterates(name, steps, parameters, budget):
    seen = []
    zobench.minimize(
        banana,
        np.full(DIM, 0.3),
        solver=name,
        budget=budget,
        parameters={**parameters},
        callback=lambda x: seen.append(x),
    )
    return np.array(seen[:steps])


def read_s2p(f, x, s, k, steps, p):
    d = x.size
    if p["rule"] == "stationary":
        alpha = p["alpha0"] / math.sqrt(steps * d)
    elif p["rule"] == "dynamic":
        alpha = p["alpha0"] / math.sqrt((k + 1) * d)
    else:
        r = p["radius"]
        gamma = (f(x + r * s) - f(x - r * s)) / (2 * r)
        if p["rule"] == "clipped":
            m1, square = constants(p["law"], d).m1, 1 if p["law"] in ("unit-sphere", "coordinate") else d
            v = m1 / (2 * math.sqrt(square))
            b = 2 * (math.exp(v) - 1 - v) / v**2
            alpha = abs(gamma) / (2 * b * square * (p["L0"] + p["L1"] * abs(gamma) / m1))
            return x - math.copysign(alpha, gamma) * s
        alpha = abs(gamma) / (p["L"] * (s @ s))
        if p["rule"] == "gamma":
            return x - gamma / (p["L"] * (s @ s)) * s
    plus, minus = x + alpha * s, x - alpha * s
    return plus if f(plus) <= f(minus) else minus


S2P_CASES = [
    {"rule": "stationary", "alpha0": 0.7, "law": "gaussian"},
    {"rule": "stationary", "alpha0": 0.7, "law": "coordinate"},
    {"rule": "dynamic", "alpha0": 0.5, "law": "rademacher"},
    {"rule": "gamma", "L": 60.0, "law": "sphere", "radius": 1e-4},
    {"rule": "gamma-four", "L": 60.0, "law": "gaussian", "radius": 1e-4},
    {"rule": "clipped", "L0": 20.0, "L1": 2.0, "law": "rademacher", "radius": 1e-4},
    {"rule": "clipped", "L0": 20.0, "L1": 2.0, "law": "unit-sphere", "radius": 1e-4},
    {"rule": "clipped", "L0": 20.0, "L1": 2.0, "law": "coordinate", "radius": 1e-4},
]


@pytest.mark.parametrize("p", S2P_CASES, ids=lambda p: f"{p['rule']}-{p['law']}")
def test_s2p_agrees_with_its_reading_version(p):
    steps = 60
    budget = steps * (4 if p["rule"] == "gamma-four" else 2)
    got = iterates("s2p", steps, p, budget)
    x = np.full(DIM, 0.3)
    for k, s in enumerate(directions(p["law"], steps)):
        x = read_s2p(banana, x, s, k, steps, p)
        np.testing.assert_allclose(got[k], x, rtol=1e-7, atol=1e-9)
        x = got[k]  # compare step by step: rounding of the differences must not add up


@pytest.mark.parametrize("law", ["unit-sphere", "coordinate"])
def test_the_clipped_step_does_not_shrink_with_the_length_of_the_direction(law):
    made = zobench.problem("cosh", dim=20)

    def reached(law, radius, budget):
        given = {"rule": "clipped", "law": law, "radius": radius}
        return zobench.minimize(made, solver="s2p", budget=budget, seed=1, parameters=given)

    longer = reached(law, 1e-4 * math.sqrt(20), 8000)
    assert longer.fun < 1e-6 * longer.trace.start
    if law == "unit-sphere":  # the same method in other units of s
        same, other = reached(law, 1e-4 * math.sqrt(20), 100), reached("sphere", 1e-4, 100)
        assert np.linalg.norm(other.x) > 0.1 * np.linalg.norm(made.x0)
        np.testing.assert_allclose(same.x, other.x, rtol=1e-6)


def read_stp(f, x, s, k, steps, p):
    if p["rule"] == "fixed":
        alpha = p["alpha0"] / math.sqrt(steps)
    elif p["rule"] == "decreasing":
        alpha = p["alpha0"] / math.sqrt(k + 1)
    else:
        alpha = abs(f(x + p["radius"] * s) - f(x)) / (p["L"] * p["radius"])
    return min((x, x + alpha * s, x - alpha * s), key=f)


STP_CASES = [
    {"rule": "fixed", "alpha0": 0.7, "law": "unit-sphere"},
    {"rule": "fixed", "alpha0": 0.7, "law": "coordinate"},
    {"rule": "decreasing", "alpha0": 0.5, "law": "gaussian"},
    {"rule": "finite-difference", "L": 60.0, "law": "unit-sphere", "radius": 1e-5},
]


@pytest.mark.parametrize("p", STP_CASES, ids=lambda p: f"{p['rule']}-{p['law']}")
def test_stp_agrees_with_its_reading_version(p):
    steps = 60
    got = iterates("stp", steps, p, 1 + steps * (3 if p["rule"] == "finite-difference" else 2))
    x = np.full(DIM, 0.3)
    for k, s in enumerate(directions(p["law"], steps)):
        x = read_stp(banana, x, s, k, steps, p)
        np.testing.assert_allclose(got[k], x, rtol=1e-7, atol=1e-9)
        x = got[k]


@pytest.mark.parametrize("rule", ["fixed", "decreasing"])
def test_random_search_agrees_with_its_reading_version(rule):
    steps, alpha0 = 80, 0.6
    got = iterates("random-search", steps, {"rule": rule, "alpha0": alpha0}, 1 + steps)
    x = np.full(DIM, 0.3)
    for k, s in enumerate(directions("unit-sphere", steps)):
        trial = x + alpha0 / math.sqrt(steps if rule == "fixed" else k + 1) * s
        x = trial if banana(trial) < banana(x) else x
        np.testing.assert_allclose(got[k], x, rtol=1e-12)


@pytest.mark.parametrize("form", ["forward", "central"])
def test_random_gradient_free_agrees_with_its_reading_version(form):
    steps, radius, smoothness = 60, 1e-4, 60.0
    given = {"difference": form, "radius": radius, "L": smoothness}
    got = iterates("random-gradient-free", steps, given, 2 * steps)
    x, h = np.full(DIM, 0.3), 1 / (4 * (DIM + 4) * smoothness)
    for k, u in enumerate(directions("gaussian", steps)):
        ahead, behind = banana(x + radius * u), banana(x - radius * u)
        quotient = (ahead - banana(x)) / radius if form == "forward" else (ahead - behind) / (2 * radius)
        np.testing.assert_allclose(got[k], x - h * quotient * u, rtol=1e-7, atol=1e-9)
        x = got[k]


def test_a_wrong_sign_would_be_seen():
    # the mutant of the reading version: argmax for argmin
    p = S2P_CASES[0]
    got = iterates("s2p", 1, p, 120)
    s = directions("gaussian", 1)[0]
    alpha = 0.7 / math.sqrt(60 * DIM)
    plus, minus = np.full(DIM, 0.3) + alpha * s, np.full(DIM, 0.3) - alpha * s
    worse = minus if banana(plus) <= banana(minus) else plus
    assert not np.allclose(got[0], worse)


@pytest.mark.parametrize("name", ["stp", "random-search"])
def test_monotone_methods_never_go_uphill(name):
    values = [banana(np.full(DIM, 0.3))]
    zobench.minimize(
        banana,
        np.full(DIM, 0.3),
        solver=name,
        budget=801,
        parameters={"alpha0": 3.0},
        callback=lambda x: values.append(banana(x)),
    )
    assert np.all(np.diff(values) <= 0.0)
    assert values[-1] < values[0]


def test_s2p_may_go_uphill():
    # the property above is not one of every method: S2P forgets f(x_k)
    values = []
    zobench.minimize(
        banana,
        np.ones(DIM),
        solver="s2p",
        budget=200,
        parameters={"alpha0": 3.0},
        callback=lambda x: values.append(banana(x)),
    )
    assert np.any(np.diff(values) > 0.0)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("s2p", {}), ("s2p", {"rule": "dynamic"}), ("stp", {}), ("random-search", {})],
)
def test_comparison_methods_do_not_see_a_monotone_transform(name, parameters):
    def transformed(x):
        return math.exp(0.01 * banana(x))

    ends = [
        zobench.minimize(f, np.full(DIM, 0.3), solver=name, budget=301, parameters=parameters).trace.x
        for f in (banana, transformed)
    ]
    assert np.array_equal(*ends)


def test_the_gamma_rule_contracts_as_on_paper():
    # theory: E f(x+) / f(x) = 1 - 1/d exactly on f = |x|^2 / 2 for directions with step gamma / (L |s|^2);
    # the mean of the logarithm is (digamma(d/2) - digamma((d-1)/2)) / 2 a step, with no heavy tails
    from scipy.special import digamma

    d, steps, seeds = 8, 100, 200
    instance = zobench.problem("quadratic", dim=d)
    falls = []
    for seed in range(seeds):
        trace = zobench.run(
            instance,
            "s2p",
            budget=2 * steps,
            seed=seed,
            parameters={"rule": "gamma", "law": "sphere", "radius": 0.1},
        )
        falls.append(0.5 * math.log(trace.start / trace.value) / steps)
    expected = 0.5 * (digamma(d / 2) - digamma((d - 1) / 2))
    error = np.std(falls, ddof=1) / math.sqrt(seeds)
    assert abs(np.mean(falls) - expected) < 5 * error
    assert error < 0.02 * expected


def test_gaussian_gamma_divides_by_the_norm_and_not_by_d():
    # with d for |s|^2 one dimension would diverge: E f(x+) / f(x) = 2; by |s|^2 it is solved in one step
    instance = zobench.problem("quadratic", dim=1)
    trace = zobench.run(instance, "s2p", budget=2, parameters={"rule": "gamma", "radius": 0.1})
    assert trace.value < 1e-25 * trace.start


# pure random search needs of the order of eps^(-d/2) queries
@pytest.mark.parametrize("name", sorted(set(catalogue("solvers")) - {"pure-random-search"}))
def test_every_solver_makes_progress_with_defaults(name):
    if getattr(solver(name), "missing", ""):
        pytest.skip(solver(name).missing)
    instance = zobench.problem("quadratic", dim=10, condition=10)
    trace = zobench.run(instance, name, budget=4000, seed=1)
    assert trace.value < 0.05 * trace.start


def test_memory_is_as_each_docstring_says():
    for name, vectors in {"s2p": 3, "stp": 3, "random-search": 2, "random-gradient-free": 3}.items():
        made = solver(name)
        assert made.vectors(made.choose({}), 10**6) == vectors
        assert f"Memory: {vectors} vectors" in inspect.getmodule(made.step).__doc__


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("s2p", {"rule": "gama"}, "solver 's2p': rule must be one of 'stationary'"),
        ("s2p", {"alpha0": "x"}, "solver 's2p': alpha0 must be a number > 0, got 'x'"),
        ("stp", {"alpha": 1}, "did you mean 'alpha0'"),
        ("random-search", {"steps": -1}, "steps must be a whole number >= 0"),
        ("random-gradient-free", {"radius": 0}, "radius must be a number > 0, got 0"),
    ],
)
def test_bad_parameters_are_named(name, given, told):
    with pytest.raises(zobench.ZobenchError, match="(?s).*" + __import__("re").escape(told)):
        solver(name).choose(given)


def test_a_missing_constant_is_asked_for():
    with pytest.raises(zobench.ZobenchError, match="L must be given"):
        zobench.minimize(banana, np.zeros(3), solver="s2p", parameters={"rule": "gamma"}, budget=10)


def test_huge_dimension_needs_no_more_than_its_vectors():
    trace = zobench.minimize(
        zobench.problem("quadratic", dim=10**6), solver="s2p", budget=4, parameters={"alpha0": 1e-3}
    ).trace
    assert trace.count == 4
    assert trace.best < trace.start
