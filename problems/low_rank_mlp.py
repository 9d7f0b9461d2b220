"""A neural network whose matrices of weights are products of thin factors.

    f(x) = 1/N sum_i loss(z_i, y_i) + ridge/2 |x|^2,   z_i = V^T h_i + c,   h_i = tanh((U_1 S_1)^T a_i + b_1)

with samples a_i of p features, `layers` hidden layers of H = `hidden` units (h -> tanh((U_l S_l)^T h + b_l))
and W_l = U_l S_l of rank r = `rank`, at most the smaller of H and the layer's inputs.  In classification the
loss is the cross-entropy over the C classes, in regression (z - y)^2/2.

x holds, layer by layer, U_l (inputs, r) row by row, S_l (r, H) row by row, b_l (H); then V (H, C) row by row,
c (C): d = (p + H) r + H + (layers - 1)(2 H r + H) + (H + 1) C.  The entries of U_l and S_l start uniform with
variance sqrt(2/(r (inputs + H))), so that those of W_l have the variance of Glorot's start; V starts uniform
on +- sqrt(6/(H + C)), biases at 0.  f does not see U_l -> U_l G, S_l -> G^-1 S_l (without the ridge).

With `batch` = B > 0 a query answers the mean over B samples drawn with replacement by the sample key (plus
the whole ridge term), whose expectation is f; with `batch` = 0 it answers f.  The data are those of `mlp`:
pixels of the digits divided by 16, other columns and the target of diabetes standardised.

Source: the factors of Denil, Shakibi, Dinh, Ranzato and de Freitas, "Predicting parameters in deep learning"
(NeurIPS 2013); the start is after Glorot and Bengio (AISTATS 2010).
"""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
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
    rank: Annotated[int, Integer(1, 10_000)] = 2
    layers: Annotated[int, Integer(1, 3)] = 1
    batch: Annotated[int, Integer(0, 1_000_000)] = 64
    ridge: Annotated[float, Real(0.0)] = 0.0


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
    found, hidden, rank = real_data(parameters.data), parameters.hidden, parameters.rank
    features = found.rows.shape[1]
    if rank > min(features, hidden):
        raise ZobenchError(
            f"problem {problem.name!r}: rank must be <= {min(features, hidden)}, the smaller of hidden = "
            f"{hidden} and the {features} features of {parameters.data!r}, got {rank}"
        )
    layers = []
    for inputs in [features, *[hidden] * (parameters.layers - 1)]:
        layers += [(inputs, rank, 0, IDENTITY), (rank, hidden, 1, TANH)]
    plan = plan_of([*layers, (hidden, found.classes, 1, IDENTITY)])
    x0 = glorot(rng, plan)
    for thin, wide in zip(plan[:-1:2].astype(int), plan[1::2].astype(int), strict=True):
        variance = np.sqrt(2.0 / (rank * (thin[0] + hidden)))
        for inputs, outputs, place in (thin[:3], wide[:3]):
            x0[place : place + inputs * outputs] *= np.sqrt(variance * (inputs + outputs) / 2.0)
    data = data_of(found, plan, parameters.data in REGRESSION, parameters.batch, parameters.ridge)
    certificate = Certificate("f_lower", 0.0, "Loss and ridge are never negative.", exact=False)
    return Parts(x0, data, (certificate,), stochastic=parameters.batch > 0)


problem = Problem(
    name="low-rank-mlp",
    summary="nonconvex: a network with low-rank weights U S on real data, by mini-batches or in full",
    objective=objective,
    gradient=gradient,
    many=many,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=None,
    dims="set by the data, `hidden`, `rank` and `layers`",
    source="Denil et al., Predicting parameters in deep learning, NeurIPS 2013",
)
