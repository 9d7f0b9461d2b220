"""The site: badges are the stores' verdicts, links are checked, the whole builds without a network."""

import doctest
import html
import importlib
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from zobench.cli.main import cli
from zobench.registry import catalogue
from zobench.store.database import Store
from zobench.theorem import theorems

from .browser import CHROMIUM, Browser

DOCS = Path(__file__).parent.parent / "docs"
sys.path[:0] = [str(DOCS), str(DOCS / "_ext")]

from links import check, main  # noqa: E402
from verdicts import Standing, badge, code_time, standings, stored, told  # noqa: E402

BUILDER = all(map(find_spec, ("sphinx", "furo", "myst_parser", "sphinx_click", "ziamath")))
VERDICT = {
    "solver": "s2p", "problem": "quadratic", "instance": "quadratic (dim 10)", "dim": 10, "steps": 100,
    "seeds": 40, "law": "gaussian", "quantity": "q", "bound": 1.0, "mean": 0.5, "ratio": 0.5, "ci_low": 0.4,
    "ci_high": 0.6, "log10_e_value": -3.0, "tightness": 0.5, "note": "", "relation": "<=", "points": [],
}  # fmt: skip


def row(name, verdict, day, **cell):
    return {
        **VERDICT,
        "theorem": name,
        "verdict": verdict,
        "created": f"2026-01-{day:02}T00:00:00+00:00",
        **cell,
    }


def test_a_badge_is_the_worst_of_the_newest_verdicts():
    rows = [row("t", "refuted", 1), row("t", "supported", 2), row("t", "not refuted", 1, dim=20)]
    [standing] = standings(rows).values()
    assert standing == Standing({"supported": 1, "not refuted": 1}, "2026-01-01", "2026-01-02", False)
    assert ">not refuted</span>" in badge(standing)
    assert "1 not refuted, 1 supported, 2026-01-02" in badge(standing)


@pytest.mark.parametrize("verdict", ["supported", "not refuted", "inconclusive", "refuted"])
def test_a_badge_changes_with_the_verdict(verdict):
    before = [row("t", "supported", 1), row("t", "supported", 1, dim=20)]
    shown = badge(standings([*before, row("t", verdict, 2)])["t"])
    assert f'class="badge {verdict.replace(" ", "-")}">{verdict}<' in shown
    assert "2026-01-02" in shown


def test_a_verdict_of_earlier_code_says_so_and_gives_way_to_newer_ones():
    changed = {"t": datetime(2026, 1, 2, tzinfo=UTC)}
    old, new = row("t", "refuted", 1), row("t", "supported", 3, dim=20)
    assert "of earlier code" in badge(standings([old], changed)["t"])
    assert badge(standings([old, new], changed)["t"]) == badge(standings([new], changed)["t"])
    assert "1 theorems were last tried before" in told(standings([old], changed), ["t"], "1")


def test_the_code_of_a_theorem_is_its_solver_with_what_it_imports():
    times = {name: code_time(solver) for name, (_, solver) in theorems().items()}
    newest = max(path.stat().st_mtime for path in (DOCS.parent / "zobench").rglob("*.py"))
    newest = max([newest, *(path.stat().st_mtime for path in (DOCS.parent / "solvers").glob("*.py"))])
    oldest = (DOCS.parent / "solvers" / "s2p.py").stat().st_mtime
    assert datetime.fromtimestamp(oldest, UTC) <= times["s2p-smooth-stationary"]
    assert max(times.values()) <= datetime.fromtimestamp(newest, UTC)


def test_verdicts_are_read_from_a_store(tmp_path):
    assert stored(tmp_path / "none.sqlite") == []
    with Store(tmp_path / "s.sqlite") as store:
        store.put_verdicts([{**VERDICT, "theorem": "t", "verdict": "refuted"}])
    [found] = stored(tmp_path / "s.sqlite")
    assert found["verdict"] == "refuted"
    assert datetime.fromisoformat(found["created"]) <= datetime.now(UTC)
    (tmp_path / "bad.sqlite").write_text("no store", encoding="utf-8")
    with pytest.raises(ValueError, match="must be a store"):
        stored(tmp_path / "bad.sqlite")


def test_what_the_badges_rest_on_is_told():
    said = told(standings([row("t", "supported", 1), row("u", "refuted", 3)]), ["t", "u", "v"], "9.9")
    assert "2 verdicts on 2 of 3 theorems" in said
    assert "2026-01-01 to 2026-01-03 with zobench 9.9" in said
    assert "1 refuted" in said
    assert "No verdict was stored" in told({}, ["t"], "9.9")


GOOD = {
    "index.html": '<head><link rel="stylesheet" href="s.css"><title>t</title></head><h1 id="top-of">x</h1>'
    '<a href="sub/b.html#there">b</a><a href="https://example.org">far</a><a href="#top-of">up</a>',
    "sub/b.html": '<p id="there">b</p><img src="../p.svg" alt="p"><a href="../index.html">home</a>',
    "s.css": "@font-face { src: url(p.svg) }",
    "p.svg": "<svg/>",
}


def site(folder, **changes):
    for name, content in {**GOOD, **changes}.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_a_sound_site_passes_and_links_elsewhere_are_listed(tmp_path):
    assert check(site(tmp_path / "html")) == ([], {"https://example.org": "index.html"})
    assert main([str(tmp_path / "html"), "--list", str(tmp_path / "links.txt")]) == 0
    assert (tmp_path / "links.txt").read_text() == "https://example.org  (index.html)\n"


