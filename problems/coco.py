r"""The 24 noiseless BBOB functions of the COCO platform: ``coco:bbob_f001_i01_d10``.

`f001` to `f024` is the function, `i01` and on the instance, `d10` the dimension (2, 3, 5, 10, 20 or 40), all
as COCO writes them; ``bbob_f1_i1_d5`` is understood, too, and called ``bbob_f001_i01_d05``.  The objective is
computed by COCO's own code in the package coco-experiment; a query enters it exactly once, and the harness
evaluates off the record on a second copy, so that COCO's counter of evaluations agrees with the count.

The start is COCO's own initial solution, the origin, in the middle of the region of interest [-5, 5]^d.
Constraints are not imposed: the functions are defined on all of R^d.

COCO draws the optimal value of a function and instance from a generator with a fixed seed,

    f_star = min(1000, max(-1000, round(100 * 100 * g(r) / g(r + 1)) / 100)),

where g(r) is the first normal variate with seed r = s + 10000 i, i is the instance and s is the number of the
function, but 3 for function 4 and 17 for function 18.  `optimal_value` is that formula; the tests compare it
with what COCO says at its own optimum.

Source: Hansen, Finck, Ros and Auger, "Real-parameter black-box optimization benchmarking 2009: noiseless
functions definitions", INRIA RR-6829; Hansen, Auger, Ros, Mersmann, Tusar and Brockhoff, "COCO" (2021).
"""

import math
import re

from zobench.family import Family, Foreign

DIMS = (2, 3, 5, 10, 20, 40)
#: Functions whose optimal value is drawn with another function's number.
SHARED = {4: 3, 18: 17}


def uniforms(seed, count):
    """Give the first numbers of COCO's generator: multiplicative, shuffled after Bays and Durham."""
    state, table = max(1, abs(seed)), [0] * 32
    for i in reversed(range(40)):
        state = 16807 * state % 2147483647
        if i < 32:
            table[i] = state
    drawn, numbers = table[0], []
    for _ in range(count):
        state = 16807 * state % 2147483647
        place = drawn // 67108865
        drawn, table[place] = table[place], state
        numbers.append(drawn / 2.147483647e9 or 1e-99)
    return numbers


def normal(seed):
    """Give the first normal variate of a seed."""
    one, two = uniforms(seed, 2)
    return math.sqrt(-2.0 * math.log(one)) * math.cos(2.0 * math.pi * two) or 1e-99


def optimal_value(function, instance):
    """Give the optimal value of one function and instance."""
    seed = SHARED.get(function, function) + 10000 * instance
    # C rounds halves away from zero
    ratio = 100.0 * 100.0 * normal(seed) / normal(seed + 1)
    return min(1000.0, max(-1000.0, math.copysign(math.floor(abs(ratio) + 0.5), ratio) / 100.0))


def load(rest):
    """Read a member's name."""
    found = re.fullmatch(r"bbob_f(\d{1,3})_i(\d+)_d(\d+)", rest)
    if not found:
        raise problem.refuse(rest, "there is no such problem")
    function, instance, dim = map(int, found.groups())
    if not 1 <= function <= 24:
        raise problem.refuse(rest, f"the function must be f001 to f024, got f{found[1]}")
    if not 1 <= instance <= 1000:
        raise problem.refuse(rest, f"the instance must be i01 to i1000, got i{found[2]}")
    if dim not in DIMS:
        raise problem.refuse(rest, f"the dimension must be one of {', '.join(map(str, DIMS))}, got {dim}")
    name = f"bbob_f{function:03d}_i{instance:02d}_d{dim:02d}"

    def make():
        import cocoex

        def copy():
            suite = cocoex.Suite(
                "bbob", f"instances: {instance}", f"dimensions: {dim} function_indices: {function}"
            )
            return suite.get_problem(name), suite

        counted, quiet = copy(), copy()
        foreign = Foreign(entered(*counted), entered(*quiet), lambda: counted[0].evaluations)
        return foreign, counted[0].initial_solution, optimal_value(function, instance), None

    return name, dim, make


def entered(function, suite):
    """Give a COCO problem as a callable that keeps its suite alive."""

    def objective(x):
        _ = suite
        return float(function(x))

    return objective


problem = Family(
    name="coco",
    summary="noiseless BBOB function of the COCO platform",
    source="Hansen, Finck, Ros and Auger, INRIA RR-6829 (2009)",
    pattern="coco:bbob_fFFF_iII_dD",
    example="coco:bbob_f001_i01_d10",
    dims="2, 3, 5, 10, 20, 40",
    package="coco-experiment",
    imported="cocoex",
    load=load,
)
