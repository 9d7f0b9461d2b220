"""The command line as a user meets it: exit codes, one sentence for each complaint, JSON, start-up time."""

import json
import os
import pty
import resource
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

import zobench
from zobench.cli.main import cli
from zobench.cli.output import columns, emit_json, number
from zobench.store.database import Store
from zobench.store.frames import VERDICT

SHORT = ["run", "-p", "quadratic:dim=5", "-s", "s2p", "--budget", "100", "--seeds", "2"]


@pytest.fixture
def call(tmp_path, monkeypatch):
    """``call(*arguments)``: the verb's result, carried out in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def called(*arguments):
        return CliRunner().invoke(cli, arguments, prog_name="zobench")

    return called


def spawn(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "zobench", *arguments], capture_output=True, text=True, timeout=60, **options
    )


def test_alone_it_prints_help(call):
    result = call()
    assert result.exit_code == 0
    for verb in "list show run status store export verify report compare check demo".split():
        assert f"\n  {verb} " in result.stdout


def test_version(call):
    assert call("--version").stdout == f"zobench {zobench.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lst"], "got 'lst'; did you mean 'list'?"),
        (["list"], "Missing argument"),
        (["list", "slovers"], "got 'slovers'; did you mean 'solvers'?"),
        (["show", "quadratik"], "got 'quadratik'; did you mean 'quadratic'?"),
        (["show", "quadratic:condition=0"], "condition must be a number >= 1, got '0'"),
        (["show", "s2q:alpha=1"], "problem must be one of"),
        (["run"], "--problem, --solver, --budget must be given"),
        ([*SHORT[:-2], "--sedes", "2"], "--seeds"),
        ([*SHORT[:3], "-s", "s2q", "--budget", "10"], "got 's2q'; did you mean 's2p'?"),
        ([*SHORT[:3], "-s", "s2p:alpha=1", "--budget", "10"], "got 'alpha'; did you mean 'alpha0'?"),
        ([*SHORT[:5], "--budget", "many"], "budget must be a whole number >= 1"),
        ([*SHORT[:-1], "0"], "seeds, their number, must be a whole number >= 1"),
        ([*SHORT, "--workers", "none"], "workers must be a whole number >= 1, got 'none'"),
        ([*SHORT, "--store", "."], "must be a file, got a folder"),
        ([*SHORT, "--store", "text"], "not an SQLite file"),
        (["run", "none.toml"], "campaign 'none.toml' does not exist"),
        (["run", "text"], "not valid TOML"),
        (["run", "text", "-p", "quadratic"], "either a campaign's file or flags"),
        (["run", "mor-wild"], "got 'mor-wild'; did you mean 'more-wild'?"),
        (["run", "quick", "--shard", "0/4"], "shard must be a part and a number of parts such as 3/64"),
        (["run", "quick", "--shard", "5/4"], "counted from 1, got '5/4'"),
        (["run", "quick", "--shard", "x"], "got 'x'"),
        (["run", "quick", "--dry-run", "--store", "text"], "not an SQLite file"),
        (["status", "none.sqlite"], "store 'none.sqlite' does not exist"),
        (["status", "text"], "not an SQLite file"),
        (["store", "inf"], "did you mean 'info'?"),
        (["store", "info", "none.sqlite"], "does not exist"),
        (["store", "vacuum", "none.sqlite"], "does not exist"),
        (["store", "merge", "new.sqlite"], "Missing argument"),
        (["store", "merge", "new.sqlite", "none.sqlite"], "store 'none.sqlite' does not exist"),
        (["store", "merge", "new.sqlite", "text"], "not an SQLite file"),
        (["store", "export", "none.sqlite", "out"], "does not exist"),
        (
            ["store", "export", "none.sqlite", "out", "--format", "xls"],
            "must be one of csv, parquet, got 'xls'",
        ),
        (["export", "none.sqlite"], "Missing option '--format'"),
        (["export", "none.sqlite", "--format", "cocoo"], "got 'cocoo'; did you mean 'coco'?"),
        (["export", "none.sqlite", "--format", "ioh"], "does not exist"),
        (["verify", "s2p-smooth-stationry"], "did you mean 's2p-smooth-stationary'?"),
        (["report", "none.sqlite"], "store 'none.sqlite' does not exist"),
        (["report", "text"], "not an SQLite file"),
        (["check", "s2q"], "did you mean 's2p'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_wrong_request_is_one_sentence_and_exit_code_2(call, tmp_path, arguments, said, as_json):
    (tmp_path / "text").write_text("hello\n" * 300)
    result = call(*arguments, *["--json"] * as_json)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.startswith("zobench: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["text"], "a wrong request left something behind"


def test_a_system_error_is_one_sentence(call, monkeypatch):
    def full(kind):
        raise OSError(28, "No space left on device", "results")

    monkeypatch.setattr("zobench.cli.show.list_facts", full)
    result = call("list", "problems", "--json")
    assert (result.exit_code, result.stderr) == (2, "zobench: No space left on device: 'results'\n")


def test_a_fault_of_zobench_itself_says_where(call, monkeypatch):
    monkeypatch.setattr("zobench.cli.show.list_facts", lambda kind: 1 / 0)
    result = call("list", "problems", "--json")
    assert result.exit_code == 1
    assert "internal error at test_cli.py:" in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert result.stderr.count("\n") == 1
    monkeypatch.setenv("ZOBENCH_TRACEBACK", "1")
    assert isinstance(call("list", "problems", "--json").exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("kind", "keys", "known"),
    [
        ("problems", {"summary", "source", "dims", "parameters"}, "quadratic"),
        ("solvers", {"summary", "source", "parameters", "theorems"}, "s2p"),
        ("theorems", {"solver", "statement", "source", "assumes"}, "s2p-smooth-stationary"),
        ("reports", {"summary"}, "convergence"),
        ("campaigns", {"title", "description"}, "more-wild"),
    ],
)
def test_list(call, kind, keys, known):
    facts = json.loads(call("list", kind, "--json").stdout)
    assert known in [fact["name"] for fact in facts]
    assert all(keys <= fact.keys() for fact in facts)
    lines = call("list", kind).stdout.splitlines()
    assert len(lines) == len(facts) + 1
    assert [line.split()[0] for line in lines[1:]] == [fact["name"] for fact in facts]


def test_show_gives_constants_of_the_instance_asked_for(call):
    facts = json.loads(call("show", "quadratic:dim=3,condition=8", "--json").stdout)
    constants = {item["constant"]: item for item in facts["constants"]}
    assert constants["mu"]["value"] == pytest.approx(1 / 8)
    assert constants["L"]["value"] == 1
    assert all(item["proof"] and item["meaning"] for item in facts["constants"])
    assert facts["parameters"][0] == {"name": "condition", "default": 1.0, "must_be": "a number >= 1"}
    text = call("show", "quadratic:dim=3,condition=8").stdout
    for part in ["diag(lambda)", "mu", "0.125", "Nesterov", "a number >= 1", "dim=3"]:
        assert part in text, part


def test_show_gives_a_page_on_everything_that_is_listed(call):
    for kind in "problems", "solvers", "theorems", "reports":
        for fact in json.loads(call("list", kind, "--json").stdout):
            text, facts = call("show", fact["name"]), call("show", fact["name"], "--json")
            assert text.exit_code == facts.exit_code == 0, text.stderr
            assert text.stdout.startswith(f"{fact['name']}: {kind[:-1]}")
            assert json.loads(facts.stdout)["name"] == fact["name"]
            for part in ("source", "proof"):
                # filled anew, so only the words are compared
                assert fact.get(part, "").split()[:4] == [] or fact[part].split()[0] in text.stdout


def test_run_puts_runs_into_the_default_store_and_resumes(call, tmp_path):
    result = call(*SHORT)
    assert result.exit_code == 0, result.stderr
    assert "quadratic (dim 5)  s2p        2      100" in result.stdout
    assert "2 runs done; store results/zobench.sqlite" in result.stdout
    assert result.stderr == ""
    with Store(tmp_path / "results" / "zobench.sqlite", "read") as store:
        runs = store.runs()
    assert runs["count"].tolist() == [100, 100]
    key = zobench.run(zobench.problem("quadratic", dim=5), "s2p", budget=100, seed=1).key
    assert key.digest() in runs.index
    facts = json.loads(call(*SHORT[:-1], "3", "--json").stdout)
    assert (facts["runs"], facts["kept"], facts["done"], facts["failed"]) == (3, 2, 1, 0)
    assert [group["runs"] for group in facts["summary"]] == [3]


def test_run_takes_a_campaign_and_a_store(call, tmp_path):
    (tmp_path / "c.toml").write_text(
        'title = "both"\nproblems = ["quadratic:dim=[]"]\nsolvers = ["s2p"]\nbudget = 10\n'
    )
    assert "dim must be a whole number" in call("run", "c.toml").stderr
    (tmp_path / "c.toml").write_text(
        'title = "both"\nproblems = ["quadratic:dim=4"]\nsolvers = ["s2p", "stp"]\nbudget = "9 d"\n'
    )
    facts = json.loads(call("run", "c.toml", "--store", "other/s.sqlite", "--json").stdout)
    assert facts["title"] == "both"
    assert [(group["solver"], group["budget"]) for group in facts["summary"]] == [("s2p", 36), ("stp", 36)]
    assert facts["store"] == "other/s.sqlite"
    assert (tmp_path / "other" / "s.sqlite").exists()


def test_run_tells_the_gap_from_the_reference(call, tmp_path):
    facts = json.loads(call(*SHORT, "--json").stdout)
    made = zobench.problem("quadratic", dim=5)
    bests = [zobench.run(made, "s2p", budget=100, seed=seed).best for seed in range(2)]
    assert facts["summary"][0]["median_gap"] == pytest.approx(sum(bests) / 2, rel=1e-12)


def test_a_failed_run_is_exit_code_1_and_the_others_are_there(call):
    arguments = ["run", "-p", "cosh", "-p", "quadratic", "-s", "stp:rule=finite-difference", "--budget", "30"]
    result = call(*arguments)
    assert result.exit_code == 1
    assert "1 of 2 runs failed" in result.stderr
    assert "certifies no L" in result.stderr
    again = call(*arguments, "--json")
    facts = json.loads(again.stdout)
    assert again.exit_code == 1, "a failure that was there before is still a failure"
    assert (facts["failed"], facts["kept"]) == (1, 2)
    assert facts["failures"][0]["problem"].startswith("cosh")


def test_verify_says_what_follows_and_keeps_it(call, tmp_path):
    result = call("verify", "exact-s2p-identity", "--quick", "--json")
    assert result.exit_code == 0, result.stderr
    verdicts = json.loads(result.stdout)
    assert verdicts
    assert all(set(VERDICT) <= verdict.keys() for verdict in verdicts)
    with Store(tmp_path / "results" / "zobench.sqlite", "read") as store:
        assert len(store.verdicts()) == len(verdicts)
        assert len(store.runs()) == sum(verdict["seeds"] for verdict in verdicts)


@pytest.mark.parametrize(("tightness", "word"), [(0.5, "not refuted"), (0.05, "not refuted, no power")])
def test_verify_prints_a_table(call, monkeypatch, tightness, word):
    result = _verify(call, monkeypatch, "not refuted", tightness)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].endswith(word)
    assert "quadratic (dim 10, condition 3)" in result.stdout


def test_a_refuted_theorem_is_exit_code_1(call, monkeypatch):
    result = _verify(call, monkeypatch, "refuted", 2.0)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1].endswith("refuted")


def _verify(call, monkeypatch, verdict, tightness):
    from zobench.verdict.verification import Verdict

    made = Verdict(
        theorem="t", solver="s2p", problem="quadratic", instance="quadratic (dim 10, condition 3)", dim=10,
        steps=5, seeds=4, law="sphere", quantity="q", bound=1.0, mean=tightness, ratio=tightness, ci_low=0.0,
        ci_high=1.0, log10_e_value=0.0, tightness=tightness, verdict=verdict,
    )  # fmt: skip
    monkeypatch.setattr("zobench.verdict.verification.verify", lambda *names, **options: [made])
    return call("verify", "--quick")


def test_check(call, tmp_path):
    good = json.loads(call("check", "s2p", "--json").stdout)
    assert good
    assert [outcome for outcome in good if not outcome["ok"]] == []
    (tmp_path / "empty.py").write_text('"""Nothing."""\n')
    result = call("check", "empty.py")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].startswith("FAILED")


def test_report_says_where_the_page_is(call, tmp_path, monkeypatch):
    def write(store, folder):
        return folder / "index.html"

    monkeypatch.setattr("zobench.page.build.write_report", write)
    assert call("report", "x/s.sqlite", "--out", "page").stdout == "page/index.html\n"
    assert json.loads(call("report", "x/s.sqlite", "--json").stdout)["index"] == "x/report/index.html"


@pytest.mark.parametrize("failed", [0, 2])
def test_demo_prints_its_summary_and_fails_if_runs_did(call, monkeypatch, failed):
    monkeypatch.setattr("zobench.demo.demo", lambda folder, progress: [f"in {folder}", "done"])
    monkeypatch.setattr("zobench.demo.failed_runs", lambda folder: failed)
    done = call("demo", "--out", "here")
    assert done.stdout == "in here\ndone\n"
    assert done.exit_code == (1 if failed else 0)


def test_json_is_what_any_reader_takes(capsys):
    facts = {
        "a": float("nan"),
        "b": float("inf"),
        "c": [-float("inf"), 1.5],
        "d": "inf \0 \N{LATIN SMALL LETTER E WITH ACUTE}",
    }
    emit_json(facts)
    text = capsys.readouterr().out
    read = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert read == {**facts, "a": None}


def test_numbers_and_columns():
    assert [number(value) for value in (None, 0.0, 1234, 0.5, 1e-9, float("inf"), float("nan"), 3e12)] == [
        "-", "0", "1,234", "0.5", "1.00e-09", "inf", "-", "3e+12",
    ]  # fmt: skip
    assert columns(["a", "n"], [["xyz", "1"], ["x", "100"]], right=(1,)) == "a      n\nxyz    1\nx    100"


@pytest.mark.parametrize("arguments", [["list", "problems"], ["run", "--help"]])
def test_a_reader_that_goes_away_is_no_error(tmp_path, arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "zobench", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert (process.stderr.read(), process.wait(timeout=60)) == (b"", 0)
    process.stderr.close()


def test_no_folder_for_compiled_code_is_a_wrong_request(tmp_path):
    (tmp_path / "file").touch()
    done = spawn(*SHORT, cwd=tmp_path, env={**os.environ, "ZOBENCH_CACHE_DIR": str(tmp_path / "file" / "x")})
    assert done.returncode == 2
    assert "ZOBENCH_CACHE_DIR" in done.stderr
    with Store(tmp_path / "results" / "zobench.sqlite", "read") as store:
        assert store.runs().empty, "runs were marked as failed that were never tried"


def test_a_bar_on_a_terminal_and_none_in_a_pipe(tmp_path):
    assert spawn(*SHORT, cwd=tmp_path).stderr == ""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "zobench", *SHORT, "--store", "b"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        assert process.wait(timeout=60) == 0
    os.close(theirs)
    drawn = b""
    try:
        while more := os.read(ours, 4096):
            drawn += more
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert b"2/2" in drawn


def modules_after(*arguments, cwd):
    """Run a verb in a process of its own and give what it imported."""
    script = (
        "import sys\n"
        "from zobench.cli.main import cli\n"
        "try:\n"
        f"    cli.main({list(arguments)!r}, prog_name='zobench')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        "print('MODULES', *sorted(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=cwd, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.partition("MODULES")[2].split())


def test_help_and_version_import_nothing_heavy(tmp_path):
    heavy = {"numpy", "scipy", "numba", "pandas", "matplotlib", "seaborn", "sklearn", "rich", "jinja2"}
    for arguments in ["--help"], ["--version"], ["run", "--help"]:
        assert not heavy & modules_after(*arguments, cwd=tmp_path), arguments
    bare = subprocess.run(
        [sys.executable, "-c", "import sys, zobench; print(*sys.modules)"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert not (heavy | {"click"}) & set(bare.stdout.split())


def test_a_run_imports_no_tables_and_no_figures(tmp_path):
    found = modules_after(*SHORT, cwd=tmp_path)
    assert "numpy" in found
    assert not {"pandas", "matplotlib", "seaborn", "sklearn", "jinja2", "rich"} & found


def taken():
    """Give the processor time of ended children: a busy machine does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def best_of(count, command, **options):
    """Take the smallest of several times, for the machine has other work."""
    best = float("inf")
    for _ in range(count):
        begun = taken()
        subprocess.run(command, check=True, capture_output=True, timeout=60, **options)
        best = min(best, taken() - begun)
    return best


