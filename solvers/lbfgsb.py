"""L-BFGS-B with gradients by finite differences, run by SciPy.

Algorithm (Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained optimization", SIAM
J. Sci. Comput. 16(5), 1995): a quasi-Newton direction from the last `memory` pairs of moves and gradient
differences, a line search with the strong Wolfe conditions along it.  No bounds are set here.  The gradient
is estimated coordinate by coordinate,

    2-point    (f(x + radius e_i) - f(x)) / radius
    3-point    (f(x + h_i e_i) - f(x - h_i e_i)) / (2 h_i)

where SciPy chooses h_i as the cube root of the machine precision times |x_i|, or times 1 at 0.

Library: ``scipy.optimize.minimize(method="L-BFGS-B")``, which owns the loop.  `ftol` and `gtol` are 0 here
and not SciPy's 2.2e-9 and 1e-5, so that the method goes on until its line search finds nothing better or
the budget is spent.

Queries: 1 + d (`2-point`) or 1 + 2 d (`3-point`) for each point of a line search; every one is counted,
those of the differences, too; the library decides how many points.
The iterate is the library's, told by SciPy after each iteration; steps are iterations.
Memory: about 2 memory + 10 vectors.
"""

from typing import Annotated, NamedTuple

from zobench.foreign.own_loop import OwnLoop
from zobench.foreign.scipy_loop import minimize
from zobench.parameters import Choice, Integer, Real


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    difference : str
        Of the gradient.
    radius : float
        Of `2-point`, in units of x.
    memory : int
        Pairs kept.
    ftol, gtol : float
        Ends at a relative decrease of f below `ftol`, or at a gradient no entry of which exceeds `gtol`.
    """

    difference: Annotated[str, Choice("2-point", "3-point")] = "2-point"
    radius: Annotated[float, Real(0.0, open=True)] = 1e-8
    memory: Annotated[int, Integer(1, 1000)] = 10
    ftol: Annotated[float, Real(0.0)] = 0.0
    gtol: Annotated[float, Real(0.0)] = 0.0


def solve(loop, parameters):
    """Call SciPy once."""
    return minimize(
        loop,
        "L-BFGS-B",
        # without `jac` SciPy takes absolute steps `eps`, which relative ones need not resemble
        jac=None if parameters.difference == "2-point" else parameters.difference,
        eps=parameters.radius,
        maxcor=parameters.memory,
        ftol=parameters.ftol,
        gtol=parameters.gtol,
        maxfun=loop.budget,
        maxiter=loop.budget,
    )


solver = OwnLoop(
    name="lbfgsb",
    summary="quasi-Newton method over finite differences (SciPy)",
    solve=solve,
    parameters=Parameters,
    source="Byrd, Lu, Nocedal and Zhu, SIAM J. Sci. Comput. 16(5), 1995",
    seconds=3e-5,
)
