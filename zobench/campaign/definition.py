"""Campaigns: problems times solvers times budgets times seeds, as run keys, executed into a store.

A campaign is a TOML file::

    title = "Two solvers on quadratics"
    budget = "1000 d"               # queries; a number, or a multiple of the dimension; or a list of them
    seeds = 5                       # 0 ... 4; or a list of seeds
    observe = false                 # accumulate means over all iterates (theorems and their reports)
    dims = [10, 100]                # of the problems that do not say `dim`
    instances = 3                   # instances 0, 1, 2 of the problems that do not say `seed`; or a list
    noise = ["none", "gaussian level=0.1 mode=common"]    # of the problems, which say none then

    [[problems]]
    name = "quadratic"
    dim = [10, 100]                 # a list stands for each of its values
    seed = 0                        # of the instance
    condition = [1, 100]            # whatever `zobench show quadratic` lists

    [[solvers]]
    name = "s2p"
    law = ["gaussian", "rademacher"]

    [[exclude]]                     # rules: see `zobench.campaign.rules`
    dim = "> 50"
    law = "rademacher"

`problems` and `solvers` may also be lists of words as on the command line: ``["quadratic:dim=10", "cosh"]``.
Step sizes may be tuned before the runs: see `zobench.campaign.tuning`.  Campaigns that come with zobench run
by name: see `zobench.campaign.named`.  What a campaign is run to find out may be said in it: see
`zobench.claims.file`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zobench.campaign.lines import Faults, Place, lines_of
from zobench.errors import ZobenchError
from zobench.parameters import Integer, convert

if TYPE_CHECKING:
    from zobench.campaign.tuning import Tuning
    from zobench.claims.claim import Claim
    from zobench.store.database import Store
    from zobench.trace import RunKey

__all__ = ["Campaign", "Progress", "Shard", "Tally", "execute"]

#: ``progress(done, total, text)``
Progress = Callable[[int, int, str], None]

#: The third of 64 jobs: ``(3, 64)``.
Shard = tuple[int, int]


@dataclass(frozen=True)
class Campaign:
    """A title and the keys of the runs.

    Attributes
    ----------
    title : str
    keys : tuple of RunKey
        Each once, problem by problem.
    tunings : tuple of Tuning
        Searches of parameters; each has runs of its own, and the runs that are done with what it chose.
    content : str
        The campaign as it was asked for (JSON), for the store; empty if nobody asked in words.
    claims : tuple of Claim
        What the runs are to be judged by.

    Examples
    --------
    >>> campaign = Campaign.from_options(["quadratic:dim=5"], ["s2p"], budget="10 d", seeds=2)
    >>> [(key.budget, key.seed) for key in campaign.keys]
    [(50, 0), (50, 1)]
    """

    title: str
    keys: tuple["RunKey", ...]
    tunings: tuple["Tuning", ...] = ()
    content: str = ""
    claims: tuple["Claim", ...] = ()

    @property
    def size(self) -> int:
        """How many runs there are, those of tuning included."""
        return len(self.keys) + sum(len(tuning.keys) + len(tuning.finals) for tuning in self.tunings)

    def parts(self, shard: Shard | None = None) -> tuple[list["RunKey"], list["RunKey"]]:
        """Give the runs that wait for no tuning, and those that do, with parameters still to be replaced.

        Parameters
        ----------
        shard : (int, int), optional
            ``(3, 64)``: only the third of 64 parts.

        Returns
        -------
        list of RunKey, list of RunKey
        """
        first = [*(key for tuning in self.tunings for key in tuning.keys), *self.keys]
        return _part(first, shard), _part([key for tuning in self.tunings for key in tuning.finals], shard)

    def first_keys(self, shard: Shard | None = None) -> list["RunKey"]:
        """Give the runs that wait for no tuning: those of the tunings, and then all others.

        Parameters
        ----------
        shard : (int, int), optional
            ``(3, 64)``: only the third of 64 parts.

        Returns
        -------
        list of RunKey
        """
        return self.parts(shard)[0]

    def tuned_keys(self, store: "Store", shard: Shard | None = None) -> list["RunKey"] | None:
        """Give the runs with tuned parameters; None as long as the store lacks some run of a tuning.

        Parameters
        ----------
        store : Store
        shard : (int, int), optional
            ``(3, 64)``: only the third of 64 parts.

        Returns
        -------
        list of RunKey or None
        """
        if not store.has([key for tuning in self.tunings for key in tuning.keys]):
            return None
        chosen = [key for tuning in self.tunings for key in tuning.chosen(tuning.choose(store)[0])]
        return _part(chosen, shard)

    @classmethod
    def from_toml(cls, path: str | Path) -> "Campaign":
        """Read a campaign's file.

        Parameters
        ----------
        path : Path or str

        Returns
        -------
        Campaign

        Raises
        ------
        ZobenchError
            With every fault of the file.
        """
        import tomllib

        who = f"campaign {str(path)!r}"
        try:
            text = Path(path).read_text(encoding="utf-8")
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ZobenchError(f"{who} is not valid TOML: {error}") from None
        except UnicodeDecodeError:
            raise ZobenchError(f"{who} must be a text file in UTF-8") from None
        except FileNotFoundError:
            raise ZobenchError(f"{who} does not exist") from None
        except OSError as error:
            raise ZobenchError(f"{who} cannot be read: {error.strerror}") from None
        return cls.from_table({"title": Path(path).stem, **table}, who, lines_of(text))

    @classmethod
    def from_options(
        cls,
        problems: Sequence[str],
        solvers: Sequence[str],
        budget: Any,
        seeds: Any = 1,
        *,
        observe: bool = False,
        title: str = "run",
    ) -> "Campaign":
        """Make a campaign of what a command line says.

        Parameters
        ----------
        problems, solvers : sequence of str
            ``name:key=value,...``; of a problem, `dim` and `seed` are the instance's.
        budget : int or str
            Queries; ``"100 d"`` for a multiple of the dimension.
        seeds : int or sequence of int
            How many seeds, or which.
        observe : bool
        title : str

        Returns
        -------
        Campaign

        Raises
        ------
        ZobenchError
            With every fault of the request.
        """
        table = {
            "title": title,
            "problems": list(problems),
            "solvers": list(solvers),
            "budget": budget,
            "seeds": seeds,
            "observe": observe,
        }
        return cls.from_table(table, "run")

    @classmethod
    def from_table(
        cls, table: Mapping[str, Any], who: str, lines: Mapping["Place", int] | None = None
    ) -> "Campaign":
        """Expand a campaign's table, complaining of every fault at once.

        Parameters
        ----------
        table : mapping
        who : str
            What the user called it.
        lines : mapping, optional
            Where its keys stand in a file (`zobench.campaign.lines.lines_of`).

        Returns
        -------
        Campaign

        Raises
        ------
        ZobenchError
            With every fault, each with its line.
        """
        from zobench.campaign.file import expand

        faults = Faults(who, dict(lines or {}))
        keys, tunings = expand(table, faults)
        claims: tuple[Claim, ...] = ()
        if "claims" in table:
            from zobench.claims.file import claims_of

            claims = claims_of(table, [*keys, *(key for tuning in tunings for key in tuning.finals)], faults)
        if faults:
            raise ZobenchError(faults.text())
        content = json.dumps(dict(table), sort_keys=True, default=str)
        return cls(table.get("title", ""), tuple(keys), tuple(tunings), content, claims)


def _part(keys: list["RunKey"], shard: Shard | None) -> list["RunKey"]:
    # one here, one there: neighbours cost alike, so that the parts do, too
    return keys if shard is None else keys[shard[0] - 1 :: shard[1]]


@dataclass
class Tally:
    """What became of a campaign's runs.

    Attributes
    ----------
    total : int
        Runs of the campaign, or of its part.
    kept : int
        Runs that the store had already.
    done, failed : int
        Runs done now, and those of them that failed.
    waiting : int
        Runs of this part that wait for tuning runs of other parts.
    keys : list of RunKey
        The runs that were asked for, but for those of tuning.
    tunings : list of dict
        What tuning chose, as the store has it.

    Examples
    --------
    >>> tally = Tally(total=10, kept=4, done=6, failed=1)
    >>> tally.kept + tally.done == tally.total
    True
    """

    total: int
    kept: int = 0
    done: int = 0
    failed: int = 0
    waiting: int = 0
    keys: list["RunKey"] = field(default_factory=list)
    tunings: list[dict[str, Any]] = field(default_factory=list)


def execute(
    campaign: Campaign,
    store: "Store",
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    executor: Executor | None = None,
    retry_failed: bool = False,
    shard: Shard | None = None,
) -> Tally:
    """Do the runs that the store does not have.

    Parameters
    ----------
    campaign : Campaign
    store : Store
        Open for writing.  A campaign that was killed goes on where it was.
    workers : int, optional
        Processes; 1 stands for this one.  If not given: as many as there are processors, or this one alone
        for little work.  The numbers do not depend on it.
    progress : callable, optional
        ``progress(done, total, text)``.
    executor : concurrent.futures.Executor, optional
        Used instead of processes.
    retry_failed : bool
        Do runs again that failed.
    shard : (int, int), optional
        ``(3, 64)``: only the third of 64 parts.  Where parameters are tuned, a part does its share of the
        tuning runs first; the runs that follow take a store that has all of them (`zobench store merge`).

    Returns
    -------
    Tally

    Raises
    ------
    ZobenchError
        If `workers` is no whole number from 1, or the store cannot be written.
    KeyboardInterrupt
        After the workers were ended; what was finished is in the store.

    Examples
    --------
    >>> import tempfile
    >>> from zobench.store.database import Store
    >>> campaign = Campaign.from_options(["quadratic:dim=5"], ["s2p"], budget=50, seeds=3)
    >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/runs.sqlite") as store:
    ...     first = execute(campaign, store, workers=1, shard=(1, 3))
    ...     rest = execute(campaign, store, workers=1)
    >>> first.done, rest.kept, rest.done
    (1, 1, 2)
    """
    if workers is not None:
        workers = convert(workers, Integer(1), "workers")
    if campaign.content:
        store.put_campaign(campaign.title, campaign.content)
    first, finals = campaign.parts(shard)
    tally = Tally(len(first) + len(finals))
    asked = set(campaign.keys)
    tally.keys = [key for key in first if key in asked]
    _do(first, store, tally, workers, progress, executor, retry_failed)
    if campaign.tunings:
        tuned = campaign.tuned_keys(store, shard)
        if tuned is None:
            tally.waiting, tally.total = len(finals), len(first)
            return tally
        tally.tunings = [tuning.choose(store)[1] for tuning in campaign.tunings]
        names = [tuning.name() for tuning in campaign.tunings]
        store.put_tunings(dict(zip(names, tally.tunings, strict=True)))
        tally.keys += tuned
        _do(tuned, store, tally, workers, progress, executor, retry_failed)
    return tally


def _do(
    keys: Sequence["RunKey"],
    store: "Store",
    tally: Tally,
    workers: int | None,
    progress: Progress | None,
    executor: Executor | None,
    retry_failed: bool,
) -> None:
    """Do those of the runs that the store does not have, and count them."""
    from zobench.parallel.workers import Failure, run_keys

    left = store.missing(keys, failed=retry_failed)
    tally.kept += len(keys) - len(left)
    if progress is not None:
        progress(tally.kept + tally.done, tally.total, "")
    with closing(run_keys(left, workers=workers, executor=executor)) as batches:
        for batch in batches:
            store.put_batch(batch)
            tally.done += len(batch)
            tally.failed += sum(isinstance(each, Failure) for each in batch)
            if progress is not None:
                getattr(progress, "saw", len)(
                    batch
                )  # one that counts more than runs: see `zobench.parallel.progress`
                key = batch[-1].key
                assert key is not None
                progress(tally.kept + tally.done, tally.total, f"{key.solver} on {key.problem}")
