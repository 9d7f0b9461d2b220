"""Points, curvatures and descents of an instance, for those who would falsify its certificates."""

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError
from zobench.instance import Instance
from zobench.stream import generator

__all__ = ["Probe", "Survey"]

Array = NDArray[np.float64]

# Far points overflow: that is looked at, not warned of.
_quietly = np.errstate(over="ignore", invalid="ignore", divide="ignore")

#: Distances of the points from the middle, in units of the start's distance.
DISTANCES = (1e-3, 1e-2, 0.1, 0.5, 1.0, 3.0, 10.0)
#: Up to this dimension the Hessian is measured in full.
FULL = 48
#: The same, where it is measured at one point only.
FULL_ONCE = 400
#: Steps of Lanczos' method beyond it, from a random vector and from a good guess.
KRYLOV, KRYLOV_GUESSED = 32, 12


class Survey(NamedTuple):
    """Curvature at a point, by secants of the gradient over a short way.

    Attributes
    ----------
    x : vector of size d
    slope : float
        The largest gradient norm met on the way.
    low, high : float
        Smallest and largest <dg, dx>/|dx|^2.
    norm : float
        Largest |dg|/|dx|.
    noise : float
        What rounding may have done to `low`, `high` and `norm`.
    low_direction, high_direction : vector of size d
        Unit vectors, along which `low` and `high` are searched.

    Examples
    --------
    >>> import zobench
    >>> probe = Probe(zobench.problem("quadratic", dim=2, condition=10))
    >>> survey = probe.survey(probe.middle)
    >>> round(survey.low, 6), round(survey.high, 6)
    (0.1, 1.0)
    """

    x: Array
    slope: float
    low: float
    high: float
    norm: float
    noise: float
    low_direction: Array
    high_direction: Array


def _reward(survey: Survey, sign: float) -> float:
    return survey.high if sign > 0 else -survey.low


