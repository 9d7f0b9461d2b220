"""What a run keeps in memory, in vectors of size d, beside the start that it is given."""

import ctypes
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import zobench

DIM = 200_000


def pointer():
    """Give the Rosenbrock function as a C pointer: no copy is made for each query."""
    address = zobench.problem("rosenbrock", dim=2)._functions.objective.address
    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p)
    return kind(address)


def peak(action):
    """Give the largest memory held during `action`, in vectors."""
    action()
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / (8 * DIM)
    finally:
        tracemalloc.stop()


def vectors(solver, **options):
    x0 = np.full(DIM, 0.5)
    return peak(lambda: zobench.minimize(pointer(), x0, solver=solver, budget=5, **options))


def test_mezo_holds_the_iterate_and_two_vectors():
    # the iterate; the harness's own vector; the best point
    assert 2.9 < vectors("mezo") < 3.2


def test_a_solver_holds_what_it_documents():
    documented = {"random-search": 3, "vs2p": 3, "stp": 3, "zo-adamm": 7}
    held = {name: vectors(name) - 2 for name in documented}
    assert held == pytest.approx(documented, abs=0.2)


def test_a_run_on_an_instance_keeps_no_best_point():
    instance = zobench.problem("rosenbrock", dim=DIM)
    assert peak(lambda: zobench.run(instance, "mezo", budget=5)) < 2.2


@pytest.mark.slow
def test_a_hundred_million_dimensions():
    code = (
        "import resource, zobench\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "zobench.run('rosenbrock', 'mezo', budget=5)\n"
        "instance = zobench.problem('rosenbrock', dim=10**8)\n"
        "before = peak()\n"
        "trace = zobench.run(instance, 'mezo', budget=5, parameters={'step_size': 1e-12})\n"
        "print(trace.count, (peak() - before) / 8e8)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, extra = done.stdout.split()
    assert count == "5"
    assert float(extra) < 2.1
