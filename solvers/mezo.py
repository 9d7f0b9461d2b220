"""MeZO, memory-efficient zeroth-order stochastic gradient descent: no second vector of size d.

Algorithm (Malladi, Gao, Nichani, Damian, Lee, Chen and Arora, "Fine-tuning language models with just forward
passes", arXiv 2305.17333; n-SPSA with the directions regenerated): for k = 0, 1, ...

    for j = 1 ... n, with z_j ~ N(0, I) made anew from its place in the random stream each time:
        x <- x + radius z_j;      f_plus  = f(x)
        x <- x - 2 radius z_j;    f_minus = f(x)
        x <- x + radius z_j
        p_j = (f_plus - f_minus) / (2 radius)
    for j = 1 ... n:
        x <- x - (step_size / n) p_j z_j

A seed of the paper is a place of the stream here, to which the kernel goes back.  A direction that fits the
block is made once for the three moves of its probe.
Three roundings a probe do not cancel: where nothing is moved, x drifts by at most about
2^-52 (|x_i| + 4 radius |z_i|) a probe in each coordinate, with signs that vary.

radius = 1e-3 is the paper's.  Its step sizes were tuned for language models.  Ours, where none is given, is
n / ((d + n + 1) L), which minimises the bound f(x) - h |g|^2 + h^2 (L/2) (d + n + 1)/n |g|^2 on the mean of
the next value; on the sphere of radius sqrt(d) the same choice is 1/(gamma L) of the paper's analysis at
effective rank d.

2n queries a step, all on one sample of a stochastic objective.
Memory: 1 vector, a block of min(d, 1024) numbers and, for n > 1, n numbers.
Invariances: translation, scaling, rotation.
"""

import math
from typing import Annotated, NamedTuple

from zobench.directions import BLOCK
from zobench.instance import Vector
from zobench.limits import stochastic_two_point
from zobench.oracle import hold, query
from zobench.parameters import Certified, Integer, Real
from zobench.solver import Sized, Solver
from zobench.stream import back, here, normals


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    step_size : float
        Step size; 0 stands for n / ((d + n + 1) L).
    radius : float
        Smoothing radius, in units of x / |z|.
    probes : int
        n, directions a step.
    L : float
        Smoothness constant of the default step size; the problem's certified one if not given.
    """

    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    radius: Annotated[float, Real(0.0, open=True, unit="x")] = 1e-3
    probes: Annotated[int, Integer(1, 1_000_000)] = 1
    L: Annotated[float, Certified(fallback=1.0)] = math.nan


class State(NamedTuple):
    """Workspace: the iterate, a block of the direction, and p_j of each probe."""

    x: Vector
    block: Sized(lambda parameters, dim: min(dim, BLOCK))  # type: ignore[valid-type]
    projected: Sized(lambda parameters, dim: parameters.probes)  # type: ignore[valid-type]


def perturb(state, stream, scale):
    """X <- x + scale z, with z the stream's next normals."""
    x, block = state.x, state.block
    for start in range(0, x.size, block.size):
        z = block[: min(block.size, x.size - start)]
        part = x[start : start + z.size]
        normals(stream, z)
        for i in range(z.size):
            part[i] += scale * z[i]


def perturb_again(state, stream, place, scale):
    """X <- x + scale z, with the z of the last `perturb`, which began at `place` of the stream."""
    x, block = state.x, state.block
    if x.size == block.size:
        for i in range(x.size):
            x[i] += scale * block[i]
    else:
        back(stream, place)
        perturb(state, stream, scale)


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - (step_size / n) sum_j p_j z_j."""
    hold(oracle)
    x, _, projected = state
    radius, first = parameters.radius, here(stream)
    scale, place = -parameters.step_size / parameters.probes, first
    for j in range(parameters.probes):
        place = here(stream)
        perturb(state, stream, radius)
        plus = query(oracle, x)
        perturb_again(state, stream, place, -2.0 * radius)
        minus = query(oracle, x)
        perturb_again(state, stream, place, radius)
        projected[j] = (plus - minus) / (2.0 * radius)
    if parameters.probes == 1:
        perturb_again(state, stream, place, scale * projected[0])
    else:
        back(stream, first)
        for j in range(parameters.probes):
            perturb(state, stream, scale * projected[j])


def cost(parameters, setting):
    """Give the queries of one step."""
    return 2 * parameters.probes


def settle(parameters, setting):
    """Fill the step size; with one given, L is not needed."""
    if parameters.step_size > 0.0:
        return parameters._replace(L=0.0)
    n = parameters.probes
    return parameters._replace(step_size=n / ((setting.dim + n + 1.0) * parameters.L))


solver = Solver(
    name="mezo",
    summary="MeZO: central differences in place, directions regenerated from the stream",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Malladi et al., arXiv 2305.17333 (2023)",
    theorems=(stochastic_two_point,),
    invariances={
        "translation": True,
        "scaling": True,
        "rotation": True,
    },
)
