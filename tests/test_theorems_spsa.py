"""The theorems of SPSA with a constant step: constants, exact companions, and mutants that are found out."""

import dataclasses

import numpy as np
import pytest

import zobench
from zobench.certificate import Certificate, Certificates
from zobench.directions import draw
from zobench.oracle import hold, query
from zobench.solver import solver
from zobench.theorem import Case, find_theorem
from zobench.trial import Trial
from zobench.verification import judge

FRESH = 500_000  # a seed range that no default uses
SPSA = solver("spsa")

# Mutants: the step of the real solver with one thing broken, written out as a kernel.


def asked(oracle, state, shift):
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.s[i]
    return query(oracle, state.trial)


def go(state, parameters, quotient):
    for i in range(state.x.size):
        state.x[i] -= parameters.a * quotient * state.s[i]


def difference(oracle, state, c):
    return (asked(oracle, state, c) - asked(oracle, state, -c)) / (2.0 * c)


def the_same(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    go(state, parameters, difference(oracle, state, parameters.c))


def without_the_two(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    go(state, parameters, 2.0 * difference(oracle, state, parameters.c))


def gaussian(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, 0, state.s)
    go(state, parameters, difference(oracle, state, parameters.c))


def unit_sphere(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, 3, state.s)
    go(state, parameters, difference(oracle, state, parameters.c))


def one_direction_for_ever(oracle, state, parameters, k, stream):
    hold(oracle)
    if k == 0:
        draw(stream, parameters.law, state.s)
    go(state, parameters, difference(oracle, state, parameters.c))


def uphill(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    go(state, parameters, -difference(oracle, state, parameters.c))


def step_times_four(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    go(state, parameters, 4.0 * difference(oracle, state, parameters.c))


def gamma_forgotten(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    go(state, parameters, state.x.size * difference(oracle, state, parameters.c))


def another_sample_at_the_minus_point(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    go(state, parameters, difference(oracle, state, parameters.c))


def a_tenth_of_the_radius(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    go(state, parameters, difference(oracle, state, 0.1 * parameters.c))


def mutant(step):
    return dataclasses.replace(SPSA, step=step)


def first_cell(name, place=0):
    theorem, _ = find_theorem(name)
    return theorem, theorem.cells[place]


EXACT = ("spsa-one-step-identity", "spsa-projector-equality", "spsa-moment-recursion")
ROWS = (
    *EXACT,
    "zo-softmax-sq-linear",
    "zo-softmax-ce-ridge-linear",
    "zosgd-effective-rank-pl",
    "zosgd-effective-rank-floor",
    "zosgd-value-noise-floor",
    "zosgd-nonconvex-effective-rank",
)
#: Theorem, and what must be refuted there.
CAUGHT = [
    *((name, step) for name in EXACT for step in (without_the_two, unit_sphere, uphill)),
    ("spsa-one-step-identity", gaussian),
    ("spsa-moment-recursion", one_direction_for_ever),
    ("zo-softmax-sq-linear", uphill),
    ("zo-softmax-ce-ridge-linear", uphill),
    ("zo-softmax-ce-ridge-linear", gamma_forgotten),
    ("zosgd-effective-rank-pl", another_sample_at_the_minus_point),
    ("zosgd-effective-rank-pl", gamma_forgotten),
    ("zosgd-effective-rank-floor", step_times_four),
    ("zosgd-effective-rank-floor", without_the_two),
    ("zosgd-effective-rank-floor", another_sample_at_the_minus_point),
    ("zosgd-value-noise-floor", a_tenth_of_the_radius),
    ("zosgd-value-noise-floor", step_times_four),
    ("zosgd-nonconvex-effective-rank", gamma_forgotten),
]


@pytest.mark.parametrize("name", ROWS)
def test_the_solver_passes_on_fresh_seeds(name):
    theorem, _ = find_theorem(name)
    for cell in (cell for cell in theorem.cells if cell.quick):
        verdict = judge(theorem, SPSA, cell, first_seed=FRESH, comparisons=40)
        assert verdict.verdict in ("supported", "not refuted"), verdict


def test_one_direction_for_ever_is_refuted_in_the_long_run():
    theorem, cell = first_cell("zo-softmax-sq-linear", 2)
    assert judge(theorem, mutant(one_direction_for_ever), cell, first_seed=FRESH).verdict == "refuted"


@pytest.mark.parametrize(("name", "step"), CAUGHT, ids=lambda value: getattr(value, "__name__", value))
def test_a_mutant_is_refuted(name, step):
    theorem, cell = first_cell(name)
    verdict = judge(theorem, mutant(step), cell, first_seed=FRESH, comparisons=40)
    assert verdict.verdict == "refuted", verdict


def test_the_rewritten_step_is_the_solver():
    theorem, cell = first_cell("spsa-moment-recursion")
    ours = judge(theorem, SPSA, cell, seeds=8)
    theirs = judge(theorem, mutant(the_same), cell, seeds=8)
    assert ours.mean == pytest.approx(theirs.mean, rel=1e-9)


def test_the_recursion_agrees_with_the_projector_s_closed_form():
    theorem, cell = first_cell("spsa-projector-equality")
    recursion, _ = find_theorem("spsa-moment-recursion")
    case = Case(zobench.problem(cell.problem, cell.dim, **dict(cell.parameters)), cell.steps, cell.law)
    assert recursion.bound(case, case.steps) == pytest.approx(theorem.bound(case, case.steps), rel=1e-12)


def test_a_wrong_constant_of_the_floor_is_refuted():
    theorem, cell = first_cell("zosgd-effective-rank-floor")
    half = dataclasses.replace(theorem, bound=lambda case, steps: 0.5 * theorem.bound(case, steps))
    assert judge(half, SPSA, cell, first_seed=FRESH).verdict == "refuted"


def test_the_bound_carries_the_radius():
    theorem, cell = first_cell("zo-softmax-sq-linear")
    case = Case(zobench.problem(cell.problem, cell.dim), cell.steps, cell.law)
    plain = (1.0 - case.constant("PL") * theorem.parameters(case)["a"]) ** case.steps * case.gap
    assert plain < theorem.bound(case, case.steps) < 1.001 * plain


@pytest.mark.parametrize(
    ("name", "problem", "options", "words"),
    [
        ("zosgd-effective-rank-pl", "stochastic-quadratic", {}, "certificate of 'growth'"),
        ("zosgd-effective-rank-floor", "quadratic", {}, "certificate of 'variance'"),
        ("zosgd-value-noise-floor", "quadratic", {}, "independent noise on the values"),
        (
            "zosgd-value-noise-floor",
            "quadratic",
            {"noise": "gaussian", "noise_level": 0.1, "noise_mode": "common"},
            "independent noise on the values",
        ),
        ("zo-softmax-sq-linear", "quadratic", {}, "about squared loss"),
        ("spsa-projector-equality", "quadratic", {}, "no projector"),
    ],
)
def test_what_is_not_assumed_is_said(name, problem, options, words):
    theorem, _ = find_theorem(name)
    assert words in theorem.missing(zobench.problem(problem, **options))


@pytest.mark.parametrize("share", [0.4, 0.6])  # of 1/2: the extreme curvature is 0.3081
def test_a_bracket_that_is_too_narrow_is_refuted(share):
    theorem, _ = find_theorem("softmax-hessian-bracket")
    cell = next(cell for cell in theorem.cells if cell.dim == 1)
    made = zobench.problem(cell.problem, cell.dim, **dict(cell.parameters))
    tight = made.data._replace(columns=np.array([[1.0, -1.0]]) / np.sqrt(2.0))  # |A| = 1
    for constant, holds in ((0.5, True), (0.5 * share, False)):
        known = Certificates(Certificate("L", constant, "claimed"))
        instance = dataclasses.replace(made, data=tight, certificates=known, _keep={})
        case = Case(instance, cell.steps, cell.law)
        left, right = Trial(theorem, SPSA, case, theorem.parameters(case), FRESH).sides()[:2]
        assert bool(left == right) is holds


def test_a_growth_that_is_too_small_is_refuted():
    theorem, cell = first_cell("zosgd-effective-rank-pl")
    made = zobench.problem(cell.problem, cell.dim, **dict(cell.parameters))
    smaller = [
        Certificate("growth", 0.02 * known.value, known.proof) if name == "growth" else known
        for name, known in made.certificates.items()
    ]
    case = Case(dataclasses.replace(made, certificates=Certificates(*smaller)), 60, "sphere")
    step = theorem.parameters(case)["a"]
    traces = [
        zobench.run(made, SPSA, budget=120, seed=seed, parameters={**theorem.parameters(case), "a": step})
        for seed in range(40)
    ]
    # the step is then too long for the noise
    assert np.mean([trace.value for trace in traces]) > theorem.bound(case, 60)
