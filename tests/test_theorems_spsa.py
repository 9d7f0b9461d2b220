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
from zobench.verdict.verification import judge

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


def a_tenth_of_the_step(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    go(state, parameters, 0.1 * difference(oracle, state, parameters.c))


def half_the_coordinates(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.s)
    for i in range(0, state.x.size, 2):
        state.s[i] = 0.0
    go(state, parameters, difference(oracle, state, parameters.c))


def another_sample_at_the_minus_point(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    go(state, parameters, difference(oracle, state, parameters.c))


def a_tenth_of_the_radius(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    go(state, parameters, difference(oracle, state, 0.1 * parameters.c))


def broken(step):
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
MUTANTS = {
    "2 missing in the quotient": without_the_two,
    "Gaussian directions": gaussian,
    "unit directions": unit_sphere,
    "one direction for ever": one_direction_for_ever,
    "wrong sign": uphill,
    "step x4": step_times_four,
    "step x0.1": a_tenth_of_the_step,
    "gamma forgotten": gamma_forgotten,
    "half the coordinates": half_the_coordinates,
    "another sample at the minus point": another_sample_at_the_minus_point,
    "radius x0.1": a_tenth_of_the_radius,
}
EVERYWHERE = ("wrong sign", "gamma forgotten", "half the coordinates", "unit directions", "step x0.1")


@pytest.mark.parametrize("name", ROWS)
def test_the_solver_passes_on_fresh_seeds(name):
    theorem, _ = find_theorem(name)
    for cell in (cell for cell in theorem.cells if cell.quick):
        verdict = judge(theorem, SPSA, cell, first_seed=FRESH, comparisons=40)
        assert verdict.verdict in ("supported", "not refuted"), verdict


@pytest.mark.mutants(
    "bound in the long run", {"zo-softmax-sq-linear": ["one direction for ever", "unit directions"]}
)
def test_mutants_in_the_long_run(row, mutant, rejects):
    theorem, cell = first_cell(row, 2)
    rejects(judge(theorem, broken(MUTANTS[mutant]), cell, first_seed=FRESH))


@pytest.mark.mutants(
    "identity",
    {
        EXACT[0]: [*EVERYWHERE, "2 missing in the quotient", "Gaussian directions"],
        EXACT[1]: [*EVERYWHERE, "2 missing in the quotient", "Gaussian directions"],
        EXACT[2]: [*EVERYWHERE, "2 missing in the quotient", "one direction for ever"],
    },
    # whose last values are made by few runs
    unseen={(name, "gamma forgotten") for name in EXACT[1:]},
)
def test_mutants_and_the_identities(row, mutant, rejects):
    theorem, cell = first_cell(row)
    rejects(judge(theorem, broken(MUTANTS[mutant]), cell, first_seed=FRESH, comparisons=40))


# It is about the same step of the same solver.
@pytest.mark.mutants(
    EXACT[0],
    {
        EXACT[1:]: ["gamma forgotten"],
        ("zo-softmax-sq-linear", "zo-softmax-ce-ridge-linear"): ["half the coordinates", "unit directions"],
    },
)
def test_mutants_and_the_identity_of_one_step(row, mutant, rejects):
    theorem, cell = first_cell(EXACT[0])
    rejects(judge(theorem, broken(MUTANTS[mutant]), cell, first_seed=FRESH, comparisons=40))


@pytest.mark.mutants(
    "bound",
    {
        "zo-softmax-sq-linear": EVERYWHERE,
        "zo-softmax-ce-ridge-linear": EVERYWHERE,
        "zosgd-effective-rank-pl": [*EVERYWHERE, "another sample at the minus point"],
        "zosgd-effective-rank-floor": [
            *EVERYWHERE,
            "step x4",
            "2 missing in the quotient",
            "another sample at the minus point",
        ],
        "zosgd-value-noise-floor": [*EVERYWHERE, "radius x0.1", "step x4"],
        "zosgd-nonconvex-effective-rank": EVERYWHERE,
    },
    unseen={
        ("zo-softmax-sq-linear", "half the coordinates"),
        ("zo-softmax-sq-linear", "unit directions"),
        ("zo-softmax-ce-ridge-linear", "half the coordinates"),
    },
)
def test_mutants_and_the_bounds(row, mutant, rejects):
    theorem, cell = first_cell(row)
    rejects(judge(theorem, broken(MUTANTS[mutant]), cell, first_seed=FRESH, comparisons=40))


@pytest.mark.slow
def test_the_rewritten_step_is_the_solver():
    theorem, cell = first_cell("spsa-moment-recursion")
    ours = judge(theorem, SPSA, cell, seeds=8)
    theirs = judge(theorem, broken(the_same), cell, seeds=8)
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


#: The row is about f and not about the solver: its mutants claim another constant for the same f.
SHARES = {"0.2 for 1/2": 0.4, "0.3 for 1/2": 0.6}


@pytest.mark.mutants("property", {"softmax-hessian-bracket": ["0.2 for 1/2", "0.3 for 1/2"]})
def test_a_bracket_that_is_too_narrow_is_refuted(row, mutant, rejects):
    # the extreme curvature is 0.3081
    theorem, _ = find_theorem(row)
    cell = next(cell for cell in theorem.cells if cell.dim == 1)
    made = zobench.problem(cell.problem, cell.dim, **dict(cell.parameters))
    tight = made.data._replace(columns=np.array([[1.0, -1.0]]) / np.sqrt(2.0))  # |A| = 1
    held = []
    for constant in (0.5, 0.5 * SHARES[mutant]):
        known = Certificates(Certificate("L", constant, "claimed"))
        instance = dataclasses.replace(made, data=tight, certificates=known, _keep={})
        case = Case(instance, cell.steps, cell.law)
        left, right = Trial(theorem, SPSA, case, theorem.parameters(case), FRESH).sides()[:2]
        held.append(bool(left == right))
    assert held[0]
    rejects(not held[1], "in one run")


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
