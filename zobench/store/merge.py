"""Join stores, look into one, tidy one up."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zobench.errors import ZobenchError
from zobench.store.database import Store
from zobench.store.schema import RUN

__all__ = ["Merged", "info", "merge", "vacuum"]

#: Tables with one row a name, and rows of a run.
_NAMED = ("verdicts", "tunings", "campaigns")
_OF_RUNS = {"traces": 7, "hits": 3, "observations": 4}
#: What differs between two runs of one key without making them different.
_OF_THE_DAY = ("seconds", "created", "environment")
#: Runs read at a time.
_CHUNK = 200


@dataclass
class Merged:
    """What joining stores did.

    Attributes
    ----------
    added : int
        Runs that were not there.
    same : int
        Runs that were there.
    replaced : int
        Failed runs that gave way to ones that did not fail.
    conflicts : list of str
        Ids of runs with other numbers in two stores; the first one is kept.

    Examples
    --------
    >>> done = Merged(added=8, same=2)
    >>> done.replaced, done.conflicts
    (0, [])
    """

    added: int = 0
    same: int = 0
    replaced: int = 0
    conflicts: list[str] = field(default_factory=list)


def merge(into: str, paths: Sequence[str]) -> Merged:
    """Put the runs, verdicts, tunings and campaigns of stores into one store.

    Parameters
    ----------
    into : path
        Made if need be.  What is taken from one store is one transaction.
    paths : sequence of path

    Returns
    -------
    Merged

    Raises
    ------
    ZobenchError
        If something is no store, or `into` is among `paths`; nothing is written then.  Where damage shows
        while a store is read, those before it are in and nothing of it is.

    Examples
    --------
    >>> import tempfile, zobench
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     parts = [f"{folder}/part-{seed}.sqlite" for seed in (0, 1)]
    ...     for seed, part in enumerate(parts):
    ...         with Store(part) as store:
    ...             store.put(zobench.run("quadratic", "s2p", budget=100, seed=seed))
    ...     merge(f"{folder}/all.sqlite", parts)
    Merged(added=2, same=0, replaced=0, conflicts=[])
    """
    for path in paths:
        Store(path, "read").close()
        if Path(into).exists() and Path(into).samefile(path):
            raise ZobenchError(f"store merge: {path!r} must not be merged into itself")
    merged = Merged()
    with Store(into) as store:
        for path in paths:
            with Store(path, "read") as source:
                _take(store, source, merged)
    return merged


class _Source:
    """What is read of a store, so that a damaged one is blamed by its name."""

    def __init__(self, store: Store):
        self._store = store

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> "_Source":
        with self._store._complaints():
            self._rows = self._store._connection.execute(sql, arguments).fetchall()
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows)


def _take(store: Store, source: Store, merged: Merged) -> None:
    here, there = store._connection, _Source(source)
    with store._complaints(), store._transaction():
        rows = there.execute("SELECT * FROM environments").fetchall()
        here.executemany("INSERT OR IGNORE INTO environments VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        for table in _NAMED:
            _take_named(here, there, table)
        for runs in _chunks(there):
            _take_runs(here, there, runs, merged)


def _chunks(connection: Any) -> Iterator[list[tuple[Any, ...]]]:
    last = -1
    while True:
        rows = connection.execute(
            f"SELECT number, {', '.join(RUN)} FROM runs WHERE number > ? ORDER BY number LIMIT {_CHUNK}",
            [last],
        ).fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _take_named(here: Any, there: Any, table: str) -> None:
    rows = there.execute(f"SELECT * FROM {table}").fetchall()
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        # the later of two of a name, as if both had been written here
        here.executemany(
            f"INSERT OR REPLACE INTO {table} SELECT * FROM (SELECT {marks}) WHERE NOT EXISTS "
            f"(SELECT 1 FROM {table} WHERE id = ? AND created >= ?)",
            [(*row, row[0], row[-1]) for row in rows],
        )


def _take_runs(here: Any, there: Any, runs: list[tuple[Any, ...]], merged: Merged) -> None:
    known = {
        row[0]: row[1:]
        for row in here.execute(
            f"SELECT id, number, {', '.join(RUN)} FROM runs WHERE id IN ({', '.join('?' * len(runs))})",
            [run[1] for run in runs],
        )
    }
    status = 1 + RUN.index("status")
    for run in runs:
        mine = known.get(run[1])
        if mine is None:
            merged.added += 1
        elif mine[status] == "failed" != run[status]:
            here.execute("DELETE FROM runs WHERE number = ?", [mine[0]])
            merged.replaced += 1
        else:
            if run[status] == "failed" or _content(here, mine) == _content(there, run):
                merged.same += 1
            else:
                merged.conflicts.append(run[1])
            continue
        number = here.execute(
            f"INSERT INTO runs ({', '.join(RUN)}) VALUES ({', '.join('?' * len(RUN))})", run[1:]
        ).lastrowid
        for table, width in _OF_RUNS.items():
            rows = there.execute(f"SELECT * FROM {table} WHERE run = ?", [run[0]])
            here.executemany(
                f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", ((number, *row[1:]) for row in rows)
            )


def _content(connection: Any, run: tuple[Any, ...]) -> list[Any]:
    content: list[Any] = [value for name, value in zip(RUN, run[1:], strict=True) if name not in _OF_THE_DAY]
    for table in _OF_RUNS:
        rows = connection.execute(f"SELECT * FROM {table} WHERE run = ? ORDER BY 1, 2", [run[0]])
        content.append([row[1:] for row in rows])
    return content


def info(path: str) -> dict[str, Any]:
    """Describe a store: its file, and how much of what is in it.

    Parameters
    ----------
    path : str

    Returns
    -------
    dict
        Of the file: `store` (its path), `schema`, `created_by` (version of zobench), `bytes`.  Numbers:
        `runs`, `observed` (runs), `queries`, `verdicts`, `tunings`.  Runs by name: `status`, `problems`,
        `solvers`.  Besides `dims` (smallest and largest), `first` and `last` (when a run was written, UTC),
        `campaigns` (titles), `environments` (list of dict).  What a store without runs cannot say is None.

    Raises
    ------
    ZobenchError
        If there is no store at `path`, or it cannot be read.

    Examples
    --------
    >>> import tempfile, zobench
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Store(f"{folder}/runs.sqlite") as store:
    ...         store.put(zobench.run("quadratic", "s2p", budget=100))
    ...     facts = info(f"{folder}/runs.sqlite")
    >>> facts["runs"], facts["queries"], facts["solvers"]
    (1, 100, {'s2p': 1})
    """
    with Store(path, "read") as store, store._complaints():
        asked = store._connection.execute

        def counts(column: str) -> dict[str, int]:
            return dict(
                asked(f"SELECT {column}, count(*) FROM runs GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
            )

        meta = dict(asked("SELECT key, value FROM meta").fetchall())
        queries, first, last = asked("SELECT sum(count), min(created), max(created) FROM runs").fetchone()
        dims = asked("SELECT min(dim), max(dim) FROM runs").fetchone()
        return {
            "store": str(path),
            "schema": int(meta["schema"]),
            "created_by": meta.get("created_by"),
            "bytes": sum(file.stat().st_size for file in _files(path)),
            "runs": sum(counts("status").values()),
            "status": counts("status"),
            "queries": queries or 0,
            "dims": list(dims),
            "problems": counts("problem"),
            "solvers": counts("solver"),
            "observed": asked("SELECT count(*) FROM runs WHERE observed").fetchone()[0],
            "first": first,
            "last": last,
            "verdicts": asked("SELECT count(*) FROM verdicts").fetchone()[0],
            "tunings": asked("SELECT count(*) FROM tunings").fetchone()[0],
            "campaigns": [
                title for (title,) in asked("SELECT title FROM campaigns ORDER BY created, title, id")
            ],
            "environments": [
                dict(zip(("python", "numpy", "numba", "zobench", "system", "machine"), row, strict=True))
                for row in asked("SELECT python, numpy, numba, zobench, system, machine FROM environments")
            ],
        }


def _files(path: str) -> Iterable[Path]:
    return [file for end in ("", "-wal") if (file := Path(f"{path}{end}")).exists()]


def vacuum(path: str) -> tuple[int, int]:
    """Write a store's file anew, without the room that replaced runs have left.

    Parameters
    ----------
    path : str

    Returns
    -------
    (int, int)
        Size before and after, in bytes.

    Raises
    ------
    ZobenchError
        If there is no store at `path`, or it cannot be read or written.

    Examples
    --------
    >>> import tempfile, zobench
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Store(f"{folder}/runs.sqlite") as store:
    ...         store.put(zobench.run("quadratic", "s2p", budget=100))
    ...     before, after = vacuum(f"{folder}/runs.sqlite")
    >>> 0 < after <= before
    True
    """
    Store(path, "read").close()  # makes none where none is
    with Store(path) as store, store._complaints():
        before = sum(file.stat().st_size for file in _files(path))
        store._connection.execute("VACUUM")
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return before, Path(path).stat().st_size


def campaign_tables(store: Store) -> list[tuple[str, dict[str, Any]]]:
    """Give title and table of every campaign that was run into a store."""
    frame = store.campaigns()
    return [
        (title, json.loads(content)) for title, content in zip(frame["title"], frame["content"], strict=True)
    ]
