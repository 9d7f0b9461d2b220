"""The random gradient-free method of Nesterov and Spokoiny.

Algorithm (Nesterov and Spokoiny, "Random gradient-free minimization of convex functions", Found. Comput.
Math. 17, 2017, method (54)): for k = 0, 1, ...

    draw u_k from N(0, I)
    x_{k+1} = x_k - h ( f(x_k + radius u_k) - f(x_k) ) / radius  u_k

with h = 1 / (4 (d + 4) L), and the difference (f(x_k + radius u_k) - f(x_k - radius u_k)) / (2 radius) in its
central form.  Two queries a step in both forms: x_k of the forward form was never asked for before.  Both
queries of a step share one sample of a stochastic objective.  Memory: 3 vectors.
"""

import math
from typing import Annotated, NamedTuple

from zobench.directions import LAWS, draw
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Certified, Choice, Real
from zobench.solver import Solver

FORMS = ("forward", "central")
FORWARD, CENTRAL = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    difference : str
        Form of the finite difference.
    radius : float
        Smoothing radius, in units of x.
    step_size : float
        h; 0 stands for 1 / (4 (d + 4) L).
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    law : str
        Direction law.
    """

    difference: Annotated[str, Choice(*FORMS)] = "forward"
    radius: Annotated[float, Real(0.0, open=True)] = 1e-6
    step_size: Annotated[float, Real(0.0)] = 0.0
    L: Annotated[float, Certified()] = math.nan
    law: Annotated[str, Choice(*LAWS)] = "gaussian"


class State(NamedTuple):
    """Workspace: the iterate, the direction, the point that is tried."""

    x: Vector
    u: Vector
    trial: Vector


def shifted(oracle, state, shift):
    """Ask for f(x + shift u)."""
    x, u, trial = state
    for i in range(x.size):
        trial[i] = x[i] + shift * u[i]
    return query(oracle, trial)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - h (difference quotient along u_k) u_k."""
    hold(oracle)
    radius = parameters.radius
    draw(stream, parameters.law, state.u)
    ahead = shifted(oracle, state, radius)
    if parameters.difference == FORWARD:
        quotient = (ahead - query(oracle, state.x)) / radius
    else:
        quotient = (ahead - shifted(oracle, state, -radius)) / (2.0 * radius)
    for i in range(state.x.size):
        state.x[i] -= parameters.step_size * quotient * state.u[i]


def settle(parameters, setting):
    """Fill the step size; with one given, L is not needed."""
    if parameters.step_size > 0.0:
        return parameters._replace(L=0.0)
    return parameters._replace(step_size=1.0 / (4.0 * (setting.dim + 4.0) * parameters.L))


solver = Solver(
    name="random-gradient-free",
    summary="random gradient-free method: a finite difference along a random direction",
    step=step,
    state=State,
    cost=lambda parameters, setting: 2,
    parameters=Parameters,
    settle=settle,
    source="Nesterov and Spokoiny, Found. Comput. Math. 17 (2017), method (54)",
)
