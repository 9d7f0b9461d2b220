"""Campaigns that come with zobench: files of the package's folder ``campaigns``, run by name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zobench.errors import unknown

if TYPE_CHECKING:
    from zobench.campaign.definition import Campaign

__all__ = ["campaign_facts", "find_campaign", "named_campaigns"]

_FOLDER = Path(__file__).parents[1] / "campaigns"


def named_campaigns() -> dict[str, Path]:
    """Give the files by name.

    Examples
    --------
    >>> "more-wild" in named_campaigns()
    True
    """
    return {file.stem: file for file in sorted(_FOLDER.glob("*.toml"))}


def find_campaign(given: str) -> "Campaign":
    """Read a campaign: a file, or one that comes with zobench.

    Raises
    ------
    ZobenchError
        With every fault of the file; with the nearest name if there is neither.
    """
    from zobench.campaign.definition import Campaign

    known = named_campaigns()
    separators = [sign for sign in (os.sep, os.altsep) if sign]
    is_path = given.endswith(".toml") or any(sign in given for sign in separators) or Path(given).exists()
    if is_path:
        return Campaign.from_toml(given)
    if given not in known:
        raise unknown(f"there is no file {given!r}, and the name of a campaign", given, known)
    return Campaign.from_toml(known[given])


def campaign_facts() -> list[dict[str, Any]]:
    """Give name, title and description of the campaigns that come with zobench."""
    import tomllib

    facts = []
    for name, file in named_campaigns().items():
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        facts.append({"name": name, "title": table["title"], "description": table["description"]})
    return facts
