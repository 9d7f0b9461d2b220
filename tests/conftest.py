"""What several test files share."""

import ctypes
import importlib.util
import math
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir
from numba import int64, types

from zobench.compile import typed
from zobench.stream import STREAM, Stream
from zobench.verdict.mutants import RECORDED, Finding, document, dumped, findings, of_theorem
from zobench.views import record_view, vector_at

ROOT = Path(__file__).resolve().parent.parent

# The benchmarks are not installed; at the end of the path the folder shadows nothing that is.
sys.path.append(str(ROOT))

# Where the tests run in the background, shells let every child ignore Ctrl-C; some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)
# The same examples in every run, nothing written into the checkout, no clock.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "zobench-hypothesis")
settings.register_profile("zobench", database=None, derandomize=True, deadline=None)
settings.load_profile("zobench")


def _enter(stream, out, size, first, second):
    author(stream_at(stream), vector_at(out, size), first, second)  # noqa: F821 - bound when compiled


@pytest.fixture(scope="session")
def draw():
    """``draw(kernel, stream, size, first, second)``: what ``kernel(stream, out, first, second)`` writes."""

    def drawn(kernel: Any, stream: Stream, size: int, first: int = 0, second: int = 0) -> np.ndarray:
        address = typed(
            _enter,
            types.void(*[int64] * 5),
            f"draw {kernel.__name__}",
            author=kernel,
            stream_at=record_view(STREAM),
            vector_at=vector_at,
        )
        out = np.full(size, np.nan)
        ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(address)(
            stream.address, out.ctypes.data, size, first, second
        )
        return out

    return drawn


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel built from a copy of the tree."""
    tree = copy_tree(tmp_path_factory.mktemp("wheel") / "tree")
    build = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    out = tree.parent / "out"
    subprocess.run(
        [*build, "--no-build-isolation", "--wheel-dir", str(out), str(tree)], check=True, timeout=300
    )
    (file,) = out.glob("zobench-*.whl")
    return file


@pytest.fixture(scope="session")
def checkout():
    """``checkout(folder)``: a copy of the sources there, without what builds leave behind."""
    return copy_tree


def copy_tree(folder: Path) -> Path:
    import shutil

    names = ["zobench", "problems", "solvers", "reports", "tests", "benchmarks", "docs"]
    names += ["pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "asv.conf.json", "Makefile"]
    names += ["CHANGELOG.md", "CONTRIBUTING.md"]
    folder.mkdir(parents=True)
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                folder / name,
                ignore=shutil.ignore_patterns("__pycache__", "_build", "*.egg-info"),
            )
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    return folder


HONEST = '''
"""Random search: x + alpha s if that is better.

Memory: {memory}.
Invariances: {said}.
"""

from typing import Annotated, NamedTuple

from zobench.directions import draw
from zobench.instance import Vector
from zobench.oracle import query
from zobench.parameters import Integer, Real
from zobench.solver import Scalar, Solver
{imports}

class Parameters(NamedTuple):
    alpha: Annotated[float, Real(0.0, open=True{unit})] = 0.1
    patience: Annotated[int, Integer(0, 9)] = 3


class State(NamedTuple):
    x: Vector
    trial: Vector
    value: Scalar

{helpers}

def init(oracle, state, parameters, k, stream):
    """Ask for f(x0)."""
    state.value[0] = query(oracle, state.x)


def step(oracle, state, parameters, k, stream):
    """Try one direction."""
    x, trial, value = state
    draw(stream, 0, trial)
    for i in range(x.size):
        trial[i] = x[i] + parameters.alpha * trial[i]
    {before}
    answer = query(oracle, trial)
    if answer < value[0]:
        value[0] = answer
        x[:] = trial
    {after}


solver = Solver(
    name="temporary",
    summary="for tests",
    step=step,
    state=State,
    cost=lambda parameters, setting: {cost},
    parameters=Parameters,
    init=init,
    source="tests",
    invariances={invariances},
)
'''


#: What may be slipped into it.
PARTS = {
    "imports": "",
    "helpers": "",
    "before": "pass",
    "after": "pass",
    "cost": "1",
    "memory": "2 vectors",
    "unit": ', unit="x"',
    "said": "translation, scaling, rotation, monotone",
    "invariances": '{"translation": True, "scaling": True, "rotation": True, "monotone": True}',
}


@pytest.fixture
def write_solver(tmp_path):
    """``write_solver(name, before=..., ...)``: a solver's file with something slipped in."""

    def written(name, **parts):
        chosen = PARTS | {part: textwrap.dedent(text) for part, text in parts.items()}
        for part in ("before", "after"):
            chosen[part] = textwrap.indent(chosen[part], "    ").strip()
        file = tmp_path / f"{name}.py"
        file.write_text(HONEST.format(**chosen))
        return str(file)

    return written


