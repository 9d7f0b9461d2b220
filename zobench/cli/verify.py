"""The verb ``verify``: theorems against runs, in a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zobench.cli.output import columns, emit, emit_json, number, progress_bar
from zobench.errors import ZobenchError
from zobench.parallel.workers import one_thread

if TYPE_CHECKING:
    from zobench.store.database import Store

__all__ = ["verify_verb"]

#: A tightness below this means that the check has almost no power.
NO_POWER = 0.1


def verify_verb(
    names: tuple[str, ...],
    everything: bool,
    quick: bool,
    slopes: bool,
    on: str | None,
    stored: bool,
    workers: str | None,
    first_seed: str,
    path: str,
    as_json: bool,
) -> int:
    """Do what ``zobench verify`` asks; answer the exit code.

    Parameters
    ----------
    names : tuple of str
        Theorems; without one, all of them.
    everything, quick : bool
        Every cell and the exponents, or only the cells that take seconds.
    slopes : bool
        The exponents in K, d, eps, r instead of the cells.
    on : str or None
        ``name:key=value,...``: the one problem to try the theorems on.
    stored : bool
        Tell the verdicts that the store has; run nothing.
    workers : str or None
        Number of processes; if not given, one a processor.
    first_seed : str
        Other seeds repeat the verdicts on fresh runs.
    path : str
        Of the store that takes the verdicts.
    as_json : bool

    Returns
    -------
    int
        0; 1 if a theorem is refuted.

    Raises
    ------
    ZobenchError
        If there is no such theorem, flags contradict each other, or with `stored` the store has no verdict.

    Examples
    --------
    >>> import io, json, tempfile
    >>> from contextlib import redirect_stdout
    >>> flags = dict.fromkeys("everything quick slopes stored".split(), False)
    >>> with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
    ...     code = verify_verb(
    ...         ("s2p-smooth-stationary",),
    ...         **flags,
    ...         on="quadratic:dim=2",
    ...         workers="1",
    ...         first_seed="0",
    ...         path=f"{folder}/verdicts.sqlite",
    ...         as_json=True,
    ...     )
    >>> [fact] = json.loads(said.getvalue())
    >>> code, fact["verdict"] != "refuted", 0.9 < fact["tightness"] < 1.1
    (0, True, True)
    """
    from zobench.parallel.pool import processors
    from zobench.parameters import Integer, convert
    from zobench.store.database import Store
    from zobench.theorem import find_theorem

    one_thread()
    for name in names:  # before a store is made
        find_theorem(name)
    count = processors() if workers is None else convert(workers, Integer(1), "verify: workers")
    seed = convert(first_seed, Integer(0), "verify: first-seed")
    if quick and everything:
        raise ZobenchError("verify: either --all or --quick must be given, got both")
    if stored:
        with Store(path, "read") as store:
            facts = _stored(store, names, path)
    else:
        from zobench.verdict.verification import chosen_jobs, verify

        options: dict[str, Any] = {"quick": quick, "all": everything, "slopes": slopes, "on": on or ""}
        chosen_jobs(list(names), **options)  # what cannot be done is said before a store is made
        with Store(path) as store, progress_bar() as progress:
            verdicts = verify(
                list(names), **options, first_seed=seed, workers=count, store=store, progress=progress
            )
        facts = [verdict.as_dict() for verdict in verdicts]
    if as_json:
        emit_json(facts)
    else:
        _tell(facts, path)
    return int(any(fact["verdict"] == "refuted" for fact in facts))


def _stored(store: "Store", names: tuple[str, ...], path: str) -> list[dict[str, Any]]:
    """Give the verdicts that a store has."""
    facts: list[dict[str, Any]] = store.verdicts().to_dict("records")
    for name in names or ("",):
        if not any(name in ("", fact["theorem"]) for fact in facts):
            of, what = (f" of theorem {name!r}", f" {name}") if name else ("", "")
            raise ZobenchError(
                f"store {path!r} has no verdict{of}; `zobench verify{what} --store {path}` makes one"
            )
    return [fact for fact in facts if not names or fact["theorem"] in names]


def _tell(facts: list[dict[str, Any]], path: str) -> None:
    cells = [fact for fact in facts if fact["relation"] != "slope"]
    slopes = [fact for fact in facts if fact["relation"] == "slope"]
    if cells:
        emit(_table(cells))
    if slopes:
        emit(("\n" if cells else "") + _exponents(slopes))
    counts = [
        f"{sum(fact['verdict'] == verdict for fact in facts)} {verdict}"
        for verdict in ("supported", "not refuted", "inconclusive", "refuted")
    ]
    emit(f"{len(facts)} verdicts: {', '.join(counts)}; store {Path(path)}")


def _table(facts: list[dict[str, Any]]) -> str:
    heads = ["theorem", "instance", "law", "steps", "seeds", "bound", "measured", "tightness", "verdict"]
    rows = []
    for fact in facts:
        weak = fact["tightness"] < NO_POWER and fact["verdict"] != "refuted" and fact["relation"] == "<="
        rows.append(
            [
                fact["theorem"],
                fact["instance"],
                fact.get("law", ""),
                number(fact["steps"]),
                str(fact["seeds"]),
                number(fact["bound"]),
                number(fact["mean"]),
                number(fact["tightness"]),
                fact["verdict"] + (", no power" if weak else ""),
            ]
        )
    return columns(heads, rows, right=(3, 4, 5, 6, 7))


def _exponents(facts: list[dict[str, Any]]) -> str:
    heads = [
        "theorem",
        "instance",
        "seeds",
        "expected",
        "fitted",
        "95 % interval",
        "tightness",
        "verdict",
        "",
    ]
    rows = [
        [
            fact["theorem"],
            fact["instance"],
            str(fact["seeds"]),
            f"{fact['bound']:.2f}",
            f"{fact['mean']:.3f}",
            f"{fact['ci_low']:.3f} to {fact['ci_high']:.3f}",
            number(fact["tightness"]),
            fact["verdict"],
            fact["note"],
        ]
        for fact in facts
    ]
    return columns(heads, rows, right=(2, 3, 4, 5, 6))
