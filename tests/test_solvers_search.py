"""VS2P, pure random search, the (1+1)-ES, the accelerated random gradient-free method, GLD.

Each against a plain NumPy reading version, and the exact properties of its method.
"""

import inspect
import math
import re
from typing import NamedTuple

import numpy as np
import pytest

import zobench
from zobench.directions import LAWS, draw
from zobench.instance import Vector
from zobench.oracle import query
from zobench.solver import Setting, Solver, solver

DIM = 5
START = np.full(DIM, 0.3)


class SpyParameters(NamedTuple):
    law: int = 0


class SpyState(NamedTuple):
    x: Vector


def spy_step(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.x)
    query(oracle, state.x)


def directions(law, count, dim=DIM):
    """The directions that a solver with this law meets, taken from a solver that only draws."""
    spy = Solver("spy", "", spy_step, SpyState, lambda parameters, setting: 1, "", parameters=SpyParameters)
    seen = []

    def log(x):
        seen.append(x.copy())
        return 0.0

    zobench.minimize(log, np.zeros(dim), solver=spy, budget=count, parameters={"law": LAWS.index(law)})
    return seen


def banana(x):
    """A smooth nonconvex function with no symmetry that could hide a wrong sign."""
    return float(np.sum((1.0 - x) ** 2) + 3.0 * np.sum((x[1:] - x[:-1] ** 2) ** 2) + 0.3 * x[0])


def iterates(name, parameters, budget, f=banana, x0=START):
    """The iterates x_1, x_2, ... of a run."""
    seen = []
    zobench.minimize(
        f, x0, solver=name, budget=budget, parameters=parameters, callback=lambda x: seen.append(x.copy())
    )
    return np.array(seen)


def queries(name, parameters, budget, f=banana, x0=START):
    """The points that a run asks for."""
    seen = []

    def log(x):
        seen.append(x.copy())
        return f(x)

    zobench.minimize(log, x0, solver=name, budget=budget, parameters=parameters)
    return np.array(seen)


# VS2P

VS2P = {"radius": 0.05, "eta": 1.3, "tau_a": 2.0, "tau_b": 3.5, "window": 4}
VS2P_CASES = [
    VS2P,
    {**VS2P, "current": "included"},
    {**VS2P, "decay": "inverse-root"},
    {**VS2P, "decay": "constant", "law": "gaussian", "window": 2},
    {},
]


def read_vs2p(got, steps, given, mutant=""):
    """Give the largest distance of an iterate from where the definition sends the one before."""
    p = {**solver("vs2p").parameters()._asdict(), **given}
    rho, gammas, x, worst = p["radius"], [], START, 0.0
    for k, s in enumerate(directions(p["law"], steps)):
        gamma = (banana(x + rho * s) - banana(x - rho * s)) / (2 * rho)
        past = [*gammas, gamma] if p["current"] == "included" else gammas
        if mutant == "current":
            past = gammas if p["current"] == "included" else [*gammas, gamma]
        past = past[-p["window"] - (mutant == "window") :]
        sigma = np.std(past, ddof=mutant == "sample") if len(past) >= 2 else abs(gamma)
        if mutant == "sigma":
            sigma = 0.0
        decay = {"linear": 1 - k / steps, "inverse-root": (k + 1) ** -0.5, "constant": 1}[p["decay"]]
        if mutant == "late":
            decay = {"linear": 1 - (k + 1) / steps, "inverse-root": (k + 2) ** -0.5, "constant": 0.99}[
                p["decay"]
            ]
        size = abs(gamma) ** 2 if mutant == "square" else abs(gamma)
        alpha = p["eta"] * decay * rho * p["tau_a"] / p["tau_b"] * size / (size + p["tau_a"] * sigma)
        x = x - math.copysign(alpha, -gamma if mutant == "uphill" else gamma) * s
        worst = max(worst, float(np.abs(got[k] - x).max()))
        gammas.append(gamma)
        x = got[k]  # compare step by step: rounding of the differences must not add up
    return worst


@pytest.mark.parametrize("given", VS2P_CASES)
def test_vs2p_agrees_with_its_reading_version(given):
    got = iterates("vs2p", given, 120)
    assert len(got) == 60
    assert read_vs2p(got, 60, given) < 1e-12


@pytest.mark.parametrize("mutant", ["current", "window", "sample", "sigma", "late", "square", "uphill"])
@pytest.mark.parametrize("given", VS2P_CASES)
def test_vs2p_differs_from_every_mutant(given, mutant):
    assert read_vs2p(iterates("vs2p", given, 120), 60, given, mutant) > 1e-5


