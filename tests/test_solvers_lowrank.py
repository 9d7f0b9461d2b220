"""Solvers for matrices of low rank: NumPy reading versions, counter-examples, and the laws that they obey."""

import inspect
import re
from typing import ClassVar

import numpy as np
import pytest

import zobench
from zobench.certificate import Certificates
from zobench.geometry.fixed_rank import parts
from zobench.objective import objective_of
from zobench.solver import Setting, solver
from zobench.stream import Stream

ROWS, COLUMNS, RANK = SHAPE = (6, 5, 2)
DIM = ROWS * COLUMNS
MANIFOLD = RANK * (ROWS + COLUMNS - RANK)
rng = np.random.default_rng(7)
CENTER, WEIGHTS = rng.standard_normal(DIM), rng.uniform(0.5, 2.0, DIM)
X0 = (rng.standard_normal((ROWS, RANK)) @ rng.standard_normal((RANK, COLUMNS))).ravel()
GIVEN = {"rows": ROWS, "columns": COLUMNS, "rank": RANK}
ZEROTH = ("riemannian-zo", "riemannian-zo-momentum")
FIRST = ("lowrank-heavy-ball", "lowrank-adam", "factor-heavy-ball", "factor-adam")


def wavy(x):
    """A smooth function that is no quadratic, with different weights everywhere."""
    return float(0.5 * np.sum(WEIGHTS * (x - CENTER) ** 2) + np.sum(np.cos(x[1:] * x[:-1])))


def wavy_gradient(x):
    out, bend = WEIGHTS * (x - CENTER), np.sin(x[1:] * x[:-1])
    out[1:] -= bend * x[:-1]
    out[:-1] -= bend * x[1:]
    return out


class Drive:
    """A run taken step by step, with the workspace of each step."""

    key: ClassVar[str] = "reading"

    def __init__(self, name, **given):
        method = solver(name)
        self.fields = method.state._fields
        objective = objective_of(wavy, DIM, wavy_gradient if method.gradients else None)
        setting = Setting(DIM, 10_000, Certificates())
        self.run = method.begin(objective, setting, {**GIVEN, **given}, X0, stream_key=self.key)
        self.parameters = self.run.parameters

    def field(self, name):
        start, size = self.run._offsets[self.fields.index(name)]
        return self.run._work[start : start + size].copy()

    def factors(self):
        """U, S, V of the iterate."""
        core, left, right = parts(self.field("point"), SHAPE)
        return left.T, core, right.T

    @property
    def W(self):
        return self.run.x.reshape(ROWS, COLUMNS).copy()

    def advance(self):
        self.run.advance(steps=1)
        return self.W


def projected(U, V, Z):
    return U @ U.T @ Z + Z @ V @ V.T - U @ U.T @ Z @ V @ V.T


def best(matrix, rank=RANK):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ vt[:rank]


def read_tangent(stream, U, V, law="sphere", mutant=""):
    flat = stream.normals(RANK * (RANK + ROWS + COLUMNS))
    M, A, B = (part.copy() for part in parts(flat, SHAPE))
    if mutant != "nothing projected":
        A, B = A - A @ U @ U.T, B - B @ V @ V.T
    if mutant == "core only":
        A, B = 0.0 * A, 0.0 * B
    if mutant == "no Vp":
        B *= 0.0
    size = np.sqrt(np.sum(M**2) + np.sum(A**2) + np.sum(B**2))
    scale = 1.0 if law == "gaussian" else (1.0 if mutant == "unit sphere" else np.sqrt(MANIFOLD)) / size
    return scale * (U @ M @ V.T + A.T @ V.T + U @ B)


def read_estimate(W, U, V, stream, p, mutant=""):
    total, radius = 0.0, p.radius
    for _ in range(p.probes):
        u = read_tangent(stream, U, V, getattr(p, "law", "sphere"), mutant)
        plus, minus = W + radius * u, W - radius * u
        if (p.differences == "on-manifold") != (mutant == "other oracle"):
            plus, minus = best(plus), best(minus)
        total = total + (wavy(plus.ravel()) - wavy(minus.ravel())) / (2 * radius) * u / p.probes
    return total


RZO_CASES = [
    {},
    {"probes": 3},
    {"differences": "on-manifold", "radius": 0.05},
    {"law": "gaussian", "radius": 0.05, "probes": 2},
    {"step_size": 0.02},
]


