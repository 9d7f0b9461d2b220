"""`zobench classroom`: a bad file costs itself only, nobody sees the instances, and the ranks repeat."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from zobench.classroom.hidden import PROBLEMS, hidden_runs
from zobench.classroom.leaderboard import Board, board, submissions, write_page
from zobench.classroom.player import START
from zobench.classroom.ranking import ranking
from zobench.classroom.reading import faults_of
from zobench.classroom.referee import Limits, Result, play
from zobench.cli.main import cli
from zobench.contract.check import load_file
from zobench.errors import ZobenchError
from zobench.objective import objective_of
from zobench.solver import Setting

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits need a POSIX system")

STARTER = Path(__file__).parent.parent / "docs" / "how-to" / "starter_solver.py"
#: Seconds, bytes.  Nobody but who hangs reaches the seconds, on slow machines neither: touching 600 MB
#: takes some of them more than one.
LIMITS = Limits(seconds=60.0, memory=600_000_000, check=False)
#: For who hangs.
SHORT = Limits(seconds=1.0, memory=600_000_000, check=False)

#: What is changed in the honest file, and what is said of the outcome; None: it is ranked.
FILES = {
    "honest": ((), None),
    "slow": (
        (
            "    hold(oracle)\n",
            "    hold(oracle)\n    for i in range(2000):\n        state.trial[0] += np.sin(1.0 * i)\n",
        ),
        None,
    ),
    "hanging": (
        (
            "    hold(oracle)\n",
            "    hold(oracle)\n    while state.s.size > 0:\n        state.trial[0] += 1.0\n",
        ),
        "hidden run 1 of 2 .* took longer than 1 s, and was stopped",
    ),
    "raising": (
        ("    return 2\n", "    raise ValueError('not today')\n"),
        "it raised ValueError: not today in hidden run 1 of 2",
    ),
    "cheating": (
        (
            "    return 2\n",
            "    from zobench import problem\n    return int(problem('rosenbrock').x_star[0]) + 1\n",
        ),
        "line .* imports zobench.problem",
    ),
    "eating": (
        ("    return 2\n", "    State.kept = np.ones(2 * 10**8)\n    return 2\n"),
        "more than its 600 MB of memory",
    ),
    "leaving": (
        ("    return 2\n", "    raise SystemExit(3)\n"),
        "it raised SystemExit: 3 in hidden run 1 of 2",
    ),
    "writing": (
        ("    return 2\n", "    np.ones(3).dump('written')\n    return 2\n"),
        r"line \d+ opened a file \(open\) in hidden run 1 of 2",
    ),
    "writing-at-once": (
        ("class State(NamedTuple):", "np.ones(3).dump('written')\n\n\nclass State(NamedTuple):"),
        r"line \d+ opened a file",
    ),
    "evaluated": (
        (
            'alpha0: Annotated[float, Real(0.0, open=True, unit="x")]',
            "alpha0: \"(np.ones(3).dump('written'), Annotated[float, Real(0.0)])[1]\"",
        ),
        "line 1 opened a file",
    ),
    "misunderstood": (
        ("def step(oracle, state, parameters, k, stream):", "def step(f, x):"),
        r"step must take \(oracle, state, parameters, k, stream\), and takes 2 arguments",
    ),
    "past-the-counter": (
        ("    plus = query(oracle, state.trial)\n", "    plus = oracle.objective(state.trial)\n"),
        "uses the oracle otherwise than to ask it",
    ),
    "partial": (
        ("    cost=cost,", "    cost=type('Cost', (), {'__call__': lambda self, *given: 2})(),"),
        "cost must be a function that is written with def or lambda",
    ),
    "broken": (("def step(", "def step(("), "line .* is not Python"),
}


def written(folder, names=tuple(FILES)):
    """Write the submissions of a class."""
    text = STARTER.read_text(encoding="utf-8")
    for name in names:
        change, _ = FILES[name]
        assert not change or change[0] in text
        changed = text.replace(*change) if change else text
        (folder / f"{name}.py").write_text(changed, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def runs():
    return hidden_runs(["rosenbrock:dim=2", "log-cosh:dim=3"], 1, "10 d", "secret")


SELDOM = (
    "slow",
    "raising",
    "leaving",
    "writing-at-once",
    "evaluated",
    "misunderstood",
    "past-the-counter",
    "partial",
)
#: One kind of each in every test run; a process each takes a second or two.
OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in SELDOM]


@pytest.mark.parametrize("name", [*OTHERS, "hanging", "cheating", "eating", "writing", "broken"])
def test_each_file_costs_itself_only(name, runs, tmp_path):
    limits = SHORT if name == "hanging" else LIMITS
    result = play(written(tmp_path, [name]) / f"{name}.py", runs, limits)
    _, told = FILES[name]
    if told is None:
        assert result.fault == ""
        assert result.queries == [20, 30]
    else:
        assert re.search(told, result.fault), result.fault
        assert "\n" not in result.fault
        assert "Traceback" not in result.fault


@pytest.mark.slow
def test_without_the_guard_the_same_file_writes(runs, tmp_path, monkeypatch):
    away = "import zobench.classroom.player as player\nplayer.guard = lambda file, tell: None\n"
    monkeypatch.setattr("zobench.classroom.referee.START", START.replace("main(reader", away + "main(reader"))
    assert play(written(tmp_path, ["writing"]) / "writing.py", runs, LIMITS).fault == ""


def test_the_score_is_that_of_the_values_the_referee_gave(runs, tmp_path):
    """The starter's steps done again by hand over the hidden function: same best value."""
    (written(tmp_path, ["honest"]) / "honest.py").rename(tmp_path / "submission.py")
    solver = load_file(tmp_path / "submission.py").solver
    digits = play(tmp_path / "submission.py", runs, LIMITS).digits
    for hidden, seen in zip(runs, digits, strict=True):
        values = []

        def function(x, hidden=hidden, values=values):
            values.append(hidden.value(x))
            return values[-1]

        going = solver.begin(
            objective_of(function, hidden.x0.size),
            Setting(hidden.x0.size, hidden.budget, hidden.instance.certificates),
            {},
            hidden.x0,
            stream_key=hidden.stream,
        )
        while going.advance():
            pass
        gap = min(values) - hidden.instance.certificates.value("f_star")
        assert seen == pytest.approx(-np.log10(gap / hidden.start_gap), rel=1e-12)
        assert len(values) == hidden.budget


