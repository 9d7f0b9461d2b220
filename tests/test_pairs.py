"""Two queries asked together, and runs in lock-step: the bits, counts and records of one at a time."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

import zobench
from zobench import lockstep
from zobench.certificate import Certificate
from zobench.directions import draw
from zobench.driver import Run
from zobench.execute import key_of, run_seeds, run_together
from zobench.instance import Parts, Problem, Vector
from zobench.objective import objective_of
from zobench.oracle import hold, query, query_along, query_pair
from zobench.parallel.workers import _chunks, run_keys
from zobench.registry import catalogue
from zobench.solver import Solver
from zobench.solver import solver as solver_of
from zobench.views import row_of

#: Parameters under which each problem with `many` is tried: from one number up, sizes that fill no block.
CASES = {
    "softmax-regression": [
        {"data": "iris"},
        {"data": "synthetic", "samples": 1, "features": 1, "classes": 2},
        {"data": "synthetic", "samples": 130, "features": 7, "classes": 5},
        {"data": "synthetic", "samples": 65, "features": 37, "classes": 9},
    ],
    "logistic-regression": [
        {},
        {"data": "synthetic", "dim": 1, "samples": 1},
        {"data": "synthetic", "dim": 35, "samples": 65},
    ],
    "ridge-regression": [
        {},
        {"data": "synthetic", "dim": 1, "samples": 1},
        {"data": "synthetic", "dim": 37, "samples": 70},
    ],
    "robust-regression": [{}, {"dim": 1, "samples": 2}, {"loss": "cauchy", "dim": 34, "samples": 63}],
    "mlp": [{"data": "iris", "batch": 0}, {"data": "diabetes", "batch": 0, "hidden": 3}],
    "low-rank-mlp": [{"data": "iris", "batch": 0}, {"data": "diabetes", "batch": 0, "layers": 2}],
    "teacher-student": [
        {},
        {"inputs": 1, "hidden": 1, "samples": 1},
        {"inputs": 33, "hidden": 5, "samples": 65},
        {"layers": 2, "samples": 70},
    ],
    "softmax-attention": [
        {},
        {"rows": 2, "dim": 1},
        {"blocks": 3, "rows": 9, "dim": 5},
        {"rows": 64, "dim": 37},
        {"blocks": 2, "rows": 1101, "dim": 6},
    ],
}
QUICK = ("softmax-regression",)


def test_every_problem_that_evaluates_many_is_tried():
    having = {name for name, problem in catalogue("problems").items() if getattr(problem, "many", None)}
    assert having == set(CASES)


def test_values_together_are_those_of_the_formula():
    instance = zobench.problem("softmax-regression", data="synthetic", samples=65, features=37, classes=9)
    points = instance.x0 + np.random.default_rng(1).standard_normal((9, instance.dim))
    scores = instance.data.rows[:65] @ points[0].reshape(37, 9)
    shifted = scores - scores.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(65), instance.data.labels.astype(int)]
    losses = np.log(np.exp(shifted).sum(axis=1)) - chosen
    other = losses.mean() + 0.5 * instance.data.ridge * points[0] @ points[0]
    found = instance._functions.values(points)[0]
    assert found == pytest.approx(other, rel=1e-13)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_many_values_have_the_bits_of_each(name):
    for chosen in CASES[name]:
        instance = zobench.problem(name, **chosen)
        value, values = instance._functions.value, instance._functions.values
        rng = np.random.default_rng(1)
        for count in (1, 2, 3, 4, 5, 9):
            points = instance.x0 + rng.standard_normal((count, instance.dim))
            alone = np.array([value(x) for x in points])
            assert np.array_equal(values(points), alone)
            assert np.array_equal(values(np.repeat(points, 2, axis=0)[::2]), alone), "rows further apart"
            assert np.array_equal(values(points[::-1].copy()), alone[::-1])
            assert np.unique(alone).size == count
        points = instance.x0 + rng.standard_normal((6, instance.dim))
        points[1, 0], points[3, -1] = np.nan, np.inf
        points[4] *= 1e200
        found = values(points)
        assert np.isnan(found[1])
        assert np.array_equal(found, [value(x) for x in points], equal_nan=True)
        assert np.isfinite(found[::2][:2]).all(), "NaN stays with its own point"


# --- the oracle ----------------------------------------------------------------------------------


class State(NamedTuple):
    x: Vector
    s: Vector
    trial: Vector


def ask_in_turn(oracle, x, y):
    value = query(oracle, x)
    return value, query(oracle, y)


def ask_backwards(oracle, x, y):
    value = query(oracle, y)
    return query(oracle, x), value


def count_once(oracle, x, y):
    first, second = query_pair(oracle, x, y)
    oracle.count -= 1
    return first, second


def count_thrice(oracle, x, y):
    first, second = query_pair(oracle, x, y)
    query(oracle, x)
    return first, second


def stepping(ask):
    """Make a step that asks about x +- 0.3 s with `ask` and goes to the better."""

    def step(oracle, state, parameters, k, stream):
        hold(oracle)
        draw(stream, 0, state.s)
        x, s, trial = state
        for i in range(x.size):
            trial[i] = x[i] - 0.3 * s[i]
            s[i] = x[i] + 0.3 * s[i]
        plus, minus = ask(oracle, s, trial)
        for i in range(x.size):
            x[i] = s[i] if plus <= minus else trial[i]

    return made_of(step)


def made_of(step):
    return Solver("pairs", "for tests", step, State, lambda parameters, setting: 2, source="tests")


def step_along(oracle, state, parameters, k, stream):
    """Do the same by `query_along`."""
    hold(oracle)
    draw(stream, 0, state.s)
    plus, minus = query_along(oracle, state.x, state.s, 0.3, state.trial)
    for i in range(state.x.size):
        state.x[i] = state.x[i] + 0.3 * state.s[i] if plus <= minus else state.trial[i]


PAIR, TURN, ALONG = stepping(query_pair), stepping(ask_in_turn), made_of(step_along)
MUTANTS = {each.__name__: stepping(each) for each in (ask_backwards, count_once, count_thrice)}


def bowl(x):
    """Return a bowl's value; NaN in a part of the space that runs enter."""
    total = 0.0
    for i in range(x.size):
        total += (x[i] - 1.0) ** 2
    return np.nan if x[0] > 0.9 else total


