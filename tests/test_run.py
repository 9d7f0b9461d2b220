"""One run: the trace against independent accounts of it, reproducibility, and how it ends."""

import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import zobench
from zobench.driver import MESSAGES, Run, checkpoints
from zobench.execute import key_of, run_key
from zobench.loop import QUANTITIES
from zobench.objective import objective_of
from zobench.solver import Setting
from zobench.solver import solver as find_solver
from zobench.trace import TARGETS, RunKey

FIELDS = (
    "count",
    "steps",
    "x",
    "start",
    "value",
    "best",
    "queries",
    "bests",
    "values",
    "gradient_norms",
    "hits",
)


def instance(dim=6):
    return zobench.problem("quadratic", dim=dim, seed=3, condition=10, rotation="yes")


def laid_out(made, name="s2p", budget=300, objective=None, **more):
    """Lay out the run that `zobench.run(made, name, budget=budget, seed=5)` does."""
    method, key = find_solver(name), key_of(made, name, budget=budget, seed=5)
    settled = method.settled(method.choose({}), Setting(made.dim, budget, made.certificates))
    known = made.certificates
    return Run(
        objective_of(objective or made, made.dim),
        method,
        settled,
        made.x0,
        budget,
        key.stream_key(),
        known,
        **more,
    )


def same(one, two, fields=FIELDS):
    return [
        name for name in fields if not np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True)
    ]


def test_checkpoints_are_log_spaced_from_one_to_the_budget():
    marks = checkpoints(10**6)
    assert (marks[0], marks[-1]) == (1, 10**6)
    assert 55 < marks.size <= 64  # some of the first ones are the same whole number
    ratios = marks[20:-1] / marks[19:-2]
    assert ratios.max() / ratios.min() < 1.02
    assert checkpoints(1).tolist() == [1]
    assert checkpoints(3).tolist() == [1, 2, 3]


@pytest.mark.parametrize("name", ["s2p", "stp", "random-search", "random-gradient-free"])
def test_a_trace_agrees_with_a_log_of_every_query(name):
    made = instance()
    trace = zobench.run(made, name, budget=300, seed=5)
    values = []
    twin = laid_out(made, name, objective=lambda x: values.append(made.value(x)) or values[-1])
    iterates, counts = [], []
    more, steps = True, 0  # first what `init` asks
    while more:
        more, steps = twin.advance(steps), 1
        iterates.append(twin.x.copy())
        counts.append(int(twin.oracle["count"][0]))
    running = np.minimum.accumulate(values)
    assert trace.count == len(values) == 300
    assert np.array_equal(trace.queries, checkpoints(300))
    assert np.array_equal(trace.bests, running[trace.queries - 1])
    # the iterate after the step in which the count was reached
    at = np.searchsorted(counts, trace.queries)
    assert np.array_equal(trace.values, [made.value(iterates[k]) for k in at])
    norms = [np.linalg.norm(made.gradient(iterates[k])) for k in at]
    assert trace.gradient_norms == pytest.approx(norms, rel=1e-13)
    levels = np.array(TARGETS) * made.value(made.x0)
    hits = [int(np.argmax(running <= level)) + 1 if (running <= level).any() else -1 for level in levels]
    assert trace.hits.tolist() == hits
    assert max(hits) > 1
    assert np.array_equal(trace.x, iterates[-1])


