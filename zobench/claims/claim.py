"""Claims: what a campaign is run to find out, and what its runs say about it.

Every claim comes down to one number a replicate, and to an interval in which the claim wants the mean of that
number to lie.  Replicates are instances where a cell has several, and seeds otherwise; over the seeds of one
instance the number is averaged first, as its runs are no independent trials of the claim.

=======  =====================================================================================  =====
kind     the number                                                                             mean
=======  =====================================================================================  =====
faster   queries of `than` over queries of `solver`, to a target, in the same replicate         logs
lower    final gap of `than` over final gap of `solver`, in the same replicate                  logs
final    final gap over the gap of the start                                                    logs
linear   queries from the second target to the third over queries from the first to the second  logs
slope    least-squares exponent of queries (or of the final gap) against a factor               plain
=======  =====================================================================================  =====

A number may be known between limits only: a run that did not hit its target within its budget needs more
queries than that, and where a target is no one of `zobench.trace.TARGETS` the hit lies between two
checkpoints.  Both limits are carried through, so that no verdict rests on what was not seen.

A cell is one claim on one problem.  It *holds* if the confidence interval of the mean lies inside the claimed
interval, it does *not hold* if both are disjoint, and is *undecided* otherwise.  The intervals are Student's,
at the levels of Holm's procedure over all cells of the campaign ("A simple sequentially rejective multiple
test procedure", Scand. J. Statist. 6, 1979): all verdicts of a campaign are right together with probability
0.95, as far as means of so many numbers follow Student's law.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["KINDS", "VERDICTS", "Cell", "Claim", "Judgement", "judge_cells", "verdict_of"]

#: Kinds of claims, with the interval that a claim which says none wants its number in.
KINDS: dict[str, tuple[float, float]] = {
    "faster": (1.0, math.inf),
    "lower": (1.0, math.inf),
    "final": (0.0, math.inf),
    "linear": (0.5, 2.0),
    "slope": (-math.inf, math.inf),
}
#: Verdicts on a claim, with what each means.
VERDICTS = {
    "held": "in every cell",
    "held in part": "in some cells",
    "did not hold": "in no cell, and in some the runs say the contrary",
    "undecided": "the runs decide no cell",
    "unfinished": "runs are missing",
}
#: All verdicts of a campaign together are wrong at most this often.
LEVEL = 0.05


@dataclass(frozen=True)
class Claim:
    """One claim, as a campaign's file has it.

    Attributes
    ----------
    says : str
        In plain words.
    kind : str
        One of `KINDS`.
    solver : str
        ``name`` or ``name:key=value,...``.  Where several parameters match, each instance has its best.
    source : str
        Who claims it.
    recalled : bool
        Whether the source was recalled and not read.
    than : tuple of str
        What `solver` is compared with; a cell for each.
    targets : tuple of float
        Relative gaps.
    gap : mapping of str to float
        An absolute gap as a product of powers of facts, ``{"times": 0.005, "condition": -2}``, or empty.
    against : mapping of str to float
        The factor of a slope, likewise.
    of : str
        What a slope is of: ``"queries"`` or ``"final gap"``.
    at : str
        Whose gaps count: those of all ``"queries"``, or of the ``"iterates"`` at checkpoints.  A method that
        asks far from its iterate is behind in the first and not in the second.
    on : mapping
        A rule as in ``[[include]]``: the runs that the claim speaks of.
    above, below : float
        The claimed interval.
    certain : bool
        Nothing in these runs is random: every run decides by itself.

    Examples
    --------
    >>> Claim("S2P beats MeZO", "faster", "s2p", than=("mezo",), targets=(0.1,)).kind
    'faster'
    """

    says: str
    kind: str
    solver: str
    source: str = ""
    recalled: bool = False
    than: tuple[str, ...] = ()
    targets: tuple[float, ...] = ()
    gap: Mapping[str, float] = field(default_factory=dict)
    against: Mapping[str, float] = field(default_factory=dict)
    of: str = "queries"
    at: str = "queries"
    on: Mapping[str, Any] = field(default_factory=dict)
    above: float = -math.inf
    below: float = math.inf
    certain: bool = False

    @property
    def logs(self) -> bool:
        """Whether means are taken of logarithms."""
        return self.kind != "slope"


@dataclass(frozen=True, eq=False)
class Cell:
    """A claim on one problem.

    Attributes
    ----------
    where : str
        The problem, and what `solver` is compared with where there are several.
    low, high : vectors
        Limits of the number, one a replicate; of its logarithm where means are of logarithms.
    note : str
        What must be known of the numbers.
    estimate : float
        The mean, as a number (not a logarithm); NaN where it has no finite limits.
    bounds : (float, float)
        The confidence interval, at the level at which the cell was tested.
    p : float
        The level at which the cell would just be decided.
    verdict : {"held", "did not hold", "undecided"}

    Examples
    --------
    >>> Cell("quadratic (dim 10)", np.ones(2), np.ones(2)).verdict
    'undecided'
    """

    where: str
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    note: str = ""
    estimate: float = math.nan
    bounds: tuple[float, float] = (-math.inf, math.inf)
    p: float = 1.0
    verdict: str = "undecided"


@dataclass(frozen=True)
class Judgement:
    """What the runs say about a claim.

    Attributes
    ----------
    claim : Claim
    cells : tuple of Cell
    verdict : str
        One of `VERDICTS`.

    Examples
    --------
    >>> claim = Claim("S2P falls", "final", "s2p", below=1.0)
    >>> Judgement(claim, (), "unfinished").verdict
    'unfinished'
    """

    claim: Claim
    cells: tuple[Cell, ...]
    verdict: str

    def counts(self) -> dict[str, int]:
        """Count the cells by verdict."""
        return {
            word: sum(cell.verdict == word for cell in self.cells)
            for word in ("held", "did not hold", "undecided")
        }

    def claimed(self) -> str:
        """Write the claimed interval."""
        above, below = self.claim.above, self.claim.below
        if math.isinf(below):
            return f"above {above:g}"
        no_above = above == (0.0 if self.claim.logs else -math.inf)
        return f"below {below:g}" if no_above else f"between {above:g} and {below:g}"

    def figures(self) -> str:
        """Write what was measured, in one line."""
        counts = self.counts()
        if not self.cells:
            return "runs are missing" if self.verdict == "unfinished" else "no runs to judge from"
        if len(self.cells) == 1:
            return f"{interval_text(self.cells[0])}, claimed {self.claimed()}"
        parts = [f"{counts['held']} of {len(self.cells)} cells for"]
        parts += [f"{counts['did not hold']} against"] if counts["did not hold"] else []
        parts += [f"{counts['undecided']} undecided"] if counts["undecided"] else []
        known = sorted(cell.estimate for cell in self.cells if math.isfinite(cell.estimate))
        spread = f"; {known[0]:.3g} to {known[-1]:.3g}, claimed {self.claimed()}" if known else ""
        return ", ".join(parts) + spread

    def facts(self) -> dict[str, Any]:
        """Give everything as plain data."""
        claim = self.claim
        return {
            "says": claim.says,
            "source": claim.source,
            "recalled": claim.recalled,
            "kind": claim.kind,
            "above": claim.above,
            "below": claim.below,
            "verdict": self.verdict,
            "cells": [
                {
                    "where": cell.where,
                    "replicates": len(cell.low),
                    "estimate": cell.estimate,
                    "low": cell.bounds[0],
                    "high": cell.bounds[1],
                    "p": cell.p,
                    "verdict": cell.verdict,
                    "note": cell.note,
                }
                for cell in self.cells
            ],
        }


def interval_text(cell: Cell) -> str:
    """Write a cell's estimate and interval.

    Parameters
    ----------
    cell : Cell

    Returns
    -------
    str

    Examples
    --------
    >>> interval_text(Cell("", np.zeros(2), np.zeros(2), "", 1.5, (1.25, math.inf)))
    '1.5 [1.25, inf]'
    """
    low, high = cell.bounds
    middle = f"{cell.estimate:.3g} " if math.isfinite(cell.estimate) else ""
    return f"{middle}[{low:.3g}, {high:.3g}]"


def _half_widths(low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Give mean and standard error of the lower and of the upper limits."""
    found = []
    for limits in (low, high):
        if len(limits) and np.isfinite(limits).all():
            found += [float(limits.mean()), float(limits.std(ddof=1) / math.sqrt(len(limits)))]
        else:
            found += [math.nan, math.nan]
    return found[0], found[1], found[2], found[3]


