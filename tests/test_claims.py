"""Claims: the statistics against scipy and simulation, the numbers against a plain reading of the traces."""

import json
import math
import textwrap

import numpy as np
import pytest
from scipy import stats

import zobench
from zobench.campaign.definition import Campaign, execute
from zobench.campaign.named import named_campaigns
from zobench.claims import runs as claims_runs
from zobench.claims.claim import Cell, Claim, decisive_level, judge_cells, verdict_of
from zobench.claims.runs import _fit, fact, judge, judge_store
from zobench.errors import ZobenchError
from zobench.registry import catalogue
from zobench.report import Evidence
from zobench.store.database import Store

INF = math.inf

SMALL = """
title = "small"
budget = 300
seeds = 6
dims = [4, 8, 16]
problems = ["quadratic:condition=10"]
solvers = ["s2p", "stp:alpha0=0.3", "stp:alpha0=3", "mezo"]

[[claims]]
says = "MeZO is faster"
kind = "faster"
solver = "mezo"
than = ["s2p", "stp"]
target = 0.1

[[claims]]
says = "queries grow like the dimension"
kind = "slope"
solver = "mezo"
target = 0.1
against = "dim"
above = 0.5
below = 1.5

[[claims]]
says = "MeZO ends with a smaller gap"
kind = "lower"
solver = "mezo"
than = "s2p"
on = { dim = 4 }

[[claims]]
says = "MeZO gets to a hundredth"
kind = "final"
solver = "mezo"
below = 0.01

[[claims]]
says = "decades cost the same"
kind = "linear"
solver = "mezo"
target = [0.398107, 0.158489, 0.0630957]
on = { dim = 4 }

[[claims]]
says = "an absolute gap"
kind = "faster"
solver = "mezo"
than = "s2p"
gap = { times = 2.0, condition = -1 }

[[claims]]
says = "of iterates"
kind = "faster"
solver = "mezo"
than = "s2p"
target = 0.2
at = "iterates"
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A campaign with claims, run."""
    folder = tmp_path_factory.mktemp("claims")
    (folder / "c.toml").write_text(SMALL)
    campaign = Campaign.from_toml(folder / "c.toml")
    with Store(folder / "s.sqlite") as store:
        execute(campaign, store, workers=1)
        judged = judge(campaign, store)
    return campaign, folder / "s.sqlite", judged


def plain_holm(levels, level=0.05):
    """Holm's procedure as in textbooks: adjusted p-values by running maxima."""
    order = np.argsort(levels)
    adjusted = np.maximum.accumulate([(len(levels) - rank) * levels[at] for rank, at in enumerate(order)])
    rejected = np.zeros(len(levels), dtype=bool)
    rejected[order] = adjusted <= level
    return rejected


# ---------------------------------------------------------------- statistics


def test_the_decisive_level_is_that_of_students_test():
    x = np.random.default_rng(1).normal(0.4, 1.0, 12)
    above = stats.ttest_1samp(x, 0.0).pvalue
    below = stats.ttest_1samp(x, 1.5).pvalue
    assert decisive_level(x, x, 0.0, INF) == pytest.approx(above, rel=1e-12)
    assert decisive_level(x, x, 0.0, 1.5) == pytest.approx(
        max(above, below), rel=1e-12
    )  # both ends to exclude
    assert decisive_level(x, x, 1.5, INF) == pytest.approx(below, rel=1e-12)  # the contrary, by one end
    assert decisive_level(x, x, -INF, 0.0) == pytest.approx(above, rel=1e-12)


def test_levels_are_holms():
    rng = np.random.default_rng(2)
    for _ in range(50):
        data = [rng.normal(shift, 1.0, 8) for shift in rng.choice([0.0, 0.8, 2.0], 9)]
        claim = Claim("", "slope", "s2p", above=0.0)
        [judged] = judge_cells([claim], [[Cell("", x, x) for x in data]])
        levels = [stats.ttest_1samp(x, 0.0).pvalue for x in data]
        assert [cell.verdict != "undecided" for cell in judged.cells] == plain_holm(levels).tolist()
        for cell, x in zip(judged.cells, data, strict=True):  # verdict and picture agree
            inside, outside = cell.bounds[0] >= 0.0, cell.bounds[1] <= 0.0
            assert cell.verdict == ("held" if inside else "did not hold" if outside else "undecided")
            assert cell.estimate == pytest.approx(x.mean())


