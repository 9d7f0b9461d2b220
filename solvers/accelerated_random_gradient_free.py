"""The accelerated random gradient-free method of Nesterov and Spokoiny.

Algorithm (Nesterov and Spokoiny, "Random gradient-free minimization of convex functions", Found. Comput.
Math. 17, 2017, method (60)), for convex f; with v_0 = x_0 and gamma_0 >= mu, gamma_0 > 0, for k = 0, 1, ...

    alpha_k > 0 with  alpha_k^2 / theta = (1 - alpha_k) gamma_k + alpha_k mu = gamma_{k+1}
    lambda_k = alpha_k mu / gamma_{k+1},  beta_k = alpha_k gamma_k / (gamma_k + alpha_k mu)
    y_k = (1 - beta_k) x_k + beta_k v_k
    draw u_k from N(0, I);  g_k = ( f(y_k + radius u_k) - f(y_k) ) / radius  u_k
    x_{k+1} = y_k - h g_k
    v_{k+1} = (1 - lambda_k) v_k + lambda_k y_k - (theta / alpha_k) g_k

with h = 1 / (4 (d + 4) L) and theta = 1 / (16 (d + 4)^2 L), where mu is the constant of strong convexity, 0
for f that is merely convex.  The journal prints theta with (d + 1)^2; those who formalised the proof note
that it needs (d + 4)^2, which is used here.  The central form takes
(f(y_k + radius u_k) - f(y_k - radius u_k)) / (2 radius).  gamma_0 = L is our choice.  Two queries a step in
both forms, which share one sample of a stochastic objective.  Memory: 4 vectors.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, draw
from zobench.errors import ZobenchError
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Certified, Choice, Real
from zobench.solver import Scalar, Solver

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
    L : float
        Smoothness constant; the problem's certified one if not given.
    mu : float
        Constant of strong convexity; if not given the problem's certified one, and 0 where there is none.
    gamma0 : float
        gamma_0; 0 stands for L.
    step_size : float
        h; 0 stands for 1 / (4 (d + 4) L).
    theta : float
        theta; 0 stands for 1 / (16 (d + 4)^2 L).
    law : str
        Direction law.
    """

    difference: Annotated[str, Choice(*FORMS)] = "forward"
    radius: Annotated[float, Real(0.0, open=True)] = 1e-6
    L: Annotated[float, Certified(fallback=1.0)] = math.nan
    mu: Annotated[float, Certified(open=False)] = math.nan
    gamma0: Annotated[float, Real(0.0)] = 0.0
    step_size: Annotated[float, Real(0.0)] = 0.0
    theta: Annotated[float, Real(0.0)] = 0.0
    law: Annotated[str, Choice(*LAWS)] = "gaussian"


class State(NamedTuple):
    """Workspace: the iterate (y_k within a step), v_k, the direction, the point that is tried, gamma_k."""

    x: Vector
    v: Vector
    u: Vector
    trial: Vector
    gamma: Scalar


def shifted(oracle, state, shift):
    """Ask for f(y + shift u)."""
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.u[i]
    return query(oracle, state.trial)


def init(oracle, state, parameters, k, stream):
    """v_0 = x_0."""
    state.v[:] = state.x
    state.gamma[0] = parameters.gamma0


def step(oracle, state, parameters, k, stream):
    """One step of method (60)."""
    x, v, u, _, gamma = state
    radius, mu, theta = parameters.radius, parameters.mu, parameters.theta
    hold(oracle)
    # the positive root of alpha^2 + b alpha - theta gamma, free of cancellation since b >= 0
    b = theta * (gamma[0] - mu)
    alpha = 2.0 * theta * gamma[0] / (b + np.sqrt(b * b + 4.0 * theta * gamma[0]))
    beta = alpha * gamma[0] / (gamma[0] + alpha * mu)
    gamma[0] = (1.0 - alpha) * gamma[0] + alpha * mu
    share = alpha * mu / gamma[0]
    y = x
    for i in range(x.size):
        y[i] = (1.0 - beta) * x[i] + beta * v[i]
    draw(stream, parameters.law, u)
    ahead = shifted(oracle, state, radius)
    if parameters.difference == FORWARD:
        quotient = (ahead - query(oracle, y)) / radius
    else:
        quotient = (ahead - shifted(oracle, state, -radius)) / (2.0 * radius)
    for i in range(x.size):
        g = quotient * u[i]
        v[i] = (1.0 - share) * v[i] + share * y[i] - theta / alpha * g
        x[i] = y[i] - parameters.step_size * g


def settle(parameters, setting):
    """Fill the constants; with all of them given, L is not needed."""
    p, d = parameters, setting.dim
    p = p._replace(
        gamma0=p.gamma0 or p.L,
        step_size=p.step_size or 1.0 / (4.0 * (d + 4.0) * p.L),
        theta=p.theta or 1.0 / (16.0 * (d + 4.0) ** 2 * p.L),
        mu=0.0 if math.isnan(p.mu) else p.mu,
    )
    if p.gamma0 < p.mu:
        raise ZobenchError(
            f"solver {solver.name!r}: gamma0 must be >= mu = {p.mu:g}, or 0 for L, got {p.gamma0:g}"
        )
    used = not (parameters.gamma0 and parameters.step_size and parameters.theta)
    return p if used else p._replace(L=0.0)


solver = Solver(
    name="accelerated-random-gradient-free",
    summary="accelerated random gradient-free method: random finite differences with momentum",
    step=step,
    state=State,
    cost=lambda parameters, setting: 2,
    parameters=Parameters,
    init=init,
    settle=settle,
    source="Nesterov and Spokoiny, Found. Comput. Math. 17 (2017), method (60)",
)
