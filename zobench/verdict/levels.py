"""The levels of a factor: which cell of a theorem is varied, over which values of K, d, r or D.

Six geometric levels over a decade, the theorem's own step, K and constants at each.  D is the dimension
r (m + n - r) of the matrices of rank r.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError
from zobench.instance import Instance, problem
from zobench.names import problem_name
from zobench.theorem import Case, Cell, Theorem

__all__ = ["Slope", "bounds", "case_of", "declared", "name_of", "plan"]

#: Levels of a factor, over a decade.
LEVELS = 6
#: A bound this far from its declared exponent is told.
TOLD = 0.05
#: A linearly convergent run is as long as its bound takes to fall by this factor.
FALL = math.exp(-1.0)


@dataclass(frozen=True)
class Held(Case):
    """A case whose constants are held at those of the first level, for the bound's exponent in d or r alone.

    Attributes
    ----------
    first : Case
    free : tuple of str
        Constants that are the factor itself.
    """

    first: Case | None = None
    free: tuple[str, ...] = ()

    def constant(self, name: str) -> float:
        """Give the first level's constant."""
        assert self.first is not None
        return super().constant(name) if name in self.free else self.first.constant(name)

    @property
    def gap(self) -> float:
        """D0 of the first level."""
        assert self.first is not None
        return self.first.gap

    @property
    def distance(self) -> float:
        """R of the first level."""
        assert self.first is not None
        return self.first.distance


@dataclass(frozen=True)
class Slope:
    """What is fitted for one factor of one theorem.

    Attributes
    ----------
    factor : str
    cell : Cell
        The cell that is varied.
    cells : tuple of Cell
        One a level.
    cases : tuple of Case
    levels : tuple of float
        The factor's values.
    linear : bool
        Whether the steps for a factor e are fitted.
    inverse : bool
        Whether the declared exponent is one of queries where the mean is a speed.
    expected : float
        The bound's exponent over the levels; of the other sign where `inverse`.

    Examples
    --------
    >>> from zobench.theorem import find_theorem
    >>> slope = plan(find_theorem("s2p-smooth-stationary")[0], "d")
    >>> slope.levels, [cell.dim for cell in slope.cells]
    ((10.0, 16.0, 25.0, 40.0, 63.0, 100.0), [10, 16, 25, 40, 63, 100])
    """

    factor: str
    cell: Cell
    cells: tuple[Cell, ...]
    cases: tuple[Case, ...]
    levels: tuple[float, ...]
    linear: bool
    inverse: bool
    expected: float


def declared(theorem: Theorem) -> dict[str, float]:
    """Give the exponents a theorem declares; of several in one factor the largest, which holds in the end.

    Parameters
    ----------
    theorem : Theorem

    Returns
    -------
    dict of str to float
        By factor: "K", "d", "eps", "r" or "D".

    Examples
    --------
    >>> from zobench.theorem import find_theorem
    >>> theorem, _ = find_theorem("rsgf-crn")
    >>> theorem.slopes
    (('K', -1.0), ('K', -0.5), ('d', 0.5), ('eps', -4.0))
    >>> declared(theorem)
    {'K': -0.5, 'd': 0.5, 'eps': -4.0}
    """
    slowest: dict[str, float] = {}
    for factor, exponent in theorem.slopes:
        slowest[factor] = max(exponent, slowest.get(factor, -math.inf))
    return slowest


def case_of(cell: Cell) -> Case:
    """Make the case of a cell: its problem with the dimension and parameters, K and the law.

    Parameters
    ----------
    cell : Cell

    Returns
    -------
    Case

    Examples
    --------
    >>> case = case_of(Cell("quadratic", 20, steps=500, parameters=(("condition", 100.0),)))
    >>> case.dim, case.steps, case.constant("L"), case.constant("mu")
    (20, 500, 1.0, 0.01)
    """
    return Case(problem(cell.problem, cell.dim, **dict(cell.parameters)), cell.steps, cell.law, cell.claim)


def name_of(instance: Instance) -> str:
    """Give an instance's name with what is not at its default.

    Parameters
    ----------
    instance : Instance

    Returns
    -------
    str

    Examples
    --------
    >>> name_of(problem("quadratic", 20, condition=100))
    'quadratic (dim 20, condition 100)'
    """
    noise = instance.noise.text if instance.noise else ""
    given = instance.parameters._asdict()
    return problem_name(instance.problem.name, instance.dim, instance.seed, given, noise)


def _with(cell: Cell, **parameters: Any) -> Cell:
    kept = tuple(pair for pair in cell.parameters if pair[0] not in parameters)
    return replace(cell, parameters=(*kept, *parameters.items()))


def _grown(cell: Cell, factor: str, scale: float) -> Cell | None:
    """Give the cell with a factor at `scale` times its first level, or None if it cannot be varied."""
    given = dict(cell.parameters)
    if factor in ("K", "eps"):
        return replace(cell, steps=round(scale * cell.steps))
    if factor == "d":
        return None if cell.dim is None else replace(cell, dim=round(scale * cell.dim))
    if factor == "r":
        # tr H = r + 2 and the like come near to r for r >= 20 only
        first = max(20, given.get("rank", 0))
        wide = cell.dim is not None and "rank" in given
        return replace(_with(cell, rank=round(scale * first)), dim=20 * first) if wide else None
    if factor == "D" and {"rows", "columns"} <= set(given):
        sides = {name: round(scale * given[name]) for name in ("rows", "columns")}
        return _with(cell, **sides)
    return None


