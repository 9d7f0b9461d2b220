"""The verb ``watch``: a run live in the browser, or written to a file."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zobench.cli.output import emit, emit_json
from zobench.errors import ZobenchError

if TYPE_CHECKING:
    from zobench.watch.scene import Show

__all__ = ["watch_command", "watch_verb"]

#: Seconds after which a word is said about what takes so long.
PATIENCE = 3.0


@click.command("watch")
@click.option("-p", "--problem", required=True, metavar="PROBLEM[:key=value,...]")
@click.option(
    "-s", "--solver", "solvers", multiple=True, required=True, metavar="SOLVER|FILE.py[:key=value,...]"
)
@click.option("--dim", metavar="D", help="Dimension; 2 where the problem allows it and nothing else is said.")
@click.option(
    "--budget", default="200", show_default=True, metavar="N", help="Queries of a run; '50 d' works, too."
)
@click.option("--seed", default="0", show_default=True, metavar="N", help="Of the random directions.")
@click.option(
    "--theorem", default="", metavar="NAME|none", help="Whose bound to draw; by default the first that fits."
)
@click.option(
    "--save",
    metavar="FILE",
    help="Write FILE.html, .gif, .mp4, or a still for slides (.png, .svg, .pdf) instead of opening a page.",
)
@click.option("--at", metavar="K", help="Of a still: the state after K steps; by default after all.")
@click.option("--port", default="0", metavar="N", help="Of the local page; by default a free one.")
@click.option("--no-open", is_flag=True, help="Print the page's address and open no browser.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print what is shown, every step, as JSON; open no page."
)
def watch_command(**options: Any) -> int:
    r"""Watch a run step by step in the browser.

    Contours with the tested points and the step taken, the curve below, a theorem's bound on top where solver
    and problem satisfy one.  -s twice shows two solvers on the same random directions.  The page is served
    on this machine alone, until Ctrl-C.

    \b
    zobench watch -p quadratic -s s2p
    zobench watch -p rosenbrock -s stp -s nelder-mead --budget 400
    zobench watch -p quadratic:condition=20 -s s2p --save run.gif
    """
    return watch_verb(**options)


def watch_verb(
    problem: str,
    solvers: tuple[str, ...],
    dim: str | None,
    budget: str,
    seed: str,
    theorem: str,
    save: str | None,
    at: str | None,
    port: str,
    no_open: bool,
    as_json: bool,
) -> int:
    """Do what ``zobench watch`` asks; answer the exit code.

    Parameters
    ----------
    problem : str
        ``name:key=value,...``
    solvers : tuple of str
        One or two, each a name or a file, followed by ``:key=value,...`` if need be.
    dim : str or None
        If not given 2, where the problem allows it.
    budget : str
        Queries of a run; ``"50 d"`` for a multiple of the dimension.
    seed : str
        Of the random directions.
    theorem : str
        Whose bound to draw: a name, "none", or empty for the first that fits.
    save : str or None
        A file to write instead of serving a page: .html, .gif, .mp4, .png, .svg or .pdf.
    at : str or None
        Number of steps after which a still shows the run; all of them if not given.
    port : str
        Of the local page; "0" for a free one.
    no_open : bool
        Open no browser.
    as_json : bool
        Print everything that is shown, and serve no page.

    Returns
    -------
    int
        0, for a page after Ctrl-C.

    Raises
    ------
    ZobenchError
        If there are more than two solvers, a value is none that it can be, or a solver's file raises.

    Examples
    --------
    >>> import io, json
    >>> from contextlib import redirect_stdout
    >>> words = {"dim": None, "seed": "0", "theorem": "none", "save": None, "at": None, "port": "0"}
    >>> with redirect_stdout(io.StringIO()) as said:
    ...     code = watch_verb("quadratic", ("s2p",), budget="10", no_open=True, as_json=True, **words)
    >>> [walk] = json.loads(said.getvalue())["steps"]["walks"]
    >>> [step["count"] for step in walk], code
    ([2, 4, 6, 8, 10], 0)
    """
    from zobench.parallel.processes import one_thread

    one_thread()  # the same arithmetic as in campaigns
    from zobench.parameters import Integer, convert

    if len(solvers) > 2:
        raise ZobenchError(f"watch: --solver must be given once or twice, got {len(solvers)} times")
    number = convert(port, Integer(0), "watch: port")
    if number > 65535:
        raise ZobenchError(f"watch: port must be at most 65535, got {number}")
    file = None if save is None else _target(save)
    shown = None if at is None else convert(at, Integer(0), "watch: at")
    with _patience():
        show = _show(problem, solvers, dim, budget, convert(seed, Integer(0), "watch: seed"), theorem)
    if file is not None:
        return _save(show, file, shown, as_json)
    if as_json:
        emit_json({"scene": show.scene(), "steps": show.everything()})
        return 0
    return _serve(show, number, no_open)


@contextmanager
def _patience() -> Iterator[None]:
    """Say what takes so long, if it does: a problem or a solver that is compiled for the first time."""
    words = "zobench: preparing the run; what is compiled for it now is kept for the next time"
    timer = threading.Timer(PATIENCE, lambda: click.echo(words, err=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _target(save: str) -> Path:
    """Look at the file's name and folder before anything is run."""
    path = Path(save)
    if not path.parent.is_dir():
        raise ZobenchError(f"watch: --save must name a file in a folder that exists, got {save!r}")
    from zobench.watch.animation import STILL, writer_of

    if path.suffix not in (".html", *STILL):
        writer_of(path)
    return path


