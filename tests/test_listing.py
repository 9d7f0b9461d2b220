"""The table of problems: its columns, where its facts come from, and that warm it makes no instance."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from zobench import instance as core
from zobench.certificate import Certificate
from zobench.cli.listing import _is_above_a_chord, _read, default_facts, short_source
from zobench.cli.main import cli
from zobench.cli.show import list_facts
from zobench.instance import Parts, Problem
from zobench.registry import catalogue

HEADS = ["problem", "dims", "class", "data", "source", "constants"]


def said(*arguments):
    outcome = CliRunner().invoke(cli, arguments)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def bowl(x):
    total = 0.0
    for i in range(x.size):
        total += x[i] ** 2
    return total


def dent(x):
    return bowl(x) - 9.0 * np.exp(-bowl(x))


def made(objective, *known):
    def make(dim, rng, parameters):
        return Parts(np.ones(dim), None, known, np.zeros(dim))

    return Problem("listed", "for tests", objective, make, source="tests").instance(3)


def test_the_table_has_a_row_for_each_problem():
    lines = said("list", "problems").splitlines()
    assert lines[0].split() == HEADS
    names = [line.split()[0] for line in lines[1:]]
    assert names[: len(catalogue("problems"))] == list(catalogue("problems"))
    starts = [lines[0].index(head) for head in HEADS]
    for line in lines[1:]:
        assert all(line[start - 2 : start] == "  " for start in starts[1:]), "columns are aligned"
        assert all(line[start] != " " for start in starts), "no cell is empty"
    (row,) = [line for line in lines if line.startswith("quadratic ")]
    assert "any (10)" in row
    assert "strongly convex, smooth" in row
    assert "Nesterov 2018" in row
    assert "mu, PL" in row


def test_json_has_the_same_facts():
    facts = {fact["name"]: fact for fact in json.loads(said("list", "problems", "--json"))}
    quadratic = facts["quadratic"]
    assert quadratic["dim"] == 10
    assert quadratic["class"] == ["strongly convex", "smooth"]
    assert quadratic["constants"]["L"] == {"value": 1.0, "exact": True}
    assert "digits" in facts["softmax-regression"]["data"]
    assert "stochastic" in facts["mlp"]["class"]


@pytest.mark.parametrize("name", catalogue("problems"))
def test_facts_are_those_of_the_default_instance(name):
    problem = catalogue("problems")[name]
    facts, instance = default_facts(problem), problem.instance()
    assert facts["dim"] == instance.dim
    assert set(facts["constants"]) == set(instance.certificates)
    assert ("convex" in instance.certificates) == any("convex" in word.split() for word in facts["class"])


def test_warm_no_instance_is_made(monkeypatch):
    before = list_facts("problems")

    def refuse(*arguments, **more):
        raise AssertionError("an instance is made")

    monkeypatch.setattr(core.Problem, "instance", refuse)
    assert list_facts("problems") == before


def test_a_dent_is_found_and_a_bowl_has_none():
    assert _is_above_a_chord(made(dent))
    assert not _is_above_a_chord(made(bowl))


def test_no_class_is_claimed_without_a_reason():
    words = _read(made(bowl).problem)["class"]
    assert words == []
    known = Certificate("convex", 1.0, "A sum of squares."), Certificate("G", 1.0, "For the test.")
    assert _read(made(bowl, *known).problem)["class"] == ["convex", "non-smooth"]
    assert _read(made(dent).problem)["class"] == ["nonconvex"]


def test_a_problem_without_defaults_is_listed():
    def make(dim, rng, parameters):
        from zobench.errors import ZobenchError

        raise ZobenchError("needs parameters")

    facts = _read(Problem("listed", "for tests", bowl, make, source="tests"))
    assert facts == {"dim": None, "class": [], "constants": {}}


def test_on_a_terminal_the_last_column_is_wrapped(monkeypatch):
    from zobench.cli.show import list_text

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_: type("Size", (), {"columns": 190})())
    assert max(map(len, list_text("problems").splitlines())) <= 190


@pytest.mark.parametrize(
    ("source", "short"),
    [
        ("Deng, Li, Mahadevan, Song, arXiv 2307.08352 (2023)", "Deng 2023"),
        ("LeCun, Bottou, Proceedings of the IEEE 86 (1998) 2278-2324", "LeCun 1998"),
        ("after a remark of Schotthöfer, Klein, Kusch, arXiv 2506.17475", "Schotthöfer arXiv 2506.17475"),
        ("tests", "tests"),
    ],
)
def test_sources_are_shortened(source, short):
    assert short_source(source) == short
