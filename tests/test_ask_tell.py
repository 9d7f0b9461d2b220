"""`zobench.ask_tell`: bitwise the run of `zobench.minimize`, whatever the order of the answers."""

import copy
import json
import pickle
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import zobench
from zobench.errors import ZobenchError
from zobench.instance import Vector
from zobench.interfaces import replay
from zobench.oracle import query, query_gradient
from zobench.registry import catalogue
from zobench.solver import Solver

NATIVE = [name for name, method in catalogue("solvers").items() if type(method).begin is Solver.begin]
BUDGETS = (1, 2, 3, 7, 60)


def case(name):
    """Give x0 and parameters for any solver: a matrix of 3 x 2 and rank 1 where one is wanted."""
    fields = catalogue("solvers")[name].parameters._fields
    matrix = {"rows": 3, "columns": 2, "rank": 1} if "rows" in fields else {}
    return np.outer([1.0, -0.5, 2.0], [0.5, 1.0]).ravel(), matrix


def waves(x):
    weights = np.arange(1.0, x.size + 1.0)
    return float(np.sum(weights * (x - 1.0) ** 2) + 0.3 * np.sum(np.cos(3.0 * x)))


def slope(x):
    return 2.0 * np.arange(1.0, x.size + 1.0) * (x - 1.0) - 0.9 * np.sin(3.0 * x)


def request(name, budget, **more):
    x0, parameters = case(name)
    return {"x0": x0, "budget": budget, "seed": 4, "parameters": parameters} | more


class Asked:
    """What `minimize` asks, and what it answers."""

    def __init__(self, solver, fun=waves, **given):
        self.points = []

        def counted(x):
            self.points.append(x)
            return fun(x)

        jac = (
            slope
            if getattr(solver, "gradients", catalogue("solvers").get(solver, solver).gradients)
            else None
        )
        self.result = zobench.minimize(counted, given.pop("x0"), solver=solver, jac=jac, **given)


@cache
def asked(name, budget):
    return Asked(name, **request(name, budget))


def tell(study, x, fun=waves):
    study.tell(x, fun(x), gradient=slope(x)) if study.wants_gradient else study.tell(x, fun(x))


def one_by_one(study, fun=waves):
    points = []
    while not study.done:
        points.append(study.ask())
        tell(study, points[-1], fun)
    return points


def in_batches(study, fun=waves, n=1000):
    """Ask for all there is, answer in a scrambled order; give the sizes."""
    rng, sizes = np.random.default_rng(0), []
    while not study.done:
        points = study.ask(n)
        sizes.append(len(points))
        for place in rng.permutation(len(points)):
            tell(study, points[place], fun)
    return sizes


def out_of_order(study, fun=waves):
    """Have several points out at any time, and answer any one of them before asking again."""
    rng = np.random.default_rng(1)
    while not study.done:
        study.ask(3)
        tell(study, rng.choice(study.pending), fun)


def agree(study, reference):
    mine, its = study.result(), reference.result
    return (
        np.array_equal(mine.x, its.x, equal_nan=True)
        and np.array_equal(mine.trace.x, its.trace.x, equal_nan=True)
        and mine.trajectory.tobytes() == its.trajectory.tobytes()
        and np.array_equal([mine.fun], [its.fun], equal_nan=True)
        and (mine.nfev, mine.njev, mine.nit, mine.status) == (its.nfev, its.njev, its.nit, its.status)
        and (mine.message, mine.success) == (its.message, its.success)
    )


@pytest.mark.parametrize("name", NATIVE)
def test_every_native_solver_asks_and_ends_as_minimize_does(name):
    for budget in BUDGETS:
        study = zobench.ask_tell(name, **request(name, budget))
        points = one_by_one(study)
        assert agree(study, asked(name, budget))
        assert np.array_equal(points, asked(name, budget).points)
        assert study.best == asked(name, budget).result.fun
        study = zobench.ask_tell(name, **request(name, budget))
        assert sum(in_batches(study)) == budget, "nothing is evaluated in vain"
        assert agree(study, asked(name, budget))
    study = zobench.ask_tell(name, **request(name, 60))
    out_of_order(study)
    assert agree(study, asked(name, 60))
    other = zobench.ask_tell(name, **request(name, 59))
    in_batches(other)
    assert not agree(other, asked(name, 60)), "the comparison sees another run"


