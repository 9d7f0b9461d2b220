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
    """Tell whether a problem can be evaluated at several points in one pass over its data.

    Parameters
    ----------
    key : RunKey
        Only its problem is looked at; one that is not registered answers False, for its runs will say so.

    Returns
    -------
    bool

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> shares_data(key_of("ridge-regression", "s2p", budget=100))
    True
    >>> shares_data(key_of("quadratic", "s2p", budget=100))
    False
    """
    return _evaluates_many(key.problem)


@lru_cache(maxsize=256)
def _evaluates_many(name: str) -> bool:
    from zobench.registry import find

    try:
        return getattr(find("problems", name), "many", None) is not None
    except ZobenchError:  # its runs will say so
        return False


def cells(keys: Iterable["RunKey"]) -> Iterator[list["RunKey"]]:
    """Cut keys, in their order, where they differ in more than the seed.

    Parameters
    ----------
    keys : iterable of RunKey

    Yields
    ------
    list of RunKey
        Neighbours that differ in nothing but the seed.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> runs = [(name, seed) for name in ("s2p", "stp") for seed in range(3)]
    >>> keys = [key_of("quadratic", name, budget=100, seed=seed) for name, seed in runs]
    >>> [(cell[0].solver, [key.seed for key in cell]) for cell in cells(keys)]
    [('s2p', [0, 1, 2]), ('stp', [0, 1, 2])]
    """
    for _, cell in groupby(keys, key=_but_for_the_seed):
        yield list(cell)


_but_for_the_seed = attrgetter(
    "problem", "solver", "budget", "dim", "instance_seed", "problem_parameters", "solver_parameters", "noise",
    "observed", "version", "weights",
)  # fmt: skip


def together(keys: Sequence["RunKey"], count: int) -> list[list[int]]:
    """Put the places of keys together whose runs may go in lock-step; the seeds of a cell on all workers.

    Parameters
    ----------
    keys : sequence of RunKey
        In any order.
    count : int
        Workers.

    Returns
    -------
    list of list of int
        Indices into `keys`, each once: up to 16 seeds of one cell, and alone what shares no data.

    Examples
    --------
    Four seeds for two workers, and a run that goes alone:

    >>> from zobench.execute import key_of
    >>> keys = [key_of("ridge-regression", "s2p", budget=100, seed=seed) for seed in range(4)]
    >>> together([*keys, key_of("quadratic", "s2p", budget=100)], 2)
    [[0, 1], [2, 3], [4]]
    """
    found: dict[Any, list[int]] = {}
    for place, key in enumerate(keys):
        found.setdefault(replace(key, seed=0) if shares_data(key) else place, []).append(place)
    groups = []
    for places in found.values():
        size = max(1, min(ABREAST, -(-len(places) // count)))
        groups += [places[first : first + size] for first in range(0, len(places), size)]
    return groups
