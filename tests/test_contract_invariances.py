"""Claims of invariance, memory and array bounds: solvers that break them are caught."""

import dataclasses
import sys

import numpy as np
import pytest

from zobench.contract.check import check, load_file
from zobench.contract.invariance import (
    INVARIANCE_CHECKS,
    _claims,
    _enlarged,
    _factor,
    check_affine,
    check_monotone,
    check_rotation,
    check_scaling,
    check_translation,
)
from zobench.contract.large import (
    check_large_dimension,
    check_memory_is_stated,
    check_nothing_grows,
)
from zobench.contract.plain import PlainRun
from zobench.contract.runs import finish, prepare, witnessed
from zobench.contract.tools import Broken
from zobench.foreign.own_loop import OwnLoop
from zobench.registry import catalogue

NATIVE = [name for name, solver in catalogue("solvers").items() if not isinstance(solver, OwnLoop)]


def made(file):
    from pathlib import Path

    return load_file(Path(file)).solver


def broken(checks, solver):
    """Give the names of the checks that do not hold."""
    found = set()
    for each in checks:
        try:
            each(solver)
        except Broken:
            found.add(each.__name__.removeprefix("check_"))
    return found


#: What is slipped into an honest solver that claims everything, and the claims that fall.
SLIPS = {
    "shrinks towards 0": ({"after": "x[0] *= 0.999"}, {"translation", "rotation"}),
    "measures steps by x": (
        {"before": "trial[0] += 0.01 * abs(x[0])"},
        {"translation", "rotation"},
    ),
    "starts its search at 0": (
        {"before": "if k == 3:\n    trial[:] = 0.0"},
        {"translation"},
    ),
    "has a length of its own": (
        {
            "before": "for i in range(x.size): trial[i] = x[i] + 1.25 * (trial[i] - x[i])\n"
            "for i in range(x.size): trial[i] += 1e-6 * (trial[i] > x[i])"
        },
        {"scaling", "rotation"},
    ),
    "leaves out a unit": ({"unit": ""}, {"scaling"}),
    "states a wrong unit": ({"unit": ', unit="x^2"'}, {"scaling"}),
    "draws signs": (
        {
            "imports": "from zobench.directions import RADEMACHER",
            "before": "draw(stream, RADEMACHER, trial)\n"
            "for i in range(x.size): trial[i] = x[i] + parameters.alpha * trial[i]",
        },
        {"rotation"},
    ),
    "favours an axis": ({"before": "trial[0] = x[0] + 1.5 * (trial[0] - x[0])"}, {"rotation"}),
    "clips each coordinate": (
        {"before": "for i in range(x.size): trial[i] = x[i] + max(-0.1, min(0.1, trial[i] - x[i]))"},
        {"rotation", "scaling"},
    ),
    "asks for a decrease of its own": (
        {"after": "value[0] = min(value[0], answer)\nif answer > value[0] - 0.05: x[0] += 0.0"},
        set(),
    ),
    "wants a sufficient decrease": (
        {"before": "value[0] -= 0.05", "after": "value[0] += 0.05 if answer >= value[0] else 0.0"},
        {"scaling", "affine", "monotone"},
    ),
    "steps by values": (
        {"before": "for i in range(x.size): trial[i] = x[i] + (trial[i] - x[i]) * (1.0 + 0.01 * value[0])"},
        {"scaling", "affine", "monotone"},
    ),
    "steps by relative values": (
        {"after": "if answer < 2.0 * value[0]: x[:] = trial"},
        {"affine", "monotone"},
    ),
    "compares differences": (
        {
            "before": "kept = value[0]",
            "after": "if answer > kept and answer - kept < kept - value[0] + 0.3 * abs(kept): x[:] = trial",
        },
        {"affine", "monotone"},
    ),
}
CLAIMS = (check_translation, check_scaling, check_rotation, check_affine, check_monotone)
ALL = '{"translation": True, "scaling": True, "rotation": True, "affine": True, "monotone": True}'


@pytest.mark.parametrize("slip", SLIPS)
def test_a_claim_that_does_not_hold_falls(write_solver, slip):
    parts, fallen = SLIPS[slip]
    said = "translation, scaling, rotation, affine, monotone"
    solver = made(write_solver("slip", invariances=ALL, said=said, **parts))
    assert broken(CLAIMS, solver) == fallen
    # and a solver that claims nothing is not blamed
    denied = dict.fromkeys(solver.invariances, "not this one")
    assert broken(CLAIMS, dataclasses.replace(solver, invariances=denied)) == set()


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"invariances": "{}"}, "translation, scaling, rotation"),
        ({"invariances": '{"translation": True, "scaling": True, "rotation": ""}'}, "why not, of rotation"),
        (
            {"invariances": '{"translation": True, "scaling": True, "rotation": "no", "colour": True}'},
            "colour",
        ),
        ({"said": "translation, scaling, rotation"}, "Invariances: translation, scaling, rotation, monotone"),
        ({"said": "translation, scaling, rotation, affine, monotone"}, "Invariances: translation, scaling"),
    ],
)
def test_claims_are_declared_and_written(write_solver, parts, fault):
    with pytest.raises(Broken, match=fault):
        INVARIANCE_CHECKS[0](made(write_solver("silent", **parts)))


