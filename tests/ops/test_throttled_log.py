import gc
import json
import logging
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gameserver.ops.log import JsonFormatter, log, log_failure
from gameserver.ops.throttled_log import ThrottledLog

logger = logging.Logger("tests.repeats")  # of no tree: nobody else takes, or keeps, what it logs


class Log(logging.Handler):
    """What is told of the log, at times that a test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.throttle = ThrottledLog()
        self.now_s = 100.0
        self.told: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        told = self.throttle.take(record, self.now_s)
        if told is not None:
            self._tell(told)

    def _tell(self, record: logging.LogRecord) -> None:
        entry = json.loads(JsonFormatter().format(record))
        self.told.append({name: value for name, value in entry.items() if name not in ("time", "logger")})

    def go_on(self, seconds: float) -> None:
        """Let time pass, and tell what is to be told then."""
        until_s = self.now_s + seconds
        while (next_s := self.throttle.next_s) is not None and next_s <= until_s:
            self.now_s = next_s
            for record in self.throttle.release(next_s):
                self._tell(record)
        self.now_s = until_s


@pytest.fixture
def told() -> Iterator[Log]:
    told = Log()
    logger.addHandler(told)
    yield told
    logger.removeHandler(told)


def failed(reason: str, **fields: object) -> None:
    log(logger, logging.WARNING, "failed", "no", reason=reason, **fields)


def test_a_flood_is_one_line_a_second_and_its_size(told: Log) -> None:
    for _ in range(80):
        for _ in range(50):
            failed("kind", address="a")
        told.go_on(1 / 16)
    assert 5 <= len(told.told) <= 6  # the first, then one a second
    told.go_on(3)
    assert told.told[0] == {
        "level": "warning",
        "message": "no",
        "event": "failed",
        "reason": "kind",
        "address": "a",
    }
    assert told.told[1] == {
        "level": "warning",
        "message": "no: 799 more within a second",
        "event": "failed",
        "reason": "kind",
        "count": 799,
    }
    assert sum(line.get("count", 1) for line in told.told) == 4_000
    assert len(told.told) <= 8
    failed("kind", address="b")
    assert told.told[-1]["address"] == "b"
    told.go_on(10)
    assert told.throttle.next_s is None


def test_kinds_are_counted_apart(told: Log) -> None:
    for kind in ("one", "other", "one"):
        failed(kind)
    assert [line["reason"] for line in told.told] == ["one", "other"]
    told.go_on(2)
    assert [(line["reason"], line["count"]) for line in told.told[2:]] == [("one", 1)]


def test_a_line_without_a_name_is_of_the_kind_of_its_place_whatever_it_says(told: Log) -> None:
    for number in range(10):
        logger.warning("the disk is full, try %d", number)
    logger.warning("something else")
    assert [line["message"] for line in told.told] == ["the disk is full, try 0", "something else"]
    told.go_on(1)
    assert [line["message"] for line in told.told[2:]] == ["the disk is full, try 0: 9 more within a second"]


def test_for_those_who_debug_everything_is_told(told: Log) -> None:
    for _ in range(10):
        log(logger, logging.DEBUG, "opened", "the connection is open")
    assert len(told.told) == 10


def fail(raising: Callable[[], object], **fields: object) -> None:
    try:
        raising()
    except Exception:
        log_failure(logger, logging.ERROR, "internal_error", "a bug", **fields)


def one_bug() -> None:
    raise LookupError("one")


def other_bug() -> None:
    raise LookupError("other")


def test_a_traceback_is_told_once_a_minute(told: Log) -> None:
    for _ in range(61):
        fail(one_bug)
        told.go_on(1)
    assert [number for number, line in enumerate(told.told) if "exception" in line] == [0, 60]
    assert told.told[1]["traceback"] == "as before"
    assert len(told.told) == 61


def test_bugs_in_different_places_are_told_apart(told: Log) -> None:
    for raising in (one_bug, other_bug, one_bug, lambda: [][0]):
        fail(raising)
    assert [line["exception"].splitlines()[-1] for line in told.told] == [
        "LookupError: one",
        "LookupError: other",
        "IndexError: list index out of range",
    ]


def test_an_incident_that_is_not_told_by_itself_is_named(told: Log) -> None:
    for number in range(300):
        fail(one_bug, incident=f"i{number}")
    told.go_on(1)
    assert [line.get("incident") for line in told.told] == ["i0", None]
    assert told.told[1]["count"] == 299
    assert told.told[1]["incidents"].split() == [f"i{number}" for number in range(1, 101)]


def test_what_a_traceback_holds_is_let_go_of(told: Log) -> None:
    class Request:
        pass

    def fail_with(request: Request) -> None:
        def bug() -> None:
            raise LookupError(id(request))

        fail(bug)

    request = Request()
    held = weakref.ref(request)
    fail_with(request)
    del request
    gc.collect()
    assert held() is None
