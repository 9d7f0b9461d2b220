"""Peak memory of a process: runs in large dimension, large stores."""

import tempfile
import tracemalloc
from pathlib import Path

import zobench

SOLVERS = ["s2p", "mezo", "nes"]


def _compile():
    # In a process of its own: one that compiles peaks at 230 MB instead of 90, and only the first would.
    for solver in SOLVERS:
        zobench.run("rosenbrock", solver, budget=4)


class Vectors:
    """What a run allocates beside its start, in vectors of d numbers: exact, to a tenth."""

    params = (SOLVERS, [10**6])
    param_names = ("solver", "dim")
    unit = "vectors"

    def setup_cache(self):
        _compile()

    def track_vectors(self, solver, dim):
        instance = zobench.problem("rosenbrock", dim=dim)
        zobench.run("rosenbrock", solver, budget=4)
        tracemalloc.start()
        zobench.run(instance, solver, budget=4, checkpoints=4)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return round(peak / (8 * dim), 1)


class Dimensions:
    """A run in dimension d: the iterate, a direction or two, and what the problem itself holds.

    In dimensions that leave libraries behind: the pages of theirs that happen to be in memory count, too,
    and differ by 60 MB between processes that do the same.
    """

    params = (SOLVERS, [10**7, 5 * 10**7])
    param_names = ("solver", "dim")

    def setup_cache(self):
        _compile()

    def peakmem_run(self, solver, dim):
        zobench.run(zobench.problem("rosenbrock", dim=dim), solver, budget=4)


class Stores:
    """What reading, writing and reporting on a store of 4,000 made-up runs keeps in memory."""

    timeout = 900

    def setup_cache(self):
        from benchmarks.made_up_store import campaign
        from zobench.store.database import Store

        path = Path("made-up.sqlite").resolve()
        with Store(path) as store:
            store.put(*campaign(solvers=8, seeds=20, budget=200))
        return str(path)

    def peakmem_read(self, path):
        from zobench.store.database import Store

        with Store(path, "read") as store:
            store.runs(), store.hits()

    def peakmem_merge(self, path):
        from zobench.store.merge import merge

        with tempfile.TemporaryDirectory() as folder:
            merge(str(Path(folder) / "joined.sqlite"), [path])

    def peakmem_report(self, path):
        from zobench.page.build import write_report

        with tempfile.TemporaryDirectory() as folder:
            write_report(path, folder)
