"""White-box solutions: minimisers found with derivatives that no solver under test has, kept on disk.

A smooth strongly convex instance certifies `f_star` and `x_star` by solving itself once: Newton's method
with exact Hessian-vector products.  Every vector operation here has one fixed order of additions (no linear
algebra library, whose bits depend on its threads), so a machine finds the same bits whether it solves or
loads.
"""

import ctypes
import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zobench.errors import ZobenchError

__all__ = ["Solution", "content", "kept", "newton", "product_of", "solved"]

Array = NDArray[np.float64]

# Bound when the template is compiled.
author: Any = None
view: Any = None
vector_at: Any = None


class Solution(NamedTuple):
    """A minimiser and how exactly it was found.

    Attributes
    ----------
    x : vector of size d
    value : float
        f(x).
    gradient_norm : float
        |grad f(x)|: by mu-strong convexity f(x) - f_star <= gradient_norm^2 / (2 mu).
    steps : int
        Newton steps taken.

    Examples
    --------
    >>> Solution(np.zeros(2), 0.0, 0.0, 1).steps
    1
    """

    x: Array
    value: float
    gradient_norm: float
    steps: int


def _dot(a: Array, b: Array) -> float:
    return float(np.einsum("i,i", a, b))  # NumPy's own loop, not BLAS


def _direction(product: Callable[[Array], Array], gradient: Array, tolerance: float) -> Array:
    """Solve H d = -gradient by conjugate gradients to a relative residual."""
    d, r = np.zeros_like(gradient), -gradient
    s, square = r.copy(), _dot(r, r)
    goal = tolerance**2 * square
    for _ in range(4 * gradient.size + 20):
        if square <= goal:
            break
        bent = product(s)
        length = square / _dot(s, bent)
        d += length * s
        r -= length * bent
        before, square = square, _dot(r, r)
        s = r + (square / before) * s
    return d


def newton(
    value: Callable[[Array], float],
    gradient: Callable[[Array], Array],
    product: Callable[[Array, Array], Array],
    x0: Array,
    *,
    tolerance: float = 1e-12,
    steps: int = 200,
) -> Solution:
    """Minimise a smooth strongly convex function.

    Newton's method; each system is solved by conjugate gradients, each step shortened until the value falls
    enough or, once rounding hides the fall of the value, the gradient norm does.

    Parameters
    ----------
    value, gradient : callable
        f and its gradient.
    product : callable
        ``product(x, v)``: the Hessian at x times v.
    x0 : vector of size d
    tolerance : float
        Gradient norm to reach.
    steps : int
        The most Newton steps.

    Returns
    -------
    Solution
        Its `gradient_norm` exceeds `tolerance` if the steps did not suffice.

    Examples
    --------
    >>> import numpy as np
    >>> newton(lambda x: float(x @ x), lambda x: 2 * x, lambda x, v: 2 * v, np.ones(2)).value
    0.0
    """
    x = np.array(x0, dtype=np.float64)
    f, g = value(x), gradient(x)
    norm, taken = np.sqrt(_dot(g, g)), 0
    while norm > tolerance and taken < steps:
        d = _direction(lambda v, x=x: product(x, v), g, min(0.1, norm))  # type: ignore[misc]
        slope, length = _dot(g, d), 1.0
        while True:
            trial = x + length * d
            f_trial, g_trial = value(trial), gradient(trial)
            norm_trial = np.sqrt(_dot(g_trial, g_trial))
            if f_trial <= f + 1e-4 * length * slope or norm_trial <= 0.5 * norm:
                break
            length /= 2
            if length < 1e-10:
                return Solution(x, f, float(norm), taken)
        x, f, g, norm = trial, f_trial, g_trial, norm_trial
        taken += 1
    return Solution(x, f, float(norm), taken)


def _product(x, dim, data, v, out):
    author(vector_at(x, dim), vector_at(v, dim), view(data), vector_at(out, dim))


