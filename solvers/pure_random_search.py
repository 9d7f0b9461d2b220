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
Invariances: translation, scaling, rotation, monotone.
"""

import math
from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np

from zobench.instance import Vector
from zobench.kernels import squared_norm
from zobench.oracle import hold, query, varies
from zobench.parameters import Real
from zobench.rates import not_a_sphere
from zobench.solver import Scalar, Sized, Solver
from zobench.stream import normals
from zobench.theorem import Case, Cell, Theorem
from zobench.trial import Trial

#: Runs of one seed, of which the mean is taken: one of them says little.
REPEATS = 16


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    R : float
        Radius of the ball, in units of x.
    """

    R: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0


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


def exact(case: Case, steps: int) -> float:
    """Give E f(x_K) for K = `steps` and R = 1."""
    power = 2.0 / case.dim
    logarithm = math.lgamma(steps + 1) + math.lgamma(1.0 + power) - math.lgamma(steps + 1 + power)
    return case.constant("L") / 2.0 * math.exp(logarithm)


def ball_sides(trial: Trial) -> tuple[float, float]:
    """Give the mean of f(x_K) over some runs started at x_star, and its exact mean."""
    case, total = trial.case, 0.0
    assert case.instance.x_star is not None
    centred = replace(case.instance, x0=np.array(case.instance.x_star), _keep={})
    for again in range(REPEATS):
        run = trial.start(instance=centred, again=again)
        while run.advance():
            pass
        total += run.trace().value
    return total / REPEATS, exact(case, case.steps)


def horizon(case: Case, eps: float) -> float:
    """Give K(eps) of the limit for many points."""
    return (case.constant("L") / 2.0 * math.gamma(1.0 + 2.0 / case.dim) / eps) ** (case.dim / 2.0)


ball_exact = Theorem(
    name="prs-ball-exact",
    statement=(
        "f = (L/2)|x - x_star|^2, K points uniform in the ball of radius R about x_star, G the gamma "
        "function:  E min f  =  (L R^2/2) G(K + 1) G(1 + 2/d) / G(K + 1 + 2/d)  ~  (L R^2/2) G(1 + 2/d) "
        "K^(-2/d)"
    ),
    proof=(
        "P(|z - x_star| <= r) = (r/R)^d, so the smallest (|z|/R)^d of K has the beta law with parameters "
        "1 and K, of which the moment of order 2/d is taken."
    ),
    source="derived for zobench",
    assumes=("L", "mu", "f_star"),
    requires=not_a_sphere,
    parameters=lambda case: {"R": 1.0},
    budget=lambda case: case.steps,
    bound=exact,
    sides=ball_sides,
    relation="=",
    quantity=f"min of f over the points, mean of {REPEATS} runs",
    queries_per_step=1,
    horizon=horizon,
    pitfall="The radius of a point is R U^(1/d); the run starts at x_star, which is no candidate.",
    complexity="(L R^2 G(1 + 2/d)/(2 eps))^(d/2)",
    cells=(
        Cell("quadratic", 10, 1000, law="-", tight=True, quick=True),
        Cell("quadratic", 3, 200, law="-", tight=True, quick=True),
        Cell("quadratic", 20, 10000, law="-", tight=True),
        Cell("quadratic", 2, 1, law="-", tight=True),
    ),
)

solver = Solver(
    name="pure-random-search",
    summary="the best of points drawn uniformly in a ball about the start",
    step=step,
    state=State,
    cost=lambda parameters, setting: 1 + setting.varies,
    parameters=Parameters,
    init=init,
    source="Brooks, Operations Research 6 (1958)",
    theorems=(ball_exact,),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": True,
        "monotone": True,
    },
)
