"""Fixtures of the tests of operations."""

import pytest

from tests.support.harness import Server
from tests.support.world import World, build_world


@pytest.fixture
async def world(server: Server) -> World:
    """A source with games and a user of each role, on a running server."""
    return await build_world(server)
