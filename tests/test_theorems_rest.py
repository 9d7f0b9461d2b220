"""Theorems of random search, (1+1)-ES, GLD, RSGF, the limits, kinds of claims: what refutes mutants."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import integrate

import zobench
from zobench import limits as limits_module
from zobench.directions import draw
from zobench.kernels import squared_norm
from zobench.limits import curve
from zobench.oracle import hold, query
from zobench.rates import best_preset_speed, speed_of_a_line
from zobench.registry import find
from zobench.stream import normals, uniform
from zobench.theorem import Case, Theorem, find_theorem
from zobench.trial import Trial
from zobench.verdict.statistics import assess_identity, assess_paired, assess_property
from zobench.verdict.verification import judge, verify

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


# Limits.


def test_the_speeds_are_those_of_the_table():
    table = {
        3: (0.9206, 0.7881, 0.6315, 0.3940),
        10: (0.5862, 0.4786, 0.3757, 0.2393),
        200: (0.5038, 0.4081, 0.3208, 0.2041),
    }
    for d, (line, three, two, one) in table.items():
        kinds = [best_preset_speed(kind, d) for kind in ("three-point", "two-point", "one-point")]
        assert d * np.array([speed_of_a_line(d), *kinds]) == pytest.approx([line, three, two, one], abs=6e-5)


def test_the_limits_curves():
    q = np.array([1, 10, 100])
    assert curve("values", 20, q) == pytest.approx([0.95, 0.5, np.nan], nan_ok=True)
    assert curve("deterministic", 20, q) == pytest.approx([1.0, 1.0, np.nan], nan_ok=True)
    assert curve("line", 20, q) == pytest.approx(np.exp(-0.5401 / 20 * q / 2), rel=1e-3)
    assert curve("preset", 20, q, kind="one-point") == pytest.approx(np.exp(-0.2195 / 20 * q), rel=1e-3)
    assert curve("bits", 20, q, kind="three-point") == pytest.approx(2 ** (-1 / 20) * 3.0 ** (-q / 40))
    assert curve("stochastic", 20, np.array([20]))[0] == pytest.approx(0.1118, abs=1e-4)
    with pytest.raises(zobench.ZobenchError, match="did you mean 'values'"):
        curve("value", 20, q)


def test_on_the_resisting_function_a_deterministic_method_gets_nowhere():
    dim = 8
    asked = []

    def constant(x):
        asked.append(x)
        return 0.5

    zobench.minimize(constant, np.zeros(dim), solver="coordinate-differences", budget=dim - 1)
    left = np.linalg.svd(np.array(asked))[2][-1]  # orthogonal to all queries
    found = zobench.minimize(
        lambda x: 0.5 * (left @ x - 1.0) ** 2, np.zeros(dim), solver="coordinate-differences", budget=dim - 1
    )
    assert found.fun == pytest.approx(0.5, abs=1e-9)


def test_no_strategy_of_two_values_beats_the_stochastic_limit():
    # the sign of the mean difference along each coordinate, for F(x, xi) = <xi, x>, xi ~ N(delta v, s^2 I)
    rng = np.random.default_rng(5)
    d, draws = 10, 100
    q = 2 * draws
    delta = math.sqrt(d) / (2 * math.sqrt(q))
    norm = math.sqrt(d * (delta**2 + 1))
    gaps = []
    for _ in range(400):
        v = rng.choice([-1.0, 1.0], d)
        xi = delta * v + rng.standard_normal((draws, d))
        u = rng.standard_normal((draws, d))
        guess = np.sign(((xi * u).sum(axis=1)[:, None] * u).sum(axis=0))
        gaps.append(
            delta / math.sqrt(d) * (d + v @ -guess)
        )  # <delta v, x> - min over the box, x = -guess/sqrt(d)
    assert np.mean(gaps) > norm * curve("stochastic", d, np.array([q]))[0]


def knows_the_minimiser(oracle, state, parameters, k, stream):
    """A cheat for a test: the step goes straight to where the data say that the minimiser is."""
    draw(stream, parameters.law, state.s)
    for i in range(state.x.size):
        state.trial[i] = state.x[i]
    query(oracle, state.trial)
    query(oracle, state.trial)
    for i in range(state.x.size):
        state.x[i] *= 0.5


def lines(oracle, state, parameters, stream, count):
    """The gamma step along several lines, counted as one step."""
    for _ in range(count):
        draw(stream, parameters.law, state.s)
        square = squared_norm(state.s)
        for i in range(state.x.size):
            state.trial[i] = state.x[i] + parameters.radius * state.s[i]
        ahead = query(oracle, state.trial)
        for i in range(state.x.size):
            state.trial[i] = state.x[i] - parameters.radius * state.s[i]
        gamma = (ahead - query(oracle, state.trial)) / (2.0 * parameters.radius)
        for i in range(state.x.size):
            state.x[i] -= gamma * state.s[i] / (parameters.L * square)


def forty_lines(oracle, state, parameters, k, stream):
    lines(oracle, state, parameters, stream, 40)


def two_lines(oracle, state, parameters, k, stream):
    lines(oracle, state, parameters, stream, 2)


def knows_three_quarters(oracle, state, parameters, k, stream):
    """A cheat that knows three quarters of the minimiser's coordinates."""
    query(oracle, state.x)
    for i in range(state.x.size):
        if i % 4:
            state.x[i] *= 0.1
    query(oracle, state.x)


