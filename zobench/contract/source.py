"""What a solver's file may contain, read off its syntax tree: the net that needs no run to catch a cheat.

The oracle is opaque, and so is the stream.  In a kernel the oracle's name may stand only as an argument of
`query`, `hold`, `varies`, or of a helper that is read in turn, and the stream's as one of what draws from it.
What kernels call and the constants they use must come from the same file, from numpy or math, or from the few
modules of the core that are made for kernels.
"""

import ast
import inspect
import types
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from zobench.compile import named_in, reached_from
from zobench.foreign.own_loop import OwnLoop
from zobench.solver import Solver

__all__ = ["harmless", "import_faults", "kernel_faults", "source_files"]

#: Libraries that lead past the counter, into memory, or out of the run.
FORBIDDEN = frozenset(
    "builtins cffi ctypes gc importlib inspect io llvmlite numba os pathlib pickle subprocess sys".split()
)
#: Modules of the core that a solver's file may import from, and which of their public names it may not.
CORE: dict[str, set[str]] = {
    "zobench.certificate": set(),
    "zobench.directions": set(),
    "zobench.errors": set(),
    "zobench.geometry.factors": set(),
    "zobench.geometry.fixed_rank": set(),
    "zobench.kernels": set(),
    "zobench.limits": {"CURVES", "curve", "hidden_ball"},
    "zobench.oracle": {"ORACLE"},
    "zobench.geometry.orthonormal": set(),
    "zobench.foreign.own_loop": {"OwnLoopRun"},
    "zobench.parameters": set(),
    "zobench.rates": set(),
    "zobench.foreign.scipy_loop": set(),
    "zobench.instance": {"problem"},
    "zobench.solver": {"solver"},
    "zobench.verdict.statistics": set(),
    "zobench.stream": {"STREAM", "Stream", "generator"},
    "zobench.theorem": {"find_theorem", "theorems"},
    "zobench.trace": set(),
    "zobench.trial": set(),
}
#: Those whose functions and constants kernels may use.
FOR_KERNELS = tuple(
    f"zobench.{name}"
    for name in "directions geometry.fixed_rank kernels oracle geometry.orthonormal stream".split()
)
BUILTINS = frozenset("__import__ eval exec getattr globals open setattr vars".split())
NUMPY = frozenset("ctypeslib fromfile frombuffer load loadtxt memmap random".split())
#: What a constant may be computed with besides numpy and math.
PURE = frozenset("abs enumerate float int len max min range round sorted sum tuple zip".split())
#: Where in a function's arguments the oracle and the stream stand; -1: nowhere.
_Places = tuple[int, int]
NUMBERS = (bool, int, float, str, tuple, np.generic, np.ndarray)


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(Path(file).read_bytes(), file)  # bytes: a mark or a line of it may say how it is encoded


def source_files(solver: Solver) -> list[str]:
    """List the files that a solver is made of, without those of the core.

    Parameters
    ----------
    solver : Solver

    Returns
    -------
    list of str
        Paths, sorted.

    Examples
    --------
    >>> from zobench.solver import solver
    >>> [Path(file).name for file in source_files(solver("s2p"))]
    ['s2p.py']
    """
    kernels = [kernel for kernel in (solver.init, solver.step) if kernel]
    functions: list[Callable[..., Any]] = [each for kernel in kernels for each in reached_from(kernel)]
    functions += [solver.cost, solver.settle]
    functions += [solver.start] if solver.start else []
    functions += [solver.solve] if isinstance(solver, OwnLoop) else []
    return sorted({inspect.getfile(each) for each in functions if each.__module__ not in CORE})


def import_faults(file: str) -> Iterator[str]:
    """Name the imports and built-in functions that lead past the counter or to the optimum.

    Parameters
    ----------
    file : str
        A path.

    Yields
    ------
    str
        One clause each.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "mine.py")
    ...     count = file.write_text("import math, ctypes")
    ...     print(list(import_faults(str(file))))
    ['line 1 imports ctypes']
    """
    for node in ast.walk(_tree(file)):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in FORBIDDEN | {"zobench"}:
                    yield f"{where} imports {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if not harmless(node, alias.name):
                    yield f"{where} imports {'.' * node.level}{node.module or ''}.{alias.name}"
        elif isinstance(node, ast.Name) and node.id in BUILTINS:
            yield f"{where} uses {node.id}"


def harmless(node: ast.ImportFrom, name: str) -> bool:
    """Say whether an author's file may import a name.

    Parameters
    ----------
    node : ast.ImportFrom
        The statement that imports it.
    name : str

    Returns
    -------
    bool
        Of zobench, whether it is one of the names for authors; else whether the package is none of those that
        reach into the interpreter or the system.

    Examples
    --------
    >>> statements = "from zobench.oracle import query", "from zobench.store.database import Store"
    >>> [harmless(ast.parse(each).body[0], each.split()[-1]) for each in statements]
    [True, False]
    """
    module = node.module or ""
    if node.level or module.split(".")[0] != "zobench":
        return module.split(".")[0] not in FORBIDDEN
    return module in CORE and name in import_module(module).__all__ and name not in CORE[module]


