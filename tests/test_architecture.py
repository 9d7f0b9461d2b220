"""Who may import whom, one object a file, and what must not be in the repository."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = {"problems": "problem", "solvers": "solver", "reports": "report"}
SOURCES = {folder: sorted((ROOT / folder).rglob("*.py")) for folder in ("zobench", *CATALOGUES)}
EVERY = [(folder, file) for folder, files in SOURCES.items() for file in files]


def imports(source):
    """Yield (line, dotted module) of every import, at any depth, also by name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from ((node.lineno, a.value) for a in node.args if isinstance(a, ast.Constant))


def wrong_arrows(folder, source):
    """Imports of `source`, a file of `folder`, that the design forbids."""
    own = {"zobench": None}.get(folder, folder)
    wrong = []
    for line, module in imports(source):
        parts = module.split(".")
        if parts[0] in CATALOGUES or module.startswith("."):
            wrong.append((line, module))
        elif parts[0] == "zobench" and len(parts) > 1 and parts[1] in CATALOGUES and parts[1] != own:
            wrong.append((line, module))
    return wrong


@pytest.mark.parametrize(("folder", "file"), EVERY, ids=[f"{f}/{p.name}" for f, p in EVERY])
def test_imports_point_from_the_catalogue_to_the_core(folder, file):
    assert wrong_arrows(folder, file.read_text()) == []


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("zobench", "from zobench.problems import quadratic"),
        ("zobench", "import zobench.solvers.s2p"),
        ("zobench", "from zobench import reports"),
        ("solvers", "from zobench.problems.quadratic import problem"),
        ("reports", "def late():\n    import zobench.solvers"),
        ("problems", "from importlib import import_module\nimport_module('zobench.solvers')"),
        ("zobench", "import problems"),
        ("solvers", "from solvers.s2p import solver"),
        ("solvers", "from .s2p import solver"),
    ],
)
def test_a_wrong_arrow_is_noticed(folder, line):
    assert wrong_arrows(folder, line)


def packages_imported(sources):
    """Give, for each package of the core, those that its modules import when they are imported themselves."""
    found = {package: set() for package in sources}
    for package, texts in sources.items():
        for node in (node for text in texts for node in ast.parse(text).body):
            named = node.module.split(".") if isinstance(node, ast.ImportFrom) and node.module else []
            if named[:1] == ["zobench"] and len(named) > 1 and named[1] in sources:
                found[package].add(named[1])
        found[package].discard(package)
    return found


def in_a_cycle(imported):
    """Peel off packages that import none of the rest: what stays lies on a cycle or above one."""
    left = dict(imported)
    while free := [package for package, others in left.items() if not others & left.keys()]:
        for package in free:
            del left[package]
    return sorted(left)


def test_packages_of_the_core_import_one_another_without_cycles():
    core = ROOT / "zobench"
    packages = {file.parent.name: file.parent for file in core.glob("*/__init__.py")}
    sources = {name: [file.read_text() for file in folder.glob("*.py")] for name, folder in packages.items()}
    assert "verdict" in packages_imported(sources)["performance"]
    assert in_a_cycle(packages_imported(sources)) == []


def test_a_cycle_of_packages_is_noticed():
    circle = {
        "a": ["from zobench.b.x import y"],
        "b": ["from zobench.c import z"],
        "c": ["from zobench.a.w import v"],
    }
    assert in_a_cycle(packages_imported(circle | {"d": ["import numpy"]})) == ["a", "b", "c"]


@pytest.mark.parametrize("folder", CATALOGUES)
def test_catalogues_are_flat(folder):
    # a subpackage would be missing from the wheel without a word; the core lists its own
    assert [file for file in SOURCES[folder] if file.parent != ROOT / folder] == []


@pytest.mark.parametrize("folder", CATALOGUES)
def test_each_file_defines_one_object_with_the_files_name(folder):
    for file in SOURCES[folder]:
        assigned = [
            target.id
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in CATALOGUES.values()
        ]
        if file.name == "__init__.py":
            assert assigned == []
            continue
        assert assigned == [CATALOGUES[folder]], f"{file.name} defines {assigned}"
        name = re.search(r"\bname=\"([a-z0-9-]+)\"", _object(file))
        assert name is not None
        assert name[1] == file.stem.replace("_", "-")


def _object(file):
    """Give the source of the file's last statement, where the object is made."""
    source = file.read_text()
    last = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)][-1]
    return ast.get_source_segment(source, last)


@pytest.mark.parametrize(("folder", "file"), EVERY, ids=[f"{f}/{p.name}" for f, p in EVERY])
def test_files_and_functions_are_short(folder, file):
    lines = file.read_text().splitlines()
    tree = ast.parse("\n".join(lines))
    # docstrings of functions and classes do not count, as below: what they must say is demanded elsewhere
    texts = [
        node.body[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None
    ]
    count = len(lines) - sum(text.end_lineno - text.lineno + 1 for text in texts)
    # a solver's file has its theorems, each a paragraph of text and a short function
    assert count < (660 if folder == "solvers" else 400), f"{count} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = (body[-1].end_lineno - body[0].lineno + 1) if body else 0
            assert length <= 60, f"{node.name} has {length} lines"


@pytest.fixture(scope="module")
def tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


#: Put together here so that this file does not hold what it looks for.
NOT_IN_THE_REPOSITORY = [
    re.compile("|".join(["/" + "root/", "/" + "home/[a-z]", "/" + "Users/", "/" + "work/"]), re.I),
    re.compile(
        "|".join(["pypi.org/" + "simple", "--" + "index-url", "extra-" + "index-url", "find-" + "links"])
    ),
    re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"])),
]


def test_no_tracked_file_names_a_machine_or_an_index(tracked):
    found = []
    for file in tracked:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for pattern in NOT_IN_THE_REPOSITORY:
            found += [f"{file.relative_to(ROOT)}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []


def test_no_lock_file_and_nothing_built_is_tracked(tracked):
    names = {str(file.relative_to(ROOT)) for file in tracked}
    locks = {"poetry.lock", "uv.lock", "Pipfile.lock", "pdm.lock", "pylock.toml", "conda-lock.yml"}
    assert not {name for name in names if Path(name).name in locks}
    assert not {
        name for name in names if re.match(r"(build|dist|results|\.venv)/|.*\.egg-info/|.*\.pyc$", name)
    }
    assert not {name for name in names if re.match(r"(.*/)?requirements.*\.txt$", name)}


def test_the_root_holds_what_the_layout_says(tracked):
    folders = {file.relative_to(ROOT).parts[0] for file in tracked if file.parent != ROOT}
    assert {"zobench", "problems", "solvers", "reports", "tests", "benchmarks", "docs"} <= folders
    assert folders - {"zobench", "problems", "solvers", "reports", "tests", "benchmarks", "docs"} <= {".ci"}


def test_no_compiled_kernel_frees_the_order_of_arithmetic():
    for _, file in EVERY:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword):
                assert node.arg not in ("fastmath", "parallel"), file.name
