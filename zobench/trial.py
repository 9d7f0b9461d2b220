"""One seed of one cell: the runs from which a theorem's two sides are measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.driver import Run
from zobench.errors import ZobenchError
from zobench.execute import key_of, run_key
from zobench.instance import Instance, problem
from zobench.objective import objective_of
from zobench.solver import Setting, Solver
from zobench.stream import generator
from zobench.theorem import Case, Theorem
from zobench.trace import Trace

__all__ = ["Trial", "advanced", "along", "outside_bracket"]


@dataclass(frozen=True)
class Trial:
    """One seed of one cell, and what may be run there.

    Attributes
    ----------
    theorem : Theorem
    method : Solver
        The theorem's own solver, another one that the cell names, or a mutant.
    case : Case
    parameters : mapping
        The method's parameters that the theorem, or the cell, prescribes.
    seed : int

    Examples
    --------
    >>> def sides(trial):
    ...     return trial.case.constant("L"), 1.0
    """

    theorem: Theorem
    method: Solver
    case: Case
    parameters: Mapping[str, Any]
    seed: int

    def trace(self) -> Trace:
        """Do the run that the theorem prescribes, observed.

        Returns
        -------
        Trace

        Raises
        ------
        ZobenchError
            If the method took more or fewer steps than the case has.
        """
        theorem, case = self.theorem, self.case
        budget, weights = theorem.budget(case), None
        if theorem.weights is not None:
            weights = np.zeros(budget)  # no step lies beyond the budget
            weights[: case.steps] = theorem.weights(case)
        key = self._key(case.instance, budget)
        trace = run_key(key, made=case.instance, method=self.method, weights=weights)
        if trace.steps != case.steps:
            raise ZobenchError(
                f"theorem {theorem.name!r} prescribes {case.steps} steps, "
                f"solver {self.method.name!r} took {trace.steps}"
            )
        return trace

    def start(
        self,
        *,
        instance: Instance | None = None,
        function: Any = None,
        parameters: Mapping[str, Any] | None = None,
        budget: int | None = None,
        again: int = 0,
    ) -> Run:
        """Give a run that the theorem drives itself: it is not observed and not kept in a store.

        Parameters
        ----------
        instance : Instance, optional
            In place of the case's own.
        function : callable, optional
            Minimised in place of the instance's objective, from the same start with the same directions.
        parameters : mapping, optional
            In place of the prescribed ones.
        budget : int, optional
            In place of the theorem's own.
        again : int
            Other numbers give other random directions.

        Returns
        -------
        Run
            With nothing done yet: ``run.advance(steps)`` drives it.
        """
        made = instance or self.case.instance
        budget = budget or self.theorem.budget(self.case)
        chosen = self.method.choose(self.parameters if parameters is None else parameters)
        setting = Setting(made.dim, budget, made.certificates, made.varies, made.manifold)
        stream_key = self._key(made, budget).stream_key() + (f"|{again}" if again else "")
        return Run(
            objective_of(made if function is None else function, made.dim),
            self.method,
            self.method.settled(chosen, setting),
            made.x0,
            budget,
            stream_key,
            made.certificates,
            rows=1,
            manifold=made.manifold,
        )

    def other(self, name: str, **parameters: Any) -> Instance:
        """Make an instance of another problem, or of the same one with other parameters.

        Parameters
        ----------
        name : str
            Of a registered problem.
        **parameters
            Its parameters, with dim and seed; as for `zobench.problem`.

        Returns
        -------
        Instance

        Raises
        ------
        ZobenchError
            With every fault of the request.
        """
        return problem(name, **parameters)

    def generator(self, purpose: str) -> np.random.Generator:
        """Give random numbers of this instance and seed, for a theorem that draws points of its own.

        Parameters
        ----------
        purpose : str
            Generators of different purposes are independent.

        Returns
        -------
        numpy.random.Generator
        """
        return generator(f"{self.case.instance.name}|{self.seed}", purpose)

    def _key(self, instance: Instance, budget: int) -> Any:
        return key_of(
            instance,
            self.method,
            budget=budget,
            seed=self.seed,
            parameters=self.parameters,
            observed=True,
        )

    def sides(self) -> tuple[float, float, Trace | None]:
        """Measure the two sides; answer them with the trace, if it was a plain run.

        Returns
        -------
        float, float, Trace or None
            Left side, right side, and None where the theorem has `sides` of its own.
        """
        theorem, case = self.theorem, self.case
        if theorem.sides is not None:
            with np.errstate(all="ignore"):  # a run that diverges counts as infinite
                return *theorem.sides(self), None
        assert theorem.measured is not None
        trace = self.trace()
        right = theorem.right(trace, case) if theorem.right else theorem.bound(case, case.steps)
        return theorem.measured(trace, case), right, trace


def along(run: Run, steps: int) -> NDArray[np.float64]:
    """Drive a run and give its iterates x_0, ..., x_K: an array of shape (steps + 1, d).

    Parameters
    ----------
    run : Run
    steps : int
        K.

    Returns
    -------
    array of shape (steps + 1, d)

    Raises
    ------
    ZobenchError
        If the run ends before.

    Examples
    --------
    >>> def sides(trial):
    ...     first, *_, last = along(trial.start(), 10)
    """
    points = [run.x.copy()]
    for _ in range(steps):
        taken = int(run.watch["k"][0])
        run.advance(1)
        if int(run.watch["k"][0]) != taken + 1:
            raise ZobenchError(f"{steps} steps were to be driven, and the run ended after {taken}")
        points.append(run.x.copy())
    return np.array(points)


def advanced(run: Run, steps: int) -> Any:
    """Take steps and give the iterates, the first included.

    Parameters
    ----------
    run : Run
    steps : int

    Returns
    -------
    array of shape (steps + 1, d)

    Examples
    --------
    >>> def sides(trial):
    ...     points = advanced(trial.start(), 10)
    """
    points = [run.x.copy()]
    for _ in range(steps):
        run.advance(1)
        points.append(run.x.copy())
    return points


def outside_bracket(trial: Trial) -> tuple[float, float]:
    """Give how far the Hessian leaves its bracket, on a plane through x0 and 0; 1 where it does not.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    float, float
        The distance, and 1.

    Examples
    --------
    >>> def sides(trial):
    ...     return outside_bracket(trial)
    """
    instance, L = trial.case.instance, trial.case.constant("L")
    lowest = trial.case.constant("mu") if "mu" in instance.certificates else -L
    x0, x1 = advanced(trial.start(), 1)
    away = (x1 - x0) / max(np.sqrt(np.sum((x1 - x0) ** 2)), 1e-300)
    worst, step = 1.0, 1e-5
    for t in np.linspace(-1.5, 1.5, trial.case.steps):
        for u in (-1.0, 0.0, 1.0):
            x = t * x0 + u * away
            rows = [
                instance.gradient(x + step * axis) - instance.gradient(x - step * axis)
                for axis in np.eye(x.size)
            ]
            eigenvalues = np.linalg.eigvalsh((np.array(rows) + np.array(rows).T) / (4.0 * step))
            worst = max(worst, eigenvalues[-1] / L, (L - eigenvalues[0]) / (L - lowest))
    return (float(worst) if worst > 1.0 + 1e-6 else 1.0), 1.0  # the differences err by less
