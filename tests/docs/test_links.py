"""The links of the README and the pages in docs/ lead somewhere. Addresses elsewhere are not asked."""

import re
from pathlib import PurePosixPath

import pytest

from tests.support.pages import PAGES, ROOT, anchors_of, links_of, quoted_in

FOLDERS = [path.name for path in (ROOT / "gameserver").iterdir() if path.is_dir()]
ELSEWHERE = re.compile(r"https?://[\w.:-]+(/[\w./#-]*)?$")


def target_of(page: str, link: str) -> tuple[str, str]:
    """The file, from the root of the repository, and the anchor that a link leads to."""
    name, _, anchor = link.partition("#")
    path = (ROOT / page).parent.joinpath(name).resolve() if name else ROOT / page
    return str(PurePosixPath(path.relative_to(ROOT))), anchor


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_to_a_file_and_a_heading_that_exist(page: str) -> None:
    for link in links_of(page):
        if ELSEWHERE.match(link):
            continue
        target, anchor = target_of(page, link)
        assert (ROOT / target).is_file(), link
        assert not anchor or anchor in anchors_of(target), link


def test_links_and_pictures_are_found() -> None:
    assert {"docs/console.md", "docs/running.md#commands", "docs/pictures/game.png"} <= set(links_of("README.md"))
    assert "running.md#limits" in links_of("docs/protocol.md")


def test_every_page_is_linked_from_another() -> None:
    linked = {target_of(page, link)[0] for page in PAGES for link in links_of(page) if not ELSEWHERE.match(link)}
    assert {page for page in PAGES if page not in linked} <= {"README.md"}


# The changelog names what was there at the time.
@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_a_file_that_a_page_names_exists(page: str) -> None:
    for name in quoted_in(page):
        if re.match(r"(gameserver|tests|benchmarks|docs)/[\w/.]+$", name):
            assert (ROOT / name).exists(), name
        elif re.match(rf"({'|'.join(FOLDERS)})/[\w/]+$", name):
            assert (ROOT / "gameserver" / f"{name}.py").exists() or (ROOT / "gameserver" / name).is_dir(), name
