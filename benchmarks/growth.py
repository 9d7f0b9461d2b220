"""How cost grows: in d, in seeds, in checkpoints, in runs per store, each with its fitted exponent.

    python -m benchmarks.growth [dimensions|seeds|checkpoints|stores] [--largest N] [--json|--markdown]
                                [--figure FILE]

Processor seconds of this process, the best of a few repetitions (neighbours only slow things down).  The
exponent is that of least squares on logarithms over the upper half of the sizes, where start-up costs no
longer count; `EXPECTED` has what it should be near, and the exit code is 1 if one is further from it than
`NEAR`.  Stores are filled with one trace under the keys of a campaign: writing, reading and joining do not
look at the numbers.
"""

import argparse
import gc
import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import zobench
from benchmarks import paper_plan
from benchmarks.written import provenance, put, sentence

DIMS = [10**power for power in range(9)]
SEEDS = [1, 10, 100, 1000, 10_000]
ROWS = [1, 10, 100, 1000, 10_000, 50_000, 100_000, 200_000]
RUNS = [1000, 10_000, 100_000, 1_000_000]
#: Coordinates that a timed run passes over in all, and its queries at least and at most.
WORK, QUERIES = 2e8, (4, 1_000_000)
#: Below so many dimensions what a run costs besides its queries is the half millisecond that any run costs.
LONG = 1_000_000
#: Largest store that is exported, reported on.
EXPORTED, REPORTED = 100_000, 100_000
#: What the exponents should be near, by the beginning of the name of what is measured.
EXPECTED = {
    "": 1.0,
    "bytes of a stored run": 0.0,
    "bytes in memory": 0.0,
    "open": 0.0,
    "a run with so many checkpoints": 0.0,
}
NEAR = 0.25

Rows = dict[str, dict[int, float]]


def seconds(action: Callable[[], Any], times: int = 3) -> float:
    """Give the least processor seconds of some repetitions; one is enough of what takes long."""
    best = np.inf
    for _ in range(times):
        gc.collect()  # what an earlier run left behind would be paged in beside this one
        begun = time.process_time()
        action()
        best = min(best, time.process_time() - begun)
        if best > 5.0:
            break
    return best


def allocated(action: Callable[[], Any]) -> float:
    """Give the peak of the bytes that an action allocates."""
    tracemalloc.start()
    action()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gc.collect()
    return peak


def dimensions(largest: int | None) -> Rows:
    """Seconds a query on the Rosenbrock function, what a run costs besides, and bytes that it allocates.

    A query is the difference of two runs, one twice as long as the other: at d = 10^8 making the start,
    recording and the pages that are touched first cost more than the few queries that one has time for.
    """
    found: Rows = {}
    for dim in (each for each in DIMS if each <= (largest or DIMS[-1])):
        instance = zobench.problem("rosenbrock" if dim > 1 else "quadratic", dim=dim)
        queries = int(np.clip(WORK / dim, *QUERIES))
        for solver, parameters in ("s2p", None), ("mezo", {"step_size": 1e-12}):
            run = partial(zobench.run, instance, solver, parameters=parameters, checkpoints=4)
            run(budget=2)
            short = seconds(partial(run, budget=queries))
            long = seconds(partial(run, budget=2 * queries))
            found.setdefault(f"a query of {solver}", {})[dim] = (long - short) / queries
            if dim >= LONG:
                rest = seconds(partial(run, budget=2)) - 2.0 * found[f"a query of {solver}"][dim]
                found.setdefault(f"a run of {solver} besides", {})[dim] = rest
            found.setdefault(f"bytes of a run of {solver}", {})[dim] = allocated(partial(run, budget=2))
    return found


def campaign(seeds: int, budget: int = 1000) -> Any:
    from zobench.campaign.definition import Campaign

    return Campaign.from_options(["quadratic"], ["s2p"], str(budget), str(seeds))


def seeds(largest: int | None) -> Rows:
    """Seconds of a campaign of so many seeds into a store, in this process."""
    from zobench.campaign.definition import execute
    from zobench.store.database import Store

    zobench.run("quadratic", "s2p", budget=10)
    found: Rows = {"a campaign of so many seeds": {}}
    for count in (each for each in SEEDS if each <= (largest or SEEDS[-1])):
        with tempfile.TemporaryDirectory() as folder:
            stores = iter(range(100))

            def do(count: int = count, folder: str = folder, stores: Iterator[int] = stores) -> None:
                with Store(Path(folder) / f"{next(stores)}.sqlite") as store:
                    execute(campaign(count), store, workers=1)

            found["a campaign of so many seeds"][count] = seconds(do)
    return found


