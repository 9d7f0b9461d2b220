"""Formulas that the bounds of several solvers share."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from zobench.directions import constants
from zobench.errors import ZobenchError
from zobench.instance import Instance

if TYPE_CHECKING:
    from zobench.theorem import Case

__all__ = [
    "best_preset_speed",
    "clipped_steps",
    "gap_after",
    "growth",
    "log_ratio",
    "not_a_sphere",
    "not_independently_noisy",
    "not_sampled",
    "preset_speed",
    "relaxed_steps",
    "remainder",
    "speed_of_a_line",
]


def log_ratio(first: float, second: float) -> float:
    """Return ln(first / second); infinite or NaN where a run diverged or arrived exactly.

    Parameters
    ----------
    first, second : float
        At least 0.

    Returns
    -------
    float

    Examples
    --------
    >>> log_ratio(1.0, 0.0), log_ratio(0.0, 2.0)
    (inf, -inf)
    """
    with np.errstate(all="ignore"):
        return float(np.log(np.divide(first, second)))


def growth(u: float) -> float:
    """Return B(u) = 2 (e^u - 1 - u) / u^2 = 1 + u/3 + u^2/12 + ..., which is at least 1 and increases.

    On an (L0, L1)-smooth function of definition H, with g the gradient at x and r = |y - x|,
    f(y) <= f(x) + <g, y - x> + B(L1 r) (L0 + L1 |g|) r^2 / 2.

    Parameters
    ----------
    u : float
        At least 0.

    Returns
    -------
    float

    Examples
    --------
    >>> round(growth(1.0), 4)
    1.4366
    >>> growth(0.0)
    1.0
    """
    # the series where the difference would lose its digits: the next term is below 1e-14
    return 1.0 + u / 3.0 + u**2 / 12.0 + u**3 / 60.0 if u < 1e-3 else 2.0 * (math.expm1(u) - u) / u**2


def remainder(law: str, dim: int, length: float) -> float:
    """Return E[e^(l|s|) - 1 - l|s|] / l^2 for l = `length`: half of E|s|^2 where l is small.

    Parameters
    ----------
    law : str
        Direction law.
    dim : int
    length : float
        l = L1 alpha >= 0.

    Returns
    -------
    float

    Examples
    --------
    >>> remainder("sphere", 9, 0.0)
    4.5
    >>> remainder("gaussian", 9, 1e-9) == remainder("sphere", 9, 1e-9)
    False
    >>> round(remainder("gaussian", 9, 1e-6), 4)
    4.5
    """
    known = constants(law, dim)
    if known.fixed_norm:
        return growth(length * math.sqrt(known.m2)) * known.m2 / 2.0
    from scipy import integrate, stats

    # |s| has the chi law; beyond 12 above the root of d its density times e^(l|s|) is nothing
    top = math.sqrt(dim) + 12.0 + length
    answer, _ = integrate.quad(
        lambda r: growth(length * r) * r**2 / 2.0 * stats.chi.pdf(r, dim), 0.0, top, epsabs=0.0, limit=200
    )
    return float(answer)


def speed_of_a_line(dim: int) -> float:
    """Return (digamma(d/2) - digamma((d-1)/2)) / 2, the mean of -ln |sin| of the angle to a random line.

    Whoever moves along one uniformly random line a step comes nearer to a point by no more than this in
    E ln |x_k - x_star|, on any function and with any step size; about 1 / (2 d).  Infinite for d = 1.

    Parameters
    ----------
    dim : int
        d.

    Returns
    -------
    float

    Examples
    --------
    >>> round(10 * speed_of_a_line(10), 4)
    0.5862
    """
    if dim == 1:
        return math.inf
    from scipy import special

    return float(special.digamma(dim / 2) - special.digamma((dim - 1) / 2)) / 2.0


@lru_cache(maxsize=16)
def gap_after(instance: Instance, law: str, steps: int) -> float:
    """Give E f(x_K) - f_star of x+ = x - <g,s>/(L |s|^2) s on a quadratic, by the recursion of E x_i^2.

    Parameters
    ----------
    instance : Instance
        Of a quadratic with a gradient and a known minimiser.
    law : str
        "rademacher", for a diagonal Hessian, or one whose s/|s| is uniform on the unit sphere.
    steps : int
        K.

    Returns
    -------
    float

    Raises
    ------
    ZobenchError
        For "rademacher", if the Hessian is not diagonal.

    Examples
    --------
    >>> import zobench
    >>> ball = zobench.problem("quadratic", dim=4)
    >>> round(gap_after(ball, "sphere", 2) / ball.value(ball.x0), 6), (1 - 1 / 4) ** 2
    (0.5625, 0.5625)
    """
    dim, smoothness = instance.dim, instance.certificates.value("L")
    centre, identity = np.array(instance.x_star), np.eye(dim)
    rows = np.array([instance.gradient(centre + row) for row in identity]) - instance.gradient(centre)
    hessian, away = (rows + rows.T) / 2.0, instance.x0 - centre
    if law == "rademacher":  # whose own coordinates matter
        if np.any(hessian != np.diag(np.diag(hessian))):
            raise ZobenchError("the recursion for Rademacher directions is about diagonal Hessians")
        curved, second = np.diag(hessian), away**2
    else:
        curved, basis = np.linalg.eigh(hessian)
        second = (basis.T @ away) ** 2
    for _ in range(steps):
        slopes = curved**2 * second  # E g_i^2
        if law == "rademacher":
            spread = np.full(dim, slopes.sum() / dim**2)
        else:
            spread = (slopes.sum() + 2.0 * slopes) / (dim * (dim + 2.0))
        second = second - 2.0 * curved * second / (smoothness * dim) + spread / smoothness**2
    return float(curved @ second) / 2.0


def clipped_steps(case: "Case", eps: float) -> float:
    """Give K(eps) of clipped steps under (L0, L1)-smoothness, 4 B d D0/m1^2 (L0/eps^2 + L1/eps).

    Parameters
    ----------
    case : Case
    eps : float
        The mean gradient norm wanted.

    Returns
    -------
    float

    Examples
    --------
    >>> import zobench
    >>> from zobench.theorem import Case
    >>> case = Case(zobench.problem("cosh", dim=4), 100, "rademacher")
    >>> clipped_steps(case, 0.1) < clipped_steps(case, 0.05)
    True
    """
    m1 = case.directions.m1
    scale = 4.0 * growth(m1 / (2.0 * math.sqrt(case.dim))) * case.dim * case.gap / m1**2
    return scale * (case.constant("L0") / eps**2 + case.constant("L1") / eps)


def relaxed_steps(case: "Case", eps: float) -> float:
    """Give K(eps) of steps fixed in advance under (L0, L1)-smoothness.

    Parameters
    ----------
    case : Case
    eps : float
        The mean gradient norm wanted.

    Returns
    -------
    float

    Examples
    --------
    >>> import zobench
    >>> from zobench.theorem import Case
    >>> case = Case(zobench.problem("cosh", dim=4), 100, "gaussian")
    >>> relaxed_steps(case, 0.1) < relaxed_steps(case, 0.05)
    True
    """
    law, l0, l1 = case.directions, case.constant("L0"), case.constant("L1")
    b = growth(law.m1 / math.sqrt(law.m2)) if l1 > 0.0 else 1.0
    scale = 2.0 * b * case.gap * case.dim / law.m1**2
    return scale * max(4.0 * l0 / eps**2, l1**2 / l0)


def not_a_sphere(instance: Instance) -> str:
    """Say that f is not (L/2)|x - x_star|^2 + f_star, if it is not; empty if it is.

    Parameters
    ----------
    instance : Instance

    Returns
    -------
    str

    Examples
    --------
    >>> import zobench
    >>> not_a_sphere(zobench.problem("quadratic", condition=2))
    'its largest and its smallest curvature differ'
    """
    known = instance.certificates
    same = known["L"].value == known["mu"].value
    return "" if same else "its largest and its smallest curvature differ"


def not_sampled(instance: Instance) -> str:
    """Say what a theorem about samples finds lacking; empty if nothing.

    Parameters
    ----------
    instance : Instance

    Returns
    -------
    str

    Examples
    --------
    >>> import zobench
    >>> not_sampled(zobench.problem("quadratic"))
    'its queries are not answered with samples'
    """
    if instance.noise is not None:
        return "its answers have noise, and the row is about samples"
    return "" if instance.stochastic else "its queries are not answered with samples"


def not_independently_noisy(instance: Instance) -> str:
    """Say what a theorem about noisy values finds lacking; empty if nothing.

    Parameters
    ----------
    instance : Instance

    Returns
    -------
    str

    Examples
    --------
    >>> import zobench
    >>> not_independently_noisy(zobench.problem("quadratic"))
    'independent noise on the values is needed'
    """
    noise = instance.noise
    if noise is None or instance.stochastic or noise.mode != "independent":
        return "independent noise on the values is needed"
    facts = noise.facts
    if not (facts.unbiased and math.isfinite(facts.variance)) or facts.relative_variance or facts.failure:
        return "noise of mean 0 and a bounded variance is needed"
    return ""


def preset_speed(kind: str, dim: int, scale: float) -> float:
    """Return E ln(r / r+) of one step of length c r / sqrt(d) from distance r to the centre of a sphere.

    The step's direction is uniform on the unit sphere.

    Parameters
    ----------
    kind : {"one-point", "three-point", "two-point"}
        r+ is the smaller distance of x and x + step; of x, x + step and x - step; of x + step and x - step.
    dim : int
        At least 2.
    scale : float
        c > 0.

    Returns
    -------
    float

    Examples
    --------
    >>> round(20 * preset_speed("one-point", 20, 1.23), 3)
    0.219
    """
    from scipy import integrate

    size = scale / math.sqrt(dim)
    weight = math.exp(math.lgamma(dim / 2) - math.lgamma((dim - 1) / 2)) / math.sqrt(math.pi)

    def gain(angle: float) -> float:
        square = 1.0 - 2.0 * size * math.cos(angle) + size**2
        gained = -0.5 * math.log(square) if square > 0.0 else 0.0
        gained = gained if kind == "two-point" else max(0.0, gained)
        return gained * math.sin(angle) ** (dim - 2)

    # one of x + step and x - step makes an acute angle; the one point does so half of the time
    meets = math.acos(min(1.0, size / 2.0))
    answer, _ = integrate.quad(gain, 0.0, math.pi / 2, points=[meets], epsabs=1e-14, limit=200)
    return float(answer) * weight * (1.0 if kind == "one-point" else 2.0)


@lru_cache(maxsize=64)
def best_preset_speed(kind: str, dim: int) -> float:
    """Return the largest `preset_speed` over the length.

    Parameters
    ----------
    kind : {"one-point", "three-point", "two-point"}
        As in `preset_speed`.
    dim : int
        At least 2.

    Returns
    -------
    float

    Examples
    --------
    >>> round(10 * best_preset_speed("three-point", 10), 4)
    0.4786
    """
    from scipy import optimize

    found = optimize.minimize_scalar(
        lambda scale: -preset_speed(kind, dim, scale), bounds=(0.2, 2.5), method="bounded"
    )
    return -float(found.fun)
