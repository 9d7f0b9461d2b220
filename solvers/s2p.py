r"""S2P, the stochastic two-point method.

Algorithm (Pang and Zhou, "Stochastic two points method for deep model gradient free optimization",
arXiv 2402.01621): for k = 0, 1, ...

    draw a direction s_k
    x_{k+1} = argmin{ f(x_k + alpha_k s_k), f(x_k - alpha_k s_k) }

f(x_k) itself is never asked for.  The step rules, with K the number of steps, d the dimension and
gamma_k = (f(x_k + radius s_k) - f(x_k - radius s_k)) / (2 radius):

==========  ==========================================================================  =======
rule        alpha_k                                                                     queries
==========  ==========================================================================  =======
stationary  alpha0 / sqrt(K d)                                                          2
dynamic     alpha0 / sqrt((k + 1) d)                                                    2
gamma       |gamma_k| / (L |s_k|^2), in the direction that gamma_k says goes down       2
gamma-four  the same length, the better of both directions                              4
clipped     |gamma_k| / (2 B m2 (L0 + L1 |gamma_k| / m1)), direction as `gamma`         2
sign        alpha0 / sqrt(K d), direction as `gamma`                                    2
==========  ==========================================================================  =======

`gamma`, `clipped` and `sign` use the sign trick: the two values that give gamma_k also give the direction.
`clipped` is for (L0, L1)-smooth functions and wants a law whose |s|^2 is always m2, which the Gaussian one is
not; m1 and m2 are the law's constants (`zobench.directions`), m2 = d for rademacher and sphere, and
B = 2 (e^v - 1 - v) / v^2 with v = m1 / (2 sqrt(m2)).  `gamma` divides by |s_k|^2 and not by d, with which
Gaussian directions diverge in one dimension.

The paper's own constants could not be read; each rule here is one for which a bound is derived.
Memory: 3 vectors; beyond 2^22 dimensions 2, the directions being made twice.
Invariances: translation, scaling, rotation (rotation-invariant laws), monotone (rules stationary and
dynamic).
"""

import math
from functools import partial
from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import (
    COORDINATE,
    LAWS,
    ROTATION_INVARIANT,
    UNIT_SPHERE,
    constants,
    direction_size,
    draw,
    length_factor,
    move_along,
    squared_length_at,
)
from zobench.errors import ZobenchError
from zobench.instance import Vector
from zobench.kernels import squared_norm
from zobench.limits import limits
from zobench.oracle import affords, hold, query, query_along, query_pair
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.rates import (
    clipped_steps,
    gap_after,
    growth,
    log_ratio,
    not_a_sphere,
    relaxed_steps,
    remainder,
    speed_of_a_line,
)
from zobench.solver import Scratch, Sized, Solver
from zobench.stream import here
from zobench.theorem import Case, Cell, Theorem

RULES = ("stationary", "dynamic", "gamma", "gamma-four", "clipped", "sign")
STATIONARY, DYNAMIC, GAMMA, GAMMA_FOUR, CLIPPED, SIGN = range(6)

#: Smoothing radius of the theorems about gamma.
RADIUS = 1e-5


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    rule : str
        Step rule.
    alpha0 : float
        Scale of the rules `stationary`, `dynamic` and `sign`, in units of x.
    law : str
        Direction law.
    radius : float
        Smoothing radius of the other rules, in units of x / |s|.
    L, L0, L1 : float
        Smoothness constants of the rules that use them; the problem's certified ones if not given.
    steps : int
        K; 0 stands for as many as the budget allows.
    m1, B : float
        Constants of the rule `clipped`; 0 stands for those of the law.
    """

    rule: Annotated[str, Choice(*RULES)] = "stationary"
    alpha0: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0
    law: Annotated[str, Choice(*LAWS)] = "gaussian"
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-5
    L: Annotated[float, Certified()] = math.nan
    L0: Annotated[float, Certified()] = math.nan
    L1: Annotated[float, Certified(open=False)] = math.nan
    steps: Annotated[int, Integer(0)] = 0
    m1: Annotated[float, Real(0.0)] = 0.0
    B: Annotated[float, Real(0.0)] = 0.0


class State(NamedTuple):
    """Workspace: the iterate, the direction (or a block of it), the point that is tried."""

    x: Vector
    s: Sized(direction_size)  # type: ignore[valid-type]
    trial: Scratch


def better(oracle, state, alpha, complete):
    """Move to the better of x + alpha s and x - alpha s; the direction's vector holds the first of them."""
    x, plus, minus = state
    for i in range(x.size):
        shift = alpha * plus[i]
        plus[i] = x[i] + shift
        minus[i] = x[i] - shift
    f_plus, f_minus = query_pair(oracle, plus, minus)
    if complete:
        chosen = plus if f_plus <= f_minus else minus
        for i in range(x.size):
            x[i] = chosen[i]