def checkpoints(largest: int | None) -> Rows:
    """Seconds of a run of a million queries with so many rows in its trace, and those of the rows.

    Rows lie evenly on logarithms and no two at one query, so that a trace has fewer than were asked for.
    Queries are cheap, and rows few beside them: where most queries have one, the processor foresees them.
    """
    instance = zobench.problem("quadratic", dim=1)
    found: Rows = {"a run with so many checkpoints": {}, "the checkpoints themselves": {}}

    def run(rows: int) -> Callable[[], Any]:
        return lambda: zobench.run(instance, "s2p", budget=10**6, checkpoints=rows)

    taken = found["a run with so many checkpoints"]
    for asked in (each for each in ROWS if each <= (largest or ROWS[-1])):
        taken[len(run(asked)().queries)] = seconds(run(asked), 7)
    bare = min(taken.values())
    # below, the difference is noise
    found["the checkpoints themselves"] = {
        rows: each - bare for rows, each in taken.items() if each > 1.1 * bare
    }
    return found


def fill(path: Path, asked: Any, batch: int = 5000) -> None:
    """Put one trace under every key of a campaign."""
    from zobench.store.database import Store

    trace = zobench.run("quadratic", "s2p", budget=1000)
    keys = asked.first_keys()
    with Store(path) as store:
        store.put_campaign(asked.title, asked.content)
        for first in range(0, len(keys), batch):
            store.put(*(replace(trace, key=key) for key in keys[first : first + batch]))


