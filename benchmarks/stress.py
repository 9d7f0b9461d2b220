"""Campaigns that are killed, starved and cut off: what is resumed must equal what was never disturbed.

``python -m benchmarks.stress`` kills the parent process at 200 random moments and worker processes at 200,
fills the disk, takes it away, lets two parents write to one store, and cuts the power 50 times; ``--kills 5
--cuts 5`` is quick.  After each ordeal the campaign is resumed, and the store must pass SQLite's
integrity_check and hold every run of the campaign once, bit for bit as an undisturbed campaign wrote it.
Exit code 1 if anything differs.

A full disk and a read-only one are small file systems in memory where that can be mounted (root on Linux);
elsewhere a limit on the size of files and a folder without permission to write.  A power cut is simulated by
stopping the parent and copying its files as they are at that moment; in every second cut, what was appended
to the log since the copy before, which the system may not have put on the disk, is cut off at a random byte.
"""

import argparse
import hashlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

CAMPAIGN = """
title = "stress"
problems = ["quadratic:dim=20,condition=10", "quadratic:dim=30", "rosenbrock:dim=8"]
solvers = ["s2p", "stp"]
budget = {budget}
seeds = {seeds}
observe = true
"""

_RUN = """problem, dim, instance_seed, problem_parameters, solver, solver_parameters, budget, seed, noise,
    observed, version, weights, status, message, count, steps, start, value, best, reference, gradients"""
_PARTS = {
    "traces": "row, queries, best, value, gradient_norm, running_mean",
    "hits": "target, queries",
    "observations": "quantity, mean, minimum",
}


class Unlike(Exception):
    """A store is not what it must be."""


def contents(path: Path) -> dict[str, str]:
    """Give a digest of every bit that each run left, by run id; clocks and machines left out."""
    with closing(sqlite3.connect(path)) as connection:
        said = connection.execute("PRAGMA integrity_check").fetchall()
        if said != [("ok",)]:
            raise Unlike(f"integrity_check says {said}")
        # floats through repr, which tells apart any two of them
        found = {id: [repr(row)] for id, *row in connection.execute(f"SELECT id, {_RUN} FROM runs")}
        count = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
        if count != len(found):
            raise Unlike(f"{count} rows of {len(found)} runs")
        for table, columns in _PARTS.items():
            sql = f"SELECT runs.id, {', '.join('t.' + name for name in columns.split(', '))} FROM runs "
            sql += f"JOIN {table} AS t ON t.run = runs.number ORDER BY 1, 2"
            for id, *row in connection.execute(sql):
                found[id].append(f"{table} {row!r}")
            orphans = f"SELECT count(*) FROM {table} WHERE run NOT IN (SELECT number FROM runs)"
            if connection.execute(orphans).fetchone() != (0,):
                raise Unlike(f"{table} has rows of no run")
    return {id: hashlib.sha256("\n".join(lines).encode()).hexdigest() for id, lines in found.items()}


