"""The contract of problems and reports: everything registered keeps it, slips are caught."""

import pytest

from zobench.contract.check import check, check_problem, check_report
from zobench.registry import catalogue


def failures(outcomes):
    return [f"{o.subject}: {o.name}: {o.message}" for o in outcomes if not o.ok]


def names(outcomes):
    return {o.name for o in outcomes if not o.ok}


@pytest.mark.parametrize("name", catalogue("problems"))
def test_registered_problems_keep_the_contract(name):
    assert failures(check_problem(catalogue("problems")[name])) == []


@pytest.mark.parametrize("name", catalogue("reports"))
def test_registered_reports_keep_the_contract(name):
    assert failures(check_report(catalogue("reports")[name])) == []


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
