"""What ``zobench list`` and ``zobench show`` say of a theorem: facts as data, and a page made of them."""

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from zobench.cli.output import columns
from zobench.verdict.mutants import of_theorem

__all__ = ["filled", "indented", "theorem_facts", "theorem_page", "whole_theorem"]


def theorem_facts(theorem: Any, solver: Any) -> dict[str, Any]:
    """Give what a list of theorems says of one."""
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
    """Give all facts of a theorem."""
    cells = [
        {
            "problem": cell.problem,
            "dim": cell.dim,
            "steps": cell.steps,
            "parameters": dict(cell.parameters),
            "law": cell.law,
            "claim": cell.claim,
            "solver": cell.solver or solver.name,
            "quick": cell.quick,
        }
        for cell in theorem.cells
    ]
    more = {"proof": theorem.proof, "slopes": list(theorem.slopes), "pitfall": theorem.pitfall}
    return {**theorem_facts(theorem, solver), **more, "cells": cells, "mutants": of_theorem(theorem.name)}


def theorem_page(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the paragraphs of a theorem's page."""
    yield f"Statement (solver {facts['solver']})\n{filled(facts['statement'].replace(':  ', ':' + chr(10)))}"
    yield f"Claims\n  {facts['claims']}"
    allowed = "; queries may be noisy" if facts["noise"] else ""
    yield f"Assumes certificates of\n  {', '.join(facts['assumes']) or 'nothing'}{allowed}"
    yield f"Measures\n  {facts['quantity']}; {facts['queries_per_step']} queries a step"
    yield f"Proof\n{filled(facts['proof'])}"
    if facts["slopes"]:
        told = [f"{power:g} in {variable}" for variable, power in facts["slopes"]]
        yield f"Exponents of the bound\n  {', '.join(told)}"
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
            "yes" if cell["quick"] else "no",
        ]
        for cell in facts["cells"]
    ]
    heads = ["problem", *["claim"] * claims, *["solver"] * others, "dim", "steps", "law", "quick"]
    at = heads.index("dim")
    yield "Tried on\n" + indented(columns(heads, rows, right=(at, at + 1)))
    rows = [
        [item["mutant"], "; ".join(item["rejected by"]) or "nothing", "; ".join(item["passes"]) or "-"]
        for item in facts["mutants"]
    ]
    table = columns(["mutant", "rejected by", "passes"], rows) if rows else "none is written down"
    yield f"Broken solvers that the tests try\n{indented(table)}"


def filled(text: str) -> str:
    """Fill prose to the page, leaving lines alone that their author broke."""
    lines = inspect.cleandoc(text).splitlines()
    return "\n".join(textwrap.fill(line, 106, initial_indent="  ", subsequent_indent="  ") for line in lines)


def indented(text: str) -> str:
    """Move a text to the right."""
    return textwrap.indent(text, "  ")
