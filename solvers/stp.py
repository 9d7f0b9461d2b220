"""STP, the stochastic three points method.

Algorithm (Bergou, Gorbunov and Richtarik, "Stochastic three points method for unconstrained smooth
minimization", SIAM J. Optim. 30(4), 2020, arXiv 1902.03591): for k = 0, 1, ...

    draw a direction s_k
    x_{k+1} = argmin{ f(x_k), f(x_k + alpha_k s_k), f(x_k - alpha_k s_k) }

f(x_k) is known from the step before, so a step asks 2 queries on a deterministic objective and the run one
more at x_0. Where queries vary (a new mini-batch in each step), f(x_k) is asked again: 3.  The step rules,
with K the number of steps:

=================  ===================================================  =======
rule               alpha_k                                              queries
=================  ===================================================  =======
fixed              alpha0 / sqrt(K)                                     2
decreasing         alpha0 / sqrt(k + 1)                                 2
finite-difference  |f(x_k + radius s_k) - f(x_k)| / (L radius)          3
harmonic           alpha0 / (k + 2)                                     2
oracle             m1 / (m2 L) sqrt(2 PL max(f(x_k) - f_star, 0))       2
=================  ===================================================  =======

`harmonic` is for convex f, `oracle` for PL functions whose infimum is known; m1 and m2 are the direction
law's, E|<g,s>| >= m1 |g| and E|s|^2 = m2.

Never uphill: f(x_{k+1}) <= f(x_k) on a deterministic objective.  Memory: 3 vectors;
beyond 2^22 dimensions 2, the directions being made anew.
Invariances: translation, scaling, rotation (rotation-invariant laws), monotone (rules fixed, decreasing and
harmonic).
"""

import math
from functools import partial
from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import (
    LAWS,
    ROTATION_INVARIANT,
    constants,
    direction_size,
    draw,
    length_factor,
    move_along,
)
from zobench.errors import ZobenchError
from zobench.instance import Vector
from zobench.oracle import affords, hold, query, query_along, varies
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Scalar, Scratch, Sized, Solver
from zobench.stream import here
from zobench.theorem import Case, Cell, Theorem

