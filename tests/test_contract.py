"""The public contract: everything registered keeps it, every kind of cheat and slip is caught."""

import re
import sys
import textwrap
from pathlib import Path

import pytest

from zobench import contract_problem, contract_solver
from zobench.contract import check, check_problem, check_report, check_solver
from zobench.contract_tools import Broken, invalid_values
from zobench.errors import ZobenchError
from zobench.parameters import Certified, Choice, Integer, Real
from zobench.registry import catalogue


def failures(outcomes):
    return [f"{o.subject}: {o.name}: {o.message}" for o in outcomes if not o.ok]


def names(outcomes):
    return {o.name for o in outcomes if not o.ok}


@pytest.mark.parametrize("name", catalogue("solvers"))
def test_registered_solvers_keep_the_contract(name):
    assert failures(check_solver(catalogue("solvers")[name])) == []


@pytest.mark.parametrize("name", catalogue("problems"))
def test_registered_problems_keep_the_contract(name):
    assert failures(check_problem(catalogue("problems")[name])) == []


@pytest.mark.parametrize("name", catalogue("reports"))
def test_registered_reports_keep_the_contract(name):
    assert failures(check_report(catalogue("reports")[name])) == []


HONEST = '''
"""Random search: x + alpha s if that is better."""

from typing import Annotated, NamedTuple

from zobench.directions import draw
from zobench.instance import Vector
from zobench.oracle import query
from zobench.parameters import Integer, Real
from zobench.solver import Scalar, Solver
{imports}

class Parameters(NamedTuple):
    alpha: Annotated[float, Real(0.0, open=True)] = 0.1
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
)
'''


@pytest.fixture
def write(tmp_path):
    """``write(name, before=..., ...)``: a solver's file with something slipped in."""

    def written(name, imports="", helpers="", before="pass", after="pass", cost="1"):
        def inside(text):
            return textwrap.indent(textwrap.dedent(text), "    ").strip()

        file = tmp_path / f"{name}.py"
        file.write_text(
            HONEST.format(
                imports=textwrap.dedent(imports),
                helpers=textwrap.dedent(helpers),
                before=inside(before),
                after=inside(after),
                cost=cost,
            )
        )
        return str(file)

    return written


def test_an_honest_file_passes(write):
    outcomes = check(write("honest"))
    assert failures(outcomes) == []
    assert len(outcomes) > 15
    assert {o.subject for o in outcomes} == {"solver 'temporary'"}


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
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_caught_by_every_net_that_should(write, cheat):
    parts, expected = CHEATS[cheat]
    caught = names(check(write("cheat", **parts)))
    assert expected <= caught


def test_an_optimum_typed_in_as_numbers_is_caught_by_running(write):
    x_star = catalogue("problems")["quadratic"].instance().x_star
    creep = "for i in range(min(x.size, 10)):\n    trial[i] = x[i] + 0.05 * (OPTIMUM[i] - x[i])"
    file = write(
        "typed", helpers=f"OPTIMUM = {tuple(x_star.tolist())!r}\n", before=creep, after="x[:] = trial"
    )
    caught = names(check(file))
    assert "knows no optimum" in caught
    assert not {"oracle is opaque", "imports are harmless", "count is true"} & caught


def test_a_table_of_numbers_is_no_cheat(write):
    table = """
        import math
        import numpy as np
        TABLE = tuple(math.sqrt(i) for i in range(5))
        ROW = np.arange(3.0)
    """
    file = write("table", imports=table, before="trial[0] += TABLE[2] * ROW[1]")
    assert failures(check(file)) == []


def test_going_back_in_the_stream_is_no_cheat(write):
    file = write(
        "again",
        imports="from zobench.stream import back, here, normals",
        helpers="def redraw(source, place, z):\n    back(source, place)\n    normals(source, z)\n",
        before="place = here(stream)\nnormals(stream, trial)\nredraw(stream, place, trial)\n"
        "for i in range(x.size): trial[i] = x[i] + 0.1 * trial[i]",
    )
    assert failures(check(file)) == []