#: Points that can be evaluated at the same time, in 6 dimensions, with the defaults: of the first batch, and
#: of the second.
BATCHES = {
    "nes": (20, 20),
    "coordinate-differences": (7, 7),
    "orthogonal-directions": (6, 6),
    "zo-adamm": (11, 11),
    "zo-sign-sgd": (11, 11),
    "spsa": (2, 2),
    "s2p": (2, 2),
    "vs2p": (2, 2),
    "mezo": (2, 2),
    "rsgf": (2, 2),
    "random-gradient-free": (2, 2),
    "accelerated-random-gradient-free": (2, 2),
    "stp": (3, 2),
    "random-search": (2, 1),
    "one-plus-one-es": (2, 1),
    "pure-random-search": (60,),
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_as_large_as_the_method_allows(name):
    sizes = in_batches(zobench.ask_tell(name, **request(name, 60)))
    assert tuple(sizes[: len(BATCHES[name])]) == BATCHES[name]


def test_probes_make_the_batch_larger():
    study = zobench.ask_tell("spsa", [1.0, 2.0], budget=100, parameters={"probes": 8})
    assert study.ask(5).shape == (5, 2)
    assert study.ask(100).shape == (11, 2)
    assert study.ask(100).shape == (0, 2), "all that can be asked waits"
    assert study.pending.shape == (16, 2)


class State(NamedTuple):
    x: Vector
    trial: Vector
    g: Vector


def treacherous(oracle, state, parameters, k, stream):
    """Ask for a second point that is another one only if the first answer lies in a narrow gap."""
    value = query(oracle, state.x)
    far = 1.0 if 0.4 < value < 0.6 else 0.5
    for i in range(state.x.size):
        state.trial[i] = state.x[i] - far * (i + 1.0)
    if query(oracle, state.trial) < value:
        state.x[:] = state.trial
    else:
        for i in range(state.x.size):
            state.x[i] *= 0.9


TREACHEROUS = Solver("treacherous", "asks by a gap", treacherous, State, lambda p, s: 2, "none")


def gap(x):
    return 0.5 if x[0] in (3.0, 2.7) else float(x @ x)


def test_a_wrong_guess_costs_an_answer_and_no_bit():
    given = {"x0": [3.0, 4.0], "budget": 24}
    reference = Asked(TREACHEROUS, gap, **given)
    study = zobench.ask_tell(TREACHEROUS, **given)
    sizes = in_batches(study, gap)
    assert sum(sizes) > 24, "an answer at a point that was not asked is dropped"
    assert agree(study, reference)


def test_the_bits_rest_on_the_comparison_of_points(monkeypatch):
    given = {"x0": [3.0, 4.0], "budget": 24}
    monkeypatch.setattr(replay, "_same", lambda a, b: True)
    study = zobench.ask_tell(TREACHEROUS, **given)
    in_batches(study, gap)
    assert not agree(study, Asked(TREACHEROUS, gap, **given))


@pytest.mark.parametrize("name", ["one-plus-one-es", "stp", "spsa"])
def test_without_patterns_the_guesses_are_wrong_and_the_bits_right(name, monkeypatch):
    monkeypatch.setattr(replay, "PATTERNS", ())
    study = zobench.ask_tell(name, **request(name, 60))
    assert sum(in_batches(study, n=20)) > 60
    assert agree(study, asked(name, 60))


def test_an_answer_that_is_not_used_any_more_is_accepted():
    study = zobench.ask_tell(TREACHEROUS, [3.0, 4.0], budget=24)
    points = study.ask(2)
    study.tell(points[0], 0.5)
    right = study.ask()
    assert not np.array_equal(right, points[1])
    study.tell(points[1], 7.0)
    assert np.array_equal(study.pending, [right])


def mixed(oracle, state, parameters, k, stream):
    value = query(oracle, state.x)
    if query_gradient(oracle, state.x, state.g) <= value:
        for i in range(state.x.size):
            state.x[i] -= 0.05 * state.g[i]


MIXED = Solver("mixed", "values and gradients", mixed, State, lambda p, s: 2, "none", gradients=True)


def test_first_order_methods_say_where_the_gradient_is_wanted():
    study = zobench.ask_tell(MIXED, [1.0, 2.0], budget=9)
    assert study.wants_gradient
    x = study.ask()
    study.tell(x, waves(x))
    x = study.ask()
    with pytest.raises(ZobenchError, match=r"solver 'mixed' wants the gradient at x: tell\(x, value, grad"):
        study.tell(x, waves(x))
    for wrong, words in [
        ([1.0], r"gradient must have shape \(2,\), got \(1,\)"),
        ("up", "vector of numbers"),
    ]:
        with pytest.raises(ZobenchError, match=words):
            study.tell(x, waves(x), gradient=wrong)
    study.tell(x, waves(x), gradient=slope(x))
    one_by_one(study)
    assert agree(study, Asked(MIXED, x0=[1.0, 2.0], budget=9))
    again = zobench.ask_tell(MIXED, [1.0, 2.0], budget=9, answers=study.answers)
    assert agree(again, Asked(MIXED, x0=[1.0, 2.0], budget=9))


def test_loops_of_other_packages_are_refused():
    with pytest.raises(ZobenchError, match="solver 'nelder-mead' owns its loop, which cannot be replayed"):
        zobench.ask_tell("nelder-mead", [1.0, 2.0])


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["vs2p", "stp", "nes", "one-plus-one-es", "zo-adamm"])
def test_answers_that_are_not_finite_count(name, odd):
    def sometimes(x):
        return odd if x[0] > 0.6 else waves(x)

    reference = Asked(name, sometimes, **request(name, 60))
    for way in (one_by_one, in_batches, out_of_order):
        study = zobench.ask_tell(name, **request(name, 60))
        way(study, sometimes)
        assert agree(study, reference)


