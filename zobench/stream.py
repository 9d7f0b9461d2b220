"""Random streams by counter: value i of a stream is a function of (key, i), the same on every machine.

The generator is Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3" (SC 2011).  Being a function of a counter it can be entered anywhere, needs no state to be handed
from worker to worker, and its blocks are independent, so the compiler makes them several at a time.
Normal variates follow by the transform of Box and Muller (1958) with the logarithm, sine and cosine written
out as polynomials (the coefficients are those of Sun's fdlibm): vectorised, and free of the C library, whose
last bits differ between systems.

A run's key is hashed together with a purpose ("solver", "noise", ...) into 128 bits: two words of Philox key
and two of its counter.  The other two words count blocks.  There is no global generator.
"""

import ctypes
import hashlib
from functools import cache

import numpy as np

from zobench.aligned import aligned_zeros
from zobench.compile import inlined, typed
from zobench.views import INT, as_bits, as_float, call, floats_at, ints_at, vector_at

__all__ = [
    "STREAM",
    "Stream",
    "back",
    "digest",
    "generator",
    "hashed_index",
    "hashed_polar",
    "hashed_word",
    "here",
    "index",
    "normals",
    "signs",
    "uniform",
    "word",
]

#: A stream's state, shared with compiled code.  `*_at` is the place of the next value to be given;
#: `*_from` is the place of the first value in the buffer of `BUFFER` values.
STREAM = np.dtype(
    [
        ("key", "i8"),
        ("nonce", "i8"),
        ("normal_at", "i8"),
        ("normal_from", "i8"),
        ("normal_buffer", "i8"),
        ("word_at", "i8"),
        ("word_from", "i8"),
        ("word_buffer", "i8"),
        ("fill_normals", "i8"),
        ("fill_words", "i8"),
    ],
    align=True,
)
BUFFER = 256

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
#: words are taken from blocks that no normal is made of
_WORDS = np.uint64(1 << 63)

_ONE_BITS = np.uint64(0x3FF0000000000000)
_ROOT_HALF_BITS = np.uint64(0x3FE6A09E667F3BCD)
_MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
_TWO52_BITS = np.uint64(0x4330000000000000)
_ZERO, _ONE, _TWO, _FOUR = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(4)
_TWELVE, _FIFTY_TWO = np.uint64(12), np.uint64(52)
_ELEVEN, _SIXTY_ONE = np.uint64(11), np.uint64(61)
_SIXTY_TWO, _SIXTY_THREE = np.uint64(62), np.uint64(63)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_EIGHTH_TURN = 0.78539816339744830962


@inlined
def _philox(c0, c1, c2, c3, k0, k1):
    """Ten rounds of Philox4x32 on words of 32 bits kept in 64."""
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@inlined
def _block(key, nonce, place):
    """Give the 128 bits of block `place` as two words of 64."""
    c0, c1, c2, c3 = _philox(
        place & _LOW, place >> _HALF, nonce & _LOW, nonce >> _HALF, key & _LOW, key >> _HALF
    )
    return (c0 << _HALF) | c1, (c2 << _HALF) | c3


@inlined
def _log(u):
    """Natural logarithm of a positive normal number, below one unit in the last place (fdlibm's e_log)."""
    bits = as_bits(u) + (_ONE_BITS - _ROOT_HALF_BITS)
    # the exponent as a float: put into the low bits of 2^52
    k = as_float((bits >> _FIFTY_TWO) | _TWO52_BITS) - (4503599627370496.0 + 1023.0)
    f = as_float((bits & _MANTISSA) + _ROOT_HALF_BITS) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half = 0.5 * f * f
    return k * _LN2_HIGH - ((half - (s * (half + even + odd) + k * _LN2_LOW)) - f)


@inlined
def _sine(t):
    """Sine on [0, pi/4] (fdlibm's k_sin)."""
    z = t * t
    p = -2.50507602534068634195e-08 + z * 1.58969099521155010221e-10
    p = -1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 + z * p)
    p = -1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z * p)
    return t + t * z * p


