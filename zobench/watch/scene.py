"""What the page draws: the scene (plane, contours, bounds, names) and the steps, as plain data."""

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError
from zobench.instance import Instance
from zobench.registry import catalogue
from zobench.solver import Solver
from zobench.watch.bound import QUANTITIES, Bound, chosen_bound
from zobench.watch.plane import Plane, contours, plane_of, window_of
from zobench.watch.record import Step, Walk, probe

__all__ = ["MOST", "Show"]

#: Queries that can be watched: the page keeps every one of them.
MOST = 20_000
#: Points of the bound that are sent.
BOUND_POINTS = 400


@dataclass
class _Side:
    """One solver of the show."""

    walk: Walk
    bound: Bound | None
    said: str
    trace: Any
    points: NDArray[np.float64]


class Show:
    """One or two runs on one instance, ready to be drawn.

    Parameters
    ----------
    instance : Instance
    solvers : sequence of (Solver, mapping)
        One or two, each with its parameters as chosen.
    budget, seed : int
    theorem : str
        Whose bound to draw: a name, "none", or empty for the first that fits.

    Examples
    --------
    >>> import zobench, zobench.solver
    >>> s2p = zobench.solver.solver("s2p")
    >>> show = Show(zobench.problem("quadratic", dim=2), [(s2p, {})], budget=10, seed=0)
    >>> [step["count"] for step in show.steps(0, 2)["walks"][0]]
    [2, 4]
    """

    def __init__(
        self,
        instance: Instance,
        solvers: Sequence[tuple[Solver, Mapping[str, Any]]],
        budget: int,
        seed: int,
        theorem: str = "",
    ):
        if budget > MOST:
            raise ZobenchError(
                f"watch: budget must be at most {MOST:,} queries, for every one of them is kept and drawn, "
                f"got {budget:,}; `zobench run` does longer runs"
            )
        self.instance, self.budget, self.seed = instance, budget, seed
        self._lock = threading.Lock()
        self.sides = [self._side(solver, given, theorem) for solver, given in solvers]
        with np.errstate(all="ignore"):
            self.plane: Plane = plane_of(instance, [side.trace.x for side in self.sides])
        self._scene: dict[str, Any] | None = None

    def _side(self, solver: Solver, given: Mapping[str, Any], theorem: str) -> _Side:
        bound, parameters, said = chosen_bound(self.instance, solver, given, self.budget, theorem)
        walk = Walk(self.instance, solver, parameters, self.budget, self.seed)
        trace, points = probe(self.instance, solver, walk.key)
        return _Side(walk, bound, said, trace, points)

    @property
    def reference(self) -> float | None:
        """What gaps are measured from: f_star, or a certified lower bound; None where nothing is known."""
        return self.instance.certificates.reference

    def scene(self) -> dict[str, Any]:
        """Give all that does not change while the runs go on."""
        with self._lock, np.errstate(all="ignore"):
            if self._scene is None:
                self._scene = self._made()
            return self._scene

    def _made(self) -> dict[str, Any]:
        made, plane = self.instance, self.plane
        x0 = plane.project(made.x0, made.value(made.x0))
        star = None if made.x_star is None else plane.project(made.x_star, made.value(made.x_star))
        must = np.array([x0] if star is None else [x0, star])
        spots = [
            plane.project(point, made.value(point) if made.dim == 1 else 0.0)
            for side in self.sides
            for point in side.points
            if np.isfinite(point).all()
        ]
        seen = np.array(spots).reshape(-1, 2)
        if made.dim == 1:  # the page chooses the height of a graph
            seen[:, 1], must[:, 1] = must[0, 1], must[0, 1]
        window = window_of(seen, must)
        certificates = made.certificates
        known = next((name for name in ("f_star", "f_best", "f_lower") if name in certificates), "")
        return {
            "problem": made.name,
            "dim": made.dim,
            "budget": self.budget,
            "seed": self.seed,
            "plane": plane.said,
            "window": window,
            "graph": made.dim == 1,
            "contours": contours(made, plane, window),
            "x0": x0,
            "x_star": star,
            "start": _plain(made.value(made.x0)),
            "reference": self.reference,
            "gap": f"f - {known}" if known else "f",
            "noise": "" if made.noise is None else made.noise.text,
            "stochastic": made.stochastic,
            "sides": [self._said(side) for side in self.sides],
        }

    def _said(self, side: _Side) -> dict[str, Any]:
        walk, bound = side.walk, side.bound
        chosen = ",".join(f"{name}={_word(value)}" for name, value in walk.parameters.items())
        solver = f"{walk.solver.name}:{chosen}" if chosen else walk.solver.name
        facts = {
            "solver": walk.solver.name,
            "summary": walk.solver.summary,
            "parameters": {name: _plain(value) for name, value in walk.settled._asdict().items()},
            "run": self._command(walk.solver, solver),
            "said": side.said,
            "whole": type(walk.solver).begin.__qualname__ != "Solver.begin",
            "bound": None,
        }
        if bound is not None:
            at = np.unique(np.geomspace(1, bound.steps, BOUND_POINTS).astype(int))
            values = bound.along(at)
            keep = np.isfinite(values)
            theorem = bound.theorem
            facts["bound"] = {
                "theorem": theorem.name,
                "statement": theorem.statement,
                "quantity": theorem.quantity,
                "is_gap": theorem.quantity == "f(x_K) - f_star",
                "steps": [int(k) for k in at[keep]],
                "queries": [theorem.budget(replace(bound.case, steps=int(k))) for k in at[keep]],
                "values": [float(value) for value in values[keep]],
                "horizon": bound.steps,
            }
        return facts

    def _command(self, solver: Solver, named: str) -> str:
        """Give the command that stores the same run; empty for a solver that no command knows by its name."""
        if catalogue("solvers").get(solver.name) is not solver:
            return ""
        seeds = f" --seeds {self.seed + 1}" if self.seed else ""
        return f"zobench run -p {self.instance.name} -s {named} --budget {self.budget}{seeds}"

    def steps(self, begin: int, end: int) -> dict[str, Any]:
        """Give the steps from `begin` up to `end`, doing them if they have not been done.

        Parameters
        ----------
        begin, end : int
            Places among the steps of each run, from 0.

        Returns
        -------
        dict
            ``walks``: for each solver a list of steps; ``over``: for each why its run ended, once the last of
            its steps is given, else empty; ``same``: the cosine between the directions of both, step by step.
        """
        with self._lock, np.errstate(all="ignore"):  # a run may diverge
            given, over = [], []
            for side in self.sides:
                steps = side.walk.until(end)
                given.append(self._written(side, steps, begin))
                ended = bool(side.walk.over) and len(side.walk.steps) <= end
                if ended:
                    side.walk.check(side.trace)
                over.append(side.walk.trace().message if ended else "")
            return {"from": begin, "walks": given, "over": over, "same": self._cosines(begin, end)}

    def _written(self, side: _Side, steps: Sequence[Step], begin: int) -> list[dict[str, Any]]:
        reference = self.reference or 0.0
        done = [step for step in steps if step.kind == "step"]
        bounded = np.empty(0)
        if side.bound is not None and done:
            gaps = (
                np.array([self.instance.value(self.instance.x0), *(step.value for step in done)]) - reference
            )
            start = np.nan
            if self.instance.problem.gradient is not None:
                start = float(np.sqrt(np.sum(self.instance.gradient(self.instance.x0) ** 2)))
            norms = np.array([start, *(step.gradient_norm for step in done)])
            bounded = QUANTITIES[side.bound.theorem.quantity](gaps, norms)
        return [
            {
                "k": step.number,
                "kind": step.kind,
                "queries": [
                    {
                        "p": [_plain(a) for a in self.plane.project(asked.x, asked.value)],
                        "value": _plain(asked.value),
                        "answer": _plain(asked.answer),
                    }
                    for asked in step.queries
                ],
                "taken": step.taken,
                "x": [_plain(a) for a in self.plane.project(step.x, step.value)],
                "count": step.count,
                "value": _plain(step.value),
                "best": _plain(step.best),
                "norm": _plain(step.gradient_norm),
                "bounded": _plain(bounded[step.number]) if 0 <= step.number < bounded.size else None,
            }
            for step in steps[begin:]
        ]

    def _cosines(self, begin: int, end: int) -> list[float | None]:
        """Give the cosine between both solvers' directions of the same step k, by the first's steps."""
        if len(self.sides) < 2:
            return []
        first, second = (side.walk.steps[:end] for side in self.sides)
        other = {step.number: step.direction for step in second if step.kind == "step"}
        out: list[float | None] = []
        for step in first[begin:]:
            mine, theirs = step.direction, other.get(step.number) if step.kind == "step" else None
            out.append(None if mine is None or theirs is None else float(mine @ theirs))
        return out

    def everything(self) -> dict[str, Any]:
        """Give the steps of the whole runs."""
        return self.steps(0, 2 * self.budget + 2)


def _plain(value: Any) -> Any:
    """Write a number for JSON, which has no NaN and no infinities: these become words."""
    if isinstance(value, (float, np.floating)):
        value = float(value)
        return (
            value
            if math.isfinite(value)
            else ("NaN" if math.isnan(value) else "inf" if value > 0 else "-inf")
        )
    return value.item() if isinstance(value, np.generic) else value


def _word(value: Any) -> str:
    return repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)
