"""How tables and figures call a problem and a solver: the name, and what differs from the defaults."""

import math
from collections.abc import Mapping
from typing import Any

from zobench.errors import ZobenchError

__all__ = ["problem_name", "solver_name"]


def _changed(kind: str, name: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Give the parameters that are not at their defaults; all of them where nobody knows the defaults."""
    from zobench.registry import find

    try:
        defaults = find(kind, name).parameters._field_defaults
    except (KeyError, ZobenchError):
        # a store from a machine that has a package which this one lacks
        defaults = {}
    shown = {key: _written(value) for key, value in given.items()}
    return {
        key: text for key, text in shown.items() if key not in defaults or text != _written(defaults[key])
    }


def _written(value: Any) -> str:
    if isinstance(value, float):
        return "certified" if math.isnan(value) else f"{value:g}"
    return str(value)


def problem_name(name: str, dim: int, seed: int, parameters: Mapping[str, Any], noise: str = "") -> str:
    """Name an instance for people.

    Parameters
    ----------
    name : str
    dim : int
    seed : int
        Of the instance.
    parameters : mapping
    noise : str

    Returns
    -------
    str

    Examples
    --------
    >>> problem_name("quadratic", 10, 0, {"condition": 100.0, "rotation": "no"})
    'quadratic (dim 10, condition 100)'
    >>> problem_name("cosh", 3, 0, {}, "gaussian level=0.1 mode=common")
    'cosh (dim 3, noise gaussian, level 0.1, mode common)'
    """
    parts = [f"dim {dim}"] + ([f"instance {seed}"] if seed else [])
    parts += [f"{key} {text}" for key, text in _changed("problems", name, parameters).items()]
    law, *settings = noise.split(" ")
    parts += [f"noise {law}"] if law else []
    parts += [text.replace("=", " ") for text in settings if text != "mode=independent"]
    return f"{name} ({', '.join(parts)})"


def solver_name(name: str, parameters: Mapping[str, Any]) -> str:
    """Name a solver with its choice of parameters for people.

    Parameters
    ----------
    name : str
    parameters : mapping

    Returns
    -------
    str

    Examples
    --------
    >>> solver_name("s2p", {})
    's2p'
    """
    parts = [f"{key}={text}" for key, text in _changed("solvers", name, parameters).items()]
    return f"{name} ({', '.join(parts)})" if parts else name
