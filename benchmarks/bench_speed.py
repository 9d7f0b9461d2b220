"""Seconds: complete runs, campaigns, stores, verdicts, reports, start-up; and ratios measured side by side.

What happens inside this process is timed in processor time (`timer`), which neighbours on the machine change
least.  `track_ratio_...` is a ratio of two things measured in turn: it needs no quiet machine and no earlier
measurement on the same one, so it is what tells a query that became a fifth slower.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zobench
from benchmarks import directions, two_point
from benchmarks.fused import Fused

QUERIES = {10: 200_000, 1000: 4_000, 100_000: 100}


class Runs:
    """Complete runs of `QUERIES` queries: counting, budget, 64-point trace and all."""

    params = (["s2p", "stp", "random-search", "random-gradient-free", "spsa", "nes"], [10, 1000, 100_000])
    param_names = ("solver", "dim")
    warmup_time = 0.2
    timer = time.process_time

    def setup(self, solver, dim):
        self.instance = zobench.problem("quadratic", dim=dim)
        zobench.run(self.instance, solver, budget=10)

    def time_run(self, solver, dim):
        zobench.run(self.instance, solver, budget=QUERIES[dim])


#: Least seconds of a run and of its loop, in a process.
LEAST = """
import sys
sys.path.append({root!r})
from benchmarks import two_point
(method,) = (each for each in two_point.METHODS if each.label == {label!r})
run, loop = two_point.in_turn(method, rounds=41, queries=200_000)
print(min(run), min(loop))
"""


class Overhead:
    """What a query costs beside loops written by hand for the very pair, measured in turn, at d = 10.

    The least of either over five processes: neighbours only slow things down, and a process now and then
    runs the same code a fifth slower than others do, from its beginning to its end.
    """

    timeout = 300
    unit = "run / fused"
    params = ([method.label for method in two_point.METHODS],)
    param_names = ("method",)

    def track_ratio_to_fused(self, label):
        code = LEAST.format(root=str(Path(__file__).resolve().parent.parent), label=label)
        taken = []
        for _ in range(5):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            taken.append([float(each) for each in done.stdout.split()])
        run, loop = map(min, zip(*taken, strict=True))
        return run / loop


class HandFused:
    """The same work with nothing counted."""

    params = ([10, 1000],)
    param_names = ("dim",)
    timer = time.process_time

    def setup(self, dim):
        self.fused = Fused(zobench.problem("quadratic", dim=dim))
        self.fused.numpy(2)
        self.fused.own_stream(2)

    def time_numpy_generator(self, dim):
        self.fused.numpy(QUERIES[dim] // 2)

    def time_own_stream(self, dim):
        self.fused.own_stream(QUERIES[dim] // 2)


class Directions:
    """One direction of each law at d = 10^6, a pass over memory, and NumPy's generator."""

    params = (list(directions.NAMES),)
    param_names = ("by",)
    timer = time.process_time

    def setup(self, name):
        self.action = directions.actions()[name]
        self.action()

    def time_direction(self, name):
        self.action()


class PythonCallable:
    """The price of the bridge to a Python callable."""

    timer = time.process_time

    def setup(self):
        zobench.minimize(lambda x: 0.0, [0.0] * 10, budget=10)

    def time_ten_thousand_queries(self):
        zobench.minimize(lambda x: 0.0, [0.0] * 10, budget=10_000)


class Campaigns:
    """A campaign of 200 short runs into a new store, in this process, and the same asked for once more."""

    timer = time.process_time
    number = 1

    def setup(self):
        from zobench.campaign.definition import Campaign, execute
        from zobench.store.database import Store

        self.campaign = Campaign.from_options(["quadratic", "log-cosh"], ["s2p", "stp"], "1000", "50")
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "new.sqlite")
        self.full = Store(Path(self.folder.name) / "full.sqlite")
        execute(self.campaign, self.full, workers=1)
        self.execute = execute

    def teardown(self):
        self.store.close()
        self.full.close()
        self.folder.cleanup()

    def time_200_runs(self):
        self.execute(self.campaign, self.store, workers=1)

    def time_200_runs_that_are_there(self):
        self.execute(self.campaign, self.full, workers=1)


class Verify:
    """Verdicts: forty seeds and their statistics."""

    params = (["s2p-smooth-stationary", "stp-nonconvex-fixed", "exact-s2p-identity"],)
    param_names = ("theorem",)
    timer = time.process_time
    number = 1

    def setup(self, theorem):
        zobench.verify([theorem], quick=True, seeds=5)

    def time_verify(self, theorem):
        zobench.verify([theorem], quick=True)


class Stores:
    """A store of 2,000 made-up runs: opened, read, joined, reported on."""

    timer = time.process_time
    number = 1
    timeout = 900

    def setup_cache(self):
        from benchmarks.made_up_store import campaign
        from zobench.store.database import Store

        path = Path("made-up.sqlite").resolve()
        with Store(path) as store:
            store.put(*campaign(solvers=4, seeds=20, budget=500))
        return str(path)

    def setup(self, path):
        # imported here, as a second is not what reading costs and --quick does nothing twice
        from zobench.page.build import write_report
        from zobench.store.database import Store
        from zobench.store.merge import info, merge

        self.write_report, self.store, self.info, self.merge = write_report, Store, info, merge
        with Store(path, "read") as store:
            store.runs(), store.hits()
        self.folder = tempfile.TemporaryDirectory()

    def teardown(self, path):
        self.folder.cleanup()

    def time_info(self, path):
        self.info(path)

    def time_read_runs_and_hits(self, path):
        with self.store(path, "read") as store:
            store.runs(), store.hits()

    def time_merge(self, path):
        self.merge(str(Path(self.folder.name) / "joined.sqlite"), [path])

    def time_report(self, path):
        self.write_report(path, self.folder.name)

    time_report.repeat = (1, 3, 60.0)
    time_report.warmup_time = 0


def timeraw_import():
    return "import zobench"


def timeraw_help():
    return """
    from click.testing import CliRunner
    from zobench.cli.main import cli
    CliRunner().invoke(cli, ["--help"], prog_name="zobench")
    """


def timeraw_compiled_run():
    return """
    import zobench
    zobench.run("quadratic", "s2p", budget=10)
    """


def _compile():
    zobench.run("quadratic", "s2p", budget=10)


timeraw_compiled_run.setup = _compile  # else the first of the processes compiles
