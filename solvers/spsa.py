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
"""

import math
from typing import Annotated, NamedTuple

from zobench.directions import LAWS, constants, draw
from zobench.instance import Vector
from zobench.oracle import hold, query
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Solver

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
    probes: Annotated[int, Integer(1)] = 1
    a: Annotated[float, Real(0.0)] = 0.0
    c: Annotated[float, Real(0.0, open=True)] = 1e-3
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


def shifted(oracle, state, shift):
    """Ask for f(x + shift s)."""
    for i in range(state.x.size):
        state.trial[i] = state.x[i] + shift * state.s[i]
    return query(oracle, state.trial)


def probe(oracle, state, law, c, stream):
    """Draw a direction and give the difference quotient along it."""
    draw(stream, law, state.s)
    return (shifted(oracle, state, c) - shifted(oracle, state, -c)) / (2.0 * c)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - a_k g_k."""
    hold(oracle)
    a, c = parameters.a, parameters.c
    if parameters.rule == CLASSICAL:
        a /= (parameters.A + k + 1.0) ** parameters.alpha
        c /= (k + 1.0) ** parameters.gamma
    x, g, s, _ = state
    scale = a * parameters.scale / parameters.probes
    g[:] = 0.0
    for _ in range(parameters.probes - 1):
        quotient = probe(oracle, state, parameters.law, c, stream)
        for i in range(x.size):
            g[i] += quotient * s[i]
    # the last probe goes into the step at once: x need not wait for g to be stored
    quotient = probe(oracle, state, parameters.law, c, stream)
    for i in range(x.size):
        x[i] -= scale * (g[i] + quotient * s[i])


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


solver = Solver(
    name="spsa",
    summary="SPSA: central differences along k random directions, Spall's gains or a constant step",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Spall, IEEE Trans. Autom. Control 37(3) (1992)",
)