def better_anew(oracle, state, law, factor, alpha, stream, place, complete):
    """Do the same with a direction that is not kept; the second point takes the place of x."""
    x, block, trial = state
    move_along(stream, law, place, factor, x, alpha, block, trial)
    f_plus = query(oracle, trial)
    minus = x if complete else trial
    move_along(stream, law, place, factor, x, -alpha, block, minus)
    f_minus = query(oracle, minus)
    if complete and f_plus <= f_minus:
        for i in range(x.size):
            x[i] = trial[i]


def length(parameters, d, gamma, square):
    """Give alpha_k of the rules that depend on gamma_k; `square` is |s_k|^2."""
    if parameters.rule == CLIPPED:
        m2 = 1 if parameters.law == UNIT_SPHERE or parameters.law == COORDINATE else d
        scale = parameters.L0 + parameters.L1 * abs(gamma) / parameters.m1
        return abs(gamma) / (2.0 * parameters.B * m2 * scale)
    if parameters.rule == SIGN:
        return parameters.alpha0 / np.sqrt(parameters.steps * d)
    return abs(gamma) / (parameters.L * square)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = argmin{ f(x_k + alpha_k s_k), f(x_k - alpha_k s_k) }."""
    hold(oracle)
    (x, s, trial), rule, law, radius = state, parameters.rule, parameters.law, parameters.radius
    place, factor, kept, square = here(stream), 1.0, s.size == x.size, 0.0
    # a step that the budget cuts short leaves x as it was
    complete = affords(oracle, 4 if rule == GAMMA_FOUR else 2)
    if kept:
        draw(stream, law, s)
    else:
        factor = length_factor(stream, law, x.size, s)
    if rule == STATIONARY or rule == DYNAMIC:
        alpha = parameters.alpha0 / np.sqrt((parameters.steps if rule == STATIONARY else k + 1) * x.size)
    else:
        if kept:
            f_plus, f_minus = query_along(oracle, x, s, radius, trial)
        else:
            move_along(stream, law, place, factor, x, radius, s, trial)
            f_plus = query(oracle, trial)
            move_along(stream, law, place, factor, x, -radius, s, trial)
            f_minus = query(oracle, trial)
        if rule == GAMMA or rule == GAMMA_FOUR:
            square = squared_norm(s) if kept else squared_length_at(stream, law, place, factor, x.size, s)
        gamma = (f_plus - f_minus) / (2.0 * radius)
        alpha = length(parameters, x.size, gamma, square)
        if rule != GAMMA_FOUR:
            downhill = -alpha if gamma > 0.0 else alpha
            if complete:
                move_along(stream, law, place, factor, x, downhill, s, x)
            return
    if kept:
        better(oracle, state, alpha, complete)
    else:
        better_anew(oracle, state, law, factor, alpha, stream, place, complete)


def cost(parameters, setting):
    """Give the queries of one step."""
    return 4 if parameters.rule == "gamma-four" else 2


def settle(parameters, setting):
    """Fill the horizon and the law's constants; a rule's unused constants are zero."""
    rule = parameters.rule
    used = {"gamma": {"L"}, "gamma-four": {"L"}, "clipped": {"L0", "L1"}}.get(rule, set())
    law = constants(parameters.law, setting.dim)
    m1 = parameters.m1 or law.m1
    v = m1 / (2.0 * math.sqrt(law.m2))
    return parameters._replace(
        steps=parameters.steps or max(1, setting.budget // cost(parameters, setting)),
        m1=m1,
        B=parameters.B or growth(v),
        **{name: 0.0 for name in {"L", "L0", "L1"} - used},
    )


def stationary_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: alpha0 = sqrt(2 D0 / L), the best one."""
    alpha0 = math.sqrt(2.0 * case.gap / case.constant("L"))
    return {"rule": "stationary", "alpha0": alpha0, "law": case.law, "steps": case.steps}


