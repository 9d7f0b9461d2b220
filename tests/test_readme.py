"""What the README shows is run."""

import inspect
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from zobench.cli.main import cli
from zobench.contract.check import check

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)


def block(word):
    [found] = [code for code in PYTHON if word in code]
    return found


def test_the_solver_of_one_file_passes_the_contract(tmp_path):
    (tmp_path / "halving.py").write_text(block('name="halving"'), encoding="utf-8")
    outcomes = check(str(tmp_path / "halving.py"))
    assert len(outcomes) > 10
    assert [outcome for outcome in outcomes if not outcome.ok] == []


def test_the_python_lines_run():
    names = {}
    exec(block("zobench.minimize("), names)
    assert names["result"].nfev == 500
    assert names["result"].fun < 0.01
    assert names["trace"].count == 10_000
    assert names["digits"].dim == 640


def test_the_step_shown_is_that_of_the_solver():
    from zobench.registry import find

    shown = block('def step(oracle, state, parameters, k, stream):\n    """x_{k+1}')
    assert shown.strip() in inspect.getsource(find("solvers", "one-plus-one-es").step)


COMMANDS = [
    line.split("#")[0].strip()
    for code in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in code.splitlines()
    if line.startswith("zobench ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shown_exists(command):
    assert COMMANDS
    verb = shlex.split(command)[1]
    shown = CliRunner().invoke(cli, [verb, "--help"], prog_name="zobench").output
    for option in re.findall(r"(?<!\S)\[?(--?[a-z]+)", command):
        assert option in shown
