"""Campaigns and stores from the command line: plans, shards, what is missing, merging, exporting."""

import json

import pytest
from click.testing import CliRunner

from zobench.campaign.definition import Campaign
from zobench.cli.main import cli
from zobench.report import Evidence
from zobench.store.database import Store

CAMPAIGN = """
title = "pair"
budget = 60
seeds = 4
problems = ["quadratic:dim=4"]
solvers = ["s2p", "stp"]
"""

TUNED = """
title = "tuned"
budget = 60
seeds = 2
problems = ["quadratic:dim=4"]
[tuning]
budget = 30
seeds = 2
[[solvers]]
name = "s2p"
tune.alpha0 = [0.5, 1.0]
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """``call(*arguments)``: the verb's result, carried out in a folder with two campaigns."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(CAMPAIGN)
    (tmp_path / "t.toml").write_text(TUNED)

    def called(*arguments, code=0):
        result = CliRunner().invoke(cli, arguments, prog_name="zobench")
        assert result.exit_code == code, (result.stdout, result.stderr)
        return result

    return called


def facts(result):
    return json.loads(result.stdout)


def test_a_dry_run_counts_and_runs_nothing(call, tmp_path):
    said = call("run", "c.toml", "--dry-run").stdout.splitlines()
    assert said[0] == "pair: 1 problems, 2 solvers"
    assert said[1] == "8 runs; 480 queries at most"
    assert said[2].startswith("roughly 1 s in 1 process")
    assert not (tmp_path / "results").exists()
    call("run", "c.toml", "--shard", "1/4", "--store", "s")
    plan = facts(call("run", "c.toml", "--dry-run", "--json", "--store", "s"))
    assert (plan["runs"], plan["kept"], plan["left"], plan["queries_left"]) == (8, 2, 6, 360)
    said = call("run", "c.toml", "--dry-run", "--store", "s").stdout
    assert "2 runs are in s; 6 are left, 360 queries" in said
    call("run", "c.toml", "--store", "s")
    assert "nothing is left to be run" in call("run", "c.toml", "--dry-run", "--store", "s").stdout
    assert "6 runs, 4 of them to tune; 240 queries" in call("run", "t.toml", "--dry-run").stdout


def test_shards_have_stores_of_their_own_that_merge(call, tmp_path):
    for part in 1, 2, 3:
        call("run", "c.toml", "--shard", f"{part}/3")
    names = [f"results/zobench-{part}-of-3.sqlite" for part in (1, 2, 3)]
    assert sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "results").iterdir()) == names
    assert "3 missing" not in call("status", names[0]).stdout
    assert facts(call("status", names[0], "--json"))["campaigns"][0]["missing"] == 5
    said = call("store", "merge", "all.sqlite", *names).stdout
    assert said == "8 runs added, 0 already there; store all.sqlite\n"
    assert call("status", "all.sqlite", "--missing").stdout == "nothing is missing\n"
    assert facts(call("run", "c.toml", "--store", "all.sqlite", "--json"))["kept"] == 8


def test_status_lists_what_is_missing(call):
    call("run", "c.toml", "--store", "s", "--shard", "1/4")
    lines = call("status", "s").stdout.splitlines()
    assert lines[1].split() == ["pair", "8", "2", "0", "6"]
    assert lines[2] == "2 runs in s"
    campaign = Campaign.from_toml("c.toml")
    done = {key.digest() for key in campaign.first_keys((1, 4))}
    expected = [key.digest() for key in campaign.keys if key.digest() not in done]
    for extra in [], ["c.toml"]:
        lines = call("status", "s", *extra, "--missing").stdout.splitlines()
        assert [line.split()[-1] for line in lines[1:]] == expected
        listed = facts(call("status", "s", *extra, "--missing", "--json"))["campaigns"][0]["missing_runs"]
        assert [run["id"] for run in listed] == expected
    assert facts(call("status", "s", "quick", "--json"))["campaigns"][0]["missing"] == 80
    call("run", "t.toml", "--store", "s", "--shard", "1/2")
    said = call("status", "s", "t.toml", "--missing").stdout
    assert "and 2 runs that wait for their parameters to be tuned" in said
    assert [line.split()[0] for line in call("status", "s").stdout.splitlines()] == [
        "campaign",
        "pair",
        "tuned",
        "4",
    ]


def test_a_tuned_campaign_says_what_was_chosen(call):
    said = call("run", "t.toml", "--store", "s").stdout
    (line,) = [line for line in said.splitlines() if line.startswith("tuned: ")]
    assert "s2p on quadratic (dim 4): alpha0 = " in line
    assert "median final gap" in line
    assert "2 settings, 2 seeds" in line
    with Store("s", "read") as store:
        (chosen,) = [json.loads(text) for text in store.tunings()["everything"]]
    evidence = Evidence.from_store("s")
    assert evidence.runs["solver_name"].tolist() == ["s2p tuned"] * 2, "runs that tuned are compared"
    assert set(evidence.hits["id"]) == set(evidence.traces["id"]) == set(evidence.runs["id"])
    told = facts(call("run", "t.toml", "--store", "s", "--json"))
    assert told["tunings"] == [chosen]
    assert told["kept"] == told["runs"] == 6
    assert "wait for tuning runs of other parts" in call("run", "t.toml", "--shard", "2/2").stdout


def test_disagreeing_stores_are_exit_code_1(call):
    for name in "a", "b":
        call("run", "c.toml", "--store", name)
    import sqlite3

    connection = sqlite3.connect("b")
    connection.execute("UPDATE runs SET best = best + 1 WHERE seed = 0 AND solver = 's2p'")
    connection.commit()
    connection.close()
    result = call("store", "merge", "all", "a", "b", code=1)
    assert "8 runs added, 7 already there" in result.stdout
    assert result.stderr.startswith("zobench: 1 runs have other numbers in two stores")


def test_info_vacuum_and_tables(call, tmp_path):
    call("run", "c.toml", "--store", "s")
    said = call("store", "info", "s").stdout
    for part in "schema 2", "8 (8 budget)", "2: s2p 4, stp 4", "pair", "480; dimension 4":
        assert part in said, part
    assert facts(call("store", "info", "s", "--json"))["runs"] == 8
    assert facts(call("store", "vacuum", "s", "--json"))["bytes_after"] == (tmp_path / "s").stat().st_size
    assert "written to tables" in call("store", "export", "s", "tables").stdout
    assert (tmp_path / "tables" / "hits.csv").exists()
    assert "new or an empty folder" in call("store", "export", "s", "tables", code=2).stderr


def test_export_tells_every_loss(call, tmp_path):
    call("run", "c.toml", "--store", "r/s")
    for form in "coco", "ioh":
        said = call("export", "r/s", "--format", form).stdout
        assert said.startswith(f"8 runs of 1 functions by 2 algorithms: r/{form}\n")
        assert "lost: values between checkpoints" in said
        told = facts(call("export", "r/s", "--format", form, "--out", f"x/{form}", "--json"))
        assert (told["runs"], told["algorithms"]) == (8, 2)
        assert told["losses"]
    assert (tmp_path / "r" / "coco" / "run_cocopp.py").exists()


def test_an_empty_store_is_no_fault(call):
    Store("s").close()
    assert call("status", "s").stdout == "0 runs in s\n"
    assert "runs       0\n" in call("store", "info", "s").stdout
    call("store", "vacuum", "s")
    call("store", "export", "s", "tables")
    assert "no run that can be compared" in call("export", "s", "--format", "coco", code=2).stderr