def test_noise_is_added_as_minimize_adds_it():
    given = request("vs2p", 60, noise="gaussian level=0.1")
    study = zobench.ask_tell("vs2p", **given)
    in_batches(study)
    assert agree(study, Asked("vs2p", **given))
    plain = zobench.ask_tell("vs2p", **request("vs2p", 60))
    in_batches(plain)
    assert not np.array_equal(plain.result().trace.x, study.result().trace.x)


def test_half_way_the_result_is_that_of_the_answers_so_far():
    study = zobench.ask_tell("stp", **request("stp", 60))
    points = asked("stp", 60).points
    for count, point in enumerate(points[:20]):
        result = study.result()
        assert (result.nfev, result.trace.status) == (count, "")
        assert study.best == min((waves(x) for x in points[:count]), default=np.inf)
        x = study.ask()
        assert np.array_equal(x, point), "looking on changes nothing"
        tell(study, x)
    assert study.result().nit == 9
    one_by_one(study)
    assert agree(study, asked("stp", 60))


def test_forms_of_tell():
    study = zobench.ask_tell("nes", [1.0, 2.0], budget=60, parameters={"pairs": 3})
    study.tell(waves(study.ask()))
    study.tell(list(study.ask()), np.float32(2.0))
    points = study.ask(4)
    study.tell(points[:3], [waves(x) for x in points[:3]])
    study.tell(points[3:], np.array([1]))
    assert len(study.answers) == 6
    assert study.answers[1] == 2.0
    one = zobench.ask_tell("stp", 3.0, budget=5)
    one.tell(float(one.ask()[0]), 4)
    assert one.answers == [4.0]


def wrong_uses():
    def twice(study, x):
        study.ask()
        study.tell(x, 1.0)
        study.tell(x, 1.0)

    def later(study, x):
        tell(study, x)
        tell(study, study.ask())
        study.ask()
        study.tell(x, 1.0)

    def many(study, x):
        study.ask()
        study.tell(1.0)

    return {
        "the value at this x was told already": twice,
        "x is none of the 1 points that wait: it was told already, or never asked": later,
        "2 points wait for answers: tell": many,
        "x is none of the 1 points that wait": lambda study, x: study.tell(x + 1.0, 1.0),
        "must be the same bit by bit, as ask gave it": lambda study, x: study.tell(np.float32(x), 1.0),
        "the value must be one number, got 'low'": lambda study, x: study.tell(x, "low"),
        "the value must be one number, got None": lambda study, x: study.tell(x, None),
        "the value must be one number, got array": lambda study, x: study.tell(x, np.ones(2)),
        "the value must be one number, got 1j": lambda study, x: study.tell(1j),
        r"x must have shape \(2,\) or \(m, 2\), got \(3,\)": lambda study, x: study.tell([1, 2, 3], 1.0),
        "x must be a vector of numbers, got 'here'": lambda study, x: study.tell("here", 1.0),
        r"give \(x, value\), or \(value\) alone, got 3": lambda study, x: study.tell(x, 1.0, 2.0),
        "2 points need as many values, got 3": lambda study, x: study.tell([x, x], [1.0, 2.0, 3.0]),
        "2 points need as many values, got 1": lambda study, x: study.tell([x, x], 1.0),
        "asks for no gradients, leave gradient out": lambda study, x: study.tell(x, 1.0, gradient=x),
        "the number of points must be a whole number >= 1, got 0": lambda study, x: study.ask(0),
        "depends on answers that are not told yet: 2 in all": lambda study, x: (study.ask(), study.ask()),
    }


