"""What a campaign amounts to before it is run, and how much of it a store has."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zobench.names import problem_name, solver_name

if TYPE_CHECKING:
    from zobench.campaign.definition import Campaign, Shard
    from zobench.store.database import Store
    from zobench.trace import RunKey

__all__ = ["State", "described", "plan", "state"]


@dataclass(frozen=True)
class State:
    """How much of a campaign a store has.

    Attributes
    ----------
    title : str
    runs : int
        Runs of the campaign, those of tuning included.
    done, failed : int
        Runs in the store without and with a failure.
    missing : tuple of RunKey
        Still to be done, and known by now.
    waiting : int
        Still to be done, once tuning has chosen their parameters.

    Examples
    --------
    >>> from zobench.campaign.definition import Campaign
    >>> known = state(Campaign.from_options(["quadratic"], ["s2p"], budget=100, seeds=3), None)
    >>> known.runs == known.done + known.failed + len(known.missing) + known.waiting
    True
    """

    title: str
    runs: int
    done: int
    failed: int
    missing: tuple["RunKey", ...]
    waiting: int


def state(campaign: "Campaign", store: "Store | None", shard: "Shard | None" = None) -> State:
    """Compare a campaign, or its part, with a store.

    Parameters
    ----------
    campaign : Campaign
    store : Store or None
        None stands for an empty one.
    shard : (int, int), optional
        ``(3, 64)``: only the third of 64 parts.

    Returns
    -------
    State

    Examples
    --------
    >>> import tempfile, zobench
    >>> from zobench.campaign.definition import Campaign
    >>> from zobench.store.database import Store
    >>> campaign = Campaign.from_options(["quadratic"], ["s2p"], budget=100, seeds=3)
    >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/runs.sqlite") as store:
    ...     store.put(zobench.run("quadratic", "s2p", budget=100, seed=1))
    ...     known = state(campaign, store)
    >>> known.done, [key.seed for key in known.missing]
    (1, [0, 2])
    """
    known = campaign.first_keys(shard)
    finals = len(campaign.parts(shard)[1])
    tuned = campaign.tuned_keys(store, shard) if store is not None and campaign.tunings else None
    keys = known + (tuned or [])
    status = {row["id"]: row["status"] for row in store.outcomes(keys)} if store is not None else {}
    counted = Counter("failed" if said == "failed" else "done" for said in status.values())
    return State(
        campaign.title,
        len(known) + finals,
        counted["done"],
        counted["failed"],
        tuple(key for key in keys if key.digest() not in status),
        0 if tuned is not None else finals,
    )


def plan(
    campaign: "Campaign", store: "Store | None", workers: int | None = None, shard: "Shard | None" = None
) -> dict[str, Any]:
    """Say how many runs and queries a campaign asks for, and roughly how long it takes.

    The time is an estimate from one timed evaluation of each instance; compiling what was never compiled on
    this machine is not in it.

    Parameters
    ----------
    campaign : Campaign
    store : Store or None
        What it has is not done again.
    workers : int, optional
        Processes; if not given, as many as `zobench.campaign.definition.execute` would use.
    shard : (int, int), optional
        ``(3, 64)``: only the third of 64 parts.

    Returns
    -------
    dict
        title, problems, solvers, runs, tuning_runs, queries, tuning_queries, kept, left, queries_left,
        seconds, workers.

    Examples
    --------
    >>> from zobench.campaign.definition import Campaign
    >>> campaign = Campaign.from_options(["quadratic"], ["s2p", "stp"], budget="10 d", seeds=5)
    >>> facts = plan(campaign, None, workers=1)
    >>> facts["solvers"], facts["runs"], facts["queries"], facts["left"]
    (2, 10, 1000, 10)
    """
    from zobench.parallel.workers import expected_seconds, processors

    first, finals = campaign.parts(shard)
    known = state(campaign, store, shard)
    # with the parameters that were searched at any value: what a run costs hardly depends on it
    left = [*known.missing, *(finals if known.waiting else [])]
    tuning = {key for tuned in campaign.tunings for key in tuned.keys}
    mine = [key for key in first if key in tuning]
    # the first evaluation of an objective in a process loads or compiles it: not what is to be timed
    expected_seconds({key.problem: key for key in left}.values())
    seconds = sum(expected_seconds(left))
    count = _processes(left, seconds, workers, processors())
    every = [*first, *finals]
    return {
        "title": campaign.title,
        "problems": len({_instance(key) for key in every}),
        "solvers": len({_method(key, campaign) for key in every}),
        "runs": len(every),
        "tuning_runs": len(mine),
        "queries": sum(key.budget for key in every),
        "tuning_queries": sum(key.budget for key in mine),
        "kept": known.done + known.failed,
        "left": len(left),
        "queries_left": sum(key.budget for key in left),
        "seconds": seconds / count + (0.0 if count == 1 else 1.5),
        "workers": count,
    }


def _processes(left: Sequence["RunKey"], seconds: float, workers: int | None, there: int) -> int:
    """Say how many processes `zobench.parallel.workers.run_keys` would use."""
    from zobench.parallel.workers import WORTH

    if workers is None and (there == 1 or seconds < WORTH):
        return 1
    return max(1, min(workers or there, len(left)))


def _instance(key: "RunKey") -> tuple[Any, ...]:
    return key.problem, key.dim, key.instance_seed, key.problem_parameters, key.noise


def _method(key: "RunKey", campaign: "Campaign") -> tuple[Any, ...]:
    """Name a solver with its parameters, but for those that are searched."""
    searched = {
        name for tuning in campaign.tunings if tuning.keys[0].solver == key.solver for name in tuning.searched
    }
    return key.solver, tuple(pair for pair in key.solver_parameters if pair[0] not in searched)


def described(key: "RunKey") -> dict[str, Any]:
    """Describe a run for people: problem, solver, budget, seed, id.

    Parameters
    ----------
    key : RunKey

    Returns
    -------
    dict
        `problem` and `solver` with the parameters that are not at their defaults, `budget`, `seed`, and `id`,
        the run's name in a store.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> facts = described(key_of("quadratic", "stp", budget=100, parameters={"law": "sphere"}))
    >>> facts["problem"], facts["solver"]
    ('quadratic (dim 10)', 'stp (law=sphere)')
    """
    problem = problem_name(key.problem, key.dim, key.instance_seed, dict(key.problem_parameters), key.noise)
    return {
        "problem": problem,
        "solver": solver_name(key.solver, dict(key.solver_parameters)),
        "budget": key.budget,
        "seed": key.seed,
        "id": key.digest(),
    }
