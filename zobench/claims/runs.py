"""The numbers of claims, from the runs of a store."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zobench.campaign.lines import Faults
from zobench.campaign.rules import kept
from zobench.claims.claim import Cell, Claim, Judgement, judge_cells
from zobench.claims.file import selected
from zobench.errors import ZobenchError
from zobench.names import problem_name
from zobench.trace import TARGETS, RunKey

if TYPE_CHECKING:
    from zobench.campaign.definition import Campaign
    from zobench.store.database import Store

__all__ = ["fact", "judge", "judge_store"]

#: A gap that rounding made zero or negative counts as this, relative to the start's.
TINY = 1e-300

#: Limits of a number.
Limits = tuple[float, float]


class _Run(NamedTuple):
    """One run, as claims see it."""

    key: RunKey
    outcome: Mapping[str, Any]


def judge(campaign: "Campaign", store: "Store") -> list[Judgement]:
    """Judge a campaign's claims from its runs in a store.

    Parameters
    ----------
    campaign : Campaign
    store : Store

    Returns
    -------
    list of Judgement
        In the order of the file; all of them unfinished as long as a run is missing.

    Examples
    --------
    >>> import tempfile
    >>> from zobench.campaign.definition import Campaign, execute
    >>> from zobench.store.database import Store
    >>> claim = {"says": "S2P halves the gap", "kind": "final", "solver": "s2p", "below": 0.5}
    >>> table = {"problems": ["quadratic"], "solvers": ["s2p"], "budget": "100 d"}
    >>> campaign = Campaign.from_table({**table, "seeds": 5, "claims": [claim]}, "run")
    >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/runs.sqlite") as store:
    ...     [before] = judge(campaign, store)
    ...     tally = execute(campaign, store, workers=1)
    ...     [after] = judge(campaign, store)
    >>> before.verdict, after.verdict
    ('unfinished', 'held')
    """
    if not campaign.claims:
        return []
    tuned = campaign.tuned_keys(store) if campaign.tunings else []
    keys = [*campaign.keys, *(tuned or [])]
    if tuned is None or not store.has(keys):
        return [Judgement(claim, (), "unfinished") for claim in campaign.claims]
    runs = _Runs(keys, store)
    return judge_cells(campaign.claims, [list(runs.cells(claim)) for claim in campaign.claims])


def judge_store(store: "Store") -> list[tuple[str, list[Judgement]]]:
    """Judge the claims of every campaign that was run into a store, the newest of each title.

    Parameters
    ----------
    store : Store

    Returns
    -------
    list of (str, list of Judgement)
        Title and judgements; campaigns without claims, or with problems that are not here, are left out.

    Examples
    --------
    >>> import tempfile
    >>> from zobench.campaign.definition import Campaign, execute
    >>> from zobench.store.database import Store
    >>> claim = {"says": "S2P halves the gap", "kind": "final", "solver": "s2p", "below": 0.5}
    >>> table = {"title": "half", "problems": ["quadratic"], "solvers": ["s2p"], "budget": "100 d"}
    >>> campaign = Campaign.from_table({**table, "seeds": 5, "claims": [claim]}, "run")
    >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/runs.sqlite") as store:
    ...     tally = execute(campaign, store, workers=1)
    ...     found = judge_store(store)
    >>> [(title, judgement.verdict) for title, judgements in found for judgement in judgements]
    [('half', 'held')]
    """
    import json

    from zobench.campaign.definition import Campaign

    newest = {row.title: row.content for row in store.campaigns().itertuples() if row.content}
    found = []
    for title, content in newest.items():
        table = json.loads(content)
        if not table.get("claims"):
            continue
        try:
            campaign = Campaign.from_table(table, f"campaign {title!r}")
        except ZobenchError:  # made with packages that this installation lacks
            continue
        found.append((title, judge(campaign, store)))
    return found


@cache
def _instance(problem: str, dim: int, seed: int, parameters: tuple[tuple[str, Any], ...], noise: str) -> Any:
    from zobench.instance import problem as make

    return make(problem, dim, seed, noise=noise or None, **dict(parameters))


def fact(key: RunKey, name: str) -> float:
    """Give a number that is known of a run's instance.

    Parameters
    ----------
    key : RunKey
    name : str
        A parameter of the problem or the solver, ``dim``, ``degrees`` (of freedom, r (m + n - r) where the
        problem declares matrices of low rank), or a certificate such as ``effective_rank``.

    Returns
    -------
    float

    Raises
    ------
    ZobenchError
        If there is no such number.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> key = key_of("quadratic", "s2p", budget=100)
    >>> fact(key, "dim"), fact(key, "f_star")
    (10.0, 0.0)
    """
    known: dict[str, Any] = {**dict(key.solver_parameters), **dict(key.problem_parameters), "dim": key.dim}
    if name in known and isinstance(known[name], (int, float)):
        return float(known[name])
    instance = _instance(key.problem, key.dim, key.instance_seed, key.problem_parameters, key.noise)
    if name == "degrees" and instance.manifold is not None:
        rank = instance.manifold.core.shape[0]
        return float(rank * (instance.manifold.rows + instance.manifold.columns - rank))
    if name in instance.certificates:
        return float(instance.certificates[name].value)
    raise ZobenchError(
        f"claims: a fact of {key.problem} must be a numeric parameter, dim, degrees or a certificate, "
        f"got {name!r}"
    )


def _product(powers: Mapping[str, float], key: RunKey) -> float:
    return math.prod(power if name == "times" else fact(key, name) ** power for name, power in powers.items())


class _Runs:
    """A campaign's runs, with what claims ask of them."""

    def __init__(self, keys: Sequence[RunKey], store: "Store"):
        self.keys = list(keys)
        wanted = {key.digest() for key in keys}
        runs = store.runs()
        columns = ["status", "count", "start", "best", "value", "reference"]
        self.outcomes = runs[runs.index.isin(wanted)][columns].to_dict("index")
        traces, hits = store.traces(), store.hits()
        self.traces = {
            name: (own["queries"].to_numpy(), own["best"].to_numpy(), own["value"].to_numpy())
            for name, own in traces[traces["id"].isin(wanted)].groupby("id")
        }
        self.hits: dict[str, dict[float, float]] = {}
        for row in hits[hits["id"].isin(wanted)].itertuples():
            self.hits.setdefault(row.id, {})[row.target] = row.queries

    def cells(self, claim: Claim) -> Iterator[Cell]:
        """Yield the cells of one claim, not yet judged."""
        mine = kept(self.keys, [claim.on] if claim.on else [], [], Faults(""))
        keys = [key for key, keep in zip(self.keys, mine, strict=True) if keep]
        if claim.kind == "slope":
            yield self._slope(claim, keys)
            return
        problems: dict[tuple[Any, ...], list[RunKey]] = {}
        for key in keys:
            problems.setdefault((key.problem, key.dim, key.problem_parameters, key.noise), []).append(key)
        for (name, dim, parameters, noise), own in problems.items():
            where = problem_name(name, dim, 0, dict(parameters), noise)
            if claim.than:
                for other in claim.than:
                    told = f"{where}: {other}" if len(claim.than) > 1 else where
                    yield self._against(claim, other, own, told)
            else:
                yield self._alone(claim, own, where)

    def _against(self, claim: Claim, other: str, keys: Sequence[RunKey], where: str) -> Cell:
        """Compare two solvers, replicate by replicate."""
        mine, note = self._best(claim, claim.solver, keys)
        theirs, other_note = self._best(claim, other, keys)
        numbers = {}
        for place in mine.keys() & theirs.keys():
            low, high = self._log(claim, mine[place])
            other_low, other_high = self._log(claim, theirs[place])
            numbers[place] = other_low - high, other_high - low
        missed = [
            f"{word} missed the target in {count} of {len(found)} runs"
            for word, found in ((claim.solver, mine), (other, theirs))
            if (count := sum(self._log(claim, key)[1] == math.inf for key in found.values()))
        ]
        return _cell(where, numbers, "; ".join(filter(None, (note, other_note, *missed))))

    def _alone(self, claim: Claim, keys: Sequence[RunKey], where: str) -> Cell:
        mine, note = self._best(claim, claim.solver, keys)
        numbers = {}
        for place, key in mine.items():
            if claim.kind == "final":
                gap = self._final(key)
                numbers[place] = gap, gap
            else:
                numbers[place] = self._segments(claim, key)
        return _cell(where, numbers, note)

    def _segments(self, claim: Claim, key: RunKey) -> Limits:
        """Give the log of queries from the second target to the third over first to second."""
        (a, a_high), (b, b_high), (c, c_high) = (
            self._queries(claim, key, target) for target in claim.targets
        )
        if b_high == math.inf:
            return -math.inf, math.inf
        first = max(b - a_high, 0.0), b_high - a
        second = max(c - b_high, 0.0), c_high - b
        low = math.log(second[0] / first[1]) if second[0] > 0 else -math.inf
        high = math.inf if first[0] == 0 or second[1] == math.inf else math.log(second[1] / first[0])
        return low, high

    def _slope(self, claim: Claim, keys: Sequence[RunKey]) -> Cell:
        """Fit an exponent in every replicate, over the levels of the factor."""
        points: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
        notes, levels = set(), set()
        problems: dict[tuple[Any, ...], list[RunKey]] = {}
        for key in keys:
            problems.setdefault((key.problem, key.dim, key.problem_parameters, key.noise), []).append(key)
        count = 0
        for own in problems.values():
            for group in _split(own, claim.against):
                mine, note = self._best(claim, claim.solver, group)
                notes.add(note)
                count += bool(mine)
                for place, key in mine.items():
                    factor = math.log(_product(claim.against, key))
                    levels.add(round(factor, 9))
                    points.setdefault(place, []).append((factor, *self._log(claim, key)))
        numbers = {place: _fit(own) for place, own in points.items() if len(own) == count and count > 1}
        name = " ".join(key if power == 1 else f"{key}^{power:g}" for key, power in claim.against.items())
        span = f"{math.exp(min(levels)):.3g} to {math.exp(max(levels)):.3g}" if levels else "nothing"
        where = f"{claim.of} against {name}, {count} levels, {span}"
        return _cell(where, numbers, "; ".join(sorted(filter(None, notes))))

    def _log(self, claim: Claim, key: RunKey) -> Limits:
        """Give limits of the logarithm of what a claim compares."""
        if claim.kind == "lower" or claim.of == "final gap":
            gap = self._final(key)
            return gap, gap
        low, high = self._queries(claim, key, claim.targets[0] if claim.targets else None)
        return math.log(max(low, 1.0)), math.log(high) if high < math.inf else math.inf

    def _final(self, key: RunKey) -> float:
        """Give the log of the end's gap over the start's; of the last iterate where queries are samples."""
        row = self.outcomes[key.digest()]
        sampled = not self.hits.get(key.digest())
        end, start = row["value" if sampled else "best"], row["start"]
        reference = row["reference"]
        if row["status"] == "failed" or not math.isfinite(end) or not math.isfinite(reference):
            return -math.log(TINY)  # the worst of all
        return math.log(max((end - reference) / (start - reference), TINY))

    def _queries(self, claim: Claim, key: RunKey, target: float | None) -> Limits:
        """Give limits of the queries to a target: exact, or between checkpoints, or beyond the budget."""
        name = key.digest()
        row, known = self.outcomes[name], self.hits.get(name, {})
        never = float(max(row["count"], 1)), math.inf
        if not math.isfinite(row["reference"]):
            return 1.0, math.inf
        if target is not None and claim.at == "queries":
            near = min(TARGETS, key=lambda other: abs(other - target))
            if known and abs(near / target - 1.0) < 1e-5:
                hit = known.get(near, math.nan)
                return never if math.isnan(hit) else (hit, hit)
        scale = row["start"] - row["reference"]
        goal = _product(claim.gap, key) if claim.gap else (target or 0.0) * scale
        if scale <= goal:
            return 1.0, 1.0
        queries, bests, values = self.traces.get(name, (np.empty(0),) * 3)
        seen = bests if claim.at == "queries" else values
        [places] = np.nonzero(seen - row["reference"] <= goal)
        if not places.size:
            return never
        first = int(places[0])
        if claim.at == "iterates":  # what is compared is the checkpoint itself
            return float(queries[first]), float(queries[first])
        return float(queries[first - 1] + 1) if first else 1.0, float(queries[first])

    def _best(
        self, claim: Claim, word: str, keys: Sequence[RunKey]
    ) -> tuple[dict[tuple[int, int], RunKey], str]:
        """Give a solver's runs by replicate; where several of its settings ran, the best of each instance."""
        name, given = selected(word)
        settings: dict[int, dict[Any, list[RunKey]]] = {}
        for key in keys:
            has = dict(key.solver_parameters)
            if key.solver == name and all(has[item] == value for item, value in given.items()):
                own = settings.setdefault(key.instance_seed, {})
                own.setdefault(key.solver_parameters, []).append(key)
        found, most = {}, 1
        for instance, choices in settings.items():
            most = max(most, len(choices))
            longest = [_longest(own) for own in choices.values()]
            best = min(longest, key=lambda own: self._merit(claim, own))
            found.update({(instance, key.seed): key for key in best})
        return found, f"{word}: best of {most} settings on these runs" if most > 1 else ""

    def _merit(self, claim: Claim, keys: Sequence[RunKey]) -> tuple[float, float]:
        """Rank settings: by what the claim compares, then by the gap at the end."""
        gap = median(self._final(key) for key in keys)
        if claim.kind in ("faster", "slope", "linear") and claim.of == "queries":
            target = claim.targets[-1] if claim.targets else None
            return median(self._queries(claim, key, target)[1] for key in keys), gap
        return gap, gap


