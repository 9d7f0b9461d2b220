"""Compiled code kept as an object file: loaded by LLVM alone, so that a run needs no compiler in memory.

Importing numba takes longer than a small campaign.  What it compiled lies in the cache folder twice: in
numba's own form, and, where the code needs nothing of numba at run time, as the object file that LLVM made.
The second form is loaded here.  It is the same machine code.
"""

import hashlib
import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Loaded", "keep", "load"]

#: First bytes of a file: what it is, and the version of its form.
_MARK = b"zobench object 1\n"
#: Functions of the C library that code may call: numba enters the same ones.
_SYSTEM = set(
    "acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh exp exp2 expm1 fabs floor fma fmod hypot log "
    "log10 log1p log2 pow round sin sinh sqrt tan tanh trunc malloc free memcpy memmove memset calloc".split()
)
#: What numba calls to tell of an error; nothing of it without one.
_ERROR = set(
    "numba_gil_ensure numba_gil_release numba_unpickle numba_do_raise numba_runtime_build_excinfo_struct "
    "NRT_Free PyUnicode_FromString PyErr_WriteUnraisable Py_DecRef PyErr_Clear PyBytes_FromStringAndSize "
    "PyErr_SetString PyErr_SetNone PyExc_RuntimeError PyExc_StopIteration PyExc_SystemError "
    "NRT_MemInfo_call_dtor".split()  # memory that nothing has claimed is never given back
)
_SYSTEM_OR_ERROR = _SYSTEM | _ERROR
_LOCK = threading.Lock()


class Loaded:
    """A C function in memory.

    Parameters
    ----------
    address : int
    engine : object
        What holds the code: it lives as long as this does.

    Attributes
    ----------
    address : int

    Examples
    --------
    >>> Loaded(4096, engine=None).address
    4096
    """

    def __init__(self, address: int, engine: Any):
        self.address, self._engine = address, engine


def load(file: Path) -> Loaded | None:
    """Load the function that a file holds; None if there is no such file, or it is damaged.

    Parameters
    ----------
    file : Path
        As `keep` writes it.

    Returns
    -------
    Loaded or None

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "step.object")
    ...     missing = load(file)
    ...     size = file.write_bytes(b"cut short")
    ...     missing, load(file)
    (None, None)
    """
    try:
        data = file.read_bytes()
    except OSError:
        return None
    head = len(_MARK) + 32
    body = data[head:]
    if data[: len(_MARK)] != _MARK or data[len(_MARK) : head] != hashlib.sha256(body).digest():
        return None
    names, _, code = body.partition(b"\n")
    with _LOCK:
        return _linked(*names.decode().split(), code=code)


def keep(file: Path, name: str, library: Any, silent: bool) -> None:
    """Write what numba compiled, if it can be loaded without numba.

    Parameters
    ----------
    file : Path
    name : str
        Of the C function.
    library : numba's library of compiled code
    silent : bool
        Whether it is known that the code never comes to the point where it tells numba of an error, such as a
        slice of the wrong size.

    Examples
    --------
    Code that calls Python is left to numba; here a stand-in for it:

    >>> from tempfile import TemporaryDirectory
    >>> from types import SimpleNamespace
    >>> called = SimpleNamespace(name="PyObject_Call", is_declaration=True)
    >>> module = SimpleNamespace(functions=[called], global_variables=[])
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "step.object")
    ...     keep(file, "step", SimpleNamespace(_final_module=module), silent=False)
    ...     file.exists()
    False
    """
    outside = _outside(library)
    if os.name == "nt" or not (
        _SYSTEM.issuperset(outside) or (silent and _SYSTEM_OR_ERROR.issuperset(outside))
    ):
        return
    try:
        code = library._get_compiled_object()
    except (RuntimeError, ValueError):  # numba took it from its own cache and did not keep it
        return
    body = " ".join([name, *outside]).encode() + b"\n" + code
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(_MARK + hashlib.sha256(body).digest() + body)
        draft.replace(file)
    except OSError:  # a full disk: numba's form serves as well
        draft.unlink(missing_ok=True)


def _outside(library: Any) -> list[str]:
    """List what the code names that lies outside of it."""
    module = library._final_module
    declared = [each.name for each in (*module.functions, *module.global_variables) if each.is_declaration]
    return [name for name in declared if not name.startswith("llvm.")]


@cache
def _machine() -> Any:
    """Describe this machine to LLVM, once in a process."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_triple(binding.get_process_triple())


def _linked(name: str, *outside: str, code: bytes) -> Loaded | None:
    """Link the code; `outside` are the names that it calls, for LLVM ends the process if one is missing."""
    from llvmlite import binding

    errors = [other for other in outside if other in _ERROR]
    names = binding.parse_assembly("\n".join(f"declare void @{other}()" for other in errors))
    # an engine of its own: functions of one name in two object files must not meet
    engine = binding.create_mcjit_compiler(names, _machine().create_target_machine())
    if not all(binding.address_of_symbol(other) for other in outside if other not in _ERROR):
        return None
    for other in errors:  # is never called; if it is, the process ends rather than go on with made-up numbers
        engine.add_global_mapping(names.get_function(other), binding.address_of_symbol("abort"))
    try:
        engine.add_object_file(binding.ObjectFileRef.from_data(code))
        engine.finalize_object()
    except (RuntimeError, ValueError):
        return None
    address = engine.get_function_address(name)
    return Loaded(address, engine) if address else None
