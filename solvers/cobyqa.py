"""COBYQA: optimisation by quadratic approximations in a trust region, run by SciPy.

Algorithm (Ragonneau, "Model-Based Derivative-Free Optimization Methods and Software", PhD thesis, The Hong
Kong Polytechnic University, 2022): quadratic models interpolate f at 2 d + 1 points, each model's Hessian
differing least from the last one's in the Frobenius norm; steps are taken in a trust region, and a point is
moved where the models' geometry is bad.

Library: ``scipy.optimize.minimize(method="COBYQA")`` without constraints, of SciPy 1.14 or later, which
owns the loop.  `final_radius` is 1e-8 here and not SciPy's 1e-6.

Queries: 2 d + 1 at the start, then 1 a trial point; the library decides.
The iterate is the best point asked so far; a step is a query, for SciPy does not tell its iterations.
Memory: of the order of 2 d + 1 vectors for the points, and (3 d)^2 numbers for the system of the models.
"""

from typing import Annotated, NamedTuple

from zobench.foreign.own_loop import OwnLoop
from zobench.foreign.scipy_loop import minimize
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    radius, final_radius : float
        First and last radius of the trust region, in units of x.
    """

    radius: Annotated[float, Real(0.0, open=True)] = 1.0
    final_radius: Annotated[float, Real(0.0, open=True)] = 1e-8


def solve(loop, parameters):
    """Call SciPy once."""
    return minimize(
        loop,
        "COBYQA",
        iterations=False,
        initial_tr_radius=parameters.radius,
        final_tr_radius=min(parameters.final_radius, parameters.radius),
        maxfev=loop.budget,
        maxiter=loop.budget,
    )


solver = OwnLoop(
    name="cobyqa",
    summary="quadratic models in a trust region (SciPy)",
    solve=solve,
    parameters=Parameters,
    source="Ragonneau, PhD thesis, The Hong Kong Polytechnic University, 2022",
    seconds=6e-4,
    version=(1, 14),
)