# Mutants.  A test of mutants is marked with its check and with the mutants of each theorem,
#
#     @pytest.mark.mutants("bound", {"s2p-smooth-gamma": GAMMA_MUTANTS}, unseen={"step x2.1"})
#     def test_...(row, mutant, rejects):
#         rejects(verdicts)
#
# runs once for each of them, and hands over what its check found: verdicts, or whether the mutant is
# rejected and how strongly.  `rejects` compares it with what is declared, and `make mutants` writes it down.
# A key may be several theorems, for a check that they share; `unseen` are the mutants that pass, by name or
# as (theorem, name); `slow` likewise.


def pytest_addoption(parser):
    parser.addoption(
        "--write-mutants", action="store_true", help="write down which check rejects which mutant"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "mutants(check, mutants, unseen, slow): which mutants a check rejects")
    config.stash[FOUND] = {}


FOUND = pytest.StashKey[dict]()
#: Mutants of a check and theorem in the default suite.
QUICK = 1


def declared(mark) -> Iterator[tuple[tuple[str, ...], str, str, bool, bool]]:
    """Yield theorems, mutant, check, whether it is rejected, and whether the test is slow."""
    check, mutants = mark.args
    for rows, names in mutants.items():
        rows = (rows,) if isinstance(rows, str) else rows
        quick = 0
        for name in names:
            keys = {name, *((row, name) for row in rows)}
            unseen, slow = (bool(keys & set(mark.kwargs.get(key, ()))) for key in ("unseen", "slow"))
            # each is compiled, which takes far longer than its runs: one that is rejected shows that a check
            # can fail, the others are tried by `make test-all` and `make mutants`
            slow = slow or unseen or quick == QUICK
            quick += not slow
            yield rows, name, check, not unseen, slow


def pytest_generate_tests(metafunc):
    marks = [mark for mark in metafunc.definition.own_markers if mark.name == "mutants"]
    if marks:
        (mark,) = marks
        metafunc.parametrize(
            ("row", "mutant", "_pair"),
            [
                pytest.param(
                    pair[0][0],
                    pair[1],
                    pair,
                    id=f"{pair[0][0]}-{pair[1]}",
                    marks=[pytest.mark.slow] * pair[4],
                )
                for pair in declared(mark)
            ],
        )


@pytest.fixture
def rejects(request, _pair):
    """``rejects(verdicts)`` or ``rejects(rejected, strength)``: hold what a check found against its claim."""
    rows, name, check, expected, _ = _pair
    found = []

    def judged(what, strength=""):
        if not isinstance(what, bool | np.bool_):
            verdicts = what if isinstance(what, list) else [what]
            what = any(verdict.verdict == "refuted" for verdict in verdicts)
            most = max(verdict.log10_e_value for verdict in verdicts)
            strength = "in one run" if most == math.inf else f"log10 e = {most:.0f}"
        found.append(bool(what))
        assert bool(what) == expected, f"{name}: {strength}"
        for row in rows:
            request.config.stash[FOUND][row, name, check] = Finding(row, name, check, bool(what), strength)

    yield judged
    assert len(found) == 1


@pytest.fixture
def _pair():
    raise AssertionError("a test of mutants is marked with them")


def every_declared() -> dict[tuple[str, str, str], bool]:
    """Give theorem, mutant and check of all tests of theorems, with whether it is rejected."""
    pairs = {}
    for file in sorted(Path(__file__).parent.glob("test_theorems*.py")):
        spec = importlib.util.spec_from_file_location(f"declared_{file.stem}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for function in vars(module).values():
            for mark in getattr(function, "pytestmark", ()):
                for rows, name, check, seen, _ in declared(mark) if mark.name == "mutants" else ():
                    pairs |= {(row, name, check): seen for row in rows}
    return pairs


@pytest.fixture(scope="session")
def declared_mutants():
    return every_declared()


def pytest_sessionfinish(session):
    if session.config.getoption("--write-mutants"):
        pairs, found = every_declared(), session.config.stash[FOUND]
        kept = {item[:3]: item for item in (findings() if RECORDED.exists() else ())} | found
        RECORDED.write_text(dumped(item for key, item in kept.items() if key in pairs), encoding="utf-8")
        findings.cache_clear()
        names = {row for row, _, _ in pairs}
        page = document(names, {name: of_theorem(name) for name in names})
        (ROOT / "docs" / "mutants.md").write_text(page, encoding="utf-8")
        print(f"\n{len(found)} findings, {len(pairs - kept.keys())} not made; docs/mutants.md is written")