def bowls(points, out):
    for s in range(points.shape[0]):
        out[s] = bowl(row_of(points, s))


def raised(points, out):
    """Answer something else, which shows that it was asked."""
    for s in range(points.shape[0]):
        out[s] = bowl(row_of(points, s)) + 1.0 + s


def make(dim, rng, parameters):
    return Parts(np.zeros(dim), None, (Certificate("f_star", 0.0, "A sum of squares."),))


BOWL = Problem("test-bowl", "for tests", bowl, make, source="tests", many=bowls)
RAISED = replace(BOWL, many=raised)
NOISES = [
    {},
    *({"noise": "gaussian", "noise_level": 0.3, "noise_mode": m} for m in ("independent", "common")),
]


def record(method, budget, problem=BOWL, **chosen):
    """Give everything that a run leaves, as bytes."""
    made = problem.instance(4, **chosen)
    going = Run(
        objective_of(made, 4),
        method,
        method.choose({}),
        made.x0,
        budget,
        "t",
        made.certificates,
        keep_best=True,
    )
    while going.advance():
        pass
    trace = going.trace()
    numbers = [trace.count, trace.steps, trace.best, trace.value, going.oracle["sample"][0]]
    arrays = [
        trace.x,
        trace.bests,
        trace.values,
        trace.hits,
        trace.best_point,
        np.array(numbers, dtype=float),
    ]
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("noise", NOISES, ids=["exact", "independent", "common"])
def test_a_pair_leaves_what_two_queries_leave(noise):
    for budget in (1, 2, 3, 4, 5, 6, 7, 300):
        wanted = record(TURN, budget, **noise)
        assert record(PAIR, budget, **noise) == wanted
        assert record(ALONG, budget, **noise) == wanted
    for name, mutant in MUTANTS.items():
        assert record(mutant, 300, **noise) != wanted, name


def test_pairs_are_evaluated_together_and_what_the_budget_cuts_is_not():
    assert record(PAIR, 300, RAISED) != record(PAIR, 300), "many is what was asked"
    assert record(TURN, 300, RAISED) == record(TURN, 300)
    assert record(PAIR, 1, RAISED) == record(PAIR, 1), "one query is left: it goes alone"


