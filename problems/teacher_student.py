"""A network learns from another of the same shape: nonconvex, with a known minimiser.

    f(x) = 1/(2N) sum_i ( net(x, a_i) - net(x_star, a_i) )^2,   net(x, a) = v^T h + c,   h = tanh(W^T a + b)

with N = `samples` inputs a_i, standard normal in R^p, p = `inputs`, and one layer of H = `hidden` units;
with `layers` = 2 or 3, h goes through one or two layers h -> tanh(M^T h + e) of H units more.  x holds
W (p, H) row by row, b (H), then M (H, H) and e (H) of each further layer, v (H), c:
d = (p + 1) H + (layers - 1)(H + 1) H + H + 1.

The teacher x_star and the student's start are drawn alike and independently: weights uniform on
+- sqrt(6/(inputs + outputs)), biases 0.  f(x_star) = 0 exactly: what is to be answered was computed by the
same kernel.  The minimiser is not unique: exchanging units, or the signs of one's weights, changes nothing.

With `batch` = B > 0 a query answers the mean over B samples drawn with replacement by the sample key, whose
expectation is f and which is 0 at x_star for every key; with `batch` = 0 it answers f.

Source: Gardner and Derrida, "Three unfinished works on the optimal storage capacity of networks", Journal of
Physics A 22 (1989) 1983 (the teacher); Saad and Solla, "On-line learning in soft committee
machines", Physical Review E 52 (1995) 4225 (with a hidden layer).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate, Certificates
from zobench.instance import Instance, Parts, Problem
from zobench.objectives.classification import Labelled
from zobench.objectives.layers import IDENTITY, TANH, glorot, plan_of
from zobench.objectives.networks import (
    Data,
    answers,
    data_of,
    network_gradient,
    network_loss,
    network_many,
    network_sample,
)
from zobench.parameters import Integer


class Parameters(NamedTuple):
    """What can be chosen."""

    inputs: Annotated[int, Integer(1, 10_000)] = 10
    hidden: Annotated[int, Integer(1, 10_000)] = 8
    layers: Annotated[int, Integer(1, 3)] = 1
    samples: Annotated[int, Integer(1, 1_000_000)] = 256
    batch: Annotated[int, Integer(0, 1_000_000)] = 0


def objective(x, data):
    """Return f(x) over all samples."""
    return network_loss(x, data)


def many(points, data, out):
    """Write f at each row of `points`."""
    network_many(points, data, out)


def sample(x, data, key):
    """Return the loss over the mini-batch of a sample key."""
    return network_sample(x, data, key)


def gradient(x, data, out):
    """Write the gradient of f over all samples."""
    network_gradient(x, data, out)


def make(dim, rng, parameters):
    """Draw inputs, teacher and student, and let the teacher answer."""
    hidden = parameters.hidden
    widths = [parameters.inputs, *[hidden] * parameters.layers]
    plan = plan_of([*((inputs, hidden, 1, TANH) for inputs in widths[:-1]), (hidden, 1, 1, IDENTITY)])
    rows = rng.standard_normal((parameters.samples, parameters.inputs))
    teacher, student = glorot(rng, plan), glorot(rng, plan)
    silent = Labelled(rows, np.zeros(parameters.samples), 1)
    data = data_of(silent, plan, True, parameters.batch, 0.0)
    white = Instance(problem, teacher.size, 0, None, teacher, data, Certificates())
    data = data._replace(labels=answers(teacher, white.block))
    certificates = (
        Certificate("f_star", 0.0, "f is a sum of squares that vanishes where the student is the teacher."),
    )
    return Parts(student, data, certificates, teacher, parameters.batch > 0)


problem = Problem(
    name="teacher-student",
    summary="nonconvex: a network learns from another of its shape, which is a known minimiser",
    objective=objective,
    gradient=gradient,
    many=many,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="set by `inputs`, `hidden` and `layers`",
    source="Saad and Solla, Physical Review E 52 (1995) 4225-4243",
)
