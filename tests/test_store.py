"""The store: what goes in comes out, whatever is interrupted, and nothing that is not a store is touched."""

import dataclasses
import json
import math
import shutil
import sqlite3

import numpy as np
import pytest

import zobench
from zobench.errors import ZobenchError
from zobench.execute import key_of
from zobench.store.database import SCHEMA, VERDICT, Store


def verdict(**changes):
    facts = dict.fromkeys(VERDICT, 1.0)
    return {**facts, "theorem": "t", "solver": "s", "problem": "p", "verdict": "supported", **changes}


@pytest.fixture
def trace():
    made = zobench.run("quadratic", "s2p", budget=500, seed=3, parameters={"law": "rademacher"}, observe=True)
    return dataclasses.replace(made, gradients=7)


def test_a_run_round_trips_bit_for_bit(tmp_path, trace):
    with Store(tmp_path / "deep" / "store.sqlite") as store:
        store.put(trace)
    with Store(tmp_path / "deep" / "store.sqlite", "read") as store:
        run = store.runs().loc[trace.key.digest()]
        assert run["problem_name"] == "quadratic (dim 10)"
        assert run["solver_name"] == "s2p (law=rademacher)"
        for name in "status message count steps gradients seconds start value best reference".split():
            assert run[name] == getattr(trace, name), name
        for name in "problem dim instance_seed solver budget seed noise observed version weights".split():
            assert run[name] == getattr(trace.key, name), name
        rows = store.traces()
        assert set(rows["id"]) == {trace.key.digest()}
        for column, array in [
            ("queries", trace.queries),
            ("best", trace.bests),
            ("value", trace.values),
            ("gradient_norm", trace.gradient_norms),
            ("running_mean", trace.running_means),
        ]:
            np.testing.assert_array_equal(rows[column].to_numpy(), array, err_msg=column)
        hits = store.hits().set_index("target")["queries"]
        for target, hit in zip(trace.targets, trace.hits, strict=True):
            assert math.isnan(hits[target]) if hit < 0 else hits[target] == hit
        assert 0 < hits.notna().sum() < len(hits), "the run should hit some targets and miss others"
        seen = store.observations().set_index("quantity")
        assert seen["mean"].to_dict() == trace.means
        assert seen["minimum"].to_dict() == trace.minima
        assert store.environment()["numpy"] == np.__version__


def test_infinite_and_missing_numbers_survive(tmp_path, trace):
    rows = trace.queries.size
    odd = dataclasses.replace(
        trace,
        best=math.inf,
        value=math.nan,
        reference=None,
        bests=np.full(rows, np.inf),
        values=np.full(rows, -np.inf),
        gradient_norms=np.full(rows, np.nan),
        means={"value": math.nan},
        minima={"value": math.inf},
    )
    with Store(tmp_path / "s") as store:
        store.put(odd)
        run = store.runs().iloc[0]
        assert (run["best"], math.isnan(run["value"]), math.isnan(run["reference"])) == (math.inf, True, True)
        frame = store.traces()
        assert (frame["best"] == np.inf).all()
        assert (frame["value"] == -np.inf).all()
        assert frame["gradient_norm"].dtype == float
        assert frame["gradient_norm"].isna().all()
        assert store.hits().empty, "without a reference there are no targets to hit"
        seen = store.observations().iloc[0]
        assert math.isnan(seen["mean"])
        assert seen["minimum"] == math.inf


def test_a_certified_parameter_can_be_read_back(tmp_path):
    key = key_of("quadratic", "stp", budget=10)
    with Store(tmp_path / "s") as store:
        store.put(zobench.run("quadratic", "stp", budget=10))
        text = store.runs().loc[key.digest(), "solver_parameters"]
    assert json.loads(text)["L"] == "certified"
    assert key_of("quadratic", "stp", budget=10, parameters=json.loads(text)).digest() == key.digest()


def test_a_failure_is_a_row_and_a_success_replaces_it(tmp_path, trace):
    with Store(tmp_path / "s") as store:
        store.put_failure(trace.key, "ZeroDivisionError: ouch", 0.5)
        assert store.runs()["status"].tolist() == ["failed"]
        assert store.runs()["message"].tolist() == ["ZeroDivisionError: ouch"]
        assert store.has([trace.key])
        assert store.missing([trace.key], failed=True) == [trace.key]
        store.put(trace)
        store.put(trace)
        assert store.runs()["status"].tolist() == ["budget"]
        assert len(store.traces()) == trace.queries.size
        assert store.missing([trace.key], failed=True) == []


def test_missing_gives_the_keys_without_a_run_in_order(tmp_path, trace):
    keys = [dataclasses.replace(trace.key, seed=seed) for seed in range(1201)]
    with Store(tmp_path / "s") as store:
        store.put(trace)
        assert store.missing(keys) == keys[:3] + keys[4:]
        assert not store.has(keys)


