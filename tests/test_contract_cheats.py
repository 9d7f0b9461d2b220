"""Every kind of cheat and slip of a solver is caught by the contract."""

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from zobench.contract.check import check, check_solver, suites
from zobench.contract.solver import check_ends
from zobench.contract.suite import Trial, apart
from zobench.contract.tools import Broken
from zobench.registry import catalogue


def failures(outcomes):
    return [f"{o.subject}: {o.name}: {o.message}" for o in outcomes if not o.ok]


def names(outcomes):
    return {o.name for o in outcomes if not o.ok}


def caught_by(file, expected):
    """Try the checks of those names alone, to save time, and give those that fail."""
    [trials] = suites(file)
    return names(apart([trial for trial in trials if trial.name in expected]))


RAW_CALL = """
from numba import float64, int64
from zobench.views import call
raw = call(float64, int64, int64, int64)
"""

CHEATS = {
    "asks twice behind the counter": (
        {
            "imports": RAW_CALL,
            "before": "raw(oracle.objective_address, trial.ctypes.data, trial.size, oracle.data_address)",
        },
        {"count is true", "oracle is opaque", "imports are harmless"},
    ),
    "sets the count back": (
        {"after": "oracle.count -= 1 if k % 2 == 0 else 0"},
        {"count is true", "oracle is opaque"},
    ),
    "reads the target's value": (
        {"before": "if oracle.threshold > 0.0: trial[0] += oracle.threshold"},
        {"same bits over every objective", "reads nothing of the record", "oracle is opaque"},
    ),
    "reads the best value": (
        {"before": "if oracle.best < 1.0: trial[0] = 0.0"},
        {"reads nothing of the record", "oracle is opaque"},
    ),
    "reads the budget": (
        {"before": "if oracle.budget > 60: trial[0] = 0.0"},
        {"reads no budget", "oracle is opaque"},
    ),
    "follows the address of the data": (
        {
            "imports": "from zobench.views import floats_at",
            "before": "if oracle.data_address != 0: trial[0] = floats_at(oracle.data_address)[6]",
        },
        {"reads nothing of the record", "oracle is opaque", "imports are harmless"},
    ),
    "goes by another name": (
        {"before": "other = oracle\nif other.best < 1.0: trial[0] = 0.0"},
        {"reads nothing of the record", "oracle is opaque"},
    ),
    "reads in a helper": (
        {
            "helpers": "def glance(box):\n    return box.best\n",
            "before": "if glance(oracle) < 1.0: trial[0] = 0.0",
        },
        {"reads nothing of the record", "oracle is opaque"},
    ),
    "reads in a helper by keyword": (
        {
            "helpers": "def glance(scale, box):\n    return scale * box.best\n",
            "before": "if glance(1.0, box=oracle) < 1.0: trial[0] = 0.0",
        },
        {"oracle is opaque"},
    ),
    "imports the optimum": (
        {
            "imports": "from zobench.instance import problem\nOPTIMUM = problem('quadratic').x_star",
            "before": "if trial.size == OPTIMUM.size:\n    trial[:] = OPTIMUM",
        },
        {"knows no optimum", "imports are harmless", "oracle is opaque"},
    ),
    "imports the catalogue": (
        {"imports": "from zobench.registry import catalogue"},
        {"imports are harmless"},
    ),
    "imports a way into memory": ({"imports": "import ctypes"}, {"imports are harmless"}),
    "imports late": (
        {"helpers": "def cost():\n    from zobench import problem\n    return problem\n"},
        {"imports are harmless"},
    ),
    "draws from elsewhere": (
        {"imports": "import numpy as np", "before": "trial[0] += np.random.random()"},
        {"same seed same bits", "oracle is opaque"},
    ),
    "enters the stream elsewhere": (
        {"before": "stream.normal_at = 0"},
        {"oracle is opaque"},
    ),
    "enters the stream elsewhere by a field's name": (
        {"before": "field = 'normal_at'\nstream[field] = 0"},
        {"oracle is opaque"},
    ),
    "changes the stream in a helper": (
        {"helpers": "def turn(source):\n    source.key += 1\n", "before": "turn(source=stream)"},
        {"oracle is opaque"},
    ),
    "reads the stream's key": (
        {"before": "trial[0] += 1.0 if stream.key > 0 else 0.0"},
        {"oracle is opaque"},
    ),
    "understates its cost": ({"before": "query(oracle, x)"}, {"cost bounds each step"}),
    "overstates its cost": ({"cost": "5"}, {"cost bounds each step"}),
    "understates its cost in a large dimension": (
        {"before": "if x.size > 100: query(oracle, x)"},
        {"cost bounds each step"},
    ),
    "understates its cost where values are huge": (
        {"after": "if answer > 1e200: query(oracle, x)"},
        {"cost bounds each step"},
    ),
    "has a cost that is no count": ({"cost": "1.5"}, {"cost bounds each step"}),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_caught_by_every_net_that_should(write_solver, cheat):
    parts, expected = CHEATS[cheat]
    assert caught_by(write_solver("cheat", **parts), expected) == expected


def test_an_optimum_typed_in_as_numbers_is_caught_by_running(write_solver):
    x_star = catalogue("problems")["quadratic"].instance().x_star
    creep = "for i in range(min(x.size, 10)):\n    trial[i] = x[i] + 0.05 * (OPTIMUM[i] - x[i])"
    file = write_solver(
        "typed", helpers=f"OPTIMUM = {tuple(x_star.tolist())!r}\n", before=creep, after="x[:] = trial"
    )
    nets = {"knows no optimum", "oracle is opaque", "imports are harmless", "count is true"}
    assert caught_by(file, nets) == {"knows no optimum"}


def test_a_table_of_numbers_is_no_cheat(write_solver):
    table = """
        import math
        import numpy as np
        TABLE = tuple(math.sqrt(i) for i in range(5))
        ROW = np.arange(3.0)
    """
    none = {"said": "translation", "invariances": "{'translation': True, 'scaling': 'no', 'rotation': 'no'}"}
    file = write_solver("table", imports=table, before="trial[0] += TABLE[2] * ROW[1]", **none)
    assert failures(check(file)) == []


def test_going_back_in_the_stream_is_no_cheat(write_solver):
    file = write_solver(
        "again",
        imports="from zobench.stream import back, here, normals",
        helpers="def redraw(source, place, z):\n    back(source, place)\n    normals(source, z)\n",
        before="place = here(stream)\nnormals(stream, trial)\nredraw(stream, place, trial)\n"
        "for i in range(x.size): trial[i] = x[i] + parameters.alpha * trial[i]",
    )
    assert failures(check(file)) == []


def test_a_cheat_in_a_helpers_file_is_caught(write_solver, tmp_path, monkeypatch):
    (tmp_path / "zobench_test_accomplice.py").write_text(
        "import ctypes\n\ndef glance(box):\n    return box.best\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    file = write_solver(
        "cheat",
        imports="from zobench_test_accomplice import glance",
        before="if glance(oracle) < 1.0: trial[0] = 0.0",
    )
    nets = {"oracle is opaque", "imports are harmless", "reads nothing of the record"}
    assert caught_by(file, nets) == nets


def test_a_solver_that_never_ends_is_reported_and_not_waited_for(write_solver):
    # it ends after all, so that no thread is left running for ever
    endless = "tries = 0\nwhile query(oracle, x) >= 0.0 and tries < 2_000_000_000: tries += 1"
    file = write_solver("endless", before=endless)
    solver = _solver(file)
    outcomes = check_solver(solver, limit=0.3)
    inside, ends = outcomes  # and nothing after them
    assert (inside.ok, inside.message) == (True, "a step did not end as plain Python")
    assert (ends.name, ends.ok) == ("ends", False)
    assert "did not end within 0.3 s" in ends.message


def _solver(file):
    from zobench.contract.check import load_file

    return load_file(Path(file)).solver


def test_a_slip_in_the_parameters_is_caught(write_solver):
    file = write_solver("slip", helpers="Parameters.__annotations__['patience'] = int\n")
    assert caught_by(file, {"parameters have valid defaults", "invalid parameters are refused"})


def test_a_file_that_exits_has_not_been_tried(write_solver):
    file = write_solver("exits", helpers="raise SystemExit(0)\n")
    assert [(o.ok, o.name, o.message) for o in check(file)] == [(False, "can be imported", "SystemExit: 0")]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks")
def test_a_check_that_takes_for_ever_is_cut_off(monkeypatch):
    monkeypatch.setattr("zobench.contract.suite.PATIENCE", 1)
    last = Trial("last", "it", lambda: None)
    [quick, endless] = apart([last, Trial("endless", "it", lambda: time.sleep(60)), last])
    assert (quick.ok, endless.ok, endless.name) == (True, False, "endless")
    assert endless.message == "not done within 1 s, and cut off"


def test_a_name_that_no_command_line_takes_fails(write_solver):
    solver = replace(_solver(write_solver("named")), name="Named It!")
    [fault] = [o.message for o in check_solver(solver) if not o.ok]
    assert fault == "name must be small letters and digits with hyphens between, is 'Named It!'"


def test_a_cost_that_does_not_answer_is_reported():
    gate = threading.Event()
    waiting = replace(catalogue("solvers")["s2p"], cost=lambda parameters, setting: 2 if gate.wait() else 0)
    with pytest.raises(Broken, match=r"no run could begin within 0.2 s"):
        check_ends(waiting, limit=0.2)
    gate.set()
