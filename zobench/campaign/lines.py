"""Where things stand in a campaign's file: the line of every key and every item, and faults told by line.

The standard library's TOML reader gives no positions, so a text that it has read is gone over once more.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Faults", "Place", "lines_of"]

#: The keys and indices that lead to a value: ``("problems", 2, "dim")``.
Place = tuple[str | int, ...]

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*""")
_STRING = re.compile(r"\"\"\"(?:[^\\]|\\.)*?\"{3,5}|'''.*?'{3,5}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'", re.DOTALL)
_BARE = re.compile(r"[^,\]}#\n]*")


class _Scanner:
    """Goes over valid TOML and notes where keys and items begin."""

    def __init__(self, text: str):
        self.text, self.at = text, 0
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.lines: dict[Place, int] = {}
        self.counts: dict[Place, int] = {}

    def note(self, place: Place) -> None:
        self.lines.setdefault(place, bisect_right(self.starts, self.at))

    def skip(self) -> str:
        """Go to the next sign that means something and give it; empty at the end."""
        match = _GAP.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.text[self.at : self.at + 1]

    def key(self) -> list[str]:
        parts = []
        while match := _KEY.match(self.text, self.at):
            parts.append(next(part for part in match.groups() if part is not None))
            self.at = match.end()
            if self.text[self.at : self.at + 1] != ".":
                break
            self.at += 1
        return parts

    def within(self, base: Place, parts: list[str]) -> Place:
        """Follow a key; through a list of tables the way leads into the last one."""
        for part in parts:
            base = (*base, part)
            if base in self.counts:
                base = (*base, self.counts[base] - 1)
        return base

    def all(self) -> None:
        table: Place = ()
        while sign := self.skip():
            if sign == "[":
                table = self.heading()
            else:
                self.assignment(table)

    def heading(self) -> Place:
        begun, double = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        parts = self.key()
        end, self.at = self.at + (2 if double else 1), begun
        place = (*self.within((), parts[:-1]), parts[-1])
        self.note(place)
        if double:
            self.counts[place] = self.counts.get(place, 0) + 1
            place = (*place, self.counts[place] - 1)
            self.note(place)
        self.at = end
        return place

    def assignment(self, table: Place) -> None:
        begun = self.at
        parts = self.key()
        self.at, end = begun, self.at
        for count in range(1, len(parts) + 1):
            self.note((*table, *parts[:count]))
        self.at = end + 1  # the sign of equality
        self.value((*table, *parts))

    def value(self, place: Place) -> None:
        sign = self.skip()
        if sign == "[":
            self.items(place)
        elif sign == "{":
            self.at += 1
            while self.skip() not in ("}", ""):
                self.assignment(place)
                self.at += self.skip() == ","
            self.at += 1
        else:
            match = (_STRING if sign in ("'", '"') else _BARE).match(self.text, self.at)
            assert match is not None
            self.at = match.end()

    def items(self, place: Place) -> None:
        self.at += 1
        count = 0
        while self.skip() not in ("]", ""):
            self.note((*place, count))
            self.value((*place, count))
            count += 1
            self.at += self.skip() == ","
        self.at += 1


def lines_of(text: str) -> dict[Place, int]:
    r"""Give the line, counted from 1, of every key, table and item of a valid TOML text.

    Parameters
    ----------
    text : str
        What the standard library has read without complaint.

    Returns
    -------
    dict
        The line of each place, such as ``("problems", 0, "dim")``.

    Examples
    --------
    >>> found = lines_of('title = "x"\n[[problems]]\nname = "cosh"\ndim = [1,\n  2]')
    >>> found["problems", 0, "dim"], found["problems", 0, "dim", 1], found["problems", 0]
    (4, 5, 2)
    """
    scanner = _Scanner(text)
    scanner.all()
    return scanner.lines


@dataclass
class Faults:
    """Faults of one campaign, collected to be told together.

    Attributes
    ----------
    who : str
        What the user called the campaign.
    lines : mapping of place to int
        Empty where the campaign is no file.
    found : dict
        The faults so far as keys (line, message), line 0 where none is known; filled by `add`.

    Examples
    --------
    >>> faults = Faults("campaign 'c.toml'", {("budget",): 3})
    >>> bool(faults)
    False
    >>> faults.add(("budget",), "budget must be a whole number >= 1, got 0")
    >>> faults.add((), "solvers must be given")
    >>> print(faults.text())
    campaign 'c.toml' has 2 faults:
      solvers must be given
      line 3: budget must be a whole number >= 1, got 0
    """

    who: str
    lines: dict[Place, int] = field(default_factory=dict)
    found: dict[tuple[int, str], None] = field(default_factory=dict)

    def add(self, place: Place, message: Any) -> None:
        """Note a fault of what stands at `place`; the same one is noted once.

        Parameters
        ----------
        place : tuple of str or int
            The way through the table; where its line is not known, that of the nearest place above.
        message : str or Exception
        """
        while place and place not in self.lines:
            place = place[:-1]
        self.found.setdefault((self.lines.get(place, 0), str(message)))

    def __bool__(self) -> bool:
        return bool(self.found)

    def text(self) -> str:
        """Write all faults in the order of their lines: one in a sentence, several each on a line."""
        told = sorted(self.found, key=lambda fault: fault[0])
        parts = [f"line {line}: {message}" if line else message for line, message in told]
        if len(parts) == 1:
            return f"{self.who}, {parts[0]}" if told[0][0] else f"{self.who}: {parts[0]}"
        return "\n  ".join([f"{self.who} has {len(parts)} faults:", *parts])
