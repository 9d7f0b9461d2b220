"""BOBYQA: quadratic models by interpolation, in Python (Py-BOBYQA).

Algorithm (Powell, "The BOBYQA algorithm for bound constrained optimization without derivatives", report
DAMTP 2009/NA06, Cambridge; Cartis, Fiala, Marteau and Roberts, "Improving the flexibility and robustness of
model-based derivative-free optimization solvers", ACM Trans. Math. Softw. 45(3), 2019): a quadratic
function interpolates f at `points` points, its Hessian differing least from the last one's in the Frobenius
norm; its minimiser in the trust region is tried, or a point is moved to improve the geometry.  No bounds
are set here. With `noisy` the radius falls slowly, and the method restarts where noise stops it.

Library: ``pybobyqa.solve`` of the package Py-BOBYQA, which owns the loop; its tolerances are its own
(``rhoend = 1e-8``).

Queries: `points` at the start, then 1 a trial point; the library decides.
The iterate is the best point asked so far, for the package does not tell its own; steps are queries.
Memory: of the order of 2 d + 1 vectors for the points, and (3 d)^2 numbers for the system of the model.
"""

from typing import Annotated, NamedTuple

from zobench.foreign.own_loop import OwnLoop
from zobench.parameters import Choice, Integer, Real


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    rhobeg : float
        First radius of the trust region, in units of x; 0 stands for 0.1 max(|x0|_inf, 1).
    rhoend : float
        Last radius.
    points : int
        Of the interpolation, d + 1 to (d + 1)(d + 2) / 2; 0 stands for 2 d + 1, or the most with `noisy`.
    noisy : str
        Whether the package is told that f is noisy.
    """

    rhobeg: Annotated[float, Real(0.0)] = 0.0
    rhoend: Annotated[float, Real(0.0, open=True)] = 1e-8
    points: Annotated[int, Integer(0)] = 0
    noisy: Annotated[str, Choice("no", "yes")] = "no"


def solve(loop, parameters):
    """Call Py-BOBYQA once."""
    import pybobyqa

    d = loop.x0.size

    def objective(x):
        value = loop.query(x)
        loop.step()
        return value

    result = pybobyqa.solve(
        objective,
        loop.x0,
        npt=parameters.points or None,
        rhobeg=parameters.rhobeg or None,
        rhoend=parameters.rhoend,
        # it refuses a limit below its first points; then only the oracle ends it
        maxfun=max(loop.budget, (d + 1) * (d + 2) // 2 + 1),
        objfun_has_noise=parameters.noisy == "yes",
        do_logging=False,
    )
    return result.msg


solver = OwnLoop(
    name="py-bobyqa",
    summary="quadratic models by interpolation (Py-BOBYQA)",
    solve=solve,
    parameters=Parameters,
    source="Powell, DAMTP 2009/NA06; Cartis, Fiala, Marteau and Roberts, ACM Trans. Math. Softw. 45(3), 2019",
    seconds=7e-4,
    package="Py-BOBYQA",
    imported="pybobyqa",
    global_draws=True,
)
