"""The course's exercises: right answers are right, foreseeable mistakes hear what is wrong with them."""

import math
from dataclasses import replace
from fractions import Fraction
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
from zobench.theorem import Cell, Theorem

GLOBAL = np.random.default_rng(9)


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


class Counted:
    def __init__(self, f):
        self.f, self.queries = f, 0

    def __call__(self, x):
        self.queries += 1
        return self.f(x)


def asks_twice(f):
    def wrapped(x):
        wrapped.queries += 1
        f(x)
        return f(x)

    wrapped.queries = 0
    return wrapped


def unscaled_questions(f, x, alpha, s):
    return x + alpha * s if f(x + s) < f(x - s) else x - alpha * s


def leaves(*arguments):
    raise SystemExit(3)


def padded(rng, d):
    return np.concatenate([on_the_sphere(rng, 2), np.zeros(d - 2)])


def right_in_the_plane(rng, d):
    return on_the_sphere(rng, d) if d == 2 else off_a_cube(rng, d)


def bent(gamma, l0, l1):
    return abs(gamma) / (l0 + l1 * abs(gamma))


RIGHT = {
    "forward-differences": [31, 31.0, np.float32(31), np.int64(31), np.array(31), [31], Fraction(31)],
    "stp-steps": [500, (1001 - 1) / 2],
    "count": [counted, Counted],
    "two-point-step": [better, lambda f, x, a, s: x + a * s if f(x + a * s) < f(x - a * s) else x - a * s],
    "queries-of-a-run": [1000],
    "scaled-objective": ["same", " Same"],
    "gaussian-slope": [math.sqrt(2 / math.pi), 0.798, np.float32(0.79788)],
    "price-of-dimension": [100, (1000**0.5 / 10**0.5) ** 2, np.float32(10.0) ** 2],
    "unit-direction": [on_the_sphere],
    "best-scale": [2],
    "ten-times-too-long": [5.05],
    "what-stalls": ["floor"],
    "cosh-constants": [(1, 1), [1.0, 1.0], np.ones(2, dtype=np.float32)],
    "clipped-length": [bent, lambda gamma, l0, l1: np.float32(bent(gamma, l0, l1))],
    "sign-trick": [0],
    "theorems-mean": [lambda norms: norms.mean(axis=1), lambda norms: [sum(row) / len(row) for row in norms]],
    "e-value": [bets],
    "how-rich": [1000],
    "tight-instance": ["not refuted", "Not-refuted"],
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
    ("forward-differences", "31", "without quotes"),
    ("forward-differences", True, "real number"),
    ("forward-differences", float("nan"), "got nan"),
    ("forward-differences", 10**400, "too large"),
    ("forward-differences", 31j, "real number"),
    ("stp-steps", 333, "remembered"),
    ("stp-steps", 500.5, "very first"),
    ("stp-steps", 250, "take off"),
    ("count", asks_twice, "asked 4 times"),
    ("count", lambda f: None, "attribute"),
    ("count", leaves, "SystemExit: 3"),
    ("count", lambda f: f, "`queries`"),
    ("count", 3, "function"),
    ("count", lambda f: counted(f, start=1), "before the first call"),
    ("count", lambda f: counted(f, also=math.isfinite), "it counts"),
    ("count", lambda f: counted(lambda x: 2 * f(x)), "unchanged"),
    ("two-point-step", lambda f, x, a, s: max(x + a * s, x - a * s, key=f), "worse"),
    ("two-point-step", lambda f, x, a, s: min(x, x + a * s, x - a * s, key=f), "exactly two"),
    ("two-point-step", in_place, "x itself was changed"),
    ("two-point-step", lambda f, x, a, s: (f(x), f(s)) and None, "return the new point"),
    ("two-point-step", lambda f, x, a, s: min(x + s, x - s, key=f), "it must ask"),
    ("two-point-step", lambda f, x, a, s: 1 / 0, "ZeroDivisionError"),
    ("two-point-step", unscaled_questions, "it must ask"),
    ("two-point-step", lambda f, x, a, s: (better(f, x, a, s), 0.0), "shape (2,)"),
    ("two-point-step", None, "called as step(f, x, alpha, s)"),
    ("two-point-step", lambda f, x: x, "positional"),
    ("queries-of-a-run", 1500, "remembers"),
    ("queries-of-a-run", 1001, "f(x0)"),
    ("scaled-objective", "longer", "comparison"),
    ("scaled-objective", "perhaps", "one of"),
    ("scaled-objective", ["same"], "one of"),
    ("gaussian-slope", 1.0, "modulus"),
    ("gaussian-slope", 0.8, "three digits"),
    ("gaussian-slope", 0.3, "integrate"),
    ("price-of-dimension", 10, "not sqrt"),
    ("unit-direction", off_a_cube, "likelier"),
    ("unit-direction", lambda rng, d: rng.standard_normal(d), "length must be 1"),
    ("unit-direction", lambda rng, d: abs(on_the_sphere(rng, d)), "mean must be 0"),
    ("unit-direction", lambda rng, d: np.sign(on_the_sphere(rng, d)) / math.sqrt(d), "likelier"),
    ("unit-direction", lambda rng, d: on_the_sphere(rng, 2), "shape (5,)"),
    ("unit-direction", padded, "likelier"),
    ("unit-direction", right_in_the_plane, "likelier"),
    ("unit-direction", lambda rng, d: on_the_sphere(np.random.default_rng(3), d), "mean must be 0"),
    ("unit-direction", lambda rng, d: on_the_sphere(GLOBAL, d), "the same rng"),
    ("best-scale", math.sqrt(2.0), "derivative"),
    ("best-scale", 3, "too large: put the derivative"),
    ("ten-times-too-long", 10, "smaller"),
    ("what-stalls", "sinks", "far side"),
    ("cosh-constants", (1, 0.5), "curvature"),
    ("cosh-constants", (0.9, 1), "at x = 0 "),
    ("cosh-constants", (2, 1), "L0 can be smaller"),
    ("cosh-constants", (1, 1.5), "L1 can be smaller"),
    ("cosh-constants", 1, "pair"),
    ("cosh-constants", "11", "pair"),
    ("cosh-constants", (1, float("nan")), "L1 must be a number"),
    ("cosh-constants", (float("nan"), float("nan")), "L0 must be a number"),
    ("cosh-constants", (float("inf"), 1), "finite"),
    ("cosh-constants", (1, 0.999), "curvature"),
    ("clipped-length", lambda gamma, l0, l1: abs(gamma / (l0 + l1 * gamma)), "for gamma = -2.0"),
    ("clipped-length", lambda gamma, l0, l1: min(abs(gamma) / l0, 1 / l1 if l1 else 9.0), "not cut off"),
    ("clipped-length", lambda gamma, l0, l1: None, "one real number"),
    ("clipped-length", lambda gamma, l0, l1: gamma / (l0 + l1 * gamma), "never negative"),
    ("clipped-length", lambda gamma, l0, l1: abs(gamma) / l0, "never exceed"),
    ("clipped-length", lambda gamma, l0, l1: min(abs(gamma), 1.0) / (l0 + l1), "L1 = 0"),
    ("sign-trick", 2, "already"),
    ("theorems-mean", lambda norms: norms.min(axis=1), "smallest"),
    ("theorems-mean", lambda norms: norms[:, -1], "last step"),
    ("theorems-mean", np.mean, "one value for each seed"),
    ("theorems-mean", lambda norms: np.median(norms, axis=1), "mean over the steps"),
    ("theorems-mean", lambda norms: norms.mean(axis=0), "5 values"),
    ("theorems-mean", lambda norms: norms.sum(axis=1), "divide"),
    ("theorems-mean", lambda norms: norms.sum(axis=1) / 40, "7 steps"),
    ("theorems-mean", lambda norms: np.sqrt((norms**2).mean(axis=1)), "not squared"),
    ("theorems-mean", lambda norms: None, "5 values"),
    ("e-value", lambda y, b, bet: np.prod(1.0 + 0.5 * (y / b - 1.0)), "bet 0.2"),
    ("e-value", lambda y, b, bet: np.log(bets(y, b, bet)), "logarithm"),
    ("e-value", lambda y, b, bet: "rich", "number"),
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
    ("tangent", lambda u, v, z: z - tangent(u, v, z), "take it away"),
    ("tangent", lambda u, v, z: u.T @ z, "shape (6, 5)"),
    ("stalled-gradient", 1, "multiply it"),
    ("log-cosh-constant", 6, "not the sum"),
    ("own-solver", 3, "zobench.solver.Solver"),
    ("own-problem", 3, "zobench.instance.Problem"),
    ("own-theorem", 3, "zobench.theorem.Theorem"),
]