def test_more_than_the_budget_is_answered_with_infinity(runs, tmp_path, monkeypatch):
    """A process that speaks the pipe's language itself gets no more than everybody."""
    program = START.replace(
        "from zobench.classroom.player import main\nmain(reader, writer)", ""
    ) + textwrap.dedent(
        """
        import struct
        def send(kind, data):
            writer.write(kind + struct.pack("<I", len(data)) + data)
            writer.flush()
        reader.readline()
        for stage in ("loading", "checking", "ready"):
            send(b"S", json.dumps({"stage": stage}).encode())
        for _ in range(2):
            task = json.loads(reader.readline())
            answers = []
            for i in range(3 * task["budget"]):
                send(b"Q", struct.pack("<%dd" % len(task["x0"]), *task["x0"]))
                answers.append(struct.unpack("<d", reader.read(8))[0])
            assert answers.count(float("inf")) == 2 * task["budget"]
            send(b"S", b'{"stage": "done", "best": -1e9, "digits": 8}')
        """
    )
    monkeypatch.setattr("zobench.classroom.referee.START", program)
    result = play(written(tmp_path, ["honest"]) / "honest.py", runs, LIMITS)
    assert (result.fault, result.queries) == ("", [20, 30])
    assert result.digits == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("told", ['{"stage": "loading"}', "[]", "nonsense", '{"stage": "done"}'])
def test_a_process_that_lies_about_where_it_stands_is_out(told, runs, tmp_path, monkeypatch):
    program = START.replace("from zobench.classroom.player import main\nmain(reader, writer)", "")
    program += f"import struct\nsaid = b'{told}'\n"
    program += "writer.write((b'S' + struct.pack('<I', len(said)) + said) * 2)\nwriter.flush()\n"
    monkeypatch.setattr("zobench.classroom.referee.START", program)
    assert (
        "pipe by which it is judged" in play(written(tmp_path, ["honest"]) / "honest.py", runs, LIMITS).fault
    )


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("open('/etc/hostname')", "line 6 opened a file (open)"),
        ("os.system('true')", "line 6 used the operating system (os.system)"),
        ("os.fork()", "line 6 used the operating system (os.fork)"),
        ("sys._getframe()", "line 6 reached into the interpreter (sys._getframe)"),
        ("__import__('ctypes').CDLL(None)", "line 6 reached into memory (ctypes.dlopen)"),
        ("__import__('socket').socket()", "line 6 used the network (socket.__new__)"),
        ("exchange(), open('/etc/hostname')", "line 6 opened a file (open)"),
        ("__import__('collections').namedtuple('A', 'b')", ""),
        ("__import__('wave')", ""),
    ],
)
def test_the_guard_alone_stops_what_no_text_shows(does, told, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import os, sys\n"
        "def exchange():\n"
        "    module = sys.modules['zobench.classroom.guard']\n"
        "    [setattr(module, name, {}) for name in vars(module) if name[:2] != '__']\n"
        "def go():\n"
        f"    {does}\n",
        encoding="utf-8",
    )
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import mine\n"
        "from zobench.classroom.guard import guard\n"
        "guard(mine.__file__, lambda fault: print(fault, flush=True)); mine.go(); print('done')\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (told or "done")