def differences_of_rzo(given, mutant="", steps=12):
    """The largest difference between iterates of the solver and of its reading version."""
    drive, stream, worst = Drive("riemannian-zo", **given), Stream(Drive.key, "solver"), 0.0
    for _ in range(steps):
        W, (U, _, V) = drive.W, drive.factors()
        g = read_estimate(W, U, V, stream, drive.parameters, mutant)
        moved = W - drive.parameters.step_size * g
        expected = moved if mutant == "no retraction" else best(moved)
        worst = max(worst, np.abs(drive.advance() - expected).max())
        assert np.abs(U.T @ U - np.eye(RANK)).max() < 1e-13
    return worst


@pytest.mark.parametrize("given", RZO_CASES, ids=str)
def test_riemannian_zo_agrees_with_its_reading_version(given):
    # rounding of the differences, divided by the radius
    assert differences_of_rzo(given) < 1e-8


@pytest.mark.parametrize(
    "mutant", ["nothing projected", "core only", "no Vp", "unit sphere", "no retraction", "other oracle"]
)
def test_wrong_riemannian_methods_are_told_apart(mutant):
    assert differences_of_rzo({"radius": 0.05}, mutant) > 1e-4


MOMENTUM_CASES = [
    {},
    {"beta": 0.5, "probes": 2},
    {"rule": "bound"},
    {"differences": "on-manifold", "radius": 0.05},
]


def differences_of_momentum(given, mutant="", steps=12):
    drive, stream, worst = Drive("riemannian-zo-momentum", **given), Stream(Drive.key, "solver"), 0.0
    beta, m = drive.parameters.beta, np.zeros((ROWS, COLUMNS))
    for _ in range(steps):
        W, (U, _, V) = drive.W, drive.factors()
        carried = m if mutant == "no transport" else projected(U, V, m)
        weight = 1.0 if mutant == "plain sum" else 1.0 - beta
        m = beta * carried + weight * read_estimate(W, U, V, stream, drive.parameters)
        expected = best(W - drive.parameters.step_size * m)
        worst = max(worst, np.abs(drive.advance() - expected).max())
    return worst


@pytest.mark.parametrize("given", MOMENTUM_CASES, ids=str)
def test_riemannian_zo_momentum_agrees_with_its_reading_version(given):
    assert differences_of_momentum(given) < 1e-8


@pytest.mark.parametrize("mutant", ["no transport", "plain sum"])
def test_wrong_momenta_are_told_apart(mutant):
    assert differences_of_momentum({}, mutant) > 1e-4


def test_step_rules_of_the_riemannian_methods():
    # gamma = (D + p - 1)/p, and (D + p + 1)/p for the Gaussian law
    settled = {name: Drive("riemannian-zo", **given).parameters for name, given in {
        "one": {"L": 2.0}, "three": {"L": 2.0, "probes": 3}, "gaussian": {"L": 2.0, "law": "gaussian"},
    }.items()}  # fmt: skip
    assert MANIFOLD == 18
    assert settled["one"].step_size == pytest.approx(1 / (2 * 18))
    assert settled["three"].step_size == pytest.approx(3 / (2 * 20))
    assert settled["gaussian"].step_size == pytest.approx(1 / (2 * 20))
    bound = Drive("riemannian-zo-momentum", rule="bound", L=2.0).parameters
    assert (1 - bound.beta, bound.step_size) == pytest.approx((1 / 34, 0.618 / 34 / 2))
    assert Drive("riemannian-zo-momentum", L=2.0).parameters.step_size == pytest.approx(1 / (2 * 18))
    assert Drive("lowrank-heavy-ball", L=2.0).parameters.step_size == pytest.approx(0.19 / 2)
    assert Drive("lowrank-heavy-ball").parameters.momentum_rank == RANK
    square = np.sum(X0**2)
    assert Drive("factor-heavy-ball", L=2.0).field("step_size")[0] == pytest.approx(
        0.1 / (2 * (1 + 2 * square))
    )


def joined(*blocks):
    """Orthonormal columns by QR, with the signs of Gram and Schmidt."""
    q, r = np.linalg.qr(np.concatenate(blocks, axis=1))
    return q * np.where(np.diagonal(r) < 0.0, -1.0, 1.0)[: q.shape[1]]


def slope_at(W):
    return wavy_gradient(W.ravel()).reshape(ROWS, COLUMNS)