def _steps(distance: float, error: float) -> float:
    """Measure a distance in standard errors."""
    if math.isnan(distance) or distance <= 0.0:
        return 0.0
    return distance / error if error > 0.0 else math.inf


def decisive_level(low: NDArray[np.float64], high: NDArray[np.float64], above: float, below: float) -> float:
    """Give the level of the two-sided interval that just decides whether the mean is in (above, below).

    Parameters
    ----------
    low, high : vectors
        Limits of the number, one a replicate.
    above, below : float
        On the scale of the numbers.

    Returns
    -------
    float
        1 where no interval decides.

    Examples
    --------
    >>> x = np.array([0.9, 1.0, 1.1, 1.0])
    >>> decisive_level(x, x, 0.0, np.inf) < 1e-3, decisive_level(x, x, 1.0, np.inf)
    (True, 1.0)
    """
    from scipy import stats  # here and not above: it costs every command a third of a second

    if len(low) < 2:
        return 1.0
    bottom, bottom_error, top, top_error = _half_widths(low, high)
    inside = min(
        math.inf if above == -math.inf else _steps(bottom - above, bottom_error),
        math.inf if below == math.inf else _steps(below - top, top_error),
    )
    outside = max(_steps(bottom - below, bottom_error), _steps(above - top, top_error))
    return float(2.0 * stats.t.sf(max(inside, outside), len(low) - 1)) if max(inside, outside) > 0 else 1.0


