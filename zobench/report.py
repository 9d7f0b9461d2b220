"""Reports: figures with captions, drawn from evidence.

A report is one file of ``reports/``.  It reads an `Evidence`, which holds the tables of a store, and answers
figures with captions.  Nothing of it touches pyplot, so nothing global is left behind.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zobench.drawing import theme
from zobench.looks import Style, looks, varied

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from zobench.claims.claim import Judgement
    from zobench.trace import Trace

__all__ = ["Drawing", "Evidence", "Report", "Style"]

RUNS = (
    "id problem dim instance_seed problem_parameters solver solver_parameters budget seed noise observed "
    "status message count steps seconds start value best reference created problem_name solver_name"
).split()
TRACES = "id row queries best value gradient_norm running_mean".split()
HITS = "id target queries".split()


class Drawing(NamedTuple):
    """One figure and what must be said below it.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    caption : str
        Numbers of runs, seeds and queries, what line and band are, what was left out and why.
    table : DataFrame, optional
        The numbers drawn, for a CSV file beside the figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> Drawing(Figure(), "Nothing is drawn.").caption
    'Nothing is drawn.'
    """

    figure: "Figure"
    caption: str
    table: "DataFrame | None" = None


def _nothing_missing(evidence: "Evidence") -> str:
    return "" if len(evidence.runs) else "the store holds no runs"


@dataclass(frozen=True)
class Report:
    """One kind of figure: one file of ``reports/``.

    Attributes
    ----------
    name : str
        In lower case with hyphens.
    title : str
        One line.
    draw : callable
        ``draw(evidence) -> list of Drawing``; empty when nothing can be drawn.  Called inside `theme`.
    missing : callable
        ``missing(evidence) -> str``: why nothing can be drawn; empty if something can.
    part : str
        Of the page that shows it: "comparisons", or "theorems" for figures of bounds and claims.

    Examples
    --------
    >>> empty = Report(name="empty", title="Nothing", draw=lambda evidence: [])
    >>> empty.part
    'comparisons'
    """

    name: str
    title: str
    draw: Callable[["Evidence"], list[Drawing]]
    missing: Callable[["Evidence"], str] = _nothing_missing
    part: str = "comparisons"

    @property
    def summary(self) -> str:
        """The title, under the name that problems and solvers have for their one line."""
        return self.title

    def drawings(self, evidence: "Evidence") -> list[Drawing]:
        """Draw in the common theme.

        Parameters
        ----------
        evidence : Evidence

        Returns
        -------
        list of Drawing
            Empty where `missing` says why.
        """
        if self.missing(evidence):
            return []
        with theme():
            return self.draw(evidence.for_figure(self.name))


@dataclass(frozen=True, eq=False)
class Evidence:
    """The tables of a store, as reports read them.

    Attributes
    ----------
    runs, traces, hits, observations, verdicts : pandas.DataFrame
        As `zobench.store.database.Store` answers them, runs in a fixed order.
    environment : dict
        Versions and machine.
    source : str
        Name of the store, for captions.
    claims : list of (str, list of Judgement)
        Titles of campaigns, and what their runs say about the claims that they name.
    width : float
        Inches that a figure may be wide: a page for a telephone asks for narrow ones.
    campaigns : DataFrame or None
        What was asked for: title and content (JSON) of each campaign.
    only : str
        The report that it is given to, for captions; empty for the page.

    Examples
    --------
    >>> def draw(evidence):
    ...     return evidence.runs.groupby("solver_name")["best"].median()
    """

    runs: "DataFrame"
    traces: "DataFrame"
    hits: "DataFrame"
    observations: "DataFrame"
    verdicts: "DataFrame"
    environment: dict[str, Any] = field(default_factory=dict)
    source: str = "STORE"
    claims: list[tuple[str, list["Judgement"]]] = field(default_factory=list)
    width: float = 9.6
    campaigns: "DataFrame | None" = None
    only: str = ""
    _kept: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def keep(self, name: str, make: Callable[[], Any]) -> Any:
        """Work something out once for this evidence, in whatever width it is drawn.

        Parameters
        ----------
        name : str
            The same name gives the same object, whatever `make` would make.
        make : callable
            ``make()``, called the first time.

        Returns
        -------
        object
            What `make` answered.
        """
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def narrowed(self, width: float) -> "Evidence":
        """Give the same evidence for figures of another width; what was kept is kept.

        Parameters
        ----------
        width : float
            Inches.

        Returns
        -------
        Evidence
        """
        return self._copied(width=width)

    def for_figure(self, name: str) -> "Evidence":
        """Give the same evidence to one report, whose captions tell how to draw it alone.

        Parameters
        ----------
        name : str
            Of the report.

        Returns
        -------
        Evidence
        """
        return self._copied(only=name)

    def _copied(self, **changes: Any) -> "Evidence":
        other = replace(self, **changes)
        object.__setattr__(other, "_kept", self._kept)
        return other

    @classmethod
    def from_store(cls, path: str | Path) -> "Evidence":
        """Read a store.

        Parameters
        ----------
        path : Path or str

        Returns
        -------
        Evidence

        Raises
        ------
        ZobenchError
            If there is no store at `path`, or it cannot be read.
        """
        from pandas import option_context

        from zobench.claims.runs import judge_store
        from zobench.store.database import Store

        # Python's own strings are faster to go through than Arrow's, and plain objects still faster
        with option_context("mode.string_storage", "python"), Store(path, mode="read") as store:
            runs = store.compared_runs()
            if "id" not in runs.columns:
                runs = runs.reset_index()
            return cls(
                runs=_ordered(runs),
                traces=_of(runs, store.traces()),
                hits=_of(runs, store.hits()),
                observations=store.observations(),
                verdicts=store.verdicts(),
                environment=dict(store.environment()),
                source=Path(path).name,
                claims=judge_store(store),
                campaigns=store.campaigns(),
            )

    @classmethod
    def from_traces(cls, traces: Iterable["Trace"], verdicts: Iterable[dict[str, Any]] = ()) -> "Evidence":
        """Take traces of registered problems that are in memory, without a store.

        Parameters
        ----------
        traces : iterable of Trace
        verdicts : iterable of dict
            With the fields of ``zobench verify --json``.

        Returns
        -------
        Evidence

        Examples
        --------
        >>> import zobench
        >>> evidence = Evidence.from_traces([zobench.run("quadratic", "s2p", budget=100)])
        >>> len(evidence.runs), len(evidence.hits)
        (1, 40)
        """
        from pandas import DataFrame

        runs, rows, hits = [], [], []
        for trace in traces:
            runs.append(_run_row(trace))
            columns = (trace.bests, trace.values, trace.gradient_norms, trace.running_means)
            for row, numbers in enumerate(zip(trace.queries, *columns, strict=True)):
                rows.append((runs[-1]["id"], row, *numbers))
            for target, hit in zip(trace.targets, trace.hits, strict=True):
                hits.append((runs[-1]["id"], target, float("nan") if hit < 0 else float(hit)))
        return cls(
            runs=_ordered(DataFrame(runs, columns=RUNS)),
            traces=DataFrame(rows, columns=TRACES),
            hits=DataFrame(hits, columns=HITS),
            observations=DataFrame(),
            verdicts=DataFrame(list(verdicts)),
            source="memory",
        )

    @cached_property
    def styles(self) -> dict[str, Style]:
        """The look of each solver by name, the same in every figure of every report."""
        return looks(self.runs["solver"])

    def style(self, solver: str, variant: int = 0) -> Style:
        """Give the look of one line: the solver's colour, another dash and marker for each variant.

        Parameters
        ----------
        solver : str
            The name of a solver of `runs`.
        variant : int
            0 for the solver's own look.

        Returns
        -------
        Style
        """
        return varied(self.styles[solver], variant)

    @property
    def campaign(self) -> "DataFrame":
        """The runs made to compare solvers: those not observed for a theorem, unless there are no others."""
        plain = self.runs[~self.runs["observed"].astype(bool)]
        return plain if len(plain) else self.runs

    @property
    def command(self) -> str:
        """What redraws the page, or the one figure."""
        return f"zobench report {self.source} " + (f"--only {self.only}" if self.only else "--out FOLDER")


def _of(runs: "DataFrame", rows: "DataFrame") -> "DataFrame":
    """Leave out the rows of runs that served to tune parameters."""
    rows = rows.astype({"id": object})
    return rows if set(rows["id"]) <= set(runs["id"]) else rows[rows["id"].isin(runs["id"])]


def _run_row(trace: "Trace") -> dict[str, Any]:
    from zobench.names import problem_name, solver_name

    key = trace.key
    assert key is not None, "a trace without a key has no problem to compare it with"
    problem_parameters, solver_parameters = dict(key.problem_parameters), dict(key.solver_parameters)
    return {
        "id": key.digest(),
        "problem": key.problem,
        "dim": key.dim,
        "instance_seed": key.instance_seed,
        "problem_parameters": json.dumps(problem_parameters, default=str),
        "solver": key.solver,
        "solver_parameters": json.dumps(solver_parameters, default=str),
        "budget": key.budget,
        "seed": key.seed,
        "noise": key.noise,
        "observed": key.observed,
        "status": trace.status,
        "message": trace.message,
        "count": trace.count,
        "steps": trace.steps,
        "seconds": trace.seconds,
        "start": trace.start,
        "value": trace.value,
        "best": trace.best,
        "reference": float("nan") if trace.reference is None else trace.reference,
        "created": "",
        "problem_name": problem_name(key.problem, key.dim, key.instance_seed, problem_parameters, key.noise),
        "solver_name": solver_name(key.solver, solver_parameters),
    }


def _ordered(runs: "DataFrame") -> "DataFrame":
    """Order runs by what they are, not by when they were done: the same store gives the same page."""
    order = ["problem", "dim", "problem_name", "noise", "budget", "solver", "solver_parameters", "seed", "id"]
    return runs.sort_values(order, kind="stable").reset_index(drop=True)
