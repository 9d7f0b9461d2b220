"""The random gradient-free method of Nesterov and Spokoiny.

Algorithm (Nesterov and Spokoiny, "Random gradient-free minimization of convex functions", Found. Comput.
Math. 17, 2017, method (54)): for k = 0, 1, ...

    draw u_k from N(0, I)
    x_{k+1} = x_k - h ( f(x_k + radius u_k) - f(x_k) ) / radius  u_k

with h = 1 / (4 (d + 4) L), and the difference (f(x_k + radius u_k) - f(x_k - radius u_k)) / (2 radius) in its
central form.  Where E u u^T = (m2/d) I is not I, the quotient is multiplied by d/m2, so that the estimate is
one of the gradient; that is ours.  Two queries a step in both forms: x_k of the forward form was never asked
for before.  Both queries of a step share one sample of a stochastic objective.  Memory: 3 vectors.
Invariances: translation, scaling, rotation (rotation-invariant laws).
"""

import math
from functools import lru_cache
from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, ROTATION_INVARIANT, constants, draw
from zobench.instance import Vector
from zobench.oracle import hold, query_along, query_pair
from zobench.parameters import Certified, Choice, Real
from zobench.solver import Solver
from zobench.theorem import Case, Cell, Theorem

#: Smoothing radius of the theorems' runs; its bias is in their bounds.
RADIUS = 1e-5

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
    step_size : float
        h; 0 stands for 1 / (4 (d + 4) L).
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    law : str
        Direction law.
    scale : float
        d / m2; 0 stands for that of the law.
    """

    difference: Annotated[str, Choice(*FORMS)] = "forward"
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-6
    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    L: Annotated[float, Certified(fallback=1.0)] = math.nan
    law: Annotated[str, Choice(*LAWS)] = "gaussian"
    scale: Annotated[float, Real(0.0)] = 0.0


class State(NamedTuple):
    """Workspace: the iterate, the direction, the point that is tried."""

    x: Vector
    u: Vector
    trial: Vector


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - h (difference quotient along u_k) u_k."""
    hold(oracle)
    radius = parameters.radius
    draw(stream, parameters.law, state.u)
    if parameters.difference == FORWARD:
        for i in range(state.x.size):
            state.trial[i] = state.x[i] + radius * state.u[i]
        ahead, value = query_pair(oracle, state.trial, state.x)
        quotient = (ahead - value) / radius
    else:
        ahead, behind = query_along(oracle, state.x, state.u, radius, state.trial)
        quotient = (ahead - behind) / (2.0 * radius)
    quotient *= parameters.scale
    for i in range(state.x.size):
        state.x[i] -= parameters.step_size * quotient * state.u[i]


def settle(parameters, setting):
    """Fill the scale and the step size; with the latter given, L is not needed."""
    d = setting.dim
    parameters = parameters._replace(scale=parameters.scale or d / constants(parameters.law, d).m2)
    if parameters.step_size > 0.0:
        return parameters._replace(L=0.0)
    return parameters._replace(step_size=1.0 / (4.0 * (setting.dim + 4.0) * parameters.L))


def forward_parameters(case: Case) -> dict:
    """Give the step rule of the theorems: forward difference, Gaussian directions, h = 1 / (4 (d + 4) L)."""
    return {"difference": "forward", "radius": RADIUS, "L": case.constant("L"), "law": "gaussian"}


def distance(case: Case) -> float:
    """Give R = |x0 - x_star|, or a certified upper bound of it."""
    instance = case.instance
    if instance.x_star is None:
        return case.constant("R0")
    return math.dist(instance.x0, instance.x_star)


