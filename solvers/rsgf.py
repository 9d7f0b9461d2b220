"""RSGF, the randomized stochastic gradient free method.

Algorithm (Ghadimi and Lan, "Stochastic first- and zeroth-order methods for nonconvex stochastic programming",
SIAM J. Optim. 23(4), 2013, arXiv 1309.5549, for constant steps): draw R uniformly from 1 ... K, then for
k = 1, ..., R - 1

    draw u_k from N(0, I)
    x_{k+1} = x_k - h ( F(x_k + radius u_k, xi_k) - F(x_k, xi_k) ) / radius  u_k

and the result is x_R.  Both queries of a step share the sample xi_k.  That is `output = random`; the run then
ends early.  With `output = last`, our default, it takes all K steps: the average over k, which is what the
choice of R is for, can be read off the whole run with less variance.

    h = 1 / sqrt(d + 4)  min( 1 / (4 L sqrt(d + 4)), spread / (sigma sqrt(K)) )

with sigma a bound on the deviation of the sampled gradient (0: the first term alone) and spread the paper's
D-tilde; the paper's text could not be read in full, and the form of h is as others quote it.  The radius is
our definition, and so is that the quotient is multiplied by d/m2 where E u u^T = (m2/d) I is not I.  Two
queries a step.  Memory: 3 vectors.
Invariances: translation, scaling, rotation (rotation-invariant laws).
"""

import math
from functools import partial
from typing import Annotated, NamedTuple

from zobench.directions import LAWS, ROTATION_INVARIANT, constants, draw
from zobench.instance import Instance, Vector
from zobench.oracle import hold, query_pair
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Scalar, Solver
from zobench.stream import index
from zobench.theorem import Case, Cell, Theorem

OUTPUTS = ("last", "random")
LAST, RANDOM = range(2)

#: Smoothing radii of the theorems: with common random numbers, and with independent noise.
SMALL, WIDE = 1e-6, 0.01


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    output : str
        Whether to take all K steps or R - 1 of them.
    step_size : float
        h; 0 stands for the one above.
    radius : float
        Smoothing radius, in units of x / |u|.
    sigma : float
        Bound on the root of E|grad F(x, xi) - grad f(x)|^2.
    spread : float
        D-tilde, of the order of sqrt(2 (f(x_0) - f_star) / L); matters where sigma > 0.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    law : str
        Direction law.
    steps : int
        K; 0 stands for as many as the budget allows.
    scale : float
        d / m2; 0 stands for that of the law.
    """

    output: Annotated[str, Choice(*OUTPUTS)] = "last"
    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-6
    sigma: Annotated[float, Real(0.0, unit="f/x")] = 0.0
    spread: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0
    L: Annotated[float, Certified(fallback=1.0)] = math.nan
    law: Annotated[str, Choice(*LAWS)] = "gaussian"
    steps: Annotated[int, Integer(0)] = 0
    scale: Annotated[float, Real(0.0)] = 0.0


class State(NamedTuple):
    """Workspace: the iterate, the direction, the point that is tried, and how many steps to take."""

    x: Vector
    u: Vector
    trial: Vector
    end: Scalar


def init(oracle, state, parameters, k, stream):
    """Draw R."""
    if parameters.output == RANDOM:
        state.end[0] = index(stream, parameters.steps)
    else:
        state.end[0] = math.inf


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - h (difference quotient along u_k) u_k; past R nothing is asked, which ends the run."""
    if k < state.end[0]:
        hold(oracle)
        x, u, trial, _ = state
        draw(stream, parameters.law, u)
        for i in range(x.size):
            trial[i] = x[i] + parameters.radius * u[i]
        ahead, value = query_pair(oracle, trial, x)
        quotient = (ahead - value) / parameters.radius
        quotient *= parameters.scale
        for i in range(x.size):
            x[i] -= parameters.step_size * quotient * u[i]


