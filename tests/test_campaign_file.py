"""Campaign files: faults by line, rules, noise, instances, tuning, dry runs, campaigns by name."""

import json
import math
import textwrap
import tomllib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import zobench
from zobench.campaign.definition import Campaign, execute
from zobench.campaign.lines import lines_of
from zobench.campaign.named import find_campaign, named_campaigns
from zobench.campaign.plan import plan, state
from zobench.campaign.tuning import FIRST_SEED
from zobench.errors import ZobenchError
from zobench.store.database import Store

BASE = {
    "problems": [{"name": "quadratic", "dim": [3, 5], "condition": [1, 10]}, {"name": "cosh", "dim": 4}],
    "solvers": [{"name": "s2p", "law": ["gaussian", "sphere"]}, {"name": "stp"}],
    "budget": [20, 40],
    "seeds": 2,
}


def made(**changes):
    return Campaign.from_table({**BASE, **changes}, "campaign 'c'")


def complaint(**changes):
    with pytest.raises(ZobenchError) as raised:
        made(**changes)
    assert "\n" not in str(raised.value) or " faults:\n  " in str(raised.value)
    return str(raised.value)


def value_at(table, place):
    for part in place:
        table = table[part]
    return table


EVERYWHERE = """
# a comment with = and [brackets]
title = "a # in text, [not] a table"     # after
'quoted key' = 1
noise = [ "none",   # one
    { law = "gaussian", level = 1 },
    'x' ]
multi = \"\"\"
[[problems]]
name = "no table"
\"\"\"
empty = []

[[problems]]
name = "a"
dim = [ 1,
    2, [3,
    4] ]
[problems.inner]
deep.er = true
[[problems.rows]]
k = 1
[[problems.rows]]
k = 2

[[problems]]
"name" = "b"
tune = { low = 1e-3, high = 10 }
when = 1979-05-27T07:32:00Z
[problems.inner]
again = 3
[tuning]
seeds = 3"""


def every_place(value, base=()):
    if base:
        yield base
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from every_place(inner, (*base, key))


def test_every_key_and_item_has_the_line_where_it_stands():
    table, lines = tomllib.loads(EVERYWHERE), lines_of(EVERYWHERE)
    assert set(lines) == set(every_place(table))
    shown = {place: EVERYWHERE.splitlines()[line - 1] for place, line in lines.items()}
    assert shown["noise", 1, "level"] == '    { law = "gaussian", level = 1 },'
    assert shown["problems", 0, "dim", 2, 1] == "    4] ]"
    assert shown["problems", 0, "rows", 1, "k"] == "k = 2"
    assert shown["problems", 1] == "[[problems]]"
    assert lines["problems", 1] > lines["problems", 0, "name"] > lines[("multi",)] + 3
    for place in lines:
        if isinstance(place[-1], str) and place != ("problems",):
            assert place[-1] in shown[place], place


def test_named_campaigns_are_scanned_whole():
    for file in named_campaigns().values():
        text = file.read_text()
        assert set(lines_of(text)) == set(every_place(tomllib.loads(text)))


def test_faults_are_told_by_line_in_order(tmp_path):
    (tmp_path / "c.toml").write_text(
        textwrap.dedent("""\
            sedes = 3
            budget = "10 x"
            dims = 0
            problems = ["quadratic:condition=10",
                "quadratc"]
            [[solvers]]
            name = "stp"
            rule = [
                "fixed", "fixd"]
            alpha = 1
        """)
    )
    with pytest.raises(ZobenchError) as raised:
        Campaign.from_toml(tmp_path / "c.toml")
    said = str(raised.value)
    lines = [
        "has 6 faults:\n  line 1: a key must be one of",
        "got 'sedes'; did you mean 'seeds'?\n  line 2: budget must be a whole number",
        "\n  line 3: dims must be a whole number >= 1, got 0",
        "\n  line 5: problem must be one of",
        "got 'quadratc'; did you mean 'quadratic'?\n  line 8: solver 'stp': rule must be one of",
        "got 'fixd'; did you mean 'fixed'?",
        "\n  line 10: solver 'stp': a parameter must be one of",
        "got 'alpha'; did you mean 'alpha0'?",
    ]
    places = [said.find(line) for line in lines]
    assert -1 not in places, said
    assert places == sorted(places), said
    assert len(said.splitlines()) == 7


