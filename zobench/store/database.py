"""The store: one SQLite file that holds every run of every campaign.

Its tables and their versions are described in `zobench.store.schema`.

Only the process that opened a store for writing writes; it may be read all the while (write-ahead log).  What
is handed over in one call is one transaction: a process that is killed leaves whole runs and nothing else.
"""

import hashlib
import json
import math
import os
import platform
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import repeat
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from zobench.errors import ZobenchError, unknown
from zobench.store.frames import VERDICT, Frames
from zobench.store.schema import KEY, OUTCOME, RUN, SCHEMA, check, create, is_empty, lay_out, migrate, shadow

if TYPE_CHECKING:
    from zobench.parallel.workers import Failure
    from zobench.trace import RunKey, Trace

__all__ = ["DEFAULT", "SCHEMA", "Store"]

#: How long to wait for another writer (seconds).  A transaction takes milliseconds, but on a busy machine a
#: process that holds the lock may be left waiting for the disk.
PATIENCE = 120.0
#: A run that is to be written: its key, what came of it, the message, seconds.
_Pending = tuple["RunKey", "Trace | None", str, float]

#: Where runs go when nobody says otherwise.
DEFAULT = "results/zobench.sqlite"


class Store(Frames):
    """One store, open for writing or for reading.

    Parameters
    ----------
    path : path-like
        Of the file.  Opened for writing it is made if need be, with the folders above it.
    mode : {"write", "read"}
        A store that is read shows its contents as they were when it was opened, whoever writes meanwhile.

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
    ...     with Store(f"{folder}/runs.sqlite", "read") as store:
    ...         store.size(), store.runs()["count"].tolist()
    (1, [100])
    """

    def __init__(self, path: str | os.PathLike[str], mode: str = "write"):
        if mode not in ("write", "read"):
            raise unknown("the mode of a store", mode, ["read", "write"])
        self.path, self.mode = Path(path), mode
        self._pending: list[_Pending] = []
        with self._complaints():
            self._connection = self._for_writing() if mode == "write" else self._for_reading()

    @contextmanager
    def _complaints(self) -> Iterator[None]:
        """Turn what SQLite and the system say into one sentence."""
        try:
            yield
        except sqlite3.Error as error:
            said = str(error)
            if "not a database" in said:
                said = "it is not an SQLite file"
            elif "locked" in said:
                said = f"another process has been writing to it for {PATIENCE:g} seconds"
            elif "malformed" in said:
                said = f"its file is damaged; use a copy, or what `sqlite3 {self.path} .recover` saves of it"
            raise ZobenchError(f"store {str(self.path)!r} cannot be used: {said}") from None
        except OSError as error:
            raise ZobenchError(f"store {str(self.path)!r} cannot be used: {error.strerror}") from None

    def _for_writing(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._refuse_folder()
        if not self.path.exists():
            create(self.path)
        connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            if is_empty(connection):
                lay_out(connection)
            if check(connection, self.path) < SCHEMA:
                migrate(connection, self.path)
            connection.execute("PRAGMA journal_mode = WAL")
            # a killed process loses nothing; a power cut may lose the last commits, and harms none before
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _for_reading(self) -> sqlite3.Connection:
        if not self.path.exists():
            raise ZobenchError(
                f"store {str(self.path)!r} does not exist; `zobench run --store FILE` makes one"
            )
        self._refuse_folder()
        with self.path.open("rb"):  # the system's own words if it may not be read
            pass
        place = self.path.resolve().as_uri()
        connection = sqlite3.connect(f"{place}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None)
        try:
            try:
                is_empty(connection)
            except sqlite3.OperationalError:
                # The folder takes no log file.  If none is left there, the file alone is the whole store.
                log = self.path.with_name(self.path.name + "-wal")
                if log.exists() and log.stat().st_size:
                    raise
                connection.close()
                connection = sqlite3.connect(f"{place}?immutable=1", uri=True, isolation_level=None)
            shadow(connection, check(connection, self.path))
            connection.execute("PRAGMA query_only = ON")
            # one state of the store for everything that is read, from the first reading on
            connection.execute("BEGIN")
            is_empty(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_folder(self) -> None:
        if self.path.is_dir():
            raise ZobenchError(f"store {str(self.path)!r} must be a file, got a folder")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is left to write and close the file."""
        try:
            self.flush()
        finally:
            self._connection.close()

    def put(self, *traces: "Trace") -> None:
        """Put runs, in one transaction; a run that is there already is replaced.

        Parameters
        ----------
        *traces : Trace
            Of registered problems, which have keys.

        Raises
        ------
        ZobenchError
            If the store is open for reading only, or a trace has no key.
        """
        self._refuse_unless_writing()
        keyed = [
            (trace.key, trace, trace.message, trace.seconds) for trace in traces if trace.key is not None
        ]
        if len(keyed) < len(traces):
            raise ZobenchError("a trace without a key (of an objective that is not registered) has no id")
        self._pending += keyed
        self.flush()

    def put_batch(self, batch: "Sequence[Trace | Failure]") -> None:
        """Put runs and failed runs (`zobench.parallel.workers.Failure`), in one transaction.

        Parameters
        ----------
        batch : sequence of Trace or Failure
            With keys.

        Raises
        ------
        ZobenchError
            If the store is open for reading only.
        """
        self._refuse_unless_writing()
        for each in batch:
            assert each.key is not None
            trace: Any = each if hasattr(each, "count") else None
            self._pending.append((each.key, trace, each.message, each.seconds))
        self.flush()

    def put_failure(self, key: "RunKey", message: str, seconds: float = 0.0) -> None:
        """Put a run that failed, with what the exception said.

        Parameters
        ----------
        key : RunKey
        message : str
        seconds : float
            Wall time until it failed.

        Raises
        ------
        ZobenchError
            If the store is open for reading only.
        """
        self._refuse_unless_writing()
        self._pending.append((key, None, message, seconds))
        self.flush()

    def flush(self) -> None:
        """Write what an interruption kept from being written."""
        if not self._pending:
            return
        made_with = _environment()
        name = hashlib.sha256(json.dumps(made_with).encode()).hexdigest()[:16]
        with self._complaints(), self._transaction():
            self._connection.execute(
                "INSERT OR IGNORE INTO environments VALUES (?, ?, ?, ?, ?, ?, ?)", [name, *made_with.values()]
            )
            self._write(self._pending, name)
        # Ctrl-C before this line writes the same rows once more, after it nothing is left to write
        self._pending.clear()

    def _refuse_unless_writing(self) -> None:
        if self.mode != "write":
            raise ZobenchError(f"store {str(self.path)!r} is open for reading only")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _write(self, pending: Sequence["_Pending"], environment: str) -> None:
        """Write runs, a table at a time: a statement for each run would take longer than a short run."""
        # of a run that is handed over twice the last word counts
        runs = {key.digest(): (key, trace, message, seconds) for key, trace, message, seconds in pending}
        self._forget(list(runs))
        (last,) = self._connection.execute("SELECT ifnull(max(number), 0) FROM runs").fetchone()
        numbers = range(last + 1, last + 1 + len(runs))
        created, texts = _now(), _Texts()
        many = self._connection.executemany
        many(
            f"INSERT INTO runs (number, {', '.join(RUN)}) VALUES ({', '.join('?' * (len(RUN) + 1))})",
            (
                (number, id, *_row(*run, texts), created, environment)
                for number, (id, run) in zip(numbers, runs.items(), strict=True)
            ),
        )
        traces = [
            (number, trace)
            for number, (_, trace, *_) in zip(numbers, runs.values(), strict=True)
            if trace is not None
        ]
        many("INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?)", _rows(traces))
        many("INSERT INTO hits VALUES (?, ?, ?)", _hits(traces))
        many(
            "INSERT INTO observations VALUES (?, ?, ?, ?)",
            (
                (number, name, mean, trace.minima[name])
                for number, trace in traces
                for name, mean in trace.means.items()
            ),
        )

    def _forget(self, ids: list[str]) -> None:
        """Delete runs, with all that belongs to them."""
        for first in range(0, len(ids), 500):  # SQLite takes at most 999 arguments
            some = ids[first : first + 500]
            self._connection.execute(f"DELETE FROM runs WHERE id IN ({', '.join('?' * len(some))})", some)

    def put_verdicts(self, verdicts: Sequence[dict[str, Any]]) -> None:
        """Put verdicts; one of the same theorem on the same cell with as many seeds replaces the old one.

        Parameters
        ----------
        verdicts : sequence of dict
            With the fields `zobench.store.frames.VERDICT` at least, as ``zobench verify --json`` has them.

        Raises
        ------
        ZobenchError
            If the store is open for reading only, or a verdict lacks a field; none of them is put then.
        """
        self._refuse_unless_writing()
        statement = f"INSERT OR REPLACE INTO verdicts VALUES ({', '.join('?' * (len(VERDICT) + 3))})"
        with self._complaints(), self._transaction():
            for verdict in verdicts:
                missing = [name for name in VERDICT if name not in verdict]
                if missing:
                    raise ZobenchError(f"a verdict must say {', '.join(VERDICT)}, and lacks {missing}")
                cell = [verdict.get(name) for name in (*VERDICT[:6], "law", "instance")]
                name = hashlib.sha256(json.dumps(cell).encode()).hexdigest()[:32]
                row = [name, *(verdict[key] for key in VERDICT), json.dumps(verdict), _now()]
                self._connection.execute(statement, row)

    def put_campaign(self, title: str, content: str) -> None:
        """Put what a campaign asks for; the same content is put once.

        Parameters
        ----------
        title : str
        content : str
            The campaign's table as JSON.

        Raises
        ------
        ZobenchError
            If the store is open for reading only.
        """
        self._refuse_unless_writing()
        name = hashlib.sha256(content.encode()).hexdigest()[:32]
        with self._complaints(), self._transaction():
            self._connection.execute(
                "INSERT OR IGNORE INTO campaigns VALUES (?, ?, ?, ?)", [name, title, content, _now()]
            )

    def put_tunings(self, tunings: dict[str, dict[str, Any]]) -> None:
        """Put what searches of parameters chose; one of the same name replaces the old one.

        Parameters
        ----------
        tunings : dict of str to dict
            By the search's name: what `zobench.campaign.tuning.Tuning.choose` says of it.

        Raises
        ------
        ZobenchError
            If the store is open for reading only.
        """
        self._refuse_unless_writing()
        with self._complaints(), self._transaction():
            for name, chosen in tunings.items():
                row = [chosen[key] for key in ("problem", "solver", "criterion")]
                row += [json.dumps(chosen["parameters"]), json.dumps(chosen), _now()]
                self._connection.execute(
                    "INSERT OR REPLACE INTO tunings VALUES (?, ?, ?, ?, ?, ?, ?)", [name, *row]
                )

    def missing(self, keys: Iterable["RunKey"], *, failed: bool = False) -> list["RunKey"]:
        """Give the keys that have no run in the store.

        Parameters
        ----------
        keys : iterable of RunKey
        failed : bool
            Also those whose run failed, or in which no answer was a finite number.

        Returns
        -------
        list of RunKey
            In the order given.

        Examples
        --------
        >>> from zobench.execute import key_of, run_key
        >>> short, long = (key_of("quadratic", "s2p", budget=budget) for budget in (100, 200))
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/runs.sqlite") as store:
        ...     store.put(run_key(short))
        ...     store.missing([short, long]) == [long]
        True
        """
        wanted = list(keys)
        done = {
            row["id"]
            for row in self.outcomes(wanted)
            if not failed or (row["status"] != "failed" and is_somewhere(row["best"]))
        }
        return [key for key in wanted if key.digest() not in done]

    def has(self, keys: Iterable["RunKey"]) -> bool:
        """Say whether every key has a run in the store.

        Parameters
        ----------
        keys : iterable of RunKey

        Returns
        -------
        bool
        """
        return not self.missing(keys)

    def outcomes(self, keys: Iterable["RunKey"]) -> list[dict[str, Any]]:
        """Give id, status, message, count, best and reference of the keys' runs, those that are there.

        Parameters
        ----------
        keys : iterable of RunKey

        Returns
        -------
        list of dict
            In no order; `best` is None where it is NaN, and all numbers of a run that failed are None.
        """
        names = "id status message count best reference".split()
        rows = self._among(f"SELECT {', '.join(names)} FROM runs WHERE id IN", keys)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def hits_at(self, keys: Iterable["RunKey"], target: float) -> dict[str, int | None]:
        """Give the first hit of one target by run id, None where it was not hit.

        Parameters
        ----------
        keys : iterable of RunKey
        target : float
            One of `zobench.trace.TARGETS`.

        Returns
        -------
        dict of str to int or None
            Without the runs that have no targets (`zobench.trace.Trace`), or are not in the store.
        """
        return dict(
            self._among(
                "SELECT runs.id, hits.queries FROM runs JOIN hits ON hits.run = runs.number "
                f"WHERE hits.target = {float(target)!r} AND runs.id IN",
                keys,
            )
        )

    def _among(self, sql: str, keys: Iterable["RunKey"]) -> list[tuple[Any, ...]]:
        wanted, found = [key.digest() for key in keys], []
        with self._complaints():
            for first in range(0, len(wanted), 500):  # SQLite takes at most 999 arguments
                ids = wanted[first : first + 500]
                found += self._connection.execute(f"{sql} ({', '.join('?' * len(ids))})", ids).fetchall()
        return found


def is_somewhere(best: float | None) -> bool:
    """Say whether a run got to a finite value; `best` is None where it is not a number."""
    return best is not None and best < math.inf


class _Texts:
    """Writes parameters as JSON, the same ones once: runs that differ in their seed share them."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}

    def __call__(self, pairs: Iterable[tuple[str, Any]]) -> str:
        """Write; `pairs` must live as long as this does."""
        if id(pairs) not in self._last:
            # only NaN differs from itself
            plain = {name: value if value == value else "certified" for name, value in pairs}
            self._last[id(pairs)] = json.dumps(plain, default=str)
        return self._last[id(pairs)]


def _row(key: "RunKey", trace: "Trace | None", message: str, seconds: float, texts: _Texts) -> list[Any]:
    """Give the columns `KEY` and `OUTCOME` of a run."""
    row = [getattr(key, name) for name in KEY]
    for place in _TEXTS:
        row[place] = texts(row[place])
    # what Python cannot write, half of a pair of surrogates in somebody's message, is written as its number
    message = message.encode("utf-8", "backslashreplace").decode("utf-8")
    if trace is None:
        return [*row, "failed", message, None, None, seconds, *[None] * (len(OUTCOME) - 5)]
    return [*row, trace.status, message, trace.count, trace.steps, seconds, *_outcome(trace)]


#: Columns of `KEY` that hold parameters.
_TEXTS = KEY.index("problem_parameters"), KEY.index("solver_parameters")
_outcome = attrgetter(*OUTCOME[5:])


def _rows(traces: Sequence[tuple[int, "Trace"]]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of all traces."""
    for number, trace in traces:
        yield from zip(
            repeat(number),
            range(trace.queries.size),
            trace.queries.tolist(),
            trace.bests.tolist(),
            trace.values.tolist(),
            trace.gradient_norms.tolist(),
            trace.running_means.tolist(),
            strict=False,
        )


def _hits(traces: Sequence[tuple[int, "Trace"]]) -> Iterator[tuple[Any, ...]]:
    """Yield the first hits of all targets, where there is a reference value to measure from."""
    for number, trace in traces:
        if trace.reference is not None:
            for target, hit in zip(trace.targets.tolist(), trace.hits.tolist(), strict=True):
                yield number, target, None if hit < 0 else hit


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def _environment() -> dict[str, str]:
    """Describe what the numbers were made with."""
    from importlib.metadata import version

    from zobench import __version__

    return {
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba"),
        "zobench": __version__,
        "system": platform.system(),
        "machine": _processor(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
