"""How long runs take, roughly; and the instances that the last few runs needed.

Nothing at the top loads numpy, see `zobench.parallel.workers`.
"""

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from zobench.instance import Instance
    from zobench.trace import RunKey

__all__ = ["expected_seconds", "instance_of", "place_of", "seconds_of_query"]

#: What a run takes besides its queries, the store included (seconds).
OWN = 4e-4


@lru_cache(maxsize=32)
def _instance(
    name: str, dim: int, seed: int, parameters: tuple[tuple[str, Any], ...], noise: str
) -> "Instance":
    from zobench.instance import problem

    return problem(name, dim, seed, noise=noise or None, **dict(parameters))


def instance_of(key: "RunKey") -> "Instance":
    """Make the instance of a key, or give one of the last few.

    Parameters
    ----------
    key : RunKey

    Returns
    -------
    Instance
        The same object for keys that differ in solver, budget or seed, as long as it is among the last 32.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> first, second = (key_of("quadratic", name, budget=100) for name in ("s2p", "stp"))
    >>> instance_of(first) is instance_of(second), instance_of(first).dim
    (True, 10)
    """
    return _instance(key.problem, key.dim, key.instance_seed, key.problem_parameters, key.noise)


def place_of(key: "RunKey") -> tuple[Any, ...]:
    """Name what is evaluated, noise aside.

    Parameters
    ----------
    key : RunKey

    Returns
    -------
    tuple
        Problem, dimension, seed of the instance, parameters of the problem.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> place_of(key_of("quadratic", "s2p", budget=100))[:3]
    ('quadratic', 10, 0)
    """
    return key.problem, key.dim, key.instance_seed, key.problem_parameters


def expected_seconds(
    keys: Sequence["RunKey"] | Iterable["RunKey"], costs: dict[tuple[Any, ...], float] | None = None
) -> list[float]:
    """Estimate how long each run takes: budget times one timed evaluation, and a little for the solver.

    Parameters
    ----------
    keys : iterable of RunKey
    costs : dict, optional
        Seconds that an evaluation was found to take elsewhere, by `place_of`; those it lacks are timed here
        and added to it.

    Returns
    -------
    list of float
        Seconds, in the order of the keys.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> key = key_of("quadratic", "s2p", budget=500)
    >>> [round(seconds, 1) for seconds in expected_seconds([key], {place_of(key): 1e-3})]
    [0.5]
    """
    costs = {} if costs is None else costs
    answer = []
    for key in keys:
        place = place_of(key)
        if place not in costs:
            costs[place] = seconds_of_query(key)
        answer.append(OWN + key.budget * (costs[place] + _own_seconds(key.solver) + 4e-9 * key.dim))
    return answer


@lru_cache
def _own_seconds(name: str) -> float:
    """Estimate what a solver itself takes for a query."""
    from zobench.registry import find

    try:
        return getattr(find("solvers", name), "seconds", 5e-8)
    except ZobenchError:  # its runs will say so
        return 5e-8


def seconds_of_query(key: "RunKey") -> float:
    """Time one evaluation; the first in a process compiles it or loads its code.

    Parameters
    ----------
    key : RunKey

    Returns
    -------
    float
        Seconds, the best of up to three; 0 where the instance cannot be made or evaluated, for its runs will
        say so.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from zobench.execute import key_of
    >>> key = key_of("quadratic", "s2p", budget=100)
    >>> seconds_of_query(key) >= 0.0, seconds_of_query(replace(key, problem="unheard-of"))
    (True, 0.0)
    """
    try:
        made, best = instance_of(key), float("inf")
        for again in range(3):
            begun = time.perf_counter()
            made.value(made.x0)
            best = min(best, time.perf_counter() - begun)
            # the first may have been held up by what a process or an instance does once
            if best > (0.01 if again else 1.0):
                break
    except Exception:
        return 0.0
    return max(0.0, best - 5e-6)  # less what calling from Python takes
