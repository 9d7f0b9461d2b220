"""What stands over a theorem on the site: its verdict from the last verify, its provenance, its source."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["TAGS", "TheoremBox", "badge", "setup", "verdicts"]

ROOT = Path(__file__).resolve().parents[2]
#: Where `zobench verify --all --json > results/verdicts.json` leaves what the site shows.
VERDICTS = ROOT / "results" / "verdicts.json"
#: Provenance of a statement that may become executable.
TAGS = {"D": "derived here", "S": "read in its source", "S2": "read in a secondary source"}
#: From the worst to the best; a theorem's badge names the worst of its cells.
ORDER = ("refuted", "inconclusive", "not refuted", "supported")


@cache
def verdicts(file: Path = VERDICTS) -> Mapping[str, list[dict[str, Any]]]:
    """Give the verdicts of the last verify, by theorem; none where it was not written down.

    Parameters
    ----------
    file : Path
        What ``zobench verify --json`` printed.

    Returns
    -------
    mapping of str to list of dict

    Raises
    ------
    ValueError
        If the file is something else.
    """
    if not file.is_file():
        return {}
    rows = json.loads(file.read_text(encoding="utf-8"))
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows if isinstance(rows, list) else [None]:
        if not isinstance(row, dict) or row.get("verdict") not in ORDER or "theorem" not in row:
            raise ValueError(f"{file} must be what `zobench verify --json` prints, got {str(row)[:80]}")
        found.setdefault(row["theorem"], []).append(row)
    return found


def badge(rows: Iterable[Mapping[str, Any]]) -> str:
    """Write the verdicts of one theorem as HTML.

    Examples
    --------
    >>> badge([])
    '<span class="badge not-run">not run</span>'
    >>> badge([{"verdict": "supported"}, {"verdict": "not refuted"}])
    '<span class="badge not-refuted">not refuted</span> <span class="cells">1 not refuted, 1 supported</span>'
    """
    counts = Counter(row["verdict"] for row in rows)
    if not counts:
        return '<span class="badge not-run">not run</span>'
    worst = next(verdict for verdict in ORDER if counts[verdict])
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ORDER if counts[verdict])
    mark = f'<span class="badge {worst.replace(" ", "-")}">{worst}</span>'
    return f'{mark} <span class="cells">{words}</span>' if sum(counts.values()) > 1 else mark


class TheoremBox(SphinxDirective):
    """``{theorem} id`` with the option ``:tag: D``: its facts, and a target of its name."""

    required_arguments = 1
    option_spec = {"tag": str}  # noqa: RUF012  (docutils' own convention)

    def run(self) -> list[nodes.Node]:
        """Give one box; complain of a theorem that is not registered and of a tag that is none."""
        from zobench.errors import ZobenchError
        from zobench.theorem import find_theorem

        name, tag = self.arguments[0], self.options.get("tag", "")
        if tag not in TAGS:
            raise self.error(f"theorem {name!r}: tag must be one of {', '.join(TAGS)}, got {tag!r}")
        try:
            theorem, solver = find_theorem(name)
        except ZobenchError as error:
            raise self.error(str(error)) from None
        target = nodes.target("", "", ids=[name], names=[name])
        self.state.document.note_explicit_target(target)
        lines = [
            f"[{tag}] {TAGS[tag]}. Source: {_cited(theorem.source)}.",
            f"Solver: [{solver.name}](/generated/solvers/{solver.name}.md). Claim: {theorem.claims}. "
            f"Measured: {_cited(theorem.quantity)}; queries a step: {theorem.queries_per_step}.",
            f"Assumes {', '.join(f'`{name}`' for name in theorem.assumes) or 'nothing'}. "
            f"Try it: `zobench verify {name}`.",
        ]
        if theorem.pitfall:
            lines.append(f"Beware: {_cited(theorem.pitfall)}")
        box = nodes.container(classes=["theorem-box"])
        box += nodes.raw("", f'<p class="verdict">{badge(verdicts().get(name, []))}</p>', format="html")
        box += self.parse_text_to_nodes("\n\n".join(lines))
        return [target, box]


def _cited(text: str) -> str:
    r"""Keep Markdown from reading a plain text's stars, underscores and dollars.

    Examples
    --------
    >>> _cited("x_0 * 2")
    'x\\_0 \\* 2'
    """
    return "".join(f"\\{letter}" if letter in r"\*_$`|<>[]" else letter for letter in text).rstrip(".")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("theorem", TheoremBox)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
