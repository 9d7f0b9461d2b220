"""In very many dimensions: directions made twice instead of kept, and vectors lent to the harness."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

import zobench
from zobench.directions import LAWS, draw, draw_along, length_factor, next_squared_norm
from zobench.driver import Run
from zobench.instance import Vector
from zobench.kernels import squared_norm
from zobench.objective import objective_of
from zobench.oracle import affords, query
from zobench.registry import catalogue
from zobench.solver import Scratch, Solver, solver
from zobench.stream import back, here

NOISES = {"none": {}, "gaussian": {"noise": "gaussian", "noise_level": 0.3}}
STP = {
    "fixed": {"alpha0": 0.1},
    "decreasing": {"alpha0": 0.1},
    "finite-difference": {"L": 100.0, "radius": 1e-3},
    "harmonic": {"alpha0": 0.1},
}
S2P = {
    "stationary": {},
    "dynamic": {},
    "gamma": {"L": 10.0},
    "gamma-four": {"L": 10.0},
    "clipped": {"L0": 1.0, "L1": 1.0},
    "sign": {},
}


def record(trace):
    """Give a trace's numbers as bytes."""
    arrays = [trace.x, trace.bests, trace.values, trace.gradient_norms, trace.hits]
    numbers = [trace.count, trace.steps, trace.best, trace.value]
    return b"".join(array.tobytes() for array in [*arrays, np.array(numbers, dtype=float)])


def records(name, dim, budgets):
    rules = S2P if name == "s2p" else STP
    return {
        (law, rule, noise, budget): record(
            zobench.run(
                zobench.problem("rosenbrock", dim=dim, **NOISES[noise]),
                name,
                budget=budget,
                parameters={"law": law, "rule": rule, **given},
            )
        )
        for law in LAWS
        for rule, given in rules.items()
        for noise in NOISES
        for budget in budgets
    }


@pytest.mark.parametrize("name", ["s2p", "stp"])
@pytest.mark.parametrize("dim", [1025, pytest.param(3077, marks=pytest.mark.slow)])
def test_directions_made_twice_leave_the_record_of_kept_ones(name, dim, monkeypatch):
    method = solver(name)
    budgets = (1, 2, 3, 5, 6, 7, 22)
    kept = records(name, dim, budgets)
    monkeypatch.setattr("zobench.directions.LARGE", 1024)
    assert method.sizes(method.choose({}), dim)[:3] == [dim, 1024, dim]
    assert records(name, dim, budgets) == kept
    monkeypatch.setattr("zobench.directions.BLOCK", 1000)  # no multiple of 64
    found = records(name, dim, (22,))
    assert {key[0] for key in found if found[key] != kept[key]} == {"rademacher"}


class State(NamedTuple):
    x: Vector
    s: Vector
    trial: Vector


def compared(oracle, state, parameters, k, stream):
    """Leave in x, by sign of the difference, whether both ways agree, for the law k."""
    x, s, trial = state
    place = here(stream)
    draw(stream, k, s)
    norm = squared_norm(s)
    for i in range(x.size):
        s[i] = x[i] + 0.3 * s[i]
    after = here(stream)
    back(stream, place)
    factor, block = length_factor(stream, k, x.size, trial[:64]), trial[:64]
    agree = True
    if k != 1 and k != 4:
        agree = next_squared_norm(stream, x.size, factor, block) == norm
        back(stream, place)
    draw_along(stream, k, factor, x, 0.3, block, x)
    agree = agree and here(stream) == after
    for i in range(x.size):
        agree = agree and x[i] == s[i]
    query(oracle, x)
    for i in range(x.size):
        x[i] = 1.0 if agree else -1.0


@pytest.mark.parametrize("dim", [64, 65, 127, 128, 200])
def test_draw_along_has_the_bits_of_draw(dim):
    method = Solver("compared", "for tests", compared, State, lambda parameters, setting: 1, source="tests")
    made = zobench.problem("quartic-sum", dim=dim)
    going = Run(objective_of(made, dim), method, method.choose({}), made.x0, 5, "t")
    for _ in LAWS:
        going.advance(steps=1)
        assert (going.x == 1.0).all()


# --- what the harness borrows --------------------------------------------------------------------

LENDING = sorted(
    name
    for name, each in catalogue("solvers").items()
    if isinstance(each, Solver) and (each.keeps or each.scratch)
)


def driven(method, budget, spoil=False):
    made = zobench.problem("rosenbrock", dim=7)
    going = Run(objective_of(made, 7), method, method.choose({}), made.x0, budget, "t", made.certificates)
    while going.advance(steps=1):
        if spoil and method.scratch:
            going.field(method.state._fields[method.scratch])[:] = np.nan
    return going.trace()


@pytest.mark.parametrize("name", LENDING)
def test_what_is_lent_holds_nothing_and_what_is_cut_short_keeps_x(name):
    method = solver(name)
    for budget in range(1, 12):
        wanted = record(driven(replace(method, keeps=False), budget))
        assert record(driven(method, budget)) == wanted
        assert record(driven(method, budget, spoil=True)) == wanted


class Lent(NamedTuple):
    x: Vector
    trial: Scratch


def forgetful(oracle, state, parameters, k, stream):
    """Lean on what the step before left in the vector that is lent, and move though cut short."""
    x, trial = state
    for i in range(x.size):
        trial[i] = 0.5 * trial[i] + 2.0 * x[i]
    query(oracle, trial)
    query(oracle, x)
    for i in range(x.size):
        x[i] = trial[i]


def test_a_solver_that_lies_about_it_is_seen():
    liar = Solver("liar", "for tests", forgetful, Lent, lambda p, s: 2, source="tests", keeps=True)
    assert record(driven(liar, 6)) != record(driven(replace(liar, keeps=False), 6)), "the harness wrote there"
    assert record(driven(liar, 6, spoil=True)) != record(driven(replace(liar, keeps=False), 6))
    assert not np.array_equal(driven(liar, 1).x, driven(replace(liar, keeps=False), 1).x)


class Seen(NamedTuple):
    x: Vector


def asking(oracle, state, parameters, k, stream):
    """Write what is affordable into x."""
    for i in range(state.x.size):
        state.x[i] = 1.0 if affords(oracle, i) else 0.0
    query(oracle, state.x)


def test_affords_counts_what_the_budget_leaves():
    method = Solver("asking", "for tests", asking, Seen, lambda p, s: 1, source="tests")
    for budget in (1, 3, 6):
        made = zobench.problem("rosenbrock", dim=7)
        going = Run(objective_of(made, 7), method, method.choose({}), made.x0, budget, "t")
        for left in range(budget, 0, -1):
            going.advance(steps=1)
            assert going.x.tolist() == [1.0] * (left + 1) + [0.0] * (6 - left)
