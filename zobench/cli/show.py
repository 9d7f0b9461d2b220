"""What ``zobench list`` and ``zobench show`` say: facts as plain data, and pages made of them."""

import inspect
import math
import sys
from collections.abc import Iterator
from typing import Any

from zobench.cli.output import columns, number
from zobench.cli.theorem_page import indented, theorem_facts, theorem_page, whole_theorem
from zobench.errors import ZobenchError, unknown
from zobench.parameters import describe, parse_assignments
from zobench.registry import KINDS, catalogue, families, find, split_problem

__all__ = ["LISTED", "facts_of", "list_facts", "list_text", "page"]

#: What can be listed.
LISTED = ("problems", "solvers", "theorems", "reports", "campaigns")


def list_facts(kind: str) -> list[dict[str, Any]]:
    """Give one dictionary for each registered object of a kind, each with at least a name.

    Parameters
    ----------
    kind : str
        One of `LISTED`.

    Returns
    -------
    list of dict

    Raises
    ------
    ZobenchError
        If there is no such kind.

    Examples
    --------
    >>> [fact["name"] for fact in list_facts("solvers") if fact["name"] == "s2p"]
    ['s2p']
    """
    if kind not in LISTED:
        raise unknown("what is listed", kind, LISTED)
    if kind == "theorems":
        from zobench.theorem import theorems

        return [theorem_facts(theorem, solver) for theorem, solver in theorems().values()]
    if kind == "campaigns":
        from zobench.campaign.named import campaign_facts

        return campaign_facts()
    if kind == "problems":
        return [*map(_listed, catalogue(kind).values()), *map(_family, families().values())]
    describe_one = {"solvers": _solver, "reports": _report}[kind]
    return [describe_one(item) for item in catalogue(kind).values()]


def list_text(kind: str) -> str:
    """Write the same as `list_facts` gives as a table.

    Parameters
    ----------
    kind : str
        One of `LISTED`.

    Returns
    -------
    str
        A line of heads, then one line for each object; more where a terminal is too narrow.

    Raises
    ------
    ZobenchError
        If there is no such kind.

    Examples
    --------
    >>> list_text("reports").splitlines()[0].split()
    ['report', 'summary']
    """
    facts = list_facts(kind)
    if kind == "theorems":
        rows = [[fact["name"], fact["solver"], fact["statement"].split("\n")[0]] for fact in facts]
        return columns(["theorem", "solver", "statement"], rows)
    if kind == "campaigns":
        return columns(["campaign", "description"], [[fact["name"], fact["description"]] for fact in facts])
    if kind == "problems":
        heads = ["problem", "dims", "class", "data", "source", "constants"]
        return columns(heads, [_row(fact) for fact in facts])
    return columns([KINDS[kind], "summary"], [[fact["name"], _what(fact)] for fact in facts])


def _what(fact: dict[str, Any]) -> str:
    return f"{fact['summary']}; {fact['missing']}" if fact.get("missing") else fact["summary"]


def _listed(problem: Any) -> dict[str, Any]:
    """Give the facts of a problem with those of its default instance."""
    from zobench.cli.listing import data_sets, default_facts

    return {**_problem(problem), **default_facts(problem), "data": data_sets(problem)}


def _row(fact: dict[str, Any]) -> list[str]:
    from zobench.cli.listing import short_source

    source = short_source(fact["source"])
    if fact["kind"] == "problem family":
        members = f"family {fact['pattern']}"
        return [fact["name"], fact["dims"], members, "-", source, fact["missing"] or "f_star"]
    dims = fact["dims"] if len(fact["dims"]) <= 22 else "set by parameters"
    if fact["dim"] and str(fact["dim"]) != dims:
        dims += f" ({fact['dim']})"
    sets = fact["data"][:2] + [f"+{len(fact['data']) - 2}"] * (len(fact["data"]) > 2)
    listed = [", ".join(words) or "-" for words in (fact["class"], sets, fact["constants"])]
    return [fact["name"], dims, *listed[:2], source, listed[2]]


def _problem(problem: Any) -> dict[str, Any]:
    return {
        "kind": "problem",
        "name": problem.name,
        "summary": problem.summary,
        "source": problem.source,
        "dims": problem.dims,
        "default_dim": problem.default_dim,
        "gradient": problem.gradient is not None,
        "stochastic": problem.sample is not None,
        "parameters": describe(problem.parameters),
    }


def _family(family: Any) -> dict[str, Any]:
    return {
        "kind": "problem family",
        "name": family.name,
        "summary": family.summary,
        "source": family.source,
        "dims": family.dims,
        "pattern": family.pattern,
        "example": family.example,
        "package": family.package,
        "missing": family.missing,
        "parameters": [],
        "definition": _definition(family.load),
    }


