"""ZO-SVRG against a plain NumPy reading version, and the variance that it is for, measured."""

import dataclasses

import numpy as np
import pytest

import zobench
from zobench.certificate import Certificates
from zobench.directions import constants, draw
from zobench.driver import Run
from zobench.objective import objective_of
from zobench.oracle import hold, query
from zobench.solver import Setting, solver
from zobench.stream import Stream, digest, hashed_word

KEY = "a reading"
SVRG = solver("zo-svrg")
GIVEN = {"batch": 3, "inner": 4, "step_size": 0.01, "radius": 1e-2}


def banana(x):
    """A smooth nonconvex function with no symmetry that could hide a wrong sign."""
    return float(np.sum((1.0 - x) ** 2) + 3.0 * np.sum((x[1:] - x[:-1] ** 2) ** 2) + 0.3 * x[0])


def prepare(objective, x0, given, budget, method=SVRG):
    """Lay a run out over a callable or an instance."""
    made = objective_of(objective, x0.size)
    setting = Setting(x0.size, budget, Certificates(), made.varies)
    parameters = method.settled(method.choose(given), setting)
    return Run(made, method, parameters, np.array(x0), budget, KEY)


def iterates(going, steps):
    """Give x_0 ... x_K."""
    points = [going.x.copy()]
    for _ in range(steps):
        going.advance(steps=1)
        points.append(going.x.copy())
    return np.array(points)


def asked(going, steps):
    """Give the queries of each step."""
    counts = [0]
    for _ in range(steps):
        going.advance(steps=1)
        counts.append(int(going.oracle["count"][0]))
    return np.diff(counts)


def drawn(stream, law, dim):
    z = stream.normals(dim)
    return z if law == "gaussian" else z * np.sqrt(dim / (z @ z)) / (np.sqrt(dim) if "unit" in law else 1.0)


def estimate(f, x, directions, p, scale):
    """The mean of the two-point estimates along some directions."""
    rho = p.radius
    if p.difference == "forward":
        slopes = [(f(x + rho * s) - f(x)) / rho for s in directions]
    else:
        slopes = [(f(x + rho * s) - f(x - rho * s)) / (2 * rho) for s in directions]
    return scale * np.mean([slope * s for slope, s in zip(slopes, directions, strict=True)], axis=0)


def furthest(got, f, p, varies, mutant=""):
    """The largest distance of an iterate from where the algorithm sends the one before."""
    d, stream, worst = got.shape[1], Stream(KEY, "solver"), 0.0
    scale = d / constants(p.law, d).m2 if mutant != "scale" else 1.0
    reduced = p.snapshots == "always" or (p.snapshots == "sampled" and varies)
    epoch = p.batch + p.inner + (mutant == "epoch")
    for k, x in enumerate(got[:-1]):
        word = int(hashed_word(digest(KEY, "noise")[0], k + 1)) if varies else 0
        word -= 2**64 if word >= 2**63 else 0

        def held(point, word=word):
            return f(point, word)

        directions = [drawn(stream, p.law, d) for _ in range(p.probes)]
        here, place = estimate(held, x, directions, p, scale), k % epoch
        if reduced and place == 0 and not (mutant == "first" and k > 0):
            snapshot, g = x, np.zeros(d)
        if reduced and place < p.batch:
            g = g + here / (1 if mutant == "batch" else p.batch)
            following = x
        else:
            v = here
            if reduced:
                signs = -1.0 if mutant == "added" else 1.0
                v = here - signs * estimate(held, snapshot, directions, p, scale)
                v = v if mutant == "forgotten" else v + g
            following = x - (-1.0 if mutant == "uphill" else 1.0) * p.step_size * v
        worst = max(worst, float(np.abs(got[k + 1] - following).max()))
    return worst


DETERMINISTIC = [
    {**GIVEN, "snapshots": "always"},
    {**GIVEN, "snapshots": "always", "difference": "central", "probes": 3, "law": "gaussian"},
    {**GIVEN, "snapshots": "always", "probes": 2, "law": "unit-sphere"},
    {**GIVEN, "snapshots": "never", "probes": 2},
    {**GIVEN, "difference": "central"},
]
REDUCED = DETERMINISTIC[:3]


