"""ZO-AdaMM, the zeroth-order adaptive momentum method, without constraints.

Algorithm (Chen, Liu, Xu, Li, Lin, Hong and Cox, "ZO-AdaMM: zeroth-order adaptive momentum method for
black-box optimization", NeurIPS 2019, arXiv 1910.06513): with m, v and v_max zero, for k = 0, 1, ...

    draw u_1 ... u_q from the unit sphere
    g = (1/q) sum_j d (f(x_k + radius u_j) - f(x_k)) / radius  u_j
    m <- beta1 m + (1 - beta1) g
    v <- beta2 v + (1 - beta2) g^2
    v_max <- max(v_max, v)
    x_{k+1} = x_k - alpha m / sqrt(v_max)

entry by entry; the paper's projection onto a feasible set is the identity here.  An entry whose v_max is
still zero does not move: nothing is added to the denominator, so that the scale of f does not matter.

beta1 = 0.9, beta2 = 0.3, q = 10 and radius = 1e-3 are the settings of the authors' published code for attacks
on classifiers (which itself divides by sqrt(v), where the paper has the largest v so far).  The step sizes
there were tuned to pictures: alpha = alpha0 / sqrt(K), with K the number of steps, and alpha0 = 1 are our
definition.

q + 1 queries a step, all on one sample of a stochastic objective.  Memory: 7 vectors.
Invariances: translation, scaling, affine.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, constants, draw
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Choice, Integer, Real
from zobench.solver import Solver


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    alpha0 : float
        Scale of the steps, in units of x.
    beta1, beta2 : float
        Decay of the two moments.
    probes : int
        q, directions a step.
    radius : float
        Smoothing radius, in units of x / |u|.
    law : str
        Direction law.
    steps : int
        K; 0 stands for as many as the budget allows.
    scale : float
        The factor d, for a law with E|u|^2 = m2 the factor d / m2; 0 stands for that of the law.
    """

    alpha0: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0
    beta1: Annotated[float, Real(0.0, 1.0)] = 0.9
    beta2: Annotated[float, Real(0.0, 1.0)] = 0.3
    probes: Annotated[int, Integer(1, 1_000_000)] = 10
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-3
    law: Annotated[str, Choice(*LAWS)] = "unit-sphere"
    steps: Annotated[int, Integer(0)] = 0
    scale: Annotated[float, Real(0.0)] = 0.0


class State(NamedTuple):
    """Workspace: iterate, estimate of the gradient, moments, largest v, direction, point that is tried."""

    x: Vector
    g: Vector
    m: Vector
    v: Vector
    v_max: Vector
    u: Vector
    trial: Vector


def estimate(oracle, state, parameters, stream):
    """Write the estimate of the gradient into g."""
    x, g, _, _, _, u, trial = state
    g[:] = 0.0
    value = query(oracle, x)
    for _ in range(parameters.probes):
        draw(stream, parameters.law, u)
        for i in range(x.size):
            trial[i] = x[i] + parameters.radius * u[i]
        quotient = (query(oracle, trial) - value) / parameters.radius
        weight = parameters.scale * quotient / parameters.probes
        for i in range(x.size):
            g[i] += weight * u[i]


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - alpha m / sqrt(v_max)."""
    hold(oracle)
    estimate(oracle, state, parameters, stream)
    x, g, m, v, v_max, _, _ = state
    beta1, beta2 = parameters.beta1, parameters.beta2
    alpha = parameters.alpha0 / np.sqrt(parameters.steps)
    for i in range(x.size):
        m[i] = beta1 * m[i] + (1.0 - beta1) * g[i]
        v[i] = beta2 * v[i] + (1.0 - beta2) * g[i] ** 2
        v_max[i] = max(v_max[i], v[i])
        if v_max[i] > 0.0:
            x[i] -= alpha * m[i] / np.sqrt(v_max[i])


def cost(parameters, setting):
    """Give the queries of one step."""
    return parameters.probes + 1


def settle(parameters, setting):
    """Fill the horizon and the scale of the estimate."""
    return parameters._replace(
        steps=parameters.steps or max(1, setting.budget // cost(parameters, setting)),
        scale=parameters.scale or setting.dim / constants(parameters.law, setting.dim).m2,
    )


solver = Solver(
    name="zo-adamm",
    summary="ZO-AdaMM: AMSGrad's moments over an estimated gradient",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Chen et al., NeurIPS 2019, arXiv 1910.06513",
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": "each coordinate has a step size of its own",
        "affine": True,
    },
)