def test_no_fault_hides_another(tmp_path):
    (tmp_path / "c.toml").write_text(
        textwrap.dedent("""\
            budget = 10
            dims = []
            noise = ["gausian level=0.1"]
            problems = ["quadratc", "quadratic:conditon=1,dim=0,seed=-1"]
            [[solvers]]
            name = "s2p"
            law = []
            alpha1 = 1
            [[exclude]]
            lawe = "sphere"
            [[exclude]]
            dim = 7
            [[include]]
            [tuning]
            target = "a"
            budget = 10
        """)
    )
    with pytest.raises(ZobenchError) as raised:
        Campaign.from_toml(tmp_path / "c.toml")
    told = [line.strip() for line in str(raised.value).splitlines()[1:]]
    for start, part in (
        ("line 2: dims must not be an empty list", ""),
        ("line 3: noise: noise must be one of", "did you mean 'gaussian'?"),
        ("line 4: problem must be one of", "did you mean 'quadratic'?"),
        ("line 4: problem 'quadratic': a parameter must be one of", "did you mean 'condition'?"),
        ("line 4: problem 'quadratic': dim must be a whole number >= 1", ""),
        ("line 4: problem 'quadratic': seed must be a whole number >= 0", ""),
        ("line 7: solver 's2p': law must not be an empty list", ""),
        ("line 8: solver 's2p': a parameter must be one of", "got 'alpha1'; did you mean 'alpha0'?"),
        ("line 10: exclude: a name must be one of", "got 'lawe'; did you mean 'law'?"),
        ("line 13: include must be a list of tables", ""),
        ("line 14: tuning: some solver must say what is tuned", ""),
        ("line 15: tuning: target must be a number >= 0", "got 'a'"),
    ):
        found = [line for line in told if line.startswith(start)]
        assert len(found) == 1, (start, told)
        assert part in found[0]
        told.remove(found[0])
    assert not told, "complains of what follows from other faults"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": 10_000_000}, "must have at most 3,000,000 runs, got 300,000,000: use several files"),
        (
            {"solvers": [{"name": "s2p", "alpha0": list(range(1, 2000)), "L": list(range(1, 3000))}]},
            "solver 's2p': a grid must have at most 3,000,000 points, got 5,995,001",
        ),
    ],
)
def test_a_campaign_that_nobody_can_plan_is_refused_at_once(changes, said):
    assert said in complaint(**changes)


def test_one_fault_of_a_file_names_its_line(tmp_path):
    (tmp_path / "c.toml").write_text("problems = ['cosh']\nsolvers = ['s2p']\nbudget = 0\n")
    with pytest.raises(ZobenchError, match=r"c\.toml', line 3: budget must be"):
        Campaign.from_toml(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("rules", "keep"),
    [
        (
            {"exclude": [{"problem": "quad*", "dim": 5}]},
            lambda k: not (k.problem == "quadratic" and k.dim == 5),
        ),
        ({"exclude": [{"dim": "> 3"}]}, lambda k: k.dim <= 3),
        ({"exclude": [{"dim": "<= 3"}, {"seed": 1}]}, lambda k: k.dim > 3 and k.seed != 1),
        ({"include": [{"solver": ["stp"]}]}, lambda k: k.solver == "stp"),
        ({"include": [{"law": "sphere"}]}, lambda k: dict(k.solver_parameters)["law"] == "sphere"),
        ({"include": [{"condition": 10}]}, lambda k: dict(k.problem_parameters).get("condition") == 10),
        (
            {"include": [{"solver": "stp"}, {"dim": [3, 4]}], "exclude": [{"budget": 40, "solver": "s2p"}]},
            lambda k: (k.solver == "stp" or k.dim in (3, 4)) and not (k.budget == 40 and k.solver == "s2p"),
        ),
        ({"exclude": [{"noise": "none", "instance": 0, "problem": "cosh"}]}, lambda k: k.problem != "cosh"),
    ],
)
def test_rules_keep_what_they_say(rules, keep):
    whole = made().keys
    assert list(made(**rules).keys) == [key for key in whole if keep(key)]
    assert 0 < len(made(**rules).keys) < len(whole)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"exclude": [{"solvr": "stp"}]}, "exclude: a name must be one of"),
        ({"exclude": [{"solvr": "stp"}]}, "did you mean 'solver'?"),
        ({"exclude": [{"dim": 7}]}, "exclude: this rule matches no run"),
        ({"include": [{"solver": "s3p"}]}, "include: this rule matches no run"),
        ({"exclude": [{"dim": "> 0"}]}, "the rules leave no run"),
        ({"exclude": {"dim": 3}}, r"headed [[exclude]], got {'dim': 3}"),
        ({"exclude": [{}]}, "must be a list of tables"),
        ({"exclude": [{"dim": []}]}, "dim must be a value or a list of values, got []"),
        ({"exclude": [{"dim": {"a": 1}}]}, "dim must be a value or a list of values"),
    ],
)
def test_rules_that_cannot_be_meant_are_faults(rules, said):
    assert said in complaint(**rules)


