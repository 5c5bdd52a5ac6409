"""Pages of Markdown: their blocks of code, tables, headings and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code: ` ```json event ` is of the language `json` and the kind `event`."""

    language: str
    kind: str
    text: str
    before: str
    """The page before the block."""


def read(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(name: str) -> Iterator[Block]:
    page = read(name)
    for fence in _FENCE.finditer(page):
        language, _, kind = fence["info"].partition(" ")
        yield Block(language, kind, fence["text"], page[: fence.start()])


def section(name: str, title: str) -> str:
    """Return the text below the only heading with this title, up to the next heading."""
    page = read(name)
    (heading,) = [match for match in _HEADING.finditer(page) if match["title"] == title]
    following = _HEADING.search(page, heading.end())
    return page[heading.end() : len(page) if following is None else following.start()]


def table(page: str, *columns: str) -> list[list[str]]:
    """Return the rows of the only table with these columns."""
    head = f"\n| {' | '.join(columns)} |\n"
    assert page.count(head) == 1, f"there is not one table of {columns}"
    rows = page.partition(head)[2].splitlines()[1:]
    cells = []
    for row in rows:
        if not row.startswith("|"):
            break
        cells.append([cell.strip() for cell in row.strip("|").split("|")])
    return cells


def code(cell: str) -> list[str]:
    """Return the code spans of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def links(page: Path) -> list[str]:
    return [link["target"] for link in _LINK.finditer(_prose(page))]


def anchors(page: Path) -> list[str]:
    """Return the anchors of the headings of a page, as code hosts generate them."""
    titles = (heading["title"] for heading in _HEADING.finditer(_prose(page)))
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text())
