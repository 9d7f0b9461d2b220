"""The verb ``compare``: what changed from one store to another."""

import math
from typing import TYPE_CHECKING, Any

import click

from zobench.cli.output import columns, emit, emit_json, number

if TYPE_CHECKING:
    from pandas import DataFrame

    from zobench.performance.comparison import Comparison

__all__ = ["compare_command", "compare_verb"]

#: Rows of a table that are printed.
SHOWN = 40


@click.command("compare")
@click.argument("old")
@click.argument("new")
@click.option("--level", default="0.05", show_default=True, metavar="P", help="Of all tests together.")
@click.option(
    "--factor", default="1.05", show_default=True, metavar="F", help="Smaller changes are no regression."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every target of what changed.")
def compare_command(old: str, new: str, level: str, factor: str, as_json: bool) -> int:
    """Say which queries to targets and which verdicts changed from the store OLD to the store NEW.

    Runs of the same problem, solver, budget and seed are paired.  Exit code 1 on a significant regression:
    more queries, fewer targets hit, runs that fail now, a verdict that is worse.
    """
    return compare_verb(old, new, level, factor, as_json)


def compare_verb(old: str, new: str, level: str, factor: str, as_json: bool) -> int:
    """Do what ``zobench compare`` asks; answer the exit code.

    Parameters
    ----------
    old, new : str
        Two stores.
    level : str
        Level of all tests together.
    factor : str
        Smaller changes are no regression.
    as_json : bool

    Returns
    -------
    int
        0; 1 on a significant regression.

    Raises
    ------
    ZobenchError
        If there is no such store, both have nothing in common, `level` is not between 0 and 1, or `factor`
        is below 1.

    Examples
    --------
    >>> import tempfile, zobench
    >>> from zobench.store.database import Store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Store(f"{folder}/runs.sqlite") as store:
    ...         store.put(*(zobench.run("quadratic", "s2p", budget=100, seed=seed) for seed in range(5)))
    ...     compare_verb(f"{folder}/runs.sqlite", f"{folder}/runs.sqlite", "0.05", "1.05", as_json=False)
    1 of 1 cells the same
    no significant regression
    0
    """
    from zobench.parallel.processes import one_thread

    one_thread()  # of the products of small matrices: more threads wait for one another
    from zobench.parameters import Real, convert
    from zobench.performance.comparison import compare
    from zobench.report import Evidence

    found = compare(
        Evidence.from_store(old),
        Evidence.from_store(new),
        convert(level, Real(), "compare: level"),
        convert(factor, Real(), "compare: factor"),
    )
    if as_json:
        emit_json({"old": old, "new": new, **found.as_dict()})
    else:
        emit("\n".join(_lines(found)))
    return int(bool(found.regressions))


def _lines(found: "Comparison") -> list[str]:
    lines: list[str] = []
    for table, place in ((found.solvers, "problems"), (found.cells, "problem")):
        rows = [_row(row, place) for row in table[table["change"] != "same"].itertuples()]
        if rows:
            heads = ["solver", place, "pairs", "queries NEW / OLD", "p", "targets hit", "p", "change"]
            right = (1, 2, 4, 6) if place == "problems" else (2, 4, 6)
            lines += [columns(heads, rows[:SHOWN], right=right), *_more(rows), ""]
    rows = _target_rows(found.targets)
    if rows:
        heads = ["solver", "problem", "target", "runs that hit", "median queries", "ERT", "ERT NEW / OLD"]
        lines += [columns(heads, rows[:SHOWN], right=(2,)), *_more(rows), ""]
    rows = _verdict_rows(found.verdicts)
    if rows:
        heads = ["theorem", "problem", "steps", "verdict", "measured / bound", "change"]
        lines += [columns(heads, rows[:SHOWN], right=(2,)), *_more(rows), ""]
    lines += [f"note: {note}" for note in found.notes[:SHOWN]]
    tables = {"cells": found.cells, "verdicts": found.verdicts}
    counts = {name: (int((table["change"] == "same").sum()), len(table)) for name, table in tables.items()}
    lines += [
        ", ".join(f"{same:,} of {all_:,} {name} the same" for name, (same, all_) in counts.items() if all_)
    ]
    regressions = found.regressions
    lines += [f"regression: {told}" for told in regressions[:SHOWN]] or ["no significant regression"]
    return lines + _more(regressions)


def _more(rows: list[Any]) -> list[str]:
    return [f"... and {len(rows) - SHOWN:,} more (--json has all)"] if len(rows) > SHOWN else []


def _row(row: Any, place: str) -> list[str]:
    ratio = _interval(row.ratio, row.low, row.high)
    targets = f"{row.hits_old:.3g} -> {row.hits_new:.3g}"
    p = number(row.p_queries), number(row.p_hits)
    return [row.solver, str(getattr(row, place)), str(row.pairs), ratio, p[0], targets, p[1], row.change]


def _interval(middle: float, low: float, high: float) -> str:
    return f"{middle:.3g}" + (f" [{low:.3g}, {high:.3g}]" if low == low else "")


def _target_rows(targets: "DataFrame") -> list[list[str]]:
    """Write the whole decades that either store hit, in the cells of which something is said."""
    told = targets[~targets["change"].isin(["same", "unclear"])]
    return [
        [
            row.solver,
            row.problem,
            f"{row.target:.0e}",
            f"{row.hits_old} -> {row.hits_new} of {row.pairs}",
            f"{number(row.queries_old)} -> {number(row.queries_new)}",
            f"{number(row.ert_old)} -> {number(row.ert_new)}",
            _interval(row.ert_ratio, row.low, row.high),
        ]
        for row in told[told["hits_old"] + told["hits_new"] > 0].itertuples()
        if abs(math.log10(row.target) - round(math.log10(row.target))) < 1e-3
    ]


def _verdict_rows(verdicts: "DataFrame") -> list[list[str]]:
    return [
        [
            str(row.theorem),
            str(row.problem),
            f"{row.steps:,}",
            f"{row.old} -> {row.new}",
            f"{number(row.tightness_old)} -> {number(row.tightness_new)}",
            str(row.change),
        ]
        for row in verdicts[verdicts["change"] != "same"].itertuples()
    ]
