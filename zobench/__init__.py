"""zobench: zeroth-order optimisation benchmarks in which a convergence theorem is an executable object.

The names below are loaded when first used, so that ``import zobench`` costs a few milliseconds.

=====================  ==================================================================
`minimize`             minimise any objective, answers like SciPy's ``minimize``
`run`                  one counted run of a solver on a problem, answers a `Trace`
`verify`               compare theorems with measured runs, answers verdicts
`problem`              a registered problem made concrete: an `Instance`
`ZobenchError`         every complaint about a request
=====================  ==================================================================
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["ZobenchError", "__version__", "minimize", "problem", "run", "verify"]

_HOMES = {
    "ZobenchError": "zobench.errors",
    "minimize": "zobench.optimize",
    "problem": "zobench.instance",
    "run": "zobench.execute",
    "verify": "zobench.verification",
}

if TYPE_CHECKING:
    from zobench.errors import ZobenchError
    from zobench.execute import run
    from zobench.instance import problem
    from zobench.optimize import minimize
    from zobench.verification import verify


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'zobench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
