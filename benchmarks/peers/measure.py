"""Time sides in turn: medians, and ratios of neighbours in time with their intervals."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["LEAST", "Figure", "Process", "in_turn", "interval", "process", "processes_in_turn"]


@dataclass(frozen=True)
class Figure:
    """One side: its figure, its ratio to the first side, the ratio's limits, evaluations counted."""

    name: str
    value: float
    ratio: float
    low: float
    high: float
    counted: int | None = None


#: Rounds below which not even the least and the largest of them cover the median with 95 per cent.
LEAST = 6


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Give the order statistics that cover the median with at least 95 per cent, whatever the law.

    Raises
    ------
    ValueError
        If there are fewer than `LEAST` values: the largest interval that they make covers too little.
    """
    from scipy.stats import binom

    ordered, count = sorted(values), len(values)
    if count < LEAST:
        raise ValueError(f"an interval needs at least {LEAST} rounds, got {count}")
    # P(median below the k-th of n) = P(Bin(n, 1/2) < k)
    place = max(k for k in range(1, count // 2 + 1) if binom.cdf(k - 1, count, 0.5) <= 0.025)
    return ordered[place - 1], ordered[count - place]


def figures(taken: dict[str, list[float]], counted: dict[str, int | None]) -> list[Figure]:
    """Make figures of what was measured in rounds; the first side is 1."""
    first = next(iter(taken.values()))
    found = []
    for name, values in taken.items():
        ratios = [value / base for value, base in zip(values, first, strict=True)]
        low, high = interval(ratios)
        found.append(
            Figure(name, statistics.median(values), statistics.median(ratios), low, high, counted.get(name))
        )
    return found


def in_turn(sides: dict[str, Callable[[], int]], count: int, rounds: int) -> list[Figure]:
    """Time complete runs of `count` evaluations in turn, in this process' processor seconds an evaluation.

    Raises
    ------
    AssertionError
        If a side's counter saw another number of evaluations.
    """
    taken: dict[str, list[float]] = {name: [] for name in sides}
    counted: dict[str, int | None] = {}
    for name, side in sides.items():  # once without the clock: compiles, imports, fills caches
        counted[name] = side()
        if counted[name] != count:
            raise AssertionError(f"{name} evaluated {counted[name]:,} times, not {count:,}")
    for _ in range(rounds):
        for name, side in sides.items():
            begun = time.process_time()
            side()
            taken[name].append((time.process_time() - begun) / count)
    return figures(taken, counted)


#: Runs a text and says its peak in megabytes.  Without /proc getrusage says it, in kilobytes (macOS:
#: bytes); on Linux a child would inherit that figure from its parent.
_CHILD = """
{code}
try:
    with open("/proc/self/status") as file:
        print(next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024)
except OSError:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@dataclass(frozen=True)
class Process:
    """A process: its processor seconds (with children), its peak in MB, what it printed before."""

    seconds: float
    peak: float
    said: list[str]


def process(code: str, folder: str) -> Process:
    """Run a text in a Python of its own, on one thread."""
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD.format(code=code)],
        env={**os.environ, **one_thread},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"a measured process failed:\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    *said, peak = done.stdout.split()
    return Process(cpu, float(peak), said)


def processes_in_turn(
    codes: dict[str, str], count: int, rounds: int, folder: str
) -> tuple[list[Figure], list[Figure]]:
    """Run whole processes in turn; give figures of processor seconds and of peak memory.

    Raises
    ------
    AssertionError
        If a process prints another number of evaluations.
    """
    taken: dict[str, list[Process]] = {name: [] for name in codes}
    for place in range(rounds + 1):
        for name, code in codes.items():
            found = process(code, folder)
            if found.said != [str(count)]:
                raise AssertionError(f"{name} evaluated {' '.join(found.said)} times, not {count:,}")
            if place:  # the first is the warm-up
                taken[name].append(found)
    counted: dict[str, int | None] = dict.fromkeys(codes, count)
    return (
        figures({name: [each.seconds for each in values] for name, values in taken.items()}, counted),
        figures({name: [each.peak for each in values] for name, values in taken.items()}, counted),
    )
