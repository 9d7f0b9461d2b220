"""Each kind of claim: when it is supported, refuted, and when it cannot tell."""

import dataclasses
import math

import numpy as np
import pytest

import zobench
from zobench.theorem import Theorem, find_theorem
from zobench.verdict.statistics import assess_identity, assess_paired, assess_property
from zobench.verdict.verification import verify


def test_a_pair_of_sides_is_assessed_one_sided():
    rng = np.random.default_rng(1)
    right = rng.uniform(0.5, 1.5, 40)
    assert assess_paired(0.5 * right, right).verdict == "supported"
    assert assess_paired(right[::-1], right).verdict == "not refuted"
    assert assess_paired(right + 0.5 + 0.1 * rng.standard_normal(40), right).verdict == "refuted"
    assert assess_paired(right[:4], right[:4]).verdict == "inconclusive"
    # far from refuted: p is 1 up to rounding
    far = assess_paired(right - 0.3 - 1e-9 * rng.standard_normal(40), right)
    assert far.verdict == "supported"
    assert far.log10_e == pytest.approx(math.log10(0.5))
    # E left = E right, the hardest true claim: nominal rate 0.001
    pairs = rng.exponential(1.0, (2, 2000, 40))
    assert sum(assess_paired(*pair).verdict == "refuted" for pair in pairs.swapaxes(0, 1)) <= 9


def test_a_property_is_refuted_by_one_run():
    ones = np.ones(10)
    assert assess_property(ones, ones).verdict == "supported"
    other = ones.copy()
    other[3] = 1.0 - 1e-16
    found = assess_property(other, ones)
    assert (found.verdict, found.ratio) == ("refuted", 0.9)
    assert assess_property(ones[:4], ones[:4]).verdict == "inconclusive"
    assert assess_property(np.array([np.nan, *ones]), np.ones(11)).verdict == "refuted"


def test_an_identity_says_when_it_cannot_tell():
    wild = np.array([1e-3] * 39 + [1e9])
    assert assess_identity(wild, np.ones(40)).verdict == "inconclusive"


def test_a_theorem_is_measured_in_one_way_and_claims_something_known():
    theorem, _ = find_theorem("s2p-smooth-stationary")
    assert theorem.kind == "<="
    with pytest.raises(zobench.ZobenchError, match="must have either measured or sides"):
        dataclasses.replace(theorem, measured=None)
    with pytest.raises(zobench.ZobenchError, match="relation must be one of '<=', 'paired', '=', 'exact'"):
        dataclasses.replace(theorem, relation=">=")
    assert isinstance(theorem, Theorem)


def test_verify_shows_claims_and_solvers():
    facts = [verdict.as_dict() for verdict in verify(["limits"], quick=True, seeds=5)]
    assert "quadratic (dim 20), line, solver stp" in [fact["instance"] for fact in facts]
    assert {fact["solver"] for fact in facts} > {"stp", "s2p", "one-plus-one-es"}
    assert len({(fact["instance"], fact["steps"]) for fact in facts}) == len(facts)
