"""The page: served in parts while the run goes on, or as one file that holds everything."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from zobench.names import problem_name
from zobench.watch.scene import Show

__all__ = ["alone", "part", "served", "title_of"]

#: Of the served page: nothing but its own files.
_SERVED = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
#: Of the single file, which has no other.
_ALONE = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


@cache
def part(name: str) -> str:
    """Give a file of the page.

    Parameters
    ----------
    name : str
        ``watch.html.j2``, ``watch.css`` or ``watch.js``.

    Returns
    -------
    str
        Its text.

    Examples
    --------
    >>> part("watch.html.j2").splitlines()[0]
    '<!DOCTYPE html>'
    """
    return (files("zobench.watch") / name).read_text(encoding="utf-8")


def title_of(show: Show) -> str:
    """Name the show: solvers, problem, budget, seed.

    Parameters
    ----------
    show : Show

    Returns
    -------
    str

    Examples
    --------
    >>> import zobench
    >>> from zobench.solver import solver
    >>> made = zobench.problem("quadratic", dim=2)
    >>> title_of(Show(made, [(solver("s2p"), {}), (solver("stp"), {})], budget=10, seed=0))
    's2p and stp on quadratic (dim 2), budget 10, seed 0'
    """
    made, names = show.instance, " and ".join(side.walk.solver.name for side in show.sides)
    noise = "" if made.noise is None else made.noise.text
    name = problem_name(made.problem.name, made.dim, made.seed, made.parameters._asdict(), noise)
    return f"{names} on {name}, budget {show.budget}, seed {show.seed}"


def _page(**parts: Any) -> str:
    from jinja2 import Environment
    from markupsafe import Markup

    marked = {
        name: Markup(text) if name in ("style", "script", "data") else text for name, text in parts.items()
    }
    template = Environment(autoescape=True).from_string(part("watch.html.j2"))
    return template.render(**marked)


def served(show: Show) -> str:
    """Write the page that asks the server for its parts.

    Parameters
    ----------
    show : Show

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> import zobench
    >>> from zobench.solver import solver
    >>> show = Show(zobench.problem("quadratic", dim=2), [(solver("s2p"), {})], budget=10, seed=0)
    >>> page = served(show)
    >>> title_of(show) in page, '<script src="watch.js"></script>' in page
    (True, True)
    """
    return _page(
        title=title_of(show),
        policy=_SERVED,
        style='<link rel="stylesheet" href="watch.css">',
        data="",
        script='<script src="watch.js"></script>',
    )


def alone(show: Show) -> str:
    """Write the page with every step of the runs in it: it needs neither server nor network.

    Parameters
    ----------
    show : Show

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> import zobench
    >>> from zobench.solver import solver
    >>> show = Show(zobench.problem("quadratic", dim=2), [(solver("s2p"), {})], budget=10, seed=0)
    >>> page = alone(show)
    >>> title_of(show) in page, part("watch.js") in page, "src=" in page
    (True, True, False)
    """
    data = json.dumps(
        {"scene": show.scene(), "steps": show.everything()}, allow_nan=False, separators=(",", ":")
    )
    # no text in the data can end the element that holds it
    safe = data.replace("<", "\\u003c")
    return _page(
        title=title_of(show),
        policy=_ALONE,
        style=f"<style>{part('watch.css')}</style>",
        data=f'<script type="application/json" id="data">{safe}</script>',
        script=f"<script>{part('watch.js')}</script>",
    )
