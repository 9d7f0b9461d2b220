"""Runs of a store done again, for figures that look at iterates, which no store keeps.

The same key gives the same bits, so what is shown is what was recorded; where the count or the best value
differs (another version, another machine), the run is refused.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zobench.drawing import instance_of
from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from zobench.instance import Instance

__all__ = ["iterates"]


def iterates(run: Any, most: int = 200) -> "tuple[Instance, NDArray[np.int64], NDArray[np.float64]] | None":
    """Do a run again and look at it at up to `most` times, evenly spaced in log steps.

    Parameters
    ----------
    run : row of `Evidence.runs`
    most : int

    Returns
    -------
    tuple of Instance, vector of int, array of shape (times, d), or None
        The instance, query counts and iterates; None if this installation gives another run.

    Examples
    --------
    >>> def draw(evidence):
    ...     run = next(evidence.runs.itertuples())
    ...     instance, queries, points = iterates(run, most=50)
    """
    from zobench.driver import Run
    from zobench.objective import objective_of
    from zobench.solver import Setting
    from zobench.solver import solver as solver_of
    from zobench.trace import RunKey

    made = instance_of(run)
    if made is None or made.foreign is not None or run.status == "failed":
        return None
    try:
        method = solver_of(run.solver)
        parameters = json.loads(run.solver_parameters)
        key = RunKey(
            run.problem,
            int(run.dim),
            int(run.instance_seed),
            tuple(json.loads(run.problem_parameters).items()),
            run.solver,
            tuple(parameters.items()),
            int(run.budget),
            int(run.seed),
            run.noise,
        )
        going = method.begin(
            objective_of(made, made.dim),
            Setting(made.dim, key.budget, made.certificates, made.varies, made.manifold),
            parameters,
            made.x0,
            stream_key=key.stream_key(),
            rows=1,
        )
    except (ZobenchError, TypeError):
        return None
    if not isinstance(going, Run):
        return None
    counts, points, done = [0], [np.array(made.x0)], 0
    ends = np.unique(np.geomspace(1, max(1, int(run.steps)), most).astype(int))
    for end in ends:
        more = going.advance(int(end) - done)
        done = int(end)
        counts.append(int(going.oracle["count"][0]))
        points.append(going.x.copy())
        if not more:
            break
    while going.advance():
        pass
    trace = going.trace()
    if trace.count != run.count or not np.isclose(trace.best, run.best, rtol=1e-12, equal_nan=True):
        return None
    return made, np.array(counts), np.array(points)
