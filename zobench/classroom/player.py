"""The process of one submission: it loads the file, tries the contract, and asks through a pipe for values.

It is sent one line of JSON for what is to be loaded and one for each run.  It sends frames: a kind of one
byte, a length of four, and the content.  ``Q`` is a query, d doubles, which is answered with one double;
``S`` is JSON about where it stands.  Nothing that it sends is believed but the points: score and count are
kept by the other side.
"""

import json
import os
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, BinaryIO

from zobench.classroom.guard import guard
from zobench.classroom.reading import faults_of, short
from zobench.parallel.worker import die_with_caller

__all__ = ["START", "main"]

#: The program of the process: its path from the caller, what it prints into nothing.
START = """
import json, os, sys
reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
nothing = os.open(os.devnull, os.O_RDWR)
os.dup2(nothing, 0), os.dup2(nothing, 1), os.dup2(nothing, 2), os.close(nothing)
sys.path[:] = json.loads(reader.readline())
from zobench.classroom.player import main
main(reader, writer)
"""


class _Fault(Exception):
    """Why the submission is out, for people."""


class _Line:
    """The submission's end of the pipe."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO):
        self._reader, self._writer = reader, writer

    def frame(self, kind: bytes, content: bytes) -> None:
        self._writer.write(kind + struct.pack("<I", len(content)) + content)
        self._writer.flush()

    def say(self, **facts: Any) -> None:
        self.frame(b"S", json.dumps(facts).encode())

    def told(self) -> Any:
        line = self._reader.readline()
        return json.loads(line) if line else None

    def value(self, x: Any) -> float:
        """Ask for f(x)."""
        self.frame(b"Q", x.tobytes())
        data = self._reader.read(8)
        if len(data) < 8:
            os._exit(1)  # nobody is there any more
        return float(struct.unpack("<d", data)[0])


def main(reader: BinaryIO, writer: BinaryIO) -> None:
    r"""Play one submission until there are no more runs, then end the process.

    Parameters
    ----------
    reader : binary file
        What the referee sends: a line of JSON for the submission, then one for each run.
    writer : binary file
        Where frames are written, as the module says.

    Examples
    --------
    What a process of `START` sends of a file without a word:

    >>> import subprocess, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "ann.py"
    ...     _ = file.write_text("")
    ...     lines = [sys.path, {"file": str(file), "check": False, "seconds": 1.0}]
    ...     given = "".join(json.dumps(line) + "\n" for line in lines).encode()
    ...     sent = subprocess.run([sys.executable, "-c", START], input=given, capture_output=True).stdout
    >>> sent[:1], json.loads(sent[5:])
    (b'S', {'fault': 'the file is empty'})
    """
    die_with_caller()
    line = _Line(reader, writer)
    try:
        _play(line)
    except _Fault as fault:
        line.say(fault=str(fault))
    except MemoryError:
        line.say(fault="it asked for more memory than there is")
    except BaseException as error:
        told = short(str(error))
        line.say(fault=f"it raised {type(error).__name__}{': ' + told if told else ''}")
    sys.stdout.flush()
    os._exit(0)


def _play(line: _Line) -> None:
    task = line.told()
    if task.get("baseline"):
        from zobench.solver import solver as solver_of

        solver = solver_of(task["baseline"])
    else:
        solver = _loaded(line, Path(task["file"]), bool(task["check"]), float(task["seconds"]))
    line.say(stage="ready", name=str(getattr(solver, "name", "")))
    while (run := line.told()) is not None:
        _run(line, solver, run)


def _loaded(line: _Line, file: Path, check: bool, seconds: float) -> Any:
    """Load the file and try the contract."""
    faults = faults_of(file)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise _Fault(faults[0] + more)
    from zobench.contract.author import compile_fault, line_of
    from zobench.contract.check import check_solver, load_file
    from zobench.contract.source import kernel_faults
    from zobench.solver import Solver

    line.say(stage="loading")
    guard(str(file), lambda fault: line.say(fault=fault))
    try:
        module = load_file(file)
    except (Exception, SystemExit) as error:
        where = line_of(error, file)
        raise _Fault(f"it cannot be loaded{where}: {type(error).__name__}: {short(str(error))}") from None
    solver = getattr(module, "solver", None)
    if not isinstance(solver, Solver) or type(solver) is not Solver:
        raise _Fault("it must define `solver = Solver(...)` with a step that zobench compiles, and does not")
    if solver.gradients:
        raise _Fault("it asks for gradients, and the class is about values")
    for name in ("init", "step", "cost", "settle", "start"):
        # a function of its file stands on the stack of what it calls, and other callables do not
        if not isinstance(getattr(solver, name, None), FunctionType | None):
            raise _Fault(f"{name} must be a function that is written with def or lambda")
    line.say(stage="checking")
    try:
        faults = kernel_faults(solver)
    except Exception as error:
        raise _Fault(f"its step cannot be read: {type(error).__name__}: {short(str(error))}") from None
    if faults:
        raise _Fault(short(faults[0]))
    fault = compile_fault(solver, file)  # so that no run's clock sees the compiler
    if fault:
        raise _Fault(short(fault))
    for outcome in check_solver(solver, limit=seconds) if check else ():
        if not outcome.ok:
            raise _Fault(f"zobench check: {outcome.name!r} does not hold: {short(outcome.message)}")
    return solver


def _run(line: _Line, solver: Any, run: Mapping[str, Any]) -> None:
    """Do one run over the pipe."""
    import numpy as np

    from zobench.certificate import Certificate, Certificates
    from zobench.objective import objective_of
    from zobench.solver import Setting

    x0 = np.array(run["x0"])
    constants = [Certificate(name, value, "told to the class") for name, value in run["constants"].items()]
    going = solver.begin(
        objective_of(line.value, x0.size),
        Setting(x0.size, run["budget"], Certificates(*constants)),
        {},
        x0,
        stream_key=run["stream"],
        rows=1,
    )
    while going.advance():
        pass
    line.say(stage="done")