def stationary_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` gradient norms of a run laid out for `case.steps`."""
    smoothness, law = case.constant("L"), case.directions
    alpha = stationary_parameters(case)["alpha0"] / math.sqrt(case.steps * case.dim)
    return (case.gap / (alpha * steps) + smoothness * alpha * law.m2 / 2.0) / law.m1


def identity_right(trace, case: Case) -> float:
    """Give the right-hand side of the identity for one run."""
    m1 = case.directions.m1
    alpha = stationary_parameters(case)["alpha0"] / math.sqrt(case.steps * case.dim)
    fall = (trace.start - trace.value) / (m1 * alpha * case.steps)
    return fall + alpha * case.constant("trace") / (2.0 * m1)


def dynamic_parameters(case: Case) -> dict:
    """Give the step rule of the theorem, alpha0 = sqrt(2 D0 / L), which needs no horizon."""
    alpha0 = math.sqrt(2.0 * case.gap / case.constant("L"))
    return {"rule": "dynamic", "alpha0": alpha0, "law": case.law}


def dynamic_bound(case: Case, steps: int) -> float:
    """Bound the step-weighted mean of the first `steps` gradient norms."""
    law, k = case.directions, np.arange(1, steps + 1)
    alphas = dynamic_parameters(case)["alpha0"] / np.sqrt(k * case.dim)
    rise = case.constant("L") * law.m2 * float(np.sum(alphas**2)) / 2.0
    return (case.gap + rise) / (law.m1 * float(alphas.sum()))


def gamma_parameters(case: Case) -> dict:
    """Give the step rule of the theorems."""
    return {"rule": "gamma", "law": case.law, "L": case.constant("L"), "radius": RADIUS}


def gamma_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` squared gradient norms."""
    smoothness, dim = case.constant("L"), case.dim
    bias = (smoothness * RADIUS) ** 2 * dim * case.directions.m2 / 4.0
    return 2.0 * smoothness * dim * case.gap / steps + bias


def pl_bound(case: Case, steps: int) -> float:
    """Bound E f(x_K) - f_star for K = `steps`."""
    smoothness, dim, pl = case.constant("L"), case.dim, case.constant("PL")
    bias = (smoothness * RADIUS) ** 2 * dim * case.directions.m2 / (8.0 * pl)
    return (1.0 - pl / (smoothness * dim)) ** steps * case.gap + bias


def clipped_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` gradient norms."""
    m1, l0, l1 = case.directions.m1, case.constant("L0"), case.constant("L1")
    v = m1 / (2.0 * math.sqrt(case.dim))
    w = 4.0 * growth(v) * case.dim * case.gap / (m1**2 * steps)
    return (l1 * w + math.sqrt((l1 * w) ** 2 + 4.0 * l0 * w)) / 2.0


def sign_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: alpha0 = |x_0 - x_star|, which needs no smoothness constant."""
    chosen = {"rule": "sign", "law": case.law, "steps": case.steps, "radius": RADIUS}
    return {**chosen, "alpha0": case.distance}


def sign_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` roots of the gap of a run laid out for `case.steps`."""
    law, alpha = case.directions, case.distance / math.sqrt(case.steps * case.dim)
    if not law.rotation_invariant:
        raise ZobenchError(f"the law must be rotation-invariant, got {case.law!r}")
    spread = case.distance**2 / (alpha * steps) + alpha * law.m2
    return math.sqrt(case.constant("L") / 2.0) * spread / (2.0 * law.m1)


def relaxed_alpha(case: Case, longest: float) -> float:
    """Give a step size, the best one for L0 alone, but at most m1 / (B L1 d) and so with kappa >= m1/2."""
    law, l0, l1 = case.directions, case.constant("L0"), case.constant("L1")
    b = growth(law.m1 / math.sqrt(law.m2)) if l1 > 0.0 else 1.0
    alpha = longest / math.sqrt(l0 * b) if l0 > 0.0 else math.inf
    return min(alpha, law.m1 / (b * l1 * law.m2)) if l1 > 0.0 else alpha


def relaxed_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: alpha = min{ m1/(B L1 d), sqrt(2 D0/(L0 B d K)) }."""
    alpha = relaxed_alpha(case, math.sqrt(2.0 * case.gap / (case.dim * case.steps)))
    alpha0 = alpha * math.sqrt(case.steps * case.dim)
    return {"rule": "stationary", "alpha0": alpha0, "law": case.law, "steps": case.steps}


def relaxed_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` gradient norms of a run laid out for `case.steps`."""
    l0, l1 = case.constant("L0"), case.constant("L1")
    alpha = relaxed_parameters(case)["alpha0"] / math.sqrt(case.steps * case.dim)
    rise = alpha * remainder(case.law, case.dim, l1 * alpha)
    kappa = case.directions.m1 - l1 * rise
    if kappa <= 0.0:
        raise ZobenchError(f"the step must leave kappa > 0, got {kappa:g}")
    return (case.gap / (alpha * steps) + l0 * rise) / kappa


