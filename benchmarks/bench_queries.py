"""Exact numbers, the same on every machine: a change of one query is a change of the code."""

import numpy as np

import zobench

#: Of the problems on which a target is reached by every solver within the budget.
BUDGET = 20_000
SEEDS = range(11)
PARAMETERS = {"s2p": {"rule": "gamma"}, "stp": {"rule": "finite-difference"}}


class Queries:
    """Median over seeds of the queries to f - f_star <= target * (f(x0) - f_star)."""

    params = (
        ["s2p", "stp", "random-search", "random-gradient-free"],
        ["quadratic", "log-cosh"],
        [1e-1, 1e-3],
    )
    param_names = ("solver", "problem", "target")
    unit = "queries"

    def _hits(self, solver, problem, target):
        instance = zobench.problem(problem)
        traces = [
            zobench.run(instance, solver, budget=BUDGET, seed=seed, parameters=PARAMETERS.get(solver))
            for seed in SEEDS
        ]
        place = int(np.argmin(np.abs(traces[0].targets / target - 1.0)))
        return np.array([trace.hits[place] for trace in traces])

    def track_queries_to_target(self, solver, problem, target):
        hits = self._hits(solver, problem, target)
        # not reached counts as the budget; the failures are tracked beside it
        return float(np.median(np.where(hits < 0, BUDGET, hits)))

    def track_failures(self, solver, problem, target):
        return int(np.sum(self._hits(solver, problem, target) < 0))


class Tightness:
    """Measured / bound of the theorems on their quick cells."""

    params = (["s2p-smooth-stationary", "stp-nonconvex-fixed", "exact-s2p-identity"],)
    param_names = ("theorem",)
    unit = "measured / bound"

    def track_tightness(self, theorem):
        return max(verdict.tightness for verdict in zobench.verify([theorem], quick=True, seeds=10))


class Signatures:
    """Compiled kernels of one solver over three kinds of objective."""

    unit = "functions"

    def track_compiled_steps(self):
        from zobench.compile import compiled

        zobench.run("quadratic", "s2p", budget=10)
        zobench.run("nonconvex-cosine", "s2p", budget=10)
        zobench.minimize(lambda x: float(x @ x), [1.0, 2.0], budget=10)
        return sum(name.startswith("step_of_s2p_") for name in compiled)
