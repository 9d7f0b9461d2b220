"""The HTML page of a store: one file that needs nothing else, with figures and tables beside it for reuse."""

import base64
import json
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zobench import __version__
from zobench.drawing import count_of, image
from zobench.errors import ZobenchError
from zobench.page.findings import (
    VERDICTS,
    fewest_queries,
    per_problem,
    smallest_gap,
    verdict_counts,
    what_was_run,
)
from zobench.registry import catalogue
from zobench.report import Drawing, Evidence

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["write_evidence", "write_report"]

#: Inches of the second version of each figure, for telephones.
NARROW = 4.2
#: Failures listed on the page; the rest is in the table beside it.
FAILURES = 50
#: Problems and other solvers that the summary tells of: it is to fit on a screen.
FOUND, TOLD = 5, 4
#: A check with a smaller tightness has almost no power.
POWER = 0.1


def write_report(store_path: str | Path, out_folder: str | Path) -> Path:
    """Write the page of a store.

    Parameters
    ----------
    store_path : path
        A store.
    out_folder : path
        Made if need be; gets ``index.html``, ``figures/`` (PNG and SVG) and ``tables/`` (CSV).

    Returns
    -------
    Path
        Of ``index.html``, which works from disk without a network.

    Raises
    ------
    ZobenchError
        If the store cannot be read or the folder cannot be written.
    """
    return write_evidence(Evidence.from_store(store_path), out_folder)


def write_evidence(evidence: Evidence, out_folder: str | Path) -> Path:
    """Write the page of evidence that is in memory; see `write_report`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    out = Path(out_folder)
    try:
        for folder in (out / "figures", out / "tables"):
            folder.mkdir(parents=True, exist_ok=True)
        sections = [_section(report, evidence, out / "figures") for report in catalogue("reports").values()]
        tables = _tables(evidence)
        for name, table in tables.items():
            table.to_csv(out / "tables" / f"{name}.csv", index=False)
        environment = Environment(
            loader=PackageLoader("zobench.page", "."),
            autoescape=True,  # names and messages come from other people's code
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        page = environment.get_template("page.html.j2").render(**_facts(evidence, tables), sections=sections)
        path = out / "index.html"
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ZobenchError(
            f"the report's folder {str(out)!r} must be writable, got: {error.strerror or error}"
        ) from None
    return path


def _tables(evidence: Evidence) -> dict[str, "DataFrame"]:
    return {
        "runs": evidence.runs,
        "summary": per_problem(evidence),
        "verdicts": evidence.verdicts,
        "failures": evidence.runs[evidence.runs["status"] == "failed"],
    }


def _section(report: Any, evidence: Evidence, folder: Path) -> dict[str, Any]:
    """Draw one report, for the page in two widths, and keep its figures as files."""
    section: dict[str, Any] = {"name": report.name, "title": report.title, "reason": "", "figures": []}
    try:
        section["reason"] = report.missing(evidence)
        wide = report.drawings(evidence)
        narrow = report.drawings(evidence.narrowed(NARROW))
    except Exception as error:  # a stranger's report must not cost the page
        section["reason"] = f"the report failed with {type(error).__name__}: {error}"
        return section
    for place, (drawing, small) in enumerate(zip(wide, narrow, strict=True), start=1):
        stem = f"{report.name}-{place}"
        image = _image(drawing, "svg")
        (folder / f"{stem}.svg").write_bytes(image)
        (folder / f"{stem}.png").write_bytes(_image(drawing, "png"))
        if drawing.table is not None:
            drawing.table.to_csv(folder.parent / "tables" / f"{stem}.csv", index=False)
        section["figures"].append(
            {
                "stem": stem,
                "table": drawing.table is not None,
                "wide": _inline(image),
                "narrow": _inline(_image(small, "svg")),
                "rem": round(7.5 * drawing.figure.get_size_inches()[0], 1),
                "alt": f"{report.title}, figure {place}. {drawing.caption}",
                "caption": drawing.caption,
            }
        )
    return section


def _image(drawing: Drawing, kind: str) -> bytes:
    """Render a figure to bytes that depend on the drawing alone."""
    return image(drawing.figure, kind)


def _inline(image: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(image).decode("ascii")


def _facts(evidence: Evidence, tables: dict[str, "DataFrame"]) -> dict[str, Any]:
    """Gather what the template prints."""
    failures = tables["failures"]
    return {
        "version": __version__,
        "source": evidence.source,
        "command": evidence.command,
        "empty": not len(evidence.runs),
        "ran": what_was_run(evidence),
        "where": _where(evidence.environment),
        "found": _found(evidence),
        "claims": [judgement for _, judgements in evidence.claims for judgement in judgements],
        "refuted": _refuted(evidence),
        "failed": _failed(failures, len(evidence.runs)),
        "unfinished": _unfinished(evidence),
        "counts": verdict_counts(evidence),
        "meanings": VERDICTS,
        "verdicts": list(_verdict_rows(evidence.verdicts)),
        "problems": _grouped(tables["summary"], "problem"),
        "solvers": _grouped(tables["summary"], "solver"),
        "campaigns": _campaigns(evidence),
        "failures": failures.head(FAILURES).to_dict("records"),
        "failures_left": max(0, len(failures) - FAILURES),
        "environment": {str(key): _text(value) for key, value in sorted(evidence.environment.items())},
    }


def _grouped(summary: "DataFrame", by: str) -> dict[str, list[dict[str, Any]]]:
    """Give the rows of each problem, or of each solver."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in summary.to_dict("records"):
        found.setdefault(row[by], []).append(_shown(row))
    return found


