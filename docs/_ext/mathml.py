"""Formulas as MathML, written at build time: browsers of today draw it without a script or a font of ours."""

from functools import cache
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

__all__ = ["mathml", "setup"]


@cache
def mathml(latex: str, display: str = "inline") -> str:
    r"""Write a formula as a ``<math>`` element.

    Parameters
    ----------
    latex : str
        Without dollar signs.
    display : {"inline", "block"}

    Returns
    -------
    str

    Examples
    --------
    >>> mathml(r"x_k")
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">...</math>'
    """
    return convert(latex, display=display)


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer under the name ``mathml``."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
