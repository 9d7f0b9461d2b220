"""The verb ``explain``: a solver, a run, a theorem or a verdict in words."""

from typing import TYPE_CHECKING, Any

import click

from zobench.cli.output import emit, emit_json
from zobench.errors import ZobenchError, unknown

if TYPE_CHECKING:
    from zobench.explain.page import Explanation

__all__ = ["explain_command", "explain_verb"]


@click.command("explain")
@click.argument("names", nargs=-1, metavar="[SOLVER|THEOREM|RUN]...")
@click.option("--run", "run", metavar="STORE", help="Explain the run of STORE whose id begins with RUN.")
@click.option(
    "--verdict", "verdict", metavar="STORE", help="Explain the verdicts of STORE, on THEOREM if named."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain_command(names: tuple[str, ...], run: str | None, verdict: str | None, as_json: bool) -> int:
    """Explain a solver's step, why a run ended, what a verdict means.

    \b
    zobench explain s2p                            its step in words, with its source lines
    zobench explain s2p-smooth-stationary          what a theorem says and how it is tried
    zobench explain --run STORE RUN                why a run stopped, what dominated it
    zobench explain --verdict STORE [THEOREM]      what the numbers mean, what would change them
    """  # noqa: D301
    return explain_verb(names, run, verdict, as_json)


def explain_verb(names: tuple[str, ...], run: str | None, verdict: str | None, as_json: bool) -> int:
    """Do what ``zobench explain`` asks; answer the exit code.

    Parameters
    ----------
    names : tuple of str
        Solvers and theorems; with `run` the beginning of one run's id, with `verdict` theorems.
    run : str or None
        A store whose run is explained; a store of one run needs no id.
    verdict : str or None
        A store whose verdicts are explained.
    as_json : bool

    Returns
    -------
    int
        0.

    Raises
    ------
    ZobenchError
        If nothing is named, both `run` and `verdict` are given, or what is named is not there.

    Examples
    --------
    >>> import io
    >>> from contextlib import redirect_stdout
    >>> with redirect_stdout(io.StringIO()) as said:
    ...     code = explain_verb(("stp",), None, None, as_json=False)
    >>> print(said.getvalue().splitlines()[0])
    stp: solver, stochastic three points: the best of x, x + alpha s and x - alpha s
    >>> code
    0
    """
    from zobench.explain.page import text_of
    from zobench.parallel.processes import one_thread

    one_thread()  # a run is done again with the arithmetic of campaigns
    if run is not None and verdict is not None:
        raise ZobenchError("explain: either --run or --verdict must be given, got both")
    if run is not None:
        found = [_run(run, names)]
    elif verdict is not None:
        found = _verdicts(verdict, names)
    elif names:
        found = [_named(name) for name in names]
    else:
        raise ZobenchError(
            "explain: a solver or a theorem must be named, or --run STORE RUN, or --verdict STORE; "
            "got nothing"
        )
    if as_json:
        facts = [each.as_dict() for each in found]
        emit_json(facts[0] if len(facts) == 1 else facts)
    else:
        emit("\n\n\n".join(map(text_of, found)))
    return 0


def _named(name: str) -> "Explanation":
    from zobench.registry import catalogue
    from zobench.theorem import theorems

    solvers, known = catalogue("solvers"), theorems()
    if name in solvers:
        from zobench.explain.solver import explain_solver

        return explain_solver(solvers[name])
    if name in known:
        from zobench.explain.verdict import explain_theorem

        return explain_theorem(name)
    raise unknown("explain: name (of a solver or a theorem)", name, [*solvers, *known])


def _run(path: str, names: tuple[str, ...]) -> "Explanation":
    """Find the run by the beginning of its id; a store of one run needs none."""
    from zobench.explain.run import explain_run
    from zobench.store.database import Store

    if len(names) > 1:
        raise ZobenchError(f"explain: --run STORE RUN takes one run, got {len(names)}")
    with Store(path, "read") as store:
        runs, traces, hits = store.runs(), store.traces(), store.hits()
    wanted = names[0] if names else ""
    found = [identity for identity in runs.index if identity.startswith(wanted)]
    if len(found) != 1:
        raise ZobenchError(_which(path, wanted, found or list(runs.index), bool(found), runs))
    row: Any = next(runs.loc[found].reset_index().itertuples())
    same = ["problem_name", "solver_name", "budget"]
    alike = (runs[same] == runs.loc[found[0], same]).all(axis=1) & (runs["seed"] != row.seed)
    own_trace, own_hits = traces[traces["id"] == row.id], hits[hits["id"] == row.id]
    return explain_run(row, own_trace, own_hits, int(alike.sum()))


def _which(path: str, wanted: str, some: list[str], several: bool, runs: Any) -> str:
    """Say which runs there are."""
    if not some:
        return f"explain: store {path!r} must hold a run, and holds none"
    shown = "; ".join(
        f"{identity[:10]} ({runs.loc[identity, 'solver_name']} on {runs.loc[identity, 'problem_name']}, "
        f"seed {runs.loc[identity, 'seed']})"
        for identity in some[:3]
    )
    more = f", and {len(some) - 3:,} more" if len(some) > 3 else ""
    got = f"got {wanted!r}" if wanted else "got none"
    fits = (
        f"{len(some):,} runs begin like that" if several and wanted else f"store {path!r} has {len(some):,}"
    )
    return f"explain: RUN must be the beginning of one run's id, {got}; {fits}: {shown}{more}"


def _verdicts(path: str, names: tuple[str, ...]) -> list["Explanation"]:
    from zobench.explain.verdict import explain_verdict
    from zobench.store.database import Store
    from zobench.theorem import find_theorem

    for name in names:
        find_theorem(name)
    with Store(path, "read") as store:
        facts: list[dict[str, Any]] = store.verdicts().to_dict("records")
    chosen = [fact for fact in facts if not names or fact["theorem"] in names]
    if not chosen:
        about = f" on {', '.join(names)}" if names else ""
        raise ZobenchError(
            f"explain: store {path!r} has no verdict{about}; `zobench verify {' '.join(names)} "
            f"--store {path}` makes one"
        )
    return [explain_verdict(fact, len(facts)) for fact in chosen]
