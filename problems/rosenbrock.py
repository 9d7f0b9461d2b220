"""Rosenbrock's function, in its chained form: a curved valley.

    f(x) = sum_{i=1}^{d-1} ( 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2 )

The start is (-1.2, 1, -1.2, 1, ...) and the minimiser (1, ..., 1); from d = 4 on there is a second minimum
near (-1, 1, ..., 1).  The curvature is not bounded, so there is no L.

Source: Rosenbrock, "An automatic method for finding the greatest or least value of a function", The Computer
Journal 3 (1960), for d = 2; the chain as in Toint, "Some numerical results using a sparse matrix
updating formula in unconstrained optimization", Mathematics of Computation 32 (1978).
"""

import numpy as np

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.instance import Parts, Problem


def objective(x):
    """Return f(x)."""
    valley, way = 0.0, 0.0
    for i in range(x.size - 1):
        bend = x[i + 1] - x[i] * x[i]
        valley += bend * bend
        way += (1.0 - x[i]) ** 2
    return 100.0 * valley + way


def gradient(x, out):
    """Write the gradient."""
    out[0] = 0.0
    for i in range(x.size - 1):
        bend = x[i + 1] - x[i] * x[i]
        out[i] += -400.0 * x[i] * bend - 2.0 * (1.0 - x[i])
        out[i + 1] = 200.0 * bend


def make(dim, rng, parameters):
    """Lay out the start."""
    if dim < 2:
        raise ZobenchError(f"problem {problem.name!r}: dim must be >= 2, got {dim}")
    x0 = np.ones(dim)
    x0[::2] = -1.2
    certificates = (Certificate("f_star", 0.0, "f is a sum of squares that vanishes at (1, ..., 1)."),)
    # one number seen as a vector: in 10^8 dimensions a second one counts
    return Parts(x0, None, certificates, np.broadcast_to(1.0, dim))


problem = Problem(
    name="rosenbrock",
    summary="a curved valley, nonconvex, of any dimension",
    objective=objective,
    gradient=gradient,
    make=make,
    dims=">= 2",
    source="Rosenbrock, The Computer Journal 3 (1960); Toint, Mathematics of Computation 32 (1978)",
)