@pytest.mark.parametrize("given", VS2P_CASES)
@pytest.mark.parametrize("power", [-300, -7, 1, 40])
def test_vs2p_does_not_see_the_scale_of_the_objective(given, power):
    # an exact scaling, and so the same bits
    scaled = iterates("vs2p", given, 120, lambda x: 2.0**power * banana(x))
    assert np.array_equal(scaled, iterates("vs2p", given, 120))


def test_vs2p_does_not_see_an_affine_transform():
    # no exact scaling: what rounding does to the quotients remains
    changed = iterates("vs2p", VS2P, 40, lambda x: 3.0 * banana(x) - 7.0)
    np.testing.assert_allclose(changed, iterates("vs2p", VS2P, 40), rtol=0, atol=1e-9)


def test_the_scale_of_the_objective_and_of_space_can_be_seen():
    # the properties above are not those of every method, nor of every transform
    given = {"rule": "gamma", "L": 60.0, "law": "rademacher"}
    scaled = iterates("s2p", given, 120, lambda x: 2.0 * banana(x))
    assert not np.allclose(scaled, iterates("s2p", given, 120))
    stretched = iterates("vs2p", VS2P, 120, lambda x: banana(2.0 * x), START / 2.0)
    assert not np.allclose(2.0 * stretched, iterates("vs2p", VS2P, 120))
    given = {**VS2P, "radius": VS2P["radius"] / 2.0}  # it is the radius that carries the unit
    stretched = iterates("vs2p", given, 120, lambda x: banana(2.0 * x), START / 2.0)
    assert np.array_equal(2.0 * stretched, iterates("vs2p", VS2P, 120))


def test_vs2p_steps_are_bounded():
    path = np.vstack([START, iterates("vs2p", {**VS2P, "decay": "constant"}, 400)])
    alpha = np.linalg.norm(np.diff(path, axis=0), axis=1) / math.sqrt(DIM)
    bound = VS2P["eta"] * VS2P["radius"] * VS2P["tau_a"] / VS2P["tau_b"]
    # the first two have sigma = |gamma|, whatever f is; then the bound is nearly met sooner or later
    np.testing.assert_allclose(alpha[:2], bound / (1 + VS2P["tau_a"]), rtol=1e-12)
    assert 0.5 * bound < alpha.max() < bound


def test_vs2p_stays_where_nothing_is_learnt():
    assert np.all(iterates("vs2p", {}, 40, lambda x: 1.0) == START)
    count = iter(range(1000))
    # a quotient that is not a number is forgotten: the others go on
    path = iterates("vs2p", {}, 120, lambda x: math.nan if next(count) % 6 == 0 else banana(x))
    assert np.isfinite(path).all()
    moved = np.any(np.diff(path, axis=0) != 0.0, axis=1)
    assert np.array_equal(moved, np.arange(1, 60) % 3 != 0)


# All of them

COSTS = [("vs2p", {}, 2)]


@pytest.mark.parametrize(("name", "given", "cost"), COSTS)
def test_a_step_asks_what_the_docstring_says(name, given, cost):
    made = solver(name)
    setting = Setting(DIM, 200, zobench.problem("quadratic", dim=DIM).certificates)
    parameters = made.settled(made.choose(given), setting)
    assert made.cost(parameters, setting) == cost
    counts = []

    def log(x):
        counts[-1] += 1
        return banana(x)

    counts.append(0)
    values = {key: value for key, value in parameters._asdict().items() if key in ("L", "tau") and value > 0}
    zobench.minimize(
        log,
        START,
        solver=name,
        budget=1 + 20 * cost,
        parameters={**given, **values},
        callback=lambda x: counts.append(0),
    )
    # what `init` asks comes on top of the first step
    assert counts[1:20] == [cost] * 19
    assert counts[0] in (cost, cost + 1)


MEMORY = [("vs2p", {}, 3 + 10 / 10**6, "3 vectors, and W numbers")]


@pytest.mark.parametrize(("name", "given", "vectors", "words"), MEMORY)
def test_memory_is_as_documented(name, given, vectors, words):
    made = solver(name)
    assert made.vectors(made.choose(given), 10**6) == pytest.approx(vectors, rel=1e-12)
    assert f"Memory: {words}." in " ".join(inspect.getmodule(made.step).__doc__.split())


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("vs2p", {"window": 1}, "solver 'vs2p': window must be a whole number >= 2, got 1"),
        ("vs2p", {"decay": "cosine"}, "decay must be one of 'linear', 'inverse-root', 'constant'"),
        ("vs2p", {"tau": 3}, "did you mean 'tau_"),
    ],
)
def test_bad_parameters_are_named(name, given, told):
    with pytest.raises(zobench.ZobenchError, match=re.escape(told)):
        solver(name).choose(given)
