"""Campaigns of the peers, each recorded with what its package has for it; called in a process of their own.

COCO's functions f1 to f5, one run an instance.  COCO and IOH bring no method and get S2P in NumPy; the others
run a method of their own on COCO's functions.  Each answers how many evaluations COCO or IOH counted.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.peers.sides import Enough, s2p

FUNCTIONS = range(1, 6)


def coco(folder: str, seeds: int, dim: int, budget: int) -> int:
    """Record with COCO's observer."""
    import cocoex

    observer = cocoex.Observer("bbob", f"result_folder: {folder} algorithm_name: s2p")
    total = 0
    for number, problem in enumerate(_coco_problems(seeds, dim)):
        problem.observe_with(observer)
        s2p(problem, np.zeros(dim), budget, np.random.default_rng(number))
        total += int(problem.evaluations)
    return total


def ioh(folder: str, seeds: int, dim: int, budget: int) -> int:
    """Record with IOHexperimenter's logger."""
    import ioh

    logger = ioh.logger.Analyzer(root=".", folder_name=folder, algorithm_name="s2p")
    total = 0
    for function in FUNCTIONS:
        for instance in range(1, seeds + 1):
            problem = ioh.get_problem(function, instance, dim, ioh.ProblemClass.BBOB)
            problem.attach_logger(logger)
            s2p(problem, np.zeros(dim), budget, np.random.default_rng(instance))
            total += int(problem.state.evaluations)
            problem.reset()
    logger.close()
    return total


def nevergrad(folder: str, seeds: int, dim: int, budget: int) -> int:
    """Record with Nevergrad's logger, a line an evaluation."""
    import nevergrad as ng

    def run(problem: Any, number: int) -> None:
        space = ng.p.Array(init=np.zeros(dim))
        space.random_state.seed(number)
        method = ng.optimizers.OnePlusOne(parametrization=space, budget=budget)
        method.register_callback("tell", ng.callbacks.ParametersLogger(f"{folder}-{number}.json"))
        method.minimize(problem)

    return _on_coco(run, seeds, dim)


def scipy(folder: str, seeds: int, dim: int, budget: int) -> int:
    """Record with a callback, as SciPy has nothing for it: count and best value of an iteration."""
    from scipy.optimize import minimize

    options = {"xatol": -1.0, "fatol": -1.0, "maxfev": 10 * budget, "maxiter": 10 * budget}

    def run(problem: Any, number: int) -> None:
        rows: list[tuple[int, float]] = []

        def f(x: Any) -> float:
            if problem.evaluations == budget:
                raise Enough
            return problem(x)

        def note(intermediate_result: Any) -> None:
            rows.append((problem.evaluations, intermediate_result.fun))

        try:
            minimize(f, np.zeros(dim), method="Nelder-Mead", callback=note, options=options)
        except Enough:
            pass
        np.savetxt(f"{folder}-{number}.txt", rows)

    return _on_coco(run, seeds, dim)


def pycma(folder: str, seeds: int, dim: int, budget: int) -> int:
    """Record with pycma's logger, a line an iteration of ten evaluations."""
    import cma

    def run(problem: Any, number: int) -> None:
        options = {"popsize": 10, "seed": number + 1, "verbose": -9, "verb_log": 1}
        place = {"verb_filenameprefix": f"{folder}-{number}/"}
        strategy = cma.CMAEvolutionStrategy(np.zeros(dim), 0.5, options | place)
        while problem.evaluations < budget:
            points = strategy.ask()
            strategy.tell(points, [problem(x) for x in points])
            strategy.logger.add()

    return _on_coco(run, seeds, dim)


def _coco_problems(seeds: int, dim: int) -> Iterator[Any]:
    import cocoex

    numbers = f"{FUNCTIONS[0]}-{FUNCTIONS[-1]}"
    yield from cocoex.Suite("bbob", f"instances: 1-{seeds}", f"dimensions: {dim} function_indices: {numbers}")


def _on_coco(run: Callable[[Any, int], None], seeds: int, dim: int) -> int:
    total = 0
    for number, problem in enumerate(_coco_problems(seeds, dim)):
        run(problem, number)
        total += int(problem.evaluations)
    return total
