"""Worker processes: what they answer, what they survive, and what a run may cost that does not end."""

import io
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import BrokenExecutor, Future
from importlib import import_module
from types import SimpleNamespace

import pytest

from benchmarks import stress
from zobench.campaign.definition import Campaign, execute
from zobench.cli.output import progress_bar
from zobench.errors import ZobenchError
from zobench.execute import key_of
from zobench.parallel import estimate, processes, workers
from zobench.parallel.pool import Lost, Pool
from zobench.parallel.processes import Processes, machine_memory
from zobench.parallel.progress import Watch, log_to
from zobench.parallel.worker import Phase
from zobench.registry import catalogue
from zobench.store.database import Store

# What the workers of these tests are asked to do comes from a package of a third party.
TROUBLE = '''
"""A solver that does as it is told: hang in compiled code, eat memory, exit, die; and calls for workers."""

import os
import signal
import sys
import time
from typing import Annotated, NamedTuple

from zobench.instance import Vector
from zobench.oracle import query
from zobench.parameters import Choice, Real
from zobench.solver import Solver


class Parameters(NamedTuple):
    fault: Annotated[str, Choice("none", "eat", "exit", "die", "interrupt", "close")] = "none"
    spin: Annotated[float, Real(0.0)] = 0.0


class State(NamedTuple):
    x: Vector


def step(oracle, state, parameters, k, stream):
    query(oracle, state.x)
    while parameters.spin > 0.0:
        state.x[0] += 0.0


def settle(parameters, setting):
    if "WELL" in os.environ:
        return parameters._replace(spin=0.0)
    if parameters.fault == "eat":
        kept = []
        for _ in range(60):
            kept.append(bytearray(os.urandom(1) * 10**8))
            time.sleep(0.1)
    if parameters.fault == "exit":
        sys.exit("as told")
    if parameters.fault == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if parameters.fault in ("interrupt", "close"):
        raise {"interrupt": KeyboardInterrupt, "close": GeneratorExit}[parameters.fault]("as told")
    return parameters


def three(death):
    yield 1
    time.sleep(0.05)
    yield 2
    time.sleep(0.05)
    if death:
        os.kill(os.getpid(), signal.SIGKILL)
    yield 3


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def odd():
    raise Odd(1, 2)


def talk():
    print("a word on stdout")
    os.write(1, b"and one more")
    return sys.stdin.read()


def function():
    return lambda: 0


solver = Solver(
    name="trouble",
    summary="does as it is told",
    step=step,
    state=State,
    cost=lambda parameters, setting: 1,
    parameters=Parameters,
    settle=settle,
    source="these tests",
)
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The package as it is installed; in one place, so that it is compiled once."""
    site = tmp_path_factory.mktemp("site")
    (site / "trouble_solvers").mkdir()
    (site / "trouble_solvers" / "__init__.py").touch()
    (site / "trouble_solvers" / "trouble.py").write_text(TROUBLE)
    (site / "trouble-1.dist-info").mkdir()
    (site / "trouble-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: trouble\nVersion: 1\n"
    )
    (site / "trouble-1.dist-info" / "entry_points.txt").write_text(
        "[zobench.solvers]\ntrouble = trouble_solvers\n"
    )
    return site


@pytest.fixture
def trouble(site, monkeypatch):
    """The module, found by this process and its workers."""
    monkeypatch.syspath_prepend(site)
    catalogue.cache_clear()
    yield import_module("trouble_solvers.trouble")
    catalogue.cache_clear()
    for name in [name for name in sys.modules if name.startswith("trouble_solvers")]:
        del sys.modules[name]


def outcomes(store):
    runs = store.runs()
    return dict(zip(runs["solver_name"], zip(runs["status"], runs["message"], strict=True), strict=True))


def test_calls_and_what_becomes_of_them(trouble, capfd):
    with Processes(1) as pool:
        first = pool.submit(os.getpid).result()
        assert first != os.getpid()
        assert pool.submit(trouble.three, False).result() == [1, 2, 3]
        assert pool.submit(trouble.talk).result() == "", "what a run prints or reads is not the pipe"
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
        with pytest.raises(RuntimeError, match="cannot be read"):
            pool.submit(trouble.odd).result()
        with pytest.raises(Exception, match="lambda"):
            pool.submit(trouble.function).result()
        assert pool.submit(os.getpid).result() == first, "no fault of a call ends its worker"
        with pytest.raises(Lost, match="SIGKILL") as lost:
            pool.submit(trouble.three, True).result()
        assert lost.value.items == [1, 2], "what was made before is not lost"
        assert pool.submit(os.getpid).result() != first
    assert capfd.readouterr() == ("", "a word on stdout\nand one more")
    with pytest.raises(RuntimeError, match="ended"):
        pool.submit(os.getpid)


def test_a_worker_that_is_killed_from_outside_takes_its_call_alone():
    with Processes(2) as pool:
        long = pool.submit(time.sleep, 60)
        pids = {pool.submit(os.getpid).result() for _ in range(2)}
        while not (busy := [w for w in pool._workers if w.since is not None and w.process.pid not in pids]):
            assert not long.done()
            time.sleep(0.01)
        os.kill(busy[0].process.pid, signal.SIGKILL)
        with pytest.raises(Lost, match="SIGKILL"):
            long.result()
        assert pool.submit(divmod, 7, 2).result() == (3, 1)


def test_no_worker_comes_up(monkeypatch):
    monkeypatch.setattr(processes, "START", "raise SystemExit(3)")
    with Processes(1) as pool:
        with pytest.raises(BrokenExecutor):
            pool.submit(os.getpid).result()
        with pytest.raises(ZobenchError, match="use --workers 1"):
            pool.check()
    with pytest.raises(ZobenchError, match="use --workers 1"):
        list(
            workers.run_keys([key_of("quadratic", "s2p", budget=9, seed=seed) for seed in (0, 1)], workers=2)
        )


class Gone(Pool):
    """A cluster whose scheduler has gone before it was asked anything."""

    count = 1

    def __init__(self, said=""):
        self.said = said

    def submit(self, *arguments):
        future = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future

    def check(self):
        if self.said:
            raise ZobenchError(self.said)


def test_a_pool_that_is_gone_before_the_first_run_says_so():
    for said, told in (("the scheduler has gone", "scheduler has gone"), ("", "executor given has broken")):
        with pytest.raises(ZobenchError, match=told):
            list(workers.run_keys([key_of("quadratic", "s2p", budget=9)], executor=Gone(said)))


def test_killing_a_pool_ends_its_processes_now():
    begun = time.monotonic()
    pool = Processes(1)
    pool.submit(os.getpid).result()
    process = next(iter(pool._workers)).process
    pool.submit(time.sleep, 60)
    pool.__exit__(KeyboardInterrupt)
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - begun < 30


def test_the_time_limit(trouble, tmp_path, monkeypatch):
    """One run hangs in compiled code, one exits; each is its own row, and done again."""
    solvers = ["trouble", "trouble:spin=1", "trouble:fault=exit", "s2p"]
    campaign = Campaign.from_options(["quadratic"], solvers, 20, 1)
    with Store(tmp_path / "s") as store:
        with Processes(2, run_limit=2.0) as pool:
            tally = execute(campaign, store, executor=pool)
        assert (tally.done, tally.failed) == (4, 2)
        found = outcomes(store)
        assert found["trouble"][0] == found["s2p"][0] == "budget"
        assert found["trouble (fault=exit)"] == ("failed", "SystemExit: as told")
        status, said = found["trouble (spin=1)"]
        assert (status, said) == ("failed", "the run took longer than its limit of 2 s and was stopped")
        with Processes(2, run_limit=2.0) as pool:
            assert execute(campaign, store, executor=pool).done == 0
            monkeypatch.setenv("WELL", "1")
            tally = execute(campaign, store, executor=pool, retry_failed=True)
        assert (tally.done, tally.failed, tally.kept) == (2, 0, 2)
    with Store(tmp_path / "whole") as store:
        execute(campaign, store, 1)
    assert stress.contents(tmp_path / "s") == stress.contents(tmp_path / "whole")


def test_the_memory_limit(trouble, tmp_path):
    campaign = Campaign.from_options(["quadratic"], ["trouble:fault=eat", "s2p"], 20, 1)
    with Store(tmp_path / "s") as store:
        with Processes(1, memory=10**9) as pool:
            execute(campaign, store, executor=pool)
        found = outcomes(store)
    assert found["s2p"][0] == "budget"
    status, said = found["trouble (fault=eat)"]
    assert status == "failed"
    assert "GB in this run, more than its limit of 1.00 GB, and was stopped" in said


def test_an_exit_in_this_process_is_a_row_too(trouble, tmp_path):
    with Store(tmp_path / "s") as store:
        execute(Campaign.from_options(["quadratic"], ["trouble:fault=exit", "s2p"], 20, 1), store, 1)
        assert outcomes(store)["trouble (fault=exit)"] == ("failed", "SystemExit: as told")


def test_what_only_programs_raise_costs_its_own_run_and_no_worker(trouble, tmp_path, caplog):
    solvers = ["trouble:fault=interrupt", "trouble:fault=close", "s2p"]
    with Store(tmp_path / "s") as store, caplog.at_level(logging.WARNING, "zobench"):
        assert execute(Campaign.from_options(["quadratic"], solvers, 20, 1), store, 2).failed == 2
        found = outcomes(store)
    assert found["trouble (fault=interrupt)"] == ("failed", "KeyboardInterrupt: as told")
    assert found["trouble (fault=close)"] == ("failed", "GeneratorExit: as told")
    assert "another one takes over" not in caplog.text
    with Store(tmp_path / "t") as store, pytest.raises(KeyboardInterrupt):
        execute(Campaign.from_options(["quadratic"], solvers, 20, 1), store, 1)  # as if somebody typed it


def test_code_of_other_packages_is_kept_out_of_this_process(site, tmp_path):
    """A few short runs would be done here, and this one would end the campaign."""
    said = subprocess.run(
        [sys.executable, "-m", "zobench", "run", "-p", "quadratic", "--budget", "20", "--store", "s",
         "-s", "trouble:fault=die", "-s", "s2p"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True,
    )  # fmt: skip
    assert said.returncode == 1, said.stderr
    assert "1 of 2 runs failed" in said.stderr
    with Store(tmp_path / "s", "read") as store:
        assert sorted(store.runs()["status"]) == ["budget", "failed"]


def test_the_machine_says_its_memory():
    assert machine_memory() > 2**28
    with Processes(2) as pool:
        assert pool.memory == int(0.9 * machine_memory() / 2)


def keys(count):
    return [key_of("quadratic", "s2p", budget=9, seed=seed) for seed in range(count)]


def test_chunks_are_long_enough_to_send_and_small_enough_to_balance():
    short = workers._chunks(keys(4000), [1e-3] * 4000, 2)
    assert {len(chunk) for chunk in short} <= {64, 32}
    assert sum(map(len, short)) == 4000
    assert max(map(len, workers._chunks(keys(40), [1e-3] * 40, 2))) == 5, "four chunks a worker"
    middling = workers._chunks(keys(100), [0.05] * 100, 2)
    assert {len(chunk) for chunk in middling} <= {3, 4}, "a fifth of a second"


def test_an_evaluation_is_not_timed_by_what_a_process_does_once(monkeypatch):
    key = key_of("quadratic", "s2p", budget=9)
    times = iter([0.0, 0.4, 1.0, 1.0 + 2e-5, 2.0, 2.0 + 3e-5])  # begin and end of each
    monkeypatch.setattr(estimate, "time", SimpleNamespace(perf_counter=times.__next__))
    assert 1e-5 < estimate.seconds_of_query(key) < 2e-5
    slow = iter([0.0, 5.0])  # one that takes so long is not asked again
    monkeypatch.setattr(estimate, "time", SimpleNamespace(perf_counter=slow.__next__))
    assert estimate.seconds_of_query(key) > 4.9


def test_long_runs_are_chunks_of_their_own_and_come_first():
    every = keys(8)
    seconds = [0.01, 0.01, 90.0, 0.01, 200.0, 0.01, 90.0, 0.01]
    chunks = workers._chunks(every, seconds, 2)
    assert [chunks[place] for place in range(3)] == [[every[4]], [every[2]], [every[6]]]
    assert [key for chunk in list(chunks)[3:] for key in chunk] == [every[p] for p in (0, 1, 3, 5, 7)]


class Losing:
    """A pool whose workers are lost as a list says; None answers."""

    count = 1

    def __init__(self, losses, limited=False, reason="gone"):
        self.losses, self.limited, self.calls, self.reason = losses, limited, [], reason

    def check(self):
        pass

    def submit(self, function, chunk, limited):
        from concurrent.futures import Future

        self.calls.append([key.seed for key in chunk])
        loss = self.losses.pop(0) if self.losses else None
        future = Future()
        if loss is None:
            future.set_result([item for item in function(chunk, limited) if not isinstance(item, Phase)])
        else:
            done, final = loss
            future.set_exception(Lost(self.reason, workers.run_chunk(chunk[:done]), final, 1.5))
        return future


def drive(pool, count):
    done = [each for batch in workers.drive(pool, keys(count), [1e-3] * count) for each in batch]
    assert sorted(each.key.seed for each in done) == list(range(count)), "none missing, none twice"
    return {each.key.seed: each.message for each in done if isinstance(each, workers.Failure)}


def test_what_is_lost_with_a_worker_is_tried_again():
    assert drive(Losing([]), 8) == {}
    pool = Losing([(1, False)])  # chunks of two: the one not yet done comes again
    assert drive(pool, 8) == {}
    assert pool.calls == [[0, 1], [2, 3], [4, 5], [6, 7], [1]]
    pool = Losing([(0, False)])
    assert drive(pool, 8) == {}
    assert pool.calls[-2:] == [[0], [1]], "one by one, for any of them may have done it"


def test_a_run_that_kills_its_workers_fails_in_the_end():
    assert drive(Losing([(0, False)] * 3), 1) == {0: "gone, 3 times in a row"}
    assert drive(Losing([(0, False)] * 5, reason="SIGKILL"), 1) == {}, "somebody else kills it"
    assert drive(Losing([(0, False)] * 6, reason="SIGKILL"), 1) == {0: "SIGKILL, 6 times in a row"}
    assert drive(Losing([(0, False)] * 2), 1) == {}


def test_a_run_beyond_its_limit_fails_at_once_and_alone():
    pool = Losing([(0, True)], limited=True)
    assert drive(pool, 8) == {0: "gone"}
    assert pool.calls == [[0, 1], [2, 3], [1], [4, 5], [6, 7]]
    pool = Losing([(0, True)])  # without a time limit it may be any of them
    assert drive(pool, 8) == {}


def test_what_a_watch_tells(caplog):
    clock = iter([0.0, 2.0, 2.0, 40.0, 40.0, 40.0, 40.0, 50.0]).__next__
    drawn = []
    watch = Watch(lambda *told: drawn.append(told), clock)
    trace = workers.run_chunk(keys(1))[0]
    with caplog.at_level(logging.INFO, logger="zobench"):
        watch.saw([trace, trace])
        watch(2, 4, "s2p on quadratic")
        watch.saw([workers.Failure(trace.key, "as told", 1.0)])
        watch(3, 4, "s2p on quadratic")
    assert drawn == [
        (2, 4, "9 queries/s, s2p on quadratic"),
        (3, 4, "0 queries/s, 1 failed, s2p on quadratic"),
    ]
    assert caplog.messages == [
        "failed: s2p on quadratic, dimension 10, seed 0: as told",
        "3 of 4 runs, 0 queries/s, 1 failed",
    ]
    assert watch.last_word() == "3 runs, 1 of them failed; 18 queries in 50.0 s, 0 a second"


@pytest.mark.parametrize("width", [40, 80])
def test_the_line_on_a_terminal_keeps_its_numbers(monkeypatch, width):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    for name, value in {"COLUMNS": str(width), "TERM": "xterm", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    with progress_bar() as draw:
        draw(1, 12345, "")
        draw(12345, 12345, "9.2M queries/s, 12 failed, lowrank-heavy-ball on matrix-factorization")
    lines = re.split(r"\r|\n", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue()))
    last = [line for line in lines if "12345/12345" in line][-1]
    assert len(last) <= width
    assert re.search(r"12345/12345 +[0-9:]+ 9\.2M queries/s,", last), last


def test_the_log_file(tmp_path):
    path = tmp_path / "log"
    with log_to(str(path)):
        logging.getLogger("zobench").info("one")
    with pytest.raises(KeyError), log_to(str(path)):
        raise KeyError("two")
    logging.getLogger("zobench").warning("three")
    lines = path.read_text().splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == ["INFO one", "ERROR ended: 'two'"]


def zobench(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "zobench", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_a_log_that_cannot_be_written(tmp_path, capsys):
    with pytest.raises(ZobenchError, match=r"the log file '.*' cannot be written: No such file"):
        with log_to(str(tmp_path / "none" / "log")):
            pass
    if not os.path.exists("/dev/full"):
        pytest.skip("no device that is always full")
    with log_to("/dev/full"):
        for _ in range(3):
            logging.getLogger("zobench").warning("a word")
    assert capsys.readouterr().err == (
        "zobench: the log file '/dev/full' ends here: [Errno 28] No space left on device\n"
    )


def test_limits_and_logs_from_the_command_line(site, trouble, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(site))
    asked = ["run", "-p", "quadratic", "-s", "trouble:spin=1", "-s", "s2p", "--budget", "50", "--store", "s"]
    done = zobench(tmp_path, *asked, "--run-limit", "1", "--workers", "1", "--log", "l")
    assert done.returncode == 1
    assert "seed 0: the run took longer than its limit of 1 s" in done.stderr
    log = (tmp_path / "l").read_text()
    for said in (
        "run: 2 runs into s",
        "was stopped; another one takes over",
        "failed: trouble on",
        "50 queries",
    ):
        assert said in log, said
    for flags, said in {
        ("--run-limit", "0"): "run-limit must be a number > 0, got '0'",
        ("--dask", "tcp://a:1", "--workers", "2"): "--workers goes with --dask local",
        ("--log", "no/such/folder"): "No such file or directory",
    }.items():
        done = zobench(tmp_path, *asked, *flags)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert said in done.stderr


@pytest.mark.parametrize(
    ("module", "code", "said"),
    [("click", -signal.SIGINT, ""), ("zobench.cli.show", 130, "zobench: interrupted\n")],
)
def test_ctrl_c_while_modules_are_loaded_shows_no_traceback(module, code, said):
    script = f"""
        import os, signal, sys
        from importlib.abc import MetaPathFinder

        class Interrupt(MetaPathFinder):
            def find_spec(self, name, path, target=None):
                if name == {module!r}:
                    os.kill(os.getpid(), signal.SIGINT)

        sys.meta_path.insert(0, Interrupt())
        sys.argv[1:] = ["list", "solvers"]
        from zobench.__main__ import main
        main()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr.lstrip()) == (code, said)
