"""Loops of other packages behind the oracle: what they ask is what the package asks, counted and stopped."""

import ctypes
import random
import warnings
from typing import NamedTuple

import numpy as np
import pytest
import scipy.optimize
from click.testing import CliRunner

import zobench
from zobench.campaign.definition import Campaign
from zobench.cli.main import cli
from zobench.contract.check import check_solver
from zobench.errors import ZobenchError
from zobench.execute import key_of
from zobench.foreign import own_loop
from zobench.foreign.own_loop import OwnLoop
from zobench.parallel.estimate import expected_seconds
from zobench.parallel.workers import run_keys
from zobench.registry import catalogue
from zobench.solver import solver
from zobench.stream import digest, generator

SCIPY = ["nelder-mead", "powell", "cobyla", "cobyqa", "lbfgsb"]
PEERS = {"cma-es": "cma", "nevergrad": "nevergrad", "py-bobyqa": "pybobyqa"}
NAMES = [*SCIPY, *PEERS]
#: One budget that ends within a first simplex or population, and one that most methods do not spend.
BUDGETS = (1, 2, 3, 4, 5, 6, 7, 60)


#: Of one run; NGOpt's surrogates take milliseconds a query.
SHORT = {"nevergrad": 30}


def need(name):
    if name in PEERS:
        pytest.importorskip(PEERS[name], reason="the extra 'peers' is not installed")
    if name == "cobyqa" and solver(name).missing:
        pytest.skip(solver(name).missing)


@pytest.fixture(params=NAMES)
def name(request):
    need(request.param)
    return request.param


class Watched:
    """An objective that counts by itself and keeps what it is asked."""

    def __init__(self, function):
        self.function, self.points = function, []

    def __call__(self, x):
        self.points.append(x.copy())
        return self.function(x)


def banana(x):
    return float(np.sum((1.0 - x[:-1]) ** 2) + 100.0 * np.sum((x[1:] - x[:-1] ** 2) ** 2))


def bowl(x):
    return float(0.5 * np.sum(np.arange(1.0, x.size + 1.0) * (x - 0.3) ** 2))


START = np.array([-1.2, 1.0, 0.4])
KEY = "minimize 5"


def minimize(name, function, budget, **more):
    watched = Watched(function)
    return zobench.minimize(watched, START, solver=name, budget=budget, seed=5, **more), watched


# The packages called directly, by the arguments that the docstrings tell.


class Enough(BaseException):
    pass


def limited(function, budget):
    watched = Watched(function)

    def ask(x):
        if len(watched.points) == budget:
            raise Enough
        return watched(np.array(x))

    return ask, watched


def by_scipy(method, **options):
    def run(ask, budget, jac=None):
        options.update({"maxiter": budget} if method == "COBYLA" else {"maxiter": budget, "maxfev": budget})
        if method == "L-BFGS-B":
            options["maxfun"] = options.pop("maxfev", budget)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scipy.optimize.minimize(ask, START.copy(), method=method, jac=jac, options=options)

    return run


def by_cma(ask, budget):
    import cma

    rng = generator(KEY, "solver")
    options = {"randn": lambda *s: rng.standard_normal(s), "seed": np.nan, "verbose": -9, "verb_log": 0}
    cma.fmin2(ask, START, 0.5, options)


def by_nevergrad(method):
    def run(ask, budget):
        import nevergrad as ng

        unknown = ng.p.Array(init=START).set_mutation(sigma=1.0)
        unknown.random_state.seed(int(generator(KEY, "solver").integers(2**32)))
        np.random.set_bit_generator(np.random.MT19937(digest(KEY, "global draws")[0] % 2**64))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ng.optimizers.registry[method](unknown, budget=budget).minimize(ask)

    return run


def by_pybobyqa(ask, budget):
    import pybobyqa

    pybobyqa.solve(ask, START, maxfun=max(budget, 11), do_logging=False)


def by_noisy_pybobyqa(ask, budget):
    import pybobyqa

    np.random.set_bit_generator(np.random.MT19937(digest(KEY, "global draws")[0] % 2**64))
    pybobyqa.solve(ask, START, maxfun=max(budget, 11), objfun_has_noise=True, do_logging=False)


