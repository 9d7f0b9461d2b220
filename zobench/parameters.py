"""Parameters of problems and solvers: a NamedTuple whose annotations say what each value must be."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from zobench.errors import ZobenchError, nearest, unknown

__all__ = [
    "Certified",
    "Choice",
    "Integer",
    "Real",
    "RealOr",
    "constraints",
    "convert",
    "describe",
    "encode",
    "named",
    "parse_assignments",
    "validate",
]


@dataclass(frozen=True)
class Real:
    """A finite number between two bounds; a bound is excluded where `open` is true.

    `unit` says in what it is measured, in powers of the unit of x and of f: ``"x"``, ``"x^2/f"``; nothing if
    it is a plain number.  A certified constant has the unit of its certificate.

    Parameters
    ----------
    low, high : float
        Bounds.
    open : bool
        Whether the bounds are excluded.
    unit : str

    Examples
    --------
    >>> Real(0.0, open=True).demand
    'a number > 0'
    """

    low: float = -math.inf
    high: float = math.inf
    open: bool = False
    unit: str = field(default="", kw_only=True)

    @property
    def demand(self) -> str:
        """What the value must be, in words."""
        more, less = (">", "<") if self.open else (">=", "<=")
        parts = [f"{more} {self.low:g}"] if math.isfinite(self.low) else []
        parts += [f"{less} {self.high:g}"] if math.isfinite(self.high) else []
        return ("a number " + " and ".join(parts)).strip()

    def convert(self, value: Any) -> Any:
        """Return `value` as a float, or raise ValueError.

        Parameters
        ----------
        value : object
            From Python, a command line or a TOML file.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If it lies outside the bounds, or is not finite.
            What `float` raises of other objects is passed on.
        """
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
        inside = self.low < number < self.high if self.open else self.low <= number <= self.high
        if not inside or not math.isfinite(number):
            raise ValueError
        return number


@dataclass(frozen=True)
class Certified(Real):
    """A constant of the problem: NaN, the default, stands for the instance's own certificate.

    Where the problem certifies none, `fallback` takes its place; if that is NaN, too, the solver asks for it.

    Parameters
    ----------
    low, high : float
        Bounds.
    open : bool
        Whether the bounds are excluded.
    fallback : float
        What takes the certificate's place where there is none; NaN for nothing.
    unit : str
        In powers of the unit of x and of f, such as ``"x^2/f"``.

    Examples
    --------
    >>> Certified().demand
    "a number > 0, or 'certified' for the constant that the problem certifies"
    """

    low: float = 0.0
    open: bool = True
    fallback: float = math.nan

    @property
    def demand(self) -> str:
        """What the value must be, in words."""
        rest = "" if math.isnan(self.fallback) else f" ({self.fallback:g} where it certifies none)"
        return f"{super().demand}, or 'certified' for the constant that the problem certifies{rest}"

    def convert(self, value: Any) -> float:
        """Return `value` as a float (NaN for ``"certified"``), or raise ValueError.

        Parameters
        ----------
        value : object
            From Python, a command line or a TOML file.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If it lies outside the bounds, or is infinite.
            What `float` raises of other objects is passed on.
        """
        if value == "certified" or (isinstance(value, float) and math.isnan(value)):
            return math.nan
        return super().convert(value)


@dataclass(frozen=True)
class RealOr(Real):
    """A number between two bounds, or one of a few words.

    Parameters
    ----------
    low, high : float
        Bounds.
    open : bool
        Whether the bounds are excluded.
    words : tuple of str
        What may be said instead of a number.
    unit : str

    Examples
    --------
    >>> RealOr(0.0, words=("far",)).demand
    "a number >= 0, or 'far'"
    """

    words: tuple[str, ...] = ()

    @property
    def demand(self) -> str:
        """What the value must be, in words."""
        return f"{super().demand}, or {' or '.join(repr(word) for word in self.words)}"

    def convert(self, value: Any) -> Any:
        """Return the word, or `value` as a float, or raise ValueError.

        Parameters
        ----------
        value : object
            From Python, a command line or a TOML file.

        Returns
        -------
        str or float

        Raises
        ------
        ValueError
            If it is none of the words, and no number between the bounds.
        """
        return value if isinstance(value, str) and value in self.words else super().convert(value)


@dataclass(frozen=True)
class Integer:
    """A whole number between two bounds, both included.

    Parameters
    ----------
    low, high : int

    Examples
    --------
    >>> Integer(1).demand
    'a whole number >= 1'
    """

    low: int = -(2**62)
    high: int = 2**62

    @property
    def demand(self) -> str:
        """What the value must be, in words."""
        parts = [f">= {self.low}"] if self.low > -(2**62) else []
        parts += [f"<= {self.high}"] if self.high < 2**62 else []
        return ("a whole number " + " and ".join(parts)).strip()

    def convert(self, value: Any) -> int:
        """Return `value` as an int, or raise ValueError.

        Parameters
        ----------
        value : object
            From Python, a command line or a TOML file.

        Returns
        -------
        int

        Raises
        ------
        ValueError
            If it lies outside the bounds, or is not whole.
            What `float` raises of other objects is passed on.
        """
        if isinstance(value, bool):
            raise ValueError
        number = int(value) if isinstance(value, (str, int)) else float(value)
        if number != int(number) or not self.low <= number <= self.high:
            raise ValueError
        return int(number)


@dataclass(frozen=True, init=False)
class Choice:
    """One word of a fixed list; a kernel sees its position in the list.

    Parameters
    ----------
    *words : str

    Examples
    --------
    >>> Choice("forward", "central").demand
    "one of 'forward', 'central'"
    """

    words: tuple[str, ...]

    def __init__(self, *words: str):
        object.__setattr__(self, "words", words)

    @property
    def demand(self) -> str:
        """What the value must be, in words."""
        return "one of " + ", ".join(repr(word) for word in self.words)

    def convert(self, value: Any) -> str:
        """Return `value`, or raise ValueError.

        Parameters
        ----------
        value : object
            From Python, a command line or a TOML file.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If it is none of the words.
        """
        if value not in self.words:
            raise ValueError
        return str(value)


@cache
def constraints(parameters: type) -> Mapping[str, Any]:
    """Give the constraint that each field's annotation carries; None where it carries none.

    Parameters
    ----------
    parameters : type
        A NamedTuple class.

    Returns
    -------
    mapping of str to object

    Examples
    --------
    >>> from typing import Annotated, NamedTuple
    >>> class Steps(NamedTuple):
    ...     size: Annotated[float, Real(0.0)] = 1.0
    >>> constraints(Steps)["size"].demand
    'a number >= 0'
    """
    rules = {}
    for name, hint in get_type_hints(parameters, include_extras=True).items():
        extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        rules[name] = next((rule for rule in extras if hasattr(rule, "convert")), None)
    return MappingProxyType(rules)


def validate(parameters: type, given: Mapping[str, Any], who: str) -> Any:
    """Make the parameters from what was given, complaining of every fault at once.

    Parameters
    ----------
    parameters : type
        A NamedTuple class; each field is annotated as ``Annotated[type, constraint]``.
    given : mapping
        Values by name; text is converted, so values may come from a command line or a TOML file.
    who : str
        The owner as the user named it, such as ``"solver 's2p'"``.

    Returns
    -------
    NamedTuple
        An instance of `parameters`, defaults filled in.

    Raises
    ------
    ZobenchError
        With all faults, each saying the parameter, what it must be and what was given.

    Examples
    --------
    >>> from typing import Annotated, NamedTuple
    >>> class Steps(NamedTuple):
    ...     size: Annotated[float, Real(0.0)] = 1.0
    >>> validate(Steps, {"size": "2.5"}, "solver 'x'").size
    2.5
    """
    fields: tuple[str, ...] = parameters._fields  # type: ignore[attr-defined]
    defaults: dict[str, Any] = parameters._field_defaults  # type: ignore[attr-defined]
    rules, faults, values = constraints(parameters), [], dict(defaults)
    for name, value in named(given, who).items():
        if name not in fields:
            fault = unknown(f"{who}: a parameter", name, fields)
            faults.append(str(fault) if fields else f"{who} has no parameters, got {name!r}")
            continue
        try:
            values[name] = value if rules[name] is None else convert(value, rules[name], f"{who}: {name}")
        except ZobenchError as fault:
            faults.append(str(fault))
    faults += [f"{who}: {name} must be given" for name in fields if name not in {**values, **given}]
    if faults:
        raise ZobenchError("; ".join(faults))
    return parameters(**values)


def named(given: Any, who: str = "") -> dict[str, Any]:
    """Read parameters given by name, None for none, or complain to their owner `who`.

    Parameters
    ----------
    given : mapping or None
    who : str
        The owner, for the complaint.

    Returns
    -------
    dict of str to object

    Raises
    ------
    ZobenchError
        If it is no mapping of names.

    Examples
    --------
    >>> named(None), named({"alpha0": 1})
    ({}, {'alpha0': 1})
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        owner = f"{who}: " if who else ""
        raise ZobenchError(f"{owner}parameters must be a mapping of names to values, got {given!r}")
    return dict(given)


