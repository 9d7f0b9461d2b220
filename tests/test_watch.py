"""`zobench watch`: what is drawn is the recorded run, in the page, in a file, in a real browser."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import zobench
from zobench.cli.main import cli
from zobench.cli.watch import _patience
from zobench.errors import ZobenchError
from zobench.solver import solver
from zobench.watch.bound import chosen_bound
from zobench.watch.page import alone, served
from zobench.watch.plane import contours, plane_of
from zobench.watch.record import Walk, probe
from zobench.watch.scene import MOST, Show
from zobench.watch.server import Server

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def show(*names, budget=40, seed=3, theorem="", dim=2, problem="quadratic", **chosen):
    made = zobench.problem(problem, dim=dim, **chosen)
    return Show(made, [(solver(name), {}) for name in names or ("s2p",)], budget, seed, theorem)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """``call(words...)``: exit code, stdout, stderr of the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zobench.cli.watch.PATIENCE", 3600.0)  # slow machines compile for long

    def called(*words):
        result = CliRunner().invoke(cli, words, prog_name="zobench")
        return result.exit_code, result.stdout, result.stderr

    return called


@pytest.mark.parametrize(("patience", "lines"), [(0.0, 1), (3600.0, 0)])
def test_who_waits_for_compilation_is_told_so(patience, lines, monkeypatch, capsys):
    monkeypatch.setattr("zobench.cli.watch.PATIENCE", patience)
    with _patience():
        for thread in threading.enumerate():
            if patience == 0.0 and isinstance(thread, threading.Timer):
                thread.join()
    assert capsys.readouterr().err.count("zobench: preparing the run; what is compiled") == lines


# the record


@pytest.mark.parametrize("noise", [{}, {"noise": "gaussian", "noise_level": 0.1}], ids=["exact", "noisy"])
@pytest.mark.parametrize("name", ["s2p", "random-search", "nelder-mead"])
def test_what_is_recorded_is_the_run_itself(name, noise):
    made = zobench.problem("quadratic", dim=3, **noise)
    walk = Walk(made, solver(name), {}, budget=41, seed=5)
    steps = list(walk)
    plain = zobench.run(made, name, budget=41, seed=5)
    assert walk.trace().x.tobytes() == plain.x.tobytes()
    assert sum(len(step.queries) for step in steps) == plain.count
    asked = [query for step in steps for query in step.queries]
    # independent of the record: f evaluated anew at every recorded point
    assert [query.value for query in asked] == [made.value(query.x) for query in asked]
    assert min(query.value for query in asked) == plain.best
    assert (not noise) == all(query.answer == query.value for query in asked)


def test_a_run_that_depends_on_more_than_its_key_is_refused():
    walk = Walk(zobench.problem("quadratic", dim=2), solver("s2p"), {}, 20, 0)
    other = zobench.run(walk.instance, "s2p", budget=20, seed=1)
    list(walk)
    with pytest.raises(ZobenchError, match="recorded run is another"):
        walk.check(other)


def test_steps_asked_in_pieces_are_the_same_steps():
    whole, pieces = show().everything(), show()
    given = [pieces.steps(a, a + 7)["walks"][0] for a in range(0, 42, 7)]
    assert [step for piece in given for step in piece] == whole["walks"][0]
    assert whole["over"] == ["The budget of queries was spent."]


def test_the_step_goes_to_one_of_the_two_tested_points():
    steps = show("s2p").everything()["walks"][0]
    for step in steps:
        best = min(step["queries"], key=lambda query: query["value"])
        assert step["x"] == best["p"]
        assert step["queries"][step["taken"]] is best