@pytest.mark.parametrize("name", NATIVE)
def test_registered_solvers_claim_what_they_have_of_order_and_scale(name):
    """With its defaults no solver denies an invariance under transforms of f that is seen to hold."""
    solver, defaults = catalogue("solvers")[name], repr(catalogue("solvers")[name].choose({}))
    monotone = next(_claims(solver, "monotone"), None) == _enlarged(solver, {})
    affine = monotone or next(_claims(solver, "affine"), None) == _enlarged(solver, {})
    for claim, claimed, tried in (("affine", affine, check_affine), ("monotone", monotone, check_monotone)):
        only = {claim: lambda parameters: repr(parameters) == defaults}
        assert broken([tried], dataclasses.replace(solver, invariances=only)) == (
            set() if claimed else {claim}
        )


def test_units_are_products_of_powers():
    assert _factor("x^2/f", 8.0, 0.25) == 64.0 * 4.0
    assert _factor("1/x", 8.0, 0.25) == 0.125
    assert _factor("f", 8.0, 0.25) == 0.25
    assert _factor("", 8.0, 0.25) == 1.0


@pytest.mark.parametrize("name", NATIVE)
def test_plain_python_asks_what_compiled_code_asks(name):
    solver = catalogue("solvers")[name]
    compiled, plain = witnessed(), witnessed()
    finish(prepare(solver, compiled))
    PlainRun(solver, plain).finish()
    # numba's powers, exponentials and logarithms round otherwise than Python's
    np.testing.assert_allclose(plain.points, compiled.points, rtol=0.0, atol=1e-7)


OUTSIDE = {
    "reads past the end": "if k == 7: trial[0] += x[x.size]",
    "writes past the end": "if k == 7: trial[x.size] = 1.0",
    "writes far outside": "if k == 7: trial[10 ** 9] = 1.0",
    "reads before the beginning": "if k == 7: trial[0] += x[-x.size - 1]",
    "is off in one dimension": "trial[1] += 0.0",
}


@pytest.mark.parametrize("how", OUTSIDE)
def test_an_index_outside_is_told_before_it_is_compiled(write_solver, how):
    outcomes = check(write_solver("outside", before=OUTSIDE[how]))
    assert [(o.name, o.ok) for o in outcomes] == [("stays inside its arrays", False)]
    assert "step, line" in outcomes[0].message
    assert "out of bounds" in outcomes[0].message


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a process is forked on Linux alone")
def test_an_index_outside_that_plain_python_does_not_meet_fails_a_check(write_solver):
    # only in a million dimensions, and far enough to end the process
    file = write_solver("far", before="if x.size > 1000: trial[10 ** 12] = 1.0")
    last = check(file)[-1]
    assert (last.name, last.ok) == ("large dimension", False)
    assert "ended the process (SIGSEGV)" in last.message


@pytest.mark.parametrize(
    ("parts", "caught"),
    [
        ({"memory": "3 vectors"}, {"memory_is_stated"}),
        ({"memory": "little"}, set()),
        ({"memory": "2 + n vectors"}, {"memory_is_stated"}),
        (
            {
                "imports": "import numpy as np",
                "before": "more = np.ones(2 * x.size)\ntrial[0] += 0.0 * more[-1]",
            },
            {"large_dimension"},
        ),
        (
            {
                "helpers": "def wait(x):\n    total = 0.0\n    for i in range(x.size):\n"
                "        for j in range(100_000): total += x[i] ** j\n    return total\n",
                "before": "if x.size > 1000: trial[0] += 0.0 * wait(x[:100])",
            },
            {"large_dimension"},
        ),
    ],
    ids=["overstated", "in words", "no such symbol", "held unseen", "slow"],
)
def test_memory_and_size_are_measured(write_solver, parts, caught, monkeypatch):
    from zobench.contract import large as contract_large

    monkeypatch.setattr(contract_large, "LIMIT", 0.5)
    assert (
        broken([check_memory_is_stated, check_large_dimension], made(write_solver("big", **parts))) == caught
    )


def test_what_grows_is_caught(write_solver, monkeypatch):
    from zobench.driver import Run

    solver, kept, advance = made(write_solver("grows")), [], Run.advance
    assert check_nothing_grows(solver).startswith("100000 steps")

    def leaking(going, steps=None):
        kept.append(np.ones(20_000))
        return advance(going, steps)

    monkeypatch.setattr(Run, "advance", leaking)
    with pytest.raises(Broken, match="grows by"):
        check_nothing_grows(solver)


def test_a_kernel_that_keeps_what_it_allocates_is_counted():
    from numba import njit

    from zobench.contract.large import _allocations

    @njit
    def allocate(size):
        return np.ones(size)

    allocate(3)
    with _allocations() as seen:
        kept = [allocate(5), allocate(5)]
        allocate(5)
    assert (seen["made"], seen["kept"]) == (3, 2)
    assert len(kept) == 2
