"""Shards, merging, two writers at once, tables as files: always the same set of runs, bit for bit."""

import dataclasses
import json
import sqlite3
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import zobench
from zobench.campaign.definition import Campaign, execute
from zobench.campaign.plan import state
from zobench.errors import ZobenchError
from zobench.export.tables import TABLES, write_tables
from zobench.store import merge as store_merge
from zobench.store.database import Store
from zobench.store.merge import info, merge, vacuum

SMALL = Campaign.from_table(
    {
        "title": "small",
        "problems": [{"name": "quadratic", "dim": [3, 5]}],
        "solvers": ["s2p", "stp"],
        "budget": "20 d",
        "seeds": 4,
        "observe": True,
    },
    "small",
)
TUNED = Campaign.from_table(
    {
        "title": "tuned",
        "problems": ["quadratic:dim=4"],
        "budget": 60,
        "seeds": 3,
        "tuning": {"budget": 40, "seeds": 2},
        "solvers": [{"name": "s2p", "tune": {"alpha0": [0.1, 1.0, 3.0]}}, {"name": "stp"}],
    },
    "tuned",
)


def contents(path):
    """Every row of every table but for the clock's columns, by run id."""
    tables = {
        "runs": (
            "problem, dim, instance_seed, problem_parameters, solver, solver_parameters, budget, seed, "
            "noise, observed, version, weights, status, message, count, steps, start, value, best, "
            "reference, gradients"
        ),
        "traces": "t.row, t.queries, t.best, t.value, t.gradient_norm, t.running_mean",
        "hits": "t.target, t.queries",
        "observations": "t.quantity, t.mean, t.minimum",
    }
    connection = sqlite3.connect(path)
    found = {}
    for table, columns in tables.items():
        join = "" if table == "runs" else f"JOIN {table} AS t ON t.run = runs.number"
        found[table] = sorted(connection.execute(f"SELECT runs.id, {columns} FROM runs {join}"), key=repr)
    for table in "tunings", "campaigns", "verdicts":
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        found[table] = sorted(row[:-1] for row in rows)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    return found


def whole(path, campaign):
    with Store(path) as store:
        execute(campaign, store, 1)
    return contents(path)


@pytest.mark.parametrize("count", [3, 20])
def test_shards_are_a_partition_and_merge_to_the_whole(tmp_path, count):
    parts = [SMALL.first_keys((part, count)) for part in range(1, count + 1)]
    assert sorted(key.digest() for part in parts for key in part) == sorted(
        key.digest() for key in SMALL.keys
    )
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    names = []
    for part in range(1, count + 1):
        names.append(str(tmp_path / f"part-{part}"))
        with Store(names[-1]) as store:
            tally = execute(SMALL, store, 1, shard=(part, count))
            assert tally.done == len(parts[part - 1])
            assert {key.digest() for key in tally.keys} == set(store.runs().index)
    merged = merge(str(tmp_path / "all"), names[::-1])
    assert (merged.added, merged.same, merged.conflicts) == (16, 0, [])
    assert contents(tmp_path / "all") == whole(tmp_path / "whole", SMALL)
    with Store(tmp_path / "all", "read") as store:
        assert state(SMALL, store).missing == ()
    again = merge(str(tmp_path / "all"), names)
    assert (again.added, again.same, again.conflicts) == (0, 16, [])


def test_shards_of_a_tuned_campaign_wait_for_one_another(tmp_path):
    parts = [str(tmp_path / f"part-{part}") for part in (1, 2)]
    for place, name in enumerate(parts, 1):
        with Store(name) as store:
            tally = execute(TUNED, store, 1, shard=(place, 2))
        assert tally.waiting in (1, 2)
    merge(str(tmp_path / "tuned"), parts)
    for place in (1, 2):
        merge(str(tmp_path / f"again-{place}"), [str(tmp_path / "tuned")])
        with Store(tmp_path / f"again-{place}") as store:
            assert execute(TUNED, store, 1, shard=(place, 2)).waiting == 0
    merge(str(tmp_path / "all"), [str(tmp_path / f"again-{place}") for place in (1, 2)])
    assert contents(tmp_path / "all") == whole(tmp_path / "whole", TUNED)


def test_a_failed_run_gives_way_and_never_the_other_way_round(tmp_path):
    key = SMALL.keys[0]
    good = zobench.run(zobench.problem("quadratic", 3), "s2p", budget=60, observe=True)
    assert good.key == key
    with Store(tmp_path / "bad") as store:
        store.put_failure(key, "out of memory", 1.0)
    with Store(tmp_path / "good") as store:
        store.put(good)
    for place, order in enumerate((["bad", "good"], ["good", "bad"])):
        done = merge(str(tmp_path / f"all-{place}"), [str(tmp_path / name) for name in order])
        assert (done.added, done.replaced, done.same) == ((1, 1, 0) if place == 0 else (1, 0, 1))
        assert contents(tmp_path / f"all-{place}") == contents(tmp_path / "good")