def test_whoever_listens_to_the_objective_hears_every_query():
    made, heard = BOWL.instance(4), []
    objective = objective_of(made, 4)
    listener = objective_of(lambda x: heard.append(x) or made.value(x), 4)
    objective.address = listener.address
    going = Run(objective, PAIR, PAIR.choose({}), made.x0, 7, "t")
    while going.advance():
        pass
    assert len(heard) == 7


# --- lock-step -----------------------------------------------------------------------------------


@pytest.fixture
def eager(monkeypatch):
    """Let runs meet however little it saves; give how many met each time."""
    met, advance = [], lockstep.advance_together
    monkeypatch.setattr(lockstep, "advance_together", lambda runs: met.append(len(runs)) or advance(runs))
    monkeypatch.setattr(lockstep, "worth_meeting", lambda made, method, count: count > 1)
    return met


def alike(one, other):
    names = ("x", "bests", "values", "gradient_norms", "hits", "queries", "running_means")
    same = all(np.array_equal(getattr(one, n), getattr(other, n), equal_nan=True) for n in names)
    return same and (one.count, one.steps, one.status, one.key) == (
        other.count,
        other.steps,
        other.status,
        other.key,
    )


@pytest.mark.parametrize("name", ["s2p", "random-search", "rsgf"])
@pytest.mark.parametrize("noise", [{}, {"noise": "gaussian", "noise_level": 0.1}], ids=["exact", "noisy"])
def test_runs_in_lockstep_are_those_that_go_alone(eager, name, noise):
    instance = zobench.problem("softmax-regression", data="iris", **noise)
    # of rsgf each seed ends at a step of its own
    chosen = {"output": "random"} if name == "rsgf" else {}
    for budget in (1, 2, 3, 5, 60):
        traces = run_seeds(instance, name, budget=budget, seeds=range(4), parameters=chosen, observe=True)
        alone = [
            zobench.run(instance, name, budget=budget, seed=seed, parameters=chosen, observe=True)
            for seed in range(4)
        ]
        assert all(map(alike, traces, alone))
    assert not alike(traces[0], alone[1])
    if name == "rsgf":
        assert len({trace.count for trace in traces}) > 1


def test_who_goes_alone():
    plain = zobench.problem("softmax-regression", data="iris")
    assert lockstep.can_meet(plain, solver_of("s2p"))
    assert not lockstep.can_meet(zobench.problem("quadratic"), solver_of("s2p"))
    assert not lockstep.can_meet(
        zobench.problem("softmax-regression", data="iris", batch=4), solver_of("s2p")
    )
    assert not lockstep.can_meet(plain, solver_of("nelder-mead"))
    assert not lockstep.worth_meeting(plain, solver_of("s2p"), 1)


def test_a_run_that_fails_leaves_the_others_to_themselves(eager, monkeypatch):
    instance, advance = zobench.problem("softmax-regression", data="iris"), Run.advance

    def failing(run, steps=None):
        if run.stream_key == keys[1].stream_key():
            raise ValueError("at once")
        return advance(run, steps)

    keys = [key_of(instance, "s2p", budget=50, seed=seed) for seed in range(3)]
    monkeypatch.setattr(Run, "advance", failing)
    traces = run_together(keys, instance, solver_of("s2p"))
    assert isinstance(traces[1], ValueError)
    assert [traces[place].count for place in (0, 2)] == [50, 50]


def test_a_campaign_puts_seeds_of_a_cell_together(eager):
    keys = [
        key_of(zobench.problem(name, **chosen), "random-search", budget=40, seed=seed)
        for seed in range(5)
        for name, chosen in (("softmax-regression", {"data": "iris"}), ("quadratic", {}))
    ]
    found = {trace.key: trace for batch in run_keys(keys, workers=1) for trace in batch}
    assert eager == [5]
    assert all(
        alike(
            found[key],
            zobench.run(zobench.execute.instance_of(key), "random-search", budget=40, seed=key.seed),
        )
        for key in keys
    )
    chunks = _chunks(keys, [1.0] * len(keys), 2)
    assert sorted(len({key.seed for key in chunk}) for chunk in chunks if "softmax" in chunk[0].problem) == [
        2,
        3,
    ]
    assert all(len(chunk) == 1 for chunk in _chunks(keys, [1.0] * len(keys), 2, limited=True))
