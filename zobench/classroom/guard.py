"""Once a submission is loaded its Python may compute, and nothing else: whatever leads out ends its process.

Python reports to audit hooks what leaves the interpreter: files, processes, the network, foreign functions.
A hook cannot be taken away again.  What a submission's own lines do is told from what zobench does on their
behalf by the frames of the call.  That stops what a text can hide from `zobench.classroom.reading`; it is no
protection against malware, which may go where Python does not look.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

__all__ = ["guard"]

#: What is reported, by the beginning of the event's name, and what is said of it.
LEADS_OUT = {
    "open": "opened a file",
    "os.": "used the operating system",
    "subprocess.": "started a process",
    "pty.": "started a process",
    "socket.": "used the network",
    "urllib.": "used the network",
    "http.": "used the network",
    "webbrowser.": "used the network",
    "shutil.": "changed files",
    "tempfile.": "changed files",
    "glob.": "looked for files",
    "pathlib.": "looked for files",
    "sqlite3.": "opened a file",
    "ctypes.": "reached into memory",
    "mmap.": "reached into memory",
    "gc.": "reached into memory",
    "sys.": "reached into the interpreter",
    "cpython.": "reached into the interpreter",
    "object.__setattr__": "reached into the interpreter",
    "signal.": "used the operating system",
    "fcntl.": "used the operating system",
    "resource.": "used the operating system",
    "faulthandler.": "used the operating system",
    "time.sleep": "slept",
    "builtins.input": "waited for an input",
    "builtins.breakpoint": "waited for an input",
}
#: What the library does by itself, too, when a named tuple is made.
DIRECTLY = ("sys._getframe", "object.__setattr__")
OURS = str(Path(__file__).parent.parent)
IMPORTING = "<frozen importlib"


def guard(file: str, tell: Callable[[str], None]) -> None:
    """Watch what a file's lines do from now on, until the process ends.

    Parameters
    ----------
    file : str
        The submission, as the frames of its functions call it.
    tell : callable
        ``tell(fault)``, before the process ends.

    Examples
    --------
    In a process of its own, for a hook stays until the process ends:

    >>> import subprocess, sys
    >>> program = '''
    ... from zobench.classroom.guard import guard
    ... def tell(fault):
    ...     print(fault, flush=True)
    ... exec(compile("def go(): open('answers.txt')", "ann.py", "exec"))
    ... guard("ann.py", tell)
    ... go()
    ... print("not reached")
    ... '''
    >>> ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    >>> ended.stdout.strip()
    'line 1 opened a file (open)'
    """
    # all that the hook uses is its own: what lies in modules could be exchanged
    leads_out, directly, ours = tuple(LEADS_OUT.items()), DIRECTLY, (OURS, IMPORTING)
    frame_of, leave, inside = sys._getframe, os._exit, False

    def line_of(frame: FrameType | None, at_once: bool) -> int:
        """Find the line of the file that is at work; 0 if zobench or an import is at work for it."""
        while frame is not None:
            name = frame.f_code.co_filename
            if name == file or (name == "<string>" and frame.f_code.co_name == "<module>"):
                return frame.f_lineno  # what zobench evaluates for it, such as an annotation, is "<string>"
            if at_once or name.startswith(ours):
                return 0
            frame = frame.f_back
        return 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal inside
        if inside:
            return
        words = ""
        for start, said in leads_out:
            if event.startswith(start):
                words = said
                break
        if not words or (event == "open" and arguments[0] == file):  # opened for a line of a warning
            return
        inside = True  # what follows is reported, too
        line = line_of(frame_of(1), event in directly)
        if line:
            try:
                tell(f"line {line} {words} ({event})")
            finally:
                leave(0)
        inside = False

    sys.addaudithook(hook)
