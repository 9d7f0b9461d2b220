"""A constant of an instance together with the reason why it holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import NamedTuple

from zobench.errors import ZobenchError

__all__ = [
    "CONSTANTS",
    "DEFINITIONS",
    "Certificate",
    "Certificates",
    "Compared",
    "rounded_down",
    "rounded_up",
]

#: What each certified constant means.
CONSTANTS = {
    "L": "the gradient is L-Lipschitz",
    "L0": "with L1: f is (L0, L1)-smooth",
    "L1": "with L0: f is (L0, L1)-smooth",
    "G": "f is G-Lipschitz",
    "mu": "f is mu-strongly convex",
    "PL": "|grad f(x)|^2 >= 2 PL (f(x) - f_star)",
    "convex": "f is convex (value 1)",
    "f_star": "the infimum of f",
    "f_best": "a value that f attains, the lowest known; f_star may be lower",
    "f_lower": "a number that f never falls below",
    "variance": "E|grad F(x, sample) - grad f(x)|^2 <= variance everywhere, for one sample of a query",
    "growth": "E|grad F(x, sample) - grad f(x)|^2 <= growth (f(x) - f_star), for one sample of a query",
    "R0": "|x - x_star| <= R0 wherever f(x) <= f(x0)",
    "trace": "the trace of the Hessian of a quadratic, the same everywhere",
    "effective_rank": "trace of a global Hessian bound over its largest eigenvalue",
}

#: What a pair (L0, L1) certifies.  With the same numbers neither definition implies the other.
DEFINITIONS = {
    "H": "|Hess f(x)| <= L0 + L1 |grad f(x)| everywhere (definition H)",
    "G": "|grad f(x) - grad f(y)| <= (L0 + L1 |grad f(x)|) |x - y| where |x - y| <= 1/L1 (definition G)",
}


class Compared(NamedTuple):
    """Another value of a certified constant, shown beside it and used for nothing.

    Attributes
    ----------
    label : str
        What the value is.
    value : float
        Infinite where it is no number of double precision.
    source : str
        Where it comes from, and whether that was read or is recalled.

    Examples
    --------
    >>> Compared("of the paper", 4.0, "Zhang et al. (2020), recalled, not used").value
    4.0
    """

    label: str
    value: float
    source: str


@dataclass(frozen=True)
class Certificate:
    """A constant, its value, and the proof in one sentence.

    Attributes
    ----------
    constant : str
        A key of `CONSTANTS`.
    value : float
    proof : str
        One sentence; ``zobench show`` prints it, the contract tests try to falsify it.
    exact : bool
        Whether no better constant exists; otherwise the value is a bound (an upper one of
        L, L0, L1, G, R0, and f_best of f_star; a lower one of mu, PL, f_lower).
    compared : tuple of Compared
        Values of the same constant in the literature.
    definition : str
        Of L0 and L1, which of `DEFINITIONS` they certify: ``"H"`` unless ``"G"`` is said; empty for others.

    Examples
    --------
    >>> Certificate("L", 2.0, "f is x^2.").value
    2.0
    """

    constant: str
    value: float
    proof: str
    exact: bool = True
    compared: tuple[Compared, ...] = ()
    definition: str = ""

    def __post_init__(self) -> None:
        if self.constant not in CONSTANTS:
            raise ZobenchError(
                f"a certificate's constant must be one of {', '.join(CONSTANTS)}, got {self.constant!r}"
            )
        if self.constant in ("L0", "L1"):
            object.__setattr__(self, "definition", self.definition or "H")
        known = (*DEFINITIONS,) if self.constant in ("L0", "L1") else ("",)
        if self.definition not in known:
            raise ZobenchError(
                f"a certificate's definition of {self.constant} must be one of "
                f"{', '.join(map(repr, known))}, got {self.definition!r}"
            )

    @property
    def meaning(self) -> str:
        """What the constant means, and by which definition."""
        of = f": {DEFINITIONS[self.definition]}" if self.definition else ""
        return CONSTANTS[self.constant] + of


class Certificates(Mapping[str, Certificate]):
    """The certificates of one instance, by constant.

    Parameters
    ----------
    *items : Certificate
        One a constant.

    Examples
    --------
    >>> Certificates(Certificate("L", 2.0, "f is x^2.")).value("L")
    2.0
    """

    def __init__(self, *items: Certificate):
        self._items = {item.constant: item for item in items}

    def __getitem__(self, constant: str) -> Certificate:
        return self._items[constant]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def value(self, constant: str) -> float:
        """Return the value of a constant, or complain that it is not certified.

        Parameters
        ----------
        constant : str
            A key of `CONSTANTS`.

        Returns
        -------
        float

        Raises
        ------
        ZobenchError
            If it is not certified, with what is.
        """
        if constant not in self._items:
            raise ZobenchError(
                f"a certificate of {constant!r} ({CONSTANTS.get(constant, 'unknown constant')}) is needed, "
                f"got only {', '.join(self._items) or 'none'}"
            )
        return self._items[constant].value

    @property
    def reference(self) -> float | None:
        """The value that gaps are measured from: f_star, or else f_best, or else f_lower, or else None."""
        for constant in ("f_star", "f_best", "f_lower"):
            if constant in self._items:
                return self._items[constant].value
        return None

    @property
    def floor(self) -> float | None:
        """A value that f never falls below: f_star, or else f_lower, or else None."""
        for constant in ("f_star", "f_lower"):
            if constant in self._items:
                return self._items[constant].value
        return None


def rounded_up(value: float) -> float:
    """Round a number >= 0 up in its twelfth digit: a bound from eigenvalues that rounding cannot break.

    The last bits of an eigenvalue depend on the library and its threads; a certificate must not.

    Parameters
    ----------
    value : float

    Returns
    -------
    float

    Examples
    --------
    >>> rounded_up(2 / 3)
    0.666666666667
    """
    if value == 0.0:
        return 0.0
    place = 10.0 ** (11 - floor(log10(value)))
    return float(ceil(value * place) / place)


def rounded_down(value: float) -> float:
    """Round a positive number down in its twelfth digit.

    Parameters
    ----------
    value : float

    Returns
    -------
    float

    Examples
    --------
    >>> rounded_down(2 / 3)
    0.666666666666
    """
    place = 10.0 ** (11 - floor(log10(value)))
    return float(floor(value * place) / place)
