"""Direction laws: how a solver draws s, and the constants of each law that the theorems need.

Two numbers matter (`LawConstants`): m1 with E|<g,s>| >= m1 |g| for every g, in the law's own norm of g, and
m2 = E|s|^2.

==============  ======================================  =========================  =====  ==============
law             s                                       m1                         m2     norm of g
==============  ======================================  =========================  =====  ==============
gaussian        N(0, I)                                 sqrt(2/pi), exact          d      Euclidean
rademacher      uniform on {-1, 1}^d                    1/sqrt(2), Khintchine      d      Euclidean
sphere          uniform on the sphere of radius sqrt d  sqrt(d) kappa_d, exact     d      Euclidean
unit-sphere     uniform on the unit sphere              kappa_d, exact             1      Euclidean
coordinate      e_i, i uniform                          1/d, exact                 1      sum of |g_i|
==============  ======================================  =========================  =====  ==============

with kappa_d = Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)).  The constant of the Rademacher law is the best one
(Szarek, Studia Math. 58, 1976).
"""

import math
from dataclasses import dataclass

import numpy as np

from zobench.kernels import squared_norm
from zobench.stream import back, here, index, normals, signs

__all__ = [
    "BLOCK",
    "COORDINATE",
    "GAUSSIAN",
    "LAWS",
    "RADEMACHER",
    "ROTATION_INVARIANT",
    "SPHERE",
    "UNIT_SPHERE",
    "LawConstants",
    "constants",
    "direction_size",
    "draw",
    "draw_along",
    "length_factor",
    "move_along",
    "next_squared_norm",
    "squared_length_at",
]

#: The laws by name; a kernel sees the position in this tuple.
LAWS = ("gaussian", "rademacher", "sphere", "unit-sphere", "coordinate")
GAUSSIAN, RADEMACHER, SPHERE, UNIT_SPHERE, COORDINATE = range(5)
#: Those that are the law of Qs for every orthogonal Q, whatever the dimension.
ROTATION_INVARIANT = ("gaussian", "sphere", "unit-sphere")

#: Beyond so many dimensions no direction is kept: memory matters more than the time to make it twice.
LARGE = 2**22
#: Numbers of a direction that are made at a time there.
BLOCK = 1024


def direction_size(parameters, dim):
    """Give the size of a workspace's direction: d, or a block's where it is made anew each time it is used.

    Parameters
    ----------
    parameters : NamedTuple
        Of the solver; not used.
    dim : int
        d.

    Returns
    -------
    int

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from zobench.instance import Vector
    >>> from zobench.solver import Sized
    >>> class State(NamedTuple):
    ...     x: Vector
    ...     s: Sized(direction_size)
    >>> direction_size(None, 10), direction_size(None, 10**7)
    (10, 1024)
    """
    return dim if dim <= LARGE else BLOCK


def draw(stream, law, s):
    """Write the next direction of the law into the vector `s`.

    Parameters
    ----------
    stream : a kernel's `stream`
    law : int
        Place of the law in `LAWS`, as a kernel sees a parameter that is a `Choice`.
    s : vector of size d
        Overwritten.

    Examples
    --------
    In a kernel, with the parameter ``law: Annotated[str, Choice(*LAWS)]``:

    >>> def step(oracle, state, parameters, k, stream):
    ...     draw(stream, parameters.law, state.s)
    """
    if law == RADEMACHER:
        signs(stream, s)
    elif law == COORDINATE:
        place = index(stream, s.size)
        for i in range(s.size):
            s[i] = 1.0 if i == place else 0.0
    else:
        normals(stream, s)
        if law != GAUSSIAN:
            scale = 1.0 / np.sqrt(squared_norm(s))
            if law == SPHERE:
                scale *= np.sqrt(s.size)
            for i in range(s.size):
                s[i] *= scale


def length_factor(stream, law, dim, block):
    """Return what the laws on spheres multiply the stream's next `dim` normals by; the stream stays there.

    Parameters
    ----------
    stream : a kernel's `stream`
    law : int
    dim : int
        d.
    block : vector
        Scratch.

    Returns
    -------
    float

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     factor = length_factor(stream, parameters.law, state.x.size, state.block)
    """
    if law != SPHERE and law != UNIT_SPHERE:
        return 1.0
    first = here(stream)
    factor = 1.0 / np.sqrt(next_squared_norm(stream, dim, 1.0, block))
    back(stream, first)
    return factor * np.sqrt(dim) if law == SPHERE else factor


def next_squared_norm(stream, dim, factor, block):
    """Return `squared_norm` of the stream's next `dim` normals times a factor, summed in its order.

    Parameters
    ----------
    stream : a kernel's `stream`
    dim : int
        d.
    factor : float
    block : vector
        Scratch.

    Returns
    -------
    float

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     norm = next_squared_norm(stream, state.x.size, 1.0, state.block)
    """
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    s = block
    for start in range(0, dim, block.size):
        s = block[: min(block.size, dim - start)]
        normals(stream, s)
        for i in range(s.size):
            s[i] *= factor
        for i in range(0, s.size - s.size % 8, 8):
            s0 += s[i] * s[i]
            s1 += s[i + 1] * s[i + 1]
            s2 += s[i + 2] * s[i + 2]
            s3 += s[i + 3] * s[i + 3]
            s4 += s[i + 4] * s[i + 4]
            s5 += s[i + 5] * s[i + 5]
            s6 += s[i + 6] * s[i + 6]
            s7 += s[i + 7] * s[i + 7]
    total = ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
    for i in range(s.size - s.size % 8, s.size):
        total += s[i] * s[i]
    return total


