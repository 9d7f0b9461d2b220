"""The asv suite is as asv wants it; what is said beside peers is counted and covers; exponents are told."""

import inspect
import json
from importlib import import_module
from math import comb
from pathlib import Path

import pytest

from benchmarks import growth, paper_plan, written
from benchmarks.peers import __main__ as peers
from benchmarks.peers import measure, sides

FOLDER = Path(__file__).parent.parent / "benchmarks"
KINDS = ("time_", "timeraw_", "peakmem_", "track_")
#: What the suite is to have of every kind, by a word of the name.
WANTED = {
    "time_": ("run", "200_runs", "report", "verify", "merge"),
    "timeraw_": ("import", "help", "compiled_run"),
    "peakmem_": ("run", "read", "merge", "report"),
    "track_": (
        "vectors",
        "queries_to_target",
        "tightness",
        "functions",
        "compiled_again",
        "ratio_to_fused",
        "failures",
    ),
}


def suite():
    """Give every benchmark: its name, itself, where its attributes are."""
    for file in sorted(FOLDER.glob("bench_*.py")):
        module = import_module(f"benchmarks.{file.stem}")
        for owner in [module, *(each for _, each in inspect.getmembers(module, inspect.isclass))]:
            if owner is module or owner.__module__ == module.__name__:
                for name, function in vars(owner).items():
                    if name.startswith(KINDS) and callable(function):
                        yield name, function, owner


def attribute(name, function, owner):
    return getattr(function, name, None if inspect.ismodule(owner) else getattr(owner, name, None))


def test_every_kind_of_benchmark_is_there():
    names = [name for name, _, _ in suite()]
    assert {f"{kind}{word}" for kind, words in WANTED.items() for word in words} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("name", "function", "owner"), [pytest.param(*each, id=each[0]) for each in suite()])
def test_a_benchmark_names_its_parameters_and_its_unit(name, function, owner):
    params = attribute("params", function, owner) or ()
    names = attribute("param_names", function, owner) or ()
    assert len(params) == len(names)
    assert all(len(values) == len({repr(value) for value in values}) for values in params)
    cached = not inspect.ismodule(owner) and "setup_cache" in vars(owner)
    given = len(inspect.signature(function).parameters) - (not inspect.ismodule(owner))
    # asv hands over what setup_cache gives, if it gives anything
    assert given - len(params) in ((0, 1) if cached else (0,))
    if name.startswith("track_"):
        assert attribute("unit", function, owner)


def test_an_interval_covers_the_median_with_95_per_cent():
    for rounds in range(measure.LEAST, 16):
        low, high = measure.interval(range(1, rounds + 1))
        # the median lies outside if fewer than `low` values are below it, or fewer than so many above
        outside = sum(comb(rounds, below) for below in range(low)) / 2**rounds
        assert (high, outside <= 0.025) == (rounds + 1 - low, True)
        assert outside + comb(rounds, low) / 2**rounds > 0.025  # a shorter one would not
    with pytest.raises(ValueError, match="at least 6"):
        measure.interval(range(5))


def test_a_side_that_evaluates_otherwise_is_refused():
    figures = measure.in_turn({"a": lambda: 10, "b": lambda: 10}, 10, 6)
    assert [figure.counted for figure in figures] == [10, 10]
    assert (figures[0].ratio, figures[0].low, figures[0].high) == (1.0, 1.0, 1.0)
    with pytest.raises(AssertionError, match="b evaluated 11 times, not 10"):
        measure.in_turn({"a": lambda: 10, "b": lambda: 11}, 10, 6)
    with pytest.raises(AssertionError, match="evaluated 3 times, not 4"):
        measure.processes_in_turn({"a": "print(3)"}, 4, 6, str(FOLDER))


@pytest.mark.parametrize("name", sides.RUNS)
def test_the_sides_evaluate_as_often_as_they_are_asked_to(name):
    try:
        side = sides.RUNS[name](10, 60)
    except sides.Missing as why:
        pytest.skip(str(why))
    assert [side(), side()] == [60, 60]


def test_the_sides_evaluate_the_same_function():
    assert sides.agreement(10) < 1e-12


def test_tables_land_between_their_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- b -->\nold\n<!-- end of b -->\nc\n")
    for _ in range(2):
        written.put(page, "b", "new")
        assert page.read_text() == "a\n<!-- b -->\n\nnew\n\n<!-- end of b -->\nc\n"
    with pytest.raises(SystemExit, match="must have the lines"):
        written.put(page, "other", "new")


def test_the_page_has_the_marks_of_every_table():
    text = (FOLDER.parent / "docs" / "performance.md").read_text(encoding="utf-8")
    for name in (
        "peers",
        "plan",
        *(f"growth in {each}" for each in ("dimensions", "seeds", "checkpoints", "stores")),
    ):
        assert text.count(f"<!-- {name} -->") == text.count(f"<!-- end of {name} -->") == 1


def test_the_plan_on_paper_is_arithmetic():
    stores = {name: {"1000": 2.0, "10": 7.0} for _, name in paper_plan.DONE}
    stores |= {name: {"1000": 4000.0} for _, name, _, _ in paper_plan.FILLS}
    found = {"stores": stores, "dimensions": {"a query of s2p": {"10": 1e-7}}}
    text = paper_plan.table(found)
    # 2 s for 1000 runs: 2 ms, 2 x 10^6 s = 23 days for 10^9; 10^4 queries of 0.1 us: 1 ms a run
    assert "| `status` | 2.0 ms | 1,000 runs | 23 days |" in text
    assert "| querying | 1.0 ms | d = 10 | 12 days |" in text
    assert "One store takes what 0.50 workers make" in text
    # 24 GB / 4 kB = 6 x 10^6 runs
    assert "| a report's traces | 4.0 kB | 1,000 runs | 4.0 TB | 6.0 x 10^6 runs (24 GB of memory) |" in text
    stores["bytes in memory of the plan, a run"] = {"1000": 8000.0}
    first = paper_plan.table(found).splitlines()[2]
    assert first.startswith("| the plan")


def test_every_peer_starts_up_with_ten_evaluations():
    notes = []
    texts = peers.starts(notes)
    assert len(texts) + len(notes) == len(peers._START)
    for text in texts.values():
        compile(text, "start", "exec")


@pytest.mark.parametrize(
    ("exponent", "start", "name", "said"),
    [
        (1.0, 0.0, "write", "near"),
        (1.0, 50.0, "write", "near"),
        (2.0, 0.0, "write", "NOT NEAR"),
        (0.5, 0.0, "write", "NOT NEAR"),
        (0.0, 1.0, "open for reading", "near"),
        (1.0, 0.0, "open for reading", "NOT NEAR"),
    ],
)
def test_exponents_are_fitted_and_told_from_others(exponent, start, name, said):
    curve = {size: start + size**exponent for size in growth.RUNS}
    assert growth.verdict(name, curve) == said
    if not start:
        assert growth.exponent(curve) == pytest.approx(exponent)
    assert said in growth.text({"stores": {name: curve}})
    assert said in growth.markdown({"stores": {name: curve}})


@pytest.mark.slow
def test_growth_is_measured_and_told(capsys, monkeypatch):
    monkeypatch.setattr(growth, "WORK", 1e4)
    monkeypatch.setattr("sys.argv", ["growth", "dimensions", "seeds", "--largest", "10", "--json"])
    growth.main()
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"dimensions", "seeds"}
    assert set(found["seeds"]["a campaign of so many seeds"]) == {"1", "10"}
