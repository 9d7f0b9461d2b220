"""Docstrings: everything public says all that a user must know, with an example."""

import ast
import dataclasses
import enum
import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import zobench

ROOT = Path(__file__).parent.parent


def modules(package="zobench"):
    """Give the names of the core's modules."""
    yield package
    for found in pkgutil.iter_modules(import_module(package).__path__):
        name = f"{package}.{found.name}"
        if found.ispkg:
            yield from modules(name)
        elif found.name != "__main__":
            yield name


MODULES = [
    name for name in modules() if name not in ("zobench.problems", "zobench.solvers", "zobench.reports")
]


def public(name):
    """Give the functions and classes that a module defines and names in ``__all__``."""
    module = import_module(name)
    for item in getattr(module, "__all__", ()):
        thing = getattr(module, item)
        if (inspect.isclass(thing) or inspect.isroutine(thing)) and thing.__module__ == name:
            yield item, thing


def authors():
    """Give (module, name) of what files of problems, solvers and reports import, and users of the package."""
    found = {(getattr(zobench, name).__module__, name) for name in zobench.__all__ if name[0] != "_"}
    files = [path for folder in ("problems", "solvers", "reports") for path in (ROOT / folder).glob("*.py")]
    for path in [*files, *(ROOT / "docs" / "how-to").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zobench."):
                found |= {(node.module, alias.name) for alias in node.names}
    return sorted(found)


def has(text, section):
    return re.search(rf"^{section}\n-+$", text, re.M) is not None


def arguments(thing):
    try:
        given = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return []
    return [item.name for item in given if item.name not in ("self", "cls") and item.name[0] != "_"]


def raises(thing):
    """Say whether a function raises by itself, not by what it calls."""
    try:
        body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(thing))).body[0]
    except (OSError, TypeError, SyntaxError):
        return False
    inner = {
        node
        for function in ast.walk(body)
        if function is not body and isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    return any(
        isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node not in inner
        for node in ast.walk(body)
    )


def faults(thing):
    """Say what the docstring of a function or a class lacks."""
    text = inspect.getdoc(thing) or ""
    if not text:
        return ["a docstring"]
    found = []
    if not text.split("\n\n")[0].rstrip().endswith((".", ":")):
        found.append("a summary that is a sentence")
    plain = not inspect.isclass(thing)
    simple = not plain and issubclass(thing, BaseException | enum.Enum)  # nobody gives their arguments
    record = not plain and (dataclasses.is_dataclass(thing) or hasattr(thing, "_fields"))
    names = [] if simple else arguments(thing)
    if names and not (has(text, "Parameters") or (record and has(text, "Attributes"))):
        found.append("Parameters")
        names = []
    above = "\n".join(inspect.getdoc(base) or "" for base in thing.__mro__[1:-1]) if record else ""
    said = f"{text}\n{above}"
    if missing := [name for name in names if not re.search(rf"^[\w, *]*\b{re.escape(name)}\b", said, re.M)]:
        found.append(f"the parameters {missing}")
    if plain and has(text, "Parameters"):
        answer = inspect.signature(thing).return_annotation
        if answer not in (None, "None", inspect.Signature.empty) and not re.search(
            r"^(Returns|Yields)\n-+$", text, re.M
        ):
            found.append("Returns")
    if plain and raises(thing) and not has(text, "Raises"):
        found.append("Raises")
    if ">>>" not in text:
        found.append("an example")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_says_what_it_is(name):
    module = import_module(name)
    assert module.__doc__, name
    bare = []
    for item, thing in public(name):
        bare += [f"{item}: {fault}" for fault in faults(thing)]
        if inspect.isclass(thing):
            for method, made in vars(thing).items():
                plain = made.__func__ if isinstance(made, classmethod | staticmethod) else made
                if method[0] != "_" and inspect.isfunction(plain) and plain.__name__ == method:
                    above = any(
                        getattr(getattr(base, method, None), "__doc__", "") for base in thing.__mro__[1:]
                    )
                    if not (plain.__doc__ or above):
                        bare.append(f"{item}.{method}")
    assert bare == []


AUTHORS = authors()


@pytest.mark.parametrize("place", [pytest.param(place, id=".".join(place)) for place in AUTHORS])
def test_what_authors_import_is_described_in_full(place):
    module = import_module(place[0])
    # a module of the package is its attribute once somebody has imported it
    thing = getattr(module, place[1]) if hasattr(module, place[1]) else import_module(".".join(place))
    if inspect.isclass(thing) or inspect.isroutine(thing):
        assert faults(thing) == []


def test_authors_import_a_good_deal():
    assert len(AUTHORS) > 150


def _bare(x):
    raise ValueError(f"{x}")


def _poor(x: int) -> int:
    """Double"""
    return x


def _whole(x: int) -> int:
    """Double a number.

    Parameters
    ----------
    x : int

    Returns
    -------
    int

    Examples
    --------
    >>> 2 * 1
    2
    """
    return 2 * x


def test_what_is_missing_is_told():
    assert faults(_bare) == ["a docstring"]
    assert faults(_poor) == ["a summary that is a sentence", "Parameters", "an example"]
    assert faults(_whole) == []
    assert raises(_bare)
    assert not raises(_whole)
