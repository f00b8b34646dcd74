"""What ``make dist`` has made runs where nothing but it is there. Without PACKAGES, this is left out."""

import hashlib
import json
import os
import pty
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from zipfile import ZipFile

import pytest

from gameserver import __version__
from tests.support.pages import blocks_of, read
from tests.support.process import TIMEOUT_S, environment, playing, run_process, serving

INSTALL_S = 300


def only(folder: Path, pattern: str) -> Path:
    """The file of that name; there is exactly one."""
    (found,) = folder.glob(pattern)
    return found


def tool(name: str) -> str:
    """A tool that is installed beside the interpreter."""
    return str(Path(sys.executable).with_name(name))


def of_pipx(folder: Path) -> dict[str, str]:
    """Where pipx keeps everything below a folder."""
    return {f"PIPX_{name}": str(folder / name.lower()) for name in ("HOME", "BIN_DIR", "MAN_DIR")}


def installed_by_pipx(dist: Path, folder: Path) -> list[str]:
    subprocess.run(
        [tool("pipx"), "install", only(dist, "*.whl")],
        env=environment({**of_pipx(folder), "UV_CACHE_DIR": str(folder / "cache")}),
        timeout=INSTALL_S,
        check=True,
        capture_output=True,
    )
    return [str(folder / "bin_dir" / "gameserver")]


def run_by_uvx(dist: Path, folder: Path) -> list[str]:
    command = [tool("uvx"), "--quiet", "--cache-dir", str(folder / "cache"), "--from", str(only(dist, "*.whl"))]
    subprocess.run([*command, "gameserver", "--version"], timeout=INSTALL_S, check=True, capture_output=True)
    return [*command, "gameserver"]


def archive(dist: Path, folder: Path) -> list[str]:
    return ["/usr/bin/env", f"SHIV_ROOT={folder}", str(only(dist, "*.pyz"))]


def executable(dist: Path, folder: Path) -> list[str]:
    return [str(dist / f"gameserver-{__version__}-{sysconfig.get_platform()}")]


