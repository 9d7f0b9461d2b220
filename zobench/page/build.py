"""The HTML page of a store: one file that needs nothing else, with figures and tables beside it for reuse."""

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zobench import __version__
from zobench.drawing import image
from zobench.errors import ZobenchError
from zobench.page.findings import VERDICTS, per_problem
from zobench.page.images import compact, data_address
from zobench.page.sections import claim_rows, problem_sections, solver_sections, theorem_groups
from zobench.page.summary import facts, failed, notices, races
from zobench.registry import catalogue
from zobench.report import Drawing, Evidence, Report

if TYPE_CHECKING:
    from jinja2 import Template
    from pandas import DataFrame

__all__ = ["write_evidence", "write_report"]

#: Inches of the second version of each figure, for telephones.
NARROW = 4.2
#: Failures listed on the page; the rest is in the table beside it.
FAILURES = 50
#: Problems that the summary tells of: on a screen of 1600 x 900 pixels it fits.
RACES = 8


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

    Examples
    --------
    Of a store without runs the page says just that:

    >>> import tempfile
    >>> from zobench.store.database import Store
    >>> with tempfile.TemporaryDirectory() as place:
    ...     Store(f"{place}/store.sqlite").close()
    ...     page = write_report(f"{place}/store.sqlite", f"{place}/page")
    ...     "the store holds no runs" in page.read_text(encoding="utf-8")
    True
    """
    return write_evidence(Evidence.from_store(store_path), out_folder)


def write_evidence(evidence: Evidence, out_folder: str | Path) -> Path:
    """Write the page of evidence that is in memory; see `write_report`.

    A report that raises costs its own section only, which says why.

    Parameters
    ----------
    evidence : Evidence
    out_folder : path
        As in `write_report`.

    Returns
    -------
    Path
        Of ``index.html``.

    Raises
    ------
    ZobenchError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     page = write_evidence(Evidence.from_traces([]), place)
    ...     sorted(path.name for path in Path(place).iterdir()), page.name
    (['figures', 'index.html', 'tables'], 'index.html')
    """
    from pandas import option_context

    out = Path(out_folder)
    try:
        for folder in (out / "figures", out / "tables"):
            folder.mkdir(parents=True, exist_ok=True)
        with option_context("mode.string_storage", "python"):  # faster to go through than Arrow's
            sections = [
                _section(report, evidence, out / "figures") for report in catalogue("reports").values()
            ]
            tables = _tables(evidence)
            for name, table in tables.items():
                table.to_csv(out / "tables" / f"{name}.csv", index=False)
            page = _template().render(**_facts(evidence, tables), sections=sections)
        path = out / "index.html"
        # a lone surrogate of a message is written as it is read: backslash and number
        path.write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ZobenchError(
            f"the report's folder {str(out)!r} must be writable, got: {error.strerror or error}"
        ) from None
    return path


def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zobench.page", "."),
        autoescape=True,  # names and messages come from other people's code
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _tables(evidence: Evidence) -> dict[str, "DataFrame"]:
    return {
        "runs": evidence.runs,
        "summary": per_problem(evidence),
        "verdicts": evidence.verdicts,
        "failures": evidence.runs[evidence.runs["status"] == "failed"],
    }


def _section(report: Report, evidence: Evidence, folder: Path) -> dict[str, Any]:
    """Draw one report, for the page in two widths, and keep its figures as files."""
    section: dict[str, Any] = {
        "name": report.name,
        "title": report.title,
        "part": report.part,
        "reason": "",
        "figures": [],
    }
    try:
        with warnings.catch_warnings():
            # the page has the name whole; a box in a figure costs it nothing
            warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font", UserWarning)
            section["reason"] = report.missing(evidence)
            wide = report.drawings(evidence)
            narrow = report.drawings(evidence.narrowed(NARROW))
            section["figures"] = [
                _figure(report, place, drawing, small, folder)
                for place, (drawing, small) in enumerate(zip(wide, narrow, strict=True), start=1)
            ]
    except OSError:
        raise
    except Exception as error:  # a stranger's report must not cost the page
        section["reason"] = f"the report failed with {type(error).__name__}: {error}"
    if not section["figures"] and not section["reason"]:
        section["reason"] = "there is nothing to draw"
    return section


def _figure(report: Report, place: int, drawing: Drawing, small: Drawing, folder: Path) -> dict[str, Any]:
    """Keep one figure as files, and give what the page shows of it."""
    stem = f"{report.name}-{place}"
    picture = image(drawing.figure, "svg")
    (folder / f"{stem}.svg").write_bytes(picture)
    (folder / f"{stem}.png").write_bytes(image(drawing.figure, "png"))
    if drawing.table is not None:
        drawing.table.to_csv(folder.parent / "tables" / f"{stem}.csv", index=False)
    return {
        "stem": stem,
        "table": drawing.table is not None,
        "wide": data_address(compact(picture)),
        "narrow": data_address(compact(image(small.figure, "svg"))),
        "rem": round(7.5 * drawing.figure.get_size_inches()[0], 1),
        "label": f"{report.title}, figure {place}",
        "alt": f"{report.title}, figure {place}: {drawing.caption.partition('. ')[0].rstrip('.')}.",
        "caption": drawing.caption,
    }


def _facts(evidence: Evidence, tables: dict[str, "DataFrame"]) -> dict[str, Any]:
    """Gather what the template prints."""
    failures = tables["failures"]
    verdicts = theorem_groups(evidence)
    return {
        "version": __version__,
        "source": evidence.source,
        "command": evidence.command,
        "empty": not len(evidence.runs),
        "notices": notices(evidence),
        "facts": facts(evidence),
        "races": races(evidence),
        "shown_races": RACES,
        "claims": claim_rows(evidence),
        "meanings": VERDICTS,
        "theorems": verdicts,
        "problems": problem_sections(evidence),
        "solvers": solver_sections(evidence),
        "both_kinds": tables["summary"]["made for"].nunique() > 1,
        "campaigns": _campaigns(evidence),
        "failed": failed(failures, len(evidence.runs)),
        "failures": failures.head(FAILURES).to_dict("records"),
        "failures_left": max(0, len(failures) - FAILURES),
        "environment": {str(key): _text(value) for key, value in sorted(evidence.environment.items())},
    }


def _campaigns(evidence: Evidence) -> list[tuple[str, str]]:
    """Give what was asked for: title and content of each campaign, the content in lines."""
    known = evidence.campaigns
    if known is None:
        return []
    return [
        (str(title), json.dumps(json.loads(content), indent=1, ensure_ascii=False))
        for title, content in zip(known["title"], known["content"], strict=True)
    ]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in sorted(value.items()))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
