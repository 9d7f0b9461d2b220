"""A campaign to be disturbed, what it writes when nobody does, and how stores are compared with that."""

import hashlib
import itertools
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

CAMPAIGN = """
title = "stress"
problems = ["quadratic:dim=20,condition=10", "quadratic:dim=30", "rosenbrock:dim=8"]
budget = {budget}
seeds = {seeds}
observe = true

[tuning]
budget = {budget}
seeds = 4

[[solvers]]
name = "s2p"
tune.alpha0 = [0.3, 1.0, 3.0]

[[solvers]]
name = "stp"
tune.alpha0 = [0.1, 0.5, 2.0]
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
    """Give a digest of every bit that each run, and each tuning, left; clocks and machines left out."""
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
        for id, *row in connection.execute("SELECT id, parameters, everything FROM tunings"):
            found[f"tuning {id}"] = [repr(row)]
    return {id: hashlib.sha256("\n".join(lines).encode()).hexdigest() for id, lines in found.items()}


@dataclass(frozen=True)
class Life:
    """How long (seconds) a campaign takes until its first run is in, from there to the last, and to end."""

    start: float
    runs: float
    end: float


class Bench:
    """A folder with a campaign, what an undisturbed campaign wrote, and what was counted.

    Parameters
    ----------
    folder : Path
    seeds, budget : int
        Of the campaign: 72 runs of tuning and six runs a seed.
    """

    def __init__(self, folder: Path, seeds: int = 30, budget: int = 20000):
        self.folder, self.file = folder, folder / "campaign.toml"
        self.file.write_text(CAMPAIGN.format(seeds=seeds, budget=budget))
        self.random = random.Random(20240229)
        self._numbers = itertools.count()
        self.finish(self.new("undisturbed"), workers=1, compare=False)
        self.whole = contents(folder / "undisturbed")
        self.runs = rows(folder / "undisturbed")
        self.tuning = self.runs - 6 * seeds
        begun = time.monotonic()
        self.finish(self.new())  # now that everything is compiled
        self.seconds = time.monotonic() - begun

    def new(self, name: str = "") -> Path:
        """Name a store that is not there yet."""
        return self.folder / (name or f"store-{next(self._numbers)}")

    def life(self, workers: int) -> Life:
        """Let a campaign live undisturbed, and watch the clock."""
        store, begun = self.new(), time.monotonic()
        process = self.start(store, workers)
        until_rows(process, store, 1)
        first = time.monotonic()
        until_rows(process, store, self.runs)
        last = time.monotonic()
        process.communicate()
        return Life(first - begun, last - first, time.monotonic() - last)

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
        """Compare what a disturbed store has; say how many runs that is.

        A copy is looked into: whoever opens a store repairs what a kill has left.
        """
        copy = self.folder / f"{store.name}-copy"
        for end in "", "-wal":
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{store}{end}", f"{copy}{end}")
        if not copy.exists():
            return 0
        try:
            found = contents(copy)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # killed before the tables were made
                return 0
            raise
        finally:
            for file in self.folder.glob(f"{copy.name}*"):
                file.unlink()
        wrong = [id for id, bits in found.items() if self.whole.get(id) != bits]
        if wrong:
            raise Unlike(f"{len(wrong)} runs in {store} differ from those of an undisturbed campaign")
        return sum(not id.startswith("tuning") for id in found)


def rows(store: Path) -> int:
    """Count the runs of a store that somebody writes to."""
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def until_rows(process: "subprocess.Popen[str]", store: Path, wanted: int) -> None:
    """Wait until a process has brought a store to so many runs, or has ended."""
    while process.poll() is None and rows(store) < wanted:
        time.sleep(0.005)
