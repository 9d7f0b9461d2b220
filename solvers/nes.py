"""Natural evolution strategy with antithetic sampling, in the form of OpenAI's evolution strategies.

Algorithm (Salimans, Ho, Chen, Sidor and Sutskever, "Evolution strategies as a scalable alternative to
reinforcement learning", arXiv 1703.03864, Algorithm 1 with mirrored sampling, to minimise; the search
gradient of Wierstra et al., "Natural evolution strategies", J. Mach. Learn. Res. 15, 2014, for a Gaussian of
fixed deviation sigma): for k = 0, 1, ...

    draw e_1 ... e_n from N(0, I)
    F_j+ = f(x_k + sigma e_j),  F_j- = f(x_k - sigma e_j)
    x_{k+1} = x_k - h / (2 n sigma) sum_j (F_j+ - F_j-) e_j

With `shaping = centered-rank`, as in the authors' published code, the 2n values are replaced with their
ranks, 0 for the smallest and 2n - 1 for the largest, divided by 2n - 1, less 1/2, and the sum is not divided
by sigma.  Values that are equal share the mean of their ranks, and NaN ranks as inf does: this is our
definition.  The iterates then depend on the order of the values only.

sigma = 0.02 is a setting of that code.  Its optimiser (Adam, with a decay of the weights) is left out.  h is
our definition where none is given: without shaping n / ((d + n + 1) L), which minimises the bound
f(x) - h |g|^2 + h^2 (L/2) (d + n + 1)/n |g|^2 as sigma tends to 0, and with it sigma.  So is n = 10.

The directions are made twice, from their place in the random stream, and not kept: the paper's shared seeds.
Only where all of them fit into 1024 numbers are they kept.
2n queries a step, all on one sample of a stochastic objective.  Memory: 3 vectors and 2n numbers; where the
directions are kept, n of them in place of one of the vectors.
Invariances: translation, scaling (without shaping; with it the unit of h is another), rotation, monotone
(ranks).
"""

import math
from typing import Annotated, NamedTuple

from zobench.instance import Vector
from zobench.oracle import hold, query_along
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.solver import Sized, Solver
from zobench.stream import back, here, normals

SHAPINGS = ("none", "centered-rank")
NONE, CENTERED_RANK = range(2)
BLOCK = 1024


class Parameters(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    shaping : str
        Whether steps are made of values or of ranks.
    pairs : int
        n, pairs of points a step.
    sigma : float
        Deviation of the points, in units of x.
    step_size : float
        h; 0 stands for the ones above.
    L : float
        Smoothness constant of the default h without shaping; the problem's certified one if not given.
    """

    shaping: Annotated[str, Choice(*SHAPINGS)] = "none"
    pairs: Annotated[int, Integer(1, 1_000_000)] = 10
    sigma: Annotated[float, Real(0.0, open=True, unit="x")] = 0.02
    step_size: Annotated[float, Real(0.0, unit="x^2/f")] = 0.0
    L: Annotated[float, Certified(fallback=1.0)] = math.nan


def kept(pairs, dim):
    """Give the number of directions that the block holds: all of them, or one."""
    return pairs if pairs * dim <= BLOCK else 1


class State(NamedTuple):
    """Workspace: the iterate, the directions or one of them, the point tried, the values F_1+, F_1-, ..."""

    x: Vector
    block: Sized(lambda parameters, dim: kept(parameters.pairs, dim) * dim)  # type: ignore[valid-type]
    trial: Vector
    values: Sized(lambda parameters, dim: 2 * parameters.pairs)  # type: ignore[valid-type]


def centered_rank(values, place):
    """Return the rank of one of the values, between -1/2 and 1/2."""
    own = math.inf if math.isnan(values[place]) else values[place]
    below, equal = 0, 0
    for i in range(values.size):
        other = math.inf if math.isnan(values[i]) else values[i]
        if other < own:
            below += 1
        elif other == own:
            equal += 1
    return (below + 0.5 * (equal - 1)) / (values.size - 1) - 0.5


def step(oracle, state, parameters, k, stream):
    """x_{k+1} = x_k - h / (2 n sigma) sum_j (F_j+ - F_j-) e_j."""
    hold(oracle)
    x, block, _, values = state
    n, sigma, first = parameters.pairs, parameters.sigma, here(stream)
    again = block.size < n * x.size
    for j in range(n):
        e = block[: x.size] if again else block[j * x.size : (j + 1) * x.size]
        normals(stream, e)
        values[2 * j], values[2 * j + 1] = query_along(oracle, x, e, sigma, state.trial)
    if again:
        back(stream, first)
    for j in range(n):
        e = block[: x.size] if again else block[j * x.size : (j + 1) * x.size]
        if again:
            normals(stream, e)
        if parameters.shaping == CENTERED_RANK:
            weight = (centered_rank(values, 2 * j) - centered_rank(values, 2 * j + 1)) / (2.0 * n)
        else:
            weight = (values[2 * j] - values[2 * j + 1]) / (2.0 * n * sigma)
        for i in range(x.size):
            x[i] -= parameters.step_size * weight * e[i]


def cost(parameters, setting):
    """Give the queries of one step."""
    return 2 * parameters.pairs


def settle(parameters, setting):
    """Fill the step size; with one given or with ranks, L is not needed."""
    n = parameters.pairs
    if parameters.step_size > 0.0:
        return parameters._replace(L=0.0)
    if parameters.shaping == "centered-rank":
        return parameters._replace(L=0.0, step_size=parameters.sigma)
    return parameters._replace(step_size=n / ((setting.dim + n + 1.0) * parameters.L))


solver = Solver(
    name="nes",
    summary="natural evolution strategy with antithetic sampling, by values or by ranks",
    step=step,
    state=State,
    cost=cost,
    parameters=Parameters,
    settle=settle,
    source="Salimans et al., arXiv 1703.03864 (2017)",
    invariances={
        "translation": True,
        "scaling": lambda parameters: parameters.shaping == "none",
        "rotation": True,
        "monotone": lambda parameters: parameters.shaping == "centered-rank",
    },
)