#: Smoothing radius of the theorems' runs; its bias is in their bounds.
RADIUS = 1e-5
RULES = ("fixed", "decreasing", "finite-difference", "harmonic", "oracle")
FIXED, DECREASING, FINITE_DIFFERENCE, HARMONIC, ORACLE = range(5)
#: The problem's constants that a rule uses.
USED = {"finite-difference": ("L",), "oracle": ("L", "PL", "f_star")}


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    rule : str
        Step rule.
    alpha0 : float
        Scale of the rules `fixed`, `decreasing` and `harmonic`, in units of x.
    law : str
        Direction law.
    radius : float
        Of the rule `finite-difference`, in units of x.
    L : float
        Of the rules `finite-difference` and `oracle`; the problem's certified one if not given.
    steps : int
        K; 0 stands for as many as the budget allows.
    PL, f_star : float
        Of the rule `oracle`; the problem's certified ones if not given.
    m1, m2 : float
        Of the rule `oracle`; 0 stands for those of the law.
    """

    rule: Annotated[str, Choice(*RULES)] = "fixed"
    alpha0: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0
    law: Annotated[str, Choice(*LAWS)] = "unit-sphere"
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-6
    L: Annotated[float, Certified()] = math.nan
    steps: Annotated[int, Integer(0)] = 0
    PL: Annotated[float, Certified()] = math.nan
    f_star: Annotated[float, Certified(low=-math.inf, open=False)] = math.nan
    m1: Annotated[float, Real(0.0)] = 0.0
    m2: Annotated[float, Real(0.0)] = 0.0


class State(NamedTuple):
    """Workspace: the iterate, the direction or a block of it, the point that is tried, f at the iterate."""

    x: Vector
    s: Sized(direction_size)  # type: ignore[valid-type]
    trial: Scratch
    value: Scalar


def init(oracle, state, parameters, k, stream):
    """Ask for f(x_0)."""
    if not varies(oracle):
        state.value[0] = query(oracle, state.x)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = argmin{ f(x_k), f(x_k + alpha_k s_k), f(x_k - alpha_k s_k) }."""
    hold(oracle)
    rule, law, place, factor = parameters.rule, parameters.law, here(stream), 1.0
    # a step that the budget cuts short leaves x as it was
    first = (1 if varies(oracle) else 0) + (1 if rule == FINITE_DIFFERENCE else 0)
    complete = affords(oracle, first + 2)
    if state.s.size < state.x.size:
        factor = length_factor(stream, law, state.x.size, state.s)
    else:
        draw(stream, law, state.s)
    if varies(oracle):
        state.value[0] = query(oracle, state.x)
    if rule == FIXED:
        alpha = parameters.alpha0 / np.sqrt(parameters.steps)
    elif rule == DECREASING:
        alpha = parameters.alpha0 / np.sqrt(k + 1.0)
    elif rule == FINITE_DIFFERENCE:
        move_along(stream, law, place, factor, state.x, parameters.radius, state.s, state.trial)
        difference = abs(query(oracle, state.trial) - state.value[0])
        alpha = difference / (parameters.L * parameters.radius)
    elif rule == HARMONIC:
        alpha = parameters.alpha0 / (k + 2.0)
    else:
        gap = max(state.value[0] - parameters.f_star, 0.0)
        alpha = parameters.m1 / (parameters.m2 * parameters.L) * np.sqrt(2.0 * parameters.PL * gap)
    if state.s.size < state.x.size:
        move_along(stream, law, place, factor, state.x, alpha, state.s, state.trial)
        plus = query(oracle, state.trial)
        move_along(stream, law, place, factor, state.x, -alpha, state.s, state.trial)
        minus = query(oracle, state.trial)
    else:
        plus, minus = query_along(oracle, state.x, state.s, alpha, state.trial)
    shift = alpha if plus <= minus else -alpha
    if complete and min(plus, minus) < state.value[0]:
        state.value[0] = min(plus, minus)
        move_along(stream, law, place, factor, state.x, shift, state.s, state.x)


def cost(parameters, setting):
    """Give the most queries of one step."""
    return 2 + (parameters.rule == "finite-difference") + setting.varies


