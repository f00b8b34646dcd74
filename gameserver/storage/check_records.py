"""The checks that prove from the bets what is kept of users: their results, and where they stand on leaderboards."""

from collections.abc import Iterator

from gameserver.storage.bets import list_bets_of_pool
from gameserver.storage.connection import Connection
from gameserver.storage.outcomes import BetStatus, outcome_of
from gameserver.storage.records import Record
from gameserver.storage.settlements import list_settlements_of_pool

_Key = tuple[object, ...]


def _records(connection: Connection) -> Iterator[str]:
    """What is kept of users is what their bets come to: in each pool, by game, by type of game and by day."""
    by_game: dict[_Key, list[int]] = {}
    by_type: dict[_Key, list[int]] = {}
    pools = connection.execute(
        "SELECT pools.id, pools.uuid, game_id, start_at, status <> 'open', currency, games.type FROM pools"
        " JOIN games ON games.id = game_id ORDER BY pools.id"
    ).fetchall()
    for pool_id, uuid, game_id, start_at, has_ended, currency, game_type in pools:
        found = _records_of_pool(connection, pool_id, game_id, start_at)
        yield from _parts(connection, pool_id, uuid, found)
        for record in found if has_ended else ():
            user_id = record.user_id
            if (user_id, game_id) not in by_game:
                by_type.setdefault((user_id, currency, game_type), [0] * 9)[0] += 1
                by_game[user_id, game_id] = [0] * 7 + [0, record.joined_at]
            *sums, best_win, joined_at = by_game[user_id, game_id]
            total = [kept + value for kept, value in zip(sums, record[2:9], strict=True)]
            by_game[user_id, game_id] = [*total, max(best_win, record.best_win), min(joined_at, record.joined_at)]
            of_type = by_type[user_id, currency, game_type]
            of_type[1:] = [kept + value for kept, value in zip(of_type[1:], record[2:10], strict=True)]
    names = "pools, bets, won, lost, refunded, staked, net"
    kept = _kept(connection, f"SELECT user_id, game_id, {names}, best_win, joined_at FROM game_records", 2)
    yield from _differences("the record of user {} in game {}", kept, by_game)
    kept = _kept(connection, f"SELECT user_id, currency, type, games, {names}, reaction_ms FROM user_records", 3)
    yield from _differences("the record of user {} in {} and {}", kept, by_type)
    points: dict[_Key, list[int]] = {}
    for key, of_type in by_type.items():
        points.setdefault(key[:2], [0])[0] += of_type[7]
    query = "SELECT user_id, currency, sum(net) FROM points_by_day GROUP BY user_id, currency HAVING sum(net) <> 0"
    yield from _differences(
        "the points of user {} in {} by day",
        _kept(connection, query, 2),
        {key: total for key, total in points.items() if total != [0]},
    )


def _records_of_pool(connection: Connection, pool_id: int, game_id: int, start_at: int) -> list[Record]:
    """What the bets of a pool come to for each user; the numbers that only pools in force have are as if it were."""
    settlements = list_settlements_of_pool(connection, pool_id)
    found: dict[int, Record] = {}
    for bet in list_bets_of_pool(connection, pool_id):
        if bet.cancelled_at is not None:
            continue
        status, payout, _ = outcome_of(bet, settlements)
        net = payout - bet.amount if status in (BetStatus.WON, BetStatus.LOST) else 0
        first = Record(bet.user_id, game_id, 1, *(0,) * 6, bet.placed_at - start_at, 0, bet.placed_at)
        record = found.get(bet.user_id, first)
        found[bet.user_id] = record._replace(
            bets=record.bets + 1,
            won=record.won + (status is BetStatus.WON),
            lost=record.lost + (status is BetStatus.LOST),
            refunded=record.refunded + (status in (BetStatus.REFUNDED, BetStatus.VOIDED, BetStatus.INVALIDATED)),
            staked=record.staked + bet.amount,
            net=record.net + net,
            best_win=max(record.best_win, net),
        )
    return list(found.values())


def _parts(connection: Connection, pool_id: int, uuid: str, found: list[Record]) -> Iterator[str]:
    kept = _kept(
        connection,
        "SELECT p.user_id, net, first_bet_at, best_win, late_bets + coalesce(sum(s.bets), 0),"
        " late_amount + coalesce(sum(s.amount), 0) FROM participations AS p"
        " LEFT JOIN stakes AS s ON s.user_id = p.user_id AND s.pool_id = p.pool_id"
        f" WHERE p.pool_id = {pool_id} GROUP BY p.user_id, p.pool_id",
        1,
    )
    parts: dict[_Key, list[int]] = {
        (record.user_id,): [record.net, record.joined_at, record.best_win, record.bets, record.staked]
        for record in found
    }
    yield from _differences(f"pool {uuid}: the part of user {{}}", kept, parts)


def _kept(connection: Connection, query: str, key_length: int) -> dict[_Key, list[int]]:
    return {row[:key_length]: list(row[key_length:]) for row in connection.execute(query)}


