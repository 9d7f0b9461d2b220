"""Exercises of tutorial 8: a solver, a problem and a theorem of one's own."""

from typing import Any

import numpy as np

from zobench.exercises.exercise import Exercise, number

__all__ = ["EXERCISES"]

#: Queries that an own solver gets on f(x) = |x|^2 / 2 in dimension 5, from f = 2.5.
BUDGET = 2000


def _solver(solver: Any) -> str:
    """Judge a `zobench.solver.Solver`: it obeys budgets, comes down, and does the same thing twice."""
    from zobench.interfaces.optimize import minimize
    from zobench.solver import Solver

    if not isinstance(solver, Solver):
        return f"the answer is a zobench.solver.Solver, got {type(solver).__name__}."
    calls = 0

    def f(x: Any) -> float:
        nonlocal calls
        calls += 1
        return 0.5 * float(np.sum(x**2))

    for budget in (1, 2, 3, 7):
        calls = 0
        minimize(f, np.ones(5), solver=solver, budget=budget, seed=1)
        if calls > budget:
            return f"with a budget of {budget} it asked {calls} times."
    results = [minimize(f, np.ones(5), solver=solver, budget=BUDGET, seed=1) for _ in range(2)]
    if not np.array_equal(results[0].x, results[1].x):
        return "the same seed must give the same run: draw from `stream`, never from a global generator."
    if not results[0].fun < 0.25:
        return f"after {BUDGET} queries f must have come from 2.5 below 0.25, got {results[0].fun:.4g}."
    return ""


def _problem(problem: Any) -> str:
    """Judge a `zobench.instance.Problem` that certifies L, by attacking it."""
    from zobench.attacks.certify import attack
    from zobench.instance import Problem

    if not isinstance(problem, Problem):
        return f"the answer is a zobench.instance.Problem, got {type(problem).__name__}."
    instance = problem.instance(dim=3)
    if "L" not in instance.certificates:
        return "it must certify L: Certificate('L', value, proof) among what make returns."
    for found in attack(instance):
        if not found.ok:
            return f"its certificate {found}."
    return ""


EXERCISES = (
    Exercise(
        "log-cosh-constant",
        "f(x) = a_1 log cosh x_1 + a_2 log cosh x_2 + a_3 log cosh x_3 with a = (1, 2, 3). Which is its "
        "smallest L?",
        number(
            3.0,
            {
                6.0: "the Hessian is diagonal: its norm is the largest entry, not the sum.",
                2.0: "the norm of the Hessian is its largest eigenvalue.",
            },
        ),
        "the Hessian is diagonal with entries a_i / cosh(x_i)^2 <= a_i, and at 0 they are met.",
    ),
    Exercise(
        "own-solver",
        "Write a Solver of your own, any method. It must obey its budget, repeat itself bit for bit, and "
        "reduce "
        "|x|^2 / 2 in dimension 5 to a tenth within 2000 queries.",
        _solver,
        "it obeys every budget, repeats itself and comes down. `zobench check your_file.py` tries thirty "
        "things more.",
    ),
    Exercise(
        "own-problem",
        "Write a Problem of your own that certifies L. It will be attacked.",
        _problem,
        "every certificate has withstood the attack, which proves nothing but is a good sign.",
    ),
)