def test_dimensions_instances_and_noise_for_all_problems():
    campaign = made(
        problems=["quadratic", {"name": "cosh", "dim": 4, "seed": 9}],
        solvers=["s2p"],
        dims=[3, 6],
        instances=2,
        noise=["none", "gaussian level=0.1", {"law": "failure", "level": 0.2, "mode": "common"}],
        budget=10,
        seeds=1,
    )
    cells = Counter((key.problem, key.dim, key.instance_seed, key.noise) for key in campaign.keys)
    noises = ["", "gaussian level=0.1 mode=independent", "failure level=0.2 mode=common"]
    assert set(cells.values()) == {1}
    assert {(p, d, i) for p, d, i, _ in cells} == {
        ("quadratic", 3, 0), ("quadratic", 3, 1), ("quadratic", 6, 0), ("quadratic", 6, 1), ("cosh", 4, 9),
    }  # fmt: skip
    assert len(cells) == 5 * 3
    one = zobench.problem("cosh", dim=4, seed=9, noise="gaussian", noise_level=0.1)
    assert {key.noise for key in campaign.keys} >= {"", one.noise.text}
    assert len({key.noise for key in campaign.keys}) == len(noises)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"noise": "gausian level=1"}, "did you mean 'gaussian'?"),
        ({"noise": "gaussian"}, "noise_level must be given"),
        ({"noise": {"law": "gaussian", "levl": 1}}, "did you mean 'level'?"),
        ({"noise": []}, "noise must not be an empty list"),
        (
            {"noise": "gaussian level=1", "problems": [{"name": "cosh", "noise": "none"}]},
            "noise must be given here or for all problems, got both",
        ),
        ({"instances": 0}, "instances, their number, must be a whole number >= 1"),
        ({"dims": []}, "dims must not be an empty list"),
        ({"title": 3}, "title must be text, got 3"),
        ({"tuning": {"budget": 10}}, "some solver must say what is tuned"),
        ({"tuning": 3}, "tuning must be a table"),
        (
            {"tuning": {"budget": 10, "target": 0}, "solvers": [{"name": "s2p", "tune": {"alpha0": [1]}}]},
            "tuning: target must be one of 0.630957",
        ),
        ({"solvers": [{"name": "s2p", "tune": {"alpha0": [1]}}]}, "tune needs a table headed [tuning]"),
    ],
)
def test_what_cannot_be_meant_is_a_fault(changes, said):
    assert said in complaint(**changes)


TUNED = {
    "title": "tuned",
    "problems": [{"name": "quadratic", "dim": 4, "condition": [1, 10]}],
    "budget": [60, 120],
    "seeds": 2,
    "tuning": {"budget": "10 d", "seeds": 3, "trials": 5},
    "solvers": [
        {"name": "s2p", "tune": {"alpha0": {"low": 1e-3, "high": 10.0}}},
        {"name": "stp", "law": ["gaussian", "sphere"], "tune": {"alpha0": [0.01, 0.1, 0.5, 1.0, 2.0]}},
        {"name": "random-search"},
    ],
}


def tuned(**changes):
    return Campaign.from_table({**TUNED, **changes}, "campaign 'c'")


def test_tuning_runs_are_separate_and_equal():
    campaign = tuned()
    # two instances times s2p and two laws of stp
    assert len(campaign.tunings) == 2 * 3
    assert len(campaign.keys) == 2 * 2 * 2
    assert {key.solver for key in campaign.keys} == {"random-search"}
    for tuning in campaign.tunings:
        assert len(tuning.keys) == 5 * 3
        assert {key.budget for key in tuning.keys} == {40}
        assert {key.seed for key in tuning.keys} == {FIRST_SEED, FIRST_SEED + 1, FIRST_SEED + 2}
        assert {(key.budget, key.seed) for key in tuning.finals} == {(60, 0), (60, 1), (120, 0), (120, 1)}
        assert not {key.seed for key in tuning.finals} & {key.seed for key in tuning.keys}
    spent = Counter()
    for tuning in campaign.tunings:
        spent[tuning.keys[0].solver, dict(tuning.keys[0].solver_parameters)["law"]] += sum(
            key.budget for key in tuning.keys
        )
    assert len(set(spent.values())) == 1, "tuned solvers spent different numbers of queries"
    assert campaign.size == len(campaign.keys) + 6 * (15 + 4)