def test_an_interrupted_put_is_written_when_the_store_closes(tmp_path, trace, monkeypatch):
    with Store(tmp_path / "s") as store:
        write = Store._write

        def interrupted(self, pending, environment):
            write(self, pending, environment)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Store, "_write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                store.put(trace)
        assert store.runs().empty, "half a transaction was kept"
    with Store(tmp_path / "s", "read") as store:
        assert len(store.runs()) == 1
        assert len(store.traces()) == trace.queries.size


def test_traces_are_put_together_or_not_at_all(tmp_path, trace):
    with Store(tmp_path / "s") as store:
        with pytest.raises(ZobenchError, match=r"a trace without a key .* has no id"):
            store.put(trace, dataclasses.replace(trace, key=None))
    with Store(tmp_path / "s", "read") as store:
        assert store.runs().empty


def test_a_reader_sees_one_state_while_another_writes(tmp_path, trace):
    other = dataclasses.replace(trace, key=dataclasses.replace(trace.key, seed=99))
    with Store(tmp_path / "s") as writer:
        writer.put(trace)
        with Store(tmp_path / "s", "read") as reader:
            writer.put(other)
            assert len(reader.runs()) == 1
            with Store(tmp_path / "s", "read") as later:
                assert len(later.runs()) == 2


def test_a_store_for_reading_cannot_be_written(tmp_path, trace):
    Store(tmp_path / "s").close()
    with Store(tmp_path / "s", "read") as store:
        with pytest.raises(ZobenchError, match="reading only"):
            store.put(trace)
        with pytest.raises(ZobenchError, match="reading only"):
            store.put_verdicts([verdict()])


def test_one_file_is_left_and_readable_where_nothing_can_be_written(tmp_path, trace):
    with Store(tmp_path / "s") as store:
        store.put(trace)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    # a folder in the log's place: SQLite can make no files beside the store, as on a read-only disk
    (tmp_path / "s-shm").mkdir()
    with Store(tmp_path / "s", "read") as store:
        assert len(store.runs()) == 1


def test_verdicts_keep_every_key_and_replace_their_like(tmp_path):
    with Store(tmp_path / "s") as store:
        assert list(store.verdicts().columns) == VERDICT
        store.put_verdicts([verdict(mean=math.inf, note="a"), verdict(steps=2)])
        store.put_verdicts([verdict(mean=math.nan, note="b")])
        frame = store.verdicts()
        assert len(frame) == 2
        assert set(VERDICT) <= set(frame.columns)
        new = frame[frame["steps"] == 1].iloc[0]
        assert new["note"] == "b"
        assert math.isnan(new["mean"])
        with pytest.raises(ZobenchError, match="lacks \\['verdict'\\]"):
            store.put_verdicts([{name: 1 for name in VERDICT if name != "verdict"}])


def _other_database(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()


def _newer(path):
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE meta SET value = '{SCHEMA + 1}' WHERE key = 'schema'")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("title = 'not a store'" * 100), "not an SQLite file"),
        (_other_database, "but not a store of zobench"),
        (_newer, f"schema {SCHEMA + 1}, this zobench reads up to {SCHEMA}"),
        (lambda path: path.mkdir(), "must be a file, got a folder"),
    ],
    ids=["text", "another database", "newer schema", "folder"],
)
@pytest.mark.parametrize("mode", ["read", "write"])
def test_what_is_no_store_is_refused_and_left_alone(tmp_path, make, said, mode):
    path = tmp_path / "s"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(ZobenchError, match=said):
        Store(path, mode)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_store_that_cannot_be_is_one_sentence(tmp_path):
    with pytest.raises(ZobenchError, match="does not exist"):
        Store(tmp_path / "none", "read")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ZobenchError, match="cannot be used"):
        Store(tmp_path / "file" / "s")
    with pytest.raises(ZobenchError, match="cannot be used: unable to open"):
        Store("/proc/zobench")
    with pytest.raises(ZobenchError, match="got 'append'"):
        Store(tmp_path / "s", "append")


def test_a_file_cut_short_is_one_sentence(tmp_path, trace):
    with Store(tmp_path / "s") as store:
        for seed in range(20):
            store.put(dataclasses.replace(trace, key=dataclasses.replace(trace.key, seed=seed)))
    whole = (tmp_path / "s").read_bytes()
    shutil.rmtree(tmp_path / "s-wal", ignore_errors=True)
    (tmp_path / "s").write_bytes(whole[: len(whole) // 2])

    def read():
        with Store(tmp_path / "s", "read") as store:
            store.runs(), store.traces(), store.hits()

    with pytest.raises(ZobenchError, match="its file is damaged; use a copy"):
        read()


def test_names_show_what_is_not_at_its_default():
    from zobench.names import problem_name, solver_name

    assert problem_name("quadratic", 5, 0, {"condition": 100, "rotation": "no"}) == (
        "quadratic (dim 5, condition 100)"
    )
    assert problem_name("quadratic", 5, 7, {"condition": 1.0}) == "quadratic (dim 5, instance 7)"
    assert solver_name("stp", {"L": math.nan, "alpha0": 0.5}) == "stp (alpha0=0.5)"
    assert solver_name("from-elsewhere", {"a": 1}) == "from-elsewhere (a=1)"
