"""What a source's games come to. The sums are kept by the schema's triggers."""

from typing import NamedTuple

from gameserver.storage.connection import Connection


class SourceSums(NamedTuple):
    """What a source's games in one currency come to; amounts in minor units.

    Of what the bets that count have ``staked``, what is neither ``paid`` to winners nor ``refunded`` nor kept as
    ``takeout`` is in running bets.
    """

    currency: str
    games: int
    pools: int
    bets: int
    staked: int
    paid: int
    refunded: int
    takeout: int


def list_source_sums(connection: Connection, source_id: int) -> list[SourceSums]:
    """What a source's games come to, by currency."""
    names = ", ".join(SourceSums._fields)
    rows = connection.execute(f"SELECT {names} FROM source_sums WHERE source_id = ? ORDER BY currency", (source_id,))
    return list(map(SourceSums._make, rows))


def count_bettors(connection: Connection, source_id: int) -> int:
    """The number of users who have bet in the games of a source."""
    query = "SELECT count(*) FROM source_bettors WHERE source_id = ? AND pools > 0"
    return int(connection.execute(query, (source_id,)).fetchone()[0])
