"""Pure random search in a ball.

Algorithm (Brooks, "A discussion of random methods for seeking maxima", Operations Research 6, 1958, in a
ball):  for k = 0, 1, ...

    draw z_k uniformly in the ball of radius R about x_0
    x_{k+1} = the best of z_0, ..., z_k

x_0 itself is never asked for: it is the centre and no candidate.  One query a step; where queries vary
f(x_k) is asked again: 2.  A point uniform in the ball is made of the first d coordinates of a point uniform
on the sphere in d + 2 dimensions, which has that law exactly.

On f = |x - x_star|^2 / 2 with x_0 = x_star, after K steps, with G the gamma function and exactly,

    E f(x_K) = (R^2 / 2) G(K + 1) G(1 + 2/d) / G(K + 1 + 2/d)  ~  (R^2 / 2) G(1 + 2/d) K^(-2/d)
    P(|x_K - x_star| <= r) = 1 - (1 - (r / R)^d)^K

Memory: 3 vectors, and 2 numbers.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.instance import Vector
from zobench.kernels import squared_norm
from zobench.oracle import hold, query, varies
from zobench.parameters import Real
from zobench.solver import Scalar, Sized, Solver
from zobench.stream import normals


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    R : float
        Radius of the ball, in units of x.
    """

    R: Annotated[float, Real(0.0, open=True)] = 1.0


class State(NamedTuple):
    """Workspace: the iterate, x_0, the point that is tried, its two more coordinates, f at the iterate."""

    x: Vector
    centre: Vector
    trial: Vector
    more: Sized(lambda parameters, dim: 2)  # type: ignore[valid-type]
    value: Scalar


def init(oracle, state, parameters, k, stream):
    """Keep x_0; nothing is known of any point."""
    state.centre[:] = state.x
    state.value[0] = np.inf


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = z_k if that is lower than x_k or the first point, else x_k."""
    x, centre, trial, more, value = state
    hold(oracle)
    if varies(oracle) and k > 0:
        value[0] = query(oracle, x)
    normals(stream, trial)
    normals(stream, more)
    scale = parameters.R / np.sqrt(squared_norm(trial) + squared_norm(more))
    for i in range(x.size):
        trial[i] = centre[i] + scale * trial[i]
    answer = query(oracle, trial)
    if answer < value[0]:
        value[0] = answer
        x[:] = trial


solver = Solver(
    name="pure-random-search",
    summary="the best of points drawn uniformly in a ball about the start",
    step=step,
    state=State,
    cost=lambda parameters, setting: 1 + setting.varies,
    parameters=Parameters,
    init=init,
    source="Brooks, Operations Research 6 (1958)",
)
