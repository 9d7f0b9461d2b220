"""Methods that estimate a gradient, against plain NumPy reading versions, and their exact properties."""

import inspect
import math
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


def read_sign(p, sign=1.0):
    drawn = directions(p.get("law", "unit-sphere"))
    difference = central if p["difference"] == "central" else forward

    def read(x, k):
        u = list(islice(drawn, p["probes"]))
        g = np.array([DIM * difference(banana, x, each, p["radius"]) * each for each in u])
        direction = np.sign(np.sum(np.sign(g), axis=0)) if p["combine"] == "vote" else np.sign(g.mean(axis=0))
        return x - sign * p["alpha0"] / math.sqrt(DIM * STEPS) * direction

    return read


@pytest.mark.parametrize("combine", ["mean", "vote"])
@pytest.mark.parametrize("difference", ["forward", "central"])
def test_zo_sign_sgd_agrees_with_its_reading_version(difference, combine):
    p = {"difference": difference, "combine": combine, "probes": 4, "radius": 1e-3, "alpha0": 0.5}
    got = iterates("zo-sign-sgd", p, 8 if difference == "central" else 5)
    agree(got, read_sign(p))
    with pytest.raises(AssertionError):
        agree(got, read_sign(p, sign=-1.0))


def test_zo_sign_sgd_counts_votes_and_not_sizes():
    # with one probe both forms are one; with more they part
    ends = {
        (probes, combine): iterates(
            "zo-sign-sgd", {"combine": combine, "probes": probes, "difference": "central"}, 2 * probes
        )
        for probes in (1, 5)
        for combine in ("mean", "vote")
    }
    assert np.array_equal(ends[1, "mean"], ends[1, "vote"])
    assert not np.array_equal(ends[5, "mean"], ends[5, "vote"])


@pytest.mark.parametrize("name", ["zo-sign-sgd", "zo-adamm"])
def test_the_scale_of_f_does_not_matter(name):
    # by a power of two, bit by bit
    ends = [
        zobench.minimize(lambda x, c=c: c * banana(x), START, solver=name, budget=600).trace.x
        for c in (1.0, 2.0**-30)
    ]
    assert np.array_equal(*ends)


def read_adamm(p, keep=np.maximum):
    drawn, m, v, v_max = directions("unit-sphere"), np.zeros(DIM), np.zeros(DIM), np.zeros(DIM)

    def read(x, k):
        nonlocal m, v, v_max
        u = islice(drawn, p["probes"])
        g = np.mean([DIM * forward(banana, x, each, p["radius"]) * each for each in u], axis=0)
        m = p["beta1"] * m + (1 - p["beta1"]) * g
        v = p["beta2"] * v + (1 - p["beta2"]) * g**2
        v_max = keep(v_max, v)
        return x - p["alpha0"] / math.sqrt(STEPS) * m / np.sqrt(v_max)

    return read


def test_zo_adamm_agrees_with_its_reading_version():
    p = {"probes": 3, "radius": 1e-3, "alpha0": 0.1, "beta1": 0.8, "beta2": 0.6}
    got = iterates("zo-adamm", p, 4)
    agree(got, read_adamm(p), rtol=1e-6)
    with pytest.raises(AssertionError):  # the mutant without the maximum: Adam
        agree(got, read_adamm(p, keep=lambda old, new: new), rtol=1e-6)


def test_zo_adamm_stays_where_nothing_changes():
    end = zobench.minimize(lambda x: 1.0, START, solver="zo-adamm", budget=100)
    assert np.array_equal(end.trace.x, START)


def test_rsgf_agrees_with_its_reading_version():
    radius, smoothness, spread, sigma = 1e-4, 60.0, 2.0, 100.0
    given = {"radius": radius, "L": smoothness, "spread": spread, "sigma": sigma}
    got = iterates("rsgf", given, 2)
    h = min(1 / (4 * smoothness * math.sqrt(DIM + 4)), spread / (sigma * math.sqrt(STEPS))) / math.sqrt(
        DIM + 4
    )

    def read(sign=1.0):
        drawn = directions("gaussian")

        def one(x, k):
            u = next(drawn)
            return x - sign * h * forward(banana, x, u, radius) * u

        return one

    agree(got, read())
    with pytest.raises(AssertionError):
        agree(got, read(sign=-1.0))