def test_wrong_verdicts_are_as_rare_as_promised():
    """Of 1,000 campaigns of 8 cells on the boundary few decide anything; without Holm a third would."""
    rng, wrong, careless = np.random.default_rng(3), 0, 0
    for _ in range(1000):
        data = rng.normal(0.0, 1.0, (8, 10))
        claim = Claim("", "slope", "s2p", above=0.0)
        [judged] = judge_cells([claim], [[Cell("", x, x) for x in data]])
        wrong += any(cell.verdict != "undecided" for cell in judged.cells)
        careless += any(cell.p <= 0.05 for cell in judged.cells)
    assert wrong <= stats.binom.isf(1e-4, 1000, 0.05)
    assert careless > stats.binom.isf(1e-4, 1000, 0.05)


def test_what_was_not_seen_decides_nothing():
    low, high = np.full(10, 1.0) + np.linspace(0, 0.1, 10), np.full(10, INF)
    claim = [Claim("", "slope", "s2p", above=0.5), Claim("", "slope", "s2p", below=0.5)]
    assert [j.verdict for j in judge_cells(claim, [[Cell("", low, high)]] * 2)] == ["held", "did not hold"]
    beyond = [Claim("", "slope", "s2p", below=1.5), Claim("", "slope", "s2p", above=1.5)]
    assert [j.verdict for j in judge_cells(beyond, [[Cell("", low, high)]] * 2)] == ["undecided"] * 2
    one = Claim("", "slope", "s2p", above=0.5)
    assert judge_cells([one], [[Cell("", low[:1], low[:1])]])[0].verdict == "undecided"  # one replicate
    assert judge_cells([one], [[Cell("", np.empty(0), np.empty(0))]])[0].verdict == "undecided"


def test_what_is_certain_is_decided_by_every_run():
    claim = Claim("", "final", "s2p", above=0.999, certain=True)
    still, moved = np.log([1.0]), np.log([1.0, 0.5])
    assert judge_cells([claim], [[Cell("", still, still)]])[0].verdict == "held"
    assert judge_cells([claim], [[Cell("", moved, moved)]])[0].verdict == "did not hold"


def test_words_for_several_cells():
    def cells(*words):
        return [Cell("", np.ones(1), np.ones(1), verdict=word) for word in words]

    assert verdict_of(cells("held", "held")) == "held"
    assert verdict_of(cells("held", "undecided")) == "held in part"
    assert verdict_of(cells("held", "did not hold")) == "held in part"
    assert verdict_of(cells("undecided", "did not hold")) == "did not hold"
    assert verdict_of(cells("undecided")) == "undecided"


def test_slopes_between_limits():
    x = np.log([1.0, 10.0, 100.0])
    exact = [(at, 2.0 * at + 1.0, 2.0 * at + 1.0) for at in x]
    assert _fit(exact) == pytest.approx((2.0, 2.0))
    never = [*exact[:2], (x[2], 3.0, INF)]  # at least 3 at the last level
    low, high = _fit(never)
    assert low == pytest.approx(np.polyfit(x, [1.0, 2.0 * x[1] + 1.0, 3.0], 1)[0])
    assert high == INF
    low, high = _fit([(x[0], 1.0, INF), *exact[1:]])  # a late hit at the first level makes it flatter
    assert low == -INF
    assert high == pytest.approx(2.0)


# ---------------------------------------------------------------- numbers


def reading(key):
    return zobench.run(
        zobench.problem(key.problem, key.dim, key.instance_seed, **dict(key.problem_parameters)),
        key.solver,
        budget=key.budget,
        seed=key.seed,
        parameters=dict(key.solver_parameters),
    )


def hit(trace, target):
    """Queries to a target, read off the trace; inf where it was missed."""
    found = int(trace.hits[np.argmin(np.abs(trace.targets - target))])
    return float(found) if found >= 0 else INF


