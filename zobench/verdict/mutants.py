"""Mutants: deliberately broken solvers, and which check of a theorem rejects each of them.

A check that nothing can fail says nothing.  The tests try every theorem's checks on real variants of its
solver with one thing broken, and ``make mutants`` writes down what they found: the file ``mutants.json``
beside this one, from which ``zobench show THEOREM`` and docs/mutants.md are made.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["RECORDED", "Finding", "dumped", "findings", "of_theorem", "told"]

#: The file that ships with the package.
RECORDED = Path(__file__).with_name("mutants.json")


class Finding(NamedTuple):
    """What one check said of one mutant.

    Attributes
    ----------
    theorem : str
    mutant : str
        What is broken.
    check : str
        The theorem itself ("bound", "identity", "property"), a companion theorem by its name, or an exact
        property of a step that the test names.
    rejected : bool
    strength : str
        How strongly: log10 of the e-value, standard errors, or what was seen.

    Examples
    --------
    >>> item = Finding("s2p-smooth-stationary", "step x3", "bound", True, "log10 e = 7")
    >>> item.mutant, item.rejected
    ('step x3', True)
    """

    theorem: str
    mutant: str
    check: str
    rejected: bool
    strength: str


@cache
def findings() -> tuple[Finding, ...]:
    """Give all that was written down, from the file that ships with the package.

    Returns
    -------
    tuple of Finding
        By theorem, mutant and check.

    Examples
    --------
    >>> {item.rejected for item in findings() if item.mutant == "wrong sign" and item.check == "identity"}
    {True}
    """
    return tuple(
        Finding(theorem, *item)
        for theorem, items in json.loads(RECORDED.read_text(encoding="utf-8")).items()
        for item in items
    )


def of_theorem(name: str) -> list[dict[str, Any]]:
    """Give the mutants of one theorem, each with the checks that reject it and those that it passes.

    Parameters
    ----------
    name : str
        Of the theorem.

    Returns
    -------
    list of dict
        "mutant", a str; "rejected by" and "passes", each a list of what `told` says.  Empty for a theorem
        without findings.

    Examples
    --------
    >>> [item["passes"] for item in of_theorem("vs2p-descent") if item["mutant"] == "wrong sign"]
    [[]]
    """
    mutants: dict[str, dict[str, Any]] = {}
    for item in findings():
        if item.theorem == name:
            facts = mutants.setdefault(item.mutant, {"mutant": item.mutant, "rejected by": [], "passes": []})
            facts["rejected by" if item.rejected else "passes"].append(told(item))
    return list(mutants.values())


def told(item: Finding) -> str:
    """Say what a check found, in a few words.

    Parameters
    ----------
    item : Finding

    Returns
    -------
    str
        The check, with its strength where there is one; "identity" for a theorem that is its own check.

    Examples
    --------
    >>> told(Finding("exact-s2p-identity", "step x3", "exact-s2p-identity", True, "log10 e = 35"))
    'identity, log10 e = 35'
    """
    check = "identity" if item.check == item.theorem else item.check
    return f"{check}, {item.strength}" if item.strength else check


def dumped(found: Iterable[Finding]) -> str:
    """Write findings as the text of the recorded file.

    Parameters
    ----------
    found : iterable of Finding
        In any order.

    Returns
    -------
    str
        JSON, one line a finding, sorted: the same findings give the same text.

    Examples
    --------
    >>> print(dumped([Finding("rgf-convex", "wrong sign", "bound", True, "log10 e = 9")]), end="")
    {
    "rgf-convex": [
      ["wrong sign", "bound", true, "log10 e = 9"]
    ]
    }
    """
    table: dict[str, list[list[Any]]] = {}
    for item in sorted(found):
        table.setdefault(item.theorem, []).append(list(item[1:]))
    rows = (
        f'"{name}": [\n' + ",\n".join(f"  {json.dumps(item)}" for item in items) + "\n]"
        for name, items in table.items()
    )
    return "{\n" + ",\n".join(rows) + "\n}\n"


def document(names: Iterable[str], facts: Mapping[str, list[dict[str, Any]]]) -> str:
    """Write the page of the docs: for each theorem its mutants, and first those that nothing rejects."""
    named = sorted(names)
    pairs = [(name, item) for name in named for item in facts[name]]
    passing = [f"{name}: {item['mutant']}" for name, item in pairs if not item["rejected by"]]
    lines = [
        "# Mutants",
        "",
        "A check that nothing can fail says nothing.  So the tests try each theorem on real variants of its",
        "solver with one thing broken.  A theorem's own check is its bound, identity or property; other",
        "checks are companion theorems, named, and exact properties of a step.  Evidence is log10 of the",
        "e-value against the theorem's claim; above 6 is refuted in any family of up to a thousand claims.",
        "`make mutants` writes this page and the data of `zobench show THEOREM` from what the tests find; a",
        "test compares them.",
        "",
        f"{len(named)} theorems, {len(pairs)} pairs of a theorem and a mutant.",
        "",
        "## Rejected by nothing",
        "",
        *([f"- {text}" for text in passing] or ["None."]),
    ]
    for name in named:
        lines += ["", f"## {name}", "", "| mutant | rejected by | passes |", "| --- | --- | --- |"]
        for item in facts[name]:
            cells = [
                item["mutant"],
                "; ".join(item["rejected by"]) or "**nothing**",
                "; ".join(item["passes"]),
            ]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
