"""Bets, and what each user has staked on each target of a pool."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gameserver.domain.pools import PoolStatus, PoolTimes
from gameserver.storage.backing_history import History, take_from_history
from gameserver.storage.bet_chains import ALL, IS_VALID, chain, newest_bet
from gameserver.storage.connection import Connection


class Bet(NamedTuple):
    """A bet: ``amount`` minor units staked by a user on the target at ``position`` in the pool; times in epoch ms.

    ``invalidated_by`` is the settlement that found it late and refunded it, ``cancelled_at`` when its user cancelled
    it, after all settlements up to ``cancelled_after_settlement_id``. What becomes of a valid bet, the settlements of
    its pool say: `gameserver.storage.outcomes`.
    """

    id: int
    uuid: str
    pool_id: int
    user_id: int
    position: int
    amount: int
    placed_at: int
    invalidated_by: int | None
    cancelled_at: int | None
    cancelled_after_settlement_id: int | None


_COLUMNS = ", ".join(Bet._fields)


def _chain(is_wanted: str) -> str:
    return chain(newest_bet("?", "?"), is_wanted)


class BetSubject(NamedTuple):
    """What a bet on a target of a pool depends on; ``position`` is None if the pool lacks the target.

    The pool takes bets at the latest until its game's ``close_at``; bets are taken only on targets that are active.
    """

    pool_uuid: str
    target_key: str
    pool_id: int
    game_id: int
    game_uuid: str
    currency: str
    status: PoolStatus
    start_at: int
    finish_at: int | None
    stop_accepting_bets_at: int | None
    is_blocked: int
    min_stake: int
    max_stake: int | None
    history_period_ms: int
    history_length: int
    last_bet_at: int | None
    position: int | None
    is_active: int

    @property
    def times(self) -> PoolTimes:
        """The times at which the pool takes bets."""
        return PoolTimes(self.start_at, self.finish_at, self.stop_accepting_bets_at)

    @property
    def history(self) -> History:
        """The state of the pool's history before the bet."""
        return History(self.history_period_ms, self.history_length, self.last_bet_at)


def list_bet_subjects(connection: Connection, named: Iterable[tuple[str, str]]) -> list[BetSubject]:
    """Read the subjects of bets, each named by the ids of a pool and a target; there is none for an unknown pool."""
    return connection.list_rows_with(
        BetSubject,
        "SELECT given.pool_uuid, given.target_key, pools.id AS pool_id, pools.game_id, games.uuid AS game_uuid,"
        " games.currency, pools.status, pools.start_at, pools.finish_at,"
        " CASE WHEN pools.stop_accepting_bets_at <= games.close_at THEN pools.stop_accepting_bets_at"
        "  ELSE coalesce(games.close_at, pools.stop_accepting_bets_at) END AS stop_accepting_bets_at,"
        " (pools.is_blocked = 1 OR games.held_at IS NOT NULL) AS is_blocked,"
        " pools.min_stake, pools.max_stake, pools.history_period_ms, pools.history_length, pools.last_bet_at,"
        " pool_targets.position, coalesce(targets.is_active, 1) AS is_active"
        " FROM given JOIN pools ON pools.uuid = given.pool_uuid JOIN games ON games.id = pools.game_id"
        " LEFT JOIN pool_targets ON pool_targets.pool_id = pools.id AND pool_targets.key = given.target_key"
        " LEFT JOIN targets ON targets.id = pool_targets.target_id",
        ("pool_uuid", "target_key"),
        named,
    )


class Bettor(NamedTuple):
    """What a bet on a position of a pool depends on of its user.

    An account that is not open has neither id nor balance. ``may_bet``: never an admin of the game or its source,
    unless the source has ``admins_may_bet``. ``is_backer`` and ``is_participant`` say whether the user has a valid bet
    on the position, and in the pool; ``in_pool`` is what the user's valid bets in the pool have staked, where it limits
    them; ``last_bet_id`` is the id of the newest, valid or not.
    """

    user_id: int
    pool_id: int
    position: int
    available_id: int | None
    available: int | None
    staked_id: int | None
    staked: int | None
    may_bet: int
    is_backer: int
    is_participant: int
    in_pool: int
    last_bet_id: int | None


