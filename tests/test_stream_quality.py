"""The usual tests of a generator, on the streams as runs use them, and generators that each test must reject.

The keys are fixed, so that every test passes or fails for good.  Bounds lie at 5 to 6 standard errors: an
honest generator with other keys fails a test here about once in ten thousand times.
"""

import math

import numpy as np
import pytest
from scipy import stats

from zobench.stream import BUFFER, Stream, back, here, normals, signs, word

MASK, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
WORDS = np.uint64(1 << 63)


def philox(key, nonce, places, rounds=10):
    """Philox4x32 read from the paper, over arrays: two words of 64 bits for each place."""
    key, nonce, places = np.uint64(key), np.uint64(nonce), np.asarray(places, dtype=np.uint64)
    c0, c1 = places & MASK, places >> HALF
    c2, c3 = np.full_like(places, nonce & MASK), np.full_like(places, nonce >> HALF)
    k0, k1 = key & MASK, key >> HALF
    for _ in range(rounds):
        p0, p1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & MASK, (p0 >> HALF) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
    return np.stack([(c0 << HALF) | c1, (c2 << HALF) | c3], axis=-1)


def gauss(blocks):
    """Box and Muller's transform by the library's functions."""
    one, two = blocks[..., 0], blocks[..., 1]
    radius = np.sqrt(-2.0 * np.log(1.0 - (one >> np.uint64(12)) / 2.0**52))
    turn = (two >> np.uint64(12)) / 2.0**52 * math.pi / 4
    cosine, sine = radius * np.cos(turn), radius * np.sin(turn)
    pair = np.where(two & np.uint64(1), [sine, cosine], [cosine, sine])
    flips = np.stack([two & np.uint64(2), two & np.uint64(4)]) > 0
    return np.where(flips, -pair, pair).T.ravel()


def bare(key, nonce):
    """Give a stream of a raw key, past the hash."""
    stream = Stream("quality", "solver")
    stream.record["key"], stream.record["nonce"] = key, nonce
    return stream


