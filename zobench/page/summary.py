"""The first screen of a page: what was run, on what, what was found, what was refuted, what failed."""

import math
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from zobench.drawing import count_of
from zobench.page.findings import (
    POWER,
    Fewest,
    fewest_queries,
    powerless,
    smallest_gap,
    verdict_counts,
    what_was_run,
)
from zobench.report import Evidence

if TYPE_CHECKING:
    from pandas import DataFrame

    from zobench.claims.claim import Judgement

__all__ = ["Fact", "facts", "notices", "races"]

#: Names that one sentence of the summary gives: it is to fit on a telephone's first screen.
TOLD = 3
#: Characters of a name or message in the summary; in its section it stands whole.
SHORT = 60


class Fact(NamedTuple):
    """One line of the summary.

    Attributes
    ----------
    term, text : str
    kind : str
        "bad" where something was refuted or failed, else empty.
    goal : str
        The part of the page that has the details, if there are any.

    Examples
    --------
    >>> Fact("What failed", "1 run of 20 failed: s2p 1.", "bad", "failures").term
    'What failed'
    """

    term: str
    text: str
    kind: str = ""
    goal: str = ""


def facts(evidence: Evidence) -> list[Fact]:
    """Give the lines of the summary in their order.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of Fact
        What was run, on what, what was found, what was refuted, what failed.

    Examples
    --------
    >>> import zobench
    >>> lines = facts(Evidence.from_traces([zobench.run("quadratic", "s2p", budget=100)]))
    >>> lines[0].text
    '1 solver on 1 problem with 1 seed each: 1 run; 100 queries in all.'
    >>> lines[-1].text, lines[-1].kind
    ('No run failed.', '')
    """
    refuted, contrary = verdict_counts(evidence).get("refuted", 0), _contrary(evidence)
    failures = evidence.runs[evidence.runs["status"] == "failed"]
    broken = "failures" if len(failures) else ""
    return [
        Fact("What was run", what_was_run(evidence), "", "provenance"),
        Fact("On what", _where(evidence), "", "provenance"),
        Fact("What was found", _found(evidence), "", "comparisons"),
        Fact("What was refuted", _refuted(evidence), "bad" if refuted or contrary else "", "theorems"),
        Fact("What failed", failed(failures, len(evidence.runs)), "bad" if len(failures) else "", broken),
    ]


def notices(evidence: Evidence) -> list[str]:
    """Give what a reader must know before the summary: that runs are missing.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of str
        Empty if none are missing.

    Examples
    --------
    >>> import zobench
    >>> asked = [("s2p", 0), ("s2p", 1), ("stp", 0)]
    >>> runs = [zobench.run("quadratic", name, budget=100, seed=seed) for name, seed in asked]
    >>> print(notices(Evidence.from_traces(runs))[0].partition(":")[0])
    1 of 2 pairs of problem and solver have fewer seeds than others on the same problem
    """
    found = []
    unfinished = sum(
        judgement.verdict == "unfinished" for _, judgements in evidence.claims for judgement in judgements
    )
    if unfinished:
        found.append(
            f"{count_of(unfinished, 'claim')} cannot be judged yet: runs are missing. "
            "The same `zobench run` does them."
        )
    short, pairs = _short_pairs(evidence)
    if short:
        found.append(
            f"{short:,} of {count_of(pairs, 'pair')} of problem and solver have fewer seeds than others on "
            "the same problem: the campaign is unfinished, or was not meant to compare all."
        )
    return found


def _short_pairs(evidence: Evidence) -> tuple[int, int]:
    runs = evidence.campaign
    if not len(runs):
        return 0, 0
    wide = runs.pivot_table(
        index="problem_name", columns="solver", values="seed", aggfunc="nunique", fill_value=0
    )
    return int((wide.lt(wide.max(axis="columns"), axis="index")).sum().sum()), wide.size


def races(evidence: Evidence) -> list[dict[str, Any]]:
    """Say for each problem who needed the fewest queries to a target that others reached too.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of dict
        With problem, target, first, queries, others and closest, all of them text; problems where nobody hit
        a target come last.

    Examples
    --------
    >>> import zobench
    >>> runs = [zobench.run("quadratic", name, budget=500) for name in ("random-search", "stp")]
    >>> (race,) = races(Evidence.from_traces(runs))
    >>> race["problem"], race["first"], race["others"].rpartition(" ")[0]
    ('quadratic (dim 10)', 'stp', 'random-search')
    """
    closest = smallest_gap(evidence)
    known = {race.problem: race for race in fewest_queries(evidence)}
    names = dict.fromkeys(evidence.campaign["problem_name"])
    rows = [_race(str(name), known.get(str(name)), closest.get(name, "")) for name in names]
    return sorted(rows, key=lambda row: not row["queries"])


