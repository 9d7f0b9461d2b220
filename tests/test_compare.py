"""Two stores compared: what is a regression and what is not, how often wrongly, and the verb's exit codes."""

import json
import math
import shutil
import sqlite3
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats

from zobench.campaign.definition import Campaign, execute
from zobench.cli.main import cli
from zobench.errors import ZobenchError
from zobench.performance import comparison
from zobench.performance.comparison import compare
from zobench.performance.comparison_verdicts import compare_verdicts
from zobench.performance.pairs import Pairs, pairs_of
from zobench.report import HITS, RUNS, Evidence
from zobench.store.database import Store

TARGETS = (0.1, 0.01, 0.001)
VERDICT = {
    "theorem": "s2p-smooth-stationary",
    "solver": "s2p",
    "problem": "quadratic",
    "dim": 4,
    "steps": 100,
    "seeds": 20,
    "bound": 2.0,
    "mean": 1.0,
    "ratio": 0.5,
    "ci_low": 0.9,
    "ci_high": 1.1,
    "log10_e_value": -0.5,
    "tightness": 0.5,
    "verdict": "supported",
}


def evidence(times, budget=1000, seeds=None, name="OLD", verdicts=()):
    """Make evidence of first hits ``{(solver, problem): array (seeds, targets)}``, cut at the budget."""
    runs, hits = [], []
    for (solver, problem), found in times.items():
        for place, row in enumerate(np.asarray(found, float)):
            seed = place if seeds is None else seeds[place]
            id = f"{solver} {problem} {seed} {budget}"
            known = {"id": id, "solver": solver, "solver_name": solver, "problem": problem, "budget": budget}
            known |= {
                "problem_name": f"{problem} (dim 2)",
                "dim": 2,
                "seed": seed,
                "noise": "",
                "count": budget,
            }
            known |= {
                "solver_parameters": "{}",
                "problem_parameters": "{}",
                "status": "budget",
                "message": "",
                "created": "",
            }
            runs.append({**dict.fromkeys(RUNS, 0.0), **known, "observed": False})
            hits += [(id, t, q if q <= budget else math.nan) for t, q in zip(TARGETS, row, strict=True)]
    empty = pd.DataFrame()
    return Evidence(
        pd.DataFrame(runs, columns=RUNS),
        empty,
        pd.DataFrame(hits, columns=HITS),
        empty,
        pd.DataFrame(list(verdicts)),
        source=name,
    )


def drawn(rng, factor=1.0, solvers=2, problems=4, seeds=6, spread=0.3):
    """Draw first hits around problem-specific values, some of them beyond the budget of 1000."""
    found = {}
    for solver in range(solvers):
        for problem in range(problems):
            base = np.array([20.0, 90.0, 600.0]) * (1.0 + 0.2 * problem)
            noise = rng.lognormal(0.0, spread, (seeds, 1)) * rng.lognormal(0.0, spread / 3, (seeds, 3))
            found[f"s{solver}", f"p{problem}"] = np.round(base * noise * factor)
    return found


# How often it is wrong


def false_alarms(repetitions):
    """Count the comparisons of two stores of one law that call anything changed."""
    wrong = 0
    for seed in range(repetitions):
        rng = np.random.default_rng(seed)
        found = compare(evidence(drawn(rng)), evidence(drawn(rng), name="NEW"))
        changes = {*found.cells["change"], *found.solvers["change"]}
        wrong += bool(changes - {"unclear", "same"})
    return wrong


def alarms_are_rare(repetitions):
    assert false_alarms(repetitions) <= stats.binom.isf(1e-3, repetitions, 0.05)


