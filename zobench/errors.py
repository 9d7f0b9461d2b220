"""The one exception of a refused request, the one warning, and the nearest valid name."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["ConversionWarning", "ZobenchError", "nearest", "unknown"]


#: So many names are told in a message; of more, where they are listed.
MOST = 12
LISTED = {"problem": "problems", "solver": "solvers", "theorem": "theorems", "report": "reports"}


class ZobenchError(ValueError):
    """A request that cannot be honoured: who, what was expected, what was given, what to do.

    Examples
    --------
    >>> import zobench
    >>> try:
    ...     zobench.problem("quadratc")
    ... except ZobenchError as fault:
    ...     print("did you mean 'quadratic'?" in str(fault))
    True
    """


class ConversionWarning(UserWarning):
    """A start of another precision that was converted to float64, in which every run is.

    Examples
    --------
    >>> issubclass(ConversionWarning, UserWarning)
    True
    """


def nearest(given: str, known: Iterable[str]) -> str | None:
    """Return the known name most like the given one, or None if nothing is like it.

    Parameters
    ----------
    given : str
    known : iterable of str

    Returns
    -------
    str or None

    Examples
    --------
    >>> nearest("STP", ["s2p", "stp"])
    'stp'
    """
    names = {name.lower(): name for name in sorted(known)}
    # A misspelling keeps most letters; below this cutoff a suggestion is noise.
    near = get_close_matches(given.lower(), names, n=1, cutoff=0.4)
    return names[near[0]] if near else None


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
    near = nearest(given, names)
    shown = ", ".join(names) if names else "(none is registered)"
    if len(names) > MOST and who in LISTED:
        shown = f"the {len(names)} that `zobench list {LISTED[who]}` prints"
    elif len(names) > 5 * MOST:
        shown = f"the {len(names)} names that `zobench list` prints, kind by kind"
    hint = f"; did you mean {near!r}?" if near else ""
    return ZobenchError(f"{who} must be one of {shown}, got {given!r}{hint}")
