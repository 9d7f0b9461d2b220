"""What asv stored: its results as a table, and what changed between the last two commits.

asv keeps one JSON file a machine, environment and commit.  Lower is better in all of its benchmarks.
Compared are the newest commit (by its date) and the last one before it, on every machine and in every
environment that measured both; `RULES` says what counts as a change.
"""

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "CHANGES",
    "EXACT",
    "FACTOR",
    "REGRESSIONS",
    "RULES",
    "SLACK",
    "Changes",
    "compare_results",
    "read_results",
]

#: Of asv's files; it has been 2 since 2021.
VERSION = 2
#: Relative change from which an exact number counts as changed.
EXACT = 1e-4
#: Ratio from which anything else does.
FACTOR = 1.1
#: Bytes by which peaks of processes that do the same differ.
SLACK = 64e6
RULES = {
    "exact": f"a `track_` number has no noise: any change beyond {EXACT:g} of it counts",
    "ratio": "a `track_ratio_` number, a ratio of two things measured in turn: a change by more than the "
    "factor counts",
    "peak": f"a peak of memory: a change by more than the factor and {SLACK / 1e6:g} MB counts (pages of "
    "libraries that happen to be in memory are in it)",
    "timed": "a time counts as changed if the ratio of medians exceeds the factor and their 99 % intervals "
    "do not touch; a single sample, as of `asv run --quick`, has no interval and decides nothing",
}
#: What a benchmark is said to be, with what each means; the first two are regressions.
CHANGES = {
    "worse": "more than before",
    "fails": "a number before, an error now",
    "better": "less than before",
    "mended": "an error before, a number now",
    "unclear": "beyond the factor, but the intervals touch or there is none",
    "other benchmark": "the benchmark's own code changed: not comparable",
    "new": "not measured before",
    "gone": "not measured now",
    "skipped": "not defined before or now",
    "same": "no change that counts",
}
REGRESSIONS = ("worse", "fails")


@dataclass(frozen=True, eq=False)
class Changes:
    """What changed between the last two commits.

    Attributes
    ----------
    table : DataFrame
        One row a machine, environment, benchmark and case: old, new, ratio (new / old), low, high (its
        limits, NaN without), unit, rule (a key of `RULES`), change (a key of `CHANGES`).
    commits : list of (str, str, str, str)
        Machine, environment, old commit, new commit of what was compared.
    notes : list of str
        What was not compared, and why.

    Examples
    --------
    >>> from pandas import DataFrame
    >>> table = DataFrame({"benchmark": ["time_run", "track_queries"], "change": ["same", "worse"]})
    >>> Changes(table, [], []).regressions["benchmark"].tolist()
    ['track_queries']
    """

    table: "DataFrame"
    commits: list[tuple[str, str, str, str]]
    notes: list[str]

    @property
    def regressions(self) -> "DataFrame":
        """The rows that are worse or fail now."""
        return self.table[self.table["change"].isin(REGRESSIONS)]


def read_results(folder: str | Path) -> "DataFrame":
    """Read asv's results.

    Parameters
    ----------
    folder : Path or str
        ``results_dir`` of asv.conf.json.

    Returns
    -------
    DataFrame
        One row a machine, environment, commit, benchmark and case (its parameters): date, kind, unit, value
        (NaN where there is none), failed, low and high (99 % interval of the median, NaN without), samples,
        version (of the benchmark's code), started.

    Raises
    ------
    ZobenchError
        If the folder holds no results, or a file is not as asv writes it.

    Examples
    --------
    One number of one commit, as asv stores it:

    >>> import json, tempfile
    >>> about = {"bench.track_queries": {"unit": "queries"}, "version": 2}
    >>> facts = {"commit_hash": "c0ffee", "date": 0, "env_name": "py", "params": {"machine": "m1"}}
    >>> facts |= {"result_columns": ["result"], "results": {"bench.track_queries": [[1000]]}, "version": 2}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "m1").mkdir()
    ...     for name, content in ("benchmarks.json", about), ("m1/c0ffee.json", facts):
    ...         _ = Path(folder, name).write_text(json.dumps(content), encoding="utf-8")
    ...     table = read_results(folder)
    >>> table[["machine", "commit", "benchmark", "unit", "value"]].values.tolist()
    [['m1', 'c0ffee', 'bench.track_queries', 'queries', 1000.0]]
    """
    from pandas import DataFrame

    root = Path(folder)
    if not (root / "benchmarks.json").is_file():
        raise ZobenchError(
            f"regress: {str(root)!r} must be the results folder of asv (.asv/results), got one without "
            "benchmarks.json: `make bench-quick` or `asv run` makes it"
        )
    benchmarks = _load(root / "benchmarks.json")
    rows = [
        row
        for file in sorted(root.glob("*/*.json"))
        if file.name != "machine.json"
        for row in _rows(file, benchmarks)
    ]
    if not rows:
        raise ZobenchError(f"regress: {str(root)!r} must hold results, got none: `asv run` makes them")
    return DataFrame(rows)