def _differences(what: str, kept: dict[_Key, list[int]], found: dict[_Key, list[int]]) -> Iterator[str]:
    for key in dict.fromkeys((*kept, *found)):
        if kept.get(key) != found.get(key):
            yield f"{what.format(*key)} is {kept.get(key)}, the bets come to {found.get(key)}"


def _standings(connection: Connection) -> Iterator[str]:
    """A user has on each board what the user's parts in pools that have ended come to."""
    for source, game, game_type, currency, user, kept, found in connection.execute(
        f"WITH {_FOUND}, kept AS (SELECT source_id, game_id, type, currency, user_id,"
        " '[\"' || name || '\",' || deficit || ',' || pools || ']' AS standing"
        "  FROM standings JOIN boards ON boards.id = board_id)"
        " SELECT source_id, game_id, type, currency, user_id, max(kept), max(found) FROM"
        " (SELECT source_id, game_id, type, currency, user_id, standing AS kept, NULL AS found FROM kept"
        "  UNION ALL SELECT source_id, game_id, type, currency, user_id, NULL, standing FROM found) AS s"
        " GROUP BY source_id, game_id, type, currency, user_id"
        " HAVING coalesce(max(kept), '') <> coalesce(max(found), '')"
    ):
        board = f"the board of source {source}, game {game}, type {game_type!r} in {currency}"
        yield f"{board}: {kept} is kept of user {user}, whose pools come to {found}"


# The standings that there should be, by scope: the name, the points with the sign reversed, and the number of pools.
_FOUND = """any_type AS (SELECT source_id, currency FROM boards WHERE game_id = 0 AND type = ''),
scopes AS (
    SELECT id, 0 AS source_id, id AS game_id, '' AS type, currency FROM games
    UNION ALL SELECT id, 0, 0, type, currency FROM games UNION ALL SELECT id, source_id, 0, type, currency FROM games
    UNION ALL SELECT id, any_type.source_id, 0, '', games.currency FROM games
        JOIN any_type ON any_type.currency = games.currency AND any_type.source_id IN (0, games.source_id)
),
found AS (
    SELECT source_id, scopes.game_id, scopes.type, currency, user_id,
        '["' || lower(username) COLLATE BINARY || '",' || -sum(net) || ',' || count(*) || ']' AS standing
    FROM participations AS p JOIN pools ON pools.id = p.pool_id JOIN scopes ON scopes.id = p.game_id
    JOIN users ON users.id = user_id
    WHERE pools.status <> 'open' AND (is_guest = 0 OR scopes.source_id <> 0 OR scopes.game_id <> 0)
    GROUP BY source_id, scopes.game_id, scopes.type, currency, user_id, username
)"""


def _boards(connection: Connection) -> Iterator[str]:
    """A game counts for its own board and all those of its type and source; there is one of any type from two on."""
    for uuid, counted, right, of_types, there in connection.execute(
        "SELECT uuid, count(*), count(b.id), count(CASE WHEN b.type <> '' OR b.game_id <> 0 THEN 1 END),"
        " (SELECT count(*) FROM boards AS b WHERE b.currency = games.currency AND b.type IN ('', games.type)"
        "  AND b.source_id IN (0, games.source_id) AND b.game_id IN (0, games.id)) AS there"
        " FROM game_boards AS g JOIN games ON games.id = g.game_id"
        " LEFT JOIN boards AS b ON b.id = g.board_id AND b.currency = games.currency AND b.type IN ('', games.type)"
        "  AND b.source_id IN (0, games.source_id) AND b.game_id IN (0, games.id) GROUP BY games.id"
    ):
        if not counted == right == there or of_types != 3:
            yield f"game {uuid}: it counts for {counted} boards, or for others than its own"
    for source, currency, types in connection.execute(
        "SELECT source_id, currency, count(*) FROM boards WHERE game_id = 0 GROUP BY source_id, currency"
        " HAVING count(*) > 1 AND min(type) <> ''"
    ):
        yield f"the boards of source {source} in {currency} are of {types} types, and there is none of any type"


def _blocks(connection: Connection) -> Iterator[str]:
    """Each block of a board counts the standings from its place up to the next block's."""
    for board_id, block, entries, found in connection.execute(
        "SELECT board_id, block, sum(entries), sum(is_standing) FROM ("
        "  SELECT board_id, entries, is_standing,"
        "   sum(1 - is_standing) OVER (PARTITION BY board_id ORDER BY deficit, name, is_standing) AS block FROM"
        "   (SELECT board_id, deficit, name, entries, 0 AS is_standing FROM standing_blocks"
        "    UNION ALL SELECT board_id, deficit, name, 0, 1 FROM standings) AS r) AS s"
        " GROUP BY board_id, block HAVING sum(entries) <> sum(is_standing)"
    ):
        yield f"board {board_id}: its block {block} counts {entries} entries, {found} are there"


CHECKS = (_records, _standings, _boards, _blocks)
