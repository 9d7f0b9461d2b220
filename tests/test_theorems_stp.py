"""STP rule by rule: reading version, exact properties, theorems, and what refutes their mutants."""

import dataclasses
import functools
import math

import numpy as np
import pytest

import zobench
from zobench.directions import LAWS, constants, draw
from zobench.oracle import query
from zobench.solver import Setting, solver
from zobench.stream import Stream
from zobench.theorem import Case, find_theorem
from zobench.verdict.verification import judge

FRESH = 300_000  # a seed range that no default uses
STP = solver("stp")


def banana(x):
    """A smooth nonconvex function with no symmetry that could hide a wrong sign."""
    return float(np.sum((1.0 - x) ** 2) + 3.0 * np.sum((x[1:] - x[:-1] ** 2) ** 2) + 0.3 * x[0])


START = np.full(5, 0.3)
RULES = [
    {"rule": "fixed", "alpha0": 0.7},
    {"rule": "decreasing", "alpha0": 0.5},
    {"rule": "finite-difference", "L": 60.0, "radius": 0.3},
    {"rule": "harmonic", "alpha0": 1.5},
    {"rule": "oracle", "L": 6.0, "PL": 0.4, "f_star": -0.1},
]
BY_RULE = {"ids": lambda p: p["rule"]}


def iterates(parameters, budget, method=STP):
    """The iterates x_0, x_1, ... of a run and its trace."""
    seen = [START]
    trace = zobench.minimize(
        banana,
        START,
        solver=method,
        budget=budget,
        parameters=parameters,
        callback=lambda x: seen.append(x.copy()),
    ).trace
    return np.array(seen), trace


def length(p, k, steps, x, s, dim=5):
    """alpha_k by the sheet."""
    if p["rule"] == "oracle":
        law = constants(p["law"], dim)
        return law.m1 / (law.m2 * p["L"]) * math.sqrt(2 * p["PL"] * max(banana(x) - p["f_star"], 0.0))
    if p["rule"] == "finite-difference":
        return abs(banana(x + p["radius"] * s) - banana(x)) / (p["L"] * p["radius"])
    return (
        p["alpha0"]
        / {"fixed": math.sqrt(steps), "decreasing": math.sqrt(k + 1), "harmonic": k + 2}[p["rule"]]
    )


def furthest(got, p, mutant=""):
    """The largest distance of an iterate from where the algorithm sends the one before."""
    steps, worst, following_direction = len(got) - 1, 0.0, directions(p["law"])
    for k, x in enumerate(got[:-1]):
        s = following_direction()
        alpha = length(p, k + (mutant == "late"), steps + 20 * (mutant == "late"), x, s)
        alpha *= {"twice": 2.0, "late": 1.0 + 1e-3}.get(mutant, 1.0)
        candidates = [x, x + alpha * s, x - alpha * s]
        if mutant == "argmax":
            following = max(candidates, key=banana)
        else:
            following = min(candidates[1:] if mutant == "two points" else candidates, key=banana)
        worst = max(worst, float(np.abs(got[k + 1] - following).max()))
    return worst


def directions(law, dim=5):
    """Give a function of the next direction that a run over a callable with seed 0 meets."""
    stream = Stream("minimize 0", "solver")

    def following():
        z = stream.normals(dim)
        return z * {"gaussian": 1.0, "unit-sphere": 1.0 / np.linalg.norm(z)}[law]

    return following


@pytest.mark.parametrize("law", ["unit-sphere", "gaussian"])
@pytest.mark.parametrize("p", RULES, **BY_RULE)
def test_every_rule_agrees_with_its_reading_version(p, law):
    p, steps = {**p, "law": law}, 60
    got, trace = iterates(p, 1 + steps * (3 if p["rule"] == "finite-difference" else 2))
    assert (trace.steps, len(got)) == (steps, steps + 1)
    assert furthest(got, p) < 1e-13
    for mutant in ("twice", "argmax", "two points", "late"):
        assert furthest(got, p, mutant) > 1e-7


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("p", RULES, **BY_RULE)
def test_no_rule_goes_uphill(p, law):
    got, _ = iterates({**p, "law": law}, 301)
    values = np.array([banana(x) for x in got])
    assert np.all(np.diff(values) <= 0.0)
    assert values[-1] < values[0]


