"""The programs of docs/client.md run."""

import re
from pathlib import Path
from typing import Any

import pytest

import gameserver
from gameserver import Settings
from gameserver.embedding import EmbeddedServer
from tests.support.world import within

PAGE = (Path(__file__).parent.parent / "docs" / "client.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)


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


@pytest.mark.parametrize(
    ("number", "printed"),
    [(0, "997.50"), (1, "invalid_parameter takeout"), (2, "goal argentina"), (3, "current_balance=Decimal('1000.00')")],
)
async def test_a_program_of_the_page_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, printed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with within(20), gameserver.running(Settings(db="other.db", port=0)) as server:
        key = await server.add_user("dev", is_provider=True)
        text = PROGRAMS[number].replace("ws://127.0.0.1:9999/", server.urls[0]).replace("SESSION_KEY", key)
        program: dict[str, Any] = {}
        exec(text.replace("GAME_ID", await closed_game(server, key)), program)
        await program["main"]()
    assert printed in capsys.readouterr().out


def test_every_program_of_the_page_is_run() -> None:
    assert len(PROGRAMS) == 4
