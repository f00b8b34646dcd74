"""Structured logging: events with fields, and formatters that write them as text or as JSON."""

import json
import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

from gameserver.printable import printable

_PLAIN = re.compile(r"[\w.:/+-]+")

_context: ContextVar[Mapping[str, object] | None] = ContextVar("log_context", default=None)


def set_context(fields: Mapping[str, object] | None) -> None:
    """Set the fields that are added to each record of this task and of those it starts; later changes to them count."""
    _context.set(fields)


def log(logger: logging.Logger, level: int, event: str, message: str, /, **fields: object) -> None:
    """Log an event under a stable name.

    A field ``reason`` must have few values: repeats are throttled for each of them (see `ThrottledLog`).
    """
    logger.log(level, message, extra={"event": event, "fields": fields}, stacklevel=2)


def log_failure(logger: logging.Logger, level: int, event: str, message: str, /, **fields: object) -> None:
    """Log an event under a stable name, with the traceback of the exception that is being handled."""
    logger.log(level, message, exc_info=True, extra={"event": event, "fields": fields}, stacklevel=2)


def make_record(name: str, level: int, event: str | None, message: str, /, **fields: object) -> logging.LogRecord:
    """Make a record that the logging code itself adds to the log."""
    record = logging.LogRecord(name, level, "", 0, message, (), None)
    record.__dict__.update(event=event, fields=fields)
    return record


def _fields(record: logging.LogRecord) -> dict[str, object]:
    event = getattr(record, "event", None)
    named = {} if event is None else {"event": event}
    return {**named, **(_context.get() or {}), **getattr(record, "fields", {})}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(logging.Formatter):
    """Formats a record as one line with a JSON object, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
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
    """Formats a record as ``TIME LEVEL LOGGER: MESSAGE FIELD=VALUE…``; a traceback's lines begin with a bar."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line, followed by those of its traceback."""
        head = f"{_time(record)} {record.levelname} {record.name}: {printable(record.getMessage())}"
        fields = [f"{name}={_value(value)}" for name, value in _fields(record).items()]
        lines = [" ".join([head, *fields])]
        if record.exc_info:
            lines += [f"  | {printable(line)}" for line in self.formatException(record.exc_info).splitlines()]
        return "\n".join(lines)


def _value(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else printable(json.dumps(text, ensure_ascii=False))
