"""A perfectly conditioned function of W that is badly conditioned in the factors of W.

    f(W) = 1/2 |W - A|_F^2,   W of shape (rows, columns) and rank at most `rank`

A has singular values log-spaced from 1 to 1/condition.  x holds W row by row: d = rows * columns.  The
start, declared as factors W0 = U S V^T in the instance's `manifold`, has the singular values of A; both its
singular spaces are tilted by `angle` (in radians): every principal angle between U and the left singular
space of A is `angle`, and likewise V.  So |W0 - A|^2 = 2 sin(angle)^2 |A|^2, and f(x0) = sin(angle)^2 |A|^2.
The minimiser is A, with f = 0.

Gradient descent on the factors moves W along P(-grad f) with an operator P whose smallest eigenvalue on the
tangent space is the square of the smallest singular value of W: a small gradient with respect to the factors
certifies little, and the least singular directions of A are learnt slowest, by a factor of condition^2.
Steps that project the gradient onto the tangent space see condition number 1.  To tell them apart the target
has to resolve the least singular value: |W - A| <= 0.1/condition.

Source: made for the remark of Schotthöfer, Klein and Kusch, arXiv 2506.17475, that momentum methods on
low-rank factors can struggle to reach a local optimum.
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.instance import Parts, Problem, Vector
from zobench.objectives.lowrank import certificates, drawn, squared_distance, tilted_start
from zobench.parameters import Integer, Real


class Parameters(NamedTuple):
    """What can be chosen: the shape of A, its condition number, the angle of the start."""

    rows: Annotated[int, Integer(2, 3000)] = 60
    columns: Annotated[int, Integer(2, 3000)] = 50
    rank: Annotated[int, Integer(1, 1500)] = 3
    condition: Annotated[float, Real(1.0)] = 100.0
    angle: Annotated[float, Real(0.0, np.pi / 2, open=True)] = 0.5


class Data(NamedTuple):
    """Numbers of one instance: A, row by row."""

    target: Vector


def objective(x, data):
    """Return f(W)."""
    return 0.5 * squared_distance(x, data.target)


def gradient(x, data, out):
    """Write the gradient W - A."""
    for i in range(x.size):
        out[i] = x[i] - data.target[i]


def make(dim, rng, parameters):
    """Draw A and tilt it."""
    who = f"problem {problem.name!r}"
    truth = drawn(rng, parameters, who)
    manifold = tilted_start(rng, truth, parameters.angle, who)
    target = truth.matrix.ravel()
    proved = certificates(manifold.start, target, target.size)
    return Parts(manifold.start, Data(target), proved, target.copy(), manifold=manifold)


problem = Problem(
    name="tilted-spectrum",
    summary="counter-example: condition number 1 in W, condition^2 in the factors of W",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="rows * columns",
    source="after a remark of Schotthöfer, Klein, Kusch, arXiv 2506.17475",
)