class Bench:
    """A folder with a campaign, what an undisturbed campaign wrote, and what was counted.

    Parameters
    ----------
    folder : Path
    seeds, budget : int
        Of the campaign: six runs a seed.
    """

    def __init__(self, folder: Path, seeds: int = 30, budget: int = 20000):
        self.folder, self.file = folder, folder / "campaign.toml"
        self.file.write_text(CAMPAIGN.format(seeds=seeds, budget=budget))
        self.random = random.Random(20240229)
        self._stores = 0
        self.finish(self.new("undisturbed"), workers=1, compare=False)
        self.whole = contents(folder / "undisturbed")
        begun = time.monotonic()
        self.finish(self.new())  # now that everything is compiled
        self.seconds = time.monotonic() - begun

    def new(self, name: str = "") -> Path:
        """Name a store that is not there yet."""
        self._stores += 1
        return self.folder / (name or f"store-{self._stores}")

    def start(self, store: Path, workers: int = 2, **options: object) -> "subprocess.Popen[str]":
        """Begin or resume the campaign into a store."""
        command = [sys.executable, "-m", "zobench", "run", str(self.file), "--store", str(store)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        return subprocess.Popen([*command, "--workers", str(workers)], **pipes)  # type: ignore[call-overload]

    def finish(self, store: Path, workers: int = 2, compare: bool = True) -> None:
        """Resume the campaign to its end and compare."""
        said, complaints = (process := self.start(store, workers)).communicate()
        if process.returncode != 0 or complaints:
            raise Unlike(f"the campaign ended with {process.returncode}: {said[-200:]} {complaints}")
        if compare and contents(store) != self.whole:
            raise Unlike(f"{store} differs from an undisturbed campaign")

    def partial(self, store: Path) -> int:
        """Compare what a disturbed store has; say how many runs that is."""
        if not store.exists():
            return 0
        try:
            found = contents(store)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # killed before the tables were made
                return 0
            raise
        wrong = [id for id, bits in found.items() if self.whole.get(id) != bits]
        if wrong:
            raise Unlike(f"{len(wrong)} runs in {store} differ from those of an undisturbed campaign")
        return len(found)


def rows(store: Path) -> int:
    """Count the runs of a store that somebody writes to."""
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _until_rows(process: "subprocess.Popen[str]", store: Path, more: int) -> None:
    """Wait until a process has put in that many runs, or has ended."""
    wanted = rows(store) + more
    while process.poll() is None and rows(store) < wanted:
        time.sleep(0.005)


def kill_parents(bench: Bench, kills: int) -> str:
    """Kill the parent at random moments: half of them from its start on, half while it writes."""
    store, done, while_writing, finished = bench.new(), 0, 0, 0
    while done < kills:
        before = rows(store)
        process = bench.start(store, workers=1 + done % 2)
        if done % 4 < 2:
            time.sleep(bench.random.random() * bench.seconds)
        else:
            _until_rows(process, store, 1)
            time.sleep(bench.random.random() * bench.seconds / 4)
        ended = process.poll() is not None
        process.kill()
        process.communicate(timeout=30)  # the workers hold its pipes: they have ended as well
        done += not ended
        there = bench.partial(store)
        while_writing += before < there < len(bench.whole) and not ended
        if ended or there == len(bench.whole):
            bench.finish(store)
            store, finished = bench.new(), finished + 1
    bench.finish(store)
    return f"{done} kills, {while_writing} of them while runs were written, {finished + 1} campaigns equal"


def _children(process: int) -> list[int]:
    said = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True).stdout
    return [int(line) for line in said.split()]


def kill_workers(bench: Bench, kills: int) -> str:
    """Kill random worker processes at random moments."""
    done = campaigns = 0
    while done < kills:
        store = bench.new()
        process = bench.start(store)
        while process.poll() is None and done < kills:
            time.sleep(bench.random.expovariate(1 / 0.3))
            if children := _children(process.pid):
                try:
                    os.kill(bench.random.choice(children), signal.SIGKILL)
                    done += 1
                except ProcessLookupError:
                    continue
        said, complaints = process.communicate()
        if process.returncode != 0:
            raise Unlike(f"a campaign whose workers were killed ended so: {said[-300:]} {complaints}")
        bench.finish(store)
        campaigns += 1
    return f"{done} kills, {campaigns} campaigns equal without being resumed"


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[Callable[[str], None] | None]:
    """Mount a file system of `size` bytes on a folder; give a function that mounts it otherwise, or None."""
    folder.mkdir()
    kind = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if sys.platform != "linux" or os.getuid() or subprocess.run(kind, capture_output=True).returncode:
        yield None
        return
    try:
        yield lambda how: subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True) and None
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _refused(bench: Bench, store: Path, **options: object) -> str:
    """Run where it cannot end well; give the one sentence said."""
    process = bench.start(store, **options)
    _, complaints = process.communicate()
    if process.returncode not in (1, 2) or complaints.count("\n") != 1 or "Traceback" in complaints:
        raise Unlike(f"exit code {process.returncode}: {complaints}")
    return complaints.strip()


def fill_disk(bench: Bench) -> str:
    """Let the disk be full in the middle of a campaign, and make room then."""
    size = (bench.folder / "undisturbed").stat().st_size // 2
    with _small_disk(bench.folder / "small", size) as remount:
        store = bench.folder / "small" / "store"
        if remount is not None:
            said = _refused(bench, store)
            remount(f"size={100 * size}")
        else:
            said = _refused(
                bench, store, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            )
        kept = bench.partial(store)
        if not 0 < kept < len(bench.whole):
            raise Unlike(f"{kept} runs in the store after the disk was full")
        bench.finish(store)
    how = "RLIMIT_FSIZE" if remount is None else "tmpfs"
    return f"{how}: {kept} of {len(bench.whole)} runs kept, equal after resuming; said: {said}"


