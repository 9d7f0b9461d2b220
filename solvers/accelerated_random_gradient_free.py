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
(f(y_k + radius u_k) - f(y_k - radius u_k)) / (2 radius).  Where E u u^T = (m2/d) I is not I, g_k is
multiplied by d/m2, which is ours.  gamma_0 = L is our choice.  Two queries a step in both forms, which share
one sample of a stochastic objective.  Memory: 4 vectors.
Invariances: translation, scaling, rotation (rotation-invariant laws).
"""

import math
from functools import lru_cache
from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, ROTATION_INVARIANT, constants, draw
from zobench.errors import ZobenchError
from zobench.instance import Vector
from zobench.oracle import hold, query_along, query_pair
from zobench.parameters import Certified, Choice, Real
from zobench.solver import Scalar, Solver
from zobench.theorem import Case, Cell, Theorem

#: Smoothing radius of the bound's runs; its bias is in the bound.
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
    scale : float
        d / m2; 0 stands for that of the law.
    """

    difference: Annotated[str, Choice(*FORMS)] = "forward"
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-6
    L: Annotated[float, Certified(fallback=1.0)] = math.nan
    mu: Annotated[float, Certified(open=False)] = math.nan
    gamma0: Annotated[float, Real(0.0, unit="f/x^2")] = 0.0
    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    theta: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    law: Annotated[str, Choice(*LAWS)] = "gaussian"
    scale: Annotated[float, Real(0.0)] = 0.0


class State(NamedTuple):
    """Workspace: the iterate (y_k within a step), v_k, the direction, the point that is tried, gamma_k."""

    x: Vector
    v: Vector
    u: Vector
    trial: Vector
    gamma: Scalar


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
    if parameters.difference == FORWARD:
        for i in range(y.size):
            state.trial[i] = y[i] + radius * u[i]
        ahead, value = query_pair(oracle, state.trial, y)
        quotient = (ahead - value) / radius
    else:
        ahead, behind = query_along(oracle, y, u, radius, state.trial)
        quotient = (ahead - behind) / (2.0 * radius)
    quotient *= parameters.scale
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
        scale=p.scale or d / constants(p.law, d).m2,
    )
    if p.gamma0 < p.mu:
        raise ZobenchError(
            f"solver {solver.name!r}: gamma0 must be >= mu = {p.mu:g}, or 0 for L, got {p.gamma0:g}"
        )
    used = not (parameters.gamma0 and parameters.step_size and parameters.theta)
    return p if used else p._replace(L=0.0)


class Coefficients(NamedTuple):
    """The numbers of one step of the scheme: alpha_k, beta_k, lambda_k, theta / alpha_k."""

    alpha: float
    beta: float
    share: float
    reach: float


def scheme(case: Case, steps: int) -> list[Coefficients]:
    """Give the coefficients of the first `steps` steps at gamma_0 = L."""
    gamma, tau = case.constant("L"), convexity(case)
    theta, rows = 1.0 / (16.0 * (case.dim + 4) ** 2 * case.constant("L")), []
    for _ in range(steps):
        b = theta * (gamma - tau)
        alpha = 0.5 * (math.sqrt(b * b + 4.0 * theta * gamma) - b)
        beta = alpha * gamma / (gamma + alpha * tau)
        gamma = (1.0 - alpha) * gamma + alpha * tau
        rows.append(Coefficients(alpha, beta, alpha * tau / gamma, theta / alpha))
    return rows


def convexity(case: Case) -> float:
    """Give the certified constant of strong convexity, 0 where there is none."""
    return case.constant("mu") if "mu" in case.instance.certificates else 0.0


def distance(case: Case) -> float:
    """Give R = |x0 - x_star|, or a certified upper bound of it."""
    instance = case.instance
    return case.constant("R0") if instance.x_star is None else math.dist(instance.x0, instance.x_star)