@pytest.mark.parametrize("name", ["random-gradient-free", "accelerated-random-gradient-free", "rsgf", "spsa"])
def test_estimates_do_not_depend_on_the_unit_of_the_directions(name):
    probes = {"radius": 1e-3} if name != "spsa" else {"c": 1e-3}
    longer = {key: value * math.sqrt(DIM) for key, value in probes.items()}
    known = {"L": 60.0, "mu": 1.0} if name.startswith("acc") else {"L": 60.0}
    sphere = iterates(name, {"law": "sphere", **probes, **known}, 2)
    np.testing.assert_allclose(
        iterates(name, {"law": "unit-sphere", **longer, **known}, 2), sphere, rtol=1e-6, atol=1e-9
    )
    with pytest.raises(AssertionError):  # an estimate left d times too short
        np.testing.assert_allclose(
            iterates(name, {"law": "unit-sphere", **longer, **known, "scale": 1.0}, 2), sphere, rtol=0.05
        )


def test_rsgf_ends_at_a_random_step():
    steps, seeds, ends = 8, 400, []
    for seed in range(seeds):
        seen = []
        given = {"output": "random", "step_size": 1e-3, "steps": steps}
        trace = zobench.minimize(
            banana,
            START,
            solver="rsgf",
            budget=2 * steps,
            seed=seed,
            parameters=given,
            callback=lambda x, seen=seen: seen.append(x),
        ).trace
        ends.append(trace.count // 2)
    counts = np.bincount(ends, minlength=steps)
    assert counts.size == steps  # R - 1 of 0 ... K - 1
    # chi-square of 7 degrees of freedom: beyond 35 once in 100 000
    assert np.sum((counts - seeds / steps) ** 2) / (seeds / steps) < 35.0


def read_orthogonal(p, frame):
    drawn, n = directions("gaussian"), p["probes"]
    difference = central if p["difference"] == "central" else forward

    def read(x, k):
        rows = frame(np.array(list(islice(drawn, n))))
        g = DIM / n * sum(difference(banana, x, row, p["radius"]) * row for row in rows)
        return x - p["step_size"] * g

    return read


def gram_schmidt(z):
    """Project each vector off those before it, in the textbook's way."""
    rows = []
    for vector in z:
        rest = vector - sum((vector @ row * row for row in rows), np.zeros(DIM))
        rows.append(rest / np.linalg.norm(rest))
    return np.array(rows)


def normalise(z):
    return z / np.linalg.norm(z, axis=1)[:, None]


@pytest.mark.parametrize("difference", ["forward", "central"])
@pytest.mark.parametrize("probes", [2, 3, DIM])
def test_orthogonal_directions_agrees_with_its_reading_version(probes, difference):
    p = {"probes": probes, "difference": difference, "step_size": 0.004, "radius": 1e-3}
    got = iterates("orthogonal-directions", p, 2 * probes if difference == "central" else probes + 1)
    agree(got, read_orthogonal(p, gram_schmidt))
    with pytest.raises(AssertionError):  # the mutant that does not orthogonalise
        agree(got, read_orthogonal(p, normalise))


@pytest.mark.parametrize(
    ("name", "per_step"), [("orthogonal-directions", 40), ("coordinate-differences", 40)]
)
def test_all_directions_together_are_the_gradient(name, per_step):
    # central differences of a quadratic are exact, so x_1 = x_0 - h A (x_0 - x_star) in any basis
    given = {"difference": "central", "radius": 0.5}
    if name == "orthogonal-directions":
        given["probes"] = 10**6  # more than d: d
    bowl = zobench.problem("quadratic", dim=20)
    trace = zobench.run(bowl, name, budget=per_step, parameters=given)
    assert trace.steps == 1
    assert trace.value < 1e-25 * trace.start
    tilted = zobench.problem("quadratic", dim=20, condition=10, rotation="yes")
    ends = [zobench.run(tilted, name, budget=per_step, seed=seed, parameters=given).x for seed in (1, 2)]
    np.testing.assert_allclose(*ends, rtol=1e-10, atol=1e-12)


def test_orthogonal_directions_follow_their_moments():
    # on |x|^2 / 2 with h = n / (d L) each step takes the share n/d off the squared distance, on the average
    d, n, steps, seeds = 12, 3, 4, 400
    bowl = zobench.problem("quadratic", dim=d)
    given = {"probes": n, "difference": "central", "radius": 0.1}
    shares = []
    for seed in range(seeds):
        trace = zobench.run(bowl, "orthogonal-directions", budget=2 * n * steps, seed=seed, parameters=given)
        shares.append(trace.value / trace.start)
    expected = (1.0 - n / d) ** steps
    error = np.std(shares, ddof=1) / math.sqrt(seeds)
    assert abs(np.mean(shares) - expected) < 5 * error
    assert error < 0.05 * expected


@pytest.mark.parametrize("difference", ["forward", "central"])
def test_coordinate_differences_agrees_with_its_reading_version(difference):
    p = {"difference": difference, "step_size": 0.01, "radius": 1e-3}
    quotient = central if difference == "central" else forward
    got = iterates("coordinate-differences", p, 2 * DIM if difference == "central" else DIM + 1)

    def read(x, k, radius=1e-3):
        return x - 0.01 * np.array([quotient(banana, x, e, radius) for e in np.eye(DIM)])

    agree(got, read)
    with pytest.raises(AssertionError):  # the mutant with another radius
        agree(got, lambda x, k: read(x, k, radius=1e-1))


def test_coordinate_differences_never_drifts():
    x0 = np.array([1.0, -300.0, 1e-3])
    end = zobench.minimize(
        lambda x: 0.0, x0, solver="coordinate-differences", budget=999, parameters={"step_size": 1.0}
    )
    assert np.array_equal(end.trace.x, x0)


def centred(values):
    return np.argsort(np.argsort(values)) / (values.size - 1) - 0.5


def read_nes(p, sign=1.0, shape=centred):
    drawn, n, sigma = directions("gaussian"), p["pairs"], p["sigma"]

    def read(x, k):
        e = np.array(list(islice(drawn, n)))
        values = np.array([banana(x + way * sigma * each) for way in (1, -1) for each in e])
        scale = 2 * n * sigma
        if p["shaping"] == "centered-rank":
            values, scale = shape(values), 2 * n
        return x - sign * p["step_size"] / scale * (values[:n] - values[n:]) @ e

    return read


@pytest.mark.parametrize("shaping", ["none", "centered-rank"])
@pytest.mark.parametrize("pairs", [1, 4])
def test_nes_agrees_with_its_reading_version(pairs, shaping):
    step_size = 0.003 if shaping == "none" else 0.1
    p = {"shaping": shaping, "pairs": pairs, "sigma": 0.05, "step_size": step_size}
    got = iterates("nes", p, 2 * pairs)
    agree(got, read_nes(p))
    with pytest.raises(AssertionError):
        agree(got, read_nes(p, sign=-1.0))
    if shaping == "centered-rank" and pairs > 1:
        with pytest.raises(AssertionError):  # the mutant that takes the order for the ranks
            agree(got, read_nes(p, shape=lambda values: np.argsort(values) / (values.size - 1) - 0.5))


@pytest.mark.parametrize(("shaping", "sees"), [("none", True), ("centered-rank", False)])
def test_nes_by_ranks_does_not_see_a_monotone_transform(shaping, sees):
    def transformed(x):
        return math.exp(0.01 * banana(x))

    given = {"shaping": shaping, "step_size": 0.01}
    ends = [
        zobench.minimize(f, START, solver="nes", budget=400, parameters=given).trace.x
        for f in (banana, transformed)
    ]
    assert np.array_equal(*ends) != sees


def test_nes_shares_ranks_among_equal_values_and_ranks_nan_last():
    given = {"shaping": "centered-rank", "pairs": 6, "step_size": 1.0}
    still = zobench.minimize(lambda x: 1.0, START, solver="nes", budget=24, parameters=given).trace
    assert still.steps == 2
    assert np.array_equal(still.x, START)
    ends = [
        zobench.minimize(
            lambda x, worst=worst: worst if x[0] > 0.3 else banana(x),
            START,
            solver="nes",
            budget=12,
            parameters=given,
        ).trace.x
        for worst in (math.nan, math.inf, 1e9)
    ]
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[1], ends[2])
    assert ends[0][0] < START[0]


