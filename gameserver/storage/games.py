"""Games and their admins."""

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


class Game(NewGameRow, frozen=True):
    """A game as stored, with its source's wire id."""

    id: int
    uuid: str
    source_uuid: str
    closing_at: int | None
    closed_at: int | None
    held_at: int | None
    seq: int

    @property
    def times(self) -> GameTimes:
        """The times that decide the game's status."""
        return GameTimes(self.open_at, self.live_start_at, self.opened_at, self.closing_at, self.closed_at)


_COLUMNS = ", ".join("sources.uuid" if field == "source_uuid" else f"games.{field}" for field in Game.__struct_fields__)
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


def update_game_opened(connection: Connection, game_id: int, now_ms: int) -> None:
    """Mark the game as open."""
    connection.execute("UPDATE games SET opened_at = ? WHERE id = ?", (now_ms, game_id))


def update_game_closing(connection: Connection, game_id: int, now_ms: int) -> None:
    """Mark the game as closing: it waits for its binary pools to be resolved."""
    connection.execute("UPDATE games SET closing_at = ? WHERE id = ?", (now_ms, game_id))


def update_game_closed(connection: Connection, game_id: int, now_ms: int) -> None:
    """Mark the game as closed."""
    connection.execute("UPDATE games SET closed_at = ? WHERE id = ?", (now_ms, game_id))


def update_held_at(connection: Connection, game_id: int, held_at: int | None) -> None:
    """Hold betting in the game's pools, or release it (None)."""
    connection.execute("UPDATE games SET held_at = ? WHERE id = ?", (held_at, game_id))


def update_image_url(connection: Connection, game_id: int, image_url: str) -> None:
    """Change the game's image."""
    connection.execute("UPDATE games SET image_url = ? WHERE id = ?", (image_url, game_id))


def list_open_games(connection: Connection, source_id: int, before: int | None, limit: int) -> list[Game]:
    """A page of a source's open games, newest first, with row ids below ``before``."""
    where = "games.opened_at IS NOT NULL AND games.closed_at IS NULL"
    return _list_games(connection, where, source_id, before, limit)


def list_upcoming_games(connection: Connection, source_id: int, before: int | None, limit: int) -> list[Game]:
    """A page of a source's upcoming games, newest first, with row ids below ``before``."""
    where = "games.opened_at IS NULL AND games.closed_at IS NULL"
    return _list_games(connection, where, source_id, before, limit)


def _list_games(connection: Connection, where: str, source_id: int, before: int | None, limit: int) -> list[Game]:
    rows = connection.execute(
        f"{_GAMES} WHERE games.source_id = ? AND games.id < ? AND {where} ORDER BY games.id DESC LIMIT ?",
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


def list_administered_games(
    connection: Connection, user_id: int, before: int | None, limit: int
) -> list[tuple[int, str, str]]:
    """A page of a user's games as admin: row id, wire id and name, newest first, with row ids below ``before``."""
    return connection.execute(
        "SELECT games.id, uuid, name FROM game_admins JOIN games ON games.id = game_id"
        " WHERE user_id = ? AND game_id < ? AND removed_at IS NULL ORDER BY game_id DESC LIMIT ?",
        (user_id, before if before is not None else _LAST_ROW, limit),
    ).fetchall()


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


def count_appointed_admins(connection: Connection, game: Game) -> int:
    """The number of the game's admins who are not admins of its source; `max_game_admins` bounds it."""
    count: int = connection.execute(
        "SELECT count(*) FROM game_admins AS a WHERE game_id = ? AND removed_at IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM source_admins WHERE user_id = a.user_id AND source_id = ? AND removed_at IS NULL)",
        (game.id, game.source_id),
    ).fetchone()[0]
    return count
