"""Stored asv results: what counts as a change, the page, and regressions made on purpose."""

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import bench_queries, bench_theorems
from zobench.cli.main import cli
from zobench.drawing import theme
from zobench.oracle import query
from zobench.page.regress import draw_group
from zobench.performance.asv_results import compare_results, read_results
from zobench.registry import catalogue, find

ROOT = Path(__file__).parent.parent
COLUMNS = (
    "result params version started_at duration stats_ci_99_a stats_ci_99_b stats_q_25 stats_q_75 "
    "stats_number stats_repeat"
).split()
QUERIES, RATIO, RUN, PEAK = (
    f"bench.Suite.{name}" for name in ("track_queries", "track_ratio_to_fused", "time_run", "peakmem_run")
)
TYPES = {QUERIES: ("track", "queries"), RATIO: ("track", "unit"), RUN: ("time", "seconds")}
TYPES[PEAK] = ("peakmemory", "bytes")


def timed(value, spread=0.02, samples=20):
    """Give what asv stores of a time: value, interval, samples."""
    low, high = ([-float("inf")], [float("inf")]) if samples == 1 else ([value - spread], [value + spread])
    return [[value], [], "v1", 1, 1.0, low, high, [value], [value], [1], [samples]]


def exact(*values, params=(), version="v1"):
    return [list(values), list(params), version, 1, 1.0]


def store(folder, *commits, machine="m1", environment="virtualenv-py3.11"):
    """Write results as asv 0.6 does: one file a commit."""
    (folder / machine).mkdir(parents=True, exist_ok=True)
    (folder / machine / "machine.json").write_text(json.dumps({"machine": machine, "version": 1}))
    about = {
        name: {"type": kind, "unit": unit, "param_names": ["solver"]} for name, (kind, unit) in TYPES.items()
    }
    (folder / "benchmarks.json").write_text(json.dumps({**about, "version": 2}))
    for place, results in enumerate(commits):
        commit = f"{place:x}" * 40
        facts = {
            "commit_hash": commit,
            "env_name": environment,
            "date": 1_700_000_000_000 + place,
            "params": {"machine": machine},
            "result_columns": COLUMNS,
            "results": results,
            "version": 2,
        }
        (folder / machine / f"{commit[:8]}-{environment}.json").write_text(json.dumps(facts))
    return folder


def change(folder, old, new, factor=1.1):
    """Say what became of one benchmark."""
    (name,) = old
    (said,) = compare_results(read_results(store(folder, old, new)), factor).table["change"]
    return said, name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({QUERIES: exact(1000)}, {QUERIES: exact(1000)}, "same"),
        ({QUERIES: exact(1000)}, {QUERIES: exact(1001)}, "worse"),
        ({QUERIES: exact(1000)}, {QUERIES: exact(999)}, "better"),
        ({QUERIES: exact(0)}, {QUERIES: exact(1)}, "worse"),
        ({QUERIES: exact(0)}, {QUERIES: exact(0)}, "same"),
        ({QUERIES: exact(-2.0)}, {QUERIES: exact(-1.0)}, "worse"),
        ({QUERIES: exact(5)}, {QUERIES: exact(float("inf"))}, "worse"),
        ({QUERIES: exact(5)}, {QUERIES: exact(None)}, "fails"),
        ({QUERIES: exact(None)}, {QUERIES: exact(5)}, "mended"),
        ({QUERIES: exact(5)}, {QUERIES: exact(float("nan"))}, "skipped"),
        ({QUERIES: exact(5)}, {QUERIES: exact("five")}, "skipped"),
        ({QUERIES: exact(5)}, {QUERIES: exact(9, version="v2")}, "other benchmark"),
        ({RATIO: exact(1.5)}, {RATIO: exact(1.6)}, "same"),
        ({RATIO: exact(1.5)}, {RATIO: exact(1.8)}, "worse"),
        ({PEAK: exact(1e9)}, {PEAK: exact(1.09e9)}, "same"),
        ({PEAK: exact(1e9)}, {PEAK: exact(1.2e9)}, "worse"),
        ({PEAK: exact(1e8)}, {PEAK: exact(1.6e8)}, "same"),
        ({PEAK: exact(1e8)}, {PEAK: exact(1.7e8)}, "worse"),
        ({RUN: timed(1.0)}, {RUN: timed(1.2)}, "worse"),
        ({RUN: timed(1.2)}, {RUN: timed(1.0)}, "better"),
        ({RUN: timed(1.0)}, {RUN: timed(1.05)}, "same"),
        ({RUN: timed(1.0, 0.15)}, {RUN: timed(1.2, 0.15)}, "unclear"),
        ({RUN: timed(1.0, samples=1)}, {RUN: timed(5.0, samples=1)}, "unclear"),
    ],
)
def test_what_counts_as_a_change(tmp_path, old, new, said):
    assert change(tmp_path, old, new)[0] == said


