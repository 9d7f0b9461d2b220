"""COBYLA: optimisation by linear approximation in a trust region, run by SciPy.

Algorithm (Powell, "A direct search optimization method that models the objective and constraint functions
by linear interpolation", in Advances in Optimization and Numerical Analysis, Kluwer, 1994): a linear
function interpolates f at d + 1 points; its minimiser in the trust region is tried and replaces a point, or
a point is moved to improve the simplex's shape.  The radius `rho` only falls, from `rhobeg` to `rhoend`.

Library: ``scipy.optimize.minimize(method="COBYLA")`` without constraints, which owns the loop; since SciPy
1.16 it is the implementation of PRIMA (Zhang, 2023) in Python.  `rhoend` (SciPy's `tol`) is 1e-8 here and
not SciPy's 1e-4.

Queries: d + 1 at the start, then 1 a trial point; the library decides.
The iterate is the library's, told by SciPy after each iteration of the trust region; steps are these.
Memory: of the order of d vectors, for the simplex and its inverse.
"""

from typing import Annotated, NamedTuple

from zobench.foreign.own_loop import OwnLoop
from zobench.foreign.scipy_loop import minimize
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    rhobeg, rhoend : float
        First and last radius of the trust region, in units of x.
    """

    rhobeg: Annotated[float, Real(0.0, open=True)] = 1.0
    rhoend: Annotated[float, Real(0.0, open=True)] = 1e-8


def solve(loop, parameters):
    """Call SciPy once."""
    return minimize(loop, "COBYLA", rhobeg=parameters.rhobeg, tol=parameters.rhoend, maxiter=loop.budget)


solver = OwnLoop(
    name="cobyla",
    summary="linear models in a trust region (SciPy)",
    solve=solve,
    parameters=Parameters,
    source="Powell, in Advances in Optimization and Numerical Analysis, Kluwer, 1994",
    seconds=4e-4,
)
