"""Exercises of tutorial 2: two points are enough."""

from typing import Any

import numpy as np

from zobench.exercises.answers import call, function, plain_vector
from zobench.exercises.exercise import Exercise, number, one_of

__all__ = ["EXERCISES"]


def _step(step: Any) -> str:
    """Judge ``step(f, x, alpha, s)``, which has to give the better of x + alpha s and x - alpha s."""
    asked: list[Any] = []

    def f(x: Any) -> float:
        asked.append(plain_vector(x, (2,), "a point that f is asked at"))
        return float(np.sum((asked[-1] - 3.0) ** 2))

    for s in (np.array([1.0, 0.0]), np.array([-1.0, 0.0]), np.array([1.0, 1.0])):
        x, alpha = np.array([5.0, 3.0]), 0.5
        asked.clear()
        given = call(step, "step(f, x, alpha, s)", f, x, alpha, s.copy())
        if not np.array_equal(x, [5.0, 3.0]):
            return "x itself was changed: x += ... writes into the caller's vector, x = x + ... does not."
        if len(asked) != 2:
            return f"a step asks exactly two points, got {len(asked)}; f(x) itself is never asked."
        if given is None:
            return "the step must return the new point, a vector like x."
        new = plain_vector(given, (2,), "the new point")
        points = [x + alpha * s, x - alpha * s]
        right = [np.allclose(asked, order) for order in (points, points[::-1])]
        if not any(right):
            told = f"{points[0]} and {points[1]}, got {asked[0]} and {asked[1]}"
            return f"from {x} with alpha = {alpha} and s = {s} it must ask {told}."
        values = [float(np.sum((point - 3.0) ** 2)) for point in points]
        better, worse = points[int(np.argmin(values))], points[int(np.argmax(values))]
        if np.allclose(new, worse):
            return "that is the worse of the two points."
        if not np.allclose(new, better):
            return f"from {x} with alpha = {alpha} and s = {s} the better point is {better}, got {new}."
    return ""


EXERCISES = (
    Exercise(
        "two-point-step",
        "Write step(f, x, alpha, s), which asks f at x + alpha s and x - alpha s and returns the better "
        "point.",
        function(_step, "step(f, x, alpha, s)"),
        "two queries, one comparison, and f(x) itself is never asked.",
    ),
    Exercise(
        "queries-of-a-run",
        "How many queries do 500 steps of S2P take?",
        number(
            1000,
            {
                1500: "S2P never asks for f(x_k); STP, which does, remembers it.",
                1001: "S2P never asks for f(x0), or for f at any iterate.",
                500: "two a step.",
            },
            "a step asks f at x + alpha s and at x - alpha s, and nowhere else.",
        ),
        "two a step, and none before the first.",
    ),
    Exercise(
        "scaled-objective",
        "f is replaced by 1000 f + 7. Do S2P's iterates move further ('longer'), less far ('shorter') or to "
        "the very same points ('same')?",
        one_of(
            "same",
            {
                "longer": "the length of a step is alpha |s|, fixed before f is asked; only the comparison "
                "of two values matters.",
                "shorter": "the length of a step is alpha |s|, fixed before f is asked; only the comparison "
                "of two values matters.",
            },
        ),
        "only the comparison f(x + alpha s) <= f(x - alpha s) is used, and it is the same for every "
        "increasing function of f.",
    ),
)
