"""The hand-fused loops that speed is measured against do the work of the solvers, to the last bit."""

import numpy as np
import pytest

import zobench
from benchmarks.fused_two_point import METHODS, Fused
from zobench.stream import Stream

BUDGET = 701  # some hundred steps, which go round the buffers of the stream


@pytest.fixture(scope="module")
def sphere():
    return zobench.problem("quadratic", dim=10)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
def test_a_fused_loop_gives_the_iterates_of_its_solver(sphere, method):
    trace = zobench.run(sphere, method.solver, budget=BUDGET, parameters=method.chosen)
    fused = Fused(method, sphere, BUDGET)
    got = fused.run(Stream(trace.key.stream_key(), "solver"))
    assert trace.steps == fused.steps
    assert np.array_equal(got, trace.x)
    assert not np.array_equal(got, sphere.x0)
