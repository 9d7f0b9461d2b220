"""One theorem on one cell: seeds in batches until it is decided, a refutation repeated on fresh seeds."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError
from zobench.theorem import Case, Cell, Theorem
from zobench.trace import Trace
from zobench.trial import Trial
from zobench.verdict.levels import case_of, name_of
from zobench.verdict.sequential import SEEDS, planned_looks
from zobench.verdict.statistics import (
    Assessment,
    assess_bound,
    assess_identity,
    assess_paired,
    assess_property,
)

__all__ = ["NO_POWER", "Verdict", "confirm", "judge"]

#: A tightness below this means that the check has almost no power.
NO_POWER = 0.1


class Keeps(Protocol):
    """Where runs are put: a store, or what collects them for one."""

    def put(self, trace: Trace) -> None:
        """Keep a run."""


@dataclass(frozen=True)
class Verdict:
    """What the runs of one cell, or of the levels of one factor, say about one theorem.

    Attributes
    ----------
    theorem, solver, problem : str
    instance : str
        The problem with its dimension and what else is not at its default, the claim where a theorem makes
        several, the solver where it is not the theorem's own, the factor of an exponent.
    dim : int
        d; the largest of a factor's levels.
    steps : int
        K; the largest of a factor's levels.
    seeds : int
        Runs, without those that repeated a refutation; of a factor those of each level.
    law : str
        Direction law.
    quantity : str
        What was measured.
    relation : str
        What the theorem claims of it and `bound` (`zobench.theorem.RELATIONS`), or "slope".
    bound : float
        Right-hand side of the theorem; its mean where it is measured too; 1 of an exact property; of a slope
        the bound's exponent.
    mean : float
        Measured left-hand side; of an exact property the share of the runs that have it; of a slope the
        fitted exponent.
    ratio, tightness : float
        mean / bound; of a slope measured / bound at the last level.
    ci_low, ci_high : float
        One-sided confidence limits of the mean, family-wise; of a slope the 95 per cent interval.
    log10_e_value : float
        Evidence against the theorem's claim.
    verdict : {"supported", "not refuted", "inconclusive", "refuted"}
    note : str
        What a reader should know besides.
    points : tuple of tuple of float
        Of a slope what was fitted, a row a level: the level (of eps: K), the quantity (of eps: eps), and its
        limits at two standard errors.

    Examples
    --------
    >>> import zobench
    >>> found = zobench.verify(["exact-s2p-identity"], quick=True, seeds=40)[0]
    >>> found.instance, found.seeds, found.relation, found.verdict
    ('quadratic (dim 10)', 40, '=', 'supported')
    """

    theorem: str
    solver: str
    problem: str
    instance: str
    dim: int
    steps: int
    seeds: int
    law: str
    quantity: str
    bound: float
    mean: float
    ratio: float
    ci_low: float
    ci_high: float
    log10_e_value: float
    tightness: float
    verdict: str
    note: str = ""
    relation: str = "<="
    points: tuple[tuple[float, ...], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give the verdict as plain data."""
        return asdict(self)


def _sides(
    theorem: Theorem, solver: Any, case: Case, cell: Cell, seeds: Iterable[int], store: Keeps | None
) -> tuple[list[float], list[float]]:
    """Run the seeds and give the theorem's left-hand side of each, and its right-hand side."""
    left, right = [], []
    parameters = dict(cell.settings) if cell.solver else theorem.parameters(case)
    for seed in seeds:
        one, other, trace = Trial(theorem, solver, case, parameters, seed).sides()
        left.append(one)
        right.append(other)
        if store is not None and trace is not None:
            store.put(trace)
    return left, right


def _assess(
    relation: str,
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    comparisons: int,
    looks: tuple[int, ...],
) -> tuple[Assessment, float]:
    """Assess a relation between two sides; answer also the right-hand side as tables show it."""
    if relation == "<=":
        return assess_bound(left, float(right[0]), comparisons, looks), float(right[0])
    if relation == "exact":
        return assess_property(left, right), 1.0
    assess = assess_identity if relation == "=" else assess_paired
    return assess(left, right, comparisons, looks), float(right.mean())


def _try(
    theorem: Theorem,
    solver: Any,
    cell: Cell,
    case: Case,
    cap: int,
    first_seed: int,
    comparisons: int,
    store: Keeps | None,
) -> tuple[Assessment, float, int]:
    """Add seeds until the claim is decided; answer the assessment, the right-hand side, the seeds."""
    if solver.name != cell.solver:
        solver = cell.method(solver)
    looks = planned_looks(cap)
    left: list[float] = []
    right: list[float] = []
    for look in looks:
        more = range(first_seed + len(left), first_seed + look)
        one, other = _sides(theorem, solver, case, cell, more, store)
        left += one
        right += other
        found, bound = _assess(theorem.kind, np.array(left), np.array(right), comparisons, looks)
        if found.decided:
            break
    return found, bound, len(left)