def draw_along(stream, law, factor, x, shift, block, out):
    """Write x + shift s into `out`, s being the stream's next direction, of which a block at a time is made.

    The bits are those of `draw` and of the sum; the stream advances as by `draw`.

    Parameters
    ----------
    stream : a kernel's `stream`
    law : int
    factor : float
        What `length_factor` says at this place of the stream.
    x, out : vectors of size d
        May be the same.
    shift : float
    block : vector
        Overwritten; its size is a multiple of 64.

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     factor = length_factor(stream, parameters.law, state.x.size, state.block)
    ...     draw_along(stream, parameters.law, factor, state.x, 0.1, state.block, state.x)
    """
    place = index(stream, x.size) if law == COORDINATE else -1
    for start in range(0, x.size, block.size):
        size = min(block.size, x.size - start)
        s, old, new = block[:size], x[start : start + size], out[start : start + size]
        if law == RADEMACHER:
            signs(stream, s)
        elif law == COORDINATE:
            for i in range(size):
                s[i] = 1.0 if start + i == place else 0.0
        else:
            normals(stream, s)
        for i in range(size):
            new[i] = old[i] + shift * (s[i] * factor)


def move_along(stream, law, place, factor, x, shift, s, out):
    """Write x + shift s into `out`; where `s` is a block only, the direction is made anew from its place.

    Parameters
    ----------
    stream : a kernel's `stream`
    law : int
    place : what `here` returned
        Before the direction was drawn.
    factor : float
        What `length_factor` says there; not used where the direction is kept.
    x, out : vectors of size d
        May be the same.
    shift : float
    s : vector
        The direction, of size d; or of fewer numbers, a multiple of 64, and overwritten.

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     x, s, trial, law, place = *state, parameters.law, here(stream)
    ...     factor = length_factor(stream, law, x.size, s)
    ...     move_along(stream, law, place, factor, x, 0.1, s, trial)
    """
    if s.size < x.size:
        back(stream, place)
        draw_along(stream, law, factor, x, shift, s, out)
    else:
        for i in range(x.size):
            out[i] = x[i] + shift * s[i]


def squared_length_at(stream, law, place, factor, dim, block):
    """Return |s|^2 of the direction at a place of the stream, with the bits of `squared_norm`.

    Parameters
    ----------
    stream : a kernel's `stream`
    law : int
    place : what `here` returned
        Before the direction was drawn.
    factor : float
        What `length_factor` says there.
    dim : int
        d.
    block : vector
        Overwritten; its size is a multiple of 64.

    Returns
    -------
    float

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     x, s, trial, law, place = *state, parameters.law, here(stream)
    ...     factor = length_factor(stream, law, x.size, s)
    ...     square = squared_length_at(stream, law, place, factor, x.size, s)
    """
    if law == RADEMACHER:
        return float(dim)
    if law == COORDINATE:
        return 1.0
    back(stream, place)
    return next_squared_norm(stream, dim, factor, block)


@dataclass(frozen=True)
class LawConstants:
    """What the theorems need of a law in dimension d.

    Attributes
    ----------
    m1 : float
        E|<g,s>| >= m1 times the norm of g, for every g.
    m2 : float
        E|s|^2.
    norm : {"euclidean", "sum"}
        The norm of g in the first statement.
    rotation_invariant : bool
        Whether the law is that of Qs for every orthogonal Q.
    fixed_norm : bool
        Whether |s|^2 equals m2 always.

    Examples
    --------
    >>> constants("rademacher", 10).fixed_norm
    True
    """

    m1: float
    m2: float
    norm: str
    rotation_invariant: bool
    fixed_norm: bool


def constants(law: str, dim: int) -> LawConstants:
    """Give the constants of a law in dimension `dim`.

    Parameters
    ----------
    law : str
        One of `LAWS`.
    dim : int
        d.

    Returns
    -------
    LawConstants

    Examples
    --------
    >>> round(constants("unit-sphere", 10).m1, 5)
    0.25869
    """
    kappa = math.exp(math.lgamma(dim / 2) - math.lgamma((dim + 1) / 2)) / math.sqrt(math.pi)
    return {
        "gaussian": LawConstants(math.sqrt(2 / math.pi), float(dim), "euclidean", True, False),
        # in one dimension |<g,s>| = |g| always
        "rademacher": LawConstants(
            1.0 if dim == 1 else math.sqrt(0.5), float(dim), "euclidean", dim == 1, True
        ),
        "sphere": LawConstants(math.sqrt(dim) * kappa, float(dim), "euclidean", True, True),
        "unit-sphere": LawConstants(kappa, 1.0, "euclidean", True, True),
        "coordinate": LawConstants(1 / dim, 1.0, "sum", dim == 1, True),
    }[law]
