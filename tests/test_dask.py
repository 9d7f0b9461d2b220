"""Campaigns on a real Dask cluster of processes: the same bits, workers lost, the scheduler lost."""

import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.stress import contents
from zobench.campaign.definition import Campaign, execute
from zobench.errors import ZobenchError
from zobench.parallel import dask_pool
from zobench.parallel.pool import Lost
from zobench.store.database import Store

pytest.importorskip("distributed", reason="the extra `dask` is not installed")
# what the cluster's own processes and threads leave behind when they are killed is not ours
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

CAMPAIGN = Campaign.from_options(
    ["quadratic:dim=20,condition=10", "rosenbrock:dim=8"], ["s2p", "stp"], 10_000, 20, observe=True
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What this process alone writes."""
    path = tmp_path_factory.mktemp("whole") / "s"
    with Store(path) as store:
        execute(CAMPAIGN, store, 1)
    return contents(path)


class Blow:
    """A progress that strikes once a few batches are in."""

    def __init__(self, strike):
        self._strike, self._batches = strike, 0

    def __call__(self, done, total, text):
        self._batches += 1
        if self._batches == 3:
            assert 0 < done < total
            self._strike()


def test_a_local_cluster_writes_the_same_bits_though_a_worker_is_killed(tmp_path, whole):
    with dask_pool.DaskPool("local", 2) as pool, Store(tmp_path / "s") as store:
        workers = pool._client.run(os.getpid)
        assert len(workers) == 2
        victim = sorted(workers.values())[0]
        assert victim != os.getpid()
        tally = execute(
            CAMPAIGN, store, executor=pool, progress=Blow(lambda: os.kill(victim, signal.SIGKILL))
        )
    assert (tally.done, tally.failed) == (len(CAMPAIGN.keys), 0)
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)
    assert contents(tmp_path / "s") == whole


def cluster(port, *, workers=True):
    """Start a scheduler and a worker, as one does on machines of a cluster."""
    python, quiet = sys.executable, {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    address = f"tcp://127.0.0.1:{port}"
    scheduler = [python, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    worker = [python, "-m", "distributed.cli.dask_worker", address, "--nthreads", "2"]
    started = [subprocess.Popen([*scheduler, "--no-dashboard"], **quiet)]
    if workers:
        started.append(subprocess.Popen([*worker, "--no-dashboard"], **quiet))
    return address, started


@pytest.fixture
def port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(started):
    for process in reversed(started):
        process.terminate()
    for process in reversed(started):
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_scheduler_that_is_lost_is_told_in_a_sentence_and_the_campaign_resumed(tmp_path, whole, port):
    address, started = cluster(port)
    try:
        with Store(tmp_path / "s") as store, dask_pool.DaskPool(address, run_limit=30) as pool:
            assert pool.count == 2
            with pytest.raises(ZobenchError, match=r"scheduler at 'tcp.*' has gone; .* same command"):
                execute(CAMPAIGN, store, executor=pool, progress=Blow(started[0].kill))
            kept = len(store.runs())
            assert 0 < kept < len(CAMPAIGN.keys)
    finally:
        end(started)
    with Store(tmp_path / "s") as store:
        assert execute(CAMPAIGN, store, 1).kept == kept
    assert contents(tmp_path / "s") == whole


@pytest.mark.slow
def test_a_cluster_that_is_not_there_or_has_no_worker(monkeypatch, port):
    monkeypatch.setattr(dask_pool, "PATIENCE", 1.0)
    with pytest.raises(ZobenchError, match="does not answer"):
        dask_pool.DaskPool(f"tcp://127.0.0.1:{port}")
    address, started = cluster(port, workers=False)
    monkeypatch.setattr(dask_pool, "PATIENCE", 30.0)
    monkeypatch.setattr(dask_pool, "FIRST_WORKER", 0.5)
    try:
        with pytest.raises(ZobenchError, match=r"has no worker after 0\.5 s"):
            dask_pool.DaskPool(address)
    finally:
        end(started)


@pytest.mark.slow
@pytest.mark.parametrize("address", ["nonsense", "tcp://nowhere", "LOCAL", "tcp:1"])
def test_what_is_no_address_is_refused_at_once(address):
    with pytest.raises(ZobenchError, match="must be 'local' or a scheduler's address"):
        dask_pool.DaskPool(address)


def test_limits_hold_on_the_cluster_and_its_workers_survive_them():
    with dask_pool.DaskPool("local", 1, run_limit=1.0) as pool:
        before = pool._client.run(os.getpid)
        assert pool.submit(time.sleep, 0.01).result() is None
        with pytest.raises(Lost, match="exit code 5") as lost:
            pool.submit(os._exit, 5).result()
        assert (lost.value.items, lost.value.final) == ([], False)
        assert pool.submit(divmod, 7, 2).result() == (3, 1)
        assert pool._client.run(os.getpid) == before


def test_a_worker_of_another_version_is_refused():
    with pytest.raises(ZobenchError, match=r"the Dask worker has zobench .*, this campaign runs with 0\.0"):
        dask_pool._carry("0.0", (None, None), divmod, (7, 2))


def test_a_call_that_kills_dask_workers_is_lost_and_not_an_error(caplog):
    from concurrent.futures import Future

    class KilledWorker(Exception):
        pass

    theirs, ours = Future(), Future()
    theirs.set_exception(KilledWorker("a long story"))
    with caplog.at_level(logging.WARNING, logger="zobench"):
        dask_pool._pass_on(theirs, ours)
    assert isinstance(ours.exception(), Lost)
    assert "one by one" in caplog.text


def test_without_the_extra_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ZobenchError, match=r"pip install 'zobench\[dask\]'"):
        dask_pool.DaskPool("local")
