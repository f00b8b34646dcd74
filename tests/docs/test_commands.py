"""The commands of all pages are typed, in order, as a reader of the page would."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from gameserver.cli import make_parser
from tests.support.pages import PAGES, ROOT, Block, blocks_of, every_block, quoted_in
from tests.support.postgres import Cluster, find_binaries
from tests.support.reading import INSTEAD, NOT_TYPED, as_typed, reading
from tests.support.shell import commands_in, lines_of

ELSEWHERE = {
    "docs/tutorial.md": "tests/browser/test_tutorial.py follows it with a browser",
    "docs/scaling.md": "below, with PostgreSQL",
    "docs/installing.md": "tests/packages follows it with what make dist has made",
}
FOLLOWED = [page for page in PAGES if page not in ELSEWHERE and any(it.language == "sh" for it in blocks_of(page))]


@pytest.mark.time_limit(180)
@pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl") and shutil.which("make")), reason="no bash, curl or make"
)
@pytest.mark.parametrize("page", FOLLOWED)
def test_a_reader_can_follow_the_commands_of_a_page(page: str, tmp_path: Path) -> None:
    with reading(page, tmp_path) as reader:
        for block in blocks_of(page):
            reader.follow(as_typed(block))


@pytest.mark.time_limit(180)
def test_a_reader_can_follow_the_page_on_scaling(tmp_path: Path, cluster: Cluster) -> None:
    known = {
        f"postgresql://gameserver@db.example/{name}": f"postgresql://gameserver@/{name}?host={cluster.folder}"
        for name in ("games", "games_again")
    }
    binaries = find_binaries()
    variables = {"PGHOST": str(cluster.folder), "PGUSER": "postgres", "PATH": f"{binaries}:{os.environ['PATH']}"}
    with reading("docs/scaling.md", tmp_path, known, variables) as reader:
        for block in blocks_of("docs/scaling.md"):
            reader.follow(as_typed(block))
        reader.type("gameserver call --as ann get_my_current_balance --db postgresql://gameserver@db.example/games")
        assert json.loads(reader.said)["current_balance"] == 1000


def test_everything_that_is_not_typed_or_typed_differently_is_in_some_page() -> None:
    text = "".join(block.text for block in every_block() if block.language == "sh")
    lines = text.splitlines()
    assert all(printed in text for printed in INSTEAD)
    assert all(any(line.startswith(printed) for line in lines) for printed in NOT_TYPED)


@pytest.mark.parametrize("block", [block for block in every_block() if block.language == "sh"], ids=str)
def test_a_command_of_a_block_is_understood(block: Block) -> None:
    for arguments in commands_in(block.text):
        if "--help" not in arguments:
            make_parser().parse_args(arguments)


@pytest.mark.parametrize("page", PAGES)
def test_a_command_that_a_page_quotes_is_understood(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    for quoted in (it for it in quoted_in(page) if it.startswith("gameserver ")):
        is_name = re.fullmatch(r"gameserver( [a-z-]+)+", quoted)
        for arguments in commands_in(quoted):
            if is_name or "--help" in arguments:
                with pytest.raises(SystemExit) as exit_of_help:
                    make_parser().parse_args([*arguments, "--help"])
                assert exit_of_help.value.code == 0, quoted
            else:
                make_parser().parse_args(arguments)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_tells_to_make_can_be_made(page: str) -> None:
    typed = [line for block in blocks_of(page) if block.language == "sh" for line in lines_of(block.text)]
    made = [found[1] for text in (*typed, *quoted_in(page)) if (found := re.match(r"make ([a-z]+)\b", text))]
    assert set(made) <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