def draw_words(stream, out, first, second):
    for i in range(out.size // 2):
        bits = word(stream)
        out[2 * i] = np.float64(bits >> np.uint64(32))
        out[2 * i + 1] = np.float64(bits & np.uint64(0xFFFFFFFF))


def words_of(draw, stream, count):
    halves = draw(draw_words, stream, 2 * count).astype(np.uint64)
    return (halves[::2] << HALF) | halves[1::2]


def test_the_reading_version_is_the_generator(draw):
    assert np.allclose(gauss(philox(77, 5, range(3000))), bare(77, 5).normals(6000), rtol=4e-15, atol=1e-300)
    expected = philox(77, 5, np.arange(400, dtype=np.uint64) | WORDS).ravel()
    assert np.array_equal(words_of(draw, bare(77, 5), 800), expected)


def demand_no_memory(sample):
    """No correlation of values, squares or signs at any lag that the generator's making suggests."""
    bound = 5 / math.sqrt(sample.size)
    lags = (1, 2, 3, 4, 5, 7, 8, 16, 32, 64, BUFFER // 2, BUFFER, 2 * BUFFER)
    for name, f in {
        "values": lambda z: z,
        "squares": lambda z: (z**2 - 1.0) / math.sqrt(2.0),
        "signs": np.sign,
    }.items():
        for lag in lags:
            correlation = np.mean(f(sample[:-lag]) * f(sample[lag:]))
            assert abs(correlation) < bound, f"{name} at lag {lag}: {correlation:.4f}"
    # neighbours fall evenly into 16 x 16 cells, in pairs as made and across them
    for start in (0, 1):
        pairs = sample[start : start + (sample.size - start) // 2 * 2].reshape(-1, 2)
        cells = np.floor(16.0 * stats.norm.cdf(pairs)).astype(int)
        counts = np.bincount(16 * cells[:, 0] + cells[:, 1], minlength=256)
        assert stats.chisquare(counts).pvalue > 1e-6


def test_normals_remember_nothing():
    demand_no_memory(Stream("memory", "solver").normals(300_000))


MEMORIES = {
    "few rounds": lambda: gauss(philox(3, 1, range(150_000), rounds=3)),
    "blocks given twice": lambda: gauss(philox(3, 1, np.arange(150_000) // 2)),
    "a buffer given twice": lambda: np.repeat(
        gauss(philox(3, 1, range(75_008))).reshape(-1, BUFFER), 2, axis=0
    ).ravel(),
    "a trace of the value before": lambda: np.convolve(gauss(philox(3, 1, range(150_000))), [1.0, 0.015]),
    "mirrored pairs": lambda: np.repeat(gauss(philox(3, 1, range(75_000))), 2) * np.tile([1, -1], 150_000),
    "radius shared by neighbouring pairs": lambda: gauss(
        np.stack([philox(3, 1, np.arange(150_000) // 2)[:, 0], philox(3, 1, range(150_000))[:, 1]], axis=-1)
    ),
}


@pytest.mark.parametrize("mutant", MEMORIES)
def test_a_generator_with_a_memory_is_noticed(mutant):
    with pytest.raises(AssertionError):
        demand_no_memory(MEMORIES[mutant]())


def bits_of(words):
    """Unpack words into rows of 64 bits as -1.0 and 1.0, the last bit first."""
    places = np.arange(64, dtype=np.uint64)
    return 2.0 * ((words[:, None] >> places) & np.uint64(1)).astype(np.float64) - 1.0


def demand_random_bits(words):
    """Every bit balanced, no two correlated in a word or with the next; weights and bytes by chi-square."""
    bits, root = bits_of(words), math.sqrt(words.size)
    assert np.abs(bits.sum(axis=0) / root).max() < 5.5, "balance"
    within = bits.T @ bits / root
    np.fill_diagonal(within, 0.0)
    assert np.abs(within).max() < 6, "within a word"
    for lag in (1, 2, 3, 4):
        assert np.abs(bits[:-lag].T @ bits[lag:] / root).max() < 6, f"words {lag} apart"
    weights = np.bincount(((bits.sum(axis=1) + 64) / 2).astype(int), minlength=65)
    edges = slice(20, 45)  # the classes outside are put together
    expected = stats.binom.pmf(np.arange(65), 64, 0.5) * words.size
    seen, due = ([*c[edges], c.sum() - c[edges].sum()] for c in (weights, expected))
    assert stats.chisquare(seen, due).pvalue > 1e-6, "weights"
    # runs of equal bits over the whole sequence: changes are a fair coin's
    changes = np.count_nonzero(np.diff(bits.ravel()))
    assert abs(changes - (bits.size - 1) / 2) < 5 * math.sqrt(bits.size) / 2, "runs"
    counts = np.bincount(words.view(np.uint8), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-6, "bytes"
    assert np.unique(words).size == words.size, "repeats"


def test_words_are_random_bits(draw):
    demand_random_bits(words_of(draw, Stream("bits", "solver"), 40_000))


def test_signs_are_the_bits_of_words(draw):
    def rows(stream, out, first, second):
        signs(stream, out)

    words = words_of(draw, Stream("bits", "solver"), 5)
    got = draw(rows, Stream("bits", "solver"), 300)
    assert np.array_equal(got, -bits_of(words).ravel()[:300])


WORD_MUTANTS = {
    "few rounds": lambda: philox(3, 1, range(20_000), rounds=3).ravel(),
    "blocks given twice": lambda: philox(3, 1, np.arange(20_000) // 2).ravel(),
    "a bit that leans": lambda: (
        philox(3, 1, range(20_000)).ravel() | (np.arange(40_000) % 16 == 0).astype(np.uint64)
    ),
    "a sum with a constant": lambda: np.arange(40_000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15),
    "halves that are equal": lambda: (philox(3, 1, range(20_000)).ravel() & MASK) * np.uint64(0x100000001),
    "bits that echo the word before": lambda: (
        lambda w: np.where(np.arange(w.size) % 20 == 0, np.roll(w, 1) ^ MASK, w)
    )(philox(3, 1, range(20_000)).ravel()),
}


@pytest.mark.parametrize("mutant", WORD_MUTANTS)
def test_bits_that_are_not_random_are_noticed(mutant):
    with pytest.raises(AssertionError):
        demand_random_bits(WORD_MUTANTS[mutant]())


def demand_independent(rows):
    """No correlation of values or squares between any two streams, in step or shifted by up to two blocks."""
    bound = 5.5 / math.sqrt(rows.shape[1])
    for name, given in {"values": rows, "squares": (rows**2 - 1.0) / math.sqrt(2.0)}.items():
        for lag in range(5):
            table = given[:, : rows.shape[1] - lag] @ given[:, lag:].T / rows.shape[1]
            np.fill_diagonal(table, 0.0)
            assert np.abs(table).max() < bound, f"{name} at lag {lag}: {np.abs(table).max():.4f}"
    assert np.unique(rows).size == rows.size


COUNT = 20_000


def test_streams_of_neighbouring_keys_and_purposes_are_independent():
    named = [(f"run {i}", purpose) for i in range(8) for purpose in ("solver", "noise", "instance")]
    demand_independent(np.array([Stream(*names).normals(COUNT) for names in named]))


def test_streams_of_neighbouring_raw_keys_are_independent():
    raw = [(key, nonce) for key in (0, 1, 2, 4, 1 << 32, -1) for nonce in (0, 1, 2, 1 << 32)]
    demand_independent(np.array([bare(*pair).normals(COUNT) for pair in raw]))


PLACES = np.arange(COUNT // 2)
KEY_MUTANTS = {
    "few rounds": lambda key: philox(key, 0, PLACES, rounds=3),
    "the key's upper bits alone": lambda key: philox(key >> 1, 0, PLACES),
    "streams that overlap": lambda key: philox(9, 0, PLACES + key),
    "streams that meet": lambda key: philox(9, 0, PLACES + COUNT // 2 * key - 5 * (key > 0)),
    "a part in common": lambda key: np.where(
        (PLACES % 25 == 0)[:, None], philox(9, 0, PLACES), philox(key, 0, PLACES)
    ),
}


@pytest.mark.parametrize("mutant", KEY_MUTANTS)
def test_streams_that_depend_on_each_other_are_noticed(mutant):
    with pytest.raises(AssertionError):
        demand_independent(np.array([gauss(KEY_MUTANTS[mutant](key)) for key in range(6)]))


def test_words_share_no_block_with_normals(draw):
    # signs of normals made of the same blocks would follow the words' bits
    stream = Stream("apart", "solver")
    bits = bits_of(words_of(draw, stream, COUNT))
    values = np.sign(stream.normals(COUNT))

    def worst(values):
        return np.abs(values @ bits).max() / math.sqrt(COUNT)

    assert worst(values) < 5
    own = (int(stream.record[name][0]) % 2**64 for name in ("key", "nonce"))
    assert worst(np.sign(gauss(philox(*own, PLACES.astype(np.uint64) | WORDS)))) > 50


def draw_again(stream, out, first, second):
    """Draw normals and a sign, go back, and draw the same in other pieces; then go on."""
    size = out.size // 3
    normals(stream, out[:first])
    place = here(stream)
    normals(stream, out[:size])
    out[size - 1] = np.float64(word(stream) >> np.uint64(12))
    back(stream, place)
    normals(stream, out[size : 2 * size])
    out[2 * size - 1] = np.float64(word(stream) >> np.uint64(12))
    normals(stream, out[2 * size :])


@pytest.mark.parametrize(
    ("size", "before"), [(5, 2), (10, 30), (100, 200), (100, 256), (300, 7), (1001, 256)]
)
def test_a_stream_goes_back_to_a_place(draw, size, before):
    one, two, after = draw(draw_again, Stream("back", "solver"), 3 * size, before).reshape(3, size)
    whole = Stream("back", "solver").normals(before + 2 * size + 10)
    start = before + before % 2
    assert np.array_equal(one[:-1], whole[start : start + size - 1])
    assert np.array_equal(one, two)
    start += size + size % 2
    assert np.array_equal(after, whole[start : start + size])
