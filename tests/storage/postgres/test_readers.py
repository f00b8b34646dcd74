import psycopg
import trio

from gameserver.storage.connection import Connection
from gameserver.storage.postgres.connection import open_reader
from gameserver.storage.postgres.readers import PostgresReaders
from tests.support.harness import run_inline


async def test_a_connection_that_is_cut_after_a_read_is_replaced(location: str) -> None:
    readers = PostgresReaders(lambda: open_reader(location), 1, run_inline)

    def read_and_be_cut(connection: Connection) -> int:
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        with psycopg.connect(location, autocommit=True) as killer:
            killer.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        return int(pid)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(readers.run)
        assert await readers.read(read_and_be_cut)
        assert await readers.read(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
        nursery.cancel_scope.cancel()
    readers.close()