def test_runs_that_disagree_are_told_and_the_first_is_kept(tmp_path):
    good = zobench.run(zobench.problem("quadratic", 3), "s2p", budget=60, observe=True)
    changed = good.bests.copy()
    changed[-1] = np.nextafter(changed[-1], 1.0)
    for name, trace in {"a": good, "b": dataclasses.replace(good, bests=changed, seconds=9.0)}.items():
        with Store(tmp_path / name) as store:
            store.put(trace)
    with Store(tmp_path / "c") as store:
        store.put(dataclasses.replace(good, seconds=9.0))
    done = merge(str(tmp_path / "all"), [str(tmp_path / name) for name in "abc"])
    assert done.conflicts == [good.key.digest()]
    assert (done.added, done.same) == (1, 1), "a run's wall time is no difference"
    assert contents(tmp_path / "all") == contents(tmp_path / "a")


def test_verdicts_are_merged_the_later_one_wins(tmp_path):
    from zobench.store.frames import VERDICT

    facts = {**dict.fromkeys(VERDICT, 1.0), "theorem": "t", "solver": "s", "problem": "p", "verdict": "x"}
    for name, mean in ("old", 1.0), ("new", 2.0):
        with Store(tmp_path / name) as store:
            store.put_verdicts([{**facts, "mean": mean}])
        connection = sqlite3.connect(tmp_path / name)
        connection.execute("UPDATE verdicts SET created = ?", ["2026-01-0" + ("1" if name == "old" else "2")])
        connection.commit()
        connection.close()
    for place, order in enumerate((["old", "new"], ["new", "old"])):
        merge(str(tmp_path / f"all-{place}"), [str(tmp_path / name) for name in order])
        with Store(tmp_path / f"all-{place}", "read") as store:
            assert store.verdicts()["mean"].tolist() == [2.0]


def test_merging_that_is_interrupted_leaves_whole_stores(tmp_path, monkeypatch):
    for part in (1, 2):
        with Store(tmp_path / f"part-{part}") as store:
            execute(SMALL, store, 1, shard=(part, 2))
    names = [str(tmp_path / f"part-{part}") for part in (1, 2)]
    take, calls = store_merge._take_runs, []

    def interrupted(*arguments):
        take(*arguments)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(store_merge, "_take_runs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        merge(str(tmp_path / "all"), names)
    assert contents(tmp_path / "all")["runs"] == contents(tmp_path / "part-1")["runs"]
    monkeypatch.undo()
    assert merge(str(tmp_path / "all"), names).added == 8
    assert contents(tmp_path / "all") == whole(tmp_path / "whole", SMALL)


def test_merging_refuses_itself_and_what_is_no_store(tmp_path):
    whole(tmp_path / "a", SMALL)
    before = (tmp_path / "a").read_bytes()
    with pytest.raises(ZobenchError, match="must not be merged into itself"):
        merge(str(tmp_path / "a"), [str(tmp_path / "a")])
    (tmp_path / "text").write_text("no store" * 200)
    with pytest.raises(ZobenchError, match="not an SQLite file"):
        merge(str(tmp_path / "new"), [str(tmp_path / "a"), str(tmp_path / "text")])
    with pytest.raises(ZobenchError, match="does not exist"):
        merge(str(tmp_path / "new"), [str(tmp_path / "none")])
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "a").read_bytes() == before


