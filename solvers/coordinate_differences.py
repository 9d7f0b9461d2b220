"""Gradient descent by finite differences along all coordinates.

Algorithm (Kiefer and Wolfowitz, "Stochastic estimation of the maximum of a regression function", Ann. Math.
Statist. 23, 1952, in many dimensions as in textbooks, with a constant step): for k = 0, 1, ...

    g_i = (f(x_k + radius e_i) - f(x_k - radius e_i)) / (2 radius)      for i = 1 ... d
    x_{k+1} = x_k - h g

and in the forward form, the default, g_i = (f(x_k + radius e_i) - f(x_k)) / radius.  h = 1 / L where none is
given; the radius is our definition.  Nothing is drawn.

d + 1 queries a step in the forward form, 2d in the central one, all on one sample of a stochastic objective.
Memory: 2 vectors: an entry of x is changed and put back, so that nothing drifts.
Invariances: translation, scaling.
"""

import math
from typing import Annotated, NamedTuple

from zobench.instance import Vector
from zobench.limits import deterministic_values
from zobench.oracle import hold, query
from zobench.parameters import Certified, Choice, Real
from zobench.solver import Solver

FORMS = ("forward", "central")
FORWARD, CENTRAL = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    step_size : float
        h; 0 stands for 1 / L.
    radius : float
        Smoothing radius, in units of x.
    difference : str
        Form of the finite difference.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    """

    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-6
    difference: Annotated[str, Choice(*FORMS)] = "forward"
    L: Annotated[float, Certified(fallback=1.0)] = math.nan


class State(NamedTuple):
    """Workspace: the iterate and the estimate of the gradient."""

    x: Vector
    g: Vector


def shifted(oracle, x, i, shift):
    """Ask for f(x + shift e_i)."""
    kept = x[i]
    x[i] = kept + shift
    value = query(oracle, x)
    x[i] = kept
    return value


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - h g."""
    hold(oracle)
    x, g = state
    radius = parameters.radius
    value = query(oracle, x) if parameters.difference == FORWARD else 0.0
    for i in range(x.size):
        if parameters.difference == FORWARD:
            g[i] = (shifted(oracle, x, i, radius) - value) / radius
        else:
            g[i] = (shifted(oracle, x, i, radius) - shifted(oracle, x, i, -radius)) / (2.0 * radius)
    for i in range(x.size):
        x[i] -= parameters.step_size * g[i]


def cost(parameters, setting):
    """Give the queries of one step."""
    return 2 * setting.dim if parameters.difference == "central" else setting.dim + 1


def settle(parameters, setting):
    """Fill the step size; with one given, L is not needed."""
    if parameters.step_size > 0.0:
        return parameters._replace(L=0.0)
    return parameters._replace(step_size=1.0 / parameters.L)


solver = Solver(
    name="coordinate-differences",
    summary="gradient descent by finite differences along all coordinates",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Kiefer and Wolfowitz, Ann. Math. Statist. 23 (1952), in many dimensions",
    theorems=(deterministic_values,),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": "the directions are the axes",
    },
)
