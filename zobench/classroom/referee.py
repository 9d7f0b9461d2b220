"""The other side of the pipe: starts a submission's process, answers its queries, holds it to its limits.

Values and counts come from here, so a submission can neither ask more than its budget nor report a value
that it was not given.  Time is the processor time of its process, so that a busy machine costs nobody a
place; where the system does not tell it, and for a process that sleeps, a clock three times as patient.
"""

import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zobench.classroom.hidden import Hidden
from zobench.classroom.player import START
from zobench.classroom.reading import short
from zobench.parallel.processes import one_thread, resident_size

__all__ = ["Limits", "Result", "play"]

#: The clock is this much more patient than the processor time, plus seconds for a machine that swaps.
PATIENT, GRACE = 3.0, 5.0
#: Seconds that starting and the contract may take: most of them compile.
STARTING, CHECKING = 60.0, 180.0
#: How often time and memory are looked at (seconds).
LOOK = 0.05
#: A frame that is longer than this is no query of ours.
LONGEST = 2**20
#: What a submission is told of the environment; passwords in it are none of its business.
KEPT = (
    *("HOME", "LANG", "LC_", "LD_LIBRARY_PATH", "NUMBA", "PATH", "PYTHON", "TMP", "TEMP", "VIRTUAL_ENV"),
    *("XDG_CACHE_HOME", "ZOBENCH"),
)
#: In this order, each once: who says more does not get more time.
STAGES = ("starting", "loading", "checking", "ready")


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Attributes
    ----------
    seconds : float
        Of processor time, for loading the file and for every run.
    memory : int
        Bytes of resident memory.
    check : bool
        Whether the contract is tried.

    Examples
    --------
    >>> Limits(seconds=2.0)
    Limits(seconds=2.0, memory=1000000000, check=True)
    """

    seconds: float = 10.0
    memory: int = 10**9
    check: bool = True


@dataclass
class Result:
    """What became of one submission.

    Attributes
    ----------
    name : str
        The file's name without its ending.
    baseline : bool
        Whether it is a solver of zobench that was run beside.
    fault : str
        Why it is not ranked; empty if it is.
    digits : list of float
        The score of each hidden run, in their order.
    queries : list of int
        Answered in each.
    seconds : float
        Processor time of all runs.

    Examples
    --------
    >>> Result("ann", digits=[1.0, 2.0]).score, Result("bob", fault="the file is empty").score
    (1.5, nan)
    """

    name: str
    baseline: bool = False
    fault: str = ""
    digits: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def score(self) -> float:
        """The mean of the digits; NaN if it is not ranked."""
        return float("nan") if self.fault or not self.digits else float(np.mean(self.digits))


class _Out(Exception):
    """Why the submission is out."""


def play(
    source: Path | str, runs: Sequence[Hidden], limits: Limits, stop: threading.Event | None = None
) -> Result:
    """Let one submission play all hidden runs, in a process of its own.

    Parameters
    ----------
    source : Path or str
        The submission's file; or the name of a registered solver, as a baseline.
    runs : sequence of Hidden
    limits : Limits
    stop : threading.Event
        Once it is set the process is ended.

    Returns
    -------
    Result
        Also of a file that hangs, crashes, or eats memory: with the reason in words.

    Examples
    --------
    A file that is gone costs nothing but a reason; with any other a process is started:

    >>> play(Path("nowhere.py"), [], Limits()).fault
    'the file cannot be read: No such file or directory'
    """
    baseline = isinstance(source, str)
    result = Result(str(source) if baseline else Path(source).stem, baseline)
    with tempfile.TemporaryDirectory(prefix="zobench-class-", ignore_cleanup_errors=True) as folder:
        task: dict[str, Any] = {"check": limits.check, "seconds": limits.seconds}
        if baseline:
            task["baseline"] = source
        else:
            task["file"] = str(Path(folder) / "submission.py")
            try:
                shutil.copyfile(source, task["file"])
            except OSError as error:
                result.fault = f"the file cannot be read: {error.strerror}"
                return result
        process = _Process(folder, limits, stop or threading.Event())
        try:
            _converse(process, task, runs, result)
        except _Out as out:
            result.fault = str(out)
        finally:
            process.end()
    return result


def _converse(process: "_Process", task: dict[str, Any], runs: Sequence[Hidden], result: Result) -> None:
    process.tell([os.path.abspath(entry or os.curdir) for entry in sys.path])
    process.tell(task)
    process.prepare()
    for number, hidden in enumerate(runs):
        process.what = f"hidden run {number + 1} of {len(runs)} ({hidden.problem})"
        process.begin(process.limits.seconds)
        process.tell(hidden.task())
        best, count = _answer(process, hidden)
        result.digits.append(hidden.digits(best))
        result.queries.append(count)
        result.seconds += process.spent


def _answer(process: "_Process", hidden: Hidden) -> tuple[float, int]:
    """Answer the queries of one run; give the best value and the count."""
    best, count, size = np.inf, 0, 8 * hidden.instance.dim
    while True:
        kind, content = process.hear()
        if kind == b"S":
            process.told(content, "done")
            return best, count
        if len(content) != size:
            raise _Out(f"in {process.what} it asked for a point that is no vector of size {size // 8}")
        value = np.inf
        if count < hidden.budget:  # past the budget there is nothing to be had
            count += 1
            value = hidden.value(np.frombuffer(content, dtype="<f8"))
            best = min(best, value) if value == value else best
        process.answer(value)


class _Process:
    """A submission's process, its pipes and its limits."""

    def __init__(self, folder: str, limits: Limits, stop: threading.Event):
        self.limits, self.what, self._stop = limits, "starting", stop
        environment = {name: text for name, text in os.environ.items() if name.startswith(KEPT)}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        one_thread(environment)
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        self._process = subprocess.Popen(
            [sys.executable, *flags, "-P", "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._into, self._from = self._process.stdin, self._process.stdout
        self._buffer = bytearray()
        self._looked = 0.0
        self.begin(STARTING)

    def begin(self, allowed: float) -> None:
        """Set the clocks of a stage."""
        self._allowed, self._since, self._used = allowed, time.monotonic(), _processor_time(self._process.pid)

    @property
    def spent(self) -> float:
        """Seconds of processor time, or of the clock where the system does not tell, since `begin`."""
        now = _processor_time(self._process.pid)
        return time.monotonic() - self._since if now is None or self._used is None else now - self._used

    def prepare(self) -> None:
        """Follow the stages up to the first run."""
        place, allowed = 0, {"loading": self.limits.seconds, "checking": CHECKING, "ready": 0.0}
        while STAGES[place] != "ready":
            kind, content = self.hear()
            if kind != b"S":
                raise _Out("it asked for values before its first run")
            stage = self.told(content, *STAGES[place + 1 :])
            place, self.what = STAGES.index(stage), {"checking": "zobench check"}.get(stage, stage)
            self.begin(allowed[stage])

    def told(self, content: bytes, *expected: str) -> str:
        """Read a message about where it stands."""
        try:
            facts = json.loads(content)
            fault, stage = facts.get("fault", ""), facts.get("stage", "")
        except (ValueError, AttributeError):
            fault, stage = "", ""
        if fault:
            place = f" in {self.what}" if self.what.startswith("hidden run") else ""
            raise _Out(short(str(fault)) + place)
        if stage not in expected:
            raise _Out(f"in {self.what} it wrote into the pipe by which it is judged")
        return str(stage)

    def tell(self, message: Any) -> None:
        """Send one line of JSON."""
        self._send(json.dumps(message).encode() + b"\n")

    def answer(self, value: float) -> None:
        """Send the answer to a query."""
        self._send(struct.pack("<d", value))

    def _send(self, data: bytes) -> None:
        try:
            self._into.write(data)
        except OSError:
            raise _Out(self._ended()) from None

    def hear(self) -> tuple[bytes, bytes]:
        """Wait for a frame, and look at time and memory meanwhile."""
        while True:
            if len(self._buffer) >= 5:
                (size,) = struct.unpack_from("<I", self._buffer, 1)
                if size > LONGEST:
                    raise _Out(f"in {self.what} it wrote into the pipe by which it is judged")
                if len(self._buffer) >= 5 + size:
                    kind, content = bytes(self._buffer[:1]), bytes(self._buffer[5 : 5 + size])
                    del self._buffer[: 5 + size]
                    self._look(False)
                    return kind, content
            ready = select.select([self._from], [], [], LOOK)[0]
            self._look(not ready)
            if ready:
                data = os.read(self._from.fileno(), 65536)
                if not data:
                    raise _Out(self._ended())
                self._buffer += data

    def _look(self, idle: bool) -> None:
        now = time.monotonic()
        if not idle and now - self._looked < LOOK:
            return
        self._looked = now
        if self._stop.is_set():
            raise _Out("the class was interrupted")
        size = resident_size(self._process.pid)
        if size > self.limits.memory:
            raise _Out(
                f"it used more than its {self.limits.memory / 1e6:.0f} MB of memory in {self.what}, "
                "and was stopped"
            )
        if self.spent > self._allowed or now - self._since > PATIENT * self._allowed + GRACE:
            raise _Out(f"{self.what} took longer than {self._allowed:g} s, and was stopped")

    def _ended(self) -> str:
        """Say how a process ended that nobody has stopped."""
        try:
            code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return f"in {self.what} it closed the pipe by which it asks"
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            return f"its process was ended by {name} in {self.what}"
        return f"its process ended by itself in {self.what} (exit code {code})"

    def end(self) -> None:
        """End the process and what it has started."""
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in self._into, self._from:
            with suppress(OSError):
                pipe.close()


def _processor_time(process: int) -> float | None:
    """Give the processor time of a process (seconds); None where the system does not say."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