DIRECT = [
    ("nelder-mead", {}, by_scipy("Nelder-Mead", xatol=0.0, fatol=0.0)),
    ("nelder-mead", {"adaptive": "yes"}, by_scipy("Nelder-Mead", xatol=0.0, fatol=0.0, adaptive=True)),
    ("powell", {}, by_scipy("Powell", ftol=0.0)),
    ("cobyla", {}, by_scipy("COBYLA", tol=1e-8)),
    ("cobyqa", {"radius": 0.5}, by_scipy("COBYQA", initial_tr_radius=0.5, final_tr_radius=1e-8)),
    ("lbfgsb", {}, by_scipy("L-BFGS-B", ftol=0.0, gtol=0.0)),
    (
        "lbfgsb",
        {"difference": "3-point", "memory": 3},
        lambda ask, budget: by_scipy("L-BFGS-B", ftol=0.0, gtol=0.0, maxcor=3)(ask, budget, "3-point"),
    ),
    ("cma-es", {}, by_cma),
    ("nevergrad", {"method": "OnePlusOne"}, by_nevergrad("OnePlusOne")),
    ("nevergrad", {"method": "TwoPointsDE"}, by_nevergrad("TwoPointsDE")),
    ("nevergrad", {"method": "CMA"}, by_nevergrad("CMA")),
    ("nevergrad", {"method": "PSO"}, by_nevergrad("PSO")),
    ("py-bobyqa", {}, by_pybobyqa),
    ("py-bobyqa", {"noisy": "yes"}, by_noisy_pybobyqa),
]
LABELS = ["-".join([name, *map(str, given.values())]) for name, given, _ in DIRECT]


@pytest.mark.parametrize("function", [banana, bowl])
@pytest.mark.parametrize(("name", "given", "direct"), DIRECT, ids=LABELS)
def test_the_points_asked_are_the_packages_own(name, given, direct, function):
    need(name)
    budget = 150
    ask, theirs = limited(function, budget)
    kept = np.random.get_bit_generator()
    try:
        direct(ask, budget)
    except Enough:
        pass
    finally:
        np.random.set_bit_generator(kept)
    _, ours = minimize(name, function, budget, parameters=given)
    assert np.array_equal(ours.points, theirs.points)
    assert len(ours.points) > 20
    # the comparison can fail: one parameter changed, or another seed
    changed = {"lbfgsb": {"radius": 1e-7}, "powell": {"xtol": 1e-3}, "nelder-mead": {"simplex": 0.1}}
    other = changed.get(name, {"rhobeg": 0.7} if name in ("cobyla", "py-bobyqa") else {"radius": 0.7})
    other = {"sigma0": 0.9} if name in ("cma-es", "nevergrad") else other
    if given.get("difference") == "3-point":
        other = {"difference": "2-point"}
    _, mutant = minimize(name, function, budget, parameters={**given, **other})
    assert not np.array_equal(mutant.points, theirs.points)


def test_every_budget_is_kept_and_every_query_counted(name):
    for budget in BUDGETS:
        result, watched = minimize(name, banana, budget)
        trace = result.trace
        assert result.nfev == trace.count == len(watched.points) <= budget
        assert trace.status == ("budget" if trace.count == budget else "finished")
        assert trace.best == min(map(banana, watched.points)) == result.fun
        assert np.array_equal(
            trace.bests, np.minimum.accumulate([*map(banana, watched.points)])[trace.queries - 1]
        )


def test_a_compiled_objective_is_asked_as_a_callable_is(name):
    made = zobench.problem("rosenbrock" if "rosenbrock" in catalogue("problems") else "quadratic", dim=4)
    compiled = zobench.minimize(made, solver=name, budget=SHORT.get(name, 120), seed=5)
    watched = Watched(made.value)
    called = zobench.minimize(watched, made.x0, solver=name, budget=SHORT.get(name, 120), seed=5)
    assert (compiled.nfev, compiled.nit) == (called.nfev, called.nit)
    assert np.array_equal(compiled.x, called.x)
    assert np.array_equal(compiled.trace.bests, called.trace.bests)
    hit = compiled.trace.hits >= 0
    best = np.minimum.accumulate([made.value(x) for x in watched.points]) - compiled.trace.reference
    aims = compiled.trace.targets * (compiled.trace.start - compiled.trace.reference)
    assert hit.any()
    for at, aim in zip(compiled.trace.hits[hit], aims[hit], strict=True):
        assert best[at - 1] <= aim * (1 + 1e-15)
        assert at == 1 or best[at - 2] > aim * (1 - 1e-15)


