"""The journal of each game's requests, in order: enough to repeat the game (``gameserver export``).

Bets are not repeated here: each bet's row says after which row of the journal it was placed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from gameserver.storage.connection import Connection


class JournalRow(NamedTuple):
    """A request that changed a game: its operation, its parameters as JSON, who made it and when it took effect."""

    id: int
    at: int
    user_id: int | None
    op: int
    parameters: str


class JournalBet(NamedTuple):
    """A bet, which is journalled by its own row: it follows the journal row ``after_journal_id``."""

    after_journal_id: int
    at: int
    user_id: int
    pool_uuid: str
    target: str
    amount: int
    uuid: str


def insert_journal(
    connection: Connection, game_id: int, at: int, user_id: int | None, op: int, parameters: bytes
) -> None:
    """Record a request in the transaction that makes its change."""
    connection.execute(
        "INSERT INTO journal (game_id, at, user_id, op, parameters) VALUES (?, ?, ?, ?, ?)",
        (game_id, at, user_id, op, parameters.decode()),
    )


def list_journal(connection: Connection, game_id: int) -> Iterator[JournalRow]:
    """The journalled requests of a game, in order; bets are listed separately."""
    rows = connection.execute(
        "SELECT id, at, user_id, op, parameters FROM journal WHERE game_id = ? ORDER BY id", (game_id,)
    )
    return map(JournalRow._make, rows)


def list_journal_bets(connection: Connection, game_id: int) -> Iterator[JournalBet]:
    """The bets of a game, in the order they were placed."""
    rows = connection.execute(
        "SELECT after_journal_id, placed_at, user_id, pools.uuid, t.key, bets.amount, bets.uuid FROM pools"
        " JOIN bets ON bets.pool_id = pools.id"
        " JOIN pool_targets AS t ON t.pool_id = pools.id AND t.position = bets.position"
        " WHERE pools.game_id = ? ORDER BY bets.id",
        (game_id,),
    )
    return map(JournalBet._make, rows)


def list_movements(connection: Connection, game_id: int) -> list[tuple[str, int | None, int]]:
    """The net movement, in minor units, of each account that the game's bets touched: kind, user id and amount.

    What a bet moves by itself is its stake, unless it is cancelled (`gameserver.storage.check` holds it to that).
    """
    return connection.execute(
        "WITH staked AS (SELECT user_id, sum(CASE WHEN cancelled_at IS NULL THEN amount ELSE 0 END) AS amount"
        "  FROM pools JOIN bets ON bets.pool_id = pools.id WHERE game_id = ? GROUP BY user_id),"
        " settled AS (SELECT debit_id, credit_id, amount FROM pools JOIN settlements AS s ON s.pool_id = pools.id"
        "  JOIN transfers AS t ON t.settlement_id = s.id WHERE game_id = ?),"
        " moved AS (SELECT credit_id AS account_id, amount FROM settled"
        "  UNION ALL SELECT debit_id, -amount FROM settled"
        "  UNION ALL SELECT a.id, CASE kind WHEN 'staked' THEN amount ELSE -amount END FROM staked"
        "   JOIN accounts AS a ON a.user_id = staked.user_id"
        "   AND a.currency = (SELECT currency FROM games WHERE games.id = ?))"
        " SELECT kind, user_id, sum(amount) FROM moved JOIN accounts ON accounts.id = account_id"
        " GROUP BY accounts.id ORDER BY kind, user_id",
        (game_id, game_id, game_id),
    ).fetchall()
