"""The tables of a store, what each schema added to them, and how an older file is brought up to date.

Schema 2.  A run's id is the digest of its key (`zobench.trace.RunKey`); inside the file runs go by a number.

============  ======================================================================================
meta          key, value: ``schema`` (2), ``created_by`` (version of zobench)
environments  id, python, numpy, numba, zobench, system, machine: once each
runs          number, id; the key: problem, dim, instance_seed, problem_parameters (JSON), solver,
              solver_parameters (JSON), budget, seed, noise, observed, version, weights; what came of it:
              status, message, count, steps, seconds, start, value, best, reference, gradients; created
              (UTC), environment
traces        run, row, queries, best, value, gradient_norm, running_mean
hits          run, target, queries (NULL: not hit); no rows where the problem has no reference value
observations  run, quantity, mean, minimum
verdicts      id, one column each key of `zobench.store.frames.VERDICT`, everything (JSON), created
campaigns     id, title, content (JSON: the campaign as it was asked for), created
tunings       id, problem, solver, criterion, parameters (JSON: the best), everything (JSON: every candidate
              with its result and its runs' ids), created
============  ======================================================================================

Schema 1 lacked ``runs.gradients`` (0 in its runs: no first-order method could be written),
``runs.weights`` and the tables ``campaigns`` and ``tunings``.  In a file of schema 1 an observed run does not
say which step weights its observations were made with; `zobench verify` makes them anew.

A failed run is a row with status 'failed' and the exception's text.  SQLite writes NaN as NULL and infinities
as they are, so a NULL number reads back as NaN.  The parameter value ``"certified"`` stands for the NaN that
a solver's parameter has when the problem's certificate is to be used.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from zobench.errors import ZobenchError
from zobench.store.frames import VERDICT

__all__ = [
    "KEY",
    "OUTCOME",
    "RUN",
    "SCHEMA",
    "TABLES",
    "check",
    "create",
    "is_empty",
    "lay_out",
    "migrate",
    "shadow",
]

#: Version of the tables below; a file of a newer one is refused, an older one is brought up to date.
SCHEMA = 2

#: Columns of `runs` that name a run.
KEY = (
    "problem dim instance_seed problem_parameters solver solver_parameters budget seed noise observed "
    "version weights"
).split()
#: Columns of `runs` that say what came of it.
OUTCOME = "status message count steps seconds start value best reference gradients".split()
RUN = ["id", *KEY, *OUTCOME, "created", "environment"]

_CAMPAIGNS = """CREATE TABLE campaigns (id TEXT PRIMARY KEY, title TEXT NOT NULL, content TEXT NOT NULL,
    created TEXT NOT NULL)"""
_TUNINGS = """CREATE TABLE tunings (id TEXT PRIMARY KEY, problem TEXT NOT NULL, solver TEXT NOT NULL,
    criterion TEXT NOT NULL, parameters TEXT NOT NULL, everything TEXT NOT NULL, created TEXT NOT NULL)"""

_LAYOUT = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE environments (id TEXT PRIMARY KEY, python TEXT, numpy TEXT, numba TEXT, zobench TEXT,
    system TEXT, machine TEXT);
CREATE TABLE runs (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, problem TEXT NOT NULL,
    dim INTEGER NOT NULL, instance_seed INTEGER NOT NULL, problem_parameters TEXT NOT NULL,
    solver TEXT NOT NULL, solver_parameters TEXT NOT NULL, budget INTEGER NOT NULL, seed INTEGER NOT NULL,
    noise TEXT NOT NULL, observed INTEGER NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL,
    message TEXT NOT NULL, count INTEGER, steps INTEGER, seconds REAL, start REAL, value REAL, best REAL,
    reference REAL, created TEXT NOT NULL, environment TEXT NOT NULL, gradients INTEGER,
    weights TEXT NOT NULL DEFAULT '');
CREATE TABLE traces (run INTEGER REFERENCES runs ON DELETE CASCADE, row INTEGER, queries INTEGER, best REAL,
    value REAL, gradient_norm REAL, running_mean REAL, PRIMARY KEY (run, row)) WITHOUT ROWID;
CREATE TABLE hits (run INTEGER REFERENCES runs ON DELETE CASCADE, target REAL, queries INTEGER,
    PRIMARY KEY (run, target)) WITHOUT ROWID;
CREATE TABLE observations (run INTEGER REFERENCES runs ON DELETE CASCADE, quantity TEXT, mean REAL,
    minimum REAL, PRIMARY KEY (run, quantity)) WITHOUT ROWID;
CREATE TABLE verdicts (id TEXT PRIMARY KEY, {", ".join(VERDICT)}, everything TEXT NOT NULL,
    created TEXT NOT NULL);
{_CAMPAIGNS};
{_TUNINGS};
INSERT INTO meta VALUES ('schema', '{SCHEMA}')
"""

