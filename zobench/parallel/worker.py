"""The worker process: it takes calls from a pipe and sends what comes of them back, until the pipe closes.

`zobench.parallel.processes` starts it.  Messages are pickles, each after its length in eight bytes:

=========================  ==================================================================
``(function, arguments)``  to the worker: a call; of a generator every item is sent when made
``("ready", None)``         from it, once
``("items", list)``         what a generator made since the last message
``("phase", Phase)``        what a generator said of itself: it is preparing, or running now
``("end", value)``          the call is over; the value of a plain function
``("error", exception)``    it raised
=========================  ==================================================================

Nothing at the top loads numpy: its libraries read the number of threads when they are loaded.
"""

import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from types import GeneratorType
from typing import Any, BinaryIO

__all__ = ["START", "Phase", "die_with_caller", "main", "receive", "send"]

#: The program of a worker: the caller's search path first, for that is where the caller found zobench; what
#: the run prints goes to stderr, for stdout is the pipe.
START = """
import json, os, sys
reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
nothing = os.open(os.devnull, os.O_RDONLY)
os.dup2(nothing, 0), os.dup2(2, 1), os.close(nothing)
sys.path[:] = json.loads(reader.readline())
from zobench.parallel.worker import main
main(reader, writer)
"""

#: Items of a generator wait for company this long (seconds): a message each would cost short runs too much.
COMPANY = 0.05


class Phase(Enum):
    """What the time limit of a generator's next item is.

    Attributes
    ----------
    PREPARING
        What is done once in a process, such as compiling an objective: two minutes or more are allowed.
    RUNNING
        A run: the limit that was asked for.

    Examples
    --------
    A generator says which before each item; the items alone are answered:

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from zobench.parallel.pool import Given
    >>> def items():
    ...     yield Phase.PREPARING
    ...     yield Phase.RUNNING
    ...     yield "done"
    >>> with ThreadPoolExecutor(1) as executor:
    ...     Given(executor).submit(items).result()
    ['done']
    """

    PREPARING = "preparing"
    RUNNING = "running"


def send(pipe: BinaryIO, message: Any) -> None:
    """Write one message.

    Parameters
    ----------
    pipe : binary file
        Open for writing; it is flushed.
    message : object
        Anything that can be pickled.

    Examples
    --------
    >>> import io
    >>> pipe = io.BytesIO()
    >>> send(pipe, ("end", 7))
    >>> int.from_bytes(pipe.getvalue()[:8], "little") == len(pipe.getvalue()) - 8
    True
    """
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(len(data).to_bytes(8, "little") + data)
    pipe.flush()


def receive(pipe: BinaryIO) -> bytes | None:
    """Read one message, still pickled; None if the other end has gone.

    Parameters
    ----------
    pipe : binary file
        Open for reading.

    Returns
    -------
    bytes or None
        None also where the message ends before its length.

    Examples
    --------
    >>> import io
    >>> pipe = io.BytesIO()
    >>> send(pipe, ("end", 7))
    >>> start = pipe.seek(0)
    >>> pickle.loads(receive(pipe)), receive(pipe)
    (('end', 7), None)
    """
    try:
        head = pipe.read(8)
        data = pipe.read(int.from_bytes(head, "little")) if len(head) == 8 else b""
    except (OSError, ValueError):
        return None
    return data if len(head) == 8 and len(data) == int.from_bytes(head, "little") else None


def main(reader: BinaryIO, writer: BinaryIO) -> None:
    """Answer calls until the caller's end of the pipe closes, which ends this process at once.

    It never returns.  Ctrl-C is ignored here: the caller handles it.

    Parameters
    ----------
    reader : binary file
        The calls: ``(function, arguments)`` each, as `send` writes them.
    writer : binary file
        Gets what comes of them.

    Examples
    --------
    What a process of its own does, before which `START` puts the pipes out of harm's way:

    >>> def program():
    ...     main(os.fdopen(0, "rb"), os.fdopen(1, "wb"))
    >>> START.strip().splitlines()[-1]
    'main(reader, writer)'
    """
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller handles Ctrl-C
    die_with_caller()
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        while (data := receive(reader)) is not None:
            calls.put(data)
        os._exit(1)  # in the middle of a run, too

    threading.Thread(target=listen, daemon=True).start()
    send(writer, ("ready", None))
    while True:
        try:
            _answer(writer, calls.get())
        except OSError:
            os._exit(1)  # nobody reads any more


def _answer(writer: BinaryIO, data: bytes) -> None:
    value = None
    try:
        function, arguments = pickle.loads(data)
        value = function(*arguments)
        if isinstance(value, GeneratorType):
            for batch in _gathered(value):
                send(writer, batch)
            value = None
        send(writer, ("end", value))
    except OSError:
        raise
    except Exception as error:
        try:
            send(writer, ("error", error))
        except (pickle.PicklingError, TypeError, AttributeError):
            send(writer, ("error", RuntimeError(f"{type(error).__name__}: {error}")))


def _gathered(items: Iterator[Any]) -> Iterator[tuple[str, Any]]:
    """Put quick items into one message; one that took longer than `COMPANY` goes at once."""
    batch: list[Any] = []
    begun = time.monotonic()
    for item in items:
        if isinstance(item, Phase):
            if batch:
                yield "items", batch
            yield "phase", item
            batch, begun = [], time.monotonic()
            continue
        batch.append(item)
        if time.monotonic() - begun > COMPANY:
            yield "items", batch
            batch, begun = [], time.monotonic()
    if batch:
        yield "items", batch


def die_with_caller() -> None:
    """Ask Linux to end this process with its caller, and, if memory runs out, before its caller.

    Elsewhere the listening thread notices that the caller has gone; code that holds the interpreter's lock
    for good would outlive it there.

    Examples
    --------
    In a process that was started for one purpose, first of all:

    >>> def main():
    ...     die_with_caller()
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
