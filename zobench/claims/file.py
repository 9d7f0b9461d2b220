"""Claims in a campaign's file.

::

    [[claims]]
    says = "VS2P reaches a tenth of the start's gap with fewer queries than MeZO"
    source = "Pang and Zhou, arXiv 2402.01621"
    recalled = false                # true: the source was recalled and not read
    kind = "faster"                 # one of `zobench.claims.claim.KINDS`
    solver = "vs2p"                 # "name:key=value,..."
    than = ["mezo", "stp"]          # faster, lower
    target = 0.1                    # a relative gap; linear takes three of them
    on = { problem = ["mlp", "softmax-*"] }     # as in [[include]]
    above = 1.0                     # what the number must lie between
    below = 3.0

    [[claims]]
    says = "queries grow like the dimension"
    kind = "slope"
    solver = "riemannian-zo"
    gap = { times = 0.005, condition = -2 }     # an absolute gap: 0.005 / condition^2
    against = { degrees = 1 }       # the factor: parameters, dim, certificates, degrees = r (m + n - r)
    above = 0.9
    below = 1.1
    # of = "final gap"              # of the gap at the end instead of queries
    # at = "iterates"             # gaps of the iterates at checkpoints instead of those of queries
    # certain = true                # nothing in these runs is random: every run decides by itself
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zobench.campaign.lines import Faults, Place
from zobench.campaign.rules import kept
from zobench.claims.claim import KINDS, Claim
from zobench.errors import ZobenchError, unknown
from zobench.parameters import Choice, Real, convert, parse_assignments

if TYPE_CHECKING:
    from zobench.trace import RunKey

__all__ = ["claims_of", "selected"]

_KEYS = (
    "says", "source", "recalled", "kind", "solver", "than", "target", "gap", "against", "of", "at", "on",
    "above", "below", "certain",
)  # fmt: skip
#: What a kind needs, and what it may have besides says, source, recalled, kind, solver, on, above, below.
_NEEDS = {
    "faster": ("than", "target"),
    "lower": ("than",),
    "final": (),
    "linear": ("target",),
    "slope": ("against",),
}
_MAY = {"faster": ("gap", "at"), "final": ("certain",), "slope": ("target", "gap", "of", "at")}


def selected(word: str) -> tuple[str, dict[str, Any]]:
    """Read ``name:key=value,...`` as a solver's name and the parameters that it says.

    Parameters
    ----------
    word : str

    Returns
    -------
    (str, dict)
        The values are of the parameters' types.

    Raises
    ------
    ZobenchError
        If there is no such solver, or it has no such parameter or value.

    Examples
    --------
    >>> selected("spsa:probes=4")
    ('spsa', {'probes': 4})
    """
    from zobench.solver import solver

    name, _, text = word.partition(":")
    given = parse_assignments(text, f"solver {name!r}") if text else {}
    chosen = solver(name.strip()).choose(given)._asdict()
    return name.strip(), {key: chosen[key] for key in given}


def claims_of(table: Mapping[str, Any], keys: Sequence["RunKey"], faults: Faults) -> tuple[Claim, ...]:
    """Read the claims of a campaign's table, complaining of every fault.

    Parameters
    ----------
    table : mapping
        As a campaign's file says it; claims are under ``"claims"``.
    keys : sequence of RunKey
        The campaign's runs, those with tuned parameters at any value.
    faults : Faults
        Takes what is wrong with the claims.

    Returns
    -------
    tuple of Claim
        Those without a fault.

    Examples
    --------
    >>> from zobench.execute import key_of
    >>> keys = [key_of("quadratic", solver, budget=100) for solver in ("s2p", "stp")]
    >>> claim = {"says": "S2P beats STP", "kind": "faster", "solver": "s2p", "than": "stp", "target": 0.1}
    >>> [found] = claims_of({"claims": [claim]}, keys, Faults("run"))
    >>> found.targets, found.above, found.below
    ((0.1,), 1.0, inf)
    >>> faults = Faults("run")
    >>> claims_of({"claims": [{**claim, "than": "mezo"}]}, keys, faults)
    ()
    >>> faults.text()
    "run: claims: than must be one of s2p, stp, got 'mezo'"
    """
    given = table.get("claims", [])
    if not isinstance(given, list) or not all(isinstance(item, Mapping) for item in given):
        faults.add(("claims",), f"claims must be a list of tables, each headed [[claims]], got {given!r}")
        return ()
    found = []
    for number, item in enumerate(given):
        before = len(faults.found)
        claim = _claim(item, ("claims", number), keys, faults)
        if claim is not None and len(faults.found) == before:
            found.append(claim)
    return tuple(found)


def _claim(item: Mapping[str, Any], place: Place, keys: Sequence["RunKey"], faults: Faults) -> Claim | None:
    for key in item:
        if key not in _KEYS:
            faults.add((*place, key), unknown("claims: a key", key, _KEYS))
    for key in ("says", "kind", "solver"):
        if not isinstance(item.get(key), str):
            faults.add((*place, key), f"claims: {key} must be text, got {item.get(key)!r}")
            return None
    kind = item["kind"]
    if kind not in KINDS:
        faults.add((*place, "kind"), unknown("claims: a kind", kind, KINDS))
        return None
    _fitting(item, kind, place, faults)
    than = item.get("than", [])
    than = (than,) if isinstance(than, str) else tuple(map(str, than)) if isinstance(than, list) else ()
    claim = Claim(
        item["says"],
        kind,
        item["solver"],
        str(item.get("source", "")),
        item.get("recalled") is True,
        than,
        _targets(item, kind, place, faults),
        _powers(item, "gap", place, faults),
        _powers(item, "against", place, faults),
        _read(item, "of", "queries", Choice("queries", "final gap"), place, faults),
        _read(item, "at", "queries", Choice("queries", "iterates"), place, faults),
        item.get("on", {}),
        _read(item, "above", KINDS[kind][0], Real(), place, faults),
        _read(item, "below", KINDS[kind][1], Real(), place, faults),
        item.get("certain") is True,
    )
    if claim.above >= claim.below:
        said = f"claims: above must be less than below, got {claim.above:g} and {claim.below:g}"
        faults.add((*place, "above"), said)
    _solvers(claim, place, keys, faults)
    return claim


def _fitting(item: Mapping[str, Any], kind: str, place: Place, faults: Faults) -> None:
    """Complain of what a kind lacks, or has no use for."""
    needs = list(_NEEDS[kind])
    if "gap" in item and "target" in needs:
        needs.remove("target")
    for key in needs:
        if key not in item:
            faults.add(place, f"claims: {key} must be given for kind {kind!r}")
    if "gap" in item and "target" in item:
        faults.add((*place, "gap"), "claims: target or gap must be given, got both")
    of_queries = kind == "slope" and item.get("of", "queries") == "queries"
    if of_queries and "target" not in item and "gap" not in item:
        faults.add(place, "claims: target or gap must be given for a slope of queries")
    if kind in ("slope", "final") and "above" not in item and "below" not in item:
        faults.add(place, f"claims: above or below must be given for kind {kind!r}")
    for key in ("than", "target", "gap", "against", "of", "at", "certain"):
        if key in item and key not in _NEEDS[kind] and key not in _MAY.get(kind, ()):
            faults.add((*place, key), f"claims: kind {kind!r} has no {key}")


def _read(item: Mapping[str, Any], name: str, default: Any, rule: Any, place: Place, faults: Faults) -> Any:
    try:
        return convert(item[name], rule, f"claims: {name}") if name in item else default
    except ZobenchError as fault:
        faults.add((*place, name), fault)
        return default


def _targets(item: Mapping[str, Any], kind: str, place: Place, faults: Faults) -> tuple[float, ...]:
    given = item.get("target", [])
    given = given if isinstance(given, list) else [given]
    try:
        targets = tuple(convert(value, Real(0.0, 1.0, open=True), "claims: a target") for value in given)
    except ZobenchError as fault:
        faults.add((*place, "target"), fault)
        return ()
    count = 3 if kind == "linear" else 1
    if targets and (len(targets) != count or list(targets) != sorted(targets, reverse=True)):
        words = "three falling relative gaps" if count == 3 else "one relative gap"
        faults.add((*place, "target"), f"claims: target must be {words} for kind {kind!r}, got {given}")
    return targets


def _powers(item: Mapping[str, Any], name: str, place: Place, faults: Faults) -> dict[str, float]:
    given = item.get(name, {})
    if isinstance(given, str):
        return {given: 1.0}
    numbers = isinstance(given, Mapping) and all(
        isinstance(power, (int, float)) and not isinstance(power, bool) for power in given.values()
    )
    if not numbers or (name in item and not given):
        faults.add(
            (*place, name),
            f"claims: {name} must say powers of facts, as in {{condition = -2}}, got {given!r}",
        )
        return {}
    return {key: float(power) for key, power in given.items()}


def _solvers(claim: Claim, place: Place, keys: Sequence["RunKey"], faults: Faults) -> None:
    """Complain of solvers that the claim's runs do not have, and of a rule that matches no run."""
    own = Faults(faults.who)
    mine = kept(keys, [claim.on] if claim.on else [], [], own)
    for _, said in own.found:
        faults.add((*place, "on"), said.replace("include", "claims: on"))
    if own.found or not keys:
        return
    there = {key.solver for key, keep in zip(keys, mine, strict=True) if keep}
    for name, word in (("solver", claim.solver), *(("than", word) for word in claim.than)):
        try:
            solver_name, _ = selected(word)
        except ZobenchError as fault:
            faults.add((*place, name), f"claims: {fault}")
            continue
        if solver_name not in there:
            faults.add((*place, name), unknown(f"claims: {name}", solver_name, there))
