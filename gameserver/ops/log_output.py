"""Where the log goes: a thread of its own writes it, so that nobody who logs waits for whoever reads it."""

import io
import logging
import math
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from gameserver.ops.log import JsonFormatter, TextFormatter, make_record
from gameserver.ops.throttled_log import Conflation

logger = logging.getLogger(__name__)

_MAX_WAITING_BYTES = 1_048_576
_FLUSH_S = 2.0


class LogOutput(logging.Handler):
    """Hands lines to a thread that calls ``write``, which may wait, and may raise OSError.

    A line beyond ``max_waiting_bytes``, or that cannot be written, is dropped and counted; once lines can be written
    again, one says how many there were.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        max_waiting_bytes: int = _MAX_WAITING_BYTES,
        conflation: Conflation | None = None,
    ) -> None:
        super().__init__()
        self.dropped = 0
        self._write = write
        self._max_waiting_bytes = max_waiting_bytes
        self._changed = threading.Condition()
        self._conflation = conflation or Conflation()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._unsaid = 0
        self._stopping = False
        # A daemon: at the end nobody waits for a thread that waits for a reader.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written, unless it is a repeat."""
        with self._changed:
            try:
                self._take(record)
            except Exception as error:  # logging would complain to standard error itself, and wait there
                text = f"a line of the log cannot be made: {error!r}"
                self._take(make_record(record.name, logging.ERROR, None, text))
            self._changed.notify()

    def stop(self, timeout_s: float = _FLUSH_S) -> None:
        """Write what waits, unless nobody takes it for so long."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _take(self, record: logging.LogRecord) -> None:
        told = self._conflation.take(record, time.monotonic())
        if told is not None:
            self._put(told)

    def _put(self, record: logging.LogRecord) -> None:
        line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        if self._waiting_bytes + len(line) > self._max_waiting_bytes:
            self._drop()
            return
        self._waiting.append(line)
        self._waiting_bytes += len(line)

    def _drop(self) -> None:
        self.dropped += 1
        self._unsaid += 1

    def _run(self) -> None:
        while (line := self._next_line()) is not None:
            failed = self._fails_to_write(line)
            with self._changed:
                self._waiting_bytes -= len(line)
                if failed:
                    self._drop()
                elif self._unsaid and not self._waiting:
                    self._say_dropped()

    def _fails_to_write(self, line: bytes) -> bool:
        try:
            self._write(line)
        except OSError:
            return True
        return False

    def _say_dropped(self) -> None:
        text = "lines of the log were dropped: they could not be written, or nobody took them"
        count, self._unsaid = self._unsaid, 0
        self._put(make_record(__name__, logging.WARNING, "log_dropped", text, count=count))

    def _next_line(self) -> bytes | None:
        """Wait for the next line to be written; None at the end."""
        with self._changed:
            while not self._waiting and not self._stopping:
                next_s = self._conflation.next_s
                self._changed.wait(None if next_s is None else max(0.0, next_s - time.monotonic()))
                self._release(time.monotonic())
            if self._stopping:
                self._release(math.inf)
            return self._waiting.popleft() if self._waiting else None

    def _release(self, now_s: float) -> None:
        for summary in self._conflation.release(now_s):
            self._put(summary)


class DescriptorWriter:
    """Writes whole lines to a descriptor, which others may have made non-blocking."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._torn = False

    def __call__(self, line: bytes) -> None:
        """Write a line; it begins a new one though the last may have been written in part. Raises OSError."""
        left = b"\n" + line if self._torn else line
        while left:
            try:
                written = os.write(self._descriptor, left)
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
                continue
            left = left[written:]
            self._torn = bool(left)


def print_aside(told: Sequence[tuple[TextIO | None, str]]) -> None:
    """Print each text to its stream, without waiting: a stream may be closed, or full and read by nobody."""

    def tell() -> None:
        for stream, text in told:
            writer = _writer_to(stream)
            try:
                writer(text.encode(errors="backslashreplace"))
            except OSError as error:
                logger.warning("what the server has to say at its start cannot be written: %s", error)

    threading.Thread(target=tell, name="print", daemon=True).start()


@contextmanager
def log_to_stderr(level: str, log_format: str) -> Iterator[None]:
    """Send the log to standard error, as ``text`` or ``json``; what waits at the end is written within a while."""
    output = LogOutput(_writer_to(sys.stderr))
    output.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(output)
    root.setLevel(level.upper())
    logging.captureWarnings(True)  # which Python would write itself
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(before)
        root.removeHandler(output)
        output.stop()


def _writer_to(stream: TextIO | None) -> Callable[[bytes], object]:
    """What writes to the descriptor itself: nothing of it waits in a buffer that the interpreter flushes at the end."""
    if stream is None:
        return len
    try:
        return DescriptorWriter(stream.fileno())
    except io.UnsupportedOperation:  # a stream in memory
        return lambda line: stream.write(line.decode())


def dropped_lines() -> int:
    """How many lines of the log have been dropped."""
    return sum(handler.dropped for handler in logging.getLogger().handlers if isinstance(handler, LogOutput))
