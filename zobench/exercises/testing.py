"""Exercises of tutorial 6: reading a theorem, and testing it."""

from typing import Any

import numpy as np

from zobench.exercises.exercise import Exercise, number, one_of

__all__ = ["EXERCISES"]


def _functional(functional: Any) -> str:
    """Judge ``functional(norms)``: the mean over the steps, one value a seed."""
    norms = np.random.default_rng(6).exponential(size=(5, 40))
    norms[3] *= 9.0  # a seed that went badly
    got = functional(norms.copy())
    if np.shape(got) == ():
        return (
            "one value for each seed is needed: the seeds are what is independent, and their spread is "
            "the error."
        )
    if np.shape(got) != (5,):
        return f"5 seeds of 40 steps must give 5 values, got shape {np.shape(got)}."
    if np.allclose(got, norms.min(axis=1)):
        return (
            "that is the smallest over k: its mean lies far below the theorem's left side, and wrong "
            "solvers pass."
        )
    if np.allclose(got, norms[:, -1]):
        return "that is the last step only; the theorem speaks of the mean over all of them."
    if not np.allclose(got, norms.mean(axis=1)):
        return "it must be the mean over the steps of each seed."
    return ""


def _e_value(e_value: Any) -> str:
    """Judge ``e_value(values, bound, bet)`` = prod (1 + bet (y / bound - 1))."""
    values = np.array([0.5, 1.0, 2.0, 1.5])
    got = e_value(values, 1.0, 0.5)
    right = float(np.prod(1.0 + 0.5 * (values - 1.0)))
    if np.shape(got) != ():
        return "all seeds together make one number: the product of what each bet pays."
    if np.isclose(got, np.mean(1.0 + 0.5 * (values - 1.0))):
        return "that is the mean of what the bets pay. The whole stake is bet again each time: multiply."
    if not np.isclose(got, right):
        return (
            f"for the values {values} with bound 1 and bet 0.5 it must be {right:.6g}, got {float(got):.6g}."
        )
    if not np.isclose(e_value(2.0 * values, 2.0, 0.5), right):
        return "only y / bound counts: values and bound twice as large must give the same."
    return ""


EXERCISES = (
    Exercise(
        "theorems-mean",
        "norms[i, k] is |grad f(x_k)| of seed i. Write functional(norms): what the theorem's left side, "
        "(1/K) sum_k E |grad f(x_k)|, is the mean of over seeds, one value a seed.",
        _functional,
        "first the mean over k inside the run, then the mean over seeds; never the minimum over k.",
    ),
    Exercise(
        "e-value",
        "Write e_value(values, bound, bet): start with 1 and multiply by 1 + bet (y / bound - 1) for each "
        "value y.",
        _e_value,
        "if E y <= bound, no factor gains on average: whoever is rich after many seeds has seen evidence.",
    ),
    Exercise(
        "how-rich",
        "Somebody whose claim is true should be refuted at most once in a thousand such tests. How large "
        "must the "
        "e-value be before we refute?",
        number(
            1000.0, {0.001: "that is the level; the e-value must exceed its inverse.", 999.0: "its inverse."}
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
