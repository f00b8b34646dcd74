"""Pools that were recreated from others."""

from typing import NamedTuple

from gameserver.storage.connection import Connection


class Successor(NamedTuple):
    """The pool recreated from another; ``bet_count`` is the number of its bets."""

    uuid: str
    bet_count: int


def find_successor(connection: Connection, pool_id: int) -> Successor | None:
    """The pool recreated from another after it ended; None if there is none."""
    query = "SELECT uuid, bet_count FROM pools WHERE recreated_from = ? ORDER BY id"
    row = connection.execute(query, (pool_id,)).fetchone()
    return Successor(*row) if row else None
