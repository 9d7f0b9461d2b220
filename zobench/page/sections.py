"""What the parts of a page show: theorems with their checks, claims, problems, solvers."""

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from zobench.drawing import count_of, instance_of
from zobench.page.findings import VERDICTS, fewest_queries, per_problem, powerless
from zobench.page.summary import races
from zobench.registry import catalogue
from zobench.report import Evidence

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["claim_rows", "problem_sections", "solver_sections", "theorem_groups"]

#: Constants of a problem that its section gives, in this order.
CONSTANTS = "f_star f_best f_lower L L0 L1 mu PL effective_rank".split()


def theorem_groups(evidence: Evidence) -> list[dict[str, Any]]:
    """Give the checks by theorem, those with refuted or inconclusive ones first.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of dict
        With name, solver, statement (its first line), told (its verdicts counted), tightness (text), weak
        (checks without power), worst (its gravest verdict), open (whether that is neither "supported" nor
        "not refuted") and rows.

    Examples
    --------
    >>> numbers = dict.fromkeys("steps seeds bound mean ci_low ci_high log10_e_value".split(), 1.0)
    >>> check = {"solver": "s2p", "problem": "quadratic", "tightness": 0.5, **numbers}
    >>> good = {**check, "theorem": "s2p-pl-gamma", "verdict": "supported"}
    >>> bad = {**check, "theorem": "s2p-smooth-gamma", "verdict": "refuted"}
    >>> groups = theorem_groups(Evidence.from_traces([], [good, good, bad]))
    >>> [(group["name"], group["told"], group["open"]) for group in groups]
    [('s2p-smooth-gamma', '1 refuted', True), ('s2p-pl-gamma', '2 supported', False)]
    """
    from zobench.theorem import theorems

    if not len(evidence.verdicts):
        return []
    known = theorems()
    grave = list(VERDICTS)
    groups = []
    verdicts = evidence.verdicts.assign(powerless=powerless(evidence.verdicts))
    for name, checks in verdicts.groupby("theorem", sort=True):
        rows = [_check(row) for row in checks.to_dict("records")]
        counts = Counter(row["verdict"] for row in rows)
        words = sorted(counts, key=lambda word: grave.index(word) if word in grave else -1)  # gravest first
        groups.append(
            {
                "name": name,
                "solver": str(checks["solver"].iloc[0]),
                "statement": known[name][0].statement.split("\n")[0] if name in known else "",
                "told": ", ".join(f"{counts[word]} {word}" for word in words),
                "tightness": _range([float(row.get("tightness", math.nan)) for _, row in checks.iterrows()]),
                "weak": sum(bool(row["power"]) for row in rows),
                "worst": words[0],
                "open": words[0] not in ("supported", "not refuted"),
                "rows": rows,
            }
        )
    return sorted(groups, key=lambda group: (group["worst"] in grave, not group["open"]))


def _range(numbers: list[float]) -> str:
    known = sorted(number for number in numbers if math.isfinite(number))
    if not known:
        return ""
    low, high = (f"{end:.2g}" for end in (known[0], known[-1]))
    return low if low == high else f"{low} to {high}"


def _check(row: dict[str, Any]) -> dict[str, Any]:
    tightness = float(row.get("tightness", math.nan))
    return {
        "problem": _said(row.get("instance")) or row["problem"],
        "law": _said(row.get("law")),
        "steps": f"{int(row['steps']):,}",
        "seeds": int(row["seeds"]),
        "bound": _number(row["bound"]),
        "mean": _number(row["mean"]),
        "interval": f"{_number(row['ci_low'])} to {_number(row['ci_high'])}",
        "tightness": _tightness(tightness),
        "power": "no power" if row["powerless"] else "",
        "e": _number(round(float(row["log10_e_value"]), 1) + 0.0),
        "verdict": row["verdict"],
        "note": _said(row.get("note")),
    }


def _tightness(number: float) -> str:
    if math.isnan(number):
        return "none"
    return f"{number:.2f}" if number >= 0.01 else f"{number:.1e}"


def claim_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """Give the claims of all campaigns with their verdicts.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of dict
        With campaign (its title), says, source, figures (what was measured) and verdict, all of them text.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from zobench.claims.claim import Claim, Judgement
    >>> judged = Judgement(Claim("S2P falls", "final", "s2p", below=1.0), (), "unfinished")
    >>> evidence = replace(Evidence.from_traces([]), claims=[("My campaign", [judged])])
    >>> (row,) = claim_rows(evidence)
    >>> row["says"], row["figures"], row["verdict"]
    ('S2P falls', 'runs are missing', 'unfinished')
    """
    return [
        {
            "campaign": title,
            "says": judgement.claim.says,
            "source": judgement.claim.source + (" (recalled)" if judgement.claim.recalled else ""),
            "figures": judgement.figures(),
            "verdict": judgement.verdict,
        }
        for title, judgements in evidence.claims
        for judgement in judgements
    ]


