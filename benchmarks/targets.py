"""Print what zobench promises of its speed, each beside its target: ``python -m benchmarks.targets``.

The exit code is 1 if a target is missed.  Each figure is a ratio of two things measured in turn in this
process, in processor time, the median over rounds; the bits of what is compared are compared as well.  A busy
machine shares caches and memory: on one, targets about memory may be missed.

Lines without a target say how far arithmetic lets a ratio go: sums of products at the rate of fused
multiply-adds whose numbers all lie in registers, or an evaluation whose data all lie in the cache.
"""

import argparse
import ctypes
import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
from zobench.problems import logistic_regression

import zobench
from benchmarks import two_point
from benchmarks.directions import _drawn, compiled
from zobench.certificate import Certificates
from zobench.compile import typed
from zobench.execute import run_seeds
from zobench.instance import Instance
from zobench.objectives.classification import blocks
from zobench.objectives.layers import TALL
from zobench.objectives.tiles import WIDE, product_tile
from zobench.stream import Stream

#: Data beyond every cache, and the ones that several seeds share.
LARGE = {"data": "synthetic", "samples": 200_000, "features": 100, "classes": 2}
SHARED = {"data": "synthetic", "samples": 10_000, "features": 100, "classes": 10}
SEEDS = 16
NETWORK = {"samples": 200_000, "inputs": 100}
#: Samples of a network whose data fit into the second cache.
IN_CACHE = 1024
GIGABYTES, VECTORS = 24.0, 3.0


def ratio(one, other, rounds):
    """Time two actions in turn; give the median of time of `one` / time of `other`."""
    one(), other()
    return statistics.median(_timed(one) / _timed(other) for _ in range(rounds))


def _timed(action):
    begun = time.process_time()
    action()
    return time.process_time() - begun


def logistic(samples, features):
    """Make an instance of logistic regression beyond the size for which a minimiser is sought."""
    rows = np.random.default_rng(0).standard_normal((samples, features))
    data = logistic_regression.Data(*blocks(rows), samples, 1e-2)
    problem, x0 = logistic_regression.problem, np.zeros(features)
    return Instance(problem, features, 0, None, x0, data, Certificates())


def pairs(name, rounds, **chosen):
    """Compare two values one by one with both in one pass; the bits must agree."""
    instance = logistic(**chosen) if name == "logistic" else zobench.problem(name, **chosen)
    value, values = instance._functions.value, instance._functions.values
    points = instance.x0 + 0.1 * np.random.default_rng(0).standard_normal((2, instance.dim))
    if not np.array_equal(values(points), [value(x) for x in points]):
        raise SystemExit(f"{name}: two values together have other bits than one by one")
    return ratio(lambda: [value(x) for x in points], lambda: values(points), rounds)


def seeds(solver, in_pairs=True, budget=1000, rounds=3):
    """Compare separate runs with runs in lock-step: the median ratio of processor times, and the bits.

    Without `in_pairs` every query of the separate runs is evaluated by itself.  What a run costs besides its
    queries, 15 ms here, most of it gradients at checkpoints, is the same on both sides: short runs gain less.
    """
    instance = zobench.problem("softmax-regression", **SHARED)
    single = instance
    if not in_pairs:
        single = replace(instance, problem=replace(instance.problem, many=None), _keep={})
    run_seeds(instance, solver, budget=10, seeds=range(2))
    ratios = []
    for _ in range(rounds):
        alone, beside = [], []

        def separate(found=alone):
            found += [
                zobench.run(single, solver, budget=budget, seed=seed, checkpoints=4) for seed in range(SEEDS)
            ]

        def together(found=beside):
            found += run_seeds(instance, solver, budget=budget, seeds=range(SEEDS), checkpoints=4)

        ratios.append(_timed(separate) / _timed(together))
        for one, other in zip(alone, beside, strict=True):
            if not (np.array_equal(one.x, other.x) and np.array_equal(one.bests, other.bests)):
                raise SystemExit(f"{solver}: runs in lock-step have other bits than separate ones")
    return statistics.median(ratios)


_tile = product_tile(TALL, WIDE)


def _in_registers(out, a, b, terms, count):
    for _ in range(count):
        _tile(out, WIDE, a, 1, TALL, b, WIDE, terms)


def fused_rate(terms=64, count=20_000):
    """Give the multiplications and additions a second of fused multiply-adds on a tile in registers."""
    address = typed(_in_registers, f"void({', '.join(['int64'] * 5)})", "tile in registers")
    out, a, b = np.zeros((TALL, WIDE)), np.full((terms, TALL), 1e-3), np.full((terms, WIDE), 1e-3)
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(address)
    given = [array.ctypes.data for array in (out, a, b)]
    best = min(_timed(lambda: run(*given, terms, count)) for _ in range(15))
    return 2.0 * TALL * WIDE * terms * count / best


