"""Exercises of tutorial 3: directions, and the price of dimension."""

import math
from typing import Any

import numpy as np

from zobench.exercises.exercise import Exercise, number

__all__ = ["EXERCISES"]

#: Directions drawn to judge a sampler, and how many standard errors are forgiven.
DRAWS, FORGIVEN = 20_000, 5.0


def _off(values: Any, mean: float) -> bool:
    """Whether the mean of values is further from what it should be than chance allows."""
    error = float(np.std(values)) / math.sqrt(len(values))
    return abs(float(np.mean(values)) - mean) > FORGIVEN * error + 1e-12


def _direction(direction: Any) -> str:
    """Judge ``direction(rng, d)``, uniform on the unit sphere."""
    rng = np.random.default_rng(20)
    s = np.array([direction(rng, 2) for _ in range(DRAWS)])
    if s.shape != (DRAWS, 2):
        return f"a direction in dimension 2 must be a vector of size 2, got shape {s.shape[1:]}."
    if not np.allclose(np.sum(s**2, axis=1), 1.0):
        return "its length must be 1: divide by the norm."
    if _off(s[:, 0], 0.0) or _off(s[:, 1], 0.0):
        return "its mean must be 0: s and -s are equally likely."
    # E cos^4 is 3/8 about every axis if all angles are equally likely
    if _off(s[:, 0] ** 4, 0.375) or _off((s.sum(axis=1) ** 4) / 4.0, 0.375):
        return "some directions are likelier than others: normalise a vector of normals, not of uniforms."
    if np.shape(direction(rng, 7)) != (7,):
        return "it must work in every dimension d."
    return ""


EXERCISES = (
    Exercise(
        "gaussian-slope",
        "s is standard normal and |g| = 1. How large is E |<g, s>|, in any dimension?",
        number(
            math.sqrt(2.0 / math.pi),
            {
                1.0: "that is E <g, s>^2; the mean of the modulus is smaller.",
                0.0: "that is E <g, s>; the modulus does not cancel.",
                0.5: "<g, s> is a standard normal number: integrate |t| exp(-t^2/2) / sqrt(2 pi).",
            },
        ),
        "<g, s> is a standard normal number, and E |N(0, 1)| = sqrt(2/pi) = 0.798 whatever d is. The price "
        "of "
        "dimension comes from |s|^2 = d.",
    ),
    Exercise(
        "price-of-dimension",
        "S2P's bound on the mean gradient norm is proportional to sqrt(d / K). By what factor must K grow "
        "when d "
        "goes from 10 to 1000 and the accuracy is to stay?",
        number(
            100.0,
            {10.0: "d/K must stay what it was, not sqrt(d)/K.", 10_000.0: "the bound has sqrt(d), not d."},
        ),
        "d / K has to stay what it was. A gradient would cost d queries a step: nothing is free.",
    ),
    Exercise(
        "unit-direction",
        "Write direction(rng, d): a vector of length 1, every direction equally likely. rng is a "
        "numpy.random.Generator.",
        _direction,
        "a vector of independent normals has no preferred direction, and dividing by its length keeps that.",
    ),
)