def _interval(cell: Cell, level: float) -> tuple[float, float]:
    from scipy import stats

    if len(cell.low) < 2:
        return -math.inf, math.inf
    bottom, bottom_error, top, top_error = _half_widths(cell.low, cell.high)
    quantile = float(stats.t.isf(level / 2.0, len(cell.low) - 1))
    ends = bottom - quantile * bottom_error, top + quantile * top_error
    return (-math.inf if math.isnan(ends[0]) else ends[0], math.inf if math.isnan(ends[1]) else ends[1])


def _certain(cell: Cell, above: float, below: float) -> Cell:
    """Decide without statistics: every run by itself."""
    inside = bool(((cell.low > above) & (cell.high < below)).all())
    outside = bool(((cell.low >= below) | (cell.high <= above)).any())
    verdict = "held" if inside else "did not hold" if outside else "undecided"
    return replace(cell, p=0.0, verdict=verdict, bounds=(float(cell.low.min()), float(cell.high.max())))


def judge_cells(claims: Sequence[Claim], cells: Sequence[Sequence[Cell]]) -> list[Judgement]:
    """Judge all claims of a campaign together.

    Parameters
    ----------
    claims : sequence of Claim
    cells : sequence of sequences of Cell
        Those of each claim, not yet judged.

    Returns
    -------
    list of Judgement

    Examples
    --------
    MeZO took about twice the queries of S2P in each of four replicates:

    >>> claim = Claim("S2P beats MeZO", "faster", "s2p", than=("mezo",), targets=(0.1,), above=1.0)
    >>> logs = np.log([1.9, 2.0, 2.0, 2.1])
    >>> [judgement] = judge_cells([claim], [[Cell("quadratic (dim 10)", logs, logs)]])
    >>> judgement.verdict, judgement.figures()
    ('held', '2 [1.87, 2.13], claimed above 1')
    """
    flat = [(place, cell) for place, own in enumerate(cells) for cell in own]
    scaled = [_scale(claims[place]) for place, _ in flat]
    levels = [
        0.0 if claims[place].certain else decisive_level(cell.low, cell.high, *scale)
        for (place, cell), scale in zip(flat, scaled, strict=True)
    ]
    random = [number for number, (place, _) in enumerate(flat) if not claims[place].certain]
    tested = _holm([levels[number] for number in random])
    at = dict(zip(random, tested, strict=True))
    judged: list[list[Cell]] = [[] for _ in claims]
    for number, (place, cell) in enumerate(flat):
        claim, scale = claims[place], scaled[number]
        if claim.certain:
            done = _certain(cell, *scale) if len(cell.low) else cell
        else:
            done = _decided(cell, levels[number], at[number], scale)
        judged[place].append(_as_numbers(done, claim))
    return [Judgement(claim, tuple(own), verdict_of(own)) for claim, own in zip(claims, judged, strict=True)]


def _scale(claim: Claim) -> tuple[float, float]:
    if not claim.logs:
        return claim.above, claim.below
    return (math.log(claim.above) if claim.above > 0 else -math.inf), math.log(claim.below)


def _holm(levels: Sequence[float]) -> list[float]:
    """Give the level at which Holm's procedure tests each cell."""
    order = sorted(range(len(levels)), key=lambda place: levels[place])
    tested, failed = [0.0] * len(levels), 0.0
    for rank, place in enumerate(order):
        level = failed or LEVEL / (len(levels) - rank)
        if levels[place] > level:
            failed = level  # none after the first failure is tested at a laxer level
        tested[place] = level
    return tested


def _decided(cell: Cell, level: float, tested: float, scale: tuple[float, float]) -> Cell:
    bounds = _interval(cell, tested)
    verdict = "undecided"
    if level <= tested:
        verdict = "held" if bounds[0] >= scale[0] and bounds[1] <= scale[1] else "did not hold"
    return replace(cell, bounds=bounds, p=level, verdict=verdict)


def _as_numbers(cell: Cell, claim: Claim) -> Cell:
    """Write estimate and interval as numbers, from logarithms where the means are of those."""
    middle = math.nan
    if len(cell.low) and np.isfinite([cell.low, cell.high]).all():
        middle = float((cell.low.mean() + cell.high.mean()) / 2.0)
    if not claim.logs:
        return replace(cell, estimate=middle)
    with np.errstate(over="ignore"):
        low, high = (float(np.exp(end)) for end in cell.bounds)
        return replace(cell, estimate=float(np.exp(middle)), bounds=(low, high))


def verdict_of(cells: Sequence[Cell]) -> str:
    """Sum cells up in one word of `VERDICTS`.

    Parameters
    ----------
    cells : sequence of Cell
        Judged ones.

    Returns
    -------
    str

    Examples
    --------
    >>> verdict_of([Cell("", np.ones(1), np.ones(1), verdict="held")])
    'held'
    """
    words = {cell.verdict for cell in cells}
    if words == {"held"}:
        return "held"
    if "held" in words:
        return "held in part"
    return "did not hold" if "did not hold" in words else "undecided"