def _show(
    problem: str, solvers: tuple[str, ...], dim: str | None, budget: str, seed: int, theorem: str
) -> "Show":
    from zobench.contract.author import line_of, solver_of_file
    from zobench.parameters import parse_assignments
    from zobench.solver import solver as solver_of
    from zobench.watch.scene import Show

    methods = []
    for text in solvers:
        name, _, chosen = (part.strip() for part in text.partition(":"))
        method = solver_of_file(name) if name.endswith(".py") else solver_of(name)
        given = method.choose(parse_assignments(chosen, f"solver {name!r}"))._asdict() if chosen else {}
        named = parse_assignments(chosen, f"solver {name!r}")
        methods.append((method, {key: value for key, value in given.items() if key in named}))
    made = _instance(problem, dim)
    queries, names = _queries(budget, made.dim), [text.partition(":")[0].strip() for text in solvers]
    try:
        return Show(made, methods, queries, seed, theorem)
    except ZobenchError:
        raise
    except Exception as error:  # a function of an author's file may raise anything
        for name in names:
            if name.endswith(".py") and line_of(error, Path(name)):
                raise ZobenchError(
                    f"watch: file {name!r} raised{line_of(error, Path(name))} {type(error).__name__}: {error}"
                ) from None
        raise


def _instance(text: str, dim: str | None) -> Any:
    from zobench.instance import problem as make_problem
    from zobench.parameters import parse_assignments
    from zobench.registry import find, split_problem

    name, chosen = split_problem(text)
    given: dict[str, Any] = dict(parse_assignments(chosen, f"problem {name!r}"))
    if dim is not None and "dim" in given:
        raise ZobenchError(f"watch: dim must be given once, got --dim {dim} and {text!r}")
    wanted, seed = given.pop("dim", dim), given.pop("seed", 0)
    if wanted is None and find("problems", name).default_dim is not None:
        try:
            return make_problem(name, 2, seed, **given)  # what one can see whole
        except ZobenchError:
            pass  # not a problem of two dimensions, or another fault that is told now
    return make_problem(name, wanted, seed, **given)


def _queries(text: str, dim: int) -> int:
    """Read a number of queries, or a multiple of the dimension such as ``50 d``."""
    from zobench.parameters import Integer, convert

    words = (
        text.strip().removesuffix("d").rstrip().removesuffix("*").strip()
        if text.strip().endswith("d")
        else ""
    )
    if words:
        return dim * int(convert(words, Integer(1), "watch: budget"))
    return int(convert(text, Integer(1), "watch: budget"))


def _save(show: "Show", path: Path, at: int | None, as_json: bool) -> int:
    from zobench.watch.animation import STILL, animate, still

    if path.suffix == ".html":
        from zobench.watch.page import alone

        path.write_text(alone(show), encoding="utf-8")
        frames = max(len(side.walk.steps) for side in show.sides)
    elif path.suffix in STILL:
        frames = still(show, path, at)
    else:
        frames = animate(show, path)
    if as_json:
        emit_json({"file": str(path), "steps": frames, "bytes": path.stat().st_size})
    else:
        emit(str(path))
    return 0


def _serve(show: "Show", port: int, no_open: bool) -> int:
    from zobench.watch.server import Server

    with Server(show, port) as server:
        show.scene()  # drawn before anybody waits for it
        emit(server.url)
        if not no_open:
            import webbrowser

            if not webbrowser.open(server.url):
                click.echo("zobench: no browser was found; open the address above in one", err=True)
        click.echo("zobench: Ctrl-C ends it", err=True)
        sys.stderr.flush()
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            pass
    return 0
