"""Campaigns: what a file expands to; neither workers nor faults nor a kill change what is stored."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

import zobench
from zobench.campaign.definition import Campaign, execute
from zobench.errors import ZobenchError
from zobench.execute import instance_of, key_of, run_key
from zobench.family import Foreign
from zobench.parallel import workers
from zobench.registry import catalogue
from zobench.store.database import Store

SMALL = Campaign.from_options(
    ["quadratic:dim=5", "quadratic:dim=7,condition=10"], ["s2p", "stp"], "20 d", 4, observe=True
)


def contents(path):
    """Every row of every table but for the clock's columns, by run id."""
    tables = {
        "runs": (
            "problem, dim, instance_seed, problem_parameters, solver, solver_parameters, budget, seed, "
            "noise, observed, version, status, message, count, steps, start, value, best, reference, "
            "environment"
        ),
        "traces": "t.row, t.queries, t.best, t.value, t.gradient_norm, t.running_mean",
        "hits": "t.target, t.queries",
        "observations": "t.quantity, t.mean, t.minimum",
    }
    connection = sqlite3.connect(path)
    found = {}
    for table, columns in tables.items():
        join = "" if table == "runs" else f"JOIN {table} AS t ON t.run = runs.number"
        found[table] = sorted(
            connection.execute(f"SELECT runs.id, {columns} FROM runs {join}").fetchall(), key=repr
        )
    connection.close()
    return found


def test_a_file_expands_to_the_grid(tmp_path):
    (tmp_path / "c.toml").write_text(
        textwrap.dedent("""
            title = "grid"
            budget = [100, "2.5 d"]
            seeds = [3, 5]
            observe = true
            [[problems]]
            name = "quadratic"
            dim = [4, 6]
            seed = 1
            condition = [1, 10]
            [[solvers]]
            name = "s2p"
            law = ["gaussian", "rademacher"]
            [[solvers]]
            name = "stp"
        """)
    )
    campaign = Campaign.from_toml(tmp_path / "c.toml")
    assert campaign.title == "grid"
    assert len(campaign.keys) == (2 * 2) * (2 + 1) * 2 * 2
    assert {(key.dim, key.budget) for key in campaign.keys} == {(4, 100), (4, 10), (6, 100), (6, 15)}
    assert {key.seed for key in campaign.keys} == {3, 5}
    assert {(key.instance_seed, key.observed) for key in campaign.keys} == {(1, True)}
    assert len({key.digest() for key in campaign.keys}) == len(campaign.keys)


def test_flags_and_a_file_name_the_same_runs(tmp_path):
    (tmp_path / "c.toml").write_text(
        'problems = ["quadratic:dim=4,condition=10"]\nsolvers = ["s2p"]\nbudget = 50\nseeds = 2\n'
    )
    flags = Campaign.from_options(["quadratic:dim=4,condition=10"], ["s2p"], "50", "2")
    assert Campaign.from_toml(tmp_path / "c.toml").keys == flags.keys
    assert Campaign.from_toml(tmp_path / "c.toml").title == "c"
    key = zobench.run(zobench.problem("quadratic", dim=4, condition=10), "s2p", budget=50, seed=1).key
    assert flags.keys[1].digest() == key.digest()


def test_what_is_asked_twice_is_run_once():
    campaign = Campaign.from_options(["quadratic", "quadratic:dim=10"], ["s2p", "s2p"], 100, 2)
    assert len(campaign.keys) == 2


