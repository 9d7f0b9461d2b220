"""Powell's method of conjugate directions, run by SciPy.

Algorithm (Powell, "An efficient method for finding the minimum of a function of several variables without
calculating derivatives", The Computer Journal 7(2), 1964): an iteration minimises along each of d
directions in turn, at first the coordinates; then the direction of greatest decrease may give way to the
whole move of the iteration, along which one more line search is made.

Library: ``scipy.optimize.minimize(method="Powell")``, which owns the loop; line searches are Brent's,
without bounds.  `ftol` is 0 here and not SciPy's 1e-4, so that the method goes on until an iteration gains
nothing or the budget is spent.

Queries: d or d + 1 line searches an iteration, each of about 10 to 40; the library decides.
The iterate is the library's, told by SciPy after each iteration; steps are iterations.
Memory: about d + 4 vectors, for the directions.
"""

from typing import Annotated, NamedTuple

from zobench.foreign.own_loop import OwnLoop
from zobench.foreign.scipy_loop import minimize
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    xtol : float
        Relative precision of x: line searches end at 100 times this.
    ftol : float
        Ends when an iteration gains less than this, relative to the value.
    """

    xtol: Annotated[float, Real(0.0, open=True)] = 1e-4
    ftol: Annotated[float, Real(0.0)] = 0.0


def solve(loop, parameters):
    """Call SciPy once."""
    return minimize(loop, "Powell", **parameters._asdict(), maxfev=loop.budget, maxiter=loop.budget)


solver = OwnLoop(
    name="powell",
    summary="conjugate directions with line searches (SciPy)",
    solve=solve,
    parameters=Parameters,
    source="Powell, The Computer Journal 7(2), 1964",
)
