"""Settlements of pools and their reversal: how a pot is divided, the sums, and the ledger transfers."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gameserver.domain.parimutuel import Division
from gameserver.domain.pools import PoolStatus
from gameserver.storage.connection import Connection
from gameserver.storage.ledger import Reason


class Settlement(NamedTuple):
    """A settlement: how a pool ended, by an event, by time, with its game, or by a void. Its facts never change.

    It concerns the bets of the pool up to ``newest_bet_id`` that were valid. ``divisions`` says for each winning
    position how the bets on it divide a pot; without any, every stake is returned.
    """

    id: int
    pool_id: int
    event_id: int | None
    cause: str
    position: int | None
    takeout: int
    settled_at: int
    taken_back_at: int | None
    newest_bet_id: int
    divisions: Mapping[int, Division]

    @property
    def is_money_return(self) -> bool:
        """Whether every stake is returned."""
        return not self.divisions


class BetStake(NamedTuple):
    """The fields of a bet that a settlement uses; ``amount`` is in minor units."""

    id: int
    user_id: int
    position: int
    amount: int


class Stake(NamedTuple):
    """What a user has staked on a position of a pool by valid bets, in minor units."""

    user_id: int
    position: int
    amount: int


_COLUMNS = ", ".join(Settlement._fields[:-1])


def insert_settlement(
    connection: Connection,
    pool_id: int,
    event_id: int | None,
    cause: str,
    position: int | None,
    takeout: int,
    settled_at: int,
    divisions: Mapping[int, Division],
) -> int:
    """Record how a pool ended, and how each winning position's pot is divided; returns the settlement's row id."""
    settlement_id = connection.insert(
        "INSERT INTO settlements (pool_id, event_id, cause, position, takeout, settled_at, newest_bet_id)"
        " VALUES (?, ?, ?, ?, ?, ?, (SELECT coalesce(max(id), 0) FROM bets))",
        (pool_id, event_id, cause, position, takeout, settled_at),
    )
    connection.execute_many(
        "INSERT INTO divisions (settlement_id, position, pot, winning_total, last_fraction, last_bet_id)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(settlement_id, winner, *division) for winner, division in divisions.items()],
    )
    return settlement_id


def get_settlement(connection: Connection, settlement_id: int) -> Settlement:
    """The settlement with this row id, which must exist."""
    (settlement,) = _list(connection, "id = ?", settlement_id)
    return settlement


def list_settlements_of_pool(connection: Connection, pool_id: int) -> list[Settlement]:
    """All settlements of a pool, reversed ones included, in order."""
    return _list(connection, "pool_id = ?", pool_id)


def list_settlements_of_event(connection: Connection, event_id: int) -> list[Settlement]:
    """The settlements caused by an event that have not been reversed."""
    return _list(connection, "event_id = ? AND taken_back_at IS NULL", event_id)


def _list(connection: Connection, where: str, value: int) -> list[Settlement]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM settlements WHERE {where} ORDER BY id", (value,)).fetchall()
    return [Settlement._make((*row, _divisions_of(connection, row[0]))) for row in rows]


def _divisions_of(connection: Connection, settlement_id: int) -> dict[int, Division]:
    rows = connection.execute(
        "SELECT position, pot, winning_total, last_fraction, last_bet_id FROM divisions WHERE settlement_id = ?"
        " ORDER BY position",
        (settlement_id,),
    )
    return {position: Division(*facts) for position, *facts in rows}


def list_stakes_of_pool(connection: Connection, pool_id: int) -> list[Stake]:
    """What is staked in a pool, by user and position."""
    return connection.list_rows(
        Stake,
        "SELECT s.user_id, s.position, s.amount FROM participations AS p"
        " JOIN stakes AS s ON s.user_id = p.user_id AND s.pool_id = p.pool_id"
        " WHERE p.pool_id = ? AND s.amount > 0 ORDER BY s.user_id, s.position",
        (pool_id,),
    )


def list_bets_on(connection: Connection, pool_id: int, position: int) -> list[BetStake]:
    """The valid bets on a position of a pool, in the order they were placed."""
    return connection.list_rows(
        BetStake,
        "SELECT id, user_id, position, amount FROM bets"
        " WHERE pool_id = ? AND position = ? AND invalidated_by IS NULL ORDER BY id",
        (pool_id, position),
    )


def list_bets_since(connection: Connection, pool_id: int, since_ms: int) -> list[BetStake]:
    """The valid bets of a pool that were placed at that time or later, in order."""
    return connection.list_rows(
        BetStake,
        "SELECT id, user_id, position, amount FROM bets"
        " WHERE pool_id = ? AND placed_at >= ? AND invalidated_by IS NULL ORDER BY id",
        (pool_id, since_ms),
    )


def update_invalidated(connection: Connection, settlement_id: int, bets: Iterable[BetStake]) -> None:
    """Mark late bets with the settlement that found them late."""
    connection.update_many("bets", ("invalidated_by",), ("id",), [(settlement_id, bet.id) for bet in bets])


def update_sums(
    connection: Connection, pool_id: int, late: Iterable[BetStake], stakes: Mapping[tuple[int, int], int]
) -> None:
    """Take late bets out of the sums of a pool and its targets. ``bet_count`` never decreases.

    ``stakes`` is what stays, by user and position; zero where all was late.
    """
    changed = {(bet.user_id, bet.position) for bet in late}
    rows = [(stakes[user_id, position], user_id, pool_id, position) for user_id, position in changed]
    connection.update_many("stakes", ("amount",), ("user_id", "pool_id", "position"), rows)
    backers: dict[int, set[int]] = {}
    money: dict[int, int] = {}
    for (user_id, position), amount in stakes.items():
        if amount:
            backers.setdefault(position, set()).add(user_id)
            money[position] = money.get(position, 0) + amount
    connection.execute(
        "UPDATE pools SET amount_total = ?, participants = ?, version = version + 1 WHERE id = ?",
        (sum(money.values()), len(set().union(*backers.values())), pool_id),
    )
    connection.execute("UPDATE pool_targets SET backing_people = 0, backing_money = 0 WHERE pool_id = ?", (pool_id,))
    connection.execute_many(
        "UPDATE pool_targets SET backing_people = ?, backing_money = ? WHERE pool_id = ? AND position = ?",
        [(len(backers[position]), money[position], pool_id, position) for position in money],
    )


def update_participations_ended(connection: Connection, pool_id: int, net_of: Mapping[int, int]) -> None:
    """Record the net result in a pool, in minor units, of each user who had a running bet in it."""
    rows = [(net, 0, user_id, pool_id) for user_id, net in net_of.items()]
    connection.update_many("participations", ("net", "is_running"), ("user_id", "pool_id"), rows)


def update_pool_ended(connection: Connection, pool_id: int, settlement_id: int, status: PoolStatus) -> None:
    """Mark a pool as ended."""
    connection.execute(
        "UPDATE pools SET status = ?, settlement_id = ?, version = version + 1 WHERE id = ?",
        (status, settlement_id, pool_id),
    )


def take_back(connection: Connection, settlement: Settlement, now_ms: int) -> None:
    """Reverse a settlement by compensating transfers; its valid bets run again, and the pool is open again.

    Refunds are left to the caller: those of late bets stay.
    """
    connection.execute(
        "INSERT INTO transfers (debit_id, credit_id, amount, reason, settlement_id, made_at)"
        " SELECT credit_id, debit_id, amount, ?, settlement_id, ? FROM transfers"
        " WHERE settlement_id = ? AND reason <> ? ORDER BY id DESC",
        (Reason.TAKE_BACK, now_ms, settlement.id, Reason.REFUND),
    )
    connection.execute("UPDATE settlements SET taken_back_at = ? WHERE id = ?", (now_ms, settlement.id))
    connection.execute(
        "UPDATE pools SET status = 'open', settlement_id = NULL, version = version + 1 WHERE id = ?",
        (settlement.pool_id,),
    )
    # A user whose bets were all late has no running bet, but has taken part.
    connection.execute(
        "UPDATE participations SET net = 0, is_running = CASE WHEN EXISTS (SELECT 1 FROM stakes AS s"
        " WHERE s.user_id = participations.user_id AND s.pool_id = participations.pool_id AND s.amount > 0)"
        " THEN 1 ELSE 0 END"
        " WHERE pool_id = ?",
        (settlement.pool_id,),
    )


def get_net(connection: Connection, user_id: int, pool_id: int) -> int:
    """A user's net result in a pool, in minor units: payouts less stakes."""
    row = connection.execute(
        "SELECT net FROM participations WHERE user_id = ? AND pool_id = ?", (user_id, pool_id)
    ).fetchone()
    return row[0] if row else 0


class SettledPool(NamedTuple):
    """A pool that an event has ended, and what its valid bets were paid, in minor units."""

    event_id: int
    pool_uuid: str
    paid: int


def list_pools_settled_by(connection: Connection, event_ids: Iterable[int]) -> list[SettledPool]:
    """The pools whose settlements in force are by these events, in the order they were settled."""
    return connection.list_rows_with(
        SettledPool,
        "SELECT given.event_id, pools.uuid AS pool_uuid, amount_total - takeout AS paid FROM given"
        " JOIN settlements ON settlements.event_id = given.event_id AND taken_back_at IS NULL"
        " JOIN pools ON pools.id = settlements.pool_id ORDER BY settlements.id",
        ("event_id",),
        [(event_id,) for event_id in event_ids],
    )
