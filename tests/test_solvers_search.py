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
#: Those that keep the best point and only compare.
COMPARING = ["one-plus-one-es", "gld-search", "gld-fast"]


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


# Pure random search


def read_pure(got, asked, mutant=""):
    """Give the first step after which an iterate is not the best point so far; asked are the points."""
    for k in range(len(got)):
        points = asked[: k + 1] if mutant != "start" else [START, *asked[: k + 1]]
        if not np.array_equal(got[k], points[-1] if mutant == "last" else min(points, key=banana)):
            return k
    return len(got)


def test_pure_random_search_keeps_the_best_point():
    got, asked = (each("pure-random-search", {"R": 0.7}, 60) for each in (iterates, queries))
    assert len(got) == len(asked) == 60
    assert read_pure(got, asked) == 60
    assert read_pure(got, asked, "last") < 60
    worst = iterates("pure-random-search", {"R": 0.7}, 60, lambda x: -banana(x))
    assert read_pure(worst, asked) < 60


def test_pure_random_search_does_not_ask_for_its_centre():
    # at the minimiser: x_0 would be the best point for ever
    path = iterates("pure-random-search", {}, 5, lambda x: float(x @ x), np.zeros(DIM))
    assert np.all(np.linalg.norm(path, axis=1) > 0.0)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_pure_random_search_is_uniform_in_the_ball(dim):
    from scipy.stats import kstest

    centre, count = np.linspace(0.2, 0.8, dim), 5000
    asked = queries("pure-random-search", {"R": 3.0}, count, lambda x: 0.0, centre)
    away = (asked - centre) / 3.0
    lengths = np.linalg.norm(away, axis=1)
    # P(|z| <= r) = r^d; and every rotation of the direction is as likely: mean 0, covariance I / (d + 2)
    assert kstest(lengths**dim, "uniform").pvalue > 1e-4
    assert np.abs(away.mean(axis=0)).max() < 5 / math.sqrt((dim + 2) * count)
    second = away.T @ away / count
    assert np.abs(second - np.eye(dim) / (dim + 2)).max() < 5 / math.sqrt(count) / (dim + 2) * math.sqrt(3)
    if dim > 1:
        # the mutant: a uniform radius along a uniform direction
        assert kstest(lengths, "uniform").pvalue < 1e-12


@pytest.mark.parametrize(("dim", "points"), [(2, 5), (3, 20), (6, 20)])
def test_pure_random_search_has_the_exact_mean(dim, points):
    # f = |x - x_star|^2 / 2, R = 2, x_0 = x_star
    seeds = 1500
    ends = np.array(
        [
            zobench.minimize(
                lambda x: 0.5 * float(x @ x),
                np.zeros(dim),
                solver="pure-random-search",
                budget=points,
                seed=seed,
                parameters={"R": 2.0},
            ).trace.x
            for seed in range(seeds)
        ]
    )
    values = 0.5 * (ends**2).sum(axis=1)

    def expected(count, power):
        log = math.lgamma(count + 1) + math.lgamma(1 + power) - math.lgamma(count + 1 + power)
        return 2.0 * math.exp(log)

    error = values.std(ddof=1) / math.sqrt(seeds)
    assert abs(values.mean() - expected(points, 2 / dim)) < 5 * error
    # the mutants: a uniform radius, and the points of a dimension more
    assert abs(values.mean() - expected(points, 2.0)) > 10 * error
    assert abs(values.mean() - expected(points, 2 / (dim + 1))) > 10 * error
    within = np.mean(2.0 * values <= 1.0)
    chance = 1 - (1 - 0.5**dim) ** points
    assert abs(within - chance) < 5 * math.sqrt(chance * (1 - chance) / seeds) + 1e-12


# (1+1)-ES

ES = {"alpha0": 0.4, "growth": 1.7}
ES_CASES = [ES, {**ES, "law": "sphere", "success": 0.25}, {**ES, "shrinkage": 0.5, "law": "coordinate"}, {}]


def read_es(got, steps, given, mutant=""):
    """Give the first step after which an iterate is not where the algorithm sends the one before."""
    p = {**solver("one-plus-one-es").parameters()._asdict(), **given}
    x, alpha = START, p["alpha0"]
    shrinkage = p["shrinkage"] or p["growth"] ** (-p["success"] / (1 - p["success"]))
    if mutant == "rate":
        shrinkage = p["growth"] ** -p["success"]
    for k, s in enumerate(directions(p["law"], steps)):
        trial = x + alpha * s
        success = banana(trial) > banana(x) if mutant == "uphill" else banana(trial) <= banana(x)
        alpha *= 1.0 if mutant == "fixed" else p["growth"] if success else shrinkage
        x = trial if success else x
        if np.abs(got[k] - x).max() > 1e-12:
            return k
    return steps


