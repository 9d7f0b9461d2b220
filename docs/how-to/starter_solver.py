"""Two points, the better one: a solver in one file, to be changed.

Algorithm: x_{k+1} is the better of x_k + a s_k and x_k - a s_k, a = alpha0 / sqrt(k + 1).
Memory: 3 vectors.
Invariances: translation, scaling, rotation.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import draw
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Real
from zobench.solver import Solver

GAUSSIAN = 0


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    alpha0 : float
        Scale of the steps, in units of x.
    """

    alpha0: Annotated[float, Real(0.0, open=True, unit="x")] = 0.5


class State(NamedTuple):
    """Workspace."""

    x: Vector
    s: Vector
    trial: Vector


def step(oracle, state, parameters, k, stream):
    """Move to the better point."""
    hold(oracle)
    draw(stream, GAUSSIAN, state.s)
    alpha = parameters.alpha0 / np.sqrt(k + 1.0)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + alpha * state.s[i]
    plus = query(oracle, state.trial)
    for i in range(state.x.size):
        state.trial[i] = state.x[i] - alpha * state.s[i]
    minus = query(oracle, state.trial)
    sign = alpha if plus <= minus else -alpha
    for i in range(state.x.size):
        state.x[i] += sign * state.s[i]


def cost(parameters, setting):
    """Two queries a step."""
    return 2


solver = Solver(
    name="two-points",
    summary="the better of two points",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    source="exercise 2",
    invariances={"translation": True, "scaling": True, "rotation": True},
)
