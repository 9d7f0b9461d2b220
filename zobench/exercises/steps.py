"""Exercises of tutorial 4: step sizes, and what happens when they are wrong."""

import math

from zobench.exercises.exercise import Exercise, number, one_of

__all__ = ["EXERCISES"]

EXERCISES = (
    Exercise(
        "best-scale",
        "S2P's bound is proportional to D0/a + L a/2, where a = alpha0. Which a makes it smallest if D0 = "
        "8 and "
        "L = 4?",
        number(
            2.0,
            {
                math.sqrt(2.0): "the derivative of L a/2 is L/2, not L.",
                4.0: "the derivative of D0/a is -D0/a^2: take the root.",
                1.0: "both terms should be equal at the minimum; here they are 8 and 2.",
            },
            "put the derivative, -D0/a^2 + L/2, to 0.",
        ),
        "a = sqrt(2 D0 / L), where both terms are equal.",
    ),
    Exercise(
        "ten-times-too-long",
        "alpha0 is ten times the best one. By what factor does D0/a + L a/2 grow?",
        number(
            5.05,
            {
                10.0: "the first term becomes smaller while the second grows.",
                10.1: "at the best a each term is one half of the sum.",
                5.0: "the first term is small now, but it is still there.",
            },
            "at the best a both terms are one half of the sum; now one is a tenth, one tenfold.",
        ),
        "(1/10 + 10) / 2: ten times too long is exactly as bad as ten times too short.",
    ),
    Exercise(
        "what-stalls",
        "A fixed alpha on a quadratic: far along, is the error a floor that does not sink ('floor'), or "
        "does it "
        "keep sinking ('sinks'), or does it grow without end ('diverges')?",
        one_of(
            "floor",
            {
                "sinks": "close to the minimiser both points lie on the far side of it, and the better of "
                "two "
                "bad points is bad.",
                "diverges": "a step has length alpha |s|, and far away the better point is nearer: S2P "
                "with a "
                "fixed step cannot run away on a quadratic.",
            },
        ),
        "once |grad f| is about L alpha d / (2 m1), what a step gains and what it loses are equal.",
    ),
)
