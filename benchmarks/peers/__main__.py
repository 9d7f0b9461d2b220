"""Measure zobench next to its peers: ``python -m benchmarks.peers [PART ...] [--quick]``.

On one objective, in one dimension, with one seed and one number of evaluations, all sides in turn:

* a counted evaluation, called from Python;
* complete runs, a query, in dimensions 2 to 10^5;
* whole campaigns with all that is recorded: ``zobench run`` into a store, COCO's observer, IOH's logger;
* start-up: a process that imports and makes a run of ten evaluations;
* memory: the peak of a process with a run in dimension 10^5.

Figures are medians in processor time of one thread; ratios are medians over neighbours in time, with limits
that cover the median with 95 per cent.  A peer that is not there is left out with a sentence.
"""

import argparse
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.peers import campaigns, sides
from benchmarks.peers.measure import LEAST, Figure, in_turn, processes_in_turn
from benchmarks.written import provenance, put, sentence

#: Evaluations of a complete run by dimension: multiples of ten, at most a second or two a side.
COUNTS = {2: 10_000, 10: 10_000, 40: 4000, 640: 2000, 10_000: 400, 100_000: 60}
PARTS = ("evaluations", "runs", "campaigns", "processes")
#: Evaluations of a whole process' run.
FEW = 10
PACKAGES = "zobench numpy scipy numba coco-experiment ioh nevergrad cma".split()

_RUN = """
import sys
sys.path.insert(0, {here!r})
from benchmarks.peers import sides
print(sides.RUNS[{name!r}]({dim}, {count})())
"""
#: COCO's f1 for those without it, without NumPy, which they may or may not import.
_F = """
calls, c = 0, {c!r}
def f(x):
    global calls
    calls += 1
    return {a!r} * sum((p - q) * (p - q) for p, q in zip(x, c)) + {b!r}
"""
_START = {
    "zobench": """
import zobench
zobench.minimize(f, [1.0] * 10, budget=10)
print(calls)
""",
    "coco-experiment": """
import cocoex
suite = cocoex.Suite("bbob", "instances: 1", "dimensions: 10 function_indices: 1")
f = suite[0]
[f([1.0] * 10) for _ in range(10)]
print(int(f.evaluations))
""",
    "ioh": """
import ioh
f = ioh.get_problem("Sphere", 1, 10, ioh.ProblemClass.BBOB)
[f([1.0] * 10) for _ in range(10)]
print(f.state.evaluations)
""",
    "Nevergrad": """
import nevergrad as ng
space = ng.p.Array(init=[1.0] * 10)
ng.optimizers.OnePlusOne(space, budget=10).minimize(f)
print(calls)
""",
    "SciPy": """
from scipy.optimize import minimize
minimize(f, [1.0] * 10, method="Nelder-Mead", options={"maxfev": 10})
print(calls)
""",
    "pycma": """
import cma
strategy = cma.CMAEvolutionStrategy([1.0] * 10, 0.5, {"verbose": -9, "popsize": 10})
points = strategy.ask()
strategy.tell(points, [f(x) for x in points])
print(calls)
""",
}
_MODULES = {"coco-experiment": "cocoex", "ioh": "ioh", "Nevergrad": "nevergrad", "pycma": "cma"}


def starts(notes: list[str]) -> dict[str, str]:
    """Give the texts of the processes whose start-up is measured."""
    f = sides.objective(10)
    own = _F.format(a=float(f.a), b=float(f.b), c=f.c.tolist())
    return {name: own + text for name, text in present(_START, notes).items()}


