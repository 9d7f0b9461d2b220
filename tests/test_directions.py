"""Direction laws against the constants that theorems use."""

import math

import numpy as np
import pytest
from scipy import stats

from zobench.directions import LAWS, constants
from zobench.directions import draw as draw_direction
from zobench.stream import Stream

COUNT = 40_000
DIMS = (1, 2, 5, 16)


def draw_many(stream, out, law, dim):
    for i in range(out.size // dim):
        draw_direction(stream, law, out[i * dim : (i + 1) * dim])


def sample(draw, law, dim):
    stream = Stream(f"{law} {dim}", "directions")
    return draw(draw_many, stream, COUNT * dim, LAWS.index(law), dim).reshape(COUNT, dim)


def gradients(dim):
    """Sparse, two equal parts, dense: where the bounds are met and where they are loose."""
    first = np.eye(dim)[0]
    pair = np.zeros(dim)
    pair[: min(2, dim)] = math.sqrt(1 / min(2, dim))
    dense = np.sin(1.0 + np.arange(dim))
    return [first, pair, dense / np.linalg.norm(dense)]


def error(values):
    return values.std() / math.sqrt(values.size)


def demand_constants(s, law, dim):
    """E|<g,s>| >= m1 |g|, with equality where the table says exact; E|s|^2 = m2; both by z-tests at 5."""
    told = constants(law, dim)
    for g in gradients(dim):
        projected = np.abs(s @ g)
        norm = np.abs(g).sum() if told.norm == "sum" else np.linalg.norm(g)
        slack, spread = projected.mean() - told.m1 * norm, 5 * error(projected) + 1e-12
        assert slack > -spread, f"E|<g,s>| is below m1 |g| by {-slack:.3g}"
        exact = (
            law != "rademacher"
            or dim == 1
            or (dim > 1 and np.allclose(np.sort(np.abs(g))[-2:], math.sqrt(0.5)))
        )
        if exact:
            assert slack < spread, f"E|<g,s>| exceeds m1 |g| by {slack:.3g}"
    squares = (s**2).sum(axis=1)
    assert abs(squares.mean() - told.m2) < 5 * error(squares) + 1e-9
    if told.fixed_norm:
        assert np.allclose(squares, told.m2, rtol=1e-12)


def demand_isotropy(s, law, dim):
    """E s = 0 but for the coordinate law, which draws e_i and not -e_i; E s s^T = (m2 / d) I."""
    told = constants(law, dim)
    if law != "coordinate":
        assert (np.abs(s.mean(axis=0)) < 6 * s.std(axis=0) / math.sqrt(len(s)) + 1e-12).all()
    outer = s[:, :, None] * s[:, None, :]
    spread = 6 * outer.std(axis=0) / math.sqrt(len(s)) + 1e-9
    assert (np.abs(outer.mean(axis=0) - told.m2 / dim * np.eye(dim)) < spread).all()


def demand_law(s, law, dim):
    demand_constants(s, law, dim)
    demand_isotropy(s, law, dim)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("law", LAWS)
def test_a_law_has_its_constants(draw, law, dim):
    demand_law(sample(draw, law, dim), law, dim)


@pytest.mark.parametrize("law", [law for law in LAWS if constants(law, 5).rotation_invariant])
def test_a_rotation_invariant_law_looks_the_same_from_every_side(draw, law):
    s = sample(draw, law, 5)
    _, _, dense = gradients(5)
    half = COUNT // 2
    assert stats.ks_2samp(s[:half, 0], s[half:] @ dense).pvalue > 1e-6


@pytest.mark.parametrize("law", ["rademacher", "coordinate"])
def test_a_law_that_is_not_rotation_invariant_does_not(draw, law):
    s = sample(draw, law, 5)
    _, _, dense = gradients(5)
    assert not constants(law, 5).rotation_invariant
    assert stats.ks_2samp(s[: COUNT // 2, 0], s[COUNT // 2 :] @ dense).pvalue < 1e-6


def test_the_table_has_the_values_of_its_formulas():
    assert constants("gaussian", 7).m1 == pytest.approx(math.sqrt(2 / math.pi))
    assert constants("unit-sphere", 2).m1 == pytest.approx(2 / math.pi)
    assert constants("unit-sphere", 3).m1 == pytest.approx(1 / 2)
    assert constants("sphere", 3).m1 == pytest.approx(math.sqrt(3) / 2)
    for law in LAWS:
        assert constants(law, 1).m1 in (pytest.approx(1.0), pytest.approx(math.sqrt(2 / math.pi)))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("mutant", ["longer", "shorter", "tilted", "first coordinate only", "never the last"])
def test_a_wrong_law_is_noticed(draw, law, mutant):
    dim = 5
    s = sample(draw, law, dim)
    wrong = {
        "longer": 1.03 * s,
        "shorter": 0.97 * s,
        "tilted": s * np.linspace(1.1, 0.9, dim),
        "first coordinate only": s * (np.arange(dim) == 0),
        "never the last": s * (np.arange(dim) < dim - 1),
    }[mutant]
    with pytest.raises(AssertionError):
        demand_law(wrong, law, dim)


def test_draws_of_a_law_do_not_depend_on_the_other_streams_place(draw):
    stream = Stream("paired", "directions")
    one = draw(draw_many, stream, 50, LAWS.index("gaussian"), 5)
    stream = Stream("paired", "directions")
    draw(draw_many, stream, 50, LAWS.index("rademacher"), 5)  # takes words, not normals
    assert np.array_equal(one, draw(draw_many, stream, 50, LAWS.index("gaussian"), 5))