class Probe:
    """Points, curvatures and descents of one instance, found once and shared by all attacks.

    Parameters
    ----------
    instance : Instance
    key : str
        Of the random points.
    seconds : float
        Of the processor, after which searches give what they have found so far.

    Examples
    --------
    >>> import zobench
    >>> probe = Probe(zobench.problem("nonconvex-cosine", dim=2))
    >>> len(probe.points), bool((probe.points[0] == probe.instance.x0).all())
    (23, True)
    >>> value, x = probe.lowest
    >>> value == 0.0, bool((x == probe.instance.x_star).all())
    (True, True)
    """

    def __init__(self, instance: Instance, key: str = "attack", seconds: float = np.inf):
        self._kept: dict[Any, Any] = {}
        self.instance, self.deadline, self.cut = instance, time.thread_time() + seconds, False
        self._rng = generator(f"{instance.name}[{key}]", "certify")
        self.has_gradient = instance.problem.gradient is not None
        self.middle = np.array(instance.x0 if instance.x_star is None else instance.x_star)
        away = float(np.linalg.norm(instance.x0 - self.middle))
        self.scale = away or float(np.linalg.norm(self.middle)) or float(np.sqrt(instance.dim))
        #: length over which curvature is measured
        self.reach = 1e-4 * self.scale / np.sqrt(instance.dim)
        if "L1" in instance.certificates:
            self.reach /= max(1.0, instance.certificates["L1"].value * self.scale / np.sqrt(instance.dim))

    @property
    def late(self) -> bool:
        """Whether the time is over; `cut` remembers that a search was told so."""
        over = time.thread_time() > self.deadline
        self.cut = self.cut or over
        return over

    def value(self, x: Array) -> float:
        """Return f(x).

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        float
        """
        return self.instance.value(x)

    def gradient(self, x: Array) -> Array:
        """Return grad f(x).

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        array of shape (d,)
        """
        return self.instance.gradient(x)

    def once(self, name: Any, search: Callable[[], Any]) -> Any:
        """Do a search, or recall what it found: two attacks on one constant look at the same points.

        Parameters
        ----------
        name : object
            Of the search; anything that can be a key of a dict.
        search : callable
            ``search()``, called the first time.

        Returns
        -------
        object
            What `search` answered.
        """
        if name not in self._kept:
            self._kept[name] = search()
        return self._kept[name]

    def coordinates(self, count: int) -> NDArray[np.int64]:
        """Choose some coordinates, evenly spaced.

        Parameters
        ----------
        count : int
            The most that are chosen.

        Returns
        -------
        vector of int
            Different ones, ascending; the first and the last of x among them if `count` is at least 2.
        """
        return np.unique(np.linspace(0, self.instance.dim - 1, count).astype(np.int64))

    def unit(self) -> Array:
        """Draw a direction.

        Returns
        -------
        array of shape (d,)
            Of length 1.
        """
        v = self._rng.standard_normal(self.instance.dim)
        return v / np.linalg.norm(v)

    def _finite(self, x: Array) -> bool:
        ends = np.isfinite(self.value(x))
        return bool(ends and (not self.has_gradient or np.isfinite(np.linalg.norm(self.gradient(x)))))

    @cached_property
    @_quietly
    def points(self) -> list[Array]:
        """x0, x_star, and points near and far in random directions and along coordinate axes.

        Raises
        ------
        ZobenchError
            If f or its gradient is not finite at x0.
        """
        found = [np.array(self.instance.x0)]
        if self.instance.x_star is not None:
            found.append(np.array(self.instance.x_star))
        for distance in DISTANCES:
            if self.late:
                break
            axis = np.zeros(self.instance.dim)
            axis[self._rng.integers(axis.size)] = self._rng.choice([-1.0, 1.0])
            found += [self.middle + distance * self.scale * v for v in (self.unit(), self.unit(), axis)]
        if not self._finite(found[0]):
            name = self.instance.problem.name
            raise ZobenchError(f"problem {name!r}: f and its gradient must be finite at x0, got no number")
        return [x for x in found if self._finite(x)]

    @cached_property
    @_quietly
    def steepest(self) -> float:
        """The median gradient norm of the points: what counts as a large gradient here."""
        return float(np.median([np.linalg.norm(self.gradient(x)) for x in self.points]))

    # --- curvature -----------------------------------------------------------------------------

    def _secant(self, x: Array, v: Array, reach: float) -> tuple[Array, Array, float, float]:
        """Give (dg, dx, largest gradient norm, noise of a quotient) of the secant through x along v."""
        plus, minus = x + reach * v, x - reach * v
        up, down = self.gradient(plus), self.gradient(minus)
        slope = float(max(np.linalg.norm(up), np.linalg.norm(down)))
        return up - down, plus - minus, slope, 1e-14 * slope / reach

    def _curvature(self, x: Array, v: Array, reach: float) -> Array:
        """Give the Hessian times the unit vector v."""
        return self._secant(x, v, reach)[0] / (2 * reach)

    def _directions(
        self, x: Array, reach: float, guess: Array | None, full: int = FULL
    ) -> tuple[Array, Array]:
        """Give approximate eigenvectors of the smallest and of the largest eigenvalue."""
        dim = x.size
        if dim <= full:
            hessian = np.array([self._curvature(x, v, reach) for v in np.eye(dim)])
            vectors = np.linalg.eigh((hessian + hessian.T) / 2)[1]
            return vectors[:, 0], vectors[:, -1]
        basis = [self.unit() if guess is None else guess / np.linalg.norm(guess)]
        diagonal, off = [], []
        for _ in range(KRYLOV if guess is None else KRYLOV_GUESSED):
            w = self._curvature(x, basis[-1], reach)
            diagonal.append(float(w @ basis[-1]))
            for _ in range(2):
                w = w - np.array(basis).T @ (np.array(basis) @ w)
            off.append(float(np.linalg.norm(w)))
            if off[-1] <= 1e-10 * max(map(abs, diagonal)) or self.late:
                break
            basis.append(w / off[-1])
        size = len(diagonal)
        small = np.diag(diagonal) + np.diag(off[: size - 1], 1) + np.diag(off[: size - 1], -1)
        vectors = np.array(basis[:size]).T @ np.linalg.eigh(small)[1]
        return vectors[:, 0] / np.linalg.norm(vectors[:, 0]), vectors[:, -1] / np.linalg.norm(vectors[:, -1])

    @_quietly
    def survey(self, x: Array, guess: Array | None = None, full: int = FULL) -> Survey | None:
        """Measure the curvature at x; None where something is not finite.

        Parameters
        ----------
        x : array of shape (d,)
        guess : array of shape (d,), optional
            Where Lanczos' method begins; a random direction if not given.
        full : int
            Up to this dimension the Hessian is measured in full.

        Returns
        -------
        Survey or None
        """
        # far out a short way would drown in the rounding of x
        reach = self.reach * max(1.0, 1e-2 * float(np.linalg.norm(x - self.middle)) / self.scale)
        if not self._finite(x):
            return None
        directions = self._directions(x, reach, guess, full)
        quotients, norms, slopes, noises = [], [], [float(np.linalg.norm(self.gradient(x)))], []
        for v in directions:
            dg, dx, slope, noise = self._secant(x, v, reach)
            quotients.append(float(dg @ dx) / float(dx @ dx))
            norms.append(float(np.linalg.norm(dg) / np.linalg.norm(dx)))
            slopes.append(slope)
            noises.append(noise + 1e-14 * norms[-1] * float(np.linalg.norm(x)) / reach)
        # squares of numbers so small have lost their digits
        if not np.all(np.isfinite([*norms, *slopes])) or 0.0 < max(norms) < 1e-140:
            return None
        return Survey(x, max(slopes), min(quotients), max(quotients), max(norms), max(noises), *directions)

    def _climb(self, survey: Survey, sign: float, rounds: int) -> Iterator[Survey]:
        """Move to where the curvature along its own eigenvector is larger (sign 1) or smaller (sign -1).

        The slope of v^T Hess f(x) v is the third derivative D3 f(x)[v, v], a second difference of gradients.
        """
        step = self.scale
        for _ in range(rounds):
            v = survey.high_direction if sign > 0 else survey.low_direction
            if self.late:
                return
            t = 30 * self.reach
            bend = self.gradient(survey.x + t * v) + self.gradient(survey.x - t * v)
            bend -= 2 * self.gradient(survey.x)
            length = float(np.linalg.norm(bend))
            if not np.isfinite(length) or length / t <= 1e-7 * survey.norm:
                return
            for _ in range(5):
                trial = self.survey(survey.x + sign * step * bend / length, v)
                if trial and _reward(trial, sign) > _reward(survey, sign):
                    break
                step /= 4
            else:
                return
            survey, step = trial, 2 * step
            yield survey

    @cached_property
    def central(self) -> Survey | None:
        """The survey at the middle, more thorough than others."""
        return self.survey(self.middle, full=FULL if self.late else FULL_ONCE)

    @cached_property
    @_quietly
    def surveys(self) -> list[Survey]:
        """Curvatures at all points, and along climbs from the best of them."""
        found = [self.central] if self.central else []
        # where no minimiser is known, curvature may be largest where descents end
        ends = [x for _, x in self._descents] if self.instance.x_star is None else []
        for x in [*self.points, *ends]:
            survey = None if found and self.late else self.survey(x)
            found += [survey] if survey else []
        for sign in (1.0, -1.0):
            ranked = sorted(found, key=lambda survey: -_reward(survey, sign))
            for start in [*ranked[:2], found[0]]:
                found += self._climb(start, sign, 12)
            found += self._climb(max(found, key=lambda survey: _reward(survey, sign)), sign, 60)
        return found

    @_quietly
    def trace(self, x: Array) -> float:
        """Return the trace of the Hessian at x, one coordinate after the other.

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        float
            NaN if the time is over before.
        """
        total, v = 0.0, np.zeros(x.size)
        for i in range(x.size):
            if self.late:
                return np.nan
            v[i] = 1.0
            dg, dx, _, _ = self._secant(x, v, self.reach)
            total += dg[i] / dx[i]
            v[i] = 0.0
        return total

    # --- values --------------------------------------------------------------------------------

    def _descend(self, x: Array, rounds: int = 120) -> tuple[float, Array]:
        """Minimise by gradient steps of Barzilai and Borwein, each shortened until the value falls."""
        f, g = self.value(x), self.gradient(x)
        step = self.scale / (float(np.linalg.norm(g)) or 1.0)
        for _ in range(rounds):
            for _ in range(40):
                trial = x - step * g
                value = self.value(trial)
                if value < f:
                    break
                step /= 4
            else:
                break
            slope = self.gradient(trial)
            moved, turned = trial - x, slope - g
            x, f, g = trial, value, slope
            bent = float(moved @ turned)
            step = float(moved @ moved) / bent if bent > 0 else 4 * step
            if self.late:
                break
        return f, x

    @cached_property
    @_quietly
    def _descents(self) -> list[tuple[float, Array]]:
        """Where descents from five of the points end."""
        if not self.has_gradient:
            return []
        return [self._descend(x) for x in self.points[:: max(1, len(self.points) // 4)]]

    @cached_property
    @_quietly
    def lowest(self) -> tuple[float, Array]:
        """The lowest value met at any point, around x_star, and by descents; and where."""
        count = 1 if self.late else 20
        around = [
            self.middle + self.scale * s * self.unit() for s in (1e-6, 1e-4, 1e-2) for _ in range(count)
        ]
        found = [(self.value(x), x) for x in [*self.points, *around]]
        found += self._descents
        return min((pair for pair in found if np.isfinite(pair[0])), key=lambda pair: pair[0])

    @_quietly
    def weakest_slope(self, f_star: float) -> tuple[float, Array]:
        """Give the smallest |grad f|^2 / (2 (f - f_star)) met, and where, by descent of its logarithm.

        Parameters
        ----------
        f_star : float

        Returns
        -------
        float, array of shape (d,)
            Infinite if no point tells anything.
        """

        def quotient(x: Array) -> float:
            if self.late:
                return np.inf
            value, norm = self.value(x), float(np.linalg.norm(self.gradient(x)))
            gap = value - f_star
            # where rounding of the value could move the quotient by more than the slack, nothing is learnt
            exact = gap > 1e-9 * (abs(value) + abs(f_star)) and np.isfinite(norm)
            return norm**2 / (2 * gap) if exact else np.inf

        # a descent that ends in another local minimum leaves a gap and no slope
        starts = [*self.points, *(x for _, x in self._descents)]
        rays: Any = np.eye(self.instance.dim)[self.coordinates(2)] if self.instance.dim <= 1000 else []
        starts += [self.middle + s * self.scale * ray for ray in rays for s in np.geomspace(1e-3, 10.0, 33)]
        low = self.central
        if low is not None:
            starts += [self.middle + s * self.scale * low.low_direction for s in (-10, -1, -0.1, 0.1, 1, 10)]
        found = sorted(((quotient(x), i) for i, x in enumerate(starts)))
        best = (found[0][0], starts[found[0][1]])
        for _, place in found[:3]:
            best = min(best, self._weaken(quotient, f_star, starts[place]), key=lambda pair: pair[0])
        return best

    def _weaken(
        self, quotient: Callable[[Array], float], f_star: float, x: Array, rounds: int = 40
    ) -> tuple[float, Array]:
        step, now = 0.1 * self.scale, quotient(x)
        for _ in range(rounds):
            g = self.gradient(x)
            norm = float(np.linalg.norm(g))
            gap = self.value(x) - f_star
            if not (np.isfinite(now) and norm > 0) or self.late:
                break
            bent = self._curvature(x, g / norm, self.reach) * norm
            down = g / gap - 2 * bent / norm**2
            length = float(np.linalg.norm(down))
            if not np.isfinite(length) or length == 0.0:
                break
            for _ in range(8):
                trial = x + step * down / length
                then = quotient(trial)
                if then < now:
                    break
                step /= 4
            else:
                break
            x, now, step = trial, then, 2 * step
        return now, x

    # --- the gradient itself -------------------------------------------------------------------

    @_quietly
    def gradient_error(self) -> tuple[float, Array]:
        """Give the worst error of the gradient against differences of the value, relative to its norm.

        Returns
        -------
        float, array of shape (d,)
            The error, 0 where none is certain, and the point where it was met.
        """
        worst, where = 0.0, self.points[0]
        for x in self.points:
            g = self.gradient(x)
            norm = float(np.linalg.norm(g))
            for v in self._test_directions():
                measured, doubt = self._slope(x, v)
                # a difference that its own error estimate does not trust to 1e-4 tells nothing
                if norm > 1e-9 * self.steepest and doubt <= 1e-4 * norm:
                    error = max(0.0, abs(measured - float(g @ v)) - 10 * doubt) / norm
                    if not error <= worst:
                        worst, where = error, x
        return worst, where

    def _test_directions(self) -> list[Array]:
        dim = self.instance.dim
        chosen = range(dim) if dim <= 16 else self._rng.choice(dim, 4, replace=False)
        return [self.unit() for _ in range(4)] + [np.eye(1, dim, int(i))[0] for i in chosen]

    def _slope(self, x: Array, v: Array) -> tuple[float, float]:
        """Give <grad f(x), v> by differences of fourth order, and an estimate of their error."""
        size = self.scale / np.sqrt(self.instance.dim)
        tries = []
        for h in size * np.array([3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5]):
            near = (self.value(x + h * v) - self.value(x - h * v)) / (2 * h)
            far = (self.value(x + 2 * h * v) - self.value(x - 2 * h * v)) / (4 * h)
            tries.append((4 * near - far) / 3)
        spread = np.abs(np.diff(tries))
        if not np.all(np.isfinite(tries)):
            return np.nan, np.inf
        best = int(np.argmin(spread))
        return tries[best + 1], float(spread[best]) + 1e-15 * abs(self.value(x)) / size / 1e-4