@pytest.mark.parametrize("low", [1, 2, 4])
def test_lowrank_heavy_ball_agrees_with_its_reading_version(low):
    drive = Drive("lowrank-heavy-ball", step_size=0.05, momentum_rank=low)
    W, M, worst, told = drive.W, np.zeros((ROWS, COLUMNS)), 0.0, 0.0
    for _ in range(25):
        G = slope_at(W)
        U, V = (factor[:, :RANK] for factor in (np.linalg.svd(W)[0], np.linalg.svd(W)[2].T))
        sides = np.linalg.svd(M)
        size = min(low, np.linalg.matrix_rank(M, tol=1e-12))
        left = joined(U, G @ V, sides[0][:, :size])
        right = joined(V, G.T @ U, sides[2].T[:, :size])
        M = 0.9 * M + left @ left.T @ G @ right @ right.T
        told = max(told, np.abs(best(W - 0.05 * (0.9 * M + G)) - best(W - 0.05 * M)).max())
        W, M = best(W - 0.05 * M), best(M, low)
        worst = max(worst, np.abs(drive.advance() - W).max())
    assert worst < 1e-9
    assert told > 1e-3  # against momentum counted twice


DECAYS = {
    "constant": lambda k, p: 1.0,
    "linear": lambda k, p: 1.0 - k / p.steps,
    "inverse-root": lambda k, p: (k + 1) ** -0.5,
}


def adam_step(first, second, slope, k, p):
    first = p.beta1 * first + (1 - p.beta1) * slope
    second = p.beta2 * second + (1 - p.beta2) * slope**2
    scaled = first / (1 - p.beta1 ** (k + 1)) / (np.sqrt(second / (1 - p.beta2 ** (k + 1))) + p.epsilon)
    return first, second, p.step_size * scaled


@pytest.mark.parametrize(
    ("mutant", "decay"),
    [
        ("", "constant"),
        ("", "linear"),
        ("", "inverse-root"),
        ("no decay", "linear"),
        ("no bias correction", "constant"),
        ("moments left behind", "constant"),
    ],
)
def test_lowrank_adam_agrees_with_its_reading_version(mutant, decay):
    # entries of g that vanish by construction hold rounding, which is divided by epsilon
    drive, worst = Drive("lowrank-adam", step_size=0.05, epsilon=1e-3, decay=decay, steps=20), 0.0
    square = (RANK, RANK)
    for k in range(15):
        W, (U, S, V) = drive.W, drive.factors()
        first, root = drive.field("first").reshape(square), drive.field("root").reshape(square)
        G = slope_at(W)
        left, right = joined(U, G @ V), joined(V, G.T @ U)
        A, B = left.T @ U, right.T @ V
        counted = 10**9 if mutant == "no bias correction" else k
        m, v, move = adam_step(
            A @ first @ B.T, (A @ root @ B.T) ** 2, left.T @ G @ right, counted, drive.parameters
        )
        scale = 1.0 if mutant == "no decay" else DECAYS[decay](k, drive.parameters)
        core = A @ S @ B.T - scale * move
        expected = left @ best(core) @ right.T
        worst = max(worst, np.abs(drive.advance() - expected).max())
        P, Q = left.T @ drive.factors()[0], right.T @ drive.factors()[2]
        carried = first if mutant == "moments left behind" else P.T @ m @ Q
        roots = root if mutant == "moments left behind" else np.abs(P.T @ np.sqrt(v) @ Q)
        worst = max(worst, np.abs(drive.field("first").reshape(square) - carried).max())
        worst = max(worst, np.abs(drive.field("root").reshape(square) - roots).max())
    assert worst > 1e-3 if mutant else worst < 1e-9


@pytest.mark.parametrize("mutant", ["", "one factor after the other"])
def test_factor_heavy_ball_agrees_with_its_reading_version(mutant):
    drive, worst = Drive("factor-heavy-ball", step_size=0.005, beta=0.8), 0.0
    U, S, V = drive.factors()
    velocity = [np.zeros_like(each) for each in (U, S, V)]
    for _ in range(25):
        G = slope_at(U @ S @ V.T)
        slopes = (G @ V @ S.T, U.T @ G @ V, G.T @ U @ S)
        velocity = [0.8 * each + slope for each, slope in zip(velocity, slopes, strict=True)]
        U, S = U - 0.005 * velocity[0], S - 0.005 * velocity[1]
        if mutant:
            velocity[2] += slope_at(U @ S @ V.T).T @ U @ S - slopes[2]
        V = V - 0.005 * velocity[2]
        worst = max(worst, np.abs(drive.advance() - U @ S @ V.T).max())
    assert worst > 1e-3 if mutant else worst < 1e-10


