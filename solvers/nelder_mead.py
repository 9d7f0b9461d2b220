"""Nelder-Mead: the downhill simplex method, run by SciPy.

Algorithm (Nelder and Mead, "A simplex method for function minimization", The Computer Journal 7(4), 1965):
a simplex of d + 1 points, ordered by value.  The worst point is reflected through the centroid of the
others; the reflected point is expanded where it is the best of all, contracted where it is worse than the
second worst, and if the contraction fails the whole simplex shrinks towards its best point.  With
`adaptive` the four coefficients depend on d (Gao and Han, "Implementing the Nelder-Mead simplex algorithm
with adaptive parameters", Computational Optimization and Applications 51, 2012).

Library: ``scipy.optimize.minimize(method="Nelder-Mead")``, which owns the loop.  Its initial simplex
stretches each coordinate of x0 by 5 percent, or puts it to 0.00025 where it is zero; `simplex` sets an edge
instead.  Its tolerances are 0 here and not SciPy's 1e-4, so that the method goes on until the simplex is a
point or the budget is spent.

Queries: d + 1 for the first simplex, then 1 or 2 an iteration, d + 2 in one that shrinks; the library
decides.
The iterate is the best point of the simplex, told by SciPy after each iteration; steps are iterations.
Memory: about d + 4 vectors.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.foreign.own_loop import OwnLoop
from zobench.foreign.scipy_loop import minimize
from zobench.parameters import Choice, Real


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    simplex : float
        Edge of the first simplex x0, x0 + simplex e_i, in units of x; 0 stands for SciPy's own.
    adaptive : str
        Whether the coefficients depend on d.
    xatol, fatol : float
        Ends when all points lie within `xatol` of the best and all values within `fatol`.
    """

    simplex: Annotated[float, Real(0.0)] = 0.0
    adaptive: Annotated[str, Choice("no", "yes")] = "no"
    xatol: Annotated[float, Real(0.0)] = 0.0
    fatol: Annotated[float, Real(0.0)] = 0.0


def solve(loop, parameters):
    """Call SciPy once."""
    options = {"initial_simplex": None}
    if parameters.simplex > 0.0:
        edges = parameters.simplex * np.eye(loop.x0.size)
        options["initial_simplex"] = np.vstack([loop.x0, loop.x0 + edges])
    return minimize(
        loop,
        "Nelder-Mead",
        adaptive=parameters.adaptive == "yes",
        xatol=parameters.xatol,
        fatol=parameters.fatol,
        maxfev=loop.budget,
        maxiter=loop.budget,
        **options,
    )


solver = OwnLoop(
    name="nelder-mead",
    summary="downhill simplex method (SciPy)",
    solve=solve,
    parameters=Parameters,
    source="Nelder and Mead, The Computer Journal 7(4), 1965",
)
