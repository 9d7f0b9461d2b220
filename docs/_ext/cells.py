"""The cells of the tutorials: shown with their code, run by the tests and not when the site is built."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["CodeCell", "setup"]


class CodeCell(SphinxDirective):
    """``{code-cell} python`` of MyST's notebooks; lines ``:key: value`` on top are for notebooks alone."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = None

    def run(self) -> list[nodes.Node]:
        """Give one block of highlighted code."""
        lines = list(self.content)
        while lines and (lines[0].startswith(":") or not lines[0].strip()):
            lines.pop(0)
        code = "\n".join(lines)
        block = nodes.literal_block(code, code, language="python", classes=["cell"])
        self.set_source_info(block)
        return [block]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("code-cell", CodeCell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
