"""Print what a counted query costs, beside hand-fused loops measured in turn, and what starting up costs.

Run by ``make speed``.  The tables of the two-point methods and of the direction laws can be had alone:
``python -m benchmarks.two_point``, ``python -m benchmarks.directions``.  Machines are noisy: every figure is
a median over rounds, every ratio the median of ratios of neighbours in time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import zobench
from benchmarks import directions, two_point
from benchmarks.fused import Fused

ROUNDS = 15


def timed(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def per_query(dim, queries):
    """Time a complete run and both loops in turn; answer medians in ns a query and the two ratios."""
    instance = zobench.problem("quadratic", dim=dim)
    fused = Fused(instance)
    actions = {
        "run": lambda: zobench.run(instance, "s2p", budget=queries),
        "fused, NumPy generator": lambda: fused.numpy(queries // 2),
        "fused, own stream": lambda: fused.own_stream(queries // 2),
    }
    for action in actions.values():
        action()
    rounds = [{name: timed(action) for name, action in actions.items()} for _ in range(ROUNDS)]
    figures = {
        f"{name} (ns a query)": 1e9 * statistics.median(r[name] for r in rounds) / queries for name in actions
    }
    for name in list(actions)[1:]:
        figures[f"run / {name}"] = statistics.median(r["run"] / r[name] for r in rounds)
    return figures


def two_points(rounds=7):
    """Compare every two-point method with its hand-fused loop; answer times and ratios."""
    rows = {}
    for method in two_point.METHODS:
        figures = two_point.compare(method, rounds)
        rows[f"{method.label} (ns)"] = figures["run (ns a query)"]
        rows[f"{method.label}: run / fused"] = figures["run / fused"]
    return rows


def start_up():
    """Time whole processes: help, import, a warm run, and a first run with an empty cache."""

    def process(*command, **environment):
        return timed(
            lambda: subprocess.run(
                command, check=True, capture_output=True, env={**os.environ, **environment}
            )
        )

    def median(*command):
        return statistics.median(process(*command) for _ in range(5))

    cli = [sys.executable, "-m", "zobench"]
    with tempfile.TemporaryDirectory() as folder:
        store = ["--store", os.path.join(folder, "store.sqlite")]
        run = [*cli, "run", "-p", "quadratic", "-s", "s2p", "--budget", "10000", "--seeds", "1", *store]
        cold = process(*run, ZOBENCH_CACHE_DIR=os.path.join(folder, "cache"))
        process(*run)
        warm = statistics.median(
            process(*run[:-1], os.path.join(folder, f"warm-{number}.sqlite")) for number in range(5)
        )
    bare = median(sys.executable, "-c", "")
    return {
        "python alone (s)": bare,
        "import zobench (s)": median(sys.executable, "-c", "import zobench"),
        "zobench --help (s)": median(*cli, "--help"),
        "warm run of 10,000 queries (s)": warm,
        "first run, empty cache (s)": cold,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = {
        "S2P on the sphere, d = 10": per_query(10, 400_000),
        "S2P on the sphere, d = 1000": per_query(1000, 20_000),
        "two-point methods on the sphere, d = 10 (ns a query)": two_points(),
        "directions, d = 10^6 (an element)": directions.measure(rounds=ROUNDS),
        "start-up": start_up(),
    }
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    for title, rows in figures.items():
        print(title)
        for name, value in rows.items():
            print(f"  {name:56s} {value:10.3f}")


if __name__ == "__main__":
    main()
