"""The contract's checks of what a solver claims to be invariant under (`zobench.solver.INVARIANCES`).

Scaling, affine and monotone are exact in floating-point arithmetic where the factors are powers of two and
the values lie on a grid, so they are checked bit by bit.  A translation and a rotation round otherwise than
the original: there two runs may differ by what rounding makes of it, `CLOSE`, which is far below any step.
Lengths among the parameters are made as large as f's features where their defaults are small, so that a
difference quotient is none of a straight line, and rounding is not divided by a tiny radius.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.certificate import Certificates
from zobench.contract.plain import PlainRun
from zobench.contract.runs import bowl, finish, prepare, variants
from zobench.contract.tools import Witness, demand, same
from zobench.parameters import Certified, Real, constraints
from zobench.solver import INVARIANCES, Setting, Solver

__all__ = ["INVARIANCE_CHECKS"]

#: Of these every solver says whether it has them.
REQUIRED = ("translation", "scaling", "rotation")
#: How far two runs that are the same but for rounding may be apart, where x is of the order of 10.
CLOSE = 1e-12
#: What small lengths among the parameters are replaced with.
RADIUS = 0.125
#: Length and value are multiplied by these powers of two: every product is exact.
LENGTH, VALUE = 8.0, 0.0625
GRID = 2.0**-20
NOT_CLAIMED = "not claimed"
#: The units of certified constants.
UNITS = {"L": "f/x^2", "L0": "f/x^2", "L1": "1/x", "G": "f/x", "mu": "f/x^2", "PL": "f/x^2", "f_star": "f"}
UNITS |= {
    "f_best": "f",
    "f_lower": "f",
    "variance": "f^2/x^2",
    "growth": "f/x^2",
    "R0": "x",
    "trace": "f/x^2",
}

Vector = NDArray[np.float64]


def _value(x: Vector) -> float:
    """Give the bowl's value with waves on it, which are no sum over coordinates."""
    with np.errstate(all="ignore"):  # a method may diverge
        return bowl().value(x) + 0.3 * float(np.cos(x[0] + 2.0 * x[1]) + np.sin(x[2] * x[3] - x[4]))


def _slope(x: Vector) -> Vector:
    with np.errstate(all="ignore"):
        first, second = -0.3 * np.sin(x[0] + 2.0 * x[1]), 0.3 * np.cos(x[2] * x[3] - x[4])
        return bowl().gradient(x) + np.array([first, 2.0 * first, second * x[3], second * x[2], -second])


def _enlarged(solver: Solver, given: dict[str, Any]) -> dict[str, Any]:
    """Replace small lengths among the defaults; the rest of the variant stays."""
    chosen = solver.choose(given)._asdict()
    small = [name for name, unit in _units(solver).items() if unit == "x" and 0 < chosen[name] < RADIUS / 2]
    return given | {name: RADIUS for name in small}


def _claims(solver: Solver, name: str) -> Iterator[dict[str, Any]]:
    """Yield the variants for which a solver claims an invariance."""
    rule = solver.invariances.get(name, "")
    for given in variants(solver):
        if rule is True or (callable(rule) and rule(solver.choose(given))):
            yield _enlarged(solver, given)


def _factor(unit: str, length: float, value: float) -> float:
    """Give the number by which a unit is multiplied where x is by `length` and f by `value`."""
    factor = 1.0
    for sign, part in zip((1, -1), f"{unit}/".split("/"), strict=False):
        for name, power in re.findall(r"([xf])(?:\^(\d+))?", part):
            factor *= {"x": length, "f": value}[name] ** (sign * int(power or 1))
    return factor


def _units(solver: Solver) -> dict[str, str]:
    """Give the unit of each parameter that has one."""
    rules = constraints(solver.parameters)
    reals = {name: rule for name, rule in rules.items() if isinstance(rule, Real)}
    return {
        name: rule.unit or (UNITS.get(name, "") if isinstance(rule, Certified) else "")
        for name, rule in reals.items()
    }


def _scaled(solver: Solver, parameters: Any) -> Any:
    factors = {name: _factor(unit, LENGTH, VALUE) for name, unit in _units(solver).items()}
    return parameters._replace(**{name: getattr(parameters, name) * by for name, by in factors.items()})


