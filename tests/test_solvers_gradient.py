"""Methods that estimate a gradient, each against a plain NumPy reading version, and their exact properties."""

import inspect
import re
from itertools import islice
from typing import NamedTuple

import numpy as np
import pytest

import zobench
from zobench.directions import LAWS, constants, draw
from zobench.instance import Vector
from zobench.oracle import query
from zobench.solver import Setting, Solver, solver

DIM = 5
STEPS = 25
START = np.full(DIM, 0.3)
STATIONARY = Setting(DIM, 600, {})


class SpyParameters(NamedTuple):
    law: int = 0


class SpyState(NamedTuple):
    x: Vector


def spy_step(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.x)
    query(oracle, state.x)


SPY = Solver("spy", "", spy_step, SpyState, lambda parameters, setting: 1, "", parameters=SpyParameters)


def directions(law, count=400):
    """Yield the directions that a solver with this law meets in order, taken from one that only draws."""
    seen = []

    def log(x):
        seen.append(x)
        return 0.0

    zobench.minimize(log, START, solver=SPY, budget=count, seed=0, parameters={"law": LAWS.index(law)})
    return iter(seen)


def banana(x):
    """A smooth nonconvex function with no symmetry that could hide a wrong sign."""
    return float(np.sum((1.0 - x) ** 2) + 3.0 * np.sum((x[1:] - x[:-1] ** 2) ** 2) + 0.3 * x[0])


def iterates(name, parameters, per_step, steps=STEPS, first=0):
    """Give x_1 ... x_K, having checked that a step costs what is documented."""
    seen = []
    budget = first + steps * per_step
    made = solver(name)
    setting = Setting(DIM, budget, {})
    assert made.cost(made.settle(made.choose(parameters), setting), setting) == per_step
    trace = zobench.minimize(
        banana, START, solver=name, budget=budget, parameters=parameters, callback=lambda x: seen.append(x)
    ).trace
    assert (trace.steps, trace.count) == (steps, budget)
    return np.array(seen[:steps])


def agree(got, read, rtol=1e-7, atol=1e-9):
    """Compare step by step, each from the kernel's own iterate: rounding of differences must not add up."""
    x = START
    for k, reached in enumerate(got):
        np.testing.assert_allclose(reached, read(x, k), rtol=rtol, atol=atol)
        x = reached


def central(f, x, s, radius):
    return (f(x + radius * s) - f(x - radius * s)) / (2 * radius)


def forward(f, x, s, radius):
    return (f(x + radius * s) - f(x)) / radius


def read_spsa(p, sign=1.0):
    drawn = directions(p["law"])

    def read(x, k):
        a, c = p["a"], p["c"]
        if p["rule"] == "classical":
            a, c = a / (p["A"] + k + 1) ** 0.602, c / (k + 1) ** 0.101
        g = np.mean([central(banana, x, s, c) * s for s in islice(drawn, p["probes"])], axis=0)
        return x - sign * a * DIM / constants(p["law"], DIM).m2 * g

    return read


SPSA = [
    {"rule": "classical", "law": "rademacher", "probes": 1, "a": 0.05, "A": 3.0, "c": 1e-2},
    {"rule": "classical", "law": "sphere", "probes": 3, "a": 0.05, "A": 3.0, "c": 1e-2},
    {"rule": "constant", "law": "gaussian", "probes": 2, "a": 0.003, "c": 1e-3},
    {"rule": "constant", "law": "unit-sphere", "probes": 4, "a": 0.003, "c": 1e-3},
    {"rule": "constant", "law": "coordinate", "probes": 1, "a": 0.003, "c": 1e-3},
]


@pytest.mark.parametrize("p", SPSA, ids=lambda p: f"{p['rule']}-{p['law']}")
def test_spsa_agrees_with_its_reading_version(p):
    got = iterates("spsa", p, 2 * p["probes"])
    agree(got, read_spsa(p))
    with pytest.raises(AssertionError):  # the mutant that goes uphill
        agree(got, read_spsa(p, sign=-1.0))


