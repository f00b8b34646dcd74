"""Where the server listens: several addresses on one port, names, Unix sockets, what systemd has opened."""

import errno
import logging
import os
import resource
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.config import Settings, SettingsError
from gameserver.net import listening as listening
from gameserver.net.descriptors import raise_descriptor_limit
from gameserver.net.listening import Listening, listen
from gameserver.ops.systemd import Systemd
from gameserver.realtime.listener import accept_connections
from tests.support.harness import Server, running_server
from tests.support.wire import Peer, plain, request

ELSEWHERE = "203.0.113.1"  # no address of this machine


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that tell the addresses they have, such as ``127_0_0_1-127_0_0_2``."""
    real = trio.socket.getaddrinfo

    async def getaddrinfo(host: str, port: int, **options: Any) -> Any:
        if "_" not in host:
            return await real(host, port, **options)
        addresses = [part.replace("_", ".") for part in host.split("-")]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(trio.socket, "getaddrinfo", getaddrinfo)


def settings(host: str, **others: Any) -> Settings:
    return Settings(host=host, **{"port": 0, **others})


def addresses_of(listening: Listening) -> list[str]:
    return [listener.socket.getsockname()[0] for listener in listening.listeners]


def ports_of(listening: Listening) -> set[int]:
    return {listener.socket.getsockname()[1] for listener in listening.listeners}


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


# Addresses and names


async def test_several_addresses_share_the_port_that_the_system_chose() -> None:
    async with listen(settings("127.0.0.1, 127.0.0.2")) as (clients, scrapers):
        assert addresses_of(clients) == ["127.0.0.1", "127.0.0.2"]
        assert ports_of(clients) == {clients.port}
        assert clients.urls(secure=False) == [f"ws://127.0.0.{last}:{clients.port}/" for last in (1, 2)]
        assert clients.urls(secure=True)[0] == f"wss://127.0.0.1:{clients.port}/"
        assert scrapers.listeners == []


@pytest.mark.usefixtures("names")
async def test_a_name_of_several_addresses_has_one_port_and_one_url() -> None:
    async with listen(settings("127_0_0_1-127_0_0_2")) as (clients, _):
        assert addresses_of(clients) == ["127.0.0.1", "127.0.0.2"]
        assert ports_of(clients) == {clients.port}
        assert clients.urls(secure=False) == [f"ws://127_0_0_1-127_0_0_2:{clients.port}/"]


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_both_families_can_be_listened_on_at_once() -> None:
    async with listen(settings("0.0.0.0,::")) as (clients, _):
        assert addresses_of(clients) == ["0.0.0.0", "::"]
        assert clients.urls(secure=False) == [f"ws://0.0.0.0:{clients.port}/", f"ws://[::]:{clients.port}/"]
        for address in ("127.0.0.1", "::1"):
            (await trio.open_tcp_stream(address, clients.port or 0)).socket.close()


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("name", ["127_0_0_1-203_0_113_1", "203_0_113_1-127_0_0_1"])
async def test_an_address_of_a_name_that_is_not_here_is_passed_over(name: str) -> None:
    async with listen(settings(name)) as (clients, _):
        assert addresses_of(clients) == ["127.0.0.1"]


@pytest.mark.usefixtures("names")
async def test_a_family_that_is_switched_off_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    make = trio.socket.socket

    def without_second(family: int, kind: int) -> Any:
        if made:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        made.append(make(family, kind))
        return made[-1]

    made: list[Any] = []
    monkeypatch.setattr(trio.socket, "socket", without_second)
    async with listen(settings("127_0_0_1-127_0_0_2")) as (clients, _):
        assert addresses_of(clients) == ["127.0.0.1"]


@pytest.mark.usefixtures("names")
async def test_an_address_that_comes_twice_is_listened_on_once() -> None:
    async with listen(settings("127.0.0.1,127_0_0_1-127_0_0_2,127.0.0.2")) as (clients, _):
        assert addresses_of(clients) == ["127.0.0.1", "127.0.0.2"]


async def test_if_the_chosen_port_is_taken_elsewhere_another_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals, real, tried = 3, listening._listen, []

    async def listen_at(family: int, address: tuple[Any, ...]) -> Any:
        if address[0] == "127.0.0.2":
            tried.append(address[1])
            if len(tried) <= refusals:
                raise OSError(errno.EADDRINUSE, "Address already in use")
        return await real(family, address)

    monkeypatch.setattr(listening, "_listen", listen_at)
    async with listen(settings("127.0.0.1,127.0.0.2")) as (clients, _):
        assert len(tried) == refusals + 1
        assert ports_of(clients) == {tried[-1]}
    tried.clear()
    refusals = 1_000
    with pytest.raises(SettingsError, match="already in use"):
        async with listen(settings("127.0.0.1,127.0.0.2")):
            pass
    tried.clear()
    with pytest.raises(SettingsError, match="already in use"):
        async with listen(settings("127.0.0.1,127.0.0.2", port=clients.port or 1)):
            pass
    assert len(tried) == 1


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("host", "told"),
    [
        (ELSEWHERE, f"cannot listen on {ELSEWHERE}, port 0: .*address"),
        ("203_0_113_1-203_0_113_2", "cannot listen on 203_0_113_1-203_0_113_2"),
        ("nowhere.invalid", "cannot listen on nowhere.invalid: "),
        (f"127.0.0.1,{ELSEWHERE}", f"cannot listen on {ELSEWHERE}"),
        (" , ", "host must name at least one"),
        ("x" * 300, "cannot listen on xxx"),
    ],
)
async def test_what_cannot_be_listened_on_is_refused_in_words(host: str, told: str) -> None:
    with pytest.raises(SettingsError, match=f"(?i){told}"):
        async with listen(settings(host)):
            pass


async def test_a_port_in_use_is_refused() -> None:
    async with listen(settings("127.0.0.1")) as (clients, _):
        with pytest.raises(SettingsError, match="already in use"):
            async with listen(settings("127.0.0.1", port=clients.port or 1)):
                pass


# Unix sockets


async def test_a_unix_socket_is_made_for_owner_and_group_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "clients"
    async with listen(settings(f"127.0.0.1,unix:{path}")) as (clients, _):
        assert path.stat().st_mode & 0o7777 == 0o660
        assert clients.urls(secure=False) == [f"ws://127.0.0.1:{clients.port}/", f"ws+unix:{path}"]
        (await trio.open_unix_socket(path)).socket.close()
    assert not path.exists()


async def test_a_unix_socket_alone_has_no_port(tmp_path: Path) -> None:
    async with listen(settings(f"unix:{tmp_path / 'clients'}")) as (clients, _):
        assert (clients.port, len(clients.listeners)) == (None, 1)


async def test_a_socket_that_a_crash_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "clients"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with listen(settings(f"unix:{path}")):
        (await trio.open_unix_socket(path)).socket.close()


async def test_a_socket_at_which_somebody_listens_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "clients"
    async with listen(settings(f"unix:{path}")):
        with pytest.raises(SettingsError, match="another program listens at the path"):
            async with listen(settings(f"unix:{path}")):
                pass
        (await trio.open_unix_socket(path)).socket.close()


async def test_a_socket_whose_queue_is_full_is_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "clients")
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as first:
        busy.bind(path)
        busy.listen(0)
        first.connect(path)
        with pytest.raises(SettingsError, match="another program listens at the path"):
            async with listen(settings(f"unix:{path}")):
                pass


async def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("precious")
    with pytest.raises(SettingsError, match="is not a socket"):
        async with listen(settings(f"unix:{file}")):
            pass
    assert file.read_text() == "precious"


@pytest.mark.parametrize("path", ["{}/no/such/folder", "{}/" + "x" * 200, ""])
async def test_a_path_that_will_not_do_is_refused_in_words(tmp_path: Path, path: str) -> None:
    with pytest.raises(SettingsError, match="cannot listen on unix:"):
        async with listen(settings(f"unix:{path.format(tmp_path)}")):
            pass


async def test_a_socket_that_another_has_put_in_its_place_stays(tmp_path: Path) -> None:
    path = tmp_path / "clients"
    async with listen(settings(f"unix:{path}")):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


@pytest.mark.parametrize(
    ("others", "direct", "forwarded"),
    [
        ({}, 403, 403),
        ({"metrics_addresses": ("unix",)}, 200, 403),
        ({"metrics_addresses": ("203.0.113.9",)}, 403, 403),
        ({"metrics_addresses": ("203.0.113.9",), "trusted_proxies": ("unix",)}, 403, 200),
    ],
)
async def test_who_comes_by_a_unix_socket_is_believed_if_that_is_trusted(
    database: Path, tmp_path: Path, others: dict[str, Any], direct: int, forwarded: int
) -> None:
    path = tmp_path / "clients"
    async with (
        running_server(database, **others) as server,
        listen(settings(f"unix:{path}")) as (clients, _),
        trio.open_nursery() as nursery,
    ):
        await nursery.start(accept_connections, server.context, clients.listeners, nursery)

        async def status(**headers: str) -> int:
            peer = Peer(await trio.open_unix_socket(path))
            await peer.send(plain("GET", "/metrics", Host="localhost", **headers))
            answered = (await peer.response()).status
            await peer.stream.aclose()
            return answered

        assert await status() == direct
        assert await status(**{"X-Forwarded-For": "203.0.113.9"}) == forwarded
        player = Peer(await trio.open_unix_socket(path))
        await player.shake_hands(request(1))
        assert (await player.message())["res"] == 1
        await player.stream.aclose()
        nursery.cancel_scope.cancel()


# What systemd has opened


def given(monkeypatch: pytest.MonkeyPatch, *opened: socket.socket) -> Systemd:
    """systemd's environment in which these sockets are the first ones."""
    numbers = sorted(one.fileno() for one in opened)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    monkeypatch.setattr("gameserver.ops.systemd._FIRST_SOCKET", numbers[0])
    return Systemd({"LISTEN_FDS": str(len(opened)), "LISTEN_PID": "7"}, 7)


