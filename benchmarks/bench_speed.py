"""Seconds: complete runs, the hand-fused loop beside them, and start-up."""

import zobench
from benchmarks import directions, two_point
from benchmarks.fused import Fused

QUERIES = {10: 200_000, 1000: 4_000, 100_000: 100}


class Runs:
    """Complete runs: counting, budget, 64-point trace and all."""

    params = (["s2p", "stp", "random-search", "random-gradient-free"], [10, 1000, 100_000])
    param_names = ("solver", "dim")
    warmup_time = 0.2

    def setup(self, solver, dim):
        self.instance = zobench.problem("quadratic", dim=dim)
        zobench.run(self.instance, solver, budget=10)

    def time_run(self, solver, dim):
        zobench.run(self.instance, solver, budget=QUERIES[dim])


class HandFused:
    """The same work with nothing counted."""

    params = ([10, 1000],)
    param_names = ("dim",)

    def setup(self, dim):
        self.fused = Fused(zobench.problem("quadratic", dim=dim))
        self.fused.numpy(2)
        self.fused.own_stream(2)

    def time_numpy_generator(self, dim):
        self.fused.numpy(QUERIES[dim] // 2)

    def time_own_stream(self, dim):
        self.fused.own_stream(QUERIES[dim] // 2)


class TwoPoint:
    """The two-point methods at d = 10, and the loops written by hand for each."""

    params = ([method.label for method in two_point.METHODS], ["run", "fused"])
    param_names = ("method", "by")
    warmup_time = 0.1

    def setup(self, label, by):
        (method,) = (each for each in two_point.METHODS if each.label == label)
        self.action = dict(zip(("run", "fused"), two_point.pair(method, QUERIES[10]), strict=True))[by]

    def time_queries(self, label, by):
        self.action()


class Directions:
    """One direction of each law at d = 10^6, a pass over memory, and NumPy's generator."""

    params = (list(directions.NAMES),)
    param_names = ("by",)

    def setup(self, name):
        self.action = directions.actions()[name]
        self.action()

    def time_direction(self, name):
        self.action()


class PythonCallable:
    """The price of the bridge to a Python callable."""

    def setup(self):
        zobench.minimize(lambda x: 0.0, [0.0] * 10, budget=10)

    def time_ten_thousand_queries(self):
        zobench.minimize(lambda x: 0.0, [0.0] * 10, budget=10_000)


def timeraw_import():
    return "import zobench"


def timeraw_help():
    return """
    from click.testing import CliRunner
    from zobench.cli.main import cli
    CliRunner().invoke(cli, ["--help"], prog_name="zobench")
    """


class Memory:
    """Peak memory of a run at a million dimensions."""

    def setup(self):
        zobench.run("quadratic", "s2p", budget=4)

    def peakmem_million_dimensions(self):
        zobench.run(zobench.problem("quadratic", dim=10**6), "s2p", budget=4)
