"""Complete runs of zobench and its peers on one objective, each with its count of evaluations.

The objective is f(x) = a |x - c|^2 + b, COCO's f1 with its own a, b, c where COCO has the dimension; the
others' is made of the same numbers, and `agreement` says how far the values of all sides lie apart.  A side
is a function of no arguments that does one run and answers how many evaluations an independent counter saw:
COCO's and IOH's own, a Python function that counts its calls, or, for compiled code, a C counter beside f.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

#: Dimensions of COCO's suites.
COCO = {
    **dict.fromkeys((2, 3, 5, 10, 20, 40), "bbob"),
    **dict.fromkeys((80, 160, 320, 640), "bbob-largescale"),
}
#: Above it pycma adapts a diagonal only, and the simplex method is left out: d x d numbers.
DENSE = 1000
SEED = 1


class Missing(Exception):
    """A peer that is not installed, or cannot do this; the text says why."""


def need(module: str, package: str) -> Any:
    """Import a peer."""
    try:
        return import_module(module)
    except ImportError:
        raise Missing(f"{package} is not installed: pip install {package}") from None


@dataclass(frozen=True)
class Objective:
    """f(x) = a |x - c|^2 + b."""

    a: float
    b: float
    c: Any

    def __call__(self, x: Any) -> float:
        step = x - self.c
        return float(self.a * step.dot(step) + self.b)


class Enough(Exception):
    """Raised past the last evaluation: how a method is stopped that cannot count so far."""


class Counting:
    """A Python objective that counts its calls and answers no more than so many."""

    def __init__(self, f: Objective, most: int):
        self.f, self.most, self.calls = f, most, 0

    def __call__(self, x: Any) -> float:
        if self.calls == self.most:
            raise Enough
        self.calls += 1
        return self.f(np.asarray(x))


def coco_problem(dim: int) -> Any:
    """Give COCO's f1; without COCO or the dimension, say so."""
    if dim not in COCO:
        raise Missing(f"coco-experiment has no dimension {dim} (its largest is {max(COCO)})")
    suite = need("cocoex", "coco-experiment").Suite(
        COCO[dim], "instances: 1", f"dimensions: {dim} function_indices: 1"
    )
    _SUITES.append(suite)  # which must outlive its problems
    return suite[0]


_SUITES: list[Any] = []


@cache
def objective(dim: int) -> Objective:
    """Read a, b, c off COCO's values, or draw c."""
    try:
        f = coco_problem(dim)
    except Missing:
        return Objective(1.0, 0.0, np.random.default_rng(SEED).uniform(-4.0, 4.0, dim))
    at_zero, ones = f(np.zeros(dim)), np.eye(dim)
    a = (f(ones[0]) + f(-ones[0])) / 2 - at_zero
    c = np.array([0.5 * (1.0 - (f(one) - at_zero) / a) for one in ones])
    return Objective(a, at_zero - a * float(c @ c), c)


@cache
def _counted_kernel() -> Any:
    """Compile f beside a counter of its calls; data: calls, a, b, c."""
    from numba import carray, cfunc

    @cfunc("float64(CPointer(float64), int64, CPointer(float64))")
    def kernel(x, dim, data):
        numbers, at = carray(data, 3 + dim), carray(x, dim)
        numbers[0] += 1.0
        total = 0.0
        for i in range(dim):
            total += (at[i] - numbers[3 + i]) ** 2
        return numbers[1] * total + numbers[2]

    return kernel


def compiled(f: Objective) -> tuple[Any, Any]:
    """Give f as C code that counts its own calls, and where it counts."""
    from scipy import LowLevelCallable

    data = np.concatenate([[0.0, f.a, f.b], f.c])
    return LowLevelCallable(_counted_kernel().ctypes, ctypes.c_void_p(data.ctypes.data)), data


def s2p(f: Callable[[Any], float], x: Any, evaluations: int, generator: Any) -> None:
    """Keep the better of x + alpha s and x - alpha s: what a user of a suite writes in NumPy."""
    steps = evaluations // 2
    alpha = 1.0 / np.sqrt(steps * x.size)
    for _ in range(steps):
        step = alpha * generator.standard_normal(x.size)
        x = x + step if f(x + step) <= f(x - step) else x - step


def zobench_compiled(dim: int, count: int) -> Callable[[], int]:
    import zobench

    function, data = compiled(objective(dim))

    def run() -> int:
        data[0] = 0.0
        zobench.minimize(function, np.zeros(dim), solver="s2p", budget=count, seed=SEED)
        return int(data[0])

    return run


def zobench_python(dim: int, count: int) -> Callable[[], int]:
    import zobench

    def run() -> int:
        f = Counting(objective(dim), count)
        zobench.minimize(f, np.zeros(dim), solver="s2p", budget=count, seed=SEED)
        return f.calls

    return run


def coco(dim: int, count: int) -> Callable[[], int]:
    coco_problem(dim)

    def run() -> int:
        problem = coco_problem(dim)
        s2p(problem, np.zeros(dim), count, np.random.default_rng(SEED))
        return int(problem.evaluations)

    return run


