"""Settlements of pools: how a pot is divided, the bets it concerns, and the sums."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gameserver.domain.parimutuel import Division, Split
from gameserver.domain.pools import PoolStatus
from gameserver.storage.backing_history import end_history
from gameserver.storage.connection import Connection


class Settlement(NamedTuple):
    """A settlement: how a pool ended, by an event, by time, with its game, or by a void. Its facts never change.

    It concerns the bets of the pool up to ``newest_bet_id`` that were valid. ``winners`` are the winning positions,
    several in a dead heat, none where all stakes were to be returned. ``divisions`` says for each of them that was
    backed how the bets on it divide a pot, by ``split``; without any, every stake is returned.
    """

    id: int
    winners: tuple[int, ...]
    split: Split
    pool_id: int
    event_id: int | None
    cause: str
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


class Backing(NamedTuple):
    """The valid bets on a position, in the order they were placed, by columns; amounts are in minor units."""

    bet_ids: list[int]
    user_ids: list[int]
    amounts: list[int]


_COLUMNS = ", ".join(("id", "position", *Settlement._fields[2:-1]))


class NewSettlement(NamedTuple):
    """The facts of a settlement to be stored, as `Settlement` has them."""

    pool_id: int
    event_id: int | None
    cause: str
    winners: Sequence[int]
    split: Split
    takeout: int
    settled_at: int
    divisions: Mapping[int, Division]


_NEW_COLUMNS = ("id", "pool_id", "event_id", "cause", "position", "split", "takeout", "settled_at")


def insert_settlements(connection: Connection, settlements: Sequence[NewSettlement]) -> list[int]:
    """Record how pools ended, and how each winning position's pot is divided; returns the settlements' row ids."""
    first_id: int = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM settlements").fetchone()[0]
    rows, dead_heats, divisions = [], [], []
    for number, (pool_id, event_id, cause, winners, split, takeout, settled_at, shares) in enumerate(
        settlements, first_id
    ):
        only_winner = winners[0] if len(winners) == 1 else None
        rows.append((number, pool_id, event_id, cause, only_winner, split, takeout, settled_at))
        if len(winners) > 1:
            dead_heats += [(number, winner) for winner in winners]
        divisions += [(number, winner, *division) for winner, division in shares.items()]
    names = ", ".join(_NEW_COLUMNS)
    connection.execute_with(
        f"INSERT INTO settlements ({names}, newest_bet_id)"
        f" SELECT {names}, (SELECT coalesce(max(id), 0) FROM bets) FROM given",
        _NEW_COLUMNS,
        rows,
    )
    if dead_heats:
        connection.insert_many("dead_heats", ("settlement_id", "position"), dead_heats)
    if divisions:
        connection.insert_many("divisions", ("settlement_id", "position", *Division._fields), divisions)
    return [row[0] for row in rows]


def get_settlement(connection: Connection, settlement_id: int) -> Settlement:
    """The settlement with this row id, which must exist."""
    (settlement,) = _list(connection, "id = ?", settlement_id)
    return settlement


def get_settlement_by(connection: Connection, event_id: int) -> Settlement:
    """The settlement by a resolution by hand, reversed or not; the event must be one."""
    (settlement,) = _list(connection, "event_id = ?", event_id)
    return settlement


def list_settlements_of_pool(connection: Connection, pool_id: int) -> list[Settlement]:
    """All settlements of a pool, reversed ones included, in order."""
    return _list(connection, "pool_id = ?", pool_id)


def list_settlements_of_event(connection: Connection, event_id: int) -> list[Settlement]:
    """The settlements caused by an event that have not been reversed."""
    return _list(connection, "event_id = ? AND taken_back_at IS NULL", event_id)


def list_settlements_by_close(connection: Connection, game_id: int) -> list[Settlement]:
    """The settlements that have not been reversed of those that the close of a game has caused, in order.

    The game is closed or closing; what an earlier close has caused is left out.
    """
    pools = (
        "pool_id IN (SELECT pools.id FROM pools JOIN games ON games.id = game_id"
        " WHERE games.id = ? AND settlements.settled_at >= coalesce(closing_at, closed_at))"
    )
    return _list(connection, f"{pools} AND cause = 'close' AND taken_back_at IS NULL", game_id)


def _list(connection: Connection, where: str, value: int) -> list[Settlement]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM settlements WHERE {where} ORDER BY id", (value,)).fetchall()
    return [
        Settlement._make(
            (row[0], _winners_of(connection, *row[:2]), Split(row[2]), *row[3:], _divisions_of(connection, row[0]))
        )
        for row in rows
    ]


def _winners_of(connection: Connection, settlement_id: int, only_winner: int | None) -> tuple[int, ...]:
    if only_winner is not None:
        return (only_winner,)
    query = "SELECT position FROM dead_heats WHERE settlement_id = ? ORDER BY position"
    return tuple(position for (position,) in connection.execute(query, (settlement_id,)))


def _divisions_of(connection: Connection, settlement_id: int) -> dict[int, Division]:
    rows = connection.execute(
        "SELECT position, pot, winning_total, last_fraction, last_bet_id FROM divisions WHERE settlement_id = ?"
        " ORDER BY position",
        (settlement_id,),
    )
    return {position: Division(*facts) for position, *facts in rows}


def list_staked(connection: Connection, pool_id: int) -> dict[int, int]:
    """What each user has staked in a pool by valid bets, in minor units: user id → amount, in order of the ids."""
    query = (
        "SELECT user_id, sum(amount) AS amount FROM stakes WHERE pool_id = ? AND amount > 0"
        " GROUP BY user_id ORDER BY user_id"
    )
    return dict(zip(*connection.list_columns(("user_id", "amount"), query, (pool_id,)), strict=True))


def list_paid(connection: Connection, pool_id: int) -> dict[int, int]:
    """What an ended pool has paid for valid bets, in minor units: user id → amount; stakes returned are paid too."""
    query = "SELECT user_id, net FROM participations WHERE pool_id = ?"
    net = dict(zip(*connection.list_columns(("user_id", "net"), query, (pool_id,)), strict=True))
    return {user_id: amount + net[user_id] for user_id, amount in list_staked(connection, pool_id).items()}


def list_backing(connection: Connection, pool_id: int, position: int, before_ms: int | None) -> Backing:
    """The valid bets on a position of a pool, those placed before a time if one is given."""
    columns = connection.list_columns(
        ("id", "user_id", "amount"),
        "SELECT id, user_id, amount FROM valid_bets WHERE pool_id = ? AND position = ?"
        " AND placed_at < coalesce(?, placed_at + 1) ORDER BY id",
        (pool_id, position, before_ms),
    )
    return Backing(*columns)


def list_bets_since(connection: Connection, pool_id: int, since_ms: int) -> list[BetStake]:
    """The valid bets of a pool that were placed at that time or later, in order."""
    return connection.list_rows(
        BetStake,
        "SELECT id, user_id, position, amount FROM valid_bets WHERE pool_id = ? AND placed_at >= ? ORDER BY id",
        (pool_id, since_ms),
    )


def update_invalidated(connection: Connection, settlement_id: int, bets: Iterable[BetStake]) -> None:
    """Mark late bets with the settlement that found them late."""
    connection.update_many("bets", ("invalidated_by",), ("id",), [(settlement_id, bet.id) for bet in bets])


def update_sums(connection: Connection, pool_id: int, late: Sequence[BetStake]) -> None:
    """Take late bets, given in order, out of the sums of users, of a pool and its targets. ``bet_count`` stays."""
    stakes: dict[tuple[int, int], list[int]] = {}
    users: dict[int, list[int]] = {}
    for bet in late:
        for counted in (
            stakes.setdefault((bet.user_id, bet.position), [0, 0]),
            users.setdefault(bet.user_id, [0, 0]),
        ):
            counted[0] += bet.amount
            counted[1] += 1
    connection.execute_with(
        "UPDATE stakes SET amount = stakes.amount - given.amount, bets = stakes.bets - given.bets FROM given"
        " WHERE stakes.user_id = given.user_id AND stakes.pool_id = given.pool_id AND stakes.position = given.position",
        ("user_id", "pool_id", "position", "amount", "bets"),
        [(user_id, pool_id, position, *counted) for (user_id, position), counted in stakes.items()],
    )
    connection.execute_with(
        "UPDATE participations SET late_amount = late_amount + given.amount, late_bets = late_bets + given.bets"
        " FROM given WHERE participations.user_id = given.user_id AND participations.pool_id = given.pool_id",
        ("user_id", "pool_id", "amount", "bets"),
        [(user_id, pool_id, *counted) for user_id, counted in users.items()],
    )
    connection.execute(
        "UPDATE pools SET (amount_total, participants) = (SELECT coalesce(sum(amount), 0), count(DISTINCT user_id)"
        " FROM stakes WHERE pool_id = ? AND amount > 0), version = version + 1 WHERE id = ?",
        (pool_id, pool_id),
    )
    backed = connection.execute(
        "SELECT count(*), sum(amount), pool_id, position FROM stakes WHERE pool_id = ? AND amount > 0"
        " GROUP BY pool_id, position",
        (pool_id,),
    ).fetchall()
    connection.execute("UPDATE pool_targets SET backing_people = 0, backing_money = 0 WHERE pool_id = ?", (pool_id,))
    connection.execute_many(
        "UPDATE pool_targets SET backing_people = ?, backing_money = ? WHERE pool_id = ? AND position = ?", backed
    )
    end_history(connection, pool_id, late[0].id)


class PoolEnd(NamedTuple):
    """What the end of a pool sets in it."""

    pool_id: int
    status: PoolStatus
    settlement_id: int
    recreate_on_end: bool
    version: int


def update_pools_ended(connection: Connection, pools: Iterable[PoolEnd]) -> None:
    """Mark pools as ended."""
    connection.execute_with(
        "UPDATE pools SET status = given.status, settlement_id = given.settlement_id,"
        " recreate_on_end = given.recreate_on_end, version = given.version"
        " FROM given WHERE pools.id = given.pool_id",
        PoolEnd._fields,
        pools,
    )


def update_taken_back(connection: Connection, settlement: Settlement, now_ms: int) -> None:
    """Mark a settlement as reversed: its pool is open again, and its valid bets run again."""
    connection.execute("UPDATE settlements SET taken_back_at = ? WHERE id = ?", (now_ms, settlement.id))
    connection.execute(
        "UPDATE pools SET status = 'open', settlement_id = NULL, version = version + 1 WHERE id = ?",
        (settlement.pool_id,),
    )
    # A user whose bets were all late has no running bet, but has taken part.
    connection.execute(
        "UPDATE participations AS p SET net = 0, best_win = 0,"
        " is_running = CASE WHEN (SELECT sum(amount) FROM stakes AS s"
        "  WHERE s.pool_id = p.pool_id AND s.user_id = p.user_id) > 0 THEN 1 ELSE 0 END WHERE pool_id = ?",
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