@pytest.fixture(
    scope="module", params=[installed_by_pipx, run_by_uvx, archive, executable], ids=lambda way: str(way.__name__)
)
def program(request: pytest.FixtureRequest, dist: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a package, started in a clean environment."""
    command: list[str] = request.param(dist, tmp_path_factory.mktemp("program"))
    return command


@pytest.mark.time_limit(INSTALL_S)
def test_a_package_tells_its_version_and_those_of_what_it_runs_on(program: list[str]) -> None:
    told = run_process("--version", program=program).stdout
    assert re.fullmatch(rf"gameserver {re.escape(__version__)} \(Python 3\.\d+\.\d+, SQLite 3\.\d+\.\d+\)\n", told)


@pytest.mark.time_limit(INSTALL_S)
def test_a_server_from_a_package_shows_the_console_and_takes_a_bet(program: list[str], tmp_path: Path) -> None:
    file = tmp_path / "game.db"

    def user(name: str, *flags: str) -> dict[str, Any]:
        done = run_process("user", "add", name, "--json", "--create", "--db", file, *flags, program=program)
        assert done.code == 0, done.stderr
        return dict(json.loads(done.stdout))

    host, ann = user("host", "--provider"), user("ann")
    with serving(file, program=program) as server:
        address = "http://{}:{}".format(*server.address)
        assert fetched(f"{address}/healthz") == (200, "application/json")
        assert fetched(f"{address}/") == (200, "text/html; charset=utf-8")
        with playing(server.url, host["session_key"]) as host_player:
            source = host_player.call(365, source_name="Cup")["source_id"]
            names: dict[str, Any] = {"game_name": "A - B", "type": "football", "actions": "Goal", "targets": "A, B"}
            game = host_player.call(370, source_id=source, **names)["game_id"]
            host_player.call(616, game_id=game)
            pool: dict[str, Any] = {"description": "Who?", "action_id": "goal", "targets": "A, B"}
            pool_id = host_player.call(385, game_id=game, **pool)["pool_id"]
        bet = ("place_bet_in_betting_pool", f"pool_id={pool_id}", "target=A", "amount=10")
        placed = run_process("call", *bet, "--url", server.url, "--key", ann["session_key"], program=program)
        assert (placed.code, json.loads(placed.stdout)["amount"]) == (0, 10), placed.stderr
        assert server.stop() == 0
    checked = run_process("check", "--db", file, program=program)
    assert (checked.code, checked.stderr) == (0, "")


def fetched(url: str) -> tuple[int, str]:
    """The status and the type of what is at an address."""
    with urlopen(url, timeout=TIMEOUT_S) as response:
        return response.status, response.headers["content-type"]


@pytest.mark.parametrize("made", [archive, executable])
def test_what_nobody_can_add_an_extra_to_has_the_extras(
    made: Callable[[Path, Path], list[str]], dist: Path, tmp_path: Path
) -> None:
    program = made(dist, tmp_path)
    refused = run_process("check", "--db", "postgresql://127.0.0.1:1/none", program=program)
    assert refused.code == 1
    assert "Connection refused" in refused.stderr
    assert "complete" in run_process("completion", "bash", program=program).stdout


def test_ctrl_c_in_a_terminal_stops_the_executables_server_in_order(dist: Path, tmp_path: Path) -> None:
    command = [*executable(dist, tmp_path), "serve", "--port", "0", "--db", str(tmp_path / "game.db")]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, environment())
    said = b""
    while b"event=serving" not in said:
        said += os.read(terminal, 65_536)
    os.write(terminal, b"\x03")
    with suppress(OSError):  # the terminal's other end is closed
        while chunk := os.read(terminal, 65_536):
            said += chunk
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert said.count(b"event=stopping") == 1
    assert b"event=stopped" in said


def test_the_bill_of_materials_lists_what_the_archive_holds_and_nothing_else(dist: Path) -> None:
    bill = json.loads(only(dist, "*.cdx.json").read_text(encoding="utf-8"))
    own = bill["metadata"]["component"]
    listed = {(normal(part["name"]), part["version"]) for part in [own, *bill["components"]]}
    with ZipFile(only(dist, "*.pyz")) as content:
        names = [name.split("/")[1] for name in content.namelist() if name.startswith("site-packages/")]
    described = {tuple(name.removesuffix(".dist-info").split("-")) for name in names if name.endswith(".dist-info")}
    assert listed == {(normal(name), version) for name, version in described}
    assert (bill["bomFormat"], own["name"], own["version"]) == ("CycloneDX", "gameserver", __version__)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


PAGE = "docs/installing.md"
PLACES = {
    "VERSION": __version__,
    "PYTHON": "python{}.{}".format(*sys.version_info),
    "PLATFORM": sysconfig.get_platform(),
}
# Above, servers of each are started; here, what starts one is shown to be understood.
INSTEAD = {"serve --dev": "serve --help", "gameserver demo": "gameserver demo --help"}


def with_places(text: str) -> str:
    """A text with what stands for the names of this version, Python and platform."""
    return re.sub("VERSION|PYTHON|PLATFORM", lambda word: PLACES[word[0]], text)


def test_the_page_on_installing_names_every_file_that_is_given_out_and_no_other(dist: Path) -> None:
    named = set(re.findall(r"\bgameserver-VERSION[-\w.]*\w", read(PAGE)))
    assert {with_places(name) for name in named} | {"SHA256SUMS"} == {file.name for file in dist.iterdir()}


@pytest.mark.time_limit(INSTALL_S)
def test_a_reader_can_follow_the_page_on_installing(dist: Path, tmp_path: Path) -> None:
    for file in dist.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    blocks = [with_places(block.text) for block in blocks_of(PAGE) if not block.text.startswith("docker ")]
    script = "set -eu\n" + "".join(blocks)
    for printed, typed in INSTEAD.items():
        assert printed in script
        script = script.replace(printed, typed)
    tools = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "SHIV_ROOT": str(tmp_path / "shiv")}
    variables = environment({**tools, **of_pipx(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache")})
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=variables,
        timeout=INSTALL_S,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_everything_that_is_given_out_has_its_checksum(dist: Path) -> None:
    lines = (dist / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    given = [file for file in sorted(dist.iterdir()) if file.name != "SHA256SUMS"]
    assert lines == [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in given]
