"""Campaigns: problems times solvers times budgets times seeds, as run keys, executed into a store.

A campaign is a TOML file::

    title = "Two solvers on quadratics"
    budget = "1000 d"               # queries; a number, or a multiple of the dimension; or a list of them
    seeds = 5                       # 0 ... 4; or a list of seeds
    observe = false                 # accumulate means over all iterates (theorems and their reports)

    [[problems]]
    name = "quadratic"
    dim = [10, 100]                 # a list stands for each of its values
    seed = 0                        # of the instance
    condition = [1, 100]            # whatever `zobench show quadratic` lists

    [[solvers]]
    name = "s2p"
    law = ["gaussian", "rademacher"]

`problems` and `solvers` may also be lists of words as on the command line: ``["quadratic:dim=10", "cosh"]``.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zobench.errors import ZobenchError, unknown
from zobench.parameters import Integer, convert, parse_assignments

if TYPE_CHECKING:
    from zobench.store import Store
    from zobench.trace import RunKey

__all__ = ["Campaign", "Progress", "Tally", "execute"]

#: ``progress(done, total, text)``
Progress = Callable[[int, int, str], None]

_KEYS = ("title", "problems", "solvers", "budget", "seeds", "observe")
_PER_DIM = re.compile(r"\s*(\d+(?:\.\d*)?)\s*\*?\s*d\s*\Z")


@dataclass(frozen=True)
class Campaign:
    """A title and the keys of the runs.

    Attributes
    ----------
    title : str
    keys : tuple of RunKey
        Each once, problem by problem.

    Examples
    --------
    >>> campaign = Campaign.from_options(["quadratic:dim=5"], ["s2p"], budget="10 d", seeds=2)
    >>> [(key.budget, key.seed) for key in campaign.keys]
    [(50, 0), (50, 1)]
    """

    title: str
    keys: tuple["RunKey", ...]

    @classmethod
    def from_toml(cls, path: str | Path) -> "Campaign":
        """Read a campaign's file.

        Raises
        ------
        ZobenchError
            With every fault of the file.
        """
        import tomllib

        who = f"campaign {str(path)!r}"
        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ZobenchError(f"{who} is not valid TOML: {error}") from None
        except UnicodeDecodeError:
            raise ZobenchError(f"{who} must be a text file in UTF-8") from None
        except FileNotFoundError:
            raise ZobenchError(f"{who} does not exist") from None
        except OSError as error:
            raise ZobenchError(f"{who} cannot be read: {error.strerror}") from None
        return cls.from_table({"title": Path(path).stem, **table}, who)

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
    def from_table(cls, table: Mapping[str, Any], who: str) -> "Campaign":
        """Expand a campaign's table, complaining of every fault at once; `who` is what the user called it."""
        faults: list[str] = []
        faults += [str(unknown(f"{who}: a key", key, _KEYS)) for key in table if key not in _KEYS]
        faults += [f"{who}: {key} must be given" for key in _KEYS[1:4] if key not in table]
        title, observe = table.get("title", ""), table.get("observe", False)
        if not isinstance(title, str):
            faults.append(f"{who}: title must be text, got {title!r}")
        if not isinstance(observe, bool):
            faults.append(f"{who}: observe must be true or false, got {observe!r}")
        budgets = _budgets(table.get("budget", 1), who, faults)
        seeds = _seeds(table.get("seeds", 1), who, faults)
        # no list of defaults: what is missing has been complained of
        methods = list(_methods(_tables(table.get("solvers", ["-"]), f"{who}: solvers", faults), faults))
        wanted = _tables(table.get("problems", ["-"]), f"{who}: problems", faults)
        keys: dict[RunKey, None] = {}
        for instance in _instances(wanted, faults):
            for made in _keys_of(instance, methods, budgets, seeds, bool(observe)):
                keys.setdefault(made)
        if faults:
            raise ZobenchError("; ".join(dict.fromkeys(faults)))
        return cls(title, tuple(keys))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, range)) else [value]


def _budgets(given: Any, who: str, faults: list[str]) -> list[tuple[float, bool]]:
    """Read budgets as (number, whether it is a multiple of d)."""
    budgets: list[tuple[float, bool]] = []
    for value in _listed(given):
        multiple = _PER_DIM.match(value) if isinstance(value, str) else None
        try:
            if multiple and float(multiple[1]) > 0:
                budgets.append((float(multiple[1]), True))
            else:
                budgets.append((convert(value, Integer(1), f"{who}: budget"), False))
        except ZobenchError:
            faults.append(
                f"{who}: budget must be a whole number >= 1, or a multiple of the dimension "
                f"such as '100 d', got {value!r}"
            )
    if not _listed(given):
        faults.append(f"{who}: budget must not be an empty list")
    return budgets


def _seeds(given: Any, who: str, faults: list[str]) -> list[int]:
    try:
        if isinstance(given, (list, tuple, range)):
            seeds = [convert(seed, Integer(0), f"{who}: a seed") for seed in given]
        else:
            seeds = list(range(convert(given, Integer(1, 10**7), f"{who}: seeds, their number,")))
    except ZobenchError as fault:
        faults.append(str(fault))
        return [0]
    if not seeds:
        faults.append(f"{who}: seeds must not be an empty list")
    return seeds