def spread(law, n, d):
    """Give E|g_k|^2 / |g|^2 for the mean of n central differences along directions scaled to E s s^T = I."""
    return (d + n + 1.0 if law == "gaussian" else d + n - 1.0) / n


CONTRACTIONS = [
    *[("spsa", law, {"rule": "constant", "law": law, "c": 0.1}, "probes") for law in LAWS],
    ("mezo", "gaussian", {"radius": 0.1}, "probes"),
    ("nes", "gaussian", {"sigma": 0.1}, "pairs"),
]


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize(("name", "law", "given", "count"), CONTRACTIONS, ids=lambda each: str(each)[:12])
def test_the_default_step_contracts_as_on_paper(name, law, given, count, n):
    # on |x|^2 / 2 central differences are exact, so E f(x+) / f(x) = 1 - 2 h + h^2 E|g_k|^2 / |g|^2, which is
    # 1 - 1 / spread with the default h, the best one
    d, steps, seeds = 12, 3, 500
    bowl = zobench.problem("quadratic", dim=d)
    shares = []
    for seed in range(seeds):
        given = {**given, count: n}
        trace = zobench.run(bowl, name, budget=2 * n * steps, seed=seed, parameters=given)
        shares.append(trace.value / trace.start)
    error = np.std(shares, ddof=1) / math.sqrt(seeds)
    assert abs(np.mean(shares) - (1.0 - 1.0 / spread(law, n, d)) ** steps) < 5 * error
    if n > 1:  # the mutant that averages nothing
        assert abs(np.mean(shares) - (1.0 - 1.0 / spread(law, 1, d)) ** steps) > 5 * error


