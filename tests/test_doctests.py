"""Every example in a docstring runs and answers what it says."""

import doctest
import pkgutil
from importlib import import_module

import pytest

CORE = import_module("zobench")
PACKAGES = ["zobench", "zobench.problems", "zobench.solvers", "zobench.reports"] + [
    f"zobench.{found.name}" for found in pkgutil.iter_modules(CORE.__path__) if found.ispkg
]
MODULES = PACKAGES + [
    f"{package}.{found.name}"
    # by name, for an editable install does not list the three folders inside zobench
    for package in PACKAGES
    for found in pkgutil.iter_modules(import_module(package).__path__)
    if not found.ispkg and found.name != "__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    outcome = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = sum(len(test.examples) for name in MODULES for test in finder.find(import_module(name)))
    assert examples > 15
