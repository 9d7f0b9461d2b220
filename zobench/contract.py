"""The public contract suite: what every problem, solver and report promises, tried out.

``zobench check TARGET`` runs it; so do the project's own tests, over everything registered.
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from zobench.contract_problem import PROBLEM_CHECKS, REPORT_CHECKS
from zobench.contract_solver import CHECKS, FIRST, LIMIT, OF_STEPS
from zobench.contract_tools import Broken
from zobench.errors import ZobenchError, unknown
from zobench.family import Family
from zobench.instance import Problem
from zobench.own_loop import OwnLoop
from zobench.registry import KINDS, catalogue, families, find
from zobench.report import Report
from zobench.solver import Solver

__all__ = ["Outcome", "check", "check_problem", "check_report", "check_solver"]


@dataclass(frozen=True)
class Outcome:
    """What became of one check.

    Attributes
    ----------
    name : str
        The sentence that was tried, in short.
    subject : str
        Such as ``"solver 's2p'"``.
    ok : bool
    message : str
        What was seen where it does not hold; where it does, what was measured, if anything.
    """

    name: str
    subject: str
    ok: bool
    message: str = ""


def _name(check: Callable[..., Any]) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")


def _try(check: Callable[[Any], str | None], item: Any, subject: str, name: str = "") -> Outcome:
    """Carry one check out; one that crashes has failed."""
    name = name or _name(check)
    try:
        measured = check(item)
    except Broken as fault:
        return Outcome(name, subject, False, str(fault))
    except Exception as error:
        return Outcome(name, subject, False, f"{type(error).__name__}: {error}")
    return Outcome(name, subject, True, measured or "")


def _try_all(checks: Iterable[Callable[[Any], str | None]], item: Any, subject: str) -> list[Outcome]:
    return [_try(check, item, subject) for check in checks]


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
    >>> all(outcome.ok for outcome in check_solver(zobench.solver.solver("s2p")))
    True
    """
    subject, checks = f"solver {solver.name!r}", CHECKS
    if isinstance(solver, OwnLoop):
        if solver.missing:
            return [Outcome("is not tried", subject, True, solver.missing)]
        checks = tuple(check for check in CHECKS if check not in OF_STEPS)
    outcomes = [_try(partial(check, limit=limit), solver, subject, "ends") for check in FIRST]
    if all(outcome.ok for outcome in outcomes):
        outcomes += _try_all(checks, solver, subject)
        outcomes += [
            Outcome(_name(check), subject, True, f"not tried: the loop is that of {solver.package}")
            for check in OF_STEPS
            if isinstance(solver, OwnLoop)
        ]
    return outcomes


def check_problem(problem: Problem | Family) -> list[Outcome]:
    """Try the contract of problems; of a family, on the member that it gives as its example."""
    if isinstance(problem, Family):
        if problem.missing:
            return [Outcome("is not tried", f"family {problem.name!r}", True, problem.missing)]
        problem = problem.member(problem.example.partition(":")[2])
    return _try_all(PROBLEM_CHECKS, problem, f"problem {problem.name!r}")


def check_report(report: Report) -> list[Outcome]:
    """Try the contract of reports."""
    return _try_all(REPORT_CHECKS, report, f"report {report.name!r}")


_SUITES: dict[str, tuple[Any, Callable[[Any], list[Outcome]]]] = {
    "problem": ((Problem, Family), check_problem),
    "solver": (Solver, check_solver),
    "report": (Report, check_report),
}


def check(target: str) -> list[Outcome]:
    """Try the contract over whatever a target names.

    Parameters
    ----------
    target : str
        A registered name; else a module or package by its dotted name; else the path of a ``.py`` file or
        of a folder of them.  A module defines `problem`, `solver` or `report`.

    Returns
    -------
    list of Outcome

    Raises
    ------
    ZobenchError
        If the target names nothing that can be checked.
    """
    named = [
        outcome
        for kind, attribute in KINDS.items()
        if target in catalogue(kind)
        for outcome in _SUITES[attribute][1](catalogue(kind)[target])
    ]
    if named:
        return named
    head, colon, _ = target.partition(":")
    if head in families():
        return check_problem(find("problems", target) if colon else families()[head])
    outcomes: list[Outcome] = []
    for name, load in _modules(target):
        try:
            module = load()
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            outcomes.append(Outcome("can be imported", f"module {name!r}", False, fault))
        else:
            outcomes += _check_module(module, name)
    if not outcomes:
        raise ZobenchError(
            f"{target!r} must hold modules that define problem, solver or report, and holds none"
        )
    return outcomes


def _check_module(module: ModuleType, name: str) -> list[Outcome]:
    """Check what a module defines; a package's own file may define nothing."""
    outcomes: list[Outcome] = []
    for attribute, (kind, suite) in _SUITES.items():
        item = getattr(module, attribute, None)
        if isinstance(item, kind):
            outcomes += suite(item)
    if not outcomes and not hasattr(module, "__path__"):
        message = "it must define problem, solver or report, and defines none"
        return [Outcome("defines its object", f"module {name!r}", False, message)]
    return outcomes


def _modules(target: str) -> list[tuple[str, Callable[[], ModuleType]]]:
    """List the modules of a target, each with what loads it."""
    path = Path(target)
    if target and path.is_dir():
        files = sorted(file for file in path.glob("*.py") if not file.name.startswith("_"))
        return [(str(file), partial(_load, file)) for file in files]
    if path.is_file() and path.suffix == ".py":
        return [(target, partial(_load, path))]
    if re.fullmatch(r"\w+(\.\w+)*", target):
        try:
            module = import_module(target)
        except ModuleNotFoundError as error:
            if error.name is None or not (target + ".").startswith(error.name + "."):
                return [(target, partial(import_module, target))]
        except Exception:  # told as the outcome of loading it
            return [(target, partial(import_module, target))]
        else:
            inside = [f"{target}.{found.name}" for found in iter_modules(getattr(module, "__path__", []))]
            names = [target, *(name for name in inside if not name.rpartition(".")[2].startswith("_"))]
            return [(name, partial(import_module, name)) for name in names]
    known = [name for kind in KINDS for name in catalogue(kind)]
    raise unknown("target (or a module, a .py file, a folder)", target, known)


def _load(file: Path) -> ModuleType:
    """Import a file by its path, under a name made of its content.

    Annotations are looked up by that name, and compiled code remembers it from one process to the next.
    """
    name = f"zobench_checked_{file.stem}_{sha256(file.read_bytes()).hexdigest()[:16]}"
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