def test_spsa_depends_on_the_rank_and_not_on_the_dimension():
    # f = (x_1^2 + ... + x_r^2) / 2, sphere, one probe, h = 1 / gamma: E f(x_T) = (1 - 1 / gamma)^T f(x_0)
    rank, steps, seeds = 5, 10, 500
    for d in (20, 100):
        gamma = d * (rank + 2.0) / (d + 2.0)
        bowl = zobench.problem("quadratic", dim=d, spectrum="projector", rank=rank)
        given = {"rule": "constant", "law": "sphere", "a": 1.0 / gamma, "c": 0.1}
        shares = []
        for seed in range(seeds):
            trace = zobench.run(bowl, "spsa", budget=2 * steps, seed=seed, parameters=given)
            shares.append(trace.value / trace.start)
        error = np.std(shares, ddof=1) / math.sqrt(seeds)
        assert abs(np.mean(shares) - (1.0 - 1.0 / gamma) ** steps) < 5 * error
        assert error < 0.1 * np.mean(shares)


SHARED = [
    ("spsa", {"probes": 3, "c": 1e-2}),
    ("mezo", {"probes": 3, "radius": 1e-2}),
    ("zo-sign-sgd", {"radius": 1e-2}),
    ("zo-adamm", {"radius": 1e-2}),
    ("rsgf", {"radius": 1e-2}),
    ("orthogonal-directions", {"radius": 1e-2}),
    ("coordinate-differences", {"radius": 1e-2}),
    ("nes", {"pairs": 3}),
    ("nes", {"pairs": 3, "shaping": "centered-rank"}),
]


