"""Which theorem's bound belongs on a watched run, its values along the run, and the quantity it bounds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError
from zobench.instance import Instance
from zobench.solver import Setting, Solver
from zobench.theorem import Case, Theorem

__all__ = ["QUANTITIES", "Bound", "bounds", "chosen_bound"]

Floats = NDArray[np.float64]


def _mean(numbers: Floats) -> Floats:
    return np.cumsum(numbers) / np.arange(1, numbers.size + 1)


#: What is drawn beside a bound after K steps, K = 1, 2, ..., from gaps and gradient norms at x_0, ..., x_K.
QUANTITIES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "f(x_K) - f_star": lambda gaps, norms: gaps[1:],
    "mean over k of f(x_k) - f_star": lambda gaps, norms: _mean(gaps[:-1]),
    "mean over k of sqrt(f(x_k) - f_star)": lambda gaps, norms: _mean(np.sqrt(np.maximum(gaps[:-1], 0.0))),
    "mean over k of |grad f(x_k)|": lambda gaps, norms: _mean(norms[:-1]),
    "mean over k of |grad f(x_k)|^2": lambda gaps, norms: _mean(norms[:-1] ** 2),
}


@dataclass(frozen=True)
class Bound:
    """A theorem whose assumptions an instance satisfies, for a horizon.

    Attributes
    ----------
    theorem : Theorem
    case : Case
        The instance, the horizon K and the law that it is said of.
    parameters : mapping
        The step rule that it prescribes.

    Examples
    --------
    Four times as many steps, half the bound:

    >>> import zobench
    >>> from zobench.solver import solver
    >>> quadratic = zobench.problem("quadratic", dim=2)
    >>> early, late = (bounds(quadratic, solver("s2p"), budget)[0] for budget in (200, 800))
    >>> early.steps, late.steps
    (100, 400)
    >>> round(float(early.along([100])[0] / late.along([400])[0]), 6)
    2.0
    """

    theorem: Theorem
    case: Case
    parameters: Mapping[str, Any]

    @property
    def steps(self) -> int:
        """K."""
        return self.case.steps

    def along(self, at: Sequence[int] | NDArray[np.int64]) -> Floats:
        """Give the bound after K steps for each K of `at`; NaN where it says nothing.

        A step rule that does not know its horizon is the same run for every K.  Of one that does, the bound
        holds on the way only where the theorem says so (`Theorem.curve`), and else at its own K alone.

        Parameters
        ----------
        at : sequence of int, or vector of int

        Returns
        -------
        vector of the size of `at`
        """
        out = np.full(len(at), np.nan)
        for place, k in enumerate(at):
            k = int(k)
            case = Case(self.case.instance, k, self.case.law, self.case.claim)
            if self.theorem.curve:
                case = self.case
            elif k != self.steps and not self._same_rule(case):
                continue
            try:
                out[place] = self.theorem.bound(case, k)
            except (ZobenchError, ArithmeticError):
                continue
        return out

    def _same_rule(self, case: Case) -> bool:
        try:
            return dict(self.theorem.parameters(case)) == dict(self.parameters)
        except ZobenchError:
            return False


def bounds(instance: Instance, solver: Solver, budget: int, law: str = "") -> list[Bound]:
    """List the theorems of a solver that an instance satisfies and whose quantity can be drawn.

    Parameters
    ----------
    instance : Instance
    solver : Solver
    budget : int
        Queries: the horizon of a bound is the largest number of steps that they pay for.
    law : str
        With it, the theorems that are tried with that direction law; without, each with a law that it is
        tried with.

    Returns
    -------
    list of Bound
        In the order of the solver's theorems.

    Examples
    --------
    >>> import zobench, zobench.solver
    >>> quadratic = zobench.problem("quadratic", dim=2)
    >>> found = bounds(quadratic, zobench.solver.solver("s2p"), 100)
    >>> found[0].theorem.name, found[0].steps
    ('s2p-smooth-stationary', 50)
    """
    found = []
    for theorem in solver.theorems:
        if theorem.kind != "<=" or theorem.measured is None or theorem.weights is not None:
            continue
        if theorem.quantity not in QUANTITIES or theorem.missing(instance):
            continue
        laws = list(dict.fromkeys(cell.law for cell in theorem.cells if not cell.solver))
        if not laws or (law and law not in laws):
            continue
        if "grad" in theorem.quantity and instance.problem.gradient is None:
            continue
        try:
            tried = law or laws[0]
            steps = _horizon(theorem, instance, budget, tried)
            case = Case(instance, steps, tried)
            bound = Bound(theorem, case, theorem.parameters(case))
            if steps and np.isfinite(theorem.bound(case, steps)):
                found.append(bound)
        except (ZobenchError, ArithmeticError, ValueError):
            continue  # not about this law, or too few steps
    return found


def _horizon(theorem: Theorem, instance: Instance, budget: int, law: str) -> int:
    """Give the largest K that the budget pays for; 0 if it pays for none."""
    steps = budget // max(1, theorem.queries_per_step)
    while steps > 0 and theorem.budget(Case(instance, steps, law)) > budget:
        steps -= 1
    return steps


def chosen_bound(
    instance: Instance, solver: Solver, given: Mapping[str, Any], budget: int, wanted: str
) -> tuple[Bound | None, dict[str, Any], str]:
    """Choose the bound to draw and the parameters to run with.

    Parameters
    ----------
    instance : Instance
    solver : Solver
    given : mapping
        Parameters as the user chose them.
    budget : int
    wanted : str
        A theorem's name; "none"; or empty for the first that fits.

    Returns
    -------
    tuple of Bound or None, dict, str
        The bound, the parameters, and one sentence about both.

    Raises
    ------
    ZobenchError
        If the theorem that is asked for says nothing of this run.

    Examples
    --------
    >>> import zobench
    >>> from zobench.solver import solver
    >>> quadratic = zobench.problem("quadratic", dim=2)
    >>> bound, parameters, said = chosen_bound(quadratic, solver("s2p"), {}, 100, "")
    >>> bound.theorem.name, parameters["rule"], parameters["steps"]
    ('s2p-smooth-stationary', 'stationary', 50)
    >>> chosen_bound(quadratic, solver("nelder-mead"), {}, 100, "")
    (None, {}, "No bound: solver 'nelder-mead' has no theorem.")
    """
    chosen = solver.choose(given)
    if wanted == "none":
        return None, dict(given), "No bound was asked for."
    found = bounds(instance, solver, budget, getattr(chosen, "law", "") if given else "")
    if wanted:
        found = [_named(found, wanted, instance, solver)]
    setting = Setting(instance.dim, budget, instance.certificates, instance.varies, instance.manifold)
    own = None if given or not found else found[0]
    for bound in found:
        if _equal(solver, given, bound.parameters, setting):
            said = f"The step rule is the one that theorem {bound.theorem.name!r} prescribes."
            return bound, dict(given), said
    if wanted and given:
        rule = _spelled(found[0].parameters)
        raise ZobenchError(
            f"watch: theorem {wanted!r} prescribes {solver.name}:{rule}; "
            "leave the parameters of -s out, or give these"
        )
    if own is not None:
        rule = _spelled(own.parameters)
        said = (
            f"Step rule of theorem {own.theorem.name!r} ({rule}); --theorem none runs the published defaults."
        )
        return own, dict(own.parameters), said
    return None, dict(given), _why_none(found, instance, solver)


def _named(found: list[Bound], wanted: str, instance: Instance, solver: Solver) -> Bound:
    from zobench.theorem import find_theorem

    for bound in found:
        if bound.theorem.name == wanted:
            return bound
    theorem, owner = find_theorem(wanted)
    why = theorem.missing(instance)
    if owner.name != solver.name:
        why = f"theorem {wanted!r} is about solver {owner.name!r}, got {solver.name!r}"
    elif not why:
        why = f"theorem {wanted!r} bounds {theorem.quantity!r}, of which one run shows nothing"
    raise ZobenchError(f"watch: {why}; choose another --theorem, or none")


def _equal(solver: Solver, given: Mapping[str, Any], prescribed: Mapping[str, Any], setting: Setting) -> bool:
    """Say whether two choices of parameters come to the same run."""
    try:
        mine = solver.settled(solver.choose(given), setting)
        theirs = solver.settled(solver.choose(prescribed), setting)
    except ZobenchError:
        return False
    return bool(mine == theirs)


def _spelled(parameters: Mapping[str, Any]) -> str:
    return ",".join(
        f"{name}={value!r}" if isinstance(value, float) else f"{name}={value}"
        for name, value in parameters.items()
    )


def _why_none(found: list[Bound], instance: Instance, solver: Solver) -> str:
    if found:
        rule = _spelled(found[0].parameters)
        return (
            f"No bound: theorem {found[0].theorem.name!r} holds here for {solver.name}:{rule}, "
            "and other parameters were chosen."
        )
    if not solver.theorems:
        return f"No bound: solver {solver.name!r} has no theorem."
    why = next((missing for theorem in solver.theorems if (missing := theorem.missing(instance))), "")
    return f"No bound: {why or 'no theorem of the solver bounds what one run shows'}."