def nonconvex_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` squared gradient norms."""
    d, smooth = case.dim, case.constant("L")
    bias = 0.625 * smooth**2 * RADIUS**2 * d * (d + 2)
    return 8.0 * (d + 4) * smooth * case.gap / steps + bias


def convex_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` gaps."""
    d, smooth = case.dim, case.constant("L")
    bias = 0.36 * RADIUS**2 * (d + 4) ** 2 * smooth
    return 4.0 * (d + 4) * smooth * distance(case) ** 2 / steps + bias


def strongly_convex_bound(case: Case, steps: int) -> float:
    """Bound the gap after `steps` steps."""
    d, smooth, tau = case.dim, case.constant("L"), case.constant("mu")
    floor = 18.0 * RADIUS**2 * (d + 4) ** 2 * smooth / (25.0 * tau)
    shrunk = (1.0 - tau / (8.0 * (d + 4) * smooth)) ** steps * (distance(case) ** 2 - floor)
    return 0.5 * smooth * (floor + shrunk)


def moments_parameters(case: Case) -> dict:
    """Give a radius of the size of a coordinate of x_0 - x_star, so that the bias is tested, too."""
    radius = 2.0 * distance(case) / math.sqrt(case.dim)
    return {**forward_parameters(case), "radius": radius}


@lru_cache(maxsize=4)  # the same for every seed
def moments_level(case: Case, steps: int) -> float:
    """Give E of the mean over k < steps of f(x_k) - f_star on a quadratic, from the second moments."""
    lam, start = case.modes
    d, total, square = case.dim, float(lam.sum()), float(np.sum(lam**2))
    h = 1.0 / (4.0 * (d + 4) * case.constant("L"))
    radius = moments_parameters(case)["radius"]
    bias = radius**2 / 4.0 * (total**2 + 2.0 * square + 4.0 * lam * total + 8.0 * lam**2)
    moments, level = start**2, 0.0
    for _ in range(steps):
        level += 0.5 * float(lam @ moments) / steps
        spread = float(lam**2 @ moments) + 2.0 * lam**2 * moments + bias
        moments = moments - 2.0 * h * lam * moments + h**2 * spread
    return level


nonconvex = Theorem(
    name="rgf-nonconvex",
    statement=(
        "f L-smooth and bounded below, h = 1 / (4 (d + 4) L), Gaussian u, forward difference of radius mu:  "
        "(1/K) sum_{k<K} E|grad f(x_k)|^2  <=  8 (d + 4) L D0 / K + (5/8) L^2 mu^2 d (d + 2)"
    ),
    proof=(
        "The quotient differs from <g,u> by at most L mu |u|^2 / 2, so that E<g,v> >= (3/4)|g|^2 - "
        "L^2 mu^2 d(d+2)/4 and E|v|^2 <= 2(d+2)|g|^2 + L^2 mu^2 d(d+2)(d+4)/2 for the estimate v; put both "
        "into f(x - h v) <= f - h <g,v> + (L/2) h^2 |v|^2 and add up over k."
    ),
    source="derived here; the method is (54) of Nesterov and Spokoiny (2017)",
    assumes=("L", "f_star"),
    parameters=forward_parameters,
    budget=lambda case: 2 * case.steps,
    bound=nonconvex_bound,
    measured=lambda trace, case: trace.means["gradient_norm_squared"],
    quantity="mean over k of |grad f(x_k)|^2",
    queries_per_step=2,
    slopes=(("K", -1.0), ("d", 1.0), ("eps", -2.0)),
    complexity="8 (d + 4) L D0/eps^2, as mu -> 0",
    horizon=lambda case, eps: 8.0 * (case.dim + 4) * case.constant("L") * case.gap / eps**2,
    power=2.0,
    pitfall="The constant is twice too large: a step x2 passes, which exact-rgf-moments rejects.",
    cells=(
        Cell("quadratic", 10, 1000, quick=True),
        Cell("quadratic", 40, 4000),
        Cell("quadratic", 20, 2000, (("condition", 10.0), ("rotation", "yes")), quick=True),
        Cell("nonconvex-cosine", 10, 1000, quick=True),
        Cell("log-quadratic", 10, 2000),
    ),
)

convex = Theorem(
    name="rgf-convex",
    statement=(
        "f convex and L-smooth, R = |x_0 - x_star|, h = 1 / (4 (d + 4) L), Gaussian u, forward difference of "
        "radius mu:  (1/K) sum_{k<K} E f(x_k) - f_star  <=  4 (d + 4) L R^2 / K + (9/25) mu^2 (d + 4)^2 L"
    ),
    proof=(
        "Expand |x_{k+1} - x_star|^2; the estimate has the gradient of the Gaussian smoothing of f as mean, "
        "its second moment is at most 2 (d + 4)|g|^2 + mu^2 L^2 (d + 6)^3 / 2, and "
        "|g|^2 <= 2 L (f - f_star); the step size leaves half of the gap; add up over k."
    ),
    source="Nesterov and Spokoiny, Found. Comput. Math. 17 (2017), Theorem 8, as formalised in Lean",
    assumes=("L", "convex", "f_star", "R0"),
    parameters=forward_parameters,
    budget=lambda case: 2 * case.steps,
    bound=convex_bound,
    measured=lambda trace, case: trace.means["value"] - case.constant("f_star"),
    quantity="mean over k of f(x_k) - f_star",
    queries_per_step=2,
    slopes=(("K", -1.0), ("d", 1.0), ("eps", -1.0)),
    complexity="4 (d + 4) L R^2/eps, as mu -> 0",
    horizon=lambda case, eps: 4.0 * (case.dim + 4) * case.constant("L") * distance(case) ** 2 / eps,
    pitfall="The mean over k is bounded, neither the last nor the best value.",
    cells=(
        Cell("quadratic", 10, 1000, quick=True),
        Cell("quadratic", 40, 4000),
        Cell("quadratic", 20, 2000, (("condition", 100.0), ("rotation", "yes")), quick=True),
        Cell("log-cosh", 10, 1000, quick=True),
        Cell("nesterov-worst", 20, 4000),
    ),
)

strongly_convex = Theorem(
    name="rgf-strongly-convex",
    statement=(
        "f tau-strongly convex and L-smooth, R = |x_0 - x_star|, h = 1 / (4 (d + 4) L), Gaussian u, forward "
        "difference of radius mu, dl = 18 mu^2 (d + 4)^2 L / (25 tau):  "
        "E f(x_K) - f_star  <=  (L/2) (dl + (1 - tau / (8 (d + 4) L))^K (R^2 - dl))"
    ),
    proof=(
        "As in the convex case, and f - f_star >= (tau/2)|x - x_star|^2 makes the distance's recursion "
        "contract to dl; f - f_star <= (L/2)|x - x_star|^2."
    ),
    source="Nesterov and Spokoiny, Found. Comput. Math. 17 (2017), Theorem 8, as formalised in Lean",
    assumes=("L", "mu", "f_star", "R0"),
    parameters=forward_parameters,
    budget=lambda case: 2 * case.steps,
    bound=strongly_convex_bound,
    measured=lambda trace, case: trace.value - case.constant("f_star"),
    quantity="f(x_K) - f_star",
    queries_per_step=2,
    slopes=(("d", 1.0),),
    complexity="8 (d + 4) L/tau ln(L R^2/eps) for L dl <= eps",
    horizon=lambda case, eps: (
        8.0
        * (case.dim + 4)
        * case.constant("L")
        / case.constant("mu")
        * math.log(case.constant("L") * distance(case) ** 2 / eps)
    ),
    pitfall=("The rate is 2 to 4 times pessimistic: wrong constants pass, which exact-rgf-moments rejects."),
    cells=(
        Cell("quadratic", 20, 120, quick=True),
        Cell("quadratic", 40, 100),
        Cell("quadratic", 10, 60, (("condition", 10.0), ("rotation", "yes")), quick=True),
        Cell("ridge-regression", None, 40),
    ),
)

exact_moments = Theorem(
    name="exact-rgf-moments",
    statement=(
        "f quadratic with eigenvalues lam_i of its Hessian, M_i = E of the square of x - x_star along the "
        "i-th eigenvector, Gaussian u, forward difference of radius mu:  M_i <- M_i - 2 h lam_i M_i + h^2 "
        "(sum_j lam_j^2 M_j + 2 lam_i^2 M_i + (mu^2/4) (T^2 + 2 sum_j lam_j^2 + 4 lam_i T + 8 lam_i^2)), "
        "T = sum_j lam_j;  (1/K) sum_{k<K} E f(x_k) - f_star  =  the mean over k of sum_i lam_i M_i / 2"
    ),
    proof=(
        "The quotient is <g,u> + (mu/2) u^T A u exactly; what is odd in u has mean 0, and the moments of "
        "order four and six of Gaussian variates give E<g,u>^2 u_i^2 and E(u^T A u)^2 u_i^2."
    ),
    source="derived here; the method is (54) of Nesterov and Spokoiny (2017)",
    assumes=("trace", "L", "f_star"),
    parameters=moments_parameters,
    budget=lambda case: 2 * case.steps,
    bound=moments_level,
    right=lambda trace, case: moments_level(case, case.steps),
    measured=lambda trace, case: trace.means["value"] - case.constant("f_star"),
    quantity="mean over k of f(x_k) - f_star",
    queries_per_step=2,
    complexity="none in closed form: the mean of the recursion at K, with the bias of the radius",
    pitfall=(
        "The bias is in the recursion: a radius of a coordinate's size tests it, a small one would not."
    ),
    cells=(
        Cell("quadratic", 6, 40, tight=True, quick=True),
        Cell("quadratic", 20, 60, (("condition", 10.0), ("rotation", "yes")), tight=True, quick=True),
        Cell("quadratic", 40, 2000, (("condition", 100.0),), tight=True),
    ),
)

solver = Solver(
    name="random-gradient-free",
    summary="random gradient-free method: a finite difference along a random direction",
    step=step,
    state=State,
    cost=lambda parameters, setting: 2,
    parameters=Parameters,
    settle=settle,
    source="Nesterov and Spokoiny, Found. Comput. Math. 17 (2017), method (54)",
    theorems=(nonconvex, convex, strongly_convex, exact_moments),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
    },
)
