"""Limits: what no method of a kind can beat, as curves to draw and as claims that runs are held against.

Each holds for the instances it names and for no others: a curve below a worst-case limit on one function
proves nothing.  On f = (L/2)|x - x_star|^2 and every budget of q queries:

=============  ==========================================================================================
values         any method, x_star - x_0 uniform on a sphere: E[f(x) - f_star] / (f(x_0) - f_star) >= 1 - q/d
line           one uniformly random line a step, any step size, any function:
               E ln(|x_k - x_star| / |x_{k+1} - x_star|) <= (digamma(d/2) - digamma((d-1)/2)) / 2
preset         the same with the length fixed before the line is drawn: `zobench.rates.preset_speed`
bits           a choice among N outcomes a step, x_star uniform in a ball of radius R about x_0:
               P(|x_K - x_star| <= r) <= N^K (r/R)^d
deterministic  any deterministic method that asks for values, on some convex L-smooth f: no progress for q < d
stochastic     two values of one sample of a linear function, domain of circumradius R, E|xi|^2 = G^2:
               E f(x) - f_star >= (G R/8) sqrt(d/q) / sqrt(1 + d/(4q))
=============  ==========================================================================================
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError, unknown
from zobench.instance import Instance
from zobench.rates import best_preset_speed, log_ratio, speed_of_a_line
from zobench.stream import generator
from zobench.theorem import Case, Cell, Theorem
from zobench.trial import Trial

__all__ = ["CURVES", "curve", "hidden_ball", "limits"]

#: What `curve` draws, and what it is a fraction of.
CURVES = {
    "values": "the gap, over the gap at x_0",
    "line": "|x - x_star|, over |x_0 - x_star|",
    "preset": "|x - x_star|, over |x_0 - x_star|",
    "bits": "the median of |x - x_star|, over R",
    "deterministic": "the gap, over the gap at x_0",
    "stochastic": "the gap, over G R",
}
#: Queries of a step, and outcomes a step chooses among, of the methods whose length is preset.
PRESET = {"two-point": (2, 2), "three-point": (2, 3), "one-point": (1, 2)}


def curve(
    limit: str, dim: int, queries: NDArray[np.int64], *, kind: str = "two-point", queries_per_step: int = 2
) -> NDArray[np.float64]:
    """Give a limit as a function of the number of queries, to draw beside measured curves.

    Parameters
    ----------
    limit : str
        A key of `CURVES`, which says what the ordinate is.
    dim : int
    queries : vector of int
        Positive.
    kind : {"two-point", "three-point", "one-point"}
        Of "preset" and "bits": the better of x + s and x - s, of these and x, of x + s and x.
    queries_per_step : int
        Of "line".

    Returns
    -------
    vector
        NaN where the limit says nothing.

    Examples
    --------
    >>> curve("values", 10, np.array([1, 5, 20]))
    array([0.9, 0.5, nan])
    """
    if limit not in CURVES:
        raise unknown("limit", limit, CURVES)
    if kind not in PRESET:
        raise unknown("kind", kind, PRESET)
    q = np.asarray(queries, dtype=np.float64)
    cost, outcomes = PRESET[kind]
    if limit == "values":
        return np.where(q <= dim, 1.0 - q / dim, np.nan)
    if limit == "line":
        return np.exp(-speed_of_a_line(dim) * q / queries_per_step)
    if limit == "preset":
        return np.exp(-best_preset_speed(kind, dim) * q / cost)
    if limit == "bits":
        return np.exp(-(math.log(2.0) + math.log(outcomes) * q / cost) / dim)
    if limit == "deterministic":
        return np.where(q < dim, 1.0, np.nan)
    return np.sqrt(dim / q) / (8.0 * np.sqrt(1.0 + dim / (4.0 * q)))


def hidden_ball(instance: Instance, seed: int, inside: bool = False) -> tuple[Instance, float]:
    """Put the minimiser of a quadratic at a random place about x_0, which x_0 says nothing of.

    Parameters
    ----------
    instance : Instance
        Of the problem "quadratic".
    seed : int
    inside : bool
        Whether x_star is uniform in the ball of radius R = |x_0 - x_star|, or else on its sphere.

    Returns
    -------
    tuple of Instance, float
        The instance, and R.
    """
    radius = away_from(instance, instance.x0)
    rng = generator(f"{instance.name}|{seed}", "limits")
    away = rng.standard_normal(instance.dim)
    away *= radius / np.sqrt(np.sum(away**2))
    if inside:
        away *= rng.random() ** (1.0 / instance.dim)
    x_star = instance.x0 + away
    made = replace(instance, x_star=x_star, data=instance.data._replace(x_star=x_star), _keep={})
    return made, radius


def away_from(instance: Instance, x: NDArray[np.float64]) -> float:
    """Return |x - x_star|."""
    assert instance.x_star is not None
    return float(np.sqrt(np.sum((x - instance.x_star) ** 2)))


def limit_of(case: Case, steps: int) -> float:
    """Give the right-hand side of the claim that the case makes."""
    claim, _, kind = case.claim.partition(" ")
    if claim == "values":
        return steps / case.dim
    if claim == "line":
        return speed_of_a_line(case.dim)
    if claim == "preset":
        return best_preset_speed(kind, case.dim)
    if claim == "bits":
        return (math.log(float(kind)) + 1.0 / steps) / case.dim
    raise ZobenchError(f"the limits' claim must be values, line, preset or bits, got {case.claim!r}")


def progress(trial: Trial) -> tuple[float, float]:
    """Measure what the case's claim bounds."""
    case, claim = trial.case, trial.case.claim.partition(" ")[0]
    made, radius = hidden_ball(case.instance, trial.seed, inside=claim == "bits")
    if claim == "values":
        run = trial.start(instance=made, budget=case.steps)
        while run.advance():
            pass
        trace = run.trace()
        return 1.0 - min(trace.start, trace.best) / trace.start, limit_of(case, case.steps)
    made = made if claim == "bits" else case.instance
    # what `init` asks comes on top; the run is stopped after K steps
    run = trial.start(instance=made, budget=case.steps * 1000)
    run.advance(case.steps)
    scale = radius if claim == "bits" else away_from(made, made.x0)
    left = max(0.0, log_ratio(scale, away_from(made, run.x))) / case.steps
    return left, limit_of(case, case.steps)


