"""The site that `make docs` makes of the pages: complete, strict, and without anything of other hosts."""

import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

import pytest

from tests.support.pages import PAGES, ROOT, blocks_of

LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
NAMES = {"README.md": "index", "benchmarks/README.md": "benchmarks", "CHANGELOG.md": "changelog"}


class Links(HTMLParser):
    """What a page of the site links to, what it loads, and what may be linked to in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.linked: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids.add(values.get("id") or "")
        if tag == "a" and (link := values.get("href")):
            self.linked.append(link)
        elif tag in LOADS and (file := values.get(LOADS[tag])):
            self.loaded.append(file)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built anew."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@cache
def links_of(page: Path) -> Links:
    return Links(page)


def name_of(page: str) -> str:
    """A page's file in the site."""
    return f"{NAMES.get(page, Path(page).stem)}.html"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_in_the_site_with_all_its_blocks(site: Path, page: str) -> None:
    text = (site / name_of(page)).read_text(encoding="utf-8")
    assert len(re.findall(r"<pre>", text)) >= len(blocks_of(page))
    assert "```" not in text
    assert not re.search(r"^(?:- |\d\. |\|)", re.sub(r"<pre>.*?</pre>", "", text, flags=re.S), re.M)


def test_every_page_is_in_the_menu(site: Path) -> None:
    linked = {urldefrag(link).url for link in links_of(site / "index.html").linked}
    assert {name_of(page) for page in PAGES} <= linked


@pytest.mark.parametrize("page", PAGES)
def test_the_links_within_the_site_lead_to_a_page_and_a_heading_of_it(site: Path, page: str) -> None:
    links = links_of(site / name_of(page))
    for link in links.linked + links.loaded:
        path, anchor = urldefrag(link)
        if urlsplit(link).scheme in ("http", "https"):
            continue
        target = site / ("index.html" if path == "." else path or name_of(page))
        assert target.is_file(), link
        if anchor and target.suffix == ".html":
            assert anchor in links_of(target).ids, link


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_site_loads_nothing_from_other_hosts(site: Path, page: str) -> None:
    assert [file for file in links_of(site / name_of(page)).loaded if urlsplit(file).netloc] == []


def test_the_styles_of_the_site_load_nothing_from_other_hosts(site: Path) -> None:
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert styles
    assert not any(re.search(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""", style) for style in styles)
