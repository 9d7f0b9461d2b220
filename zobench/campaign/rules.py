"""Rules of a campaign that keep runs or leave them out.

::

    [[exclude]]                     # leaves out the runs that match every line
    problem = "nesterov-*"          # * and ? as for files
    dim = "> 100"                   # <, <=, >, >= and a number
    solver = ["stp", "s2p"]         # a list: any of these
    law = "sphere"                  # a parameter of the problem or of the solver

With ``[[include]]`` only the runs that match one of its rules are kept.  A line about a parameter that a
run does not have does not match.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from zobench.campaign.lines import Faults, Place
from zobench.errors import unknown

if TYPE_CHECKING:
    from zobench.trace import RunKey

__all__ = ["check", "kept"]

_FIELDS = ("problem", "dim", "instance", "solver", "budget", "seed", "noise")
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_COMPARISON = re.compile(r"\s*(<=|>=|<|>)\s*([-+0-9.eE]+)\s*\Z")


def _facts(key: "RunKey") -> dict[str, list[Any]]:
    """Give what a rule may speak of; a parameter of both problem and solver has two values."""
    facts: dict[str, list[Any]] = {}
    for name, value in (*key.problem_parameters, *key.solver_parameters):
        facts.setdefault(name, []).append(value)
    own = (key.problem, key.dim, key.instance_seed, key.solver, key.budget, key.seed, key.noise or "none")
    facts.update({name: [value] for name, value in zip(_FIELDS, own, strict=True)})
    return facts


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _test(given: Any) -> Callable[[Any], bool]:
    """Turn what stands behind a rule's name into a test of one value."""
    if isinstance(given, list):
        tests = [_test(item) for item in given]
        return lambda value: any(test(value) for test in tests)
    if isinstance(given, str):
        compared = _COMPARISON.match(given)
        if compared:
            compare, bound = _COMPARE[compared[1]], float(compared[2])
            return lambda value: _is_number(value) and bool(compare(value, bound))
        return lambda value: fnmatchcase(str(value), given)
    return lambda value: bool(value == given)


def _fits(given: Any) -> bool:
    if isinstance(given, list):
        return bool(given) and not any(isinstance(item, list) for item in given) and all(map(_fits, given))
    return isinstance(given, (str, bool)) or _is_number(given)


def _tests(
    rules: Any, kind: str, known: Iterable[str], faults: Faults
) -> list[tuple[Place, dict[str, Callable[[Any], bool]]]]:
    if not isinstance(rules, list) or not all(isinstance(rule, Mapping) and rule for rule in rules):
        faults.add((kind,), f"{kind} must be a list of tables, each headed [[{kind}]], got {rules!r}")
        return []
    made: list[tuple[Place, dict[str, Callable[[Any], bool]]]] = []
    for place, rule in enumerate(rules):
        tests = {}
        for name, given in rule.items():
            if name not in known:
                faults.add((kind, place, name), unknown(f"{kind}: a name", name, known))
            elif not _fits(given):
                faults.add(
                    (kind, place, name), f"{kind}: {name} must be a value or a list of values, got {given!r}"
                )
            else:
                tests[name] = _test(given)
        if len(tests) == len(rule):
            made.append(((kind, place), tests))
    return made


def check(include: Any, exclude: Any, parameters: Iterable[str], faults: Faults) -> None:
    """Find what is wrong with the rules of a campaign whose runs are not known for other faults.

    Parameters
    ----------
    include, exclude : list of tables
        As in the file.
    parameters : iterable of str
        Those of the campaign's problems and solvers, of which rules may speak as well.
    faults : Faults
        Takes rules that are no tables, names that are none, and values that cannot be compared with.

    Examples
    --------
    >>> faults = Faults("run")
    >>> check([], [{"dim": "> 100", "law": []}], ["law"], faults)
    >>> faults.text()
    'run: exclude: law must be a value or a list of values, got []'
    """
    for kind, rules in (("include", include), ("exclude", exclude)):
        if rules != []:
            _tests(rules, kind, {*_FIELDS, *parameters}, faults)


def kept(keys: Sequence["RunKey"], include: Any, exclude: Any, faults: Faults) -> list[bool]:
    """Say of each run whether the rules keep it.

    Parameters
    ----------
    keys : sequence of RunKey
    include, exclude : list of tables
        As in the file; empty lists keep everything.
    faults : Faults
        Takes rules that speak of what there is not, and rules that match no run.

    Returns
    -------
    list of bool

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> keys = [key_of("quadratic", solver, budget=100) for solver in ("s2p", "stp")]
    >>> kept(keys, [], [{"solver": "st*", "dim": "< 50"}], Faults("run"))
    [True, False]
    >>> faults = Faults("run")
    >>> kept(keys, [{"dim": "> 50"}], [], faults)
    [False, False]
    >>> faults.text()
    'run: include: this rule matches no run'
    """
    if not keys or (include == [] and exclude == []):
        return [True] * len(keys)
    facts = [_facts(key) for key in keys]
    known = {name for fact in facts for name in fact}
    chosen = [False] * len(keys)
    rules = _tests(include, "include", known, faults)
    if not rules:
        chosen = [True] * len(keys)
    for place, tests in rules:
        matched = _matching(facts, tests)
        if not any(matched):
            faults.add(place, "include: this rule matches no run")
        chosen = [a or b for a, b in zip(chosen, matched, strict=True)]
    for place, tests in _tests(exclude, "exclude", known, faults):
        matched = _matching(facts, tests)
        if not any(matched):
            faults.add(place, "exclude: this rule matches no run")
        chosen = [a and not b for a, b in zip(chosen, matched, strict=True)]
    if not any(chosen) and not faults:
        faults.add(("include",) if include else ("exclude",), "the rules leave no run")
    return chosen


def _matching(facts: Sequence[dict[str, list[Any]]], tests: dict[str, Callable[[Any], bool]]) -> list[bool]:
    return [all(any(map(test, fact.get(name, ()))) for name, test in tests.items()) for fact in facts]
