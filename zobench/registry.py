"""The catalogue: problems, solvers and reports found through entry points."""

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from zobench.errors import ZobenchError, unknown

__all__ = ["KINDS", "catalogue", "families", "faults", "find", "from_elsewhere", "split_problem"]

#: The three kinds and the name of the object that a module of each defines.
KINDS = {"problems": "problem", "solvers": "solver", "reports": "report"}


def _package(entry: EntryPoint) -> Any:
    """Import the package that an entry point names.

    A checkout's folder ``zobench/`` in the current directory hides an installed zobench and has no
    ``problems`` in it.  Only that case gets the explanation; a missing third library keeps its own.
    """
    try:
        return import_module(entry.value)
    except ModuleNotFoundError as error:
        beside = Path(__file__).resolve().parent.parent / "pyproject.toml"
        if error.name != entry.value or not beside.is_file():
            raise
        raise ZobenchError(
            f"cannot import {entry.value!r}, which zobench advertises.  If Python runs in a checkout of "
            "zobench, the folder zobench/ hides the installed package: `pip install -e .`, or run "
            "`zobench` or `python -P`."
        ) from None


@cache
def catalogue(kind: str) -> dict[str, Any]:
    """Give every registered object of a kind, by name.

    Parameters
    ----------
    kind : {"problems", "solvers", "reports"}
        What to list.

    Returns
    -------
    dict of str to object
        Sorted by name; built-in ones come in by the same door as a stranger's.

    Raises
    ------
    ZobenchError
        If two modules define the same name, or a module lacks the object.

    Examples
    --------
    >>> sorted(catalogue("solvers"))[:3]
    ['accelerated-random-gradient-free', 'cma-es', 'cobyla']
    """
    return {name: item for name, item in _registered(kind).items() if not _is_family(item)}


@cache
def families() -> dict[str, Any]:
    """Give the families of problems (`zobench.family`), by name: what may stand before a colon.

    Returns
    -------
    dict of str to Family

    Examples
    --------
    >>> "coco" in families()
    True
    """
    return {name: item for name, item in _registered("problems").items() if _is_family(item)}


#: Modules that define no object of their kind, and why; filled when a catalogue is made.
_FAULTS: dict[str, dict[str, str]] = {}


def _is_family(item: Any) -> bool:
    return hasattr(item, "member")


def _registered(kind: str) -> dict[str, Any]:
    attribute = KINDS[kind]
    found: dict[str, Any] = {}
    homes: dict[str, str] = {}
    left_out = _FAULTS[kind] = {}
    for entry in sorted(entry_points(group=f"zobench.{kind}"), key=lambda entry: entry.value):
        package = _package(entry)
        names = [module.name for module in pkgutil.iter_modules(package.__path__)]
        for name in sorted(name for name in names if not name.startswith("_")):
            home = f"{entry.value}.{name}"
            try:
                item = getattr(import_module(home), attribute)
            except Exception as error:  # one bad file must not take the others with it
                left_out[home] = (
                    f"must define {attribute!r}, and does not"
                    if isinstance(error, AttributeError) and error.name == attribute
                    else f"cannot be imported: {type(error).__name__}: {error}"
                )
                continue
            if item.name in found:
                raise ZobenchError(
                    f"{attribute} {item.name!r} is defined twice, in {homes[item.name]} and {home}"
                )
            found[item.name], homes[item.name] = item, home
    return dict(sorted(found.items()))


@cache
def _only_package(kind: str) -> str | None:
    """Name the package of a kind; None if there are several.  Asking reads the files of all packages."""
    entries = list(entry_points(group=f"zobench.{kind}"))
    return _package(entries[0]).__name__ if len(entries) == 1 else None


@cache
def _at_home(kind: str, name: str) -> Any:
    """Give what the one package of a kind defines in the module of that name; None: look through all.

    Importing one module takes a hundredth of the time that importing all does.
    """
    home, slug = _only_package(kind), name.replace("-", "_")
    if home is None or not slug.isidentifier() or slug.startswith("_"):
        return None
    try:
        item = getattr(import_module(f"{home}.{slug}"), KINDS[kind])
    except Exception:  # whatever is wrong with it is said by whoever looks through all
        return None
    return item if item.name == name else None


def find(kind: str, name: str) -> Any:
    """Give the registered object of that name, or complain with the nearest valid one.

    Parameters
    ----------
    kind : {"problems", "solvers", "reports"}
    name : str

    Returns
    -------
    object

    Raises
    ------
    ZobenchError
        If there is none of that name.

    Examples
    --------
    >>> find("solvers", "s2p").name
    's2p'
    """
    item = _at_home(kind, name)
    if item is not None and not _is_family(item):
        return item
    known = catalogue(kind)
    if name in known:
        return known[name]
    head, _, rest = name.partition(":")
    if kind == "problems" and head in families():
        return families()[head].member(rest)
    for home, fault in _FAULTS.get(kind, {}).items():
        if home.rpartition(".")[2] == name.replace("-", "_"):
            raise ZobenchError(f"module {home!r} {fault}")
    raise unknown(KINDS[kind], name, [*known, *(families() if kind == "problems" else ())])


def from_elsewhere(kind: str, name: str) -> bool:
    """Say whether the code of a problem or solver comes from another package; False if there is no such.

    Parameters
    ----------
    kind : {"problems", "solvers"}
    name : str

    Returns
    -------
    bool

    Examples
    --------
    >>> from_elsewhere("solvers", "s2p")
    False
    """
    try:
        item = find(kind, name)
    except ZobenchError:
        return False
    made = item.make if kind == "problems" else item.step
    return not made.__module__.startswith("zobench.")


def faults() -> dict[str, str]:
    """Say of each module that was left out of the catalogue why.

    Returns
    -------
    dict of str to str
        Reasons by module.

    Examples
    --------
    >>> isinstance(faults(), dict)
    True
    """
    return {home: fault for kind in _FAULTS.values() for home, fault in kind.items()}


def split_problem(text: str) -> tuple[str, str]:
    """Split ``name:key=value,...`` into a problem's name and its assignments.

    Parameters
    ----------
    text : str

    Returns
    -------
    str, str

    Raises
    ------
    ZobenchError
        If a family is named without a member.

    Examples
    --------
    >>> split_problem("quadratic:dim=3"), split_problem("coco:bbob_f001_i01_d10:noise=failure")
    (('quadratic', 'dim=3'), ('coco:bbob_f001_i01_d10', 'noise=failure'))
    """
    head, colon, rest = (part.strip() for part in text.partition(":"))
    home = _at_home("problems", head)
    if home is not None and not _is_family(home):
        return head, rest
    if not colon or head not in families():
        if colon and head not in catalogue("problems"):
            raise unknown("problem", head, [*catalogue("problems"), *families()])
        return head, rest
    member, _, rest = (part.strip() for part in rest.partition(":"))
    return f"{head}:{member}", rest