def test_two_solvers_meet_the_same_directions():
    cosines = show("s2p", "stp").everything()["same"]
    assert np.allclose(np.abs(cosines[: 40 // 3]), 1.0, rtol=0, atol=1e-6)
    other = Show(zobench.problem("quadratic", dim=2), [(solver("s2p"), {}), (solver("s2p"), {})], 40, 3)
    other.sides[1].walk = Walk(other.instance, solver("s2p"), other.sides[1].walk.parameters, 40, 4)
    mixed = other.steps(0, 15)["same"]
    assert not np.allclose(np.abs(mixed), 1.0, atol=1e-2)


# the bound


def test_the_bound_is_the_theorems_and_its_quantity_that_of_the_trace():
    made = zobench.problem("quadratic", dim=2)
    bound, parameters, said = chosen_bound(made, solver("s2p"), {}, 100, "")
    assert bound.theorem.name == "s2p-smooth-stationary"
    # sqrt(d/K) / m1 (D0/alpha0 + L alpha0/2) by hand: L = 1, D0 = f(x0), m1 = sqrt(2/pi)
    gap = made.value(made.x0)
    hand = np.sqrt(2 / 50) / np.sqrt(2 / np.pi) * np.sqrt(2 * gap)
    assert bound.along([50])[0] == pytest.approx(hand, rel=1e-12)
    steps = Show(made, [(solver("s2p"), {})], 100, 0).everything()["walks"][0]
    trace = zobench.run(made, "s2p", budget=100, parameters=parameters, observe=True)
    assert steps[-1]["bounded"] == pytest.approx(trace.means["gradient_norm"], rel=1e-12)
    assert "--theorem none" in said


def test_no_bound_is_drawn_where_none_holds():
    made = zobench.problem("quadratic", dim=2)
    s2p = solver("s2p")
    assert chosen_bound(made, s2p, {"alpha0": 0.5}, 100, "")[0] is None
    assert chosen_bound(made, s2p, {}, 100, "none")[:2] == (None, {})
    assert chosen_bound(zobench.problem("rosenbrock"), s2p, {}, 100, "")[0] is None
    noisy = zobench.problem("quadratic", dim=2, noise="gaussian", noise_level=0.1)
    assert chosen_bound(noisy, s2p, {}, 100, "")[0] is None
    for wanted in ("stp-pl-fd-step", "s2p-smooth-dynamic"):
        with pytest.raises(ZobenchError, match=wanted):
            chosen_bound(made, s2p, {}, 100, wanted)


def test_a_fixed_horizons_bound_is_drawn_at_its_own_step_alone():
    made = zobench.problem("log-cosh", dim=2)
    bound = chosen_bound(made, solver("stp"), {}, 100, "stp-convex-fixed")[0]
    along = bound.along(range(1, bound.steps + 1))
    assert np.isfinite(along[-1])
    assert np.isnan(along[:-1]).all()


# the plane


def test_the_plane_holds_the_start_and_the_final_iterates():
    made = zobench.problem("rosenbrock", dim=6)
    end = probe(made, solver("s2p"), Walk(made, solver("s2p"), {}, 50, 0).key)[0].x
    plane = plane_of(made, [end])
    assert np.allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-12)
    for point in (made.x0, end):
        assert np.allclose(plane.point(*plane.project(point, 0.0)), point, atol=1e-9)
    assert "d = 6" in plane.said
    line = show(dim=1)
    assert line.scene()["graph"]
    assert line.scene()["x0"] == [line.instance.x0[0], line.instance.value(line.instance.x0)]


def test_a_level_line_has_one_value():
    seen = show()
    lines = [line["points"] for line in seen.scene()["contours"]["lines"]]
    assert len(lines) > 5
    for points in lines:
        values = [seen.instance.value(seen.plane.point(*point)) for point in points]
        assert max(values) <= 1.05 * min(values)


# the server and the files


@contextmanager
def serving(shown):
    with Server(shown) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def test_the_server_answers_its_own_paths_to_its_own_machine():
    with serving(show()) as server:
        assert ask(server, "/")[0] == 200
        assert json.loads(ask(server, "/steps.json?from=0&to=2")[1])["walks"][0][1]["count"] == 4
        assert ask(server, "/steps.json?from=2&to=1")[0] == 400
        assert ask(server, "/steps.json?from=0&to=100000")[0] == 400
        assert ask(server, "/../pyproject.toml")[0] == 404
        assert ask(server, "/", method="POST")[0] == 501
        assert ask(server, "/scene.json", Host="elsewhere.example")[0] == 403
        with pytest.raises(ZobenchError, match="port must be a free one"):
            Server(server.show, server.server_port)


def test_the_single_file_needs_nothing_else():
    page = alone(show())
    assert "src=" not in page.replace('rel="icon"', "")
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/", "")
    assert "watch.js" in served(show())


def test_what_cannot_be_watched_is_said(call):
    for words, told in {
        ("-s", "s2p", "--budget", "1000000"): f"at most {MOST:,} queries",
        ("-s", "s2p", "--budget", "0"): "budget",
        ("-s", "s2p", "--save", "run.txt"): "must end in .html, .gif, .mp4",
        ("-s", "s2p", "--save", "nowhere/run.gif"): "folder that exists",
        ("-s", "s2q"): "did you mean 's2p'",
        ("-s", "s2p", "-s", "stp", "-s", "vs2p"): "once or twice",
        ("-s", "s2p", "--port", "70000"): "65535",
    }.items():
        code, out, err = call("watch", "-p", "quadratic", *words)
        assert (code, out) == (2, "")
        assert told in err
        assert err.count("\n") == 1


STARTER = Path(__file__).parent.parent / "docs" / "how-to" / "starter_solver.py"


def test_an_authors_file_can_be_watched(call, tmp_path):
    code, out, err = call("watch", "-p", "quadratic", "-s", f"{STARTER}:alpha0=0.25", "-s", "s2p", "--json")
    assert (code, err) == (0, "")
    mine, registered = json.loads(out)["scene"]["sides"]
    assert (mine["solver"], mine["parameters"]) == ("two-points", {"alpha0": 0.25})
    assert mine["run"] == ""  # no command knows it by its name
    assert registered["run"].startswith("zobench run -p quadratic")
    broken = {
        "absent": (None, "there is no file"),
        "syntax": ("def step(:", r"cannot be loaded: SyntaxError"),
        "other": ("solver = 3", "must define `solver`"),
        "few": (
            STARTER.read_text().replace("(oracle, state, parameters, k, stream)", "(f, x)"),
            "takes 2 arguments",
        ),
        "raises": (
            STARTER.read_text().replace("return 2", "raise ValueError('no')"),
            "(line 59) ValueError: no",
        ),
    }
    for name, (text, told) in broken.items():
        file = tmp_path / f"{name}.py"
        if text is not None:
            file.write_text(text, encoding="utf-8")
        code, out, err = call("watch", "-p", "quadratic", "-s", str(file), "--json")
        assert (code, out, err.count("\n")) == (2, "", 1), name
        assert told in err


def test_the_grid_is_that_of_the_quickest_evaluation(monkeypatch):
    made = zobench.problem("quadratic", dim=2)
    window = (0.0, 0.0, 1.0)
    whole = contours(made, plane_of(made, []), window)
    for seconds, side in ((1e-6, 97), (1e-3, 49), (1.0, 25)):
        monkeypatch.setattr("zobench.watch.plane._seconds", lambda instance, point, seconds=seconds: seconds)
        seen = contours(made, plane_of(made, []), window)
        assert (seen == whole) == (side == 97)  # what is not slow is drawn alike, however busy the machine is


def test_files_are_written(call, tmp_path, monkeypatch):
    monkeypatch.setattr("zobench.watch.animation.RATE", 1)  # the last frame is written that often
    code, out, _ = call(
        "watch",
        "-p",
        "quadratic",
        "-s",
        "s2p",
        "--budget",
        "4",
        "--save",
        str(tmp_path / "run.gif"),
        "--json",
    )
    assert code == 0
    assert json.loads(out)["steps"] == 3
    from PIL import Image

    with Image.open(tmp_path / "run.gif") as image:
        assert image.n_frames >= 3
        frames = []
        for place in range(image.n_frames):
            image.seek(place)
            frames.append(image.convert("RGB").tobytes())
        assert len(set(frames)) >= 3  # something moves
    still = ("--save", "run.png", "--at", "2", "--json")
    code, out, _ = call("watch", "-p", "quadratic", "-s", "s2p", "--budget", "8", *still)
    assert (code, json.loads(out)["steps"]) == (0, 2)
    with Image.open(tmp_path / "run.png") as image:
        assert image.size == (1920, 1080)
    code, _, _ = call("watch", "-p", "rosenbrock", "-s", "stp", "--save", str(tmp_path / "run.html"))
    assert code == 0
    assert (tmp_path / "run.html").stat().st_size > 20_000


@pytest.mark.skipif(shutil.which("ffmpeg") is not None, reason="ffmpeg is installed")
def test_without_ffmpeg_an_mp4_is_refused_before_anything_runs(call, tmp_path):
    code, _, err = call("watch", "-p", "quadratic", "-s", "s2p", "--save", str(tmp_path / "run.mp4"))
    assert code == 2
    assert "ffmpeg" in err


# a real browser


class Browser:
    """Chromium over its DevTools pipe: messages are JSON, each ended by a zero byte."""

    def __init__(self, folder):
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        words = (
            "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
            "--disable-component-update --disable-sync --remote-debugging-pipe"
        )
        profile = f"--user-data-dir={folder}"
        # the browser's two pipes are its descriptors 3 and 4
        place = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4)"
        enter = [sys.executable, "-c", f"{place}; os.execvp(sys.argv[3], sys.argv[3:])"]
        self.process = subprocess.Popen(
            [*enter, str(to_read), str(from_write), BROWSER, *words.split(), profile, "about:blank"],
            pass_fds=(to_read, from_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(from_write)
        self.out, self.into = os.fdopen(to_write, "wb"), os.fdopen(from_read, "rb")
        self.number, self.session, self.events = 0, None, []

    def begin(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.out.write(json.dumps(message).encode() + b"\0")
        self.out.flush()
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _message(self):
        data = bytearray()
        while (byte := self.into.read(1)) != b"\0":
            assert byte, "the browser has ended"
            data += byte
        return data

    def run(self, script):
        """Evaluate a script, waiting for the promise that it is worth."""
        told = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.until("document.body && document.body.dataset.ready === 'yes'")

    def until(self, condition):
        """Wait in the page, frame by frame, until a condition holds."""
        self.run(
            "new Promise((done) => { const look = () => "
            f"({condition}) ? done(true) : setTimeout(look, 15); look(); }})"
        )

    def key(self, key):
        self.run(f"document.dispatchEvent(new KeyboardEvent('keydown', {{ key: {json.dumps(key)} }})), 0")

    @property
    def complaints(self):
        kinds = (
            "Runtime.exceptionThrown",
            "Log.entryAdded",
            "Runtime.consoleAPICalled",
            "Network.loadingFailed",
        )
        return [event for event in self.events if event.get("method") in kinds]

    @property
    def asked(self):
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.out.close()
        self.into.close()


@pytest.fixture
def browser(tmp_path):
    if BROWSER is None or os.name != "posix":
        pytest.skip("no browser is installed")
    opened = Browser(tmp_path / "profile")
    try:
        opened.begin()
        yield opened
    finally:
        opened.close()


def shown_number(name, side=0):
    return f"Number(document.querySelectorAll('[data-name=\"{name}\"]')[{side}].dataset.value)"


def test_the_page_in_a_browser(browser):
    made = zobench.problem("quadratic", dim=2)
    shown = Show(made, [(solver("s2p"), {}), (solver("stp"), {})], 60, 3)
    with serving(shown) as server:
        browser.open(server.url + "#paused")
        at = "Number(document.body.dataset.at)"
        assert browser.run(at) == 0
        assert browser.run("document.querySelectorAll('svg.map').length") == 2
        # one step at a time, by button and by key, and back
        for act, where in (("step", 1), ("step", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("back", 1)):
            if act.startswith("Arrow"):
                browser.key(act)
            else:
                browser.run(f"document.getElementById('{act}').click()")
            browser.until(f"{at} === {where}")
        first = zobench.run(made, "s2p", budget=2, seed=3, parameters=shown.sides[0].walk.parameters)
        assert browser.run(shown_number("queries")) == 2
        assert browser.run(shown_number("f(x)")) == first.value
        # plays, and a pause holds
        browser.run("(document.getElementById('speed').value = 90, document.getElementById('play').click())")
        browser.until(f"{at} > 3")
        browser.key(" ")
        held = browser.run(at)
        assert browser.run("document.body.dataset.playing") == "false"
        frames = "let n = 12; const f = () => (n-- ? requestAnimationFrame(f) : done(0)); f();"
        browser.run(f"new Promise((done) => {{ {frames} }})")
        assert browser.run(at) == held
        # at the end the numbers are the trace's
        browser.key("End")
        browser.until("document.getElementById('end').disabled")
        for side, name in enumerate(("s2p", "stp")):
            trace = zobench.run(made, name, budget=60, seed=3, parameters=shown.sides[side].walk.parameters)
            assert browser.run(shown_number("queries", side)) == trace.count
            assert browser.run(shown_number("f(x)", side)) == trace.value
            assert browser.run(shown_number("best f asked", side)) == trace.best
        assert "The budget of queries was spent." in browser.run(
            "document.getElementById('status').textContent"
        )
        assert browser.complaints == []
        assert all(url.startswith((server.url, "data:", "about:")) for url in browser.asked)


def test_the_single_file_in_a_browser(browser, tmp_path):
    shown = show("nelder-mead", problem="rosenbrock", budget=50)
    (tmp_path / "run.html").write_text(alone(shown), encoding="utf-8")
    browser.open((tmp_path / "run.html").as_uri() + "#paused")
    browser.run("document.getElementById('end').click()")
    browser.until("document.getElementById('end').disabled")
    trace = zobench.run(shown.instance, "nelder-mead", budget=50, seed=3)
    assert browser.run(shown_number("best f asked")) == trace.best
    assert browser.complaints == []
    assert [url for url in browser.asked if not url.startswith(("file:", "data:", "about:"))] == []
