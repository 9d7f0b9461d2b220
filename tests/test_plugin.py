"""The contract as a plugin of pytest: a good and a broken file, in an empty folder; nothing when unused."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from zobench.errors import ZobenchError
from zobench.plugin import contract

pytest_plugins = "pytester"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def run(pytester, monkeypatch):
    """``run(*arguments)``: pytest in an empty folder, with this plugin and no other that is installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return lambda *arguments: pytester.runpytest_subprocess("-p", "zobench.plugin", *arguments)


@pytest.fixture
def files(write_solver, pytester):
    """A good and a broken solver in the empty folder."""
    slips = {"good": {}, "broken": {"before": "trial[x.size] = 1.0"}, "wrong": {"cost": "5"}}
    for name, parts in slips.items():
        text = Path(write_solver(name, **parts)).read_text()
        (pytester.path / f"{name}.py").write_text(text)
    return pytester.path


def test_files_are_collected_one_item_a_check(files, run):
    result = run("--zobench", "good.py", "broken.py", "-v", "-rs", "-k", "inside or ends or count")
    result.assert_outcomes(passed=4, failed=1, skipped=3, deselected=None)
    assert result.parseoutcomes()["deselected"] > 50
    result.stdout.fnmatch_lines(
        [
            "*good.py*solver temporary: ends PASSED*",
            "*broken.py*solver temporary: stays inside its arrays FAILED*",
            "solver 'temporary': stays inside its arrays: step, line *: index 1 is out of bounds*",
            "*'stays inside its arrays' failed, on which it rests*",
        ]
    )


def test_a_file_of_tests_names_a_solver(files, run):
    (files / "tests").mkdir()
    (files / "tests" / "test_mine.py").write_text(
        "from zobench.plugin import contract\n\n"
        'test_wrong = contract("../wrong.py")\n'
        'test_registered = contract("pure-random-search")\n'
    )
    result = run("tests", "-v", "-k", "cost or ends")
    result.assert_outcomes(passed=3, failed=1, deselected=None)
    result.stdout.fnmatch_lines(
        [
            "*test_wrong*solver temporary: cost bounds each step* FAILED*",
            "*test_registered*solver pure-random-search: ends* PASSED*",
            "*cost says 5 queries a step, no step asked more than 1*",
        ]
    )


def test_without_the_option_nothing_is_collected(files, run):
    assert run("good.py").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_other_files_are_left_alone(pytester, run):
    pytester.makepyfile(
        plain="x = 1\n",
        wrong="def solver(:\n",
        commented="# solver = 1\n",
        test_plain="def test_it(): pass\n",
    )
    run("--zobench").assert_outcomes(passed=1)


def test_loading_it_imports_nothing_of_zobench():
    heavy = "m.startswith(('numba', 'numpy', 'zobench.'))"
    script = f"import sys, zobench.plugin; print([m for m in sys.modules if {heavy}])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['zobench.plugin']"


def test_it_is_an_entry_point():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"zobench": "zobench.plugin"}


def test_what_is_no_target_is_refused():
    with pytest.raises(ZobenchError, match="must be given a solver, problem or report"):
        contract(3)
    with pytest.raises(ZobenchError, match="must be one of"):
        contract("no-such-solver")
