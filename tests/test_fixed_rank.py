"""Kernels for matrices of rank r against NumPy, and the laws that the solvers' theorems need."""

from typing import NamedTuple

import numpy as np
import pytest

import zobench
from zobench.geometry.factors import factored, shaped, start_point
from zobench.geometry.fixed_rank import (
    augment,
    dense,
    draw_tangent,
    factor_gradient,
    frame,
    frame_size,
    manifold_dim,
    parts,
    point_size,
    project,
    retract,
    spread,
    transport,
    truncate,
)
from zobench.geometry.manifold import Manifold
from zobench.geometry.orthonormal import (
    add_product,
    add_sandwich,
    complete,
    decompose,
    extend,
    galerkin,
    orthonormalise,
    times,
    times_transposed,
)
from zobench.solver import Setting
from zobench.stream import Stream, normals

# tall, wide, square, r = min(m, n), one column, one row, one number; r = 1 ... 5
SHAPES = [
    (7, 5, 1),
    (5, 7, 2),
    (6, 6, 3),
    (9, 8, 4),
    (9, 5, 5),
    (5, 9, 5),
    (4, 4, 4),
    (8, 1, 1),
    (1, 6, 1),
    (1, 1, 1),
]
CORES = ["regular", "singular", "zero"]


class Case:
    """A point, a tangent vector at it, and both as NumPy sees them."""

    def __init__(self, shape, core="regular", seed=0):
        self.rng = np.random.default_rng(seed)
        self.shape = rows, columns, rank = shape
        self.U, self.V = self.orthonormal(rows), self.orthonormal(columns)
        self.S = self.rng.standard_normal((rank, rank))
        if core == "singular":
            self.S[-1] = 0.0
        elif core == "zero":
            self.S[:] = 0.0
        self.point = pack(self.S, self.U, self.V)
        self.W = self.U @ self.S @ self.V.T
        self.Z = self.rng.standard_normal((rows, columns))
        self.xi = projected(self.U, self.V, self.Z)
        self.tangent = np.full(self.point.size, np.nan)
        # scratch full of NaN: nothing may be read before it is written
        self.scratch = np.full(frame_size(rows, columns, 2 * rank) + point_size(*shape), np.nan)
        project(self.point, self.Z.ravel(), shape, self.tangent, self.scratch)

    def orthonormal(self, size):
        return np.linalg.qr(self.rng.standard_normal((size, self.shape[2])))[0]

    def matrix(self, point, kernel=dense):
        out = np.full(self.W.size, np.nan)
        kernel(*([self.point] if kernel is spread else []), point, self.shape, out, self.scratch)
        return out.reshape(self.W.shape)

    def retracted(self, scale, tangent=None):
        out = np.full(self.point.size, np.nan)
        lost = retract(
            self.point, self.tangent if tangent is None else tangent, scale, self.shape, out, self.scratch
        )
        return out, lost


def pack(core, left, right):
    return np.concatenate([core.ravel(), left.T.ravel(), right.T.ravel()])


def projected(U, V, Z):
    return U @ U.T @ Z + Z @ V @ V.T - U @ U.T @ Z @ V @ V.T


def best(matrix, rank):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ vt[:rank], s


def gram_error(rows):
    return np.abs(rows @ rows.T - np.eye(rows.shape[0])).max()


@pytest.fixture(params=[(shape, core) for shape in SHAPES for core in CORES], ids=str)
def case(request):
    return Case(*request.param)


def test_projection_and_dense_matrices(case):
    np.testing.assert_allclose(case.matrix(case.tangent, spread), case.xi, atol=1e-14)
    np.testing.assert_allclose(case.matrix(case.point), case.W, atol=1e-14)
    _, aside, across = parts(case.tangent, case.shape)
    assert np.abs(aside @ case.U).max() < 1e-14
    assert np.abs(across @ case.V).max() < 1e-14


@pytest.mark.parametrize("scale", [-0.7, 1e-6, 30.0])
def test_retraction_is_the_best_approximation_of_rank_r(case, scale):
    rank = case.shape[2]
    out, lost = case.retracted(scale)
    expected, values = best(case.W + scale * case.xi, rank)
    size = max(1.0, values[0])
    core, left, right = parts(out, case.shape)
    np.testing.assert_allclose(case.matrix(out), expected, atol=1e-12 * size)
    assert max(gram_error(left), gram_error(right)) < 1e-13
    np.testing.assert_allclose(np.diagonal(core), values[:rank], atol=1e-13 * size)
    assert np.count_nonzero(core - np.diag(np.diagonal(core))) == 0
    assert lost == pytest.approx(np.sqrt(np.sum(values[rank:] ** 2)), abs=1e-13 * size)
    # in place
    retract(case.point, case.tangent, scale, case.shape, case.point, case.scratch)
    assert np.array_equal(case.point, out)


