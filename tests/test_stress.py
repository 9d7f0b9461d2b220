"""The ordeals of `python -m benchmarks.stress`, a few of each; first that they can fail."""

import sqlite3

import pytest

from benchmarks import stress
from zobench.campaign.definition import Campaign, execute
from zobench.store.database import Store


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM traces WHERE rowid IN (SELECT rowid FROM traces LIMIT 1)", "differ"),
        ("UPDATE traces SET best = best * (1 + 2.3e-16) WHERE row = 1", "differ"),
        ("UPDATE runs SET status = 'failed' WHERE seed = 0", "differ"),
        ("INSERT INTO hits VALUES (999, 0.1, 5)", "rows of no run"),
    ],
)
def test_the_comparison_of_stores_sees_every_bit(tmp_path, change, said):
    campaign = Campaign.from_options(["quadratic"], ["s2p"], 100, 2)
    with Store(tmp_path / "s") as store:
        execute(campaign, store, 1)
    bench = stress.Bench.__new__(stress.Bench)
    bench.folder, bench.whole = tmp_path, stress.contents(tmp_path / "s")
    assert bench.partial(tmp_path / "s") == 2
    connection = sqlite3.connect(tmp_path / "s")
    connection.execute(change.replace("rowid", "queries"))
    connection.commit()
    connection.close()
    with pytest.raises(stress.Unlike, match=said):
        bench.partial(tmp_path / "s")


def test_the_comparison_of_stores_sees_damage(tmp_path):
    with Store(tmp_path / "s") as store:
        execute(Campaign.from_options(["quadratic"], ["s2p"], 1000, 9), store, 1)
    data = bytearray((tmp_path / "s").read_bytes())
    data[5 * 4096 : 6 * 4096] = bytes(4096)
    (tmp_path / "s").write_bytes(data)
    with pytest.raises((stress.Unlike, sqlite3.DatabaseError)):
        stress.contents(tmp_path / "s")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return stress.Bench(tmp_path_factory.mktemp("stress"), seeds=15)


@pytest.mark.slow
@pytest.mark.parametrize(
    "ordeal",
    [
        stress.fill_disk,
        stress.read_only,
        lambda bench: stress.two_parents(bench, 1),
        lambda bench: stress.cut_power(bench, 4),
        lambda bench: stress.kill_workers(bench, 5),
        lambda bench: stress.kill_parents(bench, 5),
    ],
    ids="disk read-only two power workers parents".split(),
)
def test_ordeals(bench, ordeal):
    ordeal(bench)
