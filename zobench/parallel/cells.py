"""Cells: runs that differ in nothing but the seed, which may go in lock-step (`zobench.lockstep`)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from zobench.trace import RunKey

__all__ = ["cells", "shares_data", "together"]

#: Runs in lock-step at most.
ABREAST = 16


def shares_data(key: "RunKey") -> bool:
    """Tell whether a problem can be evaluated at several points in one pass over its data."""
    return _evaluates_many(key.problem)


@lru_cache(maxsize=256)
def _evaluates_many(name: str) -> bool:
    from zobench.registry import find

    try:
        return getattr(find("problems", name), "many", None) is not None
    except ZobenchError:  # its runs will say so
        return False


def cells(keys: Iterable["RunKey"]) -> Iterator[list["RunKey"]]:
    """Cut keys, in their order, where they differ in more than the seed."""
    for _, cell in groupby(keys, key=_but_for_the_seed):
        yield list(cell)


_but_for_the_seed = attrgetter(
    "problem", "solver", "budget", "dim", "instance_seed", "problem_parameters", "solver_parameters", "noise",
    "observed", "version", "weights",
)  # fmt: skip


def together(keys: Sequence["RunKey"], count: int) -> list[list[int]]:
    """Put the places of keys together whose runs may go in lock-step; the seeds of a cell on all workers."""
    found: dict[Any, list[int]] = {}
    for place, key in enumerate(keys):
        found.setdefault(replace(key, seed=0) if shares_data(key) else place, []).append(place)
    groups = []
    for places in found.values():
        size = max(1, min(ABREAST, -(-len(places) // count)))
        groups += [places[first : first + size] for first in range(0, len(places), size)]
    return groups