def forty_choices(oracle, state, parameters, k, stream):
    """The best of x - s, x and x + s forty times, counted as one choice between two outcomes."""
    for _ in range(40):
        draw(stream, 0, state.s)
        best, sign = np.inf, 0.0
        for j in range(3):
            for i in range(state.x.size):
                state.trial[i] = state.x[i] + 0.1 * (j - 1.0) * state.s[i]
            answer = query(oracle, state.trial)
            if answer < best:
                best, sign = answer, 0.1 * (j - 1.0)
        for i in range(state.x.size):
            state.x[i] += sign * state.s[i]


LIMITS_MUTANTS = {
    "knows the minimiser": knows_the_minimiser,
    "knows three quarters of it": knows_three_quarters,
    "forty lines a step": forty_lines,
    "two lines a step": two_lines,
    "forty choices a step": forty_choices,
}


def cheats(name, mutant, claim, monkeypatch):
    """The verdict of a limit on a cheat in the place of S2P, where the minimiser is at 0."""
    theorem, own = find_theorem(name)[0], find("solvers", "s2p")
    cell = next(cell for cell in theorem.cells if (cell.solver, cell.claim) == ("s2p", claim))

    def centred(instance, seed, inside=False):
        made, radius = HIDDEN(instance, seed, inside)
        shift, zero = np.array(made.x_star), np.zeros(made.dim)
        data = made.data._replace(x_star=zero)
        return dataclasses.replace(made, x0=made.x0 - shift, x_star=zero, data=data, _keep={}), radius

    monkeypatch.setattr(limits_module, "hidden_ball", centred)
    cheat = dataclasses.replace(own, step=LIMITS_MUTANTS[mutant])
    return judge(theorem, cheat, cell, first_seed=FRESH)


@pytest.mark.mutants("bound", {"limit-sphere-values": ["knows the minimiser", "knows three quarters of it"]})
def test_cheats_and_the_limit_of_values(row, mutant, rejects, monkeypatch):
    rejects(cheats(row, mutant, "", monkeypatch))


@pytest.mark.mutants(
    "bound (bits 2)", {"limit-comparison-bits": ["knows the minimiser", "forty choices a step"]}
)
def test_cheats_and_the_limit_of_bits(row, mutant, rejects, monkeypatch):
    rejects(cheats(row, mutant, "bits 2", monkeypatch))


@pytest.mark.mutants("bound (line)", {"limits": ["forty lines a step", "two lines a step"]})
def test_cheats_and_the_limit_of_a_line(row, mutant, rejects, monkeypatch):
    rejects(cheats(row, mutant, "line", monkeypatch))


def draws_anew(start, calls):
    """A method that is not deterministic: the second run has other directions."""

    def started(trial, **given):
        calls.append(given)
        return start(trial, **given, again=len(calls))

    return started


def asks_in_secret(start, calls):
    """A method that asks 2d values more, which nobody counts, and starts one gradient step further."""

    def started(trial, **given):
        run, function = start(trial, **given), given["function"]
        axes = 1e-3 * np.eye(run.x0.size)
        slope = [function(run.x0 + axis) - function(run.x0 - axis) for axis in axes]
        run.x -= np.array(slope) / 2e-3
        return run

    return started


