"""SPSA, simultaneous perturbation stochastic approximation; with a constant step, ZO-SGD with k probes.

Algorithm (Spall, "Multivariate stochastic approximation using a simultaneous perturbation gradient
approximation", IEEE Trans. Autom. Control 37(3), 1992): for k = 0, 1, ...

    draw directions s_1 ... s_n
    g_k = (1/n) sum_j (f(x_k + c_k s_j) - f(x_k - c_k s_j)) / (2 c_k)  s_j
    x_{k+1} = x_k - a_k g_k

The step rules, with K the number of steps:

=========  =========================  ===================
rule       a_k                        c_k
=========  =========================  ===================
classical  a / (A + k + 1)^alpha      c / (k + 1)^gamma
constant   a                          c
=========  =========================  ===================

alpha = 0.602, gamma = 0.101 and A a tenth of K are Spall's advice for practice ("Implementation of the
simultaneous perturbation algorithm for stochastic optimization", IEEE Trans. Aerosp. Electron. Syst. 34(3),
1998).  The paper divides by the entries of s_j and wants signs; for signs that is the product above, which
also serves other laws.  Where E s s^T = (m2/d) I is not I, the product is multiplied by d/m2, so that g_k
estimates the gradient.

The rest is our definition.  `a` not given stands for the first step n / ((d + n - 1) L), which minimises the
bound f(x) - a |g|^2 + a^2 (L/2) E|g_k|^2 where |s|^2 is fixed; with the Gaussian law d + n + 1 replaces
d + n - 1.  Neither paper could be read in full here: the advice is quoted as others quote it.

2n queries a step, all on one sample of a stochastic objective.  Memory: 4 vectors.
Invariances: translation, scaling, rotation (rotation-invariant laws).
"""

import math
from typing import Annotated, NamedTuple

from zobench.directions import LAWS, ROTATION_INVARIANT, constants, draw
from zobench.instance import Vector
from zobench.oracle import hold, query_along
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.rates import not_independently_noisy, not_sampled
from zobench.solver import Solver
from zobench.theorem import Cell, Theorem
from zobench.trial import advanced, outside_bracket

RULES = ("classical", "constant")
CLASSICAL, CONSTANT = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    rule : str
        Step rule.
    probes : int
        n, directions a step.
    a : float
        Scale of the steps; 0 stands for one that makes the first step n / ((d + n - 1) L).
    c : float
        Scale of the smoothing radius, in units of x / |s|.
    A : float
        Stability constant of the rule `classical`, in steps; 0 stands for a tenth of K.
    alpha, gamma : float
        Exponents of the rule `classical`.
    law : str
        Direction law.
    L : float
        Smoothness constant of the default `a`; the problem's certified one if not given.
    steps : int
        K; 0 stands for as many as the budget allows.
    scale : float
        d / m2; 0 stands for that of the law.
    """

    rule: Annotated[str, Choice(*RULES)] = "classical"
    probes: Annotated[int, Integer(1, 1_000_000)] = 1
    a: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    c: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-3
    A: Annotated[float, Real(0.0)] = 0.0
    alpha: Annotated[float, Real(0.0)] = 0.602
    gamma: Annotated[float, Real(0.0)] = 0.101
    law: Annotated[str, Choice(*LAWS)] = "rademacher"
    L: Annotated[float, Certified(fallback=1.0)] = math.nan
    steps: Annotated[int, Integer(0)] = 0
    scale: Annotated[float, Real(0.0)] = 0.0


class State(NamedTuple):
    """Workspace: the iterate, the estimate of the gradient, the direction, the point that is tried."""

    x: Vector
    g: Vector
    s: Vector
    trial: Vector


def probe(oracle, state, law, c, stream):
    """Draw a direction and give the difference quotient along it."""
    draw(stream, law, state.s)
    f_plus, f_minus = query_along(oracle, state.x, state.s, c, state.trial)
    return (f_plus - f_minus) / (2.0 * c)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - a_k g_k."""
    hold(oracle)
    a, c = parameters.a, parameters.c
    if parameters.rule == CLASSICAL:
        a /= (parameters.A + k + 1.0) ** parameters.alpha
        c /= (k + 1.0) ** parameters.gamma
    x, g, s, _ = state
    scale = a * parameters.scale / parameters.probes
    several = parameters.probes > 1
    if several:
        g[:] = 0.0
    for _ in range(parameters.probes - 1):
        quotient = probe(oracle, state, parameters.law, c, stream)
        for i in range(x.size):
            g[i] += quotient * s[i]
    # the last probe goes into the step at once: x need not wait for g to be stored
    quotient = probe(oracle, state, parameters.law, c, stream)
    for i in range(x.size):
        x[i] -= scale * ((g[i] if several else 0.0) + quotient * s[i])


