"""The demo on problems that take no time: what it leaves, what it says, that it does nothing twice."""

import dataclasses
import sqlite3

import pytest
from click.testing import CliRunner

from zobench import demo as module
from zobench.cli.main import cli
from zobench.demo import demo
from zobench.errors import ZobenchError
from zobench.execute import key_of
from zobench.report import Evidence
from zobench.store.database import Store
from zobench.verdict import verification

PARTS = (
    {"problems": [{"name": "quadratic", "dim": 3}], "budget": "40 d", "alpha0": 1.0},
    {"problems": [{"name": "cosh", "dim": 2}], "budget": 50, "alpha0": 1.0, "L": 4.0},
)


def few_seeds(*arguments, **options):
    return verify(*arguments, **{**options, "seeds": 3})


verify = verification.verify


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(module, "PARTS", PARTS)
    monkeypatch.setattr(module, "SEEDS", 2)
    monkeypatch.setattr(verification, "verify", few_seeds)


def test_demo_leaves_a_page_and_says_what_happened(small, tmp_path):
    seen = []
    lines = demo(tmp_path, lambda done, total, text: seen.append((done, total)))
    evidence = Evidence.from_store(tmp_path / "demo.sqlite")
    solvers = module.SOLVERS
    assert len(evidence.campaign) == len(PARTS) * len(solvers) * module.SEEDS
    assert (evidence.runs["status"] != "failed").all()
    assert lines[0].startswith(f"Ran {len(solvers)} solvers on 2 problems with 2 seeds each")
    assert f"{int(evidence.runs['count'].sum()):,} queries" in lines[0]
    told = "\n".join(lines)
    for name in evidence.campaign["problem_name"]:
        assert f"  {name}: to " in told
    assert f"{len(evidence.verdicts)} checks" in lines[-2]
    assert "confirmed" not in told
    assert str(tmp_path / "index.html") in lines[-1]
    assert (tmp_path / "index.html").stat().st_size > 10_000
    assert len(lines) == len(PARTS) + 4
    assert seen == sorted(seen)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1]


def test_second_demo_does_nothing_twice(small, tmp_path, monkeypatch):
    monkeypatch.setattr("zobench.page.build.catalogue", lambda kind: {})  # figures take time
    first = demo(tmp_path)
    page = (tmp_path / "index.html").read_bytes()

    def forbidden(*arguments, **options):
        raise AssertionError("run again")

    monkeypatch.setattr("zobench.execute.run_key", forbidden)
    monkeypatch.setattr("zobench.execute.Repeated.run", forbidden)
    monkeypatch.setattr("zobench.execute.run_together", forbidden)
    monkeypatch.setattr(verification, "verify", forbidden)
    assert demo(tmp_path) == first
    assert (tmp_path / "index.html").read_bytes() == page


def test_demo_goes_on_where_it_was_stopped(small, tmp_path, monkeypatch):
    monkeypatch.setattr("zobench.page.build.catalogue", lambda kind: {})  # figures take time
    whole = demo(tmp_path / "whole")
    (tmp_path / "half").mkdir()
    with sqlite3.connect(tmp_path / "whole" / "demo.sqlite") as source:
        copy = sqlite3.connect(tmp_path / "half" / "demo.sqlite")
        source.backup(copy)
        copy.execute("DELETE FROM runs WHERE solver = 'stp' AND observed = 0")
        copy.commit()
        copy.close()
    source.close()
    assert demo(tmp_path / "half")[:-1] == whole[:-1]


def test_every_problem_and_solver_of_the_real_demo_is_registered():
    from zobench.campaign.definition import Campaign

    for part in module.PARTS:
        assert Campaign.from_table(module._table(part), "the demo").keys


def test_demo_refuses_a_folder_that_is_a_file(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ZobenchError, match="file"):
        demo(tmp_path / "file")


@pytest.mark.parametrize("failures", [0, 1])
def test_a_demo_with_a_failed_run_ends_with_exit_code_1(tmp_path, monkeypatch, failures):
    key = key_of("cosh", "s2p", budget=10)
    with Store(tmp_path / "demo.sqlite") as store:
        for seed in range(failures):
            store.put_failure(dataclasses.replace(key, seed=seed), "it broke")
    monkeypatch.setattr(module, "demo", lambda out, progress: ["told"])
    done = CliRunner().invoke(cli, ["demo", "--out", str(tmp_path)])
    assert (done.exit_code, done.output) == (failures, "told\n")
