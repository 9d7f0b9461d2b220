"""Finite differences along random orthonormal directions (structured directions).

Algorithm (Kozak, Molinari, Rosasco, Tenorio and Villa, "Zeroth-order optimization with orthogonal random
directions", Math. Program., 2022): for k = 0, 1, ...

    draw orthonormal directions p_1 ... p_n, of a frame uniform over all of them
    g_k = (d/n) sum_j (f(x_k + radius p_j) - f(x_k)) / radius  p_j
    x_{k+1} = x_k - h g_k

With n = 1 that is smoothing over the sphere, with n = d gradient descent by finite differences in a random
basis.  In the central form the quotient is (f(x_k + radius p_j) - f(x_k - radius p_j)) / (2 radius).  The
frame is made of n Gaussian vectors by Gram and Schmidt's process, each vector passed twice.

Only the paper's abstract could be read, so the scaling is our definition: E g_k = g as the radius tends to 0.
So is h = n / (d L): E|g_k|^2 = (d/n) |g|^2, and h minimises the bound f(x) - h |g|^2 + h^2 (L/2) (d/n) |g|^2.
n = 5 and the radius are ours, too.  More directions than d are d.

n + 1 queries a step in the forward form, 2n in the central one, all on one sample of a stochastic objective.
Memory: 2 + n vectors.
Invariances: translation, scaling, rotation.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from zobench.instance import Vector
from zobench.kernels import dot, squared_norm
from zobench.limits import sphere_values
from zobench.oracle import hold, query
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Sized, Solver
from zobench.stream import normals

FORMS = ("forward", "central")
FORWARD, CENTRAL = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    probes : int
        n, directions a step.
    step_size : float
        h; 0 stands for n / (d L).
    radius : float
        Smoothing radius, in units of x.
    difference : str
        Form of the finite difference.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    """

    probes: Annotated[int, Integer(1, 1_000_000)] = 5
    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-6
    difference: Annotated[str, Choice(*FORMS)] = "forward"
    L: Annotated[float, Certified(fallback=1.0)] = math.nan


class State(NamedTuple):
    """Workspace: the iterate, the point that is tried, the directions one after another."""

    x: Vector
    trial: Vector
    frame: Sized(lambda parameters, dim: parameters.probes * dim)  # type: ignore[valid-type]


def orthonormal(stream, frame, d):
    """Write orthonormal vectors of size d into the frame, one after another."""
    for start in range(0, frame.size, d):
        p = frame[start : start + d]
        normals(stream, p)
        for _ in range(2):
            for other in range(0, start, d):
                q = frame[other : other + d]
                along = dot(p, q)
                for i in range(d):
                    p[i] -= along * q[i]
            length = np.sqrt(squared_norm(p))
            for i in range(d):
                p[i] /= length


def shifted(oracle, state, p, shift):
    """Ask for f(x + shift p)."""
    for i in range(p.size):
        state.trial[i] = state.x[i] + shift * p[i]
    return query(oracle, state.trial)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - h (d/n) sum_j (difference quotient along p_j) p_j."""
    hold(oracle)
    x, _, frame = state
    d, radius = x.size, parameters.radius
    orthonormal(stream, frame, d)
    value = query(oracle, x) if parameters.difference == FORWARD else 0.0
    for start in range(0, frame.size, d):
        p = frame[start : start + d]
        quotient = shifted(oracle, state, p, radius)
        if parameters.difference == FORWARD:
            quotient = (quotient - value) / radius
        else:
            quotient = (quotient - shifted(oracle, state, p, -radius)) / (2.0 * radius)
        for i in range(d):
            p[i] *= quotient
    scale = parameters.step_size * d / parameters.probes
    for start in range(0, frame.size, d):
        p = frame[start : start + d]
        for i in range(d):
            x[i] -= scale * p[i]


def cost(parameters, setting):
    """Give the queries of one step."""
    n = min(parameters.probes, setting.dim)
    return 2 * n if parameters.difference == "central" else n + 1


def settle(parameters, setting):
    """Fill the number of directions and the step size; with the latter given, L is not needed."""
    n = min(parameters.probes, setting.dim)
    if parameters.step_size > 0.0:
        return parameters._replace(probes=n, L=0.0)
    return parameters._replace(probes=n, step_size=n / (setting.dim * parameters.L))


solver = Solver(
    name="orthogonal-directions",
    summary="finite differences along random orthonormal directions",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Kozak, Molinari, Rosasco, Tenorio and Villa, Math. Program. (2022)",
    theorems=(sphere_values,),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": True,
    },
)