def test_ranges_are_drawn_log_uniformly_and_reproducibly():
    many = tuned(
        tuning={"budget": 10, "trials": 4000},
        solvers=[
            {"name": "s2p", "tune": {"alpha0": {"low": 1e-3, "high": 10.0}, "radius": {"low": 1, "high": 2}}}
        ],
        problems=["quadratic:dim=4"],
    )
    candidates = [dict(candidate) for candidate in many.tunings[0].candidates]
    logs = np.log10([candidate["alpha0"] for candidate in candidates])
    assert -3 <= logs.min() < -2.99
    assert 0.99 < logs.max() <= 1
    # a quarter of a uniform law each; three standard deviations of a binomial count are 82
    assert all(abs(count - 1000) < 82 for count in np.histogram(logs, 4, (-3, 1))[0])
    alone = tuned(
        tuning={"budget": 10, "trials": 4000},
        solvers=[{"name": "s2p", "tune": {"alpha0": {"low": 1e-3, "high": 10.0}}}],
        problems=["cosh:dim=3"],
    )
    assert [dict(c)["alpha0"] for c in alone.tunings[0].candidates] == [c["alpha0"] for c in candidates]
    other = tuned(tuning={"budget": "10 d", "seeds": 3, "trials": 5, "random_seed": 1})
    assert other.tunings[0].candidates != tuned().tunings[0].candidates
    assert other.tunings[1].candidates == tuned().tunings[1].candidates, "a grid is not drawn"


@pytest.mark.parametrize("criterion", ["median final gap", "ert"])
def test_tuning_chooses_the_best_by_its_criterion(tmp_path, criterion):
    campaign = tuned(
        tuning={"budget": "60 d", "seeds": 3, "trials": 5, "criterion": criterion, "target": 0.01}
    )
    partial = 0
    with Store(tmp_path / "s") as store:
        assert campaign.tuned_keys(store) is None
        tally = execute(campaign, store, 1)
        assert (tally.total, tally.done, tally.waiting) == (campaign.size, campaign.size, 0)
        assert execute(campaign, store, 1).done == 0
        rows = store.tunings()
        assert len(rows) == len(campaign.tunings)
        known = set(store.runs().index)
    for tuning, chosen in zip(campaign.tunings, tally.tunings, strict=True):
        # the criterion written anew, from runs done anew
        results = []
        for candidate in tuning.candidates:
            traces = [
                zobench.run(
                    zobench.problem("quadratic", 4, **dict(tuning.keys[0].problem_parameters)),
                    tuning.keys[0].solver, budget=240, seed=FIRST_SEED + place, parameters=dict(candidate),
                )
                for place in range(3)
            ]  # fmt: skip
            gaps = sorted(trace.best - trace.reference for trace in traces)
            at = int(np.flatnonzero(np.isclose(traces[0].targets, 0.01))[0])
            hits = [int(trace.hits[at]) for trace in traces]
            successes = sum(hit >= 0 for hit in hits)
            partial += 0 < successes < 3
            spent = sum(hit if hit >= 0 else trace.count for hit, trace in zip(hits, traces, strict=True))
            ert = spent / successes if successes else math.inf
            results.append((ert, gaps[1]) if criterion == "ert" else (gaps[1], gaps[1]))
        best = min(range(5), key=lambda place: results[place])
        assert chosen["parameters"] == dict(tuning.candidates[best])
        assert [tried["result"] for tried in chosen["candidates"]] == [result for result, _ in results]
        assert {id for tried in chosen["candidates"] for id in tried["runs"]} <= known
        for final in tuning.finals:
            assert replace(final, solver_parameters=tuning.candidates[best]) in tally.keys
    assert partial, (
        "no candidate hits the target with some seeds only, and expected running times show nothing"
    )
    stored = [json.loads(text) for text in rows["everything"]]
    assert sorted(map(repr, stored)) == sorted(map(repr, tally.tunings))
    # all four finals of each tuning, and the runs that are not tuned
    assert len(tally.keys) == 6 * 4 + 8