def decreasing_parameters(case: Case) -> dict:
    """Give the step rule of the theorem: alpha0 = min{ m1/(B L1 sqrt(d)), sqrt(2 D0/(L0 B)) }."""
    alpha0 = math.sqrt(case.dim) * relaxed_alpha(case, math.sqrt(2.0 * case.gap / case.dim))
    return {"rule": "dynamic", "alpha0": alpha0, "law": case.law}


def decreasing_terms(case: Case, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Give kappa_k alpha_k, the weights of the mean, and B_k alpha_k^2, of the first `steps` steps."""
    if not case.directions.fixed_norm:
        raise ZobenchError(f"the law must have |s|^2 = d, got {case.law!r}")
    alphas = decreasing_parameters(case)["alpha0"] / np.sqrt(np.arange(1, steps + 1) * case.dim)
    l1 = case.constant("L1")
    curved = np.array([growth(l1 * alpha * math.sqrt(case.dim)) for alpha in alphas])
    weights = (case.directions.m1 - l1 * curved * alphas * case.dim / 2.0) * alphas
    if weights[0] <= 0.0:
        raise ZobenchError(f"the first step must leave kappa > 0, got {weights[0] / alphas[0]:g}")
    return weights, curved * alphas**2


def decreasing_bound(case: Case, steps: int) -> float:
    """Bound the kappa_k alpha_k-weighted mean of the first `steps` gradient norms."""
    weights, rises = decreasing_terms(case, steps)
    return (case.gap + case.constant("L0") * case.dim * float(rises.sum()) / 2.0) / float(weights.sum())


row = partial(
    Theorem,
    source="derived for zobench; method of Pang and Zhou, arXiv 2402.01621",
    assumes=("L", "f_star"),
    budget=lambda case: 2 * case.steps,
    measured=lambda trace, case: trace.means["gradient_norm"],
    quantity="mean over k of |grad f(x_k)|",
    queries_per_step=2,
)

smooth_stationary = row(
    name="s2p-smooth-stationary",
    statement=(
        "f L-smooth and bounded below, alpha = alpha0 / sqrt(K d), E|s|^2 = d:  "
        "(1/K) sum_{k<K} E|grad f(x_k)|  <=  sqrt(d/K) / m1 (D0/alpha0 + L alpha0/2)"
    ),
    proof=(
        "Of the two signs take the one with -|<g,s>|: f(x+) <= f(x) - alpha |<g,s>| + "
        "(L/2) alpha^2 |s|^2. Take expectations with E|<g,s>| >= m1 |g| and E|s|^2 = d, and add up over k."
    ),
    parameters=stationary_parameters,
    bound=stationary_bound,
    horizon=lambda case, eps: (
        2.0 * case.constant("L") * case.gap * case.dim / (case.directions.m1 * eps) ** 2
    ),
    pitfall="alpha0 and K must be those of the run; min over k inside the mean would pass a step x3.",
    curve="running_mean",
    slopes=(("K", -0.5), ("d", 0.5), ("eps", -2.0)),
    complexity="2 L D0 d/(m1 eps)^2",
    cells=(
        Cell("quadratic", 10, 1000, tight=True, quick=True),
        Cell("quadratic", 10, 1000, law="rademacher", quick=True),
        Cell("quadratic", 40, 4000, law="sphere", tight=True),
        Cell("quadratic", 20, 2000, (("condition", 100.0), ("rotation", "yes")), quick=True),
        Cell("nonconvex-cosine", 10, 1000, quick=True),
        Cell("nonconvex-cosine", 50, 5000, law="sphere"),
        Cell("softmax-regression", None, 200, (("data", "iris"),), quick=True),
        Cell("softmax-regression", None, 500, (("data", "digits"),)),
    ),
)

exact_identity = row(
    name="exact-s2p-identity",
    statement=(
        "f quadratic with Hessian A, fixed step alpha, rotation-invariant law with E|s|^2 = d:  "
        "(1/K) sum_{k<K} E|grad f(x_k)|  =  (f(x_0) - E f(x_K)) / (m1 alpha K) + alpha tr(A) / (2 m1)"
    ),
    proof=(
        "f(x +- alpha s) = f +- alpha <g,s> + (alpha^2/2) s^T A s exactly, the better sign "
        "gives -alpha |<g,s>|, E|<g,s>| = m1 |g| and E s^T A s = tr A."
    ),
    source="derived for zobench",
    assumes=("trace", "L", "f_star"),
    parameters=stationary_parameters,
    bound=stationary_bound,
    right=identity_right,
    complexity="none: an identity for every K, which promises no accuracy",
    pitfall="Both sides are of the same run: only their difference is tested, whose deviation is small.",
    cells=(
        Cell("quadratic", 10, 500, tight=True, quick=True),
        Cell("quadratic", 10, 500, (("condition", 100.0), ("rotation", "yes")), "sphere", True, True),
        Cell("quadratic", 50, 2000, (("condition", 10.0),), "gaussian", True),
    ),
)

smooth_gamma = row(
    name="s2p-smooth-gamma",
    statement=(
        "f L-smooth and bounded below, isotropic law with E|s|^2 = d and s/|s| independent of |s|, "
        "x+ = x - gamma/(L |s|^2) s:  "
        "(1/K) sum_{k<K} E|grad f(x_k)|^2  <=  2 L d D0/K + L^2 radius^2 d^2/4"
    ),
    proof=(
        "f(x+) <= f(x) - (<g,s>^2 - (gamma - <g,s>)^2) / (2 L |s|^2) with |gamma - <g,s>| <= "
        "L radius |s|^2/2 and E<g,s>^2/|s|^2 = |g|^2/d; add up over k."
    ),
    parameters=gamma_parameters,
    bound=gamma_bound,
    horizon=lambda case, eps: 4.0 * case.constant("L") * case.dim * case.gap / eps**2,
    pitfall="With d for |s|^2 Gaussian steps diverge for d = 1 and stall for d = 2.",
    measured=lambda trace, case: trace.means["gradient_norm_squared"],
    quantity="mean over k of |grad f(x_k)|^2",
    slopes=(("K", -1.0), ("d", 1.0), ("eps", -2.0)),
    complexity=(
        "4 L d D0/eps^2 for radius <= sqrt(2) eps/(L d); tends to 2 L d D0/eps^2 with the radius to 0"
    ),
    power=2.0,
    cells=(
        Cell("quadratic", 10, 100, law="rademacher", tight=True, quick=True),
        Cell("quadratic", 2, 40, law="gaussian", tight=True, quick=True),
        Cell("quadratic", 40, 400, law="sphere", tight=True),
        Cell("quadratic", 20, 400, (("condition", 100.0), ("rotation", "yes")), "sphere", quick=True),
        Cell("nonconvex-cosine", 10, 100, law="sphere", quick=True),
        Cell("softmax-regression", None, 200, (("data", "iris"),), "sphere", quick=True),
    ),
)

smooth_dynamic = row(
    name="s2p-smooth-dynamic",
    statement=(
        "f L-smooth and bounded below, alpha_k = alpha0 / sqrt((k+1) d), E|s|^2 = d:  "
        "sum_{k<K} alpha_k E|grad f(x_k)| / sum_{k<K} alpha_k  <=  sqrt(d) (D0/alpha0 + L alpha0 H_K/2) "
        "/ (m1 S_K),  H_K = sum_{j<=K} 1/j, S_K = sum_{j<=K} j^(-1/2)"
    ),
    proof=(
        "As for the fixed step, m1 sum alpha_k E|g_k| <= D0 + (L/2) d sum alpha_k^2; "
        "d sum alpha_k^2 = alpha0^2 H_K and sum alpha_k = alpha0 S_K / sqrt(d)."
    ),
    parameters=dynamic_parameters,
    bound=dynamic_bound,
    pitfall="The plain mean is not what is bounded.",
    quantity="step-weighted mean over k of |grad f(x_k)|",
    weights=lambda case: 1.0 / np.sqrt(np.arange(1, case.steps + 1)),
    slopes=(("K", -0.5), ("d", 0.5), ("eps", -2.0)),
    complexity="the least K for which the bound is eps, of the order d log(1/eps)^2/eps^2",
    cells=(
        Cell("quadratic", 10, 1000, tight=True, quick=True),
        Cell("quadratic", 40, 4000, law="sphere", tight=True),
        Cell("nonconvex-cosine", 10, 1000, quick=True),
        Cell("softmax-regression", None, 200, (("data", "iris"),), quick=True),
    ),
)

pl_gamma = row(
    name="s2p-pl-gamma",
    statement=(
        "f L-smooth with |grad f|^2 >= 2 mu (f - f_star), law and step as in s2p-smooth-gamma:  "
        "E f(x_K) - f_star  <=  (1 - mu/(L d))^K D0 + L^2 radius^2 d^2/(8 mu)"
    ),
    proof=(
        "E f(x+) <= f - |g|^2/(2 L d) + L radius^2 d/8, |g|^2 >= 2 mu (f - f_star), and a geometric series. "
        "f(x_K) has log-normal tails: K <= d^2/4 keeps its standard deviation below its mean."
    ),
    assumes=("L", "PL", "f_star"),
    parameters=gamma_parameters,
    bound=pl_bound,
    horizon=lambda case, eps: (
        case.constant("L") * case.dim / case.constant("PL") * math.log(2.0 * case.gap / eps)
    ),
    pitfall="f(x_K) has log-normal tails; any condition but 1 hides a step x2.1, which diverges on spheres.",
    measured=lambda trace, case: trace.value - case.constant("f_star"),
    quantity="f(x_K) - f_star",
    slopes=(("d", 1.0),),
    complexity="(L d/mu) ln(2 D0/eps) for radius <= 2/(L d) sqrt(mu eps)",
    cells=(
        Cell("quadratic", 40, 80, law="rademacher", tight=True, quick=True),
        Cell("quadratic", 40, 80, law="gaussian", tight=True, quick=True),
        Cell("quadratic", 40, 400, law="sphere", tight=True),
        Cell("quadratic", 20, 100, (("condition", 3.0),), "sphere", quick=True),
    ),
)

relaxed_clipped = row(
    name="s2p-relaxed-clipped",
    statement=(
        "|Hess f| <= L0 + L1 |grad f|, f bounded below, |s|^2 = d, v = m1/(2 sqrt(d)), "
        "B = 2 (e^v - 1 - v)/v^2, radius -> 0, alpha = |gamma| / (2 B d (L0 + L1 |gamma|/m1)):  "
        "(1/K) sum_{k<K} E|grad f(x_k)|  <=  (L1 w + sqrt(L1^2 w^2 + 4 L0 w))/2  with w = 4 B d D0/(m1^2 K)"
    ),
    proof=(
        "alpha |s| <= v/(B L1), so f(x+) <= f - alpha |<g,s>| + (B/2)(L0 + L1 |g|) alpha^2 d; |<g,s>|^2/W is "
        "convex and |<g,s>|/W concave in |<g,s>|, W the step's denominator, so by Jensen "
        "E f(x+) <= f - m1^2 |g|^2/(4 B d (L0 + L1 |g|)); add up, and Jensen for G^2/(L0 + L1 G)."
    ),
    source="derived for zobench; gamma-clipping of Pang and Zhou, arXiv 2402.01621",
    assumes=("L0", "L1", "f_star"),
    parameters=lambda case: {"rule": "clipped", "law": case.law, "radius": RADIUS},
    bound=clipped_bound,
    horizon=clipped_steps,
    pitfall="A far start hides a step that is too long.",
    slopes=(("K", -1.0), ("K", -0.5), ("d", 1.0), ("eps", -2.0)),
    complexity="(4 B d D0/m1^2) (L0/eps^2 + L1/eps)",
    cells=(
        Cell("cosh", 10, 2000, law="sphere", quick=True),
        Cell("cosh", 10, 500, (("start", 6.0),), "sphere", quick=True),
        Cell("cosh", 10, 40, law="rademacher", quick=True),
        Cell("cosh", 40, 8000, (("start", 6.0),), "rademacher"),
        Cell("quartic-norm", 10, 200, law="sphere", quick=True),
        Cell("quadratic", 10, 30, law="sphere", quick=True),
    ),
)

sign_convex = row(
    name="s2p-sign-convex",
    statement=(
        "f convex and L-smooth, R = |x_0 - x_star|, rotation-invariant law with E|s|^2 = d, radius -> 0, "
        "x+ = x - alpha sign(gamma) s, alpha = R / sqrt(K d):  "
        "(1/K) sum_{k<K} E sqrt(f(x_k) - f_star)  <=  sqrt(L/2) / (2 m1) (R^2/(alpha K) + alpha d)  "
        "=  R sqrt(L d / (2 K)) / m1"
    ),
    proof=(
        "E sign(<g,s>) s = m1 g/|g| for a rotation-invariant law, so E|x+ - x_star|^2 = |x - x_star|^2 - "
        "2 alpha m1 <g, x - x_star>/|g| + alpha^2 d. Smoothness and convexity give <g, x - x_star> >= "
        "f - f_star + |g|^2/(2L), which is at least |g| sqrt(2 (f - f_star)/L); add up over k."
    ),
    source="derived for zobench; sign trick of Pang and Zhou, arXiv 2402.01621",
    assumes=("L", "convex", "f_star", "R0"),
    parameters=sign_parameters,
    bound=sign_bound,
    measured=lambda trace, case: trace.means["gap_root"],
    quantity="mean over k of sqrt(f(x_k) - f_star)",
    horizon=lambda case, eps: (
        case.constant("L") * case.dim / 2 * (case.distance / case.directions.m1) ** 2 / eps
    ),
    slopes=(("K", -0.5), ("d", 0.5), ("eps", -1.0)),
    pitfall="False for Rademacher directions, for which E sign(<g,s>) s is not parallel to g.",
    complexity="L R^2 d/(2 m1^2 eps), for a gap of eps",
    power=0.5,
    cells=(
        Cell("quadratic", 10, 1000, tight=True, quick=True),
        Cell("quadratic", 40, 4000, law="sphere", tight=True),
        Cell("quadratic", 20, 2000, (("condition", 100.0), ("rotation", "yes")), "sphere", quick=True),
        Cell("log-cosh", 10, 1000, quick=True),
        Cell("huber", 20, 2000, law="sphere"),
    ),
)

relaxed_stationary = row(
    name="s2p-relaxed-stationary",
    statement=(
        "|Hess f| <= L0 + L1 |grad f|, f bounded below, E|s|^2 = d, psi(u) = e^u - 1 - u, "
        "Psi = E psi(L1 alpha |s|)/L1^2, kappa = m1 - L1 Psi/alpha > 0, B = 2 psi(v)/v^2 with "
        "v = m1/sqrt(d), alpha = min{ m1/(B L1 d), sqrt(2 D0/(L0 B d K)) }:  "
        "(1/K) sum_{k<K} E|grad f(x_k)|  <=  (D0/(alpha K) + L0 Psi/alpha) / kappa"
    ),
    proof=(
        "By Gronwall f(y) <= f(x) + <g, y - x> + (L0 + L1 |g|) psi(L1 |y - x|)/L1^2 for all x and y. For the "
        "better sign E f(x+) <= f - alpha m1 |g| + (L0 + L1 |g|) Psi; add up over k."
    ),
    assumes=("L0", "L1", "f_star"),
    parameters=relaxed_parameters,
    bound=relaxed_bound,
    horizon=relaxed_steps,
    curve="running_mean",
    slopes=(("K", -0.5), ("d", 0.5), ("eps", -2.0)),
    pitfall=(
        "Definition G with the same constants allows the quadratic bound only where alpha |s| <= 1/L1, which "
        "Gaussian directions break with positive probability; and a far start hides a wrong step."
    ),
    complexity="max{ 8 B L0 D0 d/(m1 eps)^2, 2 B L1^2 D0 d/(L0 m1^2) }",
    cells=(
        Cell("quadratic", 10, 1000, law="sphere", tight=True, quick=True),
        Cell("cosh", 10, 1000, law="sphere", quick=True),
        Cell("cosh", 10, 2000, (("start", 6.0),), "sphere", quick=True),
        Cell("cosh", 10, 1000, law="gaussian", quick=True),
        Cell("cosh", 40, 20000, (("start", 6.0),), "rademacher"),
        Cell("quartic-norm", 10, 1000, law="sphere", quick=True),
    ),
)

relaxed_dynamic = row(
    name="s2p-relaxed-dynamic",
    statement=(
        "|Hess f| <= L0 + L1 |grad f|, f bounded below, |s|^2 = d, alpha_k = alpha0 / sqrt((k+1) d) with "
        "alpha0 = min{ m1/(B L1 sqrt(d)), sqrt(2 D0/(L0 B)) }, B as for the fixed step, "
        "B_k = 2 psi(u_k)/u_k^2 with u_k = L1 alpha_k sqrt(d), kappa_k = m1 - L1 B_k alpha_k d/2:  "
        "sum_{k<K} kappa_k alpha_k E|grad f(x_k)| / sum_{k<K} kappa_k alpha_k  <=  "
        "(D0 + (L0/2) d sum_{k<K} B_k alpha_k^2) / sum_{k<K} kappa_k alpha_k"
    ),
    proof="As for the fixed step, E f(x+) <= f - kappa_k alpha_k |g| + (L0/2) B_k d alpha_k^2; add up.",
    assumes=("L0", "L1", "f_star"),
    parameters=decreasing_parameters,
    bound=decreasing_bound,
    quantity="kappa_k alpha_k-weighted mean over k of |grad f(x_k)|",
    weights=lambda case: decreasing_terms(case, case.steps)[0],
    slopes=(("K", -0.5), ("d", 0.5), ("eps", -2.0)),
    pitfall="The first step is the dangerous one: kappa_0 must be positive. The bound has a factor ln K.",
    complexity="the least K for which the bound is eps, of the order d log(1/eps)^2/eps^2",
    cells=(
        Cell("quadratic", 10, 1000, law="sphere", tight=True, quick=True),
        Cell("cosh", 10, 1000, law="sphere", quick=True),
        Cell("cosh", 10, 2000, (("start", 6.0),), "sphere", quick=True),
        Cell("quartic-norm", 10, 1000, law="rademacher", quick=True),
        Cell("cosh", 40, 20000, (("start", 6.0),), "rademacher"),
    ),
)

exact_moments = row(
    name="exact-gamma-moments",
    statement=(
        "f quadratic with curvatures lam_i, x+ = x - gamma/(L |s|^2) s, M_i = E (x - x_star)_i^2 along "
        "the axes of f, S = sum_i lam_i^2 M_i; Gaussian or sphere law:  "
        "M_i <- M_i - 2 lam_i M_i/(L d) + (S + 2 lam_i^2 M_i)/(L^2 d (d+2)), Rademacher law and diagonal "
        "Hessian: the last term S/(L d)^2;  E f(x_K) - f_star  =  sum_i lam_i M_i/2"
    ),
    proof=(
        "On a quadratic gamma = <g,s> for every radius. Expand (x+ - x_star)_i^2 with E s s^T/|s|^2 = "
        "I/d and the fourth moments of the law."
    ),
    source="derived for zobench",
    assumes=("trace", "L", "mu", "f_star"),
    least_dim=2,
    parameters=lambda case: {**gamma_parameters(case), "radius": 1e-3},
    bound=lambda case, steps: gap_after(case.instance, case.law, steps),
    measured=lambda trace, case: trace.value - case.constant("f_star"),
    right=lambda trace, case: gap_after(case.instance, case.law, case.steps),
    quantity="f(x_K) - f_star",
    pitfall="f(x_K) has log-normal tails: with K of the order of d^2 the mean is made by rare runs.",
    complexity="the least K for which the recursion comes down to eps; it has no closed form",
    cells=(
        Cell("quadratic", 200, 60, law="sphere", tight=True, quick=True),
        Cell("quadratic", 200, 60, (("condition", 10.0), ("rotation", "yes")), "gaussian", True, True),
        Cell("quadratic", 200, 60, (("condition", 10.0),), "rademacher", True, True),
        Cell("quadratic", 3, 2, (("condition", 2.0),), "rademacher", True),
    ),
)

exact_line = row(
    name="exact-line-log",
    statement=(
        "f = (L/2)|x - x_star|^2, rotation-invariant law, x+ = x - gamma/(L |s|^2) s:  "
        "E ln(|x_0 - x_star| / |x_K - x_star|)  =  (K/2) (digamma(d/2) - digamma((d-1)/2))"
    ),
    proof=(
        "The step is the projection onto the line's complement: |x+ - x_star| is |x - x_star| times the sine "
        "of the angle to s, whose square has a beta law with parameters (d-1)/2 and 1/2."
    ),
    source="derived for zobench",
    assumes=("L", "mu", "f_star"),
    least_dim=2,
    requires=not_a_sphere,
    parameters=lambda case: {**gamma_parameters(case), "radius": 1e-3},
    bound=lambda case, steps: speed_of_a_line(case.dim),
    measured=lambda trace, case: 0.5 * log_ratio(trace.start, trace.value) / case.steps,
    right=lambda trace, case: speed_of_a_line(case.dim),
    quantity="mean over k of ln(|x_k - x_star| / |x_{k+1} - x_star|)",
    complexity="none: a mean speed; in the mean ln(|x_0 - x_star|/eps) takes that over the speed in steps",
    pitfall="Not for Rademacher or coordinate directions, whose angle to x - x_star depends on x.",
    cells=(
        Cell("quadratic", 3, 50, law="gaussian", tight=True, quick=True),
        Cell("quadratic", 20, 400, law="sphere", tight=True, quick=True),
        Cell("quadratic", 100, 2000, law="gaussian", tight=True),
    ),
)

of_smooth = (smooth_stationary, exact_identity, smooth_gamma, smooth_dynamic, pl_gamma, relaxed_clipped)
of_others = (sign_convex, relaxed_stationary, relaxed_dynamic, exact_moments, exact_line, limits)

solver = Solver(
    name="s2p",
    summary="stochastic two-point method: the better of x + alpha s and x - alpha s",
    step=step,
    keeps=True,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Pang and Zhou, arXiv 2402.01621 (2024)",
    theorems=(*of_smooth, *of_others),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
        "monotone": lambda parameters: parameters.rule in ("stationary", "dynamic"),
    },
)
