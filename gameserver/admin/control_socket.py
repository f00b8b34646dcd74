"""``FILE.sock``, the Unix socket by which commands reach a database's server: its address and its peers' users."""

import os
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from gameserver.net.unix_sockets import MAX_ADDRESS_BYTES
from gameserver.storage.files import FileRefused, believed_owners, beside, user_name

_LINUX_CREDENTIALS = "iII"  # struct ucred: process, user, group
_MACOS_CREDENTIALS = "II68x"  # struct xucred: version, user, groups


class _Socket(Protocol):
    def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...


def control_address(file: Path) -> str:
    """The address at which the server of ``file`` takes commands: the shorter of the absolute and relative path.

    Raises `FileRefused` if both are longer than the system allows for a socket.
    """
    path = beside(file, ".sock").absolute()
    address = str(path)
    with suppress(FileNotFoundError):  # the working folder may have been removed
        address = min(address, os.path.relpath(path), key=len)
    if len(os.fsencode(address)) > MAX_ADDRESS_BYTES:
        raise FileRefused(f"the path of {file} is too long for a socket beside it; choose a shorter one")
    return address


def peer_uid(connection: _Socket) -> int | None:
    """The user id of a connection's peer process; None where the system does not tell it."""
    if hasattr(socket, "SO_PEERCRED"):  # Linux
        size = struct.calcsize(_LINUX_CREDENTIALS)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack(_LINUX_CREDENTIALS, credentials)[1])
    if sys.platform == "darwin":
        size = struct.calcsize(_MACOS_CREDENTIALS)
        credentials = connection.getsockopt(0, 1, size)  # SOL_LOCAL, LOCAL_PEERCRED
        return int(struct.unpack_from("II", credentials)[1])
    return None


def require_own_server(file: Path, connection: socket.socket) -> None:
    """Raise `FileRefused` if another user's process listens at ``FILE.sock``, which would read the command."""
    uid = peer_uid(connection)
    if uid is None:
        uid = beside(file, ".sock").lstat().st_uid
    if uid not in believed_owners(file):
        raise FileRefused(
            f"{beside(file, '.sock')} is a socket of {user_name(uid)}, neither of {user_name(os.geteuid())} nor of"
            " root, and is not trusted: run this as that user if it is the server's, else remove the socket"
        )


def is_own_command(connection: _Socket) -> bool:
    """Whether the peer is this process's user or root. Where the system does not tell it, the socket's mode decides."""
    return peer_uid(connection) in (None, 0, os.geteuid())
