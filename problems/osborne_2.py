"""Osborne's second function: an exponential and three Gaussian bells fitted to 65 observations.

    f(x) = sum_i ( y_i - x_1 exp(-t_i x_5) - sum_{k=2}^4 x_k exp(-(t_i - x_{k+7})^2 x_{k+4}) )^2

with t_i = (i - 1)/10. d = 11, m = 65; x0 = start (1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5).  The
lowest value known is 4.01377e-2.

Source: Osborne, in Lootsma (ed.), Numerical Methods for Nonlinear Optimization (1972); Moré, Garbow and
Hillstrom, ACM Transactions on Mathematical Software 7 (1981), problem 19.
"""

from typing import NamedTuple

import numpy as np

from zobench.instance import Parts, Problem, Vector
from zobench.objectives.least_squares import Started, best_known, nothing

# fmt: off
Y = (
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608, 0.655, 0.616,
    0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495,
    0.5, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672,
    0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739, 0.71, 0.729, 0.72, 0.636, 0.581,
    0.428, 0.292, 0.162, 0.098, 0.054,
)
# fmt: on
START = (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5)


class Data(NamedTuple):
    """Numbers of the problem: the observations (65,)."""

    y: Vector


def objective(x, data):
    """Return f(x)."""
    total = nothing(x)
    for i in range(data.y.size):
        t = 0.1 * i
        model = x[0] * np.exp(-t * x[4])
        for k in range(1, 4):
            away = t - x[k + 7]
            model += x[k] * np.exp(-away * away * x[k + 4])
        total += (data.y[i] - model) ** 2
    return total


def gradient(x, data, out):
    """Write the gradient; the first pass leaves the bells' values in `bells`."""
    out[:] = 0.0
    bells = np.empty(4)
    for i in range(data.y.size):
        t = 0.1 * i
        bells[0] = np.exp(-t * x[4])
        model = x[0] * bells[0]
        for k in range(1, 4):
            away = t - x[k + 7]
            bells[k] = np.exp(-away * away * x[k + 4])
            model += x[k] * bells[k]
        twice = 2.0 * (data.y[i] - model)
        out[0] -= twice * bells[0]
        out[4] += twice * t * x[0] * bells[0]
        for k in range(1, 4):
            away = t - x[k + 7]
            slope = twice * x[k] * bells[k] * away
            out[k] -= twice * bells[k]
            out[k + 4] += slope * away
            out[k + 7] -= 2.0 * slope * x[k + 4]


def make(dim, rng, parameters):
    """Place the start."""
    where = "(1.31, 0.4316, 0.6337, 0.5994, 0.7542, 0.9043, 1.366, 4.824, 2.399, 4.569, 5.675)"
    return Parts(
        parameters.start * np.array(START), Data(np.array(Y)), best_known(0.040137736293547738, where)
    )


problem = Problem(
    name="osborne-2",
    summary="nonconvex: an exponential and three bells fitted to 65 observations",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    data=Data,
    default_dim=None,
    dims="11",
    source="Moré, Garbow, Hillstrom, ACM TOMS 7 (1981) 17-41, problem 19",
)
