"""What ``zobench list`` and ``zobench show`` say: facts as plain data, and pages made of them."""

import inspect
import math
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from zobench.cli_output import columns, number
from zobench.errors import ZobenchError, unknown
from zobench.parameters import describe, parse_assignments
from zobench.registry import KINDS, catalogue

__all__ = ["LISTED", "facts_of", "list_facts", "list_text", "page"]

#: What can be listed.
LISTED = ("problems", "solvers", "theorems", "reports")


def list_facts(kind: str) -> list[dict[str, Any]]:
    """Give one dictionary for each registered object of a kind, each with at least a name.

    Examples
    --------
    >>> [fact["name"] for fact in list_facts("solvers") if fact["name"] == "s2p"]
    ['s2p']
    """
    if kind not in LISTED:
        raise unknown("what is listed", kind, LISTED)
    if kind == "theorems":
        from zobench.theorem import theorems

        return [_theorem(theorem, solver) for theorem, solver in theorems().values()]
    describe_one = {"problems": _problem, "solvers": _solver, "reports": _report}[kind]
    return [describe_one(item) for item in catalogue(kind).values()]


def list_text(kind: str) -> str:
    """Write the same as a table."""
    facts = list_facts(kind)
    if kind == "theorems":
        rows = [[fact["name"], fact["solver"], fact["statement"].split("\n")[0]] for fact in facts]
        return columns(["theorem", "solver", "statement"], rows)
    if kind == "problems":
        rows = [[fact["name"], fact["dims"], fact["summary"]] for fact in facts]
        return columns(["problem", "dims", "summary"], rows)
    return columns([KINDS[kind], "summary"], [[fact["name"], fact["summary"]] for fact in facts])


def _problem(problem: Any) -> dict[str, Any]:
    return {
        "kind": "problem",
        "name": problem.name,
        "summary": problem.summary,
        "source": problem.source,
        "dims": problem.dims,
        "default_dim": problem.default_dim,
        "gradient": problem.gradient is not None,
        "stochastic": problem.sample is not None,
        "parameters": describe(problem.parameters),
    }


def _solver(solver: Any) -> dict[str, Any]:
    return {
        "kind": "solver",
        "name": solver.name,
        "summary": solver.summary,
        "source": solver.source,
        "parameters": describe(solver.parameters),
        "theorems": [theorem.name for theorem in solver.theorems],
    }


def _theorem(theorem: Any, solver: Any) -> dict[str, Any]:
    return {
        "kind": "theorem",
        "name": theorem.name,
        "solver": solver.name,
        "statement": theorem.statement,
        "source": theorem.source,
        "assumes": list(theorem.assumes),
        "quantity": theorem.quantity,
        "queries_per_step": theorem.queries_per_step,
    }


def _report(report: Any) -> dict[str, Any]:
    return {"kind": "report", "name": report.name, "summary": report.summary}


def facts_of(name: str) -> list[dict[str, Any]]:
    """Give everything known of a name; more than one dictionary if kinds share it.

    Parameters
    ----------
    name : str
        Of a problem, solver, theorem or report; a problem may be followed by ``:key=value,...`` to show the
        constants of that instance.

    Returns
    -------
    list of dict

    Raises
    ------
    ZobenchError
        With the nearest valid name.
    """
    from zobench.theorem import theorems

    head, colon, text = name.partition(":")
    known = {kind: catalogue(kind) for kind in KINDS}
    found: list[dict[str, Any]] = []
    if head in known["problems"]:
        found.append(_whole_problem(known["problems"][head], parse_assignments(text, f"problem {head!r}")))
    elif colon:
        raise unknown("problem", head, known["problems"])
    else:
        if head in known["solvers"]:
            solver = known["solvers"][head]
            found.append({**_solver(solver), "definition": _definition(solver.step)})
        if head in theorems():
            found.append(_whole_theorem(*theorems()[head]))
        if head in known["reports"]:
            report = known["reports"][head]
            found.append({**_report(report), "definition": _definition(report.draw)})
    if not found:
        names = [name for kind in known.values() for name in kind] + list(theorems())
        raise unknown("name (of a problem, solver, theorem or report)", name, names)
    return found


def _definition(function: Any) -> str:
    """Give the docstring of the file that defines an object, found by one of its functions."""
    module = sys.modules.get(function.__module__)
    return inspect.cleandoc(getattr(module, "__doc__", None) or "")


def _whole_problem(problem: Any, chosen: dict[str, str]) -> dict[str, Any]:
    from zobench.certify import LOOSE, tightness

    facts = {**_problem(problem), "definition": _definition(problem.make)}
    given: dict[str, Any] = dict(chosen)
    try:
        instance = problem.instance(given.pop("dim", None), given.pop("seed", 0), **given)
    except ZobenchError:
        if chosen:
            raise
        # a problem whose parameters have no defaults has no default instance
        return {**facts, "instance": None, "constants": []}
    facts["instance"] = instance.name
    facts["start_value"] = instance.value(instance.x0)
    if instance.manifold is not None:
        lowrank = instance.manifold
        facts["manifold"] = {name: getattr(lowrank, name) for name in ("rows", "columns", "rank", "dim")}
    measured = tightness(instance)
    facts["constants"] = [
        {
            "constant": certificate.constant,
            "value": certificate.value,
            "meaning": certificate.meaning,
            "definition": certificate.definition or None,
            "proof": certificate.proof,
            "exact": certificate.exact,
            "tightness": _finite(measured.get(certificate.constant)),
            "loose": measured.get(certificate.constant, 1.0) < LOOSE,
            "compared": [_compared(other, certificate.value) for other in certificate.compared],
        }
        for certificate in instance.certificates.values()
    ]
    return facts


