"""``zobench.minimize``: any solver on any objective, answering as SciPy does."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from zobench.certificate import Certificates
from zobench.driver import Run
from zobench.errors import ZobenchError
from zobench.instance import Instance
from zobench.noise import Noise, noise_of
from zobench.objective import objective_of
from zobench.parameters import Integer, convert
from zobench.solver import Setting, Solver
from zobench.solver import solver as solver_of
from zobench.trace import RunKey

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

__all__ = ["minimize"]


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
        The start; never changed.  An instance brings its own.
    solver : str or Solver
        ``zobench list solvers`` lists them.
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
        spent, 1 the solver ended the run, 2 the callback did), `message`, and `trace`.

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
    """
    method = solver_of(solver)
    start = _start(fun, x0)
    limit = convert(200 * (start.size + 1) if budget is None else budget, Integer(1), "budget")
    if isinstance(seed, RunKey):
        stream_key = seed.stream_key()
    else:
        stream_key = f"minimize {convert(seed, Integer(0), 'seed')}"
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
    going = method.begin(objective, setting, parameters or {}, start, stream_key=stream_key, keep_best=True)
    return _result(going, _drive(going, callback))


def _start(fun: Any, x0: Any) -> np.ndarray:
    """Read the start as a new float64 vector."""
    if x0 is None:
        if not isinstance(fun, Instance):
            raise ZobenchError("x0 must be given, for fun is not an instance of a problem")
        return fun.x0
    try:
        start = np.asarray(x0, dtype=np.float64)  # a run copies it
    except (TypeError, ValueError):
        raise ZobenchError(f"x0 must be a vector of numbers, got {x0!r}") from None
    if start.ndim == 0:
        start = start.reshape(1)
    if start.ndim != 1 or start.size == 0:
        raise ZobenchError(f"x0 must have shape (d,) with d >= 1, got {start.shape}")
    if not np.isfinite(start).all():
        place = int(np.argmin(np.isfinite(start)))
        raise ZobenchError(f"x0 must be finite, got {start[place]} at place {place}")
    return start


def _drive(going: Run, callback: Callable[..., Any] | None) -> str:
    """Run to the end; answer the status."""
    if callback is None:
        while going.advance():
            pass
        return going.over
    wants_result = "intermediate_result" in inspect.signature(callback).parameters
    more = True
    while more:
        more = going.advance(steps=1)
        try:
            if wants_result:
                callback(intermediate_result=_result(going, going.over))
            else:
                callback(going.x.copy())
        except StopIteration:
            return "stopped"
    return going.over


def _result(going: Run, status: str) -> "OptimizeResult":
    from scipy.optimize import OptimizeResult

    trace = going.trace(status=status)
    found = np.isfinite(trace.best)
    # who asks does not know the noiseless values of the queries: the answer is the last iterate
    altered = going.objective.sample_address != 0 or going.objective.noise is not None
    return OptimizeResult(
        x=trace.x if altered or not found else trace.best_point,
        fun=trace.value if altered else trace.best,
        nfev=trace.count,
        njev=trace.gradients,
        nit=trace.steps,
        success=bool(found and status != "failed"),
        status={"budget": 0, "finished": 1, "stopped": 2}.get(status, 3),
        message=trace.message if found else f"{trace.message}  No query answered a finite number.",
        trace=trace,
    )
