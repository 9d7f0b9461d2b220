"""``zobench verify``: batches of seeds, repetition, families, worker processes, problems of the caller's."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

import zobench
from zobench.cli.main import cli
from zobench.store.database import Store
from zobench.theorem import Cell, find_theorem
from zobench.verdict import verification
from zobench.verdict.judgement import Verdict, judge
from zobench.verdict.sequential import FIRST, SEEDS, planned_looks

THEOREM, OWN = find_theorem("s2p-smooth-stationary")
CELL = Cell("quadratic", 2, 1)


def pretended(mean, spread, theorem=THEOREM):
    """A theorem of which every seed measures a drawn number; `mean` is in units of the bound."""

    def measured(trace, case):
        draw = np.random.default_rng(trace.key.seed).normal()
        level = mean(trace.key.seed) if callable(mean) else mean
        return level * theorem.bound(case, case.steps) * abs(1.0 + spread * draw)

    return dataclasses.replace(theorem, measured=measured)


def tried(mean, spread, **options):
    return judge(pretended(mean, spread), OWN, CELL, **options)


def test_a_clear_claim_takes_one_batch():
    assert (tried(0.5, 0.1).verdict, tried(0.5, 0.1).seeds) == ("supported", FIRST)
    assert (tried(2.0, 0.1).verdict, tried(2.0, 0.1).seeds) == ("refuted", FIRST)
    assert (tried(1.0, 0.05).verdict, tried(1.0, 0.05).seeds) == ("not refuted", FIRST)


def test_an_unclear_claim_takes_more_batches():
    near = tried(1.25, 0.3, comparisons=50)
    assert near.verdict == "refuted"
    assert near.seeds in planned_looks(SEEDS)[1:]
    assert tried(0.97, 1.0).seeds > FIRST
    assert tried(0.97, 1.0, seeds=100).seeds <= 100


def test_a_refutation_that_does_not_repeat_is_not_announced():
    lucky = tried(lambda seed: 3.0 if seed < SEEDS else 0.5, 0.1)
    assert lucky.verdict == "inconclusive"
    assert lucky.note == "a refutation that did not repeat on fresh seeds"
    assert "repeated on fresh seeds" in tried(3.0, 0.1).note


def test_the_same_first_seed_gives_the_same_verdict():
    assert tried(1.25, 0.3) == tried(1.25, 0.3)
    assert tried(1.25, 0.3) != tried(1.25, 0.3, first_seed=5000)


# Families.


def verdict(theorem, log10_e, said="not refuted", note=""):
    return Verdict(
        theorem=theorem, solver="s2p", problem="quadratic", instance="quadratic (dim 2)", dim=2, steps=1,
        seeds=40, law="gaussian", quantity="q", bound=1.0, mean=1.0, ratio=1.0, ci_low=0.9, ci_high=1.1,
        log10_e_value=log10_e, tightness=1.0, verdict=said, note=note,
    )  # fmt: skip


def family(evidence, repeats=True):
    """Judge a family of theorems with one cell each."""
    chosen, verdicts, asked = [], [], []
    for name, log10_e, said in evidence:
        chosen.append((dataclasses.replace(THEOREM, name=name), CELL))
        verdicts.append([verdict(name, log10_e, said)])

    def again(theorem, cell):
        asked.append(theorem.name)
        return repeats

    verification._family(chosen, verdicts, again)
    return [several[0].verdict for several in verdicts], asked


def test_holms_procedure_goes_on_after_the_first_that_fell():
    # thresholds of four claims: 3.60, 3.48, 3.30, 3
    some = [
        ("a", 9.0, "refuted"),
        ("b", 3.5, "not refuted"),
        ("c", 0.0, "supported"),
        ("d", 0.0, "supported"),
    ]
    assert family(some) == (["refuted", "refuted", "supported", "supported"], ["b"])
    assert family([("a", 3.2, "not refuted"), ("b", 3.5, "not refuted"), ("c", 0, ""), ("d", 0, "")])[1] == []


def test_e_bh_takes_theorems_together():
    # 4 theorems / (3 * 0.001) is 10^3.12: none falls by Holm, three together do
    some = [
        ("a", 3.2, "not refuted"),
        ("b", 3.2, "not refuted"),
        ("c", 3.2, "not refuted"),
        ("d", 0.0, "supported"),
    ]
    assert family(some) == (["refuted"] * 3 + ["supported"], ["a", "b", "c"])
    assert family(some, repeats=False)[0] == ["inconclusive"] * 3 + ["supported"]


def test_true_claims_are_left_alone():
    assert family([("a", 1.0, "not refuted"), ("b", -3.0, "supported")]) == (["not refuted", "supported"], [])


# Worker processes, and what the command line says.

NAMES = ["exact-s2p-identity", "s2p-smooth-stationary", "vs2p-affine-invariance"]


def test_verdicts_do_not_depend_on_workers(tmp_path):
    found, runs = [], []
    for workers in (1, 2):
        with Store(tmp_path / f"{workers}.sqlite") as store:
            found.append(zobench.verify(NAMES, quick=True, seeds=6, workers=workers, store=store))
            runs.append(sorted(store.runs()[["problem", "solver", "seed", "best"]].itertuples(index=False)))
    assert found[0] == found[1]
    assert runs[0] == runs[1]
    assert runs[0]


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(cli, list(words))


def sentence(result):
    assert result.exit_code not in (0, 1), result.output
    [line] = result.stderr.strip().splitlines()
    return line


def test_slopes_have_a_table_of_their_own(call):
    result = call("verify", "s2p-pl-gamma", "--slopes", "--workers", "1")
    assert result.exit_code == 0, result.stderr
    head, row, last = result.stdout.splitlines()
    assert head.split()[:5] == ["theorem", "instance", "seeds", "expected", "fitted"]
    assert "exponent in d" in row
    assert "supported" in row
    assert last.startswith("1 verdicts: 1 supported")
    [facts] = json.loads(call("verify", "s2p-pl-gamma", "--stored", "--json").stdout)
    assert facts["relation"] == "slope"
    assert facts["ci_low"] < facts["mean"] < facts["ci_high"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["s2p-smooth-stationary", "--problem", "cosh"],
            "theorem 's2p-smooth-stationary' assumes a certificate of 'L', which problem 'cosh'",
        ),
        (["s2p-smooth-stationery"], "did you mean 's2p-smooth-stationary'"),
        (["--problem", "quadratik"], "did you mean 'quadratic'"),
        (["limits", "--slopes"], "no exponents are declared by 'limits'"),
        (["--stored"], "does not exist"),
        (["--all", "--quick"], "either --all or --quick"),
        (["--workers", "0"], "workers"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(call, tmp_path, words, said):
    assert said in sentence(call("verify", *words))
    assert not list(tmp_path.rglob("*.sqlite")), "nothing was begun"


def test_a_store_without_the_verdicts_says_what_makes_them(call):
    call("run", "-p", "quadratic", "-s", "s2p", "--budget", "50", "--store", "s.sqlite")
    said = sentence(call("verify", "limits", "--stored", "--store", "s.sqlite"))
    assert said == (
        "zobench: store 's.sqlite' has no verdict of theorem 'limits'; "
        "`zobench verify limits --store s.sqlite` makes one"
    )


def test_a_theorem_is_tried_on_a_problem_of_the_callers(call):
    result = call(
        "verify", "s2p-smooth-stationary", "-p", "quadratic:dim=5,condition=3", "--workers", "1", "--json"
    )
    assert result.exit_code == 0, result.stderr
    [facts] = json.loads(result.stdout)
    assert facts["instance"] == "quadratic (dim 5, condition 3)"
    assert facts["verdict"] in ("supported", "not refuted")


@pytest.mark.parametrize(
    ("name", "on"),
    [
        ("es11-sphere-oracle", "quadratic:dim=2"),
        ("exact-gamma-moments", "quadratic:dim=2"),
        ("exact-line-log", "quadratic:dim=2"),
        ("spsa-one-step-identity", "quadratic:dim=2"),
        ("stp-convex-fixed", "quadratic:dim=7,condition=50,rotation=yes"),
    ],
)
def test_on_other_problems_the_horizon_suits_them(name, on):
    # over the steps of the first cell the runs arrive, and the identities are those of rounding
    [verdict] = zobench.verify([name], on=on, seeds=80)
    assert verdict.verdict in ("supported", "not refuted")


@pytest.mark.parametrize(
    "name",
    ["es11-sphere-oracle", "exact-gamma-moments", "exact-line-log", "spsa-moment-recursion",
     "spsa-one-step-identity", "stp-pl-oracle-step"],
)  # fmt: skip
def test_on_a_line_no_direction_is_random(call, name):
    said = sentence(call("verify", name, "-p", "quadratic:dim=1"))
    assert f"theorem '{name}' is measured for d >= 2, and problem 'quadratic' has d = 1" in said


@pytest.mark.parametrize("kind", ["<=", "paired"])
def test_a_loose_bound_of_either_kind_is_said_to_have_no_power(kind):
    theorem, own = find_theorem("s2p-smooth-stationary")
    loose = dataclasses.replace(theorem, measured=None, sides=lambda trial: (0.05, 1.0), relation=kind)
    assert "no power" in judge(loose, own, theorem.cells[0], seeds=5).note
    close = dataclasses.replace(loose, sides=lambda trial: (0.2, 1.0))
    assert "no power" not in judge(close, own, theorem.cells[0], seeds=5).note
