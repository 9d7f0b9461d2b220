"""Exports to COCO and to IOHanalyzer: every first hit comes back, every loss is told, the readers agree."""

import dataclasses
import json
import math
import subprocess
import sys
import warnings
from importlib.util import find_spec
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import zobench
from zobench.campaign.definition import Campaign, execute
from zobench.errors import ZobenchError
from zobench.export import runs as export_runs
from zobench.export.coco import export_coco
from zobench.export.coco_suite import padded
from zobench.export.ioh import export_ioh
from zobench.export.runs import collect, rows_of
from zobench.store.database import Store
from zobench.trace import TARGETS

CAMPAIGN = Campaign.from_table(
    {
        "problems": [
            {"name": "quadratic", "condition": [1, 100], "dim": [2, 5]},
            {"name": "cosh", "dim": [2, 5]},
        ],
        "solvers": [{"name": "s2p"}, {"name": "stp", "law": ["gaussian", "sphere"]}],
        "budget": "400 d",
        "instances": 2,
        "seeds": 2,
    },
    "export",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "s.sqlite"
    with Store(path) as kept:
        execute(CAMPAIGN, kept, 1)
    return path


def recorded(store):
    """First hits of the store, {run id: {target: query count or None}}, and each run's f(x0) - f_star."""
    with Store(store, "read") as kept:
        hits, runs = kept.hits(), kept.runs()
    found = {}
    for id, target, queries in zip(hits["id"], hits["target"], hits["queries"], strict=True):
        found.setdefault(id, {})[target] = None if math.isnan(queries) else int(queries)
    return found, (runs["start"] - runs["reference"]).to_dict()


def first(rows, threshold):
    return next((queries for queries, value in rows if value <= threshold), None)


def coco_runs(folder):
    """Read COCO's files by nothing but their description: {(algorithm, function, dim): [rows, ...]}."""
    found = {}
    for info in folder.glob("*/*.info"):
        lines = info.read_text().splitlines()
        for head, comment, finals in zip(*[iter(lines)] * 3, strict=True):
            assert comment.startswith("% ")
            facts = eval(f"dict({head})")  # as cocopp does
            assert facts["suite"] == "zobench"
            path, *runs = finals.split(", ")
            text = (info.parent / path).read_text()
            assert (info.parent / path).with_suffix(".tdat").read_text() == text
            blocks = [block.splitlines()[1:] for block in text.split("% f eval")[1:]]
            rows = [[(int(row.split()[0]), float(row.split()[2])) for row in block] for block in blocks]
            assert [f"{run[-1][0]}|{run[-1][1]:.1e}" for run in rows] == [run.split(":")[1] for run in runs]
            found[info.parent.name, facts["funcId"], facts["DIM"]] = rows
    return found


def ioh_runs(folder):
    found = {}
    for index in folder.glob("*/*.json"):
        facts = json.loads(index.read_text())
        for scenario in facts["scenarios"]:
            text = (index.parent / scenario["path"]).read_text()
            blocks = [block.split("\n")[1:-1] for block in text.split("evaluations raw_y")[1:]]
            rows = [[(int(row.split()[0]), float(row.split()[1])) for row in block] for block in blocks]
            assert [run[-1][0] for run in rows] == [run["evals"] for run in scenario["runs"]]
            found[index.parent.name, facts["function_id"], scenario["dimension"]] = rows
    return found


READERS = {"coco": (export_coco, coco_runs), "ioh": (export_ioh, ioh_runs)}


def wrong_hits(store, folder, form, gap):
    """Count the first hits, of all runs and targets, that do not come back; and all that were compared."""
    export, read = READERS[form]
    export(store, folder, gap)
    written = read(folder)
    expected, spans = recorded(store)
    groups = {}
    for run in collect(store, gap)[0]:
        groups.setdefault((export_runs.file_name(run.algorithm), run.function, run.dim), []).append(run)
    assert written.keys() == groups.keys()
    wrong = compared = 0
    for place, runs in groups.items():
        for run, rows in zip(runs, written[place], strict=True):
            assert rows[0][0] == 1
            assert [queries for queries, _ in rows] == sorted({queries for queries, _ in rows})
            assert all(a >= b for (_, a), (_, b) in pairwise(rows))
            for target, queries in expected[run.id].items():
                unit = spans[run.id] if gap == "absolute" else 1.0
                wrong += first(rows, target * unit) != queries
                compared += 1
    return wrong, compared


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("gap", ["relative", "absolute"])
def test_first_hits_come_back_exactly(store, tmp_path, form, gap):
    assert wrong_hits(store, tmp_path / "out", form, gap) == (0, 40 * len(CAMPAIGN.keys))


@pytest.mark.parametrize("mutant", ["no hits", "no band", "next checkpoint"])
def test_a_wrong_exporter_is_noticed(store, tmp_path, monkeypatch, mutant):
    def rows(run, trace, hits, gap):
        if mutant == "no hits":
            return rows_of(run, trace, None, gap)
        if mutant == "next checkpoint":
            later = [trace["queries"][trace["queries"] >= at].min() for at in hits["queries"].fillna(1e18)]
            return rows_of(run, trace, hits.assign(queries=later), gap)
        return [(queries, value * (1 + 1e-9)) for queries, value in rows_of(run, trace, hits, gap)]

    monkeypatch.setattr(export_runs, "rows_of", rows)
    wrong, compared = wrong_hits(store, tmp_path / "out", "ioh", "relative")
    assert wrong > compared / 100


def test_rounding_moves_no_first_hit_by_a_row():
    # 10 ** -0.2 is 0.63095734..., the target is recorded as 0.630957: a value between them has hit neither
    # or both, as the record says
    between = 0.6309572
    run = SimpleNamespace(start=1.0, reference=0.0, count=30, best=0.4)
    trace = pd.DataFrame({"queries": [1, 10, 20, 30], "best": [1.0, between, between, 0.4]})
    for hit, values in (20.0, [between, 0.630957]), (10.0, [0.630957] * 2), (25.0, [between] * 2):
        hits = pd.DataFrame({"target": [TARGETS[0], TARGETS[1]], "queries": [hit, math.nan]})
        rows = rows_of(run, trace, hits, "relative")
        assert first(rows, TARGETS[0]) == first(rows, 10**-0.2) == hit
        assert first(rows, TARGETS[1]) is None
        assert [value for queries, value in rows if queries in (10, 20)] == pytest.approx(values, rel=1e-6)


def test_every_run_is_exported_once(store):
    runs, _ = collect(store, "relative")
    assert sorted(run.id for run in runs) == sorted(key.digest() for key in CAMPAIGN.keys)
    assert {run.name for run in runs} == {"quadratic", "quadratic (condition 100)", "cosh"}
    assert {run.algorithm for run in runs} == {"s2p", "stp", "stp (law=gaussian)", "stp (law=sphere)"} - {
        "stp"
    }
    assert {run.instance for run in runs} == {1, 2}


def test_losses_are_told(tmp_path):
    made = zobench.problem("quadratic", dim=3)
    trace = zobench.run(made, "s2p", budget=300)
    longer = zobench.run(made, "s2p", budget=3000)
    observed = zobench.run(made, "s2p", budget=300, observe=True)
    best = np.array(trace.bests)
    best[0] = np.inf
    with Store(tmp_path / "s") as kept:
        kept.put(
            longer,
            observed,
            dataclasses.replace(trace, key=dataclasses.replace(trace.key, seed=5), bests=best),
        )
        kept.put(trace)
        kept.put_failure(dataclasses.replace(trace.key, seed=9), "broke")
        stochastic = dataclasses.replace(trace.key, seed=10)
        kept.put(dataclasses.replace(trace, key=stochastic, reference=None))
        flat = dataclasses.replace(trace.key, seed=11)
        kept.put(dataclasses.replace(trace, key=flat, start=trace.reference))
    losses = export_ioh(tmp_path / "s", tmp_path / "out").losses
    for part in [
        "1 runs left out: they failed",
        "1 runs left out: they were observed",
        "1 runs left out: their problem certifies nothing",
        "1 runs left out: f(x0) is not above",
        "1 runs left out: a run with a larger budget",
        "infinite values are written as 3e+21",
        "values between checkpoints",
    ]:
        assert any(loss.startswith(part) for loss in losses), (part, losses)
    (rows,) = [run.rows for run in collect(tmp_path / "s", "relative")[0] if run.seed == 5]
    assert rows[0] == (1, 3e21)


def test_every_format_tells_that_noise_is_not_in_the_values(tmp_path):
    problems = ["quadratic:dim=2", "quadratic:dim=2,noise=gaussian,noise_level=0.1"]
    with Store(tmp_path / "s") as store:
        execute(Campaign.from_options(problems, ["s2p"], 30, 2), store, 1)
    for export in export_coco, export_ioh:
        told = export(str(tmp_path / "s"), tmp_path / export.__name__, "relative").losses
        assert sum("the values of 2 runs are noiseless" in loss for loss in told) == 1


def test_large_dimensions_and_instances_fit_the_readers_numbers(tmp_path):
    small = zobench.run(zobench.problem("quadratic", dim=3), "s2p", budget=50)
    keys = [
        small.key,
        dataclasses.replace(small.key, dim=70_000),
        dataclasses.replace(small.key, dim=80_000),
        dataclasses.replace(small.key, instance_seed=65_535),
    ]
    with Store(tmp_path / "s") as kept:
        kept.put(*(dataclasses.replace(small, key=key) for key in keys))
    done = export_ioh(tmp_path / "s", tmp_path / "out")
    assert done.runs == 3
    assert any("dimensions above 65,535" in loss and "70000, 80000" in loss for loss in done.losses)
    assert any("1 runs left out: their instance is above 65,535" in loss for loss in done.losses)
    facts = [json.loads(path.read_text()) for path in sorted((tmp_path / "out" / "s2p").glob("*.json"))]
    dims = {
        (scenario["dimension"], attributes.get("dimension"))
        for fact in facts
        for scenario in fact["scenarios"]
        for attributes in [{k: v for item in fact["experiment_attributes"] for k, v in item.items()}]
    }
    assert dims == {(3, None), (65_535, "70000"), (65_535, "80000")}


@pytest.mark.parametrize("form", READERS)
def test_what_cannot_be_exported_is_one_sentence(store, tmp_path, form):
    export, _ = READERS[form]
    with pytest.raises(ZobenchError, match="gap must be one of absolute, relative, got 'log'"):
        export(store, tmp_path / "new", "log")
    with pytest.raises(ZobenchError, match="does not exist"):
        export(tmp_path / "none", tmp_path / "new")
    Store(tmp_path / "empty").close()
    with pytest.raises(ZobenchError, match="has no run that can be compared"):
        export(tmp_path / "empty", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "theirs").touch()
    with pytest.raises(ZobenchError, match="must be a new or an empty folder"):
        export(store, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["theirs"]


def test_pages_have_room_for_six_dimensions():
    assert padded([5]) == (5, 6, 7, 8, 9, 10)
    assert padded(range(2, 12)) == (2, 4, 6, 7, 9, 11)
    assert padded([2, 3, 5, 10, 20, 40]) == (2, 3, 5, 10, 20, 40)


@pytest.mark.skipif(find_spec("iohinspector") is None, reason="iohinspector is not installed")
def test_iohinspector_reads_every_first_hit(store, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what importing it warns of is its own
        import iohinspector
    export_ioh(store, tmp_path / "out")
    manager = iohinspector.DataManager()
    manager.add_folder(str(tmp_path / "out"))
    data = manager.load(monotonic=False, include_meta_data=True)
    assert set(data["suite"]) == {"zobench"}
    expected, _ = recorded(store)
    runs = {}
    for run in collect(store, "relative")[0]:
        runs.setdefault((run.algorithm, run.function, run.dim, run.instance), []).append(run)
    found = {}
    for place, rows in data.group_by("algorithm_name", "function_id", "dimension", "instance", "data_id"):
        pairs = list(zip(rows["evaluations"].to_list(), rows["raw_y"].to_list(), strict=True))
        found.setdefault(place[:-1], []).append((place[-1], pairs))
    assert found.keys() == runs.keys()
    for place, read in found.items():
        for run, (_, pairs) in zip(runs[place], sorted(read), strict=True):
            assert pairs == run.rows
            for target, queries in expected[run.id].items():
                assert first(pairs, target) == queries


COCOPP = """
import json, math, sys, warnings
warnings.simplefilter("ignore")
import cocopp
import run_cocopp
caught = []
warnings.showwarning = lambda message, *rest, **more: caught.append(str(message))
warnings.simplefilter("always")
suite = run_cocopp.register(".")
folders = suite["algorithms"][: int(sys.argv[1])]
hits = {}
for name in folders:
    for data in cocopp.load(name):
        evals = data.detEvals([10.0 ** (-j / 5) for j in range(1, 41)])
        hits[f"{name} {data.funcId} {data.dim}"] = [
            [None if math.isnan(count) else int(count) for count in row] for row in evals
        ]
if sys.argv[2] == "pages":
    run_cocopp.main([*folders, "--out", "pages"])
json.dump({"hits": hits, "warnings": caught}, open("said.json", "w"))
"""


@pytest.mark.skipif(find_spec("cocopp") is None, reason="cocopp is not installed")
@pytest.mark.parametrize(
    ("count", "pages"),
    [(3, False), *(pytest.param(count, True, marks=pytest.mark.slow) for count in (1, 2, 3))],
)
def test_cocopp_reads_every_first_hit_and_warns_of_nothing(store, tmp_path, count, pages):
    export_coco(store, tmp_path / "out")
    (tmp_path / "out" / "try.py").write_text(COCOPP)
    command = [sys.executable, "try.py", str(count), "pages" if pages else "none"]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    said = json.loads((tmp_path / "out" / "said.json").read_text())
    # without a network it cannot look for newer data of its own
    assert [text for text in said["warnings"] if "connect" not in text and "archives" not in text] == []
    assert "Data consistent" in done.stdout
    assert bool(list((tmp_path / "out").rglob("index.html"))) == pages
    expected, _ = recorded(store)
    runs = {}
    for run in collect(store, "relative")[0]:
        runs.setdefault(f"{export_runs.file_name(run.algorithm)} {run.function} {run.dim}", []).append(run)
    compared = 0
    for place, hits in said["hits"].items():
        for row, target in zip(hits, TARGETS, strict=True):
            assert row == [expected[run.id][target] for run in runs[place]], (place, target)
            compared += len(row)
    assert compared == count * 3 * 2 * 4 * 40