#: What makes a file of schema n one of schema n + 1.
_STEPS = {
    1: (
        "ALTER TABLE runs ADD COLUMN gradients INTEGER",
        "UPDATE runs SET gradients = 0 WHERE count IS NOT NULL",
        "ALTER TABLE runs ADD COLUMN weights TEXT NOT NULL DEFAULT ''",
        _CAMPAIGNS,
        _TUNINGS,
    ),
}

#: How a reader sees a file of schema n without changing it: temporary views, which hide the tables.
_VIEWS = {
    1: (
        "CREATE TEMP VIEW runs AS SELECT *, CASE WHEN count IS NULL THEN NULL ELSE 0 END AS gradients, "
        "'' AS weights FROM main.runs",
        "CREATE TEMP VIEW campaigns AS SELECT '' AS id, '' AS title, '' AS content, '' AS created WHERE 0",
        "CREATE TEMP VIEW tunings AS SELECT '' AS id, '' AS problem, '' AS solver, '' AS criterion, "
        "'' AS parameters, '' AS everything, '' AS created WHERE 0",
    ),
}


def _columns(connection: sqlite3.Connection) -> dict[str, list[str]]:
    tables = [
        name for (name,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type='table'")
    ]
    return {
        table: [row[1] for row in connection.execute(f'PRAGMA main.table_info("{table}")')]
        for table in tables
    }


def _tables() -> dict[int, dict[str, list[str]]]:
    """Give the columns of every table, schema by schema."""
    connection = sqlite3.connect(":memory:")
    for statement in _LAYOUT.split(";"):
        connection.execute(statement)
    newest = _columns(connection)
    connection.close()
    first = {table: columns for table, columns in newest.items() if table not in ("campaigns", "tunings")}
    first["runs"] = [name for name in first["runs"] if name not in ("gradients", "weights")]
    return {1: first, SCHEMA: newest}


#: Columns of every table, schema by schema.
TABLES = _tables()


def is_empty(connection: sqlite3.Connection) -> bool:
    """Say whether a file holds nothing at all.

    Parameters
    ----------
    connection : sqlite3.Connection

    Returns
    -------
    bool
        False as soon as there is one table, whosever it is.

    Examples
    --------
    >>> import sqlite3
    >>> connection = sqlite3.connect(":memory:")
    >>> is_empty(connection)
    True
    >>> connection.close()
    """
    return connection.execute("SELECT count(*) FROM main.sqlite_master").fetchone() == (0,)


def lay_out(connection: sqlite3.Connection) -> None:
    """Make the tables of a new store, unless another process has just done so.

    Parameters
    ----------
    connection : sqlite3.Connection
        Outside a transaction; what is made here is one.

    Examples
    --------
    >>> import sqlite3
    >>> connection = sqlite3.connect(":memory:", isolation_level=None)
    >>> lay_out(connection)
    >>> connection.execute("SELECT count(*) FROM runs").fetchone()
    (0,)
    >>> connection.close()
    """
    from zobench import __version__

    connection.execute("BEGIN IMMEDIATE")
    if is_empty(connection):
        for statement in _LAYOUT.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('created_by', ?)", [f"zobench {__version__}"])
    connection.execute("COMMIT")


def create(path: Path) -> None:
    """Make a new store: a file that either is there with all its tables or is not there.

    It is laid out under another name, written to the disk once and then given its name, unless another
    process has been faster.  Laid out in place it would wait for the disk eight times.

    Parameters
    ----------
    path : Path
        Of the file, in a folder that exists.

    Raises
    ------
    sqlite3.Error
        If no file can be made in the folder.
    OSError
        If the file cannot be written to the disk or be given its name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     create(Path(folder) / "runs.sqlite")
    ...     [file.name for file in Path(folder).iterdir()]
    ['runs.sqlite']
    """
    draft = path.with_name(f".zobench-{os.urandom(8).hex()}")
    try:
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            lay_out(connection)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        with draft.open("r+b") as file:
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            _give_name(draft, path)
    finally:
        for end in "", "-wal", "-shm", "-journal":
            draft.with_name(draft.name + end).unlink(missing_ok=True)


def _give_name(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a file system without a second name for a file
        if not path.exists():
            draft.replace(path)


def check(connection: sqlite3.Connection, path: Path) -> int:
    """Give a store's schema, or say why this is no store that can be used.

    Parameters
    ----------
    connection : sqlite3.Connection
    path : Path or str
        What messages call the file.

    Returns
    -------
    int
        1 to `SCHEMA`.

    Raises
    ------
    ZobenchError
        If the file is no store, has a newer schema than `SCHEMA`, or lacks tables or columns of its own.
    sqlite3.OperationalError
        If another process has locked the file.

    Examples
    --------
    >>> import sqlite3
    >>> connection = sqlite3.connect(":memory:", isolation_level=None)
    >>> try:
    ...     check(connection, "notes.sqlite")
    ... except ZobenchError as fault:
    ...     print(fault)
    'notes.sqlite' is an SQLite file, but not a store of zobench
    >>> lay_out(connection)
    >>> check(connection, "runs.sqlite") == SCHEMA
    True
    >>> connection.close()
    """
    try:
        found = connection.execute("SELECT value FROM main.meta WHERE key = 'schema'").fetchone()
        schema = int(found[0])
    except (sqlite3.OperationalError, TypeError, ValueError) as error:
        if "locked" in str(error):
            raise
        raise ZobenchError(f"{str(path)!r} is an SQLite file, but not a store of zobench") from None
    if schema > SCHEMA:
        raise ZobenchError(
            f"store {str(path)!r} has schema {schema}, this zobench reads up to {SCHEMA}: "
            "install a newer zobench, or name another file"
        )
    if schema not in TABLES:
        raise ZobenchError(f"store {str(path)!r} must have a schema of 1 to {SCHEMA}, got {schema}")
    there = _columns(connection)
    lacking = [table for table in TABLES[schema] if table not in there]
    lacking += [
        f"{table}.{name}"
        for table, names in TABLES[schema].items()
        for name in names
        if table in there and name not in there[table]
    ]
    if lacking:
        raise ZobenchError(
            f"store {str(path)!r} says schema {schema} and lacks {', '.join(lacking)}: somebody has changed "
            "its tables; use a copy from before, or name another file"
        )
    return schema


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a file up to date in one transaction: either all of it is done or nothing.

    Parameters
    ----------
    connection : sqlite3.Connection
        Open for writing, with ``isolation_level=None``, and outside a transaction.
    path : Path or str
        What messages call the file.

    Raises
    ------
    ZobenchError
        If the file is no store that can be used (`check`).
    sqlite3.Error
        If a statement fails; the file is then as it was.

    Examples
    --------
    A store of schema 1 without runs, in memory:

    >>> import sqlite3
    >>> connection = sqlite3.connect(":memory:", isolation_level=None)
    >>> for table, columns in TABLES[1].items():
    ...     _ = connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    >>> _ = connection.execute("INSERT INTO meta VALUES ('schema', '1')")
    >>> check(connection, "old.sqlite")
    1
    >>> migrate(connection, "old.sqlite")
    >>> check(connection, "old.sqlite") == SCHEMA
    True
    >>> connection.close()
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        # read again now that nobody else can write: another process may have done it
        for schema in range(check(connection, path), SCHEMA):
            for statement in _STEPS[schema]:
                connection.execute(statement)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", [str(SCHEMA)])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def shadow(connection: sqlite3.Connection, schema: int) -> None:
    """Let a reader of an older file see what the newest schema has; the file stays as it is.

    Parameters
    ----------
    connection : sqlite3.Connection
        Gets temporary views in memory, which hide the older tables.
    schema : int
        Of the file, as `check` gives it; for the newest there is nothing to hide.

    Examples
    --------
    A run of schema 1, which has no column for gradients nor one for weights:

    >>> import sqlite3
    >>> connection = sqlite3.connect(":memory:", isolation_level=None)
    >>> for table, columns in TABLES[1].items():
    ...     _ = connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    >>> _ = connection.execute("INSERT INTO runs (number, count) VALUES (1, 100)")
    >>> shadow(connection, 1)
    >>> connection.execute("SELECT count, gradients, weights FROM runs").fetchall()
    [(100, 0, '')]
    >>> connection.close()
    """
    connection.execute("PRAGMA temp_store = MEMORY")
    for statement in _VIEWS.get(schema, ()):
        connection.execute(statement)
