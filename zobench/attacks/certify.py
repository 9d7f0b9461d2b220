"""Attempts to falsify what an instance certifies.

A certificate is a claim about every point.  Each attack looks for a point, or a pair of points, where the
claim fails: near the start and the minimiser, far from both, along coordinate axes, and by local search
that climbs the very quantity which is claimed to be bounded.  Curvature is measured by secants of the
gradient, which obey the claimed bounds exactly, so that nothing but rounding is forgiven.

An attack that fails proves nothing; how near it came to the claim is its `tightness`, 1 where the claim is
met.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zobench.attacks.probe import Probe, Survey
from zobench.attacks.searches import (
    farthest,
    fastest_turn,
    relaxed_surveys,
    steepest_chord,
    subgradient_error,
    widest_growth,
    widest_spread,
)
from zobench.instance import Instance

__all__ = [
    "FALSIFIERS",
    "LOOSE",
    "Attack",
    "attack",
    "falsify_convex",
    "falsify_effective_rank",
    "falsify_f_best",
    "falsify_f_lower",
    "falsify_f_star",
    "falsify_g",
    "falsify_gradient",
    "falsify_growth",
    "falsify_l",
    "falsify_l0",
    "falsify_l1",
    "falsify_mu",
    "falsify_pl",
    "falsify_r0",
    "falsify_trace",
    "falsify_variance",
    "falsify_x_star",
    "tightness",
]

#: Up to this dimension a short attack can tell a loose certificate from a tight one.
SHORT = 400
#: A certificate is loose if attacks come no nearer to it than this.
LOOSE = 0.2
#: What rounding may cost, relative to the claim.
SLACK = 1e-6


@dataclass(frozen=True)
class Attack:
    """What one attack found.

    Attributes
    ----------
    constant : str
        The certified constant; or ``"gradient"``, ``"x_star"``.
    claimed : float
    found : float
        The worst value met: the largest where the claim is an upper bound, the smallest where it is a lower
        one.  NaN if the attack needs what the instance does not have.
    tightness : float
        How near the worst value came to the claim: 1 where the claim is met, above 1 where it is broken.
        NaN where there is no such ratio.
    ok : bool
        Whether the claim stands.
    point : vector of size d or None
        Where the worst value was met.

    Examples
    --------
    >>> print(Attack("L", 1.0, 1.25, 1.25, ok=False))
    L = 1 is FALSE: the worst value met is 1.25 (tightness 1.25)
    """

    constant: str
    claimed: float
    found: float
    tightness: float
    ok: bool
    point: NDArray[np.float64] | None = None

    def __str__(self) -> str:
        verdict = "stands" if self.ok else "is FALSE"
        return (
            f"{self.constant} = {self.claimed:.9g} {verdict}: "
            f"the worst value met is {self.found:.9g} (tightness {self.tightness:.4g})"
        )


def _ratio(above: float, below: float) -> float:
    return above / below if below != 0.0 else np.nan


def _unattacked(constant: str, claimed: float) -> Attack:
    return Attack(constant, claimed, np.nan, np.nan, True)


def falsify_l(probe: Probe, claimed: float) -> Attack:
    """Look for |grad f(x) - grad f(y)| > L |x - y|.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        L.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("quadratic", dim=3))
    >>> [bool(falsify_l(probe, claimed).ok) for claimed in (1.0, 0.9)]
    [True, False]
    """
    worst = max(probe.surveys, key=lambda survey: survey.norm)
    ok = worst.norm <= claimed * (1 + SLACK) + worst.noise
    return Attack("L", claimed, worst.norm, _ratio(worst.norm, claimed), ok, worst.x)


def _relaxed(surveys: list[Survey], l0: float, l1: float) -> tuple[Survey, bool]:
    """Find the worst |Hess f| / (L0 + L1 |grad f|), and say whether it is at most 1."""

    def excess(survey: Survey) -> float:
        allowed = l0 + l1 * survey.slope
        left = survey.norm - survey.noise
        return left / allowed if allowed > 0 else np.inf if left > 0 else 0.0

    worst = max(surveys, key=excess)
    return worst, worst.norm <= (l0 + l1 * worst.slope) * (1 + SLACK) + worst.noise


def _definition(probe: Probe) -> str:
    known = probe.instance.certificates.get("L0")
    return known.definition if known else "H"


def _turning(probe: Probe, constant: str, claimed: float, l0: float, l1: float) -> Attack:
    """Attack L0 or L1 of definition G."""
    worst, found, where, ok = -np.inf, 0.0, probe.points[0], True
    for quotient, slope, x in fastest_turn(probe, l1):
        excess = quotient / (l0 + l1 * slope) if l0 + l1 * slope > 0 else np.inf
        if excess > worst:
            worst, where = excess, x
        if constant == "L0":
            found = max(found, quotient - l1 * slope)
        elif slope > 1e-3 * probe.steepest:
            found = max(found, (quotient - l0) / slope)
        # secants over short ways lose digits
        ok = ok and excess <= 1 + 1e3 * SLACK
    return Attack(constant, claimed, found, _ratio(found, claimed), ok, where)


def falsify_l0(probe: Probe, claimed: float, l1: float) -> Attack:
    """Look for |Hess f(x)| - L1 |grad f(x)| > L0, or what definition G forbids.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        L0, by the definition that the instance's own certificate of L0 names, and else by H.
    l1 : float
        L1, which is taken as right.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("cosh", dim=3))
    >>> [bool(falsify_l0(probe, claimed, l1=1.0).ok) for claimed in (1.0, 0.9)]
    [True, False]
    """
    if _definition(probe) == "G":
        return _turning(probe, "L0", claimed, claimed, l1)
    surveys = probe.surveys
    if l1 > 0:
        surveys = relaxed_surveys(probe, lambda survey: survey.norm - l1 * survey.slope)
    worst = max(surveys, key=lambda survey: survey.norm - l1 * survey.slope)
    found = worst.norm - l1 * worst.slope
    breaker, ok = _relaxed(surveys, claimed, l1)
    return Attack("L0", claimed, found, _ratio(found, claimed), ok, worst.x if ok else breaker.x)


def falsify_l1(probe: Probe, claimed: float, l0: float) -> Attack:
    """Look for (|Hess f(x)| - L0) / |grad f(x)| > L1, or what definition G forbids.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        L1, by the definition that the instance's own certificate of L0 names, and else by H.
    l0 : float
        L0, which is taken as right.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("cosh", dim=3))
    >>> [bool(falsify_l1(probe, claimed, l0=1.0).ok) for claimed in (1.0, 0.9)]
    [True, False]
    """
    if _definition(probe) == "G":
        return _turning(probe, "L1", claimed, l0, claimed)
    floor = 1e-3 * probe.steepest

    def quotient(survey: Survey) -> float:
        return (survey.norm - l0) / survey.slope if survey.slope > floor else -np.inf

    surveys = relaxed_surveys(probe, quotient) if claimed > 0 else probe.surveys
    worst = max(surveys, key=quotient)
    found = max(0.0, quotient(worst))
    breaker, ok = _relaxed(surveys, l0, claimed)
    return Attack("L1", claimed, found, _ratio(found, claimed), ok, worst.x if ok else breaker.x)


def falsify_mu(probe: Probe, claimed: float) -> Attack:
    """Look for <grad f(x) - grad f(y), x - y> < mu |x - y|^2.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        mu.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("quadratic", dim=3))
    >>> [bool(falsify_mu(probe, claimed).ok) for claimed in (1.0, 1.1)]
    [True, False]
    """
    worst = min(probe.surveys, key=lambda survey: survey.low + survey.noise)
    ok = worst.low + worst.noise >= claimed * (1 - SLACK)
    tightness = _ratio(claimed, worst.low) if worst.low > 0 else np.inf
    return Attack("mu", claimed, worst.low, tightness, ok, worst.x)


def falsify_convex(probe: Probe, claimed: float) -> Attack:
    """Look for <grad f(x) - grad f(y), x - y> < 0; `found` is the smallest curvature.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        1, which is how a certificate says that f is convex.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> names = ("quadratic", "nonconvex-cosine")
    >>> [bool(falsify_convex(Probe(zobench.problem(name, dim=3)), 1.0).ok) for name in names]
    [True, False]
    """
    worst = min(probe.surveys, key=lambda survey: survey.low + survey.noise)
    ok = claimed == 1.0 and worst.low + worst.noise >= 0.0
    return Attack("convex", claimed, worst.low, np.nan, ok, worst.x)


def falsify_pl(probe: Probe, claimed: float, f_star: float) -> Attack:
    """Look for |grad f(x)|^2 < 2 PL (f(x) - f_star).

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        PL.
    f_star : float
        Taken as right.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("quadratic", dim=3))
    >>> [bool(falsify_pl(probe, claimed, f_star=0.0).ok) for claimed in (1.0, 1.1)]
    [True, False]
    """
    found, x = probe.weakest_slope(f_star)
    return Attack("PL", claimed, found, _ratio(claimed, found), found >= claimed * (1 - SLACK), x)


def _floor(probe: Probe, constant: str, claimed: float) -> Attack:
    found, x = probe.lowest
    start = probe.value(probe.instance.x0)
    ok = found >= claimed - _value_rounding(probe, claimed)
    return Attack(constant, claimed, found, _ratio(start - found, start - claimed), ok, x)


def _value_rounding(probe: Probe, claimed: float) -> float:
    return 1e-12 * abs(claimed) + 1e-14 * abs(probe.value(probe.instance.x0))


def falsify_f_star(probe: Probe, claimed: float) -> Attack:
    """Look for f(x) < f_star by descent from many starts; and f(x_star) = f_star where x_star is known.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        f_star.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("quadratic", dim=3))
    >>> [bool(falsify_f_star(probe, claimed).ok) for claimed in (0.0, 0.1, -0.1)]
    [True, False, False]
    """
    floor = _floor(probe, "f_star", claimed)
    x_star = probe.instance.x_star
    if x_star is not None and probe.value(x_star) > claimed + _value_rounding(probe, claimed):
        return Attack("f_star", claimed, floor.found, floor.tightness, False, np.array(x_star))
    return floor


def falsify_f_best(probe: Probe, claimed: float) -> Attack:
    """Look for f(x) < f_best by descent from many starts: then it is not the lowest value known.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        f_best.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> bard = zobench.problem("bard")
    >>> known, probe = bard.certificates.value("f_best"), Probe(bard)
    >>> [bool(falsify_f_best(probe, claimed).ok) for claimed in (known, 2 * known)]
    [True, False]
    """
    return _floor(probe, "f_best", claimed)


def falsify_f_lower(probe: Probe, claimed: float) -> Attack:
    """Look for f(x) < f_lower by descent from many starts.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        f_lower.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("bard"))
    >>> [bool(falsify_f_lower(probe, claimed).ok) for claimed in (0.0, 0.01)]
    [True, False]
    """
    return _floor(probe, "f_lower", claimed)


def falsify_x_star(probe: Probe) -> Attack:
    """Look for a gradient at x_star, and for lower values around it; `found` is the gradient's norm.

    Parameters
    ----------
    probe : Probe
        Of an instance that has an x_star.

    Returns
    -------
    Attack

    Examples
    --------
    >>> from dataclasses import replace
    >>> import numpy as np
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> quadratic = zobench.problem("quadratic", dim=2)
    >>> moved = replace(quadratic, x_star=np.array([0.1, 0.0]))
    >>> [bool(falsify_x_star(Probe(instance)).ok) for instance in (quadratic, moved)]
    [True, False]
    """
    x_star = np.array(probe.instance.x_star)
    value, rounding = probe.value(x_star), _value_rounding(probe, probe.value(x_star))
    lowest, lower = probe.lowest
    if lowest < value - rounding:
        return Attack("x_star", 0.0, np.nan, np.nan, False, lower)
    if not probe.has_gradient:
        return Attack("x_star", 0.0, np.nan, np.nan, True, x_star)
    norm = float(np.linalg.norm(probe.gradient(x_star)))
    return Attack("x_star", 0.0, norm, np.nan, norm <= 1e-9 * max(probe.steepest, 1e-3), x_star)


def falsify_g(probe: Probe, claimed: float) -> Attack:
    """Look for |f(x) - f(y)| > G |x - y|.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        G.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("max-coordinate", dim=3))
    >>> [bool(falsify_g(probe, claimed).ok) for claimed in (1.0, 0.9)]
    [True, False]
    """
    found, x = probe.once("G", lambda: steepest_chord(probe))
    return Attack("G", claimed, found, _ratio(found, claimed), found <= claimed * (1 + SLACK), x)


def falsify_r0(probe: Probe, claimed: float) -> Attack:
    """Look for |x - x_star| > R0 where f(x) <= f(x0).

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        R0; not attacked where the instance has no x_star.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("quadratic", dim=4))
    >>> [bool(falsify_r0(probe, claimed).ok) for claimed in (2.0, 1.9)]
    [True, False]
    """
    if probe.instance.x_star is None:
        return _unattacked("R0", claimed)
    found, x = probe.once("R0", lambda: farthest(probe))
    return Attack("R0", claimed, found, _ratio(found, claimed), found <= claimed * (1 + SLACK), x)


def falsify_variance(probe: Probe, claimed: float) -> Attack:
    """Look for samples whose gradients spread wider; five standard errors are forgiven the estimate.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        Of E|grad F(x, sample) - grad f(x)|^2; not attacked where the instance is not stochastic.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("stochastic-quadratic", dim=2))
    >>> [bool(falsify_variance(probe, claimed).ok) for claimed in (1.0, 0.3)]
    [True, False]
    """
    if not probe.instance.stochastic:
        return _unattacked("variance", claimed)
    found, error, x = probe.once("variance", lambda: widest_spread(probe))
    return Attack("variance", claimed, found, _ratio(found, claimed), found - 5.0 * error <= claimed, x)


def falsify_growth(probe: Probe, claimed: float, f_star: float) -> Attack:
    """Look for points where samples spread more in proportion to f(x) - f_star.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        Of E|grad F(x, sample) - grad f(x)|^2 / (f(x) - f_star); not attacked where the instance is not
        stochastic.
    f_star : float
        Taken as right.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> regression = zobench.problem("interpolating-regression", dim=2, samples=5)
    >>> known, probe = regression.certificates.value("growth"), Probe(regression)
    >>> [bool(falsify_growth(probe, claimed, f_star=0.0).ok) for claimed in (known, known / 2)]
    [True, False]
    """
    if not probe.instance.stochastic:
        return _unattacked("growth", claimed)
    found, error, x = probe.once("growth", lambda: widest_growth(probe, f_star))
    return Attack("growth", claimed, found, _ratio(found, claimed), found - 5.0 * error <= claimed, x)


def falsify_gradient(probe: Probe) -> Attack:
    """Compare the gradient with differences of the value; `found` is the worst relative error.

    Where f is not differentiable but convex, f(y) >= f(x) + <g, y - x> is tried instead, for every y.

    Parameters
    ----------
    probe : Probe
        Of an instance that has a gradient.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> tried = falsify_gradient(Probe(zobench.problem("quadratic", dim=2)))
    >>> bool(tried.ok), bool(tried.found < 1e-6)
    (True, True)
    """
    kinked = not probe.instance.problem.differentiable and "convex" in probe.instance.certificates
    error, x = subgradient_error(probe) if kinked else probe.gradient_error()
    return Attack("gradient", 0.0, error, np.nan, error <= SLACK, x)


def falsify_trace(probe: Probe, claimed: float) -> Attack:
    """Look for a point where the trace of the Hessian is another.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        The trace at every point.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("quadratic", dim=3))
    >>> [bool(falsify_trace(probe, claimed).ok) for claimed in (3.0, 2.9)]
    [True, False]
    """
    traces = [(probe.trace(x), x) for x in (probe.points[0], probe.points[-1])]
    found, x = max(traces, key=lambda pair: abs(pair[0] - claimed))
    ok = abs(found - claimed) <= SLACK * abs(claimed)
    return Attack("trace", claimed, found, _ratio(found, claimed), ok, x)


def falsify_effective_rank(probe: Probe, claimed: float, smoothness: float) -> Attack:
    """Look for a Hessian whose trace exceeds effective_rank times L.

    Parameters
    ----------
    probe : Probe
        Of the instance.
    claimed : float
        effective_rank.
    smoothness : float
        L, which is taken as right.

    Returns
    -------
    Attack

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("quadratic", dim=3))
    >>> [bool(falsify_effective_rank(probe, claimed, smoothness=1.0).ok) for claimed in (3.0, 2.9)]
    [True, False]
    """
    bent = max(probe.surveys, key=lambda survey: survey.norm).x
    places = [bent, probe.instance.x0, *([] if probe.instance.x_star is None else [probe.instance.x_star])]
    found, x = max(((probe.trace(x) / smoothness, np.array(x)) for x in places), key=lambda pair: pair[0])
    return Attack("effective_rank", claimed, found, _ratio(found, claimed), found <= claimed * (1 + SLACK), x)


#: By constant: ``falsifier(probe, claimed, *needs)``, and the other certificates whose values it needs.
FALSIFIERS: dict[str, tuple[Callable[..., Attack], tuple[str, ...]]] = {
    "L": (falsify_l, ()),
    "L0": (falsify_l0, ("L1",)),
    "L1": (falsify_l1, ("L0",)),
    "mu": (falsify_mu, ()),
    "PL": (falsify_pl, ("f_star",)),
    "convex": (falsify_convex, ()),
    "f_star": (falsify_f_star, ()),
    "f_best": (falsify_f_best, ()),
    "f_lower": (falsify_f_lower, ()),
    "trace": (falsify_trace, ()),
    "effective_rank": (falsify_effective_rank, ("L",)),
    "G": (falsify_g, ()),
    "R0": (falsify_r0, ()),
    "variance": (falsify_variance, ()),
    "growth": (falsify_growth, ("f_star",)),
}
WITHOUT_GRADIENT = {"f_star", "f_best", "f_lower", "G", "R0", "variance", "growth"}


def falsify(probe: Probe, constant: str, claimed: float) -> Attack:
    """Attack one claim, whatever the instance itself certifies.

    Parameters
    ----------
    probe : Probe
        Of the instance; its searches are shared by all attacks.
    constant : str
        One of `FALSIFIERS`.
    claimed : float

    Returns
    -------
    Attack
        With NaN for `found` where the instance lacks what the attack needs.

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> probe = Probe(zobench.problem("quadratic", dim=3))
    >>> [bool(falsify(probe, "L", claimed).ok) for claimed in (1.0, 0.9)]
    [True, False]
    """
    falsifier, needs = FALSIFIERS[constant]
    known = probe.instance.certificates
    if any(need not in known for need in needs) or not (probe.has_gradient or constant in WITHOUT_GRADIENT):
        return _unattacked(constant, claimed)
    return falsifier(probe, claimed, *(known[need].value for need in needs))


def tightness(instance: Instance, seconds: float = 0.8) -> dict[str, float]:
    """Measure in a short time how near attacks come to what an instance certifies.

    Parameters
    ----------
    instance : Instance
    seconds : float
        Of the processor, about half of what all attacks may take together; what is found by then counts.

    Returns
    -------
    dict of str to float
        See `Attack.tightness`.  Constants without such a ratio are left out, and those that an attack came
        nowhere near before its time was over; and all of them beyond dim 400.

    Examples
    --------
    >>> import zobench
    >>> tightness(zobench.problem("quadratic"))["L"] > 0.999
    True
    """
    if instance.dim > SHORT:
        return {}
    if instance.problem.gradient is not None:
        instance.gradient(instance.x0)  # which may have to be compiled
    probe, found = Probe(instance, seconds=seconds), {}
    for name, known in instance.certificates.items():
        # the first have done the searches that all share; each has a share of its own as well
        share = seconds / len(instance.certificates)
        probe.deadline = max(probe.deadline, time.thread_time() + share)
        ratio = float(falsify(probe, name, known.value).tightness)
        if ratio >= LOOSE or not (np.isnan(ratio) or probe.cut):
            found[name] = ratio
    return found


def attack(instance: Instance, key: str = "attack") -> list[Attack]:
    """Attack everything that an instance certifies, its gradient and its x_star.

    Parameters
    ----------
    instance : Instance
    key : str
        Of the random points; the same key gives the same attacks.

    Returns
    -------
    list of Attack

    Examples
    --------
    >>> import zobench
    >>> all(attack.ok for attack in attack(zobench.problem("quadratic", dim=3)))
    True
    """
    probe = Probe(instance, key)
    found = [falsify_gradient(probe)] if probe.has_gradient else []
    found += [falsify_x_star(probe)] if instance.x_star is not None else []
    return found + [falsify(probe, name, known.value) for name, known in instance.certificates.items()]
