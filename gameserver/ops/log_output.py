"""Writes the log in a thread of its own, so that no logging call waits for the log's reader."""

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
from gameserver.ops.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

_MAX_WAITING_BYTES = 1_048_576
_FLUSH_S = 2.0


class LogOutput(logging.Handler):
    """A logging handler that passes lines to a thread, which calls ``write``; that may block, and may raise OSError.

    A line that would exceed ``max_waiting_bytes``, or that cannot be written, is dropped and counted in ``dropped``;
    once lines can be written again, a record (``log_dropped``) has the count.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        max_waiting_bytes: int = _MAX_WAITING_BYTES,
        throttle: ThrottledLog | None = None,
    ) -> None:
        super().__init__()
        self.dropped = 0
        self._write = write
        self._max_waiting_bytes = max_waiting_bytes
        self._changed = threading.Condition()
        self._throttle = throttle or ThrottledLog()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._unreported = 0
        self._stopping = False
        # A daemon thread: the process can exit while it blocks in a write.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record to be written, unless it is throttled as a repeat."""
        with self._changed:
            try:
                self._take(record)
            except Exception as error:  # logging would write to standard error itself, and could block
                text = f"a log record cannot be formatted: {error!r}"
                self._take(make_record(record.name, logging.ERROR, None, text))
            self._changed.notify()

    def stop(self, timeout_s: float = _FLUSH_S) -> None:
        """Write the waiting lines, for at most ``timeout_s`` seconds, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _take(self, record: logging.LogRecord) -> None:
        passed = self._throttle.take(record, time.monotonic())
        if passed is not None:
            self._put(passed)

    def _put(self, record: logging.LogRecord) -> None:
        line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        if self._waiting_bytes + len(line) > self._max_waiting_bytes:
            self._drop()
            return
        self._waiting.append(line)
        self._waiting_bytes += len(line)

    def _drop(self) -> None:
        self.dropped += 1
        self._unreported += 1

    def _run(self) -> None:
        while (line := self._next_line()) is not None:
            failed = self._fails_to_write(line)
            with self._changed:
                self._waiting_bytes -= len(line)
                if failed:
                    self._drop()
                elif self._unreported and not self._waiting:
                    self._report_dropped()

    def _fails_to_write(self, line: bytes) -> bool:
        try:
            self._write(line)
        except OSError:
            return True
        return False

    def _report_dropped(self) -> None:
        text = "log lines were dropped: they could not be written, or not fast enough"
        count, self._unreported = self._unreported, 0
        self._put(make_record(__name__, logging.WARNING, "log_dropped", text, count=count))

    def _next_line(self) -> bytes | None:
        """Wait for the next line; None once the output is stopped and no line is left."""
        with self._changed:
            while not self._waiting and not self._stopping:
                next_s = self._throttle.next_s
                self._changed.wait(None if next_s is None else max(0.0, next_s - time.monotonic()))
                self._release(time.monotonic())
            if self._stopping:
                self._release(math.inf)
            return self._waiting.popleft() if self._waiting else None

    def _release(self, now_s: float) -> None:
        for summary in self._throttle.release(now_s):
            self._put(summary)


class DescriptorWriter:
    """Writes whole lines to a descriptor, which another program may have made non-blocking."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._torn = False

    def __call__(self, line: bytes) -> None:
        """Write a line, after a line break if the previous line was written only in part. Raises OSError."""
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


def print_in_background(texts: Sequence[tuple[TextIO | None, str]]) -> None:
    """Print each text to its stream from a thread, since a stream may be closed, or block because nobody reads it."""

    def write_all() -> None:
        for stream, text in texts:
            writer = _writer_to(stream)
            try:
                writer(text.encode(errors="backslashreplace"))
            except OSError as error:
                logger.warning("cannot print the server's start message: %s", error)

    threading.Thread(target=write_all, name="print", daemon=True).start()


@contextmanager
def log_to_stderr(level: str, log_format: str) -> Iterator[None]:
    """Send the log to standard error, as ``text`` or ``json``; at the exit, waiting lines are written for up to 2 s."""
    output = LogOutput(_writer_to(sys.stderr))
    output.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(output)
    root.setLevel(level.upper())
    logging.captureWarnings(True)  # which Python would otherwise write to standard error itself
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(before)
        root.removeHandler(output)
        output.stop()


def _writer_to(stream: TextIO | None) -> Callable[[bytes], object]:
    """A function that writes to the stream's descriptor, past the buffer that the interpreter flushes at exit."""
    if stream is None:
        return len
    try:
        return DescriptorWriter(stream.fileno())
    except io.UnsupportedOperation:  # a stream in memory
        return lambda line: stream.write(line.decode())


def dropped_lines() -> int:
    """The number of log lines dropped by all outputs."""
    return sum(handler.dropped for handler in logging.getLogger().handlers if isinstance(handler, LogOutput))