def test_factor_adam_agrees_with_its_reading_version():
    drive = Drive("factor-adam", step_size=0.01)
    factors, moments = list(drive.factors()), [(0.0, 0.0)] * 3
    for k in range(25):
        U, S, V = factors
        G = slope_at(U @ S @ V.T)
        for place, slope in enumerate((G @ V @ S.T, U.T @ G @ V, G.T @ U @ S)):
            m, v, move = adam_step(*moments[place], slope, k, drive.parameters)
            moments[place], factors[place] = (m, v), factors[place] - move
        np.testing.assert_allclose(drive.advance(), factors[0] @ factors[1] @ factors[2].T, atol=1e-9)


@pytest.mark.parametrize("name", ["lowrank-heavy-ball", "riemannian-zo"])
def test_on_one_column_they_are_methods_in_all_of_space(name):
    # without a declaration: heavy ball, and descent along directions uniform on the sphere
    made = zobench.problem("quadratic", dim=6, condition=4)
    if name == "riemannian-zo":
        trace = zobench.run(made, name, budget=2, parameters={"radius": 0.1})
        gap = made.x0 - trace.x
        slope = made.gradient(made.x0)
        length = np.linalg.norm(gap)
        # the step is <g, u> u / (6 L) with |u|^2 = 6
        assert length == pytest.approx(slope @ gap / length / made.certificates["L"].value, rel=1e-9)
        return
    x, velocity = np.array(made.x0), np.zeros(6)
    for _ in range(40):
        velocity = 0.9 * velocity + made.gradient(x)
        x = x - 0.05 * velocity
    assert zobench.run(made, name, budget=40, parameters={"step_size": 0.05}).x == pytest.approx(x, rel=1e-11)


@pytest.mark.parametrize("name", [*ZEROTH, *FIRST])
def test_full_rank_and_one_row_are_no_exceptions(name):
    for given in (
        {"rows": 5, "columns": 6, "rank": 5},
        {"rows": 1, "columns": 30},
        {"rows": 30, "columns": 1},
    ):
        trace = zobench.minimize(wavy, X0, jac=wavy_gradient, solver=name, budget=400, parameters=given).trace
        assert trace.best < wavy(X0) - 0.1
        assert np.isfinite(trace.x).all()


@pytest.mark.parametrize("name", [*ZEROTH, *FIRST])
def test_rank_is_kept(name):
    x = zobench.minimize(wavy, X0, jac=wavy_gradient, solver=name, budget=200, parameters=GIVEN).trace.x
    values = np.linalg.svd(x.reshape(ROWS, COLUMNS), compute_uv=False)
    assert values[RANK] < 1e-13 * values[0]


@pytest.mark.parametrize("name", [*ZEROTH, *FIRST])
def test_queries_gradients_and_memory_are_what_the_docstring_says(name):
    method, made = solver(name), zobench.problem("fixed-rank-approximation", rows=40, columns=30, rank=2)
    text = inspect.getmodule(method.step).__doc__
    assert zobench.run(made, name, budget=10).gradients == (10 if method.gradients else 0)
    assert ("1 gradient a step, charged as one query" if method.gradients else "2p queries a step") in text
    vectors, factors = re.search(
        r"Memory: (\d+) vectors, .* of the order\s+of (\d+) r \(m \+ n\)", text
    ).groups()
    dim = 1200 * 1000
    given = method.choose({"rows": 1200, "columns": 1000, "rank": 3})
    sizes = method.sizes(method.settled(given, Setting(dim, 10, Certificates())), dim)
    assert sizes.count(dim) == int(vectors)
    assert sum(size for size in sizes if size != dim) / (3 * 2200) == pytest.approx(int(factors), rel=0.1)


def iterations(made, name, distance, limit, seed=1, **given):
    """Steps until the iterate is that near to the minimiser; infinite if the limit comes first."""
    seen, method = [0], solver(name)

    def near(x):
        seen[0] += 1
        if np.linalg.norm(x - made.x_star) <= distance:
            raise StopIteration

    budget = limit * (1 if method.gradients else 2)
    result = zobench.minimize(made, solver=name, budget=budget, parameters=given, callback=near, seed=seed)
    return seen[0] if result.status == 2 else np.inf


