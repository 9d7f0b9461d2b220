"""zobench: zeroth-order optimisation benchmarks in which a convergence theorem is an executable object.

The names below are loaded when first used, so that ``import zobench`` costs a few milliseconds.

=====================  ==================================================================
`minimize`             minimise any objective, answers like SciPy's ``minimize``
`ask_tell`             the same for an objective that is evaluated elsewhere, answers a `Study`
`run`                  one counted run of a solver on a problem, answers a `Trace`
`verify`               compare theorems with measured runs, answers verdicts
`problem`              a registered problem made concrete: an `Instance`
`ZobenchError`         every complaint about a request
`ConversionWarning`    a start of another precision was converted to float64
=====================  ==================================================================

So are the packages ``zobench.problems``, ``zobench.solvers`` and ``zobench.reports``; each solver's module is
a method of SciPy, ``scipy.optimize.minimize(fun, x0, method=zobench.solvers.s2p)``.
"""

TYPE_CHECKING = False  # as a type checker understands it; the module `typing` takes longer than all of this

__version__ = "0.1.0"
__all__ = [
    "ConversionWarning",
    "ZobenchError",
    "__version__",
    "ask_tell",
    "minimize",
    "problem",
    "run",
    "verify",
]

_HOMES = {
    "ConversionWarning": "zobench.errors",
    "ZobenchError": "zobench.errors",
    "ask_tell": "zobench.interfaces.study",
    "minimize": "zobench.interfaces.optimize",
    "problem": "zobench.instance",
    "run": "zobench.execute",
    "verify": "zobench.verdict.verification",
}
_PACKAGES = ("problems", "solvers", "reports")

if TYPE_CHECKING:
    from typing import Any

    from zobench.errors import ConversionWarning, ZobenchError
    from zobench.execute import run
    from zobench.instance import problem
    from zobench.interfaces.optimize import minimize
    from zobench.interfaces.study import ask_tell
    from zobench.verdict.verification import verify


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'zobench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