def listening_socket() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


async def test_sockets_of_systemd_are_listened_on_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tcp, unix = listening_socket(), socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "clients"))
    unix.listen()
    port = tcp.getsockname()[1]
    systemd = given(monkeypatch, tcp, unix)
    tcp.set_inheritable(True)
    taken = systemd.take_sockets()
    for given_away in (tcp, unix):
        given_away.detach()
    async with listen(settings("127.0.0.9", port=1), taken) as (clients, _):
        assert clients.is_inherited
        assert clients.port == port
        assert clients.urls(secure=False) == [f"ws://127.0.0.1:{port}/", f"ws+unix:{tmp_path / 'clients'}"]
        assert not any(os.get_inheritable(listener.socket.fileno()) for listener in clients.listeners)
        (await trio.open_tcp_stream("127.0.0.1", port)).socket.close()
        (await trio.open_unix_socket(tmp_path / "clients")).socket.close()
    assert (tmp_path / "clients").exists()  # it is systemd's


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "8"}, {"LISTEN_FDS": "-1", "LISTEN_PID": "7"}],
)
def test_sockets_that_are_for_somebody_else_are_not_taken(environment: dict[str, str]) -> None:
    assert Systemd(environment, 7).take_sockets() == []


def test_what_accepts_no_connections_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as idle, socket.socket(type=socket.SOCK_DGRAM) as packets, Path(os.devnull).open() as file:
        for wrong in (idle, packets, file):
            monkeypatch.setattr("gameserver.ops.systemd._FIRST_SOCKET", wrong.fileno())
            with pytest.raises(SettingsError, match="ListenStream="):
                Systemd({"LISTEN_FDS": "1", "LISTEN_PID": "7"}, 7).take_sockets()


