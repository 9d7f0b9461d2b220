"""A solver out of an author's file: what is wrong with the file is said in one sentence."""

import re
from pathlib import Path
from typing import Any

from zobench.errors import ZobenchError
from zobench.solver import Solver

__all__ = ["compile_fault", "line_of", "solver_of_file"]

#: How numba's messages begin, before they say what is the matter.
COMMONPLACES = ("Failed in nopython mode", "During: ", "File ")
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def line_of(error: BaseException, file: Path) -> str:
    """Say in which line of a file an exception came up; empty if in none.

    Parameters
    ----------
    error : BaseException
        As it was caught, with its traceback.
    file : Path
        Compared by its last part; of several lines the innermost.

    Returns
    -------
    str
        Such as ``" (line 2)"``.

    Examples
    --------
    >>> lines = ["x = 1", "y = x / 0"]
    >>> try:
    ...     exec(compile(chr(10).join(lines), "mine.py", "exec"))
    ... except ZeroDivisionError as error:
    ...     line_of(error, Path("mine.py"))
    ' (line 2)'
    """
    trace, found = error.__traceback__, ""
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == file.name:
            found = f" (line {trace.tb_lineno})"
        trace = trace.tb_next
    return found


def compile_fault(solver: Solver, file: Path) -> str:
    """Compile a solver's kernels, or say why they cannot be.

    Parameters
    ----------
    solver : Solver
    file : Path
        Where they stand.

    Returns
    -------
    str
        One sentence; empty if they are compiled.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from zobench.solver import solver
    >>> compile_fault(solver("s2p"), Path("s2p.py"))
    ''
    >>> def step(oracle, state):
    ...     state.x[0] = 0.0
    >>> compile_fault(replace(solver("s2p"), step=step), Path("mine.py"))
    'step must take (oracle, state, parameters, k, stream), and takes 2 arguments'
    """
    for kernel in (solver.init, solver.step):
        count = kernel.__code__.co_argcount if kernel else 5
        if kernel is not None and count != 5:
            given = f"{count} argument{'' if count == 1 else 's'}"
            return f"{kernel.__name__} must take (oracle, state, parameters, k, stream), and takes {given}"
    try:
        solver.warm()
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines()]
        places = [line for line in lines if line.startswith("File ") and file.name in line]
        found = re.search(r"line (\d+)", places[-1]) if places else None
        told = next(
            (line for line in lines if line and not line.startswith(COMMONPLACES)), type(error).__name__
        )
        where = f" (line {found[1]})" if found else ""
        return f"its step cannot be compiled{where}: {ADDRESS.sub('', told)}"
    return ""


def solver_of_file(name: str) -> Any:
    """Give the solver that a file defines, compiled.

    Parameters
    ----------
    name : str
        The path of a ``.py`` file that defines `solver`.

    Returns
    -------
    Solver

    Raises
    ------
    ZobenchError
        If there is no such file, or no solver in it that runs.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "mine.py")
    ...     count = file.write_text("from zobench.solvers.s2p import solver")
    ...     print(solver_of_file(str(file)).name)
    s2p
    """
    from zobench.contract.check import load_file

    file = Path(name)
    if not file.is_file():
        raise ZobenchError(f"solver must be a registered one or a .py file, and there is no file {name!r}")
    try:
        found = getattr(load_file(file), "solver", None)
    except (Exception, SystemExit) as error:
        told = " ".join(str(error).split())
        raise ZobenchError(
            f"file {name!r} cannot be loaded{line_of(error, file)}: {type(error).__name__}: {told}"
        ) from None
    if not isinstance(found, Solver):
        raise ZobenchError(f"file {name!r} must define `solver`, a zobench.solver.Solver, and does not")
    fault = compile_fault(found, file)
    if fault:
        raise ZobenchError(f"file {name!r}: {fault}; `zobench check {name}` tells more")
    return found
