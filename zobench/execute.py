"""Do the run that a key names, and name the run that a request asks for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zobench.errors import ZobenchError
from zobench.instance import Instance
from zobench.instance import problem as make_problem
from zobench.objective import objective_of
from zobench.parameters import Integer, convert
from zobench.solver import Setting, Solver
from zobench.solver import solver as solver_of
from zobench.trace import RunKey, Trace, weights_name

if TYPE_CHECKING:
    from zobench.driver import Run

__all__ = ["Repeated", "instance_of", "key_of", "run", "run_key", "run_seeds", "run_together"]


def run(
    problem: str | Instance,
    solver: str | Solver,
    *,
    budget: int,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    checkpoints: int = 64,
    observe: bool = False,
    weights: Any = None,
) -> Trace:
    """Run a solver on a problem once, counting every query.

    Parameters
    ----------
    problem : str or Instance
        A registered name (its default instance) or what `zobench.problem` answers.
    solver : str or Solver
    budget : int
        Queries allowed, at least 1.
    seed : int
        The same arguments give the same bits.
    parameters : mapping, optional
        The solver's parameters; its published defaults where not given.
    checkpoints : int
        Rows of the trace.
    observe : bool
        Accumulate means and minima over all iterates (see `Trace`).
    weights : vector, optional
        With `observe`: weight of step k in the means; at least as many as there can be steps.

    Returns
    -------
    Trace

    Raises
    ------
    ZobenchError
        If the request is at fault.

    Examples
    --------
    >>> import zobench
    >>> trace = zobench.run("quadratic", "s2p", budget=1000, seed=1)
    >>> trace.count, trace.status
    (1000, 'budget')
    """
    key = key_of(problem, solver, budget=budget, seed=seed, parameters=parameters, observed=observe)
    return run_key(
        key, made=_made(problem), method=solver_of(solver), checkpoints=checkpoints, weights=weights
    )


def key_of(
    problem: str | Instance,
    solver: str | Solver,
    *,
    budget: int,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    observed: bool = False,
) -> RunKey:
    """Check a request and name it; see `run` for the arguments.

    Parameters
    ----------
    problem : str or Instance
    solver : str or Solver
    budget : int
    seed : int
    parameters : mapping, optional
        Of the solver.
    observed : bool

    Returns
    -------
    RunKey

    Examples
    --------
    >>> key_of("quadratic", "s2p", budget=100, seed=3).seed
    3
    """
    made, method = _made(problem), solver_of(solver)
    return RunKey(
        problem=made.problem.name,
        dim=made.dim,
        instance_seed=made.seed,
        problem_parameters=_written(made.problem.keyed(made.parameters)),
        solver=method.name,
        solver_parameters=_written(method.choose(parameters or {})._asdict()),
        budget=convert(budget, Integer(1), "budget"),
        seed=convert(seed, Integer(0), "seed"),
        noise="" if made.noise is None else made.noise.text,
        observed=observed,
    )


def _written(parameters: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Give parameters as a key holds them: a constant left to the problem is written in words."""
    return tuple(
        (name, "certified" if isinstance(value, float) and np.isnan(value) else value)
        for name, value in parameters.items()
    )


def instance_of(key: RunKey) -> Instance:
    """Make the instance that a key names, with its noise.

    Parameters
    ----------
    key : RunKey

    Returns
    -------
    Instance

    Examples
    --------
    >>> instance_of(key_of("quadratic", "s2p", budget=10)).dim
    10
    """
    parameters = dict(key.problem_parameters)
    return make_problem(key.problem, key.dim, key.instance_seed, noise=key.noise or None, **parameters)


def run_key(
    key: RunKey,
    *,
    made: Instance | None = None,
    method: Solver | None = None,
    checkpoints: int = 64,
    weights: Any = None,
) -> Trace:
    """Do the run that a key names.

    Parameters
    ----------
    key : RunKey
    made, method : Instance and Solver, optional
        To spare making them again, or for ones that are not registered.
    checkpoints, weights
        As for `run`.  Weights of an observed run enter the trace's key, as what is observed depends on them.

    Returns
    -------
    Trace

    Raises
    ------
    ZobenchError
        Also if the key names weights and others, or none, are given.

    Examples
    --------
    >>> run_key(key_of("quadratic", "stp", budget=30)).count
    30
    """
    named = "" if weights is None or not key.observed else weights_name(weights)
    if key.weights and key.weights != named:
        raise ZobenchError(
            f"the run's key names step weights {key.weights!r}, got {named or 'none'!r}: the weights "
            "themselves are known to the theorem that observed it; `zobench verify` does such runs"
        )
    key = replace(key, weights=named)
    going = _begun(
        key,
        made or instance_of(key),
        method or solver_of(key.solver),
        rows=convert(checkpoints, Integer(1), "checkpoints"),
        weights=None if weights is None else np.ascontiguousarray(weights, dtype=np.float64),
    )
    while going.advance():
        pass
    return going.trace(key)


