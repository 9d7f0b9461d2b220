"""What an exercise is, and how an answer is judged: right or not yet, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from zobench.errors import unknown

__all__ = ["Exercise", "Judgement", "check", "close", "exercises", "judge", "number", "one_of"]

#: One module a tutorial, in the order of the course.
CHAPTERS = ("counting", "points", "directions", "steps", "smoothness", "testing", "lowrank", "authoring")


@dataclass(frozen=True)
class Exercise:
    """One question of the course.

    Attributes
    ----------
    name : str
        As `check` is given it.
    question : str
        In one or two sentences.
    fault : callable
        ``fault(answer) -> str``: what is wrong with the answer, in a sentence; empty if it is right.
    why : str
        Why the right answer is right.
    """

    name: str
    question: str
    fault: Callable[[Any], str]
    why: str


@dataclass(frozen=True)
class Judgement:
    """What is said of an answer: whether it is right, and why (not)."""

    right: bool
    words: str


@cache
def exercises() -> dict[str, Exercise]:
    """Give every exercise by its name, in the order of the course."""
    modules = (import_module(f"zobench.exercises.{chapter}") for chapter in CHAPTERS)
    return {each.name: each for module in modules for each in module.EXERCISES}


def judge(name: str, answer: Any) -> Judgement:
    """Judge an answer.

    Parameters
    ----------
    name : str
        Of the exercise.
    answer : object
        A number, a word or a function, as the question asks.

    Returns
    -------
    Judgement

    Raises
    ------
    ZobenchError
        If no exercise has this name.
    """
    if name not in exercises():
        raise unknown("exercise", name, exercises())
    exercise = exercises()[name]
    if answer is ...:
        return Judgement(False, f"put your answer in place of the dots. {exercise.question}")
    try:
        fault = exercise.fault(answer)
    except Exception as error:  # a student's function may raise anything; that is an answer, too
        first, *_ = str(error).splitlines() or [""]
        fault = f"your answer raised {type(error).__name__}: {first}"
    return Judgement(not fault, fault or exercise.why)


def check(name: str, answer: Any) -> None:
    """Print whether an answer is right, and why; see `judge`."""
    judgement = judge(name, answer)
    print(f"{'Right' if judgement.right else 'Not yet'}: {judgement.words}")


def close(answer: Any, value: float, tolerance: float = 1e-3) -> bool:
    """Whether an answer is a number within a relative tolerance of a value."""
    return bool(np.isclose(float(answer), value, rtol=tolerance, atol=0.0))


def number(value: float, hints: dict[float, str]) -> Callable[[Any], str]:
    """Make the judge of a question that is answered by a number.

    Parameters
    ----------
    value : float
        The right answer: a whole number exactly, another to a thousandth.
    hints : dict
        What to say to the wrong answers that one can foresee.

    Returns
    -------
    callable
        ``fault(answer) -> str``.
    """
    tolerance = 1e-12 if float(value).is_integer() else 1e-3

    def fault(answer: Any) -> str:
        if isinstance(answer, bool) or not isinstance(answer, (int, float, np.number)):
            return f"the answer is a number, got {answer!r}."
        if close(answer, value, tolerance):
            return ""
        for wrong, words in hints.items():
            if close(answer, wrong, tolerance):
                return words
        return f"{answer:g} is too {'large' if float(answer) > value else 'small'}."

    return fault


def one_of(right: str, wrong: dict[str, str]) -> Callable[[Any], str]:
    """Make the judge of a question that is answered by one of a few words.

    Parameters
    ----------
    right : str
    wrong : dict
        The other words, and what to say to them.

    Returns
    -------
    callable
        ``fault(answer) -> str``.
    """

    def fault(answer: Any) -> str:
        if answer == right:
            return ""
        return wrong.get(
            answer, f"the answer is one of {', '.join(sorted([right, *wrong]))}, got {answer!r}."
        )

    return fault
