"""CMA-ES: evolution strategy with covariance matrix adaptation, run by pycma.

Algorithm (Hansen and Ostermeier, "Completely derandomized self-adaptation in evolution strategies",
Evolutionary Computation 9(2), 2001; as in Hansen, "The CMA evolution strategy: a tutorial", arXiv
1604.00772): an iteration draws a population from N(m, sigma^2 C), moves m to a weighted mean of its better
half, and adapts sigma by the length of the path of m and C by that path and the weighted directions.  With
`restarts` a run that has converged begins again at x0 with twice the population (IPOP; Auger and Hansen,
CEC 2005).

Library: ``cma.fmin2`` of the package cma, which owns the loop; its tolerances are its own (1e-11 for f and
x). The normal variates are the run's own, made from its key.

Queries: the population, 4 + floor(3 log d) by default, in each iteration, and 1 at the mean when it ends;
the library decides.
The iterate is the mean m, told by pycma after each iteration; steps are iterations.
Memory: of the order of 2 d vectors for C and its eigenvectors; with `diagonal` a few vectors.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.errors import ZobenchError
from zobench.foreign.own_loop import OwnLoop
from zobench.parameters import Choice, Integer, Real


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    sigma0 : float
        First standard deviation, in units of x.
    population : int
        At least 2; 0 stands for pycma's own.
    restarts : int
        At most.
    diagonal : str
        Whether C is kept diagonal.
    """

    sigma0: Annotated[float, Real(0.0, open=True)] = 0.5
    population: Annotated[int, Integer(0, 10**6)] = 0
    restarts: Annotated[int, Integer(0, 50)] = 0
    diagonal: Annotated[str, Choice("no", "yes")] = "no"


def settle(parameters, setting):
    """Refuse a population of which no mean of the better half can be taken."""
    if parameters.population == 1:
        raise ZobenchError("solver 'cma-es': population must be >= 2, or 0 for pycma's own, got 1")
    return parameters


def solve(loop, parameters):
    """Call pycma once."""
    import cma

    rng = loop.generator()
    options = {
        "randn": lambda *shape: rng.standard_normal(shape),
        "seed": np.nan,  # pycma is not to seed NumPy's global generator
        "maxfevals": loop.budget,
        "maxiter": loop.budget,
        "CMA_diagonal": parameters.diagonal == "yes",
        "verbose": -9,
        "verb_disp": 0,
        "verb_log": 0,
        "signals_filename": "",
    }
    if parameters.population:
        options["popsize"] = parameters.population
    _, strategy = cma.fmin2(
        loop.query,
        loop.x0,
        parameters.sigma0,
        options,
        restarts=parameters.restarts,
        callback=lambda strategy: loop.step(strategy.mean),
    )
    return ", ".join(f"{name} = {value}" for name, value in strategy.stop().items())


solver = OwnLoop(
    name="cma-es",
    summary="evolution strategy with covariance matrix adaptation (pycma)",
    solve=solve,
    settle=settle,
    parameters=Parameters,
    source="Hansen and Ostermeier, Evolutionary Computation 9(2), 2001",
    seconds=4e-5,
    package="cma",
    imported="cma",
    draws=True,
)
