"""Families: problems of other packages, each made by its name, such as ``coco:bbob_f001_i01_d10``.

The objective of a member is computed by the other package, and queries enter it there.  Such a package may
count evaluations itself, so an instance holds two copies of the objective: queries go to the one whose
counter is read, exactly once each, and what the harness evaluates off the record goes to the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.certificate import Certificate
from zobench.errors import ZobenchError
from zobench.instance import Instance, Parts, Problem
from zobench.parameters import Integer, convert

__all__ = ["Family", "Foreign", "Member"]


@dataclass(frozen=True)
class Foreign:
    """An objective that another package computes.

    Attributes
    ----------
    counted : callable
        ``counted(x) -> float``: what a query enters, once.
    quiet : callable
        The same function, for what is evaluated off the record.
    evaluations : callable
        ``evaluations() -> int``: the other package's own count of `counted`.

    Examples
    --------
    >>> calls = []
    >>> square = lambda x: float(x @ x)
    >>> Foreign(lambda x: calls.append(1) or square(x), square, lambda: len(calls)).evaluations()
    0
    """

    counted: Callable[[NDArray[np.float64]], float]
    quiet: Callable[[NDArray[np.float64]], float]
    evaluations: Callable[[], int]


@dataclass(frozen=True)
class Member(Problem):
    """One problem of a family; its name says which instance it is.

    Attributes
    ----------
    name : str
        The family's name, a colon, and how the other package writes the rest.
    default_dim : int
        The dimension of that name: there is no other.

    Examples
    --------
    >>> square = lambda x: float(x @ x)
    >>> load = lambda rest: (rest, 2, lambda: (Foreign(square, square, int), [1.0, 2.0], 0.0, None))
    >>> family = Family("mine", "squares", "ours", "mine:NAME", "mine:sphere", "2", "python", "math", load)
    >>> member = family.member("sphere")
    >>> member.name, member.default_dim, member.instance().value([3.0, 4.0])
    ('mine:sphere', 2, 25.0)
    """

    def instance(self, dim: int | None = None, seed: int = 0, **parameters: Any) -> Instance:
        """Make the problem concrete; the seed must be 0, and dim, if given, the one of the name.

        Parameters
        ----------
        dim : int, optional
        seed : int
        **parameters
            Noise (see `zobench.noise`).

        Returns
        -------
        Instance

        Raises
        ------
        ZobenchError
            If the seed, dim or a parameter is at fault.
        """
        who = f"problem {self.name!r}"
        if convert(seed, Integer(0), f"{who}: seed") != 0:
            raise ZobenchError(f"{who}: seed must be 0, for the name says which instance, got {seed}")
        if dim is not None and convert(dim, Integer(1), f"{who}: dim") != self.default_dim:
            raise ZobenchError(f"{who}: dim must be {self.default_dim} as in the name, got {dim}")
        return super().instance(dim, 0, **parameters)


@dataclass(frozen=True)
class Family:
    """Problems of another package, found by name.

    Attributes
    ----------
    name : str
        What stands before the colon.
    summary, source : str
    pattern : str
        How a member is written.
    example : str
    dims : str
    package : str
        What ``pip install`` calls the other package.
    imported : str
        What ``import`` calls it.
    load : callable
        ``load(rest) -> (name, dim, make)``: reads what stands after the colon, complaining of what does not
        exist, and gives it as the package writes it;
        ``make() -> (Foreign, x0, f_star or None, x_star or None)``.

    Examples
    --------
    >>> from zobench.registry import families
    >>> coco = families()["coco"]
    >>> coco.package, coco.example
    ('coco-experiment', 'coco:bbob_f001_i01_d10')
    """

    name: str
    summary: str
    source: str
    pattern: str
    example: str
    dims: str
    package: str
    imported: str
    load: Callable[[str], tuple[str, int, Callable[[], tuple[Foreign, Any, float | None, Any]]]]

    @property
    def missing(self) -> str:
        """Why no member can be made here; empty if the package is installed."""
        if find_spec(self.imported) is not None:
            return ""
        return f"the package {self.package} is not installed: pip install {self.package}"

    def member(self, rest: str) -> Member:
        """Give the problem that the family calls `rest`.

        Parameters
        ----------
        rest : str
            What stands after the colon.

        Returns
        -------
        Member

        Raises
        ------
        ZobenchError
            If the package is not installed, or has no such problem.
        """
        if not rest:
            raise ZobenchError(
                f"{self.name!r} is a family of problems: name a member as {self.pattern}, "
                f"{self.example} for one"
            )
        if self.missing:
            raise ZobenchError(f"problem {self.name + ':' + rest!r}: {self.missing}")
        name, own, made = self.load(rest)

        def make(dim: int, rng: np.random.Generator, parameters: Any) -> Parts:
            foreign, x0, f_star, x_star = made()
            proof = f"The package {self.package} states the optimum of this instance."
            known = () if f_star is None else (Certificate("f_star", f_star, proof),)
            return Parts(np.array(x0, dtype=np.float64), None, known, x_star, foreign=foreign)

        # where `zobench show` finds the definition
        make.__module__ = self.load.__module__
        return Member(
            name=f"{self.name}:{name}",
            summary=self.summary,
            objective=self.load,  # type: ignore[arg-type]
            make=make,
            source=self.source,
            dims=str(own),
            default_dim=own,
        )

    def refuse(self, rest: str, fault: str) -> ZobenchError:
        """Make the complaint about a member that does not exist.

        Parameters
        ----------
        rest : str
            What stands after the colon.
        fault : str
            What is wrong with it.

        Returns
        -------
        ZobenchError
            To be raised.
        """
        return ZobenchError(
            f"problem {self.name + ':' + rest!r}: {fault}; a member is written {self.pattern}, "
            f"{self.example} for one"
        )
