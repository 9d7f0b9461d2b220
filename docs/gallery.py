"""Make docs/gallery/: run the campaigns that come with zobench, draw their reports, write the pages.

    python docs/gallery.py [CAMPAIGN ...]

Stores are kept in results/gallery/, so a second call draws only.  The same versions on the same machine give
the same bytes.
"""

import io
import subprocess
import sys
from pathlib import Path

from PIL import Image

from zobench.page.summary import facts, races
from zobench.registry import catalogue
from zobench.report import Drawing, Evidence, Report

GALLERY = Path(__file__).resolve().parent / "gallery"
STORES = GALLERY.parent.parent / "results" / "gallery"
#: Campaigns with the processor time that each takes on one core, and what else fills its store.
CAMPAIGNS = {
    "quick": ("two minutes, nearly all for the theorems", "verify --quick"),
    "more-wild": ("ten seconds", ""),
    "noise": ("a second", ""),
    "tuned": ("a second", ""),
    "softmax-claims": ("two minutes", ""),
    "lowrank-claims": ("five minutes", ""),
    "s2p-claims": ("twenty minutes", ""),
}
#: Pixels an inch, and colours of a figure: enough to read, small enough for a repository.
DPI, COLOURS = 100, 64
#: Problems in a page's table.
ROWS = 12


def commands(name: str) -> list[str]:
    """Give what fills the store of a campaign and writes its report."""
    also = CAMPAIGNS[name][1]
    return [
        f"zobench run {name} --store {name}.sqlite",
        *([f"zobench {also} --store {name}.sqlite"] if also else []),
        f"zobench report {name}.sqlite --out {name}",
    ]


def filled(name: str) -> Path:
    """Run what is missing in the store of a campaign."""
    STORES.mkdir(parents=True, exist_ok=True)
    store = STORES / f"{name}.sqlite"
    for command in commands(name)[:-1]:
        words = command.split()[1:-1]
        if words[0] == "verify" and store.exists() and len(Evidence.from_store(store).verdicts):
            continue
        subprocess.run(
            [sys.executable, "-m", "zobench", *words, str(store)], check=True, stdout=subprocess.DEVNULL
        )
    return store


def picture(drawing: Drawing) -> bytes:
    """Render a figure as a small PNG of few colours."""
    from zobench.drawing import theme

    first, second = io.BytesIO(), io.BytesIO()
    with theme():
        drawing.figure.savefig(first, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    image = Image.open(first).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(second, format="png", optimize=True)
    return second.getvalue()


def figures(name: str, evidence: Evidence) -> list[str]:
    """Draw every report of a store that has something to draw; answer lines of Markdown."""
    folder = GALLERY / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    lines: list[str] = []
    report: Report
    for report in sorted(catalogue("reports").values(), key=lambda one: (one.part != "theorems", one.name)):
        drawings = report.drawings(evidence)
        if drawings:
            lines += [f"## {report.title}", ""]
        for place, drawing in enumerate(drawings, start=1):
            stem = f"{report.name}-{place}"
            (folder / f"{stem}.png").write_bytes(picture(drawing))
            text, _, command = drawing.caption.rpartition(" Redraw: ")
            lines += [f"![{report.title}, figure {place}]({name}/{stem}.png)", "", plain(text), ""]
            lines += [f"    {command.rstrip('.')}", ""]
    return lines


def plain(text: str) -> str:
    """Keep Markdown from reading marks in names and numbers."""
    for mark in "\\*_<>[]|`":
        text = text.replace(mark, f"\\{mark}")
    return text


def page(name: str) -> list[str]:
    """Write the page of one campaign; answer its lines of the index."""
    evidence = Evidence.from_store(filled(name))
    [(title, *_), *_] = evidence.campaigns[["title"]].itertuples(index=False, name=None)
    told = [f"* **{fact.term}**: {plain(fact.text)}" for fact in facts(evidence)]
    lines = [
        *("---", "orphan: true", "---", "", f"# {title}"),  # on the site the index leads here
        "",
        "[Gallery](index.md)",
        "",
        *(f"    {one}" for one in commands(name)),
        "",
        *told,
        "",
    ]
    lines += table(evidence)
    lines += figures(name, evidence)
    (GALLERY / f"{name}.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    drawn = len(list((GALLERY / name).glob("*.png")))
    return [
        f"## [{title}]({name}.md)",
        "",
        f"{drawn} figures; about {CAMPAIGNS[name][0]} on one core.",
        "",
        *(f"    {one}" for one in commands(name)),
        "",
        *told,
        "",
    ]


def table(evidence: Evidence) -> list[str]:
    """Tabulate who came first on each problem, as the report does."""
    rows = [row for row in races(evidence) if row["queries"]]
    if not rows:
        return []
    heads = ["problem", "target", "first", "queries", "the others"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    cells = [[row["problem"], row["target"], row["first"], row["queries"], row["others"]] for row in rows]
    lines += [f"| {' | '.join(map(plain, cell))} |" for cell in cells[:ROWS]]
    more = [f"{len(rows) - ROWS} problems more are in the report.", ""] if len(rows) > ROWS else []
    return [
        "Target: part of the start's gap. Queries: the median run's over seeds, not tested for significance.",
        "",
        *lines,
        "",
        *more,
    ]


def main(names: list[str]) -> None:
    """Write the pages of some campaigns, or of all and the index."""
    index = [
        "# Gallery",
        "",
        "Reports of the campaigns that come with zobench: figures as `zobench report` draws them, with fewer "
        "colours and pixels. `make gallery` runs the campaigns, as they are and with nothing left out, and "
        "writes these pages again.",
        "",
    ]
    for name in names or CAMPAIGNS:
        print(f"gallery: {name}", flush=True)
        index += page(name)
    if not names:
        (GALLERY / "index.md").write_text("\n".join(index).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
