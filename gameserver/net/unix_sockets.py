"""Creates the Unix socket that clients connect to, and knows how long its path may be."""

import errno
import os
import socket
import stat
from pathlib import Path

MAX_ADDRESS_BYTES = 103  # the smallest limit of the supported systems, without the final zero byte
BACKLOG = 65_535  # the system caps it at its own limit
_MODE = 0o660  # the server's group may connect, for a proxy in it


def open_unix_socket(path: str) -> socket.socket:
    """Create a socket that listens at ``path``, replacing a stale one.

    Raises OSError if another program listens at the path, or if the path is not that of a socket.
    """
    _remove_stale(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(path)
        Path(path).chmod(_MODE)  # before listen(): no client can connect yet
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened


def _remove_stale(path: str) -> None:
    if not path:
        raise OSError(errno.EINVAL, "the path after unix: is missing")
    if len(os.fsencode(path)) > MAX_ADDRESS_BYTES:
        raise OSError(errno.ENAMETOOLONG, "the path is too long for a Unix socket")
    try:
        is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise OSError(errno.EEXIST, "the path exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except BlockingIOError:  # a program listens, but its queue is full
            pass
    raise OSError(errno.EADDRINUSE, "another program listens at the path")
