"""The counted oracle: what a query is, where the budget ends, what the record says of it."""

import math
from typing import NamedTuple

import numpy as np
import pytest

import zobench
from zobench.certificate import Certificate
from zobench.directions import draw
from zobench.driver import Run
from zobench.instance import Parts, Problem, Vector
from zobench.objective import objective_of
from zobench.oracle import hold, query, varies
from zobench.solver import Scalar, Solver
from zobench.stream import hashed_word


class State(NamedTuple):
    x: Vector
    trial: Vector
    noted: Scalar


def walk(oracle, state, parameters, k, stream):
    """Ask at a random point and go there."""
    draw(stream, 0, state.trial)
    for i in range(state.x.size):
        state.x[i] += 0.1 * state.trial[i]
    query(oracle, state.x)


def approach(oracle, state, parameters, k, stream):
    """Go a hundredth of the way to the minimiser of `bowl`, up and down."""
    for i in range(state.x.size):
        state.x[i] += 0.01 * (1.0 - state.x[i])
        state.trial[i] = state.x[i] + (0.1 if k % 3 == 0 else 0.0)
    query(oracle, state.trial)


def jump(oracle, state, parameters, k, stream):
    """Approach for four steps, then be there."""
    for i in range(state.x.size):
        state.x[i] = 1.0 if k >= 4 else state.x[i] + 0.1 * (1.0 - state.x[i])
    query(oracle, state.x)


def walk_and_end(oracle, state, parameters, k, stream):
    """Ask once in each of five steps, then nothing."""
    if k < 5:
        query(oracle, state.x)


def ask_nothing(oracle, state, parameters, k, stream):
    state.x[0] += 1.0


def ask_three(oracle, state, parameters, k, stream):
    """Move, and move further for each answer."""
    for _ in range(3):
        state.x[0] += 1.0
        query(oracle, state.x)


def ask_at_first(oracle, state, parameters, k, stream):
    """An init that asks four times and moves."""
    for _ in range(4):
        state.x[0] += 1.0
        query(oracle, state.x)


def held_and_fresh(oracle, state, parameters, k, stream):
    """Keep in x: two answers that share a sample, and a third from the next step's own sample."""
    if k == 0:
        hold(oracle)
        state.x[0] = query(oracle, state.trial)
        state.x[1] = query(oracle, state.trial)
    elif k == 1:
        state.x[2] = query(oracle, state.trial)
        state.x[3] = query(oracle, state.trial)
        state.x[4] = 1.0 if varies(oracle) else 0.0


def solver(step, queries=1, init=None):
    return Solver(
        name=step.__name__.replace("_", "-"),
        summary="for tests",
        step=step,
        state=State,
        cost=lambda parameters, setting: queries,
        source="tests",
        init=init,
    )


def bowl(x):
    total = 0.0
    for i in range(x.size):
        total += (x[i] - 1.0) ** 2
    return total


def sampled(x, key):
    return bowl(x) + np.float64(hashed_word(key, 0) >> np.uint64(11)) * 1.1102230246251565e-16


def make(dim, rng, parameters):
    return Parts(np.zeros(dim), None, (Certificate("f_star", 0.0, "A sum of squares."),), np.ones(dim))


BOWL = Problem("test-bowl", "for tests", bowl, make, source="tests")
NOISY = Problem("test-noisy", "for tests", bowl, make, source="tests", sample=sampled)


class Log:
    """An objective in Python that keeps points and answers."""

    def __init__(self, answer):
        self.answer, self.points, self.values = answer, [], []

    def __call__(self, x):
        self.points.append(x.copy())
        self.values.append(self.answer(x))
        return self.values[-1]


def drive(going):
    while going.advance():
        pass


def finished(objective, method, budget, dim=5, **more):
    going = Run(
        objective_of(objective, dim), method, method.choose({}), np.zeros(dim), budget, "test", **more
    )
    while going.advance():
        pass
    return going.trace()


@pytest.mark.parametrize("budget", [1, 2, 3, 7, 8, 100])
@pytest.mark.parametrize("step", [walk, ask_three], ids=["1 a step", "3 a step"])
def test_the_budget_is_spent_and_never_exceeded(step, budget):
    log = Log(lambda x: float(x @ x))
    trace = finished(log, solver(step, 3 if step is ask_three else 1), budget)
    assert trace.count == len(log.values) == budget
    assert trace.status == "budget"
    assert trace.best == min(log.values)


@pytest.mark.parametrize("budget", [0, -1, 1.5, "many", None, True])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(zobench.ZobenchError, match="budget must be a whole number >= 1"):
        zobench.run("quadratic", "s2p", budget=budget)


def test_a_step_that_the_budget_cuts_short_is_undone():
    trace = finished(Log(lambda x: 0.0), solver(ask_three, 3), 7)
    assert trace.count == 7
    assert trace.steps == 2
    assert trace.x[0] == 6.0  # the third step moved three times and is taken back


