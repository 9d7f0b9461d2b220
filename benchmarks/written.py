"""Tables that land in the documentation, with date, versions and the load they were measured under."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["provenance", "put", "sentence"]


def provenance(packages: Sequence[str]) -> dict[str, Any]:
    """Give date, interpreter, machine, load, and the versions of packages."""

    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "absent"

    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "load": " ".join(f"{each:.1f}" for each in os.getloadavg()) if hasattr(os, "getloadavg") else "?",
        **{package: of(package) for package in packages},
    }


def sentence(found: dict[str, Any]) -> str:
    """Write where figures come from in a line."""
    return "; ".join(f"{key} {value}" for key, value in found.items())


def put(file: str | Path, name: str, text: str) -> None:
    """Replace what a file has between ``<!-- NAME -->`` and ``<!-- end of NAME -->``.

    Raises
    ------
    SystemExit
        If the file has not each of the two once, in this order.
    """
    path = Path(file)
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    known = path.read_text(encoding="utf-8")
    if not known.count(begin) == known.count(end) == 1 or known.index(begin) > known.index(end):
        raise SystemExit(
            f"{file} must have the lines {begin.strip()!r} and {end.strip()!r} once, in this order"
        )
    before, rest = known.split(begin)
    _, after = rest.split(end)
    path.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{after}", encoding="utf-8")
