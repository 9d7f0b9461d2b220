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
from typing import Any, BinaryIO

from zobench.parallel.worker import _die_with_caller

__all__ = ["ALLOWED", "START", "faults_of", "main", "short"]

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
#: Packages that a submission may import from, besides the modules of zobench that solvers are made with.
ALLOWED = frozenset(
    (
        "__future__ abc collections dataclasses enum functools itertools math numbers numpy operator typing"
    ).split()
)
#: Names that lead to the optimum, or out of the file.
FORBIDDEN = frozenset(
    (
        "x_star f_globals f_back gi_frame tb_frame "
        "__globals__ __builtins__ __subclasses__ __loader__ __spec__"
    ).split()
)
#: Bytes of a submission at most.
LARGEST = 200_000
#: Characters of a message that is shown.
SHOWN = 220
NOT = "which a submission may not"


def short(text: str) -> str:
    """Bring a message to one line that can be read."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    told = " ".join(" ".join(lines[:2]).split())
    return told if len(told) <= SHOWN else told[: SHOWN - 3].rstrip() + "..."


def faults_of(file: Path) -> list[str]:
    """Name what a file must not have, from its text alone: nothing of it is run.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "mine.py"
    >>> _ = file.write_text("import os")
    >>> faults_of(file)
    ['line 1 imports os, which a submission may not']
    """
    import ast

    data = file.read_bytes()
    if len(data) > LARGEST:
        return [f"the file has {len(data):,} bytes, and at most {LARGEST:,} are taken"]
    try:
        tree = ast.parse(data, file.name)
    except SyntaxError as error:
        return [f"line {error.lineno or 1} is not Python: {error.msg}"]
    except (ValueError, RecursionError, MemoryError) as error:
        return [f"the file cannot be read as Python: {short(str(error)) or type(error).__name__}"]
    from zobench.contract.source import BUILTINS, _harmless

    found = []
    for node in ast.walk(tree):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] not in ALLOWED]
            found += [f"{where} imports {name}, {NOT}" for name in names]
        elif isinstance(node, ast.ImportFrom):
            top = (node.module or "").split(".")[0]
            good = top in ALLOWED or top == "zobench"
            found += [
                f"{where} imports {'.' * node.level}{node.module or ''}.{alias.name}, {NOT}"
                for alias in node.names
                if node.level or not good or not _harmless(node, alias.name)
            ]
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
            found.append(f"{where} reads {node.attr}, {NOT}")
        elif isinstance(node, ast.Name) and node.id in BUILTINS | FORBIDDEN:
            found.append(f"{where} uses {node.id}, {NOT}")
        elif isinstance(node, ast.Constant) and node.value in FORBIDDEN:
            found.append(f"{where} names {node.value}, {NOT}")
    return found


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
    """Play one submission until there are no more runs."""
    _die_with_caller()
    line = _Line(reader, writer)
    try:
        _play(line)
    except _Fault as fault:
        line.say(fault=str(fault))
    except MemoryError:
        line.say(fault="it asked for more memory than there is")
    except BaseException as error:
        line.say(fault=f"it raised {type(error).__name__}: {short(str(error))}")
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
    from zobench.contract.check import _load, check_solver
    from zobench.solver import Solver

    line.say(stage="loading")
    try:
        module = _load(file)
    except (Exception, SystemExit) as error:
        where = _line_of(error, file)
        raise _Fault(f"it cannot be loaded{where}: {type(error).__name__}: {short(str(error))}") from None
    solver = getattr(module, "solver", None)
    if not isinstance(solver, Solver) or type(solver) is not Solver:
        raise _Fault("it must define `solver = Solver(...)` with a step that zobench compiles, and does not")
    if solver.gradients:
        raise _Fault("it asks for gradients, and the class is about values")
    line.say(stage="checking")
    try:
        solver.warm()  # so that no run's clock sees the compiler
    except Exception as error:
        raise _Fault(f"its step cannot be compiled: {short(str(error))}") from None
    for outcome in check_solver(solver, limit=seconds) if check else ():
        if not outcome.ok:
            raise _Fault(f"zobench check: {outcome.name!r} does not hold: {short(outcome.message)}")
    return solver


def _line_of(error: BaseException, file: Path) -> str:
    """Say in which line of the file an exception came up."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == file.name:
            found = f" (line {trace.tb_lineno})"
        trace = trace.tb_next
    return found


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