@pytest.mark.parametrize("words", wrong_uses())
def test_wrong_use_gets_a_sentence_and_leaves_the_study_as_it_was(words):
    study = zobench.ask_tell("vs2p", **request("vs2p", 60) | {"x0": [1.0, 2.0], "parameters": {}})
    x = study.ask()
    with pytest.raises(ZobenchError, match=words) as caught:
        wrong_uses()[words](study, x)
    assert "\n" not in str(caught.value)
    for point in study.pending:
        tell(study, point)
    one_by_one(study)
    assert study.result().nfev == 60
    if "told already" not in words:
        assert agree(study, Asked("vs2p", x0=[1.0, 2.0], budget=60, seed=4))


def test_a_batch_of_which_one_answer_is_wrong_is_not_told_at_all():
    study = zobench.ask_tell("nes", [1.0, 2.0], budget=60)
    points = study.ask(3)
    with pytest.raises(ZobenchError, match="the value must be one number"):
        study.tell(points, [1.0, 2.0, "three"])
    assert study.answers == []
    assert len(study.pending) == 3


def test_after_the_end_the_sentence_says_so():
    study = zobench.ask_tell("stp", [1.0], budget=5)
    last = one_by_one(study)[-1]
    for use in (study.ask, lambda: study.ask(3), lambda: study.tell(last, 1.0)):
        with pytest.raises(ZobenchError, match=r"the run is over.  The budget of queries was spent."):
            use()
    assert study.result().nfev == 5


def test_wrong_requests_are_those_of_minimize():
    for given, words in [
        ({"x0": None}, "x0 must be given"),
        ({"budget": 0}, "budget must be a whole number >= 1, got 0"),
        ({"parameters": {"seed": 3}}, "seed is given beside the parameters"),
        ({"parameters": {"radios": 3}}, "did you mean 'radius'"),
        ({"answers": ["x"]}, "answers: entry 0 must be one number, got 'x'"),
        ({"answers": [1.0] * 61}, "answers: there are 61, and this study asks for 60 only"),
    ]:
        with pytest.raises(ZobenchError, match=words):
            zobench.ask_tell("vs2p", **{"x0": [1.0], "budget": 60} | given)


RESUME = """
import json, pickle, sys
import numpy as np
with open(sys.argv[1], "rb") as file:
    study = pickle.load(file)
def waves(x):
    weights = np.arange(1.0, x.size + 1.0)
    return float(np.sum(weights * (x - 1.0) ** 2) + 0.3 * np.sum(np.cos(3.0 * x)))
for x in study.pending:
    study.tell(x, waves(x))
while not study.done:
    x = study.ask()
    study.tell(x, waves(x))
result = study.result()
print(json.dumps([len(study.answers), result.fun.hex(), [value.hex() for value in result.trace.x.tolist()]]))
"""


def test_a_study_goes_on_in_another_process(tmp_path):
    study = zobench.ask_tell("nes", **request("nes", 60))
    for x in study.ask(8)[[6, 1, 0]]:
        tell(study, x)
    (tmp_path / "study.pickle").write_bytes(pickle.dumps(study))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RESUME, str(tmp_path / "study.pickle")],
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    reference = asked("nes", 60).result
    x = [value.hex() for value in reference.trace.x.tolist()]
    assert json.loads(done.stdout) == [60, reference.fun.hex(), x]


