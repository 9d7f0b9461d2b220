"""The contract's checks at size: a million dimensions, a hundred thousand steps, and the memory of both.

Memory is read from /proc, which Linux alone has; elsewhere the workspace is compared with the docstring and
the rest is not tried.
"""

import ctypes
import gc
import inspect
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba.core.runtime
import numpy as np

from zobench.contract.runs import bowl, counted, finish, prepare
from zobench.contract.tools import Broken, demand
from zobench.solver import Setting, Solver

__all__ = ["LARGE_CHECKS"]

#: numba's counts of what compiled code allocates: a module that it makes known at run time.
runtime: Any = vars(numba.core.runtime)["_nrt_python"]

LARGE = 10**6
#: Seconds that a run of 7 queries in a million dimensions may take.
LIMIT = 20.0
STEPS = 100_000
#: What the harness itself holds beside the workspace: a vector of its own, the objective's none.
OWN = 1.0
#: Pages, traces and Python's own objects, in vectors of a million numbers.
NOISE = 0.4


def _resident(field: str = "VmRSS") -> int:
    """Give the bytes of this process in memory, or the most since `_forget_peak`; 0 where unknown."""
    try:
        found = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), flags=re.M)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _forget_peak() -> bool:
    """Begin a new high-water mark; answer whether that is possible here."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed is given back, so that it is not reused unseen
        Path("/proc/self/clear_refs").write_text("5")
    except (AttributeError, OSError, TypeError):
        return False
    return _resident("VmHWM") > 0


@contextmanager
def _allocations() -> Iterator[dict[str, int]]:
    """Count what compiled code allocates and frees inside the block."""
    enabled = runtime.memsys_stats_enabled()
    runtime.memsys_enable_stats()
    made, freed = runtime.memsys_get_stats_alloc(), runtime.memsys_get_stats_free()
    seen = {"made": 0, "kept": 0}
    try:
        yield seen
    finally:
        seen["made"] = runtime.memsys_get_stats_alloc() - made
        seen["kept"] = seen["made"] - (runtime.memsys_get_stats_free() - freed)
        if not enabled:
            runtime.memsys_disable_stats()


def _sentence(solver: Solver) -> str:
    """Give what the docstring says of memory, or nothing."""
    text = inspect.getdoc(inspect.getmodule(getattr(solver, "solve", solver.step))) or ""
    found = re.search(r"Memory:\s+(.*?)(?:\.\s|\.$|\n\n|$)", text, flags=re.S)
    return " ".join(found[1].split()) if found else ""


def _stated(solver: Solver, parameters: Any) -> float | None:
    """Give the vectors of d numbers that the docstring states, None where it counts otherwise.

    "2 + n vectors" means the parameter whose description begins with "n,"; r (m + n) numbers of a method for
    matrices of low rank are a vector here.
    """
    text = _sentence(solver)
    found = re.match(r"(\d+)(?: \+ (\w+))? vectors?\b", text)
    if found is None:
        return None
    count, symbol = float(found[1]), found[2]
    if symbol:
        described = re.search(rf"(\w+) : int\n\s+{symbol},", inspect.getdoc(solver.parameters) or "")
        if described is None:
            raise Broken(f"the docstring's Memory has {symbol}, which no parameter is said to be")
        count += getattr(parameters, described[1])
    factors = re.search(r"numbers of the order of (\d+) r \(m \+ n\)", text)
    # where no matrix is declared, x is one column of d rows
    return count + float(factors[1]) if factors else count


def check_memory_is_stated(solver: Solver) -> str:
    """The docstring says how much memory the method takes, and the workspace is that large."""
    demand(bool(_sentence(solver)), 'the module\'s docstring must have a sentence "Memory: 3 vectors."')
    parameters = solver.settled(solver.choose({}), Setting(LARGE, 7, bowl(LARGE).certificates))
    stated, held = _stated(solver, parameters), solver.vectors(parameters, LARGE)
    if stated is None:
        return f"not compared with the workspace of {held:.3g} vectors: {_sentence(solver)}"
    about = 1.0 if "of the order" in _sentence(solver) else 0.01
    demand(abs(held - stated) <= about, f"{stated:g} vectors are stated and the workspace has {held:.3g}")
    return f"{stated:g} vectors"


def check_large_dimension(solver: Solver) -> str:
    """A budget of 7 is spent or cut short in a million dimensions, in bounded time and the memory stated."""
    made = bowl(LARGE)
    made.value(made.x0)  # laid out before the clock starts, as are kernels
    finish(prepare(solver, bowl(), 7))
    measurable = _forget_peak()
    before, begun = _resident(), time.perf_counter()
    going = prepare(solver, made, 7, dim=LARGE)
    if solver.start:
        _forget_peak()  # of what made the start there is no more
    finish(going)
    seconds, peak = time.perf_counter() - begun, (_resident("VmHWM") - before) / (8 * LARGE)
    demand(counted(going) <= 7, f"{counted(going)} queries are recorded with a budget of 7")
    demand(bool(np.isfinite(going.x).all()), "the iterate is not finite in a million dimensions")
    demand(seconds <= LIMIT, f"7 queries in a million dimensions took {seconds:.3g} s, more than {LIMIT:g} s")
    allowed = solver.vectors(going.parameters, LARGE) + OWN + 1.0  # and x0
    if not measurable:
        return f"{seconds:.2g} s"
    demand(
        peak <= allowed + NOISE,
        f"a run in a million dimensions held {peak:.3g} vectors at its peak, where the workspace, x0 and the "
        f"harness are {allowed:.3g}",
    )
    return f"{seconds:.2g} s, {peak:.3g} vectors with x0 and the harness's own"


def check_nothing_grows(solver: Solver) -> str:
    """Over a hundred thousand steps less than 4 bytes a step are allocated and kept."""
    made = bowl()
    first = prepare(solver, made, 50)
    finish(first)
    cost = solver.cost(first.parameters, first._setting())
    going = prepare(solver, made, (STEPS + 1000) * cost + 1)
    while going.watch["k"][0] < 1000 and going.advance(steps=1000):
        pass
    _forget_peak()  # and let go of free memory in which growth would hide
    before = _resident()
    with _allocations() as seen:
        while going.advance(steps=STEPS // 4):
            pass
    grown, steps = _resident() - before, int(going.watch["k"][0]) - 1000
    demand(
        seen["kept"] <= 0,
        f"over {steps} steps the kernels allocate {seen['made']} times and keep {seen['kept']}",
    )
    demand(grown < 4 * STEPS, f"over {steps} steps the process grows by {grown} bytes")
    return f"{steps} steps" + (f", {seen['made']} allocations" if seen["made"] else "")


LARGE_CHECKS = (
    check_memory_is_stated,
    check_large_dimension,
    check_nothing_grows,
)