@pytest.mark.parametrize(("budget", "place"), [(1, 0.0), (3, 0.0), (4, 4.0), (5, 5.0)])
def test_queries_of_init_are_counted_recorded_and_undone_when_cut_short(budget, place):
    log = Log(lambda x: -x[0])
    trace = finished(log, solver(walk_and_end, 1, init=ask_at_first), budget)
    assert trace.count == len(log.values) == budget
    assert trace.x[0] == min(place, 4.0)
    assert trace.queries[-1] == budget
    assert trace.bests[-1] == min(log.values) == trace.best


def test_a_step_that_asks_nothing_ends_the_run():
    trace = finished(Log(lambda x: 0.0), solver(ask_nothing), 100)
    assert (trace.count, trace.status) == (0, "finished")
    trace = finished(Log(lambda x: 0.0), solver(walk_and_end), 100)
    assert (trace.count, trace.status) == (5, "finished")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_strange_answers_are_queries_like_any_other(value):
    log = Log(lambda x: value if len(log.values) % 2 else float(x @ x))
    trace = finished(log, solver(walk), 20)
    assert trace.count == len(log.values) == 20
    assert trace.best == np.nanmin(log.values)


def test_nan_everywhere_is_no_best():
    trace = finished(Log(lambda x: math.nan), solver(walk), 20)
    assert trace.count == 20
    assert trace.best == math.inf


@pytest.mark.parametrize(
    "error", [ValueError, ZeroDivisionError, KeyboardInterrupt, SystemExit, StopIteration]
)
def test_an_objective_that_raises_raises_out_of_the_run(error):
    def raising(x):
        if len(log.values) == 12:
            raise error("at the thirteenth")
        return float(x @ x)

    log = Log(raising)
    going = Run(objective_of(log, 5), solver(walk), solver(walk).choose({}), np.zeros(5), 10_000, "test")
    with pytest.raises(error, match="thirteenth"):
        drive(going)
    assert len(log.points) == 13
    assert going.over == "failed"
    assert not going.advance()
    assert len(log.points) == 13


@pytest.mark.parametrize("answer", [None, "1.0", [1.0, 2.0], 1j, {}])
def test_an_answer_that_is_no_number_is_refused(answer):
    with pytest.raises(zobench.ZobenchError, match="objective must answer one number"):
        finished(lambda x: answer, solver(walk), 10)


@pytest.mark.parametrize("answer", [1, True, np.float32(1.5), np.array(2.0), np.array([3.0]), [4.0]])
def test_an_answer_that_is_a_number_is_taken(answer):
    assert finished(lambda x: answer, solver(walk), 3).best == float(np.asarray(answer).reshape(()))


def test_an_objective_that_writes_into_its_point_changes_nothing():
    def rude(x):
        value = float(x @ x)
        x[:] = 99.0
        return value

    polite = finished(lambda x: float(x @ x), solver(walk), 50)
    assert np.array_equal(finished(rude, solver(walk), 50).x, polite.x)


def test_hits_bests_and_best_point_agree_with_an_independent_log():
    made = BOWL.instance(5)
    trace = finished(made, solver(approach), 500, certificates=made.certificates, keep_best=True)
    log = Log(made.value)
    finished(log, solver(approach), 500)
    running = np.minimum.accumulate(log.values)
    assert np.array_equal(trace.bests, running[trace.queries - 1])
    start = made.value(made.x0)
    expected = [
        next((q + 1 for q, best in enumerate(running) if best <= t * start), -1) for t in trace.targets
    ]
    assert trace.hits.tolist() == expected
    assert {-1} < set(expected), "some targets are hit and some are not"
    assert len(set(log.values) - set(running)) > 50, "not every query is the best so far"
    assert np.array_equal(trace.best_point, log.points[int(np.argmin(log.values))])


def test_all_targets_between_two_values_fall_to_one_query():
    made = BOWL.instance(5)
    trace = finished(made, solver(jump), 10, certificates=made.certificates)
    # 0.9^(2 q) after q queries falls below the first target, 10^-0.2, at the third; then the jump
    assert trace.hits.tolist() == [3] + [5] * 39


def test_without_a_reference_value_there_are_no_targets():
    trace = finished(BOWL.instance(5), solver(approach), 500)
    assert trace.hits.size == trace.targets.size == 0


def test_samples_are_held_for_a_step_and_drawn_afresh_otherwise():
    trace = finished(NOISY.instance(5), solver(held_and_fresh, 2), 4)
    one, two, three, four, told = trace.x
    assert one == two
    assert len({one, three, four}) == 3
    assert told == 1.0
    assert all(5.0 <= value < 6.0 for value in (one, three, four))


def test_a_deterministic_problem_does_not_vary():
    trace = finished(BOWL.instance(5), solver(held_and_fresh, 2), 4)
    assert trace.x.tolist() == [5.0, 5.0, 5.0, 5.0, 0.0]


def test_noise_and_directions_come_from_separate_streams():
    noisy, plain = (finished(problem.instance(5), solver(walk), 40) for problem in (NOISY, BOWL))
    assert np.array_equal(noisy.x, plain.x)


def test_a_stochastic_problem_records_noiseless_values():
    made = NOISY.instance(5)
    trace = finished(made, solver(walk), 40)
    assert trace.value == made.value(trace.x)
    assert np.array_equal(trace.bests, np.minimum.accumulate(trace.values))
    assert trace.hits.size == 0, "a sample hits nothing"
