"""Streams by counter: Philox against its authors' numbers, variates against their laws."""

import math

import numpy as np
import pytest
from scipy import stats

from zobench.stream import (
    BUFFER,
    Stream,
    _block,
    _cosine,
    _philox,
    _sine,
    digest,
    generator,
    hashed_index,
    hashed_word,
    index,
    normals,
    signs,
    uniform,
    word,
)

# kat_vectors of Random123 for philox4x32-10: counter, key, answer
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def draw_normals(stream, out, first, second):
    normals(stream, out)


def draw_in_pieces(stream, out, first, second):
    """Fill `out` by vectors of size `first` (their padding is skipped), the last one shorter."""
    at = 0
    while at < out.size:
        size = min(first, out.size - at)
        normals(stream, out[at : at + size])
        at += size


def draw_signs(stream, out, first, second):
    signs(stream, out)


def draw_uniforms(stream, out, first, second):
    for i in range(out.size):
        out[i] = uniform(stream)


def draw_indices(stream, out, first, second):
    for i in range(out.size):
        out[i] = index(stream, first)


def draw_words(stream, out, first, second):
    """Write words as two halves, which a float64 holds exactly."""
    for i in range(out.size // 2):
        bits = word(stream)
        out[2 * i] = np.float64(bits >> np.uint64(32))
        out[2 * i + 1] = np.float64(bits & np.uint64(0xFFFFFFFF))


def draw_hashed(stream, out, first, second):
    for i in range(out.size):
        out[i] = hashed_index(first, i, second)


def hexes(text):
    return [np.uint64(int(part, 16)) for part in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_its_authors_known_answers(counter, key, answer):
    assert [int(w) for w in _philox(*hexes(counter), *hexes(key))] == [int(w) for w in hexes(answer)]


def test_words_of_a_stream_are_blocks_of_philox(draw):
    stream = Stream("known", "words")
    key, nonce = (np.uint64(int(stream.record[name][0]) % 2**64) for name in ("key", "nonce"))
    halves = draw(draw_words, stream, 2 * 700).astype(np.uint64)
    words = (halves[::2] << np.uint64(32)) | halves[1::2]
    expected = [w for j in range(350) for w in _block(key, nonce, np.uint64(j) | np.uint64(1 << 63))]
    assert np.array_equal(words, np.array(expected, dtype=np.uint64))


def test_first_numbers_of_a_stream_never_change():
    # Every recorded run rests on these: a change of theirs is a new version of `RunKey`.
    assert digest("a run", "solver") == (-5437247961891556348, -4776677208525622244)
    first = Stream("a run", "solver").normals(4)
    assert [value.hex() for value in first.tolist()] == [
        "-0x1.4dc723eff5e14p+0",
        "-0x1.6e5cb2f9a70c7p-2",
        "0x1.58076ae25acc3p-3",
        "0x1.7897f789b8edfp-2",
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, BUFFER - 1, BUFFER, BUFFER + 1, 300, 1001])
def test_pieces_of_any_size_are_the_same_numbers_place_by_place(draw, size):
    whole = Stream("pieces", "solver").normals(6000)
    stream = Stream("pieces", "solver")
    count = 5 * size + size // 2 + 1
    got = draw(draw_in_pieces, stream, count, size)
    place, at = 0, 0
    while at < count:
        piece = min(size, count - at)
        assert np.array_equal(got[at : at + piece], whole[place : place + piece])
        at, place = at + piece, place + piece + piece % 2
    assert int(stream.record["normal_at"][0]) == place


def test_mixed_sizes_cross_the_buffer_and_go_round_it(draw):
    whole, stream, place = Stream("mixed", "solver").normals(4000), Stream("mixed", "solver"), 0
    for size in (3, 250, 5, 257, 1, 255, 600, 2, 513, 256, 100, 300, 7):
        assert np.array_equal(draw(draw_normals, stream, size), whole[place : place + size])
        place += size + size % 2


def demand_standard_normal(sample):
    """Moments within five standard errors, the law by Kolmogorov and Smirnov, and the tails by counting."""
    count = sample.size
    for power, variance in ((1, 1.0), (2, 2.0), (3, 15.0), (4, 96.0), (6, 10395.0 - 15.0**2)):
        expected = 0.0 if power % 2 else float(math.prod(range(1, power, 2)))
        z = (np.mean(sample**power) - expected) / math.sqrt(variance / count)
        assert abs(z) < 5, f"moment {power} is {z:.1f} standard errors away"
    assert stats.kstest(sample, "norm").pvalue > 1e-6
    for edge in (2.0, 3.0, 4.0):
        p = 2.0 * stats.norm.sf(edge)
        beyond = np.count_nonzero(np.abs(sample) > edge)
        assert abs(beyond - count * p) < 5 * math.sqrt(count * p) + 1, f"{beyond} beyond {edge}"


def test_normals_have_the_normal_law():
    sample = Stream("law", "solver").normals(500_000)
    demand_standard_normal(sample)
    assert np.abs(sample).max() < 8.6


@pytest.mark.parametrize(
    "spoil",
    [
        lambda z: 1.01 * z,
        np.abs,
        lambda z: z + 0.01,
        lambda z: np.clip(z, -3.2, 3.2),
        lambda z: np.round(z, 1),
    ],
    ids=["scale", "sign", "shift", "tail", "grid"],
)
def test_a_wrong_law_is_noticed(spoil):
    with pytest.raises(AssertionError):
        demand_standard_normal(spoil(Stream("law", "solver").normals(500_000)))


def test_normals_are_uncorrelated_near_and_far():
    sample = Stream("lags", "solver").normals(400_000)
    bound = 5 / math.sqrt(sample.size)
    for lag in (1, 2, 3, BUFFER, BUFFER // 2):
        for f in (lambda z: z, lambda z: (z**2 - 1) / math.sqrt(2)):
            assert abs(np.mean(f(sample[:-lag]) * f(sample[lag:]))) < bound


def test_both_of_a_pair_fall_evenly_into_the_octants():
    one, two = Stream("octants", "solver").normals(200_000).reshape(-1, 2).T
    octant = (one > 0) * 4 + (two > 0) * 2 + (np.abs(one) > np.abs(two))
    assert stats.chisquare(np.bincount(octant, minlength=8)).pvalue > 1e-6


def test_polynomials_agree_with_the_library_to_the_last_bits():
    # the plain functions use intrinsics; the same formulas are reached through a pair of normals
    stream = Stream("polynomials", "solver")
    key, nonce = (np.uint64(int(stream.record[name][0]) % 2**64) for name in ("key", "nonce"))
    got = stream.normals(4000).reshape(-1, 2)
    for j in range(2000):
        one, two = _block(key, nonce, np.uint64(j))
        u = 1.0 - int(one >> np.uint64(12)) / 2.0**52
        turn = int(two >> np.uint64(12)) / 2.0**52 * math.pi / 4
        radius = math.sqrt(-2.0 * math.log(u))
        pair = sorted([radius * math.cos(turn), radius * math.sin(turn)])
        assert sorted(np.abs(got[j])) == pytest.approx(pair, rel=4e-15, abs=1e-300)
    assert _sine(0.5) == pytest.approx(math.sin(0.5), rel=3e-16)
    assert _cosine(0.5) == pytest.approx(math.cos(0.5), rel=3e-16)


@pytest.mark.parametrize(
    ("one", "two"),
    [(("a", "solver"), ("b", "solver")), (("a", "solver"), ("a", "noise")), (("a1", "0"), ("a", "10"))],
)
def test_keys_and_purposes_give_independent_streams(one, two):
    first, second = (Stream(*names).normals(200_000) for names in (one, two))
    assert abs(np.mean(first * second)) < 5 / math.sqrt(first.size)
    assert not np.intersect1d(first, second).size


def test_generators_differ_by_key_and_purpose_and_repeat():
    assert generator("a", "instance").random() == generator("a", "instance").random()
    assert generator("a", "instance").random() != generator("b", "instance").random()
    assert generator("a", "instance").random() != generator("a", "start").random()


def test_signs_are_fair_and_independent_at_every_place(draw):
    dim, count = 130, 4000  # two words and a part of a third
    stream = Stream("signs", "solver")
    sample = np.array([draw(draw_signs, stream, dim) for _ in range(count)])
    assert set(np.unique(sample)) == {-1.0, 1.0}
    covariance = sample.T @ sample / math.sqrt(count)
    np.fill_diagonal(covariance, 0.0)
    # 8,385 pairs: 6 standard errors
    assert np.abs(covariance).max() < 6
    assert np.abs(sample.sum(axis=0) / math.sqrt(count)).max() < 6
    assert int(stream.record["word_at"][0]) == 3 * count


def test_uniforms_are_uniform_on_their_grid(draw):
    sample = draw(draw_uniforms, Stream("uniform", "solver"), 200_000)
    assert sample.min() >= 0
    assert sample.max() < 1
    assert np.array_equal(np.ldexp(sample, 53) % 1, np.zeros(sample.size))
    assert stats.kstest(sample, "uniform").pvalue > 1e-6
    assert stats.kstest(np.ldexp(sample, 20) % 1, "uniform").pvalue > 1e-6  # the low bits too


@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_indices_are_uniform(draw, count):
    sample = draw(draw_indices, Stream("index", "solver"), 100_000, count).astype(int)
    assert sample.min() >= 0
    assert sample.max() < count
    if count > 1:
        assert stats.chisquare(np.bincount(sample, minlength=count)).pvalue > 1e-6


def test_hashed_numbers_are_functions_of_key_and_place(draw):
    stream = Stream("hashed", "solver")
    one, two = (draw(draw_hashed, stream, 50_000, key, 10) for key in (5, 6))
    assert np.array_equal(one, draw(draw_hashed, stream, 50_000, 5, 10))
    for sample in (one, two):
        assert stats.chisquare(np.bincount(sample.astype(int), minlength=10)).pvalue > 1e-6
    table = stats.contingency.crosstab(one, two).count
    assert stats.chi2_contingency(table).pvalue > 1e-6
    assert hashed_word(5, 0) != hashed_word(5, 1)