def describe(parameters: type) -> list[dict[str, Any]]:
    """List the parameters: name, default, and what the value must be.

    Parameters
    ----------
    parameters : type
        A NamedTuple class.

    Returns
    -------
    list of dict

    Examples
    --------
    >>> from typing import Annotated, NamedTuple
    >>> class Steps(NamedTuple):
    ...     size: Annotated[float, Real(0.0)] = 1.0
    >>> describe(Steps)
    [{'name': 'size', 'default': 1.0, 'must_be': 'a number >= 0'}]
    """
    defaults: dict[str, Any] = parameters._field_defaults  # type: ignore[attr-defined]
    return [
        {"name": name, "default": defaults.get(name), "must_be": rule.demand if rule else "any value"}
        for name, rule in constraints(parameters).items()
    ]


def encode(values: Any) -> tuple[Any, ...]:
    """Give the numbers a kernel sees: a choice becomes its position in its list.

    Parameters
    ----------
    values : NamedTuple
        Parameters, as `validate` makes them.

    Returns
    -------
    tuple

    Examples
    --------
    >>> from typing import Annotated, NamedTuple
    >>> class Form(NamedTuple):
    ...     form: Annotated[str, Choice("forward", "central")] = "central"
    >>> encode(Form())
    (1,)
    """
    kind: type = type(values)
    rules = constraints(kind)
    return tuple(
        rules[name].words.index(value) if isinstance(rules[name], Choice) else value
        for name, value in values._asdict().items()
    )


