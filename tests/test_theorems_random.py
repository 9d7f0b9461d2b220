"""Theorems of pure random search, (1+1)-ES, GLD and RSGF: what refutes their mutants."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import integrate

import zobench
from zobench.directions import draw
from zobench.kernels import squared_norm
from zobench.oracle import hold, query
from zobench.stream import normals, uniform
from zobench.theorem import Case, find_theorem
from zobench.verdict.verification import judge

FRESH = 500_000  # a seed range that no default uses

# Mutants: the step of a real solver with one thing broken, written out as a kernel.


def prs_scaled(oracle, state, parameters, stream, more, power):
    """A point of radius R U^power, in a uniform direction of d + more dimensions."""
    normals(stream, state.trial)
    square = squared_norm(state.trial)
    if more:
        normals(stream, state.more)
        square += squared_norm(state.more)
    scale = parameters.R / np.sqrt(square)
    if power > 0.0:
        scale *= uniform(stream) ** power
    for i in range(state.x.size):
        state.trial[i] = state.centre[i] + scale * state.trial[i]
    return query(oracle, state.trial)


def prs_keep(state, answer):
    if answer < state.value[0]:
        state.value[0] = answer
        state.x[:] = state.trial


def prs_on_the_sphere(oracle, state, parameters, k, stream):
    prs_keep(state, prs_scaled(oracle, state, parameters, stream, False, 0.0))


def prs_radius_uniform(oracle, state, parameters, k, stream):
    prs_keep(state, prs_scaled(oracle, state, parameters, stream, False, 1.0))


def prs_last(oracle, state, parameters, k, stream):
    state.value[0] = np.inf
    prs_keep(state, prs_scaled(oracle, state, parameters, stream, True, 0.0))


def prs_worst(oracle, state, parameters, k, stream):
    answer = prs_scaled(oracle, state, parameters, stream, True, 0.0)
    if k == 0 or answer > state.value[0]:
        state.value[0] = answer
        state.x[:] = state.trial


def prs_half(oracle, state, parameters, k, stream):
    normals(stream, state.trial)
    normals(stream, state.more)
    scale = parameters.R / np.sqrt(squared_norm(state.trial) + squared_norm(state.more))
    for i in range(state.x.size):
        state.trial[i] = state.centre[i] + (scale * state.trial[i] if i % 2 else 0.0)
    prs_keep(state, query(oracle, state.trial))


PRS_MUTANTS = {
    "points on the sphere": prs_on_the_sphere,
    "radius uniform": prs_radius_uniform,
    "the last point": prs_last,
    "the worst point": prs_worst,
    "half the coordinates": prs_half,
}


def es_scaled(oracle, state, parameters, stream, law, factor, accept):
    draw(stream, law, state.s)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + factor * state.alpha[0] * state.s[i]
    answer = query(oracle, state.trial)
    if (answer <= state.value[0]) == (accept > 0) or accept == 0:
        state.value[0] = answer
        state.x[:] = state.trial


def es_times_three(oracle, state, parameters, k, stream):
    es_scaled(oracle, state, parameters, stream, parameters.law, 3.0, 1)


def es_a_tenth(oracle, state, parameters, k, stream):
    es_scaled(oracle, state, parameters, stream, parameters.law, 0.1, 1)


def es_root_d(oracle, state, parameters, k, stream):
    es_scaled(oracle, state, parameters, stream, 2, 1.0, 1)


def es_accepts_worse(oracle, state, parameters, k, stream):
    es_scaled(oracle, state, parameters, stream, parameters.law, 1.0, -1)


def es_accepts_all(oracle, state, parameters, k, stream):
    es_scaled(oracle, state, parameters, stream, parameters.law, 1.0, 0)


def es_half(oracle, state, parameters, k, stream):
    draw(stream, parameters.law, state.s)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + (state.alpha[0] * state.s[i] if i % 2 else 0.0)
    answer = query(oracle, state.trial)
    if answer <= state.value[0]:
        state.value[0] = answer
        state.x[:] = state.trial


ES_MUTANTS = {
    "step x3": es_times_three,
    "step x0.1": es_a_tenth,
    "sqrt(d) too many": es_root_d,
    "accepts what is worse": es_accepts_worse,
    "accepts all": es_accepts_all,
    "half the coordinates": es_half,
}


def gld_scaled(oracle, state, parameters, stream, factor, half):
    """The best of x and one point at each radius, `factor` times too long."""
    state.best[:] = state.x
    radius = factor * parameters.R
    while True:
        draw(stream, 3, state.trial)
        for i in range(state.x.size):
            moved = radius * state.trial[i]
            state.trial[i] = state.x[i] + (0.0 if half and i % 2 == 0 else moved)
        answer = query(oracle, state.trial)
        if answer < state.value[0]:
            state.value[0] = answer
            state.best[:] = state.trial
        if radius <= factor * parameters.r:
            break
        radius *= 0.5
    state.x[:] = state.best


def gld_times_thirty(oracle, state, parameters, k, stream):
    gld_scaled(oracle, state, parameters, stream, 30.0, False)


def gld_a_thousandth(oracle, state, parameters, k, stream):
    gld_scaled(oracle, state, parameters, stream, 1e-3, False)


def gld_half(oracle, state, parameters, k, stream):
    gld_scaled(oracle, state, parameters, stream, 1.0, True)


def gld_one_radius(oracle, state, parameters, k, stream):
    """The smallest radius alone, as often as there are radii."""
    state.best[:] = state.x
    for _ in range(11):
        draw(stream, 3, state.trial)
        for i in range(state.x.size):
            state.trial[i] = state.x[i] + parameters.r * state.trial[i]
        answer = query(oracle, state.trial)
        if answer < state.value[0]:
            state.value[0] = answer
            state.best[:] = state.trial
    state.x[:] = state.best


def gld_worst(oracle, state, parameters, k, stream):
    """The worst of the points."""
    state.best[:] = state.x
    radius, value = parameters.R, -np.inf
    for _ in range(11):
        draw(stream, 3, state.trial)
        for i in range(state.x.size):
            state.trial[i] = state.x[i] + radius * state.trial[i]
        answer = query(oracle, state.trial)
        if answer > value:
            value = answer
            state.best[:] = state.trial
        radius *= 0.5
    state.x[:] = state.best


GLD_MUTANTS = {
    "radii x30": gld_times_thirty,
    "radii x0.001": gld_a_thousandth,
    "half the coordinates": gld_half,
    "one radius": gld_one_radius,
    "the worst point": gld_worst,
}


def rsgf_scaled(oracle, state, parameters, stream, factor, law):
    hold(oracle)
    draw(stream, law, state.u)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + parameters.radius * state.u[i]
    quotient = (query(oracle, state.trial) - query(oracle, state.x)) / parameters.radius
    for i in range(state.x.size):
        state.x[i] -= factor * parameters.step_size * quotient * state.u[i]


def rsgf_times_ten(oracle, state, parameters, k, stream):
    rsgf_scaled(oracle, state, parameters, stream, 10.0, parameters.law)


def rsgf_a_tenth(oracle, state, parameters, k, stream):
    rsgf_scaled(oracle, state, parameters, stream, 0.1, parameters.law)


def rsgf_d_missing(oracle, state, parameters, k, stream):
    rsgf_scaled(oracle, state, parameters, stream, 1.0 * state.x.size, parameters.law)


def rsgf_uphill(oracle, state, parameters, k, stream):
    rsgf_scaled(oracle, state, parameters, stream, -1.0, parameters.law)


def rsgf_unit_directions(oracle, state, parameters, k, stream):
    rsgf_scaled(oracle, state, parameters, stream, 1.0, 3)


def rsgf_half(oracle, state, parameters, k, stream):
    hold(oracle)
    draw(stream, parameters.law, state.u)
    for i in range(0, state.x.size, 2):
        state.u[i] = 0.0
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + parameters.radius * state.u[i]
    quotient = (query(oracle, state.trial) - query(oracle, state.x)) / parameters.radius
    for i in range(state.x.size):
        state.x[i] -= parameters.step_size * quotient * state.u[i]


def rsgf_two_samples(oracle, state, parameters, k, stream):
    """Each value has a sample of its own where common random numbers are due."""
    draw(stream, parameters.law, state.u)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + parameters.radius * state.u[i]
    quotient = (query(oracle, state.trial) - query(oracle, state.x)) / parameters.radius
    for i in range(state.x.size):
        state.x[i] -= parameters.step_size * quotient * state.u[i]


def rsgf_small_radius(oracle, state, parameters, k, stream):
    """A radius a hundred times smaller, of which independent noise makes the most."""
    draw(stream, parameters.law, state.u)
    radius = 0.01 * parameters.radius
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + radius * state.u[i]
    quotient = (query(oracle, state.trial) - query(oracle, state.x)) / radius
    for i in range(state.x.size):
        state.x[i] -= parameters.step_size * quotient * state.u[i]


RSGF_MUTANTS = {
    "step x10": rsgf_times_ten,
    "step x0.1": rsgf_a_tenth,
    "1/d missing": rsgf_d_missing,
    "wrong sign": rsgf_uphill,
    "unit directions": rsgf_unit_directions,
    "half the coordinates": rsgf_half,
    "two samples": rsgf_two_samples,
    "radius x0.01": rsgf_small_radius,
}
#: With its own noise for every value a second sample is no mutant.  The small radius is one of its row alone.
NO_MUTANT = {
    ("rsgf-additive", "two samples"),
    ("rsgf-gl", "radius x0.01"),
    ("rsgf-crn", "radius x0.01"),
}

RSGF = ("rsgf-gl", "rsgf-crn", "rsgf-additive")
MUTANTS = {
    "prs-ball-exact": PRS_MUTANTS,
    "es11-sphere-oracle": ES_MUTANTS,
    "gld-pl": GLD_MUTANTS,
    **{
        name: {key: step for key, step in RSGF_MUTANTS.items() if (name, key) not in NO_MUTANT}
        for name in RSGF
    },
}
IDENTITIES = ("prs-ball-exact", "es11-sphere-oracle")


def judged(name, step):
    """The verdicts of a mutant on the quick cells, until one refutes it."""
    theorem, own = find_theorem(name)
    found = []
    for cell in theorem.cells:
        if cell.quick and "refuted" not in [verdict.verdict for verdict in found]:
            method = dataclasses.replace(own, step=step)
            # the two sides of an identity differ little: fewer seeds do
            seeds = 12 if theorem.kind == "=" else 40
            found.append(judge(theorem, method, cell, seeds=seeds, first_seed=FRESH, comparisons=20))
    return found


@pytest.mark.mutants("identity", {name: MUTANTS[name] for name in IDENTITIES})
def test_mutants_and_the_identity(row, mutant, rejects):
    rejects(judged(row, MUTANTS[row][mutant]))


@pytest.mark.mutants(
    "bound",
    {name: MUTANTS[name] for name in MUTANTS if name not in IDENTITIES},
    # the mutants of rsgf-gl are those of rsgf-crn again
    slow={("rsgf-gl", mutant) for mutant in RSGF_MUTANTS if mutant != "two samples"},
)
def test_mutants_and_the_bound(row, mutant, rejects):
    rejects(judged(row, MUTANTS[row][mutant]))


def test_the_printed_constants():
    case = Case(zobench.problem("quadratic", 10), 100, "-")
    assert find_theorem("prs-ball-exact")[0].bound(case, 1) == pytest.approx(0.5 * 10 / 12)
    case = Case(zobench.problem("quadratic", 10, condition=4.0), 100, "unit-sphere")
    gld, gap = find_theorem("gld-pl")[0], case.gap
    least = math.sqrt(10) * 0.85 * math.sqrt(2 * gap / 10) / 1024 / 1.7
    printed = (1 - 0.37 * 0.25 / 10) ** 100 * gap + least**2 / 0.5
    assert gld.bound(case, 100) == pytest.approx(printed)
    assert gld.budget(case) == 1 + 100 * 11
    noisy = {"noise": "gaussian", "noise_level": 0.02}
    case = Case(zobench.problem("quadratic", 10, **noisy), 4000, "gaussian")
    h = min(1 / 56, 0.01 * math.sqrt(case.gap / (10 * 0.02**2 * 4000)))
    printed = 2 * case.gap / (4000 * h) + 2 * h * 10 * 0.02**2 / 0.01**2 + 0.625 * 0.01**2 * 120
    assert find_theorem("rsgf-additive")[0].bound(case, 4000) == pytest.approx(printed)


def test_the_printed_constants_with_samples():
    instance = zobench.problem("softmax-regression", data="iris", batch=1)
    case, d4 = Case(instance, 500, "gaussian"), instance.dim + 4
    smooth, spread = case.constant("L"), case.constant("variance")
    h = min(1 / (4 * d4 * smooth), math.sqrt(case.gap / (smooth * (d4 - 2) * spread * 500)))
    crn = find_theorem("rsgf-crn")[0].bound(case, 500)
    assert crn == pytest.approx(2 * case.gap / (h * 500) + 2 * smooth * h * (d4 - 2) * spread, rel=1e-6)
    h = min(1 / (4 * smooth * d4), math.sqrt(2 * case.gap / smooth / (spread * 500 * d4)))
    top = 2 * case.gap / smooth + 2 * d4 * spread * 500 * h**2
    gl = find_theorem("rsgf-gl")[0].bound(case, 500)
    assert gl / smooth == pytest.approx(top / (500 * (h - 2 * smooth * d4 * h**2)), rel=1e-6)


def test_the_fall_of_gradientless_descent_is_at_least_its_constant():
    def fall(c, d):
        weight = math.gamma(d / 2) / (math.sqrt(math.pi) * math.gamma((d - 1) / 2))

        def inner(angle):
            return max(0.0, c * math.sqrt(d) * math.cos(angle) - c**2 / 2) * math.sin(angle) ** (d - 2)

        end = math.acos(min(1.0, c / (2 * math.sqrt(d))))
        return weight * integrate.quad(inner, 0.0, end)[0]

    least = min(fall(c, d) for d in (*range(2, 30), 100, 300) for c in np.linspace(0.85, 1.7, 18))
    assert least == pytest.approx(0.1857, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "given", "lacking"),
    [
        ("rsgf-crn", {"noise": "gaussian", "noise_level": 0.1}, "is not added to f and shared"),
        ("rsgf-gl", {"noise": "failure", "noise_level": 0.1, "noise_mode": "common"}, "is not added to f"),
        ("rsgf-additive", {}, "its values have no added noise"),
        ("rsgf-additive", {"noise": "multiplicative", "noise_level": 0.1}, "is not independent, added"),
        ("rsgf-additive", {"noise": "heavy-tailed", "noise_level": 0.1, "noise_degrees": 2.0}, "is not ind"),
        ("exact-line-log", {"condition": 2.0}, "its largest and its smallest curvature differ"),
        ("limits", {"condition": 2.0}, "the limits are checked on quadratic with condition=1"),
        ("limit-sphere-values", {"condition": 2.0}, "the limits are checked on quadratic with"),
        ("limit-deterministic-values", {"dim": 1}, "measured for d >= 2"),
        ("s2p-smooth-stationary", {"noise": "gaussian", "noise_level": 0.1}, "is about exact values"),
    ],
)
def test_what_an_instance_lacks_is_said(name, given, lacking):
    assert lacking in find_theorem(name)[0].missing(zobench.problem("quadratic", **given))


def test_samples_are_no_exact_values():
    instance = zobench.problem("softmax-regression", data="iris", batch=1)
    assert "are answered with samples" in find_theorem("s2p-smooth-stationary")[0].missing(instance)
    assert find_theorem("rsgf-crn")[0].missing(instance) == ""


@pytest.mark.parametrize("name", ["gld-pl", "rsgf-crn", "prs-ball-exact"])
def test_after_so_many_steps_the_bound_is_as_small_as_asked(name):
    theorem, _ = find_theorem(name)
    case = Case(zobench.problem("quadratic", 4), 1, "gaussian")
    eps = 1e-2
    steps = math.ceil(theorem.horizon(case, eps))
    # of squared gradient norms eps^2 is asked
    wanted = eps**2 if "rsgf" in name else eps
    bound = theorem.bound(dataclasses.replace(case, steps=steps), steps)
    assert 0.3 * wanted < bound <= wanted * 1.001