def _case(theorem: Theorem, cell: Cell) -> Case:
    case = case_of(cell)
    if theorem.missing(case.instance):
        raise ZobenchError(theorem.missing(case.instance))
    return case


def confirm(
    theorem: Theorem,
    solver: Any,
    cell: Cell,
    *,
    seeds: int = SEEDS,
    first_seed: int = 0,
    store: Keeps | None = None,
) -> bool:
    """Say whether a refutation of a cell repeats on fresh seeds, those after the first `seeds`.

    Parameters
    ----------
    theorem : Theorem
    solver : Solver
        The theorem's own, or a mutant of it.
    cell : Cell
    seeds : int
        Runs that `judge` was given at most; as many again are done here at most.
    first_seed : int
        That `judge` was given: the seeds here are ``first_seed + seeds, first_seed + seeds + 1, ...``.
    store : Store, optional
        Where to put the runs.

    Returns
    -------
    bool

    Raises
    ------
    ZobenchError
        If the instance does not satisfy the theorem.

    Examples
    --------
    >>> from zobench.theorem import find_theorem
    >>> theorem, solver = find_theorem("s2p-smooth-stationary")
    >>> confirm(theorem, solver, theorem.cells[0])
    False
    >>> false = replace(theorem, bound=lambda case, steps: 0.5 * theorem.bound(case, steps))
    >>> confirm(false, solver, theorem.cells[0])
    True
    """
    case = _case(theorem, cell)
    found, _, _ = _try(theorem, solver, cell, case, seeds, first_seed + seeds, 1, store)
    return found.verdict == "refuted"


def judge(
    theorem: Theorem,
    solver: Any,
    cell: Cell,
    *,
    seeds: int = SEEDS,
    first_seed: int = 0,
    comparisons: int = 1,
    store: Keeps | None = None,
) -> Verdict:
    """Try a theorem on one cell.

    A refutation is announced only after it repeats on fresh seeds (`confirm`).

    Parameters
    ----------
    theorem : Theorem
    solver : Solver
        The theorem's own, or a mutant of it.
    cell : Cell
    seeds : int
        Runs at most (`zobench.verdict.sequential`); a refutation takes as many again at most.
    first_seed : int
        The seeds are ``first_seed, first_seed + 1, ...``.
    comparisons : int
        Size of the family of claims.
    store : Store, optional
        Where to put the runs.

    Returns
    -------
    Verdict

    Raises
    ------
    ZobenchError
        If the instance does not satisfy the theorem.

    Examples
    --------
    The bound is tight on this cell, so that half of it is no bound:

    >>> from zobench.theorem import find_theorem
    >>> theorem, solver = find_theorem("s2p-smooth-stationary")
    >>> found = judge(theorem, solver, theorem.cells[0])
    >>> round(found.tightness, 2), found.verdict
    (1.0, 'not refuted')
    >>> false = replace(theorem, bound=lambda case, steps: 0.5 * theorem.bound(case, steps))
    >>> found = judge(false, solver, theorem.cells[0])
    >>> found.verdict, found.note
    ('refuted', 'repeated on fresh seeds')
    """
    case = _case(theorem, cell)
    found, bound, used = _try(theorem, solver, cell, case, seeds, first_seed, comparisons, store)
    notes = []
    if found.verdict == "refuted":
        # announced only after it repeats on fresh seeds
        if confirm(theorem, solver, cell, seeds=seeds, first_seed=first_seed, store=store):
            notes.append("repeated on fresh seeds")
        else:
            found = replace(found, verdict="inconclusive")
            notes.append("a refutation that did not repeat on fresh seeds")
    if theorem.kind in ("<=", "paired") and found.ratio < NO_POWER:
        notes.append("no power: the bound is more than ten times the measured value")
    tried = solver if solver.name == cell.solver else cell.method(solver)
    return Verdict(
        theorem=theorem.name,
        solver=tried.name,
        problem=case.instance.problem.name,
        instance=name_of(case.instance)
        + (f", {cell.claim}" if cell.claim else "")
        + (f", solver {cell.solver}" if cell.solver else ""),
        dim=case.dim,
        steps=cell.steps,
        seeds=used,
        law=cell.law,
        quantity=f"{cell.claim}: {theorem.quantity}" if cell.claim else theorem.quantity,
        relation=theorem.kind,
        bound=bound,
        mean=found.mean,
        ratio=found.ratio,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        log10_e_value=found.log10_e,
        tightness=found.ratio,
        verdict=found.verdict,
        note="; ".join(notes),
    )
