"""The command line's way to the database: through the running server, or directly if there is none."""

import os
import socket
import time
from pathlib import Path
from typing import Any

import msgspec

from gameserver.config import SECRET_VARIABLE, Settings
from gameserver.errors import Rejected
from gameserver.handlers.admin import AddUser, Command, perform
from gameserver.storage.clock import last_recorded_at
from gameserver.storage.connection import (
    DatabaseInUse,
    control_address,
    hold_lock,
    load_secret,
    open_writer,
    require_own_log,
)
from gameserver.storage.migrations import migrate

SERVER_TIMEOUT_S = 30.0


class ControlError(Exception):
    """A command that was not carried out; the text says why and what to do."""


def control(settings: Settings, command: Command) -> dict[str, Any]:
    """Carry out a command and return its answer. Raises `ControlError`."""
    file = Path(settings.db)
    if not file.exists() and not isinstance(command, AddUser):
        raise ControlError(f"there is no database at {file}; name the server's with --db")
    answer = _ask_server(file, command)
    if answer is None:
        try:
            answer = _do_directly(file, settings, command)
        except DatabaseInUse:
            raise ControlError(f"a server is starting or stopping with {file}; try again in a moment") from None
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer


def _ask_server(file: Path, command: Command) -> dict[str, Any] | None:
    """The running server's answer, or None if none is running."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SERVER_TIMEOUT_S)
        try:
            connection.connect(control_address(file))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        connection.sendall(msgspec.json.encode(command) + b"\n")
        with connection.makefile("rb") as stream:
            line = stream.readline()
    if not line:
        raise ControlError("the server did not answer; whether the command was carried out is unknown")
    return msgspec.json.decode(line, type=dict[str, Any])


def _do_directly(file: Path, settings: Settings, command: Command) -> dict[str, Any]:
    with hold_lock(file):
        secret = load_secret(file, os.environ.get(SECRET_VARIABLE))
        require_own_log(file)
        connection = open_writer(file)
        try:
            migrate(connection)
            now_ms = max(int(time.time() * 1000), last_recorded_at(connection))  # as the server's clock has it
            connection.execute("BEGIN IMMEDIATE")
            try:
                body = perform(connection, command, secret, settings, now_ms).body
            except Rejected as rejected:
                connection.execute("ROLLBACK")
                return {"error": rejected.text}
            connection.execute("COMMIT")
        finally:
            connection.close()
    return msgspec.json.decode(body, type=dict[str, Any])
