"""Fixtures of the tests against models."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.databases import engines
from tests.support.machines import NewDatabase
from tests.support.postgres import Cluster


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests that make databases, one for each example, with each engine."""
    if "new_database" in metafunc.fixturenames and len(engines()) > 1:
        metafunc.parametrize("engine", engines(), indirect=True)


@contextmanager
def _file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "game.db"


@pytest.fixture
def new_database(engine: str, request: pytest.FixtureRequest) -> NewDatabase:
    """What makes an empty database: a file, or the URL of one of PostgreSQL."""
    if engine == "sqlite":
        return _file
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.database
