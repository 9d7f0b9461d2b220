"""What ``zobench report STORE --only FIGURE`` does: single figures, without the page."""

from pathlib import Path

import click

from zobench.cli.output import emit, emit_json
from zobench.errors import ZobenchError

__all__ = ["figure_verb"]


def figure_verb(store: str, names: tuple[str, ...], out: Path, as_json: bool) -> int:
    """Draw some reports into ``out/figures`` and ``out/tables``; exit code 1 if one cannot be drawn."""
    from zobench.drawing import image
    from zobench.registry import find
    from zobench.report import Evidence

    reports = [find("reports", name) for name in dict.fromkeys(names)]
    evidence = Evidence.from_store(store)
    written: list[str] = []
    refused: dict[str, str] = {}
    try:
        for folder in (out / "figures", out / "tables"):
            folder.mkdir(parents=True, exist_ok=True)
        for report in reports:
            drawings = report.drawings(evidence)
            if not drawings:
                refused[report.name] = report.missing(evidence) or "there is nothing to draw"
            for place, drawing in enumerate(drawings, start=1):
                stem = f"{report.name}-{place}"
                for kind in ("png", "svg"):
                    path = out / "figures" / f"{stem}.{kind}"
                    path.write_bytes(image(drawing.figure, kind))
                    written.append(str(path))
                if drawing.table is not None:
                    path = out / "tables" / f"{stem}.csv"
                    drawing.table.to_csv(path, index=False)
                    written.append(str(path))
    except OSError as error:
        raise ZobenchError(
            f"the report's folder {str(out)!r} must be writable, got: {error.strerror or error}"
        ) from None
    if as_json:
        emit_json({"store": store, "written": written, "not_drawn": refused})
    elif written:
        emit("\n".join(written))
    for name, why in refused.items():
        click.echo(f"zobench: {name} not drawn: {why}", err=True)
    return int(bool(refused))
