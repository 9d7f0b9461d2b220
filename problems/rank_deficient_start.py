"""A start from which descent on the factors never moves.

    f(W) = 1/2 |W - e1 e1^T|_F^2,   W of shape (2, 2) and rank at most 1

x holds W row by row: d = 4.  The start, declared as factors W0 = U S V^T in the instance's `manifold`, is
U = e2, V = e1, S = `core`, so W0 = core e2 e1^T and f(x0) = (1 + core^2)/2.  With core = 0 the gradient G =
W0 - e1 e1^T = -e1 e1^T is as large as it can be, and yet all three gradients with respect to the factors
vanish,

    G V S^T = 0,   U^T G V = 0,   G^T U S = 0:

gradient descent, heavy ball and Adam on (U, S, V) stay at f = 1/2 for ever, while a basis that G V joins
(here e1) reaches the minimiser e1 e1^T, where f = 0.  With a small core > 0 the factors escape, after a
number of steps that grows with log(1/core).

Source: made for the remark of Schotthöfer, Klein and Kusch, arXiv 2506.17475, that momentum methods on
low-rank factors can struggle to reach a local optimum; such stationary points exist where S is singular and
only there.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.geometry.manifold import Manifold
from zobench.instance import Parts, Problem, Vector
from zobench.objectives.lowrank import certificates, squared_distance
from zobench.parameters import Real


class Parameters(NamedTuple):
    """What can be chosen: S of the start."""

    core: Annotated[float, Real(0.0, 1e6)] = 0.0


class Data(NamedTuple):
    """Numbers of the instance: e1 e1^T, row by row."""

    target: Vector


def objective(x, data):
    """Return f(W)."""
    return 0.5 * squared_distance(x, data.target)


def gradient(x, data, out):
    """Write the gradient W - e1 e1^T."""
    for i in range(x.size):
        out[i] = x[i] - data.target[i]


def make(dim, rng, parameters):
    """Lay out the example; nothing is drawn."""
    first, second = np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])
    manifold = Manifold(second, np.full((1, 1), parameters.core), first)
    target = np.array([1.0, 0.0, 0.0, 0.0])
    proved = certificates(manifold.start, target, 4)
    return Parts(manifold.start, Data(target), proved, target.copy(), manifold=manifold)


problem = Problem(
    name="rank-deficient-start",
    summary="counter-example: all factor gradients vanish at a start that is no minimiser",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="4",
    source="after a remark of Schotthöfer, Klein, Kusch, arXiv 2506.17475",
)
