"""VS2P, the practical variant of the stochastic two-point method: zobench's definition.

The text of the paper (Pang and Zhou, "Stochastic two points method for deep model gradient free
optimization", arXiv 2402.01621; AS2P in its first version) could not be read.  From descriptions of it are
known: the quotient gamma_k, the shape of the step size, tau_a = tau_b = 3, the sign trick and its two
queries.  Everything else below is zobench's definition, not the method as published: the window, that the
current quotient stays outside it, the first steps, the decay law, the direction law, and eta and radius.

Algorithm: for k = 0, 1, ...

    draw a direction s_k
    gamma_k = ( f(x_k + radius s_k) - f(x_k - radius s_k) ) / (2 radius)
    sigma_k = standard deviation of the previous W quotients; |gamma_k| where there are fewer than two
    alpha_k = Decay(eta, k) radius / ( tau_b sigma_k / |gamma_k| + tau_b / tau_a )
    x_{k+1} = x_k - sign(gamma_k) alpha_k s_k

which is alpha_k = Decay(eta, k) radius (tau_a / tau_b) |gamma_k| / (|gamma_k| + tau_a sigma_k).  Nothing
moves where gamma_k is zero; where it is not finite nothing moves either, and it is forgotten.  The standard
deviation is that of a population (divided by W).  With `current` = included, gamma_k counts among the W.
The decay laws, with K the number of steps:

============  ========================
decay         Decay(eta, k)
============  ========================
linear        eta max(0, 1 - k / K)
inverse-root  eta / sqrt(k + 1)
constant      eta
============  ========================

Two queries a step, which give both the length and the sign of the move; both share one sample of a
stochastic objective.

Exact properties.  f -> c f + b with c > 0 leaves the iterates unchanged, bit by bit where c is a power of two
and b = 0.  alpha_k is at most Decay(eta, k) radius tau_a / tau_b, so that a run cannot come further than the
sum of these times |s|: `radius` carries the unit of x and has no default that suits every problem.
Memory: 3 vectors, and W numbers.
Invariances: translation, scaling, rotation (rotation-invariant laws), affine.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.directions import LAWS, ROTATION_INVARIANT, constants, draw
from zobench.instance import Vector
from zobench.oracle import hold, query_along
from zobench.parameters import Choice, Integer, Real
from zobench.solver import Scalar, Sized, Solver
from zobench.theorem import Case, Cell, Theorem
from zobench.trial import Trial, along

DECAYS = ("linear", "inverse-root", "constant")
LINEAR, INVERSE_ROOT, CONSTANT = range(3)
PLACES = ("excluded", "included")
EXCLUDED, INCLUDED = range(2)

#: Iterates that differ by less, in units of the way gone, differ by rounding.
ROUNDING = 1e-6
#: Smoothing radii by claim: on a quadratic gamma = <g,s> whatever the radius, elsewhere it must be small.
RADII = {"long steps": 0.4, "short steps": 1e-3}


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    radius : float
        Smoothing radius, in units of x / |s|; the steps are measured in it.
    eta : float
        Scale of the steps.
    tau_a, tau_b : float
        Weights of |gamma_k| and sigma_k in the step size.
    window : int
        W, the number of quotients of which sigma_k is taken.
    current : str
        Whether gamma_k is one of them.
    decay : str
        Decay law.
    law : str
        Direction law.
    steps : int
        K; 0 stands for as many as the budget allows.
    """

    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 0.1
    eta: Annotated[float, Real(0.0, open=True)] = 1.0
    tau_a: Annotated[float, Real(0.0, open=True)] = 3.0
    tau_b: Annotated[float, Real(0.0, open=True)] = 3.0
    window: Annotated[int, Integer(2, 1_000_000)] = 10
    current: Annotated[str, Choice(*PLACES)] = "excluded"
    decay: Annotated[str, Choice(*DECAYS)] = "linear"
    law: Annotated[str, Choice(*LAWS)] = "rademacher"
    steps: Annotated[int, Integer(0)] = 0


class State(NamedTuple):
    """Workspace: the iterate, the direction, the point that is tried, the window, the quotients so far."""

    x: Vector
    s: Vector
    trial: Vector
    gammas: Sized(lambda parameters, dim: parameters.window)  # type: ignore[valid-type]
    seen: Scalar


def remember(state, gamma):
    """Write gamma over the oldest quotient of the window."""
    place = np.int64(state.seen[0])
    state.gammas[place % state.gammas.size] = gamma
    state.seen[0] += 1.0


