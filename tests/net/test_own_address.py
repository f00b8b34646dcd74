"""The addresses that are told to people and used by commands on this machine."""

import pytest

from gameserver.net.own_address import at_host, nearest


@pytest.mark.parametrize(
    ("host", "near"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("::1", "::1"), ("192.0.2.7", "192.0.2.7"), ("localhost", "localhost")],
)
def test_what_listens_everywhere_is_reached_by_the_loopback_address_of_its_family(host: str, near: str) -> None:
    assert nearest(host) == near


@pytest.mark.parametrize(("host", "url"), [("192.0.2.7", "wss://192.0.2.7:9/"), ("::1", "wss://[::1]:9/")])
def test_an_url_is_told_by_another_name_of_its_host(host: str, url: str) -> None:
    assert at_host("wss://0.0.0.0:9/", host) == url
