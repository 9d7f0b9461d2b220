"""The course: every cell of every tutorial runs, and every solution is right."""

import re
from pathlib import Path

import matplotlib.pyplot
import pytest

from zobench.contract.check import check
from zobench.exercises import exercises

LEARN = Path(__file__).parent.parent / "docs" / "learn"
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(LEARN.glob("*.md"))
TUTORIALS = [page for page in PAGES if page.name[0].isdigit()]


def cells(page):
    """Give (line, source) of each cell of a page."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(2)) + 1, found[2]) for found in CELL.finditer(text)]


def run(page):
    """Run a page's cells one after the other, in a namespace of their own."""
    names = {"__name__": page.stem}
    for line, source in cells(page):
        code = compile("\n" * (line - 1) + source, str(page), "exec")
        exec(code, names)
    return names


@pytest.fixture(autouse=True)
def plain_figures(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_cell_runs(page, monkeypatch, capsys):
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: matplotlib.pyplot.close("all"))
    run(page)
    assert cells(page)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("Right", "Not yet"))]
    if page.stem == "solutions":
        assert [line for line in said if not line.startswith("Right: ")] == []
        assert len(said) == len(exercises())
    elif page in TUTORIALS:
        assert 3 <= len(said) == page.read_text(encoding="utf-8").count("check(")
        assert all(line.startswith("Not yet: put your answer in place of the dots.") for line in said)


def test_the_tutorials_have_every_exercise_in_order():
    asked = [name for page in TUTORIALS for name in re.findall(r"check\(\"([a-z-]+)\"", page.read_text())]
    assert asked == list(exercises())
    solved = re.findall(r"check\(\"([a-z-]+)\"", (LEARN / "solutions.md").read_text())
    assert solved == asked


def test_a_cell_that_fails_is_named_by_its_line(tmp_path):
    page = tmp_path / "page.md"
    fence = "```{code-cell} python"
    page.write_text(f"# Page\n\n{fence}\na = 1\n```\n\n{fence}\n:tags: [x]\n\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run(page)
    assert caught.traceback[-1].lineno == 9


def test_the_index_names_every_page():
    text = (LEARN / "index.md").read_text()
    for page in PAGES:
        assert page.stem == "index" or (f"\n{page.stem}\n" in text and f"({page.name})" in text)


def files(page):
    """Give (name, source) of the cells that are files: they say so in their first line."""
    found = [(re.match(r"# (\w+\.py)\n", source), source) for _, source in cells(page)]
    return [(name[1], source) for name, source in found if name]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (1, "weighted_log_cosh.py"),
        pytest.param(0, "persistent_search.py", marks=pytest.mark.slow),
        pytest.param(2, "slope_step.py", marks=pytest.mark.slow),
    ],
)
def test_own_files_pass_the_contract(place, name, tmp_path):
    (page,) = (each for each in TUTORIALS if each.name.startswith("8"))
    assert len(files(page)) == 3
    found, source = files(page)[place]
    assert found == name
    (tmp_path / name).write_text(source, encoding="utf-8")
    outcomes = check(str(tmp_path / name))
    assert len(outcomes) >= 10
    assert [str(outcome) for outcome in outcomes if not outcome.ok] == []


@pytest.mark.parametrize("page", TUTORIALS, ids=[page.stem for page in TUTORIALS])
def test_jupytext_makes_the_same_notebook_of_a_page(page):
    jupytext = pytest.importorskip("jupytext")
    notebook = jupytext.read(page)
    code = [cell["source"] for cell in notebook.cells if cell["cell_type"] == "code"]
    assert code == [source.strip() for _, source in cells(page)]
    assert len(notebook.cells) > len(code)  # the words are there, too