@pytest.mark.parametrize("weighted", [False, True])
def test_means_and_minima_agree_with_an_account_in_numpy(weighted):
    made, budget = instance(), 200
    weights = np.linspace(0.0, 2.0, budget) if weighted else None
    trace = zobench.run(made, "s2p", budget=budget, seed=5, observe=True, weights=weights)
    twin = laid_out(made, budget=budget)
    account = []
    more = True
    while more:
        x = twin.x.copy()
        gradient = made.gradient(x)
        norm, value = np.linalg.norm(gradient), made.value(x)
        account.append([value, np.sqrt(value), norm, norm**2, np.sqrt(norm), np.abs(gradient).sum()])
        more = twin.advance(steps=1)
    account = np.array(account)
    assert len(account) == trace.steps == 100
    means = np.average(account, axis=0, weights=None if weights is None else weights[:100])
    assert list(trace.means) == list(QUANTITIES)
    assert list(trace.means.values()) == pytest.approx(means, rel=1e-12)
    assert list(trace.minima.values()) == pytest.approx(account.min(axis=0), rel=1e-12)
    if not weighted:
        after = np.maximum((trace.queries + 1) // 2, 1)  # steps begun when the count was reached
        running = np.cumsum(account[:, 2]) / np.arange(1, 101)
        assert trace.running_means == pytest.approx(running[after - 1], rel=1e-12)


def test_observing_changes_no_iterate():
    made = instance()
    one, two = (zobench.run(made, "s2p", budget=200, seed=5, observe=flag) for flag in (False, True))
    assert not same(one, two)
    assert not one.means
    assert np.isnan(one.running_means).all()


def test_weights_that_are_too_few_are_refused():
    with pytest.raises(zobench.ZobenchError, match=r"weights must have size >= budget = 200, got 3"):
        zobench.run(instance(), "s2p", budget=200, observe=True, weights=[1, 2, 3])


@pytest.mark.parametrize("pieces", [1, 2, 3, 50])
def test_a_trace_does_not_depend_on_the_slice_size(pieces):
    made = instance()
    whole, sliced = laid_out(made, budget=301), laid_out(made, budget=301)
    whole._slice = 301
    while whole.advance():
        pass
    while sliced.advance(steps=pieces):
        pass
    assert not same(whole.trace(), sliced.trace())


def test_the_same_key_gives_the_same_bits_and_another_seed_others():
    one, two, other = (zobench.run(instance(), "s2p", budget=200, seed=seed) for seed in (5, 5, 6))
    assert not same(one, two)
    assert "x" in same(one, other)


def test_the_same_bits_in_another_process():
    made = instance()
    key = key_of(made, "stp", budget=200, seed=5)
    script = "import pickle, sys; from zobench.execute import run_key; " + (
        "print(run_key(pickle.load(sys.stdin.buffer)).x.tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(key), capture_output=True, timeout=120
    )
    assert done.stdout.decode().strip() == run_key(key).x.tobytes().hex(), done.stderr.decode()


def test_a_longer_run_begins_with_the_shorter_one():
    made = instance()
    short, long = (
        zobench.run(made, "s2p", budget=budget, seed=5, parameters={"steps": 100}) for budget in (100, 200)
    )
    assert long.bests[np.searchsorted(long.queries, 100) - 1] >= short.best
    x = laid_out(made, budget=200)
    assert x.stream_key == key_of(made, "random-search", budget=7, seed=5).stream_key()


def test_keys_name_everything_that_matters():
    made = instance()
    base = key_of(made, "s2p", budget=200, seed=5)
    others = [
        key_of(instance(7), "s2p", budget=200, seed=5),
        key_of(
            zobench.problem("quadratic", dim=6, seed=4, condition=10, rotation="yes"),
            "s2p",
            budget=200,
            seed=5,
        ),
        key_of(
            zobench.problem("quadratic", dim=6, seed=3, condition=11, rotation="yes"),
            "s2p",
            budget=200,
            seed=5,
        ),
        key_of(made, "stp", budget=200, seed=5),
        key_of(made, "s2p", budget=201, seed=5),
        key_of(made, "s2p", budget=200, seed=6),
        key_of(made, "s2p", budget=200, seed=5, parameters={"alpha0": 0.5}),
        key_of(made, "s2p", budget=200, seed=5, observed=True),
    ]
    assert len({key.digest() for key in [base, *others]}) == 9
    assert key_of(made, "s2p", budget="200", seed=5.0) == base
    assert RunKey(**base.__dict__).digest() == base.digest()
    assert hash(base) == hash(pickle.loads(pickle.dumps(base)))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"problem": "quadratik"}, "problem must be one of .*did you mean 'quadratic'"),
        ({"solver": "s2q"}, "solver must be one of .*did you mean 's2p'"),
        ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
        ({"seed": "x"}, "seed must be a whole number >= 0, got 'x'"),
        ({"parameters": {"alpha0": -1}}, "solver 's2p': alpha0 must be a number > 0, got -1"),
        ({"parameters": {"alpha": 1}}, "solver 's2p': a parameter must be one of .*did you mean 'alpha0'"),
        (
            {"parameters": {"rule": "x", "law": "y"}},
            "rule must be one of .*; solver 's2p': law must be one of",
        ),
    ],
)
def test_a_wrong_request_is_refused_in_a_sentence(arguments, complaint):
    request = {"problem": "quadratic", "solver": "s2p", "budget": 10} | arguments
    with pytest.raises(zobench.ZobenchError, match=complaint):
        zobench.run(request.pop("problem"), request.pop("solver"), **request)


def test_a_trace_says_how_the_run_ended():
    trace = zobench.run(instance(), "s2p", budget=50)
    assert (trace.status, trace.message) == ("budget", MESSAGES["budget"])
    assert trace.unused == 0
    assert trace.seconds > 0
    assert laid_out(instance()).trace().message == MESSAGES[""]


def test_a_solver_that_stops_at_an_odd_budget_leaves_what_it_could_not_use():
    for budget in (1, 2, 3, 7):
        trace = zobench.run(instance(), "s2p", budget=budget)
        assert trace.count == budget
        assert trace.steps == budget // 2
        assert trace.queries.tolist() == list(range(1, budget + 1))


def test_ctrl_c_stops_a_long_compiled_run_within_a_second():
    script = textwrap.dedent("""
        import os, signal, threading, time
        import zobench
        sent = []
        def interrupt():
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)
        zobench.run("quadratic", "s2p", budget=100)  # compiled before the clock starts
        threading.Timer(0.3, interrupt).start()
        try:
            zobench.run("quadratic", "s2p", budget=10**13)  # days
        except KeyboardInterrupt:
            print(time.monotonic() - sent[0])
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.0


def test_means_leave_out_the_step_that_the_budget_cut_short():
    # 3000 queries of stp: one at x0, 1499 whole steps, and one query of a step that is undone
    instance = zobench.problem("cosh", dim=6, seed=2)
    whole = zobench.run(instance, "stp", budget=2999, seed=4, parameters={"steps": 1499}, observe=True)
    cut = zobench.run(instance, "stp", budget=3000, seed=4, parameters={"steps": 1499}, observe=True)
    assert (whole.steps, cut.steps, cut.count) == (1499, 1499, 3000)
    assert np.array_equal(whole.x, cut.x)
    assert dict(cut.means) == dict(whole.means)
    assert dict(cut.minima) == dict(whole.minima)


def test_what_kernels_read_begins_at_a_cache_line():
    made = instance(dim=5)
    kept = [laid_out(made) for _ in range(4)]  # memory is handed out at multiples of 16 bytes
    places = [run._work.ctypes.data + 8 * start for run in kept for start, _ in run._offsets]
    places += [run._stream.buffers.ctypes.data for run in kept]
    assert {place % 64 for place in places} == {0}
