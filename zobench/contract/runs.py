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
    """Give the objective of the checks, the same one each time."""
    return BOWL.instance(dim)


def witnessed(dim: int = 5) -> Witness:
    """Give the bowl as a Python objective that is watched."""
    made = bowl(dim)
    return Witness(lambda x, count: made.value(x), made.gradient)


def owns_loop(solver: Solver) -> bool:
    """Tell whether the loop is another package's: there are no kernels then."""
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

    `parameters` are settled ones, made of `given` for a budget of `horizon` if they are not given.
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
    """Give a first-order method the witness's gradient, or the bowl's where a plain function is asked."""
    if not solver.gradients or isinstance(objective, Instance):
        return objective_of(objective, dim)
    jac = objective.gradient if isinstance(objective, Witness) else bowl(dim).gradient
    return objective_of(objective, dim, jac)


def finish(going: Run) -> Run:
    """Drive a run to its end."""
    while going.advance():
        pass
    return going


def counted(going: Run) -> int:
    """Give the queries that the oracle has recorded."""
    return int(going.oracle["count"][0])


def variants(solver: Solver) -> Iterator[dict[str, Any]]:
    """Yield the defaults, then every other word of every choice."""
    yield {}
    for name, rule in constraints(solver.parameters).items():
        if isinstance(rule, Choice):
            default = solver.parameters._field_defaults.get(name)  # type: ignore[attr-defined]
            yield from ({name: word} for word in rule.words if word != default)