def cost(parameters, setting):
    """Give the queries of one step."""
    return 2 * parameters.probes


def settle(parameters, setting):
    """Fill horizon, stability constant, scale and first step; with `a` given, L is not needed."""
    n, d = parameters.probes, setting.dim
    steps = parameters.steps or max(1, setting.budget // cost(parameters, setting))
    filled = parameters._replace(
        steps=steps,
        A=parameters.A or steps / 10.0,
        scale=parameters.scale or d / constants(parameters.law, d).m2,
    )
    if parameters.a > 0.0:
        return filled._replace(L=0.0)
    spread = d + n + 1.0 if parameters.law == "gaussian" else d + n - 1.0
    first = n / (spread * parameters.L)
    growth = (filled.A + 1.0) ** parameters.alpha if parameters.rule == "classical" else 1.0
    return filled._replace(a=first * growth)


RADIUS = 1e-6  # of the rows on functions that are not quadratic: the bias is bounded, and small
NOISY_RADIUS = 0.3
NOISE = (("noise", "gaussian"), ("noise_level", 0.3))
RESTARTS = 25  # runs a seed where f(x_K) has heavy tails


def probes_of(case):
    """Give n, which a cell claims as "n = 4"."""
    return int(case.claim.removeprefix("n = ")) if case.claim else 1


def spread_of(case):
    """Give gamma = 1 + (d r + d - 2) / (n (d + 2)): E|g|_H^2 <= L gamma |grad f|^2 on the sphere."""
    d, r = case.dim, case.constant("effective_rank")
    return 1.0 + (d * r + d - 2.0) / (probes_of(case) * (d + 2.0))


def largest_step(case):
    """Give 1 / (L gamma)."""
    return 1.0 / (case.constant("L") * spread_of(case))


def given(case, step, radius=RADIUS):
    """Give the parameters of a constant step along n directions of the sphere."""
    return {"rule": "constant", "law": case.law, "probes": probes_of(case), "a": step, "c": radius}


def budget(case):
    """Give the queries of K steps."""
    return 2 * probes_of(case) * case.steps


def last_gap(trace, case):
    """Give f(x_K) - f_star."""
    return trace.value - case.constant("f_star")


def identity_sides(trial):
    """Give the mean over k of the change of f over |grad f|^2, and what the identity says of it."""
    case, instance = trial.case, trial.case.instance
    d, n, a = case.dim, probes_of(case), trial.parameters["a"]
    points = advanced(trial.start(), case.steps)
    values = [instance.value(x) for x in points]
    left = right = 0.0
    for k, x in enumerate(points[:-1]):
        g = instance.gradient(x)
        square = g @ g
        bent = g @ (instance.gradient(x + g) - g) / square
        first = (1.0 + (d - 2.0) / (n * (d + 2.0))) * bent
        left += (values[k + 1] - values[k]) / square
        right += -a + 0.5 * a**2 * (first + d / (n * (d + 2.0)) * case.constant("trace"))
    return left / case.steps, right / case.steps


def mean_last_gap(trial):
    """Give the mean of f(x_K) - f_star over runs that differ in their directions only."""
    instance, floor = trial.case.instance, trial.case.constant("f_star")
    runs = [trial.start(again=j) for j in range(RESTARTS)]
    return sum(instance.value(advanced(run, trial.case.steps)[-1]) - floor for run in runs) / RESTARTS


def recursion(case, a):
    """Give E f(x_K) - f_star on a quadratic by the recursion of the second moments of the modes."""
    eigenvalues, away = case.modes
    d, n, moments = case.dim, probes_of(case), away**2
    kept = 1.0 - 2.0 * a * eigenvalues + a**2 * (1.0 + (d - 2.0) / (n * (d + 2.0))) * eigenvalues**2
    for _ in range(case.steps):
        moments = kept * moments + a**2 * d / (n * (d + 2.0)) * (eigenvalues**2 @ moments)
    return 0.5 * float(eigenvalues @ moments)


def linear_bound(case, steps):
    """Give (1 - PL/(gamma L))^K D0 and what the differences' radius may add to it."""
    d, L, gamma, rate = case.dim, case.constant("L"), spread_of(case), case.constant("PL")
    contraction = 1.0 - rate / (gamma * L)
    bias = 0.5 * L * RADIUS * d
    a, wide = largest_step(case), math.sqrt(d / gamma)
    # |grad f| <= sqrt(2 L (f - f_star)), and f stays below twice where it began
    added = a * bias * (1.0 + wide) * math.sqrt(4.0 * L * case.gap) + 0.5 * a * (wide * bias) ** 2
    return contraction**steps * case.gap + added * (1.0 - contraction**steps) / (1.0 - contraction)


def linear_horizon(case, eps):
    """Give K(eps) as the radius tends to 0."""
    return math.log(case.gap / eps) / (largest_step(case) * case.constant("PL"))


def growing_step(case):
    """Give PL / (L gamma (PL + growth/2)), the best step where noise grows with the gap."""
    rate = case.constant("PL")
    return largest_step(case) * rate / (rate + 0.5 * case.constant("growth"))


def growing_bound(case, steps):
    """Give (1 - (PL/(L gamma)) / (1 + growth/(2 PL)))^K D0."""
    rate = case.constant("PL")
    return (
        1.0 - rate * largest_step(case) / (1.0 + case.constant("growth") / (2.0 * rate))
    ) ** steps * case.gap


def growing_horizon(case, eps):
    """Give K(eps)."""
    return linear_horizon(case, eps) * (1.0 + case.constant("growth") / (2.0 * case.constant("PL")))


def floor_bound(case, steps, added):
    """Give (1 - a PL)^K D0 + added / (a PL), for a = 1/(L gamma)."""
    rate = largest_step(case) * case.constant("PL")
    return (1.0 - rate) ** steps * case.gap + added / rate * (1.0 - (1.0 - rate) ** steps)


def floor_horizon(case, eps, added):
    """Give K(eps) where each step adds `added`; infinite where eps is no more than the floor."""
    floor = added / (largest_step(case) * case.constant("PL"))
    return linear_horizon(case, eps - floor) if eps > floor else math.inf


def value_noise_step(case):
    """Give what noise of a variance v on every value adds in a step, (a^2/2) trace v / (2 c^2 n)."""
    variance = case.instance.noise.facts.variance
    step = 0.25 * largest_step(case) ** 2 * case.constant("trace") * variance
    return step / (NOISY_RADIUS**2 * probes_of(case))


def variance_of(case):
    """Give the gradient variance of a query; 0 of a deterministic instance."""
    return case.constant("variance") if case.instance.stochastic else 0.0


def nonconvex_step(case):
    """Give min(1/(L gamma), sqrt(2 D0 / (L gamma variance K)))."""
    largest, variance = largest_step(case), variance_of(case)
    return min(
        largest, math.sqrt(2.0 * case.gap * largest / (variance * case.steps)) if variance else largest
    )


def nonconvex_bound(case, steps):
    """Give (D0/(a K) + a L gamma variance/2) / (1 - a L gamma/2), at most the two terms of the statement."""
    size, variance = 1.0 / largest_step(case), variance_of(case)
    return 2.0 * size * case.gap / steps + math.sqrt(8.0 * size * variance * case.gap / steps)


def nonconvex_horizon(case, eps):
    """Give K(eps) of E|grad f|^2 <= eps^2."""
    return case.gap / largest_step(case) * max(4.0 / eps**2, 32.0 * variance_of(case) / eps**4)


def row(**parts):
    """Make one theorem; what most rows share is filled in."""
    common = {
        "source": "derived for zobench; gamma of Malladi et al., arXiv 2305.17333, proof of Theorem 1",
        "assumes": ("L", "PL", "f_star", "effective_rank"),
        "budget": budget,
        "measured": last_gap,
        "quantity": "f(x_K) - f_star",
        "queries_per_step": 2,
    }
    return Theorem(**{**common, **parts})


def cell(problem, dim, steps, *parameters, **options):
    """Make one cell; the law is that of the sphere."""
    return Cell(problem, dim, steps, parameters, "sphere", **options)


one_step_identity = row(
    name="spsa-one-step-identity",
    statement=(
        "f quadratic with Hessian H, |s| = sqrt(d) uniform, n probes, any step a, x+ = x - a g:  "
        "E f(x+) - f(x)  =  -a |grad f|^2 + (a^2/2) [(1 + (d-2)/(n (d+2))) grad f^T H grad f "
        "+ (d/(n (d+2))) tr(H) |grad f|^2]"
    ),
    proof=(
        "Central differences are exact, so g = (1/n) sum <grad f, s_j> s_j with E g = grad f; the fourth "
        "moments of the sphere give E g g^T = (1 + (d-2)/(n (d+2))) grad f grad f^T "
        "+ (d/(n (d+2))) |grad f|^2 I.  Divided by |grad f|^2, which x fixes, all steps of a run weigh alike."
    ),
    assumes=("L", "trace", "effective_rank"),
    least_dim=2,
    parameters=lambda case: given(case, largest_step(case), 1e-3),
    bound=lambda case, steps: -largest_step(case),
    measured=None,
    sides=identity_sides,
    relation="=",
    quantity="mean over k of (f(x_{k+1}) - f(x_k)) / |grad f(x_k)|^2",
    pitfall="The Gaussian law has other fourth moments.",
    complexity="none: about one step",
    cells=(
        cell("quadratic", 10, 200, tight=True, quick=True),
        cell(
            "quadratic",
            10,
            40,
            ("condition", 30.0),
            ("rotation", "yes"),
            tight=True,
            quick=True,
            claim="n = 4",
        ),
        cell("ridge-regression", None, 60, tight=True, quick=True),
        cell("quadratic", 100, 400, ("condition", 10.0), tight=True),
    ),
)

projector_equality = row(
    name="spsa-projector-equality",
    statement=(
        "f(x) = 1/2 sum_{i<=r} x_i^2 in R^d, |s| = sqrt(d) uniform, one probe, a = 1/gamma with "
        "gamma = d (r+2)/(d+2):  E f(x_K)  =  (1 - 1/gamma)^K f(x_0)"
    ),
    proof=(
        "H is a projector, so grad f^T H grad f = |grad f|^2 = 2 f and tr H = r: the one-step identity reads "
        "E f(x+) = (1 - 2a + a^2 gamma) f(x)."
    ),
    assumes=("trace", "L", "effective_rank", "PL", "f_star"),
    parameters=lambda case: given(case, largest_step(case), 1e-3),
    bound=lambda case, steps: (1.0 - largest_step(case)) ** steps * case.gap,
    measured=None,
    sides=lambda trial: (mean_last_gap(trial), trial.theorem.bound(trial.case, trial.case.steps)),
    relation="=",
    requires=lambda instance: (
        "" if instance.parameters._asdict().get("spectrum") == "projector" else "its Hessian is no projector"
    ),
    slopes=(("r", 1.0), ("d", 0.0)),
    pitfall="f(x_K) has log-normal tails: K <= 6 gamma, and many runs.",
    complexity="gamma ln(f(x_0)/eps)",
    horizon=lambda case, eps: math.log(case.gap / eps) / largest_step(case),
    cells=(
        cell("quadratic", 20, 10, ("spectrum", "projector"), ("rank", 5), tight=True, quick=True),
        cell("quadratic", 200, 10, ("spectrum", "projector"), ("rank", 5), tight=True, quick=True),
        cell("quadratic", 2000, 10, ("spectrum", "projector"), ("rank", 5), tight=True),
        cell("quadratic", 200, 30, ("spectrum", "projector"), ("rank", 20), tight=True),
    ),
)

moment_recursion = row(
    name="spsa-moment-recursion",
    statement=(
        "f quadratic with eigenvalues lambda_i, m_i = E <x - x_star, v_i>^2, |s| = sqrt(d) uniform:  "
        "m_i(k+1) = [1 - 2 a lambda_i + a^2 (1 + (d-2)/(n (d+2))) lambda_i^2] m_i(k) "
        "+ a^2 (d/(n (d+2))) sum_j lambda_j^2 m_j(k),  and E f(x_K) - f_star  =  1/2 sum_i lambda_i m_i(K)"
    ),
    proof="The second moments of g in the eigenvectors' frame; cross moments do not enter the diagonal.",
    assumes=("trace", "L", "effective_rank", "f_star"),
    least_dim=2,
    parameters=lambda case: given(case, largest_step(case), 1e-3),
    bound=lambda case, steps: recursion(case, largest_step(case)),
    measured=None,
    sides=lambda trial: (mean_last_gap(trial), trial.theorem.bound(trial.case, trial.case.steps)),
    relation="=",
    pitfall="f(x_K) has log-normal tails for many steps.",
    complexity="the least K for which the recursion comes down to eps; it has no closed form",
    cells=(
        cell("quadratic", 10, 10, ("condition", 30.0), tight=True, quick=True),
        cell(
            "quadratic",
            10,
            20,
            ("condition", 30.0),
            ("rotation", "yes"),
            tight=True,
            quick=True,
            claim="n = 4",
        ),
        cell("ridge-regression", None, 10, tight=True, quick=True),
        cell("quadratic", 40, 40, ("condition", 100.0), tight=True),
    ),
)

LINEAR = {
    "statement": (
        "Hess f <= H with |H| <= L and tr H <= L r, |grad f|^2 >= 2 mu (f - f_star), |s| = sqrt(d) uniform, "
        "a = 1/(gamma L), gamma = 1 + (d r + d - 2)/(n (d + 2)), radius -> 0:  "
        "E f(x_K) - f_star  <=  (1 - mu/(gamma L))^K D0"
    ),
    "proof": (
        "E f(x+) <= f - a |grad f|^2 + (a^2/2) L gamma |grad f|^2 by the sphere's fourth moments; then PL. "
        "A radius c adds to <grad f, s> an error below L c d/2, which the bound carries."
    ),
    "parameters": lambda case: given(case, largest_step(case)),
    "bound": linear_bound,
    "slopes": (("eps", 0.0),),
    "complexity": "gamma (L/mu) ln(D0/eps), as radius -> 0",
    "horizon": linear_horizon,
    "pitfall": "4 to 6 times pessimistic in the rate: errors of a constant factor pass.",
}

hessian_bracket = row(
    name="softmax-hessian-bracket",
    statement=(
        "f(x) = 1/2 |softmax(A x) - b|^2 + 1/2 |diag(w) A x|^2 with b in the simplex, at every x:  "
        "mu  <=  lambda_min(Hess f(x)),  lambda_max(Hess f(x))  <=  L,  where L and mu are the certified "
        "extreme eigenvalues of A^T (diag(w)^2 +- I/2) A (mu where it is positive, else -L)"
    ),
    proof=(
        "With J = diag(p) - p p^T <= I/2, the Hessian of the squared loss in z = A x is J^2 + Cov_p(c, Y), "
        "and both c_k - <p, c> and the variance are at most 1/2; the lower side by the simplex's vertices."
    ),
    source="derived for zobench; the function of Deng, Li, Mahadevan and Song, arXiv 2307.08352",
    assumes=("L",),
    parameters=lambda case: {"rule": "constant", "law": case.law, "a": 1.0, "c": RADIUS},
    bound=lambda case, steps: 1.0,
    measured=None,
    sides=outside_bracket,
    relation="exact",
    quantity="Hessian within its bracket",
    requires=lambda instance: (
        "" if instance.problem.name == "softmax-attention" else "it is about squared loss"
    ),
    pitfall="A vector b outside the simplex breaks it.  The numerical extremes are 0.3081 and -0.2404.",
    complexity="none: about the Hessian, not a run",
    cells=(
        cell("softmax-attention", 8, 9, quick=True),
        cell("softmax-attention", 1, 41, ("rows", 2), ("weight", 0.0), ("target", "vertex"), quick=True),
        cell("softmax-attention", 20, 15, ("rows", 50), ("spread", 1.5)),
    ),
)

softmax_squares = row(
    name="zo-softmax-sq-linear",
    **LINEAR,
    requires=lambda instance: (
        "" if instance.problem.name == "softmax-attention" else "it is about squared loss"
    ),
    cells=(
        cell("softmax-attention", 8, 8, quick=True),
        cell("softmax-attention", 8, 4, quick=True, claim="n = 4"),
        cell("softmax-attention", 20, 400, ("rows", 50), ("spread", 1.5)),
    ),
)

softmax_entropy = row(
    name="zo-softmax-ce-ridge-linear",
    **LINEAR,
    requires=lambda instance: (
        "" if instance.problem.name == "softmax-regression" else "it is about multiclass cross-entropy"
    ),
    cells=(
        cell("softmax-regression", None, 20, ("data", "iris"), ("ridge", 0.3), quick=True),
        cell("softmax-regression", None, 8, ("data", "iris"), ("ridge", 0.3), quick=True, claim="n = 4"),
        cell("softmax-regression", None, 200, ("data", "wine"), ("ridge", 0.3)),
    ),
)

effective_rank_pl = row(
    name="zosgd-effective-rank-pl",
    statement=(
        "As zo-softmax-sq-linear, with samples whose gradients have E|grad F - grad f|^2 <= w (f - f_star), "
        "both points on one sample, a = mu/(L gamma (mu + w/2)):  "
        "E f(x_K) - f_star  <=  (1 - (mu/(L gamma)) / (1 + w/(2 mu)))^K D0"
    ),
    proof=(
        "E|grad F|^2 = |grad f|^2 + E|grad F - grad f|^2, so "
        "E D+ <= [1 - 2 a mu + a^2 L gamma (mu + w/2)] D; the step minimises the bracket.  "
        "(w = alpha/B of Malladi et al., Lemma 3, which this sharpens.)"
    ),
    assumes=("L", "PL", "f_star", "effective_rank", "growth"),
    parameters=lambda case: given(case, growing_step(case)),
    bound=growing_bound,
    noise=True,
    requires=not_sampled,
    pitfall="Another sample at the minus point diverges.",
    complexity="gamma (L/mu) (1 + w/(2 mu)) ln(D0/eps)",
    horizon=growing_horizon,
    cells=(
        cell("interpolating-regression", 10, 60, quick=True),
        cell("interpolating-regression", 10, 20, ("batch", 32), quick=True),
        cell("interpolating-regression", 20, 2000, ("condition", 3.0), ("batch", 16)),
    ),
)

effective_rank_floor = row(
    name="zosgd-effective-rank-floor",
    statement=(
        "As zo-softmax-sq-linear, with samples whose gradients have E|grad F - grad f|^2 <= v, "
        "a = 1/(L gamma):  E f(x_K) - f_star  <=  (1 - a mu)^K D0 + a L gamma v/(2 mu)"
    ),
    proof="E D+ <= (1 - 2 a mu + a^2 L gamma mu) D + (a^2/2) L gamma v, and a geometric series.",
    assumes=("L", "PL", "f_star", "effective_rank", "variance"),
    parameters=lambda case: given(case, largest_step(case)),
    bound=lambda case, steps: floor_bound(case, steps, 0.5 * largest_step(case) * case.constant("variance")),
    noise=True,
    requires=not_sampled,
    complexity="gamma (L/mu) ln(D0/(eps - a L gamma v/(2 mu))), and none below that floor",
    horizon=lambda case, eps: floor_horizon(case, eps, 0.5 * largest_step(case) * case.constant("variance")),
    pitfall=(
        "The floor is proportional to the step, to the variance over the batch and to the "
        "effective rank: declare the batch."
    ),
    cells=(
        cell("stochastic-quadratic", 40, 300, tight=True, quick=True),
        cell("stochastic-quadratic", 20, 100, ("rank", 5), ("condition", 5.0), ("batch", 4), quick=True),
        cell("stochastic-quadratic", 100, 1000, ("spread", 0.3), tight=True),
        cell("softmax-regression", None, 100, ("data", "iris"), ("ridge", 0.3), ("batch", 8), quick=True),
    ),
)

value_noise_floor = row(
    name="zosgd-value-noise-floor",
    statement=(
        "f quadratic, independent noise of variance v on every value, |s| = sqrt(d) uniform, "
        "a = 1/(L gamma):  E f(x_K) - f_star  <=  (1 - a mu)^K D0 + a tr(H) v/(4 c^2 n mu),  c the radius"
    ),
    proof=(
        "The noise adds (z+ - z-)/(2 c) to each quotient: (a^2/2) E s^T H s v/(2 c^2 n) a step, and it is "
        "independent of the rest.  tr H and not L d: the price is the effective rank."
    ),
    assumes=("L", "PL", "f_star", "effective_rank", "trace"),
    parameters=lambda case: given(case, largest_step(case), NOISY_RADIUS),
    bound=lambda case, steps: floor_bound(case, steps, value_noise_step(case)),
    noise=True,
    requires=not_independently_noisy,
    pitfall="Common random numbers make the floor vanish, which a bound does not see.",
    complexity="gamma (L/mu) ln(D0/(eps - a tr(H) v/(4 c^2 n mu))), and none below that floor",
    horizon=lambda case, eps: floor_horizon(case, eps, value_noise_step(case)),
    cells=(
        cell("quadratic", 40, 300, *NOISE, tight=True, quick=True),
        cell("quadratic", 40, 100, *NOISE, tight=True, quick=True, claim="n = 4"),
        cell(
            "quadratic",
            20,
            400,
            ("spectrum", "two-level"),
            ("rank", 4),
            ("condition", 10.0),
            *NOISE,
            quick=True,
        ),
    ),
)

nonconvex_effective_rank = row(
    name="zosgd-nonconvex-effective-rank",
    statement=(
        "Hess f <= H with |H| <= L and tr H <= L r, f bounded below, samples with E|grad F - grad f|^2 <= v, "
        "a = min(1/(L gamma), sqrt(2 D0/(L gamma v K))):  "
        "(1/K) sum_{k<K} E|grad f(x_k)|^2  <=  2 L gamma D0/K + sqrt(8 L gamma v D0/K)"
    ),
    proof=(
        "E f(x+) <= f - (a/2) |grad f|^2 + (a^2/2) L gamma v for a <= 1/(L gamma): add up, divide by a K/2, "
        "and 1/a <= L gamma + sqrt(L gamma v K/(2 D0))."
    ),
    assumes=("L", "f_star", "effective_rank"),
    parameters=lambda case: given(case, nonconvex_step(case)),
    bound=nonconvex_bound,
    measured=lambda trace, case: trace.means["gradient_norm_squared"],
    quantity="mean over k of |grad f(x_k)|^2",
    noise=True,
    requires=lambda instance: (
        "its samples have no certified variance"
        if instance.noise is not None or (instance.stochastic and "variance" not in instance.certificates)
        else ""
    ),
    slopes=(("K", -1.0), ("K", -0.5), ("r", 1.0), ("eps", -4.0)),
    complexity="max{ 4 L gamma D0/eps^2, 32 L gamma v D0/eps^4 }",
    horizon=nonconvex_horizon,
    power=2.0,
    pitfall="Loose: constants of 2 pass. gamma must be in the step, and without it the step diverges.",
    cells=(
        cell("nonconvex-cosine", 10, 200, quick=True),
        cell("stochastic-quadratic", 10, 200, quick=True),
        cell("stochastic-quadratic", 40, 2000, ("rank", 4), ("condition", 40.0)),
        cell("softmax-regression", None, 200, ("data", "iris"), ("batch", 8), quick=True),
    ),
)

solver = Solver(
    name="spsa",
    summary="SPSA: central differences along k random directions, Spall's gains or a constant step",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Spall, IEEE Trans. Autom. Control 37(3) (1992)",
    theorems=(
        one_step_identity,
        projector_equality,
        moment_recursion,
        hessian_bracket,
        softmax_squares,
        softmax_entropy,
        effective_rank_pl,
        effective_rank_floor,
        value_noise_floor,
        nonconvex_effective_rank,
    ),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
    },
)
