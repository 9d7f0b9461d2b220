"""The oracle of first-order methods: counted in a column of its own, out of all others' reach."""

from typing import NamedTuple

import numpy as np
import pytest

import zobench
from zobench.contract.check import check_solver
from zobench.contract.source import kernel_faults
from zobench.errors import ZobenchError
from zobench.instance import Vector
from zobench.oracle import query, query_gradient
from zobench.solver import Solver


class State(NamedTuple):
    x: Vector
    g: Vector


def descend(oracle, state, parameters, k, stream):
    query_gradient(oracle, state.x, state.g)
    for i in range(state.x.size):
        state.x[i] -= 0.3 * state.g[i]


def mixed(oracle, state, parameters, k, stream):
    value = query(oracle, state.x)
    if query_gradient(oracle, state.x, state.g) <= value:
        for i in range(state.x.size):
            state.x[i] -= 0.3 * state.g[i]


def made(step, cost, **options):
    options = {"gradients": True, **options}
    return Solver("descent", "gradient descent", step, State, lambda p, s: cost, "none", **options)


DESCENT, MIXED = made(descend, 1), made(mixed, 2)


def test_each_gradient_is_a_query_and_one_of_its_own_column():
    trace = zobench.run("quadratic", DESCENT, budget=20)
    assert (trace.count, trace.gradients, trace.steps) == (20, 20, 20)
    trace = zobench.run("quadratic", MIXED, budget=21)
    assert (trace.count, trace.gradients, trace.steps) == (21, 10, 10)


def test_it_is_gradient_descent():
    instance = zobench.problem("quadratic", dim=5, condition=3)
    x = np.array(instance.x0)
    for _ in range(12):
        x -= 0.3 * instance.gradient(x)
    assert zobench.run(instance, DESCENT, budget=12).x == pytest.approx(x, rel=1e-14)


def test_a_callable_and_its_jac_are_counted_alike():
    values, slopes = [], []

    def fun(x):
        values.append(x)
        return float(x @ x)

    def jac(x):
        slopes.append(x)
        return 2.0 * x

    result = zobench.minimize(fun, [1.0, 2.0], solver=MIXED, budget=9, jac=jac)
    assert (result.nfev, result.njev) == (9, 4) == (len(values), len(slopes))
    assert result.fun == min(float(x @ x) for x in values)


@pytest.mark.parametrize("budget", [1, 2, 3, 7])
def test_the_budget_holds(budget):
    calls = []
    zobench.minimize(
        lambda x: float(x @ x),
        np.ones(3),
        solver=MIXED,
        budget=budget,
        jac=lambda x: calls.append(0) or 2 * x,
    )
    assert len(calls) == budget // 2


def test_an_exception_of_jac_comes_out():
    def jac(x):
        raise RuntimeError("the gradient is not at home")

    with pytest.raises(RuntimeError, match="not at home"):
        zobench.minimize(lambda x: float(x @ x), np.ones(3), solver=DESCENT, budget=9, jac=jac)


@pytest.mark.parametrize(
    ("fun", "options", "words"),
    [
        (lambda x: float(x @ x), {}, "solver 'descent' is a first-order method and the objective has no"),
        (lambda x: float(x @ x), {"jac": 3}, "jac must be a callable"),
        (lambda x: float(x @ x), {"jac": lambda x: x[:2]}, r"jac must answer a vector of shape \(3,\)"),
        (zobench.problem("quadratic", dim=3, noise="gaussian", noise_level=1.0), {}, "exact gradients"),
    ],
)
def test_what_cannot_be_asked_is_refused(fun, options, words):
    with pytest.raises(ZobenchError, match=words):
        zobench.minimize(fun, np.ones(3), solver=DESCENT, budget=9, **options)


def test_a_zeroth_order_method_cannot_reach_the_gradient():
    thief = made(descend, 1, gradients=False)
    assert "asks for gradients without declaring gradients=True" in kernel_faults(thief)
    going = zobench.run("quadratic", thief, budget=3)
    assert np.isnan(going.x).all()
    assert going.gradients == 0


@pytest.mark.parametrize("solver", [DESCENT, MIXED], ids=["descent", "mixed"])
def test_first_order_methods_meet_the_contract(solver):
    broken = {outcome.name: outcome.message for outcome in check_solver(solver) if not outcome.ok}
    # this file is no solver's file: it imports the harness and describes tests
    not_of_a_test = {"imports are harmless", "invariances are declared", "memory is stated"}
    assert set(broken) <= not_of_a_test, broken