def _solver(solver: Any) -> dict[str, Any]:
    # of a method whose loop is another package's
    guest = {name: getattr(solver, name) for name in ("package", "missing") if hasattr(solver, name)}
    return {
        **guest,
        "kind": "solver",
        "name": solver.name,
        "summary": solver.summary,
        "source": solver.source,
        "parameters": describe(solver.parameters),
        "theorems": [theorem.name for theorem in solver.theorems],
    }


def _report(report: Any) -> dict[str, Any]:
    return {"kind": "report", "name": report.name, "summary": report.summary}


def facts_of(name: str) -> list[dict[str, Any]]:
    """Give everything known of a name; more than one dictionary if kinds share it.

    Parameters
    ----------
    name : str
        Of a problem, solver, theorem or report; a problem may be followed by ``:key=value,...`` to show the
        constants of that instance.

    Returns
    -------
    list of dict

    Raises
    ------
    ZobenchError
        With the nearest valid name.

    Examples
    --------
    >>> [facts] = facts_of("quadratic:dim=5")
    >>> facts["kind"], facts["instance"].split(",")[0]
    ('problem', 'quadratic:dim=5')
    >>> [fact["value"] for fact in facts["constants"] if fact["constant"] == "f_star"]
    [0.0]
    """
    from zobench.theorem import theorems

    (head, text), colon = split_problem(name), ":" in name
    known = {kind: catalogue(kind) for kind in KINDS}
    found: list[dict[str, Any]] = []
    if head in known["problems"]:
        found.append(_whole_problem(known["problems"][head], parse_assignments(text, f"problem {head!r}")))
    elif head in families():
        found.append(_family(families()[head]))
    elif colon:
        found.append(_whole_problem(find("problems", head), parse_assignments(text, f"problem {head!r}")))
    else:
        if head in known["solvers"]:
            solver = known["solvers"][head]
            found.append(
                {**_solver(solver), "definition": _definition(getattr(solver, "solve", solver.step))}
            )
        if head in theorems():
            found.append(whole_theorem(*theorems()[head]))
        if head in known["reports"]:
            report = known["reports"][head]
            found.append({**_report(report), "definition": _definition(report.draw)})
    if not found:
        names = [name for kind in known.values() for name in kind] + list(theorems())
        raise unknown("name (of a problem, solver, theorem or report)", name, names)
    return found


def _definition(function: Any) -> str:
    """Give the docstring of the file that defines an object, found by one of its functions."""
    module = sys.modules.get(function.__module__)
    return inspect.cleandoc(getattr(module, "__doc__", None) or "")


def _whole_problem(problem: Any, chosen: dict[str, str]) -> dict[str, Any]:
    from zobench.attacks.certify import LOOSE, tightness

    facts = {**_problem(problem), "definition": _definition(problem.make)}
    given: dict[str, Any] = dict(chosen)
    try:
        instance = problem.instance(given.pop("dim", None), given.pop("seed", 0), **given)
    except ZobenchError:
        if chosen:
            raise
        # a problem whose parameters have no defaults has no default instance
        return {**facts, "instance": None, "constants": []}
    facts["instance"] = instance.name
    facts["noise"] = None
    if instance.noise is not None:
        facts["noise"] = {"text": instance.noise.text, **instance.noise.facts._asdict()}
    facts["start_value"] = instance.value(instance.x0)
    if instance.manifold is not None:
        lowrank = instance.manifold
        facts["manifold"] = {name: getattr(lowrank, name) for name in ("rows", "columns", "rank", "dim")}
    measured = tightness(instance)
    facts["constants"] = [
        {
            "constant": certificate.constant,
            "value": certificate.value,
            "meaning": certificate.meaning,
            "definition": certificate.definition or None,
            "proof": certificate.proof,
            "exact": certificate.exact,
            "tightness": _finite(measured.get(certificate.constant)),
            "loose": measured.get(certificate.constant, 1.0) < LOOSE,
            "compared": [_compared(other, certificate.value) for other in certificate.compared],
        }
        for certificate in instance.certificates.values()
    ]
    return facts


def _compared(other: Any, certified: float) -> dict[str, Any]:
    """Give a value of the literature with its ratio to the certified one."""
    ratio = other.value / certified if certified else None
    return {**other._asdict(), "ratio": ratio}


