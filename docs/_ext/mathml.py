"""Formulas as MathML, written at build time and drawn by the browser without a script.

A browser stretches brackets only with a font for mathematics, which many machines lack: STIX Two Math
comes with the package ziamath and is copied beside the pages.
"""

import re
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

__all__ = ["font", "mathml", "setup"]

FONT = "STIXTwoMath-Regular.ttf"
SIZED = re.compile(r"\\[Bb]ig(?:g?)([lr])(?![a-z])")
SIDES = {"l": r"\left", "r": r"\right"}


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
    # brackets of a fixed size would not carry an exponent
    return convert(SIZED.sub(lambda found: SIDES[found[1]], latex), display=display)


def font() -> Path:
    """Say where the font is.

    Raises
    ------
    FileNotFoundError
        If ziamath is not installed, or comes without the font.
    """
    spec = find_spec("ziamath")
    file = Path(spec.origin).parent / "fonts" / FONT if spec and spec.origin else Path(FONT)
    if not file.is_file():
        raise FileNotFoundError(
            f"the site's formulas need {FONT}, which comes with ziamath: `pip install ziamath`"
        )
    return file


def _copy_font(app: Sphinx, fault: Exception | None) -> None:
    if fault is None and app.builder.format == "html":
        shutil.copyfile(font(), Path(app.outdir) / "_static" / FONT)


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer under the name ``mathml``."""
    app.connect("build-finished", _copy_font)
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
