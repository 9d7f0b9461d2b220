"""STP, the stochastic three points method.

Algorithm (Bergou, Gorbunov and Richtarik, "Stochastic three points method for unconstrained smooth
minimization", SIAM J. Optim. 30(4), 2020, arXiv 1902.03591): for k = 0, 1, ...

    draw a direction s_k
    x_{k+1} = argmin{ f(x_k), f(x_k + alpha_k s_k), f(x_k - alpha_k s_k) }

f(x_k) is known from the step before, so a step asks 2 queries on a deterministic objective and the run one
more at x_0. Where queries vary (a new mini-batch in each step), f(x_k) is asked again: 3.  The step rules,
with K the number of steps:

=================  ===========================================  =======
rule               alpha_k                                      queries
=================  ===========================================  =======
fixed              alpha0 / sqrt(K)                             2
decreasing         alpha0 / sqrt(k + 1)                         2
finite-difference  |f(x_k + radius s_k) - f(x_k)| / (L radius)  3
=================  ===========================================  =======

Never uphill: f(x_{k+1}) <= f(x_k) on a deterministic objective.  Memory: 3 vectors.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, draw
from zobench.instance import Vector
from zobench.oracle import hold, query, varies
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Scalar, Solver
from zobench.theorem import Case, Cell, Theorem

RULES = ("fixed", "decreasing", "finite-difference")
FIXED, DECREASING, FINITE_DIFFERENCE = range(3)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    rule : str
        Step rule.
    alpha0 : float
        Scale of the rules `fixed` and `decreasing`, in units of x.
    law : str
        Direction law.
    radius : float
        Of the rule `finite-difference`, in units of x.
    L : float
        Of the rule `finite-difference`; the problem's certified one if not given.
    steps : int
        K; 0 stands for as many as the budget allows.
    """

    rule: Annotated[str, Choice(*RULES)] = "fixed"
    alpha0: Annotated[float, Real(0.0, open=True)] = 1.0
    law: Annotated[str, Choice(*LAWS)] = "unit-sphere"
    radius: Annotated[float, Real(0.0, open=True)] = 1e-6
    L: Annotated[float, Certified()] = math.nan
    steps: Annotated[int, Integer(0)] = 0


class State(NamedTuple):
    """Workspace: the iterate, the direction, the point that is tried, and f at the iterate."""

    x: Vector
    s: Vector
    trial: Vector
    value: Scalar


def shifted(oracle, state, shift):
    """Ask for f(x + shift s)."""
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.s[i]
    return query(oracle, state.trial)


def init(oracle, state, parameters, k, stream):
    """Ask for f(x_0)."""
    if not varies(oracle):
        state.value[0] = query(oracle, state.x)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = argmin{ f(x_k), f(x_k + alpha_k s_k), f(x_k - alpha_k s_k) }."""
    hold(oracle)
    draw(stream, parameters.law, state.s)
    if varies(oracle):
        state.value[0] = query(oracle, state.x)
    if parameters.rule == FIXED:
        alpha = parameters.alpha0 / np.sqrt(parameters.steps)
    elif parameters.rule == DECREASING:
        alpha = parameters.alpha0 / np.sqrt(k + 1.0)
    else:
        difference = abs(shifted(oracle, state, parameters.radius) - state.value[0])
        alpha = difference / (parameters.L * parameters.radius)
    plus = shifted(oracle, state, alpha)
    minus = shifted(oracle, state, -alpha)
    shift = alpha if plus <= minus else -alpha
    if min(plus, minus) < state.value[0]:
        state.value[0] = min(plus, minus)
        for i in range(state.x.size):
            state.x[i] = state.x[i] + shift * state.s[i]


def cost(parameters, setting):
    """Give the most queries of one step."""
    return 2 + (parameters.rule == "finite-difference") + setting.varies


def settle(parameters, setting):
    """Fill the horizon; a constant that the rule does not use is zero."""
    known = 0 if setting.varies else 1
    return parameters._replace(
        steps=parameters.steps or max(1, (setting.budget - known) // cost(parameters, setting)),
        L=parameters.L if parameters.rule == "finite-difference" else 0.0,
    )


def fixed_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: alpha0 = sqrt(2 D0 / (L E|s|^2)), the best one."""
    alpha0 = math.sqrt(2.0 * case.gap / (case.constant("L") * case.directions.m2))
    return {"rule": "fixed", "alpha0": alpha0, "law": case.law, "steps": case.steps}


def fixed_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` gradient norms of a run laid out for `case.steps`."""
    law = case.directions
    alpha = fixed_parameters(case)["alpha0"] / math.sqrt(case.steps)
    return case.gap / (law.m1 * alpha * steps) + case.constant("L") * law.m2 * alpha / (2.0 * law.m1)


def mean_norm(trace, case: Case) -> float:
    """Give the mean over k of |grad f(x_k)|_D, the norm of the direction law."""
    return trace.means["gradient_sum_norm" if case.directions.norm == "sum" else "gradient_norm"]


nonconvex_fixed = Theorem(
    name="stp-nonconvex-fixed",
    statement=(
        "f L-smooth and bounded below, alpha = alpha0 / sqrt(K), E|<g,s>| >= mu_D |g|_D, E|s|^2 = gamma_D:  "
        "(1/K) sum_{k<K} E|grad f(x_k)|_D  <=  (D0/alpha0 + L gamma_D alpha0/2) / (mu_D sqrt(K))"
    ),
    proof=(
        "f(x+) <= f(x) - alpha |<g,s>| + (L/2) alpha^2 |s|^2, for the better of the two signs; "
        "expectations with the law's two constants; add up over k."
    ),
    source="Bergou, Gorbunov and Richtarik (2020), arXiv 1902.03591, nonconvex fixed step",
    assumes=("L", "f_star"),
    parameters=fixed_parameters,
    budget=lambda case: 1 + 2 * case.steps,
    bound=fixed_bound,
    measured=mean_norm,
    quantity="mean over k of |grad f(x_k)|_D",
    queries_per_step=2,
    curve="running_mean",
    slopes=(("K", -0.5), ("d", 0.5), ("eps", -2.0)),
    cells=(
        Cell("quadratic", 10, 1000, law="unit-sphere", quick=True),
        Cell("quadratic", 10, 1000, law="coordinate", quick=True),
        Cell("quadratic", 40, 4000, law="gaussian"),
        Cell("quadratic", 20, 2000, (("condition", 100.0), ("rotation", "yes")), "unit-sphere", quick=True),
        Cell("nonconvex-cosine", 10, 1000, law="unit-sphere", quick=True),
        Cell("nonconvex-cosine", 50, 5000, law="unit-sphere"),
        Cell("softmax-regression", None, 200, (("data", "iris"),), "unit-sphere", quick=True),
        Cell("softmax-regression", None, 500, (("data", "digits"),), "unit-sphere"),
    ),
)

solver = Solver(
    name="stp",
    summary="stochastic three points: the best of x, x + alpha s and x - alpha s",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    init=init,
    settle=settle,
    source="Bergou, Gorbunov and Richtarik, SIAM J. Optim. 30(4) (2020), arXiv 1902.03591",
    theorems=(nonconvex_fixed,),
)