def _value(case: Case, cell: Cell, factor: str) -> float:
    """Give the factor's value in a case."""
    if factor in ("K", "eps"):
        return float(case.steps)
    if factor == "r":
        return case.constant("effective_rank")
    if factor == "D":
        given = dict(cell.parameters)
        return float(given["rank"] * (given["rows"] + given["columns"] - given["rank"]))
    return float(case.dim)


def _falling(theorem: Theorem, case: Case) -> int:
    """Give the steps after which a linear bound has fallen by `FALL`."""
    target, steps = FALL * theorem.bound(case, 0), 1
    while theorem.bound(replace(case, steps=steps), steps) > target and steps < 1_000_000:
        steps = math.ceil(1.02 * steps)
    return steps


def _levels(theorem: Theorem, factor: str, chosen: Cell) -> Slope | None:
    """Lay out the levels of a factor over one cell; None if the cell cannot be varied in it."""
    case, exponents = case_of(chosen), declared(theorem)
    linear = "K" not in exponents and theorem.bound(case, 2 * case.steps) < theorem.bound(case, case.steps)
    base = chosen
    if factor == "d" and not linear and "K" in exponents:
        base = replace(chosen, steps=10 * chosen.steps)  # one K for all d, long enough for the largest
    cells, cases = [], []
    for place in range(LEVELS):
        cell = _grown(base, factor, 10.0 ** (place / (LEVELS - 1)))
        if cell is None:
            return None
        made = case_of(cell)
        if linear and factor != "eps":
            cell = replace(cell, steps=_falling(theorem, made))
            made = replace(made, steps=cell.steps)
        cells.append(cell)
        cases.append(made)
    levels = tuple(_value(case, cell, factor) for case, cell in zip(cases, cells, strict=True))
    slope = Slope(factor, chosen, tuple(cells), tuple(cases), levels, linear, False, 0.0)
    expected = _bound_exponent(theorem, slope)
    # a speed falls where the queries, whose exponent is declared, grow
    inverse = factor in ("d", "D") and not linear and expected * exponents[factor] < 0.0
    return replace(slope, inverse=inverse, expected=-expected if inverse else expected)


def plan(theorem: Theorem, factor: str) -> Slope | None:
    """Choose the cell of a theorem that is varied, and the levels of a factor.

    Tight cells come before loose ones, quick before slow, and then the one over whose levels the bound has
    the exponent nearest to the declared one, with the larger dimension.

    Parameters
    ----------
    theorem : Theorem
    factor : {"K", "d", "eps", "r", "D"}
        One for which the theorem declares an exponent.

    Returns
    -------
    Slope or None
        None if no cell can be varied in the factor.

    Examples
    --------
    >>> from zobench.theorem import find_theorem
    >>> slope = plan(find_theorem("s2p-smooth-stationary")[0], "K")
    >>> slope.cell.tight, [cell.steps for cell in slope.cells], round(slope.expected, 2)
    (True, [1000, 1585, 2512, 3981, 6310, 10000], -0.5)
    """
    rank = {(True, True): 0, (True, False): 1, (False, True): 2, (False, False): 3}
    for group in range(4):
        best: tuple[float, int, Slope] | None = None
        for cell in theorem.cells:
            if rank[cell.tight, cell.quick] != group:
                continue
            try:
                slope = _levels(theorem, factor, cell)
            except ZobenchError:
                continue  # the theorem does not hold at one of the levels
            if slope is None or theorem.missing(slope.cases[0].instance):
                continue
            said = -math.inf if factor == "eps" else abs(slope.expected - declared(theorem)[factor])
            merit = (said if said > TOLD else 0.0, -(cell.dim or 0))
            if best is None or merit < best[:2]:
                best = (*merit, slope)
        if best is not None:
            return best[2]
    return None


def bounds(theorem: Theorem, slope: Slope, held: bool) -> NDArray[np.float64]:
    """Give the bound at every level, with the constants as they are or held.

    Parameters
    ----------
    theorem : Theorem
    slope : Slope
        Of the theorem, by `plan`.
    held : bool
        Whether D0, R and the other constants are those of the first level, so that only the factor itself
        changes; makes a difference in d and r only.

    Returns
    -------
    vector
        One a level.

    Examples
    --------
    The bound of this theorem is sqrt(2 L D0 d / K) / m1, and D0 grows like d here:

    >>> from zobench.theorem import find_theorem
    >>> theorem, _ = find_theorem("s2p-smooth-stationary")
    >>> slope = plan(theorem, "d")
    >>> changing, held = bounds(theorem, slope, False), bounds(theorem, slope, True)
    >>> (changing[[0, -1]] / changing[0]).round(2).tolist(), (held[[0, -1]] / held[0]).round(2).tolist()
    ([1.0, 10.0], [1.0, 3.16])
    """
    cases: list[Case] = list(slope.cases)
    if held and slope.factor in ("d", "r"):
        free = ("trace", "effective_rank") if slope.factor == "r" else ()
        cases = [
            Held(case.instance, case.steps, case.law, case.claim, slope.cases[0], free)
            for case in slope.cases
        ]
    return np.array([theorem.bound(case, case.steps) for case in cases])


def _times(values: NDArray[np.float64], theorem: Theorem, slope: Slope) -> NDArray[np.float64]:
    """Give the steps in which a linear quantity falls by the factor e."""
    starts = np.array([theorem.bound(case, 0) for case in slope.cases])
    return np.array([case.steps for case in slope.cases]) / np.log(starts / values)


def _bound_exponent(theorem: Theorem, slope: Slope) -> float:
    """Give the bound's exponent over the levels."""
    values = bounds(theorem, slope, not slope.linear)
    if slope.linear:
        values = _times(values, theorem, slope)
    return float(np.polyfit(np.log(slope.levels), np.log(values), 1)[0])
