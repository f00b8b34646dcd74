"""Follows what other servers on the same database announce, and exchanges with them who is connected where.

A notification is only a wake-up: what is to be told is read from the rows, which are looked at twice a second anyway.
"""

import logging
import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import psycopg
import trio

from gameserver.storage.connection import StorageFailed
from gameserver.storage.jobs import RunSync
from gameserver.storage.postgres.announcements import CHANNEL, Announcement, list_announcements
from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.postgres.nodes import exchange_presence, leave
from gameserver.storage.postgres.writer import PostgresWriter
from gameserver.storage.schedule import next_due_at

logger = logging.getLogger(__name__)

LOOK_S = 0.5
_EXCHANGE_S = 1.0
_RETRY_S = 1.0


class _Seen(NamedTuple):
    announcements: list[Announcement]
    next_due_ms: int | None


class Follower:
    """One connection that listens; what it finds is published by the writer, in order with the writer's own batches."""

    def __init__(
        self,
        open_connection: Callable[[], PostgresConnection],
        writer: PostgresWriter,
        *,
        present: Callable[[], bytes],
        hear_present: Callable[[list[bytes]], None],
        run_sync: RunSync,
    ) -> None:
        self._open_connection = open_connection
        self._writer = writer
        self._present = present
        self._hear_present = hear_present
        self._run_sync = run_sync
        self._exchange_at = -math.inf  # when this server next tells who is connected to it
        self._hinted = 0  # the latest announcement of another server that a notification has named

    async def run(self) -> None:
        """Follow until cancelled; a connection that is lost is opened again."""
        while True:
            try:
                connection = await self._run_sync(self._listen)
                try:
                    await self._follow(connection)
                finally:
                    self._leave(connection)
            except (psycopg.Error, StorageFailed) as error:
                logger.warning("announcements cannot be read; trying again: %s", error)
                await trio.sleep(_RETRY_S)

    def _listen(self) -> PostgresConnection:
        connection = self._open_connection()
        connection.raw.add_notify_handler(lambda notify: self._note(notify.payload))
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def _leave(self, connection: PostgresConnection) -> None:
        with suppress(psycopg.Error):
            leave(connection, self._writer.node)
        connection.close()

    def _note(self, payload: str) -> None:
        number, _, node = payload.partition(" ")
        if node != self._writer.node and number.isdecimal():
            self._hinted = max(self._hinted, int(number))

    async def _follow(self, connection: PostgresConnection) -> None:
        while True:
            await self._look(connection)
            if trio.current_time() >= self._exchange_at:
                self._exchange_at = trio.current_time() + _EXCHANGE_S
                exchange = partial(exchange_presence, connection, self._writer.node, self._present())
                self._hear_present(await self._run_sync(exchange))
            with trio.move_on_after(LOOK_S):
                while self._hinted <= self._writer.position:
                    await trio.lowlevel.wait_readable(connection.raw.fileno())
                    self._take_notifications(connection)

    def _take_notifications(self, connection: PostgresConnection) -> None:
        """Take what has arrived, without waiting. Raises psycopg.OperationalError if the connection is lost."""
        connection.raw.pgconn.consume_input()
        while notification := connection.raw.pgconn.notifies():
            self._note(notification.extra.decode())

    async def _look(self, connection: PostgresConnection) -> None:
        """Publish what has been announced, and note what is due next, unless the writer knows better."""
        turn = self._writer.turn
        seen: _Seen = await self._run_sync(self._read, connection, self._writer.position)
        for announcement in seen.announcements:
            if announcement.node == self._writer.node and self._writer.turn % 2:
                break  # the writer is about to publish its own
            self._writer.publish_heard(announcement)
        if self._writer.turn == turn and turn % 2 == 0:
            self._writer.note_next_due(seen.next_due_ms)

    @staticmethod
    def _read(connection: PostgresConnection, after: int) -> _Seen:
        return _Seen(list_announcements(connection, after), next_due_at(connection))
