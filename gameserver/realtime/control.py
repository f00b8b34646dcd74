"""The server's end of ``FILE.sock``: commands of the command line, for whoever may open the socket."""

import logging
import os
import socket
from functools import partial
from pathlib import Path

import msgspec
import trio

from gameserver.errors import Rejected
from gameserver.handlers.admin import decode_command, perform
from gameserver.realtime.accept import accept_forever
from gameserver.realtime.services import Services
from gameserver.storage.connection import control_address

logger = logging.getLogger(__name__)

MAX_COMMAND_BYTES = 65_536
_ACCESS_MODE = 0o600


async def open_control_socket(file: Path) -> trio.SocketListener:
    """Listen beside the database file, for its owner only. The file's lock must be held."""
    address = control_address(file)
    await trio.Path(address).unlink(missing_ok=True)
    listener = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o777 ^ _ACCESS_MODE)
    try:
        await listener.bind(address)
    finally:
        os.umask(mask)
    listener.listen()
    return trio.SocketListener(listener)


async def serve_control(services: Services, listener: trio.SocketListener) -> None:
    """Carry out one command a connection, until cancelled."""
    async with trio.open_nursery() as nursery:
        await accept_forever(listener, partial(_serve_command, services), nursery)


async def _serve_command(services: Services, stream: trio.SocketStream) -> None:
    try:
        async with stream:
            with trio.move_on_after(services.settings.handshake_timeout_s):
                line = b""
                while not line.endswith(b"\n") and len(line) < MAX_COMMAND_BYTES:
                    data = await stream.receive_some()
                    if not data:
                        return
                    line += data
                await stream.send_all(await _answer(services, line) + b"\n")
    except (OSError, trio.BrokenResourceError):
        return
    except Exception:
        logger.exception("a command failed")


async def _answer(services: Services, line: bytes) -> bytes:
    try:
        command = decode_command(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return msgspec.json.encode({"error": f"this server does not know the command: {error}"})
    now_ms = services.clock.now_ms()
    try:
        job = partial(perform, command=command, secret=services.secret, settings=services.settings, now_ms=now_ms)
        return (await services.store.write(job, now_ms)).body
    except Rejected as rejected:
        return msgspec.json.encode({"error": rejected.text})
