"""Certificates that attacks come nowhere near are marked loose, those that are met are not."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

import zobench
from zobench.attacks.certify import LOOSE, tightness
from zobench.certificate import Certificates
from zobench.cli.main import cli
from zobench.cli.show import facts_of, page
from zobench.contract.check import check_problem
from zobench.registry import catalogue

#: Ten times too weak, each in its own direction.
WEAKER = {
    "L": 10.0, "L0": 10.0, "L1": 10.0, "G": 10.0, "R0": 10.0, "mu": 0.1, "PL": 0.1, "effective_rank": 10.0,
}  # fmt: skip


def weakened(problem, constant):
    """The problem with one constant that is ten times looser, and everything else as it was."""

    def make(dim, rng, parameters):
        parts = problem.make(dim, rng, parameters)
        kept = {each.constant: each for each in parts.certificates}
        worse = dataclasses.replace(kept[constant], value=kept[constant].value * WEAKER[constant])
        return parts._replace(certificates=tuple({**kept, constant: worse}.values()))

    return dataclasses.replace(problem, name=f"{problem.name}-weakened", make=make)


CASES = [
    ("quadratic", "L"), ("quadratic", "mu"), ("quadratic", "PL"), ("quadratic", "R0"),
    ("quadratic", "effective_rank"), ("cosh", "L0"), ("cosh", "L1"), ("l1-norm", "G"),
    ("sine-quadratic", "PL"), ("logistic-regression", "L"), ("nesterov-worst", "mu"), ("huber", "L0"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "constant"), CASES)
def test_ten_times_loose_is_marked(name, constant, monkeypatch):
    problem = weakened(catalogue("problems")[name], constant)
    monkeypatch.setitem(catalogue("problems"), problem.name, problem)
    (facts,) = facts_of(problem.name)
    marked = {item["constant"] for item in facts["constants"] if item["loose"]}
    assert constant in marked
    # a pair is judged together, and the effective rank counts in units of L
    assert marked <= {constant, *({"L0": ("L1",), "L1": ("L0",), "L": ("effective_rank",)}.get(constant, ()))}
    lines = [line.split() for line in page(facts).splitlines()]
    assert any(line[:1] == [constant] and "loose)" in " ".join(line[1:4]) for line in lines)


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES}))
def test_what_is_met_is_not_marked(name):
    (facts,) = facts_of(name)
    assert [item["constant"] for item in facts["constants"] if item["loose"]] == []
    assert "loose" not in page(facts)
    measured = {item["constant"]: item["tightness"] for item in facts["constants"]}
    assert measured["f_star"] == pytest.approx(1.0)
    assert all(ratio is None or LOOSE <= ratio <= 1 + 1e-6 for ratio in measured.values())


def test_the_page_says_which_definition_a_pair_certifies():
    runner = CliRunner()
    for name, definition in (("quartic-sum", "H"), ("huber", "G")):
        shown = runner.invoke(cli, ["show", name])
        assert f"(definition {definition})" in " ".join(shown.output.split())
        facts = json.loads(runner.invoke(cli, ["show", name, "--json"]).output)
        definitions = {item["constant"]: item["definition"] for item in facts["constants"]}
        assert definitions["L0"] == definitions["L1"] == definition
        assert definitions["f_star"] is None


def test_a_short_attack_ends_early_and_says_what_it_has():
    instance = zobench.problem("softmax-regression")
    short = tightness(instance, seconds=0.0)
    assert short.keys() <= instance.certificates.keys()
    assert all(ratio <= 1 + 1e-6 for ratio in short.values())


def test_what_no_short_attack_can_judge_is_not_judged():
    (facts,) = facts_of("quadratic:dim=5000,condition=1000")
    assert all(item["tightness"] is None and not item["loose"] for item in facts["constants"])
    assert "none is judged loose or tight" in page(facts)


def test_the_contract_tells_the_tightness():
    outcomes = {each.name: each for each in check_problem(weakened(catalogue("problems")["quadratic"], "L"))}
    found = outcomes["certificates withstand attack"]
    assert found.ok
    assert "L 0.1," in found.message
    assert "mu 1," in found.message


def test_a_certificate_keeps_its_words():
    certificates = Certificates(*zobench.problem("cosh").certificates.values())
    assert certificates["R0"].meaning == "|x - x_star| <= R0 wherever f(x) <= f(x0)"
