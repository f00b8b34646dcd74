"""``gameserver watch``, as a command."""

import subprocess
from pathlib import Path

from tests.support.process import PROGRAM, TIMEOUT_S, add_user, environment, playing, run, serving


def test_a_game_is_watched_line_by_line_in_a_pipe_until_it_closes(database: Path) -> None:
    key = add_user(database, "dev", provider=True)["session_key"]
    add_user(database, "ann")
    with serving(database) as server, playing(server.url, key) as admin:
        source = admin.call(365, source_name="Cup")["source_id"]
        game = admin.call(370, source_id=source, game_name="Final", type="t", actions="Goal", targets="A")["game_id"]
        admin.call(616, game_id=game)
        admin.call(363, game_id=game)
        with subprocess.Popen(
            [*PROGRAM, "watch", game, "--url", server.url, "--db", str(database), "--as", "ann"],
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        ) as watching:
            assert watching.stdout is not None
            assert (joined := admin.receive())["res"] == 470, joined
            admin.call(395, game_id=game, action_id="goal", target_id="a", description="at last")
            assert watching.stdout.readline()[10:] == "Goal: A (at last)\n"
            admin.call(375, game_id=game)
            assert watching.stdout.readline()[10:] == "the game is closed\n"
            assert watching.wait(TIMEOUT_S) == 0


def test_a_game_that_is_not_there_is_told(database: Path) -> None:
    add_user(database, "dev", provider=True)
    with serving(database) as server:
        unknown = "00000000-0000-4000-8000-000000000000"
        done = run("watch", unknown, "--url", server.url, "--db", database)
    assert (done.code, "not_found" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
