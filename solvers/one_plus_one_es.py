"""The (1+1) evolution strategy with the one-fifth success rule.

Algorithm (Rechenberg, "Evolutionsstrategie", 1973; the rule in the form of Auger and Hansen, "Linear
convergence on positively homogeneous functions of a comparison based step-size adaptive randomized search:
the (1+1) ES with generalized one-fifth success rule", arXiv 1310.8397): for k = 0, 1, ...

    draw s_k from N(0, I)
    if f(x_k + alpha_k s_k) <= f(x_k):  x_{k+1} = x_k + alpha_k s_k,  alpha_{k+1} = growth alpha_k
    else:                               x_{k+1} = x_k,                alpha_{k+1} = growth^(-1/4) alpha_k

alpha stays the same on average where one trial in five succeeds.  For another rate p of success the exponent
is -p / (1 - p).  The text of that paper was not read beyond its abstract: growth = 3/2 is our choice.

One query a step and one at x_0; where queries vary f(x_k) is asked again: 2.  Never uphill on a deterministic
objective.  Only comparisons of values count: f and every increasing function of it give the same iterates.
Memory: 3 vectors.
"""

from typing import Annotated, NamedTuple

from zobench.directions import LAWS, draw
from zobench.instance import Vector
from zobench.oracle import hold, query, varies
from zobench.parameters import Choice, Real
from zobench.solver import Scalar, Solver


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    alpha0 : float
        The first step size, in units of x / |s|.
    growth : float
        What a success multiplies the step size by.
    success : float
        p, the rate of success at which the step size stays.
    shrinkage : float
        What a failure multiplies the step size by; 0 stands for growth^(-p / (1 - p)).
    law : str
        Direction law.
    """

    alpha0: Annotated[float, Real(0.0, open=True)] = 1.0
    growth: Annotated[float, Real(1.0, open=True)] = 1.5
    success: Annotated[float, Real(0.0, 1.0, open=True)] = 0.2
    shrinkage: Annotated[float, Real(0.0, 1.0)] = 0.0
    law: Annotated[str, Choice(*LAWS)] = "gaussian"


class State(NamedTuple):
    """Workspace: the iterate, the direction, the point that is tried, f at the iterate, the step size."""

    x: Vector
    s: Vector
    trial: Vector
    value: Scalar
    alpha: Scalar


def init(oracle, state, parameters, k, stream):
    """Ask for f(x_0)."""
    state.alpha[0] = parameters.alpha0
    if not varies(oracle):
        state.value[0] = query(oracle, state.x)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k + alpha_k s_k and a longer step if that is no higher, else x_k and a shorter step."""
    x, s, trial, value, alpha = state
    hold(oracle)
    draw(stream, parameters.law, s)
    if varies(oracle):
        value[0] = query(oracle, x)
    for i in range(x.size):
        trial[i] = x[i] + alpha[0] * s[i]
    answer = query(oracle, trial)
    if answer <= value[0]:
        value[0] = answer
        x[:] = trial
        alpha[0] *= parameters.growth
    else:
        alpha[0] *= parameters.shrinkage


def settle(parameters, setting):
    """Fill the factor of a failure."""
    p = parameters.success
    return parameters._replace(shrinkage=parameters.shrinkage or parameters.growth ** (-p / (1.0 - p)))


solver = Solver(
    name="one-plus-one-es",
    summary="(1+1) evolution strategy: accept if no worse, step size by the one-fifth success rule",
    step=step,
    state=State,
    cost=lambda parameters, setting: 1 + setting.varies,
    parameters=Parameters,
    init=init,
    settle=settle,
    source="Rechenberg (1973); Auger and Hansen, arXiv 1310.8397",
)