def test_start_up_is_quick(tmp_path):
    assert best_of(3, [sys.executable, "-m", "zobench", "--help"], cwd=tmp_path) <= 0.35
    assert best_of(3, [sys.executable, "-c", "import zobench"], cwd=tmp_path) <= 0.25
    run = ["run", "-p", "quadratic", "-s", "s2p", "--budget", "10000", "--seeds", "1"]
    times = [
        best_of(1, [sys.executable, "-m", "zobench", *run, "--store", f"{turn}.sqlite"], cwd=tmp_path)
        for turn in range(3)
    ]
    assert min(times) < 1.5


@pytest.mark.slow
def test_the_first_run_on_a_machine_is_not_slow(tmp_path):
    environment = {**os.environ, "ZOBENCH_CACHE_DIR": str(tmp_path / "cache")}
    begun = time.perf_counter()
    assert spawn(*SHORT, cwd=tmp_path, env=environment).returncode == 0
    assert time.perf_counter() - begun < 15


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the streams")
@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 2)])
def test_a_stream_that_is_closed_from_the_beginning(tmp_path, closed, code):
    verb = "list campaigns" if code == 0 else "show nothing-of-the-kind"
    said = subprocess.run(
        f'"{sys.executable}" -m zobench {verb} {closed}',
        shell=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (said.returncode, said.stdout, said.stderr) == (code, "", "")