@pytest.mark.parametrize("p", RULES, **BY_RULE)
def test_a_step_asks_two_queries_or_three_and_one_more_where_they_vary(p):
    three = p["rule"] == "finite-difference"
    parameters = STP.choose(p)
    assert STP.cost(parameters, Setting(5, 100, {})) == 2 + three
    assert STP.cost(parameters, Setting(5, 100, {}, True)) == 3 + three
    for budget in (1, 2, 3, 40, 41):
        assert iterates(p, budget)[1].steps == (budget - 1) // (2 + three)
    noisy = zobench.problem("quadratic", dim=5, noise="gaussian", noise_level=0.1)
    for budget in (3, 4, 40):
        trace = zobench.run(noisy, STP, budget=budget, parameters=p)
        assert trace.steps == budget // (3 + three)


def test_the_oracle_rule_takes_the_certified_constants():
    instance = zobench.problem("quadratic", dim=40, condition=4)
    given = {"L": 1.0, "PL": 0.25, "f_star": 0.0}
    left, right = (
        zobench.run(instance, STP, budget=99, parameters={"rule": "oracle", **more}) for more in ({}, given)
    )
    assert np.array_equal(left.x, right.x)
    assert left.parameters.m1 == pytest.approx(constants("unit-sphere", 40).m1)
    # every number that the kernel reads as a float is one, whatever the law
    for law in LAWS:
        settled = zobench.run(instance, STP, budget=9, parameters={"rule": "oracle", "law": law}).parameters
        assert type(settled.m1) is type(settled.m2) is float


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"L": 1.0, "PL": 1.0}, "f_star"),
        ({"L": 1.0, "f_star": 0.0}, "PL"),
        ({"f_star": -1.0, "PL": 1.0}, "L"),
    ],
)
def test_the_oracle_rule_is_refused_without_its_constants(given, missing):
    with pytest.raises(zobench.ZobenchError) as complaint:
        iterates({"rule": "oracle", **given}, 20)
    words = f"solver 'stp': {missing} must be given (a number"
    assert words in str(complaint.value)
    assert str(complaint.value).endswith(f"the problem certifies no {missing}")
    # a lower bound of the infimum is no infimum
    bounded = zobench.problem("bard")
    assert "f_star" not in bounded.certificates
    with pytest.raises(zobench.ZobenchError, match="certifies no f_star"):
        zobench.run(bounded, STP, budget=9, parameters={"rule": "oracle", "L": 1.0, "PL": 1.0})


def test_the_oracle_rule_stays_where_the_infimum_is_reached():
    # also where rounding, or a wrong f_star, puts the value below it
    got, _ = iterates({"rule": "oracle", "L": 1.0, "PL": 1.0, "f_star": 1e9}, 21)
    assert np.all(got == START)


# The theorems: mutants as kernels, and as the solver with other parameters than are due.

CORRECT, ARGMAX, FORGETS, PLUS_ONLY, STALE, HALF, ALL = range(7)
FIXED, DECREASING, FINITE_DIFFERENCE, HARMONIC, ORACLE = range(5)


def tries(oracle, state, shift):
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.s[i]
    return query(oracle, state.trial)


def due(state, parameters, k):
    """The length of the rules fixed, harmonic and oracle."""
    if parameters.rule == FIXED:
        return parameters.alpha0 / np.sqrt(parameters.steps)
    if parameters.rule == HARMONIC:
        return parameters.alpha0 / (k + 2.0)
    gap = max(state.value[0] - parameters.f_star, 0.0)
    return parameters.m1 / (parameters.m2 * parameters.L) * np.sqrt(2.0 * parameters.PL * gap)


def variant(oracle, state, parameters, stream, alpha, fault):
    """One step of STP of length alpha with something wrong in it."""
    draw(stream, parameters.law, state.s)
    for i in range(0, state.x.size, 2):
        if fault == HALF:
            state.s[i] = 0.0
    plus, minus = tries(oracle, state, alpha), tries(oracle, state, -alpha)
    best, shift = (plus, alpha) if plus <= minus else (minus, -alpha)
    if fault == ARGMAX:
        best, shift = max(plus, minus), -shift
    if fault == PLUS_ONLY or fault == ALL:
        best, shift = plus, alpha
    if best < state.value[0] or fault == FORGETS or fault == ALL or fault == ARGMAX:
        if fault != STALE:
            state.value[0] = best
        for i in range(state.x.size):
            state.x[i] += shift * state.s[i]