def test_a_damaged_store_is_blamed_and_not_the_one_it_should_go_into(tmp_path):
    for part in (1, 2):
        with Store(tmp_path / f"part-{part}") as store:
            execute(SMALL, store, 1, shard=(part, 2))
    damaged = bytearray((tmp_path / "part-2").read_bytes())
    connection = sqlite3.connect(tmp_path / "part-2")
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'traces'").fetchone()
    connection.close()
    damaged[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    (tmp_path / "part-2").write_bytes(damaged)
    parts = [str(tmp_path / f"part-{part}") for part in (1, 2)]
    with pytest.raises(ZobenchError, match=r"part-2' cannot be used: its file is damaged"):
        merge(str(tmp_path / "all"), parts)
    assert contents(tmp_path / "all") == contents(tmp_path / "part-1")


def test_vacuum_gives_room_back_and_keeps_every_row(tmp_path):
    before = whole(tmp_path / "s", SMALL)
    connection = sqlite3.connect(tmp_path / "s")
    connection.execute("CREATE TABLE ballast (x)")
    connection.execute("INSERT INTO ballast VALUES (zeroblob(300000))")
    connection.execute("DROP TABLE ballast")
    connection.commit()
    connection.close()
    large, small = vacuum(str(tmp_path / "s"))
    assert small < large - 250_000
    assert contents(tmp_path / "s") == before
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_info_counts(tmp_path):
    whole(tmp_path / "s", SMALL)
    with Store(tmp_path / "s") as store:
        store.put_failure(dataclasses.replace(SMALL.keys[0], seed=99), "broke")
    facts = info(str(tmp_path / "s"))
    assert facts["runs"] == 17
    assert facts["status"] == {"budget": 16, "failed": 1}
    assert facts["queries"] == 4 * 2 * (60 + 100)
    assert facts["solvers"] == {"s2p": 9, "stp": 8}
    assert (facts["schema"], facts["dims"], facts["observed"], facts["campaigns"]) == (
        2,
        [3, 5],
        17,
        ["small"],
    )
    assert facts["bytes"] == (tmp_path / "s").stat().st_size
    assert len(facts["environments"]) == 1


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tables_read_back_bit_for_bit(tmp_path, form):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    whole(tmp_path / "s", TUNED)
    rows = write_tables(str(tmp_path / "s"), tmp_path / "out", form)
    assert set(rows) == set(TABLES)
    with Store(tmp_path / "s", "read") as store:
        for table in "runs", "traces", "hits":
            ours = getattr(store, table)()
            ours = ours.reset_index() if table == "runs" else ours
            file = tmp_path / "out" / f"{table}.{form}"
            # as text: what the file says, whatever pandas makes of it
            as_text = {"dtype": str, "keep_default_na": False}
            theirs = pd.read_csv(file, **as_text) if form == "csv" else pd.read_parquet(file)
            assert list(theirs.columns) == list(ours.columns)
            for column in ours.columns:
                if ours[column].dtype == float:
                    numbers = [float(text if text != "" else "nan") for text in theirs[column]]
                    np.testing.assert_array_equal(numbers, ours[column].to_numpy())
                else:
                    assert theirs[column].astype(str).tolist() == ours[column].astype(str).tolist(), column
    with pytest.raises(ZobenchError, match="must be a new or an empty folder"):
        write_tables(str(tmp_path / "s"), tmp_path / "out", form)


def test_tables_that_cannot_be_written_leave_nothing_behind(tmp_path, monkeypatch):
    whole(tmp_path / "s", SMALL)
    write, written = pd.DataFrame.to_csv, []

    def full(frame, path, **options):
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        write(frame, path, **options)

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(ZobenchError, match="out' cannot be written: No space left on device"):
        write_tables(str(tmp_path / "s"), tmp_path / "out")
    assert written
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    assert write_tables(str(tmp_path / "s"), tmp_path / "out")["runs"] == 16


def test_parquet_without_pyarrow_is_one_sentence(tmp_path, monkeypatch):
    whole(tmp_path / "s", TUNED)
    monkeypatch.setattr("zobench.export.tables.find_spec", lambda name: None)
    with pytest.raises(ZobenchError, match="pip install pyarrow"):
        write_tables(str(tmp_path / "s"), tmp_path / "out", "parquet")
    assert not (tmp_path / "out").exists()


TWO = """
import sys
from pathlib import Path
from zobench.campaign.definition import Campaign, execute
from zobench.store.database import Store
campaign = Campaign.from_toml(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
with Store(sys.argv[2]) as store:
    tally = execute(campaign, store, 1)
print(tally.done, tally.kept, tally.failed)
"""


def test_two_campaigns_write_to_one_store_at_once(tmp_path):
    # one of them twice; all are ready before any begins, so that they make the store at the same time
    texts = {
        "a": 'title = "a"\nproblems = ["quadratic:dim=5"]\nsolvers = ["s2p", "stp"]\n',
        "b": 'title = "b"\nproblems = ["cosh:dim=4"]\nsolvers = ["s2p"]\n',
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_text(f"{text}budget = 300\nseeds = 80\n")
    (tmp_path / "two.py").write_text(TWO)
    processes = [
        subprocess.Popen(
            [sys.executable, "two.py", f"{name}.toml", "s"], cwd=tmp_path, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for name in "aba"
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120) for process in processes]
    assert [(process.returncode, errors) for process, (_, errors) in zip(processes, said, strict=True)] == [
        (0, "")
    ] * 3
    campaigns = [Campaign.from_toml(tmp_path / f"{name}.toml") for name in "ab"]
    with Store(tmp_path / "whole") as store:
        for campaign in campaigns:
            execute(campaign, store, 1)
    assert contents(tmp_path / "s") == contents(tmp_path / "whole")
    with Store(tmp_path / "s", "read") as store:
        assert [state(campaign, store).missing for campaign in campaigns] == [()] * len(campaigns)
        assert json.loads(store.campaigns()["content"][0])["title"] in ("a", "b")
