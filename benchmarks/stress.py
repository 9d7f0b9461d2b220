"""Campaigns that are killed, starved and cut off: what is resumed must equal what was never disturbed.

``python -m benchmarks.stress`` kills the parent process at 200 moments drawn over the whole life of a
campaign (a kill that comes when it has ended does not count) and worker processes at 200, fills the disk,
takes it away, lets two parents write to one store, and cuts the power 50 times; ``--kills 5 --cuts 5`` is
quick.  After each ordeal the campaign is resumed, and the store must pass SQLite's integrity_check and hold
every run of the campaign once, bit for bit as an undisturbed campaign wrote it.  Exit code 1 if anything
differs.

A full disk and a read-only one are small file systems in memory where that can be mounted (root on Linux);
elsewhere a limit on the size of files and a folder without permission to write.  A power cut is simulated by
stopping the parent and copying its files as they are at that moment; in every second cut, what was appended
to the log since the copy before, which the system may not have put on the disk, is cut off at a random byte.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.stress_bench import Bench, Life, Unlike, contents, until_rows
from benchmarks.stress_disk import cut_power, fill_disk, read_only

#: Campaigns that are killed at the same time: a parent that starts up leaves a processor to spare.
LANES = 2


def kill_parents(bench: Bench, kills: int) -> str:
    """Kill the parent at moments drawn evenly over the life of a campaign, resuming it until it is done."""
    with ThreadPoolExecutor(LANES) as lanes:
        lives = list(lanes.map(bench.life, (1, 2)))
        shares = [kills // LANES + (lane < kills % LANES) for lane in range(LANES)]
        counts = sum(lanes.map(lambda lane: _lane(bench, lives, lane, shares[lane]), range(LANES)), Counter())
    parts = ", ".join(f"{counts[part]} {part}" for part in PARTS)
    return f"{kills} kills of living parents ({parts}), {counts['equal']} campaigns equal"


PARTS = ("before its first run was in", "in tuning", "in its runs", "after its last run was in")


def _lane(bench: Bench, lives: Sequence[Life], lane: int, kills: int) -> Counter[str]:
    """Kill one campaign after the other; count the kills in each part of a life, and the campaigns."""
    chance, counts, done = random.Random(20240229 + lane), Counter[str](), 0
    while done < kills:
        store, there = bench.new(), 0
        while done < kills and there < bench.runs:
            workers = 1 + (done + lane) % 2
            before = there
            killed = _kill(bench, store, workers, lives[workers - 1], before, chance)
            there = bench.partial(store)
            if there < before:
                raise Unlike(f"{before - there} runs of {store} were lost")
            if killed:
                done += 1
                late = 1 + (there > bench.tuning) + (there == bench.runs)
                counts[PARTS[0 if there == before < bench.runs else late]] += 1
        bench.finish(store)
        counts["equal"] += 1
    return counts


def _kill(bench: Bench, store: Path, workers: int, life: Life, before: int, chance: random.Random) -> bool:
    """Resume a campaign and kill it; say whether that was what ended it."""
    moment = chance.random() * (life.start + life.runs + life.end)
    process = bench.start(store, workers)
    if moment < life.start:
        time.sleep(moment)
    else:
        # the clock is of a whole life on a quiet machine: within the runs their number says how far it is
        part = min(1.0, (moment - life.start) / life.runs)
        until_rows(process, store, before + max(1, round(part * (bench.runs - before))))
        time.sleep(max(0.0, moment - life.start - life.runs) if part == 1.0 else 0.05 * chance.random())
    process.kill()
    said, complaints = process.communicate(timeout=30)  # the workers hold its pipes: they have ended as well
    if process.returncode not in (0, -signal.SIGKILL):
        raise Unlike(f"a campaign ended with {process.returncode}: {said[-300:]} {complaints}")
    return process.returncode == -signal.SIGKILL


def _children(process: int) -> list[int]:
    said = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True).stdout
    return [int(line) for line in said.split()]


def kill_workers(bench: Bench, kills: int) -> str:
    """Kill random worker processes at random moments."""
    done = campaigns = 0
    while done < kills:
        store = bench.new()
        process = bench.start(store)
        while process.poll() is None and done < kills:
            time.sleep(bench.random.expovariate(8 / bench.seconds))
            if children := _children(process.pid):
                try:
                    os.kill(bench.random.choice(children), signal.SIGKILL)
                    done += 1
                except ProcessLookupError:
                    continue
        said, complaints = process.communicate()
        if process.returncode != 0:
            raise Unlike(f"a campaign whose workers were killed ended so: {said[-300:]} {complaints}")
        bench.finish(store)
        campaigns += 1
    return f"{done} kills, {campaigns} campaigns equal without being resumed"


def two_parents(bench: Bench, times: int = 3) -> str:
    """Let two campaigns write the same runs to one store at once."""
    for _ in range(times):
        store = bench.new()
        both = [bench.start(store, workers=1), bench.start(store, workers=2)]
        for process in both:
            _, complaints = process.communicate()
            if process.returncode or complaints:
                raise Unlike(f"one of two parents ended with {process.returncode}: {complaints}")
        if contents(store) != bench.whole:
            raise Unlike("two parents made another store than one")
    return f"{times} pairs, equal"


def main() -> int:
    """Do all of it, or what is named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ordeals", nargs="*", help="parents workers disk read-only two power; all if none")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--cuts", type=int, default=50)
    asked = parser.parse_args()
    ordeals: dict[str, Callable[[Bench], str]] = {
        "disk": fill_disk,
        "read-only": read_only,
        "two": two_parents,
        "power": lambda bench: cut_power(bench, asked.cuts),
        "workers": lambda bench: kill_workers(bench, asked.kills),
        "parents": lambda bench: kill_parents(bench, asked.kills),
    }
    unlike = 0
    with tempfile.TemporaryDirectory(prefix="zobench-stress-") as folder:
        bench = Bench(Path(folder))
        print(f"undisturbed: {bench.runs} runs, {bench.seconds:.1f} s", flush=True)
        for name in asked.ordeals or ordeals:
            begun = time.monotonic()
            try:
                said = ordeals[name](bench)
            except Unlike as error:
                said, unlike = f"FAILED: {error}", unlike + 1
            print(f"{name}: {said} ({time.monotonic() - begun:.0f} s)", flush=True)
    return int(unlike > 0)


if __name__ == "__main__":
    sys.exit(main())
