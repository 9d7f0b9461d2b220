"""ZO-SVRG, zeroth-order stochastic variance reduction, for an oracle that draws its samples itself.

Algorithm (Liu, Kailkhura, Chen, Ting, Chang and Amini, "Zeroth-order stochastic variance reduction for
nonconvex optimization", NeurIPS 2018, arXiv 1805.10367): in each epoch

    y = x,  g = an estimate of the gradient of f at the snapshot y
    m times:  draw a mini-batch;  v = (its estimate at x) - (its estimate at y) + g;  x = x - step_size v

From the paper, of which the text could be read and not the formulas: the blend v, two-point estimates along
directions uniform on a sphere ("RandGradEst") and means of several ("Avg-RandGradEst", here `probes`).  That
the next snapshot is the last iterate is as in SVRG.  Its "CoordGradEst" is left out.  Ours is the rest:

* The oracle names no component of a finite sum; a sample is held for one step.  So g is not a pass over the
  sum but the mean over `batch` fresh samples, one in each of `batch` steps that leave x where it is.  What
  remains of the variance near the snapshot is that of g, a `batch`-th of the two-point estimator's, in place
  of the paper's error of order 1 / (size of the mini-batch).
* The two estimates of a step share the sample and the directions, so that their difference vanishes as x
  nears y, whatever the law of the directions.
* Where queries do not vary there is no sample to reduce the variance of: with `snapshots = sampled`, the
  default, a step is then the two-point one, x - step_size (estimate at x).  `always` reduces the variance of
  the directions alone, and on the sphere takes about three times the queries of `never`, the two-point route.
* step_size not given is n / ((d + n - 1) L) with n probes (d + n + 1 for the Gaussian law), as for `spsa`.
  `inner`, the paper's m, not given is the batch (d + n - 1) / (batch n + d) steps after which, at that step
  size, the expected decrease -a |g|^2 + a^2 (1 + d / (batch n)) |g|^2 / 2, a = m n / (d + n - 1), is largest.
* Where E s s^T = (m2/d) I is not I, the estimates are multiplied by d/m2.

With n probes an estimate takes n + 1 queries by forward and 2n by central differences.  A step asks for one
estimate while g is gathered and on the two-point route, for two in the rest of an epoch, all on one sample.
An epoch is batch + inner steps.  Memory: 6 vectors.
Invariances: translation, scaling, rotation (rotation-invariant laws).
"""

import math
from typing import Annotated, NamedTuple

from zobench.directions import LAWS, ROTATION_INVARIANT, constants, draw
from zobench.instance import Vector
from zobench.oracle import hold, query, varies
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Solver

SNAPSHOTS = ("sampled", "always", "never")
SAMPLED, ALWAYS, NEVER = range(3)
FORMS = ("forward", "central")
FORWARD, CENTRAL = range(2)


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    snapshots : str
        Whether to reduce the variance: where queries vary, always or never.
    batch : int
        Samples of the estimate at the snapshot.
    inner : int
        Steps of an epoch that move x; 0 stands for the number above.
    probes : int
        n, directions an estimate.
    difference : str
        Form of the finite difference.
    step_size : float
        Step size; 0 stands for the one above.
    radius : float
        Smoothing radius, in units of x / |s|.
    law : str
        Direction law.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    scale : float
        d / m2; 0 stands for that of the law.
    """

    snapshots: Annotated[str, Choice(*SNAPSHOTS)] = "sampled"
    batch: Annotated[int, Integer(1, 10**9)] = 20
    inner: Annotated[int, Integer(0, 10**9)] = 0
    probes: Annotated[int, Integer(1, 1_000_000)] = 1
    difference: Annotated[str, Choice(*FORMS)] = "forward"
    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-3
    law: Annotated[str, Choice(*LAWS)] = "sphere"
    L: Annotated[float, Certified(fallback=1.0)] = math.nan
    scale: Annotated[float, Real(0.0)] = 0.0


class State(NamedTuple):
    """Workspace: iterate, snapshot, estimate there, estimate, direction, the point that is tried."""

    x: Vector
    snapshot: Vector
    g: Vector
    v: Vector
    s: Vector
    trial: Vector


def shifted(oracle, state, point, shift):
    """Ask for f(point + shift s)."""
    for i in range(point.size):
        state.trial[i] = point[i] + shift * state.s[i]
    return query(oracle, state.trial)


def base(oracle, parameters, point):
    """Ask for f(point) where the differences need it."""
    return query(oracle, point) if parameters.difference == FORWARD else 0.0


def quotient(oracle, state, parameters, point, value):
    """Give the difference quotient at `point` along s; `value` is f there."""
    radius = parameters.radius
    ahead = shifted(oracle, state, point, radius)
    if parameters.difference == FORWARD:
        return (ahead - value) / radius
    return (ahead - shifted(oracle, state, point, -radius)) / (2.0 * radius)


def probe(oracle, state, parameters, stream, blends, here, there):
    """Draw a direction and give what the blend adds along it."""
    draw(stream, parameters.law, state.s)
    slope = quotient(oracle, state, parameters, state.x, here)
    if blends:
        slope -= quotient(oracle, state, parameters, state.snapshot, there)
    return slope * (parameters.scale / parameters.probes)


def step(oracle, state, parameters, k, stream):
    """Gather a part of the estimate at the snapshot, or move x by a blended estimate."""
    hold(oracle)
    x, snapshot, g, v, s, _ = state
    reduced = parameters.snapshots == ALWAYS or (parameters.snapshots == SAMPLED and varies(oracle))
    place = k % (parameters.batch + parameters.inner)
    gathers = reduced and place < parameters.batch
    blends = reduced and not gathers
    if gathers and place == 0:
        snapshot[:] = x
        g[:] = 0.0
    for i in range(x.size):
        v[i] = g[i] if blends else 0.0
    here = base(oracle, parameters, x)
    there = base(oracle, parameters, snapshot) if blends else 0.0
    for _ in range(parameters.probes - 1):
        slope = probe(oracle, state, parameters, stream, blends, here, there)
        for i in range(x.size):
            v[i] += slope * s[i]
    # the last probe goes where it is used at once: x need not wait for v to be stored
    slope = probe(oracle, state, parameters, stream, blends, here, there)
    if gathers:
        for i in range(x.size):
            g[i] += (v[i] + slope * s[i]) / parameters.batch
    else:
        for i in range(x.size):
            x[i] -= parameters.step_size * (v[i] + slope * s[i])


def cost(parameters, setting):
    """Give the most queries of one step."""
    n, varying = parameters.probes, setting.varies and parameters.snapshots == "sampled"
    estimates = 2 if varying or parameters.snapshots == "always" else 1
    return estimates * (n + 1 if parameters.difference == "forward" else 2 * n)


def settle(parameters, setting):
    """Fill the epoch's length, scale and step size; with the latter given, L is not needed."""
    n, d, batch = parameters.probes, setting.dim, parameters.batch
    spread = d + n + 1.0 if parameters.law == "gaussian" else d + n - 1.0
    filled = parameters._replace(
        inner=parameters.inner or math.ceil(batch * spread / (batch * n + d)),
        scale=parameters.scale or d / constants(parameters.law, d).m2,
    )
    if parameters.step_size > 0.0:
        return filled._replace(L=0.0)
    return filled._replace(step_size=n / (spread * parameters.L))


solver = Solver(
    name="zo-svrg",
    summary="ZO-SVRG: finite differences whose variance a snapshot's estimate reduces",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Liu et al., NeurIPS 2018, arXiv 1805.10367",
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": lambda parameters: parameters.law in ROTATION_INVARIANT,
    },
)
