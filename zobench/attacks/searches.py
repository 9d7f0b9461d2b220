"""Local searches that climb what a certificate bounds: chords, sublevel sets, relaxed curvature."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from zobench.attacks.probe import Probe, Survey

__all__ = [
    "farthest",
    "fastest_turn",
    "relaxed_surveys",
    "steepest_chord",
    "subgradient_error",
    "widest_spread",
]

Array = NDArray[np.float64]

_quietly = np.errstate(over="ignore", invalid="ignore", divide="ignore")


def _unit(v: Array) -> Array:
    return v / (float(np.linalg.norm(v)) or 1.0)


def _slope(probe: Probe, x: Array) -> Array:
    """Give the gradient at x, or differences along at most 32 coordinates where there is none."""
    if probe.has_gradient:
        return probe.gradient(x)
    slope, h = np.zeros(x.size), 1e-6 * probe.scale
    for i in probe.coordinates(32):
        step = np.zeros(x.size)
        step[i] = h
        slope[i] = (probe.value(x + step) - probe.value(x - step)) / (2 * h)
    return slope


def _steeper(probe: Probe, x: Array, rounds: int) -> Iterator[Array]:
    """Climb |grad f| along its own gradient Hess f grad f, measured by a secant."""
    step, g = probe.scale, _slope(probe, x)
    for _ in range(rounds):
        norm = float(np.linalg.norm(g))
        up = _slope(probe, x + probe.reach * _unit(g)) - g
        if not (norm > 0 and np.isfinite(norm) and np.linalg.norm(up) > 1e-12 * norm) or probe.late:
            return
        for _ in range(12):
            trial = x + step * _unit(up)
            slope = _slope(probe, trial)
            if float(np.linalg.norm(slope)) > norm:
                break
            step /= 4
        else:
            return
        x, g, step = trial, slope, 2 * step
        yield x


@_quietly
def steepest_chord(probe: Probe) -> tuple[float, Array]:
    """Give the largest |f(x) - f(y)| / |x - y| met, less what rounding may have done, and where.

    Parameters
    ----------
    probe : Probe

    Returns
    -------
    float, vector of size d
        The quotient, and x.

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> steepest, x = steepest_chord(Probe(zobench.problem("l1-norm", dim=4)))
    >>> round(steepest, 6)
    2.0
    """
    points = list(probe.points[:4] if probe.late else probe.points)
    order = sorted(points, key=lambda x: -float(np.linalg.norm(_slope(probe, x))))
    for x in order[:3]:
        points += list(_steeper(probe, x, 40))
    worst, where = 0.0, points[0]
    for x in points:
        v, low = _unit(_slope(probe, x)), probe.value(x)
        for length in (1e-3, 1e-2, 1.0):
            y = x + length * probe.scale * v
            high, way = probe.value(y), float(np.linalg.norm(y - x))
            # a chord may not be longer than its ends tell apart
            rise = abs(high - low) - 4e-16 * (abs(high) + abs(low))
            if way > 0 and rise / way > worst:
                worst, where = rise / way, x
    return worst, where


def _edge(probe: Probe, level: float, u: Array) -> float:
    """Give the largest t found with f(x_star + t u) <= level."""
    inside, outside = 0.0, np.inf
    if probe.late:
        return inside
    for t in probe.scale * np.concatenate([np.geomspace(1e-2, 1e3, 41), 10.0 ** np.arange(4, 151)]):
        if t > 1e3 * probe.scale and outside < np.inf:
            break
        if probe.value(probe.middle + t * u) <= level:
            inside, outside = float(t), np.inf
        elif outside == np.inf:
            outside = float(t)
    if outside == np.inf:
        return inside
    for _ in range(50):
        t = 0.5 * (inside + outside)
        if probe.value(probe.middle + t * u) <= level:
            inside = t
        else:
            outside = t
    return inside


def _farther(probe: Probe, level: float, u: Array, rounds: int) -> tuple[float, Array]:
    """Turn u where the edge of the sublevel set recedes: against the part of the gradient across u."""
    far, step = _edge(probe, level, u), 0.5
    for _ in range(rounds):
        g = _slope(probe, probe.middle + far * u)
        across = g - float(g @ u) * u
        length = float(np.linalg.norm(across))
        if not (np.isfinite(length) and length > 1e-12 * float(np.linalg.norm(g))) or probe.late:
            break
        for _ in range(12):
            turned = _unit(u - step * across / length)
            t = _edge(probe, level, turned)
            if t > far:
                break
            step /= 3
        else:
            break
        u, far, step = turned, t, min(1.0, 2 * step)
    return far, u


@_quietly
def farthest(probe: Probe) -> tuple[float, Array]:
    """Give the largest |x - x_star| met with f(x) <= f(x0), and x.

    Parameters
    ----------
    probe : Probe
        Of an instance that has an x_star.

    Returns
    -------
    float, vector of size d

    Examples
    --------
    f(x) <= f(x0) is a ball here, with the start on its edge:

    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> distance, x = farthest(Probe(zobench.problem("quadratic", dim=4)))
    >>> round(distance, 6), x.shape
    (2.0, (4,))
    """
    x0, dim = np.array(probe.instance.x0), probe.instance.dim
    level = probe.value(x0)
    found = [(float(np.linalg.norm(x0 - probe.middle)), x0)]
    directions = [sign * np.eye(1, dim, i)[0] for i in probe.coordinates(8) for sign in (1.0, -1.0)]
    directions += [_unit(probe.unit()) for _ in range(4)]
    directions += [np.sign(probe.unit()) / np.sqrt(dim) for _ in range(4)]
    low = probe.central if probe.has_gradient else None
    if low is not None:
        directions += [low.low_direction, -low.low_direction]
    edges = [(_edge(probe, level, u), place) for place, u in enumerate(directions)]
    found += [(t, probe.middle + t * directions[place]) for t, place in edges]
    for _, place in sorted(edges, reverse=True)[:3]:
        t, u = _farther(probe, level, directions[place], 40)
        found.append((t, probe.middle + t * u))
    return max(found, key=lambda pair: pair[0])


@_quietly
def subgradient_error(probe: Probe) -> tuple[float, Array]:
    """Give the worst f(x) + <g, y - x> - f(y), relative to |g| |y - x|, of a convex f, and x.

    Parameters
    ----------
    probe : Probe
        Of an instance that has a gradient, or a subgradient, g.

    Returns
    -------
    float, vector of size d
        The error is 0 if no f(y) was too small.

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> error, x = subgradient_error(Probe(zobench.problem("l1-norm", dim=2)))
    >>> error
    0.0
    """
    worst, where = 0.0, probe.points[0]
    for x in probe.points:
        g, value = probe.gradient(x), probe.value(x)
        steps = [length * probe.scale * probe.unit() for length in (1e-4, 1e-2, 1.0, 10.0) for _ in range(8)]
        steps += [
            probe.scale * sign * np.eye(1, x.size, i)[0]
            for i in probe.coordinates(8)
            for sign in (1e-4, -1e-4)
        ]
        steps += [-1e-4 * probe.scale * _unit(g), probe.middle - x]
        for step in steps:
            y = x + step
            other = probe.value(y)
            excess = value + float(g @ (y - x)) - other - 1e-15 * (abs(value) + abs(other)) * x.size
            size = max(float(np.linalg.norm(g)), probe.steepest) * float(np.linalg.norm(step))
            if size > 0 and not excess / size <= worst:
                worst, where = excess / size, x
    return worst, where


def _spread(probe: Probe, x: Array, keys: int, most: int, first: int = 0) -> tuple[float, float]:
    """Give E|grad F(x, sample) - grad f(x)|^2 and its standard error.

    The gradient of a sample is measured by central differences, along all coordinates or, where there are
    many, along random directions, which see 1/d of the variance each on average.
    """
    instance, few = probe.instance, x.size <= most
    directions = list(np.eye(x.size)) if few else [probe.unit() for _ in range(most)]
    share = 1.0 if few else x.size / most
    step = 1e-5 * max(probe.scale, float(np.abs(x).max()))
    slopes = np.array(
        [
            [instance.sample(x + step * v, key) - instance.sample(x - step * v, key) for v in directions]
            for key in range(first, first + keys)
        ]
    ) / (2.0 * step)
    squares = share * (slopes - slopes.mean(axis=0)) ** 2 * keys / (keys - 1)
    error = float(squares.sum(axis=1).std() / np.sqrt(keys))
    if not few:
        error += float(squares.mean(axis=0).std() * np.sqrt(most))
    return float(squares.sum(axis=1).mean()), error


def widest_spread(probe: Probe, keys: int = 128, most: int = 64) -> tuple[float, float, Array]:
    """Give the largest E|grad F(x, sample) - grad f(x)|^2 met, its standard error, and x.

    Parameters
    ----------
    probe : Probe
        Of a stochastic instance.
    keys : int
        Samples at each point.
    most : int
        Directions along which a sample's gradient is measured at most: all coordinates if d is no larger.

    Returns
    -------
    float, float, vector of size d

    Examples
    --------
    The variance of this problem's gradients is 1 everywhere:

    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> spread, error, x = widest_spread(Probe(zobench.problem("stochastic-quadratic", dim=2)))
    >>> abs(spread - 1.0) < 5.0 * error < 0.5
    True
    """
    best = (0.0, 0.0, probe.points[0])
    away = [x - 10.0 * (probe.middle - x) for x in probe.points[:2]]
    for x in [*probe.points, *away]:
        spread, error = _spread(probe, x, keys, most)
        if np.isfinite(spread) and spread > best[0]:
            best = spread, error, x
    return best


def widest_growth(probe: Probe, f_star: float, keys: int = 128, most: int = 64) -> tuple[float, float, Array]:
    """Give the largest E|grad F(x, sample) - grad f(x)|^2 / (f(x) - f_star) met, its error, and x.

    From the point where it is largest it goes on in random directions about the minimiser.  What the climb
    found is measured anew with fresh samples, for it also climbed the errors of the first ones.
    """
    origin = probe.instance.x_star if probe.instance.x_star is not None else probe.middle

    def growth(x: Array, keys: int = keys, first: int = 0) -> tuple[float, float]:
        gap = probe.value(x) - f_star
        if not gap > 1e-9 * max(abs(f_star), probe.scale**2 * 1e-9):
            return 0.0, 0.0
        spread, error = _spread(probe, x, keys, most, first)
        return spread / gap, error / gap

    best = max(((*growth(x), x) for x in probe.points), key=lambda found: found[0])
    length, turn = float(np.linalg.norm(best[2] - origin)), 0.5
    for _ in range(60):
        if probe.late:
            break
        away = best[2] - origin + turn * length * probe.unit()
        x = origin + away * (length / max(float(np.linalg.norm(away)), 1e-300))
        found = growth(x)
        if np.isfinite(found[0]) and found[0] > best[0]:
            best = (*found, x)
        else:
            turn = max(0.8 * turn, 0.05)
    return *growth(best[2], 8 * keys, keys), best[2]


def _along(probe: Probe, survey: Survey, merit: Callable[[Survey], float]) -> Survey:
    """Move a survey along the ray from the middle, and along its gradient, to where its merit is larger."""
    for way in (survey.x - probe.middle, _unit(probe.gradient(survey.x)) * probe.scale):
        origin, step = survey.x, 0.5
        best, at = survey, 0.0
        for _ in range(24):
            if probe.late:
                break
            for t in (at + step, at - step):
                trial = probe.survey(origin + t * way)
                if trial and merit(trial) > merit(best):
                    best, at = trial, t
                    break
            else:
                step /= 2
        survey = best
    return survey


@_quietly
def relaxed_surveys(probe: Probe, merit: Callable[[Survey], float]) -> list[Survey]:
    """Give all surveys and, from the three of most merit, where a local search leads.

    Parameters
    ----------
    probe : Probe
        Of an instance that has a gradient.
    merit : callable
        ``merit(survey) -> float``, which the search makes larger.

    Returns
    -------
    list of Survey

    Examples
    --------
    With L1 = 1, L0 of this problem is 4, to which the search comes nearer than the surveys alone:

    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> def merit(survey):
    ...     return survey.norm - survey.slope
    >>> probe = Probe(zobench.problem("quartic-sum", dim=2))
    >>> searched = relaxed_surveys(probe, merit)
    >>> len(searched) - len(probe.surveys)
    3
    >>> max(map(merit, probe.surveys)) < 3.5 < 3.9 < max(map(merit, searched)) <= 4.0
    True
    """
    ranked = sorted(probe.surveys, key=lambda survey: -merit(survey))
    return [*probe.surveys, *(_along(probe, survey, merit) for survey in ranked[:3])]


@_quietly
def fastest_turn(probe: Probe, l1: float) -> list[tuple[float, float, Array]]:
    """Give |grad f(x) - grad f(y)| / |x - y|, |grad f(x)| and x, for pairs at most 1/L1 apart.

    Parameters
    ----------
    probe : Probe
        Of an instance that has a gradient.
    l1 : float
        L1; with 0 pairs are at most ten times as far apart as x0 and x_star.

    Returns
    -------
    list of (float, float, vector)

    Examples
    --------
    >>> import zobench
    >>> from zobench.attacks.probe import Probe
    >>> found = fastest_turn(Probe(zobench.problem("huber", dim=2)), l1=0.0)
    >>> round(max(quotient for quotient, slope, x in found), 6)
    1.0
    """
    found = []
    longest = 1.0 / l1 if l1 > 0 else 10 * probe.scale
    for survey in probe.surveys:
        g = probe.gradient(survey.x)
        ways = [survey.high_direction, -survey.high_direction, _unit(g), -_unit(g), probe.unit()]
        for v in ways:
            for length in (1e-4, 0.1, 0.5, 1.0):
                y = survey.x + (1 - 1e-9) * length * longest * v
                way, turn = float(np.linalg.norm(y - survey.x)), probe.gradient(y) - g
                quotient = float(np.linalg.norm(turn)) / way if 0 < way <= longest else np.nan
                if np.isfinite(quotient):
                    found.append((quotient, float(np.linalg.norm(g)), survey.x))
    return found
