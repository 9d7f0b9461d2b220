"""The verb ``regress``: what changed in asv's results between the last two commits."""

import click

from zobench.cli.output import emit, emit_json

__all__ = ["regress_command", "regress_verb"]


@click.command("regress")
@click.argument("results")
@click.option("--out", metavar="FOLDER", help="Write a page (index.html) and a table (regressions.md) there.")
@click.option(
    "--factor", default="1.1", show_default=True, metavar="F", help="Smaller changes of times are none."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every number.")
def regress_command(results: str, out: str | None, factor: str, as_json: bool) -> int:
    """Compare the last two commits in RESULTS, the results folder of asv (.asv/results).

    Prints a table in Markdown.  Exit code 1 on a significant regression: an exact number (`track_`) that
    grew by more than 1e-4 of itself; a time whose median grew by more than the factor and whose 99 %
    interval lies above the old one; a ratio that grew by more than the factor; a peak of memory that
    grew by more than the factor and 64 MB; a benchmark that fails now.  The last two commits are the newest
    by date and the one before it that was measured on the same machine in the same environment.
    """
    return regress_verb(results, out, factor, as_json)


def regress_verb(results: str, out: str | None, factor: str, as_json: bool) -> int:
    """Do what ``zobench regress`` asks; answer the exit code.

    Parameters
    ----------
    results : str
        The results folder of asv.
    out : str or None
        A folder for a page and a table of what changed.
    factor : str
        Smaller changes of times, memory and ratios are none.
    as_json : bool

    Returns
    -------
    int
        0; 1 on a significant regression.

    Raises
    ------
    ZobenchError
        If `factor` is not above 1, the folder holds no results of asv, or `out` cannot be written.

    Examples
    --------
    Two commits, the second of which asks for more queries:

    >>> import io, json, tempfile
    >>> from contextlib import redirect_stdout
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
    ...     place = Path(folder) / "machine"
    ...     place.mkdir()
    ...     _ = (Path(folder) / "benchmarks.json").write_text('{"version": 2}')
    ...     for date, queries in enumerate([1000, 1200]):
    ...         facts = {"version": 2, "commit_hash": f"{date}" * 40, "date": date}
    ...         facts |= {"params": {}, "env_name": "virtualenv"}
    ...         facts |= {"results": {"track_queries": [[queries]]}, "result_columns": ["result"]}
    ...         _ = (place / f"{date}.json").write_text(json.dumps(facts))
    ...     code = regress_verb(folder, None, "1.1", as_json=False)
    >>> print(said.getvalue().splitlines()[0], code)
    **1 significant regression of 1 number** 1
    """
    from zobench.errors import ZobenchError
    from zobench.page.regress import markdown, write_changes
    from zobench.parameters import Real, convert
    from zobench.performance.asv_results import compare_results, read_results

    limit = convert(factor, Real(), "regress: factor")
    if not limit > 1.0:
        raise ZobenchError(f"regress: factor must be > 1, got {factor}")
    found = read_results(results)
    changes = compare_results(found, limit)
    page = write_changes(found, changes, limit, out) if out else None
    if as_json:
        commits = [
            dict(zip(("machine", "environment", "old", "new"), each, strict=True)) for each in changes.commits
        ]
        facts = {"results": results, "factor": limit, "commits": commits, "notes": changes.notes}
        rows = changes.table.to_dict("records")
        emit_json({**facts, "regressions": len(changes.regressions), "numbers": rows})
    else:
        emit(markdown(changes, limit))
        if page:
            emit(f"\nPage: {page}")
    return int(bool(len(changes.regressions)))
