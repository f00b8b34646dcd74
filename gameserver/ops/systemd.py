"""Notifies systemd that the server serves, reloads, stops and is alive (sd_notify), and takes over its sockets."""

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
    """The connection to systemd that the environment describes; without one, every method does nothing."""

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # "@" stands for the zero byte at the start of an abstract address.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._timeout_s: float | None = None
        if environment.get("WATCHDOG_PID", str(pid)) == str(pid):
            timeout_us = environment.get("WATCHDOG_USEC", "")
            self._timeout_s = int(timeout_us) / 1e6 if timeout_us.isdecimal() and int(timeout_us) else None
        self._sockets = 0
        if environment.get("LISTEN_PID") == str(pid) and environment.get("LISTEN_FDS", "").isdecimal():
            self._sockets = int(environment["LISTEN_FDS"])

    def take_sockets(self) -> list[socket.socket]:
        """The listening sockets that systemd opened for the server. Raises `SettingsError` if one does not listen."""
        taken = []
        for descriptor in range(_FIRST_SOCKET, _FIRST_SOCKET + self._sockets):
            if not _accepts_connections(descriptor):
                raise SettingsError("systemd passed a socket that does not listen: use ListenStream= and Accept=no")
            taken.append(socket.socket(fileno=descriptor))
            os.set_inheritable(descriptor, False)
        self._sockets = 0
        return taken

    def ready(self) -> None:
        """Notify that the server serves: after its start, or after a reload."""
        self._notify("READY=1")

    def reloading(self) -> None:
        """Notify that the server is reloading; `ready` ends that."""
        self._notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Notify that the server is shutting down."""
        self._notify("STOPPING=1")

    async def watch(self, busy_s: Callable[[], float]) -> None:
        """Notify the watchdog twice in each of its timeouts, until cancelled.

        No notification is sent while the writer's transaction has lasted longer than the timeout, by ``busy_s``: the
        writer hangs, and every change with it. A blocked event loop sends none either.
        """
        if self._timeout_s is None:
            return
        while True:
            if busy_s() < self._timeout_s:
                self._notify("WATCHDOG=1")
            await trio.sleep(self._timeout_s / 2)

    def _notify(self, *states: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.setblocking(False)
                notify.sendto("\n".join(states).encode("ascii"), self._address)
        except OSError as error:
            logger.warning("cannot notify systemd of %s: %s", states[0], error)


def _accepts_connections(descriptor: int) -> bool:
    try:
        given = socket.socket(fileno=os.dup(descriptor))
    except OSError:
        return False
    with given:
        return given.type == socket.SOCK_STREAM and bool(given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
