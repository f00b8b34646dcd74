"""Carrying out commands: through the running server, or directly on the database if no server runs."""

import os
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from gameserver.admin.commands import Command, KeyCommand, perform
from gameserver.admin.control_socket import control_address, require_own_server
from gameserver.config import SECRET_VARIABLE, Settings
from gameserver.engine.announcing import announce
from gameserver.errors import OperatorError, Rejected
from gameserver.storage.clock import last_recorded_at
from gameserver.storage.connection import Connection
from gameserver.storage.files import DatabaseInUse, beside, hold_lock, locate
from gameserver.storage.opening import is_url, require_postgres
from gameserver.storage.secret import (
    adopt_secret,
    find_secret,
    load_secret,
    require_known_secret,
    secret_of_all_servers,
)
from gameserver.storage.sqlite.atomic_copy import make_database
from gameserver.storage.sqlite.connection import failures_told, open_writer, require_usable
from gameserver.storage.sqlite.migrations import require_current

SERVER_TIMEOUT_S = 30.0


class ControlError(OperatorError):
    """A command that was not carried out; the text says why and what to do."""


def control(settings: Settings, command: Command, *, create: bool = False) -> dict[str, Any]:
    """Carry out a command and return its answer; ``create`` makes a missing database.

    Raises `ControlError` and other kinds of `OperatorError`.
    """
    if is_url(settings.db):
        return _answered(_do_in_postgres(settings, command, create=create))
    file = locate(Path(settings.db))
    require_usable(file)
    if not file.exists() and not create:
        raise ControlError(f"there is no database at {file}: name the server's with --db, or start it, which makes one")
    try:
        line = msgspec.json.encode(command)
    except UnicodeEncodeError as error:
        raise ControlError(f"the arguments are not valid text: {error}") from None
    answer = _ask_server(file, line)
    if answer is None:
        try:
            answer = _do_directly(file, settings, command)
        except DatabaseInUse:
            raise ControlError(
                f"a server is using {file} and does not answer at {beside(file, '.sock')}: if it is starting or"
                " stopping, try again in a moment; if the socket was removed, stop the server first"
            ) from None
    return _answered(answer)


def _answered(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer


def _ask_server(file: Path, line: bytes) -> dict[str, Any] | None:
    """The running server's answer, or None if none is running."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SERVER_TIMEOUT_S)
        try:
            connection.connect(control_address(file))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise ControlError(f"{beside(file, '.sock')} cannot be used: {error.strerror or error}") from error
        require_own_server(file, connection)
        try:
            connection.sendall(line + b"\n")
            with connection.makefile("rb") as stream:
                answer = stream.readline()
        except OSError:  # a timeout is an OSError too
            answer = b""
    if not answer:
        raise ControlError("the server did not answer; whether the command was carried out is unknown")
    return msgspec.json.decode(answer, type=dict[str, Any])


def _do_in_postgres(settings: Settings, command: Command, *, create: bool) -> dict[str, Any]:
    """Carry a command out in the database, whose servers publish what it has changed."""
    require_postgres()
    from gameserver.storage.postgres.direct import changing, tell_servers

    secret = secret_of_all_servers(os.environ.get(SECRET_VARIABLE)) if isinstance(command, KeyCommand) else None
    try:
        with changing(settings.db, create=create) as connection:
            now_ms = max(int(time.time() * 1000), last_recorded_at(connection))  # as the servers' clocks have it
            if secret is not None:
                adopt_secret(connection, require_known_secret(connection, secret))
            done = perform(connection, command, secret, settings, now_ms)
            body = announce([done])
            if body is not None:
                tell_servers(connection, now_ms, body)
    except Rejected as rejected:
        return {"error": rejected.text}
    return msgspec.json.decode(done.body, type=dict[str, Any])


def _do_directly(file: Path, settings: Settings, command: Command) -> dict[str, Any]:
    with hold_lock(file):
        is_new = not file.exists()
        if is_new:
            make_database(file)
        with failures_told(), closing(open_writer(file)) as connection:
            require_current(file, connection)
            now_ms = max(int(time.time() * 1000), last_recorded_at(connection))  # as the server's clock has it
            connection.execute("BEGIN IMMEDIATE")
            try:
                secret = _secret(file, connection, is_new=is_new) if isinstance(command, KeyCommand) else None
                body = perform(connection, command, secret, settings, now_ms).body
            except Rejected as rejected:
                connection.execute("ROLLBACK")
                return {"error": rejected.text}
            connection.execute("COMMIT")
    return msgspec.json.decode(body, type=dict[str, Any])


def _secret(file: Path, connection: Connection, *, is_new: bool) -> bytes:
    """The secret that session keys are made with; a new one is made only for a new database."""
    environment = os.environ.get(SECRET_VARIABLE)
    secret = load_secret(file, environment) if is_new else find_secret(file, environment)
    secret = require_known_secret(connection, secret)
    adopt_secret(connection, secret)
    return secret