@pytest.mark.parametrize("name", ["factor-heavy-ball", "factor-adam"])
def test_methods_on_factors_never_leave_a_rank_deficient_start(name):
    trace = zobench.run("rank-deficient-start", name, budget=1000, parameters={"step_size": 0.1})
    assert trace.value == trace.best == trace.start == 0.5
    assert not trace.x.any()


def test_lowrank_methods_leave_a_rank_deficient_start():
    # with steps 0.1, beta = 0.9: 210 steps to 1e-6, as on paper; a basis without G V would stall
    made = zobench.problem("rank-deficient-start")
    assert iterations(made, "lowrank-heavy-ball", 1e-6, 1000, step_size=0.1) == 210
    assert zobench.run(made, "lowrank-heavy-ball", budget=1000, parameters={"step_size": 0.1}).value < 1e-10
    assert iterations(made, "lowrank-adam", 1e-3, 5000, step_size=1e-3) < 5000
    for name in ZEROTH:
        assert zobench.run(made, name, budget=1000).value < 1e-10


@pytest.mark.parametrize(("core", "steps"), [(1e-2, 253), (1e-4, 276), (1e-8, 320)])
def test_factors_leave_a_nearly_deficient_start_after_a_logarithmic_time(core, steps):
    made = zobench.problem("rank-deficient-start", core=core)
    assert iterations(made, "factor-heavy-ball", 1e-6, 1000, step_size=0.1) == steps
    assert iterations(made, "lowrank-heavy-ball", 1e-6, 1000, step_size=0.1) == 210


GRIDS = {
    "lowrank-heavy-ball": (0.03, 0.05, 0.1, 0.19, 0.3),
    "factor-heavy-ball": (0.1, 0.2, 0.4),
    "factor-adam": (1e-4, 1e-3, 1e-2),
}


def steps_by_condition(name, conditions, limit):
    """Steps to a tenth of the smallest singular value with the best step size of a grid."""
    found = []
    for condition in conditions:
        made = zobench.problem(
            "fixed-rank-approximation", rows=60, columns=50, rank=3, condition=condition, start="tilted"
        )
        tries = [iterations(made, name, 0.1 / condition, limit, step_size=size) for size in GRIDS[name]]
        found.append(min(tries))
    return np.array(found)


def test_factors_slow_down_with_the_condition_number_and_the_projected_method_does_not():
    # f itself has condition number 1; on paper 13, 112, 12 677 steps against 19, 52, 83
    factors = steps_by_condition("factor-heavy-ball", (1, 10, 100), 15_000)
    adam = steps_by_condition("factor-adam", (1, 10, 100), 15_000)
    within = steps_by_condition("lowrank-heavy-ball", (1, 10, 100), 1000)
    assert 30 < factors[2] / factors[1] < 130  # like its square
    assert adam[2] > 10 * adam[1]
    assert within[2] < 130
    assert np.all(np.diff(within) < 100)  # like its logarithm
    assert factors[2] > 30 * within[2]


def relative_distance(decay, condition, steps, step_size):
    """|W_K - A| of low-rank Adam over the smallest singular value of A."""
    made = zobench.problem(
        "fixed-rank-approximation", rows=60, columns=50, rank=3, condition=condition, start="tilted"
    )
    given = {"step_size": step_size, "decay": decay}
    x = zobench.minimize(made, solver="lowrank-adam", budget=steps, parameters=given).x
    return condition * np.linalg.norm(x - made.x_star)


@pytest.mark.parametrize(
    ("condition", "steps", "size"), [(10, 300, 1e-2), (100, 300, 1e-2), (1000, 3000, 1e-3)]
)
def test_lowrank_adam_comes_as_near_as_its_step_size_lets_it(condition, steps, size):
    assert relative_distance("linear", condition, steps, size) < 0.1
    if condition > 10:
        assert relative_distance("constant", condition, steps, size) > 1.0


@pytest.mark.slow
def test_at_condition_1000_the_factors_do_not_arrive():
    (within,) = steps_by_condition("lowrank-heavy-ball", [1000], 1000)
    assert within < 200
    assert steps_by_condition("factor-adam", [1000], 60_000) > 20 * within
    assert steps_by_condition("factor-heavy-ball", [1000], 60_000) == np.inf