@pytest.mark.parametrize(("name", "given"), SHARED)
def test_the_queries_of_a_step_share_one_sample(name, given):
    # noise that is added and held for a step cancels in every difference and in every comparison
    ends = {}
    for mode in ("none", "common", "independent"):
        noise = {} if mode == "none" else {"noise": "gaussian", "noise_level": 0.3, "noise_mode": mode}
        made = zobench.problem("quadratic", dim=6, condition=5, **noise)
        ends[mode] = zobench.run(made, name, budget=210, parameters=given).x
    np.testing.assert_allclose(ends["common"], ends["none"], rtol=1e-8, atol=1e-10)
    assert not np.allclose(ends["independent"], ends["none"], rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "parameters", "dim", "vectors", "words"),
    [
        ("spsa", {}, 1000, 4, "Memory: 4 vectors."),
        ("zo-sign-sgd", {}, 1000, 4, "Memory: 4 vectors."),
        ("zo-adamm", {}, 1000, 7, "Memory: 7 vectors."),
        ("rsgf", {}, 1000, 3, "Memory: 3 vectors."),
        ("orthogonal-directions", {"probes": 7}, 1000, 2 + 7, "Memory: 2 + n vectors."),
        ("coordinate-differences", {}, 1000, 2, "Memory: 2 vectors"),
        ("nes", {"pairs": 8}, 1024, 3 + 16 / 1024, "Memory: 3 vectors and 2n numbers"),
        ("nes", {"pairs": 8}, 64, 2 + 8 + 16 / 64, "n of them in place of one of the vectors."),
        ("mezo", {"probes": 4}, 2**10, 2 + 2**-8, "for n > 1, n numbers."),
        ("mezo", {}, 2**20, 1 + 2**-10, "Memory: 1 vector, a block of min(d, 1024) numbers"),
    ],
)
def test_memory_is_as_documented(name, parameters, dim, vectors, words):
    made = solver(name)
    given = {**parameters, "L": 1.0} if "L" in made.parameters._fields else parameters
    settled = made.settle(made.choose(given), Setting(dim, 600, {}))
    assert made.vectors(settled, dim) == vectors
    assert words in inspect.getmodule(made.step).__doc__


@pytest.mark.parametrize(
    "name", ["spsa", "mezo", "rsgf", "orthogonal-directions", "coordinate-differences", "nes"]
)
def test_a_constant_that_nobody_certifies_is_one(name):
    told, untold = (
        zobench.minimize(banana, START, solver=name, budget=20, parameters=given).trace.x
        for given in ({"L": 1.0}, {})
    )
    assert np.array_equal(told, untold)
    other = zobench.minimize(banana, START, solver=name, budget=20, parameters={"L": 2.0}).trace.x
    assert not np.array_equal(told, other)


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("spsa", {"rule": "clasical"}, "rule must be one of 'classical', 'constant'"),
        ("spsa", {"probes": 0}, "probes must be a whole number >= 1"),
        ("mezo", {"radius": 0.0}, "radius must be a number > 0, got 0"),
        ("zo-sign-sgd", {"combine": "votes"}, "combine must be one of 'mean', 'vote'"),
        ("zo-adamm", {"beta1": 1.5}, "beta1 must be a number >= 0 and <= 1, got 1.5"),
        ("rsgf", {"sigma": -1}, "sigma must be a number >= 0, got -1"),
        (
            "orthogonal-directions",
            {"probes": 0.5},
            "probes must be a whole number >= 1 and <= 1000000, got 0.5",
        ),
        (
            "coordinate-differences",
            {"difference": "backward"},
            "difference must be one of 'forward', 'central'",
        ),
    ],
)
def test_bad_parameters_are_named(name, given, told):
    with pytest.raises(zobench.ZobenchError, match=re.escape(f"solver {name!r}: {told}")):
        solver(name).choose(given)