def list_bettors(connection: Connection, named: Iterable[tuple[int, int, int]]) -> list[Bettor]:
    """Read the users of bets, each given with the ids of the user and the pool, and the position.

    Each subquery is a look-up by a whole key, whatever a planner believes to know of the tables.
    """
    account = "(SELECT {} FROM accounts WHERE user_id = given.user_id AND currency = games.currency AND kind = '{}')"
    return connection.list_rows_with(
        Bettor,
        "SELECT given.user_id, given.pool_id, given.position,"
        f" {account.format('id', 'available')} AS available_id, {account.format('balance', 'available')} AS available,"
        f" {account.format('id', 'staked')} AS staked_id, {account.format('balance', 'staked')} AS staked,"
        " sources.admins_may_bet = 1 OR coalesce("
        "  (SELECT 0 FROM game_admins WHERE user_id = given.user_id AND game_id = games.id),"
        "  (SELECT 0 FROM source_admins WHERE user_id = given.user_id AND source_id = sources.id"
        "   AND (removed_at IS NULL OR removed_at >= games.created_at)), 1) = 1 AS may_bet,"
        " coalesce((SELECT amount FROM stakes WHERE user_id = given.user_id AND pool_id = given.pool_id"
        "  AND position = given.position), 0) > 0 AS is_backer,"
        " coalesce((SELECT is_running FROM participations WHERE user_id = given.user_id"
        "  AND pool_id = given.pool_id), 0) AS is_participant,"
        " CASE WHEN pools.max_stake IS NULL THEN 0 ELSE (SELECT coalesce(sum(amount), 0) FROM stakes"
        "  WHERE user_id = given.user_id AND pool_id = given.pool_id) END AS in_pool,"
        f" ({newest_bet('given.user_id', 'given.pool_id')}) AS last_bet_id"
        " FROM given JOIN pools ON pools.id = given.pool_id JOIN games ON games.id = pools.game_id"
        " JOIN sources ON sources.id = games.source_id",
        ("user_id", "pool_id", "position"),
        named,
    )


def has_running_bet_in_game(connection: Connection, user_id: int, game_id: int) -> bool:
    """Whether a user has a running bet in a game."""
    query = "SELECT 1 FROM participations WHERE user_id = ? AND game_id = ? AND is_running = 1 LIMIT 1"
    return connection.execute(query, (user_id, game_id)).fetchone() is not None


def has_running_bet_in_source(connection: Connection, user_id: int, source_id: int) -> bool:
    """Whether a user has a running bet in any game of a source."""
    query = (
        "SELECT 1 FROM participations JOIN games ON games.id = game_id"
        " WHERE user_id = ? AND is_running = 1 AND source_id = ? LIMIT 1"
    )
    return connection.execute(query, (user_id, source_id)).fetchone() is not None


class NewBetRow(NamedTuple):
    """A bet to be stored."""

    uuid: str
    pool_id: int
    user_id: int
    position: int
    amount: int
    placed_at: int


class LinkedBet(NamedTuple):
    """A bet to be stored by its id, with that of its user's bet in the pool before it."""

    id: int
    previous_id: int | None
    row: NewBetRow


def insert_bets(connection: Connection, bets: Iterable[LinkedBet]) -> None:
    """Store new bets, in order; moving their stakes is left to the caller."""
    columns = ("id", "previous_id", *NewBetRow._fields)
    names = ", ".join(columns)
    connection.execute_with(
        f"INSERT INTO bets ({names}, after_journal_id)"
        f" SELECT {names}, (SELECT coalesce(max(id), 0) FROM journal) FROM given",
        columns,
        ((bet_id, previous_id, *row) for bet_id, previous_id, row in bets),
    )


