"""What a theorem's bound says of the number of steps and queries to a given accuracy, where it is tried."""

from dataclasses import replace
from typing import Any

from zobench.errors import ZobenchError
from zobench.theorem import Cell, Theorem
from zobench.verdict.levels import case_of, name_of

__all__ = ["implied_steps"]

#: Why a theorem that does not say itself has no K(eps), by its kind; a bound always has one.
_NO_EPS = {
    "paired": "the right-hand side is measured in the run",
    "=": "an identity holds at every K",
    "exact": "a property of every run, not a bound",
}
#: K(eps) is told for what the bound is after the cell's steps, and for these parts of it.
PARTS = (1.0, 0.5, 0.1)


def _first(theorem: Theorem) -> Cell:
    """Give the cell that is told of: a tight one if there is one."""
    return min(theorem.cells, key=lambda cell: not cell.tight)


def implied_steps(theorem: Theorem) -> dict[str, Any]:
    """Give K(eps), the least number of steps for which the bound is at most eps, on one instance.

    Parameters
    ----------
    theorem : Theorem

    Returns
    -------
    dict
        "none": why there is no K(eps), or empty; "formula": as the theorem gives it, or empty; "power": the
        bound is compared with eps to that power; "instance" and "law"; "rows": for each accuracy a dict of
        "eps", "steps" and "queries", both None where the bound never comes so low.

    Examples
    --------
    >>> from zobench.theorem import find_theorem
    >>> implied_steps(find_theorem("s2p-smooth-stationary")[0])["rows"][1]["steps"]
    4000
    """
    answer = {"none": "", "formula": "", "power": theorem.power, "instance": "", "law": "", "rows": []}
    said = theorem.complexity
    if said.startswith("none") or (not said and theorem.kind != "<="):
        return {**answer, "none": said.partition(" ")[2] or _NO_EPS[theorem.kind]}
    cell = _first(theorem)
    case = case_of(cell)
    at = theorem.bound(case, cell.steps) ** (1.0 / theorem.power)
    rows = []
    for part in PARTS:
        steps = queries = None
        try:
            # the first accuracy is met by the cell's own steps, but for the last bit of a root
            steps = theorem.steps_to(case, at * part * (1.0 + 1e-12))
            queries = theorem.budget(replace(case, steps=steps))
        except ZobenchError:
            pass
        rows.append({"eps": at * part, "steps": steps, "queries": queries})
    told = {"formula": said, "instance": name_of(case.instance), "law": cell.law, "rows": rows}
    return {**answer, **told}
