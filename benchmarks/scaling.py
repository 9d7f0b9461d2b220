"""What workers bring: ``python -m benchmarks.scaling`` times campaigns with one worker and with two, in turn.

* Scaling: 2,000 runs in dimension 100 with 50,000 queries each, the whole of ``zobench run``.
* Ceiling: two processes that share nothing and write nothing, against one of them alone: what two of this
  machine's processors bring at best, for they may share caches, power or a core.
* Overhead: what handing runs of a millisecond to a worker process costs, in processor time: the same runs
  with and without it, and twice as many, so that what a worker costs once is left out.  What the worker
  spends holds up runs; the process that collects goes on beside it.

On a machine that others use, too, the processor's seconds tell more than the wall's: with two workers they
should be hardly more than with one.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.throughput import Clock

CAMPAIGN = """
problems = ["quadratic:dim=100", "rosenbrock:dim=100", "nesterov-worst:dim=100", "huber:dim=100"]
solvers = ["s2p", "stp", "random-search", "spsa:a=1e-9", "random-gradient-free:L=1e9"]
budget = 50000
seeds = {seeds}
"""


def campaign(folder: Path, workers: int, seeds: int) -> tuple[float, float]:
    """Run the campaign; give wall and processor seconds."""
    file, store = folder / "scaling.toml", folder / "scaling.sqlite"
    file.write_text(CAMPAIGN.format(seeds=seeds))
    clock = Clock()
    command = [sys.executable, "-m", "zobench", "run", str(file), "--store", str(store)]
    subprocess.run([*command, "--workers", str(workers)], check=True, stdout=subprocess.DEVNULL)
    seconds = clock.read()
    store.unlink()
    return seconds


#: Does compiled runs once it is told to, and says how long that took.
_ALONE = """
import sys, time, zobench
zobench.run(zobench.problem("rosenbrock", 100), "s2p", budget=1000)
sys.stdin.readline()
begun = time.perf_counter()
zobench.run(zobench.problem("rosenbrock", 100), "s2p", budget=int(sys.argv[1]))
print(time.perf_counter() - begun)
"""


def ceiling(queries: int = 4_000_000) -> float:
    """Give how much more two processes with nothing in common do than one."""

    def slowest(count: int) -> float:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", _ALONE, str(queries)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for _ in range(count)
        ]
        time.sleep(1.0)  # all have loaded what they need
        for process in processes:
            process.stdin.write(b"\n")
            process.stdin.flush()
        return max(float(process.communicate()[0]) for process in processes)

    return 2.0 * slowest(1) / slowest(2)


def _seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _answered(count: int, pooled: bool) -> tuple[float, float]:
    """Do runs of a millisecond without a store; give processor seconds of this process and of others."""
    from zobench.campaign.definition import Campaign
    from zobench.parallel.processes import Processes
    from zobench.parallel.workers import run_keys

    keys = Campaign.from_options(["rosenbrock:dim=10"], ["s2p"], 40000, count).keys
    whose = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    before = [_seconds(who) for who in whose]
    if pooled:
        with Processes(1) as pool:
            done = sum(len(batch) for batch in run_keys(keys, executor=pool))
    else:
        done = sum(len(batch) for batch in run_keys(keys, workers=1))
    assert done == count
    here, there = (_seconds(who) - then for who, then in zip(whose, before, strict=True))
    return here, there


def overhead(count: int = 1000) -> tuple[float, float, float]:
    """Give the share that a run costs more in a worker, the caller's share, and a run's seconds."""
    _answered(10, False)
    parent, worker = (
        (more - less) / count
        for more, less in zip(_answered(2 * count, True), _answered(count, True), strict=True)
    )
    alone = (_answered(2 * count, False)[0] - _answered(count, False)[0]) / count
    return worker / alone - 1.0, parent / alone, alone


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=100, help="20 runs each")
    arguments = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="zobench-scaling-") as place:
        folder = Path(place)
        campaign(folder, 1, 1)  # compiles
        pairs = [
            [campaign(folder, workers, arguments.seeds) for workers in (1, 2)] for _ in range(arguments.times)
        ]
    for number, workers in enumerate((1, 2)):
        wall, cpu = (median(pair[number][i] for pair in pairs) for i in (0, 1))
        print(f"{workers} worker{'s' if workers > 1 else ' '}: {wall:6.2f} s wall, {cpu:6.2f} s processor")
    ratios = sorted(one[0] / two[0] for one, two in pairs)
    print(
        f"{20 * arguments.seeds} runs, 1 worker / 2 workers: {median(ratios):.2f} x",
        [f"{r:.2f}" for r in ratios],
    )
    best = sorted(ceiling() for _ in range(arguments.times))
    print(f"two processes with nothing in common: {median(best):.2f} x", [f"{r:.2f}" for r in best])
    found = [overhead() for _ in range(arguments.times)]
    worker, parent, alone = (median(column) for column in zip(*found, strict=True))
    print(
        f"a run of {1e3 * alone:.2f} ms takes {100 * worker:.1f} per cent longer in a worker process, "
        f"and {100 * parent:.1f} per cent of it in the process that collects (processor time)"
    )
    print(f"({time.monotonic() - begun:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
