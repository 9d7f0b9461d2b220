"""A convergence theorem as an executable object: assumptions, step rule, bound, and what it measures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.directions import LawConstants, constants
from zobench.errors import ZobenchError, unknown
from zobench.instance import Instance
from zobench.registry import catalogue
from zobench.trace import Trace

__all__ = ["Case", "Cell", "Theorem", "find_theorem", "theorems"]


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
    """

    instance: Instance
    steps: int
    law: str

    @property
    def dim(self) -> int:
        """The dimension d."""
        return self.instance.dim

    def constant(self, name: str) -> float:
        """Return a certified constant of the instance."""
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
        """D0 = f(x0) - f_star, or an upper bound of it where only a lower bound of f is certified."""
        floor = self.instance.certificates.floor
        if floor is None:
            raise ZobenchError("a certificate of 'f_star' or 'f_lower' is needed, got neither")
        return self.instance.value(self.instance.x0) - floor


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
    """

    problem: str
    dim: int | None
    steps: int
    parameters: tuple[tuple[str, Any], ...] = ()
    law: str = "gaussian"
    tight: bool = False
    quick: bool = False


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
    measured : callable
        ``measured(trace, case) -> float``: the left-hand side of one run, the functional of the theorem
        itself (average over k inside the run; the seeds are averaged by the protocol).
    quantity : str
        What is measured, for tables and axes.
    queries_per_step : int
    cells : tuple of Cell
        Where ``zobench verify`` tries it.
    right : callable or None
        For an identity: ``right(trace, case) -> float``, the right-hand side of one run, equal in expectation
        to the left-hand one; `bound` then gives its level for tables.  None for an inequality.
    weights : callable or None
        ``weights(case) -> vector of size steps``: weight of step k in the trace's means; None: all equal.
    curve : str
        Name of the trace's column that `bound` bounds at every prefix, or empty.
    slopes : tuple of (str, float)
        Exponents of the bound in K, d, eps.
    """

    name: str
    statement: str
    proof: str
    source: str
    assumes: tuple[str, ...]
    parameters: Callable[[Case], dict[str, Any]]
    budget: Callable[[Case], int]
    bound: Callable[[Case, int], float]
    measured: Callable[[Trace, Case], float]
    quantity: str
    queries_per_step: int
    cells: tuple[Cell, ...]
    right: Callable[[Trace, Case], float] | None = None
    weights: Callable[[Case], NDArray[np.float64]] | None = None
    curve: str = ""
    slopes: tuple[tuple[str, float], ...] = ()

    def missing(self, instance: Instance) -> str:
        """Say which assumption an instance lacks; empty if it satisfies the theorem."""
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
        if instance.noise is not None:
            return f"theorem {self.name!r} is about exact values, and queries are answered with noise"
        return ""


def theorems() -> dict[str, tuple[Theorem, Any]]:
    """Give every theorem with its solver, by name."""
    found = {
        theorem.name: (theorem, solver)
        for solver in catalogue("solvers").values()
        for theorem in solver.theorems
    }
    return dict(sorted(found.items()))


def find_theorem(name: str) -> tuple[Theorem, Any]:
    """Give the theorem of that name and its solver, or complain with the nearest valid name."""
    known = theorems()
    if name not in known:
        raise unknown("theorem", name, known)
    return known[name]
