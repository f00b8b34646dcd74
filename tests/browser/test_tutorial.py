"""docs/tutorial.md, to its end: the page that it makes, in a browser, beside the commands that it tells to type."""

from pathlib import Path

import pytest

from tests.support.pages import Block, blocks_of
from tests.support.reading import as_typed, reading
from tests.support.stage import Visit

PAGE = "docs/tutorial.md"
BLOCKS = blocks_of(PAGE)


def those_of(command: str) -> int:
    """The number of the last block with a command."""
    return max(number for number, block in enumerate(BLOCKS) if command in block.text)


@pytest.mark.time_limit(180)
def test_the_page_of_the_tutorial_bets_wins_and_comes_back(tmp_path: Path, visit: Visit) -> None:
    served, scored = those_of("GAMESERVER_ALLOWED_ORIGINS"), those_of("register_game_event")

    with reading(PAGE, tmp_path) as reader:

        def follow(blocks: list[Block]) -> None:
            for block in blocks:
                reader.follow(as_typed(block))

        follow(BLOCKS[: served + 1])
        visitor = visit("http://" + reader.known["127.0.0.1:8000"])
        for part in (reader.known["127.0.0.1:9999"], "net::ERR_CONNECTION"):
            visitor.forgive(part)  # requests to the server, which is elsewhere, and is stopped
        visitor.page.goto(visitor.origin)
        visitor.see_text("1000", "#balance")
        visitor.see_text("Who scores next?")
        visitor.see("button:has-text('Argentina')").click()
        visitor.see_text("990", "#balance")
        visitor.see_text("10 on argentina.", "#news")

        follow(BLOCKS[served + 1 : scored + 1])
        visitor.see_text("It was argentina. You have won 10.", "#news")
        visitor.see_text("1010", "#balance")
        visitor.see_text("Who scores next?")

        reader.type("make run")
        visitor.see_text("waiting", "#state")
        follow([BLOCKS[served]])
        visitor.see_text("live", "#state")
        follow(BLOCKS[scored + 1 :])
        visitor.see_text("990", "#balance")
