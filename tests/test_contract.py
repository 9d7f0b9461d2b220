"""The public contract: every registered solver keeps it, targets of every kind, crashes told in words."""

import os
import signal
import sys

import pytest

from zobench.contract import invariance as contract_invariance
from zobench.contract import large as contract_large
from zobench.contract import plain as contract_plain
from zobench.contract import problem as contract_problem
from zobench.contract import solver as contract_solver
from zobench.contract import theorem as contract_theorem
from zobench.contract.check import check, check_solver
from zobench.contract.suite import Trial, apart, carried_out
from zobench.contract.tools import Broken, invalid_values
from zobench.errors import ZobenchError
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.registry import catalogue


def failures(outcomes):
    return [f"{o.subject}: {o.name}: {o.message}" for o in outcomes if not o.ok]


@pytest.mark.parametrize("name", catalogue("solvers"))
def test_registered_solvers_keep_the_contract(name):
    assert failures(check_solver(catalogue("solvers")[name])) == []


def test_an_honest_file_passes(write_solver):
    outcomes = check(write_solver("honest"))
    assert failures(outcomes) == []
    assert len(outcomes) > 15
    assert {o.subject for o in outcomes} == {"solver 'temporary'"}


def test_a_crash_is_an_outcome_and_no_traceback():
    outcome = Trial("is tried", "nothing", lambda: 1 / 0).outcome()
    assert (outcome.ok, outcome.message) == (False, "ZeroDivisionError: division by zero")


def test_what_is_left_out_says_why():
    outcome = Trial("is tried", "nothing", lambda: 1 / 0, left_out="no kernels").outcome()
    assert (outcome.ok, outcome.message) == (True, "not tried: no kernels")


def test_trials_rest_on_the_first_ones():
    trials = [Trial(name, "x", lambda name=name: print(name), first=True) for name in "ab"]
    assert [o.name for o in carried_out(trials)] == ["a", "b"]
    trials = [Trial("a", "x", lambda: 1 / 0, first=True), Trial("b", "x", lambda: None)]
    assert [o.name for o in carried_out(trials)] == ["a"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a process is forked on Linux alone")
def test_a_process_that_ends_is_a_failed_check():
    def crash():
        os.kill(os.getpid(), signal.SIGSEGV)

    trials = [Trial("before", "x", lambda: "seen"), Trial("crashes", "x", crash), Trial("after", "x", crash)]
    before, crashed = apart(trials)
    assert (before.ok, before.message) == (True, "seen")
    assert (crashed.name, crashed.ok) == ("crashes", False)
    assert "SIGSEGV" in crashed.message


def test_loops_of_other_packages_are_tried_without_kernels():
    outcomes = check_solver(catalogue("solvers")["powell"])
    left_out = {o.name for o in outcomes if "the loop is that of scipy" in o.message}
    assert {"stays inside its arrays", "rotation", "large dimension", "compiles once"} <= left_out
    assert {o.name for o in outcomes} - left_out >= {"ends", "count is true", "exception comes out"}


def test_targets_of_every_kind(tmp_path, write_solver, monkeypatch):
    file = write_solver("honest")
    assert {o.subject for o in check("powell")} == {"solver 'powell'"}
    assert {o.subject for o in check("zobench.solvers.powell")} == {"solver 'powell'"}
    assert {o.subject for o in check(str(tmp_path))} == {"solver 'temporary'"}
    package = tmp_path / "strange_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "mine.py").write_text((tmp_path / "honest.py").read_text())
    (package / "broken.py").write_text("import no_such_library\n")
    (package / "empty.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    outcomes = check("strange_package")
    assert {o.subject for o in outcomes if o.ok} == {"solver 'temporary'"}
    broken, empty = (o for o in outcomes if not o.ok)
    assert (broken.name, broken.subject) == ("can be imported", "module 'strange_package.broken'")
    assert "no_such_library" in broken.message
    assert empty.name == "defines its object"
    assert file.endswith("honest.py")


@pytest.mark.parametrize("target", ["s2", "no.such.module", "./nowhere.py", "", "a b"])
def test_a_target_that_is_nothing_is_refused(target):
    with pytest.raises(ZobenchError, match="must be one of"):
        check(target)


def test_a_folder_without_modules_is_refused(tmp_path):
    with pytest.raises(ZobenchError, match="holds none"):
        check(str(tmp_path))


@pytest.mark.parametrize(
    "rule", [Real(0.0), Real(0.0, 1.0, open=True), Integer(1, 5), Choice("a", "b"), Certified()]
)
def test_values_that_must_be_refused_are_refused(rule):
    values = list(invalid_values(rule))
    assert len(values) > 1
    for value in values:
        with pytest.raises((ValueError, TypeError, OverflowError)):
            rule.convert(value)


def test_every_check_is_listed_and_has_a_sentence():
    for module, listed in (
        (contract_solver, (*contract_solver.FIRST, *contract_solver.CHECKS)),
        (contract_problem, (*contract_problem.PROBLEM_CHECKS, *contract_problem.REPORT_CHECKS)),
        (contract_invariance, contract_invariance.INVARIANCE_CHECKS),
        (contract_large, contract_large.LARGE_CHECKS),
        (contract_plain, contract_plain.PLAIN_CHECKS),
        (contract_theorem, contract_theorem.THEOREM_CHECKS),
    ):
        defined = {item for name, item in vars(module).items() if name.startswith("check_")}
        assert defined == set(listed)
        assert all(item.__doc__.partition("\n")[0].endswith(".") for item in defined)


def test_broken_is_told_apart_from_a_crash():
    def gives_way():
        raise Broken("as seen")

    assert Trial("x", "y", gives_way).outcome().message == "as seen"
