"""The verbs that look into stores: ``status``, ``store info|merge|vacuum|export`` and ``export``."""

from pathlib import Path
from typing import Any

import click

from zobench.campaign.definition import Campaign
from zobench.campaign.named import find_campaign
from zobench.campaign.plan import State, described, state
from zobench.cli.output import columns, emit, emit_json
from zobench.errors import ZobenchError, unknown
from zobench.store.database import Store

__all__ = ["export_verb", "info_verb", "merge_verb", "status_verb", "tables_verb", "vacuum_verb"]


def status_verb(path: str, given: str | None, missing: bool, as_json: bool) -> None:
    """Say how much of its campaigns a store has.

    Parameters
    ----------
    path : str
        Of the store.
    given : str or None
        A campaign: a file, or the name of one that comes with zobench.  If not given: every campaign that was
        run into the store.
    missing : bool
        List the runs that are still to be done instead of counting.
    as_json : bool

    Raises
    ------
    ZobenchError
        If there is no store at `path`, or no such campaign.

    Examples
    --------
    >>> import tempfile
    >>> from contextlib import chdir
    >>> from zobench.campaign.definition import execute
    >>> campaign = Campaign.from_options(["quadratic"], ["s2p"], budget=50, seeds=4, title="two of four")
    >>> with tempfile.TemporaryDirectory() as folder, chdir(folder):
    ...     with Store("runs.sqlite") as store:
    ...         tally = execute(campaign, store, workers=1, shard=(1, 2))
    ...     status_verb("runs.sqlite", None, missing=False, as_json=False)
    campaign     runs  done  failed  missing
    two of four     4     2       0        2
    2 runs in runs.sqlite
    """
    wanted = [find_campaign(given)] if given is not None else None
    with Store(path, "read") as store:
        states = [state(campaign, store) for campaign in (wanted or _campaigns(store))]
        runs = store.size()
    if as_json:
        emit_json({"store": path, "runs": runs, "campaigns": [_facts(known, missing) for known in states]})
        return
    if missing:
        _list_missing(states)
        return
    rows = [
        [known.title, *map(str, (known.runs, known.done, known.failed, len(known.missing) + known.waiting))]
        for known in states
    ]
    if rows:
        emit(columns(["campaign", "runs", "done", "failed", "missing"], rows, right=(1, 2, 3, 4)))
    emit(f"{runs} {'run' if runs == 1 else 'runs'} in {path}")


def _campaigns(store: Store) -> list[Campaign]:
    """Expand the campaigns that were run into a store."""
    from zobench.store.merge import campaign_tables

    found = []
    for title, table in campaign_tables(store):
        try:
            found.append(Campaign.from_table(table, f"campaign {title!r}"))
        except ZobenchError as fault:  # made where a package is installed that is not here, for one
            click.echo(f"zobench: {fault}", err=True)
    return found


def _facts(known: State, missing: bool) -> dict[str, Any]:
    facts = {
        "title": known.title,
        "runs": known.runs,
        "done": known.done,
        "failed": known.failed,
        "missing": len(known.missing) + known.waiting,
        "waiting": known.waiting,
    }
    return {**facts, "missing_runs": [described(key) for key in known.missing]} if missing else facts


def _list_missing(states: list[State]) -> None:
    heads = ["problem", "solver", "budget", "seed", "id"]
    facts = {key.digest(): described(key) for known in states for key in known.missing}
    rows = [[str(fact[name]) for name in heads] for fact in facts.values()]
    if rows:
        emit(columns(heads, rows, right=(2, 3)))
    waiting = sum(known.waiting for known in states)
    if waiting:
        emit(f"and {waiting} runs that wait for their parameters to be tuned")
    if not rows and not waiting:
        emit("nothing is missing")


