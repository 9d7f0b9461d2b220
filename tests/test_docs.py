"""What the pages say can be done: commands, options, campaigns and Python are tried, links lead somewhere."""

import json
import re
import shlex
import sqlite3
import tomllib
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from urllib.parse import urldefrag

import click
import pytest
from click.testing import CliRunner

from zobench.campaign.definition import Campaign
from zobench.campaign.file import KEYS
from zobench.campaign.tuning import settings_of
from zobench.claims.claim import KINDS
from zobench.claims.file import _KEYS as CLAIM_KEYS
from zobench.cli.main import cli
from zobench.registry import catalogue
from zobench.store.database import Store
from zobench.theorem import theorems

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    + [path for path in DOCS.rglob("*.md") if not {"generated", "_build"} & set(path.parts)]
)
#: Pages whose Python has a test of its own.
TRIED = {"README.md", "CONTRIBUTING.md", "own-theorem.md"}
#: What the first word of a problem of another package may be.
FOREIGN = {"coco", "ioh", "nevergrad"}


def text(page):
    return page.read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.M | re.S)


def short(page):
    return page.relative_to(ROOT).as_posix()


def commands(page):
    """Give the lines of a page that call zobench, as words; in the text those between backquotes."""
    lines = [line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines()]
    prose = re.sub(r"^```.*?^```", "", text(page), flags=re.M | re.S)
    lines += re.findall(r"`(zobench [^`\n]+)`", prose)
    lines += re.findall(r"^    (zobench .+)$", prose, re.M)
    for line in (part.strip() for whole in lines for part in whole.split("&&")):
        words = shlex.split(re.split(r" #| > | \||\. ", line)[0])
        schematic = any(sign in line for sign in ("...", "{", "["))
        if words and words[0].endswith("zobench") and not schematic:
            yield line, words[1:]


def faults(words):
    """Say what the command line would not understand in `words`."""
    command, context = cli, click.Context(cli, info_name="zobench")
    while isinstance(command, click.Group):
        if not words or words[0].startswith("-"):
            return ""
        name, *words = words
        inner = command.get_command(context, name)
        if inner is None:
            return f"there is no verb {name!r}"
        command, context = inner, click.Context(inner, parent=context, info_name=name)
    try:
        command.parse_args(context, list(words))
    except click.UsageError as fault:
        named = isinstance(fault, click.MissingParameter)  # a verb in prose may lack what it works on
        return "" if named else fault.format_message()
    return _names(command.name, context.params)


def _names(verb, given):
    """Say which problem, solver or theorem is asked for that there is not."""
    problems, solvers, proved = catalogue("problems"), catalogue("solvers"), theorems()
    asked = [(name, solvers) for name in given.get("solver") or given.get("solvers") or ()]
    asked += [
        (name, problems) for name in _many(given.get("problem") or given.get("problems") or given.get("on"))
    ]
    if verb == "verify":
        asked += [(name, proved) for name in given["theorems"]]
    if verb in ("show", "explain"):
        named = given.get("names") or [given.get("name") or ""]
        known = {**problems, **solvers, **proved, **catalogue("reports")}
        asked += [(name, known) for name in named if not (given.get("run") or given.get("verdict"))]
    for name, known in asked:
        stem = name.split(":")[0]
        if (
            stem.islower()
            and "." not in stem
            and stem not in known
            and stem not in {"coco", "ioh", "nevergrad"}
        ):
            return f"{stem!r} is registered nowhere"
    return ""


def _many(given):
    return [given] if isinstance(given, str) else list(given or ())


def defined(page):
    """Give the names that a page defines itself: it is about making them."""
    shown = text(page) + "".join(
        text(page.parent / name) for name in re.findall(r"\{literalinclude\} (\S+)", text(page))
    )
    return set(re.findall(r'name="([\w-]+)"', shown)) | {"yours"}


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_commands_are_understood(page):
    wrong = {}
    for line, words in commands(page):
        why = faults(words)
        if why and not any(f"{name!r} is registered nowhere" == why for name in defined(page)):
            wrong[line] = why
    assert wrong == {}


