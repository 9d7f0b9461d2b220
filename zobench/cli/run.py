"""The verb ``run``: a campaign of flags or of a file, and what came of it in a table."""

import logging
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from zobench.campaign.definition import Campaign, Tally, execute
from zobench.campaign.named import find_campaign
from zobench.campaign.plan import state
from zobench.cli.output import columns, emit, emit_json, number, progress_bar
from zobench.errors import ZobenchError
from zobench.parallel.pool import Pool, processors
from zobench.parallel.processes import Processes
from zobench.parallel.progress import Watch, log_to
from zobench.parallel.workers import awaken, one_thread

if TYPE_CHECKING:
    from zobench.claims.claim import Judgement
    from zobench.store.database import Store
    from zobench.trace import RunKey

__all__ = ["run_verb"]

#: Where runs go when nobody says otherwise.
DEFAULT = "results/zobench.sqlite"
_LOG = logging.getLogger("zobench")
#: Failures told one by one; the store has all.
TOLD = 5


def run_verb(
    campaign: str | None,
    problems: tuple[str, ...],
    solvers: tuple[str, ...],
    budget: str | None,
    seeds: str | None,
    observe: bool,
    store: str | None,
    workers: str | None,
    run_limit: str | None,
    dask: str | None,
    log: str | None,
    retry_failed: bool,
    shard: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Do what ``zobench run`` asks; answer the exit code.

    Parameters
    ----------
    campaign : str or None
        A file, or the name of a campaign that comes with zobench; without one the flags say what is run.
    problems, solvers : tuple of str
        ``name:key=value,...``
    budget : str or None
        Queries of a run; ``"100 d"`` for a multiple of the dimension.
    seeds : str or None
        Their number; one if not given.
    observe : bool
        Accumulate means over all iterates, as theorems need.
    store : str or None
        A file; if not given ``results/zobench.sqlite``, and for a part one of its own.
    workers : str or None
        Number of processes.
    run_limit : str or None
        Seconds after which a run is stopped; it counts as failed.
    dask : str or None
        ``"local"``, or the address of a Dask cluster.
    log : str or None
        A file to which is appended what happens.
    retry_failed : bool
        Do runs again that failed before.
    shard : str or None
        ``"3/64"``: the third of 64 parts.
    dry_run : bool
        Say how many runs and queries, and run nothing.
    as_json : bool

    Returns
    -------
    int
        0; 1 if a run failed; 130 after Ctrl-C.

    Raises
    ------
    ZobenchError
        If the campaign, a flag or the store is at fault.

    Examples
    --------
    >>> import tempfile
    >>> from contextlib import chdir
    >>> words = dict.fromkeys("campaign run_limit dask log shard".split())
    >>> flags = dict.fromkeys("observe retry_failed dry_run as_json".split(), False)
    >>> words |= {"problems": ("quadratic:dim=5",), "solvers": ("s2p",), "budget": "10 d", "seeds": "2"}
    >>> with tempfile.TemporaryDirectory() as folder, chdir(folder):
    ...     run_verb(**words, **flags, store="runs.sqlite", workers="1")
    problem            solver  runs  queries  median best gap
    quadratic (dim 5)  s2p        2       50           ...
    2 runs done; store runs.sqlite
    0
    """
    from zobench.parameters import Integer, convert

    one_thread()  # the same arithmetic here as in worker processes
    count = None if workers is None else convert(workers, Integer(1), "run: workers")
    part = None if shard is None else _shard(shard)
    flags = {"--problem": problems, "--solver": solvers, "--budget": budget, "--seeds": seeds}
    path = store or _default_store(part)
    if dry_run:
        return _dry_run(_campaign(campaign, flags, observe), path, count, part, as_json)
    with ExitStack() as stack:
        ahead = None
        if dask is None and count is not None and count > 1 and not Path(path).exists():
            # all is still to be done: workers load their libraries while the campaign is read
            ahead = stack.enter_context(_pool(None, count, run_limit, always=True))
        from zobench.store.database import Store

        wanted = _campaign(campaign, flags, observe)
        stack.enter_context(log_to(log))
        kept = stack.enter_context(Store(path))
        pool = ahead or stack.enter_context(_pool(dask, count, run_limit))
        return _carry_out(wanted, kept, pool, count, retry_failed, part, as_json)


def _carry_out(
    campaign: Campaign,
    store: "Store",
    pool: Pool | None,
    workers: int | None,
    retry_failed: bool,
    shard: tuple[int, int] | None,
    as_json: bool,
) -> int:
    _LOG.info("%s: %d runs into %s", campaign.title, campaign.size, store.path)
    try:
        with progress_bar() as bar:
            watch = Watch(bar)
            tally = execute(
                campaign, store, workers, watch, executor=pool, retry_failed=retry_failed, shard=shard
            )
    except KeyboardInterrupt:
        if pool is not None:
            pool.kill()
        store.flush()
        known = state(campaign, store, shard)
        click.echo(
            f"zobench: interrupted; {known.done + known.failed} of {known.runs} runs are in {store.path}, "
            "the same command does the others",
            err=True,
        )
        _LOG.warning("interrupted; %s", watch.last_word())
        return 130
    _LOG.info("ended; %s", watch.last_word())
    if sys.stderr.isatty():
        click.echo(watch.last_word(), err=True)
    return _tell(campaign, store, tally, str(store.path), as_json)


@contextmanager
def _pool(
    dask: str | None, workers: int | None, run_limit: str | None, always: bool = False
) -> Iterator[Pool | None]:
    """Start what carries the runs, if flags ask for more than `execute` does by itself, or `always`."""
    from zobench.parameters import Real, convert

    limit = None if run_limit is None else convert(run_limit, Real(0.0, open=True), "run: run-limit")
    if dask is None and limit is None and not always:
        yield None
        return
    if dask is None:
        with Processes(workers or processors(), limit) as pool:
            if always:
                awaken(pool, processors())
            yield pool
        return
    if dask != "local" and workers is not None:
        raise ZobenchError(f"run: --workers goes with --dask local; the cluster at {dask!r} has its own")
    from zobench.parallel.dask_pool import DaskPool

    with DaskPool(dask, workers, limit) as cluster:
        yield cluster


def _shard(text: str) -> tuple[int, int]:
    """Read ``3/64``."""
    try:
        part, count = map(int, text.split("/"))
        if not 1 <= part <= count:
            raise ValueError
    except ValueError:
        raise ZobenchError(
            f"run: shard must be a part and a number of parts such as 3/64, counted from 1, got {text!r}"
        ) from None
    return part, count


def _default_store(shard: tuple[int, int] | None) -> str:
    """Name the store: jobs on several machines must not write to one file over a network."""
    if shard is None:
        return DEFAULT
    path = Path(DEFAULT)
    return str(path.with_name(f"{path.stem}-{shard[0]}-of-{shard[1]}{path.suffix}"))


def _dry_run(
    campaign: Campaign, path: str, workers: int | None, shard: tuple[int, int] | None, as_json: bool
) -> int:
    from zobench.campaign.plan import plan
    from zobench.store.database import Store

    if Path(path).exists():
        with Store(path, "read") as kept:
            facts = plan(campaign, kept, workers, shard)
    else:
        facts = plan(campaign, None, workers, shard)
    if as_json:
        emit_json({**facts, "store": path})
        return 0
    tuning = f", {facts['tuning_runs']:,} of them to tune" if facts["tuning_runs"] else ""
    emit(f"{facts['title']}: {facts['problems']:,} problems, {facts['solvers']:,} solvers")
    emit(f"{facts['runs']:,} runs{tuning}; {facts['queries']:,} queries at most")
    if facts["kept"]:
        left = f"{facts['left']:,} are left, {facts['queries_left']:,} queries"
        emit(f"{facts['kept']:,} runs are in {path}; {left}")
    if not facts["left"]:
        emit("nothing is left to be run")
        return 0
    processes = "1 process" if facts["workers"] == 1 else f"{facts['workers']} processes"
    emit(f"roughly {_duration(facts['seconds'])} in {processes}, compiling not included; nothing was run")
    return 0


def _duration(seconds: float) -> str:
    """Write a time as roughly as it is known.

    Examples
    --------
    >>> _duration(0.2), _duration(47), _duration(700), _duration(40000)
    ('1 s', '50 s', '12 min', '11 h')
    """
    if seconds < 90:
        return f"{max(1, float(f'{seconds:.1g}')):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"


def _campaign(given: str | None, flags: dict[str, Any], observe: bool) -> Campaign:
    used = [name for name, value in flags.items() if value]
    if given is not None:
        if used or observe:
            raise ZobenchError(
                f"run: either a campaign's file or flags must be given, got {given!r} "
                f"and {', '.join(used) or '--observe'}"
            )
        return find_campaign(given)
    lacking = [name for name in ("--problem", "--solver", "--budget") if not flags[name]]
    if lacking:
        raise ZobenchError(
            f"run: {', '.join(lacking)} must be given, or a campaign's file: "
            "zobench run -p PROBLEM -s SOLVER --budget N"
        )
    seeds = "1" if flags["--seeds"] is None else flags["--seeds"]
    return Campaign.from_options(
        flags["--problem"], flags["--solver"], flags["--budget"], seeds, observe=observe
    )


def _tell(campaign: Campaign, store: "Store", tally: Tally, path: str, as_json: bool) -> int:
    from zobench.store.database import is_somewhere

    outcomes = {row["id"]: row for row in store.outcomes(tally.keys)}
    groups, failures = _grouped(tally.keys, outcomes)
    judgements = _judged(campaign, store)
    if as_json:
        emit_json(
            {
                "title": campaign.title,
                "store": path,
                "runs": tally.total,
                "done": tally.done,
                "kept": tally.kept,
                "failed": len(failures),
                "waiting": tally.waiting,
                "tunings": tally.tunings,
                "summary": groups,
                "failures": failures,
                "claims": [judgement.facts() for judgement in judgements],
            }
        )
        return int(bool(failures))
    heads = ["problem", "solver", "runs", "queries", "median best gap"]
    rows = [
        [
            group["problem"],
            group["solver"],
            str(group["runs"]),
            number(group["queries"]),
            number(group["median_gap"]) if group["reference"] else f"{number(group['median_best'])} (value)",
        ]
        for group in groups
    ]
    emit(columns(heads, rows, right=(2, 3, 4)))
    for chosen in tally.tunings:
        emit(_tuned(chosen))
    for judgement in judgements:
        emit(f"claim: {judgement.verdict}: {judgement.claim.says} ({judgement.figures()})")
    if judgements:
        emit("all verdicts on claims are right together with confidence 0.95; `zobench report` draws them")
    kept = f", {tally.kept} already there" if tally.kept else ""
    emit(f"{tally.done} {'run' if tally.done == 1 else 'runs'} done{kept}; store {path}")
    if tally.waiting:
        emit(
            f"{tally.waiting} runs wait for tuning runs of other parts: `zobench store merge` the stores of "
            "all parts, and run this part again with --store on a copy of what comes out"
        )
    nowhere = sum(row["status"] != "failed" and not is_somewhere(row["best"]) for row in outcomes.values())
    _tell_failures(failures, nowhere, tally.total)
    return int(bool(failures))


def _tell_failures(failures: list[dict[str, Any]], nowhere: int, total: int) -> None:
    for failure in failures[:TOLD]:
        click.echo(
            f"zobench: failed: {failure['solver']} on {failure['problem']}, seed {failure['seed']}: "
            f"{' '.join(failure['message'].split())}",
            err=True,
        )
    if failures:
        more = f"; the first {TOLD} are shown" if len(failures) > TOLD else ""
        sys.stdout.flush()
        click.echo(
            f"zobench: {len(failures)} of {total} runs failed{more} (--retry-failed does them again)",
            err=True,
        )
    if nowhere:
        click.echo(
            f"zobench: {nowhere} of {total} runs got no finite answer (--retry-failed does them again)",
            err=True,
        )


def _judged(campaign: Campaign, store: "Store") -> list["Judgement"]:
    if not campaign.claims:
        return []
    from zobench.claims.runs import judge  # here and not above: few campaigns make claims

    return judge(campaign, store)


def _tuned(chosen: dict[str, Any]) -> str:
    """Say what one search chose."""
    best = ", ".join(f"{name} = {_short(chosen['parameters'][name])}" for name in chosen["searched"])
    goal = chosen["criterion"] + ("" if chosen["target"] is None else f" of {chosen['target']:g}")
    seeds = len(chosen["seeds"])
    text = (
        f"tuned: {chosen['solver']} on {chosen['problem']}: {best} "
        f"({goal} {number(chosen['result'])}; {len(chosen['candidates'])} settings, {seeds} seeds)"
    )
    if math.isinf(chosen["result"]):
        text += "; no setting got anywhere by this criterion"
    return text


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _grouped(
    keys: Sequence["RunKey"], outcomes: dict[str, dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Summarise over seeds; list the failures."""
    from zobench.names import problem_name, solver_name

    members: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    failures = []
    named: dict[tuple[Any, ...], tuple[str, str]] = {}  # by what the keys of all seeds share
    for key in keys:
        row = outcomes[key.digest()]
        own = id(key.problem_parameters), id(key.solver_parameters)
        cell = (key.problem, key.dim, key.instance_seed, key.noise, key.solver, *own)
        if cell not in named:
            problem = problem_name(
                key.problem, key.dim, key.instance_seed, dict(key.problem_parameters), key.noise
            )
            named[cell] = problem, solver_name(key.solver, dict(key.solver_parameters))
        problem, solver = named[cell]
        members.setdefault((problem, solver, key.budget), []).append(row)
        if row["status"] == "failed":
            failures.append(
                {"problem": problem, "solver": solver, "seed": key.seed, "message": row["message"]}
            )
    groups = []
    for (problem, solver, budget), rows in members.items():
        good = [row for row in rows if row["status"] != "failed"]
        bests = [_number(row["best"]) for row in good]
        references = [row["reference"] for row in good if row["reference"] is not None]
        known = bool(good) and len(references) == len(good)
        gaps = [best - at for best, at in zip(bests, references, strict=False)] if known else []
        groups.append(
            {
                "problem": problem,
                "solver": solver,
                "budget": budget,
                "runs": len(rows),
                "failed": len(rows) - len(good),
                "queries": median([row["count"] for row in good]) if good else None,
                "median_best": median(bests) if good else None,
                "median_gap": median(gaps) if gaps else None,
                "reference": known,
            }
        )
    return groups, failures


def _number(value: float | None) -> float:
    """Read a best value: one that is not a number is the worst of all."""
    return float("inf") if value is None else value
