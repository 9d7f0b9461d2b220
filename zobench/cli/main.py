"""The command line.  Nothing beyond click is imported until a verb needs it.

Exit codes: 0 done; 1 something failed or was refuted; 2 the request was wrong; 130 Ctrl-C.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import click

from zobench import __version__
from zobench.cli.classroom import classroom_command
from zobench.cli.compare import compare_command
from zobench.cli.explain import explain_command
from zobench.cli.regress import regress_command
from zobench.cli.watch import watch_command
from zobench.errors import ZobenchError, unknown

__all__ = ["cli", "main"]

DEFAULT_STORE = "results/zobench.sqlite"


class Verbs(click.Group):
    """A group that answers every complaint with one sentence on stderr and a fixed exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the verbs in the order in which one needs them."""
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the verb, or name the nearest one."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise unknown("the verb", args[0], self.commands)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run, complain if need be, and exit."""
        extra["standalone_mode"] = False
        try:
            code = super().main(*args, **extra)
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else "zobench"
            code = _complain(f"{error.format_message()}  (`{where} --help` explains)", 2)
        except ZobenchError as error:
            code = _complain(str(error), 2)
        except (click.Abort, KeyboardInterrupt):
            code = _complain("interrupted", 130)
        except SystemExit:
            code = 0  # how click ends when nobody reads any more (`| head`)
        except OSError as error:
            what = f": {str(error.filename)!r}" if error.filename else ""
            code = _complain(f"{error.strerror or error}{what}", 2)
        except Exception as error:
            if os.environ.get("ZOBENCH_TRACEBACK"):
                raise
            where = _place(error)
            code = _complain(
                f"internal error at {where}: {type(error).__name__}: {error}; "
                "ZOBENCH_TRACEBACK=1 shows where it comes from",
                1,
            )
        sys.exit(code if isinstance(code, int) else 0)


def _complain(sentence: str, code: int) -> int:
    click.echo(f"zobench: {sentence}", err=True)
    return code


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "start"


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
store_option = click.option(
    "--store", default=DEFAULT_STORE, show_default=True, metavar="FILE", help="Where runs are kept."
)


