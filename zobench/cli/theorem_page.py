"""What ``zobench list`` and ``zobench show`` say of a theorem: facts as data, and a page made of them."""

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from zobench.cli.output import columns, number
from zobench.theorem import RELATIONS
from zobench.verdict.complexity import implied_steps
from zobench.verdict.mutants import of_theorem

__all__ = ["filled", "indented", "theorem_facts", "theorem_page", "whole_theorem"]

#: In place of K and queries where no K brings the bound so low.
NEVER = ["-", "the bound stays above"]


def theorem_facts(theorem: Any, solver: Any) -> dict[str, Any]:
    """Give what a list of theorems says of one.

    Parameters
    ----------
    theorem : Theorem
    solver : Solver
        The one whose file states it.

    Returns
    -------
    dict
        Plain data: `kind`, `name`, `solver`, `statement`, `source`, `claims`, `assumes`, `noise`, `quantity`,
        `queries_per_step`.

    Examples
    --------
    >>> from zobench.theorem import theorems
    >>> facts = theorem_facts(*theorems()["s2p-smooth-stationary"])
    >>> facts["solver"], facts["assumes"], facts["queries_per_step"]
    ('s2p', ['L', 'f_star'], 2)
    """
    return {
        "kind": "theorem",
        "name": theorem.name,
        "solver": solver.name,
        "statement": theorem.statement,
        "source": theorem.source,
        "claims": theorem.claims,
        "assumes": list(theorem.assumes),
        "noise": theorem.noise,
        "quantity": theorem.quantity,
        "queries_per_step": theorem.queries_per_step,
    }


def whole_theorem(theorem: Any, solver: Any) -> dict[str, Any]:
    """Give all facts of a theorem.

    Parameters
    ----------
    theorem : Theorem
    solver : Solver
        The one whose file states it.

    Returns
    -------
    dict
        What `theorem_facts` gives, and `proof`, `slopes`, `pitfall`, `complexity` (the steps that the bound
        asks for), `cells` (what it is tried on) and `mutants` (the broken solvers that are tried on it).

    Examples
    --------
    >>> from zobench.theorem import theorems
    >>> facts = whole_theorem(*theorems()["s2p-smooth-stationary"])
    >>> facts["cells"][0]["problem"], facts["cells"][0]["law"]
    ('quadratic', 'gaussian')
    """
    cells = [
        {
            "problem": cell.problem,
            "dim": cell.dim,
            "steps": cell.steps,
            "parameters": dict(cell.parameters),
            "law": cell.law,
            "claim": cell.claim,
            "solver": cell.solver or solver.name,
            "tight": cell.tight,
            "quick": cell.quick,
        }
        for cell in theorem.cells
    ]
    more = {"proof": theorem.proof, "slopes": list(theorem.slopes), "pitfall": theorem.pitfall}
    more["complexity"] = implied_steps(theorem)
    return {**theorem_facts(theorem, solver), **more, "cells": cells, "mutants": of_theorem(theorem.name)}