def find_bet(connection: Connection, uuid: str) -> Bet | None:
    """The bet with this wire id; None if there is none."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM bets WHERE uuid = ?", (uuid,)).fetchone()
    return Bet(*row) if row else None


def list_cancelled(connection: Connection, uuids: Iterable[str]) -> set[str]:
    """Those of the bets, by wire id, that are cancelled."""
    query = "SELECT bets.uuid FROM given JOIN bets ON bets.uuid = given.uuid WHERE cancelled_at IS NOT NULL"
    return {uuid for (uuid,) in connection.execute_with(query, ("uuid",), [(uuid,) for uuid in uuids])}


def insert_participations(connection: Connection, participations: Iterable[tuple[int, int, int, int]]) -> None:
    """Record that users have a valid bet in a pool: ids of user, game and pool, and when it was placed."""
    names = "user_id, game_id, pool_id, first_bet_at"
    connection.execute_with(
        f"INSERT INTO participations ({names}) SELECT {names} FROM given WHERE true"
        " ON CONFLICT (pool_id, user_id) DO UPDATE SET is_running = 1",
        ("user_id", "game_id", "pool_id", "first_bet_at"),
        participations,
    )


def add_to_stakes(connection: Connection, stakes: Iterable[tuple[int, int, int, int, int, int]]) -> None:
    """Add to users' stakes: user id, pool id, position, minor units, the number of bets and the id of the last one."""
    names = "user_id, pool_id, position, amount, bets, last_bet_id"
    connection.execute_with(
        f"INSERT INTO stakes ({names}) SELECT {names} FROM given WHERE true"
        " ON CONFLICT (pool_id, user_id, position) DO UPDATE SET amount = stakes.amount + excluded.amount,"
        " bets = stakes.bets + excluded.bets, last_bet_id = excluded.last_bet_id",
        ("user_id", "pool_id", "position", "amount", "bets", "last_bet_id"),
        stakes,
    )


def list_stakes(connection: Connection, user_id: int, pool_id: int) -> dict[int, int]:
    """A user's stakes in a pool: position → amount in minor units."""
    return dict(
        connection.execute(
            "SELECT position, amount FROM stakes WHERE user_id = ? AND pool_id = ? AND amount > 0 ORDER BY position",
            (user_id, pool_id),
        )
    )


def list_running_pools(connection: Connection, user_id: int) -> list[int]:
    """The ids of the pools in which a user has running bets, in order."""
    query = "SELECT pool_id FROM participations WHERE user_id = ? AND is_running = 1"
    return sorted(pool_id for (pool_id,) in connection.execute(query, (user_id,)))


def list_valid_bets_of_user(connection: Connection, user_id: int, pool_id: int) -> list[Bet]:
    """A user's valid bets in a pool, in the order they were placed."""
    query = f"{_chain(IS_VALID)} SELECT {_COLUMNS} FROM chain AS bets WHERE {IS_VALID} ORDER BY id"
    return [Bet(*row) for row in connection.execute(query, (user_id, pool_id, ALL))]


def list_latest_bets_of_user(connection: Connection, user_id: int, pool_id: int, limit: int) -> list[Bet]:
    """The newest bets of a user in a pool, late and cancelled ones too, newest first."""
    query = f"{_chain('true')} SELECT {_COLUMNS} FROM chain ORDER BY id DESC"
    return [Bet(*row) for row in connection.execute(query, (user_id, pool_id, limit))]