def test_a_cheat_in_a_helpers_file_is_caught(write, tmp_path, monkeypatch):
    (tmp_path / "zobench_test_accomplice.py").write_text(
        "import ctypes\n\ndef glance(box):\n    return box.best\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    file = write(
        "cheat",
        imports="from zobench_test_accomplice import glance",
        before="if glance(oracle) < 1.0: trial[0] = 0.0",
    )
    assert {"oracle is opaque", "imports are harmless", "reads nothing of the record"} <= names(check(file))


def test_the_solver_of_the_readme_keeps_the_contract(tmp_path):
    text = (Path(__file__).parent.parent / "README.md").read_text()
    (block,) = (part for part in re.findall(r"```python\n(.*?)```", text, flags=re.S) if "Solver(" in part)
    (tmp_path / "readme.py").write_text(block)
    outcomes = check(str(tmp_path / "readme.py"))
    assert failures(outcomes) == []
    assert len(outcomes) > 15


def test_a_solver_that_never_ends_is_reported_and_not_waited_for(write):
    # it ends after all, so that no thread is left running for ever
    endless = "tries = 0\nwhile query(oracle, x) >= 0.0 and tries < 2_000_000_000: tries += 1"
    file = write("endless", before=endless)
    solver = _solver(file)
    outcomes = check_solver(solver, limit=0.3)
    assert [o.name for o in outcomes] == ["ends"]
    assert "did not end within 0.3 s" in outcomes[0].message


def _solver(file):
    from zobench.contract import _load

    return _load(Path(file)).solver


def test_a_slip_in_the_parameters_is_caught(write):
    file = write("slip", helpers="Parameters.__annotations__['patience'] = int\n")
    assert {"parameters have valid defaults", "invalid parameters are refused"} & names(check(file))


PROBLEM = '''
"""f(x) = 1/2 |x|^2."""

from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.parameters import Real


class Parameters(NamedTuple):
    scale: Annotated[float, Real(0.0, open=True)] = 1.0


def objective(x):
    total = 0.0
    for i in range(x.size):
        {objective}
    return 0.5 * total


def gradient(x, out):
    for i in range(x.size):
        {gradient}


def make(dim, rng, parameters):
    known = Certificate("L", {L}, "Known."), Certificate("f_star", {f_star}, "Known.")
    return Parts({start}, None, known, {x_star})


problem = Problem(
    "temporary", "for tests", objective, make, "tests", gradient=gradient, parameters=Parameters
)
'''


@pytest.fixture
def write_problem(tmp_path):
    def written(name, **parts):
        defaults = {
            "objective": "total += x[i] * x[i]",
            "gradient": "out[i] = x[i]",
            "start": "rng.standard_normal(dim)",
            "L": "1.0",
            "f_star": "0.0",
            "x_star": "np.zeros(dim)",
        }
        file = tmp_path / f"{name}.py"
        file.write_text(PROBLEM.format(**(defaults | parts)))
        return str(file)

    return written


def test_an_honest_problem_passes(write_problem):
    assert failures(check(write_problem("honest_problem"))) == []


@pytest.mark.parametrize(
    ("slip", "caught"),
    [
        ({"gradient": "out[i] = 1.001 * x[i]"}, "gradient is the derivative"),
        ({"gradient": "out[i] = x[i] if i > 0 else out[i]"}, "gradient is the derivative"),
        ({"gradient": "x[i] = out[i] = x[i] * 1.0 + 0.0 * i + 1e-9"}, "gradient is the derivative"),
        ({"objective": "x[i] *= 0.999; total += x[i] * x[i]"}, "objective is a function"),
        ({"start": "np.random.default_rng().standard_normal(dim)"}, "same seed same instance"),
        ({"start": "np.full(dim, np.nan)"}, "start is finite"),
        ({"x_star": "np.ones(dim)"}, "optimum has its value"),
        ({"f_star": "0.5", "x_star": "None"}, "certificates withstand attack"),
        ({"L": "0.9"}, "certificates withstand attack"),
    ],
)
def test_a_slip_of_a_problem_is_caught(write_problem, slip, caught):
    assert caught in names(check(write_problem("slip", **slip)))