def deterministic(given, steps=28):
    going = prepare(banana, np.full(5, 0.3), given, 1000)
    return iterates(going, steps), (lambda x, word: banana(x)), going.parameters, False


def sampled(given, steps=28):
    instance = zobench.problem("softmax-regression", data="iris", batch=2)
    x0 = np.linspace(-1.0, 1.0, instance.dim)
    going = prepare(instance, x0, {**given, "step_size": 0.05}, 1000)
    return iterates(going, steps), instance.sample, going.parameters, True


@pytest.mark.parametrize("given", DETERMINISTIC)
def test_it_agrees_with_its_reading_version(given):
    assert furthest(*deterministic(given)) < 1e-10


@pytest.mark.parametrize("given", [GIVEN, {**GIVEN, "probes": 3, "difference": "central", "law": "gaussian"}])
def test_it_agrees_with_its_reading_version_over_samples(given):
    # the reading version knows which sample a step holds: both its estimates use that one
    read = sampled(given)
    assert furthest(*read) < 1e-10
    assert np.ptp(read[0], axis=0).max() > 1e-3


@pytest.mark.parametrize("mutant", ["epoch", "first", "batch", "added", "forgotten", "uphill"])
@pytest.mark.parametrize("given", REDUCED)
def test_it_differs_from_every_mutant(given, mutant):
    assert furthest(*deterministic(given), mutant) > 1e-4


def test_the_scale_of_the_law_matters():
    assert furthest(*deterministic(REDUCED[2]), "scale") > 1e-4


@pytest.mark.parametrize("form", ["forward", "central"])
@pytest.mark.parametrize("probes", [1, 4])
def test_a_step_asks_what_is_documented(form, probes):
    given = {**GIVEN, "difference": form, "probes": probes}
    one = probes + 1 if form == "forward" else 2 * probes
    epoch = [one] * 3 + [2 * one] * 4
    instance = zobench.problem("softmax-regression", data="iris", batch=2)
    noisy = zobench.problem("quadratic", dim=5, noise="gaussian", noise_level=0.1)
    for objective, more, expected in [
        (banana, {}, [one] * 7),
        (banana, {"snapshots": "always"}, epoch),
        (instance, {}, epoch),
        (noisy, {}, epoch),
        (instance, {"snapshots": "never"}, [one] * 7),
    ]:
        x0 = np.full(5, 0.3) if objective is banana else np.array(objective.x0)
        going = prepare(objective, x0, {**given, **more}, 1000)
        assert SVRG.cost(going.parameters, going._setting()) == max(expected)
        assert list(asked(going, 14)) == 2 * expected


def test_where_nothing_varies_it_is_the_two_point_method():
    points = {}
    for name, given in {
        "zo-svrg": {"difference": "central", "step_size": 0.003, "probes": 2, "radius": 1e-3},
        "spsa": {"rule": "constant", "law": "sphere", "probes": 2, "a": 0.003, "c": 1e-3},
    }.items():
        points[name] = iterates(prepare(banana, np.full(5, 0.3), given, 400, solver(name)), 60)
    np.testing.assert_allclose(points["zo-svrg"], points["spsa"], rtol=1e-9)


def test_the_defaults():
    setting = Setting(30, 1000, {})
    p = SVRG.settle(SVRG.choose({"L": 2.0}), setting)
    assert (p.step_size, p.scale, p.inner) == (1 / 60, 1.0, 12)  # 20 * 30 / (20 + 30) steps
    p = SVRG.settle(SVRG.choose({"L": 2.0, "probes": 3, "law": "gaussian", "inner": 7}), setting)
    assert (p.step_size, p.inner) == (3 / 68, 7)
    assert SVRG.settle(SVRG.choose({"step_size": 0.1}), setting).L == 0.0


# What it is for.

BATCH, INNER, PROBES = 10, 10, 2
TINY = 1e-7  # x stays at the snapshot to seven digits, and a step still shows the estimate to eight


