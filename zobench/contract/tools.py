"""What the checks of the contract share: how one fails, an objective that is watched, wrong values."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.instance import Parts, Problem, Vector
from zobench.parameters import Certified, Choice, Integer, Real, constraints, validate

__all__ = ["BOWL", "Broken", "Witness", "demand", "demand_refusals", "invalid_values", "same"]


class Broken(AssertionError):
    """A sentence of the contract that does not hold, and how that was seen.

    Examples
    --------
    >>> try:
    ...     demand(1 + 1 == 3, "1 + 1 is 2")
    ... except Broken as fault:
    ...     print(fault)
    1 + 1 is 2
    """


def demand(holds: bool, fault: str) -> None:
    """Raise `Broken` unless something holds.

    Parameters
    ----------
    holds : bool
    fault : str
        What is seen where it does not hold.

    Raises
    ------
    Broken
        With the fault.

    Examples
    --------
    >>> demand(True, "never told")
    >>> demand(1 + 1 == 3, "1 + 1 is 2")
    Traceback (most recent call last):
    zobench.contract.tools.Broken: 1 + 1 is 2
    """
    if not holds:
        raise Broken(fault)


class Data(NamedTuple):
    """Of the bowl: weights and minimiser."""

    weights: Vector
    center: Vector


def objective(x, data):
    """Return 1/2 sum_i w_i (x_i - c_i)^2."""
    total = 0.0
    for i in range(x.size):
        total += data.weights[i] * (x[i] - data.center[i]) ** 2
    return 0.5 * total


def gradient(x, data, out):
    """Write w_i (x_i - c_i)."""
    for i in range(x.size):
        out[i] = data.weights[i] * (x[i] - data.center[i])


def make(dim, rng, parameters):
    """Draw an instance that certifies every constant a solver may ask for."""
    weights = np.linspace(1.0, 2.0, dim)
    values = {"L": 2.0, "L0": 2.0, "L1": 0.0, "mu": 1.0, "PL": 1.0, "convex": 1.0, "f_star": 0.0}
    values |= {"f_lower": 0.0, "trace": float(weights.sum()), "effective_rank": float(weights.sum() / 2.0)}
    center, x0 = rng.standard_normal(dim), rng.standard_normal(dim)
    values["R0"] = float(np.sqrt(np.sum(weights * (x0 - center) ** 2)))
    proofs = [Certificate(name, value, "The weights lie between 1 and 2.") for name, value in values.items()]
    return Parts(x0, Data(weights, center), tuple(proofs), center)


BOWL = Problem("contract-bowl", "a bowl", objective, make, source="none", data=Data, gradient=gradient)


class Witness:
    """An objective in Python that counts its calls and keeps the points.

    Parameters
    ----------
    answer : callable
        ``answer(x, count)``, with the number of this call, from 1.
    slope : callable, optional
        ``slope(x)``, the gradient.

    Examples
    --------
    >>> watched = Witness(lambda x, count: float(x.sum()) + count)
    >>> watched(np.ones(3)), watched(np.zeros(3))
    (4.0, 2.0)
    >>> watched.count, [point.tolist() for point in watched.points]
    (2, [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    """

    def __init__(
        self,
        answer: Callable[[NDArray[np.float64], int], float],
        slope: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
    ):
        self.answer, self.slope, self.count = answer, slope, 0
        self.points: list[NDArray[np.float64]] = []

    def __call__(self, x: NDArray[np.float64]) -> float:
        """Answer and take note.

        Parameters
        ----------
        x : array of shape (d,)
            Copied into `points`.

        Returns
        -------
        float
        """
        self.count += 1
        self.points.append(x.copy())
        return self.answer(x, self.count)

    def gradient(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Answer a first-order method: `slope`, or else what was last answered, in every coordinate.

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        array of shape (d,)
        """
        if self.slope is not None:
            return self.slope(x)
        return np.full(x.size, self.answer(x, self.count))


def same(a: Any, b: Any) -> bool:
    """Tell whether two arrays, or two lists of arrays, hold the same numbers.

    Parameters
    ----------
    a, b : array or list of array

    Returns
    -------
    bool
        NaN is the same as NaN.

    Examples
    --------
    >>> same([1.0, np.nan], [1.0, np.nan]), same(0.1 + 0.2, 0.3)
    (True, False)
    """
    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)


def invalid_values(rule: Any) -> Iterator[Any]:
    """Yield values that a rule must refuse.

    Parameters
    ----------
    rule : Real, Integer or Choice
        Of a parameter.

    Yields
    ------
    object

    Examples
    --------
    >>> list(invalid_values(Integer(1, 10)))
    ['no such value', True, None, inf, 0.5, 0, 11]
    """
    yield "no such value"
    if isinstance(rule, Choice):
        yield 1
        return
    yield from (True, None, np.inf)
    if isinstance(rule, Real):
        if not isinstance(rule, Certified):
            yield np.nan
        if np.isfinite(rule.low):
            yield rule.low if rule.open else rule.low - 1.0
        if np.isfinite(rule.high):
            yield rule.high if rule.open else rule.high + 1.0
    if isinstance(rule, Integer):
        yield from (0.5, rule.low - 1, rule.high + 1)


def demand_refusals(parameters: type, who: str) -> None:
    """Demand of every parameter that wrong values are refused with owner and parameter named.

    Parameters
    ----------
    parameters : type
        A NamedTuple class whose fields carry rules.
    who : str
        The owner, such as ``"solver 's2p'"``.

    Raises
    ------
    Broken
        If a wrong value is accepted, or refused without saying whose it is.

    Examples
    --------
    >>> from zobench.solver import solver
    >>> demand_refusals(solver("s2p").parameters, "solver 's2p'")
    """
    faults = [
        (name, value) for name, rule in constraints(parameters).items() for value in invalid_values(rule)
    ]
    for name, value in [*faults, ("no_such_parameter", 1)]:
        try:
            validate(parameters, {name: value}, who)
        except ZobenchError as error:
            demand(
                who in str(error) and name in str(error), f"{name}={value!r} is refused with {str(error)!r}"
            )
        else:
            raise Broken(f"{name}={value!r} is accepted")
