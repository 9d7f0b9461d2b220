"""``zobench.verify``: run what theorems prescribe, measure what they speak of, and say what follows."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zobench.errors import ZobenchError
from zobench.parameters import Integer, convert, parse_assignments
from zobench.theorem import Case, Cell, Theorem, find_theorem, theorems
from zobench.verdict.judgement import Verdict, confirm, judge
from zobench.verdict.levels import case_of, declared
from zobench.verdict.sequential import SEEDS, benjamini_hochberg, holm, mean_e
from zobench.verdict.slopes import try_slopes

if TYPE_CHECKING:
    from zobench.instance import Instance
    from zobench.store.database import Store
    from zobench.trace import Trace

__all__ = ["Verdict", "chosen_jobs", "judge", "verify"]

#: How often the steps of a theorem's first cell are doubled for another problem.
DOUBLINGS = 6
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """One piece of work, for this process or another.

    Attributes
    ----------
    theorem : str
    cell : Cell or None
        None: the theorem's slopes.
    seeds, first_seed, comparisons : int
    again : bool
        Whether to repeat a refutation instead.
    keep : bool
        Whether to answer with the runs too.
    """

    theorem: str
    cell: Cell | None
    seeds: int
    first_seed: int
    comparisons: int
    again: bool = False
    keep: bool = False

    @property
    def claims(self) -> int:
        """How many claims it judges."""
        return len(declared(find_theorem(self.theorem)[0])) if self.cell is None else 1


class Kept(list["Trace"]):
    """Runs on their way to the process that writes them."""

    def put(self, trace: "Trace") -> None:
        """Keep a run."""
        self.append(trace)


def do_job(job: Job, store: Any = None) -> tuple[Any, Kept]:
    """Do a piece of work; answer its verdicts, or whether a refutation repeated, and the runs to be kept."""
    theorem, solver = find_theorem(job.theorem)
    kept = Kept()
    into = store if store is not None else (kept if job.keep else None)
    if job.cell is None:
        count = {} if job.seeds == SEEDS else {"seeds": job.seeds}
        found = try_slopes(theorem, solver, first_seed=job.first_seed, comparisons=job.comparisons, **count)
        return [Verdict(**facts) for facts in found], kept
    given: dict[str, Any] = {"seeds": job.seeds, "first_seed": job.first_seed, "store": into}
    if job.again:
        return confirm(theorem, solver, job.cell, **given), kept
    return [judge(theorem, solver, job.cell, comparisons=job.comparisons, **given)], kept


def chosen_jobs(
    names: Sequence[str], *, quick: bool = False, all: bool = False, slopes: bool = False, on: str = ""
) -> list[tuple[Theorem, Cell | None]]:
    """Give the theorems asked for with their cells, and with None for their slopes.

    Parameters
    ----------
    names : sequence of str
        Theorems; every registered one if empty.
    quick, all, slopes : bool
        As for `verify`.
    on : str
        As for `verify`.

    Returns
    -------
    list of (Theorem, Cell or None)
        Theorem by theorem, None after the cells.

    Raises
    ------
    ZobenchError
        If a name is unknown, if a problem does not satisfy a theorem named, or if nothing is left to try.

    Examples
    --------
    >>> [(theorem.name, cell.dim) for theorem, cell in chosen_jobs(["rgf-convex"], quick=True)][:2]
    [('rgf-convex', 10), ('rgf-convex', 20)]
    >>> [cell for theorem, cell in chosen_jobs(["rgf-convex"], slopes=True)]
    [None]
    >>> [(_, cell)] = chosen_jobs(["rgf-convex"], on="quadratic:dim=5")
    >>> cell.problem, cell.dim
    ('quadratic', 5)
    """
    chosen = [find_theorem(name)[0] for name in names] or [theorem for theorem, _ in theorems().values()]
    found: list[tuple[Theorem, Cell | None]] = []
    for theorem in chosen:
        cells = theorem.cells
        if on:
            cells = tuple(_moved(theorem, on, bool(names)))
        elif quick or not (names or all):
            cells = tuple(cell for cell in cells if cell.quick)
        if not slopes or all:
            found += [(theorem, cell) for cell in cells]
        if (slopes or all) and theorem.slopes and not on:
            found.append((theorem, None))
    if not found and on:
        raise ZobenchError(f"problem {on!r} satisfies no theorem: name one, and what is missing is told")
    if not found:
        which = ", ".join(map(repr, names)) or "any theorem"
        raise ZobenchError(f"no {'exponents are' if slopes else 'quick cell is'} declared by {which}")
    return found


def _moved(theorem: Theorem, on: str, must: bool) -> Iterator[Cell]:
    """Yield the theorem's first cell moved to a problem of the caller's, if it satisfies the theorem."""
    from zobench.instance import problem
    from zobench.registry import split_problem

    name, text = split_problem(on)
    given: dict[str, Any] = dict(parse_assignments(text, f"problem {name!r}"))
    dim = given.pop("dim", None)
    count = None if dim is None else convert(dim, Integer(1), f"problem {name!r}: dim")
    made = problem(name, count, **given)
    if not theorem.missing(made):
        cell = replace(
            theorem.cells[0], problem=name, dim=made.dim, parameters=tuple(given.items()), tight=False
        )
        try:
            yield _with_steps(theorem, cell, made)
        except ZobenchError:
            if must:
                raise
    elif must:
        raise ZobenchError(theorem.missing(made))


def _with_steps(theorem: Theorem, cell: Cell, made: "Instance") -> Cell:
    """Give the cell a horizon that suits its problem, or complain as the theorem does that admits none.

    In fewer dimensions an identity is measured over fewer steps, like d^2: the runs would arrive, and the
    means would be those of rounding and of rare runs.  A step rule that needs more steps gets them.
    """
    steps, usual = cell.steps, case_of(theorem.cells[0]).dim
    if theorem.kind == "=" and made.dim < usual:
        steps = max(1, steps * made.dim**2 // usual**2)
    for doubled in range(DOUBLINGS + 1):
        tried = replace(cell, steps=steps << doubled)
        case = Case(made, tried.steps, tried.law, tried.claim)
        try:
            if not tried.solver:
                theorem.parameters(case)
            theorem.bound(case, case.steps)
        except ZobenchError:
            if doubled == DOUBLINGS:
                raise
            continue
        return tried
    raise AssertionError


def _answers(jobs: Sequence[Job], workers: int, store: Any, progress: Progress | None) -> list[Any]:
    """Do the jobs, here or in worker processes; answer in the order of the jobs."""
    from zobench.parallel.pool import Lost
    from zobench.parallel.processes import Processes

    found: list[Any] = [None] * len(jobs)

    def tell(done: int, job: Job) -> None:
        if progress is not None:
            what = "exponents" if job.cell is None else job.cell.problem
            progress(done, len(jobs), f"{job.theorem} on {what}")

    if workers == 1 or len(jobs) < 2:
        for place, job in enumerate(jobs):
            tell(place, job)
            found[place], _ = do_job(job, store)
        return found
    # the longest first, so that no worker is left alone with them in the end
    order = sorted(range(len(jobs)), key=lambda place: -_work(jobs[place]))
    with Processes(min(workers, len(jobs))) as pool:
        places: dict[Future[Any], int] = {pool.submit(do_job, jobs[place]): place for place in order}
        for done, future in enumerate(as_completed(places)):
            place = places[future]
            tell(done, jobs[place])
            try:
                found[place], kept = future.result()
            except Lost as lost:
                raise ZobenchError(f"verify: {lost.reason}: with --workers 1 it is told where") from None
            if store is not None:
                for trace in kept:
                    store.put(trace)
    return found


def _work(job: Job) -> float:
    """Guess how long a piece of work is, in steps times coordinates."""
    if job.cell is None:
        return float("inf")
    return float(job.cell.steps) * (job.cell.dim or 100)


def _family(
    chosen: Sequence[tuple[Theorem, Cell | None]],
    verdicts: list[list[Verdict]],
    again: Callable[[Theorem, Cell], bool],
) -> None:
    """Take what Holm's procedure and e-BH refute besides, once it repeats on fresh seeds.

    Each cell was judged at the first threshold of Holm's procedure.  Here the procedure goes on with those
    that are left; and e-BH looks at theorems, each with the mean of its cells' e-values.
    """
    places = [(i, j) for i, several in enumerate(verdicts) for j in range(len(several))]
    flat = [verdicts[i][j] for i, j in places]
    if not flat:
        return
    fallen = dict(zip(places, holm([verdict.log10_e_value for verdict in flat]), strict=True))
    names = sorted({verdict.theorem for verdict in flat})
    means = [mean_e([one.log10_e_value for one in flat if one.theorem == name]) for name in names]
    for name, falls in zip(names, benjamini_hochberg(means), strict=True):
        own = [place for place, one in zip(places, flat, strict=True) if one.theorem == name]
        if falls and not any(verdicts[i][j].verdict == "refuted" for i, j in own):
            fallen[max(own, key=lambda place: verdicts[place[0]][place[1]].log10_e_value)] = True
    for i, j in places:
        theorem, cell = chosen[i]
        tried = verdicts[i][j].verdict == "refuted" or "did not repeat" in verdicts[i][j].note
        if not fallen[i, j] or tried or cell is None:
            continue
        repeats = again(theorem, cell)
        said = "repeated" if repeats else "a refutation that did not repeat"
        verdicts[i][j] = replace(
            verdicts[i][j],
            verdict="refuted" if repeats else "inconclusive",
            note=f"refuted among all claims together; {said} on fresh seeds",
        )


def verify(
    names: Sequence[str] | str | None = None,
    *,
    quick: bool = False,
    all: bool = False,
    slopes: bool = False,
    on: str = "",
    seeds: int = SEEDS,
    first_seed: int = 0,
    workers: int = 1,
    store: "Store | None" = None,
    progress: Progress | None = None,
) -> list[Verdict]:
    """Compare theorems with runs of what they prescribe.

    Parameters
    ----------
    names : sequence of str, optional
        Theorems; every registered one if not given.
    quick : bool
        Only the cells that take seconds; also what is done when nothing is asked for.
    all : bool
        Every cell of every theorem, and the slopes.
    slopes : bool
        The exponents in K, d, eps, r instead of the cells (`zobench.verdict.slopes`).
    on : str
        A problem, ``name:key=value,...``, to try the theorems on instead of their own cells; the law and
        the horizon are those of the first cell (doubled where the step rule needs more steps, less for
        identities in fewer dimensions).  Theorems that it does not satisfy are left out, unless named.
    seeds : int
        Runs a cell at most; they come in batches until the claim is decided (`zobench.verdict.sequential`).
    first_seed : int
        Other first seeds repeat the check on fresh runs.
    workers : int
        Processes; the verdicts do not depend on it.
    store : Store, optional
        Where runs and verdicts are put.
    progress : callable, optional
        ``progress(done, total, text)``.

    Returns
    -------
    list of Verdict
        One a cell, one a factor.

    Raises
    ------
    ZobenchError
        If a name is unknown, or a problem does not satisfy a theorem named.

    Examples
    --------
    >>> import zobench
    >>> [verdict] = zobench.verify(["exact-s2p-identity"], quick=True, seeds=5)[:1]
    >>> verdict.verdict in ("supported", "not refuted")
    True
    """
    asked = [names] if isinstance(names, str) else list(names or ())
    seeds = convert(seeds, Integer(1), "seeds")
    workers = convert(workers, Integer(1), "verify: workers")
    chosen = chosen_jobs(asked, quick=quick, all=all, slopes=slopes, on=on)
    common = Job("", None, seeds, first_seed, 0, keep=store is not None)
    jobs = [replace(common, theorem=theorem.name, cell=cell) for theorem, cell in chosen]
    comparisons = sum(job.claims for job in jobs)
    jobs = [replace(job, comparisons=comparisons) for job in jobs]
    verdicts = _answers(jobs, workers, store, progress)

    def again(theorem: Theorem, cell: Cell) -> bool:
        repeated, _ = do_job(replace(common, theorem=theorem.name, cell=cell, again=True), store)
        return bool(repeated)

    _family(chosen, verdicts, again)
    if progress is not None:
        progress(len(jobs), len(jobs), "")
    answer = [verdict for several in verdicts for verdict in several]
    if store is not None:
        store.put_verdicts([verdict.as_dict() for verdict in answer])
    return answer