def foreign(oracle, state, parameters, k, stream):
    """The mutant whose estimate at the snapshot has directions of its own."""
    hold(oracle)
    place = k % (parameters.batch + parameters.inner)
    if place == 0:
        state.snapshot[:] = state.x
        state.g[:] = 0.0
    state.v[:] = 0.0
    for _ in range(parameters.probes):
        for turn in range(2):
            if turn == 1 and place < parameters.batch:
                break
            draw(stream, parameters.law, state.s)
            point = state.x if turn == 0 else state.snapshot
            for i in range(point.size):
                state.trial[i] = point[i] + parameters.radius * state.s[i]
            slope = (query(oracle, state.trial) - query(oracle, point)) / parameters.radius
            for i in range(point.size):
                state.v[i] += (1.0 - 2.0 * turn) * slope * state.s[i] / parameters.probes
    for i in range(state.x.size):
        if place < parameters.batch:
            state.g[i] += state.v[i] / parameters.batch
        else:
            state.x[i] -= parameters.step_size * (state.v[i] + state.g[i])


def estimates(method, snapshots, step_size, seeds=60):
    """The estimates of the gradient in the moving steps of the first epoch, and the iterates, by seed."""
    instance = zobench.problem("softmax-regression", data="iris", batch=1)
    given = {"batch": BATCH, "inner": INNER, "probes": PROBES, "radius": 1e-4}
    found, points = [], []
    for seed in range(seeds):
        x0 = np.linspace(-0.5, 0.5, instance.dim)
        going = prepare(
            instance, x0, {**given, "snapshots": snapshots, "step_size": step_size}, 10**4, method
        )
        going = dataclasses.replace(going, stream_key=f"seed {seed}")
        path = iterates(going, BATCH + INNER)[-INNER - 1 :]
        found.append(-np.diff(path, axis=0) / step_size)
        points.append(path[:-1])
    return instance, np.array(found), np.array(points)


def mean_square(instance, found, points):
    """E|estimate - grad f(x)|^2."""
    exact = np.array([[instance.gradient(x) for x in path] for path in points])
    return float(((found - exact) ** 2).sum(axis=2).mean())


def test_near_the_snapshot_the_variance_is_a_fraction_of_the_two_point_methods():
    plain, reduced, mutant = (
        mean_square(*estimates(method, snapshots, TINY))
        for method, snapshots in [
            (SVRG, "never"),
            (SVRG, "sampled"),
            (dataclasses.replace(SVRG, step=foreign), "sampled"),
        ]
    )
    # what remains is the variance of the mean over `batch` samples: one 10th, up to sampling error
    assert 0.5 / BATCH < reduced / plain < 2.0 / BATCH
    # with directions of their own the two estimates of a step do not cancel
    assert mutant / plain > 1.0


def test_the_rest_of_the_variance_vanishes_with_the_distance_from_the_snapshot():
    # within an epoch, g held: what varies is the difference of the two estimates of a step
    _, plain, _ = estimates(SVRG, "never", TINY, 20)
    spreads = []
    for step_size in (1e-3, 1e-5, 1e-7):
        _, found, _ = estimates(SVRG, "sampled", step_size, 20)
        spreads.append(found.var(axis=1).sum(axis=1).mean())
    assert spreads[0] < 1e-2 * plain.var(axis=1).sum(axis=1).mean()
    # the distance in the square
    assert 1e-5 < spreads[1] / spreads[0] < 1e-3
    assert spreads[2] < 1e-3 * spreads[1]


def test_it_comes_closer_than_the_two_point_method_at_the_same_step_size():
    instance = zobench.problem("softmax-regression", data="iris", batch=1)
    lowest = instance.certificates.value("f_star")
    gaps = {
        snapshots: np.mean(
            [
                zobench.run(
                    instance,
                    SVRG,
                    budget=20_000,
                    seed=seed,
                    parameters={"snapshots": snapshots, "batch": 100},
                ).value
                - lowest
                for seed in range(8)
            ]
        )
        for snapshots in ("sampled", "never")
    }
    assert gaps["sampled"] < 0.6 * gaps["never"]
