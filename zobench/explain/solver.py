"""A solver's step in plain words, with the source lines that do it."""

import inspect
import sys
from typing import Any

from zobench.certificate import Certificates
from zobench.errors import ZobenchError
from zobench.explain.page import Explanation
from zobench.explain.source import lines_of
from zobench.foreign.own_loop import OwnLoop
from zobench.solver import INVARIANCES, Setting, Solver

__all__ = ["explain_solver"]

#: Dimension and budget for which numbers are given that depend on them.
DIM, BUDGET = 10, 1000
#: Lines that are named of many.
FEW = 4
#: What a claimed invariance means for who uses the method.
PLAIN = {
    "translation": "moving the problem moves the run: nothing depends on where the origin is",
    "scaling": "in other units, with the parameters in those units, it does the same",
    "rotation": "turning the axes changes nothing but the draw: no coordinate is special",
    "affine": "c f + b gives the same iterates: only differences of values relative to one another count",
    "monotone": "only comparisons of values count: every increasing function of f gives the same iterates",
}


def explain_solver(solver: Solver) -> Explanation:
    """Explain a solver.

    Parameters
    ----------
    solver : Solver

    Returns
    -------
    Explanation
        With the source of its step, each line with what it does; numbers are for the default parameters,
        d = 10 and 1,000 queries.

    Examples
    --------
    >>> import zobench.solver
    >>> told = explain_solver(zobench.solver.solver("s2p"))
    >>> told.numbers["queries_per_step"], told.sections[0][0]
    (2, 'What it does')
    """
    told = Explanation(solver.name, f"solver, {solver.summary}")
    told.add("What it does", [_algorithm(solver)])
    own = isinstance(solver, OwnLoop)
    told.source = lines_of(solver)
    told.add("A step, in words", _package(solver, told) if own else _step(solver, told))
    told.add("What that means", _invariances(solver))
    names = [theorem.name for theorem in solver.theorems]
    if names:
        told.add("Theorems", [f"{', '.join(names)}.  `zobench explain NAME` says what one means."])
    else:
        told.unknown.append("No theorem about it is executable here, so nothing bounds what it does.")
    if own:
        told.unknown.append(f"What {told.numbers['package']} does between two queries is in its own source.")
    return told


def _algorithm(solver: Solver) -> str:
    """Give the algorithm as the module states it."""
    module = sys.modules.get(getattr(solver, "solve", solver.step).__module__)
    text = inspect.cleandoc(getattr(module, "__doc__", None) or solver.summary)
    begin = text.find("Algorithm")
    body = text[begin:] if begin >= 0 else text.partition("\n\n")[2] or text
    for end in ("\nMemory:", "\nInvariances:"):
        body = body.partition(end)[0]
    return body.rstrip() + ("\n" if "\n" not in body.rstrip() else "")


def _settled(solver: Solver) -> tuple[Any, int | None]:
    """Give the default parameters in force, and the cost of a step; None where more is needed."""
    setting = Setting(DIM, BUDGET, Certificates())
    try:
        chosen = solver.choose({})
        known = {name: 1.0 for name, value in chosen._asdict().items() if value != value}
        parameters = solver.settled(chosen._replace(**known), setting)
        return parameters, int(solver.cost(parameters, setting))
    except (ZobenchError, TypeError, AttributeError, ArithmeticError):
        return None, None


def _step(solver: Solver, told: Explanation) -> list[str]:
    parameters, cost = _settled(solver)
    places: dict[str, list[str]] = {word: [] for word in ("QUERY", "DRAWS", "DECIDES", "MOVES")}
    for function in told.source:
        for line in function["lines"]:
            for word, found in places.items():
                if word in line["does"]:
                    found.append(f"{function['file']}:{line['number']}")
    told.numbers = {
        "queries_per_step": cost,
        "dim": DIM,
        "lines": {word.lower(): found for word, found in places.items()},
        "vectors": None if parameters is None else solver.vectors(parameters, DIM),
    }
    asks = "It asks for gradients too: it is a first-order method.  " if solver.gradients else ""
    counted = (
        f"at most {cost} queries" if cost is not None else "a number of queries that the problem decides"
    )
    lines = [f"{asks}A step asks {counted} with the default parameters in dimension {DIM}."]
    if places["DRAWS"]:
        lines.append(f"It draws at random in {_and(places['DRAWS'])}.")
    else:
        lines.append("It draws nothing at random: the same f gives the same run for every seed.")
    lines.append(f"It asks in {_and(places['QUERY'])}.")
    if places["DECIDES"]:
        lines.append(
            f"Answers decide in {_and(places['DECIDES'])}: there it accepts, refuses or turns round."
        )
    else:
        lines.append("No branch depends on the answers: they enter the step as numbers.")
    if places["MOVES"]:
        lines.append(f"The iterate moves in {_and(places['MOVES'])}.")
    else:
        lines.append("The iterate moves inside functions of zobench's core, which the step calls.")
    if solver.init:
        lines.append("`init` is called once before the first step; its queries are charged like any other.")
    if parameters is not None:
        vectors = solver.vectors(parameters, DIM)
        rest = round((vectors - int(vectors)) * DIM)
        more = f" and {rest} other numbers (here d is {DIM})" if rest else " and nothing else"
        lines.append(f"It keeps {int(vectors)} vectors of size d{more} between steps.")
    return lines


def _package(solver: Any, told: Explanation) -> list[str]:
    told.numbers = {"queries_per_step": None, "package": solver.package, "missing": solver.missing}
    lines = [
        f"The loop is that of the package {solver.package}: zobench hands it the counted f and waits "
        "for its end.",
        "Its queries are counted, stopped at the budget and recorded by the same code as everybody's.",
    ]
    return lines + ([f"It cannot run here: {solver.missing}."] if solver.missing else [])


def _invariances(solver: Solver) -> list[str]:
    lines = []
    for name in INVARIANCES:
        claimed = solver.invariances.get(name)
        if claimed is True:
            lines.append(f"{name}: {PLAIN[name]}.")
        elif isinstance(claimed, str):
            lines.append(f"{name}: no, {claimed}.")
        elif callable(claimed):
            lines.append(f"{name}: for some parameters; there {PLAIN[name]}.")
    return lines


def _and(places: list[str]) -> str:
    """Write places, ``file:line``, for people: the lines of each file, the first few of many."""
    lines: dict[str, list[str]] = {}
    for place in dict.fromkeys(places):
        file, _, line = place.rpartition(":")
        lines.setdefault(file, []).append(line)
    told = []
    for file, found in lines.items():
        more = f" and {len(found) - FEW} more" if len(found) > FEW else ""
        told.append(f"line{'' if len(found) == 1 else 's'} {', '.join(found[:FEW])}{more} of {file}")
    return ", ".join(told) or "no line of its own"
