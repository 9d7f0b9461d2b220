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

    Returns
    -------
    dict
        From name to Path, in the order of the names.

    Examples
    --------
    >>> "more-wild" in named_campaigns()
    True
    """
    return {file.stem: file for file in sorted(_FOLDER.glob("*.toml"))}


def find_campaign(given: str) -> "Campaign":
    """Read a campaign: a file, or one that comes with zobench.

    Parameters
    ----------
    given : str
        A path, known by its end ``.toml``, by a separator in it or by being there; else a name.

    Returns
    -------
    Campaign

    Raises
    ------
    ZobenchError
        With every fault of the file; with the nearest name if there is neither.

    Examples
    --------
    >>> campaign = find_campaign("quick")
    >>> len({key.problem for key in campaign.keys}) > 1
    True
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
    """Give name, title and description of the campaigns that come with zobench.

    Returns
    -------
    list of dict
        With `name`, `title` and `description`, in the order of the names.

    Examples
    --------
    >>> [facts["name"] for facts in campaign_facts()] == list(named_campaigns())
    True
    """
    import tomllib

    facts = []
    for name, file in named_campaigns().items():
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        facts.append({"name": name, "title": table["title"], "description": table["description"]})
    return facts
