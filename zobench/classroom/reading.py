"""What a submission's text must not have: read off its syntax tree, nothing of it is run."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ALLOWED", "faults_of", "short"]

#: Packages that a submission may import from, besides the modules of zobench that solvers are made with.
ALLOWED = frozenset(
    (
        "__future__ abc collections dataclasses enum functools itertools math numbers numpy operator typing"
    ).split()
)
#: Attributes and names that lead out of those packages, to files, to other processes, or to the optimum.
LEADS_OUT = frozenset(
    (
        "DataSource ForwardRef builtins core eval exec getattr globals open setattr vars "
        "attrgetter ctypes ctypeslib distutils f2py f_back f_builtins f_code f_globals "
        "f_locals frombuffer fromfile fromregex genfromtxt get_type_hints gi_frame inspect lib load loadtxt "
        "make_dataclass memmap methodcaller modules open_memmap os save savetxt savez savez_compressed "
        "subprocess sys tb_frame testing tofile x_star"
    ).split()
)
#: Names with an underscore in front that authors need.
HARMLESS = frozenset(
    "_ _asdict _field_defaults _fields _make _replace __all__ __doc__ __future__ __name__".split()
)
#: Bytes of a submission at most.
LARGEST = 200_000
#: Characters of a message that is shown.
SHOWN = 220
#: What a text holds that is to be evaluated, or filled in by `str.format`.
EVALUATED = re.compile(
    r"__(import|builtins|class|globals|subclasses|dict|loader|spec|getattribute)__|\{[^}]*\.f_"
)
NOT = "which a submission may not"


def short(text: str) -> str:
    r"""Bring a message to one line that can be read.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Its first two lines that are not empty, joined by a space; at most 220 characters.

    Examples
    --------
    >>> short("Failed in nopython mode\n\n  cannot unify\nand much more")
    'Failed in nopython mode cannot unify'
    """
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    told = " ".join(" ".join(lines[:2]).split())
    return told if len(told) <= SHOWN else told[: SHOWN - 3].rstrip() + "..."


def faults_of(file: Path) -> list[str]:
    """Name what a file must not have, from its text alone.

    Parameters
    ----------
    file : Path

    Returns
    -------
    list of str
        In the order of the lines; empty if there is nothing to complain of.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "ann.py"
    ...     _ = file.write_text("import os")
    ...     faults_of(file)
    ['line 1 imports os, which a submission may not']
    """
    data = file.read_bytes()
    if not data.strip():
        return ["the file is empty"]
    if len(data) > LARGEST:
        return [f"the file has {len(data):,} bytes, and at most {LARGEST:,} are taken"]
    try:
        tree = ast.parse(data, file.name)
    except SyntaxError as error:
        return [f"line {error.lineno or 1} is not Python: {error.msg}"]
    except (ValueError, RecursionError, MemoryError) as error:
        return [f"the file cannot be read as Python: {short(str(error)) or type(error).__name__}"]
    nodes = sorted(ast.walk(tree), key=lambda node: getattr(node, "lineno", 0))
    return [fault for node in nodes for fault in _faults(node)]


def _leads_out(name: str) -> bool:
    return name in LEADS_OUT or (name.startswith("_") and name not in HARMLESS)


def _faults(node: ast.AST) -> Iterator[str]:
    """Name what is wrong with one node."""
    from zobench.contract.source import BUILTINS

    where = f"line {getattr(node, 'lineno', 0)}"
    if isinstance(node, ast.Import):
        for alias in node.names:
            first, *rest = alias.name.split(".")
            if first not in ALLOWED or any(map(_leads_out, rest)):
                yield f"{where} imports {alias.name}, {NOT}"
    elif isinstance(node, ast.ImportFrom):
        yield from _imported(node, where)
    elif isinstance(node, ast.Attribute) and _leads_out(node.attr):
        yield f"{where} reads {node.attr}, {NOT}"
    elif (
        isinstance(node, ast.Attribute)
        and node.attr == "random"
        and ast.unparse(node.value) in ("np", "numpy")
    ):
        yield f"{where} reads {ast.unparse(node)}, {NOT}: random numbers come from the stream"
    elif isinstance(node, ast.Name) and (
        node.id in BUILTINS or (node.id[:2] == "__" and _leads_out(node.id))
    ):
        yield f"{where} uses {node.id}, {NOT}"
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if EVALUATED.search(node.value) or node.value in ("x_star", "f2py", "ctypeslib"):
            yield f"{where} names {short(node.value)}, {NOT}"


def _imported(node: ast.ImportFrom, where: str) -> Iterator[str]:
    """Name what an import of the form ``from ... import ...`` may not bring in."""
    from zobench.contract.source import harmless

    first, *rest = (node.module or "").split(".")
    for alias in node.names:
        good = not node.level and (first in ALLOWED or first == "zobench") and harmless(node, alias.name)
        if not good or _leads_out(alias.name) or (first != "zobench" and any(map(_leads_out, rest))):
            yield f"{where} imports {'.' * node.level}{node.module or ''}.{alias.name}, {NOT}"
