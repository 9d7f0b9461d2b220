"""Figures inside a page: the same picture as in its file, in a third of the bytes."""

import re

__all__ = ["compact", "data_address"]

_LINES = re.compile(r"(?:[ML]-?[\d.]+ -?[\d.]+)+z?")
_POINT = re.compile(r"([ML])(-?[\d.]+) (-?[\d.]+)")


def compact(svg: bytes) -> str:
    """Write matplotlib's SVG shorter, for a picture that is looked at and not edited.

    Comments, metadata and names of groups go; long paths keep a tenth of a point, which is a sixth of a pixel
    on the page, and tell each point from the last.

    Parameters
    ----------
    svg : bytes
        As `zobench.drawing.image` answers it.

    Returns
    -------
    str
        The same picture, from ``<svg`` on.

    Examples
    --------
    >>> compact(b'<svg><g id="axes_1"><path d="M10.25 3.5L11.25 3L12.75 3.5"/></g></svg>')
    '<svg><g><path d="M10.25,3.5L11.25,3L12.75,3.5"/></g></svg>'
    """
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text).replace("> <", "><")
    text = re.sub(r"""<g id=("[^"]*"|'[^']*')""", "<g", text)
    return re.sub(r' d="([^"]*)"', _shorter, text)


def _shorter(found: re.Match[str]) -> str:
    path = found[1].strip()
    if len(path) > 60 and _LINES.fullmatch(path):
        return f' d="{_relative(path)}{"z" if path.endswith("z") else ""}"'
    path = re.sub(r" ?([A-Za-z]) ?", r"\1", path)
    return f' d="{path.replace(" ", ",")}"'


def _relative(path: str) -> str:
    """Tell each point of a path of straight lines from the last, in whole tenths so that nothing adds up."""
    parts: list[str] = []
    last = (0, 0)
    for letter, x, y in _POINT.findall(path):
        here = round(10.0 * float(x)), round(10.0 * float(y))
        if letter == "M":
            parts.append(f"M{_tenths(here[0])},{_tenths(here[1])}")
        elif here != last:
            right, down = _tenths(here[0] - last[0]), _tenths(here[1] - last[1])
            parts.append(f"l{right}{'' if down.startswith('-') else ','}{down}")
        last = here
    return "".join(parts)


def _tenths(number: int) -> str:
    whole, tenth = divmod(abs(number), 10)
    digits = f"{whole or ''}.{tenth}" if tenth else f"{whole}"
    return f"-{digits}" if number < 0 else digits


def data_address(svg: str) -> str:
    """Give a picture as an address that a page can hold, in ``src`` or among others in ``srcset``.

    Parameters
    ----------
    svg : str

    Returns
    -------
    str
        Without spaces and double quotation marks.

    Examples
    --------
    >>> data_address('<svg width="9"/>')
    "data:image/svg+xml,%3Csvg%20width='9'/%3E"
    """
    # an apostrophe is shorter than an escaped quotation mark, and must be no part of what it delimits
    text = svg.replace("%", "%25").replace('"', "%22" if "'" in svg else "'")
    for mark, code in (("#", "%23"), ("<", "%3C"), (">", "%3E"), (" ", "%20"), ("&", "%26")):
        text = text.replace(mark, code)
    return f"data:image/svg+xml,{text}"
