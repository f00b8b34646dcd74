"""The Python programs of all pages run, and print what the comments beside their ``print`` say."""

import re
from pathlib import Path
from typing import Any

import pytest

import gameserver
from gameserver import Settings
from gameserver.embedding import EmbeddedServer
from tests.support.pages import Block, every_block
from tests.support.world import within

PROGRAMS = [block for block in every_block() if block.language == "python" and block.file is None]
PRINTED = re.compile(r"\bprint\(.*\)  # (.+)$", re.M)


async def closed_game(server: EmbeddedServer, key: str) -> str:
    """A game with a goal."""
    async with server.connect(key) as client:
        source = await client.open_game_source(source_name="Cup")
        game = await client.create_and_open_game(
            source_id=source.source_id, game_name="Final", type="football", actions="Goal", targets="Argentina"
        )
        await client.become_an_admin_for_game(game_id=game.game_id)
        await client.register_game_event(game_id=game.game_id, action_id="goal", target_id="argentina")
        await client.close_game(game_id=game.game_id)
        return game.game_id


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
async def test_a_program_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: Block
) -> None:
    monkeypatch.chdir(tmp_path)
    async with within(20), gameserver.running(Settings(db="other.db", port=0)) as server:
        key = await server.add_user("dev", is_provider=True)
        text = program.text.replace("ws://127.0.0.1:9999/", server.urls[0]).replace("SESSION_KEY", key)
        names: dict[str, Any] = {}
        exec(text.replace("GAME_ID", await closed_game(server, key)), names)
        await names["main"]()
    said = [re.escape(text).replace("…", ".*") for text in PRINTED.findall(program.text)]
    assert said
    assert re.search("^" + r"$[\s\S]*^".join(said) + "$", capsys.readouterr().out, re.M)
