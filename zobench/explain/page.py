"""An explanation: sections of sentences, numbers for programs, and what is not known."""

import textwrap
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Explanation", "text_of"]

WIDTH = 100


@dataclass
class Explanation:
    """What is said of one solver, run, theorem or verdict.

    Attributes
    ----------
    subject, kind : str
        Its name, and what it is.
    sections : list of (title, sentences)
    numbers : dict
        What the sentences were made of.
    source : list of dict
        Of a solver: its functions, each line with its number, text and what it does.
    unknown : list of str
        What cannot be said from what is there.

    Examples
    --------
    >>> told = Explanation("s2p", "solver")
    >>> told.add("Cost", ["A step asks 2 queries."])
    >>> told.add("Theorems", [])
    >>> told.as_dict()["sections"]
    [{'title': 'Cost', 'sentences': ['A step asks 2 queries.']}]
    """

    subject: str
    kind: str
    sections: list[tuple[str, list[str]]] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    source: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def add(self, title: str, sentences: list[str]) -> None:
        """Add a section, unless there is nothing to say.

        Parameters
        ----------
        title : str
        sentences : list of str
        """
        if sentences:
            self.sections.append((title, sentences))

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "subject": self.subject,
            "kind": self.kind,
            "sections": [{"title": title, "sentences": told} for title, told in self.sections],
            "numbers": self.numbers,
            "source": self.source,
            "unknown": self.unknown,
        }


def text_of(told: Explanation) -> str:
    """Write an explanation as text.

    Parameters
    ----------
    told : Explanation

    Returns
    -------
    str
        In lines of at most 100 characters, but for source lines and formulas, which stay as they are.

    Examples
    --------
    >>> told = Explanation("s2p", "solver", unknown=["Whether it was a lucky seed."])
    >>> told.add("Cost", ["A step asks 2 queries."])
    >>> print(text_of(told))
    s2p: solver
    <BLANKLINE>
    Cost
      A step asks 2 queries.
    <BLANKLINE>
    Not known
      Whether it was a lucky seed.
    """
    parts = [f"{told.subject}: {told.kind}"]
    for title, sentences in told.sections:
        parts.append("\n".join([title, *(_filled(sentence) for sentence in sentences)]))
    for function in told.source:
        head = (
            f"{function['function']}  ({function['file']}, lines {function['first']} to {function['last']})"
        )
        wide = max(len(line["text"]) for line in function["lines"])
        column = min(wide, 72)
        lines = [
            f"  {line['number']:>4}  "
            f"{line['text']:<{column}}{'  | ' + line['does'] if line['does'] else ''}".rstrip()
            for line in function["lines"]
        ]
        parts.append("\n".join([head, *lines]))
    if told.unknown:
        parts.append("\n".join(["Not known", *(_filled(sentence) for sentence in told.unknown)]))
    return "\n\n".join(parts)


def _filled(sentence: str) -> str:
    if "\n" in sentence:  # set as it is: a formula
        return textwrap.indent(sentence, "  ")
    return textwrap.fill(sentence, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