def test_wrong_retractions_are_told_apart():
    # of the core [[S + M, R_v^T], [R_u, 0]] a block is missing, or the factors R
    case = Case((7, 6, 2))
    right = case.matrix(case.retracted(-0.7)[0])
    for wrong in ("aside", "across", "both", "norms"):
        tangent = case.tangent.copy()
        _, aside, across = parts(tangent, case.shape)
        if wrong in ("aside", "both"):
            aside[:] = 0.0
        if wrong in ("across", "both"):
            across[:] = 0.0
        if wrong == "norms":
            orthonormalise(aside, np.zeros(2), np.zeros(2))
        assert np.abs(case.matrix(case.retracted(-0.7, tangent)[0]) - right).max() > 0.1


def test_a_point_that_lost_orthogonality_is_mended():
    case = Case((8, 6, 2))
    case.point += 1e-4 * case.rng.standard_normal(case.point.size)
    core, u, v = (part.copy() for part in parts(case.point, case.shape))
    out, _ = case.retracted(0.0)
    np.testing.assert_allclose(case.matrix(out), u.T @ core @ v, atol=1e-14)
    assert max(gram_error(part) for part in parts(out, case.shape)[1:]) < 1e-14


def test_what_is_not_finite_becomes_nan_throughout():
    case = Case((5, 4, 2))
    case.tangent[3] = np.nan
    assert np.isnan(case.retracted(1.0)[0]).all()
    assert np.isfinite(case.retracted(1.0, np.zeros_like(case.tangent))[0]).all()
    assert np.isnan(case.retracted(1e200, np.ones_like(case.tangent))[0]).all()


@pytest.mark.parametrize("shape", [(7, 5, 1), (8, 9, 3), (12, 11, 5)])
def test_the_retraction_is_of_second_order(shape):
    # (R1) R(t xi) = W + t xi + t^2 Up S^-1 Vp^T + O(t^3)
    case = Case(shape)
    case.S += 3.0 * np.eye(shape[2])
    case.point = pack(case.S, case.U, case.V)
    W, (_, aside, across) = case.U @ case.S @ case.V.T, parts(case.tangent, shape)
    bend = aside.T @ np.linalg.inv(case.S) @ across
    gaps = [
        np.linalg.norm(case.matrix(case.retracted(t)[0]) - W - t * case.xi - t * t * bend)
        for t in (2e-2, 1e-2, 5e-3)
    ]
    assert 7.0 < gaps[0] / gaps[1] < 9.0
    assert 7.5 < gaps[1] / gaps[2] < 8.5
    without = [np.linalg.norm(case.matrix(case.retracted(t)[0]) - W - t * case.xi) for t in (1e-2, 5e-3)]
    assert without[0] / without[1] < 4.5  # the term is there


def test_what_the_retraction_moves_is_bounded(case):
    # (R2) |E| <= |xi|; if |M| < s_r, |E| <= |Up| |Vp| / (s_r - |M|) <= |xi|^2 / (2 (s_r - |M|))
    middle, aside, across = parts(case.tangent, case.shape)
    smallest = np.linalg.svd(case.S, compute_uv=False)[-1]
    for scale in (1e-3, 0.1, 1.0, 10.0):
        size = scale * np.linalg.norm(case.xi)
        error = np.linalg.norm(case.matrix(case.retracted(scale)[0]) - case.W - scale * case.xi)
        assert error <= size * (1 + 1e-12) + 1e-14
        room = smallest - scale * np.linalg.norm(middle, 2)
        if room > 1e-6:
            bound = scale**2 * np.linalg.norm(aside) * np.linalg.norm(across) / room
            assert error <= bound * (1 + 1e-9) + 1e-13
            assert bound <= size**2 / (2 * room) * (1 + 1e-12)


def test_transport_is_the_projection(case):
    other = Case(case.shape, seed=1)
    carried = case.tangent.copy()
    transport(case.point, other.point, carried, case.shape, case.scratch)
    expected = projected(other.U, other.V, case.xi)
    np.testing.assert_allclose(other.matrix(carried, spread), expected, atol=1e-14)
    assert np.linalg.norm(carried) <= np.linalg.norm(case.tangent) * (1 + 1e-12)
    assert np.linalg.norm(carried) == pytest.approx(np.linalg.norm(expected), rel=1e-12, abs=1e-14)


