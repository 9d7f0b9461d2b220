"""A solver's kernels line by line: which lines ask, draw, decide, and move the iterate.

Everything is read off the syntax tree of the very functions that are compiled.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zobench.compile import named_in, reached_from
from zobench.foreign.own_loop import OwnLoop
from zobench.solver import Solver

__all__ = ["functions_of", "lines_of"]

ASKS = ("query", "query_along", "query_gradient", "query_pair")
#: Modules of the core whose functions fill vectors with random numbers.
DRAWING = ("zobench.directions", "zobench.stream", "zobench.geometry.orthonormal")


def functions_of(solver: Solver) -> list[Callable[..., Any]]:
    """List the functions that make a solver's step and start, without those of the core: callers first.

    Parameters
    ----------
    solver : Solver

    Returns
    -------
    list of callable
        `step` and `init`, if there is one, then what they call in the order of the source; of a package's own
        loop the one function that starts it.

    Examples
    --------
    >>> import zobench.solver
    >>> [function.__name__ for function in functions_of(zobench.solver.solver("stp"))]
    ['step', 'init']
    """
    if isinstance(solver, OwnLoop):
        return [solver.solve]
    found: list[Callable[..., Any]] = []
    for kernel in (solver.step, solver.init):
        if kernel is None:
            continue
        for each in reached_from(kernel):
            if not each.__module__.startswith("zobench.") or each.__module__.startswith("zobench.solvers"):
                found.append(each)
    first = [kernel for kernel in (solver.step, solver.init) if kernel]
    rest = [each for each in dict.fromkeys(found) if each not in first]
    return [*first, *sorted(rest, key=lambda each: each.__code__.co_firstlineno)]


#: What looks for places of the stream, and draws nothing.
PLACES = {
    "here": "notes the place in the random stream",
    "back": "goes back in the random stream: the same numbers come again",
    "move_along": "goes along the direction of that place",
    "squared_length_at": "measures the direction of that place",
}


def _tree(function: Callable[..., Any]) -> tuple[ast.FunctionDef, list[str], int]:
    lines, first = inspect.getsourcelines(function)
    node = ast.parse(textwrap.dedent("".join(lines))).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node, [line.rstrip("\n") for line in lines], first


class _Reader(ast.NodeVisitor):
    """Notes of each line of one function what it does."""

    def __init__(self, function: Callable[..., Any], asking: set[str], drawing: set[str], own: set[str]):
        self.named = dict(named_in(function))
        self.asking, self.drawing, self.own = asking, drawing, own
        self.answers: set[str] = set()
        self.iterates = {"x"}
        self.chosen: set[str] = set()  # names of parameters
        self.notes: dict[int, list[str]] = {}

    def note(self, node: ast.AST, text: str) -> None:
        notes = self.notes.setdefault(node.lineno, [])  # type: ignore[attr-defined]
        if text not in notes:
            notes.append(text)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in ASKS:
            self.note(node, f"QUERY: {_asked(name, [ast.unparse(arg) for arg in node.args])}")
        elif name in self.asking:
            self.note(node, f"asks for f through {name}")
        elif name == "hold":
            self.note(node, "one sample of a stochastic f for all queries of this step")
        elif name == "varies":
            self.note(node, "looks whether answers vary from query to query")
        given = {arg.id for arg in node.args if isinstance(arg, ast.Name)}
        if "stream" in given and name not in self.drawing and name not in self.own:
            self.note(node, f"DRAWS at random, inside {name}")
        if name in PLACES:
            self.note(node, PLACES[name])
        elif name in self.drawing:
            self.note(node, "DRAWS a random direction" if name == "draw" else "DRAWS at random")
        if name in self.drawing and node.args and ast.unparse(node.args[-1]) in ("x", "state.x"):
            self.note(node, "MOVES the iterate")
        self.generic_visit(node)

    def _assigned(self, targets: list[ast.expr], value: ast.expr | None, node: ast.stmt) -> None:
        for target in targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Name) and value is not None and self._answered(value):
                    self.answers.add(part.id)
            # x[i] = ..., or state.x[i] = ...
            held = target.value if isinstance(target, ast.Subscript) else None
            name = (
                held.id
                if isinstance(held, ast.Name)
                else held.attr
                if isinstance(held, ast.Attribute)
                else ""
            )
            if name in self.iterates:
                self.note(node, "MOVES the iterate")
            if isinstance(target, ast.Subscript) and value is not None and self._answered(value):
                self.answers.add(ast.unparse(target.value))

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            self.chosen |= {
                name.id
                for name, value in pairs
                if isinstance(name, ast.Name) and ast.unparse(value).startswith("parameters.")
            }
        self._assigned(node.targets, node.value, node)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._assigned([node.target], node.value, node)
        self.generic_visit(node)

    def _answered(self, node: ast.expr) -> bool:
        """Say whether an expression has to do with answers."""
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
                if part.func.id in ASKS or part.func.id in self.asking:
                    return True
            if isinstance(part, ast.Name | ast.Attribute) and ast.unparse(part) in self.answers:
                return True
        return False

    def _test(self, node: ast.If | ast.IfExp | ast.While) -> None:
        if self._answered(node.test):
            self.note(node.test, f"DECIDES by the answers: {ast.unparse(node.test)}")
        elif "parameters." in ast.unparse(node.test) or any(
            isinstance(part, ast.Name) and part.id in self.chosen for part in ast.walk(node.test)
        ):
            self.note(node.test, "chooses by the parameters")
        self.generic_visit(node)

    visit_If = visit_IfExp = visit_While = _test


def _asked(name: str, given: list[str]) -> str:
    """Say what a call of the oracle asks."""
    _, x, *more = [*given, "", ""]
    if name == "query_pair":
        return f"f at {x}, then at {more[0]}"
    if name == "query_along":
        return f"f at {x} + {more[1]} {more[0]}, then at {x} - {more[1]} {more[0]}"
    return f"f{' and its gradient' if name == 'query_gradient' else ''} at {x}"


def _calls(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    named = dict(named_in(function))
    for node in ast.walk(_tree(function)[0]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, named.get(node.func.id)


def _asking(functions: list[Callable[..., Any]]) -> set[str]:
    """Name the functions that ask, themselves or through others."""
    found: set[str] = set()
    while True:
        more = {
            function.__name__
            for function in functions
            if any(name in ASKS or name in found for name, _ in _calls(function))
        }
        if more == found:
            return found
        found = more


def lines_of(solver: Solver) -> list[dict[str, Any]]:
    """Give the source of a solver's functions, each line with what it does.

    Parameters
    ----------
    solver : Solver

    Returns
    -------
    list of dict
        ``function``, ``file`` (with its folder), ``path``, ``first`` and ``last`` line, and ``lines``, each
        with ``number``, ``text`` and ``does``.

    Examples
    --------
    >>> import zobench.solver
    >>> step = lines_of(zobench.solver.solver("stp"))[0]
    >>> step["function"], any("DRAWS" in line["does"] for line in step["lines"])
    ('step', True)
    """
    functions = functions_of(solver)
    own = isinstance(solver, OwnLoop)
    asking = set() if own else _asking(functions)
    out = []
    for function in functions:
        node, texts, first = _tree(function)
        notes: dict[int, list[str]] = {}
        if own:
            notes = _loop_notes(node)
        else:
            drawing = {
                name
                for name, value in named_in(function)
                if getattr(value, "__module__", "") in DRAWING and callable(value) and name != "constants"
            }
            reader = _Reader(function, asking, drawing, {each.__name__ for each in functions})
            reader.visit(node)
            notes = reader.notes
        lines = [
            {"number": first + place, "text": text, "does": "; ".join(notes.get(place + 1, []))}
            for place, text in enumerate(texts)
        ]
        file = inspect.getfile(function)
        out.append(
            {
                "function": function.__name__,
                "file": f"{Path(file).parent.name}/{Path(file).name}",
                "path": file,
                "first": first,
                "last": first + len(texts) - 1,
                "lines": lines,
            }
        )
    return out


def _loop_notes(node: ast.FunctionDef) -> dict[int, list[str]]:
    """Note where a package's own loop is handed the counted f."""
    notes: dict[int, list[str]] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "loop":
            does = {
                "query": "QUERY: the package is handed the counted f",
                "step": "a step of the package is complete",
                "generator": "DRAWS at random, from the run's own stream",
            }.get(part.attr)
            if does:
                notes.setdefault(part.lineno, []).append(does)
    return notes
