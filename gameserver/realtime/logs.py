"""The log: one line an event, for people or as JSON, with the fields of the connection that is being served."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial

from gameserver.realtime.alarms import Alarms

# What could end a line, or make a terminal show another one than was written.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PLAIN = re.compile(r"[\w.:/+-]+")
_CONFLATED_FOR_S = 1.0

_context: ContextVar[Mapping[str, object] | None] = ContextVar("log_context", default=None)


def set_context(fields: Mapping[str, object] | None) -> None:
    """Add fields, as they will be then, to all that this task and those it starts will log."""
    _context.set(fields)


def log(logger: logging.Logger, level: int, event: str, message: str, /, **fields: object) -> None:
    """Log an event under a name that does not change."""
    logger.log(level, message, extra={"event": event, "fields": fields})


def log_failure(logger: logging.Logger, level: int, event: str, message: str, /, **fields: object) -> None:
    """The same, with the traceback of the exception that is being handled."""
    logger.log(level, message, exc_info=True, extra={"event": event, "fields": fields})


class Floods:
    """Events that clients can cause at will: one line a second of each kind, with how many more there were."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._held: dict[tuple[str, object], int] = {}

    def log(self, logger: logging.Logger, level: int, event: str, message: str, kind: str, /, **fields: object) -> None:
        """Log the first of a kind at once; those within a second of it are counted. There must be few kinds."""
        if (event, kind) in self._held:
            self._held[event, kind] += 1
            return
        log(logger, level, event, message, reason=kind, **fields)
        self._hold(logger, level, event, kind)

    def _hold(self, logger: logging.Logger, level: int, event: str, kind: str) -> None:
        self._held[event, kind] = 0
        self._alarms.set(_CONFLATED_FOR_S, partial(self._release, logger, level, event, kind))

    def _release(self, logger: logging.Logger, level: int, event: str, kind: str) -> None:
        more = self._held.pop((event, kind))
        if more:
            log(logger, level, event, f"{more} more of these within a second", reason=kind, count=more)
            self._hold(logger, level, event, kind)


def configure(level: str, log_format: str) -> None:
    """Send the log to standard error, as ``text`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    event = getattr(record, "event", None)
    named = {} if event is None else {"event": event}
    return {**named, **(_context.get() or {}), **getattr(record, "fields", {})}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(logging.Formatter):
    """One JSON object a line, ASCII only."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        entry: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class TextFormatter(logging.Formatter):
    """``TIME LEVEL LOGGER: MESSAGE FIELD=VALUE…``; the lines of a traceback begin with a bar."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, and its traceback's."""
        head = f"{_time(record)} {record.levelname} {record.name}: {_printable(record.getMessage())}"
        fields = [f"{name}={_value(value)}" for name, value in _fields(record).items()]
        lines = [" ".join([head, *fields])]
        if record.exc_info:
            lines += [f"  | {_printable(line)}" for line in self.formatException(record.exc_info).splitlines()]
        return "\n".join(lines)


def _value(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _printable(json.dumps(text, ensure_ascii=False))


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
