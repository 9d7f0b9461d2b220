"""Exercises of the course in ``docs/learn``: give an answer, hear whether it is right, and why.

Examples
--------
>>> from zobench.exercises import check
>>> check("stp-steps", 333)
Not yet: f(x_k) is remembered from step to step, so a step asks only two new points.
>>> check("stp-steps", 500)
Right: one query for f(x0), then two a step: (1001 - 1) / 2.
"""

from zobench.exercises.exercise import Exercise, check, exercises, judge

__all__ = ["Exercise", "check", "exercises", "judge"]
