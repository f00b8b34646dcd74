"""Making the Unix socket that clients connect to."""

import errno
import os
import socket
import stat
from pathlib import Path

from gameserver.storage.control_socket import MAX_ADDRESS_BYTES

BACKLOG = 65_535  # or what the system allows
_MODE = 0o660  # a proxy may be of the same group


def open_unix_socket(path: str) -> socket.socket:
    """A socket that listens at ``path``, in the place of one that nobody listens at any more.

    Raises OSError if somebody does, or if it is something else.
    """
    _remove_stale(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(path)
        Path(path).chmod(_MODE)  # nobody can connect yet
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened


def _remove_stale(path: str) -> None:
    if not path:
        raise OSError(errno.EINVAL, "its path is missing")
    if len(os.fsencode(path)) > MAX_ADDRESS_BYTES:
        raise OSError(errno.ENAMETOOLONG, "the path is too long for a socket")
    try:
        is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise OSError(errno.EEXIST, "there is something else, which is not removed")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        visitor.setblocking(False)
        try:
            visitor.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except BlockingIOError:  # somebody who is busy
            pass
    raise OSError(errno.EADDRINUSE, "another program listens there")