def present(sides_of: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Leave out those whose package is missing, with a sentence."""
    kept = {}
    for name, what in sides_of.items():
        module = next((m for peer, m in _MODULES.items() if name.startswith(peer)), None)
        try:
            if module:
                sides.need(module, name.split(",")[0])
            kept[name] = what
        except sides.Missing as why:
            notes.append(f"{name}: {why}")
    return kept


def complete_runs(dim: int, count: int, rounds: int, notes: list[str]) -> list[Figure]:
    made = {}
    for name, make in sides.RUNS.items():
        try:
            made[name] = make(dim, count)
        except sides.Missing as why:
            notes.append(f"{name}, d = {dim:,}: {why}")
    return in_turn(made, count, rounds)


def evaluations(dim: int, count: int, rounds: int) -> list[Figure]:
    return in_turn(
        {"zobench, in a complete run": sides.zobench_compiled(dim, count), **sides.calls(dim, count)},
        count,
        rounds,
    )


def measure(parts: Sequence[str], quick: bool, notes: list[str]) -> dict[str, list[Figure]]:
    """Measure some parts; the keys are the titles of the tables."""
    rounds = 7 if quick else 11
    dims = [2, 10, 10_000] if quick else list(COUNTS)
    found: dict[str, list[Figure]] = {}
    apart = {dim: sides.agreement(dim) for dim in dims}
    notes.append(
        "values of all sides apart by at most " + ", ".join(f"{a:.1g} (d = {d:,})" for d, a in apart.items())
    )
    if "evaluations" in parts:
        notes.append("evaluations: Nevergrad and SciPy count inside a method only, see complete runs")
        for dim in (10,) if quick else (10, 40):
            found[f"A counted evaluation, d = {dim} (us)"] = evaluations(dim, 100_000, rounds)
    for dim in dims if "runs" in parts else ():
        title = f"A complete run, d = {dim:,}, {COUNTS[dim]:,} evaluations (us an evaluation)"
        found[title] = complete_runs(dim, COUNTS[dim], rounds, notes)
    with tempfile.TemporaryDirectory(prefix="zobench-peers-") as folder:
        if "campaigns" in parts:
            found.update(campaigns.measure(LEAST if quick else 7, folder, notes, quick))
        if "processes" in parts:
            found.update(processes(rounds, folder, notes))
    return found


def processes(rounds: int, folder: str, notes: list[str]) -> dict[str, list[Figure]]:
    """Measure start-up and memory."""
    seconds, peaks = processes_in_turn(starts(notes), FEW, rounds, folder)
    large = {
        name: _RUN.format(name=name, dim=100_000, count=FEW, here=os.getcwd())
        for name in present(sides.RUNS, notes)
        if not name.startswith(("SciPy", "coco"))  # the notes on complete runs say why
    }
    _, at_large = processes_in_turn(large, FEW, LEAST, folder)
    return {
        "Start-up with ten evaluations, a process (processor s)": seconds,
        "Start-up with ten evaluations, a process (peak MB)": peaks,
        "A run of ten evaluations at d = 100,000 (peak MB)": at_large,
    }


def scaled(title: str, figure: Figure) -> float:
    return figure.value * (1e6 if "(us" in title else 1.0)


def text(found: dict[str, list[Figure]], notes: list[str], markdown: bool) -> str:
    lines = []
    for title, rows in found.items():
        head = [
            "side",
            title.rpartition("(")[2].rstrip(")"),
            f"ratio to {rows[0].name}",
            "evaluations counted",
        ]
        cells = [
            [
                row.name,
                f"{scaled(title, row):.3g}",
                f"{row.ratio:.3g} [{row.low:.3g}, {row.high:.3g}]",
                f"{row.counted:,}" if row.counted else "",
            ]
            for row in rows
        ]
        if markdown:
            lines += [f"**{title}**", "", "| " + " | ".join(head) + " |", "|---|--:|--:|--:|"]
            lines += ["| " + " | ".join(row) + " |" for row in cells]
        else:
            lines.append(title)
            lines += [f"  {a:34}{b:>12}{c:>26}{d:>10}".rstrip() for a, b, c, d in cells]
        lines.append("")
    return "\n".join([*lines, *(f"- {note}" for note in notes)])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="all of them if none is given")
    parser.add_argument("--quick", action="store_true", help="fewer dimensions, rounds, campaigns: a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    parser.add_argument("--into", metavar="FILE", help="write the tables into a page, docs/performance.md")
    arguments = parser.parse_args()
    if arguments.into and (arguments.parts or arguments.quick):
        parser.error("--into is for all parts, measured at length: leave out PART and --quick")
    warnings.simplefilter("ignore")  # peers warn of ill-posed input and of tests of their own
    notes: list[str] = []
    made_with = provenance(PACKAGES)
    found = measure(arguments.parts or PARTS, arguments.quick, notes)
    if arguments.json:
        rows = {title: [asdict(row) for row in rows] for title, rows in found.items()}
        print(json.dumps({"made with": made_with, "figures": rows, "notes": notes}, indent=2))
        return 0
    if arguments.into:
        put(arguments.into, "peers", f"{sentence(made_with)}.\n\n{text(found, notes, True)}")
    print(sentence(made_with), end="\n\n")
    print(text(found, notes, arguments.markdown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
