"""Exercises of tutorial 1: what a query is."""

from typing import Any

import numpy as np

from zobench.exercises.exercise import Exercise, number

__all__ = ["EXERCISES"]


def _count(count: Any) -> str:
    """Judge ``count(f)``, which has to give f with an attribute `queries`."""
    if not callable(count):
        return "the answer is a function that takes f and gives back a function."
    first, second = count(lambda x: float(np.sum(x))), count(lambda x: float("nan"))
    if first is None or not hasattr(first, "queries"):
        return "what comes back needs an attribute `queries`."
    if first.queries != 0:
        return f"before the first call `queries` must be 0, got {first.queries}."
    answers = [first(np.full(3, value)) for value in (1.0, 2.0)]
    if answers != [3.0, 6.0]:
        return f"f's answers 3.0 and 6.0 must come through unchanged, got {answers}."
    if first.queries != 2:
        return f"after two calls `queries` must be 2, got {first.queries}."
    if second.queries != 0:
        return "two counted functions must count apart."
    second(np.ones(3))
    if second.queries != 1:
        return "an answer that is not a number is an answer: it was asked for, and it counts."
    return ""


EXERCISES = (
    Exercise(
        "forward-differences",
        "How many queries does one gradient by forward differences, (f(x + h e_i) - f(x)) / h, cost in "
        "dimension 30?",
        number(
            31,
            {30: "f(x) itself has to be asked once, too.", 60: "that is the price of central differences."},
        ),
        "one for each coordinate, and one for f(x) itself.",
    ),
    Exercise(
        "stp-steps",
        "STP keeps the best of x_k, x_k + alpha s and x_k - alpha s. How many steps does a budget of 1001 "
        "queries buy?",
        number(
            500,
            {
                333: "f(x_k) is remembered from step to step, so a step asks only two new points.",
                500.5: "the very first query is f(x0), before any step.",
                501: "the very first query is f(x0), before any step.",
            },
        ),
        "one query for f(x0), then two a step: (1001 - 1) / 2.",
    ),
    Exercise(
        "count",
        "Write count(f), which gives back a function that answers as f does and has an attribute `queries`: "
        "how often it has been called.",
        _count,
        "every answered call is one query, whatever the answer is. zobench counts in the same way, and "
        "below the solver's reach.",
    ),
)
