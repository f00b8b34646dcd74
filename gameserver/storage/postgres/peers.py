"""The other servers on a PostgreSQL database: what they announce, and who is connected to them.

A notification is only a wake-up: what is to be told is read from the rows.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psycopg

from gameserver.storage.connection import StorageFailed
from gameserver.storage.peers import Exchanged
from gameserver.storage.postgres.announcements import CHANNEL, Announcement, list_announcements
from gameserver.storage.postgres.connection import PostgresConnection, size_bytes
from gameserver.storage.postgres.nodes import end_who_stands_still, exchange_presence, leave, read_clock
from gameserver.storage.postgres.writer import PostgresWriter
from gameserver.storage.schedule import next_due_at

logger = logging.getLogger(__name__)


class Seen(NamedTuple):
    """What others have announced, what is due next in epoch ms, and the writer's turn before that was read."""

    announcements: list[Announcement]
    next_due_ms: int | None
    turn: int


@contextmanager
def _loss_told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise StorageFailed(str(error).strip()) from error


class PostgresPeers:
    """Implements `gameserver.storage.peers.Peers`.

    What is found is published by the writer, in order with the writer's own batches. ``database_bytes`` is the size of
    the database when this server last told the others who is connected to it.
    """

    def __init__(
        self,
        open_connection: Callable[[], PostgresConnection],
        writer: PostgresWriter,
        database_bytes: int,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._open_connection = open_connection
        self._connection: PostgresConnection
        self._writer = writer
        self._hinted = 0  # the latest announcement of another server that a notification has named
        self.database_bytes = database_bytes
        self._monotonic_s = monotonic_s

    def open(self) -> None:
        """Open a connection that listens."""
        with _loss_told():
            self._connection = self._open_connection()
            self._connection.raw.add_notify_handler(lambda notify: self._note(notify.payload))
            self._connection.execute(f"LISTEN {CHANNEL}")

    def close(self) -> None:
        """Tell the others that this server stops, if they can still be told, and close the connection."""
        with suppress(psycopg.Error):
            leave(self._connection, self._writer.node)
        self._connection.close()

    def look(self) -> Seen:
        """Read what is announced after what the writer has published, and when something is due next."""
        turn = self._writer.turn
        with _loss_told():
            announcements = list_announcements(self._connection, self._writer.position)
            return Seen(announcements, next_due_at(self._connection), turn)

    def publish(self, seen: Seen) -> None:
        """Publish what has been announced, and note what is due next, unless the writer knows better."""
        for announcement in seen.announcements:
            if announcement.node == self._writer.node and self._writer.turn % 2:
                break  # the writer is about to publish its own
            self._writer.publish_heard(announcement)
        if self._writer.turn == seen.turn and seen.turn % 2 == 0:
            self._writer.note_next_due(seen.next_due_ms)

    def exchange(self, present: bytes) -> Exchanged:
        """Tell the others who is connected here, and end who of them stands still in a batch."""
        with _loss_told():
            if end_who_stands_still(self._connection):
                logger.warning("a batch of a server that stands still was ended")
            told = exchange_presence(self._connection, self._writer.node, present)
            self.database_bytes = size_bytes(self._connection)
            return Exchanged(told, read_clock(self._connection, self._monotonic_s))

    @property
    def is_behind(self) -> bool:
        """Whether a notification has named an announcement that is not published yet."""
        return self._hinted > self._writer.position

    def fileno(self) -> int:
        """The connection's descriptor."""
        with _loss_told():
            return self._connection.raw.fileno()

    def take_hints(self) -> None:
        """Take the notifications that have arrived."""
        with _loss_told():
            self._connection.raw.pgconn.consume_input()
            while notification := self._connection.raw.pgconn.notifies():
                self._note(notification.extra.decode())

    def _note(self, payload: str) -> None:
        number, _, node = payload.partition(" ")
        if node != self._writer.node and number.isdecimal():
            self._hinted = max(self._hinted, int(number))
