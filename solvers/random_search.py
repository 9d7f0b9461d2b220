"""Random search, accept if better.

Algorithm (Rastrigin, "The convergence of the random search method in the extremal control of a many parameter
system", Automation and Remote Control 24, 1963, with a scheduled step length): for k = 0, 1, ...

    draw a direction s_k
    x_{k+1} = x_k + alpha_k s_k  if  f(x_k + alpha_k s_k) < f(x_k),  else  x_k

One query a step and one at x_0; where queries vary f(x_k) is asked again: 2.  The step rules, with K the
number of steps, are `fixed`, alpha_k = alpha0 / sqrt(K), and `decreasing`, alpha_k = alpha0 / sqrt(k + 1).
Memory: 2 vectors.
Invariances: translation, scaling, rotation (rotation-invariant laws), monotone.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, ROTATION_INVARIANT, draw
from zobench.errors import ZobenchError
from zobench.instance import Vector
from zobench.oracle import hold, query, varies
from zobench.parameters import Choice, Integer, Real
from zobench.solver import Scalar, Scratch, Solver
from zobench.theorem import Case, Cell, Theorem

RULES = ("fixed", "decreasing")
FIXED, DECREASING = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    rule : str
        Step rule.
    alpha0 : float
        Scale of the steps, in units of x.
    law : str
        Direction law.
    steps : int
        K; 0 stands for as many as the budget allows.
    """

    rule: Annotated[str, Choice(*RULES)] = "fixed"
    alpha0: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0
    law: Annotated[str, Choice(*LAWS)] = "unit-sphere"
    steps: Annotated[int, Integer(0)] = 0


class State(NamedTuple):
    """Workspace: the iterate, the direction and then the point that is tried, and f at the iterate."""

    x: Vector
    trial: Scratch
    value: Scalar


def init(oracle, state, parameters, k, stream):
    """Ask for f(x_0)."""
    if not varies(oracle):
        state.value[0] = query(oracle, state.x)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k + alpha_k s_k if that is lower, else x_k."""
    x, trial, value = state
    hold(oracle)
    draw(stream, parameters.law, trial)
    if varies(oracle):
        value[0] = query(oracle, x)
    if parameters.rule == FIXED:
        alpha = parameters.alpha0 / np.sqrt(parameters.steps)
    else:
        alpha = parameters.alpha0 / np.sqrt(k + 1.0)
    for i in range(x.size):
        trial[i] = x[i] + alpha * trial[i]
    answer = query(oracle, trial)
    if answer < value[0]:
        value[0] = answer
        for i in range(x.size):
            x[i] = trial[i]


def cost(parameters, setting):
    """Give the queries of one step."""
    return 1 + setting.varies


def settle(parameters, setting):
    """Fill the horizon."""
    known = 0 if setting.varies else 1
    steps = max(1, (setting.budget - known) // cost(parameters, setting))
    return parameters._replace(steps=parameters.steps or steps)


def fixed_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: alpha0 = sqrt(4 D0 / (L E|s|^2)), the best one."""
    if case.law == "coordinate":
        raise ZobenchError("theorem 'rs-accept-fixed' needs a law symmetric about 0, got 'coordinate'")
    alpha0 = math.sqrt(4.0 * case.gap / (case.constant("L") * case.directions.m2))
    return {"rule": "fixed", "alpha0": alpha0, "law": case.law, "steps": case.steps}


def fixed_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` gradient norms of a run laid out for `case.steps`."""
    law = case.directions
    alpha = fixed_parameters(case)["alpha0"] / math.sqrt(case.steps)
    return 2.0 * case.gap / (law.m1 * alpha * steps) + case.constant("L") * law.m2 * alpha / (2.0 * law.m1)


accept_fixed = Theorem(
    name="rs-accept-fixed",
    statement=(
        "f L-smooth and bounded below, alpha = alpha0 / sqrt(K), a law symmetric about 0 with "
        "E|<g,s>| >= kappa |g|, E|s|^2 = m2 (on the unit sphere m2 = 1):  "
        "(1/K) sum_{k<K} E|grad f(x_k)|  <=  2 D0 / (kappa alpha K) + L m2 alpha / (2 kappa)"
    ),
    proof=(
        "Where <g,s> < 0 the step lowers f by at least alpha |<g,s>| - (L/2) alpha^2 |s|^2, elsewhere f does "
        "not rise; by symmetry E[decrease] >= (kappa alpha |g| - (L/2) m2 alpha^2) / 2, half of the three "
        "points' for one query of their two; add up over k."
    ),
    source="derived here",
    assumes=("L", "f_star"),
    parameters=fixed_parameters,
    budget=lambda case: 1 + case.steps,
    bound=fixed_bound,
    measured=lambda trace, case: trace.means["gradient_norm"],
    quantity="mean over k of |grad f(x_k)|",
    queries_per_step=1,
    curve="running_mean",
    slopes=(("K", -0.5), ("d", 0.5), ("eps", -2.0)),
    complexity="4 L m2 D0/(kappa eps)^2",
    horizon=lambda case, eps: (
        4.0 * case.constant("L") * case.directions.m2 * case.gap / (case.directions.m1 * eps) ** 2
    ),
    pitfall=(
        "The law must be symmetric about 0; half of the steps are refused, which the bound counts as nothing."
    ),
    cells=(
        Cell("quadratic", 10, 1000, law="unit-sphere", quick=True),
        Cell("quadratic", 40, 4000, law="gaussian"),
        Cell("quadratic", 20, 4000, (("condition", 100.0), ("rotation", "yes")), "unit-sphere"),
        Cell("nonconvex-cosine", 10, 1000, law="unit-sphere", quick=True),
        Cell("log-quadratic", 10, 1000, law="unit-sphere"),
    ),
)

solver = Solver(
    name="random-search",
    summary="random search that accepts a trial point if it is better",
    step=step,
    # a query that is refused answers +inf, which is not lower
    keeps=True,
    state=State,
    cost=cost,
    parameters=Parameters,
    init=init,
    settle=settle,
    source="Rastrigin, Automation and Remote Control 24 (1963)",
    theorems=(accept_fixed,),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
        "monotone": True,
    },
)