def traces_of(campaign, solver, dim):
    return {k.seed: reading(k) for k in campaign.keys if k.solver == solver and k.dim == dim}


def test_ratios_are_those_of_the_traces(small):
    campaign, _, judged = small
    cells = {cell.where: cell for cell in judged[0].cells}
    assert len(cells) == 6
    for dim in (4, 8, 16):
        mezo, s2p = traces_of(campaign, "mezo", dim), traces_of(campaign, "s2p", dim)
        cell = cells[f"quadratic (dim {dim}, condition 10): s2p"]
        for place, seed in enumerate(sorted(mezo)):
            mine, other = hit(mezo[seed], 0.1), hit(s2p[seed], 0.1)
            assert cell.high[place] == pytest.approx(math.log(other) - math.log(min(mine, 300.0)))
            low = math.log(min(other, 300.0)) - math.log(mine) if mine < INF else -INF
            assert cell.low[place] == pytest.approx(low)
    assert any(np.isinf(cell.high).any() for cell in cells.values())  # some runs did miss the target


def test_the_best_setting_of_an_instance_is_taken(small):
    campaign, _, judged = small
    keys = [key for key in campaign.keys if key.solver == "stp" and key.dim == 8]
    medians = {}
    for key in keys:
        medians.setdefault(dict(key.solver_parameters)["alpha0"], []).append(hit(reading(key), 0.1))
    best = min(np.median(found) for found in medians.values())
    assert len(medians) == 2
    assert best < max(np.median(found) for found in medians.values())
    [cell] = [c for c in judged[0].cells if c.where == "quadratic (dim 8, condition 10): stp"]
    mezo = {seed: hit(trace, 0.1) for seed, trace in traces_of(campaign, "mezo", 8).items()}
    others = min(medians.values(), key=np.median)
    assert cell.low == pytest.approx([math.log(b / mezo[seed]) for seed, b in enumerate(others)])
    assert "best of 2 settings" in cell.note


def test_slopes_final_gaps_and_segments_are_those_of_the_traces(small):
    campaign, _, judged = small
    runs = {dim: traces_of(campaign, "mezo", dim) for dim in (4, 8, 16)}
    [slope] = judged[1].cells
    for seed in range(6):
        hits = [hit(runs[dim][seed], 0.1) for dim in (4, 8, 16)]
        if max(hits) < INF:
            expected = np.polyfit(np.log([4, 8, 16]), np.log(hits), 1)[0]
            assert slope.low[seed] == pytest.approx(expected) == slope.high[seed]
        else:
            assert slope.high[seed] == INF
    [lower] = judged[2].cells
    s2p = traces_of(campaign, "s2p", 4)
    assert lower.low == pytest.approx([math.log(s2p[i].best / runs[4][i].best) for i in range(6)])
    first = judged[3].cells[0]
    assert first.low == pytest.approx([math.log(runs[4][i].best / runs[4][i].start) for i in range(6)])
    [linear] = judged[4].cells
    compared = set()
    for seed in range(6):
        a, b, c = (hit(runs[4][seed], target) for target in (0.398107, 0.158489, 0.0630957))
        if c < INF:
            compared.add(seed)
            assert linear.low[seed] == pytest.approx(math.log((c - b) / (b - a))) == linear.high[seed]
    assert compared


def test_an_absolute_gap_is_hit_between_checkpoints(small):
    campaign, _, judged = small
    [cell] = [c for c in judged[5].cells if "dim 4" in c.where]
    mezo, s2p = traces_of(campaign, "mezo", 4), traces_of(campaign, "s2p", 4)

    def between(trace):
        row = int(np.flatnonzero(trace.bests <= 0.2)[0])
        return (trace.queries[row - 1] + 1 if row else 1), trace.queries[row]

    for seed in range(6):
        (a, b), (c, d) = between(mezo[seed]), between(s2p[seed])
        assert cell.low[seed] == pytest.approx(math.log(c / b))
        assert cell.high[seed] == pytest.approx(math.log(d / a))


