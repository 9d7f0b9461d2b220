"""Exercises of tutorial 8: a solver, a problem and a theorem of one's own."""

from typing import Any

import numpy as np

from zobench.exercises.answers import call, plain_number
from zobench.exercises.exercise import Exercise, number

__all__ = ["EXERCISES"]

#: Queries that an own solver gets on f(x) = |x|^2 / 2 in dimension 5, from f = 2.5.
BUDGET = 2000

#: Where the bowl is moved to, for solvers that know the origin by heart.
ELSEWHERE = np.array([0.3, -0.7, 1.9, 2.2, -0.4])

#: Dimension, condition and steps of the quadratics that an own theorem is tried on.
TRIED = ((40, 1.0, 80), (20, 5.0, 60))


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

    def moved(x: Any) -> float:
        return 0.5 * float(np.sum((x - ELSEWHERE) ** 2))

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
    elsewhere = minimize(moved, np.ones(5), solver=solver, budget=BUDGET, seed=1)
    if not elsewhere.fun < 0.1 * moved(np.ones(5)):
        return f"with its minimiser at {ELSEWHERE} this bowl stays at {elsewhere.fun:.4g}: ask f the way."
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


def _theorem(theorem: Any) -> str:
    """Judge a `zobench.theorem.Theorem` about x+ = x - h gamma s with h = 1/(2 L (d + 2)), by running it."""
    from zobench.instance import problem
    from zobench.registry import find
    from zobench.theorem import Case, Cell, Theorem
    from zobench.verdict.judgement import judge as tried

    if not isinstance(theorem, Theorem):
        return f"the answer is a zobench.theorem.Theorem, got {type(theorem).__name__}."
    for dim, condition, steps in TRIED:
        case = Case(problem("quadratic", dim, condition=condition), steps, "gaussian")
        lacks = theorem.missing(case.instance)
        if lacks:
            return f"it does not hold where `linear` does: {lacks}."
        rate = case.constant("PL") / (case.constant("L") * (dim + 2))
        given = call(theorem.parameters, "parameters(case)", case)
        wanted = 0.5 / (case.constant("L") * (dim + 2))
        if not np.isclose(given.get("step_size", np.nan), wanted):
            got = given.get("step_size", "none")
            return f"for L = {case.constant('L'):g} and d = {dim} step_size must be {wanted:g}, got {got}."
        bound = plain_number(call(theorem.bound, "bound(case, steps)", case, steps), "the bound")
        claimed = bound / (case.gap * (1.0 - 0.75 * rate) ** steps)
        if claimed > 1.0 + 1e-6:
            return (
                f"true, but too weak: for d = {dim} and {steps} steps the proof gives {1.0 / claimed:.3g} "
                "times that. With h = c / (L (d+2)) a step multiplies f - f_star by "
                "1 - (2c - c^2) mu / (L (d+2))."
            )
        if claimed < 1.0 - 1e-6:
            cell = Cell("quadratic", dim, steps, (("condition", condition),))
            found = tried(theorem, find("solvers", "mezo"), cell)
            return (
                f"that is more than the proof gives. Run for d = {dim} and {steps} steps: measured / bound = "
                f"{found.ratio:.3g}, {found.verdict}."
            )
    found = tried(theorem, find("solvers", "mezo"), Cell("quadratic", 40, 80, tight=True))
    if found.ratio < 0.5:
        return (
            f"f(x_K) - f_star is about 0.9 times the bound; what `measured` gives is {found.ratio:.3g} times."
        )
    return "" if found.verdict != "refuted" else f"it is refuted: measured / bound = {found.ratio:.3g}."


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
            "write the Hessian down: it is diagonal with entries a_i / cosh(x_i)^2.",
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
    Exercise(
        "own-theorem",
        "Write a Theorem like `linear` with half the step, h = 1/(2 L (d+2)), and the bound that the same "
        "proof gives. It is run.",
        _theorem,
        "f - h t^2 + L h^2 t^2 |s|^2/2 with h = 1/(2 L (d+2)) takes 3/4 of what the full step takes, and 40 "
        "runs of 80 steps do not refute it.",
    ),
)
