"""Listening sockets: at addresses and host names, at Unix sockets, and inherited from systemd."""

import errno
import logging
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from gameserver.config import UNIX, Settings, SettingsError
from gameserver.net.own_address import authority
from gameserver.net.unix_sockets import BACKLOG, open_unix_socket

logger = logging.getLogger(__name__)

_UNIX_PREFIX = f"{UNIX}:"
_PORT_TRIES = 20
# Errors of one address of a host name: its family is disabled, or it is not an address of this machine.
_UNAVAILABLE_ERRNOS = frozenset({errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL})


class _PortTaken(SettingsError):
    pass


class Listening:
    """Listening sockets and their names: ``localhost:9999``, ``[::1]:9999``, ``unix:PATH``."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.is_inherited = False
        self._sockets: dict[tuple[int, str], trio.socket.SocketType] = {}  # by family and address
        self._paths: list[tuple[Path, int]] = []

    @property
    def listeners(self) -> list[trio.SocketListener]:
        """A Trio listener for each socket."""
        return [trio.SocketListener(opened) for opened in self._sockets.values()]

    @property
    def port(self) -> int | None:
        """The TCP port, shared by all addresses; None if there are only Unix sockets."""
        ports = [opened.getsockname()[1] for (family, _), opened in self._sockets.items() if family != socket.AF_UNIX]
        return ports[0] if ports else None

    def urls(self, *, secure: bool) -> list[str]:
        """The URLs that clients connect to."""
        scheme = "wss" if secure else "ws"
        return [f"{scheme}+{name}" if name.startswith(_UNIX_PREFIX) else f"{scheme}://{name}/" for name in self.names]

    def adopt(self, sockets: Iterable[socket.socket]) -> None:
        """Take over sockets that listen already."""
        for number, opened in enumerate(sockets):
            self.is_inherited = True
            name = opened.getsockname()
            self._sockets[opened.family, str(number)] = trio.socket.from_stdlib_socket(opened)
            self.names.append(f"{_UNIX_PREFIX}{name}" if opened.family == socket.AF_UNIX else authority(*name[:2]))

    async def open(self, hosts: list[str], port: int) -> None:
        """Listen at every address of ``hosts``, on one port; 0 picks a free one. Raises `SettingsError`."""
        for tries_left in reversed(range(1 if port else _PORT_TRIES)):
            try:
                for host in hosts:
                    if host.startswith(_UNIX_PREFIX):
                        self._open_path(host.removeprefix(_UNIX_PREFIX))
                    else:
                        await self._open_addresses(host, port)
                break
            except _PortTaken:  # the free port of the first address is in use at a second one
                self.close()
                if not tries_left:
                    raise
        self.names += [host if host.startswith(_UNIX_PREFIX) else authority(host, self.port or port) for host in hosts]

    async def _open_addresses(self, host: str, port: int) -> None:
        """Listen at each address of a host name that is an address of this machine."""
        problem: OSError | None = None
        found = await _resolve(host, port)
        for family, address in found:
            if (family, address[0]) in self._sockets:
                continue
            wanted = self.port or port
            try:
                self._sockets[family, address[0]] = await _listen(family, (address[0], wanted, *address[2:]))
            except OSError as error:
                if error.errno not in _UNAVAILABLE_ERRNOS:
                    raise _refusal(host, wanted, error) from error
                problem = error
        if problem is not None and not any((family, address[0]) in self._sockets for family, address in found):
            raise _refusal(host, port, problem) from problem

    def _open_path(self, path: str) -> None:
        """Create a Unix socket and listen at it."""
        try:
            opened = open_unix_socket(path)
        except OSError as error:
            raise SettingsError(f"cannot listen on {_UNIX_PREFIX}{path}: {error.strerror or error}") from error
        self._sockets[socket.AF_UNIX, path] = trio.socket.from_stdlib_socket(opened)
        self._paths.append((Path(path), Path(path).lstat().st_ino))

    def close(self) -> None:
        """Stop listening, and remove the Unix sockets that this object created, unless replaced since."""
        while self._sockets:
            self._sockets.popitem()[1].close()
        while self._paths:
            path, inode = self._paths.pop()
            try:
                if path.lstat().st_ino == inode:
                    path.unlink()
            except OSError as error:
                logger.warning("cannot remove the socket %s: %s", path, error.strerror)


@asynccontextmanager
async def listen(
    settings: Settings, inherited: Iterable[socket.socket] = ()
) -> AsyncIterator[tuple[Listening, Listening]]:
    """Listen for clients, and at the metrics port if one is set, until the context exits.

    Clients connect to the ``inherited`` sockets if there are any, else as ``host`` and ``port`` say. Yields the sockets
    for clients and those for metrics. Raises `SettingsError`.
    """
    addresses = [host for host in settings.hosts if not host.startswith(_UNIX_PREFIX)]
    if not settings.hosts:
        raise SettingsError("host must name at least one address to listen on")
    if settings.metrics_port and not addresses:
        raise SettingsError("metrics_port requires an address or a host name in host")
    if settings.proxy_protocol and not settings.trusted_proxies:
        raise SettingsError("proxy_protocol requires trusted_proxies")
    clients, scrapers = Listening(), Listening()
    try:
        clients.adopt(inherited)
        if not clients.is_inherited:
            await clients.open(settings.hosts, settings.port)
        if settings.metrics_port:
            await scrapers.open(addresses, settings.metrics_port)
        yield clients, scrapers
    finally:
        scrapers.close()
        clients.close()


async def _resolve(host: str, port: int) -> list[tuple[int, Any]]:
    """The addresses of a host name, each with its family. Raises `SettingsError`."""
    try:
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"cannot listen on {host}: {error}; choose another with --host") from error
    return [(family, address) for family, _, _, _, address in found]


async def _listen(family: int, address: tuple[Any, ...]) -> trio.socket.SocketType:
    opened = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # so that 0.0.0.0 can be listed as well
        await opened.bind(address)
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened


def _refusal(host: str, port: int, error: OSError) -> SettingsError:
    text = f"cannot listen on {host}, port {port}: {error.strerror}; choose others with --host and --port"
    return _PortTaken(text) if error.errno == errno.EADDRINUSE else SettingsError(text)
