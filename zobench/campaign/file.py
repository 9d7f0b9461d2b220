"""From a campaign's table to run keys, with every fault collected and told by its line."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from zobench.campaign.lines import Faults, Place
from zobench.campaign.rules import check, kept
from zobench.campaign.tuning import Settings, Tuning, candidates, settings_of
from zobench.errors import ZobenchError, unknown
from zobench.parameters import Integer, convert, parse_assignments

if TYPE_CHECKING:
    from zobench.trace import RunKey

__all__ = ["KEYS", "expand"]

KEYS = (
    "title", "description", "problems", "solvers", "budget", "seeds", "observe", "dims", "instances", "noise",
    "include", "exclude", "tuning", "claims",
)  # fmt: skip
#: Runs of a campaign at most: each key takes some 700 bytes while it is planned.
MOST = 3_000_000
_PER_DIM = re.compile(r"\s*(\d+(?:\.\d*)?)\s*\*?\s*d\s*\Z")
_NOISE = ("law", "level", "degrees", "mode")

#: A number of queries, and whether it is a multiple of the dimension.
Budget = tuple[float, bool]


@dataclass(frozen=True)
class _Method:
    """A solver with complete parameters, or with the candidates among which tuning chooses."""

    name: str
    parameters: tuple[tuple[str, Any], ...]
    candidates: tuple[tuple[tuple[str, Any], ...], ...] = ()
    searched: tuple[str, ...] = ()


def expand(table: Mapping[str, Any], faults: Faults) -> tuple[list["RunKey"], list[Tuning]]:
    """Give a campaign's runs, each once, problem by problem, and its tunings.

    Parameters
    ----------
    table : mapping
        As a campaign's file says it: see `zobench.campaign.definition`.
    faults : Faults
        Takes everything that is wrong with the table.

    Returns
    -------
    (list of RunKey, list of Tuning)
        Both empty if the table is at fault.

    Examples
    --------
    >>> table = {"problems": ["quadratic:dim=5"], "solvers": ["s2p", "stp"], "budget": ["10 d", 80]}
    >>> keys, tunings = expand(table, Faults("run"))
    >>> [(key.solver, key.budget) for key in keys], tunings
    ([('s2p', 50), ('s2p', 80), ('stp', 50), ('stp', 80)], [])
    >>> faults = Faults("run")
    >>> expand({"problems": ["quadratic"], "solvers": ["s2p"]}, faults)
    ([], [])
    >>> faults.text()
    'run: budget must be given'
    """
    for key in table:
        if key not in KEYS:
            faults.add((key,), unknown("a key", key, KEYS))
    for key in ("problems", "solvers", "budget"):
        if key not in table:
            faults.add((), f"{key} must be given")
    for key, kind, words in (
        ("title", str, "text"),
        ("description", str, "text"),
        ("observe", bool, "true or false"),
    ):
        if key in table and not isinstance(table[key], kind):
            faults.add((key,), f"{key} must be {words}, got {table[key]!r}")
    budgets = _budgets(table.get("budget", 1), ("budget",), faults)
    seeds = _seeds(table.get("seeds", 1), faults)
    tuning = settings_of(table["tuning"], seeds, _budgets, faults) if "tuning" in table else None
    tables = {kind: _tables(table, kind, faults) for kind in ("problems", "solvers")}
    methods = list(_methods(tables["solvers"], tuning, faults))
    instances = list(_instances(table, tables["problems"], faults))
    observe = table.get("observe") is True
    rules = table.get("include", []), table.get("exclude", [])
    runs = len(instances) * len(methods) * len(budgets) * len(seeds)
    if runs > MOST or faults:  # a stand-in for runs that are left out must not be complained of
        if runs > MOST:
            faults.add((), f"a campaign must have at most {MOST:,} runs, got {runs:,}: use several files")
        named = {kind: [item["name"] for _, item in items] for kind, items in tables.items()}
        check(*rules, _names(named), faults)
        return [], []
    cells = [
        (method, key)
        for instance in instances
        for method in methods
        for key in _keys_of(instance, method, budgets, seeds, observe)
    ]
    kept_ones = kept([key for _, key in cells], *rules, faults)
    keys: dict[RunKey, None] = {}
    tuned: dict[RunKey, tuple[_Method, dict[RunKey, None]]] = {}
    for (method, made), keep in zip(cells, kept_ones, strict=True):
        if keep and method.candidates:
            start = replace(made, budget=1, seed=0)
            tuned.setdefault(start, (method, {}))[1].setdefault(made)
        elif keep:
            keys.setdefault(made)
    return list(keys), [_tuning(key, *rest, tuning) for key, rest in tuned.items() if tuning is not None]


def _names(tables: Mapping[str, Iterable[str]]) -> set[str]:
    """Give the parameters that rules may speak of, of what there is of the problems and solvers named."""
    from zobench.registry import catalogue

    return {
        name
        for kind, named in tables.items()
        for item in set(named) & set(catalogue(kind))
        for name in catalogue(kind)[item].parameters._fields
    }


def _tuning(first: "RunKey", method: _Method, finals: Mapping["RunKey", None], settings: Settings) -> Tuning:
    number, multiple = settings.budget
    budget = _queries(number, multiple, first.dim)
    # as in a key: a constant left to the problem is written in words
    tried = tuple(
        tuple((name, "certified" if value != value else value) for name, value in candidate)
        for candidate in method.candidates
    )
    runs = tuple(
        replace(first, budget=budget, seed=seed, solver_parameters=candidate, observed=False)
        for candidate in tried
        for seed in settings.seeds
    )
    return Tuning(settings, method.searched, tried, runs, tuple(finals))


def _queries(number: float, multiple: bool, dim: int) -> int:
    return max(1, round(number * dim)) if multiple else int(number)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, range)) else [value]


def _budgets(given: Any, place: Place, faults: Faults) -> list[Budget]:
    """Read budgets; of the campaign or of its tuning, as the place says."""
    budgets: list[Budget] = []
    who = ": ".join(map(str, place))
    for value in _listed(given):
        multiple = _PER_DIM.match(value) if isinstance(value, str) else None
        try:
            if multiple and float(multiple[1]) > 0:
                budgets.append((float(multiple[1]), True))
            else:
                budgets.append((convert(value, Integer(1), who), False))
        except ZobenchError:
            faults.add(
                place,
                f"{who} must be a whole number >= 1, or a multiple of the dimension such as '100 d', "
                f"got {value!r}",
            )
    if not _listed(given):
        faults.add(place, f"{who} must not be an empty list")
    return budgets


def _seeds(given: Any, faults: Faults) -> Sequence[int]:
    seeds: Sequence[int]
    try:
        if isinstance(given, (list, tuple, range)):
            seeds = [convert(seed, Integer(0), "a seed") for seed in given]
        else:
            seeds = range(convert(given, Integer(1, 10**7), "seeds, their number,"))
    except ZobenchError as fault:
        faults.add(("seeds",), fault)
        return [0]
    if not seeds:
        faults.add(("seeds",), "seeds must not be an empty list")
    return seeds


def _tables(table: Mapping[str, Any], kind: str, faults: Faults) -> list[tuple[Place, dict[str, Any]]]:
    """Read a list of tables, or of words ``name:key=value,...``."""
    if kind not in table:
        return []
    given = table[kind]
    if not isinstance(given, list) or not given:
        faults.add((kind,), f"{kind} must be a list of tables, each headed [[{kind}]], got {given!r}")
        return []
    tables: list[tuple[Place, dict[str, Any]]] = []
    for number, item in enumerate(given):
        place = (kind, number)
        if isinstance(item, str):
            try:
                name, text = _split(item, kind)
                item = {"name": name, **_assigned(text, f"{kind[:-1]} {name!r}")}
            except ZobenchError as fault:
                faults.add(place, fault)
                continue
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            faults.add(place, f"{kind}: each must have a name, got {item!r}")
        else:
            tables.append((place, item))
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


def _grid(table: Mapping[str, Any], who: str, place: Place, faults: Faults) -> Iterator[dict[str, Any]]:
    """Yield each choice of a table in which a list stands for each of its values."""
    values = {name: _listed(given) for name, given in table.items() if name not in ("name", "tune")}
    for name, listed in values.items():
        if not listed:
            faults.add((*place, name), f"{who}: {name} must not be an empty list")
    # without the empty ones: what else is wrong is told as well
    values = {name: listed for name, listed in values.items() if listed}
    count = prod(map(len, values.values()))
    if count > MOST:
        faults.add(place, f"{who}: a grid must have at most {MOST:,} points, got {count:,}")
        return
    for choice in product(*values.values()):
        yield dict(zip(values, choice, strict=True))


def _add(fault: Exception, who: str, place: Place, faults: Faults) -> None:
    """Note what was said of a problem or solver, each part at the line of the parameter it speaks of."""
    for number, part in enumerate(re.split(f"; {re.escape(who)}(?=: )", str(fault))):
        said = part if number == 0 else who + part
        found = re.match(r".*?: (?:a parameter must be .*, got '([^']*)'|(\w+)(?:\.\w+)? must)", said)
        name = next(filter(None, found.groups()), "name") if found else "name"
        faults.add((*place, name), said)


def _methods(
    tables: Sequence[tuple[Place, dict[str, Any]]], tuning: Settings | None, faults: Faults
) -> Iterator[_Method]:
    """Yield each solver by name with its complete parameters, or with its candidates."""
    from zobench.solver import solver

    sizes: dict[int, str] = {}
    for place, table in tables:
        name = table["name"]
        tried: list[dict[str, Any]] = [{}]
        who = f"solver {name!r}"
        searched = tuple(table["tune"]) if isinstance(table.get("tune"), dict) else ()
        if "tune" in table and tuning is None:
            faults.add((*place, "tune"), f"{who}: tune needs a table headed [tuning]")
        elif "tune" in table and tuning is not None:
            tried = candidates(name, table["tune"], tuning, (*place, "tune"), faults)
            sizes.setdefault(len(tried), name)
        for choice in _grid(table, who, place, faults):
            try:
                for twice in [key for key in searched if key in choice]:
                    raise ZobenchError(f"{who}: {twice} must be given or tuned, got both")
                made = [tuple(solver(name).choose({**choice, **more})._asdict().items()) for more in tried]
            except ZobenchError as fault:
                _add(fault, who, place, faults)
                continue
            if made:
                yield _Method(name, made[0], tuple(made) if searched else (), searched)
    if tuning is not None and not sizes:
        faults.add(("tuning",), "tuning: some solver must say what is tuned, as in tune.alpha0 = [0.1, 1]")
    sizes.pop(0, None)  # has been complained of
    if len(sizes) > 1 or (tuning is not None and tuning.trials and sizes and tuning.trials not in sizes):
        counts = ", ".join(f"{number} for {name!r}" for number, name in sizes.items())
        trials = f" and trials = {tuning.trials}" if tuning is not None and tuning.trials else ""
        faults.add(("tuning",), f"tuning: all solvers must try equally many settings, got {counts}{trials}")


def _instances(
    table: Mapping[str, Any], tables: Sequence[tuple[Place, dict[str, Any]]], faults: Faults
) -> Iterator[Any]:
    """Yield each instance."""
    from zobench.instance import NOISE, problem

    everywhere = _everywhere(table, faults)
    noises = _noises(table, faults) if "noise" in table else [{}]
    for place, item in tables:
        who = f"problem {item['name']!r}"
        own = {name: value for name, value in everywhere.items() if name not in item}
        if "noise" in table and any(name in item for name in NOISE):
            faults.add(place, f"{who}: noise must be given here or for all problems, got both")
        for choice in _grid({**own, **item}, who, place, faults):
            for noise in noises:
                given = {**choice, **noise}
                try:
                    yield problem(item["name"], given.pop("dim", None), given.pop("seed", 0), **given)
                except ZobenchError as fault:
                    _add(fault, who, place, faults)
                except Exception as error:  # a package from elsewhere, or a dimension beyond memory
                    faults.add(place, f"{who} cannot be made: {type(error).__name__}: {error}")


def _everywhere(table: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """Read dimensions and instances for all problems that do not say their own."""
    found: dict[str, Any] = {}
    for key, name, rule in (("dims", "dim", Integer(1)), ("instances", "seed", Integer(0))):
        if key not in table:
            continue
        given = table[key]
        try:
            if key == "instances" and not isinstance(given, list):
                found[name] = list(range(convert(given, Integer(1, 10**6), "instances, their number,")))
            else:
                found[name] = [convert(value, rule, key) for value in _listed(given)]
        except ZobenchError as fault:
            faults.add((key,), fault)
            continue
        if not found[name]:
            faults.add((key,), f"{key} must not be an empty list")
            del found[name]
    return found


def _noises(table: Mapping[str, Any], faults: Faults) -> list[dict[str, Any]]:
    """Read noise for all problems: texts as `zobench.noise.Noise` writes them, or tables."""
    from zobench.noise import noise_of

    found: list[dict[str, Any]] = []
    for number, given in enumerate(_listed(table["noise"])):
        place = ("noise", number)
        strange = [name for name in given if name not in _NOISE] if isinstance(given, dict) else []
        for name in strange:
            faults.add((*place, name), unknown("noise: a key", name, _NOISE))
        if isinstance(given, dict):
            made = {"noise": given.get("law")}
            made |= {f"noise_{name}": given[name] for name in _NOISE[1:] if name in given}
        else:
            made = {"noise": given}
        try:
            rest = {name: value for name, value in made.items() if name != "noise"}
            noise_of(made["noise"] if made["noise"] is not None else "", rest, "noise")
        except ZobenchError as fault:
            faults.add(place, fault)
            continue
        if not strange:
            found.append(made)
    if not _listed(table["noise"]):
        faults.add(("noise",), "noise must not be an empty list")
    return found or [{}]  # so that faults of the problems are told, too


def _keys_of(
    instance: Any, method: _Method, budgets: Sequence[Budget], seeds: Sequence[int], observe: bool
) -> Iterator["RunKey"]:
    from zobench.execute import key_of

    first = key_of(instance, method.name, budget=1, parameters=dict(method.parameters), observed=observe)
    for number, multiple in budgets:
        budget = _queries(number, multiple, instance.dim)
        for seed in seeds:
            yield replace(first, budget=budget, seed=seed)
