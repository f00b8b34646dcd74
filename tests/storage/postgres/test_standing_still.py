"""A server that stands still in a batch is ended by another, wherever in the batch it is."""

from collections.abc import Callable

import psycopg
import pytest

from gameserver.storage.postgres.announcements import begin_batch
from gameserver.storage.postgres.connection import PostgresConnection, open_writer
from gameserver.storage.postgres.nodes import end_who_stands_still
from gameserver.storage.postgres.version import LOCK

Wait = Callable[[PostgresConnection], None]


def between_statements(still: PostgresConnection) -> None:
    pass


def after_statements_sent_together(still: PostgresConnection) -> None:
    with still.together():
        still.execute("SELECT 1")


def among_statements_sent_together(still: PostgresConnection) -> None:
    still.together().__enter__()
    still.execute("SELECT 1").fetchone()


@pytest.mark.parametrize("games", [None, {1}])
@pytest.mark.parametrize("stop", [between_statements, after_statements_sent_together, among_statements_sent_together])
def test_who_stands_still_in_a_batch_loses_its_locks(location: str, stop: Wait, games: set[int] | None) -> None:
    with open_writer(location) as still, open_writer(location) as other:
        begin_batch(still, 0, games)
        stop(still)
        assert not other.execute(f"SELECT pg_try_advisory_lock({LOCK})").fetchone()[0]
        assert end_who_stands_still(other, still_s=60) == 0
        while not end_who_stands_still(other, still_s=0):
            pass  # its last result comes before PostgreSQL says that it stands
        other.execute(f"SELECT pg_advisory_lock({LOCK})")  # as soon as it is gone
        with pytest.raises(psycopg.OperationalError):
            still.execute("SELECT 1").fetchone()


def test_who_has_nothing_locked_may_stand_still(location: str) -> None:
    with open_writer(location) as still, open_writer(location) as other, still.reading():
        still.execute("SELECT 1")
        assert end_who_stands_still(other, still_s=0) == 0
