"""The course's exercises: right answers are right, foreseeable mistakes hear what is wrong with them."""

import math
from typing import Annotated, NamedTuple

import numpy as np
import pytest

from zobench.certificate import Certificate
from zobench.directions import UNIT_SPHERE, draw
from zobench.errors import ZobenchError
from zobench.exercises import check, exercises, judge
from zobench.exercises.exercise import CHAPTERS
from zobench.instance import Parts, Problem, Vector
from zobench.oracle import query
from zobench.parameters import Real
from zobench.solver import Scalar, Solver


def counted(f, start=0, also=lambda value: True):
    def wrapped(x):
        value = f(x)
        wrapped.queries += bool(also(value))
        return value

    wrapped.queries = start
    return wrapped


def better(f, x, alpha, s):
    return min(x + alpha * s, x - alpha * s, key=f)


def in_place(f, x, alpha, s):
    x += alpha * s
    return x


def on_the_sphere(rng, d):
    s = rng.standard_normal(d)
    return s / np.linalg.norm(s)


def off_a_cube(rng, d):
    s = rng.uniform(-1.0, 1.0, d)
    return s / np.linalg.norm(s)


def bets(values, bound, bet):
    return np.prod(1.0 + bet * (values / bound - 1.0))


def tangent(u, v, z):
    return u @ u.T @ z + z @ v @ v.T - u @ u.T @ z @ v @ v.T


RIGHT = {
    "forward-differences": [31, 31.0],
    "stp-steps": [500],
    "count": [counted],
    "two-point-step": [better, lambda f, x, a, s: x + a * s if f(x + a * s) < f(x - a * s) else x - a * s],
    "queries-of-a-run": [1000],
    "scaled-objective": ["same"],
    "gaussian-slope": [math.sqrt(2 / math.pi), 0.798],
    "price-of-dimension": [100],
    "unit-direction": [on_the_sphere],
    "best-scale": [2],
    "ten-times-too-long": [5.05],
    "what-stalls": ["floor"],
    "cosh-constants": [(1, 1)],
    "clipped-length": [lambda gamma, l0, l1: abs(gamma) / (l0 + l1 * abs(gamma))],
    "sign-trick": [0],
    "theorems-mean": [lambda norms: norms.mean(axis=1)],
    "e-value": [bets],
    "how-rich": [1000],
    "tight-instance": ["not refuted"],
    "manifold-dimension": [201],
    "tangent": [tangent],
    "stalled-gradient": [0.0],
    "log-cosh-constant": [3],
}

#: (exercise, answer, words that it must be met with)
WRONG = [
    ("forward-differences", 30, "itself"),
    ("forward-differences", 60, "central"),
    ("forward-differences", 29, "too small"),
    ("forward-differences", "31", "number"),
    ("stp-steps", 333, "remembered"),
    ("stp-steps", 500.5, "very first"),
    ("count", lambda f: f, "`queries`"),
    ("count", 3, "function"),
    ("count", lambda f: counted(f, start=1), "before the first call"),
    ("count", lambda f: counted(f, also=math.isfinite), "it counts"),
    ("count", lambda f: counted(lambda x: 2 * f(x)), "unchanged"),
    ("two-point-step", lambda f, x, a, s: max(x + a * s, x - a * s, key=f), "worse"),
    ("two-point-step", lambda f, x, a, s: min(x, x + a * s, x - a * s, key=f), "exactly two"),
    ("two-point-step", in_place, "x itself was changed"),
    ("two-point-step", lambda f, x, a, s: (f(x), f(s)) and None, "return the new point"),
    ("two-point-step", lambda f, x, a, s: min(x + s, x - s, key=f), "the better point is"),
    ("two-point-step", lambda f, x, a, s: 1 / 0, "ZeroDivisionError"),
    ("queries-of-a-run", 1500, "remembers"),
    ("scaled-objective", "longer", "comparison"),
    ("scaled-objective", "perhaps", "one of"),
    ("gaussian-slope", 1.0, "modulus"),
    ("price-of-dimension", 10, "not sqrt"),
    ("unit-direction", off_a_cube, "likelier"),
    ("unit-direction", lambda rng, d: rng.standard_normal(d), "length must be 1"),
    ("unit-direction", lambda rng, d: abs(on_the_sphere(rng, d)), "mean must be 0"),
    ("unit-direction", lambda rng, d: np.sign(on_the_sphere(rng, d)) / math.sqrt(d), "likelier"),
    ("unit-direction", lambda rng, d: on_the_sphere(rng, 2), "every dimension"),
    ("best-scale", math.sqrt(2.0), "derivative"),
    ("ten-times-too-long", 10, "smaller"),
    ("what-stalls", "sinks", "far side"),
    ("cosh-constants", (1, 0.5), "curvature"),
    ("cosh-constants", (0.9, 1), "at x = 0 "),
    ("cosh-constants", (2, 1), "L0 can be smaller"),
    ("cosh-constants", (1, 1.5), "L1 can be smaller"),
    ("cosh-constants", 1, "pair"),
    ("clipped-length", lambda gamma, l0, l1: gamma / (l0 + l1 * gamma), "never negative"),
    ("clipped-length", lambda gamma, l0, l1: abs(gamma) / l0, "never exceed"),
    ("clipped-length", lambda gamma, l0, l1: min(abs(gamma), 1.0) / (l0 + l1), "L1 = 0"),
    ("sign-trick", 2, "already"),
    ("theorems-mean", lambda norms: norms.min(axis=1), "smallest"),
    ("theorems-mean", lambda norms: norms[:, -1], "last step"),
    ("theorems-mean", np.mean, "one value for each seed"),
    ("theorems-mean", lambda norms: np.median(norms, axis=1), "mean over the steps"),
    ("theorems-mean", lambda norms: norms.mean(axis=0), "5 values"),
    ("e-value", lambda y, b, bet: np.mean(1.0 + bet * (y / b - 1.0)), "multiply"),
    ("e-value", lambda y, b, bet: 1.0 + bet * (y / b - 1.0), "one number"),
    ("e-value", lambda y, b, bet: bets(y, 1.0, bet), "twice as large"),
    ("how-rich", 0.001, "inverse"),
    ("tight-instance", "supported", "may well lie above"),
    ("tight-instance", "confirmed", "no finite sample"),
    ("manifold-dimension", 210, "turn"),
    ("manifold-dimension", 1200, "all 40 x 30"),
    ("tangent", lambda u, v, z: u @ u.T @ z @ v @ v.T, "may turn"),
    ("tangent", lambda u, v, z: u @ u.T @ z + z @ v @ v.T, "twice"),
    ("tangent", lambda u, v, z: 0.5 * tangent(u, v, z), "second time"),
    ("tangent", lambda u, v, z: u @ u.T @ z, "compare with"),
    ("stalled-gradient", 1, "multiply it"),
    ("log-cosh-constant", 6, "not the sum"),
    ("own-solver", 3, "zobench.solver.Solver"),
    ("own-problem", 3, "zobench.instance.Problem"),
]


