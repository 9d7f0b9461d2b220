"""Noise: what a query of any problem is answered with besides the value.

========================  ==========================================================  ====================
law                       answer                                                      level
========================  ==========================================================  ====================
gaussian                  f(x) + level N, N standard normal                           in units of f
multiplicative            f(x) (1 + level N)                                          relative
heavy-tailed              f(x) + level T, T of Student's law with `degrees` degrees   in units of f
quantised                 the multiple of level nearest to f(x); nothing random       in units of f
failure                   NaN with probability level, else f(x)                       a probability
========================  ==========================================================  ====================

In mode ``independent`` every query draws afresh.  In mode ``common`` the queries of a step that holds its
sample share one draw, as they share the sample of a stochastic problem (common random numbers); the queries
of a step that does not hold draw afresh.

The solver sees the noisy answer.  The record (best, hits, the values of a trace) has f(x) itself, taken at
the very query; a query that failed is counted and finds nothing.  On a stochastic problem the noise comes on
top of the sample.

On the command line, in a campaign's file and in Python alike::

    zobench run -p quadratic:dim=10,noise=gaussian,noise_level=0.1,noise_mode=common -s s2p --budget 1000
    zobench.problem("quadratic", dim=10, noise="gaussian", noise_level=0.1, noise_mode="common")
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from zobench.errors import ZobenchError, unknown
from zobench.parameters import Choice, Real, convert, validate

__all__ = ["LAWS", "PREFIX", "Facts", "Noise", "noise_of"]

#: The laws, each with what it does to an answer.
LAWS = {
    "gaussian": "adds level times a normal variate",
    "multiplicative": "multiplies by 1 plus level times a normal variate",
    "heavy-tailed": "adds level times a variate of Student's law",
    "quantised": "rounds to the nearest multiple of level",
    "failure": "answers NaN with probability level",
}
MODES = ("independent", "common")
#: Parameters of noise as they stand among those of a problem; no problem may have one of these names.
PREFIX = "noise"


class Parameters(NamedTuple):
    """What can be chosen, besides the law."""

    noise_level: Annotated[float, Real(0.0)]
    noise_degrees: Annotated[float, Real(0.5, 1e6)] = 3.0
    noise_mode: Annotated[str, Choice(*MODES)] = "independent"


class Facts(NamedTuple):
    """What is known of a law, given that the query was answered.

    Attributes
    ----------
    unbiased : bool
        Whether the mean answer is f(x).
    variance : float
        Of the answer: variance + relative_variance f(x)^2.  Infinite with at most two degrees of freedom.
    relative_variance : float
    tail_index : float
        The noise has a finite moment of order p for every p below.
    bias : float
        A bound on |mean answer - f(x)|.
    failure : float
        Probability that there is no answer.

    Examples
    --------
    >>> Noise("gaussian", 0.5).facts.variance, Noise("quantised", 0.5).facts.bias
    (0.25, 0.25)
    """

    unbiased: bool
    variance: float
    relative_variance: float
    tail_index: float
    bias: float
    failure: float


@dataclass(frozen=True)
class Noise:
    """A law of noise with its parameters.

    Parameters
    ----------
    law : str
        A key of `LAWS`.
    level : float
        At least 0, which leaves every answer alone; of ``failure`` a probability.
    degrees : float
        Degrees of freedom of ``heavy-tailed``, at least 0.5: the moments of lower order are finite.
    mode : {"independent", "common"}
        Whether queries of a step that holds its sample share the draw.

    Raises
    ------
    ZobenchError
        With every fault of the parameters.

    Examples
    --------
    >>> Noise("gaussian", 0.1).text
    'gaussian level=0.1 mode=independent'
    >>> Noise("heavy-tailed", 1, degrees=2.5).facts.variance
    5.0
    """

    law: str
    level: float
    degrees: float = 3.0
    mode: str = "independent"

    def __post_init__(self) -> None:
        who = f"noise {self.law!r}"
        if self.law not in LAWS:
            raise unknown("noise", str(self.law), LAWS)
        given = {"noise_level": self.level, "noise_degrees": self.degrees, "noise_mode": self.mode}
        chosen = validate(Parameters, given, who)
        if self.law == "failure":
            convert(chosen.noise_level, Real(0.0, 1.0), f"{who}: noise_level")
        for name, value in chosen._asdict().items():
            object.__setattr__(self, name.removeprefix(f"{PREFIX}_"), value)
        # what a law does not read has one value only, so that equal noise is equal
        if self.law != "heavy-tailed":
            object.__setattr__(self, "degrees", 3.0)
        if self.law == "quantised":
            object.__setattr__(self, "mode", "independent")

    @property
    def settings(self) -> dict[str, Any]:
        """What the law reads, by name."""
        names = ["level", *["degrees"] * (self.law == "heavy-tailed"), *["mode"] * (self.law != "quantised")]
        return {name: getattr(self, name) for name in names}

    @property
    def text(self) -> str:
        """The noise in one canonical line: what a run's key holds, and `noise_of` reads."""
        return " ".join([self.law, *(f"{name}={value}" for name, value in self.settings.items())])

    @property
    def name(self) -> str:
        """The noise as the command line writes it."""
        return ",".join(
            [f"{PREFIX}={self.law}", *(f"{PREFIX}_{name}={value}" for name, value in self.settings.items())]
        )

    @property
    def varies(self) -> bool:
        """Whether two queries at one point may answer differently."""
        return self.law != "quantised" and self.level > 0.0

    @property
    def numbers(self) -> tuple[float, float]:
        """What the compiled law reads."""
        return self.level, self.degrees

    @property
    def address(self) -> int:
        """Of ``double noise(double value, long key, double *parameters)``, compiled when first wanted."""
        from zobench.noise_laws import address_of_law

        return address_of_law(self.law)

    @property
    def facts(self) -> Facts:
        """What is known of the law."""
        square, still = self.level**2, self.level == 0.0
        if self.law == "gaussian":
            return Facts(True, square, 0.0, math.inf, 0.0, 0.0)
        if self.law == "multiplicative":
            return Facts(True, 0.0, square, math.inf, 0.0, 0.0)
        if self.law == "heavy-tailed":
            nu = self.degrees
            variance = square * nu / (nu - 2.0) if nu > 2.0 else math.inf
            # without a first moment there is no mean to be unbiased
            return Facts(
                still or nu > 1.0,
                0.0 if still else variance,
                0.0,
                math.inf if still else nu,
                0.0 if still or nu > 1.0 else math.inf,
                0.0,
            )
        if self.law == "quantised":
            return Facts(still, 0.0, 0.0, math.inf, self.level / 2.0, 0.0)
        return Facts(True, 0.0, 0.0, math.inf, 0.0, self.level)

    def answer(self, value: float, key: int) -> float:
        """Give the answer to a query of this value, as the oracle does, for a key of 64 bits.

        Parameters
        ----------
        value : float
            f(x).
        key : int
            The same key gives the same draw.

        Returns
        -------
        float

        Examples
        --------
        >>> Noise("quantised", 0.25).answer(1.1, key=7)
        1.0
        """
        import ctypes

        numbers = (ctypes.c_double * 2)(*self.numbers)
        call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_int64, ctypes.c_void_p)
        return float(call(self.address)(value, key, ctypes.addressof(numbers)))