def test_iterates_are_compared_at_checkpoints(small):
    campaign, _, judged = small
    [cell] = [c for c in judged[6].cells if "dim 4" in c.where]
    found = {}
    for solver in ("mezo", "s2p"):
        traces = traces_of(campaign, solver, 4)
        reached = [np.flatnonzero(traces[i].values <= 0.2 * traces[i].start) for i in range(6)]
        found[solver] = [traces[i].queries[rows[0]] for i, rows in enumerate(reached)]
    expected = np.log(found["s2p"]) - np.log(found["mezo"])
    assert cell.low == pytest.approx(expected)
    assert cell.high == pytest.approx(expected)


def test_seeds_of_one_instance_are_one_replicate(tmp_path):
    text = SMALL.partition("[[claims]]")[0].replace("dims = [4, 8, 16]", "dims = 4\ninstances = 3")
    (tmp_path / "c.toml").write_text(text + '[[claims]]\nsays="x"\nkind="final"\nsolver="mezo"\nbelow=0.5\n')
    campaign = Campaign.from_toml(tmp_path / "c.toml")
    with Store(tmp_path / "s.sqlite") as store:
        [unfinished] = judge(campaign, store)
        execute(campaign, store, workers=1)
        [judged] = judge(campaign, store)
    assert unfinished.verdict == "unfinished"
    assert unfinished.figures() == "runs are missing"
    [cell] = judged.cells
    assert len(cell.low) == 3
    traces = [reading(k) for k in campaign.keys if k.solver == "mezo" and k.instance_seed == 2]
    assert cell.low[2] == pytest.approx(np.mean([math.log(t.best / t.start) for t in traces]))


def _seen(self, claim, key, target, queries=claims_runs._Runs._queries):
    low, high = queries(self, claim, key, target)
    return low, low if math.isinf(high) else high


def _late(self, claim, key, target, queries=claims_runs._Runs._queries):
    low, high = queries(self, claim, key, target)
    return (low if math.isinf(high) else high), high


def _worst(self, claim, keys, merit=claims_runs._Runs._merit):
    return tuple(-rank for rank in merit(self, claim, keys))


@pytest.mark.parametrize(
    ("name", "mutant", "check"),
    [
        ("_queries", _seen, test_ratios_are_those_of_the_traces),  # a miss counts as a hit at the end
        ("_queries", _late, test_an_absolute_gap_is_hit_between_checkpoints),  # hits at checkpoints only
        ("_merit", _worst, test_the_best_setting_of_an_instance_is_taken),
        ("_log", lambda *_: (0.0, 0.0), test_iterates_are_compared_at_checkpoints),
        ("_segments", lambda *_: (0.0, 0.0), test_slopes_final_gaps_and_segments_are_those_of_the_traces),
    ],
)
def test_mutants_are_seen(small, monkeypatch, name, mutant, check):
    campaign, path, _ = small
    monkeypatch.setattr(claims_runs._Runs, name, mutant)
    with Store(path, "read") as store:
        judged = judge(campaign, store)
    with pytest.raises(AssertionError):
        check((campaign, path, judged))


def test_facts_of_a_run():
    from zobench.execute import key_of

    instance = zobench.problem("tilted-spectrum", None, 0, rows=8, columns=6, rank=2, condition=10)
    key = key_of(instance, "riemannian-zo", budget=10)
    assert fact(key, "degrees") == 2 * (8 + 6 - 2)
    assert (fact(key, "dim"), fact(key, "condition"), fact(key, "effective_rank")) == (48.0, 10.0, 48.0)
    with pytest.raises(ZobenchError, match="must be a numeric parameter, dim, degrees or a certificate"):
        fact(key, "colour")


