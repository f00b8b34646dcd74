"""The README and the pages in docs/: their fenced blocks, headings, links and what they quote as commands."""

import re
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
_IN_DOCS = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
PAGES = ["README.md", "CHANGELOG.md", "benchmarks/README.md", *_IN_DOCS]
_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
_FILE = re.compile(r"`([\w/-]+\.\w+)`:\s*\Z")


class Block(NamedTuple):
    """A fenced block. ``file`` is the name that the words before it give it, as in "this file, `a.csv`:"."""

    page: str
    line: int
    language: str
    text: str
    file: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = read(page)
    blocks: list[Block] = []
    for found in _FENCED.finditer(text):
        before = text[: found.start()]
        file = _FILE.search(before)
        line = before.count("\n") + 1
        blocks.append(Block(page, line, found[2], dedent(found[3]), file and file[1]))
    return blocks


def every_block() -> list[Block]:
    """The fenced blocks of all pages."""
    return [block for page in PAGES for block in blocks_of(page)]


def prose_of(page: str) -> str:
    """A page without its fenced blocks."""
    return _FENCED.sub("", read(page))


def quoted_in(page: str) -> list[str]:
    """What a page quotes in its prose, as ``code``."""
    return [" ".join(quoted.split()) for quoted in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose_of(page))]


def links_of(page: str) -> list[str]:
    """Where the links and pictures of a page lead."""
    prose = re.sub(r"(?<!`)`[^`]+`(?!`)", "", prose_of(page))
    return re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r'<(?:img|a) [^>]*?(?:src|href)="([^"]+)"', prose)


def anchors_of(page: str) -> set[str]:
    """What a link may name of a page behind ``#``: its headings, as GitHub and MkDocs write them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
