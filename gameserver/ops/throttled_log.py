"""Throttles repeated log records: one a second of each kind, and then a summary of how many more there were."""

import logging
import math

from gameserver.ops.log import make_record

_TRACEBACK_EVERY_S = 60.0
_MAX_LISTED = 100

Kind = tuple[object, ...]


class _Repeats:
    """Counts the records of a kind since one was passed on, without keeping records, which would keep tracebacks."""

    def __init__(self, first: logging.LogRecord, until_s: float) -> None:
        self.until_s = until_s
        self._origin = (first.name, first.levelno, getattr(first, "event", None))
        self._text = first.getMessage()
        self._reason = getattr(first, "fields", {}).get("reason")
        self.restart(until_s)

    def restart(self, until_s: float) -> None:
        """Start counting again."""
        self.until_s = until_s
        self.count = 0
        self._incidents: list[str] = []

    def add(self, record: logging.LogRecord) -> None:
        """Count a record, and list its incident id, which a client may report."""
        self.count += 1
        incident = getattr(record, "fields", {}).get("incident")
        if incident is not None and len(self._incidents) < _MAX_LISTED:
            self._incidents.append(str(incident))

    def summary(self) -> logging.LogRecord:
        """A record with the count."""
        fields: dict[str, object] = {} if self._reason is None else {"reason": self._reason}
        if self._incidents:
            fields["incidents"] = " ".join(self._incidents)
        text = f"{self._text}: {self.count} more within a second"
        return make_record(*self._origin, text, **fields, count=self.count)


class ThrottledLog:
    """Passes on one record of each kind every ``interval_s`` seconds, and then a summary of how many more there were.

    Records are of one kind if the same line of code logs them with the same ``reason`` and exception; there must be few
    kinds. A kind's traceback is passed on once a minute. Records of level debug are not throttled.
    """

    def __init__(self, interval_s: float = 1.0) -> None:
        self._interval_s = interval_s
        self._held: dict[Kind, _Repeats] = {}  # in the order in which they are released
        self._traceback_from_s: dict[Kind, float] = {}

    def take(self, record: logging.LogRecord, now_s: float) -> logging.LogRecord | None:
        """The record to write now; None if it is counted for a summary instead."""
        if record.levelno <= logging.DEBUG:
            return record
        kind = _kind_of(record)
        if kind in self._held:
            self._held[kind].add(record)
            return None
        self._held[kind] = _Repeats(record, now_s + self._interval_s)
        if not record.exc_info:
            return record
        if now_s < self._traceback_from_s.get(kind, -math.inf):
            return _without_traceback(record)
        self._traceback_from_s[kind] = now_s + _TRACEBACK_EVERY_S
        return record

    @property
    def next_s(self) -> float | None:
        """When `release` next has something to return; None while nothing is held."""
        return next((repeats.until_s for repeats in self._held.values()), None)

    def release(self, now_s: float) -> list[logging.LogRecord]:
        """The summaries that are due by ``now_s``."""
        due = [kind for kind, repeats in self._held.items() if repeats.until_s <= now_s]
        summaries = []
        for kind in due:
            repeats = self._held.pop(kind)
            if repeats.count:
                summaries.append(repeats.summary())
                repeats.restart(now_s + self._interval_s)
                self._held[kind] = repeats
        return summaries


def _kind_of(record: logging.LogRecord) -> Kind:
    kind = (record.pathname, record.lineno, getattr(record, "fields", {}).get("reason"))
    if not record.exc_info:
        return kind
    error_type, _, traceback = record.exc_info
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    raised_at = None if traceback is None else (traceback.tb_frame.f_code.co_filename, traceback.tb_lineno)
    return (*kind, error_type, raised_at)


def _without_traceback(record: logging.LogRecord) -> logging.LogRecord:
    fields = {**getattr(record, "fields", {}), "traceback": "as before"}
    return logging.makeLogRecord({**record.__dict__, "exc_info": None, "fields": fields})
