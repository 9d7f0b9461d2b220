"""Pages made of the registry, of docstrings and of the command line, before Sphinx reads its sources.

They are written into ``docs/generated``, which is in no commit; a page that has not changed is left alone,
so that only what changed is built anew.
"""

import inspect
import json
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from docstrings import restructured
from pictures import Picture, draw_all, home_of
from sphinx.application import Sphinx
from theorem_boxes import cited
from verdicts import Standing, badge, code_time, standings, stored, told

__all__ = ["api_pages", "pages", "problem_page", "setup", "solver_page", "theorem_table", "write"]

ROOT = Path(__file__).resolve().parents[2]
Standings = Mapping[str, Standing]


def problem_page(problem: Any, picture: Picture | None = None) -> str:
    """Write the page of a problem.

    Parameters
    ----------
    problem : Problem
    picture : Picture, optional

    Returns
    -------
    str
        Markdown.
    """
    parts = [_head(problem), _shown(picture, problem.name), *_definition(problem)]
    default = "set by the parameters" if problem.default_dim is None else f"default {problem.default_dim}"
    parts.append(f"## Dimension\n\n{cited(problem.dims)}; {default}.")
    parts += [_constants(problem), *_parameters(problem)]
    kernels = {"objective": problem.objective, "gradient": problem.gradient, "sample": problem.sample}
    parts += _code({name: kernel for name, kernel in kernels.items() if kernel is not None})
    parts.append(_try(f"zobench show {problem.name}", f"zobench run -p {problem.name} -s s2p --budget 2000"))
    return _page(parts)


def family_page(family: Any) -> str:
    """Write the page of a family of problems that another package computes."""
    members = (
        f"## Members\n\nA member is written `{family.pattern}`, such as `{family.example}`; dimensions: "
        f"{cited(family.dims)}. They need the package `{family.package}` (extra `peers`)."
    )
    return _page([_head(family), *_definition(family), members, _try(f"zobench show {family.example}")])


def solver_page(solver: Any, picture: Picture | None = None, found: Standings | None = None) -> str:
    """Write the page of a solver.

    Parameters
    ----------
    solver : Solver
    picture : Picture, optional
    found : mapping of str to Standing, optional
        How its theorems stand.

    Returns
    -------
    str
        Markdown.
    """
    parts = [_head(solver), _shown(picture, solver.name), *_definition(solver), *_parameters(solver)]
    if solver.theorems:
        places, known = theorem_places(), found or {}
        rows = [
            (_linked(theorem.name, places), badge(known.get(theorem.name))) for theorem in solver.theorems
        ]
        parts.append(f"## Theorems\n\n{_table(('theorem', 'last verify'), rows)}")
    kernels = {name: getattr(solver, name, None) for name in ("init", "step", "solve")}
    parts += _code({name: kernel for name, kernel in kernels.items() if kernel is not None})
    parts.append(_try(f"zobench show {solver.name}", f"zobench check {solver.name}"))
    return _page(parts)


