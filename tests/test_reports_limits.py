"""Limits drawn over convergence: which hold for whom, and where they lie, against formulas written out."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import digamma

import zobench
from zobench.limits import curve
from zobench.overlays import Overlay, overlays
from zobench.registry import catalogue
from zobench.report import Evidence

DIM = 6


def names(problem, *runs):
    rows = [(solver, json.dumps(parameters)) for solver, parameters in runs]
    found = overlays(problem, pd.DataFrame(rows, columns=["solver", "solver_parameters"]))
    return [f"{one.limit} {one.kind}".strip() for one in found]


def test_limits_hold_for_those_whom_they_speak_of():
    sphere = zobench.problem("quadratic", dim=DIM)
    compared = ["values", "line 2 queries", "preset two-point", "bits two-point"]
    assert names(sphere, ("s2p", {"rule": "stationary", "law": "gaussian"})) == compared
    assert names(sphere, ("s2p", {"rule": "gamma", "law": "gaussian"})) == compared[:2]
    assert names(sphere, ("s2p", {"rule": "stationary", "law": "rademacher"})) == ["values"]
    assert names(sphere, ("one-plus-one-es", {"law": "gaussian"}))[1:] == [
        *("line 1 query", "preset one-point", "bits one-point"),
    ]
    assert names(sphere, ("mezo", {"probes": 1})) == ["values", "line 2 queries"]
    assert names(sphere, ("mezo", {"probes": 4})) == ["values"]
    assert names(sphere, ("coordinate-differences", {})) == ["values", "deterministic"]
    assert names(sphere, ("mine", {})) == ["values"]
    both = names(sphere, *[("stp", {"rule": rule, "law": "sphere"}) for rule in ("fixed", "oracle")])
    assert both == ["values", "line 2 queries", "preset three-point", "bits three-point"]
    assert names(zobench.problem("quadratic", dim=DIM, condition=3.0), ("stp", {})) == []
    assert names(zobench.problem("cosh", dim=DIM), ("stp", {})) == []
    noisy = zobench.problem("quadratic", dim=DIM, noise="gaussian", noise_level=0.1)
    assert names(noisy, ("stp", {})) == []


def drawn_lines(function=Overlay.gaps):
    """Draw s2p and its limits, and read them back as gap / first gap."""
    problem = zobench.problem("quadratic", dim=DIM)
    runs = [zobench.run(problem, "s2p", budget=4000, seed=seed) for seed in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Overlay, "gaps", function)
        drawing = catalogue("reports")["convergence"].drawings(Evidence.from_traces(runs))[0]
    [axis] = drawing.figure.axes
    scale = runs[0].start - runs[0].reference
    found = {}
    for line in axis.lines:
        if (line.get_gid() or "").startswith("limit"):
            x, y = line.get_data()
            found[line.get_gid()] = x[np.isfinite(y)], y[np.isfinite(y)] / scale
    return found, axis, drawing, scale


def by_hand(name, q):
    """Give each limit of the gap in its published form; of preset lengths by a search over lengths."""
    if name == "limit values":
        return 1.0 - q / DIM
    if name == "limit line 2 queries":
        return math.exp(-2.0 * (q / 2.0) * 0.5 * (digamma(DIM / 2) - digamma((DIM - 1) / 2)))
    if name == "limit bits two-point":  # the radius that half of all x_star are within: 2^K (r/R)^d = 1/2
        return (2.0 ** (-1.0 - q / 2.0)) ** (2.0 / DIM)
    angles = np.random.default_rng(1).standard_normal((40_000, DIM))
    cosines = np.abs(angles[:, 0]) / np.linalg.norm(angles, axis=1)
    lengths = np.linspace(0.01, 1.0, 100)
    # the better of x + s and x - s, from distance 1: 1 - 2 t |cos| + t^2
    speeds = [-0.5 * np.log(1.0 - 2.0 * t * cosines + t * t).mean() for t in lengths]
    return math.exp(-2.0 * (q / 2.0) * max(speeds))


def limits_are_right(found):
    assert set(found) == {
        *("limit values", "limit line 2 queries", "limit preset two-point", "limit bits two-point"),
    }
    for name, (x, y) in found.items():
        loose = 0.03 if "preset" in name else 1e-9
        for place in np.linspace(0, x.size - 1, 6).astype(int):
            expected = by_hand(name, float(x[place]))
            assert math.log(y[place]) == pytest.approx(math.log(expected), rel=loose, abs=1e-9)


def not_squared(self, dim, queries):
    if self.limit in ("values", "deterministic"):
        return np.where(queries < dim, curve(self.limit, dim, queries), np.nan)
    kind = {} if self.limit == "line" else {"kind": self.kind}
    return curve(self.limit, dim, queries, **kind)


gaps = Overlay.gaps


def test_limits_are_drawn_where_they_are():
    found, axis, drawing, scale = drawn_lines()
    limits_are_right(found)
    # the panel is that of the runs: limits leave it below
    low = min(line.get_ydata().min() for line in axis.lines if line.get_gid() == "median s2p")
    assert axis.get_ylim()[0] > 0.1 * low
    assert found["limit line 2 queries"][1].min() * scale < axis.get_ylim()[0]
    assert "(1 - q/d)" in drawing.caption
    assert "mean logarithm" in drawing.caption


@pytest.mark.parametrize("mutant", [not_squared, lambda self, d, q: gaps(self, d, 2 * q)])
def test_limits_elsewhere_are_noticed(mutant):
    with pytest.raises(AssertionError):
        limits_are_right(drawn_lines(mutant)[0])


def test_runs_stay_above_the_limits_that_are_drawn_over_them():
    problem = zobench.problem("quadratic", dim=DIM)
    cases = [("s2p", {"rule": "gamma"}), ("stp", {"rule": "finite-difference"}), ("one-plus-one-es", {})]
    for solver, parameters in cases:
        traces = [
            zobench.run(problem, solver, budget=240, seed=seed, parameters=parameters) for seed in range(40)
        ]
        found = overlays(problem, Evidence.from_traces(traces).runs)
        assert len(found) > 1
        logs = np.log([trace.bests / trace.start for trace in traces])
        mean, error = logs.mean(axis=0), logs.std(axis=0) / math.sqrt(len(traces))
        for one in found:
            if one.limit != "values":
                limit = np.log(one.gaps(DIM, traces[0].queries))
                assert (mean + 4.0 * error >= limit - 1e-9).all(), (solver, one)


def test_a_solver_that_looks_at_the_gradient_goes_below_them():
    """What the figure is for: of one that is told more than its kind may know the line would be below."""
    limit = Overlay("line", "2 queries").gaps(DIM, np.array([24.0]))
    problem = zobench.problem("quadratic", dim=DIM)
    trace = zobench.run(problem, "coordinate-differences", budget=240)
    assert trace.bests[trace.queries >= 24][0] / trace.start < limit[0]
    cheat = replace(trace, key=replace(trace.key, solver="s2p"))
    drawing = catalogue("reports")["convergence"].drawings(Evidence.from_traces([cheat]))[0]
    lines = {line.get_gid(): line for line in drawing.figure.axes[0].lines}
    mine, theirs = (lines[name].get_data() for name in ("median s2p", "limit line 2 queries"))
    assert (mine[1] < theirs[1])[mine[0] >= 24].any()
