"""Rows of the database, made by the storage functions with values that do not matter."""

import sqlite3

from gameserver.storage.broadcasts import insert_broadcast
from gameserver.storage.games import Game, NewGameRow, insert_game
from gameserver.storage.sources import Source, insert_source
from gameserver.storage.users import User, insert_user

NOW = 1_800_000_000_000


def make_user(connection: sqlite3.Connection, username: str = "ann", *, is_provider: bool = False) -> User:
    """A new user."""
    user = insert_user(connection, username, is_provider, NOW)
    assert user is not None
    return user


def make_source(connection: sqlite3.Connection, name: str = "House") -> Source:
    """A new source without admins."""
    return insert_source(connection, name, None, 0, NOW)


def make_game(
    connection: sqlite3.Connection,
    source: Source | None = None,
    *,
    broadcasts: int = 0,
    close_at: int | None = None,
    upcoming: bool = False,
) -> Game:
    """A new game, in a new source unless one is given, with some broadcasts logged."""
    source = source or make_source(connection)
    row = NewGameRow(
        source_id=source.id,
        name="A - B",
        type="football",
        currency="DON",
        hashtag="#AB",
        image_url=None,
        created_at=NOW,
        open_at=NOW,
        live_start_at=NOW,
        live_finish_at=None,
        close_at=close_at,
        opened_at=None if upcoming else NOW,
    )
    game = insert_game(connection, row)
    for number in range(broadcasts):
        insert_broadcast(connection, game.id, NOW + number, b'{"res":%d}' % number)
    return game