@click.group(cls=Verbs, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Benchmark zeroth-order optimisation; verify convergence theorems on measured runs."""
    if find_spec("zobench.problems") is None:
        from zobench.registry import catalogue

        catalogue("problems")  # explains a checkout's folder that hides the installed package
        raise ZobenchError("zobench is not installed: `pip install .` in its checkout")
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cli.command("list")
@click.argument("kind", metavar="{problems|solvers|theorems|reports|campaigns}")
@json_option
def list_verb(kind: str, as_json: bool) -> None:
    """List what is registered."""
    from zobench.cli.output import emit, emit_json
    from zobench.cli.show import list_facts, list_text
    from zobench.registry import faults

    if as_json:
        emit_json(list_facts(kind))
    else:
        emit(list_text(kind))
    for home, fault in faults().items():
        click.echo(f"zobench: left out: module {home!r} {fault}", err=True)


@cli.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one page on a problem, solver, theorem or report.

    A problem's constants are those of its default instance; NAME:key=value,... shows another's.
    """
    from zobench.cli.output import emit, emit_json
    from zobench.cli.show import facts_of, page

    found = facts_of(name)
    if as_json:
        emit_json(found[0] if len(found) == 1 else found)
    else:
        emit("\n\n\n".join(map(page, found)))


@cli.command()
@click.argument("campaign", required=False, metavar="[CAMPAIGN]")
@click.option("-p", "--problem", "problems", multiple=True, metavar="PROBLEM[:key=value,...]")
@click.option("-s", "--solver", "solvers", multiple=True, metavar="SOLVER[:key=value,...]")
@click.option("--budget", metavar="N", help="Queries of a run; '100 d' for a multiple of the dimension.")
@click.option("--seeds", metavar="N", help="How many seeds: 0, 1, ..., N-1.  Default 1.")
@click.option("--observe", is_flag=True, help="Accumulate means over all iterates, as theorems need.")
@click.option("--store", metavar="FILE", help=f"Where runs are kept.  [default: {DEFAULT_STORE}]")
@click.option(
    "--workers", metavar="N", help="Processes; by default one a processor, or one in all for little work."
)
@click.option("--run-limit", metavar="SECONDS", help="Stop a run that takes longer; it counts as failed.")
@click.option(
    "--dask", metavar="{local|ADDRESS}", help="Run on a Dask cluster: one started here, or tcp://HOST:PORT."
)
@click.option("--log", metavar="FILE", help="Append to FILE what happens.")
@click.option("--retry-failed", is_flag=True, help="Do runs again that failed before.")
@click.option("--shard", metavar="I/N", help="Only the I-th of N parts, into a store of its own.")
@click.option(
    "--dry-run", is_flag=True, help="Say how many runs and queries, and roughly how long; run nothing."
)
@json_option
def run(**options: Any) -> int:
    """Run solvers on problems, or a whole campaign.

    CAMPAIGN is a file, or the name of one that comes with zobench (`zobench list campaigns`).  Runs that the
    store has already are not done again, so the same command resumes what was interrupted.

    \b
    zobench run -p quadratic:dim=10,condition=100 -s s2p -s stp:law=gaussian --budget 10000 --seeds 5
    zobench run CAMPAIGN.toml --workers 4
    zobench run CAMPAIGN.toml --shard 3/64 --store part-3.sqlite
    """  # noqa: D301
    from zobench.cli.run import run_verb

    return run_verb(**options)


@cli.command()
@click.argument("store")
@click.argument("campaign", required=False, metavar="[CAMPAIGN]")
@click.option("--missing", is_flag=True, help="List what is still to be run.")
@json_option
def status(store: str, campaign: str | None, missing: bool, as_json: bool) -> None:
    """Say how much of a campaign a store has; of every campaign run into it, unless one is named."""
    from zobench.cli.store import status_verb

    status_verb(store, campaign, missing, as_json)


@cli.group("store", cls=Verbs, invoke_without_command=True)
@click.pass_context
def store_group(ctx: click.Context) -> None:
    """Look into stores, join them, tidy them up, write them as tables."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@store_group.command("info")
@click.argument("store")
@json_option
def store_info(store: str, as_json: bool) -> None:
    """Say what is in a store."""
    from zobench.cli.store import info_verb

    info_verb(store, as_json)


@store_group.command("merge")
@click.argument("into")
@click.argument("stores", nargs=-1, required=True)
@json_option
def store_merge(into: str, stores: tuple[str, ...], as_json: bool) -> int:
    """Put the runs of STORES into the store INTO.

    It is made if need be.  A run that is in both is kept once, and one that failed gives way to one that did
    not.  Exit code 1 if a run is in both with other numbers, as another machine may have made it; the one in
    INTO is kept.
    """
    from zobench.cli.store import merge_verb

    return merge_verb(into, stores, as_json)


@store_group.command("vacuum")
@click.argument("store")
@json_option
def store_vacuum(store: str, as_json: bool) -> None:
    """Write a store anew without the room that replaced runs have left."""
    from zobench.cli.store import vacuum_verb

    vacuum_verb(store, as_json)


@store_group.command("export")
@click.argument("store")
@click.argument("folder")
@click.option("--format", "form", default="csv", show_default=True, metavar="{csv|parquet}")
@json_option
def store_export(store: str, folder: str, form: str, as_json: bool) -> None:
    """Write a store's tables into FOLDER, one file each.

    `zobench export` writes the formats of COCO and IOHanalyzer.
    """
    from zobench.cli.store import tables_verb

    tables_verb(store, folder, form, as_json)


@cli.command()
@click.argument("store")
@click.option("--format", "form", required=True, metavar="{coco|ioh}")
@click.option("--out", metavar="FOLDER", help="Default: a folder beside the store.")
@click.option(
    "--gap",
    default="relative",
    show_default=True,
    metavar="{relative|absolute}",
    help="f - f_star as a part of f(x0) - f_star, or in units of f.",
)
@json_option
def export(store: str, form: str, out: str | None, gap: str, as_json: bool) -> None:
    """Write a store's runs for COCO or IOHanalyzer.

    COCO's pages are written by cocopp, which the script beside the data tells of the suite; IOHanalyzer's
    format is also read by iohinspector.  First hits of the targets keep their exact query counts; what the
    format or its readers cannot hold is told.
    """
    from zobench.cli.store import export_verb

    export_verb(store, form, out, gap, as_json)


@cli.command()
@click.argument("theorems", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every cell of every theorem.")
@click.option("--quick", is_flag=True, help="Only the cells that take seconds.")
@click.option("--slopes", is_flag=True, help="The exponents in K, d, eps, r instead; --all has them too.")
@click.option("-p", "--problem", "on", metavar="PROBLEM[:key=value,...]", help="Try them on this problem.")
@click.option("--stored", is_flag=True, help="Print the verdicts that the store has; run nothing.")
@click.option(
    "--workers", metavar="N", help="Processes; by default one a processor.  The verdicts are the same."
)
@click.option(
    "--first-seed", default="0", show_default=True, metavar="N", help="Others repeat on fresh runs."
)
@store_option
@json_option
def verify(theorems: tuple[str, ...], store: str, **options: Any) -> int:
    """Compare theorems with measured runs and say what follows.

    Named theorems are tried on all their cells, or with --quick on the quick ones.  Without a name: the quick
    cells of all theorems, or with --all every cell and the exponents.  Exit code 1 if any is refuted.
    """
    from zobench.cli.verify import verify_verb

    return verify_verb(theorems, path=store, **options)


@cli.command()
@click.argument("store")
@click.option("--out", metavar="FOLDER", help="Default: a folder 'report' beside the store.")
@click.option(
    "--only", multiple=True, metavar="FIGURE", help="Draw these alone (`zobench list reports`), no page."
)
@json_option
def report(store: str, out: str | None, only: tuple[str, ...], as_json: bool) -> int:
    """Write a store's figures and tables as one self-contained HTML page.

    With --only: some of the figures, as PNG and SVG with their numbers as CSV; exit code 1 if one of them
    cannot be drawn from this store.
    """
    from zobench.cli.output import emit, emit_json

    if only:
        from zobench.cli.figure import figure_verb

        return figure_verb(store, only, Path(out) if out else Path(store).parent / "report", as_json)
    from zobench.page.build import write_report

    index = write_report(store, Path(out) if out else Path(store).parent / "report")
    if as_json:
        emit_json({"index": str(index), "store": store})
    else:
        emit(str(index))
    return 0


cli.add_command(compare_command)
cli.add_command(regress_command)
cli.add_command(watch_command)
cli.add_command(explain_command)
cli.add_command(classroom_command)


@cli.command()
@click.argument("target")
@json_option
def check(target: str, as_json: bool) -> int:
    """Try the contract of problems, solvers and reports over TARGET.

    TARGET is a registered name, a module, a package, a .py file or a folder of them.  Exit code 1 if anything
    does not hold.
    """
    from zobench.cli.output import emit, emit_json
    from zobench.contract.check import check as outcomes_of

    sys.path.append(os.getcwd())  # a module that is being written is found where one stands
    outcomes = outcomes_of(target)
    if as_json:
        emit_json(
            [{"name": o.name, "subject": o.subject, "ok": o.ok, "message": o.message} for o in outcomes]
        )
    else:
        for outcome in outcomes:
            said = f": {outcome.message}" if outcome.message else ""
            emit(f"{'ok    ' if outcome.ok else 'FAILED'}  {outcome.subject}  {outcome.name}{said}")
        failed = sum(not outcome.ok for outcome in outcomes)
        emit(f"{len(outcomes) - failed} of {len(outcomes)} checks hold")
    return int(any(not outcome.ok for outcome in outcomes))


@cli.command()
@click.option("--out", default="results/demo", show_default=True, metavar="FOLDER")
@json_option
def demo(out: str, as_json: bool) -> int:
    """Run a small campaign, verify theorems, write a report."""
    from zobench.cli.output import emit, emit_json, progress_bar
    from zobench.demo import demo as run_demo
    from zobench.demo import failed_runs

    with progress_bar() as progress:
        lines = run_demo(Path(out), progress)
    failed = failed_runs(Path(out))
    if as_json:
        emit_json({"out": out, "summary": lines, "failed": failed})
    else:
        emit("\n".join(lines))
    return int(failed > 0)


def main() -> NoReturn:
    """Run the command line: what ``zobench`` and ``python -m zobench`` do.

    Raises
    ------
    SystemExit
        Always, with the exit code.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch("sys.argv", ["zobench", "--version"]):
    ...     try:
    ...         main()
    ...     except SystemExit as ended:
    ...         print("exit code", ended.code)
    zobench ...
    exit code 0
    """
    cli.main(prog_name="zobench")
