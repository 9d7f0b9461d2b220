"""``zobench check THEOREM``: a registered theorem keeps the contract, slips are caught."""

import dataclasses
import math

import pytest

from zobench.contract.check import check
from zobench.contract.suite import trials_of
from zobench.contract.theorem import LAYOUT_CHECKS
from zobench.theorem import find_theorem, theorems

NAME = "exact-s2p-identity"


def failed(theorem, solver):
    return {o.name for o in (trial.outcome() for trial in trials_of((theorem, solver))) if not o.ok}


def test_a_theorem_is_checked_by_its_name():
    outcomes = check(NAME)
    assert {o.subject for o in outcomes} == {f"theorem {NAME!r}"}
    assert [o.name for o in outcomes if not o.ok] == []
    assert outcomes[-1].message.startswith("measured / bound ")


@pytest.mark.parametrize("name", theorems())
def test_registered_theorems_are_laid_out(name):
    for each in LAYOUT_CHECKS:
        each(find_theorem(name))


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        ({"statement": " "}, {"theorem is stated"}),
        ({"cells": ()}, {"theorem is stated"}),
        ({"assumes": ("smooth",)}, {"assumptions are known", "bound is finite", "cells are not refuted"}),
        ({"bound": lambda case, steps: math.inf}, {"bound is finite"}),
        ({"bound": lambda case, steps: -1.0}, {"bound is finite", "cells are not refuted"}),
        ({"parameters": lambda case: {"alpha": 1.0}}, {"bound is finite", "cells are not refuted"}),
        ({"budget": lambda case: 0}, {"bound is finite", "cells are not refuted"}),
        ({"budget": lambda case: 2 * case.steps - 2}, {"cells are not refuted"}),
    ],
    ids=[
        "silent",
        "no cells",
        "assumes what nobody certifies",
        "infinite",
        "negative",
        "no such parameter",
        "no budget",
        "steps that are not taken",
    ],
)
def test_a_slip_of_a_theorem_is_caught(change, caught):
    theorem, solver = find_theorem("s2p-smooth-stationary")
    quick = dataclasses.replace(theorem, cells=theorem.cells[:1])
    assert failed(quick, solver) == set()
    assert failed(dataclasses.replace(quick, **change), solver) == caught


def test_a_bound_that_is_too_small_is_refuted():
    theorem, solver = find_theorem("s2p-smooth-stationary")
    low = dataclasses.replace(
        theorem, cells=theorem.cells[:1], bound=lambda case, steps: 0.1 * theorem.bound(case, steps)
    )
    assert failed(low, solver) == {"cells are not refuted"}
