"""Exercises of tutorial 5: smooth, (L0, L1)-smooth, and clipping."""

import math
import reprlib
from typing import Any

import numpy as np

from zobench.exercises.answers import call, function, plain_number
from zobench.exercises.exercise import Exercise, number

__all__ = ["EXERCISES"]

FORM = "length(gamma, L0, L1)"


def _pair(answer: Any) -> str:
    """Judge (L0, L1) with cosh x <= L0 + L1 |sinh x|, the smallest L0 first."""
    if isinstance(answer, str) or np.shape(answer) != (2,):
        return f"the answer is a pair (L0, L1), got {reprlib.repr(answer)}."
    l0, l1 = (plain_number(value, name) for value, name in zip(answer, ("L0", "L1"), strict=True))
    if math.isinf(l0) or math.isinf(l1):
        return "true of every function, and so of no use: both can be finite."
    x = np.linspace(0.0, 15.0, 3001)
    over = np.cosh(x) - (l0 + l1 * np.sinh(x)) > 1e-6 * np.cosh(x)
    if over.any():
        at = x[over.argmax()]
        allowed = l0 + l1 * np.sinh(at)
        return f"at x = {at:g} the curvature is {np.cosh(at):.4g}, but L0 + L1 |f'| is only {allowed:.4g}."
    if l0 > 1.0 + 1e-5:
        return "true, but L0 can be smaller: at x = 0 the gradient vanishes and the curvature is 1."
    if l1 > 1.0 + 1e-5:
        return "true, but L1 can be smaller: far away cosh x / sinh x tends to 1."
    return ""


def _length(length: Any) -> str:
    """Judge ``length(gamma, L0, L1)`` = |gamma| / (L0 + L1 |gamma|)."""

    def at(gamma: float, l0: float, l1: float) -> float:
        return plain_number(call(length, FORM, gamma, l0, l1), "the length")

    slopes = (-2.0, -0.5, 0.0, 0.5, 2.0)
    if any(at(gamma, 1.0, 1.0) < 0.0 for gamma in slopes):
        return "a length is never negative: take |gamma|; the sign gives the direction."
    plain = at(3.0, 2.0, 0.0)
    if not np.isclose(plain, 1.5):
        return f"with L1 = 0 it must be |gamma| / L0 = 1.5 for gamma = 3 and L0 = 2, got {plain:g}."
    far = at(1e9, 1.0, 4.0)
    if far > 0.25 * (1.0 + 1e-6):
        return f"it must never exceed 1/L1 = 0.25; for gamma = 1e9 and L1 = 4 it is {far:g}."
    cases = [(2.0, 1.0, 1.0), (0.3, 2.0, 5.0), *((gamma, 1.0, 1.0) for gamma in slopes)]
    for gamma, l0, l1 in cases:
        right, got = abs(gamma) / (l0 + l1 * abs(gamma)), at(gamma, l0, l1)
        if not np.isclose(got, right, rtol=1e-6, atol=1e-12):
            cut = np.isclose(got, min(abs(gamma) / l0, 1.0 / l1))
            more = " The step bends towards 1/L1; it is not cut off there." if cut else ""
            return f"for gamma = {gamma}, L0 = {l0}, L1 = {l1} it must be {right:.6g}, got {got:.6g}.{more}"
    return ""


EXERCISES = (
    Exercise(
        "cosh-constants",
        "f(x) = cosh x. Which is the smallest pair (L0, L1) with |f''(x)| <= L0 + L1 |f'(x)| for every x?",
        _pair,
        "cosh x <= 1 + |sinh x|: equal at 0, where L0 is needed, and nearly so far away, where L1 is.",
    ),
    Exercise(
        "clipped-length",
        "Write length(gamma, L0, L1): the step |gamma| / (L0 + L1 |gamma|) for a slope gamma.",
        function(_length, FORM),
        "a short gradient is divided by L0; a long one gives a step that never exceeds 1/L1.",
    ),
    Exercise(
        "sign-trick",
        "The slope gamma comes from f(x + r s) and f(x - r s). How many further queries does VS2P need to "
        "know "
        "whether to go along s or against it?",
        number(
            0,
            {2: "the sign of gamma already says which way is down.", 1: "the sign of gamma already says it."},
            "the slope gamma has a sign, and the sign says it.",
        ),
        "none: the sign of gamma says which way is down. That is the sign trick.",
    ),
)
