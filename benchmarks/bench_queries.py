"""Exact numbers, the same on every machine: a change of one query is a change of the code.

Lower is better in all of them, as asv wants it: queries and not rates of success, failures and not hits.
What the parameters share is measured once, in `setup_cache`; a process for each of them then reads it.
"""

import math
import statistics
from typing import Any

#: Within which every solver reaches the targets on some of the problems.
BUDGET = 20_000
SEEDS = range(11)
#: Of the relative precision (f - f_star) / (f(x0) - f_star).
TARGETS = (1e-1, 1e-3)
#: Gaps below this are not told apart: rounding of f, 1e-16 of it, would show as a change.
ROUNDING = 1e-10
#: Solvers whose step sizes come from the problem's constants, or that need none.
SOLVERS: dict[str, dict[str, Any]] = {
    "accelerated-random-gradient-free": {},
    "coordinate-differences": {},
    "gld-search": {},
    "mezo": {},
    "nes": {},
    "one-plus-one-es": {},
    "orthogonal-directions": {},
    "random-gradient-free": {},
    "random-search": {},
    "s2p": {"rule": "gamma"},
    "spsa": {},
    "stp": {"rule": "finite-difference"},
    "zo-adamm": {},
}
PROBLEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "quadratic": ("quadratic", {}),
    "quadratic, condition 100": ("quadratic", {"condition": 100.0}),
    "log-cosh": ("log-cosh", {}),
}


def measured(solver: Any, problem: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run every seed; answer first hits of the targets (the budget where there is none) and last gaps."""
    import zobench  # here and not above: most of these processes read a number and need nothing of it

    name, chosen = PROBLEMS[problem]
    instance = zobench.problem(name, **chosen)
    traces = [
        zobench.run(instance, solver, budget=BUDGET, seed=seed, parameters=parameters) for seed in SEEDS
    ]
    first = traces[0]
    hits = {}
    for target in TARGETS:
        (place,) = (i for i, each in enumerate(first.targets) if math.isclose(each, target, rel_tol=1e-5))
        hits[target] = [int(trace.hits[place]) for trace in traces]
    gaps = [(trace.best - trace.reference) / (trace.start - trace.reference) for trace in traces]
    return {"hits": hits, "gap": statistics.median(gaps)}


def queries_to(target: float, found: dict[str, Any]) -> float:
    """Give the median over seeds; a target that was not reached counts as the budget."""
    return float(statistics.median(BUDGET if hit < 0 else hit for hit in found["hits"][target]))


class Queries:
    """Queries to targets, gaps after the budget, and targets not reached, by solver and problem."""

    timeout = 600

    def setup_cache(self) -> dict[tuple[str, str], dict[str, Any]]:
        from zobench.registry import find

        return {
            (solver, problem): measured(find("solvers", solver), problem, parameters)
            for solver, parameters in SOLVERS.items()
            for problem in PROBLEMS
        }

    def track_queries_to_target(self, cache: Any, solver: str, problem: str, target: float) -> float:
        return queries_to(target, cache[solver, problem])

    track_queries_to_target.params = (list(SOLVERS), list(PROBLEMS), list(TARGETS))
    track_queries_to_target.param_names = ("solver", "problem", "target")
    track_queries_to_target.unit = "queries"

    def track_gap_at_budget(self, cache: Any, solver: str, problem: str) -> float:
        return max(float(cache[solver, problem]["gap"]), ROUNDING)

    track_gap_at_budget.params = (list(SOLVERS), list(PROBLEMS))
    track_gap_at_budget.param_names = ("solver", "problem")
    track_gap_at_budget.unit = "relative gap"

    def track_failures(self, cache: Any, solver: str) -> int:
        every = [cache[solver, problem]["hits"][target] for problem in PROBLEMS for target in TARGETS]
        return sum(hit < 0 for hits in every for hit in hits)

    track_failures.params = (list(SOLVERS),)
    track_failures.param_names = ("solver",)
    track_failures.unit = "targets not reached"
