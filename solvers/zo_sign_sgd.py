"""ZO-signSGD: the sign of an estimated gradient.

Algorithm (Liu, Chen, Chen and Hong, "signSGD via zeroth-order oracle", ICLR 2019): for k = 0, 1, ...

    draw u_1 ... u_q from the unit sphere
    g_j = d (f(x_k + radius u_j) - f(x_k)) / radius  u_j
    x_{k+1} = x_k - delta sign( (1/q) sum_j g_j )

In the central form the difference is (f(x_k + radius u_j) - f(x_k - radius u_j)) / 2.  In the form `vote` the
signs vote: the last line has sign( sum_j sign(g_j) ).  sign(0) = 0.

delta = alpha0 / sqrt(d K), with K the number of steps: a step has length alpha0 / sqrt(K), whatever f is.
q = 10 and radius = 1e-3 are the settings of the authors' published code for attacks on classifiers.  The
paper's text could not be read in full: delta and alpha0 = 1 are our definition.

q + 1 queries a step in the forward form, 2q in the central one, all on one sample of a stochastic objective
(the paper's mini-batch).  Memory: 4 vectors.
Invariances: translation, scaling, affine, monotone (the vote).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, draw
from zobench.instance import Vector
from zobench.oracle import hold, query, query_along
from zobench.parameters import Choice, Integer, Real
from zobench.solver import Solver

FORMS = ("forward", "central")
FORWARD, CENTRAL = range(2)
WAYS = ("mean", "vote")
MEAN, VOTE = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    alpha0 : float
        Scale of the steps, in units of x.
    probes : int
        q, directions a step.
    radius : float
        Smoothing radius, in units of x / |u|.
    difference : str
        Form of the finite difference.
    combine : str
        Whether the sign is that of the mean estimate or of a vote.
    law : str
        Direction law.
    steps : int
        K; 0 stands for as many as the budget allows.
    """

    alpha0: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0
    probes: Annotated[int, Integer(1, 1_000_000)] = 10
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-3
    difference: Annotated[str, Choice(*FORMS)] = "forward"
    combine: Annotated[str, Choice(*WAYS)] = "mean"
    law: Annotated[str, Choice(*LAWS)] = "unit-sphere"
    steps: Annotated[int, Integer(0)] = 0


class State(NamedTuple):
    """Workspace: the iterate, the sum of estimates or of votes, the direction, the point that is tried."""

    x: Vector
    g: Vector
    u: Vector
    trial: Vector


def shifted(oracle, state, shift):
    """Ask for f(x + shift u)."""
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.u[i]
    return query(oracle, state.trial)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - delta sign(g)."""
    hold(oracle)
    x, g, u, _ = state
    radius = parameters.radius
    g[:] = 0.0
    value = query(oracle, x) if parameters.difference == FORWARD else 0.0
    for _ in range(parameters.probes):
        draw(stream, parameters.law, u)
        if parameters.difference == FORWARD:
            difference = shifted(oracle, state, radius) - value
        else:
            ahead, behind = query_along(oracle, x, u, radius, state.trial)
            difference = ahead - behind
        for i in range(x.size):
            # a positive factor changes no sign: d / radius is left out
            estimate = difference * u[i]
            g[i] += np.sign(estimate) if parameters.combine == VOTE else estimate
    delta = parameters.alpha0 / np.sqrt(x.size * parameters.steps)
    for i in range(x.size):
        x[i] -= delta * np.sign(g[i])


def cost(parameters, setting):
    """Give the queries of one step."""
    return 2 * parameters.probes if parameters.difference == "central" else parameters.probes + 1


def settle(parameters, setting):
    """Fill the horizon."""
    steps = max(1, setting.budget // cost(parameters, setting))
    return parameters._replace(steps=parameters.steps or steps)


solver = Solver(
    name="zo-sign-sgd",
    summary="ZO-signSGD: steps along the sign of an estimated gradient",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Liu, Chen, Chen and Hong, ICLR 2019",
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": "a sign is taken of each coordinate",
        "affine": True,
        "monotone": lambda parameters: parameters.combine == "vote",
    },
)
