"""A convergence theorem as an executable object: assumptions, step rule, bound, and what it measures."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zobench.directions import LawConstants, constants
from zobench.errors import ZobenchError, unknown
from zobench.instance import Instance
from zobench.registry import catalogue, find
from zobench.trace import Trace

if TYPE_CHECKING:
    from zobench.trial import Trial

__all__ = ["RELATIONS", "Case", "Cell", "Theorem", "find_theorem", "theorems"]

#: K(eps) is not looked for beyond.
MOST_STEPS = 2**24
#: What a theorem claims of its two sides, and what is said of it.
RELATIONS = {
    "<=": "a bound, E[left] <= right",
    "paired": "a bound measured in the same run, E[left] <= E[right]",
    "=": "an identity, E[left] = E[right]",
    "exact": "a property, left = right in every run",
}


@dataclass(frozen=True)
class Case:
    """One instance for one horizon: everything that a step rule and a bound may use.

    Attributes
    ----------
    instance : Instance
    steps : int
        K, the number of steps.
    law : str
        Direction law of the solver's parameters in force.
    claim : str
        Which of the theorem's claims, where it makes several.

    Examples
    --------
    >>> import zobench
    >>> case = Case(zobench.problem("quadratic", dim=4, condition=10), 100, "gaussian")
    >>> case.constant("L"), case.dim
    (1.0, 4)
    """

    instance: Instance
    steps: int
    law: str
    claim: str = ""

    @property
    def dim(self) -> int:
        """The dimension d."""
        return self.instance.dim

    def constant(self, name: str) -> float:
        """Return a certified constant of the instance.

        Parameters
        ----------
        name : str
            A key of `zobench.certificate.CONSTANTS`.

        Returns
        -------
        float

        Raises
        ------
        ZobenchError
            If it is not certified.
        """
        return self.instance.certificates.value(name)

    @property
    def directions(self) -> LawConstants:
        """The constants m1, m2 of the direction law."""
        return constants(self.law, self.dim)

    @property
    def modes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eigenvalues of a quadratic's Hessian, and the coordinates of x0 - x_star along the eigenvectors.

        Raises
        ------
        ZobenchError
            If the instance is not known to be a quadratic with a minimiser.
        """
        instance, x_star = self.instance, self.instance.x_star
        if x_star is None or "trace" not in instance.certificates:
            raise ZobenchError(
                f"a quadratic with a known minimiser is needed, got problem {instance.problem.name!r}"
            )
        # the gradient is affine: its differences along the axes are the rows of the Hessian
        rows = [instance.gradient(x_star + axis) - instance.gradient(x_star) for axis in np.eye(self.dim)]
        eigenvalues, vectors = np.linalg.eigh(0.5 * (np.array(rows) + np.array(rows).T))
        return eigenvalues, (instance.x0 - x_star) @ vectors

    @property
    def gap(self) -> float:
        """D0 = f(x0) - f_star, or an upper bound of it where only a lower bound of f is certified.

        Raises
        ------
        ZobenchError
            If neither f_star nor f_lower is certified.
        """
        floor = self.instance.certificates.floor
        if floor is None:
            raise ZobenchError("a certificate of 'f_star' or 'f_lower' is needed, got neither")
        return self.instance.value(self.instance.x0) - floor

    @property
    def distance(self) -> float:
        """R = |x0 - x_star|, or the certified R0 where no minimiser is known.

        Raises
        ------
        ZobenchError
            If there is neither.
        """
        x_star = self.instance.x_star
        if x_star is None:
            return self.constant("R0")
        return float(np.sqrt(np.sum((self.instance.x0 - x_star) ** 2)))


@dataclass(frozen=True)
class Cell:
    """Where a theorem is tried: a problem with its parameters, a dimension, a horizon, a law.

    Attributes
    ----------
    problem : str
    dim : int or None
    steps : int
        K.
    parameters : tuple of (str, value)
        Of the problem.
    law : str
    tight : bool
        Whether measured / bound tends to 1 here, so that constants and not only exponents are tested.
    quick : bool
        Whether ``zobench verify --quick`` has it.
    claim : str
        Which of the theorem's claims, where it makes several.
    solver : str
        A registered solver to try in place of the theorem's own: for claims about every method.
    settings : tuple of (str, value)
        That solver's parameters.

    Examples
    --------
    >>> Cell("quadratic", 20, 60, (("condition", 5.0),), quick=True).law
    'gaussian'
    """

    problem: str
    dim: int | None
    steps: int
    parameters: tuple[tuple[str, Any], ...] = ()
    law: str = "gaussian"
    tight: bool = False
    quick: bool = False
    claim: str = ""
    solver: str = ""
    settings: tuple[tuple[str, Any], ...] = ()

    def method(self, own: Any) -> Any:
        """Give the solver that is tried here: the theorem's own, unless the cell names another.

        Parameters
        ----------
        own : Solver

        Returns
        -------
        Solver

        Raises
        ------
        ZobenchError
            If the cell names a solver that there is not.
        """
        return find("solvers", self.solver) if self.solver else own


