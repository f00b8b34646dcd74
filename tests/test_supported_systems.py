"""Where the server does not run, every command says so."""

import subprocess
import sys
from pathlib import Path

import pytest

from gameserver.__main__ import main, unsupported
from gameserver.storage.sqlite import connection as connection
from tests.support.process import environment, run

# As on Windows, where there are no such modules.
WINDOWS = """
import importlib.metadata  # which looks for modules of a real Windows itself
import sys
sys.platform = "win32"
sys.modules.update(fcntl=None, resource=None, pwd=None)
from gameserver.__main__ import main
sys.exit(main())
"""


def test_the_system_that_this_runs_on_is_supported() -> None:
    assert unsupported(sys.platform, sys.version_info[:3]) is None


@pytest.mark.parametrize(
    ("platform", "version", "told"),
    [
        ("win32", (3, 12, 0), "Linux and macOS"),
        ("cygwin", (3, 12, 0), "Linux and macOS"),
        ("freebsd14", (3, 12, 0), "Linux and macOS"),
        ("linux", (3, 10, 13), "Python 3.11 or newer; this is 3.10"),
        ("darwin", (2, 7, 18), "Python 3.11 or newer; this is 2.7"),
    ],
)
def test_others_are_refused_in_words(platform: str, version: tuple[int, ...], told: str) -> None:
    assert told in (unsupported(platform, version) or "")


@pytest.mark.parametrize(
    ("platform", "version"),
    [("linux", (3, 11, 0)), ("darwin", (3, 11, 9)), ("linux", (3, 14, 0)), ("linux", (4, 0, 0))],
)
def test_newer_ones_are_not(platform: str, version: tuple[int, ...]) -> None:
    assert unsupported(platform, version) is None


@pytest.mark.parametrize("command", ["serve", "check", "backup"])
def test_a_system_without_the_modules_that_are_needed_shows_no_traceback(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS, command], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "gameserver: it runs on Linux and macOS only; on Windows, in WSL or a container\n"


def test_the_command_is_run_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gameserver", "check", "--db", "/no/such/file"])
    assert main() == 1
    assert "/no/such/file" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["serve"], ["check"], ["export", "x"], ["user", "add", "ann"]], ids=" ".join)
def test_an_sqlite_that_is_too_old_is_refused_before_anything_is_made(
    database: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr(connection, "OLDEST_SQLITE", (99, 0, 0))
    done = run(*command, "--db", database)
    assert (done.code, done.stdout) == (1, "")
    assert "too old; 99.0 or newer is needed" in done.stderr
    assert list(database.parent.iterdir()) == []
