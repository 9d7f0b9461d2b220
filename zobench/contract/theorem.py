"""The contract of a theorem: one plain function per sentence, tried on (theorem, solver)."""

from typing import Any

import numpy as np

from zobench.certificate import CONSTANTS
from zobench.contract.tools import demand
from zobench.errors import ZobenchError
from zobench.instance import problem
from zobench.theorem import Case, Theorem
from zobench.verdict.verification import judge

__all__ = ["LAYOUT_CHECKS", "THEOREM_CHECKS"]

#: Runs of a cell: enough to see a slip, few enough to wait for.  `zobench verify` takes more.
SEEDS = 8
Proved = tuple[Theorem, Any]


def check_theorem_is_stated(proved: Proved) -> None:
    """Name, statement, proof, source, quantity and cells are there."""
    theorem, _ = proved
    for name in ("name", "statement", "proof", "source", "quantity", "cells"):
        value = getattr(theorem, name)
        demand(bool(value.strip() if isinstance(value, str) else value), f"{name} must not be empty")


def check_assumptions_are_known(proved: Proved) -> None:
    """Every assumption is a constant that problems certify."""
    theorem, _ = proved
    unknown = [name for name in theorem.assumes if name not in CONSTANTS]
    demand(not unknown, f"assumes must name certified constants ({', '.join(CONSTANTS)}), got {unknown}")


def check_bound_is_finite(proved: Proved) -> None:
    """In every cell the assumptions are met, the solver takes the parameters, and the bound is finite."""
    theorem, own = proved
    for cell in theorem.cells:
        made = problem(cell.problem, cell.dim, **dict(cell.parameters))
        where = f"cell {made.problem.name} d={made.dim} K={cell.steps} {cell.law}"
        demand(not theorem.missing(made), f"{where}: {theorem.missing(made)}")
        case = Case(made, cell.steps, cell.law, cell.claim)
        bound, budget = theorem.bound(case, cell.steps), theorem.budget(case)
        demand(bool(np.isfinite(bound)), f"{where}: the bound is {bound}")
        demand(theorem.kind != "<=" or bound > 0.0, f"{where}: the bound is {bound}, not above 0")
        demand(budget == int(budget) and budget >= 1, f"{where}: the budget is {budget}")
        try:
            cell.method(own).choose({**theorem.parameters(case), **dict(cell.settings)})
        except ZobenchError as error:
            demand(False, f"{where}: {error}")


def check_cells_are_not_refuted(proved: Proved) -> str:
    """The quick cells run, and no run speaks against the theorem."""
    theorem, own = proved
    cells = [cell for cell in theorem.cells if cell.quick] or list(theorem.cells[:1])
    found = []
    for cell in cells:
        verdict = judge(theorem, own, cell, seeds=SEEDS, comparisons=len(cells))
        what = (
            f"{verdict.instance}, K={verdict.steps}: measured {verdict.mean:.4g}, bound {verdict.bound:.4g}"
        )
        demand(verdict.verdict != "refuted", f"refuted on {what}")
        found.append(f"{verdict.ratio:.3g}")
    return f"measured / bound {', '.join(found)} in {len(cells)} of {len(theorem.cells)} cells"


#: Tried of a solver's theorems with the solver.
LAYOUT_CHECKS = (check_theorem_is_stated, check_assumptions_are_known, check_bound_is_finite)
THEOREM_CHECKS = (*LAYOUT_CHECKS, check_cells_are_not_refuted)
