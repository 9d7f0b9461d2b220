"""The contract as a plugin of pytest, for authors of solvers, problems and reports.

``pytest --zobench my_solver.py`` collects one item for each check of what the file defines.  In a file of
tests

    from zobench.plugin import contract

    test_contract = contract("my_solver.py")

does the same.  pytest loads this module wherever zobench is installed, so it imports nothing of zobench until
a check is asked for.  On Linux each check is tried in a process of its own: compiled code that breaks the
contract cannot end pytest.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from zobench.contract.suite import Trial

__all__ = ["contract"]

#: What a module of the contract defines.
DEFINED = frozenset(("problem", "report", "solver"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("zobench").addoption(
        "--zobench",
        action="store_true",
        help="try zobench's contract over the Python files given that define problem, solver or report",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file that defines what the contract speaks of, where that is asked for."""
    if parent.config.getoption("zobench") and file_path.suffix == ".py" and _defines(file_path):
        return ContractFile.from_parent(parent, path=file_path, name=f"{file_path.name} (contract)")
    return None


def _defines(file: Path) -> bool:
    """Tell whether a file assigns to one of the names, without importing it."""
    try:
        body = ast.parse(file.read_text(encoding="utf-8")).body
    except (SyntaxError, UnicodeDecodeError):
        return False  # pytest complains of a file that it is given
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id in DEFINED for target in targets)


class Suite:
    """Trials of one thing, which rest on the first of them."""

    def __init__(self, trials: list[Trial]):
        self.trials, self.failed = trials, ""

    def carry_out(self, trial: Trial) -> str:
        """Try one; answer what was measured, fail or skip as pytest does."""
        from zobench.contract.suite import apart, warm

        if self.failed:
            pytest.skip(f"{self.failed!r} failed, on which it rests")
        if trial.left_out:
            pytest.skip(trial.left_out)
        warm(trial)
        (outcome,) = apart([trial])
        if not outcome.ok:
            self.failed = trial.name if trial.first else ""
            pytest.fail(f"{outcome.subject}: {outcome.name}: {outcome.message}", pytrace=False)
        return outcome.message


def _title(trial: Trial) -> str:
    return f"{trial.subject}: {trial.name}".replace("'", "")


class ContractFile(pytest.File):
    """A file whose objects are tried."""

    def collect(self) -> Iterator[ContractItem]:
        """Give one item for each check."""
        from zobench.contract.check import suites

        for trials in suites(str(self.path)):
            suite = Suite(trials)
            for trial in trials:
                yield ContractItem.from_parent(self, name=_title(trial), suite=suite, trial=trial)


class ContractItem(pytest.Item):
    """One check."""

    def __init__(self, *, suite: Suite, trial: Trial, **options: Any):
        super().__init__(**options)
        self.suite, self.trial = suite, trial

    def runtest(self) -> None:
        """Try it; what was measured is a property of the report."""
        measured = self.suite.carry_out(self.trial)
        if measured:
            self.user_properties.append(("measured", measured))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Say what failed, in the words of the contract."""
        return self.path, None, self.name


def contract(target: Any) -> Callable[..., None]:
    """Make a test of every check of the contract, for ``test_contract = contract("my_solver.py")``.

    Parameters
    ----------
    target : str, Path, Solver, Problem, Family or Report
        What ``zobench check`` takes, a path also as seen from the file of the caller; or the object itself.

    Returns
    -------
    function
        Parametrised with one case a check.

    Raises
    ------
    ZobenchError
        If the target names nothing that can be checked.

    Examples
    --------
    >>> from zobench.solver import solver
    >>> test_contract = contract(solver("stp"))
    >>> (mark,) = test_contract.pytestmark
    >>> mark.name, "solver stp: ends" in mark.kwargs["ids"]
    ('parametrize', True)
    """
    from zobench.contract.check import suites
    from zobench.contract.suite import trials_of

    if isinstance(target, (str, Path)):
        caller = inspect.stack()[1].filename
        beside = Path(caller).parent / target
        found = suites(str(beside if beside.exists() else target))
    else:
        found = [trials_of(target)]
        if not found[0]:
            from zobench.errors import ZobenchError

            raise ZobenchError(
                "contract must be given a solver, problem or report, or where to find one, "
                f"got {type(target).__name__}"
            )
    cases = [(suite, trial) for suite in map(Suite, found) for trial in suite.trials]

    @pytest.mark.parametrize(("suite", "trial"), cases, ids=[_title(trial) for _, trial in cases])
    def test_contract(suite: Suite, trial: Trial, record_property: Callable[[str, object], None]) -> None:
        measured = suite.carry_out(trial)
        if measured:
            record_property("measured", measured)

    return test_contract