def _campaigns(evidence: Evidence) -> list[tuple[str, str]]:
    """Give what was asked for: title and content of each campaign, the content in lines."""
    known = evidence.campaigns
    if known is None:
        return []
    return [
        (str(title), json.dumps(json.loads(content), indent=1))
        for title, content in zip(known["title"], known["content"], strict=True)
    ]


def _where(environment: dict[str, Any]) -> str:
    """Say in one line what the runs were made with."""
    if not environment:
        return "The store does not say."
    known = {key: str(value) for key, value in environment.items() if value}
    place = ", ".join(known[key] for key in ("machine", "system") if key in known)
    versions = ", ".join(
        f"{key} {known[key]}" for key in ("zobench", "python", "numpy", "numba") if key in known
    )
    return "; ".join(part for part in (place, versions) if part) + "."


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in sorted(value.items()))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _found(evidence: Evidence) -> list[str]:
    """Say for each problem which solver needed the fewest queries to a target that others reached too."""
    sentences = []
    closest = smallest_gap(evidence)
    for problem, target, queries in fewest_queries(evidence):
        (best, fewest), *others = queries.items()
        told = [
            f"{name} {count:,.0f}" if math.isfinite(count) else f"{name} did not get there"
            for name, count in others
        ]
        if len(told) > TOLD:
            told = [*told[:TOLD], f"{len(told) - TOLD} others later or not at all"]
        rest = f" ({'; '.join(told)})" if told else ""
        sentences.append(
            f"{problem}: {best} was first to cut the gap to {target:.2g} of the start's, "
            f"after {fewest:,.0f} queries{rest}. "
            f"Smallest median gap in the end: {closest.get(problem, 'unknown')}."
        )
    if len(sentences) <= FOUND:
        return sentences
    first = Counter(next(iter(found.queries)) for found in fewest_queries(evidence))
    wins = ", ".join(f"{name} on {count}" for name, count in first.most_common(TOLD))
    return [
        f"First to a common target, of {len(sentences)} problems: {wins}.",
        *sentences[:FOUND],
        f"{len(sentences) - FOUND} problems more: see their sections.",
    ]


def _refuted(evidence: Evidence) -> str:
    counts = verdict_counts(evidence)
    if not counts:
        return "No theorem was tried."
    told = ", ".join(f"{count} {word}" for word, count in counts.items())
    weak = sum(bool(row["power"]) for row in _verdict_rows(evidence.verdicts))
    power = f" {count_of(weak, 'check')} had no power (tightness below {POWER})." if weak else ""
    nothing = "" if counts.get("refuted") else "Nothing. "
    return f"{nothing}{count_of(sum(counts.values()), 'check')} of theorems: {told}.{power}"


def _failed(failures: "DataFrame", total: int) -> str:
    if not total:
        return "There is no run that could have failed."
    return f"{count_of(len(failures), 'run')} of {total:,} failed." if len(failures) else "No run failed."


def _unfinished(evidence: Evidence) -> str:
    """Say that solvers met different seeds or problems, which is how a half-finished campaign looks."""
    runs = evidence.campaign
    if not len(runs):
        return ""
    wide = runs.pivot_table(
        index="problem_name", columns="solver", values="seed", aggfunc="nunique", fill_value=0
    )
    short = int((wide.lt(wide.max(axis="columns"), axis="index")).sum().sum())
    if not short:
        return ""
    return (
        f"{short} of {wide.size} pairs of problem and solver have fewer seeds than others on the same "
        "problem: the campaign is unfinished, or was not meant to compare all."
    )


def _verdict_rows(verdicts: "DataFrame") -> Iterable[dict[str, Any]]:
    for row in verdicts.to_dict("records"):
        tightness = float(row.get("tightness", math.nan))
        yield {
            "theorem": row["theorem"],
            "problem": _said(row.get("instance")) or row["problem"],
            "law": _said(row.get("law")),
            "steps": f"{int(row['steps']):,}",
            "seeds": int(row["seeds"]),
            "bound": _number(row["bound"]),
            "mean": _number(row["mean"]),
            "interval": f"{_number(row['ci_low'])} to {_number(row['ci_high'])}",
            "tightness": f"{tightness:.2f}" if tightness >= 0.01 else f"{tightness:.1e}",
            "power": "no power" if tightness < POWER and row.get("relation") != "slope" else "",
            "e": f"{round(float(row['log10_e_value']), 1) + 0.0:.1f}",
            "verdict": row["verdict"],
            "note": _said(row.get("note")),
        }


def _said(value: Any) -> str:
    """Give what a verdict says, which a table holds as NaN where another verdict lacks it."""
    return value if isinstance(value, str) else ""


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "median best gap": _number(row["median best gap"]),
        "median best value": _number(row["median best value"]),
        "targets hit": "no targets" if math.isnan(row["targets hit"]) else f"{row['targets hit']:.0%}",
    }


def _number(value: Any) -> str:
    """Write a number with three digits, or say that there is none."""
    number = float(value)
    if math.isnan(number):
        return "none"
    return f"{number:.3g}"