#: What nobody means as an answer.  Whatever it is, a sentence comes back, and it is not "Right".
NONSENSE = [
    None,
    "",
    "abc",
    b"x",
    object,
    object(),
    [],
    {},
    (),
    [[1], [1, 2]],
    {1},
    -7,
    1j,
    10**5000,
    float("-inf"),
]
NONSENSE += [
    leaves,
    lambda: 1,
    lambda *a: None,
    lambda *a: "x",
    lambda *a: np.zeros((3, 3, 3)),
    lambda *a: math.nan,
]


@pytest.mark.parametrize("answer", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_hears_a_sentence(answer):
    for name in exercises():
        judgement = judge(name, answer)
        assert not judgement.right
        assert judgement.words.strip()


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
    assert set(RIGHT) | {"own-solver", "own-problem", "own-theorem"} == set(exercises())
    assert {name for name, *_ in WRONG} == set(exercises())
    assert len(CHAPTERS) == 8


def test_dots_are_no_answer(capsys):
    for name in exercises():
        check(name, ...)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(exercises())
    assert all(line.startswith("Not yet: put your answer in place of the dots.") for line in lines)


def test_an_error_of_the_student_is_named_with_its_line():
    words = judge("tangent", lambda u, v, z: u @ z).words
    line = test_an_error_of_the_student_is_named_with_its_line.__code__.co_firstlineno + 1
    assert words.startswith(
        f"called as project(U, V, Z) your function raised in line {line} ValueError: matmul"
    )


def test_an_unknown_exercise_is_refused(capsys):
    check("sign-trik", 0)
    assert "did you mean 'sign-trick'" in capsys.readouterr().out
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


def by_heart(oracle, state, parameters, k, stream):
    state.x[:] = 0.0
    query(oracle, state.x)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "repeats itself"),
        ({"parameters": TooTimid}, "below 0.25"),
        ({"step": by_chance}, "global generator"),
        ({"step": by_heart}, "ask f the way"),
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


