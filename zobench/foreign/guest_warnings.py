"""Warnings of a package that runs inside a run: told with the run, and not mixed with the user's own."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["noted"]

#: Modules whose warnings become notes, unless the objective caused them.
GUESTS = r"(bayes_opt|cma|nevergrad|numpy|pandas|pybobyqa|scipy|sklearn|zobench)(\.|$)"


#: Different texts kept: some hold a number that changes.
MOST = 16


@contextmanager
def noted(outside: Callable[[], bool], notes: dict[str, int]) -> Iterator[None]:
    """Write warnings of packages into `notes` and let others through.

    Parameters
    ----------
    outside : callable
        Whether the objective or a callback is running: what warns then is the user's affair, and meets the
        filters that stood before.
    notes : dict of str to int
        Gets each text and how often it came.

    Yields
    ------
    None
        While warnings are noted.

    Examples
    --------
    >>> import warnings
    >>> notes = {}
    >>> with noted(lambda: False, notes):
    ...     for _ in range(2):
    ...         warnings.warn_explicit("no progress", RuntimeWarning, "cg.py", 1, module="scipy.optimize")
    >>> notes
    {'RuntimeWarning: no progress': 2}
    """
    filters = list(warnings.filters)
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def note(message: Any, category: Any, filename: str, lineno: int, *rest: Any) -> None:
            if outside():
                with warnings.catch_warnings():
                    warnings.filters[:] = filters  # type: ignore[index]
                    warnings.showwarning = shown
                    warnings.warn_explicit(message, category, filename, lineno)
            else:
                text = " ".join(f"{category.__name__}: {message}".split())[:200]
                if text in notes or len(notes) < MOST:
                    notes[text] = notes.get(text, 0) + 1

        warnings.filterwarnings("always", module=GUESTS)
        warnings.showwarning = note  # type: ignore[assignment]
        yield
