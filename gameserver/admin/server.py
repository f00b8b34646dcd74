"""The server's side of ``FILE.sock``: carries out commands of the command line."""

import errno
import logging
import os
import socket
from functools import partial
from pathlib import Path

import msgspec
import trio

from gameserver.admin.commands import CommandRunner, decode_command
from gameserver.admin.control_socket import control_address, is_own_command
from gameserver.errors import Rejected
from gameserver.net.accept import accept_forever
from gameserver.ops.log import log
from gameserver.storage.files import PRIVATE, FileRefused, beside

logger = logging.getLogger(__name__)

MAX_COMMAND_BYTES = 65_536
_NO_SOCKETS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
_NOT_FOR_YOU = msgspec.json.encode({"error": "the server takes commands only from its own user and from root"})


async def open_control_socket(file: Path) -> trio.SocketListener | None:
    """Listen on a socket beside the database file, private to its owner; None if the file system has no sockets.

    The caller holds the file's lock. Raises `FileRefused` if the path is taken and cannot be freed.
    """
    address = control_address(file)
    path = beside(file, ".sock")
    try:
        if path.is_socket():
            path.unlink()  # left by an earlier run
    except OSError as error:
        raise FileRefused(f"{path} belongs to another user and cannot be removed: {error.strerror}") from error
    listener = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o777 ^ PRIVATE)
    try:
        await listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno not in _NO_SOCKETS:
            raise FileRefused(f"{path} cannot be made: {error.strerror}; remove what is there") from error
        text = "commands cannot reach the server: the database's file system has no sockets"
        log(logger, logging.WARNING, "no_control_socket", text, database=str(file))
        return None
    finally:
        os.umask(mask)
    listener.listen()
    return trio.SocketListener(listener)


async def serve_control(runner: CommandRunner, listener: trio.SocketListener, timeout_s: float) -> None:
    """Accept connections and carry out one command on each, within ``timeout_s`` seconds, until cancelled."""
    async with trio.open_nursery() as nursery:
        await accept_forever(listener, partial(_serve_command, runner, timeout_s), nursery)


async def _serve_command(runner: CommandRunner, timeout_s: float, stream: trio.SocketStream) -> None:
    try:
        async with stream:
            with trio.move_on_after(timeout_s):
                line = b""
                while not line.endswith(b"\n") and len(line) < MAX_COMMAND_BYTES:
                    data = await stream.receive_some()
                    if not data:
                        return
                    line += data
                own = is_own_command(stream.socket)
                await stream.send_all((await _answer(runner, line) if own else _NOT_FOR_YOU) + b"\n")
    except (OSError, trio.BrokenResourceError):
        return
    except Exception:
        logger.exception("a command failed")


async def _answer(runner: CommandRunner, line: bytes) -> bytes:
    try:
        command = decode_command(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return msgspec.json.encode({"error": f"this server does not know the command: {error}"})
    try:
        return await runner.carry_out(command)
    except Rejected as rejected:
        return msgspec.json.encode({"error": rejected.text})
