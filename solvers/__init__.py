"""Solvers with their theorems, one a file, each defining `solver`.

A module can be called as a method of ``scipy.optimize.minimize``: ``method=zobench.solvers.s2p``.
"""

from typing import TYPE_CHECKING, Any

from zobench.interfaces.methods import callable_modules

callable_modules(__name__)

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
