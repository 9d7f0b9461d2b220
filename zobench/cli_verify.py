"""The verb ``verify``: theorems against runs, in a table."""

from pathlib import Path
from typing import Any

from zobench.cli_output import columns, emit, emit_json, number, progress_bar
from zobench.workers import one_thread

__all__ = ["verify_verb"]

#: A tightness below this means that the check has almost no power.
NO_POWER = 0.1


def verify_verb(names: tuple[str, ...], everything: bool, quick: bool, path: str, as_json: bool) -> int:
    """Do what ``zobench verify`` asks; answer the exit code."""
    from zobench.store import Store
    from zobench.theorem import find_theorem

    one_thread()
    for name in names:  # before a store is made
        find_theorem(name)
    from zobench.verification import verify

    with Store(path) as store, progress_bar() as progress:
        verdicts = verify(list(names), quick=quick, all=everything, store=store, progress=progress)
    facts = [verdict.as_dict() for verdict in verdicts]
    if as_json:
        emit_json(facts)
    else:
        emit(_table(facts))
        emit(f"{len(facts)} verdicts; store {Path(path)}")
    return int(any(fact["verdict"] == "refuted" for fact in facts))


def _table(facts: list[dict[str, Any]]) -> str:
    heads = ["theorem", "instance", "law", "steps", "seeds", "bound", "measured", "tightness", "verdict"]
    rows = []
    for fact in facts:
        weak = fact["tightness"] < NO_POWER and fact["verdict"] != "refuted" and fact["relation"] == "<="
        rows.append(
            [
                fact["theorem"],
                fact["instance"],
                fact.get("law", ""),
                number(fact["steps"]),
                str(fact["seeds"]),
                number(fact["bound"]),
                number(fact["mean"]),
                number(fact["tightness"]),
                fact["verdict"] + (", no power" if weak else ""),
            ]
        )
    return columns(heads, rows, right=(3, 4, 5, 6, 7))