def test_a_failing_candidate_is_never_chosen(tmp_path):
    # cosh certifies no L, so that the rule of finite differences fails
    campaign = Campaign.from_table(
        {
            "problems": ["cosh:dim=3"],
            "budget": 30,
            "tuning": {"budget": 30, "seeds": 2},
            "solvers": [{"name": "stp", "tune": {"rule": ["finite-difference", "fixed"]}}],
        },
        "c",
    )
    with Store(tmp_path / "s") as store:
        tally = execute(campaign, store, 1)
        assert (tally.done, tally.failed) == (5, 2)
        assert tally.tunings[0]["parameters"]["rule"] == "fixed"
        assert tally.tunings[0]["candidates"][0]["result"] == math.inf


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tuning": {"budget": 10}}, "trials must be given"),
        ({"tuning": {"trials": 5}}, "tuning: budget must be given"),
        (
            {"tuning": {"budget": 10, "trials": 5, "seeds": [1, 2]}},
            "none of the campaign's own, got 1 in both",
        ),
        ({"tuning": {"budget": 10, "trials": 5, "seeds": [7, 7]}}, "must be different numbers"),
        ({"tuning": {"budget": 10, "trials": 4}}, "equally many settings, got 4 for 's2p', 5 for 'stp'"),
        ({"tuning": {"budget": 10, "trials": 5, "criterion": "mean"}}, "criterion must be one of"),
        ({"tuning": {"budget": 10, "trials": 5, "target": 0.3}}, "target must be one of 0.630957, "),
        ({"tuning": {"budget": 10, "trials": 5, "trails": 5}}, "did you mean 'trials'?"),
        ({"tuning": {"budget": [10, 20], "trials": 5}}, "budget must be one budget"),
        ({"solvers": [{"name": "s2p", "tune": {"alpha": [1]}}]}, "did you mean 'alpha0'?"),
        ({"solvers": [{"name": "s2p", "tune": {"alpha0": 1}}]}, "must be a list of values, or a range"),
        ({"solvers": [{"name": "s2p", "tune": {"alpha0": {"low": 1, "high": 1}}}]}, "must be below high"),
        ({"solvers": [{"name": "s2p", "tune": {"alpha0": {"low": 1}}}]}, "must be a range"),
        ({"solvers": [{"name": "s2p", "alpha0": 1, "tune": {"alpha0": [1]}}]}, "given or tuned, got both"),
        (
            {"solvers": [{"name": "s2p", "tune": {"alpha0": [1], "radius": {"low": 1, "high": 2}}}]},
            "all lists (a grid) or all ranges",
        ),
    ],
)
def test_a_faulty_tuning_block_is_told(changes, said):
    with pytest.raises(ZobenchError) as raised:
        tuned(**changes)
    assert said in str(raised.value), raised.value


def test_a_plan_counts_runs_and_queries(tmp_path):
    campaign = tuned()
    facts = plan(campaign, None, 1)
    assert facts["runs"] == facts["left"] == campaign.size
    assert facts["tuning_runs"] == 6 * 15
    assert facts["tuning_queries"] == 6 * 15 * 40
    assert facts["queries"] == 6 * 15 * 40 + (6 + 2) * 2 * (60 + 120)
    assert (facts["problems"], facts["solvers"], facts["kept"]) == (2, 4, 0)
    with Store(tmp_path / "s") as store:
        execute(Campaign("part", tuple(campaign.first_keys()[:20])), store, 1)
        assert plan(campaign, store, 1)["left"] == campaign.size - 20
        assert state(campaign, store).waiting == 6 * 4
        execute(campaign, store, 1)
        assert plan(campaign, store, 1)["left"] == 0
        assert state(campaign, store).waiting == 0


def test_a_plan_is_roughly_right(tmp_path):
    campaign = made(problems=["quadratic:dim=300"], solvers=["s2p"], budget=200_000, seeds=3)
    seconds = plan(campaign, None, 1)["seconds"]
    with Store(tmp_path / "s") as store:
        execute(campaign, store, 1)
        took = store.runs()["seconds"].sum()
    # the machine's load is not in it: an order of magnitude
    assert took / 10 < seconds < took * 10


def test_named_campaigns_run_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(find_campaign("more-wild").keys) == 53 * 3 * 3
    assert len(find_campaign("quick").keys) == 80
    for name in named_campaigns():
        campaign = find_campaign(name)
        assert campaign.size > 0
        assert campaign.title != name
    with pytest.raises(ZobenchError, match=r"got 'more-wlid'; did you mean 'more-wild'\?"):
        find_campaign("more-wlid")
    (tmp_path / "quick").write_text("problems = ['cosh']\nsolvers = ['s2p']\nbudget = 7\n")
    assert len(find_campaign("quick").keys) == 1, "a file that is there is meant"


def test_a_campaign_remembers_what_was_asked(tmp_path):
    campaign = tuned(exclude=[{"budget": 60}])
    again = Campaign.from_table(json.loads(campaign.content), "again")
    assert again.keys == campaign.keys
    assert again.tunings == campaign.tunings
    with Store(tmp_path / "s") as store:
        execute(campaign, store, 1)
        execute(campaign, store, 1)
        assert store.campaigns()["title"].tolist() == ["tuned"]