def of_a_store(path: Path, folder: Path, runs: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Give what is done with a store, by name."""
    from zobench.campaign.plan import state
    from zobench.export.coco import export_coco
    from zobench.page.build import write_report
    from zobench.store.database import Store
    from zobench.store.merge import info, merge

    def read(name: str) -> None:
        with Store(path, "read") as store:
            getattr(store, name)()

    def compare() -> None:
        with Store(path, "read") as store:
            state(campaign(runs), store)

    Store(path, "read").close()
    yield "open for reading", lambda: Store(path, "read").close()
    yield "open for writing", lambda: Store(path).close()
    yield "store info", lambda: info(str(path))
    yield "status of the campaign", compare
    yield "read the runs", lambda: read("runs")
    yield "store merge, into a new store", lambda: merge(str(folder / "joined.sqlite"), [str(path)])
    if runs <= EXPORTED:
        yield "store merge, of what is there", lambda: merge(str(folder / "joined.sqlite"), [str(path)])
        yield "read the traces", lambda: read("traces")
        yield "export --format coco", lambda: export_coco(str(path), folder / "coco")
    if runs <= REPORTED:
        yield "report", lambda: write_report(path, folder / "page")


def stores(largest: int | None) -> Rows:
    """Seconds of what is done with a store of so many runs, and its bytes a run."""
    found: Rows = {}
    zobench.run("quadratic", "s2p", budget=10)
    campaign(10)
    for runs in (each for each in RUNS if each <= (largest or RUNS[-1])):
        with tempfile.TemporaryDirectory(prefix="zobench-growth-") as place:
            folder = Path(place)
            path = folder / "store.sqlite"
            found.setdefault("expand the campaign", {})[runs] = seconds(lambda runs=runs: campaign(runs), 1)
            planned = allocated(lambda runs=runs: campaign(runs).first_keys()) / runs
            found.setdefault("bytes in memory of the plan, a run", {})[runs] = planned
            asked = campaign(runs)
            found.setdefault("write", {})[runs] = seconds(lambda path=path, asked=asked: fill(path, asked), 1)
            found.setdefault("bytes of a stored run", {})[runs] = path.stat().st_size / runs
            for name, action in of_a_store(path, folder, runs):
                found.setdefault(name, {})[runs] = seconds(action, 1)
                if name == "read the traces" and runs <= REPORTED // 10:  # tracing takes its time
                    read = allocated(action) / runs
                    found.setdefault("bytes in memory of the traces, a run", {})[runs] = read
                print(f"{runs:,} runs, {name}: {found[name][runs]:.3g}", file=sys.stderr, flush=True)
    return found


def exponent(values: dict[int, float]) -> float:
    """Fit the exponent over the upper half of the sizes, at least two of them; NaN where there is one."""
    sizes = sorted(values)
    sizes = sizes[min(len(sizes) // 2, max(len(sizes) - 2, 0)) :]
    if len(sizes) < 2:
        return float("nan")
    slope, _ = np.polyfit(np.log(sizes), np.log([max(values[size], 1e-9) for size in sizes]), 1)
    return float(slope)


def expected(name: str) -> float:
    return EXPECTED[max((start for start in EXPECTED if name.startswith(start)), key=len)]


def verdict(name: str, values: dict[int, float]) -> str:
    """Say whether the exponent is near the expected one."""
    fitted = exponent(values)
    if fitted != fitted:
        return "one size"
    return "near" if abs(fitted - expected(name)) <= NEAR else "NOT NEAR"


def text(found: dict[str, Rows]) -> str:
    """Write every curve in a line."""
    lines = []
    for factor, rows in found.items():
        lines.append(factor)
        for name, curve in rows.items():
            told = "  ".join(f"{size:,}: {value:.3g}" for size, value in curve.items())
            fitted = f"exponent {exponent(curve):.2f}, expected {expected(name):g}: {verdict(name, curve)}"
            lines.append(f"  {name}: {fitted};  {told}")
    return "\n".join(lines)


def markdown(found: dict[str, Rows]) -> str:
    """Write a table a factor."""
    lines = []
    for factor, rows in found.items():
        sizes = sorted({size for curve in rows.values() for size in curve})
        named = {"dimensions": "d", "stores": "runs in the store"}.get(factor, factor)
        head = [named, *(f"{size:,}" for size in sizes), "exponent (expected)", ""]
        lines += ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(sizes) + 1) + "---|"]
        for name, curve in rows.items():
            cells = [f"{curve[size]:.3g}" if size in curve else "" for size in sizes]
            fitted = f"{exponent(curve):.2f} ({expected(name):g})"
            lines.append("| " + " | ".join([name, *cells, fitted, verdict(name, curve)]) + " |")
        lines.append("")
    return "\n".join(lines)


def draw(found: dict[str, Rows], path: str) -> None:
    """Draw all curves, a panel a factor; the legends have the fitted exponents."""
    from matplotlib.figure import Figure

    from zobench.drawing import theme

    with theme():
        figure = Figure(figsize=(9.6, 4.4 * -(-len(found) // 2)), layout="constrained")
        for place, (factor, rows) in enumerate(found.items()):
            axis = figure.add_subplot(-(-len(found) // 2), min(2, len(found)), place + 1)
            curves = {name: curve for name, curve in rows.items() if not name.startswith("bytes")}
            for number, (name, curve) in enumerate(curves.items()):
                style = "oDs^vP"[number % 6] + ("-" if number < 10 else "--")  # colours come round
                label = f"{name}: {exponent(curve):.2f}"
                axis.loglog(list(curve), list(curve.values()), style, markersize=3, label=label)
            low, high = axis.get_ylim()
            if high < 10.0 * low:  # no mountains of a few per cent
                axis.set_ylim(low / 3.0, high * 3.0)
            axis.set_title(f"{factor}, with exponents over the upper half", loc="left")
            axis.set_xlabel({"dimensions": "d", "stores": "runs in the store"}.get(factor, factor))
            axis.set_ylabel("processor seconds")
            axis.legend(fontsize=6, ncols=2, loc="upper left", bbox_to_anchor=(0.0, -0.16), borderaxespad=0.0)
        figure.savefig(path, dpi=100)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made_with = provenance(["zobench", "numpy", "numba"])
    factors = {"dimensions": dimensions, "seeds": seeds, "checkpoints": checkpoints, "stores": stores}
    parser.add_argument("factors", nargs="*", choices=[[], *factors], help="all of them if none is given")
    parser.add_argument("--largest", type=int, help="leave out larger sizes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    parser.add_argument("--figure", metavar="FILE", help="draw the curves")
    parser.add_argument("--into", metavar="FILE", help="write the tables into a page, docs/performance.md")
    arguments = parser.parse_args()
    if arguments.into and arguments.largest:
        parser.error("--into is for all sizes: leave out --largest")
    found = {name: factors[name](arguments.largest) for name in arguments.factors or factors}
    if arguments.into:
        for factor, rows in found.items():
            table = markdown({factor: rows})
            put(arguments.into, f"growth in {factor}", f"{sentence(made_with)}.\n\n{table}")
        if {"dimensions", "stores"} <= set(found):
            put(arguments.into, "plan", paper_plan.table(json.loads(json.dumps(found))))
    if arguments.figure:
        draw(found, arguments.figure)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        print((markdown if arguments.markdown else text)(found))
    return int(
        any(verdict(name, curve) == "NOT NEAR" for rows in found.values() for name, curve in rows.items())
    )


if __name__ == "__main__":
    sys.exit(main())
