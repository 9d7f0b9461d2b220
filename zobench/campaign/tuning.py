"""Tuning: a search of a solver's parameters on each instance, before the runs that are compared.

::

    [tuning]
    budget = "100 d"                  # queries of every tuning run
    seeds = 3                         # seeds that no other run of the campaign has; or a list of them
    trials = 16                       # settings drawn, where a range is searched
    criterion = "median final gap"    # or "ert": expected running time to `target`
    target = 0.01                     # with "ert"
    random_seed = 0                   # of the draws

    [[solvers]]
    name = "stp"
    tune.alpha0 = { low = 1e-4, high = 10 }     # drawn log-uniformly, `trials` times

    [[solvers]]
    name = "s2p"
    tune.alpha0 = [0.01, 0.1, 1.0]              # a grid: every combination of the lists

Every tuned solver tries equally many settings, each with the same budget and seeds, so that all of them
spend the same number of queries on being tuned.  The chosen setting is the one with the smallest median over
seeds of best - reference at the end of the budget (of the best value where the problem has no reference), or
the smallest expected running time, ties going to the smaller median gap and then to the earlier setting.  A
run that failed counts as an infinite gap and as no hit.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from zobench.campaign.lines import Faults, Place
from zobench.errors import ZobenchError, unknown
from zobench.parameters import Choice, Integer, Real, convert
from zobench.trace import TARGETS

if TYPE_CHECKING:
    from zobench.store.database import Store
    from zobench.trace import RunKey

__all__ = ["CRITERIA", "Settings", "Tuning", "candidates", "settings_of"]

CRITERIA = ("median final gap", "ert")
_KEYS = ("budget", "seeds", "trials", "criterion", "target", "random_seed")
#: Tuning seeds are counted from here: a number of seeds never reaches it.
FIRST_SEED = 10_000_000

Parameters = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Settings:
    """The block ``[tuning]``.

    Attributes
    ----------
    budget : (float, bool)
        Queries of every tuning run: a number, and whether it is a multiple of the dimension.
    seeds : tuple of int
    trials : int or None
        Settings drawn for each solver; None where only grids are searched.
    criterion : str
        One of `CRITERIA`.
    target : float
        Relative gap, one of `zobench.trace.TARGETS`; only ``"ert"`` asks for it.
    random_seed : int
        Of the draws.

    Examples
    --------
    >>> settings = Settings((100.0, True), (10, 11, 12), 16, "median final gap", 0.01, 0)
    >>> settings.trials * len(settings.seeds)
    48
    """

    budget: Any
    seeds: tuple[int, ...]
    trials: int | None
    criterion: str
    target: float
    random_seed: int


@dataclass(frozen=True)
class Tuning:
    """The search for one solver on one instance.

    Attributes
    ----------
    settings : Settings
    searched : tuple of str
        The parameters that were searched.
    candidates : tuple of parameters
        Complete, in the order tried.
    keys : tuple of RunKey
        The tuning runs: candidate by candidate, and for each its seeds.
    finals : tuple of RunKey
        The campaign's runs, to be done with the best candidate.

    Examples
    --------
    >>> from zobench.campaign.definition import Campaign
    >>> table = {
    ...     "problems": ["quadratic:dim=5"],
    ...     "solvers": [{"name": "s2p", "tune": {"alpha0": [0.5, 1.0]}}],
    ...     "budget": 100,
    ...     "seeds": 2,
    ...     "tuning": {"budget": 50, "seeds": 3},
    ... }
    >>> [tuning] = Campaign.from_table(table, "run").tunings
    >>> tuning.searched, [dict(tried)["alpha0"] for tried in tuning.candidates]
    (('alpha0',), [0.5, 1.0])
    >>> len(tuning.keys), [key.seed for key in tuning.chosen(tuning.candidates[1])]
    (6, [0, 1])
    """

    settings: Settings
    searched: tuple[str, ...]
    candidates: tuple[Parameters, ...]
    keys: tuple["RunKey", ...]
    finals: tuple["RunKey", ...]

    def chosen(self, best: Parameters) -> list["RunKey"]:
        """Give the campaign's runs with the best parameters.

        Parameters
        ----------
        best : tuple of (str, value)
            One of `candidates`.

        Returns
        -------
        list of RunKey
            `finals` with these parameters.
        """
        return [replace(key, solver_parameters=best) for key in self.finals]

    def results(self, store: "Store") -> list[tuple[float, float]]:
        """Give each candidate's criterion, and its median final gap, from runs in the store.

        Parameters
        ----------
        store : Store
            With all the tuning runs.

        Returns
        -------
        list of (float, float)
            Candidate by candidate; infinite where no run got anywhere.
        """
        outcomes = {row["id"]: row for row in store.outcomes(self.keys)}
        ert = self.settings.criterion == "ert"
        hits = store.hits_at(self.keys, self.settings.target) if ert else {}
        answer, count = [], len(self.settings.seeds)
        for first in range(0, len(self.keys), count):
            rows = [outcomes[key.digest()] for key in self.keys[first : first + count]]
            gap = median(map(_gap, rows))
            answer.append((_ert(rows, hits) if ert else gap, gap))
        return answer

    def choose(self, store: "Store") -> tuple[Parameters, dict[str, Any]]:
        """Choose the best candidate, and describe the search for the store.

        Parameters
        ----------
        store : Store
            With all the tuning runs.

        Returns
        -------
        tuple of (str, value), dict
            The parameters, and what `zobench.store.database.Store.put_tunings` takes.
        """
        results = self.results(store)
        # an infinite criterion is no reason to prefer a large gap: ties go by the gap, then by the order
        best = min(range(len(results)), key=lambda place: (*results[place], place))
        first, count = self.keys[0], len(self.settings.seeds)
        tried = [
            {
                "parameters": _plain(candidate),
                "result": results[place][0],
                "median_final_gap": results[place][1],
                "runs": [key.digest() for key in self.keys[place * count : (place + 1) * count]],
            }
            for place, candidate in enumerate(self.candidates)
        ]
        from zobench.names import problem_name

        described = {
            "problem": problem_name(
                first.problem, first.dim, first.instance_seed, dict(first.problem_parameters), first.noise
            ),
            "solver": first.solver,
            "criterion": self.settings.criterion,
            "target": self.settings.target if self.settings.criterion == "ert" else None,
            "budget": first.budget,
            "seeds": list(self.settings.seeds),
            "searched": list(self.searched),
            "parameters": _plain(self.candidates[best]),
            "result": results[best][0],
            "candidates": tried,
        }
        return self.candidates[best], described

    def name(self) -> str:
        """Name the search: by its runs and its criterion.

        Returns
        -------
        str
            32 hexadecimal digits.
        """
        text = json.dumps([self.settings.criterion, self.settings.target, [k.digest() for k in self.keys]])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(parameters: Parameters) -> dict[str, Any]:
    return dict(parameters)


def _gap(row: Mapping[str, Any]) -> float:
    if row["status"] == "failed" or row["best"] is None:
        return math.inf
    return float(row["best"] if row["reference"] is None else row["best"] - row["reference"])


def _ert(rows: Sequence[Mapping[str, Any]], hits: Mapping[str, int | None]) -> float:
    reached = [hits.get(row["id"]) for row in rows]
    spent = sum((row["count"] or 0) if hit is None else hit for row, hit in zip(rows, reached, strict=True))
    successes = sum(hit is not None for hit in reached)
    return spent / successes if successes else math.inf


def settings_of(table: Any, taken: Sequence[int], budgets: Any, faults: Faults) -> Settings | None:
    """Read the block ``[tuning]``.

    Parameters
    ----------
    table : mapping
        The block; anything else is a fault.
    taken : sequence of int
        The campaign's own seeds, none of which may serve to tune.
    budgets : callable
        ``budgets(given, place, faults)`` reads budgets as a list of (float, bool), as in `Settings`.
    faults : Faults
        Takes what is wrong with the block.

    Returns
    -------
    Settings or None
        None if it is no table; what is at fault in one is replaced by what is valid.

    Examples
    --------
    >>> def budgets(given, place, faults):
    ...     return [(float(given), False)]
    >>> settings = settings_of({"budget": 50, "seeds": [7, 8], "trials": 4}, [0, 1], budgets, Faults("run"))
    >>> settings.budget, settings.seeds, settings.criterion
    ((50.0, False), (7, 8), 'median final gap')
    >>> faults = Faults("run")
    >>> settings = settings_of({"budget": 50, "seeds": [1, 2]}, [0, 1], budgets, faults)
    >>> faults.text()
    "run: tuning: seeds must be none of the campaign's own, got 1 in both (tuned on, and tested)"
    """
    if not isinstance(table, dict):
        faults.add(("tuning",), f"tuning must be a table, headed [tuning], got {table!r}")
        return None
    for key in table:
        if key not in _KEYS:
            faults.add(("tuning", key), unknown("tuning: a key", key, _KEYS))
    if "budget" not in table:
        faults.add(("tuning",), "tuning: budget must be given")
    budget = budgets(table.get("budget", 1), ("tuning", "budget"), faults)
    if len(budget) > 1:
        faults.add(("tuning", "budget"), f"tuning: budget must be one budget, got {table['budget']!r}")
    seeds = _seeds(table.get("seeds", 3), taken, faults)

    def read(name: str, default: Any, rule: Any) -> Any:
        try:
            return convert(table[name], rule, f"tuning: {name}") if name in table else default
        except ZobenchError as fault:
            faults.add(("tuning", name), fault)
            return default

    criterion = read("criterion", CRITERIA[0], Choice(*CRITERIA))
    wanted = read("target", 0.01, Real(0.0))
    # rounded as the targets are, so that 1e-2 and 10 ** -2.0 are the same
    target = min(TARGETS, key=lambda known: abs(known - wanted))
    if abs(wanted - target) > 1e-5 * target:
        known = ", ".join(f"{known:g}" for known in TARGETS)
        faults.add(("tuning", "target"), f"tuning: target must be one of {known}, got {table['target']!r}")
    return Settings(
        budget[0] if budget else (1.0, False),
        tuple(seeds),
        read("trials", None, Integer(1, 100_000)),
        criterion,
        target,
        read("random_seed", 0, Integer(0)),
    )


def _seeds(given: Any, taken: Sequence[int], faults: Faults) -> list[int]:
    place: Place = ("tuning", "seeds")
    try:
        if isinstance(given, list):
            seeds = [convert(seed, Integer(0), "tuning: a seed") for seed in given]
        else:
            number = convert(given, Integer(1, 10**6), "tuning: seeds, their number,")
            seeds = [FIRST_SEED + place for place in range(number)]
    except ZobenchError as fault:
        faults.add(place, fault)
        return [FIRST_SEED]
    both = sorted(set(seeds) & set(taken))
    if both:
        faults.add(
            place,
            f"tuning: seeds must be none of the campaign's own, got {both[0]} in both (tuned on, and tested)",
        )
    if not seeds or len(set(seeds)) < len(seeds):
        faults.add(place, f"tuning: seeds must be different numbers, at least one, got {given!r}")
    return seeds or [FIRST_SEED]


def candidates(
    name: str, given: Any, settings: Settings, place: Place, faults: Faults
) -> list[dict[str, Any]]:
    """Give the settings to try for one solver: a grid of lists, or draws from ranges.

    Parameters
    ----------
    name : str
        Of the solver; each of its parameters has draws of its own.
    given : mapping
        A list of values for each parameter, or a range ``{"low": 1e-4, "high": 1}`` for each.
    settings : Settings
    place : tuple of str or int
        Where `given` stands in the campaign.
    faults : Faults
        Takes what is wrong with it.

    Returns
    -------
    list of dict
        Values by parameter; empty if `given` cannot be searched.

    Examples
    --------
    >>> settings = Settings((50.0, False), (7,), 3, "median final gap", 0.01, 0)
    >>> candidates("s2p", {"alpha0": [0.5, 1.0]}, settings, (), Faults("run"))
    [{'alpha0': 0.5}, {'alpha0': 1.0}]
    >>> drawn = candidates("s2p", {"alpha0": {"low": 0.1, "high": 10}}, settings, (), Faults("run"))
    >>> len(drawn), all(0.1 <= tried["alpha0"] <= 10 for tried in drawn)
    (3, True)
    """
    who = f"solver {name!r}: tune"
    if not isinstance(given, dict) or not given:
        faults.add(place, f"{who} must name parameters, as in tune.alpha0 = [0.1, 1], got {given!r}")
        return []
    lists = {key: value for key, value in given.items() if isinstance(value, list) and value}
    ranges = {key: value for key, value in given.items() if isinstance(value, dict)}
    for key, value in given.items():
        if key not in lists and key not in ranges:
            faults.add(
                (*place, key),
                f"{who}.{key} must be a list of values, or a range {{low = 1e-4, high = 1}}, got {value!r}",
            )
    if lists and ranges:
        faults.add(place, f"{who} must be all lists (a grid) or all ranges (drawn), got both")
        return []
    if lists:
        return [dict(zip(lists, choice, strict=True)) for choice in product(*lists.values())]
    bounds = {key: _bounds(value, f"{who}.{key}", (*place, key), faults) for key, value in ranges.items()}
    if settings.trials is None:
        faults.add(("tuning",), "tuning: trials must be given, as ranges are searched")
        return []
    # each parameter has its own draws, so that searching another one as well changes none of them
    drawn = {key: _draws(name, key, *bound, settings) for key, bound in bounds.items()}
    return [{key: drawn[key][trial] for key in drawn} for trial in range(settings.trials)]


def _bounds(value: Mapping[str, Any], who: str, place: Place, faults: Faults) -> tuple[float, float]:
    try:
        if set(value) != {"low", "high"}:
            raise ZobenchError(f"{who} must be a range {{low = 1e-4, high = 1}}, got {value!r}")
        low, high = (convert(value[end], Real(0.0, open=True), f"{who}.{end}") for end in ("low", "high"))
        if low >= high:
            raise ZobenchError(f"{who}.low must be below high, got {low:g} and {high:g}")
    except ZobenchError as fault:
        faults.add(place, fault)
        return 0.1, 1.0
    return low, high


def _draws(solver: str, key: str, low: float, high: float, settings: Settings) -> list[float]:
    name = hashlib.sha256(f"tuning {settings.random_seed} {solver} {key}".encode()).digest()
    rng = np.random.Generator(np.random.Philox(int.from_bytes(name[:16], "little")))
    logs = rng.uniform(math.log10(low), math.log10(high), settings.trials)
    # six digits: readable, and the same wherever the logarithm's last bit is another
    return [min(max(float(f"{10.0**log:.6g}"), low), high) for log in logs]