def _compared(other: Any, certified: float) -> dict[str, Any]:
    """Give a value of the literature with its ratio to the certified one."""
    ratio = other.value / certified if certified else None
    return {**other._asdict(), "ratio": ratio}


def _beside(item: dict[str, Any]) -> Iterator[list[str]]:
    """Yield a row for each value of the literature that stands beside a certified constant."""
    for other in item["compared"]:
        value, ratio = other["value"], other["ratio"]
        times = "" if ratio is None else f", {_huge(ratio)} times ours"
        yield ["  beside", _huge(value), f"{other['label']}{times} ({other['source']})."]


def _huge(value: float) -> str:
    return number(value) if math.isfinite(value) else "> 1e308"


def _finite(ratio: float | None) -> float | None:
    return ratio if ratio is not None and math.isfinite(ratio) else None


def _whole_theorem(theorem: Any, solver: Any) -> dict[str, Any]:
    cells = [
        {
            "problem": cell.problem,
            "dim": cell.dim,
            "steps": cell.steps,
            "parameters": dict(cell.parameters),
            "law": cell.law,
            "quick": cell.quick,
        }
        for cell in theorem.cells
    ]
    return {**_theorem(theorem, solver), "proof": theorem.proof, "cells": cells}


def page(facts: dict[str, Any]) -> str:
    """Write what is known of one object as a page of text."""
    parts = [f"{facts['name']}: {facts['kind']}"]
    if facts.get("summary"):
        parts[0] += f", {facts['summary']}"
    if facts.get("definition"):
        parts.append(facts["definition"])
    parts += list({"problem": _problem_page, "theorem": _theorem_page}.get(facts["kind"], _no_more)(facts))
    if facts.get("parameters"):
        rows = [[item["name"], _default(item["default"]), item["must_be"]] for item in facts["parameters"]]
        parts.append("Parameters\n" + _indented(columns(["name", "default", "must be"], rows)))
    if facts.get("theorems"):
        parts.append("Theorems\n" + _indented("\n".join(facts["theorems"])))
    if facts.get("source"):
        parts.append(f"Reference\n  {facts['source']}")
    return "\n\n".join(parts)


def _no_more(facts: dict[str, Any]) -> Iterator[str]:
    yield from ()


def _problem_page(facts: dict[str, Any]) -> Iterator[str]:
    default = "given by the parameters" if facts["default_dim"] is None else str(facts["default_dim"])
    yield f"Dimension\n  {facts['dims']}; default {default}"
    if facts["instance"] is None:
        yield "Constants\n  Parameters must be given: zobench show NAME:key=value,..."
        return
    if "manifold" in facts:
        shape = "{rows} x {columns} of rank at most {rank}, {dim} degrees of freedom".format(
            **facts["manifold"]
        )
        yield f"Manifold\n  x is a matrix, row by row: {shape}; the start is declared in factors"
    rows = []
    for item in facts["constants"]:
        marks = ([] if item["exact"] else ["bound"]) + (["loose"] if item["loose"] else [])
        sign = f" ({', '.join(marks)})" if marks else ""
        near = (
            f"  Loose: a short attack finds the tightness {item['tightness']:.2g}." if item["loose"] else ""
        )
        said = f"{item['meaning']}.  {item['proof']}{near}"
        rows.append([item["constant"], number(item["value"]) + sign, said])
        rows += _beside(item)
    title = f"Constants of {facts['instance']}, where f(x0) = {number(facts['start_value'])}"
    table = columns(["constant", "value", "meaning and proof"], rows) if rows else "none is proved"
    yield f"{title}\n{_indented(table)}"


def _theorem_page(facts: dict[str, Any]) -> Iterator[str]:
    yield f"Statement (solver {facts['solver']})\n{_filled(facts['statement'].replace(':  ', ':' + chr(10)))}"
    yield f"Assumes certificates of\n  {', '.join(facts['assumes']) or 'nothing'}"
    yield f"Measures\n  {facts['quantity']}; {facts['queries_per_step']} queries a step"
    yield f"Proof\n{_filled(facts['proof'])}"
    rows = [
        [
            cell["problem"] + "".join(f",{key}={value}" for key, value in cell["parameters"].items()),
            "-" if cell["dim"] is None else str(cell["dim"]),
            f"{cell['steps']:,}",
            cell["law"],
            "yes" if cell["quick"] else "no",
        ]
        for cell in facts["cells"]
    ]
    yield "Tried on\n" + _indented(columns(["problem", "dim", "steps", "law", "quick"], rows, right=(1, 2)))


def _default(value: Any) -> str:
    if isinstance(value, float):
        return "certified" if value != value else f"{value:g}"
    return "(none)" if value is None else str(value)


def _filled(text: str) -> str:
    """Fill prose to the page, leaving lines alone that their author broke."""
    lines = inspect.cleandoc(text).splitlines()
    return "\n".join(textwrap.fill(line, 106, initial_indent="  ", subsequent_indent="  ") for line in lines)


def _indented(text: str) -> str:
    return textwrap.indent(text, "  ")
