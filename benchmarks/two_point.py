"""Print, for every two-point method on the sphere at d = 10, what a query costs beside its hand-fused loop.

``python -m benchmarks.two_point`` times complete runs (`zobench.run`: counting, budget, 64-point trace and
all) and the loops of `benchmarks.fused_two_point` in turn, on the same streams.  Machines are noisy: what is
timed is the processor time of this thread, the time is the median over rounds, the ratio the median of the
ratios of neighbours in time.  A run's setting up is in its figure, a third of a millisecond.
"""

import argparse
import json
import statistics
import time

import zobench
from benchmarks.fused_two_point import METHODS, Fused
from zobench.stream import Stream

DIM = 10
QUERIES = 1_000_000
#: What is aimed at: a run within RATIO times of its loop, and at most NANOSECONDS a query.
RATIO, NANOSECONDS = 1.8, 120.0


def pair(method, queries=QUERIES):
    """Give the run and the loop of one method, both warm."""
    instance = zobench.problem("quadratic", dim=DIM)
    fused, stream = Fused(method, instance, queries), Stream("benchmark", "solver")

    def run():
        return zobench.run(instance, method.solver, budget=queries, parameters=method.chosen)

    def loop():
        fused.run(stream)

    run(), loop()
    return run, loop


def timed(function):
    begun = time.thread_time()
    function()
    return time.thread_time() - begun


def in_turn(method, rounds, queries=QUERIES):
    """Time both in turn; answer the seconds of the runs and those of the loops."""
    run, loop = pair(method, queries)
    return tuple(zip(*((timed(run), timed(loop)) for _ in range(rounds)), strict=True))


def compare(method, rounds, queries=QUERIES):
    """Time both in turn; answer nanoseconds a query and the ratio."""
    taken = list(zip(*in_turn(method, rounds, queries), strict=True))
    return {
        "run (ns a query)": 1e9 / queries * statistics.median(run for run, _ in taken),
        "fused (ns a query)": 1e9 / queries * statistics.median(loop for _, loop in taken),
        "run / fused": statistics.median(run / loop for run, loop in taken),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="methods whose name contains this")
    parser.add_argument("--queries", type=int, default=QUERIES)
    arguments = parser.parse_args()
    methods = [method for method in METHODS if arguments.only in method.label]
    if arguments.json:
        figures = {m.label: compare(m, arguments.rounds, arguments.queries) for m in methods}
        print(json.dumps(figures, indent=2))
        return
    for method in methods:
        figures = compare(method, arguments.rounds, arguments.queries)
        if method is methods[0]:
            print(f"{'method':42}" + "".join(f"{name:>20}" for name in figures))
        missed = figures["run / fused"] > RATIO or figures["run (ns a query)"] > NANOSECONDS
        row = "".join(f"{figure:20.2f}" for figure in figures.values())
        print(f"{method.label:42}{row}{'  over' if missed else ''}", flush=True)


if __name__ == "__main__":
    main()
