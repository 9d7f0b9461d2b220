"""Problems and instances: a test objective, and the same made concrete for a dimension and a seed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from zobench.certificate import Certificate, Certificates
from zobench.errors import ZobenchError
from zobench.geometry.manifold import Manifold
from zobench.noise import PREFIX, Noise, noise_of
from zobench.parameters import Integer, convert, validate
from zobench.registry import find

__all__ = ["Instance", "Matrix", "Parts", "Problem", "Vector", "problem"]

#: Annotations of an instance's data, and of a solver's workspace.
Vector = Annotated[NDArray[np.float64], "vector"]
Matrix = Annotated[NDArray[np.float64], "matrix"]
#: Parameters that every problem takes besides its own.
NOISE = (PREFIX, "noise_level", "noise_degrees", "noise_mode")


class NoParameters(NamedTuple):
    """A problem that has nothing to choose but dimension and seed."""


class Parts(NamedTuple):
    """What a problem's `make` answers: the numbers of one instance.

    Attributes
    ----------
    x0 : vector of size d
        The start.
    data : NamedTuple or None
        The numbers that the objective reads, an instance of the problem's `data` class.
    certificates : sequence of Certificate
    x_star : vector of size d or None
        A minimiser where one is known.
    stochastic : bool
        Of a problem with a `sample`: whether this instance answers queries by it (a full batch does not).
    manifold : Manifold or None
        Where x is a matrix of low rank: its shape, its rank and the start in factors.
    foreign : Foreign or None
        An objective that another package computes (`zobench.family`); the problem's own is not used then.

    Examples
    --------
    >>> import numpy as np
    >>> Parts(np.zeros(3)).certificates
    ()
    """

    x0: NDArray[np.float64]
    data: Any = None
    certificates: tuple[Certificate, ...] = ()
    x_star: NDArray[np.float64] | None = None
    stochastic: bool = True
    manifold: Manifold | None = None
    foreign: Any = None


@dataclass(frozen=True)
class Problem:
    """One test objective: one file of ``problems/``.

    Attributes
    ----------
    name : str
        As the field calls it, in lower case with hyphens.
    summary : str
        One line; the module's docstring has the formula.
    objective : function
        ``objective(x, data) -> float``, or ``objective(x)`` when `data` is None: plain Python in numba's
        language.  Outside its domain it returns inf or NaN and never raises.
    make : function
        ``make(dim, rng, parameters) -> Parts``.
    parameters : type
        A NamedTuple class of what can be chosen besides dim and seed.
    data : type or None
        A NamedTuple class annotated with float, int, `Vector` and `Matrix`.
    gradient : function or None
        ``gradient(x, data, out)``: writes grad f(x) into `out`.  For the harness; no solver reaches it.
    sample : function or None
        ``sample(x, data, key) -> float``: what a query of a stochastic problem answers, a function of the
        sample key whose mean over keys is the objective.
    many : function or None
        ``many(points, data, out)``: writes the objective at each row of `points` (`zobench.views.row_of`)
        into `out`, the bits of `objective`.  Worth having where a value takes a pass over data: what the
        oracle is asked for together, and several runs of one cell, then read the data once.
    dims : str
        Which dimensions make sense, in words.
    default_dim : int or None
        Dimension when none is asked for; None when the parameters determine it.
    source : str
        Where the problem comes from.
    later : tuple of str
        Parameters that the problem was given after its first publication: at their defaults they do not
        enter the key of the draw, nor of a run, so that what was recorded before keeps its bits.
    differentiable : bool
        Whether f is differentiable everywhere; where it is not, `gradient` writes a subgradient.

    Examples
    --------
    >>> import numpy as np
    >>> start = lambda dim, rng, parameters: Parts(np.ones(dim))
    >>> bowl = Problem("bowl", "a sum of squares", lambda x: x @ x, start, "ours")
    >>> bowl.instance(3).value([1.0, 2.0, 2.0])
    9.0
    """

    name: str
    summary: str
    objective: Callable[..., float]
    make: Callable[[int, np.random.Generator, Any], Parts]
    source: str
    parameters: type = NoParameters
    data: type | None = None
    gradient: Callable[..., None] | None = None
    sample: Callable[..., float] | None = None
    dims: str = "any"
    default_dim: int | None = 10
    later: tuple[str, ...] = ()
    differentiable: bool = True
    many: Callable[..., None] | None = None

    def instance(self, dim: int | None = None, seed: int = 0, **parameters: Any) -> "Instance":
        """Make the problem concrete.

        Parameters
        ----------
        dim : int, optional
            Dimension d; the problem's own default if not given.
        seed : int
            The instance's seed: the same (problem, dim, seed, parameters) gives the same bits.
        **parameters
            What the problem lets one choose, and of every problem `noise`, `noise_level`, `noise_degrees` and
            `noise_mode` (see `zobench.noise`).

        Returns
        -------
        Instance

        Raises
        ------
        ZobenchError
            With every fault of the request.
        """
        from zobench.stream import generator

        who = f"problem {self.name!r}"
        dim, seed, chosen, noise = _chosen(self, dim, seed, parameters, who)
        wanted = dim if dim is not None else self.default_dim
        # where the parameters determine the dimension, naming it too must not change the draw
        named = wanted if self.default_dim is not None else None
        text = f"{self.name}[{named}|{seed}|{self.keyed(chosen)}]"
        try:
            parts = self.make(wanted, generator(text, "instance"), chosen)  # type: ignore[arg-type]
        except MemoryError:
            raise ZobenchError(
                f"{who} is too large for this machine's memory with these parameters"
            ) from None
        except (ArithmeticError, np.linalg.LinAlgError) as error:
            raise ZobenchError(
                f"{who}: these parameters leave the range of double precision ({error}); "
                "choose less extreme ones"
            ) from None
        x0 = np.ascontiguousarray(parts.x0, dtype=np.float64)
        if dim is not None and x0.size != dim:
            raise ZobenchError(f"{who}: dim must be {x0.size} with these parameters, got {dim}")
        for array in (x0, parts.x_star):
            if array is not None:
                array.flags.writeable = False
        return Instance(
            self,
            x0.size,
            seed,
            chosen,
            x0,
            parts.data,
            Certificates(*parts.certificates),
            parts.x_star,
            self.sample is not None and parts.stochastic,
            parts.manifold,
            noise,
            parts.foreign,
        )

    def keyed(self, chosen: Any) -> dict[str, Any]:
        """Give the parameters that keys are made of: all, but for later ones at their defaults.

        Parameters
        ----------
        chosen : NamedTuple
            An instance of `parameters`.

        Returns
        -------
        dict of str to object
        """
        defaults = self.parameters._field_defaults  # type: ignore[attr-defined]
        return {
            name: value
            for name, value in chosen._asdict().items()
            if name not in self.later or value != defaults[name]
        }


def _chosen(
    problem: Problem, dim: Any, seed: Any, given: dict[str, Any], who: str
) -> tuple[int | None, int, Any, Noise | None]:
    """Read dimension, seed, the problem's own parameters and the noise; complain of every fault at once."""
    fields = problem.parameters._fields  # type: ignore[attr-defined]
    settings = {
        name: value for name, value in given.items() if name.startswith(f"{PREFIX}_") and name not in fields
    }
    own = {name: value for name, value in given.items() if name not in settings and name != PREFIX}
    faults: list[str] = []

    def read(reading: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return reading(*arguments)
        except ZobenchError as fault:
            faults.append(str(fault))

    size = None if dim is None else read(convert, dim, Integer(1), f"{who}: dim")
    number = read(convert, seed, Integer(0), f"{who}: seed")
    chosen = read(validate, problem.parameters, own, who)
    noise = read(noise_of, given.get(PREFIX), settings, who)
    if faults:
        raise ZobenchError("; ".join(faults))
    return size, number, chosen, noise


@dataclass(frozen=True, eq=False)
class Instance:
    """A problem made concrete for one dimension, seed and choice of parameters.

    Attributes
    ----------
    problem : Problem
    dim : int
        d.
    seed : int
    parameters : NamedTuple
    x0 : vector of size d
        The start; read-only.
    data : NamedTuple or None
    certificates : Certificates
    x_star : vector of size d or None
        A minimiser, where known; read-only.
    stochastic : bool
        Whether a query answers a sample of f(x) instead of f(x).
    manifold : Manifold or None
        Where x is a matrix of low rank, row by row: shape, rank and the start in factors.  A solver that
        does not look at it sees a vector of R^d.
    noise : Noise or None
        What queries are answered with besides; no certificate and no `value` knows of it.
    foreign : Foreign or None
        An objective that another package computes.

    Examples
    --------
    >>> import zobench
    >>> instance = zobench.problem("quadratic", dim=4, condition=10)
    >>> instance.value(instance.x_star)
    0.0
    """

    problem: Problem
    dim: int
    seed: int
    parameters: Any
    x0: NDArray[np.float64]
    data: Any
    certificates: Certificates
    x_star: NDArray[np.float64] | None = None
    stochastic: bool = False
    manifold: Manifold | None = None
    noise: Noise | None = None
    foreign: Any = None
    _keep: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The instance as the command line writes it."""
        chosen = "".join(f",{key}={value}" for key, value in self.parameters._asdict().items())
        noise = f",{self.noise.name}" if self.noise else ""
        return f"{self.problem.name}:dim={self.dim},seed={self.seed}{chosen}{noise}"

    @property
    def varies(self) -> bool:
        """Whether two queries at one point may answer differently."""
        return self.stochastic or (self.noise is not None and self.noise.varies)

    @cached_property
    def block(self) -> NDArray[np.float64]:
        """The data as the one block of memory that compiled code reads."""
        return _pack(self.problem.data, self.data, f"problem {self.problem.name!r}")

    def value(self, x: Any) -> float:
        """Return f(x), off any record.

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        float

        Raises
        ------
        ZobenchError
            If x has another shape, or holds something else than numbers.
        """
        return float(self._functions.value(_point(x, self.dim)))

    __call__ = value

    def gradient(self, x: Any) -> NDArray[np.float64]:
        """Return grad f(x), off any record.

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        array of shape (d,)

        Raises
        ------
        ZobenchError
            If the problem has no gradient, or x has another shape.
        """
        if self.problem.gradient is None:
            raise ZobenchError(f"problem {self.problem.name!r} has no gradient")
        return self._functions.gradient(_point(x, self.dim))

    def sample(self, x: Any, key: int) -> float:
        """Return the sample of f(x) that belongs to a sample key; f(x) itself on a deterministic problem.

        Parameters
        ----------
        x : array of shape (d,)
        key : int
            The same key gives the same sample at every point.

        Returns
        -------
        float

        Raises
        ------
        ZobenchError
            If x has another shape.
        """
        if not self.stochastic:
            return self.value(x)
        return float(self._functions.sample(_point(x, self.dim), key))

    @cached_property
    def _functions(self) -> Any:
        from zobench.objective import ForeignFunctions, Functions

        return Functions(self) if self.foreign is None else ForeignFunctions(self)

    def __reduce__(self) -> Any:
        # Another process makes the instance anew: same key, same bits, and no arrays to send.
        chosen = {**self.parameters._asdict(), PREFIX: self.noise}
        return _remake, (self.problem.name, self.dim, self.seed, chosen)


def _remake(name: str, dim: int, seed: int, chosen: dict[str, Any]) -> Instance:
    return problem(name, dim, seed, **chosen)


def _point(x: Any, dim: int) -> NDArray[np.float64]:
    try:
        point = np.ascontiguousarray(x, dtype=np.float64)
    except (TypeError, ValueError):
        raise ZobenchError(f"x must be a vector of {dim} numbers, got {x!r}") from None
    if point.shape != (dim,):
        raise ZobenchError(f"x must have shape ({dim},), got {np.shape(x)}")
    return point


def field_kinds(data: type | None) -> dict[str, str]:
    """Say of each field of a data class whether it is a float, an int, a vector or a matrix."""
    kinds = {}
    for name, hint in get_type_hints(data, include_extras=True).items() if data else ():
        if get_origin(hint) is Annotated:
            kinds[name] = get_args(hint)[1]
        elif hint in (float, int):
            kinds[name] = hint.__name__
        else:
            raise ZobenchError(
                f"{data!r}: {name} must be annotated float, int, Vector or Matrix, got {hint!r}"
            )
    return kinds


def _pack(data: type | None, values: Any, who: str) -> NDArray[np.float64]:
    """Lay the data out in one block: three slots a field, then the arrays (see `zobench.views.data_view`)."""
    kinds = field_kinds(data)
    axes = {"vector": 1, "matrix": 2}
    arrays = {
        name: np.ascontiguousarray(getattr(values, name), dtype=np.float64)
        for name, kind in kinds.items()
        if kind in axes
    }
    for name, array in arrays.items():
        if array.ndim != axes[kinds[name]]:
            raise ZobenchError(f"{who}: data {name!r} must be a {kinds[name]}, got shape {array.shape}")
    block = np.zeros(3 * len(kinds) + sum(array.size for array in arrays.values()))
    slots = block.view(np.int64)
    end = 3 * len(kinds)
    for place, (name, kind) in enumerate(kinds.items()):
        if kind == "float":
            block[3 * place] = getattr(values, name)
        elif kind == "int":
            slots[3 * place] = getattr(values, name)
        else:
            array = arrays[name]
            slots[3 * place], slots[3 * place + 1 : 3 * place + 1 + array.ndim] = end, array.shape
            block[end : end + array.size] = array.ravel()
            end += array.size
    block.flags.writeable = False
    return block


def problem(name: str, dim: int | None = None, seed: int = 0, **parameters: Any) -> Instance:
    """Make a registered problem concrete.

    Parameters
    ----------
    name : str
        As ``zobench list problems`` prints it.
    dim : int, optional
        Dimension d; the problem's own default if not given.
    seed : int
        The instance's seed.
    **parameters
        What the problem lets one choose (``zobench show NAME``), and noise (see `zobench.noise`).

    Returns
    -------
    Instance

    Raises
    ------
    ZobenchError
        With every fault of the request, and the nearest valid name.

    Examples
    --------
    >>> problem("quadratic", dim=3, condition=4).certificates["L"].value
    1.0
    """
    return find("problems", name).instance(dim, seed, **parameters)