def rate(case):
    return case.constant("PL") / (case.constant("L") * (case.dim + 2))


def contracts(share):
    return lambda case, steps: case.gap * (1.0 - share * rate(case)) ** steps


HALF = Theorem(
    name="half",
    statement="E f(x_K) - f_star <= (1 - 3 mu/(4 L (d+2)))^K D0",
    proof="E t^2 |s|^2 = (d+2) |g|^2",
    source="here",
    assumes=("L", "PL", "f_star"),
    parameters=lambda case: {"step_size": 0.5 / (case.constant("L") * (case.dim + 2)), "radius": 1e-5},
    budget=lambda case: 2 * case.steps,
    bound=contracts(0.75),
    measured=lambda trace, case: trace.value - case.constant("f_star"),
    quantity="f(x_K) - f_star",
    queries_per_step=2,
    cells=(Cell("quadratic", 40, 80, tight=True),),
)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "do not refute"),
        ({"bound": contracts(1.0)}, "= 1.51, refuted"),
        ({"bound": contracts(0.5)}, "too weak"),
        ({"bound": lambda case, steps: math.nan}, "got nan"),
        ({"bound": lambda case, steps: 1 / 0}, "ZeroDivisionError"),
        ({"parameters": lambda case: {"step_size": 0.1}}, "step_size must be"),
        ({"measured": lambda trace, case: 0.0}, "`measured` gives"),
        ({"assumes": ("L", "PL", "f_star", "variance")}, "does not hold"),
    ],
)
def test_an_own_theorem_is_run(changed, words):
    judgement = judge("own-theorem", replace(HALF, **changed))
    assert judgement.right == (not changed), judgement.words
    assert words in judgement.words