def test_benchmarks_come_and_go_and_parameters_are_matched_by_name(tmp_path):
    old = {QUERIES: exact(10, 20, params=[["'s2p'", "'stp'"]]), RUN: timed(1.0)}
    new = {QUERIES: exact(20, 11, params=[["'stp'", "'s2p'"]]), PEAK: exact(1.0)}
    table = compare_results(read_results(store(tmp_path, old, new))).table
    found = {(row.benchmark, row.case): row.change for row in table.itertuples()}
    assert found == {
        (QUERIES, "solver=s2p"): "worse",
        (QUERIES, "solver=stp"): "same",
        (RUN, ""): "gone",
        (PEAK, ""): "new",
    }


def test_the_newest_commit_is_compared_with_the_one_before_it(tmp_path):
    store(tmp_path, *({QUERIES: exact(count)} for count in (10, 30, 20)))
    store(tmp_path, {QUERIES: exact(5)}, machine="m2")
    changes = compare_results(read_results(tmp_path))
    assert [(old[0], new[0]) for _, _, old, new in changes.commits] == [("1", "2")]
    assert list(changes.table["change"]) == ["better"]
    assert any("m2" in note for note in changes.notes)


def call(*words):
    done = CliRunner().invoke(cli, ["regress", *map(str, words)], prog_name="zobench")
    return done.exit_code, done.output


def test_the_verb_writes_a_page_and_a_table_and_says_so_by_its_exit_code(tmp_path):
    worse = store(
        tmp_path / "worse", {RUN: timed(1.0), QUERIES: exact(1)}, {RUN: timed(1.2), QUERIES: exact(1)}
    )
    code, said = call(worse, "--out", tmp_path / "page")
    assert code == 1
    assert "1 significant regression of 2 numbers" in said
    assert "| worse | `bench.Suite.time_run` | - | 1 s | 1.2 s | 1.2 [1.16, 1.24] |" in said
    assert (tmp_path / "page" / "regressions.md").read_text().splitlines()[0] in said
    page = (tmp_path / "page" / "index.html").read_text()
    assert "1 significant regression" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    code, said = call(worse, "--json", "--factor", "1.3")
    assert code == 0
    assert json.loads(said)["numbers"][1]["change"] == "same"
    code, said = call(store(tmp_path / "one", {RUN: timed(1.0)}), "--out", tmp_path / "of-one")
    assert code == 0
    assert "Nothing to compare" in said
    assert "Nothing was compared" in (tmp_path / "of-one" / "index.html").read_text()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "benchmarks.json").unlink(), "results folder of asv"),
        (lambda folder: shutil.rmtree(folder / "m1"), "must hold results"),
        (lambda folder: next(folder.glob("m1/0*")).write_text("{"), "must be JSON"),
        (lambda folder: next(folder.glob("m1/0*")).write_text("[1]"), "JSON object"),
        (lambda folder: next(folder.glob("m1/0*")).write_text('{"version": 2}'), "something else"),
        (lambda folder: next(folder.glob("m1/0*")).write_text('{"version": 1}'), "asv update"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(tmp_path, spoil, words):
    folder = store(tmp_path / "results", {RUN: timed(1.0)}, {RUN: timed(1.2)})
    spoil(folder)
    code, said = call(folder)
    assert code == 2
    assert words in said


def test_bad_options_are_refused(tmp_path):
    folder = store(tmp_path / "results", {RUN: timed(1.0)})
    assert call(folder, "--factor", "1")[0] == call(folder, "--factor", "x")[0] == 2
    (tmp_path / "file").write_text("")
    code, said = call(folder, "--out", tmp_path / "file")
    assert code == 2
    assert "must be writable" in said


def test_the_figure_shows_the_numbers(tmp_path):
    old = {QUERIES: exact(10, 20, params=[["'s2p'", "'stp'"]])}
    new = {QUERIES: exact(11, 20, params=[["'s2p'", "'stp'"]])}
    results = read_results(store(tmp_path, old, new))
    changes = compare_results(results)
    with theme():
        figure = draw_group(results, changes.table, ["0" * 40, "1" * 40], 9.6)
    (axis,) = figure.axes
    lines = sorted(line.get_ydata().tolist() for line in axis.lines)
    assert lines == [[1.0, 1.0], [1.0, 1.1]]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["s2p: worse"]
    assert axis.get_ylabel() == "relative to the first"


@pytest.mark.slow
def test_page_in_a_browser(tmp_path):
    found = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("browser.py"))
    browser = importlib.util.module_from_spec(found)  # tests are no package
    found.loader.exec_module(browser)
    if browser.CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    old, new = {QUERIES: exact(10), RUN: timed(1.0)}, {QUERIES: exact(11), RUN: timed(1.2)}
    call(store(tmp_path / "results", old, new), "--out", tmp_path / "page")
    with browser.Browser(tmp_path / "chromium") as chromium:
        for width in (400, 1600):
            chromium.open(tmp_path / "page" / "index.html", width)
            told = chromium.tell(browser.PROBE)
            assert {
                name: count for name, count in told.items() if count and (name != "wider" or count > 0)
            } == {}
            assert chromium.tell(browser.CONTRAST) >= 4.5