@pytest.mark.parametrize(("name", "answer"), [(name, each) for name in RIGHT for each in RIGHT[name]])
def test_right_answers(name, answer):
    judgement = judge(name, answer)
    assert judgement.right, judgement.words
    assert judgement.words == exercises()[name].why


@pytest.mark.parametrize(("name", "answer", "words"), WRONG)
def test_mistakes_hear_what_is_wrong(name, answer, words):
    judgement = judge(name, answer)
    assert not judgement.right
    assert words in judgement.words


def test_every_exercise_is_tried_both_ways():
    assert set(RIGHT) | {"own-solver", "own-problem"} == set(exercises())
    assert {name for name, *_ in WRONG} == set(exercises())
    assert len(CHAPTERS) == 8


def test_dots_are_no_answer(capsys):
    for name in exercises():
        check(name, ...)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(exercises())
    assert all(line.startswith("Not yet: put your answer in place of the dots.") for line in lines)


def test_an_unknown_exercise_is_refused():
    with pytest.raises(ZobenchError, match="did you mean 'sign-trick'"):
        judge("sign-trik", 0)


class Steps(NamedTuple):
    alpha: Annotated[float, Real(0.0, open=True)] = 0.3


class State(NamedTuple):
    x: Vector
    trial: Vector
    value: Scalar


def begin(oracle, state, parameters, k, stream):
    state.value[0] = query(oracle, state.x)


def accept(oracle, state, parameters, k, stream):
    draw(stream, UNIT_SPHERE, state.trial)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + parameters.alpha * state.trial[i]
    value = query(oracle, state.trial)
    if value < state.value[0]:
        state.value[0] = value
        state.x[:] = state.trial


def own_solver(**changed):
    parts = {"name": "own", "summary": "accepts what is better", "step": accept, "init": begin}
    parts |= {"state": State, "parameters": Steps, "cost": lambda parameters, setting: 1, "source": "here"}
    return Solver(**(parts | changed))


class TooTimid(NamedTuple):
    alpha: Annotated[float, Real(0.0, open=True)] = 1e-6


def by_chance(oracle, state, parameters, k, stream):
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + 0.3 * np.random.standard_normal()  # noqa: NPY002
    value = query(oracle, state.trial)
    if value < state.value[0]:
        state.value[0] = value
        state.x[:] = state.trial


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "repeats itself"),
        ({"parameters": TooTimid}, "below 0.25"),
        ({"step": by_chance}, "global generator"),
    ],
)
def test_an_own_solver_is_tried(changed, words):
    judgement = judge("own-solver", own_solver(**changed))
    assert judgement.right == (not changed)
    assert words in judgement.words


class Weights(NamedTuple):
    a: Vector


def own_objective(x, data):
    total = 0.0
    for i in range(x.size):
        total += data.a[i] * np.log(np.cosh(x[i]))
    return total


def own_gradient(x, data, out):
    for i in range(x.size):
        out[i] = data.a[i] * np.tanh(x[i])


def own_problem(claimed):
    def make(dim, rng, parameters):
        proofs = () if claimed is None else (Certificate("L", claimed, "a_i / cosh^2 <= a_i."),)
        return Parts(np.ones(dim), Weights(np.arange(1.0, dim + 1)), proofs, np.zeros(dim))

    return Problem("own", "a sum", own_objective, make, source="here", data=Weights, gradient=own_gradient)


@pytest.mark.parametrize(
    ("claimed", "words"), [(3.0, "withstood"), (2.0, "L = 2 is FALSE"), (None, "must certify L")]
)
def test_an_own_problem_is_attacked(claimed, words):
    judgement = judge("own-problem", own_problem(claimed))
    assert judgement.right == (claimed == 3.0)
    assert words in judgement.words