def convert(value: Any, rule: Any, what: str) -> Any:
    """Return `value` as `rule` wants it, or complain.

    Parameters
    ----------
    value : object
        From Python, a command line or a TOML file.
    rule : constraint
        Such as `Integer` or `Choice`.
    what : str
        What the value is, for the complaint.

    Returns
    -------
    object

    Raises
    ------
    ZobenchError
        If the rule does not admit the value.

    Examples
    --------
    >>> convert("10", Integer(1), "budget")
    10
    """
    try:
        if isinstance(value, (bytes, bytearray)) or getattr(value, "ndim", 0) > 0 or _is_truth(value):
            raise TypeError  # `float` takes them, as b"1" or an array of size 1
        return rule.convert(value)
    except Exception:  # whatever an odd object raises when it is to be a number
        raise ZobenchError(f"{what} must be {rule.demand}, got {value!r}{_hint(rule, value)}") from None


def _is_truth(value: Any) -> bool:
    """Tell whether a value is a truth value of NumPy, which is imported by whoever has one."""
    return getattr(getattr(value, "dtype", None), "kind", "") == "b"


def _hint(rule: Any, value: Any) -> str:
    """Offer the nearest word of a choice."""
    near = nearest(value, rule.words) if isinstance(rule, Choice) and isinstance(value, str) else None
    return f"; did you mean {near!r}?" if near else ""


_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")


def parse_assignments(text: str, who: str) -> dict[str, str]:
    """Read ``key=value,key=value``.

    Parameters
    ----------
    text : str
    who : str
        The owner, for the complaint.

    Returns
    -------
    dict of str to str

    Raises
    ------
    ZobenchError
        If a part is no ``key=value``, or a key stands twice.

    Examples
    --------
    >>> parse_assignments("dim=10,condition=100", "problem 'quadratic'")
    {'dim': '10', 'condition': '100'}
    """
    pairs: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not value or not _NAME.match(name):
            raise ZobenchError(f"{who}: parameters must be written key=value,key=value, got {part!r}")
        if name in pairs:
            raise ZobenchError(f"{who}: {name} must be given once, got {pairs[name]!r} and {value!r}")
        pairs[name] = value
    return pairs
