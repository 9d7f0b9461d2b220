"""How the checks of a solver's contract lay out runs: a bowl, a watched objective, parameters, the end."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.certificate import Certificates
from zobench.contract.tools import BOWL, Witness
from zobench.driver import Run
from zobench.instance import Instance
from zobench.objective import Objective, objective_of
from zobench.parameters import Choice, constraints
from zobench.solver import Setting, Solver

__all__ = ["bowl", "counted", "finish", "objective_for", "owns_loop", "prepare", "variants", "witnessed"]


@cache
def bowl(dim: int = 5) -> Instance:
    """Give the objective of the checks, the same one each time.

    Parameters
    ----------
    dim : int
        d.

    Returns
    -------
    Instance
        1/2 sum_i w_i (x_i - c_i)^2 with weights from 1 to 2.

    Examples
    --------
    >>> made = bowl(3)
    >>> made.data.weights.tolist(), made.certificates["L"].value
    ([1.0, 1.5, 2.0], 2.0)
    """
    return BOWL.instance(dim)


def witnessed(dim: int = 5) -> Witness:
    """Give the bowl as a Python objective that is watched.

    Parameters
    ----------
    dim : int
        d.

    Returns
    -------
    Witness

    Examples
    --------
    >>> watched = witnessed()
    >>> watched(bowl().x_star), watched.count
    (0.0, 1)
    """
    made = bowl(dim)
    return Witness(lambda x, count: made.value(x), made.gradient)


def owns_loop(solver: Solver) -> bool:
    """Tell whether the loop is another package's: there are no kernels then.

    Parameters
    ----------
    solver : Solver

    Returns
    -------
    bool

    Examples
    --------
    >>> from zobench.solver import solver
    >>> owns_loop(solver("nelder-mead")), owns_loop(solver("s2p"))
    (True, False)
    """
    return hasattr(solver, "solve")


def prepare(
    solver: Solver,
    objective: Any,
    budget: int = 60,
    *,
    dim: int = 5,
    given: dict[str, Any] | None = None,
    parameters: Any = None,
    horizon: int = 0,
    seed: int = 0,
    x0: NDArray[np.float64] | None = None,
    certificates: Certificates | None = None,
    stream_key: str = "",
) -> Run:
    """Lay a run out; the solver's constants are the bowl's whatever the objective.

    Parameters
    ----------
    solver : Solver
    objective : Instance, Witness or callable
    budget : int
        Queries.
    dim : int
        d.
    given : dict, optional
        Parameters of the solver.
    parameters : NamedTuple, optional
        Settled ones; made of `given` if they are not given.
    horizon : int
        The budget that they are settled for; 0 for that of the run.
    seed : int
    x0 : vector of size d, optional
        The start; else the bowl's.
    certificates : Certificates, optional
        What the run's record measures gaps from; the solver does not see it.
    stream_key : str
        Of the random streams, instead of `seed`.

    Returns
    -------
    Run

    Examples
    --------
    >>> from zobench.solver import solver
    >>> counted(finish(prepare(solver("s2p"), lambda x: float(x @ x), 30)))
    30
    """
    known = Setting(dim, horizon or budget, bowl(dim).certificates)
    key, start = stream_key or f"contract {seed}", np.array(bowl(dim).x0 if x0 is None else x0)
    if owns_loop(solver):
        return solver.begin(
            objective_for(solver, objective, dim),
            known._replace(budget=budget),
            given or {},
            start,
            stream_key=key,
        )
    if parameters is None:
        parameters = solver.settled(solver.choose(given or {}), known)
    return Run(
        objective_for(solver, objective, dim),
        solver,
        parameters,
        start,
        budget,
        key,
        certificates or Certificates(),
    )


def objective_for(solver: Solver, objective: Any, dim: int) -> Objective:
    """Give a first-order method the witness's gradient, or the bowl's where a plain function is asked.

    Parameters
    ----------
    solver : Solver
    objective : Instance, Witness or callable
    dim : int
        d.

    Returns
    -------
    Objective

    Examples
    --------
    >>> from zobench.solver import solver
    >>> made = [objective_for(solver(name), witnessed(), 5) for name in ("s2p", "factor-adam")]
    >>> [each.counted_gradient_address != 0 for each in made]
    [False, True]
    """
    if not solver.gradients or isinstance(objective, Instance):
        return objective_of(objective, dim)
    jac = objective.gradient if isinstance(objective, Witness) else bowl(dim).gradient
    return objective_of(objective, dim, jac)


def finish(going: Run) -> Run:
    """Drive a run to its end.

    Parameters
    ----------
    going : Run

    Returns
    -------
    Run
        The same.

    Examples
    --------
    >>> from zobench.solver import solver
    >>> finish(prepare(solver("s2p"), witnessed(), 30)).over
    'budget'
    """
    while going.advance():
        pass
    return going


def counted(going: Run) -> int:
    """Give the queries that the oracle has recorded.

    Parameters
    ----------
    going : Run

    Returns
    -------
    int

    Examples
    --------
    >>> from zobench.solver import solver
    >>> watched = witnessed()
    >>> counted(finish(prepare(solver("s2p"), watched, 30))), watched.count
    (30, 30)
    """
    return int(going.oracle["count"][0])


def variants(solver: Solver) -> Iterator[dict[str, Any]]:
    """Yield the defaults, then every other word of every choice.

    Parameters
    ----------
    solver : Solver

    Yields
    ------
    dict
        Parameters as a user gives them; empty for the defaults.

    Examples
    --------
    >>> from zobench.solver import solver
    >>> found = list(variants(solver("stp")))
    >>> found[0], {"law": "coordinate"} in found
    ({}, True)
    """
    yield {}
    for name, rule in constraints(solver.parameters).items():
        if isinstance(rule, Choice):
            default = solver.parameters._field_defaults.get(name)  # type: ignore[attr-defined]
            yield from ({name: word} for word in rule.words if word != default)
