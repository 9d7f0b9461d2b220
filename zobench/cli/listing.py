"""Facts for ``zobench list problems``, read off each problem's default instance and kept on disk.

Making an instance may take a while (data sets, optima found by descent), so what was read is kept beside the
compiled code, named by the content of the core and of the problem's own file.
"""

import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from zobench.instance import Instance, Problem
from zobench.objectives.solution import content, kept
from zobench.parameters import Choice, constraints

__all__ = ["data_sets", "default_facts", "short_source"]


@cache
def _core() -> str:
    return content(*sorted(Path(__file__).parents[1].rglob("*.py")))


def default_facts(problem: Problem) -> dict[str, Any]:
    """Give dimension, class and certified constants of a problem's default instance.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    dict
        `dim` (None if the parameters have no defaults), `class`, a list of words, and `constants`, by name
        the value and whether it is exact.

    Examples
    --------
    >>> from zobench.registry import find
    >>> facts = default_facts(find("problems", "quadratic"))
    >>> facts["dim"], facts["class"], facts["constants"]["f_star"]
    (10, ['strongly convex', 'smooth'], {'value': 0.0, 'exact': True})
    """
    file = Path(inspect.getfile(problem.make))
    name = content(_core(), file, problem.name)

    def make() -> dict[str, Any]:
        return {"facts": np.array(json.dumps(_read(problem)))}

    facts: dict[str, Any] = json.loads(str(kept("facts", name, make)["facts"]))
    return facts


def _read(problem: Problem) -> dict[str, Any]:
    try:
        made = problem.instance()
    except Exception:  # whatever a problem's own file raises costs its own row only
        return {"dim": None, "class": [], "constants": {}}
    known = made.certificates
    return {
        "dim": made.dim,
        "class": _class(made),
        "constants": {name: {"value": known[name].value, "exact": known[name].exact} for name in known},
    }


def _class(made: Instance) -> list[str]:
    """Give the words that the certificates prove; `nonconvex` where the summary says so or a chord shows it.

    Looking for a chord means compiling the objective, which for a network takes seconds.
    """
    known = made.certificates
    words = []
    if "mu" in known and known["mu"].value > 0.0:
        words.append("strongly convex")
    elif "convex" in known:
        words.append("convex")
    elif re.search(r"\bnonconvex\b", made.problem.summary) or _is_above_a_chord(made):
        words.append("nonconvex")
    if "PL" in known and "strongly convex" not in words:
        words.append("PL")
    if "L" in known:
        words.append("smooth")
    elif "L0" in known:
        words.append("(L0, L1)-smooth")
    elif "G" in known:
        words.append("non-smooth")
    if made.problem.sample is not None:
        words.append("stochastic")
    return words


def _is_above_a_chord(made: Instance, pairs: int = 200) -> bool:
    """Find points x and y with f((x + y) / 2) above (f(x) + f(y)) / 2 by more than rounding."""
    rng = np.random.Generator(np.random.Philox(5))
    centres = [made.x0, np.zeros(made.dim), made.x0 if made.x_star is None else made.x_star]
    size = max(1.0, float(np.linalg.norm(made.x0)) / np.sqrt(made.dim))
    for turn in range(pairs):
        centre = centres[turn % 3] + 0.3 * size * (turn // 3 % 3) * rng.standard_normal(made.dim)
        # a few coordinates bend another way than all at once
        s = rng.standard_normal(made.dim) * (rng.random(made.dim) < rng.choice([2.0 / made.dim, 1.0]))
        if turn % 2:  # as may the way from a special point
            s = (centre - centres[turn % 5 % 3]) / np.sqrt(made.dim)
        s *= size * 10.0 ** rng.uniform(-2, 1)
        middle, one, two = made.value(centre), made.value(centre - s), made.value(centre + s)
        if middle - 0.5 * (one + two) > 1e-9 * (1.0 + abs(middle) + abs(one) + abs(two)):
            return True
    return False


def data_sets(problem: Problem) -> list[str]:
    """Give the data sets that one can choose; empty for a problem that is all formula.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    list of str

    Examples
    --------
    >>> from zobench.registry import find
    >>> data_sets(find("problems", "logistic-regression"))
    ['breast-cancer', 'synthetic']
    >>> data_sets(find("problems", "quadratic"))
    []
    """
    rule = constraints(problem.parameters).get("data")
    return list(rule.words) if isinstance(rule, Choice) else []


def short_source(source: str) -> str:
    """Shorten a reference to what stands before its first comma, and the year.

    Parameters
    ----------
    source : str

    Returns
    -------
    str
        Without a year where the reference has none; of a preprint without one its arXiv number.

    Examples
    --------
    >>> short_source("Nesterov, Lectures on Convex Optimization (2018), section 2.1")
    'Nesterov 2018'
    >>> short_source("Nesterov and Spokoiny, Foundations of Computational Mathematics 17 (2017)")
    'Nesterov and Spokoiny 2017'
    """
    authors = re.sub(r"^after (a remark of )?", "", source.partition(",")[0])
    for year in (r"\(((?:18|19|20)\d\d)\)", r"\b((?:18|19|20)\d\d)\b", r"(arXiv [\d.]+\d)"):
        found = re.search(year, source)
        if found:
            return f"{authors} {found[1]}"
    return authors