SECRETS = {"draws anew": draws_anew, "asks in secret": asks_in_secret}


@pytest.mark.mutants("property", {"limit-deterministic-values": SECRETS})
def test_cheats_and_the_limit_of_deterministic_methods(row, mutant, rejects, monkeypatch):
    theorem, _ = find_theorem(row)
    cell = next(cell for cell in theorem.cells if cell.solver == "s2p")
    monkeypatch.setattr(Trial, "start", SECRETS[mutant](Trial.start, []))
    rejects(judge(theorem, find("solvers", "s2p"), cell, seeds=5, first_seed=FRESH))


def knows_the_signs(oracle, state, parameters, k, stream):
    """A cheat that knows which way f falls along each axis: here down."""
    query(oracle, state.x)
    for i in range(state.x.size):
        state.x[i] -= 1.0
    query(oracle, state.x)


def knows_most_signs(oracle, state, parameters, k, stream):
    """The same along all axes but the first."""
    query(oracle, state.x)
    for i in range(1, state.x.size):
        state.x[i] -= 1.0
    query(oracle, state.x)


SIGN_MUTANTS = {"knows the signs": knows_the_signs, "knows all signs but one": knows_most_signs}


@pytest.mark.mutants("bound", {"limit-stochastic-two-point": SIGN_MUTANTS})
def test_cheats_and_the_limit_of_two_values_a_sample(row, mutant, rejects, monkeypatch):
    theorem, own = find_theorem(row)
    monkeypatch.setattr(limits_module, "hidden_signs", lambda trial: np.ones(trial.case.dim))
    rejects(judge(theorem, dataclasses.replace(own, step=SIGN_MUTANTS[mutant]), theorem.cells[0]))


def test_the_signs_are_hidden_and_two_queries_have_one_sample(monkeypatch):
    theorem, own = find_theorem("limit-stochastic-two-point")
    case = Case(zobench.problem("quadratic", 20), 200, "-")
    signs, values = [], []
    start = Trial.start

    def started(trial, function):
        x = case.instance.x0 + np.eye(20)[0]
        values.append([function(x) for _ in range(2000)])
        return start(trial, function=function)

    monkeypatch.setattr(Trial, "start", started)
    for seed in range(40):
        trial = Trial(theorem, own, case, {}, seed)
        signs.append(limits_module.hidden_signs(trial))
        trial.sides()
    assert np.abs(np.mean(signs, axis=0)).max() < 5 / math.sqrt(40)
    pairs = np.array(values).reshape(40, 1000, 2)
    assert (pairs[..., 0] == pairs[..., 1]).all()
    # xi_1 ~ N(delta v_1, 1), delta = sqrt(20 / 800)
    along = pairs[..., 0] * np.array(signs)[:, :1]
    assert along.mean() == pytest.approx(math.sqrt(20 / 800), abs=4 / math.sqrt(along.size))
    assert along.std() == pytest.approx(1.0, abs=4 / math.sqrt(2 * along.size))


def test_an_eighth_of_the_range_in_the_box_is_the_limit_that_is_drawn():
    for d, q in ((3, 2), (20, 200)):
        delta, radius = math.sqrt(d / (4 * q)), math.sqrt(d)
        norm = math.sqrt(d * (delta**2 + 1))
        drawn = norm * radius * curve("stochastic", d, np.array([q]))[0]
        assert (1 - limits_module.SIGNS) * 2 * delta * radius * math.sqrt(d) == pytest.approx(drawn)


HIDDEN = limits_module.hidden_ball


def test_the_hidden_minimiser_is_uniform_and_the_start_says_nothing_of_it():
    instance = zobench.problem("quadratic", 5)
    away = []
    for seed in range(2000):
        made, radius = HIDDEN(instance, seed, inside=True)
        assert made.value(made.x_star) == 0.0
        away.append((made.x_star - instance.x0) / radius)
    lengths = np.linalg.norm(away, axis=1)
    assert np.mean(lengths**5) == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / 2000))
    assert np.abs(np.mean(away, axis=0)).max() < 4 * np.std(away) / math.sqrt(2000)


# Kinds of claims.


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
