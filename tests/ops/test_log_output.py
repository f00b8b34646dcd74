import errno
import io
import json
import logging
import os
import queue
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gameserver.ops.log import JsonFormatter, log
from gameserver.ops.log_output import DescriptorWriter, LogOutput, dropped_lines, log_to_stderr, print_in_background
from gameserver.ops.throttled_log import ThrottledLog

logger = logging.getLogger("tests.output")

TIMEOUT_S = 10  # which no test needs


class Reader:
    """Who takes the lines of a log, or not."""

    def __init__(self) -> None:
        self.taken: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.may_take = threading.Event()
        self.may_take.set()
        self.asked = threading.Event()
        self.error: OSError | None = None

    def __call__(self, line: bytes) -> None:
        self.asked.set()
        self.may_take.wait(TIMEOUT_S)
        if self.error is not None:
            raise self.error
        assert line.endswith(b"\n")
        self.taken.put(json.loads(line))

    def next(self) -> dict[str, Any]:
        """The next line that is taken."""
        return self.taken.get(timeout=TIMEOUT_S)

    def refuse(self) -> None:
        """Take nothing, and wait until that is felt."""
        self.may_take.clear()
        self.asked.clear()
        say("refused")
        assert self.asked.wait(TIMEOUT_S)


def say(message: str) -> None:
    log(logger, logging.INFO, "said", message, reason=message)


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def output(reader: Reader) -> Iterator[LogOutput]:
    """The log of the logger above, with room for some five lines."""
    output = LogOutput(reader, max_waiting_bytes=800)
    output.setFormatter(JsonFormatter())
    logger.addHandler(output)
    logger.setLevel(logging.INFO)
    yield output
    logger.removeHandler(output)
    reader.may_take.set()
    output.stop(TIMEOUT_S)


def test_lines_are_written_in_order(output: LogOutput, reader: Reader) -> None:
    for number in range(5):
        say(f"{number}")
        assert reader.next()["message"] == f"{number}"


def test_nobody_waits_for_a_reader_that_takes_nothing_and_what_is_dropped_is_counted(
    output: LogOutput, reader: Reader
) -> None:
    reader.refuse()
    for number in range(1_000):
        say(f"number {number}")
    dropped = output.dropped
    assert 990 <= dropped < 1_000
    reader.may_take.set()
    kept = [reader.next()["message"] for _ in range(1 + 1_000 - dropped)]
    assert kept == ["refused", *(f"number {number}" for number in range(1_000 - dropped))]
    told = reader.next()
    assert (told["event"], told["level"], told["count"]) == ("log_dropped", "warning", dropped)
    say("and on")
    assert reader.next()["message"] == "and on"


def test_lines_that_cannot_be_written_are_counted_and_told_when_they_can_be(output: LogOutput, reader: Reader) -> None:
    reader.error = OSError(errno.ENOSPC, "no space")
    reader.refuse()
    say("one")
    say("two")
    reader.may_take.set()
    output.stop(TIMEOUT_S)
    assert output.dropped == 3

    later = LogOutput(reader)
    later.setFormatter(JsonFormatter())
    for number, error in enumerate([OSError(errno.EPIPE, "closed"), None]):
        reader.asked.clear()
        reader.error = error
        later.handle(logger.makeRecord("tests", logging.INFO, __file__, number, "line %d", (number,), None))
        assert reader.asked.wait(TIMEOUT_S)
        if error is None:
            assert reader.next()["message"] == "line 1"
            assert reader.next()["count"] == 1
    later.stop(TIMEOUT_S)


def test_repeats_are_told_without_any_further_line(reader: Reader) -> None:
    output = LogOutput(reader, throttle=ThrottledLog(interval_s=0.01))
    output.setFormatter(JsonFormatter())
    for _ in range(100):
        output.handle(logger.makeRecord("tests", logging.INFO, __file__, 1, "again", (), None))
    told = 0
    while told < 100:
        told += reader.next().get("count", 1)
    output.stop(TIMEOUT_S)


def test_at_the_end_what_waits_is_written_with_the_repeats(output: LogOutput, reader: Reader) -> None:
    for _ in range(3):
        say("again")
    logger.removeHandler(output)
    output.stop(TIMEOUT_S)
    assert [reader.next().get("count") for _ in range(2)] == [None, 2]


def test_at_the_end_nobody_waits_long_for_a_reader_that_takes_nothing(output: LogOutput, reader: Reader) -> None:
    reader.refuse()
    say("lost")
    output.stop(0.01)
    assert reader.taken.empty()


def test_a_line_that_cannot_be_made_is_told_as_that(output: LogOutput, reader: Reader) -> None:
    class Bug:
        def __str__(self) -> str:
            raise LookupError("a bug")

    output.handle(logger.makeRecord("tests", logging.INFO, __file__, 1, "%s", (Bug(),), None))
    told = reader.next()
    assert (told["level"], told["message"]) == ("error", "a log record cannot be formatted: LookupError('a bug')")


# The descriptor


def test_a_line_after_one_that_was_written_in_part_begins_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    room = [3]

    def write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "no space")
        part = data[: room[0]]
        written.append(part)
        room[0] -= len(part)
        return len(part)

    monkeypatch.setattr(os, "write", write)
    writer = DescriptorWriter(2)
    for line in (b"first\n", b"second\n"):
        with suppress(OSError):
            writer(line)
    room[0] = 100
    writer(b"third\n")
    writer(b"fourth\n")
    assert b"".join(written) == b"fir\nthird\nfourth\n"


def test_a_descriptor_that_others_made_non_blocking_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    line = b"x" * 300_000 + b"\n"
    thread = threading.Thread(target=DescriptorWriter(writing), args=(line,))
    thread.start()
    received = b""
    while len(received) < len(line):
        received += os.read(reading, 65_536)
    thread.join(TIMEOUT_S)
    assert received == line
    os.close(reading)
    os.close(writing)


def test_the_log_on_standard_error_says_what_was_logged_when_it_ends(capfd: pytest.CaptureFixture[str]) -> None:
    with log_to_stderr("info", "text"):
        say("hello")
        logger.debug("not this")
        warnings.showwarning("odd", UserWarning, "somewhere.py", 7)
        assert dropped_lines() == 0
    said = capfd.readouterr().err
    assert "INFO tests.output: hello event=said" in said
    assert "WARNING py.warnings: somewhere.py:7: UserWarning: odd" in said


def test_a_log_that_has_no_standard_error_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    with log_to_stderr("info", "text"):
        say("hello")
        print_in_background([(None, "hello")])


def test_what_is_printed_aside_is_printed_to_each_stream_in_order(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    memory = io.StringIO()
    with os.fdopen(writing, "w") as stream:
        print_in_background([(memory, "first"), (stream, "second")])
        assert os.read(reading, 100) == b"second"
    assert memory.getvalue() == "first"
    os.close(reading)