# Metrics at a port of their own


async def test_metrics_can_have_a_port_of_their_own(database: Path) -> None:
    async def answers(server: Server, *, at_metrics_port: bool) -> list[int]:
        answered = []
        for method, path in [("GET", "/metrics"), ("OPTIONS", "/metrics"), ("GET", "/healthz"), ("GET", "/x")]:
            peer = Peer(server.open_stream("127.0.0.1", at_metrics_port=at_metrics_port))
            await peer.send(plain(method, path, Host="localhost"))
            answered.append((await peer.response()).status)
            await peer.stream.aclose()
        return answered

    async with running_server(database, metrics_port=9998) as server:
        assert await answers(server, at_metrics_port=False) == [404, 404, 200, 404]
        assert await answers(server, at_metrics_port=True) == [200, 200, 200, 404]
        peer = Peer(server.open_stream("127.0.0.1", at_metrics_port=True))
        with pytest.raises(AssertionError, match="404"):
            await peer.shake_hands()
        peer = Peer(server.open_stream("203.0.113.1", at_metrics_port=True))
        await peer.send(plain("GET", "/metrics", Host="localhost"))
        assert (await peer.response()).status == 403


async def test_the_port_for_metrics_is_opened_at_every_address(tmp_path: Path) -> None:
    with closing(listening_socket()) as free:
        port = free.getsockname()[1]
    host = f"127.0.0.1,unix:{tmp_path / 'clients'},127.0.0.2"
    async with listen(settings(host, metrics_port=port)) as (_, scrapers):
        assert addresses_of(scrapers) == ["127.0.0.1", "127.0.0.2"]
        assert ports_of(scrapers) == {port}


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"host": "unix:/x", "metrics_port": 1}, "metrics_port requires"),
        ({"proxy_protocol": True}, "proxy_protocol requires trusted_proxies"),
    ],
)
async def test_settings_that_make_no_sense_together_are_refused(others: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        async with listen(Settings(port=0, **others)):
            pass


# Descriptors


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "warned"),
    [
        (1024, 65_536, 65_536, False),
        (1024, 4096, 4096, True),
        (256, resource.RLIM_INFINITY, 20_400, False),
        (10**6, resource.RLIM_INFINITY, 10**6, False),
    ],
)
def test_all_descriptors_that_may_be_had_are_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, soft: int, hard: int, wanted: int, warned: bool
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: asked.append(limits))
    raise_descriptor_limit(20_000)
    assert asked == [(wanted, hard)]
    fields = [record.__dict__["fields"] for record in caplog.records if record.levelno == logging.WARNING]
    assert fields == ([{"descriptors": wanted, "max_connections": 20_000}] if warned else [])


def test_a_system_that_gives_no_more_descriptors_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(which: int, limits: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    raise_descriptor_limit(20_000)
    assert [record.__dict__["fields"]["descriptors"] for record in caplog.records] == [256]