def _beside(item: dict[str, Any]) -> Iterator[list[str]]:
    """Yield a row for each value of the literature that stands beside a certified constant."""
    for other in item["compared"]:
        value, ratio = other["value"], other["ratio"]
        times = "" if ratio is None else f", {_huge(ratio)} times ours"
        yield ["  beside", _huge(value), f"{other['label']}{times} ({other['source']})."]


def _huge(value: float) -> str:
    return number(value) if math.isfinite(value) else "> 1e308"


def _finite(ratio: float | None) -> float | None:
    return ratio if ratio is not None and math.isfinite(ratio) else None


def page(facts: dict[str, Any]) -> str:
    """Write what is known of one object as a page of text.

    Parameters
    ----------
    facts : dict
        One of those that `facts_of` gives.

    Returns
    -------
    str
        Paragraphs with an empty line between them.

    Examples
    --------
    >>> [facts] = facts_of("pairs")
    >>> print(page({**facts, "definition": ""}))
    pairs: report, Paired comparisons with the leading solver
    """
    parts = [f"{facts['name']}: {facts['kind']}"]
    if facts.get("summary"):
        parts[0] += f", {facts['summary']}"
    if facts.get("definition"):
        parts.append(facts["definition"])
    parts += list(_PAGES.get(facts["kind"], _no_more)(facts))
    if facts.get("parameters"):
        rows = [[item["name"], _default(item["default"]), item["must_be"]] for item in facts["parameters"]]
        parts.append("Parameters\n" + indented(columns(["name", "default", "must be"], rows)))
    if facts.get("theorems"):
        parts.append("Theorems\n" + indented("\n".join(facts["theorems"])))
    if facts.get("source"):
        parts.append(f"Reference\n  {facts['source']}")
    return "\n\n".join(parts)


def _no_more(facts: dict[str, Any]) -> Iterator[str]:
    yield from ()


def _problem_page(facts: dict[str, Any]) -> Iterator[str]:
    default = "given by the parameters" if facts["default_dim"] is None else str(facts["default_dim"])
    yield f"Dimension\n  {facts['dims']}; default {default}"
    if facts["instance"] is None:
        yield "Constants\n  Parameters must be given: zobench show NAME:key=value,..."
        return
    if "manifold" in facts:
        shape = "{rows} x {columns} of rank at most {rank}, {dim} degrees of freedom".format(
            **facts["manifold"]
        )
        yield f"Manifold\n  x is a matrix, row by row: {shape}; the start is declared in factors"
    rows = []
    for item in facts["constants"]:
        marks = ([] if item["exact"] else ["bound"]) + (["loose"] if item["loose"] else [])
        sign = f" ({', '.join(marks)})" if marks else ""
        near = (
            f"  Loose: a short attack finds the tightness {item['tightness']:.2g}." if item["loose"] else ""
        )
        said = f"{item['meaning']}.  {item['proof']}{near}"
        rows.append([item["constant"], number(item["value"]) + sign, said])
        rows += _beside(item)
    title = f"Constants of {facts['instance']}, where f(x0) = {number(facts['start_value'])}"
    table = columns(["constant", "value", "meaning and proof"], rows) if rows else "none is proved"
    if rows and all(item["tightness"] is None for item in facts["constants"]):
        table += "\nNo short attack was made, so none is judged loose or tight."
    yield f"{title}\n{indented(table)}"
    yield from _noise_page(facts)


def _family_page(facts: dict[str, Any]) -> Iterator[str]:
    yield f"Members\n  {facts['pattern']}, such as {facts['example']}; dimensions: {facts['dims']}"
    yield _package_line(facts)


def _noise_page(facts: dict[str, Any]) -> Iterator[str]:
    from zobench.noise import LAWS

    laws = columns(["noise", "an answer"], [[law, does] for law, does in LAWS.items()])
    more = "with noise_level; noise_degrees of heavy-tailed (3); noise_mode=independent or common"
    yield f"Noise over any problem\n{indented(laws)}\n  {more}"
    if facts["noise"]:
        known = {name: value for name, value in facts["noise"].items() if name != "text"}
        words = [f"{name.replace('_', ' ')} {_default(value)}" for name, value in known.items()]
        yield f"This noise: {facts['noise']['text']}\n  {', '.join(words)}"


def _solver_page(facts: dict[str, Any]) -> Iterator[str]:
    if "package" in facts:
        yield _package_line(facts)


def _package_line(facts: dict[str, Any]) -> str:
    return f"Package\n  {facts['missing'] or facts['package'] + ' is installed'}"


_PAGES = {
    "problem": _problem_page,
    "solver": _solver_page,
    "theorem": theorem_page,
    "problem family": _family_page,
}


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "certified" if value != value else f"{value:g}"
    return "(none)" if value is None else str(value)
