"""The Dockerfile, whose steps are followed without an engine. Without PACKAGES, only its words are looked at."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gameserver import __version__
from gameserver.config import load_settings
from tests.packages.conftest import ROOT
from tests.support.dockerfile import Image, context, namespace, read
from tests.support.process import TIMEOUT_S

STAGES = read(ROOT / "Dockerfile")
FINAL = STAGES[-1]
BUILD_S = 300


def test_an_image_runs_the_server_by_a_user_of_its_own_with_its_data_on_a_volume() -> None:
    user, volume = FINAL.last("USER").text, FINAL.last("VOLUME").text
    assert all(int(number) >= 1000 for number in user.split(":"))
    settings = load_settings({}, FINAL.variables, None)
    assert Path(settings.db).parent == Path(volume)
    assert (settings.host, str(settings.port)) == ("0.0.0.0", FINAL.last("EXPOSE").text)
    assert FINAL.last("ENTRYPOINT").command + FINAL.last("CMD").command == ["gameserver", "serve"]


def test_the_image_is_built_of_what_the_wheel_is_built_of(tmp_path: Path) -> None:
    context(ROOT, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "LICENSE",
        "README.md",
        "gameserver",
        "pyproject.toml",
        "schema.sql",
    }


@pytest.fixture(scope="module")
def image(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, made of the sources."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can follow a Dockerfile")
    source = tmp_path_factory.mktemp("context")
    context(ROOT, source)
    with namespace(tmp_path_factory.mktemp("roots")) as inside:
        made = Image(inside, STAGES, source)
        made.seal()
        yield made


@pytest.mark.time_limit(BUILD_S)
def test_an_image_tells_its_version(image: Image) -> None:
    told = image.run(*FINAL.last("ENTRYPOINT").command, "--version")
    assert told.stdout.startswith(f"gameserver {__version__} "), told.stderr


@pytest.mark.time_limit(BUILD_S)
def test_a_container_writes_nowhere_but_in_its_volume(image: Image) -> None:
    for place, code in (("/", 1), ("/opt/gameserver", 1), ("/tmp", 1), ("/data", 0)):
        assert image.run("touch", f"{place}/file").returncode == code, place
    assert image.run("id", "-u").stdout == "10001\n"
    image.run("rm", "/data/file")


@pytest.mark.time_limit(BUILD_S)
def test_a_container_is_healthy_takes_a_bet_and_stops_in_order(image: Image) -> None:
    health = FINAL.last("HEALTHCHECK").text.partition(" CMD ")[2]
    is_healthy = ["/bin/sh", "-c", health]
    assert image.run(*is_healthy).returncode != 0
    command = FINAL.last("ENTRYPOINT").command

    def call(user: str, *request: str) -> dict[str, Any]:
        done = image.run(*command, "call", "--as", user, *request)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    server = subprocess.Popen(
        image.command(*command, *FINAL.last("CMD").command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert server.stderr is not None
        first = server.stdout.readline()
        assert first == "serving on ws://0.0.0.0:9999/\n", server.stderr.read()
        assert image.run(*is_healthy).returncode == 0
        for user in (("host", "--provider"), ("ann",)):
            assert image.run(*command, "user", "add", *user).returncode == 0
        source = call("host", "open_game_source", "source_name=Cup")["source_id"]
        names = ("game_name=A - B", "type=football", "actions=Goal", "targets=A,B")
        game = call("host", "create_and_open_game", f"source_id={source}", *names)["game_id"]
        call("host", "become_an_admin_for_game", f"game_id={game}")
        pool = ("description=Who?", "action_id=goal", "targets=A,B")
        pool_id = call("host", "create_and_open_betting_pool", f"game_id={game}", *pool)["pool_id"]
        bet = call("ann", "place_bet_in_betting_pool", f"pool_id={pool_id}", "target=A", "amount=10")
        assert bet["amount"] == 10
        server.send_signal(signal.SIGTERM)
        assert server.wait(TIMEOUT_S) == 0, server.stderr.read()
    finally:
        server.kill()
        server.communicate()