# the hidden instances


def test_hidden_instances_are_the_problem_moved_and_turned():
    for hidden in hidden_runs(PROBLEMS, 2, "100 d", "secret"):
        made = hidden.instance
        assert hidden.value(hidden.x0) == pytest.approx(made.value(made.x0), rel=1e-9)
        assert np.allclose(hidden.turn @ hidden.turn.T, np.eye(made.dim), atol=1e-12)
        if made.x_star is not None:
            # who knows the registry's minimiser by heart has gained nothing
            assert hidden.digits(hidden.value(made.x_star)) < 2.0
            there = hidden.turn @ made.x_star + hidden.shift
            assert hidden.digits(hidden.value(there)) == 8.0
        assert "f_star" not in hidden.task()["constants"]
        # what it is told of the directions leads back to no instance
        assert re.fullmatch("[0-9a-f]{32}", hidden.task()["stream"])


def test_another_secret_gives_other_instances():
    first, second = (hidden_runs(["quadratic:dim=4"], 2, "100", secret) for secret in "ab")
    points = [hidden.x0 for hidden in (*first, *second)]
    assert all(not np.allclose(a, b) for i, a in enumerate(points) for b in points[:i])


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("attention", "must certify f_star"),
        ("stochastic-quadratic", "exact values"),
        ("quadratic:seed=3", "without a seed"),
        ("quadratik", "did you mean"),
    ],
)
def test_problems_that_nobody_can_be_ranked_on_are_refused(problem, told):
    with pytest.raises(ZobenchError, match=told):
        hidden_runs([problem], 1, "100 d", "secret")


# what a file must not have


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import os", "line 1 imports os"),
        ("import zobench", "line 1 imports zobench"),
        ("from zobench.instance import problem", "imports zobench.instance.problem"),
        ("from . import other", "imports ..other"),
        ("\nvalue = open('x')", "line 2 uses open"),
        ("a = instance.x_star", "line 1 reads x_star"),
        ("a = 'x_star'", "line 1 names x_star"),
        ("x = __import__", "uses __import__"),
        ("def f(:", "line 1 is not Python"),
        ("a = 1\0", "cannot be read as Python|not Python"),
        ("#" * 300_000, "at most 200,000"),
        (" \n", "the file is empty"),
        ("import numpy.f2py", "imports numpy.f2py"),
        ("from numpy import ctypeslib", "imports numpy.ctypeslib"),
        ("from operator import attrgetter", "imports operator.attrgetter"),
        ("from collections import _sys", "imports collections._sys"),
        ("import collections\ns = collections._sys", "line 2 reads _sys"),
        ("a = np.f2py.os.system", "line 1 reads os"),
        ("a = np.fromfile('x')", "reads fromfile"),
        ("a = ().__class__.__base__", "reads __"),
        ("a = '{0.__class__}'.format(b)", "names"),
        ("a: '__import__(\"os\")' = 1", "names"),
        ("a = np.random.rand()", "come from the stream"),
        ("a = __builtins__", "uses __builtins__"),
        ("a = np.ma.core.builtins", "reads core|reads builtins"),
    ],
)
def test_faults_are_read_without_running(text, told, tmp_path):
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.exec", None)
        assert re.search(told, faults_of(tmp_path / "mine.py")[0])


HONEST = """\ufeff\"\"\"With a mark of its encoding, {braces} and __all__.\"\"\"
from __future__ import annotations
from collections.abc import Callable
from zobench.directions import draw
__all__ = ["settle"]
def settle(parameters, setting):
    return parameters._replace(load=f"{parameters.os}")
"""


def test_honest_files_have_no_faults(tmp_path):
    assert faults_of(STARTER) == []
    (tmp_path / "mine.py").write_text(HONEST.replace("parameters.os", "parameters.a"), encoding="utf-8")
    assert faults_of(tmp_path / "mine.py") == []


# ranks and the page


