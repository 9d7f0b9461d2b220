"""Nevergrad's optimisers, run by the package of that name.

Algorithm (Rapin and Teytaud, "Nevergrad - A gradient-free optimization platform", 2018): whatever `method`
names in Nevergrad's registry.  NGOpt, its default, and NgIohTuned choose one of their methods by dimension
and budget (Meunier et al., "Black-box optimization revisited: improving algorithm selection wizards through
massive benchmarking", IEEE Trans. Evol. Comput. 26(3), 2022); the others are evolution strategies (CMA,
OnePlusOne, TBPSA), differential evolution (DE, TwoPointsDE) and particle swarms (PSO).

Library: ``nevergrad.optimizers.registry[method]`` over ``nevergrad.p.Array(init=x0)``, asked, told and
stopped at the budget; these methods know it in advance.  Random numbers are seeded from the run's key.

Queries: 1 a step; ends with the budget.
The iterate is the recommendation that Nevergrad would give after each query; steps are queries.
Memory: the library decides; it keeps an archive of what was asked, which grows with the budget.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.foreign.own_loop import OwnLoop
from zobench.parameters import Choice, Integer, Real


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    method : str
        In Nevergrad's registry.
    sigma0 : float
        Standard deviation of a first move, in units of x.
    budget : int
        What the method is told; 0 stands for the run's own.
    """

    method: Annotated[
        str, Choice("NGOpt", "NgIohTuned", "CMA", "DE", "OnePlusOne", "PSO", "TBPSA", "TwoPointsDE")
    ] = "NGOpt"
    sigma0: Annotated[float, Real(0.0, open=True)] = 1.0
    budget: Annotated[int, Integer(0)] = 0


def settle(parameters, setting):
    """Fill in the budget."""
    return parameters._replace(budget=parameters.budget or setting.budget)


def solve(loop, parameters):
    """Ask and tell until the budget ends it."""
    import nevergrad
    from nevergrad.optimization import metamodel

    # Its surrogates convert arrays of one number by `float`, which NumPy has refused since 2.4.
    metamodel.float = lambda number: np.asarray(number).item()
    unknown = nevergrad.p.Array(init=loop.x0).set_mutation(sigma=parameters.sigma0)
    unknown.random_state.seed(int(loop.generator().integers(2**32)))
    optimizer = nevergrad.optimizers.registry[parameters.method](unknown, budget=parameters.budget)
    while True:
        asked = optimizer.ask()
        optimizer.tell(asked, loop.query(asked.value))
        loop.step(lambda: optimizer.provide_recommendation().value)


solver = OwnLoop(
    name="nevergrad",
    summary="NGOpt and other optimisers of Nevergrad",
    solve=solve,
    parameters=Parameters,
    settle=settle,
    source="Rapin and Teytaud, Nevergrad, 2018; Meunier et al., IEEE Trans. Evol. Comput. 26(3), 2022",
    seconds=5e-4,
    package="nevergrad",
    imported="nevergrad",
    draws=True,
    global_draws=True,
)
