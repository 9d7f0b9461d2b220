"""Limits: what no method of a kind can beat, as curves to draw and as claims that runs are held against.

Each holds for the instances it names and for no others: a curve below a worst-case limit on one function
proves nothing.  "line" and "preset" are claims of `limits`, and the others have rows of their own.  On
f = (L/2)|x - x_star|^2 and every budget of q queries:

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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError, unknown
from zobench.instance import Instance
from zobench.rates import best_preset_speed, log_ratio, speed_of_a_line
from zobench.stream import generator
from zobench.theorem import Case, Cell, Theorem
from zobench.trial import Trial

__all__ = [
    "CURVES",
    "comparison_bits",
    "curve",
    "deterministic_values",
    "hidden_ball",
    "limits",
    "sphere_values",
    "stochastic_two_point",
]

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

    Raises
    ------
    ZobenchError
        If there is no such limit or kind.

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

    Examples
    --------
    >>> from zobench.instance import problem
    >>> plain = problem("quadratic", dim=5, condition=1)
    >>> hidden, radius = hidden_ball(plain, seed=0)
    >>> round(float(np.linalg.norm(hidden.x0 - hidden.x_star)) / radius, 9), hidden.value(hidden.x_star)
    (1.0, 0.0)
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


#: Nearer to the minimiser than e^-20 of the first distance rounding decides: no more is counted.
REACH = 20.0


def limit_of(case: Case, steps: int) -> float:
    """Give the largest speed that the case's claim allows."""
    claim, _, kind = case.claim.partition(" ")
    if claim == "line":
        return speed_of_a_line(case.dim)
    if claim == "preset":
        return best_preset_speed(kind, case.dim)
    if claim == "bits":
        return (math.log(float(kind)) + 1.0 / steps) / case.dim
    raise ZobenchError(f"the limits' claim must be line, preset or bits, got {case.claim!r}")


def fall(trial: Trial) -> tuple[float, float]:
    """Measure how far down q values bring a method to which a sphere's minimiser is hidden."""
    case = trial.case
    run = trial.start(instance=hidden_ball(case.instance, trial.seed)[0])
    while run.advance():
        pass
    trace = run.trace()
    return 1.0 - min(trace.start, trace.best) / trace.start, trial.theorem.bound(case, case.steps)


def speed(trial: Trial) -> tuple[float, float]:
    """Measure the mean speed towards the minimiser, which the claim on bits hides."""
    case = trial.case
    hidden = case.claim.startswith("bits")
    made, radius = hidden_ball(case.instance, trial.seed, inside=True) if hidden else (case.instance, 0.0)
    # what `init` asks comes on top; the run is stopped after K steps
    run = trial.start(instance=made, budget=case.steps * 1000)
    run.advance(case.steps)
    scale = radius if hidden else away_from(made, made.x0)
    nearer = log_ratio(scale, away_from(made, run.x))
    return min(max(0.0, nearer), REACH) / case.steps, limit_of(case, case.steps)