def correct(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, due(state, parameters, k), CORRECT)


def argmax(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, due(state, parameters, k), ARGMAX)


def forgets(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, due(state, parameters, k), FORGETS)


def plus_only(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, due(state, parameters, k), PLUS_ONLY)


def stale(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, due(state, parameters, k), STALE)


def half(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, due(state, parameters, k), HALF)


def accepts_all(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, due(state, parameters, k), ALL)


def early(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, parameters.alpha0 / (k + 1.0), CORRECT)


def squared(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, parameters.alpha0 / (k + 2.0) ** 2, CORRECT)


def no_root(oracle, state, parameters, k, stream):
    variant(oracle, state, parameters, stream, due(state, parameters, k) ** 2, CORRECT)


def scaled(factor):
    """The step times a factor, by way of the parameter that it is proportional to."""

    def changed(p, dim):
        times = factor if isinstance(factor, float) else factor(p, dim)
        if p["rule"] == "oracle":
            law = constants(p["law"], dim)
            return {"m1": times * law.m1, "m2": float(law.m2)}
        return {"alpha0": times * p["alpha0"]}

    return changed


def other(**given):
    return lambda p, dim: given


def long_directions(p, dim):
    """Directions with |s| = sqrt(d) where |s| = 1 is due."""
    return {"law": "sphere", "m1": constants(p["law"], dim).m1, "m2": 1.0}


#: Mutant: its kernel (None: the solver's own), its parameters, and whether the theorem's bound sees it.
MUTANTS = {
    "stp-convex-fixed": {
        "step x10": (None, scaled(10.0), False),
        "step x3": (None, scaled(3.0), False),
        "step x0.1": (None, scaled(0.1), True),
        "step x sqrt(d)": (None, scaled(lambda p, dim: math.sqrt(dim)), False),
        "decreasing step": (None, other(rule="decreasing"), False),
        "long directions": (None, other(law="sphere"), False),
        "argmax": (argmax, other(), True),
        "forgets the iterate": (forgets, other(), False),
        "accepts all": (accepts_all, other(), True),
        "stale value": (stale, other(), False),
        "half the coordinates": (half, other(), True),
    },
    "stp-convex-decreasing": {
        "step x10": (None, scaled(10.0), False),
        "step x3": (None, scaled(3.0), False),
        "step x0.1": (None, scaled(0.1), False),
        "constant step": (None, other(rule="fixed", steps=4), True),
        "1 / sqrt(k + 1)": (None, other(rule="decreasing"), False),
        "1 / (k + 1)": (early, other(), False),
        "1 / (k + 2)^2": (squared, other(), True),
        "argmax": (argmax, other(), True),
        "forgets the iterate": (forgets, other(), False),
        "accepts all": (accepts_all, other(), True),
        "half the coordinates": (half, other(), True),
    },
    "stp-pl-oracle-step": {
        "step x10": (None, scaled(10.0), True),
        "step x3": (None, scaled(3.0), True),
        "step x2": (None, scaled(2.0), False),
        "step x0.1": (None, scaled(0.1), True),
        "2 missing": (None, scaled(math.sqrt(0.5)), False),
        "mu_D missing": (None, scaled(lambda p, dim: 1.0 / constants(p["law"], dim).m1), True),
        "root missing": (no_root, other(), True),
        "long directions": (None, long_directions, True),
        "argmax": (argmax, other(), True),
        "forgets the iterate": (forgets, other(), False),
        "plus only": (plus_only, other(), True),
        "stale value": (stale, other(), True),
        "half the coordinates": (half, other(), True),
    },
}
RULE = dict(zip(MUTANTS, (RULES[0], RULES[3], RULES[4]), strict=True))


@functools.cache
def broken(step):
    return dataclasses.replace(STP, step=step)


UNSEEN = {(name, mutant) for name, mutants in MUTANTS.items() for mutant in mutants if not mutants[mutant][2]}


