"""``zobench.ask_tell``: the same run for an objective that is evaluated elsewhere, and answered later.

`zobench.interfaces.replay` tells how a compiled step is asked without being suspended.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from zobench.driver import Run
from zobench.errors import ZobenchError
from zobench.interfaces.optimize import begin, method_of, result_of
from zobench.interfaces.replay import Replayed, Slot, number
from zobench.noise import Noise
from zobench.parameters import Integer, convert, named
from zobench.solver import Solver
from zobench.trace import RunKey

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

__all__ = ["Study", "ask_tell"]

_Vector = NDArray[np.float64]


def ask_tell(
    solver: str | Solver,
    x0: Any,
    *,
    budget: int | None = None,
    seed: int | RunKey = 0,
    parameters: Mapping[str, Any] | None = None,
    noise: Noise | str | None = None,
    answers: Iterable[Any] = (),
) -> "Study":
    """Minimise an objective that zobench does not call: ask for points, tell the values there.

    The points, their number and the result are bitwise those of `zobench.minimize` with the same arguments.

    Parameters
    ----------
    solver, x0, budget, seed, parameters, noise
        As for `zobench.minimize`; any solver that zobench steps itself.
    answers : iterable, optional
        `Study.answers` of a study of the same arguments, which is taken up where that one was.

    Returns
    -------
    Study

    Raises
    ------
    ZobenchError
        If the request is at fault.

    Examples
    --------
    One point at a time:

    >>> import zobench
    >>> study = zobench.ask_tell("vs2p", [1.0, 2.0], budget=100, seed=3)
    >>> while not study.done:
    ...     x = study.ask()
    ...     study.tell(x, float(x @ x))
    >>> result = zobench.minimize(lambda x: float(x @ x), [1.0, 2.0], solver="vs2p", budget=100, seed=3)
    >>> study.result().nfev, study.result().fun == result.fun
    (100, True)

    Points that do not wait for each other's answers, told in any order:

    >>> study = zobench.ask_tell("nes", [1.0, 2.0], budget=100, parameters={"pairs": 4})
    >>> points = study.ask(16)
    >>> points.shape
    (8, 2)
    >>> for x in reversed(points):
    ...     study.tell(x, float(x @ x))

    A study is saved with pickle, or as its answers, which JSON takes; it goes on in any other process:

    >>> request = {"budget": 100, "parameters": {"pairs": 4}}
    >>> again = zobench.ask_tell("nes", [1.0, 2.0], **request, answers=study.answers)
    >>> len(study.answers), bool((again.ask() == study.ask()).all())
    (8, True)
    """
    request = {"budget": budget, "seed": seed, "parameters": named(parameters), "noise": noise}
    if not isinstance(answers, Iterable) or isinstance(answers, (str, bytes)):
        raise ZobenchError(f"answers must be those of a study (Study.answers), got {answers!r}")
    return Study(method_of(solver), x0, request, answers)


class Study:
    """A run whose queries are answered from outside; made by `ask_tell`.

    A first-order method wants gradients as well: ``study.tell(x, value, gradient=g)``.  Methods may be called
    from several threads.

    Parameters
    ----------
    method : Solver
    x0 : array_like of shape (d,)
    request : mapping
        The arguments budget, seed, parameters and noise of `ask_tell`.
    answers : iterable
        `Study.answers` of a study that is taken up.

    Raises
    ------
    ZobenchError
        If the request is at fault, the method owns its loop, or the answers are not of such a study.

    Examples
    --------
    >>> import zobench
    >>> study = zobench.ask_tell("s2p", [1.0, 2.0], budget=10)
    >>> x = study.ask()
    >>> study
    <Study of s2p, 0 of 10 queries told, 1 points wait for answers>
    >>> study.tell(x, float(x @ x))
    >>> study
    <Study of s2p, 1 of 10 queries told, 0 points wait for answers>
    """

    def __init__(self, method: Solver, x0: Any, request: Mapping[str, Any], answers: Iterable[Any] = ()):
        if type(method).begin is not Solver.begin:
            raise ZobenchError(
                f"solver {method.name!r} owns its loop, which cannot be replayed for ask and tell: use "
                "zobench.minimize, or a solver that zobench steps itself (zobench list solvers)"
            )
        self._lock = threading.RLock()
        self._request = dict(request)

        def start(value: Any, slope: Any) -> Run:
            return begin(method, value, x0, jac=slope if method.gradients else None, **self._request)

        self._steps = Replayed(start, answers)
        self._going = self._steps.going

    def __repr__(self) -> str:
        going = self._going
        state = f"over: {going.over}" if going.over else f"{len(self._steps.waiting)} points wait for answers"
        return f"<Study of {going.solver.name}, {len(self.answers)} of {going.budget} queries told, {state}>"

    # what the user does

    @property
    def done(self) -> bool:
        """Whether the run is over: the budget is spent, or the solver ended it."""
        with self._lock:
            return self._steps.over

    @overload
    def ask(self) -> _Vector: ...

    @overload
    def ask(self, n: int) -> _Vector: ...

    def ask(self, n: int | None = None) -> _Vector:
        """Give points at which f is wanted; each is given once.

        Parameters
        ----------
        n : int, optional
            As many points at most.

        Returns
        -------
        vector of shape (d,), or array of shape (m, d) where n is given
            With n: the m <= n next points that do not depend on answers not yet told; none (m = 0) where all
            of these wait for their answers.

        Raises
        ------
        ZobenchError
            If the run is over, or, without n, if there is no point to give before an answer is told.
        """
        with self._lock:
            count = 1 if n is None else convert(n, Integer(1), "ask: the number of points")
            if self._steps.over:
                raise ZobenchError(f"ask: {self._ended()}")
            fresh = self._steps.fresh(count)
            if n is None and self._going.over and not fresh:
                raise ZobenchError(f"ask: {self._ended()}")
            if n is None and not fresh:
                raise ZobenchError(
                    "ask: the next point depends on answers that are not told yet: "
                    f"{len(self._steps.waiting)} in all (Study.pending)"
                )
            for slot in fresh:
                slot.asked = True
            points = np.array([slot.point for slot in fresh]).reshape(-1, self._going.x.size)
            return points if n is not None else points[0]

    @overload
    def tell(self, value: Any, /, *, gradient: Any = None) -> None: ...

    @overload
    def tell(self, x: Any, value: Any, /, *, gradient: Any = None) -> None: ...

    def tell(self, *given: Any, gradient: Any = None) -> None:
        """Answer: ``tell(x, value)``, ``tell(points, values)``, or ``tell(value)`` where one point waits.

        Parameters
        ----------
        x : vector of shape (d,), or array of shape (m, d)
            As `ask` gave it, bit by bit; in any order.
        value : float, or vector of size m
            f(x).  NaN and infinities are answers, too.
        gradient : vector of shape (d,), or array of shape (m, d), optional
            The gradient at x; first-order methods want it.

        Raises
        ------
        ZobenchError
            If x does not wait for an answer, or an answer is not a number.  Nothing is told then.
        """
        if len(given) not in (1, 2):
            raise ZobenchError(f"tell: give (x, value), or (value) alone, got {len(given)} arguments")
        with self._lock:
            told = self._matched(*self._rows(given, gradient))
            for slot, value, slope in told:
                slot.answer, slot.gradient = value, slope
            if told:
                self._steps.changed()

    @property
    def pending(self) -> _Vector:
        """The points that were given and wait for their answers, shape (m, d)."""
        with self._lock:
            waiting = [slot.point for slot in self._steps.waiting]
            return np.array(waiting).reshape(-1, self._going.x.size)

    @property
    def wants_gradient(self) -> bool:
        """Whether answers must come with the gradient, ``tell(x, value, gradient=g)``."""
        return self._going.solver.gradients

    @property
    def best(self) -> float:
        """The smallest value told so far, as `result` counts them; infinite before the first finite one."""
        return float(self.result().trace.best)

    @property
    def answers(self) -> list[Any]:
        """What was told, in the order of the queries, up to the first that is missing.

        Enough to take the study up again; with a first-order method each is a pair of value and gradient.
        Pickle also keeps answers beyond the first missing, and which points are pending.
        """
        with self._lock:
            return self._steps.told

    def result(self) -> "OptimizeResult":
        """Give what `zobench.minimize` answers; before the end, of the answers told up to the first missing.

        Returns
        -------
        scipy.optimize.OptimizeResult
        """
        with self._lock:
            with self._steps.cut_short():
                return result_of(self._going, self._going.over)

    # saving

    def __getstate__(self) -> dict[str, Any]:
        from zobench.registry import catalogue

        method = self._going.solver
        if catalogue("solvers").get(method.name) is not method:
            raise ZobenchError(
                f"solver {method.name!r} is not registered, so a study of it cannot be pickled: keep "
                "Study.answers and give them to ask_tell(..., answers=...)"
            )
        with self._lock:
            return {
                "solver": method.name,
                "x0": self._going.x0,
                "request": self._request,
                "history": list(self._steps.history),
                "points": self._steps.points.hexdigest(),
                "slots": [replace(slot) for slot in self._steps.slots],
                "withdrawn": set(self._steps.withdrawn),
            }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(method_of(state["solver"]), state["x0"], state["request"], state["history"])  # type: ignore[misc]
        if self._steps.points.hexdigest() != state["points"]:
            raise ZobenchError(
                f"the study was saved with another version of solver {state['solver']!r}, which asks other "
                "points: its answers do not belong to the points of this one"
            )
        self._steps.slots, self._steps.withdrawn = state["slots"], state["withdrawn"]
        self._steps.changed()

    # reading what is told

    def _rows(self, given: tuple[Any, ...], gradient: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Read points, values and gradients, one of each a row."""
        dim = self._going.x.size
        if len(given) == 1:
            waiting = self._steps.waiting
            if len(waiting) != 1:
                raise ZobenchError(f"tell: {len(waiting)} points wait for answers: tell(x, value)")
            return [waiting[0].point], [given[0]], [gradient]
        try:
            points = np.array(given[0], dtype=np.float64)
        except (TypeError, ValueError):
            raise ZobenchError(f"tell: x must be a vector of numbers, got {given[0]!r}") from None
        if points.ndim < 2 and points.size == dim:
            return [points.reshape(dim)], [given[1]], [gradient]
        if points.ndim != 2 or points.shape[1] != dim:
            raise ZobenchError(f"tell: x must have shape ({dim},) or (m, {dim}), got {points.shape}")
        values = list(given[1]) if np.iterable(given[1]) else [given[1]]
        if len(values) != len(points):
            raise ZobenchError(f"tell: {len(points)} points need as many values, got {len(values)}")
        slopes = [None] * len(points) if gradient is None else list(gradient)
        if len(slopes) != len(points):
            raise ZobenchError(f"tell: {len(points)} points need as many gradients, got {len(slopes)}")
        return list(points), values, slopes

    def _matched(
        self, points: list[Any], values: list[Any], slopes: list[Any]
    ) -> list[tuple[Slot, float, _Vector | None]]:
        """Find the slots that answers are for; complain before anything is changed."""
        told: list[tuple[Slot, float, _Vector | None]] = []
        free = self._steps.waiting
        for point, value, slope in zip(points, values, slopes, strict=True):
            answer, key = number(value, "tell: the value"), point.tobytes()
            slot = next((slot for slot in free if slot.point.tobytes() == key), None)
            if slot is not None:
                free.remove(slot)
                told.append((slot, answer, self._gradient(slot, slope)))
            elif key not in self._steps.withdrawn:
                raise ZobenchError(self._stranger(point))
        return told

    def _gradient(self, slot: Slot, given: Any) -> _Vector | None:
        who = f"solver {self._going.solver.name!r}"
        if given is None:
            if slot.sloped:
                raise ZobenchError(f"tell: {who} wants the gradient at x: tell(x, value, gradient=g)")
            return None
        if not self.wants_gradient:
            raise ZobenchError(f"tell: {who} asks for no gradients, leave gradient out")
        try:
            slope = np.array(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise ZobenchError(f"tell: gradient must be a vector of numbers, got {given!r}") from None
        if slope.shape != slot.point.shape:
            raise ZobenchError(f"tell: gradient must have shape {slot.point.shape}, got {slope.shape}")
        return slope

    def _stranger(self, point: _Vector) -> str:
        """Say what is wrong with a point that does not wait."""
        key = point.tobytes()
        if any(slot.answer is not None and slot.point.tobytes() == key for slot in self._steps.slots):
            return "tell: the value at this x was told already"
        self._steps.settle()
        if self._going.over:
            return f"tell: {self._ended()}"
        waiting = self.pending
        if any(np.allclose(point, other, rtol=1e-5, atol=1e-8, equal_nan=True) for other in waiting):
            return "tell: x is near a point that waits, but must be the same bit by bit, as ask gave it"
        return f"tell: x is none of the {len(waiting)} points that wait: it was told already, or never asked"

    def _ended(self) -> str:
        return f"the run is over.  {self._going.trace().message}"