@pytest.mark.parametrize("name", NATIVE)
def test_saved_at_any_point_it_ends_the_same(name):
    rng = np.random.default_rng(2)
    study = zobench.ask_tell(name, **request(name, 60))
    while not study.done:
        study.ask(3)
        tell(study, rng.choice(study.pending))
        if rng.random() < 0.2:
            pending = study.pending
            study = pickle.loads(pickle.dumps(study))
            assert np.array_equal(study.pending, pending)
        elif rng.random() < 0.2 and not study.wants_gradient:
            study = zobench.ask_tell(name, **request(name, 60), answers=json.loads(json.dumps(study.answers)))
    assert agree(study, asked(name, 60))


def test_a_copy_goes_its_own_way():
    study = zobench.ask_tell("nes", **request("nes", 60))
    tell(study, study.ask(5)[3])
    other = copy.deepcopy(study)
    in_batches_of_pending = [tell(other, x) for x in other.pending]
    assert len(in_batches_of_pending) == 4
    in_batches(other)
    assert len(study.pending) == 4
    assert agree(other, asked("nes", 60))


def test_a_study_of_other_points_is_not_taken_up():
    study = zobench.ask_tell("stp", **request("stp", 60))
    for _ in range(9):
        tell(study, study.ask())
    state = study.__getstate__()
    state["request"] = state["request"] | {"seed": 9}
    other = object.__new__(type(study))
    with pytest.raises(
        ZobenchError, match="saved with another version of solver 'stp', which asks other points"
    ):
        other.__setstate__(state)


def test_a_solver_that_nobody_registered_is_saved_by_its_answers():
    study = zobench.ask_tell(TREACHEROUS, [3.0, 4.0], budget=24)
    study.tell(study.ask(), 2.0)
    with pytest.raises(ZobenchError, match=r"cannot be pickled: keep Study\.answers"):
        pickle.dumps(study)
    again = zobench.ask_tell(TREACHEROUS, [3.0, 4.0], budget=24, answers=study.answers)
    assert np.array_equal(again.ask(), study.ask())


def test_workers_may_tell_from_their_own_threads():
    study = zobench.ask_tell("nes", **request("nes", 60))
    free = threading.Semaphore(3)

    def work(x):
        study.tell(x, waves(x))
        free.release()

    with ThreadPoolExecutor(3) as pool:
        while not study.done:
            futures = [pool.submit(work, x) for x in study.ask(3)]
            for future in futures:
                future.result()
    assert agree(study, asked("nes", 60))


def test_what_is_handed_out_is_a_copy():
    study = zobench.ask_tell("stp", **request("stp", 60))
    while not study.done:
        x = study.ask()
        kept, value = x.copy(), waves(x)
        x[:] = np.nan
        study.pending[:] = np.nan
        study.tell(kept, value)
        study.result().x[:] = np.nan
    study.result().trace.x[:] = 0.0
    assert study.result().nfev == 60


def test_an_interruption_in_a_replay_leaves_the_study_as_it_was(monkeypatch):
    study = zobench.ask_tell("vs2p", **request("vs2p", 60))
    tell(study, study.ask())
    value = replay.Replay.value

    def interrupted(self, x):
        raise KeyboardInterrupt

    monkeypatch.setattr(replay.Replay, "value", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.ask()
    monkeypatch.setattr(replay.Replay, "value", value)
    one_by_one(study)
    assert agree(study, asked("vs2p", 60))


def test_of_a_long_step_not_every_query_costs_a_replay(monkeypatch):
    played, play = [], replay.Replayed._play

    def counted(self, *arguments):
        played.append(1)
        return play(self, *arguments)

    monkeypatch.setattr(replay.Replayed, "_play", counted)
    study = zobench.ask_tell("coordinate-differences", np.zeros(50), budget=51 * 4)
    one_by_one(study)
    assert len(played) < 4 * 20


def test_the_lines_of_the_readme_run():
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    [block] = [code for code in re.findall(r"```python\n(.*?)```", readme, re.S) if "ask_tell(" in code]
    names = {}
    exec(block, names)
    assert names["points"].shape == (6, 2)
    assert names["study"].result().nfev == 60
    assert names["result"].nfev == 500


def test_it_says_what_it_is():
    study = zobench.ask_tell("stp", [1.0], budget=5)
    study.ask()
    assert repr(study) == "<Study of stp, 0 of 5 queries told, 1 points wait for answers>"
