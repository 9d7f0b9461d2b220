"""Compilation: once in the life of the disk cache, never stale, shared by processes, robust to damage."""

import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from numba import float64, int64

import zobench
from zobench import compile as compiler
from zobench.compile import _digest, cache_folder, reached_from, typed
from zobench.errors import ZobenchError
from zobench.instance import Parts, Problem, Vector
from zobench.kernels import dot
from zobench.solver import Scalar, Solver

#: Runs everything registered and prints what numba compiled meanwhile.
EVERYTHING = """
import dataclasses, json, sys
from numba.core import event

counts = {"numba:compile": 0, "numba:run_pass": 0}

class Listener(event.Listener):
    def on_start(self, occurred):
        counts[occurred.kind] += 1
    def on_end(self, occurred):
        pass

for kind in counts:
    event.register(kind, Listener())

import zobench
from zobench.compile import compiled
from zobench.parameters import Certified, Choice, constraints
from zobench.registry import catalogue

instances = []
for problem in catalogue("problems").values():
    made = problem.instance()
    made.value(made.x0)
    if problem.gradient:
        made.gradient(made.x0)
    if problem.sample:
        instances.append(dataclasses.replace(made, stochastic=True))
        instances[-1].sample(made.x0, 1)
    instances.append(made)
for solver in catalogue("solvers").values():
    if getattr(solver, "missing", ""):
        continue  # its package is not installed
    rules = constraints(solver.parameters)
    # not every problem certifies every constant
    given = {name: 1.0 for name, rule in rules.items() if isinstance(rule, Certified)}
    first_order = solver.gradients
    for made in instances:
        if not first_order or (made.problem.gradient and not made.varies):
            zobench.run(made, solver, budget=3, parameters=given)
    jac = (lambda x: 2.0 * x) if first_order else None
    zobench.minimize(lambda x: float(x @ x), [1.0, 2.0], solver=solver, budget=9, parameters=given, jac=jac)
    for name, rule in rules.items():
        for word in rule.words if isinstance(rule, Choice) else ():
            zobench.run("quadratic", solver, budget=9, parameters={name: word})
json.dump({"counts": counts, "compiled": list(compiled)}, sys.stdout)
"""

#: Compiles one small kernel and prints what it answers.
SMALL = """
import ctypes
from numba import float64, int64
from zobench.compile import typed
from small import outer
address = typed(outer, float64(int64), "small")
print(ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64)(address)(3))
"""


def python(script, *, check=True, **environment):
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=400,
        env=os.environ | {name: str(value) for name, value in environment.items()},
    )
    assert done.returncode == 0 or not check, done.stderr
    return done


@pytest.fixture(scope="module")
def second():
    """What a second process finds to compile, after a first one has run everything."""
    python(EVERYTHING)
    return json.loads(python(EVERYTHING).stdout)


def test_a_second_process_compiles_nothing_at_all(second):
    assert second["counts"] == {"numba:compile": 0, "numba:run_pass": 0}


def test_each_kernel_has_one_compiled_form(second):
    names = Counter(label.rpartition("_")[0] for label in second["compiled"])
    assert {name: count for name, count in names.items() if count > 1} == {}
    assert {"step_of_s2p", "value_of_quadratic", "gradient_of_quadratic", "advance"} <= set(names)


