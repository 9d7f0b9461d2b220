"""`zobench explain`: what is said of a solver, a run and a verdict is what is there."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import zobench
from zobench.cli.main import cli
from zobench.explain.page import text_of
from zobench.explain.solver import explain_solver
from zobench.explain.verdict import explain_theorem, explain_verdict
from zobench.registry import catalogue
from zobench.solver import solver
from zobench.store.database import Store
from zobench.watch.record import begin


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def called(*words):
        result = CliRunner().invoke(cli, ["explain", *words], prog_name="zobench")
        return result.exit_code, result.stdout, result.stderr

    return called


# solvers


def lines_that(told, word):
    return {
        (line["number"], line["text"].strip())
        for function in told.source
        for line in function["lines"]
        if word in line["does"]
    }


def test_the_lines_of_s2p():
    told = explain_solver(solver("s2p"))
    file = Path(told.source[0]["path"]).read_text(encoding="utf-8").splitlines()
    for function in told.source:
        for line in function["lines"]:
            assert file[line["number"] - 1] == line["text"]
    asked = {text for _, text in lines_that(told, "QUERY")}
    assert asked == {text.strip() for text in file if re.search(r" query\w*\(oracle", text)}
    assert len(asked) >= 2
    drawn = {text for _, text in lines_that(told, "DRAWS")}
    assert "draw(stream, law, s)" in drawn
    # the place in the stream is no draw, nor is the direction that is made again from there
    draws = re.compile(r"(draw|next_\w+|length_factor)\(stream")
    assert drawn == {text.strip() for text in file if draws.search(text)}
    decides = {text for _, text in lines_that(told, "DECIDES")}
    assert any("<=" in text for text in decides)
    assert any("gamma > 0.0" in text for text in decides)
    assert not any("parameters.rule" in text for text in decides)
    moves = {text for _, text in lines_that(told, "MOVES")}
    assert moves == {
        "x[i] = chosen[i]",
        "x[i] = trial[i]",
        "move_along(stream, law, place, factor, x, downhill, s, x)",
    }
    chooses = {text for _, text in lines_that(told, "chooses by the parameters")}
    assert any(re.match(r"(el)?if (parameters\.)?rule == ", text) for text in chooses)


@pytest.mark.parametrize("name", sorted(catalogue("solvers")))
def test_every_solver_is_explained(name):
    told = explain_solver(solver(name))
    text = text_of(told)
    assert told.source[0]["lines"]
    assert "Algorithm" in text or "calls" in text or told.numbers.get("package")
    if "package" not in told.numbers:
        assert lines_that(told, "QUERY"), name
        # queries of a step as the method itself says
        assert told.numbers["queries_per_step"] is None or told.numbers["queries_per_step"] >= 1
    json.dumps(told.as_dict(), allow_nan=False)


def test_a_deterministic_method_is_said_to_draw_nothing():
    assert "draws nothing at random" in text_of(explain_solver(solver("coordinate-differences")))
    assert "draws nothing at random" not in text_of(explain_solver(solver("lowrank-heavy-ball")))
    assert "draws nothing at random" not in text_of(explain_solver(solver("riemannian-zo")))


# runs


def stored(tmp_path, problem, name, budget, parameters=None, **chosen):
    made = zobench.problem(problem, **chosen)
    trace = zobench.run(made, name, budget=budget, parameters=parameters)
    with Store(tmp_path / "runs.sqlite") as store:
        store.put(trace)
    return trace


NOISY = {"dim": 2, "noise": "gaussian", "noise_level": 0.3}


@pytest.mark.parametrize(
    ("problem", "name", "parameters", "budget", "chosen", "cause"),
    [
        ("quadratic", "s2p", {"rule": "gamma"}, 600, {"dim": 5, "condition": 50}, "budget"),
        ("quadratic", "s2p", {"alpha0": 100.0}, 600, {"dim": 5}, "step length"),
        ("quadratic", "stp", {"alpha0": 50.0}, 600, {"dim": 5}, "refused steps"),
        ("quadratic", "s2p", {"rule": "dynamic"}, 1000, NOISY, "noise"),
        ("quadratic", "s2p", {"rule": "gamma"}, 1000, NOISY, "divergence"),
        ("quadratic", "lbfgsb", {}, 400, {"dim": 3}, "rounding"),
        (
            "quadratic",
            "s2p",
            {"rule": "gamma"},
            3000,
            {"dim": 5},
            "rounding",
        ),  # at the iterate, not at what it asks
        ("quadratic", "s2p", {}, 3, {"dim": 5}, "budget"),  # one step shows nothing
        ("quadratic", "nes", {}, 5, {"dim": 5}, "budget"),
        ("rank-deficient-start", "factor-heavy-ball", {}, 50, {}, "standing still"),
        ("quadratic", "random-search", {"alpha0": 1e-6}, 100, {"dim": 5}, "slow progress"),
        ("rosenbrock", "s2p", {"rule": "gamma", "L": 1e-3}, 40, {"dim": 2}, "divergence"),
    ],
)
def test_what_dominated_a_run_made_to_be_dominated_by_it(
    call, tmp_path, problem, name, parameters, budget, chosen, cause
):
    trace = stored(tmp_path, problem, name, budget, parameters, **chosen)
    code, out, err = call("--run", "runs.sqlite", "--json")
    assert (code, err) == (0, "")
    numbers = json.loads(out)["numbers"]
    assert numbers["dominated_by"] == cause
    assert numbers["count"] == trace.count


def test_the_numbers_of_a_run_by_hand(call, tmp_path):
    trace = stored(tmp_path, "quadratic", "stp", 401, {"alpha0": 0.5}, dim=3)
    code, out, _ = call("--run", "runs.sqlite", trace.key.digest()[:8], "--json")
    assert code == 0
    told = json.loads(out)
    # the same run again, without what records it, looked at after each step
    made = zobench.problem("quadratic", dim=3)
    going = begin(made, solver("stp"), trace.key)
    seen = [made.x0]
    going.drive(lambda: seen.append(going.x.copy()))
    moved = np.mean([not np.array_equal(a, b) for a, b in pairwise(seen)])
    assert told["numbers"]["moved"] == moved
    assert 0 < told["numbers"]["moved"] < 1
    assert told["numbers"]["moved"] == told["numbers"]["onto_tested"] == told["numbers"]["downhill"]
    assert told["numbers"]["best_gap"] == trace.best - trace.reference
    assert told["numbers"]["queries_outside_steps"] == pytest.approx(1 / 401)
    words = json.dumps(told["sections"])
    assert "401 of 401 queries" in words
    assert "2 queries each in the mean, and 1 query outside" in words
    assert "in 200 whole steps" in words


def test_a_run_with_its_theorems_step_rule_is_held_against_the_bound(call, tmp_path):
    parameters = {"rule": "gamma", "law": "gaussian"}
    trace = stored(tmp_path, "quadratic", "s2p", 400, parameters, dim=4)
    numbers = json.loads(call("--run", "runs.sqlite", "--json")[1])["numbers"]
    made = zobench.problem("quadratic", dim=4)
    observed = zobench.run(made, "s2p", budget=400, parameters=parameters, observe=True)
    assert observed.best == trace.best
    assert numbers["theorem"] == "s2p-smooth-gamma"
    assert numbers["bounded"] == pytest.approx(observed.means["gradient_norm_squared"], rel=1e-12)
    # 2 L d D0 / K with a bias below 1e-9
    assert numbers["bound"] == pytest.approx(2 * 4 * made.value(made.x0) / 200, rel=1e-6)


def test_clipping_is_counted_from_the_queries(call, tmp_path):
    shares = []
    for clip in (1e-6, 1e6):
        folder = tmp_path / str(clip)
        folder.mkdir()
        parameters = {"rule": "clipped", "law": "sphere", "L0": 1.0, "L1": clip}
        stored(folder, "cosh", "s2p", 100, parameters, dim=4)
        told = json.loads(call("--run", str(folder / "runs.sqlite"), "--json")[1])
        shares.append(told["numbers"]["clipped"])
    assert shares == [0.0, 1.0]


def test_a_failed_run_and_runs_that_are_not_there(call, tmp_path):
    from zobench.execute import key_of

    key = key_of(zobench.problem("quadratic", dim=2), "s2p", budget=10)
    with Store(tmp_path / "runs.sqlite") as store:
        store.put_failure(key, "ValueError: too bad")
        store.put(zobench.run("quadratic", "s2p", budget=10, seed=1))
    code, out, _ = call("--run", "runs.sqlite", key.digest())
    assert code == 0
    assert "too bad" in out
    for words, told in {
        ("--run", "runs.sqlite"): "has 2",
        ("--run", "runs.sqlite", "zzz"): "got 'zzz'",
        ("--run", "nowhere.sqlite"): "nowhere.sqlite",
        ("--verdict", "runs.sqlite"): "has no verdict",
        ("--verdict", "runs.sqlite", "--run", "runs.sqlite"): "got both",
        (): "got nothing",
        ("s2q",): "did you mean",
    }.items():
        code, out, err = call(*words)
        assert (code, out) == (2, ""), words
        assert told in err
        assert err.count("\n") == 1


# verdicts


def fact(**changed):
    plain = {
        "theorem": "s2p-smooth-stationary",
        "solver": "s2p",
        "problem": "quadratic",
        "instance": "quadratic (dim 10)",
        "dim": 10,
        "steps": 1000,
        "seeds": 40,
        "law": "gaussian",
        "quantity": "mean over k of |grad f(x_k)|",
        "bound": 1.0,
        "mean": 0.8,
        "ratio": 0.8,
        "ci_low": 0.5,
        "ci_high": 1.1,
        "log10_e_value": -1.0,
        "tightness": 0.8,
        "verdict": "not refuted",
        "note": "",
        "relation": "<=",
        "points": [],
    }
    return plain | changed


def test_how_many_seeds_would_change_a_verdict():
    # limits shrink like 1 / sqrt(n): from 0.3 above the mean to the 0.2 of room takes 40 (3/2)^2 = 90
    assert explain_verdict(fact(), 10).numbers["seeds_to_support"] == 90
    # the threshold 10^(3 + 1) at 10^(2 / 40) a seed
    told = explain_verdict(fact(log10_e_value=2.0, mean=1.2, ratio=1.2), 10)
    assert told.numbers["seeds_to_refute"] == 80
    assert told.numbers["seeds_to_support"] is None
    assert told.numbers["log10_threshold"] == 4.0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "upper limit 1.1 lies above the bound"),
        ({"mean": 0.99, "ratio": 0.99, "tightness": 0.99}, "no finite sample can tell equality"),
        ({"seeds": 3, "verdict": "inconclusive"}, "fewer than 5 seeds"),
        ({"mean": 0.05, "ratio": 0.05, "tightness": 0.05, "verdict": "supported"}, "No power here"),
        ({"log10_e_value": 9.0, "verdict": "refuted"}, "again on fresh seeds"),
        ({"relation": "slope", "points": [[1, 2, 3, 4]] * 6}, "over 6 levels"),
        ({"relation": "exact", "mean": 1.0}, "the share 1 has the property"),
        ({"relation": "=", "mean": 1.0, "ratio": 1.0}, "margin of 5 per cent"),
    ],
)
def test_what_is_said_of_a_verdict(changed, said):
    assert said in " ".join(text_of(explain_verdict(fact(**changed), 10)).split())


def test_every_theorem_is_explained():
    from zobench.theorem import theorems

    for name, (theorem, _) in theorems().items():
        text = " ".join(text_of(explain_theorem(name)).split())
        assert " ".join(theorem.statement.split())[:40] in text


def test_verdicts_of_a_store(call, tmp_path):
    with Store(tmp_path / "v.sqlite") as store:
        store.put_verdicts([fact(), fact(theorem="stp-pl-fd-step", verdict="supported")])
    code, out, _ = call("--verdict", "v.sqlite", "stp-pl-fd-step", "--json")
    assert code == 0
    assert json.loads(out)["subject"] == "supported"
    assert len(json.loads(call("--verdict", "v.sqlite", "--json")[1])) == 2
