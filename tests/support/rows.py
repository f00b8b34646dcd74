"""Rows of the database, made by the storage functions with values that do not matter."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gameserver.config import Settings
from gameserver.domain.money import to_units
from gameserver.domain.pools import PoolType, UnlistedTarget
from gameserver.engine.bet_placement import PlacedBet, Proposal, place_bets
from gameserver.engine.context import Change
from gameserver.storage.bets import Bet, find_bet
from gameserver.storage.broadcasts import insert_broadcasts, unpack
from gameserver.storage.connection import Connection
from gameserver.storage.games import Game, NewGameRow, insert_game
from gameserver.storage.ledger import insert_credit
from gameserver.storage.pools import NewPoolRow, NewPoolTarget, Pool, insert_pool
from gameserver.storage.sources import Source, insert_source
from gameserver.storage.users import User, insert_user

NOW = 1_800_000_000_000


def make_user(connection: Connection, username: str = "ann", *, is_provider: bool = False) -> User:
    """A new user."""
    user = insert_user(connection, username, is_provider, NOW)
    assert user is not None
    return user


def make_source(connection: Connection, name: str = "House") -> Source:
    """A new source without admins."""
    return insert_source(connection, name, None, 0, NOW)


def make_game(
    connection: Connection,
    source: Source | None = None,
    *,
    game_type: str = "football",
    broadcasts: int = 0,
    close_at: int | None = None,
    upcoming: bool = False,
) -> Game:
    """A new game, in a new source unless one is given, with some broadcasts logged."""
    source = source or make_source(connection)
    row = NewGameRow(
        source_id=source.id,
        name="A - B",
        type=game_type,
        currency="DON",
        hashtag="#AB",
        image_url=None,
        created_at=NOW,
        open_at=NOW,
        live_start_at=NOW,
        live_finish_at=None,
        close_at=close_at,
        opened_at=None if upcoming else NOW,
        chat="all",
    )
    game = insert_game(connection, row)
    for number in range(broadcasts):
        insert_broadcasts(connection, game.id, NOW + number, [b'{"res":%d}' % number])
    return game


def logged_messages(connection: Connection) -> Iterator[tuple[int, dict[str, Any]]]:
    """The messages in the logs of all games, in the order they were sent, each with its seq."""
    for row in connection.execute("SELECT seq, messages, bodies FROM broadcasts ORDER BY id"):
        for seq, body in unpack(*row):
            yield seq, msgspec.json.decode(body)


def make_pool(connection: Connection, game_id: int) -> Pool:
    """A new binary pool."""
    row = NewPoolRow(
        game_id=game_id,
        type=PoolType.BINARY_EVENT,
        description="Penalty?",
        action_id=None,
        target_level=0,
        unlisted_target=UnlistedTarget.STAY_OPEN,
        takeout_millionths=0,
        created_at=NOW,
        start_at=NOW,
        finish_at=None,
        stop_accepting_bets_at=None,
        recreate_on_end=False,
        is_blocked=False,
        hot_since=None,
        recreated_from=None,
        min_stake=1,
        max_stake=None,
        is_cancellable=False,
        settle_delay_ms=0,
    )
    return insert_pool(connection, row, [NewPoolTarget("yes", "Yes", None), NewPoolTarget("no", "No", None)])


def make_bet(
    connection: Connection, pool: Pool, user: User, amount: int, position: int = 0, *, now_ms: int = NOW
) -> Bet:
    """A bet on a pool's first target unless told otherwise, by a user who is given the amount."""
    insert_credit(connection, user.id, "DON", amount, NOW)
    change, target = Change(connection, user, now_ms, Settings()), ("yes", "no")[position]
    (placed,) = place_bets(connection, [Proposal(change, pool.uuid, target, to_units(amount, "DON"))])
    assert isinstance(placed, PlacedBet)
    bet = find_bet(connection, placed.row.uuid)
    assert bet is not None
    return bet