def test_every_fault_is_told_at_once():
    table = {
        "sedes": 3,
        "budget": ["10 x", 0],
        "seeds": -1,
        "problems": [{"name": "quadratc"}, {"name": "quadratic", "dim": [0, 3], "condition": []}],
        "solvers": [{"name": "stp", "rule": "fast", "alpha": 1}, {"law": "gaussian"}],
    }
    with pytest.raises(ZobenchError) as raised:
        Campaign.from_table(table, "campaign 'x'")
    said = str(raised.value)
    for part in [
        "got 'sedes'; did you mean 'seeds'?",
        "got '10 x'",
        "got 0",
        "seeds, their number, must be a whole number >= 1",
        "got 'quadratc'; did you mean 'quadratic'?",
        "problem 'quadratic': condition must not be an empty list",
        "rule must be one of 'fixed', 'decreasing', 'finite-difference'",
        "got 'fast'",
        "got 'alpha'; did you mean 'alpha0'?",
        "each must have a name, got {'law': 'gaussian'}",
    ]:
        assert part in said, part
    assert len(said.splitlines()) == 11


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budget = = 3", "not valid TOML.*line 1"),
        ("budget = 3", "2 faults:\n  problems must be given\n  solvers must be given"),
        (
            "budget = 3\nproblems = 'quadratic'\nsolvers = ['s2p']",
            r"headed \[\[problems\]\], got 'quadratic'",
        ),
        ("budget = 3\nproblems = ['quadratic']\n[solvers]\nname='s2p'", r"headed \[\[solvers\]\]"),
        ("budget = []\nproblems = ['quadratic']\nsolvers = ['s2p']", "budget must not be an empty list"),
        ("budget = 3\nseeds = []\nproblems = ['quadratic']\nsolvers = ['s2p']", "seeds must not be an empty"),
        ("budget = 3\nobserve = 1\nproblems = ['quadratic']\nsolvers = ['s2p']", "true or false, got 1"),
        ("budget = 3\nproblems = ['quadratic:dim']\nsolvers = ['s2p']", "key=value,key=value, got 'dim'"),
    ],
)
def test_a_faulty_file_is_one_sentence(tmp_path, text, said):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ZobenchError, match=said) as raised:
        Campaign.from_toml(tmp_path / "c.toml")
    assert "\n" not in str(raised.value) or "2 faults" in said


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(ZobenchError, match="does not exist"):
        Campaign.from_toml(tmp_path / "none.toml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ZobenchError, match="UTF-8"):
        Campaign.from_toml(tmp_path / "binary")
    with pytest.raises(ZobenchError, match="cannot be read"):
        Campaign.from_toml(tmp_path)


def test_same_bits_in_every_executor(tmp_path):
    told = []
    with Store(tmp_path / "one") as store:
        tally = execute(SMALL, store, 1, lambda done, total, text: told.append((done, total)))
        assert (tally.total, tally.done, tally.kept, tally.failed) == (16, 16, 0, 0)
    assert told == sorted(told)  # short runs are told together
    assert (told[0], told[-1]) == ((0, 16), (16, 16))
    with Store(tmp_path / "two") as store:
        execute(SMALL, store, 2)
    with Store(tmp_path / "threads") as store, ThreadPoolExecutor(3) as threads:
        execute(SMALL, store, executor=threads)
    with Store(tmp_path / "auto") as store:
        execute(SMALL, store)
    one = contents(tmp_path / "one")
    assert len(one["runs"]) == 16
    assert one["traces"]
    assert one["hits"]
    assert one["observations"]
    for name in "two", "threads", "auto":
        assert contents(tmp_path / name) == one, name


def test_what_the_store_has_is_not_done_again(tmp_path, monkeypatch):
    with Store(tmp_path / "s") as store:
        execute(Campaign("part", SMALL.keys[::3]), store, 1)
        done = []
        here = workers._run_one
        monkeypatch.setattr(workers, "_run_one", lambda key: done.append(key) or here(key))
        tally = execute(SMALL, store, 1)
        assert done == [key for place, key in enumerate(SMALL.keys) if place % 3]
        assert (tally.kept, tally.done) == (6, 10)
        assert execute(SMALL, store, 1).done == 0
    with Store(tmp_path / "whole") as store:
        execute(SMALL, store, 1)
    assert contents(tmp_path / "s") == contents(tmp_path / "whole")


def test_workers_must_be_a_number(tmp_path):
    with Store(tmp_path / "s") as store, pytest.raises(ZobenchError, match=r"workers must be .*got 0"):
        execute(SMALL, store, 0)


class Broken(Executor):
    """An executor whose second call breaks it."""

    def submit(self, function, /, *arguments):
        future = Future()
        if hasattr(self, "used"):
            future.set_exception(BrokenExecutor("gone"))
        else:
            future.set_result(function(*arguments))
        self.used = True
        return future


def test_a_broken_executor_of_the_caller_keeps_what_was_done(tmp_path):
    with Store(tmp_path / "s") as store:
        with pytest.raises(ZobenchError, match="executor given has broken"):
            execute(SMALL, store, executor=Broken())
        assert 0 < len(store.runs()) < len(SMALL.keys)


FAULTY = '''
"""A solver that fails as it is told to."""

import os
import signal
from typing import Annotated, NamedTuple

from zobench.instance import Vector
from zobench.oracle import query
from zobench.parameters import Choice
from zobench.solver import Solver


class Parameters(NamedTuple):
    fault: Annotated[str, Choice("none", "raise", "die")] = "none"


class State(NamedTuple):
    x: Vector


def step(oracle, state, parameters, k, stream):
    query(oracle, state.x)


def settle(parameters, setting):
    if parameters.fault == "raise":
        raise RuntimeError("as told")
    if parameters.fault == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return parameters


solver = Solver(
    name="faulty",
    summary="fails as it is told to",
    step=step,
    state=State,
    cost=lambda parameters, setting: 1,
    parameters=Parameters,
    settle=settle,
    source="these tests",
)
'''


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    """A third party's package with the solver `faulty`, installed for this test and its workers."""
    site = tmp_path / "site"
    (site / "faulty_solvers").mkdir(parents=True)
    (site / "faulty_solvers" / "__init__.py").touch()
    (site / "faulty_solvers" / "faulty.py").write_text(FAULTY)
    (site / "faulty-1.dist-info").mkdir()
    (site / "faulty-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1\n")
    (site / "faulty-1.dist-info" / "entry_points.txt").write_text(
        "[zobench.solvers]\nfaulty = faulty_solvers\n"
    )
    monkeypatch.syspath_prepend(site)
    catalogue.cache_clear()
    yield site
    catalogue.cache_clear()
    for name in [name for name in sys.modules if name.startswith("faulty_solvers")]:
        del sys.modules[name]


def statuses(store):
    runs = store.runs()
    return {
        (parameters, seed): (status, message)
        for parameters, seed, status, message in zip(
            runs["solver_name"], runs["seed"], runs["status"], runs["message"], strict=True
        )
    }


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_that_raises_costs_its_own_row(tmp_path, faulty, count):
    campaign = Campaign.from_options(["quadratic"], ["faulty", "faulty:fault=raise", "s2p"], 20, 2)
    with Store(tmp_path / "s") as store:
        tally = execute(campaign, store, count)
        assert (tally.done, tally.failed) == (6, 2)
        found = statuses(store)
    for seed in 0, 1:
        assert found["faulty (fault=raise)", seed] == ("failed", "RuntimeError: as told")
        assert found["faulty", seed][0] == found["s2p", seed][0] == "budget"


def test_an_unfit_parameter_costs_its_own_row(tmp_path):
    # cosh certifies no L, which this step rule needs
    campaign = Campaign.from_options(["cosh", "quadratic"], ["stp:rule=finite-difference"], 30, 1)
    with Store(tmp_path / "s") as store:
        tally = execute(campaign, store, 1)
        assert tally.failed == 1
        failed = store.runs().query("status == 'failed'")
        assert failed["problem"].tolist() == ["cosh"]
        assert "certifies no L" in failed["message"].iloc[0]


def test_a_worker_that_dies_costs_the_run_that_killed_it(tmp_path, faulty):
    # the seeds of one solver lie together in chunks, so runs die in company
    campaign = Campaign.from_options(["quadratic"], ["faulty", "faulty:fault=die", "s2p"], 20, 3)
    mixed = Campaign("mixed", campaign.keys[:5] + campaign.keys[6:])
    with Store(tmp_path / "s") as store:
        tally = execute(mixed, store, 2)
        assert (tally.done, tally.failed) == (8, 2)
        found = statuses(store)
        assert [found["faulty (fault=die)", seed][0] for seed in (0, 1)] == ["failed"] * 2
        assert "worker process died" in found["faulty (fault=die)", 0][1]
        assert all(found[name, seed][0] == "budget" for name in ("faulty", "s2p") for seed in range(3))
        assert execute(mixed, store, 2).done == 0, "a failed run is not done again unasked"


def test_failed_runs_are_done_again_when_asked(tmp_path, faulty):
    campaign = Campaign.from_options(["quadratic"], ["faulty:fault=raise"], 20, 2)
    with Store(tmp_path / "s") as store:
        execute(campaign, store, 1)
        tally = execute(campaign, store, 1, retry_failed=True)
        assert (tally.done, tally.failed, tally.kept) == (2, 2, 0)


def test_a_run_without_a_finite_answer_says_so_and_is_repeated(tmp_path):
    keys = [key_of("quadratic", "s2p", budget=30, seed=seed) for seed in (0, 1)]
    campaign = Campaign("c", tuple(keys))
    lost = Foreign(lambda x: math.nan, lambda x: math.nan, lambda: 30)
    made = replace(instance_of(keys[1]), foreign=lost)
    with Store(tmp_path / "s") as store:
        store.put(run_key(keys[0]), run_key(keys[1], made=made))
        assert [row["message"] for row in store.outcomes(keys)] == [
            "The budget of queries was spent.",
            "The budget of queries was spent.  No answer was a finite number.",
        ]
        assert store.has(keys)
        assert store.missing(keys, failed=True) == keys[1:]
        assert execute(campaign, store, 1).done == 0
        assert execute(campaign, store, 1, retry_failed=True).done == 1
        assert store.missing(keys, failed=True) == []


# A campaign of many short runs, for the processes that are killed below.
LONG = """
problems = ["quadratic:dim=20,condition=10", "quadratic:dim=30"]
solvers = ["s2p", "stp"]
budget = 20000
seeds = {seeds}
"""


def start(folder, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "zobench", "run", "c.toml", "--store", "s", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def count(path):
    if not path.exists():
        return 0
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute("SELECT count(*) FROM runs").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.OperationalError:  # its tables are being made
        return 0


def wait_for_rows(process, path, rows):
    """Poll the store until it has that many runs."""
    end = time.monotonic() + 60
    while count(path) < rows:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no rows after a minute"
        time.sleep(0.005)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_killed_and_resumed_equals_uninterrupted(tmp_path, processes):
    (tmp_path / "c.toml").write_text(LONG.format(seeds=60))
    process = start(tmp_path, "--workers", processes)
    wait_for_rows(process, tmp_path / "s", 12)
    process.send_signal(signal.SIGKILL)
    # workers hold these pipes: that they close within the time shows that the workers have ended too
    process.communicate(timeout=10)
    before = count(tmp_path / "s")
    assert 12 <= before < 240, "killed too late to show anything"
    resumed = start(tmp_path, "--workers", processes, "--json")
    said, complaints = resumed.communicate(timeout=60)
    assert (resumed.returncode, complaints) == (0, "")
    assert f'"kept": {before},' in said
    campaign = Campaign.from_toml(tmp_path / "c.toml")
    with Store(tmp_path / "whole") as store:
        execute(campaign, store, 1)
    assert contents(tmp_path / "s") == contents(tmp_path / "whole")


@pytest.mark.parametrize("processes", ["1", "3"])
def test_ctrl_c_ends_soon_and_keeps_what_is_done(tmp_path, processes):
    # two short runs and two of about a minute: Ctrl-C arrives in the middle of a run
    (tmp_path / "c.toml").write_text(
        'problems = ["quadratic"]\nsolvers = ["s2p"]\nbudget = [100, 1000000000]\nseeds = 2\n'
    )
    process = start(tmp_path, "--workers", processes, start_new_session=True)
    wait_for_rows(process, tmp_path / "s", 2)
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, complaints = process.communicate(timeout=30)
    seconds = time.monotonic() - begun
    assert process.returncode == 130
    assert complaints == ("zobench: interrupted; 2 of 4 runs are in s, the same command does the others\n")
    assert seconds < 2.5, "a second on an idle machine"
    with Store(tmp_path / "s", "read") as store:
        assert store.runs()["budget"].tolist() == [100, 100]


def test_a_script_without_a_guard_can_use_workers(tmp_path):
    (tmp_path / "script.py").write_text(
        textwrap.dedent("""
            from zobench.campaign.definition import Campaign, execute
            from zobench.store.database import Store

            print("once")
            campaign = Campaign.from_options(["quadratic"], ["s2p"], 50, 3)
            with Store("s") as store:
                print(execute(campaign, store, 2).done)
        """)
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("once\n3\n", "")


def test_workers_use_one_thread_each():
    with workers.Processes(1) as pool:
        for name in "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS":
            assert pool.submit(os.getenv, name).result() == "1", name