def most_over_pairs(rounds):
    """Bound what seeds of S2P can gain over its pairs: a pair's time by that of its products at full rate."""
    instance = zobench.problem("softmax-regression", **SHARED)
    points = instance.x0 + 0.1 * np.random.default_rng(0).standard_normal((2, instance.dim))
    values = instance._functions.values
    values(points)
    pair = statistics.median(_timed(lambda: values(points)) for _ in range(rounds))
    return pair * fused_rate() / (4.0 * SHARED["samples"] * instance.dim)


def most_of_pairs(rounds, samples, **chosen):
    """Bound what a pair can gain on large data: an evaluation, by one as long with data in the cache."""
    large, small = (
        zobench.problem("teacher-student", samples=each, **chosen) for each in (samples, IN_CACHE)
    )
    points = small.x0 + np.zeros((2, 1))

    def cached():
        for _ in range(samples // IN_CACHE):
            small._functions.values(points)

    return 2.0 * ratio(lambda: large._functions.value(large.x0), cached, rounds)


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


def hundred_million(solver):
    """Give the peak memory (GB) of a process at d = 10^8, and how many vectors it is beyond a small run's."""
    code = (
        "import re, sys, zobench\n"
        "text = lambda: open('/proc/self/status').read()\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+) kB', text())[1]) * 1024\n"
        "chosen = {'step_size': 1e-12} if sys.argv[1] == 'mezo' else {'alpha0': 1e-12}\n"
        "zobench.run('rosenbrock', sys.argv[1], budget=4, parameters=chosen)\n"
        "before = peak()\n"
        "instance = zobench.problem('rosenbrock', dim=10**8)\n"
        "trace = zobench.run(instance, sys.argv[1], budget=4, parameters=chosen)\n"
        "print(trace.count, peak() / 1e9, (peak() - before) / 8e8)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, solver], capture_output=True, text=True, check=True)
    count, gigabytes, vectors = done.stdout.split()
    if count != "4":
        raise SystemExit(f"the run at d = 10^8 must ask 4 queries, got {count}")
    return float(gigabytes), round(float(vectors), 2)


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
        "softmax attention, 32 MB": pairs(
            "softmax-attention", few, blocks=2000, rows=20, dim=100, weight=0.0
        ),
        "logistic, 160 MB": pairs("logistic", few, samples=200_000, features=100),
        "network of 4 units, 160 MB": pairs("teacher-student", few, **NETWORK, hidden=4),
    }.items():
        yield f"pair of queries, {what}: one by one / together", figure, ">=", 1.6
    for hidden in (16, 64):
        figure = pairs("teacher-student", few, **NETWORK, hidden=hidden)
        yield f"pair of queries, network of {hidden} units, 160 MB", figure, "", 0.0
        yield "    with the data in the cache, about", most_of_pairs(few, **NETWORK, hidden=hidden), "", 0.0
    yield from together(rounds)
    if large:
        for solver in ("s2p", "random-search", "mezo"):
            gigabytes, vectors = hundred_million(solver)
            yield f"{solver} at d = 10^8: peak memory (GB)", gigabytes, "<=", GIGABYTES
            yield f"{solver} at d = 10^8: vectors in all, the start among them", vectors, "<=", VECTORS


def together(rounds):
    """Yield what is measured of runs in lock-step, as `measured` does."""
    where = f"{SEEDS} seeds of {{}} on softmax 10^4 x 10^2: separate / together"
    yield where.format("random-search"), seeds("random-search"), ">=", 3.0
    yield where.format("s2p (queries one by one)"), seeds("s2p", in_pairs=False), ">=", 3.0
    yield where.format("s2p (queries in pairs)"), seeds("s2p"), "", 0.0
    yield "    at most, all products at the rate of registers", most_over_pairs(rounds), "", 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--without-large", action="store_true", help="leave out d = 10^8")
    arguments = parser.parse_args()
    rows = []
    for what, figure, sign, target in measured(arguments.rounds, not arguments.without_large):
        met = not sign or (figure >= target if sign == ">=" else figure <= target)
        wanted = f"{sign} {target:g}" if sign else ""
        rows.append({"what": what, "figure": figure, "target": wanted, "met": met})
        if not arguments.json:
            print(f"{what:84}{figure:8.2f}  {wanted:8}{'' if met else 'missed'}".rstrip(), flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    sys.exit(0 if all(row["met"] for row in rows) else 1)


if __name__ == "__main__":
    main()