@pytest.mark.parametrize("repetitions", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_nothing_changed_and_nothing_is_said_to_have(repetitions):
    alarms_are_rare(repetitions)


def no_family(p):
    return np.asarray(p, float)


def test_without_a_family_alarms_are_noticed(monkeypatch):
    monkeypatch.setattr(comparison, "holm", no_family)
    with pytest.raises(AssertionError):
        alarms_are_rare(30)


def test_a_change_of_half_is_found():
    found = 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        old = drawn(rng, spread=0.1)
        new = {place: np.round(times * 1.5) if place[0] == "s1" else times for place, times in old.items()}
        told = compare(evidence(old), evidence(new, name="NEW"))
        assert told.solvers.set_index("solver").loc["s0", "change"] == "same"
        found += told.solvers.set_index("solver").loc["s1", "change"] in ("slower", "lost")
        assert set(told.cells["solver"][told.cells["change"] != "same"]) == {"s1"}
    assert found == 15


def unpaired(first, first_rows, second, second_rows):
    """Pair runs in another order than that of their seeds."""
    moved = second.runs.assign(seed=np.roll(second.runs["seed"], 1))
    return pairs_of(first, first_rows, replace(second, runs=moved), second_rows)


def hits_only(pairs, penalty=1.0):
    both = np.isfinite(pairs.first) & np.isfinite(pairs.second)
    return np.where(both, np.log10(pairs.second / pairs.first), 0.0).sum(axis=1) / np.maximum(
        both.sum(axis=1), 1
    )


def test_runs_that_are_not_paired_and_misses_that_do_not_count_are_noticed(monkeypatch):
    with monkeypatch.context() as changed:
        changed.setattr(comparison, "pairs_of", unpaired)
        with pytest.raises(AssertionError):
            test_a_change_of_half_is_found()
    monkeypatch.setattr(Pairs, "log_ratios", hits_only)
    with np.errstate(invalid="ignore"), pytest.raises(AssertionError):
        test_the_numbers_of_a_cell()


# What is compared


def test_the_numbers_of_a_cell():
    old = {("a", "p"): [[10, 100, 900]] * 5 + [[20, 100, 1100]]}
    new = {("a", "p"): [[20, 200, 1800]] * 5 + [[40, 100, 1100]]}
    found = compare(evidence(old), evidence(new, name="NEW"))
    (row,) = found.cells.itertuples()
    logs = [(math.log10(2) * 2 + math.log10(1000 / 900)) / 3] * 5 + [math.log10(2) / 2]
    assert row.ratio == pytest.approx(10 ** np.mean(logs))
    assert (row.hits_old, row.hits_new) == pytest.approx((17 / 6, 12 / 6))
    assert (row.pairs, row.same, row.change) == (6, 0, "slower")
    last = found.targets.set_index("target").loc[0.001]
    assert last[["hits_old", "hits_new", "ert_old", "ert_new"]].tolist() == [5, 0, 5500 / 5, math.inf]
    assert found.targets["ert_new"][0] == (5 * 20 + 40) / 6


def test_small_changes_are_told_and_not_judged():
    rng = np.random.default_rng(0)
    old = {("a", "p"): np.sort(rng.integers(200, 900, (6, 3)), axis=1)}
    new = {("a", "p"): old["a", "p"] + 1}
    sides = evidence(old), evidence(new, name="NEW")
    assert compare(*sides).cells["change"].tolist() == ["unclear"]
    assert compare(*sides).regressions == []
    assert compare(*sides, factor=1.0).cells["change"].tolist() == ["slower"]


@pytest.mark.parametrize(("seeds", "change"), [(5, "unclear"), (12, "slower")])
def test_equal_ratios_count_as_often_as_they_were_seen(seeds, change):
    """Counts of 2 or 3, each as often, make five equal ratios once in 500 cells: a sure sign of nothing."""
    old, new = ({("a", "p"): [[count] * 3] * seeds} for count in (2, 3))
    (row,) = compare(evidence(old), evidence(new, name="NEW"), level=0.1).cells.itertuples()
    assert row.change == change
    assert row.p_queries >= 2.0 ** (1 - seeds)


def test_single_seeds_decide_over_problems_only():
    old = {("a", f"p{place}"): [[10 + place, 100, 700]] for place in range(12)}
    new = {place: np.array(times) * 1.2 for place, times in old.items()}
    found = compare(evidence(old), evidence(new, name="NEW"))
    assert set(found.cells["change"]) == {"unclear"}
    assert found.solvers["change"].tolist() == ["slower"]
    assert any("no cell has 5 pairs" in note for note in found.notes)
    assert len(found.regressions) == 1


def test_lost_and_won_targets():
    old = {("a", f"p{place}"): [[10, 100, 990]] * 6 for place in range(2)}
    new = {place: [[10, 100, 1001]] * 6 for place in old}
    sides = evidence(old), evidence(new, name="NEW")
    # one query too late: the queries are all but the same, the targets are not
    assert compare(*sides).solvers["change"].tolist() == ["lost"]
    assert compare(*reversed(sides)).solvers["change"].tolist() == ["gained"]
    assert compare(*reversed(sides)).regressions == []


def test_runs_without_partners_are_told():
    times = {("a", "p"): [[10, 100, 700]] * 5}
    more = {**times, ("b", "p"): [[1, 2, 3]]}
    found = compare(evidence(more), evidence(times, seeds=[0, 1, 2, 7, 8], name="NEW"))
    assert found.cells["pairs"].tolist() == [3]
    notes = "; ".join(found.notes)
    assert "1 cells only in OLD, such as b on p (dim 2)" in notes
    assert "4 runs have no partner" in notes
    apart = evidence(times, seeds=[5, 6, 7, 8, 9], name="NEW")
    with pytest.raises(ZobenchError, match="no seed in common"):
        compare(evidence(times), apart)


def test_unequal_budgets_are_compared_within_the_smaller():
    times = {("a", "p"): [[10, 100, 700]] * 5}
    longer = evidence({("a", "p"): [[10, 100, 1700]] * 5}, budget=2000, name="NEW")
    found = compare(evidence(times), longer)
    assert found.cells[["budget_old", "budget_new", "hits_new"]].iloc[0].tolist() == [1000, 2000, 2]
    assert "compared within the smaller" in "; ".join(found.notes)
    # where a budget is in both, that one is compared
    both = replace(
        longer,
        runs=pd.concat([longer.runs, evidence(times).runs]),
        hits=pd.concat([longer.hits, evidence(times).hits]),
    )
    found = compare(evidence(times), both)
    assert found.cells[["budget_old", "budget_new", "change"]].values.tolist() == [[1000, 1000, "same"]]


def test_runs_that_fail_now_are_regressions():
    times = {("a", "p"): [[10, 100, 700]] * 5}
    new = evidence(times, name="NEW")
    new.runs.loc[2, "status"], new.runs.loc[2, "message"] = "failed", "boom"
    found = compare(evidence(times), new)
    assert found.failed == ["a on p (dim 2), budget 1,000, seed 2 (boom)"]
    assert found.regressions == [f"failed now and not before: {found.failed[0]}"]
    assert compare(new, evidence(times)).regressions == []


def test_verdicts_are_compared_cell_by_cell():
    def table(*verdicts):
        return pd.DataFrame([{**VERDICT, **changes} for changes in verdicts])

    def change(old, new):
        return compare_verdicts(table(old), table(new))[0]["change"].tolist()

    words = ["refuted", "inconclusive", "not refuted", "supported"]
    for one, worse in enumerate(words):
        for other, better in enumerate(words):
            expected = "same" if one == other else "better" if other > one else "worse"
            assert change({"verdict": worse}, {"verdict": better}) == [expected]
    assert change({}, {"verdict": "not refuted", "seeds": 5}) == ["weaker"]
    assert change({}, {"verdict": "refuted", "seeds": 5}) == ["worse"]
    assert change({"steps": 7}, {}) == []
    many = compare_verdicts(table({"seeds": 5, "verdict": "refuted"}, {}), table({}))[0]
    assert many["change"].tolist() == ["same"]
    lone = compare_verdicts(table({}), pd.DataFrame(columns=list(VERDICT)))
    assert (len(lone[0]), len(lone[1])) == (0, 1)
    found = compare(
        evidence({}, verdicts=[VERDICT]), evidence({}, verdicts=[{**VERDICT, "verdict": "refuted"}])
    )
    assert found.regressions == [
        "s2p-smooth-stationary on quadratic, 100 steps: supported before, refuted now"
    ]


# The verb


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A store, a copy of it, one in which s2p needs 1.3 times the queries, and one of another problem."""
    folder = tmp_path_factory.mktemp("compare")
    wanted = {
        "problems": [{"name": "quadratic", "dim": 4}, {"name": "cosh", "dim": 3}],
        "solvers": [{"name": "s2p"}, {"name": "stp"}],
        "budget": 400,
        "seeds": 5,
    }
    with Store(folder / "old.sqlite") as kept:
        execute(Campaign.from_table(wanted, "old"), kept, 1)
        kept.put_verdicts([VERDICT])
    with Store(folder / "other.sqlite") as kept:
        execute(Campaign.from_table({**wanted, "problems": [{"name": "cosh", "dim": 2}]}, "o"), kept, 1)
    Store(folder / "empty.sqlite").close()
    shutil.copy(folder / "old.sqlite", folder / "same.sqlite")
    shutil.copy(folder / "old.sqlite", folder / "slow.sqlite")
    changed = sqlite3.connect(folder / "slow.sqlite")
    where = "run IN (SELECT number FROM runs WHERE solver = 's2p')"
    changed.execute(f"UPDATE hits SET queries = CAST(1.3 * queries AS INTEGER) WHERE {where}")
    changed.execute("UPDATE hits SET queries = NULL WHERE queries > 400")
    changed.commit()
    changed.close()
    return folder


def said(stores, *arguments):
    paths = [str(stores / name) if name.endswith(".sqlite") else name for name in arguments]
    done = CliRunner().invoke(cli, ["compare", *paths])
    return done.exit_code, done.stdout, done.stderr


def test_the_verb_and_its_exit_codes(stores):
    code, out, _ = said(stores, "old.sqlite", "same.sqlite")
    assert code == 0
    assert out == "4 of 4 cells the same, 1 of 1 verdicts the same\nno significant regression\n"
    code, out, _ = said(stores, "old.sqlite", "slow.sqlite")
    assert code == 1
    assert "regression: s2p, over 2 problems: slower, 1." in out
    assert "stp" not in out
    assert "5 -> 5 of 5" in out
    code, out, _ = said(stores, "slow.sqlite", "old.sqlite")
    assert (code, "faster" in out) == (0, True)
    code, _, _ = said(stores, "old.sqlite", "slow.sqlite", "--factor", "2")
    assert code == 0


def test_the_verb_as_json(stores):
    code, out, _ = said(stores, "old.sqlite", "slow.sqlite", "--json")
    found = json.loads(out)
    assert (code, found["regressed"]) == (1, True)
    assert {cell["solver"]: cell["change"] for cell in found["cells"]} == {"s2p": "slower", "stp": "same"}
    assert {row["solver"] for row in found["targets"]} == {"s2p"}
    assert len(found["targets"]) == 80
    assert found["verdicts"][0]["change"] == "same"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["old.sqlite", "nowhere.sqlite"], "does not exist"),
        (["old.sqlite", "empty.sqlite"], "nothing in common"),
        (["old.sqlite", "other.sqlite"], "nothing in common"),
        (["old.sqlite", "same.sqlite", "--level", "1.5"], "level must lie between 0 and 1, got 1.5"),
        (["old.sqlite", "same.sqlite", "--level", "x"], "level must be a number"),
        (["old.sqlite", "same.sqlite", "--factor", "0.5"], "factor must be at least 1, got 0.5"),
        (["old.sqlite"], "NEW"),
    ],
)
def test_bad_requests_are_refused(stores, arguments, sentence):
    code, out, err = said(stores, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