def deviation(state, gamma):
    """Give sigma_k."""
    count = min(np.int64(state.seen[0]), state.gammas.size)
    if count < 2:
        return abs(gamma)
    mean = 0.0
    for j in range(count):
        mean += state.gammas[j]
    mean /= count
    square = 0.0
    for j in range(count):
        square += (state.gammas[j] - mean) ** 2
    return np.sqrt(square / count)


def decayed(parameters, k):
    """Give Decay(eta, k)."""
    if parameters.decay == LINEAR:
        return parameters.eta * max(0.0, 1.0 - k / parameters.steps)
    if parameters.decay == INVERSE_ROOT:
        return parameters.eta / np.sqrt(k + 1.0)
    return parameters.eta


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - sign(gamma_k) alpha_k s_k."""
    hold(oracle)
    draw(stream, parameters.law, state.s)
    radius, tau_a, tau_b = parameters.radius, parameters.tau_a, parameters.tau_b
    f_plus, f_minus = query_along(oracle, state.x, state.s, radius, state.trial)
    gamma = (f_plus - f_minus) / (2.0 * radius)
    if np.isfinite(gamma):
        if parameters.current == INCLUDED:
            remember(state, gamma)
        sigma = deviation(state, gamma)
        if parameters.current == EXCLUDED:
            remember(state, gamma)
        if gamma != 0.0:
            alpha = decayed(parameters, k) * radius / (tau_b * (sigma / abs(gamma)) + tau_b / tau_a)
            downhill = -alpha if gamma > 0.0 else alpha
            for i in range(state.x.size):
                state.x[i] += downhill * state.s[i]


def settle(parameters, setting):
    """Fill the horizon."""
    return parameters._replace(steps=parameters.steps or max(1, setting.budget // 2))


def lengths_hold(own, chosen) -> np.ndarray:
    """Say of each step whether it is as long as it must be, where |s|^2 = d."""
    k = np.arange(len(own) - 1)
    scale = chosen.eta * (1.0 - k / chosen.steps) * chosen.radius * chosen.tau_a / chosen.tau_b
    lengths = np.sqrt(np.sum(np.diff(own, axis=0) ** 2, axis=1)) / (np.sqrt(own.shape[1]) * scale)
    first = np.abs(lengths - 1.0 / (1.0 + chosen.tau_a)) < ROUNDING
    return np.where(k < 2, first, lengths < 1.0 + ROUNDING)


def invariance_sides(trial: Trial) -> tuple[float, float]:
    """Give the share of the iterates, or of the steps, of which the case's claim is true, and 1."""
    case, run = trial.case, trial.start()
    own = along(run, case.steps)
    if case.claim == "lengths":
        return float(np.mean(lengths_hold(own, run.parameters))), 1.0
    if case.claim == "powers of two":
        other = along(trial.start(function=lambda x: 1024.0 * case.instance.value(x)), case.steps)
        return float(np.mean(np.all(own == other, axis=1))), 1.0
    other = along(trial.start(function=lambda x: 3.0 * case.instance.value(x) + 0.7), case.steps)
    moved = np.sqrt(np.sum((own - own[0]) ** 2, axis=1)).max()
    apart = np.sqrt(np.sum((own - other) ** 2, axis=1))
    return float(np.mean(apart <= ROUNDING * moved)), 1.0


def guaranteed(case: Case, norm: float, scale: float, clip: float) -> float:
    """Give the fall of f that a step is promised, with A_k = `scale` and C_k = `clip`; 0 if none is."""
    m1, bend = constants(case.law, case.dim).m1, case.constant("L") * case.dim * scale
    if bend > m1**2 * (norm + clip):
        return 0.0
    rise = bend * scale * (norm / (norm + clip)) ** 2 / 2.0
    return scale * (m1 * norm) ** 2 / (m1 * norm + clip) - rise


def descent_sides(trial: Trial) -> tuple[float, float]:
    """Give the fall of f promised and the fall of f seen, both summed over the steps with a promise."""
    case, run, instance = trial.case, trial.start(), trial.case.instance
    chosen, promised, seen = run.parameters, 0.0, 0.0
    run.advance(2)  # of the first two steps sigma_k is not known before s_k
    for k in range(2, case.steps):
        window = run.field("gammas")[: min(k, chosen.window)]
        norm, value = float(np.linalg.norm(instance.gradient(run.x))), instance.value(run.x)
        scale = chosen.eta * (1.0 - k / chosen.steps) * chosen.radius * chosen.tau_a / chosen.tau_b
        fall = guaranteed(case, norm, scale, chosen.tau_a * float(np.std(window)))
        run.advance(1)
        if fall > 0.0:
            promised += fall
            seen += value - instance.value(run.x)
    return promised, seen