def test_commands_are_found():
    found = {short(page): len(list(commands(page))) for page in PAGES}
    assert found["docs/start.md"] >= 5
    assert found["docs/how-to/campaigns.md"] >= 6
    assert sum(found.values()) > 100


@pytest.mark.parametrize(
    "line",
    [
        "run -p quadratic --solvers s2p",
        "store export results/zobench.sqlite --out tables",
        "run -p quadratic -s s2p --seedz 3",
        "verify s2p-smooth-stationari",
        "show quadratik",
        "attack quadratic",
        "run -p quadratic -s s2q",
    ],
)
def test_a_wrong_command_is_told(line):
    assert faults(shlex.split(line))


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_targets_of_make_exist(page):
    known = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.M))
    shown = [line for block in blocks(page, "sh") for line in re.findall(r"^make ([a-z-]+)", block, re.M)]
    assert set(shown) | set(re.findall(r"`make ([a-z-]+)`", text(page))) <= known


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=short)
def test_campaigns_are_read(page, tmp_path):
    for block in blocks(page, "toml"):
        table = tomllib.loads(block)
        if not set(table) & set(KEYS):
            continue  # of another tool
        base = {"budget": 10, "problems": ["quadratic"], "solvers": ["s2p", "stp", "vs2p", "mezo"]}
        assert Campaign.from_table({**base, **table}, page.name).keys


def test_a_wrong_campaign_is_told():
    with pytest.raises(Exception, match="budgets"):
        Campaign.from_table({"budgets": 10, "problems": ["quadratic"], "solvers": ["s2p"]}, "x")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python") and page.name not in TRIED], ids=short
)
def test_python_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for block in blocks(page, "python"):
        with redirect_stdout(StringIO()):
            exec(compile(block, str(page), "exec"), names)


def test_the_theorem_of_the_page_is_that_of_contributing():
    [ours] = blocks(DOCS / "how-to" / "own-theorem.md", "python")
    assert [ours] == blocks(ROOT / "CONTRIBUTING.md", "python")


def anchors(page):
    heads = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text(page), flags=re.M | re.S), re.M)
    found = {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}
    return found | set(re.findall(r"^```\{theorem\} (\S+)", text(page), re.M))


#: Anchors that hold on all pages.
LABELS = {label for page in PAGES for label in re.findall(r"^\(([\w-]+)\)=$", text(page), re.M)}


def broken(page):
    """Give the relative links, figures and inclusions of a page that lead nowhere."""
    prose = re.sub(r"^```(?!\{).*?^```", "", text(page), flags=re.M | re.S)
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose))
    links += re.findall(r"^```\{(?:figure|include|literalinclude|image)\} (\S+)", text(page), re.M)
    found = []
    for link in links:
        path, anchor = urldefrag(link)
        if re.match(r"[a-z]+:", link) or path.startswith(("/generated", "generated", "../generated")):
            continue  # elsewhere, or checked once the site is built
        target = (DOCS / path[1:] if path.startswith("/") else page.parent / path) if path else page
        known = LABELS | (anchors(target) if target.is_file() and target.suffix == ".md" else {anchor})
        if not target.exists() or (anchor and anchor not in known):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_links_lead_somewhere(page):
    assert broken(page) == []


def test_a_broken_link_is_told(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](#here) [b](#there) [c](gone.md) [d](https://zobench.invalid)\n", encoding="utf-8"
    )
    assert broken(page) == ["#there", "gone.md"]


# --- file formats ---------------------------------------------------------------------------------

FORMATS = DOCS / "reference" / "formats.md"


def rows(head):
    """Give the table of the page of formats that begins with a head, as lists of cells."""
    table = text(FORMATS).split(f"\n| {head} |\n")[1].split("\n\n")[0]
    lines = [line.strip("|\n ") for line in table.splitlines()[1:]]
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