def run_seeds(
    problem: str | Instance,
    solver: str | Solver,
    *,
    budget: int,
    seeds: Iterable[int],
    parameters: Mapping[str, Any] | None = None,
    checkpoints: int = 64,
    observe: bool = False,
) -> list[Trace]:
    """Run a solver with several seeds: in lock-step where that is faster, with the same bits.

    Parameters
    ----------
    problem, solver, budget, parameters, checkpoints, observe
        As for `run`.
    seeds : iterable of int

    Returns
    -------
    list of Trace
        One for each seed, as `run` gives them, but for their `seconds` (see `zobench.lockstep`).

    Raises
    ------
    ZobenchError
        As `run` does.

    Examples
    --------
    >>> [trace.count for trace in run_seeds("softmax-regression", "s2p", budget=100, seeds=range(3))]
    [100, 100, 100]
    """
    made, method = _made(problem), solver_of(solver)
    keys = [
        key_of(made, method, budget=budget, seed=seed, parameters=parameters, observed=observe)
        for seed in seeds
    ]
    done = run_together(keys, made, method, checkpoints)
    if done is None:
        return [run_key(key, made=made, method=method, checkpoints=checkpoints) for key in keys]
    for trace in done:
        if isinstance(trace, BaseException):
            raise trace
    return [trace for trace in done if isinstance(trace, Trace)]


def run_together(
    keys: Sequence[RunKey], made: Instance, method: Solver, checkpoints: int = 64
) -> list[Trace | BaseException] | None:
    """Do the runs of keys that differ in nothing but the seed, in lock-step.

    Parameters
    ----------
    keys : sequence of RunKey
    made, method : Instance and Solver
        Those that the keys name.
    checkpoints : int
        As for `run`.

    Returns
    -------
    list or None
        For each key the trace, or what its run raised; None where they are done faster one by one.

    Examples
    --------
    A single run goes by itself:

    >>> key = key_of("softmax-regression", "s2p", budget=100)
    >>> run_together([key], instance_of(key), solver_of("s2p")) is None
    True
    """
    from zobench.lockstep import advance_together, can_meet, worth_meeting

    if not (can_meet(made, method) and worth_meeting(made, method, len(keys))):
        return None
    rows = convert(checkpoints, Integer(1), "checkpoints")
    runs = [_begun(key, made, method, rows=rows) for key in keys]
    raised = advance_together(runs)
    return [
        run.trace(key) if error is None else error for run, key, error in zip(runs, keys, raised, strict=True)
    ]


def _begun(key: RunKey, made: Instance, method: Solver, **options: Any) -> "Run":
    return method.begin(
        objective_of(made, made.dim),
        Setting(made.dim, key.budget, made.certificates, made.varies, made.manifold),
        dict(key.solver_parameters),
        made.x0,
        stream_key=key.stream_key(),
        observe=key.observed,
        **options,
    )


class Repeated:
    """Does runs one after the other; what the next has in common with the one before is not made again.

    Runs that differ in their seed only share the parameters, the layout of the memory and the memory itself.

    Examples
    --------
    >>> keys = [key_of("quadratic", "s2p", budget=100, seed=seed) for seed in (0, 1)]
    >>> made, runs = instance_of(keys[0]), Repeated()
    >>> [runs.run(key, made).best == run_key(key).best for key in keys]
    [True, True]
    """

    def __init__(self) -> None:
        self._last: tuple[RunKey, Instance, Run] | None = None

    def run(self, key: RunKey, made: Instance) -> Trace:
        """Do the run that a key names on its instance; see `run_key`.

        Parameters
        ----------
        key : RunKey
        made : Instance
            The one that the key names; the same object for all runs on it, for only these share anything.

        Returns
        -------
        Trace
            The bits that `run_key` gives.
        """
        if key.weights:
            return run_key(key, made=made)  # which says what is wrong
        last, self._last = self._last, None  # nothing is kept of a run that raises
        if last is not None and last[1] is made and _alike(key, last[0]):
            going, again = last[2], True
            going.anew(key.stream_key())
        else:
            going = _begun(key, made, solver_of(key.solver))
            again = going.repeatable()
        while going.advance():
            pass
        trace = going.trace(key)
        if again:
            self._last = key, made, going
        return trace


def _alike(one: RunKey, other: RunKey) -> bool:
    """Say whether runs on one instance differ in their seed only."""
    # written out, because 1 equals 1.0 and is another parameter
    parameters = one.solver_parameters is other.solver_parameters or (
        repr(one.solver_parameters) == repr(other.solver_parameters)
    )
    return parameters and all(getattr(one, name) == getattr(other, name) for name in _SHARED)


_SHARED = ("solver", "budget", "observed", "version", "weights")


def _made(given: str | Instance) -> Instance:
    return make_problem(given) if isinstance(given, str) else given
