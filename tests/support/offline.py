"""The whole of a server but its connections: requests carried out one by one on a real database."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from gameserver.admin.commands import AddUser, Command, perform
from gameserver.admin.replay import Replay, export_game
from gameserver.config import Settings
from gameserver.engine.context import Effects
from gameserver.engine.scheduled import due_job
from gameserver.errors import Rejected
from gameserver.handlers.execution import WriteRequest, parse, run_read, write_job
from gameserver.protocol.declare import Kind
from gameserver.protocol.registry import OPERATIONS
from gameserver.storage.connection import Connection
from gameserver.storage.epoch import adopt_epoch
from gameserver.storage.opening import is_url
from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.postgres.connection import open_writer as open_postgres
from gameserver.storage.secret import adopt_secret
from gameserver.storage.sqlite.connection import SqliteConnection, open_memory, open_writer
from gameserver.storage.sqlite.migrations import migrate
from gameserver.storage.users import find_user
from tests.support.decoding import decode
from tests.support.harness import START_MS

Reply = dict[str, Any]
SECRET = b"s" * 32


class Offline:
    """A database with users, a clock that the test sets, and the requests that are made."""

    def __init__(self, database: Path | str, settings: Settings | None = None) -> None:
        self.database = database
        self.settings = settings or Settings()
        self.now_ms = START_MS
        self.effects = Effects()  # what the last write makes known
        self.connection = self._open()

    def _open(self) -> SqliteConnection | PostgresConnection:
        connection: SqliteConnection | PostgresConnection
        if is_url(str(self.database)):
            connection = open_postgres(str(self.database))
        else:
            connection = open_writer(Path(self.database))
            connection.execute("PRAGMA synchronous = OFF")  # no test cuts the power here
            migrate(connection)
        adopt_secret(connection, SECRET)
        adopt_epoch(connection)
        return connection

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def reopen(self) -> None:
        """What a restart of the server does."""
        self.connection.close()
        self.connection = self._open()
        self.let_time_pass(0)

    def add_user(self, name: str, *, provider: bool = False) -> int:
        """Make a user; its id."""
        return int(self.command(AddUser(name, provider))["id"])

    def command(self, command: Command) -> dict[str, Any]:
        """Carry out a command of the command line."""
        done = self._transact(lambda connection: perform(connection, command, SECRET, self.settings, self.now_ms))
        answer: dict[str, Any] = msgspec.json.decode(done.body)
        return answer

    def call(self, name: str, op: int, /, **parameters: Any) -> Reply:
        """The reply to a user's request; that of a refusal has only its code."""
        user = find_user(self.connection, name)
        assert user is not None
        request = decode(op, **parameters)
        self.let_time_pass(0)
        try:
            if OPERATIONS[op].kind is Kind.READ:
                body = run_read(self.connection, request, user, self.now_ms, self.settings)
            else:
                parsed = parse(request, self.settings)
                write = WriteRequest(request, parsed, None, user, self.now_ms, self.settings)
                committed = self._transact(write_job(write))
                self.effects, body = committed.effects, committed.body
        except Rejected as rejected:
            return {"res": 666, "code": rejected.code.value}
        reply: Reply = msgspec.json.decode(body)
        return reply

    def let_time_pass(self, milliseconds: int) -> None:
        """Let it be later, and what is due be done."""
        self.now_ms += milliseconds
        while (due := due_job(self.settings, self.connection, self.now_ms)) is not None:
            self._transact(due.run)

    def _transact(self, job: Callable[[Connection], Any]) -> Any:
        self.connection.execute("BEGIN IMMEDIATE" if isinstance(self.connection, SqliteConnection) else "BEGIN")
        try:
            result = job(self.connection)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        return result

    def query(self, sql: str, *values: Any) -> list[Any]:
        """Rows of the database."""
        return self.connection.execute(sql, values).fetchall()

    def replay_differences(self, game: str) -> list[str]:
        """What comes out otherwise when an exported game is lived again."""
        with closing(open_memory()) as connection:
            return Replay(connection, self.settings).run(self.exported(game))

    def exported(self, game: str) -> list[dict[str, Any]]:
        """The facts of a game, as they are read from an export."""
        return [
            msgspec.json.decode(msgspec.json.encode(fact)) for fact in export_game(self.connection, game, self.now_ms)
        ]