def test_what_the_objective_raises_comes_out_unchanged_and_nothing_is_asked_after(name):
    for fault in (
        RuntimeError("mine"),
        ValueError("mine, too"),
        KeyboardInterrupt(),
        np.linalg.LinAlgError("x"),
    ):
        watched = Watched(banana)

        def raising(x, watched=watched, fault=fault):
            watched(x)
            if len(watched.points) == 6:
                raise fault
            return banana(x)

        with pytest.raises(type(fault)) as caught:
            zobench.minimize(raising, START, solver=name, budget=50)
        assert caught.value is fault
        assert len(watched.points) == 6


@pytest.mark.parametrize("answer", [np.nan, np.inf, -np.inf, 0.0])
def test_strange_answers_are_counted_and_the_run_ends(name, answer):
    for every in 1, 3:
        calls = []

        def strange(x, calls=calls, every=every):
            calls.append(1)
            return answer if len(calls) % every == 0 else banana(x)

        result = zobench.minimize(strange, START, solver=name, budget=60)
        assert result.nfev == len(calls) <= 60


def test_a_seed_determines_every_bit_and_global_generators_are_left_alone(name):
    drawn, budget = [], SHORT.get(name, 60)

    def drawing(x):
        drawn.append((np.random.random(), random.random()))  # noqa: NPY002 - it is the global one that is meant
        return banana(x)

    runs = []
    for _ in range(2):
        np.random.seed(3)  # noqa: NPY002
        random.seed(3)
        runs.append(minimize(name, drawing, budget)[1].points)
    assert np.array_equal(*runs)
    # what the objective drew is one stream that nobody else drew from
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    expected = [(np.random.random(), random.random()) for _ in runs[0]]  # noqa: NPY002
    assert drawn[: len(expected)] == drawn[len(expected) :] == expected
    other = Watched(banana)
    zobench.minimize(other, START, solver=name, budget=budget, seed=6)
    assert solver(name).draws != np.array_equal(other.points, runs[0])


def test_a_callback_comes_after_each_step_and_may_end_the_run(name):
    seen, watched, budget = [], Watched(banana), SHORT.get(name, 200)

    def callback(x):
        seen.append((x, len(watched.points)))

    result = zobench.minimize(watched, START, solver=name, budget=budget, callback=callback)
    assert len(seen) == result.nit > 1
    assert np.array_equal(seen[-1][0], result.trace.x)
    plain = zobench.minimize(banana, START, solver=name, budget=budget)
    assert (plain.nfev, plain.nit) == (result.nfev, result.nit)
    assert np.array_equal(plain.x, result.x)

    def stopping(intermediate_result):
        if intermediate_result.nit == 2:
            raise StopIteration

    ended = zobench.minimize(banana, START, solver=name, budget=budget, callback=stopping)
    assert (ended.status, ended.nit, ended.nfev) == (2, 2, seen[1][1])

    def broken(x):
        raise ZeroDivisionError("in the callback")

    with pytest.raises(ZeroDivisionError, match="in the callback"):
        zobench.minimize(banana, START, solver=name, budget=budget, callback=broken)


def test_rows_and_means_are_those_of_the_iterates(name):
    made = zobench.problem("quadratic", dim=3, condition=4.0)
    iterates, budget = [made.x0], SHORT.get(name, 80)
    zobench.minimize(
        made, solver=name, budget=budget, callback=iterates.append, seed=key_of(made, name, budget=budget)
    )
    trace = zobench.run(made, name, budget=budget, observe=True)
    assert trace.steps == len(iterates) - 1
    assert np.array_equal(trace.x, iterates[-1])
    values = [made.value(x) for x in iterates]
    assert set(trace.values) <= set(values)
    assert trace.values[-1] == values[-1]
    assert trace.means["value"] == pytest.approx(np.mean(values[:-1]), rel=1e-12)
    norms = [np.linalg.norm(made.gradient(x)) for x in iterates[:-1]]
    assert trace.minima["gradient_norm"] == pytest.approx(min(norms), rel=1e-12, abs=1e-300)


