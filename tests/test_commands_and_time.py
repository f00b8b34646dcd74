"""Commands without a server go by its clock too: by what it has recorded, if the system's is behind that."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameserver.admin.client import control
from gameserver.admin.commands import OpenSession
from gameserver.config import SECRET_VARIABLE, Settings
from tests.support.offline import SECRET, Offline
from tests.support.process import run

LATER_MS = 4_000_000_000_000  # in the year 2096


@pytest.fixture
def offline(database: Path) -> Iterator[Offline]:
    """A file of a server whose clock was far ahead."""
    offline = Offline(database)
    offline.now_ms = LATER_MS
    offline.add_user("fifa", provider=True)
    yield offline
    offline.close()


def test_a_key_made_while_no_server_runs_is_valid_when_it_runs(
    offline: Offline, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline.close()
    monkeypatch.setenv(SECRET_VARIABLE, SECRET.hex())
    control(Settings(db=str(database)), OpenSession("fifa"))
    offline.reopen()
    ((created_at, expires_at),) = offline.query(
        "SELECT created_at, expires_at FROM sessions ORDER BY rowid DESC LIMIT 1"
    )
    assert (created_at, expires_at) == (LATER_MS, LATER_MS + 24 * 3_600_000)


def test_what_was_done_by_time_belongs_to_an_exported_game(offline: Offline, database: Path) -> None:
    source = offline.call("fifa", 365, source_name="Ours")["source_id"]
    names = {"actions": ["Goal"], "targets": ["A", "B"], "game_name": "A - B", "type": "football"}
    game = offline.call("fifa", 370, source_id=source, **names)["game_id"]
    offline.call("fifa", 616, game_id=game)
    pool = {"description": "Goal?", "type": 4, "targets": ["yes", "no"], "finish_at": LATER_MS + 9}
    assert offline.call("fifa", 385, game_id=game, **pool)["res"] == 350
    offline.let_time_pass(10)
    exported = run("export", game, "--db", database).stdout
    assert json.loads(exported.splitlines()[-1])["at"] == LATER_MS + 10
    (database.parent / "game.jsonl").write_text(exported, encoding="utf-8")
    assert run("replay", database.parent / "game.jsonl", "--verify").code == 0
