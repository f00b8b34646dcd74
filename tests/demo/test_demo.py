"""The final is played to its end on a server of its own, with people who bet on it."""

import io
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from rich.console import Console
from trio.testing import MockClock

from gameserver.demo.demo import Options, demonstrate
from gameserver.demo.figures import Figures, Rate, percentile
from gameserver.demo.match import KICK_OFF_MS, LENGTH_S, entries
from gameserver.demo.spectators import FrameCounter
from gameserver.net.frames import PING_FRAME, close_frame, text_frame
from gameserver.ops.signals import SAME_INTERRUPT_S
from tests.support.process import PROGRAM, TIMEOUT_S, environment, run_process

QUICK = Options(speed=LENGTH_S / 2, bettors=10, spectators=3)


async def played(console: Console, options: Options = QUICK) -> list[str]:
    said: list[str] = []
    with trio.fail_after(50):
        assert await demonstrate(options, console, said.append)
    return said


async def test_in_a_pipe_the_final_is_told_line_by_line_with_the_figures_at_the_end() -> None:
    said = await played(Console(file=io.StringIO(), force_terminal=False))
    assert re.fullmatch(r"watch it at http://127\.0\.0\.1:\d+/#/game/[-0-9a-f]{36}", said[0])
    told = [line[10:] for line in said]
    goals = [line for line in told if line.startswith("Goal: ")]
    assert len(goals) == 7
    assert "corrected to Goal: Argentina Di María (2-0, assisted by Mac Allister)" in told
    assert "taken back: Goal: Argentina Lautaro Martínez (offside)" in told
    assert any(line.startswith("pool ended: Man of the match: ") for line in told)
    assert any(line.startswith("pool ended: Champions: ") for line in told)
    closed = told.index("the game is closed")
    figures = "\n".join(said[closed + 1 :])
    assert re.search(r"^[1-9]\d* bets, ", figures, re.M)
    assert re.search(r"^3 spectators received [1-9][\d,]* messages", figures, re.M)
    assert "lost their connection" not in figures


async def test_a_terminal_gets_a_code_to_scan_and_a_picture() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=60)
    said = await played(console)
    assert "▄" in said[1]
    assert isinstance(console.file, io.StringIO)
    picture = console.file.getvalue()
    for text in ("Pools", "Table", "Match", "bets/s", "Argentina 3 - 3 France"):
        assert text in picture
    assert not any("Goal: " in line for line in said)


async def test_the_database_is_kept_in_the_new_file_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "demo.db"
    await played(Console(file=io.StringIO()), QUICK._replace(db=str(file)))
    assert b"director" in file.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_the_figures_and_leaves_nothing(
    number: signal.Signals, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("demo")  # a socket's path is short
    with subprocess.Popen(
        [*PROGRAM, "demo", "--speed", "60", "--load", "5"],
        env=environment({"TMPDIR": str(folder)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        first = demo.stdout.readline()
        assert first.startswith("watch it at "), demo.stderr.read()
        for _ in range(10):  # as by a parent that passes them on, late
            demo.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                demo.wait(SAME_INTERRUPT_S / 20)
        assert demo.wait(TIMEOUT_S) == 130
        assert " spectators received " in demo.stdout.read()
        assert demo.stderr.read() == ""
    assert not list(folder.iterdir())


def test_the_match_is_as_long_as_its_feed() -> None:
    told = [entry.told_at for entry in entries() if entry.told_at is not None]
    assert told == sorted(told)
    assert told[0] > KICK_OFF_MS
    assert KICK_OFF_MS + 1000 * LENGTH_S >= told[-1] > KICK_OFF_MS + 990 * LENGTH_S


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("--speed", "0"), 2, "argument --speed: it takes a number above 0, not '0'"),
        (("--speed", "fast"), 2, "argument --speed: it takes a number above 0, not 'fast'"),
        (("--load", "-1"), 2, "argument --load: it takes a number from 0 up, not '-1'"),
        (("--port", "70000"), 1, "port of --port is not accepted"),
        (("--host", "unix:{}"), 1, "the demo needs an address"),
        (("--db", "postgresql://127.0.0.1/games"), 1, "the demo makes a database of its own"),
        (("--db", __file__), 1, "the demo makes a database of its own"),
    ],
)
def test_what_a_demo_cannot_do_is_told_in_words(
    tmp_path: Path, arguments: tuple[str, str], code: int, reason: str
) -> None:
    flag, value = arguments
    done = run_process("demo", flag, value.format(tmp_path / "socket"))
    assert (done.code, reason in done.stderr, "Traceback" in done.stderr) == (code, True, False)


async def test_rates_are_of_late_and_their_peak_is_kept(autojump_clock: MockClock) -> None:
    rate = Rate()
    for count in (10, 30, 0, 0, 0):
        rate.total += count
        await trio.sleep(1)
        assert rate.per_s >= 0
    assert (rate.total, rate.peak, rate.per_s) == (40, 20, 0)


async def test_the_figures_of_a_demo_without_bets_are_told_too() -> None:
    assert any("0 bets" in line for line in Figures().summary())
    assert [percentile([1, 2, 3, 4], share) for share in (0, 0.5, 0.99, 1)] == [1, 3, 4, 4]


@pytest.mark.parametrize("size", [1, 2, 7, 100_000])
def test_a_spectator_counts_messages_however_they_arrive(size: int) -> None:
    messages = [text_frame(payload) for payload in (b"x", b"y" * 126, b"z" * 70_000)]
    sent = b"".join([messages[0], PING_FRAME, *messages[1:], close_frame(1000)])
    counter = FrameCounter()
    for start in range(0, len(sent), size):
        assert not counter.is_closed
        counter.feed(sent[start : start + size])
    assert (counter.messages, counter.pings, counter.is_closed) == (3, 1, True)
