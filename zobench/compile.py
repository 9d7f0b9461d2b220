"""Plain Python functions made into C functions: once in the life of the disk cache.

Authors write undecorated functions; nothing is compiled, and numba is not even loaded, to list or show
them.  A function is compiled when a run needs it, behind one fixed C signature per role, into a
cache folder of zobench's own.  The file's name carries a digest of every source the machine code was
made from, so a changed helper is never served stale (numba itself looks only at the file that holds
the outermost function).
"""

import hashlib
import inspect
import os
import pickle
import platform
import re
import sys
import tempfile
import threading
import types as python
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from zobench.errors import ZobenchError
from zobench.machine_code import keep, load

__all__ = [
    "address_of",
    "apart",
    "cache_folder",
    "compiled",
    "jitable",
    "layout_of",
    "named_in",
    "reached_from",
    "typed",
]

#: Files of the core whose records every piece of machine code may read, named by any function or not.
_LAYOUTS = ("compile", "emitted", "loop", "objective", "oracle", "stream", "views")
_LOCK = threading.RLock()
_REGISTERED: set[Callable[..., Any]] = set()
_INLINED: set[Callable[..., Any]] = set()
_APART: set[Callable[..., Any]] = set()
#: name of every C function made in this process -> what keeps its code alive and has its address
compiled: dict[str, Any] = {}


@cache
def cache_folder() -> Path:
    """Give the folder of compiled code and cached solutions, created if need be.

    ``ZOBENCH_CACHE_DIR`` if set, else ``zobench`` under the user's cache folder, else, where that
    cannot be written, a folder of this user's under the temporary one.

    Returns
    -------
    Path
        The same as long as the process lives.

    Raises
    ------
    OSError
        If none of these can be written.

    Examples
    --------
    >>> cache_folder().is_dir()
    True
    """
    chosen = os.environ.get("ZOBENCH_CACHE_DIR")
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zobench"
    fallback = Path(tempfile.gettempdir()) / f"zobench-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    for folder in [Path(chosen)] if chosen else [usual, fallback]:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError:
            continue
        return folder
    raise OSError(f"no writable cache folder: set ZOBENCH_CACHE_DIR to one (tried {chosen or usual})")


@cache
def _machine_folder() -> Path:
    """Give the compiled code's own folder: machine code is good for one processor and one compiler."""
    import llvmlite.binding

    parts = (
        version("numba"),
        platform.python_version(),
        platform.machine(),
        llvmlite.binding.get_host_cpu_name(),
        llvmlite.binding.get_host_cpu_features().flatten(),
    )
    return cache_folder() / "code" / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _codes(function: Callable[..., Any]) -> Iterator[python.CodeType]:
    """Yield the body of `function` and the bodies nested in it."""
    stack = [function.__code__]
    while stack:
        code = stack.pop()
        stack += [inner for inner in code.co_consts if isinstance(inner, python.CodeType)]
        yield code