_TEXT = re.compile(r"\S+( \w+=\S+)*")


def noise_of(given: "Noise | str | None", settings: Mapping[str, Any], who: str) -> Noise | None:
    """Read noise as problems take it.

    Parameters
    ----------
    given : Noise, str or None
        A law, ``"none"``, or the line that `Noise.text` writes.
    settings : mapping
        `noise_level`, `noise_degrees`, `noise_mode` as given.
    who : str
        The owner as the user named it.

    Returns
    -------
    Noise or None

    Raises
    ------
    ZobenchError
        With every fault.

    Examples
    --------
    >>> noise_of("gaussian level=0.1", {"noise_mode": "common"}, "problem 'mine'").text
    'gaussian level=0.1 mode=common'
    """
    if given is None:
        if settings:
            laws = ", ".join(repr(law) for law in (*LAWS, "none"))
            raise ZobenchError(
                f"{who}: {', '.join(settings)} needs a law of noise, noise={next(iter(LAWS))} for one; "
                f"the laws are {laws}"
            )
        return None
    if isinstance(given, Noise):
        if settings:
            raise ZobenchError(
                f"{who}: noise is given as {given.text!r}, so {', '.join(settings)} must not be"
            )
        return given
    if not isinstance(given, str) or not _TEXT.fullmatch(given):
        raise ZobenchError(f"{who}: noise must be one of {', '.join(map(repr, LAWS))}, got {given!r}")
    law, *words = given.split(" ")
    if law not in LAWS and law != "none":
        raise unknown(f"{who}: noise", law, [*LAWS, "none"])
    written = {f"{PREFIX}_{name}": value for name, _, value in (word.partition("=") for word in words)}
    twice = [name for name in settings if name in written]
    if twice:
        raise ZobenchError(f"{who}: {', '.join(twice)} must be given once")
    every = {**written, **settings}
    if law == "none":
        # the rest means nothing then, so that a table can list "none" beside the laws
        validate(Parameters, {"noise_level": 0.0, **every}, who)
        return None
    chosen = validate(Parameters, every, who)
    if law == "failure":
        convert(chosen.noise_level, Real(0.0, 1.0), f"{who}: noise_level")
    return Noise(law, *chosen)