def theorem_places() -> dict[str, str]:
    """Say in which page of the theory each theorem has its section."""
    found = {}
    for path in sorted((ROOT / "docs" / "theory").glob("*.md")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("```{theorem} "):
                found[line.split()[1]] = f"/theory/{path.name}"
    return found


def theorem_table(found: Standings | None = None) -> str:
    """Write the page that lists every theorem with the verdict of the last verify."""
    from zobench import __version__
    from zobench.theorem import theorems

    places, known = theorem_places(), found or {}
    rows = [
        (
            _linked(name, places),
            f"[{solver.name}](/generated/solvers/{solver.name}.md)",
            badge(known.get(name)),
        )
        for name, (_, solver) in theorems().items()
    ]
    said = told(known, list(theorems()), __version__)
    return _page(["# All theorems", said, _table(("theorem", "solver", "last verify"), rows)])


def _linked(theorem: str, places: Mapping[str, str]) -> str:
    return f"[{theorem}]({places[theorem]}#{theorem})"


def api_pages() -> dict[str, str]:
    """Write one page for each public module of the core, by name.

    Examples
    --------
    >>> "zobench.oracle" in api_pages()
    True
    """
    found = {}
    for name in ["zobench", *_modules("zobench")]:
        module = import_module(name)
        if getattr(module, "__all__", None):
            options = "   :members:\n   :imported-members:\n" if name == "zobench" else "   :members:\n"
            found[name] = f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n{options}```\n"
    return found


def _modules(package: str) -> Iterator[str]:
    for found in pkgutil.iter_modules(import_module(package).__path__):
        name = f"{package}.{found.name}"
        if found.name.startswith("_") or found.name in ("problems", "solvers", "reports"):
            continue
        yield name
        if found.ispkg:
            yield from _modules(name)


def pages(
    pictures: dict[tuple[str, str], Picture] | None = None, standing: Standings | None = None
) -> dict[str, str]:
    """Give every generated page by its path in ``docs/generated``.

    Parameters
    ----------
    pictures : mapping of (kind, name) to Picture, optional
    standing : mapping of str to Standing, optional
        How the theorems stand.

    Returns
    -------
    dict of str to str
    """
    from zobench.registry import catalogue, families

    drawn = pictures or {}
    found = {"theorems.md": theorem_table(standing)}
    for name, problem in catalogue("problems").items():
        found[f"problems/{name}.md"] = problem_page(problem, drawn.get(("problem", name)))
    for name, family in families().items():
        found[f"problems/{name}.md"] = family_page(family)
    for name, solver in catalogue("solvers").items():
        found[f"solvers/{name}.md"] = solver_page(solver, drawn.get(("solver", name)), standing)
    for name, report in catalogue("reports").items():
        found[f"reports/{name}.md"] = _page([_head(report), *_definition(report)])
    found |= {f"api/{name}.md": text for name, text in api_pages().items()}
    for folder in ("problems", "solvers", "reports", "api"):
        names = sorted(Path(path).stem for path in found if path.startswith(f"{folder}/"))
        if folder == "api":
            names = [
                path.removeprefix("api/").removesuffix(".md") for path in found if path.startswith("api/")
            ]
        found[f"{folder}.md"] = _index(folder, names)
    return found


def _index(folder: str, names: list[str]) -> str:
    title = {"api": "API"}.get(folder, folder.capitalize())
    entries = "\n".join(f"{folder}/{name}" for name in names)
    return f"# {title}\n\n```{{toctree}}\n:maxdepth: 1\n\n{entries}\n```\n"


def _head(item: Any) -> str:
    summary = item.summary[0].upper() + item.summary[1:]
    source = f"\n\nSource: {cited(item.source)}." if getattr(item, "source", "") else ""
    return f"# {item.name}\n\n{cited(summary)}.{source}".replace("..", ".")


def _shown(picture: Picture | None, name: str) -> str:
    if picture is None:
        return ""
    if not picture.file:
        return cited(picture.said)
    head = f":::{{figure}} /generated/pictures/{picture.file}\n:alt: {picture.said}"
    return f"{head}\n\n{cited(picture.said)}.\n:::"


def _definition(item: Any) -> list[str]:
    """Give the docstring of the file that defines an object, without the line that the page begins with."""
    home = getattr(item, "draw", None)
    module = import_module(home.__module__ if home is not None else home_of(item))
    lines = restructured(inspect.cleandoc(module.__doc__ or "").splitlines())
    text = "\n".join(lines)
    return [f"## Definition\n\n```{{eval-rst}}\n{text}\n```"] if text else []


def _constants(problem: Any) -> str:
    from zobench.errors import ZobenchError

    try:
        instance = problem.instance()
    except ZobenchError:
        return f"## Constants\n\nParameters must be given: `zobench show {problem.name}:key=value,...`."
    rows = [
        (
            f"`{item.constant}`",
            f"{item.value:.4g}" + ("" if item.exact else " (bound)"),
            f"{cited(item.meaning)}. *{cited(item.proof)}*",
        )
        for item in instance.certificates.values()
    ]
    if not rows:
        return "## Constants\n\nNone is proved."
    said = f"Of `{instance.name}`. Each is attacked by the tests; the proof is in italics."
    return f"## Constants\n\n{said}\n\n{_table(('constant', 'value', 'meaning and proof'), rows)}"


def _parameters(item: Any) -> list[str]:
    from zobench.parameters import describe

    rows = [
        (f"`{fact['name']}`", f"`{_default(fact['default'])}`", cited(fact["must_be"]))
        for fact in describe(item.parameters)
    ]
    return [f"## Parameters\n\n{_table(('name', 'default', 'must be'), rows)}"] if rows else []


def _default(value: Any) -> str:
    if value is None:
        return "(none)"
    return "certified" if value != value else f"{value:g}" if isinstance(value, float) else str(value)


def _code(kernels: dict[str, Any]) -> list[str]:
    """Show the source lines of the kernels, each with its place."""
    blocks = []
    for kernel in kernels.values():
        try:
            lines, first = inspect.getsourcelines(kernel)
            file = inspect.getsourcefile(kernel)
        except (OSError, TypeError):
            continue
        place = Path(file or "").resolve()
        name = place.relative_to(ROOT) if place.is_relative_to(ROOT) else place.name
        blocks.append(
            f"```{{code-block}} python\n:caption: {name}, lines {first} to {first + len(lines) - 1}\n\n"
            + inspect.cleandoc("\n" + "".join(lines))
            + "\n```"
        )
    return ["## Code\n\n" + "\n\n".join(blocks)] if blocks else []


def _try(*commands: str) -> str:
    return "## Try it\n\n```sh\n" + "\n".join(commands) + "\n```"


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _page(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def write(folder: Path, wanted: dict[str, str]) -> None:
    """Write pages that have changed, and take away those that are no longer wanted."""
    for path, text in wanted.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.is_file() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")
    for old in folder.rglob("*.md"):
        if str(old.relative_to(folder).as_posix()) not in wanted:
            old.unlink()


def _standings(app: Sphinx) -> dict[str, Standing]:
    """Read the stores, and leave what they say where the boxes of theorems look for it."""
    from zobench.theorem import theorems

    files = [ROOT / name for name in app.config.zobench_stores.split(",") if name]
    rows = [row for file in files for row in stored(file)]
    found = standings(rows, {name: code_time(solver) for name, (_, solver) in theorems().items()})
    place = Path(app.srcdir) / "generated" / "verdicts.json"
    place.parent.mkdir(exist_ok=True)
    text = json.dumps(found)
    if not place.is_file() or place.read_text(encoding="utf-8") != text:
        place.write_text(text, encoding="utf-8")  # pages that note it as their source are read anew
    return found


def _generate(app: Sphinx) -> None:
    from zobench.registry import catalogue

    folder = Path(app.srcdir) / "generated"
    standing = _standings(app)
    items = [("problem", item) for item in catalogue("problems").values()]
    items += [("solver", item) for item in catalogue("solvers").values()]
    write(folder, pages(draw_all(items, folder / "pictures"), standing))


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for its sources."""
    app.add_config_value("zobench_stores", "docs/_build/verdicts.sqlite,results/zobench.sqlite", "env", str)
    app.connect("builder-inited", _generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