def _longest(keys: Sequence[RunKey]) -> list[RunKey]:
    budget = max(key.budget for key in keys)
    return [key for key in keys if key.budget == budget]


def _split(keys: Sequence[RunKey], against: Mapping[str, float]) -> list[list[RunKey]]:
    """Tell levels of one problem apart where the factor is a parameter of the solver."""
    groups: dict[tuple[Any, ...], list[RunKey]] = {}
    for key in keys:
        own = dict(key.solver_parameters)
        groups.setdefault(tuple(own.get(name) for name in against), []).append(key)
    return list(groups.values())


def _fit(points: Sequence[tuple[float, float, float]]) -> Limits:
    """Give limits of the least-squares slope through points of which the heights have limits."""
    table = np.array(points)
    places = table[:, 0] - table[:, 0].mean()
    weights = places / (places @ places)
    down, up = np.where(weights >= 0, table.T[1:], table.T[:0:-1])
    used = weights != 0
    return float((weights * down)[used].sum()), float((weights * up)[used].sum())


def _cell(where: str, numbers: Mapping[tuple[int, int], Limits], note: str) -> Cell:
    """Average over the seeds of an instance where there are several instances."""
    instances = {instance for instance, _ in numbers}
    groups: dict[int, list[Limits]] = {}
    for instance, seed in sorted(numbers):
        groups.setdefault(instance if len(instances) > 1 else seed, []).append(numbers[instance, seed])
    limits = np.array([np.mean(np.array(own), axis=0) for own in groups.values()]).reshape(-1, 2)
    return Cell(where, limits[:, 0], limits[:, 1], note)
