"""Print what zobench promises of its speed, each beside its target: ``python -m benchmarks.targets``.

The exit code is 1 if a target is missed.  Each figure is a ratio of two things measured in turn in this
process, in processor time, the median over rounds; the bits of what is compared are compared as well.  A busy
machine shares caches and memory: on one, targets about memory may be missed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np

import zobench
from benchmarks import two_point
from benchmarks.directions import _drawn, compiled
from zobench.execute import run_seeds
from zobench.stream import Stream

#: Data beyond every cache, and the ones that several seeds share.
LARGE = {"data": "synthetic", "samples": 200_000, "features": 100, "classes": 2}
SHARED = {"data": "synthetic", "samples": 10_000, "features": 100, "classes": 10}
SEEDS = 16
GIGABYTES, VECTORS = 24.0, 3.0


def ratio(one, other, rounds):
    """Time two actions in turn; give the median of time of `one` / time of `other`."""
    one(), other()
    return statistics.median(_timed(one) / _timed(other) for _ in range(rounds))


def _timed(action):
    begun = time.process_time()
    action()
    return time.process_time() - begun


def pairs(name, rounds, **chosen):
    """Compare two values one by one with both in one pass; the bits must agree."""
    instance = zobench.problem(name, **chosen)
    value, values = instance._functions.value, instance._functions.values
    points = instance.x0 + 0.1 * np.random.default_rng(0).standard_normal((2, instance.dim))
    if not np.array_equal(values(points), [value(x) for x in points]):
        raise SystemExit(f"{name}: two values together have other bits than one by one")
    return ratio(lambda: [value(x) for x in points], lambda: values(points), rounds)


def seeds(solver, budget):
    """Compare separate runs with runs in lock-step: their processor times, once, and their bits."""
    instance = zobench.problem("softmax-regression", **SHARED)
    run_seeds(instance, solver, budget=10, seeds=range(2))
    traces = []

    def separate():
        traces.extend(
            zobench.run(instance, solver, budget=budget, seed=seed, checkpoints=4) for seed in range(SEEDS)
        )

    def together():
        traces.extend(run_seeds(instance, solver, budget=budget, seeds=range(SEEDS), checkpoints=4))

    found = _timed(separate) / _timed(together)
    for one, other in zip(traces[:SEEDS], traces[SEEDS:], strict=True):
        if not (np.array_equal(one.x, other.x) and np.array_equal(one.bests, other.bests)):
            raise SystemExit(f"{solver}: runs in lock-step have other bits than separate ones")
    return found


def iteration(rounds, dim=10**6, steps=10):
    """Compare an iteration of S2P with one direction and two evaluations, which read the data and a point."""
    instance, out = zobench.problem("quadratic", dim=dim), np.zeros(dim)
    stream, value, x = Stream("benchmark", "solver"), instance._functions.value, np.array(instance.x0)

    def parts():
        compiled(_drawn)(stream.address, out.ctypes.data, dim, 0)
        value(x), value(x)

    def run(count):
        # with the same number of marks, and so of evaluations off the record
        chosen = {"steps": steps + 2}
        return lambda: zobench.run(instance, "s2p", budget=2 * count, parameters=chosen, checkpoints=2)

    run(2)(), parts()
    return statistics.median(
        (_timed(run(2 + steps)) - _timed(run(2))) / steps / _timed(parts) for _ in range(rounds)
    )


def hundred_million():
    """Give the peak memory (GB) of S2P at d = 10^8, and the vectors in its workspace."""
    code = (
        "import resource, zobench\n"
        "from zobench.solver import solver\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "zobench.run('rosenbrock', 's2p', budget=4)\n"
        "instance = zobench.problem('rosenbrock', dim=10**8)\n"
        "trace = zobench.run(instance, 's2p', budget=4, parameters={'alpha0': 1e-12})\n"
        "method = solver('s2p')\n"
        "print(trace.count, peak() / 1e9, sum(method.sizes(trace.parameters, 10**8)) / 1e8)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, gigabytes, vectors = done.stdout.split()
    if count != "4":
        raise SystemExit(f"the run at d = 10^8 must ask 4 queries, got {count}")
    return float(gigabytes), float(vectors)


def beside_coco(rounds, queries=200_000):
    """Give the time of a bare evaluation of coco-experiment / that of a query of a run; None without it."""
    try:
        import cocoex
    except ImportError:
        return None
    suite = cocoex.Suite("bbob", "instances: 1", "dimensions: 10 function_indices: 1")
    function, x = suite[0], np.zeros(10)
    instance = zobench.problem("quadratic", dim=10)

    def evaluations():
        for _ in range(queries // 10):
            function(x)

    return 10 * ratio(evaluations, lambda: zobench.run(instance, "s2p", budget=queries), rounds)


def measured(rounds, large):
    """Yield (what, figure, how it must compare, target)."""
    (method,) = (each for each in two_point.METHODS if each.label == "s2p stationary gaussian")
    coco = beside_coco(rounds)
    if coco is not None:
        yield "S2P at d = 10: a bare evaluation of coco-experiment / a query", coco, ">=", 10.0
    yield "S2P at d = 10: run / hand-fused loop", two_point.compare(method, rounds)["run / fused"], "<=", 1.6
    yield "S2P at d = 10^6: iteration / (two read passes + direction)", iteration(rounds), "<=", 1.5
    few = max(3, rounds // 3)
    for what, figure in {
        "softmax, 160 MB": pairs("softmax-regression", few, **LARGE),
        "softmax, 10 classes, 160 MB": pairs("softmax-regression", few, **{**LARGE, "classes": 10}),
        "logistic, 8 MB": pairs("logistic-regression", rounds, data="synthetic", samples=10_000, dim=100),
        "network of 4 units, 160 MB": pairs("teacher-student", few, samples=200_000, inputs=100, hidden=4),
    }.items():
        yield f"pair of queries, {what}: one by one / together", figure, ">=", 1.6
    for solver in ("random-search", "s2p"):
        yield (
            f"{SEEDS} seeds of {solver}, softmax 10^4 x 10^2: separate / together",
            seeds(solver, 3000),
            ">=",
            3.0,
        )
    if large:
        gigabytes, vectors = hundred_million()
        yield "S2P at d = 10^8: peak memory (GB)", gigabytes, "<=", GIGABYTES
        yield "S2P at d = 10^8: vectors in its workspace", vectors, "<=", VECTORS


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--without-large", action="store_true", help="leave out d = 10^8")
    arguments = parser.parse_args()
    rows = []
    for what, figure, sign, target in measured(arguments.rounds, not arguments.without_large):
        met = figure >= target if sign == ">=" else figure <= target
        rows.append({"what": what, "figure": figure, "target": f"{sign} {target:g}", "met": met})
        if not arguments.json:
            print(f"{what:72}{figure:9.2f}  {sign} {target:<6g}{'' if met else 'missed'}", flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    sys.exit(0 if all(row["met"] for row in rows) else 1)


if __name__ == "__main__":
    main()