def product_of(instance: Any, function: Callable[..., None]) -> Callable[[Array, Array], Array]:
    """Compile a Hessian-vector product.

    Parameters
    ----------
    instance : Instance
        Whose data the product reads.
    function : function
        ``function(x, v, data, out)``: writes the Hessian at x times v into `out`; plain Python in numba's
        language, like a problem's gradient.

    Returns
    -------
    callable
        ``product(x, v)``.

    Examples
    --------
    >>> def hessian(x, v, data, out):
    ...     out[:] = 2.0 * v
    >>> def product(instance):
    ...     return product_of(instance, hessian)
    """
    from zobench import views
    from zobench.compile import typed
    from zobench.instance import field_kinds
    from zobench.objective import _KINDS

    kinds = [_KINDS[kind] for kind in field_kinds(instance.problem.data).values()]
    address = typed(
        _product,
        "void(int64, int64, int64, int64, int64)",
        f"product of {instance.problem.name}",
        str(kinds),
        author=function,
        view=views.data_view(instance.problem.data, kinds),
        vector_at=views.vector_at,
    )
    call, block = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(address), instance.block

    def product(x: Array, v: Array) -> Array:
        x, v, out = np.ascontiguousarray(x), np.ascontiguousarray(v), np.empty(x.size)
        call(x.ctypes.data, x.size, block.ctypes.data, v.ctypes.data, out.ctypes.data)
        return out

    return product


def content(*parts: Any) -> str:
    """Hash arrays, numbers, text and source files (given as paths) into a name.

    Parameters
    ----------
    *parts : array, number, str or Path

    Returns
    -------
    str

    Examples
    --------
    >>> content("ridge", 0.1) == content("ridge", 0.1)
    True
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            raw = part.read_bytes()
        elif isinstance(part, np.ndarray):
            raw = f"{part.shape}{part.dtype}".encode() + np.ascontiguousarray(part).tobytes()
        else:
            raw = repr(part).encode()
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()[:32]


def _load(file: Path) -> dict[str, NDArray[Any]] | None:
    """Read kept arrays; None if there are none, or if their bytes are not those that were written."""
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        check = str(found.pop("check"))
    except Exception:  # a damaged file fails in many ways, and all mean: make it again
        return None
    return found if check == content(*sorted(found), *found.values()) else None


def _keep(file: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write arrays so that no reader ever sees half of them; an unwritable folder is no fault."""
    written, check = None, np.array(content(*sorted(arrays), *arrays.values()))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as handle:
            written = Path(handle.name)
            np.savez(handle, check=check, **arrays)  # type: ignore[arg-type]
        os.replace(written, file)
    except OSError:
        if written is not None:
            written.unlink(missing_ok=True)


def kept(kind: str, name: str, make: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Load the arrays of that name from the cache folder, or make and keep them.

    Parameters
    ----------
    kind : str
        Folder inside the cache folder; an absolute path is a folder of its own.
    name : str
        By `content`, of everything the arrays depend on.
    make : callable
        ``make() -> dict`` of arrays by name.

    Returns
    -------
    dict of str to array

    Examples
    --------
    >>> import tempfile
    >>> def make():
    ...     print("made")
    ...     return {"squares": np.arange(4) ** 2}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, again = (kept(folder, content("squares", 4), make) for _ in range(2))
    made
    >>> again["squares"].tolist()
    [0, 1, 4, 9]
    """
    from zobench.compile import cache_folder

    file = cache_folder() / kind / f"{name}.npz"
    found = _load(file)
    if found is None:
        found = make()
        _keep(file, found)
    return found


def solved(name: str, solve: Callable[[], Solution], who: str, tolerance: float = 1e-12) -> Solution:
    """Load the solution of that name, or solve and keep it.

    Parameters
    ----------
    name : str
        By `content`, of everything the solution depends on.
    solve : callable
        ``solve() -> Solution``.
    who : str
        The owner, for the complaint.
    tolerance : float
        Gradient norm that must have been reached.

    Returns
    -------
    Solution

    Raises
    ------
    ZobenchError
        If the tolerance was not reached.

    Examples
    --------
    >>> def solution(name, newton):
    ...     return solved(name, newton, "problem 'ridge-regression'")
    """

    def make() -> dict[str, NDArray[Any]]:
        found = solve()
        if not found.gradient_norm <= tolerance:
            raise ZobenchError(
                f"{who}: the exact solution must reach gradient norm {tolerance:g}, got "
                f"{found.gradient_norm:.3g} after {found.steps} Newton steps; "
                "choose a larger ridge or less extreme parameters"
            )
        return {"x": found.x, "numbers": np.array([found.value, found.gradient_norm, found.steps])}

    arrays = kept("solutions", name, make)
    value, norm, steps = map(float, arrays["numbers"])
    return Solution(arrays["x"], value, norm, int(steps))
