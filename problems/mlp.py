"""A neural network of one to three hidden layers on real data.

    f(x) = 1/N sum_i loss(z_i, y_i) + ridge/2 |x|^2,   z_i = V^T h_i + c,   h_i = tanh(W^T a_i + b)

with samples a_i of p features and one layer of H = `hidden` units; with `layers` = 2 or 3, h_i then goes
through one or two layers h -> tanh(M^T h + e) of H units more.  In classification the loss is the
cross-entropy lse(z) - z_y with lse(z) = ln sum_k exp(z_k) over the C classes; in regression (z - y)^2/2.

x holds W (p, H) row by row, b (H), then M (H, H) and e (H) of each further layer, V (H, C) row by row, c (C):
d = (p + 1) H + (layers - 1)(H + 1) H + (H + 1) C.  Weights start uniform on +- sqrt(6/(inputs + outputs)),
biases at 0.

With `batch` = B > 0 a query answers the mean over B samples drawn with replacement by the sample key (plus
the whole ridge term), whose expectation is f; with `batch` = 0 it answers f.

=============  =====  ===  ===  ================
data           N      p    C    d (hidden = 16)
=============  =====  ===  ===  ================
digits         1797   64   10   1210
breast-cancer  569    30   2    530
iris           150    4    3    131
wine           178    13   3    275
diabetes       442    10   1    193
=============  =====  ===  ===  ================

Pixels of the digits are divided by 16, the other columns and the target of diabetes (a regression)
standardised.  On digits, `hidden` = 256 and `layers` = 2 give d = 85,002; `hidden` = 900 gives 878,410.

Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323
(1986); the start is that of Glorot and Bengio (AISTATS 2010).
"""

from typing import Annotated, NamedTuple

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.objectives.classification import DATA
from zobench.objectives.layers import IDENTITY, TANH, glorot, plan_of
from zobench.objectives.networks import (
    REGRESSION,
    Data,
    data_of,
    network_gradient,
    network_loss,
    network_many,
    network_sample,
    real_data,
)
from zobench.parameters import Choice, Integer, Real


class Parameters(NamedTuple):
    """What can be chosen."""

    data: Annotated[str, Choice(*DATA, *REGRESSION)] = "digits"
    hidden: Annotated[int, Integer(1, 10_000)] = 16
    batch: Annotated[int, Integer(0, 1_000_000)] = 64
    ridge: Annotated[float, Real(0.0)] = 0.0
    layers: Annotated[int, Integer(1, 3)] = 1


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
    """Lay out the data and draw the start."""
    found, hidden = real_data(parameters.data), parameters.hidden
    widths = [found.rows.shape[1], *[hidden] * parameters.layers]
    layers = [(inputs, hidden, 1, TANH) for inputs in widths[:-1]]
    plan = plan_of([*layers, (hidden, found.classes, 1, IDENTITY)])
    data = data_of(found, plan, parameters.data in REGRESSION, parameters.batch, parameters.ridge)
    certificate = Certificate("f_lower", 0.0, "Loss and ridge are never negative.", exact=False)
    return Parts(glorot(rng, plan), data, (certificate,), stochastic=parameters.batch > 0)


problem = Problem(
    name="mlp",
    summary="nonconvex: one to three hidden layers on real data, by mini-batches or in full",
    objective=objective,
    gradient=gradient,
    many=many,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="set by the data, `hidden` and `layers`",
    source="Rumelhart, Hinton, Williams, Nature 323 (1986) 533-536",
    later=("layers",),
)
