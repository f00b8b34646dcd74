"""Settlements of pools and their reversal: bets, sums and ledger transfers."""

from collections.abc import Iterable
from typing import NamedTuple

from gameserver.domain.pools import PoolStatus
from gameserver.storage.bets import BetStatus
from gameserver.storage.connection import Connection
from gameserver.storage.ledger import Reason


class Settlement(NamedTuple):
    """A settlement: how a pool ended, by an event, by time, with its game, or by a void."""

    id: int
    pool_id: int
    event_id: int | None
    cause: str
    position: int | None
    is_money_return: bool
    takeout: int
    settled_at: int


class RunningBet(NamedTuple):
    """The fields of a bet that a settlement uses."""

    id: int
    user_id: int
    position: int
    amount: int
    placed_at: int


class SettledBet(NamedTuple):
    """The outcome of a bet in a settlement."""

    status: BetStatus
    payout: int
    settled_at: int | None
    id: int


_COLUMNS = ", ".join(Settlement._fields)


def insert_settlement(
    connection: Connection,
    pool_id: int,
    event_id: int | None,
    cause: str,
    position: int | None,
    takeout: int,
    settled_at: int,
    *,
    is_money_return: bool,
) -> int:
    """Record how a pool ended; returns the settlement's row id."""
    return connection.insert(
        "INSERT INTO settlements (pool_id, event_id, cause, position, is_money_return, takeout, settled_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (pool_id, event_id, cause, position, is_money_return, takeout, settled_at),
    )


def get_settlement(connection: Connection, settlement_id: int) -> Settlement:
    """The settlement with this row id, which must exist."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM settlements WHERE id = ?", (settlement_id,)).fetchone()
    return Settlement(*row)


def find_settlement_of_bet(connection: Connection, bet_id: int) -> Settlement:
    """The latest settlement that moved a bet's money."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM settlements WHERE id ="
        " (SELECT settlement_id FROM transfers WHERE bet_id = ? ORDER BY id DESC LIMIT 1)",
        (bet_id,),
    ).fetchone()
    return Settlement(*row)


def list_settlements_of_event(connection: Connection, event_id: int) -> list[Settlement]:
    """The settlements caused by an event that have not been reversed."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM settlements WHERE event_id = ? AND taken_back_at IS NULL ORDER BY id", (event_id,)
    )
    return [Settlement(*row) for row in rows]


def list_running_bets(connection: Connection, pool_id: int) -> list[RunningBet]:
    """The running bets of a pool, in the order they were placed."""
    rows = connection.execute(
        "SELECT id, user_id, position, amount, placed_at FROM bets"
        " WHERE pool_id = ? AND status = 'running' ORDER BY id",
        (pool_id,),
    )
    return list(map(RunningBet._make, rows))


def update_bets(connection: Connection, bets: Iterable[SettledBet]) -> None:
    """Record the outcomes of bets."""
    connection.update_many("bets", ("status", "payout", "settled_at"), ("id",), bets)


def update_pool_ended(connection: Connection, pool_id: int, settlement_id: int, status: PoolStatus) -> None:
    """Mark a pool as ended."""
    connection.execute(
        "UPDATE pools SET status = ?, settlement_id = ?, version = version + 1 WHERE id = ?",
        (status, settlement_id, pool_id),
    )
    connection.execute("UPDATE participations SET is_running = 0 WHERE pool_id = ?", (pool_id,))


def update_nets(connection: Connection, pool_id: int, net_of: dict[int, int]) -> None:
    """Record each user's net result in a pool, in minor units: payouts less stakes."""
    rows = [(net, user_id, pool_id) for user_id, net in net_of.items()]
    connection.update_many("participations", ("net",), ("user_id", "pool_id"), rows)


def update_sums(
    connection: Connection, pool_id: int, invalid: Iterable[RunningBet], valid: Iterable[RunningBet]
) -> None:
    """Take invalid bets out of the sums of a pool and its targets. ``bet_count`` never decreases."""
    connection.execute_many(
        "UPDATE stakes SET amount = amount - ? WHERE user_id = ? AND pool_id = ? AND position = ?",
        [(bet.amount, bet.user_id, pool_id, bet.position) for bet in invalid],
    )
    backers: dict[int, set[int]] = {}
    money: dict[int, int] = {}
    for bet in valid:
        backers.setdefault(bet.position, set()).add(bet.user_id)
        money[bet.position] = money.get(bet.position, 0) + bet.amount
    connection.execute(
        "UPDATE pools SET amount_total = ?, participants = ?, version = version + 1 WHERE id = ?",
        (sum(money.values()), len(set().union(*backers.values())), pool_id),
    )
    connection.execute("UPDATE pool_targets SET backing_people = 0, backing_money = 0 WHERE pool_id = ?", (pool_id,))
    connection.execute_many(
        "UPDATE pool_targets SET backing_people = ?, backing_money = ? WHERE pool_id = ? AND position = ?",
        [(len(backers[position]), money[position], pool_id, position) for position in money],
    )


def take_back(connection: Connection, settlement: Settlement, now_ms: int) -> list[int]:
    """Reverse a settlement by compensating transfers; its valid bets run again. Returns the users concerned.

    Refunds of late bets stay. The pool is open again, and its balances are as before the settlement.
    """
    connection.execute(
        "INSERT INTO transfers (debit_id, credit_id, amount, reason, bet_id, settlement_id, made_at)"
        " SELECT credit_id, debit_id, transfers.amount, ?, bet_id, settlement_id, ? FROM transfers"
        " LEFT JOIN bets ON bets.id = bet_id"
        " WHERE settlement_id = ? AND coalesce(bets.status, '') <> 'invalidated' ORDER BY transfers.id DESC",
        (Reason.TAKE_BACK, now_ms, settlement.id),
    )
    connection.execute("UPDATE settlements SET taken_back_at = ? WHERE id = ?", (now_ms, settlement.id))
    connection.execute(
        "UPDATE pools SET status = 'open', settlement_id = NULL, version = version + 1 WHERE id = ?",
        (settlement.pool_id,),
    )
    users = connection.execute(
        "SELECT DISTINCT user_id FROM bets WHERE pool_id = ? AND status <> 'invalidated'", (settlement.pool_id,)
    ).fetchall()
    connection.execute(
        "UPDATE bets SET status = 'running', payout = 0, settled_at = NULL"
        " WHERE pool_id = ? AND status <> 'invalidated'",
        (settlement.pool_id,),
    )
    # A user whose bets were all late has no running bet, but has taken part.
    connection.execute(
        "UPDATE participations SET net = 0, is_running = user_id IN"
        " (SELECT user_id FROM bets WHERE pool_id = ? AND status = 'running') WHERE pool_id = ?",
        (settlement.pool_id, settlement.pool_id),
    )
    return [row[0] for row in users]


def get_net(connection: Connection, user_id: int, pool_id: int) -> int:
    """A user's net result in a pool, in minor units: payouts less stakes."""
    row = connection.execute(
        "SELECT net FROM participations WHERE user_id = ? AND pool_id = ?", (user_id, pool_id)
    ).fetchone()
    return row[0] if row else 0
