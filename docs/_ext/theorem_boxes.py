"""What stands over a theorem on the site: its verdict from the last verify, its provenance, its source."""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from verdicts import Standing, badge

__all__ = ["TAGS", "TheoremBox", "cited", "setup"]

ARXIV = re.compile(r"arXiv:? ?(\d{4}\.\d{4,5})")
#: Provenance of a statement that may become executable.
TAGS = {"D": "derived here", "S": "read in its source", "S2": "read in a secondary source"}


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
            f"[{tag}] {TAGS[tag]}. Source: {cited(theorem.source)}.",
            f"Solver: [{solver.name}](/generated/solvers/{solver.name}.md). Claim: {theorem.claims}. "
            f"Measured: {cited(theorem.quantity)}; queries a step: {theorem.queries_per_step}.",
            f"Assumes {', '.join(f'`{name}`' for name in theorem.assumes) or 'nothing'}. "
            f"Try it: `zobench verify {name}`.",
        ]
        if theorem.pitfall:
            lines.append(f"Beware: {cited(theorem.pitfall)}")
        box = nodes.container(classes=["theorem-box"])
        head = f'<code class="name">{name}</code> {badge(self._standing(name))}'
        box += nodes.raw("", f'<p class="verdict">{head}</p>', format="html")
        box += self.parse_text_to_nodes("\n\n".join(lines))
        return [target, box]

    def _standing(self, name: str) -> Standing | None:
        file = Path(self.env.srcdir) / "generated" / "verdicts.json"
        self.env.note_dependency(str(file))
        found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return Standing(*found[name]) if name in found else None


def cited(text: str) -> str:
    r"""Keep Markdown from reading a plain text's stars, underscores and dollars; link numbers of arXiv.

    Examples
    --------
    >>> cited("x_0 * 2, arXiv 2402.01621")
    'x\\_0 \\* 2, [arXiv 2402.01621](https://arxiv.org/abs/2402.01621)'
    """
    text = "".join(f"\\{letter}" if letter in r"\*_$`|<>[]" else letter for letter in text).rstrip(".")
    return ARXIV.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("theorem", TheoremBox)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
