"""Exercises of tutorial 6: reading a theorem, and testing it."""

import reprlib
from typing import Any

import numpy as np

from zobench.exercises.answers import Wrong, call, function, plain_number, plain_vector
from zobench.exercises.exercise import Exercise, number, one_of

__all__ = ["EXERCISES"]

FORM = "e_value(values, bound, bet)"


def _functional(functional: Any) -> str:
    """Judge ``functional(norms)``: the mean over the steps, one value a seed."""
    norms = np.random.default_rng(6).exponential(size=(5, 40))
    norms[3] *= 9.0  # a seed that went badly
    got = call(functional, "functional(norms)", norms.copy())
    if np.shape(got) == () and got is not None and not isinstance(got, str):
        return (
            "one value for each seed is needed: the seeds are what is independent, and their spread is "
            "the error."
        )
    if np.shape(got) != (5,):
        return f"5 seeds of 40 steps must give 5 values, got {_shape(got)}."
    got = plain_vector(got, (5,), "the values")
    if np.allclose(got, norms.min(axis=1)):
        return (
            "that is the smallest over k: its mean lies far below the theorem's left side, and wrong "
            "solvers pass."
        )
    if np.allclose(got, norms[:, -1]):
        return "that is the last step only; the theorem speaks of the mean over all of them."
    if np.allclose(got, norms.sum(axis=1)):
        return "that is the sum over the steps: divide by their number."
    if np.allclose(got, np.sqrt((norms**2).mean(axis=1))):
        return "the theorem's norms are not squared; the root of a mean of squares is larger."
    if not np.allclose(got, norms.mean(axis=1)):
        return "it must be the mean over the steps of each seed."
    fewer = plain_vector(call(functional, "functional(norms)", norms[:3, :7]), (3,), "the values of 3 seeds")
    if not np.allclose(fewer, norms[:3, :7].mean(axis=1)):
        return "with 7 steps in place of 40 it is not the mean: the number of steps is norms.shape[1]."
    return ""


def _shape(value: Any) -> str:
    return reprlib.repr(value) if np.shape(value) == () else f"shape {np.shape(value)}"


def _e_value(e_value: Any) -> str:
    """Judge ``e_value(values, bound, bet)`` = prod (1 + bet (y / bound - 1))."""
    values = np.array([0.5, 1.0, 2.0, 1.5])

    def at(values: Any, bound: float, bet: float) -> float:
        given = call(e_value, FORM, values.copy(), bound, bet)
        if np.size(given) > 1:
            raise Wrong("all seeds together make one number: the product of what each bet pays.")
        return plain_number(given, "the e-value")

    paid = 1.0 + 0.5 * (values - 1.0)
    got, right = at(values, 1.0, 0.5), float(np.prod(paid))
    if np.isclose(got, np.mean(paid)):
        return "that is the mean of what the bets pay. The whole stake is bet again each time: multiply."
    if np.isclose(got, np.sum(np.log(paid))):
        return "that is the logarithm of the stake."
    if not np.isclose(got, right, rtol=1e-6):
        return f"for the values {values} with bound 1 and bet 0.5 it must be {right:.6g}, got {got:.6g}."
    if not np.isclose(at(2.0 * values, 2.0, 0.5), right, rtol=1e-6):
        return "only y / bound counts: values and bound twice as large must give the same."
    got, right = at(values, 1.0, 0.2), float(np.prod(1.0 + 0.2 * (values - 1.0)))
    if not np.isclose(got, right, rtol=1e-6):
        return f"with bet 0.2 in place of 0.5 it must be {right:.6g}, got {got:.6g}."
    return ""


EXERCISES = (
    Exercise(
        "theorems-mean",
        "norms[i, k] is |grad f(x_k)| of seed i. Write functional(norms): what the theorem's left side, "
        "(1/K) sum_k E |grad f(x_k)|, is the mean of over seeds, one value a seed.",
        function(_functional, "functional(norms)"),
        "first the mean over k inside the run, then the mean over seeds; never the minimum over k.",
    ),
    Exercise(
        "e-value",
        "Write e_value(values, bound, bet): start with 1 and multiply by 1 + bet (y / bound - 1) for each "
        "value y.",
        function(_e_value, FORM),
        "if E y <= bound, no factor gains on average: whoever is rich after many seeds has seen evidence.",
    ),
    Exercise(
        "how-rich",
        "Somebody whose claim is true should be refuted at most once in a thousand such tests. How large "
        "must the "
        "e-value be before we refute?",
        number(
            1000.0,
            {0.001: "that is the level; the e-value must exceed its inverse."},
            "if E e <= 1, then e exceeds 1/p with probability at most p.",
        ),
        "the mean of a fair gambler's stake is at most 1, so it exceeds 1000 with probability at most "
        "1/1000.",
    ),
    Exercise(
        "tight-instance",
        "On a tight instance the mean over 40 seeds is 0.9996 times the bound. Which verdict is honest: "
        "'supported', "
        "'not refuted' or 'refuted'?",
        one_of(
            "not refuted",
            {
                "supported": "the error of the mean is larger than 0.0004: the truth may well lie above "
                "the bound.",
                "refuted": "the mean lies below the bound.",
                "confirmed": "no finite sample confirms a theorem.",
            },
        ),
        "equality cannot be told from a small violation by any finite sample, and nothing is ever confirmed.",
    ),
)
