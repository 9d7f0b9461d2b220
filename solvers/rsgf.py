"""RSGF, the randomized stochastic gradient free method.

Algorithm (Ghadimi and Lan, "Stochastic first- and zeroth-order methods for nonconvex stochastic programming",
SIAM J. Optim. 23(4), 2013, arXiv 1309.5549, for constant steps): draw R uniformly from 1 ... K, then for
k = 1, ..., R - 1

    draw u_k from N(0, I)
    x_{k+1} = x_k - h ( F(x_k + radius u_k, xi_k) - F(x_k, xi_k) ) / radius  u_k

and the result is x_R.  Both queries of a step share the sample xi_k.  That is `output = random`; the run then
ends early.  With `output = last`, our default, it takes all K steps: the average over k, which is what the
choice of R is for, can be read off the whole run with less variance.

    h = 1 / sqrt(d + 4)  min( 1 / (4 L sqrt(d + 4)), spread / (sigma sqrt(K)) )

with sigma a bound on the deviation of the sampled gradient (0: the first term alone) and spread the paper's
D-tilde; the paper's text could not be read in full, and the form of h is as others quote it.  The radius is
our definition.  Two queries a step.  Memory: 3 vectors.
"""

import math
from typing import Annotated, NamedTuple

from zobench.directions import LAWS, draw
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Scalar, Solver
from zobench.stream import index

OUTPUTS = ("last", "random")
LAST, RANDOM = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    output : str
        Whether to take all K steps or R - 1 of them.
    step_size : float
        h; 0 stands for the one above.
    radius : float
        Smoothing radius, in units of x / |u|.
    sigma : float
        Bound on the root of E|grad F(x, xi) - grad f(x)|^2.
    spread : float
        D-tilde, of the order of sqrt(2 (f(x_0) - f_star) / L); matters where sigma > 0.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    law : str
        Direction law.
    steps : int
        K; 0 stands for as many as the budget allows.
    """

    output: Annotated[str, Choice(*OUTPUTS)] = "last"
    step_size: Annotated[float, Real(0.0)] = 0.0
    radius: Annotated[float, Real(0.0, open=True)] = 1e-6
    sigma: Annotated[float, Real(0.0)] = 0.0
    spread: Annotated[float, Real(0.0, open=True)] = 1.0
    L: Annotated[float, Certified(fallback=1.0)] = math.nan
    law: Annotated[str, Choice(*LAWS)] = "gaussian"
    steps: Annotated[int, Integer(0)] = 0


class State(NamedTuple):
    """Workspace: the iterate, the direction, the point that is tried, and how many steps to take."""

    x: Vector
    u: Vector
    trial: Vector
    end: Scalar


def init(oracle, state, parameters, k, stream):
    """Draw R."""
    if parameters.output == RANDOM:
        state.end[0] = index(stream, parameters.steps)
    else:
        state.end[0] = math.inf


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - h (difference quotient along u_k) u_k; past R nothing is asked, which ends the run."""
    if k < state.end[0]:
        hold(oracle)
        x, u, trial, _ = state
        draw(stream, parameters.law, u)
        for i in range(x.size):
            trial[i] = x[i] + parameters.radius * u[i]
        quotient = (query(oracle, trial) - query(oracle, x)) / parameters.radius
        for i in range(x.size):
            x[i] -= parameters.step_size * quotient * u[i]


def settle(parameters, setting):
    """Fill horizon and step size; with the latter given, L is not needed."""
    steps = parameters.steps or max(1, setting.budget // 2)
    if parameters.step_size > 0.0:
        return parameters._replace(steps=steps, L=0.0)
    root = math.sqrt(setting.dim + 4.0)
    h = 1.0 / (4.0 * parameters.L * root)
    if parameters.sigma > 0.0:
        h = min(h, parameters.spread / (parameters.sigma * math.sqrt(steps)))
    return parameters._replace(steps=steps, step_size=h / root)


solver = Solver(
    name="rsgf",
    summary="randomized stochastic gradient free method: forward differences, a random last step",
    step=step,
    init=init,
    state=State,
    cost=lambda parameters, setting: 2,
    parameters=Parameters,
    settle=settle,
    source="Ghadimi and Lan, SIAM J. Optim. 23(4) (2013), arXiv 1309.5549",
)