def _tables(given: Any, who: str, faults: list[str]) -> list[dict[str, Any]]:
    """Read a list of tables, or of words ``name:key=value,...``; one `{"name": "-"}` is left out."""
    kind = who.rpartition(" ")[2]
    if not isinstance(given, list) or not given:
        faults.append(f"{who} must be a list of tables, each headed [[{kind}]], got {given!r}")
        return []
    tables = []
    for item in given:
        if item == "-":
            continue
        if isinstance(item, str):
            try:
                name, text = _split(item, kind)
                item = {"name": name, **_assigned(text, f"{kind[:-1]} {name!r}")}
            except ZobenchError as fault:
                faults.append(str(fault))
                continue
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            faults.append(f"{who}: each must have a name, got {item!r}")
        else:
            tables.append(item)
    return tables


def _split(word: str, kind: str) -> tuple[str, str]:
    from zobench.registry import split_problem

    if kind == "problems":
        return split_problem(word)
    name, _, text = word.partition(":")
    return name.strip(), text


def _assigned(text: str, who: str) -> dict[str, str]:
    pairs = parse_assignments(text, who)
    if "name" in pairs:
        raise ZobenchError(f"{who}: the name stands before the colon, got name={pairs['name']}")
    return pairs


def _grid(table: Mapping[str, Any], who: str, faults: list[str]) -> Iterator[dict[str, Any]]:
    """Yield each choice of a table in which a list stands for each of its values."""
    names = [name for name in table if name != "name"]
    values = [_listed(table[name]) for name in names]
    faults += [
        f"{who}: {name} must not be an empty list" for name, v in zip(names, values, strict=True) if not v
    ]
    for choice in product(*values):
        yield dict(zip(names, choice, strict=True))


def _methods(
    tables: Sequence[dict[str, Any]], faults: list[str]
) -> Iterator[tuple[str, tuple[tuple[str, Any], ...]]]:
    """Yield each solver by name with its complete parameters."""
    from zobench.solver import solver

    for table in tables:
        for choice in _grid(table, f"solver {table['name']!r}", faults):
            try:
                yield table["name"], tuple(solver(table["name"]).choose(choice)._asdict().items())
            except ZobenchError as fault:
                faults.append(str(fault))


def _instances(tables: Sequence[dict[str, Any]], faults: list[str]) -> Iterator[Any]:
    """Yield each instance."""
    from zobench.instance import problem

    for table in tables:
        who = f"problem {table['name']!r}"
        for choice in _grid(table, who, faults):
            try:
                yield problem(table["name"], choice.pop("dim", None), choice.pop("seed", 0), **choice)
            except ZobenchError as fault:
                faults.append(str(fault))
            except Exception as error:  # a package from elsewhere, or a dimension beyond memory
                faults.append(f"{who} cannot be made: {type(error).__name__}: {error}")


def _keys_of(
    instance: Any,
    methods: Sequence[tuple[str, tuple[tuple[str, Any], ...]]],
    budgets: Sequence[tuple[float, bool]],
    seeds: Sequence[int],
    observe: bool,
) -> Iterator["RunKey"]:
    from zobench.execute import key_of

    for name, parameters in methods:
        first = key_of(instance, name, budget=1, parameters=dict(parameters), observed=observe)
        for number, multiple in budgets:
            budget = max(1, round(number * instance.dim)) if multiple else int(number)
            for seed in seeds:
                yield replace(first, budget=budget, seed=seed)


@dataclass
class Tally:
    """What became of a campaign's runs.

    Attributes
    ----------
    total : int
        Runs of the campaign.
    kept : int
        Runs that the store had already.
    done, failed : int
        Runs done now, and those of them that failed.
    """

    total: int
    kept: int = 0
    done: int = 0
    failed: int = 0


def execute(
    campaign: Campaign,
    store: "Store",
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    executor: Executor | None = None,
    retry_failed: bool = False,
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

    Returns
    -------
    Tally

    Raises
    ------
    KeyboardInterrupt
        After the workers were ended; what was finished is in the store.
    """
    from zobench.workers import Failure, run_keys

    if workers is not None:
        workers = convert(workers, Integer(1), "workers")
    left = store.missing(campaign.keys, failed=retry_failed)
    tally = Tally(len(campaign.keys), len(campaign.keys) - len(left))
    if progress is not None:
        progress(tally.kept, tally.total, "")
    with closing(run_keys(left, workers=workers, executor=executor)) as batches:
        for batch in batches:
            store.put(*(trace for trace in batch if not isinstance(trace, Failure)))
            failures = [failure for failure in batch if isinstance(failure, Failure)]
            for failure in failures:
                store.put_failure(failure.key, failure.message, failure.seconds)
            tally.done += len(batch)
            tally.failed += len(failures)
            if progress is not None:
                key = batch[-1].key
                assert key is not None
                progress(tally.kept + tally.done, tally.total, f"{key.solver} on {key.problem}")
    return tally