def _watched(solver: Solver, given: dict[str, Any], witness: Witness, **more: Any) -> Witness:
    finish(prepare(solver, witness, given=given, **more))
    return witness


def _first_difference(one: list[Vector], two: list[Vector]) -> str:
    pairs = zip(one, two, strict=False)
    place = next((k for k, (a, b) in enumerate(pairs) if not same(a, b)), min(len(one), len(two)))
    return f"from query {place + 1} of {max(len(one), len(two))} on"


def _demand_close(moved: list[Vector], expected: list[Vector], what: str) -> float:
    """Demand that two lists of points differ by rounding only; give the largest difference."""
    demand(len(moved) == len(expected), f"{what}, {len(moved)} queries are asked instead of {len(expected)}")
    largest = 0.0
    for k, (a, b) in enumerate(zip(moved, expected, strict=True)):
        far = float(np.max(np.abs(a - b) / (1.0 + np.abs(b))))
        demand(far <= CLOSE, f"{what}, query {k + 1} is off by {far:.3g}")
        largest = max(largest, far)
    return largest


def check_invariances_are_declared(solver: Solver) -> None:
    """Translation, scaling and rotation are claimed, or denied with a reason, in the docstring as well."""
    unknown = [name for name in solver.invariances if name not in INVARIANCES]
    demand(not unknown, f"invariances must be of {', '.join(INVARIANCES)}, got {', '.join(unknown)}")
    left = [name for name in REQUIRED if name not in solver.invariances]
    demand(not left, f"invariances must say True, for which parameters, or why not, of {', '.join(left)}")
    empty = [name for name, rule in solver.invariances.items() if rule is False or rule == ""]
    demand(not empty, f"invariances must say why not, of {', '.join(empty)}")
    claimed = {name for name in INVARIANCES if next(_claims(solver, name), None) is not None}
    text = inspect.getdoc(inspect.getmodule(_author(solver))) or ""
    found = re.search(r"Invariances:(.*?)(?:\.\s|\.$|\n\n|$)", text, flags=re.S)
    said = re.sub(r"\([^)]*\)", "", found[1]) if found else ""
    written = {name for name in INVARIANCES if re.search(rf"\b{name}\b", said)}
    wanted = ", ".join(name for name in INVARIANCES if name in claimed) or "none"
    demand(
        found is not None and written == claimed,
        f'the module\'s docstring must have a sentence "Invariances: {wanted}.", '
        + (f"and says {found[0]!r}" if found else "and has none"),
    )


def _author(solver: Solver) -> Callable[..., Any]:
    """Give a function of the solver's file."""
    return getattr(solver, "solve", solver.step)


def check_translation(solver: Solver) -> str:
    """Where translation is claimed, f(x - c) from x0 + c moves every query by c."""
    x0, largest = bowl().x0, 0.0
    shift = np.array([3.0, -5.25, 0.5, 7.0, -2.0])
    for given in _claims(solver, "translation"):
        plain = _watched(solver, given, Witness(lambda x, count: _value(x), _slope))
        moved = Witness(lambda x, count: _value(x - shift), lambda x: _slope(x - shift))
        _watched(solver, given, moved, x0=x0 + shift)
        what = f"with f and x0 moved by {shift} ({given or 'defaults'})"
        largest = max(largest, _demand_close(moved.points, [x + shift for x in plain.points], what))
    return f"to {largest:.1g}" if largest else NOT_CLAIMED


def _demand_units(solver: Solver, given: dict[str, Any], budget: int) -> tuple[Any, Any]:
    """Settle a variant here and in other units; demand that each parameter changes as its unit says."""
    made = bowl()
    known = [
        replace(each, value=each.value * _factor(UNITS.get(each.constant, ""), LENGTH, VALUE))
        for each in made.certificates.values()
    ]
    here = Setting(5, budget, made.certificates)
    chosen = solver.choose(given)
    settled = solver.settled(chosen, here)
    again = solver.settled(_scaled(solver, chosen), here._replace(certificates=Certificates(*known)))
    for parameter, number in _scaled(solver, settled)._asdict().items():
        demand(
            number == getattr(again, parameter),
            f"with x times {LENGTH:g} and f times {VALUE:g}, {parameter} must become {number!r} by its unit "
            f"{_units(solver).get(parameter) or 'none'!r} and becomes {getattr(again, parameter)!r} "
            f"({given or 'defaults'})",
        )
    return settled, again


