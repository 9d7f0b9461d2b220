"""Meyer's function: three parameters of a thermistor's resistance, of very different size.

    f(x) = sum_i ( x_1 exp(x_2 / (t_i + x_3)) - y_i )^2,   t_i = 45 + 5 i

d = 3, m = 16; x0 = start (0.02, 4000, 250).  The lowest value known is 87.9459.

Source: Meyer, in Rosen, Mangasarian and Ritter (eds.), Nonlinear Programming (1970); Moré, Garbow and
Hillstrom, ACM Transactions on Mathematical Software 7 (1981), problem 10.
"""

from typing import NamedTuple

import numpy as np

from zobench.instance import Parts, Problem, Vector
from zobench.objectives.least_squares import Started, best_known, nothing

Y = (34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872)


class Data(NamedTuple):
    """Numbers of the problem: the observations (16,)."""

    y: Vector


def objective(x, data):
    """Return f(x)."""
    total = nothing(x)
    for i in range(data.y.size):
        total += (x[0] * np.exp(x[1] / (50.0 + 5.0 * i + x[2])) - data.y[i]) ** 2
    return total


def gradient(x, data, out):
    """Write the gradient."""
    out[:] = 0.0
    for i in range(data.y.size):
        below = 50.0 + 5.0 * i + x[2]
        power = np.exp(x[1] / below)
        twice = 2.0 * (x[0] * power - data.y[i])
        bent = twice * x[0] * power / below
        out[0] += twice * power
        out[1] += bent
        out[2] -= bent * x[1] / below


def make(dim, rng, parameters):
    """Place the start."""
    x0 = parameters.start * np.array([0.02, 4000.0, 250.0])
    where = "(0.005609636, 6181.346, 345.2236)"
    return Parts(x0, Data(np.array(Y, dtype=float)), best_known(87.945855170851121, where))


problem = Problem(
    name="meyer",
    summary="nonconvex: a thermistor's resistance, badly scaled",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    data=Data,
    default_dim=None,
    dims="3",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 10",
)
