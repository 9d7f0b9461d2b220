"""What a campaign of 10^9 runs would take and what breaks first, by arithmetic from the curves of `growth`.

    python -m benchmarks.growth --json > growth.json
    python -m benchmarks.paper_plan growth.json

A figure a run is that of the largest store it was measured on; memory is 24 GB, a process one core.
"""

import json
import math
import sys
from pathlib import Path

__all__ = ["RUNS", "table"]

RUNS, QUERIES, DIM, MEMORY = 10**9, 10**4, "10", 24e9
#: 2^32 - 2 pages of 4096 bytes: https://www.sqlite.org/limits.html
SQLITE = (2**32 - 2) * 4096
#: What is done with a store, by the name of its curve.
DONE = (
    ("expanding the campaign, in every process", "expand the campaign"),
    ("writing, one process a store", "write"),
    ("`store merge`, one process into one file", "store merge, into a new store"),
    ("`store export`, COCO's format, a process a store", "export --format coco"),
    ("`status`", "status of the campaign"),
    ("a report", "report"),
)
#: What fills up: the name of its curve, what holds it, and its size.
FILLS = (
    ("the plan, listed in every process", "bytes in memory of the plan, a run", "memory", MEMORY),
    ("a report's traces", "bytes in memory of the traces, a run", "memory", MEMORY),
    ("one file", "bytes of a stored run", "SQLite", SQLITE),
)


def last(curve: dict[str, float]) -> tuple[int, float]:
    """Give the largest size and the figure there."""
    size = max(curve, key=int)
    return int(size), curve[size]


def rounded(value: float) -> str:
    """Write a number with two figures, powers of ten as such."""
    power = math.floor(math.log10(value))
    if not -3 < power < 5:
        return f"{value / 10**power:.1f} x 10^{power}"
    digits = max(0, 1 - power)
    return f"{round(value, 1 - power):,.{digits}f}"


def span(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    for unit, size in (("years", 365 * 86400), ("days", 86400), ("hours", 3600), ("min", 60), ("s", 1)):
        if seconds >= 2 * size:
            return f"{rounded(seconds / size)} {unit}"
    return f"{rounded(1e6 * seconds)} us" if seconds < 1e-3 else f"{rounded(1e3 * seconds)} ms"


def bytes_of(value: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{rounded(value / size)} {unit}"
    return f"{rounded(value)} bytes"


def table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """Write the arithmetic as tables in Markdown: what fills up and when, how long things take."""
    stores, query = found["stores"], found["dimensions"]["a query of s2p"][DIM]
    fills = []
    for what, name, holder, size in FILLS:
        runs, each = last(stores[name])
        fills.append((size / each, what, each, runs, holder, size))
    lines = ["| breaks | a run | measured at | 10^9 runs | full at |", "|---|--:|--:|--:|--:|"]
    for limit, what, each, runs, holder, size in sorted(fills):
        full = f"{rounded(limit)} runs ({bytes_of(size)} of {holder})"
        lines.append(f"| {what} | {bytes_of(each)} | {runs:,} runs | {bytes_of(RUNS * each)} | {full} |")
    run = QUERIES * query
    lines += ["", "| takes | a run | measured at | 10^9 runs, one core |", "|---|--:|--:|--:|"]
    lines.append(f"| querying | {span(run)} | d = {DIM} | {span(RUNS * run)} |")
    for what, name in DONE:
        runs, seconds = last(stores[name])
        lines.append(f"| {what} | {span(seconds / runs)} | {runs:,} runs | {span(RUNS * seconds / runs)} |")
    runs, seconds = last(stores["write"])
    share = run * runs / seconds
    lines += ["", f"One store takes what {rounded(share)} workers make by querying alone."]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