def read_only(bench: Bench) -> str:
    """Take the permission to write from the beginning on, and in the middle of a campaign's life."""
    said = []
    with _small_disk(bench.folder / "fixed", 2**28) as remount:
        folder = bench.folder / "fixed"
        store = folder / "store"
        for part in "empty", "half done":
            if part == "half done":
                process = bench.start(store)
                _until_rows(process, store, 5)
                process.kill()
                process.communicate()
            if remount is None:
                folder.chmod(0o500)
            else:
                remount("ro")
            said.append(_refused(bench, store))
            if remount is None:
                folder.chmod(0o700)
            else:
                remount("rw")
        bench.finish(store)
    return f"equal after resuming; said: {said[-1]}"


def two_parents(bench: Bench, times: int = 3) -> str:
    """Let two campaigns write the same runs to one store at once."""
    for _ in range(times):
        store = bench.new()
        both = [bench.start(store, workers=1), bench.start(store, workers=2)]
        for process in both:
            _, complaints = process.communicate()
            if process.returncode or complaints:
                raise Unlike(f"one of two parents ended with {process.returncode}: {complaints}")
        if contents(store) != bench.whole:
            raise Unlike("two parents made another store than one")
    return f"{times} pairs, equal"


def cut_power(bench: Bench, cuts: int) -> str:
    """Copy a store's files at random moments and resume from the copies."""
    done = shortened = runs = 0
    process, store = None, bench.new()
    while done < cuts:
        if process is None or process.poll() is not None:
            if process is not None:
                process.communicate()
            store = bench.new()
            process = bench.start(store, workers=1 + done % 2)
            _until_rows(process, store, 1)
        time.sleep(bench.random.random() * bench.seconds / 8)
        copy = bench.new()
        first = _frozen(process, store, copy)
        if first and done % 2:
            time.sleep(bench.random.random() * bench.seconds / 8)
            shortened += _shorten(bench, process, store, copy)
        if not copy.exists():
            continue
        runs += bench.partial(copy)
        bench.finish(copy)
        done += 1
        for file in copy.parent.glob(copy.name + "*"):
            file.unlink()
    if process is not None:
        process.kill()
        process.communicate()
    return f"{done} cuts ({shortened} with a log cut short), {runs} runs in the copies, equal after resuming"


def _frozen(process: "subprocess.Popen[str]", store: Path, copy: Path) -> bool:
    """Copy the database and its log while the parent is stopped; say whether there was a log."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        for end in "", "-wal":  # the third file, an index in shared memory, does not outlive a power cut
            file = store.with_name(store.name + end)
            if file.exists():
                shutil.copyfile(file, copy.with_name(copy.name + end))
    finally:
        os.kill(process.pid, signal.SIGCONT)
    return copy.with_name(copy.name + "-wal").exists()


def _shorten(bench: Bench, process: "subprocess.Popen[str]", store: Path, copy: Path) -> bool:
    """Replace a copy by a later one whose log lacks the end, if the system need not have synced that end."""
    log = copy.with_name(copy.name + "-wal")
    before, salt, synced = copy.read_bytes(), log.read_bytes()[16:24], log.stat().st_size
    later = bench.new()
    if not _frozen(process, store, later):
        return False
    later_log = later.with_name(later.name + "-wal")
    grown = later_log.stat().st_size
    # a log that was begun anew, or a database that has changed, tells that the log had been synced
    fair = later.read_bytes() == before and later_log.read_bytes()[16:24] == salt and grown > synced
    if fair:
        with later_log.open("r+b") as file:
            file.truncate(bench.random.randint(synced, grown))
        later_log.replace(log)
        later.replace(copy)
    else:
        later_log.unlink()
        later.unlink()
    return fair


def main() -> int:
    """Do all of it, or what is named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ordeals", nargs="*", help="parents workers disk read-only two power; all if none")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--cuts", type=int, default=50)
    asked = parser.parse_args()
    ordeals: dict[str, Callable[[Bench], str]] = {
        "disk": fill_disk,
        "read-only": read_only,
        "two": two_parents,
        "power": lambda bench: cut_power(bench, asked.cuts),
        "workers": lambda bench: kill_workers(bench, asked.kills),
        "parents": lambda bench: kill_parents(bench, asked.kills),
    }
    unlike = 0
    with tempfile.TemporaryDirectory(prefix="zobench-stress-") as folder:
        bench = Bench(Path(folder))
        print(f"undisturbed: {len(bench.whole)} runs, {bench.seconds:.1f} s", flush=True)
        for name in asked.ordeals or ordeals:
            begun = time.monotonic()
            try:
                said = ordeals[name](bench)
            except Unlike as error:
                said, unlike = f"FAILED: {error}", unlike + 1
            print(f"{name}: {said} ({time.monotonic() - begun:.0f} s)", flush=True)
    return int(unlike > 0)


if __name__ == "__main__":
    sys.exit(main())
