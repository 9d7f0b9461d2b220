"""The verb ``run``: a campaign of flags or of a file, and what came of it in a table."""

import sys
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from zobench.campaign import Campaign, Tally, execute
from zobench.cli_output import columns, emit, emit_json, number, progress_bar
from zobench.errors import ZobenchError
from zobench.workers import one_thread

if TYPE_CHECKING:
    from zobench.store import Store

__all__ = ["run_verb"]

#: Failures told one by one; the store has all.
TOLD = 5


def run_verb(
    campaign: str | None,
    problems: tuple[str, ...],
    solvers: tuple[str, ...],
    budget: str | None,
    seeds: str | None,
    observe: bool,
    store: str,
    workers: str | None,
    retry_failed: bool,
    as_json: bool,
) -> int:
    """Do what ``zobench run`` asks; answer the exit code."""
    from zobench.parameters import Integer, convert
    from zobench.store import Store

    one_thread()  # the same arithmetic here as in worker processes
    count = None if workers is None else convert(workers, Integer(1), "run: workers")
    flags = {"--problem": problems, "--solver": solvers, "--budget": budget, "--seeds": seeds}
    wanted = _campaign(campaign, flags, observe)
    with Store(store) as kept:
        try:
            with progress_bar() as progress:
                tally = execute(wanted, kept, count, progress, retry_failed=retry_failed)
        except KeyboardInterrupt:
            kept.flush()
            done = len(kept.outcomes(wanted.keys))
            click.echo(
                f"zobench: interrupted; {done} of {len(wanted.keys)} runs are in {store}, "
                "the same command does the others",
                err=True,
            )
            return 130
        return _tell(wanted, kept, tally, store, as_json)


def _campaign(path: str | None, flags: dict[str, Any], observe: bool) -> Campaign:
    given = [name for name, value in flags.items() if value]
    if path is not None:
        if given or observe:
            raise ZobenchError(
                f"run: either a campaign's file or flags must be given, got {path!r} "
                f"and {', '.join(given) or '--observe'}"
            )
        return Campaign.from_toml(path)
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
    outcomes = {row["id"]: row for row in store.outcomes(campaign.keys)}
    groups, failures = _grouped(campaign, outcomes)
    if as_json:
        emit_json(
            {
                "title": campaign.title,
                "store": path,
                "runs": tally.total,
                "done": tally.done,
                "kept": tally.kept,
                "failed": len(failures),
                "summary": groups,
                "failures": failures,
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
    kept = f", {tally.kept} already there" if tally.kept else ""
    emit(f"{tally.done} {'run' if tally.done == 1 else 'runs'} done{kept}; store {path}")
    for failure in failures[:TOLD]:
        click.echo(
            f"zobench: failed: {failure['solver']} on {failure['problem']}, seed {failure['seed']}: "
            f"{failure['message']}",
            err=True,
        )
    if failures:
        more = f"; the first {TOLD} are shown" if len(failures) > TOLD else ""
        sys.stdout.flush()
        click.echo(
            f"zobench: {len(failures)} of {tally.total} runs failed{more} (--retry-failed does them again)",
            err=True,
        )
    return int(bool(failures))


def _grouped(
    campaign: Campaign, outcomes: dict[str, dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Summarise over seeds; list the failures."""
    from zobench.names import problem_name, solver_name

    members: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    failures = []
    for key in campaign.keys:
        row = outcomes[key.digest()]
        problem = problem_name(
            key.problem, key.dim, key.instance_seed, dict(key.problem_parameters), key.noise
        )
        solver = solver_name(key.solver, dict(key.solver_parameters))
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
