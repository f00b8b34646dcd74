"""What takes longer than a second is told on standard error."""

import io
import sys
from pathlib import Path

import pytest

from gameserver.progress import MEGABYTE, Progress
from tests.support.offline import Offline
from tests.support.process import run


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


class Unread(io.StringIO):
    """Standard error whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


class Pauses:
    """Time that passes as fast as it is asked for; all is done after ``lasting_s``."""

    def __init__(self, lasting_s: float) -> None:
        self.left_s = lasting_s

    def __call__(self, seconds: float) -> bool:
        """Whether all is done before so many seconds have passed."""
        self.left_s -= seconds
        return self.left_s < 0


def test_what_is_quick_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("copying", wait=Pauses(0.9)).tell()
    assert capsys.readouterr() == ("", "")


def test_where_nobody_watches_the_pauses_between_lines_double(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("copying", "MB", MEGABYTE, wait=Pauses(10))
    progress(2_000 * MEGABYTE, 3_000 * MEGABYTE)
    progress.tell()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [f"copying … {seconds} s, 2,000 of 3,000 MB" for seconds in (1, 2, 4, 8)]


def test_a_terminal_has_one_line_which_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Progress("checking", wait=Pauses(3)).tell()
    assert terminal.getvalue() == "".join(
        f"\r{line}\x1b[K" for line in ("checking … 1 s", "checking … 2 s", "checking … 3 s", "")
    )


def test_it_ends_with_what_it_tells_of(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), Progress("checking"):
        raise ZeroDivisionError
    assert capsys.readouterr() == ("", "")


def test_a_standard_error_that_nobody_reads_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for nowhere in (Unread(), None):
        monkeypatch.setattr(sys, "stderr", nowhere)
        Progress("checking", wait=Pauses(3)).tell()
    assert capsys.readouterr().out == ""


def test_commands_tell_how_far_they_have_come(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Offline(database).close()
    noted: list[tuple[int, int]] = []
    monkeypatch.setattr(Progress, "__call__", lambda self, done, total: noted.append((done, total)))
    for command in (
        ["check"],
        ["backup", database.with_name("backup.db")],
        ["restore", database.with_name("backup.db")],
    ):
        noted.clear()
        assert run(*command, "--db", database).code == 0
        assert noted == sorted(noted)
        assert noted[-1][1] > 0, command