@inlined
def _cosine(t):
    """Cosine on [0, pi/4] (fdlibm's k_cos)."""
    z = t * t
    p = 2.08757232129817482790e-09 + z * -1.13596475577881948265e-11
    p = 2.48015872894767294178e-05 + z * (-2.75573143513906633035e-07 + z * p)
    p = 4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * p)
    return 1.0 - (0.5 * z - z * z * p)


def _fill_normals(key, nonce, first, address, pairs):
    """Write normals 2*first ... 2*(first + pairs) - 1 of the stream to `address`."""
    out = vector_at(address, 2 * pairs)
    key, nonce, first = np.uint64(key), np.uint64(nonce), np.uint64(first)
    for j in range(pairs):
        one, two = _block(key, nonce, first + np.uint64(j))
        # 52 bits give a radius up to 8.5 and 2^-52 as the smallest 1 - u
        radius = np.sqrt(-2.0 * _log(2.0 - as_float((one >> _TWELVE) | _ONE_BITS)))
        turn = (as_float((two >> _TWELVE) | _ONE_BITS) - 1.0) * _EIGHTH_TURN
        sine, cosine = as_bits(_sine(turn)), as_bits(_cosine(turn))
        # three spare bits choose the octant: exchange, and the two signs
        exchange = (sine ^ cosine) & (_ZERO - (two & _ONE))
        out[2 * j] = radius * as_float(cosine ^ exchange ^ ((two & _TWO) << _SIXTY_TWO))
        out[2 * j + 1] = radius * as_float(sine ^ exchange ^ ((two & _FOUR) << _SIXTY_ONE))


def _fill_words(key, nonce, first, address, pairs):
    """Write words 2*first ... 2*(first + pairs) - 1 of the stream to `address`."""
    out = ints_at(address)
    key, nonce, first = np.uint64(key), np.uint64(nonce), np.uint64(first) | _WORDS
    for j in range(pairs):
        one, two = _block(key, nonce, first + np.uint64(j))
        out[2 * j] = np.int64(one)
        out[2 * j + 1] = np.int64(two)


@cache
def _fillers() -> tuple[int, int]:
    """Compile the two block functions once; solvers call them by address and stay small."""
    signature = "void(int64, int64, int64, int64, int64)"
    return (
        typed(_fill_normals, signature, "fill normals"),
        typed(_fill_words, signature, "fill words"),
    )


_fill = call("void", INT, INT, INT, INT, INT)