def unasked(instance: Instance, points: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Give a unit vector that is orthogonal to x - x_0 for every point x."""
    return np.linalg.svd(np.array(points) - instance.x0)[2][-1]


def resisted(trial: Trial) -> tuple[float, float]:
    """Measure what is left of the gap on the function that is built after a method's queries."""
    instance, radius = trial.case.instance, trial.case.distance
    smooth, asked = trial.case.constant("L"), []
    gap = 0.5 * smooth * radius**2

    def constant(x: NDArray[np.float64]) -> float:
        asked.append(x)
        return gap

    run = trial.start(function=constant)
    run.drive(lambda: None)
    slope = unasked(instance, [*asked, run.x])

    def resisting(x: NDArray[np.float64]) -> float:
        return 0.5 * smooth * float(slope @ (x - instance.x0) - radius) ** 2

    run = trial.start(function=resisting)
    run.drive(lambda: None)
    least = min(run.trace().best, resisting(run.x))
    # the inner products are zero up to rounding
    return round(least / gap, 9), 1.0


def hidden_signs(trial: Trial) -> NDArray[np.float64]:
    """Draw the signs v of the slope."""
    return trial.generator("signs").choice([-1.0, 1.0], trial.case.dim)


def found_signs(trial: Trial) -> tuple[float, float]:
    """Measure how far down values of <xi, x - x_0>, two of each sample xi, bring a method in the box."""
    x0, dim, queries = trial.case.instance.x0, trial.case.dim, trial.case.steps
    signs, noise = hidden_signs(trial), trial.generator("samples")
    mean = math.sqrt(dim / (4.0 * queries)) * signs
    count, sample = 0, mean

    def value(x: NDArray[np.float64]) -> float:
        nonlocal count, sample
        if count % 2 == 0:
            sample = mean + noise.standard_normal(dim)
        count += 1
        return float(sample @ (x - x0))

    run = trial.start(function=value)
    count = 0  # the harness looked at x_0
    run.drive(lambda: None)
    # the box has half-width 1: of 2 d |delta|, the range of f in it, what is left
    gap = float(signs @ np.clip(run.x - x0, -1.0, 1.0)) + dim
    return 1.0 - gap / (2.0 * dim), SIGNS


#: An eighth of the range of f in the box is (G R/8) sqrt(d/q) / sqrt(1 + d/(4q)), for all d and q.
SIGNS = 7.0 / 8.0


def on_the_sphere(instance: Instance) -> str:
    """Say that the instance is not the sphere, if it is not."""
    known = instance.certificates
    round_ = (
        instance.problem.name == "quadratic"
        and "mu" in known  # not of a quadratic with a kernel
        and known["L"].value == known["mu"].value
    )
    return "" if round_ else "the limits are checked on quadratic with condition=1"


def cell(
    claim: str, steps: int, solver: str, *settings: tuple[str, object], dim: int = 20, quick: bool = True
):
    """Make a cell on the sphere."""
    return Cell("quadratic", dim, steps, law="-", claim=claim, solver=solver, settings=settings, quick=quick)


def row(**facts: Any) -> Theorem:
    """Make a theorem whose cells are on the sphere and name the solvers."""
    common = {
        "assumes": ("L", "mu", "f_star"),
        "requires": on_the_sphere,
        "parameters": lambda case: {},
        "budget": lambda case: case.steps,
        "queries_per_step": 1,
    }
    return Theorem(**{**common, **facts})


#: Solver "s2p" lists it: its gamma step attains the first limit on the sphere.
limits = row(
    name="limits",
    statement=(
        "f = (L/2)|x - x_star|^2. line: one uniformly random line a step:  "
        "E max(0, ln(|x_0 - x_star| / |x_K - x_star|)) / K  <=  (digamma(d/2) - digamma((d-1)/2))/2.  "
        "preset: the length fixed before the direction is drawn, and never away from x_star: the largest "
        "mean of one step over all lengths"
    ),
    proof=(
        "line: the new distance is at least the distance to the line, |x - x_star| times "
        "the sine of a uniform angle, whatever the step. preset: the supremum over the length, which "
        "scales with the distance."
    ),
    source="derived for zobench",
    least_dim=2,
    bound=limit_of,
    sides=speed,
    quantity="ln(|x_0 - x_star| / |x_K - x_star|) / K, or 0",
    pitfall=(
        "A limit is no theorem on one method: the check finds a method that looks at what it must not. The "
        "speed of a line is not one for Rademacher or coordinate directions."
    ),
    complexity="none from above: what no method can beat; from below ln(|x_0 - x_star|/eps) over the speed",
    cells=(
        cell("line", 200, "s2p", ("rule", "gamma"), ("radius", 1e-3)),
        cell("line", 200, "stp", ("rule", "finite-difference")),
        cell("line", 200, "random-gradient-free"),
        cell("line", 200, "one-plus-one-es"),
        cell("line", 200, "mezo", quick=False),
        cell("line", 200, "vs2p", ("law", "sphere"), quick=False),
        cell("preset one-point", 400, "one-plus-one-es", ("law", "unit-sphere")),
        cell("preset three-point", 20, "stp", ("alpha0", 5.5), ("steps", 20)),
    ),
)

#: Solver "orthogonal-directions" lists it: with d directions it attains the limit but for a query or two.
sphere_values = row(
    name="limit-sphere-values",
    statement=(
        "f = (L/2)|x - x_star|^2, x_star uniform on a sphere about x_0, any method, q <= d queries:  "
        "1 - E min_q f / f(x_0)  <=  q/d"
    ),
    proof=(
        "Each value tells one coordinate of x_star - x_0, and the rest stays uniform on a sphere of one "
        "dimension less: E|rest|^2 shrinks by 1 - 1/(d - j), whatever is asked; the product is (d - q)/d."
    ),
    source="derived for zobench",
    bound=lambda case, steps: min(1.0, steps / case.dim),
    sides=fall,
    quantity="1 - min_q f / f(x_0)",
    pitfall="x_0 must not betray the direction of x_star - x_0: x_star is drawn anew for each seed.",
    complexity="none from above: what no method can beat; from below K >= d (1 - eps/D0) queries",
    cells=(
        cell("", 22, "orthogonal-directions", ("probes", 20), dim=40),
        cell("", 10, "s2p", ("rule", "gamma")),
        cell("", 10, "stp"),
        cell("", 10, "mezo"),
        cell("", 10, "gld-search", ("R", 2.0), quick=False),
    ),
)

#: Solver "gld-search" lists it: of the methods that only compare it has the most outcomes a step.
comparison_bits = row(
    name="limit-comparison-bits",
    statement=(
        "A choice among N outcomes a step, x_star uniform in a ball of radius R about x_0:  "
        "P(|x_K - x_star| <= r)  <=  N^K (r/R)^d,  hence  "
        "E max(0, ln(R / |x_K - x_star|)) / K  <=  (ln N + 1/K) / d"
    ),
    proof=(
        "At most N^K end points, each within r of a fraction (r/R)^d of the ball, so "
        "P(d ln(R/|x_K - x_star|) >= K ln N + t) <= e^-t."
    ),
    source="derived for zobench; the counting of outcomes after Teytaud and Gelly (2006)",
    bound=limit_of,
    sides=speed,
    quantity="ln(R / |x_K - x_star|) / K, or 0",
    pitfall="x_star is drawn anew for each seed: a fixed one may be near an end point.",
    complexity="none from above: what no method can beat; from below about d ln(R/eps)/ln N steps",
    cells=(
        cell("bits 2", 200, "one-plus-one-es"),
        cell("bits 2", 20, "s2p", ("alpha0", 5.5), ("steps", 20)),
        cell("bits 3", 20, "stp", ("alpha0", 5.5), ("steps", 20)),
        cell("bits 12", 100, "gld-search", ("R", 4.0), ("r", 4e-3), quick=False),
    ),
)

#: Solver "coordinate-differences" lists it, which draws nothing.
deterministic_values = row(
    name="limit-deterministic-values",
    statement=(
        "Any deterministic method, q <= d - 1 queries, x_0 among them: there is v with |v| = 1 and, on "
        "f = (L/2)(<v, x - x_0> - R)^2,  f(x_out) - f_star  =  (L/2) R^2  =  f(x_0) - f_star"
    ),
    proof=(
        "Let every answer be (L/2) R^2, and take v orthogonal to x - x_0 for all queries and the output: the "
        "method is told the same on f, asks the same, and ends there."
    ),
    source="derived for zobench; the resisting oracle of Nemirovski and Yudin (1983)",
    least_dim=2,
    budget=lambda case: min(case.steps, case.dim - 1),
    bound=lambda case, steps: 1.0,
    sides=resisted,
    relation="exact",
    quantity="(least f asked or output - f_star) / (f(x_0) - f_star), to 9 decimals",
    pitfall=(
        "A random method counts as one deterministic method a seed, and v depends on the seed: against one "
        "f for all seeds it does make progress. Of the instance L, x_0 and R are used."
    ),
    complexity="none from above: what no method can beat; from below K >= d queries for any eps < D0",
    cells=(
        cell("", 19, "coordinate-differences"),
        cell("", 18, "coordinate-differences", ("difference", "central"), ("radius", 0.1)),
        cell("", 19, "orthogonal-directions", ("probes", 4)),
        cell("", 18, "s2p", ("rule", "gamma")),
        cell("", 18, "mezo"),
        cell("", 19, "stp", quick=False),
        cell("", 199, "coordinate-differences", dim=200, quick=False),
    ),
)

#: Solver "mezo" lists it, which asks two values of every sample.
stochastic_two_point = row(
    name="limit-stochastic-two-point",
    statement=(
        "F(x, xi) = <xi, x - x_0>, xi ~ N(delta v, s^2 I), v uniform in {-1, 1}^d, "
        "delta = s sqrt(d)/(2 sqrt(q)), |x - x_0|_inf <= R/sqrt(d), E|xi|^2 = G^2, any method, q queries, "
        "two of each xi:  E f(x_out) - f_star  >=  (G R/8) sqrt(d/q)/sqrt(1 + d/(4q)),  that is  "
        "1 - E(f(x_out) - f_star)/(max f - f_star)  <=  7/8"
    ),
    proof=(
        "Assouad: two values tell a projection of xi on two dimensions, so over all j the divergences by "
        "flipping v_j add up to at most 2 delta^2 q/s^2; with Pinsker and Jensen the sign of v_j is wrong on "
        "average for d/4 of the j, and each costs delta R/sqrt(d). max f - f_star = 2 delta R sqrt(d)."
    ),
    source="derived for zobench; the order as in Duchi, Jordan, Wainwright and Wibisono, arXiv 1312.2139",
    bound=lambda case, steps: SIGNS,
    sides=found_signs,
    quantity="1 - (f(x_out) - f_star) / (max f - f_star), x_out the iterate's projection on the box",
    pitfall=(
        "A mean over v: for one v a method may be lucky, so the signs are drawn anew for each seed. delta "
        "depends on q. Of the instance x_0 and d are used; s = 1, R = sqrt(d)."
    ),
    complexity="none from above: what no method can beat; from below K >= d (G R/8)^2/eps^2 - d/4 queries",
    cells=(
        cell("", 200, "mezo", ("step_size", 1.0)),
        cell("", 400, "mezo", ("step_size", 0.01)),
        cell("", 200, "rsgf", ("step_size", 1.0)),
        cell("", 200, "random-gradient-free", ("step_size", 0.1)),
        cell("", 200, "s2p"),
        cell("", 20000, "mezo", ("step_size", 1.0), quick=False),
    ),
)