def check_scaling(solver: Solver) -> str:
    """Where scaling is claimed, other units of x and f give the same run in other units, bit by bit."""
    said, budget = NOT_CLAIMED, 60
    for given in _claims(solver, "scaling"):
        said = ""
        settled, again = _demand_units(solver, given, budget)
        one = Witness(lambda x, count: _value(x), _slope)
        two = Witness(
            lambda x, count: VALUE * _value(x / LENGTH), lambda x: VALUE / LENGTH * _slope(x / LENGTH)
        )
        _watched(solver, given, one, budget=budget, parameters=settled)
        _watched(solver, given, two, budget=budget, parameters=again, x0=bowl().x0 * LENGTH)
        expected = [x * LENGTH for x in one.points]
        demand(
            same(expected, two.points),
            f"with x times {LENGTH:g} and f times {VALUE:g} the queries are others "
            f"{_first_difference(expected, two.points)} ({given or 'defaults'}): "
            "is every parameter's unit given?",
        )
    return said


def check_rotation(solver: Solver) -> str:
    """Where rotation is claimed, f(Q^T x) from Q x0 with directions turned by Q turns every query.

    The kernels are read as plain Python here, for there their normal variates can be turned.
    """
    x0, largest = bowl().x0, 0.0
    rng = np.random.Generator(np.random.Philox(4))
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    for given in _claims(solver, "rotation"):
        plain = Witness(lambda x, count: _value(x), _slope)
        turned = Witness(lambda x, count: _value(turn.T @ x), lambda x: turn @ _slope(turn.T @ x))
        PlainRun(solver, plain, given=given).finish()
        PlainRun(solver, turned, given=given, x0=turn @ x0, turn=turn).finish()
        what = f"with f, x0 and directions turned ({given or 'defaults'})"
        largest = max(largest, _demand_close(turned.points, [turn @ x for x in plain.points], what))
    return f"to {largest:.1g}" if largest else NOT_CLAIMED


def _on_grid(value: float) -> float:
    return float(np.rint(value / GRID) * GRID)


def _changed(change: Callable[[float], float]) -> Witness:
    return Witness(lambda x, count: change(_on_grid(_value(x))))


def _demand_same_queries(solver: Solver, name: str, changes: dict[str, Callable[[float], float]]) -> str:
    said = NOT_CLAIMED
    for given in _claims(solver, name):
        said, plain = "", _watched(solver, given, _changed(lambda v: v), budget=200)
        for what, change in changes.items():
            changed = _changed(change)
            with np.errstate(over="ignore"):
                _watched(solver, given, changed, budget=200)
            demand(
                same(plain.points, changed.points),
                f"with {what} in place of f the queries are others "
                f"{_first_difference(plain.points, changed.points)} ({given or 'defaults'})",
            )
    return said


def check_affine(solver: Solver) -> str:
    """Where affine is claimed, 4 f + 32 and f / 8 - 1 give the same queries as f, bit by bit."""
    changes = {"4 f + 32": lambda v: 4.0 * v + 32.0, "f / 8 - 1": lambda v: v / 8.0 - 1.0}
    return _demand_same_queries(solver, "affine", changes)


def check_monotone(solver: Solver) -> str:
    """Where monotone is claimed, increasing functions of f give the same queries as f, bit by bit."""
    changes: dict[str, Callable[[float], float]] = {
        "(f - 5)^3": lambda v: float(np.power(v - 5.0, 3.0)),
        "exp(2 f)": lambda v: float(np.exp(2.0 * min(v, 300.0))) * max(1.0, v - 299.0),
        "arctan f": lambda v: float(np.arctan(v)),
    }
    return _demand_same_queries(solver, "monotone", changes)


INVARIANCE_CHECKS = (
    check_invariances_are_declared,
    check_translation,
    check_scaling,
    check_rotation,
    check_affine,
    check_monotone,
)