def test_ranks_by_hand():
    results = [
        Result("c", digits=[1.0, 1.0, 5.0, 5.0]),
        Result("a", digits=[2.0, 2.0, 4.0, 4.0]),
        Result("base", True, digits=[9.0, 9.0, 9.0, 9.0]),
        Result("late", fault="took too long", digits=[9.0]),
        Result("b", digits=[0.0, 1.0, 0.0, 1.0]),
    ]
    places = ranking(results, ["f", "f", "g", "g"])
    assert [(place.rank, place.result.name, place.score) for place in places] == [
        (0, "base", 9.0),
        (1, "a", 3.0),
        (1, "c", 3.0),
        (3, "b", 0.5),
    ]
    # resampling within problems leaves constant blocks as they are
    assert (places[1].low, places[1].high) == (3.0, 3.0)
    assert (places[3].low, places[3].high) == (0.0, 1.0)
    assert [(place.best_rank, place.worst_rank) for place in places[1:]] == [(1, 1), (1, 1), (3, 3)]


def test_names_are_escaped_and_the_page_needs_nothing_else(tmp_path, runs):
    bad = "<script>alert(1)</script>&'\""
    good = Result(bad, digits=[1.0, 2.0], queries=[1, 1])
    made = Board(
        ranking([good], [run.problem for run in runs]), [Result(bad, fault=bad)], runs, LIMITS, bad, "10 d"
    )
    write_page(made, tmp_path / "page.html", bad)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5
    assert "http" not in page.replace("http-equiv", "")


def test_a_class_ranked_twice_is_ranked_alike(tmp_path):
    folder = written(tmp_path, ["honest", "broken"])
    (folder / "_helper.py").write_text("", encoding="utf-8")
    (folder / "notes.txt").write_text("", encoding="utf-8")
    assert [file.name for file in submissions(folder)] == ["broken.py", "honest.py"]
    options = {"problems": ["rosenbrock:dim=2"], "runs": 2, "budget": "20", "limits": LIMITS}
    first, again = (board(folder, secret="a", workers=workers, **options).facts() for workers in (1, 2))
    for facts in first, again:
        for row in facts["ranking"]:
            del row["seconds"]
    assert first == again
    assert [row["name"] for row in first["ranking"]] == ["honest"]
    assert [row["name"] for row in first["failures"]] == ["broken"]
    assert first["ignored"] == ["notes.txt"]  # what begins with an underscore is meant to be left out


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def called(*words):
        result = CliRunner().invoke(cli, ["classroom", *words], prog_name="zobench")
        return result.exit_code, result.stdout, result.stderr

    return called


def test_requests_that_are_wrong(call, tmp_path):
    (tmp_path / "empty").mkdir()
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "broken.py").write_text("(", encoding="utf-8")
    for words, told in {
        ("nowhere",): "must be a folder",
        ("empty",): "holds none",
        ("class", "--out", "page.pdf"): ".html",
        ("class", "--runs", "0"): "runs",
        ("class", "--seconds", "-1"): "seconds",
        ("class", "--memory", "lots"): "memory",
        ("class", "--baseline", "s2q"): "did you mean",
        ("class", "-p", "attention"): "f_star",
    }.items():
        code, out, err = call(*words)
        assert (code, out) == (2, ""), words
        assert told in err
        assert err.count("\n") == 1


def test_a_class_in_which_nobody_can_be_ranked(call, tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "broken.py").write_text("(", encoding="utf-8")
    code, out, _ = call("class", "--seed", "a", "--runs", "1", "-p", "rosenbrock", "--json")
    assert code == 1
    facts = json.loads(out)
    assert facts["ranking"] == []
    assert facts["failures"][0]["name"] == "broken"
    assert "No file could be ranked" in (tmp_path / "leaderboard.html").read_text(encoding="utf-8")


@pytest.mark.slow  # tries the whole contract of eight files
def test_a_whole_class_with_the_contract(call, tmp_path):
    (tmp_path / "class").mkdir()
    written(tmp_path / "class")
    code, out, _ = call(
        "class",
        "--seed",
        "a",
        "--runs",
        "1",
        "--seconds",
        "4",
        "--memory",
        "800",
        "--json",
        *("--baseline", "s2p"),
    )
    assert code == 1
    facts = json.loads(out)
    assert {row["name"] for row in facts["ranking"]} == {"honest", "slow", "s2p"}
    assert {row["name"] for row in facts["failures"]} == set(FILES) - {"honest", "slow"}
    assert os.path.exists("leaderboard.html")