def test_momentum_left_in_the_old_coordinates_is_told_apart():
    # the mutant reads M, Up, Vp of the old bases in the new ones
    case, other = Case((7, 6, 2)), Case((7, 6, 2), seed=1)
    stale = other.matrix(case.tangent, spread)
    assert np.abs(stale - projected(other.U, other.V, case.xi)).max() > 0.1


ISOTROPY = (5, 4, 2)


def tangents(stream, out, first, second):
    """Draw a point of shape ISOTROPY, then `first` tangent vectors at it; second: whether on the sphere."""
    size = point_size(5, 4, 2)
    point = out[:size]
    normals(stream, point)
    core, left, right = parts(point, (5, 4, 2))
    orthonormalise(left, core[0], core[1])
    orthonormalise(right, core[0], core[1])
    for k in range(first):
        draw_tangent(stream, point, (5, 4, 2), second != 0, out[(k + 1) * size : (k + 2) * size])


def second_moment(point, samples):
    """E xi xi^T over samples of tangent vectors, and the projection P as a matrix."""
    rows, columns, _ = ISOTROPY
    _, left, right = parts(point, ISOTROPY)
    table = np.full((point.size, rows * columns), np.nan)  # the matrix of each coordinate
    for unit, row in zip(np.eye(point.size), table, strict=True):
        spread(point, unit, ISOTROPY, row, np.empty(point.size))
    P = np.array(
        [projected(left.T, right.T, unit.reshape(rows, columns)).ravel() for unit in np.eye(rows * columns)]
    )
    return table.T @ (samples.T @ samples / len(samples)) @ table, P


COUNT = 40_000
# five standard deviations of an entry's mean; entries of xi xi^T have a variance of 2 at most
ROOM = 5 * np.sqrt(2 / COUNT)


@pytest.mark.parametrize("sphere", [0, 1])
def test_tangent_draws_are_isotropic(draw, sphere):
    size = point_size(*ISOTROPY)
    out = draw(tangents, Stream("isotropy", "solver"), (COUNT + 1) * size, COUNT, sphere).reshape(-1, size)
    moment, P = second_moment(out[0], out[1:])
    assert np.abs(moment - P).max() < ROOM
    norms = np.sum(out[1:] ** 2, axis=1)
    dim = manifold_dim(*ISOTROPY)
    assert dim == 14 == round(np.trace(P))
    if sphere:
        np.testing.assert_allclose(norms, dim, rtol=1e-13)
    else:
        # chi-squared with 14 degrees of freedom
        assert np.mean(norms) == pytest.approx(dim, abs=5 * np.sqrt(2 * dim / COUNT))
        assert np.var(norms) == pytest.approx(2 * dim, rel=0.1)


@pytest.mark.parametrize("mutant", ["nothing projected", "factors perturbed"])
def test_wrong_laws_of_tangent_draws_are_rejected(draw, mutant):
    size = point_size(*ISOTROPY)
    point = draw(tangents, Stream("isotropy", "solver"), size)
    samples = np.random.default_rng(0).standard_normal((COUNT, size))
    if mutant == "factors perturbed":
        # independent normal dU, dS, dV with S = I: U M V^T + Up V^T + U Vp^T with M = dS + U^T dU + dV^T V
        _, left, right = parts(point, ISOTROPY)
        aside = samples[:, 4:14].reshape(-1, 2, 5)
        across = samples[:, 14:].reshape(-1, 2, 4)
        samples[:, :4] += (
            np.einsum("ski,li->slk", aside, left) + np.einsum("ski,li->skl", across, right)
        ).reshape(-1, 4)
        aside -= np.einsum("ski,li,lj->skj", aside.copy(), left, left)
        across -= np.einsum("ski,li,lj->skj", across.copy(), right, right)
    moment, P = second_moment(point, samples)
    assert np.abs(moment - P).max() > 10 * ROOM


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (4, 4), (6, 3), (3, 6), (10, 10), (15, 15)], ids=str)
@pytest.mark.parametrize("kind", ["normal", "rank 1", "zero", "graded", "equal"])
def test_singular_values_of_small_matrices(shape, kind):
    (p, q), rng = shape, np.random.default_rng(3)
    matrix = rng.standard_normal(shape)
    if kind == "rank 1":
        matrix = np.outer(matrix[:, 0], matrix[0])
    elif kind == "zero":
        matrix = np.zeros(shape)
    elif kind == "graded":
        matrix *= np.geomspace(1, 1e-14, p)[:, None]
    elif kind == "equal":
        matrix = np.eye(p, q)
    small = min(shape)
    core, turn, values = matrix.copy(), np.full((p, p), np.nan), np.full(small, np.nan)
    decompose(core, turn, values, np.full(p + q, np.nan))
    u, v = turn[:small], core[:small]
    size = max(1.0, np.linalg.norm(matrix))
    np.testing.assert_allclose(u.T @ np.diag(values) @ v, matrix, atol=1e-14 * size)
    np.testing.assert_allclose(values, np.linalg.svd(matrix, compute_uv=False), atol=1e-14 * size)
    assert max(gram_error(turn), gram_error(v)) < 1e-13