def normals(stream, out):
    """Write the stream's next normal variates into `out`: independent, mean 0, variance 1.

    Parameters
    ----------
    stream : a kernel's `stream`
        Advanced by ``out.size``, rounded up to an even number.
    out : vector
        Overwritten.

    Examples
    --------
    >>> Stream("a run", "solver").normals(1000).size
    1000
    """
    at, size = stream.normal_at, out.size
    stream.normal_at = at + size + size % 2
    if size > BUFFER:
        # a long vector is written in place, its odd end by way of the buffer
        _fill(stream.fill_normals, stream.key, stream.nonce, at // 2, out.ctypes.data, size // 2)
        if size % 2 == 1:
            out[size - 1] = floats_at(_buffered(stream, at + size - 1, 1))[0]
        return
    buffer = floats_at(_buffered(stream, at, size))
    # an index from 0 cannot be negative, which spares the compiler Python's wrapping round and a scatter
    for i in range(size):
        out[i] = buffer[i]


def _buffered(stream, at, size):
    """Have normals `at` ... `at + size - 1` in the buffer and give their address."""
    if at < stream.normal_from or at + size > stream.normal_from + BUFFER:
        _fill(stream.fill_normals, stream.key, stream.nonce, at // 2, stream.normal_buffer, BUFFER // 2)
        stream.normal_from = at
    return stream.normal_buffer + 8 * (at - stream.normal_from)


def word(stream):
    """Return the stream's next 64 random bits.

    Parameters
    ----------
    stream : a kernel's `stream`

    Returns
    -------
    int

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     coin = word(stream) & 1
    """
    at = stream.word_at
    stream.word_at = at + 1
    if at < stream.word_from or at >= stream.word_from + BUFFER:
        first = at - at % 2
        _fill(stream.fill_words, stream.key, stream.nonce, first // 2, stream.word_buffer, BUFFER // 2)
        stream.word_from = first
    return np.uint64(ints_at(stream.word_buffer)[at - stream.word_from])


def signs(stream, out):
    """Write independent fair signs, +1.0 or -1.0, into `out`; 64 of them cost one word.

    Parameters
    ----------
    stream : a kernel's `stream`
    out : vector
        Overwritten.

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     signs(stream, state.s)
    """
    if out.size <= 64:
        _expand(word(stream), out)
    else:
        for start in range(0, out.size, 64):
            part = vector_at(out.ctypes.data + 8 * start, min(64, out.size - start))
            _expand(word(stream), part)


def _expand(bits, out):
    """Write +1.0 or -1.0 for each bit, the last bit first."""
    for i in range(out.size):
        out[i] = as_float(_ONE_BITS | ((bits >> np.uint64(i)) << _SIXTY_THREE))


def uniform(stream):
    """Return a number uniform on the multiples of 2^-53 in [0, 1).

    Parameters
    ----------
    stream : a kernel's `stream`

    Returns
    -------
    float

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     heads = uniform(stream) < 0.5
    """
    return np.float64(word(stream) >> _ELEVEN) * 1.1102230246251565e-16


def index(stream, count):
    """Return a whole number uniform on 0 ... count - 1 (`count` far below 2^53).

    Parameters
    ----------
    stream : a kernel's `stream`
    count : int

    Returns
    -------
    int

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     state.s[index(stream, state.s.size)] = 1.0
    """
    return np.int64(uniform(stream) * count)


def here(stream):
    """Return the place of the stream, for `back`: an opaque value that costs nothing to keep.

    Parameters
    ----------
    stream : a kernel's `stream`

    Returns
    -------
    place
        For `back`.

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     place = here(stream)
    ...     normals(stream, state.s)
    ...     back(stream, place)
    """
    return stream.normal_at, stream.word_at


def back(stream, place):
    """Go to a place that `here` returned: the stream gives again what it gave from there on.

    Parameters
    ----------
    stream : a kernel's `stream`
    place : what `here` returned
        Of the same stream, earlier or later.

    Examples
    --------
    A direction is made twice instead of being kept:

    >>> def step(oracle, state, parameters, k, stream):
    ...     place = here(stream)
    ...     normals(stream, state.z)
    ...     back(stream, place)
    ...     normals(stream, state.z)  # the same numbers
    """
    stream.normal_at, stream.word_at = place


def hashed_word(key, place):
    """Return 64 random bits as a function of (key, place).

    Parameters
    ----------
    key, place : int
        As in `hashed_index`.

    Returns
    -------
    int

    Examples
    --------
    >>> def sample(x, data, key):
    ...     coin = hashed_word(key, 0) & 1
    """
    one, _ = _block(np.uint64(key), np.uint64(0), np.uint64(place))
    return one


def hashed_index(key, place, count):
    """Return a whole number on 0 ... count - 1 as a function of (key, place): how a mini-batch picks rows.

    Parameters
    ----------
    key : int
        64 bits.
    place : int
        Which of the numbers of this key.
    count : int
        Far below 2^53.

    Returns
    -------
    int

    Examples
    --------
    >>> def sample(x, data, key):
    ...     row = hashed_index(key, 0, data.rows.shape[0])
    """
    return np.int64(np.float64(hashed_word(key, place) >> _ELEVEN) * 1.1102230246251565e-16 * count)


def hashed_polar(key, place):
    """Return (e, c) as a function of (key, place): e exponential of mean 1, c the cosine of a uniform angle.

    sqrt(2 e) c is a normal variate, and other laws that are symmetric in the plane follow likewise.

    Parameters
    ----------
    key, place : int
        As in `hashed_index`.

    Returns
    -------
    float, float

    Examples
    --------
    >>> def sample(x, data, key):
    ...     e, c = hashed_polar(key, 0)
    ...     normal = np.sqrt(2.0 * e) * c
    """
    one, two = _block(np.uint64(key), np.uint64(0), np.uint64(place))
    exponential = -_log(2.0 - as_float((one >> _TWELVE) | _ONE_BITS))
    turn = (as_float((two >> _TWELVE) | _ONE_BITS) - 1.0) * _EIGHTH_TURN
    # three spare bits choose the octant, as for normals
    side = _sine(turn) if two & _ONE else _cosine(turn)
    return exponential, (-side if two & _TWO else side)


def digest(key: str, purpose: str) -> tuple[int, int]:
    """Hash (key, purpose) into two integers of 64 bits.

    Parameters
    ----------
    key : str
        Of the run.
    purpose : str
        Such as "solver" or "noise".

    Returns
    -------
    int, int

    Examples
    --------
    >>> digest("a run", "solver") == digest("a run", "noise")
    False
    """
    raw = hashlib.sha256(f"{key}\0{purpose}".encode()).digest()
    return int.from_bytes(raw[:8], "little", signed=True), int.from_bytes(raw[8:16], "little", signed=True)


def generator(key: str, purpose: str) -> np.random.Generator:
    """Give a NumPy generator for (key, purpose): what instances are drawn from, outside the inner loop.

    Parameters
    ----------
    key : str
    purpose : str

    Returns
    -------
    numpy.random.Generator

    Examples
    --------
    >>> first, again = (generator("an instance", "spectrum").random() for _ in range(2))
    >>> bool(first == again)
    True
    """
    first, second = digest(key, purpose)
    return np.random.Generator(np.random.Philox(key=[first % 2**64, second % 2**64]))


class Stream:
    """The random stream of (key, purpose), entered at its beginning.

    Parameters
    ----------
    key : str
        Usually the run key's text.
    purpose : str
        Streams of different purposes are independent.

    Examples
    --------
    >>> Stream("a run", "solver").normals(3).shape
    (3,)
    """

    def __init__(self, key: str, purpose: str):
        self.record = np.zeros(1, STREAM)
        self.enter(key, purpose)
        self.buffers = aligned_zeros(2 * BUFFER).reshape(2, BUFFER)
        self.record["normal_from"] = self.record["word_from"] = -2 * BUFFER
        self.record["normal_buffer"], self.record["word_buffer"] = (
            self.buffers[0].ctypes.data,
            self.buffers[1].ctypes.data,
        )
        self.record["fill_normals"], self.record["fill_words"] = _fillers()

    def enter(self, key: str, purpose: str) -> None:
        """Take the numbers of (key, purpose) from now on; for a stream that nothing was taken from.

        Parameters
        ----------
        key : str
        purpose : str
        """
        self.record["key"], self.record["nonce"] = digest(key, purpose)

    @property
    def address(self) -> int:
        """Where compiled code finds the state."""
        return self.record.ctypes.data

    def normals(self, count: int) -> np.ndarray:
        """Return the next `count` normal variates, as a kernel would get them.

        Parameters
        ----------
        count : int

        Returns
        -------
        array of shape (count,)
        """
        pairs = (count + 1) // 2
        out = np.empty(2 * pairs)
        first = int(self.record["normal_at"][0])
        fill = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(_fillers()[0])
        fill(*(int(self.record[name][0]) for name in ("key", "nonce")), first // 2, out.ctypes.data, pairs)
        self.record["normal_at"] += 2 * pairs
        return out[:count]
