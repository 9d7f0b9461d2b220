"""Which of the limits of `zobench.limits` hold for some runs, as curves of gap / first gap.

All are drawn on the sphere f = (L/2)|x - x_star|^2 alone, where the gap is a distance squared; what a limit
is one of (mean, mean logarithm, median) is said with it.  Who is held against which limit is what the checks
of the limits name: a solver that is not named here has none but that of all methods.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zobench.limits import PRESET, curve, on_the_sphere

if TYPE_CHECKING:
    from pandas import DataFrame

    from zobench.instance import Instance

__all__ = ["Overlay", "overlays"]

#: Queries a step of methods that look along one random line a step.
LINES = {
    "s2p": 2,
    "stp": 2,
    "vs2p": 2,
    "random-gradient-free": 2,
    "mezo": 2,
    "one-plus-one-es": 1,
    "random-search": 1,
}
#: Methods that only compare, at lengths that no value decides: the kind, and the rules of which it is so.
COMPARING = {
    "s2p": ("two-point", ("stationary", "dynamic")),
    "stp": ("three-point", ("fixed", "decreasing")),
    "random-search": ("one-point", ("fixed", "decreasing")),
    "one-plus-one-es": ("one-point", (None,)),
}
#: Methods that draw nothing.
DETERMINISTIC = ("coordinate-differences", "nelder-mead", "powell", "cobyla", "cobyqa", "lbfgsb")
#: Directions whose law does not change by rotation.
ROUND = ("gaussian", "sphere", "unit-sphere", None)

LABELS = {
    "values": "limit of any method",
    "line": "limit of a random line a step",
    "preset": "limit of preset lengths",
    "bits": "limit of comparisons",
    "deterministic": "limit of deterministic methods",
}
NOTES = {
    "values": "any method: no mean over the directions of x_star - x0 lies below (1 - q/d) (f(x0) - f_star)",
    "line": "a random line a step, any step size: of exp(mean logarithm of the gap)",
    "preset": "the best lengths fixed before the direction is drawn: of exp(mean logarithm of the gap)",
    "bits": "a choice among N outcomes a step: of the median gap, over all x_star within |x0 - x_star|",
    "deterministic": "deterministic methods: no progress for q < d on some convex f, which is not this one",
}


class Overlay(NamedTuple):
    """One limit.

    Attributes
    ----------
    limit : str
        A key of `zobench.limits.CURVES`.
    kind : str
        What tells several of one limit apart: queries a step, or the kind of comparison.

    Examples
    --------
    >>> Overlay("comparison", "two-point").kind
    'two-point'
    """

    limit: str
    kind: str = ""

    @property
    def label(self) -> str:
        """What a legend calls it."""
        return LABELS[self.limit] + (f" ({self.kind})" if self.kind else "")

    @property
    def note(self) -> str:
        """What it is a limit of."""
        return NOTES[self.limit]

    def gaps(self, dim: int, queries: NDArray[Any]) -> NDArray[np.float64]:
        """Give the limit of gap / first gap at query counts; NaN where it says nothing.

        Parameters
        ----------
        dim : int
            d.
        queries : array of shape (n,)

        Returns
        -------
        array of shape (n,)

        Examples
        --------
        >>> Overlay("values").gaps(10, np.array([5]))
        array([0.5])
        """
        if self.limit in ("values", "deterministic"):
            # at q = d the gap may be nothing, which no logarithm shows
            return np.where(queries < dim, curve(self.limit, dim, queries), np.nan)
        if self.limit == "line":
            return curve("line", dim, queries, queries_per_step=int(self.kind.split()[0])) ** 2
        return curve(self.limit, dim, queries, kind=self.kind) ** 2


def overlays(instance: "Instance", runs: "DataFrame") -> list[Overlay]:
    """Give the limits that hold for runs on an instance, each once.

    Parameters
    ----------
    instance : Instance
    runs : DataFrame
        With columns solver, solver_parameters.

    Returns
    -------
    list of Overlay

    Examples
    --------
    >>> import pandas, zobench
    >>> none = pandas.DataFrame({"solver": [], "solver_parameters": []})
    >>> overlays(zobench.problem("quadratic"), none)
    [Overlay(limit='values', kind='')]
    """
    if instance.varies or on_the_sphere(instance):
        return []
    found = [Overlay("values")]
    chosen = runs[["solver", "solver_parameters"]].drop_duplicates()
    for solver, text in sorted(chosen.itertuples(index=False, name=None)):
        found += _of(solver, json.loads(text), instance.dim)
    order = list(LABELS)
    return sorted(dict.fromkeys(found), key=lambda one: (order.index(one.limit), one.kind))


def _of(solver: str, given: dict[str, Any], dim: int) -> Iterator[Overlay]:
    if solver in DETERMINISTIC:
        yield Overlay("deterministic")
    # one line has one dimension; in a single one it is the whole space
    if dim < 2 or given.get("law") not in ROUND or given.get("probes", 1) != 1:
        return
    if solver in LINES:
        yield Overlay("line", f"{LINES[solver]} {'query' if LINES[solver] == 1 else 'queries'}")
    if solver in COMPARING:
        kind, rules = COMPARING[solver]
        assert kind in PRESET
        if given.get("rule") in rules:
            yield Overlay("preset", kind)
            yield Overlay("bits", kind)
