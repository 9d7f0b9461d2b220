"""The wheel and the sdist hold the package and nothing else, and an installed one explains its one trap."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "zobench": "zobench",
    "problems": "zobench/problems",
    "solvers": "zobench/solvers",
    "reports": "zobench/reports",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def expected_files():
    """Name every source and every file of package data of the tree, as the wheel should hold it."""
    return {
        f"{inside}/{file.relative_to(ROOT / folder).as_posix()}"
        for folder, inside in FOLDERS.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and not file.name.startswith(".") and file.suffix != ".pyc"
    }


def files_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_equals_the_tree(wheel):
    held = files_of(wheel)
    packaged = {name for name in held if ".dist-info/" not in name}
    assert packaged == expected_files()
    assert {name.split("/")[0] for name in packaged} == {"zobench"}
    assert {"zobench/py.typed", "zobench/problems/quadratic.py"} <= packaged
    assert "zobench/campaigns/more-wild.toml" in packaged


def test_the_wheel_holds_the_trees_bytes(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for folder, inside in FOLDERS.items():
            for file in (ROOT / folder).rglob("*.py"):
                name = file.relative_to(ROOT / folder).as_posix()
                assert archive.read(f"{inside}/{name}") == file.read_bytes(), file


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        (licence,) = (name for name in archive.namelist() if name.endswith("LICENSE"))
        assert archive.read(licence).decode().startswith("MIT License")
        (points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        entries = archive.read(points).decode()
    assert "License-Expression: MIT" in text
    assert "Requires-Python: >=3.11" in text
    for group in ("problems", "solvers", "reports"):
        assert f"[zobench.{group}]\nbuiltin = zobench.{group}" in entries
    required = {
        line.split(":")[1].split(">")[0].strip()
        for line in text.splitlines()
        if line.startswith("Requires-Dist") and "extra" not in line
    }
    assert {
        "numpy",
        "scipy",
        "numba",
        "pandas",
        "seaborn",
        "scikit-learn",
        "click",
        "rich",
        "jinja2",
    } <= required


def test_the_extras_are_there():
    assert {"test", "docs", "asv"} <= set(PROJECT["project"]["optional-dependencies"])


def test_the_package_map_names_every_folder():
    tool = PROJECT["tool"]["setuptools"]
    assert tool["package-dir"] == {inside.replace("/", "."): folder for folder, inside in FOLDERS.items()}
    inside = {f"zobench.{file.parent.name}" for file in (ROOT / "zobench").glob("*/__init__.py")}
    assert sorted(tool["packages"]) == sorted({*tool["package-dir"], *inside})


def test_the_sdist_builds_the_same_wheel(wheel, checkout, tmp_path):
    tree = checkout(tmp_path / "tree")
    script = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=tree, check=True, capture_output=True)
    (sdist,) = tmp_path.glob("zobench-*.tar.gz")
    with tarfile.open(sdist) as archive:
        # early releases of 3.11 know no filters, 3.12 warns where there is none
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp_path / "unpacked", **safely)
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert (unpacked / "tests" / "conftest.py").is_file()
    assert not list(unpacked.rglob("*.pyc"))
    script = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run([sys.executable, "-c", script, str(out)], cwd=unpacked, check=True, capture_output=True)
    (again,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as two:
        for name in files_of(wheel) | files_of(again):
            if not name.endswith("RECORD"):
                assert one.read(name) == two.read(name), name


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with the wheel installed, not editable."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def enter(folder, site, *arguments, flags=()):
    """Run Python in `folder` over the installed wheel, where this process's editable one is out of sight."""
    from importlib.metadata import distribution

    import numpy

    dependencies = {Path(numpy.__file__).parent.parent, Path(str(distribution("click").locate_file("")))}
    path = os.pathsep.join(map(str, [site, *dependencies]))
    # -S keeps the .pth of an editable install from being read
    return subprocess.run(
        [sys.executable, "-S", *flags, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.parametrize(
    "arguments",
    [["list", "problems"], ["list", "solvers"], ["show", "s2p"], ["run", "-p", "quadratic", "-s", "s2p"]],
)
def test_the_root_of_a_checkout_over_an_installed_wheel_is_explained(
    installed, checkout, tmp_path, arguments
):
    tree = checkout(tmp_path / "tree")
    done = enter(tree, installed, "-m", "zobench", *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    message = " ".join(done.stderr.split())
    assert "cannot import 'zobench.problems', which zobench advertises" in message
    assert "pip install -e ." in message
    assert "python -P" in message


def test_outside_a_checkout_and_with_safe_path_the_installed_wheel_works(installed, checkout, tmp_path):
    tree = checkout(tmp_path / "tree")
    for folder, flags in ((tmp_path, ()), (tree, ("-P",))):
        done = enter(folder, installed, "-m", "zobench", "list", "problems", "--json", flags=flags)
        assert done.returncode == 0, done.stderr
        assert "quadratic" in done.stdout


def test_a_missing_library_keeps_its_own_message(installed, checkout, tmp_path):
    tree = checkout(tmp_path / "tree")
    broken = tmp_path / "site"
    subprocess.run(["cp", "-R", str(installed), str(broken)], check=True)
    file = broken / "zobench" / "problems" / "quadratic.py"
    file.write_text("import no_such_library\n" + file.read_text())
    done = enter(tmp_path, broken, "-m", "zobench", "list", "solvers")
    assert done.returncode == 0
    done = enter(tmp_path, broken, "-c", "import zobench; zobench.problem('quadratic')")
    assert done.returncode != 0
    assert "cannot be imported: ModuleNotFoundError: No module named 'no_such_library'" in done.stderr
    assert "advertises" not in done.stderr
    assert tree.is_dir()


def test_data_is_found_in_the_installed_wheel(installed, tmp_path):
    script = "from importlib.resources import files; print((files('zobench') / 'py.typed').is_file())"
    assert enter(tmp_path, installed, "-c", script).stdout == "True\n"