def kernel_faults(solver: Solver) -> list[str]:
    """Name what the solver's kernels do that no kernel may.

    Parameters
    ----------
    solver : Solver

    Returns
    -------
    list of str
        One clause each; empty for an honest solver.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from zobench.solver import solver
    >>> honest = solver("factor-adam")
    >>> kernel_faults(honest), kernel_faults(replace(honest, gradients=False))
    ([], ['asks for gradients without declaring gradients=True'])
    """
    roots = [kernel for kernel in (solver.init, solver.step) if kernel]
    found, seen = [], set()
    if not solver.gradients and any(
        each.__name__ == "query_gradient" for kernel in roots for each in reached_from(kernel)
    ):
        found.append("asks for gradients without declaring gradients=True")
    pending: list[tuple[Callable[..., Any], _Places]] = [(kernel, (0, 4)) for kernel in roots]
    while pending:
        function, places = pending.pop()
        if (function, places) in seen:
            continue
        seen.add((function, places))
        reader = _Reader(function, places)
        found += [f"{function.__name__}: {fault}" for fault in reader.faults()]
        pending += reader.helpers
    return list(dict.fromkeys(found))


class _Reader:
    """Reads one function in which the arguments at `places` (-1: none) are the oracle and the stream."""

    def __init__(self, function: Callable[..., Any], places: _Places):
        self.function, self.file = function, inspect.getfile(function)
        self.names = dict(named_in(function))
        self.node = self._definition()
        arguments = [argument.arg for argument in self.node.args.args]
        self.opaque = [arguments[place] if 0 <= place < len(arguments) else None for place in places]
        self.helpers: list[tuple[Callable[..., Any], _Places]] = []

    def _definition(self) -> ast.FunctionDef:
        for node in ast.walk(_tree(self.file)):
            if isinstance(node, ast.FunctionDef) and node.name == self.function.__name__:
                return node
        raise LookupError(f"{self.function.__name__!r} must be a function written with def in a file")

    def faults(self) -> Iterator[str]:
        allowed = set()
        for node in ast.walk(self.node):
            if isinstance(node, ast.Call):
                allowed |= {id(argument) for argument in self._opaque_arguments(node)}
        for node in ast.walk(self.node):
            if isinstance(node, ast.Name) and node.id in self.opaque and id(node) not in allowed:
                use = ("the oracle otherwise than to ask it", "the stream otherwise than to draw from it")
                yield f"line {node.lineno} uses {use[self.opaque.index(node.id)]}"
            elif isinstance(node, ast.Attribute) and node.attr in NUMPY:
                yield f"line {node.lineno} uses {ast.unparse(node)}"
        yield from self._outside()

    def _opaque_arguments(self, node: ast.Call) -> Iterator[ast.expr]:
        """Yield the arguments that are oracle or stream, where they may be handed on; note the helpers."""
        called = self.names.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if not isinstance(called, types.FunctionType):
            return
        names = list(inspect.signature(called).parameters)
        given = [*enumerate(node.args)]
        given += [(names.index(k.arg), k.value) for k in node.keywords if k.arg in names]
        places = [-1, -1]
        for place, argument in given:
            if isinstance(argument, ast.Name) and argument.id in self.opaque:
                places[self.opaque.index(argument.id)] = place
                yield argument
        if places != [-1, -1] and called.__module__ not in FOR_KERNELS:
            self.helpers.append((called, (places[0], places[1])))

    def _outside(self) -> Iterator[str]:
        """Name what the function takes from elsewhere and may not."""
        for name, value in self.names.items():
            home = getattr(value, "__module__", "")
            if isinstance(value, types.FunctionType):
                if home in FOR_KERNELS:
                    if name not in import_module(home).__all__:
                        yield f"uses {home}.{name}, which is not for kernels"
                elif home.startswith("zobench.") and inspect.getfile(value) != self.file:
                    yield f"uses {home}.{name}, which is not for kernels"
                else:
                    self.helpers.append((value, (-1, -1)))
            elif isinstance(value, types.ModuleType):
                if value.__name__ not in ("numpy", "math"):
                    yield f"uses the module {value.__name__}"
            elif isinstance(value, NUMBERS):
                if not _made_of_numbers(name, self.file):
                    yield f"uses the constant {name}, which must be made of literals, numpy and math"
            elif not isinstance(value, type):
                yield f"uses {name}, a {type(value).__name__}"


def _made_of_numbers(name: str, file: str, depth: int = 0) -> bool:
    """Tell whether a module's constant is made of literals, numpy, math and constants made likewise."""
    for node in _tree(file).body:
        if isinstance(node, ast.ImportFrom) and any((a.asname or a.name) == name for a in node.names):
            return node.module in (*FOR_KERNELS, "math", "numpy")
        if isinstance(node, ast.Assign):
            targets = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)]
        else:
            continue
        if name in targets and node.value is not None:
            parts = [part for part in ast.walk(node.value) if isinstance(part, ast.Name | ast.Attribute)]
            # the running names of comprehensions
            own = {
                part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
            return depth < 9 and all(_pure(part, own, file, depth) for part in parts)
    return False


def _pure(node: ast.Name | ast.Attribute, own: set[str], file: str, depth: int) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr not in NUMPY
    if node.id in own or node.id in PURE or _module(node.id, file) in ("numpy", "math"):
        return True
    return _made_of_numbers(node.id, file, depth + 1)


def _module(name: str, file: str) -> str:
    """Give the module that a name of the file stands for, or nothing."""
    for node in _tree(file).body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return alias.name
    return ""