def test_bases_grow_by_what_is_new():
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((6, 9))
    columns[1] = 0.0
    columns[3] = 2.0 * columns[0] - columns[2]
    columns[4] *= 1e-150
    columns[5] = columns[0] + 1e-9 * columns[5]
    basis, coefficients = np.full((6, 9), np.nan), np.full((6, 6), np.nan)
    count = extend(basis, 0, columns[:4], coefficients[:4])
    assert count == 2
    count = extend(basis, count, columns[4:], coefficients[4:])
    assert count == 4
    assert gram_error(basis[:4]) < 1e-14
    np.testing.assert_allclose(coefficients[:, :4] @ basis[:4], columns, atol=1e-14)
    complete(basis, count, np.zeros(6))
    assert gram_error(basis) < 1e-14


def test_a_full_basis_takes_nothing_more():
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((6, 4))
    basis, coefficients = np.full((4, 4), np.nan), np.full((6, 4), np.nan)
    assert extend(basis, 0, columns, coefficients) == 4
    np.testing.assert_allclose(coefficients @ basis, columns, atol=1e-14)


def test_nearly_dependent_rows_become_orthonormal():
    # one pass of Gram and Schmidt leaves an angle of 1e-4 here
    rows = np.ones((3, 50))
    rows[1:] += 1e-12 * np.random.default_rng(0).standard_normal((2, 50))
    orthonormalise(rows, np.zeros(3), np.zeros(3))
    assert gram_error(rows) < 1e-14


def test_rows_made_afresh_are_the_same_unit_vectors():
    rows = np.zeros((3, 4))
    rows[0, 1] = 5.0
    values = np.zeros(3)
    orthonormalise(rows, values, np.zeros(3))
    assert np.array_equal(rows, np.eye(4)[[1, 0, 2]])
    assert values.tolist() == [5.0, 0.0, 0.0]


def test_products():
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((5, 7)), rng.standard_normal((7, 6)), rng.standard_normal((6, 4))
    out = np.ones((5, 6))
    add_product(out, a, b)
    np.testing.assert_allclose(out, 1.0 + a @ b, rtol=1e-13)
    out = np.ones((7, 4))
    add_sandwich(out, 2.0, a, a[:, :6], c)
    np.testing.assert_allclose(out, 1.0 + 2.0 * a.T @ a[:, :6] @ c, rtol=1e-12)
    z, left, right = rng.standard_normal((6, 5)), rng.standard_normal((3, 6)), rng.standard_normal((2, 5))
    out = np.zeros((2, 6))
    times(z, right, out)
    np.testing.assert_allclose(out, (z @ right.T).T, rtol=1e-13)
    out = np.full((3, 5), np.nan)
    times_transposed(z, left, out)
    np.testing.assert_allclose(out, left @ z, rtol=1e-13)
    out = np.zeros((3, 2))
    galerkin(z, left, right, np.full(12, np.nan), out)
    np.testing.assert_allclose(out, left @ z @ right.T, rtol=1e-12)


def test_augmented_bases_hold_the_projected_gradient(case):
    # so that the part of Z which they see is at least as large as P(W) Z
    rows, columns, rank = case.shape
    views = frame(case.scratch, rows, columns, 2 * rank)
    one, two = augment(case.point, case.Z, case.shape, views, np.full(rank * (rows + columns), np.nan))
    left, right = views[0][:one], views[1][:two]
    seen = left.T @ left @ case.xi @ right.T @ right
    np.testing.assert_allclose(seen, case.xi, atol=1e-13)
    assert np.linalg.norm(left @ case.Z @ right.T) >= np.linalg.norm(case.xi) * (1 - 1e-12)