def problem_sections(evidence: Evidence) -> list[dict[str, Any]]:
    """Give the section of each problem: what it is, what is proved of it, who was first, all solvers.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of dict
        With name, summary, constants, race (a row of `zobench.page.summary.races`, or empty), told, failed
        (runs) and rows (those of `zobench.page.findings.per_problem`, with its numbers as text too).

    Examples
    --------
    >>> import zobench
    >>> runs = [zobench.run("quadratic", name, budget=500) for name in ("random-search", "stp")]
    >>> (section,) = problem_sections(Evidence.from_traces(runs))
    >>> section["name"], section["told"], section["race"]["first"]
    ('quadratic (dim 10)', '2 rows, 2 runs', 'stp')
    """
    table = per_problem(evidence)
    raced = {row["problem"]: row for row in races(evidence)}
    firsts = evidence.runs.drop_duplicates("problem_name").set_index("problem_name")
    known = catalogue("problems")
    found = []
    for name, rows in table.groupby("problem", sort=False):
        first = firsts.loc[name]
        registered = known.get(first["problem"])
        race = raced.get(name)
        found.append(
            {
                "name": name,
                "summary": getattr(registered, "summary", "")
                or "Not registered where this page was written.",
                "constants": _constants(first),
                "race": "" if race is None or not race["queries"] else race,
                "told": f"{count_of(len(rows), 'row')}, {count_of(int(rows['runs'].sum()), 'run')}",
                "failed": int(rows["failed"].sum()),
                "rows": _rows(rows),
            }
        )
    return found


def _constants(run: Any) -> str:
    instance = instance_of(run)
    if instance is None:
        return ""
    shown = [
        f"{constant} {certificate.value:.4g}{'' if certificate.exact else ' (a bound)'}"
        for constant in CONSTANTS
        if (certificate := instance.certificates.get(constant)) is not None
    ]
    return ", ".join(shown) or "none"


def solver_sections(evidence: Evidence) -> list[dict[str, Any]]:
    """Give the section of each solver: what it is, where it was first, its theorems, all problems.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of dict
        With name, summary, source, first (on how many problems), theorems (their verdicts counted), told,
        failed (runs) and rows (those of `zobench.page.findings.per_problem`, with its numbers as text too).

    Examples
    --------
    >>> import zobench
    >>> runs = [zobench.run("quadratic", name, budget=500) for name in ("random-search", "stp")]
    >>> for section in solver_sections(Evidence.from_traces(runs)):
    ...     print(f"{section['name']}: {section['first']}")
    random-search: First to the common target on 0 of 1 problem.
    stp: First to the common target on 1 of 1 problem.
    """
    table = per_problem(evidence)
    known = catalogue("solvers")
    wins = Counter(next(iter(race.queries)) for race in fewest_queries(evidence) if len(race.queries) > 1)
    raced = len([race for race in fewest_queries(evidence) if len(race.queries) > 1])
    checks = evidence.verdicts
    found = []
    for name, rows in table.groupby("method", sort=True):
        registered = known.get(name)
        mine = checks.loc[checks["solver"] == name, "verdict"] if len(checks) else ()
        first = sum(wins[label] for label in set(rows["solver"]))
        told = ", ".join(f"{count} {word}" for word, count in Counter(mine).items())
        found.append(
            {
                "name": name,
                "summary": getattr(registered, "summary", "")
                or "Not registered where this page was written.",
                "source": getattr(registered, "source", ""),
                "first": f"First to the common target on {first} of {count_of(raced, 'problem')}."
                if raced
                else "",
                "theorems": f"{count_of(len(mine), 'check')} of its theorems: {told}." if len(mine) else "",
                "told": f"{count_of(len(rows), 'row')}, {count_of(int(rows['runs'].sum()), 'run')}",
                "failed": int(rows["failed"].sum()),
                "rows": _rows(rows),
            }
        )
    return found


def _rows(rows: "DataFrame") -> list[dict[str, Any]]:
    return [
        {
            **row,
            "gap": _number(row["median best gap"]),
            "value": _number(row["median best value"]),
            "hit": "no targets" if math.isnan(row["targets hit"]) else f"{row['targets hit']:.0%}",
        }
        for row in rows.to_dict("records")
    ]


def _said(value: Any) -> str:
    """Give what a verdict says, which a table holds as NaN where another verdict lacks it."""
    return value if isinstance(value, str) else ""


def _number(value: Any) -> str:
    """Write a number with three digits, or say that there is none."""
    number = float(value)
    return "none" if math.isnan(number) else f"{number:.3g}"
