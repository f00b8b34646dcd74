"""Where the server listens: addresses and names, Unix sockets, and what systemd has opened for it."""

import errno
import logging
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from gameserver.config import UNIX, Settings, SettingsError
from gameserver.realtime.unix_sockets import BACKLOG, open_unix_socket

logger = logging.getLogger(__name__)

_UNIX_PREFIX = f"{UNIX}:"
_PORT_TRIES = 20
# What is wrong with one address of a name: its family is switched off, or it is not one of this machine.
_NOT_HERE = frozenset({errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL})


class _PortTaken(SettingsError):
    pass


class Listening:
    """Listening sockets, and what they are called: ``localhost:9999``, ``[::1]:9999``, ``unix:PATH``."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.is_inherited = False
        self._sockets: dict[tuple[int, str], trio.socket.SocketType] = {}  # by family and address
        self._paths: list[tuple[Path, int]] = []

    @property
    def listeners(self) -> list[trio.SocketListener]:
        """Where connections come in."""
        return [trio.SocketListener(opened) for opened in self._sockets.values()]

    @property
    def port(self) -> int | None:
        """The port, the same at every address; None for Unix sockets alone."""
        ports = [opened.getsockname()[1] for (family, _), opened in self._sockets.items() if family != socket.AF_UNIX]
        return ports[0] if ports else None

    def urls(self, *, secure: bool) -> list[str]:
        """Where clients connect to."""
        scheme = "wss" if secure else "ws"
        return [f"{scheme}+{name}" if name.startswith(_UNIX_PREFIX) else f"{scheme}://{name}/" for name in self.names]

    def adopt(self, sockets: Iterable[socket.socket]) -> None:
        """Listen on what somebody else has opened."""
        for number, opened in enumerate(sockets):
            self.is_inherited = True
            name = opened.getsockname()
            self._sockets[opened.family, str(number)] = trio.socket.from_stdlib_socket(opened)
            self.names.append(f"{_UNIX_PREFIX}{name}" if opened.family == socket.AF_UNIX else _named(*name[:2]))

    async def open(self, hosts: list[str], port: int) -> None:
        """Listen at every address of ``hosts``, on one port. Raises `SettingsError`."""
        for tries_left in reversed(range(1 if port else _PORT_TRIES)):
            try:
                for host in hosts:
                    if host.startswith(_UNIX_PREFIX):
                        self._open_path(host.removeprefix(_UNIX_PREFIX))
                    else:
                        await self._open_addresses(host, port)
                break
            except _PortTaken:  # by another, at a second address of ours: the system chose it for the first
                self.close()
                if not tries_left:
                    raise
        self.names += [host if host.startswith(_UNIX_PREFIX) else _named(host, self.port or port) for host in hosts]

    async def _open_addresses(self, host: str, port: int) -> None:
        """Listen at each address of this machine that a name has."""
        problem: OSError | None = None
        found = await _resolve(host, port)
        for family, address in found:
            if (family, address[0]) in self._sockets:
                continue
            wanted = self.port or port
            try:
                self._sockets[family, address[0]] = await _listen(family, (address[0], wanted, *address[2:]))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise _refusal(host, wanted, error) from error
                problem = error
        if problem is not None and not any((family, address[0]) in self._sockets for family, address in found):
            raise _refusal(host, port, problem) from problem

    def _open_path(self, path: str) -> None:
        """Listen at a Unix socket."""
        try:
            opened = open_unix_socket(path)
        except OSError as error:
            raise SettingsError(f"cannot listen on {_UNIX_PREFIX}{path}: {error.strerror or error}") from error
        self._sockets[socket.AF_UNIX, path] = trio.socket.from_stdlib_socket(opened)
        self._paths.append((Path(path), Path(path).lstat().st_ino))

    def close(self) -> None:
        """Stop listening. The Unix sockets that were made are removed, unless others have taken their place."""
        while self._sockets:
            self._sockets.popitem()[1].close()
        while self._paths:
            path, inode = self._paths.pop()
            try:
                if path.lstat().st_ino == inode:
                    path.unlink()
            except OSError as error:
                logger.warning("the socket %s could not be removed: %s", path, error.strerror)


@asynccontextmanager
async def listen(
    settings: Settings, inherited: Iterable[socket.socket] = ()
) -> AsyncIterator[tuple[Listening, Listening]]:
    """Listen for clients, where ``inherited`` does or as the settings say, and at the port for metrics if there is one.

    Raises `SettingsError`.
    """
    addresses = [host for host in settings.hosts if not host.startswith(_UNIX_PREFIX)]
    if not settings.hosts:
        raise SettingsError("host names nothing to listen on")
    if settings.metrics_port and not addresses:
        raise SettingsError("metrics_port needs an address or a name in host")
    if settings.proxy_protocol and not settings.trusted_proxies:
        raise SettingsError("proxy_protocol needs trusted_proxies: nobody else is believed")
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
    """The addresses that a name has, each with its family."""
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
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # so that 0.0.0.0 can be listed too
        await opened.bind(address)
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened


def _refusal(host: str, port: int, error: OSError) -> SettingsError:
    text = f"cannot listen on {host}, port {port}: {error.strerror}; choose others with --host and --port"
    return _PortTaken(text) if error.errno == errno.EADDRINUSE else SettingsError(text)


def _named(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