@pytest.mark.mutants("bound", MUTANTS, unseen=UNSEEN)
def test_mutants_and_the_bound(row, mutant, rejects):
    kernel, change, _ = MUTANTS[row][mutant]
    method, (theorem, _) = STP if kernel is None else broken(kernel), find_theorem(row)

    due = theorem.parameters

    def parameters(case):
        return {**due(case), **change(due(case), case.dim)}

    theorem = dataclasses.replace(theorem, parameters=parameters)
    rejects(
        [
            judge(theorem, method, cell, first_seed=FRESH, comparisons=20)
            for cell in theorem.cells
            if cell.quick and cell.problem == "quadratic" and not cell.parameters
        ]
    )


@pytest.mark.mutants("where each step ends", MUTANTS)
def test_mutants_and_the_exact_step(row, mutant, rejects):
    # the bounds forgive much; the step itself is exact
    kernel, change, _ = MUTANTS[row][mutant]
    given = {**RULE[row], "law": "unit-sphere"}
    with np.errstate(over="ignore", invalid="ignore"):  # where some mutants go
        got, _ = iterates({**given, **change(given, 5)}, 121, STP if kernel is None else broken(kernel))
        off = furthest(got, given)
    rejects(off > 1e-7, f"{off:.1g} elsewhere")


@pytest.mark.parametrize("name", MUTANTS)
def test_the_written_out_step_is_the_solvers(name):
    # so that a mutant differs from it in what it says
    given = {**RULE[name], "law": "unit-sphere"}
    own, other = (iterates(given, 121, method)[0] for method in (STP, broken(correct)))
    np.testing.assert_allclose(own, other, rtol=1e-12)


# The bounds against the sheet's other forms of them.


@pytest.mark.parametrize("eps", [1.0, 0.1])
@pytest.mark.parametrize("law", ["unit-sphere", "coordinate"])
def test_the_convex_bound_reaches_eps_when_it_is_due(law, eps):
    # alpha = eps mu_D / (L R0), K >= L R0^2 / (mu_D^2 eps) ln(2 D0 / eps)
    theorem, _ = find_theorem("stp-convex-fixed")
    instance = zobench.problem("log-cosh", dim=6)
    smooth, radius = (instance.certificates.value(name) for name in ("L", "R0"))
    m1 = constants(law, 6).m1
    gap = instance.value(instance.x0)
    steps = math.ceil(smooth * radius**2 / (m1**2 * eps) * math.log(2 * gap / eps))
    alpha = eps * m1 / (smooth * radius)
    printed = (1 - m1 * alpha / radius) ** steps * gap + smooth * alpha * radius / (2 * m1)
    best = theorem.bound(Case(instance, steps, law), steps)
    assert 0.5 * eps < best <= printed <= eps


def test_no_other_alpha_makes_the_convex_bound_less():
    theorem, _ = find_theorem("stp-convex-fixed")
    case = Case(zobench.problem("quadratic", dim=10), 300, "unit-sphere")
    m1, radius = case.directions.m1, case.constant("R0")
    alphas = np.linspace(1e-4, radius / m1, 20_000)
    levels = (1 - m1 * alphas / radius) ** 300 * case.gap + alphas * radius / (2 * m1)
    assert theorem.bound(case, 300) == pytest.approx(levels.min(), rel=1e-4)
    chosen = theorem.parameters(case)["alpha0"] / math.sqrt(300)
    assert chosen == pytest.approx(alphas[levels.argmin()], abs=2e-3)


def test_too_few_steps_are_refused():
    theorem, own = find_theorem("stp-convex-fixed")
    cell = dataclasses.replace(theorem.cells[0], steps=14)
    with pytest.raises(zobench.ZobenchError, match="needs K >= 15 steps here, got 14"):
        judge(theorem, own, cell)
    assert judge(theorem, own, dataclasses.replace(cell, steps=15), seeds=5).ratio < 1.0


def test_the_bounds_are_the_printed_formulas():
    case = Case(zobench.problem("quadratic", dim=40, condition=4), 100, "unit-sphere")
    kappa = math.exp(math.lgamma(20) - math.lgamma(20.5)) / math.sqrt(math.pi)
    decreasing, oracle = (find_theorem(name)[0] for name in ("stp-convex-decreasing", "stp-pl-oracle-step"))
    radius = case.constant("R0")
    assert decreasing.bound(case, 100) == pytest.approx(2 * radius**2 / (kappa**2 * 101))
    assert decreasing.bound(case, 100) <= math.pi * 40 * radius**2 / 101
    assert oracle.bound(case, 100) == pytest.approx((1 - kappa**2 / 4) ** 100 * case.gap)