def _load(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ZobenchError(f"regress: {str(file)!r} must be JSON of asv, got: {error}") from None
    if not isinstance(found, dict):
        raise ZobenchError(f"regress: {str(file)!r} must be a JSON object of asv, got {type(found).__name__}")
    version = found.get("version")
    if version != VERSION:
        raise ZobenchError(
            f"regress: {str(file)!r} must be of version {VERSION} of asv's format, got {version!r}: "
            "`asv update` brings old files up to date"
        )
    return found


def _rows(file: Path, benchmarks: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the rows of one file: one machine, environment and commit."""
    found = _load(file)
    try:
        shared = {
            "machine": str(found["params"].get("machine", file.parent.name)),
            "environment": str(found["env_name"]),
            "commit": str(found["commit_hash"]),
            "date": int(found["date"]),
        }
        names = list(found["result_columns"])
        for benchmark, values in found["results"].items():
            told = dict(zip(names, values, strict=False))
            about = benchmarks.get(benchmark, {})
            yield from _cases(benchmark, told, about if isinstance(about, dict) else {}, shared)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ZobenchError(
            f"regress: {str(file)!r} must be results of asv, got something else "
            f"({type(error).__name__}: {error})"
        ) from None


def _cases(
    benchmark: str, told: dict[str, Any], about: dict[str, Any], shared: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Give the rows of one benchmark: one a choice of parameters."""
    params = told.get("params") or []
    named = about.get("param_names") or []
    chosen = list(itertools.product(*params)) if params else [()]
    values = told.get("result")
    values = [None] * len(chosen) if values is None else values
    kind = about.get("type") or _kind(benchmark)
    started = told.get("started_at")
    for place, (choice, value) in enumerate(zip(chosen, values, strict=True)):
        low, high, samples = (
            _at(told, name, place) for name in ("stats_ci_99_a", "stats_ci_99_b", "stats_repeat")
        )
        yield {
            **shared,
            "benchmark": benchmark,
            "case": ", ".join(
                _said(name, text) for name, text in zip(_padded(named, choice), choice, strict=True)
            ),
            "kind": kind,
            "unit": str(about.get("unit") or ""),
            # a benchmark may track what is no number; there is nothing to compare then
            "value": float(value) if isinstance(value, int | float) else math.nan,
            "failed": value is None,
            "low": low,
            "high": high,
            "samples": samples,
            "version": str(told.get("version") or ""),
            "started": int(started or 0),
        }


def _kind(benchmark: str) -> str:
    """Tell the kind by the name, as asv does, of a benchmark that benchmarks.json no longer has."""
    name = benchmark.rpartition(".")[2]
    kinds = {"track": "track", "peakmem": "peakmemory", "mem": "memory"}
    return kinds.get(name.partition("_")[0], "time")


def _padded(names: list[str], choice: tuple[str, ...]) -> list[str]:
    return names if len(names) == len(choice) else [""] * len(choice)


def _said(name: str, text: str) -> str:
    text = text[1:-1] if text[:1] == text[-1:] == "'" else text
    return f"{name}={text}" if name else text


def _at(told: dict[str, Any], name: str, place: int) -> float:
    """Give a figure of one case; NaN where asv has none, which it writes as null or an infinity."""
    values = told.get(name)
    value = values[place] if values else None
    return float(value) if value is not None and math.isfinite(value) else math.nan


def compare_results(results: "DataFrame", factor: float = FACTOR) -> Changes:
    """Compare the newest commit with the last one before it, machine by machine.

    Parameters
    ----------
    results : DataFrame
        Of `read_results`.
    factor : float
        Above 1; smaller changes of times, memory and ratios are none.

    Returns
    -------
    Changes

    Examples
    --------
    >>> from pandas import DataFrame
    >>> place = {"machine": "m1", "environment": "py", "benchmark": "bench.track_queries", "case": ""}
    >>> about = {"kind": "track", "unit": "queries", "version": "1", "failed": False, "started": 0}
    >>> about |= {"low": math.nan, "high": math.nan, "samples": math.nan}
    >>> commits = {"commit": "0ld", "date": 0, "value": 1000.0}, {"commit": "new", "date": 1, "value": 1100.0}
    >>> found = compare_results(DataFrame([{**place, **about, **commit} for commit in commits]))
    >>> found.table["ratio"].tolist(), found.table["rule"].tolist(), found.table["change"].tolist()
    ([1.1], ['exact'], ['worse'])
    """
    from pandas import DataFrame

    order = commits_of(results)
    newest = order[-1]
    rows: list[dict[str, Any]] = []
    compared: list[tuple[str, str, str, str]] = []
    notes: list[str] = []
    for (machine, environment), series in results.groupby(["machine", "environment"]):
        here = [commit for commit in order if (series["commit"] == commit).any()]
        where = f"{machine}, {environment}"
        if newest not in here:
            notes.append(f"{where}: the newest commit {newest[:8]} was not measured there")
        elif len(here) == 1:
            notes.append(f"{where}: one commit, {newest[:8]}, nothing to compare it with")
        else:
            old, new = here[-2:]
            compared.append((str(machine), str(environment), old, new))
            for row in _pairs(series[series["commit"] == old], series[series["commit"] == new], factor):
                rows.append({"machine": machine, "environment": environment, **row})
    columns = "machine environment benchmark case unit rule old new ratio low high change".split()
    return Changes(DataFrame(rows, columns=columns), compared, notes)


def commits_of(results: "DataFrame") -> list[str]:
    """Order the commits by their date; of commits of one second, the one measured later comes later."""
    dates = results.groupby("commit").agg({"date": "max", "started": "max"})
    return [str(name) for name in dates.sort_values(["date", "started"]).index]


def _pairs(old: "DataFrame", new: "DataFrame", factor: float) -> Iterator[dict[str, Any]]:
    sides = [{(row["benchmark"], row["case"]): row for row in side.to_dict("records")} for side in (old, new)]
    for place in sorted({*sides[0], *sides[1]}):
        before, after = sides[0].get(place), sides[1].get(place)
        known = after or before or {}
        rule = _rule(known["benchmark"], known["kind"])
        ratio, low, high = _ratio(before, after)
        yield {
            "benchmark": known["benchmark"],
            "case": known["case"],
            "unit": known["unit"],
            "rule": rule,
            "old": before["value"] if before else math.nan,
            "new": after["value"] if after else math.nan,
            "ratio": ratio,
            "low": low,
            "high": high,
            "change": _change(before, after, rule, ratio, low, high, factor),
        }


def _rule(benchmark: str, kind: str) -> str:
    if kind in ("track", "track_all"):
        return "ratio" if benchmark.rpartition(".")[2].startswith("track_ratio_") else "exact"
    return {"time": "timed", "peakmemory": "peak"}.get(kind, "ratio")


def _ratio(before: Any, after: Any) -> tuple[float, float, float]:
    """Give new / old with the limits that the two intervals allow; NaN where there is none."""
    nothing = (math.nan, math.nan, math.nan)
    if not before or not after or not before["value"] > 0.0 or not after["value"] >= 0.0:
        return nothing
    ratio = after["value"] / before["value"]
    if not (before["low"] > 0.0 and after["low"] > 0.0):
        return ratio, math.nan, math.nan
    return ratio, after["low"] / before["high"], after["high"] / before["low"]


def _change(before: Any, after: Any, rule: str, ratio: float, low: float, high: float, factor: float) -> str:
    """Say what became of one benchmark: a key of `CHANGES`."""
    if before is None or after is None:
        return "new" if before is None else "gone"
    if before["version"] != after["version"]:
        return "other benchmark"
    if before["failed"] or after["failed"]:
        return {(0, 1): "fails", (1, 0): "mended"}.get((before["failed"], after["failed"]), "skipped")
    old, new = before["value"], after["value"]
    if math.isnan(old) or math.isnan(new):
        return "skipped"
    limit = 1.0 + EXACT if rule == "exact" else factor
    # written so that numbers that are zero, negative or infinite are ordered, too
    if abs(new - old) <= (limit - 1.0) * min(abs(old), abs(new)) or old == new:
        return "same"
    if rule == "peak" and abs(new - old) <= SLACK:
        return "same"
    if rule == "timed" and not (low > 1.0 or high < 1.0):
        return "unclear"
    return "worse" if new > old else "better"
