"""What is compiled and what is done again: whole numbers that must not grow."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import zobench

#: A run over a compiled objective, one over another, and one over a Python callable.
USES = """
import zobench
from zobench.compile import compiled
zobench.run("quadratic", "s2p", budget=10)
zobench.run("nonconvex-cosine", "s2p", budget=10)
zobench.minimize(lambda x: float(x @ x), [1.0, 2.0], budget=10)
print(len(compiled), sum(name.startswith("step_of_s2p_") for name in compiled))
"""


def used(folder: str) -> tuple[int, int, set[str]]:
    """Do `USES` in a process; give C functions, those that step S2P, and the files of the cache after it."""
    done = subprocess.run(
        [sys.executable, "-c", USES],
        env={**os.environ, "ZOBENCH_CACHE_DIR": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    functions, steps = map(int, done.stdout.split())
    files = {f"{file} {file.stat().st_mtime_ns}" for file in Path(folder).rglob("*") if file.is_file()}
    return functions, steps, {file for file in files if ".lock" not in file}


class Compiled:
    """C functions of S2P over three kinds of objective, and what a second process finds in the cache."""

    timeout = 600

    def setup_cache(self) -> dict[str, int]:
        with tempfile.TemporaryDirectory() as folder:
            functions, steps, before = used(folder)
            _, _, after = used(folder)
        return {"functions": functions, "steps": steps, "again": len(after - before)}

    def track_functions(self, cache: dict[str, int]) -> int:
        return cache["functions"]

    def track_steps(self, cache: dict[str, int]) -> int:
        return cache["steps"]

    def track_compiled_again(self, cache: dict[str, int]) -> int:
        return cache["again"]

    track_functions.unit = track_steps.unit = "C functions"
    track_compiled_again.unit = "files written by a second process"


class Resumed:
    """What a campaign that is there already does again."""

    unit = "runs"

    def track_done_again(self) -> int:
        from zobench.campaign.definition import Campaign, execute
        from zobench.store.database import Store

        campaign = Campaign.from_options(["quadratic"], ["s2p", "stp"], "200", "5")
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
            execute(campaign, store, workers=1)
            return execute(campaign, store, workers=1).done


class Evaluated:
    """What an independent counter sees beyond the count: a Python objective that counts its calls."""

    params = (["s2p", "stp", "random-search", "spsa", "nes"],)
    param_names = ("solver",)
    unit = "calls beyond the count"

    def track_calls_beyond_the_count(self, solver: str) -> int:
        calls = 0

        def objective(x):
            nonlocal calls
            calls += 1
            return float(x @ x)

        result = zobench.minimize(objective, [1.0] * 10, solver=solver, budget=1001)
        return abs(calls - result.nfev)
