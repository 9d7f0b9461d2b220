"""Check the built site offline: links, anchors and assets are there, and nothing loads from elsewhere.

``python docs/links.py docs/_build/html --list links.txt`` prints a line for each fault and exits with 1 if
there is any; links to other sites are not fetched but listed.
"""

import argparse
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

__all__ = ["Page", "check", "main"]

#: Attributes that make a browser load something when a page is opened.
LOADING = {
    ("img", "src"), ("img", "srcset"), ("script", "src"), ("iframe", "src"), ("source", "src"),
    ("source", "srcset"), ("video", "src"), ("audio", "src"), ("embed", "src"), ("object", "data"),
    ("use", "href"), ("image", "href"),
}  # fmt: skip
#: Relations of <link> that load nothing when a page is opened.
LAZY = {"index", "search", "next", "prev", "canonical", "author", "copyright", "top", "up"}
_CSS = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")


class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors that it has.

    Parameters
    ----------
    text : str
        HTML.

    Attributes
    ----------
    links, loads : list of str
    anchors : set of str

    Examples
    --------
    >>> Page('<a href="x.html#y">z</a><img src="p.svg"><p id="q">').links
    ['x.html#y']
    """

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one element refers to."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        self._in_style = tag == "style"
        self.loads += _in_css(given.get("style", ""))
        for name, value in given.items():
            if (tag, name) in LOADING or (tag, name.removeprefix("xlink:")) in LOADING:
                self.loads.append(value)
        if "href" in given and tag in ("a", "area"):
            self.links.append(given["href"])
        if "href" in given and tag == "link":
            lazy = set(given.get("rel", "").split()) <= LAZY
            (self.links if lazy else self.loads).append(given["href"])

    def handle_data(self, data: str) -> None:
        """Note what a style sheet in the page loads."""
        if self._in_style:
            self.loads += _in_css(data)

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a style sheet."""
        self._in_style = self._in_style and tag != "style"


def _in_css(text: str) -> list[str]:
    return [first or second for first, second in _CSS.findall(text)]


def check(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Go over a site.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    faults : list of str
        One line each, with the page.
    elsewhere : dict of str to str
        Links to other sites, each with the first page that has it.

    Raises
    ------
    ValueError
        If the folder has no page.
    """
    files = sorted(folder.rglob("*.html"))
    if not files:
        raise ValueError(f"{folder} must be a built site, and has no page")
    pages = {file.resolve(): Page(file.read_text(encoding="utf-8")) for file in files}
    faults: list[str] = []
    elsewhere: dict[str, str] = {}
    for file, page in pages.items():
        name = file.relative_to(folder.resolve()).as_posix()
        for link in page.links:
            if urlsplit(link).scheme or link.startswith("//"):
                elsewhere.setdefault(link, name)
            elif why := _missing(link, file, pages):
                faults.append(f"{name}: {link}: {why}")
        for load in page.loads:
            if not load.startswith("data:") and (why := _missing(load, file, pages)):
                faults.append(f"{name}: loads {load}: {why}")
    for file in sorted(folder.rglob("*.css")):
        for load in _in_css(file.read_text(encoding="utf-8")):
            if not load.startswith("data:") and (why := _missing(load, file.resolve(), pages)):
                faults.append(f"{file.relative_to(folder).as_posix()}: loads {load}: {why}")
    return faults, elsewhere


def _missing(link: str, page: Path, pages: dict[Path, Page]) -> str:
    """Say what is wrong with a reference, nothing if it leads somewhere on this site."""
    if urlsplit(link).scheme or link.startswith("//"):
        return "needs a network"
    place, anchor = urldefrag(link)
    path = unquote(urlsplit(place).path)
    target = (page.parent / path).resolve() if path else page
    if not target.is_file():
        return "no such file"
    known = pages.get(target)
    if anchor and known is not None and unquote(anchor) not in known.anchors | {"top"}:
        return "no such anchor"
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks; answer the exit code."""
    parser = argparse.ArgumentParser(description="Check a built site without a network.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--list", type=Path, help="write the links to other sites there")
    given = parser.parse_args(arguments)
    faults, elsewhere = check(given.folder)
    if given.list:
        lines = [f"{link}  ({page})\n" for link, page in sorted(elsewhere.items())]
        given.list.write_text("".join(lines), encoding="utf-8")
    for fault in faults:
        print(f"zobench: {fault}", file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
