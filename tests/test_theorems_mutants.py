"""The table of mutants is that of the tests: names are compared, not numbers."""

import json

import pytest

from zobench.cli.show import facts_of, page
from zobench.theorem import theorems
from zobench.verdict.mutants import Finding, document, dumped, findings, of_theorem


def differences(found, pairs):
    """What a table lacks of the pairs that the tests declare, what it has besides, what it contradicts."""
    written = {item[:3]: item.rejected for item in found}
    lacking = [" / ".join(pair) for pair in sorted(pairs.keys() - written.keys())]
    besides = [" / ".join(pair) for pair in sorted(written.keys() - pairs.keys())]
    contradicted = [
        " / ".join(pair) for pair in written.keys() & pairs.keys() if written[pair] != pairs[pair]
    ]
    return lacking, besides, contradicted


def test_what_is_written_down_is_what_the_tests_declare(declared_mutants):
    # otherwise: make mutants
    assert differences(findings(), declared_mutants) == ([], [], [])


def test_a_table_that_lacks_a_pair_or_has_another_is_found_out(declared_mutants):
    first, *rest = findings()
    assert differences(rest, declared_mutants)[0] == [" / ".join(first[:3])]
    more = Finding("vs2p-descent", "nobody's", "bound", True, "")
    assert differences((*findings(), more), declared_mutants)[1] == ["vs2p-descent / nobody's / bound"]
    other = first._replace(rejected=not first.rejected)
    assert differences((other, *rest), declared_mutants)[2] == [" / ".join(first[:3])]


def test_the_page_of_the_docs_is_made_of_what_is_written_down(pytestconfig):
    names = {item.theorem for item in findings()}
    written = (pytestconfig.rootpath / "docs" / "mutants.md").read_text(encoding="utf-8")
    assert document(names, {name: of_theorem(name) for name in names}) == written


@pytest.mark.parametrize("name", sorted(theorems()))
def test_every_theorem_has_two_mutants_that_a_check_rejects(name):
    rejected = [item["mutant"] for item in of_theorem(name) if item["rejected by"]]
    assert len(rejected) >= 2


def test_no_mutant_belongs_to_a_theorem_that_is_not_there(declared_mutants):
    assert {row for row, _, _ in declared_mutants} <= theorems().keys()


def test_a_theorem_s_page_shows_them():
    (facts,) = facts_of("stp-nonconvex-fixed")
    assert {item["mutant"] for item in facts["mutants"]} >= {"argmax", "forgets the iterate"}
    text = page(facts)
    (line,) = [line for line in text.splitlines() if line.strip().startswith("forgets the iterate")]
    assert "never uphill" in line.split("bound")[0]


def test_a_mutant_that_nothing_rejects_is_said_to_be_so():
    facts = {"row": [{"mutant": "|s| = 2", "rejected by": [], "passes": ["bound, log10 e = -1"]}]}
    text = document(["row"], facts)
    assert "## Rejected by nothing\n\n- row: |s| = 2\n" in text
    assert "| \\|s\\| = 2 | **nothing** | bound, log10 e = -1 |" in text


def test_findings_are_written_and_read_back():
    found = [Finding("b", "x", "bound", True, "1"), Finding("a", "y", "bound", False, "")]
    read = json.loads(dumped(found))
    assert read == {"a": [["y", "bound", False, ""]], "b": [["x", "bound", True, "1"]]}