def settle(parameters, setting):
    """Fill horizon, scale and step size; with the latter given, L is not needed."""
    steps, d = parameters.steps or max(1, setting.budget // 2), setting.dim
    parameters = parameters._replace(scale=parameters.scale or d / constants(parameters.law, d).m2)
    if parameters.step_size > 0.0:
        return parameters._replace(steps=steps, L=0.0)
    root = math.sqrt(setting.dim + 4.0)
    h = 1.0 / (4.0 * parameters.L * root)
    if parameters.sigma > 0.0:
        h = min(h, parameters.spread / (parameters.sigma * math.sqrt(steps)))
    return parameters._replace(steps=steps, step_size=h / root)


def shares_samples(instance: Instance) -> str:
    """Say what is wrong with the noise where both values of a step are to have one sample."""
    noise = instance.noise
    if instance.stochastic and "variance" not in instance.certificates:
        return "its samples' gradients have no certified variance"
    if noise is None:
        return ""
    facts = noise.facts
    if noise.mode != "common" or facts.relative_variance > 0.0 or facts.failure > 0.0 or facts.bias > 0.0:
        return f"noise {noise.text!r} is not added to f and shared by the values of a step"
    return ""


def adds_noise(instance: Instance) -> str:
    """Say what is wrong with the noise where every value is to have its own, added, of finite variance."""
    noise = instance.noise
    if instance.stochastic or noise is None:
        return "its values have no added noise"
    facts = noise.facts
    added = facts.unbiased and facts.relative_variance == 0.0 and facts.failure == 0.0
    if noise.mode != "independent" or not added or not math.isfinite(facts.variance):
        return f"noise {noise.text!r} is not independent, added, unbiased and of finite variance"
    return ""


def spread_of(case: Case) -> float:
    """Give sigma^2, the variance of a sample's gradient: shared noise that is added does not depend on x."""
    return case.constant("variance") if case.instance.stochastic else 0.0


def longest(case: Case) -> float:
    """Give 1 / (4 (d + 4) L)."""
    return 1.0 / (4.0 * (case.dim + 4.0) * case.constant("L"))


def gl_step(case: Case) -> float:
    """Give the paper's step size, 1/sqrt(d+4) min{ 1/(4 L sqrt(d+4)), sqrt(2 D0/L)/(sigma sqrt(K)) }."""
    noisy = spread_of(case) * case.steps * (case.dim + 4.0) * case.constant("L")
    return min(longest(case), math.sqrt(2.0 * case.gap / noisy) if noisy > 0.0 else math.inf)


def gl_bound(case: Case, steps: int) -> float:
    """Bound the mean of the first `steps` squared gradient norms, for constant steps."""
    smoothness, d4, h = case.constant("L"), case.dim + 4.0, gl_step(case)
    bias = 2.0 * SMALL**2 * d4 * (1.0 + smoothness * d4**2 * steps * (h / 4.0 + smoothness * h**2))
    noisy = 2.0 * d4 * spread_of(case) * steps * h**2
    return (
        smoothness
        * (2.0 * case.gap / smoothness + bias + noisy)
        / (steps * (h - 2.0 * smoothness * d4 * h**2))
    )


def crn_step(case: Case) -> float:
    """Give h = min{ 1/(4 (d+4) L), sqrt(D0/(L (d+2) sigma^2 K)) }."""
    noisy = case.constant("L") * (case.dim + 2.0) * spread_of(case) * case.steps
    return min(longest(case), math.sqrt(case.gap / noisy) if noisy > 0.0 else math.inf)


def additive_step(case: Case) -> float:
    """Give h = min{ 1/(4 (d+4) L), sqrt(D0 radius^2/(L d sigma_f^2 K)) }."""
    noise = case.instance.noise
    assert noise is not None
    noisy = case.constant("L") * case.dim * noise.facts.variance * case.steps / WIDE**2
    return min(longest(case), math.sqrt(case.gap / noisy) if noisy > 0.0 else math.inf)


def noisy_bound(case: Case, steps: int, h: float, radius: float, noisy: float) -> float:
    """Bound the mean of squared gradient norms; `noisy` is half of what noise adds to E|estimate|^2."""
    smoothness, d = case.constant("L"), case.dim
    bias = 0.625 * (smoothness * radius) ** 2 * d * (d + 2.0)
    return 2.0 * case.gap / (h * steps) + 2.0 * smoothness * h * noisy + bias


def crn_bound(case: Case, steps: int) -> float:
    """Bound of rsgf-crn."""
    return noisy_bound(case, steps, crn_step(case), SMALL, (case.dim + 2.0) * spread_of(case))


def additive_bound(case: Case, steps: int) -> float:
    """Bound of rsgf-additive."""
    assert case.instance.noise is not None
    noisy = case.dim * case.instance.noise.facts.variance / WIDE**2
    return noisy_bound(case, steps, additive_step(case), WIDE, noisy)


def gl_horizon(case: Case, eps: float) -> float:
    """Give K(eps) of E|grad f|^2 <= eps^2 as radius -> 0."""
    scale = (case.dim + 4.0) * case.constant("L") * case.gap
    return scale * max(32.0 / eps**2, 288.0 * spread_of(case) / eps**4)


def additive_horizon(case: Case, eps: float) -> float:
    """Give K(eps) of E|grad f|^2 <= eps^2; infinite where eps^2 is no more than the floor."""
    assert case.instance.noise is not None
    smoothness, d = case.constant("L"), case.dim
    above = eps**2 - 0.625 * (smoothness * WIDE) ** 2 * d * (d + 2.0)
    if above <= 0.0:
        return math.inf
    noisy = d * case.instance.noise.facts.variance / WIDE**2
    return smoothness * case.gap * max(16.0 * (d + 4.0) / above, 64.0 * noisy / above**2)


def crn_horizon(case: Case, eps: float) -> float:
    """Give K(eps) of E|grad f|^2 <= eps^2 as radius -> 0."""
    smooth, noisy = case.dim + 4.0, (case.dim + 2.0) * spread_of(case)
    return max(16.0 * smooth / eps**2, 64.0 * noisy / eps**4) * case.constant("L") * case.gap


row = partial(
    Theorem,
    assumes=("L", "f_star"),
    budget=lambda case: 2 * case.steps,
    measured=lambda trace, case: trace.means["gradient_norm_squared"],
    quantity="mean over k of |grad f(x_k)|^2",
    queries_per_step=2,
    noise=True,
    slopes=(("K", -1.0), ("K", -0.5), ("d", 0.5), ("eps", -4.0)),
)

COMMON = (("noise", "gaussian"), ("noise_level", 0.1), ("noise_mode", "common"))
SAMPLED = (("data", "iris"), ("batch", 1))
SAMPLES = (
    "Both values of a step must have one sample. Of samples a problem certifies the variance of the gradient "
    "and the smoothness of f, not of F(., xi): at radius 1e-6 that term is nothing."
)

gl = row(
    name="rsgf-gl",
    statement=(
        "f = E F(., xi), F(., xi) L-smooth, E|grad F - grad f|^2 <= sigma^2, one xi for both values of a "
        "step, h = min{ 1/(4 L (d+4)), sqrt(2 D0/L) / (sigma sqrt((d+4) K)) }:  "
        "(1/L) (1/K) sum_{k<K} E|grad f(x_k)|^2  <=  [ 2 D0/L + 2 radius^2 (d+4)(1 + L (d+4)^2 K (h/4 + "
        "L h^2)) + 2 (d+4) sigma^2 K h^2 ] / (K (h - 2 L (d+4) h^2))"
    ),
    proof=(
        "Descent on the Gaussian smoothing of f, whose gradient is the mean of the estimate; the estimate's "
        "second moment is at most 2 (d+4)(|grad f|^2 + sigma^2) + radius^2 L^2 (d+6)^3/2; add up over k."
    ),
    source="Ghadimi and Lan, SIAM J. Optim. 23(4) (2013), Theorem 3.2(a), from a transcription",
    requires=shares_samples,
    parameters=lambda case: {"step_size": gl_step(case), "radius": SMALL, "law": case.law},
    bound=gl_bound,
    pitfall=SAMPLES,
    complexity="max{ 32 (d+4) L D0/eps^2, 288 (d+4) L D0 sigma^2/eps^4 }, as radius -> 0",
    horizon=gl_horizon,
    power=2.0,
    cells=(
        Cell("quadratic", 10, 1000, COMMON, quick=True),
        Cell("softmax-regression", None, 1000, SAMPLED, quick=True),
        Cell("softmax-regression", None, 20000, SAMPLED),
    ),
)

crn = row(
    name="rsgf-crn",
    statement=(
        "f = E F(., xi), F(., xi) L-smooth, E|grad F - grad f|^2 <= sigma^2, one xi for both values of a "
        "step, h = min{ 1/(4 (d+4) L), sqrt(D0/(L (d+2) sigma^2 K)) }:  "
        "(1/K) sum_{k<K} E|grad f(x_k)|^2  <=  2 D0/(h K) + 2 L h (d+2) sigma^2 + (5/8) L^2 radius^2 d (d+2)"
    ),
    proof=(
        "The estimate is (<grad F, u> + e) u with |e| <= L radius |u|^2/2, and E<grad F, u>^2 |u|^2 = "
        "(d+2)|grad F|^2, of mean at most (d+2)(|grad f|^2 + sigma^2); insert h and add up over k."
    ),
    source="derived for zobench; method of Ghadimi and Lan, arXiv 1309.5549",
    requires=shares_samples,
    parameters=lambda case: {"step_size": crn_step(case), "radius": SMALL, "law": case.law},
    bound=crn_bound,
    horizon=crn_horizon,
    pitfall=SAMPLES,
    complexity="max{ 16 (d+4) L D0/eps^2, 64 (d+2) L D0 sigma^2/eps^4 }, as radius -> 0",
    power=2.0,
    cells=(
        Cell("quadratic", 10, 1000, COMMON, quick=True),
        Cell("quadratic", 20, 400, (("condition", 10.0), ("rotation", "yes"), *COMMON), quick=True),
        Cell("nonconvex-cosine", 10, 1000, COMMON, quick=True),
        Cell("softmax-regression", None, 1000, SAMPLED, quick=True),
        Cell("softmax-regression", None, 20000, SAMPLED),
    ),
)

additive = row(
    name="rsgf-additive",
    statement=(
        "f L-smooth, every value with its own unbiased noise of variance sigma_f^2 added, "
        "h = min{ 1/(4 (d+4) L), radius sqrt(D0/(L d sigma_f^2 K)) }:  "
        "(1/K) sum_{k<K} E|grad f(x_k)|^2  <=  2 D0/(h K) + 2 L h d sigma_f^2/radius^2 + "
        "(5/8) L^2 radius^2 d (d+2)"
    ),
    proof=(
        "As with common random numbers and sigma = 0; the two noises add (xi - xi')/radius u to the "
        "estimate, of mean 0 and second moment 2 sigma_f^2 d/radius^2, uncorrelated with the rest."
    ),
    source="derived for zobench; method of Ghadimi and Lan, arXiv 1309.5549",
    requires=adds_noise,
    parameters=lambda case: {"step_size": additive_step(case), "radius": WIDE, "law": case.law},
    bound=additive_bound,
    slopes=(("K", -0.5), ("d", 0.5)),
    pitfall="radius cannot tend to 0: the noise's term explodes. A floor of order sigma_f remains.",
    complexity=(
        "max{ 16 (d+4) L D0/e, 64 L d D0 (sigma_f/(radius e))^2 }, e = eps^2 - (5/8) L^2 radius^2 "
        "d (d+2), and none for e <= 0"
    ),
    horizon=additive_horizon,
    power=2.0,
    cells=(
        Cell("quadratic", 10, 1000, (("noise", "gaussian"), ("noise_level", 0.002)), quick=True),
        Cell("quadratic", 10, 4000, (("noise", "gaussian"), ("noise_level", 0.02)), quick=True),
        Cell("nonconvex-cosine", 10, 1000, (("noise", "heavy-tailed"), ("noise_level", 0.005)), quick=True),
        Cell("quadratic", 40, 20000, (("noise", "gaussian"), ("noise_level", 0.02))),
    ),
)

solver = Solver(
    name="rsgf",
    summary="randomized stochastic gradient free method: forward differences, a random last step",
    step=step,
    init=init,
    state=State,
    cost=lambda parameters, setting: 2,
    parameters=Parameters,
    settle=settle,
    source="Ghadimi and Lan, SIAM J. Optim. 23(4) (2013), arXiv 1309.5549",
    theorems=(gl, crn, additive),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
    },
)
