"""VS2P, the practical variant of the stochastic two-point method: zobench's definition.

The text of the paper (Pang and Zhou, "Stochastic two points method for deep model gradient free
optimization", arXiv 2402.01621; AS2P in its first version) could not be read.  From descriptions of it are
known: the quotient gamma_k, the shape of the step size, tau_a = tau_b = 3, the sign trick and its two
queries.  Everything else below is zobench's definition, not the method as published: the window, that the
current quotient stays outside it, the first steps, the decay law, the direction law, and eta and radius.

Algorithm: for k = 0, 1, ...

    draw a direction s_k
    gamma_k = ( f(x_k + radius s_k) - f(x_k - radius s_k) ) / (2 radius)
    sigma_k = standard deviation of the previous W quotients; |gamma_k| where there are fewer than two
    alpha_k = Decay(eta, k) radius / ( tau_b sigma_k / |gamma_k| + tau_b / tau_a )
    x_{k+1} = x_k - sign(gamma_k) alpha_k s_k

which is alpha_k = Decay(eta, k) radius (tau_a / tau_b) |gamma_k| / (|gamma_k| + tau_a sigma_k).  Nothing
moves where gamma_k is zero; where it is not finite nothing moves either, and it is forgotten.  The standard
deviation is that of a population (divided by W).  With `current` = included, gamma_k counts among the W.
The decay laws, with K the number of steps:

============  ========================
decay         Decay(eta, k)
============  ========================
linear        eta max(0, 1 - k / K)
inverse-root  eta / sqrt(k + 1)
constant      eta
============  ========================

Two queries a step, which give both the length and the sign of the move; both share one sample of a
stochastic objective.

Exact properties.  f -> c f + b with c > 0 leaves the iterates unchanged, bit by bit where c is a power of two
and b = 0.  alpha_k is at most Decay(eta, k) radius tau_a / tau_b, so that a run cannot come further than the
sum of these times |s|: `radius` carries the unit of x and has no default that suits every problem.
Memory: 3 vectors, and W numbers.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, draw
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Choice, Integer, Real
from zobench.solver import Scalar, Sized, Solver

DECAYS = ("linear", "inverse-root", "constant")
LINEAR, INVERSE_ROOT, CONSTANT = range(3)
PLACES = ("excluded", "included")
EXCLUDED, INCLUDED = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    radius : float
        Smoothing radius, in units of x / |s|; the steps are measured in it.
    eta : float
        Scale of the steps.
    tau_a, tau_b : float
        Weights of |gamma_k| and sigma_k in the step size.
    window : int
        W, the number of quotients of which sigma_k is taken.
    current : str
        Whether gamma_k is one of them.
    decay : str
        Decay law.
    law : str
        Direction law.
    steps : int
        K; 0 stands for as many as the budget allows.
    """

    radius: Annotated[float, Real(0.0, open=True)] = 0.1
    eta: Annotated[float, Real(0.0, open=True)] = 1.0
    tau_a: Annotated[float, Real(0.0, open=True)] = 3.0
    tau_b: Annotated[float, Real(0.0, open=True)] = 3.0
    window: Annotated[int, Integer(2)] = 10
    current: Annotated[str, Choice(*PLACES)] = "excluded"
    decay: Annotated[str, Choice(*DECAYS)] = "linear"
    law: Annotated[str, Choice(*LAWS)] = "rademacher"
    steps: Annotated[int, Integer(0)] = 0


class State(NamedTuple):
    """Workspace: the iterate, the direction, the point that is tried, the window, the quotients so far."""

    x: Vector
    s: Vector
    trial: Vector
    gammas: Sized(lambda parameters, dim: parameters.window)  # type: ignore[valid-type]
    seen: Scalar


def shifted(oracle, state, shift):
    """Ask for f(x + shift s)."""
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.s[i]
    return query(oracle, state.trial)


def remember(state, gamma):
    """Write gamma over the oldest quotient of the window."""
    place = np.int64(state.seen[0])
    state.gammas[place % state.gammas.size] = gamma
    state.seen[0] += 1.0


def deviation(state, gamma):
    """Give sigma_k."""
    count = min(np.int64(state.seen[0]), state.gammas.size)
    if count < 2:
        return abs(gamma)
    mean = 0.0
    for j in range(count):
        mean += state.gammas[j]
    mean /= count
    square = 0.0
    for j in range(count):
        square += (state.gammas[j] - mean) ** 2
    return np.sqrt(square / count)


def decayed(parameters, k):
    """Give Decay(eta, k)."""
    if parameters.decay == LINEAR:
        return parameters.eta * max(0.0, 1.0 - k / parameters.steps)
    if parameters.decay == INVERSE_ROOT:
        return parameters.eta / np.sqrt(k + 1.0)
    return parameters.eta


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - sign(gamma_k) alpha_k s_k."""
    hold(oracle)
    draw(stream, parameters.law, state.s)
    radius, tau_a, tau_b = parameters.radius, parameters.tau_a, parameters.tau_b
    gamma = (shifted(oracle, state, radius) - shifted(oracle, state, -radius)) / (2.0 * radius)
    if np.isfinite(gamma):
        if parameters.current == INCLUDED:
            remember(state, gamma)
        sigma = deviation(state, gamma)
        if parameters.current == EXCLUDED:
            remember(state, gamma)
        if gamma != 0.0:
            alpha = decayed(parameters, k) * radius / (tau_b * (sigma / abs(gamma)) + tau_b / tau_a)
            downhill = -alpha if gamma > 0.0 else alpha
            for i in range(state.x.size):
                state.x[i] += downhill * state.s[i]


def settle(parameters, setting):
    """Fill the horizon."""
    return parameters._replace(steps=parameters.steps or max(1, setting.budget // 2))


solver = Solver(
    name="vs2p",
    summary="practical stochastic two-point method with clipped quotients (zobench's definition)",
    step=step,
    state=State,
    cost=lambda parameters, setting: 2,
    parameters=Parameters,
    settle=settle,
    source="zobench's definition, after Pang and Zhou, arXiv 2402.01621 (2024)",
)