@pytest.mark.parametrize("given", ES_CASES)
def test_one_plus_one_es_agrees_with_its_reading_version(given):
    got = iterates("one-plus-one-es", given, 121)
    assert len(got) == 120
    assert read_es(got, 120, given) == 120
    assert len(np.unique(got, axis=0)) > 10
    for mutant in ("uphill", "fixed", "rate")[: 2 if "shrinkage" in given else 3]:
        assert read_es(got, 120, given, mutant) < 60


def test_one_plus_one_es_scales_with_space():
    # alpha0 carries the unit of x
    given = {**ES, "alpha0": ES["alpha0"] / 4.0}
    shrunk = iterates("one-plus-one-es", given, 121, lambda x: banana(4.0 * x), START / 4.0)
    assert np.array_equal(4.0 * shrunk, iterates("one-plus-one-es", ES, 121))


def test_one_plus_one_es_keeps_the_speed_limit():
    # theory: no step length, chosen before the direction is drawn, does better than 0.2393 / d in the mean of
    # ln(|x_k| / |x_{k+1}|) at d = 10; the rule comes to a good half of it
    steps, limit = 1000, 0.2393
    instance = zobench.problem("quadratic", dim=10)
    falls = []
    for seed in range(20):
        trace = zobench.run(
            instance, "one-plus-one-es", budget=1 + steps, seed=seed, parameters={"law": "sphere"}
        )
        falls.append(10 * 0.5 * math.log(trace.start / trace.value) / steps)
    assert 0.5 * limit < np.mean(falls) < limit


# Accelerated random gradient-free method

FG = {"radius": 1e-2, "L": 60.0, "mu": 0.7, "gamma0": 5.0}
FG_CASES = [FG, {**FG, "mu": 0.0}, {**FG, "difference": "central"}, {**FG, "gamma0": 0.0, "law": "sphere"}]


def read_fg(got, steps, given, mutant=""):
    """Give the largest distance of an iterate from where method (60) sends it."""
    name = "accelerated-random-gradient-free"
    p = {**solver(name).parameters()._asdict(), **given}
    rho, smoothness, mu, d = p["radius"], p["L"], p["mu"], DIM
    h, theta = 1 / (4 * (d + 4) * smoothness), 1 / (16 * (d + 4) ** 2 * smoothness)
    if mutant == "theta":
        theta = 1 / (16 * (d + 1) ** 2 * smoothness)
    gamma, x, v, worst = p["gamma0"] or smoothness, START, START, 0.0
    for k, u in enumerate(directions(p["law"], steps)):
        alpha = max(np.roots([1 / theta, gamma - mu, -gamma]).real)
        following = (1 - alpha) * gamma + alpha * mu
        assert math.isclose(alpha**2 / theta, following)
        share, beta = alpha * mu / following, alpha * gamma / (gamma + alpha * mu)
        y = x if mutant == "momentum" else (1 - beta) * x + beta * v
        ahead = banana(y + rho * u)
        central = (p["difference"] == "central") != (mutant == "form")
        g = ((ahead - banana(y - rho * u)) / (2 * rho) if central else (ahead - banana(y)) / rho) * u
        x = y - h * g
        v = (1 - share) * v + share * y - (0 if mutant == "v" else theta / alpha) * g
        gamma = following
        worst = max(worst, float(np.abs(got[k] - x).max()))
    return worst


@pytest.mark.parametrize("given", FG_CASES)
def test_accelerated_method_agrees_with_its_reading_version(given):
    got = iterates("accelerated-random-gradient-free", given, 160)
    assert len(got) == 80
    assert read_fg(got, 80, given) < 1e-10
    for mutant in ("theta", "momentum", "form", "v"):
        assert read_fg(got, 80, given, mutant) > 1e-6