def info_verb(path: str, as_json: bool) -> None:
    r"""Say what is in a store.

    Parameters
    ----------
    path : str
    as_json : bool

    Raises
    ------
    ZobenchError
        If there is no store at `path`.

    Examples
    --------
    >>> import io, tempfile, zobench
    >>> from contextlib import redirect_stdout
    >>> with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
    ...     with Store(f"{folder}/runs.sqlite") as store:
    ...         store.put(zobench.run("quadratic", "s2p", budget=100))
    ...     info_verb(f"{folder}/runs.sqlite", as_json=False)
    >>> print("\n".join(said.getvalue().splitlines()[1:4]))
    runs       1 (1 budget)
    queries    100; dimension 10
    problems   1: quadratic 1
    """
    from zobench.store.merge import info

    facts = info(path)
    if as_json:
        emit_json(facts)
        return
    statuses = ", ".join(f"{count:,} {status}" for status, count in facts["status"].items())
    low, high = facts["dims"]
    dims = "" if low is None else f"; dimension {low}" + ("" if low == high else f" to {high}")
    lines = {
        "store": f"{path}, schema {facts['schema']}, {_size(facts['bytes'])}, made by {facts['created_by']}",
        "runs": f"{facts['runs']:,}" + (f" ({statuses})" if statuses else ""),
        "queries": f"{facts['queries']:,}{dims}",
        "problems": _counted(facts["problems"]),
        "solvers": _counted(facts["solvers"]),
        "verdicts": f"{facts['verdicts']:,}; {facts['observed']:,} runs observed for theorems",
        "tunings": f"{facts['tunings']:,}",
        "campaigns": ", ".join(facts["campaigns"]) or "none recorded",
        "created": f"{facts['first']} to {facts['last']} (UTC)" if facts["first"] else "-",
        "made with": "; ".join(
            f"zobench {made['zobench']}, Python {made['python']}, numpy {made['numpy']}, "
            f"numba {made['numba']}, {made['system']}, {made['machine']}"
            for made in facts["environments"]
        ),
    }
    emit("\n".join(f"{name:<10} {text}".rstrip() for name, text in lines.items()))


def _counted(names: dict[str, int], most: int = 8) -> str:
    shown = ", ".join(f"{name} {count:,}" for name, count in list(names.items())[:most])
    return f"{len(names)}" + (f": {shown}" if names else "") + (", ..." if len(names) > most else "")


