"""The one exception of a refused request, and the nearest valid name."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["ZobenchError", "unknown"]


class ZobenchError(ValueError):
    """A request that cannot be honoured: who, what was expected, what was given, what to do."""


def unknown(who: str, given: str, known: Iterable[str]) -> ZobenchError:
    """Complain about an unknown name and offer the nearest valid one.

    Parameters
    ----------
    who : str
        What the name should have named, such as ``"solver"``.
    given : str
        The name as it was given.
    known : iterable of str
        The valid names.

    Returns
    -------
    ZobenchError
        To be raised by the caller.

    Examples
    --------
    >>> print(unknown("solver", "s2q", ["s2p", "stp"]))
    solver must be one of s2p, stp, got 's2q'; did you mean 's2p'?
    """
    names = sorted(known)
    # A misspelling keeps most letters; below this cutoff a suggestion is noise.
    near = get_close_matches(given, names, n=1, cutoff=0.4)
    shown = ", ".join(names) if names else "(none is registered)"
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ZobenchError(f"{who} must be one of {shown}, got {given!r}{hint}")
