"""The checks that prove a database sound; that rows and keys are whole, PostgreSQL itself sees to."""

from itertools import islice

from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.sqlite.check import MAX_FINDINGS, find_broken_rules


def find_faults(connection: PostgresConnection) -> list[str]:
    """The faults of a database, a sentence each, at most 100; empty if it is sound.

    Requires a transaction that reads one state.
    """
    return list(islice(find_broken_rules(connection), MAX_FINDINGS))
