"""The hand-fused loops that speed is measured against do the work of the solvers, to the last bit."""

import dataclasses

import numpy as np
import pytest

import zobench
from benchmarks.fused_two_point import METHODS, Fused
from zobench.stream import Stream

BUDGET = 701  # some hundred steps, which go round the buffers of the stream


@pytest.fixture(scope="module")
def sphere():
    return zobench.problem("quadratic", dim=10)


#: One method a solver by default, the others marked slow: each is compiled by itself.
FIRST = {method.solver: method for method in reversed(METHODS)}


def case(method):
    slow = FIRST[method.solver] is not method
    return pytest.param(method, marks=[pytest.mark.slow] if slow else [], id=method.label)


@pytest.mark.parametrize("method", [*map(case, METHODS)])
def test_a_fused_loop_gives_the_iterates_of_its_solver(sphere, method):
    trace = zobench.run(sphere, method.solver, budget=BUDGET, parameters=method.chosen)
    fused = Fused(method, sphere, BUDGET)
    got = fused.run(Stream(trace.key.stream_key(), "solver"))
    assert trace.steps == fused.steps
    assert np.array_equal(got, trace.x)
    assert not np.array_equal(got, sphere.x0)


def test_other_work_gives_other_iterates(sphere):
    by_label = {method.label: method for method in METHODS}
    fixed, decreasing = by_label["stp fixed"], by_label["stp decreasing"]
    trace = zobench.run(sphere, "stp", budget=BUDGET, parameters=fixed.chosen)
    for mutant in (
        dataclasses.replace(fixed, step=decreasing.step),
        dataclasses.replace(fixed, direction=by_label["s2p stationary gaussian"].direction),
    ):
        got = Fused(mutant, sphere, BUDGET).run(Stream(trace.key.stream_key(), "solver"))
        assert not np.array_equal(got, trace.x)