def quoted(cells):
    return {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}


def test_every_key_of_a_campaign_is_described():
    keys = quoted(row[0] for row in rows("key | value | default"))
    assert keys == set(KEYS)
    claims = quoted(row[0] for row in rows("key | value"))
    assert claims == set(CLAIM_KEYS)
    kinds = next(row[1] for row in rows("key | value") if row[0] == "`kind`")
    assert quoted([kinds]) == set(KINDS)


def test_every_key_of_tuning_is_described():
    from zobench.campaign import tuning

    second = text(FORMATS).split("### Tuning")[1].split("### Claims")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", second, re.M)) == set(tuning._KEYS)
    assert settings_of.__name__ in dir(tuning)


def test_the_tables_of_a_store_are_described(tmp_path):
    with Store(tmp_path / "s.sqlite"):
        pass
    connection = sqlite3.connect(tmp_path / "s.sqlite")
    try:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        real = {name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")} for name in tables}
    finally:
        connection.close()
    said = {
        row[0].strip("`"): {
            name.strip() for name in re.sub(r":[^,]*(?:, `\w+`)*|\([^)]*\)", "", row[1]).split(",")
        }
        for row in rows("table | columns")
    }
    said["meta"] = {"key", "value"}
    assert said == real


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("formats")
    words = "run -p quadratic:dim=3 -s s2p -s stp --budget 200 --seeds 5 --store".split()
    for name in ("a.sqlite", "b.sqlite"):
        assert CliRunner().invoke(cli, [*words, str(place / name)]).exit_code == 0
    return place


JSON = {
    "list problems": "",
    "list solvers": "",
    "list theorems": "",
    "list reports": "",
    "list campaigns": "",
    "run": "-p quadratic -s s2p --budget 50 --store c.sqlite",
    "run --dry-run": "-p quadratic -s s2p --budget 50",
    "status": "a.sqlite",
    "store info": "a.sqlite",
    "store merge": "m.sqlite a.sqlite b.sqlite",
    "store vacuum": "b.sqlite",
    "store export": "a.sqlite tables",
    "export": "a.sqlite --format coco --out coco",
    "verify": "vs2p-affine-invariance --quick --store v.sqlite",
    "compare": "a.sqlite a.sqlite",
    "explain": "s2p",
}


@pytest.mark.parametrize("verb", JSON)
def test_the_keys_of_json_are_described(verb, folder, monkeypatch):
    monkeypatch.chdir(folder)
    [row] = [row for row in rows("verb | value | keys") if row[0] == f"`{verb}`"]
    outcome = CliRunner().invoke(cli, [*verb.split(), *JSON[verb].split(), "--json"])
    assert outcome.exit_code == 0, outcome.output
    answer = json.loads(outcome.stdout)
    assert isinstance(answer, list) == (row[1] == "list")
    assert set(answer[0] if row[1] == "list" else answer) == set(row[2].split(", "))


# --- theory ---------------------------------------------------------------------------------------


def sections():
    """Give of each theorem on the pages of theory its tag and what is said until the next one."""
    found = {}
    for page in sorted((DOCS / "theory").glob("*.md")):
        parts = re.split(r"^```\{theorem\} (\S+)\n(?::tag: (\S+)\n)?```\n", text(page), flags=re.M)
        for name, tag, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            assert name not in found, f"{name} stands twice"
            found[name] = tag, re.split(r"^## ", after, flags=re.M)[0]
    return found


def test_every_theorem_has_statement_proof_and_tag():
    told = sections()
    assert set(told) == set(theorems())
    for name, (tag, said) in told.items():
        assert tag in ("D", "S", "S2"), name
        assert "$" in said, f"{name} has no formula"
        # two thresholds of this one are measured, and the page says so
        word = "not proved" if name == "rzo-conditioning-robustness" else "*Proof"
        assert word in said, f"{name} has no proof"