def theorem_page(facts: dict[str, Any]) -> Iterator[str]:
    r"""Yield the paragraphs of a theorem's page.

    Parameters
    ----------
    facts : dict
        Of `whole_theorem`.

    Yields
    ------
    str

    Examples
    --------
    >>> from zobench.theorem import theorems
    >>> paragraphs = list(theorem_page(whole_theorem(*theorems()["s2p-smooth-stationary"])))
    >>> paragraphs[0].splitlines()[0], paragraphs[1]
    ('Statement (solver s2p)', 'Claims\n  a bound, E[left] <= right')
    """
    yield f"Statement (solver {facts['solver']})\n{filled(facts['statement'].replace(':  ', ':' + chr(10)))}"
    yield f"Claims\n  {facts['claims']}"
    allowed = "; queries may be noisy" if facts["noise"] else ""
    yield f"Assumes certificates of\n  {', '.join(facts['assumes']) or 'nothing'}{allowed}"
    yield f"Measures\n  {facts['quantity']}; {facts['queries_per_step']} queries a step"
    yield f"Proof\n{filled(facts['proof'])}"
    yield f"Source\n{filled(facts['source'])}"
    yield f"K(eps), the steps that bring the bound to eps\n{_steps(facts)}"
    yield f"Expected slopes, exponents of the bound\n  {_slopes(facts)}"
    if facts["pitfall"]:
        yield f"Beware\n{filled(facts['pitfall'])}"
    claims = any(cell["claim"] for cell in facts["cells"])
    others = any(cell["solver"] != facts["solver"] for cell in facts["cells"])
    rows = [
        [
            cell["problem"] + "".join(f",{key}={value}" for key, value in cell["parameters"].items()),
            *([cell["claim"]] if claims else []),
            *([cell["solver"]] if others else []),
            "-" if cell["dim"] is None else str(cell["dim"]),
            f"{cell['steps']:,}",
            cell["law"],
            "tight" if cell["tight"] else "loose",
            "yes" if cell["quick"] else "no",
        ]
        for cell in facts["cells"]
    ]
    heads = ["problem", *["claim"] * claims, *["solver"] * others, "dim", "steps", "law", "bound", "quick"]
    at = heads.index("dim")
    known = "" if any(cell["tight"] for cell in facts["cells"]) else "; no instance is known to attain it"
    yield f"Tried on{known}\n" + indented(columns(heads, rows, right=(at, at + 1)))
    rows = [
        [item["mutant"], "; ".join(item["rejected by"]) or "nothing", "; ".join(item["passes"]) or "-"]
        for item in facts["mutants"]
    ]
    table = columns(["mutant", "rejected by", "passes"], rows) if rows else "none is written down"
    yield f"Broken solvers that the tests try\n{indented(table)}"


def _steps(facts: dict[str, Any]) -> str:
    """Give K(eps) as a formula and in numbers."""
    told = facts["complexity"]
    if told["none"]:
        return filled(f"none: {told['none']}")
    lines = [filled(told["formula"])] if told["formula"] else []
    level = "eps" if told["power"] == 1.0 else "sqrt(eps)" if told["power"] == 0.5 else "eps^2"
    lines.append(filled(f"of {facts['quantity']} <= {level}; on {told['instance']}, law {told['law']}:"))
    rows = [
        [number(row["eps"]), *([f"{row['steps']:,}", f"{row['queries']:,}"] if row["steps"] else NEVER)]
        for row in told["rows"]
    ]
    return "\n".join([*lines, indented(columns(["eps", "K", "queries"], rows, right=(0, 1, 2)))])


def _slopes(facts: dict[str, Any]) -> str:
    """Give the declared exponents, or why there are none."""
    if facts["slopes"]:
        return ", ".join(f"{power:g} in {variable}" for variable, power in facts["slopes"])
    whole = facts["claims"] in (RELATIONS["="], RELATIONS["exact"])
    return "none: equality says more than exponents" if whole else "none is claimed"


def filled(text: str) -> str:
    r"""Fill prose to the page, leaving lines alone that their author broke.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Lines of at most 106 characters, moved two to the right.

    Examples
    --------
    >>> filled("Take expectations.\nAdd up over k.").splitlines()
    ['  Take expectations.', '  Add up over k.']
    >>> max(map(len, filled("and so on " * 30).splitlines())) <= 106
    True
    """
    lines = inspect.cleandoc(text).splitlines()
    return "\n".join(textwrap.fill(line, 106, initial_indent="  ", subsequent_indent="  ") for line in lines)


def indented(text: str) -> str:
    r"""Move a text to the right.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Two spaces before every line that is not empty.

    Examples
    --------
    >>> print("Theorems\n" + indented("limits\nexact-line-log"))
    Theorems
      limits
      exact-line-log
    """
    return textwrap.indent(text, "  ")