# The suite itself: what it tracks is there, comes out twice the same, and moves when a solver is made worse
# (`test_asv.py` has the same through asv, and slower queries).


def test_every_theorem_is_tracked():
    registered = {
        theorem.name for each in catalogue("solvers").values() for theorem in getattr(each, "theorems", ())
    }
    assert registered == set(bench_theorems.theorems())


@pytest.fixture(scope="module")
def wasteful():
    """S2P that asks a query too many at every fifth step: 10 per cent more."""
    s2p = find("solvers", "s2p")
    step = s2p.step

    def wasted(oracle, state, parameters, k, stream):
        if k % 5 == 0:
            query(oracle, state.x)
        step(oracle, state, parameters, k, stream)

    return replace(s2p, step=wasted)


def tracked(solver):
    parameters = bench_queries.SOLVERS["s2p"]
    found = {
        problem: bench_queries.measured(solver, problem, parameters) for problem in bench_queries.PROBLEMS
    }
    cases = [(problem, target) for problem in found for target in bench_queries.TARGETS]
    values = [bench_queries.queries_to(target, found[problem]) for problem, target in cases]
    return {QUERIES: exact(*values, params=[[repr(f"{problem} {target}") for problem, target in cases]])}


def test_ten_per_cent_more_queries_are_found_and_nothing_else_is(tmp_path, wasteful):
    before, again, after = tracked(find("solvers", "s2p")), tracked(find("solvers", "s2p")), tracked(wasteful)
    assert before == again
    changes = compare_results(read_results(store(tmp_path / "worse", before, after)))
    assert set(changes.table["change"]) == {"worse"}
    assert changes.table["ratio"].between(1.05, 1.13).all()
    assert call(tmp_path / "worse")[0] == 1
    assert call(store(tmp_path / "same", before, again))[0] == 0


def test_the_configuration_says_what_asv_understands():
    config = json.loads((ROOT / "asv.conf.json").read_text())
    # asv passes over keys that it does not know without a word
    known = pytest.importorskip("asv.config").Config().__dict__
    assert set(config) <= {*known, "version", "build_cache_size"}
    thresholds = config["regressions_thresholds"]
    assert thresholds[".*track_.*"] < 1e-3 < 0.09 < thresholds[".*track_ratio_.*"] < 0.2