def test_spsa_has_spalls_defaults():
    made = solver("spsa")
    p = made.settle(made.choose({"L": 2.0}), STATIONARY)
    assert (p.alpha, p.gamma, p.steps, p.A) == (0.602, 0.101, 300, 30.0)
    assert p.a / (p.A + 1.0) ** p.alpha == pytest.approx(1.0 / (DIM * 2.0))


def read_mezo(p, sign=1.0):
    drawn = directions("gaussian")

    def read(x, k):
        z = list(islice(drawn, p["probes"]))
        g = np.mean([central(banana, x, each, p["radius"]) * each for each in z], axis=0)
        return x - sign * p["step_size"] * g

    return read


@pytest.mark.parametrize("probes", [1, 3])
def test_mezo_agrees_with_its_reading_version(probes):
    p = {"probes": probes, "step_size": 0.003, "radius": 1e-3}
    got = iterates("mezo", p, 2 * probes)
    agree(got, read_mezo(p))
    with pytest.raises(AssertionError):
        agree(got, read_mezo(p, sign=-1.0))


@pytest.mark.parametrize("dim", [1024, 1025, 2051])
def test_mezo_makes_long_directions_block_by_block(dim):
    # the same points as of a solver that keeps the direction: SPSA with the Gaussian law
    points = {}
    for name, parameters in {
        "mezo": {"step_size": 1e-4},
        "spsa": {"rule": "constant", "law": "gaussian", "a": 1e-4, "c": 1e-3},
    }.items():
        seen = points.setdefault(name, [])

        def log(x, seen=seen):
            seen.append(x.copy())
            return float(np.sum(np.arange(x.size) % 7 * np.sin(x)))

        zobench.minimize(log, np.zeros(dim), solver=name, budget=6, parameters=parameters)
    np.testing.assert_allclose(points["mezo"], points["spsa"], rtol=1e-6, atol=1e-9)


def test_mezo_drifts_by_rounding_only():
    probes, x0 = 400, np.array([1.0, -300.0, 1e-3])
    end = zobench.minimize(lambda x: 0.0, x0, solver="mezo", budget=2 * probes, parameters={"step_size": 1.0})
    drift = np.abs(end.trace.x - x0)
    assert np.all(drift <= probes * 2.0**-52 * (np.abs(x0) + 4e-3 * 8.5))
    assert np.any(drift > 0.0)


@pytest.mark.parametrize(
    ("name", "parameters", "dim", "vectors", "words"),
    [
        ("spsa", {}, 1000, 4, "Memory: 4 vectors."),
        ("mezo", {}, 2**20, 1 + 2**-10, "Memory: 1 vector, a block of min(d, 1024) numbers"),
    ],
)
def test_memory_is_as_documented(name, parameters, dim, vectors, words):
    made = solver(name)
    settled = made.settle(made.choose({**parameters, "L": 1.0}), Setting(dim, 600, {}))
    assert made.vectors(settled, dim) == vectors
    assert words in inspect.getmodule(made.step).__doc__


@pytest.mark.parametrize("name", ["spsa", "mezo"])
def test_a_missing_constant_is_asked_for(name):
    with pytest.raises(zobench.ZobenchError, match="L must be given"):
        zobench.minimize(banana, START, solver=name, budget=10)


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("spsa", {"rule": "clasical"}, "rule must be one of 'classical', 'constant'"),
        ("spsa", {"probes": 0}, "probes must be a whole number >= 1"),
        ("mezo", {"radius": 0.0}, "radius must be a number > 0, got 0"),
    ],
)
def test_bad_parameters_are_named(name, given, told):
    with pytest.raises(zobench.ZobenchError, match=re.escape(f"solver {name!r}: {told}")):
        solver(name).choose(given)
