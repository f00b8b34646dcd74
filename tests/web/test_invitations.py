"""Invitations lead to the console at an address by which players reach the server."""

import re

import pytest

from gameserver.config import Settings
from gameserver.net.own_address import LOOPBACK, is_loopback, own_address
from gameserver.web import invitations
from gameserver.web.invitations import qr_path, reachable
from tests.support.http import HttpClient, assert_http_refused, client_of, content
from tests.support.settling import Table

LAN = "192.168.7.20"


@pytest.fixture(autouse=True)
def in_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a machine in a network of its own."""
    monkeypatch.setattr(invitations, "own_address", lambda: LAN)


async def test_an_invitation_has_the_game_at_the_host_that_was_asked(table: Table) -> None:
    client = await client_of(table.server, "ann")
    invitation = content(await client.get(f"/r/invitations/{table.game}/", Host="play.example:9999"))
    assert invitation["url"] == f"http://play.example:9999/#/game/{table.game}"
    assert invitation["is_reachable"] is True
    assert (invitation["size"], invitation["path"]) == qr_path(invitation["url"])


async def test_an_invitation_by_a_loopback_address_says_that_nobody_else_reaches_it(table: Table) -> None:
    client = await client_of(table.server, "ann")
    for host in ("127.0.0.1:9999", "localhost:9999", "[::1]:9999"):
        invitation = content(await client.get(f"/r/invitations/{table.game}/", Host=host))
        assert (invitation["url"], invitation["is_reachable"]) == (f"http://{host}/#/game/{table.game}", False)


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::", "127.0.0.1, ::"])
def test_a_server_that_listens_everywhere_is_reached_by_its_own_address(everywhere: str) -> None:
    settings = Settings(host=everywhere)
    assert reachable("localhost:9999", settings) == f"{LAN}:9999"
    assert reachable("127.0.0.1", settings) == LAN
    assert reachable("play.example:9999", settings) == "play.example:9999"


async def test_an_invitation_is_for_users_and_for_games(table: Table) -> None:
    stranger = HttpClient(table.server)
    assert_http_refused(await stranger.get(f"/r/invitations/{table.game}"), 401, "not_logged_in")
    client = await client_of(table.server, "ann")
    assert_http_refused(await client.get("/r/invitations/<script>"), 400, "invalid_parameter", "game_id")


def test_the_path_draws_what_the_code_has() -> None:
    size, path = qr_path("https://example.org/")
    drawn = [[False] * size for _ in range(size)]
    for x, y, length, back in re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path):
        assert length == back
        for column in range(int(x), int(x) + int(length)):
            drawn[int(y)][column] = True
    eye = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]
    for top, left in ((4, 4), (4, size - 11), (size - 11, 4)):
        assert ["".join(str(int(cell)) for cell in row[left : left + 7]) for row in drawn[top : top + 7]] == eye
    assert not any(any(row) for row in (*drawn[:4], *drawn[-4:]))


def test_the_own_address_is_none_of_the_machine_itself_unless_there_is_no_network() -> None:
    address = own_address()
    assert address == LOOPBACK or not is_loopback(address)
    assert is_loopback("localhost")
    assert is_loopback("127.8.8.8")
    assert not is_loopback(LAN)
    assert not is_loopback("play.example")