def queries(name, shape, seeds=(1, 2, 3), distance=1e-2, limit=60, **given):
    """Mean number of queries to |W - A| <= distance |A|, from a random start."""
    rows, columns, rank = shape
    condition = given.pop("condition", 1)
    made = zobench.problem(
        "fixed-rank-approximation", rows=rows, columns=columns, rank=rank, condition=condition
    )
    size = distance * np.linalg.norm(made.x_star)
    steps = limit * (rank * (rows + columns - rank) if name in ZEROTH else rows * columns) // 2
    return 2 * np.mean([iterations(made, name, size, steps, seed=seed, **given) for seed in seeds])


def dimension(shape):
    rows, columns, rank = shape
    return rank * (rows + columns - rank)


def slope(sizes, found):
    return np.polyfit(np.log(sizes), np.log(found), 1)[0]


LAW = [(rows, columns, rank) for rows, columns in ((20, 16), (30, 24), (60, 50)) for rank in (1, 2, 4)]


def test_queries_are_proportional_to_the_dimension_of_the_manifold():
    # theory: 2 ln(1/distance^2) = 18.4 of them per dimension once W is near A, and a transient
    sizes = np.array([dimension(shape) for shape in LAW])
    found = np.array([queries("riemannian-zo", shape) for shape in LAW])
    assert 0.9 < slope(sizes, found) < 1.1
    assert np.all((found / sizes > 17) & (found / sizes < 24))
    # and not to that of the whole space
    assert abs(slope([rows * columns for rows, columns, _ in LAW], found) - 1) > 0.1


def test_queries_of_an_ambient_method_are_proportional_to_the_number_of_entries():
    shapes = [(10, 8, 2), (15, 12, 2), (20, 16, 2), (30, 24, 2)]
    sizes = np.array([rows * columns for rows, columns, _ in shapes])
    found = np.array([queries("s2p", shape, rule="gamma", law="sphere") for shape in shapes])
    assert 0.9 < slope(sizes, found) < 1.1
    assert np.all((found / sizes > 17) & (found / sizes < 20))


def test_momentum_neither_helps_nor_harms_much():
    plain = queries("riemannian-zo", (30, 24, 2))
    assert 0.9 < queries("riemannian-zo-momentum", (30, 24, 2)) / plain < 1.2


@pytest.mark.slow
@pytest.mark.parametrize("condition", [1, 100, 10_000])
def test_the_experiment_of_60_by_50(condition):
    shape, seeds = (60, 50, 3), (1, 2, 3, 4)
    plain = queries("riemannian-zo", shape, seeds, limit=200, condition=condition)
    assert 17 < plain / 321 < 26
    ratio = queries("riemannian-zo-momentum", shape, seeds, limit=200, condition=condition) / plain
    assert 0.9 < ratio < 1.2
    slower = (
        queries("riemannian-zo-momentum", shape, seeds, limit=200, condition=condition, beta=0.99) / plain
    )
    assert slower > 1.1
    ambient = queries("s2p", shape, (1, 2), condition=condition, rule="gamma", law="sphere")
    assert 17 < ambient / 3000 < 20
    assert ambient > 6 * plain


@pytest.mark.slow
def test_the_riemannian_method_hardly_feels_the_condition_number():
    # target a tenth of the smallest singular value: a fixed one would hide it
    conditions, found = np.array([3, 10, 30]), []
    for condition in conditions:
        made = zobench.problem(
            "fixed-rank-approximation", rows=60, columns=50, rank=3, condition=condition, start="tilted"
        )
        tries = [iterations(made, "riemannian-zo", 0.1 / condition, 30_000, seed=seed) for seed in (1, 2, 3)]
        found.append(np.mean(tries))
    assert slope(conditions, found) < 0.4


def test_a_start_of_larger_rank_is_refused():
    with pytest.raises(zobench.ZobenchError, match="a start of rank at most 1 is needed"):
        zobench.minimize(
            wavy, X0, solver="riemannian-zo", budget=10, parameters={"rows": ROWS, "columns": COLUMNS}
        )


def test_first_order_methods_ask_for_a_gradient():
    with pytest.raises(zobench.ZobenchError, match="lowrank-adam' is a first-order method"):
        zobench.minimize(wavy, X0, solver="lowrank-adam", budget=10, parameters=GIVEN)
