"""Solvers as methods of ``scipy.optimize.minimize``, and solver modules that can be called as such.

Nothing heavy is imported here: the packages of solvers import this module at once.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

    from zobench.solver import Solver

__all__ = ["callable_modules", "minimize_as_scipy"]

#: The options that belong to the run, as zobench calls them, and other words of SciPy for them.
RUN_OPTIONS = ("budget", "maxiter", "seed", "noise", "disp", "return_all")
SYNONYMS = {"maxfev": "budget", "maxfun": "budget"}


class SolverModule(ModuleType):
    """A module that defines `solver`; called, it is that solver."""

    def __call__(self, *arguments: Any, **options: Any) -> "OptimizeResult":
        """Minimise as `Solver.__call__` does."""
        return self.solver(*arguments, **options)


class SolverPackage(ModuleType):
    """A package of solvers: its modules can be called, and are imported when first spoken of."""

    def __setattr__(self, name: str, value: Any) -> None:
        # the import system sets every submodule here, whoever imports it
        if type(value) is ModuleType and value.__name__ == f"{self.__name__}.{name}":
            value.__class__ = SolverModule
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        home = f"{self.__name__}.{name}"
        if not name.startswith("_") and find_spec(home) is not None:
            return import_module(home)
        from zobench.errors import nearest

        near = None if name.startswith("_") else nearest(name, _modules(self))
        hint = f"; did you mean {near!r}?" if near else ""
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}{hint}", name=name, obj=self)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *_modules(self)})


def _modules(package: ModuleType) -> list[str]:
    from pkgutil import iter_modules

    return [found.name for found in iter_modules(package.__path__) if not found.name.startswith("_")]


def callable_modules(package: str) -> None:
    """Let the modules of a package of solvers serve as methods of ``scipy.optimize.minimize``.

    A package of solvers calls this in its ``__init__.py``.

    Parameters
    ----------
    package : str
        Its ``__name__``.

    Examples
    --------
    >>> import zobench
    >>> from scipy.optimize import minimize
    >>> result = minimize(lambda x: x @ x, [1.0, 2.0], method=zobench.solvers.stp, options={"budget": 500})
    >>> result.nfev, result.fun < 0.01
    (500, True)
    """
    sys.modules[package].__class__ = SolverPackage


def minimize_as_scipy(
    solver: "Solver",
    fun: Any,
    x0: Any,
    args: Any = (),
    *,
    jac: Any = None,
    callback: Any = None,
    options: Mapping[str, Any],
    refused: Mapping[str, Any],
) -> "OptimizeResult":
    """Minimise with a solver as ``scipy.optimize.minimize`` calls its methods; see `Solver.__call__`.

    Parameters
    ----------
    solver : Solver
    fun, x0, args, jac, callback
        As SciPy has them.
    options : mapping
        The options, each by its name.
    refused : mapping
        Arguments of SciPy that no solver takes, by name: bounds, constraints, hess, hessp.

    Returns
    -------
    scipy.optimize.OptimizeResult
        See `zobench.minimize`; with the option ``return_all`` also `allvecs`, the iterates.

    Raises
    ------
    ZobenchError
        If there are bounds or constraints, an option is unknown, or the request is at fault.

    Examples
    --------
    >>> from zobench.registry import find
    >>> refused = dict.fromkeys(("bounds", "constraints", "hess", "hessp"))
    >>> options = {"maxfev": 20, "return_all": True}
    >>> result = minimize_as_scipy(
    ...     find("solvers", "stp"), lambda x: float(x @ x), [1.0, 2.0], options=options, refused=refused
    ... )
    >>> result.nfev, result.allvecs[0].tolist(), len(result.allvecs) == result.nit + 1
    (20, [1.0, 2.0], True)
    """
    from zobench.interfaces.optimize import minimize_with

    who = f"method {solver.name!r}"
    _refuse(who, refused)
    chosen, parameters = _sorted_options(solver, who, options)
    show, keep = bool(chosen.pop("disp", False)), bool(chosen.pop("return_all", False))
    function = _with_arguments(fun, args, who)
    slope = _with_arguments(jac, args, who) if callable(jac) else None
    visited: list[Any] = []
    result = minimize_with(
        solver,
        function,
        x0,
        jac=slope,
        callback=callback,
        parameters=parameters,
        visited=visited if keep else None,
        **chosen,
    )
    if keep:
        result.allvecs = visited
    if show:
        print(f"{result.message}\n  best value: {result.fun:.6g}")
        print(f"  steps: {result.nit}\n  queries: {result.nfev}")
    return result


def _refuse(who: str, refused: Mapping[str, Any]) -> None:
    """Complain of bounds and constraints; warn of what is left aside, as SciPy's own methods do."""
    from warnings import warn

    from zobench.errors import ZobenchError
    from zobench.interfaces.optimize import caller_level

    for name in ("bounds", "constraints"):
        given = refused[name]
        if given is not None and not (isinstance(given, (tuple, list)) and not given):
            raise ZobenchError(
                f"{who} takes no {name}: every point of space may be asked; leave {name} out, "
                "or let fun answer inf outside"
            )
    for name, word in (("hess", "Hessian"), ("hessp", "Hessian-vector product")):
        if refused[name] is not None:
            said = f"{who} does not use {word} information ({name})."
            warn(said, RuntimeWarning, stacklevel=caller_level())


def _sorted_options(
    solver: "Solver", who: str, options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell what belongs to the run from the solver's parameters."""
    from zobench.errors import ZobenchError, unknown
    from zobench.parameters import named

    chosen: dict[str, Any] = {}
    given: dict[str, str] = {}
    parameters: dict[str, Any] = named(options.get("parameters"))
    fields: tuple[str, ...] = solver.parameters._fields  # type: ignore[attr-defined]
    for name, value in options.items():
        word = SYNONYMS.get(name, name)
        if name == "parameters":
            continue
        if word not in RUN_OPTIONS and name in fields:
            parameters[name] = value
        elif name == "tol":
            raise ZobenchError(f"{who} has no tolerance: it ends with its budget, give options budget=...")
        elif word not in RUN_OPTIONS:
            raise unknown(f"{who}: an option", name, [*RUN_OPTIONS, *SYNONYMS, "parameters", *fields])
        elif word in chosen:
            raise ZobenchError(f"{who}: {given[word]} and {name} are one option, give one of them")
        else:
            chosen[word], given[word] = value, name
    return chosen, parameters


def _with_arguments(function: Any, args: Any, who: str) -> Any:
    """Give the function of x alone."""
    args = args if isinstance(args, tuple) else (args,)
    if not args:
        return function
    import ctypes

    pointer = isinstance(function, ctypes._CFuncPtr) or type(function).__name__ == "CFunc"  # type: ignore[attr-defined]
    if pointer or not callable(function):
        from zobench.errors import ZobenchError

        raise ZobenchError(
            f"{who}: args go to Python callables only, got fun of type {type(function).__name__}; "
            "a LowLevelCallable has user_data"
        )
    return lambda x: function(x, *args)
