"""What ``zobench report STORE --only FIGURE`` does: single figures, without the page."""

from pathlib import Path

import click

from zobench.cli.output import emit, emit_json
from zobench.errors import ZobenchError

__all__ = ["figure_verb"]


def figure_verb(store: str, names: tuple[str, ...], out: Path, as_json: bool) -> int:
    """Draw some reports into ``out/figures`` and ``out/tables``; exit code 1 if one cannot be drawn.

    Parameters
    ----------
    store : str
    names : tuple of str
        Of reports; each is drawn as PNG and SVG, with its numbers as CSV.
    out : Path
        A folder, made if need be.
    as_json : bool

    Returns
    -------
    int
        0; 1 if a report cannot be drawn from this store, which is told on stderr.

    Raises
    ------
    ZobenchError
        If there is no such report or store, or the folder cannot be written.

    Examples
    --------
    One run alone is no comparison of seeds:

    >>> import io, tempfile, zobench
    >>> from contextlib import redirect_stderr
    >>> from zobench.store.database import Store
    >>> with tempfile.TemporaryDirectory() as folder, redirect_stderr(io.StringIO()) as said:
    ...     with Store(f"{folder}/runs.sqlite") as store:
    ...         store.put(zobench.run("quadratic", "s2p", budget=100))
    ...     figure_verb(f"{folder}/runs.sqlite", ("seeds",), Path(folder), as_json=False)
    1
    >>> print(said.getvalue().partition(":")[2].strip())
    seeds not drawn: no problem and solver has traces of two seeds with a reference value
    """
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