def scheme_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: forward difference, Gaussian directions, gamma_0 = L."""
    constants = {"L": case.constant("L"), "mu": convexity(case)}
    return {"difference": "forward", "radius": RADIUS, "law": "gaussian", **constants}


def scheme_bound(case: Case, steps: int) -> float:
    """Bound the gap after `steps` steps."""
    d, smooth, psi, added = case.dim, case.constant("L"), 1.0, 0.0
    for row in scheme(case, steps):
        psi, added = psi * (1.0 - row.alpha), 1.0 + (1.0 - row.alpha) * added
    bias = RADIUS**2 * smooth * (d + 3.0 * (d + 8) / 16.0 * added)
    return psi * (case.gap + 0.5 * smooth * distance(case) ** 2) + bias


def accelerated_horizon(case: Case, eps: float) -> float:
    """Give K(eps) as the radius tends to 0."""
    smooth, tau = case.constant("L"), convexity(case)
    begin = (case.gap + 0.5 * smooth * distance(case) ** 2) / eps
    steps = 8.0 * (case.dim + 4) * (math.sqrt(begin) - 1.0)
    if tau > 0.0:
        steps = min(steps, 4.0 * (case.dim + 4) * math.sqrt(smooth / tau) * math.log(begin))
    return steps


def moments_parameters(case: Case) -> dict:
    """Give a radius of the size of a coordinate of x_0 - x_star, so that the bias is tested, too."""
    return {**scheme_parameters(case), "radius": 0.4 * distance(case) / math.sqrt(case.dim)}


@lru_cache(maxsize=4)  # the same for every seed
def moments_level(case: Case, steps: int) -> float:
    """Give E of the mean over k < steps of f(x_k) - f_star on a quadratic, from the second moments."""
    lam, start = case.modes
    total, square = float(lam.sum()), float(np.sum(lam**2))
    h = 1.0 / (4.0 * (case.dim + 4) * case.constant("L"))
    radius = moments_parameters(case)["radius"]
    bias = radius**2 / 4.0 * (total**2 + 2.0 * square + 4.0 * lam * total + 8.0 * lam**2)
    xx = xv = vv = start**2
    level = 0.0
    for _, be, el, reach in scheme(case, steps):
        level += 0.5 * float(lam @ xx) / steps
        yy = (1.0 - be) ** 2 * xx + 2.0 * be * (1.0 - be) * xv + be**2 * vv
        yv = (1.0 - be) * xv + be * vv
        gg = float(lam**2 @ yy) + 2.0 * lam**2 * yy + bias
        xx = yy - 2.0 * h * lam * yy + h**2 * gg
        mixed = (1.0 - el) * yv + el * yy
        xv = mixed - h * lam * mixed - reach * lam * yy + h * reach * gg
        vv = (1.0 - el) ** 2 * vv + 2.0 * el * (1.0 - el) * yv + el**2 * yy
        vv = vv - 2.0 * reach * lam * mixed + reach**2 * gg
    return level


accelerated = Theorem(
    name="rgf-accelerated",
    statement=(
        "f convex and L-smooth, tau-strongly convex (tau >= 0), R = |x_0 - x_star|, h and theta as above, "
        "gamma_0 = L, Gaussian u, forward difference of radius mu:  E f(x_K) - f_star  <=  "
        "psi_K (D0 + gamma_0 R^2/2) + mu^2 L (d + (3 (d + 8)/16) C_K),  psi_K = prod_{k<K} (1 - alpha_k), "
        "C_0 = 0, C_{k+1} = 1 + (1 - alpha_k) C_k"
    ),
    proof=(
        "Estimate sequences: psi_k (phi_0 - f_star) bounds f(x_k) - f_star in the mean, since the step h "
        "lowers the smoothed f by a multiple of |g_k|^2 that pays for the step of v; the bias adds to C_k. "
        "Far too loose to see a wrong step: exact-fg-moments does."
    ),
    source="Nesterov and Spokoiny, Found. Comput. Math. 17 (2017), Theorem 9, as formalised in Lean",
    assumes=("L", "convex", "f_star", "R0"),
    parameters=scheme_parameters,
    budget=lambda case: 2 * case.steps,
    bound=scheme_bound,
    measured=lambda trace, case: trace.value - case.constant("f_star"),
    quantity="f(x_K) - f_star",
    queries_per_step=2,
    slopes=(("K", -2.0), ("d", 2.0), ("eps", -0.5)),
    complexity=(
        "8 (d + 4) (sqrt((D0 + L R^2/2)/eps) - 1), as mu -> 0, and with tau > 0 at most 4 (d + 4) "
        "sqrt(L/tau) ln((D0 + L R^2/2)/eps)"
    ),
    horizon=accelerated_horizon,
    pitfall=(
        "Too loose to see a step x10, x0.1, no momentum or half of the directions: exact-fg-moments does."
    ),
    cells=(
        Cell("quadratic", 10, 400, quick=True),
        Cell("quadratic", 10, 2000, (("condition", 100.0), ("rotation", "yes")), quick=True),
        Cell("log-cosh", 10, 1000, quick=True),
        Cell("log-cosh", 10, 400, (("start", 0.5),), quick=True),
        Cell("nesterov-worst", 20, 4000),
    ),
)

exact_moments = Theorem(
    name="exact-fg-moments",
    statement=(
        "f quadratic with eigenvalues lam of its Hessian, Gaussian u, forward difference of radius mu, "
        "l = lambda_k, t = theta/alpha_k, T = sum lam; along each eigenvector xx, xv, vv are the second "
        "moments of x - x_star and v - x_star, yy = (1-beta)^2 xx + 2 beta (1-beta) xv + beta^2 vv, "
        "yv = (1-beta) xv + beta vv, m = (1-l) yv + l yy, "
        "Q = sum lam^2 yy + 2 lam^2 yy + (mu^2/4)(T^2 + 2 sum lam^2 + 4 lam T + 8 lam^2):  "
        "xx <- yy - 2 h lam yy + h^2 Q,  xv <- m - h lam m - t lam yy + h t Q,  "
        "vv <- (1-l)^2 vv + 2 l (1-l) yv + l^2 yy - 2 t lam m + t^2 Q;  "
        "(1/K) sum_{k<K} E f(x_k) - f_star  =  the mean over k of sum lam xx / 2"
    ),
    proof=(
        "The quotient is <grad f(y),u> + (mu/2) u^T A u exactly; what is odd in u has mean 0, and the "
        "moments of order four and six of Gaussian variates give Q = E g_i^2."
    ),
    source="derived here; the method is (60) of Nesterov and Spokoiny (2017)",
    assumes=("trace", "L", "f_star"),
    parameters=moments_parameters,
    budget=lambda case: 2 * case.steps,
    bound=moments_level,
    right=lambda trace, case: moments_level(case, case.steps),
    measured=lambda trace, case: trace.means["value"] - case.constant("f_star"),
    quantity="mean over k of f(x_k) - f_star",
    queries_per_step=2,
    complexity="none in closed form: the mean of the recursion at K, with the bias of the radius",
    pitfall="theta with (d + 1)^2 in place of (d + 4)^2, as the journal prints, gives other moments.",
    cells=(
        Cell("quadratic", 6, 160, (("condition", 10.0),), tight=True, quick=True),
        Cell("quadratic", 20, 1000, (("condition", 10.0), ("rotation", "yes")), tight=True, quick=True),
        Cell("nesterov-worst", 10, 2000, tight=True),
    ),
)

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
    theorems=(accelerated, exact_moments),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
    },
)
