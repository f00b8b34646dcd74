"""What the bettors of a pool get by its settlement, in a table of the writing connection's own while it is applied.

So it is given to the database once, for their participations and for the transfers.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gameserver.storage.connection import Connection


class Share(NamedTuple):
    """A user's stakes in a pool by valid bets, what they are paid, and the most that one has won, in minor units."""

    user_id: int
    staked: int
    paid: int
    best_win: int


TABLE = (
    f"CREATE TEMP TABLE shares ({', '.join(f'{name} BIGINT NOT NULL' for name in Share._fields)},"
    " PRIMARY KEY (user_id))"
)


@contextmanager
def sharing(connection: Connection, shares: Iterable[Share]) -> Iterator[None]:
    """Keep the shares in the table in the block of this."""
    connection.insert_many("shares", Share._fields, shares)
    yield
    connection.execute("DELETE FROM shares")


def update_participations_ended(connection: Connection, pool_id: int) -> None:
    """Record in the participations in a pool, which run no longer, what they have come to."""
    connection.execute(
        "UPDATE participations SET net = shares.paid - shares.staked, best_win = shares.best_win, is_running = 0"
        " FROM shares WHERE participations.user_id = shares.user_id AND participations.pool_id = ?",
        (pool_id,),
    )