@dataclass(frozen=True)
class Theorem:
    """One row of the theory, in its solver's file.

    Attributes
    ----------
    name : str
        The row's fixed id.
    statement : str
        As text, with the formula.
    proof : str
        A sketch in a few sentences.
    source : str
        Paper and theorem number, or that it is derived here.
    assumes : tuple of str
        Constants that the instance must certify; "f_star" is met by "f_lower", which only loosens the bound.
    parameters : callable
        ``parameters(case) -> dict``: the solver's parameters that the theorem prescribes.
    budget : callable
        ``budget(case) -> int``: queries of exactly `steps` steps.
    bound : callable
        ``bound(case, steps) -> float``: the right-hand side for the first `steps` of the case's steps.
    quantity : str
        What is measured, for tables and axes.
    queries_per_step : int
    cells : tuple of Cell
        Where ``zobench verify`` tries it.
    measured : callable or None
        ``measured(trace, case) -> float``: the left-hand side of one run, the functional of the theorem
        itself (average over k inside the run; the seeds are averaged by the protocol).  None with `sides`.
    right : callable or None
        ``right(trace, case) -> float``: the right-hand side of one run, where it is not the number `bound`,
        which then gives its level for tables.
    sides : callable or None
        ``sides(trial) -> (left, right)`` of one seed, for a theorem that one plain run does not measure: it
        looks at every step, changes the instance, or compares runs (`zobench.trial.Trial`).
    relation : {"<=", "paired", "=", "exact"}
        What is claimed of the two sides (`RELATIONS`); if not given, "=" with `right` and "<=" without.
    requires : callable or None
        ``requires(instance) -> str``: what an instance lacks besides certificates; empty if nothing.
    least_dim : int
        The smallest dimension that it can be measured in.
    noise : bool
        Whether queries may answer with noise or samples; `requires` then looks at ``instance.noise.facts``
        and at the certificate of "variance".
    complexity : str
        K(eps) as a formula, or "none: " and why there is none; `steps_to` gives it as a number.
    horizon : callable or None
        ``horizon(case, eps) -> float``: K(eps) by that formula, where it is closed.
    power : float
        What the bound is compared with is eps to this power: 2 where eps bounds a norm and the theorem is
        about its square.
    weights : callable or None
        ``weights(case) -> vector of size steps``: weight of step k in the trace's means; None: all equal.
    curve : str
        Name of the trace's column that `bound` bounds at every prefix, or empty.
    slopes : tuple of (str, float)
        Exponents of the bound in K, d, eps.
    pitfall : str
        What makes a check of it pass wrongly, or fail wrongly.

    Examples
    --------
    >>> theorem, solver = find_theorem("s2p-smooth-stationary")
    >>> theorem.assumes, theorem.queries_per_step
    (('L', 'f_star'), 2)
    """

    name: str
    statement: str
    proof: str
    source: str
    assumes: tuple[str, ...]
    parameters: Callable[[Case], dict[str, Any]]
    budget: Callable[[Case], int]
    bound: Callable[[Case, int], float]
    quantity: str
    queries_per_step: int
    cells: tuple[Cell, ...]
    measured: Callable[[Trace, Case], float] | None = None
    right: Callable[[Trace, Case], float] | None = None
    sides: "Callable[[Trial], tuple[float, float]] | None" = None
    relation: str = ""
    requires: Callable[[Instance], str] | None = None
    least_dim: int = 1
    noise: bool = False
    complexity: str = ""
    horizon: Callable[[Case, float], float] | None = None
    power: float = 1.0
    weights: Callable[[Case], NDArray[np.float64]] | None = None
    curve: str = ""
    slopes: tuple[tuple[str, float], ...] = ()
    pitfall: str = ""

    def __post_init__(self) -> None:
        if self.kind not in RELATIONS:
            raise ZobenchError(
                f"theorem {self.name!r}: relation must be one of {', '.join(map(repr, RELATIONS))}, "
                f"got {self.relation!r}"
            )
        if (self.measured is None) == (self.sides is None):
            raise ZobenchError(f"theorem {self.name!r} must have either measured or sides")

    @property
    def kind(self) -> str:
        """The relation in force: a key of `RELATIONS`."""
        return self.relation or ("=" if self.right else "<=")

    @property
    def claims(self) -> str:
        """What it claims of its two sides, in words."""
        return RELATIONS[self.kind]

    def steps_to(self, case: Case, eps: float) -> int:
        """Give K(eps): the least number of steps for which the bound is at most eps to the row's `power`.

        It comes from the bound itself, by bisection, so a closed formula (`horizon`) gives at least as many.

        Parameters
        ----------
        case : Case
            Its own number of steps does not matter.
        eps : float
            Positive.

        Returns
        -------
        int

        Raises
        ------
        ZobenchError
            If the theorem says nothing of eps, or its bound never comes so low.

        Examples
        --------
        >>> import zobench
        >>> theorem, _ = find_theorem("s2p-smooth-stationary")
        >>> case = Case(zobench.problem("quadratic", dim=10), 1, "gaussian")
        >>> theorem.steps_to(case, 0.2), round(theorem.horizon(case, 0.2), 1)
        (3927, 3927.0)
        """
        if self.complexity.startswith("none"):
            raise ZobenchError(f"theorem {self.name!r} has no K(eps): {self.complexity[6:]}")
        if not eps > 0.0:
            raise ZobenchError(f"theorem {self.name!r}: eps must be > 0, got {eps:g}")

        def enough(steps: int) -> bool:
            try:
                return self.bound(replace(case, steps=steps), steps) <= eps**self.power
            except ZobenchError:  # the step rule is not for so few steps
                return False

        most = 1
        while not enough(most):
            if most >= MOST_STEPS:
                raise ZobenchError(f"theorem {self.name!r}: no K below {MOST_STEPS:,} brings eps = {eps:g}")
            most *= 2
        least = most // 2
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (least, middle) if enough(middle) else (middle, most)
        return most

    def missing(self, instance: Instance) -> str:
        """Say which assumption an instance lacks; empty if it satisfies the theorem.

        Parameters
        ----------
        instance : Instance

        Returns
        -------
        str
            The first one that it lacks, in a sentence.
        """
        for constant in self.assumes:
            known = instance.certificates
            if constant not in known and not (constant == "f_star" and known.floor is not None):
                return (
                    f"theorem {self.name!r} assumes a certificate of {constant!r}, "
                    f"which problem {instance.problem.name!r} does not have"
                )
            if constant in ("L0", "L1") and known[constant].definition != "H":
                return (
                    f"theorem {self.name!r} assumes definition H of {constant!r}, and problem "
                    f"{instance.problem.name!r} certifies definition {known[constant].definition}"
                )
        if (instance.varies or instance.noise is not None) and not self.noise:
            what = "noise" if instance.noise is not None else "samples"
            return f"theorem {self.name!r} is about exact values, and queries are answered with {what}"
        if instance.dim < self.least_dim:
            return (
                f"theorem {self.name!r} is measured for d >= {self.least_dim}, "
                f"and problem {instance.problem.name!r} has d = {instance.dim}"
            )
        lacking = self.requires(instance) if self.requires is not None else ""
        if lacking:
            return f"theorem {self.name!r} is not about problem {instance.problem.name!r}: {lacking}"
        return ""


def theorems() -> dict[str, tuple[Theorem, Any]]:
    """Give every theorem with its solver, by name.

    Returns
    -------
    dict of str to (Theorem, Solver)

    Examples
    --------
    >>> len(theorems()) > 50
    True
    """
    found = {
        theorem.name: (theorem, solver)
        for solver in catalogue("solvers").values()
        for theorem in solver.theorems
    }
    return dict(sorted(found.items()))


def find_theorem(name: str) -> tuple[Theorem, Any]:
    """Give the theorem of that name and its solver, or complain with the nearest valid name.

    Parameters
    ----------
    name : str

    Returns
    -------
    Theorem, Solver

    Raises
    ------
    ZobenchError
        If there is none of that name.

    Examples
    --------
    >>> find_theorem("s2p-smooth-stationary")[1].name
    's2p'
    """
    known = theorems()
    if name not in known:
        raise unknown("theorem", name, known)
    return known[name]
