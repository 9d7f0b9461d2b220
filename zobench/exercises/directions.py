"""Exercises of tutorial 3: directions, and the price of dimension."""

import math
from typing import Any

import numpy as np

from zobench.exercises.answers import call, function, plain_vector
from zobench.exercises.exercise import Exercise, number

__all__ = ["EXERCISES"]

#: Directions drawn to judge a sampler, and how many standard errors are forgiven.
DRAWS, FORGIVEN = 10_000, 5.0


def _off(values: Any, mean: float) -> bool:
    """Whether the mean of values is further from what it should be than chance allows."""
    error = float(np.std(values)) / math.sqrt(len(values))
    return abs(float(np.mean(values)) - mean) > FORGIVEN * error + 1e-12


def _direction(direction: Any) -> str:
    """Judge ``direction(rng, d)``, uniform on the unit sphere."""
    form, rng = "direction(rng, d)", np.random.default_rng(20)
    for d in (2, 5):
        what = f"a direction in dimension {d}"
        s = np.array([plain_vector(call(direction, form, rng, d), (d,), what) for _ in range(DRAWS)])
        if not np.allclose(np.sum(s**2, axis=1), 1.0):
            return f"its length must be 1: divide by the norm (dimension {d})."
        if any(_off(s[:, i], 0.0) for i in range(d)):
            return "its mean must be 0: s and -s are equally likely."
        # E s_1^4 = 3 / (d (d + 2)), along every axis, if all directions are equally likely
        axes = (s[:, 0], s[:, -1], (s[:, 0] + s[:, 1]) / math.sqrt(2.0), s.sum(axis=1) / math.sqrt(d))
        if any(_off(along**4, 3.0 / (d * (d + 2))) for along in axes):
            return "some directions are likelier than others: normalise a vector of normals, not of uniforms."
    one, two = (call(direction, form, np.random.default_rng(1), 3) for _ in range(2))
    if not np.array_equal(one, two):
        return "the same rng must give the same direction: draw from rng, never from a global generator."
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
            "<g, s> is a standard normal number: integrate |t| exp(-t^2/2) / sqrt(2 pi).",
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
            "d / K has to stay what it was, and d becomes 100 times as large.",
        ),
        "d / K has to stay what it was. A gradient would cost d queries a step: nothing is free.",
    ),
    Exercise(
        "unit-direction",
        "Write direction(rng, d): a vector of length 1, every direction equally likely. rng is a "
        "numpy.random.Generator.",
        function(_direction, "direction(rng, d)"),
        "a vector of independent normals has no preferred direction, and dividing by its length keeps that.",
    ),
)
