"""What changed between the verdicts of two stores."""

from typing import TYPE_CHECKING, Any

from zobench.errors import unknown

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["COLUMNS", "compare_verdicts"]

COLUMNS = (
    "theorem solver problem dim steps seeds_old seeds_new old new tightness_old tightness_new ci_low_old "
    "ci_high_old ci_low_new ci_high_new change"
).split()
#: Verdicts from bad to good.
_ORDER = ("refuted", "inconclusive", "not refuted", "supported")
_PLACE = ["theorem", "solver", "problem", "instance", "law", "dim", "steps"]


def compare_verdicts(old: "DataFrame", new: "DataFrame") -> tuple["DataFrame", list[str]]:
    """Compare the verdicts on the same theorem in the same cell.

    Parameters
    ----------
    old, new : DataFrame
        As `Store.verdicts` answers them.  Of several on one cell the one of the most seeds counts.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`.  `change` is "worse" towards "refuted" in the order supported, not refuted,
        inconclusive, refuted; "better"; "same"; or "weaker" where NEW has fewer seeds, which may be the
        reason, and refutes nothing.  `ci_low` and `ci_high` are the limits of the measured mean.
    list of str
        What only one of them has.

    Raises
    ------
    ZobenchError
        If a verdict is none of "supported", "not refuted", "inconclusive", "refuted".

    Examples
    --------
    >>> import zobench
    >>> from pandas import DataFrame
    >>> found = zobench.verify(["exact-s2p-identity"], quick=True, seeds=5)
    >>> old = DataFrame([verdict.as_dict() for verdict in found])
    >>> table, notes = compare_verdicts(old, old.assign(verdict="refuted"))
    >>> set(table["change"]), notes
    ({'worse'}, [])
    """
    from pandas import DataFrame

    sides = [_latest(table) for table in (old, new)]
    notes = []
    for name, mine, other in (("OLD", *sides), ("NEW", *reversed(sides))):
        lone = [key for key in mine if key not in other]
        if lone:
            notes.append(f"{len(lone)} verdicts only in {name}, such as on {lone[0][0]}, {lone[0][2]}")
    rows = []
    for key in sides[0]:
        if key in sides[1]:
            rows.append(_row(sides[0][key], sides[1][key]))
    return DataFrame(rows, columns=COLUMNS), notes


def _latest(table: "DataFrame") -> dict[tuple[str, ...], dict[str, Any]]:
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for verdict in table.to_dict("records"):
        key = tuple(str(verdict.get(name, "")) for name in _PLACE)
        # the rows are in the order in which they were put
        if key not in found or verdict["seeds"] >= found[key]["seeds"]:
            found[key] = {str(name): value for name, value in verdict.items()}
    return found


def _row(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    for side in (old, new):
        if side["verdict"] not in _ORDER:
            raise unknown("compare: the verdict", side["verdict"], _ORDER)
    step = _ORDER.index(new["verdict"]) - _ORDER.index(old["verdict"])
    change = "same" if step == 0 else "better" if step > 0 else "worse"
    if change == "worse" and new["verdict"] != "refuted" and new["seeds"] < old["seeds"]:
        change = "weaker"
    instance = str(new.get("instance") or new["problem"])
    row = {name: new[name] for name in ("theorem", "solver", "dim", "steps")}
    row |= {"problem": instance, "old": old["verdict"], "new": new["verdict"], "change": change}
    for name in ("seeds", "tightness", "ci_low", "ci_high"):
        row |= {f"{name}_old": old[name], f"{name}_new": new[name]}
    return row