REPORT = """
from matplotlib.figure import Figure

from zobench.report import Drawing, Report


def draw(evidence):
    {body}


report = Report("temporary", "for tests", draw{missing})
"""
FIGURE = "figure = Figure(); figure.subplots().plot([1, 2]); return [Drawing(figure, 'Two points.')]"


@pytest.mark.parametrize(
    ("body", "missing", "caught"),
    [
        (FIGURE, "", set()),
        ("return []", "", {"report draws or says why"}),
        (FIGURE.replace("'Two points.'", "' '"), "", {"report draws or says why"}),
        ("return [Drawing(Figure(), 'Nothing.')]", "", {"report draws or says why"}),
        (FIGURE, ", missing=lambda evidence: ''", {"report says why nothing is drawn"}),
        ("evidence.runs['best'] = 0.0; " + FIGURE, "", {"report leaves settings alone"}),
        ("1 / 0", "", {"report draws or says why", "report leaves settings alone"}),
    ],
    ids=["honest", "silent", "no caption", "no axes", "draws nothing's figure", "writes", "crashes"],
)
def test_a_slip_of_a_report_is_caught(tmp_path, body, missing, caught):
    file = tmp_path / "temporary_report.py"
    file.write_text(REPORT.format(body=body, missing=missing))
    assert names(check(str(file))) == caught


def test_a_crash_is_an_outcome_and_no_traceback():
    class Wrong:
        name = "wrong"

    outcomes = check_problem(Wrong())
    assert not any(o.ok for o in outcomes if "dimensions" in o.name)
    assert any("AttributeError" in o.message for o in outcomes)


def test_targets_of_every_kind(tmp_path, write, monkeypatch):
    file = write("honest")
    assert {o.subject for o in check("s2p")} == {"solver 's2p'"}
    assert {o.subject for o in check("zobench.solvers.s2p")} == {"solver 's2p'"}
    assert {o.subject for o in check(str(tmp_path))} == {"solver 'temporary'"}
    package = tmp_path / "strange_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "mine.py").write_text((tmp_path / "honest.py").read_text())
    (package / "broken.py").write_text("import no_such_library\n")
    (package / "empty.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    outcomes = check("strange_package")
    assert {o.subject for o in outcomes if o.ok} == {"solver 'temporary'"}
    broken, empty = (o for o in outcomes if not o.ok)
    assert (broken.name, broken.subject) == ("can be imported", "module 'strange_package.broken'")
    assert "no_such_library" in broken.message
    assert empty.name == "defines its object"
    assert file.endswith("honest.py")


@pytest.mark.parametrize("target", ["s2", "no.such.module", "./nowhere.py", "", "a b"])
def test_a_target_that_is_nothing_is_refused(target):
    with pytest.raises(ZobenchError, match="must be one of"):
        check(target)


def test_a_folder_without_modules_is_refused(tmp_path):
    with pytest.raises(ZobenchError, match="holds none"):
        check(str(tmp_path))


@pytest.mark.parametrize(
    "rule", [Real(0.0), Real(0.0, 1.0, open=True), Integer(1, 5), Choice("a", "b"), Certified()]
)
def test_values_that_must_be_refused_are_refused(rule):
    values = list(invalid_values(rule))
    assert len(values) > 1
    for value in values:
        with pytest.raises((ValueError, TypeError, OverflowError)):
            rule.convert(value)


def test_every_check_is_listed_and_has_a_sentence():
    for module, listed in (
        (contract_solver, {*contract_solver.FIRST, *contract_solver.CHECKS}),
        (contract_problem, {*contract_problem.PROBLEM_CHECKS, *contract_problem.REPORT_CHECKS}),
    ):
        defined = {item for name, item in vars(module).items() if name.startswith("check_")}
        assert defined == listed
        assert all(item.__doc__.endswith(".") for item in defined)


def test_broken_is_told_apart_from_a_crash():
    def gives_way(item):
        raise Broken("as seen")

    from zobench.contract import _try

    assert _try(gives_way, None, "x", "y").message == "as seen"
    assert "zobench.contract" in sys.modules
