"""The public contract suite: what every problem, solver and report promises, tried out.

``zobench check TARGET`` runs it; so do the project's own tests, over everything registered.
"""

import re
import sys
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from zobench.contract.solver import LIMIT
from zobench.contract.suite import Outcome, Trial, apart, carried_out, trials_of
from zobench.contract.tools import Broken
from zobench.errors import ZobenchError, unknown
from zobench.family import Family
from zobench.instance import Problem
from zobench.registry import KINDS, catalogue, families, find
from zobench.report import Report
from zobench.solver import Solver
from zobench.theorem import theorems

__all__ = ["Outcome", "check", "check_problem", "check_report", "check_solver", "load_file", "suites"]


def check_solver(solver: Solver, limit: float = LIMIT) -> list[Outcome]:
    """Try the contract of solvers.

    Parameters
    ----------
    solver : Solver
    limit : float
        Seconds that runs of at most 60 queries may take together before the solver is said not to end.

    Returns
    -------
    list of Outcome

    Examples
    --------
    >>> import zobench.solver
    >>> all(outcome.ok for outcome in check_solver(zobench.solver.solver("pure-random-search")))
    True
    """
    return list(carried_out(trials_of(solver, limit)))


def check_problem(problem: Problem | Family) -> list[Outcome]:
    """Try the contract of problems; of a family, on the member that it gives as its example.

    Parameters
    ----------
    problem : Problem or Family

    Returns
    -------
    list of Outcome

    Examples
    --------
    >>> from zobench.registry import find
    >>> all(outcome.ok for outcome in check_problem(find("problems", "rosenbrock")))
    True
    """
    return list(carried_out(trials_of(problem)))


def check_report(report: Report) -> list[Outcome]:
    """Try the contract of reports.

    Parameters
    ----------
    report : Report

    Returns
    -------
    list of Outcome

    Examples
    --------
    >>> from zobench.registry import find
    >>> all(outcome.ok for outcome in check_report(find("reports", "slopes")))
    True
    """
    return list(carried_out(trials_of(report)))


def check(target: str) -> list[Outcome]:
    """Try the contract over whatever a target names, on Linux in processes of their own.

    Parameters
    ----------
    target : str
        A registered name, also a theorem's; else a module or package by its dotted name; else the path of a
        ``.py`` file or of a folder of them.  A module defines `problem`, `solver` or `report`.

    Returns
    -------
    list of Outcome

    Raises
    ------
    ZobenchError
        If the target names nothing that can be checked.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     check(folder)
    Traceback (most recent call last):
    zobench.errors.ZobenchError: ... must hold modules that define problem, solver or report, and holds none
    """
    return [outcome for trials in suites(target) for outcome in apart(trials)]


def suites(target: str) -> list[list[Trial]]:
    """List what `check` tries of a target: a list for each thing that it names.

    Parameters
    ----------
    target : str
        As for `check`.

    Returns
    -------
    list of list of Trial
        A module that cannot be imported, or defines nothing, has one trial, which fails and says so.

    Raises
    ------
    ZobenchError
        If the target names nothing that can be checked.

    Examples
    --------
    >>> [trials[0].subject for trials in suites("stp")]
    ["solver 'stp'"]
    """
    named = [catalogue(kind)[target] for kind in KINDS if target in catalogue(kind)]
    named += [theorems()[target]] if target in theorems() else []
    if named:
        return [trials_of(item) for item in named]
    head, colon, _ = target.partition(":")
    if head in families():
        return [trials_of(find("problems", target) if colon else families()[head])]
    found: list[list[Trial]] = []
    for name, load in _modules(target):
        try:
            module = load()
        except (Exception, SystemExit) as error:  # a file that exits has not been tried
            found.append([_failed("can be imported", name, f"{type(error).__name__}: {error}")])
        else:
            found += _of_module(module, name)
    if not found:
        raise ZobenchError(
            f"{target!r} must hold modules that define problem, solver or report, and holds none"
        )
    return found


def _of_module(module: ModuleType, name: str) -> list[list[Trial]]:
    """List what is tried of what a module defines; a package's own file may define nothing."""
    items = [getattr(module, attribute, None) for attribute in KINDS.values()]
    found = [trials for item in items if (trials := trials_of(item))]
    if not found and not hasattr(module, "__path__"):
        message = "it must define problem, solver or report, and defines none"
        return [[_failed("defines its object", name, message)]]
    return found


def _failed(name: str, module: str, message: str) -> Trial:
    def check() -> None:
        raise Broken(message)

    return Trial(name, f"module {module!r}", check)


def _modules(target: str) -> list[tuple[str, Callable[[], ModuleType]]]:
    """List the modules of a target, each with what loads it."""
    path = Path(target)
    if target and path.is_dir():
        files = sorted(file for file in path.glob("*.py") if not file.name.startswith("_"))
        return [(str(file), partial(load_file, file)) for file in files]
    if path.is_file() and path.suffix == ".py":
        return [(target, partial(load_file, path))]
    if re.fullmatch(r"\w+(\.\w+)*", target):
        try:
            module = import_module(target)
        except ModuleNotFoundError as error:
            if error.name is None or not (target + ".").startswith(error.name + "."):
                return [(target, partial(import_module, target))]
        except (Exception, SystemExit):  # told as the outcome of loading it
            return [(target, partial(import_module, target))]
        else:
            inside = [f"{target}.{found.name}" for found in iter_modules(getattr(module, "__path__", []))]
            names = [target, *(name for name in inside if not name.rpartition(".")[2].startswith("_"))]
            return [(name, partial(import_module, name)) for name in names]
    known = [name for kind in KINDS for name in catalogue(kind)] + list(theorems())
    raise unknown("target (or a module, a .py file, a folder)", target, known)


def load_file(file: Path) -> ModuleType:
    """Import a file by its path, under a name made of its content.

    Annotations are looked up by that name, and compiled code remembers it from one process to the next.

    Parameters
    ----------
    file : Path

    Returns
    -------
    module

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "mine.py"
    ...     _ = file.write_text("half = 0.5")
    ...     module = load_file(file)
    >>> module.half, module.__name__[:20]
    (0.5, 'zobench_checked_mine')
    """
    name = f"zobench_checked_{file.stem}_{sha256(file.read_bytes()).hexdigest()[:16]}"
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
