"""Hand-fused loops of the two-point methods on the sphere: what one would write for each, nothing counted.

Each method is written out for this one function: no trial point is stored where a sum can be taken at once,
nothing is looked up, the rule and the law are fixed when it is compiled.  The randomness comes from zobench's
stream and every operation is that of the solver, so that a loop gives the solver's iterates to the last bit
(`tests/test_fused.py`): the yardstick does the same work.

Counted as two-point are the methods that learn of f, a direction at a time, from two values: differences
(central ones, and forward ones with f(x) asked once for all directions of a step) and comparisons, with f(x)
asked anew or known from the step before.  Methods that need many values before they move (coordinate
differences, searches over radii) are not, nor are those that draw points without any reference to x.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import float64, int64, types

from benchmarks import two_point_bodies as bodies
from benchmarks.two_point_bodies import (
    Work,
    ask_first,
    coordinate,
    gaussian,
    nothing,
    rademacher,
    sphere,
    start_accelerated,
    start_es,
    undrawn,
    unit_sphere,
)
from zobench.compile import layout_of, typed
from zobench.directions import LAWS
from zobench.parameters import encode
from zobench.solver import Setting, solver
from zobench.stream import STREAM, Stream
from zobench.views import parameters_view, record_view, workspace_view

__all__ = ["METHODS", "Fused", "Method"]


@dataclass(frozen=True)
class Method:
    """A solver, what is chosen of it, and the loop written for that."""

    solver: str
    step: Callable[..., None]
    direction: Callable[..., None]
    chosen: dict[str, Any] = field(default_factory=dict)
    init: Callable[..., None] = nothing

    @property
    def label(self) -> str:
        """Name the method and the choice."""
        return " ".join([self.solver, *map(str, self.chosen.values())])


DIRECTIONS = dict(zip(LAWS, (gaussian, rademacher, sphere, unit_sphere, coordinate), strict=True))
S2P = {
    "stationary": bodies.s2p_stationary,
    "dynamic": bodies.s2p_dynamic,
    "gamma": bodies.s2p_gamma,
    "clipped": bodies.s2p_clipped,
}
CENTRAL = {"difference": "central"}
METHODS = (
    *(
        Method("s2p", S2P[rule], DIRECTIONS[law], {"rule": rule, "law": law})
        for rule in S2P
        for law in ("gaussian", "rademacher", "sphere", "coordinate")
    ),
    Method("s2p", bodies.s2p_gamma_four, gaussian, {"rule": "gamma-four"}),
    Method("stp", bodies.stp_fixed, unit_sphere, {"rule": "fixed"}, ask_first),
    Method("stp", bodies.stp_decreasing, unit_sphere, {"rule": "decreasing"}, ask_first),
    Method("stp", bodies.stp_harmonic, unit_sphere, {"rule": "harmonic"}, ask_first),
    Method("stp", bodies.stp_oracle, unit_sphere, {"rule": "oracle"}, ask_first),
    Method("stp", bodies.stp_difference, unit_sphere, {"rule": "finite-difference"}, ask_first),
    Method("vs2p", bodies.vs2p, rademacher),
    Method("vs2p", bodies.vs2p, gaussian, {"law": "gaussian"}),
    Method("random-search", bodies.random_search, unit_sphere, {}, ask_first),
    Method("one-plus-one-es", bodies.one_plus_one_es, gaussian, {}, start_es),
    Method("random-gradient-free", bodies.descend_forward, gaussian),
    Method("random-gradient-free", bodies.descend_central, gaussian, CENTRAL),
    Method("accelerated-random-gradient-free", bodies.accelerated_forward, gaussian, {}, start_accelerated),
    Method(
        "accelerated-random-gradient-free", bodies.accelerated_central, gaussian, CENTRAL, start_accelerated
    ),
    Method("mezo", bodies.mezo, gaussian),
    Method("spsa", bodies.spsa_classical, rademacher),
    Method("spsa", bodies.spsa_constant, rademacher, {"rule": "constant"}),
    Method("zo-svrg", bodies.zo_svrg, sphere),
    Method("zo-sign-sgd", bodies.zo_sign_forward, undrawn),
    Method("zo-sign-sgd", bodies.zo_sign_central, undrawn, CENTRAL),
    Method("zo-adamm", bodies.zo_adamm, undrawn),
    Method("rsgf", bodies.descend_forward, gaussian),
    Method("orthogonal-directions", bodies.orthogonal, undrawn),
    Method("nes", bodies.nes, undrawn),
)

_stream_at = record_view(STREAM)
_work_at = workspace_view(Work)
# Bound when the template is compiled.
first: Any = None
direction: Any = None
body: Any = None
values_at: Any = None


def _loop(stream_address, work, offsets, parameters, steps):
    stream, w, p = _stream_at(stream_address), _work_at(work, offsets), values_at(parameters)
    first(w, p)
    for k in range(steps):
        direction(w, stream)
        body(w, p, k, stream)


class Fused:
    """The loop of one method on one instance of the sphere.

    Parameters
    ----------
    method : Method
    instance : Instance
        Of ``quadratic`` without rotation, of fewer than 64 dimensions.
    budget : int
        What the solver's defaults are settled for, and how many queries the loop makes.
    """

    def __init__(self, method: Method, instance: Any, budget: int):
        own = solver(method.solver)
        setting = Setting(instance.dim, budget, instance.certificates)
        chosen = own.settled(own.choose(method.chosen), setting)
        asked = method.init in (ask_first, start_es)
        self.steps = (budget - asked) // own.cost(chosen, setting)
        self.start, dim = instance.x0, instance.dim
        self.parameters = own.encoded(chosen)
        sizes = [{"frame": 16 * dim, "numbers": 16}.get(name, dim) for name in Work._fields]
        # fields start at cache lines, as a solver's do
        starts = np.concatenate([[0], np.cumsum([-(-size // 8) * 8 for size in sizes])])
        self.offsets = np.array([*zip(starts[:-1], sizes, strict=True)], dtype=np.int64)
        self.work = np.zeros(starts[-1])
        for name, vector in (("eigenvalues", instance.data.eigenvalues), ("x_star", instance.data.x_star)):
            self._field(name)[:] = vector
        kinds = [float64 if isinstance(number, float) else int64 for number in encode(chosen)]
        address = typed(
            _loop,
            types.void(*[int64] * 5),
            f"hand-fused {method.label}",
            layout=layout_of(Work, own.parameters, kinds),
            first=method.init,
            direction=method.direction,
            body=method.step,
            values_at=parameters_view(own.parameters, kinds),
        )
        self._call = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(address)

    def _field(self, name: str) -> np.ndarray:
        start, size = self.offsets[Work._fields.index(name)]
        return self.work[start : start + size]

    def run(self, stream: Stream) -> np.ndarray:
        """Make every step from x0; answer the last iterate."""
        for name in Work._fields[1:-2]:
            self._field(name)[:] = 0.0
        self._field("x")[:] = self.start
        self._call(
            stream.address,
            self.work.ctypes.data,
            self.offsets.ctypes.data,
            self.parameters.ctypes.data,
            self.steps,
        )
        return self._field("x").copy()