def ioh_problem(dim: int) -> Any:
    """Wrap f as a problem of IOHexperimenter, in any dimension."""
    ioh = need("ioh", "ioh")
    f = objective(dim)
    return ioh.wrap_problem(
        lambda x: f(np.asarray(x)),
        name=f"quadratic{dim}",
        problem_class=ioh.ProblemClass.REAL,
        dimension=dim,
        lb=-5.0,
        ub=5.0,
    )


def ioh(dim: int, count: int) -> Callable[[], int]:
    problem = ioh_problem(dim)

    def run() -> int:
        problem.reset()
        s2p(problem, np.zeros(dim), count, np.random.default_rng(SEED))
        return int(problem.state.evaluations)

    return run


def nevergrad(dim: int, count: int) -> Callable[[], int]:
    ng = need("nevergrad", "nevergrad")

    def run() -> int:
        f = Counting(objective(dim), count)
        space = ng.p.Array(init=np.zeros(dim))
        space.random_state.seed(SEED)
        ng.optimizers.OnePlusOne(parametrization=space, budget=count).minimize(f)
        return f.calls

    return run


def scipy(dim: int, count: int) -> Callable[[], int]:
    if dim > DENSE:
        raise Missing(f"SciPy's Nelder-Mead keeps (d + 1) x d numbers, too many at d = {dim:,}")
    from scipy.optimize import minimize

    def run() -> int:
        f = Counting(objective(dim), count)
        options = {"xatol": -1.0, "fatol": -1.0, "maxfev": 10 * count, "maxiter": 10 * count}
        try:
            minimize(f, np.zeros(dim), method="Nelder-Mead", options=options)
        except Enough:
            pass
        return f.calls

    return run


def pycma(dim: int, count: int) -> Callable[[], int]:
    cma = need("cma", "cma")
    size = 10  # counts are multiples of it
    options = {
        "popsize": size,
        "seed": SEED,
        "verbose": -9,
        "CMA_diagonal": dim > DENSE // 10,
        "tolfun": 0.0,
        "tolfunhist": 0.0,
        "tolx": 0.0,
        "tolflatfitness": 10**9,
    }

    def run() -> int:
        f = Counting(objective(dim), count)
        strategy = cma.CMAEvolutionStrategy(np.zeros(dim), 0.5, options)
        while f.calls < count:
            points = strategy.ask()
            strategy.tell(points, [f(x) for x in points])
        return f.calls

    return run


#: Complete runs, by what they are called in the table; the first is what the others are compared with.
RUNS = {
    "zobench, compiled f": zobench_compiled,
    "zobench, Python f": zobench_python,
    "coco-experiment, S2P in NumPy": coco,
    "ioh, S2P in NumPy": ioh,
    "Nevergrad, OnePlusOne": nevergrad,
    "SciPy, Nelder-Mead": scipy,
    "pycma, CMA-ES": pycma,
}


def calls(dim: int, count: int) -> dict[str, Callable[[], int]]:
    """Give loops of counted evaluations at one point, by what they are called; peers that are there."""
    x, f = np.full(dim, 0.5), objective(dim)

    def repeated(call: Callable[[Any], float], counted: Callable[[], int]) -> Callable[[], int]:
        def run() -> int:
            before = counted()
            for _ in range(count):
                call(x)
            return counted() - before

        return run

    counting = Counting(f, 10**15)
    found = {"f in NumPy, calls counted": repeated(counting, lambda: counting.calls)}
    try:
        theirs = coco_problem(dim)
        found["coco-experiment"] = repeated(theirs, lambda: int(theirs.evaluations))
    except Missing:
        pass
    try:
        module = need("ioh", "ioh")
        own = module.get_problem("Sphere", 1, dim, module.ProblemClass.BBOB)
        found["ioh"] = repeated(own, lambda: int(own.state.evaluations))
        wrapped = ioh_problem(dim)
        found["ioh, Python f"] = repeated(wrapped, lambda: int(wrapped.state.evaluations))
    except Missing:
        pass
    try:
        function = need("cma.fitness_transformations", "cma").Function(f)
        found["pycma, its Function"] = repeated(function, lambda: int(function.evaluations))
    except Missing:
        pass
    return found


def agreement(dim: int) -> float:
    """Say how far apart the sides' values lie at random points, relative to the largest."""
    import zobench

    f, generator = objective(dim), np.random.default_rng(SEED)
    points = [generator.uniform(-4.0, 4.0, dim) for _ in range(5)]
    sides: list[Callable[[Any], float]] = [f]
    for make in coco_problem, ioh_problem:
        try:
            sides.append(make(dim))
        except Missing:
            pass
    function, _ = compiled(f)
    # a budget of one query at x: the value that the compiled side answers
    sides.append(lambda x: zobench.minimize(function, x, solver="stp", budget=1).fun)
    return max(abs(side(x) - f(x)) / max(abs(f(x)), 1.0) for side in sides for x in points)
