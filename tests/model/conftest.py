"""Fixtures of the tests against models."""

from pathlib import Path

import pytest

from tests.support.databases import run_on_each
from tests.support.machines import NewDatabase, new_files
from tests.support.postgres import Cluster


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of any database, or of many that are new, with each engine."""
    if "engine" in metafunc.fixturenames:
        run_on_each(metafunc)


@pytest.fixture
def new_database(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> NewDatabase:
    """What makes an empty database: a file, or the URL of one of PostgreSQL."""
    if engine == "sqlite":
        return new_files(tmp_path)
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.database
