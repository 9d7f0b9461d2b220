"""Exercises of tutorial 1: what a query is."""

from typing import Any

import numpy as np

from zobench.exercises.answers import call, function, plain_number
from zobench.exercises.exercise import Exercise, number

__all__ = ["EXERCISES"]


def _count(count: Any) -> str:
    """Judge ``count(f)``, which has to give f with an attribute `queries`."""
    asked = 0

    def f(x: Any) -> float:
        nonlocal asked
        asked += 1
        return float(np.sum(x))

    first, second = call(count, "count(f)", f), call(count, "count(f)", lambda x: float("nan"))
    for counted in (first, second):
        if not callable(counted) or not hasattr(counted, "queries"):
            return f"what count(f) gives must be a function with an attribute `queries`, got {counted!r}."
    if _queries(first) != 0:
        return f"before the first call `queries` must be 0, got {first.queries}."
    answers = [call(first, "count(f)(x)", np.full(3, value)) for value in (1.0, 2.0)]
    if [plain_number(answer, "what f answers") for answer in answers] != [3.0, 6.0]:
        return f"f's answers 3.0 and 6.0 must come through unchanged, got {answers}."
    if asked != 2:
        return f"two calls must ask f twice, yours asked {asked} times: keep the answer and give it back."
    if _queries(first) != 2:
        return f"after two calls `queries` must be 2, got {first.queries}."
    if _queries(second) != 0:
        return "two counted functions must count apart."
    call(second, "count(f)(x)", np.ones(3))
    if _queries(second) != 1:
        return "an answer that is not a number is an answer: it was asked for, and it counts."
    return ""


def _queries(counted: Any) -> float:
    return plain_number(counted.queries, "`queries`")


EXERCISES = (
    Exercise(
        "forward-differences",
        "How many queries does one gradient by forward differences, (f(x + h e_i) - f(x)) / h, cost in "
        "dimension 30?",
        number(
            31,
            {30: "f(x) itself has to be asked once, too.", 60: "that is the price of central differences."},
            "count the different points that the formula for i = 1, ..., 30 asks.",
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
                1001: "a step asks two points.",
            },
            "take off what is asked before the first step, and divide by what a step asks.",
        ),
        "one query for f(x0), then two a step: (1001 - 1) / 2.",
    ),
    Exercise(
        "count",
        "Write count(f), which gives back a function that answers as f does and has an attribute `queries`: "
        "how often it has been called.",
        function(_count, "count(f)"),
        "every answered call is one query, whatever the answer is. zobench counts in the same way, and "
        "below the solver's reach.",
    ),
)