@pytest.fixture
def small(tmp_path):
    """A module with a kernel and, in another module, its helper; and an empty cache."""
    (tmp_path / "helper.py").write_text("FACTOR = 2.0\n\ndef scaled(n):\n    return FACTOR * n\n")
    (tmp_path / "small.py").write_text(
        "from helper import scaled\n\ndef outer(n):\n    return scaled(n) + 1.0\n"
    )
    environment = {
        "ZOBENCH_CACHE_DIR": tmp_path / "cache",
        "PYTHONPATH": tmp_path,
        # Python's own byte code goes by a file's time and size, which the tests of stale helpers keep
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def answer(check=True):
        return python(SMALL, check=check, **environment).stdout.strip()

    answer.folder, answer.environment = tmp_path, environment
    return answer


def test_events_are_counted_when_something_is_compiled(small):
    counting = EVERYTHING.partition("import zobench")[0] + SMALL + "print(counts['numba:run_pass'])"
    outputs = [python(counting, **small.environment).stdout.split() for _ in range(2)]
    assert int(outputs[0][1]) > 0
    assert int(outputs[1][1]) == 0


@pytest.mark.parametrize(
    "old_and_new", [("FACTOR * n", "FACTOR * n + 5.0"), ("FACTOR = 2.0", "FACTOR = 3.0")]
)
def test_a_changed_helper_is_never_served_stale(small, old_and_new):
    assert small() == "7.0"
    file = small.folder / "helper.py"
    status = file.stat()
    file.write_text(file.read_text().replace(*old_and_new))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # content counts, not the clock
    assert small() == {"FACTOR * n": "12.0", "FACTOR = 2.0": "10.0"}[old_and_new[0]]


@pytest.mark.parametrize("kind", ["object", "nbi", "nbc"])
@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_truncated_cache_file_is_made_anew(small, kind, kept):
    assert small() == "7.0"
    if kind != "object":  # numba's own form is read where the other is not there
        for file in (small.folder / "cache").rglob("*.object"):
            file.unlink()
    (file,) = (small.folder / "cache").rglob(f"*.{kind}")
    whole = file.read_bytes()
    file.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    assert small() == "7.0"
    (file,) = (small.folder / "cache").rglob(f"*.{kind}")
    assert file.stat().st_size > 0.99 * len(whole)


#: Runs solvers on problems and prints the bits of what they found, and whether numba was loaded.
BITS = """
import sys, zobench
for problem in "quadratic:dim=70,rotation=yes", "cosh", "chebyquad", "linear-full-rank:dim=7":
    name, _, rest = problem.partition(":")
    given = dict(pair.split("=") for pair in rest.split(",")) if rest else {}
    instance = zobench.problem(name, **given)
    for solver in "s2p", "random-search":
        print(zobench.run(instance, solver, budget=300).best.hex())
print("numba" in sys.modules)
"""


@pytest.mark.slow
def test_code_loaded_without_numba_gives_the_same_bits(tmp_path):
    made, loaded = (python(BITS, ZOBENCH_CACHE_DIR=tmp_path).stdout.split() for _ in range(2))
    for file in tmp_path.rglob("*.object"):
        file.unlink()
    again = python(BITS, ZOBENCH_CACHE_DIR=tmp_path).stdout.split()  # from numba's own cache
    assert made[:-1] == loaded[:-1] == again[:-1]
    assert (made[-1], loaded[-1], again[-1]) == ("True", "False", "True")


def test_two_cold_processes_at_once_share_the_cache(small):
    environment = os.environ | {name: str(value) for name, value in small.environment.items()}
    both = [
        subprocess.Popen([sys.executable, "-c", SMALL], stdout=subprocess.PIPE, env=environment, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=200)[0].strip() for process in both] == ["7.0", "7.0"]
    assert len(list((small.folder / "cache").rglob("*.nbc"))) == 1


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = python(
        "from zobench.compile import cache_folder; cache_folder()",
        check=False,
        **{"ZOBENCH_CACHE_DIR": tmp_path / "file"},
    )
    assert done.returncode == 1
    assert "set ZOBENCH_CACHE_DIR" in done.stderr.splitlines()[-1]


def test_the_cache_falls_back_where_the_home_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    script = "from zobench.compile import cache_folder; print(cache_folder())"
    done = python(
        "import os; os.environ.pop('ZOBENCH_CACHE_DIR', None)\n" + script,
        XDG_CACHE_HOME=tmp_path / "file",
        TMPDIR=tmp_path,
    )
    assert done.stdout.startswith(str(tmp_path))


def test_the_cache_folder_exists():
    assert cache_folder().is_dir()


# What the digest tells apart; numba never sees these.
def plain(x):
    return x + 1.0


def caller(x):
    return plain(x) + dot(x, x)


def closure(value):
    def inner(x):
        return x + value

    return inner


def test_functions_are_reached_through_names_and_closures():
    assert set(reached_from(caller)) == {caller, plain, dot}
    assert reached_from(closure(plain))[1:] == [plain]


def test_the_digest_tells_apart_functions_closures_and_layouts():
    digests = [
        _digest([plain], ""),
        _digest([caller], ""),
        _digest([closure(1.0)], ""),
        _digest([closure(2.0)], ""),
        _digest([plain], "two vectors"),
    ]
    assert len(set(digests)) == 5
    assert _digest([closure(2.0)], "") == _digest([closure(2.0)], "")


class Two(NamedTuple):
    x: Vector
    other: Vector


class TwoAndScalar(NamedTuple):
    x: Vector
    other: Vector
    value: Scalar


def write_last(oracle, state, parameters, k, stream):
    state[len(state) - 1][0] = 5.0


def write_other(oracle, state, parameters, k, stream):
    state[1][0] = 6.0


def solver(step, state):
    return Solver("twin", "for tests", step, state, lambda parameters, setting: 1, "tests")


def test_solvers_of_one_name_with_other_kernels_or_states_have_their_own_code():
    addresses = {
        solver(step, state).kernels[1] for step in (write_last, write_other) for state in (Two, TwoAndScalar)
    }
    assert len(addresses) == 4
    assert solver(write_last, Two).kernels[1] in addresses


def test_a_kernel_is_compiled_once_in_a_process():
    def small(n):
        return n + 0.5

    before = len(compiler.compiled)
    one, two = (typed(small, float64(int64), "in a process") for _ in range(2))
    assert one == two
    assert len(compiler.compiled) == before + 1


def test_a_kernel_that_cannot_be_compiled_says_why():
    def wrong(n):
        return n.no_such_attribute

    with pytest.raises(Exception, match="no_such_attribute"):
        typed(wrong, float64(int64), "wrong")


def test_importing_zobench_loads_nothing_heavy():
    script = textwrap.dedent("""
        import sys, zobench
        heavy = {"numba", "numpy", "pandas", "matplotlib", "seaborn", "sklearn", "scipy"}
        print(sorted(heavy & set(sys.modules)))
    """)
    assert python(script).stdout.strip() == "[]"


def test_a_kernel_that_raises_is_refused_and_not_run():
    def objective(x):
        if x[0] > 0.0:
            raise ValueError("boom")
        return x[0]

    def asserted(x):
        assert x[0] > 0.0
        return x[0]

    for function in (objective, asserted):
        loud = Problem("loud", "", function, lambda dim, rng, parameters: Parts(np.ones(dim)), "")
        with pytest.raises(ZobenchError, match=r"must not raise or assert.*return inf or NaN instead"):
            zobench.run(loud.instance(), "s2p", budget=10)