def fg_moments(eigenvalues, x0, steps, radius, gamma, theta):
    """E f(x_K) on f = (1/2) sum lam_i x_i^2 of method (60): Gaussian directions, forward differences."""
    lam, d = eigenvalues, x0.size
    smoothness, mu = lam.max(), lam.min()
    h = 1 / (4 * (d + 4) * smoothness)
    total = lam.sum()
    bias = radius**2 / 4 * (total**2 + 2 * (lam**2).sum() + 4 * lam * total + 8 * lam**2)
    p, c, v = x0**2, x0**2, x0**2
    for _ in range(steps):
        alpha = max(np.roots([1 / theta, gamma - mu, -gamma]).real)
        be = alpha * gamma / (gamma + alpha * mu)
        gamma = (1 - alpha) * gamma + alpha * mu
        el, tt = alpha * mu / gamma, theta / alpha
        yy = (1 - be) ** 2 * p + 2 * be * (1 - be) * c + be**2 * v
        yv = (1 - be) * c + be * v
        q = (lam**2 * yy).sum() + 2 * lam**2 * yy + bias
        p = yy - 2 * h * lam * yy + h**2 * q
        c = (1 - el) * (yv - h * lam * yv) + el * (yy - h * lam * yy) - tt * lam * yy + h * tt * q
        cross = (1 - el) * lam * yv + el * lam * yy
        v = (1 - el) ** 2 * v + 2 * el * (1 - el) * yv + el**2 * yy - 2 * tt * cross + tt**2 * q
    return 0.5 * float((lam * p).sum())


def test_accelerated_method_has_the_exact_moments():
    d, steps, seeds, radius = 6, 80, 400, 0.05
    lam, x0 = np.geomspace(0.1, 1.0, d), np.ones(d)
    ends = [
        zobench.minimize(
            lambda x: 0.5 * float((lam * x * x).sum()),
            x0,
            solver="accelerated-random-gradient-free",
            budget=2 * steps,
            seed=seed,
            parameters={"L": 1.0, "mu": 0.1, "radius": radius},
        ).trace.x
        for seed in range(seeds)
    ]
    values = 0.5 * (np.array(ends) ** 2) @ lam
    error = values.std(ddof=1) / math.sqrt(seeds)
    expected = fg_moments(lam, x0, steps, radius, 1.0, 1 / (16 * (d + 4) ** 2))
    misprinted = fg_moments(lam, x0, steps, radius, 1.0, 1 / (16 * (d + 1) ** 2))
    assert abs(values.mean() - expected) < 5 * error
    assert abs(values.mean() - misprinted) > 10 * error


def test_accelerated_method_asks_for_what_it_needs():
    name = "accelerated-random-gradient-free"
    setting = Setting(DIM, 100, zobench.problem("quadratic", dim=DIM, condition=4).certificates)

    def settled(**given):
        return solver(name).settled(solver(name).choose(given), setting)

    assert settled().mu == 0.25
    assert settled().gamma0 == settled().L == 1.0
    assert settled(gamma0=1.0, step_size=0.1, theta=0.1).L == 0.0
    with pytest.raises(
        zobench.ZobenchError, match=re.escape("gamma0 must be >= mu = 0.25, or 0 for L, got 0.1")
    ):
        settled(gamma0=0.1)
    # an objective of which nothing is certified
    assert zobench.minimize(banana, START, solver=name, budget=10).trace.parameters.L == 1.0


# GLD

GLD_CASES = [
    ("gld-search", {"R": 0.9, "r": 0.06}),
    ("gld-search", {"R": 0.15, "r": 0.15}),
    ("gld-search", {"R": 0.8, "r": 0.05, "law": "gaussian"}),
    ("gld-fast", {"R": 0.2, "Q": 1.5}),
    ("gld-fast", {"R": 0.3, "K": 1, "H": 7, "law": "gaussian"}),
]