def named_in(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Yield what the body of a function names outside itself: globals, and variables around it.

    Parameters
    ----------
    function : callable
        A plain Python function.

    Yields
    ------
    tuple of (str, object)
        The name and what it stands for.

    Examples
    --------
    >>> half = 0.5
    >>> def scaled(x):
    ...     return half * x
    >>> list(named_in(scaled))
    [('half', 0.5)]
    """
    for code in _codes(function):
        for name in code.co_names:
            if name in function.__globals__:
                yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents


def _helpers(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Yield the plain Python functions that the body of `function` names, at any depth of nested code."""
    for _, value in named_in(function):
        if isinstance(value, python.FunctionType):
            yield value


def reached_from(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """List a function and every plain function that it reaches.

    Parameters
    ----------
    function : callable
        A plain Python function.

    Returns
    -------
    list of callable
        Itself first.

    Examples
    --------
    >>> def double(x):
    ...     return 2.0 * x
    >>> def fourfold(x):
    ...     return double(double(x))
    >>> [each.__name__ for each in reached_from(fourfold)]
    ['fourfold', 'double']
    """
    found, stack = [], [function]
    while stack:
        current = stack.pop()
        if current not in found:
            found.append(current)
            stack += list(_helpers(current))
    return found


def jitable(function: Callable[..., Any], inline: bool = False) -> Callable[..., Any]:
    """Let compiled code call `function` and every plain function it names; the functions stay plain.

    Parameters
    ----------
    function : callable
        What it calls at any depth is found by the names that stand in it.
    inline : bool
        Whether compiled code takes this one in whole.

    Returns
    -------
    callable
        The same.

    Examples
    --------
    >>> def half(number):
    ...     return 0.5 * number
    >>> def quarter(number):
    ...     return half(half(number))
    >>> jitable(quarter)(3.0)
    0.75
    """
    from numba.extending import register_jitable

    with _LOCK:
        for each in reached_from(function):
            if each not in _REGISTERED:
                _REGISTERED.add(each)
                always = (inline and each is function) or each in _INLINED
                register_jitable(
                    inline="always" if always else "never",
                    forceinline=each not in _APART,
                    error_model="numpy",
                )(each)
    return function


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a plain function as one that compiled code takes in whole (for the few of the inner loop)."""
    _INLINED.add(function)
    return function


def apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a plain function as one that compiled code calls: for large ones called in many places.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        The same, which stays plain Python.

    Examples
    --------
    >>> @apart
    ... def squared_length(x):
    ...     total = 0.0
    ...     for number in x:
    ...         total += number * number
    ...     return total
    >>> squared_length([3.0, 4.0])
    25.0
    """
    _APART.add(function)
    return function


@cache
def _source(file: str) -> bytes:
    """Hash a source file, read once in a process."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).digest()
    except OSError:  # a notebook's cell or an interactive session: no file to read
        return b""


def _digest(functions: list[Callable[..., Any]], layout: str) -> str:
    """Name by content everything the machine code depends on.

    That is: whole source files, which function of them, the constants it names, the layout of what it reads.
    """
    here = Path(__file__).parent
    files = {str(here / f"{name}.py") for name in _LAYOUTS} | {*map(inspect.getfile, functions)}
    digest = hashlib.sha256(layout.encode())
    for file in sorted(files):
        digest.update(_source(file))
    for function in functions:
        digest.update(_described(function))
    return digest.hexdigest()[:20]


def _described(function: Callable[..., Any]) -> bytes:
    """Hash one function: its name, its code, the constants that it names."""
    digest = hashlib.sha256(function.__qualname__.encode())
    for code in _codes(function):
        plain = [value for value in code.co_consts if not isinstance(value, python.CodeType)]
        digest.update(code.co_code + repr(plain).encode())
    for name, value in named_in(function):
        if isinstance(value, np.ndarray):
            digest.update(f"{name}={value.dtype}{value.shape};".encode() + value.tobytes())
        elif isinstance(value, (int, float, str, tuple, np.generic)):
            digest.update(f"{name}={value!r};".encode())
    return digest.digest()


@contextmanager
def _between_processes(folder: Path) -> Iterator[None]:
    """Let one process at a time write compiled code into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as handle:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield  # closing the file gives the lock back


def layout_of(*parts: Any) -> str:
    """Describe classes of named fields, and whatever else fixes a layout, for `typed`.

    A class counts with its module, for cached code looks it up there.

    Parameters
    ----------
    *parts : type or object
        Classes made by NamedTuple; of anything else the text that ``str`` gives.

    Returns
    -------
    str

    Examples
    --------
    >>> from typing import NamedTuple
    >>> class Point(NamedTuple):
    ...     x: float
    ...     y: float
    >>> layout_of(Point, ["float64", "float64"])
    "zobench.compile.Point('x', 'y') ['float64', 'float64']"
    """
    return " ".join(
        f"{part.__module__}.{part.__qualname__}{part._fields}" if hasattr(part, "_fields") else str(part)
        for part in parts
    )


def typed(template: Callable[..., Any], signature: Any, name: str, layout: str = "", **bindings: Any) -> int:
    """Compile `template` as a C function of `signature` and give its address.

    Parameters
    ----------
    template : function
        The outer function.  The names it uses are looked up in `bindings` first, then in its module.
    signature : numba signature
        Of the C function.
    name : str
        What the function is, for the file's name; made unique by a digest of the sources.
    layout : str
        What tells apart the typed views among `bindings`.
    **bindings : object
        What differs from one use of the template to the next: an author's functions, typed views.

    Returns
    -------
    int
        The address.  The code lives as long as the process.

    Raises
    ------
    ZobenchError
        If an author's function, or one that it calls, raises or asserts.

    Examples
    --------
    A law of noise, as `zobench.noise_laws` has it compiled: rounding to multiples of 0.25.

    >>> import ctypes
    >>> from zobench.noise_laws import LAWS, _answer
    >>> signature = "float64(float64, int64, int64)"
    >>> address = typed(_answer, signature, "noise quantised", author=LAWS["quantised"])
    >>> law = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_int64, ctypes.c_void_p)(address)
    >>> law(1.1, 7, ctypes.addressof((ctypes.c_double * 2)(0.25, 3.0)))
    1.0
    """
    authors: list[Any] = [value for value in bindings.values() if isinstance(value, python.FunctionType)]
    reached = [each for function in [*authors, template] for each in reached_from(function)]
    label = re.sub(r"[^A-Za-z0-9]+", "_", name) + "_" + _digest(reached, layout)
    with _LOCK:
        if label not in compiled:
            file = _machine_folder() / f"{label}.object"
            compiled[label] = load(file) or _compile(template, signature, label, authors, bindings, file)
        return compiled[label].address


def _demand_silence(functions: list[Any]) -> None:
    """Refuse kernels that raise or assert: C carries no exception, and a made-up value would be read."""
    import dis

    for function in functions:
        for code in _codes(function):
            if any(step.opname == "RAISE_VARARGS" for step in dis.get_instructions(code)):
                raise ZobenchError(
                    f"kernel {function.__module__}.{function.__qualname__} must not raise or assert, "
                    "for compiled code cannot carry an exception: return inf or NaN instead"
                )


def _compile(
    template: Any, signature: Any, label: str, authors: list[Any], bindings: dict[str, Any], file: Path
) -> Any:
    """Compile with numba, or load what numba or another process has compiled."""
    from numba.core.registry import cpu_target

    _know_emitted()
    _demand_silence([each for author in authors for each in reached_from(author)])
    for author in [*authors, template]:
        jitable_parts = [author] if author is not template else list(_helpers(template))
        for part in jitable_parts:
            jitable(part)
    # numba learns of newly registered functions when its contexts are refreshed.
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    body = python.FunctionType(template.__code__, {**template.__globals__, **bindings}, label)
    body.__qualname__, body.__module__ = label, template.__module__
    folder = _machine_folder()
    with _between_processes(folder):
        made = load(file)  # another process may have been first
        if made is None:
            if file.exists():  # damaged, so that nothing of this function is trusted
                _remove(label, folder)
            made = _cached_or_anew(body, signature, label, folder)
            # our own kernels were tried with every size; a stranger's may not have been
            silent = all(author.__module__.startswith("zobench.") for author in authors)
            keep(file, made._wrapper_name, made._library, silent)
        return made


@cache
def _know_emitted() -> None:
    """Let numba know the functions that exist in compiled code only."""
    from numba.extending import typeof_impl

    from zobench.emitted import Emitted

    typeof_impl.register(Emitted)(lambda value, context: value.typed())


def _cached_or_anew(body: Any, signature: Any, label: str, folder: Path) -> Any:
    """Compile, or load from numba's cache; a file of it that is damaged is made anew, once."""
    try:
        return _cached(body, signature, folder)
    except (
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        ImportError,
        pickle.PickleError,
    ):
        # A file of the cache that a crash or a full disk cut short.
        if not _remove(label, folder):
            raise
        return _cached(body, signature, folder)


def _remove(label: str, folder: Path) -> bool:
    """Remove what the cache has of a function, and say whether there was anything."""
    files = list(folder.rglob(f"*{label}*"))
    for file in files:
        file.unlink(missing_ok=True)
    return bool(files)


def _cached(body: Any, signature: Any, folder: Path) -> Any:
    """Compile or load with numba's own disk cache, pointed at `folder` for this function alone."""
    import numba

    settings: Any = numba.config  # its attributes are made at run time
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(folder)
    try:
        made = numba.cfunc(signature, cache=True, error_model="numpy")(body)
        _ = made.address  # which makes the machine code
        return made
    finally:
        settings.CACHE_DIR = before


def address_of(label: str) -> int:
    """Give the address of a function made by `typed` in this process.

    Parameters
    ----------
    label : str
        A key of `compiled`: the function's name and the digest of its sources.

    Returns
    -------
    int

    Raises
    ------
    KeyError
        If nothing of that label was made.

    Examples
    --------
    >>> from zobench.loop import compile_kernel
    >>> from zobench.solver import solver
    >>> address = compile_kernel(solver("s2p"), "step")
    >>> address in {address_of(label) for label in compiled}
    True
    """
    return compiled[label].address
