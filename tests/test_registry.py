"""The catalogue: everything by entry points, strangers through the same door, clear complaints."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from zobench import registry
from zobench.errors import ZobenchError, unknown
from zobench.instance import Problem
from zobench.report import Report
from zobench.solver import Solver


@pytest.fixture
def doors(tmp_path, monkeypatch):
    """``doors(kind, package, modules)``: a stranger's package beside the built-in one."""
    monkeypatch.syspath_prepend(tmp_path)
    extra = {}

    def opened(kind, package, modules):
        (tmp_path / package).mkdir()
        for name, text in {"__init__": "", **modules}.items():
            (tmp_path / package / f"{name}.py").write_text(text)
        extra.setdefault(f"zobench.{kind}", []).append(EntryPoint("extra", package, f"zobench.{kind}"))
        registry.catalogue.cache_clear()

    found = registry.entry_points
    monkeypatch.setattr(registry, "entry_points", lambda group: [*found(group=group), *extra.get(group, [])])
    registry.catalogue.cache_clear()
    yield opened
    registry.catalogue.cache_clear()


SOLVER = """
from types import SimpleNamespace
solver = SimpleNamespace(name={name!r})
"""


@pytest.mark.parametrize(("kind", "type_"), [("problems", Problem), ("solvers", Solver), ("reports", Report)])
def test_the_catalogue_holds_every_module_by_name(kind, type_):
    known = registry.catalogue(kind)
    assert list(known) == sorted(known)
    assert all(isinstance(item, type_) and item.name == name for name, item in known.items())
    assert len(known) >= 2
    assert registry.find(kind, next(iter(known))) is next(iter(known.values()))


def test_a_strangers_package_comes_in_by_the_same_door(doors):
    doors("solvers", "zobench_extra", {"mine": SOLVER.format(name="mine"), "_private": "1 / 0"})
    assert {"mine", "s2p"} <= set(registry.catalogue("solvers"))
    assert isinstance(registry.find("solvers", "mine"), SimpleNamespace)


def test_a_name_that_is_taken_is_refused_with_both_places(doors):
    doors("solvers", "zobench_twice", {"mine": SOLVER.format(name="s2p")})
    with pytest.raises(
        ZobenchError, match=r"solver 's2p' is defined twice, in .*(twice|s2p).* and .*(twice|s2p)"
    ):
        registry.catalogue("solvers")


def test_a_module_without_the_object_is_named_when_it_is_asked_for(doors):
    doors("problems", "zobench_empty", {"nothing": "x = 1"})
    with pytest.raises(
        ZobenchError, match=r"module 'zobench_empty.nothing' must define 'problem', and does not"
    ):
        registry.find("problems", "nothing")
    assert "quadratic" in registry.catalogue("problems")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError"),
        ("def", "SyntaxError"),
    ],
)
def test_a_bad_file_of_a_stranger_costs_only_itself(doors, code, told):
    package = f"zobench_needs_{len(code)}"
    doors("solvers", package, {"mine": code})
    assert "s2p" in registry.catalogue("solvers")
    with pytest.raises(ZobenchError, match=f"module '{package}.mine' cannot be imported: .*{told}"):
        registry.find("solvers", "mine")
    assert f"{package}.mine" in registry.faults()


@pytest.mark.parametrize(
    ("kind", "word"), [("problems", "problem"), ("solvers", "solver"), ("reports", "report")]
)
def test_an_unknown_name_is_refused_with_the_nearest(kind, word):
    near = next(iter(registry.catalogue(kind)))
    with pytest.raises(
        ZobenchError, match=f"^{word} must be one of .*, got '{near}x'; did you mean '{near}'\\?$"
    ):
        registry.find(kind, near + "x")


def test_nothing_near_gives_no_suggestion():
    assert "did you mean" not in str(unknown("solver", "zzzzzz", ["s2p", "stp"]))
    assert str(unknown("report", "x", [])) == "report must be one of (none is registered), got 'x'"
