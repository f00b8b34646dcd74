"""Tells systemd how the server does: that it serves, reloads, stops, and is alive (sd_notify)."""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

import trio

from gameserver.config import SettingsError

logger = logging.getLogger(__name__)


_FIRST_SOCKET = 3  # after standard input, output and error


class Systemd:
    """The socket at which systemd listens, if the environment names one; otherwise all this does nothing."""

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # "@" stands for the zero byte with which an abstract address begins.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._timeout_s: float | None = None
        if environment.get("WATCHDOG_PID", str(pid)) == str(pid):
            timeout_us = environment.get("WATCHDOG_USEC", "")
            self._timeout_s = int(timeout_us) / 1e6 if timeout_us.isdecimal() and int(timeout_us) else None

        self._sockets = 0
        if environment.get("LISTEN_PID") == str(pid) and environment.get("LISTEN_FDS", "").isdecimal():
            self._sockets = int(environment["LISTEN_FDS"])

    def take_sockets(self) -> list[socket.socket]:
        """The listening sockets that systemd has opened for the server. Raises `SettingsError` for any others."""
        taken = []
        for descriptor in range(_FIRST_SOCKET, _FIRST_SOCKET + self._sockets):
            if not _accepts_connections(descriptor):
                raise SettingsError("systemd gives what accepts no connections: use ListenStream= and Accept=no")
            taken.append(socket.socket(fileno=descriptor))
            os.set_inheritable(descriptor, False)
        self._sockets = 0
        return taken

    def ready(self) -> None:
        """The server serves, at first or again."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """The server reads anew what may change; `ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The server shuts down."""
        self._tell("STOPPING=1")

    async def watch(self, busy_s: Callable[[], float]) -> None:
        """Be heard of twice within the watchdog's time, until cancelled.

        Not while the writer has been at one transaction, ``busy_s``, for longer than that time: it hangs, and
        with it everybody who changes something. If the event loop hangs, nothing is heard of it by itself.
        """
        if self._timeout_s is None:
            return
        while True:
            if busy_s() < self._timeout_s:
                self._tell("WATCHDOG=1")
            await trio.sleep(self._timeout_s / 2)

    def _tell(self, *states: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.setblocking(False)
                notify.sendto("\n".join(states).encode("ascii"), self._address)
        except OSError as error:
            logger.warning("systemd was not told %s: %s", states[0], error)


def _accepts_connections(descriptor: int) -> bool:
    try:
        given = socket.socket(fileno=os.dup(descriptor))
    except OSError:
        return False
    with given:
        return given.type == socket.SOCK_STREAM and bool(given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
