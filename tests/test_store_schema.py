"""Older stores: brought up to date for writing, read as they are for reading; damaged ones are named."""

import hashlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest

import zobench
from zobench.errors import ZobenchError
from zobench.execute import key_of
from zobench.store import schema as store_schema
from zobench.store.database import SCHEMA, Store

#: Dumped from a file that zobench wrote when its schema was 1.
FIRST = Path(__file__).parent / "data" / "store_schema_1.sql"


@pytest.fixture
def old(tmp_path):
    connection = sqlite3.connect(tmp_path / "old.sqlite")
    connection.executescript(FIRST.read_text())
    connection.close()
    return tmp_path / "old.sqlite"


def rows_of(path, columns):
    connection = sqlite3.connect(path)
    rows = {table: connection.execute(f"SELECT {shown} FROM {table}").fetchall() for table, shown in columns}
    connection.close()
    return rows


def frames_of(store):
    names = ["runs", "traces", "hits", "observations", "verdicts"]
    return {name: getattr(store, name)() for name in names}


def key(seed=1):
    return key_of(zobench.problem("quadratic", dim=3), "s2p", budget=12, seed=seed, observed=True)


def test_an_old_store_is_read_without_changing_it(old):
    before = hashlib.sha256(old.read_bytes()).hexdigest()
    with Store(old, "read") as store:
        runs = store.runs()
        assert runs["gradients"].tolist() == [0, 0, 0, 0]
        assert runs["weights"].tolist() == ["", "", "", ""]
        assert runs["status"].tolist() == ["budget", "budget", "budget", "failed"]
        assert key().digest() in runs.index
        assert store.has([key()])
        assert len(store.verdicts()) == 1
        assert len(store.observations()) == 6
        assert store.campaigns().empty
        assert store.tunings().empty
    assert hashlib.sha256(old.read_bytes()).hexdigest() == before
    assert [path.name for path in old.parent.iterdir()] == ["old.sqlite"]


def test_an_old_store_is_read_where_nothing_can_be_written(old):
    (old.parent / "old.sqlite-shm").mkdir()
    with Store(old, "read") as store:
        assert store.runs()["gradients"].tolist() == [0, 0, 0, 0]


def test_an_old_store_is_brought_up_to_date_for_writing(old):
    columns = [
        (table, ", ".join(names)) for table, names in store_schema.TABLES[1].items() if table != "meta"
    ]
    before = rows_of(old, columns)
    with Store(old, "read") as store:
        seen = frames_of(store)
    with Store(old) as store:
        assert store.missing([key(1), key(2)]) == [key(2)]
        for name, frame in frames_of(store).items():
            assert frame.equals(seen[name]), name
        store.put(zobench.run(zobench.problem("quadratic", dim=3), "s2p", budget=12, seed=2, observe=True))
    assert rows_of(old, [("meta", "value")])["meta"][0] == (str(SCHEMA),)
    assert rows_of(old, [("runs", "gradients")])["runs"] == [(0,), (0,), (0,), (None,), (0,)]
    after = rows_of(old, columns)
    for table, rows in before.items():
        assert after[table][: len(rows)] == rows or set(rows) <= set(after[table]), table
    connection = sqlite3.connect(old)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert store_schema._columns(connection) == store_schema.TABLES[SCHEMA]
    connection.close()


def test_old_runs_are_those_that_this_version_would_do(old):
    # the ids and the bits of the file are from another version of the code
    made = zobench.run(
        zobench.problem("quadratic", dim=3), "s2p", budget=12, seed=1, observe=True, checkpoints=3
    )
    with Store(old, "read") as store:
        run = store.runs().loc[made.key.digest()]
        assert run["best"] == made.best
        traces = store.traces()
        np.testing.assert_array_equal(traces[traces["id"] == made.key.digest()]["best"], made.bests)