def update_cancelled(connection: Connection, user_id: int, pool_id: int, bets: Sequence[Bet], now_ms: int) -> None:
    """Cancel valid bets of a user in an open pool, and take them out of all sums; their stakes the caller moves."""
    (settlement_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM settlements").fetchone()
    columns = ("cancelled_at", "cancelled_after_settlement_id")
    connection.update_many("bets", columns, ("id",), [(now_ms, settlement_id, bet.id) for bet in bets])
    amounts: Counter[int] = Counter()
    for bet in bets:
        amounts[bet.position] += bet.amount
    counts = Counter(bet.position for bet in bets)
    connection.execute_many(
        "UPDATE stakes SET amount = amount - ?, bets = bets - ? WHERE user_id = ? AND pool_id = ? AND position = ?",
        [(amount, counts[position], user_id, pool_id, position) for position, amount in amounts.items()],
    )
    _update_first_bet(connection, user_id, pool_id, min(bet.placed_at for bet in bets))
    left = list_stakes(connection, user_id, pool_id)
    if not left:
        _end_participation(connection, user_id, pool_id)
    connection.execute(
        "UPDATE pools SET amount_total = amount_total - ?, bet_count = bet_count - ?, participants = participants - ?,"
        " version = version + 1 WHERE id = ?",
        (amounts.total(), len(bets), not left, pool_id),
    )
    connection.execute_many(
        "UPDATE pool_targets SET backing_money = backing_money - ?, backing_people = backing_people - ?"
        " WHERE pool_id = ? AND position = ?",
        [(amount, position not in left, pool_id, position) for position, amount in amounts.items()],
    )
    take_from_history(connection, pool_id, [(bet.position, bet.id, bet.amount) for bet in bets])


def _update_first_bet(connection: Connection, user_id: int, pool_id: int, first_cancelled_at: int) -> None:
    """Note when the first of a user's bets in a pool was placed that is not cancelled, which may be another now."""
    connection.execute(
        f"{_chain('true')} UPDATE participations SET first_bet_at = coalesce("
        "  (SELECT placed_at FROM chain WHERE cancelled_at IS NULL ORDER BY id LIMIT 1), first_bet_at)"
        " WHERE user_id = ? AND pool_id = ? AND first_bet_at >= ?",
        (user_id, pool_id, ALL, user_id, pool_id, first_cancelled_at),
    )


def _end_participation(connection: Connection, user_id: int, pool_id: int) -> None:
    """Note that a user has no valid bet left in a pool; only late bets are still a part in it."""
    connection.execute("UPDATE participations SET is_running = 0 WHERE user_id = ? AND pool_id = ?", (user_id, pool_id))
    query = "DELETE FROM participations WHERE user_id = ? AND pool_id = ? AND late_bets = 0"
    connection.execute(query, (user_id, pool_id))


def list_bettors_of_pools(connection: Connection, pool_uuids: Iterable[str]) -> list[int]:
    """The ids of the users who have bet in any of the pools, each once."""
    users: dict[int, None] = {}
    for uuid in pool_uuids:
        query = "SELECT user_id FROM participations JOIN pools ON pools.id = pool_id WHERE uuid = ? ORDER BY user_id"
        users |= dict.fromkeys(user_id for (user_id,) in connection.execute(query, (uuid,)))
    return list(users)


def list_bets_of_pool(connection: Connection, pool_id: int) -> Iterator[Bet]:
    """The bets of a pool, in the order they were placed."""
    return map(Bet._make, connection.execute(f"SELECT {_COLUMNS} FROM bets WHERE pool_id = ? ORDER BY id", (pool_id,)))


def list_bets_of_game(connection: Connection, game_id: int) -> Iterator[Bet]:
    """The bets of a game, in the order they were placed."""
    columns = ", ".join(f"bets.{field}" for field in Bet._fields)
    rows = connection.execute(
        f"SELECT {columns} FROM pools JOIN bets ON bets.pool_id = pools.id WHERE game_id = ? ORDER BY bets.id",
        (game_id,),
    )
    return map(Bet._make, rows)


class LatestBet(NamedTuple):
    """A bet on a target, in minor units, and who placed it."""

    uuid: str
    amount: int
    placed_at: int
    user_id: int
    username: str


def list_latest_bets(connection: Connection, pool_id: int, position: int, limit: int) -> list[LatestBet]:
    """The newest valid bets on a target, newest first; none in a pool that is voided."""
    rows = connection.execute(
        "SELECT bets.uuid, amount, placed_at, user_id, username FROM valid_bets AS bets"
        " JOIN users ON users.id = user_id WHERE pool_id = ? AND position = ?"
        " AND (SELECT status FROM pools WHERE pools.id = bets.pool_id) <> 'voided' ORDER BY bets.id DESC LIMIT ?",
        (pool_id, position, limit),
    )
    return [LatestBet(*row) for row in rows]
