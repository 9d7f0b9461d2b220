"""The suite through asv itself: exact numbers come out the same, worse code is told, the same is not."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from zobench.cli.main import cli
from zobench.performance.asv_results import FACTOR

pytest.importorskip("asv", reason="asv is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git on this machine"),
]

ROOT = Path(__file__).parent.parent
EXACT = r"Queries.track_queries_to_target|Compiled.track_|Resumed.track_|Evaluated.track_"
RATIO = r"track_ratio_to_fused\('s2p stationary gaussian'\)"
#: Appended to the file of S2P: a query too many at every fifth step, 10 per cent more.
WASTED = """

from zobench.oracle import query  # noqa: E402

_step = solver.step


def _wasted(oracle, state, parameters, k, stream):
    if k % 5 == 0:
        query(oracle, state.x)
    _step(oracle, state, parameters, k, stream)


object.__setattr__(solver, "step", _wasted)
"""
#: Where every query evaluates, and the same with one evaluation more that nothing is done with: at d = 10 a
#: query of S2P then costs about a fifth more.
EVALUATED = (
    "value = _call_objective(oracle.objective_address, x.ctypes.data, oracle.dim, oracle.data_address)\n"
)
ANSWERED = "    return _note(oracle, x, value)\n"
TWICE = f"{EVALUATED}    for _ in range(1):\n        {EVALUATED}{ANSWERED}"


class Repository:
    """A repository with the package as it is installed, and asv run on its commits in this environment."""

    def __init__(self, folder: Path):
        self.folder = folder
        shutil.copytree(ROOT / "zobench", folder / "zobench", ignore=shutil.ignore_patterns("__pycache__"))
        for name in "problems", "solvers", "reports":
            shutil.copytree(ROOT / name, folder / "zobench" / name)
        shutil.copytree(ROOT / "benchmarks", folder / "benchmarks")
        for name in "asv.conf.json", "pyproject.toml":
            shutil.copy(ROOT / name, folder)
        self.git("init", "-q", "-b", "main")
        self.commits = 0
        self.asv("machine", "--yes")

    def run(self, *command: str, **variables: str) -> str:
        # asv takes PYTHONPATH away from what it runs, and gives it what ASV_PYTHONPATH says
        places = {"ASV_PYTHONPATH": str(self.folder), "PYTHONPATH": str(self.folder)}
        cache = {"ZOBENCH_CACHE_DIR": str(self.folder / "cache"), "HOME": str(self.folder)}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **places, **cache, **variables},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def git(self, *words: str, **variables: str) -> str:
        known = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        return self.run("git", *known, *words, **variables)

    def asv(self, *words: str) -> str:
        return self.run(sys.executable, "-m", "asv", *words)

    def commit(self) -> str:
        """Commit what is there, a second after the commit before: asv orders commits by their dates."""
        self.commits += 1
        self.git("add", "zobench", "benchmarks", "asv.conf.json", "pyproject.toml")
        date = f"{1_700_000_000 + self.commits} +0000"
        self.git(
            "commit", "-q", "--allow-empty", "-m", "a commit", GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date
        )
        return self.git("rev-parse", "HEAD").strip()

    def measure(self, benchmarks: str) -> tuple[int, dict]:
        """Commit, let asv measure, and compare with the commit before: exit code and numbers of `regress`."""
        commit = self.commit()
        self.asv("run", "--quick", "--python=same", "--set-commit-hash", commit, "-b", benchmarks)
        done = CliRunner().invoke(cli, ["regress", str(self.folder / ".asv" / "results"), "--json"])
        return done.exit_code, json.loads(done.output)

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / "zobench" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


def changed(facts):
    return {
        (row["benchmark"].rpartition(".")[2], row["case"]): row["ratio"]
        for row in facts["numbers"]
        if row["change"] not in ("same", "skipped")
    }


def test_ten_per_cent_more_queries_are_told_by_asv_and_the_same_code_is_not(repository):
    repository.measure(EXACT)
    code, facts = repository.measure(EXACT)
    assert (code, changed(facts)) == (0, {})
    assert len(facts["numbers"]) > 80
    file = repository.folder / "zobench" / "solvers" / "s2p.py"
    file.write_text(file.read_text(encoding="utf-8") + WASTED, encoding="utf-8")
    code, facts = repository.measure(EXACT)
    found = changed(facts)
    assert code == 1
    assert {re.match("solver=([^,]*)", case)[1] for _, case in found} == {"s2p"}
    assert len(found) == 6
    assert all(1.05 < ratio < 1.13 for ratio in found.values())


def test_a_query_a_fifth_slower_is_told_by_asv_and_the_same_code_is_not(repository):
    # The versions in turn, the least of each: neighbours slow one side down for seconds on end.
    taken = {"before": [], "again": [], "after": []}
    for _ in range(3):
        for version, values in taken.items():
            if version == "after":
                repository.change("oracle.py", EVALUATED + ANSWERED, TWICE)
            _, facts = repository.measure(RATIO)
            if version == "after":
                repository.change("oracle.py", TWICE, EVALUATED + ANSWERED)
            # the first has none before it; asv has none of a benchmark that did not come to its end
            values += [row["new"] for row in facts["numbers"] if row["new"] is not None]
    least = {version: min(values) for version, values in taken.items()}
    assert 1 / FACTOR < least["again"] / least["before"] < FACTOR, taken
    assert least["after"] / least["before"] > FACTOR, taken
