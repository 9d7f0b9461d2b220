"""Pages are parsed as a browser would, and shown by one where there is one."""

import importlib.util
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

import zobench
from benchmarks.made_up_store import campaign, made_up
from zobench.errors import ZobenchError
from zobench.execute import key_of
from zobench.page.build import write_evidence, write_report
from zobench.page.findings import per_problem
from zobench.registry import catalogue
from zobench.report import Evidence
from zobench.store.database import Store
from zobench.theorem import Case, find_theorem

BUDGET, SEEDS = 300, 3
_specification = importlib.util.spec_from_file_location("browser", Path(__file__).parent / "browser.py")
browser = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(browser)
needs_browser = pytest.mark.skipif(browser.CHROMIUM is None, reason="no chromium on this machine")
VERDICT = {
    "theorem": "s2p-smooth-stationary",
    "solver": "s2p",
    "problem": "quadratic:dim=4",
    "dim": 4,
    "steps": 100,
    "seeds": 3,
    "bound": 2.0,
    "mean": 1.0,
    "ratio": 0.5,
    "ci_low": 0.9,
    "ci_high": 1.1,
    "log10_e_value": -0.5,
    "tightness": 0.5,
    "verdict": "not refuted",
}


@pytest.fixture(scope="module")
def traces():
    problems = [zobench.problem("quadratic", dim=4), zobench.problem("quadratic", dim=6, condition=10)]
    return [
        zobench.run(problem, solver, budget=BUDGET, seed=seed)
        for problem in problems
        for solver in ("s2p", "stp", "random-search")
        for seed in range(SEEDS)
    ]


@pytest.fixture(scope="module")
def evidence(traces):
    return Evidence.from_traces(traces, [VERDICT])


def observed():
    """Run what a theorem prescribes."""
    theorem, solver = find_theorem("s2p-smooth-stationary")
    case = Case(zobench.problem("quadratic", dim=4), 60, "gaussian")
    chosen = {"budget": theorem.budget(case), "parameters": theorem.parameters(case), "observe": True}
    return [zobench.run(case.instance, solver, seed=seed, **chosen) for seed in range(3)]


