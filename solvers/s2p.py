"""S2P."""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, draw
from zobench.oracle import query
from zobench.parameters import Choice, Real
from zobench.problem import Vector
from zobench.solver import Solver


class Parameters(NamedTuple):
    """p."""

    alpha0: Annotated[float, Real(0.0, open=True)] = 1.0
    steps: int = 0
    law: Annotated[str, Choice(*LAWS)] = "gaussian"


class State(NamedTuple):
    """s."""

    x: Vector
    plus: Vector
    minus: Vector


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = argmin{ f(x_k + alpha s_k), f(x_k - alpha s_k) }."""
    x, plus, minus = state
    alpha = parameters.alpha0 / np.sqrt(parameters.steps * x.size)
    draw(stream, parameters.law, plus)
    for i in range(x.size):
        move = alpha * plus[i]
        plus[i] = x[i] + move
        minus[i] = x[i] - move
    x[:] = plus if query(oracle, plus) <= query(oracle, minus) else minus


solver = Solver(
    name="s2p",
    summary="x",
    step=step,
    state=State,
    cost=lambda parameters, dim: 2,
    parameters=Parameters,
    settle=lambda p, setting: p._replace(steps=setting.budget // 2),
    source="x",
)
