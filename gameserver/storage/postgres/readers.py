"""Reading connections to a PostgreSQL database."""

from typing import ClassVar

import psycopg

from gameserver.storage.postgres.connection import BEGIN_READING, PostgresConnection
from gameserver.storage.readers import BatchReaders


class PostgresReaders(BatchReaders[PostgresConnection]):
    """The readers of PostgreSQL; a connection that is lost is replaced by a new one."""

    failures: ClassVar[type[Exception]] = psycopg.OperationalError

    def _take(self) -> PostgresConnection:
        """A connection in a transaction; those that the server has cut meanwhile are thrown away."""
        while self._idle:
            connection = self._idle.pop()
            try:
                self._begin(connection)
            except psycopg.OperationalError:
                connection.close()
            else:
                return connection
        return self._open_connection()

    def _begin(self, connection: PostgresConnection) -> None:
        connection.execute(BEGIN_READING)

    def _put_back(self, connection: PostgresConnection) -> None:
        """End the transaction and keep the connection for the next batch, unless it has been cut."""
        try:
            super()._put_back(connection)
        except psycopg.Error:
            connection.close()