class Reader(HTMLParser):
    """Collects a page's tags, addresses and text."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.addresses, self.text = [], [], []
        self.images = []
        self.feed(path.read_text(encoding="utf-8"))
        self.words = " ".join(" ".join(self.text).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        known = dict(attrs)
        self.addresses += [
            known[name] for name in ("src", "href", "srcset", "poster", "data") if name in known
        ]
        if tag == "img":
            self.images.append(known)

    def handle_data(self, data):
        if not self.tags or self.tags[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory, traces):
    """Write the page of a store with compared, observed and failed runs and with verdicts."""
    folder = tmp_path_factory.mktemp("page")
    runs = observed()
    with Store(folder / "s.sqlite") as store:
        store.put(*traces, *runs)
        message = "ValueError: <script>alert(1)</script>"
        store.put_failure(key_of(zobench.problem("quadratic", dim=4), "s2p", budget=BUDGET, seed=9), message)
        store.put_verdicts([VERDICT, {**VERDICT, "steps": 7, "tightness": 0.05, "problem": "<b>bold</b>"}])
    return write_report(folder / "s.sqlite", folder / "out")


def test_page_says_what_was_run_found_refuted_and_failed(page):
    words = Reader(page).words
    assert "3 solvers on 2 problems with 3 to 4 seeds each: 19 runs and 3 runs observed for theorems" in words
    assert re.search(r"Fewest queries to a common target, of 2 problems: \S+ on [12]", words)
    assert "Nothing. 2 checks of 1 theorem: 2 not refuted; 1 without power (tightness below 0.1)." in words
    assert "1 run of 22 failed: s2p 1; most often (1): ValueError: <script>alert(1)</script>." in words
    assert "zobench report s.sqlite --out FOLDER" in words
    assert "confirmed" not in words.lower()
    heads = re.findall(r'<h2 id="(\w+)"', page.read_text(encoding="utf-8"))
    assert heads == "summary theorems comparisons problems solvers failures provenance".split()
    assert words.index("What was run") < words.index("Each check compares")


def test_page_loads_nothing_from_anywhere(page):
    reader = Reader(page)
    assert not {"script", "link", "iframe", "object", "embed"} & set(reader.tags)
    for address in reader.addresses:
        assert address.startswith(("data:image/svg+xml,", "#", "figures/", "tables/"))
        if address.startswith(("figures/", "tables/")):
            assert (page.parent / address).is_file()
    # what a figure clips by is in the figure
    text = page.read_text(encoding="utf-8").replace("url(%23", "")
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/)", text)


def test_page_escapes_names_and_messages(page):
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<b>bold" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "ValueError: <script>alert(1)</script>" in Reader(page).words


def test_every_figure_has_a_text_and_files(page):
    images = Reader(page).images
    assert len(images) >= 8
    for image in images:
        assert len(image["alt"]) > 40
    for kind in ("png", "svg"):
        assert len(list((page.parent / "figures").glob(f"*.{kind}"))) == len(images)


def test_tables_hold_the_store(page):
    tables = page.parent / "tables"
    assert len(pd.read_csv(tables / "runs.csv")) == 22
    assert pd.read_csv(tables / "failures.csv")["status"].tolist() == ["failed"]
    assert pd.read_csv(tables / "verdicts.csv")["verdict"].tolist() == ["not refuted"] * 2


def test_same_store_gives_the_same_bytes(tmp_path, page):
    again = write_report(page.parent.parent / "s.sqlite", tmp_path)
    for path in sorted(page.parent.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(page.parent)).read_bytes(), path.name
    assert again.name == "index.html"


def test_empty_store_gives_a_page_that_says_so(tmp_path):
    Store(tmp_path / "empty.sqlite").close()
    page = write_report(tmp_path / "empty.sqlite", tmp_path / "out")
    words = Reader(page).words
    assert "The store is empty" in words
    assert "No theorem was tried" in words
    assert words.count("Not drawn: ") == len(catalogue("reports"))
    assert words.count("Not drawn: the store holds no runs.") >= 9


def test_store_of_failures_alone_gives_a_page(tmp_path):
    with Store(tmp_path / "s.sqlite") as store:
        for seed in range(2):
            store.put_failure(key_of("quadratic", "s2p", budget=10, seed=seed), "ZeroDivisionError: x")
        store.put_failure(key_of("quadratic", "s2p", budget=10, seed=2), "half of a pair: \ud800")
    words = Reader(write_report(tmp_path / "s.sqlite", tmp_path / "out")).words
    assert "3 runs of 3 failed: s2p 3; most often (2): ZeroDivisionError: x." in words
    assert "half of a pair: \\ud800" in words
    assert "Not drawn: no run in the store has a trace." in words


def test_half_finished_campaign_is_called_unfinished(tmp_path, evidence, traces, monkeypatch):
    monkeypatch.setattr("zobench.page.build.catalogue", lambda kind: {})  # figures take time
    whole = Reader(write_evidence(evidence, tmp_path / "whole")).words
    assert "unfinished" not in whole
    half = Reader(write_evidence(Evidence.from_traces(traces[:-2]), tmp_path / "half")).words
    assert "1 of 6 pairs of problem and solver have fewer seeds" in half


def test_a_report_that_raises_costs_only_its_section(tmp_path, evidence, monkeypatch):
    def broken(evidence):
        raise KeyError("<i>column</i>")

    ours = catalogue("reports")["runtime-ecdf"]
    monkeypatch.setitem(catalogue("reports"), "runtime-ecdf", replace(ours, draw=broken))
    two = {name: catalogue("reports")[name] for name in ("runtime-ecdf", "convergence")}
    monkeypatch.setattr("zobench.page.build.catalogue", lambda kind: two)
    page = write_evidence(evidence, tmp_path)
    assert "the report failed with KeyError" in Reader(page).words
    assert "<i>column" not in page.read_text(encoding="utf-8")
    assert len(Reader(page).images) == 1


def test_unreadable_stores_and_folders_are_refused_in_a_sentence(tmp_path, evidence):
    with pytest.raises(ZobenchError, match=r"gone\.sqlite"):
        write_report(tmp_path / "gone.sqlite", tmp_path / "out")
    (tmp_path / "text.sqlite").write_text("hello " * 100)
    with pytest.raises(ZobenchError, match="text"):
        write_report(tmp_path / "text.sqlite", tmp_path / "out")
    with pytest.raises(ZobenchError, match="must be writable"):
        write_evidence(evidence, tmp_path / "text.sqlite")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser.Browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(400, 800), (1600, 900)])
def test_page_in_a_browser(page, chromium, width, height, scheme):
    chromium.open(page, width, height, scheme)
    chromium.tell("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert {name: count for name, count in chromium.tell(browser.PROBE).items() if count} == {}
    assert chromium.complaints() == []
    assert chromium.tell(browser.CONTRAST) >= 4.5
    chromium.open(page, width, height, scheme)
    end = "[...document.querySelectorAll('dl.facts dd')].at(-1).getBoundingClientRect().bottom"
    assert 0 < chromium.tell(end) <= height


@needs_browser
def test_keys_and_a_screen_reader_go_through_the_page(page, chromium):
    chromium.open(page, 1600)
    focus = "document.activeElement.tagName + ' ' + document.activeElement.textContent.trim()"
    stops = []
    for _ in range(9):
        chromium.key("Tab", 9)
        stops.append(chromium.tell(focus))
        assert chromium.tell("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert stops[0] == "A Skip to the summary"
    assert stops[1:3] == ["A Theorems", "A Comparisons"]
    chromium.open(page, 1600)
    chromium.key("Tab", 9)
    chromium.key("Enter", 13, "\r")
    assert chromium.tell("document.activeElement.tagName") == "MAIN"
    chromium.tell("document.querySelector('summary').focus()")
    assert not chromium.tell("document.querySelector('details').open")
    chromium.key("Enter", 13, "\r")
    assert chromium.tell("document.querySelector('details').open")
    tree = chromium.ask("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]
    ]
    roles = [role for role, _ in named]
    assert {"banner", "main", "navigation", "figure", "table", "rowheader", "columnheader"} <= set(roles)
    for role, name in named:
        assert name or role not in ("image", "figure", "link", "heading", "region", "table", "navigation"), (
            role
        )


@needs_browser
def test_the_browser_notices_what_is_wrong_with_a_page(tmp_path, chromium):
    wrong = tmp_path / "wrong.html"
    wrong.write_text(
        "<body><h1>a</h1><h3 id=a>b</h3><p id=a style='color:#bbb'>pale</p>"
        "<table><tr><td></table><a href='#b'>c</a>"
        "<figure></figure><img src='data:image/png;base64,AAAA'><img src='http://localhost:9/gone.png'>"
        "<div style='width:900px'>.</div><script>console.error('no')</script></body>"
    )
    chromium.open(wrong, 400)
    told = chromium.tell(browser.PROBE)
    assert told.pop("wider") > 400
    assert told.pop("unnamed") == 3
    assert (told.pop("broken"), told.pop("titles")) == (2, 2)
    assert set(told.values()) == {1}
    assert chromium.tell(browser.CONTRAST) < 2
    said = "\n".join(chromium.complaints())
    assert "no" in said
    assert "asked the network for http://localhost:9" in said


@needs_browser
def test_long_and_strange_names_stay_on_the_page(chromium, tmp_path):
    names = ["m" * 300, '<script>alert("1")</script>', "naïve-中文-🎉", "a & b"]
    runs = [made_up(zobench.problem("quadratic", dim=4), name, 60, seed) for name in names for seed in (0, 1)]
    rows = [{**VERDICT, "theorem": name, "problem": name, "verdict": "refuted"} for name in names]
    page = write_evidence(Evidence.from_traces(runs, rows), tmp_path)
    assert "the report failed" not in page.read_text(encoding="utf-8")
    assert "<script" not in page.read_text(encoding="utf-8")
    for width in (400, 1600):
        chromium.open(page, width)
        chromium.tell("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert {name: count for name, count in chromium.tell(browser.PROBE).items() if count} == {}


@needs_browser
def test_what_is_folded_is_printed(page, chromium, tmp_path):
    chromium.open(page, 800, media="print")
    height = "document.querySelector('details table').getBoundingClientRect().height"
    assert chromium.tell(height) > 30
    assert chromium.tell("getComputedStyle(document.querySelector('figure img')).filter") == "none"
    chromium.printed(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_a_failed_run_counts_as_the_worst_and_does_not_hide_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr("zobench.page.build.catalogue", lambda kind: {})  # figures take time
    problem = zobench.problem("quadratic", dim=3)
    with Store(tmp_path / "s.sqlite") as store:
        for solver in ("s2p", "stp"):
            store.put_failure(key_of(problem, solver, budget=99, seed=0), "boom")
            store.put(*(zobench.run(problem, solver, budget=99, seed=seed) for seed in (1, 2)))
        store.put_failure(key_of(problem, "random-search", budget=99), "boom")
        store.put_verdicts([VERDICT, {**VERDICT, "steps": 7, "law": "sphere", "note": "well"}])
    evidence = Evidence.from_store(tmp_path / "s.sqlite")
    table = per_problem(evidence).set_index("solver")
    for solver in ("s2p", "stp"):
        gaps = sorted(evidence.runs.loc[evidence.runs["solver"] == solver, "best"].fillna(math.inf))
        assert table.loc[solver, "median best gap"] == gaps[1]
        assert table.loc[solver, "failed"] == 1
    assert table.loc["random-search", "median best gap"] == math.inf
    assert table.loc["random-search", "targets hit"] == 0
    words = Reader(write_report(tmp_path / "s.sqlite", tmp_path / "out")).words
    assert re.search(r"quadratic \(dim 3\) \S+ \S+ \d+ .* s(2p|tp)\b", words)
    assert not re.search(r"\bnan\b", words)


@pytest.mark.slow
def test_ten_thousand_runs_make_a_page_of_less_than_ten_megabytes(tmp_path):
    page = write_evidence(Evidence.from_traces(campaign(seeds=20)), tmp_path)
    assert page.stat().st_size < 10e6
    assert "10,000 runs" in Reader(page).words
