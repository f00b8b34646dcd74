"""Games and their admins."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from gameserver.domain.status import GameTimes
from gameserver.storage.connection import Connection
from gameserver.storage.ids import new_uuid


class NewGameRow(Struct, frozen=True):
    """The fields of a new game."""

    source_id: int
    name: str
    type: str
    currency: str
    hashtag: str | None
    image_url: str | None
    created_at: int
    open_at: int
    live_start_at: int
    live_finish_at: int | None
    close_at: int | None
    opened_at: int | None
    chat: str  # who may write in it


class Clock(NamedTuple):
    """What the clock of a match showed at a moment."""

    period: str
    elapsed_ms: int
    is_running: bool
    at: int


class Game(NewGameRow, frozen=True):
    """A game as stored, with its source's wire id and name."""

    id: int
    uuid: str
    source_uuid: str
    source_name: str
    closing_at: int | None
    closed_at: int | None
    held_at: int | None
    seq: int
    clock_period: str | None
    clock_elapsed_ms: int | None
    clock_is_running: int | None
    clock_at: int | None
    cancelled_at: int | None
    points_to_all: int | None

    @property
    def has_scores(self) -> bool:
        """Whether an action of the game scores."""
        return self.points_to_all is not None

    @property
    def clock(self) -> Clock | None:
        """The clock of the match, if it has been set."""
        if self.clock_period is None or self.clock_elapsed_ms is None or self.clock_at is None:
            return None
        return Clock(self.clock_period, self.clock_elapsed_ms, bool(self.clock_is_running), self.clock_at)

    @property
    def times(self) -> GameTimes:
        """The times that decide the game's status."""
        return GameTimes(self.open_at, self.live_start_at, self.opened_at, self.closing_at, self.closed_at)


_JOINED = {"source_uuid": "sources.uuid", "source_name": "sources.name"}
_COLUMNS = ", ".join(_JOINED.get(field, f"games.{field}") for field in Game.__struct_fields__)
_GAMES = f"SELECT {_COLUMNS} FROM games JOIN sources ON sources.id = games.source_id"

_LAST_ROW = 2**62


def insert_game(connection: Connection, new: NewGameRow) -> Game:
    """Store a new game and return it."""
    columns, marks = ", ".join(NewGameRow.__struct_fields__), ", ".join("?" * len(NewGameRow.__struct_fields__))
    values = (new_uuid(new.created_at), *astuple(new))
    game_id = connection.insert(f"INSERT INTO games (uuid, {columns}) VALUES (?, {marks})", values)
    return get_game(connection, game_id)


def find_game(connection: Connection, uuid: str) -> Game | None:
    """The game with this wire id; None if there is none."""
    row = connection.execute(f"{_GAMES} WHERE games.uuid = ?", (uuid,)).fetchone()
    return Game(*row) if row else None


def get_game(connection: Connection, game_id: int) -> Game:
    """The game with this row id, which must exist."""
    return Game(*connection.execute(f"{_GAMES} WHERE games.id = ?", (game_id,)).fetchone())


def list_game_uuids(connection: Connection, game_ids: Iterable[int]) -> list[str]:
    """The wire ids of games, in the order of their rows."""
    found = connection.execute_with(
        "SELECT games.uuid FROM given JOIN games ON games.id = given.game_id ORDER BY games.id",
        ("game_id",),
        [(game_id,) for game_id in game_ids],
    )
    return [uuid for (uuid,) in found]


def update_game_opened(connection: Connection, game_id: int, now_ms: int) -> None:
    """Mark the game as open."""
    connection.execute("UPDATE games SET opened_at = ? WHERE id = ?", (now_ms, game_id))


def update_game_closing(connection: Connection, game_id: int, now_ms: int) -> None:
    """Mark the game as closing: it waits for its binary pools to be resolved."""
    connection.execute("UPDATE games SET closing_at = ? WHERE id = ?", (now_ms, game_id))


def update_game_closed(connection: Connection, game_id: int, now_ms: int) -> None:
    """Mark the game as closed."""
    connection.execute("UPDATE games SET closed_at = ? WHERE id = ?", (now_ms, game_id))


def update_game_reopened(connection: Connection, game_id: int, close_at: int | None) -> None:
    """Mark the game as open again, to be closed at ``close_at``."""
    connection.execute(
        "UPDATE games SET closed_at = NULL, closing_at = NULL, close_at = ? WHERE id = ?", (close_at, game_id)
    )


def update_game_cancelled(connection: Connection, game_id: int, now_ms: int) -> None:
    """Mark the game as cancelled, which closes it if it is not closed."""
    connection.execute(
        "UPDATE games SET cancelled_at = ?, closed_at = coalesce(closed_at, ?) WHERE id = ?", (now_ms, now_ms, game_id)
    )


def update_held_at(connection: Connection, game_id: int, held_at: int | None) -> None:
    """Hold betting in the game's pools, or release it (None)."""
    connection.execute("UPDATE games SET held_at = ? WHERE id = ?", (held_at, game_id))