def test_truncation_pads_with_zeros_and_says_what_is_lost():
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((size, size)))[0] for size in (3, 2))
    matrix, point = rng.standard_normal((3, 2)), np.full(point_size(3, 2, 3), np.nan)
    args = (np.full((3, 3), np.nan), np.zeros(5), np.zeros(5), left, right, point)
    assert truncate(matrix.copy(), *args, (3, 2, 3)) == 0.0
    core, u, v = parts(point, (3, 2, 3))
    np.testing.assert_allclose(u.T @ core @ v, left.T @ matrix @ right, atol=1e-14)
    assert not u[2].any()
    values = np.linalg.svd(matrix, compute_uv=False)
    assert truncate(matrix.copy(), *args, (3, 2, 1)) == pytest.approx(values[1], rel=1e-12)


def test_factor_gradient_is_that_of_the_product(case):
    out = np.full(case.point.size, np.nan)
    table = np.full(case.shape[2] * sum(case.shape[:2]), np.nan)
    factor_gradient(case.point, case.Z, case.shape, out, table)
    expected = (case.U.T @ case.Z @ case.V, case.Z @ case.V @ case.S.T, case.Z.T @ case.U @ case.S)
    np.testing.assert_allclose(out, pack(*expected), atol=1e-13)
    # sandwich: s_r^2 |P Z|^2 <= |gradient|^2 <= (1 + 2 s_1^2) |P Z|^2
    values, square = np.linalg.svd(case.S, compute_uv=False), np.sum(case.xi**2)
    assert (
        values[-1] ** 2 * square * (1 - 1e-9)
        <= np.sum(out**2)
        <= (1 + 2 * values[0] ** 2) * square * (1 + 1e-9)
    )


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_starts_are_factored(rank):
    # a start of a rank lower than that of the factors gets the rest of its bases made up
    rng = np.random.default_rng(0)
    W = rng.standard_normal((7, rank)) @ rng.standard_normal((rank, 5))
    U, S, V = factored(W.ravel(), 7, 5, 3)
    np.testing.assert_allclose(U @ S @ V.T, W, atol=1e-13)
    assert max(gram_error(U.T), gram_error(V.T)) < 1e-14
    for one, other in zip((U, S, V), factored(W.ravel(), 7, 5, 3), strict=True):
        assert np.array_equal(one, other)


def test_starts_of_any_scale_and_shape_are_factored():
    for rows, columns in ((6, 1), (1, 6), (4, 4)):
        for scale in (1e-200, 1.0, 1e100):
            W = scale * np.random.default_rng(1).standard_normal((rows, columns))
            U, S, V = factored(W.ravel(), rows, columns, min(rows, columns))
            assert np.abs(U @ S @ V.T - W).max() <= 1e-13 * scale


def test_a_start_of_larger_rank_is_refused():
    with pytest.raises(zobench.ZobenchError, match=r"a start of rank at most 2 is needed.*or a larger rank"):
        factored(np.eye(3).ravel(), 3, 3, 2)


class Three(NamedTuple):
    rows: int = 0
    columns: int = 0
    rank: int = 0


DECLARED = Manifold(np.eye(4, 2), np.zeros((2, 2)), np.eye(3, 2))


def filled(declared, dim=12, **given):
    setting = Setting(dim, 1, {}, manifold=declared)
    return tuple(shaped(Three(**given), setting, "demo"))


def test_shape_and_rank_come_from_the_declaration():
    assert filled(DECLARED) == (4, 3, 2)
    assert filled(DECLARED, rank=1) == (4, 3, 1)
    assert filled(DECLARED, rows=6) == (6, 2, 1)
    assert filled(None) == (12, 1, 1)
    assert filled(None, columns=3, rank=3) == (4, 3, 3)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"rows": 5},
            r"solver 'demo': rows \* columns must be the dimension 12, got rows = 5 and columns = 2",
        ),
        ({"rows": 4, "columns": 4}, "got rows = 4 and columns = 4"),
        ({"rank": 4}, "solver 'demo': rank must be <= 3, the smaller of rows = 4 and columns = 3, got 4"),
    ],
)
def test_impossible_shapes_are_refused(given, told):
    with pytest.raises(zobench.ZobenchError, match=told):
        filled(DECLARED, **given)


def test_declared_factors_serve_where_the_start_is_declared():
    # the product says nothing of U and V where S = 0
    parameters, setting = Three(4, 3, 2), Setting(12, 1, {}, manifold=DECLARED)
    core, left, right = parts(start_point(parameters, setting, DECLARED.start), (4, 3, 2))
    assert not core.any()
    assert np.array_equal(left.T, DECLARED.left)
    assert np.array_equal(right.T, DECLARED.right)
    other = np.zeros(12)
    other[5] = 2.0
    core, left, right = parts(start_point(parameters, setting, other), (4, 3, 2))
    np.testing.assert_allclose((left.T @ core @ right).ravel(), other, atol=1e-15)