def on_the_sphere(instance: Instance) -> str:
    """Say that the instance is not the sphere, if it is not."""
    known = instance.certificates
    round_ = instance.problem.name == "quadratic" and known["L"].value == known["mu"].value
    return "" if round_ else "the limits are checked on quadratic with condition=1"


def cell(
    claim: str, steps: int, solver: str, *settings: tuple[str, object], dim: int = 20, quick: bool = True
):
    """Make a cell on the sphere."""
    return Cell("quadratic", dim, steps, law="-", claim=claim, solver=solver, settings=settings, quick=quick)


#: Solver "s2p" lists it: its gamma step attains the second limit on the sphere.
limits = Theorem(
    name="limits",
    statement=(
        "f = (L/2)|x - x_star|^2. values: x_star uniform on a sphere about x_0, any method, q <= d queries:  "
        "1 - E min_q f / f(x_0)  <=  q/d.  line: one uniformly random line a step:  "
        "E max(0, ln(|x_0 - x_star| / |x_K - x_star|)) / K  <=  (digamma(d/2) - digamma((d-1)/2))/2.  "
        "preset: the length fixed before the direction is drawn, and never away from x_star: the largest "
        "mean of one step over all lengths.  bits: a choice among N outcomes a step, x_star uniform in a "
        "ball:  "
        "E max(0, ln(R / |x_K - x_star|)) / K  <=  (ln N + 1/K) / d"
    ),
    proof=(
        "values: one value tells one coordinate of x_star - x_0, and the rest stays uniform on a sphere of "
        "one dimension less. line: the new distance is at least the distance to the line, |x - x_star| times "
        "the sine of a uniform angle, whatever the step. preset: the supremum over the length, which "
        "scales with the distance. bits: at most N^K end points, each within r of a fraction (r/R)^d of "
        "the ball, so "
        "P(d ln(R/|x_K - x_star|) >= K ln N + t) <= e^-t."
    ),
    source="derived for zobench; the counting of outcomes after Teytaud and Gelly (2006)",
    assumes=("L", "mu", "f_star"),
    requires=on_the_sphere,
    parameters=lambda case: {},
    budget=lambda case: case.steps,
    bound=limit_of,
    sides=progress,
    quantity="progress made",
    queries_per_step=1,
    pitfall=(
        "A limit is no theorem on one method: the check finds a method that looks at what it must not. The "
        "speed of a line is not one for Rademacher or coordinate directions, and the first limit needs a "
        "direction of x_star - x_0 that x_0 does not betray."
    ),
    cells=(
        cell("values", 22, "orthogonal-directions", ("probes", 20), dim=40),
        cell("values", 10, "s2p", ("rule", "gamma")),
        cell("values", 10, "stp"),
        cell("values", 10, "mezo"),
        cell("values", 10, "gld-search", ("R", 2.0), quick=False),
        cell("line", 200, "s2p", ("rule", "gamma"), ("radius", 1e-3)),
        cell("line", 200, "stp", ("rule", "finite-difference")),
        cell("line", 200, "random-gradient-free"),
        cell("line", 200, "one-plus-one-es"),
        cell("line", 200, "mezo", quick=False),
        cell("line", 200, "vs2p", ("law", "sphere"), quick=False),
        cell("preset one-point", 400, "one-plus-one-es", ("law", "unit-sphere")),
        cell("preset three-point", 20, "stp", ("alpha0", 5.5), ("steps", 20)),
        cell("bits 2", 200, "one-plus-one-es"),
        cell("bits 2", 20, "s2p", ("alpha0", 5.5), ("steps", 20)),
        cell("bits 3", 20, "stp", ("alpha0", 5.5), ("steps", 20)),
        cell("bits 12", 100, "gld-search", ("R", 4.0), ("r", 4e-3), quick=False),
    ),
)
