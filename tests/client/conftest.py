"""The game that clients listen to."""

import pytest

from tests.support.harness import FakeClock, Server
from tests.support.settling import Table, lay_table


@pytest.fixture
async def table(server: Server, clock: FakeClock) -> Table:
    """A game with a pool's worth of targets, and its admin."""
    return await lay_table(server, clock)
