"""How the line of each solver looks: the same in every figure of every report, whoever else is drawn.

Colours are chosen so that any two of them stay apart for full, deuteranope and protanope sight; dash and
marker tell solvers of one colour apart, so that no line has to be told by its colour alone.
"""

import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["DASHES", "MARKERS", "PALETTE", "Style", "looks", "varied"]

#: CIELAB distances between any two: 29 and more, 19 in Machado's model of protanopia, 21 of deuteranopia.
PALETTE = ("#542788", "#de8f05", "#00b0a0", "#994455", "#56b4e9", "#7f3b08", "#aa4499", "#ca9161")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

#: Solvers that are often compared, each eight with eight colours; all others go by a hash of their names.
KNOWN = (
    *("s2p", "stp", "random-gradient-free", "one-plus-one-es", "mezo", "random-search", "vs2p", "spsa"),
    *("riemannian-zo", "lowrank-heavy-ball", "factor-heavy-ball", "gld-search", "zo-sign-sgd"),
    *("riemannian-zo-momentum", "lowrank-adam", "factor-adam"),
    *("nelder-mead", "cma-es", "powell", "cobyqa", "py-bobyqa", "lbfgsb", "cobyla", "nevergrad"),
    *("accelerated-random-gradient-free", "rsgf", "zo-svrg", "zo-adamm", "nes", "gld-fast"),
    *("coordinate-differences", "orthogonal-directions", "pure-random-search"),
)


class Style(NamedTuple):
    """How one solver's line looks in every figure of a page.

    Attributes
    ----------
    color : str
        One of `PALETTE`.
    dash : str or tuple
        One of `DASHES`: a line style of matplotlib.
    marker : str
        One of `MARKERS`.

    Examples
    --------
    >>> looks(["s2p"])["s2p"]
    Style(color='#542788', dash='-', marker='o')
    """

    color: str
    dash: Any
    marker: str


def _placed(place: int) -> tuple[int, int]:
    """Give the colour of a place, and which of the forty pairs of dash and marker it has."""
    return place % len(PALETTE), place % len(PALETTE) + place // len(PALETTE)


def looks(names: Iterable[str]) -> dict[str, Style]:
    """Give each solver its look.

    The colour is a function of the name alone.  So are dash and marker of the solvers that come with zobench;
    of others those step aside where two that are drawn would look the same.

    Parameters
    ----------
    names : iterable of str
        The solvers that are drawn, in any order.

    Returns
    -------
    dict of str to Style

    Examples
    --------
    >>> looks(["stp", "mine"])["stp"] == looks(["s2p", "stp"])["stp"]
    True
    """
    wanted = set(names)
    found, taken = {}, set()
    known = [name for name in KNOWN if name in wanted]
    for name in [*known, *sorted(wanted - set(KNOWN))]:
        place = KNOWN.index(name) if name in KNOWN else zlib.crc32(name.encode()) % 320
        color, pair = _placed(place)
        for step in range(40):
            style = Style(PALETTE[color], *_pair(pair + step))
            if style not in taken:
                break
        taken.add(style)
        found[name] = style
    return found


def _pair(number: int) -> tuple[Any, str]:
    """Give a pair of dash and marker; five and eight have no common divisor, so forty in a row differ."""
    return DASHES[number % len(DASHES)], MARKERS[number % len(MARKERS)]


def varied(style: Style, variant: int) -> Style:
    """Give the look of a solver's further line: its colour, another dash and marker.

    Parameters
    ----------
    style : Style
        Of its first line.
    variant : int
        Which further line, from 1.

    Returns
    -------
    Style

    Examples
    --------
    >>> first = looks(["s2p"])["s2p"]
    >>> further = varied(first, 1)
    >>> further.color == first.color, further.dash == first.dash, further.marker
    (True, False, 's')
    """
    return Style(
        style.color,
        DASHES[(DASHES.index(style.dash) + variant) % len(DASHES)],
        MARKERS[(MARKERS.index(style.marker) + variant) % len(MARKERS)],
    )