def _size(count: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def merge_verb(into: str, paths: tuple[str, ...], as_json: bool) -> int:
    """Join stores; exit code 1 if runs disagree.

    Parameters
    ----------
    into : str
        Store that takes what is in the others; made if need be.
    paths : tuple of str
    as_json : bool

    Returns
    -------
    int
        0; 1 if two stores have other numbers for one run, which is told on stderr.

    Raises
    ------
    ZobenchError
        If something is no store, or `into` is among `paths`.

    Examples
    --------
    >>> import tempfile, zobench
    >>> from contextlib import chdir
    >>> with tempfile.TemporaryDirectory() as folder, chdir(folder):
    ...     for part, seeds in ("a", (0, 1)), ("b", (1, 2)):
    ...         with Store(part) as store:
    ...             store.put(*(zobench.run("quadratic", "s2p", budget=100, seed=seed) for seed in seeds))
    ...     merge_verb("all", ("a", "b"), as_json=False)
    3 runs added, 1 already there; store all
    0
    """
    from zobench.store.merge import merge

    done = merge(into, paths)
    if as_json:
        emit_json({"store": into, **done.__dict__})
    else:
        replaced = f", {done.replaced:,} failed ones replaced" if done.replaced else ""
        emit(f"{done.added:,} runs added{replaced}, {done.same:,} already there; store {into}")
    if done.conflicts:
        click.echo(
            f"zobench: {len(done.conflicts)} runs have other numbers in two stores, the first is kept: "
            f"{', '.join(done.conflicts[:3])}{', ...' if len(done.conflicts) > 3 else ''}",
            err=True,
        )
    return int(bool(done.conflicts))


def vacuum_verb(path: str, as_json: bool) -> None:
    """Write a store anew, and say what room that gave back.

    Parameters
    ----------
    path : str
    as_json : bool

    Raises
    ------
    ZobenchError
        If there is no store at `path`.

    Examples
    --------
    >>> import io, json, tempfile
    >>> from contextlib import redirect_stdout
    >>> with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
    ...     Store(f"{folder}/runs.sqlite").close()
    ...     vacuum_verb(f"{folder}/runs.sqlite", as_json=True)
    >>> facts = json.loads(said.getvalue())
    >>> 0 < facts["bytes_after"] <= facts["bytes_before"]
    True
    """
    from zobench.store.merge import vacuum

    before, after = vacuum(path)
    if as_json:
        emit_json({"store": path, "bytes_before": before, "bytes_after": after})
    else:
        emit(f"{_size(before)} before, {_size(after)} after; store {path}")


def tables_verb(path: str, folder: str, form: str, as_json: bool) -> None:
    """Write a store's tables, one file each.

    Parameters
    ----------
    path : str
        Of the store.
    folder : str
        New, or empty.
    form : str
        ``"csv"`` or ``"parquet"``.
    as_json : bool

    Raises
    ------
    ZobenchError
        If there is no store at `path`, the format is another or not installed, or the folder holds
        something already or cannot be written.

    Examples
    --------
    >>> import tempfile, zobench
    >>> from contextlib import chdir
    >>> with tempfile.TemporaryDirectory() as folder, chdir(folder):
    ...     with Store("runs.sqlite") as store:
    ...         store.put(zobench.run("quadratic", "s2p", budget=100))
    ...     tables_verb("runs.sqlite", "tables", "csv", as_json=False)
    ...     sorted(file.name for file in Path("tables").iterdir())[-2:]
    table         rows
    runs             1
    ...
    written to tables
    ['tunings.csv', 'verdicts.csv']
    """
    from zobench.export.tables import write_tables

    rows = write_tables(path, folder, form)
    if as_json:
        emit_json({"store": path, "folder": folder, "rows": rows})
    else:
        emit(columns(["table", "rows"], [[name, f"{count:,}"] for name, count in rows.items()], right=(1,)))
        emit(f"written to {folder}")


def export_verb(path: str, form: str, out: str | None, gap: str, as_json: bool) -> None:
    """Write a store's runs in another tool's format, and say what that format cannot hold.

    Parameters
    ----------
    path : str
        Of the store.
    form : str
        ``"coco"`` or ``"ioh"``.
    out : str or None
        A folder, new or empty; if not given, one beside the store with the format's name.
    gap : str
        ``"relative"``: f - f_star as a part of f(x0) - f_star; ``"absolute"``: in units of f.
    as_json : bool

    Raises
    ------
    ZobenchError
        If there is no such format or gap, no store at `path` or no run in it that can be compared, or the
        folder holds something already or cannot be written.

    Examples
    --------
    >>> import tempfile, zobench
    >>> from contextlib import chdir
    >>> with tempfile.TemporaryDirectory() as folder, chdir(folder):
    ...     with Store("runs.sqlite") as store:
    ...         store.put(zobench.run("quadratic", "s2p", budget=100))
    ...     export_verb("runs.sqlite", "ioh", "ioh", "relative", as_json=False)
    1 runs of 1 functions by 1 algorithms: ioh
    lost: ...
    """
    from zobench.export.coco import export_coco
    from zobench.export.ioh import export_ioh

    writers = {"coco": export_coco, "ioh": export_ioh}
    if form not in writers:
        raise unknown("export: the format", form, writers)
    folder = Path(out) if out else Path(path).parent / form
    done = writers[form](path, folder, gap)
    if as_json:
        emit_json({"store": path, "folder": str(folder), **done.as_dict()})
        return
    emit(f"{done.runs:,} runs of {done.functions:,} functions by {done.algorithms:,} algorithms: {folder}")
    for loss in done.losses:
        emit(f"lost: {loss}")
    emit(done.hint)