affine_invariance = Theorem(
    name="vs2p-affine-invariance",
    statement=(
        "f -> c f + b with c > 0:  x_k of c f + b  =  x_k of f  for every k, bit by bit where c is a power "
        "of two and b = 0. lengths, |s|^2 = d, A_k = Decay(eta, k) radius tau_a/tau_b:  |x_{k+1} - x_k|  <=  "
        "A_k sqrt(d), and where k < 2  |x_{k+1} - x_k|  =  A_k sqrt(d)/(1 + tau_a)"
    ),
    proof=(
        "gamma_k and sigma_k are multiplied by c, and alpha_k depends on their quotient. Multiplying by "
        "a power of two commutes with every rounding; any other c and b leave rounding errors. alpha_k = "
        "A_k |gamma_k| / (|gamma_k| + tau_a sigma_k), and of the first two steps sigma_k = |gamma_k|."
    ),
    source="derived for zobench, of zobench's definition of VS2P",
    assumes=(),
    parameters=lambda case: {"law": case.law},
    budget=lambda case: 2 * case.steps,
    bound=lambda case, steps: 1.0,
    sides=invariance_sides,
    relation="exact",
    quantity="share of the iterates that are equal, or of the steps that are as long as they must be",
    queries_per_step=2,
    pitfall="Not invariant under x -> c x: radius carries the unit of length.",
    complexity="none: equality of runs, not an accuracy",
    cells=(
        Cell("quadratic", 10, 200, (("condition", 100.0),), "rademacher", True, True, "powers of two"),
        Cell("cosh", 20, 200, law="gaussian", tight=True, quick=True, claim="powers of two"),
        Cell("rosenbrock", 10, 200, law="rademacher", tight=True, quick=True, claim="powers of two"),
        Cell("log-cosh", 10, 100, law="rademacher", tight=True, quick=True, claim="any c and b"),
        Cell("quadratic", 10, 50, law="rademacher", tight=True, quick=True, claim="lengths"),
        Cell("cosh", 10, 50, (("start", 4.0),), "sphere", True, True, "lengths"),
    ),
)

descent = Theorem(
    name="vs2p-descent",
    statement=(
        "f L-smooth, |s|^2 = d, radius -> 0, A = Decay(eta, k) radius tau_a/tau_b, C = tau_a sigma_k of the "
        "previous quotients alone, G = |grad f(x_k)|; if L d A <= m1^2 (G + C):  "
        "A m1^2 G^2/(m1 G + C) - (L d/2) A^2 G^2/(G + C)^2  <=  E[f(x_k) - f(x_{k+1}) | past]"
    ),
    proof=(
        "f(x+) <= f(x) - alpha t + (L/2) alpha^2 d with t = |<g,s>| and alpha = A t/(t + C). t^2/(t + C) is "
        "convex in t and E t >= m1 G; z/(sqrt(z) + C)^2 is concave in z = t^2 and E t^2 = G^2."
    ),
    source="derived for zobench, of zobench's definition of VS2P",
    assumes=("L",),
    parameters=lambda case: {"law": case.law, "radius": RADII[case.claim]},
    budget=lambda case: 2 * case.steps,
    bound=lambda case, steps: 0.0,
    sides=descent_sides,
    relation="paired",
    quantity="promised fall of f, against the fall seen",
    queries_per_step=2,
    pitfall="sigma_k must exclude the current quotient; no unconditional rate follows.",
    complexity=(
        "none: descent in one step under a condition that depends on the run; no unconditional rate is known"
    ),
    cells=(
        Cell("quadratic", 10, 100, law="rademacher", quick=True, claim="long steps"),
        Cell("quadratic", 10, 100, law="sphere", quick=True, claim="long steps"),
        Cell(
            "quadratic", 20, 200, (("condition", 10.0), ("rotation", "yes")), "rademacher", claim="long steps"
        ),
        Cell("nonconvex-cosine", 10, 200, law="rademacher", quick=True, claim="short steps"),
        Cell("log-cosh", 10, 200, law="sphere", quick=True, claim="short steps"),
    ),
)

solver = Solver(
    name="vs2p",
    summary="practical stochastic two-point method with clipped quotients (zobench's definition)",
    step=step,
    state=State,
    cost=lambda parameters, setting: 2,
    parameters=Parameters,
    settle=settle,
    source="zobench's definition, after Pang and Zhou, arXiv 2402.01621 (2024)",
    theorems=(affine_invariance, descent),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
        "affine": True,
    },
)