def test_finite_differences_of_lbfgsb_are_queries():
    result, watched = minimize("lbfgsb", bowl, 400)
    own = scipy.optimize.minimize(
        bowl, START, method="L-BFGS-B", options={"ftol": 0.0, "gtol": 0.0, "maxfun": 400, "maxiter": 400}
    )
    assert result.nfev == len(watched.points) == own.nfev
    assert result.nfev % (START.size + 1) == 0
    assert np.count_nonzero(np.abs(watched.points[1] - watched.points[0])) == 1


@pytest.mark.parametrize("name", ["powell", "cobyla", "cobyqa", "py-bobyqa"])
def test_the_packages_own_end_is_told(name):
    need(name)
    result, _ = minimize(name, bowl, 2000)
    assert result.status == 1
    assert result.message.startswith(f"{solver(name).package} ended the run: ")
    assert len(result.message) > 45
    assert result.fun < 1e-9


def test_on_noise_the_record_is_noiseless_and_the_iterate_is_the_packages(name):
    made = zobench.problem("quadratic", dim=3, condition=4.0, noise="gaussian level=0.01")
    traces = [zobench.run(made, name, budget=SHORT.get(name, 100), seed=seed) for seed in (1, 1, 2)]
    assert traces[0].count == traces[1].count
    assert np.array_equal(traces[0].x, traces[1].x)
    assert not np.array_equal(traces[0].x, traces[2].x)
    # finite differences over 1e-8 see nothing but the noise
    assert (traces[0].value < traces[0].start) == (name != "lbfgsb")
    assert 0.0 <= traces[0].best <= traces[0].start


# A package of our own: what no real one does in every version.


class Nothing(NamedTuple):
    """No parameters."""


def made_of(solve, **more):
    return OwnLoop(
        name="temporary", summary="for tests", solve=solve, source="none", parameters=Nothing, **more
    )


def swallowing(loop, parameters):
    asked = 0
    for _ in range(100):
        asked += 1
        try:
            loop.query(loop.x0 + 0.01 * asked)
        except BaseException:  # worse than any package
            continue
    return "went on"


def test_a_package_that_swallows_the_stop_gets_nothing_evaluated():
    watched = Watched(bowl)
    result = zobench.minimize(watched, START, solver=made_of(swallowing), budget=7)
    assert result.nfev == len(watched.points) == 7
    assert result.status == 0

    def raising(x):
        raise OSError("mine")

    with pytest.raises(OSError, match="mine"):
        zobench.minimize(raising, START, solver=made_of(swallowing), budget=7)


def test_an_adapter_that_does_not_count_or_stop_would_be_seen(monkeypatch):
    # the mutant asks the objective itself and not the oracle
    function = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_int64] * 3)

    def around(loop, x):
        loop._ask(*loop._place)
        return function(loop._run.objective.address)(x.ctypes.data, x.size, 0)

    monkeypatch.setattr(own_loop.Loop, "query", around)
    watched = Watched(bowl)
    result = zobench.minimize(watched, START, solver=made_of(swallowing), budget=7)
    assert result.nfev == 7 < len(watched.points)


def test_what_a_package_raises_ends_the_run_in_one_sentence():
    def late(loop, parameters):
        loop.query(loop.x0)
        raise FloatingPointError("no\nway")

    result = zobench.minimize(bowl, START, solver=made_of(late), budget=7)
    assert (result.nfev, result.status) == (1, 1)
    assert result.message == "scipy raised FloatingPointError: no way"

    def early(loop, parameters):
        raise TypeError("no such option")

    with pytest.raises(ZobenchError, match="solver 'temporary': scipy raised TypeError: no such option"):
        zobench.minimize(bowl, START, solver=made_of(early), budget=7)

    def translating(loop, parameters):
        try:
            while True:
                loop.query(loop.x0)
        except own_loop.Halt:
            raise ValueError("translated") from None

    result = zobench.minimize(bowl, START, solver=made_of(translating), budget=7)
    assert (result.nfev, result.message) == (7, "The budget of queries was spent.")


