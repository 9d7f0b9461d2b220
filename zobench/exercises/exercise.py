"""What an exercise is, and how an answer is judged: right or not yet, and why."""

import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from zobench.errors import ZobenchError, unknown
from zobench.exercises.answers import Wrong, plain_number

__all__ = ["Exercise", "Judgement", "check", "exercises", "judge", "number", "one_of"]

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

    Examples
    --------
    >>> half = Exercise("half", "What is 1/2?", number(0.5, {2.0: "that is 2/1."}, "divide."), "half of 1.")
    >>> half.fault(0.5), half.fault(2.0), half.fault(0.1)
    ('', 'that is 2/1.', '0.1 is too small: divide.')
    """

    name: str
    question: str
    fault: Callable[[Any], str]
    why: str


@dataclass(frozen=True)
class Judgement:
    """What is said of an answer.

    Attributes
    ----------
    right : bool
    words : str
        Why it is right, or what is wrong with it.

    Examples
    --------
    >>> judge("queries-of-a-run", 500)
    Judgement(right=False, words='two a step.')
    """

    right: bool
    words: str


@cache
def exercises() -> dict[str, Exercise]:
    """Give every exercise by its name, in the order of the course.

    Returns
    -------
    dict
        Name to `Exercise`.

    Examples
    --------
    >>> list(exercises())[:3]
    ['forward-differences', 'stp-steps', 'count']
    """
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

    Examples
    --------
    >>> judge("queries-of-a-run", 1000).right
    True
    >>> judge("clipped-length", lambda gamma, L0, L1: gamma / L0).words
    'a length is never negative: take |gamma|; the sign gives the direction.'
    """
    if name not in exercises():
        raise unknown("exercise", name, exercises())
    exercise = exercises()[name]
    if answer is ...:
        return Judgement(False, f"put your answer in place of the dots. {exercise.question}")
    try:
        fault = exercise.fault(answer)
    except Wrong as wrong:
        fault = str(wrong)
    except (Exception, SystemExit) as error:  # an answer may be any object, and objects may do anything
        first, *_ = str(error).splitlines() or [""]
        fault = f"{type(error).__name__} was raised when it was tried: {first}"
    return Judgement(not fault, fault or exercise.why)


def check(name: str, answer: Any) -> None:
    """Print whether an answer is right, and why; see `judge`.

    Parameters
    ----------
    name : str
        Of the exercise; the nearest ones are told if there is none of this name.
    answer : object
        A number, a word or a function, as the question asks; ``...`` to be told the question.

    Examples
    --------
    >>> check("queries-of-a-run", ...)
    Not yet: put your answer in place of the dots. How many queries do 500 steps of S2P take?
    >>> check("queries-of-a-run", 1000)
    Right: two a step, and none before the first.
    """
    try:
        judgement = judge(name, answer)
    except ZobenchError as error:
        print(error)
    else:
        print(f"{'Right' if judgement.right else 'Not yet'}: {judgement.words}")


def number(value: float, hints: dict[float, str], idea: str) -> Callable[[Any], str]:
    """Make the judge of a question that is answered by a number.

    Parameters
    ----------
    value : float
        The right answer: a whole number up to rounding, another to three digits.
    hints : dict
        What to say to the wrong answers that one can foresee.
    idea : str
        What to say to all others: how one comes to the right one.

    Returns
    -------
    callable
        ``fault(answer) -> str``.

    Examples
    --------
    >>> fault = number(500, {333: "STP remembers f(x)."}, "a step asks two points.")
    >>> fault(500), fault(333), fault(1000)
    ('', 'STP remembers f(x).', '1000 is too large: a step asks two points.')
    """
    whole = float(value).is_integer()
    tolerance = 1e-6 if whole else 1e-3  # single precision is precise enough

    def fault(answer: Any) -> str:
        given = plain_number(answer, "the answer")
        if np.isclose(given, value, rtol=tolerance, atol=1e-12):
            return ""
        for wrong, words in hints.items():
            if np.isclose(given, wrong, rtol=tolerance, atol=1e-12):
                return words
        if not whole and np.isclose(given, value, rtol=0.02, atol=0.0):
            return f"{given:g} is nearly right: give three digits, or the formula."
        return f"{given:g} is too {'large' if given > value else 'small'}: {idea}"

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
        ``fault(answer) -> str``; capitals, hyphens and spaces around do not matter.

    Examples
    --------
    >>> fault = one_of("not refuted", {"supported": "the error of the mean is larger."})
    >>> fault("Not-refuted"), fault("supported")
    ('', 'the error of the mean is larger.')
    >>> fault(1)
    "the answer is one of the words 'not refuted', 'supported', got 1."
    """

    def fault(answer: Any) -> str:
        word = " ".join(answer.lower().replace("-", " ").split()) if isinstance(answer, str) else None
        if word == right:
            return ""
        words = ", ".join(repr(each) for each in sorted([right, *wrong]))
        return wrong.get(word or "", f"the answer is one of the words {words}, got {reprlib.repr(answer)}.")

    return fault
