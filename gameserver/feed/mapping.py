"""What a line of a feed says: the fields of a record become an entry."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from gameserver.errors import OperatorError
from gameserver.feed.reading import NotMapped

# The names under which a record may have each field, the feed's and the API's.
NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "external_id"),
    "action": ("action", "action_id"),
    "target": ("target", "target_id"),
    "happened_at": ("happened_at",),
    "at": ("at",),
    "description": ("description",),
    "void": ("void",),
    "amend": ("amend",),
    "reason": ("reason",),
    "actions": ("actions",),
    "targets": ("targets",),
}
_TIMES = ("happened_at", "at")
_LISTS = ("actions", "targets")


class BadMapping(OperatorError):
    """A ``--map`` that is not understood; the text says why."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a feed tells: an event, a correction of one (``void``, ``amend`` its id), or what the game may have.

    ``at`` is when it was told, times are epoch milliseconds.
    """

    id: str | None = None
    action: str | None = None
    target: str | None = None
    happened_at: int | None = None
    at: int | None = None
    description: str | None = None
    void: str | None = None
    amend: str | None = None
    reason: str | None = None
    actions: list[str] | None = None
    targets: list[str] | None = None

    @property
    def subject(self) -> str:
        """The id of the event that it concerns, if it concerns one."""
        return self.void or self.amend or self.id or ""

    @property
    def told_at(self) -> int | None:
        """When it was told, as far as is known: an event when it happened, unless it says otherwise."""
        return self.at if self.at is not None or self.amend is not None else self.happened_at


class Mapping:
    """Which fields of a record are those of an entry.

    Given as NAME=FIELD: ``action=type``; the values of FIELD:FIELD are joined (``target=team:player``), and a FIELD
    with dots lies within others (``player.name``). Raises `BadMapping`.
    """

    def __init__(self, given: Iterable[str]) -> None:
        self._fields: dict[str, list[list[str]]] = {name: [[it] for it in names] for name, names in NAMES.items()}
        for text in given:
            name, _, field = text.partition("=")
            if name not in NAMES or not field:
                raise BadMapping(f"--map {text}: give NAME=FIELD; the names are {', '.join(NAMES)}")
            self._fields[name] = [field.split(":")]

    def entry(self, record: dict[str, Any]) -> Entry:
        """What a record tells. Raises `NotMapped`."""
        values = {name: value for name in NAMES if (value := self._value(name, record)) is not None}
        entry = Entry(**values)
        if entry.void is None and entry.amend is None and entry.actions is None and entry.targets is None:
            for name in ("id", "action", "target"):
                if name not in values:
                    raise NotMapped(f"it has no {name} ({' or '.join(map(':'.join, self._fields[name]))})")
        return entry

    def _value(self, name: str, record: dict[str, Any]) -> Any:
        for fields in self._fields[name]:
            found = [value for field in fields if (value := _find(record, field)) not in (None, "")]
            if not found:
                continue
            if name in _TIMES:
                return _read_time(name, found[0])
            if name in _LISTS:
                return _read_list(name, found[0])
            if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in found):
                raise NotMapped(f"{name} is no text")
            return ":".join(map(str, found))
        return None


def _find(record: dict[str, Any], field: str) -> Any:
    if field in record:
        return record[field]
    value: Any = record
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _read_list(name: str, value: Any) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise NotMapped(f"{name} is no list of texts")


def _read_time(name: str, value: Any) -> int:
    """A time in epoch milliseconds, or as ISO 8601 with its zone. Raises `NotMapped`."""
    text = str(value)
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise NotMapped(f"{name} is no time: {text!r} is neither epoch milliseconds nor such as 2022-12-18T15:23:00Z")
    return round(moment.timestamp() * 1000)
