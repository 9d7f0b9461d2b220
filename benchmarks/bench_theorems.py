"""Measured / bound of every theorem: exact, the same on every machine."""

import json
import math
from importlib.resources import files


def theorems() -> list[str]:
    """Name the theorems of the built-in solvers: those with mutants, which all of them have.

    Importing thirty solvers in each of sixty processes would cost most of a minute.
    """
    return sorted(json.loads(files("zobench.verdict").joinpath("mutants.json").read_text(encoding="utf-8")))


class Tightness:
    """The largest of the quick cells, on ten seeds: means of identities lie about 1, always the same bits."""

    timeout = 600
    unit = "measured / bound"
    params = (theorems(),)
    param_names = ("theorem",)

    def setup_cache(self) -> dict[str, float]:
        import zobench

        found: dict[str, float] = {}
        for verdict in zobench.verify(theorems(), quick=True, seeds=10):
            found[verdict.theorem] = max(found.get(verdict.theorem, -math.inf), verdict.tightness)
        return found

    def track_tightness(self, cache: dict[str, float], theorem: str) -> float:
        return cache[theorem]
