"""Exercises of tutorial 5: smooth, (L0, L1)-smooth, and clipping."""

from typing import Any

import numpy as np

from zobench.exercises.exercise import Exercise, close, number

__all__ = ["EXERCISES"]


def _pair(answer: Any) -> str:
    """Judge (L0, L1) with cosh x <= L0 + L1 |sinh x|, the smallest L0 first."""
    try:
        l0, l1 = (float(value) for value in answer)
    except (TypeError, ValueError):
        return f"the answer is a pair (L0, L1), got {answer!r}."
    x = np.linspace(0.0, 30.0, 3001)
    over = np.cosh(x) - (l0 + l1 * np.sinh(x))
    if over.max() > 1e-9 * np.cosh(x[over.argmax()]):
        at = x[np.argmax(over > 1e-9 * np.cosh(x))]
        return (
            f"at x = {at:g} the curvature is {np.cosh(at):.4g}, but L0 + L1 |f'| is only "
            f"{l0 + l1 * np.sinh(at):.4g}."
        )
    if l0 > 1.0 + 1e-9:
        return "true, but L0 can be smaller: at x = 0 the gradient vanishes and the curvature is 1."
    if l1 > 1.0 + 1e-9:
        return "true, but L1 can be smaller: far away cosh x / sinh x tends to 1."
    return ""


def _length(length: Any) -> str:
    """Judge ``length(gamma, L0, L1)`` = |gamma| / (L0 + L1 |gamma|)."""
    for gamma in (-2.0, -0.5, 0.0, 0.5, 2.0):
        if length(gamma, 1.0, 1.0) < 0.0:
            return "a length is never negative: take |gamma|; the sign gives the direction."
    if not close(length(3.0, 2.0, 0.0), 1.5):
        return (
            f"with L1 = 0 it must be |gamma| / L0 = 1.5 for gamma = 3 and L0 = 2, got "
            f"{length(3.0, 2.0, 0.0):g}."
        )
    far = length(1e9, 1.0, 4.0)
    if far > 0.25 * (1.0 + 1e-9):
        return f"it must never exceed 1/L1 = 0.25; for gamma = 1e9 and L1 = 4 it is {far:g}."
    for gamma, l0, l1 in ((2.0, 1.0, 1.0), (0.3, 2.0, 5.0)):
        right = gamma / (l0 + l1 * gamma)
        if not close(length(gamma, l0, l1), right, 1e-9):
            return (
                f"for gamma = {gamma}, L0 = {l0}, L1 = {l1} it must be {right:.6g}, got "
                f"{length(gamma, l0, l1):.6g}."
            )
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
        _length,
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
        ),
        "none: the sign of gamma says which way is down. That is the sign trick.",
    ),
)
