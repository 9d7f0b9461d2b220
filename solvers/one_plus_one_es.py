"""The (1+1) evolution strategy with the one-fifth success rule.

Algorithm (Rechenberg, "Evolutionsstrategie", 1973; the rule in the form of Auger and Hansen, "Linear
convergence on positively homogeneous functions of a comparison based step-size adaptive randomized search:
the (1+1) ES with generalized one-fifth success rule", arXiv 1310.8397): for k = 0, 1, ...

    draw s_k from N(0, I)
    if f(x_k + alpha_k s_k) <= f(x_k):  x_{k+1} = x_k + alpha_k s_k,  alpha_{k+1} = growth alpha_k
    else:                               x_{k+1} = x_k,                alpha_{k+1} = growth^(-1/4) alpha_k

alpha stays the same on average where one trial in five succeeds.  For another rate p of success the exponent
is -p / (1 - p).  The text of that paper was not read beyond its abstract: growth = 3/2 is our choice.

One query a step and one at x_0; where queries vary f(x_k) is asked again: 2.  Never uphill on a deterministic
objective.  Only comparisons of values count: f and every increasing function of it give the same iterates.
Memory: 3 vectors.
Invariances: translation, scaling, rotation (rotation-invariant laws), monotone.
"""

import math
from typing import Annotated, NamedTuple

from zobench.directions import LAWS, ROTATION_INVARIANT, draw
from zobench.instance import Vector
from zobench.oracle import hold, query, varies
from zobench.parameters import Choice, Real
from zobench.rates import log_ratio, not_a_sphere, preset_speed
from zobench.solver import Scalar, Solver
from zobench.theorem import Case, Cell, Theorem
from zobench.trial import Trial


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    alpha0 : float
        The first step size, in units of x / |s|.
    growth : float
        What a success multiplies the step size by.
    success : float
        p, the rate of success at which the step size stays.
    shrinkage : float
        What a failure multiplies the step size by; 0 stands for growth^(-p / (1 - p)).
    law : str
        Direction law.
    """

    alpha0: Annotated[float, Real(0.0, open=True, unit="x")] = 1.0
    growth: Annotated[float, Real(1.0, open=True)] = 1.5
    success: Annotated[float, Real(0.0, 1.0, open=True)] = 0.2
    shrinkage: Annotated[float, Real(0.0, 1.0)] = 0.0
    law: Annotated[str, Choice(*LAWS)] = "gaussian"


class State(NamedTuple):
    """Workspace: the iterate, the direction, the point that is tried, f at the iterate, the step size."""

    x: Vector
    s: Vector
    trial: Vector
    value: Scalar
    alpha: Scalar


def init(oracle, state, parameters, k, stream):
    """Ask for f(x_0)."""
    state.alpha[0] = parameters.alpha0
    if not varies(oracle):
        state.value[0] = query(oracle, state.x)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k + alpha_k s_k and a longer step if that is no higher, else x_k and a shorter step."""
    x, s, trial, value, alpha = state
    hold(oracle)
    draw(stream, parameters.law, s)
    if varies(oracle):
        value[0] = query(oracle, x)
    for i in range(x.size):
        trial[i] = x[i] + alpha[0] * s[i]
    answer = query(oracle, trial)
    if answer <= value[0]:
        value[0] = answer
        x[:] = trial
        alpha[0] *= parameters.growth
    else:
        alpha[0] *= parameters.shrinkage


def settle(parameters, setting):
    """Fill the factor of a failure."""
    p = parameters.success
    return parameters._replace(shrinkage=parameters.shrinkage or parameters.growth ** (-p / (1.0 - p)))


def scale_of(case: Case) -> float:
    """Give c of the case's claim, "c = ..."."""
    return float(case.claim.partition("=")[2])


def distance(case: Case, x) -> float:
    """Return |x - x_star|."""
    assert case.instance.x_star is not None
    return float(math.sqrt(((x - case.instance.x_star) ** 2).sum()))


def sphere_sides(trial: Trial) -> tuple[float, float]:
    """Give the mean log-progress of steps whose length is set to c r / sqrt(d), and its exact mean."""
    case, run = trial.case, trial.start()
    per_distance = scale_of(case) / math.sqrt(case.dim)
    for k in range(case.steps):
        if k > 0:  # before step 0 `init` sets alpha0, which is this already
            run.field("alpha")[0] = per_distance * distance(case, run.x)
        run.advance(1)
    gained = log_ratio(case.distance, distance(case, run.x)) / case.steps
    return gained, preset_speed("one-point", case.dim, scale_of(case))


sphere_oracle = Theorem(
    name="es11-sphere-oracle",
    statement=(
        "f = (L/2)|x - x_star|^2, s uniform on the unit sphere, alpha_k = c |x_k - x_star| / sqrt(d), "
        "accepted if no worse, T = sqrt(d) <s, e_1>:  (1/K) E ln(|x_0 - x_star| / |x_K - x_star|)  =  "
        "E max(0, -(1/2) ln(1 + 2 c T/d + c^2/d))"
    ),
    proof=(
        "|x + alpha s - x_star|^2 / |x - x_star|^2 = 1 + 2 c T/d + c^2/d, accepted where that is at most "
        "1; the law of T does not depend on x. d times the mean tends to c phi(c/2) - (c^2/2)(1 - "
        "Phi(c/2)), whose maximum is 0.2025 at c = 1.224."
    ),
    source="derived for zobench; the limit is the classical progress rate of Rechenberg (1973)",
    assumes=("L", "mu", "f_star"),
    least_dim=2,
    requires=not_a_sphere,
    parameters=lambda case: {
        "law": case.law,
        "alpha0": scale_of(case) * case.distance / math.sqrt(case.dim),
    },
    budget=lambda case: case.steps + 1,
    bound=lambda case, steps: preset_speed("one-point", case.dim, scale_of(case)),
    sides=sphere_sides,
    relation="=",
    quantity="mean over k of ln(|x_k - x_star| / |x_{k+1} - x_star|)",
    queries_per_step=1,
    slopes=(("d", -1.0),),
    pitfall="Gaussian directions have another law of progress for small d. The step is set from outside.",
    complexity="none: a mean speed; in the mean ln(|x_0 - x_star|/eps) takes that over the speed in steps",
    cells=(
        Cell("quadratic", 10, 300, law="unit-sphere", tight=True, quick=True, claim="c = 1.224"),
        Cell("quadratic", 3, 150, law="unit-sphere", tight=True, quick=True, claim="c = 0.5"),
        Cell("quadratic", 40, 2000, law="unit-sphere", tight=True, claim="c = 1.224"),
        Cell("quadratic", 10, 300, law="unit-sphere", tight=True, claim="c = 3"),
    ),
)

solver = Solver(
    name="one-plus-one-es",
    summary="(1+1) evolution strategy: accept if no worse, step size by the one-fifth success rule",
    step=step,
    state=State,
    cost=lambda parameters, setting: 1 + setting.varies,
    parameters=Parameters,
    init=init,
    settle=settle,
    source="Rechenberg (1973); Auger and Hansen, arXiv 1310.8397",
    theorems=(sphere_oracle,),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
        "monotone": True,
    },
)
