"""SciPy's ``minimize`` as the loop of a solver: its callback tells the iterations."""

from typing import Any

from zobench.foreign.own_loop import Loop

__all__ = ["minimize"]


def minimize(loop: Loop, method: str, jac: str | None = None, iterations: bool = True, **options: Any) -> str:
    """Call ``scipy.optimize.minimize`` once.

    Parameters
    ----------
    loop : Loop
    method : str
        As SciPy calls it.
    jac : str, optional
        How SciPy estimates the gradient, for methods that use one.
    iterations : bool
        Whether the method's callback comes after each iteration; if it does not, each query is a step.
    **options
        SciPy's options of the method.

    Returns
    -------
    str
        SciPy's message.

    Examples
    --------
    >>> def solve(loop, parameters):
    ...     return minimize(loop, "Nelder-Mead", adaptive=True)
    """
    import scipy.optimize

    def callback(x: Any) -> None:  # a parameter of this name gets the iterate alone, of every method
        loop.step(x)

    def query(x: Any) -> float:
        value = loop.query(x)
        loop.step()
        return value

    result = scipy.optimize.minimize(
        loop.query if iterations else query,
        loop.x0,
        method=method,
        jac=jac,
        callback=callback if iterations else None,
        options=options,
    )
    return str(result.message)
