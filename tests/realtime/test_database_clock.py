"""Servers on one database go by its clock, however those of their machines are set."""

import time

import pytest

from gameserver.realtime.clock import Clock
from tests.support.harness import FakeClock, running_server


class WrongClock(FakeClock):
    """That of a machine which is set wrong by so many seconds."""

    follow = Clock.follow

    def __init__(self, wrong_s: int) -> None:
        Clock.__init__(self, lambda: time.time() + wrong_s)


@pytest.fixture
def engine() -> str:
    """Only a database server has a clock of its own."""
    return "postgres"


@pytest.mark.parametrize("wrong_s", [3600, -3600])
async def test_a_server_whose_machine_shows_another_time_goes_by_the_databases(location: str, wrong_s: int) -> None:
    async with running_server(location, WrongClock(wrong_s)) as server:
        await server.add_user("ann")
        client = await server.connect("ann")
        t = (await client.call(1))["response_header"]["t"]
    assert abs(t / 1000 - time.time()) < 60
