"""``zobench.minimize``: any solver on any objective, answering as SciPy does."""

import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zobench.certificate import Certificates
from zobench.driver import Run
from zobench.errors import ConversionWarning, ZobenchError, nearest
from zobench.instance import Instance
from zobench.noise import Noise, noise_of
from zobench.objective import objective_of
from zobench.parameters import Integer, convert, named
from zobench.solver import Setting, Solver
from zobench.solver import solver as solver_of
from zobench.trace import RunKey, Trace

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

__all__ = ["begin", "caller_level", "message_of", "method_of", "minimize", "minimize_with", "result_of"]

TRAJECTORY = np.dtype([("queries", "i8"), ("best", "f8"), ("value", "f8")])
#: What is given beside the parameters, so that one who puts it among them is told.
ARGUMENTS = ("budget", "callback", "jac", "noise", "seed", "x0")
LARGEST = 2**62


def minimize(
    fun: Any,
    x0: Any = None,
    *,
    solver: str | Solver = "s2p",
    budget: int | None = None,
    seed: int | RunKey = 0,
    callback: Callable[..., Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    noise: Noise | str | None = None,
    jac: Callable[..., Any] | None = None,
) -> "OptimizeResult":
    """Minimise an objective with a registered solver, counting every query.

    Parameters
    ----------
    fun : callable, Instance or C function pointer
        A callable of one vector of shape (d,) that answers a number; what `zobench.problem` answers; or a
        pointer (ctypes, numba ``cfunc``, cffi, ``scipy.LowLevelCallable``) of signature
        ``double f(double *x, long dim, double *data)``.
    x0 : array_like of shape (d,)
        The start; never changed.  An instance brings its own.  Runs are in float64: lists and whole numbers
        are converted, and so is float32, with a `zobench.ConversionWarning`.
    solver : str or Solver
        ``zobench list solvers`` lists them; a solver's module, ``zobench.solvers.s2p``, also serves.
    budget : int, optional
        Queries allowed; 200 (d + 1) if not given.
    seed : int or RunKey
        The same arguments give the same bits.  With the key of a trace the random streams are those of that
        run, whatever the objective is now.
    callback : callable, optional
        Called after each step, as SciPy does: ``callback(intermediate_result)`` if its parameter has that
        name, else ``callback(x)``.  Raising StopIteration ends the run.
    parameters : mapping, optional
        The solver's parameters; its published defaults where not given.
    noise : Noise or str, optional
        What queries are answered with besides the value, such as ``"gaussian level=0.1"``; an instance may
        bring its own.
    jac : callable, optional
        ``jac(x)``, the gradient of shape (d,), for first-order methods (``lowrank-heavy-ball``); an instance
        brings its own.

    Returns
    -------
    scipy.optimize.OptimizeResult
        With `x` and `fun` of the best query (of the last iterate where answers are noisy or samples), `nfev`
        the queries counted, `njev` those with a gradient, `nit` the steps, `success`, `status` (0 budget
        spent, 1 the solver ended the run, 2 the callback did), `message`, `trace`, and `trajectory`: a
        structured array of log-spaced query counts with the fields `queries`, `best` (the best value by
        then) and `value` (f at the iterate; NaN for a callable, which is entered for queries only).

    Raises
    ------
    ZobenchError
        If the request is at fault.
    BaseException
        Whatever `fun` raises.

    Examples
    --------
    >>> import zobench
    >>> result = zobench.minimize(lambda x: float(x @ x), [1.0, 2.0], budget=500)
    >>> result.nfev, result.fun < 0.1
    (500, True)
    >>> result.trajectory["queries"][[0, -1]], result.trajectory["best"][-1] == result.fun
    (array([  1, 500]), np.True_)
    """
    return minimize_with(
        method_of(solver),
        fun,
        x0,
        budget=budget,
        seed=seed,
        callback=callback,
        parameters=parameters,
        noise=noise,
        jac=jac,
    )


def minimize_with(
    method: Solver,
    fun: Any,
    x0: Any,
    *,
    callback: Callable[..., Any] | None = None,
    visited: list[NDArray[np.float64]] | None = None,
    **request: Any,
) -> "OptimizeResult":
    """Do what `minimize` does; `begin` has the other arguments.

    Parameters
    ----------
    method : Solver
    fun, x0, callback
        As for `minimize`.
    visited : list, optional
        Every iterate is appended to it, the start first.
    **request
        The arguments that `begin` takes by name.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Raises
    ------
    ZobenchError
        If `callback` cannot be called, or the request is at fault.
    BaseException
        Whatever `fun` or `callback` raises, but for the callback's StopIteration.

    Examples
    --------
    >>> visited = []
    >>> result = minimize_with(
    ...     method_of("stp"), lambda x: float(x @ x), [1.0, 2.0], visited=visited, maxiter=3
    ... )
    >>> result.nit, len(visited), visited[0].tolist()
    (3, 4, [1.0, 2.0])
    """
    if callback is not None and not callable(callback):
        raise ZobenchError(f"callback must be callable, got {callback!r}")
    going = begin(method, fun, x0, **request)
    return result_of(going, _drive(going, callback, visited))


def method_of(given: Any) -> Solver:
    """Give the solver that is meant by a name, a solver, or a solver's module.

    Parameters
    ----------
    given : str, Solver or module

    Returns
    -------
    Solver

    Raises
    ------
    ZobenchError
        If it is none of these, or no solver has that name.

    Examples
    --------
    >>> import zobench
    >>> method_of("stp") is method_of(zobench.solvers.stp)
    True
    """
    if isinstance(given, ModuleType) and hasattr(given, "solver"):
        given = given.solver
    if not isinstance(given, (str, Solver)):
        raise ZobenchError(f"solver must be the name of a solver or a Solver, got {type(given).__name__}")
    return solver_of(given)


def begin(
    method: Solver,
    fun: Any,
    x0: Any,
    *,
    budget: int | None = None,
    seed: int | RunKey = 0,
    parameters: Mapping[str, Any] | None = None,
    noise: Noise | str | None = None,
    jac: Callable[..., Any] | None = None,
    maxiter: int | None = None,
) -> Run:
    """Lay out the run that `minimize` does; see there.

    Parameters
    ----------
    method : Solver
    fun, x0, budget, seed, parameters, noise, jac
        As for `minimize`.
    maxiter : int, optional
        Stop after this many steps.  Where no budget is given, it is what that many steps may ask.

    Returns
    -------
    Run

    Raises
    ------
    ZobenchError
        If the request is at fault.

    Examples
    --------
    >>> going = begin(method_of("s2p"), lambda x: float(x @ x), [1.0, 2.0], budget=10)
    >>> going.advance(steps=2), going.trace().count
    (True, 4)
    >>> going.advance(steps=10), going.trace().count
    (False, 10)
    """
    given = named(parameters)
    _check_names(method, given)
    start = _start(fun, x0)
    steps = None if maxiter is None else _whole(maxiter, 1, "maxiter")
    limit = 200 * (start.size + 1) if budget is None else _whole(budget, 1, "budget")
    key = seed.stream_key() if isinstance(seed, RunKey) else f"minimize {_whole(seed, 0, 'seed')}"
    made = isinstance(fun, Instance)
    objective = objective_of(fun, start.size, jac)
    if noise is not None:
        objective.noise = noise_of(noise, {}, "minimize")
    setting = Setting(
        start.size,
        limit,
        fun.certificates if made else Certificates(),
        objective.varies,
        fun.manifold if made else None,
    )
    options: dict[str, Any] = {"stream_key": key, "keep_best": True}
    if steps is not None:
        options["steps"] = steps
        if budget is None and type(method).begin is Solver.begin:
            cost = method.cost(method.settled(method.choose(given), setting), setting)
            # once more for `init`
            setting = setting._replace(budget=_whole((steps + 1) * cost, 1, "maxiter times queries a step"))
    return method.begin(objective, setting, given, start, **options)


def _whole(value: Any, low: int, what: str) -> int:
    """Read a whole number that 64 bits hold."""
    try:
        return convert(value, Integer(low), what)
    except ZobenchError as fault:
        if not _beyond(value):
            raise
        limits = f">= {low} and <= 2**62 = {LARGEST}"
        raise ZobenchError(f"{what} must be a whole number {limits}, got {value!r}") from fault.__cause__


def _beyond(value: Any) -> bool:
    try:
        return float(value) > LARGEST or int(value) > LARGEST
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False


def _check_names(method: Solver, given: Mapping[str, Any]) -> None:
    """Say of what is no parameter, but an argument beside them, where it belongs."""
    fields: tuple[str, ...] = method.parameters._fields  # type: ignore[attr-defined]
    for name in given:
        if name in fields:
            continue
        near = nearest(str(name), [*fields, *ARGUMENTS, "dim"])
        if near == "dim":
            raise ZobenchError(f"solver {method.name!r} has no parameter {name!r}: x0 gives the dimension d")
        if near in ARGUMENTS and near not in fields:
            raise ZobenchError(
                f"solver {method.name!r} has no parameter {name!r}: "
                f"{near} is given beside the parameters, {near}=..."
            )


def caller_level() -> int:
    """Give the `stacklevel` that makes a warning point at the line of the user.

    Returns
    -------
    int
        For ``warnings.warn`` in the function that asks: frames of zobench and of SciPy are passed over.

    Examples
    --------
    A function of zobench that the user calls, and that SciPy calls for the user:

    >>> def function(module, body, **known):
    ...     return eval(f"lambda: {body}", {"__name__": module, **known})
    >>> warns = function("zobench.solver", "caller_level()", caller_level=caller_level)
    >>> calls = function("scipy.optimize", "warns()", warns=warns)
    >>> function("__main__", "(warns(), calls())", warns=warns, calls=calls)()
    (2, 3)
    """
    frame, level = sys._getframe(1).f_back, 2
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in ("zobench", "scipy"):
        frame, level = frame.f_back, level + 1
    return level


def _start(fun: Any, x0: Any) -> np.ndarray:
    """Read the start as a new float64 vector."""
    if x0 is None:
        if not isinstance(fun, Instance):
            raise ZobenchError("x0 must be given, for fun is not an instance of a problem")
        return fun.x0
    try:
        given = np.asarray(x0)
        if given.dtype.kind == "c":
            raise TypeError
        start = np.asarray(given, dtype=np.float64)  # a run copies it
    except (TypeError, ValueError):
        raise ZobenchError(f"x0 must be a vector of numbers, got {x0!r}") from None
    if given.dtype.kind == "f" and given.dtype.itemsize != start.dtype.itemsize:
        told = f"x0 of {given.dtype} was converted to float64: iterates, and what fun is asked, are float64"
        warnings.warn(told, ConversionWarning, stacklevel=caller_level())
    if start.ndim == 0:
        start = start.reshape(1)
    if start.ndim != 1 or start.size == 0:
        raise ZobenchError(f"x0 must have shape (d,) with d >= 1, got {start.shape}")
    if not np.isfinite(start).all():
        place = int(np.argmin(np.isfinite(start)))
        raise ZobenchError(f"x0 must be finite, got {start[place]} at place {place}")
    return start


def _drive(going: Run, callback: Callable[..., Any] | None, visited: list[NDArray[np.float64]] | None) -> str:
    """Run to the end; answer the status."""
    own_loop = type(going) is not Run  # stopped after `steps` steps by nobody else
    if callback is None and visited is None and not (own_loop and going.steps):
        while going.advance():
            pass
        return going.over
    wants_result = callback is not None and _wants_result(callback)
    if visited is not None:
        visited.append(going.x.copy())

    taken = 0

    def told() -> None:
        nonlocal taken
        taken += 1
        if visited is not None:
            visited.append(going.x.copy())
        if wants_result:
            callback(intermediate_result=result_of(going, going.over))  # type: ignore[misc]
        elif callback is not None:
            callback(going.x.copy())
        if own_loop and taken == going.steps:
            raise StopIteration

    status = going.drive(told)
    return "finished" if status == "stopped" and own_loop and taken == going.steps else status


def _wants_result(callback: Callable[..., Any]) -> bool:
    try:
        return "intermediate_result" in inspect.signature(callback).parameters
    except (TypeError, ValueError):  # something built in, which has no signature
        return False


def message_of(going: Run, trace: Trace, found: bool) -> str:
    """Say why a run ended, and what was wrong from the start.

    Parameters
    ----------
    going : Run
    trace : Trace
        Of it.
    found : bool
        Whether a query answered a finite number.

    Returns
    -------
    str

    Examples
    --------
    >>> going = begin(method_of("stp"), lambda x: float(x @ x), [1.0, 2.0], budget=10)
    >>> while going.advance():
    ...     pass
    >>> message_of(going, going.trace(), True)
    'The budget of queries was spent.'
    """
    message = trace.message
    if trace.status == "finished" and going.steps is not None and trace.steps >= going.steps:
        message = "The steps asked for (maxiter) were taken."
    if going.objective.quiet_address and not np.isfinite(trace.start):
        message += f"  f(x0) is {trace.start:g}, not finite."
    elif found and trace.bests.size and trace.bests[0] == np.inf:
        message += "  The first query, at x0 or beside it, answered no finite number."
    if going.assumed:
        message += (
            f"  {', '.join(going.assumed)} was assumed, for nothing certifies it: give it in parameters."
        )
    return message if found else f"{message}  No query answered a finite number."


def result_of(going: Run, status: str) -> "OptimizeResult":
    """Make of a run, over or not, what SciPy's users expect.

    Parameters
    ----------
    going : Run
    status : str
        As `Run.over` has it; empty while the run goes on.

    Returns
    -------
    scipy.optimize.OptimizeResult
        See `minimize`; `status` is 3 if the run goes on or failed.

    Examples
    --------
    >>> going = begin(method_of("s2p"), lambda x: float(x @ x), [1.0, 2.0], budget=10)
    >>> going.advance(steps=2), result_of(going, going.over).nfev
    (True, 4)
    >>> going.advance(steps=10), result_of(going, going.over).status
    (False, 0)
    """
    from scipy.optimize import OptimizeResult

    trace = going.trace(status=status)
    found = bool(np.isfinite(trace.best))
    # who asks does not know the noiseless values of the queries: the answer is the last iterate
    altered = going.objective.sample_address != 0 or going.objective.noise is not None
    trajectory = np.empty(trace.queries.size, TRAJECTORY)
    trajectory["queries"], trajectory["best"], trajectory["value"] = trace.queries, trace.bests, trace.values
    return OptimizeResult(
        x=trace.x if altered or not found else trace.best_point,
        fun=trace.value if altered else trace.best,
        nfev=trace.count,
        njev=trace.gradients,
        nit=trace.steps,
        success=found and status != "failed",
        status={"budget": 0, "finished": 1, "stopped": 2}.get(status, 3),
        message=message_of(going, trace, found),
        trace=trace,
        trajectory=trajectory,
    )
