"""A store's tables as pandas data frames."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["VERDICT", "Frames"]

_FLOATS = "seconds start value best reference gradient_norm running_mean mean minimum target".split()
_RUNS = (
    "id problem dim instance_seed problem_parameters solver solver_parameters budget seed noise observed "
    "version weights status message count steps seconds start value best reference gradients created "
    "environment"
).split()


def _named(columns: "DataFrame", name: Callable[..., str]) -> list[str]:
    """Name each row, working each distinct one out once; parameters are JSON."""
    known: dict[tuple[Any, ...], str] = {}
    json_at = next(place for place, column in enumerate(columns) if column.endswith("parameters"))
    rows = list(columns.itertuples(index=False, name=None))
    for row in rows:
        if row not in known:
            known[row] = name(*row[:json_at], json.loads(row[json_at]), *row[json_at + 1 :])
    return [known[row] for row in rows]


#: What every verdict says at least.
VERDICT = (
    "theorem solver problem dim steps seeds bound mean ratio ci_low ci_high log10_e_value tightness verdict"
).split()


class Frames:
    """What `zobench.store.database.Store` answers as tables.  A number that is not there is NaN.

    Examples
    --------
    >>> import tempfile, zobench
    >>> from zobench.store.database import Store
    >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/runs.sqlite") as store:
    ...     store.put(zobench.run("quadratic", "s2p", budget=100))
    ...     runs, hits = store.runs(), store.hits()
    >>> runs["problem_name"].tolist(), runs["solver_name"].tolist()
    (['quadratic (dim 10)'], ['s2p'])
    >>> hits.columns.tolist()
    ['id', 'target', 'queries']
    """

    _connection: sqlite3.Connection

    def _complaints(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _frame(self, sql: str, columns: list[str], floats: tuple[str, ...] = ()) -> "DataFrame":
        from pandas import DataFrame

        with self._complaints():
            rows = self._connection.execute(sql).fetchall()
        frame = DataFrame(rows, columns=columns)
        # a column of nothing but NULL would hold None
        return frame.astype({name: float for name in columns if name in _FLOATS or name in floats})

    def size(self) -> int:
        """Count the runs, without reading them."""
        with self._complaints():
            (count,) = self._connection.execute("SELECT count(*) FROM runs").fetchone()
        return int(count)

    def runs(self) -> "DataFrame":
        """Give the runs, one row each, with `id` as the index.

        Besides the columns of the file: `problem_name` such as ``quadratic (dim 10, condition 100)`` and
        `solver_name` such as ``s2p (law=rademacher)``, which show what is not at its default.  `count`,
        `steps` and `gradients` of a failed run are 0.
        """
        from zobench.names import problem_name, solver_name

        frame = self._frame(f"SELECT {', '.join(_RUNS)} FROM runs ORDER BY number", _RUNS)
        frame["observed"] = frame["observed"].astype(bool)
        for name in "count", "steps", "gradients":
            frame[name] = frame[name].fillna(0).astype("int64")
        frame["problem_name"] = _named(
            frame[["problem", "dim", "instance_seed", "problem_parameters", "noise"]], problem_name
        )
        frame["solver_name"] = _named(frame[["solver", "solver_parameters"]], solver_name)
        return frame.set_index("id")

    def compared_runs(self) -> "DataFrame":
        """Give the runs without those that served to tune parameters.

        `solver_name` of a run whose parameters were tuned is such as ``s2p tuned``, the same on all problems.
        """
        from zobench.names import solver_name

        runs, names, tuning = self.runs(), {}, set()
        for text in self.tunings()["everything"]:
            chosen = json.loads(text)
            rest = {
                key: value for key, value in chosen["parameters"].items() if key not in chosen["searched"]
            }
            place = chosen["problem"], chosen["solver"], json.dumps(chosen["parameters"])
            names[place] = f"{solver_name(chosen['solver'], rest)} tuned"
            tuning |= {id for tried in chosen["candidates"] for id in tried["runs"]}
        if not names:
            return runs
        runs = runs[~runs.index.isin(tuning)]
        places = zip(runs["problem_name"], runs["solver"], runs["solver_parameters"], strict=True)
        shown = [names.get(place, name) for place, name in zip(places, runs["solver_name"], strict=True)]
        return runs.assign(solver_name=shown)

    def traces(self) -> "DataFrame":
        """Give the checkpoints of all runs: id, row, queries, best, value, gradient_norm, running_mean."""
        return self._of_runs("traces", "row queries best value gradient_norm running_mean")

    def hits(self) -> "DataFrame":
        """Give the first hits of all targets: id, target, queries (NaN where a target was not hit)."""
        return self._of_runs("hits", "target queries", floats=("queries",))

    def observations(self) -> "DataFrame":
        """Give what observed runs accumulated at every step: id, quantity, mean, minimum."""
        return self._of_runs("observations", "quantity mean minimum")

    def _of_runs(self, table: str, names: str, floats: tuple[str, ...] = ()) -> "DataFrame":
        columns = names.split()
        shown = ", ".join(f"{table}.{name}" for name in columns)
        return self._frame(
            f"SELECT runs.id, {shown} FROM {table} JOIN runs ON runs.number = {table}.run "
            f"ORDER BY {table}.run, {table}.{columns[0]}",
            ["id", *columns],
            floats,
        )

    def verdicts(self) -> "DataFrame":
        """Give the verdicts with the columns of ``zobench verify --json``."""
        from pandas import DataFrame

        with self._complaints():
            rows = self._connection.execute("SELECT everything FROM verdicts ORDER BY rowid").fetchall()
        return DataFrame([json.loads(text) for (text,) in rows], columns=None if rows else VERDICT)

    def campaigns(self) -> "DataFrame":
        """Give the campaigns that were run into the store: id, title, content (JSON), created."""
        names = "id title content created".split()
        return self._frame(f"SELECT {', '.join(names)} FROM campaigns ORDER BY created, title, id", names)

    def tunings(self) -> "DataFrame":
        """Give what tuning chose: id, problem, solver, criterion, parameters, everything (JSON), created."""
        names = "id problem solver criterion parameters everything created".split()
        return self._frame(f"SELECT {', '.join(names)} FROM tunings ORDER BY created, id", names)

    def environment(self) -> dict[str, Any]:
        """Give what the runs were made with; the environment of most of them where there are several."""
        names = "python numpy numba zobench system machine".split()
        shown = ", ".join(f"environments.{name}" for name in names)
        with self._complaints():
            rows = self._connection.execute(
                f"SELECT {shown} FROM environments LEFT JOIN runs ON runs.environment = environments.id "
                "GROUP BY environments.id ORDER BY count(runs.number) DESC, environments.id"
            ).fetchall()
        return dict(zip(names, rows[0], strict=True)) if rows else {}
