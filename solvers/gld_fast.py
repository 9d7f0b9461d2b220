"""GLD-Fast, gradientless descent with a search over few radii that shrink on a schedule.

Algorithm (Golovin, Karro, Kochanski, Lee, Song and Zhang, "Gradientless descent: high-dimensional
zeroth-order optimization", ICLR 2020, arXiv 1911.06317, algorithm 2), with a bound Q of the condition number,
K = log(4 sqrt(Q)) and H = d Q log(Q):  for k = 0, 1, ...

    R = R / 2  every H steps
    for each j = -K, ..., K draw s_j from the sampling distribution:  v_j = 2^-j R s_j
    x_{k+1} = argmin{ f(y) : y = x_k, y = x_k + v_{-K}, ..., y = x_k + v_K }

2 K + 1 queries a step and one at x_0; where queries vary f(x_k) is asked again: 2 K + 2.  A copy of the text
was read from which the range of j is missing: -K ... K is that of two public implementations.  Our choices:
logarithms of base 2, K and H rounded up, no halving at k = 0, the earlier of equal values, and R, which
carries the unit of x.  Q = 100 is what the paper takes for functions of which nothing is known.  The sampling
distributions are the uniform one on the unit sphere and the normal one of covariance I / d.

Never uphill on a deterministic objective.  Only comparisons of values count: f and every increasing function
of it give the same iterates.  Memory: 3 vectors.
Invariances: translation, scaling, rotation, monotone.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import GAUSSIAN, UNIT_SPHERE, draw
from zobench.instance import Vector
from zobench.oracle import hold, query, varies
from zobench.parameters import Choice, Integer, Real
from zobench.solver import Scalar, Solver

SAMPLES = ("unit-sphere", "gaussian")
SPHERE, NORMAL = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    R : float
        The radius in the middle of the first range, in units of x.
    Q : float
        Bound of the condition number.
    K : int
        How often the radius is doubled and halved; 0 stands for log2(4 sqrt(Q)).
    H : int
        Steps until the range is halved; 0 stands for d Q log2(Q).
    law : str
        Sampling distribution.
    """

    R: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0
    Q: Annotated[float, Real(1.0, open=True)] = 100.0
    K: Annotated[int, Integer(0, 1000)] = 0
    H: Annotated[int, Integer(0)] = 0
    law: Annotated[str, Choice(*SAMPLES)] = "unit-sphere"


class State(NamedTuple):
    """Workspace: the iterate, the point tried, the best of the step, f at the iterate, R of the step."""

    x: Vector
    trial: Vector
    best: Vector
    value: Scalar
    R: Scalar


def init(oracle, state, parameters, k, stream):
    """Ask for f(x_0)."""
    state.R[0] = parameters.R
    if not varies(oracle):
        state.value[0] = query(oracle, state.x)


def try_radius(oracle, state, law, radius, stream):
    """Ask for f(x + v) with a v of that radius, and keep the point if it is the best of the step."""
    x, trial, best, value, _ = state
    if law == SPHERE:
        draw(stream, UNIT_SPHERE, trial)
    else:
        draw(stream, GAUSSIAN, trial)
        radius /= np.sqrt(x.size)
    for i in range(x.size):
        trial[i] = x[i] + radius * trial[i]
    answer = query(oracle, trial)
    if answer < value[0]:
        value[0] = answer
        best[:] = trial


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = the best of x_k and of one point at each radius."""
    hold(oracle)
    if varies(oracle):
        state.value[0] = query(oracle, state.x)
    state.best[:] = state.x
    if k > 0 and k % parameters.H == 0:
        state.R[0] *= 0.5
    radius = state.R[0]
    for _ in range(parameters.K):
        radius *= 2.0
    for _ in range(2 * parameters.K + 1):
        try_radius(oracle, state, parameters.law, radius, stream)
        radius *= 0.5
    state.x[:] = state.best


def settle(parameters, setting):
    """Fill K and H."""
    Q = parameters.Q
    return parameters._replace(
        K=parameters.K or math.ceil(math.log2(4.0 * math.sqrt(Q))),
        H=parameters.H or math.ceil(setting.dim * Q * math.log2(Q)),
    )


solver = Solver(
    name="gld-fast",
    summary="gradientless descent over few radii that shrink with the condition number's schedule",
    step=step,
    state=State,
    cost=lambda parameters, setting: 2 * parameters.K + 1 + setting.varies,
    parameters=Parameters,
    init=init,
    settle=settle,
    source="Golovin, Karro, Kochanski, Lee, Song and Zhang, arXiv 1911.06317 (ICLR 2020), algorithm 2",
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": True,
        "monotone": True,
    },
)