# ---------------------------------------------------------------- files, page, command line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('kind = "quicker"', "a kind must be one of"),
        ('kind = "faster"', "than must be given for kind 'faster'"),
        ('kind = "final"', "above or below must be given for kind 'final'"),
        ('kind = "slope"\nabove = 1', "against must be given for kind 'slope'"),
        ('kind = "slope"\nabove = 1\nagainst = "dim"', "target or gap must be given for a slope of queries"),
        ('kind = "final"\nabove = 2\nbelow = 1', "above must be less than below, got 2 and 1"),
        ('kind = "final"\nbelow = 1\nthan = "stp"', "kind 'final' has no than"),
        ('kind = "linear"\ntarget = [0.1, 0.2, 0.3]', "target must be three falling relative gaps"),
        ('kind = "faster"\nthan = "mezo"\ntarget = 0.1', "claims: than must be one of s2p"),
        ('kind = "final"\nbelow = 1\non = { dim = 7 }', "claims: on: this rule matches no run"),
        ('kind = "final"\nbelow = 1\ncolour = 1', "a key must be one of"),
        ('kind = "slope"\nabove = 1\nagainst = 3\ntarget = 0.1', "against must say powers of facts"),
    ],
)
def test_faults_are_told_by_line(tmp_path, line, said):
    head = 'budget = 10\nproblems = ["quadratic:dim=3"]\nsolvers = ["s2p"]\n'
    (tmp_path / "c.toml").write_text(f'{head}[[claims]]\nsays = "x"\nsolver = "s2p"\n{line}\n')
    with pytest.raises(ZobenchError) as caught:
        Campaign.from_toml(tmp_path / "c.toml")
    assert said in str(caught.value)
    assert "line " in str(caught.value)


def test_named_campaigns_of_claims_are_sound():
    """Every claim is read, has a source, and speaks of runs that are there."""
    for name in ("s2p-claims", "lowrank-claims", "softmax-claims"):
        campaign = Campaign.from_toml(named_campaigns()[name])
        assert len(campaign.claims) >= 8
        assert all(claim.source for claim in campaign.claims)
        for tuning in campaign.tunings:
            assert not {k.seed for k in tuning.keys} & {k.seed for k in tuning.finals}
            assert {k.budget for k in tuning.keys} == {k.budget for k in tuning.finals}


def test_the_figure_shows_the_numbers(small):
    _, path, judged = small
    evidence = Evidence.from_store(path)
    [(title, again)] = evidence.claims
    assert title == "small"
    assert str([j.facts() for j in again]) == str([j.facts() for j in judged])
    report = catalogue("reports")["claims"]
    drawings = report.drawings(evidence)
    assert len(drawings) == len(judged)
    for drawing, judgement in zip(drawings, judged, strict=True):
        [axis] = drawing.figure.axes
        lines = {line.get_gid(): line for line in axis.lines}
        low, high = axis.get_xlim()
        for place, cell in enumerate(judgement.cells):
            ends = np.clip(cell.bounds, low, high)
            assert lines[f"interval {cell.where}"].get_xdata() == pytest.approx(ends)
            if math.isfinite(cell.estimate):
                assert lines[f"estimate {cell.where}"].get_xdata()[0] == pytest.approx(cell.estimate)
                assert lines[f"estimate {cell.where}"].get_ydata()[0] == place
        assert f"Verdict: {judgement.verdict}" in drawing.caption
        assert judgement.claim.says in drawing.caption


def test_a_store_without_claims_says_so(tmp_path):
    with Store(tmp_path / "s.sqlite") as store:
        store.put(zobench.run("quadratic", "s2p", budget=20))
        assert judge_store(store) == []
    report = catalogue("reports")["claims"]
    evidence = Evidence.from_store(tmp_path / "s.sqlite")
    assert report.drawings(evidence) == []
    assert "zobench run s2p-claims" in report.missing(evidence)


def test_the_command_line_prints_a_line_a_claim(small, tmp_path, capsys):
    from zobench.cli.run import run_verb

    _, path, judged = small
    (tmp_path / "c.toml").write_text(textwrap.dedent(SMALL))
    given = (
        str(tmp_path / "c.toml"),
        (),
        (),
        None,
        None,
        False,
        str(path),
        "1",
        None,
        None,
        None,
        False,
        None,
        False,
    )
    assert run_verb(*given, False) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("claim: ")]
    assert lines == [f"claim: {j.verdict}: {j.claim.says} ({j.figures()})" for j in judged]
    assert run_verb(*given, True) == 0
    claims = json.loads(capsys.readouterr().out)["claims"]
    assert [claim["verdict"] for claim in claims] == [j.verdict for j in judged]