@pytest.mark.parametrize(
    ("page", "content", "why"),
    [
        ("index.html", '<a href="gone.html">x</a>', "no such file"),
        ("index.html", '<a href="sub/b.html#nowhere">x</a>', "no such anchor"),
        ("index.html", '<a href="#nowhere">x</a>', "no such anchor"),
        ("index.html", '<img src="gone.png">', "no such file"),
        ("index.html", '<script src="https://example.org/x.js"></script>', "needs a network"),
        ("index.html", '<link rel="stylesheet" href="//example.org/x.css">', "needs a network"),
        ("index.html", "<style>@import 'https://example.org/x.css';</style>", "needs a network"),
        ("index.html", '<p style="background: url(http://example.org/p.png)">x</p>', "needs a network"),
        ("s.css", "p { background: url(gone.png) }", "no such file"),
        ("s.css", "@font-face { src: url(https://example.org/f.woff2) }", "needs a network"),
    ],
)
def test_a_broken_site_is_told(tmp_path, page, content, why, capsys):
    folder = site(tmp_path, **{page: GOOD[page] + content})
    [fault], _ = check(folder)
    assert fault.startswith(f"{page}: ")
    assert fault.endswith(why)
    assert main([str(folder)]) == 1
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("name", [*sorted(path.stem for path in (DOCS / "_ext").glob("*.py")), "links"])
def test_examples_of_the_site_s_own_code_run(name):
    if name not in ("links", "pictures", "verdicts"):
        pytest.importorskip("sphinx")
        pytest.importorskip("latex2mathml")
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


# --- the whole site, built -------------------------------------------------------------------------


def build(folder, store, doctrees):
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-n",
        "-j",
        "2",
        "-d",
        str(doctrees),
    ]
    command += ["-D", f"zobench_stores={store}", str(DOCS), str(folder)]
    # what asks for an address fails at once
    closed = {**os.environ, "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    return subprocess.run(command, env=closed, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    if not BUILDER:
        pytest.skip("the builder of the site is not installed (extra `docs`)")
    place = tmp_path_factory.mktemp("site")
    with Store(place / "s.sqlite") as store:
        store.put_verdicts([{**VERDICT, "theorem": name, "verdict": "supported"} for name in theorems()])
    done = build(place / "html", place / "s.sqlite", place / "trees")
    assert done.returncode == 0, done.stderr
    return place


def read(folder, name):
    return (folder / f"{name}.html").read_text(encoding="utf-8")


def words(page):
    plain = html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(style|script).*?</\1>", " ", page)))
    return re.sub(r"[\s\W]+", " ", plain)


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_its_links_hold(built):
    faults, elsewhere = check(built / "html")
    assert faults == []
    assert len(elsewhere) > 10


@pytest.mark.slow
def test_every_problem_and_solver_has_a_whole_page(built):
    for kind, heads in (("problem", ("Constants", "Code")), ("solver", ("Code",))):
        for name, item in catalogue(f"{kind}s").items():
            page = read(built / "html", f"generated/{kind}s/{name}")
            for head in ("Definition", "Try it", *heads):
                assert f"<h2>{head}<" in page, (name, head)
            assert words(item.source)[:40].strip() in words(page), name
            assert re.search(rf'src="[^"]*{kind}-{name}-\w+\.svg"', page) or "Not drawn" in page, name


@pytest.mark.slow
def test_the_page_of_the_command_line_is_the_help(built):
    page = words(read(built / "html", "reference/cli"))

    def walk(command, context):
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                walk(inner, click.Context(inner, parent=context, info_name=name))
        for option in (given for given in command.params if isinstance(given, click.Option)):
            for text in (*option.opts, option.help or ""):
                assert words(text).strip() in page, (command.name, text)
        assert words(command.help or "").strip()[:60] in page, command.name

    walk(cli, click.Context(cli, info_name="zobench"))


@pytest.mark.slow
def test_badges_of_the_pages_follow_the_store(built):
    name = "s2p-smooth-stationary"
    pages = ("theory/s2p", "generated/solvers/s2p", "generated/theorems")
    assert all('badge refuted"' not in read(built / "html", page) for page in pages)
    later = {**VERDICT, "theorem": name, "verdict": "refuted"}
    with Store(built / "s.sqlite") as store:
        store.put_verdicts([later])
    done = build(built / "html", built / "s.sqlite", built / "trees")
    assert done.returncode == 0, done.stderr
    for page in pages:
        assert read(built / "html", page).count('badge refuted"') == 1, page
    assert json.loads((DOCS / "generated" / "verdicts.json").read_text())[name][0] == {"refuted": 1}


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_pages_ask_no_network_and_scroll_to_no_side(built, tmp_path):
    pages = "index start results reference/cli theory/s2p generated/problems/quadratic generated/solvers/s2p"
    with Browser(tmp_path) as browser:
        for page in pages.split():
            for width in (400, 1400):
                browser.open(built / "html" / f"{page}.html", width)
                asked = [
                    event["params"]["request"]["url"]
                    for event in browser.events
                    if event["method"] == "Network.requestWillBeSent"
                ]
                assert asked
                assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
                wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert browser.tell(wider) <= 0, (page, width)