# What may be changed of a game.
_DETAILS = ("name", "hashtag", "image_url", "open_at", "live_start_at", "live_finish_at", "close_at", "chat")


def update_details(connection: Connection, game: Game) -> None:
    """Store what may be changed of a game, as ``game`` has it."""
    changes = ", ".join(f"{column} = ?" for column in _DETAILS)
    values = (*(getattr(game, column) for column in _DETAILS), game.id)
    connection.execute(f"UPDATE games SET {changes} WHERE id = ?", values)


def update_clock(connection: Connection, game_id: int, clock: Clock) -> None:
    """Set what the clock of the match shows."""
    connection.execute(
        "UPDATE games SET clock_period = ?, clock_elapsed_ms = ?, clock_is_running = ?, clock_at = ? WHERE id = ?",
        (*clock, game_id),
    )


class Listed(StrEnum):
    """Which games of a source are listed."""

    UPCOMING = "upcoming"
    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


# Each is read along an index of its own.
_LISTED = {
    Listed.UPCOMING: " AND games.opened_at IS NULL AND games.closed_at IS NULL",
    Listed.OPEN: " AND games.opened_at IS NOT NULL AND games.closed_at IS NULL",
    Listed.CLOSED: " AND games.closed_at IS NOT NULL",
    Listed.ALL: "",
}


def list_games(connection: Connection, source_id: int, listed: Listed, before: int | None, limit: int) -> list[Game]:
    """A page of a source's games, newest first, with row ids below ``before``."""
    rows = connection.execute(
        f"{_GAMES} WHERE games.source_id = ? AND games.id < ?{_LISTED[listed]} ORDER BY games.id DESC LIMIT ?",
        (source_id, before if before is not None else _LAST_ROW, limit),
    )
    return [Game(*row) for row in rows]


def list_unclosed_games(connection: Connection, source_id: int) -> list[Game]:
    """Every game of a source that is not closed, oldest first."""
    rows = connection.execute(
        f"{_GAMES} WHERE games.id IN ("
        " SELECT id FROM games WHERE source_id = ? AND opened_at IS NOT NULL AND closed_at IS NULL"
        " UNION ALL SELECT id FROM games WHERE source_id = ? AND opened_at IS NULL AND closed_at IS NULL"
        ") ORDER BY games.id",
        (source_id, source_id),
    )
    return [Game(*row) for row in rows]


def list_administered_games(connection: Connection, user_id: int, before: int | None, limit: int) -> list[Game]:
    """A page of a user's games as admin, newest first, with row ids below ``before``."""
    rows = connection.execute(
        f"{_GAMES} JOIN game_admins ON game_admins.game_id = games.id"
        " WHERE game_admins.user_id = ? AND game_admins.game_id < ? AND game_admins.removed_at IS NULL"
        " ORDER BY game_admins.game_id DESC LIMIT ?",
        (user_id, before if before is not None else _LAST_ROW, limit),
    )
    return [Game(*row) for row in rows]


def insert_game_admin(connection: Connection, game_id: int, user_id: int) -> None:
    """Make a user an admin of the game."""
    connection.execute(
        "INSERT INTO game_admins (user_id, game_id) VALUES (?, ?)"
        " ON CONFLICT (user_id, game_id) DO UPDATE SET removed_at = NULL",
        (user_id, game_id),
    )


def update_game_admin_removed(connection: Connection, game_id: int, user_id: int, now_ms: int) -> bool:
    """Remove a user from the game's admins; returns whether the user was one."""
    cursor = connection.execute(
        "UPDATE game_admins SET removed_at = ? WHERE user_id = ? AND game_id = ? AND removed_at IS NULL",
        (now_ms, user_id, game_id),
    )
    return bool(cursor.rowcount)


def is_game_admin(connection: Connection, game_id: int, user_id: int) -> bool:
    """Whether the user is an admin of the game."""
    query = "SELECT 1 FROM game_admins WHERE user_id = ? AND game_id = ? AND removed_at IS NULL"
    return connection.execute(query, (user_id, game_id)).fetchone() is not None


def list_game_admins(connection: Connection, game_uuid: str) -> list[int]:
    """The ids of the users who are admins of the game with this wire id."""
    rows = connection.execute(
        "SELECT user_id FROM games JOIN game_admins ON game_id = games.id WHERE uuid = ? AND removed_at IS NULL",
        (game_uuid,),
    )
    return [user_id for (user_id,) in rows]


def count_open_games(connection: Connection) -> int:
    """The number of games that are open, or closing."""
    query = "SELECT count(*) FROM games WHERE opened_at IS NOT NULL AND closed_at IS NULL"
    (count,) = connection.execute(query).fetchone()
    return int(count)


def count_appointed_admins(connection: Connection, game: Game) -> int:
    """The number of the game's admins who are not admins of its source; `max_game_admins` bounds it."""
    count: int = connection.execute(
        "SELECT count(*) FROM game_admins AS a WHERE game_id = ? AND removed_at IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM source_admins WHERE user_id = a.user_id AND source_id = ? AND removed_at IS NULL)",
        (game.id, game.source_id),
    ).fetchone()[0]
    return count
