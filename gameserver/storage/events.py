"""Events of games, and the counts of them by action and target."""

from collections.abc import Iterable
from typing import NamedTuple

from gameserver.domain.targets import TargetRow
from gameserver.storage.connection import Connection
from gameserver.storage.ids import new_uuid


class Event(NamedTuple):
    """An event: an action by a target, or the resolution of a binary pool. ``id`` is 0 until it is stored."""

    id: int
    uuid: str
    game_id: int
    action_id: int | None
    target_id: int | None
    pool_id: int | None
    pool_target: str | None
    description: str | None
    happened_at: int
    registered_at: int
    voided_at: int | None
    void_reason: str | None = None
    external_id: str | None = None


_COLUMNS = ", ".join(Event._fields)


def insert_event(connection: Connection, new: Event) -> Event:
    """Store a new event and return it, with its ids."""
    event = new._replace(uuid=new_uuid(new.registered_at))
    columns, values = Event._fields[1:], event[1:]
    marks = ", ".join("?" * len(values))
    return event._replace(id=connection.insert(f"INSERT INTO events ({', '.join(columns)}) VALUES ({marks})", values))


def find_event(connection: Connection, game_id: int, uuid: str) -> Event | None:
    """The game's event with this wire id, voided or not; None if there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM events WHERE uuid = ? AND game_id = ?", (uuid, game_id)
    ).fetchone()
    return Event(*row) if row else None


def find_any_event(connection: Connection, uuid: str) -> Event | None:
    """The event with this wire id, of whatever game, voided or not; None if there is none."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM events WHERE uuid = ?", (uuid,)).fetchone()
    return Event(*row) if row else None


def find_event_of_feed(connection: Connection, game_id: int, external_id: str) -> Event | None:
    """The game's event with this id of a feed, the last one if all are voided; None if there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM events WHERE game_id = ? AND external_id = ?"
        " ORDER BY voided_at IS NOT NULL, id DESC LIMIT 1",
        (game_id, external_id),
    ).fetchone()
    return Event(*row) if row else None


def get_event(connection: Connection, event_id: int) -> Event:
    """The event with this row id, which must exist."""
    return Event(*connection.execute(f"SELECT {_COLUMNS} FROM events WHERE id = ?", (event_id,)).fetchone())


def update_event_voided(connection: Connection, event_id: int, now_ms: int, reason: str | None) -> None:
    """Mark the event as voided."""
    connection.execute("UPDATE events SET voided_at = ?, void_reason = ? WHERE id = ?", (now_ms, reason, event_id))


def list_past_events(
    connection: Connection, game_id: int, before: Event | None, limit: int, *, with_voided: bool = False
) -> list[Event]:
    """A game's events, the newest ``happened_at`` first, those after ``before`` in that order.

    Voided ones, and resolutions of pools by hand, are among them if asked for.
    """
    those = "" if with_voided else " AND voided_at IS NULL AND pool_id IS NULL"
    bound = (2**62, 2**62) if before is None else (before.happened_at, before.id)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM events WHERE game_id = ?{those}"
        " AND (happened_at, id) < (?, ?) ORDER BY happened_at DESC, id DESC LIMIT ?",
        (game_id, *bound, limit),
    )
    return [Event(*row) for row in rows]


def list_later_events(connection: Connection, action_id: int, after_event_id: int) -> list[Event]:
    """The events of an action that were registered after another event and are not voided."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM events WHERE action_id = ? AND id > ? AND voided_at IS NULL ORDER BY id",
        (action_id, after_event_id),
    )
    return [Event(*row) for row in rows]


def count_event(connection: Connection, game_id: int, action_id: int, target_ids: Iterable[int], step: int) -> None:
    """Add to the count of an action for a target and its ancestors: 1 for an event, -1 for a voided one."""
    connection.execute_many(
        "INSERT INTO event_counts VALUES (?, ?, ?, ?)"
        " ON CONFLICT (game_id, action_id, target_id) DO UPDATE SET count = event_counts.count + ?",
        [(game_id, action_id, target_id, max(0, step), step) for target_id in target_ids],
    )


def list_counts(connection: Connection, game_id: int) -> list[tuple[str, int, int]]:
    """The counts of a game's events: action id, target row id and count, in the order of its actions and targets."""
    return connection.execute(
        "SELECT actions.key, target_id, count FROM event_counts JOIN actions ON actions.id = action_id"
        " WHERE event_counts.game_id = ? AND count > 0 ORDER BY action_id, target_id",
        (game_id,),
    ).fetchall()


def list_counts_of_action(connection: Connection, game_id: int, action_id: int) -> list[tuple[TargetRow, int]]:
    """How often an action has happened by each target, in the order of targets: those above a target are among them."""
    rows = connection.execute(
        "SELECT count, targets.id, parent_id, key, display_name"
        " FROM event_counts JOIN targets ON targets.id = target_id"
        " WHERE event_counts.game_id = ? AND action_id = ? AND count > 0 ORDER BY targets.id",
        (game_id, action_id),
    )
    return [(TargetRow(*row), count) for count, *row in rows]


def list_event_uuids(connection: Connection, game_id: int) -> list[str]:
    """The ids of a game's events, voided ones included, in the order registered."""
    rows = connection.execute("SELECT uuid FROM events WHERE game_id = ? ORDER BY id", (game_id,))
    return [row[0] for row in rows]