def gld_radii(name, given, k):
    """The radii of step k as the papers' formulas have them."""
    p = {**solver(name).parameters()._asdict(), **given}
    if name == "gld-search":
        return p["R"] * 0.5 ** np.arange(math.ceil(math.log2(p["R"] / p["r"]) - 1e-9) + 1)
    depth = p["K"] or math.ceil(math.log2(4 * math.sqrt(p["Q"])))
    period = p["H"] or math.ceil(DIM * p["Q"] * math.log2(p["Q"]))
    return p["R"] * 0.5 ** (k // period) * 2.0 ** -np.arange(-depth, depth + 1)


def read_gld(name, got, given, mutant=""):
    """Give the first step after which an iterate is not where the algorithm sends the one before."""
    law, x = given.get("law", "unit-sphere"), START
    samples = iter(directions(law, 4000))
    for k in range(len(got)):
        points = [x]
        for j, radius in enumerate(gld_radii(name, given, k)):
            s = next(samples) / (math.sqrt(DIM) if law == "gaussian" else 1)
            points.append(x + (gld_radii(name, given, 0)[j] if mutant == "constant" else radius) * s)
        if mutant == "one":
            points = points[:2]
        if mutant == "first":
            points = [next((y for y in points[1:] if banana(y) < banana(x)), x)]
        x = min(points[1:] if mutant == "forget" else points, key=banana)
        if np.abs(got[k] - x).max() > 1e-12:
            return k
    return len(got)


@pytest.mark.parametrize(("name", "given"), GLD_CASES)
def test_gld_agrees_with_its_reading_version(name, given):
    radii = len(gld_radii(name, given, 0))
    got = iterates(name, given, 1 + 60 * radii)
    assert len(got) == 60
    assert read_gld(name, got, given) == 60
    assert len(np.unique(got, axis=0)) > 5
    for mutant in ("forget", *(["one", "first"] if radii > 1 else [])):
        assert read_gld(name, got, given, mutant) < 60
    assert (read_gld(name, got, given, "constant") < 60) == (name == "gld-fast")


@pytest.mark.parametrize(("name", "given"), GLD_CASES)
def test_gld_asks_at_its_radii(name, given):
    radii = len(gld_radii(name, given, 0))
    path = np.vstack([START, iterates(name, given, 1 + 30 * radii)])
    asked = queries(name, given, 1 + 30 * radii)[1:].reshape(30, radii, DIM)
    lengths = np.linalg.norm(asked - path[:-1, None, :], axis=2)
    expected = np.array([gld_radii(name, given, k) for k in range(30)])
    if given.get("law") == "gaussian":
        # |s|^2 is of mean 1, and some are longer than the radius
        square = (lengths / expected) ** 2
        assert abs(square.mean() - 1.0) < 5.0 * math.sqrt(2.0 / DIM / square.size)
        assert square.max() > 1.0
    else:
        np.testing.assert_allclose(lengths, expected, rtol=1e-9)


def test_gld_scales_with_space():
    for name, given in (("gld-search", {"R": 0.25, "r": 0.25e-3}), ("gld-fast", {"R": 0.25})):
        shrunk = iterates(name, given, 400, lambda x: banana(4.0 * x), START / 4.0)
        assert np.array_equal(4.0 * shrunk, iterates(name, {}, 400))


def test_gld_settles_its_formulas():
    setting = Setting(10, 100, zobench.problem("quadratic").certificates)

    def settled(name, **given):
        return solver(name).settled(solver(name).choose(given), setting)

    # log2(4 sqrt(100)) = 5.3; 10 * 100 * log2(100) = 6643.9
    assert settled("gld-fast")[2:4] == (6, 6644)
    assert settled("gld-fast", Q=4)[2:4] == (3, 80)
    assert settled("gld-fast", K=2, H=9)[2:4] == (2, 9)
    for R, r, cost in [(1.0, 1e-3, 11), (1.0, 1.0, 1), (1.0, 0.25, 3), (1.0, 0.2, 4), (3.0, 0.75, 3)]:
        assert solver("gld-search").cost(settled("gld-search", R=R, r=r), setting) == cost
    with pytest.raises(zobench.ZobenchError, match=re.escape("r must be <= R = 0.1, got 1")):
        settled("gld-search", R=0.1, r=1.0)


def test_gld_search_falls_as_its_bound_promises():
    # E f(x_K) - f_star <= (1 - 0.37 mu / (L d))^K D0 + Gmin^2 / (2 mu) with Gmin = L sqrt(d) r_J / 1.7; by
    # Jensen the mean of the logarithm is smaller still, and has no heavy tails
    d, steps, r = 4, 150, 1e-6
    instance = zobench.problem("quadratic", dim=d, condition=3)
    known = {name: instance.certificates[name].value for name in ("L", "mu", "f_star")}
    falls, radii = [], math.ceil(math.log2(4.0 / r)) + 1
    for seed in range(20):
        trace = zobench.run(
            instance, "gld-search", budget=1 + steps * radii, seed=seed, parameters={"R": 4.0, "r": r}
        )
        falls.append(math.log((trace.value - known["f_star"]) / (trace.start - known["f_star"])))
    assert 4.0 >= 0.85 * math.sqrt(2.0 * (trace.start - known["f_star"]) / (known["L"] * d))
    gmin = known["L"] * math.sqrt(d) * 4.0 * 0.5 ** (radii - 1) / 1.7
    floor = gmin**2 / (2 * known["mu"]) / (trace.start - known["f_star"])
    bound = math.log((1 - 0.37 * known["mu"] / (known["L"] * d)) ** steps + floor)
    assert np.mean(falls) < bound
    # with one radius there is no such fall
    trace = zobench.run(instance, "gld-search", budget=1 + steps, parameters={"R": 1.0, "r": 1.0})
    assert math.log(trace.value / trace.start) > bound


# All of them


@pytest.mark.parametrize("name", COMPARING)
def test_comparison_methods_do_not_see_a_monotone_transform(name):
    plain = queries(name, {}, 200)
    assert np.array_equal(plain, queries(name, {}, 200, lambda x: math.asinh(banana(x))))
    assert not np.array_equal(plain, queries(name, {}, 200, lambda x: -banana(x)))


@pytest.mark.parametrize("name", COMPARING)
def test_monotone_methods_never_go_uphill(name):
    values = [banana(START), *map(banana, iterates(name, {}, 800))]
    assert np.all(np.diff(values) <= 0.0)
    assert values[-1] < values[0]


COSTS = [
    ("vs2p", {}, 2),
    ("pure-random-search", {}, 1),
    ("one-plus-one-es", {}, 1),
    ("accelerated-random-gradient-free", FG, 2),
    ("accelerated-random-gradient-free", {**FG, "difference": "central"}, 2),
    ("gld-search", {}, 11),
    ("gld-search", {"R": 2.0, "r": 0.3}, 4),
    ("gld-fast", {}, 13),
    ("gld-fast", {"K": 2}, 5),
]


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
    zobench.minimize(
        log,
        START,
        solver=name,
        budget=1 + 20 * cost,
        parameters=given,
        callback=lambda x: counts.append(0),
    )
    # what `init` asks comes on top of the first step
    assert counts[1:20] == [cost] * 19
    assert counts[0] in (cost, cost + 1)


@pytest.mark.parametrize(("name", "given", "cost"), COSTS)
def test_where_queries_vary_a_kept_value_is_asked_again(name, given, cost):
    noisy = zobench.problem("quadratic", dim=DIM, noise="heavy-tailed", noise_level=0.1)
    # the first step of pure random search has no value yet
    again, spared = cost + (name in [*COMPARING, "pure-random-search"]), name == "pure-random-search"
    trace = zobench.run(noisy, name, budget=again * 30 - spared, parameters=given)
    assert (trace.count, trace.steps) == (again * 30 - spared, 30)


MEMORY = [
    ("vs2p", {}, 3 + 10 / 10**6, "3 vectors, and W numbers"),
    ("pure-random-search", {}, 3 + 2 / 10**6, "3 vectors, and 2 numbers"),
    ("one-plus-one-es", {}, 3, "3 vectors"),
    ("accelerated-random-gradient-free", {}, 4, "4 vectors"),
    ("gld-search", {}, 3, "3 vectors"),
    ("gld-fast", {}, 3, "3 vectors"),
]


@pytest.mark.parametrize(("name", "given", "vectors", "words"), MEMORY)
def test_memory_is_as_documented(name, given, vectors, words):
    made = solver(name)
    assert made.vectors(made.choose(given), 10**6) == pytest.approx(vectors, rel=1e-12)
    assert f"Memory: {words}." in " ".join(inspect.getmodule(made.step).__doc__.split())


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("vs2p", {"window": 1}, "solver 'vs2p': window must be a whole number >= 2 and <= 1000000, got 1"),
        ("vs2p", {"decay": "cosine"}, "decay must be one of 'linear', 'inverse-root', 'constant'"),
        ("vs2p", {"tau": 3}, "did you mean 'tau_"),
        ("pure-random-search", {"R": 0}, "solver 'pure-random-search': R must be a number > 0, got 0"),
        ("one-plus-one-es", {"growth": 1}, "growth must be a number > 1, got 1"),
        ("one-plus-one-es", {"success": 1}, "success must be a number > 0 and < 1, got 1"),
        ("accelerated-random-gradient-free", {"mu": -1}, "mu must be a number >= 0, or 'certified'"),
        ("gld-search", {"r": 0}, "r must be a number > 0, got 0"),
        ("gld-search", {"radius": 1}, "solver 'gld-search'"),
        ("gld-fast", {"Q": 1}, "Q must be a number > 1, got 1"),
    ],
)
def test_bad_parameters_are_named(name, given, told):
    with pytest.raises(zobench.ZobenchError, match=re.escape(told)):
        solver(name).choose(given)
