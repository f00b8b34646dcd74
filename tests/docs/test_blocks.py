"""Every fenced block of every page is carried out by some test, or is named here with the reason why not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameserver.config import load_settings
from tests.support.pages import PAGES, ROOT, Block, blocks_of, every_block, read

NOT_CARRIED_OUT = {
    "nginx": "the configuration of another program, which the tests do not install",
    "caddy": "likewise",
    "haproxy": "likewise",
}
# How the blocks of a language are carried out; files are kept by a reader of the page, and used by what it types.
BY_A_TEST = {
    "sh": "test_commands.py types them",
    "python": "test_programs.py runs them",
    "ini": "below, as settings",
}
FILES_USED = {
    "match.jsonl": "test_commands.py feeds it",
    "events.csv": "test_commands.py feeds it",
    "fuzzingclient.json": "a suite reads it that needs Python 2.7",
    "page/index.html": "tests/browser/test_tutorial.py opens it",
    "page/page.js": "tests/browser/test_tutorial.py runs it",
    "example.js": "tests/browser/test_documents.py runs it",
}


def without_a_test() -> Iterator[Block]:
    for page in PAGES:
        before = ""
        for block in blocks_of(page):
            is_reply = (before, block.language) == ("sh", "json")  # which test_commands.py compares
            if block.file is None and not is_reply and block.language not in BY_A_TEST:
                yield block
            before = block.language


def test_every_block_is_carried_out_but_those_with_a_reason() -> None:
    assert {block.language for block in without_a_test()} == set(NOT_CARRIED_OUT)


def test_every_file_of_a_page_is_used() -> None:
    assert {block.file for block in every_block() if block.file is not None} == set(FILES_USED)


@pytest.mark.parametrize("block", [block for block in every_block() if block.language == "ini"], ids=str)
def test_the_lines_of_settings_are_settings(block: Block) -> None:
    variables = dict(line.split("=", 1) for line in block.text.splitlines())
    assert load_settings({}, variables, None) != load_settings({}, {}, None)


@pytest.mark.parametrize("page", PAGES)
def test_code_is_fenced_so_that_nothing_is_passed_over(page: str) -> None:
    assert not re.search(r"^\n {4}\S", re.sub(r"^```.*?^```", "", read(page), flags=re.M | re.S), re.M)
    assert read(page).count("```") == 2 * len(blocks_of(page))


def test_what_a_page_calls_a_test_exists() -> None:
    for reason in (*BY_A_TEST.values(), *FILES_USED.values()):
        for name in re.findall(r"[\w/]+\.py", reason):
            assert (ROOT / name).exists() or Path(__file__).with_name(name).exists(), name