def _race(name: str, race: Fewest | None, closest: str) -> dict[str, Any]:
    row = {"problem": name, "closest": closest or "no gap is known"}
    if race is None:
        none = {"target": "none", "first": "no median run hit a target", "queries": "", "others": ""}
        return {**row, **none}
    (best, fewest), *others = race.queries.items()
    reached = [f"{_cut(label)} {count:,.0f}" for label, count in others if math.isfinite(count)]
    late = [_cut(label) for label, count in others if not math.isfinite(count)]
    told = reached[:TOLD]
    if len(reached) > TOLD:
        told.append(f"{len(reached) - TOLD} others later")
    if late:
        told.append(f"not in budget: {late[0] if len(late) == 1 else f'{len(late)} others'}")
    return {
        **row,
        "target": f"{race.target:.2g}",
        "first": best,
        "queries": f"{fewest:,.0f}",
        "others": "; ".join(told) or "nobody else ran",
    }


def _where(evidence: Evidence) -> str:
    """Say in one line what the runs were made with."""
    if not evidence.environment:
        return "The store does not say on what machine."
    known = {key: str(value) for key, value in evidence.environment.items() if value}
    place = ", ".join(known[key] for key in ("machine", "system") if key in known)
    versions = ", ".join(
        f"{name} {known[key]}"
        for key, name in (
            ("zobench", "zobench"),
            ("python", "Python"),
            ("numpy", "NumPy"),
            ("numba", "numba"),
        )
        if key in known
    )
    runs = evidence.runs
    several = runs["environment"].nunique() if "environment" in runs.columns else 1
    more = f" (most runs; {several} environments in all)" if several > 1 else ""
    return "; ".join(part for part in (place, versions) if part) + more + "."


def _found(evidence: Evidence) -> str:
    sentences = []
    judgements = [one for _, found in evidence.claims for one in found]
    if judgements:
        counts = Counter(one.verdict for one in judgements)
        told = ", ".join(f"{count} {word}" for word, count in counts.most_common())
        sentences.append(f"Of {count_of(len(judgements), 'claim')}: {told}.")
    known = fewest_queries(evidence)
    wins = Counter(next(iter(race.queries)) for race in known if len(race.queries) > 1)
    if wins:
        told = ", ".join(f"{_cut(name)} on {count}" for name, count in wins.most_common(TOLD))
        more = f", {count_of(len(wins) - TOLD, 'other')} on the rest" if len(wins) > TOLD else ""
        several = count_of(wins.total(), "problem")
        sentences.append(f"Fewest queries to a common target, of {several}: {told}{more}.")
    return " ".join(sentences) or "No two solvers' runs can be compared by targets here."


def _refuted(evidence: Evidence) -> str:
    counts = verdict_counts(evidence)
    contrary = _contrary(evidence)
    sentences = []
    if counts.get("refuted"):
        rows = evidence.verdicts[evidence.verdicts["verdict"] == "refuted"]
        sentences.append(f"{count_of(counts['refuted'], 'check')}: {_named(rows)}.")
    if contrary:
        told = "; ".join(_cut(one.claim.says) for one in contrary[:TOLD])
        more = f"; and {len(contrary) - TOLD} more" if len(contrary) > TOLD else ""
        sentences.append(f"{count_of(len(contrary), 'claim')} did not hold: {told}{more}.")
    if not sentences and (counts or evidence.claims):
        sentences.append("Nothing.")
    if counts:
        names = count_of(int(evidence.verdicts["theorem"].nunique()), "theorem")
        told = ", ".join(f"{count} {word}" for word, count in reversed(counts.items()))
        weak = int(powerless(evidence.verdicts).sum())
        power = f"; {weak} without power (tightness below {POWER})" if weak else ""
        sentences.append(f"{count_of(sum(counts.values()), 'check')} of {names}: {told}{power}.")
    else:
        sentences.append("No theorem was tried.")
    return " ".join(sentences)


def _named(rows: "DataFrame") -> str:
    names = Counter(rows["theorem"])
    told = ", ".join(f"{_cut(name)} ({count})" for name, count in names.most_common(TOLD))
    return told + (f", and {count_of(len(names) - TOLD, 'other theorem')}" if len(names) > TOLD else "")


def _contrary(evidence: Evidence) -> "list[Judgement]":
    return [one for _, found in evidence.claims for one in found if one.verdict == "did not hold"]


def failed(failures: "DataFrame", total: int) -> str:
    """Say how many runs failed, whose, and what they said most often."""
    if not total:
        return "There is no run that could have failed."
    if not len(failures):
        return "No run failed."
    names = Counter(failures["solver"])
    told = ", ".join(f"{_cut(name)} {count:,}" for name, count in names.most_common(TOLD))
    more = f", {count_of(len(names) - TOLD, 'other solver')}" if len(names) > TOLD else ""
    (message, often), *_ = Counter(map(str, failures["message"])).most_common(1)
    often_said = f"; most often ({often:,}): {_cut(message)}" if message else ""
    return f"{count_of(len(failures), 'run')} of {total:,} failed: {told}{more}{often_said}."


def _cut(text: str) -> str:
    return textwrap.shorten(text, SHORT, placeholder=" …") if len(text.split()) > 1 else _clipped(text)


def _clipped(word: str) -> str:
    return word if len(word) <= SHORT else word[: SHORT - 1] + "…"