def test_warnings_of_a_package_are_told_and_those_of_the_objective_are_the_users():
    # in a module that is the package's
    module = {"warnings": warnings, "np": np, "__name__": "scipy.ours"}
    exec(
        "def solve(loop, parameters):\n"
        "    for _ in range(3):\n"
        "        loop.query(loop.x0)\n"
        "        warnings.warn('be careful')\n"
        "        np.log(np.array([0.0]))\n"
        "    return 'all right'\n",
        module,
    )
    guest = made_of(module["solve"])
    result = zobench.minimize(bowl, START, solver=guest, budget=7)
    assert result.message == (
        "scipy ended the run: all right  It warned 3 times: UserWarning: be careful  "
        "It warned 3 times: RuntimeWarning: divide by zero encountered in log"
    )

    def mine(x):
        warnings.warn("of the objective", stacklevel=1)
        return bowl(x)

    with pytest.raises(UserWarning, match="of the objective"):  # as errors are the suite's filter
        zobench.minimize(mine, START, solver=guest, budget=7)
    with pytest.warns(UserWarning, match="of the objective"):
        assert zobench.minimize(mine, START, solver=guest, budget=7).nfev == 3


def test_the_contract_catches_a_loop_that_breaks_it():
    def unfair(loop, parameters):
        loop.query(loop.x0)
        while True:  # other points in every run
            unfair.calls += 1
            loop.query(loop.x0 + unfair.calls)
            loop.step()

    unfair.calls = 0
    broken = {outcome.name for outcome in check_solver(made_of(unfair)) if not outcome.ok}
    assert {"same seed same bits", "imports are harmless"} <= broken  # of this file, which imports anything


@pytest.mark.parametrize("name", PEERS)
def test_a_missing_package_is_one_sentence(name, monkeypatch):
    real = own_loop.find_spec
    monkeypatch.setattr(own_loop, "find_spec", lambda x: None if x == PEERS[name] else real(x))
    package = solver(name).package
    sentence = f"the package {package} is not installed: pip install 'zobench[peers]'"
    for use in (
        lambda: zobench.minimize(bowl, START, solver=name, budget=7),
        lambda: zobench.run("quadratic", name, budget=7),
        lambda: Campaign.from_options(["quadratic"], [name], "7", "1"),
    ):
        with pytest.raises(ZobenchError) as caught:
            use()
        assert str(caught.value).removeprefix("run: ") == f"solver {name!r}: {sentence}"
    (outcome,) = check_solver(solver(name))
    assert outcome.ok
    assert outcome.message.endswith(sentence)
    for words in ["list", "solvers"], ["show", name]:
        shown = CliRunner().invoke(cli, words)
        assert (shown.exit_code, sentence in shown.output) == (0, True)


def test_an_old_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr(own_loop.importlib.metadata, "version", lambda package: "1.13.1")
    with pytest.raises(ZobenchError, match=r"the package scipy must be of version >= 1\.14, got 1\.13\.1"):
        zobench.run("quadratic", "cobyqa", budget=7)
    monkeypatch.setattr(own_loop.importlib.metadata, "version", lambda package: "1.14.0rc1")
    assert solver("cobyqa").missing == ""


def test_keys_make_the_same_runs_one_by_one_and_together(name):
    keys = [key_of("quadratic", name, budget=40, seed=seed) for seed in range(2)]
    together = {trace.key: trace for batch in run_keys(keys, workers=1) for trace in batch}
    for key in keys:
        alone = zobench.run("quadratic", name, budget=40, seed=key.seed)
        assert np.array_equal(alone.x, together[key].x)
        assert alone.count == together[key].count


def test_the_command_line_shows_and_runs_them(name, tmp_path):
    shown = CliRunner().invoke(cli, ["show", name])
    assert shown.exit_code == 0
    for word in ("Library:", "Queries:", "The iterate is", "Memory:", "is installed", "Parameters"):
        assert word in shown.output
    done = CliRunner().invoke(
        cli, ["run", "-p", "quadratic", "-s", name, "--budget", "30", "--store", str(tmp_path / "a.sqlite")]
    )
    assert done.exit_code == 0, done.output
    assert name in done.output


def test_campaigns_plan_with_the_packages_own_time():
    slow, fast = (key_of("quadratic", name, budget=1000) for name in ("cobyqa", "s2p"))
    seconds = expected_seconds([slow, fast])  # of the same objective, whatever it takes itself
    assert seconds[0] - seconds[1] == pytest.approx(0.6, rel=1e-3)


@pytest.mark.slow
def test_workers_make_the_same_runs(name):
    keys = [key_of("quadratic", name, budget=40, seed=seed) for seed in range(4)]
    together = {trace.key: trace for batch in run_keys(keys, workers=2) for trace in batch}
    for key in keys:
        assert np.array_equal(zobench.run("quadratic", name, budget=40, seed=key.seed).x, together[key].x)
