"""Fixtures of the tests of operations."""

from collections.abc import AsyncIterator
from inspect import signature

import pytest

from tests.support.databases import run_on_each
from tests.support.harness import FakeClock, Server
from tests.support.settling import Table, faults_of, lay_table
from tests.support.world import World, build_world

# What these many tests show is decided before the database is asked, or by statements that the others have run.
UNLIKE = ("create_games", "errors", "general", "json_bombs", "roles", "view_keys")
NOT_OF_THE_ENGINE = {f"test_{topic}" for topic in UNLIKE}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests whose server may have any database with each engine."""
    topic = metafunc.module.__name__.split(".")[-1]
    any_database = "location" in metafunc.fixturenames and "database" not in signature(metafunc.function).parameters
    if any_database and topic not in NOT_OF_THE_ENGINE:
        run_on_each(metafunc)


@pytest.fixture
async def world(server: Server) -> World:
    """A source with games and a user of each role, on a running server."""
    return await build_world(server)


@pytest.fixture
async def table(server: Server, clock: FakeClock, location: str) -> AsyncIterator[Table]:
    """A game to bet on, on a running server whose database must be sound at the end."""
    yield await lay_table(server, clock)
    assert faults_of(location) == []