def settle(parameters, setting):
    """Fill the horizon and the law's constants; a constant that the rule does not use is zero."""
    known, law = 0 if setting.varies else 1, constants(parameters.law, setting.dim)
    unused = {"L", "PL", "f_star"} - {*USED.get(parameters.rule, ())}
    return parameters._replace(
        steps=parameters.steps or max(1, (setting.budget - known) // cost(parameters, setting)),
        m1=parameters.m1 or law.m1,
        m2=parameters.m2 or float(law.m2),  # a whole number would be laid out as one
        **{name: 0.0 for name in unused},
    )


def fixed_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: alpha0 = sqrt(2 D0 / (L E|s|^2)), the best one."""
    alpha0 = math.sqrt(2.0 * case.gap / (case.constant("L") * case.directions.m2))
    return {"rule": "fixed", "alpha0": alpha0, "law": case.law, "steps": case.steps}


def fixed_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` gradient norms of a run laid out for `case.steps`."""
    law = case.directions
    alpha = fixed_parameters(case)["alpha0"] / math.sqrt(case.steps)
    return case.gap / (law.m1 * alpha * steps) + case.constant("L") * law.m2 * alpha / (2.0 * law.m1)


def decreasing_weights(case: Case) -> np.ndarray:
    """Give the weights of the steps: 1 / sqrt(k + 1) in the window k >= K/2, 0 before it."""
    k = np.arange(case.steps)
    return np.where(k >= case.steps // 2, 1.0 / np.sqrt(k + 1.0), 0.0)


def decreasing_parameters(case: Case) -> dict:
    """Give the step rule of the theorem at the best alpha0 for the window."""
    squares = float(np.sum(decreasing_weights(case) ** 2))
    alpha0 = math.sqrt(2.0 * case.gap / (case.constant("L") * case.directions.m2 * squares))
    return {"rule": "decreasing", "alpha0": alpha0, "law": case.law}


def decreasing_bound(case: Case, steps: int) -> float:
    """Bound the weighted mean over the last half of the first `steps` steps."""
    law, alpha0 = case.directions, decreasing_parameters(case)["alpha0"]
    alphas = alpha0 / np.sqrt(np.arange(steps // 2, steps) + 1.0)
    added = 0.5 * case.constant("L") * law.m2 * float(np.sum(alphas**2))
    return (case.gap + added) / (law.m1 * float(np.sum(alphas)))


def difference_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: lengths from a forward difference."""
    if not (case.directions.fixed_norm and case.directions.m2 == 1.0):
        raise ZobenchError(f"theorem 'stp-pl-fd-step' needs directions with |s| = 1, got {case.law!r}")
    return {"rule": "finite-difference", "radius": RADIUS, "L": case.constant("L"), "law": case.law}


def difference_bound(case: Case, steps: int) -> float:
    """Bound the gap after `steps` steps."""
    d, smooth, lam = case.dim, case.constant("L"), case.constant("PL")
    floor = smooth**2 * RADIUS**2 * d / (8.0 * lam)
    return (1.0 - lam / (smooth * d)) ** steps * case.gap + floor


def convex_fixed_parameters(case: Case) -> dict:
    """Give the step rule of the theorem at the alpha that makes the bound least after K steps."""
    law, radius, steps = case.directions, case.constant("R0"), case.steps
    share = case.constant("L") * law.m2 * radius**2 / (2.0 * law.m1**2 * steps * case.gap)
    if share >= 1.0 or steps < 2:
        fewest = max(2, math.floor(share * steps) + 1)
        raise ZobenchError(f"theorem 'stp-convex-fixed' needs K >= {fewest} steps here, got {steps}")
    alpha = radius / law.m1 * (1.0 - share ** (1.0 / (steps - 1.0)))
    return {"rule": "fixed", "alpha0": alpha * math.sqrt(steps), "law": case.law, "steps": steps}


def convex_fixed_bound(case: Case, steps: int) -> float:
    """Bound the gap after the first `steps` steps of a run laid out for `case.steps`."""
    law, radius = case.directions, case.constant("R0")
    alpha = convex_fixed_parameters(case)["alpha0"] / math.sqrt(case.steps)
    floor = case.constant("L") * law.m2 * alpha * radius / (2.0 * law.m1)
    return (1.0 - law.m1 * alpha / radius) ** steps * case.gap + floor


def convex_fixed_horizon(case: Case, eps: float) -> float:
    """Give K(eps) of the step eps mu_D / (L gamma_D R0)."""
    scale = case.constant("L") * case.directions.m2 * (case.constant("R0") / case.directions.m1) ** 2
    return scale / eps * math.log(2.0 * case.gap / eps)


def harmonic_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: alpha_k = 2 R0 / (mu_D (k + 2)), which needs no horizon."""
    alpha0 = 2.0 * case.constant("R0") / case.directions.m1
    return {"rule": "harmonic", "alpha0": alpha0, "law": case.law}


def harmonic_bound(case: Case, steps: int) -> float:
    """Bound the gap after `steps` steps."""
    law = case.directions
    return 2.0 * case.constant("L") * law.m2 * case.constant("R0") ** 2 / (law.m1**2 * (steps + 1.0))


def oracle_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: lengths from the gap itself."""
    return {"rule": "oracle", "law": case.law, **{name: case.constant(name) for name in USED["oracle"]}}


def oracle_bound(case: Case, steps: int) -> float:
    """Bound the gap after `steps` steps."""
    law = case.directions
    return (1.0 - law.m1**2 * case.constant("PL") / (law.m2 * case.constant("L"))) ** steps * case.gap


def oracle_horizon(case: Case, eps: float) -> float:
    """Give K(eps)."""
    scale = case.directions.m2 * case.constant("L") / case.constant("PL")
    return scale / case.directions.m1**2 * math.log(case.gap / eps)


def mean_norm(trace, case: Case) -> float:
    """Give the mean over k of |grad f(x_k)|_D, the norm of the direction law."""
    return trace.means["gradient_sum_norm" if case.directions.norm == "sum" else "gradient_norm"]


def last_gap(trace, case: Case) -> float:
    """Give f(x_K) - f_star."""
    return trace.value - case.constant("f_star")


row = partial(
    Theorem,
    source="derived here; the method is that of Bergou, Gorbunov and Richtarik (2020), arXiv 1902.03591",
    assumes=("L", "f_star"),
    budget=lambda case: 1 + 2 * case.steps,
    queries_per_step=2,
)
last = partial(row, measured=last_gap, quantity="f(x_K) - f_star")
convex = partial(
    last, assumes=("L", "convex", "R0", "f_star"), slopes=(("K", -1.0), ("d", 1.0), ("eps", -1.0))
)

nonconvex_fixed = row(
    name="stp-nonconvex-fixed",
    statement=(
        "f L-smooth and bounded below, alpha = alpha0 / sqrt(K), E|<g,s>| >= mu_D |g|_D, E|s|^2 = gamma_D:  "
        "(1/K) sum_{k<K} E|grad f(x_k)|_D  <=  (D0/alpha0 + L gamma_D alpha0/2) / (mu_D sqrt(K))"
    ),
    proof=(
        "f(x+) <= f(x) - alpha |<g,s>| + (L/2) alpha^2 |s|^2, for the better of the two signs; "
        "expectations with the law's two constants; add up over k."
    ),
    source="Bergou, Gorbunov and Richtarik (2020), arXiv 1902.03591, nonconvex fixed step",
    parameters=fixed_parameters,
    bound=fixed_bound,
    measured=mean_norm,
    quantity="mean over k of |grad f(x_k)|_D",
    curve="running_mean",
    slopes=(("K", -0.5), ("d", 0.5), ("eps", -2.0)),
    complexity="2 L gamma_D D0/(mu_D eps)^2",
    horizon=lambda case, eps: (
        2.0 * case.constant("L") * case.directions.m2 * case.gap / (case.directions.m1 * eps) ** 2
    ),
    pitfall=(
        "The norm is the law's, |.|_1 for coordinates. The bound does not see a step that goes "
        "uphill: that is an exact property of its own."
    ),
    cells=(
        Cell("quadratic", 10, 1000, law="unit-sphere", quick=True),
        Cell("quadratic", 10, 1000, law="coordinate", quick=True),
        Cell("quadratic", 40, 4000, law="gaussian"),
        Cell("quadratic", 20, 2000, (("condition", 100.0), ("rotation", "yes")), "unit-sphere", quick=True),
        Cell("nonconvex-cosine", 10, 1000, law="unit-sphere", quick=True),
        Cell("nonconvex-cosine", 50, 5000, law="unit-sphere"),
        Cell("softmax-regression", None, 200, (("data", "iris"),), "unit-sphere", quick=True),
        Cell("softmax-regression", None, 500, (("data", "digits"),), "unit-sphere"),
    ),
)
nonconvex_decreasing = row(
    name="stp-nonconvex-decreasing",
    statement=(
        "f L-smooth and bounded below, alpha_k = alpha0 / sqrt(k + 1), E|<g,s>| >= mu_D |g|_D, "
        "E|s|^2 = gamma_D, sums over the window floor(K/2) <= k < K:  "
        "E sum alpha_k |grad f(x_k)|_D / sum alpha_k  <=  "
        "(D0 + (L gamma_D / 2) sum alpha_k^2) / (mu_D sum alpha_k)"
    ),
    proof=(
        "f(x_k) never rises, so the window starts at most D0 above f_star; there as with the fixed step, "
        "each step with its own alpha_k. Over the last half sum alpha_k^2 stays bounded: no logarithm."
    ),
    parameters=decreasing_parameters,
    bound=decreasing_bound,
    measured=mean_norm,
    quantity="alpha-weighted mean over k >= K/2 of |grad f(x_k)|_D",
    weights=decreasing_weights,
    slopes=(("K", -0.5), ("d", 0.5), ("eps", -2.0)),
    complexity="the least K for which the bound is eps, about 4.04 L gamma_D D0/(mu_D eps)^2",
    pitfall=(
        "6 to 10 times loose on quadratics: a step x3 passes. Only the last half of the steps is averaged."
    ),
    cells=(
        Cell("quadratic", 10, 1000, law="unit-sphere", quick=True),
        Cell("quadratic", 10, 1000, law="coordinate"),
        Cell("quadratic", 40, 200, law="unit-sphere", quick=True),
        Cell("nonconvex-cosine", 10, 1000, law="unit-sphere", quick=True),
    ),
)
pl_fd = last(
    name="stp-pl-fd-step",
    statement=(
        "f L-smooth with PL constant lam, |s| = 1, E s s^T = I/d, "
        "alpha_k = |f(x_k + t s_k) - f(x_k)| / (L t):  "
        "E f(x_K) - f_star  <=  (1 - lam / (L d))^K D0 + L^2 t^2 d / (8 lam)"
    ),
    proof=(
        "alpha_k differs from |<g,s>| / L by at most t/2, so the better sign lowers f by at least "
        "<g,s>^2 / (2 L) - L t^2 / 8; E<g,s>^2 = |g|^2 / d >= 2 lam (f - f_star) / d; a geometric sum."
    ),
    assumes=("L", "PL", "f_star"),
    parameters=difference_parameters,
    budget=lambda case: 1 + 3 * case.steps,
    bound=difference_bound,
    queries_per_step=3,
    slopes=(("d", 1.0),),
    complexity="(L d/lam) ln(2 D0/eps) for t <= (2/L) sqrt(lam eps/d)",
    horizon=lambda case, eps: (
        case.constant("L") * case.dim / case.constant("PL") * math.log(2.0 * case.gap / eps)
    ),
    pitfall=(
        "A radius t near 1e-8 |x| makes the floor one of rounding; log-normal tails as in s2p-pl-gamma."
    ),
    cells=(
        Cell("quadratic", 40, 60, law="unit-sphere", tight=True, quick=True),
        Cell("quadratic", 100, 300, law="unit-sphere", tight=True),
        Cell("quadratic", 40, 40, law="coordinate", tight=True),
        Cell("quadratic", 20, 100, (("condition", 10.0), ("rotation", "yes")), "unit-sphere", quick=True),
        Cell("sine-quadratic", 10, 60, law="unit-sphere", quick=True),
    ),
)

convex_fixed = convex(
    name="stp-convex-fixed",
    statement=(
        "f convex and L-smooth, |x - x_star| <= R0 where f(x) <= f(x_0), E|<g,s>| >= mu_D |g|_D, "
        "E|s|^2 = gamma_D, alpha <= R0/mu_D:  "
        "E f(x_K) - f_star  <=  (1 - mu_D alpha / R0)^K D0 + L gamma_D alpha R0 / (2 mu_D)"
    ),
    proof=(
        "f(x_k) never rises, so x_k stays where |grad f|_D >= (f - f_star) / R0, and the gap r obeys "
        "E r+ <= r (1 - mu_D alpha / R0) + L gamma_D alpha^2 / 2. With alpha = eps mu_D / (L R0) and "
        "gamma_D = 1, K >= L R0^2 / (mu_D^2 eps) ln(2 D0 / eps) gives eps; here alpha is the best for K."
    ),
    source="Bergou, Gorbunov and Richtarik (2020), convex case, as restated in arXiv 2209.07883",
    parameters=convex_fixed_parameters,
    bound=convex_fixed_bound,
    complexity="L gamma_D R0^2/(mu_D^2 eps) ln(2 D0/eps)",
    horizon=convex_fixed_horizon,
    pitfall=("R0 is over the sublevel set of x_0, not |x_0 - x_star|. The last iterate is bounded, no mean."),
    cells=(
        Cell("quadratic", 10, 200, law="unit-sphere", quick=True),
        Cell("log-cosh", 10, 200, law="unit-sphere", quick=True),
        Cell("log-cosh", 10, 200, (("start", 0.5),), "unit-sphere", quick=True),
        Cell("huber", 2, 1000, (("delta", 0.01),), "unit-sphere", quick=True),
        Cell("nesterov-worst", 10, 1000, law="gaussian"),
    ),
)

convex_decreasing = convex(
    name="stp-convex-decreasing",
    statement=(
        "f, law and R0 as in stp-convex-fixed, alpha_k = 2 R0 / (mu_D (k + 2)):  "
        "E f(x_K) - f_star  <=  2 L gamma_D R0^2 / (mu_D^2 (K + 1))"
    ),
    proof=(
        "The gap r_k obeys r_{k+1} <= k/(k + 2) r_k + 2 L gamma_D R0^2 / (mu_D^2 (k + 2)^2) in the mean; "
        "multiply by (k + 1)(k + 2) and add up. Loose by a factor of thousands where f is strongly convex."
    ),
    parameters=harmonic_parameters,
    bound=harmonic_bound,
    complexity="2 L gamma_D R0^2/(mu_D^2 eps) - 1",
    horizon=lambda case, eps: harmonic_bound(case, 0) / eps - 1.0,
    pitfall="Thousands of times loose where f is strongly convex: a step x10 or x0.1 passes there.",
    cells=(
        Cell("quadratic", 10, 400, law="unit-sphere", quick=True),
        Cell("log-cosh", 10, 1000, law="unit-sphere", quick=True),
        Cell("log-cosh", 10, 200, (("start", 0.5),), "unit-sphere", quick=True),
        Cell("nesterov-worst", 10, 2000, law="gaussian"),
    ),
)

pl_oracle = last(
    name="stp-pl-oracle-step",
    statement=(
        "f L-smooth with PL constant lam, E|<g,s>| >= mu_D |g|, E|s|^2 = gamma_D, "
        "alpha_k = mu_D / (gamma_D L) sqrt(2 lam (f(x_k) - f_star)):  "
        "E f(x_K) - f_star  <=  (1 - mu_D^2 lam / (gamma_D L))^K D0"
    ),
    proof=(
        "f falls by at least mu_D alpha |g| - L gamma_D alpha^2 / 2 in the mean, |g|^2 >= 2 lam "
        "(f - f_star), and alpha maximises what remains. The step rule uses f_star inside the solver."
    ),
    assumes=("L", "PL", "f_star"),
    least_dim=2,
    parameters=oracle_parameters,
    bound=oracle_bound,
    slopes=(("d", 1.0),),
    complexity="gamma_D L/(mu_D^2 lam) ln(D0/eps)",
    horizon=oracle_horizon,
    pitfall="The step rule looks at f_star: it is no method one could run.",
    cells=(
        Cell("quadratic", 40, 40, law="unit-sphere", tight=True, quick=True),
        Cell("quadratic", 40, 100, law="gaussian", quick=True),
        Cell("quadratic", 20, 100, (("condition", 10.0), ("rotation", "yes")), "unit-sphere", quick=True),
        Cell("sine-quadratic", 10, 100, law="unit-sphere", quick=True),
        Cell("sine-quadratic", 10, 100, (("start", 0.3),), "unit-sphere", quick=True),
    ),
)

solver = Solver(
    name="stp",
    summary="stochastic three points: the best of x, x + alpha s and x - alpha s",
    step=step,
    keeps=True,
    state=State,
    cost=cost,
    parameters=Parameters,
    init=init,
    settle=settle,
    source="Bergou, Gorbunov and Richtarik, SIAM J. Optim. 30(4) (2020), arXiv 1902.03591",
    theorems=(nonconvex_fixed, nonconvex_decreasing, pl_fd, convex_fixed, convex_decreasing, pl_oracle),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
        "monotone": lambda parameters: parameters.rule in ("fixed", "decreasing", "harmonic"),
    },
)
