"""Performance profiles of Dolan and Moré, data profiles of Moré and Wild.

Both are shares of problems, as step functions: within a factor tau of the fewest queries any solver needed
(performance profile), or within alpha simplex gradients, that is alpha (dim + 1) queries (data profile).
A problem that no solver solves stays in the number of problems; a solver that fails has an infinite cost.

Sources: Dolan and Moré, "Benchmarking optimization software with performance profiles", Math. Program. 91,
2002; Moré and Wild, "Benchmarking derivative-free optimization algorithms", SIAM J. Optim. 20, 2009.  The
convergence test of the latter, f(x) <= f_L + tau (f(x0) - f_L), is what targets are, with the certified
f_star in place of the best value f_L that any of the solvers found: adding a solver moves no target.

Profiles of three solvers and more do not order them pairwise: leaving one out changes the ratios of the
others (Gould and Scott, ACM Trans. Math. Softw. 43, 2016).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Profile", "data_profile", "performance_profile", "performance_ratios"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Profile:
    """One solver's profile: a step function that jumps to ``share[i]`` at ``x[i]``.

    Attributes
    ----------
    solver : str
    x : vector
        Ascending: the ratio tau, or simplex gradients alpha.
    share : vector
        Of the problems.
    problems, solved : int

    Examples
    --------
    One of three problems is solved at once, another one within a factor of 4, the third never:

    >>> profile = Profile("s2p", np.array([1.0, 4.0]), np.array([1.0, 2.0]) / 3.0, problems=3, solved=2)
    >>> profile.at([0.5, 1.0, 10.0]).round(2).tolist()
    [0.0, 0.33, 0.67]
    """

    solver: str
    x: Floats
    share: Floats
    problems: int
    solved: int

    def at(self, x: Any) -> Floats:
        """Give the share of the problems solved within `x`.

        Parameters
        ----------
        x : float or vector
            Ratios tau, or simplex gradients alpha.

        Returns
        -------
        float or vector
        """
        place = np.searchsorted(self.x, np.asarray(x, float), side="right")
        return np.concatenate([[0.0], self.share])[place]


def _whole(costs: "DataFrame", who: str) -> Floats:
    """Take costs of solvers that all met all problems."""
    values = costs.to_numpy(float)
    lacking = costs.index[np.isnan(values).any(axis=1)]
    if len(lacking):
        raise ZobenchError(
            f"{who}: every solver must have met every problem; {len(lacking)} of {len(costs)} problems lack "
            f"a solver, such as {str(lacking[0])!r}: use Runtimes.common() first"
        )
    if not values.size:
        raise ZobenchError(f"{who}: needs a problem and a solver, got a table of shape {values.shape}")
    if (values <= 0.0).any():
        raise ZobenchError(f"{who}: costs must be positive, got {values.min():g}")
    return values


def performance_ratios(costs: "DataFrame") -> "DataFrame":
    """Divide the costs on each problem by the smallest one; inf where there is no hit.

    Parameters
    ----------
    costs : DataFrame
        Rows problems, columns solvers (`zobench.performance.measures.costs`).

    Returns
    -------
    DataFrame
        Of the same shape; inf in the whole row of a problem that no solver solves.

    Raises
    ------
    ZobenchError
        If the table is empty, a solver lacks a problem, or a cost is not positive.

    Examples
    --------
    >>> from pandas import DataFrame
    >>> performance_ratios(DataFrame({"a": [10.0, 40.0], "b": [20.0, np.inf]})).values.tolist()
    [[1.0, 2.0], [1.0, inf]]
    """
    from pandas import DataFrame

    values = _whole(costs, "performance profile")
    fewest = values.min(axis=1, keepdims=True)
    # where nobody hits, everybody's ratio is infinite
    ratios = np.divide(values, fewest, out=np.full_like(values, np.inf), where=np.isfinite(fewest))
    return DataFrame(ratios, index=costs.index, columns=costs.columns)


def performance_profile(costs: "DataFrame") -> dict[str, Profile]:
    """Give each solver's share of problems within a factor tau of the fewest queries of any solver.

    Parameters
    ----------
    costs : DataFrame
        Rows problems, columns solvers; inf for no hit.

    Returns
    -------
    dict of str to Profile

    Examples
    --------
    >>> from pandas import DataFrame
    >>> profiles = performance_profile(DataFrame({"a": [10.0, 40.0], "b": [20.0, 20.0]}))
    >>> profiles["a"].at([1.0, 2.0]).tolist()
    [0.5, 1.0]
    """
    ratios = performance_ratios(costs)
    return {str(name): _profile(str(name), ratios[name].to_numpy()) for name in ratios.columns}


def data_profile(costs: "DataFrame", dims: Any) -> dict[str, Profile]:
    """Give each solver's share of problems solved within alpha (dim + 1) queries.

    Parameters
    ----------
    costs : DataFrame
        Rows problems, columns solvers; inf for no hit.
    dims : mapping
        Dimension of each problem.

    Returns
    -------
    dict of str to Profile

    Examples
    --------
    >>> from pandas import DataFrame
    >>> profiles = data_profile(DataFrame({"a": [33.0, 40.0]}, index=["p", "q"]), {"p": 10, "q": 3})
    >>> profiles["a"].x.tolist()
    [3.0, 10.0]
    """
    values = _whole(costs, "data profile")
    unit = np.array([dims[name] + 1.0 for name in costs.index])
    return {
        str(name): _profile(str(name), column / unit)
        for name, column in zip(costs.columns, values.T, strict=True)
    }


def _profile(solver: str, numbers: Floats) -> Profile:
    where, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    solved = int(counts.sum())
    return Profile(solver, where, np.cumsum(counts) / numbers.size, numbers.size, solved)
