"""The checks that prove from the bets what is kept of users: their results, and where they stand on leaderboards."""

from collections.abc import Iterator

from gameserver.storage.bets import list_bets_of_pool
from gameserver.storage.connection import Connection
from gameserver.storage.outcomes import BetStatus, outcome_of
from gameserver.storage.settlements import list_settlements_of_pool


def _results(connection: Connection) -> Iterator[str]:
    """What is kept of a user's part in a pool is what the user's bets in it come to."""
    for pool_id, uuid in connection.execute("SELECT id, uuid FROM pools ORDER BY id").fetchall():
        settlements = list_settlements_of_pool(connection, pool_id)
        nets: dict[int, int] = {}
        for bet in list_bets_of_pool(connection, pool_id):
            outcome = outcome_of(bet, settlements)
            if bet.cancelled_at is None:
                net = outcome.payout - bet.amount if outcome.status in (BetStatus.WON, BetStatus.LOST) else 0
                nets[bet.user_id] = nets.get(bet.user_id, 0) + net
        kept = dict(connection.execute("SELECT user_id, net FROM participations WHERE pool_id = ?", (pool_id,)))
        for user_id in sorted(nets.keys() | kept.keys()):
            if (stored := kept.get(user_id)) != (found := nets.get(user_id)):
                yield f"pool {uuid}: {stored} is kept of user {user_id}, whose bets come to {found}"


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
_FOUND = """scopes AS (
    SELECT id, 0 AS source_id, id AS game_id, '' AS type, currency FROM games
    UNION ALL SELECT id, 0, 0, '', currency FROM games UNION ALL SELECT id, 0, 0, type, currency FROM games
    UNION ALL SELECT id, source_id, 0, '', currency FROM games
    UNION ALL SELECT id, source_id, 0, type, currency FROM games
),
found AS (
    SELECT source_id, scopes.game_id, scopes.type, currency, user_id,
        '["' || lower(username) COLLATE BINARY || '",' || -sum(net) || ',' || count(*) || ']' AS standing
    FROM participations AS p JOIN pools ON pools.id = p.pool_id JOIN scopes ON scopes.id = p.game_id
    JOIN users ON users.id = user_id
    WHERE pools.status <> 'open' AND (is_guest = 0 OR scopes.source_id <> 0 OR scopes.game_id <> 0)
    GROUP BY source_id, scopes.game_id, scopes.type, currency, user_id, username
)"""


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


CHECKS = (_results, _standings, _blocks)
