"""Every theorem's row is complete, and its K(eps) is what its bound implies."""

import dataclasses
import math

import pytest

from zobench.cli.show import facts_of, page
from zobench.errors import ZobenchError
from zobench.theorem import Cell, find_theorem, theorems
from zobench.trial import Trial
from zobench.verdict.complexity import implied_steps
from zobench.verdict.levels import case_of
from zobench.verdict.mutants import of_theorem
from zobench.verdict.statistics import assess_bound

NAMES = sorted(theorems())
#: Rows whose bound has K(eps) in closed form without slack: formula and bisection are the same number.
EXACT = (
    "lowrank-heavy-ball-stationarity", "rgf-convex", "rgf-nonconvex", "rs-accept-fixed",
    "rzo-ema-momentum-stationarity", "rzo-lowrank-stationarity-truncation",
    "rzo-retraction-smooth-stationarity", "s2p-relaxed-clipped", "s2p-sign-convex", "s2p-smooth-stationary",
    "stp-convex-decreasing", "stp-nonconvex-fixed",
)  # fmt: skip
#: By how much the radius, which the formulas let go to 0, and rounding may move K.
RADIUS = 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_complete(name):
    theorem, _ = find_theorem(name)
    for said in (theorem.statement, theorem.proof):
        assert len(said) > 60
    for said in (theorem.source, theorem.quantity, theorem.complexity, theorem.pitfall):
        assert said
    assert theorem.queries_per_step >= 1
    assert len(theorem.cells) >= 3
    assert any(cell.quick for cell in theorem.cells)
    assert len(of_theorem(name)) >= 2
    assert any(item["rejected by"] for item in of_theorem(name))
    # a bound has exponents, or a reason to have none
    assert theorem.slopes or theorem.kind in ("=", "exact") or name in NO_SLOPES


#: Limits and floors, a bound on an exponent, descent in one step.
NO_SLOPES = (
    "limit-comparison-bits", "limit-sphere-values", "limit-stochastic-two-point", "limits",
    "rzo-conditioning-robustness", "rzo-lowrank-local-linear", "vs2p-descent", "zosgd-effective-rank-floor",
    "zosgd-effective-rank-pl", "zosgd-value-noise-floor",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_its_page_says_all_of_it(name):
    [facts] = facts_of(name)
    shown = page(facts)
    heads = ("Statement", "Proof", "Assumes", "Measures", "K(eps)", "slopes", "Beware", "Tried on",
             "Broken solvers", "Reference")  # fmt: skip
    for head in heads:
        assert head.lower() in shown.lower(), head
    assert "queries a step" in shown
    assert "tight" in shown or "no instance is known to attain it" in shown


def cases(theorem):
    """Give the quick cells' cases, with an accuracy between those of 0.6 and 1.4 times their steps."""
    for cell in (cell for cell in theorem.cells if cell.quick):
        case, more = case_of(cell), round(1.4 * cell.steps) + 1
        try:
            bounds = [theorem.bound(dataclasses.replace(case, steps=k), k) for k in (cell.steps, more)]
        except ZobenchError:
            continue
        yield case, (0.5 * sum(bounds)) ** (1.0 / theorem.power)


def implies(theorem, case, eps):
    """Check K(eps) against the bound, and against the closed formula."""
    steps, level = theorem.steps_to(case, eps), eps**theorem.power
    assert theorem.bound(dataclasses.replace(case, steps=steps), steps) <= level
    try:
        before = (
            theorem.bound(dataclasses.replace(case, steps=steps - 1), steps - 1) if steps > 1 else math.inf
        )
    except ZobenchError:  # the step rule needs as many
        before = math.inf
    assert before > level
    if theorem.horizon is not None:
        assert theorem.horizon(case, eps) * (1.0 + RADIUS) + 1.0 >= steps
        if theorem.name in EXACT:
            assert abs(theorem.horizon(case, eps) - steps) <= 2.0 + RADIUS * steps


@pytest.mark.parametrize("name", NAMES)
def test_k_of_eps_is_what_the_bound_implies(name):
    theorem, _ = find_theorem(name)
    if theorem.complexity.startswith("none"):
        assert theorem.horizon is None
        with pytest.raises(ZobenchError, match=r"has no K\(eps\): "):
            theorem.steps_to(case_of(theorem.cells[0]), 0.1)
        assert implied_steps(theorem)["none"]
        return
    tried = 0
    for case, eps in cases(theorem):
        implies(theorem, case, eps)
        tried += 1
    assert tried


@pytest.mark.parametrize("name", EXACT)
def test_a_formula_off_by_a_tenth_is_noticed(name):
    theorem, _ = find_theorem(name)
    case, eps = next(cases(theorem))
    for factor in (0.9, 1.1):
        wrong = dataclasses.replace(
            theorem, horizon=lambda case, eps, f=factor: f * theorem.horizon(case, eps)
        )
        with pytest.raises(AssertionError):
            implies(wrong, case, eps)


@pytest.mark.parametrize(
    ("name", "cell", "part"),
    [
        ("s2p-smooth-stationary", Cell("quadratic", 10, 100), 0.5),
        ("s2p-smooth-gamma", Cell("quadratic", 10, 40, law="sphere"), 0.6),
        ("s2p-sign-convex", Cell("quadratic", 10, 100), 0.5),
        ("s2p-pl-gamma", Cell("quadratic", 40, 40, law="sphere"), 0.5),
        ("stp-pl-fd-step", Cell("quadratic", 40, 20, law="unit-sphere"), 0.5),
    ],
)
def test_so_many_steps_do_bring_a_tight_row_to_eps(name, cell, part):
    theorem, own = find_theorem(name)
    case = case_of(cell)
    level = part * theorem.bound(case, case.steps)
    steps = theorem.steps_to(case, level ** (1.0 / theorem.power))
    case = dataclasses.replace(case, steps=steps)
    seeds = range(700_000, 700_120)
    values = [Trial(theorem, own, case, theorem.parameters(case), seed).sides()[0] for seed in seeds]
    found = assess_bound(values, level)
    assert found.verdict in ("supported", "not refuted")
    assert found.ratio > 0.75  # and hardly fewer would have done


def test_an_accuracy_that_no_k_brings_is_refused():
    theorem, _ = find_theorem("zosgd-value-noise-floor")
    case = case_of(theorem.cells[0])
    with pytest.raises(ZobenchError, match="no K below"):
        theorem.steps_to(case, 1e-9)
    assert theorem.horizon(case, 1e-9) == math.inf
    with pytest.raises(ZobenchError, match="eps must be > 0"):
        theorem.steps_to(case, 0.0)
