"""``zobench.verify``: run what a theorem prescribes, measure what it speaks of, and say what follows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError
from zobench.instance import problem
from zobench.names import problem_name
from zobench.parameters import Integer, convert
from zobench.statistics import (
    Assessment,
    assess_bound,
    assess_identity,
    assess_paired,
    assess_property,
)
from zobench.theorem import Case, Cell, Theorem, find_theorem, theorems
from zobench.trial import Trial

if TYPE_CHECKING:
    from zobench.store import Store

__all__ = ["Verdict", "verify"]

#: Seeds of a cell.
SEEDS = 40
#: A tightness below this means that the check has almost no power.
NO_POWER = 0.1


@dataclass(frozen=True)
class Verdict:
    """What the runs of one cell say about one theorem.

    Attributes
    ----------
    theorem, solver, problem : str
    instance : str
        The problem with its dimension and what else is not at its default, the claim where a theorem makes
        several, and the solver where it is not the theorem's own.
    dim : int
        d.
    steps : int
        K.
    seeds : int
        Runs.
    law : str
        Direction law.
    quantity : str
        What was measured.
    relation : str
        What the theorem claims of it and `bound` (`zobench.theorem.RELATIONS`).
    bound : float
        Right-hand side of the theorem; its mean where it is measured too; 1 of an exact property.
    mean : float
        Measured left-hand side; of an exact property the share of the runs that have it.
    ratio, tightness : float
        mean / bound.
    ci_low, ci_high : float
        One-sided confidence limits of the mean, family-wise.
    log10_e_value : float
        Evidence against the theorem's claim.
    verdict : {"supported", "not refuted", "inconclusive", "refuted"}
    note : str
        What a reader should know besides.
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

    def as_dict(self) -> dict[str, Any]:
        """Give the verdict as plain data."""
        return asdict(self)


def _select(names: Sequence[str], quick: bool, everything: bool) -> Iterator[tuple[Theorem, Any, Cell]]:
    """Yield the theorems asked for with their solvers and cells."""
    chosen = [find_theorem(name) for name in names] if names else list(theorems().values())
    for theorem, solver in chosen:
        cells = theorem.cells
        if quick or not (names or everything):
            cells = tuple(cell for cell in cells if cell.quick)
        for cell in cells:
            yield theorem, solver, cell


def _sides(
    theorem: Theorem, solver: Any, case: Case, cell: Cell, seeds: Iterable[int], store: "Store | None"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Run the seeds and give the theorem's left-hand side of each, and its right-hand side."""
    left, right = [], []
    parameters = dict(cell.settings) if cell.solver else theorem.parameters(case)
    for seed in seeds:
        one, other, trace = Trial(theorem, solver, case, parameters, seed).sides()
        left.append(one)
        right.append(other)
        if store is not None and trace is not None:
            store.put(trace)
    return np.array(left), np.array(right)


def _assess(
    relation: str, left: NDArray[np.float64], right: NDArray[np.float64], comparisons: int
) -> tuple[Assessment, float]:
    """Assess a relation between two sides; answer also the right-hand side as tables show it."""
    if relation == "<=":
        return assess_bound(left, float(right[0]), comparisons), float(right[0])
    if relation == "exact":
        return assess_property(left, right), 1.0
    assess = assess_identity if relation == "=" else assess_paired
    return assess(left, right, comparisons), float(right.mean())


def judge(
    theorem: Theorem,
    solver: Any,
    cell: Cell,
    *,
    seeds: int = SEEDS,
    first_seed: int = 0,
    comparisons: int = 1,
    store: "Store | None" = None,
) -> Verdict:
    """Try a theorem on one cell.

    Parameters
    ----------
    theorem : Theorem
    solver : Solver
        The theorem's own, or a mutant of it.
    cell : Cell
    seeds : int
        Runs; a refutation takes as many again.
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
    """
    instance = problem(cell.problem, cell.dim, **dict(cell.parameters))
    if theorem.missing(instance):
        raise ZobenchError(theorem.missing(instance))
    case = Case(instance, cell.steps, cell.law, cell.claim)
    if solver.name != cell.solver:
        solver = cell.method(solver)

    def assess(first: int) -> tuple[Assessment, float]:
        left, right = _sides(theorem, solver, case, cell, range(first, first + seeds), store)
        return _assess(theorem.kind, left, right, comparisons)

    found, bound = assess(first_seed)
    notes = []
    if found.verdict == "refuted":
        # announced only after it repeats on fresh seeds
        again, _ = assess(first_seed + seeds)
        if again.verdict == "refuted":
            notes.append("repeated on fresh seeds")
        else:
            found = replace(found, verdict="inconclusive")
            notes.append("a refutation that did not repeat on fresh seeds")
    if theorem.kind == "<=" and found.ratio < NO_POWER:
        notes.append("no power: the bound is more than ten times the measured value")
    return Verdict(
        theorem=theorem.name,
        solver=solver.name,
        problem=instance.problem.name,
        instance=problem_name(
            instance.problem.name,
            instance.dim,
            instance.seed,
            instance.parameters._asdict(),
            instance.noise.text if instance.noise else "",
        )
        + (f", {cell.claim}" if cell.claim else "")
        + (f", solver {cell.solver}" if cell.solver else ""),
        dim=instance.dim,
        steps=cell.steps,
        seeds=seeds,
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


def verify(
    names: Sequence[str] | str | None = None,
    *,
    quick: bool = False,
    all: bool = False,
    seeds: int = SEEDS,
    first_seed: int = 0,
    store: "Store | None" = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Verdict]:
    """Compare theorems with runs of what they prescribe.

    Parameters
    ----------
    names : sequence of str, optional
        Theorems; every registered one if not given.
    quick : bool
        Only the cells that take seconds; also what is done when nothing is asked for.
    all : bool
        Every cell of every theorem.
    seeds : int
        Runs a cell.
    first_seed : int
        Other first seeds repeat the check on fresh runs.
    store : Store, optional
        Where runs and verdicts are put.
    progress : callable, optional
        ``progress(done, total, text)``.

    Returns
    -------
    list of Verdict
        One a cell.

    Raises
    ------
    ZobenchError
        If a name is unknown.

    Examples
    --------
    >>> import zobench
    >>> [verdict] = zobench.verify(["exact-s2p-identity"], quick=True, seeds=5)[:1]
    >>> verdict.verdict in ("supported", "not refuted")
    True
    """
    asked = [names] if isinstance(names, str) else list(names or ())
    seeds = convert(seeds, Integer(1), "seeds")
    chosen = list(_select(asked, quick, all))
    verdicts: list[Verdict] = []
    for done, (theorem, solver, cell) in enumerate(chosen):
        if progress is not None:
            progress(done, len(chosen), f"{theorem.name} on {cell.problem}")
        verdicts.append(
            judge(
                theorem,
                solver,
                cell,
                seeds=seeds,
                first_seed=first_seed,
                comparisons=len(chosen),
                store=store,
            )
        )
    if progress is not None:
        progress(len(chosen), len(chosen), "")
    if store is not None:
        store.put_verdicts([verdict.as_dict() for verdict in verdicts])
    return verdicts
