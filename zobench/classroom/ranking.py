"""Ranks of a class with intervals: the mean score over hidden runs, bootstrapped over the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.classroom.referee import Result

__all__ = ["Place", "ranking"]

#: Resamples; the generator is fixed, so that the same results give the same intervals.
RESAMPLES = 2000
#: Scores that are nearer than this are equal.
EQUAL = 1e-9


@dataclass(frozen=True)
class Place:
    """One row of the table.

    Attributes
    ----------
    rank : int
        Equal scores share the smaller rank; baselines have none of their own: 0.
    result : Result
    score, low, high : float
        The mean over the hidden runs, and its 95 per cent interval.
    best_rank, worst_rank : int
        The ranks that 95 per cent of the resamples lie between.

    Examples
    --------
    >>> results = [Result("ann", digits=[1.0, 2.0]), Result("stp", baseline=True, digits=[3.0, 3.0])]
    >>> baseline, ann = ranking(results, ["f", "f"])
    >>> baseline.rank, ann.rank, (ann.low, ann.score, ann.high)
    (0, 1, (1.0, 1.5, 2.0))
    """

    rank: int
    result: Result
    score: float
    low: float
    high: float
    best_rank: int
    worst_rank: int

    def facts(self) -> dict[str, Any]:
        """Give the row as plain data."""
        return {
            "rank": self.rank or None,
            "name": self.result.name,
            "baseline": self.result.baseline,
            "score": self.score,
            "low": self.low,
            "high": self.high,
            "best_rank": self.best_rank,
            "worst_rank": self.worst_rank,
            "digits": self.result.digits,
            "queries": self.result.queries,
            "seconds": self.result.seconds,
        }


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank along the first axis, the largest first; equal scores share the smaller rank."""
    return 1 + np.sum(scores[None, :] > scores[:, None] + EQUAL, axis=1)


def ranking(results: Sequence[Result], problems: Sequence[str]) -> list[Place]:
    """Rank the results that have no fault.

    Runs are resampled within problems, the same ones for everybody: who is compared on hard instances is
    compared with others on the same hard instances.

    Parameters
    ----------
    results : sequence of Result
    problems : sequence of str
        The problem of each hidden run.

    Returns
    -------
    list of Place
        The best first; baselines among them by their score.

    Examples
    --------
    >>> results = [Result("a", digits=[1.0, 2.0]), Result("b", digits=[3.0, 4.0])]
    >>> [(place.rank, place.result.name, place.score) for place in ranking(results, ["f", "f"])]
    [(1, 'b', 3.5), (2, 'a', 1.5)]
    """
    good = [result for result in results if not result.fault]
    if not good:
        return []
    digits = np.array([result.digits for result in good])
    rng = np.random.Generator(np.random.Philox(20240201))
    blocks = [np.flatnonzero(np.array(problems) == problem) for problem in dict.fromkeys(problems)]
    drawn = np.concatenate([rng.choice(block, (RESAMPLES, block.size)) for block in blocks], axis=1)
    means = digits[:, drawn].mean(axis=2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    students = np.array([not result.baseline for result in good])
    ranks = np.zeros(len(good), dtype=int)
    span = np.zeros((2, len(good)), dtype=int)
    if students.any():
        mine = means[students]
        ranks[students] = _ranks(digits[students].mean(axis=1))
        every = _ranks(mine)  # of shape (students, resamples)
        span[:, students] = np.quantile(every, [0.025, 0.975], axis=1, method="nearest")
    order = sorted(range(len(good)), key=lambda i: (-good[i].score, good[i].baseline, good[i].name))
    return [
        Place(
            int(ranks[i]),
            good[i],
            good[i].score,
            float(low[i]),
            float(high[i]),
            int(span[0, i]),
            int(span[1, i]),
        )
        for i in order
    ]