def test_a_migration_that_is_interrupted_leaves_the_old_file(old, monkeypatch):
    broken = (*store_schema._STEPS[1][:-1], "INSERT INTO nowhere VALUES (1)")
    monkeypatch.setitem(store_schema._STEPS, 1, broken)
    with pytest.raises(ZobenchError, match="no such table: nowhere"):
        Store(old)
    monkeypatch.undo()
    connection = sqlite3.connect(old)
    assert store_schema._columns(connection) == store_schema.TABLES[1]
    connection.close()
    Store(old).close()
    assert rows_of(old, [("meta", "value")])["meta"][0] == (str(SCHEMA),)


@pytest.mark.parametrize("mode", ["read", "write"])
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("DROP TABLE traces", "says schema 2 and lacks traces: somebody has changed"),
        ("ALTER TABLE runs DROP COLUMN gradients", "lacks runs.gradients"),
        ("UPDATE meta SET value = '0' WHERE key = 'schema'", "must have a schema of 1 to 2, got 0"),
        ("DELETE FROM meta", "but not a store of zobench"),
    ],
)
def test_a_store_that_lacks_something_says_so(tmp_path, harm, said, mode):
    Store(tmp_path / "s").close()
    connection = sqlite3.connect(tmp_path / "s")
    connection.execute(harm)
    connection.commit()
    connection.close()
    with pytest.raises(ZobenchError, match=said):
        Store(tmp_path / "s", mode)


def test_keys_without_weights_are_as_they_were():
    # printed by the code of schema 1
    assert key().digest() == rows_of_first()
    assert '"weights"' not in key().text()


def rows_of_first():
    connection = sqlite3.connect(":memory:")
    connection.executescript(FIRST.read_text())
    (found,) = connection.execute("SELECT id FROM runs WHERE seed = 1").fetchone()
    connection.close()
    return found


def test_runs_observed_with_other_weights_are_other_runs(tmp_path):
    made = zobench.problem("quadratic", dim=3)
    falling = 1.0 / np.sqrt(np.arange(1, 31))
    late = np.where(np.arange(30) < 5, 0.0, 1.0)
    traces = [
        zobench.run(made, "s2p", budget=30, observe=True, weights=weights)
        for weights in (None, falling, late)
    ]
    with Store(tmp_path / "s") as store:
        for trace in traces:
            store.put(trace)
        assert len(store.runs()) == 3
        seen = store.observations().set_index(["id", "quantity"])["mean"]
        for trace in traces:
            for quantity, mean in trace.means.items():
                assert seen[trace.key.digest(), quantity] == mean
    assert len({trace.means["value"] for trace in traces}) == 3
    # weights change no iterate, and say nothing where nothing is observed
    assert len({trace.value for trace in traces}) == 1
    plain = zobench.run(made, "s2p", budget=30, weights=late)
    assert plain.key == key_of(made, "s2p", budget=30)


def test_a_key_with_weights_is_done_with_those_only():
    from zobench.execute import run_key

    made = zobench.problem("quadratic", dim=3)
    trace = zobench.run(made, "s2p", budget=30, observe=True, weights=np.linspace(1, 2, 30))
    with pytest.raises(ZobenchError, match=r"names step weights .* got 'none'"):
        run_key(trace.key)
    with pytest.raises(ZobenchError, match="names step weights"):
        run_key(trace.key, weights=np.ones(30))
    assert run_key(trace.key, weights=np.linspace(1, 2, 30)).means == trace.means


def test_a_new_store_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    """Whoever is interrupted while it is laid out leaves nothing."""

    def cut(connection):
        connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        raise KeyboardInterrupt

    monkeypatch.setattr(store_schema, "lay_out", cut)
    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path / "new.sqlite")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", ["two names for a file", "one name for a file"])
def test_a_store_that_another_process_makes_meanwhile_is_kept(tmp_path, monkeypatch, names):
    path = tmp_path / "new.sqlite"
    lay_out = store_schema.lay_out

    def late(connection):
        lay_out(connection)
        monkeypatch.undo()
        with Store(path) as other:
            other.put_campaign("theirs", "{}")
        if names == "one name for a file":
            monkeypatch.setattr(store_schema.os, "link", refuse)

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(store_schema, "lay_out", late)
    with Store(path) as store:
        titles = store._connection.execute("SELECT title FROM campaigns").fetchall()
    assert titles == [("theirs",)]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
