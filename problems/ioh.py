r"""Real-valued problems of IOHexperimenter: ``ioh:f01_i01_d10`` and ``ioh:sphere_i01_d10``.

`f01` to `f24` are the noiseless BBOB functions by number, called by their names afterwards; any real-valued
single-objective problem that is minimised can be written by its name in the package ioh, in lower case
(``ioh:bentcigar_i01_d5``, ``ioh:cec2022levy_i01_d10``).  `i01` is the instance and `d10` the dimension.

The objective is computed by the package ioh; a query enters it exactly once, and the harness evaluates off
the record on a second copy, so that ioh's counter of evaluations agrees with the count (ioh does not count
points that are not finite, zobench does).

The start is the middle of the bounds, for ioh names none.  Bounds are not imposed; the optimal value is
certified of the BBOB functions only, which are defined on all of R^d.

Source: de Nobel, Ye, Vermetten, Wang, Doerr and Bäck, "IOHexperimenter: benchmarking platform for iterative
optimization heuristics", Evolutionary Computation 32 (2024).
"""

import re
from difflib import get_close_matches

import numpy as np

from zobench.family import Family, Foreign


def names():
    """Give the package's own spelling of every name, and of every BBOB number."""
    import ioh

    known = {name.lower(): name for name in ioh.ProblemClass.REAL.problems.values()}
    bbob = ioh.ProblemClass.BBOB.problems
    return known | {
        f"f{number:{form}}": name for number, name in bbob.items() for form in ("d", "02d", "03d")
    }


def load(rest):
    """Read a member's name and try whether ioh has it."""
    import ioh

    found = re.fullmatch(r"([a-z]\w*?)_i(\d+)_d(\d+)", rest.lower())
    if not found:
        raise problem.refuse(rest, "there is no such problem")
    known, (word, instance, dim) = names(), (found[1], int(found[2]), int(found[3]))
    if word not in known:
        near = get_close_matches(word, known, 1)
        raise problem.refuse(
            rest, "ioh has no such function" + (f", the nearest is {near[0]}" if near else "")
        )
    if instance < 1 or dim < 1 or instance >= 2**31 or dim > 10**6:
        raise problem.refuse(rest, "instance and dimension must be at least 1")
    if known[word].startswith("CEC2022") and dim not in (2, 10, 20):
        raise problem.refuse(rest, f"its dimension must be 2, 10 or 20, got {dim}")

    def copy():
        return ioh.get_problem(known[word], instance, dim, ioh.ProblemClass.REAL)

    try:
        first = copy()
    except Exception as error:
        raise problem.refuse(rest, f"ioh cannot make it ({error})") from None
    if first.meta_data.n_variables != dim:
        raise problem.refuse(rest, f"its dimension must be {first.meta_data.n_variables}, got {dim}")
    if first.meta_data.optimization_type != ioh.OptimizationType.MIN:
        raise problem.refuse(rest, "it is one to maximise, and zobench minimises")

    def make():
        counted, quiet = copy(), copy()
        low, high = (np.array(bound, dtype=float) for bound in (counted.bounds.lb, counted.bounds.ub))
        foreign = Foreign(entered(counted), entered(quiet), lambda: counted.state.evaluations)
        start = (low + high) / 2.0
        if known[word] not in ioh.ProblemClass.BBOB.problems.values():
            return foreign, start, None, None
        return foreign, start, float(counted.optimum.y), np.array(counted.optimum.x, dtype=float)

    return f"{known[word].lower()}_i{instance:02d}_d{dim}", dim, make


def entered(function):
    """Give an ioh problem as a callable of a vector."""

    def objective(x):
        return float(function(x))

    return objective


problem = Family(
    name="ioh",
    summary="real-valued problem of IOHexperimenter",
    source="de Nobel et al., IOHexperimenter, Evolutionary Computation 32 (2024)",
    pattern="ioh:NAME_iII_dD",
    example="ioh:sphere_i01_d10",
    dims="any",
    package="ioh",
    imported="ioh",
    load=load,
)
