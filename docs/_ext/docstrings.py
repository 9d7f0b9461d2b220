"""Docstrings as they are written here, made into reStructuredText.

They are read on a terminal as well: a formula is an indented block without ``::`` before it, and |g| is a
norm and no substitution.
"""

import re
from typing import Any

from sphinx.application import Sphinx

__all__ = ["restructured", "setup", "short"]

HEADING = re.compile(r"^-{3,}\s*$")
TABLE = re.compile(r"^={2,}( +={2,})+\s*$")
LITERAL = re.compile(r"(``.*?``|`[^`]*`)")
ARRAY = re.compile(r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[~?[\w.]+\]\]")
OBJECT = re.compile(r"<(?:class '(?:[\w.]*\.)?|function )([A-Za-z_]\w*)(?:'| at 0x\w+)>")
LIST = re.compile(r"^\s*(?:[-*+]|\d+\.|\(?[a-z\d]\))\s")


def restructured(lines: list[str]) -> list[str]:
    r"""Make a docstring's lines reStructuredText.

    Parameters
    ----------
    lines : list of str
        Without common indentation.

    Returns
    -------
    list of str

    Examples
    --------
    >>> restructured(["The norm |g| of", "", "    g = A x"])
    ['The norm \\|g\\| of', '', '::', '', '    g = A x']
    """
    end = next((place - 1 for place, line in enumerate(lines) if HEADING.match(line)), len(lines))
    out: list[str] = []
    quoted = listed = False
    for place, line in enumerate(lines):
        indented = line.startswith("  ") and place < end
        if indented and not quoted and not listed and out and not out[-1].strip():
            if out[-2:-1] and not out[-2].rstrip().endswith("::"):
                out += ["::", ""]
            quoted = True
        elif line.strip() and not line.startswith(" "):
            quoted = False
            listed = bool(LIST.match(line)) or (listed and bool(out and out[-1].strip()))
        plain = quoted or TABLE.match(line) or line.lstrip().startswith((">>>", "..."))
        out.append(line if plain else _escaped(line))
    return out


def _escaped(line: str) -> str:
    """Take from bars, stars and underscores outside of backquotes what they mean in reStructuredText."""
    parts = LITERAL.split(line)
    for place in range(0, len(parts), 2):
        text = parts[place].replace("\\", "\\\\").replace("|", "\\|")
        text = re.sub(r"(?<=\w)_(?=[\s,.;:)\]|]|$)", r"\\_", text)
        parts[place] = re.sub(r"(?<!\*)\*(?!\*)", r"\\*", text)
    return re.sub(r"^(\s*)\\\* ", r"\1* ", "".join(parts))  # the star of a list stays


def _process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = restructured(lines)


def short(text: str | None) -> str | None:
    """Write a signature without what is no Python in it, and arrays by one name.

    Examples
    --------
    >>> short("(x: numpy.ndarray[tuple[typing.Any, ...], numpy.dtype[numpy.float64]])")
    '(x: numpy.ndarray)'
    >>> short("(y: type = <class 'a.B'>)")
    '(y: type = B)'
    >>> short("(f=<function same at 0x7f00>, g=<factory>)")
    '(f=same, g=...)'
    """
    if text is None:
        return None
    plain = ARRAY.sub("numpy.ndarray", text).replace("<factory>", "...")
    return OBJECT.sub(r"\1", plain)


def _signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, answer: str | None
) -> tuple[str | None, str | None]:
    return short(signature), short(answer)


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what ``NamedTuple`` says of its fields: the class says it."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Run before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", _process, priority=100)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}
