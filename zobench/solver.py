"""Solvers: two kernels, their parameters with published defaults, and what they cost."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zobench.errors import ZobenchError
from zobench.parameters import Certified, constraints, encode, validate
from zobench.registry import find

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

    from zobench.certificate import Certificates
    from zobench.driver import Run
    from zobench.geometry.manifold import Manifold
    from zobench.objective import Objective
    from zobench.theorem import Theorem

__all__ = ["INVARIANCES", "Scalar", "Scratch", "Setting", "Sized", "Solver", "solver"]


#: What a method may claim of its iterates, all random numbers being the same.
INVARIANCES = {
    "translation": "f(x - c) from x0 + c: the iterates move by c",
    "scaling": "c f(x / a) from a x0, every parameter multiplied as its unit says: the iterates times a",
    "rotation": "f(Q^T x) from Q x0, the directions turned by the orthogonal Q: the iterates turned by Q",
    "affine": "c f + b with c > 0: the same iterates",
    "monotone": "every increasing function of f: the same iterates",
}


class Scalar:
    """Annotation of a workspace field that is a vector of size 1: a number kept from step to step.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from zobench.instance import Vector
    >>> class State(NamedTuple):
    ...     x: Vector
    ...     f: Scalar
    """


class Scratch:
    """Annotation of a workspace field of size d that holds nothing from one step to the next.

    The harness writes there between steps what it needs a vector for, and so needs none of its own.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from zobench.instance import Vector
    >>> class State(NamedTuple):
    ...     x: Vector
    ...     trial: Scratch
    """


@dataclass(frozen=True)
class Sized:
    """Annotation of a workspace field whose size depends on the parameters: a window, a block of directions.

    Attributes
    ----------
    size : callable
        ``size(parameters, dim) -> int``; the parameters are settled ones.

    Examples
    --------
    A window of `memory` numbers:

    >>> from typing import NamedTuple
    >>> from zobench.instance import Vector
    >>> class State(NamedTuple):
    ...     x: Vector
    ...     window: Sized(lambda parameters, dim: parameters.memory)
    """

    size: Callable[[Any, int], int]


class Setting(NamedTuple):
    """What a solver may know of a run before it starts.

    Attributes
    ----------
    dim : int
        d.
    budget : int
        Queries allowed.
    certificates : Certificates
        The problem's certified constants; empty for an objective nobody proved anything of.
    varies : bool
        Whether two queries at one point may answer differently.
    manifold : Manifold or None
        The matrices of low rank that the problem declares its unknown to lie in.

    Examples
    --------
    >>> from zobench.certificate import Certificates
    >>> Setting(10, 2000, Certificates()).budget
    2000
    """

    dim: int
    budget: int
    certificates: "Certificates"
    varies: bool = False
    manifold: "Manifold | None" = None


class NoParameters(NamedTuple):
    """A solver that has nothing to choose."""


def _keep(parameters: Any, setting: Setting) -> Any:
    return parameters


@dataclass(frozen=True)
class Solver:
    """One method: one file of ``solvers/``.

    Attributes
    ----------
    name : str
        As the field calls it, in lower case with hyphens.
    summary : str
        One line; the module's docstring states the algorithm as in the paper.
    step : function
        ``step(oracle, state, parameters, k, stream)``: makes x_{k+1} of x_k in ``state.x``.  Plain Python in
        numba's language; asks with ``query(oracle, x)``.  A step that asks nothing ends the run.
    state : type
        A NamedTuple class of workspace: the first field is ``x``, the iterate.  Fields annotated `Vector`
        have size d, as have those annotated `Scratch`, `Scalar` size 1, `Sized` what it says; all start at
        zero but x, which starts at x0.
    cost : callable
        ``cost(parameters, setting) -> int``: the most queries that one step asks.
    parameters : type
        A NamedTuple class with the published defaults.
    init : function or None
        Like `step`, called once before step 0.
    settle : function
        ``settle(parameters, setting) -> parameters``: fills what depends on dim and budget (a horizon).
    source : str
        Paper and algorithm.
    theorems : tuple of Theorem
    start : function or None
        ``start(parameters, setting, x0) -> dict``: contents of fields of the workspace before `init`, where
        they are made of more than zeros (factors of a matrix); plain NumPy, called once.
    gradients : bool
        Whether `step` asks for gradients, with ``query_gradient(oracle, x, out)``: a first-order method.
    keeps : bool
        Whether a step that the budget cuts short leaves x as it was (`zobench.oracle.affords`), so that the
        harness need not keep a copy.
    invariances : mapping
        Of each property of `INVARIANCES` that the method has or should have: True; or for which parameters,
        ``holds(parameters) -> bool``; or why not, as text.  ``zobench check`` wants translation, scaling and
        rotation said of every solver, and tries what is claimed.

    Examples
    --------
    The smallest file of ``solvers/`` ends in such a line; this one is registered:

    >>> from zobench.registry import find
    >>> stp = find("solvers", "stp")
    >>> stp.state._fields[0], stp.cost(stp.parameters(), Setting(10, 100, None))
    ('x', 2)
    """

    name: str
    summary: str
    step: Callable[..., None]
    state: type
    cost: Callable[[Any, Setting], int]
    source: str
    parameters: type = NoParameters
    init: Callable[..., None] | None = None
    settle: Callable[[Any, Setting], Any] = _keep
    theorems: tuple["Theorem", ...] = ()
    start: Callable[[Any, Setting, np.ndarray], Mapping[str, np.ndarray]] | None = None
    gradients: bool = False
    keeps: bool = False
    invariances: Mapping[str, bool | str | Callable[[Any], bool]] = field(default_factory=dict, hash=False)

    def __call__(
        self,
        fun: Any,
        x0: Any,
        args: Any = (),
        *,
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        bounds: Any = None,
        constraints: Any = (),
        callback: Callable[..., Any] | None = None,
        **options: Any,
    ) -> "OptimizeResult":
        """Minimise as a method of ``scipy.optimize.minimize``: ``method=zobench.solvers.s2p``.

        Parameters
        ----------
        fun, x0, jac, callback
            As for `zobench.minimize`, with the same bits.
        args : tuple
            Further arguments of a callable `fun`, and of `jac`.
        hess, hessp
            Not used.
        bounds, constraints
            Refused where given.
        **options
            ``budget`` (SciPy's words ``maxfev`` and ``maxfun`` serve, too), ``maxiter`` (steps; without a
            budget it sets one), ``seed``, ``noise``, ``disp`` (print how it ended), ``return_all`` (every
            iterate as `allvecs`), and the solver's parameters by their names, or together as ``parameters``.

        Returns
        -------
        scipy.optimize.OptimizeResult
            As `zobench.minimize` answers.

        Examples
        --------
        >>> import zobench
        >>> from scipy.optimize import minimize, rosen
        >>> options = {"budget": 3000, "seed": 1, "alpha0": 0.3}
        >>> result = minimize(rosen, [0.0, 0.0], method=zobench.solvers.stp, options=options)
        >>> result.nfev, bool(result.fun < 0.1)
        (3000, True)
        """
        from zobench.interfaces.methods import minimize_as_scipy

        refused = {"bounds": bounds, "constraints": constraints, "hess": hess, "hessp": hessp}
        return minimize_as_scipy(
            self, fun, x0, args, jac=jac, callback=callback, options=options, refused=refused
        )

    def begin(
        self,
        objective: "Objective",
        setting: Setting,
        given: Mapping[str, Any],
        x0: np.ndarray,
        **options: Any,
    ) -> "Run":
        """Lay out a run.

        Parameters
        ----------
        objective : Objective
        setting : Setting
        given : mapping
            Parameters as the user gave them.
        x0 : vector of size d
        **options
            Further arguments of `zobench.driver.Run`.

        Returns
        -------
        Run
            With nothing done yet: ``run.advance()`` drives it.

        Raises
        ------
        ZobenchError
            If a parameter is at fault, or the method needs of the objective what it does not have.
        """
        from zobench.driver import Run

        chosen = self.choose(given)
        settled = self.settled(chosen, setting)
        return Run(
            objective,
            self,
            settled,
            x0,
            setting.budget,
            certificates=setting.certificates,
            manifold=setting.manifold,
            assumed=self._assumed(chosen, settled, setting),
            **options,
        )

    def _assumed(self, chosen: Any, settled: Any, setting: Setting) -> tuple[str, ...]:
        """Say which constants nobody gave and no certificate told, such as ``"L = 1"``."""
        return tuple(
            f"{name} = {rule.fallback:g}"
            for name, rule in constraints(self.parameters).items()
            if isinstance(rule, Certified)
            and np.isnan(getattr(chosen, name))
            and name not in setting.certificates
            and getattr(settled, name) == rule.fallback
        )

    def choose(self, given: Mapping[str, Any]) -> Any:
        """Make the parameters of what was given, complaining of every fault at once.

        Parameters
        ----------
        given : mapping
            Values by name; text is converted.

        Returns
        -------
        NamedTuple
            An instance of `parameters`, defaults filled in.

        Raises
        ------
        ZobenchError
            With all faults.
        """
        return validate(self.parameters, given, f"solver {self.name!r}")

    def settled(self, parameters: Any, setting: Setting) -> Any:
        """Fill certified constants from the problem and whatever depends on the run's setting.

        Parameters
        ----------
        parameters : NamedTuple
            As `choose` makes them.
        setting : Setting

        Returns
        -------
        NamedTuple
            Without a NaN that stood for a certified constant.

        Raises
        ------
        ZobenchError
            If a constant is needed that was not given and is not certified, if the numbers do not fit into 64
            bits, or if `settle` refuses them.
        """
        who, rules = f"solver {self.name!r}", constraints(self.parameters)
        left = [
            name
            for name, rule in rules.items()
            if isinstance(rule, Certified) and np.isnan(getattr(parameters, name))
        ]
        known = {
            name: setting.certificates[name].value if name in setting.certificates else rules[name].fallback
            for name in left
        }
        with self.within_limits(parameters):
            filled = self.settle(parameters._replace(**known), setting)
        for name in left:
            # a step rule that does not use the constant sets it to 0 in `settle`
            if np.isnan(getattr(filled, name)):
                raise ZobenchError(
                    f"{who}: {name} must be given ({rules[name].demand}), for the problem certifies no {name}"
                )
        return filled

    @contextmanager
    def within_limits(self, parameters: Any) -> Iterator[None]:
        """Complain of parameters that make numbers too large for 64 bits, or a workspace for memory.

        Parameters
        ----------
        parameters : NamedTuple

        Yields
        ------
        None
            The block of the ``with`` statement is what is watched.

        Raises
        ------
        ZobenchError
            In place of an OverflowError, ZeroDivisionError or MemoryError of the block.
        """
        try:
            yield
        except (OverflowError, ZeroDivisionError, MemoryError) as error:
            defaults = self.parameters._field_defaults  # type: ignore[attr-defined]
            chosen = {name: value for name, value in parameters._asdict().items() if value == value}
            chosen = {name: value for name, value in chosen.items() if value != defaults.get(name)}
            numbers = {name: value for name, value in chosen.items() if isinstance(value, (int, float))}
            odd = {name: value for name, value in numbers.items() if not 1e-6 < abs(value) < 1e6} or chosen
            limit = (
                "the workspace fit into memory"
                if isinstance(error, MemoryError)
                else "numbers fit into 64 bits"
            )
            got = ", ".join(f"{name} = {value!r}" for name, value in odd.items()) or "x0 of that size"
            raise ZobenchError(
                f"solver {self.name!r}: {' and '.join(odd) or 'x0'} must let {limit}, got {got} ({error})"
            ) from None

    def sizes(self, parameters: Any, dim: int) -> list[int]:
        """Give the size of each field of the workspace.

        Parameters
        ----------
        parameters : NamedTuple
            Settled ones.
        dim : int
            d.

        Returns
        -------
        list of int
            In the order of the fields of `state`.
        """
        hints = inspect.get_annotations(self.state, eval_str=True)
        kinds = [hints[name] for name in self.state._fields]  # type: ignore[attr-defined]
        return [
            kind.size(parameters, dim) if isinstance(kind, Sized) else 1 if kind is Scalar else dim
            for kind in kinds
        ]

    @cached_property
    def scratch(self) -> int:
        """The place of the first `Scratch` field of the workspace; 0 where there is none."""
        hints = inspect.get_annotations(self.state, eval_str=True)
        kinds = [hints[name] for name in self.state._fields]  # type: ignore[attr-defined]
        return kinds.index(Scratch) if Scratch in kinds else 0

    def vectors(self, parameters: Any, dim: int) -> float:
        """Give the workspace of a run in vectors of size d.

        Parameters
        ----------
        parameters : NamedTuple
            Settled ones.
        dim : int
            d.

        Returns
        -------
        float
            Fields of size 1 are not counted.
        """
        return sum(size for size in self.sizes(parameters, dim) if size > 1) / dim

    def encoded(self, parameters: Any) -> np.ndarray:
        """Lay the parameters out as a kernel reads them: one 8-byte slot each.

        Parameters
        ----------
        parameters : NamedTuple
            Settled ones.

        Returns
        -------
        array of shape (n,)
            With the bits of a whole number where the parameter is one; n is at least 1.
        """
        numbers = encode(parameters)
        slots = np.zeros(max(1, len(numbers)))
        for place, number in enumerate(numbers):
            if isinstance(number, float):
                slots[place] = number
            else:
                slots.view(np.int64)[place] = number
        return slots

    @cached_property
    def kernels(self) -> tuple[int, int]:
        """The addresses of the compiled `init` (0 if there is none) and `step`."""
        from zobench.loop import compile_kernel

        return (compile_kernel(self, "init") if self.init else 0), compile_kernel(self, "step")

    def warm(self) -> None:
        """Compile what a run needs, or load it from the disk cache."""
        _ = self.kernels


def solver(given: str | Solver) -> Solver:
    """Give the registered solver of that name, or complain with the nearest valid one; a solver is itself.

    Parameters
    ----------
    given : str or Solver

    Returns
    -------
    Solver

    Raises
    ------
    ZobenchError
        If no solver has that name.

    Examples
    --------
    >>> solver("s2p").name
    's2p'
    """
    return find("solvers", given) if isinstance(given, str) else given
