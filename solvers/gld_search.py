"""GLD-Search, gradientless descent with a search over radii.

Algorithm (Golovin, Karro, Kochanski, Lee, Song and Zhang, "Gradientless descent: high-dimensional
zeroth-order optimization", ICLR 2020, arXiv 1911.06317, algorithm 1), with the radii
r_j = 2^-j R, j = 0 ... J, which go down from R to r:  for k = 0, 1, ...

    for each j draw s_j from the sampling distribution:  v_j = r_j s_j
    x_{k+1} = argmin{ f(y) : y = x_k, y = x_k + v_0, ..., y = x_k + v_J }

J + 1 queries a step and one at x_0; where queries vary f(x_k) is asked again: J + 2.  J = log2(R / r),
rounded up, so that r is reached; the rounding, and that the earlier of equal values is taken, are our
choices, as are the values of R and r, which carry the unit of x.  The sampling distributions are the uniform
one on the unit sphere and the normal one of covariance I / d.

Never uphill on a deterministic objective.  Only comparisons of values count: f and every increasing function
of it give the same iterates.  Memory: 3 vectors.
Invariances: translation, scaling, rotation, monotone.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import GAUSSIAN, UNIT_SPHERE, draw
from zobench.errors import ZobenchError
from zobench.instance import Vector
from zobench.limits import comparison_bits
from zobench.oracle import hold, query, varies
from zobench.parameters import Choice, Real
from zobench.solver import Scalar, Solver
from zobench.theorem import Case, Cell, Theorem

SAMPLES = ("unit-sphere", "gaussian")
SPHERE, NORMAL = range(2)

#: J of the theorem: radii R, R/2, ..., R/2^J.
HALVINGS = 10
#: The least E max(0, c T - c^2/2), T = sqrt(d) <s, e_1>, over c in [0.85, 1.7] and d >= 2: by quadrature.
FALL = 0.185


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    R : float
        The largest radius, in units of x.
    r : float
        The smallest radius, in units of x.
    law : str
        Sampling distribution.
    """

    R: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0
    r: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-3
    law: Annotated[str, Choice(*SAMPLES)] = "unit-sphere"


class State(NamedTuple):
    """Workspace: the iterate, the point that is tried, the best point of the step, f at the iterate."""

    x: Vector
    trial: Vector
    best: Vector
    value: Scalar


def init(oracle, state, parameters, k, stream):
    """Ask for f(x_0)."""
    if not varies(oracle):
        state.value[0] = query(oracle, state.x)


def try_radius(oracle, state, law, radius, stream):
    """Ask for f(x + v) with a v of that radius, and keep the point if it is the best of the step."""
    x, trial, best, value = state
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
    radius = parameters.R
    try_radius(oracle, state, parameters.law, radius, stream)
    while radius > parameters.r:
        radius *= 0.5
        try_radius(oracle, state, parameters.law, radius, stream)
    state.x[:] = state.best


def cost(parameters, setting):
    """Give the queries of one step: halving is exact, so this counts the radii that `step` meets."""
    mantissa, exponent = math.frexp(parameters.R)
    lower, least = math.frexp(parameters.r)
    return 1 + max(0, exponent - least + (mantissa > lower)) + setting.varies


def settle(parameters, setting):
    """Complain unless the radii are in order."""
    if parameters.r > parameters.R:
        raise ZobenchError(f"solver {solver.name!r}: r must be <= R = {parameters.R:g}, got {parameters.r:g}")
    return parameters


def largest(case: Case) -> float:
    """Give R of the theorem: as large as any gradient of the run asks for."""
    return 0.85 * math.sqrt(2.0 * case.gap / (case.constant("L") * case.dim))


def pl_bound(case: Case, steps: int) -> float:
    """Bound E f(x_K) - f_star for K = `steps`."""
    smoothness, pl = case.constant("L"), case.constant("PL")
    return (1.0 - 2.0 * FALL * pl / (smoothness * case.dim)) ** steps * case.gap + least_gap(case)


def least_gap(case: Case) -> float:
    """Give Gmin^2/(2 mu), below which the radii do not reach."""
    least = case.constant("L") * math.sqrt(case.dim) * largest(case) / 2.0**HALVINGS / 1.7
    return least**2 / (2.0 * case.constant("PL"))


def pl_horizon(case: Case, eps: float) -> float:
    """Give K(eps); infinite where the smallest radius is too large for eps."""
    if 2.0 * least_gap(case) > eps:
        return math.inf
    rate = 2.0 * FALL * case.constant("PL") / (case.constant("L") * case.dim)
    return math.log(2.0 * case.gap / eps) / rate


gld_pl = Theorem(
    name="gld-pl",
    statement=(
        "f L-smooth with |grad f|^2 >= 2 mu (f - f_star), s uniform on the unit sphere, d >= 2, radii R "
        "2^-j for j = 0 ... J, R = 0.85 sqrt(2 D0/(L d)), Gmin = L sqrt(d) 2^-J R/1.7:  "
        "E f(x_K) - f_star  <=  (1 - 0.37 mu/(L d))^K D0 + Gmin^2/(2 mu)"
    ),
    proof=(
        "While |g| >= Gmin some radius is c |g|/(L sqrt(d)) with c in [0.85, 1.7]; f falls there by at least "
        "E max(0, c T - c^2/2) |g|^2/(L d) in the mean, T = sqrt(d) <s, e_1>, which is at least 0.185. Below "
        "Gmin f - f_star <= Gmin^2/(2 mu), and f never rises."
    ),
    source="derived for zobench, 0.185 by quadrature; method of Golovin et al., arXiv 1911.06317",
    assumes=("L", "PL", "f_star"),
    requires=lambda instance: "" if instance.dim > 1 else "it is about d >= 2",
    parameters=lambda case: {
        "R": largest(case),
        "r": largest(case) / 2.0**HALVINGS,
        "law": "unit-sphere",
    },
    budget=lambda case: 1 + (HALVINGS + 1) * case.steps,
    bound=pl_bound,
    measured=lambda trace, case: trace.value - case.constant("f_star"),
    quantity="f(x_K) - f_star",
    queries_per_step=HALVINGS + 1,
    horizon=pl_horizon,
    slopes=(("d", 1.0),),
    pitfall="The radii must cover every gradient of the run; the other radii make the bound pessimistic.",
    complexity="(L d/(0.37 mu)) ln(2 D0/eps) for Gmin^2 <= mu eps",
    cells=(
        Cell("quadratic", 20, 20, law="unit-sphere", quick=True),
        Cell("quadratic", 2, 4, law="unit-sphere", quick=True),
        # so long that every radius is needed
        Cell("quadratic", 5, 250, law="unit-sphere", quick=True),
        Cell("quadratic", 10, 30, (("condition", 10.0), ("rotation", "yes")), "unit-sphere", quick=True),
        Cell("sine-quadratic", 10, 40, law="unit-sphere", quick=True),
        Cell("quadratic", 100, 200, law="unit-sphere"),
    ),
)

solver = Solver(
    name="gld-search",
    summary="gradientless descent: the best of one random point at each of many radii",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    init=init,
    settle=settle,
    source="Golovin, Karro, Kochanski, Lee, Song and Zhang, arXiv 1911.06317 (ICLR 2020), algorithm 1",
    theorems=(gld_pl, comparison_bits),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": True,
        "monotone": True,
    },
)
